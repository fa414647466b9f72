package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/store"
)

// TestTheKeyOfTheCardsIsForgotten after a month, and kept until then.
func TestTheKeyOfTheCardsIsForgotten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card.key")
	first, err := cardKey(path)
	if err != nil || len(first) != 32 {
		t.Fatalf("%d bytes, %v", len(first), err)
	}
	if again, err := cardKey(path); err != nil || !bytes.Equal(again, first) {
		t.Errorf("a restart forgets the cards: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the key: %v, %v", info.Mode(), err)
	}
	old := time.Now().Add(-31 * 24 * time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	if later, err := cardKey(path); err != nil || bytes.Equal(later, first) || len(later) != 32 {
		t.Errorf("a month later it is still the same: %v", err)
	}
}

// TestTheDaySoFar counts what was captured since the terminal's day ended last.
func TestTheDaySoFar(t *testing.T) {
	ctx := context.Background()
	at := time.Date(2026, 3, 2, 3, 30, 0, 0, time.UTC)
	j, err := store.Open(ctx, filepath.Join(t.TempDir(), "journal.db"), func() (time.Time, time.Duration, bool) { return at.Add(time.Hour), 0, true })
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	write := func(kind session.Kind, e session.Event) {
		body, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Append(ctx, kiosk.Entry{Kind: string(kind), Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	day, last, err := past(ctx, j, "EUR")
	if err != nil || !day.Ended.IsZero() || day.Captured.Minor != 0 || !last.IsZero() {
		t.Errorf("of an empty journal: %+v, %v, %v", day, last, err)
	}
	booked := func(minor int64) session.Event {
		return session.Event{At: at, Booking: &kiosk.Booking{Booked: kiosk.Money{Minor: minor, Currency: "EUR"}}}
	}
	write(session.CaptureDone, booked(100))
	write(session.DayEnded, session.Event{At: at, Amount: &kiosk.Money{Minor: 100, Currency: "EUR"}})
	write(session.CaptureDone, booked(20))
	write(session.ReleaseDone, booked(0))
	write(session.CaptureDone, booked(3))
	day, last, err = past(ctx, j, "EUR")
	if err != nil || !day.Ended.Equal(at) || day.Captured.Minor != 23 || !last.Equal(at.Add(time.Hour)) {
		t.Errorf("%+v, %v, %v", day, last, err)
	}
}
