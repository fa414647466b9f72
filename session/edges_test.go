package session_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
)

// Each of these went wrong once.

// withCard lets a driver charge whose card the terminal names.
func withCard(p *play) *play {
	p.choose().accept()
	h := held(5000)
	h.Card = "card 1"
	p.must(session.Observation{What: session.HoldApproved, Hold: h})
	p.must(session.Observation{What: session.HoldEnded})
	return p.charge()
}

// TestATerminalThatIsAwayLocksNobodyOut: no card was shown, so none was wrong.
func TestATerminalThatIsAwayLocksNobodyOut(t *testing.T) {
	p := withCard(newPlay(t)).clear()
	for range 6 {
		p.must(session.Observation{What: session.CardAsked})
		if err := p.see(session.Observation{What: session.CardAsked}); err == nil {
			t.Error("the card is asked for twice")
		}
		p.must(session.Observation{What: session.CardRead, Err: fmt.Errorf("%w: no line", kiosk.ErrUnreachable)})
	}
	if p.x().Locked(p.now) {
		t.Error("the owner is locked out")
	}
}

// TestACardThatComesTooLate proves nothing of a session that is over.
func TestACardThatComesTooLate(t *testing.T) {
	p := withCard(newPlay(t)).after(time.Minute)
	p.sample(1100)
	p.must(session.Observation{What: session.CardAsked})
	p.sample(1100, unplugged)
	p.finish(1100).capture(5).clear()
	p.must(session.Observation{What: session.CardRead, Card: "card 1"})
	p.want("", "")
}

// TestCardsThatWereTriedOutPauseOnce, not again for the same cards.
func TestCardsThatWereTriedOutPauseOnce(t *testing.T) {
	p := newPlay(t)
	for _, id := range []string{"A", "B", "C"} {
		p.must(session.Observation{What: session.Chosen, Session: id, Bay: 3, Reference: "R" + id})
		p.must(session.Observation{What: session.Accepted, Session: id, Offer: offer(5000)})
		p.must(session.Observation{What: session.HoldEnded, Session: id,
			Err: &kiosk.Declined{Class: kiosk.DeclineIssuer, Code: "05", Card: id}})
		p.must(session.Observation{What: session.Cancelled, Session: id})
	}
	for range 720 {
		p.after(time.Second).must(session.Observation{What: session.Ticked})
	}
	if n := strings.Count(p.order(), "alert"); n != 1 {
		t.Errorf("%d alerts", n)
	}
}

// TestItsOwnEnergyIsNobodysFault: what flowed while a meter was away is not energy without
// a session.
func TestItsOwnEnergyIsNobodysFault(t *testing.T) {
	p := newPlay(t).choose().accept().approve().charge().after(10 * time.Second)
	p.sample(1061)
	good := p.reading(1061)
	p.after(16*time.Second).sample(0, meterGone, func(s *session.Sample) { s.Good = good })
	p.must(session.Observation{What: session.ContactorMoved})
	p.must(session.Observation{What: session.FinalRead, Err: kiosk.ErrUnreachable})
	p.after(5*time.Second).sample(1200, opened)
	if p.state.Faults[session.FaultAt{Code: "MT005", Bay: 3}] {
		t.Error("the bay is locked")
	}
}

// TestAStationNeedsEnergyItself, a little each hour.
func TestAStationNeedsEnergyItself(t *testing.T) {
	p := newPlay(t)
	for wh := int64(1000); wh < 1000+24*30*10; wh += 10 { // 10 W for a month
		p.after(time.Hour).must(session.Observation{What: session.Sampled, Bay: 3,
			Sample: &session.Sample{Reading: p.reading(wh)}})
	}
	if p.state.Faults[session.FaultAt{Code: "MT005", Bay: 3}] {
		t.Error("the bay is locked")
	}
}

