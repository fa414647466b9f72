package screens_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"kioskd/ui"
	"kioskd/ui/screens"
	"kioskd/ui/text"
)

// must has, by the names of views, what a driver must read without turning a leaf: what becomes of their money, what is
// dangerous, and what to do.
func must() map[string]func(*text.Printer, ui.View) []string {
	type says = func(*text.Printer, ui.View) []string
	keys := func(keys ...string) says {
		return func(p *text.Printer, v ui.View) (out []string) {
			for _, k := range keys {
				out = append(out, p.T(k, "N", v.Bay, "Amount", p.Money(v.Hold), "Phone", p.Piece("112")))
			}
			return out
		}
	}
	all := func(parts ...says) says {
		return func(p *text.Printer, v ui.View) (out []string) {
			for _, s := range parts {
				out = append(out, s(p, v)...)
			}
			return out
		}
	}
	pair := func(key string, value func(*text.Printer, ui.View) string) says {
		return func(p *text.Printer, v ui.View) []string { return []string{p.T(key) + ": " + value(p, v)} }
	}
	paid := func(p *text.Printer, v ui.View) string { return p.Money(v.Paid) }
	cost := pair("charging.cost", func(p *text.Printer, v ui.View) string { return p.Money(v.Cost) })
	hold := pair("tap.hold", func(p *text.Printer, v ui.View) string { return p.Money(v.Hold) })
	code := pair("stop_code", func(*text.Printer, ui.View) string { return "4, 7, 1, 1" }) // a digit at a time
	settled := func(p *text.Printer, v ui.View) []string {
		return []string{p.Money(v.Paid) + " " + p.T("final.paid"), p.T("final.released", "Amount", p.Money(v.Released))}
	}
	held := func(p *text.Printer, v ui.View) []string {
		return []string{p.T("plug_in.held", "Amount", p.Money(v.Approved))}
	}
	danger := func(p *text.Printer, v ui.View) []string { return []string{p.T("danger.cable", "N", v.Danger)} }
	price := func(p *text.Printer, v ui.View) []string {
		return []string{p.T("price.tax") + ": " + p.Decimal(v.Prices[0].Amount, "EUR") + " " + p.T("price.ENERGY")}
	}
	cut := func(p *text.Printer, v ui.View) []string {
		return []string{p.T("charging.lost", "Time", p.Clock(v.Cut.Until), "Amount", p.Money(v.Cut.Most))}
	}
	elsewhere := func(p *text.Printer, v ui.View) []string {
		return []string{p.T("plug_in.elsewhere", "N", v.Elsewhere)}
	}
	return map[string]says{
		"attract":           price,
		"attract-danger":    danger,
		"attract-night":     price,
		"bays-danger":       danger,
		"tap":               all(hold, keys("tap.title")),
		"tap-again":         all(hold, keys("tap.title", "tap.try_again")),
		"tap-pin":           all(hold, keys("tap.pin")),
		"wait":              keys("wait.wait"),
		"wait-unknown":      keys("wait.unknown", "wait.again"),
		"wait-busy":         keys("wait.busy", "tap.nothing"),
		"plug-in":           all(held, keys("plug_in.title")),
		"plug-in-elsewhere": elsewhere,
		"charging":          all(cost, code),
		"charging-lost":     all(keys("fault.CH001.driver"), cut, code),
		"charging-begun":    cost,
		"idle-fee":          all(keys("idle.title"), cost),
		"stop":              all(cost, keys("stop.title")),
		"stop-cancel":       keys("cancel.title", "cancel.money"),
		"still-there":       keys("still.title", "tap.nothing"),
		"still-there-paid":  keys("still.title", "wait.money"),
		"final":             settled,
		"final-mail":        settled,
		"final-short-link":  settled,
		"final-open": all(pair("final.unpaid", paid), func(p *text.Printer, v ui.View) []string {
			return []string{p.T("final.open") + ": " + strings.Join(strings.Split(v.Reference, ""), ", ")}
		}),
		"final-pending":       all(pair("final.due", paid), keys("final.pending")),
		"final-nothing":       keys("final.nothing"),
		"declined-issuer":     keys("declined.issuer", "declined.do.issuer", "declined.nothing"),
		"declined-pin":        keys("declined.pin", "declined.do.pin", "declined.nothing"),
		"declined-no-card":    keys("declined.no_card", "declined.nothing"),
		"emergency-stop":      keys("emergency.title", "emergency.call"),
		"bay-fault":           keys("bay_fault.title", "bay_fault.nothing"),
		"out-of-service":      keys("closed.title", "closed.charging"),
		"owner-locked":        keys("owner.locked"),
		"receipt-later-none":  keys("receipts.none"),
		"receipt-later-asked": keys("receipts.asked"),
		"help": func(p *text.Printer, v ui.View) []string {
			return []string{p.T("help.call", "Phone", v.Helpline), p.T("help.kiosk", "Kiosk", v.Kiosk)}
		},
	}
}

