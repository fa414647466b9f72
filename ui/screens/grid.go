package screens

import (
	"strconv"

	"fyne.io/fyne/v2"

	"kioskd/ui"
)

// grid is buttons in columns, all in one size of type.
type grid struct {
	labels  []label
	columns int
	rowMM   float32
	stretch bool
	keys    bool // digits and letters stand from left to right in every language
}

func (g grid) rows() int { return (len(g.labels) + g.columns - 1) / g.columns }

func (g grid) grows() bool { return g.stretch }

func (g grid) height(pg *page, _ float32) float32 {
	n := float32(g.rows())
	return n*pg.u(g.rowMM) + (n-1)*pg.u(between)
}

func (g grid) place(pg *page, r rect) {
	n := float32(g.columns)
	space := pg.u(between)
	w := (r.w - (n-1)*space) / n
	rows := float32(g.rows())
	h := min((r.h-(rows-1)*space)/rows, pg.u(46))
	y := r.y + (r.h-rows*h-(rows-1)*space)/2
	size := fyne.NewSize(w, h)
	em := pg.together(g.labels, func(int) fyne.Size { return size })
	for i, l := range g.labels {
		from := float32(i%g.columns) * (w + space)
		x := pg.along(r, from, w)
		if g.keys {
			x = r.x + from
		}
		pg.button(l, fyne.NewPos(x, y+float32(i/g.columns)*(h+space)), size, em)
	}
}

// broader is how much broader a tile may become for a visitor who needs larger text: words grow in both directions.
const broader = 2.1

// heading is the room of a title above tiles. A visitor who needs larger text has tiles in its place on a panel of
// seven inches, because they say it, too; on a tall one the title stands above what is within reach.
func (pg *page) heading() float32 {
	if pg.v.Access.Large && (pg.small() || pg.portrait()) {
		return 0
	}
	return pg.u(title*1.3 + gap)
}

// reach is where tiles may be: what is left of the stage below bands and a title, on a tall panel for a visitor who
// needs larger text its lower part.
func (pg *page) reach() rect {
	b := pg.frame().body
	low := b.h - pg.bands(b) - pg.heading()
	if pg.v.Access.Large && pg.portrait() {
		low = min(low, b.y+b.h-pg.Size.Height*0.42)
	}
	b.y, b.h = b.y+b.h-low, low
	return b
}

// cells is how many columns and rows of tiles the stage has room for, at least so many millimetres each.
func (pg *page) cells(n int, wide, high float32) (columns, rows int) {
	b := pg.reach()
	columns = max(1, min(n, int((b.w+pg.u(between))/pg.u(wide+between))))
	rows = max(1, int((b.h+pg.u(between))/pg.u(high+between)))
	if need := (n + columns - 1) / columns; need < rows { // fewer, broader ones
		rows = need
	}
	for columns > 1 && (n+columns-2)/(columns-1) <= rows {
		columns--
	}
	return columns, rows
}

// rowRoom is how high, in millimetres, so many rows may be.
func (pg *page) rowRoom(rows int) float32 {
	b := pg.reach()
	return max(target, (b.h/pg.mm-float32(rows-1)*between)/float32(rows))
}

// tile is a bay as it is chosen: its number, and its state in words, fill and sign.
func (pg *page) tile(b ui.BayView) label {
	l := label{text: strconv.Itoa(b.Number), under: pg.t("bay." + string(b.State)), tile: true, style: taken,
		tap: pg.act(ui.Choose, strconv.Itoa(b.Number))}
	switch b.State {
	case ui.BayFree:
		l.style = good
	case ui.BayPlugged:
		l.icon, l.style, l.pulse = "car", primary, true
	case ui.BayEnded:
		l.icon = "receipt"
	case ui.BayBroken:
		l.icon, l.style = "cross", broken
	}
	if b.Number == pg.v.Danger {
		l.icon, l.style = "warning", alarmed
	}
	return l
}

// tilesFit tells whether all words fit on tiles, so many beside and below each other.
func (pg *page) tilesFit(tiles []label, columns, rows int) bool {
	b := pg.frame().body
	space := pg.u(between)
	size := fyne.NewSize((b.w-float32(columns-1)*space)/float32(columns), pg.u(min(34, pg.rowRoom(rows))))
	letters := pg.letters()
	for _, l := range tiles {
		if !pg.fitsOn(l, size, letters[len(letters)-1]) {
			return false
		}
	}
	return true
}

// arrange is how many columns and rows a list is chosen from, its tiles at least so many millimetres wide. For a
// visitor who needs larger text there are as many as their words let stand beside each other.
func (pg *page) arrange(tiles []label, wide float32) (columns, rows int) {
	columns, rows = pg.cells(len(tiles), wide, target)
	for w := wide; pg.v.Access.Large && w < wide*broader; w++ {
		columns, rows = pg.cells(len(tiles), w, target)
		if pg.tilesFit(tiles, columns, rows) {
			break
		}
	}
	if columns*rows < 2 && len(tiles) > 1 { // one, and the way to the others
		columns = 2
	}
	return columns, rows
}

// tiles are all bays of a small site beside the price: touching one chooses it.
type tiles struct {
	grid
	wide float32 // millimetres, of one
}

// tilesBeside are the tiles of all bays, or nil where there are too many or they have no room.
func (pg *page) tilesBeside() aside {
	if pg.v.Access.Large && pg.small() {
		return nil
	}
	n := len(pg.v.Bays)
	t := tiles{grid: grid{columns: min(n, 2), rowMM: target, keys: true}, wide: 25}
	most := 4
	if !pg.small() {
		t.rowMM, t.wide, most = 24, 32, 8
	}
	if n > most {
		return nil
	}
	switch {
	case pg.v.Access.Large && !pg.portrait():
		t.wide = 44
	case pg.v.Access.Large:
		t.columns, t.rowMM = min(n, 2), 28
	case pg.portrait():
		t.columns = min(n, 4)
	}
	for _, b := range pg.v.Bays {
		t.labels = append(t.labels, pg.tile(b))
	}
	return t
}

func (t tiles) beside(pg *page) (float32, align) {
	n := float32(t.columns)
	return n*pg.u(t.wide) + (n-1)*pg.u(between), end
}

func (t tiles) words(pg *page) []block { return []block{pg.freeBays()} }

func (t tiles) place(pg *page, r rect) {
	rows := float32(t.rows())
	most := rows*pg.u(38) + (rows-1)*pg.u(between)
	h := min(r.h, most)
	t.grid.place(pg, rect{r.x, r.y + (r.h-h)/2, r.w, h})
}
