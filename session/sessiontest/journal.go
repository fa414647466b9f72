// Package sessiontest plays sessions for the tests of what is made from a journal: observations
// go in, records come out, as a kiosk would write them. It touches no device and no disk.
package sessiontest

import (
	"cmp"
	"encoding/json"
	"iter"
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
)

// Price is the tariff of the sessions, unless a test sets another.
const Price = `{"id":"t","currency":"EUR","tax_included":"YES","elements":[{"price_components":[{"type":"ENERGY",
	"price":0.49,"vat":19}]}]}`

// Journal is what a kiosk wrote down of one session, S1 at bay 3.
type Journal struct {
	Rules   session.Rules
	State   session.State
	Now     time.Time
	Doubt   bool   // the clock may be wrong
	Zone    string // of the site; empty for Europe/Berlin
	Records []kiosk.Record
	Signed  *kiosk.SignedReading // what the bay's meter signs; nil where it signs nothing

	t testing.TB
}

// New makes an empty journal.
func New(t testing.TB) *Journal {
	r := session.DefaultRules()
	r.Currency = "EUR"
	r.Bays[3] = session.BayRules{MaxPower: 22000}
	return &Journal{t: t, Rules: r, Now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
}

// See hands an observation in.
func (j *Journal) See(o session.Observation) {
	j.t.Helper()
	o.Session, o.At, o.Untrusted = "S1", j.Now, j.Doubt
	turn, err := j.Rules.Turn(j.State, o, nil)
	if err != nil {
		j.t.Fatal(err)
	}
	j.State = turn.State
	j.Keep(turn.Entries...)
}

// Keep appends an entry as it is.
func (j *Journal) Keep(entries ...kiosk.Entry) {
	for _, e := range entries {
		j.Records = append(j.Records, kiosk.Record{Seq: int64(len(j.Records) + 1), Session: e.Session, Kind: e.Kind,
			Body: e.Body, Wall: j.Now, Token: e.Token})
	}
}

// Sign lets the bay's meter sign 1.9 kWh: with the records of a Bauer BSM of its maker's example (bsm-python,
// doc/examples/ocmf.md; Apache-2.0), which are of another transaction.
func (j *Journal) Sign() {
	j.Signed = &kiosk.SignedReading{Records: []string{bauerBegin, bauerEnd}, PublicKey: bauerKey, Energy: 1900,
		Page: 4277}
}

// All reads the records.
func (j *Journal) All() iter.Seq2[kiosk.Record, error] {
	return func(yield func(kiosk.Record, error) bool) {
		for _, r := range j.Records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// EUR is an amount in cents.
func EUR(minor int64) kiosk.Money { return kiosk.Money{Minor: minor, Currency: "EUR"} }

// Reading is a register now.
func (j *Journal) Reading(wh int64) *kiosk.Reading {
	return &kiosk.Reading{At: j.Now, Import: kiosk.Energy(wh), Serial: "20260001"}
}

// Look is a look at a bay that charges.
func (j *Journal) Look(wh int64) { j.Sample(wh, true) }

// Sample is a look at a bay whose vehicle may ask for nothing.
func (j *Journal) Sample(wh int64, requesting bool) {
	j.See(session.Observation{What: session.Sampled, Bay: 3, Sample: &session.Sample{
		Inputs: kiosk.BayInputs{Plugged: true, Requesting: requesting, Closed: true}, Reading: j.Reading(wh),
		Good: j.Reading(wh)}})
}

// Begin plays a visit up to the closed contactor, at register 1000.
func (j *Journal) Begin(tariff string, hold kiosk.Money) {
	j.See(session.Observation{What: session.Chosen, Bay: 3, EVSE: "DE*DEM*E003", Reference: "7GK2M4Q",
		Site: map[string]string{"name": "Demo Charging", "helpline": "+49 30 1"}})
	j.See(session.Observation{What: session.Accepted, Offer: &session.Offer{Tariff: json.RawMessage(tariff),
		Hash: "0123456789abcdef", Hold: hold, Language: "de", Timezone: cmp.Or(j.Zone, "Europe/Berlin")}})
	j.See(session.Observation{What: session.HoldApproved,
		Hold: &kiosk.Hold{ID: "231", Approved: hold, Last4: "8074", CardName: "Mastercard", TerminalID: "60099914",
			At: j.Now}})
	j.See(session.Observation{What: session.HoldEnded})
	j.Look(1000)
	j.Rules.Signs[3] = j.Signed != nil
	j.See(session.Observation{What: session.BaselineRead, Reading: j.Reading(1000)})
	if j.Signed != nil {
		j.See(session.Observation{What: session.SigningStarted, Reading: j.Reading(1000)})
	}
	j.See(session.Observation{What: session.ContactorMoved, Closed: true})
}

// End stops it at a register.
func (j *Journal) End(wh int64) {
	j.See(session.Observation{What: session.StopPressed})
	j.See(session.Observation{What: session.ContactorMoved})
	j.See(session.Observation{What: session.FinalRead, Reading: j.Reading(wh), Signed: j.Signed})
}

// Charged is a session that ran for a quarter of an hour, with a restart and a gap in it.
func (j *Journal) Charged() {
	j.Begin(Price, EUR(5000))
	begun := j.Now
	for range 15 {
		j.Now = j.Now.Add(10 * time.Second)
		j.Look(2000)
	}
	j.Now = j.Now.Add(4 * time.Second) // no longer than a cable takes to be pulled and plugged in
	j.See(session.Observation{What: session.Booted})
	j.Look(2000)
	for j.Now = j.Now.Add(-4 * time.Second); j.Now.Before(begun.Add(5 * time.Minute)); {
		j.Now = j.Now.Add(10 * time.Second)
		j.Look(2000)
	}
	j.Now = j.Now.Add(10 * time.Minute) // in which nothing could be written down
	j.Look(3000)
	j.End(3000)
}

// Gone gives lists without the hold until the ladder has ended.
func (j *Journal) Gone() {
	for range 8 * 24 {
		j.See(session.Observation{What: session.TerminalSaid, Ready: true, Open: kiosk.OpenHolds{Complete: true}})
		if x := j.State.Sessions["S1"]; x.Money == session.CaptureAsked {
			j.See(session.Observation{What: session.SettlementEnded,
				Err: &kiosk.Declined{Class: kiosk.DeclineNoHold, Code: "B4"}})
		}
		j.Now = j.Now.Add(time.Hour)
		j.See(session.Observation{What: session.Ticked})
	}
}

// Booked is the bank's answer.
func (j *Journal) Booked(minor int64) {
	b := &kiosk.CaptureResult{ID: "232", Booked: EUR(minor)}
	j.See(session.Observation{What: session.SettlementApproved, Result: b})
	j.See(session.Observation{What: session.SettlementEnded, Result: b})
}
