package town

import (
	"slices"
	"testing"
	"time"

	"kioskd"
	"kioskd/simulator"
)

// TestEachChangeIsToldOnce: a visit as a person beside the demo's window reads it.
func TestEachChangeIsToldOnce(t *testing.T) {
	eur := func(kind string, minor int64) simulator.LedgerLine {
		return simulator.LedgerLine{Kind: kind, Minor: minor, Currency: "EUR", Card: "0119"}
	}
	at := func(register kiosk.Energy, plugged, closed bool) simulator.State {
		return simulator.State{Register: register, Plugged: plugged, Closed: closed}
	}
	began := time.Now()
	teller := teller{bays: make([]told, 1)}
	var ledger []simulator.LedgerLine
	for i, step := range []struct {
		after time.Duration
		moves []simulator.LedgerLine
		bay   simulator.State
		want  []string
	}{
		{0, nil, at(1000, false, false), nil},
		{time.Second, []simulator.LedgerLine{eur("hold", 5000)}, at(1000, false, false),
			[]string{"bank: holds 50.00 EUR, card ending in 0119"}},
		{2 * time.Second, nil, at(1000, true, false), []string{"bay 1: a cable is plugged in"}},
		{3 * time.Second, nil, at(
			1010, true, true), []string{"bay 1: the contactor closes, the meter stands at 1.000 kWh"}},
		{4 * time.Second, nil, at(1100, true, true), nil},
		{9 * time.Second, nil, at(2500, true, true), []string{"bay 1: the meter counted 1.500 kWh so far"}},
		{10 * time.Second, nil, at(2600, true, true), nil},
		{11 * time.Second, nil, at(2700, false, false), []string{
			"bay 1: the contactor opens, the meter counted 1.700 kWh", "bay 1: the cable is unplugged"}},
		{12 * time.Second, []simulator.LedgerLine{eur("capture", 83), {Kind: "end_of_day", Minor: 83, Currency: "EUR"}},
			at(2700, false, false),
			[]string{"bank: takes 0.83 EUR, card ending in 0119", "bank: settles the day: 0.83 EUR"}},
		{13 * time.Second, nil, at(2700, false, false), nil},
	} {
		ledger = append(ledger, step.moves...)
		got := append(teller.bank(ledger), teller.bay(0, step.bay, began.Add(step.after))...)
		if !slices.Equal(got, step.want) {
			t.Errorf("step %d tells %q, want %q", i, got, step.want)
		}
	}
}
