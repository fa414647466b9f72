package tariff

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"kioskd"
)

// State is what a vehicle does in a usage period.
type State string

// States of a usage period.
const (
	Charging State = "charging"
	Parked   State = "parking" // connected, asks for nothing
	// Unproven is a stretch that was not measured: its energy is proven by the registers at
	// both ends, its time by nothing, so that no time is billed.
	Unproven State = "unproven"
)

// Usage is what happened from Start to End.
type Usage struct {
	Start   time.Time `json:"start"`
	Periods []Period  `json:"periods"`
	End     time.Time `json:"end"`
}

// Period runs from its Start to the next period's, or to the end of the usage.
type Period struct {
	Start   time.Time    `json:"start"`
	State   State        `json:"state"`
	Energy  kiosk.Energy `json:"energy_wh"`
	Power   *int64       `json:"power_w,omitempty"`   // average if missing
	Current *Decimal     `json:"current_a,omitempty"` // sum over the phases
	// AnyTime says that it is not known at what time of day or date this was: whatever is
	// cheapest at any is charged.
	AnyTime bool `json:"any_time,omitempty"`
}

// Check tells what is wrong with a usage.
func (u Usage) Check() error {
	if len(u.Periods) == 0 {
		return errors.New("usage has no periods")
	}
	last := u.Start
	for i, p := range u.Periods {
		switch {
		case p.Start.Before(last):
			return fmt.Errorf("periods[%d] starts before what precedes it", i)
		case p.State != Charging && p.State != Parked && p.State != Unproven:
			return fmt.Errorf("periods[%d].state is %q: want charging or parking", i, p.State)
		case p.Energy < 0:
			return fmt.Errorf("periods[%d].energy_wh is negative", i)
		}
		last = p.Start
	}
	if u.End.Before(last) {
		return errors.New("end is before the last period")
	}
	return nil
}

// Cost is the result. Amounts without a tax that is known have no before-tax value.
type Cost struct {
	Currency    kiosk.Currency
	BeforeTaxes *kiosk.Money // nil if unknown
	AfterTaxes  kiosk.Money
	ExactBefore *big.Rat // nil if unknown
	ExactAfter  *big.Rat
	Taxes       []Tax
	Lines       []Line   // what the driver reads; amounts add up to the total before min and max price
	Slices      []Charge // OCPI charging periods
	Split       bool     // a usage period was split evenly over time at a price boundary
	Limited     string   // min_price or max_price where one applied
}

// Tax is a rate in percent and its rounded amount.
type Tax struct {
	Rate   *big.Rat
	Amount kiosk.Money
}

// Line is all that was charged for one dimension at one price.
type Line struct {
	Dimension Dimension
	Price     *big.Rat // a kWh, an hour or once
	VAT       *big.Rat // nil if none
	Volume    *big.Rat // kWh, hours or 1, after rounding up to the step
	Exact     *big.Rat
}

// Charge is a stretch of time in which the same components were active.
type Charge struct {
	Start, End time.Time
	State      State
	Energy     *big.Rat // kWh
	Active     map[Dimension]*Component
}

// Calculate says what a usage costs in a time zone.
func (t *Tariff) Calculate(u Usage, loc *time.Location) (*Cost, error) {
	if err := u.Check(); err != nil {
		return nil, fmt.Errorf("cannot calculate: %w", err)
	}
	charges, split, err := t.slice(u, loc)
	if err != nil {
		return nil, fmt.Errorf("cannot calculate: %w", err)
	}
	c := &Cost{Currency: t.Currency, Slices: charges, Split: split}
	c.Lines = lines(charges)
	t.total(c)
	return c, nil
}

