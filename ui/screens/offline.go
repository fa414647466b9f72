package screens

// offline is for a card terminal that does not reach its bank.
func (pg *page) offline() { pg.outage("bank", "offline.title", pg.t("offline.text")) }
