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
	s.rules.Chargers = map[int]session.ChargerRules{3: session.NewChargerRules(15*time.Minute, 10*time.Second)}
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
