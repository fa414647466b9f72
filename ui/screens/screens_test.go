package screens_test

import (
	"bytes"
	"flag"
	"fmt"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"
	gofont "github.com/go-text/typesetting/font"

	"kioskd/ui"
	"kioskd/ui/screens"
	"kioskd/ui/text"
)

var (
	pictures = flag.String("pictures", "", "folder into which a PNG of every view is written")
	only     = flag.String("only", "", "views and languages to draw, such as price/ar; all without")
)

var sizes = []fyne.Size{fyne.NewSize(800, 480), fyne.NewSize(1280, 800), fyne.NewSize(800, 1280)}

func load(t testing.TB) (*text.Catalogues, []screens.Canned) {
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	views, err := screens.ReadViews("testdata/views")
	if err != nil {
		t.Fatal(err)
	}
	return texts, views
}

func newApp(t testing.TB) {
	a := test.NewApp()
	a.Settings().SetTheme(screens.NewTheme())
	t.Cleanup(a.Quit)
}

// TestEveryScreenIsThere: a screen without a canned view is one that no person looks at.
func TestEveryScreenIsThere(t *testing.T) {
	_, views := load(t)
	for _, s := range ui.Screens() {
		if !slices.ContainsFunc(views, func(c screens.Canned) bool { return c.View.Screen == s }) {
			t.Errorf("screen %s has no view in testdata/views", s)
		}
	}
}

// TestEveryScreenInEveryLanguage draws every view in every language, at every size, in both
// ways of showing it: nothing may be cut, overlap, lie outside, lack its text or a glyph, or
// be too small to read or to touch.
func TestEveryScreenInEveryLanguage(t *testing.T) {
	newApp(t)
	texts, views := load(t)
	languages := judged(texts)
	if underRace {
		t.Log("under the race detector in English alone; without it in every language")
	} else {
		languages = append(languages, text.Pseudo)
	}
	for _, lang := range languages {
		if !strings.Contains(*only, "/") || strings.HasSuffix(*only, "/"+lang) {
			t.Run(lang, func(t *testing.T) { inLanguage(t, texts, views, lang) })
		}
	}
}

func inLanguage(t *testing.T, texts *text.Catalogues, views []screens.Canned, lang string) {
	name, _, _ := strings.Cut(*only, "/")
	for _, c := range views {
		if name != "" && name != c.Name {
			continue
		}
		for _, size := range sizes {
			for _, large := range []bool{false, true} {
				v := c.View
				v.Language, v.Access.Large = lang, large
				judged := fmt.Sprintf("%s-%s-%.0fx%.0f", c.Name, lang, size.Width, size.Height)
				if large {
					judged += "-large"
				}
				d := &screens.Drawer{Texts: texts, Send: func(ui.Input) {}}
				judge(t, judged, d.Draw(v, size), size, large && v.Staff == nil)
				if *pictures != "" {
					save(t, filepath.Join(*pictures, judged+".png"), d.Draw(v, size).Object, size)
				}
			}
		}
	}
}

// millimetres of the panels above.
func mm(size fyne.Size) float32 {
	return size.Width / map[float32]float32{480: 154, 800: 217, 1280: 217 * 800.0 / 1280}[size.Height]
}

func judge(t *testing.T, name string, pic *screens.Picture, size fyne.Size, large bool) {
	t.Helper()
	for _, cut := range pic.Cut {
		t.Errorf("%s: cut: %s", name, cut)
	}
	inside := func(what string, pos fyne.Position, s fyne.Size) {
		if pos.X < -1 || pos.Y < -1 || pos.X+s.Width > size.Width+1 || pos.Y+s.Height > size.Height+1 {
			t.Errorf("%s: %q lies outside at %v %v", name, what, pos, s)
		}
	}
	for i, txt := range pic.Texts {
		inside(txt.Text, txt.Pos, txt.Size)
		if strings.Contains(txt.Text, "[") {
			t.Errorf("%s: no text for %s", name, txt.Text)
		}
		if least := map[bool]float32{false: 3, true: 6.7}[large]; txt.EM < least {
			t.Errorf("%s: %q is written in %.1f mm, want %.1f", name, txt.Text, txt.EM, least)
		}
		for _, other := range pic.Texts[:i] {
			if overlap(txt.Pos, txt.Size, other.Pos, other.Size, 1) {
				t.Errorf("%s: %q overlaps %q", name, txt.Text, other.Text)
			}
		}
		for _, b := range pic.Buttons {
			if overlap(txt.Pos, txt.Size, b.Position(), b.Size(), 1) {
				t.Errorf("%s: %q overlaps button %q", name, txt.Text, b.Label)
			}
		}
	}
	for i, b := range pic.Buttons {
		inside(b.Label, b.Position(), b.Size())
		if large && size.Height > size.Width && b.Position().Y < size.Height*0.4 {
			t.Errorf("%s: button %q is at %.0f of %.0f: out of reach", name, b.Label, b.Position().Y, size.Height)
		}
		if least := 20*mm(size) - 0.5; b.Size().Width < least || b.Size().Height < least {
			t.Errorf("%s: button %q is %v, want 20 mm (%.0f)", name, b.Label, b.Size(), least)
		}
		if strings.Contains(b.Label, "[") || b.Label == "" {
			t.Errorf("%s: a button has no text: %q", name, b.Label)
		}
		for _, other := range pic.Buttons[:i] {
			if overlap(b.Position().SubtractXY(3.5*mm(size), 3.5*mm(size)),
				b.Size().AddWidthHeight(7*mm(size), 7*mm(size)), other.Position(), other.Size(), 0) {
				t.Errorf("%s: buttons %q and %q are too close", name, b.Label, other.Label)
			}
		}
	}
	glyphs(t, name, pic.Object)
}

