package screens

import "kioskd/ui"

// declined says why there is no payment, that nothing was reserved, and what to do.
func (pg *page) declined() {
	pg.side = pg.sign("card", pg.warning)
	pg.block(pg.title(pg.t("declined.title")), pg.say(pg.t(pg.v.Key())), pg.money(pg.t("declined.nothing")))
	pg.reference()
	if pg.v.Again {
		pg.foot("back", plain, ui.Back, "")
		pg.foot("declined.again", primary, ui.Again, "")
		return
	}
	pg.foot("back", primary, ui.Back, "")
}
