package screens

import "kioskd/ui"

// stopAsk lets the owner confirm.
func (pg *page) stopAsk() {
	if pg.v.Message == "cancel" {
		pg.side = pg.sign("warning", pg.warning)
		pg.block(pg.title(pg.t("cancel.title", "N", pg.v.Bay)), pg.money(pg.t("cancel.money")))
		pg.foot("cancel.no", plain, ui.Back, "")
		pg.foot("cancel.yes", danger, ui.Confirm, "")
		return
	}
	pg.side = pg.sign("stop", pg.alarm)
	pg.block(pg.title(pg.t("stop.title", "N", pg.v.Bay)))
	pg.block(pg.sofar())
	pg.block(pg.note(pg.t("wait.used")))
	pg.foot("stop.no", plain, ui.Back, "")
	pg.foot("stop.yes", danger, ui.Confirm, "")
}
