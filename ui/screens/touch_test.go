package screens_test

import (
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"kioskd/ui"
	"kioskd/ui/screens"
	"kioskd/ui/text"
)

// touched is a drawer, and what fingers sent.
func touched(t *testing.T) (*screens.Drawer, *[]ui.Input) {
	t.Helper()
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	var sent []ui.Input
	return &screens.Drawer{Texts: texts, Send: func(in ui.Input) { sent = append(sent, in) }}, &sent
}

// canned is a view of the storybook.
func canned(t *testing.T, name string) ui.View {
	t.Helper()
	all, err := screens.ReadViews("testdata/views")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if c.Name == name {
			return c.View
		}
	}
	t.Fatalf("there is no view %q", name)
	return ui.View{}
}

func button(t *testing.T, p *screens.Picture, kind ui.InputKind) *screens.Button {
	t.Helper()
	for _, b := range p.Buttons {
		if b.Input != nil && b.Input.Kind == kind {
			return b
		}
	}
	t.Fatalf("no button sends %s", kind)
	return nil
}

// TestATouchActsWhereTheFingerIsLifted (WCAG 2.5.2): a finger that slides to another button, or comes to one from
// elsewhere, has done nothing; a picture that is drawn anew of the same view loses no touch, and one of another view
// takes none.
func TestATouchActsWhereTheFingerIsLifted(t *testing.T) {
	d, sent := touched(t)
	size := fyne.NewSize(800, 480)
	v := canned(t, "price")
	p := d.Draw(v, size)
	pay, back := button(t, p, ui.Accept), button(t, p, ui.Back)
	pay.MouseDown(nil)
	if len(*sent) != 0 {
		t.Fatal("a finger that comes down pays")
	}
	back.MouseUp(nil)
	pay.MouseUp(nil)
	if len(*sent) != 0 {
		t.Fatalf("a finger that slid away did %+v", *sent)
	}
	pay.MouseDown(nil)
	again := d.Draw(v, size)
	button(t, again, ui.Accept).MouseUp(nil)
	if len(*sent) != 1 || (*sent)[0].Kind != ui.Accept {
		t.Fatalf("a finger that was lifted on the button did %+v", *sent)
	}
	button(t, again, ui.Back).MouseDown(nil)
	next := v
	next.Seq++
	button(t, d.Draw(next, size), ui.Back).MouseUp(nil)
	if len(*sent) != 1 {
		t.Errorf("a touch of the view before did %+v", (*sent)[1:])
	}
}

// TestThePriceIsATarget: a touch anywhere on the first screen begins a visit, and no other screen has such a target.
func TestThePriceIsATarget(t *testing.T) {
	d, sent := touched(t)
	p := d.Draw(canned(t, "attract"), fyne.NewSize(800, 480))
	if p.Whole == nil {
		t.Fatal("only the button begins a visit")
	}
	p.Whole.MouseDown(nil)
	p.Whole.MouseUp(nil)
	if len(*sent) != 1 || (*sent)[0].Kind != ui.Touch {
		t.Errorf("a touch of the price did %+v", *sent)
	}
	for _, name := range []string{"price", "tap", "charging", "final"} {
		if d.Draw(canned(t, name), fyne.NewSize(800, 480)).Whole != nil {
			t.Errorf("on %s a touch beside all buttons does something", name)
		}
	}
}

// TestABaysStateIsRead: who cannot see the tiles hears which bay is free.
func TestABaysStateIsRead(t *testing.T) {
	d, _ := touched(t)
	for lang, words := range map[string][]string{"en": {"1, Free", "2, Your car?", "3, In use", "4, Out of order"},
		"de": {"1, Frei"}} {
		v := canned(t, "bays")
		v.Language = lang
		spoken := strings.Join(d.Draw(v, fyne.NewSize(800, 480)).Spoken, ". ")
		for _, want := range words {
			if !strings.Contains(spoken, want) {
				t.Errorf("%s: %q is not read: %s", lang, want, spoken)
			}
		}
	}
}

// turned is the next page of a list, or the next leaf.
func turned(d *screens.Drawer, v ui.View, pic *screens.Picture) *screens.Picture {
	var more *screens.Button
	for _, b := range pic.Buttons {
		if b.Input == nil {
			more = b
		}
	}
	if more == nil {
		return pic
	}
	more.Press()
	return d.Draw(v, sizes[0])
}

