package screens

import "kioskd/ui"

// attract shows the price without a touch, and the bays: one that is touched is chosen.
func (pg *page) attract() {
	pg.notice()
	if len(pg.v.Prices) > 0 {
		p := pg.v.Prices[0]
		pg.block(hero{name: pg.t("price.tax"), value: pg.p.Decimal(p.Amount, pg.v.Hold.Currency),
			unit: pg.t("price." + p.Dimension), em: 26, color: pg.accent})
		if p.From != "" {
			pg.block(pg.say(pg.p.Span(p.From, p.To)))
		}
		for _, more := range pg.v.Prices[1:] { // the law wants all of them together
			pg.block(words{s: pg.priceLine(more), em: caption, color: pg.ink})
		}
	}
	pg.side = pg.idlePicture()
	if pg.side == nil {
		pg.side = pg.tilesBeside()
	}
	if _, shown := pg.side.(tiles); !shown {
		pg.block(pg.freeBays())
	}
	pg.block(pg.note(pg.t("attract.cards")))
	if pg.side == nil {
		pg.block(steps{{"plug", pg.t("attract.how1")}, {"bay", pg.t("attract.how2")}, {"card", pg.t("attract.how3")}})
	}
	if len(pg.v.Languages) > 1 && !pg.v.Access.Large && !pg.portrait() { // on a tall panel they are out of reach
		pg.block(pg.chips())
	}
	if pg.v.Later {
		pg.foot("receipts.button", plain, ui.Open, string(ui.Receipts))
	}
	if pg.v.Later && pg.v.Access.Large && pg.small() { // its sign will do
		pg.feet[0].icon, pg.feet[0].spoken, pg.feet[0].text = "receipt", pg.feet[0].text, ""
	}
	pg.foot("attract.start", primary, ui.Touch, "")
	pg.whole = pg.act(ui.Touch, "") // the price, too
}

// chips are the site's first languages by their own names, on a panel with room for them.
type chips struct{ grid }

// mostChips is how many languages are one touch away.
const mostChips = 4

func (chips) extra() bool { return true }

func (pg *page) chips() chips {
	c := chips{grid{rowMM: target}}
	for _, lang := range pg.v.Languages {
		if lang != pg.v.Language && len(c.labels) < mostChips {
			c.labels = append(c.labels, pg.language(lang))
		}
	}
	c.columns = len(c.labels)
	return c
}

// freeBays says how many are free.
func (pg *page) freeBays() words {
	free := 0
	for _, b := range pg.v.Bays {
		if b.State == ui.BayFree || b.State == ui.BayPlugged {
			free++
		}
	}
	w := pg.say(pg.t("attract.free", "N", free, "Total", len(pg.v.Bays)))
	w.bold, w.color = true, pg.good
	return w
}

// notice is the operator's word.
func (pg *page) notice() {
	if pg.v.Notice != "" {
		pg.top = append(pg.top, pg.tell(pg.p.Piece(pg.v.Notice)))
	}
}

// priceLine is one price as a line: what it is for, when, and the amount.
func (pg *page) priceLine(p ui.PriceView) string {
	name, value := pg.priced(p)
	return pg.t("join.pair", "Name", name, "Value", value)
}

// priced is what a price is for, and the amount with its unit.
func (pg *page) priced(p ui.PriceView) (name, value string) {
	name = pg.t("price.name." + p.Dimension)
	switch {
	case p.AfterMin > 0 && p.AfterMin%60 == 0:
		name = pg.t("price.after_hours", "Name", name, "N", p.AfterMin/60)
	case p.AfterMin > 0:
		name = pg.t("price.after", "Name", name, "N", p.AfterMin)
	}
	if p.From != "" {
		name += pg.t("join.comma") + pg.p.Span(p.From, p.To)
	}
	amount := pg.p.Decimal(p.Amount, pg.v.Hold.Currency)
	return name, pg.t("price.per", "Amount", amount, "Unit", pg.t("price."+p.Dimension))
}

// steps are small pictures with a few words each: how it works.
type steps []struct{ icon, text string }

func (s steps) extra() bool { return true }

func (s steps) lines(pg *page, i int, w float32) []line {
	return pg.font(pg.em(caption, pg.factor), false).lines(s[i].text, pg.script, w-pg.u(11))
}

func (s steps) height(pg *page, width float32) float32 {
	h := pg.u(10)
	for i := range s {
		h = max(h, height(s.lines(pg, i, width/float32(len(s)))))
	}
	return h
}

func (s steps) place(pg *page, r rect) {
	w := r.w / float32(len(s))
	for i := range s {
		lines := s.lines(pg, i, w)
		step := rect{pg.along(r, float32(i)*w, w), r.y, w, r.h}
		sign, before := pg.u(9), pg.u(11)
		pg.add(at(icon(s[i].icon, pg.ink, pg.panel, pg.accent), pg.along(step, 0, sign), r.y+(r.h-sign)/2, sign, sign))
		box := rect{pg.along(step, before, w-before), r.y + (r.h-height(lines))/2, w - before, r.h}
		pg.texts(lines, box, start, pg.soft)
		pg.pic.Spoken = append(pg.pic.Spoken, s[i].text)
	}
}

func (s steps) width(pg *page) (w float32) {
	for i := range s {
		w = max(w, widest(s.lines(pg, i, 1)))
	}
	return (w + pg.u(12)) * float32(len(s))
}
