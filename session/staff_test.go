package session_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
)

// TestWhoNeedsLongerIsGivenIt, ten times as long at most, and the terminal waits longer, too.
func TestWhoNeedsLongerIsGivenIt(t *testing.T) {
	p := newPlay(t)
	p.must(session.Observation{What: session.Chosen, Bay: 3, Reference: "ABC1234"})
	for range 9 {
		p.after(80 * time.Second)
		p.must(session.Observation{What: session.MoreAsked})
	}
	if err := p.see(session.Observation{What: session.MoreAsked}); err == nil {
		t.Error("an eleventh time was given")
	}
	p.after(80 * time.Second)
	p.must(session.Observation{What: session.Ticked})
	if p.x().Record != session.RecordOpen {
		t.Error("their time ended sooner than ten leases")
	}
	if got, want := p.order(), "bay_lease"+strings.Repeat(" time_given", 9); got != want {
		t.Errorf("journal has %s", got)
	}
	p.must(session.Observation{What: session.Accepted, Offer: offer(5000)})
	if c := p.cmds[len(p.cmds)-1]; c.Do != session.AskHold || c.Times != 10 {
		t.Errorf("the card is waited for %d times as long", c.Times)
	}
	p.must(session.Observation{What: session.HoldApproved, Hold: held(5000)})
	p.must(session.Observation{What: session.HoldEnded})
	p.after(29 * time.Minute)
	p.must(session.Observation{What: session.Ticked})
	if p.x().Power != session.Waiting {
		t.Error("the vehicle was not waited for ten times as long")
	}
	p.after(2 * time.Minute)
	p.must(session.Observation{What: session.Ticked})
	if p.x().Reason != session.ReasonNoPlug {
		t.Errorf("it is waited for for ever: %s", p.x().Power)
	}
}

func free(wh kiosk.Energy) *session.Offer {
	return &session.Offer{Tariff: []byte(
		`{"id":"free","currency":"EUR","tax_included":"YES","elements":[{"price_components":[{"type":"ENERGY",
			"price":0}]}]}`),
		Hold: kiosk.Money{Currency: "EUR"}, Language: "en", Timezone: "Europe/Berlin",
		Limit: &session.Limit{Energy: wh}}
}

// TestAFreeChargeTakesNothing: the host's word stands in the place of a hold, up to its limit;
// nothing is asked of the terminal.
func TestAFreeChargeTakesNothing(t *testing.T) {
	p := newPlay(t)
	p.must(session.Observation{What: session.FreeAsked, Bay: 3, Reference: "ABC1234", By: "host", Offer: free(2000)})
	p.want("bay_lease offer free_granted", "look_at_bay")
	p.sample(1000)
	p.must(session.Observation{What: session.BaselineRead, Reading: p.reading(1000)})
	p.must(session.Observation{What: session.ContactorMoved, Closed: true})
	p.want("plugged meter_start contactor_close contactor_closed", "read_baseline close_contactor")
	p.after(170 * time.Second)
	// has no hold of it, and need not
	p.must(session.Observation{What: session.TerminalSaid, Open: kiosk.OpenHolds{Complete: true}})
	p.sample(2000)
	if p.x().Power != session.Charging {
		t.Fatalf("power is %s", p.x().Power)
	}
	p.after(170 * time.Second)
	p.sample(3001)
	if p.x().Reason != session.ReasonOwnLimit {
		t.Errorf("beyond what was given away it is %s", p.x().Power)
	}
	p.must(session.Observation{What: session.ContactorMoved})
	p.must(session.Observation{What: session.FinalRead, Reading: p.reading(3001)})
	if got := p.order(); !strings.HasSuffix(got, "stop_intent contactor_opened meter_end bill receipt_final closed") {
		t.Errorf("journal has %s", got)
	}
	if x := p.x(); x.Bill.Total.Minor != 0 || x.Bill.Energy != 2001 || x.Money != session.Free {
		t.Errorf("%+v", x.Bill)
	}
	if got := p.commands(); strings.Contains(got, "capture") || strings.Contains(got, "release") {
		t.Errorf("the terminal was asked: %s", got)
	}
}

