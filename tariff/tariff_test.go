package tariff_test

import (
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/tariff"
)

func parse(t testing.TB, text string) *tariff.Tariff {
	t.Helper()
	tf, err := tariff.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return tf
}

func berlin(t testing.TB) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestWorkedExamples(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.json")
	if len(files) != 10 {
		t.Fatalf("found %d examples, want 10", len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			var c struct {
				Timezone string
				Tariff   json.RawMessage
				Usage    tariff.Usage
				Exact    struct {
					Before *tariff.Decimal `json:"before_taxes"`
					After  *tariff.Decimal `json:"after_taxes"`
				} `json:"total_cost_exact"`
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(data, &c); err != nil {
				t.Fatal(err)
			}
			loc, err := time.LoadLocation(c.Timezone)
			if err != nil {
				t.Fatal(err)
			}
			got, err := parse(t, string(c.Tariff)).Calculate(c.Usage, loc)
			if err != nil {
				t.Fatal(err)
			}
			check := func(name string, got *big.Rat, want *tariff.Decimal) {
				if want == nil {
					return
				}
				if got == nil || got.Cmp(&want.Rat) != 0 {
					t.Errorf("%s is %v, want %s", name, got, want.FloatString(6))
				}
			}
			check("before taxes", got.ExactBefore, c.Exact.Before)
			check("after taxes", got.ExactAfter, c.Exact.After)
			if got.BeforeTaxes != nil {
				sum := got.BeforeTaxes.Minor
				for _, tax := range got.Taxes {
					sum += tax.Amount.Minor
				}
				if sum != got.AfterTaxes.Minor {
					t.Errorf("net and taxes add up to %d, want %d", sum, got.AfterTaxes.Minor)
				}
			}
		})
	}
}

// energyOnly is 0.49 a kWh gross with 19 % included.
const energyOnly = `{"id":"t","currency":"EUR","tax_included":"YES",` +
	`"elements":[{"price_components":[{"type":"ENERGY","price":0.49,"vat":19,"step_size":1}]}]}`

func TestRounding(t *testing.T) {
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		wh                 int64
		after, before, tax int64
	}{
		{18432, 903, 759, 144}, // 9.03168
		{1, 0, 0, 0},
		{10, 0, 0, 0},
		{11, 1, 1, 0},        // 0.00539 is half a cent and more
		{102041, 5000, 0, 0}, // 50.00009
	} {
		cost, err := parse(t, energyOnly).Calculate(tariff.Usage{Start: start, End: start.Add(time.Hour),
			Periods: []tariff.Period{{Start: start, State: tariff.Charging, Energy: 1 * energy(c.wh)}}}, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		if cost.AfterTaxes.Minor != c.after {
			t.Errorf("%d Wh cost %d, want %d", c.wh, cost.AfterTaxes.Minor, c.after)
		}
		if c.before+c.tax > 0 && (cost.BeforeTaxes.Minor != c.before || cost.Taxes[0].Amount.Minor != c.tax) {
			t.Errorf("%d Wh: net %d and tax %d, want %d and %d", c.wh, cost.BeforeTaxes.Minor,
				cost.Taxes[0].Amount.Minor,
				c.before, c.tax)
		}
	}
}

