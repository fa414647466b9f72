package hook

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"kioskd"
	"kioskd/report"
	"kioskd/session"
)

// Event is what is told. It is the same however often it is sent: computed from the journal up to its record.
type Event struct {
	ID    string    `json:"id"` // of this event, for ever
	Type  string    `json:"type"`
	At    time.Time `json:"timestamp"`
	Kiosk string    `json:"kiosk_id"`
	// Data is a report.Session of session events, a Fault, a Tariff, a Silence or a Daily; nothing of a test.
	Data any `json:"data,omitempty"`

	day string // that it is about; empty for a record
}

// Fault is one that came or went.
type Fault struct {
	Code     kiosk.FaultCode `json:"code"`
	Bay      int             `json:"bay,omitempty"` // 0 for the site
	Severity kiosk.Severity  `json:"severity"`
	Acts     kiosk.Actor     `json:"acts"`
	By       string          `json:"by,omitempty"` // a person, where one did
	Error    string          `json:"error,omitempty"`
}

// Tariff is by what is sold from a time on.
type Tariff struct {
	From *time.Time `json:"from,omitempty"` // nil for at once
	By   string     `json:"by"`
	OCPI any        `json:"tariff"`
}

// Kinds of the records of a back office that are told of.
const (
	KioskSilent = "kiosk_silent"
	KioskHeard  = "kiosk_heard"
)

// Silence is that nothing was heard of a kiosk, or that it was heard again.
type Silence struct {
	Kiosk string    `json:"kiosk_id"`
	Since time.Time `json:"since"` // when it was heard last before
}

// Daily is what was sold on a day.
type Daily struct {
	Day       string           `json:"day"`
	Revenue   []report.Revenue `json:"revenue"` // a row a currency
	Unsettled int              `json:"unsettled"`
	Faults    []Fault          `json:"faults"` // that last
}

// kinds are of the records that something is told of, by what.
var kinds = map[session.Kind]string{
	session.MeterStart:      kiosk.ToldStarted,
	session.MeterEnd:        kiosk.ToldEnded,
	session.Ended:           kiosk.ToldEnded,
	session.ReceiptFinal:    kiosk.ToldSettled,
	session.Refused:         kiosk.ToldUnsettled,
	session.Unproven:        kiosk.ToldUnsettled,
	session.Refunded:        kiosk.ToldRefunded,
	session.FaultRaised:     kiosk.ToldRaised,
	session.FaultCleared:    kiosk.ToldCleared,
	session.InstructionDone: kiosk.ToldTariff,
	KioskSilent:             kiosk.ToldSilent,
	KioskHeard:              kiosk.ToldHeard,
}

// event is what is told of a record; false where it is nothing.
func (t *Teller) event(ctx context.Context, epoch string, r kiosk.Record) (Event, bool, error) {
	e := Event{ID: fmt.Sprintf("evt_%s_%d", epoch, r.Seq), Type: kinds[session.Kind(r.Kind)], At: r.Wall,
		Kiosk: t.Kiosk}
	if e.Type == kiosk.ToldSilent || e.Type == kiosk.ToldHeard {
		var s Silence
		err := json.Unmarshal(r.Body, &s)
		e.Kiosk, e.Data = s.Kiosk, s
		return e, true, err
	}
	was, err := session.FromRecord(r)
	if err != nil { // of a newer program
		t.Log.Warn("a record is told of to nobody", "record", r.Seq, "error", err)
		return e, false, nil
	}
	switch b := was.Body.(type) {
	case session.FaultBody:
		def, _ := kiosk.FaultByCode(b.Fault)
		e.Data = Fault{b.Fault, b.Bay, def.Severity, def.Acts, b.By, was.Failure()}
		return e, true, nil
	case session.InstructionBody:
		in := b.Instruction
		e.Data = Tariff{in.From, b.By, in.Tariff}
		return e, in.Do == kiosk.TaskTariff, nil
	}
	row, ended, err := t.row(ctx, r)
	e.Data = row
	again := was.Kind == session.Ended && ended > 1 // its last register was told of
	return e, !again, err
}

// row is a session as it was with a record, and how often it has ended until then.
func (t *Teller) row(ctx context.Context, last kiosk.Record) (row report.Session, ended int, err error) {
	upTo := func(yield func(kiosk.Record, error) bool) {
		for r, err := range t.Journal.Session(ctx, last.Session) {
			if err == nil && r.Seq > last.Seq {
				return
			}
			if err == nil && kinds[session.Kind(r.Kind)] == kiosk.ToldEnded {
				ended++
			}
			if !yield(r, err) {
				return
			}
		}
	}
	row, err = report.FromRecords(last.Session, iter.Seq2[kiosk.Record, error](upTo))
	return row, ended, err
}
