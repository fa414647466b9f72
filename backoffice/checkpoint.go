package backoffice

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Origin names the tree of a kiosk's journal.
func Origin(kiosk, epoch string) string { return "kioskd/" + kiosk + "/" + epoch }

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
	key, err := PrivateKey(secret)
	if err != nil {
		return nil, "", err
	}
	public, err := note.NewEd25519VerifierKey(signer.Name(), key.Public().(ed25519.PublicKey))
	return signer, public, err
}

// PrivateKey is the key of a secret text.
func PrivateKey(secret string) (ed25519.PrivateKey, error) {
	if _, err := note.NewSigner(secret); err != nil {
		return nil, fmt.Errorf("cannot read signing key: %w", err)
	}
	parts := strings.SplitN(secret, "+", 5) // PRIVATE+KEY+name+hash+key, which NewSigner has checked
	key, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil {
		return nil, fmt.Errorf("cannot read signing key: %w", err)
	}
	return ed25519.NewKeyFromSeed(key[1:]), nil
}
