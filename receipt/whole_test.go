package receipt_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/receipt"
	"kioskd/session"
	"kioskd/session/sessiontest"
	"kioskd/ui/text"
)

// whole is a receipt to the letter: 0.98 is 2 kWh at 0.49, of which 0.16 are 19 % (0.98 * 19 / 119 = 0.156);
// 50.00 less 0.98 are 49.02. No line is wider than the paper, and no two words run together.
const whole = `              Demo Charging
      1 Example Street, 10115 Berlin
            VAT ID DE123456789
------------------------------------------
Receipt no.                        7GK2M4Q
Date               2026-03-02 10:15:00 CET
Bay                                      3
EVSE                           DE*DEM*E003
Start              2026-03-02 10:00:00 CET
End                2026-03-02 10:15:00 CET
Interrupted
        2026-03-02 10:02:30 CET – 10:02:34
Meter no.                         20260001
Meter                    1.000 – 3.000 kWh
Energy delivered                 2.000 kWh
------------------------------------------
Energy
  2.000 kWh × €0.49                  €0.98
Net                                  €0.82
VAT 19%                              €0.16
Total                                €0.98
------------------------------------------
Reserved                            €50.00
Paid by card                         €0.98
Released                            €49.02
Card                  Mastercard **** 8074
AID                         A0000000041010
Approval code                       750071
Terminal / trace         60099914 / 001071
Charging ended
Help: +49 30 1
`

