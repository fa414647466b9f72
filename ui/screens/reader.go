package screens

// reader is for a card terminal that does not answer.
func (pg *page) reader() { pg.outage("terminal", "reader.title", pg.t(pg.v.Key())) }
