package model

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"kioskd"
)

// Layout is a model as one device has it.
type Layout struct {
	*Model
	Variant string // empty where none holds
	Step    int64
	Serial  []Register
	Must    []Must
	Values  []Value
}

// Naming is what must be read to tell whether a device is of the model, and of which variant; at is where its parts
// are, nil where it has none.
func (m *Model) Naming(at map[string]uint16) (out []Condition) {
	out = append(out, m.Identity...)
	for _, v := range m.Variants {
		out = append(out, v.When...)
	}
	for i := range out {
		out[i].Register = out[i].moved(at)
	}
	return out
}

// Recognises tells why registers are not those of a device of the model; nil where they are.
func (m *Model) Recognises(at map[string]uint16, d Dump) error {
	for _, c := range m.Identity {
		c.Register = c.moved(at)
		words, ok := d.Words(c.Block())
		switch {
		case !ok:
			return fmt.Errorf("it has no identity register %04X", c.Address)
		case !c.Holds(words):
			return fmt.Errorf("identity register %04X holds %04X", c.Address, words)
		}
	}
	return nil
}

// Layout is how a device of the model has its registers, as its registers tell.
func (m *Model) Layout(at map[string]uint16, d Dump) Layout {
	l := Layout{Model: m, Step: m.Step, Serial: slices.Clone(m.Serial), Must: slices.Clone(m.Must),
		Values: slices.Clone(m.Values)}
	low := m.Low
	for _, v := range m.Variants {
		if !holds(v.When, at, d) {
			continue
		}
		l.Variant = v.Name
		if v.Low != nil {
			low = *v.Low
		}
		if v.Step != 0 {
			l.Step = v.Step
		}
		if v.Serial != nil {
			l.Serial = slices.Clone(v.Serial)
		}
		for _, other := range v.Values {
			l.Values = append(slices.DeleteFunc(l.Values, func(x Value) bool { return x.Name == other.Name }), other)
		}
		break
	}
	turn := func(r Register) Register {
		r = r.moved(at)
		r.Low = r.Low != (low != m.Low)
		return r
	}
	for i := range l.Serial {
		l.Serial[i] = turn(l.Serial[i])
	}
	for i := range l.Must {
		l.Must[i].Register = turn(l.Must[i].Register)
	}
	for i, v := range l.Values {
		parts := slices.Clone(v.Parts)
		for k, p := range parts {
			parts[k].Register = turn(p.Register)
			if p.Scale != nil {
				scale := turn(*p.Scale)
				parts[k].Scale = &scale
			}
		}
		l.Values[i].Parts = parts
	}
	slices.SortFunc(l.Values, func(a, b Value) int { return strings.Compare(a.Name, b.Name) })
	if m.SunSpec != nil {
		whole := *m
		whole.Ranges = append(slices.Clone(m.Ranges), l.span())
		l.Model = &whole
	}
	return l
}

// span is the run of registers from the first to the last that a value is in: a SunSpec model can be read at once.
func (l Layout) span() (out Block) {
	for _, v := range l.Values {
		for _, p := range v.Parts {
			for _, b := range p.blocks() {
				if out.Count == 0 {
					out = b
				}
				first, last := min(out.Address, b.Address), max(out.end(), b.end())
				out = Block{b.Function, first, uint16(last - int(first))}
			}
		}
	}
	return out
}

// blocks are the registers of a number, and those of its exponent.
func (p Part) blocks() []Block {
	if p.Scale == nil {
		return []Block{p.Block()}
	}
	return []Block{p.Block(), p.Scale.Block()}
}

func holds(all []Condition, at map[string]uint16, d Dump) bool {
	for _, c := range all {
		words, ok := d.Words(c.moved(at).Block())
		if !ok || !c.Holds(words) {
			return false
		}
	}
	return true
}

// moved is a register whose address counts from 0.
func (r Register) moved(at map[string]uint16) Register {
	r.Address += at[r.Part]
	r.Part = ""
	return r
}

// Refuses tells which setting of a device makes its values mean something else; nil where none does. A setting that is
// not in the dump says nothing: see Lacks. Nor does one that is not a number.
func (l Layout) Refuses(d Dump) error {
	for _, m := range l.Must {
		words, ok := d.Words(m.Block())
		if !ok {
			continue
		}
		if _, err := m.text(words); err == nil && !m.Holds(words) {
			return fmt.Errorf("setting %04X holds %04X: %s", m.Address, words, m.Else)
		}
	}
	return nil
}

