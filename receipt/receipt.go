// Package receipt makes what is handed out from the journal alone: a session's records
// go in, a receipt comes out. It asks no device and no configuration, so that a receipt
// of years ago is the same as on its day. It never has more of a card than its last
// four digits.
package receipt

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/ui/text"
)

// Receipt is one receipt. Fields follow the lists of Handbook 44 (3.40), the simplified
// VAT invoice and the card schemes.
type Receipt struct {
	No            string             `json:"receipt_no"` // the session's reference
	Session       string             `json:"session"`
	Issued        time.Time          `json:"issued"`
	Seller        map[string]string  `json:"seller"`
	Bay           int                `json:"bay"`
	EVSE          string             `json:"evse_id,omitempty"`
	Language      string             `json:"language"`
	Start         *time.Time         `json:"start,omitempty"`
	End           *time.Time         `json:"end,omitempty"`
	Energy        kiosk.Energy       `json:"energy_wh"`
	RegisterStart *kiosk.Energy      `json:"register_start_wh,omitempty"`
	RegisterEnd   *kiosk.Energy      `json:"register_end_wh,omitempty"`
	MeterSerial   string             `json:"meter_serial,omitempty"`
	Signed        *Signed            `json:"signed,omitempty"`
	Unsigned      string             `json:"unsigned,omitempty"` // why nothing was signed, and so nothing is billed
	Interrupted   []session.Span     `json:"interrupted,omitempty"`
	ClockDoubt    bool               `json:"clock_untrusted,omitempty"` // the times may be wrong, and none is billed
	Lines         []session.BillLine `json:"lines"`
	Net           *kiosk.Money       `json:"net,omitempty"`
	Taxes         []session.BillTax  `json:"taxes"`
	Total         kiosk.Money        `json:"total"`
	Limited       string             `json:"limited,omitempty"`
	Held          kiosk.Money        `json:"held"`
	Paid          kiosk.Money        `json:"paid"`     // what the bank has booked
	Released      kiosk.Money        `json:"released"` // of the hold, once it is settled
	Settled       bool               `json:"settled"`
	Reason        string             `json:"end_reason"`
	Card          *Card              `json:"card,omitempty"`
	QR            string             `json:"qr"`
	// Head is the journal's tree up to the record that the receipt rests on (its bill, or why
	// there is none): the number of records and the start of its hash. A driver who has the receipt
	// can tell whether the journal is still the one of then.
	Head string `json:"journal_head,omitempty"`
	// Refunded is what was given back later, outside of the terminal.
	Refunded *kiosk.Money `json:"refunded,omitempty"`
}

// Card is what a receipt may say of a card.
type Card struct {
	Brand      string          `json:"brand,omitempty"`
	Last4      string          `json:"last4,omitempty"`
	AID        string          `json:"aid,omitempty"`
	AuthCode   string          `json:"auth_code,omitempty"`
	TerminalID string          `json:"terminal_id,omitempty"`
	TraceNo    string          `json:"trace_no,omitempty"`
	ReceiptNo  kiosk.ReceiptNo `json:"terminal_receipt_no"`
	EntryMode  string          `json:"entry_mode,omitempty"`
	CVM        string          `json:"cvm,omitempty"`
}

// ErrNone means that a session has no receipt: no money was ever reserved.
var ErrNone = errors.New("session has no receipt: no money was reserved")

// From makes the receipt of a session from its records. head is the journal's Merkle tree: the
// hash of its first n records.
func From(ctx context.Context, records iter.Seq2[kiosk.Record, error],
	head func(ctx context.Context, n int64) ([32]byte, error)) (Receipt, error) {
	rests, refunded := int64(0), kiosk.Money{}
	state, err := session.Replay(func(yield func(kiosk.Record, error) bool) {
		for r, err := range records {
			switch kind := session.Kind(r.Kind); {
			case err != nil:
			case rests == 0 && (kind == session.Billed || kind == session.Ended):
				rests = r.Seq
			case kind == session.Refunded:
				var e session.Event
				e, err = session.FromRecord(r)
				if err == nil {
					amount := e.Body.(session.RefundBody).Amount
					refunded = kiosk.Money{Minor: refunded.Minor + amount.Minor, Currency: amount.Currency}
				}
			}
			if !yield(r, err) {
				return
			}
		}
	})
	if err != nil {
		return Receipt{}, fmt.Errorf("cannot make receipt: %w", err)
	}
	for _, x := range state.Sessions {
		if x.Hold == nil || x.Money == session.Declined {
			return Receipt{}, ErrNone
		}
		r, err := of(x)
		if err != nil {
			return Receipt{}, fmt.Errorf("cannot make receipt: %w", err)
		}
		if refunded.Minor > 0 {
			r.Refunded = &refunded
		}
		if rests > 0 {
			hash, err := head(ctx, rests)
			if err != nil {
				return Receipt{}, fmt.Errorf("cannot make receipt: %w", err)
			}
			r.Head = kiosk.ShortHead(rests, hash)
			r.QR = Code(x.Reference, r.Head)
		}
		return r, nil
	}
	return Receipt{}, errors.New("cannot make receipt: session has no records")
}

