package session

import (
	"fmt"
	"slices"
	"time"

	"kioskd"
)

// Command is something to be done. A command leaves only after the event that it comes
// from is in the journal.
type Command struct {
	Do      Do
	Session string
	Bay     int
	Ref     string
	Amount  kiosk.Money
	Lang    string
	Hold    kiosk.Hold
	First   bool // the first try: a driver is waiting for it
	Force   bool // see Observation
	Times   int  // how often as long a card is waited for
	Signing kiosk.Signing
	Claim   kiosk.SignedClaim // what the meter's records must prove
	Records []string          // that the meter signed at the beginning
}

// Do is what a command does.
type Do string

// Commands.
const (
	AskHold      Do = "ask_hold"
	AbortHold    Do = "abort_hold"
	AskTerminal  Do = "ask_terminal" // what is open, what was booked last?
	LookAtBay    Do = "look_at_bay"  // now: a vehicle may be there already
	ReadBaseline Do = "read_baseline"
	BeginSigning Do = "begin_signing"
	DropSigning  Do = "drop_signing" // what the meter signs of a session without energy
	SignFinal    Do = "sign_final"   // the last register, and the end of what is signed
	KeptSigning  Do = "kept_signing" // the records are on disk
	CloseContact Do = "close_contactor"
	OpenContact  Do = "open_contactor"
	ReadFinal    Do = "read_final"
	CaptureHold  Do = "capture"
	ReleaseHold  Do = "release"
	ReadCard     Do = "read_card" // whose session is it?
	TestContact  Do = "test_contactor"
	EndOfDay     Do = "end_of_day"
)

// ended tells how a command ended; What is empty where the machine waits for no such answer.
func (c Command) ended(err error) Observation {
	o := Observation{Session: c.Session, Err: err}
	switch c.Do {
	case TestContact:
		o.What = TestEnded
	case ReadBaseline:
		o.What = BaselineRead
	case BeginSigning:
		o.What = SigningStarted
	case ReadFinal, SignFinal:
		o.What = FinalRead
	case CloseContact, OpenContact:
		o.What, o.Closed = ContactorMoved, c.Do == CloseContact
	case EndOfDay:
		o.What = DayEndDone
	case ReadCard:
		o.What = CardRead
	case AskHold:
		o.What = HoldEnded
	case CaptureHold, ReleaseHold:
		o.What = SettlementEnded
	}
	return o
}

// forgetAfter is how long a closed session stays visible.
const forgetAfter = 10 * time.Minute

// Step applies one event and returns the commands that follow from it. It fails if the
// event does not fit the state; then nothing may be written down.
func Step(s State, e Event) (State, []Command, error) {
	if err := e.complete(); err != nil {
		return s, nil, err
	}
	next := s.clone()
	next.know(e)
	if cmds, mine := next.site(e); mine {
		return next, cmds, nil
	}
	x, ok := next.Sessions[e.Session]
	if !ok {
		if e.Kind != BayLease && e.Kind != HoldFound {
			return s, nil, fmt.Errorf("cannot apply %s: session %q is not known", e.Kind, e.Session)
		}
		x = Session{ID: e.Session, Money: MoneyNone, Power: PowerNone, Record: RecordOpen}
	}
	if ok && x.Record == RecordClosed {
		return s, nil, fmt.Errorf("cannot apply %s: session %s is closed", e.Kind, x.Reference)
	}
	if err := x.moveAll(e.Kind); err != nil {
		return s, nil, err
	}
	if err := x.follows(e.Kind); err != nil {
		return s, nil, fmt.Errorf("cannot apply %s: %w", e.Kind, err)
	}
	cmds, err := x.apply(e)
	if err != nil {
		return s, nil, fmt.Errorf("cannot apply %s to session %s: %w", e.Kind, e.Session, err)
	}
	next.Sessions[x.ID] = x
	next.remember(x, e)
	next.keep(x, e)
	for id, old := range next.Sessions {
		if old.Record == RecordClosed && e.At.Sub(old.ClosedAt) > forgetAfter {
			delete(next.Sessions, id)
		}
	}
	return next, cmds, nil
}

// know keeps the last reading of a bay that is written down.
func (s *State) know(e Event) {
	bay, r := e.Bay(), e.Reading()
	if x, ok := s.Sessions[e.Session]; ok {
		bay = x.Bay
	}
	if r != nil && !r.At.Before(s.Known[bay].At) {
		s.Known[bay] = *r
	}
}

