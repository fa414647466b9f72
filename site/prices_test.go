package site

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/config"
	"kioskd/session"
	"kioskd/store"
	"kioskd/tariff"
)

func energyAt(t *testing.T, price, more string) json.RawMessage {
	t.Helper()
	return json.RawMessage(`{"id":"t","currency":"EUR","tax_included":"YES"` + more +
		`,"elements":[{"price_components":[{"type":"ENERGY","price":` + price + `,"vat":19}]}]}`)
}

// TestWhatIsSoldByWhen: of instructed tariffs the one whose time came last, and a later word is
// never behind an earlier one; the journal has them all, also after a restart with a wrong clock.
func TestWhatIsSoldByWhen(t *testing.T) {
	ctx := context.Background()
	j, err := store.Open(ctx, filepath.Join(t.TempDir(), "journal.db"),
		func() (time.Time, time.Duration, bool) { return time.Now(), 0, true })
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	base, err := tariff.Parse(energyAt(t, "0.49", ""))
	if err != nil {
		t.Fatal(err)
	}
	c := &config.Config{Tariff: base, Currency: "EUR", Hold: kiosk.Money{Minor: 5000, Currency: "EUR"}}
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	s, err := openPrices(ctx, c, j, noon, QuietLog())
	if err != nil {
		t.Fatal(err)
	}
	at := func(h int) time.Time { return noon.Add(time.Duration(h) * time.Hour) }
	order := func(price string, from *time.Time, taken time.Time, more string) error {
		in := kiosk.Instruction{ID: "I" + price, Do: kiosk.TaskTariff, Issued: taken, Tariff: energyAt(t, price, more),
			From: from}
		report, holds, err := s.order(in, taken)
		if err != nil {
			return err
		}
		holds()
		e, err := session.Event{Kind: session.InstructionDone, At: taken,
			Body: session.InstructionBody{Instruction: in, Report: report}}.Entry()
		if err != nil {
			t.Fatal(err)
		}
		return j.Append(ctx, e)
	}
	midnight, evening := at(-12), at(8)
	for _, o := range []struct {
		price string
		from  *time.Time
		taken time.Time
	}{{"0.59", nil, at(0)}, {"0.69", &evening, at(1)}, {"0.55", &midnight, at(2)}} {
		if err := order(o.price, o.from, o.taken, ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, more := range []string{`,"min_price":{"before_taxes":49}`, `,"start_date_time":"2027-01-01T00:00:00Z"`} {
		if err := order("0.50", nil, at(3), more); err == nil || !strings.Contains(err.Error(), "cannot sell") {
			t.Errorf("%s was taken: %v", more, err)
		}
	}
	check := func(when string) {
		t.Helper()
		// nothing is before noon: the journal knows better
		for hours, want := range map[int]string{-40: "0.59", 0: "0.59", 1: "0.59", 2: "0.55", 7: "0.55", 8: "0.69",
			900: "0.69"} {
			if got, _ := s.Prices(at(hours)); got.Highest(tariff.Energy).FloatString(2) != want {
				t.Errorf("%s: at %v is sold by %s, want %s", when, at(hours), got.Highest(tariff.Energy).FloatString(2),
					want)
			}
		}
	}
	check("at once")
	s, err = openPrices(ctx, c, j, noon, QuietLog())
	if err != nil {
		t.Fatal(err)
	}
	check("after a restart")
	changed, err := tariff.Parse(energyAt(t, "0.45", ""))
	if err != nil {
		t.Fatal(err)
	}
	c.Tariff = changed // the host has the last word
	s, err = openPrices(ctx, c, j, noon, QuietLog())
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := s.Prices(at(9)); got.Highest(tariff.Energy).FloatString(2) != "0.45" {
		t.Errorf("the host's new price is not sold by, but %s", got.Highest(tariff.Energy).FloatString(2))
	}
}
