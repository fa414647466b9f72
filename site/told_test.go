package site

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/tariff"
)

// TestARefundThatIsToldAgain with its key is the same one, also after a restart and when nothing more is left; with
// another amount it is refused, and with another key it is another refund.
func TestARefundThatIsToldAgain(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		x := w.sells(1, 30*time.Minute)
		paid := w.till.booked[0]
		tell := func(amount, key string) (left int64, why error) {
			got, err := w.office.RefundOnce(w.Context(), x.Reference, amount, "token shop", "", key)
			return got.Left.Minor, err
		}
		for range 3 {
			if left, err := tell("0.50", "token shop 1"); err != nil || left != paid.Minor-50 {
				w.Errorf("%d left, %v", left, err)
			}
		}
		w.restart()
		if left, err := tell("0.50", "token shop 1"); err != nil || left != paid.Minor-50 {
			w.Errorf("after a restart %d left, %v", left, err)
		}
		if _, err := tell("0.60", "token shop 1"); err == nil || !strings.Contains(err.Error(),
			"another refund was written down") {
			w.Errorf("another amount: %v", err)
		}
		rest := kiosk.Money{Minor: paid.Minor - 50, Currency: "EUR"}.Decimal()
		for range 2 {
			if left, err := tell(rest, "token shop 2"); err != nil || left != 0 {
				w.Errorf("the rest: %d left, %v", left, err)
			}
		}
		if n := len(w.records(session.Refunded)); n != 2 {
			w.Errorf("%d refunds are written down, want 2", n)
		}
	})
}

// TestTwoPersonsRefund from pages that looked the same: the second is told that there is a refund.
func TestTwoPersonsRefund(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		x := w.sells(1, 30*time.Minute)
		for i, by := range []string{"anna", "otto"} {
			_, err := w.office.RefundOnce(w.Context(), x.Reference, "0.50", by, "cable", "page 1")
			if (err != nil) != (i == 1) {
				w.Errorf("%s: %v", by, err)
			}
		}
	})
}

// TestAKeyIsOfOneRefund: with the key of another session's refund nothing is refunded.
func TestAKeyIsOfOneRefund(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		for i, x := range []session.Session{w.sells(1, 30*time.Minute), w.sells(1, 30*time.Minute)} {
			_, err := w.office.RefundOnce(w.Context(), x.Reference, "0.50", "token shop", "", "token shop 1")
			if err != nil != (i == 1) {
				w.Errorf("session %d: %v", i+1, err)
			}
		}
		if n := len(w.records(session.Refunded)); n != 1 {
			w.Errorf("one key, %d refunds", n)
		}
	})
}

// TestRefundsFromEverywhere: the command line, the API and the page, at once, give back no more than was taken.
func TestRefundsFromEverywhere(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		x := w.sells(1, 30*time.Minute)
		paid := w.till.booked[0]
		s := &Site{c: w.c, journal: w.journal, control: w.control, clock: w.clock}
		var all sync.WaitGroup
		for i := range 8 {
			way := s.served().office // each way has its own
			all.Go(func() {
				way.RefundOnce(w.Context(), x.Reference, paid.Decimal(), "host", "cable",
					fmt.Sprint(i)) // all but one fail
			})
		}
		all.Wait()
		if n := len(w.records(session.Refunded)); n != 1 {
			w.Errorf("%v was taken, and refunded %d times", paid, n)
		}
	})
}

// TestNoCardNumberIsTyped: where a person types the number of a card, the journal has asterisks.
func TestNoCardNumberIsTyped(t *testing.T) {
	const pan = "4111 1111 1111 1111"
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		x := w.sells(1, 30*time.Minute)
		if _, err := w.office.RefundOnce(w.Context(), x.Reference, "0.50", "anna "+pan, "card "+pan, ""); err != nil {
			w.Fatal(err)
		}
		for _, kind := range []session.Kind{session.Login, session.LoginRefused, session.CommandGiven,
			session.Inspected} {
			if err := w.control.Note(w.Context(), kind, session.NoteBody{By: pan, What: pan, Detail: pan,
				From: pan}); err != nil {
				w.Fatal(err)
			}
		}
		host := *w.runner
		message := kiosk.Instruction{ID: "9", Kiosk: w.c.KioskID, Issued: w.clock.Now(),
			Expires: w.clock.Now().Add(time.Minute), Do: kiosk.TaskMessage, Texts: map[string]string{"en": pan}}
		if err := host.order(w.Context(), message, "token shop"); err == nil {
			w.Error("the screen shows the number of a card")
		}
		for r, err := range w.journal.Records(w.Context(), 0) {
			if err != nil {
				w.Fatal(err)
			}
			if strings.Contains(string(r.Body), pan) {
				w.Errorf("record %d %s: %s", r.Seq, r.Kind, r.Body)
			}
		}
	})
}

// TestAKeyIsOfOneCommand: told with the id of another instruction, one is not said to be done.
func TestAKeyIsOfOneCommand(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		host := *w.runner
		order := func(in kiosk.Instruction) error {
			in.ID, in.Kiosk, in.Issued, in.Expires = "k", w.c.KioskID, w.clock.Now(), w.clock.Now().Add(time.Minute)
			return host.order(w.Context(), in, "token shop")
		}
		first := kiosk.Instruction{Do: kiosk.TaskTariff, Tariff: energyAt(w.T, "0.59", "")}
		later := noon.AddDate(0, 0, 3)
		for _, other := range []kiosk.Instruction{{Do: kiosk.TaskMessage, Texts: map[string]string{"en": "hi"}},
			{Do: kiosk.TaskTariff, Tariff: energyAt(w.T, "0.69", "")},
			{Do: kiosk.TaskTariff, Tariff: first.Tariff, From: &later}} {
			if err := order(first); err != nil {
				w.Fatal(err)
			}
			if err := order(other); err == nil || !strings.Contains(err.Error(), "another command") {
				w.Errorf("%+v: %v", other, err)
			}
		}
	})
}

