package store_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/store"
)

// dump is everything that a journal is exported as, its open sessions, and its tree's head.
func dump(t *testing.T, path string) string {
	t.Helper()
	s, err := store.OpenReader(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var b bytes.Buffer
	for r, err := range s.Records(ctx, 1) {
		if err != nil {
			t.Fatal(err)
		}
		r.Token = ""
		json.NewEncoder(&b).Encode(r)
	}
	for r, err := range s.OpenSessions(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&b, "open", r.Seq)
	}
	head, err := s.Verify(ctx, func(int64) {})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(&b, head.Hash, head.Records)
	return b.String()
}

// TestCopyOn: a copy on another disk is the journal, each time, and only what is new is
// written; it recognises no card.
func TestCopyOn(t *testing.T) {
	dir := t.TempDir()
	path, to := filepath.Join(dir, "journal.db"), filepath.Join(dir, "copy.db")
	s := open(t, path)
	add := func(session, kind string, ends bool) {
		e := entry(session, kind, ends)
		e.Token = "the-card"
		if err := s.Append(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	same := func(what string) (aside string) {
		t.Helper()
		aside, err := s.CopyOn(ctx, path, to)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if got, want := dump(t, to), dump(t, path); got != want {
			t.Errorf("%s: the copy is\n%s\nwant\n%s", what, got, want)
		}
		if b, err := os.ReadFile(to); err != nil || bytes.Contains(b, []byte("the-card")) {
			t.Errorf("%s: the copy recognises a card (%v)", what, err)
		}
		return aside
	}
	same("of an empty journal")
	for i := range 50 {
		add(fmt.Sprint("S", i%7), "x", i > 40)
	}
	same("at first")
	first, err := os.Stat(to)
	if err != nil {
		t.Fatal(err)
	}
	add("S3", "x", false)
	add("S9", "x", false)
	same("with more")
	if later, err := os.Stat(to); err != nil || !os.SameFile(first, later) {
		t.Error("the whole was written again for two records")
	}
	same("with nothing new")

	add("S3", "x", true)
	add("S9", "x", true)
	kept(t, s)
	if err := s.ForgetTokens(ctx, time.Now().Add(24*time.Hour), time.Now()); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Thin(ctx, time.Now().Add(24*time.Hour), []string{"x"}); err != nil || n < 50 {
		t.Fatalf("%d were thinned, %v", n, err)
	}
	add("S9", "x", true)
	same("of a journal that was thinned")

	// What is not ours is not ours to overwrite: of another kiosk it may be all that is left.
	const text = "this is no database, nor was it ever one; but it lies where the copy should"
	if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if aside := same("over what is no copy"); aside == "" {
		t.Error("it is gone")
	} else if b, err := os.ReadFile(aside); err != nil || string(b) != text {
		t.Errorf("aside lies %q, %v", b, err)
	}
	if err := os.WriteFile(to, nil, 0o600); err != nil { // a stick that was pulled
		t.Fatal(err)
	}
	same("over nothing")
	other := filled(t, 20) // of another journal
	want := dump(t, other)
	if err := os.Rename(other, to); err != nil {
		t.Fatal(err)
	}
	if got := dump(t, same("over another journal's")); got != want {
		t.Errorf("the other journal is\n%s\nwant\n%s", got, want)
	}

	// Of another version it is ours: the new one has all that it had.
	alter(t, to, "pragma user_version = 3")
	if aside := same("over another version's"); aside != "" {
		t.Errorf("a copy of before an upgrade stays for ever: %s", aside)
	}
}

// TestBackToTheVersionBefore: a newer program that only added is no obstacle, and what it wrote
// stays; one that changed what was there is, unless it wrote nothing.
func TestBackToTheVersionBefore(t *testing.T) {
	const newer = "pragma user_version = 99; create table added (x integer);"
	const changed = newer + "update meta set value = '99' where key = 'oldest'; alter table record rename column " +
		"mono to ticks;"
	version := func(path string) string { return fmt.Sprintf("%s.v%d", path, store.Latest()) }
	for name, c := range map[string]struct {
		statement string
		copied    bool // before it
		more      bool // records before the copy that it lacks
		want      error
	}{
		"it added":                       {statement: newer},
		"it changed":                     {statement: changed, copied: true},
		"it changed, and was not copied": {statement: changed, want: store.ErrNewer},
		"it changed, and wrote after":    {statement: changed, copied: true, more: true, want: store.ErrNewer},
	} {
		t.Run(name, func(t *testing.T) {
			path := filled(t, 30)
			want := dump(t, path)
			if c.copied {
				s := open(t, path)
				if err := s.Copy(ctx, version(path)); err != nil {
					t.Fatal(err)
				}
				if c.more {
					if err := s.Append(ctx, entry("S1", "x", false)); err != nil {
						t.Fatal(err)
					}
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			alter(t, path, c.statement)
			s, err := store.Open(ctx, path, clock)
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if err != nil {
				return
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if got := dump(t, path); got != want {
				t.Errorf("there is\n%s\nwant\n%s", got, want)
			}
			if _, err := os.Stat(path + ".newer"); c.copied && err != nil {
				t.Errorf("the newer one is gone: %v", err)
			}
		})
	}
}

// TestCopyBeforeAMigration: the journal of before lies beside the new one, and an older program
// would find it there.
func TestCopyBeforeAMigration(t *testing.T) {
	path := filled(t, 30)
	want := dump(t, path)
	alter(t, path, "pragma user_version = 3; delete from meta where key = 'oldest'")
	alter(t, path, "drop table csms; drop table csms_parked; drop table counter; drop table api_token")
	if err := os.WriteFile(path+".v3.tmp", []byte("of an attempt that was killed"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	if err := s.Append(ctx, kiosk.Entry{Session: "S1", Kind: "x", Body: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	old := path + ".v3"
	alter(t, old, fmt.Sprintf("insert into meta values ('oldest', '4'); pragma user_version = %d", // for our reader
		store.Latest()))
	if got := dump(t, old); got != want {
		t.Errorf("the copy has\n%s\nwant\n%s", got, want)
	}
}

// TestOldCopiesAreForgotten: they recognise cards and fill the disk; the journal and all else stay.
func TestOldCopiesAreForgotten(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "journal.db")
	now := time.Now()
	for name, age := range map[string]time.Duration{
		"journal.db": 40, "journal.db-wal": 40, "journal.db.lock": 40, "journal.db.vault": 40, "journal.db.v3.tmp": 40,
		"journal.db.v": 40, "card.key": 40,
		"journal.db.v3": 40, "journal.db.v12": 31, "journal.db.v13": 29, "journal.db.newer": 31,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(dir, name), time.Time{}, now.Add(-age*24*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	gone, err := store.ForgetCopies(path, now.Add(-30*24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(gone, " "), "journal.db.newer journal.db.v12 journal.db.v3"; got != want {
		t.Errorf("deleted %q, want %q", got, want)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 8 {
		t.Errorf("%d files are left (%v), want 8", len(entries), err)
	}
}
