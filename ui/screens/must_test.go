package screens_test

import (
	"slices"
	"testing"

	"fyne.io/fyne/v2"

	"kioskd/ui"
	"kioskd/ui/text"
)

// must has, by the names of views, what a driver must read without turning a leaf: what became of their money, what is
// dangerous, and what to do.
func must() map[string]func(*text.Printer, ui.View) []string {
	keys := func(keys ...string) func(*text.Printer, ui.View) []string {
		return func(p *text.Printer, v ui.View) (out []string) {
			for _, k := range keys {
				out = append(out, p.T(k, "N", v.Bay, "Amount", p.Money(v.Paid)))
			}
			return out
		}
	}
	released := func(p *text.Printer, v ui.View) []string {
		return []string{p.T("final.paid", "Amount", p.Money(v.Paid)), p.T("final.released", "Amount",
			p.Money(v.Released))}
	}
	danger := func(p *text.Printer, v ui.View) []string { return []string{p.T("danger.cable", "N", v.Danger)} }
	return map[string]func(*text.Printer, ui.View) []string{
		"final":            released,
		"final-mail":       released,
		"final-short-link": released,
		"final-open":       keys("final.unpaid", "final.open"),
		"final-pending":    keys("final.due", "final.pending"),
		"final-nothing":    keys("final.nothing"),
		"emergency-stop":   keys("emergency.title", "emergency.call"),
		"attract-danger":   danger,
		"bays-danger":      danger,
		"stop": func(p *text.Printer, v ui.View) []string {
			return []string{p.T("stop.title", "N", v.Bay), p.T("charging.cost") + ": " + p.Money(v.Cost)}
		},
		"stop-cancel": keys("cancel.title", "cancel.money"),
		"plug-in-elsewhere": func(p *text.Printer, v ui.View) []string {
			return []string{p.T("plug_in.elsewhere", "N", v.Elsewhere)}
		},
		"plug-in": func(p *text.Printer, v ui.View) []string {
			return []string{p.T("plug_in.title", "N", v.Bay), p.T("plug_in.held", "Amount", p.Money(v.Approved))}
		},
	}
}

// TestWhatMustBeThere is on the first leaf, in each language, on the smallest panel, in both sizes of text.
func TestWhatMustBeThere(t *testing.T) {
	d, _ := touched(t)
	for name, wants := range must() {
		view := canned(t, name)
		for _, lang := range d.Texts.Languages() {
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
