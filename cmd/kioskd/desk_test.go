package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/simulator"
	"kioskd/site"
	"kioskd/ui"
)

// staffer is a person with a code at the screen of a running daemon.
type staffer struct {
	operator
	ctx context.Context
}

func (s staffer) touch(k ui.InputKind, value string) {
	s.t.Helper()
	for end := time.Now().Add(hang); ; { // a view may change under the finger
		err := s.d.Touch(s.ctx, k, value)
		if err == nil {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("%s %s on %s: %v", k, value, s.d.Now.Screen, err)
		}
		s.await("another view", func(v ui.View) bool { return true })
		select {
		case s.d.Now = <-s.d.Views:
		case <-s.ctx.Done():
			s.t.Fatal(s.ctx.Err())
		}
	}
}

func (s staffer) await(what string, ok func(ui.View) bool) {
	s.t.Helper()
	if err := s.d.Await(s.ctx, ok, what); err != nil {
		s.t.Fatal(err)
	}
}

// enter opens the pages of a role by its code.
func (s staffer) enter(code, role string) {
	s.t.Helper()
	s.await("the price", func(v ui.View) bool { return v.Screen == ui.Attract })
	s.touch(ui.Staff, "")
	s.await("the code's screen", func(v ui.View) bool { return v.Screen == ui.StaffCode })
	for i, c := range code {
		s.touch(ui.Digit, string(c))
		s.await("a digit", func(v ui.View) bool { return v.Staff != nil && v.Staff.Digits == i+1 })
	}
	s.touch(ui.StaffDo, "code")
	s.page(role)
}

func (s staffer) page(page string) {
	s.t.Helper()
	s.await("page "+page, func(v ui.View) bool { return v.Staff != nil && v.Staff.Page == page && !v.Staff.Busy })
}

func (s staffer) goTo(page string) {
	s.t.Helper()
	s.touch(ui.StaffDo, ui.GoTo+page)
	s.page(page)
	for _, r := range s.d.Now.Staff.Rows {
		if r.Key == "staff.failed" {
			s.t.Errorf("page %s says %+v", page, r)
		}
	}
}

// do carries an action out, confirmed where it is asked, and returns what came of it.
func (s staffer) do(action string) ui.Row {
	s.t.Helper()
	s.touch(ui.StaffDo, action)
	if strings.HasPrefix(action, ui.Confirmed) {
		s.await("the question", func(v ui.View) bool { return v.Staff != nil && v.Staff.Ask != nil })
		s.touch(ui.StaffDo, "yes")
		s.await("the answer to the question", func(v ui.View) bool { return v.Staff != nil && v.Staff.Ask == nil })
	}
	s.await("what came of "+action, func(v ui.View) bool {
		return v.Staff != nil && v.Staff.Note != nil && !v.Staff.Busy
	})
	return *s.d.Now.Staff.Note
}

func (s staffer) back(to string) {
	s.t.Helper()
	s.touch(ui.Back, "")
	s.page(to)
}

// TestTheTechnicianAtTheScreen opens every page of a real site and does what is on them.
func TestTheTechnicianAtTheScreen(t *testing.T) {
	t.Parallel() // it mostly waits
	ctx, stop := context.WithTimeout(context.Background(), hang)
	defer stop()
	s := staffer{newOperator(t, 2, simulator.Faults{}), ctx}
	s.until("doctor", `bay 2 +ok`)
	s.enter("271828", ui.RoleTechnician)
	for _, page := range site.TechnicianPages {
		s.goTo(page)
		if v := s.d.Now.Staff; len(v.Rows) == 0 {
			t.Errorf("page %s is empty", page)
		}
		s.back(ui.RoleTechnician)
	}
	s.goTo("contactors")
	if got := s.do("!test:1"); got.Key != "test.ok" {
		t.Errorf("the test of a good contactor says %+v", got)
	}
	s.s.Bays[1].Plug(simulator.GoodCar())
	s.until("doctor", `bay 2 .*vehicle plugged in`)
	if got := s.do("!test:2"); got.Key != "staff.failed" || !strings.Contains(got.Args[0].Text, "vehicle") {
		t.Errorf("with a vehicle the test says %+v", got)
	}
	s.s.Bays[1].Unplug()
	s.back(ui.RoleTechnician)
	s.goTo("meters")
	if got := s.do("!swap:1"); got.Key != "staff.failed" ||
		!strings.Contains(got.Args[0].Text, "still number 20260001") {
		t.Errorf("a meter that was not exchanged says %+v", got)
	}
	s.back(ui.RoleTechnician)
	s.goTo("terminal")
	if got := s.do("!dayend"); got.Key != "pt.ended" || got.State != "ok" {
		t.Errorf("the end of the day says %+v", got)
	}
	s.back(ui.RoleTechnician)
	s.goTo("journal")
	if got := s.do("verify"); got.Key != "journal.good" {
		t.Errorf("the check of the journal says %+v", got)
	}
	s.back(ui.RoleTechnician)
	s.goTo("export")
	if got := s.do("export"); got.Key != "staff.failed" || !strings.Contains(got.Args[0].Text, "no stick") {
		t.Errorf("without a stick the export says %+v", got)
	}
	s.until("journal export", `"kind":"contactor_tested"`)
	s.until("journal export", `"kind":"access_granted"`)
}

// TestTheHostAtTheScreen closes a bay, gives energy away, and sees what was sold.
func TestTheHostAtTheScreen(t *testing.T) {
	t.Parallel() // it mostly waits
	ctx, stop := context.WithTimeout(context.Background(), hang)
	defer stop()
	s := staffer{newOperator(t, 2, simulator.Faults{}), ctx}
	s.until("doctor", `bay 2 +ok`)
	s.enter("314159", ui.RoleHost)
	s.goTo("close")
	if got := s.do("shut:2:on"); got.Key != "staff.done" {
		t.Errorf("closing a bay says %+v", got)
	}
	s.until("doctor", `bay 2 .*HO001`)
	s.await("the bay to be shown as closed", func(v ui.View) bool {
		return v.Staff != nil && len(v.Staff.Rows) == 2 && v.Staff.Rows[1].Key == "close.closed"
	})
	if got := s.do("shut:2:off"); got.Key != "staff.done" {
		t.Errorf("opening a bay says %+v", got)
	}
	s.back(ui.RoleHost)
	s.goTo("free")
	if got := s.do("!free:1"); got.Key != "free.ok" {
		t.Errorf("giving energy away says %+v", got)
	}
	start := s.s.Bays[0].State().Register
	s.s.Bays[0].Plug(simulator.Car{Power: 22000, Need: 60_000})
	s.until("journal export", `"kind":"stop_intent".*"reason":"own_limit"`) // at twenty kilowatt-hours
	s.until("journal export", `"kind":"closed"`)
	if given := s.s.Bays[0].State().Register - start; given < 19_000 { // how much more, the machine's speed says
		t.Errorf("%v were given away", given)
	}
	s.back(ui.RoleHost)
	s.goTo("today")
	if v := s.d.Now.Staff; len(v.Bars) != 24 || v.Rows[0].Args[0].Money.Minor != 0 ||
		*v.Rows[1].Args[0].Energy < kiosk.Energy(19_000) {
		t.Errorf("%+v", v.Rows)
	}
	broken, err := s.s.Audit(ctx)
	if err != nil || len(broken) > 0 {
		t.Errorf("the audit says %v %v", broken, err)
	}
}
