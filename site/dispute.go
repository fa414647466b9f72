package site

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"kioskd"
	"kioskd/backoffice"
	"kioskd/config"
	"kioskd/receipt"
	"kioskd/report"
	"kioskd/report/dispute"
	"kioskd/store"
)

// Case gathers what proves a session. c is nil where the journal is alone, without its site: then the key of the kiosk
// is not at hand, and what a back office signed is all that binds.
func Case(ctx context.Context, journal *store.Store, c *config.Config, id, version string) (dispute.Case, error) {
	d := dispute.Case{Version: version}
	for r, err := range journal.Session(ctx, id) {
		if err != nil {
			return d, err
		}
		d.Records = append(d.Records, r)
	}
	if len(d.Records) == 0 {
		return d, fmt.Errorf("cannot find session %q: %w", id, store.ErrUnknown)
	}
	row, err := report.FromRecords(id, journal.Session(ctx, id))
	if err != nil {
		return d, err
	}
	d.Session = row
	r, err := receipt.From(ctx, journal.Session(ctx, id), journal.TreeHash)
	switch {
	case err == nil:
		d.Receipt = &r
	case row.Outcome != report.Unreadable && !errors.Is(err, receipt.ErrNone):
		return d, err
	}
	err = checkpoint(ctx, journal, c, &d)
	d.Proof = func(seq int64) ([][32]byte, error) { return journal.Proof(ctx, seq, d.Size) }
	return d, err
}

// checkpoint chooses the head of the tree that the proof rests on: the one that the back office signed, where it has
// all records of the session; else the present one, signed by the kiosk where its key is at hand.
func checkpoint(ctx context.Context, journal *store.Store, c *config.Config, d *dispute.Case) error {
	signer, public, err := checkpointSigner(c)
	if err != nil {
		return err
	}
	if public != "" {
		d.Keys = append(d.Keys, public)
	}
	if c != nil && c.Uplink != nil {
		d.Keys = append(d.Keys, c.Uplink.OfficeKey)
	}
	_, signed, err := journal.Acked(ctx)
	if err != nil {
		return err
	}
	if signed != "" {
		text, _, _ := strings.Cut(signed, "\n\n")
		point, err := kiosk.ParseCheckpoint(text + "\n")
		if err != nil {
			return err
		}
		if point.Records >= d.Records[len(d.Records)-1].Seq {
			d.Checkpoint, d.Size = signed, point.Records
			return nil
		}
	}
	d.Checkpoint, d.Size, err = present(ctx, journal, c, signer)
	return err
}

// checkpointSigner is the kiosk's key, and its public half. Both are absent where the key is not at hand.
func checkpointSigner(c *config.Config) (signer note.Signer, public string, err error) {
	if c == nil {
		return nil, "", nil
	}
	secret, err := os.ReadFile(checkpointKeyPath(c))
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission):
		return nil, "", nil
	case err == nil:
		signer, public, err = backoffice.OfSecret(strings.TrimSpace(string(secret)))
	}
	if err != nil {
		return nil, "", fmt.Errorf("cannot read the key of checkpoints: %w", err)
	}
	return signer, public, nil
}

// present is the head of the tree now, signed where there is a key.
func present(ctx context.Context, journal *store.Store, c *config.Config, signer note.Signer) (text string, size int64,
	err error) {
	epoch, err := journal.Epoch(ctx)
	if err != nil {
		return "", 0, err
	}
	point := kiosk.Checkpoint{Origin: "kioskd/unknown/" + epoch}
	if c != nil {
		point.Origin = backoffice.Origin(c.KioskID, epoch)
	}
	point.Records, err = journal.Seq(ctx)
	if err == nil {
		point.Hash, err = journal.TreeHash(ctx, point.Records)
	}
	if err != nil || signer == nil {
		return point.Text(), point.Records, err
	}
	signed, err := note.Sign(&note.Note{Text: point.Text()}, signer)
	return string(signed), point.Records, err
}
