package setup

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"kioskd"
	"kioskd/config"
	"kioskd/meter"
	"kioskd/modbus"
	"kioskd/simulator"
	"kioskd/terminal/zvt"
)

// look asks the units of a line who is there.
func look(t *testing.T, address string, from, to int) foundLine {
	t.Helper()
	p, _ := host("")
	out := foundLine{address: address}
	f := finder{tell: p.Progress(), password: "000000", currency: "EUR", from: from, to: to}
	if err := f.bus(t.Context(), address, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// unit is a device that answers by a function.
type unit func(pdu []byte) []byte

// Answer implements simulator.Unit.
func (u unit) Answer(pdu []byte) []byte { return u(pdu) }

// TestEachUnitIsFoundForWhatItIs: two meters of one model are told apart, boards of several sizes are counted, and
// what answers oddly hides none of them.
func TestEachUnitIsFoundForWhatItIs(t *testing.T) {
	b := func(serial uint32) *simulator.Bay { return simulator.NewBay(1000, serial, 1) }
	refuses := unit(func(pdu []byte) []byte { return []byte{pdu[0] | 0x80, 1} })
	gateway := unit(func(pdu []byte) []byte { return []byte{pdu[0] | 0x80, 11} })
	short := unit(func(pdu []byte) []byte { return []byte{pdu[0], 5, 0} })
	rejects := b(9)
	rejects.Lie(simulator.Rejects)
	whole := meterOf(t, "SDM630", b(114))
	nameless := unit(func(pdu []byte) []byte { // it says what it is, and not its serial number
		if pdu[0] == modbus.ReadHolding && pdu[1] == 0xFC && pdu[2] == 0 {
			return []byte{pdu[0] | 0x80, 4}
		}
		return whole.Answer(pdu)
	})
	address := bus(t, map[byte]simulator.Unit{1: meterOf(t, "SDM630", b(111)), 2: refuses,
		3: meterOf(t, "SDM630", b(112)), 4: short, 5: meterOf(t, "B23", b(113)), 6: &panel{coils: 8, inputs: 16},
		7: &panel{coils: 1, inputs: 2}, 8: gateway, 9: &panel{coils: 32, inputs: 32}, 10: &panel{coils: 4, inputs: 0},
		11: &panel{coils: 0, inputs: 8}, 12: meterOf(t, "SDM630", rejects), 13: nameless})
	found := look(t, address, 1, 13)
	var meters []string
	for _, m := range found.meters {
		meters = append(meters, fmt.Sprint(m.Unit, " ", m.Model, " ", m.Serial))
	}
	if want := []string{"1 SDM630 111", "3 SDM630 112", "5 B23 113"}; !slices.Equal(meters, want) {
		t.Errorf("meters %q, want %q", meters, want)
	}
	if want := []foundBoard{{6, 8, 16}, {7, 1, 2}, {9, 32, 32}}; !slices.Equal(found.boards, want) {
		t.Errorf("boards %v, want %v", found.boards, want)
	}
	w, _ := wizardOf(t, filepath.Join(t.TempDir(), "kioskd.yaml"), "", Options{})
	w.found = []foundLine{found}
	seen := map[string]bool{}
	for _, m := range w.meters() { // a host reads them in a list
		seen[m.String()] = true
		if !strings.Contains(m.String(), m.Serial) || !strings.Contains(m.String(), fmt.Sprintf("unit %d", m.Unit)) {
			t.Errorf("%q", m.String())
		}
	}
	if len(seen) != 3 || len(w.boards()) != 3 {
		t.Errorf("%d meters can be told apart, of %d boards", len(seen), len(w.boards()))
	}
}

// TestABoardIsNeverSwitchedWhileItIsLookedAt: asking who is there only reads.
func TestABoardIsNeverSwitchedWhileItIsLookedAt(t *testing.T) {
	p := &panel{coils: 8, inputs: 8}
	wrote := false
	address := bus(t, map[byte]simulator.Unit{1: unit(func(pdu []byte) []byte {
		wrote = wrote || pdu[0] == 5 || pdu[0] == 6 || pdu[0] == 15 || pdu[0] == 16
		return p.Answer(pdu)
	})})
	if found := look(t, address, 1, 1); len(found.boards) != 1 || wrote {
		t.Errorf("boards %v, written to: %v", found.boards, wrote)
	}
}

// TestAContactorIsClosedForAMoment: which inputs follow it is told, and whatever happens it is open in the end.
func TestAContactorIsClosedForAMoment(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name    string
		p       *panel
		coil    int
		plugged []int
		want    []int
		err     string
		clicks  []int
	}{
		{"one follows", &panel{wires: map[int][]int{0: {1}}}, 0, nil, []int{1}, "", []int{0}},
		{"the last coil", &panel{wires: map[int][]int{3: {7}}}, 3, nil, []int{7}, "", []int{3}},
		{"none follows", &panel{}, 1, nil, nil, "", []int{1}},
		{"two follow, in order", &panel{wires: map[int][]int{2: {5, 3}}}, 2, nil, []int{3, 5}, "", []int{2}},
		{"what is on by itself is no feedback", &panel{wires: map[int][]int{0: {1}}, on: map[int]bool{4: true}}, 0,
			[]int{0}, []int{1}, "", []int{0}},
		{"a vehicle is there", &panel{wires: map[int][]int{0: {1}}, on: map[int]bool{4: true}}, 0, []int{0, 4}, nil,
			"input 4 tells of a vehicle", nil},
		{"it is welded", &panel{wires: map[int][]int{0: {1}}, stuck: map[int]bool{0: true}}, 0, nil, nil,
			"coil 0 was told to open, and inputs [1], which came with it, stay on", []int{0}},
		{"there is no such coil", &panel{}, 4, nil, nil, "exception", nil},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel() // it mostly waits
			x.p.coils, x.p.inputs = 4, 8
			address := bus(t, map[byte]simulator.Unit{7: x.p})
			got, err := pulseAt(t.Context(), address, foundBoard{7, 4, 8}, x.coil, x.plugged)
			if !slices.Equal(got, x.want) || (err == nil) != (x.err == "") || err != nil &&
				!strings.Contains(strings.ToLower(err.Error()), x.err) {
				t.Errorf("%v, %v; want %v and %q", got, err, x.want, x.err)
			}
			closed, clicks := x.p.state()
			if len(closed) > len(x.p.stuck) || !slices.Equal(clicks, x.clicks) {
				t.Errorf("closed are %v, and %v were; want %v", closed, clicks, x.clicks)
			}
		})
	}
}

