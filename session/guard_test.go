package session_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
)

// visitOf plays a whole visit of a card, with energy or without, and returns why it ended.
func (p *play) visitOf(id, card string, energy bool) session.Reason {
	p.t.Helper()
	see := func(o session.Observation) {
		p.t.Helper()
		o.Session = id
		p.must(o)
	}
	see(session.Observation{What: session.Chosen, Bay: 3, Reference: "R" + id})
	see(session.Observation{What: session.Accepted, Offer: offer(5000)})
	h := held(5000)
	h.Card, h.TraceNo = card, id
	see(session.Observation{What: session.HoldApproved, Hold: h})
	see(session.Observation{What: session.HoldEnded})
	if p.state.Sessions[id].Money == session.Held {
		if energy {
			p.sample(1000)
			see(session.Observation{What: session.BaselineRead, Reading: p.reading(1000)})
			see(session.Observation{What: session.ContactorMoved, Closed: true})
			p.after(10 * time.Second)
			see(session.Observation{What: session.StopPressed})
			see(session.Observation{What: session.ContactorMoved})
			see(session.Observation{What: session.FinalRead, Reading: p.reading(1000)})
		} else {
			see(session.Observation{What: session.Cancelled})
		}
	}
	b := &kiosk.CaptureResult{ID: "232", TraceNo: id, Booked: kiosk.Money{Currency: "EUR"}}
	see(session.Observation{What: session.SettlementApproved, Result: b})
	see(session.Observation{What: session.SettlementEnded, Result: b})
	p.after(5 * time.Minute)
	return p.state.Sessions[id].Reason
}

// TestACardIsNotUsedTooOften: the fourth session in two hours, and the fourth hold of which
// no energy came, are given back at once.
func TestACardIsNotUsedTooOften(t *testing.T) {
	for _, energy := range []bool{true, false} {
		p := newPlay(t)
		for _, id := range []string{"A", "B", "C"} {
			if why := p.visitOf(id, "card 1", energy); why == session.ReasonOverused {
				t.Fatalf("session %s was refused", id)
			}
		}
		p.order()
		if why := p.visitOf("D", "card 1", energy); why != session.ReasonOverused {
			t.Errorf("with energy %v the fourth session ended with %q", energy, why)
		}
		if got := p.order(); !strings.Contains(got, "hold_confirmed alert ended release_intent") {
			t.Errorf("journal has %s", got)
		}
		if why := p.visitOf("E", "card 2", energy); why == session.ReasonOverused {
			t.Error("another card was refused, too")
		}
		p.after(2 * time.Hour)
		if why := p.visitOf("F", "card 1", energy); why == session.ReasonOverused {
			t.Error("two hours later it is still refused")
		}
	}
}

// TestCardsThatAreTriedOut: three different cards declined, and no vehicle.
func TestCardsThatAreTriedOut(t *testing.T) {
	try := func(p *play, id, card string) error {
		err := p.see(session.Observation{What: session.Chosen, Session: id, Bay: 3, Reference: "R" + id})
		if err != nil {
			return err
		}
		p.must(session.Observation{What: session.Accepted, Session: id, Offer: offer(5000)})
		p.must(session.Observation{What: session.HoldEnded, Session: id,
			Err: &kiosk.Declined{Class: kiosk.DeclineIssuer, Code: "05", Card: card}})
		p.must(session.Observation{What: session.Cancelled, Session: id})
		p.after(time.Minute)
		p.must(session.Observation{What: session.Ticked})
		return nil
	}
	for name, c := range map[string]struct {
		cards  []string
		paused bool
	}{
		"three cards":           {[]string{"1", "2", "3"}, true},
		"one card, three times": {[]string{"1", "1", "1"}, false},
		"no one observation":    {[]string{"", "", ""}, true},
	} {
		p := newPlay(t)
		for i, card := range c.cards {
			if err := try(p, string(rune('A'+i)), card); err != nil {
				t.Fatal(err)
			}
		}
		if err := try(p, "X", "4"); (err != nil) != c.paused {
			t.Errorf("%s: the next visitor: %v", name, err)
		}
		if c.paused && !strings.Contains(p.order(), "alert") {
			t.Errorf("%s: no alert in the journal", name)
		}
		p.after(11 * time.Minute)
		if err := try(p, "Y", "5"); err != nil {
			t.Errorf("%s: later: %v", name, err)
		}
	}
}

