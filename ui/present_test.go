package ui_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/socket"
	"kioskd/tariff"
	"kioskd/ui"
)

const price = `{"id":"t","currency":"EUR","tax_included":"YES","elements":[{"price_components":[{"type":"ENERGY",
	"price":0.49,"vat":19},{"type":"PARKING_TIME","price":6}]}]}`

// machine is the controller without devices: what a finger does is decided and stepped.
type machine struct {
	mu    sync.Mutex // of Do and Snapshot: staff are judged aside
	t     *testing.T
	rules session.Rules
	state session.State
	live  map[int]session.Sample
	now   time.Time
	halt  bool
	start bool
	// visits counts the sessions: S1 is the first.
	visits int
	// progress is what the terminal says; wrote sees what is written down, where it is set.
	progress kiosk.Progress
	wrote    func(session.Event)
}

// handout is the receipt of a session in tests.
func handout(x session.Session) ui.Handout {
	return ui.Handout{Code: "https://pay.example/r/" + x.Reference,
		Items: []ui.Item{{Key: "receipt.no", Value: []ui.Arg{{Text: x.Reference}}}}}
}

func (m *machine) Choose(ctx context.Context, bay int) (string, error) {
	m.visits++
	id := fmt.Sprint("S", m.visits)
	return id, m.Do(ctx, session.Observation{What: session.Chosen, Session: id, Reference: "ABC1234", Bay: bay})
}

func (m *machine) Do(_ context.Context, o session.Observation) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	o.At, o.Live = m.now, m.live
	turn, err := m.rules.Turn(m.state, o, nil)
	if err != nil {
		return err
	}
	m.state = turn.State
	for _, e := range turn.Events {
		if m.wrote != nil {
			m.wrote(e)
		}
	}
	return nil
}

func (m *machine) Snapshot() session.Snapshot {
	m.mu.Lock()
	defer m.mu.Unlock()
	return session.Snapshot{State: m.state, Live: m.live, Progress: map[string]kiosk.Progress{"S1": m.progress},
		Halted: m.halt, Starting: m.start, At: m.now}
}

