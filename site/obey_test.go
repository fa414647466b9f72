package site

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/ui"
)

// signedBy stands for the note that came with an instruction.
const signedBy = "the text as the back office signed it"

// order completes an instruction that is in time.
func (w *world) order(id string, do kiosk.Task, more func(*kiosk.Instruction)) kiosk.Instruction {
	in := kiosk.Instruction{ID: id, Kiosk: w.c.KioskID, Issued: w.clock.Now(), Expires: w.clock.Now().Add(time.Hour),
		Do: do}
	if more != nil {
		more(&in)
	}
	return in
}

// obeys hands an instruction over as it comes with an answer of the back office, and says what the journal has of it:
// how often it was taken, and what came of it.
func (w *world) obeys(in kiosk.Instruction) (taken int, came []session.Event) {
	w.Helper()
	w.runner.Instruct(w.Context(), in, signedBy)
	w.wait(0)
	return w.cameOf(in.ID)
}

func (w *world) cameOf(id string) (taken int, came []session.Event) {
	w.Helper()
	for _, kind := range []session.Kind{session.InstructionTaken, session.InstructionDone, session.InstructionRefused} {
		for _, e := range w.records(kind) {
			switch {
			case e.Body.(session.InstructionBody).Instruction.ID != id:
			case kind == session.InstructionTaken:
				taken++
			default:
				came = append(came, e)
			}
		}
	}
	return taken, came
}

// done expects that an instruction is done.
func (w *world) done(in kiosk.Instruction) {
	w.Helper()
	if taken, came := w.obeys(in); taken != 1 || len(came) != 1 || came[0].Kind != session.InstructionDone {
		w.Fatalf("%s, %s: taken %d times, and then %+v", in.ID, in.Do, taken, came)
	}
}

// refused expects that an instruction is refused for a reason.
func (w *world) refused(in kiosk.Instruction, why string) {
	w.Helper()
	_, came := w.obeys(in)
	if len(came) != 1 || came[0].Kind != session.InstructionRefused || !strings.Contains(came[0].Failure(), why) {
		w.Errorf("%s, %s: want it refused because of %q, got %+v", in.ID, in.Do, why, came)
	}
}

func priceOf(t *testing.T, price string) func(*kiosk.Instruction) {
	return func(in *kiosk.Instruction) { in.Tariff = energyAt(t, price, "") }
}

func atBay(n int) func(*kiosk.Instruction) { return func(in *kiosk.Instruction) { in.Bay = n } }

func says(texts map[string]string) func(*kiosk.Instruction) {
	return func(in *kiosk.Instruction) { in.Texts = texts }
}

// TestEachTaskIsDoneOnce: an instruction comes with each answer until the back office has read what came of it, also
// after a restart. It is written down before and after, whole, with the name of the key.
func TestEachTaskIsDoneOnce(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		x := w.charges(2)
		all := []kiosk.Instruction{
			w.order("I1", kiosk.TaskTariff, priceOf(t, "0.59")),
			w.order("I2", kiosk.TaskCloseBay, atBay(1)),
			w.order("I3", kiosk.TaskOpenBay, atBay(1)),
			w.order("I4", kiosk.TaskStopSession, func(in *kiosk.Instruction) { in.Session = x.Reference }),
			w.order("I5", kiosk.TaskMessage, says(map[string]string{"en": "The car park closes at 22:00"})),
			w.order("I6", kiosk.TaskDiagnostics, nil),
		}
		for _, in := range all {
			w.done(in)
		}
		for _, again := range []func(){func() {}, w.restart} {
			again()
			for _, in := range all {
				w.done(in)
				_, came := w.cameOf(in.ID)
				if b := came[0].Body.(session.InstructionBody); b.By != "backoffice:backoffice" ||
					b.Instruction.ID != in.ID || b.Instruction.Do != in.Do || !b.Instruction.Expires.Equal(in.Expires) {
					w.Errorf("%s: the record has %+v", in.ID, b)
				}
			}
		}
		for _, e := range w.records(session.InstructionTaken) {
			if b := e.Body.(session.InstructionBody); b.Note != signedBy {
				w.Errorf("%s: what was signed is kept as %q", b.Instruction.ID, b.Note)
			}
		}
		if n := len(w.records(session.StopIntent)); n != 1 {
			w.Errorf("the session was stopped %d times", n)
		}
	})
}

