package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kioskd/store"
)

// TestATokenIsInNoCopy: one that ended would live on in it.
func TestATokenIsInNoCopy(t *testing.T) {
	dir := t.TempDir()
	path, to := filepath.Join(dir, "journal.db"), filepath.Join(dir, "copy.db")
	s := open(t, path)
	if err := s.AddToken(ctx, store.Token{Name: "shop", Hash: "the-hash", Scopes: []string{"money"},
		Made: time.Now()}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a whole copy, and what is new
		if err := s.Append(ctx, entry("1", "reading", false)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.CopyOn(ctx, path, to); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(to); err != nil || bytes.Contains(b, []byte("the-hash")) {
			t.Errorf("the token is in the copy: %v", err)
		}
	}
}
