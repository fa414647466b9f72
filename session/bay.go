package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"kioskd"
)

// bayWorker owns a bay's devices, each with a goroutine of its own: a meter takes its time, and power
// goes off without waiting for it.
type bayWorker struct {
	c        *Controller
	bay      Bay
	contacts owner // of contactor and inputs
	readings owner // of the meter
	staff    services
	charger  kiosk.Charger  // nil where the bay is no charger's
	signs    bool           // the meter signs, as far as is known; of runReadings alone
	rescued  []string       // records that are in no journal yet; of runReadings alone
	unbegun  int            // sessions in a row that the meter did not begin to sign; of runReadings alone
	unproven int            // sessions in a row whose records proved nothing; of runReadings alone
	checkAt  time.Time      // when that is found out next; of runReadings alone
	starting sync.WaitGroup // of what asks a charger to begin, or how long to go on

	mu      sync.Mutex // of what follows, and of the order in which it is told
	seen    view
	renewAt time.Time     // when the charger is told again how long it may go on
	began   []Observation // how beginnings ended, which the machine does not know yet
	told    struct {
		at     time.Time
		inputs kiosk.BayInputs
	}
}

// owner is a goroutine that owns a device.
type owner struct {
	duty
	q      queue
	failed bool // its driver panicked, and has not answered since
}

// view is what is known of a bay.
type view struct {
	inputs   kiosk.BayInputs
	inputsAt time.Time // last good
	blind    bool      // the inputs could not be read the last time
	last     *kiosk.Reading
	sure     *kiosk.Reading  // the good one before it, which it confirmed
	meterAt  time.Time       // last good
	mute     bool            // the meter could not be read the last time
	idle     bool            // nothing is measured while nothing charges
	fault    kiosk.FaultCode // that it is not believed for
}

func newBayWorker(c *Controller, b Bay) *bayWorker {
	w := &bayWorker{c: c, bay: b, contacts: owner{q: newQueue()}, readings: owner{q: newQueue()}}
	w.charger, _ = b.Contactor.(kiosk.Charger)
	return w
}

// command queues a command. One to open undoes one to close that is still waiting.
func (w *bayWorker) command(c Command) {
	switch c.Do {
	case ReadBaseline, ReadFinal, BeginSigning, SignFinal, KeptSigning, DropSigning:
		w.readings.q.push(c)
		return
	case OpenContact:
		w.contacts.q.drop(CloseContact)
	}
	w.contacts.q.push(c)
}

// Times of a bay's devices.
const (
	sampleEvery  = time.Second
	watchEvery   = 200 * time.Millisecond // the inputs, while energy may flow
	followWithin = 2 * time.Second        // the auxiliary contact
	openWithin   = 15 * time.Second
	readTries    = 5
	meterLate    = 3 * time.Second  // one read: longer is no answer
	tellMeter    = 15 * time.Second // without a reading: fault
	tellInputs   = 5 * time.Second
	bayStuck     = 5 * time.Minute // one call: it waits for every other bay's on its bus
)

// begin is before both goroutines.
func (w *bayWorker) begin() {
	now := time.Now()
	w.seen.inputsAt, w.seen.meterAt, w.seen.blind = now, now, true
}

// runContacts looks at the inputs and does what the contactor is told. It ends with the contactor
// open.
func (w *bayWorker) runContacts(ctx context.Context) {
	defer w.starting.Wait()
	defer w.openNow("contactor did not open at the end")
	w.run(ctx, &w.contacts, w.inspect, func() time.Time {
		every := sampleEvery
		if w.live() {
			every = watchEvery
		}
		return time.Now().Truncate(every).Add(every) // all bays at once: they share a board's answer
	})
}

// runReadings reads the meter every second, and more often when that is wanted.
func (w *bayWorker) runReadings(ctx context.Context) {
	next := time.Now()
	w.run(ctx, &w.readings, w.measure, func() time.Time {
		next = next.Add(sampleEvery)
		if now := time.Now(); next.Before(now) {
			next = now
		}
		return next
	})
}

