package screens

import (
	"strings"

	"fyne.io/fyne/v2/canvas"

	"kioskd/ui"
	"kioskd/ui/text"
)

// tone is a fill and what is written on it.
type tone struct{ fill, ink colour }

// band is words on a fill across their place: what is good, what to heed, what is dangerous, what is true.
type band struct {
	s     string
	under string // in smaller type
	value string // bold, at the other edge
	spell bool   // the value is read a character at a time
	icon  string
	tone  tone
	em    float32 // of the words; body without
	nice  bool
}

func (b band) extra() bool { return b.nice }

// The bands of a page.
func (pg *page) goodBand(s string) band { return band{s: s, icon: "tick", tone: pg.success, em: lead} }
func (pg *page) warnBand(s string) band { return band{s: s, icon: "warning", tone: pg.warn, em: lead} }
func (pg *page) alarmBand(s string) band {
	return band{s: s, icon: "warning", tone: pg.danger, em: lead}
}

// tell is what is true: of the money, most often.
func (pg *page) tell(s string) band { return band{s: s, tone: pg.info} }

// edges of a band: beside and above its words.
const (
	bandSide = 3
	bandTop  = 1.7
)

func (b band) sizes(pg *page) (em, icon float32) {
	em = b.em
	if em == 0 {
		em = body
	}
	if b.icon != "" {
		icon = pg.u(em * 1.9 * min(pg.factor, 1.3))
	}
	return em, icon
}

func (b band) parts(pg *page, width float32) (main, under, value []line) {
	em, icon := b.sizes(pg)
	bold := em > body || b.icon != ""
	room := width - 2*pg.u(bandSide)
	if icon > 0 {
		room -= icon + pg.u(2)
	}
	if b.value != "" {
		value = pg.font(pg.em(title, pg.factor), true).lines(b.value, pg.script, room)
		room -= widest(value) + pg.u(2)
	}
	main = pg.font(pg.em(em, pg.factor), bold).lines(b.s, pg.script, room)
	if b.under != "" {
		under = pg.font(pg.em(caption, pg.factor), false).lines(b.under, pg.script, room)
	}
	return main, under, value
}

func (b band) height(pg *page, width float32) float32 {
	main, under, value := b.parts(pg, width)
	_, icon := b.sizes(pg)
	return max(height(main)+height(under), height(value), icon) + 2*pg.u(bandTop)
}

func (b band) width(pg *page) float32 {
	main, under, value := b.parts(pg, 1)
	_, icon := b.sizes(pg)
	return max(widest(main), widest(under)) + widest(value) + icon + 2*pg.u(bandSide) + pg.u(4)
}

func (b band) place(pg *page, r rect) {
	fill := canvas.NewRectangle(b.tone.fill)
	fill.CornerRadius = pg.u(2)
	r.h = b.height(pg, r.w)
	pg.add(at(fill, r.x, r.y, r.w, r.h))
	main, under, value := b.parts(pg, r.w)
	in := r.inside(pg.u(bandSide), 0)
	if _, edge := b.sizes(pg); edge > 0 {
		x := in.x
		if pg.right {
			x = in.x + in.w - edge
		} else {
			in.x += edge + pg.u(2)
		}
		in.w -= edge + pg.u(2)
		pg.add(at(icon(b.icon, b.tone.ink, b.tone.fill, b.tone.ink), x, r.y+(r.h-edge)/2, edge, edge))
	}
	pg.behind = b.tone.fill
	in.y = r.y + (r.h-height(main)-height(under))/2
	pg.texts(main, in, start, b.tone.ink)
	in.y += height(main)
	pg.texts(under, in, start, b.tone.ink)
	pg.texts(value, rect{in.x, r.y + (r.h-height(value))/2, in.w, r.h}, end, b.tone.ink)
	pg.behind = pg.ground
	said := b.s
	switch {
	case b.spell:
		said += ": " + strings.Join(strings.Split(text.Plain(b.value), ""), ", ")
	case b.value != "":
		said += ": " + b.value
	}
	pg.pic.Spoken = append(pg.pic.Spoken, said)
	if b.under != "" {
		pg.pic.Spoken = append(pg.pic.Spoken, b.under)
	}
}

// alarms stand above everything else, on every screen that a driver sees: a contactor that does not open leaves a cable
// under power, and an emergency stop was pressed by a person who saw a danger.
func (pg *page) alarms() (all []block) {
	if pg.v.Staff != nil || pg.v.Screen == ui.Lost {
		return nil
	}
	if pg.v.Danger > 0 {
		b := pg.alarmBand(pg.t("danger.cable", "N", pg.v.Danger))
		b.em = body
		all = append(all, b)
	}
	if pg.v.Pressed > 0 && pg.v.Screen != ui.Emergency { // that screen says it by itself
		b := pg.alarmBand(pg.t("danger.stopped", "N", pg.v.Pressed))
		b.icon, b.em = "stop", body
		all = append(all, b)
	}
	if pg.v.Access.Large && pg.small() { // there is room for the first
		all = all[:min(1, len(all))]
	}
	if len(all) > 0 && pg.v.Helpline != "" { // whom to call, once
		first := all[0].(band)
		first.under = pg.t("help.call", "Phone", pg.v.Helpline)
		all[0] = first
	}
	return all
}

// raise puts the alarms above everything else, on a page with keys, which need their room, above the words.
func (pg *page) raise() {
	if _, keys := pg.side.(keypad); keys {
		pg.blocks = append(pg.shortAlarm(), pg.blocks...)
	} else {
		pg.raised = len(pg.alerts)
		pg.top = append(pg.alerts, pg.top...)
	}
	pg.alerts = nil
}

// shortAlarm is the alarm in few words, beside keys; none where there is none.
func (pg *page) shortAlarm() []block {
	if len(pg.alerts) == 0 {
		return nil
	}
	b := pg.alarmBand(pg.t("danger.short", "N", pg.v.Danger))
	if pg.v.Danger == 0 {
		b.s = pg.t("emergency.title")
	}
	b.em, b.icon = body, ""
	return []block{b}
}
