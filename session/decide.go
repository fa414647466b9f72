package session

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"kioskd"
	"kioskd/tariff"
)

// Decide says what is to be written down because of an observation, in order. An
// observation that came too late to matter gives nothing; one that asks for what must
// not be is an error.
func (r Rules) Decide(s State, o Observation) ([]Event, error) {
	switch o.What {
	case Ticked:
		return r.tick(s, o), nil
	case Booted:
		return r.boot(s, o), nil
	case Shutdown:
		return r.shutdown(s, o), nil
	case TerminalSaid:
		return r.terminalSaid(s, o), nil
	case TerminalWell:
		return r.terminalWell(s, o), nil
	case FaultSeen:
		if _, known := kiosk.FaultByCode(o.Fault); !known {
			return nil, fmt.Errorf("cannot raise fault %q: it is not in the fault table", o.Fault)
		}
		return r.fault(s, o), nil
	case FaultDone:
		return r.faultDone(s, o)
	case DayEndAsked:
		return r.dayEndAsked(s, o)
	case DayEndDone:
		return r.dayEndEnded(s, o), nil
	case DrainAsked:
		return r.drain(s, o), nil
	case ClockSeen:
		return r.clock(s, o), nil
	case Sampled:
		x, ok := s.AtBay(o.Bay)
		if !ok {
			return r.unsold(s, o), nil
		}
		return r.sampled(s, x, o)
	case ChargerStarted, ChargerRefused, ChargerEnded:
		return r.chargerSaid(s, o)
	case Chosen:
		return r.chosen(s, o)
	case FreeAsked:
		return r.freeAsked(s, o)
	case CodeJudged:
		return r.codeJudged(s, o)
	case TestAsked:
		return r.testAsked(s, o)
	case TestEnded:
		return r.tested(s, o), nil
	case MeterChanged:
		return r.meterSwapped(s, o)
	case ShutAsked:
		return r.bayShut(s, o)
	case SigningFound:
		return left(o.Bay, o.Records, o.At), nil
	case NoteTold:
		return []Event{{Kind: o.Noted.Kind, At: o.At, Body: o.Noted.Body}}, nil
	case InstructionGiven, InstructionEnded:
		return []Event{instructionEvent(o)}, nil
	case RefundTold:
		return []Event{o.refund()}, nil
	}
	return r.decideSession(s, o)
}

// refund is money that was given back outside of the terminal.
func (o Observation) refund() Event {
	return Event{Kind: Refunded, Session: o.Session, At: o.At,
		Body: RefundBody{Amount: *o.Amount, By: o.By, Note: o.Note, Key: o.Key}}
}

// decideSession decides about what concerns one session.
func (r Rules) decideSession(s State, o Observation) ([]Event, error) {
	x, ok := s.Sessions[o.Session]
	if !ok {
		return nil, fmt.Errorf("cannot take %s: session %q is not known", o.What, o.Session)
	}
	switch o.What {
	case Accepted:
		return r.accepted(s, x, o)
	case AskedAgain:
		return r.askedAgain(s, x, o)
	case MoreAsked:
		return r.moreAsked(x, o)
	case MoveAsked:
		return r.moveAsked(s, x, o)
	case RetryAsked:
		return r.retryAsked(x, o)
	case CodeEntered:
		return r.codeEntered(x, o)
	case CardAsked:
		return r.cardAsked(x, o)
	case CardRead:
		return r.cardRead(x, o), nil
	case Cancelled:
		return r.cancelled(x, o.At, ReasonCancelled)
	case StopPressed:
		return r.stopPressed(x, o)
	case HoldApproved:
		return r.holdApproved(s, x, o)
	case HoldEnded:
		return r.holdEnded(s, x, o)
	case BaselineRead:
		return r.baseline(s, x, o), nil
	case SigningStarted:
		return r.signingStarted(x, o), nil
	case ContactorMoved:
		return r.contactor(x, o), nil
	case FinalRead:
		return r.final(x, o)
	case SettlementApproved:
		return r.bookingApproved(s, x, o)
	case SettlementEnded:
		return append(r.bookingEnded(x, o), r.refused(s, o)...), nil
	}
	return nil, fmt.Errorf("cannot take observation %q", o.What)
}

// event is one of a session that says no more than that it happened.
func (x Session) event(k Kind, at time.Time) Event { return x.says(k, at, nil) }

