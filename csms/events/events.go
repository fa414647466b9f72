package events

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"kioskd"
	"kioskd/ocpp/v16"
	"kioskd/ocpp/v2"
	"kioskd/session"
)

// Options are what the journal does not say.
type Options struct {
	EVSE       func(bay int) int                // the EVSE's number, from 1; 0 for a bay that is gone
	TariffID   func(session.Offer) string       // of what a driver agreed to
	ReceiptURL func(session, ref string) string // where a receipt is shown; empty for nowhere; nil for none
	Every      time.Duration                    // between two readings that are told
	// Asked means that the operator is asked before a sale: a payment is told without a transaction, too.
	Asked bool
}

// Message is what is to be told.
type Message struct {
	Action  string
	Payload any // *v2.TransactionEvent or *v2.NotifySettlement
	At      time.Time
	Session string
}

// State is what is known of the sessions that are not over. It is kept as JSON beside the number of the record that it
// is of.
type State struct {
	Sessions map[string]Session `json:"sessions,omitempty"`
}

// Session is one that is not over.
type Session struct {
	Bay       int            `json:"bay"`
	Reference string         `json:"reference"`
	Tariff    string         `json:"tariff,omitempty"`
	Zone      string         `json:"zone,omitempty"`
	Own       string         `json:"own_limit,omitempty"` // what the driver limited: energy, time or cost
	Free      string         `json:"free,omitempty"`      // who granted it
	Hold      *kiosk.Hold    `json:"hold,omitempty"`
	PSPRef    string         `json:"psp_ref,omitempty"`
	Closing   bool           `json:"closing,omitempty"` // the contactor was told to close
	First     *kiosk.Reading `json:"first,omitempty"`
	Last      *kiosk.Reading `json:"last,omitempty"`
	// Signed is what the bay's meter signed, where it proves what is billed.
	Signed  *kiosk.SignedReading `json:"signed,omitempty"`
	Begun   bool                 `json:"begun,omitempty"`
	Over    bool                 `json:"over,omitempty"`
	Paused  bool                 `json:"paused,omitempty"`
	Seq     int                  `json:"seq,omitempty"` // of the next event
	Updated time.Time            `json:"updated,omitzero"`
	Reason  session.Reason       `json:"reason,omitempty"`
	Total   *kiosk.Money         `json:"total,omitempty"`
	Failed  bool                 `json:"failed,omitempty"` // that its settlement waits was told
}

// Take is the state after a record, and what is to be told of it. A record that cannot be understood is an error, and
// changes nothing.
func (s State) Take(r kiosk.Record, o Options) (State, []Message, error) {
	e, err := session.FromRecord(r)
	if err != nil {
		return s, nil, fmt.Errorf("cannot tell of record %d: %w", r.Seq, err)
	}
	if e.Session == "" {
		return s, nil, nil
	}
	x, known := s.Sessions[e.Session]
	if !known && e.Kind != session.BayLease {
		return s, nil, nil // it began before an operator was told of anything
	}
	t := telling{Session: x, id: e.Session, at: e.At, o: o}
	t.take(e)
	next := State{maps.Clone(s.Sessions)}
	if next.Sessions == nil {
		next.Sessions = map[string]Session{}
	}
	next.Sessions[e.Session] = t.Session
	if e.Kind == session.Closed {
		delete(next.Sessions, e.Session)
	}
	return next, t.out, nil
}

// Read reads a state.
func Read(text []byte) (s State, err error) {
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("cannot read what the operator was told: %w", err)
	}
	return s, nil
}

// telling is a session at one record.
type telling struct {
	Session
	id  string
	at  time.Time
	o   Options
	out []Message
}

func (t *telling) take(e session.Event) {
	switch b := e.Body.(type) {
	case session.LeaseBody:
		t.Bay, t.Reference = b.Bay, b.Reference
	case session.MoveBody:
		t.Bay = b.Bay
	case session.OfferBody:
		t.Tariff, t.Zone, t.Own = t.o.TariffID(b.Offer), b.Offer.Timezone, limited(b.Offer.Limit)
	case session.HoldBody:
		t.Hold, t.PSPRef = &b.Hold, pspRef(b.Hold, t.Zone)
	case session.PersonBody:
		t.Free = b.By
	case session.FirstBody:
		t.First, t.Last = &b.Reading, &b.Reading
		t.begin()
	case session.ReadingBody:
		t.reading(e.Kind, b.Reading)
	case session.StopBody:
		t.Reason = b.Reason
	case session.EndBody:
		t.Reason = b.Reason
	case session.LastBody:
		t.Last = &b.Reading
		if b.Signed != nil && b.Signed.Error == "" {
			t.Signed = b.Signed
		}
	case session.BillBody:
		t.Total = &b.Bill.Total
		t.end(b.Bill.End, b.Bill.To, cost(b.Bill, t.Tariff))
	default:
		t.settle(e)
	}
	switch e.Kind {
	case session.HoldVanished:
		t.settlement(v2.Canceled, kiosk.Money{}, "the terminal no longer has the hold")
	case session.ReleaseIntent:
		if t.Last != nil { // without a bill: it could not be priced
			t.end(t.at, t.Last.Import, t.unpriced())
		}
	case session.ContactorClose:
		t.Closing = true
		t.begin()
	case session.Closed:
		if t.Begun && !t.Over && t.Last != nil { // there was nothing to bill
			t.end(t.at, t.Last.Import, t.unpriced())
		}
	}
}

