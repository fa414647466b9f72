package config

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"kioskd"
	"kioskd/line"
	"kioskd/meter"
)

func (r *configReader) bays(c *Config, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.fault(n, "bays: want a list with at least one bay")
		return
	}
	numbers := map[int]bool{}
	used := map[string]int{} // by which bay
	for _, item := range n.Content {
		b := Bay{Requesting: -1, Emergency: -1}
		power := 0
		before := len(r.faults)
		r.mapping(item, "bay", map[string]func(*yaml.Node){
			"number!": r.number(&b.Number, 1, 999), "evse_id": r.text(&b.EVSE),
			"max_power_w!": r.number(&power, LeastPower, MostPower),
			"meter!":       func(n *yaml.Node) { r.meter(&b, n) },
			"board":        func(n *yaml.Node) { r.board(&b, n) },
			"gpio":         func(n *yaml.Node) { r.gpio(&b, n) },
		})
		if (b.Board == "") == (b.GPIO == nil) && len(r.faults) == before {
			r.fault(item, "bay: want board or gpio, one of the two")
		}
		if numbers[b.Number] {
			r.fault(item, "bay: number %d is there twice", b.Number)
		}
		numbers[b.Number] = true
		for _, what := range b.Own() {
			if other, ok := used[what]; ok {
				r.fault(item, "bay %d: %s is bay %d's already", b.Number, what, other)
			}
			used[what] = b.Number
		}
		for _, other := range append(slices.Clone(c.Bays), b) {
			for _, pair := range [][2]Bay{{b, other}, {other, b}} {
				if m, board := pair[0], pair[1]; board.Board != "" && m.MeterUnit == board.BoardUnit &&
					portOf(m.MeterAddr) == portOf(board.Board) {
					r.fault(item, "bay %d: a meter and a board have the unit number %d on one line", b.Number,
						m.MeterUnit)
					break
				}
			}
		}
		b.MaxPower = kiosk.Power(power)
		c.Bays = append(c.Bays, b)
	}
}

// Register is what the bay's meter may count.
func (b Bay) Register() kiosk.Register {
	return kiosk.Register{MaxPower: b.MaxPower, Modulus: kiosk.Energy(b.Model.Modulus),
		Step: kiosk.Energy(b.Model.Step)}
}

// portOf is the line of an address, by whatever name.
func portOf(address string) string {
	a, err := line.Parse(address, 1)
	if err != nil { // which is said where it stands
		return address
	}
	return a.Port()
}

// Own is what no other bay may have: two drivers would pay for the same energy, or one's hold
// would switch the other's power.
func (b Bay) Own() (out []string) {
	out = append(out, fmt.Sprintf("meter unit %d at %s", b.MeterUnit, portOf(b.MeterAddr)))
	if b.Serial != "" {
		out = append(out, "the meter with the serial number "+b.Serial)
	}
	if b.Board != "" {
		at := fmt.Sprintf("of board %d at %s", b.BoardUnit, portOf(b.Board))
		out = append(out, fmt.Sprintf("coil %d %s", b.Coil, at))
		for _, input := range []int{b.Plugged, b.Feedback, b.Requesting} {
			if input >= 0 {
				out = append(out, fmt.Sprintf("input %d %s", input, at))
			}
		}
	}
	for name, pin := range b.GPIO {
		if name != "emergency" { // one stop may be for all
			out = append(out, "GPIO line "+pin)
		}
	}
	slices.Sort(out)
	return out
}

func (r *configReader) meter(b *Bay, n *yaml.Node) {
	r.mapping(n, "meter", map[string]func(*yaml.Node){
		"address!": r.address(&b.MeterAddr, 1), "unit!": r.number(&b.MeterUnit, 1, 247), "serial": r.text(&b.Serial),
		"model!": func(n *yaml.Node) {
			m, err := meter.ModelByName(n.Value)
			if err != nil {
				r.fault(n, "meter.model: %v", err)
			}
			b.Model = m
		},
	})
}

func (r *configReader) board(b *Bay, n *yaml.Node) {
	r.mapping(n, "board", map[string]func(*yaml.Node){
		"address!": r.address(&b.Board, 1), "unit!": r.number(&b.BoardUnit, 1, 247),
		"coil!":    r.number(&b.Coil, 0, 65535),
		"plugged!": r.number(&b.Plugged, 0, 1999), "requesting": r.number(&b.Requesting, 0, 1999),
		"feedback!": r.number(&b.Feedback, 0, 1999),
		"emergency": r.number(&b.Emergency, 0, 1999),
	})
}

func (r *configReader) gpio(b *Bay, n *yaml.Node) {
	pins := map[string]*string{"contactor": new(string), "plugged": new(string), "requesting": new(string),
		"feedback": new(string), "emergency": new(string)}
	r.mapping(n, "gpio", map[string]func(*yaml.Node){
		"contactor!": r.text(pins["contactor"]), "plugged!": r.text(pins["plugged"]),
		"requesting": r.text(pins["requesting"]),
		"feedback!":  r.text(pins["feedback"]), "emergency": r.text(pins["emergency"]),
		"active_low": r.boolean(&b.ActiveLow),
	})
	b.GPIO = map[string]string{}
	for name, pin := range pins {
		if *pin != "" {
			b.GPIO[name] = *pin
		}
	}
	if b.GPIO["requesting"] != "" {
		b.Requesting = 0
	}
}

// A bay's power in W: less than any vehicle takes is a number of kW.
const LeastPower, MostPower = 1000, 100_000_000

// MeterLines are the lines that meters hang on, in order.
func (c *Config) MeterLines() (out []string) {
	for _, b := range c.Bays {
		out = append(out, b.MeterAddr)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
