package text_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/ui/text"
)

func load(t *testing.T) *text.Catalogues {
	t.Helper()
	c, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

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
	catalogues, err := filepath.Glob("*.json")
	if n := len(c.Languages()); err != nil || n < 19 || n != len(catalogues) {
		t.Errorf("%d languages are offered of %d catalogues, %v", n, len(catalogues), err)
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

// TestEveryLanguageWritesDates: a day, a month and a year with four digits, hours and minutes, and on a receipt the
// seconds and the zone.
func TestEveryLanguageWritesDates(t *testing.T) {
	c, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 28, 17, 45, 59, 0, time.UTC)
	for _, lang := range c.Languages() {
		p := c.Printer(lang)
		minute, whole := p.Minute(at), p.Time(at)
		for _, part := range []string{"2026", "03", "28", "17", "45"} {
			if strings.Count(minute, part) != 1 {
				t.Errorf("%s: %q has no %s", lang, minute, part)
			}
		}
		day, _, _ := strings.Cut(minute, " ")
		if !strings.HasPrefix(whole, day) || !strings.Contains(whole, "59") || !strings.Contains(whole, "UTC") {
			t.Errorf("%s: a receipt has %q, a screen %q", lang, whole, minute)
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

// TestTheGlassNamesNoCommand: a technician at the screen has no shell; a text says which button, on which page.
func TestTheGlassNamesNoCommand(t *testing.T) {
	c := load(t)
	command := regexp.MustCompile(`kioskd (run|setup|fault|terminal|meter|report|journal|receipt|doctor|check|staff|site)\b`)
	for _, lang := range c.Languages() {
		for _, key := range c.Keys() {
			if s := c.Raw(lang, key); command.MatchString(s) {
				t.Errorf("%s, %s: %q", lang, key, s)
			}
		}
	}
}

// TestANumberStandsWithWhatItCounts on one line: "bay 3", "10 min".
func TestANumberStandsWithWhatItCounts(t *testing.T) {
	c := load(t)
	for lang, want := range map[string]string{"en": "Plug in at bay\u00a03", "de": "Kabel an Platz\u00a03 anschließen",
		"fr": "Branchez le câble à la place\u00a03", "ja": "3番スペースのケーブルを接続してください"} {
		if got := c.Printer(lang).T("plug_in.title", "N", 3); got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
	if got := c.Printer("en").T("price.after", "Name", "Fee", "N", 10); got != "Fee after\u00a010\u00a0min" {
		t.Errorf("%q", got)
	}
}