// live tells whether energy may flow.
func (w *bayWorker) live() bool {
	w.mu.Lock()
	closed := w.seen.inputs.Closed
	w.mu.Unlock()
	x, taken := w.c.state().AtBay(w.bay.Number)
	return closed || taken && (x.running() || x.Power == Stopping)
}

// run looks at a device again and again, and carries out commands between.
func (w *bayWorker) run(ctx context.Context, o *owner, look func(context.Context), next func() time.Time) {
	do := func(f func(), failed func()) {
		if err := o.duty.do(f); err != nil {
			w.failed(ctx, o, err)
			failed()
		}
	}
	for ctx.Err() == nil {
		do(func() { look(ctx) }, func() {})
		for due := next(); ; {
			cmd, ok := o.q.pop(func(c Command) int {
				if c.Do == OpenContact {
					return 0
				}
				return 1
			})
			if ok {
				do(func() { w.carryOut(ctx, cmd) }, func() { w.answer(ctx, cmd, errSelf) })
				continue
			}
			timer := time.NewTimer(time.Until(due))
			select {
			case <-ctx.Done():
				timer.Stop()
				return
			case <-o.q.ready:
				timer.Stop()
				continue
			case <-timer.C:
			}
			break
		}
	}
}

// openNow opens the contactor whatever else is wrong.
func (w *bayWorker) openNow(otherwise string) {
	if err := contained(w.bay.Contactor.Open); err != nil {
		w.c.cfg.Log.Error(otherwise, "bay", w.bay.Number, "error", err)
	}
}

// failed is what follows from a panic: no energy flows where it is not known what the devices do.
func (w *bayWorker) failed(ctx context.Context, o *owner, err error) {
	if o == &w.contacts {
		w.openNow("contactor did not open after a panic")
	} else {
		w.command(Command{Do: OpenContact, Bay: w.bay.Number})
	}
	w.mu.Lock()
	o.failed = true
	w.mu.Unlock()
	w.c.cfg.Log.Error("kioskd itself failed at a bay", "fault", kiosk.FaultDeviceFailed, "bay", w.bay.Number, "error",
		err)
	w.notify(ctx, kiosk.FaultDeviceFailed, true, err)
}

// well tells that a driver that panicked works again.
func (w *bayWorker) well(ctx context.Context, o *owner) {
	w.mu.Lock()
	o.failed = false
	both := !w.contacts.failed && !w.readings.failed
	w.mu.Unlock()
	if both {
		w.notify(ctx, kiosk.FaultDeviceFailed, false, nil)
	}
}

// answer tells the machine how a command that it waits for ended.
func (w *bayWorker) answer(ctx context.Context, cmd Command, err error) {
	o := cmd.ended(err)
	o.Bay = cmd.Bay
	if o.What != "" && (cmd.Session != "" || cmd.Do == TestContact) {
		w.c.post(o)
	}
}

// inspect looks at the inputs, and tells what is new.
func (w *bayWorker) inspect(ctx context.Context) { w.inspectAnd(ctx, false) }