// limited is what a driver limited.
func limited(l *session.Limit) string {
	switch {
	case l == nil:
		return ""
	case l.Energy > 0:
		return "energy"
	case l.Time > 0:
		return "time"
	}
	return "cost"
}

// tell adds a message.
func (t *telling) tell(action string, at time.Time, payload any) {
	t.out = append(t.out, Message{action, payload, at, t.id})
}

// event is the next one of the transaction.
func (t *telling) event(kind v2.EventType, trigger string, at time.Time) *v2.TransactionEvent {
	m := &v2.TransactionEvent{Type: kind, Timestamp: v16.At(at), Trigger: trigger, Seq: t.Seq,
		Info: v2.Transaction{ID: t.id, State: v2.Charging}}
	if t.Paused {
		m.Info.State = v2.SuspendedEV
	}
	if n := t.o.EVSE(t.Bay); n > 0 {
		m.EVSE = &v2.EVSE{ID: n, Connector: 1}
	}
	t.Seq++
	t.tell(v2.ActionTransactionEvent, at, m)
	return m
}

// begin tells of a transaction once its first register is known and its contactor is about to close.
func (t *telling) begin() {
	if t.Begun || !t.Closing || t.First == nil {
		return
	}
	t.Begun, t.Updated = true, t.First.At
	trigger := "CablePluggedIn"
	remote, token := remoteStart(t.Free)
	if remote != nil {
		trigger = "RemoteStart"
	}
	m := t.event(v2.Started, trigger, t.at)
	m.Info.Tariff, m.Info.RemoteStart = t.Tariff, remote
	m.IDToken = t.token(token)
	m.Values = values(t.First.At, t.First.Import, nil, "Transaction.Begin")
	if t.Hold != nil {
		m.Info.Limit = &v2.Limit{MaxCost: v2.Decimal(t.Hold.Approved.Decimal())}
	}
}

// Token is a payment as an operator knows it.
func Token(h kiosk.Hold, zone string) v2.IDToken {
	return v2.IDToken{Token: pspRef(h, zone), Type: DirectPayment, More: cardOf(h)}
}

// token is whose money, or whose word, lets the energy flow.
func (t *telling) token(remote *v2.IDToken) *v2.IDToken {
	switch {
	case t.Hold != nil:
		token := Token(*t.Hold, t.Zone)
		return &token
	case remote != nil:
		return remote
	}
	return &v2.IDToken{Token: cmp.Or(v2.Shortened(t.Free, 255), t.Reference), Type: "Local"}
}

// reading tells of a register on the way, and of a vehicle that asks for nothing, or again.
func (t *telling) reading(k session.Kind, r kiosk.Reading) {
	t.Last = &r
	if !t.Begun || t.Over {
		return
	}
	trigger := "MeterValuePeriodic"
	switch {
	case k == session.Paused || k == session.Unpaused:
		t.Paused = k == session.Paused
		trigger = "ChargingStateChanged"
	case k == session.Adopted:
		t.Paused = false
		trigger = "TxResumed"
	case r.At.Sub(t.Updated) < t.o.Every:
		return
	}
	t.Updated = r.At
	m := t.event(v2.Updated, trigger, t.at)
	m.Values = values(r.At, r.Import, &r.Power, "Sample.Periodic")
}

// end tells of the end of a transaction, once.
func (t *telling) end(at time.Time, register kiosk.Energy, cost *v2.Cost) {
	if !t.Begun || t.Over {
		return
	}
	t.Over = true
	trigger, why := stopped(t.Reason, t.Own)
	t.Paused = false
	m := t.event(v2.Ended, trigger, at)
	m.Info.State, m.Info.StoppedReason, m.Info.Tariff = v2.EVConnected, why, t.Tariff
	if t.Reason == session.ReasonUnplugged {
		m.Info.State = v2.Idle
	}
	m.Values = values(at, register, nil, "Transaction.End")
	m.Values[0].Samples = append(m.Values[0].Samples, signed(t.Signed)...)
	m.Cost = cost
	if cost != nil {
		m.Info.Charged = cost.Usage.Charging
	}
}

// stopped is a session's reason as OCPP has it: what triggered the end, and why it ended.
func stopped(r session.Reason, own string) (trigger, why string) {
	switch r {
	case session.ReasonStopped, session.ReasonCancelled:
		return "StopAuthorized", "Local"
	case session.ReasonRemote:
		return "RemoteStop", "Remote"
	case session.ReasonUnplugged:
		return "EVCommunicationLost", "EVDisconnected"
	case session.ReasonLimit:
		return "CostLimitReached", "LocalOutOfCredit"
	case session.ReasonOwnLimit:
		switch own {
		case "energy":
			return "EnergyLimitReached", "EnergyLimitReached"
		case "time":
			return "TimeLimitReached", "TimeLimitReached"
		}
		return "CostLimitReached", "Local"
	case session.ReasonNoPlug, session.ReasonNoEnergy, session.ReasonTimeout:
		return "EVConnectTimeout", "Timeout"
	case session.ReasonEmergency:
		return "AbnormalCondition", "EmergencyStop"
	case session.ReasonInterrupted:
		return "AbnormalCondition", "PowerLoss"
	case session.ReasonShutdown:
		return "ResetCommand", "Reboot"
	case session.ReasonCharger:
		return "ChargingStateChanged", "StoppedByEV"
	}
	return "AbnormalCondition", "Other"
}

