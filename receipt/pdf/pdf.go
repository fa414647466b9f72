// Package pdf writes a receipt as a PDF of one or more pages of A4: see package paper. The same receipt in the same
// language gives the same bytes.
package pdf

import (
	"fmt"
	"io"
	"strings"

	"kioskd/paper"
	"kioskd/receipt"
	"kioskd/ui/text"
)

// Write writes a receipt in a printer's language. extra is a TrueType font for characters that the fonts which are
// embedded lack, such as a seller's name in Chinese; nil for none. A character that no font has is an error.
func Write(w io.Writer, r receipt.Receipt, p *text.Printer, extra []byte) error {
	s, err := paper.New(paper.Document{Title: p.T("receipt.title") + " " + r.No, Author: r.Seller["name"], At: r.Issued,
		Language: p.Language, Right: p.Right, Extra: extra})
	if err != nil {
		return err
	}
	s.Line(p.T("receipt.title"), "", paper.Large, true)
	s.Space(4)
	part := receipt.Seller
	for _, i := range r.Items() {
		if i.Part != part {
			s.Rule()
		}
		part = i.Part
		label, value := i.Label(p), i.Local(p)
		switch {
		case part == receipt.Seller:
			s.Line(strings.TrimSpace(label+" "+value), "", paper.Body, i.Key == "")
		case len(i.Times) > 0:
			s.Line(label, value, paper.Body, i.Sum)
			s.Line(i.Product(p), "", paper.Small, false)
		default:
			s.Line(label, value, paper.Body, i.Sum)
		}
	}
	if r.Head != "" {
		s.Rule()
		s.Line(r.QR, "", paper.Small, false)
	}
	if err := signed(s, r, p); err != nil {
		return fmt.Errorf("cannot write receipt %s as PDF: %w", r.No, err)
	}
	if err := s.Output(w); err != nil {
		return fmt.Errorf("cannot write receipt %s as PDF: %w", r.No, err)
	}
	return nil
}

// signed draws what the meter signed as codes, which the transparency software reads, with their numbers.
func signed(s *paper.Sheet, r receipt.Receipt, p *text.Printer) error {
	if r.Signed == nil {
		return nil
	}
	s.Space(4)
	pages := strings.Split(r.Signed.Pages, " – ")
	for i, record := range r.Signed.Records {
		code, err := receipt.QR(record)
		if err != nil {
			return err
		}
		s.Room(paper.CodeWide + paper.Small)
		s.Line(p.T("receipt.signed")+" "+pages[min(i, len(pages)-1)], "", paper.Small, false)
		s.Code(code)
	}
	return nil
}
