package screens

import (
	"fyne.io/fyne/v2/canvas"

	"kioskd/ui"
)

// tap asks for the card: a picture, an arrow towards the real terminal, and what will be
// reserved.
func (pg *page) tap() {
	pg.side = towards{pg.v.Side}
	pg.step(3)
	switch key := pg.v.Key(); key {
	case "tap.title":
		pg.block(pg.title(pg.t(key)))
	case "tap.try_again":
		pg.block(words{s: pg.t(key), em: body, bold: true, color: pg.warning}, pg.title(pg.t("tap.title")))
	default: // who is asked for a PIN must not tap again
		pg.block(pg.title(pg.t(key)))
	}
	hold := pg.say(pg.t("tap.hold", "Amount", pg.p.Money(pg.v.Hold)))
	hold.bold, hold.color = true, pg.accent
	none := pg.say(pg.t("tap.nothing"))
	none.nice = true
	pg.block(hold, none)
	pg.timeLeft()
	pg.foot("cancel", plain, ui.Back, "")
}

// lastSeconds is when a countdown is shown.
const lastSeconds = 20

// timeLeft shows a ring in the last seconds of a screen.
func (pg *page) timeLeft() {
	if 0 < pg.v.Seconds && pg.v.Seconds <= lastSeconds {
		pg.block(countdown{pg.v.Seconds, lastSeconds})
	}
}

// towards is a lit card before the terminal, and an arrow to where it really is.
type towards struct{ side string }

func (t towards) height(pg *page, _ float32) float32 { return pg.u(38) }

func (t towards) place(pg *page, r rect) {
	edge := min(r.w, r.h*0.6, pg.u(60))
	x, y := r.x+(r.w-edge)/2, r.y+(r.h-edge*1.5)/2
	halo := canvas.NewRectangle(pg.accent)
	halo.CornerRadius = pg.u(4)
	halo.FillColor = pg.panel
	halo.StrokeColor, halo.StrokeWidth = pg.accent, pg.u(1.2)
	pg.add(at(halo, x, y, edge, edge))
	pg.add(at(icon("card", pg.ink, pg.panel, pg.accent), x+edge*0.1, y+edge*0.1, edge*0.8, edge*0.8))
	pg.pic.Pulse = append(pg.pic.Pulse, halo)
	name := map[string]string{"left": "arrow_left", "below": "arrow_down"}[t.side]
	if name == "" {
		name = "arrow"
	}
	pg.add(at(icon(name, pg.ink, pg.panel, pg.accent), r.x+(r.w-edge*0.45)/2, y+edge*1.05, edge*0.45, edge*0.45))
}
