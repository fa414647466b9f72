package screens

import "kioskd/ui"

// attract shows the price without a touch, how it works, and what is free.
func (pg *page) attract() {
	pg.danger()
	if len(pg.v.Prices) > 0 {
		p := pg.v.Prices[0]
		pg.block(words{s: pg.p.Decimal(p.Amount, pg.v.Hold.Currency), em: price, bold: true, color: pg.accent,
			align: middle, oneLine: true, digits: true},
			pg.say(pg.t("price."+p.Dimension)).centred())
		for _, more := range pg.v.Prices[1:] {
			w := pg.note(pg.priceLine(more)).centred() // the law wants all of them together
			w.nice = false
			pg.block(w)
		}
	}
	pg.notice()
	free := 0
	for _, b := range pg.v.Bays {
		if b.State == ui.BayFree || b.State == ui.BayPlugged {
			free++
		}
	}
	pg.block(pg.money(pg.t("attract.free", "N", free, "Total", len(pg.v.Bays))).centred(),
		pg.note(pg.t("attract.cards")).centred())
	pg.block(steps{{"plug", pg.t("attract.how1")}, {"bay", pg.t("attract.how2")}, {"card", pg.t("attract.how3")}})
	if pg.v.Later && !(pg.v.Access.Large && pg.small()) { // it is on the next page, too
		pg.foot("receipts.button", plain, ui.Open, string(ui.Receipts))
	}
	pg.foot("attract.start", primary, ui.Touch, "")
	pg.whole = pg.act(ui.Touch, "") // the price, too
}

// notice is the operator's word.
func (pg *page) notice() {
	if pg.v.Notice != "" {
		pg.block(pg.say(pg.v.Notice).centred())
	}
}

// priceLine is one price as a line: the amount, what it is for, and when.
func (pg *page) priceLine(p ui.PriceView) string {
	s := pg.p.Decimal(p.Amount, pg.v.Hold.Currency) + " " + pg.t("price."+p.Dimension)
	if p.AfterMin > 0 {
		s += pg.t("join.comma") + pg.t("price.after", "N", p.AfterMin)
	}
	if p.From != "" {
		s += pg.t("join.comma") + pg.p.Span(p.From, p.To)
	}
	return s
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
		x, wide := r.x+float32(i)*w, widest(lines)+pg.u(11)
		if pg.right {
			x = r.x + r.w - w - float32(i)*w
		}
		x += max(0, (w-wide)/2)
		ix, tx := x, x+pg.u(11)
		if pg.right {
			ix, tx = x+wide-pg.u(9), x
		}
		pg.add(at(icon(s[i].icon, pg.ink, pg.panel, pg.accent), ix, r.y+(r.h-pg.u(9))/2, pg.u(9), pg.u(9)))
		pg.texts(lines, rect{tx, r.y + (r.h-height(lines))/2, wide - pg.u(11), r.h}, start, pg.soft)
		pg.pic.Spoken = append(pg.pic.Spoken, s[i].text)
	}
}

func (s steps) width(pg *page) (w float32) {
	for i := range s {
		w = max(w, widest(s.lines(pg, i, 1)))
	}
	return (w + pg.u(12)) * float32(len(s))
}
