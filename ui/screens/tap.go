package screens

import (
	"kioskd/ui"
)

// tap asks for the card: an arrow that leaves the screen towards the real terminal, and what will be reserved.
func (pg *page) tap() {
	pg.side = towards{}
	hold := hero{name: pg.t("tap.hold"), value: pg.p.Money(pg.v.Hold), em: 15, color: pg.accent}
	switch key := pg.v.Key(); key {
	case "tap.title":
		pg.block(hold, pg.title(pg.t(key)))
	case "tap.try_again":
		pg.block(pg.warnBand(pg.t(key)), hold, pg.title(pg.t("tap.title")))
	default: // a driver who is asked for a PIN must not tap again
		pg.block(hold, pg.title(pg.t(key)))
	}
	none := pg.say(pg.t("tap.nothing"))
	none.nice, none.color = true, pg.soft
	pg.block(none)
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

// towards is an arrow with a card in it, which leaves the panel at the side where the terminal is.
type towards struct{}

func (t towards) height(pg *page, _ float32) float32 {
	if pg.portrait() && !pg.v.Access.Large && pg.v.Danger+pg.v.Pressed == 0 {
		return pg.u(70)
	}
	return pg.u(24)
}

func (t towards) beside(pg *page) (float32, align) {
	part := float32(0.46)
	if pg.v.Access.Large { // the words need the room
		part = 0.3
	}
	return pg.frame().body.w * part, physical
}

func (t towards) words(*page) []block { return nil }

func (t towards) place(pg *page, r rect) {
	name := map[string]string{"left": "tap_left", "below": "tap_down"}[pg.v.Side]
	if name == "" {
		name = "tap_right"
	}
	m := pg.u(margin)
	switch { // to the edge of the panel, and over nothing else
	case name == "tap_down":
		r.h += pg.u(2)
	case pg.portrait():
		if name == "tap_right" {
			r.w += m
		} else {
			r.x, r.w = r.x-m, r.w+m
		}
	case name == "tap_right":
		r.w += m
	default:
		r.x, r.w = r.x-m, r.w+m
	}
	// the drawings are 4 by 3, and 3 by 4
	w, h := min(r.w, r.h*4/3), float32(0)
	h = w * 3 / 4
	if name == "tap_down" {
		h = min(r.h, r.w*4/3)
		w = h * 3 / 4
	}
	x := r.x + (r.w-w)/2
	switch name {
	case "tap_right":
		x = r.x + r.w - w
	case "tap_left":
		x = r.x
	}
	y := r.y + (r.h-h)/2
	if name == "tap_down" {
		y = r.y + r.h - h
	}
	pg.add(at(icon(name, pg.ink, pg.panel, pg.accent), x, y, w, h))
}
