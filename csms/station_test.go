package csms_test

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"kioskd/csms"
	"kioskd/ocpp/v16"
	"kioskd/ocpp/v2"
)

// queue has messages, and may fail to write down what became of them.
type queue struct {
	mu     sync.Mutex
	all    []*csms.Message
	told   int
	parked int
	fails  int
}

func (q *queue) Next(context.Context) (*csms.Message, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if at := q.told + q.parked; at < len(q.all) {
		return q.all[at], nil
	}
	return nil, nil
}

func (q *queue) done(n *int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.fails > 0 {
		q.fails--
		return errors.New("the disk is full")
	}
	*n++
	return nil
}

func (q *queue) Told(context.Context, *csms.Message) error        { return q.done(&q.told) }
func (q *queue) Park(context.Context, *csms.Message, error) error { return q.done(&q.parked) }
func (q *queue) Waits(context.Context) (bool, error)              { return false, nil }

func (q *queue) became() (told, parked int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.told, q.parked
}

// place is a site with one EVSE.
type place struct {
	mu     sync.Mutex
	faults []csms.Fault
	stops  []string
}

func (p *place) EVSEs() []csms.EVSE { return []csms.EVSE{{ID: 1, Status: v2.Available}} }

func (p *place) Faults() []csms.Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.faults)
}

func (p *place) Changed() (<-chan struct{}, func()) { return make(chan struct{}), func() {} }

func (p *place) Stop(_ context.Context, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stops = append(p.stops, id)
	return nil
}

func (p *place) Start(context.Context, int, int, v2.IDToken) error { return nil }
func (p *place) Runs(string) bool                                  { return false }
func (p *place) Operate(context.Context, int, bool) (bool, error)  { return false, nil }
func (p *place) Keep(context.Context, int, time.Duration) error    { return nil }
func (p *place) Reset(context.Context, bool) (bool, error)         { return false, nil }
func (p *place) Tariff() v2.Assignment                             { return v2.Assignment{Tariff: "T"} }
func (p *place) SetTariff(context.Context, int, v2.Tariff) error   { return nil }
func (p *place) ClearTariff(context.Context) error                 { return nil }
func (p *place) Log(context.Context) ([]byte, error)               { return []byte("{}"), nil }
func (p *place) MayUpload(string) error                            { return nil }

// system is a central system that answers as a test says: "" for {}, "!CODE" for an error.
type system struct {
	*httptest.Server
	answers func(action string) string

	mu     sync.Mutex
	frames []string
	ws     *websocket.Conn
}

func newSystem(t *testing.T, answers func(action string) string) *system {
	s := &system{answers: answers}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *system) serve(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"ocpp2.1"}})
	if err != nil {
		return
	}
	s.mu.Lock()
	s.ws = ws
	s.mu.Unlock()
	for {
		_, data, err := ws.Read(r.Context())
		if err != nil {
			return
		}
		s.mu.Lock()
		s.frames = append(s.frames, string(data))
		s.mu.Unlock()
		var f []json.RawMessage
		var action string
		if json.Unmarshal(data, &f) != nil || string(f[0]) != "2" || json.Unmarshal(f[2], &action) != nil {
			continue
		}
		text := fmt.Sprintf(`[3,%s,{}]`, f[1])
		switch a := s.answers(action); {
		case strings.HasPrefix(a, "!"):
			text = fmt.Sprintf(`[4,%s,%q,"no",{}]`, f[1], a[1:])
		case a != "":
			text = fmt.Sprintf(`[3,%s,%s]`, f[1], a)
		case action == v2.ActionBootNotification:
			text = fmt.Sprintf(`[3,%s,{"status":"Accepted","currentTime":"2026-01-01T00:00:00Z","interval":300}]`, f[1])
		}
		if ws.Write(r.Context(), websocket.MessageText, []byte(text)) != nil {
			return
		}
	}
}

// count is how many frames have a text.
func (s *system) count(what string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.frames {
		if strings.Contains(f, what) {
			n++
		}
	}
	return n
}

// ask asks the station.
func (s *system) ask(t *testing.T, action, payload string) {
	t.Helper()
	s.mu.Lock()
	ws := s.ws
	s.mu.Unlock()
	text := fmt.Sprintf(`[2,"%s-%d",%q,%s]`, action[:3], time.Now().UnixNano(), action, payload)
	if err := ws.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

const patience = 5 * time.Minute

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(10 * time.Millisecond) { // no signal from a socket
		if time.Now().After(end) {
			t.Fatalf("%s: never", what)
		}
	}
}

