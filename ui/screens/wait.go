package screens

import "fyne.io/fyne/v2/canvas"

// wait says what is being done, and what is true of the money meanwhile.
func (pg *page) wait() {
	if pg.v.Bay > 0 {
		pg.side = pg.numeral(21)
	}
	what := words{s: pg.t(pg.v.Key(), "Amount", pg.p.Money(pg.v.Hold)), em: lead, color: pg.ink}
	pg.block(dots{}, pg.head(pg.t("wait.title")), what)
	switch pg.v.Message {
	case "busy":
		pg.block(pg.tell(pg.t("tap.nothing")))
	case "stopping":
		pg.block(pg.tell(pg.t("wait.used")))
	case "unknown":
		pg.top = append(pg.top, pg.warnBand(pg.t("wait.again")))
	}
	pg.reference()
}

// reference is what a visitor says who asks for help.
func (pg *page) reference() {
	if pg.v.Reference != "" {
		pg.block(pg.note(pg.t("help.code", "Code", pg.v.Reference)))
	}
}

// dots breathe while something is being done.
type dots struct{}

func (dots) extra() bool { return true }

func (dots) height(pg *page, _ float32) float32 { return pg.u(7) }

func (dots) place(pg *page, r rect) {
	edge := pg.u(4.4)
	for i := range 3 {
		dot := canvas.NewRectangle(pg.accent)
		dot.CornerRadius = edge / 2
		dot.StrokeColor, dot.StrokeWidth = pg.ground, edge*0.3
		pg.add(at(dot, pg.along(r, float32(i)*edge*2, edge), r.y+(r.h-edge)/2, edge, edge))
		pg.pic.Pulse = append(pg.pic.Pulse, dot)
	}
}
