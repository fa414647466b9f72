package ocpp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"kioskd/ocpp/ocppj"
	"kioskd/ocpp/v16"
)

// Charger is one charger of the configuration, connected or not.
type Charger struct {
	server     *Server
	set        Settings
	connectors map[int]*Connector
	log        *slog.Logger

	mu       sync.Mutex // of what follows, and of its connectors
	conn     *ocppj.Conn
	v2       bool                  // it speaks OCPP 2.0.1 or 2.1
	v21      bool                  // it speaks OCPP 2.1
	stations map[string]*stationed // transactions of 2.x, by the charger's names
	problems map[int]problem       // of a charger of 2.x, by EVSE
	starts   int                   // how often a charger of 2.x was asked to begin
	address  string
	heard    time.Time
	profile  int    // the security profile that it came with
	came     string // the password that it came with
	boot     v16.BootNotification
	learned  learned           // what its registers count
	written  bool              // its settings were
	short    map[string]string // lists that it took shortened
	refused  []Setting         // that the charger does not take
	fuses    fuses
}

// Setting is a configuration key of a charger.
type Setting struct {
	Key   string `json:"key"`
	Value string `json:"value"` // that it should have
	Has   string `json:"has,omitempty"`
	Why   string `json:"why"`
	Free  bool   `json:"free,omitempty"` // a vehicle may charge without the kiosk
}

// Report is what is known of a charger.
type Report struct {
	ID        string    `json:"id"`
	Bays      []int     `json:"bays"` // that its connectors are
	Connected bool      `json:"connected"`
	Set       bool      `json:"set"` // its settings were written since the kiosk began
	Address   string    `json:"address,omitempty"`
	Heard     time.Time `json:"heard"`
	Vendor    string    `json:"vendor,omitempty"`
	Model     string    `json:"model,omitempty"`
	Serial    string    `json:"serial,omitempty"`
	Firmware  string    `json:"firmware,omitempty"`
	Refused   []Setting `json:"refused,omitempty"`
	// Unfused means that it goes on when it is cut off, until the vehicle is full or disconnected.
	Unfused bool `json:"unfused,omitempty"`
}

// learned is what the registers of a charger counted; another firmware may count otherwise.
type learned struct {
	device string
	kind   kind
}

// device is what the charger is; empty until it said so. The caller holds the lock.
func (c *Charger) device() string {
	return strings.Join(strings.Fields(c.boot.Vendor+" "+c.boot.Model+" "+c.boot.Firmware), " ")
}

// learn keeps what a transaction's values counted.
func (c *Charger) learn(device string, k kind) {
	if device != "" && k != kindUnknown {
		c.learned = learned{device, k}
	}
}

func newCharger(s *Server, set Settings) *Charger {
	c := &Charger{server: s, set: set, connectors: map[int]*Connector{}, log: s.o.Log.With("charger", set.ID),
		fuses: fuses{forms: fuseForms()}, short: map[string]string{},
		stations: map[string]*stationed{}, problems: map[int]problem{}}
	for _, n := range set.Connectors {
		c.connectors[n.Number] = &Connector{charger: c, set: n, news: make(chan struct{}, 1)}
	}
	for _, p := range s.o.Past {
		if p.Transaction.Charger == set.ID {
			c.learn(p.Device, kind(p.Register))
		}
		n, ok := c.connectors[p.Transaction.Connector]
		if p.Transaction.Charger == set.ID && ok {
			n.remember(p)
		}
	}
	return c
}

func (c *Charger) report() Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	var bays []int
	for _, n := range c.set.Connectors {
		bays = append(bays, n.Bay)
	}
	return Report{ID: c.set.ID, Bays: bays, Connected: c.conn != nil, Set: c.written, Address: c.address,
		Heard: c.heard, Vendor: c.boot.Vendor, Model: c.boot.Model, Serial: c.boot.Serial,
		Firmware: c.boot.Firmware,
		Refused:  slices.Clone(c.refused), Unfused: c.fuses.unbounded()}
}

// options are those of a connection.
func (s *Server) options(h ocppj.Handler, v2 bool, log *slog.Logger) ocppj.Options {
	return ocppj.Options{Handle: h, V2: v2, Log: log, Trace: s.o.Trace}
}

