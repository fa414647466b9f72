package session

import (
	"errors"
	"fmt"
	"time"

	"kioskd"
)

// What the host and the technician do at the screen. Each is an observation that names who
// did it; the machine decides, and the journal has it.

// Access is what is known of codes that were tried at the screen.
type Access struct {
	Refusals int // in a row
	At       time.Time
}

// Wait is how long no code is taken: nothing after two wrong ones, then five seconds, and
// twice as long with each more, an hour at most.
func (a Access) Wait(at time.Time) time.Duration {
	if a.Refusals < 3 {
		return 0
	}
	wait := min(time.Hour, 5*time.Second<<min(a.Refusals-3, 10))
	if over(a.At, at, wait) {
		return 0
	}
	return min(wait, wait-at.Sub(a.At))
}

// after is what a right code leaves: who has one of their own does not get to try others' for
// ever, so that only a quiet hour forgives.
func (a Access) after(at time.Time) Access {
	if over(a.At, at, time.Hour) {
		return Access{}
	}
	return a
}

// codeJudged writes down that a staff code was right (Raised) or wrong.
func (r Rules) codeJudged(s State, o Observation) ([]Event, error) {
	if left := s.Access.Wait(o.At); left > 0 {
		return nil, fmt.Errorf("cannot take a code for %v: too many were wrong", left.Round(time.Second))
	}
	k := AccessRefused
	if o.Raised {
		k = AccessGranted
	}
	return []Event{{Kind: k, At: o.At, Body: PersonBody{o.By}}}, nil
}

// nobodyAt tells why something must not be done to a bay: a driver has it.
func (s State) nobodyAt(bay int) error {
	if x, taken := s.AtBay(bay); taken {
		return fmt.Errorf("session %s has bay %d", x.Reference, bay)
	}
	if s.Testing[bay] {
		return fmt.Errorf("the contactor of bay %d is being tested", bay)
	}
	return nil
}

// testAsked closes a contactor for a moment, where nothing can draw energy by it.
func (r Rules) testAsked(s State, o Observation) ([]Event, error) {
	if err := s.nobodyAt(o.Bay); err != nil {
		return nil, fmt.Errorf("cannot test the contactor: %w", err)
	}
	switch {
	case o.Sample == nil || o.Sample.InputsLost > 0:
		return nil, fmt.Errorf("cannot test the contactor: the inputs of bay %d cannot be read", o.Bay)
	case o.Sample.Inputs.Plugged:
		return nil, fmt.Errorf("cannot test the contactor: a vehicle is connected to bay %d", o.Bay)
	case o.Sample.Inputs.Emergency:
		return nil, fmt.Errorf("cannot test the contactor: the emergency stop of bay %d is pressed", o.Bay)
	}
	return []Event{{Kind: ContactorTest, At: o.At, Body: TestBody{o.Bay, o.By}}}, nil
}

// tested writes down what came of a test.
func (r Rules) tested(s State, o Observation) []Event {
	if !s.Testing[o.Bay] {
		return nil
	}
	return []Event{{Kind: ContactorTested, At: o.At, Body: TestedBody{o.Bay, o.Reading, wentWrong(o.Err)}}}
}

// meterSwapped writes down the last register of the old meter and the first of the new.
func (r Rules) meterSwapped(s State, o Observation) ([]Event, error) {
	if err := s.nobodyAt(o.Bay); err != nil {
		return nil, fmt.Errorf("cannot exchange the meter: %w", err)
	}
	if o.Old != nil && o.Old.Serial == o.Reading.Serial {
		return nil, fmt.Errorf("cannot exchange the meter: the one that answers is still number %s", o.Old.Serial)
	}
	return []Event{{Kind: MeterSwapped, At: o.At, Body: SwapBody{o.Bay, o.By, *o.Reading, o.Old}}}, nil
}

// bayShut closes a bay to new visitors (Raised) or opens it again. A driver who charges there
// goes on.
func (r Rules) bayShut(s State, o Observation) ([]Event, error) {
	if _, ok := r.Bays[o.Bay]; !ok {
		return nil, fmt.Errorf("cannot close bay %d: there is none", o.Bay)
	}
	if is := s.Faults[FaultAt{kiosk.FaultBayShut, o.Bay}]; !is && !o.Raised {
		return nil, nil
	}
	o.Fault = kiosk.FaultBayShut // that another person wants it closed, too, is written down: the last one counts
	return []Event{faultEvent(o)}, nil
}

// retryAsked tries a settlement now that waits for its time.
func (r Rules) retryAsked(x Session, o Observation) ([]Event, error) {
	if x.Money != CaptureDelayed && x.Money != ReleaseDelayed {
		return nil, fmt.Errorf("cannot try again: money of session %s is %s", x.Reference, x.Money)
	}
	return []Event{x.again(o.At, o.By)}, nil
}

// freeAsked lets a vehicle charge for nothing, up to an energy: the host's word stands in
// the place of a hold.
func (r Rules) freeAsked(s State, o Observation) ([]Event, error) {
	switch {
	case o.By == "":
		return nil, errors.New("cannot give energy away: the name of the person who gives it is missing")
	case o.Offer == nil || o.Offer.Limit == nil || o.Offer.Limit.Energy <= 0 || o.Offer.Hold.Minor != 0:
		return nil, errors.New("cannot give energy away without a limit, or for money")
	}
	lease, err := r.chosen(s, o)
	if err != nil {
		return nil, err
	}
	x := Session{ID: o.Session}
	return append(lease, x.says(OfferAccepted, o.At, OfferBody{*o.Offer}), x.says(FreeGranted, o.At, PersonBody{o.By})),
		nil
}

// mayCharge tells whether energy may flow: money is reserved, or the host grants it.
func (x Session) mayCharge() bool { return x.Money == Held || x.Money == Free }

// granted stands in for the hold of a session that costs nothing.
func (x *Session) granted(at time.Time) []Command {
	x.Hold, x.HoldAt = &kiosk.Hold{Approved: kiosk.Money{Currency: x.Offer.Hold.Currency}, At: at}, at
	return []Command{x.command(LookAtBay)}
}

// instructionEvent writes down what a back office wants, or what came of it.
func instructionEvent(o Observation) Event {
	k := InstructionTaken
	switch {
	case o.What == InstructionGiven:
	case o.Err != nil:
		k = InstructionRefused
	default:
		k = InstructionDone
	}
	return Event{Kind: k, At: o.At, Body: InstructionBody{o.By, o.Note, *o.Instruction, o.Report, wentWrong(o.Err)}}
}
