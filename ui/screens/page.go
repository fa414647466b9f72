package screens

import (
	"fmt"
	"image/color"
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"

	"kioskd/ui"
	"kioskd/ui/text"
)

// page is a screen under construction: one stage and one foot. On the stage stand bands across it, then blocks one
// below the other, and beside or above them one thing that is looked at: a bay's number, a picture, a code. The foot
// has what is always there (larger text in the same corner always, language, help) and what can be done, the one that
// leads on last.
type page struct {
	Panel
	script
	look
	p      *text.Printer
	all    *text.Catalogues
	v      ui.View
	local  *local
	send   func(ui.Input)
	hand   *hand
	mute   bool // nothing can read the language aloud
	known  extents
	factor float32 // of type
	images func(name string) *Image

	alerts []block // above everything else
	raised int     // how many of the bands are such
	top    []block // across the stage, above the blocks
	blocks []block
	side   aside // or nil
	feet   []label
	bare   bool  // without what is always there
	whole  touch // what a touch anywhere else does
	unread bool  // what is to be done next can be done on the last leaf only
	dense  bool  // many keys: no strip stands above
	behind color.NRGBA
	// heroMost is how large a number may be, in millimetres of the em, where there is little room; 0 for as large as
	// it is.
	heroMost float32
	pic      *Picture
	layer    []fyne.CanvasObject
}

// Picture is a view as it is drawn.
type Picture struct {
	Object  fyne.CanvasObject
	Buttons []*Button // in the order in which a keypad reaches them
	Texts   []Placed
	Labels  []Placed // words on buttons; where they are is not said
	Spoken  []string // what is read aloud
	Cut     []string // texts that did not fit
	Pulse   []*canvas.Rectangle
	Whole   *Button // what a touch anywhere else does; nil for nothing
	Pages   int     // of a long list
	Right   bool    // it is read from right to left
	Stage   fyne.Size
	Dropped []string // what had no room beside the blocks, by its kind
}

// Placed is a line of text and where it is.
type Placed struct {
	Text   string
	Pos    fyne.Position
	Size   fyne.Size
	EM     float32 // millimetres
	FG, BG color.NRGBA
}

type rect struct{ x, y, w, h float32 }

// inside is a rectangle less its edges.
func (r rect) inside(x, y float32) rect { return rect{r.x + x, r.y + y, r.w - 2*x, r.h - 2*y} }

// along is the left edge of what is so wide and begins so far from the start side of a place, in the direction of the
// language.
func (pg *page) along(r rect, from, wide float32) float32 {
	if pg.right {
		return r.x + r.w - from - wide
	}
	return r.x + from
}

// u is millimetres in units.
func (pg *page) u(millimetres float32) float32 { return millimetres * pg.mm }

// em is a size of type in units. For a visitor who needs it larger it never falls below what is
// legible.
func (pg *page) em(millimetres, factor float32) float32 {
	size := millimetres * factor
	if pg.v.Access.Large {
		size = max(size, legible)
	}
	return pg.u(size)
}

// font is a size, in units, and a weight. Only whole sizes are drawn as wide as they are
// measured.
func (pg *page) font(size float32, bold bool) font {
	return font{float32(int(size)), bold, pg.known}
}

func (pg *page) add(o ...fyne.CanvasObject) { pg.layer = append(pg.layer, o...) }

// act sends an input for this very view.
func (pg *page) act(k ui.InputKind, value string) touch {
	in, send := ui.Input{Seq: pg.v.Seq, Kind: k, Value: value}, pg.send
	return touch{&in, func() { send(in) }}
}

func (pg *page) t(key string, pairs ...any) string { return pg.p.T(key, pairs...) }

// foot adds a button below.
func (pg *page) foot(key string, s style, k ui.InputKind, value string) {
	pg.feet = append(pg.feet, label{text: pg.t(key), style: s, tap: pg.act(k, value)})
}

