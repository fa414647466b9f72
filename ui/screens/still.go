package screens

import "kioskd/ui"

// still asks a visitor who lets their time run out whether they are there.
func (pg *page) still() {
	pg.side = pg.picture("clock")
	pg.block(pg.title(pg.t("still.title")), pg.say(pg.t("plug_in.left", "Time", pg.p.Duration(pg.v.Seconds))))
	if pg.v.Approved.Minor > 0 {
		do := pg.say(pg.t("plug_in.title", "N", pg.v.Bay))
		do.nice = true
		pg.block(do, pg.tell(pg.t("wait.money")))
	} else {
		pg.block(pg.tell(pg.t("tap.nothing")))
	}
	pg.foot("cancel", plain, ui.Back, "")
	if pg.v.More {
		pg.foot("still.more", primary, ui.MoreTime, "")
		pg.signs("cross", "clock")
	}
}
