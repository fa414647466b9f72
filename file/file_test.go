package file_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"kioskd/file"
)

// TestAFileIsWholeOrNotThere: where it cannot be written, what was there before still is, and nothing is left beside
// it.
func TestAFileIsWholeOrNotThere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "kioskd.yaml")
	for _, text := range []string{"one", "two, which is longer", ""} {
		if err := file.Write(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != text {
			t.Errorf("%q is there as %q, %v", text, got, err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
	}
	if err := file.Write(filepath.Join(dir, "none", "x"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("into a folder that is not there: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 1 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// TestNoLinkIsFollowed: a link that another user put in the place of a file is replaced, and what it leads to stays.
func TestNoLinkIsFollowed(t *testing.T) {
	dir := t.TempDir()
	theirs, path := filepath.Join(dir, "theirs"), filepath.Join(dir, "ours")
	if err := os.WriteFile(theirs, []byte("keep"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{path, path + ".tmp"} {
		if err := os.Symlink(theirs, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Write(path, []byte("ours"), 0o600); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]string{theirs: "keep", path: "ours"} {
		if got, err := os.ReadFile(at); err != nil || string(got) != want {
			t.Errorf("%s has %q, %v", at, got, err)
		}
	}
	if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeSymlink != 0 {
		t.Errorf("it is still a link: %v", err)
	}
}

// TestASecretThatIsNotSealed is read as it is, also in a folder whose name says that it would be, by a user who is not
// root.
func TestASecretThatIsNotSealed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "terminal")
	if err := os.WriteFile(path, []byte("123456\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := file.ReadSecret(path); err != nil || string(text) != "123456\n" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := file.ReadSecret(path + "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of none: %v", err)
	}
}

// TestWhoNeedsToBecomeNoOther: a process that is not root, and root in root's own folder, stay what they are.
func TestWhoNeedsToBecomeNoOther(t *testing.T) {
	before := os.Geteuid()
	if err := file.Become(t.TempDir()); err != nil || os.Geteuid() != before {
		t.Errorf("%d is %d now, %v", before, os.Geteuid(), err)
	}
	if os.Geteuid() == 0 {
		if err := file.Become(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("of a folder that is not there: %v", err)
		}
	}
}
