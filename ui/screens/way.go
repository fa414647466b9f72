package screens

import "slices"

// way leads the driver from the screen to their bay: the end of a cable, and the bays in the order in which they stand,
// theirs filled. It says nothing that the words beside it do not.
type way struct{ bay int }

// mostPlates is how many bays it shows.
const mostPlates = 7

func (way) extra() bool { return true }

func (way) height(pg *page, _ float32) float32 {
	if pg.v.Access.Large {
		return pg.u(20)
	}
	return pg.u(15)
}

// bays are those next to the driver's, and theirs, as far as they have room.
func (w way) bays(pg *page, width float32) []int {
	var all []int
	for _, b := range pg.v.Bays {
		all = append(all, b.Number)
	}
	edge := w.height(pg, width)
	most := min(mostPlates, int((width-edge)/(edge*0.85)))
	if len(all) <= most {
		return all
	}
	first := min(max(0, slices.Index(all, w.bay)-most/2), len(all)-most)
	return all[first : first+most]
}

func (w way) place(pg *page, r rect) {
	edge := r.h
	pg.add(at(icon("plug", pg.ink, pg.panel, pg.accent), pg.along(r, 0, edge), r.y, edge, edge))
	shown := w.bays(pg, r.w)
	step := edge * 0.85
	row := rect{pg.along(r, edge+pg.u(gap), float32(len(shown))*step), r.y, float32(len(shown)) * step, r.h}
	for i, n := range shown { // as they stand, in every language
		side, fill, ink := edge*0.62, pg.panel, pg.soft
		if n == w.bay {
			side, fill, ink = edge*0.8, pg.plate.fill, pg.plate.ink
		}
		place := rect{row.x + float32(i)*step + (step-side)/2, row.y + row.h - side, side, side}
		plate := pg.numbered(n, place, fill, ink, 1.4)
		plate.StrokeColor, plate.StrokeWidth = pg.line, pg.u(0.3)
	}
}
