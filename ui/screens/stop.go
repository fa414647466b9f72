package screens

import "kioskd/ui"

// stopAsk lets the owner confirm.
func (pg *page) stopAsk() {
	pg.side = pg.sign("stop", pg.alarm)
	pg.block(pg.title(pg.t("stop.title", "N", pg.v.Bay)))
	pg.block(lesser{pg.sofar()})
	pg.block(pg.note(pg.t("wait.used")))
	pg.foot("stop.no", plain, ui.Back, "")
	pg.foot("stop.yes", primary, ui.Confirm, "")
}