// TestAnInterruptOpensTheContactor: the host gives up at the moment at which it closes.
func TestAnInterruptOpensTheContactor(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := &panel{coils: 4, inputs: 8, wires: map[int][]int{0: {1}}, moved: func(int) { cancel() }}
	address := bus(t, map[byte]simulator.Unit{7: p})
	if _, err := pulseAt(ctx, address, foundBoard{7, 4, 8}, 0, nil); err == nil {
		t.Error("an interrupt is no error")
	}
	if closed, clicks := p.state(); len(closed) > 0 || !slices.Equal(clicks, []int{0}) {
		t.Errorf("closed are %v, and %v were", closed, clicks)
	}
}

// TestALoadTellsWhichMeterCounts, among several of one model, and opens the contactor: also where none does, where two
// do, and where one counted before.
func TestALoadTellsWhichMeterCounts(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name  string
		loads []int // of the meters that count when the contactor closes
		first int   // that counts before it, -1 for none
		typed string
		at    int
		err   string
		read  string
	}{
		{"the one that was named", []int{1}, -1, "yes\n", 1, "", "Proven: meter 202 counts"},
		{"another one, and it is taken", []int{2}, -1, "yes\nyes\n", 2, "",
			"Meter 203 counts what bay 5 draws, and not 202"},
		{"another one, and it is not taken", []int{2}, -1, "yes\nno\n", 1, "nothing was changed", ""},
		{"two", []int{0, 1}, -1, "yes\n", 1, "2 meters count", ""},
		{"one that counts already", nil, 0, "yes\n", 1, "meter 201 counts already", ""},
		{"no load", nil, -1, "no\n", 1, "", ""},
		{"a contactor that is welded then", []int{1}, -1, "yes\n", 1, "is it welded?", ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel() // it mostly waits
			var bays []*simulator.Bay
			units := map[byte]simulator.Unit{}
			for i := range 3 {
				b := simulator.NewBay(1000, uint32(201+i), 1)
				b.Plug(simulator.Car{Power: 11000, Need: 1 << 30})
				b.Switch(i == x.first)
				bays = append(bays, b)
				units[byte(i+1)] = meterOf(t, "SDM630", b)
			}
			welded := x.err == "is it welded?"
			p := &panel{coils: 4, inputs: 8, wires: map[int][]int{2: {3}}, stuck: map[int]bool{2: welded}}
			p.moved = func(int) {
				for _, i := range x.loads {
					bays[i].Switch(true)
				}
			}
			units[9] = p
			address := bus(t, units)
			w, read := wizardOf(t, filepath.Join(t.TempDir(), "kioskd.yaml"), x.typed, Options{})
			w.found = []foundLine{look(t, address, 1, 3)}
			b := &plan{number: 5, boardAt: address, board: foundBoard{9, 4, 8}, coil: 2, feedback: 3}
			left := w.meters()
			at := 1
			b.meter, b.meterAt = left[1].Found, address
			err := w.proveLoad(t.Context(), b, &at, left)
			if at != x.at || b.meter.Serial != left[x.at].Serial || (err == nil) != (x.err == "") ||
				err != nil && !strings.Contains(err.Error(), x.err) || !strings.Contains(read.String(), x.read) {
				t.Errorf("meter %s, %v\n%s", b.meter.Serial, err, read)
			}
			closed, clicks := p.state()
			if len(closed) > 0 != welded || len(clicks) > 1 || len(clicks) == 1 && clicks[0] != 2 || x.first >= 0 &&
				len(clicks) > 0 {
				t.Errorf("closed are %v, and %v were", closed, clicks)
			}
		})
	}
}

