package site

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"kioskd"
	"kioskd/receipt"
	"kioskd/session"
	"kioskd/store"
	"kioskd/ui"
)

// archive looks receipts up for the screen. It implements ui.Archive.
type archive struct {
	journal  *store.Store
	control  *session.Controller
	terminal kiosk.CardTerminal

	mu    sync.Mutex
	codes map[string]string // of the last sessions' receipts
}

// keepCodes is how many codes are remembered: those that a screen shows again and again.
const keepCodes = 100

// codeLimit is how long a screen waits for the journal: the next view asks again.
const codeLimit = 300 * time.Millisecond

// code is the text of a session's receipt QR. Before the receipt rests on a record it is the
// reference alone.
func (a *archive) code(id, reference string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if code, ok := a.codes[id]; ok {
		return code
	}
	ctx, cancel := context.WithTimeout(context.Background(), codeLimit)
	defer cancel()
	r, err := receipt.From(ctx, a.journal.Session(ctx, id), a.journal.TreeHash)
	if errors.Is(err, receipt.ErrNone) {
		r.Head, r.QR = "-", receipt.Code(reference, "")
	} else if err != nil || r.Head == "" {
		return receipt.Code(reference, "")
	}
	if len(a.codes) >= keepCodes || a.codes == nil {
		a.codes = map[string]string{}
	}
	a.codes[id] = r.QR
	return r.QR
}

// How far back, and how many, a driver may look.
const (
	receiptsFor = 60 * 24 * time.Hour
	receiptsMax = 12
	receiptCard = 20 * time.Second // to show the card
)

// ByCode implements ui.Archive.
func (a *archive) ByCode(ctx context.Context, reference string) ([]ui.ReceiptView, error) {
	id, err := a.journal.Find(ctx, reference)
	if errors.Is(err, store.ErrUnknown) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return a.view(ctx, []string{id})
}

// ByCard implements ui.Archive.
func (a *archive) ByCard(ctx context.Context) ([]ui.ReceiptView, error) {
	var token string
	err := a.control.WithTerminal(ctx, func(ctx context.Context) (err error) {
		token, err = a.terminal.ReadCard(ctx, receiptCard)
		return err
	})
	var no *kiosk.Declined
	if errors.As(err, &no) || err == nil && token == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var ids []string
	for r, err := range a.journal.ByToken(ctx, string(session.HoldOK), token) {
		if err != nil {
			return nil, err
		}
		if len(ids) == receiptsMax || time.Since(r.Wall) > receiptsFor {
			break
		}
		if !slices.Contains(ids, r.Session) {
			ids = append(ids, r.Session)
		}
	}
	return a.view(ctx, ids)
}

func (a *archive) view(ctx context.Context, ids []string) (out []ui.ReceiptView, err error) {
	for _, id := range ids {
		r, err := receipt.From(ctx, a.journal.Session(ctx, id), a.journal.TreeHash)
		if errors.Is(err, receipt.ErrNone) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if time.Since(r.Issued) > receiptsFor || r.Issued.IsZero() {
			continue
		}
		out = append(out, ui.ReceiptView{Reference: r.No, At: r.Issued, Bay: r.Bay, Energy: r.Energy, Paid: r.Total,
			Settled: r.Settled, Code: r.QR})
	}
	return out, nil
}
