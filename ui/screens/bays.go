package screens

import (
	"strconv"

	"fyne.io/fyne/v2"

	"kioskd/ui"
)

// bays has a tile for each bay in the order in which they stand.
func (pg *page) bays() {
	pg.danger()
	pg.step(1)
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
		l := label{text: strconv.Itoa(b.Number), under: pg.t("bay." + string(b.State)), big: true,
			tap: pg.act(ui.Choose, strconv.Itoa(b.Number))}
		switch b.State {
		case ui.BayFree:
			l.icon, l.style = "check", good
		case ui.BayPlugged:
			l.icon, l.style, l.pulse = "car", primary, true
		case ui.BayInUse, ui.BayPaid:
			l.icon = "clock"
		case ui.BayEnded:
			l.icon = "receipt"
		case ui.BayBroken:
			l.icon, l.style = "cross", quiet
		}
		tiles = append(tiles, l)
	}
	columns, rows := pg.cells(len(tiles), pg.broad(24), 30)
	if pg.v.Access.Large { // a large number needs no broad tile, but the words below it may
		for wide := float32(24 * 1.15); wide < 24*broader; wide *= 1.2 {
			c, r := pg.cells(len(tiles), wide, 22)
			if pg.tilesFit(tiles, c, r) && c*r > columns*rows {
				columns, rows = c, r
				break
			}
		}
	}
	pg.block(grid{labels: pg.few(tiles, columns*rows), columns: columns, rowMM: min(30, pg.rowRoom(rows)),
		stretch: true, keys: true})
}

// tilesFit tells whether all words fit on tiles, so many beside and below each other.
func (pg *page) tilesFit(tiles []label, columns, rows int) bool {
	b := pg.frame().body
	space := pg.u(between)
	size := fyne.NewSize((b.w-float32(columns-1)*space)/float32(columns), pg.u(min(30, pg.rowRoom(rows))))
	cut := len(pg.pic.Cut)
	for _, l := range tiles {
		pg.face(l, size, pg.ink, pg.panel, pg.accent)
	}
	fits := len(pg.pic.Cut) == cut
	pg.pic.Cut = pg.pic.Cut[:cut]
	return fits
}

// broader is how much broader what is chosen is for a visitor who needs larger text: words grow in both directions.
const broader = 2.1

// broad is how many millimetres broad a tile is for this visitor.
func (pg *page) broad(wide float32) float32 {
	if pg.v.Access.Large {
		return wide * broader
	}
	return wide
}

// cells is how many columns and rows of tiles the middle has room for, at least so many millimetres each.
func (pg *page) cells(n int, wide, high float32) (columns, rows int) {
	b := pg.frame().body
	if pg.v.Access.Large && pg.portrait() { // within reach: the lower half
		b.h = b.y + b.h - pg.Size.Height*0.42
	}
	columns = max(1, min(n, int((b.w+pg.u(between))/pg.u(wide+between))))
	rows = max(1, int((b.h-pg.u(title*1.6))/pg.u(high+between)))
	if need := (n + columns - 1) / columns; need < rows { // fewer, broader ones
		rows = need
	}
	for columns > 1 && (n+columns-2)/(columns-1) <= rows {
		columns--
	}
	return columns, rows
}

// rowRoom is how high so many rows may be beside a title.
func (pg *page) rowRoom(rows int) float32 {
	b := pg.frame().body
	return max(target, (b.h/pg.mm-title*1.6-float32(rows-1)*between)/float32(rows)*0.8)
}

// step tells how far the visitor is.
func (pg *page) step(n int) {
	pg.block(words{s: pg.t("step", "N", n, "Total", 4), em: caption, color: pg.soft, nice: true})
}
