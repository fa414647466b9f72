package report_test

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"testing"
	"time"

	"kioskd"
	"kioskd/report"
	"kioskd/store"
)

// decade is a journal of ten years at eight bays with twenty sessions a day, whose records are made when they are read:
// 73,000 sessions of 19 records.
type decade struct{ sessions int }

const (
	days = 3650
	aDay = 20
	each = 19
)

func (d decade) sale(i int) sale {
	at := time.Date(2016, 1, 1, 8, 0, 0, 0, time.UTC).AddDate(0, 0, i/aDay)
	at = at.Add(time.Duration(i%aDay) * 30 * time.Minute)
	return sale{fmt.Sprintf("R%06d", i), 1 + i%8, at, at.Add(25 * time.Minute), at.Add(25*time.Minute + 2*time.Second),
		int64(i) * 1000, int64(i)*1000 + 9000 + int64(i%100), 351, 295, 56, "EUR", "Europe/Berlin"}
}

func (d decade) Epoch(context.Context) (string, error) { return "decade", nil }

func (d decade) Seq(context.Context) (int64, error) { return int64(d.sessions * each), nil }

func (d decade) Changed(_ context.Context, after, to int64) (ids []string, err error) {
	for i := after / each; i*each < to; i++ {
		ids = append(ids, fmt.Sprintf("%08d", i))
	}
	return ids, nil
}

func (d decade) Session(_ context.Context, id string) iter.Seq2[kiosk.Record, error] {
	return func(yield func(kiosk.Record, error) bool) {
		var i int
		if _, err := fmt.Sscanf(id, "%08d", &i); err != nil {
			panic(err)
		}
		r := d.sale(i).records(id)
		for n := 0; n < len(r); n += 2 {
			record := kiosk.Record{Seq: int64(i*each + n/2 + 1), Session: id, Kind: r[n], Body: []byte(r[n+1])}
			if !yield(record, nil) {
				return
			}
		}
	}
}

func (d decade) SiteRecords(context.Context, int64, int64) iter.Seq2[kiosk.Record, error] {
	return func(func(kiosk.Record, error) bool) {}
}

func (d decade) Counts(context.Context) ([]store.Count, error) { return nil, nil }

// ten is the book of ten years.
func ten(b *testing.B) *report.Book {
	b.Helper()
	book, err := report.Open(b.Context(), filepath.Join(b.TempDir(), "rows"), decade{days * aDay})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { book.Close() })
	began := time.Now()
	if err := book.KeepUp(b.Context(), nil); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d sessions were read in %v", days*aDay, time.Since(began).Round(time.Millisecond))
	return book
}

// BenchmarkReports: the reports of a month and of a year, of ten years of traffic. The wish is a second for a month.
func BenchmarkReports(b *testing.B) {
	book := ten(b)
	month := report.Window{From: "2021-06-01", To: "2021-06-30"}
	year := report.Window{From: "2021-01-01", To: "2021-12-31"}
	b.ResetTimer()
	for name, f := range map[string]func(report.Window) error{
		"revenue": func(w report.Window) error {
			t, err := book.Revenue(b.Context(), w, report.ByDay)
			if err == nil && len(t.Rows) < 28 {
				err = fmt.Errorf("%d rows", len(t.Rows))
			}
			return err
		},
		"sessions": func(w report.Window) error {
			_, err := book.SessionTable(b.Context(), w, report.Filter{})
			return err
		},
		"energy": func(w report.Window) error {
			_, err := book.Energy(b.Context(), w, report.ByDay)
			return err
		},
		"kpi": func(w report.Window) error {
			_, err := book.Figures(b.Context(), w, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
			return err
		},
	} {
		for span, w := range map[string]report.Window{"month": month, "year": year} {
			b.Run(name+"/"+span, func(b *testing.B) {
				for b.Loop() {
					if err := f(w); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
