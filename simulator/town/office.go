package town

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"kioskd"
	"kioskd/audit"
	"kioskd/backoffice"
	"kioskd/backoffice/receiver"
	"kioskd/report"
	"kioskd/site"
	"kioskd/store"
)

// Delivered is the promise that a back office has what the kiosk has.
const Delivered audit.Rule = "a back office reports what the kiosk reports"

// sent is a journal on its way to a back office, which forgets that it was.
type sent struct {
	*store.Store
	seq   int64
	point string
}

func (s *sent) Acked(context.Context) (int64, string, error) { return s.seq, s.point, nil }

func (s *sent) Acknowledge(_ context.Context, a kiosk.Acknowledgement) error {
	s.seq, s.point = a.Seq, a.Checkpoint
	return nil
}

// taking is a back office without a line to it.
type taking struct{ *receiver.Receiver }

func (t taking) Send(ctx context.Context, b backoffice.Batch) (backoffice.Answer, error) {
	return t.Take(ctx, b)
}
func (t taking) Traffic() backoffice.Traffic { return backoffice.Traffic{} }

// delivered sends a journal to a back office and compares what both report, each day to the cent.
func delivered(ctx context.Context, j *store.Store, own *report.Book) (found []audit.Violation, err error) {
	dir, err := os.MkdirTemp("", "kioskd-office")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	secret, public, err := backoffice.NewKey("office")
	if err != nil {
		return nil, err
	}
	office, err := note.NewSigner(secret)
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return nil, err
	}
	secret, public, err = backoffice.NewKey("K1")
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		return nil, err
	}
	r, err := receiver.Open(ctx, filepath.Join(dir, "office.db"), office, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	sync := backoffice.New(backoffice.Config{Kiosk: "K1", Outbox: &sent{Store: j}, Sink: taking{r}, Signer: signer,
		Key: public, Office: verifier, Every: time.Hour, Now: time.Now, Log: site.QuietLog()})
	if err := sync.Drain(ctx); err != nil {
		return nil, fmt.Errorf("the journal cannot be sent: %w", err)
	}
	book, err := report.OpenAll(ctx, "", r.Journals)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	if err := book.KeepUp(ctx, nil); err != nil {
		return nil, err
	}
	return same(ctx, own, book)
}

// same compares the revenue of two books by day.
func same(ctx context.Context, own, theirs *report.Book) (found []audit.Violation, err error) {
	rows := func(b *report.Book) (out []string, err error) {
		groups, err := b.RevenueBy(ctx, report.Window{}, report.ByDay)
		for _, r := range groups {
			out = append(out, fmt.Sprintf("%s: %d sessions, %v, captured %v, refunded %v, released %v", r.Group,
				r.Sessions,
				r.Energy, r.Captured, r.Refunded, r.Released))
		}
		return out, err
	}
	a, err := rows(own)
	if err != nil {
		return nil, err
	}
	b, err := rows(theirs)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(a, b) {
		found = append(found, audit.Violation{Rule: Delivered,
			What: fmt.Sprintf("the kiosk says %q, the back office %q",
				a, b)})
	}
	return found, nil
}
