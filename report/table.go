package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"kioskd"
)

// Form says what the values of a column are.
type Form string

// Forms, with the Go type of a value; nil is a value that is not known, or that a row has none of.
const (
	Text    Form = "text"    // string
	Count   Form = "count"   // int or int64
	Energy  Form = "energy"  // kiosk.Energy
	Amount  Form = "amount"  // kiosk.Money
	Moment  Form = "time"    // time.Time, in the site's zone
	Number  Form = "number"  // Digits
	Seconds Form = "seconds" // int64
)

// Column is one of a table. Its key is a contract with scripts; people read the text "report.col.KEY".
type Column struct {
	Key  string
	Form Form
}

// Table is a report: what the command line prints, a file has, a page shows.
type Table struct {
	Name    string // of the report; people read the text "report.NAME"
	By      string // how it is grouped; empty where it is not
	Window  Window
	Columns []Column
	Rows    [][]any
	Sums    [][]any  // rows below the line, one a currency; nil where nothing adds up
	Notes   []Note   // what the figures leave out
	Minor   []string // columns that are left out where there is little room, as on paper
}

// Note says what the figures of a report leave out. People read the text "report.note.KEY".
type Note struct {
	Key     string
	N       int
	Amounts []kiosk.Money // one a currency
}

// Digits is a decimal number as it is shown; empty where there is none.
type Digits string

// MarshalJSON writes the number, and null where there is none.
func (d Digits) MarshalJSON() ([]byte, error) {
	if d == "" {
		return []byte("null"), nil
	}
	return []byte(d), nil
}

// Share is a part of a whole.
type Share struct {
	Part, Whole int
}

// String is the share as a percentage with one decimal; empty without a whole.
func (s Share) String() string {
	if s.Whole == 0 {
		return ""
	}
	return strconv.FormatFloat(100*float64(s.Part)/float64(s.Whole), 'f', 1, 64)
}

// JSON writes an object a line. A value that is not known is null.
func (t Table) JSON(w io.Writer) error {
	for _, row := range t.Rows {
		line, err := t.Object(row)
		if err != nil {
			return err
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// Object is a row as a JSON object, with the keys in the order of the columns.
func (t Table) Object(row []any) ([]byte, error) {
	var b bytes.Buffer
	for i, c := range t.Columns {
		value, err := json.Marshal(row[i])
		if err != nil {
			return nil, err
		}
		separator := ","
		if i == 0 {
			separator = "{"
		}
		fmt.Fprintf(&b, "%s%q:%s", separator, c.Key, value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// CSVStyle is how a CSV file is written. The zero one is RFC 4180: commas, a decimal point, UTF-8.
type CSVStyle struct {
	DecimalComma bool // and a semicolon between values, as spreadsheets of many countries read it
	ByteOrder    bool // a byte order mark before it, by which some spreadsheets know UTF-8
}

// CSV writes the table with a header. Amounts are decimal numbers without their currency, which has a column of its
// own, energy is in watt-hours and times are RFC 3339. A text that a spreadsheet would take for a formula has an
// apostrophe before it.
func (t Table) CSV(w io.Writer, style CSVStyle) error {
	if style.ByteOrder {
		if _, err := io.WriteString(w, "\ufeff"); err != nil {
			return err
		}
	}
	out := csv.NewWriter(w)
	if style.DecimalComma {
		out.Comma = ';'
	}
	if err := out.Write(t.Keys()); err != nil {
		return err
	}
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = cell(v)
			_, text := v.(string)
			switch {
			case text:
				cells[i] = harmless(cells[i])
			case style.DecimalComma && slices.Contains([]Form{Amount, Number}, t.Columns[i].Form):
				cells[i] = strings.ReplaceAll(cells[i], ".", ",")
			}
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// harmless keeps a spreadsheet from computing a text.
func harmless(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// Keys are those of the columns.
func (t Table) Keys() []string {
	keys := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		keys[i] = c.Key
	}
	return keys
}

// Cells are a row's values as texts, for people at a terminal: times without their zone.
func (t Table) Cells(row []any) []any {
	out := make([]any, len(row))
	for i, v := range row {
		out[i] = cell(v)
		if at, ok := v.(time.Time); ok {
			out[i] = at.Format(time.DateTime)
		}
		if out[i] == "" {
			out[i] = "-"
		}
	}
	return out
}

// cell is a value as a plain text.
func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case kiosk.Money:
		return v.Decimal()
	case time.Time:
		return v.Format(time.RFC3339)
	case kiosk.Energy:
		return strconv.FormatInt(int64(v), 10)
	}
	return fmt.Sprint(v)
}

// money is an amount for a table: nil where it is not known.
func money(m *kiosk.Money) any {
	if m == nil {
		return nil
	}
	return *m
}

// moment is a time for a table, in a zone.
func moment(t *time.Time, zone *time.Location) any {
	if t == nil || t.IsZero() {
		return nil
	}
	return t.In(zone)
}

// numbered is a bay for a table: nil for the site.
func numbered(bay int) any {
	if bay == 0 {
		return nil
	}
	return strconv.Itoa(bay)
}

// word is a text for a table: nil where it is empty.
func word[S ~string](s S) any {
	if s == "" {
		return nil
	}
	return string(s)
}
