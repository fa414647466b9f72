package session_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/session"
)

// TestATechnicianDelaysNoDriver: whatever a technician does meanwhile, a contactor opens within a second of the
// cable being pulled, and the driver pays for what flowed, once.
func TestATechnicianDelaysNoDriver(t *testing.T) {
	slow := func(s *stand) { time.Sleep(10 * time.Second) }
	for name, work := range map[string]func(*stand, context.Context) error{
		"looks at the terminal for ten minutes": func(s *stand, ctx context.Context) error {
			return s.control.WithTerminal(ctx, func(context.Context) error { time.Sleep(10 * time.Minute); return nil })
		},
		"exchanges the meter beside": func(s *stand, ctx context.Context) error {
			s.posts[2].set(func(b *post) { b.exchange = func() { slow(s) } })
			_, _, err := s.control.SwapMeter(ctx, 2, "technician")
			return err
		},
		"tests the contactor beside": func(s *stand, ctx context.Context) error {
			return s.control.Do(ctx, session.Observation{What: session.TestAsked, Bay: 2, By: "technician"})
		},
		"clears a fault beside": func(s *stand, ctx context.Context) error {
			s.control.Fault(ctx, kiosk.FaultMeterCrossed, 2, true, errors.New("wires"))
			return s.control.ClearFault(ctx, kiosk.FaultMeterCrossed, 2, "technician")
		},
		"reads a card": func(s *stand, ctx context.Context) error {
			s.till.hook("card", func(context.Context) error { time.Sleep(15 * time.Second); return nil })
			for id := range s.control.Snapshot().State.Sessions {
				return s.control.Do(ctx, session.Observation{What: session.CardAsked, Session: id})
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStand(t).sells()
				defer s.stop()
				id := s.charge(1)
				done := make(chan error, 1)
				go func() { done <- work(s, t.Context()) }()
				time.Sleep(500 * time.Millisecond)
				s.posts[1].set(func(b *post) { b.plugged, b.requesting = false, false })
				s.opens(1)
				if err := <-done; err != nil {
					t.Errorf("the technician could not: %v", err)
				}
				s.paid(id)
				if x := s.is(id); x.Reason != session.ReasonUnplugged {
					t.Errorf("it ended because of %q", x.Reason)
				}
			})
		})
	}
}

// TestAMeterUnderADriverIsNotExchanged: the technician is told whose bay it is, and the driver charges on and is
// billed by the old meter.
func TestAMeterUnderADriverIsNotExchanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t).sells()
		defer s.stop()
		id := s.charge(1)
		_, _, err := s.control.SwapMeter(t.Context(), 1, "technician")
		if err == nil || !strings.Contains(err.Error(), s.is(id).Reference) {
			t.Errorf("exchanged under a driver: %v", err)
		}
		_, serial, _ := s.posts[1].past()
		if s.book.has(session.MeterSwapped) || serial != "1" {
			t.Error("it is exchanged all the same")
		}
		time.Sleep(time.Minute)
		if !s.posts[1].isClosed() {
			t.Error("the driver does not charge any longer")
		}
		s.posts[1].set(func(b *post) { b.plugged = false })
		s.paid(id)
	})
}

// TestWhatATerminalDoesFirst: after a dialogue that took long, a release that a driver waits for comes before a
// capture, that before a new card, that before the technician, and the end of the day comes last.
func TestWhatATerminalDoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, func(s *stand) { s.config.Rules.Abilities.HoldsSurviveDayEnd = true }).sells()
		defer s.stop()
		do := func(o session.Observation) {
			t.Helper()
			if err := s.control.Do(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		captured, released := s.charge(1), s.pay(2)
		s.until("it is held", func(x session.State) bool { return x.Sessions[released].Money == session.Held })
		let := make(chan struct{})
		technician := func(f func()) {
			go s.control.WithTerminal(t.Context(), func(context.Context) error { f(); return nil })
		}
		technician(func() { <-let })
		time.Sleep(time.Second)
		technician(func() { s.till.begin(t.Context(), "technician"); s.till.over() })
		s.pay(3)
		do(session.Observation{What: session.DayEndAsked})
		do(session.Observation{What: session.StopPressed, Session: captured})
		time.Sleep(5 * time.Second)
		do(session.Observation{What: session.Cancelled, Session: released})
		before := s.till.done("hold", "capture", "release", "technician", "day")
		close(let)
		time.Sleep(10 * time.Second)
		got := strings.TrimPrefix(s.till.done("hold", "capture", "release", "technician", "day"), before+" ")
		if want := "release capture hold technician day"; got != want {
			t.Errorf("the terminal did %s, want %s", got, want)
		}
		s.paid(captured)
	})
}

