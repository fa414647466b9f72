package meter_test

import (
	"strings"
	"testing"

	"kioskd"
	"kioskd/meter"
)

// TestADisplay is compared as a person would: to its last place, and with what flows while they walk.
func TestADisplay(t *testing.T) {
	for _, c := range []struct {
		shown    string
		register kiosk.Energy
		power    kiosk.Power
		step     kiosk.Energy
		why      string
	}{
		{"1234.5", 1_234_567, 0, 1, ""},
		{"1234,5", 1_234_567, 0, 1, ""},
		{"1234", 1_234_999, 0, 1, ""},
		{"1234.56", 1_234_567, 0, 1, ""},
		{"1234.6", 1_234_567, 0, 1, ""}, // it rounds
		{"1234.5", 1_234_900, 0, 1, "another register"},
		{"1234.5", 1_234_900, 11_000, 1, ""}, // 367 Wh in two minutes
		{"1234.5", 1_234_300, 0, 100, ""},
		{"1234.5", 1_234_200, 0, 100, "another register"},
		{"1234.5", 1_234_200, 11_000, 1, "another register"}, // it does not fall
		{"1234.5", 1_234, 0, 1, "by a factor of 1000"},
		{"1234.5", 123_456, 0, 1, "by a factor of 10:"},
		{"1234.5", 123_450_000, 0, 1, "by a factor of 100"},
		{"0.0", 0, 0, 1, ""},
		{"0.0", 500, 0, 1, "another register"},
	} {
		d, err := meter.ParseDisplay(c.shown)
		if err != nil {
			t.Fatal(err)
		}
		err = d.Agrees(kiosk.Reading{Import: c.register, Power: c.power}, c.step)
		if (err == nil) != (c.why == "") || err != nil && !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s and %v at %d W: %v, want %q", c.shown, c.register, c.power, err, c.why)
		}
	}
	for _, text := range []string{"", "x", "-1", "1.2.3", "1 234", "1e3", "12345678901234"} {
		if _, err := meter.ParseDisplay(text); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}
