package events

import (
	"fmt"
	"strings"
	"time"

	"kioskd"
	"kioskd/ocpp/v16"
	"kioskd/ocpp/v2"
	"kioskd/session"
	"kioskd/tariff"
)

// DirectPayment is the type of a token that is a payment (C18).
const DirectPayment = "DirectPayment"

// pspRef names a payment for ever, by the day where the kiosk is.
func pspRef(h kiosk.Hold, zone string) string {
	at := h.At
	if loc, err := time.LoadLocation(zone); err == nil {
		at = at.In(loc)
	}
	return fmt.Sprintf("%s-%s-%s", h.TerminalID, h.ID, at.Format("20060102"))
}

// cardOf is what an operator is told of a card: nothing by which it could be paid with, or found again.
func cardOf(h kiosk.Hold) (out []v2.More) {
	add := func(kind, value string) {
		if value != "" {
			out = append(out, v2.More{Value: value, Kind: kind})
		}
	}
	add("PaymentBrand", brand(h.CardName))
	add("ReadingMethod", map[string]string{"contactless": "Contactless", "chip": "Contact",
		"stripe": "Magstripe"}[h.EntryMode])
	add("CardLast4Digits", h.Last4)
	return out
}

// brand is a card's name as OCPP has it, or as the terminal says it.
func brand(name string) string {
	plain := strings.ToLower(strings.NewReplacer(" ", "", "-", "").Replace(name))
	for _, b := range [][2]string{{"mastercard", "Mastercard"}, {"maestro", "Maestro"}, {"vpay", "VPay"},
		{"visa", "Visa"}, {"americanexpress", "AMEX"}, {"amex", "AMEX"}, {"girocard", "Girocard"},
		{"cartebancaire", "CartesBancaires"}, {"cartesbancaires", "CartesBancaires"}, {"bancontact", "Bancontact"},
		{"dankort", "Dankort"}, {"bankaxept", "BankAxept"}, {"interac", "Interac"}, {"jcb", "JCB"},
		{"diners", "Diners"}, {"discover", "Discover"}, {"unionpay", "UnionPay"}} {
		if strings.Contains(plain, b[0]) {
			return b[1]
		}
	}
	return v2.Shortened(name, 50)
}

// cost is a bill as OCPP has it.
func cost(b session.Bill, tariffID string) *v2.Cost {
	out := &v2.Cost{Total: v2.TotalCost{Currency: string(b.Total.Currency), Kind: "NormalCost",
		Total: v2.Price{Gross: v2.Decimal(b.Total.Decimal())}}}
	switch b.Limit {
	case "min_price":
		out.Total.Kind = "MinCost"
	case "max_price", "hold":
		out.Total.Kind = "MaxCost"
	}
	if b.Net != nil {
		out.Total.Total.Net = v2.Decimal(b.Net.Decimal())
	}
	sums := map[tariff.Dimension]kiosk.Money{}
	for _, l := range b.Lines {
		sum := sums[l.Dimension]
		sums[l.Dimension] = kiosk.Money{Minor: sum.Minor + l.Amount.Minor, Currency: l.Amount.Currency}
	}
	part := func(d tariff.Dimension) *v2.Price {
		sum, ok := sums[d]
		if !ok {
			return nil
		}
		return &v2.Price{Gross: v2.Decimal(sum.Decimal())}
	}
	out.Total.Energy, out.Total.Fixed = part(tariff.Energy), part(tariff.Flat)
	out.Total.Charging, out.Total.Idle = part(tariff.Time), part(tariff.Parking)
	out.Usage.Energy = kWh(b.Energy)
	if b.Usage != nil {
		addPeriods(out, *b.Usage, tariffID)
	}
	return out
}

// addPeriods adds what was used when.
func addPeriods(out *v2.Cost, u tariff.Usage, tariffID string) {
	for i, p := range u.Periods {
		end := u.End
		if i+1 < len(u.Periods) {
			end = u.Periods[i+1].Start
		}
		seconds := int(end.Sub(p.Start) / time.Second)
		what := "ChargingTime"
		if p.State == tariff.Parked {
			what = "IdleTIme" // so it is spelt in the schema
			out.Usage.Idle += seconds
		} else {
			out.Usage.Charging += seconds
		}
		out.Periods = append(out.Periods, v2.CostPeriod{Tariff: tariffID, Start: v16.At(p.Start),
			Dimensions: []v2.Dimension{{Type: "Energy", Volume: kWh(p.Energy)},
				{Type: what, Volume: v2.Decimal(fmt.Sprint(seconds))}}})
	}
}

// kWh is an energy as an exact number.
func kWh(e kiosk.Energy) v2.Decimal { return v2.Decimal(fmt.Sprintf("%d.%03d", e/1000, e%1000)) }