func TestAFreeChargeThatNobodyFetches(t *testing.T) {
	p := newPlay(t)
	p.must(session.Observation{What: session.FreeAsked, Bay: 3, Reference: "ABC1234", By: "host", Offer: free(2000)})
	p.after(4 * time.Minute)
	p.must(session.Observation{What: session.Ticked})
	p.want("bay_lease offer free_granted ended closed", "look_at_bay")
	for _, wrong := range []session.Observation{
		{What: session.FreeAsked, Bay: 3, Offer: free(2000)}, // by no name
		{What: session.FreeAsked, Bay: 3, By: "host", Offer: free(0)},
		{What: session.FreeAsked, Bay: 3, By: "host", Offer: offer(5000)},
		{What: session.FreeAsked, Bay: 4, By: "host", Offer: free(2000)},
	} {
		wrong.Session = "S2"
		if err := p.see(wrong); err == nil {
			t.Errorf("was granted: %+v", wrong)
		}
	}
	if p.order() != "" {
		t.Error("something was written down")
	}
}

// TestAFreeChargeGoesOnAfterARestart, as one that is paid for does.
func TestAFreeChargeGoesOnAfterARestart(t *testing.T) {
	p := newPlay(t)
	p.must(session.Observation{What: session.FreeAsked, Bay: 3, Reference: "ABC1234", By: "host", Offer: free(20000)})
	p.sample(1000)
	p.must(session.Observation{What: session.BaselineRead, Reading: p.reading(1000)})
	p.must(session.Observation{What: session.ContactorMoved, Closed: true})
	p.after(10 * time.Second)
	p.must(session.Observation{What: session.Booted})
	p.sample(1100)
	if p.x().Power != session.Charging || p.x().Money != session.Free {
		t.Errorf("after a restart it is %s, money %s", p.x().Power, p.x().Money)
	}
}

// TestAContactorIsTestedOnlyWhereNothingCanFlow.
func TestAContactorIsTestedOnlyWhereNothingCanFlow(t *testing.T) {
	p := newPlay(t)
	test := func(in kiosk.BayInputs, lost time.Duration) error {
		return p.see(session.Observation{What: session.TestAsked, Bay: 3, By: "technician",
			Sample: &session.Sample{Inputs: in, InputsLost: lost}})
	}
	for _, in := range []kiosk.BayInputs{{Plugged: true}, {Emergency: true}} {
		if test(in, 0) == nil {
			t.Errorf("tested with %+v", in)
		}
	}
	if test(kiosk.BayInputs{}, time.Second) == nil {
		t.Error("tested although the inputs do not answer")
	}
	if err := test(kiosk.BayInputs{}, 0); err != nil {
		t.Fatal(err)
	}
	p.want("contactor_test", "test_contactor")
	if p.see(session.Observation{What: session.Chosen, Bay: 3, Session: "S2"}) == nil {
		t.Error("a visitor got a bay that is being tested")
	}
	p.must(session.Observation{What: session.TestEnded, Bay: 3, Err: errors.New("does not follow")})
	p.want("contactor_tested", "")
	if p.state.Tested[3] != "does not follow" || p.state.Testing[3] {
		t.Errorf("%v %v", p.state.Tested, p.state.Testing)
	}
	p.must(session.Observation{What: session.Chosen, Bay: 3, Reference: "ABC1234"})
	if test(kiosk.BayInputs{}, 0) == nil {
		t.Error("tested while a visitor has the bay")
	}
	q := newPlay(t) // and one that a crash interrupted
	q.must(session.Observation{What: session.TestAsked, Bay: 3, Sample: &session.Sample{}})
	q.must(session.Observation{What: session.Booted})
	if q.state.Testing[3] {
		t.Error("after a restart the bay is still said to be tested")
	}
}

