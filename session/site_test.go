package session_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/audit"
	"kioskd/session"
	"kioskd/simulator"
	"kioskd/tariff"
	"kioskd/terminal/zvt"
	"kioskd/ui"
)

// A site in one process and in synthetic time: the real controller, presenter and
// terminal driver; the simulated terminal with its bank at the other end of a line that
// can lose frames; simulated bays. A life of the daemon can be ended at any write of the
// journal exactly as SIGKILL does: nothing that it does afterwards reaches the world.
type site struct {
	t       *testing.T
	bank    *simulator.Bank
	sim     *simulator.Terminal
	bays    []*simulator.Bay
	cable   *cable
	journal *memory
	life    *life
	ids     atomic.Int64
	// jump is how far the system's time is from the true one; unsynced that no source vouches
	// for it.
	jump     atomic.Int64
	unsynced atomic.Bool
	offset   time.Duration // of the kiosk's clock, which does not know better

	hang  atomic.Pointer[chan struct{}] // until it is closed no meter's driver comes back
	boom  atomic.Pointer[string]        // the call that panics, once
	turns atomic.Int64                  // signs of life
}

// memory is a journal that survives the daemon's lives.
type memory struct {
	mu      sync.Mutex
	records []kiosk.Record
	open    map[string]bool
	writes  int
	fail    map[int]bool // writes that fail, as on a full disk
	kill    int          // the write at which the daemon is killed
	after   bool         // and whether it reached the disk
	stop    int          // the write at which the daemon is asked to end
}

// life is one process of the daemon.
type life struct {
	s         *site
	control   *session.Controller
	presenter *ui.Presenter
	driver    *zvt.Terminal
	cancel    context.CancelFunc
	ended     chan error
	mu        sync.Mutex
	gone      bool
}

// look lets the visitor's time pass, as the socket's server does, and looks at the screen.
func (l *life) look() ui.View {
	l.presenter.Tick()
	return l.presenter.View()
}

func (l *life) dead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gone
}

// over tells whether the daemon must be started again.
func (l *life) over() bool {
	select {
	case err := <-l.ended:
		l.ended <- err
		return true
	default:
		return l.dead()
	}
}

// kill is SIGKILL.
func (l *life) kill() {
	l.mu.Lock()
	l.gone = true
	l.mu.Unlock()
	l.s.cable.unplug()
	l.cancel()
}

var errDead = errors.New("the process is dead")

// Append implements kiosk.Journal.
func (l *life) Append(_ context.Context, entries ...kiosk.Entry) error {
	m := l.s.journal
	m.mu.Lock()
	defer m.mu.Unlock()
	if l.dead() {
		return errDead
	}
	m.writes++
	if m.writes == m.kill && !m.after {
		l.kill()
		return errDead
	}
	if m.writes == m.stop {
		l.cancel()
	}
	if m.fail[m.writes] {
		return errors.New("disk is full")
	}
	for _, e := range entries {
		m.records = append(m.records, kiosk.Record{Seq: int64(len(m.records) + 1), Session: e.Session, Kind: e.Kind,
			Body: e.Body, Wall: time.Now(), ClockOK: true})
		if e.Session != "" {
			m.open[e.Session] = !e.Ends
		}
	}
	if m.writes == m.kill {
		l.kill()
		return errDead
	}
	return nil
}

func (m *memory) all() iter.Seq2[kiosk.Record, error] {
	m.mu.Lock()
	defer m.mu.Unlock()
	records := slices.Clone(m.records)
	return func(yield func(kiosk.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (m *memory) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.writes
}

func (m *memory) anyOpen() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.open {
		if o {
			return true
		}
	}
	return false
}

// kinds is what was written of sessions, readings left out.
func (m *memory) kinds() string {
	var out []string
	for r := range m.all() {
		if r.Session != "" && r.Kind != "reading" {
			out = append(out, r.Kind)
		}
	}
	return strings.Join(out, " ")
}

// cable is a serial line. What is sent to a till that is not there is lost, as is the
// frame that the test names.
type cable struct {
	mu    sync.Mutex
	till  net.Conn // our end of its line; nil while there is none
	sim   net.Conn
	armed bool
	count [2]int // frames sent to the terminal and to the till
	// spoil says how often the nth frame of a direction arrives.
	spoil func(direction, n int) int
	trace []string
	queue [2]chan chunk
	done  chan struct{}
}

func (c *cable) frames() [2]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count
}

const (
	toTerminal = 0
	toTill     = 1
)

