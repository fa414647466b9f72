package ocpp

import (
	"fmt"
	"time"

	"kioskd"
)

// kind is what the register of MeterValues counts.
type kind string

// Kinds of registers.
const (
	kindUnknown  kind = ""
	kindLifetime kind = "lifetime" // as meterStart and meterStop
	kindSession  kind = "session"  // from 0 at the transaction's start
)

// slack is what a register may be ahead of the bay's power, beside its own tolerance: values of chargers are late.
const slack kiosk.Energy = 200

// counter follows the register of one transaction. Its readings are as the lifetime register would say them.
type counter struct {
	register kiosk.Register
	start    kiosk.Energy // of StartTransaction
	begun    time.Time
	kind     kind
	want     kind         // that this charger's registers had before; unknown where none was seen
	scale    kiosk.Energy // of what the charger says: 1, or 1000 where it calls kWh Wh; 0 while it is not known
	sure     bool         // of the kind: no other one was possible
	last     kiosk.Energy
	lastAt   time.Time // up to when the bay's power is used up; later where less was drawn
}

func newCounter(register kiosk.Register, start kiosk.Energy, at time.Time) *counter {
	return &counter{register: register, start: start, begun: at, last: start, lastAt: at}
}

// most is the most that may have been counted up to a time.
func (c *counter) most(from, to time.Time) kiosk.Energy {
	return c.register.Most(to.Sub(from)) + c.register.Tolerance(0) + slack
}

// take judges a value, in Wh as the charger calls it, and returns the register.
func (c *counter) take(value kiosk.Energy, at time.Time) (kiosk.Energy, error) {
	if c.kind == kindUnknown && value == 0 { // of a session that begins, or not read yet
		return c.start, nil
	}
	if c.kind == kindUnknown {
		if err := c.decide(value, at); err != nil {
			return 0, err
		}
	}
	now := c.whole(value)
	if now < c.last && c.last-now < c.scale { // coarser than the register that it began with
		now = c.last
	}
	switch rise, most := now-c.last, c.most(c.lastAt, at); {
	case rise < 0:
		return 0, &Fault{kiosk.FaultRegisterBackwards, fmt.Sprintf("register fell from %v to %v", c.last, now)}
	case rise > most:
		return 0, &Fault{kiosk.FaultRegisterJump, fmt.Sprintf("register rose by %v in %v, at most %v is possible", rise,
			at.Sub(c.lastAt).Round(time.Second), most)}
	}
	c.lastAt = c.spent(now-c.last, at)
	c.last = now
	return now, nil
}

// mostCredit is how long power that was not drawn may be drawn later: a charger that was cut off tells all at once, and
// a coarse register stands still for long.
const mostCredit = 15 * time.Minute

// spent is up to when the bay's power is used up after a rise.
func (c *counter) spent(rise kiosk.Energy, at time.Time) time.Time {
	peak := c.register.Peak()
	if peak <= 0 {
		return at
	}
	until := c.lastAt.Add(time.Duration(int64(rise) * 3_600_000 / int64(peak) * int64(time.Millisecond)))
	if oldest := at.Add(-mostCredit); until.Before(oldest) {
		until = oldest
	}
	if until.After(at) {
		return at
	}
	return until
}

// whole is a value as the lifetime register.
func (c *counter) whole(value kiosk.Energy) kiosk.Energy {
	if c.kind == kindSession {
		return c.start + value*c.scale
	}
	return value * c.scale
}

// decide tells by the first value what the register counts, and in what. Where more than one is possible the one that
// counts least is taken: doubt goes to the driver.
func (c *counter) decide(value kiosk.Energy, at time.Time) error {
	most, least, found := c.most(c.begun, at), kiosk.Energy(0), false
	possible := map[kind]bool{}
	for _, guess := range []struct {
		kind  kind
		scale kiosk.Energy
	}{{kindLifetime, 1}, {kindLifetime, 1000}, {kindSession, 1}} {
		try := counter{start: c.start, kind: guess.kind, scale: guess.scale}
		rise := try.whole(value) - c.start
		if -guess.scale < rise && rise < 0 { // what a kWh is cut off by
			rise = 0
		}
		if c.want != kindUnknown && c.want != guess.kind {
			continue
		}
		possible[guess.kind] = possible[guess.kind] || rise >= 0 && rise <= most
		if rise >= 0 && rise <= most && (!found || rise < least) {
			c.kind, c.scale, least, found = guess.kind, guess.scale, rise, true
		}
	}
	c.sure = !possible[kindLifetime] || !possible[kindSession]
	if found {
		return nil
	}
	what := "it is neither the lifetime's nor the session's"
	if c.want != kindUnknown {
		what = fmt.Sprintf("it is not the %s's, which this charger told before", c.want)
	}
	return &Fault{kiosk.FaultRegisterJump, fmt.Sprintf("register is %v where the transaction began with %v: %s", value,
		c.start, what)}
}

// behind is what the register of StopTransaction may be behind the last value: some count a little while they open.
const behind kiosk.Energy = 50

// end judges the register of StopTransaction. Where it is a little less than the last value it is the one that counts:
// the driver pays the lower one.
func (c *counter) end(value kiosk.Energy, at time.Time) (kiosk.Energy, error) {
	one := *c
	one.scale = 1
	most := c.most(c.lastAt, at)
	for _, k := range []kind{kindLifetime, kindSession} {
		one.kind = k
		now := one.whole(value)
		if now >= c.start && now >= c.last-behind && now-c.last <= most {
			return now, nil
		}
	}
	return 0, &Fault{kiosk.FaultRegisterJump, fmt.Sprintf("the last register is %v, the one before it was %v", value,
		c.last)}
}

// Fault is a value that must not be billed.
type Fault struct {
	Code kiosk.FaultCode
	What string
}

func (f *Fault) Error() string { return string(f.Code) + ": " + f.What }

// FaultCode is the code; the session machine asks for it without knowing this package.
func (f *Fault) FaultCode() kiosk.FaultCode { return f.Code }
