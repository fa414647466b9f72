package site

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"kioskd"
	"kioskd/config"
	"kioskd/session"
	"kioskd/store"
	"kioskd/tariff"
)

// TestTheDaySoFar counts what was captured since the terminal's day ended last.
func TestTheDaySoFar(t *testing.T) {
	ctx := context.Background()
	at := time.Date(2026, 3, 2, 3, 30, 0, 0, time.UTC)
	j, err := store.Open(ctx, filepath.Join(t.TempDir(), "journal.db"),
		func() (time.Time, time.Duration, bool) { return at.Add(time.Hour), 0, true })
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	write := func(kind session.Kind, body any) {
		entry, err := session.Event{Kind: kind, At: at, Body: body}.Entry()
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Append(ctx, entry); err != nil {
			t.Fatal(err)
		}
	}
	day, last, err := past(ctx, j, "EUR")
	if err != nil || !day.Ended.IsZero() || day.Captured.Minor != 0 || !last.IsZero() {
		t.Errorf("of an empty journal: %+v, %v, %v", day, last, err)
	}
	booked := func(minor int64) session.SettledBody {
		return session.SettledBody{Result: &kiosk.CaptureResult{Booked: kiosk.Money{Minor: minor, Currency: "EUR"}}}
	}
	write(session.CaptureDone, booked(100))
	write(session.DayEnded, session.DayEndedBody{Amount: &kiosk.Money{Minor: 100, Currency: "EUR"}})
	write(session.CaptureDone, booked(20))
	write(session.ReleaseDone, booked(0))
	write(session.CaptureDone, booked(3))
	day, last, err = past(ctx, j, "EUR")
	if err != nil || !day.Ended.Equal(at) || day.Captured.Minor != 23 || !last.Equal(at.Add(time.Hour)) {
		t.Errorf("%+v, %v, %v", day, last, err)
	}
}

// TestAPriceThatJumps is not sold at before the host confirmed it.
func TestAPriceThatJumps(t *testing.T) {
	ctx := context.Background()
	j, err := store.Open(ctx, filepath.Join(t.TempDir(), "journal.db"),
		func() (time.Time, time.Duration, bool) { return time.Now(), 0, true })
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	of := func(energy string) *tariff.Tariff {
		tf,
			err := tariff.Parse(
			[]byte(
				`{"id":"t","currency":"EUR","tax_included":"YES","elements":[{"price_components":[{"type":"ENERGY",
					"price":` + energy + `}]}]}`))
		if err != nil {
			t.Fatal(err)
		}
		return tf
	}
	jumps := func(c *config.Config) bool {
		t.Helper()
		jump, err := newSale(c, time.Time{}, QuietLog()).priceJump(ctx, j, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return jump != nil
	}
	if jumps(&config.Config{Tariff: of("4.90")}) {
		t.Error("the first price of all is a jump")
	}
	for _, price := range []string{"9.00", "0.49", "0"} { // the last one counts that a driver paid for
		offer := session.Offer{Tariff: of(price).JSON(), Hold: kiosk.Money{Minor: 5000, Currency: "EUR"}}
		if price == "0" {
			offer.Hold.Minor = 0
		}
		entry, err := session.Event{Kind: session.OfferAccepted, Body: session.OfferBody{Offer: offer}}.Entry()
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Append(ctx, entry); err != nil {
			t.Fatal(err)
		}
	}
	for price, want := range map[string]bool{"0.55": false, "4.89": false, "4.90": true, "0.05": false, "0.049": true,
		"0": true} {
		if got := jumps(&config.Config{Tariff: of(price)}); got != want {
			t.Errorf("from 0.49 to %s is a jump: %v", price, got)
		}
	}
	dear := of("4.90")
	if jumps(&config.Config{Tariff: dear, Accept: store.Sum(dear.JSON())[:8]}) {
		t.Error("the host's word counts for nothing")
	}
}
