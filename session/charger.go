package session

import (
	"errors"
	"fmt"
	"time"

	"kioskd"
)

// A charger switches energy, and counts it unless its bay has a meter of its own: the kiosk asks for a transaction, and
// what the charger says of it is written down before it is answered. Rules of time and register are those of every bay.

// ChargerCounts is an alert: a charger counted less than was billed while it could not be reached.
const ChargerCounts = "charger_counted_less"

// begins is a vehicle that was connected. A charger that counts is asked to begin at once; meters are read first.
func (x Session) begins(at time.Time) []Event {
	out := []Event{x.event(Plugged, at)}
	if x.Charger {
		out = append(out, x.event(ContactorClose, at))
	}
	return out
}

// chargerSaid takes what a charger says of a transaction.
func (r Rules) chargerSaid(s State, o Observation) ([]Event, error) {
	switch o.What {
	case ChargerStarted:
		return r.chargerStarted(s, o)
	case ChargerRefused:
		return r.chargerRefused(s, o), nil
	}
	return r.chargerEnded(s, o), nil
}

// chargerStarted takes a transaction that a charger began: only for the session that has its bay, that was told to
// begin, and whose reference it names.
func (r Rules) chargerStarted(s State, o Observation) ([]Event, error) {
	x, ok := s.AtBay(o.Bay)
	t := o.Transaction
	switch {
	case !ok:
		return nil, fmt.Errorf("cannot take transaction %d: no session has bay %d", t.ID, o.Bay)
	case x.Reference != t.IDTag:
		return nil, fmt.Errorf("cannot take transaction %d: session %s has bay %d, not %s", t.ID, x.Reference, o.Bay,
			t.IDTag)
	case x.Begun != nil && *x.Begun == *t: // it did not get the answer
		return nil, nil
	case x.Begun != nil || x.Charger == (x.Start != nil):
		return nil, fmt.Errorf("cannot take transaction %d: session %s has one", t.ID, x.Reference)
	case x.Power != Closing || !x.mayCharge():
		return nil, fmt.Errorf("cannot take transaction %d: power of session %s is %s, money %s", t.ID, x.Reference,
			x.Power, x.Money)
	}
	if !x.Charger {
		return []Event{x.says(TransactionBegan, o.At, ChargerBeganBody{*t})}, nil
	}
	return []Event{x.says(MeterStart, o.At, FirstBody{Reading: *o.Reading, Modulus: r.Bays[x.Bay].Modulus,
		Transaction: t})}, nil
}

// chargerRefused writes down a transaction that may not run. Nothing keeps a charger from letting energy flow before it
// is answered: that it began one by itself is energy without a session, until a person has looked at how it is set.
func (r Rules) chargerRefused(s State, o Observation) []Event {
	out := []Event{{Kind: TransactionRefused, At: o.At, Body: ChargerRefusedBody{o.Bay, *o.Transaction,
		wentWrong(o.Err)}}}
	for _, x := range s.Sessions {
		if x.Reference == o.Transaction.IDTag { // it began too late
			return out
		}
	}
	return append(out, r.fault(s, Observation{At: o.At, Fault: kiosk.FaultEnergyUnsold, Bay: o.Bay, Raised: true,
		Err: fmt.Errorf("charger %s began a transaction by itself, for %q", o.Transaction.Charger,
			o.Transaction.IDTag)})...)
}

// chargerEnded writes down the end of a transaction. It raises no bill: what was billed without it stands, and where
// the charger counted less a person is told what to give back. The registers of a bay's own meter are others.
func (r Rules) chargerEnded(s State, o Observation) []Event {
	out := []Event{{Kind: TransactionEnded, At: o.At, Body: *o.Ended}}
	now := o.Ended.Reading
	for _, x := range s.Sessions {
		if !x.Charger || x.Reference != o.Ended.Transaction.IDTag || x.Bill == nil || now == nil ||
			now.Import >= x.Bill.To {
			continue
		}
		err := errors.New("the register that was billed is higher than the last one of the charger")
		if bill, wrong := x.rebill(*now); wrong == nil {
			err = fmt.Errorf("%v: %v were billed, %v are due: give back the difference", err, x.Bill.Total, bill.Total)
		}
		out = append(out, Event{Kind: Alert, At: o.At, Body: AlertBody{ChargerCounts, wentWrong(err)}})
	}
	return out
}

// rebill is the bill up to an earlier register.
func (x Session) rebill(r kiosk.Reading) (*Bill, error) {
	r.At = x.Last.At
	return x.bill(r)
}

// Fuse is how long a session may go on from a time at the bay's full power before its hold is used up: a charger that
// is cut off must have stopped by then. 0 where it is used up.
func (r Rules) Fuse(x Session, at time.Time) time.Duration {
	if x.Hold == nil || x.Tariff == nil {
		return 0
	}
	if x.Start == nil { // it is about to begin
		x.Start, x.Last = &kiosk.Reading{At: at}, &kiosk.Reading{At: at}
	}
	from := x.LastReading()
	return max(0, r.lasts(x, from)-at.Sub(from.At))
}

// atFullPower is what a bay delivers at most in a time.
func (r Rules) atFullPower(bay int, d time.Duration) kiosk.Energy {
	return kiosk.Energy(int64(r.Bays[bay].MaxPower) * d.Milliseconds() / 3_600_000)
}

// lasts is how long a hold lasts from a register on.
func (r Rules) lasts(x Session, from kiosk.Reading) time.Duration {
	low, high := time.Duration(0), 48*time.Hour
	for high-low > time.Second {
		middle := (low + high) / 2
		later := from
		later.At = from.At.Add(middle)
		later.Import += r.atFullPower(x.Bay, middle)
		cost, err := x.Cost(later)
		if err != nil || cost.AfterTaxes.Minor > x.Hold.Approved.Minor {
			high = middle
		} else {
			low = middle
		}
	}
	return low
}

// MostOf is the most that is billed for a charger that cannot be reached since a register: what it can deliver until it
// is given up, and never more than the hold.
func (r Rules) MostOf(x Session, last kiosk.Reading) kiosk.Money {
	lost := r.Chargers[x.Bay].Lost
	last.At = last.At.Add(lost)
	last.Import += r.atFullPower(x.Bay, lost)
	cost, err := x.Cost(last)
	if err != nil || cost.AfterTaxes.Minor > x.Hold.Approved.Minor {
		return x.Hold.Approved
	}
	return cost.AfterTaxes
}

// bounded tells why a hold does not cover what a charger may deliver that goes on when it is cut off: until it is given
// up, at full power.
func (r Rules) bounded(x Session, o Observation) error {
	in := o.Live[x.Bay].Inputs
	if !in.Unfused {
		return nil
	}
	if err := x.loadOffer(*o.Offer); err != nil {
		return err
	}
	x.Hold = &kiosk.Hold{Approved: x.Offer.Hold}
	return r.covers(x, x.Bay, in, o.At)
}

// covers tells why a session's hold does not cover what the charger of a bay may deliver when it is cut off.
func (r Rules) covers(x Session, bay int, in kiosk.BayInputs, at time.Time) error {
	rules, ok := r.Chargers[bay]
	if !ok || !in.Unfused {
		return nil
	}
	x.Bay = bay
	if least := rules.Lost + rules.Reaction; r.Fuse(x, at) < least {
		return fmt.Errorf("the charger goes on when it is cut off, and a hold of %v does not cover %v of it",
			x.Hold.Approved, least)
	}
	return nil
}