func newCable() (c *cable, simulated net.Conn) {
	a, b := net.Pipe()
	c = &cable{sim: a, queue: [2]chan chunk{make(chan chunk, 1000), make(chan chunk, 1000)}, done: make(chan struct{})}
	go c.pump(toTill, a)
	for _, q := range c.queue {
		go func() {
			for {
				select {
				case x := <-q:
					x.to.Write(x.frame) // a terminal that went away loses it
				case <-c.done:
					return
				}
			}
		}()
	}
	return c, b
}

// chunk is a frame on its way; a line buffers, as the kernel does.
type chunk struct {
	to    net.Conn
	frame []byte
}

func (c *cable) pump(direction int, from net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		to, times := c.pass(direction, from, buf[:n])
		for range times {
			select {
			case c.queue[direction] <- chunk{to, slices.Clone(buf[:n])}:
			case <-c.done:
				return
			}
		}
	}
}

// pass says where a frame goes and how often, and keeps a trace for the person who must find
// out.
func (c *cable) pass(direction int, from net.Conn, frame []byte) (to net.Conn, times int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	times = 1
	if c.armed {
		c.count[direction]++
		if c.spoil != nil {
			times = c.spoil(direction, c.count[direction])
		}
	}
	to = c.sim
	if direction == toTill {
		to = c.till
	}
	if c.till == nil || direction == toTerminal && from != c.till {
		times = 0
	}
	c.trace = append(c.trace, fmt.Sprintf("%s %s % X, %d times", time.Now().Format("15:04:05.000"),
		[]string{">", "<"}[direction], frame, times))
	return to, times
}

func (c *cable) unplug() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.till != nil {
		c.till.Close()
		c.till = nil
	}
}

func (c *cable) dial(context.Context) (zvt.Link, error) {
	ours, theirs := net.Pipe()
	c.unplug()
	c.mu.Lock()
	c.till = theirs
	c.mu.Unlock()
	go c.pump(toTerminal, theirs)
	return zvt.NewSerial(ours), nil
}

// devices of a bay, as a life of the daemon reaches them.
type device struct {
	life *life
	bay  *simulator.Bay
}

func (d device) Read(context.Context) (kiosk.Reading, error) {
	if d.life.dead() {
		return kiosk.Reading{}, errDead
	}
	if hang := d.life.s.hang.Load(); hang != nil {
		<-*hang
	}
	d.life.s.panicAt("meter", d.bay)
	s := d.bay.State()
	return kiosk.Reading{At: time.Now(), Import: s.Register, Power: s.Power, Serial: fmt.Sprint(s.Serial)}, nil
}

func (d device) Inputs(context.Context) (kiosk.BayInputs, error) {
	if d.life.dead() {
		return kiosk.BayInputs{}, errDead
	}
	d.life.s.panicAt("inputs", d.bay)
	s := d.bay.State()
	return kiosk.BayInputs{Plugged: s.Plugged, Requesting: s.Requesting, Closed: s.Closed, Emergency: s.Emergency}, nil
}

func (d device) Close(context.Context) error {
	if d.life.dead() {
		return errDead
	}
	d.bay.Switch(true)
	d.life.s.panicAt("contactor", d.bay)
	return nil
}

// panicAt panics once where the test says so, at the first bay.
func (s *site) panicAt(call string, bay *simulator.Bay) {
	if want := s.boom.Load(); want != nil && *want == call && (bay == nil || bay == s.bays[0]) &&
		s.boom.CompareAndSwap(want, nil) {
		panic("driver of " + call)
	}
}

// panicking is a terminal's driver that can panic before and after each of its calls.
type panicking struct {
	*zvt.Terminal
	s *site
}

func (p panicking) Hold(ctx context.Context, r kiosk.HoldRequest) (kiosk.Hold, error) {
	p.s.panicAt("hold", nil)
	h, err := p.Terminal.Hold(ctx, r)
	p.s.panicAt("held", nil)
	return h, err
}

func (p panicking) Capture(ctx context.Context, r kiosk.CaptureRequest) (kiosk.CaptureResult, error) {
	p.s.panicAt("capture", nil)
	b, err := p.Terminal.Capture(ctx, r)
	p.s.panicAt("captured", nil)
	return b, err
}

func (p panicking) ListHolds(ctx context.Context) (kiosk.OpenHolds, error) {
	p.s.panicAt("list", nil)
	return p.Terminal.ListHolds(ctx)
}

func (d device) Open() error {
	if !d.life.dead() {
		d.bay.Switch(false)
	}
	return nil
}

