package site

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/config"
	"kioskd/meter"
	"kioskd/session"
	"kioskd/store"
	"kioskd/tariff"
)

// What follows is a site with its real machine and its real journal in synthetic time. Its devices are of this file:
// they share nothing with the drivers and the simulators.

// plainConfig is a host's configuration. More is added to it; a test changes what it needs of the value.
func plainConfig(t *testing.T, more string) *config.Config {
	t.Helper()
	dir, err := os.MkdirTemp("", "k") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "kioskd.yaml")
	text := fmt.Sprintf(`
site:
  {name: Example Charging, address: 1 Example Street, helpline: "+49 30 1", kiosk: K-1, timezone: Europe/Berlin,
   currency: EUR, languages: [en, de]}
journal: journal.db
screen: {socket: ui.sock, required: false}
clock: rtc
terminal: {address: "tcp://127.0.0.1:9", password: "271828", capture: released, hold: "50.00"}
tariff: %s
bays:
- {number: 1, evse_id: DE*ABC*E001, max_power_w: 22000, meter: {model: SDM630, address: "tcp://127.0.0.1:8", unit: 1},
   board: {address: "tcp://127.0.0.1:8", unit: 9, coil: 0, plugged: 0, feedback: 1}}
- {number: 2, evse_id: DE*ABC*E002, max_power_w: 22000, meter: {model: SDM630, address: "tcp://127.0.0.1:8", unit: 2},
   board: {address: "tcp://127.0.0.1:8", unit: 9, coil: 1, plugged: 2, feedback: 3}}
`, energyAt(t, "0.49", "")) + more
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// box is a bay's contactor, inputs and meter in one.
type box struct {
	mu       sync.Mutex
	serial   string
	wh       float64
	since    time.Time
	plugged  bool
	closed   bool
	pressed  bool
	welded   bool
	noMeter  bool
	noInputs bool
	switched int // how often the contactor was told to close
}

const boxPower = 11_000 // of its vehicle, in watts

// flow counts what flowed since the last look.
func (b *box) flow() {
	now := time.Now()
	if b.closed && b.plugged {
		b.wh += boxPower * now.Sub(b.since).Hours()
	}
	b.since = now
}

func (b *box) set(change func(*box)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flow()
	change(b)
}

func (b *box) Read(context.Context) (kiosk.Reading, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flow()
	if b.noMeter {
		return kiosk.Reading{}, fmt.Errorf("the meter says nothing: %w", kiosk.ErrUnreachable)
	}
	r := kiosk.Reading{At: time.Now(), Import: kiosk.Energy(b.wh), Serial: b.serial, Named: true,
		Voltage: []int64{230_400, 229_900, 231_000}, Current: []int64{16_000, -120, 0}}
	if b.closed && b.plugged {
		r.Power = boxPower
	}
	return r, nil
}

func (b *box) Close(context.Context) error {
	b.set(func(b *box) { b.closed = true; b.switched++ })
	return nil
}

func (b *box) Open() error {
	b.set(func(b *box) { b.closed = b.welded })
	return nil
}

func (b *box) Inputs(context.Context) (kiosk.BayInputs, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.noInputs {
		return kiosk.BayInputs{}, fmt.Errorf("the board says nothing: %w", kiosk.ErrUnreachable)
	}
	return kiosk.BayInputs{Plugged: b.plugged, Requesting: b.plugged, Closed: b.closed, Emergency: b.pressed}, nil
}

// till is a card terminal with its bank.
type till struct {
	mu      sync.Mutex
	next    int
	open    []kiosk.HoldID
	short   bool  // its list is not complete
	refuses error // of a capture
	unwell  error
	unread  error // a card
	status  error
	counted *kiosk.Money
	booked  []kiosk.Money
}

