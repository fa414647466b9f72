package zvt

import (
	"encoding/hex"
	"strings"
	"unicode"

	"golang.org/x/text/encoding/charmap"

	"kioskd"
)

// All text of a terminal passes this gate before a person, a log or the journal sees it: it is
// printable and of bounded length, and holds no card number. A terminal may put one into any field.

// longestText is the longest text that is kept, in characters; no field of a result has more.
const longestText = 999

// text reads CP437, the default character set, up to a closing 00.
func text(v []byte) string {
	s, err := charmap.CodePage437.NewDecoder().String(strings.TrimRight(string(v), "\x00"))
	if err != nil {
		return ""
	}
	runes := []rune(strings.ReplaceAll(s, "\r", "\n"))
	for i, r := range runes {
		if r != '\n' && !unicode.IsPrint(r) {
			runes[i] = ' '
		}
	}
	return strings.TrimRight(kiosk.MaskNumbers(string(runes[:min(len(runes), longestText)])), " ")
}

// Hex is bytes in hexadecimal without a card number, whether they hold one as text or packed.
func Hex(v []byte) string {
	latin := make([]rune, len(v)) // one rune a byte
	for i, b := range v {
		latin[i] = rune(b)
	}
	masked := []byte{}
	for _, r := range kiosk.MaskNumbers(string(latin)) {
		masked = append(masked, byte(r))
	}
	return kiosk.MaskNumbers(strings.ToUpper(hex.EncodeToString(masked)))
}
