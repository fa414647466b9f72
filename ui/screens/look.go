package screens

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"kioskd/ui/fonts"
)

// look is the palette of a view. What is written has at least 7:1 contrast with what lies
// behind it, because of the sun; edges of what can be touched at least 3:1.
type look struct {
	ground, panel, line  color.NRGBA
	ink, soft            color.NRGBA // text, and text that is less important
	accent, onAccent     color.NRGBA // what is to be done next
	good, alarm, warning color.NRGBA
}

func rgb(hex uint32) color.NRGBA {
	return color.NRGBA{uint8(hex >> 16), uint8(hex >> 8), uint8(hex), 0xFF}
}

func day() look {
	return look{ground: rgb(0xF3F6F5), panel: rgb(0xFFFFFF), line: rgb(0x6B7B7C), ink: rgb(0x0B1D21),
		soft:   rgb(0x33464B),
		accent: rgb(0x00534A), onAccent: rgb(0xFFFFFF), good: rgb(0x0A5223), alarm: rgb(0x8C1010),
		warning: rgb(0x6A3A00)}
}

func night() look {
	return look{ground: rgb(0x081215), panel: rgb(0x12222A), line: rgb(0x6F858C), ink: rgb(0xFFFFFF),
		soft:   rgb(0xC4D2D6),
		accent: rgb(0xFFC94A), onAccent: rgb(0x141006), good: rgb(0x86E3A2), alarm: rgb(0xFFB4A6),
		warning: rgb(0xFFD08A)}
}

func lookOf(dark bool) look {
	if dark {
		return night()
	}
	return day()
}

// Theme is what Fyne itself still draws: the window behind everything.
type Theme struct{ fyne.Theme }

// NewTheme makes the theme.
func NewTheme() Theme { return Theme{theme.DefaultTheme()} }

// Color implements fyne.Theme.
func (t Theme) Color(n fyne.ThemeColorName, v fyne.ThemeVariant) color.Color {
	if n == theme.ColorNameBackground {
		return day().ground
	}
	return t.Theme.Color(n, v)
}

// Font implements fyne.Theme.
func (t Theme) Font(s fyne.TextStyle) fyne.Resource {
	return weight(fonts.Sans, s.Bold)
}