// TestAnInstructionOutOfTime is not begun, and is refused once. One that is for the future is not begun, either.
func TestAnInstructionOutOfTime(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		for id, ends := range map[string]time.Duration{"E1": -time.Hour, "E2": 0} {
			in := w.order(id, kiosk.TaskCloseBay, atBay(1))
			in.Issued, in.Expires = in.Issued.Add(-2*time.Hour), w.clock.Now().Add(ends)
			w.refused(in, "expired")
			if taken, came := w.obeys(in); taken != 0 || len(came) != 1 {
				w.Errorf("%s: taken %d times, written down %d times", id, taken, len(came))
			}
		}
		ahead := w.order("E3", kiosk.TaskCloseBay, atBay(1))
		ahead.Issued, ahead.Expires = ahead.Issued.Add(time.Hour), ahead.Expires.Add(2*time.Hour)
		if taken, _ := w.obeys(ahead); taken != 0 {
			w.Error("an instruction of the future is begun")
		}
		if w.raised(kiosk.FaultBayShut, 1) {
			w.Error("an instruction out of time closed the bay")
		}
		last := w.order("E4", kiosk.TaskCloseBay, atBay(1))
		last.Expires = w.clock.Now().Add(time.Second)
		w.done(last)
	})
}

// TestInstructionsWaitForTheClock: with a clock that is not trusted none is begun and none is refused.
func TestInstructionsWaitForTheClock(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		w.synced.Store(false)
		w.restart()
		old := w.order("C1", kiosk.TaskCloseBay, atBay(1))
		old.Expires = w.clock.Now().Add(-time.Second)
		in := w.order("C2", kiosk.TaskCloseBay, atBay(2))
		for _, waits := range []kiosk.Instruction{old, in} {
			if taken, came := w.obeys(waits); taken != 0 || len(came) != 0 {
				w.Errorf("%s: in doubt it was taken %d times, and came to %+v", waits.ID, taken, came)
			}
		}
		w.synced.Store(true)
		w.wait(5 * time.Second)
		w.done(in)
		w.refused(old, "expired")
		if w.raised(kiosk.FaultBayShut, 1) || !w.raised(kiosk.FaultBayShut, 2) {
			w.Error("once the clock is right the wrong bay is closed")
		}
	})
}

// TestWhatABackOfficeMayNot: what would break a promise is refused with a reason, and changes nothing.
func TestWhatABackOfficeMayNot(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		free := w.sells(1, time.Minute)
		with := func(tariff string) func(*kiosk.Instruction) {
			return func(in *kiosk.Instruction) { in.Tariff = json.RawMessage(tariff) }
		}
		inFrancs := strings.Replace(string(energyAt(t, "0.55", "")), `"EUR"`, `"CHF"`, 1)
		for i, c := range []struct {
			do   kiosk.Task
			more func(*kiosk.Instruction)
			why  string
		}{
			{kiosk.TaskTariff, nil, "want the tariff"},
			{kiosk.TaskTariff, with(inFrancs), "CHF"},
			{kiosk.TaskTariff, with(`{"id":"t","currency":"EUR","elements":[]}`), ""},
			{kiosk.TaskTariff, with(string(energyAt(t, "0.55", `,"min_price":{"before_taxes":5}`))), "min_price"},
			{kiosk.TaskTariff, with(string(energyAt(t, "0.55", `,"end_date_time":"2026-03-01T00:00:00Z"`))),
				"end_date_time"},
			{kiosk.TaskTariff, with(string(energyAt(t, "0.55", `,"start_date_time":"2026-04-01T00:00:00Z"`))),
				"start_date_time"},
			{kiosk.TaskTariff, with(string(energyAt(t, "0.55", `,"surcharge":1`))), "surcharge"},
			{kiosk.TaskTariff, priceOf(t, "51.00"), "hold"},
			{kiosk.TaskTariff, priceOf(t, "4.90"), "0.49"},
			{kiosk.TaskTariff, priceOf(t, "0"), ""},
			{kiosk.TaskTariff, priceOf(t, "-0.49"), ""},
			{kiosk.TaskCloseBay, nil, "bay"},
			{kiosk.TaskCloseBay, atBay(3), "there is none"},
			{kiosk.TaskOpenBay, atBay(2), "bay 2 is not closed"},
			{kiosk.TaskStopSession, func(in *kiosk.Instruction) { in.Session = "7GK2M4Q" }, "7GK2M4Q"},
			{kiosk.TaskStopSession, func(in *kiosk.Instruction) { in.Session = "all" }, "session"},
			{kiosk.TaskStopSession, func(in *kiosk.Instruction) { in.Session = free.Reference }, "has ended"},
			{kiosk.TaskMessage, says(map[string]string{"en": strings.Repeat("ü", 121)}), "at most 120"},
			{kiosk.TaskMessage, says(map[string]string{"en": "fine", "de": ""}), `"de"`},
			{kiosk.TaskMessage, says(map[string]string{"en": "two\nlines"}), "line"},
			{kiosk.TaskMessage, says(map[string]string{"en": "\x1b[2Jgone"}), ""},
			{"format_disk", nil, "format_disk"},
		} {
			before := len(w.control.Snapshot().State.Faults)
			w.refused(w.order(fmt.Sprintf("N%d", i), c.do, c.more), c.why)
			now := w.clock.Now()
			if w.sellsBy(now) != "0.49" || w.sellsBy(now.AddDate(1, 0, 0)) != "0.49" {
				w.Errorf("after refusal %d it is sold by another price", i)
			}
			if w.prices.Notice("en", now) != "" || len(w.control.Snapshot().State.Faults) != before {
				w.Errorf("what was refused, %d, changed the site", i)
			}
		}
	})
}

