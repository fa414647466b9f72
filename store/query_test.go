package store_test

import (
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kioskd"
	"kioskd/store"
)

// numbers are the numbers of records, in the order in which they are read.
func numbers(t *testing.T, records iter.Seq2[kiosk.Record, error]) (out []int64) {
	t.Helper()
	for r, err := range records {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r.Seq)
	}
	return out
}

// TestWhatIsAskedOfAJournal: each question reads what it says, and nothing else, in its order.
func TestWhatIsAskedOfAJournal(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "journal.db"))
	for _, e := range []kiosk.Entry{
		entry("A", "lease", false),        // 1
		entry("", "day_ended", false),     // 2
		entry("A", "captured", false),     // 3
		entry("A", "closed", true),        // 4
		entry("B", "lease", false),        // 5
		entry("", "fault", false),         // 6
		entry("B", "captured", false),     // 7
		entry("", "day_ended", false),     // 8
		entry("C", "lease", false),        // 9
		entry("C", "captured", false),     // 10
		entry("C", "refused", true),       // 11
		entry("", "fault_cleared", false), // 12
	} {
		if e.Kind == "fault" {
			e.Body = []byte(`{"fault":"MT005","bay":3}`)
		}
		if err := s.Append(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		records iter.Seq2[kiosk.Record, error]
		want    []int64
	}{
		"from a number on":                  {s.Records(ctx, 11), []int64{11, 12}},
		"from behind the end":               {s.Records(ctx, 13), nil},
		"of a session":                      {s.Session(ctx, "A"), []int64{1, 3, 4}},
		"of a session that is not there":    {s.Session(ctx, "D"), nil},
		"of what is open":                   {s.OpenSessions(ctx), []int64{5, 7}},
		"of what is open or was refused":    {s.With(ctx, "refused", "x", "y"), []int64{5, 7, 9, 10, 11}},
		"since the day ended":               {s.Since(ctx, "day_ended", "captured"), []int64{8, 10}},
		"since what never was":              {s.Since(ctx, "week_ended", "captured"), []int64{3, 7, 10}},
		"the newest first":                  {s.Newest(ctx, "captured"), []int64{10, 7, 3}},
		"of a fault":                        {s.Matching(ctx, "fault", "$.fault", "MT005"), []int64{6}},
		"of a fault that never was":         {s.Matching(ctx, "fault", "$.fault", "MT004"), nil},
		"of a number that is asked as text": {s.Matching(ctx, "fault", "$.bay", "3"), nil},
	} {
		if got := numbers(t, c.records); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	read := 0
	for range s.Newest(ctx, "captured") { // a reader that has seen enough
		read++
		if read == 2 {
			break
		}
	}
	if err := s.Append(ctx, entry("", "after", false)); err != nil {
		t.Errorf("after a reader that stopped: %v", err)
	}
}

// TestAReferenceThatCameTwice means the newest session, as does a session's own id.
func TestAReferenceThatCameTwice(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "journal.db"))
	for _, id := range []string{"01A", "01C", "01B"} {
		e := entry(id, "lease", true)
		e.Reference = "7GK2M4Q"
		if err := s.Append(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	for asked, want := range map[string]string{"7GK2M4Q": "01C", "01A": "01A"} {
		if id, err := s.Find(ctx, asked); err != nil || id != want {
			t.Errorf("%s is %s, %v; want %s", asked, id, err, want)
		}
	}
	if _, err := s.Find(ctx, "7GK2M4R"); err == nil || !strings.Contains(err.Error(), `cannot find session "7GK2M4R"`) {
		t.Error(err)
	}
}

// TestReferencesOnKeysThatHaveSeveralLetters: all that fit, the newest first, and no more than are wanted.
func TestReferencesOnKeysThatHaveSeveralLetters(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "journal.db"))
	for id, reference := range map[string]string{"01A": "7GK2M4Q", "01B": "7HJAN4R", "01C": "7GK2M4T",
		"01D": "1GK2M4Q"} {
		e := entry(id, "lease", true)
		e.Reference = reference
		if err := s.Append(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	each := []string{"7PQRS", "4GH", "5JK", "2ABC", "6MN", "4GH", "7PQRS"}
	for most, want := range map[int][]string{9: {"01B", "01A"}, 1: {"01B"}} {
		if got, err := s.FindEach(ctx, each, most); err != nil || !slices.Equal(got, want) {
			t.Errorf("of %d at most: %v, %v; want %v", most, got, err, want)
		}
	}
	each[0] = "2ABC"
	if got, err := s.FindEach(ctx, each, 9); err != nil || len(got) > 0 {
		t.Errorf("of keys that no session has: %v, %v", got, err)
	}
}

// TestWhatAStartReads: whatever is open however long ago, what ended of late, the sessions that counted last, and of
// the site the last 300 records; a year of closed sessions is not read.
func TestWhatAStartReads(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "journal.db"))
	var all []kiosk.Entry
	all = append(all, entry("old-open", "lease", false), entry("old-counted", "meter_end", true),
		entry("", "fault", false))
	for i := range 400 {
		all = append(all, entry(fmt.Sprintf("S%03d", i), "lease", true), entry("", "seen", false))
	}
	if err := s.Append(ctx, all...); err != nil {
		t.Fatal(err)
	}
	sessions, sites := map[string]bool{}, 0
	last := int64(0)
	for r, err := range s.RecentSessions(ctx, "meter_end", 4, "fault", "fault_cleared") {
		if err != nil || r.Seq <= last {
			t.Fatalf("record %d after %d, %v", r.Seq, last, err)
		}
		last = r.Seq
		if r.Session == "" {
			sites++
		} else {
			sessions[r.Session] = true
		}
	}
	if !sessions["old-open"] || !sessions["old-counted"] || !sessions["S399"] || sessions["S000"] || sites != 301 {
		t.Errorf("%d sessions, %d of the site, the first %v", len(sessions), sites, sessions["S000"])
	}
}

// TestWhoseJournalItIs: a reader needs no lock and writes nothing; a second writer is refused by name.
func TestWhoseJournalItIs(t *testing.T) {
	path := filled(t, 3)
	s := open(t, path)
	r, err := store.OpenReader(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := s.Append(ctx, entry("S9", "lease", false)); err != nil {
		t.Fatal(err)
	}
	if got := numbers(t, r.Session(ctx, "S9")); !slices.Equal(got, []int64{4}) {
		t.Errorf("a reader sees %v", got)
	}
	if err := r.Append(ctx, entry("S9", "closed", true)); err == nil {
		t.Error("a reader wrote")
	}
	if n, err := r.Seq(ctx); err != nil || n != 4 {
		t.Errorf("%d records, %v", n, err)
	}
}
