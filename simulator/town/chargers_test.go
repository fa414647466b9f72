package town

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

// TestASiteThatBeginsAgain in the same directory writes the same configuration: the daemon that runs is found again.
func TestASiteThatBeginsAgain(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "kioskd.yaml")
	var before []byte
	for range 2 {
		s, err := Open(dir, path, Options{Size: 4, Connectors: 2, Speed: 1}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if before != nil && !bytes.Equal(before, text) {
			t.Errorf("the configuration was\n%s\nand is\n%s", before, text)
		}
		before = text
	}
}
