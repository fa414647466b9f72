package screens

import "kioskd/ui"

// owner asks whose session it is: by stop code or by card.
func (pg *page) owner() {
	head := pg.title(pg.t("owner.title", "N", pg.v.Bay))
	if pg.v.Message == "locked" {
		pg.side = numeral{pg.v.Bay, 21}
		pg.block(pg.warnBand(pg.t(pg.v.Key())))
		pg.foot("back", primary, ui.Back, "")
		return
	}
	pg.foot("back", plain, ui.Back, "")
	if pg.v.ByCard && pg.v.Message != "asked" {
		pg.foot("owner.card", plain, ui.ShowCard, "")
	}
	head.nice = true
	says := words{s: pg.t(pg.v.Key(), "N", pg.v.Bay), em: body, color: pg.ink, nice: pg.v.Access.Large && len(pg.alerts) > 0}
	if pg.v.Message != "" {
		says.bold = true
	}
	pg.ask(pg.digits(label{}), pg.unalarmed(head, says, entered{pg.v.Digits, 4})...)
}
