package model

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"kioskd/strict"
)

// Parse reads the file of a model, and checks it whole: its error is a *strict.Error with every fault and its place.
func Parse(path string, text []byte) (*Model, error) {
	doc, err := strict.Document(path, text)
	if err != nil {
		return nil, err
	}
	r := &reader{Reader: strict.Reader{File: path, Whole: "model"}}
	m := &Model{File: path, Line: Line{Parity: "none", Stop: 1, Most: maxRegisters}}
	r.model(m, doc.Content[0])
	if r.Faults() == 0 {
		r.check(m, doc.Content[0])
	}
	return m, r.Err()
}

// maxRegisters is the most that a request may ask for (Modbus Application Protocol V1.1b3, 6.3).
const maxRegisters = 125

// reader reads the file of a model.
type reader struct {
	strict.Reader
	function int  // of values that name none
	told     bool // a person says which model it is
	vectors  []*yaml.Node
}

type fields = map[string]func(*yaml.Node)

func (r *reader) model(m *Model, n *yaml.Node) {
	gap, step := 0, 0
	first := fields{ // what the others need
		"words": r.order(&m.Low), "bytes": r.order(&m.Swapped),
		"function": r.Number(&r.function, readHolding, readInput),
	}
	all := fields{
		"vendor!": r.Text(&m.Vendor), "model!": r.Text(&m.Name), "also": r.texts(&m.Also),
		"phases!": r.Number(&m.Phases, 1, 3), "version!": r.Text(&m.Version), "sources!": r.texts(&m.Sources),
		"unverified": r.Text(&m.Unverified), "notes": r.Text(&m.Notes), "signing": r.Text(&m.Signing),
		"line!": func(n *yaml.Node) { r.line(&m.Line, n) }, "gap_ms": r.Number(&gap, 0, 1000),
		"step_wh!": r.Number(&step, 1, 10_000), "modulus_wh": r.wattHours(&m.Modulus),
		"generic": r.Boolean(&m.Generic), "sunspec": func(n *yaml.Node) { r.sunspec(m, n) },
		"identity": func(n *yaml.Node) { r.identity(m, n) },
		"must":     r.each(func(n *yaml.Node) { r.must(m, n) }),
		"serial!":  func(n *yaml.Node) { m.Serial = r.serial(m, n) },
		"canary":   func(n *yaml.Node) { m.Canary = new(r.block(n)) },
		"ranges":   r.each(func(n *yaml.Node) { m.Ranges = append(m.Ranges, r.block(n)) }),
		"values!":  func(n *yaml.Node) { m.Values = r.values(m, n) },
		"variants": r.each(func(n *yaml.Node) { r.variant(m, n) }),
		"vectors!": r.each(func(n *yaml.Node) { r.vectors = append(r.vectors, n) }),
	}
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if read, ok := first[n.Content[i].Value]; ok {
				r.Setting = n.Content[i].Value
				read(n.Content[i+1])
			}
		}
	}
	for key := range first {
		all[key] = func(*yaml.Node) {}
	}
	r.Mapping(n, "model", all)
	m.Gap, m.Step = time.Duration(gap)*time.Millisecond, int64(step)
	for _, n := range r.vectors {
		m.Vectors = append(m.Vectors, r.vector(n))
	}
}

// each reads the items of a list.
func (r *reader) each(read func(*yaml.Node)) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
			r.Fault(n, "%s: want a list with at least one item", r.Setting)
			return
		}
		setting := r.Setting
		for _, item := range n.Content {
			r.Setting = setting
			read(item)
		}
	}
}

func (r *reader) texts(to *[]string) func(*yaml.Node) {
	return r.each(func(n *yaml.Node) {
		var text string
		r.Text(&text)(n)
		*to = append(*to, text)
	})
}

// order reads which of two comes first, the high or the low.
func (r *reader) order(low *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Value != "high" && n.Value != "low" {
			r.Fault(n, "%s: %q: want high (the most significant comes first) or low", r.Setting, n.Value)
		}
		*low = n.Value == "low"
	}
}