// terminalAt puts a card terminal on a line.
func terminalAt(t *testing.T, password string, currency kiosk.Currency) string {
	t.Helper()
	bank, err := simulator.OpenBank(filepath.Join(t.TempDir(), "bank.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	terminal := simulator.NewTerminal(bank, currency, quiet())
	terminal.WantPassword(password)
	l, err := simulator.Listen("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() {
		served <- l.Serve(t.Context(), tills(terminal))
	}()
	t.Cleanup(func() { l.Close(); <-served; bank.Close() })
	return l.Address
}

// TestATerminalIsAskedForItsPasswordAgain until it takes one or is left out. No password is read on the screen.
func TestATerminalIsAskedForItsPasswordAgain(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name, typed, password string
		there, refused        bool
		unattended            bool
	}{
		{"the first one", "", "000000", true, false, false},
		{"the second one", "22\n\t424242\n", "424242", true, false, false},
		{"it is left out", "22\n\n", "424242", false, true, false},
		{"no person is there", "", "424242", false, true, true},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel() // it mostly waits
			address := terminalAt(t, x.password, "EUR")
			w, read := wizardOf(t, filepath.Join(t.TempDir(), "kioskd.yaml"), x.typed, Options{Yes: x.unattended})
			f := finder{tell: w.Progress(), password: "000000", currency: "EUR", from: 1, to: 1}
			l := foundLine{address: address}
			if ok, err := f.card(t.Context(), address, true, &l); !ok || err != nil {
				t.Fatal(ok, err)
			}
			if err := w.rightPassword(t.Context(), f, &l); err != nil {
				t.Fatal(err)
			}
			if (l.terminal != nil) != x.there || errors.Is(l.refused, zvt.ErrPassword) != x.refused ||
				x.there && l.password != x.password {
				t.Errorf("%+v\n%s", l, read)
			}
			if strings.Contains(read.String(), "424242") {
				t.Errorf("a password is read:\n%s", read)
			}
		})
	}
	t.Run("one of another currency", func(t *testing.T) {
		t.Parallel()
		p, _ := host("")
		f := finder{tell: p.Progress(), password: "000000", currency: "CHF", from: 1, to: 1}
		var l foundLine
		if ok, err := f.card(t.Context(), terminalAt(t, "000000", "EUR"), true, &l); !ok || err != nil ||
			l.refused == nil || l.terminal != nil {
			t.Errorf("%v, %v, %v", ok, err, l.refused)
		}
	})
}

