package session

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"kioskd"
)

// Kind is the kind of an event, as the journal has it.
type Kind string

// Kinds of events. An intent comes before the deed; what it leads to comes after.
const (
	BayLease        Kind = "bay_lease"        // a visitor chose a bay
	OfferAccepted   Kind = "offer"            // price, hold and language are frozen
	HoldIntent      Kind = "hold_intent"      // a card is about to be asked for
	CancelAsked     Kind = "cancel_asked"     // the driver cancelled while the card was waited for
	HoldOK          Kind = "hold_ok"          // approved; not acknowledged to the terminal yet
	HoldConfirmed   Kind = "hold_confirmed"   // the terminal completed it, or lists it
	HoldDeclined    Kind = "hold_declined"    // a definite no
	HoldUnknown     Kind = "hold_unknown"     // its outcome is not known: the terminal is asked
	HoldGone        Kind = "hold_gone"        // the terminal holds nothing
	HoldFound       Kind = "hold_found"       // the terminal holds something that we did not record
	Plugged         Kind = "plugged"          // a vehicle is connected
	MeterStart      Kind = "meter_start"      // first register, read twice
	SigningIntent   Kind = "signing_intent"   // the meter is about to sign the beginning
	SigningBegan    Kind = "signing_began"    // it did
	ContactorClose  Kind = "contactor_close"  // about to close
	ContactorClosed Kind = "contactor_closed" // its auxiliary contact says so
	ReadingTaken    Kind = "reading"          // a register on the way
	Paused          Kind = "paused"           // the vehicle asks for nothing
	Unpaused        Kind = "unpaused"         // it asks again
	Adopted         Kind = "adopted"          // after a restart the session was found running
	StopIntent      Kind = "stop_intent"      // about to open, and why
	ContactorOpened Kind = "contactor_opened" // its auxiliary contact says so, or Error
	MeterEnd        Kind = "meter_end"        // last register
	Ended           Kind = "ended"            // ended before energy, and why
	Billed          Kind = "bill"             // the price is final
	CaptureIntent   Kind = "capture_intent"   // about to take
	CaptureOK       Kind = "capture_ok"       // booked; not acknowledged to the terminal yet
	CaptureDone     Kind = "capture_confirmed"
	CaptureUnknown  Kind = "capture_unknown"
	CaptureWaiting  Kind = "capture_waiting" // not booked, tried again at Due
	ReleaseIntent   Kind = "release_intent"
	ReleaseOK       Kind = "release_ok"
	ReleaseDone     Kind = "release_confirmed"
	ReleaseUnknown  Kind = "release_unknown"
	ReleaseWaiting  Kind = "release_waiting"
	Refused         Kind = "settlement_refused" // a definite no, or the last try: a person must look
	Unproven        Kind = "unproven"           // the hold is gone, and nothing proves where to
	HoldVanished    Kind = "hold_vanished"      // the terminal no longer has the hold of a session without energy
	HoldMissing     Kind = "hold_missing"       // a whole list of the terminal lacks the hold
	HoldListed      Kind = "hold_listed"        // it is there again
	ReceiptFinal    Kind = "receipt_final"
	Closed          Kind = "closed"       // nothing more is to be done
	Resumed         Kind = "resumed"      // the daemon started and found the session open
	ProofWanted     Kind = "proof_wanted" // a card is waited for, to show whose session it is
	ProofRight      Kind = "proof_right"
	ProofWrong      Kind = "proof_wrong"
	Alert           Kind = "alert" // a rule against fraud or abuse
	FaultRaised     Kind = "fault_raised"
	FaultCleared    Kind = "fault_cleared"
	RegisterSeen    Kind = "register_seen"  // of a bay without a session, for the first time
	DayEndDue       Kind = "day_end_due"    // the terminal wants it
	DayEndIntent    Kind = "day_end_intent" // about to reconcile the terminal
	DayEnded        Kind = "day_ended"
	DayEndFailed    Kind = "day_end_failed"
	DrainBegun      Kind = "drain_begun" // nothing new is sold: an update is waited for
	DrainEnded      Kind = "drain_ended"
	ClockJudged     Kind = "clock_judged" // the wall clock began or ceased to be trusted
	ClockSet        Kind = "clock_set"    // from Since to At: nothing was running
	TimeGiven       Kind = "time_given"   // the visitor asked for more time
	BayMoved        Kind = "bay_moved"    // the driver plugged in at another bay, and charges there
	FreeGranted     Kind = "free_granted" // the host lets a vehicle charge for nothing
	AccessGranted   Kind = "access_granted"
	AccessRefused   Kind = "access_refused"
	ContactorTest   Kind = "contactor_test" // about to close for a moment, with nothing connected
	ContactorTested Kind = "contactor_tested"
	MeterSwapped    Kind = "meter_swapped"
	SigningLeft     Kind = "signing_left" // of a transaction that was open in a meter, and that no session ended

	TransactionBegan   Kind = "transaction_began"   // of a session whose bay has a meter in front of its charger
	TransactionRefused Kind = "transaction_refused" // a charger began one that no session granted
	TransactionEnded   Kind = "transaction_ended"   // as the charger told it, also long after its session

	Refunded Kind = "refunded" // outside of the terminal, by a person

	InstructionTaken   Kind = "instruction_taken" // a back office's, signed and in time; about to be done
	InstructionDone    Kind = "instruction_done"
	InstructionRefused Kind = "instruction_refused" // and why: Error

	// What is only written down: see Controller.Note.
	Login         Kind = "login" // over the network
	LoginRefused  Kind = "login_refused"
	CommandGiven  Kind = "command"        // over the network, about to be done
	AccessChanged Kind = "access_changed" // a token was made or ended
	Inspected     Kind = "inspected"      // a device, by a person who looked for tampering
	VisitDigest   Kind = "visit_digest"   // how many visitors did what, of a day: never who

	// Derived records, for others to ingest: see Config.Derive.
	OCPICDR Kind = "ocpi_cdr"
	OCPIFAC Kind = "ocpi_financial_advice"
)

