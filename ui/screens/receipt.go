package screens

import (
	"strings"

	"fyne.io/fyne/v2/canvas"

	"kioskd/ui"
)

// itemised is the receipt, to be read on the glass: a line a fact, on as many leaves as it takes.
func (pg *page) itemised() {
	pg.dense = true
	pg.block(pg.title(pg.t("receipt.title")))
	pg.items()
	pg.foot("back", primary, ui.Back, "")
}

func (pg *page) items() {
	for _, i := range pg.v.Items {
		pg.block(pg.entry(i))
	}
}

func (pg *page) entry(i ui.Item) entry {
	e := entry{under: pg.joined(i.Times, " × "), value: pg.joined(i.Value, " – "), bold: i.Sum}
	if i.Key != "" {
		e.name = pg.t(i.Key, pg.pairs(i.Args)...)
	}
	return e
}

// joined are values beside each other. Energy has all its digits: it is what the meter said.
func (pg *page) joined(args []ui.Arg, by string) string {
	var all []string
	for _, a := range args {
		if a.Energy != nil {
			all = append(all, pg.p.Energy(*a.Energy, 3))
			continue
		}
		all = append(all, pg.value(a))
	}
	return strings.Join(all, by)
}

// entry is a line of a table: a name, with a word under it, and its value at the other edge, where digits stand below
// digits. One of the two alone has the line to itself.
type entry struct {
	name, under, value string
	em                 float32 // body without
	bold               bool
	ruled              bool // a hair line below
	nice               bool
}

func (e entry) extra() bool { return e.nice }

func (e entry) lines(pg *page, width float32) (name, under, value []line) {
	em := e.em
	if em == 0 {
		em = body
	}
	f := pg.font(pg.em(em, pg.factor), e.bold)
	left := width
	if e.name == "" {
		return nil, nil, f.lines(e.value, pg.script, width)
	}
	if e.value != "" {
		value = f.lines(e.value, pg.script, width*0.56)
		left = max(width*0.42, width-widest(value)-pg.u(3))
	}
	name = pg.font(f.size, e.bold && e.value == "" || e.bold && !e.ruled).lines(e.name, pg.script, left)
	if e.under != "" {
		under = pg.font(pg.em(caption, pg.factor), false).lines(e.under, pg.script, left)
	}
	return name, under, value
}

func (e entry) height(pg *page, width float32) float32 {
	name, under, value := e.lines(pg, width)
	h := max(height(name)+height(under), height(value))
	if e.ruled {
		h += pg.u(0.8)
	}
	return h
}

func (e entry) width(pg *page) float32 {
	name, under, value := e.lines(pg, 1)
	return max(widest(name), widest(under)) + widest(value)
}

func (e entry) place(pg *page, r rect) {
	name, under, value := e.lines(pg, r.w)
	if e.ruled {
		hair := canvas.NewRectangle(pg.hair)
		pg.add(at(hair, r.x, r.y+e.height(pg, r.w)-pg.u(0.2), r.w, max(1, pg.u(0.2))))
	}
	pg.texts(name, r, start, pg.ink)
	below := r
	below.y += height(name)
	pg.texts(under, below, start, pg.soft)
	side := end
	if e.name == "" {
		side = start
	}
	pg.texts(value, r, side, pg.ink)
	switch {
	case e.name == "":
		pg.pic.Spoken = append(pg.pic.Spoken, e.value)
	case e.value == "":
		pg.pic.Spoken = append(pg.pic.Spoken, e.name)
	default:
		pg.pic.Spoken = append(pg.pic.Spoken, e.name+": "+e.value)
	}
}
