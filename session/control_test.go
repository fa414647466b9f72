package session_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/session"
)

// TestTheKioskIsSwitchedOff in every state of a visit: it ends within half a minute with every contactor open; who
// charges is billed and pays; who only paid gets their hold back; no other visit begins; and the next start finds
// nothing that it would take twice.
func TestTheKioskIsSwitchedOff(t *testing.T) {
	held := func(s *stand) string {
		id := s.pay(1)
		s.until("held", func(x session.State) bool { return x.Sessions[id].Money == session.Held })
		return id
	}
	for name, c := range map[string]struct {
		with  func(*stand) string
		money session.MoneyState // in the end, after another start
	}{
		"at the price": {func(s *stand) string {
			id, err := s.control.Choose(s.t.Context(), 1)
			if err != nil {
				s.t.Fatal(err)
			}
			return id
		}, session.MoneyNone},
		"while a card is waited for": {func(s *stand) string {
			s.till.hook("hold", func(ctx context.Context) error { <-ctx.Done(); return declined(kiosk.DeclineNoCard) })
			id := s.pay(1)
			time.Sleep(time.Second)
			return id
		}, session.Declined},
		"while the bank is asked": {func(s *stand) string {
			s.till.hook("hold", func(context.Context) error { time.Sleep(5 * time.Second); return nil })
			id := s.pay(1)
			time.Sleep(time.Second)
			return id
		}, session.Released},
		"before the vehicle":      {held, session.Released},
		"while a vehicle charges": {func(s *stand) string { return s.charge(1) }, session.Captured},
		"while a vehicle is full": {func(s *stand) string {
			id := s.charge(1)
			s.posts[1].set(func(b *post) { b.requesting = false })
			time.Sleep(5 * time.Second)
			return id
		}, session.Captured},
		"while a capture takes long": {func(s *stand) string {
			s.till.hook("capture", func(context.Context) error { time.Sleep(10 * time.Second); return nil })
			id := s.charge(1)
			s.posts[1].set(func(b *post) { b.plugged = false })
			time.Sleep(5 * time.Second)
			return id
		}, session.Captured},
		"while the terminal says nothing": {func(s *stand) string {
			id := s.charge(1)
			s.till.hook("capture", func(ctx context.Context) error { <-ctx.Done(); return kiosk.ErrOutcomeUnknown })
			s.till.hook("ready", func(ctx context.Context) error { <-ctx.Done(); return kiosk.ErrUnreachable })
			time.Sleep(20 * time.Second)
			return id
		}, session.Captured},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStand(t).sells()
				defer s.stop()
				id := c.with(s)
				begun := time.Now()
				s.end()
				time.Sleep(100 * time.Millisecond)
				for _, o := range []session.Observation{{What: session.Chosen, Bay: 2, Session: "S9"},
					{What: session.TestAsked, Bay: 2}} {
					if err := s.control.Do(t.Context(), o); err == nil {
						t.Errorf("%s was taken while the kiosk is switched off", o.What)
					}
				}
				if err := s.stop(); err != nil || time.Since(begun) > 30*time.Second {
					t.Errorf("ended after %v: %v", time.Since(begun), err)
				}
				for bay, b := range s.posts {
					if b.isClosed() {
						t.Errorf("the daemon ended, and power is on at bay %d", bay)
					}
				}
				if err := s.control.Do(context.Background(), session.Observation{What: session.Ticked}); err == nil {
					t.Error("a controller that has ended took an observation")
				}
				s.posts[1].set(func(b *post) { b.plugged, b.requesting = false, false })
				for _, call := range []string{"hold", "capture", "ready"} {
					s.till.hook(call, nil)
				}
				s.start()
				time.Sleep(20 * time.Minute)
				state, err := session.Replay(s.book.all())
				if x := state.Sessions[id]; err != nil || x.Record != session.RecordClosed && x.ID != "" {
					t.Errorf("afterwards: record %s, money %s, %v", x.Record, x.Money, err)
				}
				if end := string(lastMoney(s, id)); end != string(c.money) {
					t.Errorf("money ended as %s, want %s", end, c.money)
				}
				s.neither(name)
			})
		})
	}
}

// lastMoney is how a session's money ended, by its records.
func lastMoney(s *stand, id string) session.MoneyState {
	out := session.MoneyNone
	for r := range s.book.all() {
		if r.Session != id {
			continue
		}
		switch session.Kind(r.Kind) {
		case session.HoldDeclined, session.HoldGone:
			out = session.Declined
		case session.ReleaseDone:
			out = session.Released
		case session.CaptureDone:
			out = session.Captured
		}
	}
	return out
}

