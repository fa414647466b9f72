package screens

import "fyne.io/fyne/v2"

// Panel is the real panel: everything is measured in its millimetres, so that a target is as
// large for a finger on seven inches as on ten.
type Panel struct {
	Size fyne.Size
	mm   float32 // units a millimetre
}

// NewPanel is a panel of so many units, so many millimetres wide. Without a width it is taken
// for a usual one of its pixels: 7 inches up to 1024 on the longer side, else 10.
func NewPanel(size fyne.Size, millimetres float32) Panel {
	if millimetres <= 0 {
		long, wide := max(size.Width, size.Height), size.Width
		millimetres = 154 * wide / long
		if long > 1024 {
			millimetres = 217 * wide / long
		}
	}
	return Panel{size, size.Width / millimetres}
}

func (p Panel) portrait() bool { return p.Size.Height > p.Size.Width }

// Sizes in millimetres. Those of type are of the em; a capital is 0.71 of it high. There are four of words and one of
// numbers (heroes); a page is drawn in all of them as they are, or in all of them a step larger or smaller.
const (
	target   = 20   // smallest edge of what can be touched
	between  = 4    // targets
	margin   = 3.5  // of the panel, at its sides
	below    = 1.1  // of the panel, at its foot
	gap      = 2.2  // of blocks, the grid's step
	caption  = 3.9  // type
	body     = 4.8  //
	lead     = 5.8  //
	title    = 7    //
	smaller  = 0.79 // the smallest part of itself that a text is written in
	legible  = 6.8  // smallest em for a visitor who needs it larger: capitals of 4.8
	railWord = 3.05 // what stands below a sign that is always there
)
