// Package ui is the view model of the touchscreen and its socket. The daemon sends
// whole Views, the screen posts Inputs; an input whose sequence number is not the
// present view's is dropped, so that a late tap never acts on a new screen. The screen
// owns nothing: it may crash, hang or be replaced while a vehicle charges.
//
// A view has one screen. Those of a visit follow from the session's state (show.go); others
// lie over it until they are left or it changes (over.go); those of the host and the
// technician are rows, bars and actions that only a Desk knows (staff.go). What is a session's
// owner's is shown and done only where they paid in this visit or proved that it is theirs. A
// visitor who goes leaves nothing behind: language, larger text, receipts and codes end with
// them.
//
// The protocol is HTTP on a Unix socket: GET /view streams Views, a JSON object a line;
// POST /input takes one Input. The package knows no Fyne.
package ui

import (
	"time"

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
	Idle       Screen = "idle" // charging, and the vehicle asks for nothing
	OutOfOrder Screen = "out_of_service"
	Reader     Screen = "reader_down" // no card can be taken
	Offline    Screen = "offline"     // the card network cannot be reached
	Emergency  Screen = "emergency_stop"
	Lost       Screen = "lost" // the daemon is away: drawn by the screen itself
)

// Screens that lie over another one, until Back or until that one changes.
const (
	Languages Screen = "languages"
	Help      Screen = "help"
	AccessAsk Screen = "accessibility"
	Limits    Screen = "limits"
	BayFault  Screen = "bay_fault"
	Still     Screen = "still_there"
	Receipts  Screen = "receipt_later" // by card or code
	Found     Screen = "receipt_found"
	Itemised  Screen = "receipt" // of the session that ended
	StaffCode Screen = "staff_code"
	Technic   Screen = "technician"
	HostPage  Screen = "host"
)

// Screens lists all screens, those of a visit in its order first.
func Screens() []Screen {
	return []Screen{Attract, Bays, Price, Limits, Tap, Wait, PlugIn, Charging, Idle, Owner, StopAsk, Final, Declined,
		OutOfOrder, Reader, Offline, Emergency, Lost, BayFault, Languages, Help, AccessAsk, Still, Receipts, Found,
		Itemised, StaffCode, Technic, HostPage}
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
	Emergency string      `json:"emergency,omitempty"` // whom to call in danger
	Bays      []BayView   `json:"bays"`
	Prices    []PriceView `json:"prices"`
	Hold      kiosk.Money `json:"hold"`
	Bay       int         `json:"bay,omitempty"`
	Reference string      `json:"reference,omitempty"`
	Session   string      `json:"session,omitempty"`
	Message   string      `json:"message,omitempty"` // text key: progress, decline class, reason
	Notice    string      `json:"notice,omitempty"`  // the operator's word to drivers, in their language
	Seconds   int         `json:"seconds,omitempty"` // left on this screen, where it ends by itself

	Energy    kiosk.Energy    `json:"energy_wh"`
	Power     kiosk.Power     `json:"power_w"`
	Cost      kiosk.Money     `json:"cost"`
	Elapsed   int             `json:"elapsed_s,omitempty"`
	Approved  kiosk.Money     `json:"approved"`
	Paid      kiosk.Money     `json:"paid"`
	Released  kiosk.Money     `json:"released"`
	Settled   bool            `json:"settled"`               // the bank has answered for the final price
	Open      bool            `json:"open,omitempty"`        // the payment is left to a person
	Again     bool            `json:"again,omitempty"`       // after a decline they may try once more
	StopCode  string          `json:"stop_code,omitempty"`   // for its owner only
	ByCard    bool            `json:"by_card,omitempty"`     // the owner may show the card that they paid with
	Digits    int             `json:"digits,omitempty"`      // of a code, entered so far
	Limits    []Limit         `json:"limits,omitempty"`      // that they may set; the first is none
	Limit     Limit           `json:"limit"`                 // that they set
	Idle      *PriceView      `json:"idle,omitempty"`        // what time costs while the vehicle asks for nothing
	IdleFree  int             `json:"idle_free_s,omitempty"` // seconds until it does
	Partial   bool            `json:"partial,omitempty"`     // the bank approved less than was asked for
	Fault     kiosk.FaultCode `json:"fault,omitempty"`
	Elsewhere int             `json:"elsewhere,omitempty"` // another bay, at which they seem to have plugged in
	Cut       *CutView        `json:"cut,omitempty"`       // the bay's charger cannot be reached
	Danger    int             `json:"danger,omitempty"`    // bay whose cable must not be touched
	Pressed   int             `json:"pressed,omitempty"`   // bay whose emergency stop is pressed

	Access Access `json:"access"`
	Night  bool   `json:"night,omitempty"` // dark colours
	Brand  Brand  `json:"brand"`           // the host's
	// where the card terminal is, seen from the screen: right, left, below
	Side     string        `json:"terminal,omitempty"`
	More     bool          `json:"more,omitempty"` // they may ask for more time
	Free     bool          `json:"free,omitempty"` // the host lets them charge for nothing
	Example  *Example      `json:"example,omitempty"`
	Web      string        `json:"web,omitempty"`   // address of a page of the operator's where they may pay instead
	Kiosk    string        `json:"kiosk,omitempty"` // to tell who helps
	Later    bool          `json:"later,omitempty"` // receipts can be looked up
	Receipts []ReceiptView `json:"receipts,omitempty"`
	Handout
	Staff *StaffView `json:"staff,omitempty"`
}

