package screens

import (
	"image/color"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"
)

// scale turns parts of the panel's height into sizes, so that one layout serves 7 and
// 10 inches.
type scale struct{ w, h float32 }

func (s scale) size(part float32) float32 { return s.h * part }

// Type sizes as parts of the height.
const (
	huge  = 0.20
	large = 0.095
	mid   = 0.06
	small = 0.045
)

// label is a line of text that is made smaller where it would be wider than the panel.
func (s scale) label(text string, part float32, c color.Color, width float32) *canvas.Text {
	t := canvas.NewText(text, c)
	t.Alignment = fyne.TextAlignCenter
	t.TextSize = s.size(part)
	for t.MinSize().Width > width && t.TextSize > 8 {
		t.TextSize--
	}
	return t
}

// lines breaks a text into lines that fit the width at its size.
func (s scale) lines(text string, part float32, c color.Color, width float32) fyne.CanvasObject {
	box := container.NewVBox()
	var line []string
	fits := func(words []string) bool {
		return fyne.MeasureText(strings.Join(words, " "), s.size(part), fyne.TextStyle{}).Width <= width
	}
	flush := func() {
		if len(line) > 0 {
			box.Add(s.label(strings.Join(line, " "), part, c, width))
		}
	}
	for _, word := range strings.Fields(text) {
		if len(line) > 0 && !fits(append(line, word)) {
			flush()
			line = nil
		}
		line = append(line, word)
	}
	flush()
	return box
}

// button is a large touch target; it reacts on the tap and has no other state.
type button struct {
	widget.BaseWidget
	text  *canvas.Text
	under *canvas.Text // nil without
	fill  *canvas.Rectangle
	min   fyne.Size
	tap   func()
}

func (s scale) button(text string, fill, ink color.Color, size fyne.Size, tap func()) *button {
	b := &button{fill: canvas.NewRectangle(fill), min: size, tap: tap}
	b.fill.CornerRadius = s.size(0.02)
	b.text = s.label(text, mid, ink, size.Width*0.94)
	b.ExtendBaseWidget(b)
	return b
}

// MinSize implements fyne.CanvasObject.
func (b *button) MinSize() fyne.Size { return b.min }

// Tapped implements fyne.Tappable.
func (b *button) Tapped(*fyne.PointEvent) {
	if b.tap != nil {
		b.tap()
	}
}

// CreateRenderer implements fyne.Widget.
func (b *button) CreateRenderer() fyne.WidgetRenderer {
	content := container.NewVBox(b.text)
	if b.under != nil {
		content.Add(b.under)
	}
	return widget.NewSimpleRenderer(container.NewStack(b.fill, container.NewCenter(content)))
}
