package config

import (
	"fmt"
	"slices"
	"time"

	"kioskd/line"
	"kioskd/modbus"
)

// Round is what one line has to carry each second, so that every bay has its live values: what each meter is billed by,
// and the inputs of the boards that are on it, too.
type Round struct {
	Line      string
	Baud      int
	Meters    int
	Registers int
	Wire      time.Duration // that it takes on the wire alone
	Thinking  time.Duration // that it takes besides where each device thinks as long as most do
}

// usualThought is how long most devices think until their answer begins.
const usualThought = 20 * time.Millisecond

// String says what a round takes, to a person, and what follows where it is more than the second that it has.
func (r Round) String() string {
	text := fmt.Sprintf("%s: a round of %d meters and %d registers at %d baud takes %.2f s, and %.2f s where each "+
		"device thinks %v", r.Line, r.Meters, r.Registers, r.Baud, r.Wire.Seconds(), (r.Wire + r.Thinking).Seconds(),
		usualThought)
	if r.Wire > time.Second {
		text += ": the line cannot carry that each second, so that energy and power are shown late: set a higher " +
			"speed, or use a second line"
	}
	return text
}

// Rounds are those of all serial lines with meters.
func (c *Config) Rounds() (out []Round) {
	for _, address := range c.MeterLines() {
		a, err := line.Parse(address, 1)
		if err == nil && a.Scheme == "serial" {
			out = append(out, c.round(address, a))
		}
	}
	return out
}

func (c *Config) round(address string, a line.Address) Round {
	r := Round{Line: a.String(), Baud: a.Mode.BaudRate}
	wire := modbus.WireOf(a)
	ask := func(bytes, times int) {
		r.Wire += time.Duration(times) * wire.Read(bytes)
		r.Thinking += time.Duration(times) * usualThought
	}
	boards := map[int]int{} // inputs
	for _, b := range c.Bays {
		if b.Board != "" && portOf(b.Board) == portOf(address) {
			boards[b.BoardUnit] = max(boards[b.BoardUnit], 1+slices.Max([]int{b.Plugged, b.Requesting, b.Feedback,
				b.Emergency}))
		}
		if b.Model == nil || b.MeterAddr == "" || portOf(b.MeterAddr) != portOf(address) {
			continue
		}
		r.Meters++
		billed, _ := b.Model.Layout(nil, nil).Reads(wire.Characters(b.Model.Line.Turnaround))
		for _, block := range billed {
			r.Registers += int(block.Count)
			ask(2*int(block.Count), 1)
		}
	}
	for _, inputs := range boards {
		ask((inputs+7)/8, looksEach)
	}
	return r
}

// looksEach is how often a board is asked in a second while energy flows.
const looksEach = 5