// TestARestartWithAClockThatWasSetBack: it is not known for how long the bay was out of sight.
func TestARestartWithAClockThatWasSetBack(t *testing.T) {
	p := newPlay(t).choose().accept().approve().charge()
	for wh := int64(1060); wh <= 3000; wh += 60 {
		p.after(10 * time.Second).sample(wh)
	}
	before := p.x().Last.Import
	p.after(-time.Hour).must(session.Observation{What: session.Booted})
	p.sample(3000)
	p.finish(3010)
	if x := p.x(); x.Bill == nil || x.Bill.Energy != before-1000 || x.Reason != session.ReasonInterrupted {
		t.Errorf("%s: billed %+v, the journal had %v", x.Reason, x.Bill, before)
	}
}

// TestAClockThatIsPutRightOverARestart: minutes that never passed start no fee.
func TestAClockThatIsPutRightOverARestart(t *testing.T) {
	o := offer(5000)
	o.Tariff = []byte(`{"id":"t","currency":"EUR","tax_included":"YES","elements":[
		{"price_components":[{"type":"PARKING_TIME","price":6}],"restrictions":{"min_duration":7200}},
		{"price_components":[{"type":"ENERGY","price":0.49}]}]}`)
	p := newPlay(t).choose()
	p.doubt = true
	p.must(session.Observation{What: session.Accepted, Offer: o})
	p.approve().charge().after(10 * time.Second)
	p.sample(1060)
	p.doubt = false
	p.after(3 * time.Hour).must(session.Observation{What: session.Booted})
	p.sample(1060)
	for range 90 {
		p.after(10*time.Second).sample(1060, idle)
	}
	p.must(session.Observation{What: session.StopPressed})
	p.finish(1060)
	if b := p.x().Bill; b.Total.Minor != 3 || !b.Doubt {
		t.Errorf("billed %v: %+v", b.Total, b.Lines)
	}
}

// TestAFoundHoldKeepsItsTerminal: another one in its place is never asked to release a hold
// of the same number.
func TestAFoundHoldKeepsItsTerminal(t *testing.T) {
	p := newPlay(t)
	p.rules.TerminalID = "60099914"
	p.must(session.Observation{What: session.TerminalSaid, Reference: "ORPHAN1",
		Open: kiosk.OpenHolds{IDs: []kiosk.HoldID{"7"}, Complete: true, TerminalID: "60099914"}})
	p.must(session.Observation{What: session.SettlementEnded, Err: kiosk.ErrUnreachable})
	p.rules.TerminalID = "11111111"
	p.after(2 * time.Minute).must(session.Observation{What: session.Ticked})
	p.clear().must(session.Observation{What: session.TerminalSaid, Session: "S9",
		Open: kiosk.OpenHolds{IDs: []kiosk.HoldID{"7"}, Complete: true, TerminalID: "11111111"}})
	p.want("unproven receipt_final closed", "ask_terminal")
}

// TestFoundHoldsAreGivenBackOneAfterTheOther, and at once, where the terminal names one alone: each is a driver's.
func TestFoundHoldsAreGivenBackOneAfterTheOther(t *testing.T) {
	p := newPlay(t)
	for i, id := range []kiosk.HoldID{"7", "8", "9"} {
		p.clear().must(session.Observation{What: session.TerminalSaid, Session: "O" + string(id),
			Reference: fmt.Sprintf("ORPHAN%d", i), Ready: true, Open: kiosk.OpenHolds{IDs: []kiosk.HoldID{id}}})
		p.want("hold_found release_intent", "release")
		released := session.Observation{Session: "O" + string(id), Result: booking("2"+id, 0)}
		released.What = session.SettlementApproved
		p.must(released)
		released.What = session.SettlementEnded
		p.must(released)
		p.want("release_ok release_confirmed receipt_final closed", "ask_terminal")
	}
}

// TestAHoldOfTheOldTerminal whose outcome is unknown is for a person, not for the new one's
// list.
func TestAHoldOfTheOldTerminal(t *testing.T) {
	p := newPlay(t).choose().accept()
	h := held(5000)
	h.TerminalID = "60099914"
	p.must(session.Observation{What: session.HoldApproved, Hold: h})
	p.must(session.Observation{What: session.HoldEnded, Err: kiosk.ErrOutcomeUnknown})
	p.rules.TerminalID = "11111111"
	p.clear().must(session.Observation{What: session.TerminalSaid, Session: "S9",
		Open: kiosk.OpenHolds{Complete: true, TerminalID: "11111111"}})
	p.want("hold_vanished ended receipt_final closed", "")
}