func TestRestrictions(t *testing.T) {
	loc := berlin(t)
	for _, c := range []struct {
		name, elements, start string
		hours                 int
		wh                    int64
		want                  string
	}{
		{"a second price from 20 kWh on",
			`{"price_components":[{"type":"ENERGY","price":0.5}],"restrictions":{"max_kwh":20}},` +
				`{"price_components":[{"type":"ENERGY","price":0.4}]}`,
			"2026-03-02T09:00:00+01:00", 1, 30000, "14.000000"},
		{"free for an hour", `{"price_components":[{"type":"TIME","price":6}],"restrictions":{"min_duration":3600}}`,
			"2026-03-02T09:00:00+01:00", 3, 0, "12.000000"},
		{"night wraps midnight",
			`{"price_components":[{"type":"TIME","price":1}],"restrictions":{"start_time":"22:00","end_time":"06:00"}}`,
			"2026-03-02T20:00:00+01:00", 12, 0, "8.000000"},
		{"the night of 23 hours is an hour shorter",
			`{"price_components":[{"type":"TIME","price":1}],"restrictions":{"start_time":"00:00","end_time":"06:00"}}`,
			"2026-03-29T00:00:00+01:00", 12, 0, "5.000000"},
		{"the night of 25 hours is an hour longer",
			`{"price_components":[{"type":"TIME","price":1}],"restrictions":{"start_time":"00:00","end_time":"06:00"}}`,
			"2026-10-25T00:00:00+02:00", 12, 0, "7.000000"},
		{"an hour that the clock shows twice is cheap twice",
			`{"price_components":[{"type":"ENERGY","price":0.2}],"restrictions":{"start_time":"02:00",` +
				`"end_time":"03:00"}},{"price_components":[{"type":"ENERGY","price":0.5}]}`,
			"2026-10-25T01:00:00+02:00", 4, 40000, "14.000000"},
		{"an hour that the clock leaves out is cheap never",
			`{"price_components":[{"type":"ENERGY","price":0.2}],"restrictions":{"start_time":"02:00",` +
				`"end_time":"03:00"}},{"price_components":[{"type":"ENERGY","price":0.5}]}`,
			"2026-03-29T01:00:00+01:00", 3, 30000, "15.000000"},
		{"half past two comes twice",
			`{"price_components":[{"type":"TIME","price":1}],"restrictions":{"start_time":"02:30","end_time":"04:00"}}`,
			"2026-10-25T00:00:00+02:00", 6, 0, "2.000000"},
		{"half past two is left out",
			`{"price_components":[{"type":"TIME","price":1}],"restrictions":{"start_time":"02:30","end_time":"04:00"}}`,
			"2026-03-29T00:00:00+01:00", 6, 0, "1.000000"},
		{"a step is ended although what follows is free",
			`{"price_components":[{"type":"TIME","price":1,"step_size":900}],"restrictions":{"max_duration":2000}}`,
			"2026-03-02T09:00:00+01:00", 1, 0, "0.750000"},
		{"cheap until four, from midnight on",
			`{"price_components":[{"type":"ENERGY","price":0.2}],"restrictions":{"end_time":"04:00"}},` +
				`{"price_components":[{"type":"ENERGY","price":0.5}]}`,
			"2026-03-02T20:00:00+01:00", 10, 10000, "3.800000"},
		{"dear from ten on, until midnight",
			`{"price_components":[{"type":"ENERGY","price":0.5}],"restrictions":{"start_time":"22:00"}},` +
				`{"price_components":[{"type":"ENERGY","price":0.2}]}`,
			"2026-03-02T20:00:00+01:00", 10, 10000, "2.600000"},
		{"the end date is not included",
			`{"price_components":[{"type":"TIME","price":1}],"restrictions":{"end_date":"2026-03-03"}}`,
			"2026-03-02T20:00:00+01:00", 12, 0, "4.000000"},
		{"Sunday only", `{"price_components":[{"type":"TIME","price":1}],"restrictions":{"day_of_week":["SUNDAY"]}}`,
			"2026-02-28T12:00:00+01:00", 48, 0, "24.000000"},
		{"above 11 kW", `{"price_components":[{"type":"ENERGY","price":1}],"restrictions":{"min_power":11}}`,
			"2026-02-28T12:00:00+01:00", 1, 11000, "11.000000"},
		{"below 11 kW", `{"price_components":[{"type":"ENERGY","price":1}],"restrictions":{"min_power":11}}`,
			"2026-02-28T12:00:00+01:00", 1, 10999, "0.000000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			start, err := time.Parse(time.RFC3339, c.start)
			if err != nil {
				t.Fatal(err)
			}
			tf := parse(t, `{"currency":"EUR","elements":[`+c.elements+`]}`)
			cost, err := tf.Calculate(tariff.Usage{Start: start, End: start.Add(time.Duration(c.hours) * time.Hour),
				Periods: []tariff.Period{{Start: start, State: tariff.Charging, Energy: energy(c.wh)}}}, loc)
			if err != nil {
				t.Fatal(err)
			}
			if got := cost.ExactAfter.FloatString(6); got != c.want {
				t.Errorf("cost %s, want %s", got, c.want)
			}
		})
	}
}

