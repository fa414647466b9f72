package tariff_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/tariff"
)

// The oracle reads a tariff minute by minute, as OCPI 2.3.0 (mod_tariffs) says it in words: of each
// dimension the first element that has it and whose restrictions all hold. It shares nothing with the
// package but the JSON.
type oracle struct {
	Elements []struct {
		Components []struct {
			Type  string      `json:"type"`
			Price json.Number `json:"price"`
		} `json:"price_components"`
		R *struct {
			StartTime   string   `json:"start_time"`
			EndTime     string   `json:"end_time"`
			StartDate   string   `json:"start_date"`
			EndDate     string   `json:"end_date"`
			MinDuration int64    `json:"min_duration"`
			MaxDuration int64    `json:"max_duration"`
			Days        []string `json:"day_of_week"`
		} `json:"restrictions"`
	} `json:"elements"`
}

// price is what a unit of a dimension costs in the minute that begins at a moment.
func (o oracle) price(d string, local time.Time, age time.Duration) *big.Rat {
	clock, day := local.Format("15:04"), local.Format(time.DateOnly)
	for _, e := range o.Elements {
		if r := e.R; r != nil {
			begin, end := r.StartTime, r.EndTime
			if begin == "" {
				begin = "00:00"
			}
			if end == "" || end == "00:00" {
				end = "24:00"
			}
			in := begin <= clock && clock < end
			if end <= begin {
				in = begin <= clock || clock < end
			}
			seconds := int64(age / time.Second)
			if !in || r.StartDate != "" && day < r.StartDate || r.EndDate != "" && day >= r.EndDate ||
				seconds < r.MinDuration || r.MaxDuration > 0 && seconds >= r.MaxDuration ||
				len(r.Days) > 0 && !slices.Contains(r.Days, strings.ToUpper(local.Weekday().String())) {
				continue
			}
		}
		for _, c := range e.Components {
			if c.Type == d {
				v, _ := new(big.Rat).SetString(c.Price.String())
				return v
			}
		}
	}
	return new(big.Rat)
}

// randomTariff has elements with restrictions of all kinds that are sold by.
func randomTariff(dice *rand.Rand) string {
	pick := func(of ...string) string { return of[dice.IntN(len(of))] }
	clock := func() string { return fmt.Sprintf("%02d:%02d", dice.IntN(24), 15*dice.IntN(4)) }
	near := func() string {
		return pick("2026-03-28", "2026-03-29", "2026-03-30", "2026-10-24", "2026-10-25", "2026-10-26", "2026-06-15")
	}
	var elements []string
	for range dice.IntN(4) {
		var r []string
		if dice.IntN(2) == 0 {
			r = append(r, `"start_time":"`+clock()+`"`)
		}
		if dice.IntN(2) == 0 {
			r = append(r, `"end_time":"`+clock()+`"`)
		}
		if dice.IntN(4) == 0 {
			r = append(r, `"start_date":"`+near()+`"`)
		}
		if dice.IntN(4) == 0 {
			r = append(r, `"end_date":"`+near()+`"`)
		}
		if dice.IntN(4) == 0 {
			r = append(r, `"day_of_week":["`+pick("SATURDAY", "SUNDAY", "MONDAY")+`"]`)
		}
		if dice.IntN(4) == 0 {
			r = append(r, fmt.Sprintf(`"min_duration":%d`, 60*(1+dice.IntN(300))))
		}
		if dice.IntN(4) == 0 {
			r = append(r, fmt.Sprintf(`"max_duration":%d`, 60*(1+dice.IntN(300))))
		}
		d := pick("ENERGY", "TIME", "PARKING_TIME", "ENERGY")
		elements = append(elements,
			fmt.Sprintf(`{"price_components":[{"type":"%s","price":%d.%02d}],"restrictions":{%s}}`, d, dice.IntN(3),
				dice.IntN(100), strings.Join(r, ",")))
	}
	elements = append(elements,
		fmt.Sprintf(`{"price_components":[{"type":"ENERGY","price":0.%02d},{"type":"PARKING_TIME","price":%d}]}`,
			1+dice.IntN(99), dice.IntN(9)))
	return `{"id":"r","currency":"EUR","tax_included":"YES","elements":[` + strings.Join(elements, ",") + `]}`
}

