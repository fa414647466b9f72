package session

import (
	"sync"
	"time"
)

// Clock is the time that is journaled and billed by. It runs with the monotonic clock from
// a moment at which it took over the system's time, so that a jump of that moves nothing
// in a session. A computer without a battery-backed clock starts with a wrong time and
// learns the right one later: Clock says whether its time is to be trusted, and follows the
// system's only when it is told that nothing is running. It is safe for concurrent use.
type Clock struct {
	system func() time.Time
	synced func() bool // does the system say that its time is right?

	mu      sync.Mutex
	anchor  time.Time // with its monotonic reading
	wall    time.Time // the time at anchor
	floor   time.Time // it was this late before
	trusted bool
	behind  time.Time // since when a system that is in step is before the floor; zero if it is not
}

// NewClock makes a clock that shows the system's time. synced tells whether that can be
// believed now.
func NewClock(system func() time.Time, synced func() bool) *Clock {
	return &Clock{system: system, synced: synced, anchor: time.Now(), wall: system().Round(0), trusted: synced()}
}

// After tells the clock that it was this late before, by what is journaled. A system whose
// time is earlier is not believed.
func (c *Clock) After(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.floor = t
	if c.now().Before(t.Add(-slack)) {
		c.trusted = false
	}
}

// Now is the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time { return c.wall.Add(time.Since(c.anchor)) }

// Trusted tells whether Now is to be trusted: it was right once, and has run on since.
func (c *Clock) Trusted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trusted
}

// inStep tells whether the system's time can be believed. One that was earlier before is
// not, until it has been in step for a while: then it was the journal that was ahead.
func (c *Clock) inStep(system time.Time) bool {
	switch {
	case !c.synced():
		c.behind = time.Time{}
		return false
	case !system.Before(c.floor.Add(-slack)):
		c.behind = time.Time{}
	case c.behind.IsZero():
		c.behind = time.Now()
		return false
	case time.Since(c.behind) < patience:
		return false
	}
	return true
}

// Clocks differ by less than agree where one was set by the other. A journal of before may
// be ahead by slack.
const (
	agree = 2 * time.Second
	slack = time.Minute
	// patience is how long a system may say that it is in step before it is believed against
	// the journal.
	patience = 10 * time.Minute
)

// Look compares with the system's time, once in a while. Where that is another and idle
// says that nothing is running, it is taken over; from is then what Now was.
func (c *Clock) Look(idle bool) (from time.Time, set bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	system := c.system().Round(0)
	good := c.inStep(system)
	off := system.Sub(c.now()).Abs()
	switch {
	case off < agree:
		c.trusted = c.trusted || good
	case idle && (good || !c.trusted): // what was right once is better than what no source vouches for
		from, set = c.now(), true
		c.anchor, c.wall, c.trusted = time.Now(), system, good
	}
	if c.trusted {
		c.floor = c.now()
	}
	return from, set
}