// randomPlan is a bay of any kind that can be.
func randomPlan(dice *rand.Rand, number int) plan {
	b := plan{number: number, max: config.LeastPower + dice.IntN(100_000), requesting: -1, emergency: -1,
		meterAt: "serial:///dev/kioskd/bus1?baud=9600", meter: meter.Found{Unit: 1 + number, Model: []string{"SDM630",
			"B23"}[dice.IntN(2)], Serial: fmt.Sprintf("%08d", dice.IntN(1_000)*1000+number)}}
	if dice.IntN(2) == 0 {
		b.evse = fmt.Sprintf("DE*ABC*E%03d", number)
	}
	if dice.IntN(2) == 0 {
		b.gpio = map[string]string{}
		for i, name := range []string{"contactor", "plugged", "feedback", "requesting", "emergency"} {
			if i < 3 || dice.IntN(2) == 0 {
				b.gpio[name] = fmt.Sprintf("GPIO%d", 5*number+i)
			}
		}
		b.activeLow = dice.IntN(2) == 0
		return b
	}
	b.boardAt, b.board = "rtu+tcp://board.example:4001", foundBoard{100 + dice.IntN(100), 1 << 16, 2000}
	b.coil, b.plugged, b.feedback = dice.IntN(65536), 4*number, 4*number+1
	if dice.IntN(2) == 0 {
		b.requesting = 4*number + 2
	}
	if dice.IntN(2) == 0 {
		b.emergency = 4*number + 3
	}
	return b
}

// TestABayIsReadAsItWasWritten: whatever the plan, the daemon reads it as setup meant it; the other bays and comments
// of the file stay, and all are in the order of their numbers.
func TestABayIsReadAsItWasWritten(t *testing.T) {
	for seed := range uint64(60) {
		dice := rand.New(rand.NewPCG(seed, 3))
		w, _ := wizardOf(t, placed(t, owned), "", Options{})
		var plans []plan
		for _, n := range dice.Perm(6)[:1+dice.IntN(3)] {
			plans = append(plans, randomPlan(dice, n+4))
		}
		if err := w.writeBays(plans); err != nil {
			t.Fatal(err)
		}
		text, err := w.file.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		head := owned[:strings.Index(owned, "# end of it")]
		if !strings.HasPrefix(string(text), head) {
			t.Fatalf("seed %d: the rest is not as it was:\n%s", seed, text)
		}
		c, err := config.Read(placed(t, string(text)))
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		slices.SortFunc(plans, func(a, b plan) int { return a.number - b.number })
		for i, b := range plans {
			got, want := c.Bays[2+i], b.config()
			if got.Model.Name != b.meter.Model {
				t.Errorf("seed %d: model %s, want %s", seed, got.Model.Name, b.meter.Model)
			}
			got.Model = nil
			if b.gpio != nil { // a board's numbers mean nothing
				got.Requesting, got.Emergency, want.Requesting, want.Emergency = 0, 0, 0, 0
			} else {
				got.GPIO = nil
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("seed %d: read\n%+v\nwant\n%+v", seed, got, want)
			}
		}
	}
	w, _ := wizardOf(t, placed(t, owned), "", Options{})
	again := randomPlan(rand.New(rand.NewPCG(1, 1)), 3)
	if err := w.writeBays([]plan{again}); err != nil {
		t.Fatal(err)
	}
	if list := w.file.At("bays"); len(list.Content) != 2 || config.Child(list.Content[1], "number").Value != "3" ||
		config.Child(config.Child(list.Content[1], "meter"), "serial").Value != again.meter.Serial {
		t.Error("a bay that is named again is not in the place of its old one")
	}
}

