package screens

import (
	"math"
	"strings"

	"fyne.io/fyne/v2"

	"kioskd/ui"
)

// letters are the sizes of type on buttons, in millimetres of the em, the largest first. All buttons that stand
// together have one of them, whatever the page's own type is.
func (pg *page) letters() []float32 {
	switch {
	case pg.v.Access.Large: // a long word is rather smaller than cut
		return []float32{legible, legible * 0.88, 5.2, largeWord}
	case !pg.small():
		return []float32{6.4, 5.2, 4.2, 3.6}
	}
	return []float32{5.2, 4.3, 3.6, 3.2}
}

// together finds the largest size of type in which all labels fit on their buttons.
func (pg *page) together(labels []label, size func(i int) fyne.Size) float32 {
	all := pg.letters()
	for n, em := range all {
		fits := true
		for i, l := range labels {
			fits = fits && pg.fitsOn(l, size(i), em) && (n == len(all)-1 || pg.unbroken(l, size(i), em))
		}
		if fits {
			return em
		}
	}
	return all[len(all)-1]
}

// unbroken tells whether a label's words stand whole on its button: Japanese breaks anywhere, and reads badly then.
func (pg *page) unbroken(l label, size fyne.Size, em float32) bool {
	if pg.lang != "ja" {
		return true
	}
	f, room := pg.font(pg.u(em), true), pg.worded(l, size, em).room.Width
	for _, part := range f.parts(l.text, pg.script, math.MaxFloat32) {
		if f.width(part, pg.script) > room {
			return false
		}
	}
	return true
}

// footer puts what can be done below.
func (pg *page) footer(r rect) {
	if len(pg.feet) > 0 {
		pg.buttons(pg.feet, r)
	}
}

// buttons are beside each other, the way back first.
func (pg *page) buttons(feet []label, r rect) {
	space, t, squeezed := pg.u(between), pg.u(target), false
	square := func(l label) { // at the start of what is left
		x := pg.along(r, 0, t)
		r.x, r.w = pg.along(r, t+space, r.w-t-space), r.w-t-space
		pg.button(l, fyne.NewPos(x, r.y), fyne.NewSize(t, r.h), 0)
	}
	if say := pg.local.say; say != nil && pg.v.Access.Speech && !pg.portrait() &&
		r.w-t-space >= float32(len(feet))*(t+space) { // the rail is full
		square(label{icon: "speaker", spoken: pg.t("access.repeat"), style: quiet, tap: touch{run: say}})
	}
	back := feet[0]
	if pg.small() && len(feet) > 1 && back.style == plain && back.text == pg.t("back") { // an arrow will do
		back.icon, back.spoken, back.text = "back", back.text, ""
		if pg.right {
			back.icon = "back_right"
		}
		square(back)
		feet = feet[1:]
	}
	if last := feet[len(feet)-1]; len(feet) > 1 && last.text == "" { // the way to the next leaf
		x := pg.along(r, r.w-t, t)
		r.x, r.w = pg.along(r, 0, r.w-t-space), r.w-t-space
		defer pg.button(last, fyne.NewPos(x, r.y), fyne.NewSize(t, r.h), 0)
		feet, squeezed = feet[:len(feet)-1], pg.v.Access.Large && pg.small()
	}
	for i, l := range feet {
		if squeezed && l.sign != "" {
			feet[i].icon, feet[i].spoken, feet[i].text = l.sign, l.text, ""
		}
	}
	widths := pg.widths(feet, r.w-space*float32(len(feet)-1))
	em := pg.together(feet, func(i int) fyne.Size { return fyne.NewSize(widths[i], r.h) })
	from := float32(0)
	for i, w := range widths {
		pg.button(feet[i], fyne.NewPos(pg.along(r, from, w), r.y), fyne.NewSize(w, r.h), em)
		from += w + space
	}
}

// widths are those of the buttons below: what their words need, and of what is left a share by their words, what leads
// on a larger one.
func (pg *page) widths(feet []label, all float32) []float32 {
	out, weight := make([]float32, len(feet)), make([]float32, len(feet))
	letters := pg.letters()
	left, sum := all, float32(0)
	for i, l := range feet {
		f := pg.font(pg.u(letters[len(letters)-1]), true)
		out[i] = max(pg.u(target), widest(f.lines(l.text, pg.script, 1))+pg.u(4))
		weight[i] = max(f.width(l.text, pg.script), pg.u(target))
		if l.style == primary {
			weight[i] *= 2.2
		}
		left, sum = left-out[i], sum+weight[i]
	}
	for i := range out {
		if left >= 0 {
			out[i] += left * weight[i] / sum
		} else {
			out[i] = all / float32(len(out))
		}
	}
	return out
}

// railed is a button of the rail.
type railed struct {
	icon, key string
	tap       touch
}

// rail has what is always there: larger text in the lowest corner of the start side, the
// language beside it, and help.
func (pg *page) rail(r rect) {
	t := pg.u(target)
	names := []railed{
		{"access", "access.button", pg.act(ui.Open, string(ui.AccessAsk))},
		{"language", "languages.button", pg.act(ui.Open, string(ui.Languages))},
		{"help", "help.button", pg.act(ui.Open, string(ui.Help))},
	}
	if say := pg.local.say; say != nil && pg.v.Access.Speech && pg.portrait() {
		names = append(names, railed{"speaker", "access.repeat", touch{run: say}})
	}
	step := (r.w - t) / float32(len(names)-1)
	for i, n := range names {
		l := label{spoken: pg.t(n.key), style: quiet, tap: n.tap,
			face: func(paint) []fyne.CanvasObject { return pg.always(n, t) }}
		pg.button(l, fyne.NewPos(pg.along(r, float32(i)*step, t), r.y), fyne.NewSize(t, t), 0)
	}
}

// always is what stands on a button that is always there: a sign with its word below, which goes where it has no room.
func (pg *page) always(n railed, edge float32) (out []fyne.CanvasObject) {
	var word []line
	if !pg.v.Access.Large {
		f := pg.font(pg.u(railWord), false)
		word = f.lines(pg.t(n.key), pg.script, edge-pg.u(1.6))
		if widest(word) > edge-pg.u(1.2) || len(word) > 2 {
			word = nil
		}
	}
	high := edge - height(word) - pg.u(3)
	size := min(high, edge*0.62)
	y := (edge - size - height(word)) * 0.4
	if n.icon == "language" {
		f := pg.font(size*0.62, true)
		sign := f.lines(strings.ToUpper(pg.lang), pg.script, edge)
		out = append(out, sign[0].objects((edge-sign[0].width)/2, y+(size-sign[0].height())/2, pg.ink)...)
	} else {
		out = append(out, at(icon(n.icon, pg.ink, pg.panel, pg.accent), (edge-size)/2, y, size, size))
	}
	y += size
	for _, l := range word {
		out = append(out, l.objects((edge-l.width)/2, y, pg.ink)...)
		pg.label(l.text, l.font.size, pg.ink, pg.panel)
		y += l.height()
	}
	return out
}

// label notes what is written on a button.
func (pg *page) label(text string, size float32, fg, bg colour) {
	pg.pic.Labels = append(pg.pic.Labels, Placed{Text: text, EM: size / pg.mm, FG: fg, BG: bg})
}
