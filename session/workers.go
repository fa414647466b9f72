package session

import (
	"context"
	"errors"
	"fmt"
	"io"
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

func (q *queue) push(c Command) {
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

// pop removes the most urgent command, the oldest of equals.
func (q *queue) pop(rank func(Command) int) (Command, bool) {
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

	staff  services
	listed time.Time   // what is open, the last time
	unwell time.Time   // since when it says that it is not ready; zero while it is
	losses []time.Time // of its line, in the last hour
	back   time.Time   // since when it answers; zero while it does not
	mu     sync.Mutex
	abort  map[string]context.CancelFunc // of the session whose card is asked for
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
	w.q.push(cmd)
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

// How often a terminal is asked. That it is well is asked often, which also proves that it is there
// and lets it do what it has put off; what is open seldom, unless money waits for the answer.
const (
	askEvery  = 15 * time.Second
	askSoon   = 2 * time.Second // for a minute: then it has had its time
	soonFor   = time.Minute
	listEvery = time.Minute
	unwellFor = 30 * time.Second // before it is a fault
	busyFor   = 5 * time.Minute

	mostLosses = 10 // of its line in an hour, before it must answer for a while
)

// terminalStuck is longer than a driver lets any dialogue take.
const terminalStuck = time.Hour

func (w *terminalWorker) run(ctx context.Context) {
	due := time.Now()        // when it is to be asked
	answeredAt := time.Now() // the last time
	for ctx.Err() == nil {
		cmd, ok := w.q.pop(rank)
		switch overdue := !time.Now().Before(due); {
		case overdue && (!ok || rank(cmd) >= rank(Command{Do: serveStaff})):
			if ok {
				w.q.push(cmd)
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
		if err := w.duty.do(func() { answered = w.carryOut(ctx, cmd) }); err != nil {
			w.failed(ctx, cmd, err)
		}
		switch {
		case cmd.Do == serveStaff: // however often a person looks, it is asked when it is due
		case answered:
			answeredAt = time.Now()
			due = answeredAt.Add(askEvery)
			if w.fresh() || w.listed.IsZero() {
				due = answeredAt.Add(askSoon)
			}
		case time.Since(answeredAt) < soonFor:
			due = time.Now().Add(askSoon)
		default:
			due = time.Now().Add(askEvery)
		}
	}
}

// failed is what follows from a panic: the kiosk cannot know what the terminal did.
func (w *terminalWorker) failed(ctx context.Context, cmd Command, err error) {
	w.c.cfg.Log.Error("kioskd itself failed at the terminal", "fault", kiosk.FaultDeviceFailed, "error", err)
	if t, ok := w.c.cfg.Terminal.(io.Closer); ok { // its line is in an unknown state
		if err := contained(t.Close); err != nil {
			w.c.cfg.Log.Error("terminal did not close", "error", err)
		}
	}
	w.c.Fault(ctx, kiosk.FaultDeviceFailed, 0, true, err)
	if o := cmd.ended(errSelf); o.What != "" {
		w.c.post(o)
	}
}

// uncertain tells whether money waits for the terminal's list.
func (w *terminalWorker) uncertain() bool {
	for _, x := range w.c.state().Sessions {
		if x.Money == HoldUncertain || x.Money == CaptureUnclear || x.Money == ReleaseUnclear {
			return true
		}
	}
	return false
}

// fresh tells whether money has waited for the terminal's list for a moment only.
func (w *terminalWorker) fresh() bool {
	now := w.c.now()
	for _, x := range w.c.state().Sessions {
		switch x.Money {
		case HoldUncertain:
			if !over(x.AskedAt, now, soonFor) {
				return true
			}
		case CaptureUnclear, ReleaseUnclear:
			if !over(x.TriedAt, now, soonFor) {
				return true
			}
		}
	}
	return false
}

// looking tells whether a hold was missing from the last list.
func (w *terminalWorker) looking() bool {
	for _, x := range w.c.state().Sessions {
		if x.Missing > 0 && x.Record != RecordClosed && x.counts() {
			return true
		}
	}
	return false
}

// carryOut carries one command out; it is false where the terminal did not answer.
func (w *terminalWorker) carryOut(ctx context.Context, cmd Command) bool {
	o := cmd.ended(nil)
	record := func(b kiosk.CaptureResult) error {
		return w.c.Do(ctx, Observation{What: SettlementApproved, Session: cmd.Session, Result: &b})
	}
	var b kiosk.CaptureResult
	switch cmd.Do {
	case AskTerminal:
		return w.ask(ctx)
	case serveStaff:
		w.staff.next(ctx)
		return true
	case EndOfDay:
		o.Total, o.Err = w.endOfDay(ctx, cmd.Force)
	case ReadCard:
		o.Card, o.Err = w.c.cfg.Terminal.ReadCard(ctx, proveWithin)
	case AskHold:
		o.Err = w.hold(ctx, cmd)
	case CaptureHold:
		b, o.Err = w.c.cfg.Terminal.Capture(ctx, kiosk.CaptureRequest{Reference: cmd.Ref, Hold: cmd.Hold,
			Used: cmd.Amount, OnBooked: record})
	case ReleaseHold:
		b, o.Err = w.c.cfg.Terminal.Release(ctx, kiosk.ReleaseRequest{Reference: cmd.Ref, ID: cmd.Hold.ID,
			TerminalID: cmd.Hold.TerminalID, Amount: cmd.Amount, OnBooked: record})
	}
	if o.What == SettlementEnded && o.Err == nil {
		o.Result = &b
	}
	w.c.post(o)
	var no *kiosk.Declined
	if errors.As(o.Err, &no) && no.Class == kiosk.DeclineNotWritten { // what the terminal made of that its list tells
		w.listed = time.Time{}
	}
	return !errors.Is(o.Err, kiosk.ErrUnreachable)
}

func (w *terminalWorker) hold(ctx context.Context, cmd Command) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w.mu.Lock()
	if _, aborted := w.abort[cmd.Session]; aborted {
		delete(w.abort, cmd.Session)
		w.mu.Unlock()
		return &kiosk.Declined{Class: kiosk.DeclineNoCard}
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
		Reference: cmd.Ref, Amount: cmd.Amount, Language: cmd.Lang,
		CardWait: min(w.c.cfg.CardWait*time.Duration(cmd.Times), longestWait),
		OnApproved: func(h kiosk.Hold) error {
			return w.c.Do(durable, Observation{What: HoldApproved, Session: cmd.Session, Hold: &h})
		},
		Progress: func(p kiosk.Progress) {
			w.c.publish(func(s *Snapshot) { s.Progress[cmd.Session] = p })
		},
	})
	return err
}

// longestWait is the longest that a terminal is told to wait for a card: it says nothing meanwhile,
// and is taken for lost after three minutes (PA00P015, T4).
const longestWait = 150 * time.Second

// proveWithin is how long a card is waited for that shows whose session it is.
const proveWithin = 15 * time.Second

// endOfDay asks the terminal itself first what is open: an end-of-day may take it whole.
func (w *terminalWorker) endOfDay(ctx context.Context, force bool) (*kiosk.Money, error) {
	open, err := w.c.cfg.Terminal.ListHolds(ctx)
	if err != nil {
		return nil, err
	}
	s := w.c.state()
	n, survive := s.openHolds(), w.c.cfg.Rules.Abilities.HoldsSurviveDayEnd
	if !survive && force && len(s.Underway()) > 0 {
		return nil, fmt.Errorf("a driver charges or pays: %v", s.Underway())
	}
	if !survive && !force && (len(open.IDs) > 0 || n > 0) {
		return nil, fmt.Errorf("the terminal has the holds %v, and %d sessions have one", open.IDs, n)
	}
	return w.c.cfg.Terminal.EndOfDay(ctx)
}

// ask asks whether the terminal is well, and what is open where that is due.
func (w *terminalWorker) ask(ctx context.Context) bool {
	err := w.c.cfg.Terminal.Ready(ctx)
	var no *kiosk.Declined
	if err != nil && !errors.As(err, &no) {
		return w.lost(ctx, err)
	}
	w.well(ctx, no)
	every := listEvery
	if w.looking() {
		every = missingEvery
	}
	faults := w.c.state().Faults
	lost := faults[FaultAt{Code: kiosk.FaultTerminalUnreachable}] || faults[FaultAt{Code: kiosk.FaultDeviceFailed}]
	if !lost && !w.uncertain() && time.Since(w.listed) < every {
		return true
	}
	open, err := w.c.cfg.Terminal.ListHolds(ctx)
	if err != nil {
		return w.lost(ctx, err)
	}
	o := Observation{What: TerminalSaid, Open: open, Ready: no == nil}
	if w.uncertain() { // what it booked last may be the proof that is looked for
		if last, err := w.c.cfg.Terminal.Last(ctx); err == nil {
			o.Last = &last
		}
	}
	w.listed = time.Now()
	w.c.post(o)
	w.found(ctx)
	return true
}

// lost tells that the terminal did not answer, or not as the site's own does.
func (w *terminalWorker) lost(ctx context.Context, err error) bool {
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, kiosk.ErrOtherTerminal):
		w.c.Fault(ctx, kiosk.FaultTerminalOther, 0, true, err)
	case !w.c.state().Faults[FaultAt{Code: kiosk.FaultTerminalUnreachable}]:
		w.losses = append(slices.DeleteFunc(w.losses, func(at time.Time) bool { return time.Since(at) > time.Hour }),
			time.Now())
		w.c.Fault(ctx, kiosk.FaultTerminalUnreachable, 0, true, err)
	}
	w.back = time.Time{}
	return false
}

// found tells that the terminal answers. One whose line is lost again and again must answer for a
// while, so that the journal is not filled with it.
func (w *terminalWorker) found(ctx context.Context) {
	if w.back.IsZero() {
		w.back = time.Now()
	}
	if len(w.losses) <= mostLosses || time.Since(w.back) >= time.Minute {
		w.c.Fault(ctx, kiosk.FaultTerminalUnreachable, 0, false, nil)
	}
	w.c.Fault(ctx, kiosk.FaultDeviceFailed, 0, false, nil)
}

// well tells what the terminal says of itself, once it has said so for a while: it is busy, or has a
// card in it, now and then.
func (w *terminalWorker) well(ctx context.Context, no *kiosk.Declined) {
	o := Observation{What: TerminalWell}
	patience := unwellFor
	switch {
	case no == nil:
		w.unwell = time.Time{}
		w.c.post(o)
		return
	case no.Class == kiosk.DeclineDayEnd:
		patience = 0
	case no.Class == kiosk.DeclineBusy, no.Class == kiosk.DeclineCardIn:
		patience = busyFor
	}
	if w.unwell.IsZero() {
		w.unwell = time.Now()
	}
	if time.Since(w.unwell) >= patience {
		o.Err = no
		w.c.post(o)
	}
}
