// Package judges lets implementations of OCPP of another hand, from npm, judge ours: a client and a central system that
// hold every message to the official schemas, and a validator of frames. scripts/setup installs them.
package judges

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// Installed tells why there are no judges.
func Installed() error {
	_, err := os.Stat(filepath.Join(folder(), "node_modules", "ocpp-rpc"))
	return err
}

func folder() string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Dir(here)
}

// Node is a script of this folder about to run. A test without the judges is skipped, and says so.
func Node(t testing.TB, script string, args ...string) *exec.Cmd {
	t.Helper()
	if err := Installed(); err != nil {
		t.Skipf("skipped: no judges of another hand: %v; scripts/setup all installs them", err)
	}
	cmd := exec.Command("node", append([]string{filepath.Join(folder(), script)}, args...)...)
	cmd.Stderr = os.Stderr
	return cmd
}

// Frames holds frames to the official schemas of a version, 16, 20 or 21; see Installed.
func Frames(t testing.TB, version string, frames []string) {
	t.Helper()
	cmd := exec.Command("node", filepath.Join(folder(), "frames.js"), version)
	cmd.Stdin = strings.NewReader(strings.Join(frames, "\n") + "\n")
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
	t.Logf("%s", out)
}

// Traced are the frames of a log with what KIOSKD_DEBUG=ocpp adds to it: those sent, received, or both where way is
// empty.
func Traced(log, way string) (out []string) {
	for _, line := range strings.Split(log, "\n") {
		_, frame, ok := strings.Cut(line, ` frame="`)
		if !ok || !strings.Contains(line, `msg="ocpp `+way) {
			continue
		}
		text, err := strconv.Unquote(`"` + frame)
		if err == nil && strings.HasPrefix(text, "[") {
			out = append(out, text)
		}
	}
	return out
}
