package session

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kioskd"
)

// Bay is a bay's devices.
type Bay struct {
	Number    int
	EVSE      string
	Meter     kiosk.Meter
	Contactor kiosk.Contactor
	Inputs    kiosk.Inputs
	Signer    kiosk.Signer // lets the meter sign; nil where no sale is signed
}

// Config is what a Controller needs. All fields but Derive are required.
type Config struct {
	Rules    Rules
	Bays     []Bay
	Terminal kiosk.CardTerminal
	Journal  kiosk.Journal
	CardWait time.Duration
	Site     map[string]string             // what every receipt says of the seller
	NewID    func() (id, reference string) // of a session
	Clock    *Clock
	Day      Day // of the terminal, by the journal
	// why the journal is taken for a new one in place of another; nil where it is not
	Lost   error
	Locked []FaultAt                      // that only a person can call mended, by the journal
	Known  map[int]kiosk.Reading          // last reading of each bay, by the journal, where Past may not have it
	Past   iter.Seq2[kiosk.Record, error] // records of open sessions and of some that ended, in order
	// Derive makes records of a session that has just closed, for others to ingest; they are
	// written together with its last event. An error is journaled.
	Derive func(Session) ([]kiosk.Entry, error)
	Log    *slog.Logger
}

// Controller runs the machine: one goroutine takes observations, decides, writes down,
// steps and hands commands to the goroutines that own the devices.
type Controller struct {
	cfg      Config
	inbox    *mailbox
	bays     map[int]*bayWorker
	terminal *terminalWorker
	stopped  chan struct{}   // closed when the controller takes no observations any longer
	asked    <-chan struct{} // closed when Run is asked to end
	wasStuck bool            // of Run alone
	outage   bool            // of Run alone: the journal could not be written, and does not say so yet
	waiting  []kiosk.Entry   // of Run alone: to be written with what comes next, within three seconds
	since    time.Time       // of Run alone: when the first of them began to wait

	mu       sync.Mutex
	snapshot Snapshot
	watchers map[chan struct{}]bool
}

// Snapshot is what the screen is drawn from. It must not be changed.
type Snapshot struct {
	State    State
	Live     map[int]Sample            // latest look at each bay
	Progress map[string]kiosk.Progress // of the session whose card is asked for
	Halted   bool                      // the journal cannot be written
	Starting bool                      // what the journal knows is not in State yet
	At       time.Time
}

// New makes a controller; nothing happens before Run.
func New(cfg Config) *Controller {
	c := &Controller{cfg: cfg, inbox: newMailbox(), stopped: make(chan struct{}), bays: map[int]*bayWorker{},
		watchers: map[chan struct{}]bool{}}
	c.snapshot.Starting = true
	c.snapshot.Live, c.snapshot.Progress = map[int]Sample{}, map[string]kiosk.Progress{}
	for _, b := range cfg.Bays {
		c.bays[b.Number] = newBayWorker(c, b)
	}
	c.terminal = newTerminalWorker(c)
	return c
}

func (c *Controller) now() time.Time { return c.cfg.Clock.Now() }

// Do hands an observation in and waits until what follows from it is in the journal.
func (c *Controller) Do(ctx context.Context, o Observation) error {
	m := message{o, make(chan error, 1)}
	c.inbox.put(m)
	select {
	case err := <-m.reply:
		return err
	case <-c.stopped:
		return errEnded
	case <-ctx.Done():
		c.inbox.takeBack(m)
		return ctx.Err()
	}
}

// post hands an observation in and goes on: what looks at a bay must be free to switch its power off.
func (c *Controller) post(o Observation) { c.inbox.put(message{o: o}) }

// Choose gives a bay to a visitor and returns the session's id.
func (c *Controller) Choose(ctx context.Context, bay int) (string, error) {
	return c.begin(ctx, Observation{What: Chosen, Bay: bay})
}

// begin begins a session at a bay, and returns its id.
func (c *Controller) begin(ctx context.Context, o Observation) (string, error) {
	o.Session, o.Reference = c.cfg.NewID()
	o.Site = c.cfg.Site
	if w, ok := c.bays[o.Bay]; ok {
		o.EVSE = w.bay.EVSE
	}
	return o.Session, c.Do(ctx, o)
}