// signs are what stands on the last buttons below where their words have no room.
func (pg *page) signs(names ...string) {
	for i := range min(len(names), len(pg.feet)) {
		pg.feet[len(pg.feet)-1-i].sign = names[len(names)-1-i]
	}
}

func (pg *page) block(b ...block) { pg.blocks = append(pg.blocks, b...) }

// frame is the places of a page.
type frame struct{ strip, body, foot, rail rect }

func (pg *page) frame() frame {
	m, t, g := pg.u(margin), pg.u(target), pg.u(between)
	w, h := pg.Size.Width, pg.Size.Height
	f := frame{rail: rect{m, h - pg.u(below) - t, 3*t + 2*g, t}}
	if pg.portrait() {
		f.rail.w = w - 2*m
		f.foot = rect{m, f.rail.y - g - pg.u(target+2), w - 2*m, pg.u(target + 2)}
	} else {
		f.foot = rect{m + f.rail.w + g, f.rail.y, w - 2*m - f.rail.w - g, t}
		if pg.right {
			f.rail.x, f.foot.x = w-m-f.rail.w, m
		}
	}
	if pg.bare {
		f.foot.y = h - pg.u(below)
	}
	top := pg.u(2.5)
	if pg.hasStrip() {
		f.strip = rect{m, pg.u(1.4), w - 2*m, pg.em(caption, 0.95) * 1.3}
		top = f.strip.y + f.strip.h + pg.u(1.6)
	}
	f.body = rect{m, top, w - 2*m, f.foot.y - pg.u(3.6) - top}
	pg.pic.Stage = fyne.NewSize(f.body.w, f.body.h)
	return f
}

// hasStrip tells whether the site's name stands above: on a panel of seven inches only where no visit runs, because the
// stage needs the room, and never where a visitor needs larger text.
func (pg *page) hasStrip() bool {
	if !pg.small() {
		return true
	}
	return !pg.dense && !pg.v.Access.Large &&
		(pg.v.Screen == ui.Attract || pg.v.Screen == ui.Help || pg.v.Closed())
}

func (pg *page) small() bool { return !pg.portrait() && pg.Size.Height < pg.u(lowPanel) }

// lowPanel is below which height, in millimetres, a panel is low.
const lowPanel = 100

// draw makes the whole picture.
func (pg *page) draw() {
	pg.behind = pg.ground
	back := canvas.NewRectangle(pg.ground)
	back.Resize(pg.Size)
	pg.add(back)
	pg.everywhere()
	f := pg.frame()
	pg.floor(f)
	pg.fit(f.body)
	if f.strip.h > 0 {
		pg.strip(f.strip)
	}
	pg.footer(f.foot)
	if !pg.bare {
		pg.rail(f.rail)
	}
	pg.pic.Object = container.NewWithoutLayout(pg.layer...)
	pg.pic.Object.Resize(pg.Size)
	for _, b := range pg.pic.Buttons {
		if b.Live() && b.Label != "" {
			pg.pic.Spoken = append(pg.pic.Spoken, b.Label)
		}
	}
}

// floor is what the foot stands on.
func (pg *page) floor(f frame) {
	if pg.bare {
		return
	}
	y := min(f.foot.y, f.rail.y) - pg.u(1.6)
	bar := canvas.NewRectangle(pg.panel)
	edge := canvas.NewRectangle(pg.hair)
	pg.add(at(bar, 0, y, pg.Size.Width, pg.Size.Height-y), at(edge, 0, y, pg.Size.Width, max(1, pg.u(0.25))))
}

// everywhere lies behind everything else, and takes the touches that hit nothing.
func (pg *page) everywhere() {
	if pg.whole.run == nil {
		return
	}
	pg.pic.Whole = pg.unseen(pg.whole, rect{0, 0, pg.Size.Width, pg.Size.Height})
}