// says is an event of a session with its body.
func (x Session) says(k Kind, at time.Time, body any) Event {
	return Event{Kind: k, Session: x.ID, At: at, Body: body}
}

// ends is the end of a session before energy flowed.
func (x Session) ends(at time.Time, why Reason) Event { return x.says(Ended, at, EndBody{why}) }

// cancelled ends a session in which no energy has flowed.
func (r Rules) cancelled(x Session, at time.Time, why Reason) ([]Event, error) {
	switch {
	case x.Record != RecordOpen || x.Power == Off:
		return nil, nil
	case x.Money == MoneyNone:
		return []Event{x.ends(at, why), x.event(Closed, at)}, nil
	case x.Money == Declined:
		return []Event{x.event(Closed, at)}, nil
	case x.Money == HoldAsked || x.Money == HoldRecorded || x.Money == HoldUncertain:
		if x.Cancel {
			return nil, nil
		}
		return []Event{x.event(CancelAsked, at)}, nil // given back as soon as it is known
	case x.mayCharge() && (x.Power == Waiting || x.Power == Starting):
		return r.release(x, at, why), nil
	}
	return nil, fmt.Errorf("cannot cancel: money of session %s is %s, power %s", x.Reference, x.Money, x.Power)
}

// release ends a session without energy and gives the hold back.
func (r Rules) release(x Session, at time.Time, why Reason) []Event {
	if x.Money == Free {
		return []Event{x.ends(at, why), x.event(Closed, at)}
	}
	return []Event{x.ends(at, why), x.intent(ReleaseIntent, at, x.Hold.Approved, false)}
}

func (x Session) intent(k Kind, at time.Time, amount kiosk.Money, blind bool) Event {
	return x.says(k, at, SettleBody{amount, x.Attempt + 1, blind})
}

func (r Rules) stopPressed(x Session, o Observation) ([]Event, error) {
	switch x.Power {
	case Closing, Charging, Pausing, Adopting:
		b := StopBody{Reason: ReasonStopped, By: o.By}
		switch {
		case o.By == ByScreen && x.Owned(o.At):
			b.By = x.ProvedBy
		case o.By != "" && o.By != ByScreen:
			b.Reason = ReasonRemote
		}
		return x.stopFor(o, b), nil
	case Stopping, Opened, Off:
		return nil, nil
	}
	return r.cancelled(x, o.At, ReasonCancelled)
}

// wentWrong is an error as a record has it; empty for nil.
func wentWrong(err error) (b ErrorBody) {
	if err != nil {
		b.Error = err.Error()
	}
	return b
}

// answer is what the terminal said in place of a yes.
func answer(err error) AnswerBody {
	b := AnswerBody{ErrorBody: wentWrong(err)}
	var no *kiosk.Declined
	if errors.As(err, &no) {
		b.Class, b.Code = string(no.Class), no.Code
	}
	return b
}

func (r Rules) baseline(s State, x Session, o Observation) []Event {
	if x.Power != Starting {
		return nil
	}
	if o.Err != nil {
		return r.release(x, o.At, ReasonMeter)
	}
	return r.first(s, x, o)
}

func (r Rules) contactor(x Session, o Observation) []Event {
	switch {
	case o.Closed && x.Power == Closing && o.Err == nil && x.Start != nil:
		return []Event{x.event(ContactorClosed, o.At)}
	case o.Closed && x.Power == Closing:
		return x.stopFor(o, StopBody{Reason: ReasonContactor, ErrorBody: wentWrong(o.Err)})
	case !o.Closed && x.Power == Stopping:
		return []Event{x.says(ContactorOpened, o.At, wentWrong(o.Err))}
	}
	return nil
}