// TestATestOfAContactor through the controller: it closes only once the journal has it, and is open in the end.
func TestATestOfAContactor(t *testing.T) {
	set := func(f func(*post)) func(*stand) { return func(s *stand) { s.posts[2].set(f) } }
	during := func(f func(*post)) func(*stand) {
		return func(s *stand) {
			time.AfterFunc(400*time.Millisecond, func() { s.posts[2].set(f) })
		}
	}
	for name, c := range map[string]struct {
		with   func(*stand)
		want   string // in the record of its end
		refuse string // in the error
		stuck  bool
		closes int
	}{
		"good":            {closes: 1},
		"a vehicle comes": {with: during(func(b *post) { b.plugged = true }), want: "vehicle", closes: 1},
		"the stop is pressed": {with: during(func(b *post) { b.emergency = true }), want: "emergency",
			closes: 1},
		"it does not close": {with: set(func(b *post) { b.lame = true }), want: "follow", closes: 1},
		"it does not open": {with: set(func(b *post) { b.stuck = true }), want: "follow",
			stuck: true, closes: 1},
		"a vehicle came a moment ago": {with: set(func(b *post) { b.plugged = true }), want: "vehicle"},
		"the journal is full": {with: func(s *stand) {
			s.book.failing(func(int, []kiosk.Entry) error { return errors.New("disk is full") })
		}, refuse: "disk is full"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStand(t).sells()
				defer s.stop()
				if c.with != nil {
					c.with(s)
				}
				err := s.control.Do(t.Context(), session.Observation{What: session.TestAsked, Bay: 2, By: "technician"})
				if c.refuse == "" && err != nil || c.refuse != "" && (err == nil ||
					!strings.Contains(err.Error(), c.refuse)) {
					t.Errorf("%v, want %q", err, c.refuse)
				}
				if err == nil {
					s.until("the test ends", func(x session.State) bool { return len(x.Tested) > 0 })
				}
				x := s.control.Snapshot().State
				if got := x.Tested[2]; c.want == "" && got != "" || !strings.Contains(got, c.want) {
					t.Errorf("the test came to %q, want %q", got, c.want)
				}
				closes, _, _ := s.posts[2].past()
				if closes != c.closes || s.posts[2].isClosed() != c.stuck {
					t.Errorf("it closed %d times, closed now: %v", closes, s.posts[2].isClosed())
				}
				time.Sleep(30 * time.Second)
				down := s.control.Snapshot().State.Faults[session.FaultAt{Code: kiosk.FaultContactorStuck, Bay: 2}]
				if down != c.stuck {
					t.Errorf("the fault of a contactor that is stuck: %v", down)
				}
				s.book.failing(nil)
				s.posts[2].set(func(b *post) { b.stuck = false })
			})
		})
	}
}

// TestTheOwnersCardAtTheTerminal: the right card gives the session to its owner; another card, and a terminal that
// does not answer, leave the vehicle charging. Either way the next driver's contactor opens at once.
func TestTheOwnersCardAtTheTerminal(t *testing.T) {
	for name, c := range map[string]struct {
		card  string
		err   error
		owned bool
		kind  session.Kind
	}{
		"their card":             {"card 1", nil, true, session.ProofRight},
		"another card":           {"card 2", nil, false, session.ProofWrong},
		"a terminal that cannot": {"", kiosk.ErrUnreachable, false, session.ProofWrong},
		"no card":                {"", declined(kiosk.DeclineNoCard), false, session.ProofWrong},
		"a card without a token": {"", nil, false, session.ProofWrong},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStand(t).sells()
				defer s.stop()
				mine := s.charge(1)
				s.till.set(func(d *till) { d.card = "card 9" })
				beside := s.charge(2)
				s.till.set(func(d *till) { d.card = c.card })
				s.till.hook("card", func(context.Context) error { time.Sleep(10 * time.Second); return c.err })
				ask := session.Observation{What: session.CardAsked, Session: mine}
				if err := s.control.Do(t.Context(), ask); err != nil {
					t.Fatal(err)
				}
				if err := s.control.Do(t.Context(), ask); err == nil {
					t.Error("a second card is asked for at once")
				}
				time.Sleep(time.Second)
				s.posts[2].set(func(b *post) { b.plugged = false })
				s.opens(2)
				s.paid(beside)
				if !s.book.has(c.kind, mine) || s.is(mine).Owned(time.Now()) != c.owned {
					t.Errorf("the journal has %s, owned %v", s.book.kinds(mine), s.is(mine).Owned(time.Now()))
				}
				if !s.posts[1].isClosed() {
					t.Error("a card that was shown stopped the vehicle")
				}
				if err := s.control.Do(t.Context(), session.Observation{What: session.StopPressed, Session: mine,
					By: session.ByScreen}); err != nil {
					t.Fatal(err)
				}
				s.paid(mine)
				if by := s.is(mine).By; c.owned != (by == session.ByCard) {
					t.Errorf("stopped by %q", by)
				}
			})
		})
	}
}

