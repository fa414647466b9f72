package report

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"kioskd"
	"kioskd/session"
)

// Ways in which money and energy are grouped.
const (
	ByDay    = "day"
	ByMonth  = "month"
	ByBay    = "bay"
	ByTariff = "tariff"
	ByKiosk  = "kiosk"
)

// Groups lists them all.
func Groups() []string { return []string{ByDay, ByMonth, ByBay, ByTariff, ByKiosk} }

// Revenue is what was taken and given back, of a group and in one currency.
type Revenue struct {
	Kiosk    string         `json:"kiosk_id,omitempty"` // of a back office, where the group is a bay
	Group    string         `json:"group"`
	Currency kiosk.Currency `json:"currency"`
	Sessions int            `json:"sessions"` // of which money was taken
	Unpaid   int            `json:"unpaid"`   // whose whole hold was given back
	Free     int            `json:"free"`     // that the host granted
	Energy   kiosk.Energy   `json:"energy_wh"`
	Captured kiosk.Money    `json:"captured"`
	// Billed is what should have been taken. It differs from Captured where the terminal booked another amount.
	Billed   kiosk.Money       `json:"billed"`
	Net      *kiosk.Money      `json:"net,omitempty"` // nil where a session of it was sold without saying its tax
	Taxes    []session.BillTax `json:"taxes"`
	Refunded kiosk.Money       `json:"refunded"`
	Kept     kiosk.Money       `json:"kept"`     // Captured less Refunded
	Released kiosk.Money       `json:"released"` // of holds
}

// RevenueBy adds up the movements of a window.
func (b *Book) RevenueBy(ctx context.Context, w Window, by string) ([]Revenue, error) {
	if !slices.Contains(Groups(), by) {
		return nil, &Wrong{fmt.Sprintf("cannot group by %q: want one of %v", by, Groups())}
	}
	groups := map[string]*Revenue{}
	for m, err := range b.Movements(ctx, w) {
		if err != nil {
			return nil, err
		}
		group, currency := m.group(by), m.Amount.Currency
		if by != ByBay {
			m.Kiosk = ""
		}
		key := fmt.Sprintf("%q %q %s", m.Kiosk, group, currency)
		if groups[key] == nil {
			groups[key] = newRevenue(group, currency)
			groups[key].Kiosk = m.Kiosk
		}
		groups[key].add(m.revenue())
	}
	out := make([]Revenue, 0, len(groups))
	for _, r := range groups {
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b Revenue) int {
		if by == ByBay {
			x, _ := strconv.Atoi(a.Group)
			y, _ := strconv.Atoi(b.Group)
			return cmp.Or(cmp.Compare(a.Kiosk, b.Kiosk), cmp.Compare(x, y), cmp.Compare(a.Currency, b.Currency))
		}
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Currency, b.Currency))
	})
	return out, nil
}

// group is that of a movement.
func (m Movement) group(by string) string {
	switch by {
	case ByMonth:
		return m.Day[:len("2026-03")]
	case ByBay:
		return strconv.Itoa(m.Bay)
	case ByTariff:
		return m.Tariff
	case ByKiosk:
		return m.Kiosk
	}
	return m.Day
}

// newRevenue is that of a group in which nothing happened.
func newRevenue(group string, c kiosk.Currency) *Revenue {
	zero := kiosk.Money{Currency: c}
	net := zero
	return &Revenue{Group: group, Currency: c, Captured: zero, Billed: zero, Net: &net, Taxes: []session.BillTax{},
		Refunded: zero, Released: zero, Kept: zero}
}

// revenue is what a movement alone comes to.
func (m Movement) revenue() Revenue {
	r := *newRevenue("", m.Amount.Currency)
	switch m.What {
	case Granted:
		r.Free, r.Energy = 1, m.Energy
	case Release:
		r.Unpaid, r.Released = 1, m.Returned
	case Refunds:
		r.Refunded = m.Amount
	case Capture:
		r.Sessions, r.Energy, r.Captured, r.Released = 1, m.Energy, m.Amount, m.Returned
		r.Net, r.Taxes = m.Net, m.Taxes
		if m.Billed != nil {
			r.Billed = *m.Billed
		}
	}
	r.Kept.Minor = r.Captured.Minor - r.Refunded.Minor
	return r
}

func (r *Revenue) tax(percent string, amount kiosk.Money) {
	for i := range r.Taxes {
		if r.Taxes[i].Percent == percent {
			r.Taxes[i].Amount.Minor += amount.Minor
			return
		}
	}
	r.Taxes = append(r.Taxes, session.BillTax{Percent: percent, Amount: amount})
	slices.SortFunc(r.Taxes, func(a, b session.BillTax) int { return cmp.Compare(a.Percent, b.Percent) })
}