// sampled looks at a bay that a session has.
func (r Rules) sampled(s State, x Session, o Observation) ([]Event, error) {
	in, lost := o.Sample.Inputs, o.Sample.InputsLost
	known := lost == 0
	stopped := known && in.Emergency
	switch x.Power {
	case Waiting:
		if stopped && x.mayCharge() {
			return r.release(x, o.At, ReasonEmergency), nil
		}
		if r.waitedTooLong(x, o.At) { // after an outage: another driver plugs in now
			return r.release(x, o.At, ReasonNoPlug), nil
		}
		if known && in.Plugged && x.mayCharge() {
			return x.begins(o.At), nil
		}
	case Starting:
		if stopped {
			return r.release(x, o.At, ReasonEmergency), nil
		}
		if known && !in.Plugged {
			return r.release(x, o.At, ReasonUnplugged), nil
		}
	case Closing:
		if stopped {
			return x.stop(o, ReasonEmergency), nil
		}
		if known && !in.Plugged {
			return x.stop(o, ReasonUnplugged), nil
		}
		// the command was dropped while power had to go off
		if !r.isCharger(x.Bay) && o.At.Sub(x.Start.At) > closeWithin {
			return x.stop(o, ReasonContactor), nil
		}
	case Adopting:
		return r.adopt(x, o), nil
	case Charging, Pausing:
		if why := r.mustStop(x, o); why != "" {
			return x.stop(o, why), nil
		}
		if other := x.crossed(s, o); other > 0 {
			return r.uncross(s, x, other, o), nil
		}
		return r.measured(x, o)
	}
	return nil, nil
}

// closeWithin is how long a contactor may take to close, all told.
const closeWithin = 30 * time.Second

// waitedTooLong tells whether the driver of a hold is gone. A clock that was set back
// proves nothing, so it counts as gone.
func (r Rules) waitedTooLong(x Session, at time.Time) bool {
	return x.mayCharge() && over(x.HoldAt, at, x.given(r.PlugIn))
}

// adopt goes on with a session that a restart interrupted, if the contactor is still closed and
// it is certain that the vehicle is the one that was there; else it is over.
func (r Rules) adopt(x Session, o Observation) []Event {
	sm := o.Sample
	switch {
	case x.Start == nil: // the charger may have begun, and did not say so
		return x.stop(o, ReasonInterrupted)
	case sm.InputsLost == 0 && sm.Inputs.Emergency:
		return x.stop(o, ReasonEmergency)
	case sm.MeterFault != "":
		return x.stop(o, ReasonMeter)
	case sm.InputsLost == 0 && (!sm.Inputs.Plugged || !sm.Inputs.Closed):
		return x.stop(o, ReasonInterrupted)
	case sm.InputsLost == 0 && sm.Reading != nil:
		if err := r.sameVehicle(x, sm.Inputs, *sm.Reading); err != nil {
			return x.stopFor(o, StopBody{Reason: ReasonInterrupted, ErrorBody: wentWrong(err)})
		}
		return []Event{x.says(Adopted, o.At, ReadingBody{Reading: *sm.Reading})}
	case sm.InputsLost > r.inputsLost(x.Bay), sm.MeterLost > r.meterLost(x.Bay, *sm):
		return x.stop(o, ReasonInterrupted)
	}
	return nil
}

// How long a bay may have gone unseen whose session goes on. A cable that is pulled and
// plugged in again by another driver takes longer than adoptAt; where energy never paused it was
// not pulled at all, because a vehicle that is connected asks anew.
const (
	adoptAt     = 5 * time.Second
	adoptFlow   = 30 * time.Second
	flowPercent = 85               // of the power before, over the whole gap, is no pause
	flowLeast   = 10 * time.Second // that a pause for a change of vehicles takes
)

// sameVehicle tells why nothing proves that the vehicle at a bay is the one that was there when the
// last reading was journaled: what happened since is to be proven, not assumed.
func (r Rules) sameVehicle(x Session, in kiosk.BayInputs, now kiosk.Reading) error {
	register, gap := r.Bays[x.Bay], now.At.Sub(x.LastReading().At)
	if err := register.Possible(x.LastReading(), now, gap); err != nil {
		return err
	}
	if 0 <= gap && gap <= adoptAt || in.For == x.Reference { // its transaction ends with the vehicle
		return nil
	}
	rise, _ := register.Rise(x.Last.Import, now.Import)
	flowed := kiosk.Energy(int64(x.Last.Power) * gap.Milliseconds() / 3_600_000 * flowPercent / 100)
	pause := kiosk.Energy(int64(x.Last.Power) * flowLeast.Milliseconds() / 3_600_000)
	if gap < 0 || gap > adoptFlow || now.Power <= 0 || rise < flowed || pause <= 2*max(1, register.Step) {
		return fmt.Errorf(
			"the kiosk was away for %v, and %v that were counted do not prove that the vehicle is the same",
			gap.Round(time.Millisecond), rise)
	}
	return nil
}

