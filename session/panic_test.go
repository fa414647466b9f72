package session_test

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"kioskd/session"
	"kioskd/ui"
)

// TestAPanicOfADriver opens the bay's contactor, is a fault that is written down, and ends nothing
// else: the other bay's driver charges on, and both are billed.
func TestAPanicOfADriver(t *testing.T) {
	for _, call := range []string{"meter", "inputs", "contactor", "hold", "held", "list", "capture", "captured"} {
		t.Run(call, func(t *testing.T) {
			simulate(t, func(t *testing.T) {
				s := newSite(t, price)
				s.ready()
				beside := &visitor{bay: 2, card: card(), car: car(), away: true, unplug: 4000}
				for range 600 {
					beside.look(s)
					time.Sleep(250 * time.Millisecond)
					if screen := s.life.look().Screen; s.bays[1].State().Closed &&
						(screen == ui.Bays || screen == ui.Attract) {
						break
					}
				}
				if !s.bays[1].State().Closed {
					t.Fatal("bay 2 does not charge")
				}
				first := goodVisitor()
				during := call == "meter" || call == "inputs"
				if !during {
					s.boom.Store(&call)
				}
				for end := time.Now().Add(15 * time.Minute); !first.done &&
					time.Now().Before(end); time.Sleep(250 * time.Millisecond) {
					first.look(s)
					if during && s.bays[0].State().Register > 1_000_500 {
						s.boom.Store(&call)
						during = false
					}
				}
				for end := time.Now().Add(2 * time.Minute); s.boom.Load() != nil && time.Now().Before(end); {
					time.Sleep(time.Second) // the list is asked for once a minute
				}
				if s.boom.Load() != nil {
					t.Error("it did not panic")
				}
				if s.life.over() {
					t.Fatal("the daemon ended")
				}
				s.bays[0].Unplug()
				time.Sleep(20 * time.Second) // the fault ends once the device is read again
				var faults []string
				for r := range s.journal.all() {
					if strings.HasPrefix(r.Kind, "fault_") && strings.Contains(string(r.Body), `"SW001"`) {
						faults = append(faults, r.Kind)
					}
				}
				if !slices.Equal(faults, []string{"fault_raised", "fault_cleared"}) {
					t.Errorf("faults: %v", faults)
				}
				if !s.bays[1].State().Closed {
					t.Error("bay 2 does not charge any longer")
				}
				s.bays[1].Unplug()
				s.settle(price, 0)
				s.audit()
			})
		})
	}
}

// TestAPanicHasTwoTexts: one line for the journal, and for the log the place where it happened.
func TestAPanicHasTwoTexts(t *testing.T) {
	err := session.Contain(func() { panic("driver") })
	if err == nil || err.Error() != "panic: driver" {
		t.Errorf("error %q", err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Error("failed", "error", err)
	if !strings.Contains(log.String(), "panic_test.go") {
		t.Errorf("the log has no place: %s", &log)
	}
}
