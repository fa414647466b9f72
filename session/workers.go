package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"kioskd"
)

// queue hands commands to the goroutine that owns a device, most urgent first.
type queue struct {
	mu    sync.Mutex
	items []Command
	ready chan struct{}
}

func newQueue() queue { return queue{ready: make(chan struct{}, 1)} }

func (q *queue) put(c Command) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(q.items, c)
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// drop removes what is still waiting of a kind.
func (q *queue) drop(do Do) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = slices.DeleteFunc(q.items, func(c Command) bool { return c.Do == do })
}

// take removes the most urgent command, the oldest of equals.
func (q *queue) take(rank func(Command) int) (Command, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		return Command{}, false
	}
	best := 0
	for i := range q.items {
		if rank(q.items[i]) < rank(q.items[best]) {
			best = i
		}
	}
	c := q.items[best]
	q.items = slices.Delete(q.items, best, best+1)
	return c, true
}

// bayWorker owns a bay's devices.
type bayWorker struct {
	duty
	c    *Controller
	bay  Bay
	q    queue
	seen struct{ inputs, meter time.Time } // last good
	last *kiosk.Reading                    // last good

	staff services
}

func newBayWorker(c *Controller, b Bay) *bayWorker { return &bayWorker{c: c, bay: b, q: newQueue()} }

// command queues a command. One to open undoes one to close that is still waiting.
func (w *bayWorker) command(c Command) {
	if c.Do == OpenContact {
		w.q.drop(CloseContact)
	}
	w.q.put(c)
}

// Times of a bay's devices.
const (
	sampleEvery  = time.Second
	followWithin = 2 * time.Second // the auxiliary contact
	openWithin   = 15 * time.Second
	readTries    = 5
	tellMeter    = 15 * time.Second // without a reading: fault
	tellInputs   = 5 * time.Second
	bayStuck     = 5 * time.Minute // one call: it waits for every other bay's on its bus
)

// run looks at the bay every second and does what it is told. It ends with the
// contactor open.
func (w *bayWorker) run(ctx context.Context) {
	defer func() {
		if err := w.bay.Contactor.Open(); err != nil {
			w.c.cfg.Log.Error("contactor did not open at the end", "bay", w.bay.Number, "error", err)
		}
	}()
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	w.seen.inputs, w.seen.meter = time.Now(), time.Now()
	sample := func() { w.sample(ctx) }
	w.duty.do(sample)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.duty.do(sample)
		case <-w.q.ready:
			for {
				cmd, ok := w.q.take(func(c Command) int {
					if c.Do == OpenContact {
						return 0
					}
					return 1
				})
				if !ok {
					break
				}
				w.duty.do(func() { w.carryOut(ctx, cmd) })
			}
		}
	}
}

// look looks at the inputs alone, for whoever waits: a meter takes its time.
func (w *bayWorker) look(ctx context.Context) {
	sm := Sample{Reading: w.last, Good: w.last}
	w.inputs(ctx, &sm)
	w.c.post(ctx, Observation{What: Sampled, Bay: w.bay.Number, Sample: &sm})
}

func (w *bayWorker) inputs(ctx context.Context, sm *Sample) {
	in, err := w.bay.Inputs.Inputs(ctx)
	now := time.Now()
	if err == nil {
		sm.Inputs, w.seen.inputs = in, now
	} else {
		sm.InputsLost = max(now.Sub(w.seen.inputs), time.Millisecond)
	}
	w.tell(ctx, "IO001", sm.InputsLost > tellInputs, err)
	if err == nil {
		w.tell(ctx, "CX008", in.Emergency, nil)
	}
	if err == nil && !in.Closed {
		w.tell(ctx, "CX017", false, nil)
	}
}

func (w *bayWorker) sample(ctx context.Context) {
	var sm Sample
	w.inputs(ctx, &sm)
	w.goOn()
	r, err := w.bay.Meter.Read(ctx)
	now := time.Now()
	var fault interface{ FaultCode() string }
	switch {
	case err == nil:
		r.At = w.c.now()
		sm.Reading, w.last, w.seen.meter = &r, &r, now
	case errors.As(err, &fault):
		sm.MeterFault = fault.FaultCode()
	default:
		sm.MeterLost = max(now.Sub(w.seen.meter), time.Millisecond)
	}
	sm.Good = w.last
	w.tell(ctx, "MT001", sm.MeterLost > tellMeter, err)
	for _, code := range []string{"MT002", "MT003", "MT004"} {
		w.tell(ctx, code, sm.MeterFault == code, err)
	}
	w.c.post(ctx, Observation{What: Sampled, Bay: w.bay.Number, Sample: &sm})
}

// tell raises or clears a fault of the bay where that is news.
func (w *bayWorker) tell(ctx context.Context, code string, raised bool, err error) {
	if w.c.Snapshot().State.Faults[FaultAt{code, w.bay.Number}] != raised {
		w.c.Fault(ctx, code, w.bay.Number, raised, err)
	}
}