// A vehicle that has its energy through another bay's meter: this one has counted next to nothing
// long after its contactor closed, and one counts there whose contactor is open.
const (
	crossedAfter              = 15 * time.Second
	crossedEnergy             = 2
	crossedPower  kiosk.Power = 500
)

// begunAt is when energy could flow: a charger takes its time after its bay's meter was read.
func (x Session) begunAt() time.Time {
	if x.FlowAt.After(x.Start.At) {
		return x.FlowAt
	}
	return x.Start.At
}

// standbyEnergy is what a charger itself may use until a vehicle that draws nothing is found out.
const standbyEnergy kiosk.Energy = 5

// standby is what a bay's meter may count without a vehicle: that in front of a charger counts the charger, too.
func (r Rules) standby(bay int) kiosk.Energy {
	if r.Chargers[bay].Metered {
		return standbyEnergy
	}
	return 0
}

// crossed finds the bay whose meter counts in place of that of a session; 0 where none does.
func (x Session) crossed(s State, o Observation) int {
	now := o.Sample.Reading
	if now == nil || x.Charger || o.At.Sub(x.begunAt()) < crossedAfter || x.Energy(now.Import) > crossedEnergy ||
		now.Power >= crossedPower {
		return 0
	}
	for _, bay := range slices.Sorted(maps.Keys(o.Live)) {
		other := o.Live[bay]
		_, taken := s.AtBay(bay)
		if bay == x.Bay || taken || other.Reading == nil || other.InputsLost != 0 {
			continue
		}
		if !other.Inputs.Closed && other.Reading.Power >= crossedPower && o.At.Sub(other.Reading.At) < crossedAfter {
			return bay
		}
	}
	return 0
}

// uncross ends a session whose energy another bay's meter counts, and closes both bays until a
// person has looked at their wires. What that meter counts is not billed.
func (r Rules) uncross(s State, x Session, other int, o Observation) (out []Event) {
	err := fmt.Errorf("contactor %d is closed, and meter %d counts", x.Bay, other)
	for _, bay := range []int{x.Bay, other} {
		out = append(out, r.fault(s, Observation{At: o.At, Fault: kiosk.FaultMeterCrossed, Bay: bay, Raised: true,
			Err: err})...)
	}
	return append(out, x.stop(o, ReasonMeter)...)
}

// mustStop says why energy must not flow any longer, or nothing.
func (r Rules) mustStop(x Session, o Observation) Reason {
	sm := o.Sample
	switch {
	case sm.InputsLost == 0 && sm.Inputs.Emergency:
		return ReasonEmergency
	case sm.InputsLost == 0 && !sm.Inputs.Plugged:
		return ReasonUnplugged
	case sm.InputsLost == 0 && !sm.Inputs.Closed && r.isCharger(x.Bay):
		return ReasonCharger
	case sm.InputsLost == 0 && !sm.Inputs.Closed:
		return ReasonInterrupted
	case sm.InputsLost > r.inputsLost(x.Bay) && r.isCharger(x.Bay):
		return ReasonLost
	case sm.InputsLost > r.inputsLost(x.Bay):
		return ReasonInterrupted
	case sm.MeterFault != "", sm.MeterLost > r.meterLost(x.Bay, *sm):
		return ReasonMeter
	}
	return ""
}

// stop is the end of a session that has its contactor closed, or may have. What the driver saw
// last is written down before: it is billed although the meter may never be read again.
func (x Session) stop(o Observation, why Reason) []Event { return x.stopFor(o, StopBody{Reason: why}) }

func (x Session) stopFor(o Observation, b StopBody) []Event {
	return append(x.lastGood(o), x.says(StopIntent, o.At, b))
}

// lastGood is the reading that the driver saw last, where the journal has an older one.
func (x Session) lastGood(o Observation) []Event {
	live := o.Live[x.Bay]
	if o.Sample != nil {
		live = *o.Sample
	}
	good := x.newer(live)
	if good == nil || x.Power != Charging && x.Power != Pausing {
		return nil
	}
	return []Event{x.says(ReadingTaken, o.At, ReadingBody{Reading: *good})}
}

// newer is the reading of a look that is relied on, where the journal has an older one; else nil.
func (x Session) newer(look Sample) *kiosk.Reading {
	good := look.Good
	if good == nil || !x.when(good.At).After(x.Last.At) || good.Serial != x.Last.Serial || x.rise(good.Import) < 0 {
		return nil
	}
	return good
}

