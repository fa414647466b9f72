package config

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// CodeHash is a staff code as the configuration keeps it: argon2id in the usual notation,
// $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH. Six digits are few: the hash keeps them from
// a person who sees the file, the growing delay from a person who stands at the screen.
type CodeHash struct {
	memory, time uint32
	threads      uint8
	salt, hash   []byte
}

const codeForm = "$argon2id$v=19$m=%d,t=%d,p=%d$%s"

// ParseCodeHash reads the usual notation.
func ParseCodeHash(text string) (h CodeHash, err error) {
	var rest string
	if n, err := fmt.Sscanf(text, codeForm, &h.memory, &h.time, &h.threads, &rest); n != 4 || err != nil {
		return h, errors.New("want what kioskd staff code prints, beginning with $argon2id$v=19")
	}
	salt, hash, _ := strings.Cut(rest, "$")
	h.salt, err = base64.RawStdEncoding.DecodeString(salt)
	if err == nil {
		h.hash, err = base64.RawStdEncoding.DecodeString(hash)
	}
	if err != nil || len(h.salt) < 8 || len(h.hash) < 16 || h.memory < 8*1024 || h.memory > 1<<20 || h.time < 1 ||
		h.time > 20 || h.threads < 1 {
		return h, errors.New("want what kioskd staff code prints: its salt, hash or costs are out of range")
	}
	return h, nil
}

func (h CodeHash) Matches(code string) bool {
	got := argon2.IDKey([]byte(code), h.salt, h.time, h.memory, h.threads, uint32(len(h.hash)))
	return subtle.ConstantTimeCompare(got, h.hash) == 1
}

// HashCode makes the hash of a code, with the costs that OWASP names for small machines.
func HashCode(code string) string {
	const memory, time, threads = 19456, 2, 1
	salt := make([]byte, 16)
	rand.Read(salt) // never fails
	hash := argon2.IDKey([]byte(code), salt, time, memory, threads, 32)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf(codeForm, memory, time, threads, b64(salt)+"$"+b64(hash))
}

// CheckPassword tells why a password is none for the host's network, where any computer that reaches the port may try.
func CheckPassword(password string) error {
	const shortest, longest = 12, 200
	if n := len([]rune(password)); n < shortest || n > longest {
		return fmt.Errorf("want %d to %d characters", shortest, longest)
	}
	return nil
}

func CheckCode(code string) error {
	if len(code) < 6 || len(code) > 12 || strings.Trim(code, "0123456789") != "" {
		return errors.New("want six to twelve digits")
	}
	return nil
}