// TestEveryPriceAgainstTheWords: random tariffs, in zones with and without a change of clocks, in nights
// of both changes and on other days: what a session costs is what it costs minute by minute, and what the
// screen says first is what applies.
func TestEveryPriceAgainstTheWords(t *testing.T) {
	seed := rand.Uint64()
	dice := rand.New(rand.NewPCG(seed, 3))
	days := []time.Time{time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC), time.Date(2026, 10, 24, 12, 0, 0, 0, time.UTC),
		time.Date(2026, 6, 14, 12, 0, 0, 0, time.UTC), time.Date(2026, 4, 4, 6, 0, 0, 0, time.UTC)}
	for n := range 200 {
		text := randomTariff(dice)
		tf := parse(t, text)
		var o oracle
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			t.Fatal(err)
		}
		zone := []string{"Europe/Berlin", "Europe/Lisbon", "Atlantic/Azores", "Europe/Helsinki", "Europe/Istanbul",
			"Australia/Lord_Howe", "Asia/Kathmandu"}[dice.IntN(7)]
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		start := days[dice.IntN(len(days))].Add(time.Duration(dice.IntN(18*60)) * time.Minute)
		minutes := 1 + dice.IntN(16*60)
		u := tariff.Usage{Start: start, End: start.Add(time.Duration(minutes) * time.Minute)}
		want := new(big.Rat)
		for at := start; at.Before(u.End); { // stretches of whole minutes, with whole watt-hours a minute
			span := min(1+dice.IntN(200), int(u.End.Sub(at)/time.Minute))
			p := tariff.Period{Start: at, State: tariff.Charging, Energy: kiosk.Energy(span * dice.IntN(400))}
			timed := "TIME"
			if dice.IntN(3) == 0 {
				p.State, timed = tariff.Parked, "PARKING_TIME"
			}
			for m := range span {
				now := at.Add(time.Duration(m) * time.Minute)
				local, age := now.In(loc), now.Sub(start)
				want.Add(want, new(big.Rat).Mul(o.price("ENERGY", local, age), big.NewRat(int64(p.Energy)/int64(span),
					1000)))
				want.Add(want, new(big.Rat).Mul(o.price(timed, local, age), big.NewRat(1, 60)))
			}
			u.Periods = append(u.Periods, p)
			at = at.Add(time.Duration(span) * time.Minute)
		}
		cost, err := tf.Calculate(u, loc)
		if err != nil {
			t.Fatal(err)
		}
		if diff := new(big.Rat).Sub(cost.ExactAfter, want); new(big.Rat).Abs(diff).Cmp(big.NewRat(1, 100)) > 0 {
			t.Fatalf("seed %d, tariff %d in %s from %v, %d min:\n%s\ncosts %s, want %s", seed, n, zone, start,
				minutes, text, cost.ExactAfter.FloatString(4), want.FloatString(4))
		}
		said := new(big.Rat)
		if all := tf.PricesAt(start, loc, 0); len(all) > 0 && all[0].Dimension == tariff.Energy &&
			all[0].AfterMin == 0 {
			said = all[0].Gross
		}
		now := o.price("ENERGY", start.In(loc), 0)
		begins := strings.Contains(shown(tf, start, loc, 0), start.In(loc).Format("15:04")+"-") // it is free until then
		if said.Cmp(now) != 0 && !(now.Sign() == 0 && !begins) {
			t.Fatalf("seed %d, tariff %d in %s at %v:\n%s\nthe screen says %s first, %s applies", seed, n, zone,
				start, text, said.FloatString(2), now.FloatString(2))
		}
	}
}
