package session

import (
	"errors"
	"fmt"
	"time"

	"kioskd"
)

// final bills a session and settles its hold.
func (r Rules) final(x Session, o Observation) ([]Event, error) {
	if x.Power != Opened {
		return nil, nil
	}
	if x.Start == nil || r.isCharger(x.Bay) && x.Begun == nil { // a charger that was asked to begin, and did not
		var unused []string
		if o.Signed != nil {
			unused = o.Signed.Records
		}
		return append(left(x.Bay, unused, o.At), r.release(x, o.At, x.Reason)...), nil
	}
	last := x.LastReading()
	if kiosk.FaultOf(o.Err) == kiosk.FaultMeterOther { // since when it counts is not known
		last = x.ProvenReading()
	}
	var out []Event
	end := LastBody{Reading: last, Source: "last_good"}
	// Only what is proven is billed. Two readings that agree count more than the one
	// before, if they are not below the first: doubt goes to the driver.
	switch wrong := x.unlikely(r, o); {
	case x.Welded: // what a contactor that did not open lets through is not sold
		end.Source = "frozen"
	case x.apart && o.Err == nil: // what was counted since may be another vehicle's
	case o.Err != nil:
		end.ErrorBody = wentWrong(o.Err)
	case wrong != "": // no other fault tells the host of what they are not paid for
		end.Error = wrong
		out = append(out, x.says(Alert, o.At, AlertBody{NotBilled, end.ErrorBody}))
	default:
		end.Reading, end.Source = *o.Reading, "read"
	}
	if unpaid := x.sign(r, o, &end); unpaid != "" {
		out = append(out, x.says(Alert, o.At, AlertBody{NotBilled, ErrorBody{unpaid}}))
	}
	x.Signed = end.Signed
	bill, err := x.bill(x.billable(end))
	if err != nil { // cannot be priced: the driver is not the one to pay for that
		end.ErrorBody, x.Start = wentWrong(err), nil
		return append(append(out, x.says(MeterEnd, o.At, end)), r.settle(x, o.At)...), nil
	}
	x.Bill = bill
	out = append(out, x.says(MeterEnd, o.At, end), x.says(Billed, o.At, BillBody{*bill}))
	return append(out, r.settle(x, o.At)...), nil
}

// unlikely says why the last register cannot be true; empty where it can. A register that is below
// the last journaled one, and not below the first, is: two readings that agree count more than
// the one before.
func (x Session) unlikely(r Rules, o Observation) string {
	if o.Err != nil {
		return ""
	}
	from, register := *x.Last, r.Bays[x.Bay]
	if x.rise(o.Reading.Import) < 0 && x.counted(o.Reading.Import) >= 0 {
		from = *x.Start
	}
	span := max(0, x.when(o.Reading.At).Sub(from.At)) + r.reaction(x.Bay, kiosk.BayInputs{})
	if err := register.Possible(from, *o.Reading, span); err != nil {
		return err.Error()
	}
	return ""
}

// settle takes what was billed of a hold, or gives it back where nothing was.
func (r Rules) settle(x Session, at time.Time) []Event {
	if x.Bill == nil && x.Start != nil { // ended between the last register and the bill
		if bill, err := x.bill(x.LastReading()); err == nil {
			x.Bill = bill
			return append([]Event{x.says(Billed, at, BillBody{*bill})}, r.settle(x, at)...)
		}
	}
	if x.Money == Disputed || x.Money == Free {
		return []Event{x.event(ReceiptFinal, at), x.event(Closed, at)}
	}
	if x.Bill == nil || x.Bill.Total.Minor <= 0 {
		return []Event{x.intent(ReleaseIntent, at, x.Hold.Approved, false)}
	}
	return []Event{x.intent(CaptureIntent, at, x.Bill.Total, false)}
}

