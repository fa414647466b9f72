package screens

import (
	"bytes"
	"image/color"
	"strings"

	"fyne.io/fyne/v2/canvas"

	"kioskd/receipt"
	"kioskd/ui/text"
)

// block is a part of a page. Its height is asked for before its place is known.
type block interface {
	height(pg *page, width float32) float32
	place(pg *page, r rect)
}

// aside is what stands beside the blocks.
type aside interface {
	block
	// beside is its width on a panel that is broader than high, and at which side of the blocks it is.
	beside(pg *page) (width float32, at align)
	// words say the same where it has no room.
	words(pg *page) []block
}

type colour = color.NRGBA

// words is a text.
type words struct {
	s     string
	em    float32
	bold  bool
	color colour
	nice  bool // only nice to know: it goes before type becomes small
}

func (w words) extra() bool { return w.nice }

func (w words) lines(pg *page, width float32) []line {
	return pg.font(pg.em(w.em, pg.factor), w.bold).lines(w.s, pg.script, width)
}

func (w words) height(pg *page, width float32) float32 { return height(w.lines(pg, width)) }

// width is that of the widest word.
func (w words) width(pg *page) float32 { return widest(w.lines(pg, 1)) }

func (w words) place(pg *page, r rect) {
	pg.texts(w.lines(pg, r.w), r, start, w.color)
	pg.pic.Spoken = append(pg.pic.Spoken, w.s)
}

// The usual texts of a page.
func (pg *page) title(s string) words { return words{s: s, em: title, bold: true, color: pg.ink} }

// head is a title that says what can be seen without it.
func (pg *page) head(s string) words {
	w := pg.title(s)
	w.nice = true
	return w
}

func (pg *page) say(s string) words { return words{s: s, em: body, color: pg.ink} }
func (pg *page) note(s string) words {
	return words{s: s, em: caption, color: pg.soft, nice: true}
}

// hero is the one number of a page: what it is, in small type above it, and the amount as large as its place lets it
// be, its sign smaller.
type hero struct {
	name   string
	value  string
	unit   string // behind it, or below it where there is no room
	em     float32
	color  colour
	ticked bool // with a tick before it
}

// parts are the pieces of a number, each in its own size of type, and its unit where that stands below.
func (h hero) parts(pg *page, width float32) (parts []line, below []line) {
	before, digits, after := amount(h.value)
	for _, em := range heroes {
		if em > h.em || pg.heroMost > 0 && em > pg.heroMost {
			continue
		}
		em *= pg.factor
		big, small := pg.font(pg.em(em, 1), true), pg.font(pg.em(em*0.5, 1), true)
		parts = parts[:0]
		add := func(f font, s string) {
			if s != "" {
				parts = append(parts, f.plain(s, pg.script))
			}
		}
		add(small, before)
		add(big, digits)
		add(small, after)
		below = nil
		if h.unit != "" {
			unit := pg.font(pg.em(max(em*0.3, body), 1), true)
			if beside := unit.plain("\u00a0"+h.unit, pg.script); across(parts)+beside.width <= width-h.tick(pg, em) {
				parts = append(parts, beside)
			} else {
				below = unit.lines(h.unit, pg.script, width)
			}
		}
		if across(parts)+h.tick(pg, em) <= width && widest(below) <= width {
			break
		}
	}
	return parts, below
}

// tick is how broad the tick before a number is.
func (h hero) tick(pg *page, em float32) float32 {
	if !h.ticked {
		return 0
	}
	return pg.u(em * 1.1)
}

// heroes are the sizes of such numbers, in millimetres of the em.
var heroes = []float32{26, 22, 18, 15, 12.5, 10.5, 8.8, 7.4, 6}

// amount splits an amount of money into what stands before its digits, these, and what stands behind them.
func amount(s string) (before, digits, after string) {
	s = text.Plain(s)
	digit := func(r rune) bool { return '0' <= r && r <= '9' }
	from, to := strings.IndexFunc(s, digit), strings.LastIndexFunc(s, digit)
	if from < 0 {
		return "", s, ""
	}
	return s[:from], s[from : to+1], s[to+1:]
}

func across(parts []line) (w float32) {
	for _, p := range parts {
		w += p.width
	}
	return w
}

// capitals are the part of an em above the base line that digits fill, and what a number needs below it.
const (
	capitals = 0.76
	descent  = 0.12
)

