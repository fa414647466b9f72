package kiosk

import (
	"fmt"
	"time"
)

// Register is what is known of a bay's import register before it is read: how it counts, and
// how much the bay can deliver. It is the one judge of what a register may do; the guard of
// the meter and the session machine ask it with the same tolerance, so that what one accepts
// the other never refuses.
type Register struct {
	MaxPower Power  // of the bay; 0 where it is not known, and then nothing is too much
	Modulus  Energy // the register begins again at 0 here; 0 never
	Step     Energy // what it counts in; 0 for a watt-hour
}

// Tolerances of the rules of plausible readings.
const (
	// jitter is how far apart the moments of a power and of a register may be.
	jitter = 2 * time.Second
	// leastTolerance is for rounding of registers and powers.
	leastTolerance Energy = 50
)

// Rise is what the register counted from one value to a later one. It is false for a fall: a
// register never falls but over its modulus, from the last twentieth to the first.
func (r Register) Rise(from, to Energy) (Energy, bool) {
	if to >= from {
		return to - from, true
	}
	if r.Modulus > 0 && from <= r.Modulus && from > r.Modulus/20*19 && to < r.Modulus/20 {
		return to - from + r.Modulus, true
	}
	return 0, false
}

// Peak is the most power that is possible, a quarter more than the bay is set to: EN 50160 lets the voltage be a
// tenth above what a nameplate counts with, and neither vehicle nor meter is exact.
func (r Register) Peak() Power { return r.MaxPower / 4 * 5 }

// Most is the most that the bay can deliver in a time.
func (r Register) Most(span time.Duration) Energy {
	return Energy(int64(r.Peak()) * max(0, span).Milliseconds() / 3_600_000)
}

// Tolerance is what a register that counts about value may be ahead of power and time, once: its
// own steps, and what flows between the moments of two measurements. A register that is kept as
// a 32-bit float counts in steps that grow with it.
func (r Register) Tolerance(value Energy) Energy {
	return leastTolerance + 2*max(r.Step, value>>22) + r.Most(jitter)
}

// Possible tells why a register cannot have come from one reading to a later one in a time; nil
// where it can. It asks nothing of what was measured in between.
func (r Register) Possible(from, to Reading, span time.Duration) error {
	rise, ok := r.Rise(from.Import, to.Import)
	most := r.Most(span) + r.Tolerance(from.Import)
	switch {
	case from.Serial != to.Serial:
		return fmt.Errorf("meter has serial number %s, and had %s", to.Serial, from.Serial)
	case !ok:
		return fmt.Errorf("register fell from %v to %v", from.Import, to.Import)
	case r.MaxPower > 0 && rise > most:
		return fmt.Errorf("register rose by %v in %v, at most %v is possible at %d W", rise,
			span.Round(time.Millisecond), most, r.MaxPower)
	}
	return nil
}