func (r *reader) wattHours(to *int64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		v, err := strconv.ParseInt(n.Value, 10, 64)
		if err != nil || v <= 0 {
			r.Fault(n, "%s: %q: want a whole number of Wh", r.Setting, n.Value)
		}
		*to = v
	}
}

func (r *reader) line(l *Line, n *yaml.Node) {
	most, turnaround := maxRegisters, 0
	r.Mapping(n, "line", fields{
		"baud!": r.each(func(n *yaml.Node) {
			var baud int
			r.Number(&baud, 300, 1_000_000)(n)
			l.Baud = append(l.Baud, baud)
		}),
		"parity": func(n *yaml.Node) {
			l.Parity = n.Value
			if n.Value != "none" && n.Value != "even" && n.Value != "odd" {
				r.Fault(n, "line.parity: %q: want none, even or odd", n.Value)
			}
		},
		"stop": r.Number(&l.Stop, 1, 2), "unit": r.Number(&l.Unit, 1, 247),
		"most": r.Number(&most, 1, maxRegisters), "turnaround_ms": r.Number(&turnaround, 0, 5000),
	})
	l.Most, l.Turnaround = uint16(most), time.Duration(turnaround)*time.Millisecond
}

func (r *reader) sunspec(m *Model, n *yaml.Node) {
	m.SunSpec = &SunSpec{Parts: map[string][]uint16{}}
	r.Mapping(n, "sunspec", fields{
		"at!": r.each(func(n *yaml.Node) { m.SunSpec.At = append(m.SunSpec.At, r.address(n)) }),
		"parts!": func(n *yaml.Node) {
			if n.Kind != yaml.MappingNode {
				r.Fault(n, "sunspec.parts: want names of parts with lists of model ids")
				return
			}
			for i := 0; i+1 < len(n.Content); i += 2 {
				r.Setting = "sunspec.parts." + n.Content[i].Value
				r.each(func(id *yaml.Node) {
					m.SunSpec.Parts[n.Content[i].Value] = append(m.SunSpec.Parts[n.Content[i].Value], r.address(id))
				})(n.Content[i+1])
			}
		},
	})
}

func (r *reader) identity(m *Model, n *yaml.Node) {
	r.told = n.Kind == yaml.ScalarNode
	if r.told {
		if n.Value != "told" {
			r.Fault(n, "identity: %q: want told (a person says which model it is) or a list of registers", n.Value)
		}
		return
	}
	r.each(func(n *yaml.Node) { m.Identity = append(m.Identity, r.condition(m, n, "identity", fields{})) })(n)
}

func (r *reader) condition(m *Model, n *yaml.Node, what string, more fields) (c Condition) {
	more["is!"] = func(n *yaml.Node) { c.Is = r.set(n) }
	c.Register = r.register(m, n, what, more)
	for _, member := range c.Is {
		if (member.From == nil) != (c.Type.sized()) {
			r.Fault(n, "%s: a %s is compared with the wrong kind of value", what, c.Type)
			break
		}
	}
	return c
}

func (r *reader) must(m *Model, n *yaml.Node) {
	var must Must
	must.Condition = r.condition(m, n, "must", fields{"else!": r.Text(&must.Else),
		"optional": r.Boolean(&must.Optional)})
	m.Must = append(m.Must, must)
}

// set reads what a register may hold.
func (r *reader) set(n *yaml.Node) (out Set) {
	r.each(func(n *yaml.Node) {
		var m Member
		var begins string
		switch {
		case n.Kind == yaml.MappingNode:
			r.Mapping(n, "is", fields{"from": r.rat(&m.From), "to": r.rat(&m.To), "begins": r.Text(&begins)})
			if (m.From == nil) != (m.To == nil) || (m.From == nil) == (begins == "") {
				r.Fault(n, "is: want from and to, or begins")
				return
			}
			if m.From != nil && m.From.Cmp(m.To) > 0 {
				r.Fault(n, "is: from is above to")
			}
			m.Text, m.Begins = begins, begins != ""
		case n.Style == 0 && (n.Tag == "!!int" || n.Tag == "!!float"):
			r.rat(&m.From)(n)
			m.To = m.From
		default:
			r.Text(&m.Text)(n)
		}
		out = append(out, m)
	})(n)
	return out
}