// sizes are the sizes of type in which a page can be drawn, the largest first.
func (pg *page) sizes() []float32 {
	switch {
	case pg.v.Access.Large && !pg.small():
		return []float32{1.8, 1.6, 1.4, 1.2, 1}
	case pg.v.Access.Large:
		return []float32{1.6, 1.4, 1.2, 1}
	case pg.portrait():
		return []float32{1.6, 1.45, 1.3, 1.15, 1, 0.9}
	case !pg.small():
		return []float32{1.3, 1.15, 1, 0.9}
	}
	return []float32{1, 0.9}
}

// fit finds the largest type at which everything has its place. What is only nice to know
// goes before type becomes small.
func (pg *page) fit(r rect) {
	all := pg.blocks
	for drop := 0; ; drop++ {
		pg.blocks = without(all, drop)
		final := len(without(all, drop+1)) == len(pg.blocks)
		sizes := pg.sizes()
		if final {
			sizes = append(sizes, smaller)
		}
		for _, f := range sizes {
			pg.factor = f
			if pg.needs(r) {
				pg.place(r)
				return
			}
		}
		if final {
			break
		}
	}
	switch side := pg.side.(type) { // words come before pictures, and a code has a leaf of its own
	case nil:
	case code:
		pg.side, pg.blocks = nil, append(all, side)
	case keypad, towards: // without them nothing can be done here
		pg.blocks = all
		pg.spread(r)
		return
	case tiles:
		if pg.heroMost == 0 { // rather a smaller number than no bays
			pg.heroMost, pg.blocks = 12.5, all
			pg.fit(r)
			return
		}
		pg.drop(r, all)
		return
	default:
		pg.drop(r, all)
		return
	}
	if pg.heroMost == 0 { // all on one leaf, where a smaller number allows it
		pg.heroMost = 8.8
		pg.fit(r)
		return
	}
	pg.spread(r)
}

// spread puts what does not fit on several leaves: the alarms on each, other bands on the first, like everything else.
func (pg *page) spread(r rect) {
	if pg.side == nil { // a leaf of its own has room for it
		pg.heroMost = 0
	}
	n := pg.raised
	pg.blocks, pg.top = append(slices.Clone(pg.top[n:]), pg.blocks...), pg.top[:n]
	below := r
	below.y, below.h = r.y+pg.bands(r), r.h-pg.bands(r)
	_, texts := pg.columns(below)
	pg.leaves(texts)
	pg.place(r)
}

// drop says in words what has no room beside the blocks.
func (pg *page) drop(r rect, all []block) {
	pg.pic.Dropped = append(pg.pic.Dropped, fmt.Sprintf("%T", pg.side))
	pg.side, pg.blocks = nil, append(pg.side.words(pg), all...)
	pg.heroMost = 0
	pg.fit(r)
}

// leaves spreads what does not fit over several leaves. Nothing is agreed to unread.
func (pg *page) leaves(r rect) {
	var leaves [][]block
	left := float32(0)
	for _, b := range pg.blocks {
		h := b.height(pg, r.w)
		_, alone := b.(code) // it has a leaf of its own, from edge to edge
		if w, ok := b.(interface{ width(*page) float32 }); h > r.h && !alone || ok && w.width(pg) > r.w+0.5 {
			pg.pic.Cut = append(pg.pic.Cut, fmt.Sprintf("%+v", b))
		}
		if alone {
			left = 0
		}
		if h > left+0.5 {
			leaves, left = append(leaves, nil), r.h
		}
		leaves[len(leaves)-1], left = append(leaves[len(leaves)-1], b), left-h-pg.u(gap)
	}
	if len(leaves) < 2 {
		return
	}
	pg.pic.Pages = len(leaves)
	n := pg.local.page % len(leaves)
	pg.blocks = leaves[n]
	if _, alone := leaves[n][0].(code); alone {
		pg.top = nil
	}
	more := label{text: pg.t("continue"), style: primary, tap: pg.nextPage()}
	if !pg.v.Access.Large {
		more.under = pg.leaf(n, len(leaves))
	}
	switch last := len(pg.feet) - 1; {
	case pg.unread && n < len(leaves)-1:
		pg.feet[last] = more
		if pg.v.Access.Large && last > 1 { // what else can be done here can be done on the last leaf
			pg.feet = []label{pg.feet[0], more}
		}
	case !pg.unread:
		more.style = plain
		if pg.small() { // an arrow will do
			more.icon, more.spoken, more.text, more.under = "arrow", more.text, "", ""
			if pg.right {
				more.icon = "arrow_left"
			}
		}
		pg.feet = append(pg.feet, more)
	}
}

