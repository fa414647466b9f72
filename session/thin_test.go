package session_test

import (
	"slices"
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/session/sessiontest"
)

// TestReplayOfAThinnedJournal: whatever was thinned, up to any record, what is left replays to
// the same session.
func TestReplayOfAThinnedJournal(t *testing.T) {
	j := sessiontest.New(t)
	j.Begin(sessiontest.Price, sessiontest.EUR(5000))
	for i := range 40 {
		j.Now = j.Now.Add(10 * time.Second)
		j.Sample(1000+int64(i)*20, i < 10 || i > 25) // it pauses in between
	}
	j.Now = j.Now.Add(time.Minute)
	j.See(session.Observation{What: session.Booted})
	j.Look(1800)
	j.End(1800)
	j.Booked(j.State.Sessions["S1"].Bill.Total.Minor)
	want := j.State.Sessions["S1"]
	thinned := 0
	for cut := range j.Records {
		left := slices.DeleteFunc(slices.Clone(j.Records), func(r kiosk.Record) bool {
			return r.Seq <= int64(cut) && slices.Contains(session.Thinnable(), r.Kind)
		})
		thinned = len(j.Records) - len(left)
		state, err := session.Replay(func(yield func(kiosk.Record, error) bool) {
			for _, r := range left {
				if !yield(r, nil) {
					return
				}
			}
		})
		if err != nil {
			t.Fatalf("thinned up to record %d: %v", cut, err)
		}
		if x := state.Sessions["S1"]; x.Money != want.Money || x.Record != want.Record || x.Bill == nil ||
			x.Bill.Total != want.Bill.Total || x.Result == nil {
			t.Errorf("thinned up to record %d: %+v", cut, x)
		}
	}
	if thinned < 10 {
		t.Errorf("only %d records were thinned", thinned)
	}
}
