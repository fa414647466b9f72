package screens

import "kioskd/ui"

// plugIn is for a driver who has paid and has no vehicle connected yet.
func (pg *page) plugIn() {
	pg.side = pg.picture("cable")
	pg.step(4)
	switch {
	case pg.v.Free:
		pg.block(pg.money(pg.t("plug_in.free")))
	case pg.v.Partial:
		pg.block(pg.money(pg.t("plug_in.partial", "Amount", pg.p.Money(pg.v.Approved))))
	default:
		pg.block(pg.money(pg.t("plug_in.held", "Amount", pg.p.Money(pg.v.Approved))))
	}
	if pg.v.Message == "starting" {
		pg.block(pg.title(pg.t("plug_in.starting")), pg.say(pg.t("bay", "N", pg.v.Bay)))
		pg.stopCode()
		return
	}
	if n := pg.v.Elsewhere; n > 0 {
		pg.block(pg.title(pg.t("plug_in.elsewhere", "N", n)), pg.say(pg.t("plug_in.title", "N", pg.v.Bay)))
		pg.foot("charging.others", plain, ui.Back, "")
		pg.feet = append(pg.feet, label{text: pg.t("plug_in.move", "N", n), style: primary,
			tap: pg.act(ui.Move, itoa(n))})
		return
	}
	left := pg.say(pg.t("plug_in.left", "Time", pg.p.Duration(pg.v.Seconds)))
	left.nice = true
	pg.block(pg.title(pg.t("plug_in.title", "N", pg.v.Bay)), left)
	pg.stopCode()
	if pg.v.StopCode == "" { // it is not theirs to cancel
		pg.foot("back", plain, ui.Back, "")
		return
	}
	pg.foot("charging.others", plain, ui.Back, "")
	pg.foot("cancel", plain, ui.Stop, "")
	if pg.v.More && !pg.v.Access.Large { // who needs larger text has three times as long
		pg.foot("still.more", plain, ui.MoreTime, "")
	}
}

// stopCode is for the session's owner only.
func (pg *page) stopCode() {
	if pg.v.StopCode != "" {
		w := pg.say(pg.t("stop_code", "Code", pg.v.StopCode))
		w.bold = true
		pg.block(w)
	}
}
