package session_test

import (
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
)

// running is a session that charges with 22 kW, whose last journaled register is 2000, at a bay
// with another one beside it.
func running(t *testing.T) *play {
	p := newPlay(t)
	p.rules.Bays[4] = session.BayRules{MaxPower: 22000}
	p.choose().accept().approve().charge()
	return p.look(10*time.Minute, 2000)
}

// look lets time pass and looks at the bay then.
func (p *play) look(d time.Duration, wh int64, change ...func(*session.Sample)) *play {
	p.after(d).sample(wh, change...)
	return p
}

func watts(w kiosk.Power) func(*session.Sample) {
	return func(s *session.Sample) { s.Reading.Power = w }
}

func serial(n string) func(*session.Sample) {
	return func(s *session.Sample) { s.Reading.Serial = n }
}

// TestWhatIsAdopted: after a restart a session goes on only where it is proven that the vehicle is
// the same, and what was counted while no daemon looked is billed only then.
func TestWhatIsAdopted(t *testing.T) {
	for name, c := range map[string]struct {
		gap    time.Duration
		wh     int64 // at the first look
		change func(*session.Sample)
		adopts bool
	}{
		"at once":                            {2 * time.Second, 2012, nil, true},
		"at once, paused":                    {2 * time.Second, 2000, idle, true},
		"energy never paused":                {20 * time.Second, 2120, nil, true},
		"it paused for five seconds":         {20 * time.Second, 2092, nil, false},
		"another vehicle came":               {20 * time.Second, 2040, nil, false},
		"no vehicle took any":                {20 * time.Second, 2000, idle, false},
		"no energy now":                      {20 * time.Second, 2120, watts(0), false},
		"for too long":                       {2 * time.Minute, 2733, nil, false},
		"1000 kWh ahead":                     {2 * time.Second, 1_002_000, nil, false},
		"150 Wh ahead":                       {2 * time.Second, 2162, nil, false},
		"behind":                             {2 * time.Second, 1990, nil, false},
		"another meter at the same register": {2 * time.Second, 2012, serial("2"), false},
		"the clock went back":                {-time.Hour, 2012, nil, false},
	} {
		p := running(t)
		p.after(c.gap).must(session.Observation{What: session.Booted})
		change := c.change
		if change == nil {
			change = func(*session.Sample) {}
		}
		p.sample(c.wh, change)
		if got := p.x().Power == session.Charging; got != c.adopts {
			t.Errorf("%s: adopted %v, want %v", name, got, c.adopts)
		}
		if c.adopts {
			p.must(session.Observation{What: session.StopPressed})
			if p.finish(c.wh); p.x().Bill.Energy != kiosk.Energy(c.wh-1000) {
				t.Errorf("%s: billed %v", name, p.x().Bill.Energy)
			}
			continue
		}
		if p.finish(c.wh + 6); p.x().Bill.Energy != 1000 {
			t.Errorf("%s: billed %v, the journal had 1.000 kWh", name, p.x().Bill.Energy)
		}
	}
}

// TestKilledWhileItStops: the contactor may have stayed closed for as long as no daemon looked.
func TestKilledWhileItStops(t *testing.T) {
	p := running(t)
	p.must(session.Observation{What: session.StopPressed})
	p.after(20 * time.Second).must(session.Observation{What: session.Booted})
	if p.finish(2100); p.x().Bill.Energy != 1000 {
		t.Errorf("billed %v", p.x().Bill.Energy)
	}
	p = running(t)
	p.must(session.Observation{What: session.StopPressed})
	p.must(session.Observation{What: session.ContactorMoved})
	p.after(20 * time.Second).must(session.Observation{What: session.Booted}) // it was seen open before
	p.must(session.Observation{What: session.FinalRead, Reading: p.reading(2004)})
	if p.x().Bill.Energy != 1004 {
		t.Errorf("billed %v", p.x().Bill.Energy)
	}
}

// TestEveryStopWritesDownWhatWasShown, and that is billed where the meter is never read again.
func TestEveryStopWritesDownWhatWasShown(t *testing.T) {
	stop := func(by string) func(*play) {
		return func(p *play) {
			p.must(session.Observation{What: session.StopPressed, By: by, Live: p.live()})
		}
	}
	for name, end := range map[string]func(*play){
		"stopped":       stop(session.ByScreen),
		"by a person":   stop("back office"),
		"shut down":     func(p *play) { p.must(session.Observation{What: session.Shutdown, Live: p.live()}) },
		"unplugged":     func(p *play) { p.sample(2048, unplugged) },
		"emergency":     func(p *play) { p.sample(2048, func(s *session.Sample) { s.Inputs.Emergency = true }) },
		"meter lost":    func(p *play) { p.sample(2048, meterGone) },
		"meter wrong":   func(p *play) { p.sample(2048, meterWrong) },
		"power dropped": func(p *play) { p.sample(2048, opened) },
	} {
		p := running(t).look(8*time.Second, 2048) // shown, and not journaled
		if p.x().Last.Import != 2000 {
			t.Fatalf("%v was journaled", p.x().Last.Import)
		}
		end(p)
		p.must(session.Observation{What: session.ContactorMoved})
		p.must(session.Observation{What: session.FinalRead, Err: kiosk.ErrUnreachable})
		if b := p.x().Bill; b == nil || b.Energy != 1048 {
			t.Errorf("%s: billed %+v", name, b)
		}
	}
}

