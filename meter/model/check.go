package model

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// check judges what the parts of a file say together.
func (r *reader) check(m *Model, n *yaml.Node) {
	if m.SunSpec == nil && m.Identity == nil && !r.told {
		r.Fault(n, "model: identity is missing: the registers that tell the model, or told")
	}
	if len(m.Sources) < 2 && m.Unverified == "" {
		r.Fault(n, "model: there is one source alone: name a second one, or say why it may be wrong with unverified")
	}
	if m.SunSpec == nil && m.Generic {
		r.Fault(n, "model: generic is for SunSpec alone")
	}
	for _, problem := range m.problems() {
		r.Fault(n, "model: %v", problem)
	}
	if r.Faults() > 0 {
		return
	}
	for _, v := range m.Variants {
		if !slices.ContainsFunc(m.Vectors, func(x Vector) bool { return x.Variant == v.Name }) {
			r.Fault(n, "variants: %s has no vector, whose reading names it with variant", v.Name)
		}
	}
	for i, v := range m.Vectors {
		if err := m.Prove(v); err != nil {
			r.Fault(r.vectors[i], "vector: %v", err)
		}
	}
}

// problems are what is wrong with a model in each of its variants.
func (m *Model) problems() (out []error) {
	at, err := map[string]uint16(nil), error(nil)
	if m.SunSpec != nil && len(m.Vectors) > 0 {
		at, err = m.PartsIn(m.Vectors[0].Dump)
		if err != nil {
			return []error{err}
		}
	}
	all := []Layout{m.Layout(at, nil)}
	for i := range m.Variants {
		one := *m
		one.Variants = []Variant{m.Variants[i]}
		one.Variants[0].When = nil // holds
		all = append(all, one.Layout(at, nil))
	}
	for _, l := range all {
		if err := l.complete(); err != nil {
			out = append(out, err)
			continue
		}
		for _, characters := range []int{LeastRequest, 60, 400} {
			if _, ok := l.CanaryBlock(at, characters); !ok {
				out = append(out, errors.New("every read has as long an answer as another one: name with canary a "+
					"block that can be read and is as long as no other, or ranges that can be read in one go"))
				break
			}
		}
	}
	for _, b := range m.Ranges {
		if b.Count == 0 {
			out = append(out, fmt.Errorf("a range at %04X has no registers", b.Address))
		}
	}
	return out
}

// complete tells what a layout lacks.
func (l Layout) complete() error {
	has := map[string]bool{}
	for _, v := range l.Values {
		has[v.Name] = true
		for _, p := range v.Parts {
			if p.Len() > l.Line.Most {
				return fmt.Errorf("%s is longer than a request may be", v.Name)
			}
		}
		if v.Name == Import {
			if err := l.steps(v); err != nil {
				return err
			}
		}
	}
	for _, name := range names {
		if required(name) && !has[name] {
			return fmt.Errorf("values: %s is missing", name)
		}
		kind, phase, phased := strings.Cut(name, "_l")
		if phased && has[name] && int(phase[0]-'0') > l.Phases {
			return fmt.Errorf("values: %s is there, and the model has %d phases", name, l.Phases)
		}
		if phased && phase != "1" && has[name] && !has[fmt.Sprintf("%s_l%c", kind, phase[0]-1)] {
			return fmt.Errorf("values: %s is there, and the phase before it is not", name)
		}
	}
	return nil
}

// steps compares the resolution that a file names with the unit of the register: one of the two would be wrong.
func (l Layout) steps(v Value) error {
	if v.Optional {
		return errors.New("energy_import cannot be optional")
	}
	var finest *big.Rat
	for _, p := range v.Parts {
		whole := p.Type != Float32 && p.Type != Float64 && p.Type != T5 && p.Type != T6
		if !whole || p.Scale != nil {
			return nil
		}
		if finest == nil || p.Factor.Cmp(finest) < 0 {
			finest = p.Factor
		}
	}
	if finest.Cmp(big.NewRat(l.Step, 1)) > 0 {
		return fmt.Errorf("step_wh is %d, and the import register counts in %s Wh", l.Step, finest.RatString())
	}
	return nil
}

// LeastRequest is what a request costs beside the registers that it reads, in characters: eight that ask, five around
// the answer, and two silences of 3.5. With it, nothing is read that no value is in.
const LeastRequest = 20

// Prove reads a vector as a meter would be read, and tells what is other than it says.
func (m *Model) Prove(v Vector) error {
	at, err := m.PartsIn(v.Dump)
	if err != nil {
		return err
	}
	if err := m.Recognises(at, v.Dump); err != nil {
		return fmt.Errorf("it is not of this model: %w", err)
	}
	l := m.Layout(at, v.Dump)
	if err := errors.Join(l.Lacks(v.Dump, nil), l.Refuses(v.Dump)); err != nil {
		return err
	}
	serial, err := l.SerialNumber(v.Dump)
	if err != nil {
		return err
	}
	got, err := l.Reading(v.Dump)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		what      string
		got, want any
		same      bool
	}{
		{"variant", l.Variant, v.Variant, l.Variant == v.Variant},
		{"serial", serial, v.Serial, serial == v.Serial},
		{"energy_import_wh", int64(got.Import), v.Import, int64(got.Import) == v.Import},
		{"power_w", int64(got.Power), v.Power, int64(got.Power) == v.Power},
		{"voltage_v in mV", got.Voltage, v.Voltage, slices.Equal(got.Voltage, v.Voltage)},
		{"current_a in mA", got.Current, v.Current, slices.Equal(got.Current, v.Current)},
		{"frequency_hz in mHz", got.Mains, v.Mains, got.Mains == v.Mains},
	} {
		switch {
		case c.same:
		case fmt.Sprint(c.want) == "" || fmt.Sprint(c.want) == "[]":
			return fmt.Errorf("%s is %v, and its reading does not say so", c.what, c.got)
		default:
			return fmt.Errorf("%s is %v, want %v", c.what, c.got, c.want)
		}
	}
	return nil
}

// PartsIn finds the parts of a SunSpec device in a dump; nil for another model.
func (m *Model) PartsIn(d Dump) (map[string]uint16, error) {
	if m.SunSpec == nil {
		return nil, nil
	}
	return m.SunSpec.Walk(func(b Block) ([]uint16, error) {
		words, ok := d.Words(b)
		if !ok {
			return nil, fmt.Errorf("register %04X is not in the dump", b.Address)
		}
		return words, nil
	})
}
