package screens

// lost is drawn by the screen itself while the daemon is away.
func (pg *page) lost() {
	pg.bare = true
	pg.side = pg.picture("wait")
	pg.block(pg.title(pg.t("lost.title")), pg.say(pg.t("lost.text")))
}
