// Package ui is the view model of the touchscreen and its socket. The daemon sends
// whole Views, the screen posts Inputs; an input whose sequence number is not the
// present view's is dropped, so that a late tap never acts on a new screen. The screen
// owns nothing: it may crash, hang or be replaced while a vehicle charges.
//
// The protocol is HTTP on a Unix socket: GET /view streams Views, a JSON object a line;
// POST /input takes one Input. The package knows no Fyne.
package ui

import (
	"cmp"
	"slices"

	"kioskd"
)

// Screen names a screen.
type Screen string

// Screens.
const (
	Attract    Screen = "attract"
	Bays       Screen = "bays"
	Price      Screen = "price"
	Tap        Screen = "tap"
	Wait       Screen = "wait"
	PlugIn     Screen = "plug_in"
	Charging   Screen = "charging"
	Owner      Screen = "my_session" // whose session is it?
	StopAsk    Screen = "stop_confirm"
	Final      Screen = "final"
	Declined   Screen = "declined"
	OutOfOrder Screen = "out_of_service"
)

// Screens lists all screens in the order of a visit.
func Screens() []Screen {
	return []Screen{Attract, Bays, Price, Tap, Wait, PlugIn, Charging, Owner, StopAsk, Final, Declined, OutOfOrder}
}

// View is all that a screen shows. Money, energy and times are numbers here and are
// written in the view's language by the screen.
type View struct {
	Seq       uint64      `json:"seq"`
	Screen    Screen      `json:"screen"`
	Language  string      `json:"language"`
	Languages []string    `json:"languages"`
	Site      string      `json:"site"`
	Helpline  string      `json:"helpline"`
	Bays      []BayView   `json:"bays"`
	Prices    []PriceView `json:"prices"`
	Hold      kiosk.Money `json:"hold"`
	Bay       int         `json:"bay,omitempty"`
	Reference string      `json:"reference,omitempty"`
	Session   string      `json:"session,omitempty"`
	Message   string      `json:"message,omitempty"` // text key: progress, decline class, reason
	Seconds   int         `json:"seconds,omitempty"` // left on this screen, where it ends by itself

	Energy   kiosk.Energy `json:"energy_wh"`
	Power    kiosk.Power  `json:"power_w"`
	Cost     kiosk.Money  `json:"cost"`
	Elapsed  int          `json:"elapsed_s,omitempty"`
	Approved kiosk.Money  `json:"approved"`
	Paid     kiosk.Money  `json:"paid"`
	Released kiosk.Money  `json:"released"`
	Settled  bool         `json:"settled"`               // the bank has answered for the final price
	Open     bool         `json:"open,omitempty"`        // the payment is left to a person
	Code     string       `json:"qr,omitempty"`          // text of the QR
	Again    bool         `json:"again,omitempty"`       // after a decline she may try once more
	StopCode string       `json:"stop_code,omitempty"`   // for its owner only
	ByCard   bool         `json:"by_card,omitempty"`     // the owner may show the card that she paid with
	Digits   int          `json:"digits,omitempty"`      // of a code, entered so far
	Limits   []Limit      `json:"limits,omitempty"`      // that she may set; the first is none
	Limit    Limit        `json:"limit"`                 // that she set
	Idle     *PriceView   `json:"idle,omitempty"`        // what time costs while the vehicle asks for nothing
	IdleFree int          `json:"idle_free_s,omitempty"` // seconds until it does
	Partial  bool         `json:"partial,omitempty"`     // the bank approved less than was asked for
	Fault    string       `json:"fault,omitempty"`
}

// BayState is what a driver sees of a bay.
type BayState string

// Bay states; each is a text key.
const (
	BayFree    BayState = "free"
	BayPlugged BayState = "plugged" // your car?
	BayInUse   BayState = "in_use"
	BayEnded   BayState = "ended" // just now: its driver may read what she pays
	BayBroken  BayState = "out_of_order"
)

// BayView is one bay.
type BayView struct {
	Number int      `json:"number"`
	State  BayState `json:"state"`
}

// PriceView is one price, gross, in AFIR order.
type PriceView struct {
	Dimension string `json:"dimension"` // OCPI TariffDimensionType
	Amount    string `json:"amount"`    // a kWh, a minute or a session, as a decimal
	AfterMin  int64  `json:"after_min,omitempty"`
	From      string `json:"from,omitempty"`
	To        string `json:"to,omitempty"`
}

// Limit is where a driver wants her session to end: at an amount or an energy; neither is
// none.
type Limit struct {
	Cost   kiosk.Money  `json:"cost"`
	Energy kiosk.Energy `json:"energy_wh,omitempty"`
}

// InputKind is what a finger did.
type InputKind string

// Inputs.
const (
	Touch    InputKind = "touch"    // attract: start
	Choose   InputKind = "choose"   // Value is the bay's number
	Accept   InputKind = "accept"   // the offer
	Back     InputKind = "back"     // or cancel
	Stop     InputKind = "stop"     // asks for confirmation
	Confirm  InputKind = "confirm"  // of a stop
	Language InputKind = "language" // Value is an ISO 639-1 code
	Again    InputKind = "again"    // after a decline
	SetLimit InputKind = "limit"    // Value is the index in Limits
	Digit    InputKind = "digit"    // of a stop code
	ShowCard InputKind = "card"     // to show whose session it is
)

// Input is what a finger did on the view with the same Seq.
type Input struct {
	Seq   uint64    `json:"seq"`
	Kind  InputKind `json:"kind"`
	Value string    `json:"value,omitempty"`
}

// Key is the key of the text that says what this view is about, in every catalogue.
func (v View) Key() string {
	switch v.Screen {
	case Wait:
		return "wait." + cmp.Or(v.Message, "wait")
	case Final:
		return "reason." + v.Message
	case Declined:
		return "declined." + v.Message
	case Owner:
		return "owner." + cmp.Or(v.Message, "code")
	case OutOfOrder:
		if _, known := kiosk.FaultByCode(v.Fault); known && v.Message == "" {
			return "fault." + v.Fault + ".driver"
		}
		return "closed." + cmp.Or(v.Message, "text")
	case Tap:
		if slices.Contains([]kiosk.Progress{kiosk.ProgressPIN, kiosk.ProgressTryAgain, kiosk.ProgressRemoveCard}, kiosk.Progress(v.Message)) {
			return "tap." + v.Message
		}
	case PlugIn:
		if v.Message != "" {
			return "plug_in." + v.Message
		}
		if v.Partial {
			return "plug_in.partial"
		}
	case Charging:
		return v.chargingKey()
	}
	return map[Screen]string{Attract: "attract.start", Bays: "bays.title", Price: "price.title", Tap: "tap.title", PlugIn: "plug_in.title", StopAsk: "stop.title"}[v.Screen]
}

func (v View) chargingKey() string {
	switch {
	case v.Idle != nil && v.IdleFree > 0:
		return "charging.paused_free"
	case v.Idle != nil:
		return "charging.paused_fee"
	}
	return "charging." + cmp.Or(v.Message, "title")
}
