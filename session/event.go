package session

import (
	"encoding/json"
	"fmt"
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
	HoldUnknown     Kind = "hold_unknown"     // nobody knows: the terminal is asked
	HoldGone        Kind = "hold_gone"        // the terminal holds nothing
	HoldFound       Kind = "hold_found"       // the terminal holds something that we did not record
	Plugged         Kind = "plugged"          // a vehicle is connected
	MeterStart      Kind = "meter_start"      // first register, read twice
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
	Alert           Kind = "alert" // a rule against fraud or abuse: see Event.Rule
	FaultRaised     Kind = "fault_raised"
	FaultCleared    Kind = "fault_cleared"
	RegisterSeen    Kind = "register_seen"  // of a bay that nobody has, for the first time
	DayEndDue       Kind = "day_end_due"    // the terminal wants it
	DayEndIntent    Kind = "day_end_intent" // about to reconcile the terminal
	DayEnded        Kind = "day_ended"      // Amount is what the terminal counted
	DayEndFailed    Kind = "day_end_failed"
	DrainBegun      Kind = "drain_begun" // nothing new is sold: an update is waited for
	DrainEnded      Kind = "drain_ended"
	ClockJudged     Kind = "clock_judged" // the wall clock began or ceased to be trusted
	ClockSet        Kind = "clock_set"    // from Since to At: nothing was running
	TimeGiven       Kind = "time_given"   // the visitor asked for more time: Attempt is how often
	FreeGranted     Kind = "free_granted" // the host lets a vehicle charge for nothing
	AccessGranted   Kind = "access_granted"
	AccessRefused   Kind = "access_refused"
	ContactorTest   Kind = "contactor_test" // about to close for a moment, with nothing connected
	ContactorTested Kind = "contactor_tested"
	MeterSwapped    Kind = "meter_swapped" // Old is the last register of the one before
	Refunded        Kind = "refunded"      // outside of the terminal, by a person: Amount, By and Note say what

	InstructionTaken   Kind = "instruction_taken" // a back office's, signed and in time; about to be done
	InstructionDone    Kind = "instruction_done"
	InstructionRefused Kind = "instruction_refused" // and why: Error

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
	ReasonOverused    Reason = "overused"    // the card was used too often of late
)

// Event is something that happened or is about to be done. Which fields are there
// depends on the kind.
type Event struct {
	Kind      Kind              `json:"-"`
	Session   string            `json:"-"`
	At        time.Time         `json:"at"`
	Reference string            `json:"reference,omitempty"`
	Bay       int               `json:"bay,omitempty"`
	EVSE      string            `json:"evse_id,omitempty"`
	Offer     *Offer            `json:"offer,omitempty"`
	Amount    *kiosk.Money      `json:"amount,omitempty"`
	Attempt   int               `json:"attempt,omitempty"`
	Hold      *kiosk.Hold       `json:"hold,omitempty"`
	Class     string            `json:"class,omitempty"`
	Reading   *kiosk.Reading    `json:"reading,omitempty"`
	Old       *kiosk.Reading    `json:"old_reading,omitempty"`
	Modulus   kiosk.Energy      `json:"register_modulus_wh,omitempty"` // with the first register: it begins again at 0 here
	Boundary  bool              `json:"boundary,omitempty"`            // a price may change here
	Source    string            `json:"source,omitempty"`              // of the last register: read or last_good
	Reason    Reason            `json:"reason,omitempty"`
	Bill      *Bill             `json:"bill,omitempty"`
	Booking   *kiosk.Booking    `json:"booking,omitempty"`
	Due       *time.Time        `json:"due,omitempty"`
	Definite  bool              `json:"definite,omitempty"`   // the try was certainly not carried out
	StopCode  string            `json:"stop_code,omitempty"`  // in journals of version 0.1 alone; see Rules.Code
	By        string            `json:"by,omitempty"`         // who stopped, or what was shown as proof: screen, code, card, or a name
	Card      string            `json:"card_token,omitempty"` // of a card that was declined
	Code      string            `json:"code,omitempty"`       // the terminal's result code
	Rule      string            `json:"rule,omitempty"`
	Force     bool              `json:"force,omitempty"` // an end-of-day although bookings wait
	Since     *time.Time        `json:"since,omitempty"`
	Untrusted bool              `json:"clock_untrusted,omitempty"` // the wall clock may be wrong: no time is billed, and the cheapest time of day
	Blind     bool              `json:"blind,omitempty"`           // repeated without a list that proves that it must be
	Fault     string            `json:"fault,omitempty"`
	Error     string            `json:"error,omitempty"`
	Site      map[string]string `json:"site,omitempty"` // what the receipt must say of the seller
	Note      string            `json:"note,omitempty"` // an instruction as it was signed, or what a person says
	// Instruction is a back office's; Report is what it asked for.
	Instruction *kiosk.Instruction `json:"instruction,omitempty"`
	Report      json.RawMessage    `json:"report,omitempty"`
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
	token := e.Card
	if e.Card = ""; e.Hold != nil && e.Hold.Card != "" {
		hold := *e.Hold
		token, hold.Card, e.Hold = hold.Card, "", &hold
	}
	body, err := json.Marshal(e)
	if err != nil {
		return kiosk.Entry{}, fmt.Errorf("cannot write %s: %w", e.Kind, err)
	}
	return kiosk.Entry{Session: e.Session, Reference: e.Reference, Kind: string(e.Kind), Body: body, Ends: e.Kind == Closed || e.Kind == Refunded, Token: token}, nil
}

