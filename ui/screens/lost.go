package screens

// lost is drawn by the screen itself while the daemon is away.
func (pg *page) lost() {
	pg.bare = true
	pg.block(dots{}, pg.title(pg.t("lost.title")), pg.tell(pg.t("lost.text")))
}