// TestAPriceOfThePast is refused: it would be sold by at once, and its sender meant another day.
func TestAPriceOfThePast(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		host := *w.runner
		for _, from := range []time.Duration{-30 * 24 * time.Hour, -2 * time.Minute, time.Hour} {
			at := w.clock.Now().Add(from)
			err := host.order(w.Context(), kiosk.Instruction{ID: from.String(), Kiosk: w.c.KioskID,
				Issued:  w.clock.Now(),
				Expires: w.clock.Now().Add(time.Minute), Do: kiosk.TaskTariff, Tariff: energyAt(w.T, "0.59", ""),
				From: &at}, "token shop")
			if (err != nil) != (from < 0) {
				w.Errorf("from %v: %v", from, err)
			}
		}
	})
}

// TestWhatARunningSessionHolds is where it belongs: it is open, and not unsettled.
func TestWhatARunningSessionHolds(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		w.charges(1)
		open, err := OpenItems(w.Context(), w.journal)
		if err != nil || len(open) != 1 {
			w.Fatalf("%+v, %v", open, err)
		}
		if found, err := unsettled(w.Context(), w.journal); err != nil || len(found) != 0 {
			w.Errorf("%+v, %v", found, err)
		}
	})
}

// cutter ends a context when the runner says what came of an instruction, before that is written down.
type cutter struct {
	slog.Handler
	cut func()
}

func (c cutter) Enabled(context.Context, slog.Level) bool { return true }
func (c cutter) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "instruction" {
		c.cut()
	}
	return nil
}

// TestWhatIsDoneIsWritten: a price holds when the journal says so, and not before, whoever is still there to hear it.
func TestWhatIsDoneIsWritten(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		host := *w.runner
		ctx, cancel := context.WithCancel(w.Context())
		host.log = slog.New(cutter{slog.DiscardHandler, cancel})
		err := host.order(ctx, kiosk.Instruction{ID: "9", Kiosk: w.c.KioskID, Issued: w.clock.Now(),
			Expires: w.clock.Now().Add(time.Minute), Do: kiosk.TaskTariff, Tariff: energyAt(w.T, "0.59", "")},
			"token shop")
		sells := func() string {
			t, _ := w.prices.Prices(w.clock.Now())
			return t.Highest(tariff.Energy).FloatString(2)
		}
		before := sells()
		w.restart()
		if n := len(w.records(session.InstructionDone)); err != nil || n != 1 || before != "0.59" || sells() != before {
			w.Errorf("%v, %d done, sold by %s, after a restart by %s", err, n, before, sells())
		}
	})
}

// TestAProgramSetsAPrice as a back office does: checked, once for each id, written down with its name, and sold by
// after a restart. What was refused is refused again in the same words.
func TestAProgramSetsAPrice(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		host := *w.runner
		host.by = ""
		order := func(id, price string) error {
			in := kiosk.Instruction{ID: id, Kiosk: w.c.KioskID, Issued: w.clock.Now(),
				Expires: w.clock.Now().Add(time.Minute), Do: kiosk.TaskTariff, Tariff: energyAt(w.T, price, "")}
			return host.order(w.Context(), in, "token shop")
		}
		sells := func() string {
			t, _ := w.prices.Prices(w.clock.Now())
			return t.Highest(tariff.Energy).FloatString(2)
		}
		before := sells()
		refused := order("1", "59.00")
		if refused == nil || sells() != before {
			w.Errorf("a price a hundred times as high: %v, sold by %s", refused, sells())
		}
		if again := order("1", "59.00"); again == nil || again.Error() != refused.Error() {
			w.Errorf("told again: %v, before %v", again, refused)
		}
		for range 2 {
			if err := order("2", "0.59"); err != nil || sells() != "0.59" {
				w.Errorf("%v, sold by %s", err, sells())
			}
		}
		w.restart()
		host = *w.runner
		if sells() != "0.59" {
			w.Errorf("after a restart it sells by %s", sells())
		}
		taken, done := w.records(session.InstructionTaken), w.records(session.InstructionDone)
		if len(taken) != 2 || len(done) != 1 || done[0].Body.(session.InstructionBody).By != "token shop" {
			w.Errorf("%d taken, %d done: %+v", len(taken), len(done), done)
		}
	})
}

// TestAPriceThatWasTakenAndNotSet before the daemon ended is set when the program asks again with its key.
func TestAPriceThatWasTakenAndNotSet(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		in := kiosk.Instruction{ID: "3", Kiosk: w.c.KioskID, Issued: w.clock.Now(),
			Expires: w.clock.Now().Add(time.Minute), Do: kiosk.TaskTariff, Tariff: energyAt(w.T, "0.59", "")}
		w.do(session.Observation{What: session.InstructionGiven, By: "token shop", Instruction: &in})
		w.restart()
		host := *w.runner
		if err := host.order(w.Context(), in, "token shop"); err != nil {
			w.Fatal(err)
		}
		if t, _ := w.prices.Prices(w.clock.Now()); t.Highest(tariff.Energy).FloatString(2) != "0.59" {
			w.Errorf("it is said to be done, and sold by %s", t.Highest(tariff.Energy).FloatString(2))
		}
		if n := len(w.records(session.InstructionDone)); n != 1 {
			w.Errorf("%d are done", n)
		}
	})
}