func TestALongSessionIsTold(t *testing.T) {
	p := newPlay(t).choose().accept().approve().charge().clear()
	for range 13 * 6 {
		p.after(10 * time.Minute).sample(1000)
		p.must(session.Observation{What: session.Ticked})
	}
	if n := strings.Count(p.order(), "alert"); n != 0 { // it took no energy: it was ended
		t.Errorf("%d alerts", n)
	}
	p = newPlay(t).choose().accept().approve().charge().clear()
	for i := range int64(13 * 6) {
		p.after(10 * time.Minute).sample(1010 + 10*i)
		p.must(session.Observation{What: session.Ticked})
	}
	if got := p.order(); got != "alert" {
		t.Errorf("journal has %q, want one alert", got)
	}
}

// TestEnergyWithoutASession locks the bay until a technician has looked.
func TestEnergyWithoutASession(t *testing.T) {
	p := newPlay(t)
	look := func(wh int64) {
		p.must(session.Observation{What: session.Sampled, Bay: 3, Sample: &session.Sample{Reading: p.reading(wh)}})
	}
	look(1000)
	p.want("register_seen", "")
	look(1100)
	p.want("", "")
	look(1101)
	p.want("fault_raised", "")
	look(2000)
	p.want("", "")
	if err := p.see(session.Observation{What: session.Chosen, Bay: 3, Reference: "ABC1234"}); err == nil {
		t.Error("the bay sells")
	}
	p.must(session.Observation{What: session.FaultDone, Fault: "MT005", Bay: 3, Reading: p.reading(2000)})
	look(2000)
	p.want("fault_cleared", "")
	p.choose()
	if err := p.see(session.Observation{What: session.FaultDone, Fault: "PT001"}); err == nil {
		t.Error("a fault that ends by itself was cleared by hand")
	}
}

// TestEndOfDay: by the clock, only where nothing is held, once a day, and compared with
// what the journal captured.
func TestEndOfDay(t *testing.T) {
	p := newPlay(t)
	p.rules.DayEnd, p.rules.Location = 3*time.Hour+30*time.Minute, time.UTC
	p.state.Day.Ended = t0.Add(-6 * time.Hour)
	tick := func() { p.must(session.Observation{What: session.Ticked}) }
	done := func(minor int64) {
		p.must(session.Observation{What: session.DayEndDone, Total: &kiosk.Money{Minor: minor, Currency: "EUR"}})
	}
	p.choose().accept().approve().charge().after(time.Minute).sample(2000)
	p.must(session.Observation{What: session.StopPressed})
	p.finish(2000).capture(49).clear()
	p.now = t0.Add(18 * time.Hour) // 03:00
	tick()
	p.want("", "")
	p.now = t0.Add(18*time.Hour + 31*time.Minute)
	tick()
	p.want("day_end_intent", "end_of_day")
	tick()
	p.want("", "")
	p.must(session.Observation{What: session.DayEndDone, Total: &kiosk.Money{Currency: "EUR"},
		Err: kiosk.ErrUnreachable})
	p.want("day_end_failed", "")
	tick()
	p.want("", "")
	p.after(15 * time.Minute)
	tick()
	p.want("day_end_intent", "end_of_day")
	done(49)
	p.want("day_ended", "")
	p.after(15 * time.Minute)
	tick()
	p.want("", "")
	p.now = t0.Add(43 * time.Hour) // next day, and a driver has a hold
	p.must(session.Observation{What: session.Chosen, Session: "S2", Bay: 3, Reference: "ABC1235"})
	p.must(session.Observation{What: session.Accepted, Session: "S2", Offer: offer(5000)})
	p.must(session.Observation{What: session.HoldApproved, Session: "S2", Hold: held(5000)})
	p.must(session.Observation{What: session.HoldEnded, Session: "S2"})
	p.clear()
	tick()
	p.want("", "")
	p.must(session.Observation{What: session.Cancelled, Session: "S2"})
	b := &kiosk.CaptureResult{ID: "240", Booked: kiosk.Money{Currency: "EUR"}}
	p.must(session.Observation{What: session.SettlementEnded, Session: "S2", Result: b})
	p.clear()
	tick()
	p.want("day_end_intent", "end_of_day")
	done(1) // the journal has nothing
	p.want("day_ended alert", "")
	p.now = t0.Add(90 * time.Hour)
	tick()
	if !p.state.Faults[session.FaultAt{Code: "PT006"}] {
		t.Error("an end-of-day that is two days late is no fault")
	}
}

