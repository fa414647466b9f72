package screens

import (
	"cmp"
	"image/color"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"

	"kioskd/ui"
)

// style is how a button looks.
type style int

const (
	plain   style = iota
	primary       // what is to be done next
	good
	taken
	broken
	alarmed // a bay whose cable must not be touched
	danger  // it ends something
	quiet   // what is always there
)

// Button is a touch target. It acts when a finger that came down on it is lifted on it: a driver who slides away, or
// only brushed it, has done nothing (WCAG 2.5.2). That it is pressed is seen at once, and outlives a picture that is
// drawn anew of the same view meanwhile.
type Button struct {
	widget.BaseWidget
	Label  string    // what is read aloud
	Input  *ui.Input // what it sends; nil where it only turns a page
	run    func()
	fill   *canvas.Rectangle
	ring   *canvas.Rectangle // where the keypad is
	parts  []fyne.CanvasObject
	picked color.Color
	seq    uint64 // of the view
	hand   *hand
}

// hand is the finger on the panel.
type hand struct {
	down    string // what it came down on; empty for nothing
	seq     uint64 // of the view then
	touched func() // tells that a finger, and no keypad, is used; may be nil
}

// name tells a button from the others of its view.
func (b *Button) name() string {
	if b.Input != nil {
		return string(b.Input.Kind) + " " + b.Input.Value
	}
	return b.Label
}

var _ desktop.Mouseable = (*Button)(nil)

// MouseDown implements desktop.Mouseable.
func (b *Button) MouseDown(*desktop.MouseEvent) {
	if b.run == nil {
		return
	}
	if b.hand.touched != nil {
		b.hand.touched()
	}
	b.hand.down, b.hand.seq = b.name(), b.seq
	b.fill.FillColor = b.picked
	b.fill.Refresh()
}

// MouseUp implements desktop.Mouseable.
func (b *Button) MouseUp(*desktop.MouseEvent) {
	same := b.hand.down == b.name() && b.hand.seq == b.seq
	b.hand.down = ""
	if same {
		b.Press()
	}
}

// Live tells whether it can be touched.
func (b *Button) Live() bool { return b.run != nil }

// Press does what a finger does.
func (b *Button) Press() {
	if b.run == nil {
		return
	}
	b.fill.FillColor = b.picked
	b.fill.Refresh()
	b.run()
}

// Focus marks where the keypad is.
func (b *Button) Focus(on bool) {
	b.ring.Hidden = !on
	b.ring.Refresh()
}

// CreateRenderer implements fyne.Widget.
func (b *Button) CreateRenderer() fyne.WidgetRenderer {
	return widget.NewSimpleRenderer(container.NewWithoutLayout(append([]fyne.CanvasObject{b.fill, b.ring},
		b.parts...)...))
}

// touch is what a button does.
type touch struct {
	input *ui.Input
	run   func()
}

// label is what stands on a button.
type label struct {
	text   string
	under  string // smaller, below
	icon   string
	spoken string // where no text stands on it
	sign   string // in place of words where there is no room for them
	style  style
	tile   bool // a bay: its number above, its state below
	key    bool // a digit
	pulse  bool // gently moving
	tap    touch
	face   func(c paint) []fyne.CanvasObject // in place of words and sign
}

// paint is how a style looks.
type paint struct{ fill, ink, edge colour }

func (pg *page) paint(s style) paint {
	k := pg.look
	switch s {
	case primary:
		return paint{k.accent, k.onAccent, k.accent}
	case good:
		return paint{k.success.fill, k.success.ink, k.success.ink}
	case taken:
		return paint{k.taken.fill, k.taken.ink, k.line}
	case danger:
		return paint{k.panel, k.stop, k.stop}
	case alarmed:
		return paint{k.danger.fill, k.danger.ink, k.danger.fill}
	case broken:
		return paint{k.ground, k.soft, k.line}
	}
	return paint{k.panel, k.ink, k.line}
}