// without leaves out the last n blocks that are only nice to know.
func without(all []block, n int) []block {
	out := slices.Clone(all)
	for i := len(out) - 1; i >= 0 && n > 0; i-- {
		if e, ok := out[i].(interface{ extra() bool }); ok && e.extra() {
			out = slices.Delete(out, i, i+1)
			n--
		}
	}
	return out
}

// columns splits the stage where something stands beside the blocks.
func (pg *page) columns(r rect) (side, texts rect) {
	if pg.side == nil {
		return rect{}, r
	}
	w, where := pg.side.beside(pg)
	if pg.portrait() {
		h := max(min(pg.side.height(pg, r.w), r.h*0.45), r.h*0.25)
		if k, keys := pg.side.(keypad); keys {
			h = k.height(pg, r.w)
		}
		if where == end { // what is chosen is within reach
			return rect{r.x, r.y + r.h - h, r.w, h}, rect{r.x, r.y, r.w, r.h - h - pg.u(between)}
		}
		return rect{r.x, r.y, r.w, h}, rect{r.x, r.y + h + pg.u(between), r.w, r.h - h - pg.u(between)}
	}
	side = rect{r.x, r.y, w, r.h}
	texts = rect{r.x + w + pg.u(between), r.y, r.w - w - pg.u(between), r.h}
	atRight := where == end
	if where != physical {
		atRight = atRight != pg.right
	} else {
		atRight = pg.v.Side != "left"
	}
	if atRight {
		side.x, texts.x = r.x+r.w-w, r.x
	}
	return side, texts
}

// bands is how high the bands above are, with the space below them.
func (pg *page) bands(r rect) (h float32) {
	for _, b := range slices.Concat(pg.alerts, pg.top) {
		h += b.height(pg, r.w) + pg.u(gap)
	}
	return h
}

func (pg *page) needs(r rect) bool {
	h := pg.bands(r)
	r.y, r.h = r.y+h, r.h-h
	side, texts := pg.columns(r)
	if pg.side != nil && (pg.side.height(pg, side.w) > side.h+0.5 || texts.w < pg.u(30)) {
		return false
	}
	return pg.stacked(texts.w) <= texts.h+0.5 && pg.wideEnough(texts.w)
}

// stacked is how high the blocks are, one below the other.
func (pg *page) stacked(width float32) (h float32) {
	for i, b := range pg.blocks {
		if i > 0 {
			h += pg.u(gap)
		}
		h += b.height(pg, width)
	}
	return h
}

func (pg *page) wideEnough(width float32) bool {
	for _, b := range pg.blocks {
		if w, ok := b.(interface{ width(*page) float32 }); ok && w.width(pg) > width+0.5 {
			return false
		}
	}
	return true
}

