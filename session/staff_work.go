package session

import (
	"context"
	"errors"
	"fmt"
	"kioskd"
	"time"
)

// Grant lets a vehicle charge at a bay for nothing, by the word of somebody, and returns the
// session's id.
func (c *Controller) Grant(ctx context.Context, bay int, offer Offer, by string) (string, error) {
	id, ref, code := c.cfg.NewID()
	evse := ""
	if w, ok := c.bays[bay]; ok {
		evse = w.bay.EVSE
	}
	return id, c.Do(ctx, Observation{What: FreeAsked, Session: id, Reference: ref, Code: code, Bay: bay, EVSE: evse, Site: c.cfg.Site, Offer: &offer, By: by})
}

// SwapMeter takes the meter that answers at a bay now for a new one: the last register of
// the old one and the first of the new are written down before the new one is believed.
func (c *Controller) SwapMeter(ctx context.Context, bay int, by string) (old *kiosk.Reading, now kiosk.Reading, err error) {
	w, ok := c.bays[bay]
	m, can := kiosk.Meter(nil), false
	if ok {
		m = w.bay.Meter
		_, can = m.(Exchangeable)
	}
	if !can {
		return nil, now, fmt.Errorf("cannot exchange the meter of bay %d", bay)
	}
	done := make(chan error, 1)
	w.serve(func(work context.Context) {
		done <- m.(Exchangeable).Exchange(work, func(before *kiosk.Reading, after kiosk.Reading) error {
			old, now = before, after
			return c.Do(work, Observation{What: MeterChanged, Bay: bay, Old: before, Reading: &after, By: by})
		})
	})
	select {
	case err = <-done:
	case <-c.stopped:
		err = errEnded
	case <-ctx.Done():
		err = ctx.Err()
	}
	return old, now, err
}

// Exchangeable is a meter that can take another one for itself. Exchange reads the one that
// answers, and believes it once record returned nil.
type Exchangeable interface {
	Exchange(ctx context.Context, record func(old *kiosk.Reading, now kiosk.Reading) error) error
}

// testFor is how long a contactor stays closed in a test.
const testFor = time.Second

// serve lets f have the bay's devices.
func (w *bayWorker) serve(f func(context.Context)) {
	w.mu.Lock()
	w.service = append(w.service, f)
	w.mu.Unlock()
	w.q.put(Command{Do: serveStaff})
}

// test closes the contactor for a moment and sees it follow both ways.
func (w *bayWorker) test(ctx context.Context) error {
	err := w.bay.Contactor.Close(ctx)
	if err == nil {
		err = w.follow(ctx, true)
	}
	if err == nil {
		pause(ctx, testFor)
	}
	return errors.Join(err, w.open(ctx))
}
