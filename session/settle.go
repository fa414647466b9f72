package session

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"kioskd"
)

// final bills a session and settles its hold.
func (r Rules) final(x Session, o Observation) ([]Event, error) {
	if x.Power != Opened {
		return nil, nil
	}
	end := x.event(MeterEnd, o.At)
	end.Reading, end.Source = o.Reading, "read"
	last := x.LastReading()
	var out []Event
	// Only what is proven is billed. Two readings that agree count more than the one
	// before, if they are not below the first: doubt goes to the driver.
	switch wrong := x.unlikely(r, o); {
	case x.Welded: // what a contactor that did not open lets through is not sold
		end.Reading, end.Source = &last, "frozen"
	case o.Err != nil:
		end.Reading, end.Source, end.Error = &last, "last_good", o.Err.Error()
	case wrong != "": // no other fault tells the host of what he is not paid for
		end.Reading, end.Source, end.Error = &last, "last_good", wrong
		told := x.event(Alert, o.At)
		told.Rule, told.Error = NotBilled, wrong
		out = append(out, told)
	}
	out = append(out, end)
	bill, err := x.bill(*end.Reading)
	if err != nil { // cannot be priced: the driver is not the one to pay for that
		end.Error = err.Error()
		x.Start = nil
		out[len(out)-1] = end
		return append(out, r.settle(x, o.At)...), nil
	}
	billed := x.event(Billed, o.At)
	billed.Bill = bill
	x.Bill = bill
	return append(append(out, billed), r.settle(x, o.At)...), nil
}

// unlikely says why the last register cannot be true; empty where it can. It must not move further
// since the last journaled one than the bay can deliver in that time, with a tenth and a hundred
// watt-hours for tolerance.
func (x Session) unlikely(r Rules, o Observation) string {
	if o.Err != nil {
		return ""
	}
	now, most := *o.Reading, r.Bays[x.Bay].MaxPower
	span := max(0, x.when(now.At).Sub(x.Last.At)) + r.Reaction
	allowed := kiosk.Energy(int64(most)*int64(span/time.Millisecond)/3_600_000*11/10 + 100)
	switch rise := now.Import - x.Last.Import; {
	case now.Import < x.Start.Import:
		return fmt.Sprintf("register fell from %v to %v", x.Start.Import, now.Import)
	case now.Serial != x.Start.Serial:
		return fmt.Sprintf("meter has serial number %s, and had %s", now.Serial, x.Start.Serial)
	case most > 0 && rise > allowed:
		return fmt.Sprintf("register rose by %v in %v, at most %v is possible at %d W", rise, span.Round(time.Millisecond), allowed, most)
	}
	return ""
}

// settle takes what was billed of a hold, or gives it back where nothing was.
func (r Rules) settle(x Session, at time.Time) []Event {
	if x.Bill == nil && x.Start != nil { // ended between the last register and the bill
		if bill, err := x.bill(x.LastReading()); err == nil {
			e := x.event(Billed, at)
			e.Bill, x.Bill = bill, bill
			return append([]Event{e}, r.settle(x, at)...)
		}
	}
	if x.Money == Disputed || x.Money == Free {
		return []Event{x.event(ReceiptFinal, at), x.event(Closed, at)}
	}
	if x.Bill == nil || x.Bill.Total.Minor <= 0 {
		return []Event{x.intent(ReleaseIntent, at, x.Hold.Approved)}
	}
	return []Event{x.intent(CaptureIntent, at, x.Bill.Total)}
}

// bookingApproved writes down what the terminal booked, before it is told that we have
// it. More than is due is turned back: the terminal reverses it.
func (r Rules) bookingApproved(x Session, o Observation) ([]Event, error) {
	k := CaptureOK
	due := kiosk.Money{Currency: r.Currency}
	switch x.Money {
	case CaptureAsked:
		due = x.due()
	case ReleaseAsked:
		k = ReleaseOK
	default:
		return nil, fmt.Errorf("cannot record a booking: money of session %s is %s", x.Reference, x.Money)
	}
	if o.Booking.Booked.Minor > due.Minor {
		return nil, fmt.Errorf("cannot record a booking of %v: %v is due", o.Booking.Booked, due)
	}
	if o.Booking.Booked != due { // not what was asked for: the terminal's list will tell what it was
		return nil, nil
	}
	e := x.event(k, o.At)
	e.Booking = o.Booking
	return []Event{e}, nil
}

