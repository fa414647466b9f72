package kiosk

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Errors that callers branch on.
var (
	// ErrOutcomeUnknown means that a request may have reached the other side, and
	// the kiosk cannot know whether it was carried out. It is a result of its own wherever
	// money is asked about: never repeat the request, ask the terminal what is true.
	ErrOutcomeUnknown = errors.New("outcome unknown")
	// ErrOtherTerminal means that another terminal answers than the site's own, or one that does
	// not say which it is. It was asked for nothing.
	ErrOtherTerminal = errors.New("another terminal answers")
	// ErrUnreachable means that the request certainly was not carried out: the other
	// side never received it. It is safe to try again.
	ErrUnreachable = errors.New("unreachable")
)

// Declined is the error of a terminal that answered with a definite no. Nothing is
// reserved and nothing is taken.
type Declined struct {
	Class DeclineClass
	Code  string // the terminal's result code, two hexadecimal digits
	Text  string // what the code means, where it is a status of the terminal
	Card  string // token of the card, where the terminal named one; see Hold.Card
}

func (d *Declined) Error() string {
	if d.Text != "" {
		return "not ready: " + d.Text + " (status " + d.Code + ")"
	}
	if d.Code == "" {
		return "declined: " + string(d.Class)
	}
	return "declined: " + string(d.Class) + " (code " + d.Code + ")"
}

// DeclineClass says what the driver can do about a no. It is also the key of the
// text that the driver reads.
type DeclineClass string

// DeclineClasses lists them all.
func DeclineClasses() []DeclineClass {
	return []DeclineClass{DeclineNoCard, DeclineUnreadable, DeclineIssuer, DeclinePIN, DeclineCard, DeclineHost,
		DeclineTerminal,
		DeclineBusy, DeclineCardIn, DeclineDayEnd, DeclineNoHold, DeclineNotWritten}
}

// The classes of session rows 3, 4, 8, 9, 10 and of a terminal that cannot sell.
const (
	DeclineNoCard     DeclineClass = "no_card"     // no card was presented, or stop was pressed
	DeclineUnreadable DeclineClass = "unreadable"  // the card could not be read
	DeclineIssuer     DeclineClass = "issuer"      // funds, or the issuer's no without a reason
	DeclinePIN        DeclineClass = "pin"         // insert the card or use a phone
	DeclineCard       DeclineClass = "card"        // brand, expired, blocked
	DeclineHost       DeclineClass = "host"        // the terminal cannot reach its host
	DeclineTerminal   DeclineClass = "terminal"    // not ready, needs a person
	DeclineBusy       DeclineClass = "busy"        // at work on something else, or updating itself
	DeclineCardIn     DeclineClass = "card_in"     // a card is still in it
	DeclineDayEnd     DeclineClass = "day_end"     // the terminal wants its end-of-day first
	DeclineNoHold     DeclineClass = "no_hold"     // the terminal has no such hold, or no longer
	DeclineNotWritten DeclineClass = "not_written" // we could not record the result, so it was turned back
)

// TerminalAbilities are facts about a terminal that it does not say itself: the site's configuration does.
type TerminalAbilities struct {
	HoldsSurviveDayEnd bool // its end-of-day leaves open holds alone
	ReadsCards         bool // it names a card that is shown without a payment
}

// TerminalStatus is what a terminal says about itself.
type TerminalStatus struct {
	TerminalID string `json:"terminal_id"`
	Serial     string `json:"serial,omitempty"`
	Software   string `json:"software,omitempty"`
	Code       string `json:"status"`
	Text       string `json:"status_text"`
	Date       string `json:"date,omitempty"`
	Time       string `json:"time,omitempty"`
	// NotReady is what it says is in the way of a payment; nil where nothing is.
	NotReady *Declined `json:"-"`
}

// HoldRequest asks for a hold on a card that the driver is about to present.
type HoldRequest struct {
	Reference string // the session's short reference; printed on the merchant's settlement
	Amount    Money
	Language  string        // ISO 639-1, of the visit
	CardWait  time.Duration // how long to wait for a card

	// OnApproved is called with an approved hold before it is acknowledged to the
	// terminal. It must return nil only when the hold is on disk; on an error the
	// terminal is told to reverse.
	OnApproved func(Hold) error
	// Progress is called with each change that the driver should see.
	Progress func(Progress)
}

// Hold is money reserved on a card. It has no card number: masked digits at most.
type Hold struct {
	ID         HoldID `json:"receipt_no"`
	TraceNo    string `json:"trace_no,omitempty"`
	TerminalID string `json:"terminal_id,omitempty"`
	Approved   Money  `json:"approved"` // may be less than was asked for
	AuthCode   string `json:"auth_code,omitempty"`
	CardName   string `json:"card_name,omitempty"`
	Last4      string `json:"last4,omitempty"`
	// Card recognises the card again, for a month at most: a keyed hash of what the
	// terminal says to identify it by, never of a number. Empty where it says nothing.
	Card      string    `json:"card_token,omitempty"`
	AID       string    `json:"aid,omitempty"`
	EntryMode string    `json:"entry_mode,omitempty"` // contactless, chip, stripe
	CVM       string    `json:"cvm,omitempty"`        // cardholder verification method
	At        time.Time `json:"at"`
	// Stamp is the terminal's own date and time of the result, as it wrote them: MMDD HHMMSS.
	Stamp string `json:"stamp,omitempty"`
}

