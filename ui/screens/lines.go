package screens

import (
	"image/color"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"github.com/go-text/typesetting/segmenter"

	"kioskd/ui/fonts"
)

// script is how a language is written.
type script struct {
	lang  string
	right bool
}

// font is a size and weight.
type font struct {
	size  float32
	bold  bool
	known extents
}

// extents are what was measured before, at a size of measured. Type is not hinted: it grows
// evenly.
type extents map[glyphs]extent

type glyphs struct {
	fonts.Piece
	bold bool
}

type extent struct{ width, above, below float32 }

const (
	measured  = 64
	mostKnown = 4096
)

// extent is a piece's width, and its height above and below the base line.
func (f font) extent(p fonts.Piece) (width, above, below float32) {
	key := glyphs{p, f.bold}
	e, ok := f.known[key]
	if !ok {
		size, base := fyne.CurrentApp().Driver().RenderedTextSize(p.Text, measured, fyne.TextStyle{},
			weight(p.Family, f.bold))
		e = extent{size.Width / measured, base / measured, (size.Height - base) / measured}
		if len(f.known) >= mostKnown {
			clear(f.known)
		}
		f.known[key] = e
	}
	return e.width * f.size, e.above * f.size, e.below * f.size
}

func (f font) width(line string, s script) (w float32) {
	for _, p := range fonts.ByFamily(line, s.lang) {
		width, _, _ := f.extent(p)
		w += width
	}
	return w
}

// wrap breaks a text where its language breaks lines so that each line fits. A part that is wider than that stands
// alone and sticks out.
func (f font) wrap(text string, s script, width float32) []string {
	var lines []string
	for _, hard := range strings.Split(text, "\n") {
		line, full := "", float32(0)
		for _, part := range f.parts(hard, s, width) {
			if line != "" && full+f.width(strings.TrimRight(part, " "), s) > width {
				lines = append(lines, strings.TrimRight(line, " "))
				line, full = "", 0
			}
			line += part
			full += f.width(part, s)
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}

// parts are what is not broken: by UAX 14, and of Japanese whole phrases where they fit.
func (f font) parts(text string, s script, width float32) (out []string) {
	var seg segmenter.Segmenter
	seg.Init([]rune(text))
	for it := seg.LineIterator(); it.Next(); {
		part := string(it.Line().Text)
		if n := len(out); s.lang == "ja" && n > 0 && !phraseEnds(out[n-1], part) && f.width(out[n-1]+part, s) <= width {
			out[n-1] += part
			continue
		}
		out = append(out, part)
	}
	return out
}

// phraseEnds tells whether a Japanese phrase (bunsetsu) ends between two parts of a text: behind a mark or a blank, and
// where the kana that end a word are followed by the first letter of another. The honorifics お and ご begin one.
func phraseEnds(before, after string) bool {
	last, _ := utf8.DecodeLastRuneInString(before)
	first, _ := utf8.DecodeRuneInString(after)
	if !unicode.IsLetter(last) && !unicode.IsDigit(last) {
		return !unicode.Is(unicode.Ps, last)
	}
	if !unicode.Is(unicode.Hiragana, last) || last == 'お' || last == 'ご' {
		return false
	}
	if unicode.Is(unicode.Hiragana, first) {
		please := first == 'く' && (last == 'て' || last == 'で') // ください
		return please || last == 'を' || first == 'お' || first == 'ご'
	}
	letters := []rune(before)
	stem := len(letters) > 1 && unicode.Is(unicode.Han, letters[len(letters)-2]) &&
		!strings.ContainsRune(particles, last)
	return !stem || !unicode.Is(unicode.Han, first) // of one verb: 差し込む
}

// particles end a phrase, although only one kana stands behind a kanji.
const particles = "をにはがでとのもへやか"

// balanced breaks a text into as few lines as it needs, of about the same length: no word, or
// Japanese letter, stands alone on the last.
func (f font) balanced(text string, s script, width float32) []string {
	best := f.wrap(text, s, width)
	for w := width * 0.9; len(best) > 1 && w > width/2; w *= 0.9 {
		next := f.wrap(text, s, w)
		for _, l := range next {
			if f.width(l, s) > w {
				return best
			}
		}
		if len(next) > len(best) {
			return best
		}
		best = next
	}
	return best
}

// line is one line that is ready to be put somewhere.
type line struct {
	text   string
	pieces []fonts.Piece
	font   font
	width  float32
	above  float32
	below  float32
}

func (f font) lines(text string, s script, width float32) (out []line) {
	for _, t := range f.balanced(text, s, width) {
		l := line{text: t, font: f, pieces: fonts.Pieces(t, s.lang, s.right)}
		for _, p := range l.pieces {
			w, above, below := f.extent(p)
			if p.Family == fonts.Arabic { // its marks need the room; elsewhere lines may be closer
				above, below = min(above, f.size*1.06), min(below, f.size*0.44)
			} else {
				above, below = min(above, f.size*0.99), min(below, f.size*0.26)
			}
			l.width, l.above, l.below = l.width+w, max(l.above, above), max(l.below, below)
		}
		out = append(out, l)
	}
	return out
}

// plain is a text on one line.
func (f font) plain(text string, s script) line { return f.lines(text, s, math.MaxFloat32)[0] }

func (l line) height() float32 { return l.above + l.below }

func height(lines []line) (h float32) {
	for _, l := range lines {
		h += l.height()
	}
	return h
}

func widest(lines []line) (w float32) {
	for _, l := range lines {
		w = max(w, l.width)
	}
	return w
}

// objects puts the line's pieces side by side from x on, with its top at y.
func (l line) objects(x, y float32, c color.Color) (out []fyne.CanvasObject) {
	for _, p := range l.pieces {
		width, above, below := l.font.extent(p)
		t := canvas.NewText(p.Text, c)
		t.TextSize, t.FontSource = l.font.size, weight(p.Family, l.font.bold)
		t.Move(fyne.NewPos(x, y+l.above-above))
		t.Resize(fyne.NewSize(width, above+below))
		out = append(out, t)
		x += width
	}
	return out
}
