package simulator

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"

	"kioskd/meter/model"
	"kioskd/modbus"
)

// Meter is a bay's meter as a device on a bus. Its registers are those of its model's first vector, with what the bay's
// meter shows in them; what lies in a range of the model besides is 0.
type Meter struct {
	// Silent lets it say nothing where it has no register, as some meters do, in place of an exception.
	Silent bool

	bay    *Bay
	layout model.Layout
	base   model.Dump
}

// MeterOf is a bay's meter of a model.
func MeterOf(m *model.Model, b *Bay) *Meter { return MeterLike(m, m.Vectors[0], b) }

// MeterLike is a bay's meter of a model, as one of its vectors has it.
func MeterLike(m *model.Model, v model.Vector, b *Bay) *Meter {
	at, err := m.PartsIn(v.Dump)
	if err != nil {
		panic(err) // the vector was proven when the file was read
	}
	return &Meter{bay: b, layout: m.Layout(at, v.Dump), base: Registers(m, v)}
}

// Registers are those of a meter of a model, with what one of its vectors has in them.
func Registers(m *model.Model, v model.Vector) model.Dump {
	out := model.Dump{}
	known := slices.Clone(m.Ranges)
	if m.Canary != nil {
		known = append(known, *m.Canary)
	}
	for _, r := range known {
		out.Put(r.Function, r.Address, make([]uint16, r.Count))
	}
	for function, words := range v.Dump {
		for address, w := range words {
			out.Put(function, address, []uint16{w})
		}
	}
	return out
}

// MeterByName is the simulated meter of a built-in model.
func MeterByName(name string, b *Bay) (*Meter, error) {
	m, err := model.Find("", name)
	if err != nil {
		return nil, err
	}
	return MeterOf(m, b), nil
}

// Answer implements Unit. It is true, unless the meter lies.
func (m *Meter) Answer(pdu []byte) []byte {
	switch m.bay.Lying() {
	case Mute:
		return nil
	case Rejects:
		return []byte{pdu[0] | 0x80, 2}
	}
	return m.answer(pdu, m.bay.Shown())
}

// answer reads registers, all of one moment.
func (m *Meter) answer(pdu []byte, s State) []byte {
	no := func(code byte) []byte {
		if m.Silent {
			return nil
		}
		return []byte{pdu[0] | 0x80, code}
	}
	if len(pdu) != 5 || pdu[0] != modbus.ReadHolding && pdu[0] != modbus.ReadRegisters {
		return no(1)
	}
	b := model.Block{Function: pdu[0], Address: binary.BigEndian.Uint16(pdu[1:]),
		Count: binary.BigEndian.Uint16(pdu[3:])}
	if b.Count == 0 || b.Count > m.layout.Line.Most {
		return no(3)
	}
	words, ok := m.Dump(s).Words(b)
	if !ok {
		return no(2)
	}
	out := []byte{pdu[0], byte(2 * b.Count)}
	for _, w := range words {
		out = binary.BigEndian.AppendUint16(out, w)
	}
	return out
}

// Dump is what the registers of the meter hold in a state.
func (m *Meter) Dump(s State) model.Dump {
	d := m.base.Clone()
	m.putSerial(d, s.Serial)
	phases := int64(m.layout.Phases)
	for _, v := range m.layout.Values {
		kind, phase, _ := strings.Cut(v.Name, "_l")
		n := int64(0)
		switch kind {
		case model.Import:
			n = int64(s.Register)
		case model.Power:
			n = int64(s.Power)
		case "voltage":
			n = 230_000 + 100*int64(phase[0]-'0')
		case "current":
			n = int64(s.Power) * 1000 / 230 / phases
		case model.Frequency:
			n = 50_000
		}
		putValue(d, v, n)
	}
	return d
}

// putValue writes a quantity into its registers: the first of its parts takes as much as it can.
func putValue(d model.Dump, v model.Value, n int64) {
	rest := new(big.Rat).SetInt64(n)
	for _, p := range v.Parts {
		one := new(big.Rat).Set(p.Factor)
		if p.Scale != nil {
			words, _ := d.Words(p.Scale.Block())
			exponent := int64(int16(words[0]))
			one.Mul(one, tenTo(exponent))
			for p.Type == model.Int16 && new(big.Rat).Quo(rest, one).Cmp(big.NewRat(math.MaxInt16-1, 1)) > 0 {
				exponent++
				one.Mul(one, big.NewRat(10, 1))
				d.Put(p.Scale.Function, p.Scale.Address, []uint16{uint16(exponent)})
			}
		}
		raw := new(big.Rat).Quo(rest, one)
		words, took := number(p.Register, raw)
		d.Put(p.Function, p.Address, words)
		rest.Sub(rest, new(big.Rat).Mul(took, one))
	}
}

