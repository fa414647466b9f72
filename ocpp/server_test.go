package ocpp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"kioskd"
	"kioskd/ocpp"
	"kioskd/ocpp/judges"
)

// ledger is a desk that writes down what it is told.
type ledger struct {
	mu      sync.Mutex
	started []kiosk.Transaction
	refused []kiosk.Transaction
	ended   []ocpp.Ended
	err     error // of the next start
}

func (l *ledger) Started(_ context.Context, _ int, t kiosk.Transaction, _ kiosk.Reading) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.started = append(l.started, t)
	}
	return l.err
}

func (l *ledger) Refused(_ context.Context, _ int, t kiosk.Transaction, _ error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused = append(l.refused, t)
	return nil
}

func (l *ledger) Ended(_ context.Context, e ocpp.Ended) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = append(l.ended, e)
	return nil
}

// peer is a charger that says what the test tells it to, in frames of its own.
type peer struct {
	t  *testing.T
	ws *websocket.Conn
	n  int

	config string // settings that it tells beside its own

	mu      sync.Mutex
	answers map[string]chan json.RawMessage
	calls   chan []json.RawMessage // that it does not answer by itself
}

// diary is a log.
type diary struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (d *diary) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.Write(b)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.String()
}

type stand struct {
	t       *testing.T
	log     *diary
	version string // of what is said, as judges.Frames has it
	desk    *ledger
	server  *ocpp.Server
	address string
	bay     *ocpp.Connector
}

func newStand(t *testing.T, past ...ocpp.Past) *stand {
	s := &stand{t: t, desk: &ledger{}, log: &diary{}, version: "16"}
	s.server = ocpp.New(ocpp.Options{Desk: s.desk, Past: past, Now: time.Now, PlugIn: 3 * time.Minute,
		Sample: 10 * time.Second, Log: slog.New(slog.NewTextHandler(s.log, nil)), Trace: true,
		Chargers: []ocpp.Settings{{ID: "WB 1", Password: "a-password-of-16",
			Connectors: []ocpp.ConnectorSettings{{Number: 1, Bay: 3, Register: kiosk.Register{MaxPower: 22000}}}}}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.server.Serve(ctx, l, nil) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if judges.Installed() == nil { // TestAStrictClient says where it is not
			judges.Frames(t, s.version, judges.Traced(s.log.String(), "sent"))
		}
	})
	s.address = "ws://" + l.Addr().String() + "/ocpp/"
	s.bay = s.server.Connector("WB 1", 1)
	return s
}

func (s *stand) quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func (s *stand) dial(id, user, password string, protocols ...string) (*websocket.Conn, *http.Response, error) {
	header := http.Header{}
	if password != "" {
		r := &http.Request{Header: header}
		r.SetBasicAuth(user, password)
	}
	return websocket.Dial(context.Background(), s.address+id, &websocket.DialOptions{HTTPHeader: header,
		Subprotocols: protocols})
}

// connect is the charger that the configuration has. It answers the commands of configuration by itself.
func (s *stand) connect() *peer { return s.connectWith("") }

func (s *stand) connectWith(config string) *peer { return s.connectBy("ocpp1.6", config) }

func (s *stand) connectBy(protocol, config string) *peer {
	s.t.Helper()
	ws, _, err := s.dial("WB%201", "WB 1", "a-password-of-16", protocol)
	if err != nil {
		s.t.Fatal(err)
	}
	p := &peer{t: s.t, ws: ws, config: config, answers: map[string]chan json.RawMessage{},
		calls: make(chan []json.RawMessage, 10)}
	s.t.Cleanup(func() { ws.CloseNow() })
	go p.read()
	return p
}

func (p *peer) read() {
	for {
		_, data, err := p.ws.Read(context.Background())
		if err != nil {
			close(p.calls)
			return
		}
		var f []json.RawMessage
		if json.Unmarshal(data, &f) != nil || len(f) < 3 {
			p.t.Errorf("the server sent %s", data)
			continue
		}
		var id, action string
		_ = json.Unmarshal(f[1], &id)
		_ = json.Unmarshal(f[2], &action)
		switch {
		case string(f[0]) != "2":
			p.mu.Lock()
			p.answers[id] <- f[2]
			p.mu.Unlock()
		case action == "GetConfiguration":
			p.write(`[3,%q,{"configurationKey":[%s{"key":"FreevendEnabled","readonly":true,"value":"true"}]}]`, id,
				p.config)
		case action == "GetVariables":
			p.write(`[3,%q,{"getVariableResult":[{"attributeStatus":"UnknownVariable","component":{"name":"X"},
				"variable":{"name":"X"}}]}]`, id)
		case action == "SetVariables":
			p.write(`[3,%q,{"setVariableResult":[{"attributeStatus":"Accepted","component":{"name":"X"},
				"variable":{"name":"X"}}]}]`, id)
		case action == "ChangeConfiguration", action == "TriggerMessage":
			p.write(`[3,%q,{"status":"Accepted"}]`, id)
		default:
			p.calls <- f
		}
	}
}

