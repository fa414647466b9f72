package session

import (
	"fmt"
	"time"

	"kioskd"
)

// A bay may have a meter that signs what a session draws. Then nothing else is billed there:
//
//	meter_start, signing_intent, signing_began, contactor_close, .., contactor_opened, meter_end, bill
//
// The meter signs the beginning before its contactor closes, and the end after it opened. Records are journaled byte
// for byte before the meter is told to forget them, also those that prove nothing, and those of a transaction that no
// session ended. A session whose records do not prove it costs nothing. Where they do, the energy that is billed is
// theirs; the register that the kiosk read itself is what they are held against, and stays in the journal beside them.

// Signing is what a bay's meter signs of a session.
type Signing struct {
	Page   int64          // of the meter's last record that was known then
	Before *kiosk.Reading // the register before it signed the beginning
	Began  *SigningBody   // nil until it did
}

// begun tells whether the meter signed the beginning, where it signs.
func (s *Signing) begun() bool { return s == nil || s.Began != nil }

// signing is what the commands that let a meter sign need to know.
func (c *Command) signing(x Session) {
	c.Signing = kiosk.Signing{Reference: x.Reference, EVSE: x.EVSE, Tariff: x.Tariff.ID}
	c.Claim = kiosk.SignedClaim{Reference: x.Reference, Page: x.Signing.Page, Before: *x.Signing.Before,
		AnyTime: x.doubt || x.doubted || x.shift != 0}
	if b := x.Signing.Began; b != nil {
		c.Claim.Began, c.Records = b.Reading, b.Records
	}
}

// signs applies what its meter signs of the beginning.
func (x *Session) signs(e Event) []Command {
	if b, began := e.Body.(SigningBody); began {
		x.Signing = &Signing{x.Signing.Page, x.Signing.Before, &b}
		start := *x.Start // no time is billed in which the meter signed
		start.At = b.Reading.At
		x.Start, x.Last, x.Proven = &start, &start, &start
		return nil
	}
	x.Signing = &Signing{Page: e.Body.(PageBody).Page, Before: x.Start}
	return []Command{x.command(BeginSigning)}
}

// first is what follows from a session's first register.
func (r Rules) first(s State, x Session, o Observation) []Event {
	start := x.says(MeterStart, o.At, FirstBody{Reading: *o.Reading, Modulus: r.Bays[x.Bay].Modulus})
	switch {
	case !r.Signs[x.Bay]:
		return []Event{start, x.event(ContactorClose, o.At)}
	case o.Untrusted: // the meter would be set to a wrong time, and sign it
		return r.release(x, o.At, ReasonMeter)
	}
	return []Event{start, x.says(SigningIntent, o.At, PageBody{s.Pages[o.Reading.Serial]})}
}

// signingStarted goes on once the meter signed the beginning. One that does not sign sells nothing.
func (r Rules) signingStarted(x Session, o Observation) []Event {
	switch {
	case x.Power != Starting || x.Signing.begun():
		return left(x.Bay, o.Records, o.At)
	case o.Err != nil:
		return r.release(x, o.At, ReasonMeter)
	}
	return []Event{x.says(SigningBegan, o.At, SigningBody{o.Records, *o.Reading}), x.event(ContactorClose, o.At)}
}

// left writes down what a bay's meter signed for no session, or for one that had ended or sold nothing after all.
func left(bay int, records []string, at time.Time) []Event {
	if len(records) == 0 {
		return nil
	}
	return []Event{{Kind: SigningLeft, At: at, Body: LeftBody{bay, records}}}
}

// readFinal is the command that reads a session's last register.
func (x Session) readFinal() Do {
	if x.Signing != nil && x.Signing.begun() {
		return SignFinal
	}
	return ReadFinal
}

// dropped ends what the meter signs of a session that ended without energy.
func (x Session) dropped() []Command {
	if x.Signing == nil {
		return nil
	}
	return []Command{x.command(DropSigning)}
}

// kept lets the meter forget records that are on disk.
func (x Session) kept(body any) []Command {
	if b, last := body.(LastBody); last && b.Signed != nil && len(b.Signed.Records) > 0 {
		return []Command{x.command(KeptSigning)}
	}
	return nil
}

// Unsigned is the source of a last register that is not billed, because no record proves it.
const Unsigned = "unsigned"

// sign judges the last register of a session by what its meter signed, and says what the host is not paid for; empty
// where there is nothing of the kind.
func (x Session) sign(r Rules, o Observation, end *LastBody) string {
	if x.Signing == nil {
		return ""
	}
	end.Signed = o.Signed
	if end.Signed == nil {
		end.Signed = &kiosk.SignedReading{Error: "the meter signed no end"}
	}
	if end.Signed.Error != "" {
		end.Source = Unsigned
		return "the meter's records do not prove it: " + end.Signed.Error
	}
	counted, proven := x.Energy(end.Reading.Import), end.Signed.Energy
	if counted-proven > r.Bays[x.Bay].Tolerance(end.Reading.Import) {
		return fmt.Sprintf("the meter signed %v, and its register counted %v", proven, counted)
	}
	return ""
}

// signedUntil is when what its meter signed ended, where that is known to be long before its contactor opened: the
// meter may have ended the transaction by itself. Zero where it is not.
func (x Session) signedUntil(end time.Time) time.Time {
	if x.Signed == nil || x.Signed.Seconds == 0 {
		return time.Time{}
	}
	until := x.Start.At.Add(time.Duration(x.Signed.Seconds) * time.Second)
	if end.Sub(until) <= clocksApart {
		return time.Time{}
	}
	return until
}

// clocksApart is how far the meter's clock and the kiosk's may be apart.
const clocksApart = 2 * time.Minute

// billable is the register up to which a session is billed.
func (x Session) billable(b LastBody) kiosk.Reading {
	r := b.Reading
	if x.Signing == nil {
		return r
	}
	energy := kiosk.Energy(0)
	switch {
	case b.Source == Unsigned || b.Signed == nil:
	case b.Source == "read":
		energy = b.Signed.Energy
	default:
		energy = min(b.Signed.Energy, x.Energy(r.Import))
	}
	r.Import = x.Start.Import + energy // no register that begins again at 0 is sold by what it signs
	return r
}
