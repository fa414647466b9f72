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

// Grant lets a vehicle charge at a bay for nothing, by the word of a person, and returns the
// session's id.
func (c *Controller) Grant(ctx context.Context, bay int, offer Offer, by string) (string, error) {
	return c.begin(ctx, Observation{What: FreeAsked, Bay: bay, Offer: &offer, By: by})
}

// SwapMeter takes the meter that answers at a bay now for a new one: the last register of
// the old one and the first of the new are written down before the new one is believed.
func (c *Controller) SwapMeter(ctx context.Context, bay int, by string) (old *kiosk.Reading, now kiosk.Reading,
	err error) {
	return c.exchange(ctx, bay, Observation{What: MeterChanged, Bay: bay, By: by})
}

// ClearFault ends a fault that a person has seen to. Of a register that is not believed it asks
// the meter where it stands, and from there on it counts.
func (c *Controller) ClearFault(ctx context.Context, code kiosk.FaultCode, bay int, by string) error {
	o := Observation{What: FaultDone, Fault: code, Bay: bay, By: by}
	if w, ok := c.bays[bay]; ok && Latched(code) { // where the register stands now, not a moment ago
		done := make(chan struct{})
		w.staff.put(&w.readings.q, func(work context.Context) { defer close(done); w.measure(work) })
		select {
		case <-done:
		case <-c.stopped:
			return errEnded
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if !slices.Contains(meterFaults, code) || !c.state().Faults[FaultAt{code, bay}] {
		return c.Do(ctx, o)
	}
	_, _, err := c.exchange(ctx, bay, o)
	return err
}

// exchange lets a bay's meter begin anew where it stands, once the observation with both readings
// is written down.
func (c *Controller) exchange(ctx context.Context, bay int, o Observation) (old *kiosk.Reading, now kiosk.Reading,
	err error) {
	w, ok := c.bays[bay]
	m, can := kiosk.Meter(nil), false
	if ok {
		m = w.bay.Meter
		_, can = m.(Exchangeable)
	}
	if !can {
		return nil, now, fmt.Errorf("cannot exchange the meter of bay %d", bay)
	}
	type exchanged struct {
		old *kiosk.Reading
		now kiosk.Reading
		err error
	}
	done := make(chan exchanged, 1)
	w.staff.put(&w.readings.q, func(work context.Context) {
		x := exchanged{err: ctx.Err()}
		if x.err == nil { // the caller may have gone
			x.err = m.(Exchangeable).Exchange(work, func(before *kiosk.Reading, after kiosk.Reading) error {
				x.old, x.now = c.lastOf(bay, before), after
				o.Old, o.Reading = x.old, &after
				return c.Do(work, o)
			})
			w.signs, w.checkAt = w.signs && x.err != nil, time.Time{}
		}
		done <- x
	})
	select {
	case x := <-done:
		return x.old, x.now, x.err
	case <-c.stopped:
		return nil, now, errEnded
	case <-ctx.Done():
		return nil, now, ctx.Err()
	}
}

// lastOf is the last that is known of a meter that was taken away: what it said, or where it
// did not answer since the start what the journal has of it.
func (c *Controller) lastOf(bay int, old *kiosk.Reading) *kiosk.Reading {
	if known := c.state().Registers[bay]; old != nil && old.At.IsZero() && known.Serial == old.Serial {
		return &known.Reading
	}
	return old
}

// Exchangeable is a meter that can take another one for itself. Exchange reads the one that
// answers, and believes it once record returned nil.
type Exchangeable interface {
	Exchange(ctx context.Context, record func(old *kiosk.Reading, now kiosk.Reading) error) error
}

// testFor is how long a contactor stays closed in a test.
const testFor = time.Second

// testTries is how often the inputs are asked during a test before their silence ends it: a frame can be lost.
const testTries = 3

// services is what a technician wants of a device, in order. Each waits for its turn in the
// queue of the goroutine that owns the device.
type services struct {
	mu      sync.Mutex
	waiting []func(context.Context)
}

// serveStaff is not a command of the machine: see Controller.WithTerminal and SwapMeter.
const serveStaff Do = "service"

// put lets f have the device when nothing more urgent is to be done.
func (s *services) put(q *queue, f func(context.Context)) {
	s.mu.Lock()
	s.waiting = append(s.waiting, f)
	s.mu.Unlock()
	q.push(Command{Do: serveStaff})
}

func (s *services) next(ctx context.Context) {
	s.mu.Lock()
	f := s.waiting[0]
	s.waiting = s.waiting[1:]
	s.mu.Unlock()
	f(ctx)
}

// test closes the contactor for a moment and sees it follow both ways. It looks at the bay
// itself right before and all the while: what was seen when it was asked for may be old.
func (w *bayWorker) test(ctx context.Context) error {
	safe := func() error {
		in, err := w.inputs(ctx)
		for tries := 1; tries < testTries && errors.Is(err, kiosk.ErrUnreachable); tries++ {
			in, err = w.inputs(ctx)
		}
		switch {
		case err != nil:
			return err
		case in.Plugged:
			return errors.New("a vehicle is connected")
		case in.Emergency:
			return errors.New("the emergency stop is pressed")
		}
		return nil
	}
	if err := safe(); err != nil {
		return err
	}
	err := w.bay.Contactor.Close(ctx)
	if err == nil {
		err = w.follow(ctx, true)
	}
	for end := time.Now().Add(testFor); err == nil && time.Now().Before(end) && pause(ctx, 50*time.Millisecond); {
		err = safe()
	}
	return errors.Join(err, w.open(ctx))
}
