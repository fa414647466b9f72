package session_test

import (
	"testing"

	"kioskd"
	"kioskd/session"
)

// movesTo is a driver who paid for bay 3, plugged in at bay 4, and touches that they want to charge there.
func (p *play) movesTo(sm session.Sample) error {
	return p.see(session.Observation{What: session.MoveAsked, Bay: 4, EVSE: "DE*X*E4",
		Live: map[int]session.Sample{4: sm}})
}

func twoBays(t *testing.T) *play {
	p := newPlay(t)
	p.rules.Bays[4] = session.BayRules{MaxPower: 22000}
	return p
}

// here is a vehicle that was plugged in.
func here() session.Sample { return session.Sample{Inputs: kiosk.BayInputs{Plugged: true}} }

// TestACableAtAnotherBay: the driver charges where they plugged in, with the same hold and offer; it is written down,
// what
// is counted is the other bay's register, and the bay that they left is free.
func TestACableAtAnotherBay(t *testing.T) {
	p := twoBays(t).choose().accept().approve().clear()
	before := p.x()
	if err := p.movesTo(here()); err != nil {
		t.Fatal(err)
	}
	p.want("bay_moved", "look_at_bay")
	if x := p.x(); x.Bay != 4 || x.EVSE != "DE*X*E4" || *x.Hold != *before.Hold || x.Offer != before.Offer ||
		x.Money != session.Held || x.Power != session.Waiting {
		t.Errorf("they charge at bay %d %s with %+v: money %s, power %s", x.Bay, x.EVSE, x.Hold, x.Money, x.Power)
	}
	if _, taken := p.state.AtBay(3); taken {
		t.Error("the bay that they left is not free")
	}
	sm := here()
	sm.Inputs.Requesting, sm.Reading, sm.Good = true, p.reading(7000), p.reading(7000)
	p.must(session.Observation{What: session.Sampled, Bay: 4, Sample: &sm})
	if len(p.cmds) != 1 || p.cmds[0].Do != session.ReadBaseline || p.cmds[0].Bay != 4 {
		t.Fatalf("the vehicle leads to %+v", p.cmds)
	}
	p.must(session.Observation{What: session.BaselineRead, Reading: p.reading(7000)})
	if x, _ := p.state.AtBay(4); x.ID != "S1" || x.Start.Import != 7000 {
		t.Errorf("at bay 4 is %q from %v on", x.ID, x.Start)
	}
}

// TestWhoMayNotMove: no session moves to a bay where it would charge another vehicle, or none, or not safely; nor
// before
// its hold stands, nor once it has begun, or is over.
func TestWhoMayNotMove(t *testing.T) {
	inputs := func(change func(*kiosk.BayInputs)) session.Sample {
		sm := here()
		change(&sm.Inputs)
		return sm
	}
	lost := here()
	lost.InputsLost = 1
	waiting := func(p *play) { p.choose().accept().approve() }
	for name, c := range map[string]struct {
		reach func(*play)
		sm    session.Sample
	}{
		"no vehicle is there":     {waiting, inputs(func(in *kiosk.BayInputs) { in.Plugged = false })},
		"its contactor is closed": {waiting, inputs(func(in *kiosk.BayInputs) { in.Closed = true })},
		"its inputs are lost":     {waiting, lost},
		"another session has it": {func(p *play) {
			waiting(p)
			p.must(session.Observation{What: session.Chosen, Session: "S2", Bay: 4, Reference: "DEF5678"})
		}, here()},
		"it has a fault": {func(p *play) {
			waiting(p)
			p.must(session.Observation{What: session.FaultSeen, Fault: kiosk.FaultInputsUnreachable, Bay: 4,
				Raised: true})
		}, here()},
		"the host closed it": {func(p *play) {
			waiting(p)
			p.must(session.Observation{What: session.ShutAsked, Bay: 4, Raised: true, By: "host"})
		}, here()},
		"there is no such bay": {func(p *play) { waiting(p); delete(p.rules.Bays, 4) }, here()},
		"nothing is held yet":  {func(p *play) { p.choose().accept() }, here()},
		"the price is shown":   {func(p *play) { p.choose() }, here()},
		"it charges already":   {func(p *play) { waiting(p); p.charge() }, here()},
		"it was cancelled": {func(p *play) {
			waiting(p)
			p.must(session.Observation{What: session.Cancelled})
		}, here()},
		"the first register is read": {func(p *play) { waiting(p); p.sample(1000) }, here()},
	} {
		p := twoBays(t)
		c.reach(p)
		p.clear()
		bay := p.x().Bay
		if err := p.movesTo(c.sm); err == nil || p.x().Bay != bay || len(p.journal) > 0 {
			t.Errorf("where %s the session moves to bay %d: %v", name, p.x().Bay, err)
		}
	}
}
