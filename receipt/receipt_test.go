package receipt_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"kioskd"
	"kioskd/receipt"
	"kioskd/session"
	"kioskd/session/sessiontest"
	"kioskd/ui/text"
)

// journal is what a kiosk wrote down of one session.
type journal struct {
	*sessiontest.Journal
	t *testing.T
}

func newJournal(t *testing.T) *journal { return &journal{sessiontest.New(t), t} }

func (j *journal) text(lang string) string {
	j.t.Helper()
	r, err := receipt.From(context.Background(), j.All(), noTree)
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
	j.Charged()
	open := j.text("en")
	if !strings.Contains(open, "Not yet paid") || strings.Contains(open, "Paid by card") {
		t.Errorf("before the bank answered:\n%s", open)
	}
	j.Booked(98)
	got := j.text("en")
	for _, want := range []string{"Demo Charging", "7GK2M4Q", "2.000\u00a0kWh", "20260001", "€0.98", "€0.16",
		"Paid by card", "€49.02", "**** 8074", "60099914", "Interrupted", "10:02", "Charging ended"} {
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
	j.Doubt = true
	j.Charged()
	if got := j.text("en"); !strings.Contains(got, "Clock not verified") {
		t.Errorf("the receipt says nothing of the clock:\n%s", got)
	}
}

func TestNoReceiptWithoutMoney(t *testing.T) {
	j := newJournal(t)
	j.See(session.Observation{What: session.Chosen, Bay: 3, Reference: "7GK2M4Q"})
	j.See(session.Observation{What: session.Cancelled})
	if _, err := receipt.From(context.Background(), j.All(), noTree); err != receipt.ErrNone {
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
		money session.MoneyState
		acts  kiosk.Actor
		why   string
	}{
		"waits": {func(j *journal) { j.See(session.Observation{What: session.SettlementEnded, Err: host}) },
			session.CaptureDelayed, "", "host"},
		"given up": {func(j *journal) {
			j.See(session.Observation{What: session.SettlementEnded, Err: gone})
			j.Gone()
		}, session.Disputed, kiosk.Host, ""},
		"settled": {func(j *journal) { j.Booked(98) }, "", "", ""},
	} {
		j := newJournal(t)
		j.Charged()
		c.end(j)
		items, err := receipt.Unresolved(j.All())
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
		if i.Money != c.money || i.Acts != c.acts || i.Why != c.why || i.Due.Minor != 98 || i.ReceiptNo != "231" ||
			i.Reference != "7GK2M4Q" || (i.Next != nil) != (c.acts == "") {
			t.Errorf("%s: %+v", name, i)
		}
	}
}

// noTree is a journal without hashes.
func noTree(context.Context, int64) (h [32]byte, err error) { return h, nil }