// TestAStartThatFails opens every contactor before it ends, and says why.
func TestAStartThatFails(t *testing.T) {
	broken := func(yield func(kiosk.Record, error) bool) { yield(kiosk.Record{}, errors.New("row 7 is damaged")) }
	strange := func(yield func(kiosk.Record, error) bool) {
		yield(kiosk.Record{Seq: 7, Session: "S1", Kind: "plugged", Body: []byte(`{"at":"2026-03-02T09:00:00Z"}`)}, nil)
	}
	for name, c := range map[string]struct {
		past iter.Seq2[kiosk.Record, error]
		fail bool
		lost error
		want []string
	}{
		"the journal cannot be read":    {past: broken, want: []string{"row 7 is damaged"}},
		"a record does not fit":         {past: strange, want: []string{"record 7", "plugged", "S1"}},
		"the journal cannot be written": {fail: true, want: []string{"disk is full"}},
		"a new journal that cannot be written to": {fail: true, lost: errors.New("new"),
			want: []string{"disk is full"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newStand(t)
			s.stop()
			s.posts[2].set(func(b *post) { b.closed = true })
			if c.past == nil {
				c.past = func(func(kiosk.Record, error) bool) {}
			}
			s.config.Past, s.config.Lost = c.past, c.lost
			if c.fail {
				s.book.failing(func(int, []kiosk.Entry) error { return errFull })
			}
			err := session.New(s.config).Run(t.Context(), func() { t.Errorf("%s: it gives signs of life", name) })
			for _, w := range c.want {
				if err == nil || !strings.Contains(err.Error(), w) {
					t.Errorf("%s: %v, want %q", name, err, w)
				}
			}
			if s.posts[2].isClosed() {
				t.Errorf("%s: power is on", name)
			}
		})
	}
}

// TestAStartByTheJournal: a journal that is new where there was another is the first that is written down, and sells
// nothing; a fault that only a person can call mended is there again; each meter is told the newest register that the
// journal has of it; and an energy contactor that was left closed is opened.
func TestAStartByTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t).sells()
		id := s.charge(1)
		s.posts[1].set(func(b *post) { b.plugged, b.requesting = false, false })
		s.paid(id)
		sold := s.posts[1].register()
		s.stop()
		s.posts[3].set(func(b *post) { b.closed = true })
		older, newer := time.Now().Add(-time.Hour), time.Now()
		s.config.Known = map[int]kiosk.Reading{1: {At: older, Import: 5, Serial: "1"},
			2: {At: newer, Import: 77, Serial: "2"}}
		s.config.Locked = []session.FaultAt{{Code: kiosk.FaultMeterCrossed, Bay: 2}}
		s.config.Lost = errors.New("a journal was here, and this one is new")
		_, before := s.book.written()
		s.start()
		defer s.stop()
		time.Sleep(30 * time.Second)
		if r := slices.Collect(s.book.each())[before]; r.Kind != string(session.FaultRaised) ||
			!strings.Contains(string(r.Body), `"DB003"`) || !strings.Contains(string(r.Body), "this one is new") {
			t.Errorf("the first record is %s %s", r.Kind, r.Body)
		}
		for bay := 1; bay <= 3; bay++ {
			if _, err := s.control.Choose(t.Context(), bay); err == nil {
				t.Errorf("bay %d is sold by a journal that may be another's", bay)
			}
		}
		seeded := func(bay int) kiosk.Energy {
			_, _, seeds := s.posts[bay].past()
			if len(seeds) == 0 {
				return -1
			}
			return seeds[len(seeds)-1].Import
		}
		if seeded(1) != kiosk.Energy(sold) || seeded(2) != 77 || s.posts[3].isClosed() {
			t.Errorf("seeds %v and %v, power at bay 3 %v", seeded(1), seeded(2), s.posts[3].isClosed())
		}
		clear := func(code kiosk.FaultCode, bay int) error {
			return s.control.ClearFault(t.Context(), code, bay, "technician")
		}
		if err := clear(kiosk.FaultJournalNew, 0); err != nil {
			t.Error(err)
		}
		if _, err := s.control.Choose(t.Context(), 2); err == nil || !strings.Contains(err.Error(), "MT007") {
			t.Errorf("a bay with crossed wires is sold after a restart: %v", err)
		}
		if err := errors.Join(clear(kiosk.FaultMeterCrossed, 2)); err != nil {
			t.Error(err)
		}
		if _, err := s.control.Choose(t.Context(), 2); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// TestADeviceThatHangs is its own affair: contactors open within a second, the other bay's driver pays, and a driver
