package kiosk

import (
	"fmt"
	"strings"
)

// crockford is the alphabet of references: no I, L, O, U, so that nothing is misread
// or misheard on the telephone.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// ShortReference makes a session's reference, seven characters of Crockford's
// base 32, from the low bits of random bytes. It panics with fewer than seven.
func ShortReference(random []byte) string {
	var b strings.Builder
	for _, r := range random[:7] {
		b.WriteByte(crockford[r&31])
	}
	return b.String()
}

// ParseReference reads a reference as a person types it: lower case, with blanks or
// hyphens, O for 0 and I or L for 1.
func ParseReference(text string) (string, error) {
	clean := strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(text))
	if len(clean) != 7 || strings.Trim(clean, crockford) != "" {
		return "", fmt.Errorf("cannot read %q as a receipt code: want seven letters and digits", text)
	}
	return clean, nil
}
