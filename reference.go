package kiosk

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// crockford is the alphabet of references: no I, L, O, U, so that nothing is misread
// or misheard on the telephone.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// ReferenceLength is how many characters a reference has.
const ReferenceLength = 7

// ShortReference makes a session's reference, seven characters of Crockford's
// base 32, from the low bits of random bytes. It panics with fewer than seven.
func ShortReference(random []byte) string {
	var b strings.Builder
	for _, r := range random[:ReferenceLength] {
		b.WriteByte(crockford[r&31])
	}
	return b.String()
}

// ParseReference reads a reference as a person types it: lower case, with blanks or
// hyphens, O for 0 and I or L for 1.
func ParseReference(text string) (string, error) {
	clean := strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(text))
	if len(clean) != ReferenceLength || strings.Trim(clean, crockford) != "" {
		return "", fmt.Errorf("cannot read %q as a receipt code: want seven letters and digits", text)
	}
	return clean, nil
}

// phone are the characters of references on the keys of a telephone (ITU-T E.161), by the key's digit.
var phone = [10]string{"0", "1", "2ABC", "3DEF", "4GH", "5JK", "6MN", "7PQRS", "8TV", "9WXYZ"}

// PhoneKey is what stands on a key of a telephone, its digit first. It panics for what is no digit.
func PhoneKey(digit byte) string { return phone[digit-'0'] }

// PhoneKeys is a reference as it is typed on a telephone, a key a character.
func PhoneKeys(reference string) string {
	var b strings.Builder
	for _, c := range reference {
		for digit, on := range phone {
			if strings.ContainsRune(on, c) {
				b.WriteByte(byte('0' + digit))
			}
		}
	}
	return b.String()
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
