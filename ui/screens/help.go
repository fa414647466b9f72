package screens

import "kioskd/ui"

// help answers what people ask: whom to call, what to say, was I charged, how do I stop.
func (pg *page) help() {
	if pg.v.Helpline != "" {
		call := pg.tell(pg.t("help.call", "Phone", pg.v.Helpline))
		call.icon, call.em = "phone", lead
		if pg.v.Kiosk != "" {
			call.under = pg.t("help.kiosk", "Kiosk", pg.v.Kiosk)
		}
		pg.top = append(pg.top, call)
	} else if pg.v.Kiosk != "" {
		pg.block(pg.say(pg.t("help.kiosk", "Kiosk", pg.v.Kiosk)))
	}
	if pg.v.Reference != "" {
		w := pg.say(pg.t("help.code", "Code", pg.v.Reference))
		w.bold = true
		pg.block(w)
	}
	pg.block(pg.say(pg.t("help.stop")), pg.say(pg.t("help.charged")))
	if pg.v.Later {
		pg.block(pg.say(pg.t("help.receipt")))
	}
	if pg.v.Brand.Help != "" {
		pg.block(pg.say(pg.v.Brand.Help))
	}
	pg.foot("back", primary, ui.Back, "")
}
