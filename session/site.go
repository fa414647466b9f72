package session

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"kioskd"
)

// Day is the card terminal's business day.
type Day struct {
	Ended    time.Time    // the one before; zero where the journal knows of none
	Counted  *kiosk.Money // by the terminal, of the one before; nil where it does not say
	Captured kiosk.Money  // since then, by the journal
	Due      time.Time    // since when the terminal asks for its end; zero while it does not
	Asked    time.Time    // since when the end is under way; zero while it is not
	Failed   time.Time    // last try that failed
	Tries    int          // that failed, one after the other
}

// site applies what concerns no session.
func (s *State) site(e Event) (cmds []Command, mine bool) {
	switch e.Kind {
	case RegisterSeen, MeterSwapped:
		s.Registers[e.Bay()] = Register{Reading: *e.Reading()}
	case FaultRaised, FaultCleared:
		s.faulty(e, e.Body.(FaultBody))
	case AccessGranted:
		s.Access = s.Access.after(e.At)
	case AccessRefused:
		s.Access = Access{s.Access.Refusals + 1, e.At}
	case ContactorTest:
		s.Testing[e.Bay()] = true
		return []Command{{Do: TestContact, Bay: e.Bay()}}, true
	case ContactorTested:
		delete(s.Testing, e.Bay())
		s.Tested[e.Bay()] = e.Failure()
	case DrainBegun, DrainEnded:
		s.Draining = e.Kind == DrainBegun
	case ClockJudged, ClockSet:
		s.ClockWrong = e.Untrusted
	case DayEndDue:
		s.Day.Due = e.At
	case DayEndIntent:
		s.Day.Asked = e.At
		return []Command{{Do: EndOfDay, Force: e.Body.(DayEndBody).Force}}, true
	case DayEnded:
		counted := e.Body.(DayEndedBody).Amount
		s.Day = Day{Ended: e.At, Counted: counted, Captured: kiosk.Money{Currency: s.Day.Captured.Currency}}
	case SigningLeft, TransactionRefused, TransactionEnded, Refunded, InstructionTaken, InstructionDone,
		InstructionRefused, OCPICDR, OCPIFAC, Login, LoginRefused, CommandGiven, AccessChanged, Inspected,
		VisitDigest: // for people and others
	case DayEndFailed:
		s.Day.Asked, s.Day.Failed, s.Day.Tries = time.Time{}, e.At, s.Day.Tries+1
	case Alert:
		if e.Body.(AlertBody).Rule == CardTesting {
			s.PausedUntil, s.Declines = e.At.Add(pauseFor), nil
		}
		return nil, e.Session == ""
	default:
		return nil, false
	}
	return nil, true
}

// faulty applies a fault that began or ended.
func (s *State) faulty(e Event, b FaultBody) {
	at := FaultAt{b.Fault, b.Bay}
	if e.Kind == FaultRaised {
		s.Faults[at] = true
		return
	}
	delete(s.Faults, at)
	if b.Fault == kiosk.FaultTerminalUnreachable {
		s.BackAt = e.At
	}
	if b.Reading != nil {
		s.Registers[b.Bay] = Register{Reading: *b.Reading}
	}
}

// DayEnding tells whether no card is asked for because the terminal's day ends, or must.
func (s State) DayEnding() bool { return !s.Day.Due.IsZero() || !s.Day.Asked.IsZero() }

// openHolds counts the sessions whose hold an end-of-day could take or drop.
func (s State) openHolds() (n int) {
	for _, x := range s.Sessions {
		switch x.Money {
		case MoneyNone, Declined, Captured, Released, Disputed, Free:
		default:
			if x.Missing < missingLists-1 { // the terminal has not had it for a while
				n++
			}
		}
	}
	return n
}

// Times of the end-of-day.
const (
	dayEndRetry   = 15 * time.Minute
	dayEndHurry   = time.Minute // while the terminal takes no cards before it, for so many tries
	dayEndTries   = 5
	dayEndOverdue = 30 * time.Hour // since the last one, where it is scheduled
	dayEndWaits   = time.Hour      // since the terminal asked for it
	dayEndWindow  = 3 * time.Hour  // after the time of day that the site set
)

// dayEndAsked begins an end-of-day that a person asks for.
func (r Rules) dayEndAsked(s State, o Observation) ([]Event, error) {
	switch n := s.openHolds(); {
	case !s.Day.Asked.IsZero():
		return nil, errors.New("cannot end the day: it is under way")
	case n > 0 && !r.Abilities.HoldsSurviveDayEnd && !o.Force:
		return nil, fmt.Errorf(
			"cannot end the day: %d sessions have an open hold, which the terminal could take whole or drop", n)
	case len(s.Underway()) > 0 && !r.Abilities.HoldsSurviveDayEnd:
		return nil, fmt.Errorf("cannot end the day: sessions charge or pay (%v)", s.Underway())
	}
	return []Event{{Kind: DayEndIntent, At: o.At, Body: DayEndBody{o.Force}}}, nil
}

