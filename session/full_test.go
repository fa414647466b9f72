package session_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/session"
)

// errFull is what a journal says that cannot be written.
var errFull = errors.New("disk is full")

// patient is a visitor who goes on where the kiosk lets them: they choose bay 1, accept the price, show a card, plug
// in, charge for a few minutes, press stop, and unplug a while after.
func (s *stand) patient(until time.Time) {
	id, plugged := "", time.Time{}
	ask := func(o session.Observation) {
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		o.Session = id
		s.control.Do(ctx, o) // or later
	}
	for ; time.Now().Before(until); time.Sleep(time.Second) {
		x := s.is(id)
		switch {
		case x.Record == session.RecordClosed && id != "":
			s.posts[1].set(func(b *post) { b.plugged, b.requesting = false, false })
			return
		case x.ID == "":
			ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
			if chosen, err := s.control.Choose(ctx, 1); err == nil {
				id = chosen
			}
			stop()
		case x.Money == session.MoneyNone:
			ask(session.Observation{What: session.Accepted, Offer: offer(5000)})
		case x.Power == session.Waiting && plugged.IsZero():
			s.posts[1].set(func(b *post) { b.plugged, b.requesting = true, true })
			plugged = time.Now()
		case x.Power == session.Charging && time.Since(plugged) > 3*time.Minute:
			ask(session.Observation{What: session.StopPressed, By: session.ByScreen})
		}
	}
}

// rest waits until nothing is left to do, for as long as the ladder may take.
func (s *stand) rest() {
	for end := time.Now().Add(3 * time.Hour); time.Now().Before(end); {
		time.Sleep(10 * time.Second)
		left := s.till.left()
		for _, x := range s.control.Snapshot().State.Sessions {
			if x.Record != session.RecordClosed {
				left++
			}
		}
		if left == 0 {
			return
		}
	}
}

// neither judges that no money was taken but for what flowed and was billed, and that no hold is left.
func (s *stand) neither(about string) {
	s.t.Helper()
	if left := s.till.left(); left > 0 {
		s.t.Errorf("%s: %d holds are left", about, left)
	}
	flowed := s.posts[1].register() - 1000
	state, err := session.Replay(s.book.all())
	if err != nil {
		s.t.Fatalf("%s: %v", about, err)
	}
	billed, total, taken := kiosk.Energy(0), int64(0), int64(0)
	for _, x := range state.Sessions {
		taken += s.till.takenOf(x.Reference)
		if x.Bill != nil {
			billed, total = billed+x.Bill.Energy, total+x.Bill.Total.Minor
		}
		if x.Record != session.RecordClosed {
			s.t.Errorf("%s: session %s is not closed: money %s, power %s", about, x.ID, x.Money, x.Power)
		}
	}
	if int64(billed) > flowed || taken != total {
		s.t.Errorf("%s: %d Wh flowed, %v are billed for %d, and %d was taken", about, flowed, billed, total, taken)
	}
	if int64(billed) < flowed-100 { // what flows in a second or two before power is off
		s.t.Errorf("%s: %d Wh flowed, and only %v are billed", about, flowed, billed)
	}
}

// fullFrom lets the journal fail from a write on, for a while, and watches that power goes off within two seconds
// and stays off until the journal can be written. Meters are silent meanwhile: what waits for a lock does not let
// synthetic time pass.
func (s *stand) fullFrom(write int, lasts time.Duration) {
	var begun time.Time
	var full atomic.Bool
	for _, b := range s.posts {
		b.set(func(b *post) {
			b.read = func(ctx context.Context) error {
				for full.Load() && ctx.Err() == nil {
					time.Sleep(time.Second)
				}
				return ctx.Err()
			}
		})
	}
	s.book.failing(func(n int, _ []kiosk.Entry) error {
		switch {
		case n < write:
			return nil
		case begun.IsZero():
			begun = time.Now()
			full.Store(true)
			for after := 2 * time.Second; after < min(lasts, 5*time.Minute); after += time.Second {
				time.AfterFunc(after, func() {
					if s.posts[1].isClosed() {
						s.t.Errorf("power is on %v after the journal failed", after)
					}
				})
			}
		case time.Since(begun) >= lasts:
			full.Store(false)
			return nil
		}
		return errFull
	})
}

// TestAJournalThatStaysFull for a while, from each write of a visit on: power goes off, what the terminal says is
// turned back or told again, and in the end what flowed is billed and taken once, and no hold is left.
func TestAJournalThatStaysFull(t *testing.T) {
	for _, lasts := range []time.Duration{5 * time.Second, 70 * time.Second} {
		for write, reached := 1, true; reached; write++ {
			synctest.Test(t, func(t *testing.T) {
				s := newStand(t).sells()
				defer s.stop()
				first, _ := s.book.written()
				s.fullFrom(first+write, lasts)
				s.patient(time.Now().Add(30 * time.Minute))
				s.rest()
				writes, _ := s.book.written()
				reached = writes > first+write && write < 80
				s.neither(fmt.Sprintf("full for %v from write %d on", lasts, write))
			})
		}
	}
}

