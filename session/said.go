package session

import (
	"slices"
	"time"

	"kioskd"
)

// What the terminal's list of open holds says is judged here. One list is no proof that a hold is
// gone: it may be short, or of a terminal that has just started. What is on it was not settled;
// what is missing from it is gone only after several lists, of a terminal that says it is well.

// When a hold that is missing is gone. Where nothing rests on it but what a person is told, because
// one that turns up is given back, two lists are enough.
const (
	missingEvery = 30 * time.Second // lists that are counted
	missingLists = 5
	missingFor   = 2 * time.Minute
	missingTwice = 2 * time.Second
)

// terminalSaid resolves every session whose money is uncertain, by the terminal's list
// of open holds. Nothing is asked for again before the list proves that it must be.
func (r Rules) terminalSaid(s State, o Observation) []Event {
	other := r.otherTerminal(s, o.Open.TerminalID)
	if out := r.raise(s, o.At, kiosk.FaultTerminalOther, other); other || len(out) > 0 {
		return out
	}
	if out := r.abandoned(s, o); len(out) > 0 {
		return out
	}
	unknown := s.unknown(o)
	var out []Event
	for _, x := range s.ordered() {
		listed := x.Hold != nil && slices.Contains(o.Open.IDs, x.Hold.ID)
		if listed && x.Missing > 0 && x.Record != RecordClosed && x.counts() {
			x.Missing = 0
			out = append(out, x.event(HoldListed, o.At))
		}
		switch x.Money {
		case HoldUncertain:
			if x.Hold == nil && len(unknown) > 0 {
				out = append(out, r.found(x, unknown[0], o)...)
				unknown = unknown[1:]
				continue
			}
			out = append(out, r.clearHold(s, x, listed, o)...)
		case CaptureUnclear, ReleaseUnclear:
			cleared := r.clear(s, x, listed, o)
			if slices.ContainsFunc(cleared, func(e Event) bool {
				b, done := e.Body.(SettledBody)
				return done && b.Result == o.Last
			}) {
				o.Last = nil // one result proves one capture
			}
			out = append(out, cleared...)
		case Held:
			if !listed && o.Open.Complete && x.Power != Stopping && x.Power != Opened {
				out = append(out, r.missing(x, o)...)
			}
		}
	}
	// whose it is the lost journal knows: a person decides
	if len(unknown) > 0 && !s.Faults[FaultAt{Code: kiosk.FaultJournalNew}] {
		orphan := Session{ID: o.Session, Reference: o.Reference, Money: MoneyNone, Power: PowerNone, Record: RecordOpen}
		out = append(out, r.found(orphan, unknown[0], o)...)
	}
	return out
}