// slice cuts the usage where the active components can change.
func (t *Tariff) slice(u Usage, loc *time.Location) (out []Charge, split bool, err error) {
	total := new(big.Rat) // kWh so far
	for i, p := range u.Periods {
		end := u.End
		if i+1 < len(u.Periods) {
			end = u.Periods[i+1].Start
		}
		kwh := big.NewRat(int64(p.Energy), 1000)
		cuts := t.cuts(u.Start, p.Start, end, total, kwh, loc)
		var mine []Charge
		for j := 0; j+1 < len(cuts); j++ {
			share := new(big.Rat).Sub(cuts[j+1], cuts[j])
			c := Charge{
				Start: at(p.Start, end, cuts[j]), End: at(p.Start, end, cuts[j+1]), State: p.State,
				Energy: new(big.Rat).Mul(kwh, share),
			}
			before := new(big.Rat).Add(total, new(big.Rat).Mul(kwh, cuts[j]))
			c.Active, err = t.cheapest(moment{c.Start.In(loc), c.Start.Sub(u.Start), before, p, end})
			if err != nil {
				return nil, false, fmt.Errorf("periods[%d]: %w", i, err)
			}
			if n := len(mine); n > 0 && sameActive(mine[n-1].Active, c.Active) {
				mine[n-1].End = c.End
				mine[n-1].Energy.Add(mine[n-1].Energy, c.Energy)
				continue
			}
			mine = append(mine, c)
		}
		split = split || (len(mine) > 1 && p.Energy > 0)
		out = append(out, mine...)
		total.Add(total, kwh)
	}
	return out, split, nil
}

// cuts lists, as fractions 0 to 1 of a period, where a restriction can change.
func (t *Tariff) cuts(session, start, end time.Time, before, kwh *big.Rat, loc *time.Location) []*big.Rat {
	zero, one := new(big.Rat), big.NewRat(1, 1)
	cuts := []*big.Rat{zero, one}
	add := func(f *big.Rat) {
		if f.Cmp(zero) > 0 && f.Cmp(one) < 0 {
			cuts = append(cuts, f)
		}
	}
	if span := end.Sub(start); span > 0 {
		moments := t.boundaries(start, end, loc)
		for _, e := range t.Elements {
			if r := e.Restrictions; r != nil {
				for _, s := range []*int64{r.MinDuration, r.MaxDuration} {
					if s != nil {
						moments = append(moments, session.Add(time.Duration(*s)*time.Second))
					}
				}
			}
		}
		for _, m := range moments {
			add(big.NewRat(int64(m.Sub(start)), int64(span)))
		}
	}
	if kwh.Sign() > 0 {
		for _, e := range t.Elements {
			if r := e.Restrictions; r != nil {
				for _, limit := range []*Decimal{r.MinKWh, r.MaxKWh} {
					if limit != nil {
						f := new(big.Rat).Sub(&limit.Rat, before)
						add(f.Quo(f, kwh))
					}
				}
			}
		}
	}
	slices.SortFunc(cuts, (*big.Rat).Cmp)
	return slices.CompactFunc(cuts, func(a, b *big.Rat) bool { return a.Cmp(b) == 0 && a != one && b != one })
}

// at is the moment a fraction of the way from start to end.
func at(start, end time.Time, f *big.Rat) time.Time {
	ns := new(big.Rat).Mul(f, new(big.Rat).SetInt64(int64(end.Sub(start))))
	return start.Add(time.Duration(new(big.Int).Quo(ns.Num(), ns.Denom()).Int64()))
}

// moment is what restrictions are judged by.
type moment struct {
	local   time.Time
	elapsed time.Duration
	kwh     *big.Rat
	period  Period
	end     time.Time
}

func (t *Tariff) active(m moment) (map[Dimension]*Component, error) {
	out := make(map[Dimension]*Component)
	for i := range t.Elements {
		e := &t.Elements[i]
		ok, err := e.Restrictions.hold(m)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		for j := range e.PriceComponents {
			c := &e.PriceComponents[j]
			if out[c.Type] == nil {
				out[c.Type] = c
			}
		}
	}
	return out, nil
}

