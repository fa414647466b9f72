// Package api is how commands reach the site that a daemon runs: HTTP over a Unix socket that only the daemon's own
// user may open. Serve answers for a Site, Client asks. Requests have their arguments in the path, escaped, and as
// form values; an answer is one JSON object or list with status 200, and an error a line of text with status 409.
// Amounts are decimal texts with their currency, energy is in watt-hours, times are RFC 3339.
//
// What a request changes is in the journal when it is answered. A client whose connection ends does not know whether
// it was carried out, and asks again: each request may be repeated without harm, a refund but for its amount.
package api

import (
	"cmp"
	"context"
	"strings"
	"time"

	"kioskd"
	"kioskd/backoffice"
)

// Devices is what a technician may ask of a site's devices: through the daemon that has them, or directly while none
// runs. Client implements it.
type Devices interface {
	Status(context.Context) (kiosk.TerminalStatus, error)
	Pending(context.Context) (PendingHolds, error)
	Release(ctx context.Context, id kiosk.HoldID) (Released, error)
	EndOfDay(ctx context.Context, force bool) (DayEnd, error)
	Examine(context.Context) ([]Finding, error)
}

// Site is a site that a daemon runs.
type Site interface {
	Devices
	Scan(ctx context.Context, first, last int) ([]Unit, error)
	// Underway takes a turn of the session machine, which a daemon that hangs does not, and says what is open.
	Underway(context.Context) (Drained, error)
	Drain(ctx context.Context, on bool) (Drained, error)
	Stop(ctx context.Context, reference, by string) (Done, error)
	ClearFault(ctx context.Context, code kiosk.FaultCode, bay int, by string) (Done, error)
	Refund(ctx context.Context, reference, amount, by, why string) (Refunded, error)
	Office(context.Context) (Office, error)
	SendAgain(context.Context) (Done, error)
	SendNow(context.Context) (Done, error)
	TellAgain(context.Context) (Done, error)
	ShutBay(ctx context.Context, bay int, shut bool, by string) (Done, error)
	// Inspect writes down that a person looked at a device for tampering: terminal, or bay N.
	Inspect(ctx context.Context, device, serial, found, by string) (Done, error)
	Tokens(context.Context) ([]Token, error)
	MakeToken(ctx context.Context, wish Token, by string) (NewToken, error)
	EndToken(ctx context.Context, name, by string) (Done, error)
}

// Token is what is known of a program's token.
type Token struct {
	Name   string     `json:"name"`
	Scopes []string   `json:"scopes"`
	Made   time.Time  `json:"made_at"`
	Until  *time.Time `json:"until,omitempty"`
	Used   string     `json:"last_used,omitempty"` // the day
}

// NewToken is a token that was just made. It is shown once: only its hash is kept.
type NewToken struct {
	Name  string `json:"name"`
	Token string `json:"token"`
}

// Done is the answer to what has no other.
type Done struct {
	Done bool `json:"done"`
}

// PendingHolds are the holds that a terminal lists. Some terminals name only the first: then the list is not complete.
type PendingHolds struct {
	Receipts []kiosk.ReceiptNo `json:"open_receipts"`
	Complete bool              `json:"complete"`
}

// Released is a hold that was given back.
type Released struct {
	Receipt kiosk.ReceiptNo `json:"released_receipt_no"`
}

// DayEnd is what an end-of-day came to.
type DayEnd struct {
	Terminal *kiosk.Money `json:"terminal,omitempty"` // what it counted, where it says so
	Journal  kiosk.Money  `json:"journal"`            // what the journal captured since the last one
	Agrees   bool         `json:"agrees"`
}

// Drained lists the sessions that an update should wait for, by reference.
type Drained struct {
	Waiting []string `json:"waiting_for"`
}

// Refunded is money that was given back outside of the terminal.
type Refunded struct {
	Reference string      `json:"reference"`
	Refunded  kiosk.Money `json:"refunded"`
	Left      kiosk.Money `json:"left"` // of what was taken
}

// Finding is what was found of one device or fault.
type Finding struct {
	Device   string          `json:"device"`
	OK       bool            `json:"ok"`
	Identity string          `json:"identity,omitempty"`
	Millis   int64           `json:"took_ms,omitempty"`
	What     string          `json:"what,omitempty"`
	Fault    kiosk.FaultCode `json:"fault,omitempty"` // its texts say what to do
}

// Unit is a unit that answers on a Modbus line.
type Unit struct {
	Unit   int    `json:"unit"`
	Vendor string `json:"vendor,omitempty"` // empty for a device that is no known meter
	Model  string `json:"model,omitempty"`
	Serial string `json:"serial,omitempty"`
	Why    string `json:"why,omitempty"` // it is not known, or cannot be sold with
	// May are models whose registers it has, of which a person must say one.
	May  []string `json:"may,omitempty"`
	Line string   `json:"line"` // its address
}

// Compare orders units by their lines and numbers.
func (u Unit) Compare(other Unit) int {
	return cmp.Or(strings.Compare(u.Line, other.Line), cmp.Compare(u.Unit, other.Unit))
}

// Office is how things stand with the back office.
type Office struct {
	Configured bool   `json:"configured"`
	URL        string `json:"url,omitempty"`
	backoffice.Status
	Backlog    int64           `json:"backlog"` // records that are not acknowledged, the parked with them
	Parked     []kiosk.Refusal `json:"parked"`
	Checkpoint string          `json:"checkpoint,omitempty"` // the last that both signed
}
