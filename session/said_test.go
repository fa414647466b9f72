package session_test

import (
	"errors"
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
)

// another begins a second visit at bay 4, up to the card.
func (p *play) another() {
	p.t.Helper()
	p.rules.Bays[4] = session.BayRules{MaxPower: 22000}
	p.must(session.Observation{What: session.Chosen, Session: "S2", Bay: 4, Reference: "ABC1235"})
	p.must(session.Observation{What: session.Accepted, Session: "S2", Offer: offer(5000)})
}

// named is a result of the terminal with all that it names.
func named(id kiosk.HoldID, trace, stamp string) *kiosk.Hold {
	h := held(5000)
	h.ID, h.TraceNo, h.Stamp, h.TerminalID = id, trace, stamp, "60099914"
	return h
}

// TestAResultComesOnce: the terminal sends the result of a payment before once more, also after a
// restart. What differs in any part is another one.
func TestAResultComesOnce(t *testing.T) {
	first := named("231", "000931", "1129 123456")
	for name, c := range map[string]struct {
		hold *kiosk.Hold
		old  bool
	}{
		"the same":                   {named("231", "000931", "1129 123456"), true},
		"another receipt number":     {named("232", "000931", "1129 123456"), false},
		"another trace number":       {named("231", "000932", "1129 123456"), false},
		"the number of another year": {named("231", "000931", "1130 123456"), false},
		"nothing but the number":     {named("231", "", ""), false},
	} {
		for _, restart := range []bool{false, true} {
			p := newPlay(t).choose().accept()
			p.must(session.Observation{What: session.HoldApproved, Hold: first})
			p.must(session.Observation{What: session.HoldEnded})
			if restart {
				p.replay()
			}
			p.another()
			if err := p.see(session.Observation{What: session.HoldApproved, Session: "S2",
				Hold: c.hold}); (err != nil) != c.old {
				t.Errorf("%s, restart %v: %v", name, restart, err)
			}
		}
	}
}

// TestABookingComesOnce, and a hold's result is no booking.
func TestABookingComesOnce(t *testing.T) {
	p := billed(newPlay(t))
	b := booking("232", 98)
	b.TraceNo, b.Stamp = "000932", "1129 123500"
	p.must(session.Observation{What: session.SettlementApproved, Result: b})
	p.must(session.Observation{What: session.SettlementEnded, Err: kiosk.ErrOutcomeUnknown})
	p.list(nil, "231") // it did not stand
	if err := p.see(session.Observation{What: session.SettlementApproved, Result: b}); err == nil {
		t.Error("the booking before was taken for this one")
	}
}

// replay starts anew from what was written down.
func (p *play) replay() {
	p.t.Helper()
	p.state = session.State{}
	for _, e := range p.past {
		next, _, err := session.Step(p.state, e)
		if err != nil {
			p.t.Fatal(err)
		}
		p.state = next
	}
	p.must(session.Observation{What: session.Booted})
}

