package report_test

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/report"
)

// TestForms: what a spreadsheet, a script and a person read is the same value.
func TestForms(t *testing.T) {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.FixedZone("CET", 3600))
	table := report.Table{Name: "t", Columns: []report.Column{{Key: "text", Form: report.Text},
		{Key: "n", Form: report.Count}, {Key: "wh", Form: report.Energy}, {Key: "paid", Form: report.Amount},
		{Key: "at", Form: report.Moment}, {Key: "rate", Form: report.Number}},
		Rows: [][]any{{"=1+1", 3, kiosk.Energy(1234), kiosk.Money{Minor: -312, Currency: "EUR"}, at,
			report.Digits("99.5")},
			{"a \"b\"; c,\nd", 0, nil, nil, nil, report.Digits("")}}}
	var out strings.Builder
	for style, want := range map[report.CSVStyle][]string{
		{}:                                    {"'=1+1", "3", "1234", "-3.12", "2026-03-02T09:00:00+01:00", "99.5"},
		{DecimalComma: true, ByteOrder: true}: {"'=1+1", "3", "1234", "-3,12", "2026-03-02T09:00:00+01:00", "99,5"},
	} {
		out.Reset()
		if err := table.CSV(&out, style); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		if strings.HasPrefix(text, "\ufeff") != style.ByteOrder {
			t.Errorf("%+v: %q", style, text)
		}
		r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
		if style.DecimalComma {
			r.Comma = ';'
		}
		rows, err := r.ReadAll()
		if err != nil || len(rows) != 3 || strings.Join(rows[1], "|") != strings.Join(want, "|") ||
			rows[2][0] != "a \"b\"; c,\nd" || rows[2][2] != "" {
			t.Errorf("%q, %v", rows, err)
		}
	}
	out.Reset()
	if err := table.JSON(&out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || lines[0] != `{"text":"=1+1","n":3,"wh":1234,"paid":{"amount":"-3.12","currency":"EUR"},`+
		`"at":"2026-03-02T09:00:00+01:00","rate":99.5}` || !strings.HasSuffix(lines[1],
		`"n":0,"wh":null,"paid":null,"at":null,"rate":null}`) || !json.Valid([]byte(lines[1])) {
		t.Errorf("%s", out.String())
	}
}

// TestNoTextIsAFormula, whatever a driver's bank, a host or a back office wrote into the journal.
func TestNoTextIsAFormula(t *testing.T) {
	for _, text := range []string{"=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", "\rx"} {
		table := report.Table{Columns: []report.Column{{Key: "x", Form: report.Text}}, Rows: [][]any{{text}}}
		var out strings.Builder
		if err := table.CSV(&out, report.CSVStyle{}); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
		if err != nil || rows[1][0] != "'"+strings.ReplaceAll(text, "\r\n", "\n") {
			t.Errorf("%q is written as %q, %v", text, rows, err)
		}
	}
}
