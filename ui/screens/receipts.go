package screens

import "kioskd/ui"

// receiptCode is how long a receipt's code is.
const receiptCode = 7

// receipts looks a receipt up, by its code or by the card.
func (pg *page) receipts() {
	head := pg.title(pg.t("receipts.title"))
	if pg.v.Message == "locked" || pg.v.Message == "asked" {
		pg.side = pg.picture("receipt")
		pg.block(head, pg.tell(pg.t(pg.v.Key())))
		pg.foot("back", primary, ui.Back, "")
		return
	}
	pg.foot("back", plain, ui.Back, "")
	if pg.v.ByCard {
		pg.foot("owner.card", plain, ui.ShowCard, "")
	}
	says := pg.say(pg.t(pg.v.Key()))
	says.bold, says.nice = pg.v.Message != "", pg.v.Access.Large && pg.v.Message == ""
	head.nice = true
	pg.ask(pg.letterKeys(), pg.asked(head, says, entered{len(pg.v.Reference), receiptCode}, pg.v.Message != "")...)
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
	h := hero{value: pg.p.Money(pg.v.Paid), em: 12.5, color: pg.good, ticked: pg.v.Settled}
	if pg.v.Settled {
		h.unit = pg.t("final.paid")
	} else {
		h.name = pg.t("final.due")
	}
	pg.block(pg.say(when+pg.t("bay", "N", pg.v.Bay)), h, pg.say(pg.p.Energy(pg.v.Energy, 3)),
		pg.say(pg.t("final.code", "Code", pg.v.Reference)))
	pg.items()
	pg.foot("back", primary, ui.Back, "")
}
