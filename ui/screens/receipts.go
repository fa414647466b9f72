package screens

import (
	"strings"

	"kioskd/ui"
)

// groups are the letters of a receipt's code in keys that a finger hits: one touch opens a
// group, another takes the letter.
var groups = []string{"0123", "4567", "89AB", "CDEF", "GHJK", "MNPQ", "RSTV", "WXYZ"}

// receipts looks a receipt up, by its code or by the card.
func (pg *page) receipts() {
	pg.dense = pg.v.Message != "locked" && pg.v.Message != "asked"
	head, prompt := pg.title(pg.t("receipts.title")), pg.say(pg.t("receipts.code"))
	head.nice, prompt.nice = pg.dense, true
	pg.block(head)
	switch {
	case pg.v.Message != "":
		pg.block(words{s: pg.t(pg.v.Key()), em: body, bold: true, color: pg.warning})
	default:
		entered := pg.say(pg.t("receipts.short") + "  " + pg.p.Piece(pg.v.Reference+strings.Repeat("·",
			max(0, 7-len(pg.v.Reference)))))
		entered.bold, entered.silent = true, true
		pg.block(prompt, entered)
	}
	pg.foot("back", plain, ui.Back, "")
	if pg.dense {
		pg.block(pg.letters())
	}
	if pg.v.ByCard && pg.v.Message != "asked" {
		pg.foot("owner.card", primary, ui.ShowCard, "")
	}
}

func (pg *page) letters() grid {
	var keys []label
	l := pg.local
	choose := func(group string) touch {
		return touch{run: func() {
			l.group = group
			if l.redraw != nil {
				l.redraw()
			}
		}}
	}
	for _, g := range groups {
		keys = append(keys, label{text: g[:2] + "\n" + g[2:], tap: choose(g)})
	}
	if l.group != "" {
		keys = nil
		for _, c := range l.group {
			send := pg.act(ui.Letter, string(c))
			keys = append(keys, label{text: string(c), tap: touch{send.input, func() { l.group = ""; send.run() }}})
		}
		keys = append(keys, label{icon: "back", spoken: pg.t("back"), style: quiet, tap: choose("")})
		return pg.keys(keys, 5)
	}
	return pg.keys(append(keys, label{icon: "erase", spoken: pg.t("erase"), style: quiet, tap: pg.act(ui.Erase, "")}),
		5)
}

// found shows a receipt, or lets the visitor choose one of theirs.
func (pg *page) found() {
	if pg.v.Reference == "" {
		pg.foot("back", plain, ui.Back, "")
		pg.dense = true
		head := pg.title(pg.t("receipts.found"))
		head.nice = true
		pg.block(head)
		var tiles []label
		for _, r := range pg.v.Receipts {
			tiles = append(tiles, label{text: pg.t("receipts.row", "Date", pg.p.Minute(r.At), "N", r.Bay, "Amount",
				pg.p.Money(r.Paid)), tap: pg.act(ui.Show, r.Reference)})
		}
		_, rows := pg.cells(len(tiles), pg.broad(150), target)
		pg.block(grid{labels: pg.few(tiles, rows), columns: 1, rowMM: target})
		return
	}
	if pg.v.Code != "" {
		pg.side = code{pg.v.Code}
	}
	key, when := "final.due", ""
	for _, r := range pg.v.Receipts {
		if r.Reference == pg.v.Reference {
			when = pg.p.Minute(r.At) + " · "
		}
	}
	if pg.v.Settled {
		key = "final.paid"
	}
	w := pg.title(pg.t(key, "Amount", pg.p.Money(pg.v.Paid)))
	w.color = pg.accent
	pg.block(pg.say(when+pg.t("bay", "N", pg.v.Bay)), w, pg.say(pg.p.Energy(pg.v.Energy, 3)),
		pg.say(pg.t("final.code", "Code", pg.v.Reference)))
	pg.caption()
	pg.items()
	pg.foot("back", primary, ui.Back, "")
}
