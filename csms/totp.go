package csms

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"net/url"
	"strings"
	"time"
)

// The code on the screen that leads to a web page of the operator's (C25, "Ad hoc payment via QR code"). Its address
// has a one-time password in it: a code that was pasted over the panel, or a picture of it, leads to nothing.

// oneTimeDigits are those that a byte of the hash becomes.
const oneTimeDigits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// TOTPVersion is the version of the algorithm: HMAC-SHA-256 of the number of the time's interval since 1970, as eight
// bytes, of which digits are taken from an offset on that the hash's last byte says.
const TOTPVersion = "v1"

// OneTime is the password of a time, for so long.
func OneTime(secret string, validity time.Duration, length int, at time.Time) string {
	var interval [8]byte
	binary.BigEndian.PutUint64(interval[:], uint64(at.Unix()/int64(validity/time.Second)))
	h := hmac.New(sha256.New, []byte(secret))
	h.Write(interval[:])
	sum := h.Sum(nil)
	offset := int(sum[len(sum)-1] & 0x0f)
	var out strings.Builder
	for i := range length {
		out.WriteByte(oneTimeDigits[int(sum[(offset+i)%len(sum)])%len(oneTimeDigits)])
	}
	return out.String()
}

// WebAddress fills an operator's template: each {name}, in whichever case, that values have by its small letters. What
// they do not have is left out.
func WebAddress(template string, values map[string]string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{")
		out.WriteString(before)
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			return out.String()
		}
		value := url.PathEscape(values[strings.ToLower(name)])
		out.WriteString(strings.ReplaceAll(value, "%2A", "*")) // of an EVSE's id, and nothing that an address minds
		template = after
	}
}