// Lacks tells which setting that every device has is neither in a dump nor in the blocks that are read with each
// reading; nil where none is missing.
func (l Layout) Lacks(d Dump, billed []Block) error {
	for _, m := range l.Must {
		_, ok := d.Words(m.Block())
		if !ok && !m.Optional && !covered(m.Block(), billed) {
			return fmt.Errorf("setting %04X cannot be read: %s", m.Address, m.Else)
		}
	}
	return nil
}

// SerialNumber is the number of the device; empty for a model that has none.
func (l Layout) SerialNumber(d Dump) (string, error) {
	var all strings.Builder
	for _, r := range l.Serial {
		words, ok := d.Words(r.Block())
		if !ok {
			return "", fmt.Errorf("serial number: register %04X was not read", r.Address)
		}
		part, err := r.text(words)
		if err != nil {
			return "", fmt.Errorf("serial number: %w", err)
		}
		all.WriteString(part)
	}
	if len(l.Serial) > 0 && strings.Trim(all.String(), "0") == "" {
		return "", fmt.Errorf("the serial number is %q: it is none", all.String())
	}
	return all.String(), nil
}

// Reading is what the registers say. Without its import register or its power there is none; what else is absent is
// left out, and where one phase is, so is its kind: a list with a gap would give a phase another one's value.
func (l Layout) Reading(d Dump) (r kiosk.Reading, err error) {
	phases, absent := map[string][]int64{}, map[string]bool{}
	for _, v := range l.Values {
		n, err := v.value(d)
		kind, _, phased := strings.Cut(v.Name, "_l")
		switch {
		case err != nil && required(v.Name):
			return kiosk.Reading{}, err
		case err != nil:
			absent[kind] = true
		case v.Name == Import:
			r.Import = kiosk.Energy(n)
		case v.Name == Power:
			r.Power = kiosk.Power(n)
		case v.Name == Frequency:
			r.Mains = n
		case phased:
			phases[kind] = append(phases[kind], n) // the values are in the order of their names
		}
	}
	if r.Import < 0 {
		return kiosk.Reading{}, fmt.Errorf("import register is %d Wh", r.Import)
	}
	if l.Modulus > 0 && int64(r.Import) >= l.Modulus {
		return kiosk.Reading{}, fmt.Errorf("import register is %d Wh, and it begins again at %d", r.Import, l.Modulus)
	}
	if !absent["voltage"] {
		r.Voltage = phases["voltage"]
	}
	if !absent["current"] {
		r.Current = phases["current"]
	}
	return r, nil
}

// Names of quantities; those of phases have _l1, _l2 or _l3 behind them.
const (
	Import    = "energy_import"
	Power     = "power"
	Frequency = "frequency"
)

func required(name string) bool { return name == Import || name == Power }

// Walk finds the parts of a SunSpec device: from the marker "SunS" over the models, each of which says its id and
// how long it is, to the end (SunSpec Device Information Model Specification 1.1, 4). read reads holding registers.
func (s *SunSpec) Walk(read func(Block) ([]uint16, error)) (at map[string]uint16, err error) {
	for _, base := range s.At {
		words, no := read(Block{readHolding, base, 2})
		if no == nil && slices.Equal(words, []uint16{0x5375, 0x6E53}) {
			return s.walk(base+2, read)
		}
		err = errors.Join(err, no)
	}
	if err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("it has no SunSpec marker at %v", s.At)
}

func (s *SunSpec) walk(next uint16, read func(Block) ([]uint16, error)) (map[string]uint16, error) {
	at := map[string]uint16{}
	for range mostModels {
		head, err := read(Block{readHolding, next, 2})
		if err != nil {
			return nil, err
		}
		if head[0] == endModel {
			break
		}
		if head[0] == commonModel { // with each begins another device
			clear(at)
		}
		for part, ids := range s.Parts {
			if _, had := at[part]; !had && slices.Contains(ids, head[0]) {
				at[part] = next
			}
		}
		if len(at) == len(s.Parts) {
			return at, nil
		}
		if int(next)+2+int(head[1]) > lastAddress {
			return nil, fmt.Errorf("SunSpec model %d at %04X names %d registers", head[0], next, head[1])
		}
		next += 2 + head[1]
	}
	return nil, fmt.Errorf("it has none of the SunSpec models %v", s.ids())
}

// ids are those of the models that are looked for, of each part.
func (s *SunSpec) ids() (out []string) {
	for _, ids := range s.Parts {
		out = append(out, fmt.Sprint(ids))
	}
	slices.Sort(out)
	return out
}

const (
	readHolding = 3
	readInput   = 4
	mostModels  = 64
	commonModel = 1
	endModel    = 0xFFFF
	lastAddress = 0xFFFD
)
