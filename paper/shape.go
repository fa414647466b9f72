package paper

import (
	"bytes"
	"fmt"

	"github.com/go-text/typesetting/di"
	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/math/fixed"

	"kioskd/ui/fonts"
)

// extraName is the family of the font that a person gives.
const extraName = "Extra"

// run is characters of one font in the order in which they are seen.
type run struct{ family, text string }

// shaper turns pieces into what stands on the page.
type shaper struct {
	faces  map[string]*font.Face
	arabic map[font.GID]rune // the presentation form of a shaped letter
}

func newShaper(extra []byte) (*shaper, error) {
	s := &shaper{faces: map[string]*font.Face{}, arabic: map[font.GID]rune{}}
	for _, f := range fonts.All() {
		face, err := font.ParseTTF(bytes.NewReader(f.Regular))
		if err != nil {
			return nil, fmt.Errorf("cannot read font %s: %w", f.Name, err)
		}
		s.faces[f.Name] = face
	}
	if extra != nil {
		face, err := font.ParseTTF(bytes.NewReader(extra))
		if err != nil {
			return nil, fmt.Errorf("cannot read the font that was given: %w", err)
		}
		s.faces[extraName] = face
	}
	for it := s.faces[fonts.Arabic.Name].Cmap.Iter(); it.Next(); {
		r, glyph := it.Char()
		if r > s.arabic[glyph] { // the forms stand behind the letters
			s.arabic[glyph] = r
		}
	}
	return s, nil
}

// runs are a piece's characters, in the forms and fonts in which they are seen.
func (s *shaper) runs(p fonts.Piece) (out []run, err error) {
	if p.Family == fonts.Arabic {
		return []run{{p.Family.Name, s.shape(p.Text)}}, nil
	}
	for _, r := range p.Text {
		family := p.Family.Name
		if _, ok := s.faces[family].NominalGlyph(r); !ok {
			family = extraName
			if s.faces[family] == nil {
				return out, fmt.Errorf("no font here has %q; --font names a TrueType font that has it", r)
			}
			if _, ok := s.faces[family].NominalGlyph(r); !ok {
				return out, fmt.Errorf("neither the fonts here nor the one that was given have %q", r)
			}
		}
		if n := len(out); n > 0 && out[n-1].family == family {
			out[n-1].text += string(r)
			continue
		}
		out = append(out, run{family, string(r)})
	}
	return out, nil
}

// shape gives Arabic letters the forms that their neighbours ask for, from left to right.
func (s *shaper) shape(letters string) string {
	in := []rune(letters)
	shaped := (&shaping.HarfbuzzShaper{}).Shape(shaping.Input{Text: in, RunEnd: len(in), Direction: di.DirectionRTL,
		Face: s.faces[fonts.Arabic.Name], Size: fixed.I(64), Script: language.Arabic,
		Language: language.NewLanguage("ar")})
	var out []rune
	for _, g := range shaped.Glyphs {
		if r := s.arabic[g.GlyphID]; r != 0 {
			out = append(out, r)
			continue
		}
		out = append(out, in[g.ClusterIndex]) // a form without a name: the letter itself is read, too
	}
	return string(out)
}