func (h hero) height(pg *page, width float32) float32 {
	parts, below := h.parts(pg, width)
	return height(h.label(pg, width)) + tallest(parts)*(capitals+descent) + height(below)
}

func (h hero) label(pg *page, width float32) []line {
	if h.name == "" {
		return nil
	}
	return pg.font(pg.em(body, pg.factor), false).lines(h.name, pg.script, width)
}

func tallest(parts []line) (size float32) {
	for _, p := range parts {
		size = max(size, p.font.size)
	}
	return size
}

func (h hero) width(pg *page) float32 {
	return max(widest(h.label(pg, 1)), pg.em(6*pg.factor, 1)*float32(len([]rune(h.value)))*0.6)
}

func (h hero) place(pg *page, r rect) {
	label := h.label(pg, r.w)
	pg.texts(label, r, start, pg.soft)
	parts, below := h.parts(pg, r.w)
	base := r.y + height(label) + tallest(parts)*capitals
	em := tallest(parts) / pg.mm
	x := float32(0)
	next := func(w float32) float32 {
		x += w
		return pg.along(r, x-w, w)
	}
	if h.ticked {
		edge := pg.u(em * 0.86)
		disc := canvas.NewRectangle(pg.success.fill)
		disc.CornerRadius = edge / 2
		tx, y := next(edge), base-tallest(parts)*0.36-edge/2
		next(h.tick(pg, em) - edge)
		pg.add(at(disc, tx, y, edge, edge), at(icon("tick", pg.success.ink, pg.success.fill, pg.success.ink),
			tx+edge*0.2, y+edge*0.2, edge*0.6, edge*0.6))
	}
	for _, p := range parts {
		slim := p
		slim.above, slim.below = p.font.size*capitals, p.font.size*descent
		pg.put(slim, next(p.width), base-slim.above, h.color)
	}
	pg.texts(below, rect{r.x, base + tallest(parts)*descent, r.w, r.h}, start, h.color)
	said := h.value
	if h.name != "" {
		said = h.name + ": " + h.value
	}
	if h.unit != "" {
		said += " " + h.unit
	}
	pg.pic.Spoken = append(pg.pic.Spoken, said)
}

// numeral is a bay's number, as large as one stands at the bay.
type numeral struct {
	n     int
	wide  float32 // millimetres
	flows bool    // energy: its edge breathes
}

func (pg *page) numeral(wide float32) numeral { return numeral{n: pg.v.Bay, wide: wide} }

func (n numeral) height(pg *page, width float32) float32 { return min(pg.u(n.wide), width) }

func (n numeral) beside(pg *page) (float32, align) { return pg.u(n.wide), start }

func (n numeral) words(pg *page) []block {
	return []block{words{s: pg.t("bay", "N", n.n), em: body, bold: true, color: pg.ink}}
}

func (n numeral) place(pg *page, r rect) {
	edge := min(pg.u(n.wide), r.w, r.h)
	if pg.portrait() {
		edge = r.h
	}
	plate := pg.numbered(n.n, rect{pg.along(r, 0, edge), r.y, edge, edge}, pg.plate.fill, pg.plate.ink, 2.6)
	if n.flows {
		plate.StrokeColor, plate.StrokeWidth = pg.accent, pg.u(0.8)
		pg.pic.Pulse = append(pg.pic.Pulse, plate)
	}
}

// numbered is a square plate with a bay's number, which is as large as it has room.
func (pg *page) numbered(n int, r rect, fill, ink colour, corner float32) *canvas.Rectangle {
	plate := canvas.NewRectangle(fill)
	plate.CornerRadius = pg.u(corner)
	pg.add(at(plate, r.x, r.y, r.w, r.w))
	f := pg.font(r.w*0.66, true)
	if w := f.width(itoa(n), pg.script); w > r.w*0.84 {
		f = pg.font(f.size*r.w*0.84/w, true)
	}
	l := f.plain(itoa(n), pg.script)
	l.above, l.below = f.size*capitals, f.size*descent
	pg.behind = fill
	pg.put(l, r.x+(r.w-l.width)/2, r.y+(r.w-f.size*0.714)/2-f.size*(capitals-0.714), ink)
	pg.behind = pg.ground
	return plate
}

// drawing is an icon, as large as its place lets it be.
type drawing struct {
	name        string
	ink, accent colour
}

func (d drawing) height(pg *page, _ float32) float32 { return pg.u(18) }

func (d drawing) beside(pg *page) (float32, align) { return pg.frame().body.w * 0.26, start }

