package report

import (
	"context"
	"strings"

	"kioskd"
	"kioskd/session"
)

// Counted is how often visitors of a day did what.
type Counted struct {
	Kiosk  string               `json:"kiosk_id,omitempty"`
	Day    string               `json:"day"`
	Counts []session.VisitCount `json:"counts"`
}

func (c Counted) of() (string, int) { return c.Kiosk, 0 }

// Visits are how often visitors did what in a window: of the journal's records, and of the days that have none yet.
// Counters are of the site: a bay is not asked for.
func (b *Book) Visits(ctx context.Context, w Window) (map[string]int64, error) {
	sum, written := map[string]int64{}, map[string]bool{}
	all := rows(b.rows.Between(ctx, rowVisits, w.From, w.to()), Window{Kiosk: w.Kiosk}, Counted.of)
	for v, err := range all {
		if err != nil {
			return nil, err
		}
		written[v.Day] = true
		for _, c := range v.Counts {
			sum[c.What] += c.N
		}
	}
	journals, err := b.sources(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range journals {
		counts, err := s.Counts(ctx)
		if err != nil {
			return nil, err
		}
		for _, c := range counts {
			if c.Day >= w.From && c.Day <= w.to() && !written[c.Day] {
				sum[c.What] += c.N
			}
		}
	}
	return sum, nil
}

// counted are the figures of counters. What was never counted is no figure but 0 of nothing: before the counters began
// there are none.
func counted(visits map[string]int64, sales int) (out []Figure) {
	if len(visits) == 0 {
		return nil
	}
	of := func(what string) int { return int(visits[what]) }
	out = append(out, number("visits", of(kiosk.CountVisit)),
		rate("turned_away", of(kiosk.CountTurnAway), of(kiosk.CountVisit)),
		rate("price_not_accepted", of(kiosk.CountLeft+"price"), of(kiosk.CountChosen)),
		rate("larger_text", of(kiosk.CountLarge), of(kiosk.CountVisit)),
		rate("other_language", prefixed(visits, kiosk.CountLanguage), of(kiosk.CountVisit)))
	touches := Figure{Key: "touches_per_sale", Formula: formula("touches_per_sale"), N: of(kiosk.CountTouch), D: sales,
		Unit: "1"}
	if sales > 0 {
		touches.Value = oneDecimal(float64(of(kiosk.CountTouch)) / float64(sales))
	}
	out = append(out, touches)
	for _, s := range []string{"bays", "price", "tap", "declined"} {
		out = append(out, number("left_"+s, of(kiosk.CountLeft+s)))
	}
	return out
}

// prefixed adds up the counters that begin alike.
func prefixed(visits map[string]int64, prefix string) (n int) {
	for what, count := range visits {
		if strings.HasPrefix(what, prefix) {
			n += int(count)
		}
	}
	return n
}