// settlement is the kinds of a capture or of a release.
type settlement struct{ intent, done, unknown, waiting Kind }

var (
	capturing = settlement{CaptureIntent, CaptureDone, CaptureUnknown, CaptureWaiting}
	releasing = settlement{ReleaseIntent, ReleaseDone, ReleaseUnknown, ReleaseWaiting}
)

func (x Session) settlement() settlement {
	switch x.Money {
	case CaptureAsked, CaptureUnclear, CaptureDelayed:
		return capturing
	}
	return releasing
}

// due is what must be settled: the bill, or the whole hold.
func (x Session) due() kiosk.Money {
	if x.settlement() == capturing {
		return x.Bill.Total
	}
	return x.Hold.Approved
}

func (r Rules) bookingEnded(x Session, o Observation) []Event {
	if x.Money != CaptureAsked && x.Money != ReleaseAsked {
		return nil
	}
	k := x.settlement()
	var no *kiosk.Declined
	declined := errors.As(o.Err, &no)
	definite := errors.Is(o.Err, kiosk.ErrUnreachable) || declined && no.Class != kiosk.DeclineNotWritten
	switch {
	case o.Err == nil && k == capturing && o.Booking.Booked != x.due():
		o.Err = fmt.Errorf("%w: booked %v, want %v", kiosk.ErrOutcomeUnknown, o.Booking.Booked, x.due())
		if x.Attempt < 3 {
			return []Event{x.failed(k.unknown, o)}
		}
		return []Event{x.wait(k, o, false)}
	case o.Err == nil:
		return r.settled(x, o.At, o.Booking)
	case declined && no.Class == kiosk.DeclineNoHold && x.Blind && k == releasing:
		return r.settled(x, o.At, nil) // gone, which is all that was wanted
	case x.Attempt >= lastAttempt && over(x.OwedAt, o.At, HoldLasts): // a line that flaps uses up tries only
		return x.dispute(Refused, o)
	case declined && no.Class == kiosk.DeclineNoHold, errors.Is(o.Err, kiosk.ErrOutcomeUnknown) && x.Attempt < 3:
		e := x.failed(k.unknown, o)
		e.Definite = definite && !x.Blind && x.Attempt == 1 // it may be gone because of an earlier try
		return []Event{e}
	}
	return []Event{x.wait(k, o, definite && !x.Blind)}
}

// dispute ends what cannot be settled here: it is listed for a person, with its record.
func (x Session) dispute(kind Kind, o Observation) []Event {
	return []Event{x.failed(kind, o), x.event(ReceiptFinal, o.At), x.event(Closed, o.At)}
}

func (x Session) wait(k settlement, o Observation, definite bool) Event {
	e := x.failed(k.waiting, o)
	e.Definite = definite
	due := o.At.Add(retryAfter(x.Attempt))
	e.Due = &due
	return e
}

// settled ends a session whose money is where it belongs. A booking of another amount
// than was asked for is written down with it.
func (r Rules) settled(x Session, at time.Time, b *kiosk.Booking) []Event {
	k := x.settlement()
	done := x.event(k.done, at)
	done.Booking = b
	want := kiosk.Money{Currency: x.due().Currency}
	if k == capturing {
		want = x.due()
	}
	if b != nil && b.Booked != want {
		done.Error = fmt.Sprintf("booked %v, want %v", b.Booked, want)
	}
	return []Event{done, x.event(ReceiptFinal, at), x.event(Closed, at)}
}

// terminalSaid resolves every session whose money is uncertain, by the terminal's list
// of open holds. Nothing is asked for again before the list proves that it must be.
func (r Rules) terminalSaid(s State, o Observation) []Event {
	other := r.otherTerminal(s, o.Open.TerminalID)
	if out := r.raise(s, o.At, "PT002", other); other || len(out) > 0 {
		return out
	}
	if out := r.abandoned(s, o); len(out) > 0 {
		return out
	}
	unknown := slices.Clone(o.Open.Receipts)
	for _, x := range s.Sessions {
		if x.Hold != nil && x.Paper != PaperClosed {
			unknown = slices.DeleteFunc(unknown, func(n int) bool { return n == x.Hold.ReceiptNo })
		}
	}
	var out []Event
	for _, x := range s.ordered() {
		listed := x.Hold != nil && slices.Contains(o.Open.Receipts, x.Hold.ReceiptNo)
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
			if slices.ContainsFunc(cleared, func(e Event) bool { return e.Booking != nil && e.Booking == o.Last }) {
				o.Last = nil // one booking proves one capture
			}
			out = append(out, cleared...)
		case Held:
			if !listed && o.Open.Complete {
				out = append(out, r.vanished(x, o)...)
			}
		}
	}
	if len(unknown) > 0 {
		orphan := Session{ID: o.Session, Reference: o.Reference, Money: MoneyNone, Power: PowerNone, Paper: PaperOpen}
		out = append(out, r.found(orphan, unknown[0], o)...)
	}
	return out
}