// Reason says why a session ended. Each is the key of a text that the driver reads.
type Reason string

// Reasons.
const (
	ReasonStopped     Reason = "stopped"     // by the driver, on the screen
	ReasonUnplugged   Reason = "unplugged"   // at the vehicle
	ReasonLimit       Reason = "limit"       // the hold is used up
	ReasonNoEnergy    Reason = "no_energy"   // the vehicle took nothing
	ReasonNoPlug      Reason = "no_plug"     // no vehicle was connected
	ReasonCancelled   Reason = "cancelled"   // by the driver, before energy
	ReasonTimeout     Reason = "timeout"     // the visitor left
	ReasonDeclined    Reason = "declined"    // no money was reserved
	ReasonMeter       Reason = "meter"       // the meter cannot be read, or not believed
	ReasonContactor   Reason = "contactor"   // the contactor does not follow
	ReasonInterrupted Reason = "interrupted" // power or contact was lost
	ReasonShutdown    Reason = "shutdown"    // the kiosk was switched off
	ReasonOrphan      Reason = "orphan"      // a hold that no session knows
	ReasonUnknown     Reason = "unknown"     // whether money was reserved could not be found out in time
	ReasonHoldGone    Reason = "hold_gone"   // the reservation is no longer there
	ReasonTooLittle   Reason = "too_little"  // the bank approved less than can be sold for
	ReasonOwnLimit    Reason = "own_limit"   // that the driver set
	ReasonEmergency   Reason = "emergency"   // the emergency stop was pressed
	ReasonRemote      Reason = "remote"      // the operator stopped it
	ReasonCharger     Reason = "charger"     // the charger ended it
	ReasonLost        Reason = "lost"        // the charger could not be reached for too long
	ReasonOverused    Reason = "overused"    // the card was used too often of late
)

// Event is something that happened or is about to be done.
type Event struct {
	Kind      Kind
	Session   string
	At        time.Time
	Untrusted bool // the wall clock may be wrong: no time is billed, and the cheapest time of day
	Body      any  // of the kind's type, see bodies; nil where it has none
}

// head is what every record has.
type head struct {
	At        time.Time `json:"at"`
	Untrusted bool      `json:"clock_untrusted,omitempty"`
}

// Offer is what the driver agreed to.
type Offer struct {
	Tariff   json.RawMessage `json:"tariff"`
	Hash     string          `json:"tariff_sha256"`
	Hold     kiosk.Money     `json:"hold"`
	Language string          `json:"language"`
	Timezone string          `json:"timezone"`
	Limit    *Limit          `json:"limit,omitempty"`
}

// Limit is where the driver wants the session to end. One of its fields is set.
type Limit struct {
	Energy kiosk.Energy `json:"energy_wh,omitempty"`
	Cost   *kiosk.Money `json:"cost,omitempty"`
	Time   int64        `json:"time_s,omitempty"`
}

