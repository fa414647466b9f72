package screens

import (
	"cmp"
	"strconv"

	"kioskd/ui"
)

// limits lets a driver say where charging stops.
func (pg *page) limits() {
	pg.foot("back", plain, ui.Back, "")
	pg.dense = true
	pg.block(pg.head(pg.t("limits.title")))
	var tiles []label
	for i, l := range pg.v.Limits {
		t := label{text: cmp.Or(pg.limit(l), pg.t("limits.none")), tap: pg.act(ui.SetLimit, strconv.Itoa(i))}
		if l == pg.v.Limit {
			t.style = primary
		}
		tiles = append(tiles, t)
	}
	pg.block(pg.note(pg.t("limits.hold", "Amount", pg.p.Money(pg.v.Hold))))
	columns, rows := pg.arrange(tiles, 28)
	pg.block(grid{labels: pg.few(tiles, columns*rows), columns: columns, rowMM: target, stretch: true})
}
