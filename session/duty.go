package session

import (
	"sync/atomic"
	"time"
)

// duty tells since when a worker waits for a device. Each call of a driver has an end; a worker
// that finds none is stuck for good, with whatever it holds: only another process helps.
type duty struct{ began atomic.Pointer[time.Time] }

func (d *duty) do(f func()) {
	d.goOn()
	defer d.began.Store(nil)
	f()
}

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
		is = is || b.stuck(bayStuck)
	}
	if is && !c.wasStuck {
		c.cfg.Log.Error("a device's driver does not come back: kioskd must be started again")
	}
	c.wasStuck = is
	return is
}
