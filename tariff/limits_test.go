package tariff_test

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"kioskd/strict"
	"kioskd/tariff"
)

// priced is a tariff of elements, in JSON.
func priced(elements string) string { return `{"currency":"EUR","elements":[` + elements + `]}` }

// of is a component and, where there are any, restrictions.
func of(dimension, rest string, restrictions ...string) string {
	out := fmt.Sprintf(`{"price_components":[{"type":%q,%s}]`, dimension, rest)
	for _, r := range restrictions {
		out += `,"restrictions":{` + r + `}`
	}
	return out + "}"
}

// TestHowMuchIsRefused: what is refused begins exactly where it is said to.
func TestHowMuchIsRefused(t *testing.T) {
	home := tariff.Site{Currency: "EUR", MaxPowerW: 22000, KnowsParking: true, HoldMinor: 5000, CurrentMeters: true}
	eu := home
	eu.EU = true
	energy := of("ENERGY", `"price":0.49`)
	for _, c := range []struct {
		name, elements string
		site           func(*tariff.Site)
		want           []string
	}{
		{"a price a minute below 50 kW", of("TIME", `"price":6`), func(s *tariff.Site) {
			s.EU, s.MaxPowerW = true, 49_999
		}, nil},
		{"a price a minute at 50 kW", of("TIME", `"price":6`), func(s *tariff.Site) {
			s.EU, s.MaxPowerW = true, 50_000
		}, []string{"AFIR"}},
		{"elsewhere", of("TIME", `"price":6`), func(s *tariff.Site) { s.MaxPowerW = 50_000 }, nil},
		{"a time that costs nothing", energy + "," + of("TIME", `"price":0`),
			func(s *tariff.Site) { s.EU, s.MaxPowerW = true, 50_000 }, nil},
		{"parking that costs nothing", energy + "," + of("PARKING_TIME", `"price":0`),
			func(s *tariff.Site) { s.KnowsParking = false }, nil},
		{"two watt-hours at once in the EU", of("ENERGY", `"price":0.49,"step_size":2`),
			func(s *tariff.Site) { s.EU = true },
			[]string{"step_size is 2 Wh: energy is sold in the EU as it is measured"}},
		{"51 Wh at once cost 2 cents", of("ENERGY", `"price":0.49,"step_size":51`), nil, nil}, // 0.02499
		{"52 Wh at once cost 3", of("ENERGY", `"price":0.49,"step_size":52`), nil,
			[]string{"step_size is 52 Wh, which costs 0.03"}},
		{"one that is dear", of("ENERGY", `"price":49`), nil, nil}, // a watt-hour is the least
		{"74 s at once cost 2 cents", energy + "," + of("PARKING_TIME", `"price":1.2,"step_size":74`), nil, nil},
		{"75 s at once cost 3", energy + "," + of("PARKING_TIME", `"price":1.2,"step_size":75`), nil,
			[]string{"step_size is 75 s, which costs 0.03"}},
		{"a minute at once", energy + "," + of("PARKING_TIME", `"price":60,"step_size":60`), nil, nil},
		{"a little more", energy + "," + of("PARKING_TIME", `"price":60,"step_size":61`), nil,
			[]string{"step_size is 61 s"}},
		{"a session has no step", energy + "," + of("FLAT", `"price":1,"step_size":900`), nil, nil},
		{"a session that costs the hold", energy + "," + of("FLAT", `"price":50`), nil, nil},
		{"and a cent more", energy + "," + of("FLAT", `"price":50.01`), nil,
			[]string{"one unit costs 50.01, more than the hold of 50.00"}},
		{"a minute that costs the hold", energy + "," + of("PARKING_TIME", `"price":3000`), nil, nil},
		{"and more", energy + "," + of("PARKING_TIME", `"price":3001`), nil, []string{"one unit costs 50.02"}},
		{"no hold, and nothing to pay", of("ENERGY", `"price":0`), func(s *tariff.Site) { s.HoldMinor = 0 },
			[]string{"would cost nothing"}},
		{"no hold, and a flat price", energy + "," + of("FLAT", `"price":1`),
			func(s *tariff.Site) { s.HoldMinor = 0 }, []string{"no cap"}},
		{"no currency of the terminal's", energy, func(s *tariff.Site) { s.Currency = "" }, nil},
		{"by current, and meters that do not measure it", of("ENERGY", `"price":0.4`, `"max_current":16`) + "," +
			energy,
			func(s *tariff.Site) { s.CurrentMeters = false }, []string{"which not every meter",
				"depends on power or current"}},
		{"the same restrictions twice", of("ENERGY", `"price":0.4`, `"start_time":"08:00"`) + "," + of("ENERGY",
			`"price":0.3`, `"start_time":"08:00"`) +
			"," + energy, nil, []string{"can never apply: elements[0]"}},
		{"others", of("ENERGY", `"price":0.4`, `"start_time":"08:00"`) + "," + of("ENERGY", `"price":0.3`,
			`"start_time":"07:00"`) + "," + energy, nil, nil},
		{"another dimension", energy + "," + of("FLAT", `"price":1`), nil, nil},
		{"the same energy twice", of("ENERGY", `"price":0.4`, `"min_kwh":5,"max_kwh":5`) + "," + energy, nil,
			[]string{"min_kwh is not below max_kwh", "depends on energy"}},
		{"no energy", of("ENERGY", `"price":0.4`, `"max_kwh":0`) + "," + energy, nil,
			[]string{"max_kwh is not above zero", "depends on energy"}},
		{"no power", of("ENERGY", `"price":0.4`, `"max_power":0`) + "," + energy, nil,
			[]string{"max_power is not above zero", "depends on power"}},
		{"a duration of none", of("FLAT", `"price":1`, `"min_duration":600,"max_duration":600`) + "," + energy, nil,
			[]string{"min_duration is not below max_duration"}},
		{"no duration", of("FLAT", `"price":1`, `"max_duration":0`) + "," + energy, nil,
			[]string{"max_duration is not above zero"}},
		{"a short one", of("FLAT", `"price":1`, `"max_duration":60`) + "," + energy, nil, nil},
		{"one day that is none", of("FLAT", `"price":1`, `"start_date":"2027-01-01","end_date":"2027-01-01"`) + "," +
			energy, nil,
			[]string{"start_date is not before end_date"}},
	} {
		s := home
		if c.site != nil {
			c.site(&s)
		}
		got := parse(t, priced(c.elements)).Check(s)
		if len(got) != len(c.want) {
			t.Errorf("%s: %v, want %q", c.name, got, c.want)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(got[i].String(), want) {
				t.Errorf("%s: %v, want %q", c.name, got[i], want)
			}
		}
	}
}

