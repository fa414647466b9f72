package tariff_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kioskd/tariff"
)

// shown is what the screen says of a tariff at a moment.
func shown(t *tariff.Tariff, at time.Time, loc *time.Location, elapsed time.Duration) string {
	var out []string
	for _, p := range t.PricesAt(at, loc, elapsed) {
		s := fmt.Sprintf("%s %s", p.Dimension, p.Text(2))
		if p.AfterMin > 0 {
			s += fmt.Sprintf(" after %d min", p.AfterMin)
		}
		if p.From != "" {
			s += fmt.Sprintf(" %s-%s", p.From, p.To)
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// TestThePriceOfTheMoment: what applies now comes first, then what will within a day; what is over, or
// of another day, is not shown.
func TestThePriceOfTheMoment(t *testing.T) {
	const (
		untilFour = `{"price_components":[{"type":"ENERGY","price":0.50}],"restrictions":{"end_time":"04:00"}},
			{"price_components":[{"type":"ENERGY","price":0.70}]}`
		weekend = `{"price_components":[{"type":"ENERGY","price":0.39}],"restrictions":{"day_of_week":["SATURDAY",
			"SUNDAY"]}},{"price_components":[{"type":"ENERGY","price":0.59}]}`
		season = `{"price_components":[{"type":"ENERGY","price":0.19}],"restrictions":{"start_date":"2026-01-01",
			"end_date":"2026-02-01"}},{"price_components":[{"type":"ENERGY","price":0.49}]}`
		idle = `{"price_components":[{"type":"ENERGY","price":0.49}]},{"price_components":[{"type":"PARKING_TIME",
			"price":60}],"restrictions":{"min_duration":2400}},{"price_components":[{"type":"PARKING_TIME","price":2}],
				"restrictions":{"min_duration":1200}}`
		night = `{"price_components":[{"type":"ENERGY","price":0.30}],"restrictions":{"start_time":"22:00",
			"end_time":"06:00"}},{"price_components":[{"type":"ENERGY","price":0.50}]}`
		// from Saturday 18:00 to Sunday 19:00
		party = `{"price_components":[{"type":"ENERGY","price":0.30}],"restrictions":{"day_of_week":["SATURDAY"],
			"start_time":"18:00"}},{"price_components":[{"type":"ENERGY","price":0.30}],"restrictions":{
			"day_of_week":["SUNDAY"],"end_time":"19:00"}},{"price_components":[{"type":"ENERGY","price":0.50}]}`
	)
	for _, c := range []struct {
		elements, at string
		elapsed      time.Duration
		want         string
	}{
		{untilFour, "2026-03-02T03:00:00+01:00", 0,
			"ENERGY 0.50 00:00-04:00, ENERGY 0.70 04:00-24:00, ENERGY 0.50 00:00-04:00"},
		{untilFour, "2026-03-02T12:00:00+01:00", 0,
			"ENERGY 0.70 04:00-24:00, ENERGY 0.50 00:00-04:00, ENERGY 0.70 04:00-24:00"},
		{night, "2026-03-02T23:00:00+01:00", 0, "ENERGY 0.30 22:00-06:00, ENERGY 0.50 06:00-22:00, ENERGY 0.30 " +
			"22:00-06:00"},
		{weekend, "2026-03-04T12:00:00+01:00", 0, "ENERGY 0.59"},
		{weekend, "2026-03-06T20:00:00+01:00", 0, "ENERGY 0.59 00:00-24:00, ENERGY 0.39 00:00-24:00"},
		{weekend, "2026-03-07T12:00:00+01:00", 0, "ENERGY 0.39"},
		{party, "2026-03-07T12:00:00+01:00", 0, "ENERGY 0.50 00:00-18:00, ENERGY 0.30 18:00-24:00"},
		{party, "2026-03-07T20:00:00+01:00", 0, "ENERGY 0.30 18:00-24:00, ENERGY 0.50 19:00-24:00"},
		{party, "2026-03-08T10:00:00+01:00", 0, "ENERGY 0.30 00:00-19:00, ENERGY 0.50 19:00-24:00"},
		{season, "2026-01-15T12:00:00+01:00", 0, "ENERGY 0.19"},
		{season, "2026-01-31T18:00:00+01:00", 0, "ENERGY 0.19 00:00-24:00, ENERGY 0.49 00:00-24:00"},
		{season, "2026-11-15T12:00:00+01:00", 0, "ENERGY 0.49"},
		{idle, "2026-03-02T12:00:00+01:00", 0,
			"ENERGY 0.49, PARKING_TIME 0.0333 after 20 min, PARKING_TIME 1.00 after 40 min"},
		{idle, "2026-03-02T12:00:00+01:00", 30 * time.Minute,
			"ENERGY 0.49, PARKING_TIME 0.0333, PARKING_TIME 1.00 after 40 min"},
		{idle, "2026-03-02T12:00:00+01:00", 41 * time.Minute, "ENERGY 0.49, PARKING_TIME 1.00"},
		{`{"price_components":[{"type":"ENERGY","price":0.49}]}`, "2026-03-29T01:30:00+01:00", 0, "ENERGY 0.49"},
		{untilFour, "2026-10-25T01:30:00+02:00", 0,
			"ENERGY 0.50 00:00-04:00, ENERGY 0.70 04:00-24:00, ENERGY 0.50 00:00-04:00"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		tf := parse(t, `{"currency":"EUR","tax_included":"YES","elements":[`+c.elements+`]}`)
		if got := shown(tf, at, berlin(t), c.elapsed); got != c.want {
			t.Errorf("at %s after %v:\n%s\nwant\n%s", c.at, c.elapsed, got, c.want)
		}
	}
}
