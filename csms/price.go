package csms

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"kioskd"
	"kioskd/ocpp/v2"
)

// longestTariffID is OCPI's; OCPP has 60 characters.
const longestTariffID = 36

// OCPI is a tariff of OCPP 2.1 as the kiosk sells by it, exact: prices there are without tax, a kWh, a minute or once;
// here they are with tax, and a time's is an hour's. What cannot be said exactly is refused. From is when it begins;
// zero for at once.
func OCPI(t v2.Tariff, currency kiosk.Currency, party map[string]string) (ocpi []byte, from time.Time,
	err error) {
	if err := sellable(t, currency); err != nil {
		return nil, from, err
	}
	if t.From != nil {
		from = t.From.Time
	}
	out := map[string]any{"id": t.ID, "currency": t.Currency, "tax_included": "YES"}
	for k, v := range party {
		out[k] = v
	}
	out["elements"], err = elements(t)
	if err != nil {
		return nil, from, err
	}
	for name, limit := range map[string]*v2.Price{"min_price": t.Min, "max_price": t.Max} {
		if limit == nil {
			continue
		}
		v, err := exact(limit.Gross)
		if err != nil || v.Sign() == 0 && name == "max_price" {
			return nil, from, &Refusal{v2.Rejected, "InvalidValue", "minCost and maxCost: want inclTax, above 0"}
		}
		out[name] = map[string]any{"after_taxes": limit.Gross}
	}
	ocpi, err = json.Marshal(out)
	return ocpi, from, err
}

// sellable tells why a tariff is none of a kiosk's, before its prices are looked at.
func sellable(t v2.Tariff, currency kiosk.Currency) error {
	prices := 0
	for _, p := range []*v2.TariffPart{t.Energy, t.Charging, t.Idle, t.Fixed} {
		if p != nil {
			prices += len(p.Prices)
		}
	}
	switch {
	case t.Currency != string(currency):
		return &Refusal{v2.Rejected, "InvalidValue", fmt.Sprintf("the site sells in %s", currency)}
	case t.ID == "" || len(t.ID) > longestTariffID:
		return &Refusal{v2.Rejected, "InvalidValue", fmt.Sprintf("tariffId: want 1 to %d characters", longestTariffID)}
	case t.ReserveTime != nil || t.Reserve != nil:
		return &Refusal{v2.Rejected, "UnsupportedParam", "reservations are not sold"}
	case prices == 0:
		return &Refusal{v2.Rejected, "InvalidValue", "the tariff has no price"}
	case prices > MostPrices:
		return &Refusal{"TooManyElements", "TooManyElements", fmt.Sprintf("want at most %d prices", MostPrices)}
	}
	return nil
}

