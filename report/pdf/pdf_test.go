package pdf_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"kioskd"
	"kioskd/report"
	"kioskd/report/pdf"
	"kioskd/ui/text"
)

// table is a report of many days with every form of value.
func table(days int) report.Table {
	t := report.Table{Name: "revenue", By: report.ByDay, Window: report.Window{From: "2026-03-01", To: "2026-04-30"},
		Columns: []report.Column{{Key: "day", Form: report.Text}, {Key: "sessions", Form: report.Count},
			{Key: "energy_wh", Form: report.Energy}, {Key: "captured", Form: report.Amount},
			{Key: "vat_19", Form: report.Amount}, {Key: "chosen_at", Form: report.Moment},
			{Key: "lasted_s", Form: report.Seconds}, {Key: "value", Form: report.Number},
			{Key: "state", Form: report.Text}},
		Sums: [][]any{{"", 70, kiosk.Energy(123456), kiosk.Money{Minor: 123456, Currency: "EUR"},
			kiosk.Money{Minor: 19711, Currency: "EUR"}, nil, nil, report.Digits(""), nil}},
		Notes: []report.Note{{Key: "unsettled", N: 2, Amounts: []kiosk.Money{{Minor: 311, Currency: "EUR"}}}}}
	for i := range days {
		day := time.Date(2026, 3, 1+i, 9, 30, 0, 0, time.UTC)
		t.Rows = append(t.Rows, []any{day.Format(time.DateOnly), i, kiosk.Energy(1000 + i),
			kiosk.Money{Minor: int64(1000 + i), Currency: "EUR"}, kiosk.Money{Minor: int64(190 + i), Currency: "EUR"},
			day, int64(60 * i), report.Digits("99.5"), "sold"})
	}
	return t
}

func write(t *testing.T, r report.Table, p *text.Printer) []byte {
	t.Helper()
	var b bytes.Buffer
	of := pdf.Of{Seller: map[string]string{"name": "Ladepark Süd", "address": "1 Example Street, 10115 Berlin"},
		Made: time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC), Head: "1234 ABCDEFGHJK"}
	if err := pdf.Write(&b, r, p, of, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// bare leaves out what a reader may set otherwise: blanks, colons and brackets, which change sides, forms of letters,
// and marks for the order of writing.
func bare(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune("():", r) {
			return -1
		}
		return r
	}, norm.NFKC.String(s))
}

// TestAReaderFindsEveryCell, in each language, on pages that say which they are and repeat the head.
func TestAReaderFindsEveryCell(t *testing.T) {
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Skip("no pdftotext here: apt-get install poppler-utils")
	}
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	r := table(61)
	for _, lang := range texts.Languages() {
		p := texts.Printer(lang)
		file := filepath.Join(t.TempDir(), "report.pdf")
		if err := os.WriteFile(file, write(t, r, p), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("pdftotext", "-layout", file, "-").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		read, l := bare(string(out)), r.In(p, true)
		words := append([]string{l.Title, "Ladepark", "ABCDEFGHJK"}, l.Heads...)
		for _, row := range append(l.Rows, l.Sums...) {
			words = append(words, row...)
		}
		for _, cell := range append(words, l.Notes...) {
			for _, word := range strings.Fields(cell) {
				if !strings.Contains(read, bare(word)) {
					t.Errorf("%s: %q is not read in\n%s", lang, cell, out)
					break
				}
			}
		}
		pages := strings.Count(string(out), "\f")
		if pages < 2 || !strings.Contains(read, fmt.Sprintf("%d/%d", pages, pages)) {
			t.Errorf("%s: %d pages, and the last does not say so", lang, pages)
		}
		if n := strings.Count(read, bare(l.Heads[0])); n < pages {
			t.Errorf("%s: the head is on %d of %d pages", lang, n, pages)
		}
	}
}

// TestTheSameReportGivesTheSameBytes.
func TestTheSameReportGivesTheSameBytes(t *testing.T) {
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	if r := table(3); !bytes.Equal(write(t, r, texts.Printer("de")), write(t, r, texts.Printer("de"))) {
		t.Error("the same report gives other bytes")
	}
}

// TestNothingHappened: a report without rows says so.
func TestNothingHappened(t *testing.T) {
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Skip("no pdftotext here: apt-get install poppler-utils")
	}
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	r := table(0)
	r.Sums = nil
	cmd := exec.Command("pdftotext", "-layout", "-", "-")
	cmd.Stdin = bytes.NewReader(write(t, r, texts.Printer("en")))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Nothing in this time") {
		t.Errorf("%v: %s", err, out)
	}
}