// TestTheyStillStandThere: a restart in the middle of their hold does not send them away.
func TestTheyStillStandThere(t *testing.T) {
	p := newPlay(t).choose().accept()
	p.must(session.Observation{What: session.HoldApproved, Hold: held(5000)})
	p.after(2 * time.Second).must(session.Observation{What: session.Booted})
	p.after(time.Second).must(session.Observation{What: session.Ticked})
	p.clear().must(session.Observation{What: session.TerminalSaid, Session: "S9",
		Open: kiosk.OpenHolds{IDs: []kiosk.HoldID{"231"}, Complete: true}})
	p.want("hold_confirmed", "look_at_bay")
}

// TestOneBookingProvesOneCapture, although two of the same amount are unclear.
func TestOneBookingProvesOneCapture(t *testing.T) {
	p := newPlay(t)
	p.rules.Bays[4] = session.BayRules{MaxPower: 22000}
	for i, id := range []string{"A", "B"} {
		see := func(o session.Observation) { o.Session = id; p.must(o) }
		see(session.Observation{What: session.Chosen, Bay: 3 + i, Reference: "R" + id})
		see(session.Observation{What: session.Accepted, Offer: offer(5000)})
		h := held(5000)
		h.ID += kiosk.HoldID(id)
		see(session.Observation{What: session.HoldApproved, Hold: h})
		see(session.Observation{What: session.HoldEnded})
		p.must(session.Observation{What: session.Sampled, Bay: 3 + i,
			Sample: &session.Sample{Inputs: kiosk.BayInputs{Plugged: true, Requesting: true},
				Reading: p.reading(1000)}})
		see(session.Observation{What: session.BaselineRead, Reading: p.reading(1000)})
		see(session.Observation{What: session.ContactorMoved, Closed: true})
		p.after(10 * time.Minute)
		see(session.Observation{What: session.StopPressed})
		see(session.Observation{What: session.ContactorMoved})
		see(session.Observation{What: session.FinalRead, Reading: p.reading(3000)})
	}
	p.must(session.Observation{What: session.Booted})
	last := &kiosk.CaptureResult{ID: "300", Booked: kiosk.Money{Minor: 98, Currency: "EUR"}}
	p.gone(last)
	if a, b := p.state.Sessions["A"].Money, p.state.Sessions["B"].Money; a != session.Captured ||
		b != session.CaptureDelayed {
		t.Errorf("money is %s and %s", a, b)
	}
}

// TestAnEndOfDayThatFailsIsTriedSoon while the terminal takes no cards before it.
func TestAnEndOfDayThatFailsIsTriedSoon(t *testing.T) {
	p := newPlay(t).choose().accept()
	p.must(session.Observation{What: session.HoldEnded, Err: &kiosk.Declined{Class: kiosk.DeclineDayEnd, Code: "F0"}})
	p.must(session.Observation{What: session.Ticked})
	p.must(session.Observation{What: session.DayEndDone, Total: &kiosk.Money{}, Err: kiosk.ErrUnreachable})
	p.clear().after(time.Minute).must(session.Observation{What: session.Ticked})
	p.want("day_end_intent", "end_of_day")
}