// whose meter is silent is billed by what they saw last.
func TestADeviceThatHangs(t *testing.T) {
	hang := func(let chan struct{}) func(context.Context) error {
		return func(context.Context) error { <-let; return nil }
	}
	for name, c := range map[string]struct {
		hang  func(*stand, chan struct{})
		money session.MoneyState // of bay 1, before the device comes back
	}{
		"the terminal": {func(s *stand, let chan struct{}) { s.till.hook("ready", hang(let)) }, session.CaptureAsked},
		"their meter": {func(s *stand, let chan struct{}) {
			s.posts[1].set(func(b *post) { b.read = hang(let) })
		}, session.Held},
		"the meter beside": {func(s *stand, let chan struct{}) {
			s.posts[2].set(func(b *post) { b.read = hang(let) })
		}, session.Captured},
		"the inputs beside": {func(s *stand, let chan struct{}) {
			s.posts[2].set(func(b *post) { b.look = func() error { <-let; return nil } })
		}, session.Captured},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStand(t).sells()
				defer s.stop()
				id, let := s.charge(1), make(chan struct{})
				c.hang(s, let)
				time.Sleep(20 * time.Second)
				saw := s.posts[1].register()
				s.posts[1].set(func(b *post) { b.plugged, b.requesting = false, false })
				s.opens(1)
				time.Sleep(time.Minute)
				if got := s.is(id).Money; got != c.money {
					t.Errorf("money is %s, want %s", got, c.money)
				}
				time.Sleep(2 * time.Hour)
				turns := s.turns.Load()
				time.Sleep(time.Minute)
				if s.turns.Load() > turns {
					t.Error("the daemon gives signs of life, and a device has not come back for two hours")
				}
				close(let)
				x := s.closed(id)
				if taken := s.till.takenOf(x.Reference); x.Money != session.Captured || taken != x.Bill.Total.Minor ||
					int64(x.Bill.Energy) > saw-1000 {
					t.Errorf("money %s, %d taken, billed %v, they saw %d", x.Money, taken, x.Bill.Energy, saw-1000)
				}
				if n := strings.Count(s.till.done("capture"), "capture"); n != 1 {
					t.Errorf("%d captures", n)
				}
			})
		})
	}
}

// TestWhatTheTerminalAnswersToACapture: whatever it is, and however often it comes, the driver pays what was billed
// once, and what was not taken is tried again in its time.
func TestWhatTheTerminalAnswersToACapture(t *testing.T) {
	times := func(n int, err error) func(context.Context) error {
		return func(context.Context) error {
			n--
			if n < 0 {
				return nil
			}
			return err
		}
	}
	for name, c := range map[string]struct {
		hook string
		err  error
		n    int
	}{
		"its host is away":               {"capture", declined(kiosk.DeclineHost), 8},
		"the line is down":               {"capture", kiosk.ErrUnreachable, 8},
		"it says nothing, did nothing":   {"capture", kiosk.ErrOutcomeUnknown, 5},
		"it says nothing, and booked":    {"captured", kiosk.ErrOutcomeUnknown, 1},
		"it says no, and booked":         {"captured", declined(kiosk.DeclineHost), 1},
		"it has no such hold, and has":   {"capture", declined(kiosk.DeclineNoHold), 3},
		"it has no such hold any longer": {"captured", declined(kiosk.DeclineNoHold), 1},
		"an error of no kind":            {"capture", errors.New("frame 7 is damaged"), 2},
		"it panics":                      {"capture", nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStand(t).sells()
				defer s.stop()
				id := s.charge(1)
				f := times(c.n, c.err)
				if c.err == nil {
					first := true
					f = func(context.Context) error {
						if first {
							first = false
							panic("driver")
						}
						return nil
					}
				}
				s.till.hook(c.hook, f)
				s.posts[1].set(func(b *post) { b.plugged, b.requesting = false, false })
				s.opens(1)
				s.rest()
				s.paid(id)
				if n := strings.Count(s.till.done("capture"), "capture"); n > c.n+2 {
					t.Errorf("%d captures", n)
				}
			})
		})
	}
}

