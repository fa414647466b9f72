package config_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestWhatALineMustCarry: by the formula of a read's time, (13 + 2n) characters and two silences of 3.5, of 10 bits at
// 9600 8N1. A round of more than a second is said to be too long.
func TestWhatALineMustCarry(t *testing.T) {
	bay := func(n int, model string, board bool) string {
		at := "tcp://192.0.2.9:502"
		unit := 1
		if board {
			at, unit = "serial:///dev/ttyS7?baud=9600", 99
		}
		return fmt.Sprintf(`
  - number: %d
    max_power_w: 22000
    meter: {model: %s, address: "serial:///dev/ttyS7?baud=9600", unit: %d}
    board: {address: %q, unit: %d, coil: %d, plugged: %d, feedback: %d}`, n, model, n, at, unit, n, 2*n, 2*n+1)
	}
	for _, c := range []struct {
		model     string
		bays      int
		board     bool
		registers int
		wire      time.Duration
		late      bool
	}{
		// 22 registers from the power at 0034 to the import at 0048: (13+44+7) characters
		{"SDM630", 1, false, 22, 66_667 * time.Microsecond, false},
		{"SDM630", 6, false, 132, 400 * time.Millisecond, false},
		{"SDM630", 15, false, 330, time.Second, false},
		{"SDM630", 16, false, 352, 1_066_667 * time.Microsecond, true},
		// two reads of two registers: 2 x (13+4+7) characters
		{"SDM72D-M", 1, false, 4, 50 * time.Millisecond, false},
		// a board of 4 inputs besides, five times: 5 x (13+1+7) characters
		{"SDM72D-M", 1, true, 4, 159_375 * time.Microsecond, false},
	} {
		text := least[:strings.Index(least, "bays:")] + "bays:"
		for n := range c.bays {
			text += bay(n+1, c.model, c.board)
		}
		rounds := good(t, text+"\n").Rounds()
		if len(rounds) != 1 {
			t.Fatalf("%+v: rounds %v", c, rounds)
		}
		r := rounds[0]
		if off := r.Wire - c.wire; r.Registers != c.registers || r.Meters != c.bays || off < -2*time.Microsecond ||
			off > 2*time.Microsecond || strings.Contains(r.String(), "cannot carry") != c.late {
			t.Errorf("%+v: %v", c, r)
		}
	}
}
