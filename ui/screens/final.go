package screens

import (
	"strings"

	"kioskd/ui"
)

// final says what became of the money first, then why, and how to have the receipt.
func (pg *page) final() {
	if pg.v.Code != "" {
		pg.side = code{pg.v.Code}
	}
	if pg.v.Paid.Minor > 0 {
		key := "final.due"
		if pg.v.Open {
			key = "final.unpaid"
		} else if pg.v.Settled {
			key = "final.paid"
		}
		w := pg.title(pg.t(key, "Amount", pg.p.Money(pg.v.Paid)))
		w.color = pg.accent
		pg.block(w)
	} else {
		w := pg.title(pg.t("final.nothing"))
		w.color = pg.accent
		pg.block(w)
	}
	switch {
	case pg.v.Free:
	case pg.v.Open:
		pg.block(words{s: pg.t("final.open"), em: body, bold: true, color: pg.warning})
	case pg.v.Settled:
		pg.block(pg.money(pg.t("final.released", "Amount", pg.p.Money(pg.v.Released))))
	case pg.v.Paid.Minor > 0:
		pg.block(pg.money(pg.t("final.pending")))
	default:
		pg.block(pg.money(pg.t("final.pending_nothing")))
	}
	if pg.v.Message != "" {
		pg.block(pg.say(pg.t(pg.v.Key())))
	}
	if pg.v.Paid.Minor > 0 {
		pg.block(pg.say(pg.p.Energy(pg.v.Energy, 3) + " · " + pg.p.Duration(pg.v.Elapsed)))
	}
	if pg.v.Settled && !pg.v.Open && !pg.v.Free {
		pg.block(pg.note(pg.t("final.bank_days")))
	}
	pg.block(pg.say(pg.t("final.code", "Code", pg.v.Reference)))
	pg.caption()
	if len(pg.v.Items) > 0 {
		pg.foot("final.show", plain, ui.Open, string(ui.Itemised))
	}
	pg.foot("final.done", primary, ui.Back, "")
}

// caption says what a telephone does with the code; a code that is not there promises nothing.
func (pg *page) caption() {
	switch {
	case strings.HasPrefix(pg.v.Code, "https:"):
		pg.block(pg.say(pg.t("final.scan")))
	case strings.HasPrefix(pg.v.Code, "mailto:"):
		pg.block(pg.say(pg.t("final.mail")))
	}
}