// button makes a button for a place, its words in a size of type that together found; 0 for a sign alone.
func (pg *page) button(l label, at fyne.Position, size fyne.Size, em float32) *Button {
	c := pg.paint(l.style)
	spoken := strings.ReplaceAll(l.text, "\n", "")
	if l.under != "" { // a bay's state, say
		spoken += pg.t("join.comma") + l.under
	}
	b := &Button{Label: cmp.Or(l.spoken, spoken), Input: l.tap.input, run: l.tap.run, picked: pg.look.line,
		seq: pg.v.Seq, hand: pg.hand}
	b.fill = canvas.NewRectangle(c.fill)
	b.fill.StrokeColor, b.fill.StrokeWidth, b.fill.CornerRadius = c.edge, pg.u(0.4), pg.u(2.2)
	if l.style == danger {
		b.fill.StrokeWidth = pg.u(0.6)
	}
	b.fill.Resize(size)
	b.ring = canvas.NewRectangle(color.Transparent)
	b.ring.StrokeColor, b.ring.StrokeWidth, b.ring.CornerRadius, b.ring.Hidden = pg.ink, pg.u(1.4), pg.u(2.8), true
	b.ring.Move(fyne.NewPos(-pg.u(1.6), -pg.u(1.6)))
	b.ring.Resize(size.AddWidthHeight(pg.u(3.2), pg.u(3.2)))
	if l.face != nil {
		b.parts = l.face(c)
	} else {
		b.parts = pg.face(l, size, c, em)
	}
	b.ExtendBaseWidget(b)
	b.Move(at)
	b.Resize(size)
	pg.add(b)
	pg.pic.Buttons = append(pg.pic.Buttons, b)
	if l.pulse {
		pg.pic.Pulse = append(pg.pic.Pulse, b.fill)
	}
	return b
}

// unseen is a target that nothing is drawn of.
func (pg *page) unseen(t touch, r rect) *Button {
	b := &Button{Input: t.input, run: t.run, fill: canvas.NewRectangle(color.Transparent),
		ring: canvas.NewRectangle(color.Transparent), picked: color.Transparent, seq: pg.v.Seq, hand: pg.hand}
	b.ExtendBaseWidget(b)
	pg.add(at(b, r.x, r.y, r.w, r.h))
	return b
}

// worded are a button's words in a size of type, and where they go.
type worded struct {
	main, under []line
	edge        float32 // of the sign
	aside       bool    // it stands beside the words
	room        fyne.Size
}

// largeWord is the smallest em, in millimetres, of a word that is long for its button, for a visitor who needs it
// larger.
const largeWord = 4.7

// worded breaks a button's words.
func (pg *page) worded(l label, size fyne.Size, em float32) (w worded) {
	w.room = fyne.NewSize(size.Width-pg.u(min(4, size.Width/pg.mm*0.12)), size.Height-pg.u(1.6))
	if l.icon != "" && !l.tile {
		w.aside = size.Width > size.Height*2.2
		w.edge = min(w.room.Height*0.34, pg.u(14))
		if w.aside {
			w.edge = min(w.room.Height*0.6, pg.u(em*1.8))
		}
	}
	if w.aside {
		w.room.Width -= w.edge + pg.u(2)
	} else {
		w.room.Height -= w.edge
	}
	big := em
	switch {
	case l.key && pg.v.Access.Large:
		big = em * 1.2
	case l.key:
		big = em * 1.5
	case l.tile:
		big = em * 2.3
		if pg.v.Access.Large {
			big = em * 1.7
		}
	}
	w.main = pg.font(pg.u(big), true).lines(l.text, pg.script, w.room.Width)
	if l.under != "" {
		least := float32(3.1)
		if pg.v.Access.Large && !l.key {
			least = largeWord
		}
		w.under = pg.font(pg.u(max(least, em*0.82)), l.tile).lines(l.under, pg.script, w.room.Width)
	}
	return w
}

