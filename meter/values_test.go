package meter_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/meter"
	"kioskd/meter/model"
	"kioskd/modbus"
)

// asked is a model with one value in registers 10 to 13, and its power in 20; extra is what its vector reads besides.
func asked(t *testing.T, value, extra string) *model.Model {
	t.Helper()
	text := `
vendor: Example
model: One
phases: 3
version: "1"
sources: [a table, a display]
line: {baud: [9600]}
step_wh: 1
function: 4
identity: [{function: 3, address: 1, type: uint16, is: [7]}]
serial: {function: 3, address: 2, type: uint32}
canary: {function: 3, address: 4, count: 5}
ranges: [{address: 10, count: 11}]
values:
  power: {address: 20, type: int16, unit: W}
  ` + value + `
vectors:
- from: nowhere
  registers: {3: {1: "0007 0000 1267"}, 4: {10: "0000 0000 0000 0000", 20: "0000"}}
  reading: {serial: "4711", energy_import_wh: 0, power_w: 0` + extra + "}\n"
	m, err := model.Parse("one.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// once is the first reading of a meter with such registers.
func once(t *testing.T, model *model.Model, known map[uint16][]uint16) (r kiosk.Reading, err error) {
	synctest.Test(t, func(t *testing.T) {
		bus := answering(t, func(request []byte) []byte { return registers(request, known) })
		r, err = meter.New(bus, 1, model).Read(t.Context())
		bus.Close()
	})
	return r, err
}

// TestValuesToTheLetter: bytes most significant first, signs, floats (IEEE 754), and one rounding, half up.
func TestValuesToTheLetter(t *testing.T) {
	bits := func(f float32) []uint16 { b := math.Float32bits(f); return []uint16{uint16(b >> 16), uint16(b), 0, 0} }
	for _, c := range []struct {
		value string // type and unit
		words []uint16
		want  int64
		why   string // a part of the error; empty for none
	}{
		{"type: uint16, unit: Wh", []uint16{0xFFFF, 0, 0, 0}, 65535, ""},
		{"type: uint16, unit: Wh, absent: [0xFFFF]", []uint16{0xFFFF, 0, 0, 0}, 0, "energy_import: is not available"},
		{"type: uint16, unit: Wh, absent: [0xFFFF]", []uint16{0xFFFE, 0, 0, 0}, 65534, ""},
		{"type: uint32, unit: Wh", []uint16{0x0001, 0x0002, 9, 9}, 65538, ""},
		{"type: uint32, unit: Wh, absent: [0xFFFFFFFF]", []uint16{0xFFFF, 0xFFFF, 0, 0}, 0, "not available"},
		{"type: uint64, unit: 1 Wh", []uint16{0, 1, 0, 2}, 4294967298, ""},
		{"type: uint64, unit: 1 Wh", []uint16{0x8000, 0, 0, 0}, 0, "out of range"},
		{"type: int16, unit: Wh", []uint16{0x7FFF, 0, 0, 0}, 32767, ""},
		{"type: int16, unit: Wh, absent: [0x7FFF]", []uint16{0x7FFF, 0, 0, 0}, 0, "not available"},
		{"type: int16, unit: Wh, absent: [0x7FFF]", []uint16{0x7FFE, 0, 0, 0}, 32766, ""},
		{"type: int16, unit: Wh", []uint16{0x8000, 0, 0, 0}, 0, "import register is -32768 Wh"},
		{"type: int32, unit: Wh", []uint16{0x7FFF, 0xFFFF, 0, 0}, math.MaxInt32, ""},
		{"type: int32, unit: Wh, absent: [{from: 0x7FFF0000, to: 0x7FFFFFFF}]", []uint16{0x7FFF, 0x1234, 0, 0}, 0,
			"not available"},
		{"type: int32, unit: Wh, absent: [{from: 0x7FFF0000, to: 0x7FFFFFFF}]", []uint16{0x7FFE, 0xFFFF, 0, 0},
			0x7FFEFFFF, ""},
		{"type: int32, unit: Wh", []uint16{0xFFFF, 0xFFFF, 0, 0}, 0, "import register is -1 Wh"},
		{"type: float32, unit: kWh", bits(1234.5), 1234500, ""},
		{"type: float32, unit: Wh", bits(2.5), 3, ""},
		{"type: float32, unit: Wh", bits(2.4375), 2, ""},
		{"type: float32, unit: Wh", bits(-0.5), 0, ""},
		{"type: float32, unit: Wh", bits(-0.75), 0, "import register is -1 Wh"},
		{"type: float32, unit: Wh", bits(float32(math.NaN())), 0, "energy_import: is not a number"},
		{"type: float32, unit: Wh", bits(float32(math.Inf(1))), 0, "energy_import: is not a number"},
		{"type: uint16, unit: 0.25 Wh", []uint16{10, 0, 0, 0}, 3, ""},
	} {
		one := asked(t, "energy_import: {address: 10, "+c.value+"}", "")
		r, err := once(t, one,
			map[uint16][]uint16{1: {7}, 2: {0, 4711}, 4: make([]uint16, 5), 10: run(c.words, 0xFF00), 20: {0xFF00}})
		switch {
		case c.why != "" && (err == nil || !strings.Contains(err.Error(), c.why)):
			t.Errorf("%s of %04X: %v, want %q", c.value, c.words, err, c.why)
		case c.why == "" && (err != nil || int64(r.Import) != c.want || r.Power != -256 || r.Serial != "4711"):
			t.Errorf("%s of %04X: %+v, %v, want %d", c.value, c.words, r, err, c.want)
		}
	}
}

// run is registers 10 to 20, the last of which is the power.
func run(words []uint16, power uint16) []uint16 {
	out := make([]uint16, 11)
	copy(out, words)
	out[10] = power
	return out
}

// TestOtherValues have places of their own, and what is not available is left out.
func TestOtherValues(t *testing.T) {
	const volt, ampere = ", voltage_v: [0]", ", current_a: [0]"
	for value, c := range map[string]struct {
		extra            string
		mains            int64
		voltage, current []int64
	}{
		"frequency: {address: 11, type: uint16, unit: 0.01 Hz}":                   {", frequency_hz: 0", 160, nil, nil},
		"frequency: {address: 12, type: uint16, unit: 0.01 Hz, absent: [0xFFFF]}": {"", 0, nil, nil},
		"voltage_l1: {address: 11, type: uint16, unit: 0.1 V}":                    {volt, 0, []int64{1600}, nil},
		"current_l1: {address: 11, type: uint16, unit: 0.01 A}":                   {ampere, 0, nil, []int64{160}},
		"current_l1: {address: 12, type: uint16, unit: 0.01 A, absent: [0xFFFF]}": {ampere, 0, nil, nil},
		"current_l1: {address: 12, type: uint16, unit: 0.01 A, optional: true}":   {ampere, 0, nil, []int64{655_350}},
	} {
		one := asked(t, "energy_import: {address: 10, type: uint16, unit: Wh}\n  "+value, c.extra)
		r, err := once(t, one, map[uint16][]uint16{1: {7}, 2: {0, 1}, 4: make([]uint16, 5),
			10: run([]uint16{50, 16, 0xFFFF}, 0), 11: {16, 0xFFFF}, 12: {0xFFFF}, 20: {0}})
		if err != nil || r.Mains != c.mains || !slices.Equal(r.Voltage, c.voltage) || !slices.Equal(r.Current,
			c.current) {
			t.Errorf("%s: %+v, %v", value, r, err)
		}
	}
}

// TestAnotherMakeIsToldSo: the register that tells it, and what it holds; it is asked again at the next reading.
func TestAnotherMakeIsToldSo(t *testing.T) {
	identity := uint16(8)
	bus := answering(t, func(r []byte) []byte {
		return registers(r, map[uint16][]uint16{1: {identity}, 2: {0, 1}, 4: make([]uint16, 5), 10: make([]uint16, 11),
			20: {0}})
	})
	m := meter.New(bus, 9, asked(t, "energy_import: {address: 10, type: uint16, unit: Wh}", ""))
	_, err := m.Read(t.Context())
	if err == nil || !strings.Contains(err.Error(),
		"unit 9 is no Example One: identity register 0001 holds [0008]") {
		t.Errorf("%v", err)
	}
	identity = 7
	if _, err := m.Read(t.Context()); err != nil {
		t.Errorf("the right one in its place: %v", err)
	}
}

// TestHowOftenAMeterIsAskedWhoItIs: at first, every half a minute, after a failure, and where a driver waits.
func TestHowOftenAMeterIsAskedWhoItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		serials, broken := 0, false
		bus := answering(t, func(r []byte) []byte {
			known := map[uint16][]uint16{1: {7}, 2: {0, 1}, 4: make([]uint16, 5), 10: make([]uint16, 11), 20: {0}}
			switch r[3] {
			case 2:
				serials++
			case 10:
				if broken {
					return modbus.AppendCRC([]byte{r[0], r[1] | 0x80, 4})
				}
			}
			return registers(r, known)
		})
		m := meter.New(bus, 1, asked(t, "energy_import: {address: 10, type: uint16, unit: Wh}", ""))
		read := func(name string, good, named bool, want int) {
			t.Helper()
			r, err := m.Read(t.Context())
			if (err == nil) != good || r.Named != named || serials != want {
				t.Errorf("%s: named %v, %v; asked %d times, want %d", name, r.Named, err, serials, want)
			}
		}
		read("at first", true, true, 1)
		read("at once again", true, false, 1)
		time.Sleep(29 * time.Second)
		read("within half a minute", true, false, 1)
		time.Sleep(2 * time.Second)
		read("after half a minute", true, true, 2)
		m.Renew()
		read("where a driver waits", true, true, 3)
		broken = true
		read("with a failure", false, false, 3)
		broken = false
		read("after a failure", true, true, 4)
		bus.Close()
	})
}

