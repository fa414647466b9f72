package ocpi

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/big"
	"strings"
	"time"

	"kioskd"
	"kioskd/session"
)

// Advice is a FinancialAdviceConfirmation: what became of the payment.
type Advice struct {
	ID                     string   `json:"id"`
	AuthorizationReference string   `json:"authorization_reference"`
	TotalCosts             Price    `json:"total_costs"` // that was captured
	Currency               string   `json:"currency"`
	EFTData                []string `json:"eft_data"`
	Status                 string   `json:"capture_status_code"`
	Message                string   `json:"capture_status_message,omitempty"`
	LastUpdated            string   `json:"last_updated"`
}

// advice says what was captured of a bill. Price is as 2.3.0 has it: the chapter's own examples
// still have the one of before.
func advice(x session.Session) Advice {
	b := x.Bill
	taken := kiosk.Money{Currency: b.Total.Currency}
	a := Advice{ID: x.ID, AuthorizationReference: x.ID, Currency: string(b.Total.Currency), EFTData: eft(x.Hold),
		Status: "SUCCESS", LastUpdated: stamp(x.ClosedAt)}
	switch {
	case x.Money == session.Captured:
		taken = b.Total
		if x.Result != nil {
			taken = x.Result.Booked
		}
		if taken.Minor < b.Total.Minor {
			a.Status, a.Message = "PARTIAL_SUCCESS", fmt.Sprintf("%s of %s was booked", taken, b.Total)
		}
	case x.Money == session.Released:
		a.Message = "nothing was due: the hold was released"
	default:
		a.Status, a.Message = "FAILED", "the payment is left to a person"
	}
	a.TotalCosts = share((&Site{Version: V230}).total(b), taken, b.Total)
	return a
}

// share is the part of a price that an amount of its whole is, with each tax in proportion;
// what rounding leaves is in the amount before taxes.
func share(p Price, part, whole kiosk.Money) Price {
	if part == whole {
		return p
	}
	out := Price{Version: p.Version, Before: major(part)}
	for _, t := range p.Taxes {
		amount := new(big.Rat)
		if whole.Minor > 0 {
			exact := new(big.Rat).Mul(t.Amount, big.NewRat(part.Minor, whole.Minor))
			amount.SetString(exact.FloatString(whole.Currency.Digits()))
		}
		out.Before.Sub(out.Before, amount)
		out.Taxes = append(out.Taxes, PriceTax{t.Percent, amount})
	}
	return out
}

// eft is what an invoice must say of a card payment, in printable ASCII.
func eft(h *kiosk.Hold) (out []string) {
	for _, f := range []struct{ name, value string }{{"CARD", h.CardName}, {"PAN", h.Last4}, {"AID", h.AID},
		{"AUTH", h.AuthCode}, {"TID", h.TerminalID}, {"TRACE", h.TraceNo}, {"ENTRY", h.EntryMode}, {"CVM", h.CVM}} {
		if f.name == "PAN" && f.value != "" {
			f.value = "**** " + f.value
		}
		if f.value != "" {
			out = append(out, ascii(f.name+" "+f.value))
		}
	}
	return append(out, fmt.Sprintf("RECEIPT %s", h.ID))
}

func ascii(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	return s[:min(255, len(s))]
}

// ErrNothingToRefund means that a session has no CDR with an amount.
var ErrNothingToRefund = errors.New("nothing was taken for the session")

// Refund makes the records of money that was given back, from those of its session: the last
// CDR is credited whole, and one of what is left of what was taken takes its place. left is
// before this refund. Without an earlier CDR there is nothing to credit, and no record.
func Refund(records iter.Seq2[kiosk.Record, error], left, amount kiosk.Money, why string, at time.Time) ([]kiosk.Entry,
	error) {
	w, err := written(records)
	if err != nil || w.last.CDR == nil {
		return nil, err
	}
	last, whole, id, refunds := w.last, w.whole, w.session, w.refunds
	if whole == nil || whole.Total.Minor == 0 {
		return nil, ErrNothingToRefund
	}
	before := fmt.Sprint(last.CDR["id"])
	credit := maps.Clone(last.CDR)
	credit["id"], credit["credit"], credit["credit_reference_id"], credit["last_updated"] = before+"-C", true, before,
		stamp(at)
	credit["total_cost"] = negative(last.CDR["total_cost"])
	entry, err := record(id, string(session.OCPICDR), at, last.Version, "cdr", credit)
	if err != nil {
		return nil, err
	}
	out := []kiosk.Entry{entry}
	left, err = left.Sub(amount)
	if err != nil {
		return nil, err
	}
	if left.Minor <= 0 {
		return out, nil
	}
	rest := maps.Clone(last.CDR)
	rest["id"], rest["last_updated"] = fmt.Sprintf("%s-%d", id, refunds+1), stamp(at)
	rest["total_cost"] = share((&Site{Version: last.Version}).total(whole), left, whole.Total)
	for _, part := range []string{"total_fixed_cost", "total_energy_cost", "total_time_cost", "total_parking_cost"} {
		delete(rest, part) // they are of the whole
	}
	remark := []rune(fmt.Sprintf("%s given back: %s", amount, printable(why)))
	rest["remark"] = string(remark[:min(255, len(remark))])
	entry, err = record(id, string(session.OCPICDR), at, last.Version, "cdr", rest)
	return append(out, entry), err
}

// cdrRecord is a record that has a CDR.
type cdrRecord struct {
	Version Version
	CDR     map[string]any
}

// history is what the records of a session say of what was taken and given back.
type history struct {
	session string
	last    cdrRecord // CDR is nil for none
	whole   *session.Bill
	refunds int
}

func written(records iter.Seq2[kiosk.Record, error]) (w history, err error) {
	for r, err := range records {
		if err != nil {
			return w, err
		}
		w.session = r.Session
		switch r.Kind {
		case string(session.OCPICDR):
			w.last = cdrRecord{} // decoding would merge the two
			if err := decode(r.Body, &w.last); err != nil {
				return w, fmt.Errorf("cannot read record %d: %w", r.Seq, err)
			}
		case string(session.Billed), string(session.Refunded):
			e, err := session.FromRecord(r)
			if err != nil {
				return w, err
			}
			if b, billed := e.Body.(session.BillBody); billed {
				w.whole = &b.Bill
			} else {
				w.refunds++
			}
		}
	}
	return w, nil
}

// negative is a price with its amounts below zero, as it was written; percentages stay.
func negative(price any) any {
	switch x := price.(type) {
	case json.Number:
		if text, ok := strings.CutPrefix(string(x), "-"); ok {
			return json.Number(text)
		}
		if strings.Trim(string(x), "0.") == "" {
			return x
		}
		return "-" + x
	case []any:
		out := make([]any, len(x))
		for i, v := range x {
			out[i] = negative(v)
		}
		return out
	case map[string]any:
		out := maps.Clone(x)
		for k, v := range x {
			if k != "percentage" {
				out[k] = negative(v)
			}
		}
		return out
	}
	return price
}

// printable leaves line breaks and the like out.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
