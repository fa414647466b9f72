package report

import (
	"slices"
	"strings"
	"time"

	"kioskd"
	"kioskd/ui/text"
)

// Local is a report as people read it in a language: heads and cells as texts. Numbers tells which columns stand at the
// far side.
type Local struct {
	Title   string
	Span    string
	Heads   []string
	Numbers []bool
	Rows    [][]string
	Sums    [][]string
	Notes   []string
}

// In is the report in a printer's language. With narrow the columns are left out for which there is no room on paper.
func (t Table) In(p *text.Printer, narrow bool) Local {
	l := Local{Title: p.T("report." + t.Name), Span: t.span(p)}
	var shown []int
	for i, c := range t.Columns {
		if narrow && slices.Contains(t.Minor, c.Key) {
			continue
		}
		shown = append(shown, i)
		l.Heads = append(l.Heads, head(p, c.Key))
		l.Numbers = append(l.Numbers, c.Form != Text && c.Form != Moment)
	}
	line := func(row []any) (out []string) {
		for _, i := range shown {
			out = append(out, t.word(p, t.Columns[i], row[i]))
		}
		return out
	}
	for _, n := range t.Notes {
		l.Notes = append(l.Notes, n.In(p))
	}
	for _, r := range t.Rows {
		l.Rows = append(l.Rows, line(r))
	}
	for _, r := range t.Sums {
		cells := line(r)
		cells[0] = p.T("receipt.total")
		l.Sums = append(l.Sums, cells)
	}
	return l
}

// In is the note in a printer's language.
func (n Note) In(p *text.Printer) string {
	amounts := make([]string, len(n.Amounts))
	for i, a := range n.Amounts {
		amounts[i] = p.Money(a)
	}
	return p.T("report.note."+n.Key, "N", n.N, "Amount", strings.Join(amounts, ", "))
}

// span is the days of the report.
func (t Table) span(p *text.Printer) string {
	day := func(s string) string {
		at, err := time.Parse(time.DateOnly, s)
		if err != nil {
			return "…"
		}
		return p.Day(at)
	}
	if t.Window.From == "" && t.Window.To == "" {
		return ""
	}
	out := p.Span(day(t.Window.From), day(t.Window.To))
	if t.Window.From == t.Window.To {
		out = day(t.Window.From)
	}
	return out
}

// head is the head of a column.
func head(p *text.Printer, key string) string {
	if rate, ok := strings.CutPrefix(key, "vat_"); ok {
		return p.T("receipt.vat", "P", p.Number(rate))
	}
	return p.T("report.col." + key)
}

// texts are keys of words that stand in a column, by what comes before them.
var texts = map[string]string{"state": "report.state.", "end_reason": "reason.", "figure": "report.kpi."}

// word is a value as people read it.
func (t Table) word(p *text.Printer, c Column, v any) string {
	switch v := v.(type) {
	case nil:
		return "–"
	case kiosk.Money:
		return p.Money(v)
	case kiosk.Energy:
		return p.Energy(v, 3)
	case time.Time:
		return p.Minute(v)
	case Digits:
		if v == "" {
			return "–"
		}
		return p.Number(string(v))
	case int64:
		if c.Form == Seconds {
			return p.Lasting(int(v))
		}
	case string:
		if key, ok := texts[c.Key]; ok && p.Has(key+v) {
			return p.T(key + v)
		}
		if at, err := time.Parse(time.DateOnly, v); err == nil {
			return p.Day(at)
		}
		if v == "" {
			return "–"
		}
		return p.Piece(v)
	}
	return cell(v)
}