// unknownFor is how long a visitor is kept waiting for the outcome of her hold.
const unknownFor = time.Minute

// clearHold decides about a hold with an unknown outcome.
func (r Rules) clearHold(s State, x Session, listed bool, o Observation) []Event {
	switch {
	case listed && x.Power == Off: // the visitor was sent away
		return r.found(x, x.Hold.ReceiptNo, o)
	case listed:
		return r.confirmed(s, x, o.At)
	case o.Open.Complete:
		return []Event{x.event(HoldGone, o.At), x.event(Closed, o.At)}
	case x.Hold != nil && o.At.Sub(x.AskedAt) > unknownFor: // the list will not tell: give it back by its number
		return r.found(x, x.Hold.ReceiptNo, o)
	}
	return nil
}

// vanished ends a session whose hold the terminal no longer has: energy must not flow
// without one, and what was delivered is for a person to settle.
func (r Rules) vanished(x Session, o Observation) []Event {
	out := []Event{x.event(HoldVanished, o.At)}
	switch x.Power {
	case PowerNone, Waiting, Starting:
		return append(out, x.reason(Ended, o.At, ReasonHoldGone), x.event(ReceiptFinal, o.At), x.event(Closed, o.At))
	case Closing, Charging, Pausing, Adopting:
		return append(out, x.reason(StopIntent, o.At, ReasonHoldGone))
	case Off:
		return append(out, x.event(ReceiptFinal, o.At), x.event(Closed, o.At))
	}
	return out // it is being stopped
}

// found takes a hold that the terminal has and the journal has not, and gives it back.
func (r Rules) found(x Session, receipt int, o Observation) []Event {
	amount := kiosk.Money{Currency: r.Currency}
	if x.Offer != nil {
		amount = x.Offer.Hold
	}
	e := x.event(HoldFound, o.At)
	e.Reference = o.Reference
	e.Hold = &kiosk.Hold{ReceiptNo: receipt, Approved: amount, At: o.At, TerminalID: o.Open.TerminalID}
	if x.Hold != nil && x.Hold.ReceiptNo == receipt { // it was recorded, and never confirmed
		known := *x.Hold
		e.Hold = &known
	}
	return []Event{e, x.intent(ReleaseIntent, o.At, e.Hold.Approved)}
}

// clear decides about a capture or release with an unknown outcome. A hold that is
// still listed was not settled. One that is gone was settled by us where a try may have
// reached the terminal, and for a capture only where its booking proves it.
func (r Rules) clear(s State, x Session, listed bool, o Observation) []Event {
	k := x.settlement()
	booking := x.Booking
	if booking == nil && k == capturing && x.Maybe && s.unclaimed(o.Last) && o.Last.Booked == x.due() {
		booking = o.Last
	}
	switch {
	case listed:
		return []Event{x.intent(k.intent, o.At, x.due())}
	case booking != nil, o.Open.Complete && k == releasing && x.Maybe:
		return r.settled(x, o.At, booking)
	case o.Open.Complete:
		return x.dispute(Unproven, o)
	}
	e := x.intent(k.intent, o.At, x.due()) // the terminal names one hold only; it refuses what was done
	e.Blind = x.Maybe
	return []Event{e}
}

// unclaimed tells whether no session has a booking of the terminal's yet.
func (s State) unclaimed(last *kiosk.Booking) bool {
	if last == nil || last.ReceiptNo == s.Claimed {
		return false
	}
	for _, x := range s.Sessions {
		if x.Hold != nil && x.Hold.ReceiptNo == last.ReceiptNo { // a hold is no booking
			return false
		}
		if x.Booking != nil && x.Booking.ReceiptNo == last.ReceiptNo {
			return false
		}
	}
	return true
}
