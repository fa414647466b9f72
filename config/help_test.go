package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kioskd/config"
	"kioskd/strict"
)

// least is a configuration of the settings that kioskd.yaml(5) marks as needed, and of no other.
const least = `site:
  name: Parkhaus
  address: Strasse 1, 10115 Berlin
  helpline: "+49 30 1234567"
  timezone: Europe/Berlin
  currency: EUR
journal: journal.db
screen:
  socket: ui.sock
terminal:
  address: tcp://192.0.2.7:20007
  password: "123456"
  capture: released
  hold: "50.00"
tariff:
  currency: EUR
  tax_included: "YES"
  elements:
    - price_components:
        - {type: ENERGY, price: 0.49, vat: 19}
bays:
  - number: 1
    max_power_w: 22000
    meter:
      model: SDM630
      address: tcp://192.0.2.8:502
      unit: 1
    board:
      address: tcp://192.0.2.8:502
      unit: 10
      coil: 0
      plugged: 0
      feedback: 1
`

// second is one more bay behind those of least, on the same lines.
const second = `  - number: 2
    max_power_w: 11000
    meter:
      model: B23
      address: tcp://192.0.2.8:502
      unit: 2
    board:
      address: tcp://192.0.2.8:502
      unit: 10
      coil: 1
      plugged: 2
      feedback: 3
`

// pins is a bay on GPIO lines behind those of least.
const pins = `  - number: 3
    max_power_w: 22000
    meter: {model: SDM630, address: "tcp://192.0.2.8:502", unit: 3}
    gpio:
      contactor: GPIO17
      plugged: GPIO27
      feedback: GPIO22
`

// office is a back office, with the key of a signer that the test made.
const office = `backoffice:
  url: https://office.example/
  ca: secrets/ca.pem
  certificate: secrets/kiosk.pem
  key: secrets/kiosk.key
  signer: office+5e2a3cc5+Afz+yZzQD6qHEzaHBYXfXsWXynXbKqC1hPqk+sR8Rb+k
`

// cdr is what a CDR says of a site.
const cdr = `ocpi:
  country_code: DE
  party_id: ABC
  location:
    id: L1
    address: Strasse 1
    city: Berlin
    country: DEU
    latitude: "52.520008"
    longitude: "13.404954"
  connector:
    standard: IEC_62196_T2
    format: SOCKET
    power_type: AC_3_PHASE
`

// mark is where a test wants a fault to be placed; it is in no file.
const mark = "¦"

// changed is a text with one part of it replaced; the part is there once.
func changed(t *testing.T, text, from, to string) string {
	t.Helper()
	if n := strings.Count(text, from); n != 1 {
		t.Fatalf("%q is %d times in the configuration", from, n)
	}
	return strings.Replace(text, from, to, 1)
}

// marked takes the marks out of a text, and tells their places, as an editor counts them.
func marked(text string) (clean string, places []string) {
	var out strings.Builder
	row, column := 1, 1
	for _, c := range text {
		switch {
		case string(c) == mark:
			places = append(places, fmt.Sprintf("%d:%d", row, column))
			continue
		case c == '\n':
			row, column = row+1, 0
		}
		column++
		out.WriteRune(c)
	}
	return out.String(), places
}

// readAt reads a text as the configuration at a path; the faults come without the path.
func readAt(t *testing.T, path, text string) (*config.Config, []string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Read(path)
	if err == nil {
		return c, nil
	}
	var bad *strict.Error
	if !errors.As(err, &bad) {
		t.Fatalf("%v is no list of faults", err)
	}
	if c != nil {
		t.Error("a configuration with faults was returned")
	}
	var faults []string
	for _, f := range bad.Faults {
		rest, ok := strings.CutPrefix(f, path+":")
		if !ok {
			t.Errorf("%q does not begin with the path", f)
		}
		faults = append(faults, rest)
	}
	return nil, faults
}

// read reads a text as a configuration.
func read(t *testing.T, text string) (*config.Config, []string) {
	t.Helper()
	return readAt(t, filepath.Join(t.TempDir(), "kioskd.yaml"), text)
}

// good reads a text that has no fault.
func good(t *testing.T, text string) *config.Config {
	t.Helper()
	c, faults := read(t, text)
	if c == nil {
		t.Fatalf("faults %q", faults)
	}
	return c
}

// refused wants exactly one fault for each mark of a text, in order, each with the words that a table has for it.
func refused(t *testing.T, text string, words ...string) {
	t.Helper()
	text, places := marked(text)
	if len(places) != len(words) {
		t.Fatalf("%d marks and %d words", len(places), len(words))
	}
	_, faults := read(t, text)
	same := len(faults) == len(places)
	for i := range min(len(faults), len(places)) {
		same = same && strings.HasPrefix(faults[i], places[i]+": ") && strings.Contains(faults[i], words[i])
	}
	if !same {
		t.Errorf("faults\n  %s\nwant at %q the words %q", strings.Join(faults, "\n  "), places, words)
	}
}