// bookingApproved writes down what the terminal booked, before it is told that we have
// it. More than is due is turned back: the terminal reverses it.
func (r Rules) bookingApproved(s State, x Session, o Observation) ([]Event, error) {
	k := CaptureOK
	due := kiosk.Money{Currency: r.Currency}
	switch x.Money {
	case CaptureAsked:
		due = x.due()
	case ReleaseAsked:
		k = ReleaseOK
	default:
		return nil, fmt.Errorf("cannot record a result: money of session %s is %s", x.Reference, x.Money)
	}
	if s.repeats(resultOf(x.Hold.TerminalID, *o.Result)) {
		return nil, errors.New("cannot record a result: the terminal sent this result before")
	}
	if o.Result.Booked.Minor > due.Minor {
		return nil, fmt.Errorf("cannot record a result of %v: %v is due", o.Result.Booked, due)
	}
	if o.Result.Booked != due { // not what was asked for: the terminal's list will tell what it was
		return nil, nil
	}
	return []Event{x.says(k, o.At, BookedBody{*o.Result})}, nil
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
	case o.Err == nil && k == capturing && o.Result.Booked != x.due():
		o.Err = fmt.Errorf("%w: booked %v, want %v", kiosk.ErrOutcomeUnknown, o.Result.Booked, x.due())
		if x.Attempt < quickTries {
			return []Event{x.unclear(k, o)}
		}
		return []Event{x.wait(k, o, false)}
	case o.Err == nil:
		return r.settled(x, o.At, o.Result)
	case declined && no.Class == kiosk.DeclineNoHold && x.Blind && k == releasing:
		return r.settled(x, o.At, nil) // gone, which is all that was wanted
	case x.Attempt >= lastAttempt && over(x.OwedAt, o.At, HoldLasts): // a line that flaps uses up tries only
		return x.dispute(Refused, o)
	case declined && no.Class == kiosk.DeclineNoHold: // which its list may contradict
		due, first := o.At.Add(retryAfter(x.Attempt)), x.Attempt == 1 // else an earlier try may have done it
		b := UnknownBody{AnswerBody: answer(o.Err), Due: &due, Definite: definite && !x.Blind && first}
		return []Event{x.says(k.unknown, o.At, b)}
	case errors.Is(o.Err, kiosk.ErrOutcomeUnknown) && x.Attempt < quickTries:
		return []Event{x.unclear(k, o)}
	}
	return []Event{x.wait(k, o, definite && !x.Blind)}
}

// dispute ends what cannot be settled here: it is listed for a person, with its record.
func (x Session) dispute(kind Kind, o Observation) []Event {
	return []Event{x.says(kind, o.At, answer(o.Err)), x.event(ReceiptFinal, o.At), x.event(Closed, o.At)}
}

// quickTries is how many tries with an unknown outcome the ladder begins with: as soon as the
// terminal's list proves that one was not carried out, the next may follow.
const quickTries = 3

// unclear asks the terminal's list; what it says may be acted on at once.
func (x Session) unclear(k settlement, o Observation) Event {
	return x.says(k.unknown, o.At, UnknownBody{AnswerBody: answer(o.Err), Due: &o.At})
}

func (x Session) wait(k settlement, o Observation, definite bool) Event {
	return x.says(k.waiting, o.At, WaitingBody{answer(o.Err), o.At.Add(retryAfter(x.Attempt)), definite})
}

// settled ends a session whose money is where it belongs. A result of another amount
// than was asked for is written down with it.
func (r Rules) settled(x Session, at time.Time, b *kiosk.CaptureResult) []Event {
	k := x.settlement()
	done := SettledBody{Result: b}
	want := kiosk.Money{Currency: x.due().Currency}
	if k == capturing {
		want = x.due()
	}
	if b != nil && b.Booked != want {
		done.Error = fmt.Sprintf("booked %v, want %v", b.Booked, want)
	}
	return []Event{x.says(k.done, at, done), x.event(ReceiptFinal, at), x.event(Closed, at)}
}
