package line

import (
	"sync/atomic"
	"time"
)

// Stats counts what happens on a line since the start. Its zero value is ready; it is safe
// for concurrent use, and a nil one counts nothing.
type Stats struct {
	Sent, Repeated, Bad, Silent atomic.Int64
	heard                       atomic.Int64 // Unix time in nanoseconds
}

// Count is what a Stats has counted.
type Count struct {
	Sent, Repeated, Bad, Silent int64
	Heard                       time.Time // when a message was understood last; zero for never
}

// Read reads all; of a nil one there is nothing.
func (s *Stats) Read() Count {
	if s == nil {
		return Count{}
	}
	c := Count{Sent: s.Sent.Load(), Repeated: s.Repeated.Load(), Bad: s.Bad.Load(), Silent: s.Silent.Load()}
	if at := s.heard.Load(); at != 0 {
		c.Heard = time.Unix(0, at)
	}
	return c
}

// Hear notes that a message was understood.
func (s *Stats) Hear() {
	if s != nil {
		s.heard.Store(time.Now().UnixNano())
	}
}

// Add counts one more of what pick picks.
func (s *Stats) Add(pick func(*Stats) *atomic.Int64) {
	if s != nil {
		pick(s).Add(1)
	}
}

// What is counted.
func Sent(s *Stats) *atomic.Int64     { return &s.Sent }     // a message
func Repeated(s *Stats) *atomic.Int64 { return &s.Repeated } // because nothing was heard
func Bad(s *Stats) *atomic.Int64      { return &s.Bad }      // a frame that could not be read
func Silent(s *Stats) *atomic.Int64   { return &s.Silent }   // no answer came in time