// complete tells what an event lacks that its kind must have: a journal that was damaged, or written by
// another version, is an error and not a crash.
func (e Event) complete() error {
	missing := ""
	switch e.Kind {
	case OfferAccepted:
		missing = lacks(e.Offer == nil, "offer")
	case HoldIntent, CaptureIntent, ReleaseIntent:
		missing = lacks(e.Amount == nil, "amount")
	case HoldOK, HoldFound:
		missing = lacks(e.Hold == nil, "hold")
	case MeterStart, MeterEnd, ReadingTaken, RegisterSeen, MeterSwapped:
		missing = lacks(e.Reading == nil, "reading")
	case Billed:
		missing = lacks(e.Bill == nil, "bill")
	case CaptureWaiting, ReleaseWaiting:
		missing = lacks(e.Due == nil, "due")
	case CaptureOK, ReleaseOK:
		missing = lacks(e.Booking == nil, "booking")
	}
	if missing != "" {
		return fmt.Errorf("cannot apply %s: it has no %s", e.Kind, missing)
	}
	return nil
}

func lacks(is bool, what string) string {
	if is {
		return what
	}
	return ""
}

// follows tells what a session lacks for an event.
func (x Session) follows(k Kind) error {
	missing := ""
	switch k {
	case HoldConfirmed, ReleaseIntent:
		missing = lacks(x.Hold == nil, "hold")
	case CaptureIntent:
		missing = lacks(x.Hold == nil || x.Bill == nil, "hold or bill")
	case FreeGranted, HoldIntent, HoldOK:
		missing = lacks(x.Offer == nil, "offer")
	case ContactorClose, ReadingTaken, Paused, Unpaused, Adopted, MeterEnd:
		missing = lacks(x.Start == nil || x.Last == nil || x.Tariff == nil, "first register")
	}
	if missing != "" {
		return fmt.Errorf("session %s has no %s", x.Reference, missing)
	}
	return nil
}

// FromRecord reads an event back.
func FromRecord(r kiosk.Record) (Event, error) {
	e := Event{Kind: Kind(r.Kind), Session: r.Session}
	if err := json.Unmarshal(r.Body, &e); err != nil {
		return e, fmt.Errorf("cannot read record %d (%s): %w", r.Seq, r.Kind, err)
	}
	switch {
	case r.Token == "":
	case e.Hold != nil:
		e.Hold.Card = r.Token
	default:
		e.Card = r.Token
	}
	return e, nil
}

// Thinnable lists the kinds of records that nothing rests on once their session is over and a
// back office has them: readings on the way, and who was let in at the screen. A journal
// replays without any of them. What fiscal rules keep is never among them.
func Thinnable() []string {
	return []string{string(ReadingTaken), string(AccessGranted), string(AccessRefused)}
}