func tenTo(exponent int64) *big.Rat {
	ten := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(max(exponent, -exponent)), nil))
	if exponent < 0 {
		ten.Inv(ten)
	}
	return ten
}

// number is how a register writes a number, and what of it that is.
func number(r model.Register, n *big.Rat) (words []uint16, took *big.Rat) {
	f, _ := n.Float64()
	switch r.Type {
	case model.Float32:
		b := math.Float32bits(float32(f))
		return laid(r, binary.BigEndian.AppendUint32(nil, b)), new(big.Rat).SetFloat64(float64(float32(f)))
	case model.Float64:
		return laid(r, binary.BigEndian.AppendUint64(nil, math.Float64bits(f))), new(big.Rat).SetFloat64(f)
	case model.T5, model.T6: // three decimals, or none where there is no room for them
		exponent, mantissa := -3, whole(new(big.Rat).Mul(n, big.NewRat(1000, 1)))
		if mantissa >= 1<<23 || mantissa < -1<<23 {
			exponent, mantissa = 0, whole(n)
		}
		return laid(r, binary.BigEndian.AppendUint32(nil, uint32(exponent)<<24|uint32(mantissa)&0xFFFFFF)), n
	}
	v := whole(n)
	unsigned := r.Type == model.Uint16 || r.Type == model.Uint32 || r.Type == model.Uint64
	if unsigned && v < 0 {
		v = 0
	}
	b := binary.BigEndian.AppendUint64(nil, uint64(v))
	return laid(r, b[8-2*int(r.Len()):]), new(big.Rat).SetInt64(v)
}

// whole rounds down: a counter has not yet counted what is not full.
func whole(n *big.Rat) int64 { return new(big.Int).Div(n.Num(), n.Denom()).Int64() }

// laid lays bytes, the most significant first, out as a register's words.
func laid(r model.Register, b []byte) (words []uint16) {
	for i := 0; i < len(b); i += 2 {
		w := binary.BigEndian.Uint16(b[i:])
		if r.Swapped {
			w = w<<8 | w>>8
		}
		words = append(words, w)
	}
	if r.Low {
		slices.Reverse(words)
	}
	return words
}

// putSerial writes the serial number of a bay's meter as the model writes one.
func (m *Meter) putSerial(d model.Dump, serial uint32) {
	for _, r := range m.layout.Serial {
		words, _ := d.Words(r.Block())
		if r.Type == model.Text {
			d.Put(r.Function, r.Address, letters(words, fmt.Sprint(serial)))
			continue
		}
		if r.Type == model.BCD || r.Type == model.Hex {
			var n uint64
			fmt.Sscanf(fmt.Sprint(serial), "%x", &n) // the digits that are read are those that were meant
			b := binary.BigEndian.AppendUint64(nil, n)
			d.Put(r.Function, r.Address, laid(r, b[max(0, 8-2*int(r.Len())):]))
			continue
		}
		b := binary.BigEndian.AppendUint64(nil, uint64(serial))
		d.Put(r.Function, r.Address, laid(r, b[8-2*int(r.Len()):]))
	}
}

// letters writes a text as another one is written: with one or two letters a word. A text that is too long loses its
// start.
func letters(like []uint16, text string) []uint16 {
	single := !slices.ContainsFunc(like, func(w uint16) bool { return w > 0xFF })
	room := 2 * len(like)
	if single {
		room = len(like)
	}
	text = text[max(0, len(text)-room):]
	out := make([]uint16, len(like))
	for i := range text {
		switch {
		case single:
			out[i] = uint16(text[i])
		case i%2 == 0:
			out[i/2] = uint16(text[i]) << 8
		default:
			out[i/2] |= uint16(text[i])
		}
	}
	return out
}

// Serial is the number that the meter says in a state, as it is read.
func (m *Meter) Serial(s State) string {
	text, err := m.layout.SerialNumber(m.Dump(s))
	if err != nil {
		return ""
	}
	return text
}