// CaptureResult is the terminal's result of a capture or a release.
type CaptureResult struct {
	ID      HoldID `json:"receipt_no"` // one of its own, not the hold's
	TraceNo string `json:"trace_no,omitempty"`
	Booked  Money  `json:"booked"`          // what was taken; zero for a release
	Stamp   string `json:"stamp,omitempty"` // as in Hold
}

// OpenHolds are the receipt numbers of holds. Some terminals name only the first:
// then the list is not complete, and a number that is not on it may be open.
type OpenHolds struct {
	IDs        []HoldID
	Complete   bool
	TerminalID string // of the terminal that answered; empty if it did not say
}

// CaptureRequest takes the used part of a hold and gives back the rest.
type CaptureRequest struct {
	Reference string
	Hold      Hold
	Used      Money // at least one minor unit, at most Hold.Approved
	// OnBooked is called with the result before it is acknowledged; as in HoldRequest.
	OnBooked func(CaptureResult) error
}

// ReleaseRequest gives back a whole hold.
type ReleaseRequest struct {
	Reference string
	ID        HoldID
	// TerminalID is of the terminal that has the hold, where it is known: another one that
	// answers in its place must not be asked.
	TerminalID string
	Amount     Money // what is held, where it is known
	OnBooked   func(CaptureResult) error
}

// Progress is what a terminal says while it works.
type Progress string

// Progress values; each is also a text key.
const (
	ProgressPresent    Progress = "present"     // waiting for a card
	ProgressWait       Progress = "wait"        // a card was seen, the bank is asked
	ProgressPIN        Progress = "pin"         // look at the terminal
	ProgressRemoveCard Progress = "remove_card" // take the card out
	ProgressTryAgain   Progress = "try_again"   // could not be read
)

// CardTerminal is a payment terminal that can hold, capture and release. One
// goroutine at a time may call it; a call lasts until the terminal has said its last
// word on it.
//
// Every method returns ErrUnreachable if the terminal certainly received nothing,
// ErrOutcomeUnknown if it may have, *Declined if it said no. A crash during Hold
// before OnApproved returned leaves nothing held: the terminal reverses. After OnApproved
// returned the hold may stand; only ListHolds tells.
type CardTerminal interface {
	Hold(context.Context, HoldRequest) (Hold, error)
	Capture(context.Context, CaptureRequest) (CaptureResult, error)
	Release(context.Context, ReleaseRequest) (CaptureResult, error)
	// Ready asks the terminal whether it is ready, and lets it do what it has put off. What it
	// needs and can be told without harm it is told. A *Declined says what is in the way.
	Ready(context.Context) error
	// ListHolds lists the holds that the terminal keeps.
	ListHolds(context.Context) (OpenHolds, error)
	// Last is the last capture or release that the terminal made, to compare with.
	Last(context.Context) (CaptureResult, error)
	// ReadCard waits for a card, reserves nothing, and returns its token; empty where the
	// terminal does not name it. A driver shows the card that they paid with.
	ReadCard(ctx context.Context, wait time.Duration) (token string, err error)
	// EndOfDay reconciles the terminal with its host and returns what it counted, nil where it
	// does not say. Some terminals book or drop open holds with it: the caller makes sure that
	// there are none.
	EndOfDay(context.Context) (*Money, error)
}

// Meter is the energy meter of a bay.
type Meter interface {
	// Read asks the meter once. A reading is complete or it is an error.
	Read(context.Context) (Reading, error)
}

// Renew lets the next reading of a meter prove which one it is of, where the meter can.
func Renew(m Meter) {
	if r, ok := m.(interface{ Renew() }); ok {
		r.Renew()
	}
}

// Contactor switches a bay's power.
type Contactor interface {
	// Close lets energy flow. It must be called only after the hold and the meter's
	// first reading are on disk.
	Close(context.Context) error
	// Open stops the energy. It may be called at any time and any number of times;
	// it takes no context because shutdown and defer call it.
	Open() error
}

// Charger is a contactor that is a charger's: it counts energy itself, and lets it flow for one session, which it names
// when it begins. Close of a Charger is an error: it must know for whom.
type Charger interface {
	Contactor
	// Start lets energy flow for a session, and returns when the charger has begun, and the journal has its register.
	Start(context.Context, Grant) error
	// Renew puts off when a charger that is cut off stops by itself. An error means that the time before still holds.
	Renew(context.Context, Grant) error
	// Within is how long the charger may take to begin, or to end.
	Within() time.Duration
}

