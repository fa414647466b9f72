package model

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strings"
)

// Dump is what registers hold, by function and address.
type Dump map[byte]map[uint16]uint16

// Put takes note of registers from an address on.
func (d Dump) Put(function byte, address uint16, words []uint16) {
	if d[function] == nil {
		d[function] = map[uint16]uint16{}
	}
	for i, w := range words {
		d[function][address+uint16(i)] = w
	}
}

// Clone is a dump that can be changed by itself.
func (d Dump) Clone() Dump {
	out := Dump{}
	for function, words := range d {
		out[function] = maps.Clone(words)
	}
	return out
}

// Words are the registers of a block; ok is false where one is not there.
func (d Dump) Words(b Block) (words []uint16, ok bool) {
	for i := range b.Count {
		w, ok := d[b.Function][b.Address+i]
		if !ok {
			return nil, false
		}
		words = append(words, w)
	}
	return words, true
}

// bytes are a register's words as bytes, the most significant first.
func (r Register) bytes(words []uint16) []byte {
	var b []byte
	for i := range words {
		w := words[i]
		if r.Low && !r.Type.sized() {
			w = words[len(words)-1-i]
		}
		if r.Swapped {
			w = w<<8 | w>>8
		}
		b = binary.BigEndian.AppendUint16(b, w)
	}
	return b
}

// number is what a register holds, exactly.
func (r Register) number(words []uint16) (*big.Rat, error) {
	b := r.bytes(words)
	unsigned := new(big.Int).SetBytes(b)
	switch r.Type {
	case Uint16, Uint32, Uint64:
		return new(big.Rat).SetInt(unsigned), nil
	case Int16, Int32, Int64:
		return new(big.Rat).SetInt(signed(unsigned, 8*len(b))), nil
	case Float32:
		return ofFloat(float64(math.Float32frombits(binary.BigEndian.Uint32(b))))
	case Float64:
		return ofFloat(math.Float64frombits(binary.BigEndian.Uint64(b)))
	case T5, T6:
		mantissa := new(big.Int).SetBytes(b[1:])
		if r.Type == T6 {
			mantissa = signed(mantissa, 24)
		}
		return new(big.Rat).Mul(new(big.Rat).SetInt(mantissa), tenTo(int(int8(b[0])))), nil
	}
	return nil, fmt.Errorf("a %s is no number", r.Type)
}

func signed(n *big.Int, bits int) *big.Int {
	if n.Bit(bits-1) == 1 {
		n = new(big.Int).Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(bits)))
	}
	return n
}

func ofFloat(f float64) (*big.Rat, error) {
	n := new(big.Rat).SetFloat64(f) // exact
	if n == nil {
		return nil, errors.New("is not a number")
	}
	return n, nil
}

func tenTo(exponent int) *big.Rat {
	n := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exponent, -exponent))), nil))
	if exponent < 0 {
		n.Inv(n)
	}
	return n
}

// text is what a register says, as people read it: a text without what fills it up, the digits of a number.
func (r Register) text(words []uint16) (string, error) {
	b := r.bytes(words)
	switch r.Type {
	case Text:
		b = bytes.ReplaceAll(b, []byte{0}, nil) // it fills up a text, or each word that has one letter
		b = bytes.TrimSpace(bytes.TrimRight(b, "\xFF"))
		if i := slices.IndexFunc(b, func(c byte) bool { return c < ' ' || c > '~' }); i >= 0 {
			return "", fmt.Errorf("byte %02X is no letter", b[i])
		}
		return string(b), nil
	case BCD, Hex:
		digits := fmt.Sprintf("%X", b)
		if r.Type == BCD && strings.ContainsAny(digits, "ABCDEF") {
			return "", fmt.Errorf("%s is no number of decimal digits", digits)
		}
		return digits, nil
	}
	n, err := r.number(words)
	if err != nil {
		return "", err
	}
	return n.RatString(), nil
}

// Holds tells whether the words of the condition's register are one of those that it wants.
func (c Condition) Holds(words []uint16) bool {
	if c.Type.sized() {
		text, err := c.text(words)
		return err == nil && c.Is.hasText(text)
	}
	n, err := c.number(words)
	return err == nil && c.Is.has(n)
}

func (s Set) has(n *big.Rat) bool {
	return slices.ContainsFunc(s, func(m Member) bool {
		return m.From != nil && m.From.Cmp(n) <= 0 && n.Cmp(m.To) <= 0
	})
}

func (s Set) hasText(text string) bool {
	return slices.ContainsFunc(s, func(m Member) bool {
		return m.From == nil && (m.Text == text || m.Begins && strings.HasPrefix(text, m.Text))
	})
}

// value is a quantity in whole Wh, W, mV, mA or mHz.
func (v Value) value(d Dump) (int64, error) {
	sum := new(big.Rat)
	for _, p := range v.Parts {
		n, err := p.value(d)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", v.Name, err)
		}
		sum.Add(sum, n)
	}
	n, ok := round(sum)
	if !ok {
		return 0, fmt.Errorf("%s is out of range", v.Name)
	}
	return n, nil
}

func (p Part) value(d Dump) (*big.Rat, error) {
	words, ok := d.Words(p.Block())
	if !ok {
		return nil, fmt.Errorf("register %d (%04X) is not there", p.Address, p.Address)
	}
	if p.Absent.has(new(big.Rat).SetInt(new(big.Int).SetBytes(p.bytes(words)))) {
		return nil, errors.New("is not available")
	}
	n, err := p.number(words)
	if err != nil {
		return nil, err
	}
	n = new(big.Rat).Mul(n, p.Factor)
	if p.Scale == nil {
		return n, nil
	}
	words, ok = d.Words(p.Scale.Block())
	if !ok {
		return nil, fmt.Errorf("scale register %04X was not read", p.Scale.Address)
	}
	scale, err := p.Scale.number(words)
	if err != nil {
		return nil, err
	}
	if !scale.IsInt() || scale.Cmp(big.NewRat(mostScale, 1)) > 0 || scale.Cmp(big.NewRat(-mostScale, 1)) < 0 {
		return nil, fmt.Errorf("scale register %04X holds %v, which is no exponent of ten", p.Scale.Address,
			scale.RatString())
	}
	return n.Mul(n, tenTo(int(scale.Num().Int64()))), nil
}

// mostScale is the largest exponent that SunSpec allows.
const mostScale = 10

// round rounds to an integer, half up.
func round(r *big.Rat) (n int64, ok bool) {
	twice := new(big.Int).Add(new(big.Int).Mul(r.Num(), big.NewInt(2)), r.Denom())
	whole := new(big.Int).Div(twice, new(big.Int).Mul(r.Denom(), big.NewInt(2)))
	return whole.Int64(), whole.IsInt64()
}