func (w *bayWorker) carryOut(ctx context.Context, cmd Command) {
	o := Observation{Session: cmd.Session, Bay: cmd.Bay}
	switch cmd.Do {
	case LookAtBay:
		w.look(ctx)
		return
	case serveStaff:
		w.staff.next(ctx)
		return
	case TestContact:
		o.What = TestEnded
		o.Reading, o.Err = w.last, w.test(ctx)
	case ReadBaseline:
		o.What = BaselineRead
		o.Reading, o.Err = w.stable(ctx)
	case ReadFinal:
		o.What = FinalRead
		o.Reading, o.Err = w.stable(ctx)
	case CloseContact:
		o.What, o.Closed = ContactorMoved, true
		if o.Err = w.bay.Contactor.Close(ctx); o.Err == nil {
			o.Err = w.follow(ctx, true)
		}
	case OpenContact:
		o.What = ContactorMoved
		o.Err = w.open(ctx)
		w.tell(ctx, "CX017", o.Err != nil, o.Err)
		if cmd.Session == "" {
			return
		}
	}
	w.c.post(ctx, o)
}

// open opens the contactor and sees it open. It tries for longer than the watchdog of an
// I/O board takes, because a hold must not be settled while energy flows.
func (w *bayWorker) open(ctx context.Context) error {
	for end := time.Now().Add(openWithin); ; {
		w.goOn()
		err := w.bay.Contactor.Open()
		if err == nil {
			err = w.follow(ctx, false)
		}
		if err == nil || time.Now().After(end) || !pause(ctx, 200*time.Millisecond) {
			return err
		}
	}
}

// stable reads the register until two reads in a row agree.
func (w *bayWorker) stable(ctx context.Context) (*kiosk.Reading, error) {
	var last *kiosk.Reading
	err := errors.New("register does not stand still")
	for range 2 * readTries {
		w.goOn()
		r, readErr := w.bay.Meter.Read(ctx)
		switch {
		case readErr != nil:
			last, err = nil, readErr
		case last != nil && last.Import == r.Import && last.Serial == r.Serial:
			r.At = w.c.now()
			return &r, nil
		default:
			last = &r
		}
		if !pause(ctx, 100*time.Millisecond) {
			return nil, ctx.Err()
		}
	}
	return nil, err
}

