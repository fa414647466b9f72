package screens

// emergency is for an emergency stop that is pressed.
func (pg *page) emergency() {
	pg.side = pg.sign("stop", pg.alarm)
	pg.v.Bays = nil // nothing goes on
	pg.outage("emergency.title", pg.t(pg.v.Key()))
	pg.block(words{s: pg.t("emergency.call"), em: body, bold: true, color: pg.alarm})
}
