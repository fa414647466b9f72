package screens

import (
	"bytes"
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"kioskd/receipt"
)

// block is a part of a page. Its height is asked for before its place is known.
type block interface {
	height(pg *page, width float32) float32
	place(pg *page, r rect)
}

// words is a text.
type words struct {
	s       string
	em      float32
	bold    bool
	color   color.NRGBA
	nice    bool // only nice to know: it goes before type becomes small
	align   align
	silent  bool
	oneLine bool
	digits  bool // nothing hangs below the base line, or stands above a capital
}

func (w words) extra() bool { return w.nice }

func (w words) lines(pg *page, width float32) []line {
	if w.oneLine {
		width = math.MaxFloat32
	}
	out := pg.font(pg.em(w.em, pg.factor), w.bold).lines(w.s, pg.script, width)
	if w.digits {
		for i := range out {
			out[i].above, out[i].below = out[i].font.size*0.8, out[i].font.size*0.12
		}
	}
	return out
}

func (w words) height(pg *page, width float32) float32 { return height(w.lines(pg, width)) }

// width is that of the widest word, or of all of it where it must not be broken.
func (w words) width(pg *page) float32 {
	if w.oneLine {
		return pg.font(pg.em(w.em, pg.factor), w.bold).width(w.s, pg.script)
	}
	return widest(w.lines(pg, 1))
}

func (w words) place(pg *page, r rect) {
	pg.texts(w.lines(pg, r.w), r, w.align, w.color)
	if !w.silent {
		pg.pic.Spoken = append(pg.pic.Spoken, w.s)
	}
}

// The usual texts of a page.
func (pg *page) title(s string) words { return words{s: s, em: title, bold: true, color: pg.ink} }
func (pg *page) say(s string) words   { return words{s: s, em: body, color: pg.ink} }
func (pg *page) note(s string) words {
	return words{s: s, em: caption, color: pg.soft, nice: true}
}
func (pg *page) money(s string) words { return words{s: s, em: body, bold: true, color: pg.good} }

// centred puts a text in the middle.
func (w words) centred() words { w.align = middle; return w }

// drawing is an icon, as large as its place lets it be.
type drawing struct {
	name   string
	least  float32 // millimetres
	accent color.NRGBA
	ink    color.NRGBA
}

func (d drawing) height(pg *page, _ float32) float32 { return pg.u(d.least) }

func (d drawing) place(pg *page, r rect) {
	edge := min(r.w, r.h, pg.u(70))
	pg.add(at(icon(d.name, d.ink, pg.panel, d.accent), r.x+(r.w-edge)/2, r.y+(r.h-edge)/2, edge, edge))
}

// picture is an icon in the usual colours.
func (pg *page) picture(name string) drawing {
	return drawing{name: name, least: 18, accent: pg.accent, ink: pg.ink}
}

func (pg *page) sign(name string, c color.NRGBA) drawing {
	return drawing{name: name, least: 18, accent: c, ink: c}
}

// grid is buttons in columns.
type grid struct {
	labels  []label
	columns int
	rowMM   float32
	stretch bool
	keys    bool // digits and letters stand from left to right in every language
}

func (g grid) rows() int { return (len(g.labels) + g.columns - 1) / g.columns }

func (g grid) grows() bool { return g.stretch }

func (g grid) height(pg *page, _ float32) float32 {
	n := float32(g.rows())
	return n*pg.u(g.rowMM) + (n-1)*pg.u(between)
}

func (g grid) place(pg *page, r rect) {
	n := float32(g.columns)
	space := pg.u(between)
	w := (r.w - (n-1)*space) / n
	rows := float32(g.rows())
	h := min((r.h-(rows-1)*space)/rows, pg.u(46))
	y := r.y + (r.h-rows*h-(rows-1)*space)/2
	for i, l := range g.labels {
		x := r.x + float32(i%g.columns)*(w+space)
		if pg.right && !g.keys {
			x = r.x + r.w - w - float32(i%g.columns)*(w+space)
		}
		pg.button(l, fyne.NewPos(x, y+float32(i/g.columns)*(h+space)), fyne.NewSize(w, h))
	}
}

// figures is names with their values, side by side.
type figures []figure

// lesser are figures that are only nice to know.
type lesser struct{ figures }

func (lesser) extra() bool { return true }

type figure struct{ name, value string }