func (w *bayWorker) follow(ctx context.Context, closed bool) error {
	end := time.Now().Add(followWithin)
	for {
		w.goOn()
		in, err := w.bay.Inputs.Inputs(ctx)
		if err == nil && in.Closed == closed {
			return nil
		}
		if time.Now().After(end) {
			if err == nil {
				err = errors.New("contactor does not follow")
			}
			return err
		}
		if !pause(ctx, 20*time.Millisecond) {
			return ctx.Err()
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// terminalWorker owns the card terminal. A card dialogue that has begun is never
// interrupted but by its own driver; between dialogues the queue decides.
type terminalWorker struct {
	duty
	c *Controller
	q queue

	staff services
	mu    sync.Mutex
	abort map[string]context.CancelFunc // of the session whose card is asked for
}

func newTerminalWorker(c *Controller) *terminalWorker {
	return &terminalWorker{c: c, q: newQueue(), abort: map[string]context.CancelFunc{}}
}

func (w *terminalWorker) command(cmd Command) {
	if cmd.Do == AbortHold {
		w.mu.Lock()
		defer w.mu.Unlock()
		if cancel, ok := w.abort[cmd.Session]; ok {
			cancel()
		} else {
			w.abort[cmd.Session] = nil // not asked yet
		}
		return
	}
	w.q.put(cmd)
}

// rank orders the queue: an unknown outcome, a driver who waits for a release, a
// capture, a new card, retries, a technician, the end of the day.
func rank(c Command) int {
	switch {
	case c.Do == AskTerminal:
		return 0
	case c.Do == ReleaseHold && c.First:
		return 1
	case c.Do == CaptureHold && c.First:
		return 2
	case c.Do == AskHold, c.Do == ReadCard:
		return 3
	case c.Do == serveStaff:
		return 5
	case c.Do == EndOfDay:
		return 6
	}
	return 4
}

// askEvery is how often an idle terminal is asked what is open; it also proves that the
// terminal is there.
const askEvery = 15 * time.Second

// terminalStuck is longer than a driver lets any dialogue take.
const terminalStuck = time.Hour

func (w *terminalWorker) run(ctx context.Context) {
	due := time.Now() // when it is to be asked
	for ctx.Err() == nil {
		cmd, ok := w.q.take(rank)
		switch overdue := !time.Now().Before(due); {
		case overdue && (!ok || rank(cmd) >= rank(Command{Do: serveStaff})):
			if ok {
				w.q.put(cmd)
			}
			cmd = Command{Do: AskTerminal}
		case !ok:
			timer := time.NewTimer(time.Until(due))
			select {
			case <-ctx.Done():
			case <-w.q.ready:
			case <-timer.C:
			}
			timer.Stop()
			continue
		}
		answered := false
		w.duty.do(func() { answered = w.carryOut(ctx, cmd) })
		switch {
		case cmd.Do == serveStaff: // however often somebody looks, it is asked when it is due
		case answered && !w.uncertain():
			due = time.Now().Add(askEvery)
		default:
			due = time.Now().Add(2 * time.Second)
		}
	}
}

// uncertain tells whether money waits for the terminal's list.
func (w *terminalWorker) uncertain() bool {
	for _, x := range w.c.Snapshot().State.Sessions {
		if x.Money == HoldUncertain || x.Money == CaptureUnclear || x.Money == ReleaseUnclear {
			return true
		}
	}
	return false
}

// carryOut carries one command out; it is false where the terminal did not answer.
func (w *terminalWorker) carryOut(ctx context.Context, cmd Command) bool {
	o := Observation{Session: cmd.Session}
	record := func(b kiosk.Booking) error {
		return w.c.Do(ctx, Observation{What: BookingApproved, Session: cmd.Session, Booking: &b})
	}
	var b kiosk.Booking
	switch cmd.Do {
	case AskTerminal:
		return w.ask(ctx)
	case serveStaff:
		w.staff.next(ctx)
		return true
	case EndOfDay:
		o.What, o.Total = DayEndDone, new(kiosk.Money)
		*o.Total, o.Err = w.endOfDay(ctx, cmd.Force)
	case ReadCard:
		o.What = CardRead
		o.Card, o.Err = w.c.cfg.Terminal.ReadCard(ctx, proveWithin)
	case AskHold:
		o.What = HoldEnded
		o.Err = w.hold(ctx, cmd)
	case CaptureHold:
		o.What = BookingEnded
		b, o.Err = w.c.cfg.Terminal.Capture(ctx, kiosk.CaptureRequest{Reference: cmd.Ref, Hold: cmd.Hold, Used: cmd.Amount, Record: record})
	case ReleaseHold:
		o.What = BookingEnded
		b, o.Err = w.c.cfg.Terminal.Release(ctx, kiosk.ReleaseRequest{Reference: cmd.Ref, ReceiptNo: cmd.Hold.ReceiptNo, TerminalID: cmd.Hold.TerminalID, Amount: cmd.Amount, Record: record})
	}
	if o.What == BookingEnded && o.Err == nil {
		o.Booking = &b
	}
	w.c.post(ctx, o)
	return !errors.Is(o.Err, kiosk.ErrUnreachable)
}

func (w *terminalWorker) hold(ctx context.Context, cmd Command) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w.mu.Lock()
	if _, aborted := w.abort[cmd.Session]; aborted {
		delete(w.abort, cmd.Session)
		w.mu.Unlock()
		return &kiosk.Declined{Class: kiosk.DeclineNoCard, Code: "6C"}
	}
	w.abort[cmd.Session] = cancel
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.abort, cmd.Session)
	}()
	durable := context.WithoutCancel(ctx) // a cancelled card wait may still be approved
	_, err := w.c.cfg.Terminal.Hold(ctx, kiosk.HoldRequest{
		Reference: cmd.Ref, Amount: cmd.Amount, Language: cmd.Lang, CardWait: min(w.c.cfg.CardWait*time.Duration(cmd.Times), longestWait),
		Record: func(h kiosk.Hold) error {
			return w.c.Do(durable, Observation{What: HoldApproved, Session: cmd.Session, Hold: &h})
		},
		Progress: func(p kiosk.Progress) {
			w.c.publish(func(s *Snapshot) { s.Progress[cmd.Session] = p })
		},
	})
	return err
}

// longestWait is the longest that a terminal can be told to wait for a card: two digits.
const longestWait = 99 * time.Second

// proveWithin is how long a card is waited for that shows whose session it is.
const proveWithin = 15 * time.Second

// endOfDay asks the terminal itself first what is open: an end-of-day may take it whole.
func (w *terminalWorker) endOfDay(ctx context.Context, force bool) (kiosk.Money, error) {
	open, err := w.c.cfg.Terminal.Open(ctx)
	if err != nil {
		return kiosk.Money{}, err
	}
	s := w.c.Snapshot().State
	n, survive := s.openHolds(), w.c.cfg.Rules.HoldsSurvive
	if !survive && force && len(s.Underway()) > 0 {
		return kiosk.Money{}, fmt.Errorf("somebody charges or pays: %v", s.Underway())
	}
	if !survive && !force && (len(open.Receipts) > 0 || n > 0) {
		return kiosk.Money{}, fmt.Errorf("the terminal has the holds %v, and %d sessions have one", open.Receipts, n)
	}
	return w.c.cfg.Terminal.EndOfDay(ctx)
}

// ask asks what is open and what was booked last.
func (w *terminalWorker) ask(ctx context.Context) bool {
	open, err := w.c.cfg.Terminal.Open(ctx)
	if err != nil {
		if ctx.Err() == nil {
			w.c.Fault(ctx, "PT001", 0, true, err)
		}
		return false
	}
	o := Observation{What: TerminalSaid, Open: open}
	switch last, err := w.c.cfg.Terminal.Last(ctx); {
	case err == nil:
		o.Last = &last
	case errors.Is(err, kiosk.ErrUnreachable): // what it booked last may be the proof that is looked for
		return false
	}
	w.c.post(ctx, o)
	w.c.Fault(ctx, "PT001", 0, false, nil)
	return true
}