func overlap(p fyne.Position, s fyne.Size, q fyne.Position, r fyne.Size, slack float32) bool {
	return p.X+slack < q.X+r.Width && q.X+slack < p.X+s.Width && p.Y+slack < q.Y+r.Height && q.Y+slack < p.Y+s.Height
}

var faces = map[string]*gofont.Face{}

// glyphs tells what a font cannot draw.
func glyphs(t *testing.T, name string, o fyne.CanvasObject) {
	t.Helper()
	walk(o, func(txt *canvas.Text) {
		key := txt.FontSource.Name()
		if faces[key] == nil {
			face, err := gofont.ParseTTF(bytes.NewReader(txt.FontSource.Content()))
			if err != nil {
				t.Fatal(err)
			}
			faces[key] = face
		}
		for _, r := range txt.Text {
			if _, ok := faces[key].NominalGlyph(r); !ok {
				t.Errorf("%s: %q: %s has no glyph for %q: run scripts/fonts", name, txt.Text, key, r)
			}
		}
	})
}

// walk finds all texts.
func walk(o fyne.CanvasObject, f func(*canvas.Text)) {
	switch o := o.(type) {
	case *canvas.Text:
		f(o)
	case *fyne.Container:
		for _, c := range o.Objects {
			walk(c, f)
		}
	case fyne.Widget:
		for _, c := range test.WidgetRenderer(o).Objects() {
			walk(c, f)
		}
	}
}

func save(t *testing.T, path string, o fyne.CanvasObject, size fyne.Size) {
	w := test.NewWindow(o)
	defer w.Close()
	w.SetPadded(false)
	w.Resize(size)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, w.Canvas().Capture()); err != nil {
		t.Fatal(err)
	}
}

// TestContrast: everything that is written, on buttons too, can be read in the sun, by day in the host's colour, too.
func TestContrast(t *testing.T) {
	newApp(t)
	texts, views := load(t)
	for _, c := range views {
		for _, change := range []func(*ui.View){func(v *ui.View) { v.Night = true }, func(*ui.View) {},
			func(v *ui.View) { v.Brand.Accent = "#5A1A6B" }} {
			v := c.View
			change(&v)
			pic := (&screens.Drawer{Texts: texts}).Draw(v, sizes[1])
			if len(pic.Labels) == 0 && v.Screen != ui.Lost {
				t.Errorf("%s: nothing is written on its buttons", c.Name)
			}
			for _, txt := range append(pic.Texts, pic.Labels...) {
				if got := ui.Contrast(txt.FG, txt.BG); got < ui.LeastContrast {
					t.Errorf("%s: %q has a contrast of %.1f", c.Name, txt.Text, got)
				}
			}
		}
	}
}

// TestWhatIsTakenForAContrast: WCAG's own examples.
func TestWhatIsTakenForAContrast(t *testing.T) {
	black, grey := color.NRGBA{A: 255}, color.NRGBA{R: 0x76, G: 0x76, B: 0x76, A: 255}
	if got := ui.Contrast(black, ui.White); math.Abs(got-21) > 0.01 {
		t.Errorf("black on white: %.2f", got)
	}
	if got := ui.Contrast(grey, ui.White); math.Abs(got-4.54) > 0.01 {
		t.Errorf("#767676 on white: %.2f", got)
	}
}

// TestTouchesBecomeInputs touches everything on each view.
func TestTouchesBecomeInputs(t *testing.T) {
	newApp(t)
	texts, views := load(t)
	want := map[ui.Screen]ui.InputKind{ui.Attract: ui.Touch, ui.Bays: ui.Choose, ui.Price: ui.Accept,
		ui.Limits: ui.SetLimit, ui.Tap: ui.Back, ui.PlugIn: ui.Back, ui.Charging: ui.Stop, ui.Idle: ui.Stop,
		ui.StopAsk: ui.Confirm, ui.Final: ui.Back, ui.Declined: ui.Back, ui.Languages: ui.Language,
		ui.AccessAsk: ui.SetLarge, ui.Still: ui.MoreTime, ui.BayFault: ui.Back, ui.Help: ui.Back,
		ui.StaffCode: ui.StaffDo, ui.Technic: ui.Back, ui.HostPage: ui.Back}
	for _, c := range views {
		got := map[ui.InputKind]bool{}
		d := &screens.Drawer{Texts: texts, Send: func(in ui.Input) {
			if in.Seq != c.View.Seq {
				t.Errorf("%s sent sequence number %d", c.Name, in.Seq)
			}
			got[in.Kind] = true
		}}
		for leaf, pages := 0, 1; leaf < pages; leaf++ {
			pic := d.Draw(c.View, sizes[0])
			pages = pic.Pages
			var more *screens.Button
			for _, b := range pic.Buttons {
				if b.Input == nil {
					more = b
					continue
				}
				b.Press()
			}
			if more != nil && pages > 1 {
				more.Press()
			}
		}
		if k := want[c.View.Screen]; k != "" && !got[k] && c.View.Message != "starting" {
			t.Errorf("%s sends %v, want %q", c.Name, got, k)
		}
		if !got[ui.Open] && c.View.Screen != ui.Lost {
			t.Errorf("%s has no way to help, language and larger text: %v", c.Name, got)
		}
	}
}
