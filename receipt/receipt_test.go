package receipt_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/receipt"
	"kioskd/session"
	"kioskd/ui/text"
)

const price = `{"id":"t","currency":"EUR","tax_included":"YES","elements":[{"price_components":[{"type":"ENERGY","price":0.49,"vat":19}]}]}`

// journal is what a kiosk wrote down of one session: observations go in, records come out.
type journal struct {
	t       *testing.T
	rules   session.Rules
	state   session.State
	now     time.Time
	doubt   bool
	records []kiosk.Record
}

func newJournal(t *testing.T) *journal {
	r := session.DefaultRules()
	r.Currency = "EUR"
	r.Bays[3] = session.BayRules{MaxPower: 22000}
	return &journal{t: t, rules: r, now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
}

func (j *journal) see(o session.Observation) {
	j.t.Helper()
	o.Session, o.At = "S1", j.now
	events, err := j.rules.Decide(j.state, o)
	if err != nil {
		j.t.Fatal(err)
	}
	for _, e := range events {
		e.Untrusted = j.doubt
		if j.state, _, err = session.Step(j.state, e); err != nil {
			j.t.Fatal(err)
		}
		entry, err := e.Entry()
		if err != nil {
			j.t.Fatal(err)
		}
		j.records = append(j.records, kiosk.Record{Seq: int64(len(j.records) + 1), Session: entry.Session, Kind: entry.Kind, Body: entry.Body, Wall: j.now})
	}
}

func (j *journal) all() iter.Seq2[kiosk.Record, error] {
	return func(yield func(kiosk.Record, error) bool) {
		for _, r := range j.records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func eur(minor int64) kiosk.Money { return kiosk.Money{Minor: minor, Currency: "EUR"} }

func (j *journal) reading(wh int64) *kiosk.Reading {
	return &kiosk.Reading{At: j.now, Import: kiosk.Energy(wh), Serial: "20260001"}
}

func (j *journal) look(wh int64) {
	j.see(session.Observation{What: session.Sampled, Bay: 3, Sample: &session.Sample{
		Inputs: kiosk.BayInputs{Plugged: true, Requesting: true, Closed: true}, Reading: j.reading(wh), Good: j.reading(wh)}})
}

// charged is a session that ran for a quarter of an hour, with a break in it.
func charged(j *journal) {
	j.see(session.Observation{What: session.Chosen, Bay: 3, Reference: "7GK2M4Q", Site: map[string]string{"name": "Demo Charging", "helpline": "+49 30 1"}})
	j.see(session.Observation{What: session.Accepted, Offer: &session.Offer{Tariff: json.RawMessage(price), Hold: eur(5000), Language: "de", Timezone: "Europe/Berlin"}})
	j.see(session.Observation{What: session.HoldApproved, Hold: &kiosk.Hold{ReceiptNo: 231, Approved: eur(5000), Last4: "8074", CardName: "Mastercard", TerminalID: "60099914", At: j.now}})
	j.see(session.Observation{What: session.HoldEnded})
	j.look(1000)
	j.see(session.Observation{What: session.BaselineRead, Reading: j.reading(1000)})
	j.see(session.Observation{What: session.ContactorMoved, Closed: true})
	for range 30 {
		j.now = j.now.Add(10 * time.Second)
		j.look(2000)
	}
	j.now = j.now.Add(10 * time.Minute)
	j.see(session.Observation{What: session.Booted})
	j.look(3000)
	j.see(session.Observation{What: session.StopPressed})
	j.see(session.Observation{What: session.ContactorMoved})
	j.see(session.Observation{What: session.FinalRead, Reading: j.reading(3000)})
}

func (j *journal) booked(minor int64) {
	b := &kiosk.Booking{ReceiptNo: 232, Booked: eur(minor)}
	j.see(session.Observation{What: session.BookingApproved, Booking: b})
	j.see(session.Observation{What: session.BookingEnded, Booking: b})
}

func (j *journal) text(lang string) string {
	j.t.Helper()
	r, err := receipt.From(j.all())
	if err != nil {
		j.t.Fatal(err)
	}
	texts, err := text.Load()
	if err != nil {
		j.t.Fatal(err)
	}
	return r.Text(texts.Printer(lang))
}

// TestReceipt has what a driver and a tax office look for, and nothing else of a card than
// its last four digits.
func TestReceipt(t *testing.T) {
	j := newJournal(t)
	charged(j)
	open := j.text("en")
	if !strings.Contains(open, "Not yet paid") || strings.Contains(open, "Paid by card") {
		t.Errorf("before the bank answered:\n%s", open)
	}
	j.booked(98)
	got := j.text("en")
	for _, want := range []string{"Demo Charging", "7GK2M4Q", "2.000\u00a0kWh", "20260001", "€0.98", "€0.16", "Paid by card", "€49.02", "**** 8074", "60099914", "Interrupted", "10:05", "Charging ended"} {
		if !strings.Contains(got, want) {
			t.Errorf("the receipt has no %q:\n%s", want, got)
		}
	}
	if de := j.text("de"); !strings.Contains(de, "Unterbrochen") || !strings.Contains(de, "2,000\u00a0kWh") {
		t.Errorf("in German:\n%s", de)
	}
}

func TestReceiptSaysThatTheClockIsDoubtful(t *testing.T) {
	j := newJournal(t)
	j.doubt = true
	charged(j)
	if got := j.text("en"); !strings.Contains(got, "Clock not verified") {
		t.Errorf("the receipt says nothing of the clock:\n%s", got)
	}
}

func TestNoReceiptWithoutMoney(t *testing.T) {
	j := newJournal(t)
	j.see(session.Observation{What: session.Chosen, Bay: 3, Reference: "7GK2M4Q"})
	j.see(session.Observation{What: session.Cancelled})
	if _, err := receipt.From(j.all()); err != receipt.ErrNone {
		t.Errorf("%v", err)
	}
}

// TestWhatIsOpen: a capture that waits goes on by itself, one that was given up is for a
// person, and what is settled is not listed.
func TestWhatIsOpen(t *testing.T) {
	host := fmt.Errorf("booking: %w", &kiosk.Declined{Class: kiosk.DeclineHost, Code: "9B"})
	gone := &kiosk.Declined{Class: kiosk.DeclineNoHold, Code: "B4"}
	for name, c := range map[string]struct {
		end   func(*journal)
		money session.Money
		acts  kiosk.Actor
		why   string
	}{
		"waits": {func(j *journal) { j.see(session.Observation{What: session.BookingEnded, Err: host}) }, session.CaptureDelayed, "", "host"},
		"given up": {func(j *journal) {
			j.see(session.Observation{What: session.BookingEnded, Err: gone})
			j.see(session.Observation{What: session.TerminalSaid, Open: kiosk.OpenHolds{Complete: true}})
		}, session.Disputed, kiosk.Host, ""},
		"settled": {func(j *journal) { j.booked(98) }, "", "", ""},
	} {
		j := newJournal(t)
		charged(j)
		c.end(j)
		items, err := receipt.Open(j.all())
		if err != nil {
			t.Fatal(err)
		}
		if c.money == "" {
			if len(items) != 0 {
				t.Errorf("%s: %+v", name, items)
			}
			continue
		}
		if len(items) != 1 {
			t.Fatalf("%s: %+v", name, items)
		}
		i := items[0]
		if i.Money != c.money || i.Acts != c.acts || i.Why != c.why || i.Due.Minor != 98 || i.ReceiptNo != 231 || i.Reference != "7GK2M4Q" || (i.Next != nil) != (c.acts == "") {
			t.Errorf("%s: %+v", name, i)
		}
	}
}
