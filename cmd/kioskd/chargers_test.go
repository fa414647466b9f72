package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"kioskd/ocpp/judges"
)

// TestFramesOfADemo: all that a daemon and its chargers say to each other fits the official schemas.
func TestFramesOfADemo(t *testing.T) {
	t.Parallel() // it mostly waits
	judges.Node(t, "frames.js")
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	defer cancel()
	cmd := exec.CommandContext(ctx, "kioskd", "demo", "--headless", "--chargers", "--dir", dir)
	cmd.Env = append(os.Environ(), "KIOSKD_DEBUG=ocpp")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	log, err := os.ReadFile(filepath.Join(dir, "kioskd.log"))
	if err != nil {
		t.Fatal(err)
	}
	frames := judges.Traced(string(log), "")
	if len(frames) < 50 {
		t.Errorf("there are %d frames", len(frames))
	}
	judges.Frames(t, frames)
}
