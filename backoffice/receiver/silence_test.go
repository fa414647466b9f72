package receiver

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"kioskd"
	"kioskd/hook"
)

// TestSilence: what nobody could hear is not silence, a kiosk is silent once however often it is looked at, also by a
// process that begins anew, and heard again once.
func TestSilence(t *testing.T) {
	path := filepath.Join(t.TempDir(), "office.db")
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	begin := func() *Receiver {
		r, err := Open(t.Context(), path, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		r.now = func() time.Time { return at }
		return r
	}
	r := begin()
	start := at
	heard := func(id string) {
		if _, err := r.db.ExecContext(t.Context(),
			"insert into journal values (?, 'e', 'k', 0, x'', '', '', ?) on conflict "+
				"do update set seen = excluded.seen", id, at.Format(time.RFC3339)); err != nil {
			t.Fatal(err)
		}
	}
	listens := func(want ...string) {
		t.Helper()
		if err := r.Listen(t.Context(), time.Hour, start); err != nil {
			t.Fatal(err)
		}
		if got, err := r.Silences(t.Context()); err != nil || !slices.Equal(got, want) {
			t.Errorf("at %v silent are %v, %v; want %v", at, got, err, want)
		}
	}
	after := func(d time.Duration) { at = at.Add(d) }
	heard("K-1")
	heard("K-2")
	listens()
	after(59 * time.Minute)
	heard("K-2")
	listens()
	after(2 * time.Minute)
	listens("K-1")
	listens("K-1")
	after(20 * time.Hour) // the back office was away, and its kiosks could not be heard
	r, start = begin(), at
	listens("K-1")
	after(59 * time.Minute)
	listens("K-1")
	heard("K-1")
	listens()
	after(2 * time.Minute)
	listens("K-2")
	var told []string
	for record, err := range (Told{r}).OfKinds(t.Context(), 0, hook.KioskSilent, hook.KioskHeard) {
		if err != nil {
			t.Fatal(err)
		}
		told = append(told, record.Kind+string(record.Body))
	}
	want := []string{`kiosk_silent{"kiosk_id":"K-1","since":"2026-03-02T12:00:00Z"}`,
		`kiosk_heard{"kiosk_id":"K-1","since":"2026-03-02T12:00:00Z"}`,
		`kiosk_silent{"kiosk_id":"K-2","since":"2026-03-02T12:59:00Z"}`}
	if !slices.Equal(told, want) {
		t.Errorf("%q", told)
	}
	if id, err := (Told{r}).Epoch(t.Context()); err != nil || id == "" {
		t.Errorf("%q, %v", id, err)
	}
}

// TestVisitsAreKept, the newest first.
func TestVisitsAreKept(t *testing.T) {
	r, err := Open(context.Background(), filepath.Join(t.TempDir(), "office.db"), nil,
		func(kiosk.Leaf) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, by := range []string{"anna", "otto"} {
		if err := r.Note(t.Context(), "login", map[string]string{"by": by, "what": "page"}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := r.Visits(t.Context(), 10)
	if err != nil || len(got) != 2 || got[0].Note.By != "otto" || got[1].Note.By != "anna" || got[0].Kind != "login" {
		t.Errorf("%+v, %v", got, err)
	}
}
