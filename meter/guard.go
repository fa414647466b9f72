package meter

import (
	"context"
	"fmt"
	"time"

	"kioskd"
)

// Fault is a reading that must not be billed. Its code is in kiosk's fault table.
type Fault struct {
	Code string // MT002, MT003 or MT004
	What string
}

func (f *Fault) Error() string { return f.Code + ": " + f.What }

// FaultCode is the code; the session machine asks for it without knowing this package.
func (f *Fault) FaultCode() string { return f.Code }

// Guard lets through only readings that can be true. A value that cannot be is read
// again at once: what an unlucky frame brought is gone then, and what stays in
// confirmations of it is a Fault. It implements kiosk.Meter.
//
// The rules: a register never falls, except over its modulus from the last to the
// first twentieth; it never rises by more than the bay's power allows, neither from
// one reading to the next nor little by little; the serial number never changes. The
// last good reading survives a fault, so that it can be billed.
type Guard struct {
	meter    kiosk.Meter
	maxPower kiosk.Power
	modulus  kiosk.Energy
	serial   string // pinned; empty takes the first
	last     kiosk.Reading
	spare    int64 // how much more last might have said, in W·ms: what is left of slack
}

// confirmations is how many reads in a row must agree on the impossible.
const confirmations = 3

// wattHour is one in W·ms: what flows in a second is less than the Wh that a register counts.
const wattHour = 3_600_000

// slack is what a register may be ahead of power and time, ever: its own steps.
const slack = 200 * wattHour

// NewGuard guards a meter of a bay of a power. serial pins the meter; empty pins the
// first that answers.
func NewGuard(m kiosk.Meter, maxPower kiosk.Power, modulus kiosk.Energy, serial string) *Guard {
	return &Guard{meter: m, maxPower: maxPower, modulus: modulus, serial: serial, spare: slack}
}

// Read implements kiosk.Meter.
func (g *Guard) Read(ctx context.Context) (kiosk.Reading, error) {
	var fault *Fault
	for range confirmations {
		r, err := g.meter.Read(ctx)
		if err != nil {
			return kiosk.Reading{}, err
		}
		var spare int64
		if spare, fault = g.judge(r); fault == nil {
			g.last, g.spare = r, spare
			if g.serial == "" {
				g.serial = r.Serial
			}
			return r, nil
		}
	}
	return kiosk.Reading{}, fault
}

// Exchange takes the meter that answers now for a new one, once record returned nil for the
// last good reading of the old one and the first of the new. Of an old one that never answered
// the reading has the serial number alone; where none was expected it is nil.
func (g *Guard) Exchange(ctx context.Context, record func(old *kiosk.Reading, now kiosk.Reading) error) error {
	now, err := g.meter.Read(ctx)
	if err != nil {
		return err
	}
	var old *kiosk.Reading
	if !g.last.At.IsZero() {
		last := g.last
		old = &last
	} else if g.serial != "" {
		old = &kiosk.Reading{Serial: g.serial}
	}
	if err := record(old, now); err != nil {
		return err
	}
	g.serial, g.last, g.spare = now.Serial, now, slack
	return nil
}

// Pin names the meter that is to answer, in place of the one that NewGuard was told.
func (g *Guard) Pin(serial string) { g.serial = serial }

// Serial is the number of the meter that is to answer; empty for the first one.
func (g *Guard) Serial() string { return g.serial }

// judge returns what is spare after r, or what is wrong with it.
func (g *Guard) judge(r kiosk.Reading) (spare int64, fault *Fault) {
	if g.serial != "" && r.Serial != g.serial {
		return 0, &Fault{"MT004", fmt.Sprintf("meter has serial number %s, want %s", r.Serial, g.serial)}
	}
	if g.last.At.IsZero() {
		return g.spare, nil
	}
	rise := r.Import - g.last.Import
	if rise < 0 && g.modulus > 0 && g.last.Import > g.modulus/20*19 && r.Import < g.modulus/20 {
		rise += g.modulus
	}
	if rise < 0 {
		return 0, &Fault{"MT002", fmt.Sprintf("register fell from %v to %v", g.last.Import, r.Import)}
	}
	// Power in W times time, and a quarter more: EN 50160 lets the voltage be a tenth above what a
	// nameplate counts with, and neither the vehicle's current nor the meter is exact.
	since := r.At.Sub(g.last.At)
	allowed := g.spare + int64(g.maxPower)*since.Milliseconds()/4*5
	if int64(rise) > allowed/wattHour {
		return 0, &Fault{"MT003", fmt.Sprintf("register rose by %v in %v, at most %v is possible", rise, since.Round(time.Millisecond), kiosk.Energy(allowed/wattHour))}
	}
	return min(allowed-int64(rise)*wattHour, slack), nil
}