func (p *peer) write(format string, args ...any) {
	err := p.ws.Write(context.Background(), websocket.MessageText, fmt.Appendf(nil, format, args...))
	if err != nil && !errors.Is(err, net.ErrClosed) { // the test is over
		p.t.Errorf("%s: %v", format, err)
	}
}

// says sends a call, and returns its answer.
func (p *peer) says(action, payload string) string {
	p.t.Helper()
	p.n++
	id := fmt.Sprint("m", p.n)
	answer := make(chan json.RawMessage, 1)
	p.mu.Lock()
	p.answers[id] = answer
	p.mu.Unlock()
	p.write(`[2,%q,%q,%s]`, id, action, payload)
	return string(<-answer)
}

// asked waits for a command, and answers it after what is to come before.
func (p *peer) asked(action, answer string, before func()) string {
	p.t.Helper()
	f := <-p.calls
	if len(f) < 4 || string(f[2]) != fmt.Sprintf("%q", action) {
		p.t.Fatalf("the server asks %s, want %s", f, action)
	}
	if before != nil {
		before()
	}
	p.write(`[3,%s,%s]`, f[1], answer)
	return string(f[3])
}

func (s *stand) inputs() kiosk.BayInputs {
	s.t.Helper()
	in, err := s.bay.Inputs(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	return in
}

const (
	preparing = `{"connectorId":1,"errorCode":"NoError","status":"Preparing"}`
	accepted  = `{"status":"Accepted"}`
	begin     = `{"connectorId":1,"idTag":"7GK2M4Q","meterStart":2259988,"timestamp":"2026-03-02T09:00:10Z"}`
)

// start lets the charger begin, which it does before it answers: as some do.
func (s *stand) start(p *peer) string {
	s.t.Helper()
	p.says("StatusNotification", preparing)
	done := make(chan error, 1)
	go func() { done <- s.bay.Start(context.Background(), kiosk.Grant{Reference: "7GK2M4Q"}) }()
	var got string
	asked := p.asked("RemoteStartTransaction", accepted, func() { got = p.says("StartTransaction", begin) })
	if asked != `{"connectorId":1,"idTag":"7GK2M4Q"}` {
		s.t.Errorf("it was asked %s", asked)
	}
	if err := <-done; err != nil {
		s.t.Fatal(err)
	}
	return got
}

// TestASale: a charger that begins before it answers, that tells the register of the session where it began with that
// of its life, and the end.
func TestASale(t *testing.T) {
	s := newStand(t)
	p := s.connect()
	if got := p.says("BootNotification", `{"chargePointVendor":"","chargePointModel":"M","x":1}`); !strings.Contains(got,
		`"status":"Accepted"`) {
		t.Error(got)
	}
	if got := s.start(p); got != `{"idTagInfo":{"status":"Accepted"},"transactionId":1}` {
		t.Error(got)
	}
	if got := p.says("StartTransaction", begin); !strings.Contains(got, `"transactionId":1`) || len(s.desk.started) != 1 {
		t.Errorf("again: %s, %+v", got, s.desk.started)
	}
	if in := s.inputs(); !in.Plugged || !in.Closed || in.For != "7GK2M4Q" {
		t.Errorf("%+v", in)
	}
	p.says("MeterValues", `{"connectorId":1,"transactionId":1,"meterValue":[{"timestamp":"1970-01-01T00:00:00Z",
		"sampledValue":[{"value":"12"},{"value":"7.4","measurand":"Power.Active.Import","unit":"kW"},
		{"value":"3","phase":"L1"}]}]}`)
	r, err := s.bay.Read(context.Background())
	if err != nil || r.Import != 2260000 || r.Power != 7400 || r.Serial != "WB 1/1" {
		t.Errorf("%+v, %v", r, err)
	}
	if s.bay.Open() == nil {
		t.Error("it is open while its transaction runs")
	}
	p.asked("RemoteStopTransaction", accepted, nil)
	p.says("StopTransaction", `{"transactionId":1,"meterStop":2260010,"timestamp":"2026-03-02T09:10:00Z","reason":"Remote",
		"transactionData":[{"timestamp":"2026-03-02T09:10:00Z","sampledValue":[{"value":"OCMF|{}|{}",
		"format":"SignedData","context":"Transaction.End"}]}]}`)
	if err := s.bay.Open(); err != nil {
		t.Error(err)
	}
	r, err = s.bay.Read(context.Background())
	e := s.desk.ended
	if err != nil || r.Import != 2260010 || len(e) != 1 || e[0].Reading.Import != 2260010 || len(e[0].Signed) != 1 ||
		e[0].Signed[0].Value != "OCMF|{}|{}" {
		t.Errorf("%+v, %v, ended %+v", r, err, e)
	}
	got := s.server.Chargers()[0]
	for len(got.Refused) == 0 { // it is set beside what it says; a charger that never is ends the test at its limit
		runtime.Gosched()
		got = s.server.Chargers()[0]
	}
	if !got.Connected || len(got.Refused) != 1 || got.Refused[0].Key != "FreevendEnabled" {
		t.Errorf("%+v", got)
	}
}

// TestNoEnergyWithoutASession: a transaction that no session granted is refused, written down, and ended.
func TestNoEnergyWithoutASession(t *testing.T) {
	s := newStand(t)
	p := s.connect()
	p.says("StatusNotification", preparing)
	if got := p.says("StartTransaction", begin); !strings.Contains(got, `"status":"Invalid"`) ||
		len(s.desk.refused) != 1 || len(s.desk.started) != 0 {
		t.Errorf("%s, %+v", got, s.desk)
	}
	if got := p.asked("RemoteStopTransaction", accepted, nil); got != `{"transactionId":1}` {
		t.Error(got)
	}
	if s.inputs().Closed {
		t.Error("a refused transaction counts as the bay's")
	}
	if got := p.says("Authorize", `{"idTag":"7GK2M4Q"}`); !strings.Contains(got, "Invalid") {
		t.Error(got)
	}
}

// TestWhatTheJournalRefusesDoesNotRun: the charger gets its yes only from the journal.
func TestWhatTheJournalRefusesDoesNotRun(t *testing.T) {
	s := newStand(t)
	s.desk.err = errors.New("disk is full")
	p := s.connect()
	p.says("StatusNotification", preparing)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.bay.Start(ctx, kiosk.Grant{Reference: "7GK2M4Q"}) }()
	p.asked("RemoteStartTransaction", accepted, nil)
	if got := p.says("StartTransaction", begin); !strings.Contains(got, `"status":"Invalid"`) {
		t.Error(got)
	}
	stop()
	<-done
	p.asked("RemoteStopTransaction", accepted, nil)
}

