package site

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"kioskd/config"
	"kioskd/session"
)

// cardKeyPath is where the key of card tokens lies: beside the journal that they are in.
func cardKeyPath(c *config.Config) string { return filepath.Join(filepath.Dir(c.Journal), "card.key") }

// keys reads what keys the cards' tokens and the stop codes, or makes it.
func keys(c *config.Config, log *slog.Logger) error {
	cards, err := cardKeys(cardKeyPath(c), time.Now())
	if err != nil {
		return fmt.Errorf("cannot keep the keys of the cards: %w", err)
	}
	c.Terminal.CardKeys = (&keyRing{path: cardKeyPath(c), log: log, held: cards}).keys
	code, err := readKey(filepath.Join(filepath.Dir(c.Journal), "code.key"))
	if err != nil {
		return fmt.Errorf("cannot keep the key of the stop codes: %w", err)
	}
	c.Rules.Code = session.Codes(code)
	return nil
}

// useCardKey is how long a key makes the tokens of cards. As long again it recognises the cards of
// before. What recognises a card is forgotten after a month in any case: see store.ForgetTokens.
const useCardKey = 15 * 24 * time.Hour

// keyRing has the keys of cards as the files have them, also where a daemon runs for months.
type keyRing struct {
	path string
	log  *slog.Logger

	mu   sync.Mutex
	held [][]byte
}

// keys are those of now. A disk that cannot be read or written changes none.
func (r *keyRing) keys() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	all, err := cardKeys(r.path, time.Now())
	if err != nil {
		r.log.Warn("the keys of the cards are those of before", "error", err)
		return r.held
	}
	r.held = all
	return r.held
}

// cardKeys are that of now and the one before it, as long as it is not too old.
func cardKeys(path string, now time.Time) (all [][]byte, err error) {
	old := path + ".before"
	age := func(path string) time.Duration {
		info, err := os.Stat(path)
		if err != nil {
			return 0
		}
		return now.Sub(info.ModTime())
	}
	if age(path) >= useCardKey {
		if err := os.Rename(path, old); err != nil {
			return nil, err
		}
		if err := os.Chtimes(old, now, now); err != nil { // since when it makes no tokens
			return nil, err
		}
	}
	if age(old) >= useCardKey {
		if err := os.Remove(old); err != nil {
			return nil, err
		}
	}
	for _, p := range []string{path, old} {
		if p == old && !config.Exists(old) {
			continue
		}
		key, err := readKey(p)
		if err != nil {
			return nil, err
		}
		all = append(all, key)
	}
	return all, nil
}

// keyLength is of a key in a file.
const keyLength = 32

// readKey reads a key, or makes one where there is none that is whole: a write may have been cut.
func readKey(path string) ([]byte, error) {
	key, err := os.ReadFile(path)
	if err == nil && len(key) == keyLength {
		return key, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	key = make([]byte, keyLength)
	rand.Read(key) // never fails
	return key, writeDurably(path, key)
}
