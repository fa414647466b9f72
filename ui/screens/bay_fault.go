package screens

import "kioskd/ui"

// bayFault says why a bay cannot be used.
func (pg *page) bayFault() {
	pg.side = pg.sign("warning", pg.warning)
	pg.block(pg.title(pg.t("bay_fault.title", "N", pg.v.Bay)), pg.say(pg.t(pg.v.Key())),
		pg.money(pg.t("bay_fault.nothing")), pg.note(string(pg.v.Fault)))
	pg.foot("back", primary, ui.Back, "")
}