func TestLimitsKeepTheTaxShare(t *testing.T) {
	tf := parse(t,
		`{"currency":"EUR","tax_included":"NO","max_price":{"after_taxes":11.9},`+
			`"elements":[{"price_components":[{"type":"ENERGY","price":1,"vat":19}]}]}`)
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	cost, err := tf.Calculate(tariff.Usage{Start: start, End: start.Add(time.Hour),
		Periods: []tariff.Period{{Start: start, State: tariff.Charging, Energy: 50000}}}, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	if cost.AfterTaxes.Minor != 1190 || cost.BeforeTaxes.Minor != 1000 || cost.Taxes[0].Amount.Minor != 190 ||
		cost.Limited != "max_price" {
		t.Errorf("got %v, %v, %v, %q", cost.AfterTaxes, cost.BeforeTaxes, cost.Taxes, cost.Limited)
	}
}

func TestLinesAddUp(t *testing.T) {
	tf := parse(t,
		`{"currency":"EUR","tax_included":"NO","elements":[{"price_components":[{"type":"ENERGY","price":0.333,`+
			`"vat":19},{"type":"TIME","price":0.777,"vat":7},{"type":"FLAT","price":0.335,"vat":19}]}]}`)
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for wh := int64(1); wh < 3000; wh += 37 {
		cost, err := tf.Calculate(tariff.Usage{Start: start, End: start.Add(time.Duration(wh) * time.Second),
			Periods: []tariff.Period{{Start: start, State: tariff.Charging, Energy: energy(wh)}}}, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		sum := int64(0)
		for _, m := range tf.LineAmounts(cost) {
			sum += m.Minor
		}
		if sum != cost.AfterTaxes.Minor {
			t.Fatalf("%d Wh: lines add up to %d, want %d", wh, sum, cost.AfterTaxes.Minor)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{"currency":"EUR","elements":[{"price_components":[{"type":"ENERGIE",` +
			`"price":1}]}]}`: `type "ENERGIE" is unknown`,
		`{"currency":"EUR","elements":[{"price_components":[{"type":"ENERGY"}]}]}`: "price is missing",
		`{"currency":"EUR","elements":[{"price_components":[{"type":"ENERGY",` +
			`"price":-1}]}]}`: "price is negative",
		`{"currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":1}],` +
			`"restrictions":{"min_kw":1}}]}`: `unknown field "min_kw"`,
		`{"currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":1}],` +
			`"restrictions":{"start_time":"25:00"}}]}`: "not a time",
		`{"currency":"EUR","elements":[{"price_components":[{"type":"FLAT","price":1}],` +
			`"restrictions":{"reservation":"RESERVATION"}}]}`: "no reservations",
		`{"currency":"EUR","elements":[]}`:                                                   "elements is empty",
		`{"elements":[{"price_components":[{"type":"FLAT","price":1}]}]}`:                    "currency is missing",
		`{"currency":"EUR","elements":[{"price_components":[]}]} {}`:                         "something follows",
		`{"currency":"EUR","elements":[{"price_components":[{"type":"FLAT","price":1e9}]}]}`: "plain decimal",
	} {
		if _, err := tariff.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	site := tariff.Site{Currency: "EUR", MaxPowerW: 22000, EU: true, KnowsParking: true, HoldMinor: 5000,
		CurrentMeters: true}
	fast, blind, noHold := site, site, site
	fast.MaxPowerW, blind.KnowsParking, noHold.HoldMinor = 150_000, false, 0
	taxed := site
	taxed.NamesTax = true
	for _, c := range []struct {
		name, tariff string
		site         tariff.Site
		want         string
	}{
		{"good", energyOnly, site, ""},
		{"currency", strings.Replace(energyOnly, "EUR", "CHF", 1), site, "the terminal sells in EUR"},
		{"unknown currency", strings.Replace(energyOnly, "EUR", "XXX", 1), site, "not a currency"},
		{"a minute at 150 kW", `{"currency":"EUR","elements":[{"price_components":[{"type":"TIME","price":1}]}]}`, fast,
			"AFIR"},
		{"parking not known",
			`{"currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.4},` +
				`{"type":"PARKING_TIME","price":1}]}]}`, blind, "inputs.requesting"},
		{"no hold", energyOnly, noHold, "no cap"},
		{"never reached",
			`{"currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":1}]},` +
				`{"price_components":[{"type":"ENERGY","price":2}],"restrictions":{"start_time":"17:00",` +
				`"end_time":"20:00"}}]}`, site, "can never apply"},
		{"nothing to pay", `{"currency":"EUR","elements":[{"price_components":[{"type":"FLAT","price":1}]}]}`, site,
			"would cost nothing (always)"},
		{"a price of zero", `{"currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0}]}]}`, site,
			"would cost nothing"},
		{"a gap at night",
			`{"currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.4}],` +
				`"restrictions":{"start_time":"06:00","end_time":"22:00"}}]}`, site,
			"would cost nothing (on Monday, 2026-01-05 at 00:00"},
		{"a gap on Sunday",
			`{"currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.4}],` +
				`"restrictions":{"day_of_week":["MONDAY","TUESDAY","WEDNESDAY","THURSDAY","FRIDAY","SATURDAY"]}}]}`,
			site,
			"Sunday"},
		{"a gap after a date",
			`{"currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.4}],` +
				`"restrictions":{"end_date":"2027-01-01"}}]}`, site, "would cost nothing"},
		{"the first minutes free",
			`{"currency":"EUR","elements":[{"price_components":[{"type":"TIME","price":6}],` +
				`"restrictions":{"min_duration":600}}]}`, site, "would cost nothing"},
		{"energy that is never",
			`{"currency":"EUR","elements":[{"price_components":[{"type":"FLAT","price":1}],` +
				`"restrictions":{"min_duration":600,"max_duration":540}},{"price_components":[{"type":"ENERGY",` +
				`"price":0.4}]}]}`, site, "min_duration is not below max_duration"},
		{"dates the wrong way round",
			`{"currency":"EUR","elements":[{"price_components":[{"type":"FLAT","price":1}],` +
				`"restrictions":{"start_date":"2027-01-01","end_date":"2026-01-01"}},` +
				`{"price_components":[{"type":"ENERGY","price":0.4}]}]}`, site, "start_date is not before end_date"},
		{"a minimum", strings.Replace(energyOnly, `"currency"`, `"min_price":{"after_taxes":7.5},"currency"`, 1), site,
			"no minimum"},
		{"a hold of its own", strings.Replace(energyOnly, `"currency"`, `"preauthorize_amount":20,"currency"`, 1), site,
			"terminal.hold"},
		{"over", strings.Replace(energyOnly, `"currency"`, `"end_date_time":"2019-01-01T00:00:00Z","currency"`, 1),
			site,
			"end_date_time"},
		{"cheaper from 20 kWh on",
			`{"currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.4}],` +
				`"restrictions":{"min_kwh":20}},{"price_components":[{"type":"ENERGY","price":0.5}]}]}`, site,
			"depends on energy"},
		{"by power",
			`{"currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.4}],` +
				`"restrictions":{"max_power":11}},{"price_components":[{"type":"ENERGY","price":0.5}]}]}`, site,
			"depends on power"},
		{"by seconds",
			`{"currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.5}]},` +
				`{"price_components":[{"type":"PARKING_TIME","price":6}],"restrictions":{"min_duration":90}}]}`, site,
			"whole minutes"},
		{"by time and age",
			`{"currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.5}]},` +
				`{"price_components":[{"type":"PARKING_TIME","price":6}],"restrictions":{"min_duration":600,` +
				`"start_time":"08:00","end_time":"20:00"}}]}`, site, "the screen can say one of them"},
		{"a step of 10 kWh",
			`{"currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.49,"step_size":10000}]}]}`,
			site, "step_size is 10000 Wh"},
		{"a step of a quarter of an hour",
			`{"currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.49},` +
				`{"type":"PARKING_TIME","price":6,"step_size":900}]}]}`, site, "step_size is 900 s"},
		{"started minutes",
			`{"currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.49},` +
				`{"type":"PARKING_TIME","price":6,"step_size":60}]}]}`, site, ""},
		{"above the hold",
			`{"currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.49},{"type":"FLAT",` +
				`"price":60}]}]}`, site, "more than the hold of 50.00"},
		{"a tax without a name",
			`{"currency":"EUR","tax_included":"YES","elements":[{"price_components":[{"type":"ENERGY",` +
				`"price":0.49}]}]}`, taxed, "does not say which"},
	} {
		problems := parse(t, c.tariff).Check(c.site)
		if c.want == "" {
			if len(problems) > 0 {
				t.Errorf("%s: %v", c.name, problems)
			}
			continue
		}
		if len(problems) != 1 || !strings.Contains(problems[0].String(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, problems, c.want)
		}
	}
}