// live is what the controller has of the bay: the last look.
func (p *play) live() map[int]session.Sample {
	return map[int]session.Sample{3: {Good: &kiosk.Reading{At: p.now, Import: 2048, Power: 22000, Serial: "1"}}}
}

// TestOneJudge: what the guard of a meter accepts is billed. A register may be ahead by its
// tolerance, once, whatever was journaled in between.
func TestOneJudge(t *testing.T) {
	register := kiosk.Register{MaxPower: 22000}
	most := int64(register.Tolerance(2000))
	for ahead := int64(0); ahead <= most; ahead++ {
		p := running(t)
		p.look(time.Second, 2006+ahead, unplugged)
		if p.finish(2006 + ahead); p.x().Bill.Energy != kiosk.Energy(1006+ahead) {
			t.Fatalf("%d Wh ahead: billed %v", ahead, p.x().Bill.Energy)
		}
	}
}

// TestARegisterThatRollsOver is billed over its modulus, step by step and at once.
func TestARegisterThatRollsOver(t *testing.T) {
	for name, looks := range map[string][]int64{
		"while charging": {999_999_990, 40, 100},
		"at the end":     {999_999_990},
		"only the last":  nil,
	} {
		p := newPlay(t)
		p.rules.Bays[3] = session.BayRules{MaxPower: 22000, Modulus: 1_000_000_000}
		p.choose().accept().approve()
		p.sample(999_999_950)
		p.must(session.Observation{What: session.BaselineRead, Reading: p.reading(999_999_950)})
		p.must(session.Observation{What: session.ContactorMoved, Closed: true})
		for _, wh := range looks {
			p.look(10*time.Second, wh)
		}
		p.look(10*time.Second, 150, unplugged)
		p.finish(152)
		if b := p.x().Bill; b.Energy != 202 || b.Rolled != 1_000_000_000 || b.From != 999_999_950 || b.To != 152 {
			t.Errorf("%s: %+v", name, b)
		}
	}
}

// TestWiresThatAreCrossed: a contactor is closed, and another bay's meter counts. No driver is billed,
// and both bays are closed until a person has looked at them.
func TestWiresThatAreCrossed(t *testing.T) {
	for name, c := range map[string]struct {
		wh     int64 // at the session's own meter, after 20 s
		beside session.Sample
		found  bool
	}{
		"crossed":              {1000, session.Sample{Reading: &kiosk.Reading{Power: 11000}}, true},
		"this one counts, too": {1100, session.Sample{Reading: &kiosk.Reading{Power: 11000}}, false},
		"no vehicle draws":     {1000, session.Sample{Reading: &kiosk.Reading{Power: 3}}, false},
		"its own contactor closed": {1000, session.Sample{Reading: &kiosk.Reading{Power: 11000},
			Inputs: kiosk.BayInputs{Closed: true}}, false},
		"its inputs are not read": {1000, session.Sample{Reading: &kiosk.Reading{Power: 11000},
			InputsLost: time.Second}, false},
	} {
		p := newPlay(t)
		p.rules.Bays[4] = session.BayRules{MaxPower: 22000}
		p.choose().accept().approve().charge()
		p.after(20 * time.Second)
		c.beside.Reading.At = p.now
		sm := session.Sample{Inputs: kiosk.BayInputs{Plugged: true, Requesting: true, Closed: true},
			Reading: p.reading(c.wh)}
		sm.Reading.Power = 0
		if c.wh > 1000 {
			sm.Reading.Power = 22000
		}
		p.must(session.Observation{What: session.Sampled, Bay: 3, Sample: &sm,
			Live: map[int]session.Sample{3: sm, 4: c.beside}})
		found := p.x().Power == session.Stopping
		if found != c.found || p.state.Faults[session.FaultAt{Code: kiosk.FaultMeterCrossed, Bay: 3}] != c.found ||
			p.state.Faults[session.FaultAt{Code: kiosk.FaultMeterCrossed, Bay: 4}] != c.found {
			t.Errorf("%s: found %v, faults %v", name, found, p.state.Faults)
		}
		if !found {
			continue
		}
		if p.finish(c.wh); p.x().Money != session.ReleaseAsked {
			t.Errorf("%s: money is %s", name, p.x().Money)
		}
		for _, bay := range []int{3, 4} {
			p.must(session.Observation{What: session.FaultDone, Fault: kiosk.FaultMeterCrossed, Bay: bay,
				By: "technician"})
		}
	}
}

// TestARegisterIsTrueWhereItStands: a person may say so, of the same meter, while no session has the bay.
func TestARegisterIsTrueWhereItStands(t *testing.T) {
	p := newPlay(t)
	p.must(session.Observation{What: session.FaultSeen, Fault: "MT003", Bay: 3, Raised: true})
	done := session.Observation{What: session.FaultDone, Fault: "MT003", Bay: 3, By: "technician",
		Reading: p.reading(9000)}
	if err := p.see(done); err == nil {
		t.Error("cleared although the meter was not asked")
	}
	swapped := *p.reading(1000)
	swapped.Serial = "2"
	done.Old = &swapped
	if p.see(done) == nil {
		t.Error("cleared although another meter answers")
	}
	done.Old = p.reading(1000)
	p.must(done)
	if _, down := p.state.Down(3); down || p.state.Registers[3].Import != 9000 || p.state.Known[3].Import != 9000 {
		t.Errorf("down %v, register %v, known %v", down, p.state.Registers[3].Import, p.state.Known[3].Import)
	}
}
