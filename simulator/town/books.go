package town

import (
	"context"
	"fmt"

	"kioskd"
	"kioskd/audit"
	"kioskd/report"
	"kioskd/store"
)

// Reported is the promise that reports keep.
const Reported audit.Rule = "reports and the bank agree to the cent"

// reports compares what reports say of a journal with the bank's ledger.
func reports(ctx context.Context, j *store.Store, ledger []audit.Movement) (found []audit.Violation, err error) {
	book, err := report.Open(ctx, "", j)
	if err != nil {
		return nil, err
	}
	defer book.Close()
	if err := book.KeepUp(ctx, nil); err != nil {
		return nil, err
	}
	broken := func(session, format string, args ...any) {
		found = append(found, audit.Violation{Rule: Reported, Session: session, What: fmt.Sprintf(format, args...)})
	}
	bank, total := map[string]int64{}, int64(0)
	for _, m := range ledger {
		if m.Kind == "capture" {
			bank[m.Reference] += m.Minor
			total += m.Minor
		}
	}
	for s, err := range book.Sessions(ctx, report.Window{}) {
		if err != nil {
			return nil, err
		}
		took := bank[s.Reference]
		switch s.Outcome {
		case report.Sold:
			if s.Paid == nil || s.Paid.Minor != took {
				broken(s.Reference, "it is listed as paid with %v, the bank took %d", s.Paid, took)
			}
		case report.Disputed, report.Unsettled: // a person, or time, tells
			total -= took
		case report.Unreadable:
			broken(s.Reference, "it cannot be read: %s", s.Error)
		default:
			if took != 0 {
				broken(s.Reference, "it is listed as %s, the bank took %d", s.Outcome, took)
			}
		}
	}
	for _, by := range report.Groups() {
		groups, err := book.RevenueBy(ctx, report.Window{}, by)
		if err != nil {
			return nil, err
		}
		captured := int64(0)
		for _, r := range report.Total(groups) {
			captured += r.Captured.Minor
			if r.Captured != r.Billed || r.Net == nil || r.Net.Minor+taxes(r).Minor != r.Captured.Minor {
				broken("", "captured %v, billed %v, net %v and taxes %v do not add up", r.Captured, r.Billed, r.Net,
					taxes(r))
			}
		}
		if captured != total {
			broken("", "revenue by %s is %d, the bank took %d", by, captured, total)
		}
	}
	more, err := delivered(ctx, j, book)
	return append(found, more...), err
}

func taxes(r report.Revenue) kiosk.Money {
	sum := kiosk.Money{Currency: r.Currency}
	for _, t := range r.Taxes {
		sum.Minor += t.Amount.Minor
	}
	return sum
}