// runs lets a station run until the test ends, or what it returns is called.
func runs(t *testing.T, s *system, q *queue, p *place) (stop func()) {
	t.Helper()
	return runsWith(t, s, q, p, nil)
}

func runsWith(t *testing.T, s *system, q *queue, p *place, secure *tls.Config) (stop func()) {
	t.Helper()
	attempts := csms.Variable{Component: "OCPPCommCtrlr", Name: "MessageAttempts", Default: "2"}
	pause := csms.Variable{Component: "OCPPCommCtrlr", Name: "MessageAttemptInterval", Default: "1"}
	station := csms.New(csms.Config{URL: "ws" + strings.TrimPrefix(s.URL, "http"), Identity: "K-1", TLS: secure,
		Queue: q, Site: p, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Model: csms.NewModel([]csms.Variable{attempts, pause}, nil, func(map[string]string) error { return nil }),
		Boot:  v2.BootNotification{Reason: "PowerUp"}})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); station.Run(ctx) }()
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	return stop
}

func event(id string) *csms.Message {
	return &csms.Message{Action: v2.ActionTransactionEvent, At: time.Now(), Payload: &v2.TransactionEvent{
		Type: v2.Started, Timestamp: v16.At(time.Now()), Info: v2.Transaction{ID: id}}}
}

// TestAMessageIsSentOnce where the operator has it: neither a disk that is full nor an answer that cannot be read has
// it sent again.
func TestAMessageIsSentOnce(t *testing.T) {
	for name, c := range map[string]struct {
		fails  int
		answer string
	}{"the disk is full": {fails: 3}, "an odd answer": {answer: `{"transactionLimit":{"maxTime":3600.5}}`}} {
		t.Run(name, func(t *testing.T) {
			s := newSystem(t, func(action string) string {
				if action == v2.ActionTransactionEvent {
					return c.answer
				}
				return ""
			})
			q := &queue{all: []*csms.Message{event("TX-1"), event("TX-2")}, fails: c.fails}
			runs(t, s, q, &place{})
			await(t, "both are told", func() bool { told, _ := q.became(); return told == 2 })
			if a, b := s.count("TX-1"), s.count("TX-2"); a != 1 || b != 1 {
				t.Errorf("they were sent %d and %d times", a, b)
			}
		})
	}
}

// TestWhatIsRefused: a message of the journal is tried as often as it is set, and parked; a notification is told once,
// and holds up nothing.
func TestWhatIsRefused(t *testing.T) {
	s := newSystem(t, func(action string) string {
		switch action {
		case v2.ActionTransactionEvent, v2.ActionStatusNotification, v2.ActionNotifyEvent:
			return "!InternalError"
		}
		return ""
	})
	q := &queue{all: []*csms.Message{event("TX-1"), {Action: v2.ActionNotifySettlement,
		Payload: &v2.NotifySettlement{}}}}
	runs(t, s, q, &place{faults: []csms.Fault{{Code: "PT001"}}})
	await(t, "what comes after it is told", func() bool {
		told, parked := q.became()
		return told == 1 && parked == 1
	})
	await(t, "the fault was told", func() bool { return s.count("PT001") > 0 })
	if n := s.count("TX-1"); n != 2 {
		t.Errorf("the event was sent %d times, want 2", n)
	}
	if a, b := s.count(v2.ActionStatusNotification), s.count("PT001"); a != 1 || b != 1 {
		t.Errorf("told were %d states and %d faults", a, b)
	}
}

// TestTwoFaultsOfOnePlace: Problem is true until the last is over.
func TestTwoFaultsOfOnePlace(t *testing.T) {
	s := newSystem(t, func(string) string { return "" })
	p := &place{faults: []csms.Fault{{EVSE: 1, Code: "MT001"}, {EVSE: 1, Code: "CX017"}}}
	runs(t, s, &queue{}, p)
	await(t, "both are told", func() bool { return s.count("MT001")+s.count("CX017") == 2 })
	p.mu.Lock()
	p.faults = p.faults[:1]
	p.mu.Unlock()
	await(t, "one is over", func() bool { return s.count(`"cleared":true`) == 1 })
	s.mu.Lock()
	last := s.frames[len(s.frames)-1]
	s.mu.Unlock()
	if !strings.Contains(last, `"actualValue":"true"`) || !strings.Contains(last, "CX017") {
		t.Errorf("it is told by %s", last)
	}
}