// serve speaks with the charger until the connection ends. A new one replaces the old one.
func (c *Charger) serve(ctx context.Context, ws *websocket.Conn, address string, log *slog.Logger) {
	v2, handle := ws.Subprotocol() != protocol16, c.handle
	if v2 {
		handle = c.handle2
	}
	conn := ocppj.New(ws, c.server.options(handle, v2, log))
	c.mu.Lock()
	before := c.conn
	c.v2, c.v21 = v2, ws.Subprotocol() == protocol21
	c.conn, c.address, c.heard = conn, address, time.Now()
	for _, n := range c.connectors {
		n.connected()
	}
	c.mu.Unlock()
	if before != nil {
		log.Warn("charger connected anew while it was connected", "address", address)
		go before.Close("another connection has the identity")
	}
	log.Info("charger is connected", "address", address)
	ctx, cancel := context.WithCancel(ctx)
	var greeting sync.WaitGroup
	greeting.Go(func() { c.greet(ctx) })
	err := conn.Run(ctx)
	cancel()
	greeting.Wait()
	c.mu.Lock()
	if c.conn == conn {
		c.conn = nil
		for _, n := range c.connectors {
			n.wake()
		}
	}
	c.mu.Unlock()
	log.Warn("charger is no longer connected", "address", address, "why", err)
}

// errAway means that a charger is not connected.
var errAway = errors.New("the charger is not connected")

// call sends a command. It fails at once where the charger is not connected.
func (c *Charger) call(ctx context.Context, action string, request, response any) error {
	c.mu.Lock()
	conn, v2 := c.conn, c.v2
	c.mu.Unlock()
	switch {
	case conn == nil:
		return errAway
	case v2:
		return c.call2(ctx, conn, request, response)
	}
	return conn.Call(ctx, action, request, response)
}

// asked sends a command that is answered by a status, and fails where it is none of the good ones.
func (c *Charger) asked(ctx context.Context, action string, request any, good ...string) error {
	var result v16.CommandResult
	if err := c.call(ctx, action, request, &result); err != nil {
		return err
	}
	if !slices.Contains(append(good, v16.ResultAccepted), result.Status) {
		return &refusal{action, result.Status}
	}
	return nil
}

// refusal is an answer with a status that is none of the good ones.
type refusal struct{ action, status string }

func (r *refusal) Error() string { return fmt.Sprintf("%s was answered with %q", r.action, r.status) }

// refused tells whether a charger answered that it does not do what it was asked.
func refused(err error) bool {
	var status *refusal
	var own *ocppj.Error
	return errors.As(err, &status) || errors.As(err, &own)
}

// heartbeat is how often a charger is to say that it is there; its connection is proven by pings.
const heartbeat = time.Minute

// handle answers what a charger says.
func (c *Charger) handle(ctx context.Context, action string, payload json.RawMessage) (any, error) {
	c.mu.Lock()
	c.heard = time.Now()
	c.mu.Unlock()
	switch action {
	case v16.ActionBootNotification:
		return answer(payload, func(m v16.BootNotification) (v16.BootResult, error) { return c.booted(m), nil })
	case v16.ActionHeartbeat:
		return v16.HeartbeatResult{Now: v16.At(c.server.o.Now())}, nil
	case v16.ActionStatusNotification:
		return answer(payload, func(m v16.StatusNotification) (v16.Empty, error) { return v16.Empty{}, c.status(m) })
	case v16.ActionAuthorize:
		return answer(payload, func(m v16.Authorize) (v16.AuthorizeResult, error) { return c.authorize(m), nil })
	case v16.ActionStartTransaction:
		return answer(payload, func(m v16.StartTransaction) (v16.StartResult, error) {
			return c.started(ctx, m, beginning{})
		})
	case v16.ActionMeterValues:
		return answer(payload, func(m v16.MeterValues) (v16.Empty, error) { return v16.Empty{}, c.measured(m) })
	case v16.ActionStopTransaction:
		return answer(payload, func(m v16.StopTransaction) (v16.StopResult, error) { return c.stopped(ctx, m) })
	case v16.ActionDataTransfer:
		return v16.DataTransferResult{Status: "UnknownVendorId"}, nil
	case v16.ActionDiagnosticsStatus, v16.ActionFirmwareStatus, v16.ActionSecurityEvent:
		c.log.Info("charger says", "action", action, "payload", string(payload))
		return v16.Empty{}, nil
	}
	return nil, ocppj.Errorf(ocppj.NotImplemented, "%s is not known", action)
}

// answer decodes a payload for a handler.
func answer[Q, R any](payload json.RawMessage, f func(Q) (R, error)) (any, error) {
	var q Q
	if err := json.Unmarshal(payload, &q); err != nil {
		return nil, ocppj.Errorf(ocppj.FormationViolation, "%v", err)
	}
	return f(q)
}

func (c *Charger) booted(m v16.BootNotification) v16.BootResult {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.boot = m
	c.log.Info("charger begins", "vendor", m.Vendor, "model", m.Model, "firmware", m.Firmware, "serial", m.Serial)
	return v16.BootResult{Status: v16.Accepted, Now: v16.At(c.server.o.Now()),
		Interval: int(heartbeat / time.Second)}
}