// Brand is what a host makes the screen their own with. Pictures are named by the checksum of their files; the socket
// serves them at /picture/NAME.
type Brand struct {
	Accent string `json:"accent,omitempty"` // colour of what is to be done next, as #RRGGBB
	Logo   string `json:"logo,omitempty"`
	Idle   string `json:"idle,omitempty"` // a picture beside the price, while no driver is there
	Help   string `json:"help,omitempty"` // the host's own words under help, in the view's language
}

// BayState is what a driver sees of a bay.
type BayState string

// Bay states; each is a text key.
const (
	BayFree    BayState = "free"
	BayPlugged BayState = "plugged" // your car?
	BayPaid    BayState = "paid"    // its driver is on their way to it with the cable
	BayInUse   BayState = "in_use"
	BayEnded   BayState = "ended" // just now: its driver may read what they pay
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

// Access is how a visitor wants to be shown and told.
type Access struct {
	Large  bool `json:"large,omitempty"`  // larger text, controls below, three times as long for everything
	Speech bool `json:"speech,omitempty"` // read aloud
}

// CutView is what a driver pays whose charger cannot be reached: what was measured until then, and at most what it can
// deliver until it is given up.
type CutView struct {
	Until time.Time   `json:"until"`
	Most  kiosk.Money `json:"most"`
}

// Example is what a typical charge costs.
type Example struct {
	Energy kiosk.Energy `json:"energy_wh"`
	Cost   kiosk.Money  `json:"cost"`
}

// ReceiptView is one receipt of the last weeks.
type ReceiptView struct {
	Reference string       `json:"reference"`
	At        time.Time    `json:"at"`
	Bay       int          `json:"bay"`
	Energy    kiosk.Energy `json:"energy_wh"`
	Paid      kiosk.Money  `json:"paid"`
	Settled   bool         `json:"settled,omitempty"`
	Handout
}

// Handout is what a driver takes away of a session: the text of a code, which is a link that opens the receipt, or a
// mail with its text; and the receipt's items, to be read on the glass. There is none where no money was reserved.
type Handout struct {
	Code  string `json:"qr,omitempty"`
	Items []Item `json:"items,omitempty"`
}

// Item is a line of a receipt: a text by its key with its places, what is multiplied, and a value, or two from one to
// the other.
type Item struct {
	Key   string `json:"key,omitempty"`
	Args  []Arg  `json:"args,omitempty"`
	Times []Arg  `json:"times,omitempty"`
	Value []Arg  `json:"value,omitempty"`
	Sum   bool   `json:"sum,omitempty"` // what is looked for first
}

// StaffView is a page of the host or the technician. What it says is data: the screen knows
// how to draw rows, bars and buttons, and no page.
type StaffView struct {
	Page    string   `json:"page"` // text key staff.page.PAGE
	Rows    []Row    `json:"rows,omitempty"`
	Bars    []Bar    `json:"bars,omitempty"`
	Actions []Action `json:"actions,omitempty"`
	Note    *Row     `json:"note,omitempty"`   // what came of the last action
	Ask     *Action  `json:"ask,omitempty"`    // to be confirmed
	Digits  int      `json:"digits,omitempty"` // of a code, entered so far
	Wait    int      `json:"wait_s,omitempty"` // until a code is taken again
	Busy    bool     `json:"busy,omitempty"`
}

// Row is one line of a page: a text by its key with its places, or a text as it is.
type Row struct {
	Key   string  `json:"key,omitempty"`
	Text  string  `json:"text,omitempty"`
	Args  []Arg   `json:"args,omitempty"`
	State string  `json:"state,omitempty"` // ok, warn, bad, or nothing
	Do    *Action `json:"do,omitempty"`
}

// Arg is a value for a place of a text; it is written in local form.
type Arg struct {
	Name   string `json:"name"`
	Text   string `json:"text,omitempty"`
	Key    string `json:"key,omitempty"`    // of a text
	Number string `json:"number,omitempty"` // a decimal
	Unit   string `json:"unit,omitempty"`   // of the number: kWh or min
	// Currency is that of the number, which is a price then.
	Currency kiosk.Currency `json:"currency,omitempty"`
	Money    *kiosk.Money   `json:"money,omitempty"`
	Energy   *kiosk.Energy  `json:"energy_wh,omitempty"`
	Power    *kiosk.Power   `json:"power_w,omitempty"`
	At       *time.Time     `json:"at,omitempty"`
}

// Action is a button of a page: Value is what an input of kind StaffDo carries.
type Action struct {
	Key   string `json:"key,omitempty"` // text
	Text  string `json:"text,omitempty"`
	Args  []Arg  `json:"args,omitempty"`
	Value string `json:"value"`
}

// Bar is one bar of a chart.
type Bar struct {
	Label string      `json:"label"`
	Money kiosk.Money `json:"money"`
}

// Limit is where a driver wants their session to end: at an amount or an energy; neither is
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
	Digit    InputKind = "digit"    // of a code
	ShowCard InputKind = "card"     // to show whose session it is, or whose receipts
	Open     InputKind = "open"     // Value is a screen that lies over others
	MoreTime InputKind = "more"
	Move     InputKind = "move"   // Value is the number of the bay at which they plugged in
	SetLarge InputKind = "large"  // Value is on or off
	Speak    InputKind = "speech" // Value is on or off
	Erase    InputKind = "erase"  // the last digit
	Show     InputKind = "show"   // Value is the reference of a found receipt
	Staff    InputKind = "staff"  // the gesture
	StaffDo  InputKind = "do"     // Value is an action of a staff page
)

// Input is what a finger did on the view with the same Seq.
type Input struct {
	Seq   uint64    `json:"seq"`
	Kind  InputKind `json:"kind"`
	Value string    `json:"value,omitempty"`
}
