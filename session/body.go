package session

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"kioskd"
)

// The bodies of the journal's records: what a record says beside when it was written down. Each kind has
// one of these types, which bodies names; kinds that say the same share one, and a kind that says no more
// than that it happened has none. A field without omitempty is in every record of its kind: what lacks it
// is damaged or of another version, and is not read.
type (
	// LeaseBody begins a session.
	LeaseBody struct {
		Reference string            `json:"reference"`
		Bay       int               `json:"bay"`
		EVSE      string            `json:"evse_id,omitempty"`
		Site      map[string]string `json:"site,omitempty"`      // what the receipt must say of the seller
		StopCode  string            `json:"stop_code,omitempty"` // in journals of version 0.1 alone; see Rules.Code
		Charger   bool              `json:"charger,omitempty"`   // the bay's charger is its meter
	}
	// OfferBody is what the driver agreed to.
	OfferBody struct {
		Offer Offer `json:"offer"`
	}
	// AskBody is what a card is asked for, and for the how manyth time.
	AskBody struct {
		Amount  kiosk.Money `json:"amount"`
		Attempt int         `json:"attempt"`
	}
	// HoldBody is a hold that the terminal approved.
	HoldBody struct {
		Hold kiosk.Hold `json:"hold"`
	}
	// FoundBody is a hold that the terminal has and no record told of. Reference is of a new session.
	FoundBody struct {
		Reference string     `json:"reference,omitempty"`
		Hold      kiosk.Hold `json:"hold"`
	}
	// ErrorBody is what went wrong, where something did.
	ErrorBody struct {
		Error string `json:"error,omitempty"`
	}
	// AnswerBody is an answer of the terminal that is no yes.
	AnswerBody struct {
		Class string `json:"class,omitempty"`
		Code  string `json:"code,omitempty"` // the terminal's result code
		ErrorBody
	}
	// DeclineBody is a definite no to a hold.
	DeclineBody struct {
		AnswerBody
		Card string `json:"card_token,omitempty"` // of the card; see Event.Entry
	}
	// FirstBody is the register that a session begins with, read twice.
	FirstBody struct {
		Reading kiosk.Reading `json:"reading"`
		Modulus kiosk.Energy  `json:"register_modulus_wh,omitempty"` // it begins again at 0 here
		// of a charger: what it began
		Transaction *kiosk.Transaction `json:"transaction,omitempty"`
	}
	// PageBody is the page of the last signed record of a meter that is known; 0 for none.
	PageBody struct {
		Page int64 `json:"page"`
	}
	// SigningBody is what a meter signed of the beginning, and the register after it.
	SigningBody struct {
		Records []string      `json:"records"` // none where it signs one of both at the end
		Reading kiosk.Reading `json:"reading"`
	}
	// LeftBody is what a meter had signed of a transaction that no session ended.
	LeftBody struct {
		Bay     int      `json:"bay"`
		Records []string `json:"records"`
	}
	// ReadingBody is a register on the way.
	ReadingBody struct {
		Reading  kiosk.Reading `json:"reading"`
		Boundary bool          `json:"boundary,omitempty"` // a price may change here
	}
	// LastBody is the register that is billed.
	LastBody struct {
		Reading kiosk.Reading `json:"reading"`
		Source  string        `json:"source"` // read, last_good, frozen or unsigned
		// Signed is what the meter signed, where it signed the beginning: what it proves is billed, and no more.
		Signed *kiosk.SignedReading `json:"signed,omitempty"`
		ErrorBody
	}
	// StopBody is why power goes off.
	StopBody struct {
		Reason Reason `json:"reason"`
		By     string `json:"by,omitempty"` // screen, code, card, or a name
		ErrorBody
	}
	// EndBody is why a session ended before energy flowed.
	EndBody struct {
		Reason Reason `json:"reason"`
	}
	// BillBody is the price.
	BillBody struct {
		Bill Bill `json:"bill"`
	}
	// SettleBody is what is about to be taken of a hold, or given back.
	SettleBody struct {
		Amount  kiosk.Money `json:"amount"`
		Attempt int         `json:"attempt"`
		Blind   bool        `json:"blind,omitempty"` // repeated without a list that proves that it must be
	}
	// BookedBody is a capture or a release that the terminal made.
	BookedBody struct {
		Result kiosk.CaptureResult `json:"booking"`
	}
	// SettledBody is a settlement that stands; nil where nothing but its hold's absence proves it.
	SettledBody struct {
		Result *kiosk.CaptureResult `json:"booking,omitempty"`
		ErrorBody
	}
	// UnknownBody is a settlement whose outcome the terminal's list must tell.
	UnknownBody struct {
		AnswerBody
		Due      *time.Time `json:"due,omitempty"`      // before which it is not tried again
		Definite bool       `json:"definite,omitempty"` // the try was certainly not carried out
		By       string     `json:"by,omitempty"`       // the person who wants it tried again
	}
	// WaitingBody is a settlement that is tried again at Due.
	WaitingBody struct {
		AnswerBody
		Due      time.Time `json:"due"`
		Definite bool      `json:"definite,omitempty"`
	}
	// ProofBody is what was shown as proof of whose a session is.
	ProofBody struct {
		AnswerBody
		By string `json:"by,omitempty"`
	}
	// MoveBody is the bay at which a session goes on.
	MoveBody struct {
		Bay     int    `json:"bay"`
		EVSE    string `json:"evse_id,omitempty"`
		Charger bool   `json:"charger,omitempty"`
	}
	// PatienceBody is how often a visitor was given more time.
	PatienceBody struct {
		Attempt int `json:"attempt"`
	}
	// PersonBody is who did it.
	PersonBody struct {
		By string `json:"by"`
	}
	// AlertBody names a rule against fraud or abuse.
	AlertBody struct {
		Rule string `json:"rule"`
		ErrorBody
	}
	// FaultBody is a fault of a bay, or of the site with bay 0.
	FaultBody struct {
		Fault   kiosk.FaultCode `json:"fault"`
		Bay     int             `json:"bay,omitempty"`
		By      string          `json:"by,omitempty"`
		Reading *kiosk.Reading  `json:"reading,omitempty"`
		Old     *kiosk.Reading  `json:"old_reading,omitempty"`
		ErrorBody
	}
	// RegisterBody is the register of a bay that no session has.
	RegisterBody struct {
		Bay     int           `json:"bay"`
		Reading kiosk.Reading `json:"reading"`
	}
	// TestBody is a contactor that is about to be tested.
	TestBody struct {
		Bay int    `json:"bay"`
		By  string `json:"by,omitempty"`
	}
	// TestedBody is what the test came to.
	TestedBody struct {
		Bay     int            `json:"bay"`
		Reading *kiosk.Reading `json:"reading,omitempty"`
		ErrorBody
	}
	// SwapBody is the first register of a new meter, and the last of the one before.
	SwapBody struct {
		Bay     int            `json:"bay"`
		By      string         `json:"by,omitempty"`
		Reading kiosk.Reading  `json:"reading"`
		Old     *kiosk.Reading `json:"old_reading,omitempty"`
	}
	// DayEndBody is an end-of-day that is about to be asked for.
	DayEndBody struct {
		Force bool `json:"force,omitempty"` // although captures wait
	}
	// DayEndedBody is what the terminal counted, where it says.
	DayEndedBody struct {
		Amount *kiosk.Money `json:"amount,omitempty"`
		ErrorBody
	}
	// ClockBody is what the clock said before it was set.
	ClockBody struct {
		Since time.Time `json:"since"`
	}
	// RefundBody is money that a person gave back outside of the terminal.
	RefundBody struct {
		Amount kiosk.Money `json:"amount"`
		By     string      `json:"by,omitempty"`
		Note   string      `json:"note,omitempty"` // what that person says
		Key    string      `json:"key,omitempty"`  // by which a program that tells it again means the same one
	}
	// InstructionBody is a back office's instruction; Report is what it asked for.
	InstructionBody struct {
		By          string            `json:"by,omitempty"`
		Note        string            `json:"note,omitempty"` // the instruction as it was signed
		Instruction kiosk.Instruction `json:"instruction"`
		Report      json.RawMessage   `json:"report,omitempty"`
		ErrorBody
	}
	// ChargerBeganBody is the transaction of a charger whose bay has a meter of its own.
	ChargerBeganBody struct {
		Transaction kiosk.Transaction `json:"transaction"`
	}
	// ChargerRefusedBody is a transaction that a charger began and that may not run.
	ChargerRefusedBody struct {
		Bay         int               `json:"bay"`
		Transaction kiosk.Transaction `json:"transaction"`
		ErrorBody
	}
	// ChargerEndBody is the end of a transaction as the charger told it, whenever that was.
	ChargerEndBody struct {
		Bay         int               `json:"bay"`
		Transaction kiosk.Transaction `json:"transaction"`
		MeterStop   int64             `json:"meter_stop_wh"` // as the charger said it
		// the register that it stands for; nil where it cannot be
		Reading   *kiosk.Reading `json:"reading,omitempty"`
		Reason    string         `json:"reason,omitempty"`    // as the charger said it
		Timestamp string         `json:"timestamp,omitempty"` // as the charger said it
		Device    string         `json:"device,omitempty"`    // vendor, model and firmware
		Register  string         `json:"register,omitempty"`  // what its values counted: lifetime or session
		Signed    []SignedValue  `json:"signed,omitempty"`
		ErrorBody
	}
	// SignedValue is a signed text of a charger, byte for byte.
	SignedValue struct {
		Context   string `json:"context,omitempty"`
		Value     string `json:"value"`                // of OCPP 2.x in base64
		Encoding  string `json:"encoding,omitempty"`   // as the charger said it
		Method    string `json:"method,omitempty"`     // as the charger said it
		PublicKey string `json:"public_key,omitempty"` // as the charger said it
	}
	// NoteBody is what a person, or a program with a token, did over the network or at a device.
	NoteBody struct {
		By     string `json:"by"`
		What   string `json:"what"`             // an account, a command, a token, a device
		Detail string `json:"detail,omitempty"` // its arguments, scopes or serial number
		From   string `json:"from,omitempty"`   // the network address
		ErrorBody
	}
	// VisitsBody is how many visitors did what. It names none.
	VisitsBody struct {
		Day    string       `json:"day"` // of the site, as 2026-03-02
		Counts []VisitCount `json:"counts"`
	}
	// VisitCount is how often something was done in an hour of a day.
	VisitCount struct {
		Hour int    `json:"hour"`
		What string `json:"what"`
		N    int64  `json:"n"`
	}
	// DerivedBody is a record for others to ingest. Its shape is theirs.
	DerivedBody struct{}
)

