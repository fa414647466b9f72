package session

import (
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
	Booking   *kiosk.Booking
	Reading   *kiosk.Reading
	Sample    *Sample
	Open      kiosk.OpenHolds
	Last      *kiosk.Booking // nil if the terminal did not say
	Closed    bool           // contactor
	Fault     string
	Raised    bool
	Err       error
}

// What is the kind of an observation.
type What string

// Observations.
const (
	Chosen          What = "chosen"    // a bay, on the screen
	Accepted        What = "accepted"  // the offer
	Cancelled       What = "cancelled" // by the driver
	StopPressed     What = "stop_pressed"
	HoldApproved    What = "hold_approved" // Record of a hold
	HoldEnded       What = "hold_ended"    // Hold returned
	BaselineRead    What = "baseline_read"
	ContactorMoved  What = "contactor_moved"
	Sampled         What = "sampled"
	FinalRead       What = "final_read"
	BookingApproved What = "booking_approved" // Record of a capture or release
	BookingEnded    What = "booking_ended"    // Capture or Release returned
	TerminalSaid    What = "terminal_said"    // answer to AskTerminal
	Ticked          What = "ticked"
	Booted          What = "booted"
	Shutdown        What = "shutdown"
	FaultSeen       What = "fault_seen"
)

// Sample is one look at a bay.
type Sample struct {
	Inputs     kiosk.BayInputs
	InputsLost time.Duration  // 0 if they were read just now
	Reading    *kiosk.Reading // nil if it could not be read
	Good       *kiosk.Reading // the last that could be read; nil before the first
	MeterLost  time.Duration  // since the last good reading
	MeterFault string         // code, if the meter was read and is not believed
}

// Rules are the site's settings of the machine.
type Rules struct {
	Bays         map[int]BayRules
	Currency     kiosk.Currency
	Lease        time.Duration // bay is kept for a visitor
	PlugIn       time.Duration // from the hold to the vehicle
	NoEnergy     time.Duration // from the contactor to the first watt-hour
	MeterLost    time.Duration // charging without a reading
	InputsLost   time.Duration // charging without inputs
	ReadingEvery time.Duration // in the journal
	Reaction     time.Duration // from deciding to stop to no energy
}

// BayRules are a bay's.
type BayRules struct {
	MaxPower kiosk.Power
}

// DefaultRules are the timings of the product.
func DefaultRules() Rules {
	return Rules{
		Lease: 90 * time.Second, PlugIn: 3 * time.Minute, NoEnergy: 5 * time.Minute, MeterLost: 15 * time.Second,
		InputsLost: 5 * time.Second, ReadingEvery: 10 * time.Second, Reaction: 4 * time.Second, Bays: map[int]BayRules{},
	}
}

// lastAttempt ends the ladder of captures and releases. What is not settled then is for a
// person: holds last a week or so.
const lastAttempt = 36

// retryAfter is the ladder of captures and releases: a minute five times, an hour
// twenty-four times, a day seven times.
func retryAfter(attempt int) time.Duration {
	switch {
	case attempt <= 5:
		return time.Minute
	case attempt <= 29:
		return time.Hour
	}
	return 24 * time.Hour
}
