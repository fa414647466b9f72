package setup

import (
	"path/filepath"
	"strings"
	"testing"

	"kioskd/meter"
	"kioskd/meter/model"
	"kioskd/simulator"
)

// TestAMeterMaySign: the key that it tells is written down where the host says that it is the one on the meter, and not
// without their word; a bay that is written again keeps it, where its meter is the same.
func TestAMeterMaySign(t *testing.T) {
	m, err := model.Find("", "EM580")
	if err != nil {
		t.Fatal(err)
	}
	device, err := simulator.NewSigningMeter(m, simulator.NewBay(1000, 11, 1))
	if err != nil {
		t.Fatal(err)
	}
	address := bus(t, map[byte]simulator.Unit{1: device, 2: meterOf(t, "SDM630", simulator.NewBay(1000, 12, 1))})
	bay := func(number, unit int, name, serial string) plan {
		return plan{number: number, max: 11_000, meterAt: address, requesting: -1, emergency: -1,
			meter: meter.Found{Unit: unit, Model: name, Serial: serial}, boardAt: "tcp://127.0.0.1:1",
			board: foundBoard{1, 8, 16}, coil: number, plugged: 2 * number, feedback: 2*number + 1}
	}
	for answer, want := range map[string]string{"y\n": device.PublicKey(), "n\n": "", "\n": ""} {
		w, out := wizardOf(t, filepath.Join(t.TempDir(), "kioskd.yaml"), answer, Options{})
		plans := []plan{bay(1, 1, "EM580", "11"), bay(2, 2, "SDM630", "12")}
		if err := w.signing(t.Context(), plans); err != nil {
			t.Fatalf("%q: %v\n%s", answer, err, out)
		}
		if plans[0].key != want || plans[1].key != "" || !strings.Contains(out.String(), device.PublicKey()) {
			t.Errorf("%q: keys %q and %q, want %q\n%s", answer, plans[0].key, plans[1].key, want, out)
		}
	}
	for serial, keeps := range map[string]bool{"11": true, "13": false} {
		w, _ := wizardOf(t, placed(t, owned), "", Options{})
		first := bay(3, 1, "EM580", "11")
		first.key = device.PublicKey()
		if err := w.writeBays([]plan{first}); err != nil {
			t.Fatal(err)
		}
		if err := w.writeBays([]plan{bay(3, 1, "EM580", serial)}); err != nil {
			t.Fatal(err)
		}
		text, err := w.file.Bytes()
		if err != nil || strings.Contains(string(text), device.PublicKey()) != keeps {
			t.Errorf("meter %s: %v:\n%s", serial, err, text)
		}
	}
}
