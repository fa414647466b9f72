package session_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
)

// stand is a real controller at devices that do what a test says, in synthetic time. The devices keep their own
// books: what was reserved, what was taken, what flowed, and when a contactor moved.
type stand struct {
	t       *testing.T
	control *session.Controller
	config  session.Config
	till    *till
	posts   map[int]*post
	book    *book
	end     context.CancelFunc
	ended   chan error
	running bool
	turns   atomic.Int64
	ids     atomic.Int64
}

// newStand makes a stand with three bays; change sets what a test needs before it starts.
func newStand(t *testing.T, change ...func(*stand)) *stand {
	s := &stand{t: t, posts: map[int]*post{}, book: &book{}}
	s.till = &till{t: t, book: s.book, open: map[kiosk.HoldID]int64{}, taken: map[string]int64{},
		hooks: map[string]func(context.Context) error{}, card: "card 1"}
	rules := session.DefaultRules()
	rules.Currency, rules.Code = "EUR", func(string) string { return "4711" }
	s.config = session.Config{Rules: rules, Terminal: s.till, Journal: s.book, CardWait: 45 * time.Second,
		NewID: func() (string, string) {
			n := s.ids.Add(1)
			return fmt.Sprintf("S%06d", n), fmt.Sprintf("R%06d", n)
		},
		Clock: session.NewClock(time.Now, func() bool { return true }), Log: slog.New(slog.DiscardHandler)}
	for bay := 1; bay <= 3; bay++ {
		b := &post{t: t, bay: bay, book: s.book, wh: 1000, serial: fmt.Sprint(bay), seen: time.Now()}
		s.posts[bay] = b
		rules.Bays[bay] = session.BayRules{MaxPower: 22000}
		s.config.Bays = append(s.config.Bays, session.Bay{Number: bay, EVSE: fmt.Sprintf("DE*DEM*E%03d", bay), Meter: b,
			Contactor: b, Inputs: b})
	}
	for _, f := range change {
		f(s)
	}
	s.start()
	return s
}

// start starts the daemon with what the journal has.
func (s *stand) start() {
	s.config.Past = s.book.all()
	s.control = session.New(s.config)
	var ctx context.Context
	ctx, s.end = context.WithCancel(context.Background())
	s.ended, s.running = make(chan error, 1), true
	control, ended := s.control, s.ended
	go func() { ended <- control.Run(ctx, func() { s.turns.Add(1) }) }()
}

// stop asks the daemon to end, and waits until it has.
func (s *stand) stop() error {
	if !s.running {
		return nil
	}
	s.running = false
	s.end()
	return <-s.ended
}

// sells waits until a bay is sold.
func (s *stand) sells() *stand {
	s.t.Helper()
	s.until("the kiosk sells", func(x session.State) bool { _, down := x.Down(1); return !down })
	time.Sleep(2 * time.Second) // each bay has been looked at
	return s
}

// until waits for a state, for an hour at most.
func (s *stand) until(what string, is func(session.State) bool) {
	s.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), time.Hour)
	defer stop()
	if err := s.control.Await(ctx, func(x session.State) (bool, error) { return is(x), nil }); err != nil {
		s.t.Fatalf("%s: %v; the journal has %s", what, err, s.book.kinds(""))
	}
}

// is tells of a session.
func (s *stand) is(id string) session.Session { return s.control.Snapshot().State.Sessions[id] }