// TestTheTaxThatIsNotNamed matters where a price is above zero and includes one.
func TestTheTaxThatIsNotNamed(t *testing.T) {
	for text, want := range map[string]bool{
		`{"currency":"EUR","tax_included":"YES","elements":[{"price_components":[{"type":"ENERGY",` +
			`"price":0.49}]}]}`: false,
		`{"currency":"EUR","tax_included":"YES","elements":[{"price_components":[{"type":"ENERGY","price":0.49,` +
			`"vat":0}]}]}`: true,
		`{"currency":"EUR","tax_included":"YES","elements":[{"price_components":[{"type":"ENERGY","price":0.49,` +
			`"vat":19},{"type":"FLAT","price":0}]}]}`: true,
		`{"currency":"EUR","tax_included":"NO","elements":[{"price_components":[{"type":"ENERGY",` +
			`"price":0.49}]}]}`: true,
		`{"currency":"EUR","elements":[{"price_components":[{"type":"ENERGY",` +
			`"price":0.49}]}]}`: true,
	} {
		if got := parse(t, text).TaxKnown(); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

var nine = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC) // a Monday

// cost is what an hour of charging costs.
func cost(t *testing.T, text string, periods ...tariff.Period) *tariff.Cost {
	t.Helper()
	c, err := parse(t, text).Calculate(tariff.Usage{Start: nine, End: nine.Add(time.Hour), Periods: periods}, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func hour(wh int64) tariff.Period {
	return tariff.Period{Start: nine, State: tariff.Charging, Energy: energy(wh)}
}

// TestUsagesThatCannotBe are told, with the place.
func TestUsagesThatCannotBe(t *testing.T) {
	one := hour(1)
	later := one
	later.Start = nine.Add(time.Minute)
	wrong, negative := one, one
	wrong.State, negative.Energy = "driving", -1
	for _, c := range []struct {
		u    tariff.Usage
		want string
	}{
		{tariff.Usage{Start: nine, End: nine}, "no periods"},
		{tariff.Usage{Start: nine.Add(time.Second), End: nine.Add(time.Hour), Periods: []tariff.Period{one}},
			"periods[0] starts before"},
		{tariff.Usage{Start: nine, End: nine.Add(time.Hour), Periods: []tariff.Period{later, one}},
			"periods[1] starts before"},
		{tariff.Usage{Start: nine, End: nine.Add(time.Hour), Periods: []tariff.Period{one, wrong}},
			`periods[1].state is "driving"`},
		{tariff.Usage{Start: nine, End: nine.Add(time.Hour), Periods: []tariff.Period{negative}},
			"periods[0].energy_wh is negative"},
		{tariff.Usage{Start: nine, End: nine.Add(time.Second), Periods: []tariff.Period{one, later}},
			"end is before the last period"},
		{tariff.Usage{Start: nine, End: nine, Periods: []tariff.Period{one}}, ""},
		{tariff.Usage{Start: nine, End: nine.Add(time.Minute), Periods: []tariff.Period{one, later, later}}, ""},
	} {
		_, err := parse(t, energyOnly).Calculate(c.u, time.UTC)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// TestWhatNobodyTimedCostsTheLeast that it can have cost, tax included, at any time of day, day of the week or date.
func TestWhatNobodyTimedCostsTheLeast(t *testing.T) {
	night := of("ENERGY", `"price":0.2`, `"start_time":"22:00","end_time":"06:00"`)
	day := of("ENERGY", `"price":0.5`)
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"night and day":   {priced(night + "," + day), "0.200000"},
		"day only":        {priced(day), "0.500000"},
		"dearer at night": {priced(strings.Replace(night, "0.2", "0.9", 1) + "," + day), "0.500000"},
		"free at night": {priced(of("ENERGY", `"price":0.5`, `"start_time":"06:00","end_time":"22:00"`)),
			"0.000000"},
		"Sundays": {priced(of("ENERGY", `"price":0.3`, `"day_of_week":["SUNDAY"]`) + "," + day),
			"0.300000"},
		"until a date": {priced(of("ENERGY", `"price":0.3`, `"end_date":"2024-01-01"`) + "," + day),
			"0.300000"},
		"from a date on": {priced(of("ENERGY", `"price":0.3`, `"start_date":"2031-01-01"`) + "," + day),
			"0.300000"},
		"a Sunday in a far month": {priced(of("ENERGY", `"price":0.3`,
			`"start_date":"2031-01-01","end_date":"2031-01-08","day_of_week":["SUNDAY"]`) + "," + day), "0.300000"},
		"cheaper before tax only": {`{"currency":"EUR","tax_included":"NO","elements":[` +
			of("ENERGY", `"price":0.49,"vat":25`, `"start_time":"22:00","end_time":"06:00"`) + "," + of("ENERGY",
			`"price":0.5,"vat":19`) + `]}`, "0.595000"},
		"by energy, which is known": {priced(of("ENERGY", `"price":0.1`, `"min_kwh":20`) + "," + day), "0.500000"},
	} {
		p := hour(1000)
		p.AnyTime = true
		if got := cost(t, c.text, p).ExactAfter.FloatString(6); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestLimitsOfAPrice: a minimum and a maximum move what is reached; where one of two amounts is missing the tax
// keeps its share, and each rate bears its part.
func TestLimitsOfAPrice(t *testing.T) {
	text := func(limits string, components string) string {
		return `{"currency":"EUR","tax_included":"NO",` + limits + `"elements":[{"price_components":[` + components +
			`]}]}`
	}
	one := `{"type":"ENERGY","price":1,"vat":19}` // a kWh: 1.00 before, 1.19 after
	two := one + `,{"type":"FLAT","price":2,"vat":7}`
	for _, c := range []struct {
		name, limits, components string
		wh                       int64
		before, after, limited   string
		taxes                    []int64
	}{
		{"none", ``, one, 1000, "1.0000", "1.1900", "", []int64{19}},
		{"a minimum before taxes", `"min_price":{"before_taxes":2},`, one, 1000, "2.0000", "2.3800", "min_price",
			[]int64{38}},
		{"a minimum after taxes", `"min_price":{"after_taxes":2.38},`, one, 1000, "2.0000", "2.3800", "min_price",
			[]int64{38}},
		{"a minimum of both", `"min_price":{"before_taxes":2,"after_taxes":2.5},`, one, 1000, "2.0000", "2.5000",
			"min_price", []int64{50}},
		{"one that is reached exactly", `"min_price":{"before_taxes":1,"after_taxes":1.19},`, one, 1000, "1.0000",
			"1.1900", "", []int64{19}},
		{"of nothing", `"min_price":{"after_taxes":2.38},`, one, 0, "2.3800", "2.3800", "min_price", nil},
		{"a maximum before taxes", `"max_price":{"before_taxes":2},`, one, 4000, "2.0000", "2.3800", "max_price",
			[]int64{38}},
		{"a maximum after taxes", `"max_price":{"after_taxes":2.38},`, one, 4000, "2.0000", "2.3800", "max_price",
			[]int64{38}},
		{"one that is not passed", `"max_price":{"after_taxes":4.76},`, one, 4000, "4.0000", "4.7600", "", []int64{76}},
		{"two rates", ``, two, 1000, "3.0000", "3.3300", "", []int64{14, 19}},
		{"two rates, halved", `"max_price":{"after_taxes":1.665},`, two, 1000, "1.5000", "1.6650", "max_price",
			[]int64{7, 10}},
	} {
		got := cost(t, text(c.limits, c.components), hour(c.wh))
		if got.ExactBefore.FloatString(4) != c.before || got.ExactAfter.FloatString(4) != c.after ||
			got.Limited != c.limited {
			t.Errorf("%s: %s before and %s after taxes, %q, want %s and %s, %q", c.name, got.ExactBefore.FloatString(4),
				got.ExactAfter.FloatString(4), got.Limited, c.before, c.after, c.limited)
		}
		sum := int64(0)
		for i, tax := range got.Taxes {
			sum += tax.Amount.Minor
			if i < len(c.taxes) && tax.Amount.Minor != c.taxes[i] {
				t.Errorf("%s: tax of %s %% is %v, want %d", c.name, tax.Rate.RatString(), tax.Amount, c.taxes[i])
			}
		}
		if got.BeforeTaxes.Minor+sum != got.AfterTaxes.Minor || len(got.Taxes) != len(c.taxes) {
			t.Errorf("%s: %v and %d are not %v", c.name, got.BeforeTaxes, sum, got.AfterTaxes)
		}
	}
}

// TestPricesByPowerAndCurrent: what a reading says, else the mean; none flows while parked. A lower bound holds
// where it is reached, an upper one does not.
func TestPricesByPowerAndCurrent(t *testing.T) {
	watt := func(p tariff.Period, w int64) tariff.Period { p.Power = &w; return p }
	ampere := func(p tariff.Period, a int64) tariff.Period {
		p.Current = new(tariff.Decimal)
		p.Current.SetInt64(a)
		return p
	}
	fast := priced(of("ENERGY", `"price":1`, `"min_power":11`) + "," + of("ENERGY", `"price":0.5`))
	slow := priced(of("ENERGY", `"price":1`, `"max_power":11`) + "," + of("ENERGY", `"price":0.5`))
	strong := priced(of("ENERGY", `"price":1`, `"min_current":16`) + "," + of("ENERGY", `"price":0.5`))
	parked := priced(of("PARKING_TIME", `"price":1`, `"max_current":1`))
	still := tariff.Period{Start: nine, State: tariff.Parked}
	for _, c := range []struct {
		text   string
		period tariff.Period
		want   string
	}{
		{fast, watt(hour(1000), 11000), "1.000"}, {fast, watt(hour(1000), 10999), "0.500"}, {fast, hour(11000),
			"11.000"},
		{fast, hour(10999), "5.500"}, {slow, watt(hour(1000), 10999), "1.000"}, {slow, watt(hour(1000), 11000),
			"0.500"},
		{strong, ampere(hour(1000), 16), "1.000"}, {strong, ampere(hour(1000), 15), "0.500"},
		{parked, still, "1.000"}, {parked, ampere(still, 2), "0.000"},
	} {
		if got := cost(t, c.text, c.period).ExactAfter.FloatString(3); got != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
	_, err := parse(t, strong).Calculate(tariff.Usage{Start: nine, End: nine.Add(time.Hour),
		Periods: []tariff.Period{hour(1)}}, time.UTC)
	if err == nil || !strings.Contains(err.Error(), "periods[0]: current_a is missing") {
		t.Errorf("a current that was not measured: %v", err)
	}
	for text, want := range map[string]bool{fast: true, slow: true, strong: true, parked: true, energyOnly: false,
		priced(of("ENERGY", `"price":1`, `"min_kwh":11`)): false} {
		if got := parse(t, text).DependsOnPower(); got != want {
			t.Errorf("%s depends on power: %v", text, got)
		}
	}
}

// TestWhatATariffHas: prices above zero, and the highest of a dimension.
func TestWhatATariffHas(t *testing.T) {
	tf := parse(t, priced(of("ENERGY", `"price":0.4`, `"start_time":"08:00"`)+","+of("ENERGY", `"price":0.6`,
		`"start_time":"09:00"`)+","+
		of("ENERGY", `"price":0.5`)+","+of("TIME", `"price":0`)))
	for d, want := range map[tariff.Dimension]string{tariff.Energy: "0.60", tariff.Time: "0.00", tariff.Flat: "0.00"} {
		if got := tf.Highest(d).FloatString(2); got != want || tf.Has(d) != (want != "0.00") {
			t.Errorf("%s: highest %s, has %v", d, got, tf.Has(d))
		}
	}
	if got := string(parse(t,
		" { \"currency\" : \"EUR\",\n\"elements\":[{\"price_components\":[{\"type\":\"FLAT\",\"price\":1.50}]}] } "+
			"").JSON()); got !=
		`{"currency":"EUR","elements":[{"price_components":[{"type":"FLAT","price":1.50}]}]}` {
		t.Errorf("a tariff is kept as %s", got)
	}
}

// TestWhatADimensionCameTo: exact, and by rate; a dimension that nothing was charged for has none.
func TestWhatADimensionCameTo(t *testing.T) {
	text := `{"currency":"EUR","tax_included":"NO","elements":[{"price_components":[{"type":"ENERGY","price":0.333,` +
		`"vat":19},` +
		`{"type":"FLAT","price":0.5}]}]}`
	tf := parse(t, text)
	c := cost(t, text, hour(2000))
	p, ok := tf.Part(c, tariff.Energy)
	if !ok || p.Before.FloatString(4) != "0.6660" || p.After.FloatString(5) != "0.79254" || len(p.Taxes) != 1 ||
		p.Taxes[0].Percent.RatString() != "19" || p.Taxes[0].Amount.FloatString(5) != "0.12654" {
		t.Errorf("energy: %+v, %v", p, ok)
	}
	if got := tf.Gross(c.Lines[1]).FloatString(6); c.Lines[1].Dimension != tariff.Energy || got != "0.396270" {
		t.Errorf("%s: %s with tax", c.Lines[1].Dimension, got)
	}
	if p, ok := tf.Part(c, tariff.Flat); !ok || p.After.FloatString(2) != "0.50" || len(p.Taxes) != 0 {
		t.Errorf("flat: %+v, %v", p, ok)
	}
	if p, ok := tf.Part(c, tariff.Time); ok {
		t.Errorf("time: %+v", p)
	}
	text = strings.Replace(text, `"NO"`, `"YES"`, 1)
	if _, ok := parse(t, text).Part(cost(t, text, hour(2000)), tariff.Flat); ok {
		t.Error("a tax that is included and not named is known")
	}
}

// TestWhetherAPeriodWasSplit tells that energy was spread evenly over a price's boundary.
func TestWhetherAPeriodWasSplit(t *testing.T) {
	for elements, want := range map[string]bool{
		of("ENERGY", `"price":1`, `"start_time":"09:30","end_time":"23:00"`) + "," + of("ENERGY", `"price":2`): true,
		of("ENERGY", `"price":1`, `"start_time":"10:00","end_time":"23:00"`) + "," + of("ENERGY", `"price":2`): false,
		of("ENERGY", `"price":1`): false,
	} {
		for wh, split := range map[int64]bool{1000: want, 0: false} {
			if got := cost(t, priced(elements), hour(wh)); got.Split != split {
				t.Errorf("%s, %d Wh: split %v", elements, wh, got.Split)
			}
		}
	}
}

// TestNumbersThatAreRead: plain decimals, also in quotes, and exactly.
func TestNumbersThatAreRead(t *testing.T) {
	for in, want := range map[string]string{`0.49`: "0.49", `"0.49"`: "0.49", `12`: "12.00", `0.` +
		strings.Repeat("1", 38): "0.11",
		`"1/2"`: "", `"0x10"`: "", `1e2`: "", `"abc"`: "", `""`: "", `0.` + strings.Repeat("1", 39): "", `"1_0"`: ""} {
		tf, err := tariff.Parse([]byte(priced(of("FLAT", `"price":`+in))))
		switch {
		case want == "" && err == nil:
			t.Errorf("%s is read as %s", in, tf.Elements[0].PriceComponents[0].Price)
		case want != "" && err != nil:
			t.Errorf("%s: %v", in, err)
		case want != "" && tf.Elements[0].PriceComponents[0].Price.FloatString(2) != want:
			t.Errorf("%s is read as %s", in, tf.Elements[0].PriceComponents[0].Price)
		}
	}
}

// TestEveryFaultOfATariffIsTold with its path, and where it is in the text.
func TestEveryFaultOfATariffIsTold(t *testing.T) {
	for text, want := range map[string]string{
		priced(of("FLAT",
			`"price":1,"vat":-1`)): "elements[0].price_components[0]: vat is negative",
		priced(of("FLAT",
			`"price":1,"step_size":-1`)): "elements[0].price_components[0]: step_size is negative",
		priced(of("FLAT", `"price":1,"vat":0`)): "",
		priced(of("FLAT", `"price":0`)):         "",
		priced(of("FLAT", `"price":1`,
			`"start_date":"1.1.2027"`)): `start_date "1.1.2027" is not a date`,
		priced(of("FLAT", `"price":1`,
			`"day_of_week":["SONNTAG"]`)): `day_of_week "SONNTAG" is unknown`,
		priced(of("FLAT", `"price":1`) +
			`,{"price_components":[]}`): "elements[1].price_components is empty",
		`{"currency":"EUR","tax_included":"MAYBE","elements":[` + of("FLAT", `"price":1`) +
			`]}`: `tax_included is "MAYBE"`,
		`{"currency":1,"elements":[` + of("FLAT", `"price":1`) +
			`]}`: "currency is a number: want a text in quotes",
		`{"currency":"EUR","elements":1}`: "elements is a number: want a list",
		priced(of("FLAT",
			`"price":1,"step_size":"a"`)): "step_size is a string: want a whole number",
		priced(of("FLAT", `"price":1`,
			`"min_duration":1.5`)): "min_duration is a number 1.5: want a whole number",
		`{"currency":"EUR","max_price":1,"elements":[` + of("FLAT", `"price":1`) +
			`]}`: "max_price is a number: want an object",
		priced(of("FLAT",
			`"price":[]`)): "elements[0].price_components[0].price: cannot read [] as a number",
		priced(of("FLAT",
			`"price":1,"vat":"no such thing"`)): `elements[0].price_components[0].vat: cannot read "no such thing" as`,
		`{"id":"1e9","currency":"EUR","min_price":{"before_taxes":"1e9"},"elements":[` + of("FLAT", `"price":1`) +
			`]}`: `min_price.before_taxes: cannot read "1e9" as a plain decimal`,
	} {
		_, err := tariff.Parse([]byte(text))
		var place *strict.PlaceError
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", text, err, want)
		case want != "" && (!errors.As(err, &place) || place.Offset <= 0 || place.Offset >= len(text)):
			t.Errorf("%s: %v is at %+v", text, err, place)
		}
	}
}

// TestDigitsOfAPrice: as many as it needs, at least the currency's and at most four.
func TestDigitsOfAPrice(t *testing.T) {
	for in, want := range map[string]string{"49/100": "0.49", "1/2": "0.50", "495/1000": "0.495",
		"4949/10000": "0.4949", "1/3": "0.3333", "2/3": "0.6667"} {
		v, _ := new(big.Rat).SetString(in)
		if got := tariff.Digits(v, 2, 4); got != want {
			t.Errorf("%s is written %s, want %s", in, got, want)
		}
	}
	if got := tariff.Digits(big.NewRat(49, 1), 0, 4); got != "49" {
		t.Errorf("49 yen are written %s", got)
	}
}
