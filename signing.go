package kiosk

import (
	"context"
	"errors"
	"time"
)

// Signing is what a meter that signs is told of a transaction. What it has no room for is cut.
type Signing struct {
	Reference string // of the session: the records have it
	EVSE      string
	Tariff    string
	At        time.Time // now
}

// SignedClaim is what records must prove of a transaction, as the kiosk saw it.
type SignedClaim struct {
	Reference string // of the session
	Page      int64  // of the meter's last record that is known (OCMF 1.3, PG); 0 for none
	// Before and Began are the register before the meter signed the beginning, and after it; Ended after it signed the
	// end. What it signed of the end lies between Began and Ended: it may have ended the transaction by itself.
	Before, Began, Ended Reading
	// AnyTime means that the kiosk's clock was not to be trusted at one of them: the meter's time is not compared.
	AnyTime bool
}

// SignedReading is what a meter signed of a transaction, byte for byte, and what that proves.
type SignedReading struct {
	Records   []string `json:"records"`    // OCMF 1.3: of the beginning and of the end, or one of both
	PublicKey string   `json:"public_key"` // SubjectPublicKeyInfo (RFC 5480), hexadecimal
	Energy    Energy   `json:"energy_wh"`  // that is proven, without the part of a watt-hour
	Page      int64    `json:"page"`       // of the last record
	// Seconds is how long the transaction was by the meter's clock, where that is said to be good; 0 where it is not.
	Seconds int64 `json:"seconds,omitempty"`
	// Error is why the records prove nothing; then no energy and no page is told.
	Error string `json:"error,omitempty"`
}

// ErrSigning means that a transaction is open in the meter: Rescue ends it.
var ErrSigning = errors.New("a transaction is open in the meter")

// Signer lets a bay's meter sign what a session draws. One goroutine at a time may call it, the one that reads the
// meter.
type Signer interface {
	// Shortest is how long a transaction must be at least until the meter ends it; 0 for none.
	Shortest() time.Duration
	// Check tells why the meter is not the one that is known by its public key.
	Check(context.Context) error
	// Begin begins a transaction, and returns the record of the beginning where the meter makes one of its own. It
	// fails with ErrSigning where one is open.
	Begin(context.Context, Signing) (records []string, err error)
	// End ends the transaction that was begun so, perhaps before a restart, and returns the records that the meter
	// makes then. It may be called again, also where the meter has ended it.
	End(context.Context, Signing) (records []string, err error)
	// Rescue ends what is open in the meter, and returns what it left; nothing where nothing is open.
	Rescue(ctx context.Context, at time.Time) (records []string, err error)
	// Done tells the meter that the records are on disk: it may forget them.
	Done(context.Context) error
	// Prove judges records. It asks no device.
	Prove(records []string, c SignedClaim) SignedReading
}
