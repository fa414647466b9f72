package main

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"kioskd"
	"kioskd/line"
	"kioskd/meter"
)

func (r *configReader) bays(c *config, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.fault(n, "bays: want a list with at least one bay")
		return
	}
	numbers := map[int]bool{}
	used := map[string]int{} // by which bay
	for _, item := range n.Content {
		b := bayConfig{requesting: -1, emergency: -1}
		power := 0
		before := len(r.faults)
		r.mapping(item, "bay", map[string]func(*yaml.Node){
			"number!": r.number(&b.number, 1, 999), "evse_id": r.text(&b.evse),
			"max_power_w!": r.number(&power, leastPower, mostPower),
			"meter!":       func(n *yaml.Node) { r.meter(&b, n) },
			"board":        func(n *yaml.Node) { r.board(&b, n) },
			"gpio":         func(n *yaml.Node) { r.gpio(&b, n) },
		})
		if (b.board == "") == (b.gpio == nil) && len(r.faults) == before {
			r.fault(item, "bay: want board or gpio, one of the two")
		}
		if numbers[b.number] {
			r.fault(item, "bay: number %d is there twice", b.number)
		}
		numbers[b.number] = true
		for _, what := range b.own() {
			if other, ok := used[what]; ok {
				r.fault(item, "bay %d: %s is bay %d's already", b.number, what, other)
			}
			used[what] = b.number
		}
		for _, other := range append(slices.Clone(c.bays), b) {
			for _, pair := range [][2]bayConfig{{b, other}, {other, b}} {
				if m, board := pair[0], pair[1]; board.board != "" && m.meterUnit == board.boardUnit &&
					portOf(m.meterAddr) == portOf(board.board) {
					r.fault(item, "bay %d: a meter and a board have the unit number %d on one line", b.number,
						m.meterUnit)
					break
				}
			}
		}
		b.maxPower = kiosk.Power(power)
		c.bays = append(c.bays, b)
	}
}

// register is what the bay's meter may count.
func (b bayConfig) register() kiosk.Register {
	return kiosk.Register{MaxPower: b.maxPower, Modulus: kiosk.Energy(b.model.Modulus),
		Step: kiosk.Energy(b.model.Step)}
}

// portOf is the line of an address, by whatever name.
func portOf(address string) string {
	a, err := line.Parse(address, 1)
	if err != nil { // which is said where it stands
		return address
	}
	return a.Port()
}

// own is what no other bay may have: two drivers would pay for the same energy, or one's hold
// would switch the other's power.
func (b bayConfig) own() (out []string) {
	out = append(out, fmt.Sprintf("meter unit %d at %s", b.meterUnit, portOf(b.meterAddr)))
	if b.serial != "" {
		out = append(out, "the meter with the serial number "+b.serial)
	}
	if b.board != "" {
		at := fmt.Sprintf("of board %d at %s", b.boardUnit, portOf(b.board))
		out = append(out, fmt.Sprintf("coil %d %s", b.coil, at))
		for _, input := range []int{b.plugged, b.feedback, b.requesting} {
			if input >= 0 {
				out = append(out, fmt.Sprintf("input %d %s", input, at))
			}
		}
	}
	for name, pin := range b.gpio {
		if name != "emergency" { // one stop may be for all
			out = append(out, "GPIO line "+pin)
		}
	}
	slices.Sort(out)
	return out
}

func (r *configReader) meter(b *bayConfig, n *yaml.Node) {
	r.mapping(n, "meter", map[string]func(*yaml.Node){
		"address!": r.address(&b.meterAddr, 1), "unit!": r.number(&b.meterUnit, 1, 247), "serial": r.text(&b.serial),
		"model!": func(n *yaml.Node) {
			m, err := meter.ModelByName(n.Value)
			if err != nil {
				r.fault(n, "meter.model: %v", err)
			}
			b.model = m
		},
	})
}

func (r *configReader) board(b *bayConfig, n *yaml.Node) {
	r.mapping(n, "board", map[string]func(*yaml.Node){
		"address!": r.address(&b.board, 1), "unit!": r.number(&b.boardUnit, 1, 247),
		"coil!":    r.number(&b.coil, 0, 65535),
		"plugged!": r.number(&b.plugged, 0, 1999), "requesting": r.number(&b.requesting, 0, 1999),
		"feedback!": r.number(&b.feedback, 0, 1999),
		"emergency": r.number(&b.emergency, 0, 1999),
	})
}

func (r *configReader) gpio(b *bayConfig, n *yaml.Node) {
	pins := map[string]*string{"contactor": new(string), "plugged": new(string), "requesting": new(string),
		"feedback": new(string), "emergency": new(string)}
	r.mapping(n, "gpio", map[string]func(*yaml.Node){
		"contactor!": r.text(pins["contactor"]), "plugged!": r.text(pins["plugged"]),
		"requesting": r.text(pins["requesting"]),
		"feedback!":  r.text(pins["feedback"]), "emergency": r.text(pins["emergency"]),
		"active_low": r.boolean(&b.activeLow),
	})
	b.gpio = map[string]string{}
	for name, pin := range pins {
		if *pin != "" {
			b.gpio[name] = *pin
		}
	}
	if b.gpio["requesting"] != "" {
		b.requesting = 0
	}
}

// A bay's power in W: less than any vehicle takes is a number of kW.
const leastPower, mostPower = 1000, 100_000_000
