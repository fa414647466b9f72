package screens

import (
	"strings"

	"kioskd/ui"
)

// final says what became of the money first, then why, and how to have the receipt.
func (pg *page) final() {
	if pg.v.Code != "" {
		pg.side = code{pg.v.Code, pg.caption()}
	}
	pg.outcome()
	if !pg.v.Open { // there it stands where it is asked to be kept
		w := pg.say(pg.t("final.code", "Code", pg.v.Reference))
		w.em = caption
		pg.block(w)
	}
	if pg.v.Message != "" && pg.v.Message != "stopped" {
		w := pg.say(pg.t(pg.v.Key()))
		w.nice = pg.v.Message == "unplugged"
		pg.block(w)
	}
	if pg.v.Paid.Minor > 0 && !pg.v.Open {
		pg.block(entry{name: pg.p.Energy(pg.v.Energy, 3), value: pg.p.Lasting(pg.v.Elapsed), em: caption, ruled: true,
			nice: true})
	}
	for _, i := range pg.v.Items {
		if i.Key == "receipt.net" || i.Key == "receipt.vat" {
			e := pg.entry(i)
			e.em, e.nice, e.ruled = caption, true, true
			pg.block(e)
		}
	}
	if len(pg.v.Items) > 0 {
		show := "final.show"
		if pg.v.Access.Large && pg.small() {
			show = "receipt.title"
		}
		pg.foot(show, plain, ui.Open, string(ui.Itemised))
	}
	pg.foot("final.done", primary, ui.Back, "")
	pg.signs("receipt", "tick")
}

// outcome is what became of the money.
func (pg *page) outcome() {
	paid := pg.paid(15)
	switch {
	case pg.v.Paid.Minor == 0:
		w := pg.title(pg.t("final.nothing"))
		w.color = pg.good
		pg.block(w)
	case pg.v.Open:
		paid.name, paid.unit, paid.ticked, paid.color = pg.t("final.unpaid"), "", false, pg.ink
		pg.block(paid)
	default:
		pg.block(paid)
	}
	switch {
	case pg.v.Free:
	case pg.v.Open:
		keep := pg.warnBand(pg.t("final.open"))
		keep.value, keep.spell = pg.p.Piece(pg.v.Reference), true
		pg.block(keep)
	case pg.v.Settled:
		b := pg.tell(pg.t("final.released", "Amount", pg.p.Money(pg.v.Released)))
		b.under, b.tone = pg.t("final.bank_days"), pg.success
		pg.block(b)
	case pg.v.Paid.Minor > 0:
		pg.block(pg.tell(pg.t("final.pending")))
	default:
		pg.block(pg.tell(pg.t("final.pending_nothing")))
	}
}

// paid is what was paid, or will be.
func (pg *page) paid(em float32) hero {
	h := hero{value: pg.p.Money(pg.v.Paid), em: em, color: pg.good, ticked: pg.v.Settled}
	if pg.v.Settled {
		h.unit = pg.t("final.paid")
	} else {
		h.name = pg.t("final.due")
	}
	return h
}

// caption says what a telephone does with the code; a code that is not there promises nothing.
func (pg *page) caption() string {
	switch {
	case strings.HasPrefix(pg.v.Code, "https:"):
		return pg.t("final.scan")
	case strings.HasPrefix(pg.v.Code, "mailto:"):
		return pg.t("final.mail")
	}
	return ""
}
