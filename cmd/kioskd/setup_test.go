package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"kioskd/session"
	"kioskd/simulator"
	"kioskd/simulator/town"
	"kioskd/site"
	"kioskd/store"
)

// newSite is a simulated site that runs, and a card that comes when one is asked for.
func newSite(t *testing.T, bays int) (*town.Town, string) {
	t.Helper()
	return newSiteWith(t, town.Options{Size: bays, Speed: 60})
}

func newSiteWith(t *testing.T, o town.Options) (*town.Town, string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	dir := t.TempDir()
	s, err := town.Open(dir, filepath.Join(dir, "simulated.yaml"), o, site.QuietLog())
	if err != nil {
		t.Fatal(err)
	}
	card := simulator.GoodCard()
	s.Terminal.AutoCard = &card
	world := make(chan error, 1)
	go func() { world <- s.Run(ctx) }()
	t.Cleanup(func() { stop(); <-world })
	return s, filepath.Join(dir, "etc", "kioskd.yaml")
}

func lineFlags(s *town.Town, config string) []string {
	args := []string{"setup", "--config", config, "--units", "1-2", "--journal", s.Journal(),
		"--socket", s.Screen()}
	for _, name := range []string{"terminal", "meters", "board"} {
		args = append(args, "--line", "serial://"+filepath.Join(s.Dir, name)+"?baud=9600")
	}
	return args
}

// answered are lineFlags with an answer to every question that has no usual one.
func answered(s *town.Town, config string) []string {
	return append(lineFlags(s, config), "--yes", "--name", "Parkhaus", "--address", "Strasse 1, 10115 Berlin",
		"--helpline", "+49 30 1", "--price", "0.49",
		"--password", "123456", "--clock", "rtc", "--technician-code", "271828", "--copy", "/media/kioskd",
		"--bay", "number=1 meter=20260001 coil=0 plugged=0 requesting=1 feedback=2 emergency=3 evse=DE*ABC*E1")
}

func runSetup(t *testing.T, in io.Reader, out io.Writer, args ...string) (code int, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	defer cancel()
	var bad bytes.Buffer
	code = newProgram(in, out, &bad).run(ctx, args)
	return code, bad.String()
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// proven checks what a setup must have left: a good configuration, one hold of the smallest
// amount that was given back, no contactor closed, and a journal that has it.
func proven(t *testing.T, s *town.Town, config string) {
	t.Helper()
	if code, bad := runSetup(t, nil, io.Discard, "check", "--config", config); code != 0 {
		t.Errorf("the configuration has faults:\n%s", bad)
	}
	var kinds []string
	for _, l := range s.Bank.Lines() {
		kinds = append(kinds, fmt.Sprint(l.Kind, l.Minor))
	}
	if got := strings.Join(kinds, " "); got != "hold100 release100" {
		t.Errorf("the bank saw %q, want a hold of 1.00 and its release", got)
	}
	for i, b := range s.Bays {
		if b.State().Closed {
			t.Errorf("contactor %d is closed", i)
		}
	}
	j, err := store.OpenReader(t.Context(), s.Journal())
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	released := 0
	for r, err := range j.Records(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Kind == string(session.ReleaseDone) {
			released++
		}
	}
	if released != 1 {
		t.Errorf("the journal has %d releases, want 1", released)
	}
	if info, err := os.Stat(config); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the configuration has mode %v (%v), want 0640", info.Mode(), err)
	}
}

