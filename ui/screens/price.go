package screens

import "kioskd/ui"

// price shows every price in the order of the law (AFIR: energy, minute, session, others), an
// example, and what will be reserved, before a card can be shown.
func (pg *page) price() {
	pg.step(2)
	pg.unread = true
	pg.block(pg.title(pg.t("price.title", "N", pg.v.Bay)))
	for i, p := range pg.v.Prices {
		w := pg.say(pg.priceLine(p))
		if i == 0 {
			w.em, w.bold, w.color = large, true, pg.accent
		}
		pg.block(w)
	}
	tax := pg.note(pg.t("price.tax"))
	tax.nice = false
	pg.block(tax)
	if e := pg.v.Example; e != nil {
		pg.block(pg.note(pg.t("price.example", "Energy", pg.p.Energy(e.Energy, 0), "Amount", pg.p.Money(e.Cost))))
	}
	hold := pg.say(pg.t("price.hold", "Amount", pg.p.Money(pg.v.Hold)) + pg.t("join.sentence") +
		pg.t("price.only_used"))
	hold.bold = true
	pg.block(hold)
	if l := pg.limit(pg.v.Limit); l != "" {
		pg.block(pg.money(pg.t("charging.limit", "Amount", l)))
	}
	pg.foot("back", plain, ui.Back, "")
	if len(pg.v.Limits) > 1 {
		key := "price.no_limit"
		if pg.limit(pg.v.Limit) != "" {
			key = "price.change_limit"
		}
		pg.foot(key, plain, ui.Open, string(ui.Limits))
	}
	pg.foot("price.pay", primary, ui.Accept, "")
}

// limit is where charging stops, or nothing.
func (pg *page) limit(l ui.Limit) string {
	switch {
	case l.Cost.Minor > 0:
		return pg.p.Money(l.Cost)
	case l.Energy > 0:
		return pg.p.Energy(l.Energy, 0)
	}
	return ""
}
