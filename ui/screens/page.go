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

// page is a screen under construction: blocks in the middle, one below the other, a picture
// beside or above them, and what can be done at the foot. What is always there (larger text,
// language, help) stands in a rail at the start side, or below everything on a tall panel, so
// that its first button is always in the same corner.
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

	blocks []block
	side   block // picture, or nil
	feet   []label
	bare   bool  // without what is always there
	whole  touch // what a touch anywhere else does
	unread bool  // what is to be done next can be done on the last leaf only
	dense  bool  // many keys: on a low panel the rail lies at the foot, and no strip stands above
	pic    *Picture
	layer  []fyne.CanvasObject
}

// Picture is a view as it is drawn.
type Picture struct {
	Object  fyne.CanvasObject
	Buttons []*Button // in the order in which a keypad reaches them
	Texts   []Placed
	Spoken  []string // what is read aloud
	Cut     []string // texts that did not fit
	Pulse   []*canvas.Rectangle
	Whole   *Button // what a touch anywhere else does; nil for nothing
	Pages   int     // of a long list
	Right   bool    // it is read from right to left
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

// u is millimetres in units.
func (pg *page) u(millimetres float32) float32 { return millimetres * pg.mm }

// em is a size of type in units. For a visitor who needs it larger it never falls below what is
// legible.
func (pg *page) em(millimetres, factor float32) float32 {
	return pg.emAtLeast(millimetres*factor, legible)
}

// emButton is a size of type on a button, whose place is narrow.
func (pg *page) emButton(millimetres, factor float32) float32 {
	return pg.emAtLeast(millimetres*factor, legible*0.88)
}

func (pg *page) emAtLeast(size, least float32) float32 {
	if pg.v.Access.Large {
		size = max(size, least)
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

func (pg *page) block(b ...block) { pg.blocks = append(pg.blocks, b...) }

// frame is the places of a page.
type frame struct{ strip, body, foot, rail rect }

func (pg *page) frame() frame {
	m, t := pg.u(margin), pg.u(target)
	w, h := pg.Size.Width, pg.Size.Height
	strip := pg.em(caption, 1) * 1.5
	if pg.right {
		strip *= 1.3
	}
	foot := pg.u(target + 2)
	f := frame{}
	if pg.portrait() {
		f.rail = rect{m, h - m - t, w - 2*m, t}
		f.foot = rect{m, f.rail.y - pg.u(between) - foot, w - 2*m, foot}
	} else if pg.low() {
		m = pg.u(2.5)
		rail := 3*t + 2*pg.u(between)
		f.rail = rect{m, h - m - t, rail, t}
		f.foot = rect{m + rail + pg.u(between), h - m - t, w - 2*m - rail - pg.u(between), t}
		if pg.right {
			f.rail.x, f.foot.x = w-m-rail, m
		}
		f.body = rect{m, m, w - 2*m, f.foot.y - pg.u(between) - m}
		return f
	} else {
		f.rail = rect{m, m, t, h - 2*m}
		x := m + t + pg.u(between)
		f.foot = rect{x, h - m - foot, w - m - x, foot}
		if pg.right {
			f.rail.x, f.foot.x = w-m-t, m
		}
	}
	if pg.v.Access.Large && pg.small() { // the room is needed; whom to call stands under help
		f.foot.h = t
		f.foot.y = h - m - t
		f.body = rect{f.foot.x, m, f.foot.w, f.foot.y - pg.u(between) - m}
		return f
	}
	f.strip = rect{f.foot.x, pg.u(2), f.foot.w, strip}
	top := f.strip.y + strip + pg.u(1.2)
	f.body = rect{f.foot.x, top, f.foot.w, f.foot.y - pg.u(between) - top}
	if len(pg.feet) == 0 {
		f.body.h = f.foot.y + f.foot.h - top
	}
	return f
}

// low tells whether a dense page has no room for rail and strip.
func (pg *page) low() bool { return pg.dense && pg.small() }

func (pg *page) small() bool { return !pg.portrait() && pg.Size.Height < pg.u(lowPanel) }

// lowPanel is below which height, in millimetres, a panel is low.
const lowPanel = 100

// draw makes the whole picture.
func (pg *page) draw() {
	back := canvas.NewRectangle(pg.ground)
	back.Resize(pg.Size)
	pg.add(back)
	pg.everywhere()
	f := pg.frame()
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

// everywhere lies behind everything else, and takes the touches that hit nothing.
func (pg *page) everywhere() {
	if pg.whole.run == nil {
		return
	}
	clear := canvas.NewRectangle(color.Transparent)
	clear.Resize(pg.Size)
	b := &Button{Input: pg.whole.input, run: pg.whole.run, picked: color.Transparent, seq: pg.v.Seq, hand: pg.hand,
		fill: clear, ring: canvas.NewRectangle(color.Transparent)}
	b.ExtendBaseWidget(b)
	b.Resize(pg.Size)
	pg.add(b)
	pg.pic.Whole = b
}

// fit finds the largest type at which everything has its place. What is only nice to know
// goes before type becomes small.
func (pg *page) fit(r rect) {
	start, least := float32(1), float32(0.86)
	if !pg.small() { // there is room
		start = roomy
	}
	if pg.v.Access.Large {
		start, least = larger, 1
	}
	all := pg.blocks
	for drop := 0; ; drop++ {
		pg.blocks = without(all, drop)
		final := len(without(all, drop+1)) == len(pg.blocks)
		if final {
			least = smaller
		}
		for f := start; f >= least-0.001; f -= step {
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
	case drawing:
		pg.side, pg.blocks = nil, all
		pg.fit(r)
		return
	case code:
		pg.side, pg.blocks = nil, append(all, side)
	}
	pg.leaves(r)
	pg.place(r)
}

// leaves spreads what does not fit over several leaves. Nothing is agreed to unread.
func (pg *page) leaves(r rect) {
	_, texts := pg.columns(r)
	var leaves [][]block
	left := float32(0)
	for _, b := range pg.blocks {
		h := b.height(pg, texts.w)
		if w, ok := b.(interface{ width(*page) float32 }); h > texts.h || ok && w.width(pg) > texts.w+0.5 {
			pg.pic.Cut = append(pg.pic.Cut, fmt.Sprintf("%+v", b))
		}
		if h > left+0.5 {
			leaves, left = append(leaves, nil), texts.h
		}
		leaves[len(leaves)-1], left = append(leaves[len(leaves)-1], b), left-h-pg.u(gap)
	}
	if len(leaves) < 2 {
		return
	}
	pg.pic.Pages = len(leaves)
	n := pg.local.page % len(leaves)
	pg.blocks = leaves[n]
	more := label{text: pg.t("more"), style: primary, tap: pg.nextPage()}
	switch last := len(pg.feet) - 1; {
	case pg.unread && n < len(leaves)-1:
		pg.feet[last] = more
	case !pg.unread:
		more.style = plain
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

// columns splits the middle where a picture stands beside the text.
func (pg *page) columns(r rect) (pictures, texts rect) {
	if pg.side == nil {
		return rect{}, r
	}
	if pg.portrait() {
		h := max(min(pg.side.height(pg, r.w), r.h*0.4), r.h*0.3)
		return rect{r.x, r.y, r.w, h}, rect{r.x, r.y + h + pg.u(gap), r.w, r.h - h - pg.u(gap)}
	}
	w := r.w * 0.34
	if c, ok := pg.side.(code); ok { // it has pixels of its own
		w = max(w, c.width(pg))
	}
	pictures, texts = rect{r.x, r.y, w, r.h}, rect{r.x + w + pg.u(between), r.y, r.w - w - pg.u(between), r.h}
	if pg.right {
		pictures.x, texts.x = r.x+r.w-w, r.x
	}
	return pictures, texts
}

func (pg *page) needs(r rect) bool {
	pictures, texts := pg.columns(r)
	if pg.side != nil && pg.side.height(pg, pictures.w) > pictures.h+0.5 {
		return false
	}
	h := float32(0)
	for i, b := range pg.blocks {
		if i > 0 {
			h += pg.u(gap)
		}
		if w, ok := b.(interface{ width(*page) float32 }); ok && w.width(pg) > texts.w {
			return false
		}
		h += b.height(pg, texts.w)
	}
	return h <= texts.h+0.5
}

// place puts the blocks into the middle of their place. A block that can be larger gets what
// is left. On a tall panel a visitor who needs it finds what they touch in the lower half.
func (pg *page) place(r rect) {
	pictures, texts := pg.columns(r)
	if pg.side != nil {
		pg.side.place(pg, pictures)
	}
	h, growing := float32(0), 0
	for i, b := range pg.blocks {
		if i > 0 {
			h += pg.u(gap)
		}
		h += b.height(pg, texts.w)
		if grows(b) {
			growing++
		}
	}
	left := max(0, texts.h-h)
	y := texts.y + left/2
	if growing > 0 {
		y = texts.y
	}
	if pg.v.Access.Large && pg.portrait() {
		y, growing = texts.y+left, 0
	}
	for _, b := range pg.blocks {
		bh := b.height(pg, texts.w)
		if grows(b) && growing > 0 {
			bh += left / float32(growing)
		}
		b.place(pg, rect{texts.x, y, texts.w, bh})
		y += bh + pg.u(gap)
	}
}

func grows(b block) bool {
	g, ok := b.(interface{ grows() bool })
	return ok && g.grows()
}

// strip has the site's name, how far the visitor is, and whom to call.
func (pg *page) strip(r rect) {
	f := pg.font(pg.em(caption, 1), false)
	left, right := pg.v.Site, ""
	if pg.v.Helpline != "" {
		right = pg.t("help.call", "Phone", pg.v.Helpline)
	}
	// whom to call is more important
	if room := r.w - f.width(right, pg.script) - pg.u(gap); f.width(left, pg.script) <= room {
		pg.texts(f.lines(left, pg.script, room), rect{r.x, r.y, r.w, r.h}, start, pg.soft)
		b := &Button{run: pg.gesture(), fill: canvas.NewRectangle(color.Transparent),
			ring: canvas.NewRectangle(color.Transparent), picked: color.Transparent}
		b.ring.Hidden = true
		b.ExtendBaseWidget(b)
		x := r.x
		if pg.right {
			x = r.x + r.w - pg.u(2*target)
		}
		pg.add(at(b, x, 0, pg.u(2*target), r.y+r.h))
	}
	pg.texts(f.lines(right, pg.script, r.w), r, end, pg.soft)
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

// footer puts what can be done below, the way back first.
func (pg *page) footer(r rect) {
	n := len(pg.feet)
	if n == 0 {
		return
	}
	if n == 1 && pg.feet[0].style != primary { // not broader than a finger needs
		pg.feet[0].style = plain
	}
	space := pg.u(between)
	if say := pg.local.say; say != nil && pg.v.Access.Speech && pg.small() && !pg.low() { // the rail is full
		t := pg.u(target)
		x := r.x
		r.w -= t + space
		if pg.right {
			x = r.x + r.w + space
		} else {
			r.x += t + space
		}
		pg.button(label{icon: "speaker", spoken: pg.t("access.repeat"), style: quiet, tap: touch{run: say}},
			fyne.NewPos(x, r.y), fyne.NewSize(t, r.h))
	}
	if pg.low() && n > 1 { // an arrow will do for the way back
		t := pg.u(target)
		back := pg.feet[0]
		back.icon, back.spoken, back.text = "back", back.text, ""
		if pg.right {
			back.icon = "back_right"
		}
		x := r.x
		r.x, r.w = r.x+t+space, r.w-t-space
		if pg.right {
			x, r.x = r.x-t-space+r.w+space, r.x-t-space
		}
		pg.button(back, fyne.NewPos(x, r.y), fyne.NewSize(t, r.h))
		pg.feet, n = pg.feet[1:], n-1
	}
	x := r.x
	for i, w := range pg.widths(r.w - space*float32(n-1)) {
		left := x
		if pg.right {
			left = 2*r.x + r.w - x - w
		}
		pg.button(pg.feet[i], fyne.NewPos(left, r.y), fyne.NewSize(w, r.h))
		x += w + space
	}
}

// widths are those of the buttons below: all the same, where the words have room then, else each by its own words.
func (pg *page) widths(all float32) []float32 {
	same := all / float32(len(pg.feet))
	out := make([]float32, len(pg.feet))
	left, tight := all, false
	for i, l := range pg.feet {
		words := pg.font(pg.emButton(body, 1), true).lines(l.text, pg.script, 1)
		out[i] = max(pg.u(target), widest(words)+pg.u(5))
		left, tight = left-out[i], tight || out[i] > same
	}
	for i := range out {
		if tight && left >= 0 {
			out[i] += left / float32(len(out))
		} else {
			out[i] = same
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
// language above it, and help.
func (pg *page) rail(r rect) {
	t := pg.u(target)
	// a sign of what stands here
	if free := r.h - 3*t - 3*pg.u(between); !pg.portrait() && !pg.v.Access.Speech && free > pg.u(8) && !pg.low() {
		edge := min(t*0.8, free)
		pg.add(at(icon("bay", pg.accent, pg.ground, pg.accent), r.x+(r.w-edge)/2, r.y, edge, edge))
	}
	names := []railed{
		{"access", "access.button", pg.act(ui.Open, string(ui.AccessAsk))},
		{"language", "languages.title", pg.act(ui.Open, string(ui.Languages))},
		{"help", "help.button", pg.act(ui.Open, string(ui.Help))},
	}
	if say := pg.local.say; say != nil && pg.v.Access.Speech && (pg.portrait() || !pg.small()) {
		names = append(names, railed{"speaker", "access.repeat", touch{run: say}})
	}
	for i, n := range names {
		p := fyne.NewPos(r.x, r.y+r.h-t-float32(i)*(t+pg.u(between)))
		if pg.portrait() || pg.low() {
			step := (r.w - t) / float32(len(names)-1)
			p = fyne.NewPos(r.x+float32(i)*step, r.y)
			if pg.right {
				p.X = r.x + r.w - t - float32(i)*step
			}
		}
		l := label{icon: n.icon, spoken: pg.t(n.key), style: quiet, tap: n.tap}
		if n.icon == "language" {
			l.text = strings.ToUpper(pg.lang)
		}
		pg.button(l, p, fyne.NewSize(t, t))
	}
}

// align is where lines stand. start and end follow the language.
type align int

const (
	start align = iota
	middle
	end
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
		pg.add(l.objects(x, y, c)...)
		if l.text != "" {
			pg.pic.Texts = append(pg.pic.Texts, Placed{Text: l.text, Pos: fyne.NewPos(x, y),
				Size: fyne.NewSize(l.width, l.height()), EM: l.font.size / pg.mm, FG: c, BG: pg.ground})
		}
		y += l.height()
	}
}
