package tariff_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/strict"
	"kioskd/tariff"
)

// session is a usage that began on a Monday at noon, in Berlin: each stretch is an hour.
func session(t *testing.T, states ...tariff.Period) (tariff.Usage, time.Time) {
	t.Helper()
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, berlin(t))
	u := tariff.Usage{Start: at}
	for _, p := range states {
		p.Start = at
		u.Periods = append(u.Periods, p)
		at = at.Add(time.Hour)
	}
	u.End = at
	return u, at
}

func charging(wh int64) tariff.Period {
	return tariff.Period{State: tariff.Charging, Energy: kiosk.Energy(wh)}
}

// TestOneRowATaxRate: prices with the same rate share a row of taxes, whatever their dimension; prices with the same
// amount and another rate, or none, have lines of their own.
func TestOneRowATaxRate(t *testing.T) {
	parts := func(all ...string) string {
		return `{"currency":"EUR","tax_included":"NO","elements":[` + strings.Join(all, ",") + `]}`
	}
	until1 := `"max_kwh":1`
	for _, c := range []struct {
		name, tariff, taxes, lines string
	}{
		{"three dimensions, two rates", parts(`{"price_components":[{"type":"FLAT","price":1,"vat":19},` +
			`{"type":"ENERGY","price":0.50,"vat":7},{"type":"TIME","price":2,"vat":19}]}`),
			"19 0.57, 7 0.07", "FLAT 1 1, ENERGY 0.5 2, TIME 2 1"},
		{"the same price at two rates", parts(of("ENERGY", `"price":0.50,"vat":19`, until1),
			of("ENERGY", `"price":0.50,"vat":7`)), "19 0.10, 7 0.04", "ENERGY 0.5 1, ENERGY 0.5 1"},
		{"with and without a rate", parts(of("ENERGY", `"price":0.50,"vat":19`, until1),
			of("ENERGY", `"price":0.50`)), "19 0.10", "ENERGY 0.5 1, ENERGY 0.5 1"},
		{"without and with a rate", parts(of("ENERGY", `"price":0.50`, until1),
			of("ENERGY", `"price":0.50,"vat":19`)), "19 0.10", "ENERGY 0.5 1, ENERGY 0.5 1"},
		{"twice the same", parts(of("ENERGY", `"price":0.50,"vat":19`, until1),
			of("ENERGY", `"price":0.50,"vat":19`)), "19 0.19", "ENERGY 0.5 2"},
		{"twice without a rate", parts(of("ENERGY", `"price":0.50`, until1), of("ENERGY", `"price":0.50`)), "",
			"ENERGY 0.5 2"},
	} {
		u, _ := session(t, charging(2000))
		cost, err := parse(t, c.tariff).Calculate(u, berlin(t))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		var taxes, lines []string
		for _, x := range cost.Taxes {
			taxes = append(taxes, fmt.Sprintf("%s %s", x.Rate.RatString(), x.Amount.Decimal()))
		}
		for _, l := range cost.Lines {
			lines = append(lines, fmt.Sprintf("%s %s %s", l.Dimension, tariff.Digits(l.Price, 0, 4),
				tariff.Digits(l.Volume, 0, 4)))
		}
		if got := strings.Join(taxes, ", "); got != c.taxes {
			t.Errorf("%s: taxes %s, want %s", c.name, got, c.taxes)
		}
		if got := strings.Join(lines, ", "); got != c.lines {
			t.Errorf("%s: lines %s, want %s", c.name, got, c.lines)
		}
	}
}

// TestAStepIsOfEnergyThatFlowed: what is rounded up is charged at the price of the last energy, not of a stretch at
// another price in which none flowed; and what changes nothing that is paid splits nothing.
func TestAStepIsOfEnergyThatFlowed(t *testing.T) {
	u, _ := session(t, charging(300), charging(0))
	later := `{"currency":"EUR","tax_included":"NO","elements":[` +
		of("ENERGY", `"price":0.50,"step_size":1000`, `"end_time":"13:00"`) + "," +
		of("ENERGY", `"price":0.10,"step_size":1000`) + `]}`
	cost, err := parse(t, later).Calculate(u, berlin(t))
	if err != nil || cost.AfterTaxes.Minor != 50 || len(cost.Lines) != 1 {
		t.Errorf("%+v, %v", cost, err)
	}
	idle := `{"currency":"EUR","tax_included":"NO","elements":[` + of("ENERGY", `"price":0.50`) + "," +
		of("ENERGY", `"price":0.10`, `"start_time":"12:30"`) + `]}`
	u, _ = session(t, charging(300))
	cost, err = parse(t, idle).Calculate(u, berlin(t))
	if err != nil || len(cost.Slices) != 1 || cost.Split {
		t.Errorf("what is never paid splits a period: %+v, %v", cost, err)
	}
}