// Entry is the event as the journal takes it. What recognises a card goes beside it.
func (e Event) Entry() (kiosk.Entry, error) {
	out := kiosk.Entry{Session: e.Session, Kind: string(e.Kind), Ends: e.Kind == Closed || e.Kind == Refunded}
	body := e.Body
	switch b := body.(type) {
	case LeaseBody:
		out.Reference = b.Reference
	case FoundBody:
		out.Reference, out.Token, b.Hold.Card = b.Reference, b.Hold.Card, ""
		body = b
	case HoldBody:
		out.Token, b.Hold.Card = b.Hold.Card, ""
		body = b
	case DeclineBody:
		out.Token, b.Card = b.Card, ""
		body = b
	}
	err := e.complete()
	if err == nil {
		out.Body, err = joined(head{e.At, e.Untrusted}, body)
	}
	if err != nil {
		return kiosk.Entry{}, fmt.Errorf("cannot write %s: %w", e.Kind, err)
	}
	return out, nil
}

// joined is one JSON object of two.
func joined(head, body any) ([]byte, error) {
	first, err := json.Marshal(head)
	if err != nil || body == nil {
		return first, err
	}
	second, err := json.Marshal(body)
	if err != nil || len(second) == len("{}") {
		return first, err
	}
	return append(append(first[:len(first)-1], ','), second[1:]...), nil
}

// complete tells why an event is not one of its kind.
func (e Event) complete() error {
	want, known := bodies[e.Kind]
	switch {
	case !known:
		return fmt.Errorf("no record of this version is of kind %q", e.Kind)
	case want != typeOf[DerivedBody]() && reflect.TypeOf(e.Body) != want:
		return fmt.Errorf("its body is a %T, not a %v", e.Body, want)
	}
	return nil
}

// follows tells what a session lacks for an event.
func (x Session) follows(k Kind) error {
	there, what := true, ""
	switch k {
	case HoldConfirmed, ReleaseIntent:
		there, what = x.Hold != nil, "hold"
	case CaptureIntent:
		there, what = x.Hold != nil && x.Bill != nil, "hold or bill"
	case FreeGranted, HoldIntent, HoldOK:
		there, what = x.Offer != nil, "offer"
	case SigningIntent, SigningBegan:
		there, what = x.Start != nil && x.Last != nil && (x.Signing != nil) == (k == SigningBegan), "register to sign"
	case ContactorClose:
		there, what = x.Charger || x.Start != nil && x.Last != nil && x.Tariff != nil && x.Signing.begun(),
			"first register"
	case ReadingTaken, Paused, Unpaused, Adopted, MeterEnd:
		there, what = x.Start != nil && x.Last != nil && x.Tariff != nil, "first register"
	case Billed:
		there, what = x.Power == Off, "last register"
	case ReceiptFinal, Closed:
		there, what = x.Money == MoneyNone || x.Money == Declined || x.Money == Disputed || x.Money.Settled(),
			"end of its money"
	}
	if !there {
		return fmt.Errorf("session %s has no %s", x.Reference, what)
	}
	return nil
}

// FromRecord reads an event back. A record of a kind that is not known, or that lacks what its kind must
// have, is an error with its number.
func FromRecord(r kiosk.Record) (Event, error) {
	e := Event{Kind: Kind(r.Kind), Session: r.Session}
	var h head
	err := json.Unmarshal(r.Body, &h)
	if missing := lacking(typeOf[head](), r.Body); err == nil && missing != "" {
		err = fmt.Errorf("it has no %s", missing)
	}
	if err == nil {
		e.At, e.Untrusted = h.At, h.Untrusted
		e.Body, err = readBody(e.Kind, r.Body)
	}
	if err != nil {
		return e, fmt.Errorf("cannot read record %d (%s): %w", r.Seq, r.Kind, err)
	}
	switch b := e.Body.(type) {
	case HoldBody:
		b.Hold.Card = r.Token
		e.Body = b
	case FoundBody:
		b.Hold.Card = r.Token
		e.Body = b
	case DeclineBody:
		b.Card = r.Token
		e.Body = b
	}
	return e, nil
}

// Thinnable lists the kinds of records that nothing rests on once their session is over and a
// back office has them: readings on the way, and who was let in at the screen. A journal
// replays without any of them. What fiscal rules keep is never among them.
func Thinnable() []string {
	return []string{string(ReadingTaken), string(AccessGranted), string(AccessRefused)}
}
