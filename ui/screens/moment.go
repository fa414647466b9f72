package screens

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"

	"kioskd/ui"
)

// Moment fills the panel for a moment with what a driver waited for: a tick, and the amount that was approved.
func (d *Drawer) Moment(v ui.View, size fyne.Size) fyne.CanvasObject {
	pg := d.page(v, size)
	pg.factor = pg.sizes()[0]
	fill := canvas.NewRectangle(pg.success.fill)
	fill.Resize(size)
	pg.add(fill)
	edge := min(size.Width, size.Height) * 0.42
	words := pg.font(pg.em(title*1.3, pg.factor), true).lines(pg.t("plug_in.held", "Amount", pg.p.Money(v.Approved)),
		pg.script, size.Width-2*pg.u(margin))
	y := (size.Height - edge - pg.u(6) - height(words)) / 2
	pg.add(at(icon("tick", pg.success.ink, pg.success.fill, pg.success.ink), (size.Width-edge)/2, y, edge, edge))
	pg.behind = pg.success.fill
	pg.texts(words, rect{0, y + edge + pg.u(6), size.Width, size.Height}, middle, pg.success.ink)
	out := container.NewWithoutLayout(pg.layer...)
	out.Resize(size)
	return out
}