// add adds what another group comes to, in the same currency.
func (r *Revenue) add(o Revenue) {
	r.Sessions, r.Unpaid, r.Free, r.Energy = r.Sessions+o.Sessions, r.Unpaid+o.Unpaid, r.Free+o.Free, r.Energy+o.Energy
	for _, p := range []struct{ to, of *kiosk.Money }{{&r.Captured, &o.Captured}, {&r.Billed, &o.Billed},
		{&r.Refunded, &o.Refunded}, {&r.Kept, &o.Kept}, {&r.Released, &o.Released}} {
		p.to.Minor += p.of.Minor
	}
	switch {
	case o.Net == nil:
		r.Net = nil
	case r.Net != nil:
		r.Net = &kiosk.Money{Minor: r.Net.Minor + o.Net.Minor, Currency: r.Currency}
	}
	for _, t := range o.Taxes {
		r.tax(t.Percent, t.Amount)
	}
}

// Total adds up groups, a row a currency.
func Total(groups []Revenue) []Revenue {
	sums := map[kiosk.Currency]*Revenue{}
	for _, g := range groups {
		if sums[g.Currency] == nil {
			sums[g.Currency] = newRevenue("", g.Currency)
		}
		sums[g.Currency].add(g)
	}
	out := make([]Revenue, 0, len(sums))
	for _, c := range slices.Sorted(maps.Keys(sums)) {
		out = append(out, *sums[c])
	}
	return out
}

// Revenue is the report of what was taken, by day, month, bay, tariff or kiosk.
func (b *Book) Revenue(ctx context.Context, w Window, by string) (Table, error) {
	groups, err := b.RevenueBy(ctx, w, by)
	if err != nil {
		return Table{}, err
	}
	total := Total(groups)
	t := Table{Name: "revenue", By: by, Window: w, Minor: []string{"currency"},
		Columns: []Column{{"kiosk", Text}, {by, Text}, {"sessions", Count}, {"unpaid", Count}, {"free", Count},
			{"energy_wh", Energy}, {"captured", Amount}, {"net", Amount}}}
	var rates []string
	for _, s := range total {
		for _, x := range s.Taxes {
			if !slices.Contains(rates, x.Percent) {
				rates = append(rates, x.Percent)
			}
		}
	}
	slices.Sort(rates)
	for _, r := range rates {
		t.Columns = append(t.Columns, Column{"vat_" + r, Amount})
	}
	t.Columns = append(t.Columns, Column{"refunded", Amount}, Column{"kept", Amount}, Column{"released", Amount},
		Column{"difference", Amount}, Column{"currency", Text})
	for _, g := range groups {
		t.Rows = append(t.Rows, g.row(rates))
	}
	for _, s := range total {
		t.Sums = append(t.Sums, s.row(rates))
	}
	t.Notes, err = b.remarks(ctx, w)
	if by != ByBay { // of all kiosks together, or the kiosk is the group
		return alone(t), err
	}
	return b.shown(t), err
}

func (r Revenue) row(rates []string) []any {
	out := []any{r.Kiosk, r.Group, r.Sessions, r.Unpaid, r.Free, r.Energy, r.Captured, money(r.Net)}
	for _, rate := range rates {
		amount := kiosk.Money{Currency: r.Currency}
		for _, t := range r.Taxes {
			if t.Percent == rate {
				amount = t.Amount
			}
		}
		if r.Net == nil { // a session of it does not say its tax: a part of it would be taken for all
			out = append(out, nil)
			continue
		}
		out = append(out, amount)
	}
	difference := kiosk.Money{Minor: r.Captured.Minor - r.Billed.Minor, Currency: r.Currency}
	return append(out, r.Refunded, r.Kept, r.Released, difference, string(r.Currency))
}

// remarks say what the sums of a window leave out.
func (b *Book) remarks(ctx context.Context, w Window) (out []Note, err error) {
	unreadable, open, due := 0, 0, map[kiosk.Currency]int64{}
	for s, err := range b.Sessions(ctx, w) {
		if err != nil {
			return nil, err
		}
		switch s.Outcome {
		case Unreadable:
			unreadable++
		case Unsettled, Disputed:
			open++
			if s.Billed != nil {
				due[s.Billed.Currency] += s.Billed.Minor
			}
		}
	}
	if unreadable > 0 {
		out = append(out, Note{Key: "unreadable", N: unreadable})
	}
	if open > 0 {
		n := Note{Key: "unsettled", N: open}
		for _, c := range slices.Sorted(maps.Keys(due)) {
			n.Amounts = append(n.Amounts, kiosk.Money{Minor: due[c], Currency: c})
		}
		out = append(out, n)
	}
	return out, nil
}
