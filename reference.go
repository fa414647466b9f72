package kiosk

import (
	"encoding/binary"
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

// headDigits is how many characters of a head are shown: 50 bits.
const headDigits = 10

// ShortHead is a Merkle tree's head as it is printed: the number of its records and the start
// of its hash in Crockford's base 32.
func ShortHead(records int64, hash [32]byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d ", records)
	first := binary.BigEndian.Uint64(hash[:8])
	for i := range headDigits {
		b.WriteByte(crockford[first>>(59-5*i)&31])
	}
	return b.String()
}