// TestARestartKnowsNotWhetherTheDayEnded, and tries again.
func TestARestartKnowsNotWhetherTheDayEnded(t *testing.T) {
	p := newPlay(t)
	p.must(session.Observation{What: session.DayEndAsked})
	p.must(session.Observation{What: session.DrainAsked, Raised: true})
	p.clear().must(session.Observation{What: session.Booted})
	p.want("drain_ended day_end_failed", "")
}

func TestNoHostIsToldBeforeSomebodyWalksUp(t *testing.T) {
	p := newPlay(t)
	for _, id := range []string{"A", "B"} {
		p.must(session.Observation{What: session.Chosen, Session: id, Bay: 3, Reference: "R" + id})
		p.must(session.Observation{What: session.Accepted, Session: id, Offer: offer(5000)})
		p.must(session.Observation{What: session.HoldEnded, Session: id,
			Err: &kiosk.Declined{Class: kiosk.DeclineHost, Code: "9B"}})
		p.after(time.Second).must(session.Observation{What: session.Ticked})
	}
	if _, down := p.state.Down(3); !down {
		t.Error("after two payments without a host the kiosk still offers cards")
	}
	p.after(time.Minute).must(session.Observation{What: session.Ticked})
	if code, down := p.state.Down(3); down {
		t.Errorf("a minute later no technician may try: %s", code)
	}
}

// TestOwnLimits: a driver's own limit in money ends before it is passed, one in time when
// it is over.
func TestOwnLimits(t *testing.T) {
	for name, limit := range map[string]session.Limit{
		"cost": {Cost: &kiosk.Money{Minor: 1000, Currency: "EUR"}},
		"time": {Time: 3600},
	} {
		p := newPlay(t).choose()
		o := offer(5000)
		o.Limit = &limit
		p.must(session.Observation{What: session.Accepted, Offer: o})
		p.approve().charge().clear()
		for wh := int64(1000); p.x().Power == session.Charging && wh < 60000; wh += 6 {
			p.after(time.Second).sample(wh)
		}
		if p.x().Reason != session.ReasonOwnLimit {
			t.Errorf("%s: ended with %q", name, p.x().Reason)
		}
		p.finish(int64(p.x().Last.Import) + 20)
		if b := p.x().Bill; limit.Cost != nil && (b.Total.Minor > 1000 || b.Total.Minor < 980) {
			t.Errorf("billed %v of a limit of %v", b.Total, limit.Cost)
		}
		if took := p.now.Sub(p.x().Start.At); limit.Time > 0 && took != time.Hour {
			t.Errorf("ended after %v", took)
		}
	}
}

// TestAStopCodeIsInNoRecord: it is derived, the same after a restart, and another one for each
// session. A journal of version 0.1 has it in clear, and its sessions are still stopped by it.
func TestAStopCodeIsInNoRecord(t *testing.T) {
	codes := session.Codes([]byte("key"))
	if a, b, c := codes("S1"), session.Codes([]byte("key"))("S1"), codes("S2"); a != b || a == c || len(a) != 4 {
		t.Errorf("codes %q, %q, %q", a, b, c)
	}
	if a, b := codes("S1"), session.Codes([]byte("other"))("S1"); a == b {
		t.Errorf("the key changes nothing: %q", a)
	}
	p := running(t)
	for _, e := range p.past {
		entry, err := e.Entry()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(entry.Body, []byte("4711")) || bytes.Contains(entry.Body, []byte("stop_code")) {
			t.Errorf("%s: %s", e.Kind, entry.Body)
		}
	}
	p.must(session.Observation{What: session.CodeEntered, Code: "4711"})
	if x := p.state.Sessions["S1"]; x.Proof != session.ProofGiven {
		t.Errorf("the right code: %s", x.Proof)
	}
	old := session.Session{ID: "S9", StopCode: "0815"}
	if got := p.rules.StopCode(old); got != "0815" {
		t.Errorf("a session of version 0.1: %q", got)
	}
	if got := (session.Rules{}).StopCode(session.Session{ID: "S9"}); got != "" {
		t.Errorf("without a key: %q", got)
	}
}
