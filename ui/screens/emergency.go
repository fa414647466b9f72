package screens

import (
	"cmp"

	"kioskd/ui"
)

// europe is the emergency number where a view names none.
const europe = "112"

// emergency is for an emergency stop that is pressed.
func (pg *page) emergency() {
	says := pg.alarmBand(pg.t("emergency.title"))
	says.icon, says.em = "stop", title
	pg.top = append(pg.top, says)
	call := pg.title(pg.t("emergency.call", "Phone", pg.p.Piece(cmp.Or(pg.v.Emergency, europe))))
	pg.block(call, pg.say(pg.t(pg.v.Key())))
	if pg.v.Fault != "" {
		pg.block(pg.note(string(pg.v.Fault)))
	}
	if pg.v.Later {
		pg.foot("receipts.button", plain, ui.Open, string(ui.Receipts))
	}
}