// judged are the languages of a test: all, but under the race detector, which is slow, English.
func judged(texts *text.Catalogues) []string {
	all := texts.Languages()
	if underRace {
		return all[:1]
	}
	return all
}

// drawnWithout skips what only draws, which one goroutine does: it is run without the race detector, in every language.
func drawnWithout(t *testing.T) {
	t.Helper()
	if underRace {
		t.Skip("drawing has one goroutine: the same test is run without the race detector")
	}
}

// TestWhatMustBeThere is on the first leaf, in each language, on the smallest panel, in both sizes of text.
func TestWhatMustBeThere(t *testing.T) {
	newApp(t)
	d, _ := touched(t)
	for name, wants := range must() {
		view := canned(t, name)
		for _, lang := range judged(d.Texts) {
			for _, large := range []bool{false, true} {
				v := view
				v.Language, v.Access.Large = lang, large
				pic := d.Draw(v, fyne.NewSize(800, 480))
				for _, want := range wants(d.Texts.Printer(lang), v) {
					if !slices.Contains(pic.Spoken, want) {
						t.Errorf("%s in %s, large %v: the first of %d leaves has no %q", name, lang, large, pic.Pages,
							want)
					}
				}
			}
		}
	}
}

// TestNothingThatIsNeededIsDropped: keys where a code is typed, and an arrow where a card is asked for, at every size,
// in each language, with an alarm and without; and the receipt's code on the first leaf of each end.
func TestNothingThatIsNeededIsDropped(t *testing.T) {
	drawnWithout(t)
	newApp(t)
	d, _ := touched(t)
	_, views := load(t)
	languages := judged(d.Texts)
	for _, c := range views {
		if !slices.Contains([]ui.Screen{ui.Owner, ui.Receipts, ui.StaffCode, ui.Tap, ui.Final}, c.View.Screen) {
			continue
		}
		for _, lang := range languages {
			all := append([]fyne.Size{fyne.NewSize(480, 800), fyne.NewSize(1024, 600)}, sizes...)
			for i, size := range append(all, all...) {
				for _, large := range []bool{false, true} {
					v := c.View
					v.Language, v.Access.Large = lang, large
					if i >= len(all) {
						v.Danger = 4
					}
					needed(t, c.Name+"-"+lang+fmt.Sprint(size, large, v.Danger), size.Width < 600, v, d.Draw(v, size))
				}
			}
		}
	}
}

func needed(t *testing.T, name string, narrow bool, v ui.View, pic *screens.Picture) {
	t.Helper()
	keys := 0
	for _, b := range pic.Buttons {
		if b.Input != nil && b.Input.Kind == ui.Digit {
			keys++
		}
	}
	typed := (v.Screen == ui.Owner || v.Screen == ui.Receipts) && v.Message != "locked" && v.Message != "asked" ||
		v.Screen == ui.StaffCode
	if typed && keys != 10 {
		t.Errorf("%s: %d digits can be typed", name, keys)
	}
	if v.Screen == ui.Tap && slices.Contains(pic.Dropped, "screens.towards") {
		t.Errorf("%s: no arrow leads to the terminal", name)
	}
	said := strings.ReplaceAll(strings.Join(pic.Spoken, " "), ", ", "") // a code is spelled
	roomy := !v.Access.Large || v.Danger == 0 && !narrow
	if v.Screen == ui.Final && roomy && !strings.Contains(said, v.Reference) {
		t.Errorf("%s: the receipt's code is on another leaf", name)
	}
}