// rat reads a number exactly, in decimal or hexadecimal digits.
func (r *reader) rat(to **big.Rat) func(*yaml.Node) {
	return func(n *yaml.Node) {
		v, ok := number(n.Value)
		if !ok {
			r.Fault(n, "%s: %q: want a number", r.Setting, n.Value)
			v = new(big.Rat)
		}
		*to = v
	}
}

var numeral = regexp.MustCompile(`^(-?[0-9]+(\.[0-9]+)?|0x[0-9A-Fa-f]+)$`)

func number(text string) (*big.Rat, bool) {
	if !numeral.MatchString(text) {
		return nil, false
	}
	if strings.HasPrefix(text, "0x") {
		n, ok := new(big.Int).SetString(text[2:], 16)
		return new(big.Rat).SetInt(n), ok
	}
	return new(big.Rat).SetString(text)
}

func (r *reader) address(n *yaml.Node) uint16 {
	v, err := strconv.ParseUint(n.Value, 0, 16)
	if err != nil || n.Kind != yaml.ScalarNode {
		r.Fault(n, "%s: %q: want 0 to 65535, or 0x0000 to 0xFFFF", r.Setting, n.Value)
	}
	return uint16(v)
}

func (r *reader) block(n *yaml.Node) (b Block) {
	function, count := r.function, 0
	r.Mapping(n, r.Setting, fields{"function": r.Number(&function, readHolding, readInput),
		"address!": func(n *yaml.Node) { b.Address = r.address(n) }, "count!": r.Number(&count, 1, 65536)})
	b.Function, b.Count = byte(function), uint16(min(count, 65535))
	r.inside(n, b)
	return b
}

// inside refuses what no register has: no function, and addresses behind the last.
func (r *reader) inside(n *yaml.Node, b Block) {
	if b.Function == 0 {
		r.Fault(n, "%s: function is missing: 3 for holding registers, 4 for input registers", r.Setting)
	}
	if b.end() > 1<<16 {
		r.Fault(n, "%s: %d registers from %04X end behind FFFF", r.Setting, b.Count, b.Address)
	}
}

func (r *reader) register(m *Model, n *yaml.Node, what string, more fields) (out Register) {
	out.Low, out.Swapped = m.Low, m.Swapped
	function, words := r.function, 0
	all := fields{
		"function": r.Number(&function, readHolding, readInput), "words": r.Number(&words, 1, maxRegisters),
		"address!": func(n *yaml.Node) { out.Address = r.address(n) },
		"type!":    func(n *yaml.Node) { out.Type = r.kind(n) }, "part": func(n *yaml.Node) { out.Part = n.Value },
	}
	for key, read := range more {
		all[key] = read
	}
	r.Mapping(n, what, all)
	if out.Part != "" && function == 0 {
		function = readHolding
	}
	out.Function, out.Words = byte(function), uint16(words)
	if out.Type != "" && out.Type.sized() != (words > 0) {
		r.Fault(n, "%s: words are for text, bcd and hex, and needed there", what)
	}
	if _, known := m.part(out.Part); !known {
		r.Fault(n, "%s: part %q is none of sunspec.parts", what, out.Part)
	}
	r.Setting = what
	r.inside(n, out.Block())
	return out
}

// part tells whether a register may belong to a part.
func (m *Model) part(name string) (ids []uint16, known bool) {
	if name == "" {
		return nil, true
	}
	if m.SunSpec == nil {
		return nil, false
	}
	ids, known = m.SunSpec.Parts[name]
	return ids, known
}

