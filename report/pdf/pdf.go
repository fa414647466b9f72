// Package pdf writes a report as pages of A4: see package paper. The same report in the same language, made at the same
// time, gives the same bytes.
package pdf

import (
	"fmt"
	"io"
	"time"

	"kioskd/paper"
	"kioskd/report"
	"kioskd/ui/text"
)

// Of is whose report it is, and when it was made.
type Of struct {
	Seller map[string]string // as a session has it
	Made   time.Time         // in the site's zone
	Head   string            // of the journal's tree, which it rests on; empty where it is not known
}

// Write writes a report in a printer's language. extra is a TrueType font for characters that the fonts which are
// embedded lack; nil for none.
func Write(w io.Writer, t report.Table, p *text.Printer, of Of, extra []byte) error {
	l := t.In(p, true)
	s, err := paper.New(paper.Document{Title: l.Title, Author: of.Seller["name"], At: of.Made, Language: p.Language,
		Right: p.Right, Table: true, Extra: extra})
	if err != nil {
		return err
	}
	s.Line(l.Title, "", paper.Large, true)
	s.Space(2)
	if name := of.Seller["name"]; name != "" {
		s.Line(name, p.Piece(of.Seller["address"]), paper.Body, false)
	}
	s.Line(l.Span, p.T("report.made", "At", p.Time(of.Made)), paper.Body, false)
	if t.Window.Bay != 0 {
		s.Line(p.T("receipt.bay"), fmt.Sprint(t.Window.Bay), paper.Body, false)
	}
	s.Space(4)
	columns := make([]paper.Column, len(l.Heads))
	for i, h := range l.Heads {
		columns[i] = paper.Column{Head: h, Number: l.Numbers[i]}
	}
	s.Table(columns, l.Rows, l.Sums)
	if len(l.Rows) == 0 {
		s.Line(p.T("report.none"), "", paper.Body, false)
	}
	s.Space(4)
	for _, n := range l.Notes {
		s.Line(n, "", paper.Small, false)
	}
	if of.Head != "" {
		s.Line(p.T("report.head", "Head", p.Piece(of.Head)), "", paper.Small, false)
	}
	s.Number()
	if err := s.Output(w); err != nil {
		return fmt.Errorf("cannot write the report %s as PDF: %w", t.Name, err)
	}
	return nil
}