func (d drawing) words(*page) []block { return nil }

func (d drawing) place(pg *page, r rect) {
	edge := min(r.w, r.h, pg.u(80))
	pg.add(at(icon(d.name, d.ink, pg.panel, d.accent), r.x+(r.w-edge)/2, r.y+(r.h-edge)*0.42, edge, edge))
}

// picture is an icon in the usual colours.
func (pg *page) picture(name string) drawing { return drawing{name, pg.ink, pg.accent} }

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
		p := rect{pg.along(r, float32(i)*(w+space), w), r.y, w, r.h}
		pg.texts(names[i], p, start, pg.soft)
		p.y += top
		pg.texts(values[i], p, start, pg.ink)
		pg.pic.Spoken = append(pg.pic.Spoken, x.name+": "+x.value)
	}
}

// progress is a bar that fills: how much of a limit is used, in thousandths.
type progress struct{ part int64 }

func (b progress) extra() bool { return true }

func (b progress) height(pg *page, _ float32) float32 { return pg.u(3.4) }

func (b progress) place(pg *page, r rect) {
	for _, x := range []struct {
		c    colour
		part float32
	}{{pg.hair, 1}, {pg.accent, float32(min(1000, max(0, b.part))) / 1000}} {
		bar := canvas.NewRectangle(x.c)
		bar.CornerRadius = r.h / 2
		w := max(r.h, r.w*x.part)
		pg.add(at(bar, pg.along(r, 0, w), r.y, w, r.h))
	}
}

// code is a QR code, at least 36 mm, with a caption that says what a telephone does with it.
type code struct{ text, caption string }

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

func (c code) below(pg *page, width float32) []line {
	if c.caption == "" {
		return nil
	}
	return pg.font(pg.em(caption, min(pg.factor, 1)), true).lines(c.caption, pg.script, width)
}

func (c code) height(pg *page, width float32) float32 {
	return c.width(pg) + height(c.below(pg, max(width, c.width(pg)))) + pg.u(1)
}

func (c code) width(pg *page) float32 { return max(pg.u(qrEdge), float32(qrPixels*c.modules())) }

func (c code) beside(pg *page) (float32, align) {
	return max(pg.frame().body.w*0.3, c.width(pg)), end
}

func (c code) words(*page) []block { return nil }

func (c code) place(pg *page, r rect) {
	png, err := receipt.PNG(c.text)
	if err != nil {
		pg.pic.Cut = append(pg.pic.Cut, "QR: "+err.Error())
		return
	}
	says := c.below(pg, r.w)
	if c.width(pg)+height(says)+pg.u(1) > r.h { // a large code has no room for words below it
		says = nil
	}
	edge := min(max(c.width(pg), min(r.w, r.h-height(says)-pg.u(1))), max(pg.u(50), c.width(pg)))
	n := float32(c.modules())
	edge = n * max(1, float32(int(edge/n)))
	img := canvas.NewImageFromReader(bytes.NewReader(png), "qr.png")
	img.FillMode, img.ScaleMode = canvas.ImageFillContain, canvas.ImageScalePixels
	x, y := float32(int(r.x+(r.w-edge)/2)), float32(int(r.y+(r.h-edge-height(says)-pg.u(1))/2))
	pg.add(at(canvas.NewRectangle(color.White), x, y, edge, edge), at(img, x, y, edge, edge))
	pg.texts(says, rect{r.x, y + edge + pg.u(1), r.w, r.h}, middle, pg.ink)
	if c.caption != "" {
		pg.pic.Spoken = append(pg.pic.Spoken, c.caption)
	}
}

// countdown is a ring that closes while the time runs out, with the seconds in it.
type countdown struct{ left, of int }

func (c countdown) extra() bool { return true }

func (c countdown) height(pg *page, _ float32) float32 { return pg.u(13) }

func (c countdown) place(pg *page, r rect) {
	edge := pg.u(13)
	x, y := pg.along(r, 0, edge), r.y+(r.h-edge)/2
	ring := canvas.NewArc(0, 360*float32(c.left)/float32(max(1, c.of)), 0.8, pg.accent)
	pg.add(at(ring, x, y, edge, edge))
	l := pg.font(pg.em(body, 1), true).lines(pg.p.Number(itoa(c.left)), pg.script, edge)
	pg.texts(l, rect{x, y + (edge-height(l))/2, edge, edge}, middle, pg.ink)
}
