package csms

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"kioskd/ocpp/ocppj"
	"kioskd/ocpp/v16"
	"kioskd/ocpp/v2"
)

const protocol = "ocpp2.1"

// Message is a message of the queue.
type Message struct {
	Action  string
	Payload any
	At      time.Time // when it happened
	Again   int64     // of one that was parked, and is to be sent once more: its number
}

// Queue hands out what is to be told, in order.
type Queue interface {
	// Next is the first message that is not told; nil where there is none.
	Next(context.Context) (*Message, error)
	// Told says that the last one was answered.
	Told(context.Context, *Message) error
	// Park keeps the last one for a person: the operator does not take it.
	Park(ctx context.Context, m *Message, why error) error
	// Waits tells whether there is more to be told.
	Waits(ctx context.Context) (bool, error)
}

// Config is what a station needs. All but TLS and Trace are required.
type Config struct {
	URL      string // wss://HOST/PATH: the identity is appended
	Identity string
	Password string
	TLS      *tls.Config
	Boot     v2.BootNotification
	Queue    Queue
	Site     Site
	Model    *Model
	Now      func() time.Time
	Log      *slog.Logger
	Trace    bool
	Mask     func(string) string // takes card numbers out of what is logged
}

// Station is a charging station. Make one with New.
type Station struct {
	c       Config
	actions map[string]action
	work    chan func(context.Context) // what is done after its answer, one after the other

	mu       sync.Mutex
	conn     *ocppj.Conn // nil while there is none
	status   Status
	triggers map[string]bool // what TriggerMessage asks for
	kick     chan struct{}   // has one when a trigger came
	eventSeq int
	booted   bool           // the operator has accepted a BootNotification of this process
	faults   map[Fault]bool // that the operator knows of; of watch alone
	started  bool           // that the station began was told
}

// Status is how things stand.
type Status struct {
	Connected bool
	Accepted  bool
	Since     time.Time // of the last change
	Why       string    // what went wrong last
}

// Times.
const (
	dialWithin    = 30 * time.Second
	firstPause    = 2 * time.Second
	longestPause  = 2 * time.Minute
	queueEvery    = time.Second
	usualInterval = 5 * time.Minute
)

// New makes a station.
func New(c Config) *Station {
	s := &Station{c: c, triggers: map[string]bool{}, kick: make(chan struct{}, 1),
		work: make(chan func(context.Context), mostWork), faults: map[Fault]bool{}}
	s.status.Since = c.Now()
	s.actions = s.requests()
	return s
}

// Status tells how things stand.
func (s *Station) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// became remembers how things stand now.
func (s *Station) became(connected, accepted bool, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Status{Connected: connected, Accepted: accepted, Since: s.c.Now(), Why: s.status.Why}
	if why != nil {
		st.Why = why.Error()
	} else if accepted {
		st.Why = ""
	}
	if st.Connected == s.status.Connected && st.Accepted == s.status.Accepted {
		st.Since = s.status.Since
	}
	s.status = st
}

// Run connects, again and again, until ctx ends.
func (s *Station) Run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { s.doLater(ctx) })
	for pause := firstPause; ctx.Err() == nil; {
		began := time.Now()
		err := s.connected(ctx)
		s.became(false, false, err)
		if ctx.Err() != nil {
			return
		}
		s.c.Log.Warn("operator cannot be reached", "error", err)
		if time.Since(began) > longestPause {
			pause = firstPause
		}
		// a thousand stations must not come back at once (RetryBackOffRandomRange)
		if !wait(ctx, pause+time.Duration(rand.Int64N(int64(pause)))) {
			return
		}
		pause = min(2*pause, longestPause)
	}
}

func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// mostWork is how much may wait to be done after an answer.
const mostWork = 8