func (f figures) lines(pg *page, width float32) (names, values [][]line) {
	w := (width - pg.u(between)*float32(len(f)-1)) / float32(len(f))
	for _, x := range f {
		names = append(names, pg.font(pg.em(caption, pg.factor), false).lines(x.name, pg.script, w))
		values = append(values, pg.font(pg.em(title, pg.factor), true).lines(x.value, pg.script, w))
	}
	return names, values
}

func (f figures) height(pg *page, width float32) (h float32) {
	names, values := f.lines(pg, width)
	for i := range f {
		h = max(h, height(names[i])+height(values[i]))
	}
	return h
}

func (f figures) width(pg *page) (w float32) {
	names, values := f.lines(pg, 1)
	for i := range f {
		w = max(w, widest(names[i]), widest(values[i]))
	}
	return (w + pg.u(between)) * float32(len(f))
}

func (f figures) place(pg *page, r rect) {
	names, values := f.lines(pg, r.w)
	space := pg.u(between)
	w := (r.w - space*float32(len(f)-1)) / float32(len(f))
	top := float32(0)
	for _, n := range names {
		top = max(top, height(n))
	}
	for i, x := range f {
		p := rect{r.x + float32(i)*(w+space), r.y, w, r.h}
		if pg.right {
			p.x = r.x + r.w - w - float32(i)*(w+space)
		}
		pg.texts(names[i], p, start, pg.soft)
		p.y += top
		pg.texts(values[i], p, start, pg.ink)
		pg.pic.Spoken = append(pg.pic.Spoken, x.name+": "+x.value)
	}
}

// progress is a bar that fills: how much of a limit is used, in thousandths.
type progress struct{ part int64 }

func (b progress) height(pg *page, _ float32) float32 { return pg.u(3.4) }

func (b progress) place(pg *page, r rect) {
	for _, x := range []struct {
		c    color.NRGBA
		part float32
	}{{pg.line, 1}, {pg.accent, float32(min(1000, max(0, b.part))) / 1000}} {
		bar := canvas.NewRectangle(x.c)
		bar.CornerRadius = r.h / 2
		w := max(r.h, r.w*x.part)
		left := r.x
		if pg.right {
			left = r.x + r.w - w
		}
		pg.add(at(bar, left, r.y, w, r.h))
	}
}

// code is a QR code, at least 35 mm.
type code struct{ text string }

// How large a code is at least: what telephones read at arm's length, and pixels a module, of which each has as many.
const (
	qrEdge   = 36
	qrPixels = 3
	qrQuiet  = 4 // modules on each side
)

// modules is the edge of a code with its quiet zone; 0 for a text that is too long.
func (c code) modules() int {
	q, err := receipt.QR(c.text)
	if err != nil {
		return 0
	}
	return q.Size + 2*qrQuiet
}

func (c code) height(pg *page, _ float32) float32 { return c.width(pg) }

func (c code) width(pg *page) float32 { return max(pg.u(qrEdge), float32(qrPixels*c.modules())) }

func (c code) place(pg *page, r rect) {
	png, err := receipt.PNG(c.text)
	if err != nil {
		pg.pic.Cut = append(pg.pic.Cut, "QR: "+err.Error())
		return
	}
	edge := min(max(c.width(pg), min(r.w, r.h)), max(pg.u(50), c.width(pg)))
	n := float32(c.modules())
	edge = n * max(1, float32(int(edge/n)))
	img := canvas.NewImageFromReader(bytes.NewReader(png), "qr.png")
	img.FillMode, img.ScaleMode = canvas.ImageFillContain, canvas.ImageScalePixels
	x, y := float32(int(r.x+(r.w-edge)/2)), float32(int(r.y+(r.h-edge)/2))
	pg.add(at(canvas.NewRectangle(color.White), x, y, edge, edge), at(img, x, y, edge, edge))
}

// countdown is a ring that closes while the time runs out, with the seconds in it.
type countdown struct{ left, of int }

func (c countdown) height(pg *page, _ float32) float32 { return pg.u(15) }

func (c countdown) place(pg *page, r rect) {
	edge := pg.u(15)
	x, y := r.x, r.y+(r.h-edge)/2
	if pg.right {
		x = r.x + r.w - edge
	}
	ring := canvas.NewArc(0, 360*float32(c.left)/float32(max(1, c.of)), 0.8, pg.accent)
	pg.add(at(ring, x, y, edge, edge))
	l := pg.font(pg.em(body, 1), true).lines(pg.p.Number(itoa(c.left)), pg.script, edge)
	pg.texts(l, rect{x, y + (edge-height(l))/2, edge, edge}, middle, pg.ink)
}