// TestSetupWithoutAnybody writes a site's configuration from flags and from what the devices say
// of themselves; a second run changes what it is asked to, and nothing else.
func TestSetupWithoutAnybody(t *testing.T) {
	t.Parallel() // it mostly waits
	s, config := newSite(t, 2)
	var out bytes.Buffer
	if code, bad := runSetup(t, nil, &out, answered(s, config)...); code != 0 {
		t.Fatalf("exit %d: %s\n%s", code, bad, &out)
	}
	proven(t, s, config)
	first := content(t, config)
	for _, want := range []string{`id: "52523535"`, `serial: "20260001"`, "model: SDM630", "feedback: 2",
		"# What energy costs", "password_file: secrets/terminal"} {
		if !strings.Contains(first, want) {
			t.Errorf("the configuration lacks %s:\n%s", want, first)
		}
	}
	if strings.Contains(first, "123456") || strings.Contains(first, "271828") {
		t.Errorf("a secret is in the configuration:\n%s", first)
	}
	if info, err := os.Stat(filepath.Join(filepath.Dir(config), "secrets", "terminal")); err != nil ||
		info.Mode().Perm() != 0o600 {
		t.Errorf("the password lies there with %v (%v)", info, err)
	}

	own := strings.Replace(first, "  name: Parkhaus\n", "  # Ours since 1998.\n  name: Parkhaus\n", 1)
	if err := os.WriteFile(config, []byte(own), 0o640); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args     []string
		from, to string
	}{
		{[]string{"--price", "0.59"}, "price: 0.49", "price: 0.59"},
		{[]string{"--languages", "en, de, fr"}, "languages: [en, de]", "languages: [en, de, fr]"},
	} {
		before := content(t, config)
		if code, bad := runSetup(t, nil, &out, append([]string{"setup", "--config", config}, c.args...)...); code != 0 {
			t.Fatalf("%v: exit %d: %s", c.args, code, bad)
		}
		proven(t, s, config) // no person is there to hold a card to the terminal a second time
		if got, want := content(t, config), strings.Replace(before, c.from, c.to, 1); got != want || got == before {
			t.Errorf("%v made\n%s\nwant\n%s", c.args, got, want)
		}
		if content(t, config+".before") != before {
			t.Errorf("%v: what was before is not kept", c.args)
		}
	}

	// A comma that slipped would keep the kiosk closed until the host confirms it.
	cheap := content(t, config)
	if code, bad := runSetup(t, nil, &out, "setup", "--config", config, "--price", "49.90"); code != 2 ||
		!strings.Contains(bad, "from 0.49 to 49.90; if that is meant, say so with --accept-price") {
		t.Errorf("exit %d: %s", code, bad)
	}
	if content(t, config) != cheap {
		t.Error("a price was changed that the host did not mean")
	}
	if code, bad := runSetup(t, nil, &out, "setup", "--config", config, "--price", "49.90",
		"--accept-price"); code != 0 || !strings.Contains(content(t, config), "price: 49.90,") {
		t.Errorf("exit %d: %s", code, bad)
	}
	proven(t, s, config)
	if code, bad := runSetup(t, nil, &out, "setup", "--config", config, "--price",
		"0.59"); code != 0 { // nothing was sold at 49.90
		t.Errorf("exit %d: %s", code, bad)
	}
	if err := os.WriteFile(config, []byte(strings.Replace(content(t, config), "price: 0.59", "price: 45", 1)),
		0o640); err != nil { // by an editor
		t.Fatal(err)
	}
	out.Reset()
	if code, bad := runSetup(t, nil, &out, "doctor", "--config", config); code != 1 || !strings.Contains(out.String(),
		"CF001") || !strings.Contains(out.String(), "from 0.49 to 45.00") {
		t.Errorf("exit %d: %s\n%s", code, bad, &out)
	}
	if code, bad := runSetup(t, nil, &out, "setup", "--config", config, "--accept-price"); code != 0 {
		t.Errorf("exit %d: %s", code, bad)
	}
	out.Reset()
	if code, bad := runSetup(t, nil, &out, "doctor", "--config", config); code != 1 ||
		strings.Count(out.String(), "FAULT") != 1 || !strings.Contains(out.String(), "nothing is mounted there") {
		t.Errorf("of a site without its stick the doctor says, with exit %d: %s\n%s", code, bad, &out)
	}

	// A password that the terminal does not answer to is not kept.
	silent := strings.Replace(content(t, config), "address: serial://"+filepath.Join(s.Dir, "terminal"),
		"address: serial://"+filepath.Join(s.Dir, "unplugged"), 1)
	answering := content(t, config)
	if err := os.WriteFile(config, []byte(silent), 0o640); err != nil || silent == answering {
		t.Fatal("the terminal's address was not changed", err)
	}
	if code, bad := runSetup(t, nil, &out, "setup", "--config", config, "--password", "654321"); code != 1 ||
		!strings.Contains(bad, "nothing was changed") {
		t.Errorf("exit %d: %s", code, bad)
	}
	if got := content(t, filepath.Join(filepath.Dir(config), "secrets", "terminal")); got != "123456\n" {
		t.Errorf("the password is %q now", got)
	}
	if err := os.WriteFile(config, []byte(answering), 0o640); err != nil {
		t.Fatal(err)
	}
	if code, bad := runSetup(t, nil, &out, "setup", "--config", config, "--password", "654321"); code != 1 ||
		!strings.Contains(bad, "the password is not the terminal's") {
		t.Errorf("exit %d: %s", code, bad)
	}
	s.Terminal.WantPassword("654321")
	if code, bad := runSetup(t, nil, &out, "setup", "--config", config, "--password", "654321"); code != 0 {
		t.Errorf("exit %d: %s", code, bad)
	}
	if got := content(t, filepath.Join(filepath.Dir(config), "secrets", "terminal")); got != "654321\n" {
		t.Errorf("the password is %q", got)
	}

	// Nor is one that comes with what the configuration refuses.
	empty := filepath.Join(s.Dir, "tariff.json")
	if err := os.WriteFile(empty, []byte("{}"), 0o640); err != nil {
		t.Fatal(err)
	}
	s.Terminal.WantPassword("777777")
	if code, bad := runSetup(t, nil, &out, "setup", "--config", config, "--password", "777777", "--tariff",
		empty); code != 2 || !strings.Contains(bad, "tariff") {
		t.Errorf("exit %d: %s", code, bad)
	}
	s.Terminal.WantPassword("654321")
	if got := content(t, filepath.Join(filepath.Dir(config), "secrets", "terminal")); got != "654321\n" {
		t.Errorf("the password is %q, and nothing was changed", got)
	}

	// A coil that is mistyped may be another bay's: known or not, nothing is switched while a vehicle is there.
	s.Bays[0].Plug(simulator.GoodCar())
	for coil, want := range map[string]string{"coil=0": "is bay 1's already",
		"coil=2": "bay 1: a vehicle is plugged in"} {
		if code, bad := runSetup(t, nil, &out, append(lineFlags(s, config), "--no-test", "--bay",
			"number=2 meter=20260002 plugged=4 feedback=6 "+coil)...); code == 0 || !strings.Contains(bad, want) {
			t.Errorf("%s: exit %d: %s", coil, code, bad)
		}
	}
	s.Bays[0].Unplug()
	if got := s.Bays[0].State().Register; got != 1_000_000 {
		t.Errorf("the meter of bay 1 counted to %v", got)
	}

	// A second bay beside the first.
	before := content(t, config)
	args := append(lineFlags(s, config), "--no-test", "--bay",
		"number=2 meter=20260002 coil=1 plugged=4 feedback=6 emergency=7 max=11000")
	if code, bad := runSetup(t, nil, &out, args...); code != 0 {
		t.Fatalf("exit %d: %s", code, bad)
	}
	if got := content(t, config); !strings.HasPrefix(got, before[:strings.Index(before, "clock:")]) ||
		!strings.Contains(got, "  - number: 2\n    max_power_w: 11000\n") {
		t.Errorf("the second bay made\n%s\nof\n%s", got, before)
	}
}