// TestAJournalThatIsFullUntilARestart: from each write of a visit on nothing can be written; the daemon is asked to
// end, ends, and leaves no contactor closed. The next one, with room on the disk, settles what is left.
func TestAJournalThatIsFullUntilARestart(t *testing.T) {
	for write, reached := 1, true; reached; write++ {
		synctest.Test(t, func(t *testing.T) {
			s := newStand(t).sells()
			defer s.stop()
			first, _ := s.book.written()
			s.fullFrom(first+write, 24*time.Hour)
			s.patient(time.Now().Add(6 * time.Minute))
			writes, _ := s.book.written()
			reached = writes > first+write && write < 80
			begun := time.Now()
			if err := s.stop(); err != nil {
				t.Errorf("write %d: %v", write, err)
			}
			if took := time.Since(begun); took > time.Minute {
				t.Errorf("write %d: it ended after %v", write, took)
			}
			if s.posts[1].isClosed() {
				t.Errorf("write %d: the daemon ended, and power is on", write)
			}
			s.posts[1].set(func(b *post) { b.plugged, b.requesting = false, false })
			s.book.failing(nil)
			for _, b := range s.posts {
				b.set(func(b *post) { b.read = nil })
			}
			s.start()
			s.rest()
			s.neither(fmt.Sprintf("full from write %d until a restart", write))
		})
	}
}

// TestWhatIsNotWrittenIsNotSold: while the journal is full each wish of a person is refused with the reason, nothing
// is done about it, and the kiosk says that it has stopped; it sells again by itself.
func TestWhatIsNotWrittenIsNotSold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t).sells()
		defer s.stop()
		mine := s.charge(1)
		waiting := s.pay(2)
		s.until("it is held", func(x session.State) bool { return x.Sessions[waiting].Money == session.Held })
		s.book.failing(func(int, []kiosk.Entry) error { return errFull })
		before := s.till.done("hold", "card", "day", "release", "capture")
		swap := func() error { _, _, err := s.control.SwapMeter(t.Context(), 3, "technician"); return err }
		grant := func() error { _, err := s.control.Grant(t.Context(), 3, *free(2000), "host"); return err }
		choose := func() error { _, err := s.control.Choose(t.Context(), 3); return err }
		do := func(o session.Observation) func() error {
			return func() error { return s.control.Do(t.Context(), o) }
		}
		for name, wish := range map[string]func() error{
			"a bay": choose, "a gift": grant, "a new meter": swap,
			"a test":        do(session.Observation{What: session.TestAsked, Bay: 3}),
			"a stop code":   do(session.Observation{What: session.CodeEntered, Session: mine, Code: "4711"}),
			"their card":    do(session.Observation{What: session.CardAsked, Session: mine}),
			"more time":     do(session.Observation{What: session.MoreAsked, Session: waiting}),
			"a closed bay":  do(session.Observation{What: session.ShutAsked, Bay: 3, Raised: true}),
			"a staff code":  do(session.Observation{What: session.CodeJudged, Raised: true, By: "host"}),
			"no new driver": do(session.Observation{What: session.DrainAsked, Raised: true}),
			"a refund": do(session.Observation{What: session.RefundTold, Session: mine,
				Amount: &kiosk.Money{Minor: 1, Currency: "EUR"}}),
			"a note": func() error {
				return s.control.Note(t.Context(), session.CommandGiven, session.NoteBody{By: "host", What: "drain"})
			},
			"an instruction": do(session.Observation{What: session.InstructionGiven,
				Instruction: &kiosk.Instruction{ID: "1"}}),
		} {
			if err := wish(); !errors.Is(err, errFull) {
				t.Errorf("%s: %v", name, err)
			}
		}
		time.Sleep(20 * time.Second)
		if after := s.till.done("hold", "card", "day", "release", "capture"); after != before {
			t.Errorf("the terminal did %s after %s", after, before)
		}
		snap := s.control.Snapshot()
		closes, serial, _ := s.posts[3].past()
		if !snap.Halted || snap.State.Draining || s.posts[1].isClosed() || closes > 0 ||
			serial != "3" {
			t.Errorf("halted %v, draining %v, power at bay 1 %v", snap.Halted, snap.State.Draining,
				s.posts[1].isClosed())
		}
		s.book.failing(nil)
		s.posts[1].set(func(b *post) { b.plugged, b.requesting = false, false })
		s.paid(mine)
		time.Sleep(5 * time.Second)
		s.until("it sells", func(x session.State) bool { _, down := x.Down(3); return !down })
		if s.control.Snapshot().Halted {
			t.Error("it still says that it has stopped")
		}
		if err := choose(); err != nil {
			t.Errorf("it does not sell: %v", err)
		}
	})
}

