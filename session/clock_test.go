package session_test

import (
	"testing"
	"testing/synctest"
	"time"

	"kioskd/session"
)

// TestClock is a computer without a battery-backed clock: its time is wrong until the
// network says better.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jump, synced := -24*time.Hour, false
		c := session.NewClock(func() time.Time { return time.Now().Add(jump) }, func() bool { return synced })
		off := func() time.Duration { return time.Until(c.Now()).Round(time.Second) }
		if c.Trusted() || off() != -24*time.Hour {
			t.Fatalf("before the network: trusted %v, off by %v", c.Trusted(), off())
		}
		jump, synced = 0, true
		time.Sleep(time.Second)
		if _, set := c.Look(false); set || c.Trusted() || off() != -24*time.Hour {
			t.Errorf("while a driver charges: set %v, trusted %v, off by %v", set, c.Trusted(), off())
		}
		if from, set := c.Look(true); !set || !c.Trusted() || off() != 0 ||
			time.Since(from).Round(time.Second) != 24*time.Hour {
			t.Errorf("idle: set %v from %v, trusted %v, off by %v", set, from, c.Trusted(), off())
		}
		jump = 3 * time.Hour // a person sets it, and no source vouches for it
		synced = false
		if _, set := c.Look(true); set || !c.Trusted() || off() != 0 {
			t.Errorf("a clock that was right follows one that no source vouches for")
		}
		jump = -time.Hour // the network is wrong: this late it was before
		synced = true
		if _, set := c.Look(true); set || !c.Trusted() {
			t.Error("a clock that was right was set back before what it showed")
		}
	})
}

func TestAClockBehindTheJournalIsNotTrusted(t *testing.T) {
	now := time.Now()
	c := session.NewClock(func() time.Time { return now }, func() bool { return true })
	c.After(now.Add(-time.Hour))
	if !c.Trusted() {
		t.Error("a clock after the journal's last record is not trusted")
	}
	c.After(now.Add(time.Hour))
	if c.Trusted() {
		t.Error("a clock an hour before the journal's last record is trusted")
	}
}

// timed is a price by time of day with a part for time.
const timed = `{"id":"t","currency":"EUR","tax_included":"YES","elements":[
	{"price_components":[{"type":"ENERGY","price":0.40},{"type":"TIME","price":6}],"restrictions":{"start_time":"00:00",
		"end_time":"12:00"}},
	{"price_components":[{"type":"ENERGY","price":0.60},{"type":"TIME","price":6}]}]}`

// bill plays a whole visit of fifteen seconds; disturb is called once it charges.
func bill(t *testing.T, before, disturb func(*site)) (b session.Bill) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, timed)
		before(s)
		s.ready()
		p := goodVisitor()
		p.stop = 0
		disturbed := false
		for end := time.Now().Add(15 * time.Minute); !p.done &&
			time.Now().Before(end); time.Sleep(250 * time.Millisecond) {
			p.look(s)
			if x, ok := s.life.control.Snapshot().State.AtBay(1); ok && x.Power == session.Charging && !disturbed {
				disturbed = true
				disturb(s)
				// between two looks at the bay
				time.Sleep(time.Until(x.Start.At.Add(-time.Duration(s.offset)).Add(15130 * time.Millisecond)))
				s.bays[0].Unplug()
			}
		}
		s.settle(timed, 0)
		if s.offset == 0 { // else the journal's times are not the world's
			s.audit()
		}
		for r := range s.journal.all() {
			if r.Kind == string(session.Billed) {
				e, err := session.FromRecord(r)
				if err != nil {
					t.Fatal(err)
				}
				b = e.Body.(session.BillBody).Bill
			}
		}
	})
	return b
}

// TestAJumpOfTheClockChangesNoBill, neither forward nor back, nor over a change of price.
func TestAJumpOfTheClockChangesNoBill(t *testing.T) {
	nothing := func(*site) {}
	want := bill(t, nothing, nothing)
	if want.Total.Minor == 0 || want.Doubt {
		t.Fatalf("the bill without a jump is %+v", want)
	}
	for _, jump := range []time.Duration{-3 * time.Hour, 13 * time.Hour, 400 * 24 * time.Hour} {
		got := bill(t, nothing, func(s *site) { s.jump.Store(int64(jump)) })
		if got.Total != want.Total || got.Energy != want.Energy || !got.End.Equal(want.End) || got.Doubt {
			t.Errorf("with a jump of %v the bill is %v for %v until %v, want %v for %v until %v", jump, got.Total,
				got.Energy, got.End, want.Total, want.Energy, want.End)
		}
	}
}

// TestADoubtfulClockBillsTheCheapest: no time, and the cheapest hour.
func TestADoubtfulClockBillsTheCheapest(t *testing.T) {
	b := bill(t, func(s *site) {
		s.unsynced.Store(true)
		s.offset = 13 * time.Hour
		s.jump.Store(int64(s.offset))
		restartSite(s)
	}, func(*site) {})
	if want := (int64(b.Energy)*40 + 500) / 1000; b.Total.Minor < want-1 || b.Total.Minor > want+1 || !b.Doubt {
		t.Errorf("bill is %v for %v, doubt %v; at 0.40 it is %d", b.Total, b.Energy, b.Doubt, want)
	}
	for _, l := range b.Lines {
		if l.Dimension != "ENERGY" {
			t.Errorf("a doubtful clock billed %+v", l)
		}
	}
}

// restartSite starts the daemon anew, with the clock as it is now.
func restartSite(s *site) {
	s.life.kill()
	s.restart(timed, time.Second)
}
