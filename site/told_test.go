package site

import (
	"strings"
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
			"0.50 EUR was refunded") {
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
