package text_test

import (
	"strings"
	"testing"

	"kioskd"
	"kioskd/session"
	"kioskd/ui/text"
)

func TestEveryTextIsThere(t *testing.T) {
	c, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, f := range kiosk.Faults() {
		for _, part := range []string{"title", "driver", "host", "technician"} {
			keys = append(keys, f.Code.TextKey(part))
		}
	}
	for _, r := range []session.Reason{session.ReasonStopped, session.ReasonUnplugged, session.ReasonLimit,
		session.ReasonNoEnergy, session.ReasonNoPlug, session.ReasonCancelled,
		session.ReasonTimeout, session.ReasonMeter, session.ReasonContactor, session.ReasonInterrupted,
		session.ReasonShutdown, session.ReasonOrphan,
		session.ReasonUnknown, session.ReasonHoldGone, session.ReasonTooLittle, session.ReasonOwnLimit,
		session.ReasonEmergency, session.ReasonRemote, session.ReasonOverused} {
		keys = append(keys, "reason."+string(r))
	}
	for _, d := range kiosk.DeclineClasses() {
		keys = append(keys, "declined."+string(d))
	}
	for lang, keys := range c.Incomplete() {
		t.Errorf("%s is not offered: it lacks %v", lang, keys)
	}
	if n := len(c.Languages()); n != 19 {
		t.Errorf("%d languages are offered, want 19", n)
	}
	for _, lang := range c.Languages() {
		p := c.Printer(lang)
		for _, k := range keys {
			if !p.Has(k) {
				t.Errorf("%s has no text %s", lang, k)
			}
		}
	}
}

func TestLocalForms(t *testing.T) {
	c, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	m := kiosk.Money{Minor: 123456, Currency: "EUR"}
	for lang, want := range map[string][3]string{
		"en": {"€1,234.56", "18.432\u00a0kWh", "€0.0049"}, "de": {"1.234,56\u00a0€", "18,432\u00a0kWh",
			"0,0049\u00a0€"},
		"fr": {"1\u202f234,56\u00a0€", "18,432\u00a0kWh", "0,0049\u00a0€"},
		"ar": {"\u200f1,234.56\u00a0€", "\u206618.432\u00a0kWh\u2069", "\u200f0.0049\u00a0€"},
	} {
		p := c.Printer(lang)
		if got := [3]string{p.Money(m), p.Energy(18432, 3), p.Decimal("0.0049", "EUR")}; got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
}

// TestValuesStayInOnePiece: in a text from right to left a value from left to right is marked
// as one; what is written from the right itself is not.
func TestValuesStayInOnePiece(t *testing.T) {
	c, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	ar, en := c.Printer("ar"), c.Printer("en")
	if got := ar.T("help.call", "Phone", "+49 30 1234567"); !strings.Contains(got, "\u2066+49 30 1234567\u2069") {
		t.Errorf("%q", got)
	}
	if got := ar.T("price.hold", "Amount", ar.Money(kiosk.Money{Minor: 5000, Currency: "EUR"})); strings.Contains(got,
		"\u2066") {
		t.Errorf("an amount is written in Arabic form: %q", got)
	}
	if got := en.T("help.call", "Phone", "+49 30 1234567"); strings.Contains(got, "\u2066") {
		t.Errorf("%q", got)
	}
}

// TestPseudo is two fifths longer than English.
func TestPseudo(t *testing.T) {
	c, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	long, short := []rune(c.Printer(text.Pseudo).T("wait.unknown")), []rune(c.Printer("en").T("wait.unknown"))
	if part := len(long) * 100 / len(short); part < 138 || part > 145 {
		t.Errorf("%d letters for %d: %q", len(long), len(short), string(long))
	}
}
