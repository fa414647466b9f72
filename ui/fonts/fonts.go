// Package fonts has the type in which screens and receipts are written, and puts a line's pieces into the order in
// which they are seen (UAX 9). The fonts are subsets of Noto Sans (SIL Open Font License 1.1, see COPYRIGHT-*), made by
// scripts/fonts from the characters of the catalogues. The package draws nothing and knows no display.
package fonts

import (
	_ "embed"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/bidi"
)

// The files, which lie in the program and are read where they lie.
var (
	//go:embed Sans-Regular.ttf
	sansRegular []byte
	//go:embed Sans-Bold.ttf
	sansBold []byte
	//go:embed Arabic-Regular.ttf
	arabicRegular []byte
	//go:embed Arabic-Bold.ttf
	arabicBold []byte
	//go:embed Chinese-Regular.ttf
	chineseRegular []byte
	//go:embed Chinese-Bold.ttf
	chineseBold []byte
	//go:embed Japanese-Regular.ttf
	japaneseRegular []byte
	//go:embed Japanese-Bold.ttf
	japaneseBold []byte
)

// Family is the type of a script in two weights, as TrueType files.
type Family struct {
	Name          string
	Regular, Bold []byte
}

// The families.
var (
	Sans     = &Family{"Sans", sansRegular, sansBold} // Latin, Greek and Cyrillic
	Arabic   = &Family{"Arabic", arabicRegular, arabicBold}
	Chinese  = &Family{"Chinese", chineseRegular, chineseBold}
	Japanese = &Family{"Japanese", japaneseRegular, japaneseBold}
)

// All lists the families.
func All() []*Family { return []*Family{Sans, Arabic, Chinese, Japanese} }

// Of is the family of a character in a language (ISO 639-1). Chinese and Japanese write some of the same characters in
// other forms.
func Of(r rune, lang string) *Family {
	switch {
	case 0x600 <= r && r <= 0x6FF: // with its marks and its own comma
		return Arabic
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || 0x3000 <= r && r <= 0x303F ||
		0xFF00 <= r && r <= 0xFFEF || r == '・' || r == 'ー':
		if lang == "ja" {
			return Japanese
		}
		return Chinese
	}
	return Sans
}

// Piece is a part of a line in one font and one direction.
type Piece struct {
	Text   string
	Family *Family
}

// Pieces puts a line into the order in which it is seen, from left to right; right tells whether its language is
// written from the right. The letters of an Arabic piece stand in the order in which they are read.
func Pieces(line, lang string, right bool) []Piece {
	var para bidi.Paragraph
	direction := bidi.LeftToRight
	if right {
		direction = bidi.RightToLeft
	}
	if _, err := para.SetString(line, bidi.DefaultDirection(direction)); err != nil {
		return []Piece{{line, Sans}}
	}
	order, err := para.Order()
	if err != nil {
		return []Piece{{line, Sans}}
	}
	var out []Piece
	for i := range order.NumRuns() {
		run := order.Run(i)
		parts := ByFamily(run.String(), lang)
		if run.Direction() == bidi.RightToLeft {
			slices.Reverse(parts)
			for j := range parts {
				if parts[j].Family != Arabic { // blanks and brackets: a shaper takes them for left to right
					parts[j].Text = mirrored.Replace(bidi.ReverseString(parts[j].Text))
				}
			}
		}
		if right {
			out = append(parts, out...)
		} else {
			out = append(out, parts...)
		}
	}
	return out
}

// mirrored are marks that are turned around from right to left and are no brackets (UAX 9, L4).
var mirrored = strings.NewReplacer("«", "»", "»", "«", "‹", "›", "›", "‹")

// ByFamily splits a text by font, without the marks that only its order, or where it breaks, needed.
func ByFamily(s, lang string) (out []Piece) {
	for _, r := range s {
		if unseen(r) {
			continue
		}
		f := Of(r, lang)
		if n := len(out); n > 0 && out[n-1].Family == f {
			out[n-1].Text += string(r)
			continue
		}
		out = append(out, Piece{string(r), f})
	}
	return out
}

// unseen tells whether a character is a mark for the order of writing, or for where a line breaks.
func unseen(r rune) bool {
	return r == '\u200f' || 0x2066 <= r && r <= 0x2069 || r == '\u2060' || r == '\u200b'
}
