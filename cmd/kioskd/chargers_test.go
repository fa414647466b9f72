package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kioskd/child"
	"kioskd/ocpp/judges"
	"kioskd/simulator"
	"kioskd/simulator/town"
	"kioskd/site"
	"kioskd/ui"
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
	judges.Frames(t, "16", frames)
}

// chargerSite is a simulated site whose bays are connectors of a charger, and where the charger connects.
func chargerSite(t *testing.T, metered bool) (s *town.Town, config, address string) {
	s, config = newSiteWith(t, town.Options{Size: 2, Connectors: 2, Metered: metered, Speed: 60})
	address = "tcp://" + strings.TrimSuffix(strings.TrimPrefix(s.Chargers[0].URL, "ws://"), "/ocpp")
	return s, config, address
}

// TestSetupOfChargers: a person at a site that has nothing but a charger. The first time the charger lets a vehicle
// charge without a payment, and is not set up.
func TestSetupOfChargers(t *testing.T) {
	t.Parallel() // it mostly waits
	s, config, address := chargerSite(t, false)
	in, to := io.Pipe()
	p := &person{t: t, to: to}
	p.answer = func(prompt string) string {
		for i, b := range s.Bays {
			switch at := fmt.Sprintf("at bay %d", i+1); {
			case strings.Contains(prompt, "Plug a vehicle") && strings.Contains(prompt, at):
				b.Plug(simulator.Car{Power: 11000, Need: 1 << 30})
			case strings.Contains(prompt, "Unplug it"):
				b.Unplug()
			}
		}
		for _, a := range [][2]string{{"Where do they connect", address}, {"Name", "Parkhaus"},
			{"Address", "Strasse 1"}, {"help", "+49 30 1"}, {"clock", "2"}, {"Password", "123456"}, {"Price", "0.49"},
			{"20 kWh", "yes"}} {
			if strings.Contains(prompt, a[0]) {
				return a[1]
			}
		}
		return "" // what is offered
	}
	args := []string{"setup", "--config", config, "--units", "1-2", "--journal", s.Journal(), "--socket", s.Screen(),
		"--line", "serial://" + filepath.Join(s.Dir, "terminal") + "?baud=9600"}
	s.Chargers[0].Misbehave(simulator.FreeVend)
	code, bad := runSetup(t, in, p, args...)
	if code != 1 || !strings.Contains(bad, `bay 1: the charger began by itself, for "FREEVEND"`) {
		t.Fatalf("exit %d: %s\n%s", code, bad, &p.seen)
	}
	s.Chargers[0].Misbehave()
	for _, b := range s.Bays {
		b.Unplug()
	}
	if code, bad := runSetup(t, in, p, args...); code != 0 {
		t.Fatalf("exit %d: %s\n%s", code, bad, &p.seen)
	}
	if password := content(t, filepath.Join(filepath.Dir(config), "secrets", "charger-WB-1")); len(password) != 21 {
		t.Errorf("the charger's password is %q", password)
	}
	for _, want := range []string{"charger WB-1: kioskd simulated, firmware 1.0, 2 connectors",
		"charger WB-1: its password is in",
		"bay 1: no energy flows without a payment", "bay 2: no energy flows without a payment",
		"connector 2 of charger WB-1"} {
		if !strings.Contains(p.seen.String(), want) {
			t.Errorf("the host did not read %q:\n%s", want, &p.seen)
		}
	}
	got := content(t, config)
	if !strings.Contains(got, `charger: {id: "WB-1", connector: 2, password_file: "secrets/charger-WB-1"}`) ||
		!strings.Contains(got, "listen: "+address) {
		t.Errorf("the configuration is\n%s", got)
	}
}

// TestSetupOfAChargerByFlags: without a person a charger is waited for and set, and nothing is proven by a vehicle.
func TestSetupOfAChargerByFlags(t *testing.T) {
	t.Parallel() // it mostly waits
	s, config, address := chargerSite(t, true)
	s.Chargers[0].Misbehave(simulator.NoFuse)
	var out bytes.Buffer
	code, bad := runSetup(t, strings.NewReader(""), &out, "setup", "--config", config, "--units", "1-2", "--journal",
		s.Journal(), "--socket", s.Screen(), "--line", "serial://"+filepath.Join(s.Dir, "terminal")+"?baud=9600",
		"--line", "serial://"+filepath.Join(s.Dir, "meters"), "--yes", "--name", "Parkhaus", "--address", "Strasse 1",
		"--helpline", "+49 30 1", "--price", "0.49",
		"--password", "123456", "--clock", "rtc", "--technician-code", "271828", "--copy", "/media/kioskd",
		"--ocpp", address, "--bay", "number=7 charger=WB-1 connector=2 max=11000 meter=20260002")
	if code != 0 {
		t.Fatalf("exit %d: %s\n%s", code, bad, &out)
	}
	for _, want := range []string{"it takes no charging profile", "bay 7: not proven that it gives no energy"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, &out)
		}
	}
	for _, want := range []string{`charger: {id: "WB-1", connector: 2}`, `model: B23, serial: "20260002"`} {
		if got := content(t, config); !strings.Contains(got, want) {
			t.Errorf("the configuration has no %s:\n%s", want, got)
		}
	}
	for bay, want := range map[string]string{"number=1 charger=WB-1 coil=1": `unknown "coil"`,
		"charger=WB-1": "number is needed", "number=1 charger=WB-1 connector=x": `"x" is not a number`} {
		if code, bad := runSetup(t, strings.NewReader(""), io.Discard, "setup", "--config", config, "--yes", "--bay",
			bay); code != 2 || !strings.Contains(bad, want) {
			t.Errorf("%s: exit %d: %s", bay, code, bad)
		}
	}
}

