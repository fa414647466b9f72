package session

import (
	"cmp"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"kioskd"
)

// duty tells since when a worker waits for a device. Each call of a driver has an end; a worker
// that finds none is stuck for good, with whatever it holds: only another process helps.
type duty struct{ began atomic.Pointer[time.Time] }

// do calls f, whose panic is an error: a driver's mistake must not end what else is going on.
func (d *duty) do(f func()) (err error) {
	d.goOn()
	defer d.began.Store(nil)
	return Contain(f)
}

// panicError is what Contain makes of a panic. Its text is one line, for the journal; a log gets the stack
// with it.
type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

func (p *panicError) LogValue() slog.Value {
	return slog.StringValue(p.Error() + "\n" + string(p.stack))
}

// Contain makes an error of a panic.
func Contain(f func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{p, debug.Stack()}
		}
	}()
	f()
	return nil
}

// contained is what a call returns, or what it panicked with.
func contained(f func() error) (err error) {
	panicked := Contain(func() { err = f() })
	return cmp.Or(panicked, err)
}

// errSelf is what becomes of a command whose driver panicked. How far it came is not known.
var errSelf = fmt.Errorf("%w: kioskd itself failed at it", kiosk.ErrOutcomeUnknown)

// goOn tells that a call came back and the next begins.
func (d *duty) goOn() {
	now := time.Now()
	d.began.Store(&now)
}

// stuck tells whether it has been at it for too long.
func (d *duty) stuck(limit time.Duration) bool {
	began := d.began.Load()
	return began != nil && time.Since(*began) > limit
}

// stuck tells whether a device's worker is.
func (c *Controller) stuck() bool {
	is := c.terminal.stuck(terminalStuck)
	for _, b := range c.bays {
		is = is || b.contacts.stuck(bayStuck) || b.readings.stuck(bayStuck)
	}
	if is && !c.wasStuck {
		c.cfg.Log.Error("a device's driver does not come back: kioskd must be started again")
	}
	c.wasStuck = is
	return is
}