// bodies names the type of each kind's body; nil where there is none. A kind that is not here is not read.
var bodies = map[Kind]reflect.Type{
	BayLease:      typeOf[LeaseBody](),
	OfferAccepted: typeOf[OfferBody](),
	HoldIntent:    typeOf[AskBody](),
	CancelAsked:   nil,
	HoldOK:        typeOf[HoldBody](),
	HoldConfirmed: nil,
	HoldDeclined:  typeOf[DeclineBody](),
	HoldUnknown:   typeOf[AnswerBody](),
	HoldGone:      nil,
	HoldFound:     typeOf[FoundBody](),
	HoldVanished:  nil,
	HoldMissing:   nil,
	HoldListed:    nil,
	FreeGranted:   typeOf[PersonBody](),
	TimeGiven:     typeOf[PatienceBody](),
	BayMoved:      typeOf[MoveBody](),

	Plugged:         nil,
	MeterStart:      typeOf[FirstBody](),
	SigningIntent:   typeOf[PageBody](),
	SigningBegan:    typeOf[SigningBody](),
	ContactorClose:  nil,
	ContactorClosed: nil,
	ReadingTaken:    typeOf[ReadingBody](),
	Paused:          typeOf[ReadingBody](),
	Unpaused:        typeOf[ReadingBody](),
	Adopted:         typeOf[ReadingBody](),
	StopIntent:      typeOf[StopBody](),
	ContactorOpened: typeOf[ErrorBody](),
	MeterEnd:        typeOf[LastBody](),
	Ended:           typeOf[EndBody](),

	Billed:         typeOf[BillBody](),
	CaptureIntent:  typeOf[SettleBody](),
	CaptureOK:      typeOf[BookedBody](),
	CaptureDone:    typeOf[SettledBody](),
	CaptureUnknown: typeOf[UnknownBody](),
	CaptureWaiting: typeOf[WaitingBody](),
	ReleaseIntent:  typeOf[SettleBody](),
	ReleaseOK:      typeOf[BookedBody](),
	ReleaseDone:    typeOf[SettledBody](),
	ReleaseUnknown: typeOf[UnknownBody](),
	ReleaseWaiting: typeOf[WaitingBody](),
	Refused:        typeOf[AnswerBody](),
	Unproven:       typeOf[AnswerBody](),
	ReceiptFinal:   nil,
	Closed:         nil,
	Resumed:        nil,
	Refunded:       typeOf[RefundBody](),

	ProofWanted:        nil,
	ProofRight:         typeOf[ProofBody](),
	ProofWrong:         typeOf[ProofBody](),
	Alert:              typeOf[AlertBody](),
	AccessGranted:      typeOf[PersonBody](),
	AccessRefused:      typeOf[PersonBody](),
	FaultRaised:        typeOf[FaultBody](),
	FaultCleared:       typeOf[FaultBody](),
	RegisterSeen:       typeOf[RegisterBody](),
	ContactorTest:      typeOf[TestBody](),
	ContactorTested:    typeOf[TestedBody](),
	MeterSwapped:       typeOf[SwapBody](),
	SigningLeft:        typeOf[LeftBody](),
	TransactionBegan:   typeOf[ChargerBeganBody](),
	TransactionRefused: typeOf[ChargerRefusedBody](),
	TransactionEnded:   typeOf[ChargerEndBody](),
	DayEndDue:          nil,
	DayEndIntent:       typeOf[DayEndBody](),
	DayEnded:           typeOf[DayEndedBody](),
	DayEndFailed:       typeOf[ErrorBody](),
	DrainBegun:         nil,
	DrainEnded:         nil,
	ClockJudged:        nil,
	ClockSet:           typeOf[ClockBody](),
	InstructionTaken:   typeOf[InstructionBody](),
	InstructionDone:    typeOf[InstructionBody](),
	InstructionRefused: typeOf[InstructionBody](),
	Login:              typeOf[NoteBody](),
	LoginRefused:       typeOf[NoteBody](),
	CommandGiven:       typeOf[NoteBody](),
	AccessChanged:      typeOf[NoteBody](),
	Inspected:          typeOf[NoteBody](),
	VisitDigest:        typeOf[VisitsBody](),
	OCPICDR:            typeOf[DerivedBody](),
	OCPIFAC:            typeOf[DerivedBody](),
}

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