// inputs reads the inputs, and keeps what they say: what is told later must not be older than what was
// done since.
func (w *bayWorker) inputs(ctx context.Context) (kiosk.BayInputs, error) {
	in, err := w.bay.Inputs.Inputs(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen.blind = err != nil
	if err == nil {
		w.seen.inputs, w.seen.inputsAt = in, time.Now()
	}
	return in, err
}

func (w *bayWorker) inspectAnd(ctx context.Context, tell bool) {
	in, err := w.inputs(ctx)
	w.mu.Lock()
	now := time.Now()
	lost := now.Sub(w.seen.inputsAt)
	if tell || err != nil || in != w.told.inputs || now.Sub(w.told.at) >= sampleEvery {
		w.report()
	}
	w.mu.Unlock()
	w.notify(ctx, w.unreachable(), err != nil && lost > tellInputs, err)
	if err == nil {
		w.notify(ctx, kiosk.FaultEmergencyStop, in.Emergency, nil)
		w.notify(ctx, kiosk.FaultChargerFailed, in.Failed != "", errors.New(in.Failed))
		w.well(ctx, &w.contacts)
	}
	if err == nil && !in.Closed {
		w.notify(ctx, kiosk.FaultContactorStuck, false, nil)
	}
	if err == nil {
		w.renew(ctx, in)
	}
}

// unreachable is the fault of a bay whose inputs cannot be read.
func (w *bayWorker) unreachable() kiosk.FaultCode {
	if w.charger != nil {
		return kiosk.FaultChargerLost
	}
	return kiosk.FaultInputsUnreachable
}

// measure reads the meter once.
func (w *bayWorker) measure(ctx context.Context) {
	r, err := w.bay.Meter.Read(ctx)
	w.mu.Lock()
	s, now := &w.seen, time.Now()
	s.idle = errors.Is(err, kiosk.ErrIdle)
	if s.idle {
		s.last, s.sure, s.meterAt, err = nil, nil, now, nil
	}
	s.mute, s.fault = err != nil, kiosk.FaultOf(err)
	if err == nil && !s.idle {
		r.At = w.c.now().Add(-r.Age)
		s.last, s.sure, s.meterAt = &r, s.last, now
	}
	code, lost := s.fault, now.Sub(s.meterAt)
	w.report()
	w.mu.Unlock()
	// a charger that cannot be reached says so by its inputs
	silent := err != nil && code == "" && lost > tellMeter && !w.c.cfg.Rules.counts(w.bay.Number)
	w.notify(ctx, kiosk.FaultMeterUnreachable, silent, err)
	for _, c := range meterFaults {
		w.notify(ctx, c, code == c, err)
	}
	w.well(ctx, &w.readings)
	w.checkSigner(ctx)
}

// report tells the machine what is known of the bay. It is called with the lock, so that what is
// older is told before what is newer.
func (w *bayWorker) report() {
	s, now := w.seen, time.Now()
	sm := Sample{Inputs: s.inputs, Good: s.last}
	if s.blind {
		sm.InputsLost = max(now.Sub(s.inputsAt), time.Millisecond)
	}
	switch {
	case s.idle:
	case s.fault != "": // nothing confirms the last one: the one before it was confirmed
		sm.MeterFault, sm.Good = s.fault, s.sure
	case s.mute, now.Sub(s.meterAt) > meterLate:
		sm.MeterLost = max(now.Sub(s.meterAt), time.Millisecond)
	default:
		sm.Reading = s.last
	}
	w.told.at, w.told.inputs = now, s.inputs
	w.c.post(Observation{What: Sampled, Bay: w.bay.Number, Sample: &sm})
}

// notify raises or clears a fault of the bay where that is news.
func (w *bayWorker) notify(ctx context.Context, code kiosk.FaultCode, raised bool, err error) {
	if w.c.state().Faults[FaultAt{code, w.bay.Number}] != raised {
		w.c.Fault(ctx, code, w.bay.Number, raised, err)
	}
}

func (w *bayWorker) carryOut(ctx context.Context, cmd Command) {
	o := cmd.ended(nil)
	o.Bay = cmd.Bay
	switch cmd.Do {
	case LookAtBay:
		w.inspectAnd(ctx, true)
		return
	case KeptSigning:
		w.kept(ctx)
		return
	case DropSigning:
		w.drop(ctx)
		return
	case chargerBegan:
		w.tellBegan(ctx)
		return
	case serveStaff:
		w.staff.next(ctx)
		return
	case TestContact:
		o.Err = w.test(ctx)
		w.mu.Lock()
		o.Reading = w.seen.last
		w.mu.Unlock()
	case ReadBaseline, ReadFinal:
		o.Reading, o.Err = w.stable(ctx)
	case BeginSigning:
		w.signFirst(ctx, cmd, &o)
	case SignFinal:
		w.signLast(ctx, cmd, &o)
	case CloseContact:
		if w.charger != nil {
			w.start(ctx, cmd)
			return
		}
		o.Err = w.bay.Contactor.Close(ctx)
		if o.Err == nil {
			o.Err = w.follow(ctx, true)
		}
	case OpenContact:
		o.Err = w.open(ctx)
		if kiosk.FaultOf(o.Err) != kiosk.FaultChargerLost { // of that one nothing is known
			w.notify(ctx, kiosk.FaultContactorStuck, o.Err != nil, o.Err)
		}
		if cmd.Session == "" {
			return
		}
	}
	w.c.post(o)
}

// start asks a charger to begin, and goes on: it takes its time, and its driver may change their mind.
func (w *bayWorker) start(ctx context.Context, cmd Command) {
	w.putOff(0) // each session has its own fuse
	w.starting.Go(func() {
		o := cmd.ended(contained(func() error { return w.charger.Start(ctx, w.grant(cmd.Ref)) }))
		o.Bay = cmd.Bay
		w.mu.Lock()
		w.began = append(w.began, o)
		w.mu.Unlock()
		w.contacts.q.push(Command{Do: chargerBegan, Bay: cmd.Bay})
	})
}

// chargerBegan is not a command of the machine: see bayWorker.start.
const chargerBegan Do = "charger_began"

// tellBegan tells the machine that a charger began, or did not, with its inputs read since: what was seen before would
// say that it has ended already.
func (w *bayWorker) tellBegan(ctx context.Context) {
	w.mu.Lock()
	all := w.began
	w.began = nil
	w.mu.Unlock()
	for _, o := range all {
		if o.Err == nil {
			w.inputs(ctx) // where they cannot be read nothing is known of the charger
		}
		w.c.post(o)
	}
}

// Times between two fuses of a charger; a longer one would keep a charger that is cut off from what was not drawn.
const (
	renewEvery = 5 * time.Minute
	renewAgain = 10 * time.Second
)

// grant is what a session at the bay may draw from now on.
func (w *bayWorker) grant(reference string) kiosk.Grant {
	x, _ := w.c.state().AtBay(w.bay.Number)
	return kiosk.Grant{Reference: reference, Fuse: w.c.cfg.Rules.Fuse(x, w.c.now())}
}

// renew tells a charger that lets energy flow how long it may go on by itself.
func (w *bayWorker) renew(ctx context.Context, in kiosk.BayInputs) {
	if w.charger == nil || !in.Closed || in.For == "" || !w.due() {
		return
	}
	if x, ok := w.c.state().AtBay(w.bay.Number); !ok || x.Reference != in.For || !x.running() {
		return
	}
	w.putOff(renewEvery)
	w.starting.Go(func() {
		err := contained(func() error { return w.charger.Renew(ctx, w.grant(in.For)) })
		if err != nil {
			w.c.cfg.Log.Warn("charger takes no limit for when it is cut off", "bay", w.bay.Number, "error", err)
			if !in.Unfused { // what is known to be refused is asked as seldom as what is taken
				w.putOff(renewAgain)
			}
		}
	})
}

// due tells whether the charger is to be told again.
func (w *bayWorker) due() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !time.Now().Before(w.renewAt)
}

