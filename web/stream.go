package web

import (
	"fmt"
	"net/http"
	"time"
)

// Times of a stream of server-sent events (WHATWG HTML, section 9.2).
const (
	beat     = time.Second      // changes come together: one state in it at most
	silence  = 15 * time.Second // after it a comment is sent
	patience = 30 * time.Second // a watcher that reads nothing for so long is let go
)

// mostStreams are open at a time for one token or person, so that others find a connection.
const mostStreams = 64

// watches counts the streams of a token or person: false for one too many.
func (s *server) watches(by string, n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams[by]+n > mostStreams {
		return false
	}
	s.streams[by] += n
	if s.streams[by] == 0 {
		delete(s.streams, by)
	}
	return true
}

// stream sends a state at once, and again after each change, while its watcher may have it. send writes an event where
// there is something new.
func (s *server) stream(w http.ResponseWriter, r *http.Request, by string, still func() bool, send func() error) error {
	if !s.watches(by, 1) {
		return &problem{http.StatusTooManyRequests, fmt.Sprintf("at most %d streams at a time", mostStreams)}
	}
	defer s.watches(by, -1)
	changed, cancel := s.site.Watch()
	defer cancel()
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	out.SetReadDeadline(time.Time{}) // there is nothing to read; where it cannot be set it was not
	quiet := time.NewTicker(silence)
	defer quiet.Stop()
	for {
		if err := out.SetWriteDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		if err := send(); err != nil {
			s.log.Error("stream failed", "path", r.URL.Path, "error", err)
			return nil // its status is sent: the watcher sees the stream end, and comes again
		}
		if out.Flush() != nil { // the watcher is gone
			return nil
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-quiet.C:
			fmt.Fprint(w, ": nothing changed\n\n")
			if !still() {
				return nil
			}
			continue
		case <-changed:
		}
		if !still() {
			return nil
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-time.After(beat):
		}
	}
}
