package screens

import (
	"fyne.io/fyne/v2"

	"kioskd/ui/fonts"
)

// face is a family as Fyne loads it. What the fonts lack, such as a site's name in Chinese, Fyne looks for among the
// system's.
type face struct{ regular, bold fyne.Resource }

func faces() map[*fonts.Family]face {
	out := map[*fonts.Family]face{}
	for _, f := range fonts.All() {
		out[f] = face{fyne.NewStaticResource(f.Name+"-Regular.ttf", f.Regular),
			fyne.NewStaticResource(f.Name+"-Bold.ttf", f.Bold)}
	}
	return out
}

var loaded = faces()

// weight is a family's file.
func weight(f *fonts.Family, bold bool) fyne.Resource {
	if bold {
		return loaded[f].bold
	}
	return loaded[f].regular
}
