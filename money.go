package kiosk

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Currency is an ISO 4217 alphabetic code such as "EUR".
type Currency string

// currencies lists what card terminals on the market sell in: ISO 4217 code, number
// and minor-unit digits.
var currencies = []struct {
	code   Currency
	number int
	digits int
}{
	{"AUD", 36, 2}, {"BGN", 975, 2}, {"CAD", 124, 2}, {"CHF", 756, 2},
	{"CZK", 203, 2}, {"DKK", 208, 2}, {"EUR", 978, 2}, {"GBP", 826, 2},
	{"HUF", 348, 2}, {"ISK", 352, 0}, {"JPY", 392, 0}, {"NOK", 578, 2},
	{"NZD", 554, 2}, {"PLN", 985, 2}, {"RON", 946, 2}, {"SEK", 752, 2},
	{"TRY", 949, 2}, {"UAH", 980, 2}, {"USD", 840, 2},
}

// Known tells whether the currency is one that kioskd can sell in.
func (c Currency) Known() bool { return c.Number() != 0 }

// Number is the ISO 4217 number, 0 for a currency that is not known.
func (c Currency) Number() int {
	for _, k := range currencies {
		if k.code == c {
			return k.number
		}
	}
	return 0
}

// Digits is the number of minor-unit digits; 2 for a currency that is not known.
func (c Currency) Digits() int {
	for _, k := range currencies {
		if k.code == c {
			return k.digits
		}
	}
	return 2
}

// WholeCurrencies are those without minor units.
func WholeCurrencies() (out []Currency) {
	for _, k := range currencies {
		if k.digits == 0 {
			out = append(out, k.code)
		}
	}
	return out
}

// CurrencyByNumber finds a currency by its ISO 4217 number.
func CurrencyByNumber(n int) (Currency, bool) {
	for _, k := range currencies {
		if k.number == n {
			return k.code, true
		}
	}
	return "", false
}

// Money is an amount in minor units (cents) of a currency. Its JSON form is
// {"amount":"9.03","currency":"EUR"}.
type Money struct {
	Minor    int64
	Currency Currency
}

// Decimal is the amount as a plain decimal number without currency: "9.03".
func (m Money) Decimal() string {
	digits := m.Currency.Digits()
	sign, minor := "", m.Minor
	if minor < 0 {
		sign, minor = "-", -minor
	}
	text := strconv.FormatInt(minor, 10)
	if digits == 0 {
		return sign + text
	}
	if pad := digits + 1 - len(text); pad > 0 {
		text = strings.Repeat("0", pad) + text
	}
	return sign + text[:len(text)-digits] + "." + text[len(text)-digits:]
}

// String is the amount with its currency code: "9.03 EUR".
func (m Money) String() string { return m.Decimal() + " " + string(m.Currency) }

// IsZero reports an amount of nothing.
func (m Money) IsZero() bool { return m.Minor == 0 }

// Add is m and n, which must be of the same currency.
func (m Money) Add(n Money) (Money, error) {
	if n.Currency != m.Currency {
		return Money{}, fmt.Errorf("cannot add %v to %v: another currency", n, m)
	}
	return Money{m.Minor + n.Minor, m.Currency}, nil
}

// Sub is m less n, which must be nothing or of the same currency.
func (m Money) Sub(n Money) (Money, error) {
	if n.Currency != m.Currency && n.Minor != 0 {
		return Money{}, fmt.Errorf("cannot take %v from %v: another currency", n, m)
	}
	return Money{m.Minor - n.Minor, m.Currency}, nil
}

// AtMost is m, or limit where that is less; both must be of one currency.
func (m Money) AtMost(limit Money) (Money, error) {
	if limit.Currency != m.Currency {
		return Money{}, fmt.Errorf("cannot compare %v with %v: another currency", m, limit)
	}
	return Money{min(m.Minor, limit.Minor), m.Currency}, nil
}

// ParseMoney reads a decimal amount such as "50", "50.0" or "50.00". More digits
// than the currency has, a sign or anything else is an error.
func ParseMoney(text string, c Currency) (Money, error) {
	whole, frac, _ := strings.Cut(text, ".")
	digits := c.Digits()
	if whole == "" || len(frac) > digits || (strings.HasSuffix(text, ".")) {
		return Money{}, fmt.Errorf("cannot read %q as an amount in %s: want a number with at most %d decimals", text, c,
			digits)
	}
	for _, r := range whole + frac {
		if r < '0' || r > '9' {
			return Money{}, fmt.Errorf("cannot read %q as an amount in %s: want a number with at most %d decimals",
				text, c, digits)
		}
	}
	minor, err := strconv.ParseInt(whole+frac+strings.Repeat("0", digits-len(frac)), 10, 64)
	if err != nil {
		return Money{}, fmt.Errorf("cannot read %q as an amount in %s: too large", text, c)
	}
	return Money{minor, c}, nil
}

type moneyJSON struct {
	Amount   string   `json:"amount"`
	Currency Currency `json:"currency"`
}

// MarshalJSON writes the decimal form.
func (m Money) MarshalJSON() ([]byte, error) {
	return json.Marshal(moneyJSON{m.Decimal(), m.Currency})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (m *Money) UnmarshalJSON(b []byte) error {
	var raw moneyJSON
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	amount, negative := strings.CutPrefix(raw.Amount, "-")
	v, err := ParseMoney(amount, raw.Currency)
	if err != nil {
		return err
	}
	if negative {
		v.Minor = -v.Minor
	}
	*m = v
	return nil
}
