package config

import (
	"strings"
	"testing"
)

// TestStaffCodes: a code matches the hash that was made of it, and no other.
func TestStaffCodes(t *testing.T) {
	h, err := ParseCodeHash(HashCode("271828"))
	if err != nil {
		t.Fatal(err)
	}
	for code, want := range map[string]bool{"271828": true, "271829": false, "": false, "2718280": false} {
		if h.Matches(code) != want {
			t.Errorf("%q matches: %v", code, !want)
		}
	}
	good := HashCode("271828")
	for _, bad := range []string{"", "271828", strings.Replace(good, "m=19456", "m=1", 1),
		strings.Replace(good, "t=2", "t=0", 1), strings.Replace(good, "argon2id", "argon2i", 1), good[:40]} {
		if _, err := ParseCodeHash(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