// TestNextBoundaryWhenClocksChange: by the local clock the boundary comes twice, or with the change.
func TestNextBoundaryWhenClocksChange(t *testing.T) {
	loc := berlin(t)
	tf := parse(t,
		`{"currency":"EUR","elements":[{"price_components":[{"type":"TIME","price":1}],`+
			`"restrictions":{"start_time":"02:30","end_time":"04:00"}}]}`)
	for start, want := range map[string][]string{
		"2026-10-25T00:00:00Z": {"2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z",
			"2026-10-25T03:00:00Z"},
		"2026-03-29T00:00:00Z": {"2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"},
	} {
		at, err := time.Parse(time.RFC3339, start)
		if err != nil {
			t.Fatal(err)
		}
		for _, next := range want {
			at = tf.NextBoundary(at, loc)
			if at.UTC().Format(time.RFC3339) != next {
				t.Errorf("from %s on: %v, want %s", start, at.UTC(), next)
			}
		}
	}
}

func TestNextBoundary(t *testing.T) {
	loc := berlin(t)
	tf := parse(t,
		`{"currency":"EUR","elements":[{"price_components":[{"type":"TIME","price":1}],`+
			`"restrictions":{"start_time":"17:00","end_time":"20:00"}}]}`)
	at := time.Date(2026, 3, 2, 17, 0, 0, 0, loc)
	if got := tf.NextBoundary(at, loc); !got.Equal(at.Add(3 * time.Hour)) {
		t.Errorf("after 17:00 the next boundary is %v, want 20:00", got)
	}
	if got := parse(t, energyOnly).NextBoundary(at, loc); !got.IsZero() {
		t.Errorf("a tariff without times has a boundary at %v", got)
	}
}

