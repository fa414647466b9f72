package csms_test

import (
	"testing"
	"time"

	"kioskd/csms"
)

// TestOneTime: passwords that hmac and struct of another language make of the same secret, length and time.
func TestOneTime(t *testing.T) {
	const station, short = "a-secret-of-the-station", "0123456789abcdefg"
	for _, x := range []struct {
		secret string
		valid  time.Duration
		length int
		at     int64
		want   string
	}{
		{station, time.Minute, 20, 1767225600, "JxQaK34VeAfVUKwmLUgE"},
		{station, time.Minute, 20, 1767225659, "JxQaK34VeAfVUKwmLUgE"}, // the same minute
		{station, time.Minute, 20, 1767225660, "GiLOne3qT5yfDwt5Bv3H"},
		{short, time.Hour, 40, 1767225600, "5hNJklW7MvU7H7FEZjIpnDsn0mqqW6aE5hNJklW7"}, // longer than the hash
	} {
		if got := csms.OneTime(x.secret, x.valid, x.length, time.Unix(x.at, 0)); got != x.want {
			t.Errorf("%+v: %s", x, got)
		}
	}
}

// TestWebAddress: names in whichever case; what is not known is left out, and what is known is escaped.
func TestWebAddress(t *testing.T) {
	values := map[string]string{"chargingstationid": "DE*ABC/K 1", "evse": "3", "totp": "abc", "version": "v1"}
	for template, want := range map[string]string{
		"https://x.example/{chargingStationId}/{evse}/{TOTP}?v={version}": "https://x.example/" +
			"DE*ABC%2FK%201/3/abc?v=v1",
		"https://x.example/{totp}/{maxCost}": "https://x.example/abc/",
		"https://x.example/{totp":            "https://x.example/",
		"https://x.example/":                 "https://x.example/",
	} {
		if got := csms.WebAddress(template, values); got != want {
			t.Errorf("%s: %s, want %s", template, got, want)
		}
	}
}