// TestSetupRefuses what does not belong together, or is not said; then nothing is written and
// every contactor is open.
func TestSetupRefuses(t *testing.T) {
	t.Parallel() // it mostly waits
	s, config := newSite(t, 2)
	base := answered(s, config)
	with := func(to []string, more ...string) []string { return slices.Concat(to, more) }
	bay := func(text string) []string { return with(base[:len(base)-1], text) }
	for name, c := range map[string]struct {
		args []string
		in   func(*testing.T)
		code int
		want string
	}{
		"another feedback": {args: bay("number=1 meter=20260001 coil=0 plugged=0 feedback=6"), code: 1,
			want: "the inputs [2] followed, not 6"},
		"a bay twice": {args: with(base, "--bay", "number=1 meter=20260002 coil=1 plugged=4 feedback=6"), code: 2,
			want: "bay 1 is there already"},
		"a coil twice": {args: with(base, "--bay", "number=2 meter=20260002 coil=0 plugged=4 feedback=6"), code: 2,
			want: "coil 0 of board 1"},
		"a meter twice": {args: with(base, "--bay", "number=2 meter=20260001 coil=1 plugged=4 feedback=6"), code: 2,
			want: "is bay 1's"},
		"an input twice": {args: with(base, "--bay", "number=2 meter=20260002 coil=1 plugged=0 feedback=6"), code: 2,
			want: "input 0 of board 1"},
		"an EVSE id twice": {args: with(base, "--bay",
			"number=2 meter=20260002 coil=1 plugged=4 feedback=6 evse=DE*ABC*E1"),
			code: 2, want: "EVSE id DE*ABC*E1 is bay 1's"},
		"no such meter": {args: bay("number=1 meter=99 coil=0 plugged=0 feedback=2"), code: 2,
			want: "there are 20260001, 20260002"},
		"no such coil": {args: bay("number=1 meter=20260001 coil=77 plugged=0 feedback=2"), code: 2,
			want: "coil: want one of the board's"},
		"a wrong word": {args: bay("number=1 metre=20260001"), code: 2, want: `unknown "metre"`},
		"a vehicle": {args: base,
			in:   func(t *testing.T) { s.Bays[0].Plug(simulator.GoodCar()); t.Cleanup(s.Bays[0].Unplug) },
			code: 1,
			want: "bay 1: a vehicle is plugged in: unplug it"},
		"a vehicle at another bay": {args: with(base, "--bay", "number=2 meter=20260002 coil=1 plugged=4 feedback=6"),
			in: func(t *testing.T) { s.Bays[1].Plug(simulator.GoodCar()); t.Cleanup(s.Bays[1].Unplug) }, code: 1,
			want: "bay 2: a vehicle is plugged in: unplug it"},
		"another program": {args: base, in: func(t *testing.T) {
			lock, err := store.Lock(s.Journal())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { lock.Close() })
		}, code: 1, want: "in use by another kioskd"},
		"nothing said": {args: with(lineFlags(s, config), "--yes"), code: 2,
			want: "--address, --helpline, --name, --price"},
		"a bad answer": {args: with(base, "--currency", "XXX"), code: 2,
			want: `--currency "XXX": kioskd does not sell in it`},
		"a bad code": {args: with(base, "--host-code", "12"), code: 2, want: "want six to twelve digits"},
		"no terminal": {args: append([]string{"setup", "--config", config, "--units", "1-1", "--line",
			"tcp://127.0.0.1:1",
			"--journal", s.Journal()}, base[15:]...), code: 1,
			want: "no card terminal answers"},
		"a price of something else": {args: []string{"setup", "--config", config, "--price", "0.50"},
			in: func(t *testing.T) {
				if err := os.MkdirAll(filepath.Dir(config), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(config,
					[]byte("tariff: {elements: [{price_components: [{type: TIME, price: 2}]}]}\n"), 0o640); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { os.Remove(config) })
			}, code: 2, want: "is not one price of a kilowatt-hour"},
		"a power in kW": {args: bay("number=1 meter=20260001 coil=0 plugged=0 feedback=2 max=22"), code: 2,
			want: "22 kW are 22000"},
		"a bad price": {args: with(base, "--price", "-1"), code: 2, want: "want a number such as 0.49"},
		"a time of day": {args: with(base, "--end-of-day", "3 am"), code: 2,
			want: "want a time of day such as 03:30"},
		"one code for two": {args: with(base, "--host-code", "271828"), code: 2, want: "told apart by their codes"},
		"another currency": {args: with(base, "--currency", "CHF"), code: 1,
			want: "terminal refused: wrong currency (6F); see --password"},
		"units": {args: with(base, "--units", "0-300"), code: 2, want: "want a range such as 1-32"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.in != nil {
				c.in(t)
			}
			code, bad := runSetup(t, nil, io.Discard, c.args...)
			if code != c.code || !strings.Contains(bad, c.want) {
				t.Errorf("exit %d: %s\nwant %d and %q", code, bad, c.code, c.want)
			}
			if text, err := os.ReadFile(config); err == nil && !bytes.HasPrefix(text, []byte("tariff: {")) {
				t.Error("a configuration was written")
			}
			for i, b := range s.Bays {
				if b.State().Closed {
					t.Errorf("contactor %d is closed", i)
				}
			}
		})
	}
	if n := len(s.Bank.Lines()); n != 0 {
		t.Errorf("the bank saw %d things", n)
	}
}

