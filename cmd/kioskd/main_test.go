package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"kioskd"
	"kioskd/backoffice/natstest"
	"kioskd/child"
	"kioskd/config"
	"kioskd/simulator"
	"kioskd/simulator/town"
	"kioskd/site"
	"kioskd/socket"
	"kioskd/terminal/zvt"
	"kioskd/ui"
)

// TestMain lets the test binary be kioskd itself, for scripts and for the daemon that is killed. The simulated world
// is built for it.
func TestMain(m *testing.M) {
	natstest.Main()
	testscript.Main(withWorld{m}, map[string]func(){"kioskd": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		p := newProgram(os.Stdin, os.Stdout, os.Stderr)
		p.journal = exitAt(os.Getenv(exitVariable))
		code := p.run(ctx, os.Args[1:])
		stop()
		os.Exit(code)
	}})
}

// withWorld runs the tests with kiosksim on the path.
type withWorld struct{ tests *testing.M }

func (w withWorld) Run() int {
	dir, err := os.MkdirTemp("", "kiosksim-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	out, err := exec.Command("go", "build", "-o", dir, "kioskd/cmd/kiosksim").CombinedOutput()
	if err != nil {
		panic(fmt.Errorf("cannot build kiosksim: %w: %s", err, out))
	}
	os.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return w.tests.Run()
}

// TestCommands runs the scripts in testdata: each row of the command table as text.
func TestCommands(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", Cmds: map[string]func(*testscript.TestScript, bool,
		[]string){"await": awaitFile, "eventually": eventually}, Setup: func(e *testscript.Env) error {
		e.Setenv("REPO", repo(t))
		return nil
	}})
}

// awaitFile waits for a file that a program in the background makes.
func awaitFile(ts *testscript.TestScript, _ bool, args []string) {
	for range 1000 {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond) // no signal from another process
	}
	ts.Fatalf("%s does not appear", args[0])
}

// eventually runs a program until its output has what the journal of a session ends
// with.
func eventually(ts *testscript.TestScript, _ bool, args []string) {
	for range 200 {
		if err := ts.Exec(args[0], args[1:]...); err == nil &&
			strings.Contains(ts.ReadFile("stdout"), `"kind":"closed"`) {
			return
		}
		time.Sleep(100 * time.Millisecond) // no signal from another process
	}
	ts.Fatalf("no session was closed")
}

func repo(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// start starts the daemon of a site.
func start(t testing.TB, s *town.Town) *exec.Cmd {
	t.Helper()
	cmd, err := s.Command()
	if err != nil {
		t.Fatal(err)
	}
	return cmd
}

// TestKilledAtAnyMoment kills the daemon with SIGKILL at a random moment of a visit,
// starts it again, and asks the bank: every hold must be captured once for what was
// billed, or released once.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel() // it mostly waits
	rounds := 10
	if testing.Short() {
		rounds = 2
		t.Log("short: two rounds of ten")
	}
	ctx, stop := context.WithCancel(context.Background())
	dir := t.TempDir()
	s, err := town.Open(dir, filepath.Join(dir, "kioskd.yaml"), town.Options{Size: 1, Speed: 60}, site.QuietLog())
	if err != nil {
		t.Fatal(err)
	}
	world := make(chan error, 1)
	go func() { world <- s.Run(ctx) }()
	t.Cleanup(func() { stop(); <-world })
	for round := range rounds {
		// From the first touch to the end a visit takes about seven seconds.
		at := time.Duration(round)*700*time.Millisecond + time.Duration(time.Now().UnixNano()%700)*time.Millisecond
		t.Run(fmt.Sprintf("after %v", at), func(t *testing.T) { killOnce(t, s, at) })
	}
	checkBooks(t, s, rounds/2)
}

func killOnce(t *testing.T, s *town.Town, at time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	defer cancel()
	daemon := start(t, s)
	socket := s.Screen()
	awaitSocket(t, socket)
	visit, endVisit := context.WithCancel(ctx)
	selling, played := make(chan struct{}), make(chan error, 1)
	go func() { played <- visitOnce(visit, s, socket, selling) }()
	select {
	case <-selling:
	case <-ctx.Done():
		t.Fatal("the kiosk does not begin to sell")
	}
	timer := time.NewTimer(at)
	select {
	case <-timer.C:
	case <-played: // over before the kill
		played <- nil
	}
	if err := daemon.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	daemon.Wait() // killed
	endVisit()
	<-played
	s.Bays[0].Unplug()
	daemon = start(t, s)
	defer func() {
		if err := child.Stop(daemon); err != nil {
			t.Errorf("the daemon did not end cleanly: %v", err)
		}
	}()
	awaitSocket(t, socket)
	giveUp, over := context.WithCancel(ctx)
	defer over()
	go cancelOnce(giveUp, socket)
	awaitSettled(ctx, t, s)
}

// cancelOnce is the driver who still stands at the screen and no longer wants to.
func cancelOnce(ctx context.Context, socket string) {
	d := ui.NewDriver(ctx, socket)
	for v := range d.Views {
		d.Now = v
		switch v.Screen { // refused where the view has changed: the next one tells
		case ui.PlugIn:
			d.Touch(ctx, ui.Stop, "")
		case ui.StopAsk:
			d.Touch(ctx, ui.Confirm, "")
		}
	}
}