// Newest is the last reading that is relied on: that of a look at the session's bay, or of the journal.
func (x Session) Newest(look Sample) kiosk.Reading {
	if good := x.newer(look); good != nil {
		return *good
	}
	return x.LastReading()
}

// measured takes a good look at a running session. A meter in front of a charger that cannot be reached counts on.
func (r Rules) measured(x Session, o Observation) ([]Event, error) {
	reading, known := o.Sample.Reading, o.Sample.InputsLost == 0
	if reading == nil || !known && !r.Chargers[x.Bay].Metered {
		return nil, nil
	}
	why, err := r.limitReached(x, *reading, r.reaction(x.Bay, o.Sample.Inputs))
	if err != nil { // what cannot be priced must not be sold
		return x.stopFor(o, StopBody{Reason: ReasonMeter, ErrorBody: wentWrong(err)}), nil
	}
	read := func(k Kind, boundary bool) ([]Event, error) {
		return []Event{x.says(k, o.At, ReadingBody{*reading, boundary})}, nil
	}
	switch {
	case why != "":
		return x.stop(o, why), nil
	case x.Energy(reading.Import) <= r.standby(x.Bay) && x.when(o.At).Sub(x.when(x.begunAt())) >= r.NoEnergy:
		return x.stop(o, ReasonNoEnergy), nil
	case known && x.Power == Charging && !o.Sample.Inputs.Requesting:
		return read(Paused, false)
	case known && x.Power == Pausing && o.Sample.Inputs.Requesting:
		return read(Unpaused, false)
	}
	if b := x.Tariff.NextBoundary(x.Last.At, x.Location); !b.IsZero() && !b.After(x.when(o.At)) {
		return read(ReadingTaken, true)
	}
	if x.when(reading.At).Truncate(r.ReadingEvery).After(x.Last.At) { // at one moment for all bays: they share a commit
		return read(ReadingTaken, false)
	}
	return nil, nil
}

// limitReached tells whether the hold is nearly used up, or the driver's own limit.
func (r Rules) limitReached(x Session, reading kiosk.Reading, reaction time.Duration) (Reason, error) {
	over, err := r.usedUp(x, reading, x.Hold.Approved, reaction)
	if over || err != nil {
		return ReasonLimit, err
	}
	own := x.Offer.Limit
	switch {
	case own == nil:
		return "", nil
	case own.Cost != nil:
		over, err = r.usedUp(x, reading, *own.Cost, r.reaction(x.Bay, kiosk.BayInputs{}))
	case own.Energy > 0:
		over = x.Energy(reading.Import) >= own.Energy
	case own.Time > 0:
		over = x.when(reading.At).Sub(x.Start.At) >= time.Duration(own.Time)*time.Second
	}
	if over {
		return ReasonOwnLimit, err
	}
	return "", err
}

// usedUp tells whether an amount would be used up before a stop takes effect, at the
// bay's full power.
func (r Rules) usedUp(x Session, reading kiosk.Reading, limit kiosk.Money, reaction time.Duration) (bool, error) {
	u := x.usage(reading)
	next := tariff.Period{Start: u.End, State: tariff.Charging, Current: sum(reading.Current)}
	if x.idle {
		next.State = tariff.Parked
	} else {
		next.Energy = r.atFullPower(x.Bay, reaction) + 1
	}
	u.Periods = append(u.Periods, next)
	u.End = u.End.Add(reaction)
	cost, err := x.Tariff.Calculate(u, x.Location)
	if err != nil {
		return false, err
	}
	return cost.AfterTaxes.Minor > limit.Minor, nil
}

func (r Rules) tick(s State, o Observation) (out []Event) {
	for _, x := range s.ordered() {
		switch {
		case x.Money == MoneyNone && x.Record == RecordOpen && o.At.Sub(x.LeaseAt) >= x.given(r.Lease):
			out = append(out, x.ends(o.At, ReasonTimeout), x.event(Closed, o.At))
		case x.Money == Declined && x.Record == RecordOpen && over(x.EndAt, o.At, x.given(r.TryAgain)):
			out = append(out, x.event(Closed, o.At))
		case x.Power == Waiting && r.waitedTooLong(x, o.At):
			out = append(out, r.release(x, o.At, ReasonNoPlug)...)
		// others need the bay
		case x.Money == HoldUncertain && x.Power == PowerNone && o.At.Sub(x.AskedAt) > unknownFor:
			out = append(out, x.ends(o.At, ReasonUnknown))
		case (x.Money == CaptureDelayed || x.Money == ReleaseDelayed) && s.isDue(x, o.At):
			out = append(out, x.again(o.At, ""))
		}
	}
	out = append(out, r.guards(s, o.At)...)
	if !o.Ending {
		out = append(out, r.dayEnd(s, o.At)...)
	}
	return append(out, r.owed(s, o)...)
}