func (b AnswerBody) class() kiosk.DeclineClass { return kiosk.DeclineClass(b.Class) }

// failure is what went wrong.
func (b ErrorBody) failure() string { return b.Error }

// Failure is what an event says that went wrong; empty where nothing did.
func (e Event) Failure() string {
	if b, ok := e.Body.(interface{ failure() string }); ok {
		return b.failure()
	}
	return ""
}

// Reading is the register of its bay that an event has; nil where it has none. What a charger says of its end is of its
// own register, which need not be the bay's.
func (e Event) Reading() *kiosk.Reading {
	switch b := e.Body.(type) {
	case FirstBody:
		return &b.Reading
	case ReadingBody:
		return &b.Reading
	case LastBody:
		return &b.Reading
	case SigningBody:
		return &b.Reading
	case RegisterBody:
		return &b.Reading
	case SwapBody:
		return &b.Reading
	case TestedBody:
		return b.Reading
	case FaultBody:
		return b.Reading
	}
	return nil
}

// result is what the terminal booked; nil where an event names none.
func (e Event) result() *kiosk.CaptureResult {
	switch b := e.Body.(type) {
	case BookedBody:
		return &b.Result
	case SettledBody:
		return b.Result
	}
	return nil
}

// Bay is the bay that an event names; 0 where it names none, as those of a session do after its first.
func (e Event) Bay() int {
	switch b := e.Body.(type) {
	case LeaseBody:
		return b.Bay
	case FaultBody:
		return b.Bay
	case RegisterBody:
		return b.Bay
	case TestBody:
		return b.Bay
	case TestedBody:
		return b.Bay
	case SwapBody:
		return b.Bay
	case LeftBody:
		return b.Bay
	case ChargerRefusedBody:
		return b.Bay
	case ChargerEndBody:
		return b.Bay
	}
	return 0
}

