package tariff

import (
	"math/big"
	"slices"
	"time"
)

// Price is a component as it is shown: gross, a kWh, a minute or a session.
type Price struct {
	Dimension Dimension
	Gross     *big.Rat // TIME and PARKING_TIME: a minute
	AfterMin  int64    // minutes from the start before it applies
	From, To  string   // local times of day between which it applies, 24:00 for the end; empty if always
}

// Text is the price with the digits it needs, at least the currency's.
func (p Price) Text(digits int) string { return Digits(p.Gross, digits, 4) }

// Digits writes a number with the decimals it needs, between least and most.
func Digits(v *big.Rat, least, most int) string {
	for n := least; n < most; n++ {
		text := v.FloatString(n)
		back, _ := new(big.Rat).SetString(text)
		if back.Cmp(v) == 0 {
			return text
		}
	}
	return v.FloatString(most)
}

// ahead is how far prices are told in advance, and how far back their beginning is looked for.
const ahead = 24 * time.Hour

// PricesAt lists the prices of a session that has lasted for a while at a moment: those that apply, and
// those that will within a day, in AFIR order, what applies first. It is what must be shown before a
// card is asked for. Check refuses a tariff that it cannot tell.
func (t *Tariff) PricesAt(at time.Time, loc *time.Location, elapsed time.Duration) []Price {
	var out []Price
	for _, d := range Dimensions() {
		if t.byDuration(d) {
			out = append(out, t.byMinutes(d, at.In(loc), elapsed)...)
		} else {
			out = append(out, t.byClock(d, at.In(loc), elapsed)...)
		}
	}
	return out
}

// component is what applies of a dimension to a vehicle that does at a moment what a period says.
func (t *Tariff) component(d Dimension, local time.Time, elapsed time.Duration, does Period) *Component {
	does.Start = local
	active, err := t.active(moment{local: local, elapsed: elapsed, kwh: new(big.Rat), period: does, end: local})
	if err != nil { // of a tariff that depends on what is not known: Check refuses it
		return nil
	}
	return active[d]
}

// byDuration tells whether the price of a dimension depends on how long a session lasts.
func (t *Tariff) byDuration(d Dimension) bool {
	return len(t.durations(d)) > 0
}

// durations are the ages of a session at which the price of a dimension may change.
func (t *Tariff) durations(d Dimension) (out []time.Duration) {
	for _, e := range t.Elements {
		if r := e.Restrictions; r != nil && e.has(d) {
			for _, s := range []*int64{r.MinDuration, r.MaxDuration} {
				if s != nil && *s > 0 {
					out = append(out, time.Duration(*s)*time.Second)
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (e *Element) has(d Dimension) bool {
	return slices.ContainsFunc(e.PriceComponents, func(c Component) bool { return c.Type == d })
}

func (t *Tariff) byMinutes(d Dimension, at time.Time, elapsed time.Duration) (out []Price) {
	var last *Component
	for _, age := range append([]time.Duration{elapsed}, t.durations(d)...) {
		if age < elapsed {
			continue
		}
		c := t.component(d, at, age, Period{State: Parked})
		if p, ok := t.shown(c); ok && !t.same(c, last) {
			if age > elapsed {
				p.AfterMin = int64((age + time.Minute - 1) / time.Minute)
			}
			out = append(out, p)
		}
		last = c
	}
	return out
}

// stretch is a time in which one price of a dimension applies.
type stretch struct {
	from, to time.Time
	c        *Component
}

func (t *Tariff) byClock(d Dimension, at time.Time, elapsed time.Duration) (out []Price) {
	cuts := append(t.boundaries(at.Add(-ahead), at.Add(ahead), at.Location()), at.Add(-ahead))
	slices.SortFunc(cuts, time.Time.Compare)
	var all []stretch
	for _, cut := range cuts {
		if cut.Before(at.Add(-ahead)) || !cut.Before(at.Add(ahead)) {
			continue
		}
		c := t.component(d, cut.In(at.Location()), elapsed, Period{State: Parked})
		if n := len(all); n > 0 {
			if t.same(all[n-1].c, c) {
				continue
			}
			all[n-1].to = cut
		}
		all = append(all, stretch{from: cut, c: c})
	}
	now := len(all) - 1
	for now > 0 && all[now].from.After(at) {
		now--
	}
	for i, s := range all[now:] {
		p, ok := t.shown(s.c)
		if !ok {
			continue
		}
		if len(all[now:]) > 1 { // it changes within a day
			if s.to.IsZero() {
				s.to = t.until(d, s, at, elapsed)
			}
			p.From, p.To = s.times(at, now+i == 0)
		}
		out = append(out, p)
	}
	return out
}

// times are the local times of day between which a stretch applies. Of one that lasts for a day or longer they are
// those of the day that is asked about, or on which it begins: a time of day cannot say more. begun is a stretch that
// began before it was looked for.
func (s stretch) times(at time.Time, begun bool) (from, to string) {
	from, to = s.from.In(at.Location()).Format("15:04"), "24:00"
	day := at.Format(time.DateOnly)
	if s.from.After(at) {
		day = s.from.In(at.Location()).Format(time.DateOnly)
	}
	long := begun || s.to.IsZero() || s.to.Sub(s.from) >= ahead
	if long && s.from.In(at.Location()).Format(time.DateOnly) != day {
		from = "00:00"
	}
	end := s.to.In(at.Location())
	if text := end.Format("15:04"); text != "00:00" && !s.to.IsZero() && (!long || end.Format(time.DateOnly) == day) {
		to = text
	}
	return from, to
}

// until is the end of a stretch that is not over a day from now; zero where it lasts for a day or longer.
func (t *Tariff) until(d Dimension, s stretch, at time.Time, elapsed time.Duration) time.Time {
	next := t.NextBoundary(s.from, at.Location())
	for !next.IsZero() && next.Sub(s.from) < ahead {
		if !t.same(t.component(d, next.In(at.Location()), elapsed, Period{State: Parked}), s.c) {
			return next
		}
		next = t.NextBoundary(next, at.Location())
	}
	return time.Time{}
}

// same tells whether two components cost the same; none costs nothing.
func (t *Tariff) same(a, b *Component) bool { return t.paid(a).Cmp(t.paid(b)) == 0 }

// shown is a component as a person reads it; false where it costs nothing.
func (t *Tariff) shown(c *Component) (Price, bool) {
	if c == nil || c.Price.Sign() == 0 {
		return Price{}, false
	}
	p := Price{Dimension: c.Type, Gross: t.paid(c)}
	if c.Type == Time || c.Type == Parking {
		p.Gross = new(big.Rat).Quo(p.Gross, big.NewRat(60, 1))
	}
	return p, true
}