// TestWordsOfABay: what --bay can say, and what is told of each that it cannot.
func TestWordsOfABay(t *testing.T) {
	for text, want := range map[string]plan{
		"number=1 meter=7 coil=0 plugged=0 feedback=1": {number: 1, max: 22000, coil: 0, plugged: 0, feedback: 1,
			requesting: -1,
			emergency:  -1},
		" feedback=9   coil=3 number=999 plugged=8 meter=7 max=11000 requesting=10 emergency=0 evse=DE*ABC*E1 ": {
			number: 999, max: 11000, coil: 3, plugged: 8, feedback: 9, requesting: 10, emergency: 0, evse: "DE*ABC*E1"},
		"number=2 meter=7 contactor=GPIO17 plugged=GPIO27 feedback=GPIO22 active_low=true": {number: 2, max: 22000,
			coil:    -1,
			plugged: -1, feedback: -1, requesting: -1, emergency: -1, activeLow: true,
			gpio: map[string]string{"contactor": "GPIO17", "plugged": "GPIO27", "feedback": "GPIO22"}},
	} {
		b, serial, _, err := parsePlan(text)
		if err != nil || serial != "7" || !reflect.DeepEqual(b, want) {
			t.Errorf("%s: %+v, %q, %v", text, b, serial, err)
		}
	}
	for text, want := range map[string]string{
		"": "number and meter are needed", "number=1": "number and meter are needed",
		"meter=7 coil=0": "number and meter",
		"number=0 meter=7 coil=0 plugged=0 feedback=1": "number", "number=one meter=7": `"one" is not a number`,
		"number=-1 meter=7": `"-1" is not a number`, "number=1 meter=": "want NAME=VALUE",
		"number 1":                          "want NAME=VALUE",
		"number=1 meter=7 coil=0 plugged=0": "coil, plugged and feedback",
		"number=1 meter=7 coil=0 plugged=0 feedback=1 max=22":                "22 kW are 22000",
		"number=1 meter=7 coil=0 plugged=0 feedback=1 max=22kW":              `"22kW"`,
		"number=1 meter=7 coil=0 plugged=0 feedback=1 colour=red":            `unknown "colour"`,
		"number=1 meter=7 coil=0 plugged=0 feedback=1 active_low=true":       `unknown "active_low"`,
		"number=1 meter=7 contactor=GPIO1 plugged=GPIO2":                     "names of GPIO lines",
		"number=1 meter=7 contactor=A plugged=B feedback=C active_low=1":     "want true or false",
		"number=1 meter=7 coil=0 plugged=0 feedback=1 requesting=GPIO5":      `"GPIO5" is not a number`,
		"number=1 meter=7 coil=0 plugged=0 feedback=99999999999999999999999": "is not a number",
	} {
		if _, _, _, err := parsePlan(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestWhatASetupMayNotMix: of several boards one is named, a serial number that two meters have names none of them.
func TestWhatASetupMayNotMix(t *testing.T) {
	w, _ := wizardOf(t, filepath.Join(t.TempDir(), "kioskd.yaml"), "", Options{})
	m := func(unit int, serial string) meter.Found {
		return meter.Found{Unit: unit, Vendor: "E", Model: "SDM630", Serial: serial}
	}
	w.found = []foundLine{{address: "tcp://a:1", meters: []meter.Found{m(1, "7"), m(2, "8")}, boards: []foundBoard{{4,
		8, 8}}},
		{address: "tcp://b:1", meters: []meter.Found{m(1, "8"), m(2, "9")}, boards: []foundBoard{{5, 2, 8}}}}
	bay := "number=1 plugged=0 feedback=1 "
	for text, want := range map[string]string{"coil=1 meter=7": "several boards: say which with board=UNIT",
		"coil=1 meter=8 board=4": "two meters have the serial number 8",
		"coil=1 meter=6 board=4": "there are 7, 8, 8, 9",
		"coil=1 meter=7 board=6": "no board answers", "meter=9 board=5 coil=2": "0 to 1"} {
		if _, err := w.planOfFlag(bay + text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	b, err := w.planOfFlag(bay + "coil=1 meter=9 board=4")
	if err != nil || b.meterAt != "tcp://b:1" || b.meter.Unit != 2 || b.boardAt != "tcp://a:1" || b.board.unit != 4 {
		t.Errorf("%+v, %v", b, err)
	}
}

// TestABayThatIsNamedAgainKeepsItsComment, which is the host's and not the bay's.
func TestABayThatIsNamedAgainKeepsItsComment(t *testing.T) {
	w, _ := wizardOf(t, placed(t, owned), "", Options{})
	if err := w.writeBays([]plan{randomPlan(rand.New(rand.NewPCG(1, 1)), 3)}); err != nil {
		t.Fatal(err)
	}
	text, err := w.file.Bytes()
	if err != nil || !strings.Contains(string(text), "# behind the house\n") {
		t.Errorf("%v:\n%s", err, text)
	}
}

// TestABayIsJudgedAgainstThoseThatStay: an EVSE id of a bay that the file has already is no other bay's.
func TestABayIsJudgedAgainstThoseThatStay(t *testing.T) {
	w, _ := wizardOf(t, placed(t, owned), "", Options{})
	b := randomPlan(rand.New(rand.NewPCG(1, 1)), 4)
	b.evse = "DE*ABC*E001" // bay 1's
	err := w.writeBays([]plan{b})
	if err == nil {
		_, err = w.file.Try()
	}
	if err == nil {
		t.Error("two bays have one EVSE id")
	}
}

// TestOneInputHasOneMeaning: by flags as by hand, where the emergency stop's may be no other input of its bay.
func TestOneInputHasOneMeaning(t *testing.T) {
	w, _ := wizardOf(t, placed(t, owned), "", Options{})
	for i, set := range []func(*plan){func(b *plan) { b.emergency = b.plugged },
		func(b *plan) { b.emergency = b.feedback },
		func(b *plan) { b.requesting = b.plugged }} {
		b := plan{number: 5 + i, max: 22000, requesting: -1, emergency: -1, meterAt: "tcp://a:1", boardAt: "tcp://b:1",
			board: foundBoard{9, 8, 8}, coil: 1, plugged: 2, feedback: 3}
		b.meter.Unit, b.meter.Model, b.meter.Serial = 1, "SDM630", fmt.Sprint(i)
		set(&b)
		f, err := config.OpenFile(placed(t, owned))
		if err != nil {
			t.Fatal(err)
		}
		w.file = f
		err = b.conflict(nil)
		if err == nil {
			err = w.writeBays([]plan{b})
		}
		if err == nil {
			_, err = w.file.Try()
		}
		if err == nil {
			t.Errorf("plan %+v is taken", b)
		}
	}
}

// meterOf is a bay's meter of a model.
func meterOf(t *testing.T, name string, bay *simulator.Bay) simulator.Unit {
	t.Helper()
	m, err := simulator.MeterByName(name, bay)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