// settle tells what became of the payment.
func (t *telling) settle(e session.Event) {
	switch b := e.Body.(type) {
	case session.SettledBody:
		if e.Kind == session.ReleaseDone {
			t.settlement(v2.Canceled, kiosk.Money{}, "")
			return
		}
		amount := t.owed()
		if b.Result != nil {
			amount = b.Result.Booked
		}
		t.settlement(v2.Settled, amount, b.Error)
	case session.WaitingBody:
		if !t.Failed && e.Kind == session.CaptureWaiting {
			t.Failed = true
			t.settlement(v2.Failed, t.owed(), cmp.Or(b.Error, b.Code, "the terminal did not book it")+
				"; it is tried again")
		}
	case session.AnswerBody:
		switch {
		case e.Kind == session.Refused && b.Class == string(kiosk.DeclineIssuer):
			t.settlement(v2.Rejected, t.owed(), cmp.Or(b.Error, b.Code))
		case e.Kind == session.Refused, e.Kind == session.Unproven:
			t.settlement(v2.Failed, t.owed(), cmp.Or(b.Error, b.Code, "nothing proves what became of it"))
		}
	}
}

// unpriced is the cost of what has no bill: nothing is taken for it.
func (t *telling) unpriced() *v2.Cost {
	out := &v2.Cost{Failed: true, Why: "there is no bill: nothing is taken", Total: v2.TotalCost{
		Currency: "XXX", // ISO 4217 for no currency: what a grant without a price has
		Kind:     "NormalCost", Total: v2.Price{Gross: "0"}}}
	if t.Hold != nil {
		out.Total.Currency = string(t.Hold.Approved.Currency)
	}
	out.Usage.Energy = "0"
	if t.First != nil && t.Last != nil {
		out.Usage.Energy = kWh(max(0, t.Last.Import-t.First.Import))
	}
	return out
}

// owed is what was to be taken.
func (t *telling) owed() kiosk.Money {
	if t.Total == nil {
		return kiosk.Money{}
	}
	return *t.Total
}

// settlement tells of a payment that the operator knows of.
func (t *telling) settlement(status string, amount kiosk.Money, info string) {
	if t.Hold == nil || !t.Begun && !t.o.Asked {
		return
	}
	m := &v2.NotifySettlement{PSPRef: t.PSPRef, Status: status, Info: v2.Shortened(info, 500), Amount: "0",
		At: v16.At(t.at)}
	if amount.Minor != 0 {
		m.Amount = v2.Decimal(amount.Decimal())
	}
	if t.Begun {
		m.Transaction = t.id
	}
	if status == v2.Settled {
		m.ReceiptID = t.Reference
		if t.o.ReceiptURL != nil {
			m.ReceiptURL = t.o.ReceiptURL(t.id, t.Reference)
		}
	}
	t.tell(v2.ActionNotifySettlement, t.at, m)
}

// values is a register as a charger of 2.1 tells it, and perhaps a power.
func values(at time.Time, register kiosk.Energy, power *kiosk.Power, context string) []v2.MeterValue {
	out := v2.MeterValue{Timestamp: v16.At(at), Samples: []v2.Sample{{Value: v2.Decimal(fmt.Sprint(int64(register))),
		Context: context, Measurand: "Energy.Active.Import.Register", Unit: &v2.Unit{Unit: "Wh"}}}}
	if power != nil {
		out.Samples = append(out.Samples, v2.Sample{Value: v2.Decimal(fmt.Sprint(int64(*power))), Context: context,
			Measurand: "Power.Active.Import", Unit: &v2.Unit{Unit: "W"}})
	}
	return []v2.MeterValue{out}
}

// Grant is how the journal names a grant of an operator: what it is called back by is in it.
func Grant(remote int, token v2.IDToken) string {
	return fmt.Sprintf("%s%d:%s:%s", ByOperator, remote, token.Type, token.Token)
}

// ByOperator is how the journal names an operator, before what else is known.
const ByOperator = "csms:"

// remoteStart reads a grant.
func remoteStart(by string) (*int, *v2.IDToken) {
	text, ok := strings.CutPrefix(by, ByOperator)
	parts := strings.SplitN(text, ":", 3)
	var n int
	if !ok || len(parts) != 3 {
		return nil, nil
	}
	if _, err := fmt.Sscanf(parts[0], "%d", &n); err != nil {
		return nil, nil
	}
	return &n, &v2.IDToken{Token: parts[2], Type: parts[1]}
}