// moveAll moves the three machines. An event that a machine cares for must fit all of
// them, with one exception: a restart concerns only those that were under way.
func (x *Session) moveAll(k Kind) error {
	money, knownM, okM := move(moneyTable, x.Money, k)
	power, knownP, okP := move(powerTable, x.Power, k)
	paper, knownR, okR := move(paperTable, x.Record, k)
	if k != Resumed {
		switch {
		case knownM && !okM:
			return fmt.Errorf("cannot apply %s: money of session %s is %s", k, x.Reference, x.Money)
		case knownP && !okP:
			return fmt.Errorf("cannot apply %s: power of session %s is %s", k, x.Reference, x.Power)
		case knownR && !okR:
			return fmt.Errorf("cannot apply %s: record of session %s is %s", k, x.Reference, x.Record)
		}
	}
	x.Money, x.Power, x.Record = money, power, paper
	return nil
}

func (x *Session) command(do Do) Command {
	c := Command{Do: do, Session: x.ID, Bay: x.Bay, Ref: x.Reference, First: x.Attempt <= 1, Times: 1 + x.Patience}
	if x.Hold != nil {
		c.Hold = *x.Hold
	}
	if x.Offer != nil {
		c.Lang = x.Offer.Language
	}
	if x.Signing != nil {
		c.signing(*x)
	}
	return c
}

// apply takes what the event says and returns what is to be done.
func (x *Session) apply(e Event) ([]Command, error) {
	x.doubt = e.Untrusted || x.doubted
	switch b := e.Body.(type) {
	case LeaseBody:
		x.Reference, x.Bay, x.EVSE, x.LeaseAt, x.Site, x.StopCode = b.Reference, b.Bay, b.EVSE, e.At, b.Site, b.StopCode
		x.Charger = b.Charger
	case OfferBody:
		return nil, x.loadOffer(b.Offer)
	case AskBody:
		x.Tries, x.AskAt, x.Class = b.Attempt, e.At, ""
		c := x.command(AskHold)
		c.Amount = b.Amount
		return []Command{c}, nil
	case HoldBody:
		x.Hold = &b.Hold
	case DeclineBody:
		x.Class, x.EndAt = b.Class, e.At
	case FoundBody:
		x.foundHold(b, e.At)
	case PatienceBody:
		x.Patience = b.Attempt
	case MoveBody:
		x.Bay, x.EVSE, x.Charger = b.Bay, b.EVSE, b.Charger
		return []Command{x.command(LookAtBay)}, nil
	case PersonBody:
		return x.granted(e.At), nil
	case FirstBody:
		x.Start, x.Last, x.Proven, x.Modulus, x.Begun = &b.Reading, &b.Reading, &b.Reading, b.Modulus, b.Transaction
		x.Signing = nil
	case PageBody, SigningBody:
		return x.signs(e), nil
	case ChargerBeganBody:
		x.Begun = &b.Transaction
	case ReadingBody, LastBody:
		x.measure(e)
		return x.kept(e.Body), nil
	case StopBody:
		x.Reason, x.By = b.Reason, b.By
		return []Command{x.command(OpenContact)}, nil
	case ErrorBody: // of the contactor that was to open
		x.OpenAt, x.Welded = x.when(e.At), b.Error != ""
		return []Command{x.command(x.readFinal())}, nil
	case EndBody:
		x.Reason, x.EndAt = b.Reason, e.At
		return x.dropped(), nil
	case BillBody:
		x.Bill = &b.Bill
	case AlertBody:
		x.Alerted = true
	case ProofBody:
		return x.prove(e), nil
	case SettleBody, BookedBody, SettledBody, UnknownBody, WaitingBody, AnswerBody:
		return x.settling(e), nil
	default:
		return x.mark(e), nil
	}
	return nil, nil
}

