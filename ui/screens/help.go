package screens

import "kioskd/ui"

// help answers what people ask: whom to call, what to say, was I charged, how do I stop.
func (pg *page) help() {
	pg.block(pg.title(pg.t("help.title")))
	if pg.v.Helpline != "" {
		w := pg.title(pg.t("help.call", "Phone", pg.v.Helpline))
		w.color = pg.accent
		pg.block(w)
	}
	if pg.v.Kiosk != "" {
		pg.block(pg.say(pg.t("help.kiosk", "Kiosk", pg.v.Kiosk)))
	}
	if pg.v.Reference != "" {
		pg.block(pg.say(pg.t("help.code", "Code", pg.v.Reference)))
	}
	pg.block(pg.say(pg.t("help.charged")), pg.say(pg.t("help.stop")))
	if pg.v.Later {
		pg.block(pg.note(pg.t("help.receipt")))
	}
	pg.foot("back", primary, ui.Back, "")
}
