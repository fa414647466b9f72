package tariff

import (
	"fmt"
	"math/big"
	"reflect"
	"time"

	"kioskd"
)

// Site is what a tariff is judged against before a site may sell by it.
type Site struct {
	Currency      kiosk.Currency // what the terminal sells in
	MaxPowerW     int64          // of the strongest bay
	EU            bool           // AFIR applies
	KnowsParking  bool           // the bays' inputs tell "connected, asks for nothing"
	HoldMinor     int64          // 0 without
	CurrentMeters bool           // the meters measure current
	NamesTax      bool           // records for others must say which tax the prices include
}

// Problem is a reason to refuse a tariff.
type Problem struct {
	Path string // where in the object: elements[0].price_components[1]
	Why  string
}

func (p Problem) String() string { return p.Path + ": " + p.Why }

// problems collects them.
type problems []Problem

func (p *problems) add(path, why string, args ...any) {
	*p = append(*p, Problem{path, fmt.Sprintf(why, args...)})
}

// Check lists the reasons why a site may not sell by a tariff. It is the one judge: of a
// configuration, of a back office's instruction, of setup and of a person who asks.
func (t *Tariff) Check(s Site) []Problem {
	var out problems
	if !t.Currency.Known() {
		out.add("currency", "%q is not a currency that kioskd sells in", t.Currency)
	} else if s.Currency != "" && t.Currency != s.Currency {
		out.add("currency", "%s, but the terminal sells in %s", t.Currency, s.Currency)
	}
	if s.HoldMinor == 0 && t.MaxPrice == nil && (t.Has(Energy) || t.Has(Time) || t.Has(Parking) || t.Has(Flat)) {
		out.add("max_price", "the cost has no cap, and there is no hold")
	}
	if s.NamesTax && !t.TaxKnown() {
		out.add("tax_included", "the prices include a tax, and a component does not say which (vat)")
	}
	for i := range t.Elements {
		t.checkElement(&out, s, i)
	}
	t.checkWords(&out)
	t.checkFree(&out, s)
	return out
}

// checkElement judges one element.
func (t *Tariff) checkElement(out *problems, s Site, i int) {
	e := t.Elements[i]
	for j, c := range e.PriceComponents {
		path := fmt.Sprintf("elements[%d].price_components[%d]", i, j)
		switch {
		case c.Type == Time && c.Price.Sign() > 0 && s.EU && s.MaxPowerW >= 50_000:
			out.add(path, "a price a minute is not allowed at 50 kW or more (AFIR Art. 5): "+
				"charge by kWh, and by PARKING_TIME for occupancy")
		case c.Type == Parking && c.Price.Sign() > 0 && !s.KnowsParking:
			out.add(path, "PARKING_TIME needs an input at every bay that tells a vehicle that asks for nothing "+
				"(inputs.requesting)")
		}
		if s.HoldMinor > 0 && t.unit(c) > s.HoldMinor {
			out.add(path, "one unit costs %s, more than the hold of %s",
				t.amount(t.unit(c)), t.amount(s.HoldMinor))
		}
		if why := t.step(c, s.EU); why != "" {
			out.add(path, "%s", why)
		}
		if k := t.shadowedBy(i, c.Type); k >= 0 {
			out.add(path, "can never apply: elements[%d] always comes first", k)
		}
	}
	path := fmt.Sprintf("elements[%d].restrictions", i)
	if r := e.Restrictions; r != nil {
		if why := r.never(); why != "" {
			out.add(path, "can never hold: %s", why)
		}
		if !s.CurrentMeters && (r.MinCurrent != nil || r.MaxCurrent != nil) {
			out.add(path, "depends on current, which not every meter of the site measures")
		}
	}
}

// amount is a number of minor units as a person reads it.
func (t *Tariff) amount(minor int64) string {
	return kiosk.Money{Minor: minor, Currency: t.Currency}.Decimal()
}

// unit is what a kWh, a minute or a session costs, in minor units, tax included.
func (t *Tariff) unit(c Component) int64 {
	p, ok := t.shown(&c)
	if !ok {
		return 0
	}
	return roundMinor(p.Gross, t.Currency.Digits())
}

// smallStep is what a step may cost at most, in minor units: more must be said before the tap.
const smallStep = 2

// step says why the step of a component cannot be sold by: what is shown is a price a kWh or a minute.
func (t *Tariff) step(c Component, eu bool) string {
	p, ok := t.shown(&c)
	if !ok || c.Type == Flat {
		return ""
	}
	size := big.NewRat(c.StepSize, 1000) // of a kWh
	if c.Type != Energy {
		size = big.NewRat(c.StepSize, 60) // of a minute
	}
	cost := roundMinor(new(big.Rat).Mul(p.Gross, size), t.Currency.Digits())
	switch {
	case c.Type == Energy && eu && c.StepSize > 1:
		return fmt.Sprintf("step_size is %d Wh: energy is sold in the EU as it is measured (step_size 1)",
			c.StepSize)
	case c.Type == Energy && c.StepSize > 1 && cost > smallStep:
		return fmt.Sprintf("step_size is %d Wh, which costs %s: the screen says a price a kWh, and no step",
			c.StepSize, t.amount(cost))
	case c.Type != Energy && c.StepSize > 60 && cost > smallStep:
		return fmt.Sprintf("step_size is %d s, which costs %s: the screen says a price a minute, and no longer step",
			c.StepSize, t.amount(cost))
	}
	return ""
}

