// Package screens draws views with Fyne, a file a group of screens. It owns nothing and
// decides nothing: a view comes in, a picture goes out, a finger becomes an input.
package screens

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// Colours have at least 7:1 contrast on the ground, for the sun.
var (
	ground = color.NRGBA{0x0B, 0x1F, 0x33, 0xFF}
	panel  = color.NRGBA{0x16, 0x34, 0x52, 0xFF}
	ink    = color.NRGBA{0xFF, 0xFF, 0xFF, 0xFF}
	soft   = color.NRGBA{0xC8, 0xD8, 0xE8, 0xFF}
	accent = color.NRGBA{0xFF, 0xD1, 0x4D, 0xFF}
	good   = color.NRGBA{0x7D, 0xE0, 0x9A, 0xFF}
	alarm  = color.NRGBA{0xFF, 0xB0, 0xA0, 0xFF}
)

// Theme is the look of the kiosk.
type Theme struct{ fyne.Theme }

// NewTheme makes the theme.
func NewTheme() Theme { return Theme{theme.DefaultTheme()} }

// Color implements fyne.Theme.
func (t Theme) Color(n fyne.ThemeColorName, _ fyne.ThemeVariant) color.Color {
	switch n {
	case theme.ColorNameBackground:
		return ground
	case theme.ColorNameForeground:
		return ink
	}
	return t.Theme.Color(n, theme.VariantDark)
}