// doLater does what is to be done after answers, one after the other: a report must not hold up what happened.
func (s *Station) doLater(ctx context.Context) {
	for {
		select {
		case f := <-s.work:
			if !wait(ctx, afterAnswer) {
				return
			}
			f(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// afterAnswer lets an answer go out before what it promises.
const afterAnswer = 50 * time.Millisecond

// later does something after the answer is on its way; false where too much waits.
func (s *Station) later(f func(context.Context)) bool {
	select {
	case s.work <- f:
		return true
	default:
		return false
	}
}

// connected is one connection, from its begin to its end.
func (s *Station) connected(ctx context.Context) error {
	header := http.Header{}
	if s.c.Password != "" {
		(&http.Request{Header: header}).SetBasicAuth(s.c.Identity, s.c.Password)
	}
	dial, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: s.c.TLS}
	defer transport.CloseIdleConnections()
	ws, answer, err := websocket.Dial(dial, strings.TrimSuffix(s.c.URL, "/")+"/"+url.PathEscape(s.c.Identity),
		&websocket.DialOptions{Subprotocols: []string{protocol}, HTTPHeader: header,
			HTTPClient: &http.Client{Transport: transport}, CompressionMode: websocket.CompressionDisabled})
	switch {
	case err != nil && answer != nil:
		return fmt.Errorf("it answers %s", answer.Status)
	case err != nil:
		return err
	case ws.Subprotocol() != protocol:
		ws.Close(websocket.StatusProtocolError, "want "+protocol)
		return errors.New("it does not speak " + protocol)
	}
	conn := ocppj.New(ws, ocppj.Options{Handle: s.handle, Log: s.c.Log, Trace: s.c.Trace, V2: true, Mask: s.c.Mask})
	s.mu.Lock()
	s.conn = conn
	s.mu.Unlock()
	s.became(true, false, nil)
	s.c.Log.Info("operator is connected")
	ctx, end := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer end()
	all.Go(func() { s.talk(ctx) })
	err = conn.Run(ctx)
	s.mu.Lock()
	s.conn = nil
	s.mu.Unlock()
	return fmt.Errorf("the connection ended: %w", err)
}

// call asks the operator, whether or not it has accepted this station.
func (s *Station) call(ctx context.Context, action string, request, result any) error {
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn == nil {
		return ocppj.ErrClosed
	}
	if result == nil {
		result = &json.RawMessage{}
	}
	return conn.Call(ctx, action, request, result)
}

// talk says that the station is there until that is accepted, and then tells all there is.
func (s *Station) talk(ctx context.Context) {
	boot := s.c.Boot
	s.mu.Lock()
	if s.booted { // the line was lost: the station did not begin anew
		boot.Reason = "Unknown"
	}
	s.mu.Unlock()
	for {
		interval, ok := s.boot(ctx, boot)
		if ok {
			var all sync.WaitGroup
			all.Go(func() { s.tell(ctx) })
			all.Go(func() { s.watch(ctx) })
			s.beat(ctx, interval)
			all.Wait()
			return
		}
		if !s.triggered(ctx, interval, v2.ActionBootNotification) {
			return
		}
	}
}

// boot sends BootNotification: it says whether it was accepted, and when to say something again.
func (s *Station) boot(ctx context.Context, m v2.BootNotification) (interval time.Duration, ok bool) {
	var r v2.BootResult
	if err := s.call(ctx, v2.ActionBootNotification, m, &r); err != nil {
		s.became(true, false, err)
		s.c.Log.Warn("operator did not take BootNotification", "error", err)
		return usualInterval, false
	}
	interval = time.Duration(r.Interval) * time.Second
	if interval <= 0 {
		interval = usualInterval
	}
	if r.Status != v16.Accepted {
		s.became(true, false, fmt.Errorf("BootNotification was answered %s", r.Status))
		return interval, false
	}
	s.became(true, true, nil)
	s.mu.Lock()
	s.booted = true
	s.mu.Unlock()
	if drift := r.Now.Sub(s.c.Now()); !r.Now.IsZero() && drift.Abs() > time.Minute {
		s.c.Log.Warn("clock and the operator's differ", "by", drift.Round(time.Second))
	}
	return interval, true
}

// triggered waits, and ends early where the operator asks for one of some messages; false where ctx ended.
func (s *Station) triggered(ctx context.Context, d time.Duration, whats ...string) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		s.mu.Lock()
		for _, what := range whats {
			if s.triggers[what] {
				delete(s.triggers, what)
				s.mu.Unlock()
				return true
			}
		}
		s.mu.Unlock()
		select {
		case <-s.kick:
		case <-t.C:
			return true
		case <-ctx.Done():
			return false
		}
	}
}

// beat sends Heartbeat, at times, and where the operator asks for it.
func (s *Station) beat(ctx context.Context, interval time.Duration) {
	for {
		every := s.c.Model.seconds("OCPPCommCtrlr", "HeartbeatInterval", interval)
		if !s.triggered(ctx, every, v2.ActionHeartbeat) {
			return
		}
		if err := s.call(ctx, v2.ActionHeartbeat, struct{}{}, nil); err != nil {
			s.c.Log.Warn("heartbeat", "error", err)
		}
	}
}