// place puts everything where it belongs. A block that can be larger gets what is left; else the blocks stand a little
// above the middle of their place. On a tall panel a visitor who needs it finds what they touch in the lower half.
func (pg *page) place(r rect) {
	for _, b := range pg.top {
		h := b.height(pg, r.w)
		b.place(pg, rect{r.x, r.y, r.w, h})
		r.y, r.h = r.y+h+pg.u(gap), r.h-h-pg.u(gap)
	}
	side, texts := pg.columns(r)
	if pg.side != nil {
		pg.side.place(pg, side)
	}
	growing := 0
	for _, b := range pg.blocks {
		if grows(b) {
			growing++
		}
	}
	left := max(0, texts.h-pg.stacked(texts.w))
	space := pg.u(gap)
	y := texts.y
	if n := len(pg.blocks); growing == 0 { // loosely, where there is room
		space += min(pg.u(gap)*1.2, left/float32(n+2))
		if _, numbered := pg.side.(numeral); !numbered || pg.portrait() {
			y += max(0, texts.h-pg.stacked(texts.w)-(space-pg.u(gap))*float32(n-1)) * 0.4
		}
	}
	if pg.v.Access.Large && pg.portrait() {
		y, growing, space = texts.y+left, 0, pg.u(gap)
	}
	for _, b := range pg.blocks {
		bh := b.height(pg, texts.w)
		if grows(b) && growing > 0 {
			bh += left / float32(growing)
		}
		b.place(pg, rect{texts.x, y, texts.w, bh})
		y += bh + space
	}
}

func grows(b block) bool {
	g, ok := b.(interface{ grows() bool })
	return ok && g.grows()
}

// strip has the site's name or its logo, and whom to call.
func (pg *page) strip(r rect) {
	f := pg.font(pg.em(caption, 0.95), true)
	thin := f
	thin.bold = false
	right := ""
	if pg.v.Helpline != "" {
		right = pg.t("help.call", "Phone", pg.v.Helpline)
	}
	room := r.w - thin.width(right, pg.script) - pg.u(gap) // whom to call is more important
	if !pg.logo(r, room) && f.width(pg.v.Site, pg.script) <= room {
		pg.texts(f.lines(pg.v.Site, pg.script, room), r, start, pg.accent)
	}
	pg.unseen(touch{run: pg.gesture()}, rect{pg.along(r, 0, pg.u(2*target)), 0, pg.u(2 * target), r.y + r.h})
	pg.texts(thin.lines(right, pg.script, r.w), r, end, pg.soft)
}

// logo draws the host's logo in place of the site's name, where there is one.
func (pg *page) logo(r rect, room float32) bool {
	img := pg.images(pg.v.Brand.Logo)
	if img == nil {
		return false
	}
	high := r.h + pg.u(1)
	w := min(room, high*img.aspect())
	pg.add(at(img.object(), pg.along(r, 0, w), r.y-pg.u(0.5), w, high))
	return true
}

// gestures is how often the site's name is touched by a person who has a code, and within
// which time.
const (
	gestures      = 5
	gestureWithin = 4 * time.Second
)

func (pg *page) gesture() func() {
	act, l := pg.act(ui.Staff, ""), pg.local
	return func() {
		if now := time.Now(); now.Sub(l.since) > gestureWithin {
			l.since, l.gesture = now, 0
		}
		l.gesture++
		if l.gesture%gestures == 0 {
			act.run()
		}
	}
}

// align is where lines stand. start and end follow the language, physical the terminal.
type align int

const (
	start align = iota
	middle
	end
	physical
)

// texts draws lines one below the other from the top of a place.
func (pg *page) texts(lines []line, r rect, a align, c color.NRGBA) {
	y := r.y
	for _, l := range lines {
		x := r.x
		switch {
		case a == middle:
			x += (r.w - l.width) / 2
		case (a == end) != pg.right:
			x += r.w - l.width
		}
		pg.put(l, x, y, c)
		y += l.height()
	}
}

// put draws one line with its top left corner somewhere.
func (pg *page) put(l line, x, y float32, c color.NRGBA) {
	pg.add(l.objects(x, y, c)...)
	if strings.TrimSpace(l.text) != "" {
		pg.pic.Texts = append(pg.pic.Texts, Placed{Text: l.text, Pos: fyne.NewPos(x, y),
			Size: fyne.NewSize(l.width, l.height()), EM: l.font.size / pg.mm, FG: c, BG: pg.behind})
	}
}
