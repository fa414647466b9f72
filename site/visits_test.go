package site

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/report"
	"kioskd/session"
	"kioskd/store"
)

// TestVisitorsAreCountedByDay: what was counted is beside the journal within a minute, a day that is over becomes one
// record, and the report has each visit once, before and after, also where the process ended between the two.
func TestVisitorsAreCountedByDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := func() (time.Time, time.Duration, bool) { return time.Now(), 0, true }
		journal, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "journal.db"), now)
		if err != nil {
			t.Fatal(err)
		}
		defer journal.Close()
		ctx, stop := context.WithCancel(t.Context())
		control := session.New(session.Config{Rules: session.DefaultRules(), Journal: journal, Log: slog.New(
			slog.DiscardHandler), Clock: session.NewClock(time.Now, func() bool { return true }),
			NewID: newID, Past: func(func(kiosk.Record, error) bool) {}})
		ended := make(chan error, 1)
		go func() { ended <- control.Run(ctx, func() {}) }()
		v := &visitors{journal: journal, control: control, now: func() time.Time { return time.Now().UTC() },
			log: slog.New(slog.DiscardHandler)}
		done := make(chan struct{})
		go func() { v.run(ctx); close(done) }()

		visits := func() int64 {
			t.Helper()
			book, err := report.Open(t.Context(), "", journal)
			if err != nil {
				t.Fatal(err)
			}
			defer book.Close()
			if err := book.KeepUp(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			sum, err := book.Visits(t.Context(), report.Window{})
			if err != nil {
				t.Fatal(err)
			}
			return sum["visit"]
		}
		digests := func() (n int) {
			for _, err := range journal.Newest(t.Context(), string(session.VisitDigest)) {
				if err != nil {
					t.Fatal(err)
				}
				n++
			}
			return n
		}
		for range 3 {
			v.count("visit")
		}
		time.Sleep(2 * countEvery)
		v.count("visit")
		time.Sleep(2 * countEvery)
		if n, d := visits(), digests(); n != 4 || d != 0 {
			t.Errorf("%d visits today, %d records", n, d)
		}
		time.Sleep(24 * time.Hour)
		v.count("visit")
		time.Sleep(2 * countEvery)
		if n, d := visits(), digests(); n != 5 || d != 1 {
			t.Errorf("%d visits on both days, %d records", n, d)
		}
		// as after a kill between the record and what is deleted: the day is written once more
		day := time.Now().UTC().Add(-24 * time.Hour).Format(time.DateOnly)
		if err := journal.AddCounts(t.Context(), store.Count{Day: day, Hour: 0, What: "visit", N: 4}); err != nil {
			t.Fatal(err)
		}
		if n := visits(); n != 5 {
			t.Errorf("%d visits where a day is in the journal and beside it", n)
		}
		time.Sleep(2 * countEvery)
		if n, d := visits(), digests(); n != 5 || d != 2 {
			t.Errorf("%d visits, %d records after the day was written twice", n, d)
		}
		v.count("visit")
		stop()
		<-done
		<-ended
		if n := visits(); n != 6 {
			t.Errorf("%d visits after the end: the last minute is lost", n)
		}
	})
}