// TestTheEndOfADay by a person: never over a hold, also one that no record knows, and compared with what was captured.
func TestTheEndOfADay(t *testing.T) {
	charged := func(s *stand) {
		id := s.charge(1)
		s.posts[1].set(func(b *post) { b.plugged = false })
		s.closed(id)
	}
	waits := func(s *stand) {
		s.till.hook("capture", func(context.Context) error { return declined(kiosk.DeclineHost) })
		id := s.charge(1)
		s.posts[1].set(func(b *post) { b.plugged = false })
		s.until("it waits", func(x session.State) bool { return x.Sessions[id].Money == session.CaptureDelayed })
	}
	for name, c := range map[string]struct {
		with   func(*stand)
		force  bool
		more   int64 // than was captured, by the terminal
		refuse string
		kinds  string // of the day's records
		asked  bool   // the terminal was
	}{
		"nothing was sold":         {kinds: "day_end_intent day_ended", asked: true},
		"what was sold":            {with: charged, kinds: "day_end_intent day_ended", asked: true},
		"the terminal counts more": {with: charged, more: 1, kinds: "day_end_intent day_ended alert", asked: true},
		"a driver charges":         {with: func(s *stand) { s.charge(1) }, refuse: "open hold"},
		"a driver charges, forced": {with: func(s *stand) { s.charge(1) }, force: true, refuse: "charge or pay"},
		"a capture waits":          {with: waits, refuse: "open hold"},
		"a capture waits, forced":  {with: waits, force: true, kinds: "day_end_intent day_ended", asked: true},
		"a hold that no record knows": {with: func(s *stand) { s.till.set(func(d *till) { d.open["99"] = 5000 }) },
			kinds: "day_end_intent day_end_failed"},
		"the terminal is away": {with: func(s *stand) {
			s.till.hook("list", func(context.Context) error { return kiosk.ErrUnreachable })
		}, kinds: "day_end_intent day_end_failed"},
		"it fails": {with: func(s *stand) {
			s.till.hook("day", func(context.Context) error { return kiosk.ErrOutcomeUnknown })
		}, kinds: "day_end_intent day_end_failed", asked: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStand(t).sells()
				defer s.stop()
				if c.with != nil {
					c.with(s)
				}
				s.till.set(func(d *till) {
					d.total = &kiosk.Money{Minor: d.last.Booked.Minor + c.more, Currency: "EUR"}
				})
				err := s.control.Do(t.Context(), session.Observation{What: session.DayEndAsked, Force: c.force})
				if c.refuse == "" && err != nil || c.refuse != "" && (err == nil ||
					!strings.Contains(err.Error(), c.refuse)) {
					t.Errorf("%v, want %q", err, c.refuse)
				}
				s.until("the day ends", func(x session.State) bool { return x.Day.Asked.IsZero() })
				var kinds []string
				for _, k := range strings.Fields(s.book.kinds("")) {
					if strings.HasPrefix(k, "day_") || k == "alert" {
						kinds = append(kinds, k)
					}
				}
				if got := strings.Join(kinds, " "); got != c.kinds {
					t.Errorf("the journal has %q, want %q", got, c.kinds)
				}
				if asked := s.till.done("day") != ""; asked != c.asked {
					t.Errorf("the terminal was asked to end its day: %v", asked)
				}
				s.till.hook("list", nil)
				time.Sleep(2 * time.Minute)
				s.till.mu.Lock()
				_, left := s.till.open["99"]
				s.till.mu.Unlock()
				if left {
					t.Error("a hold that no record knows is not given back")
				}
			})
		})
	}
}
