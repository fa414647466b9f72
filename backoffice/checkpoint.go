package backoffice

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Checkpoint is the head of a kiosk's tree, in the form of C2SP tlog-checkpoint.
type Checkpoint struct {
	Origin  string
	Records int64
	Hash    [32]byte
}

// Origin names the tree of a kiosk's journal.
func Origin(kiosk, epoch string) string { return "kioskd/" + kiosk + "/" + epoch }

// Text is what is signed.
func (c Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Records, base64.StdEncoding.EncodeToString(c.Hash[:]))
}

// ParseCheckpoint reads the text of a checkpoint.
func ParseCheckpoint(text string) (c Checkpoint, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return c, fmt.Errorf("cannot read checkpoint: want three lines, got %d", len(lines)-1)
	}
	c.Origin = lines[0]
	if c.Records, err = strconv.ParseInt(lines[1], 10, 64); err != nil || c.Records < 0 || strconv.FormatInt(c.Records, 10) != lines[1] {
		return c, fmt.Errorf("cannot read checkpoint: %q is no number of records", lines[1])
	}
	hash, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(hash) != len(c.Hash) {
		return c, fmt.Errorf("cannot read checkpoint: %q is no SHA-256 hash", lines[2])
	}
	copy(c.Hash[:], hash)
	return c, nil
}

var goodID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,35}$`)

// CheckID tells what is wrong with a kiosk's id: it is part of addresses, subjects and names
// of keys.
func CheckID(id string) error {
	if !goodID.MatchString(id) || strings.Contains(id, "..") {
		return fmt.Errorf("%q: want 1 to 36 letters, digits, hyphens, dots or underscores", id)
	}
	return nil
}

// NewKey makes a key that signs as a name: the secret text, and the public one that others
// know it by.
func NewKey(name string) (secret, public string, err error) {
	return note.GenerateKey(rand.Reader, name)
}

// OfSecret reads a secret key, and makes its public text.
func OfSecret(secret string) (note.Signer, string, error) {
	signer, err := note.NewSigner(secret)
	if err != nil {
		return nil, "", fmt.Errorf("cannot read signing key: %w", err)
	}
	parts := strings.SplitN(secret, "+", 5) // PRIVATE+KEY+name+hash+key, which NewSigner has checked
	key, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil {
		return nil, "", fmt.Errorf("cannot read signing key: %w", err)
	}
	public, err := note.NewEd25519VerifierKey(parts[2], ed25519.NewKeyFromSeed(key[1:]).Public().(ed25519.PublicKey))
	return signer, public, err
}
