package screens

import "kioskd/ui"

// price shows every price in the order of the law (AFIR: energy, minute, session, others), an
// example, and what will be reserved, before a card can be shown.
func (pg *page) price() {
	pg.side = pg.numeral(21)
	if pg.v.Web != "" { // a code of a leaf of its own would be in the way of the card
		pg.side = offered{code{pg.v.Web, pg.t("price.web", "N", pg.v.Bay)}}
	}
	pg.unread = true
	for i, p := range pg.v.Prices {
		name, value := pg.priced(p)
		e := entry{name: name, value: value, bold: true, ruled: true}
		if i == 0 {
			e.em = title
		}
		pg.block(e)
	}
	if e := pg.v.Example; e != nil {
		pg.block(entry{name: pg.t("price.example", "Energy", pg.p.Energy(e.Energy, 0)), value: pg.p.Money(e.Cost),
			em: caption, nice: true, ruled: true})
	}
	tax := pg.note(pg.t("price.tax"))
	tax.nice = false
	hold := pg.goodBand(pg.t("price.hold", "Amount", pg.p.Money(pg.v.Hold)))
	hold.icon, hold.under = "", pg.t("price.only_used")
	pg.block(tax, hold)
	if l := pg.limit(pg.v.Limit); l != "" {
		pg.block(pg.tell(pg.t("charging.limit", "Amount", l)))
	}
	pg.foot("back", plain, ui.Back, "")
	if len(pg.v.Limits) > 1 {
		pg.foot("price.set_limit", plain, ui.Open, string(ui.Limits))
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

// offered is a code that is shown where there is room for it beside the prices.
type offered struct{ code }

// words are those of the bay's plate, in whose place it stands.
func (offered) words(pg *page) []block { return pg.numeral(21).words(pg) }