// WithTerminal runs f while no other command uses the terminal, in the order of its
// queue: a card dialogue is never interrupted. f must not move money, but what it found
// open may be handed to Do.
func (c *Controller) WithTerminal(ctx context.Context, f func(context.Context) error) error {
	done := make(chan error, 1)
	c.terminal.staff.put(&c.terminal.q, func(work context.Context) {
		if ctx.Err() == nil { // the caller may have gone
			done <- f(work)
		}
	})
	select {
	case err := <-done:
		return err
	case <-c.stopped:
		return errEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Await waits until what done looks for is true of the state, or it fails.
func (c *Controller) Await(ctx context.Context, done func(State) (bool, error)) error {
	changed, cancel := c.Watch()
	defer cancel()
	for {
		if ok, err := done(c.state()); ok || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-c.stopped:
			return errEnded
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var errEnded = errors.New("the controller has ended")

// Bays lists the numbers of the bays, in order.
func (c *Controller) Bays() []int { return slices.Sorted(maps.Keys(c.bays)) }

// Fault raises or clears a fault.
func (c *Controller) Fault(ctx context.Context, code kiosk.FaultCode, bay int, raised bool, err error) {
	c.post(Observation{What: FaultSeen, Fault: code, Bay: bay, Raised: raised, Err: err})
}

// Note writes down what decides nothing: that a person logged in, a command came over the network, a device was
// inspected, visitors were counted. It is in the journal when Note returns.
func (c *Controller) Note(ctx context.Context, kind Kind, body any) error {
	switch kind {
	case Login, LoginRefused, CommandGiven, AccessChanged, Inspected, VisitDigest:
	default:
		return fmt.Errorf("a record of kind %s is more than a note", kind)
	}
	if b, ok := body.(NoteBody); ok {
		body = b.bounded()
	}
	return c.Do(ctx, Observation{What: NoteTold, Noted: &Event{Kind: kind, Body: body}})
}

// longestNote is the longest text of a note, in characters: no program may fill the journal.
const longestNote = 300

// bounded is a note without the number of a card, whatever a person typed, and no longer than it may be.
func (b NoteBody) bounded() NoteBody {
	for _, s := range []*string{&b.By, &b.What, &b.Detail, &b.From} {
		*s = kiosk.MaskNumbers(*s)
		if r := []rune(*s); len(r) > longestNote {
			*s = string(r[:longestNote-1]) + "…"
		}
	}
	return b
}

// Snapshot is the present state.
func (c *Controller) Snapshot() Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.snapshot
	out.Live, out.Progress = maps.Clone(out.Live), maps.Clone(out.Progress)
	out.At = c.now()
	return out
}

// state is the present state.
func (c *Controller) state() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.snapshot.State
}

// Watch returns a channel that gets a value after each change, until cancel.
func (c *Controller) Watch() (changed <-chan struct{}, cancel func()) {
	ch := make(chan struct{}, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watchers[ch] = true
	return ch, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.watchers, ch)
	}
}

func (c *Controller) publish(change func(*Snapshot)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.snapshot)
	for ch := range c.watchers {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// shutdownLimit is how long running sessions are given to end in order.
const shutdownLimit = 20 * time.Second

// Run replays the past, asks the devices what is true, and goes on until ctx ends. It
// ends with every contactor open and everything that could be settled settled. turned
// is called after each turn of the loop, at least once a second, unless one of the devices has
// been at one thing for so long that it will never end.
func (c *Controller) Run(ctx context.Context, turned func()) error {
	state, err := Replay(c.cfg.Past)
	if err != nil {
		return errors.Join(fmt.Errorf("cannot replay the journal: %w", err), c.openAll())
	}
	for _, at := range c.cfg.Locked {
		state.Faults[at] = true
	}
	state.Day.Ended, state.Day.Captured = c.cfg.Day.Ended, c.cfg.Day.Captured
	c.seed(state)
	c.publish(func(s *Snapshot) { s.State, s.Starting = state, false })
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	c.asked = ctx.Done()
	var g errgroup.Group
	if c.cfg.Lost != nil { // before anything else is written down
		if err := c.handle(work, Observation{What: FaultSeen, Fault: kiosk.FaultJournalNew, Raised: true,
			Err: c.cfg.Lost}); err != nil {
			return errors.Join(err, c.openAll())
		}
	}
	for _, o := range []Observation{{What: FaultSeen, Fault: kiosk.FaultTerminalUnreachable, Raised: true,
		Err: errors.New("not asked yet")},
		{What: Booted}} {
		if err := c.handle(work, o); err != nil {
			return errors.Join(err, c.openAll())
		}
	}
	for _, b := range c.bays {
		b.begin()
		g.Go(func() error { b.runContacts(work); return nil })
		g.Go(func() error { b.runReadings(work); return nil })
	}
	g.Go(func() error { c.terminal.run(work); return nil })
	c.loop(ctx, work, turned)
	close(c.stopped)
	stop()
	return g.Wait()
}

// Seeded is a meter that judges its first reading by what was known before.
type Seeded interface{ Seed(kiosk.Reading) }

// seed tells each meter the last that the journal has of it.
func (c *Controller) seed(s State) {
	for number, b := range c.bays {
		last := s.Known[number]
		if other := c.cfg.Known[number]; last.At.Before(other.At) {
			last = other
		}
		if m, ok := b.bay.Meter.(Seeded); ok && !last.At.IsZero() {
			m.Seed(last)
		}
	}
}

// openAll opens every contactor: energy that cannot be recorded must not flow.
func (c *Controller) openAll() (err error) {
	for _, b := range c.bays {
		err = errors.Join(err, b.bay.Contactor.Open())
	}
	return err
}

// Replay steps the events of records, with their commands thrown away. What it leaves of
// registers is only what sessions counted: of others there may be newer ones that are not
// replayed.
func Replay(records iter.Seq2[kiosk.Record, error]) (State, error) {
	return ReplayTold(records, func(Event) {})
}

// ReplayTold is Replay that tells of each event before it is stepped.
func ReplayTold(records iter.Seq2[kiosk.Record, error], tell func(Event)) (State, error) {
	state := State{}.clone()
	for r, err := range records {
		if err != nil {
			return State{}, err
		}
		e, err := FromRecord(r)
		if err != nil {
			return State{}, err
		}
		tell(e)
		state, _, err = Step(state, e)
		if err != nil {
			return State{}, fmt.Errorf("record %d: %w", r.Seq, err)
		}
	}
	maps.DeleteFunc(state.Registers, func(_ int, r Register) bool { return !r.Sold })
	return state, nil
}

func (c *Controller) loop(ctx, work context.Context, turned func()) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	defer c.flush(work)
	done := ctx.Done()
	var limit <-chan time.Time
	for {
		select {
		case <-c.inbox.ready:
			m, ok := c.inbox.next()
			if !ok {
				continue
			}
			err := errors.New("the kiosk is being switched off")
			if limit == nil || m.o.What != Chosen && m.o.What != Accepted && m.o.What != FreeAsked &&
				m.o.What != TestAsked {
				err = c.handle(work, m.o)
			}
			if m.reply != nil {
				m.reply <- err
			} else if err != nil {
				c.cfg.Log.Warn("observation was not taken", "what", m.o.What, "error", err)
			}
		case <-tick.C:
			if time.Since(c.since) >= shareFor {
				c.flush(work)
			}
			c.probe(work)
			c.lookAtClock(work)
			if err := c.handle(work, Observation{What: Ticked, Ending: limit != nil}); err != nil {
				c.cfg.Log.Error("tick", "error", err)
			}
		case <-done:
			done, limit = nil, time.After(shutdownLimit)
			if err := c.handle(work, Observation{What: Shutdown}); err != nil {
				c.cfg.Log.Error("shutdown", "error", err)
			}
		case <-limit:
			return
		}
		if !c.stuck() {
			turned()
		}
		if limit != nil && c.quiet() {
			return
		}
	}
}

// lookAtClock takes the system's time over where it is another and no bay is in use.
func (c *Controller) lookAtClock(ctx context.Context) {
	s := c.snapshot.State
	idle := true
	for _, x := range s.Sessions {
		idle = idle && (x.Power == Off || x.Record == RecordClosed)
	}
	o := Observation{What: ClockSeen}
	if from, set := c.cfg.Clock.Look(idle); set {
		o.From = &from
	}
	if wrong := !c.cfg.Clock.Trusted(); o.From == nil && wrong == s.ClockWrong &&
		wrong == s.Faults[FaultAt{Code: kiosk.FaultClockUntrusted}] {
		return
	}
	if err := c.handle(ctx, o); err != nil {
		c.cfg.Log.Error("clock", "error", err)
	}
}

// probe writes to a journal that could not be written: no other code would, because
// nothing is sold meanwhile. Selling goes on when its end is on disk, too.
func (c *Controller) probe(ctx context.Context) {
	down := c.snapshot.State.Faults[FaultAt{Code: kiosk.FaultJournalUnwritable}]
	raise := c.outage && !down // also where something else was written since
	if !raise && (c.snapshot.Halted || !down) {
		return
	}
	if err := c.handle(ctx, Observation{What: FaultSeen, Fault: kiosk.FaultJournalUnwritable,
		Raised: raise}); err != nil {
		c.cfg.Log.Error("journal still cannot be written", "fault", kiosk.FaultJournalUnwritable, "error", err)
		return
	}
	c.outage = false
}

// quiet tells whether nothing is under way that a shutdown should wait for.
func (c *Controller) quiet() bool {
	s := c.state()
	if !s.Day.Asked.IsZero() {
		return false
	}
	for _, x := range s.Sessions {
		switch x.Power {
		case Starting, Closing, Charging, Pausing, Stopping, Opened:
			return false
		}
		switch x.Money {
		case HoldAsked, HoldRecorded, HoldUncertain, CaptureAsked, CaptureUnclear, ReleaseAsked, ReleaseUnclear:
			return false
		}
	}
	return true
}

// handle is one turn: decide, write down, step, publish, command.
func (c *Controller) handle(ctx context.Context, o Observation) error {
	o.At, o.Untrusted, o.Live = c.now(), !c.cfg.Clock.Trusted(), c.snapshot.Live
	if o.Session == "" {
		o.Session, o.Reference = c.cfg.NewID()
	}
	if sm, seen := c.snapshot.Live[o.Bay]; o.What == TestAsked && seen {
		o.Sample = &sm
	}
	if b, ok := c.bays[o.Bay]; ok && o.What == MoveAsked {
		o.EVSE = b.bay.EVSE
	}
	if o.What == FaultDone && o.Reading == nil {
		o.Reading = c.snapshot.Live[o.Bay].Reading
	}
	if o.What == Sampled {
		c.publish(func(s *Snapshot) { s.Live[o.Bay] = *o.Sample })
		if _, taken := c.snapshot.State.AtBay(o.Bay); !taken && o.Sample.InputsLost == 0 && o.Sample.Inputs.Closed {
			c.bays[o.Bay].command(Command{Do: OpenContact, Bay: o.Bay}) // this energy has no owner
		}
	}
	turn, err := c.cfg.Rules.Turn(c.snapshot.State, o, c.derived)
	if err != nil || len(turn.Entries) == 0 {
		return err
	}
	entries := append(turn.Entries, o.Derived...)
	waits := turn.waits(o)
	switch {
	case waits:
		if len(c.waiting) == 0 {
			c.since = time.Now()
		}
		c.waiting = append(c.waiting, entries...)
	default:
		if err := c.write(ctx, o, append(slices.Clone(c.waiting), entries...)); err != nil {
			return err
		}
		c.waiting = nil
	}
	c.publish(func(s *Snapshot) {
		s.State, s.Halted = turn.State, s.Halted && waits
		for id := range s.Progress {
			if x := turn.State.Sessions[id]; x.Money != HoldAsked {
				delete(s.Progress, id)
			}
		}
	})
	for _, e := range turn.Events {
		c.log(e, turn.State.Sessions[e.Session])
	}
	for _, cmd := range turn.Commands {
		c.dispatch(cmd)
	}
	return nil
}

// waits tells whether nothing waits for what a turn writes down: readings on the way, of which several bays share a
// commit. They are on disk within three seconds, and before anything that is decided later.
func (t Turn) waits(o Observation) bool {
	return o.What == Sampled && len(t.Commands) == 0 && !slices.ContainsFunc(t.Events, func(e Event) bool {
		return e.Kind != ReadingTaken
	})
}

// shareFor is within what time all bays have the reading of one moment.
const shareFor = 1500 * time.Millisecond

// flush writes what waits.
func (c *Controller) flush(ctx context.Context) {
	if len(c.waiting) == 0 {
		return
	}
	if err := c.write(ctx, Observation{What: Sampled}, c.waiting); err != nil {
		c.cfg.Log.Warn("readings wait to be written", "error", err)
		return
	}
	c.waiting = nil
}

func (c *Controller) log(e Event, x Session) {
	level, attrs := slog.LevelInfo, []any{}
	add := func(key string, value any, there bool) {
		if there {
			attrs = append(attrs, key, value)
		}
	}
	add("session", e.Session, e.Session != "")
	add("reference", x.Reference, x.Reference != "")
	add("bay", max(x.Bay, e.Bay()), x.Bay+e.Bay() > 0)
	switch b := e.Body.(type) {
	case FaultBody:
		add("fault", b.Fault, true)
	case AlertBody:
		add("rule", b.Rule, true)
	}
	add("error", e.Failure(), e.Failure() != "")
	if e.Kind == FaultRaised || e.Kind == Alert || e.Failure() != "" {
		level = slog.LevelWarn
	}
	c.cfg.Log.Log(context.Background(), level, string(e.Kind), attrs...)
}

// derived are the records that come of a closed session. What fails there must not keep it open.
func (c *Controller) derived(e Event, x Session) []kiosk.Entry {
	if e.Kind != Closed || c.cfg.Derive == nil {
		return nil
	}
	out, err := c.derive(x)
	if err == nil {
		return out
	}
	c.cfg.Log.Error("nothing was derived for others", "session", e.Session, "error", err)
	entry, err := Event{Kind: Alert, At: e.At, Body: AlertBody{NotDerived,
		wentWrong(fmt.Errorf("session %s: %w", x.Reference, err))}}.Entry()
	if err != nil {
		c.cfg.Log.Error("alert", "error", err)
		return nil
	}
	return []kiosk.Entry{entry}
}

// derive calls Derive, which is not ours and must not take the controller with it.
func (c *Controller) derive(x Session) (out []kiosk.Entry, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return c.cfg.Derive(x)
}

// write journals. Where the journal cannot be written nothing new begins, power goes
// off (energy that is not recorded must not flow), and a result of the terminal is
// turned back; everything else is tried again until it is written.
func (c *Controller) write(ctx context.Context, o Observation, entries []kiosk.Entry) error {
	for {
		err := c.cfg.Journal.Append(ctx, entries...)
		if err == nil {
			return nil
		}
		c.cfg.Log.Error("journal cannot be written: power goes off", "fault", kiosk.FaultJournalUnwritable, "error",
			err)
		c.publish(func(s *Snapshot) { s.Halted = true })
		c.outage = true
		for _, b := range c.bays {
			b.command(Command{Do: OpenContact, Bay: b.bay.Number})
		}
		switch o.What {
		case HoldApproved, SettlementApproved, Chosen, Accepted, AskedAgain, CodeEntered, CardAsked, DayEndAsked,
			DrainAsked, FaultDone, MoreAsked, FreeAsked, CodeJudged, TestAsked, MeterChanged, ShutAsked, RetryAsked,
			InstructionGiven, InstructionEnded, RefundTold, SigningFound, NoteTold,
			Ticked, Sampled, FaultSeen, ClockSeen, Booted:
			return err
		}
		timer := time.NewTimer(time.Second)
		select {
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-c.asked: // what is not written is found out again at the next start
			timer.Stop()
			return err
		case <-timer.C:
		}
	}
}

func (c *Controller) dispatch(cmd Command) {
	switch cmd.Do {
	case LookAtBay, ReadBaseline, CloseContact, OpenContact, ReadFinal, TestContact, BeginSigning, SignFinal,
		KeptSigning, DropSigning:
		if b, ok := c.bays[cmd.Bay]; ok {
			b.command(cmd)
			return
		}
		err := fmt.Errorf("bay %d is no longer configured", cmd.Bay)
		c.cfg.Log.Error("command has no device", "session", cmd.Session, "error", err)
		o := Observation{What: ContactorMoved, Session: cmd.Session, Err: err}
		if cmd.Do == ReadFinal || cmd.Do == SignFinal {
			o.What = FinalRead
		}
		c.post(o) // what was measured is billed, what was held is settled
	default:
		c.terminal.command(cmd)
	}
}