func FuzzCalculate(f *testing.F) {
	f.Add(energyOnly, int64(18432), int64(3600))
	for _, file := range []string{"complex-monday", "switch-1", "kwh-min-applies"} {
		data, err := os.ReadFile("testdata/" + file + ".json")
		if err != nil {
			f.Fatal(err)
		}
		var c struct{ Tariff json.RawMessage }
		if err := json.Unmarshal(data, &c); err != nil {
			f.Fatal(err)
		}
		f.Add(string(c.Tariff), int64(1000), int64(60))
	}
	f.Fuzz(func(t *testing.T, text string, wh, seconds int64) {
		tf, err := tariff.Parse([]byte(text))
		if err != nil {
			return
		}
		start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
		current := new(tariff.Decimal)
		current.SetInt64(16)
		cost, err := tf.Calculate(tariff.Usage{Start: start,
			End: start.Add(time.Duration(seconds%200000) * time.Second),
			Periods: []tariff.Period{{Start: start, State: tariff.Charging, Energy: energy(wh % 1e9),
				Current: current}}}, time.UTC)
		if err == nil && cost.AfterTaxes.Minor < 0 {
			t.Errorf("the driver would be paid %v", cost.AfterTaxes)
		}
	})
}

func energy(wh int64) kiosk.Energy { return kiosk.Energy(wh) }
