package session

import (
	"errors"
	"fmt"
	"time"

	"kioskd"
)

// mayUse tells why no session can be at a bay.
func (r Rules) mayUse(s State, bay int) error {
	if _, ok := r.Bays[bay]; !ok {
		return fmt.Errorf("cannot choose bay %d: there is none", bay)
	}
	if x, taken := s.AtBay(bay); taken {
		return fmt.Errorf("cannot choose bay %d: session %s has it", bay, x.Reference)
	}
	if s.Testing[bay] {
		return fmt.Errorf("cannot choose bay %d: its contactor is being tested", bay)
	}
	if code, down := s.Down(bay); down {
		return fmt.Errorf("cannot choose bay %d: fault %s", bay, code)
	}
	return nil
}

// moveAsked lets a session go on at the bay at which its driver plugged in: the same hold, the same offer.
func (r Rules) moveAsked(s State, x Session, o Observation) ([]Event, error) {
	if x.Power != Waiting || x.Money != Held {
		return nil, fmt.Errorf("cannot move session %s: money is %s, power %s", x.Reference, x.Money, x.Power)
	}
	if err := r.mayUse(s, o.Bay); err != nil {
		return nil, err
	}
	sm, seen := o.Live[o.Bay]
	if !seen || sm.InputsLost > 0 || !sm.Inputs.Plugged || sm.Inputs.Closed {
		return nil, fmt.Errorf("cannot move session %s: no vehicle is seen at bay %d", x.Reference, o.Bay)
	}
	if err := r.covers(x, o.Bay, sm.Inputs, o.At); err != nil {
		return nil, fmt.Errorf("cannot move session %s: %w", x.Reference, err)
	}
	return []Event{x.says(BayMoved, o.At, MoveBody{o.Bay, o.EVSE, r.counts(o.Bay)})}, nil
}

func (r Rules) chosen(s State, o Observation) ([]Event, error) {
	if err := r.mayUse(s, o.Bay); err != nil {
		return nil, err
	}
	if err := s.mayAsk(o.At); err != nil {
		return nil, fmt.Errorf("cannot choose bay %d: %w", o.Bay, err)
	}
	lease := LeaseBody{Reference: o.Reference, Bay: o.Bay, EVSE: o.EVSE, Site: o.Site,
		Charger: r.counts(o.Bay)}
	return []Event{{Kind: BayLease, Session: o.Session, At: o.At, Body: lease}}, nil
}

// Paused tells whether no card is asked for, because some were tried out.
func (s State) Paused(at time.Time) bool {
	left := s.PausedUntil.Sub(at)
	return 0 < left && left <= pauseFor
}

// mayAsk tells why no card may be asked for now.
func (s State) mayAsk(at time.Time) error {
	switch {
	case s.Draining:
		return errors.New("the kiosk is waiting for an update")
	case s.Paused(at):
		return errors.New("card entry is paused: too many different cards were declined")
	case s.DayEnding():
		return errors.New("the terminal takes no cards before the end of its day")
	}
	return nil
}

func (r Rules) accepted(s State, x Session, o Observation) ([]Event, error) {
	if x.Money != MoneyNone || x.Record != RecordOpen {
		return nil, fmt.Errorf("cannot accept: money of session %s is %s", x.Reference, x.Money)
	}
	if code, down := s.Down(x.Bay); down {
		return nil, fmt.Errorf("cannot accept: fault %s", code)
	}
	if o.Offer.Hold.Minor <= 0 || o.Offer.Hold.Currency != r.Currency {
		return nil, fmt.Errorf("cannot accept: hold of %v", o.Offer.Hold)
	}
	if err := s.mayAsk(o.At); err != nil {
		return nil, fmt.Errorf("cannot accept: %w", err)
	}
	x.Offer = o.Offer
	if err := r.bounded(x, o); err != nil {
		return nil, fmt.Errorf("cannot accept: %w", err)
	}
	return []Event{x.says(OfferAccepted, o.At, OfferBody{*o.Offer}), x.askHold(o.At)}, nil
}

// tooLate is when a driver who was asked for their card is gone.
const tooLate = 6 * time.Minute

// holdTries is how often one visitor may show a card.
const holdTries = 3

// MayTryAgain tells whether a driver who was declined may show a card once more: another
// one, their telephone, or more slowly.
func (x Session) MayTryAgain() bool {
	switch kiosk.DeclineClass(x.Class) {
	case kiosk.DeclineNoCard, kiosk.DeclineUnreadable, kiosk.DeclineIssuer, kiosk.DeclinePIN, kiosk.DeclineCard:
		return x.Money == Declined && x.Record == RecordOpen && !x.Cancel && x.Tries < holdTries
	}
	return false
}