func (d *till) Hold(_ context.Context, r kiosk.HoldRequest) (kiosk.Hold, error) {
	d.mu.Lock()
	d.next++
	h := kiosk.Hold{ID: kiosk.HoldID(fmt.Sprintf("%04d", d.next)), TraceNo: fmt.Sprintf("%06d", d.next),
		TerminalID: "60099914", Approved: r.Amount, AuthCode: "A1B2C3", CardName: "Mastercard", Last4: "8074",
		Card: "token-of-a-card", At: time.Now(), Stamp: fmt.Sprintf("0302 %06d", d.next)}
	d.mu.Unlock()
	if err := r.OnApproved(h); err != nil {
		return kiosk.Hold{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open = append(d.open, h.ID)
	return h, nil
}

func (d *till) settle(id kiosk.HoldID, amount kiosk.Money, record func(kiosk.CaptureResult) error) (
	kiosk.CaptureResult, error) {
	d.mu.Lock()
	d.next++
	out := kiosk.CaptureResult{ID: kiosk.HoldID(fmt.Sprintf("%04d", d.next)), Booked: amount,
		TraceNo: fmt.Sprintf("%06d", d.next), Stamp: fmt.Sprintf("0302 %06d", d.next)}
	d.mu.Unlock()
	if err := record(out); err != nil {
		return kiosk.CaptureResult{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open = slices.DeleteFunc(d.open, func(x kiosk.HoldID) bool { return x == id })
	d.booked = append(d.booked, amount)
	return out, nil
}

func (d *till) Capture(_ context.Context, r kiosk.CaptureRequest) (kiosk.CaptureResult, error) {
	if d.refuses != nil {
		return kiosk.CaptureResult{}, d.refuses
	}
	return d.settle(r.Hold.ID, r.Used, r.OnBooked)
}

func (d *till) Release(_ context.Context, r kiosk.ReleaseRequest) (kiosk.CaptureResult, error) {
	return d.settle(r.ID, kiosk.Money{Currency: "EUR"}, r.OnBooked)
}

func (d *till) Ready(context.Context) error { return d.unwell }

func (d *till) ListHolds(context.Context) (kiosk.OpenHolds, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := kiosk.OpenHolds{IDs: slices.Clone(d.open), Complete: !d.short, TerminalID: "60099914"}
	if d.short && len(list.IDs) > 1 {
		list.IDs = list.IDs[:1]
	}
	return list, nil
}

func (d *till) Last(context.Context) (kiosk.CaptureResult, error) { return kiosk.CaptureResult{}, nil }

func (d *till) ReadCard(context.Context, time.Duration) (string, error) {
	return "token-of-a-card", d.unread
}

func (d *till) EndOfDay(context.Context) (*kiosk.Money, error) { return d.counted, nil }

func (d *till) Status(context.Context) (kiosk.TerminalStatus, error) {
	return kiosk.TerminalStatus{TerminalID: "60099914", Software: "GER-APP-7", Code: "00", Text: "ready"}, d.status
}

func (d *till) Close() error { return nil }

// world is a running site.
type world struct {
	*testing.T
	c       *config.Config
	journal *store.Store
	clock   *session.Clock
	control *session.Controller
	till    *till
	boxes   map[int]*box
	prices  *priceSchedule
	synced  *atomic.Bool  // whether a source vouches for the system's time
	ahead   *atomic.Int64 // how far the system's time is from the true one
	runner  *instructionRunner
	keep    *keeper
	desk    desk
	office  *office
	off     int // how often a person switched it off
	end     func()
}

// noon is when each world begins: a Monday in winter.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// inWorld plays a story at a site, from a moment on.
func inWorld(t *testing.T, c *config.Config, from time.Time, story func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(from))
		w := &world{T: t, c: c, till: &till{}, boxes: map[int]*box{}, synced: new(atomic.Bool),
			ahead: new(atomic.Int64)}
		w.synced.Store(true)
		for _, b := range c.Bays {
			w.boxes[b.Number] = &box{serial: fmt.Sprintf("2026000%d", b.Number), wh: 1_000_000, since: time.Now()}
		}
		w.start()
		defer func() { w.end() }()
		story(w)
	})
}

// start opens the journal and lets the machine run, as a daemon does.
func (w *world) start() {
	w.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	system := func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }
	w.clock = session.NewClock(system, w.synced.Load)
	began := time.Now()
	w.journal = w.must(store.Open(ctx, w.c.Journal, func() (time.Time, time.Duration, bool) {
		return w.clock.Now(), time.Since(began), w.clock.Trusted()
	}))
	day, last, err := past(ctx, w.journal, w.c.Currency)
	if err != nil {
		w.Fatal(err)
	}
	w.clock.After(last)
	locked, err := lockedFaults(ctx, w.journal)
	if err != nil {
		w.Fatal(err)
	}
	w.prices, err = openPrices(ctx, w.c, w.journal, last, QuietLog())
	if err != nil {
		w.Fatal(err)
	}
	w.c.Rules.Code = session.Codes([]byte("the key of codes of these tests."))
	var bays []session.Bay
	for _, b := range w.c.Bays {
		x := w.boxes[b.Number]
		bays = append(bays, session.Bay{Number: b.Number, EVSE: b.EVSE, Contactor: x, Inputs: x,
			Meter: meter.NewGuard(x, b.Register(), "")})
	}
	w.control = session.New(session.Config{Rules: w.c.Rules, Bays: bays, Terminal: w.till, Journal: w.journal,
		CardWait: w.c.CardWait, Site: w.c.Site, NewID: newID, Clock: w.clock, Day: day, Locked: locked, Log: QuietLog(),
		Past: w.journal.RecentSessions(context.Background(), string(session.MeterEnd), 8, string(session.FaultRaised),
			string(session.FaultCleared))})
	own := owner{w.control, w.till, nil}
	w.desk = desk{c: w.c, owner: own, journal: w.journal, log: &keptLines{}, quit: func() { w.off++ },
		version: "0.1.0", start: w.clock.Now()}
	w.keep = &keeper{c: w.c, journal: w.journal, control: w.control, clock: w.clock, start: w.clock.Now(),
		version: "0.1.0", log: QuietLog()}
	w.runner = &instructionRunner{by: ByOffice + "backoffice", journal: w.journal, owner: own, clock: w.clock,
		prices: w.prices, report: w.keep.diagnostics(w.desk), log: QuietLog()}
	w.office = &office{refunding: &sync.Mutex{}, c: w.c, journal: w.journal, control: w.control}
	ended := make(chan error, 1)
	go func() { ended <- w.control.Run(ctx, func() {}) }()
	w.end = func() {
		cancel()
		if err := <-ended; err != nil {
			w.Error(err)
		}
		if err := w.journal.Close(); err != nil {
			w.Error(err)
		}
	}
	w.wait(20 * time.Second) // the devices are known then
}