// TestAResultIsWrittenBeforeItIsAcknowledged: a hold and a booking that cannot be written are turned back. The driver
// is told that nothing was reserved, and a booking is made again once there is room, for the same amount.
func TestAResultIsWrittenBeforeItIsAcknowledged(t *testing.T) {
	for _, kind := range []session.Kind{session.HoldOK, session.CaptureOK, session.ReleaseOK} {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStand(t).sells()
				defer s.stop()
				turned := 0
				s.book.failing(func(_ int, entries []kiosk.Entry) error {
					if entries[0].Kind == string(kind) && turned < 2 {
						turned++
						return errFull
					}
					return nil
				})
				id := s.pay(1)
				switch kind {
				case session.HoldOK:
					s.until("it is no hold", func(x session.State) bool {
						return x.Sessions[id].Money != session.HoldAsked
					})
					closes, _, _ := s.posts[1].past()
					if x := s.is(id); x.Hold != nil || closes > 0 {
						t.Errorf("a hold that was turned back: %+v", x.Hold)
					}
				case session.ReleaseOK:
					s.until("held", func(x session.State) bool { return x.Sessions[id].Money == session.Held })
					if err := s.control.Do(t.Context(), session.Observation{What: session.Cancelled,
						Session: id}); err != nil {
						t.Fatal(err)
					}
					if x := s.closed(id); x.Money != session.Released || s.till.takenOf(x.Reference) != 0 {
						t.Errorf("money is %s, %d was taken", x.Money, s.till.takenOf(x.Reference))
					}
				case session.CaptureOK:
					s.posts[1].set(func(b *post) { b.plugged, b.requesting = true, true })
					time.Sleep(3 * time.Minute)
					s.posts[1].set(func(b *post) { b.plugged, b.requesting = false, false })
					s.paid(id)
				}
				time.Sleep(10 * time.Minute)
				if turned == 0 || s.till.left() > 0 {
					t.Errorf("%d results were turned back, %d holds are left", turned, s.till.left())
				}
				if n := strings.Count(s.till.done("hold", "capture", "release"), " "); n > 6 {
					t.Errorf("the terminal did %s", s.till.done("hold", "capture", "release"))
				}
			})
		})
	}
}

// TestPowerGoesOffAlthoughTheDiskStalls: a write takes 40 s and fails then, as that of a worn memory card does. What
// cannot be recorded must not flow: power goes off then, although more looks at bays wait than the controller's
// inbox has room for. With eight bays and meters that answer four seconds fill it.
func TestPowerGoesOffAlthoughTheDiskStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t).sells()
		s.charge(1)
		s.till.hook("hold", func(context.Context) error {
			time.Sleep(10 * time.Second)
			return declined(kiosk.DeclineHost)
		})
		s.pay(2)
		stalled := make(chan struct{})
		for _, b := range s.posts { // what waits for a lock does not let synthetic time pass
			b.set(func(b *post) {
				b.read = func(ctx context.Context) error {
					select {
					case <-stalled:
						<-ctx.Done()
						return ctx.Err()
					default:
						return nil
					}
				}
			})
		}
		s.book.failing(func(_ int, entries []kiosk.Entry) error {
			select {
			case <-stalled:
				return errFull
			default:
			}
			if entries[0].Kind == string(session.HoldDeclined) {
				close(stalled)
				time.Sleep(40 * time.Second)
				return errFull
			}
			return nil
		})
		<-stalled
		time.Sleep(45 * time.Second)
		if s.posts[1].isClosed() {
			t.Error("power is on 5 s after the journal failed")
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestAnOutageOfTheJournalIsInIt: once there is room again the journal tells when it could not be written, also
// where something else is written first, so that the host and the back office learn of it.
func TestAnOutageOfTheJournalIsInIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t).sells()
		defer s.stop()
		s.charge(1)
		end := time.Now().Add(time.Minute)
		s.book.failing(func(_ int, entries []kiosk.Entry) error {
			fault := entries[0].Kind == string(session.FaultRaised)
			if time.Now().Before(end) || fault && !end.IsZero() { // there is room a moment after the fault was tried
				return errFull
			}
			end = time.Time{}
			return nil
		})
		time.Sleep(5 * time.Minute)
		if !s.book.has(session.FaultRaised, string(kiosk.FaultJournalUnwritable)) {
			t.Error("the journal does not tell that it could not be written for a minute")
		}
	})
}
