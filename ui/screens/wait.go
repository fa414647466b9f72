package screens

// wait says what is being done, and what is true of the money meanwhile.
func (pg *page) wait() {
	pg.side = pg.picture("wait")
	pg.block(pg.title(pg.t("wait.title")), pg.say(pg.t(pg.v.Key())))
	switch pg.v.Message {
	case "busy":
		pg.block(pg.money(pg.t("tap.nothing")))
	case "stopping":
		pg.block(pg.money(pg.t("wait.used")))
	default:
		pg.block(pg.money(pg.t("wait.nothing")))
	}
	pg.reference()
}

// reference is what a visitor says who asks for help.
func (pg *page) reference() {
	if pg.v.Reference != "" {
		pg.block(pg.note(pg.t("help.code", "Code", pg.v.Reference)))
	}
}