func of(x session.Session) (Receipt, error) {
	zero := kiosk.Money{Currency: x.Hold.Approved.Currency}
	r := Receipt{No: x.Reference, Session: x.ID, Seller: x.Site, Bay: x.Bay, EVSE: x.EVSE, Language: "en",
		Reason: string(x.Reason),
		Total:  zero, Held: x.Hold.Approved, Paid: zero, Released: zero, Lines: []session.BillLine{},
		Taxes: []session.BillTax{}, QR: Code(x.Reference, "")}
	loc := time.UTC
	if x.Offer != nil {
		r.Language, loc = x.Offer.Language, x.Location
	}
	r.Issued = x.EndAt.In(loc)
	if !x.ClosedAt.IsZero() {
		r.Issued = x.ClosedAt.In(loc)
	}
	if b := x.Bill; b != nil {
		start, end, from, to := b.Start.In(loc), b.End.In(loc), b.From, b.To
		r.Start, r.End, r.RegisterStart, r.RegisterEnd, r.MeterSerial = &start, &end, &from, &to, x.Start.Serial
		r.Energy, r.Total, r.Net, r.Limited = b.Energy, b.Total, b.Net, b.Limit
		for _, g := range b.Gaps {
			r.Interrupted = append(r.Interrupted, session.Span{From: g.From.In(loc), To: g.To.In(loc)})
		}
		r.ClockDoubt = b.Doubt
		if x.Signed != nil {
			r.Unsigned = x.Signed.Error
		}
		var err error
		r.Signed, err = signedOf(x)
		if err != nil {
			return r, err
		}
		r.Lines, r.Taxes = append(r.Lines, b.Lines...), append(r.Taxes, b.Taxes...)
	}
	r.Settled = x.Money.Settled()
	if x.Money == session.Captured {
		r.Paid = r.Total
		if x.Result != nil {
			r.Paid = x.Result.Booked
		}
	}
	if r.Settled {
		var err error
		r.Released, err = r.Held.Sub(r.Paid)
		if err != nil {
			return r, err
		}
	}
	h := x.Hold
	if x.Money == session.Free { // no card was asked for
		return r, nil
	}
	r.Card = &Card{h.CardName, h.Last4, h.AID, h.AuthCode, h.TerminalID, h.TraceNo, kiosk.ReceiptNo(h.ID), h.EntryMode,
		h.CVM}
	return r, nil
}

// Code is the text of a receipt's QR: the short reference under which it is found, and the
// journal's head.
func Code(reference, head string) string {
	return strings.TrimSpace("KIOSKD " + reference + " " + head)
}

// width of the text form in characters: a receipt printer's.
const width = 42

// Text writes the receipt for people, as a printer's roll has it.
func (r Receipt) Text(p *text.Printer) string {
	var b strings.Builder
	part := Seller
	for _, item := range r.Items() {
		if item.Part != part && item.Part != Closing {
			b.WriteString(strings.Repeat("-", width) + "\n")
		}
		part = item.Part
		label, value := item.Label(p), item.Local(p)
		switch {
		case part == Seller:
			s := strings.TrimSpace(label + " " + value)
			fmt.Fprintf(&b, "%*s\n", (width+len([]rune(s)))/2, s)
			continue
		case len(item.Times) > 0:
			b.WriteString(label + "\n")
			label = "  " + item.Product(p)
		case value == "":
			b.WriteString(label + "\n")
			continue
		}
		room := width - len([]rune(label))
		if room <= len([]rune(value)) { // not beside each other
			label, room = label+"\n", width
		}
		fmt.Fprintf(&b, "%s%*s\n", label, room, value)
	}
	return b.String()
}
