package site

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"kioskd/api"
	"kioskd/config"
	"kioskd/store"
	"kioskd/terminal"
)

// Two programs on one line take away each other's answers. Each of these plays who else may have
// the site when a command wants it.

func emptySite(t *testing.T) *config.Config {
	dir := t.TempDir()
	return &config.Config{Journal: filepath.Join(dir, "journal.db"), Socket: filepath.Join(dir, "ui.sock"),
		Terminal: terminal.Config{Address: "tcp://127.0.0.1:9"}}
}

func TestWithoutADaemonACommandHasTheSite(t *testing.T) {
	c := emptySite(t)
	s, end, err := Reach(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.(direct); !ok {
		t.Errorf("got %T", s)
	}
	if lock, err := store.Lock(c.Journal); !errors.Is(err, store.ErrInUse) {
		t.Errorf("a daemon that starts meanwhile gets %v, %v", lock, err)
	}
	end()
	lock, err := store.Lock(c.Journal)
	if err != nil {
		t.Fatalf("a daemon that starts later: %v", err)
	}
	lock.Close()
}

func TestACommandWaitsForADaemonThatWasKilled(t *testing.T) {
	c := emptySite(t)
	if err := os.WriteFile(c.Control(), nil, 0o600); err != nil { // no daemon is behind it
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		go func() {
			time.Sleep(2 * time.Second)
			lock, err := store.Lock(c.Journal) // first of all, as it does
			if err != nil {
				t.Error(err)
				return
			}
			defer lock.Close()
			if err := os.Remove(c.Control()); err != nil {
				t.Error(err)
			}
			l, err := net.Listen("unix", c.Control())
			if err != nil {
				t.Error(err)
				return
			}
			time.Sleep(time.Minute)
			l.Close()
		}()
		s, _, err := Reach(context.Background(), c)
		if _, ok := s.(*api.Client); !ok || err != nil || time.Since(start) < 2*time.Second {
			t.Errorf("got %T, %v after %v", s, err, time.Since(start))
		}
		time.Sleep(2 * time.Minute)
	})
}

func TestACommandDoesNotWaitForEver(t *testing.T) {
	c := emptySite(t)
	if err := os.WriteFile(c.Control(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		_, end, err := Reach(context.Background(), c)
		if err != nil {
			t.Fatalf("a daemon that does not come back: %v", err)
		}
		end()
		lock, err := store.Lock(c.Journal)
		if err != nil {
			t.Fatal(err)
		}
		defer lock.Close()
		if _, _, err := Reach(context.Background(), c); !errors.Is(err, errTaken) {
			t.Errorf("a site that another process has gave %v", err)
		}
	})
}

func TestADaemonWaitsForACommand(t *testing.T) {
	c := emptySite(t)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		lock, err := store.Lock(c.Journal)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(20 * time.Second)
			lock.Close()
		}()
		journal, err := takeSite(context.Background(), c, systemClock(c), QuietLog())
		if err != nil || time.Since(start) < 20*time.Second {
			t.Fatalf("it came up after %v: %v", time.Since(start), err)
		}
		defer journal.Close()
		if _, err := takeSite(context.Background(), c, systemClock(c), QuietLog()); !errors.Is(err, store.ErrInUse) {
			t.Errorf("a site that another process keeps gave %v", err)
		}
	})
}
