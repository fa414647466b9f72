package report

import (
	"iter"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/tariff"
)

// Outcome is what became of a session, in a word that a listing can be filtered by.
type Outcome string

// Outcomes.
const (
	Ongoing    Outcome = "open"       // its driver is at the screen, at the bay, or on the way
	Sold       Outcome = "sold"       // money was taken
	Released   Outcome = "released"   // the whole hold was given back: nothing was to be paid
	Free       Outcome = "free"       // the host granted it
	Declined   Outcome = "declined"   // no money was ever reserved
	Left       Outcome = "left"       // no card was ever asked for
	Unsettled  Outcome = "unsettled"  // it ended, and its money is not yet where it belongs
	Disputed   Outcome = "disputed"   // a person must find out where its money is
	Unreadable Outcome = "unreadable" // its records cannot be read
)

// Outcomes lists them all.
func Outcomes() []Outcome {
	return []Outcome{Ongoing, Sold, Released, Free, Declined, Left, Unsettled, Disputed, Unreadable}
}

// Session is one session as it is listed.
type Session struct {
	Kiosk     string             `json:"kiosk_id,omitempty"` // at a back office, which has several
	ID        string             `json:"session_id"`
	Reference string             `json:"reference"`
	Bay       int                `json:"bay"`
	EVSE      string             `json:"evse_id,omitempty"`
	Outcome   Outcome            `json:"outcome"`
	Money     session.MoneyState `json:"money"`
	Power     session.PowerState `json:"power"`
	Reason    session.Reason     `json:"end_reason,omitempty"`
	Error     string             `json:"error,omitempty"` // why it is unreadable
	Timezone  string             `json:"timezone"`
	Language  string             `json:"language,omitempty"`
	// ClockDoubt: its times may be wrong
	ClockDoubt bool `json:"clock_untrusted,omitempty"`

	At        time.Time  `json:"chosen_at"` // the driver chose the bay
	OfferedAt *time.Time `json:"accepted_at,omitempty"`
	HeldAt    *time.Time `json:"held_at,omitempty"`
	PluggedAt *time.Time `json:"plugged_at,omitempty"`
	ClosedAt  *time.Time `json:"contactor_closed_at,omitempty"`
	FlowAt    *time.Time `json:"energy_at,omitempty"` // the first energy was seen
	OpenedAt  *time.Time `json:"contactor_opened_at,omitempty"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
	SettledAt *time.Time `json:"settled_at,omitempty"` // the terminal booked the capture or the release
	FinalAt   *time.Time `json:"receipt_final_at,omitempty"`

	Start         *time.Time    `json:"start,omitempty"` // of what was billed
	End           *time.Time    `json:"end,omitempty"`
	Energy        kiosk.Energy  `json:"energy_wh"`
	RegisterStart *kiosk.Energy `json:"register_start_wh,omitempty"`
	RegisterEnd   *kiosk.Energy `json:"register_end_wh,omitempty"`
	Meter         string        `json:"meter_serial,omitempty"`
	ChargingSec   int64         `json:"charging_s,omitempty"`
	ParkingSec    int64         `json:"parking_s,omitempty"`
	Signed        bool          `json:"signed,omitempty"`   // the meter signed what is billed
	Unsigned      string        `json:"unsigned,omitempty"` // it should have, and why it did not

	Currency   kiosk.Currency     `json:"currency,omitempty"` // that it was offered in
	Held       *kiosk.Money       `json:"held,omitempty"`
	Billed     *kiosk.Money       `json:"billed,omitempty"`
	Net        *kiosk.Money       `json:"net,omitempty"`   // of what was billed
	Taxes      []session.BillTax  `json:"taxes,omitempty"` // of what was billed
	Lines      []session.BillLine `json:"lines,omitempty"`
	Limited    string             `json:"limited,omitempty"`
	Paid       *kiosk.Money       `json:"paid,omitempty"`     // what the terminal booked
	Returned   *kiosk.Money       `json:"released,omitempty"` // of the hold
	Refunds    []Refund           `json:"refunds,omitempty"`
	Tariff     string             `json:"tariff_id,omitempty"`
	TariffHash string             `json:"tariff_sha256,omitempty"`

	Card       string          `json:"card,omitempty"` // its brand
	Last4      string          `json:"last4,omitempty"`
	ReceiptNo  kiosk.ReceiptNo `json:"terminal_receipt_no,omitempty"`
	AuthCode   string          `json:"auth_code,omitempty"`
	TerminalID string          `json:"terminal_id,omitempty"`
	TraceNo    string          `json:"trace_no,omitempty"`
	Attempts   []Attempt       `json:"attempts,omitempty"`
	Alerts     []Alert         `json:"alerts,omitempty"`

	seller map[string]string // what a receipt says of the seller
}

// Refund is money that a person gave back outside of the terminal.
type Refund struct {
	At     time.Time   `json:"at"`
	Amount kiosk.Money `json:"amount"`
	By     string      `json:"by,omitempty"`
	Why    string      `json:"why,omitempty"`
}

// Alert is that a rule against fraud or abuse was met.
type Alert struct {
	At   time.Time `json:"at"`
	Rule string    `json:"rule"`
}

// Results of an attempt to pay, beside the classes of kiosk.DeclineClass.
const (
	Approved  = "approved"
	Cancelled = "cancelled" // by the driver
	Vanished  = "gone"      // its outcome was not known for a while, and nothing was held
)

// Attempt is one time that a card was asked for.
type Attempt struct {
	At     time.Time  `json:"at"`
	End    *time.Time `json:"end,omitempty"`
	Result string     `json:"result,omitempty"` // approved, cancelled, gone or a class; empty while it is not known
	Code   string     `json:"code,omitempty"`   // the terminal's result code
}

// Flowing is how much energy shows that it flows: less may be the meter's last digit.
const Flowing kiosk.Energy = 50

// trail is what a session's records say beside the machine's state.
type trail struct {
	s        Session
	asking   bool // the last attempt has no result
	cancel   bool // its driver cancelled it
	start    *kiosk.Energy
	last     kiosk.Energy
	rises    int
	readings int
}

// FromRecords computes a session's row from its records. Records that cannot be read give a row that says so.
func FromRecords(id string, records iter.Seq2[kiosk.Record, error]) (Session, error) {
	t := trail{s: Session{ID: id, Timezone: "UTC"}}
	var broken error // of the journal itself, not of what it says
	state, err := session.ReplayTold(func(yield func(kiosk.Record, error) bool) {
		for r, err := range records {
			if err != nil {
				broken = err
			}
			if !yield(r, err) {
				return
			}
		}
	}, t.take)
	if broken != nil {
		return t.s, broken
	}
	x, ok := state.Sessions[id]
	if err != nil || !ok {
		t.s.Outcome = Unreadable
		t.s.Error = "it has no record of its beginning"
		if err != nil {
			t.s.Error = err.Error()
		}
		return t.s, nil
	}
	t.finish(x)
	return t.s, nil
}

// take takes what an event says of times, attempts and refunds.
func (t *trail) take(e session.Event) {
	s, at := &t.s, e.At
	if s.At.IsZero() {
		s.At = at
	}
	s.ClockDoubt = s.ClockDoubt || e.Untrusted
	switch b := e.Body.(type) {
	case session.LeaseBody:
		s.Reference, s.Bay, s.seller = b.Reference, b.Bay, b.Site
	case session.FoundBody:
		if b.Reference != "" {
			s.Reference = b.Reference
		}
	case session.OfferBody:
		s.Timezone, s.Language = b.Offer.Timezone, b.Offer.Language
	case session.RefundBody:
		s.Refunds = append(s.Refunds, Refund{at, b.Amount, b.By, b.Note})
	case session.AlertBody:
		s.Alerts = append(s.Alerts, Alert{at, b.Rule})
	case session.FirstBody:
		t.start, t.last = &b.Reading.Import, b.Reading.Import
	}
	t.times(e)
	t.attempt(e)
	t.flow(e)
}

// times takes when things happened.
func (t *trail) times(e session.Event) {
	s, at := &t.s, e.At
	first := func(p **time.Time) {
		if *p == nil {
			*p = &at
		}
	}
	switch e.Kind {
	case session.OfferAccepted:
		first(&s.OfferedAt)
	case session.HoldConfirmed, session.FreeGranted, session.HoldFound:
		first(&s.HeldAt)
	case session.Plugged:
		first(&s.PluggedAt)
	case session.ContactorClosed:
		first(&s.ClosedAt)
	case session.ContactorOpened:
		s.OpenedAt = &at
	case session.CaptureIntent, session.ReleaseIntent: // what was booked before was not; a blind repeat keeps it
		if b, _ := e.Body.(session.SettleBody); !b.Blind {
			s.SettledAt = nil
		}
	case session.CaptureOK, session.ReleaseOK:
		s.SettledAt = &at
	case session.CaptureDone, session.ReleaseDone:
		first(&s.SettledAt)
	case session.ReceiptFinal:
		first(&s.FinalAt)
	}
}

// attempt takes what came of asking for a card.
func (t *trail) attempt(e session.Event) {
	end := func(result, code string) {
		if !t.asking {
			return
		}
		a := &t.s.Attempts[len(t.s.Attempts)-1]
		if t.cancel && result != Approved {
			result = Cancelled
		}
		at := e.At
		a.End, a.Result, a.Code, t.asking = &at, result, code, false
	}
	switch e.Kind {
	case session.HoldIntent:
		t.s.Attempts = append(t.s.Attempts, Attempt{At: e.At})
		t.asking, t.cancel = true, false
	case session.CancelAsked:
		t.cancel = true
	case session.HoldConfirmed:
		end(Approved, "")
	case session.HoldDeclined:
		b, _ := e.Body.(session.DeclineBody)
		end(b.Class, b.Code)
	case session.HoldGone:
		end(Vanished, "")
	case session.HoldFound: // it was approved after all; an orphan has no attempt
		end(Approved, "")
	}
}

// flow looks for the first energy: enough of it, or a register that rose twice.
func (t *trail) flow(e session.Event) {
	b, ok := e.Body.(session.ReadingBody)
	if !ok || t.start == nil || t.s.FlowAt != nil {
		return
	}
	t.readings++
	if b.Reading.Import > t.last {
		t.rises++
	}
	t.last = b.Reading.Import
	if t.rises >= 2 || t.last-*t.start >= Flowing {
		at := e.At
		t.s.FlowAt = &at
	}
}

// finish takes the machine's state.
func (t *trail) finish(x session.Session) {
	s := &t.s
	s.Bay, s.EVSE, s.Money, s.Power, s.Reason = x.Bay, x.EVSE, x.Money, x.Power, x.Reason
	if s.Reference == "" {
		s.Reference = x.Reference
	}
	ended := x.Reason != "" || x.Money == session.Declined || x.Record != session.RecordOpen
	if ended && !x.EndAt.IsZero() && (s.HeldAt == nil || !x.EndAt.Before(*s.HeldAt)) {
		s.EndedAt = &x.EndAt
	}
	s.Outcome = outcome(x)
	if o := x.Offer; o != nil {
		s.TariffHash, s.Currency = o.Hash, o.Hold.Currency
		s.Tariff = x.Tariff.ID
	}
	t.bill(x)
	h := x.Hold
	if h == nil || x.Money == session.Declined || x.Money == session.Free {
		return
	}
	held := h.Approved
	s.Held, s.Card, s.Last4, s.ReceiptNo = &held, h.CardName, h.Last4, kiosk.ReceiptNo(h.ID)
	s.AuthCode, s.TerminalID, s.TraceNo = h.AuthCode, h.TerminalID, h.TraceNo
	switch x.Money {
	case session.Captured:
		paid := kiosk.Money{Currency: held.Currency}
		if x.Bill != nil {
			paid = x.Bill.Total
		}
		if x.Result != nil {
			paid = x.Result.Booked
		}
		back := kiosk.Money{Minor: held.Minor - paid.Minor, Currency: held.Currency}
		s.Paid, s.Returned = &paid, &back
	case session.Released:
		none := kiosk.Money{Currency: held.Currency}
		s.Paid, s.Returned = &none, &held
	}
}

// bill takes what was measured, and its price.
func (t *trail) bill(x session.Session) {
	s := &t.s
	if x.Start != nil {
		s.Meter = x.Start.Serial
		from := x.Start.Import
		s.RegisterStart = &from
		if x.Last != nil {
			to := x.Last.Import
			s.RegisterEnd, s.Energy = &to, x.Energy(to)
		}
	}
	s.Signed = x.Signed != nil && x.Signed.Error == ""
	if x.Signed != nil {
		s.Unsigned = x.Signed.Error
	}
	b := x.Bill
	if b == nil {
		return
	}
	start, end, total := b.Start, b.End, b.Total
	s.Start, s.End, s.Billed, s.Net, s.Taxes = &start, &end, &total, b.Net, b.Taxes
	s.Lines, s.Limited = b.Lines, b.Limit
	s.Energy = b.Energy
	from, to := b.From, b.To
	s.RegisterStart, s.RegisterEnd = &from, &to
	s.ClockDoubt = s.ClockDoubt || b.Doubt
	if b.Usage == nil {
		return
	}
	for i, p := range b.Usage.Periods {
		until := b.Usage.End
		if i+1 < len(b.Usage.Periods) {
			until = b.Usage.Periods[i+1].Start
		}
		if sec := int64(until.Sub(p.Start) / time.Second); p.State == tariff.Parked {
			s.ParkingSec += sec
		} else {
			s.ChargingSec += sec
		}
	}
}

func outcome(x session.Session) Outcome {
	over := x.Power == session.Off || x.Power == session.PowerNone
	switch {
	case x.Money == session.Disputed:
		return Disputed
	case x.Money == session.Captured:
		return Sold
	case x.Money == session.Released:
		return Released
	case x.Money == session.Free && over && x.Record != session.RecordOpen:
		return Free
	case x.Record == session.RecordClosed && x.Tries == 0:
		return Left
	case x.Record == session.RecordClosed:
		return Declined
	case x.Power == session.Off && x.Hold != nil, x.Money == session.HoldUncertain && x.Reason != "":
		return Unsettled
	}
	return Ongoing
}

// keep takes from the row of before what the journal has forgotten.
func (s *Session) keep(before Session) {
	if s.FlowAt == nil {
		s.FlowAt = before.FlowAt
	}
}

// Zone is the site's time zone; UTC where it is not known.
func (s Session) Zone() *time.Location {
	loc, err := time.LoadLocation(s.Timezone)
	if err != nil {
		return time.UTC
	}
	return loc
}

// day is the site's day of a time.
func (s Session) day(t time.Time) string { return t.In(s.Zone()).Format(time.DateOnly) }
