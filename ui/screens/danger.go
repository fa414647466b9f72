package screens

import "fyne.io/fyne/v2/canvas"

// danger is an alarm that stands above everything else: a contactor that does not open leaves a cable under power.
func (pg *page) danger() {
	if pg.v.Danger > 0 {
		pg.block(band{pg.t("danger.cable", "N", pg.v.Danger)})
	}
}

// band is an alarm: words on its colour, across the page.
type band struct{ s string }

func (b band) lines(pg *page, width float32) []line {
	return pg.font(pg.em(body, pg.factor), true).lines(b.s, pg.script, width-2*pg.u(gap))
}

func (b band) height(pg *page, width float32) float32 {
	return height(b.lines(pg, width)) + 2*pg.u(1.5)
}

func (b band) width(pg *page) float32 { return widest(b.lines(pg, 1)) + 2*pg.u(gap) }

func (b band) place(pg *page, r rect) {
	lines := b.lines(pg, r.w)
	r.h = b.height(pg, r.w)
	fill := canvas.NewRectangle(pg.alarm)
	fill.CornerRadius = pg.u(2)
	pg.add(at(fill, r.x, r.y, r.w, r.h))
	from := len(pg.pic.Texts)
	pg.texts(lines, rect{r.x + pg.u(gap), r.y + pg.u(1.5), r.w - 2*pg.u(gap), r.h}, middle, pg.ground)
	for i := range pg.pic.Texts[from:] {
		pg.pic.Texts[from+i].BG = pg.alarm
	}
	pg.pic.Spoken = append(pg.pic.Spoken, b.s)
}