// TestADriverIsReadFirst: for ten seconds a renewed meter's readings go before what others wait for.
func TestADriverIsReadFirst(t *testing.T) {
	for wait, first := range map[time.Duration]bool{9 * time.Second: true, 11 * time.Second: false} {
		synctest.Test(t, func(t *testing.T) {
			var order []byte
			bus := answering(t, func(r []byte) []byte {
				time.Sleep(50 * time.Millisecond)
				order = append(order, r[0])
				return registers(r, map[uint16][]uint16{1: {7}, 2: {0, 1}, 4: make([]uint16, 5), 10: make([]uint16,
					11), 20: {0}})
			})
			m := meter.New(bus, 2, asked(t, "energy_import: {address: 10, type: uint16, unit: Wh}", ""))
			if _, err := m.Read(t.Context()); err != nil {
				t.Fatal(err)
			}
			m.Renew()
			if _, err := m.Read(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(wait)
			order = nil
			done := make(chan struct{}, 3)
			other := func(unit byte) {
				bus.Registers(t.Context(), modbus.Request{Unit: unit, Function: 4, Address: 20, Count: 1,
					Within: 400 * time.Millisecond})
				done <- struct{}{}
			}
			go other(8)
			time.Sleep(time.Millisecond)
			go other(9)
			time.Sleep(time.Millisecond)
			go func() { m.Read(t.Context()); done <- struct{}{} }() // in time or not
			for range 3 {
				<-done
			}
			if got := slices.Index(order, 2) < slices.Index(order, 9); got != first {
				t.Errorf("%v after it was renewed units were asked in the order %v", wait, order)
			}
			bus.Close()
		})
	}
}

// TestGuardKnowsItsMeter: it names faults by their code, lets its meter prove itself, and is told what was known.
func TestGuardKnowsItsMeter(t *testing.T) {
	m := &renewing{scripted: scripted{[]kiosk.Reading{at(0, 5000, 0)}}}
	g := meter.NewGuard(m, bay22, "1")
	if g.Serial() != "1" {
		t.Errorf("pinned is %q", g.Serial())
	}
	g.Renew()
	if m.renewed != 1 {
		t.Errorf("renewed %d times", m.renewed)
	}
	g.Seed(other(at(-1, 900_000, 0))) // of another meter: it says nothing
	if r, err := g.Read(context.Background()); err != nil || r.Import != 5000 {
		t.Errorf("%v, %v", r, err)
	}
	g.Pin("2")
	_, err := g.Read(context.Background())
	var fault *meter.Fault
	if !errors.As(err, &fault) || fault.FaultCode() != "MT004" || !strings.Contains(err.Error(),
		"serial number 1, want 2") {
		t.Errorf("a meter that is not the pinned one: %v", err)
	}
	kiosk.Renew(&scripted{}) // a meter that cannot
}

// renewing counts how often it must prove which one it is.
type renewing struct {
	scripted
	renewed int
}

func (r *renewing) Renew() { r.renewed++ }

// failing answers with errors, and then as scripted.
type failing struct {
	scripted
	errs []error
}

func (f *failing) Read(ctx context.Context) (kiosk.Reading, error) {
	if len(f.errs) > 0 {
		err := f.errs[0]
		f.errs = f.errs[1:]
		if err != nil {
			return kiosk.Reading{}, err
		}
	}
	return f.scripted.Read(ctx)
}

// TestAMeterIsExchangedOnlyWhereTwoReadingsAgree: what was known of the one before is handed over with it.
func TestAMeterIsExchangedOnlyWhereTwoReadingsAgree(t *testing.T) {
	broken := errors.New("no answer")
	for name, c := range map[string]struct {
		pinned   string
		errs     []error
		readings []kiosk.Reading
		want     string
	}{
		"none was expected":       {"", nil, []kiosk.Reading{at(0, 7, 0)}, "from nothing to 7 of 1"},
		"one that never answered": {"9", nil, []kiosk.Reading{at(0, 7, 0)}, "from 0 of 9 to 7 of 1"},
		"the first is odd": {"", nil, []kiosk.Reading{at(0, 70_000, 0), at(.1, 7, 0), at(.2, 7, 0)},
			"from nothing to 7 of 1"},
		"the second is another one's": {"", nil, []kiosk.Reading{other(at(0, 7, 0)), at(.1, 7, 0)},
			"from nothing to 7 of 1"},
		"it does not answer":       {"", []error{broken}, []kiosk.Reading{at(0, 7, 0)}, "no answer"},
		"it does not answer twice": {"", []error{nil, broken}, []kiosk.Reading{at(0, 7, 0)}, "no answer"},
		"it never stands still": {"", nil, []kiosk.Reading{at(0, 7, 0), at(.1, 9000, 0), at(.2, 7, 0), at(.3, 9000,
			0), at(.4, 7, 0),
			at(.5, 9000, 0)}, "MT003: register does not stand still at 0.007 kWh"},
	} {
		g := meter.NewGuard(&failing{scripted{c.readings}, c.errs}, bay22, c.pinned)
		got := ""
		err := g.Exchange(context.Background(), func(old *kiosk.Reading, now kiosk.Reading) error {
			got = fmt.Sprintf("from nothing to %d of %s", now.Import, now.Serial)
			if old != nil {
				got = fmt.Sprintf("from %d of %s to %d of %s", old.Import, old.Serial, now.Import, now.Serial)
			}
			return nil
		})
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// steadily is a register that rises each second by so much.
func steadily(seconds int, wh kiosk.Energy, watts kiosk.Power) (out []kiosk.Reading) {
	for s := 1; s <= seconds; s++ {
		out = append(out, at(float64(s), 5000+wh*kiosk.Energy(s), watts))
	}
	return out
}

// TestAFaultSaysWhatCannotBe, and the numbers that tell.
func TestAFaultSaysWhatCannotBe(t *testing.T) {
	for _, c := range []struct {
		readings []kiosk.Reading
		want     string
	}{
		{[]kiosk.Reading{at(1, 5000, 0)}, ""},
		{[]kiosk.Reading{at(1, 4999, 0)}, "MT002: register fell from 5.000 kWh to 4.999 kWh"},
		{[]kiosk.Reading{at(1, 9000, 0)}, "MT003: register rose by 4.000 kWh in 1s, at most"},
		{steadily(120, 9, 30_000), "MT003: 30000 W flow, at most 27500 W are possible"},
		{[]kiosk.Reading{at(4, 5090, 0)},
			"MT006: register rose by 0.090 kWh in 4s, which the measured power does not explain"},
	} {
		m := &scripted{[]kiosk.Reading{at(0, 5000, 0)}}
		g := meter.NewGuard(m, bay22, "1")
		if _, err := g.Read(context.Background()); err != nil {
			t.Fatal(err)
		}
		var err error
		for _, r := range c.readings {
			m.readings = []kiosk.Reading{r}
			_, err = g.Read(context.Background())
			if err != nil {
				break
			}
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// TestAScanOfALineThatIsBroken ends with why; what was found before it is told.
func TestAScanOfALineThatIsBroken(t *testing.T) {
	models, err := model.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		sdm := map[uint16][]uint16{0xFC02: {0x0070}, 0xFC00: {0x0135, 0x2B5A, 0x0070}, 0x46: {0x4248, 0, 0, 0}}
		bus := answering(t, func(r []byte) []byte {
			asked++
			if r[0] == 1 {
				return registers(r, sdm)
			}
			return nil
		})
		var found []meter.Found
		ctx, cancel := context.WithCancel(t.Context())
		err := meter.Scan(ctx, bus, 1, 5, models, func(int) {}, none,
			func(f meter.Found) { found = append(found, f); cancel() })
		if !errors.Is(err, context.Canceled) || len(found) != 1 || found[0].Model != "SDM630" {
			t.Errorf("%+v, %v", found, err)
		}
		bus.Close()
	})
}

// TestAScanAsksItsUnitsAndNoOther: the first, the last, and those between.
func TestAScanAsksItsUnitsAndNoOther(t *testing.T) {
	models, err := model.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		asked := map[byte]bool{}
		sdm := map[uint16][]uint16{0xFC02: {0x0070}, 0xFC00: {0x0135, 0x2B5A, 0x0070}, 0x46: {0x4248, 0, 0, 0}}
		bus := answering(t, func(r []byte) []byte {
			asked[r[0]] = true
			return registers(r, sdm)
		})
		var found []int
		if err := meter.Scan(t.Context(), bus, 3, 5, models, func(int) {}, none,
			func(f meter.Found) { found = append(found, f.Unit) }); err != nil {
			t.Error(err)
		}
		bus.Close()
		synctest.Wait()
		if want := []int{3, 4, 5}; !slices.Equal(found, want) || len(asked) != len(want) {
			t.Errorf("found %v, asked %v, want %v", found, asked, want)
		}
	})
}
