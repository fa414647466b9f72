package screens

import (
	"strings"

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
		e := entry{under: pg.joined(i.Times, " × "), value: pg.joined(i.Value, " – "),
			bold: i.Sum}
		if i.Key != "" {
			e.name = pg.t(i.Key, pg.pairs(i.Args)...)
		}
		pg.block(e)
	}
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

// entry is a line of a table: a name, with a word under it, and its value at the other edge. A value without a name
// has the line to itself.
type entry struct {
	name, under, value string
	bold               bool
}

func (e entry) lines(pg *page, width float32) (name, under, value []line) {
	left, right := width*0.55, width*0.45
	if e.name == "" {
		left, right = 0, width
	}
	if e.name != "" {
		name = pg.font(pg.em(body, pg.factor), e.bold).lines(e.name, pg.script, left-pg.u(gap))
	}
	if e.under != "" {
		under = pg.font(pg.em(caption, pg.factor), false).lines(e.under, pg.script, left-pg.u(gap))
	}
	return name, under, pg.font(pg.em(body, pg.factor), e.bold).lines(e.value, pg.script, right)
}

func (e entry) height(pg *page, width float32) float32 {
	name, under, value := e.lines(pg, width)
	return max(height(name)+height(under), height(value))
}

func (e entry) place(pg *page, r rect) {
	name, under, value := e.lines(pg, r.w)
	pg.texts(name, r, start, pg.ink)
	below := r
	below.y += height(name)
	pg.texts(under, below, start, pg.soft)
	side := end
	if e.name == "" {
		side = start
	}
	pg.texts(value, r, side, pg.ink)
	if e.name == "" {
		pg.pic.Spoken = append(pg.pic.Spoken, e.value)
		return
	}
	pg.pic.Spoken = append(pg.pic.Spoken, e.name+": "+e.value)
}