// unknown lists the holds of a terminal that no session has and that may be given back: not one that
// was billed, which a terminal may list for a while, and not one that it was just told to give back.
func (s State) unknown(o Observation) (out []kiosk.HoldID) {
	for _, n := range o.Open.IDs {
		mine := false
		for _, x := range s.Sessions {
			mine = mine || x.Hold != nil && x.Record != RecordClosed && x.Hold.ID == n
		}
		if known, ok := s.result(o.Open.TerminalID, n); ok {
			billed := known.At.After(s.Day.Ended) && o.At.Before(known.Billed)
			mine = mine || billed || o.By == "" && known.Releases > 0 &&
				!over(known.At, o.At, retryAfter(known.Releases))
		}
		if !mine && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// counts tells whether it matters for a session that its hold is missing.
func (x Session) counts() bool {
	return x.Money == Held || x.Money == HoldUncertain || x.Money == CaptureUnclear || x.Money == ReleaseUnclear
}

// miss counts a list on which a hold is missing.
func (x Session) miss(o Observation) []Event {
	if x.Missing > 0 && !over(x.MissedAt, o.At, missingEvery) {
		return nil
	}
	return []Event{x.event(HoldMissing, o.At)}
}

// gone tells whether a hold that is missing now has been missing for long enough, where the
// terminal said before this list that it is ready.
func (x Session) gone(o Observation) bool {
	return o.Ready && x.Missing >= missingLists-1 && over(x.MissingAt, o.At, missingFor)
}

// twice tells whether a hold that is missing now was missing before.
func (x Session) twice(o Observation) bool {
	return x.Missing > 0 && over(x.MissingAt, o.At, missingTwice)
}

// missing judges that a running session's hold is not on a list.
func (r Rules) missing(x Session, o Observation) []Event {
	if x.gone(o) {
		return r.vanished(x, o)
	}
	return x.miss(o)
}

// unknownFor is how long a visitor is kept waiting for the outcome of their hold.
const unknownFor = time.Minute

// clearHold decides about a hold with an unknown outcome.
func (r Rules) clearHold(s State, x Session, listed bool, o Observation) []Event {
	switch {
	case listed && x.Power == Off: // the visitor was sent away
		return r.found(x, x.Hold.ID, o)
	case listed:
		return r.confirmed(s, x, o.At)
	case o.Open.Complete && x.twice(o):
		return []Event{x.event(HoldGone, o.At), x.event(Closed, o.At)}
	case o.Open.Complete:
		return x.miss(o)
	case x.Hold != nil && o.At.Sub(x.AskedAt) > unknownFor: // the list will not tell: give it back by its number
		return r.found(x, x.Hold.ID, o)
	}
	return nil
}

// vanished ends a session whose hold the terminal no longer has: energy must not flow
// without one. What was delivered is billed, and the terminal is asked for it.
func (r Rules) vanished(x Session, o Observation) []Event {
	switch x.Power {
	case PowerNone, Waiting, Starting:
		return []Event{x.event(HoldVanished, o.At), x.ends(o.At, ReasonHoldGone), x.event(ReceiptFinal, o.At),
			x.event(Closed, o.At)}
	case Closing, Charging, Pausing, Adopting:
		return x.stop(o, ReasonHoldGone)
	case Off:
		return []Event{x.event(HoldVanished, o.At), x.event(ReceiptFinal, o.At), x.event(Closed, o.At)}
	}
	return nil // it is being stopped
}

// found takes a hold that the terminal has and the journal has not, and gives it back.
func (r Rules) found(x Session, id kiosk.HoldID, o Observation) []Event {
	amount := kiosk.Money{Currency: r.Currency}
	if x.Offer != nil {
		amount = x.Offer.Hold
	}
	hold := kiosk.Hold{ID: id, Approved: amount, At: o.At, TerminalID: o.Open.TerminalID}
	if x.Hold != nil && x.Hold.ID == id { // it was recorded, and never confirmed
		hold = *x.Hold
	}
	found := x.says(HoldFound, o.At, FoundBody{o.Reference, hold})
	return []Event{found, x.intent(ReleaseIntent, o.At, hold.Approved, false)}
}

// clear decides about a capture or release with an unknown outcome. A hold that is
// still listed was not settled, and is tried again in its time. One that is gone was settled by us
// where a try may have reached the terminal, and for a capture only where its result proves it.
func (r Rules) clear(s State, x Session, listed bool, o Observation) []Event {
	k := x.settlement()
	result := x.Result
	if result == nil && k == capturing && x.Maybe && s.unclaimed(o.Last) && o.Last.Booked == x.due() {
		result = o.Last
	}
	switch due := x.mayTry(); {
	case (listed || !o.Open.Complete) && o.At.Before(due) && due.Sub(o.At) <= longestRung:
		return []Event{x.later(k, o, due, listed)}
	case listed:
		return []Event{x.intent(k.intent, o.At, x.due(), false)}
	case !o.Open.Complete: // the terminal names one hold only; it refuses what was done
		return []Event{x.intent(k.intent, o.At, x.due(), x.Maybe)}
	case result != nil, k == releasing && x.Maybe && x.twice(o):
		return r.settled(x, o.At, result)
	case k == releasing && x.Maybe, !x.gone(o):
		return x.miss(o)
	case over(x.OwedAt, o.At, HoldLasts):
		return x.dispute(Unproven, o)
	case !x.Maybe && o.At.Before(due):
		return []Event{x.later(k, o, due, true)}
	case !x.Maybe: // the terminal did nothing yet, and may have it all the same
		return []Event{x.intent(k.intent, o.At, x.due(), false)}
	}
	return []Event{x.later(k, o, o.At.Add(x.lookEvery(o.At)), false)}
}

// lookEvery is how often the list is looked at for a hold that is gone without a proof: it may not
// be taken twice, so the list alone can tell.
func (x Session) lookEvery(at time.Time) time.Duration {
	if over(x.TriedAt, at, time.Hour) {
		return time.Hour
	}
	return 10 * time.Minute
}

// mayTry is when a settlement may be tried again.
func (x Session) mayTry() time.Time {
	switch {
	case !x.Due.IsZero():
		return x.Due
	case x.Attempt < quickTries: // the daemon ended in between
		return x.TriedAt
	}
	return x.TriedAt.Add(retryAfter(x.Attempt))
}

// later puts a settlement off.
func (x Session) later(k settlement, o Observation, due time.Time, definite bool) Event {
	return x.says(k.waiting, o.At, WaitingBody{AnswerBody{Class: x.Class}, due, definite})
}

// unclaimed tells whether no session has a result of the terminal's yet.
func (s State) unclaimed(last *kiosk.CaptureResult) bool {
	if last == nil || last.ID == s.Claimed {
		return false
	}
	for _, x := range s.Sessions {
		if x.Hold != nil && x.Hold.ID == last.ID { // a hold is no result
			return false
		}
		if x.Result != nil && x.Result.ID == last.ID {
			return false
		}
	}
	return true
}
