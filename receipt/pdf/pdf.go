// Package pdf writes a receipt as a PDF of one or more pages of A4, in any language of the catalogues. The fonts are
// embedded. The same receipt in the same language gives the same bytes, so that two copies can be compared.
//
// The library places characters one after the other. What Arabic needs beside that is done here: a line's pieces are
// put into the order in which they are seen (UAX 9), and letters take the form that their neighbours ask for, as
// HarfBuzz shapes them. A shaped letter is written as its presentation form (Unicode, Arabic Presentation Forms-A and
// -B), under which a reader finds the text again (NFKC).
package pdf

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"codeberg.org/go-pdf/fpdf"
	"rsc.io/qr"

	"kioskd/receipt"
	"kioskd/ui/fonts"
	"kioskd/ui/text"
)

// Sizes of the page, in millimetres; of type in points.
const (
	margin = 22
	width  = 210 - 2*margin
	bottom = 297 - margin
	small  = 8
	body   = 10.5
	large  = 20
	lead   = 1.45 // of a line, in sizes of its type
	point  = 25.4 / 72
)

// Write writes a receipt in a printer's language. extra is a TrueType font for characters that the fonts which are
// embedded lack, such as a seller's name in Chinese; nil for none. A character that no font has is an error.
func Write(w io.Writer, r receipt.Receipt, p *text.Printer, extra []byte) error {
	s, err := newSheet(r, p, extra)
	if err != nil {
		return err
	}
	s.line(p.T("receipt.title"), "", large, true)
	s.y += 4
	part := receipt.Seller
	for _, i := range r.Items() {
		if i.Part != part {
			s.rule()
		}
		part = i.Part
		label, value := i.Label(p), i.Local(p)
		switch {
		case part == receipt.Seller:
			s.line(strings.TrimSpace(label+" "+value), "", body, i.Key == "")
		case len(i.Times) > 0:
			s.line(label, value, body, i.Sum)
			s.line(i.Product(p), "", small, false)
		default:
			s.line(label, value, body, i.Sum)
		}
	}
	if r.Head != "" {
		s.rule()
		s.line(r.QR, "", small, false)
	}
	if err := s.signed(r, p); err != nil {
		return fmt.Errorf("cannot write receipt %s as PDF: %w", r.No, err)
	}
	if err := errors.Join(s.missing, s.pdf.Error()); err != nil {
		return fmt.Errorf("cannot write receipt %s as PDF: %w", r.No, err)
	}
	return s.pdf.Output(w)
}

// codeWide is the edge of a signed record's code in millimetres: one of 900 characters has modules of half one.
const codeWide = 70

// signed draws what the meter signed as codes, which the transparency software reads, with their numbers.
func (s *sheet) signed(r receipt.Receipt, p *text.Printer) error {
	if r.Signed == nil {
		return nil
	}
	s.y += 4
	pages := strings.Split(r.Signed.Pages, " – ")
	for i, record := range r.Signed.Records {
		code, err := receipt.QR(record)
		if err != nil {
			return err
		}
		if s.y+codeWide+small > bottom {
			s.pdf.AddPage()
			s.y = margin
		}
		s.line(p.T("receipt.signed")+" "+pages[min(i, len(pages)-1)], "", small, false)
		s.code(code)
	}
	return nil
}

// code draws a code, with a row of modules as one line where they are dark.
func (s *sheet) code(c *qr.Code) {
	module := codeWide / float64(c.Size+8)
	s.pdf.SetFillColor(0, 0, 0)
	for y := range c.Size {
		for x := 0; x < c.Size; x++ {
			from := x
			for x < c.Size && c.Black(x, y) {
				x++
			}
			if x > from {
				left, top := margin+float64(from+4)*module, s.y+float64(y+4)*module
				s.pdf.Rect(left, top, float64(x-from)*module, 1.01*module, "F")
			}
		}
	}
	s.y += codeWide
}

// sheet is a page that is being written, from the top down.
type sheet struct {
	pdf     *fpdf.Fpdf
	shaped  *shaper
	files   map[string][]byte // of fonts that are not embedded yet, by family and style
	lang    string
	right   bool // the language is written from the right
	y       float64
	missing error
}

func newSheet(r receipt.Receipt, p *text.Printer, extra []byte) (*sheet, error) {
	shaped, err := newShaper(extra)
	if err != nil {
		return nil, err
	}
	pdf := fpdf.New("P", "mm", "A4", "")
	pdf.SetCatalogSort(true) // the same bytes each time
	pdf.SetCreationDate(r.Issued.UTC())
	pdf.SetModificationDate(r.Issued.UTC())
	pdf.SetAutoPageBreak(false, 0)
	pdf.SetTitle(p.T("receipt.title")+" "+r.No, true)
	pdf.SetAuthor(r.Seller["name"], true)
	pdf.SetLang(p.Language)
	pdf.AddPage()
	files := map[string][]byte{extraName: extra, extraName + "B": extra}
	for _, f := range fonts.All() {
		files[f.Name], files[f.Name+"B"] = f.Regular, f.Bold
	}
	return &sheet{pdf: pdf, shaped: shaped, files: files, lang: p.Language, right: p.Right, y: margin}, nil
}

// rule draws a line across the page.
func (s *sheet) rule() {
	s.y += 2
	s.pdf.SetDrawColor(150, 160, 160)
	s.pdf.SetLineWidth(0.2)
	s.pdf.Line(margin, s.y, margin+width, s.y)
	s.y += 2
}

// line writes a label at the start side and a value at the other, each broken into as many lines as it needs.
func (s *sheet) line(label, value string, size float64, bold bool) {
	room := float64(width)
	if value != "" {
		room = width * 0.48
	}
	left, right := s.broken(label, room, size, bold), s.broken(value, width*0.5, size, bold)
	high := size * lead * point
	for i := range max(len(left), len(right)) {
		if s.y+high > bottom {
			s.pdf.AddPage()
			s.y = margin
		}
		base := s.y + high*0.75
		if i < len(left) {
			s.put(left[i], base, size, bold, s.right)
		}
		if i < len(right) {
			s.put(right[i], base, size, bold, !s.right)
		}
		s.y += high
	}
}

// put writes a line at one edge of the page.
func (s *sheet) put(line string, base, size float64, bold, atRight bool) {
	runs := s.runs(line)
	x := float64(margin)
	if atRight {
		x += width - s.wide(runs, size, bold)
	}
	for _, r := range runs {
		s.set(r.family, size, bold)
		s.pdf.Text(x, base, r.text)
		x += s.pdf.GetStringWidth(r.text)
	}
}

func (s *sheet) runs(line string) []run {
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

func (s *sheet) wide(runs []run, size float64, bold bool) (w float64) {
	for _, r := range runs {
		s.set(r.family, size, bold)
		w += s.pdf.GetStringWidth(r.text)
	}
	return w
}

func (s *sheet) set(family string, size float64, bold bool) {
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
func (s *sheet) broken(line string, room, size float64, bold bool) (out []string) {
	if line == "" {
		return nil
	}
	fits := func(t string) bool { return s.wide(s.runs(t), size, bold) <= room }
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
