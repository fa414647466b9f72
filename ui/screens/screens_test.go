package screens_test

import (
	"flag"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"

	"kioskd/ui"
	"kioskd/ui/screens"
	"kioskd/ui/text"
)

var pictures = flag.String("pictures", "", "folder into which a PNG of every screen is written")

var sizes = []fyne.Size{fyne.NewSize(800, 480), fyne.NewSize(1280, 800)}

// TestEveryScreen draws every screen in every language and size: nothing may be larger
// than the panel, lie outside of it, or lack its text.
func TestEveryScreen(t *testing.T) {
	a := test.NewApp()
	defer a.Quit()
	a.Settings().SetTheme(screens.NewTheme())
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range sizes {
		for _, lang := range texts.Languages() {
			for _, v := range screens.Canned(lang) {
				name := fmt.Sprintf("%s-%s-%.0fx%.0f", v.Screen, lang, size.Width, size.Height)
				w := test.NewWindow(nil)
				w.SetPadded(false)
				o := (&screens.Drawer{Texts: texts, Send: func(ui.Input) {}}).Draw(v, size)
				if m := o.MinSize(); m.Width > size.Width || m.Height > size.Height {
					t.Errorf("%s needs %v of %v", name, m, size)
				}
				w.SetContent(o)
				w.Resize(size)
				walk(o, fyne.Position{}, func(txt *canvas.Text, at fyne.Position) {
					m := txt.MinSize()
					switch {
					case strings.HasPrefix(txt.Text, "["):
						t.Errorf("%s has no text for %s", name, txt.Text)
					case at.X < 0 || at.Y < 0 || at.X+m.Width > size.Width+1 || at.Y+m.Height > size.Height+1:
						t.Errorf("%s: %q lies outside at %v", name, txt.Text, at)
					}
				})
				if *pictures != "" && size == sizes[0] {
					save(t, filepath.Join(*pictures, fmt.Sprintf("%s-%s.png", v.Screen, lang)), w)
				}
				w.Close()
			}
		}
	}
}

// walk finds all texts with their places.
func walk(o fyne.CanvasObject, at fyne.Position, f func(*canvas.Text, fyne.Position)) {
	at = at.Add(o.Position())
	switch o := o.(type) {
	case *canvas.Text:
		f(o, at)
	case *fyne.Container:
		for _, c := range o.Objects {
			walk(c, at, f)
		}
	case fyne.Widget:
		for _, c := range test.WidgetRenderer(o).Objects() {
			walk(c, at, f)
		}
	}
}

func save(t *testing.T, path string, w fyne.Window) {
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, w.Canvas().Capture()); err != nil {
		t.Fatal(err)
	}
}

// TestTapsBecomeInputs taps the main button of each screen.
func TestTapsBecomeInputs(t *testing.T) {
	a := test.NewApp()
	defer a.Quit()
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	want := map[ui.Screen]ui.InputKind{ui.Attract: ui.Touch, ui.Bays: ui.Choose, ui.Price: ui.Accept, ui.Tap: ui.Back, ui.PlugIn: ui.Back, ui.Charging: ui.Stop, ui.StopAsk: ui.Confirm, ui.Final: ui.Back, ui.Declined: ui.Back}
	for _, v := range screens.Canned("en") {
		v.Seq = 7
		got := map[ui.InputKind]bool{}
		d := &screens.Drawer{Texts: texts, Send: func(in ui.Input) {
			if in.Seq != 7 {
				t.Errorf("%s sent sequence number %d", v.Screen, in.Seq)
			}
			got[in.Kind] = true
		}}
		tapAll(d.Draw(v, sizes[0]))
		if k := want[v.Screen]; k != "" && !got[k] || !got[ui.Language] {
			t.Errorf("%s sends %v, want %q and a language", v.Screen, got, k)
		}
	}
}

func tapAll(o fyne.CanvasObject) {
	if b, ok := o.(fyne.Tappable); ok {
		b.Tapped(nil)
	}
	if c, ok := o.(*fyne.Container); ok {
		for _, child := range c.Objects {
			tapAll(child)
		}
	}
}
