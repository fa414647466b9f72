package backoffice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"kioskd"
)

// OpenInstruction reads a signed instruction, if a verifier's key signed it for a kiosk.
// Whether it is in time is not looked at: see InTime.
func OpenInstruction(signed string, office note.Verifier, id string) (in kiosk.Instruction, err error) {
	n, err := note.Open([]byte(signed), note.VerifierList(office))
	if err != nil {
		return in, fmt.Errorf("cannot open instruction: %w", err)
	}
	if err := json.Unmarshal([]byte(n.Text), &in); err != nil {
		return in, fmt.Errorf("cannot read instruction: %w", err)
	}
	switch {
	case in.Kiosk != id:
		return in, fmt.Errorf("instruction %q is for kiosk %q", in.ID, in.Kiosk)
	case CheckID(in.ID) != nil:
		return in, fmt.Errorf("instruction has the id %w", CheckID(in.ID))
	case in.Expires.IsZero():
		return in, fmt.Errorf("instruction %s never expires", in.ID)
	}
	return in, nil
}

// SignInstruction is what a back office does. What no kiosk can carry out is not signed.
func SignInstruction(in kiosk.Instruction, office note.Signer) (string, error) {
	if err := in.Check(); err != nil {
		return "", fmt.Errorf("cannot sign instruction: %w", err)
	}
	text, err := json.Marshal(in)
	if err != nil {
		return "", fmt.Errorf("cannot write instruction: %w", err)
	}
	signed, err := note.Sign(&note.Note{Text: string(text) + "\n"}, office)
	return string(signed), err
}

// aheadBy is how far a good clock may be behind that of the server that issues instructions.
const aheadBy = 5 * time.Minute

// InTime tells why an instruction must not be begun at a time.
func InTime(in kiosk.Instruction, now time.Time) error {
	switch {
	case !now.Before(in.Expires):
		return fmt.Errorf("it expired at %s", in.Expires.Format(time.RFC3339))
	case in.Issued.After(now.Add(aheadBy)):
		return errors.New("it is of the future")
	}
	return nil
}

// instruct hands on what is this kiosk's. What is not is logged alone: any server could send it.
func (s *Sync) instruct(ctx context.Context, signed string) {
	in, err := OpenInstruction(signed, s.cfg.Office, s.cfg.Kiosk)
	if err != nil {
		s.cfg.Log.Warn("back office", "error", err)
		return
	}
	s.cfg.Instruct(ctx, in, signed)
}
