package ocpp_test

import (
	"context"
	"encoding/json"
	"runtime"
	"strings"
	"testing"
	"time"

	"kioskd"
)

// profiled is what a charger was asked of its profile.
type profiled struct {
	Kind     string `json:"chargingProfileKind"`
	Purpose  string `json:"chargingProfilePurpose"`
	ID       int    `json:"transactionId"`
	Schedule struct {
		Start   string `json:"startSchedule"`
		Unit    string `json:"chargingRateUnit"`
		Periods []struct {
			Start int `json:"startPeriod"`
			Limit json.Number
		} `json:"chargingSchedulePeriod"`
	} `json:"chargingSchedule"`
}

// renew asks for an hour more, and answers each form that the server tries.
func (s *stand) renew(p *peer, answers ...string) (asked []profiled, err error) {
	s.t.Helper()
	done := make(chan error, 1)
	go func() {
		done <- s.bay.Renew(context.Background(), kiosk.Grant{Reference: "7GK2M4Q", Fuse: time.Hour})
	}()
	for _, a := range answers {
		var m struct {
			Profile profiled `json:"csChargingProfiles"`
		}
		text := p.asked("SetChargingProfile", `{"status":"`+a+`"}`, nil)
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			s.t.Fatal(err)
		}
		asked = append(asked, m.Profile)
	}
	return asked, <-done
}

// TestAFuse: 22 kW for an hour from now, and then nothing, counted from the transaction's start by the charger's own
// clock. The form that a charger took is the first from then on, also with its next transaction's start.
func TestAFuse(t *testing.T) {
	s := newStand(t)
	p := s.connect()
	s.start(p)
	asked, err := s.renew(p, "Rejected", "Accepted")
	if err != nil {
		t.Fatal(err)
	}
	w, x := asked[0], asked[0].Schedule
	if w.Kind != "Absolute" || w.Purpose != "TxProfile" || w.ID != 1 || x.Start != "2026-03-02T09:00:10.000Z" ||
		x.Unit != "W" || len(x.Periods) != 2 || x.Periods[0].Limit != "22000.0" || x.Periods[1].Limit != "0.0" ||
		x.Periods[1].Start < 3600 || x.Periods[1].Start > 3700 {
		t.Errorf("%+v", w)
	}
	if a := asked[1]; a.Schedule.Unit != "A" || a.Schedule.Periods[0].Limit != "95.6" {
		t.Errorf("%+v", a)
	}
	asked, err = s.renew(p, "Accepted")
	if err != nil || asked[0].Schedule.Unit != "A" {
		t.Errorf("%v, %+v", err, asked)
	}
	p.says("StopTransaction", `{"transactionId":1,"meterStop":2260010,"timestamp":"2026-03-02T09:10:00Z"}`)
	go func() { // the test does not wait for its end
		_ = s.bay.Start(context.Background(), kiosk.Grant{Reference: "7GK2M4R", Fuse: time.Hour})
	}()
	first := p.asked("RemoteStartTransaction", `{"status":"Rejected"}`, nil)
	if !strings.Contains(first, `"chargingProfile":{"chargingProfileId":1`) || !strings.Contains(first, `"Relative"`) ||
		strings.Contains(first, "transactionId") || !strings.Contains(first, `{"startPeriod":3600,"limit":0.0}`) {
		t.Error(first)
	}
	if again := p.asked("RemoteStartTransaction", `{"status":"Rejected"}`, nil); strings.Contains(again, "Profile") {
		t.Error(again)
	}
}

// TestAChargerThatTakesNoFuse says so, or refuses every form again and again.
func TestAChargerThatTakesNoFuse(t *testing.T) {
	t.Run("refuses", func(t *testing.T) {
		s := newStand(t)
		p := s.connect()
		s.start(p)
		for round := range 3 {
			if s.inputs().Unfused {
				t.Fatalf("in round %d it is given up", round)
			}
			if _, err := s.renew(p, "Rejected", "NotSupported", "Rejected", "Rejected", "Rejected",
				"Rejected"); err == nil {
				t.Error("a refusal is no error")
			}
		}
		if !s.inputs().Unfused || !s.server.Chargers()[0].Unfused {
			t.Error("it is taken to stop by itself")
		}
		if _, err := s.renew(p, "Accepted"); err != nil || s.inputs().Unfused {
			t.Errorf("%v, unfused %v", err, s.inputs().Unfused)
		}
	})
	for name, c := range map[string]struct {
		key, value string
		unfused    bool
		unit       string
	}{
		"no smart charging": {"SupportedFeatureProfiles", "Core,RemoteTrigger", true, ""},
		"smart charging":    {"SupportedFeatureProfiles", "Core,SmartCharging", false, "W"},
		"current alone":     {"ChargingScheduleAllowedChargingRateUnit", "Current", false, "A"},
		"A alone":           {"ChargingScheduleAllowedChargingRateUnit", "A", false, "A"},
		"power in words":    {"ChargingScheduleAllowedChargingRateUnit", "Power", false, "W"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t)
			p := s.connectWith(`{"key":"` + c.key + `","readonly":true,"value":"` + c.value + `"},`)
			for len(s.server.Chargers()[0].Refused) == 0 { // its settings were read
				runtime.Gosched()
			}
			s.start(p)
			if got := s.inputs().Unfused; got != c.unfused {
				t.Fatalf("unfused %v", got)
			}
			if c.unfused {
				return
			}
			if asked, err := s.renew(p, "Accepted"); err != nil || asked[0].Schedule.Unit != c.unit {
				t.Errorf("%v, %+v", err, asked)
			}
		})
	}
}
