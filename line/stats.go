package line

import "sync/atomic"

// Stats counts what happens on a line since the start. Its zero value is ready; it is safe
// for concurrent use, and a nil one counts nothing.
type Stats struct{ Sent, Repeated, Bad, Silent atomic.Int64 }

// Count is what a Stats has counted.
type Count struct{ Sent, Repeated, Bad, Silent int64 }

// Read reads all.
func (s *Stats) Read() Count {
	return Count{s.Sent.Load(), s.Repeated.Load(), s.Bad.Load(), s.Silent.Load()}
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