func (r Rules) askedAgain(s State, x Session, o Observation) ([]Event, error) {
	if !x.MayTryAgain() {
		return nil, fmt.Errorf("cannot try again: money of session %s is %s", x.Reference, x.Money)
	}
	if code, down := s.Down(x.Bay); down {
		return nil, fmt.Errorf("cannot try again: fault %s", code)
	}
	if err := s.mayAsk(o.At); err != nil {
		return nil, fmt.Errorf("cannot try again: %w", err)
	}
	return []Event{x.askHold(o.At)}, nil
}

func (x Session) askHold(at time.Time) Event {
	return x.says(HoldIntent, at, AskBody{Amount: x.Offer.Hold, Attempt: x.Tries + 1})
}

func (r Rules) holdApproved(s State, x Session, o Observation) ([]Event, error) {
	if x.Money != HoldAsked {
		return nil, fmt.Errorf("cannot record a hold: money of session %s is %s", x.Reference, x.Money)
	}
	if got := o.Hold.Approved; got.Currency != x.Offer.Hold.Currency || got.Minor <= 0 ||
		got.Minor > x.Offer.Hold.Minor {
		return nil, fmt.Errorf("cannot record a hold of %v: the driver agreed to %v", got, x.Offer.Hold)
	}
	if s.repeats(resultOfHold(*o.Hold)) {
		return nil, errors.New("cannot record a hold: the terminal sent this result before")
	}
	return []Event{x.says(HoldOK, o.At, HoldBody{*o.Hold})}, nil
}

func (r Rules) holdEnded(s State, x Session, o Observation) ([]Event, error) {
	if x.Money != HoldAsked && x.Money != HoldRecorded {
		return nil, nil
	}
	var no *kiosk.Declined
	switch {
	case o.Err == nil && x.Money == HoldRecorded:
		return r.confirmed(s, x, o.At), nil
	case errors.As(o.Err, &no):
		return r.declined(s, x, no, o.At), nil
	case errors.Is(o.Err, kiosk.ErrUnreachable) && x.Money == HoldAsked:
		no := AnswerBody{Class: string(kiosk.DeclineTerminal), ErrorBody: wentWrong(o.Err)}
		return []Event{x.says(HoldDeclined, o.At, DeclineBody{AnswerBody: no}), x.event(Closed, o.At)}, nil
	}
	return []Event{x.says(HoldUnknown, o.At, answer(o.Err))}, nil
}

// declined keeps the bay for another try where one makes sense. A card that could not be
// read is asked for again at once.
func (r Rules) declined(s State, x Session, no *kiosk.Declined, at time.Time) []Event {
	b := DeclineBody{AnswerBody: AnswerBody{Class: string(no.Class), Code: no.Code}, Card: no.Card}
	out := []Event{x.says(HoldDeclined, at, b)}
	fresh := x.Money == HoldAsked // nothing of this try was recorded
	x.Money, x.Class = Declined, b.Class
	switch {
	case !fresh || !x.MayTryAgain():
		out = append(out, x.event(Closed, at))
	case no.Class == kiosk.DeclineUnreadable && s.mayAsk(at) == nil:
		out = append(out, x.askHold(at))
	}
	return append(out, r.wantsDayEnd(s, no, at)...)
}

// refused looks at why the terminal refused a capture or a release.
func (r Rules) refused(s State, o Observation) []Event {
	var no *kiosk.Declined
	errors.As(o.Err, &no)
	return r.wantsDayEnd(s, no, o.At)
}

// wantsDayEnd writes down that the terminal will do nothing more before its end-of-day.
func (r Rules) wantsDayEnd(s State, no *kiosk.Declined, at time.Time) []Event {
	if no == nil || no.Class != kiosk.DeclineDayEnd || !s.Day.Due.IsZero() {
		return nil
	}
	return []Event{{Kind: DayEndDue, At: at}}
}

// confirmed is a hold that stands. A driver who cancelled meanwhile gets it back, as does
// one whose bank approved too little, or who was here too often.
func (r Rules) confirmed(s State, x Session, at time.Time) []Event {
	out := []Event{x.event(HoldConfirmed, at)}
	switch {
	case x.Cancel:
		out = append(out, r.release(x, at, ReasonCancelled)...)
	case over(x.AskAt, at, tooLate): // found out long after
		out = append(out, r.release(x, at, ReasonTimeout)...)
	case x.Hold.Approved.Minor < r.Minimum.Minor:
		out = append(out, r.release(x, at, ReasonTooLittle)...)
	case s.overused(x, at):
		out = append(out, x.says(Alert, at, AlertBody{Rule: SameCard}))
		out = append(out, r.release(x, at, ReasonOverused)...)
	}
	return out
}
