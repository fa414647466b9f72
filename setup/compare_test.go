package setup

import (
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"kioskd"
	"kioskd/meter"
	"kioskd/simulator"
)

// TestAPersonTellsAMeter: a meter that no register tells, and one of which not all is known for sure, are meters of the
// site once a person named the model and read the display aright; else they are left out, and why is said.
func TestAPersonTellsAMeter(t *testing.T) {
	b := func(register kiosk.Energy, serial uint32) *simulator.Bay {
		return simulator.NewBay(register, serial, 1)
	}
	address := bus(t, map[byte]simulator.Unit{1: meterOf(t, "OR-WE-516", b(1_234_560, 4711)),
		2: meterOf(t, "WM3M4C", b(2_000_000, 4712)), 3: meterOf(t, "SDM630", b(1000, 4713))})
	for name, c := range map[string]struct {
		answers    string
		unattended bool
		want       string // meters
		says       string
	}{
		"both are right":      {"1\n1234,56\n1\n2000.0\n", false, "3 SDM630;1 OR-WE-516;2 WM3M4C", ""},
		"another display":     {"1\n1235.9\n\n1\n2000.0\n", false, "3 SDM630;2 WM3M4C", "the display shows 1235.9 kWh"},
		"once wrong":          {"1\n12345.6\n1234.56\n2\n", false, "3 SDM630;1 OR-WE-516", "by a factor of 10"},
		"no number":           {"1\nmuch\n1234.5\n2\n", false, "3 SDM630;1 OR-WE-516", `display "much"`},
		"neither":             {"2\n2\n", false, "3 SDM630", ""},
		"nobody is there":     {"", true, "3 SDM630", "unit 1 at " + address + " may be ORNO OR-WE-516"},
		"and says of another": {"", true, "3 SDM630", "unit 2 at " + address + " may be Iskra WM3M4C"},
	} {
		found := look(t, address, 1, 3)
		w, out := wizardOf(t, filepath.Join(t.TempDir(), "kioskd.yaml"), c.answers, Options{Yes: c.unattended})
		if err := w.compare(t.Context(), &found); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		for i, want := range strings.Split(c.want, ";") {
			fields := strings.Fields(want)
			if len(found.meters) <= i || found.meters[i].Model != fields[1] ||
				found.meters[i].Compared != (i > 0) {
				t.Errorf("%s: meters %+v, want %q\n%s", name, found.meters, c.want, out)
				break
			}
		}
		if len(found.meters) != len(strings.Split(c.want, ";")) || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: meters %+v, says\n%s", name, found.meters, out)
		}
	}
}

// TestWhatWasComparedIsAccepted in the configuration, where what is known of the model is not verified.
func TestWhatWasComparedIsAccepted(t *testing.T) {
	for accepted, found := range map[bool]meter.Found{
		true:  {Unit: 1, Model: "WM3M4C", Serial: "1", Unverified: "it is", Compared: true},
		false: {Unit: 1, Model: "OR-WE-516", Serial: "1", Compared: true},
	} {
		p := plan{number: 1, max: 11000, meter: found, meterAt: "tcp://a:1", boardAt: "tcp://a:1"}
		n, err := p.node()
		if err != nil {
			t.Fatal(err)
		}
		text, err := yaml.Marshal(n)
		if got := string(text); err != nil || strings.Contains(got, "accept_unverified: true") != accepted {
			t.Errorf("%+v is written as %s", found, got)
		}
	}
}
