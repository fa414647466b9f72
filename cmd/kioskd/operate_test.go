package main

import (
	"bytes"
	"context"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"kioskd/child"
	"kioskd/simulator"
	"kioskd/simulator/town"
	"kioskd/site"
	"kioskd/ui"
)

// operator types commands at a simulated site with a running daemon.
type operator struct {
	t      *testing.T
	s      *town.Town
	d      *ui.Driver
	daemon **exec.Cmd // it may be started again
}

func newOperator(t *testing.T, bays int, faults simulator.Faults) operator {
	return newOperatorWith(t, town.Options{Size: bays, Speed: 300}, faults)
}

func newOperatorWith(t *testing.T, options town.Options, faults simulator.Faults) operator {
	dir := t.TempDir()
	s, err := town.Open(dir, filepath.Join(dir, "kioskd.yaml"), options, site.QuietLog())
	if err != nil {
		t.Fatal(err)
	}
	s.Inject(faults)
	ctx, stop := context.WithCancel(context.Background())
	world := make(chan error, 1)
	go func() { world <- s.Run(ctx) }()
	t.Cleanup(func() { stop(); <-world })
	daemon, err := s.StartDaemon(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := child.Stop(daemon); err != nil {
			t.Errorf("the daemon did not end cleanly: %v", err)
		}
	})
	return operator{t, s, ui.NewDriver(ctx, filepath.Join(dir, "ui.sock")), &daemon}
}

// restart kills the daemon and starts it again.
func (o operator) restart() {
	o.t.Helper()
	(*o.daemon).Process.Kill()
	(*o.daemon).Wait() // it was killed
	var err error
	*o.daemon, err = o.s.StartDaemon(context.Background())
	if err != nil {
		o.t.Fatal(err)
	}
}

// run types a command, and returns what it prints and its exit status.
func (o operator) run(words string) (string, int) {
	var out bytes.Buffer
	code := newProgram(strings.NewReader(""), &out, &out).run(context.Background(),
		append(strings.Fields(words), "--config", o.s.Config))
	return out.String(), code
}

// hang is after how long a test gives up on another process: longer than any that works needs, on any machine.
const hang = 5 * time.Minute

// reached waits until the kiosk reaches its back office, which may begin to listen after the kiosk's last try: the next
// one by itself could be minutes away.
func (o operator) reached() {
	o.t.Helper()
	for end := time.Now().Add(hang); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		o.run("backoffice now") // may fail while it does not listen
		if said, _ := o.run("backoffice status --format json"); strings.Contains(said, `"state":"ok"`) {
			return
		}
	}
	o.t.Fatal("the kiosk never reaches its back office")
}

// until repeats a command until it prints what is looked for.
func (o operator) until(words, pattern string) string {
	o.t.Helper()
	last := ""
	// no signal from another process
	for end := time.Now().Add(hang); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		last, _ = o.run(words)
		if regexp.MustCompile(pattern).MatchString(last) {
			return last
		}
	}
	o.t.Fatalf("%s never prints %s, but:\n%s", words, pattern, last)
	return ""
}

// charge lets a driver charge at bay 1, and returns their session's reference.
func (o operator) charge(ctx context.Context) string {
	o.t.Helper()
	v := &town.Visitor{Visit: town.Visit{Bay: 1}, Driver: o.d, Site: o.s}
	if err := v.Complete(1); err != nil {
		o.t.Fatal(err)
	}
	reference := make(chan string, 1)
	v.See = func(now ui.View) {
		if now.Screen == ui.Charging && len(reference) == 0 {
			reference <- now.Reference
		}
	}
	played := make(chan error, 1)
	go func() { played <- v.Play(ctx) }()
	o.t.Cleanup(func() { <-played })
	select {
	case ref := <-reference:
		return ref
	case err := <-played:
		played <- err
		o.t.Fatalf("the visit ended before it charged: %v", err)
	}
	return ""
}