// TestWhatIsDerivedOfASession is written with its last record. What fails there, or panics, is an alert, and the
// session ends all the same.
func TestWhatIsDerivedOfASession(t *testing.T) {
	for name, c := range map[string]struct {
		derive func(session.Session) ([]kiosk.Entry, error)
		want   string
	}{
		"good": {func(x session.Session) ([]kiosk.Entry, error) {
			return []kiosk.Entry{{Session: x.ID, Kind: "ocpi_cdr", Body: []byte(`{"at":"2026-03-02T09:00:00Z"}`)}}, nil
		}, ""},
		"an error": {func(session.Session) ([]kiosk.Entry, error) { return nil, errors.New("no place") }, "no place"},
		"a panic":  {func(session.Session) ([]kiosk.Entry, error) { panic("nil map") }, "panic: nil map"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var together []string
			s := newStand(t, func(s *stand) {
				s.config.Derive = c.derive
				s.book.failing(func(_ int, entries []kiosk.Entry) error {
					for i, e := range entries {
						if e.Kind == string(session.Closed) && i+1 < len(entries) {
							together = append(together, entries[i+1].Kind)
						}
					}
					return nil
				})
			}).sells()
			defer s.stop()
			id := s.charge(1)
			s.posts[1].set(func(b *post) { b.plugged = false })
			s.paid(id)
			want := "ocpi_cdr"
			if c.want != "" {
				want = "alert"
				if !s.book.has(session.Alert, session.NotDerived, s.is(id).Reference, c.want) {
					t.Errorf("%s: no alert", name)
				}
			}
			if !slices.Equal(together, []string{want}) {
				t.Errorf("%s: with the last record came %v, want %s", name, together, want)
			}
			if _, err := session.Replay(s.book.all()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// TestGivenExchangedAndCleared through the controller.
func TestGivenExchangedAndCleared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, func(s *stand) { s.config.Bays[2].Meter = struct{ kiosk.Meter }{s.posts[3]} }).sells()
		defer s.stop()
		if got := fmt.Sprint(s.control.Bays()); got != "[1 2 3]" {
			t.Errorf("bays %s", got)
		}
		given, err := s.control.Grant(t.Context(), 1, *free(200), "host")
		if err != nil {
			t.Fatal(err)
		}
		s.posts[1].set(func(b *post) { b.plugged, b.requesting = true, true })
		if x := s.closed(given); x.Money != session.Free || x.Bill.Energy < 195 || x.Bill.Energy > 240 ||
			x.EVSE != "DE*DEM*E001" || s.till.done("hold", "capture", "release") != "" {
			t.Errorf("given %+v, the terminal did %s", x.Bill, s.till.done("hold", "capture", "release"))
		}
		old, now, err := s.control.SwapMeter(t.Context(), 2, "technician")
		if err != nil || old == nil || old.Import != 1000 || now.Import != 7 ||
			!s.book.has(session.MeterSwapped, "technician", `"import_wh":7`, `"import_wh":1000`) {
			t.Errorf("exchanged %+v for %+v: %v", old, now, err)
		}
		for bay, want := range map[int]string{3: "cannot exchange", 9: "cannot exchange"} {
			if _, _, err := s.control.SwapMeter(t.Context(), bay, "technician"); err == nil ||
				!strings.Contains(err.Error(), want) {
				t.Errorf("bay %d: %v", bay, err)
			}
		}
		gone, stop := context.WithCancel(t.Context())
		stop()
		_, before := s.book.written()
		if _, _, err := s.control.SwapMeter(gone, 2, "technician"); !errors.Is(err, context.Canceled) {
			t.Errorf("of a technician who has left: %v", err)
		}
		ran := false
		s.control.WithTerminal(gone, func(context.Context) error { ran = true; return nil })
		time.Sleep(time.Minute)
		if n := s.book.count(session.MeterSwapped); n != 1 || ran {
			t.Errorf("%d exchanges, %d records before, ran %v", n, before, ran)
		}
	})
}

