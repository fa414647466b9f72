package session_test

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/session/sessiontest"
)

// TestGoldenJournals: the journals of testdata/journals, which the build that they are named after wrote, replay
// to the state that the same build read in them. Each session is replayed by itself, as is what belongs to the site.
// tortured.jsonl has a session of each shape of records from a site that was tortured; staff.jsonl what people and a
// back office do; disputed.jsonl holds that vanish, are refused, or are never proven; signed.jsonl sessions whose meter
// signs, and one whose records prove nothing.
func TestGoldenJournals(t *testing.T) {
	files, err := filepath.Glob("testdata/journals/*.jsonl")
	if err != nil || len(files) < 3 {
		t.Fatalf("golden journals: %v, %v", files, err)
	}
	kinds := map[string]bool{}
	for _, name := range files {
		want, err := os.ReadFile(strings.TrimSuffix(name, ".jsonl") + ".state")
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		for _, part := range goldenParts(t, name, kinds) {
			state, err := session.Replay(func(yield func(kiosk.Record, error) bool) {
				for _, r := range part {
					if !yield(r, nil) {
						return
					}
				}
			})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			printState(&got, state)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s replays to\n%s\nwant\n%s", name, got.Bytes(), want)
		}
	}
	for _, k := range session.Kinds() {
		if !kinds[string(k)] {
			t.Errorf("no golden journal has a record of kind %s", k)
		}
	}
}

// goldenParts reads a journal, and gives each session its records.
func goldenParts(t *testing.T, name string, kinds map[string]bool) (parts [][]kiosk.Record) {
	t.Helper()
	place := map[string]int{}
	for _, r := range sessiontest.Golden(t, name) {
		i, known := place[r.Session]
		if !known {
			i = len(parts)
			place[r.Session], parts = i, append(parts, nil)
		}
		kinds[r.Kind] = true
		parts[i] = append(parts[i], r)
	}
	return parts
}

// printState prints what a state means, in words that do not change with its types.
func printState(w io.Writer, s session.State) {
	for _, id := range slices.Sorted(maps.Keys(s.Sessions)) {
		printSession(w, s.Sessions[id])
	}
	var faults []string
	for f := range s.Faults {
		faults = append(faults, fmt.Sprintf("%s at bay %d", f.Code, f.Bay))
	}
	slices.Sort(faults)
	fmt.Fprintf(
		w, "site: faults %v, draining %v, clock wrong %v, claimed %v, results %d, uses %d, declines %d, access %d\n",
		faults, s.Draining, s.ClockWrong, cmp.Or(s.Claimed, "0"), len(s.Results), len(s.Uses), len(s.Declines),
		s.Access.Refusals)
	for _, bay := range slices.Sorted(maps.Keys(s.Known)) {
		r := s.Registers[bay]
		fmt.Fprintf(w, "bay %d: known %d of %s, register %d, sold %v, tested %q\n", bay, s.Known[bay].Import,
			s.Known[bay].Serial,
			r.Import, r.Sold, s.Tested[bay])
	}
	d := s.Day
	fmt.Fprintf(w, "day: ended %s, counted %v, captured %v, due %s, asked %s, failed %s %d times\n", when(d.Ended),
		d.Counted, d.Captured,
		when(d.Due), when(d.Asked), when(d.Failed), d.Tries)
}

func printSession(w io.Writer, x session.Session) {
	fmt.Fprintf(w, "session %s at bay %d %s: money %s, power %s, record %s, reason %q, by %q\n", x.Reference, x.Bay,
		x.EVSE, x.Money,
		x.Power, x.Record, x.Reason, x.By)
	fmt.Fprintf(w, "  tries %d, attempt %d, maybe %v, blind %v, missing %d, class %q, cancel %v, patience %d, "+
		"refusals %d, proof %q %q\n",
		x.Tries, x.Attempt, x.Maybe, x.Blind, x.Missing, x.Class, x.Cancel, x.Patience, x.Refusals, x.Proof, x.ProvedBy)
	fmt.Fprintf(w, "  leased %s, asked %s, held %s, ended %s, opened %s, owed %s, due %s, closed %s\n", when(x.LeaseAt),
		when(x.AskAt),
		when(x.HoldAt), when(x.EndAt), when(x.OpenAt), when(x.OwedAt), when(x.Due), when(x.ClosedAt))
	if x.Offer != nil {
		fmt.Fprintf(w, "  offer: hold %v, %s, %s, limit %v\n", x.Offer.Hold, x.Offer.Language, x.Offer.Timezone,
			x.Offer.Limit != nil)
	}
	if x.Hold != nil {
		fmt.Fprintf(w, "  hold %v: %v at %s, card %q\n", cmp.Or(x.Hold.ID, "0"), x.Hold.Approved, x.Hold.TerminalID,
			x.Hold.Card)
	}
	if x.Start != nil {
		fmt.Fprintf(w, "  register from %d to %d, modulus %d, energy %d in %d periods, %d gaps\n", x.Start.Import,
			x.Last.Import, x.Modulus,
			x.Energy(x.Last.Import), len(x.Periods), len(x.Gaps))
	}
	if b := x.Bill; b != nil {
		fmt.Fprintf(w, "  bill: %d, %v of %v, limit %q, lines %v, taxes %v\n", b.Energy, b.Total, b.Cost, b.Limit,
			b.Lines, b.Taxes)
	}
	if s := x.Signed; s != nil {
		fmt.Fprintf(w, "  signed: %d in %d records up to %d, error %q\n", s.Energy, len(s.Records), s.Page, s.Error)
	}
	if x.Result != nil {
		fmt.Fprintf(w, "  booking %v: %v\n", x.Result.ID, x.Result.Booked)
	}
}

func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339Nano)
}