// restart ends the daemon in order and starts the next.
func (w *world) restart() {
	w.Helper()
	w.end()
	w.start()
}

func (w *world) must(j *store.Store, err error) *store.Store {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
	return j
}

// wait lets time pass, and all that follows from it happen.
func (w *world) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// do hands the machine an observation that it must take.
func (w *world) do(o session.Observation) {
	w.Helper()
	if err := w.control.Do(w.Context(), o); err != nil {
		w.Fatalf("%s: %v", o.What, err)
	}
}

// charges lets a driver begin to charge at a bay, and returns their session.
func (w *world) charges(bay int) session.Session {
	w.Helper()
	id, err := w.control.Choose(w.Context(), bay)
	if err != nil {
		w.Fatal(err)
	}
	t, sum := w.prices.Prices(w.clock.Now())
	w.do(session.Observation{What: session.Accepted, Session: id, Offer: &session.Offer{Tariff: t.JSON(), Hash: sum,
		Hold: w.c.Hold, Language: "en", Timezone: w.c.Timezone.String()}})
	w.boxes[bay].set(func(b *box) { b.plugged = true })
	w.wait(30 * time.Second)
	x := w.control.Snapshot().State.Sessions[id]
	if x.Power != session.Charging {
		w.Fatalf("at bay %d the session has power %s, money %s: %s", bay, x.Power, x.Money, x.Class)
	}
	return x
}

// sells lets a driver charge for a while, stop, and leave.
func (w *world) sells(bay int, d time.Duration) session.Session {
	w.Helper()
	x := w.charges(bay)
	w.wait(d)
	w.do(session.Observation{What: session.StopPressed, Session: x.ID, By: session.ByScreen})
	w.wait(30 * time.Second)
	w.boxes[bay].set(func(b *box) { b.plugged = false })
	w.wait(5 * time.Second)
	return w.control.Snapshot().State.Sessions[x.ID]
}

// records are the journal's, of a kind.
func (w *world) records(kind session.Kind) (out []session.Event) {
	w.Helper()
	for r, err := range w.journal.Newest(context.Background(), string(kind)) {
		if err != nil {
			w.Fatal(err)
		}
		e, err := session.FromRecord(r)
		if err != nil {
			w.Fatal(err)
		}
		out = append(out, e)
	}
	slices.Reverse(out)
	return out
}

func (w *world) raised(code kiosk.FaultCode, bay int) bool {
	return w.control.Snapshot().State.Faults[session.FaultAt{Code: code, Bay: bay}]
}

// sellsBy is the price of a kilowatt-hour at a time.
func (w *world) sellsBy(at time.Time) string {
	t, _ := w.prices.Prices(at)
	return t.Highest(tariff.Energy).FloatString(2)
}

func eur(minor int64) kiosk.Money { return kiosk.Money{Minor: minor, Currency: "EUR"} }
