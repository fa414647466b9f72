// Package paper writes pages of A4 as PDF, in any language of the catalogues. The fonts are embedded. The same lines in
// the same language give the same bytes, so that two copies can be compared.
//
// The library places characters one after the other. What Arabic needs beside that is done here: a line's pieces are
// put into the order in which they are seen (UAX 9), and letters take the form that their neighbours ask for, as
// HarfBuzz shapes them. A shaped letter is written as its presentation form (Unicode, Arabic Presentation Forms-A and
// -B), under which a reader finds the text again (NFKC).
package paper

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"rsc.io/qr"

	"kioskd/ui/fonts"
)

// Sizes of type, in points.
const (
	Small = 8
	Body  = 10.5
	Large = 20
)

// Sizes of the page, in millimetres.
const (
	short  = 210
	long   = 297
	margin = 22
	narrow = 14   // of a page that has a table
	lead   = 1.45 // of a line, in sizes of its type
	point  = 25.4 / 72
)

// CodeWide is the edge of a code in millimetres: one of 900 characters has modules of half one.
const CodeWide = 70

// Document is what a document says of itself.
type Document struct {
	Title    string
	Author   string
	At       time.Time // when it was made, or of what it is
	Language string
	Right    bool   // the language is written from the right
	Table    bool   // it has a wide table: its pages lie on their side
	Extra    []byte // a TrueType font for characters that the fonts which are embedded lack; nil for none
}

// Sheet is a document that is being written, from the top down. A character that no font has is an error of Output.
type Sheet struct {
	pdf     *fpdf.Fpdf
	shaped  *shaper
	files   map[string][]byte // of fonts that are not embedded yet, by family and style
	lang    string
	right   bool
	y       float64
	edge    float64
	width   float64
	bottom  float64
	missing error
}

// New begins a document.
func New(d Document) (*Sheet, error) {
	shaped, err := newShaper(d.Extra)
	if err != nil {
		return nil, err
	}
	s := &Sheet{shaped: shaped, lang: d.Language, right: d.Right, edge: margin, width: short - 2*margin,
		bottom: long - margin}
	side := "P"
	if d.Table {
		side, s.edge, s.width, s.bottom = "L", narrow, long-2*narrow, short-narrow-6
	}
	s.pdf = fpdf.New(side, "mm", "A4", "")
	s.pdf.SetCatalogSort(true) // the same bytes each time
	s.pdf.SetCreationDate(d.At.UTC())
	s.pdf.SetModificationDate(d.At.UTC())
	s.pdf.SetAutoPageBreak(false, 0)
	s.pdf.SetTitle(d.Title, true)
	s.pdf.SetAuthor(d.Author, true)
	s.pdf.SetLang(d.Language)
	s.files = map[string][]byte{extraName: d.Extra, extraName + "B": d.Extra}
	for _, f := range fonts.All() {
		s.files[f.Name], s.files[f.Name+"B"] = f.Regular, f.Bold
	}
	s.page()
	return s, nil
}

func (s *Sheet) page() {
	s.pdf.AddPage()
	s.y = s.edge
}

// Output writes the document.
func (s *Sheet) Output(w io.Writer) error {
	if err := errors.Join(s.missing, s.pdf.Error()); err != nil {
		return err
	}
	return s.pdf.Output(w)
}

// Number writes on each page which one it is, of how many.
func (s *Sheet) Number() {
	n := s.pdf.PageCount()
	for i := 1; i <= n; i++ {
		s.pdf.SetPage(i)
		s.put(s.edge, s.width, fmt.Sprintf("%d / %d", i, n), s.bottom+6, Small, false, !s.right)
	}
}

// Space leaves some millimetres free.
func (s *Sheet) Space(mm float64) { s.y += mm }

// Room goes to another page where less than so many millimetres are left of this one.
func (s *Sheet) Room(mm float64) {
	if s.y+mm > s.bottom {
		s.page()
	}
}

// Code draws a code, with a row of modules as one line where they are dark.
func (s *Sheet) Code(c *qr.Code) {
	module := CodeWide / float64(c.Size+8)
	s.pdf.SetFillColor(0, 0, 0)
	for y := range c.Size {
		for x := 0; x < c.Size; x++ {
			from := x
			for x < c.Size && c.Black(x, y) {
				x++
			}
			if x > from {
				left, top := s.edge+float64(from+4)*module, s.y+float64(y+4)*module
				s.pdf.Rect(left, top, float64(x-from)*module, 1.01*module, "F")
			}
		}
	}
	s.y += CodeWide
}

// Rule draws a line across the page.
func (s *Sheet) Rule() {
	s.y += 2
	s.pdf.SetDrawColor(150, 160, 160)
	s.pdf.SetLineWidth(0.2)
	s.pdf.Line(s.edge, s.y, s.edge+s.width, s.y)
	s.y += 2
}

// Line writes a label at the start side and a value at the other, each broken into as many lines as it needs.
func (s *Sheet) Line(label, value string, size float64, bold bool) {
	room := s.width
	if value != "" {
		room = s.width * 0.48
	}
	left, right := s.broken(label, room, size, bold), s.broken(value, s.width*0.5, size, bold)
	high := size * lead * point
	for i := range max(len(left), len(right)) {
		s.Room(high)
		base := s.y + high*0.75
		if i < len(left) {
			s.put(s.edge, s.width, left[i], base, size, bold, s.right)
		}
		if i < len(right) {
			s.put(s.edge, s.width, right[i], base, size, bold, !s.right)
		}
		s.y += high
	}
}

// put writes a line at one edge of a place that is so wide.
func (s *Sheet) put(x, width float64, line string, base, size float64, bold, atRight bool) {
	runs := s.runs(line)
	if atRight {
		x += width - s.wide(runs, size, bold)
	}
	for _, r := range runs {
		s.set(r.family, size, bold)
		s.pdf.Text(x, base, r.text)
		x += s.pdf.GetStringWidth(r.text)
	}
}

func (s *Sheet) runs(line string) []run {
	var out []run
	for _, p := range fonts.Pieces(line, s.lang, s.right) {
		runs, err := s.shaped.runs(p)
		if err != nil && s.missing == nil {
			s.missing = err
		}
		out = append(out, runs...)
	}
	return out
}

func (s *Sheet) wide(runs []run, size float64, bold bool) (w float64) {
	for _, r := range runs {
		s.set(r.family, size, bold)
		w += s.pdf.GetStringWidth(r.text)
	}
	return w
}

func (s *Sheet) set(family string, size float64, bold bool) {
	style := ""
	if bold {
		style = "B"
	}
	if file := s.files[family+style]; file != nil { // only what is used is embedded
		s.pdf.AddUTF8FontFromBytes(family, style, file)
		delete(s.files, family+style)
	}
	s.pdf.SetFont(family, style, size)
}

// broken breaks a text at its blanks, and where there are none at its characters.
func (s *Sheet) broken(line string, room, size float64, bold bool) (out []string) {
	if line == "" {
		return nil
	}
	fits := func(t string) bool { return s.wide(s.runs(t), size, bold) <= room }
	if fits(line) { // letters that join are narrower together than one by one
		return []string{line}
	}
	now := ""
	for _, word := range strings.SplitAfter(line, " ") {
		if now != "" && !fits(strings.TrimRight(now+word, " ")) {
			out, now = append(out, strings.TrimRight(now, " ")), ""
		}
		for _, c := range word {
			if now != "" && !fits(now+string(c)) && c != ' ' {
				out, now = append(out, now), ""
			}
			now += string(c)
		}
	}
	return append(out, strings.TrimRight(now, " "))
}
