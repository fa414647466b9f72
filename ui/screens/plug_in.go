package screens

import "kioskd/ui"

// plugIn is for a driver who has paid and has no vehicle connected yet.
func (pg *page) plugIn() {
	pg.side = pg.numeral(27)
	switch {
	case pg.v.Free:
		pg.top = append(pg.top, pg.goodBand(pg.t("plug_in.free")))
	case pg.v.Partial:
		pg.top = append(pg.top, pg.warnBand(pg.t("plug_in.partial", "Amount", pg.p.Money(pg.v.Approved))))
	default:
		pg.top = append(pg.top, pg.goodBand(pg.t("plug_in.held", "Amount", pg.p.Money(pg.v.Approved))))
	}
	if pg.v.Message == "starting" {
		pg.block(pg.title(pg.t("plug_in.starting")))
		pg.stopCode()
		return
	}
	if n := pg.v.Elsewhere; n > 0 {
		pg.block(pg.title(pg.t("plug_in.elsewhere", "N", n)), pg.say(pg.t("plug_in.title", "N", pg.v.Bay)),
			pg.say(pg.t("plug_in.left", "Time", pg.p.Duration(pg.v.Seconds))))
		pg.foot("back", plain, ui.Back, "")
		pg.feet = append(pg.feet, label{text: pg.t("plug_in.move", "N", n), style: primary,
			sign: "cable", tap: pg.act(ui.Move, itoa(n))})
		return
	}
	left := pg.say(pg.t("plug_in.left", "Time", pg.p.Duration(pg.v.Seconds)))
	left.nice, left.color = true, pg.soft
	pg.block(pg.title(pg.t("plug_in.title", "N", pg.v.Bay)), left)
	pg.stopCode()
	pg.block(way{pg.v.Bay})
	if pg.v.StopCode == "" { // it is not theirs to cancel
		pg.foot("back", plain, ui.Back, "")
		return
	}
	pg.foot("cancel", danger, ui.Stop, "")
	if pg.v.More && !pg.v.Access.Large && !pg.small() { // it is asked about before the time is over, too
		pg.foot("still.more", plain, ui.MoreTime, "")
	}
	pg.foot("charging.others", primary, ui.Back, "")
	pg.signs("cross", "back")
}

// stopCode is for the session's owner only.
func (pg *page) stopCode() {
	if pg.v.StopCode != "" {
		b := pg.tell(pg.t("stop_code"))
		b.value, b.spell = pg.p.Piece(pg.v.StopCode), true
		pg.block(b)
	}
}
