package tariff

import (
	"fmt"
	"reflect"
)

// Site is what a tariff is judged against before a site may sell by it.
type Site struct {
	Currency      string // what the terminal sells in
	MaxPowerW     int64  // of the strongest bay
	EU            bool   // AFIR applies
	KnowsParking  bool   // the bays' inputs tell "connected, asks for nothing"
	HoldMinor     int64  // 0 without
	CurrentMeters bool   // the meters measure current
}

// Problem is a reason to refuse a tariff.
type Problem struct {
	Path string // where in the object: elements[0].price_components[1]
	Why  string
}

func (p Problem) String() string { return p.Path + ": " + p.Why }

// Check lists the reasons why a site may not sell by a tariff.
func (t *Tariff) Check(s Site) []Problem {
	var out []Problem
	add := func(path, why string, args ...any) { out = append(out, Problem{path, fmt.Sprintf(why, args...)}) }
	if !t.Money().Known() {
		add("currency", "%q is not a currency that kioskd sells in", t.Currency)
	} else if s.Currency != "" && t.Currency != s.Currency {
		add("currency", "%s, but the terminal sells in %s", t.Currency, s.Currency)
	}
	if s.HoldMinor == 0 && t.MaxPrice == nil && (t.Has(Energy) || t.Has(Time) || t.Has(Parking) || t.Has(Flat)) {
		add("max_price", "the cost has no cap, and there is no hold")
	}
	if t.PreauthorizeAmount != nil && t.PreauthorizeAmount.Sign() <= 0 {
		add("preauthorize_amount", "must be above zero")
	}
	for i, e := range t.Elements {
		for j, c := range e.PriceComponents {
			path := fmt.Sprintf("elements[%d].price_components[%d]", i, j)
			switch {
			case c.Type == Time && c.Price.Sign() > 0 && s.EU && s.MaxPowerW >= 50_000:
				add(path, "a price a minute is not allowed at 50 kW or more (AFIR Art. 5): charge by kWh, and by PARKING_TIME for occupancy")
			case c.Type == Parking && c.Price.Sign() > 0 && !s.KnowsParking:
				add(path, "PARKING_TIME needs an input at every bay that tells a vehicle that asks for nothing (inputs.requesting)")
			}
			if k := t.shadowedBy(i, c.Type); k >= 0 {
				add(path, "can never apply: elements[%d] always comes first", k)
			}
		}
		if r := e.Restrictions; r != nil && !s.CurrentMeters && (r.MinCurrent != nil || r.MaxCurrent != nil) {
			add(fmt.Sprintf("elements[%d].restrictions", i), "depends on current, which not every meter of the site measures")
		}
	}
	return out
}

// shadowedBy finds an earlier element that always wins a dimension over element i.
func (t *Tariff) shadowedBy(i int, d Dimension) int {
	for k := range i {
		e := t.Elements[k]
		if e.Restrictions != nil && !reflect.DeepEqual(e.Restrictions, t.Elements[i].Restrictions) {
			continue
		}
		for _, c := range e.PriceComponents {
			if c.Type == d {
				return k
			}
		}
	}
	return -1
}
