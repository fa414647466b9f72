package screens

import "kioskd/ui"

// stopAsk lets the owner confirm.
func (pg *page) stopAsk() {
	pg.side = pg.numeral(21)
	if pg.v.Message == "cancel" {
		pg.block(pg.title(pg.t("cancel.title", "N", pg.v.Bay)), pg.tell(pg.t("cancel.money")))
		pg.foot("cancel.yes", danger, ui.Confirm, "")
		pg.foot("cancel.no", primary, ui.Back, "")
		pg.signs("cross", "back")
		return
	}
	pg.block(pg.title(pg.t("stop.title", "N", pg.v.Bay)), pg.sofar(), pg.tell(pg.t("wait.used")))
	pg.foot("stop.yes", danger, ui.Confirm, "")
	pg.foot("stop.no", primary, ui.Back, "")
	pg.signs("stop", "back")
}
