package socket_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kioskd/socket"
)

// TestListenReplacesWhatACrashLeft, and nothing else: the file of a socket on which no process answers.
func TestListenReplacesWhatACrashLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false) // as where the process is killed
	left.Close()
	if socket.Answers(path) {
		t.Error("a socket that was left answers")
	}
	l, err := socket.Listen(path, 0o620)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o620 || !socket.Answers(path) {
		t.Errorf("%v, %v", info, err)
	}
	file := filepath.Join(t.TempDir(), "notes")
	if err := os.WriteFile(file, []byte("keep"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := socket.Listen(file, 0o600); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("a file of another kind gave %v", err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "keep" {
		t.Errorf("it has %q, %v", text, err)
	}
}
