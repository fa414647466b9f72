package site

import (
	"fmt"
	"testing"
	"time"

	"kioskd"
	"kioskd/meter"
	"kioskd/session"
)

// TestAMeterThatWasExchanged is the one that a bay's readings are believed of, as long as the configuration names one
// that was there before: a bay may have had three. A host who names another has the last word.
func TestAMeterThatWasExchanged(t *testing.T) {
	l := newLedger(t)
	l.now = noon
	swap := func(bay int, old, now string) {
		b := session.SwapBody{Bay: bay, By: "technician", Reading: kiosk.Reading{At: l.now, Serial: now}}
		if old != "" {
			b.Old = &kiosk.Reading{At: l.now, Serial: old}
		}
		l.keep(session.Event{Kind: session.MeterSwapped, Body: b})
	}
	swap(1, "A", "B")
	swap(2, "A", "Q")
	swap(1, "B", "C")
	swap(3, "", "N")
	swap(4, "A", "B")
	swap(4, "B", "A")
	for _, c := range []struct {
		bay         int
		named, want string
	}{{1, "A", "C"}, {1, "B", "C"}, {1, "C", "C"}, {1, "D", "D"}, {1, "", ""}, {2, "A", "Q"}, {3, "M", "M"},
		{4, "A", "A"}, {5, "A", "A"}} {
		g := meter.NewGuard(&box{}, kiosk.Register{MaxPower: 22000}, c.named)
		d := &devices{Bays: []session.Bay{{Number: c.bay, Meter: g}}}
		if err := d.exchanged(t.Context(), l.journal); err != nil || g.Serial() != c.want {
			t.Errorf("bay %d, of which the configuration names %q, takes %q, %v: want %q", c.bay, c.named, g.Serial(),
				err, c.want)
		}
	}
}

// TestTheLastRegisters of each bay are known however long ago they were written down, of the newest meter.
func TestTheLastRegisters(t *testing.T) {
	l := newLedger(t)
	l.now = noon
	seen := func(bay int, wh kiosk.Energy, serial string) {
		l.now = l.now.Add(time.Minute)
		l.keep(session.Event{Kind: session.RegisterSeen,
			Body: session.RegisterBody{Bay: bay, Reading: kiosk.Reading{At: l.now, Import: wh, Serial: serial}}})
	}
	seen(2, 500, "Q")
	for i := range kiosk.Energy(50) {
		seen(1, 1000+i, "A")
	}
	l.now = l.now.Add(time.Minute)
	l.keep(session.Event{Kind: session.MeterSwapped, Body: session.SwapBody{Bay: 1,
		Reading: kiosk.Reading{At: l.now, Import: 7, Serial: "B"}}})
	known, err := lastRegisters(t.Context(), l.journal, 1, 2)
	if err != nil || len(known) != 2 || known[1].Serial != "B" || known[1].Import != 7 || known[2].Import != 500 {
		t.Errorf("known are %+v, %v", known, err)
	}
	seen(1, 9, "B")
	known, err = lastRegisters(t.Context(), l.journal, 1, 2)
	if err != nil || known[1].Import != 9 || known[2].Import != 500 {
		t.Errorf("after another reading known are %+v, %v", known, err)
	}
}

// TestFaultsThatOnlyAPersonEnds are there after any number of other faults and a restart, each at its own bay, until
// one has ended them.
func TestFaultsThatOnlyAPersonEnds(t *testing.T) {
	l := newLedger(t)
	l.now = noon
	fault := func(kind session.Kind, code kiosk.FaultCode, bay int) {
		l.keep(session.Event{Kind: kind, Body: session.FaultBody{Fault: code, Bay: bay, By: "host"}})
	}
	fault(session.FaultRaised, "HO001", 1)
	fault(session.FaultRaised, "HO001", 2)
	fault(session.FaultRaised, "MT005", 2)
	fault(session.FaultRaised, "DB003", 0)
	fault(session.FaultRaised, "MT001", 1) // ends by itself
	for range 40 {
		fault(session.FaultRaised, "PT001", 0)
		fault(session.FaultCleared, "PT001", 0)
	}
	fault(session.FaultCleared, "HO001", 1)
	fault(session.FaultCleared, "MT005", 2)
	fault(session.FaultRaised, "MT005", 2)
	locked, err := lockedFaults(t.Context(), l.journal)
	got := map[string]bool{}
	for _, f := range locked {
		got[fmt.Sprintf("%s:%d", f.Code, f.Bay)] = true
	}
	if want := map[string]bool{"HO001:2": true, "MT005:2": true, "DB003:0": true}; err != nil ||
		fmt.Sprint(got) != fmt.Sprint(want) || len(locked) != len(want) {
		t.Errorf("locked are %v, %v, want %v", got, err, want)
	}
}

// TestTheLastRegisterOfEachBay is known, although the journal has bays that are no longer there.
func TestTheLastRegisterOfEachBay(t *testing.T) {
	l := newLedger(t)
	l.now = noon
	for _, bay := range []int{2, 1, 3} { // the third was taken down
		l.now = l.now.Add(time.Minute)
		l.keep(session.Event{Kind: session.RegisterSeen, Body: session.RegisterBody{Bay: bay,
			Reading: kiosk.Reading{At: l.now, Import: kiosk.Energy(1000 * bay), Serial: "A"}}})
	}
	known, err := lastRegisters(t.Context(), l.journal, 1, 2)
	if err != nil || known[1].Import != 1000 || known[2].Import != 2000 {
		t.Errorf("of the bays 1 and 2 it knows %+v, %v", known, err)
	}
}

// TestTheDayOfTwoCurrencies is no sum: what was captured in one is not counted as the other.
func TestTheDayOfTwoCurrencies(t *testing.T) {
	l := newLedger(t)
	l.now = noon
	for _, m := range []kiosk.Money{{Minor: 700, Currency: "BGN"}, {Minor: 100, Currency: "EUR"}} {
		l.keep(session.Event{Kind: session.CaptureDone, Session: "S" + string(m.Currency),
			Body: session.SettledBody{Result: &kiosk.CaptureResult{ID: "0001", Booked: m}}})
	}
	if day, _, err := past(t.Context(), l.journal, "EUR"); err == nil && day.Captured != eur(100) {
		t.Errorf("7.00 BGN and 1.00 EUR were captured, and the day is told as %v", day.Captured)
	}
}
