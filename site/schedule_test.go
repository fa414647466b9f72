package site

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/store"
	"kioskd/tariff"
)

// sumOf is the checksum of a price's tariff, by which a person confirms it.
func sumOf(t *testing.T, price string) string {
	t.Helper()
	parsed, err := tariff.Parse(energyAt(t, price, ""))
	if err != nil {
		t.Fatal(err)
	}
	return store.Sum(parsed.JSON())
}

// from is a price from a moment on.
func from(t *testing.T, price string, at time.Time) func(*kiosk.Instruction) {
	return func(in *kiosk.Instruction) { in.Tariff, in.From = energyAt(t, price, ""), &at }
}

// TestAnAnnouncedPrice begins at its moment, not before, also after restarts; another one for the same moment takes
// its place, and one for now does not take it away.
func TestAnAnnouncedPrice(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		midnight := time.Date(2026, 3, 3, 0, 0, 0, 0, w.c.Timezone)
		expect := func(when string, want map[time.Duration]string) {
			w.Helper()
			for after, price := range want {
				if got := w.sellsBy(midnight.Add(after)); got != price {
					w.Errorf("%s: %v from midnight it is sold by %s, want %s", when, after, got, price)
				}
			}
		}
		w.done(w.order("A1", kiosk.TaskTariff, from(t, "0.69", midnight)))
		expect("announced", map[time.Duration]string{-time.Hour: "0.49", -1: "0.49", 0: "0.69",
			1000 * time.Hour: "0.69"})
		w.done(w.order("A2", kiosk.TaskTariff, priceOf(t, "0.55")))
		expect("another for now", map[time.Duration]string{-time.Hour: "0.55", -1: "0.55", 0: "0.69"})
		w.done(w.order("A3", kiosk.TaskTariff, from(t, "0.45", midnight)))
		expect("another for then", map[time.Duration]string{-1: "0.55", 0: "0.45", 1000 * time.Hour: "0.45"})
		w.restart()
		expect("after a restart", map[time.Duration]string{-1: "0.55", 0: "0.45", 1000 * time.Hour: "0.45"})
		w.end()
		time.Sleep(time.Until(midnight.Add(time.Hour)))
		w.start()
		if x := w.sells(1, 10*time.Minute); x.Bill.Total.Minor != (int64(x.Bill.Energy)*45+500)/1000 {
			w.Errorf("%v cost %v on the first day of the new price", x.Bill.Energy, x.Bill.Total)
		}
		if n := len(w.records(session.InstructionDone)); n != 3 {
			w.Errorf("%d instructions are done", n)
		}
	})
}

// TestATenfoldPriceIsConfirmed by the start of the tariff's checksum, which the refusal names. Less than eight
// characters, or those of another tariff, confirm nothing.
func TestATenfoldPriceIsConfirmed(t *testing.T) {
	for price, asks := range map[string]bool{"4.89": false, "4.90": true, "0.05": false, "0.049": true} {
		inWorld(t, plainConfig(t, ""), noon, func(w *world) {
			accept := func(id, word string) kiosk.Instruction {
				return w.order(id, kiosk.TaskTariff, func(in *kiosk.Instruction) {
					in.Tariff, in.Accept = energyAt(t, price, ""), word
				})
			}
			sum := sumOf(t, price)
			if !asks {
				w.done(accept("T1", ""))
				return
			}
			w.refused(accept("T1", ""), sum[:8])
			w.refused(accept("T2", sum[:7]), "0.49")
			w.refused(accept("T3", sumOf(t, "0.49")), "0.49")
			w.refused(accept("T4", sum+"00"), "0.49")
			w.done(accept("T5", sum[:8]))
			w.done(accept("T6", sum)) // no jump any longer
			w.restart()
			parsed, err := tariff.Parse(energyAt(t, price, ""))
			if err != nil {
				w.Fatal(err)
			}
			if got, want := w.sellsBy(w.clock.Now()), parsed.Highest(tariff.Energy).FloatString(2); got != want {
				w.Errorf("after a restart it is sold by %s, want %s", got, want)
			}
		})
	}
}

// TestTheNoticeThatDriversSee: in the visitor's language, else in English, else in one of the site's; until its time,
// a day without one; the last one counts, also after a restart, and one without texts ends it.
func TestTheNoticeThatDriversSee(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		given := w.clock.Now()
		expect := func(language string, after time.Duration, want string) {
			w.Helper()
			if got := w.prices.Notice(language, given.Add(after)); got != want {
				w.Errorf("in %q after %v the notice is %q, want %q", language, after, got, want)
			}
		}
		until := given.Add(3 * time.Hour)
		w.done(w.order("M1", kiosk.TaskMessage, func(in *kiosk.Instruction) {
			in.Texts, in.Until = map[string]string{"de": "Glatteis", "en": "Ice"}, &until
		}))
		for range 2 {
			expect("de", 0, "Glatteis")
			expect("en", 3*time.Hour-1, "Ice")
			expect("fr", 0, "Ice")
			expect("de", 3*time.Hour, "")
			w.restart()
		}
		w.done(w.order("M2", kiosk.TaskMessage, says(map[string]string{"de": strings.Repeat("ä", 120)})))
		expect("en", time.Minute, strings.Repeat("ä", 120)) // better than nothing
		expect("de", 23*time.Hour, strings.Repeat("ä", 120))
		expect("de", 25*time.Hour, "")
		w.done(w.order("M3", kiosk.TaskMessage, nil))
		for range 2 {
			expect("de", time.Hour, "")
			expect("en", time.Hour, "")
			w.restart()
		}
	})
}

