package tariff

import (
	"math/big"
	"slices"

	"kioskd"
)

// rate is the sum of all lines with one VAT rate.
type rate struct {
	vat           *big.Rat // percent; nil where none applies
	before, after *big.Rat
}

// total fills in sums, limits, taxes and the rounded amounts.
func (t *Tariff) total(c *Cost) {
	rates, known := t.rates(c.Lines)
	before, after := new(big.Rat), new(big.Rat)
	for _, r := range rates {
		after.Add(after, r.after)
		before.Add(before, r.before)
	}
	plainBefore, plainAfter := new(big.Rat).Set(before), new(big.Rat).Set(after)
	for _, limit := range []struct {
		name  string
		price *PriceLimit
		sign  int
	}{{"min_price", t.MinPrice, 1}, {"max_price", t.MaxPrice, -1}} {
		if limit.price != nil && bound(before, after, limit.price, limit.sign) {
			c.Limited = limit.name
		}
	}
	c.ExactAfter = after
	c.AfterTaxes = kiosk.Money{Minor: roundMinor(after, c.Currency.Digits()), Currency: c.Currency}
	if !known {
		return
	}
	c.ExactBefore = before
	tax := new(big.Rat).Sub(after, before)
	plainTax := new(big.Rat).Sub(plainAfter, plainBefore)
	sum := int64(0)
	for _, r := range rates {
		if r.vat == nil {
			continue
		}
		part := new(big.Rat).Sub(r.after, r.before)
		if plainTax.Sign() > 0 { // where a limit applied, each rate bears its share of it
			part.Mul(part, new(big.Rat).Quo(tax, plainTax))
		}
		amount := roundMinor(part, c.Currency.Digits())
		sum += amount
		c.Taxes = append(c.Taxes, Tax{r.vat, kiosk.Money{Minor: amount, Currency: c.Currency}})
	}
	c.BeforeTaxes = &kiosk.Money{Minor: c.AfterTaxes.Minor - sum, Currency: c.Currency}
}

// rates groups the lines by VAT rate. known is false where prices include a tax that
// the tariff does not name.
func (t *Tariff) rates(all []Line) (out []rate, known bool) {
	known = true
	for _, l := range all {
		before, after := l.Exact, l.Exact
		switch {
		case l.VAT == nil || t.TaxIncluded == "N/A":
			known = known && (t.TaxIncluded != "YES" || l.Exact.Sign() == 0)
		case t.TaxIncluded == "YES":
			before = new(big.Rat).Quo(l.Exact, factor(l.VAT))
		default:
			after = new(big.Rat).Mul(l.Exact, factor(l.VAT))
		}
		i := slices.IndexFunc(out, func(r rate) bool {
			return r.vat == nil && l.VAT == nil || r.vat != nil && l.VAT != nil && r.vat.Cmp(l.VAT) == 0
		})
		if i < 0 {
			out = append(out, rate{l.VAT, new(big.Rat), new(big.Rat)})
			i = len(out) - 1
		}
		out[i].before.Add(out[i].before, before)
		out[i].after.Add(out[i].after, after)
	}
	return out, known
}

// factor is 1 + percent/100.
func factor(percent *big.Rat) *big.Rat {
	f := new(big.Rat).Quo(percent, big.NewRat(100, 1))
	return f.Add(f, big.NewRat(1, 1))
}

// bound moves the sums to a limit: up with sign 1, down with sign -1. Where one of
// the two bounds is missing the tax keeps its share.
func bound(before, after *big.Rat, limit *PriceLimit, sign int) (moved bool) {
	apply := func(v, other *big.Rat, to *Decimal, alone bool) {
		if to == nil || to.Cmp(v)*sign <= 0 {
			return
		}
		moved = true
		switch {
		case alone && v.Sign() > 0:
			other.Mul(other, new(big.Rat).Quo(&to.Rat, v))
		case alone:
			other.Set(&to.Rat)
		}
		v.Set(&to.Rat)
	}
	apply(before, after, limit.BeforeTaxes, limit.AfterTaxes == nil)
	apply(after, before, limit.AfterTaxes, limit.BeforeTaxes == nil)
	return moved
}

// roundMinor rounds to minor units, half away from zero.
func roundMinor(v *big.Rat, digits int) int64 {
	scaled := new(big.Rat).Mul(v, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)))
	twice := new(big.Int).Add(new(big.Int).Mul(new(big.Int).Abs(scaled.Num()), big.NewInt(2)), scaled.Denom())
	n := twice.Quo(twice, new(big.Int).Mul(scaled.Denom(), big.NewInt(2))).Int64()
	if scaled.Sign() < 0 {
		return -n
	}
	return n
}

// LineAmounts rounds the lines' gross amounts so that they add up to the rounded
// total of all lines, which is the cost where no limit applied.
func (t *Tariff) LineAmounts(c *Cost) []kiosk.Money {
	out := make([]kiosk.Money, len(c.Lines))
	sum, given := new(big.Rat), int64(0)
	for i, l := range c.Lines {
		sum.Add(sum, t.gross(l.Exact, l.VAT))
		upTo := roundMinor(sum, c.Currency.Digits())
		out[i] = kiosk.Money{Minor: upTo - given, Currency: c.Currency}
		given = upTo
	}
	return out
}

func (t *Tariff) gross(price, vat *big.Rat) *big.Rat {
	if t.TaxIncluded == "NO" && vat != nil {
		return new(big.Rat).Mul(price, factor(vat))
	}
	return price
}

// Gross is a line's price with tax.
func (t *Tariff) Gross(l Line) *big.Rat { return t.gross(l.Price, l.VAT) }

// TaxKnown tells whether the tariff says which tax its prices include, or that none applies.
func (t *Tariff) TaxKnown() bool {
	for _, e := range t.Elements {
		for _, c := range e.PriceComponents {
			if t.TaxIncluded == "YES" && c.VAT == nil && c.Price.Sign() > 0 {
				return false
			}
		}
	}
	return true
}

// Part is what a dimension came to, exactly, before minimum, maximum and hold.
type Part struct {
	Before, After *big.Rat
	Taxes         []PartTax
}

// PartTax is one rate of a part.
type PartTax struct{ Percent, Amount *big.Rat }

// Part adds up the lines of a dimension; ok is false where it has none, or their tax is not
// known.
func (t *Tariff) Part(c *Cost, d Dimension) (p Part, ok bool) {
	var mine []Line
	for _, l := range c.Lines {
		if l.Dimension == d {
			mine = append(mine, l)
		}
	}
	rates, known := t.rates(mine)
	p = Part{Before: new(big.Rat), After: new(big.Rat)}
	for _, r := range rates {
		p.Before.Add(p.Before, r.before)
		p.After.Add(p.After, r.after)
		if r.vat != nil {
			p.Taxes = append(p.Taxes, PartTax{r.vat, new(big.Rat).Sub(r.after, r.before)})
		}
	}
	return p, known && len(mine) > 0
}