func newScreen(t *testing.T) (*machine, *ui.Presenter) {
	m := &machine{t: t, rules: rules(), live: map[int]session.Sample{},
		now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	m.rules.Currency = "EUR"
	m.rules.Code = func(string) string { return "4711" }
	m.rules.Bays[3] = session.BayRules{MaxPower: 22000}
	return m, presenter(t, m)
}

func presenter(t *testing.T, m *machine) *ui.Presenter { return presenterWith(t, m, price) }

func presenterWith(t *testing.T, m *machine, price string) *ui.Presenter {
	return presenterAt(t, m, price, 3)
}

func presenterAt(t *testing.T, m *machine, price string, bays ...int) *ui.Presenter {
	tf, err := tariff.Parse([]byte(price))
	if err != nil {
		t.Fatal(err)
	}
	return ui.NewPresenter(ui.Site{Name: "Site", Languages: []string{"en", "de"}, Bays: bays,
		Prices: ui.Always(tf, "sum"), Receipt: handout,
		Hold: kiosk.Money{Minor: 5000, Currency: "EUR"}, Timezone: "Europe/Berlin", Rules: m.rules,
		Times: ui.DefaultTimes(), CardWait: 45 * time.Second}, m)
}

func touch(t *testing.T, p *ui.Presenter, k ui.InputKind, value string, want ui.Screen) ui.View {
	t.Helper()
	if err := p.Input(context.Background(), ui.Input{Seq: look(p).Seq, Kind: k, Value: value}); err != nil {
		t.Fatal(err)
	}
	v := look(p)
	if v.Screen != want {
		t.Fatalf("%s leads to %s, want %s", k, v.Screen, want)
	}
	return v
}

func TestAVisit(t *testing.T) {
	m, p := newScreen(t)
	if v := look(p); v.Screen != ui.Attract || v.Prices[0].Amount != "0.49" {
		t.Fatalf("the price is not shown without a touch: %+v", v)
	}
	touch(t, p, ui.Touch, "", ui.Bays)
	v := touch(t, p, ui.Choose, "3", ui.Price)
	if len(v.Prices) != 2 || v.Prices[1].Dimension != "PARKING_TIME" || v.Prices[1].Amount != "0.10" ||
		v.Hold.Minor != 5000 {
		t.Errorf("not every price and the hold are shown before the tap: %+v", v)
	}
	if v := touch(t, p, ui.Language, "de", ui.Price); v.Language != "de" {
		t.Errorf("language is %s", v.Language)
	}
	touch(t, p, ui.Accept, "", ui.Tap)
	if m.state.Sessions["S1"].Offer.Language != "de" {
		t.Error("the language of the visit is not in the offer")
	}
	m.must(session.Observation{What: session.HoldApproved, Session: "S1",
		Hold: &kiosk.Hold{ID: "231", Approved: kiosk.Money{Minor: 2000, Currency: "EUR"}}})
	if v := look(p); v.Screen != ui.Wait {
		t.Errorf("before the confirmation the screen is %s", v.Screen)
	}
	m.must(session.Observation{What: session.HoldEnded, Session: "S1"})
	if v := look(p); v.Screen != ui.PlugIn || v.Approved.Minor != 2000 || v.Bay != 3 {
		t.Errorf("%+v", v)
	}
	again := presenter(t, m) // the daemon was started again while they stood there
	if v := again.View(); v.Screen != ui.PlugIn || v.Language != "de" {
		t.Errorf("after a restart the screen is %s in %s", v.Screen, v.Language)
	}
	touch(t, p, ui.Stop, "", ui.StopAsk)
	touch(t, p, ui.Back, "", ui.PlugIn)
	touch(t, p, ui.Stop, "", ui.StopAsk)
	if v := touch(t, p, ui.Confirm, "", ui.Final); v.Settled || v.Paid.Minor != 0 || v.Released.Minor != 2000 ||
		v.Message != "cancelled" {
		t.Errorf("%+v", v)
	}
}

func (m *machine) must(o session.Observation) {
	m.t.Helper()
	if err := m.Do(context.Background(), o); err != nil {
		m.t.Fatal(err)
	}
}

func TestALateTapNeverActsOnANewScreen(t *testing.T) {
	_, p := newScreen(t)
	old := look(p).Seq
	touch(t, p, ui.Touch, "", ui.Bays)
	if err := p.Input(context.Background(), ui.Input{Seq: old, Kind: ui.Choose, Value: "3"}); err == nil {
		t.Error("a tap on the old screen chose a bay")
	}
}

func TestEveryDeclineSaysThatNothingWasReserved(t *testing.T) {
	for _, class := range []kiosk.DeclineClass{kiosk.DeclineNoCard, kiosk.DeclinePIN, kiosk.DeclineIssuer} {
		m, p := newScreen(t)
		touch(t, p, ui.Touch, "", ui.Bays)
		touch(t, p, ui.Choose, "3", ui.Price)
		touch(t, p, ui.Accept, "", ui.Tap)
		m.must(session.Observation{What: session.HoldEnded, Session: "S1", Err: &kiosk.Declined{Class: class}})
		if v := look(p); v.Screen != ui.Declined || v.Message != string(class) {
			t.Errorf("%s shows %s %s", class, v.Screen, v.Message)
		}
		touch(t, p, ui.Language, "de", ui.Declined)
		for _, next := range []ui.Screen{ui.Bays, ui.Attract} { // they may try another bay, in their language
			m.now = m.now.Add(time.Minute)
			if v := look(p); v.Screen != next || (v.Language == "de") != (next == ui.Bays) {
				t.Errorf("it goes on to %s in %s, want %s", v.Screen, v.Language, next)
			}
		}
	}
}

func TestNothingIsSoldWithoutATerminalOrAJournal(t *testing.T) {
	m, p := newScreen(t)
	m.must(session.Observation{What: session.FaultSeen, Fault: "PT001", Raised: true})
	if v := look(p); v.Screen != ui.Reader || v.Fault != "PT001" {
		t.Errorf("%s %s", v.Screen, v.Fault)
	}
	m.must(session.Observation{What: session.FaultSeen, Fault: "PT001"})
	m.halt = true
	if v := look(p); v.Screen != ui.OutOfOrder || v.Fault != "DB001" {
		t.Errorf("%s %s", v.Screen, v.Fault)
	}
}

func TestSocket(t *testing.T) {
	_, p := newScreen(t)
	path := filepath.Join(t.TempDir(), "ui.sock")
	l, err := socket.Listen(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := socket.Listen(path, 0o600); err == nil || !strings.Contains(err.Error(), "another kioskd") {
		t.Errorf("a second daemon got %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &ui.Server{Presenter: p, Changed: func() (<-chan struct{}, func()) { return nil, func() {} },
		Pictures: map[string][]byte{"logo.png": []byte("a picture")}}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, l) }()
	client := ui.Dial(path)
	seen := make(chan ui.View, 10)
	go client.Views(ctx, func(v ui.View) { seen <- v })
	v := <-seen
	if err := client.Send(ctx, ui.Input{Seq: v.Seq, Kind: ui.Touch}); err != nil {
		t.Fatal(err)
	}
	v = <-seen
	if v.Screen != ui.Bays {
		t.Errorf("the touch led to %s", v.Screen)
	}
	if data, err := client.Picture(ctx, "logo.png"); string(data) != "a picture" || err != nil {
		t.Errorf("the logo is %q, %v", data, err)
	}
	if _, err := client.Picture(ctx, "other.png"); err == nil {
		t.Error("a picture that there is not is served")
	}
	if err := client.Send(ctx, ui.Input{Seq: v.Seq - 1, Kind: ui.Touch}); err == nil ||
		!strings.Contains(err.Error(), "older view") {
		t.Errorf("a late touch got %v", err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("unix", path); err == nil {
		t.Error("the socket still answers")
	}
	var none *net.OpError
	if err := client.Views(context.Background(), func(ui.View) {}); !errors.As(err, &none) {
		t.Errorf("a daemon that is gone gives %v", err)
	}
}

// rules are those of a site whose terminal can name a card.
func rules() session.Rules {
	r := session.DefaultRules()
	r.Abilities.ReadsCards = true
	return r
}

// look lets time pass, as the socket's server does, and looks.
func look(p *ui.Presenter) ui.View {
	p.Tick()
	return p.View()
}

// TestLookingChangesNothing: however often a second screen or a page of the host's looks, and whenever, no visit ends
// by it, no driver counts as told, and nothing that a finger may touch becomes another. Only time that passes does.
func TestLookingChangesNothing(t *testing.T) {
	m, p := newScreen(t)
	if err := p.Input(t.Context(), ui.Input{Seq: look(p).Seq, Kind: ui.Touch}); err != nil {
		t.Fatal(err)
	}
	bays := look(p)
	at := m.now
	for range 3 {
		m.now = at.Add(2 * ui.DefaultTimes().Idle) // a clock that shows another time, for a moment
		if v := p.View(); v.Screen != ui.Attract || v.Seq != bays.Seq+1 {
			t.Fatalf("what the next tick shows is %s %d", v.Screen, v.Seq)
		}
		m.now = at
		if v := p.View(); v.Screen != ui.Bays || v.Seq != bays.Seq {
			t.Fatalf("a look ended the visit: %s %d", v.Screen, v.Seq)
		}
	}
	if err := p.Input(t.Context(), ui.Input{Seq: bays.Seq, Kind: ui.Choose, Value: "3"}); err != nil {
		t.Fatal(err)
	}
	price := look(p)
	for range 100 {
		if v := p.View(); !reflect.DeepEqual(v, price) {
			t.Fatalf("two looks show %+v and %+v", v, price)
		}
	}
	m.now = at.Add(2 * ui.DefaultTimes().Idle)
	p.Tick()
	m.now = at
	if v := p.View(); v.Seq == price.Seq && v.Screen != ui.Price {
		t.Errorf("%+v", v)
	}
}
