package ocpp

import (
	"cmp"
	"fmt"
	"slices"
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

// guess is what a register may count, and in what. More than one may be possible for a while.
type guess struct {
	kind   kind
	scale  kiosk.Energy // of what the charger says: 1, or 1000 where it calls kWh Wh
	last   kiosk.Energy // as the lifetime register
	lastAt time.Time    // up to when the bay's power is used up; before the last value where less was drawn
}

// counter follows the register of one transaction. Its readings are as the lifetime register would say them. Of what is
// possible the least counts: doubt goes to the driver.
type counter struct {
	register kiosk.Register
	start    kiosk.Energy // of StartTransaction
	begun    time.Time
	want     kind    // that this charger's registers had before; unknown where none was sure
	guesses  []guess // that fit all values so far
	told     bool    // a value came
	last     kiosk.Energy
}

func newCounter(register kiosk.Register, start kiosk.Energy, at time.Time) *counter {
	c := &counter{register: register, start: start, last: start}
	c.from(at)
	return c
}

// from is the time at which it began.
func (c *counter) from(at time.Time) {
	c.begun, c.guesses = at, nil
	for _, g := range []guess{{kind: kindLifetime, scale: 1}, {kind: kindLifetime, scale: 1000},
		{kind: kindSession, scale: 1}, {kind: kindSession, scale: 1000}} {
		g.last, g.lastAt = c.start, at
		c.guesses = append(c.guesses, g)
	}
}

// kind is what the register counts, where only that is possible.
func (c *counter) kind() kind {
	if !c.told || slices.ContainsFunc(c.guesses, func(g guess) bool { return g.kind != c.guesses[0].kind }) {
		return kindUnknown
	}
	return c.guesses[0].kind
}

// most is the most that may have been counted up to a time.
func (c *counter) most(from, to time.Time) kiosk.Energy {
	return c.register.Most(to.Sub(from)) + c.register.Tolerance(0) + slack
}

// whole is a value as the lifetime register.
func (c *counter) whole(g guess, value kiosk.Energy) kiosk.Energy {
	if g.kind == kindSession {
		return c.start + value*g.scale
	}
	return value * g.scale
}

// take judges a value, in Wh as the charger calls it, and returns the register.
func (c *counter) take(value kiosk.Energy, at time.Time) (kiosk.Energy, error) {
	if !c.told && value == 0 { // of a session that begins, or not read yet
		return c.start, nil
	}
	var fit []guess
	var wrong error
	for _, g := range c.guesses {
		if c.want != kindUnknown && c.want != g.kind {
			continue
		}
		next, err := c.follow(g, value, at)
		if err == nil {
			fit = append(fit, next)
		} else if wrong == nil {
			wrong = err
		}
	}
	if len(fit) == 0 {
		return 0, c.explained(value, wrong)
	}
	c.guesses, c.told = fit, true
	least := slices.MinFunc(fit, func(a, b guess) int { return cmp.Compare(a.last, b.last) })
	c.last = max(c.last, least.last)
	return c.last, nil
}

// follow lets a guess go on to a value, where that is possible.
func (c *counter) follow(g guess, value kiosk.Energy, at time.Time) (guess, error) {
	now := c.whole(g, value)
	if now < g.last && g.last-now < g.scale { // coarser than the register that it began with
		now = g.last
	}
	switch rise, most := now-g.last, c.most(g.lastAt, at); {
	case rise < 0:
		return g, &Fault{kiosk.FaultRegisterBackwards, fmt.Sprintf("register fell from %v to %v", g.last, now)}
	case rise > most:
		return g, &Fault{kiosk.FaultRegisterJump, fmt.Sprintf("register rose by %v, at most %v is possible", rise,
			most)}
	default:
		g.lastAt = c.spent(g, rise, at)
	}
	g.last = now
	return g, nil
}

// explained is why no guess fits.
func (c *counter) explained(value kiosk.Energy, wrong error) error {
	if c.told && len(c.guesses) == 1 && wrong != nil {
		return wrong
	}
	what := "it is neither the lifetime's nor the session's"
	if c.want != kindUnknown {
		what = fmt.Sprintf("it is not the %s's, which this charger told before", c.want)
	}
	code := kiosk.FaultRegisterJump
	if f := kiosk.FaultOf(wrong); c.told && f != "" {
		code = f
	}
	return &Fault{code, fmt.Sprintf("register is %v where the transaction began with %v and was %v: %s", value, c.start,
		c.last, what)}
}

// mostCredit is how long power that was not drawn may be drawn later: a charger that was cut off tells all at once, and
// a coarse register stands still for long.
const mostCredit = 15 * time.Minute

// spent is up to when the bay's power is used up after a rise.
func (c *counter) spent(g guess, rise kiosk.Energy, at time.Time) time.Time {
	peak := c.register.Peak()
	if peak <= 0 {
		return at
	}
	until := g.lastAt.Add(time.Duration(int64(rise) * 3_600_000 / int64(peak) * int64(time.Millisecond)))
	if oldest := at.Add(-mostCredit); until.Before(oldest) {
		until = oldest
	}
	if until.After(at) {
		return at
	}
	return until
}

// behind is what the register of StopTransaction may be behind the last value without a word: some count a little while
// they open.
const behind kiosk.Energy = 50

// end judges the register of StopTransaction. Where it is less than the last value the driver pays what it says: doubt
// is theirs. A 0 after values that were none is no register.
func (c *counter) end(value kiosk.Energy, at time.Time) (kiosk.Energy, error) {
	for _, now := range []kiosk.Energy{value, c.start + value} {
		if now < c.start || value == 0 && c.last > c.start {
			continue
		}
		for _, g := range c.guesses {
			if now-g.last <= c.most(g.lastAt, at) {
				return now, nil
			}
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