// cheapest is what is active at a moment; where its time of day is not known, the
// cheapest component of each dimension that could be.
func (t *Tariff) cheapest(m moment) (map[Dimension]*Component, error) {
	out, err := t.active(m)
	if err != nil || !m.period.AnyTime {
		return out, err
	}
	for _, local := range t.moments(m.local) {
		m.local = local
		other, err := t.active(m)
		if err != nil {
			return nil, err
		}
		for _, d := range Dimensions() {
			if t.less(other[d], out[d]) {
				out[d] = other[d]
			}
		}
	}
	return out, nil
}

// less tells whether a component costs less than another; none costs nothing.
func (t *Tariff) less(a, b *Component) bool {
	return t.paid(a).Cmp(t.paid(b)) < 0
}

// paid is what a component costs, tax included; none costs nothing.
func (t *Tariff) paid(c *Component) *big.Rat {
	switch {
	case c == nil:
		return new(big.Rat)
	case c.VAT == nil:
		return t.gross(&c.Price.Rat, nil)
	}
	return t.gross(&c.Price.Rat, &c.VAT.Rat)
}

// moments has one moment of every stretch of time that the restrictions tell apart.
func (t *Tariff) moments(near time.Time) (out []time.Time) {
	minutes, days := []int{0}, []time.Time{}
	for i := range 7 {
		days = append(days, near.AddDate(0, 0, i))
	}
	for _, e := range t.Elements {
		r := e.Restrictions
		if r == nil {
			continue
		}
		for _, m := range []int{r.start, r.end} {
			if m >= 0 && m < 24*60 {
				minutes = append(minutes, m)
			}
		}
		for _, date := range []string{r.StartDate, r.EndDate} {
			if d, err := time.Parse(time.DateOnly, date); err == nil {
				for i := -7; i < 7; i++ {
					days = append(days, d.AddDate(0, 0, i))
				}
			}
		}
	}
	for _, d := range days {
		for _, m := range minutes {
			out = append(out, time.Date(d.Year(), d.Month(), d.Day(), 0, m, 0, 0, near.Location()))
		}
	}
	return out
}

func sameActive(a, b map[Dimension]*Component) bool {
	for _, d := range Dimensions() {
		if a[d] != b[d] {
			return false
		}
	}
	return true
}

func (r *Restrictions) hold(m moment) (bool, error) {
	if r == nil {
		return true, nil
	}
	if !r.holdLocal(m.local) {
		return false, nil
	}
	if r.MinDuration != nil && m.elapsed < time.Duration(*r.MinDuration)*time.Second ||
		r.MaxDuration != nil && m.elapsed >= time.Duration(*r.MaxDuration)*time.Second {
		return false, nil
	}
	if !within(m.kwh, r.MinKWh, r.MaxKWh) {
		return false, nil
	}
	if r.MinPower != nil || r.MaxPower != nil {
		if !within(m.period.kilowatt(m.end), r.MinPower, r.MaxPower) {
			return false, nil
		}
	}
	if r.MinCurrent != nil || r.MaxCurrent != nil {
		current := new(big.Rat) // none flows while parking
		switch {
		case m.period.Current != nil:
			current = &m.period.Current.Rat
		case m.period.State == Charging:
			return false, errors.New("current_a is missing, and the tariff depends on it")
		}
		return within(current, r.MinCurrent, r.MaxCurrent), nil
	}
	return true, nil
}

// within holds for low <= v < high; a missing bound always holds.
func within(v *big.Rat, low, high *Decimal) bool {
	return (low == nil || v.Cmp(&low.Rat) >= 0) && (high == nil || v.Cmp(&high.Rat) < 0)
}

func (p Period) kilowatt(end time.Time) *big.Rat {
	if p.Power != nil {
		return big.NewRat(*p.Power, 1000)
	}
	span := end.Sub(p.Start)
	if span <= 0 {
		return new(big.Rat)
	}
	return new(big.Rat).Mul(big.NewRat(int64(p.Energy), 1000), big.NewRat(int64(time.Hour), int64(span)))
}

