package receipt

import (
	"errors"
	"fmt"

	"kioskd/meter/ocmf"
	"kioskd/session"
)

// Signed is what the bay's meter signed of a session, byte for byte, with what a driver compares with the plate on the
// meter and with the transparency software.
type Signed struct {
	Records     []string `json:"records"`         // OCMF
	PublicKey   string   `json:"public_key"`      // SubjectPublicKeyInfo, hexadecimal
	Fingerprint string   `json:"key_fingerprint"` // the start of the SHA-256 of the key's point
	Pages       string   `json:"pages"`           // the numbers of the records
}

// signedOf is what was signed of a session; nil where its meter signs nothing, or where the records prove nothing.
func signedOf(x session.Session) (*Signed, error) {
	if x.Signed == nil || x.Signed.Error != "" {
		return nil, nil
	}
	out := &Signed{Records: x.Signed.Records, PublicKey: x.Signed.PublicKey}
	key, err := ocmf.ParseKey(out.PublicKey, "")
	if err != nil {
		return nil, err
	}
	out.Fingerprint = key.Fingerprint()
	begin, end, err := ocmf.Sides(out.Records)
	if err != nil {
		return nil, err
	}
	out.Pages = begin.Payload.Pagination
	if end != begin {
		out.Pages += " – " + end.Payload.Pagination
	}
	return out, nil
}

// ErrNotSigned means that nothing was signed of a session.
var ErrNotSigned = errors.New("the session has no signed record")

// SAFE is the file that the S.A.F.E. transparency software reads of a receipt.
func (r Receipt) SAFE() ([]byte, error) {
	switch {
	case r.Unsigned != "":
		return nil, fmt.Errorf("%w: %s", ErrNotSigned, r.Unsigned)
	case r.Signed == nil:
		return nil, ErrNotSigned
	}
	key, err := ocmf.ParseKey(r.Signed.PublicKey, "")
	if err != nil {
		return nil, fmt.Errorf("cannot read the meter's public key: %w", err)
	}
	begin, end, err := ocmf.Sides(r.Signed.Records)
	if err != nil {
		return nil, err
	}
	return ocmf.SAFE(ocmf.Transaction{Begin: begin, End: end}, key)
}
