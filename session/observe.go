package session

import (
	"encoding/json"
	"time"

	"kioskd"
)

// Observation is what a driver, a device or the clock says. Which fields are there
// depends on What.
type Observation struct {
	What      What
	At        time.Time
	Session   string
	Reference string // of a new session
	Bay       int
	EVSE      string
	Site      map[string]string
	Offer     *Offer
	Hold      *kiosk.Hold
	Result    *kiosk.CaptureResult
	Reading   *kiosk.Reading
	Old       *kiosk.Reading // of the meter before
	Sample    *Sample
	Live      map[int]Sample // latest look at each bay; none before the first
	Open      kiosk.OpenHolds
	Ready     bool                 // the terminal said just before that it is
	Last      *kiosk.CaptureResult // nil if the terminal did not say
	Closed    bool                 // contactor
	Fault     kiosk.FaultCode
	Raised    bool
	Code      string       // a stop code as it was entered
	Card      string       // token of a card that was read
	By        string       // who stops: screen, or a name
	Total     *kiosk.Money // of an end-of-day
	From      *time.Time   // what the clock said before it was set
	Untrusted bool         // the wall clock may be wrong
	Ending    bool         // the daemon is about to end: nothing new begins
	Force     bool         // end the day although captures wait: the terminal refuses them until then
	Err       error
	Records   []string             // that a meter signed
	Signed    *kiosk.SignedReading // what it signed of a session, and what that proves
	Note      string               // see Event
	// Instruction is a back office's, Report what came of it.
	Instruction *kiosk.Instruction
	Report      json.RawMessage
	Amount      *kiosk.Money // of a refund
	Key         string       // of a refund: one that is told again with it is the same
	Transaction *kiosk.Transaction
	Ended       *ChargerEndBody
	Noted       *Event        // see Controller.Note
	Derived     []kiosk.Entry // to be written together with what follows
}

// What is the kind of an observation.
type What string

// Observations.
const (
	Chosen             What = "chosen"    // a bay, on the screen
	Accepted           What = "accepted"  // the offer
	Cancelled          What = "cancelled" // by the driver
	StopPressed        What = "stop_pressed"
	HoldApproved       What = "hold_approved" // Record of a hold
	HoldEnded          What = "hold_ended"    // Hold returned
	BaselineRead       What = "baseline_read"
	SigningStarted     What = "signing_started" // the meter signed the beginning, or did not
	SigningFound       What = "signing_found"   // Records of a transaction that was open in a meter
	ContactorMoved     What = "contactor_moved"
	Sampled            What = "sampled"
	FinalRead          What = "final_read"
	SettlementApproved What = "booking_approved" // Record of a capture or release
	SettlementEnded    What = "booking_ended"    // Capture or Release returned
	TerminalSaid       What = "terminal_said"    // answer to AskTerminal
	TerminalWell       What = "terminal_well"    // what the terminal says of itself; Err where it is not ready
	Ticked             What = "ticked"
	Booted             What = "booted"
	Shutdown           What = "shutdown"
	FaultSeen          What = "fault_seen"
	FaultDone          What = "fault_done"   // a technician says that its cause is gone
	AskedAgain         What = "asked_again"  // after a decline: the driver tries again
	CodeEntered        What = "code_entered" // a stop code
	CardAsked          What = "card_asked"   // the owner wants to show their card
	CardRead           What = "card_read"
	DayEndAsked        What = "day_end_asked"
	DayEndDone         What = "day_end_done" // or failed
	DrainAsked         What = "drain_asked"  // Raised, or no longer
	ClockSeen          What = "clock_seen"
	MoreAsked          What = "more_asked"  // the visitor needs longer
	MoveAsked          What = "move_asked"  // they plugged in at Bay, and want to charge there
	FreeAsked          What = "free_asked"  // by the host: a bay, for nothing
	CodeJudged         What = "code_judged" // a staff code; Raised if it was right
	TestAsked          What = "test_asked"  // of a contactor
	TestEnded          What = "test_ended"
	MeterChanged       What = "meter_changed"
	ShutAsked          What = "shut_asked"      // of a bay; Raised, or no longer
	RetryAsked         What = "retry_asked"     // of a settlement that waits
	RefundTold         What = "refund_told"     // money was given back outside of the terminal
	ChargerStarted     What = "charger_started" // a charger began Transaction, with Reading
	ChargerRefused     What = "charger_refused" // it began one that may not run
	ChargerEnded       What = "charger_ended"   // one is over

	NoteTold         What = "note_told"         // Noted is only written down
	InstructionGiven What = "instruction_given" // by a back office; proven to be its own
	InstructionEnded What = "instruction_ended" // done, or with Err refused
)

// Sample is one look at a bay.
type Sample struct {
	Inputs     kiosk.BayInputs
	InputsLost time.Duration   // 0 if they were read just now
	Reading    *kiosk.Reading  // nil if it could not be read
	Good       *kiosk.Reading  // the last that is relied on; nil before the first
	MeterLost  time.Duration   // since the last good reading
	MeterFault kiosk.FaultCode // code, if the meter was read and is not believed
}