func (w worded) fits() bool {
	return height(w.main)+height(w.under) <= w.room.Height+0.5 && widest(w.main) <= w.room.Width+0.5 &&
		widest(w.under) <= w.room.Width+0.5
}

// fitsOn tells whether a label fits on a button in a size of type, if need be without its sign.
func (pg *page) fitsOn(l label, size fyne.Size, em float32) bool {
	if l.text == "" || pg.worded(l, size, em).fits() {
		return true
	}
	if l.icon == "" {
		return false
	}
	l.icon = ""
	return pg.worded(l, size, em).fits()
}

// face is a button's sign and words: beside each other where it is wide, else one below the other.
func (pg *page) face(l label, size fyne.Size, c paint, em float32) (out []fyne.CanvasObject) {
	if l.text == "" {
		edge := min(size.Width, size.Height) * 0.56
		return []fyne.CanvasObject{at(icon(l.icon, c.ink, c.fill, c.ink), (size.Width-edge)/2,
			(size.Height-edge)/2, edge, edge)}
	}
	w := pg.worded(l, size, em)
	switch fits := w.fits(); {
	case !fits && l.icon != "": // the words say it
		l.icon = ""
		return pg.face(l, size, c, em)
	case !fits:
		pg.pic.Cut = append(pg.pic.Cut, l.text+" "+l.under)
	}
	for _, ln := range append(append([]line{}, w.main...), w.under...) {
		pg.label(ln.text, ln.font.size, c.ink, c.fill)
	}
	if l.tile {
		return pg.tileFace(l, w, size, c)
	}
	h := height(w.main) + height(w.under)
	x0, y := (size.Width-w.room.Width)/2, (size.Height-h)/2
	if w.aside {
		full := w.edge + pg.u(2) + max(widest(w.main), widest(w.under))
		x0 = (size.Width - full) / 2
		ix := x0
		if pg.right {
			ix = size.Width - x0 - w.edge
		} else {
			x0 += w.edge + pg.u(2)
		}
		out = append(out, at(icon(l.icon, c.ink, c.fill, c.ink), ix, (size.Height-w.edge)/2, w.edge, w.edge))
		w.room.Width = full - w.edge - pg.u(2)
	} else if l.icon != "" {
		y = (size.Height - h - w.edge) / 2
		out = append(out, at(icon(l.icon, c.ink, c.fill, c.ink), (size.Width-w.edge)/2, y, w.edge, w.edge))
		y += w.edge
	}
	for _, ln := range append(w.main, w.under...) {
		out = append(out, ln.objects(x0+(w.room.Width-ln.width)/2, y, c.ink)...)
		y += ln.height()
	}
	return out
}

// tileFace has a bay's number in the upper corner, its sign opposite, and its state below.
func (pg *page) tileFace(l label, w worded, size fyne.Size, c paint) (out []fyne.CanvasObject) {
	edge := (size.Width - w.room.Width) / 2
	inner := rect{edge, 0, w.room.Width, 0}
	put := func(ln line, y float32) {
		out = append(out, ln.objects(pg.along(inner, 0, ln.width), y, c.ink)...)
	}
	number := w.main[0]
	number.above, number.below = number.font.size*capitals, number.font.size*descent
	free := size.Height - number.height() - height(w.under)
	top := min(edge, free/3)
	put(number, top)
	if s := number.font.size * 0.55; l.icon != "" && edge*3+number.width+s < size.Width {
		x := pg.along(inner, inner.w-s, s)
		out = append(out, at(icon(l.icon, c.ink, c.fill, c.ink), x, top+(number.height()-s)/2, s, s))
	}
	y := size.Height - height(w.under) - top
	for _, ln := range w.under {
		put(ln, y)
		y += ln.height()
	}
	return out
}

// at puts an object somewhere.
func at(o fyne.CanvasObject, x, y, w, h float32) fyne.CanvasObject {
	o.Move(fyne.NewPos(x, y))
	o.Resize(fyne.NewSize(w, h))
	return o
}
