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
	// Only what is proven is billed. Two readings that agree count more than the one
	// before, if they are not below the first: doubt goes to the driver.
	if o.Err != nil || o.Reading.Import < x.Start.Import || o.Reading.Serial != x.Start.Serial {
		last := *x.Last
		end.Reading, end.Source, end.Error = &last, "last_good", fmt.Sprint(o.Err)
	}
	bill, err := x.bill(*end.Reading)
	if err != nil { // cannot be priced: the driver is not the one to pay for that
		end.Error = err.Error()
		return []Event{end, x.intent(ReleaseIntent, o.At, x.Hold.Approved)}, nil
	}
	billed := x.event(Billed, o.At)
	billed.Bill = bill
	x.Bill = bill
	return append([]Event{end, billed}, r.settle(x, o.At)...), nil
}

// settle takes what was billed of a hold, or gives it back where nothing was.
func (r Rules) settle(x Session, at time.Time) []Event {
	if x.Bill == nil && x.Start != nil { // ended between the last register and the bill
		if bill, err := x.bill(*x.Last); err == nil {
			e := x.event(Billed, at)
			e.Bill, x.Bill = bill, bill
			return append([]Event{e}, r.settle(x, at)...)
		}
	}
	if x.Bill == nil || x.Bill.Total.Minor <= 0 {
		return []Event{x.intent(ReleaseIntent, at, x.Hold.Approved)}
	}
	return []Event{x.intent(CaptureIntent, at, x.Bill.Total)}
}

func (r Rules) bookingApproved(x Session, o Observation) ([]Event, error) {
	k := CaptureOK
	switch x.Money {
	case CaptureAsked:
	case ReleaseAsked:
		k = ReleaseOK
	default:
		return nil, fmt.Errorf("cannot record a booking: money of session %s is %s", x.Reference, x.Money)
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
	switch {
	case o.Err == nil:
		return r.settled(x, o.At, o.Booking)
	case errors.Is(o.Err, kiosk.ErrOutcomeUnknown) && x.Attempt < 3:
		return []Event{x.failed(k.unknown, o)}
	}
	return []Event{x.wait(k, o)}
}

func (x Session) wait(k settlement, o Observation) Event {
	e := x.failed(k.waiting, o)
	due := o.At.Add(retryAfter(x.Attempt))
	e.Due = &due
	var no *kiosk.Declined
	if errors.As(o.Err, &no) {
		e.Class = string(no.Class)
	}
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
	unknown := slices.Clone(o.Open.Receipts)
	for _, x := range s.Sessions {
		if x.Hold != nil && x.Paper != PaperClosed {
			unknown = slices.DeleteFunc(unknown, func(n int) bool { return n == x.Hold.ReceiptNo })
		}
	}
	var out []Event
	for _, x := range s.ordered() {
		listed := x.Hold != nil && slices.Contains(o.Open.Receipts, x.Hold.ReceiptNo)
		switch {
		case x.Money == HoldUncertain && x.Hold != nil && listed:
			out = append(out, r.confirmed(x, o.At)...)
		case x.Money == HoldUncertain && x.Hold == nil && len(unknown) > 0:
			out = append(out, r.found(x, unknown[0], o)...)
			unknown = unknown[1:]
		case x.Money == HoldUncertain && o.Open.Complete:
			out = append(out, x.event(HoldGone, o.At), x.event(Closed, o.At))
		case x.Money == CaptureUnclear || x.Money == ReleaseUnclear:
			out = append(out, r.clear(x, listed, o)...)
		}
	}
	if len(unknown) > 0 {
		orphan := Session{ID: o.Session, Reference: o.Reference, Money: MoneyNone, Power: PowerNone, Paper: PaperOpen}
		out = append(out, r.found(orphan, unknown[0], o)...)
	}
	return out
}

// found takes a hold that the terminal has and the journal has not, and gives it back.
func (r Rules) found(x Session, receipt int, o Observation) []Event {
	amount := kiosk.Money{Currency: r.Currency}
	if x.Offer != nil {
		amount = x.Offer.Hold
	}
	e := x.event(HoldFound, o.At)
	e.Reference = o.Reference
	e.Hold = &kiosk.Hold{ReceiptNo: receipt, Approved: amount, At: o.At}
	return []Event{e, x.intent(ReleaseIntent, o.At, amount)}
}

// clear decides about a capture or release with an unknown outcome. A hold that is
// still listed was not settled; one that is gone was.
func (r Rules) clear(x Session, listed bool, o Observation) []Event {
	k := x.settlement()
	switch {
	case listed:
		return []Event{x.intent(k.intent, o.At, x.due())}
	case o.Open.Complete:
		booking := x.Booking
		if booking == nil && k == capturing && o.Last != nil && o.Last.Booked == x.due() {
			booking = o.Last
		}
		out := r.settled(x, o.At, booking)
		if booking == nil {
			out[0].Error = "the hold is no longer open; the booking itself was not seen"
		}
		return out
	}
	return nil
}