func newSite(t *testing.T, price string) *site {
	bank, err := simulator.OpenBank("")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, bank: bank, journal: &memory{open: map[string]bool{}, fail: map[int]bool{}}}
	quiet := slog.New(slog.DiscardHandler)
	s.sim = simulator.NewTerminal(bank, "EUR", quiet)
	for i := range 2 {
		s.bays = append(s.bays, simulator.NewBay(1_000_000, uint32(i+1), 20))
	}
	ctx, stop := context.WithCancel(context.Background())
	var line net.Conn
	s.cable, line = newCable()
	served := make(chan error, 1)
	go func() { served <- s.sim.Serve(ctx, zvt.NewSerial(line)) }()
	t.Cleanup(func() {
		stop()
		s.cable.sim.Close()
		<-served
		close(s.cable.done)
	})
	s.start(price)
	t.Cleanup(func() { s.life.kill(); <-s.life.ended; s.life.driver.Close() })
	return s
}

// start starts the daemon.
func (s *site) start(price string) {
	tr, err := tariff.Parse([]byte(price))
	if err != nil {
		s.t.Fatal(err)
	}
	l := &life{s: s, ended: make(chan error, 1)}
	quiet := slog.New(slog.DiscardHandler)
	l.driver = zvt.New(s.cable.dial, zvt.Config{Password: "123456", Capture: zvt.CaptureReleased,
		Currency: "EUR"}, quiet)
	rules := session.DefaultRules()
	rules.Code = session.Codes([]byte("key"))
	rules.Currency = "EUR"
	var bays []session.Bay
	for i, b := range s.bays {
		rules.Bays[i+1] = session.BayRules{MaxPower: 22000 * 20}
		d := device{l, b}
		bays = append(bays, session.Bay{Number: i + 1, Meter: d, Contactor: d, Inputs: d})
	}
	l.control = session.New(session.Config{
		Rules: rules, Bays: bays, Terminal: panicking{l.driver, s}, Journal: l, CardWait: 45 * time.Second, Log: quiet,
		Past: s.journal.all(),
		NewID: func() (string, string) {
			n := s.ids.Add(1)
			return fmt.Sprintf("S%06d", n), fmt.Sprintf("R%06d", n)
		},
		Clock: session.NewClock(func() time.Time { return time.Now().Add(time.Duration(s.jump.Load())) },
			func() bool { return !s.unsynced.Load() }),
	})
	l.presenter = ui.NewPresenter(ui.Site{Languages: []string{"en", "de"}, Bays: []int{1, 2},
		Prices: ui.Always(tr, "sum"), Receipt: func(session.Session) ui.Handout { return ui.Handout{} },
		Hold: kiosk.Money{Minor: 5000, Currency: "EUR"}, Timezone: "Europe/Berlin", Rules: rules,
		Times: ui.DefaultTimes(), CardWait: 45 * time.Second}, l.control)
	var ctx context.Context
	ctx, l.cancel = context.WithCancel(context.Background())
	s.life = l
	go func() { l.ended <- l.control.Run(ctx, func() { s.turns.Add(1) }) }()
}

// restart starts the daemon again after it was killed. A board whose master is silent
// for ten seconds opens its contactors by itself.
func (s *site) restart(price string, after time.Duration) {
	<-s.life.ended
	s.life.driver.Close()
	if !s.life.dead() {
		for i, b := range s.bays {
			if b.State().Closed {
				s.t.Errorf("the daemon ended and left bay %d closed", i+1)
			}
		}
	}
	if after > 10*time.Second {
		time.Sleep(10 * time.Second)
		for _, b := range s.bays {
			b.Switch(false)
		}
		after -= 10 * time.Second
	}
	time.Sleep(after)
	s.start(price)
}

// visitor is a person at the kiosk.
type visitor struct {
	bay     int
	card    *simulator.Card // nil: has none
	car     *simulator.Car  // nil: never plugs in
	cancel  ui.Screen       // presses back there
	stop    kiosk.Energy    // presses stop
	unplug  kiosk.Energy    // unplugs
	saw     []string        // screens with their messages
	paid    kiosk.Money
	done    bool
	plugged bool
	shown   bool // the card
	away    bool // goes away while the car charges, and comes back to unplug it
	session string
	code    string          // that they were given to stop
	again   *simulator.Card // that they try after a decline
}