// TestTheKioskBeganAnew: a transaction of before goes on, and one that did not get its answer gets the same number.
func TestTheKioskBeganAnew(t *testing.T) {
	tx := kiosk.Transaction{ID: 41, Charger: "WB 1", Connector: 1, IDTag: "7GK2M4Q", MeterStart: 2259988,
		Timestamp: "2026-03-02T09:00:10Z"}
	s := newStand(t, ocpp.Past{Transaction: tx, At: time.Now().Add(-10 * time.Minute)})
	p := s.connect()
	p.says("StatusNotification", `{"connectorId":1,"errorCode":"NoError","status":"Charging"}`)
	if got := p.says("StartTransaction", begin); !strings.Contains(got, `"transactionId":41`) || len(s.desk.started) > 0 {
		t.Error(got)
	}
	if in := s.inputs(); !in.Closed || in.For != "7GK2M4Q" {
		t.Errorf("%+v", in)
	}
	if _, err := s.bay.Read(context.Background()); err == nil {
		t.Error("a register is told that nothing was heard of")
	}
	p.says("MeterValues", `{"connectorId":1,"transactionId":41,"meterValue":[{"timestamp":"2026-03-02T09:10:00Z",
		"sampledValue":[{"value":"2261988.0"}]}]}`)
	if r, err := s.bay.Read(context.Background()); err != nil || r.Import != 2261988 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestWhoMayConnect: the configured charger with its password, in the one protocol.
func TestWhoMayConnect(t *testing.T) {
	s := newStand(t)
	for name, c := range map[string]struct{ user, password string }{
		"no password": {}, "a wrong one": {"WB 1", "x"}, "another user": {"WB 2", "a-password-of-16"}} {
		_, r, err := s.dial("WB%201", c.user, c.password, "ocpp1.6")
		if err == nil || r == nil || r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
	ws, _, err := s.dial("WB%201", "WB 1", "a-password-of-16", "ocpp9.9")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ws.Read(context.Background()); websocket.CloseStatus(err) != websocket.StatusProtocolError {
		t.Errorf("another protocol: %v", err)
	}
	stranger, _, err := s.dial("NEW-1", "", "", "ocpp1.6")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.CloseNow()
	_ = stranger.Write(context.Background(), websocket.MessageText,
		[]byte(`[2,"1","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]`))
	_, answer, err := stranger.Read(context.Background())
	if err != nil || !strings.Contains(string(answer), "Pending") {
		t.Errorf("%s, %v", answer, err)
	}
	if got := s.server.Strangers(); len(got) != 1 || got[0].ID != "NEW-1" || got[0].Vendor != "V" {
		t.Errorf("%+v", got)
	}
}

// TestARegisterIsOfTheKindThatItWas: a charger that told the session's register tells no other one, also after the
// kiosk began anew; one with another firmware may.
func TestARegisterIsOfTheKindThatItWas(t *testing.T) {
	const boot = `{"chargePointVendor":"V","chargePointModel":"M","firmwareVersion":"1"}`
	value := func(p *peer, wh string) {
		p.says("MeterValues", `{"connectorId":1,"transactionId":1,"meterValue":[{"timestamp":"2026-03-02T09:00:20Z",
			"sampledValue":[{"value":"`+wh+`"}]}]}`)
	}
	s := newStand(t)
	p := s.connect()
	p.says("BootNotification", boot)
	s.start(p)
	value(p, "12")
	p.says("StopTransaction", `{"transactionId":1,"meterStop":2260010,"timestamp":"2026-03-02T09:10:00Z"}`)
	e := s.desk.ended
	if len(e) != 1 || e[0].Register != "session" || e[0].Device != "V M 1" {
		t.Fatalf("it ended with %+v", e)
	}
	past := ocpp.Past{Transaction: kiosk.Transaction{Charger: "WB 1", Connector: 1, IDTag: "7GK2M40"}, Ended: true,
		Device: e[0].Device, Register: e[0].Register, At: time.Now()}
	for said, wrong := range map[string]bool{boot: true, strings.Replace(boot, `"1"`, `"2"`, 1): false} {
		s := newStand(t, past)
		p := s.connect()
		p.says("BootNotification", said)
		s.start(p)
		value(p, "2260000")
		value(p, "2260001") // one alone says nothing
		if _, err := s.bay.Read(context.Background()); (err != nil) != wrong {
			t.Errorf("%s: the lifetime's register gives %v", said, err)
		}
	}
}

// TestOneOddValueIsNoFault: a register that drops for a moment is passed over; one that stays there is a fault. One
// that sends each measurand by itself is understood.
func TestOneOddValueIsNoFault(t *testing.T) {
	s := newStand(t)
	p := s.connect()
	s.start(p)
	value := func(wh string) (kiosk.Reading, error) {
		const at = `"timestamp":"2026-03-02T09:00:20Z"`
		p.says("MeterValues", `{"connectorId":1,"transactionId":1,"meterValue":[
			{`+at+`,"sampledValue":[{"value":"11000","measurand":"Power.Active.Import","unit":"W"}]},
			{`+at+`,"sampledValue":[{"value":"`+wh+`","unit":"Wh"}]}]}`)
		return s.bay.Read(context.Background())
	}
	for i, x := range []struct {
		says string
		want kiosk.Energy
		bad  bool
	}{{"2260000", 2260000, false}, {"17", 2260000, false}, {"2260020", 2260020, false}, {"17", 2260020, false},
		{"18", 0, true}, {"2260040", 2260040, false}} {
		r, err := value(x.says)
		if (err != nil) != x.bad || !x.bad && (r.Import != x.want || r.Power != 11000) {
			t.Errorf("%d: %s gives %+v, %v", i, x.says, r, err)
		}
	}
}