// with changes a record's field before a receipt is made of it.
func (j *journal) with(kind session.Kind, field string, value any) iter.Seq2[kiosk.Record, error] {
	return func(yield func(kiosk.Record, error) bool) {
		for r, err := range j.All() {
			if r.Kind == string(kind) {
				var body map[string]any
				if err := json.Unmarshal(r.Body, &body); err != nil {
					j.t.Fatal(err)
				}
				if inner, deep := body[field].(map[string]any); deep {
					for k, v := range value.(map[string]any) {
						inner[k] = v
					}
				} else {
					body[field] = value
				}
				r.Body, _ = json.Marshal(body) // it was JSON
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// charge delivers 2 kWh in ten minutes.
func (j *journal) charge() {
	for _, wh := range []int64{2000, 3000} {
		j.Now = j.Now.Add(5 * time.Minute)
		j.Look(wh)
	}
	j.End(3000)
}

func english(t *testing.T) *text.Printer {
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	return texts.Printer("en")
}

// changed are the records of a session with what a seller with an address and a chip card leave in them.
func (j *journal) changed() iter.Seq2[kiosk.Record, error] {
	first := *j
	first.Journal = &sessiontest.Journal{}
	*first.Journal = *j.Journal
	first.Records = nil
	for r := range j.with(session.BayLease, "site", map[string]any{"address": "1 Example Street, 10115 Berlin",
		"vat_id": "DE123456789"}) {
		first.Records = append(first.Records, r)
	}
	return first.with(session.HoldOK, "hold", map[string]any{"aid": "A0000000041010", "auth_code": "750071",
		"trace_no": "001071"})
}

func TestAWholeReceipt(t *testing.T) {
	j := newJournal(t)
	j.Charged()
	j.Booked(98)
	r, err := receipt.From(context.Background(), j.changed(), noTree)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.ReplaceAll(r.Text(english(t)), "\u00a0", " "); got != whole {
		t.Errorf("the receipt is\n%s\nwant\n%s", got, whole)
	}
}

// TestNoLineIsWiderThanThePaper in no language; what does not fit beside its name comes below it.
func TestNoLineIsWiderThanThePaper(t *testing.T) {
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	j := newJournal(t)
	j.Doubt = true
	j.Charged()
	j.Booked(98)
	r, err := receipt.From(context.Background(), j.changed(), noTree)
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range texts.Languages() {
		for _, l := range strings.Split(r.Text(texts.Printer(lang)), "\n") {
			if strings.HasPrefix(l, " ") && len([]rune(strings.TrimSpace(l))) > 42 {
				t.Errorf("%s: %q", lang, l)
			}
		}
	}
}

// TestWhatAReceiptSaysOfMoneyThatCameBack: refunds of a person are added up.
func TestWhatAReceiptSaysOfMoneyThatCameBack(t *testing.T) {
	j := newJournal(t)
	j.Charged()
	j.Booked(98)
	if got := j.text("en"); strings.Contains(got, "Refunded") {
		t.Errorf("nothing came back:\n%s", got)
	}
	for _, minor := range []int64{30, 1} {
		amount := sessiontest.EUR(minor)
		j.See(session.Observation{What: session.RefundTold, Amount: &amount, By: "host", Note: "a mistake"})
	}
	if got := j.text("en"); !strings.Contains(got, "Refunded                             €0.31\n") {
		t.Errorf("0.30 and 0.01 came back:\n%s", got)
	}
}

// TestALimitIsNamed where the price had one.
func TestALimitIsNamed(t *testing.T) {
	const words = "A price cap was applied"
	for tariff, named := range map[string]bool{sessiontest.Price: false,
		strings.Replace(sessiontest.Price, `"elements"`,
			`"max_price":{"before_taxes":0.42,"after_taxes":0.50},"elements"`, 1): true} {
		j := newJournal(t)
		j.Begin(tariff, sessiontest.EUR(5000))
		j.charge()
		if got := j.text("en"); strings.Contains(got, words) != named {
			t.Errorf("%s:\n%s", tariff, got)
		}
	}
}

// TestTheTreeIsNamedUpToTheBill: the short hash of the journal's first records, those up to the bill, in the QR,
// too. Before the bill there is none.
func TestTheTreeIsNamedUpToTheBill(t *testing.T) {
	j := newJournal(t)
	j.Begin(sessiontest.Price, sessiontest.EUR(5000))
	asked := int64(0)
	head := func(_ context.Context, n int64) (h [32]byte, err error) {
		asked = n
		return [32]byte{0xAB, 0xCD, 0xEF}, nil
	}
	r, err := receipt.From(context.Background(), j.All(), head)
	if err != nil || asked != 0 || r.Head != "" || r.QR != "KIOSKD 7GK2M4Q" {
		t.Errorf("before the bill: %v, head %q of %d records, QR %q", err, r.Head, asked, r.QR)
	}
	j.charge()
	billed := int64(0)
	for rec := range j.All() {
		if rec.Kind == string(session.Billed) {
			billed = rec.Seq
		}
	}
	j.Booked(98)
	r, err = receipt.From(context.Background(), j.All(), head)
	want := kiosk.ShortHead(billed, [32]byte{0xAB, 0xCD, 0xEF})
	if err != nil || asked != billed || r.Head != want || r.QR != "KIOSKD 7GK2M4Q "+want {
		t.Errorf("%v, head %q of %d records, QR %q; the bill is record %d", err, r.Head, asked, r.QR, billed)
	}
	broken := errors.New("the disk is gone")
	if _, err := receipt.From(context.Background(), j.All(), func(context.Context, int64) (h [32]byte, err error) {
		return h, broken
	}); !errors.Is(err, broken) {
		t.Errorf("a tree that cannot be read: %v", err)
	}
}

// TestRecordsThatCannotBeRead make no receipt and no list.
func TestRecordsThatCannotBeRead(t *testing.T) {
	broken := errors.New("the disk is gone")
	records := func(yield func(kiosk.Record, error) bool) { yield(kiosk.Record{}, broken) }
	if _, err := receipt.From(context.Background(), records, noTree); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := receipt.Unresolved(records); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := receipt.From(context.Background(), newJournal(t).All(), noTree); err == nil || errors.Is(err,
		receipt.ErrNone) {
		t.Errorf("a session without records: %v", err)
	}
	j := newJournal(t)
	j.Charged()
	j.Booked(98)
	j.Keep(kiosk.Entry{Session: "S1", Kind: string(session.Refunded), Body: []byte("[")})
	if _, err := receipt.From(context.Background(), j.All(), noTree); err == nil {
		t.Error("a refund that cannot be read is left out")
	}
}

// TestAHoldThatMayBeThereIsOpen: as long as it is not known what came of a card, the amount that was asked for.
func TestAHoldThatMayBeThereIsOpen(t *testing.T) {
	j := newJournal(t)
	j.See(session.Observation{What: session.Chosen, Bay: 3, Reference: "7GK2M4Q"})
	j.See(session.Observation{What: session.Accepted, Offer: &session.Offer{Tariff: []byte(sessiontest.Price),
		Hash: "0123456789abcdef",
		Hold: sessiontest.EUR(5000), Language: "de", Timezone: "Europe/Berlin"}})
	if items, err := receipt.Unresolved(j.All()); err != nil || len(items) != 0 {
		t.Errorf("while the card is read: %+v, %v", items, err)
	}
	asked := j.Now
	j.See(session.Observation{What: session.HoldEnded, Err: kiosk.ErrOutcomeUnknown})
	items, err := receipt.Unresolved(j.All())
	if err != nil || len(items) != 1 {
		t.Fatalf("%+v, %v", items, err)
	}
	if i := items[0]; i.Held != sessiontest.EUR(5000) || i.Money != session.HoldUncertain || !i.Since.Equal(asked) ||
		!i.Deadline.Equal(asked.Add(session.HoldLasts)) || i.Due.Minor != 0 {
		t.Errorf("%+v", i)
	}
}

// TestWhatIsLeftToAPersonStaysOpen, however long ago its session was closed.
func TestWhatIsLeftToAPersonStaysOpen(t *testing.T) {
	j := newJournal(t)
	j.Charged()
	j.See(session.Observation{What: session.SettlementEnded,
		Err: &kiosk.Declined{Class: kiosk.DeclineNoHold, Code: "B4"}})
	j.Gone()
	later, err := session.Event{Kind: session.BayLease, Session: "S2", At: j.Now.AddDate(0, 1, 0),
		Body: session.LeaseBody{Reference: "9ZZZZZZ", Bay: 3}}.Entry()
	if err != nil {
		t.Fatal(err)
	}
	j.Keep(later)
	items, err := receipt.Unresolved(j.All())
	if err != nil || len(items) != 1 || items[0].Session != "S1" || items[0].Acts != kiosk.Host {
		t.Errorf("%+v, %v", items, err)
	}
}