// TestARunningSessionKeepsItsTariff: what is instructed while a vehicle charges is for those who come after.
func TestARunningSessionKeepsItsTariff(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		x := w.charges(1)
		w.done(w.order("K1", kiosk.TaskTariff, priceOf(t, "0.98")))
		w.done(w.order("K2", kiosk.TaskCloseBay, atBay(1)))
		w.wait(10 * time.Minute)
		if now := w.control.Snapshot().State.Sessions[x.ID]; now.Power != session.Charging {
			w.Fatalf("a bay that is closed ends the session that charges there: %s", now.Power)
		}
		w.done(w.order("K3", kiosk.TaskStopSession, func(in *kiosk.Instruction) { in.Session = x.Reference }))
		w.wait(time.Minute)
		bill := w.records(session.Billed)[0].Body.(session.BillBody).Bill
		if want := (int64(bill.Energy)*49 + 500) / 1000; bill.Total.Minor != want {
			w.Errorf("%v cost %v, and the price agreed to makes %d cents", bill.Energy, bill.Total, want)
		}
		stop := w.records(session.StopIntent)[0].Body.(session.StopBody)
		if stop.Reason != session.ReasonRemote || stop.By != "backoffice:backoffice" {
			w.Errorf("the stop is written down as %+v", stop)
		}
		if _, err := w.control.Choose(w.Context(), 1); err == nil {
			w.Error("a bay that the back office closed is sold at")
		}
		w.boxes[1].set(func(b *box) { b.plugged = false })
		next := w.sells(2, 10*time.Minute)
		if want := (int64(next.Bill.Energy)*98 + 500) / 1000; next.Bill.Total.Minor != want {
			w.Errorf("the next session cost %v, want %d cents", next.Bill.Total, want)
		}
	})
}

// TestOnlyWhatABackOfficeClosed it opens: a person at the bay may have a hand in it.
func TestOnlyWhatABackOfficeClosed(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		shut := func(n int, by string) {
			w.do(session.Observation{What: session.ShutAsked, Bay: n, Raised: true, By: by})
		}
		shut(1, "host")
		w.refused(w.order("O1", kiosk.TaskOpenBay, atBay(1)), "host")
		w.done(w.order("O2", kiosk.TaskCloseBay, atBay(2)))
		w.restart()
		w.refused(w.order("O3", kiosk.TaskOpenBay, atBay(1)), "host")
		shut(2, "technician") // who goes there now
		w.refused(w.order("O4", kiosk.TaskOpenBay, atBay(2)), "technician")
		w.do(session.Observation{What: session.ShutAsked, Bay: 2, By: "technician"})
		w.done(w.order("O5", kiosk.TaskCloseBay, atBay(2)))
		w.done(w.order("O6", kiosk.TaskOpenBay, atBay(2)))
		if !w.raised(kiosk.FaultBayShut, 1) || w.raised(kiosk.FaultBayShut, 2) {
			w.Error("the wrong bay is open")
		}
	})
}

