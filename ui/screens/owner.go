package screens

import (
	"strings"

	"kioskd/ui"
)

// owner asks whose session it is: by stop code or by card.
func (pg *page) owner() {
	pg.dense = pg.v.Message != "locked"
	head := pg.title(pg.t("owner.title", "N", pg.v.Bay))
	head.nice = pg.dense
	pg.block(head)
	if pg.v.Message != "" {
		pg.block(words{s: pg.t(pg.v.Key(), "N", pg.v.Bay), em: body, bold: true, color: pg.warning})
	} else {
		prompt := pg.note(pg.t(pg.v.Key()))
		pg.block(prompt, pg.say(pg.t("owner.short", "N", pg.v.Bay)+"  "+dots(pg.v.Digits, 4)))
	}
	pg.foot("back", plain, ui.Back, "")
	if pg.dense {
		pg.block(pg.digits())
	}
	if pg.v.ByCard && pg.v.Message != "locked" && pg.v.Message != "asked" {
		pg.foot("owner.card", primary, ui.ShowCard, "")
	}
}

// dots shows how much of a code was entered.
func dots(n, of int) string {
	return strings.Repeat("•", n) + strings.Repeat("·", max(0, of-n))
}

// digits are the ten digits in two rows: no picture of a PIN pad, which people have learnt to
// trust with their card's number.
func (pg *page) digits() grid {
	var keys []label
	for _, d := range "1234567890" {
		keys = append(keys, label{text: string(d), tap: pg.act(ui.Digit, string(d))})
	}
	erase := label{icon: "erase", spoken: pg.t("erase"), style: quiet, tap: pg.act(ui.Erase, "")}
	return pg.keys(append(keys, erase), 5)
}

// keys are keys of an entry: six columns where the page is low, else so many.
func (pg *page) keys(labels []label, columns int) grid {
	if pg.low() {
		columns = 6
	}
	return grid{labels: labels, columns: columns, rowMM: target, keys: true}
}