func awaitSocket(t testing.TB, path string) {
	t.Helper()
	for end := time.Now().Add(hang); !socket.Answers(path); {
		if time.Now().After(end) {
			t.Fatal("the daemon does not answer")
		}
		time.Sleep(20 * time.Millisecond) // no signal from another process
	}
}

// visitOnce plays a driver until the final screen or ctx ends. selling is closed at
// the first touch.
func visitOnce(ctx context.Context, s *town.Town, socket string, selling chan struct{}) error {
	v := &town.Visitor{Visit: town.Visit{Bay: 1, Stop: 500,
		Card: town.VisitCard{Item: fmt.Sprint(time.Now().UnixNano())}},
		Driver: ui.NewDriver(ctx, socket), Site: s}
	if err := v.Complete(1); err != nil {
		return err
	}
	if err := v.Home(ctx); err != nil {
		return err
	}
	close(selling)
	return v.Play(ctx)
}

// awaitSettled waits until the bank has no open hold and the journal no open session.
func awaitSettled(ctx context.Context, t *testing.T, s *town.Town) {
	t.Helper()
	for {
		open := s.Settled(ctx)
		if open == nil {
			return
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.Dir, "kioskd.log"))
			t.Fatalf("%v; the daemon's log ends with\n%s", open, log[max(0, len(log)-4000):])
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// checkBooks lets the audit compare the world with the journal.
func checkBooks(t *testing.T, s *town.Town, atLeast int) {
	ctx := context.Background()
	broken, err := s.Audit(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range broken {
		t.Error(v)
	}
	count := map[string]int{}
	for _, l := range s.Bank.Lines() {
		count[l.Kind]++
	}
	t.Logf("%d holds, %d captured, %d released", count["hold"], count["capture"], count["release"])
	if count["hold"] < atLeast {
		t.Errorf("only %d visits reached a hold: too few to prove anything", count["hold"])
	}
}

// TestSimulatedSiteConfigurationIsGood reads what simulate site writes.
func TestSimulatedSiteConfigurationIsGood(t *testing.T) {
	dir := t.TempDir()
	for bays := 1; bays <= 8; bays += 7 {
		s, err := town.Open(filepath.Join(dir, strconv.Itoa(bays)), filepath.Join(dir, "kioskd.yaml"),
			town.Options{Size: bays, Speed: 60, NeedScreen: true}, site.QuietLog())
		if err != nil {
			t.Fatal(err)
		}
		c, err := config.Read(s.Config)
		if err != nil || len(c.Bays) != bays || c.Hold != (kiosk.Money{Minor: 5000, Currency: "EUR"}) {
			t.Errorf("%v, %v", c, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// BenchmarkHoldToContactor measures, on the simulated wires, from the last byte of the
// terminal's completion of a hold to the moment when energy flows, with the vehicle
// plugged in before. Beside it stands what the meter alone takes of that: the first
// register is read until two reads agree, a tenth of a second apart.
func BenchmarkHoldToContactor(b *testing.B) {
	dir := b.TempDir()
	s, err := town.Open(dir, filepath.Join(dir, "kioskd.yaml"), town.Options{Size: 4, Speed: 1}, site.QuietLog())
	if err != nil {
		b.Fatal(err)
	}
	completed := make(chan time.Time, 16)
	holding := false
	s.Terminal.Said = func(a zvt.APDU) {
		if a.Is(0x04, 0x0F) {
			holding = len(s.Bank.OpenHolds()) > 0
		}
		if a.Is(0x06, 0x0F) && holding {
			holding = false
			completed <- time.Now()
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	world := make(chan error, 1)
	go func() { world <- s.Run(ctx) }()
	defer func() { stop(); <-world }()
	daemon := start(b, s)
	defer child.Stop(daemon)
	awaitSocket(b, filepath.Join(dir, "ui.sock"))
	d := ui.NewDriver(ctx, filepath.Join(dir, "ui.sock"))
	s.Bays[0].Plug(simulator.GoodCar())
	var total time.Duration
	for b.Loop() {
		card := simulator.GoodCard()
		card.Item = fmt.Sprint(b.Elapsed()) // no card comes so often
		steps := []struct {
			screen ui.Screen
			do     func() error
		}{
			{ui.Attract, func() error { return d.Touch(ctx, ui.Touch, "") }},
			{ui.Bays, func() error { return d.Touch(ctx, ui.Choose, "1") }},
			{ui.Price, func() error { return d.Touch(ctx, ui.Accept, "") }},
			{ui.Tap, func() error { s.Terminal.Present(card); return nil }},
			{ui.Charging, func() error { return d.Touch(ctx, ui.Stop, "") }},
			{ui.StopAsk, func() error { return d.Touch(ctx, ui.Confirm, "") }},
			{ui.Final, func() error { return d.Touch(ctx, ui.Back, "") }},
		}
		for _, step := range steps {
			if err := d.Screen(ctx, step.screen); err != nil {
				b.Fatal(err)
			}
			if err := step.do(); err != nil {
				b.Fatal(err)
			}
		}
		flows := s.Bays[0].Flows()
		total += flows[len(flows)-1].From.Sub(<-completed)
		for len(completed) > 0 {
			<-completed
		}
	}
	b.ReportMetric(float64(total.Milliseconds())/float64(b.N), "ms/hold-to-contactor")
	b.ReportMetric(0, "ns/op")
}
