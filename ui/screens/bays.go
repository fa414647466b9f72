package screens

import "kioskd/ui"

// bays has a tile for each bay in the order in which they stand.
func (pg *page) bays() {
	head := pg.title(pg.t("bays.title"))
	head.nice = pg.v.Access.Large && pg.small() // the tiles need the room, and say it
	pg.block(head)
	pg.notice()
	pg.foot("back", plain, ui.Back, "")
	if pg.v.Later && !(pg.v.Danger > 0 && pg.v.Access.Large && pg.small()) {
		pg.foot("receipts.button", plain, ui.Open, string(ui.Receipts))
	}
	var tiles []label
	for _, b := range pg.v.Bays {
		tiles = append(tiles, pg.tile(b))
	}
	columns, rows := pg.arrange(tiles, 24)
	pg.block(grid{labels: pg.few(tiles, columns*rows), columns: columns, rowMM: min(34, pg.rowRoom(rows)),
		stretch: true, keys: true})
}
