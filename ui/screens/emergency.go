package screens

// emergency is for an emergency stop that is pressed.
func (pg *page) emergency() {
	pg.side = pg.sign("stop", pg.alarm)
	pg.v.Bays = nil // nothing goes on
	pg.outage("emergency.title", pg.t("emergency.call"))
	pg.block(pg.say(pg.t(pg.v.Key())))
}