// readBody decodes the body of a kind.
func readBody(k Kind, object []byte) (any, error) {
	shape, known := bodies[k]
	if !known {
		return nil, fmt.Errorf("no record of this version is of kind %q", k)
	}
	if shape == nil || shape == typeOf[DerivedBody]() {
		return nil, nil
	}
	if missing := lacking(shape, object); missing != "" {
		return nil, fmt.Errorf("it has no %s", missing)
	}
	b := reflect.New(shape)
	if err := json.Unmarshal(object, b.Interface()); err != nil {
		return nil, err
	}
	return b.Elem().Interface(), nil
}

// emptiable tells whether null is a value of a type.
func emptiable(t reflect.Type) bool {
	return slices.Contains([]reflect.Kind{reflect.Slice, reflect.Map, reflect.Pointer}, t.Kind())
}

// lacking names the first field that a JSON object must have and has not, with those of the objects in it.
// What reads itself judges itself.
func lacking(t reflect.Type, object json.RawMessage) string {
	if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(typeOf[json.Unmarshaler]()) {
		return ""
	}
	var have map[string]json.RawMessage
	if json.Unmarshal(object, &have) != nil { // what it is instead, the decoder says
		return ""
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		value, is := have[name]
		switch {
		case f.Anonymous:
			if missing := lacking(f.Type, object); missing != "" {
				return missing
			}
		case name == "-" || strings.Contains(options, "omit") && !is:
		case !is || string(value) == "null" && !emptiable(f.Type):
			return name
		default:
			if missing := lacking(f.Type, value); missing != "" {
				return name + "." + missing
			}
		}
	}
	return ""
}