// pay lets a visitor choose a bay and show a card.
func (s *stand) pay(bay int) string {
	s.t.Helper()
	id, err := s.control.Choose(context.Background(), bay)
	if err == nil {
		err = s.control.Do(context.Background(), session.Observation{What: session.Accepted, Session: id,
			Offer: offer(5000)})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// charge lets a visitor pay and charge for a while.
func (s *stand) charge(bay int) string {
	s.t.Helper()
	id := s.pay(bay)
	s.posts[bay].set(func(b *post) { b.plugged, b.requesting = true, true })
	s.until("it charges", func(x session.State) bool { return x.Sessions[id].Power == session.Charging })
	time.Sleep(3 * time.Minute)
	return id
}

// closed waits until nothing is left to do for a session.
func (s *stand) closed(id string) session.Session {
	s.t.Helper()
	s.until("session "+id+" ends", func(x session.State) bool { return x.Sessions[id].Record == session.RecordClosed })
	return s.is(id)
}

// paid judges that a driver paid for what flowed, once, and nothing more.
func (s *stand) paid(id string) {
	s.t.Helper()
	x, b := s.closed(id), s.posts[s.is(id).Bay]
	flowed := kiosk.Energy(b.register() - 1000)
	if x.Money != session.Captured || x.Bill == nil || x.Bill.Energy != flowed {
		s.t.Errorf("session %s: money %s, bill %+v, and %v flowed", id, x.Money, x.Bill, flowed)
		return
	}
	want := (int64(flowed)*49 + 500) / 1000
	if taken := s.till.takenOf(x.Reference); taken != want || x.Bill.Total.Minor != want {
		s.t.Errorf("session %s: %d was taken, %v billed, want %d", id, taken, x.Bill.Total, want)
	}
}

// opens judges that a bay's contactor opens within a second of now.
func (s *stand) opens(bay int) {
	s.t.Helper()
	begun, b := time.Now(), s.posts[bay]
	for b.isClosed() && time.Since(begun) < time.Minute {
		time.Sleep(10 * time.Millisecond)
	}
	if late := time.Since(begun); late > time.Second {
		s.t.Errorf("the contactor of bay %d opened after %v", bay, late)
	}
}

// book is a journal that can be told to fail.
type book struct {
	mu      sync.Mutex
	records []kiosk.Record
	writes  int
	fail    func(write int, entries []kiosk.Entry) error
}

func (b *book) Append(_ context.Context, entries ...kiosk.Entry) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writes++
	if b.fail != nil {
		if err := b.fail(b.writes, entries); err != nil {
			return err
		}
	}
	for _, e := range entries {
		b.records = append(b.records, kiosk.Record{Seq: int64(len(b.records) + 1), Session: e.Session, Kind: e.Kind,
			Body: e.Body, Wall: time.Now(), ClockOK: true, Token: e.Token})
	}
	return nil
}

// failing sets what a write comes to; nil for room on the disk.
func (b *book) failing(f func(write int, entries []kiosk.Entry) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = f
}

// written is how many writes there were, and how many records of them are in the journal.
func (b *book) written() (writes, records int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.writes, len(b.records)
}

func (b *book) all() iter.Seq2[kiosk.Record, error] {
	b.mu.Lock()
	records := slices.Clone(b.records)
	b.mu.Unlock()
	return func(yield func(kiosk.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// each are the records so far.
func (b *book) each() iter.Seq[kiosk.Record] {
	return func(yield func(kiosk.Record) bool) {
		for r := range b.all() {
			if !yield(r) {
				return
			}
		}
	}
}

// kinds are those of a session's records, or of the site's, readings left out.
func (b *book) kinds(id string) string {
	var out []string
	for r := range b.all() {
		if r.Session == id && r.Kind != string(session.ReadingTaken) {
			out = append(out, r.Kind)
		}
	}
	return strings.Join(out, " ")
}

// has tells whether a record of a kind has all words in its body or its session's name.
func (b *book) has(kind session.Kind, words ...string) bool {
	for r := range b.all() {
		if r.Kind == string(kind) && !slices.ContainsFunc(words, func(w string) bool {
			return !strings.Contains(string(r.Body)+r.Session, w)
		}) {
			return true
		}
	}
	return false
}

// count is how many records of a kind there are.
func (b *book) count(kind session.Kind) (n int) {
	for r := range b.all() {
		if r.Kind == string(kind) {
			n++
		}
	}
	return n
}

// post is a bay: contactor, inputs and meter, and a vehicle that takes 22 kW.
type post struct {
	t    *testing.T
	bay  int
	book *book

	mu                             sync.Mutex
	plugged, requesting, emergency bool
	closed, stuck, lame            bool // stuck: it does not open; lame: it does not close
	wh                             float64
	seen                           time.Time
	serial                         string
	closes                         int
	read                           func(context.Context) error // before the meter answers
	look                           func() error                // before the inputs answer
	exchange                       func()                      // before a meter is exchanged
	seeds                          []kiosk.Reading
}

// set changes the bay.
func (b *post) set(f func(*post)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flow()
	f(b)
}

func (b *post) flow() {
	now := time.Now()
	if b.closed && b.plugged && b.requesting {
		b.wh += 22000 * now.Sub(b.seen).Hours()
	}
	b.seen = now
}

func (b *post) register() (wh int64) {
	b.set(func(b *post) { wh = int64(b.wh) })
	return wh
}

// past is how often the contactor was closed, which meter there is, and what it was told of its register.
func (b *post) past() (closes int, serial string, seeds []kiosk.Reading) {
	b.set(func(b *post) { closes, serial, seeds = b.closes, b.serial, slices.Clone(b.seeds) })
	return closes, serial, seeds
}

func (b *post) isClosed() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.closed }

func (b *post) Close(context.Context) error {
	if !b.book.has(session.ContactorClose) && !b.book.has(session.ContactorTest) {
		b.t.Errorf("the contactor of bay %d closes, and the journal does not know why", b.bay)
	}
	b.set(func(b *post) { b.closed, b.closes = !b.lame, b.closes+1 })
	return nil
}

func (b *post) Open() error {
	b.set(func(b *post) { b.closed = b.closed && b.stuck })
	return nil
}

func (b *post) Inputs(context.Context) (kiosk.BayInputs, error) {
	b.mu.Lock()
	look := b.look
	b.mu.Unlock()
	if look != nil {
		if err := look(); err != nil {
			return kiosk.BayInputs{}, err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return kiosk.BayInputs{Plugged: b.plugged, Requesting: b.requesting, Closed: b.closed, Emergency: b.emergency}, nil
}

func (b *post) Read(ctx context.Context) (kiosk.Reading, error) {
	b.mu.Lock()
	read := b.read
	b.mu.Unlock()
	if read != nil {
		if err := read(ctx); err != nil {
			return kiosk.Reading{}, err
		}
	}
	return b.now(), nil
}

func (b *post) now() (r kiosk.Reading) {
	b.set(func(b *post) {
		r = kiosk.Reading{At: time.Now(), Import: kiosk.Energy(b.wh), Serial: b.serial, Named: true}
		if b.closed && b.plugged && b.requesting {
			r.Power = 22000
		}
	})
	return r
}

// Exchange implements session.Exchangeable: the next meter has the old one's number with a stroke.
func (b *post) Exchange(_ context.Context, record func(*kiosk.Reading, kiosk.Reading) error) error {
	b.mu.Lock()
	wait := b.exchange
	b.mu.Unlock()
	if wait != nil {
		wait()
	}
	old := b.now()
	next := kiosk.Reading{At: time.Now(), Import: 7, Serial: old.Serial + "'"}
	if err := record(&old, next); err != nil {
		return err
	}
	b.set(func(b *post) { b.serial, b.wh = next.Serial, 7 })
	return nil
}

// Seed implements session.Seeded.
func (b *post) Seed(r kiosk.Reading) { b.set(func(b *post) { b.seeds = append(b.seeds, r) }) }

// till is a card terminal and its bank. A hook is called before a call does anything, and that of its past tense
// when it is done; its error is the answer.
type till struct {
	t     *testing.T
	book  *book
	mu    sync.Mutex
	busy  string
	calls []string
	open  map[kiosk.HoldID]int64
	taken map[string]int64 // by reference
	hooks map[string]func(context.Context) error
	card  string
	last  kiosk.CaptureResult
	next  int
	total *kiosk.Money // that an end-of-day counts
}

// hook sets what a call does first; nil for nothing.
func (d *till) hook(name string, f func(context.Context) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hooks[name] = f
}

func (d *till) run(ctx context.Context, name string) error {
	d.mu.Lock()
	f := d.hooks[name]
	d.mu.Unlock()
	if f == nil {
		return nil
	}
	return f(ctx)
}

// begin is the begin of a dialogue; two at once are a mistake.
func (d *till) begin(ctx context.Context, name string) error {
	d.mu.Lock()
	if d.busy != "" {
		d.t.Errorf("%s begins while %s goes on", name, d.busy)
	}
	d.busy, d.calls = name, append(d.calls, name)
	d.mu.Unlock()
	return d.run(ctx, name)
}

// left is how many holds are open.
func (d *till) left() int { d.mu.Lock(); defer d.mu.Unlock(); return len(d.open) }

// set changes the terminal.
func (d *till) set(f func(*till)) { d.mu.Lock(); defer d.mu.Unlock(); f(d) }

func (d *till) over() { d.mu.Lock(); defer d.mu.Unlock(); d.busy = "" }

func (d *till) takenOf(ref string) int64 { d.mu.Lock(); defer d.mu.Unlock(); return d.taken[ref] }

// done are the calls of some names so far, in order.
func (d *till) done(names ...string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, c := range d.calls {
		if slices.Contains(names, c) {
			out = append(out, c)
		}
	}
	return strings.Join(out, " ")
}

func (d *till) id() kiosk.HoldID { d.next++; return kiosk.HoldID(fmt.Sprint(d.next)) }

var errNotWritten = &kiosk.Declined{Class: kiosk.DeclineNotWritten}

func (d *till) Hold(ctx context.Context, r kiosk.HoldRequest) (kiosk.Hold, error) {
	defer d.over()
	if err := d.begin(ctx, "hold"); err != nil {
		return kiosk.Hold{}, err
	}
	d.mu.Lock()
	id := d.id()
	h := kiosk.Hold{ID: id, TraceNo: "H" + string(id), TerminalID: "52500038", Approved: r.Amount, Card: d.card,
		At: time.Now()}
	d.mu.Unlock()
	if r.OnApproved(h) != nil {
		return kiosk.Hold{}, errNotWritten
	}
	if !d.book.has(session.HoldOK, `"receipt_no":"`+string(id)+`"`) {
		d.t.Errorf("hold %s is acknowledged, and is not in the journal", id)
	}
	d.mu.Lock()
	d.open[id] = r.Amount.Minor
	d.mu.Unlock()
	return h, d.run(ctx, "held")
}

// settle takes an amount of a hold.
func (d *till) settle(ctx context.Context, name, ref string, hold kiosk.HoldID, amount kiosk.Money,
	record func(kiosk.CaptureResult) error) (kiosk.CaptureResult, error) {
	defer d.over()
	if err := d.begin(ctx, name); err != nil {
		return kiosk.CaptureResult{}, err
	}
	d.mu.Lock()
	held, there := d.open[hold]
	b := kiosk.CaptureResult{ID: d.id(), Booked: amount}
	b.TraceNo = "B" + string(b.ID)
	d.mu.Unlock()
	if !there {
		return kiosk.CaptureResult{}, &kiosk.Declined{Class: kiosk.DeclineNoHold, Code: "B4"}
	}
	if amount.Minor > held {
		d.t.Errorf("%v is taken of a hold of %d", amount, held)
	}
	if record(b) != nil {
		return kiosk.CaptureResult{}, errNotWritten
	}
	if !d.book.has(session.CaptureOK, `"receipt_no":"`+string(b.ID)+`"`) &&
		!d.book.has(session.ReleaseOK, `"receipt_no":"`+string(b.ID)+`"`) {
		d.t.Errorf("result %s is acknowledged, and is not in the journal", b.ID)
	}
	d.mu.Lock()
	delete(d.open, hold)
	d.taken[ref] += amount.Minor
	d.last = b
	d.mu.Unlock()
	return b, d.run(ctx, name+"d")
}

func (d *till) Capture(ctx context.Context, r kiosk.CaptureRequest) (kiosk.CaptureResult, error) {
	return d.settle(ctx, "capture", r.Reference, r.Hold.ID, r.Used, r.OnBooked)
}

func (d *till) Release(ctx context.Context, r kiosk.ReleaseRequest) (kiosk.CaptureResult, error) {
	return d.settle(ctx, "release", r.Reference, r.ID, kiosk.Money{Currency: "EUR"}, r.OnBooked)
}

func (d *till) Ready(ctx context.Context) error { defer d.over(); return d.begin(ctx, "ready") }

func (d *till) ListHolds(ctx context.Context) (kiosk.OpenHolds, error) {
	defer d.over()
	err := d.begin(ctx, "list")
	d.mu.Lock()
	defer d.mu.Unlock()
	out := kiosk.OpenHolds{Complete: true, TerminalID: "52500038"}
	for id := range d.open {
		out.IDs = append(out.IDs, id)
	}
	slices.Sort(out.IDs)
	return out, err
}

func (d *till) Last(ctx context.Context) (kiosk.CaptureResult, error) {
	defer d.over()
	err := d.begin(ctx, "last")
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last.ID == "" {
		err = errors.Join(err, errors.New("there is none"))
	}
	return d.last, err
}

func (d *till) ReadCard(ctx context.Context, _ time.Duration) (string, error) {
	defer d.over()
	err := d.begin(ctx, "card")
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.card, err
}

func (d *till) EndOfDay(ctx context.Context) (*kiosk.Money, error) {
	defer d.over()
	err := d.begin(ctx, "day")
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.total, err
}
