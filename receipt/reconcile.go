package receipt

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"

	"kioskd"
	"kioskd/session"
)

// OpenItem is money of a session that is not settled, or was left to a person.
type OpenItem struct {
	Kiosk      string             `json:"kiosk_id,omitempty"` // at a back office, which has several
	Reference  string             `json:"reference"`
	Session    string             `json:"session"`
	Bay        int                `json:"bay"`
	Money      session.MoneyState `json:"money"`
	Held       kiosk.Money        `json:"held"`
	Due        kiosk.Money        `json:"due"` // what should be taken; zero where the hold is to be released
	ReceiptNo  kiosk.ReceiptNo    `json:"receipt_no"`
	TerminalID string             `json:"terminal_id,omitempty"`
	AuthCode   string             `json:"auth_code,omitempty"`
	Last4      string             `json:"last4,omitempty"`
	Since      time.Time          `json:"since"` // the hold
	Attempts   int                `json:"attempts"`
	Next       *time.Time         `json:"next_try,omitempty"`
	Deadline   time.Time          `json:"deadline"` // after it the bank may have let the hold go
	Why        string             `json:"why"`
	Acts       kiosk.Actor        `json:"acts,omitempty"` // who must; empty while it is tried again by itself
}

// Unresolved lists what is not settled, oldest first, from the records of open sessions and of
// sessions that were left to a person.
func Unresolved(records iter.Seq2[kiosk.Record, error]) ([]OpenItem, error) {
	state, err := session.Replay(keep(records))
	if err != nil {
		return nil, fmt.Errorf("cannot list what is open: %w", err)
	}
	var out []OpenItem
	for _, x := range state.Sessions {
		if x.Hold == nil && x.Money == session.HoldUncertain { // perhaps what was asked for is held
			x.Hold = &kiosk.Hold{Approved: x.Offer.Hold, At: x.AskAt}
		}
		if x.Hold == nil || x.Money == session.Declined || x.Money.Settled() {
			continue
		}
		out = append(out, item(x))
	}
	slices.SortFunc(out, func(a, b OpenItem) int { return cmp.Compare(a.Session, b.Session) })
	return out, nil
}

// keep hides that sessions were closed from the replay, which forgets them after a while.
func keep(records iter.Seq2[kiosk.Record, error]) iter.Seq2[kiosk.Record, error] {
	return func(yield func(kiosk.Record, error) bool) {
		for r, err := range records {
			if err == nil && r.Kind == string(session.Closed) {
				continue
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

func item(x session.Session) OpenItem {
	h := x.Hold
	i := OpenItem{
		Reference: x.Reference, Session: x.ID, Bay: x.Bay, Money: x.Money, Held: h.Approved,
		Due:       kiosk.Money{Currency: h.Approved.Currency},
		ReceiptNo: kiosk.ReceiptNo(h.ID), TerminalID: h.TerminalID, AuthCode: h.AuthCode, Last4: h.Last4, Since: h.At,
		Attempts: x.Attempt,
		Deadline: h.At.Add(session.HoldLasts), Why: x.Class,
	}
	if x.Bill != nil {
		i.Due = x.Bill.Total
	}
	switch x.Money {
	case session.Disputed:
		i.Acts = kiosk.Host
	case session.CaptureDelayed, session.ReleaseDelayed:
		i.Next = &x.Due
	}
	return i
}
