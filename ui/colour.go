package ui

import (
	"fmt"
	"image/color"
	"math"
)

// LeastContrast is that of what is written with what lies behind it (WCAG 2.2, 1.4.6): the sun shines on a kiosk.
const LeastContrast = 7

// White and Ground are what lies behind the accent, by day: letters on a button that leads on, and the stage that a
// large number stands on.
var (
	White  = color.NRGBA{0xFF, 0xFF, 0xFF, 0xFF}
	Ground = color.NRGBA{0xF4, 0xF6, 0xF3, 0xFF}
)

// ParseColour reads a colour as #RRGGBB.
func ParseColour(s string) (c color.NRGBA, ok bool) {
	if len(s) != 7 {
		return c, false
	}
	n, err := fmt.Sscanf(s, "#%02x%02x%02x", &c.R, &c.G, &c.B)
	c.A = 0xFF
	return c, n == 3 && err == nil
}

// Contrast is the ratio of two colours' luminances, from 1 to 21 (WCAG 2.2, "contrast ratio").
func Contrast(a, b color.NRGBA) float64 {
	x, y := luminance(a)+0.05, luminance(b)+0.05
	return max(x, y) / min(x, y)
}

func luminance(c color.NRGBA) float64 {
	linear := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}