// elements are the prices of a tariff, in their order: of each kind the first holds whose conditions do.
func elements(t v2.Tariff) (out []any, err error) {
	for _, d := range []struct {
		part  *v2.TariffPart
		kind  string
		times int64 // of a minute's price
		price func(v2.TariffPrice) v2.Decimal
	}{
		{t.Energy, "ENERGY", 1, func(p v2.TariffPrice) v2.Decimal { return p.KWh }},
		{t.Charging, "TIME", 60, func(p v2.TariffPrice) v2.Decimal { return p.Minute }},
		{t.Idle, "PARKING_TIME", 60, func(p v2.TariffPrice) v2.Decimal { return p.Minute }},
		{t.Fixed, "FLAT", 1, func(p v2.TariffPrice) v2.Decimal { return p.Fixed }},
	} {
		if d.part == nil {
			continue
		}
		vat, err := taxOf(d.part.Taxes)
		if err != nil {
			return nil, err
		}
		for _, p := range d.part.Prices {
			e, err := element(d.kind, d.price(p), d.times, vat, p.When)
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
	}
	return out, nil
}

// MostPrices is how many prices a tariff may have, and mostNumber the largest number in it: no price is more, and no
// condition that a session meets.
const (
	MostPrices = 60
	mostNumber = 1_000_000
)

// taxOf is the one tax of a price; nil for none.
func taxOf(all []v2.TaxRate) (*big.Rat, error) {
	switch {
	case len(all) == 0:
		return nil, nil
	case len(all) > 1:
		return nil, &Refusal{"TooManyElements", "TooManyElements", "taxRates: want one a part"}
	}
	return exact(all[0].Tax)
}

// exact reads a number without an exponent.
func exact(n v2.Decimal) (*big.Rat, error) {
	v, ok := new(big.Rat).SetString(string(n))
	if !ok || len(n) > 20 || strings.ContainsAny(string(n), "eE/") || v.Sign() < 0 ||
		v.Cmp(big.NewRat(mostNumber, 1)) > 0 {
		return nil, &Refusal{v2.Rejected, "InvalidValue",
			fmt.Sprintf("%q: want a plain number from 0 to %d", n, mostNumber)}
	}
	return v, nil
}

// plain writes a number that has an end.
func plain(v *big.Rat) (json.Number, error) {
	digits, whole := v.FloatPrec()
	if !whole {
		return "", &Refusal{v2.Rejected, "InvalidValue", fmt.Sprintf("%s has no end as a decimal number", v)}
	}
	return json.Number(v.FloatString(digits)), nil
}

// element is one price as OCPI has it.
func element(kind string, price v2.Decimal, times int64, vat *big.Rat, when *v2.Conditions) (any, error) {
	v, err := exact(price)
	if err != nil {
		return nil, err
	}
	v.Mul(v, big.NewRat(times, 1))
	component := map[string]any{"type": kind, "step_size": 1}
	if vat != nil {
		v.Mul(v, new(big.Rat).Quo(new(big.Rat).Add(big.NewRat(100, 1), vat), big.NewRat(100, 1)))
		component["vat"], err = plain(vat)
		if err != nil {
			return nil, err
		}
	}
	component["price"], err = plain(v)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"price_components": []any{component}}
	if when == nil {
		return out, nil
	}
	restrictions, err := restricted(*when)
	if err == nil && len(restrictions) > 0 {
		out["restrictions"] = restrictions
	}
	return out, err
}

// restricted are conditions as OCPI has them. A condition that OCPI cannot say is refused.
func restricted(c v2.Conditions) (map[string]any, error) {
	if c.MinChargingTime != nil || c.MaxChargingTime != nil || c.MinIdleTime != nil || c.MaxIdleTime != nil ||
		c.EVSEKind != "" || c.Brand != "" || c.Recognition != "" {
		return nil, &Refusal{"ConditionNotSupported", "UnsupportedParam", "conditions: known are those of " +
			Conditions}
	}
	out := map[string]any{}
	for name, v := range map[string]string{"start_time": c.From, "end_time": c.To, "start_date": c.FromDate,
		"end_date": c.ToDate} {
		if v != "" {
			out[name] = v
		}
	}
	if len(c.Days) > 0 {
		var days []string
		for _, d := range c.Days {
			days = append(days, strings.ToUpper(d))
		}
		out["day_of_week"] = slices.Compact(days)
	}
	for name, v := range map[string]*int{"min_duration": c.MinTime, "max_duration": c.MaxTime} {
		if v != nil {
			out[name] = *v
		}
	}
	for name, v := range map[string]v2.Decimal{"min_kwh": c.MinEnergy, "max_kwh": c.MaxEnergy, "min_power": c.MinPower,
		"max_power": c.MaxPower, "min_current": c.MinCurrent, "max_current": c.MaxCurrent} {
		if v == "" {
			continue
		}
		n, err := exact(v)
		if err != nil {
			return nil, err
		}
		if !strings.HasSuffix(name, "current") { // Wh and W; OCPI has kWh and kW
			n.Quo(n, big.NewRat(1000, 1))
		}
		out[name], err = plain(n)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Conditions are those of OCPP that a price may have.
const Conditions = "startTimeOfDay, endTimeOfDay, dayOfWeek, validFromDate, validToDate, minEnergy, maxEnergy, " +
	"minCurrent, maxCurrent, minPower, maxPower, minTime, maxTime"