// TestAHoldThatWasBilledIsNoOrphan: the terminal lists it a while longer, or again after its session
// was given up. It is not given back; a day later the number is another hold's.
func TestAHoldThatWasBilledIsNoOrphan(t *testing.T) {
	for name, end := range map[string]func(*play){
		"captured": func(p *play) { p.capture(98) },
		"given up": func(p *play) {
			p.must(session.Observation{What: session.SettlementEnded, Err: kiosk.ErrOutcomeUnknown})
			p.gone(nil)
			p.week(nil)
		},
	} {
		p := billed(newPlay(t))
		end(p)
		p.clear().list(nil, "231")
		p.want("", "")
		p.after(31*24*time.Hour).list(nil, "231")
		p.want("hold_found release_intent", "release")
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

// TestARunningSessionSurvivesWrongLists: empty, short, strange and of a terminal that is not well,
// for an hour. Energy flows, and the bill is captured.
func TestARunningSessionSurvivesWrongLists(t *testing.T) {
	p := newPlay(t).choose().accept().approve().charge()
	wrong := []session.Observation{
		{Ready: true, Open: kiosk.OpenHolds{Complete: true}},
		{Ready: true, Open: kiosk.OpenHolds{IDs: []kiosk.HoldID{"400"}, Complete: true}},
		{Ready: true, Open: kiosk.OpenHolds{}}, {Open: kiosk.OpenHolds{Complete: true}},
	}
	wh := int64(1000)
	for i := range 120 {
		p.after(30 * time.Second)
		wh += 150
		p.sample(wh)
		o := wrong[i%len(wrong)]
		if i%4 == 3 { // every fourth is right
			o.Ready, o.Open = true, kiosk.OpenHolds{IDs: []kiosk.HoldID{"231"}, Complete: true}
		}
		o.What, o.Session, o.Reference = session.TerminalSaid, "O"+time.Duration(i).String(), "XYZ9999"
		p.must(o)
	}
	if x := p.x(); x.Power != session.Charging || x.Money != session.Held {
		t.Errorf("power is %s, money %s", x.Power, x.Money)
	}
}

// TestAnotherTerminalIsNotAsked for a hold that is not its own, whatever it lists.
func TestAnotherTerminalIsNotAsked(t *testing.T) {
	p := newPlay(t).choose().accept()
	p.must(session.Observation{What: session.HoldApproved, Hold: named("231", "000931", "1129 123456")})
	p.must(session.Observation{What: session.HoldEnded})
	p.charge().clear()
	for range 9 {
		p.after(31 * time.Second)
		p.sample(1000)
		p.must(session.Observation{What: session.TerminalSaid, Session: "S9", Ready: true,
			Open: kiosk.OpenHolds{IDs: []kiosk.HoldID{"77"}, Complete: true, TerminalID: "11111111"}})
	}
	p.want("fault_raised", "")
	if p.x().Power != session.Charging {
		t.Errorf("power is %s", p.x().Power)
	}
}

// TestWhatATerminalSaysOfItself is a fault while it lasts, and none where it only wants its day ended.
func TestWhatATerminalSaysOfItself(t *testing.T) {
	p := newPlay(t)
	p.must(session.Observation{What: session.TerminalWell,
		Err: &kiosk.Declined{Class: kiosk.DeclineTerminal, Code: "E2", Text: "card reader defective"}})
	if !p.state.Faults[session.FaultAt{Code: "PT004"}] {
		t.Error("PT004 is not raised")
	}
	p.must(session.Observation{What: session.TerminalWell})
	if len(p.state.Faults) > 0 {
		t.Errorf("faults: %v", p.state.Faults)
	}
	p.clear().must(session.Observation{What: session.TerminalWell,
		Err: &kiosk.Declined{Class: kiosk.DeclineDayEnd, Code: "F0"}})
	p.want("day_end_due", "")
}

// otherMeter is what the guard says of a meter with another serial number.
type otherMeter struct{ error }

func (otherMeter) FaultCode() kiosk.FaultCode { return kiosk.FaultMeterOther }

// TestAnotherMetersEnergyIsNotBilled: the meter is exchanged while a vehicle charges, and no driver
// notices until its serial number is read again. Only what the first one counted is billed.
func TestAnotherMetersEnergyIsNotBilled(t *testing.T) {
	p := newPlay(t).choose().accept().approve().charge()
	named := func(s *session.Sample) { s.Reading.Named = true }
	p.after(10*time.Second).sample(1060, named)
	p.after(10 * time.Second).sample(1300) // of another meter, with the serial number of before
	p.after(10*time.Second).sample(1360, func(s *session.Sample) { s.Reading, s.MeterFault = nil, "MT004" })
	p.must(session.Observation{What: session.ContactorMoved})
	p.must(
		session.Observation{What: session.FinalRead, Err: otherMeter{errors.New("meter has serial number 2, want 1")}})
	if b := p.x().Bill; b.Energy != 60 {
		t.Errorf("bill %+v", b)
	}
}

// TestHoldsOfALostJournalAreLeftAlone until a person has decided.
func TestHoldsOfALostJournalAreLeftAlone(t *testing.T) {
	p := newPlay(t)
	p.must(session.Observation{What: session.FaultSeen, Fault: "DB003", Raised: true})
	p.clear().list(nil, "77")
	p.want("", "")
	if err := p.see(session.Observation{What: session.Chosen, Bay: 3, Reference: "ABC1234"}); err == nil {
		t.Error("it sells")
	}
	p.must(session.Observation{What: session.FaultDone, Fault: "DB003", By: "technician"})
	p.clear().list(nil, "77")
	p.want("hold_found release_intent", "release")
}

// TestAnOlderLookSaysNothingOfARegister: a look from before the last reading comes after it. The register
// did not fall, and what follows is no energy without a session.
func TestAnOlderLookSaysNothingOfARegister(t *testing.T) {
	p := billed(newPlay(t)) // at register 3000
	p.capture(98).clear()
	look := func(before time.Duration, wh int64) {
		r := p.reading(wh)
		r.At = r.At.Add(-before)
		p.must(session.Observation{What: session.Sampled, Bay: 3, Sample: &session.Sample{Reading: r, Good: r}})
	}
	look(time.Second, 2800)
	look(0, 3000)
	p.want("", "")
	p.after(time.Minute)
	look(0, 3000)
	p.want("", "")
	look(0, 3200)
	p.want("fault_raised", "")
}

// TestWhatAListProvedComesOnce: a booking that only the terminal's last result proved, and a hold that was
// only on its list, are known when the terminal sends them again, as the result of the next hold: no energy
// flows for them. Also after a restart.
func TestWhatAListProvedComesOnce(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*play)
		old    kiosk.Hold
	}{
		"a booking": {func(p *play) {
			billed(p)
			b := booking("232", 98)
			b.TraceNo, b.Stamp = "000932", "1129 123500"
			p.must(session.Observation{What: session.SettlementEnded, Err: kiosk.ErrOutcomeUnknown})
			p.list(b)
			for range 6 {
				p.after(time.Minute).list(b)
			}
			if x := p.state.Sessions["S1"]; x.Money != session.Captured {
				t.Fatalf("money is %s", x.Money)
			}
		}, kiosk.Hold{ID: "232", TraceNo: "000932", Stamp: "1129 123500"}},
		"a hold": {func(p *play) {
			p.choose().accept()
			p.must(session.Observation{What: session.HoldEnded, Err: kiosk.ErrOutcomeUnknown})
			p.list(nil, "231")
			p.must(session.Observation{What: session.SettlementApproved, Result: booking("232", 0)})
			p.must(session.Observation{What: session.SettlementEnded, Result: booking("232", 0)})
		}, kiosk.Hold{ID: "231", TraceNo: "000931", Stamp: "1129 123400"}},
	} {
		for _, restarted := range []bool{false, true} {
			p := newPlay(t)
			c.before(p)
			if restarted {
				p.replay()
			}
			p.must(session.Observation{What: session.Chosen, Session: "S2", Bay: 3, Reference: "R2"})
			offer := p.past[1].Body.(session.OfferBody).Offer
			p.must(session.Observation{What: session.Accepted, Session: "S2", Offer: &offer})
			old := c.old
			old.Approved, old.TerminalID = kiosk.Money{Minor: 98, Currency: "EUR"}, p.terminal()
			if err := p.see(session.Observation{What: session.HoldApproved, Session: "S2", Hold: &old}); err == nil {
				t.Errorf("%s of before is taken for a new hold (restarted: %v)", name, restarted)
			}
		}
	}
}

// terminal is the id of the terminal that a hold of S1 belongs to.
func (p *play) terminal() string {
	for _, e := range p.past {
		if b, is := e.Body.(session.HoldBody); is {
			return b.Hold.TerminalID
		}
	}
	return ""
}