// person answers what they read, as a person at a keyboard does.
type person struct {
	t      *testing.T
	answer func(prompt string) string
	mu     sync.Mutex
	seen   bytes.Buffer
	to     *io.PipeWriter
}

func (p *person) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen.Write(b)
	if text := string(b); strings.HasSuffix(text, ": ") {
		go fmt.Fprintln(p.to, p.answer(text))
	}
	return len(b), nil
}

// TestSetupOffersAnswersAgain to whom it failed late, and of the answers alone: what was found then
// may have changed.
func TestSetupOffersAnswersAgain(t *testing.T) {
	t.Parallel() // it mostly waits
	s, config := newSite(t, 2)
	run := func(answers, bay string) (int, string) {
		t.Helper()
		args := append(lineFlags(s, config), "--no-test", "--no-pulse", "--bay", bay)
		return runSetup(t, strings.NewReader(answers), io.Discard, args...)
	}
	first := "Parkhaus\nStrasse 1, 10115 Berlin\n\n+49 30 1\n\n\n\n\nrtc\n\n123456\n\n\n\n40\n0.49\n\nyes\n271828\n\n\n"
	if code, bad := run(first, "number=1 meter=99 coil=0 plugged=0 feedback=2"); code != 2 || !strings.Contains(bad,
		"no meter with the serial number") {
		t.Fatalf("exit %d: %s", code, bad)
	}
	if _, err := os.Stat(config); err == nil {
		t.Fatal("a configuration was written")
	}
	draft := content(t, config+".draft")
	if strings.Contains(draft, "123456") || strings.Contains(draft, s.Dir) || strings.Contains(draft, "number:") {
		t.Errorf("the draft has more than answers:\n%s", draft)
	}
	again := "\n\n\n\n\n\n\n\n\n\n123456\n\n\n\n\n\n\nyes\n\n\n\n"
	if code, bad := run(again, "number=5 meter=20260002 coil=1 plugged=4 feedback=6"); code != 0 {
		t.Fatalf("exit %d: %s", code, bad)
	}
	got := content(t, config)
	for _, want := range []string{"name: Parkhaus\n", `hold: "40"`, "price: 0.49", "clock: rtc",
		"technician: $argon2id", "number: 5"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is lost:\n%s", want, got)
		}
	}
	if strings.Contains(got, "number: 1\n") {
		t.Errorf("a bay of the time before is there:\n%s", got)
	}
}

