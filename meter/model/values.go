package model

import (
	"math/big"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// units are what a register may count in, for each kind of quantity, with what one is in Wh, W, mV, mA or mHz.
var units = map[string]map[string]*big.Rat{
	"energy":    {"Wh": big.NewRat(1, 1), "kWh": big.NewRat(1000, 1), "MWh": big.NewRat(1_000_000, 1)},
	"power":     {"W": big.NewRat(1, 1), "kW": big.NewRat(1000, 1), "MW": big.NewRat(1_000_000, 1)},
	"voltage":   {"V": big.NewRat(1000, 1), "mV": big.NewRat(1, 1), "kV": big.NewRat(1_000_000, 1)},
	"current":   {"A": big.NewRat(1000, 1), "mA": big.NewRat(1, 1)},
	"frequency": {"Hz": big.NewRat(1000, 1), "mHz": big.NewRat(1, 1)},
}

// names are those of all quantities.
var names = []string{Import, Power, "voltage_l1", "voltage_l2", "voltage_l3", "current_l1", "current_l2", "current_l3",
	Frequency}

// values reads the quantities of a meter.
func (r *reader) values(m *Model, n *yaml.Node) (out []Value) {
	all := fields{}
	for _, name := range names {
		kind, _, _ := strings.Cut(name, "_")
		all[name] = func(n *yaml.Node) {
			v := Value{Name: name}
			read := func(n *yaml.Node) { v.Parts = append(v.Parts, r.part(m, n, &v, kind)) }
			if n.Kind == yaml.SequenceNode {
				r.each(read)(n)
			} else {
				read(n)
			}
			out = append(out, v)
		}
	}
	r.Mapping(n, "values", all)
	return out
}

// part reads a number in the registers, which a quantity is or of which it is the sum.
func (r *reader) part(m *Model, n *yaml.Node, v *Value, kind string) (p Part) {
	var scale *yaml.Node
	p.Register = r.register(m, n, v.Name, fields{
		"unit!":    func(n *yaml.Node) { p.Factor = r.unit(n, kind) },
		"absent":   func(n *yaml.Node) { p.Absent = r.set(n) },
		"optional": r.Boolean(&v.Optional), "scale": func(n *yaml.Node) { scale = n },
	})
	if p.Type.sized() {
		r.Fault(n, "%s: a %s is no quantity", v.Name, p.Type)
	}
	if scale != nil {
		p.Scale = new(r.register(m, scale, v.Name+".scale", fields{}))
		if p.Scale.Type != Int16 && p.Scale.Type != Uint16 {
			r.Fault(scale, "%s.scale: want an exponent of type int16 or uint16", v.Name)
		}
	}
	if p.Factor == nil {
		p.Factor = new(big.Rat)
	}
	return p
}

// unit reads what a register counts in, as in kWh, 0.01 kWh or -0.1 W.
func (r *reader) unit(n *yaml.Node, kind string) *big.Rat {
	how, name, found := strings.Cut(n.Value, " ")
	if !found {
		how, name = "1", n.Value
	}
	factor, ok := number(how)
	one, known := units[kind][name]
	if !ok || !known || factor.Sign() == 0 {
		var all []string
		for name := range units[kind] {
			all = append(all, name)
		}
		slices.Sort(all)
		r.Fault(n, "unit: %q: want one of %s, or so much of it as one step is, as in 0.1 %s", n.Value,
			strings.Join(all, ", "), all[0])
		return nil
	}
	return factor.Mul(factor, one)
}