// TestAnAlarmIsOnEveryScreen that a driver sees, in each language: a cable under power and a pressed emergency stop are
// read first, and nothing else is cut for it.
func TestAnAlarmIsOnEveryScreen(t *testing.T) {
	drawnWithout(t)
	newApp(t)
	d, _ := touched(t)
	_, views := load(t)
	for _, c := range views {
		if c.View.Staff != nil || c.View.Screen == ui.Lost || c.View.Screen == ui.Emergency {
			continue
		}
		for _, lang := range judged(d.Texts) {
			for _, large := range []bool{false, true} {
				v := c.View
				v.Danger, v.Pressed, v.Language, v.Access.Large = 3, 2, lang, large
				pic, p := d.Draw(v, sizes[0]), d.Texts.Printer(lang)
				wants := []string{p.T("danger.cable", "N", 3), p.T("danger.stopped", "N", 2)}
				switch keys := slices.ContainsFunc(pic.Buttons, func(b *screens.Button) bool {
					return b.Input != nil && b.Input.Kind == ui.Digit
				}); {
				case keys: // beside them there is room for few words
					wants = []string{p.T("danger.short", "N", 3)}
				case large:
					wants = wants[:1]
				}
				for leaf := range pic.Pages { // it stands on each but that of a code, which needs all the room
					scan := pic.Pages > 1 && (slices.Contains(pic.Spoken, p.T("final.scan")) ||
						slices.Contains(pic.Spoken, p.T("final.mail")))
					for _, want := range wants {
						if !scan && !slices.Contains(pic.Spoken[:min(4, len(pic.Spoken))], want) {
							t.Errorf("%s in %s, large %v, leaf %d: the first that is read is %q", c.Name, lang,
								large, leaf, pic.Spoken)
						}
					}
					judge(t, c.Name+"-"+lang, pic, sizes[0], large)
					pic = turned(d, v, pic)
				}
			}
		}
	}
}

// TestSpeechIsOfferedWhereItIsUnderstood: no language is read aloud that the voice misreads.
func TestSpeechIsOfferedWhereItIsUnderstood(t *testing.T) {
	d, _ := touched(t)
	for _, mute := range []bool{false, true} {
		d.Mute = mute
		offered := false
		for _, b := range d.Draw(canned(t, "accessibility"), fyne.NewSize(800, 480)).Buttons {
			offered = offered || b.Input != nil && b.Input.Kind == ui.Speak
		}
		if offered == mute {
			t.Errorf("where it is mute is %v, speech is offered: %v", mute, offered)
		}
	}
}

// TestALanguageIsOneTouchAway on the first screen of a broad panel; on a small one the price has the room.
func TestALanguageIsOneTouchAway(t *testing.T) {
	d, sent := touched(t)
	v := canned(t, "attract")
	button(t, d.Draw(v, sizes[1]), ui.Language).Press()
	want := ui.Input{Seq: v.Seq, Kind: ui.Language, Value: v.Languages[1]}
	if len(*sent) != 1 || (*sent)[0] != want {
		t.Errorf("sent %+v, want %+v", *sent, want)
	}
	if p := d.Draw(v, sizes[0]); slices.ContainsFunc(p.Buttons, func(b *screens.Button) bool {
		return b.Input != nil && b.Input.Kind == ui.Language
	}) {
		t.Error("a small panel has languages in the price's place")
	}
}

// TestTheWayShowsTheDriversBay among those next to it, wherever it stands.
func TestTheWayShowsTheDriversBay(t *testing.T) {
	d, _ := touched(t)
	v := canned(t, "plug-in")
	v.Bays = nil
	for n := range 20 {
		v.Bays = append(v.Bays, ui.BayView{Number: n + 1, State: ui.BayFree})
	}
	for bay, want := range map[int]string{1: "1 2 3 4 5 6 7", 17: "14 15 16 17 18 19 20", 9: "6 7 8 9 10 11 12"} {
		v.Bay = bay
		var got []string
		for _, l := range d.Draw(v, sizes[1]).Texts {
			if n := strings.Trim(l.Text, "0123456789"); n == "" {
				got = append(got, l.Text)
			}
		}
		if s := strings.Join(got, " "); !strings.Contains(s, want) {
			t.Errorf("to bay %d the plates are %s, want %s", bay, s, want)
		}
	}
}

// TestTheLargestNumbersOfBaysFitTheirPlates: bays may be numbered up to 999.
func TestTheLargestNumbersOfBaysFitTheirPlates(t *testing.T) {
	d, _ := touched(t)
	v := canned(t, "plug-in")
	v.Bays = nil
	for n := range 7 {
		v.Bays = append(v.Bays, ui.BayView{Number: 880 + n, State: ui.BayFree})
	}
	v.Bay = 888 - 5
	p := d.Draw(v, sizes[1])
	last, numbers := float32(0), 0
	for _, l := range p.Texts {
		if !strings.HasPrefix(l.Text, "88") || l.Size.Height > 60 { // the large plate has the number, too
			continue
		}
		numbers++
		if most := float32(sizes[1].Width) / 217 * 15 * 0.62; l.Text != "883" && l.Size.Width > most || l.Pos.X < last {
			t.Errorf("%s is %.1f wide at %.1f, its plate %.1f", l.Text, l.Size.Width, l.Pos.X, most)
		}
		last = l.Pos.X + l.Size.Width
	}
	if numbers != 7 {
		t.Errorf("%d plates", numbers)
	}
}
