package session_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/session"
)

// wallbox is a charger at a bay: it tells of its transaction before it has begun, and its meter takes its time.
type wallbox struct {
	*post
	s *stand

	mu     sync.Mutex
	grants []kiosk.Grant // of Start first, and then of Renew
}

func (w *wallbox) granted(g kiosk.Grant) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.grants = append(w.grants, g)
}

func (w *wallbox) Start(ctx context.Context, g kiosk.Grant) error {
	time.Sleep(100 * time.Millisecond)
	w.granted(g)
	r := w.now()
	err := w.s.control.Do(ctx, session.Observation{What: session.ChargerStarted, Bay: w.bay, Reading: &r,
		Transaction: &kiosk.Transaction{ID: 1, Charger: "WB-1", Connector: 1, IDTag: g.Reference,
			MeterStart: int64(r.Import)}})
	if err == nil {
		w.set(func(b *post) { b.closed = true })
	}
	return err
}

func (w *wallbox) Renew(_ context.Context, g kiosk.Grant) error { w.granted(g); return nil }

func (w *wallbox) Within() time.Duration { return time.Minute }

func (w *wallbox) Inputs(ctx context.Context) (kiosk.BayInputs, error) {
	in, err := w.post.Inputs(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	if in.Closed && len(w.grants) > 0 {
		in.For = w.grants[0].Reference
	}
	return in, err
}

// TestAChargerIsBelievedFromItsBegin: what its inputs said before it began is no end of its transaction; its fuse is
// renewed every five minutes, for a hold of 50.00 at 0.49 and 22 kW, less what was used; and the driver pays what
// flowed.
func TestAChargerIsBelievedFromItsBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w *wallbox
		s := newStand(t, func(s *stand) {
			w = &wallbox{post: s.posts[1], s: s}
			s.config.Rules.Chargers = map[int]session.ChargerRules{1: session.NewChargerRules(15*time.Minute,
				10*time.Second)}
			b := &s.config.Bays[0]
			b.Contactor, b.Inputs = w, w
			s.posts[1].read = func(context.Context) error { time.Sleep(400 * time.Millisecond); return nil }
		}).sells()
		defer s.stop()
		id := s.charge(1)
		time.Sleep(20 * time.Minute)
		if x := s.is(id); x.Power != session.Charging {
			t.Fatalf("it is %s, %s", x.Power, x.Reason)
		}
		w.mu.Lock()
		grants := w.grants
		w.mu.Unlock()
		if len(grants) < 5 || len(grants) > 7 {
			t.Errorf("it was granted %d times: %v", len(grants), grants)
		}
		const whole = 16698 * time.Second // 50.00 / 0.49 / 22 kW
		for i, g := range grants {
			used := time.Duration(max(0, i-1)) * 5 * time.Minute
			if g.Fuse < whole-used-10*time.Second || g.Fuse > whole-used+10*time.Second {
				t.Errorf("fuse %d is %v, want %v", i, g.Fuse, whole-used)
			}
		}
		s.posts[1].set(func(b *post) { b.closed, b.plugged, b.requesting = false, false, false })
		s.paid(id)
	})
}