// TestWhatWasBegunIsEnded: of what the journal has as taken and not as done, all that is still in time is carried out
// at the next start, in the order in which it came, once.
func TestWhatWasBegunIsEnded(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		x := w.sells(1, 5*time.Minute)
		late := w.order("B1", kiosk.TaskCloseBay, atBay(2))
		late.Expires = w.clock.Now().Add(30 * time.Second)
		begun := []kiosk.Instruction{
			late,
			w.order("B2", kiosk.TaskTariff, priceOf(t, "0.55")),
			w.order("B3", kiosk.TaskTariff, priceOf(t, "0.59")),
			w.order("B4", kiosk.TaskMessage, says(map[string]string{"en": "first"})),
			w.order("B5", kiosk.TaskMessage, says(map[string]string{"en": "second"})),
			w.order("B6", kiosk.TaskStopSession, func(in *kiosk.Instruction) { in.Session = x.Reference }),
			w.order("B7", kiosk.TaskTariff, priceOf(t, "59")),
		}
		for _, in := range begun {
			w.do(session.Observation{What: session.InstructionGiven, By: w.runner.by, Instruction: &in, Note: signedBy})
		}
		w.end()
		time.Sleep(time.Minute)
		w.start()
		next := w.order("B8", kiosk.TaskMessage, says(map[string]string{"en": "third"}))
		w.done(next) // those of before come first
		var order []string
		for _, e := range slices.Concat(w.records(session.InstructionDone), w.records(session.InstructionRefused)) {
			order = append(order, e.Body.(session.InstructionBody).Instruction.ID)
		}
		if want := []string{"B2", "B3", "B4", "B5", "B6", "B8", "B1", "B7"}; !slices.Equal(order, want) {
			w.Errorf("they ended as %q, want %q", order, want)
		}
		if _, came := w.cameOf("B1"); len(came) != 1 || !strings.Contains(came[0].Failure(), "expired") {
			w.Errorf("what is too late by now came to %+v", came)
		}
		if got := w.sellsBy(w.clock.Now()); got != "0.59" || w.prices.Notice("en", w.clock.Now()) != "third" {
			w.Errorf("it is sold by %s, and drivers are told %q", got, w.prices.Notice("en", w.clock.Now()))
		}
		w.restart()
		if err := w.runner.resume(w.Context()); err != nil {
			w.Error(err)
		}
		if n := len(w.records(session.InstructionDone)); n != 6 {
			w.Errorf("the second start ends them again: %d are done", n)
		}
	})
}

// TestDiagnosticsTellNoSecret: the report says what a technician wants to know, and no password, code or card.
func TestDiagnosticsTellNoSecret(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		w.sells(1, 5*time.Minute)
		w.boxes[2].set(func(b *box) { b.noMeter = true })
		w.wait(time.Minute)
		w.done(w.order("D1", kiosk.TaskDiagnostics, nil))
		_, came := w.cameOf("D1")
		report := came[0].Body.(session.InstructionBody).Report
		var said struct {
			At      time.Time `json:"at"`
			Version string    `json:"version"`
			Records int64     `json:"records"`
			Free    int64     `json:"free_bytes"`
			Faults  []string  `json:"faults"`
			Bays    map[int]struct {
				Reading *kiosk.Reading
			} `json:"bays"`
		}
		if err := json.Unmarshal(report, &said); err != nil {
			w.Fatal(err)
		}
		if said.Version != "0.1.0" || said.Records == 0 || said.Free == 0 || !slices.Contains(said.Faults, "MT001:2") ||
			said.Bays[1].Reading == nil || said.Bays[2].Reading != nil ||
			said.At.Sub(w.clock.Now()).Abs() > time.Second {
			w.Errorf("it says %s", report)
		}
		for _, secret := range []string{w.c.Terminal.Password, "token-of-a-card", "A1B2C3"} {
			if strings.Contains(string(report), secret) {
				w.Errorf("it tells %q", secret)
			}
		}
	})
}

// TestWhatTheHostClosedStaysClosed, although the back office closes it, too: only what a back office closed it opens.
func TestWhatTheHostClosedStaysClosed(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		w.desk.Do(w.Context(), ui.RoleHost, "shut:1:on")
		w.done(w.order("H1", kiosk.TaskCloseBay, atBay(1)))
		w.obeys(w.order("H2", kiosk.TaskOpenBay, atBay(1)))
		if !w.raised("HO001", 1) {
			w.Error("a bay that the host closed, and did not open, is open")
		}
		w.desk.Do(w.Context(), ui.RoleHost, "shut:1:off")
		w.done(w.order("H3", kiosk.TaskCloseBay, atBay(1)))
		w.done(w.order("H4", kiosk.TaskOpenBay, atBay(1)))
		if w.raised("HO001", 1) {
			w.Error("what a back office alone closed since the host opened it stays closed")
		}
	})
}
