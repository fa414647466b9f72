package store_test

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"kioskd"
	"kioskd/store"
)

var ctx = context.Background()

func clock() (time.Time, time.Duration, bool) {
	return time.Date(2026, 3, 2, 9, 0, 0, 123456789, time.UTC), 42 * time.Second, true
}

func open(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(ctx, path, clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func entry(session, kind string, ends bool) kiosk.Entry {
	return kiosk.Entry{Session: session, Reference: "R" + session, Kind: kind,
		Body: []byte(`{"at":"2026-03-02T09:00:00Z"}`), Ends: ends}
}

// filled is a closed journal with n records.
func filled(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal.db")
	s := open(t, path)
	for i := range n {
		if err := s.Append(ctx, entry(fmt.Sprint("S", i/3), "k", i%3 == 2)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func alter(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsAppendedIsReadBack(t *testing.T) {
	path := filled(t, 8)
	s := open(t, path)
	var seqs []int64
	for r, err := range s.Records(ctx, 1) {
		if err != nil {
			t.Fatal(err)
		}
		seqs = append(seqs, r.Seq)
		if want, _, _ := clock(); !r.Wall.Equal(want.Truncate(time.Microsecond)) || r.Mono != int64(42*time.Second) ||
			!r.ClockOK {
			t.Errorf("record %d has times %v, %v, %v", r.Seq, r.Wall, r.Mono, r.ClockOK)
		}
	}
	if len(seqs) != 8 || seqs[7] != 8 {
		t.Errorf("numbers are %v", seqs)
	}
	for r, err := range s.OpenSessions(ctx) {
		if err != nil || r.Session != "S2" {
			t.Errorf("open: %v, %v", r.Session, err)
		}
	}
	if id, err := s.Find(ctx, "RS1"); err != nil || id != "S1" {
		t.Errorf("reference RS1 is session %q, %v", id, err)
	}
	if _, err := s.Find(ctx, "nobody"); err == nil {
		t.Error("found a session that is not there")
	}
	head, err := s.Verify(ctx, func(int64) {})
	if err != nil || head.Records != 8 {
		t.Errorf("%+v, %v", head, err)
	}
}

func TestVerifyNamesTheFirstWrongRecord(t *testing.T) {
	for name, c := range map[string]struct {
		statement string
		seq       int64
	}{
		"a body altered":         {`update record set body = '{"at":"2026-03-02T09:00:01Z"}' where seq = 5`, 5},
		"a kind altered":         {`update record set kind = 'x' where seq >= 6`, 6},
		"a session altered":      {`update record set session = 'S9' where seq = 2`, 2},
		"a record removed":       {`pragma foreign_keys=off; delete from record where seq = 4`, 4},
		"the last ones removed":  {`pragma foreign_keys=off; delete from record where seq > 150`, 151},
		"a leaf hash altered":    {`update hash set hash = zeroblob(32) where idx = 0`, 1},
		"an inner hash altered":  {`update hash set hash = zeroblob(32) where idx = 2`, 2},
		"a body that is no JSON": {`update record set body = 'x' where seq = 3`, 3},
	} {
		t.Run(name, func(t *testing.T) {
			path := filled(t, 200)
			alter(t, path, c.statement)
			s, err := store.OpenReader(ctx, path)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			_, err = s.Verify(ctx, func(int64) {})
			var wrong *store.WrongRecord
			if !errors.As(err, &wrong) || wrong.Seq != c.seq {
				t.Errorf("error %v, want record %d", err, c.seq)
			}
		})
	}
}

// The daemon appends while another process verifies: what came meanwhile is no fault.
func TestVerifyWhileTheJournalGrows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	s := open(t, path)
	if err := s.Append(ctx, slices.Repeat([]kiosk.Entry{entry("S", "k", false)}, 10000)...); err != nil {
		t.Fatal(err)
	}
	r, err := store.OpenReader(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var more int
	head, err := r.Verify(ctx, func(int64) {
		more++
		if err := s.Append(ctx, entry("S", "k", false)); err != nil {
			t.Error(err)
		}
	})
	if err != nil || head.Records != 10000 || more != 1 {
		t.Errorf("%+v, %d more, %v", head, more, err)
	}
	head, err = r.Verify(ctx, func(int64) {})
	if err != nil || head.Records != 10001 {
		t.Errorf("afterwards: %+v, %v", head, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(path string)
		want  error
		what  string
	}{
		"a newer journal": {func(p string) {
			alter(t, p, "pragma user_version = 99; update meta set value = '99' where key = 'oldest'")
		}, store.ErrNewer, "install the newer kioskd"},
		"another program's": {func(p string) { alter(t, p, "pragma application_id = 1") }, store.ErrForeign,
			"name another file"},
		"a text file": {func(p string) { os.WriteFile(p, []byte(strings.Repeat("hello ", 1000)), 0o600) },
			store.ErrDamaged, "restore the last good copy"},
		"a torn page": {func(p string) { tear(t, p) }, store.ErrDamaged, "restore the last good copy"},
		"an altered last record": {func(p string) { alter(t, p, "update record set kind='x' where seq=200") },
			store.ErrDamaged, "record 200"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filled(t, 200)
			c.spoil(path)
			s, err := store.Open(ctx, path, clock)
			if err == nil {
				s.Close()
			}
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.what) {
				t.Errorf("error %v, want %v and %q", err, c.want, c.what)
			}
		})
	}
}

// tear overwrites the file but for its first page.
func tear(t *testing.T, path string) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, _ := f.Stat()
	if _, err := f.WriteAt(make([]byte, info.Size()-4096), 4096); err != nil {
		t.Fatal(err)
	}
}

func TestOneWriterOnly(t *testing.T) {
	path := filled(t, 1)
	open(t, path)
	if _, err := store.Open(ctx, path, clock); !errors.Is(err, store.ErrInUse) {
		t.Errorf("a second writer got %v", err)
	}
	if r, err := store.OpenReader(ctx, path); err != nil {
		t.Errorf("a reader beside the writer got %v", err)
	} else {
		r.Close()
	}
}

func TestFullDiskLosesNothing(t *testing.T) {
	path := filled(t, 3)
	s := open(t, path)
	if err := s.LimitPages(ctx, 40); err != nil {
		t.Fatal(err)
	}
	big := kiosk.Entry{Session: "big", Kind: "k", Body: []byte(`{"x":"` + strings.Repeat("x", 20000) + `"}`)}
	written := int64(3)
	var err error
	for err == nil {
		err = s.Append(ctx, big, big)
		if err == nil {
			written += 2
		}
	}
	if !errors.Is(err, store.ErrFull) || !strings.Contains(err.Error(), "free some space") {
		t.Fatalf("a full disk gave %v", err)
	}
	if err := s.LimitPages(ctx, 4000); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(ctx, entry("after", "k", false)); err != nil {
		t.Fatalf("after space was freed: %v", err)
	}
	if head, err := s.Verify(ctx, func(int64) {}); err != nil || head.Records != written+1 {
		t.Errorf("%+v, %v, want %d records", head, err, written+1)
	}
}

// TestAWriteThatNeverBeganIsNoWrite: where the transaction cannot even begin, no caller is told that
// the journal has it.
func TestAWriteThatNeverBeganIsNoWrite(t *testing.T) {
	path := filled(t, 10)
	s := open(t, path)
	other, err := sql.Open("sqlite3", "file:"+path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	lock, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Append(ctx, entry("S9", "k", false)); err == nil {
		t.Error("another process holds the write lock, and the write is called done")
	}
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Append(ended, entry("S9", "k", false)); err == nil {
		t.Error("a write of a caller who has gone is called done")
	}
	if n, err := s.Seq(ctx); n != 10 || err != nil {
		t.Errorf("%d records (%v), want 10", n, err)
	}
	if err := s.Append(ctx, entry("S9", "k", false)); err != nil {
		t.Errorf("then it goes on: %v", err)
	}
}

func TestTransactionIsWholeOrNothing(t *testing.T) {
	s := open(t, filled(t, 1))
	bad := kiosk.Entry{Session: "b", Kind: "k", Body: []byte("not JSON")}
	if err := s.Append(ctx, entry("a", "k", false), bad); err == nil {
		t.Fatal("a body that is no JSON was taken")
	}
	if err := s.Append(ctx, entry("a", "k", false)); err != nil {
		t.Fatal(err)
	}
	if head, err := s.Verify(ctx, func(int64) {}); err != nil || head.Records != 2 {
		t.Errorf("%+v, %v", head, err)
	}
}

func BenchmarkAppend(b *testing.B) {
	s, err := store.Open(ctx, filepath.Join(b.TempDir(), "journal.db"), clock)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	e := kiosk.Entry{Session: "S", Kind: "reading",
		Body: []byte(
			`{"at":"2026-03-02T09:00:00Z","reading":{"at":"2026-03-02T09:00:00Z",
				"import_wh":123456,"power_w":22000,"serial":"1"}}`)}
	for b.Loop() {
		if err := s.Append(ctx, e); err != nil {
			b.Fatal(err)
		}
	}
}

// kept is a journal whose back office has and signed everything.
func kept(t *testing.T, s *store.Store) {
	t.Helper()
	n, err := s.Seq(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Acknowledge(ctx, kiosk.Acknowledgement{Seq: n, Checkpoint: signed(t, s, n), Signed: n}); err != nil {
		t.Fatal(err)
	}
}

// TestThinning: what is forgotten leaves its hash, a proven tree and its room on the disk.
func TestThinning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	s := open(t, path)
	later := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	size := func() int64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	var before store.Head
	sizes := []int64{}
	for round := range 4 {
		var entries []kiosk.Entry
		for i := range 4000 {
			kind := "reading"
			if i%10 == 9 {
				kind = "bill"
			}
			e := entry(fmt.Sprint("S", round, i/10), kind, i%10 == 9)
			e.Body = []byte(`{"reading":"` + strings.Repeat("x", 200) + `"}`)
			entries = append(entries, e)
		}
		if err := s.Append(ctx, entries...); err != nil {
			t.Fatal(err)
		}
		head, err := s.Verify(ctx, func(int64) {})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := s.Thin(ctx, later, []string{"reading"}); err != nil || n != 0 {
			t.Fatalf("thinned %d that no back office has, %v", n, err)
		}
		kept(t, s)
		n, err := s.Thin(ctx, later, []string{"reading"})
		if err != nil || n != 3600 {
			t.Fatalf("thinned %d, %v", n, err)
		}
		before, err = s.Verify(ctx, func(int64) {})
		if err != nil || before.Hash != head.Hash ||
			before.Records != head.Records || before.Thinned != int64(round+1)*3600 {
			t.Fatalf("%+v, %v; before it was %+v", before, err, head)
		}
		sizes = append(sizes, size())
	}
	if grown := sizes[3] - sizes[1]; grown > sizes[1]/2 {
		t.Errorf("the file grows on: %v", sizes)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	if err := s.Append(ctx, entry("after", "bill", true)); err != nil {
		t.Fatal(err)
	}
	if head, err := s.Verify(ctx, func(int64) {}); err != nil || head.Records != before.Records+1 {
		t.Errorf("%+v, %v", head, err)
	}
}

// TestWhatIsNotThinned: what is open, parked, young, not signed for, or the last record.
func TestWhatIsNotThinned(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "journal.db"))
	if err := s.Append(ctx, entry("done", "reading", false), entry("done", "reading", false),
		entry("done", "closed", true), entry("open", "reading", false), entry("later", "reading", true),
		entry("", "reading", false)); err != nil {
		t.Fatal(err)
	}
	thin := func(before time.Time) int64 {
		t.Helper()
		n, err := s.Thin(ctx, before, []string{"reading"})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	later := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := s.Acknowledge(ctx, kiosk.Acknowledgement{Seq: 6,
		Refused: []kiosk.Refusal{{Seq: 2, Why: "x"}}}); err != nil {
		t.Fatal(err)
	}
	if n := thin(later); n != 0 {
		t.Errorf("%d that no back office signed for", n)
	}
	if err := s.Acknowledge(ctx, kiosk.Acknowledgement{Seq: 6, Checkpoint: signed(t, s, 6), Signed: 6}); err != nil {
		t.Fatal(err)
	}
	if n := thin(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)); n != 0 {
		t.Errorf("%d young ones", n)
	}
	if n := thin(later); n != 1 {
		t.Errorf("thinned %d, want the first alone", n)
	}
	if err := s.Append(ctx, entry("open", "closed", true)); err != nil {
		t.Fatal(err)
	}
	kept(t, s)
	if n := thin(later); n != 3 {
		t.Errorf("thinned %d more", n)
	}
	if head, err := s.Verify(ctx, func(int64) {}); err != nil || head.Thinned != 4 {
		t.Errorf("%+v, %v", head, err)
	}
}

// TestThinningAfterADoubtfulTime: hours of records whose time no source vouched for stop nothing,
// and a refusal of what is gone is no error.
func TestThinningAfterADoubtfulTime(t *testing.T) {
	trusted := true
	s, err := store.Open(ctx, filepath.Join(t.TempDir(), "journal.db"), func() (time.Time, time.Duration, bool) {
		return time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), 0, trusted
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 4 {
		trusted = i == 0 || i == 3
		var entries []kiosk.Entry
		for range 300 {
			entries = append(entries, entry("", "reading", false))
		}
		if err := s.Append(ctx, entries...); err != nil {
			t.Fatal(err)
		}
	}
	kept(t, s)
	if n, err := s.Thin(ctx, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), []string{"reading"}); err != nil ||
		n != 1199 {
		t.Errorf("thinned %d, %v", n, err)
	}
	if err := s.Acknowledge(ctx, kiosk.Acknowledgement{Seq: 1200,
		Refused: []kiosk.Refusal{{Seq: 5, Why: "x"}, {Seq: 1200, Why: "y"}}}); err != nil {
		t.Error(err)
	}
	if parked, err := s.Parked(ctx); err != nil || len(parked) != 1 || parked[0].Seq != 1200 {
		t.Errorf("%v, %v", parked, err)
	}
}

// TestTokensAreForgotten: cards of long ago, and of a time that is not to come yet; not those
// of the drivers who charge.
func TestTokensAreForgotten(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	at := now
	s, err := store.Open(ctx, filepath.Join(t.TempDir(), "journal.db"),
		func() (time.Time, time.Duration, bool) { return at, 0, true })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i, when := range []time.Time{now.AddDate(10, 0, 0), now.AddDate(0, -3, 0), now.AddDate(0, 0, -40),
		now.AddDate(0, 0, -20)} {
		at = when
		e := entry(fmt.Sprint("S", i), "hold_ok", i != 2)
		e.Token = fmt.Sprint("card", i)
		if err := s.Append(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.ForgetTokens(ctx, now.AddDate(0, 0, -30), now); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{0, 0, 1, 1} {
		n := 0
		for r, err := range s.ByToken(ctx, "hold_ok", fmt.Sprint("card", i)) {
			if err != nil || r.Token == "" {
				t.Fatal(err)
			}
			n++
		}
		if n != want {
			t.Errorf("card %d is found %d times", i, n)
		}
	}
	for r, err := range s.Records(ctx, 1) {
		if err != nil || strings.Contains(string(r.Body), "card") {
			t.Errorf("%s, %v", r.Body, err)
		}
	}
}

// TestACardIsFoundAcrossKeys: a record of before a key was replaced is found by the card's tokens of now.
func TestACardIsFoundAcrossKeys(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "journal.db"))
	old, now, next := []byte("old"), []byte("now"), []byte("next")
	token := func(item string, keys ...[]byte) string { return kiosk.CardToken(keys, []byte(item)) }
	for i, text := range []string{token("A", old), token("B", old), token("A", now, old), ""} {
		e := entry(fmt.Sprint("S", i), "hold_ok", true)
		e.Token = text
		if err := s.Append(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]int{token("A", now, old): 2, token("A", next, now): 1, token("A", old): 2,
		token("B", now, old): 1,
		token("C", now, old): 0, token("A", next): 0, "": 0} {
		n := 0
		for _, err := range s.ByToken(ctx, "hold_ok", text) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != want {
			t.Errorf("%q finds %d records, want %d", text, n, want)
		}
	}
}

// signed is a head of the tree as a back office signs it; who did, the journal does not look at.
func signed(t *testing.T, s *store.Store, n int64) string {
	t.Helper()
	h, err := s.TreeHash(ctx, n)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("kioskd/K-1/e\n%d\n%s\n\n— office AAAA\n", n, base64.StdEncoding.EncodeToString(h[:]))
}

// TestACutEndIsNoticed: the last records are gone, with or without their hashes, or the whole was
// written anew.
func TestACutEndIsNoticed(t *testing.T) {
	for name, c := range map[string]struct {
		cut   string
		opens bool
	}{
		"records alone": {"delete from record where seq > 90", false},
		"hashes alone":  {"delete from hash where idx > 190", false},
		"records with their hashes": {fmt.Sprintf("delete from record where seq > 90; delete from hash where idx >= %d",
			tlog.StoredHashCount(90)), true},
	} {
		t.Run(name, func(t *testing.T) {
			path := filled(t, 100)
			s := open(t, path)
			if err := s.Acknowledge(ctx, kiosk.Acknowledgement{Seq: 95, Checkpoint: signed(t, s, 95),
				Signed: 95}); err != nil {
				t.Fatal(err)
			}
			if head, err := s.Verify(ctx, func(int64) {}); err != nil || head.Signed != 95 {
				t.Errorf("before: %+v, %v", head, err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			alter(t, path, c.cut)
			s, err := store.Open(ctx, path, clock)
			if (err == nil) != c.opens || err != nil && !errors.Is(err, store.ErrDamaged) {
				t.Fatalf("opened: %v", err)
			}
			if err != nil {
				return
			}
			defer s.Close()
			var wrong *store.WrongRecord
			if head, err := s.Verify(ctx, func(int64) {}); !errors.As(err, &wrong) ||
				!strings.Contains(err.Error(), "the back office signed 95") {
				t.Errorf("it verifies: %+v, %v", head, err)
			}
		})
	}
}
