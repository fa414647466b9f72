package site

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/backoffice"
	"kioskd/backoffice/receiver"
	"kioskd/config"
	"kioskd/session"
	"kioskd/store"
)

// TestAMistakeIsAFault: a panic where the back office is dealt with is told of for a while, and what
// failed is begun anew.
func TestAMistakeIsAFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &keeper{log: QuietLog()}
		calls := 0
		k.contained(t.Context(), "back office", func(context.Context) {
			calls++
			if calls < 3 {
				panic("no such answer")
			}
		})
		if calls != 3 {
			t.Errorf("it was begun %d times", calls)
		}
		if err := k.broken(); err == nil || err.Error() != "back office: panic: no such answer" {
			t.Errorf("the fault says %v", err)
		}
		time.Sleep(10 * time.Minute)
		if err := k.broken(); err != nil {
			t.Errorf("later it still says %v", err)
		}
		ended, end := context.WithCancel(t.Context())
		k.contained(ended, "copy", func(context.Context) { end(); panic("again") })
		if err := k.broken(); err == nil || !strings.Contains(err.Error(), "copy") {
			t.Errorf("the fault says %v", err)
		}
	})
}

// TestACertificateThatEndsSoon is told of a month before.
func TestACertificateThatEndsSoon(t *testing.T) {
	house, err := receiver.OpenOffice(t.TempDir(), []string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := house.Enroll("K-1")
	if err != nil {
		t.Fatal(err)
	}
	files := backoffice.Files{CA: filepath.Join(dir, "ca.pem"), Certificate: filepath.Join(dir, "kiosk.pem")}
	_, at, err := files.Ends()
	if err != nil || at.Before(time.Now()) {
		t.Fatalf("%v, %v", at, err)
	}
	if err := endsSoon(files, at.Add(-31*24*time.Hour)); err != nil {
		t.Errorf("31 days before: %v", err)
	}
	if err := endsSoon(files, at.Add(-29*24*time.Hour)); err == nil ||
		!strings.Contains(err.Error(), at.Format(time.DateOnly)) {
		t.Errorf("29 days before: %v", err)
	}
}

// TestAJournalThatIsGone is noticed by what was made beside it.
func TestAJournalThatIsGone(t *testing.T) {
	c := &config.Config{Journal: filepath.Join(t.TempDir(), "journal.db")}
	open := func() *store.Store {
		s, err := store.Open(t.Context(), c.Journal, func() (time.Time, time.Duration,
			bool) {
			return time.Now(), 0, true
		})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	if lost, err := lostJournal(t.Context(), c, s); lost != nil || err != nil {
		t.Errorf("a first start: %v, %v", lost, err)
	}
	if _, err := readKey(cardKeyPath(c)); err != nil {
		t.Fatal(err)
	}
	if lost, err := lostJournal(t.Context(), c, s); lost == nil || err != nil {
		t.Errorf("an empty journal beside a key of before: %v, %v", lost, err)
	}
	if err := s.Append(t.Context(), kiosk.Entry{Kind: string(session.RegisterSeen), Body: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	if lost, err := lostJournal(t.Context(), c, s); lost != nil || err != nil {
		t.Errorf("a journal with a record: %v, %v", lost, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestAWayThatIsFound is no error in the log.
func TestAWayThatIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		u := newUplink(time.Now(), func() (*backoffice.Sync, error) {
			tries++
			if tries < 3 {
				return nil, errors.New("no certificate")
			}
			return &backoffice.Sync{}, nil
		})
		lines := NewLogLines(slog.NewTextHandler(&bytes.Buffer{}, nil))
		u.open(t.Context(), slog.New(lines))
		for _, l := range lines.Kept.newest() {
			if l.level >= slog.LevelError && strings.Contains(l.text, "nil") {
				t.Errorf("once the files are there the log says %s", fmt.Sprint(l.level, " ", l.text))
			}
		}
	})
}
