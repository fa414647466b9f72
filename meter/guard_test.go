package meter_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/meter"
)

// scripted is a meter whose readings a test scripts; the last one stays.
type scripted struct{ readings []kiosk.Reading }

func (s *scripted) Read(context.Context) (kiosk.Reading, error) {
	r := s.readings[0]
	if len(s.readings) > 1 {
		s.readings = s.readings[1:]
	}
	return r, nil
}

var bay22 = kiosk.Register{MaxPower: 22_000, Modulus: 1_000_000_000, Step: 1}

func at(seconds float64, wh kiosk.Energy, watts kiosk.Power) kiosk.Reading {
	t0 := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	return kiosk.Reading{At: t0.Add(time.Duration(seconds * float64(time.Second))), Import: wh, Power: watts,
		Serial: "1"}
}

func other(r kiosk.Reading) kiosk.Reading { r.Serial = "2"; return r }

func code(err error) string {
	if err == nil {
		return ""
	}
	return strings.Split(err.Error(), ":")[0]
}

// TestGuard: what a meter answers one after the other, what the journal had before, and how often
// a reading is asked for. want is the outcome of the last one: a register, or a code.
func TestGuard(t *testing.T) {
	seed := at(-1, 5000, 22_000)
	night := at(-43_200, 5000, 0)
	for name, c := range map[string]struct {
		seed     *kiosk.Reading
		readings []kiosk.Reading
		reads    int
		want     string
	}{
		"first readings that agree": {nil, []kiosk.Reading{at(0, 5000, 0), at(.1, 5000, 0)}, 1, "5000"},
		"a first reading too high, once": {nil, []kiosk.Reading{at(0, 1_005_000, 0), at(.1, 5000, 0), at(.2, 5000,
			0)}, 1, "5000"},
		"a first reading of 0, once": {nil, []kiosk.Reading{at(0, 0, 0), at(.1, 5000, 0), at(.2, 5000, 0)}, 1,
			"5000"},
		"readings that never agree": {nil, []kiosk.Reading{at(0, 5000, 0), at(.1, 9000, 0), at(.2, 1000, 0),
			at(.3, 7000, 0)}, 1, "MT003"},

		"after a restart": {&seed, []kiosk.Reading{at(0, 5006, 22_000), at(.1, 5006, 22_000)},
			1, "5006"},
		"after a restart too high, once": {&seed, []kiosk.Reading{at(0, 1_005_000, 22_000), at(.1, 5006,
			22_000), at(.2, 5007, 22_000)}, 1, "5007"},
		"after a restart 20 kWh, once": {&seed, []kiosk.Reading{at(0, 25_000, 22_000), at(.1, 5006, 22_000),
			at(.2, 5007, 22_000)}, 1, "5007"},
		"after a restart 0, once": {&seed, []kiosk.Reading{at(0, 0, 22_000), at(.1, 5006, 22_000),
			at(.2, 5007, 22_000)}, 1, "5007"},
		"after a restart too high for ever": {&seed, []kiosk.Reading{at(0, 1_005_000, 0), at(.1, 1_005_000, 0),
			at(9000, 1_005_000, 0)}, 3, "MT003"},
		"after a restart lower for ever": {&seed, []kiosk.Reading{at(0, 4000, 0)}, 1, "MT002"},
		"after a restart another meter":  {&seed, []kiosk.Reading{other(at(0, 25_000, 0))}, 1, "MT004"},
		"after a night, what a night can bring": {&night, []kiosk.Reading{at(0, 25_000, 0), at(.1, 25_000, 0)}, 1,
			"25000"},
		"after a night a spike, once": {&night, []kiosk.Reading{at(0, 25_000, 0), at(.1, 5000, 0), at(.2,
			5000, 0)}, 1, "5000"},
		"after a night a spike that lasted": {&night, []kiosk.Reading{at(0, 25_000, 0), at(.1, 25_000, 0), at(1,
			25_000, 0), at(2, 5000, 0), at(2.1, 5000, 0), at(2.2, 5000, 0)}, 3, "5000"},
		"and it is no way to fall later": {&night, []kiosk.Reading{at(0, 25_000, 22_000), at(.1, 25_000,
			22_000), at(1, 25_005, 22_000), at(2, 5000, 0)}, 3, "MT002"},

		"falls": {&seed, []kiosk.Reading{at(0, 5006, 0), at(.1, 5006, 0), at(1, 5005, 0)}, 2,
			"MT002"},
		"falls once": {&seed, []kiosk.Reading{at(0, 5006, 0), at(.1, 5006, 0), at(1, 5005, 0), at(1.1,
			5006, 0)}, 2, "5006"},
		"zero": {&seed, []kiosk.Reading{at(0, 5006, 0), at(.1, 5006, 0), at(1, 0, 0)}, 2,
			"MT002"},
		"jumps": {&seed, []kiosk.Reading{at(0, 5006, 0), at(.1, 5006, 0), at(1, 9000, 0)}, 2,
			"MT003"},
		"jumps, once": {&seed, []kiosk.Reading{at(0, 5006, 0), at(.1, 5006, 0), at(1, 9000, 0), at(1.1,
			5006, 0)}, 2, "5006"},
		"jumps after a quiet night": {&night, []kiosk.Reading{at(0, 5000, 0), at(.1, 5000, 0), at(1, 9000, 0)}, 2,
			"MT003"},
		"150 Wh that no power means": {&seed, []kiosk.Reading{at(0, 5006, 22_000), at(.1, 5006, 22_000), at(1, 5162,
			22_000)}, 2, "MT003"},
		"another meter": {&seed, []kiosk.Reading{at(0, 5006, 0), at(.1, 5006, 0), other(at(1, 5006, 0))},
			2, "MT004"},
		"over its modulus": {nil, []kiosk.Reading{at(0, 999_999_990, 22_000), at(.1, 999_999_990, 22_000),
			at(3, 8, 22_000)}, 2, "8"},
		"over a modulus too early": {nil, []kiosk.Reading{at(0, 899_999_990, 22_000), at(.1, 899_999_990, 22_000),
			at(3, 8, 22_000)}, 2, "MT002"},
		"a line that was silent": {&seed, []kiosk.Reading{at(0, 5006, 22_000), at(.1, 5006, 22_000), at(60, 5372,
			22_000), at(60.1, 5372, 22_000)}, 2, "5372"},
	} {
		g := meter.NewGuard(&scripted{c.readings}, bay22, "")
		if c.seed != nil {
			g.Seed(*c.seed)
		}
		got := ""
		for range c.reads {
			r, err := g.Read(context.Background())
			got = fmt.Sprint(int64(r.Import))
			if err != nil {
				got = code(err)
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestGuardAddsUp: what one reading might hide in the steps of a register, a minute does not; and
// no rounding of an honest one adds up to a fault.
func TestGuardAddsUp(t *testing.T) {
	for name, c := range map[string]struct {
		shown, counted int64        // watts: what the meter shows, and what its register counts
		step           kiosk.Energy // of the register
		every          time.Duration
		want           string
	}{
		"full power, each second":     {22_000, 22_000, 1, time.Second, ""},
		"full power, in steps":        {22_000, 22_000, 100, time.Second, ""},
		"full power, seldom":          {22_000, 22_000, 10, 7 * time.Second, ""},
		"32 A at 253 V, a poor meter": {24_800, 24_800, 1, 250 * time.Millisecond, ""},
		"power is read 3 % low":       {22_000, 22_700, 1, time.Second, ""},
		"nothing but the station":     {0, 80, 1, time.Second, ""},
		"half as much again":          {33_000, 33_000, 1, time.Second, "MT003"},
		"half as much, in steps":      {33_000, 33_000, 100, time.Second, "MT003"},
		"thirty times":                {660_000, 660_000, 1, time.Second, "MT003"},
		"thirty times, very often":    {660_000, 660_000, 1, 50 * time.Millisecond, "MT003"},
		"half as much, a slow line":   {33_000, 33_000, 1, 20 * time.Second, "MT003"},
		"counts without power":        {0, 11_000, 1, time.Second, "MT006"},
		"counts a fifth more":         {11_000, 13_200, 1, time.Second, "MT006"},
		"counts a fifth less":         {11_000, 8_800, 1, time.Second, "MT006"},
		"stands still":                {22_000, 0, 1, time.Second, "MT006"},
		"stands still, in steps":      {22_000, 0, 100, time.Second, "MT006"},
	} {
		var readings []kiosk.Reading
		for since := time.Duration(0); since < 2*time.Hour; since += c.every {
			wh := kiosk.Energy(c.counted * since.Milliseconds() / 3_600_000)
			readings = append(readings, at(since.Seconds(), wh/c.step*c.step, kiosk.Power(c.shown)))
		}
		n := len(readings)
		g := meter.NewGuard(&scripted{readings}, kiosk.Register{MaxPower: 22_000, Step: c.step}, "")
		got := ""
		for range n {
			if _, err := g.Read(context.Background()); err != nil {
				got = code(err)
				break
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestGuardStaysDown: a register that stood still while power flowed, or ran ahead, is not believed
// again because the power is gone; a person says where it stands.
func TestGuardStaysDown(t *testing.T) {
	for name, wrong := range map[string]func(s int) kiosk.Energy{
		"stands still": func(int) kiosk.Energy { return 5000 },
		"ran ahead":    func(s int) kiosk.Energy { return 5000 + kiosk.Energy(min(s, 99))*25 },
	} {
		m := &scripted{[]kiosk.Reading{at(0, 5000, 11_000)}}
		g := meter.NewGuard(m, bay22, "")
		read := func(r kiosk.Reading) error {
			m.readings = []kiosk.Reading{r}
			_, err := g.Read(context.Background())
			return err
		}
		failed := false
		for s := range 200 {
			failed = read(at(float64(s), wrong(s), 11_000)) != nil
		}
		if !failed {
			t.Errorf("%s: was believed", name)
		}
		for s := 200; s < 90_000; s += 3 {
			if read(at(float64(s), wrong(199), 0)) == nil {
				t.Fatalf("%s: is believed after %d s without power", name, s)
			}
		}
		if err := g.Exchange(context.Background(), func(*kiosk.Reading,
			kiosk.Reading) error {
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := read(at(90_001, wrong(199), 0)); err != nil {
			t.Errorf("%s: after a person said so: %v", name, err)
		}
	}
}

// TestAnotherMeterIsBelievedOnceItIsWrittenDown: what cannot be recorded changes nothing.
func TestAnotherMeterIsBelievedOnceItIsWrittenDown(t *testing.T) {
	m := &scripted{[]kiosk.Reading{at(0, 900_000, 0)}}
	g := meter.NewGuard(m, bay22, "1")
	if _, err := g.Read(context.Background()); err != nil {
		t.Fatal(err)
	}
	m.readings = []kiosk.Reading{other(at(3600, 7, 0))}
	full := errors.New("disk is full")
	if err := g.Exchange(context.Background(), func(*kiosk.Reading,
		kiosk.Reading) error {
		return full
	}); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
	if _, err := g.Read(context.Background()); code(err) != "MT004" {
		t.Errorf("an unrecorded meter gives %v", err)
	}
	var end, start kiosk.Energy
	if err := g.Exchange(context.Background(), func(o *kiosk.Reading, n kiosk.Reading) error {
		end, start = o.Import,
			n.Import
		return nil
	}); err != nil || end != 900_000 || start != 7 {
		t.Errorf("%v from %v to %v", err, end, start)
	}
	if r, err := g.Read(context.Background()); err != nil || r.Serial != "2" {
		t.Errorf("the new meter gives %v %v", r, err)
	}
}
