package meter

import (
	"context"
	"fmt"
	"time"

	"kioskd"
)

// Fault is a reading that must not be billed. Its code is in kiosk's fault table.
type Fault struct {
	Code kiosk.FaultCode // MT002, MT003, MT004 or MT006
	What string
}

func (f *Fault) Error() string { return string(f.Code) + ": " + f.What }

// FaultCode is the code; the session machine asks for it without knowing this package.
func (f *Fault) FaultCode() kiosk.FaultCode { return f.Code }

// Guard lets through only readings that can be true. It implements kiosk.Meter.
//
// Time and power are counted from one exchange to the next, whether its reading was accepted or
// not. While exchanges follow each other within known, the higher of two powers bounds what may
// have flowed between them, and the lower what must have; over a longer gap nothing is known but
// the power of the bay. The rules:
//
//   - A register never falls, but over its modulus (MT002).
//   - It never rises by more than the bay can deliver (MT003), and while power is measured by
//     no more than that power explains, nor by much less than it demands (MT006).
//   - The serial number never changes (MT004).
//   - The first reading, and one that leaps over a gap, counts only once a second exchange agrees.
//   - What an unlucky frame brought is read again at once: only what stays is a Fault.
//   - A leap that was accepted is taken back where several exchanges agree on a lower register
//     that the one before the leap explains, and nothing was counted since.
//
// What was known before a restart is the first thing to judge by: see Seed. The last good reading
// survives a fault, so that it can be billed.
type Guard struct {
	meter    kiosk.Meter
	register kiosk.Register
	serial   string // pinned; empty takes the first

	last   *kiosk.Reading // accepted
	seen   *kiosk.Reading // of the last exchange: from it on time and power are counted
	floor  *kiosk.Reading // accepted before a leap that nothing has confirmed yet
	fresh  bool           // last is of before this process, or there is none
	spare  int64          // how much more last might have said, in W·ms
	behind int64          // how much more power was measured than counted since last, in W·ms
}

const (
	exchanges = 4 // most for one reading
	agreeing  = 2 // that a first reading or a leap takes
	lowering  = 3 // that it takes to take a leap back
	// known is the longest time between two exchanges of which the powers at both ends tell.
	known = 5 * time.Second
	// residual is what a station itself may draw while its meter shows no power.
	residual kiosk.Power = 100
	// A register and a power of one meter agree better than this.
	agreePercent = 10
	// silentFor is what a register may be behind its meter's power.
	silentFor kiosk.Energy = 250
)

// wattHour is one in W·ms: what flows in a second is less than the Wh that a register counts.
const wattHour = 3_600_000

// NewGuard guards a meter. serial pins it; empty pins the first that answers.
func NewGuard(m kiosk.Meter, register kiosk.Register, serial string) *Guard {
	return &Guard{meter: m, register: register, serial: serial, fresh: true}
}

// Seed tells what the journal has of the meter. It must come before the first Read. A reading of
// another meter than the pinned one says nothing.
func (g *Guard) Seed(r kiosk.Reading) {
	if g.serial != "" && r.Serial != g.serial {
		return
	}
	g.serial = r.Serial
	g.begin(r)
	g.fresh = true
}

// begin counts from a reading on.
func (g *Guard) begin(r kiosk.Reading) {
	g.last, g.seen, g.floor, g.fresh = &r, &r, nil, false
	g.spare, g.behind = g.most(r), 0
}

// most is what a reading may be ahead, in W·ms.
func (g *Guard) most(r kiosk.Reading) int64 { return int64(g.register.Tolerance(r.Import)) * wattHour }

// Renew lets the next reading prove which meter it is of: what is billed is read so.
func (g *Guard) Renew() { kiosk.Renew(g.meter) }

// Read implements kiosk.Meter.
func (g *Guard) Read(ctx context.Context) (kiosk.Reading, error) {
	var before *kiosk.Reading
	var fault *Fault
	agree := 0
	for range exchanges {
		r, err := g.meter.Read(ctx)
		if err != nil {
			return kiosk.Reading{}, err
		}
		if before == nil || !g.agree(*before, r) {
			agree = 0
		}
		agree++
		before = &r
		var need int
		need, fault = g.judge(r)
		if need > 0 && agree >= need {
			g.accept(r, need)
			return r, nil
		}
		g.count(r)
	}
	if fault == nil {
		fault = &Fault{kiosk.FaultRegisterJump, fmt.Sprintf(
			"register does not stand still: %v is the last of %d readings that do not agree", before.Import, exchanges)}
	}
	return kiosk.Reading{}, fault
}

// agree tells whether a reading may follow another one at once.
func (g *Guard) agree(a, b kiosk.Reading) bool {
	rise, ok := g.register.Rise(a.Import, b.Import)
	return ok && a.Serial == b.Serial && int64(rise)*wattHour <= g.most(a)+g.high(&a, b, residual)
}

// high is the most that may have flowed between two exchanges, in W·ms; unseen is what no power
// shows.
func (g *Guard) high(from *kiosk.Reading, to kiosk.Reading, unseen kiosk.Power) int64 {
	if from == nil {
		return 0
	}
	span := max(0, to.At.Sub(from.At))
	most := int64(g.register.Peak()) * span.Milliseconds()
	if span > known {
		return most
	}
	measured := int64(max(from.Power, to.Power, unseen)) * span.Milliseconds() / 100 * (100 + agreePercent)
	return min(measured, most)
}

