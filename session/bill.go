package session

import (
	"math/big"

	"kioskd"
	"kioskd/tariff"
)

// bill makes the final price of what was measured up to a register. What the tariff
// asks beyond the hold is lost: the driver did not agree to more.
func (x Session) bill(end kiosk.Reading) (*Bill, error) {
	u := x.usage(end)
	b := &Bill{Energy: x.Energy(end.Import), Start: x.Start.At, End: u.End, From: x.Start.Import, To: end.Import,
		Usage: &u, Gaps: x.Gaps}
	if b.To < b.From {
		b.Rolled = x.Modulus
	}
	for _, p := range u.Periods {
		b.Doubt = b.Doubt || p.AnyTime
	}
	b.Total.Currency, b.Cost.Currency = x.Offer.Hold.Currency, x.Offer.Hold.Currency
	if b.Energy == 0 { // never pay for nothing
		return b, nil
	}
	cost, err := x.Tariff.Calculate(u, x.Location)
	if err != nil {
		return nil, err
	}
	b.Cost, b.Limit = cost.AfterTaxes, cost.Limited
	b.Total, err = cost.AfterTaxes.AtMost(x.Hold.Approved)
	if err != nil {
		return nil, err
	}
	for i, amount := range x.Tariff.LineAmounts(cost) {
		b.Lines = append(b.Lines, line(x.Tariff, cost.Lines[i], amount))
	}
	if b.Total != b.Cost {
		b.Limit = "hold"
	}
	return b, b.taxes(cost)
}

// Owed is what the driver pays if their session ends with a reading: nothing without energy, never more than the hold.
func (x Session) Owed(r kiosk.Reading) (kiosk.Money, error) {
	b, err := x.bill(r)
	if err != nil {
		return kiosk.Money{}, err
	}
	return b.Total, nil
}

// taxes splits the total by the shares of the cost.
func (b *Bill) taxes(cost *tariff.Cost) error {
	if cost.BeforeTaxes == nil {
		return nil
	}
	net := b.Total
	var err error
	for _, t := range cost.Taxes {
		amount := t.Amount
		if b.Total != b.Cost {
			amount.Minor = amount.Minor * b.Total.Minor / b.Cost.Minor
		}
		net, err = net.Sub(amount)
		if err != nil {
			return err
		}
		b.Taxes = append(b.Taxes, BillTax{tariff.Digits(t.Rate, 0, 2), amount})
	}
	b.Net = &net
	return nil
}

func line(t *tariff.Tariff, l tariff.Line, amount kiosk.Money) BillLine {
	price, volume := t.Gross(l), l.Volume
	if l.Dimension == tariff.Time || l.Dimension == tariff.Parking { // an hour to a minute
		price = new(big.Rat).Quo(price, big.NewRat(60, 1))
		volume = new(big.Rat).Mul(volume, big.NewRat(60, 1))
	}
	decimals := map[tariff.Dimension]int{tariff.Energy: 3, tariff.Time: 1, tariff.Parking: 1}[l.Dimension]
	return BillLine{Dimension: l.Dimension, Price: tariff.Digits(price, amount.Currency.Digits(), 4),
		Volume: volume.FloatString(decimals), Amount: amount}
}
