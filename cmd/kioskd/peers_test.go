package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"kioskd/child"
)

// bankTruth is what the other hand's terminal knows of money.
type bankTruth struct {
	Holds map[string]int64 `json:"holds"`
	Money [][3]any         `json:"money"` // what, receipt number, amount
}

// count is how often something happened to a card.
func (b bankTruth) count(what string) (n int) {
	for _, m := range b.Money {
		if m[0] == what {
			n++
		}
	}
	return n
}

// TestPeersOfOthers plays the real daemon against a terminal and meters that share nothing with the
// simulators (testdata/peers). However they behave: no card is charged twice or for more than was
// delivered, no number gets into a file, the daemon lives, and what must be settled is.
func TestPeersOfOthers(t *testing.T) {
	if testing.Short() {
		t.Skip("short: no peers of others")
	}
	t.Parallel() // it mostly waits
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not installed: the peers of another hand are Python")
	}
	dir := t.TempDir()
	kioskd := filepath.Join(dir, "kioskd") // this binary is it by that name
	if err := os.Symlink(os.Args[0], kioskd); err != nil {
		t.Fatal(err)
	}
	peers, err := filepath.Abs("testdata/peers")
	if err != nil {
		t.Fatal(err)
	}
	lanes := make(chan struct{}, 6) // most of the time is waiting
	var wg sync.WaitGroup
	play := func(f func()) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			lanes <- struct{}{}
			defer func() { <-lanes }()
			f()
		}()
	}
	python := func(name string, args ...string) string {
		ctx, cancel := context.WithTimeout(t.Context(), hang)
		defer cancel()
		cmd := child.CommandContext(ctx, "python3", args...)
		cmd.Dir = peers
		cmd.Env = append(os.Environ(), "KIOSKD="+kioskd, "RUNS="+filepath.Join(dir, "runs"),
			"PYTHONDONTWRITEBYTECODE=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		return string(out)
	}
	for name, c := range terminalScenarios {
		play(func() {
			out := python(name, append([]string{"runner.py", name, strconv.Itoa(freePort(t)), c.steps},
				c.options...)...)
			if why := c.judge(out, filepath.Join(dir, "runs", name)); why != "" {
				t.Errorf("%s: %s\n%s", name, why, out)
			}
			t.Logf("%s: %s", name, truthLine.FindString(out))
		})
	}
	for _, name := range meterScenarios {
		play(func() {
			out := python(name, "scen.py", name)
			if why := judgeMeter(out); why != "" {
				t.Errorf("%s: %s", name, why)
			}
			t.Logf("%s: %s, %s", name, delivered.FindString(out), billedWh.FindString(out))
		})
	}
	wg.Wait()
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// peerScenario is what a terminal does, and how it must end.
type peerScenario struct {
	steps    string
	options  []string
	captures int  // at least, of so many visits
	stays    bool // its hold stays open: the terminal never books it
	commands int  // captures that it may be sent at most; 0 for any
}

var terminalScenarios = map[string]peerScenario{
	"refuses-for-ever": {steps: "always 0623 only1e:B5; visit 14; wait 25", stays: true, commands: 3},
	"one-empty-list":   {steps: "next 0623 good; bg; wait 12; next 0623 empty; wait 30", captures: 1},
	"forgets-its-till": {steps: "visit 40; reboot; wait 5; visit 60", options: []string{"serial", "needreg=1"},
		captures: 1},
	"repeats-a-result": {steps: "visit 40; next 0622 stale; visit 60; wait 40", captures: 1},
	"closes-when-idle": {steps: "wait 17; visit 25; wait 18; visit 25", options: []string{"idle=1"}, captures: 1},
	"garbage-in-a-hold": {steps: "next 0622 bmpbad; visit 25; wait 8; next 0622 tlvbad; visit 25; wait 8; next 0622 " +
		"ff_empty; visit 25", captures: 1},
	"short-words-only": {steps: "always 0600 rich83; visit 30", captures: 1},
	"lost-completions": {steps: "next 0622 nocompl; visit 30; next 0623 nocompl; visit 30; wait 40", captures: 1},
}

var truthLine = regexp.MustCompile(`(?m)^PT truth: (.*)$`)

// judge says what is wrong with the end of a scenario.
func (c peerScenario) judge(out, dir string) string {
	m := truthLine.FindStringSubmatch(out)
	if m == nil {
		return "the terminal said nothing"
	}
	var bank bankTruth
	if err := json.Unmarshal([]byte(m[1]), &bank); err != nil {
		return err.Error()
	}
	captured := map[any]int{}
	for _, m := range bank.Money {
		if m[0] == "capture" {
			captured[m[1]]++
		}
	}
	for receipt, n := range captured {
		if n > 1 {
			return fmt.Sprintf("hold %v was captured %d times", receipt, n)
		}
	}
	sent := countCaptures(filepath.Join(dir, "pt.jsonl"))
	switch {
	case !strings.Contains(out, "alive at end: True"):
		return "the daemon ended"
	case !strings.Contains(out, "PAN scan: clean"):
		return "a card number is in a file"
	case c.forgotten(bank, out) != "":
		return c.forgotten(bank, out)
	case bank.count("capture") < c.captures:
		return fmt.Sprintf("%d captures, want %d", bank.count("capture"), c.captures)
	case c.commands > 0 && (sent == 0 || sent > c.commands):
		return fmt.Sprintf("it was told %d times to capture", sent)
	}
	return ""
}

// forgotten is a hold that the terminal has and that the journal would not settle: where the machine is
// slow it may still wait for its turn.
func (c peerScenario) forgotten(bank bankTruth, out string) string {
	_, waits, _ := strings.Cut(out, "reconcile:")
	for receipt := range bank.Holds {
		if !strings.Contains(waits, receipt) {
			return fmt.Sprintf("hold %s is open, and the journal does not wait for it", receipt)
		}
	}
	if c.stays && len(bank.Holds) == 0 {
		return "the hold that the terminal never books is gone"
	}
	return ""
}

// countCaptures counts the commands 06 23 that name a receipt.
func countCaptures(path string) (n int) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var l struct{ K, V string }
		if json.Unmarshal(lines.Bytes(), &l) == nil && l.K == "<" && strings.HasPrefix(l.V, "0623") &&
			!strings.HasSuffix(l.V, "0387ffff") {
			n++
		}
	}
	return n
}

var meterScenarios = []string{"jump +1000 kWh once", "jump +150 Wh for ever", "back -30 Wh for ever", "zero once",
	"serial swap + other register", "register stuck", "register 2 x true",
	"kill -9, first reading +1000 kWh once", "kill -9, +1000 kWh for ever", "kill -9, other serial", "silence 5 s",
	"port vanishes 5 s"}

var (
	delivered = regexp.MustCompile(`true= *([0-9.]+) Wh`)
	billedWh  = regexp.MustCompile(`BILLED (\d+) Wh`)
)

// judgeMeter wants one visit that charged, and no more billed than was delivered, by what a register
// shows at most.
func judgeMeter(out string) string {
	wh, billed := delivered.FindStringSubmatch(out), billedWh.FindAllStringSubmatch(out, -1)
	if wh == nil || len(billed) != 1 || strings.Contains(out, "EXC") {
		return "the visit did not come to its end: " + out
	}
	full, err := strconv.ParseFloat(wh[1], 64)
	if err != nil {
		return err.Error()
	}
	if n, err := strconv.Atoi(billed[0][1]); err != nil || float64(n) > full+2 {
		return "more was billed than was delivered: " + out
	}
	return ""
}
