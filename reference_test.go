package kiosk_test

import (
	"strings"
	"testing"

	"kioskd"
)

// TestAReferenceIsTypedOnATelephonesKeys: letters stand where ITU-T E.161 has them, and each character of a reference
// is on exactly one key, whose digit stands first.
func TestAReferenceIsTypedOnATelephonesKeys(t *testing.T) {
	e161 := []string{"", "", "ABC", "DEF", "GHI", "JKL", "MNO", "PQRS", "TUV", "WXYZ"}
	for _, c := range "0123456789ABCDEFGHJKMNPQRSTVWXYZ" { // Crockford's base 32
		on := 0
		for digit := byte('0'); digit <= '9'; digit++ {
			key := kiosk.PhoneKey(digit)
			if key[0] != digit {
				t.Errorf("key %c has %q", digit, key)
			}
			if !strings.ContainsRune(key, c) {
				continue
			}
			on++
			if c > '9' && !strings.ContainsRune(e161[digit-'0'], c) {
				t.Errorf("%c is on key %c", c, digit)
			}
		}
		if on != 1 {
			t.Errorf("%c is on %d keys", c, on)
		}
	}
	for reference, want := range map[string]string{"7GK2M4Q": "7452647", "0000000": "0000000", "WXYZADG": "9999234"} {
		if got := kiosk.PhoneKeys(reference); got != want {
			t.Errorf("%s is typed as %s, want %s", reference, got, want)
		}
	}
}