// TestAMeterIsExchanged: its registers are written down, and energy without a session is not
// seen in the difference.
func TestAMeterIsExchanged(t *testing.T) {
	p := newPlay(t)
	old, now := &kiosk.Reading{At: p.now, Import: 900_000, Serial: "1"},
		&kiosk.Reading{At: p.now, Import: 7, Serial: "2"}
	if p.see(session.Observation{What: session.MeterChanged, Bay: 3, Old: old, Reading: old}) == nil {
		t.Error("a meter was exchanged for itself")
	}
	p.must(session.Observation{What: session.MeterChanged, Bay: 3, Old: old, Reading: now, By: "technician"})
	want := session.SwapBody{Bay: 3, By: "technician", Reading: *now, Old: old}
	if e := p.journal[0]; e.Kind != session.MeterSwapped || !reflect.DeepEqual(e.Body, want) {
		t.Errorf("%+v", e)
	}
	if r := p.state.Registers[3]; r.Serial != "2" || r.Import != 7 {
		t.Errorf("%+v", r)
	}
	p.must(session.Observation{What: session.Chosen, Bay: 3, Reference: "ABC1234"})
	if p.see(session.Observation{What: session.MeterChanged, Bay: 3, Old: now, Reading: old}) == nil {
		t.Error("a meter was exchanged under a visitor")
	}
}

// TestTheHostClosesABay: who charges there goes on, no new driver comes.
func TestTheHostClosesABay(t *testing.T) {
	p := newPlay(t)
	p.must(session.Observation{What: session.ShutAsked, Bay: 3, Raised: true, By: "host"})
	want := session.FaultBody{Fault: kiosk.FaultBayShut, Bay: 3, By: "host"}
	if e := p.journal[0]; e.Kind != session.FaultRaised || e.Body != want {
		t.Errorf("%+v", e)
	}
	if p.see(session.Observation{What: session.Chosen, Bay: 3}) == nil {
		t.Error("a closed bay was sold")
	}
	if p.see(session.Observation{What: session.ShutAsked, Bay: 9, Raised: true}) == nil {
		t.Error("a bay was closed that is none")
	}
	p.must(session.Observation{What: session.ShutAsked, Bay: 3, By: "host"})
	p.must(session.Observation{What: session.Chosen, Bay: 3, Reference: "ABC1234"})
}

// TestWrongCodesTakeLongerAndLonger, also after a restart: they are in the journal.
func TestWrongCodesTakeLongerAndLonger(t *testing.T) {
	p := newPlay(t)
	wrong := func() error { return p.see(session.Observation{What: session.CodeJudged}) }
	for range 3 {
		if err := wrong(); err != nil {
			t.Fatal(err)
		}
	}
	for _, wait := range []time.Duration{5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600} {
		if got := p.state.Access.Wait(p.now); got != wait*time.Second {
			t.Fatalf("after %d wrong codes the wait is %v, want %v", p.state.Access.Refusals, got, wait*time.Second)
		}
		if wrong() == nil || p.see(session.Observation{What: session.CodeJudged, Raised: true}) == nil {
			t.Fatal("a code was taken before its time")
		}
		p.after(wait * time.Second)
		if err := wrong(); err != nil {
			t.Fatal(err)
		}
	}
	p.after(time.Hour)
	p.must(session.Observation{What: session.CodeJudged, Raised: true, By: "technician"})
	if p.state.Access.Refusals != 0 || p.state.Access.Wait(p.now) != 0 {
		t.Errorf("a right code did not end it: %+v", p.state.Access)
	}
}

// TestACodeOfOnesOwnDoesNotForgive: else its owner could try others' for ever.
func TestACodeOfOnesOwnDoesNotForgive(t *testing.T) {
	p := newPlay(t)
	for range 3 {
		p.must(session.Observation{What: session.CodeJudged})
	}
	p.after(10 * time.Second)
	p.must(session.Observation{What: session.CodeJudged, Raised: true, By: "host"})
	if p.state.Access.Refusals != 3 {
		t.Errorf("%d refusals are left", p.state.Access.Refusals)
	}
	p.now = p.now.Add(-24 * time.Hour) // a clock that was set back locks no person out
	if w := p.state.Access.Wait(p.now); w != 0 {
		t.Errorf("with a clock that was set back the wait is %v", w)
	}
}

// TestOnlyFaultsOfTheTable: one that a slip of the pen made stops nothing, so it is not raised at all.
func TestOnlyFaultsOfTheTable(t *testing.T) {
	p := newPlay(t)
	for _, code := range []kiosk.FaultCode{"PTO01", "", "pt001"} {
		if p.see(session.Observation{What: session.FaultSeen, Fault: code, Raised: true}) == nil {
			t.Errorf("fault %q was raised", code)
		}
	}
	for _, f := range kiosk.Faults() {
		p.must(session.Observation{What: session.FaultSeen, Fault: f.Code, Raised: true})
	}
}
