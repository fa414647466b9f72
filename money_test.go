package kiosk_test

import (
	"strings"
	"testing"

	"kioskd"
)

// TestCurrenciesDoNotMix: an amount of another currency is an error, where minor units would add up in silence. Nothing
// has no currency, when it is taken away.
func TestCurrenciesDoNotMix(t *testing.T) {
	money := func(text string) kiosk.Money {
		amount, currency, _ := strings.Cut(text, " ")
		m, err := kiosk.ParseMoney(amount, kiosk.Currency(currency))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, c := range []struct{ a, b, sum, rest, least string }{
		{"50.00 EUR", "0.26 EUR", "50.26 EUR", "49.74 EUR", "0.26 EUR"},
		{"0.26 EUR", "50.00 EUR", "50.26 EUR", "-49.74 EUR", "0.26 EUR"},
		{"500 JPY", "500 JPY", "1000 JPY", "0 JPY", "500 JPY"},
		{"50.00 EUR", "26 JPY", "", "", ""},
		{"50.00 EUR", "0.26 CHF", "", "", ""},
		{"50.00 EUR", "0 JPY", "", "50.00 EUR", ""},
	} {
		a, b := money(c.a), money(c.b)
		for name, got := range map[string]struct {
			of   func(kiosk.Money) (kiosk.Money, error)
			want string
		}{"sum": {a.Add, c.sum}, "rest": {a.Sub, c.rest}, "least": {a.AtMost, c.least}} {
			m, err := got.of(b)
			if (err == nil) != (got.want != "") || err == nil && m.String() != got.want {
				t.Errorf("%s of %s and %s is %v, %v; want %q", name, c.a, c.b, m, err, got.want)
			}
			if err != nil && !strings.Contains(err.Error(), "another currency") {
				t.Error(err)
			}
		}
	}
}