// status takes a connector's state; that of connector 0 is of the whole charger.
func (c *Charger) status(m v16.StatusNotification) error {
	if m.Status == "" || m.Connector < 0 {
		return ocppj.Errorf(ocppj.OccurrenceOf16, "want status and connectorId")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for number, n := range c.connectors {
		switch {
		case number == m.Connector:
			n.said(m)
		case m.Connector == 0:
			n.box = m
			n.wake()
		}
	}
	return nil
}

// authorize lets only those begin whom the kiosk asked to: an idTag that a charger asks about is a session's reference.
func (c *Charger) authorize(m v16.Authorize) v16.AuthorizeResult {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := v16.AuthorizeResult{IDTagInfo: v16.IDTagInfo{Status: v16.AuthInvalid}}
	for _, n := range c.connectors {
		runs := n.running != nil && !n.running.refused && n.running.IDTag == m.IDTag
		if runs || n.grant != nil && n.grant.Reference == m.IDTag {
			out.IDTagInfo.Status = v16.AuthAccepted
		}
	}
	return out
}

// meet speaks with a charger that the configuration does not know: it is told to wait (Pending), and setup shows it.
func (s *Server) meet(ctx context.Context, ws *websocket.Conn, id string, r *http.Request, log *slog.Logger) {
	_, _, password := r.BasicAuth()
	seen := Stranger{ID: id, Address: r.RemoteAddr, Password: password, At: time.Now()}
	keep := func(change func(*Stranger)) {
		s.mu.Lock()
		defer s.mu.Unlock()
		change(&seen)
		s.strange[id] = seen
		if len(s.strange) > mostStrangers { // the one that came first is forgotten
			first := slices.MinFunc(slices.Collect(maps.Values(s.strange)), func(a, b Stranger) int {
				return a.At.Compare(b.At)
			})
			delete(s.strange, first.ID)
		}
	}
	keep(func(*Stranger) {})
	log.Warn("charger is not in the configuration: kioskd setup asks which bay it is", "address", r.RemoteAddr)
	booted, v2 := make(chan struct{}, 1), ws.Subprotocol() != protocol16
	conn := ocppj.New(ws, s.options(s.waits(v2, booted, keep), v2, log))
	ctx, leave := context.WithCancel(ctx)
	var asking sync.WaitGroup
	if !v2 { // a charger of 2.x has EVSEs, and tells of them once it is taken
		asking.Go(func() { s.askConnectors(ctx, conn, booted, log, keep) })
	}
	err := conn.Run(ctx)
	leave()
	asking.Wait()
	if err != nil {
		log.Info("charger that is not in the configuration has left", "why", err)
	}
}

// askConnectors asks a charger that has told what it is how many connectors it has.
func (s *Server) askConnectors(ctx context.Context, conn *ocppj.Conn, booted <-chan struct{}, log *slog.Logger,
	keep func(func(*Stranger))) {
	select {
	case <-ctx.Done():
		return
	case <-booted:
	}
	select { // it is answered first
	case <-ctx.Done():
		return
	case <-time.After(time.Second):
	}
	var c v16.Configuration
	err := conn.Call(ctx, v16.ActionGetConfiguration, v16.GetConfiguration{Key: []string{"NumberOfConnectors"}}, &c)
	if err != nil || len(c.Keys) != 1 {
		log.Info("charger does not say how many connectors it has", "error", err)
		return
	}
	n, err := strconv.Atoi(c.Keys[0].Value)
	if err == nil && n > 0 && n < 100 {
		keep(func(x *Stranger) { x.Connectors = n })
	}
}

// waits answers a charger that is to wait, and keeps what it is.
func (s *Server) waits(v2 bool, booted chan<- struct{}, keep func(func(*Stranger))) ocppj.Handler {
	wait := func(vendor, model, firmware string) (v16.BootResult, error) {
		keep(func(x *Stranger) { x.Vendor, x.Model, x.Firmware, x.At = vendor, model, firmware, time.Now() })
		select {
		case booted <- struct{}{}:
		default:
		}
		return v16.BootResult{Status: v16.Pending, Now: v16.At(s.o.Now()), Interval: int(heartbeat / time.Second)}, nil
	}
	return func(_ context.Context, action string, payload json.RawMessage) (any, error) {
		switch {
		case action == v16.ActionBootNotification && v2:
			return answer(payload, func(m v2Boot) (v16.BootResult, error) {
				return wait(m.Station.Vendor, m.Station.Model, m.Station.Firmware)
			})
		case action == v16.ActionBootNotification:
			return answer(payload, func(m v16.BootNotification) (v16.BootResult, error) {
				return wait(m.Vendor, m.Model, m.Firmware)
			})
		case action == v16.ActionHeartbeat:
			return v16.HeartbeatResult{Now: v16.At(s.o.Now())}, nil
		case action == v16.ActionStatusNotification:
			return v16.Empty{}, nil
		}
		return nil, ocppj.Errorf(ocppj.SecurityError, "the charger is not in the configuration")
	}
}