// TestSetupWithAPerson who listens where contactors click and plugs in when they are asked to.
func TestSetupWithAPerson(t *testing.T) {
	t.Parallel() // it mostly waits
	s, config := newSite(t, 2)
	in, to := io.Pipe()
	answers := []struct{ prompt, answer string }{
		{"Address", "Strasse 1, 10115 Berlin"}, {"help", "+49 30 1"}, {"clock", "2"}, {"Password", "000000"},
		{"Password", "123456"},
		{"Price", "49"}, {"980.00 EUR for 20 kWh", "no"}, {"Price", "0,49"}, {"9.80 EUR for 20 kWh", "yes"},
		{"Code of the technician", "271828"},
		{"every cable free", "yes"}, {"Coil 0 closed", "7"}, {"Coil 1 closed", "7"}, {"Coil 1 closed", "3"},
		// other labels than coils; 7 is taken
		{"power of bay 3", "<"}, {"draw power when", "no"}, // the host goes back once
		{"EVSE id of bay 7", "1"}, {"EVSE id of bay 7", "DE*ABC*E7"}, {"EVSE id of bay 3", "DE*ABC*E7"},
		{"EVSE id of bay 3", "DE*ABC*E3"},
		{"tells that the vehicle asks for energy", "0"}, // which tells of the vehicle
		{"behind bay 7", "2"}, {"behind bay 3", ""},     // the meters are crossed as well
		{"power of bay 7", "22"}, // not kW
		{"Which input of bay 7 is the emergency", "3"}, {"Which input of bay 3 is the emergency", "7"},
	}
	p := &person{t: t, to: to}
	wrong := true // the first time they plug in at the other bay
	p.answer = func(prompt string) string {
		plugs := map[string]*simulator.Bay{"at bay 7": s.Bays[0], "at bay 3": s.Bays[1]}
		switch { // at bay 3 they plug in before they are asked to
		case strings.Contains(prompt, "behind bay 3"):
			s.Bays[1].Plug(simulator.Car{Power: 11000, Need: 1 << 30})
		case strings.Contains(prompt, "No input moved") && s.Bays[1].State().Plugged:
			s.Bays[1].Unplug()
		case strings.Contains(prompt, "No input moved"):
			s.Bays[1].Plug(simulator.Car{Power: 11000, Need: 1 << 30})
		}
		if strings.Contains(prompt, "Plug a vehicle") {
			for at, b := range plugs {
				if strings.Contains(prompt, at) != wrong {
					b.Plug(simulator.Car{Power: 11000, Need: 1 << 30})
				}
			}
		}
		if wrong && strings.Contains(prompt, "none: it was another bay") {
			return "none"
		}
		if strings.Contains(prompt, "power of bay 7") { // a driver comes to a bay that setup does not know yet
			s.Bays[1].Plug(simulator.Car{Power: 11000, Need: 1 << 30})
		}
		if strings.Contains(prompt, "Unplug it") || strings.Contains(prompt, "something else than a vehicle") {
			wrong = wrong && !strings.Contains(prompt, "Unplug it")
			for _, b := range plugs {
				b.Unplug()
			}
		}
		for i, a := range answers {
			if a.prompt != "" && strings.Contains(prompt, a.prompt) {
				answers[i].prompt = ""
				return a.answer
			}
		}
		return "" // what is offered
	}
	// They gave up once; what they answered is offered again.
	if code, bad := runSetup(t, strings.NewReader("Parkhaus\n"), io.Discard, lineFlags(s, config)...); code != 1 ||
		!strings.Contains(bad, "given up") {
		t.Errorf("exit %d: %s", code, bad)
	}
	if _, err := os.Stat(config); err == nil {
		t.Error("a configuration was written")
	}
	if code, bad := runSetup(t, in, p, lineFlags(s, config)...); code != 0 {
		t.Fatalf("exit %d: %s\n%s", code, bad, &p.seen)
	}
	if !strings.Contains(p.seen.String(), "Inputs [4 5] tell of something that was not there") {
		t.Errorf("setup did not notice the vehicle at the bay that was tried next:\n%s", &p.seen)
	}
	if left, err := filepath.Glob(config + ".*"); err != nil || len(left) > 0 {
		t.Errorf("%v are left (%v)", left, err)
	}
	if !strings.Contains(content(t, config), "name: Parkhaus\n") {
		t.Error("the name that they answered first is lost")
	}
	for _, want := range []string{"bay 7 has coil 0 already", "want an EVSE id such as",
		"EVSE id DE*ABC*E7 is bay 7's", "input 0 tells of a vehicle at bay 7", "Is this right?"} {
		if !strings.Contains(p.seen.String(), want) {
			t.Errorf("the host did not read %q:\n%s", want, &p.seen)
		}
	}
	proven(t, s, config)
	got := content(t, config)
	for number, want := range map[int]string{
		7: `unit: 2, model: B23, serial: "20260002"}\s+board: {address: ".*", unit: 1, coil: 0, plugged: 0,` +
			` feedback: 2, emergency: 3}`,
		3: `unit: 1, model: SDM630, serial: "20260001"}\s+board: {address: ".*", unit: 1, coil: 1, plugged: 4,` +
			` feedback: 6, emergency: 7}`,
	} {
		if !regexp.MustCompile(fmt.Sprintf(`number: %d\s+evse_id: .*\s+max_power_w: 22000\s+meter: {address: ".*",`+
			` %s`, number, want)).MatchString(got) {
			t.Errorf("bay %d is not as they said:\n%s", number, got)
		}
	}
	for _, b := range s.Bays {
		if got := b.State().Register; got != 1_000_000 && got != 1_111_111 {
			t.Errorf("a meter counted: %v", got)
		}
	}

	// A host who gives up changes nothing.
	if code, bad := runSetup(t, strings.NewReader("1 5\nNew name\n"), io.Discard, "setup", "--config",
		config); code != 1 || !strings.Contains(bad, "given up") {
		t.Errorf("exit %d: %s", code, bad)
	}
	if content(t, config) != got {
		t.Error("it was changed")
	}
}

