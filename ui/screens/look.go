package screens

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"kioskd/ui"
	"kioskd/ui/fonts"
)

// look is the palette of a view. What is written has at least 7:1 contrast with what lies
// behind it, because of the sun; edges of what can be touched at least 3:1.
type look struct {
	ground, panel, line colour
	hair                colour // between rows, under nothing that is read
	ink, soft           colour // text, and text that is less important
	accent, onAccent    colour // what is to be done next
	stop                colour // what ends something
	good, amber         colour // signs
	success, warn       tone   // bands
	danger, info        tone
	plate, taken        tone // a bay's number; a bay that is taken
}

func rgb(hex uint32) colour {
	return colour{R: uint8(hex >> 16), G: uint8(hex >> 8), B: uint8(hex), A: 0xFF}
}

func day() look {
	return look{ground: ui.Ground, panel: ui.White, line: rgb(0x6B7B7C), hair: rgb(0xC9D2CE),
		ink: rgb(0x0B1F1C), soft: rgb(0x33464B), accent: rgb(0x00584D), onAccent: rgb(0xFFFFFF), stop: rgb(0x9B1212),
		good: rgb(0x06351C), amber: rgb(0x6A3A00),
		success: tone{rgb(0xBFE8CB), rgb(0x06351C)}, warn: tone{rgb(0xFFD978), rgb(0x3B2A00)},
		danger: tone{rgb(0xB00020), rgb(0xFFFFFF)}, info: tone{rgb(0xE2EAE6), rgb(0x0B1F1C)},
		plate: tone{rgb(0x0B1F1C), rgb(0xFFFFFF)}, taken: tone{rgb(0xDDE3E0), rgb(0x2F423E)}}
}

func night() look {
	return look{ground: rgb(0x081215), panel: rgb(0x12222A), line: rgb(0x6F858C), hair: rgb(0x2C4049),
		ink: rgb(0xFFFFFF), soft: rgb(0xC4D2D6), accent: rgb(0xFFC94A), onAccent: rgb(0x141006), stop: rgb(0xFFB4A6),
		good: rgb(0x86E3A2), amber: rgb(0xFFD08A),
		success: tone{rgb(0x12402A), rgb(0xBFF0CE)}, warn: tone{rgb(0x4A3600), rgb(0xFFE2A0)},
		danger: tone{rgb(0xB00020), rgb(0xFFFFFF)}, info: tone{rgb(0x1B2B31), rgb(0xFFFFFF)},
		plate: tone{rgb(0xE8F0EE), rgb(0x081215)}, taken: tone{rgb(0x22343B), rgb(0xC4D2D6)}}
}

// lookOf is the palette of a view: at night its own, by day with the host's accent, whose contrast the configuration
// was checked for.
func lookOf(v ui.View) look {
	if v.Night {
		return night()
	}
	l := day()
	if c, ok := ui.ParseColour(v.Brand.Accent); ok {
		l.accent = c
	}
	return l
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
func (t Theme) Font(s fyne.TextStyle) fyne.Resource { return weight(fonts.Sans, s.Bold) }
