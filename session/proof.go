package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"time"

	"kioskd"
)

// A session that runs belongs to the driver who pays for it. Once they have left the screen, they
// show that it is theirs by the stop code that they were given or by the card that they paid
// with; without either they unplug.

// Who stops a session; anything else is the name of an operator.
const (
	ByScreen = "screen" // the visitor at it, in the visit in which they paid
	ByCode   = "code"
	ByCard   = "card"
)

// Proof is what was shown for a session's owner.
type Proof string

// Proofs.
const (
	ProofNone    Proof = ""
	ProofAsked   Proof = "asked"   // a card is waited for
	ProofGiven   Proof = "given"   // the owner is here
	ProofRefused Proof = "refused" // not the owner, or no card
)

// Times and limits of proving.
const (
	proofFor   = time.Minute // a proof that was given counts
	proofTries = 5           // refusals after which only the cable ends the session for a while
	proofPause = 5 * time.Minute
)

// Owned tells whether the owner of a session showed a moment ago that they are here.
func (x Session) Owned(at time.Time) bool {
	return x.Proof == ProofGiven && !over(x.ProofAt, at, proofFor)
}

// Locked tells whether too many wrong proofs were given of late.
func (x Session) Locked(at time.Time) bool {
	return x.Refusals >= proofTries && !over(x.ProofAt, at, proofPause)
}

func (x Session) running() bool {
	return x.Power == Closing || x.Power == Charging || x.Power == Pausing || x.Power == Adopting
}

// claimable tells whether a driver may have left the screen who must be able to prove that the session is theirs:
// from the hold on, until its end.
func (x Session) claimable() bool {
	return x.running() || (x.Power == Waiting || x.Power == Starting) && x.Money == Held
}

// Codes derives the stop codes of sessions from a key: four digits, the same after a restart, and
// without the key to be found in no journal and at no back office.
func Codes(key []byte) func(session string) string {
	return func(session string) string {
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "stop code of session %s", session)
		return fmt.Sprintf("%04d", binary.BigEndian.Uint64(mac.Sum(nil))%10_000)
	}
}

// StopCode is what its owner enters to stop a session; empty where there is none.
func (r Rules) StopCode(x Session) string {
	if x.StopCode != "" || r.Code == nil {
		return x.StopCode
	}
	return r.Code(x.ID)
}

// codeEntered judges a stop code.
func (r Rules) codeEntered(x Session, o Observation) ([]Event, error) {
	switch {
	case !x.claimable():
		return nil, fmt.Errorf("cannot take a code: power of session %s is %s", x.Reference, x.Power)
	case x.Locked(o.At):
		return nil, fmt.Errorf("cannot take a code: too many were wrong for session %s", x.Reference)
	}
	want := r.StopCode(x)
	right := want != "" && subtle.ConstantTimeCompare([]byte(o.Code), []byte(want)) == 1
	return []Event{x.proof(right, ByCode, o)}, nil
}

func (x Session) proof(right bool, by string, o Observation) Event {
	k := ProofWrong
	if right {
		k = ProofRight
	}
	return x.says(k, o.At, ProofBody{answer(o.Err), by})
}

// cardAsked lets the owner show their card.
func (r Rules) cardAsked(x Session, o Observation) ([]Event, error) {
	switch {
	case !x.claimable():
		return nil, fmt.Errorf("cannot read a card: power of session %s is %s", x.Reference, x.Power)
	case x.Hold == nil || x.Hold.Card == "":
		return nil, fmt.Errorf("cannot read a card: the terminal does not name that of session %s", x.Reference)
	case x.Proof == ProofAsked:
		return nil, fmt.Errorf("cannot read a card: one is waited for, for session %s", x.Reference)
	case x.Locked(o.At):
		return nil, fmt.Errorf("cannot read a card: too many were wrong for session %s", x.Reference)
	}
	return []Event{x.event(ProofWanted, o.At)}, nil
}

// cardRead judges the card that was shown. It may come late: the session may be over.
func (r Rules) cardRead(x Session, o Observation) []Event {
	if x.Proof != ProofAsked || !x.claimable() {
		return nil
	}
	return []Event{x.proof(o.Err == nil && kiosk.SameCard(o.Card, x.Hold.Card), ByCard, o)}
}

// prove applies what was shown.
func (x *Session) prove(e Event) []Command {
	b, shown := e.Body.(ProofBody)
	if !shown {
		x.Proof = ProofAsked
		return []Command{x.command(ReadCard)}
	}
	x.ProofAt = e.At
	switch {
	case e.Kind == ProofRight:
		x.Proof, x.Refusals, x.ProvedBy = ProofGiven, 0, b.By
	default:
		x.Proof = ProofRefused
		if b.Class == "" && b.Error == "" { // something was shown, and it was wrong
			x.Refusals++
		}
	}
	return nil
}