// low is the least that must have flowed between two exchanges, in W·ms.
func (g *Guard) low(from *kiosk.Reading, to kiosk.Reading) int64 {
	span := max(0, to.At.Sub(from.At))
	if span > known {
		return 0
	}
	return int64(max(0, min(from.Power, to.Power))) * span.Milliseconds() / 100 * (100 - agreePercent)
}

// count lets time pass without a reading that was accepted.
func (g *Guard) count(r kiosk.Reading) {
	if g.last == nil || r.Serial != g.serial {
		return
	}
	g.spare += g.high(g.seen, r, 0)
	g.behind += g.low(g.seen, r)
	g.seen = &r
}

// judge says how many exchanges must agree on a reading before it counts; 0 with what is wrong.
func (g *Guard) judge(r kiosk.Reading) (need int, fault *Fault) {
	if g.serial != "" && r.Serial != g.serial {
		return 0, &Fault{kiosk.FaultMeterOther, fmt.Sprintf("meter has serial number %s, want %s", r.Serial, g.serial)}
	}
	if g.last == nil {
		return agreeing, nil
	}
	rise, ok := g.register.Rise(g.last.Import, r.Import)
	if !ok {
		if g.floor != nil && g.register.Possible(*g.floor, r, r.At.Sub(g.floor.At)) == nil {
			return lowering, nil
		}
		return 0, &Fault{kiosk.FaultRegisterBackwards, fmt.Sprintf("register fell from %v to %v", g.last.Import,
			r.Import)}
	}
	since := r.At.Sub(g.last.At)
	flowed := g.high(g.seen, r, residual)
	spare := g.spare + flowed - int64(rise)*wattHour
	switch {
	case g.register.MaxPower > 0 && spare < 0:
		return 0, g.tooMuch(*g.last, r, rise, since)
	case g.behindAfter(r, rise) > g.most(r)+int64(silentFor)*wattHour:
		return 0, &Fault{kiosk.FaultMeterContradicts, fmt.Sprintf("register stands at %v while %d W flow", r.Import,
			r.Power)}
	case g.fresh, spare < 0, r.At.Sub(g.seen.At) > known && int64(rise)*wattHour > g.most(r):
		return agreeing, nil
	}
	return 1, nil
}

// tooMuch tells which rule a rise breaks.
func (g *Guard) tooMuch(last, r kiosk.Reading, rise kiosk.Energy, since time.Duration) *Fault {
	if err := g.register.Possible(last, r, since); err != nil {
		return &Fault{kiosk.FaultRegisterJump, err.Error()}
	}
	if peak := g.register.Peak(); r.Power > peak {
		return &Fault{kiosk.FaultRegisterJump, fmt.Sprintf("%d W flow, at most %d W are possible", r.Power, peak)}
	}
	return &Fault{kiosk.FaultMeterContradicts, fmt.Sprintf(
		"register rose by %v in %v, which the measured power does not explain", rise,
		since.Round(time.Millisecond))}
}

// behindAfter is how far the register is behind its meter's power with a reading.
func (g *Guard) behindAfter(r kiosk.Reading, rise kiosk.Energy) int64 {
	return max(0, g.behind+g.low(g.seen, r)-int64(rise)*wattHour)
}

// accept makes a reading the last good one.
func (g *Guard) accept(r kiosk.Reading, need int) {
	if g.last == nil || need == lowering {
		g.serial = r.Serial
		g.begin(r)
		return
	}
	rise, _ := g.register.Rise(g.last.Import, r.Import)
	g.behind = g.behindAfter(r, rise)
	g.spare = min(g.most(r), g.spare+g.high(g.seen, r, residual)-int64(rise)*wattHour)
	switch {
	case need == agreeing && int64(rise)*wattHour > g.most(r):
		g.floor = g.last
	case rise > 0: // something was counted since
		g.floor = nil
	}
	g.last, g.seen, g.fresh = &r, &r, false
}

// Exchange takes the meter that answers now for a new one, or its register for the true one, once
// record returned nil for the last good reading of the old one and the first of the new. Of an old
// one that never answered the reading has the serial number alone; where none was expected it is
// nil.
func (g *Guard) Exchange(ctx context.Context, record func(old *kiosk.Reading, now kiosk.Reading) error) error {
	g.Renew()
	now, err := g.meter.Read(ctx)
	for range exchanges {
		if err != nil {
			return err
		}
		first := now
		now, err = g.meter.Read(ctx)
		if err == nil && g.agree(first, now) {
			return g.exchange(now, record)
		}
	}
	if err == nil {
		err = &Fault{kiosk.FaultRegisterJump, fmt.Sprintf("register does not stand still at %v", now.Import)}
	}
	return err
}

func (g *Guard) exchange(now kiosk.Reading, record func(old *kiosk.Reading, now kiosk.Reading) error) error {
	var old *kiosk.Reading
	if g.last != nil {
		last := *g.last
		old = &last
	} else if g.serial != "" {
		old = &kiosk.Reading{Serial: g.serial}
	}
	if err := record(old, now); err != nil {
		return err
	}
	g.serial = now.Serial
	g.begin(now)
	return nil
}

// Pin names the meter that is to answer, in place of the one that NewGuard was told.
func (g *Guard) Pin(serial string) { g.serial = serial }

// Serial is the number of the meter that is to answer; empty for the first one.
func (g *Guard) Serial() string { return g.serial }