func (r *reader) kind(n *yaml.Node) Type {
	t := Type(n.Value)
	if _, ok := lengths[t]; !ok && !t.sized() {
		r.Fault(n, "type: %q: want uint16, int16, uint32, int32, uint64, int64, float32, float64, t5, t6, text, bcd "+
			"or hex", n.Value)
		return ""
	}
	return t
}

// serial reads the parts of a serial number; none for a meter that says no number.
func (r *reader) serial(m *Model, n *yaml.Node) (out []Register) {
	switch {
	case n.Kind == yaml.ScalarNode && n.Value == "none":
	case n.Kind == yaml.SequenceNode:
		r.each(func(n *yaml.Node) { out = append(out, r.register(m, n, "serial", fields{})) })(n)
	default:
		out = append(out, r.register(m, n, "serial", fields{}))
	}
	return out
}

func (r *reader) variant(m *Model, n *yaml.Node) {
	v := Variant{}
	step, low := 0, m.Low
	r.Mapping(n, "variant", fields{"name!": r.Text(&v.Name),
		"when!": r.each(func(n *yaml.Node) { v.When = append(v.When, r.condition(m, n, "when", fields{})) }),
		"words": func(n *yaml.Node) {
			r.order(&low)(n)
			v.Low = &low
		},
		"step_wh": r.Number(&step, 1, 10_000),
		"serial":  func(n *yaml.Node) { v.Serial = r.serial(m, n) },
		"values":  func(n *yaml.Node) { v.Values = r.values(m, n) },
	})
	v.Step = int64(step)
	m.Variants = append(m.Variants, v)
}

// vector reads what registers hold, and what must come of it.
func (r *reader) vector(n *yaml.Node) (v Vector) {
	v.Dump = Dump{}
	r.Setting = "vector"
	r.Mapping(n, "vector", fields{"from!": r.Text(&v.From), "registers!": func(n *yaml.Node) { r.dump(v.Dump, n) },
		"reading!": func(n *yaml.Node) { r.reading(&v, n) }})
	return v
}

func (r *reader) dump(d Dump, n *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		function := 0
		r.Setting = "registers"
		r.Number(&function, readHolding, readInput)(n.Content[i])
		runs := n.Content[i+1]
		for k := 0; k+1 < len(runs.Content); k += 2 {
			words, err := hexWords(runs.Content[k+1].Value)
			if err != nil {
				r.Fault(runs.Content[k+1], "registers: %v", err)
			}
			d.Put(byte(function), r.address(runs.Content[k]), words)
		}
	}
}

// hexWords reads words of four hexadecimal digits.
func hexWords(text string) (out []uint16, err error) {
	for word := range strings.FieldsSeq(text) {
		v, err := strconv.ParseUint(word, 16, 16)
		if err != nil || len(word) != 4 {
			return nil, fmt.Errorf("%q is no word of four hexadecimal digits", word)
		}
		out = append(out, uint16(v))
	}
	return out, nil
}

func (r *reader) reading(v *Vector, n *yaml.Node) {
	milli := func(to *int64, factor int64) func(*yaml.Node) {
		return func(n *yaml.Node) {
			var exact *big.Rat
			r.rat(&exact)(n)
			exact.Mul(exact, big.NewRat(factor, 1))
			if !exact.IsInt() || !exact.Num().IsInt64() {
				r.Fault(n, "%s: %q: want fewer decimals", r.Setting, n.Value)
				return
			}
			*to = exact.Num().Int64()
		}
	}
	each := func(to *[]int64) func(*yaml.Node) {
		return r.each(func(n *yaml.Node) {
			var one int64
			milli(&one, 1000)(n)
			*to = append(*to, one)
		})
	}
	r.Mapping(n, "reading", fields{"serial": r.Text(&v.Serial), "variant": r.Text(&v.Variant),
		"energy_import_wh!": milli(&v.Import, 1), "power_w!": milli(&v.Power, 1), "voltage_v": each(&v.Voltage),
		"current_a": each(&v.Current), "frequency_hz": milli(&v.Mains, 1000)})
}