func (w *bayWorker) putOff(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.renewAt = time.Now().Add(d)
}

// openWithin is how long the contactor is told to open before it is called stuck.
func (w *bayWorker) openWithin() time.Duration {
	if w.charger != nil {
		return w.charger.Within()
	}
	return openWithin
}

// open opens the contactor and sees it open. It tries for longer than the watchdog of an
// I/O board takes, because a hold must not be settled while energy flows.
func (w *bayWorker) open(ctx context.Context) error {
	for end := time.Now().Add(w.openWithin()); ; {
		w.contacts.goOn()
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
	kiosk.Renew(w.bay.Meter) // and it is the meter that it is taken for
	var last *kiosk.Reading
	err := errors.New("register does not stand still")
	for range 2 * readTries {
		w.readings.goOn()
		r, readErr := w.bay.Meter.Read(ctx)
		switch {
		case readErr != nil:
			last, err = nil, readErr
		case last != nil && last.Import == r.Import && last.Serial == r.Serial:
			r.At = w.c.now()
			w.mu.Lock()
			w.seen.last, w.seen.sure, w.seen.meterAt, w.seen.mute, w.seen.fault = &r, &r, time.Now(), false, ""
			w.mu.Unlock()
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
		w.contacts.goOn()
		in, err := w.inputs(ctx)
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
