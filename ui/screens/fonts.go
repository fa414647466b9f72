package screens

import (
	"embed"
	"slices"
	"strings"
	"unicode"

	"fyne.io/fyne/v2"
	"golang.org/x/text/unicode/bidi"
)

// The fonts are subsets of Noto Sans (SIL Open Font License 1.1, see fonts/COPYRIGHT-*), made
// by scripts/fonts from the characters of the catalogues. What they lack, such as a site's
// name in Chinese, is looked for among the system's fonts.
//
//go:embed fonts/*.ttf fonts/*.otf
var fontFiles embed.FS

type family struct{ regular, bold fyne.Resource }

func load(name, ext string) family {
	file := func(weight string) fyne.Resource {
		path := "fonts/" + name + "-" + weight + ext
		data, err := fontFiles.ReadFile(path)
		if err != nil {
			panic(err) // it is embedded
		}
		return fyne.NewStaticResource(path, data)
	}
	return family{file("Regular"), file("Bold")}
}

var (
	sans     = load("Sans", ".ttf")
	arabic   = load("Arabic", ".ttf")
	chinese  = load("Chinese", ".otf")
	japanese = load("Japanese", ".otf")
)

func (f family) weight(bold bool) fyne.Resource {
	if bold {
		return f.bold
	}
	return f.regular
}

// familyOf is the family of a character in a language. Chinese and Japanese write some of
// the same characters in other forms.
func familyOf(r rune, lang string) family {
	switch {
	case 0x600 <= r && r <= 0x6FF: // with its marks and its own comma
		return arabic
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || 0x3000 <= r && r <= 0x303F ||
		0xFF00 <= r && r <= 0xFFEF || r == '・' || r == 'ー':
		if lang == "ja" {
			return japanese
		}
		return chinese
	}
	return sans
}

// piece is a part of a line in one font and one direction.
type piece struct {
	text   string
	family family
}

// pieces puts a line into the order in which it is seen, left to right.
func pieces(line, lang string, right bool) []piece {
	var para bidi.Paragraph
	direction := bidi.LeftToRight
	if right {
		direction = bidi.RightToLeft
	}
	if _, err := para.SetString(line, bidi.DefaultDirection(direction)); err != nil {
		return []piece{{line, sans}}
	}
	order, err := para.Order()
	if err != nil {
		return []piece{{line, sans}}
	}
	var out []piece
	for i := range order.NumRuns() {
		run := order.Run(i)
		parts := byFamily(run.String(), lang)
		if run.Direction() == bidi.RightToLeft {
			slices.Reverse(parts)
			for j := range parts {
				if parts[j].family != arabic { // blanks and brackets: a shaper takes them for left to right
					parts[j].text = mirrored.Replace(bidi.ReverseString(parts[j].text))
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

// byFamily splits a text by font, without the marks that only its order needed.
func byFamily(s, lang string) (out []piece) {
	for _, r := range s {
		if r == '\u200f' || 0x2066 <= r && r <= 0x2069 {
			continue
		}
		f := familyOf(r, lang)
		if n := len(out); n > 0 && out[n-1].family == f {
			out[n-1].text += string(r)
			continue
		}
		out = append(out, piece{string(r), f})
	}
	return out
}
