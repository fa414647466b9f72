package screens

// offline is for a card terminal that does not reach its bank.
func (pg *page) offline() {
	pg.side = pg.sign("bank", pg.warning)
	pg.outage("offline.title", pg.t("offline.text"))
}