// TestTheCodeIsOnALeaf: the receipt can be taken away in larger text, too, in each language and beside an alarm, also
// where it carries what a meter signed.
func TestTheCodeIsOnALeaf(t *testing.T) {
	drawnWithout(t)
	newApp(t)
	texts, views := load(t)
	for _, c := range views {
		if c.View.Code == "" || c.View.Screen != ui.Final {
			continue
		}
		for _, lang := range judged(texts) {
			for i := range 8 {
				large, danger, signed := i&1 > 0, 3*(i>>1&1), i&4 > 0
				if signed && !slices.Contains([]string{"en", "fi", "ar"}, lang) {
					continue
				}
				d := &screens.Drawer{Texts: texts, Send: func(ui.Input) {}}
				v, p := c.View, texts.Printer(lang)
				v.Language, v.Access.Large, v.Danger = lang, large, danger
				if signed {
					v.Code = "https://pay.example/r#" + strings.Repeat("1234567890", 232)
				}
				pic := d.Draw(v, sizes[0])
				seen := false
				for range pic.Pages {
					seen = seen || len(pic.Cut) == 0 && (slices.Contains(pic.Spoken, p.T("final.scan")) ||
						slices.Contains(pic.Spoken, p.T("final.mail")))
					pic = turned(d, v, pic)
				}
				if !seen {
					t.Errorf("%s in %s, large %v, danger %d, signed %v: there is no code", c.Name, lang, large, danger,
						signed)
				}
			}
		}
	}
}

// TestEachOfAListCanBeChosen by turning its pages, with an alarm and without.
func TestEachOfAListCanBeChosen(t *testing.T) {
	newApp(t)
	d, _ := touched(t)
	for name, kind := range map[string]ui.InputKind{"bays-eight": ui.Choose, "bays-twenty": ui.Choose,
		"languages": ui.Language, "limits": ui.SetLimit, "receipt-found": ui.Show} {
		for _, lang := range []string{"en", "de", "el", "ar", "fi"} {
			for _, large := range []bool{false, true} {
				for _, danger := range []int{0, 3} {
					v := canned(t, name)
					v.Language, v.Access.Large, v.Danger, v.Pressed = lang, large, danger, danger
					d := &screens.Drawer{Texts: d.Texts, Send: func(ui.Input) {}}
					if got, want := choices(d, v, kind), wanted(v, kind); got != want {
						t.Errorf("%s in %s, large %v, danger %d: %d of %d can be chosen", name, lang, large, danger,
							got, want)
					}
				}
			}
		}
	}
}

// choices is how many different inputs of a kind a visitor can send.
func choices(d *screens.Drawer, v ui.View, kind ui.InputKind) int {
	found := map[string]bool{}
	pic := d.Draw(v, sizes[0])
	for range pic.Pages {
		for _, b := range pic.Buttons {
			if b.Input != nil && b.Input.Kind == kind {
				found[b.Input.Value] = true
			}
		}
		pic = turned(d, v, pic)
	}
	return len(found)
}

func wanted(v ui.View, kind ui.InputKind) int {
	return map[ui.InputKind]int{ui.Choose: len(v.Bays), ui.Language: len(v.Languages), ui.SetLimit: len(v.Limits),
		ui.Show: len(v.Receipts)}[kind]
}

// TestTheStageIsMostOfThePanel: what a driver came for has at least three fifths of a panel of seven inches.
func TestTheStageIsMostOfThePanel(t *testing.T) {
	newApp(t)
	d, _ := touched(t)
	_, views := load(t)
	for _, c := range views {
		stage := d.Draw(c.View, fyne.NewSize(800, 480)).Stage
		if part := stage.Width * stage.Height / (800 * 480); part < 0.6 {
			t.Errorf("%s: the stage is %.2f of the panel", c.Name, part)
		}
	}
}

// TestTwentyInFourPages: larger text lets a visitor choose among twenty bays, nineteen languages and all limits in four
// pages at most.
func TestTwentyInFourPages(t *testing.T) {
	newApp(t)
	d, _ := touched(t)
	for _, name := range []string{"bays-twenty", "languages", "limits"} {
		v := canned(t, name)
		v.Access.Large = true
		for _, lang := range judged(d.Texts) {
			for _, size := range sizes {
				v.Language = lang
				if pages := d.Draw(v, size).Pages; pages > 4 {
					t.Errorf("%s in %s at %v: %d pages", name, lang, size, pages)
				}
			}
		}
	}
}
