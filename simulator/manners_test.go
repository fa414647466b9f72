package simulator_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/simulator"
	"kioskd/terminal/zvt"
)

// TestEveryManner plays a payment with a terminal that answers in each way of the specification's tables, for
// ever: what the driver takes for a hold is one at the bank, of no more than was asked for; what it takes for a
// booking is one; and where it says a definite no the bank has taken nothing.
func TestEveryManner(t *testing.T) {
	all := simulator.Manners()
	if len(all) < 4000 {
		t.Fatalf("the tables have %d ways only", len(all))
	}
	for i := 0; i < len(all); i += 100 {
		some := all[i:min(i+100, len(all))]
		t.Run(some[0].String(), func(t *testing.T) {
			t.Parallel()
			for _, m := range some {
				inBubble(t, func(t *testing.T) { payment(t, m) })
			}
		})
	}
}

func payment(t *testing.T, m simulator.Manner) {
	sim, driver := newTerminal(t, "serial", zvt.CaptureReleased)
	sim.Think = 10 * time.Millisecond
	sim.Present(simulator.GoodCard())
	first, err := hold(driver, func(kiosk.Hold) error { return nil }) // a result that may be sent once more
	if err == nil {
		_, err = driver.Release(t.Context(), kiosk.ReleaseRequest{Reference: "ABC1234", ID: first.ID,
			Amount:   first.Approved,
			OnBooked: func(kiosk.CaptureResult) error { return nil }})
	}
	if err != nil {
		t.Fatal(err)
	}
	sim.Present(simulator.GoodCard())
	sim.Behave(m, 0)
	defer others(t, sim, driver)
	h, err := hold(driver, func(h kiosk.Hold) error { // as the session machine judges it
		if h.Approved.Minor > 5000 {
			return errors.New("more than was asked for")
		}
		return nil
	})
	open := sim.Bank.OpenHolds()
	var no *kiosk.Declined
	lies := m.Tag == 0x27 // the result code itself is another one
	if errors.As(err, &no) && no.Class != kiosk.DeclineNotWritten && len(open) > 0 && !lies {
		t.Errorf("%v: %v is a definite no; the bank has %v", m, err, open)
	}
	if err == nil && h.ID == first.ID { // the session machine knows that one
		return
	}
	changed := m.On == simulator.Holding && m.Tag != 0 // its fields are not the bank's
	switch {
	case err == nil && len(open) != 1:
		t.Errorf("%v: hold %s is taken for approved; the bank has %v", m, h.ID, open)
	case err == nil && (h.Approved.Minor > 5000 || h.Approved.Currency != "EUR" ||
		h.ID != kiosk.HoldID(fmt.Sprint(open[0])) && !changed):
		t.Errorf("%v: taken for a hold of %v, receipt %s; the bank has %v", m, h.Approved, h.ID, open)
	}
	if err != nil || len(open) == 0 {
		return
	}
	used := kiosk.Money{Minor: 1234, Currency: "EUR"}
	b, err := driver.Capture(context.Background(), kiosk.CaptureRequest{Reference: "ABC1234", Hold: h, Used: used,
		OnBooked: func(kiosk.CaptureResult) error { return nil }})
	taken := int64(0)
	for _, l := range sim.Bank.Lines() {
		if l.Kind == "capture" {
			taken += l.Minor
		}
	}
	if taken != 0 && taken != 1234 {
		t.Errorf("%v: %d were taken, 1234 are due", m, taken)
	}
	if errors.As(err, &no) && no.Class != kiosk.DeclineNotWritten && taken > 0 && !lies {
		t.Errorf("%v: %v is a definite no; the bank has taken %d", m, err, taken)
	}
	if err == nil && b.Booked == used && taken != 1234 {
		t.Errorf("%v: %v is taken for booked; the bank has taken %d", m, b.Booked, taken)
	}
}

// others play what else is asked of a terminal. Whatever it answers, the driver comes back, and a status or a
// list that it did not give is an error.
func others(t *testing.T, sim *simulator.Terminal, driver *zvt.Terminal) {
	ctx := t.Context()
	driver.Ready(ctx)
	if open, err := driver.ListHolds(ctx); err == nil && open.Complete && len(open.IDs) > 0 && open.IDs[0] == "" {
		t.Errorf("a hold without a number is listed: %v", open)
	}
	driver.Last(ctx)
	sim.Present(simulator.OtherCard())
	if token, err := driver.ReadCard(ctx, 15*time.Second); err == nil && len(token) != 0 && len(token) != 32 {
		t.Errorf("a card's token is %q", token)
	}
	driver.EndOfDay(ctx)
}

// TestAMeterAnswersOfOneMoment: both words of a value are of the same look, although the next one is another.
func TestAMeterAnswersOfOneMoment(t *testing.T) {
	bay := simulator.NewBay(1_234_567, 4711, 1)
	bay.Lie(simulator.Flickers)
	seen := map[float32]bool{}
	for range 9 {
		out := meterOf(t, "SDM630", bay).Answer([]byte{4, 0x00, 0x48, 0, 2})
		seen[math.Float32frombits(binary.BigEndian.Uint32(out[2:]))] = true
	}
	if len(seen) != 2 || !seen[1234.567] || !seen[2134.567] {
		t.Errorf("a register of 1234.567 kWh that flickers by 900 is shown as %v", seen)
	}
}

// TestALyingMeter: each lie is seen on the meter, and nothing of it in what flowed.
func TestALyingMeter(t *testing.T) {
	for _, lie := range simulator.Lies() {
		bay := simulator.NewBay(1_000_000, 4711, 1)
		unit := meterOf(t, "SDM630", bay)
		register := []byte{4, 0x00, 0x48, 0, 2}
		true1 := unit.Answer(register)
		bay.Lie(lie)
		honest := true
		for range 4 {
			answer, shown := unit.Answer(register), bay.Shown()
			honest = honest && slices.Equal(answer, true1) && shown.Serial == 4711 && shown.Power == 0
		}
		stands := lie == simulator.Stands || lie == simulator.NoPower // of a bay at which nothing flows
		if honest && !stands {
			t.Errorf("%s: no reading shows it", lie)
		}
		if s := bay.State(); s.Register != 1_000_000 || s.Serial != 4711 {
			t.Errorf("%s: it is true: %+v", lie, s)
		}
		bay.Lie(simulator.Truth)
		if got := unit.Answer(register); !slices.Equal(got, true1) {
			t.Errorf("%s does not end: % X", lie, got)
		}
	}
}

// TestMannersInAFile: each way has a line in a file of faults.
func TestMannersInAFile(t *testing.T) {
	all := simulator.Manners()
	var text strings.Builder
	for i, m := range all {
		fmt.Fprintf(&text, "terminal %v", m)
		if i%2 == 0 {
			fmt.Fprint(&text, " ", 1+i%5)
		}
		fmt.Fprintln(&text)
	}
	got, err := simulator.ReadFaults(strings.NewReader(text.String()), "faults")
	if err != nil || len(got.Manners) != len(all) {
		t.Fatalf("%d of %d: %v", len(got.Manners), len(all), err)
	}
	for i, m := range got.Manners {
		times := 0
		if i%2 == 0 {
			times = 1 + i%5
		}
		if m.Manner != all[i] || m.Times != times {
			t.Fatalf("%v %d is read as %v %d", all[i], times, m.Manner, m.Times)
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
