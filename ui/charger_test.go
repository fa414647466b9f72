package ui_test

import (
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/ui"
)

// TestAChargerThatNeverBegan: its session has no register, and its driver sees how it ends, also after a restart.
func TestAChargerThatNeverBegan(t *testing.T) {
	s := newStage(t)
	s.rules.Chargers[3] = session.NewChargerRules(15*time.Minute, 10*time.Second)
	s.hold()
	s.bay = kiosk.BayInputs{Plugged: true, Requesting: true}
	none := func(sm *session.Sample) { sm.Reading, sm.Good = nil, nil }
	s.look(0, none)
	if v := look(s.p); v.Screen != ui.PlugIn || v.Message != "starting" {
		t.Errorf("while the charger is asked it shows %s %s", v.Screen, v.Message)
	}
	s.bay.Plugged = false
	s.look(0, none)
	if v := look(s.p); v.Screen != ui.Wait || v.Message != "stopping" {
		t.Errorf("while it is asked to end it shows %s %s", v.Screen, v.Message)
	}
	s.see(session.Observation{What: session.ContactorMoved})
	if v := look(s.p); v.Screen != ui.Wait && v.Screen != ui.Final {
		t.Errorf("once it has ended it shows %s %s", v.Screen, v.Message)
	}
	if x := s.state.Sessions["S1"]; x.Start != nil || x.Power == session.Charging {
		t.Errorf("it is %+v", x)
	}
}

// TestAChargerThatIsCutOff: its driver reads since when, and what they pay at most: what 22 kW deliver in 15 minutes
// after 1 kWh, at 0.49.
func TestAChargerThatIsCutOff(t *testing.T) {
	s := newStage(t)
	s.rules.Bays[3] = session.BayRules{MaxPower: 22000}
	s.rules.Chargers[3] = session.NewChargerRules(15*time.Minute, 10*time.Second)
	s.hold()
	s.bay = kiosk.BayInputs{Plugged: true, Requesting: true}
	none := func(sm *session.Sample) { sm.Reading, sm.Good = nil, nil }
	s.look(0, none)
	x := s.state.Sessions["S1"]
	s.see(session.Observation{What: session.ChargerStarted, Bay: 3, Reading: s.reading(1000),
		Transaction: &kiosk.Transaction{ID: 1, Charger: "WB-1", Connector: 1, IDTag: x.Reference}})
	s.see(session.Observation{What: session.ContactorMoved, Closed: true, Bay: 3})
	s.bay.Closed, s.bay.For = true, x.Reference
	s.after(10 * time.Second)
	s.look(1600)
	at, good := s.now, s.reading(1600)
	if v := look(s.p); v.Cut != nil || v.Screen != ui.Charging {
		t.Fatalf("it shows %s, %+v", v.Screen, v.Cut)
	}
	s.after(2 * time.Second)
	s.look(1600, func(sm *session.Sample) {
		sm.InputsLost, sm.MeterLost, sm.Reading, sm.Good = 11*time.Second, 11*time.Second, nil, good
	})
	v := look(s.p)
	if v.Screen != ui.Charging || v.Message != "lost" || v.Cut == nil || !v.Cut.Until.Equal(at) ||
		v.Cut.Most != eur(299) || v.Cost != eur(29) {
		t.Errorf("it shows %s %s, %+v, %v", v.Screen, v.Message, v.Cut, v.Cost)
	}
}
