package screens_test

import (
	"slices"
	"testing"

	"fyne.io/fyne/v2"

	"kioskd/ui"
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
	elsewhere := func(p *text.Printer, v ui.View) []string {
		return []string{p.T("plug_in.elsewhere", "N", v.Elsewhere)}
	}
	return map[string]says{
		"attract":             price,
		"attract-danger":      danger,
		"attract-night":       price,
		"bays-danger":         danger,
		"tap":                 all(hold, keys("tap.title")),
		"tap-again":           all(hold, keys("tap.title", "tap.try_again")),
		"tap-pin":             all(hold, keys("tap.pin")),
		"wait":                keys("wait.wait"),
		"wait-unknown":        keys("wait.unknown", "wait.again"),
		"wait-busy":           keys("wait.busy", "tap.nothing"),
		"plug-in":             all(held, keys("plug_in.title")),
		"plug-in-elsewhere":   elsewhere,
		"charging":            all(cost, code),
		"charging-begun":      cost,
		"idle-fee":            keys("idle.title", "idle.do"),
		"stop":                all(cost, keys("stop.title")),
		"stop-cancel":         keys("cancel.title", "cancel.money"),
		"still-there":         keys("still.title", "tap.nothing"),
		"still-there-paid":    keys("still.title", "wait.money"),
		"final":               settled,
		"final-mail":          settled,
		"final-short-link":    settled,
		"final-open":          all(pair("final.unpaid", paid), keys("final.open")),
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

// TestWhatMustBeThere is on the first leaf, in each language, on the smallest panel, in both sizes of text.
func TestWhatMustBeThere(t *testing.T) {
	newApp(t)
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
		for _, lang := range d.Texts.Languages() {
			for _, size := range sizes {
				v.Language = lang
				if pages := d.Draw(v, size).Pages; pages > 4 {
					t.Errorf("%s in %s at %v: %d pages", name, lang, size, pages)
				}
			}
		}
	}
}