// never says why restrictions contradict each other.
func (r *Restrictions) never() string {
	for _, x := range []struct {
		name      string
		low, high *Decimal
	}{{"kwh", r.MinKWh, r.MaxKWh}, {"current", r.MinCurrent, r.MaxCurrent}, {"power", r.MinPower, r.MaxPower}} {
		if x.low != nil && x.high != nil && x.low.Cmp(&x.high.Rat) >= 0 {
			return fmt.Sprintf("min_%s is not below max_%s", x.name, x.name)
		}
		if x.high != nil && x.high.Sign() <= 0 {
			return "max_" + x.name + " is not above zero"
		}
	}
	switch {
	case r.MinDuration != nil && r.MaxDuration != nil && *r.MinDuration >= *r.MaxDuration:
		return "min_duration is not below max_duration"
	case r.StartDate != "" && r.EndDate != "" && r.StartDate >= r.EndDate:
		return "start_date is not before end_date"
	case r.MaxDuration != nil && *r.MaxDuration <= 0:
		return "max_duration is not above zero"
	}
	return ""
}

// checkWords lists what a driver could not read before the tap.
func (t *Tariff) checkWords(out *problems) {
	if t.MinPrice != nil {
		out.add("min_price", "the screen shows no minimum before the tap")
	}
	if t.PreauthorizeAmount != nil {
		out.add("preauthorize_amount", "what is held is said by terminal.hold alone")
	}
	if t.StartDateTime != nil || t.EndDateTime != nil {
		out.add(
			"start_date_time, end_date_time", "are not looked at: a tariff applies while the configuration has it, "+
				"or from an instruction's time on")
	}
	for i, e := range t.Elements {
		r, path := e.Restrictions, fmt.Sprintf("elements[%d].restrictions", i)
		if r == nil {
			continue
		}
		if r.MinKWh != nil || r.MaxKWh != nil {
			out.add(path, "the screen says no price that depends on energy (min_kwh, max_kwh)")
		}
		if r.MinPower != nil || r.MaxPower != nil || r.MinCurrent != nil || r.MaxCurrent != nil {
			out.add(path, "the screen says no price that depends on power or current")
		}
		for name, s := range map[string]*int64{"min_duration": r.MinDuration, "max_duration": r.MaxDuration} {
			if s != nil && *s%60 != 0 {
				out.add(path, "%s is %d s: the screen says whole minutes", name, *s)
			}
		}
	}
	for _, d := range Dimensions() {
		if t.byDuration(d) && t.byTime(d) {
			out.add(
				"elements", "the price of %s depends on the time of day or on dates and on how long a session lasts: "+
					"the screen can say one of them", d)
		}
	}
}

// byTime tells whether the price of a dimension depends on the time of day or the date.
func (t *Tariff) byTime(d Dimension) bool {
	for _, e := range t.Elements {
		r := e.Restrictions
		if r == nil || !e.has(d) {
			continue
		}
		if r.StartTime != "" || r.EndTime != "" || r.StartDate != "" || r.EndDate != "" || len(r.DayOfWeek) > 0 {
			return true
		}
	}
	return false
}

// checkFree finds a time at which charging would cost nothing: what is given away is given by name.
func (t *Tariff) checkFree(out *problems, s Site) {
	near := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC) // a Monday; moments has the dates of the tariff
	ages := []time.Duration{0}
	for _, d := range []Dimension{Energy, Time} {
		ages = append(ages, t.durations(d)...)
	}
	current := new(Decimal)
	current.SetInt64(s.MaxPowerW / 230)
	full := Period{State: Charging, Power: &s.MaxPowerW, Current: current}
	when, free, all := "", 0, 0
	for _, local := range t.moments(near) {
		for _, age := range ages {
			all++
			if priced(t.component(Energy, local, age, full)) || priced(t.component(Time, local, age, full)) {
				continue
			}
			free++
			if free == 1 {
				when = fmt.Sprintf("on %s, %d min after the start",
					local.Format("Monday, 2006-01-02 at 15:04"), int(age/time.Minute))
			}
		}
	}
	if free == all {
		when = "always"
	}
	if free > 0 {
		out.add("elements", "charging would cost nothing (%s): neither ENERGY nor TIME has a price then; "+
			"what is given away is given by name", when)
	}
}

func priced(c *Component) bool { return c != nil && c.Price.Sign() > 0 }

// shadowedBy finds an earlier element that always wins a dimension over element i.
func (t *Tariff) shadowedBy(i int, d Dimension) int {
	for k := range i {
		e := t.Elements[k]
		if e.Restrictions != nil && !reflect.DeepEqual(e.Restrictions, t.Elements[i].Restrictions) {
			continue
		}
		if e.has(d) {
			return k
		}
	}
	return -1
}