// TestALoadProvesTheMeter: the meters are named the wrong way round, and what is plugged in tells.
func TestALoadProvesTheMeter(t *testing.T) {
	t.Parallel() // it mostly waits
	s, config := newSite(t, 2)
	in, to := io.Pipe()
	p := &person{t: t, to: to}
	answers := []struct{ prompt, answer string }{
		{"Name", "Parkhaus"}, {"Address", "Strasse 1"}, {"help", "+49 30 1"}, {"clock", "2"}, {"Password", "123456"},
		{"Price", "0.49"}, {"20 kWh", "yes"}, {"every cable free", "yes"},
		{"behind bay 1", "2"}, {"draw power when", "yes"}, {"Shall it be", "yes"}, {"draw power when", "yes"},
	}
	p.answer = func(prompt string) string {
		for i, b := range s.Bays {
			switch at := fmt.Sprintf("at bay %d", i+1); {
			case strings.Contains(prompt, "Plug a vehicle") && strings.Contains(prompt, at):
				b.Plug(simulator.Car{Power: 11000, Need: 1 << 30})
			case strings.Contains(prompt, "Unplug it"):
				b.Unplug()
			}
		}
		for i, a := range answers {
			if a.prompt != "" && strings.Contains(prompt, a.prompt) {
				answers[i].prompt = ""
				return a.answer
			}
		}
		return ""
	}
	if code, bad := runSetup(t, in, p, lineFlags(s, config)...); code != 0 {
		t.Fatalf("exit %d: %s\n%s", code, bad, &p.seen)
	}
	for _, want := range []string{"Meter 20260001 counts what bay 1 draws, and not 20260002",
		"Proven: meter 20260002 counts what bay 2 draws"} {
		if !strings.Contains(p.seen.String(), want) {
			t.Errorf("the host did not read %q:\n%s", want, &p.seen)
		}
	}
	proven(t, s, config)
	for i, b := range s.Bays {
		if b.State().Closed {
			t.Errorf("contactor %d is closed", i)
		}
	}
}
