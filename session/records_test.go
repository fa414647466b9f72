package session_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"kioskd"
	"kioskd/session"
	"kioskd/session/sessiontest"
)

// charged is the journal of a visit with a restart in it.
func charged(t *testing.T) []kiosk.Record {
	j := sessiontest.New(t)
	j.Charged()
	j.Booked(j.State.Sessions["S1"].Bill.Total.Minor)
	return j.Records
}

// replays tells why records do not replay.
func replays(records []kiosk.Record) error {
	_, err := session.Replay(func(yield func(kiosk.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	})
	return err
}

// names judges that a refusal names one of the records by its number and kind, and the session.
func names(err error, records []kiosk.Record) bool {
	return slices.ContainsFunc(records, func(r kiosk.Record) bool {
		return strings.HasPrefix(err.Error(), fmt.Sprintf("record %d: cannot apply %s", r.Seq, r.Kind))
	}) && (strings.Contains(err.Error(), "7GK2M4Q") || strings.Contains(err.Error(), "S1"))
}

// TestARecordThatIsMissing: each record rests on those before it. Without one that money or power waited for the
// journal does not replay, and the record that does not fit is named.
func TestARecordThatIsMissing(t *testing.T) {
	all := charged(t)
	// A list of the terminal's proves a booking, too; readings on the way may be thinned; an end is an end without
	// the word of it. For the last register and the settlement see TestAnEndThatRestsOnNothing.
	spare := []session.Kind{session.CaptureOK, session.ReadingTaken, session.Closed, session.MeterEnd,
		session.CaptureDone}
	for i, gone := range all {
		if slices.Contains(spare, session.Kind(gone.Kind)) {
			continue
		}
		left := slices.Delete(slices.Clone(all), i, i+1)
		if err := replays(left); err == nil || !names(err, all[i+1:]) {
			t.Errorf("without record %d, %s: %v", gone.Seq, gone.Kind, err)
		}
	}
}

// TestARecordThatComesTwice, or after its session is closed, is refused and named.
func TestARecordThatComesTwice(t *testing.T) {
	all := charged(t)
	// The kiosk may be started twice, and what is frozen may be said again in the same words.
	spare := []session.Kind{session.Resumed, session.ReadingTaken, session.OfferAccepted, session.MeterStart,
		session.BayLease, session.CaptureOK}
	for i, r := range all {
		if !slices.Contains(spare, session.Kind(r.Kind)) {
			if err := replays(slices.Insert(slices.Clone(all), i, r)); err == nil || !names(err, all[i:i+1]) {
				t.Errorf("with %s twice: %v", r.Kind, err)
			}
		}
		late := r
		late.Seq = 99
		if err := replays(append(slices.Clone(all), late)); err == nil || !names(err, []kiosk.Record{late}) {
			t.Errorf("%s of a session that is closed: %v", r.Kind, err)
		}
	}
}

// TestTwoRecordsThatChangedPlaces: the order that is never broken is the only one that replays.
func TestTwoRecordsThatChangedPlaces(t *testing.T) {
	all := charged(t)
	spare := []session.Kind{session.MeterEnd, session.CaptureDone} // see TestAnEndThatRestsOnNothing
	for i := range len(all) - 1 {
		if all[i].Kind == all[i+1].Kind || slices.Contains(spare, session.Kind(all[i].Kind)) {
			continue
		}
		swapped := slices.Clone(all)
		swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
		if err := replays(swapped); err == nil || !names(err, all[i:]) {
			t.Errorf("%s before %s: %v", all[i+1].Kind, all[i].Kind, err)
		}
	}
}

// TestARecordOfAnotherSession: a record that names a session that was never begun is refused, whatever its kind; those
// of the site name none.
func TestARecordOfAnotherSession(t *testing.T) {
	begins := []string{string(session.BayLease), string(session.HoldFound)}
	for _, r := range charged(t) {
		if slices.Contains(begins, r.Kind) {
			continue
		}
		if err := replays([]kiosk.Record{r}); err == nil || !names(err, []kiosk.Record{r}) {
			t.Errorf("%s of a session that was never begun: %v", r.Kind, err)
		}
	}
}

// TestAnEventThatDoesNotFitChangesNothing: Step gives back the state that it was given, and no command.
func TestAnEventThatDoesNotFitChangesNothing(t *testing.T) {
	all, refused := charged(t), 0
	var events []session.Event
	for _, r := range all {
		e, err := session.FromRecord(r)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	for cut := range events {
		state := session.State{}
		for _, e := range events[:cut] {
			next, _, err := session.Step(state, e)
			if err != nil {
				t.Fatal(err)
			}
			state = next
		}
		before := fmt.Sprintf("%+v", state)
		for _, e := range events {
			next, commands, err := session.Step(state, e)
			if now := fmt.Sprintf("%+v", state); now != before {
				t.Fatalf("%s after %d records changed the state that it was given:\n%s\n%s", e.Kind, cut, before, now)
			}
			if err == nil {
				continue
			}
			refused++
			if len(commands) > 0 || fmt.Sprintf("%+v", next) != before {
				t.Errorf("%s after %d records is refused, and does %v", e.Kind, cut, commands)
			}
		}
	}
	if refused < 300 {
		t.Errorf("only %d events did not fit", refused)
	}
}

// TestAnEndThatRestsOnNothing: a bill rests on the last register, and a final receipt on money that is where it
// belongs, or is for a person. Step refuses a record that comes without them, so that a journal that lacks one does
// not replay to a session that is closed with power on the way or money owed.
func TestAnEndThatRestsOnNothing(t *testing.T) {
	all := charged(t)
	for _, gone := range []session.Kind{session.MeterEnd, session.CaptureDone} {
		left := slices.DeleteFunc(slices.Clone(all), func(r kiosk.Record) bool { return r.Kind == string(gone) })
		if len(left) != len(all)-1 {
			t.Fatalf("%d records are not %s", len(left), gone)
		}
		if err := replays(left); err == nil || !names(err, all) {
			state, _ := session.Replay(func(yield func(kiosk.Record, error) bool) {
				for _, r := range left {
					if !yield(r, nil) {
						return
					}
				}
			})
			x := state.Sessions["S1"]
			t.Errorf("without %s the journal replays: record %s, power %s, money %s: %v", gone, x.Record, x.Power,
				x.Money, err)
		}
	}
}