func (r *Restrictions) holdLocal(local time.Time) bool {
	if day := local.Format(time.DateOnly); r.StartDate != "" && day < r.StartDate ||
		r.EndDate != "" && day >= r.EndDate {
		return false
	}
	if len(r.DayOfWeek) > 0 && !slices.Contains(r.DayOfWeek, weekdays[local.Weekday()]) {
		return false
	}
	minute := local.Hour()*60 + local.Minute()
	switch {
	case r.start >= 0 && r.end >= 0 && r.end <= r.start: // wraps midnight
		return minute >= r.start || minute < r.end
	case r.start >= 0 && minute < r.start, r.end >= 0 && minute >= r.end:
		return false
	}
	return true
}

// lines sums up volumes a dimension and price, and rounds them up to the step.
func lines(charges []Charge) []Line {
	var out []Line
	add := func(d Dimension, c *Component, volume *big.Rat) {
		if c == nil || volume.Sign() <= 0 {
			return
		}
		for i := range out {
			if l := &out[i]; l.Dimension == d && l.Price.Cmp(&c.Price.Rat) == 0 && sameVAT(l.VAT, c.VAT) {
				l.Volume.Add(l.Volume, volume)
				return
			}
		}
		l := Line{Dimension: d, Price: &c.Price.Rat, Volume: new(big.Rat).Set(volume)}
		if c.VAT != nil {
			l.VAT = &c.VAT.Rat
		}
		out = append(out, l)
	}
	flat := false
	totals := map[Dimension]*big.Rat{Energy: new(big.Rat), Time: new(big.Rat), Parking: new(big.Rat)}
	var lastEnergy, lastTime *Component
	for _, c := range charges {
		if f := c.Active[Flat]; f != nil && !flat {
			flat = true
			add(Flat, f, big.NewRat(1, 1))
		}
		add(Energy, c.Active[Energy], c.Energy)
		if c.Active[Energy] != nil && c.Energy.Sign() > 0 {
			totals[Energy].Add(totals[Energy], c.Energy)
			lastEnergy = c.Active[Energy]
		}
		d := Time
		if c.State == Parked {
			d = Parking
		}
		if c.State == Unproven {
			continue
		}
		hours := big.NewRat(int64(c.End.Sub(c.Start)), int64(time.Hour))
		if hours.Sign() > 0 {
			add(d, c.Active[d], hours)
			if c.Active[d] != nil { // a free stretch at the end rounds nothing, and ends no step
				lastTime = c.Active[d]
				totals[d].Add(totals[d], hours)
			}
		}
	}
	stepUp(add, Energy, lastEnergy, totals, big.NewRat(1, 1000))
	if lastTime != nil {
		stepUp(add, lastTime.Type, lastTime, totals, big.NewRat(1, 3600))
	}
	for i := range out {
		out[i].Exact = new(big.Rat).Mul(out[i].Price, out[i].Volume)
	}
	return out
}

// stepUp adds what is missing from a total to the next multiple of the step, at the
// last component's price. unit is one step unit (Wh, s) in the total's unit (kWh, h).
func stepUp(add func(Dimension, *Component, *big.Rat), d Dimension, last *Component, totals map[Dimension]*big.Rat,
	unit *big.Rat) {
	if last == nil {
		return
	}
	step := new(big.Rat).Mul(unit, new(big.Rat).SetInt64(last.StepSize))
	n := new(big.Rat).Quo(totals[d], step)
	up := new(big.Int).Add(n.Num(), new(big.Int).Sub(n.Denom(), big.NewInt(1)))
	up.Quo(up, n.Denom())
	full := new(big.Rat).Mul(new(big.Rat).SetInt(up), step)
	add(d, last, full.Sub(full, totals[d]))
}

func sameVAT(a *big.Rat, b *Decimal) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.Cmp(&b.Rat) == 0
}