// TestATerminalThatBooksNothingBeforeItsDayEnds: no driver is asked for a card, and an operator
// may end the day although a capture waits.
func TestATerminalThatBooksNothingBeforeItsDayEnds(t *testing.T) {
	p := newPlay(t).choose().accept().approve().charge().after(10 * time.Second)
	p.sample(1060)
	p.must(session.Observation{What: session.StopPressed})
	p.finish(1060)
	p.must(session.Observation{What: session.SettlementEnded,
		Err: &kiosk.Declined{Class: kiosk.DeclineDayEnd, Code: "F0"}})
	if err := p.see(session.Observation{What: session.Chosen, Session: "S2", Bay: 3,
		Reference: "ABC1235"}); err == nil {
		t.Error("a card would be asked for")
	}
	if err := p.see(session.Observation{What: session.DayEndAsked}); err == nil {
		t.Error("the day is ended over a hold")
	}
	p.clear().must(session.Observation{What: session.DayEndAsked, Force: true})
	p.want("day_end_intent", "end_of_day")
	p.must(session.Observation{What: session.DayEndDone, Total: &kiosk.Money{Currency: "EUR"}})
	if err := p.see(session.Observation{What: session.Chosen, Session: "S2", Bay: 3,
		Reference: "ABC1235"}); err != nil {
		t.Errorf("afterwards the kiosk does not sell: %v", err)
	}
}

// billed lets a driver charge 2 kWh for 0.98, whose capture is asked for.
func billed(p *play) *play {
	p.choose().accept().approve().charge().after(10 * time.Minute)
	p.sample(3000)
	p.must(session.Observation{What: session.StopPressed})
	return p.finish(3000).clear()
}

func (p *play) list(last *kiosk.CaptureResult, ids ...kiosk.HoldID) {
	p.t.Helper()
	p.must(session.Observation{What: session.TerminalSaid, Session: "S9", Ready: true,
		Open: kiosk.OpenHolds{IDs: ids, Complete: true}, Last: last})
}

// gone gives empty lists for long enough to be believed.
func (p *play) gone(last *kiosk.CaptureResult) {
	p.t.Helper()
	for range 5 {
		p.list(last)
		p.after(31 * time.Second)
	}
}

// week lets the ladder end, of a terminal whose list stays empty.
func (p *play) week(last *kiosk.CaptureResult) {
	p.t.Helper()
	for range 8 * 24 {
		p.after(time.Hour).must(session.Observation{What: session.Ticked})
		p.list(last)
	}
}

func booking(id kiosk.HoldID, minor int64) *kiosk.CaptureResult {
	return &kiosk.CaptureResult{ID: id, Booked: kiosk.Money{Minor: minor, Currency: "EUR"}}
}

// TestNobodyPaysWhileTheDayEnds, although an operator forced it.
func TestNobodyPaysWhileTheDayEnds(t *testing.T) {
	p := newPlay(t)
	p.must(session.Observation{What: session.DayEndAsked, Force: true})
	if err := p.see(session.Observation{What: session.Chosen, Session: "S2", Bay: 3,
		Reference: "ABC1235"}); err == nil {
		t.Error("a card would be asked for")
	}
}

// TestAnEarlierTryMayHaveLanded: the terminal says that it has no hold because the try of
// before was booked after all.
func TestAnEarlierTryMayHaveLanded(t *testing.T) {
	p := billed(newPlay(t))
	p.must(session.Observation{What: session.SettlementEnded, Err: kiosk.ErrOutcomeUnknown})
	p.list(nil, "231")
	p.must(session.Observation{What: session.SettlementEnded,
		Err: &kiosk.Declined{Class: kiosk.DeclineNoHold, Code: "B4"}})
	p.list(booking("232", 98))
	if p.x().Money != session.Captured {
		t.Errorf("money is %s", p.x().Money)
	}
}

// TestAHoldIsNoBooking: the terminal's last result may be the hold itself, of the same
// amount.
func TestAHoldIsNoBooking(t *testing.T) {
	p := newPlay(t).choose().accept().approve().charge()
	p.after(10 * time.Hour).sample(1000 + 120000)
	p.finish(1000 + 120000)
	p.must(session.Observation{What: session.SettlementEnded, Err: kiosk.ErrOutcomeUnknown})
	p.gone(booking("231", 5000))
	p.week(booking("231", 5000))
	if p.x().Money != session.Disputed {
		t.Errorf("money is %s by %+v", p.x().Money, p.x().Result)
	}
}

