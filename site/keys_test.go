package site

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestAKeyIsReplacedWhileTheDaemonRuns: a daemon may run for months.
func TestAKeyIsReplacedWhileTheDaemonRuns(t *testing.T) {
	var said bytes.Buffer
	path := filepath.Join(t.TempDir(), "card.key")
	ring := &keyRing{path: path, log: slog.New(slog.NewTextHandler(&said, nil))}
	first := ring.keys()
	old := time.Now().Add(-useCardKey - time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	second := ring.keys()
	if len(first) != 1 || len(second) != 2 || bytes.Equal(second[0], first[0]) || !bytes.Equal(second[1], first[0]) {
		t.Errorf("%d keys, then %d", len(first), len(second))
	}
	if said.Len() > 0 {
		t.Error(said.String())
	}
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if third := ring.keys(); !slices.EqualFunc(third, second, bytes.Equal) || said.Len() == 0 {
		t.Errorf("a disk that is gone changes the keys, or nothing is said: %q", said.String())
	}
}

// TestAKeyIsReplacedGently: the key of before recognises cards as long as it made tokens.
func TestAKeyIsReplacedGently(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card.key")
	read := func(after time.Duration) [][]byte {
		t.Helper()
		all, err := cardKeys(path, time.Now().Add(after))
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	first := read(0)
	if len(first) != 1 || len(first[0]) != keyLength {
		t.Fatalf("%d keys at the first start", len(first))
	}
	if again := read(useCardKey - time.Hour); len(again) != 1 || !bytes.Equal(again[0], first[0]) {
		t.Error("a key of two weeks is replaced")
	}
	second := read(useCardKey + time.Hour)
	if len(second) != 2 || bytes.Equal(second[0], first[0]) || !bytes.Equal(second[1], first[0]) {
		t.Error("an old key is not kept beside the new one")
	}
	if third := read(2*useCardKey - time.Hour); len(third) != 2 {
		t.Errorf("%d keys", len(third))
	}
	for _, p := range []string{path, path + ".before"} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("others may read a key: %v, %v", info, err)
		}
	}
	long := read(2*useCardKey + time.Hour)
	for _, key := range long {
		if bytes.Equal(key, first[0]) {
			t.Error("cards are recognised for more than a month")
		}
	}
	for _, cut := range []string{"", "half"} { // the power failed while a version without durable writes wrote it
		if err := os.WriteFile(path, []byte(cut), 0o600); err != nil {
			t.Fatal(err)
		}
		if all := read(0); len(all[0]) != keyLength {
			t.Errorf("a key of %d bytes", len(all[0]))
		}
	}
}
