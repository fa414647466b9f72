package session

import (
	"slices"
	"time"

	"kioskd"
)

// mostResults is how many results of the terminal are remembered.
const mostResults = 300

// How long a hold that was billed is taken for the one that a terminal lists again; a terminal may
// begin its numbers anew with the next day.
const (
	billedFor = 24 * time.Hour
	giveUpFor = 30 * 24 * time.Hour // one that is for a person to settle
)

// Result is what the terminal said of a payment. Its receipt number comes again with the years, or
// with each day's end; the whole of it never does: a result that was there before is an old one.
type Result struct {
	TerminalID string
	ID         kiosk.HoldID
	TraceNo    string
	Stamp      string
	Hold       bool
	Billed     time.Time // a hold that was billed is not to be given back before
	Releases   int       // how often the terminal was told to give it back
	At         time.Time
}

func resultOf(terminal string, b kiosk.CaptureResult) Result {
	return Result{TerminalID: terminal, ID: b.ID, TraceNo: b.TraceNo, Stamp: b.Stamp}
}

func resultOfHold(h kiosk.Hold) Result {
	return Result{TerminalID: h.TerminalID, ID: h.ID, TraceNo: h.TraceNo, Stamp: h.Stamp, Hold: true}
}

// repeats tells whether the terminal sent a result before. Of a terminal that names neither a trace
// number nor a time, and of one that was only on a list, the receipt number alone says so until its day ends.
func (s State) repeats(n Result) bool {
	return slices.ContainsFunc(s.Results, func(old Result) bool {
		switch {
		case old.TerminalID != n.TerminalID || old.ID != n.ID:
			return false
		case old.TraceNo == "" && old.Stamp == "": // also of one that was only on a list
			return old.At.After(s.Day.Ended)
		}
		return old.TraceNo == n.TraceNo && old.Stamp == n.Stamp
	})
}

// result finds the last hold of a name.
func (s State) result(terminal string, id kiosk.HoldID) (Result, bool) {
	for _, old := range slices.Backward(s.Results) {
		if old.Hold && old.ID == id && (old.TerminalID == terminal || terminal == "" ||
			old.TerminalID == "") {
			return old, true
		}
	}
	return Result{}, false
}

// keep remembers the results that an event has.
func (s *State) keep(x Session, e Event) {
	add := func(n Result) {
		n.At = e.At
		s.Results = append(slices.Clone(s.Results[max(0, len(s.Results)-mostResults+1):]), n)
	}
	update := func(change func(*Result)) {
		for i, old := range slices.Backward(s.Results) {
			if x.Hold != nil && old.Hold && old.ID == x.Hold.ID && old.TerminalID == x.Hold.TerminalID {
				s.Results = slices.Clone(s.Results)
				change(&s.Results[i])
				return
			}
		}
	}
	switch e.Kind {
	case HoldOK:
		add(resultOfHold(e.Body.(HoldBody).Hold))
	case HoldFound:
		hold := e.Body.(FoundBody).Hold
		if _, known := s.result(hold.TerminalID, hold.ID); !known {
			add(resultOfHold(hold))
		}
	case ReleaseIntent:
		update(func(n *Result) { n.Releases, n.At = n.Releases+1, e.At })
	case CaptureOK, ReleaseOK, CaptureDone, ReleaseDone:
		if e.Kind == CaptureDone {
			update(func(n *Result) { n.Billed, n.At = e.At.Add(billedFor), e.At })
		}
		result := e.result()
		if result == nil {
			break
		}
		if n := resultOf(x.Hold.TerminalID, *result); !s.repeats(n) { // else it was told before it was confirmed
			add(n)
		}
	case Refused, Unproven:
		if x.Bill != nil && x.Bill.Total.Minor > 0 {
			update(func(n *Result) { n.Billed, n.At = e.At.Add(giveUpFor), e.At })
		}
	}
}