// Rules are the site's settings of the machine.
type Rules struct {
	Bays         map[int]BayRules
	Chargers     map[int]ChargerRules // of bays that are a charger's
	Signs        map[int]bool         // bays whose sales are signed by their meter
	Currency     kiosk.Currency
	Lease        time.Duration // bay is kept for a visitor
	PlugIn       time.Duration // from the hold to the vehicle
	NoEnergy     time.Duration // from the contactor to the first watt-hour
	MeterLost    time.Duration // charging without a reading
	InputsLost   time.Duration // charging without inputs
	ReadingEvery time.Duration // in the journal
	Reaction     time.Duration // from deciding to stop to no energy
	TryAgain     time.Duration // after a decline the bay is kept for another try
	Minimum      kiosk.Money   // a hold below it is given back
	TerminalID   string        // of the site's terminal; empty to take any
	Abilities    kiosk.TerminalAbilities
	DayEnd       time.Duration // the terminal's end-of-day, after midnight; negative for none by the clock
	Location     *time.Location
	Code         func(session string) string // the stop code of a session, which no journal has; nil for none
}

// BayRules are a bay's: what its meter's register may do.
type BayRules = kiosk.Register

// ChargerRules are those of a bay whose energy a charger switches, and counts unless there is a meter in front of it.
type ChargerRules struct {
	Metered  bool          // the bay has a meter of its own
	Lost     time.Duration // it may be out of reach while it charges; then what it told last is billed
	Mute     time.Duration // it may tell no register while it charges
	Reaction time.Duration // from deciding to stop to no energy
}

// NewChargerRules are those of a charger that is given up after a time, and that tells its register so often. A minute
// is also what a connection that is dead on the other side needs to be found out.
func NewChargerRules(lost, sample time.Duration) ChargerRules {
	return ChargerRules{Lost: lost, Mute: max(time.Minute, 6*sample), Reaction: 2 * sample}
}

func (r Rules) isCharger(bay int) bool {
	_, ok := r.Chargers[bay]
	return ok
}

// counts tells whether a bay's charger is its meter.
func (r Rules) counts(bay int) bool { return r.isCharger(bay) && !r.Chargers[bay].Metered }

// reaction is the time from deciding to stop to no energy at a bay. A charger that goes on when it is cut off may be
// cut off at any time.
func (r Rules) reaction(bay int, in kiosk.BayInputs) time.Duration {
	c, ok := r.Chargers[bay]
	switch {
	case ok && in.Unfused:
		return c.Lost + c.Reaction
	case ok:
		return c.Reaction
	}
	return r.Reaction
}

// inputsLost and meterLost are how long a bay's devices may say nothing while it charges.
func (r Rules) inputsLost(bay int) time.Duration {
	if c, ok := r.Chargers[bay]; ok {
		return c.Lost
	}
	return r.InputsLost
}

func (r Rules) meterLost(bay int, sm Sample) time.Duration {
	c := r.Chargers[bay]
	switch {
	case !r.counts(bay):
		return r.MeterLost
	case sm.InputsLost > 0: // both are the charger's
		return c.Lost
	}
	return c.Mute
}

// DefaultRules are the timings of the product.
func DefaultRules() Rules {
	return Rules{
		Lease: 90 * time.Second, PlugIn: 3 * time.Minute, NoEnergy: 5 * time.Minute, MeterLost: 15 * time.Second,
		InputsLost: 5 * time.Second, ReadingEvery: 10 * time.Second, Reaction: 4 * time.Second,
		TryAgain: 20 * time.Second,
		DayEnd:   -1, Location: time.UTC, Bays: map[int]BayRules{},
		Chargers: map[int]ChargerRules{}, Signs: map[int]bool{},
	}
}

// After lastAttempt, and when a hold can no longer be relied on, the ladder of captures and
// releases ends: what is not settled then is for a person.
const (
	lastAttempt = 39
	HoldLasts   = 7 * 24 * time.Hour // terminals print seven days on theirs
)

// longestRung is the longest pause that the ladder makes, with room for a change of clocks.
const longestRung = 25 * time.Hour

// hurried is the pause after a try that waits for a line that was lost and is back.
func hurried(attempt int) time.Duration {
	if attempt <= 5 {
		return time.Minute
	}
	return 10 * time.Minute
}

// retryAfter is the ladder of captures and releases: a minute five times, 5, 10 and 20 minutes, an hour twenty-four
// times, a day seven times. Until an open hold is settled a terminal that wants its end-of-day sells nothing.
func retryAfter(attempt int) time.Duration {
	switch {
	case attempt <= 5:
		return time.Minute
	case attempt <= 8:
		return []time.Duration{5, 10, 20}[attempt-6] * time.Minute
	case attempt <= 32:
		return time.Hour
	}
	return 24 * time.Hour
}