// TestAStationEnds although a log of it hangs.
func TestAStationEnds(t *testing.T) {
	sink := httptest.NewTLSServer(http.NotFoundHandler())
	defer sink.Close()
	s := newSystem(t, func(string) string { return "" })
	stop := runs(t, s, &queue{}, &place{})
	await(t, "it is there", func() bool { return s.count(v2.ActionStatusNotification) > 0 })
	s.ask(t, v2.ActionGetLog, `{"requestId":1,"logType":"DiagnosticsLog","retries":1000,"retryInterval":600,"log":{`+
		`"remoteLocation":"`+sink.URL+`/x?signature=secret"}}`)
	await(t, "the log is begun", func() bool { return s.count(`"Uploading"`) > 0 })
	stop() // a certificate that is not known ends the try; the next one waits
	if s.count("signature") > 0 {
		t.Error("the operator reads the address's secret")
	}
}

// TestALogIsPutWhereTheOperatorWants: it is the file that the answer names, packed, by PUT over HTTPS.
func TestALogIsPutWhereTheOperatorWants(t *testing.T) {
	type file struct{ method, path, text string }
	put := make(chan file, 1)
	sink := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		text, err := io.ReadAll(z)
		if err != nil {
			t.Error(err)
		}
		put <- file{r.Method, r.URL.Path, string(text)}
	}))
	defer sink.Close()
	known := x509.NewCertPool()
	known.AddCert(sink.Certificate())
	s := newSystem(t, func(string) string { return "" })
	runsWith(t, s, &queue{}, &place{}, &tls.Config{RootCAs: known})
	await(t, "it is there", func() bool { return s.count(v2.ActionStatusNotification) > 0 })
	s.ask(t, v2.ActionGetLog, `{"requestId":9,"logType":"DiagnosticsLog","log":{"remoteLocation":"`+sink.URL+`/logs/"}}`)
	await(t, "it is put there", func() bool { return s.count(`"status":"Uploaded"`) > 0 })
	got := <-put
	if got.method != http.MethodPut || !strings.HasPrefix(got.path, "/logs/K-1-") || got.text != "{}" {
		t.Errorf("there is %+v", got)
	}
}

// TestARequestThatMustWait: before BootNotification is accepted no transaction begins, and no report is sent.
func TestARequestThatMustWait(t *testing.T) {
	s := newSystem(t, func(action string) string {
		if action == v2.ActionBootNotification {
			return `{"status":"Rejected","currentTime":"2026-01-01T00:00:00Z","interval":300}`
		}
		return ""
	})
	runs(t, s, &queue{all: []*csms.Message{event("TX-1")}}, &place{})
	await(t, "it boots", func() bool { return s.count(v2.ActionBootNotification) > 0 })
	s.ask(t, v2.ActionRequestStartTransaction, `{"evseId":1,"remoteStartId":1,"idToken":{"idToken":"X","type":`+
		`"Central"}}`)
	s.ask(t, v2.ActionGetBaseReport, `{"requestId":1,"reportBase":"FullInventory"}`)
	await(t, "both are refused", func() bool { return s.count(`"Rejected"`) == 2 })
	if s.count("TX-1")+s.count(v2.ActionNotifyReport) > 0 {
		t.Error("it tells before it is accepted")
	}
}

// TestATokenThatIsNone is refused.
func TestATokenThatIsNone(t *testing.T) {
	s := newSystem(t, func(string) string { return "" })
	runs(t, s, &queue{}, &place{})
	await(t, "it is there", func() bool { return s.count(v2.ActionStatusNotification) > 0 })
	all := []string{`{"idToken":"","type":"Central"}`, `{"idToken":"X","type":"4111111111111111"}`,
		`{"idToken":"X","type":"a:b"}`, `{"idToken":"` + strings.Repeat("x", 256) + `","type":"Central"}`}
	for _, token := range all {
		s.ask(t, v2.ActionRequestStartTransaction, `{"evseId":1,"remoteStartId":1,"idToken":`+token+`}`)
	}
	await(t, "all are refused", func() bool { return s.count("InvalidIdToken") == len(all) })
}
