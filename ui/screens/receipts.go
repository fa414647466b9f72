package screens

import (
	"kioskd"
	"kioskd/ui"
)

// receipts looks a receipt up, by its code or by the card.
func (pg *page) receipts() {
	if pg.v.Message == "locked" || pg.v.Message == "asked" {
		pg.side = pg.picture("receipt")
		pg.block(pg.title(pg.t("receipts.title")), pg.tell(pg.t(pg.v.Key())))
		pg.foot("back", primary, ui.Back, "")
		return
	}
	pg.foot("back", plain, ui.Back, "")
	if pg.v.ByCard {
		pg.foot("owner.card", plain, ui.ShowCard, "")
	}
	pg.askCode(pg.letterKeys(), pg.t("receipts.title"), entered{len(pg.v.Reference), kiosk.ReferenceLength})
}

// found shows a receipt, or lets the visitor choose one of theirs.
func (pg *page) found() {
	if pg.v.Reference == "" {
		pg.foot("back", plain, ui.Back, "")
		pg.dense = true
		pg.block(pg.head(pg.t("receipts.found")))
		var tiles []label
		for _, r := range pg.v.Receipts {
			tiles = append(tiles, label{text: pg.t("receipts.row", "Date", pg.p.Minute(r.At), "N", r.Bay, "Amount",
				pg.p.Money(r.Paid)), tap: pg.act(ui.Show, r.Reference)})
		}
		columns := 1
		_, rows := pg.cells(len(tiles), 150, target)
		if rows < 3 { // little room is left
			columns = 2
		}
		pg.block(grid{labels: pg.few(tiles, columns*rows), columns: columns, rowMM: target})
		return
	}
	if pg.v.Code != "" {
		pg.side = code{pg.v.Code, pg.caption()}
	}
	when := ""
	for _, r := range pg.v.Receipts {
		if r.Reference == pg.v.Reference {
			when = pg.p.Minute(r.At) + " · "
		}
	}
	pg.block(pg.say(when+pg.t("bay", "N", pg.v.Bay)), pg.paid(12.5), pg.say(pg.p.Energy(pg.v.Energy, 3)),
		pg.say(pg.t("final.code", "Code", pg.v.Reference)))
	pg.items()
	pg.foot("back", primary, ui.Back, "")
}