// mark applies an event that says no more than that it happened.
func (x *Session) mark(e Event) []Command {
	switch e.Kind {
	case CancelAsked:
		x.Cancel = true
		if x.Money == HoldAsked {
			return []Command{x.command(AbortHold)}
		}
	case HoldConfirmed:
		x.HoldAt = e.At
		return []Command{x.command(LookAtBay)}
	case HoldMissing:
		x.Missing++
		if x.Missing == 1 {
			x.MissingAt = e.At
		}
		x.MissedAt = e.At
	case HoldListed:
		x.Missing = 0
	case HoldGone:
		x.EndAt = e.At
	case HoldVanished:
		x.Class = ""
	case Plugged:
		if x.Charger { // it tells its register when it begins
			return nil
		}
		return []Command{x.command(ReadBaseline)}
	case ContactorClose:
		return []Command{x.command(CloseContact)}
	case ContactorClosed:
		x.Since, x.FlowAt = e.At, e.At
	case ProofWanted:
		return x.prove(e)
	case Closed:
		x.ClosedAt = e.At
		if x.Reason == ReasonOrphan { // there may be more of them, and a terminal may name one alone
			return []Command{x.command(AskTerminal)}
		}
	case Resumed:
		return x.resume(e.At)
	}
	return nil
}

// settling applies what happens to the money once it is known what is due.
func (x *Session) settling(e Event) []Command {
	switch b := e.Body.(type) {
	case SettleBody:
		return []Command{x.settleNow(e, b)}
	case BookedBody:
		x.Result = &b.Result
	case SettledBody:
		if b.Result != nil {
			x.Result = b.Result
		}
	case UnknownBody:
		x.Maybe = x.Maybe && !b.Definite
		if b.Due != nil {
			x.Due = *b.Due
		}
		return []Command{x.command(AskTerminal)}
	case WaitingBody:
		x.Due, x.WaitAt, x.Class, x.Maybe = b.Due, e.At, b.Class, x.Maybe && !b.Definite
	case AnswerBody:
		if e.Kind == HoldUnknown {
			x.AskedAt = e.At
			return []Command{x.command(AskTerminal)}
		}
		x.Class = b.Class
	}
	return nil
}

// settleNow begins a try to take what is due, or to give the hold back.
func (x *Session) settleNow(e Event, b SettleBody) Command {
	x.Attempt, x.TriedAt, x.Due, x.Maybe, x.Blind = b.Attempt, e.At, time.Time{}, true, b.Blind
	if !b.Blind { // what was recorded before did not stand: the terminal has the hold
		x.Result = nil
	}
	if x.OwedAt.IsZero() {
		x.OwedAt = e.At
	}
	do := CaptureHold
	if e.Kind == ReleaseIntent {
		do = ReleaseHold
	}
	c := x.command(do)
	c.Amount = b.Amount
	return c
}

func (x *Session) foundHold(b FoundBody, at time.Time) {
	x.Hold, x.HoldAt, x.EndAt, x.Reason = &b.Hold, at, at, ReasonOrphan
	if x.Reference == "" {
		x.Reference, x.LeaseAt = b.Reference, at
	}
}

// measure takes a register on the way, at a change of what the vehicle does, or at the end.
func (x *Session) measure(e Event) {
	r := *e.Reading()
	if b, last := e.Body.(LastBody); last {
		r, x.Signed = x.billable(b), b.Signed
	}
	if e.Kind == Adopted && r.At.Before(x.Last.At) {
		x.shift = x.Last.At.Sub(r.At)
	}
	x.keep(r)
	if r.Named {
		x.Proven = x.Last
	}
	if b, on := e.Body.(ReadingBody); on {
		x.cut = x.cut || b.Boundary
	}
	switch e.Kind {
	case Paused, Unpaused:
		x.idle, x.Since = e.Kind == Paused, e.At
	case Adopted:
		x.idle, x.apart = false, false
	case MeterEnd:
		x.EndAt = e.At
	}
}

// resume asks the devices what is true of a session that was open when the daemon
// ended.
func (x *Session) resume(at time.Time) []Command {
	var out []Command
	if x.Proof == ProofAsked {
		x.Proof = ProofNone
	}
	if x.Money == HoldUncertain { // their minute begins anew: they still stand there
		x.AskedAt = at
	}
	if x.Last != nil {
		for _, p := range x.Periods {
			x.doubted = x.doubted || p.AnyTime
		}
		x.shift = 0
	}
	if x.Last != nil && (x.Power == Adopting || x.Power == Stopping || x.Power == Opened) {
		x.Gaps = append(slices.Clone(x.Gaps), Span{x.Last.At, at})
	}
	x.apart = x.apart || x.Power == Adopting || x.Power == Stopping
	switch x.Money {
	case HoldUncertain, CaptureUnclear, ReleaseUnclear:
		out = append(out, x.command(AskTerminal))
	}
	switch x.Power {
	case Stopping:
		out = append(out, x.command(OpenContact))
	case Opened:
		out = append(out, x.command(x.readFinal()))
	}
	return out
}