// dayEnd begins an end-of-day that the terminal asks for, or that is due by the clock,
// and raises PT006 where one cannot be had.
func (r Rules) dayEnd(s State, at time.Time) (out []Event) {
	d := s.Day
	wanted, retry := r.dayEndScheduled(s, at), dayEndRetry
	if !d.Due.IsZero() {
		wanted = true
		if d.Tries < dayEndTries {
			retry = dayEndHurry
		}
	}
	there := !s.Faults[FaultAt{Code: kiosk.FaultTerminalUnreachable}] &&
		!s.Faults[FaultAt{Code: kiosk.FaultTerminalOther}]
	if wanted && there && d.Asked.IsZero() && over(d.Failed, at, retry) &&
		(r.Abilities.HoldsSurviveDayEnd || s.openHolds() == 0) {
		out = append(out, Event{Kind: DayEndIntent, At: at, Body: DayEndBody{}})
	}
	late := !d.Due.IsZero() && over(d.Due, at, dayEndWaits) ||
		r.DayEnd >= 0 && (d.Ended.IsZero() && !d.Failed.IsZero() ||
			!d.Ended.IsZero() && over(d.Ended, at, dayEndOverdue))
	return append(out, r.raise(s, at, kiosk.FaultDayEndOverdue, late)...)
}

// dayEndScheduled tells whether the site's time of day has come since the last end. It
// is looked at for some hours only, so that a clock that jumps ends no day at noon.
func (r Rules) dayEndScheduled(s State, at time.Time) bool {
	if r.DayEnd < 0 || s.ClockWrong {
		return false
	}
	local := at.In(r.Location)
	due := time.Date(local.Year(), local.Month(), local.Day(), 0, int(r.DayEnd/time.Minute), 0, 0, r.Location)
	return !at.Before(due) && at.Sub(due) < dayEndWindow && s.Day.Ended.Before(due)
}

// terminalWell writes down what a terminal that answers says of itself. What it needs for itself
// stops nothing: it refuses what it cannot do.
func (r Rules) terminalWell(s State, o Observation) []Event {
	var no *kiosk.Declined
	errors.As(o.Err, &no)
	out := r.fault(s, Observation{At: o.At, Fault: kiosk.FaultTerminalNotReady,
		Raised: no != nil && no.Class != kiosk.DeclineDayEnd,
		Err:    o.Err})
	return append(out, r.wantsDayEnd(s, no, o.At)...)
}

// dayEndEnded compares what the terminal counted with what the journal captured.
func (r Rules) dayEndEnded(s State, o Observation) []Event {
	if s.Day.Asked.IsZero() {
		return nil
	}
	if o.Err != nil {
		return []Event{{Kind: DayEndFailed, At: o.At, Body: wentWrong(o.Err)}}
	}
	if want := s.Day.Captured.Minor; o.Total != nil && o.Total.Minor != want {
		differs := wentWrong(fmt.Errorf("the terminal counted %v, the journal %v", o.Total,
			kiosk.Money{Minor: want, Currency: r.Currency}))
		return []Event{{Kind: DayEnded, At: o.At, Body: DayEndedBody{o.Total, differs}},
			{Kind: Alert, At: o.At, Body: AlertBody{DayEndDiffers, differs}}}
	}
	return []Event{{Kind: DayEnded, At: o.At, Body: DayEndedBody{Amount: o.Total}}}
}

// residual is how many watt-hours an hour may flow before they are called energy without a
// session.
const residual = 100

// unsold looks at a bay that no session has: what its meter counts there belongs to no driver.
func (r Rules) unsold(s State, o Observation) []Event {
	now, last := o.Sample.Reading, s.Registers[o.Bay]
	if now == nil || s.Faults[FaultAt{kiosk.FaultEnergyUnsold, o.Bay}] {
		return nil
	}
	// a charger's transaction that ran on while it could not be reached is no energy from nowhere
	if r.isCharger(o.Bay) && o.Sample.Inputs.For != "" {
		return nil
	}
	// seen before what is known; by more the clock was set
	if older := last.At.Sub(now.At); 0 < older && older < time.Minute {
		return nil
	}
	hours := max(0, o.At.Sub(last.At)) / time.Hour
	switch {
	case last.Serial != now.Serial || now.Import < last.Import, // not seen before, exchanged or reset
		hours > 0 && now.Import > last.Import && now.Import-last.Import <= residual: // what the station itself needs
		return []Event{{Kind: RegisterSeen, At: o.At, Body: RegisterBody{o.Bay, *now}}}
	case now.Import-last.Import > residual*kiosk.Energy(1+hours):
		return r.fault(s, Observation{At: o.At, Fault: kiosk.FaultEnergyUnsold, Bay: o.Bay, Raised: true, Reading: now,
			Err: fmt.Errorf("%d Wh since %s", now.Import-last.Import, last.At.Format(time.DateTime))})
	}
	return nil
}

// latched are the faults that only a person can call mended.
var latched = []kiosk.FaultCode{kiosk.FaultEnergyUnsold, kiosk.FaultMeterCrossed, kiosk.FaultBayShut,
	kiosk.FaultJournalNew}