// TestAFaultIsClearedByAPerson only where it is one that a person can clear, and where the register stands now: what
// flowed while the fault was there is no new fault.
func TestAFaultIsClearedByAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t).sells()
		defer s.stop()
		s.posts[2].set(func(b *post) { b.wh += 500 })
		s.until("energy that was not sold", func(x session.State) bool {
			return x.Faults[session.FaultAt{Code: kiosk.FaultEnergyUnsold, Bay: 2}]
		})
		s.posts[2].set(func(b *post) { b.wh += 5000 })
		clear := func(code kiosk.FaultCode, bay int) error {
			return s.control.ClearFault(t.Context(), code, bay, "technician")
		}
		if err := clear(kiosk.FaultEnergyUnsold, 2); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if n := s.book.count(session.FaultRaised); len(s.control.Snapshot().State.Faults) > 0 ||
			!s.book.has(session.FaultCleared, "technician", `"import_wh":6500`) {
			t.Errorf("%d faults were raised, %v are there", n, s.control.Snapshot().State.Faults)
		}
		s.posts[2].set(func(b *post) {
			b.read = func(context.Context) error { return jump{errors.New("1000 kWh ahead")} }
		})
		s.until("a jump", func(x session.State) bool {
			return x.Faults[session.FaultAt{Code: kiosk.FaultRegisterJump, Bay: 2}]
		})
		for fault, want := range map[session.FaultAt]string{
			{Code: kiosk.FaultEnergyUnsold, Bay: 1}:        "not raised",
			{Code: kiosk.FaultMeterUnreachable, Bay: 2}:    "not raised",
			{Code: kiosk.FaultRegisterJump, Bay: 2}:        "to be exchanged", // another meter answers
			{Code: kiosk.FaultTerminalUnreachable, Bay: 0}: "not raised",
		} {
			if err := clear(fault.Code, fault.Bay); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v: %v, want %q", fault, err, want)
			}
		}
		s.control.Fault(t.Context(), kiosk.FaultScreenMissing, 0, true, nil)
		time.Sleep(time.Second)
		if err := clear(kiosk.FaultScreenMissing, 0); err == nil || !strings.Contains(err.Error(), "by itself") {
			t.Errorf("a fault that ends by itself: %v", err)
		}
		for _, f := range kiosk.Faults() {
			person := slices.Contains(session.LatchedCodes(), f.Code)
			if session.Latched(f.Code) != person || person && !session.Clearable(f.Code) {
				t.Errorf("%s: latched %v, clearable %v", f.Code, session.Latched(f.Code), session.Clearable(f.Code))
			}
		}
		if session.Clearable(kiosk.FaultMeterOther) || session.Clearable(kiosk.FaultEmergencyStop) {
			t.Error("a person may say that another meter, or an emergency stop, is mended")
		}
	})
}

// jump is what a meter's guard says of a register that jumped.
type jump struct{ error }

func (jump) FaultCode() kiosk.FaultCode { return kiosk.FaultRegisterJump }

// TestWhatTheTerminalSaysOfItselfInTime: what it needs for a moment is no fault, what lasts is, and it ends.
func TestWhatTheTerminalSaysOfItselfInTime(t *testing.T) {
	for name, c := range map[string]struct {
		class kiosk.DeclineClass
		from  time.Duration // when it is a fault at the latest
		never time.Duration // and when not yet
		fault kiosk.FaultCode
	}{
		"it is busy":         {kiosk.DeclineBusy, 6 * time.Minute, 4 * time.Minute, kiosk.FaultTerminalNotReady},
		"a card is in it":    {kiosk.DeclineCardIn, 6 * time.Minute, 4 * time.Minute, kiosk.FaultTerminalNotReady},
		"it needs a person":  {kiosk.DeclineTerminal, time.Minute, 15 * time.Second, kiosk.FaultTerminalNotReady},
		"it is another":      {"other", time.Minute, 0, kiosk.FaultTerminalOther},
		"it does not answer": {"away", time.Minute, 0, kiosk.FaultTerminalUnreachable},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newStand(t).sells()
			defer s.stop()
			err := declined(c.class)
			switch c.class {
			case "other":
				err = fmt.Errorf("%w: %w", kiosk.ErrUnreachable, kiosk.ErrOtherTerminal)
			case "away":
				err = kiosk.ErrUnreachable
			}
			is := func() bool { return s.control.Snapshot().State.Faults[session.FaultAt{Code: c.fault}] }
			s.till.hook("ready", func(context.Context) error { return err })
			time.Sleep(c.never)
			if c.never > 0 && is() {
				t.Errorf("%s: a fault after %v", name, c.never)
			}
			time.Sleep(c.from - c.never)
			if !is() {
				t.Errorf("%s: no fault after %v: %v", name, c.from, s.control.Snapshot().State.Faults)
			}
			s.till.hook("ready", nil)
			time.Sleep(3 * time.Minute)
			if left := s.control.Snapshot().State.Faults; !reflect.DeepEqual(left, map[session.FaultAt]bool{}) {
				t.Errorf("%s: afterwards %v", name, left)
			}
		})
	}
}
