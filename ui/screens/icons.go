package screens

import (
	"embed"
	"fmt"
	"image/color"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// The icons are drawn for this: outlines on a grid of 64, in the colours of the view.
//
//go:embed icons/*.svg
var iconFiles embed.FS

// icon is a picture in the colours of ink, of the panel behind it, and of what stands out.
func icon(name string, ink, panel, accent color.NRGBA) *canvas.Image {
	data, err := iconFiles.ReadFile("icons/" + name + ".svg")
	if err != nil {
		panic(err) // it is embedded
	}
	hex := func(c color.NRGBA) string { return fmt.Sprintf("#%02X%02X%02X", c.R, c.G, c.B) }
	svg := strings.NewReplacer("#INK", hex(ink), "#PANEL", hex(panel), "#ACCENT", hex(accent)).Replace(string(data))
	img := canvas.NewImageFromResource(fyne.NewStaticResource(name+hex(ink)+hex(panel)+hex(accent)+".svg", []byte(svg)))
	img.FillMode = canvas.ImageFillContain
	return img
}