// meterFaults are what a meter's readings can be refused for. Of those about the register a person
// may say that it is true where it stands.
var meterFaults = []kiosk.FaultCode{kiosk.FaultRegisterBackwards, kiosk.FaultRegisterJump, kiosk.FaultMeterOther,
	kiosk.FaultMeterContradicts}

// LatchedCodes lists the faults that only a person can call mended.
func LatchedCodes() []kiosk.FaultCode { return slices.Clone(latched) }

// Clearable tells whether a person may call a fault mended: nothing else ends it, or they may say
// that a meter's register is true where it stands.
func Clearable(code kiosk.FaultCode) bool {
	return Latched(code) || slices.Contains(meterFaults, code) && code != kiosk.FaultMeterOther
}

// Latched tells whether only a person can call a fault mended.
func Latched(code kiosk.FaultCode) bool { return slices.Contains(latched, code) }

// faultDone ends a fault that a technician has seen to.
func (r Rules) faultDone(s State, o Observation) ([]Event, error) {
	switch {
	case !s.Faults[FaultAt{o.Fault, o.Bay}]:
		return nil, fmt.Errorf("cannot clear %s: it is not raised at bay %d", o.Fault, o.Bay)
	case slices.Contains(meterFaults, o.Fault) && o.Old == nil:
		return nil, fmt.Errorf("cannot clear %s: the meter was not asked where its register stands", o.Fault)
	case slices.Contains(meterFaults, o.Fault):
		if err := s.nobodyAt(o.Bay); err != nil {
			return nil, fmt.Errorf("cannot clear %s: %w", o.Fault, err)
		}
		if o.Old.Serial != o.Reading.Serial {
			return nil, fmt.Errorf("cannot clear %s: meter %s answers in place of %s: it is to be exchanged", o.Fault,
				o.Reading.Serial, o.Old.Serial)
		}
	case !Latched(o.Fault):
		return nil, fmt.Errorf("cannot clear %s: it ends by itself when its cause does", o.Fault)
	}
	o.Raised = false
	return r.fault(s, o), nil
}

// raise raises or clears a fault of the site where that is news.
func (r Rules) raise(s State, at time.Time, code kiosk.FaultCode, on bool) []Event {
	return r.fault(s, Observation{At: at, Fault: code, Raised: on})
}

// otherTerminal tells whether a terminal answers that is not the one that the site, or an
// open hold, belongs to.
func (r Rules) otherTerminal(s State, id string) bool {
	switch {
	case id == "":
		return false
	case r.TerminalID != "":
		return id != r.TerminalID
	}
	for _, x := range s.Sessions {
		if x.owes() && x.Hold.TerminalID != "" && x.Hold.TerminalID != id {
			return true
		}
	}
	return false
}

// owes tells whether a hold is known and not settled.
func (x Session) owes() bool {
	return x.Hold != nil && !x.Money.Settled() && x.Money != Declined && x.Money != Disputed
}

// abandoned leaves the holds of a terminal that is no longer the site's to a person.
func (r Rules) abandoned(s State, o Observation) (out []Event) {
	if r.TerminalID == "" {
		return nil
	}
	for _, x := range s.ordered() {
		if !x.owes() || x.Hold.TerminalID == "" || x.Hold.TerminalID == r.TerminalID {
			continue
		}
		switch {
		case x.Money == Held && x.Power != Off:
			out = append(out, r.vanished(x, o)...)
		case x.Money == HoldUncertain:
			out = append(out, r.vanished(x, o)...)
		case x.Money == Held:
			out = append(out, x.event(HoldVanished, o.At), x.event(ReceiptFinal, o.At), x.event(Closed, o.At))
		case x.Money == CaptureUnclear || x.Money == ReleaseUnclear:
			out = append(out, x.dispute(Unproven, o)...)
		}
	}
	return out
}

// drain stops or goes on with new business.
func (r Rules) drain(s State, o Observation) []Event {
	switch {
	case o.Raised == s.Draining:
		return nil
	case o.Raised:
		return []Event{{Kind: DrainBegun, At: o.At}}
	}
	return []Event{{Kind: DrainEnded, At: o.At}}
}

// clock writes down that the wall clock began or ceased to be trusted, or was set.
func (r Rules) clock(s State, o Observation) (out []Event) {
	if o.From != nil {
		out = append(out, Event{Kind: ClockSet, At: o.At, Untrusted: o.Untrusted, Body: ClockBody{*o.From}})
	} else if o.Untrusted != s.ClockWrong {
		out = append(out, Event{Kind: ClockJudged, At: o.At, Untrusted: o.Untrusted})
	}
	return append(out, r.raise(s, o.At, kiosk.FaultClockUntrusted, o.Untrusted)...)
}

func (r Rules) fault(s State, o Observation) []Event {
	if s.Faults[FaultAt{o.Fault, o.Bay}] == o.Raised {
		return nil
	}
	return []Event{faultEvent(o)}
}

// faultEvent is a fault that begins or ends, as it was observed.
func faultEvent(o Observation) Event {
	k := FaultCleared
	if o.Raised {
		k = FaultRaised
	}
	return Event{Kind: k, At: o.At, Body: FaultBody{o.Fault, o.Bay, o.By, o.Reading, o.Old, wentWrong(o.Err)}}
}