// Grant is what a session may draw.
type Grant struct {
	Reference string        // of the session: the transaction has its name
	Fuse      time.Duration // after which a charger that is cut off must have stopped; 0 for never
}

// Transaction is what a charger calls a transaction (OCPP 1.6, chapter 6.45): who may draw energy at a connector.
type Transaction struct {
	ID         int    `json:"transaction_id"` // ours: counted for the whole kiosk, never used twice
	Charger    string `json:"charger"`        // its identity
	Connector  int    `json:"connector"`
	IDTag      string `json:"id_tag"`         // a session's reference
	MeterStart int64  `json:"meter_start_wh"` // as the charger said it
	Timestamp  string `json:"timestamp"`      // as the charger said it
	// Station is the charger's own name for it (OCPP 2.0.1 and later).
	Station string `json:"station_transaction_id,omitempty"`
}

// Same tells whether a charger sent a transaction again: all that it says of it is the same.
func (t Transaction) Same(other Transaction) bool {
	other.ID = t.ID
	return t == other
}

// ErrIdle means that a charger tells its register only while it charges: nothing is wrong, and there is no reading.
var ErrIdle = errors.New("no energy is measured while nothing charges")

// BayInputs is what a bay's inputs say. It carries the contactor's feedback, which is
// read from an auxiliary contact, never from the output line.
type BayInputs struct {
	Plugged    bool // a cable is connected to a vehicle
	Requesting bool // the vehicle asks for energy
	Closed     bool // the contactor's auxiliary contact is made
	Emergency  bool // the emergency stop is pressed, or not unlocked since
	// For is the session, by its reference, whose energy flows; empty where the inputs do not know. A charger does: a
	// transaction ends when its vehicle is disconnected.
	For string
	// Unfused means that a charger goes on when it is cut off: it takes no limit beforehand (OCPP 1.6, chapter 3.13).
	Unfused bool
	// Failed is what the device says is wrong with itself; empty where nothing is.
	Failed string
}

// Inputs reads a bay's inputs.
type Inputs interface {
	Inputs(context.Context) (BayInputs, error)
}

// Record is an entry of the journal.
type Record struct {
	Seq     int64     `json:"seq"`     // 1, 2, 3 without a gap
	Session string    `json:"session"` // session id, empty for what belongs to the site
	Kind    string    `json:"kind"`
	Body    []byte    `json:"-"` // JSON object
	Wall    time.Time `json:"wall"`
	Mono    int64     `json:"mono_ns"` // monotonic nanoseconds since the daemon's start
	ClockOK bool      `json:"clock_ok"`
	Token   string    `json:"-"` // see Entry.Token; empty once it is forgotten
}

// Entry is a record that is not in the journal yet.
type Entry struct {
	Session   string
	Reference string // of a session's first entry: the code that people use
	Kind      string
	Body      []byte
	Ends      bool // nothing more is to be done for the session
	// Token recognises the card that the entry is about (Hold.Card). It is kept beside the
	// record, in no hash, and is forgotten after a month.
	Token string
}

// Journal remembers. Append returns nil only when all entries are on disk, in order,
// in one transaction, with their leaves in the Merkle tree; on an error none of them is.
type Journal interface {
	Append(ctx context.Context, entries ...Entry) error
}

// Outbox is what of the journal a back office does not have yet.
type Outbox interface {
	// Epoch is the random id that was made with the journal.
	Epoch(context.Context) (string, error)
	// Acked is the number up to which the back office has every record but the parked, and
	// the last checkpoint of the tree that it signed.
	Acked(context.Context) (seq int64, checkpoint string, err error)
	// Leaves reads records from a number on, in order, or with again those that were
	// refused and are to be sent once more.
	Leaves(ctx context.Context, from int64, again bool) iter.Seq2[Leaf, error]
	// TreeHash is the head of the Merkle tree (RFC 6962) of the first n records.
	TreeHash(ctx context.Context, n int64) ([32]byte, error)
	// Acknowledge remembers an answer of the back office, in one transaction.
	Acknowledge(context.Context, Acknowledgement) error
}

// Leaf is a record as it is hashed, exported and sent: one JSON object. Of one that is not
// sent there is why, and the hash.
type Leaf struct {
	Seq      int64
	Kind     string
	JSON     []byte
	Withheld string
	Hash     [32]byte // of the leaf (RFC 6962), where it is withheld
}

// Acknowledgement is an answer of a back office.
type Acknowledgement struct {
	Seq        int64     // it has everything up to it but what it refused
	Checkpoint string    // that it signed; empty for none
	Signed     int64     // records of that
	From, To   int64     // records that were sent just now; what of them was refused before is taken but for Refused
	Sent       []int64   // records that had been refused, and were taken now
	Refused    []Refusal // parked: kept, shown, exported, and sent again when a person says so
	Withheld   []Refusal // parked, too, and never sent: too large
	Whole      bool      // Refused is all that it refuses: others are no longer parked
}

// Refusal is a record that a back office does not take.
type Refusal struct {
	Seq int64  `json:"seq"`
	Why string `json:"why"`
}