// BenchmarkHundredChargers: a daemon with a hundred chargers of two connectors each, of which some charge. Its CPU is a
// share of one core over half a minute; the baseline beside it is that of the same site with one charger.
func BenchmarkHundredChargers(b *testing.B) {
	for b.Loop() {
		alone, _ := chargingOnce(b, town.Options{Size: 2, Connectors: 2, Speed: 1}, 1)
		all, memory := chargingOnce(b, town.Options{Size: 200, Connectors: 200, Speed: 1}, 20)
		b.ReportMetric(100*alone, "%core-one")
		b.ReportMetric(100*all, "%core-hundred")
		b.ReportMetric(float64(memory)/1e6, "MB-hundred")
	}
}

// BenchmarkThirtyTwoBays: a daemon with 32 bays, whose meters hang on four lines; at rest, and while eight of them
// charge. Its CPU is a share of one core over half a minute; the baseline beside it is that of a site with one bay.
func BenchmarkThirtyTwoBays(b *testing.B) {
	for b.Loop() {
		alone, _ := chargingOnce(b, town.Options{Size: 1, Speed: 1}, 0)
		rest, _ := chargingOnce(b, town.Options{Size: 32, Lines: 4, Speed: 1}, 0)
		all, memory := chargingOnce(b, town.Options{Size: 32, Lines: 4, Speed: 1}, 8)
		b.ReportMetric(100*alone, "%core-one")
		b.ReportMetric(100*rest, "%core-rest")
		b.ReportMetric(100*all, "%core-eight-charge")
		b.ReportMetric(float64(memory)/1e6, "MB")
	}
}

// chargingOnce is what a daemon takes of a core while some bays charge, and its most memory.
func chargingOnce(b *testing.B, o town.Options, charging int) (share float64, memory int64) {
	dir := b.TempDir()
	s, err := town.Open(dir, filepath.Join(dir, "kioskd.yaml"), o, site.QuietLog())
	if err != nil {
		b.Fatal(err)
	}
	s.Terminal.Think = 10 * time.Millisecond
	ctx, stop := context.WithCancel(context.Background())
	world := make(chan error, 1)
	go func() { world <- s.Run(ctx) }()
	defer func() { stop(); <-world }()
	daemon := start(b, s)
	defer child.Stop(daemon)
	socket := filepath.Join(dir, "ui.sock")
	awaitSocket(b, socket)
	d := ui.NewDriver(ctx, socket)
	for bay := 1; bay <= charging; bay++ {
		v := &town.Visitor{Driver: d, Site: s, Visit: town.Visit{Bay: bay,
			Card: town.VisitCard{Item: fmt.Sprint("of driver ", bay)}}}
		if err := v.Complete(o.Size); err != nil {
			b.Fatal(err)
		}
		visit, leave := context.WithCancel(ctx)
		v.See = func(now ui.View) {
			if now.Screen == ui.PlugIn { // they have paid, and leave the screen to the next driver
				leave()
			}
		}
		if err := d.Home(ctx); err != nil {
			b.Fatal(err)
		}
		v.Play(visit) // until then
		leave()
		s.Bays[bay-1].Plug(simulator.Car{Power: 11000, Need: 1 << 30})
	}
	for i, bay := range s.Bays[:charging] {
		for end := time.Now().Add(hang); !bay.State().Closed; time.Sleep(100 * time.Millisecond) {
			if time.Now().After(end) {
				b.Fatalf("bay %d does not charge", i+1)
			}
		}
	}
	from, before := time.Now(), cpuOf(b, daemon.Process.Pid)
	time.Sleep(30 * time.Second) // what is measured
	used := cpuOf(b, daemon.Process.Pid) - before
	for i, bay := range s.Bays[:charging] {
		if !bay.State().Closed {
			b.Fatalf("bay %d does not charge", i+1)
		}
	}
	return used.Seconds() / time.Since(from).Seconds(), memoryOf(b, daemon.Process.Pid)
}
