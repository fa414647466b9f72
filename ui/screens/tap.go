package screens

import "kioskd/ui"

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
	var x, y, w, h float32 // to the edge of the panel, and over nothing else; the drawings are 4 by 3, and 3 by 4
	name, m := "tap_right", pg.u(margin)
	if pg.v.Side == "below" {
		name, h = "tap_down", min(r.h+pg.u(2), r.w*4/3)
		w = h * 3 / 4
		x, y = r.x+(r.w-w)/2, r.y+r.h+pg.u(2)-h
	} else {
		w = min(r.w+m, r.h*4/3)
		h = w * 3 / 4
		x, y = r.x+r.w+m-w, r.y+(r.h-h)/2
	}
	if pg.v.Side == "left" {
		name, x = "tap_left", r.x-m
	}
	pg.add(at(icon(name, pg.ink, pg.panel, pg.accent), x, y, w, h))
}