// TestABookingThatDidNotStandProvesNothing later.
func TestABookingThatDidNotStandProvesNothing(t *testing.T) {
	p := billed(newPlay(t))
	p.must(session.Observation{What: session.SettlementApproved, Result: booking("232", 98)})
	p.must(session.Observation{What: session.SettlementEnded, Err: kiosk.ErrOutcomeUnknown})
	p.list(nil, "231") // it was reversed
	p.must(session.Observation{What: session.SettlementEnded,
		Err: &kiosk.Declined{Class: kiosk.DeclineHost, Code: "9B"}})
	p.after(2 * time.Minute).must(session.Observation{What: session.Ticked})
	p.gone(nil) // and has expired
	p.must(session.Observation{What: session.SettlementEnded, Err: declined(kiosk.DeclineNoHold)})
	p.week(nil)
	if p.x().Money != session.Disputed {
		t.Errorf("money is %s", p.x().Money)
	}
}

// TestALineThatFlapsGivesNothingUp: tries that never arrived do not count as a week.
func TestALineThatFlapsGivesNothingUp(t *testing.T) {
	p := billed(newPlay(t))
	p.must(session.Observation{What: session.SettlementEnded, Err: kiosk.ErrUnreachable})
	for range 60 {
		p.after(20 * time.Second).must(session.Observation{What: session.FaultSeen, Fault: "PT001", Raised: true})
		p.after(20 * time.Second).must(session.Observation{What: session.FaultSeen, Fault: "PT001"})
		p.list(nil, "231")
		p.must(session.Observation{What: session.SettlementEnded, Err: kiosk.ErrUnreachable})
	}
	if p.x().Money != session.CaptureDelayed {
		t.Errorf("money is %s after %d tries", p.x().Money, p.x().Attempt)
	}
}

// TestARestartKeepsWhatSessionsCounted, and no older register that was not sold.
func TestARestartKeepsWhatSessionsCounted(t *testing.T) {
	p := newPlay(t)
	p.rules.Bays[4] = session.BayRules{MaxPower: 22000}
	for bay := 3; bay <= 4; bay++ {
		p.must(session.Observation{What: session.Sampled, Bay: bay, Sample: &session.Sample{Reading: p.reading(1000)}})
	}
	billed := billed(p) // at bay 3; what came before is cleared
	state, err := session.Replay(func(yield func(kiosk.Record, error) bool) {
		for _, e := range append([]session.Event{{Kind: session.RegisterSeen,
			Body: session.RegisterBody{Bay: 4, Reading: *p.reading(1000)}}}, billed.past...) {
			entry, err := e.Entry()
			if !yield(kiosk.Record{Session: entry.Session, Kind: entry.Kind, Body: entry.Body}, err) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, there := state.Registers[4]; there || state.Registers[3].Import != 3000 {
		t.Errorf("registers are %+v", state.Registers)
	}
}

// TestABookingOfAnotherAmountIsNoProof: a late answer to something else came in its place,
// and the hold still stands.
func TestABookingOfAnotherAmountIsNoProof(t *testing.T) {
	p := billed(newPlay(t))
	p.must(session.Observation{What: session.SettlementApproved, Result: booking("351", 0)})
	p.must(session.Observation{What: session.SettlementEnded, Result: booking("351", 0)})
	p.want("capture_unknown", "ask_terminal")
	p.list(booking("351", 0), "231")
	p.want("capture_intent", "capture")
	p.capture(98).want("capture_ok capture_confirmed receipt_final closed", "")
}

// TestWhoeverLooksKeepsNoKioskClosed: a technician, or a script, asks the terminal something every
// second; the kiosk still finds out by itself that the terminal is back.
func TestWhoeverLooksKeepsNoKioskClosed(t *testing.T) {
	simulate(t, func(t *testing.T) {
		s := newSite(t, price)
		s.ready()
		s.life.control.Fault(t.Context(), "PT001", 0, true, errors.New("no answer"))
		for range 30 {
			if err := s.life.control.WithTerminal(t.Context(), func(context.Context) error { return nil }); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if s.life.control.Snapshot().State.Faults[session.FaultAt{Code: "PT001"}] {
			t.Error("after half a minute the terminal still counts as unreachable")
		}
	})
}