// look reads the screen and acts on it, as a person does now and then.
func (p *visitor) look(s *site) {
	v := s.life.look()
	if v.Session != "" {
		p.session = v.Session
	}
	if v.StopCode != "" {
		p.code = v.StopCode
	}
	if seen := string(v.Screen) + " " + v.Message; len(p.saw) == 0 || p.saw[len(p.saw)-1] != seen {
		p.saw = append(p.saw, seen)
	}
	press := func(k ui.InputKind, value string) {
		// refused where the view changed
		s.life.presenter.Input(context.Background(), ui.Input{Seq: v.Seq, Kind: k, Value: value})
	}
	if v.Screen == p.cancel {
		kind := ui.Back
		if v.Screen == ui.PlugIn { // they are asked once more
			kind = ui.Stop
		}
		press(kind, "")
		return
	}
	bay := s.bays[p.bay-1]
	if p.away && p.unplug > 0 && bay.State().Register-1_000_000 >= p.unplug {
		bay.Unplug()
	}
	switch v.Screen {
	case ui.Attract:
		if p.away && p.plugged && bay.State().Plugged {
			return
		}
		if p.paid.Currency != "" { // the end was shown, and the screen has gone on
			p.done = true
			return
		}
		press(ui.Touch, "")
	case ui.Bays:
		if state := v.Bays[p.bay-1].State; p.session != "" && state != ui.BayInUse && state != ui.BayPaid &&
			state != ui.BayEnded {
			p.done = true
			for _, l := range s.bank.Lines() { // nothing was reserved: nothing is to be told
				p.done = p.done && strings.Replace(l.Reference, "R", "S", 1) != p.session
			}
			if !p.done {
				return
			}
		}
		press(ui.Choose, fmt.Sprint(p.bay))
	case ui.Price:
		press(ui.Accept, "")
	case ui.Tap:
		if p.card != nil && !p.shown {
			s.sim.Present(*p.card)
			p.shown = true
		}
	case ui.PlugIn:
		if p.car != nil && !p.plugged {
			bay.Plug(*p.car)
			p.plugged = true
		}
	case ui.Charging, ui.Idle:
		switch {
		case p.away:
			press(ui.Back, "")
		case p.unplug > 0 && v.Energy >= p.unplug:
			bay.Unplug()
		case p.stop > 0 && v.Energy >= p.stop:
			press(ui.Stop, "")
		}
	case ui.Still:
		if p.car != nil {
			press(ui.MoreTime, "")
		}
	case ui.Owner:
		if p.away {
			press(ui.Back, "")
			return
		}
		for _, digit := range p.code {
			press(ui.Digit, string(digit))
		}
	case ui.StopAsk:
		press(ui.Confirm, "")
	case ui.Final, ui.Declined:
		if v.Screen == ui.Declined && v.Again && p.again != nil {
			p.card, p.again, p.shown = p.again, nil, false
			press(ui.Again, "")
			return
		}
		p.paid = v.Paid
		if v.Settled || v.Screen == ui.Declined {
			p.done = true
		}
	}
}

// play lets a visitor act until the visit is over, for at most a while; the daemon is
// started again when it was killed.
func (s *site) play(p *visitor, price string, down time.Duration) {
	for end := time.Now().Add(15 * time.Minute); !p.done && time.Now().Before(end); time.Sleep(250 * time.Millisecond) {
		if s.life.over() {
			s.restart(price, down)
		}
		p.look(s)
	}
	s.bays[p.bay-1].Unplug()
	if !p.done {
		s.t.Errorf("the visitor never learnt how their visit ended; they saw %q", p.saw)
	}
}

// settle waits until nothing is left to do: the ladder's hours are nothing here.
func (s *site) settle(price string, down time.Duration) {
	s.t.Helper()
	for end := time.Now().Add(48 * time.Hour); ; time.Sleep(time.Second) {
		if s.life.over() {
			s.restart(price, down)
		}
		if !s.journal.anyOpen() && len(s.bank.OpenHolds()) == 0 {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("after two days open: holds %v\n%s", s.bank.OpenHolds(), s.journal.kinds())
		}
	}
}

// ready waits until the kiosk sells.
func (s *site) ready() {
	for range 600 {
		if s.life.look().Screen == ui.Attract {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.t.Fatal("the kiosk does not begin to sell")
}

func (s *site) audit() {
	s.t.Helper()
	broken, err := audit.Check(s.journal.all(), simulator.Evidence(s.bank, s.bays))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, v := range broken {
		s.t.Error(v)
	}
	if s.t.Failed() {
		s.spoiled()
		s.t.Logf("journal: %s", s.journal.kinds())
		for _, l := range s.bank.Lines() {
			s.t.Logf("bank: %s %s %d %d %s", l.At.Format(time.StampMilli), l.Kind, l.ReceiptNo, l.Minor, l.Reference)
		}
	}
}

// simulate runs a test in synthetic time.
func simulate(t *testing.T, f func(*testing.T)) { t.Helper(); synctest.Test(t, f) }

// spoiled prints the line's trace around what did not arrive as it was sent.
func (s *site) spoiled() {
	s.cable.mu.Lock()
	defer s.cable.mu.Unlock()
	for i, l := range s.cable.trace {
		if !strings.HasSuffix(l, ", 1 times") {
			for _, x := range s.cable.trace[max(0, i-10):min(len(s.cable.trace), i+60)] {
				s.t.Log(x)
			}
			return
		}
	}
}