// TestTheOperatorStopsASession from outside, and the money of it cannot be taken.
func TestTheOperatorStopsASession(t *testing.T) {
	t.Parallel() // it mostly waits
	o := newOperator(t, 1, simulator.Faults{Terminal: []simulator.CardFault{"", simulator.HostDown,
		simulator.HostDown}})
	ctx, leave := context.WithTimeout(context.Background(), hang)
	defer leave()
	ref := o.charge(ctx)
	if out, code := o.run("session stop 0000000"); code != 1 || !strings.Contains(out, "session 0000000 is not open") {
		t.Errorf("%d: %s", code, out)
	}
	if out, code := o.run("drain --for 1s"); code != 1 || !strings.Contains(out, "waiting for "+ref) {
		t.Errorf("%d: %s", code, out)
	}
	if out, code := o.run("terminal end-of-day"); code != 1 || !strings.Contains(out, "1 sessions have an open hold") {
		t.Errorf("%d: %s", code, out)
	}
	if out, code := o.run("session stop --by ops " + ref); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	o.until("journal export", `"reason":"remote"`)
	out := o.until("report reconcile", "capture_waiting")
	if !strings.Contains(out, ref) || !strings.Contains(out, "by itself at") || !strings.Contains(out, "host") {
		t.Errorf("what waits is listed as\n%s", out)
	}
	if out, code := o.run("drain"); code != 0 || !strings.Contains(out, "Nothing is open") {
		t.Errorf("what waits for its next try does not keep from an update, but %d: %s", code, out)
	}
	if out, _ := o.run("report reconcile --bay 7"); strings.Contains(out, ref) {
		t.Errorf("another bay's list has it:\n%s", out)
	}
}

// TestFaultsAtABay are found by the doctor, and locked until a person has looked.
func TestFaultsAtABay(t *testing.T) {
	t.Parallel() // it mostly waits
	o := newOperator(t, 2, simulator.Faults{})
	o.until("doctor", `bay 2 +ok +meter 20260002`)
	o.s.Bays[1].Emergency(true)
	out := o.until("doctor", `bay 2 +FAULT.*CX008 See that nobody is in danger`)
	if !strings.Contains(out, "terminal  ok") {
		t.Errorf("doctor says\n%s", out)
	}
	o.s.Bays[1].Emergency(false)
	o.until("journal export", `"kind":"fault_cleared"[^\n]*CX008`)
	o.s.Bays[0].Weld(true)
	o.s.Bays[0].Plug(simulator.GoodCar())
	o.until("doctor", `bay 1 +FAULT.*MT005`)
	o.s.Bays[0].Weld(false)
	o.s.Bays[0].Unplug()
	if out, code := o.run("fault clear PT001"); code != 1 || !strings.Contains(out, "not raised") {
		t.Errorf("%d: %s", code, out)
	}
	if out, code := o.run("fault clear --bay 1 MT005"); code != 0 {
		t.Errorf("%d: %s", code, out)
	}
	o.until("doctor --format json", `"device":"bay 1"[^\n]*"state":"ok"`)
	if out, code := o.run("doctor"); code != 0 {
		t.Errorf("%d: %s", code, out)
	}
	if out, code := o.run("terminal end-of-day"); code != 0 || !strings.Contains(out, `"agrees":true`) {
		t.Errorf("%d: %s", code, out)
	}
}

// TestMeterScan asks a line with two makes on it.
func TestMeterScan(t *testing.T) {
	dir := t.TempDir()
	s, err := town.Open(dir, filepath.Join(dir, "kioskd.yaml"), town.Options{Size: 2, Speed: 1}, site.QuietLog())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	world := make(chan error, 1)
	go func() { world <- s.Run(ctx) }()
	defer func() { stop(); <-world }()
	var out bytes.Buffer
	p := newProgram(strings.NewReader(""), &out, io.Discard)
	line := "serial://" + filepath.Join(dir, "meters")
	if code := p.run(ctx, []string{"meter", "scan", "--address", line, "--to", "3", "--format", "csv"}); code != 0 {
		t.Fatalf("exit status %d", code)
	}
	if want := "unit,vendor,model,serial\n1,Eastron,SDM630,20260001\n2,ABB,B23,20260002\n"; out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
	if code := p.run(ctx, []string{"meter", "scan", "--address", line, "--from", "3", "--to", "4"}); code != 1 {
		t.Errorf("where no daemon answers the exit status is %d", code)
	}
}
