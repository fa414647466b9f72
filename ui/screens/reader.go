package screens

// reader is for a card terminal that does not answer.
func (pg *page) reader() {
	pg.side = pg.sign("terminal", pg.warning)
	pg.outage("reader.title", pg.t(pg.v.Key()))
}