// TestAPriceThatTheSiteMayNoLongerBill is no longer sold by, although it was instructed: the site's currency is another
// by now.
func TestAPriceThatTheSiteMayNoLongerBill(t *testing.T) {
	c := plainConfig(t, "")
	inWorld(t, c, noon, func(w *world) {
		w.done(w.order("B1", kiosk.TaskTariff, priceOf(t, "0.59")))
		w.end()
		text := strings.Replace(string(energyAt(t, "0.49", "")), `"EUR"`, `"CHF"`, 1)
		francs, err := tariff.Parse([]byte(text))
		if err != nil {
			w.Fatal(err)
		}
		c.Tariff, c.Currency, c.Rules.Currency, c.Hold.Currency = francs, "CHF", "CHF", "CHF"
		w.start()
		if now, _ := w.prices.Prices(w.clock.Now()); now.Currency != "CHF" {
			w.Errorf("a site of CHF sells by a tariff of %s", now.Currency)
		}
	})
}

// TestAPriceFarFromTheLastSale is found by a command before the daemon would refuse to sell by it: it says which price
// changes, and the word that confirms it. Energy that was given away is no sale.
func TestAPriceFarFromTheLastSale(t *testing.T) {
	c := plainConfig(t, "")
	far := func(price string) *PriceJump {
		t.Helper()
		parsed, err := tariff.Parse(energyAt(t, price, ""))
		if err != nil {
			t.Fatal(err)
		}
		c.Tariff = parsed
		jump, err := FarPrice(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return jump
	}
	if jump := far("4.90"); jump != nil {
		t.Errorf("without a journal %v is far", jump)
	}
	far("0.49")
	inWorld(t, c, noon, func(w *world) {
		w.sells(1, 5*time.Minute)
		if row := w.desk.Do(w.Context(), "host", "free:2"); row.Key != "free.ok" {
			w.Errorf("%+v", row)
		}
		w.wait(10 * time.Second)
	})
	if jump := far("4.89"); jump != nil {
		t.Errorf("a price that is not ten times as high is far: %v", jump)
	}
	jump := far("4.90")
	var plain *PriceJump
	if jump == nil || jump.Accept != sumOf(t, "4.90")[:8] || !strings.Contains(jump.What, "0.49") ||
		!strings.Contains(jump.What, "4.90") || !errors.As(error(jump), &plain) {
		t.Fatalf("from 0.49 to 4.90 is told as %+v", jump)
	}
	found := false
	for _, f := range Computer(t.Context(), c) {
		found = found || !f.OK && f.Fault == kiosk.FaultPriceJump && strings.Contains(f.What, jump.Accept)
	}
	if !found {
		t.Error("the doctor does not tell of it")
	}
	c.Accept = jump.Accept
	if again := far("4.90"); again != nil {
		t.Errorf("what the host confirmed is far: %v", again)
	}
	if other := far("49.0"); other == nil {
		t.Error("the word for one tariff confirms another")
	}
}

// TestWhatABackOfficeConfirmed is not asked again at the next start, although no sale was made by it yet.
func TestWhatABackOfficeConfirmed(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		w.sells(1, 5*time.Minute)
		w.done(w.order("F1", kiosk.TaskTariff, func(in *kiosk.Instruction) {
			in.Tariff, in.Accept = energyAt(t, "4.90", ""), sumOf(t, "4.90")
		}))
		w.restart()
		jump, err := w.prices.priceJump(w.Context(), w.journal, w.clock.Now())
		if err != nil || jump != nil {
			w.Errorf("what a back office confirmed is asked again: %v, %v", jump, err)
		}
	})
}

// TestATenfoldChangeInTheFuture is confirmed as one of today is: what counts is the price that it follows, and the one
// that follows it, not the price of the moment in which it was instructed.
func TestATenfoldChangeInTheFuture(t *testing.T) {
	for name, days := range map[string]map[string]int{
		"after what was announced":  {"1 4.50": 2, "2 0.45": 3},
		"before what was announced": {"1 4.50": 3, "2 0.45": 2},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, plainConfig(t, ""), noon, func(w *world) {
				for _, key := range []string{"1 4.50", "2 0.45"} {
					id, price, _ := strings.Cut(key, " ")
					w.obeys(w.order("X"+id, kiosk.TaskTariff, from(t, price, noon.AddDate(0, 0, days[key]))))
				}
				was, at := "0.49", noon
				for range 24 * 5 {
					at = at.Add(time.Hour)
					is := w.sellsBy(at)
					if is != was && (was == "4.50" && is == "0.45" || was == "0.45" && is == "4.50") {
						w.Errorf("at %v the price changes from %s to %s, and no person confirmed it", at, was, is)
					}
					was = is
				}
			})
		})
	}
}

// TestTheChecksumOfAnOffer is that of the tariff beside it, in the journal and after a restart.
func TestTheChecksumOfAnOffer(t *testing.T) {
	c := plainConfig(t, "")
	inWorld(t, c, noon, func(w *world) {
		text := bytes.Replace(energyAt(t, "0.59", ""), []byte(`"id":"t"`), []byte(`"id":"day&night"`), 1)
		w.done(w.order("Q1", kiosk.TaskTariff, func(in *kiosk.Instruction) { in.Tariff = text }))
		w.charges(1)
		w.restart()
		if now, sum := w.prices.Prices(w.clock.Now()); store.Sum(now.JSON()) != sum {
			w.Errorf("after a restart %s is offered with the checksum of another text", now.JSON())
		}
		offer := w.records(session.OfferAccepted)[0].Body.(session.OfferBody).Offer
		again, err := tariff.Parse(offer.Tariff)
		if err != nil || store.Sum(again.JSON()) != offer.Hash {
			w.Errorf("the journal has the checksum %s of %s, %v", offer.Hash, offer.Tariff, err)
		}
	})
}