// TestWhenAPriceMayChange: at the times that a tariff names, at midnight where it names days or one end of a time,
// and at no other.
func TestWhenAPriceMayChange(t *testing.T) {
	for _, c := range []struct{ restrictions, at, want string }{
		{`"start_time":"22:00","end_time":"06:00"`, "03-02 10:00", "03-02 22:00"},
		{`"start_time":"22:00","end_time":"06:00"`, "03-02 23:00", "03-03 06:00"},
		{`"start_time":"00:00","end_time":"06:00"`, "03-02 22:00", "03-03 00:00"},
		{`"start_time":"22:00"`, "03-02 23:00", "03-03 00:00"},
		{`"end_time":"06:00"`, "03-02 23:00", "03-03 00:00"},
		{`"day_of_week":["SUNDAY"]`, "03-02 10:00", "03-03 00:00"},
		{`"start_date":"2026-04-01"`, "03-02 10:00", "03-03 00:00"},
		{`"end_date":"2026-04-01"`, "03-02 10:00", "03-03 00:00"},
		{`"min_kwh":3`, "03-02 10:00", "01-01 00:00"},
	} {
		tf := parse(t, `{"currency":"EUR","elements":[`+of("ENERGY", `"price":1`, c.restrictions)+`]}`)
		at, err := time.ParseInLocation("2006-01-02 15:04", "2026-"+c.at, berlin(t))
		if err != nil {
			t.Fatal(err)
		}
		if got := tf.NextBoundary(at, berlin(t)).Format("01-02 15:04"); got != c.want {
			t.Errorf("%s: after %s comes %s, want %s", c.restrictions, c.at, got, c.want)
		}
	}
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, berlin(t))
	tf := parse(t, `{"currency":"EUR","elements":[`+of("ENERGY", `"price":1`, `"end_time":"00:00"`)+`]}`)
	if got := tf.PricesAt(noon, berlin(t), 0); len(got) != 1 {
		t.Errorf("until 00:00 is not until the end of the day: %v", got)
	}
}

// TestWhereAMistakeIs: the right one of many elements is named, and a list of numbers is no decimal comma.
func TestWhereAMistakeIs(t *testing.T) {
	good := of("ENERGY", `"price":0.49`)
	for _, c := range []struct{ text, before, what string }{
		{`{"currency":"EUR","elements":[` + good + "," + good + "," + of("ENERGY", `"price":-1`) + `]}`,
			`{"currency":"EUR","elements":[` + good + "," + good + `,{"price_components":[`, "price is negative"},
		{`{"numbers":[1,2],"currency":"EUR" "elements":[]}`, `{"numbers":[1,2],"currency":"EUR" `, ""},
		{`{"numbers":[1,2],"min_price":{"before_taxes":0,49}}`, `{"numbers":[1,2],"min_price":{"before_taxes":`,
			"decimal comma"},
	} {
		_, err := tariff.Parse([]byte(c.text))
		var at *strict.PlaceError
		if !errors.As(err, &at) || at.Offset != len(c.before) || !strings.Contains(err.Error(), c.what) {
			t.Errorf("%s: %v, %+v, want %q at %d", c.text, err, at, c.what, len(c.before))
		}
	}
}

// TestWhatWouldBeFree says when, and what not every meter can tell is refused by either bound.
func TestWhatWouldBeFree(t *testing.T) {
	home := tariff.Site{Currency: "EUR", MaxPowerW: 22000, KnowsParking: true, HoldMinor: 5000}
	for _, c := range []struct{ elements, want string }{
		{of("ENERGY", `"price":0.49`, `"max_duration":5400`), "90 min after the start"},
		{of("ENERGY", `"price":0.49`, `"max_current":16`) + "," + of("ENERGY", `"price":0.59`), "depends on current"},
		{of("ENERGY", `"price":0.49`, `"min_current":16`) + "," + of("ENERGY", `"price":0.59`), "depends on current"},
		{of("ENERGY", `"price":0.49`, `"max_current":95`) + "," + of("ENERGY", `"price":0`), "cost nothing"},
	} {
		problems := fmt.Sprint(parse(t, priced(c.elements)).Check(home))
		if !strings.Contains(problems, c.want) {
			t.Errorf("%s: %s, want %q", c.elements, problems, c.want)
		}
	}
}
