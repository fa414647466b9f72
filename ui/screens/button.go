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
	danger
	quiet // no fill: what is always there
	dead  // cannot be touched
)

// Button is a touch target. It acts when a finger that came down on it is lifted on it: who slides away, or only
// brushed
// it, has done nothing (WCAG 2.5.2). That it is pressed is seen at once, and outlives a picture that is drawn anew of
// the
// same view meanwhile.
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
	style  style
	big    bool // a number that is read from afar
	pulse  bool // gently moving
	tap    touch
}

// button makes a button for a place. Its text is made smaller until it fits.
func (pg *page) button(l label, at fyne.Position, size fyne.Size) *Button {
	k := pg.look
	fill, ink, edge, accent := k.panel, k.ink, k.line, k.accent
	switch l.style {
	case primary:
		fill, ink, edge, accent = k.accent, k.onAccent, k.accent, k.onAccent
	case good:
		edge, accent = k.good, k.good
	case danger:
		fill, ink, edge, accent = k.alarm, k.ground, k.alarm, k.ground
	case quiet:
		fill, edge = k.ground, k.line
	case dead:
		fill, ink, edge, accent = k.ground, k.soft, k.line, k.soft
	}
	spoken := strings.ReplaceAll(l.text, "\n", "")
	if l.under != "" { // a bay's state, say
		spoken += pg.t("join.comma") + l.under
	}
	b := &Button{Label: cmp.Or(l.spoken, spoken), Input: l.tap.input, run: l.tap.run, picked: k.line, seq: pg.v.Seq,
		hand: pg.hand}
	b.fill = canvas.NewRectangle(fill)
	b.fill.StrokeColor, b.fill.StrokeWidth, b.fill.CornerRadius = edge, pg.u(0.45), pg.u(2.2)
	b.fill.Resize(size)
	b.ring = canvas.NewRectangle(color.Transparent)
	b.ring.StrokeColor, b.ring.StrokeWidth, b.ring.CornerRadius, b.ring.Hidden = k.ink, pg.u(1.4), pg.u(2.8), true
	b.ring.Move(fyne.NewPos(-pg.u(1.6), -pg.u(1.6)))
	b.ring.Resize(size.AddWidthHeight(pg.u(3.2), pg.u(3.2)))
	b.parts = pg.face(l, size, ink, fill, accent)
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

// face is a button's picture and words: beside each other where it is wide, else one below
// the other.
func (pg *page) face(l label, size fyne.Size, ink, fill, accent color.NRGBA) []fyne.CanvasObject {
	inner := fyne.NewSize(size.Width-pg.u(min(4.5, size.Width/pg.mm*0.12)), size.Height-pg.u(1.6))
	if l.icon != "" && l.text == "" {
		edge := min(inner.Width, inner.Height) * 0.68
		return []fyne.CanvasObject{at(icon(l.icon, ink, fill, accent), (size.Width-edge)/2, (size.Height-edge)/2, edge,
			edge)}
	}
	aside := l.icon != "" && size.Width > size.Height*2.2
	edge := float32(0)
	if l.icon != "" {
		edge = min(inner.Height*0.62, pg.u(13))
		if !aside {
			edge = min(inner.Height*0.34, pg.u(14))
		}
	}
	room := inner
	if aside {
		room.Width -= edge + pg.u(2)
	} else {
		room.Height -= edge
	}
	main, under, fits := pg.fitLabel(l, room)
	switch {
	case !fits && l.icon != "": // the words say it
		l.icon = ""
		return pg.face(l, size, ink, fill, accent)
	case !fits:
		pg.pic.Cut = append(pg.pic.Cut, l.text+" "+l.under)
	}
	h := height(main) + height(under)
	var out []fyne.CanvasObject
	x0, y := (size.Width-inner.Width)/2, (size.Height-h)/2
	if aside {
		full := edge + pg.u(2) + max(widest(main), widest(under))
		x0 = (size.Width - full) / 2
		ix := x0
		if pg.right {
			ix = size.Width - x0 - edge
		} else {
			x0 += edge + pg.u(2)
		}
		out = append(out, at(icon(l.icon, ink, fill, accent), ix, (size.Height-edge)/2, edge, edge))
		room.Width = full - edge - pg.u(2)
	} else if l.icon != "" {
		y = (size.Height - h - edge) / 2
		out = append(out, at(icon(l.icon, ink, fill, accent), (size.Width-edge)/2, y, edge, edge))
		y += edge
		room.Width = inner.Width
	}
	for _, ln := range append(main, under...) {
		out = append(out, ln.objects(x0+(room.Width-ln.width)/2, y, ink)...)
		y += ln.height()
	}
	return out
}

// fitLabel makes a button's words as large as they can be.
func (pg *page) fitLabel(l label, room fyne.Size) (main, under []line, fits bool) {
	least := float32(smaller)
	for f := pg.factor; ; f -= 0.04 {
		em := float32(body)
		if l.big {
			em = large * 1.25
		}
		main = pg.font(pg.emButton(em, f), true).lines(l.text, pg.script, room.Width)
		under = nil
		if l.under != "" {
			under = pg.font(pg.emButton(caption, f), false).lines(l.under, pg.script, room.Width)
		}
		fits = height(main)+height(under) <= room.Height && widest(main) <= room.Width && widest(under) <= room.Width
		if fits || f < least {
			return main, under, fits
		}
	}
}

// at puts an object somewhere.
func at(o fyne.CanvasObject, x, y, w, h float32) fyne.CanvasObject {
	o.Move(fyne.NewPos(x, y))
	o.Resize(fyne.NewSize(w, h))
	return o
}
