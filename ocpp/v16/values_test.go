package v16

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"kioskd"
)

// TestRegistersOfTheField are values as chargers send them: text, without measurand or unit, in kWh, with a comma, by
// phases, beside the total, signed; and those that are none.
func TestRegistersOfTheField(t *testing.T) {
	for samples, want := range map[string]kiosk.Energy{
		`{"value":"2259988"}`:                                     2259988,
		`{"value":2259988}`:                                       2259988,
		`{"value":" 12.9 ","unit":"Wh"}`:                          12,
		`{"value":"1.5e3"}`:                                       1500,
		`{"value":"12,345","unit":"kWh"}`:                         12345,
		`{"value":"0.0005","unit":"kWh"}`:                         0,
		`{"value":"7","phase":"L1"},{"value":"21"}`:               21,
		`{"value":"OCMF|{}","format":"SignedData"},{"value":"3"}`: 3,
		`{"value":"1","phase":"L1"},{"value":"2","phase":"L2"},{"value":"4","phase":"L3"}`:  7,
		`{"value":"9","location":"Inlet"},{"value":"8","location":"Outlet"}`:                8,
		`{"value":"5","measurand":"Energy.Active.Import.Interval"},{"value":"6","unit":""}`: 6,
	} {
		got, err := moment(t, samples).Register()
		if err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", samples, got, err, want)
		}
	}
	for samples, none := range map[string]bool{
		``:                                    true,
		`{"value":"1","measurand":"Voltage"}`: true,
		`{"value":"1","phase":"L1"}`:          true,
		`{"value":"OCMF|{}","format":"SignedData"}`: true,
		`{"value":"x"}`:            false,
		`{"value":""}`:             false,
		`{"value":"1e99"}`:         false,
		`{"value":"1","unit":"J"}`: false,
		`{"value":"0x10"}`:         false,
		`{"value":"1/3"}`:          false,
		`{"value":"` + strings.Repeat("9", 60) + `"}`: false,
	} {
		got, err := moment(t, samples).Register()
		if err == nil || errors.Is(err, ErrNoValue) != none {
			t.Errorf("%s: %v, %v", samples, got, err)
		}
	}
}

func moment(t *testing.T, samples string) (m MeterValue) {
	t.Helper()
	err := json.Unmarshal([]byte(`{"timestamp":"2026-03-02T09:00:00Z","sampledValue":[`+samples+`]}`), &m)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestTimes: what is sent is UTC with milliseconds, and what is read keeps its text whatever it is.
func TestTimes(t *testing.T) {
	zone := time.FixedZone("", 3600)
	b, err := json.Marshal(At(time.Date(2026, 3, 2, 10, 0, 0, 123456789, zone)))
	if err != nil || string(b) != `"2026-03-02T09:00:00.123Z"` {
		t.Errorf("%s, %v", b, err)
	}
	for text, ok := range map[string]bool{"2026-03-02T09:00:00Z": true, "2026-03-02T09:00:00": true, "soon": false} {
		var got Time
		if err := json.Unmarshal([]byte(`"`+text+`"`), &got); err != nil || got.Text != text || got.IsZero() == ok {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

// FuzzValue: no text is a register that is negative without a sign, or that is read as another one twice.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{"1", "1.5e3", "12,3", "-4", "1e99", " 7 "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := scaled(text, 1000)
		if err == nil && n < 0 && !strings.Contains(text, "-") {
			t.Errorf("%q is %d", text, n)
		}
	})
}