// isDue tells whether a settlement's time has come, or the clock was set back. What waited for a line
// that was lost goes on soon after it is back.
func (s State) isDue(x Session, at time.Time) bool {
	due := x.Due
	if soon := x.TriedAt.Add(hurried(x.Attempt)); s.BackAt.After(x.WaitAt) && soon.Before(due) {
		due = soon
	}
	return !at.Before(due) || due.Sub(at) > longestRung
}

// over tells whether a time is over. A clock that was set back proves nothing: it is.
func over(since, at time.Time, limit time.Duration) bool {
	age := at.Sub(since)
	return age >= limit || age < -time.Minute
}

// again looks at the terminal's list before a settlement is tried again, which it may be at once.
func (x Session) again(at time.Time, by string) Event {
	return x.says(x.settlement().unknown, at, UnknownBody{Definite: !x.Maybe, Due: &at, By: by})
}

// owed raises and clears the faults of money that waits.
func (r Rules) owed(s State, o Observation) (out []Event) {
	late := map[kiosk.FaultCode]bool{}
	for _, x := range s.Sessions {
		switch {
		case x.Record == RecordClosed || x.Money == HoldUncertain && o.At.Sub(x.AskedAt) <= unknownFor:
		case x.Money == HoldUncertain:
			late[kiosk.FaultHoldUnclear] = true
		case x.OwedAt.IsZero() || o.At.Sub(x.OwedAt) <= time.Hour:
		case x.settlement() == capturing:
			late[kiosk.FaultCapturePending] = true
		default:
			late[kiosk.FaultReleasePending] = true
		}
	}
	for _, code := range []kiosk.FaultCode{kiosk.FaultCapturePending, kiosk.FaultReleasePending,
		kiosk.FaultHoldUnclear} {
		if s.Faults[FaultAt{Code: code}] != late[code] {
			out = append(out, r.fault(s, Observation{At: o.At, Fault: code, Raised: late[code]})...)
		}
	}
	return out
}

func (r Rules) boot(s State, o Observation) (out []Event) {
	if s.Draining { // what it was drained for is done
		out = append(out, Event{Kind: DrainEnded, At: o.At})
	}
	for bay := range s.Testing {
		out = append(out, Event{Kind: ContactorTested, At: o.At,
			Body: TestedBody{Bay: bay, ErrorBody: ErrorBody{"interrupted"}}})
	}
	if !s.Day.Asked.IsZero() {
		out = append(out, Event{Kind: DayEndFailed, At: o.At, Body: ErrorBody{"interrupted: its outcome is not known"}})
	}
	for _, x := range s.ordered() {
		if x.Record == RecordClosed {
			continue
		}
		out = append(out, x.event(Resumed, o.At))
		_, configured := r.Bays[x.Bay]
		switch {
		case !configured && x.running():
			out = append(out, x.says(StopIntent, o.At, StopBody{Reason: ReasonInterrupted}))
		case x.Money == MoneyNone:
			out = append(out, x.ends(o.At, ReasonTimeout), x.event(Closed, o.At))
		case x.Record == RecordFinal, x.Money == Declined:
			out = append(out, x.event(Closed, o.At))
		case x.Money == Captured, x.Money == Released, x.Money == Disputed && x.Power == Off:
			out = append(out, x.event(ReceiptFinal, o.At), x.event(Closed, o.At))
		case x.mayCharge() && x.Power == Off:
			out = append(out, r.settle(x, o.At)...)
		}
	}
	return out
}

func (r Rules) shutdown(s State, o Observation) (out []Event) {
	for _, x := range s.ordered() {
		switch x.Power {
		case Closing, Charging, Pausing, Adopting:
			out = append(out, x.stop(o, ReasonShutdown)...)
		case PowerNone, Waiting, Starting:
			if events, err := r.cancelled(x, o.At, ReasonShutdown); err == nil {
				out = append(out, events...)
			}
		}
	}
	return out
}
