package session_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
)

// chargerBay is a machine with one bay that is a charger's, step by step.
type chargerBay struct {
	t     *testing.T
	rules session.Rules
	state session.State
	now   time.Time
	kinds []session.Kind
	done  []session.Do
	last  []session.Event
}

func newChargerBay(t *testing.T) *chargerBay {
	r := session.DefaultRules()
	r.Currency = "EUR"
	r.Bays[1] = session.BayRules{MaxPower: 22000}
	r.Chargers = map[int]session.ChargerRules{1: session.NewChargerRules(15*time.Minute, 10*time.Second)}
	return &chargerBay{t: t, rules: r, now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
}

// does hands an observation in, and returns the machine's refusal.
func (c *chargerBay) does(o session.Observation) error {
	c.t.Helper()
	o.At = c.now
	turn, err := c.rules.Turn(c.state, o, nil)
	if err != nil {
		return err
	}
	c.state, c.last = turn.State, turn.Events
	for _, e := range turn.Events {
		c.kinds = append(c.kinds, e.Kind)
	}
	for _, cmd := range turn.Commands {
		c.done = append(c.done, cmd.Do)
	}
	return nil
}

func (c *chargerBay) must(all ...session.Observation) {
	c.t.Helper()
	for _, o := range all {
		if err := c.does(o); err != nil {
			c.t.Fatalf("%s: %v", o.What, err)
		}
	}
}

func (c *chargerBay) reading(wh kiosk.Energy) *kiosk.Reading {
	return &kiosk.Reading{At: c.now, Import: wh, Serial: "WB-1/1", Named: true}
}

// sampled is a look at the bay.
func (c *chargerBay) sampled(in kiosk.BayInputs, wh kiosk.Energy) session.Observation {
	s := &session.Sample{Inputs: in}
	if wh > 0 {
		s.Reading = c.reading(wh)
		s.Good = s.Reading
	}
	return session.Observation{What: session.Sampled, Bay: 1, Sample: s}
}

const chargerTag = "7GK2M4Q"

func chargerOffer(hold int64) *session.Offer {
	return &session.Offer{Tariff: []byte(centsTariff), Hold: kiosk.Money{Minor: hold, Currency: "EUR"},
		Language: "en", Timezone: "UTC"}
}

// held is a session with a hold, of whose vehicle nothing is seen yet.
func (c *chargerBay) held() {
	c.t.Helper()
	offer := chargerOffer(5000)
	hold := &kiosk.Hold{ID: "17", TerminalID: "52523535", Approved: offer.Hold, At: c.now}
	c.must(session.Observation{What: session.Chosen, Bay: 1, Session: "S1", Reference: chargerTag},
		session.Observation{What: session.Accepted, Session: "S1", Offer: offer},
		session.Observation{What: session.HoldApproved, Session: "S1", Hold: hold},
		session.Observation{What: session.HoldEnded, Session: "S1"})
}

// centsTariff is 0.50 a kWh.
const centsTariff = `{"id":"T","currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.50,"vat":0,
	"step_size":1}]}],"tax_included":"YES","last_updated":"2026-01-01T00:00:00Z","country_code":"DE","party_id":"DEM"}`

func (c *chargerBay) begun(id int) *kiosk.Transaction {
	return &kiosk.Transaction{ID: id, Charger: "WB-1", Connector: 1, IDTag: chargerTag, MeterStart: 2259988,
		Timestamp: "2026-03-02T09:00:10Z"}
}

var (
	plugged  = kiosk.BayInputs{Plugged: true, Requesting: true}
	charging = kiosk.BayInputs{Plugged: true, Requesting: true, Closed: true, For: chargerTag}
)

// started is a session whose charger has begun.
func (c *chargerBay) started() {
	c.t.Helper()
	c.held()
	c.must(c.sampled(plugged, 0))
	c.must(session.Observation{What: session.ChargerStarted, Bay: 1, Transaction: c.begun(8),
		Reading: c.reading(2259988)},
		session.Observation{What: session.ContactorMoved, Session: "S1", Bay: 1, Closed: true})
}

// TestAChargerIsSoldByItsRegister: the register of StartTransaction begins the session, that of StopTransaction ends
// it, and the charger is asked to begin only once the journal says so.
func TestAChargerIsSoldByItsRegister(t *testing.T) {
	c := newChargerBay(t)
	c.started()
	if slices.Index(c.kinds, session.ContactorClose) > slices.Index(c.kinds, session.MeterStart) ||
		slices.Contains(c.done, session.ReadBaseline) {
		t.Errorf("the journal has %v, done was %v", c.kinds, c.done)
	}
	c.now = c.now.Add(10 * time.Minute)
	c.must(c.sampled(charging, 2261988))
	c.must(session.Observation{What: session.StopPressed, Session: "S1", By: session.ByScreen},
		session.Observation{What: session.ContactorMoved, Session: "S1", Bay: 1},
		session.Observation{What: session.FinalRead, Session: "S1", Reading: c.reading(2261999)})
	x := c.state.Sessions["S1"]
	if x.Bill == nil || x.Bill.Energy != 2011 || x.Bill.Total.Minor != 101 || x.Begun == nil || x.Begun.ID != 8 {
		t.Errorf("bill %+v, transaction %+v", x.Bill, x.Begun)
	}
}

// TestOnlyTheSessionsOwnTransactionRuns: another one's, a second one, and one that no session asked for are refused,
// and the answer that was lost is given again.
func TestOnlyTheSessionsOwnTransactionRuns(t *testing.T) {
	start := func(c *chargerBay, tx *kiosk.Transaction) error {
		return c.does(session.Observation{What: session.ChargerStarted, Bay: 1, Transaction: tx,
			Reading: c.reading(2259988)})
	}
	c := newChargerBay(t)
	if start(c, c.begun(1)) == nil {
		t.Error("a transaction without a session was taken")
	}
	c.held()
	if start(c, c.begun(2)) == nil {
		t.Error("a transaction was taken before the session asked for it")
	}
	c.must(c.sampled(plugged, 0))
	other := c.begun(3)
	other.IDTag = "0000000"
	if start(c, other) == nil {
		t.Error("a transaction of another idTag was taken")
	}
	if err := start(c, c.begun(4)); err != nil {
		t.Error(err)
	}
	before := len(c.kinds)
	if err := start(c, c.begun(4)); err != nil || len(c.kinds) != before {
		t.Errorf("the same transaction again: %v, %v", err, c.kinds[before:])
	}
	if start(c, c.begun(5)) == nil {
		t.Error("a second transaction was taken")
	}
}

// TestAChargerThatDoesNotBegin costs nothing.
func TestAChargerThatDoesNotBegin(t *testing.T) {
	c := newChargerBay(t)
	c.held()
	c.must(c.sampled(plugged, 0))
	c.must(session.Observation{What: session.ContactorMoved, Session: "S1", Bay: 1, Closed: true,
		Err: errors.New("RemoteStartTransaction was answered with \"Rejected\"")},
		session.Observation{What: session.ContactorMoved, Session: "S1", Bay: 1},
		session.Observation{What: session.FinalRead, Session: "S1", Err: kiosk.ErrIdle})
	x := c.state.Sessions["S1"]
	if x.Money != session.ReleaseAsked || x.Power != session.Off || x.Bill != nil {
		t.Errorf("money %s, power %s, bill %+v", x.Money, x.Power, x.Bill)
	}
	late := c.begun(9)
	c.must(session.Observation{What: session.ChargerRefused, Bay: 1, Transaction: late, Err: errors.New("too late")})
	if c.state.Faults[session.FaultAt{Code: kiosk.FaultEnergyUnsold, Bay: 1}] {
		t.Error("a charger that began too late is called one that begins by itself")
	}
}

// TestAChargerThatBeginsByItself is out of order until a person has looked at how it is set.
func TestAChargerThatBeginsByItself(t *testing.T) {
	c := newChargerBay(t)
	tx := c.begun(9)
	tx.IDTag = "FREEVEND"
	c.must(session.Observation{What: session.ChargerRefused, Bay: 1, Transaction: tx, Err: errors.New("no session")})
	if code, down := c.state.Down(1); !down || code != kiosk.FaultEnergyUnsold {
		t.Errorf("%s, %v", code, down)
	}
}

// TestAChargerThatIsCutOff goes on being sold for its time; then what it told last is billed, and no end that it tells
// later raises that. Where it counted less, a person is told what to give back.
func TestAChargerThatIsCutOff(t *testing.T) {
	for name, late := range map[string]struct {
		wh   kiosk.Energy
		less bool
	}{"it counted more": {2300000, false}, "it counted less": {2260988, true}} {
		t.Run(name, func(t *testing.T) {
			c := newChargerBay(t)
			c.started()
			c.now = c.now.Add(10 * time.Minute)
			c.must(c.sampled(charging, 2261988))
			good := c.reading(2261988)
			lost := func(since time.Duration) session.Observation {
				return session.Observation{What: session.Sampled, Bay: 1, Sample: &session.Sample{Inputs: charging,
					InputsLost: since, MeterLost: since, Good: good}}
			}
			c.now = c.now.Add(14 * time.Minute)
			c.must(lost(14 * time.Minute))
			if x := c.state.Sessions["S1"]; x.Power != session.Charging {
				t.Fatalf("after 14 minutes power is %s", x.Power)
			}
			c.now = c.now.Add(2 * time.Minute)
			c.must(lost(16*time.Minute),
				session.Observation{What: session.ContactorMoved, Session: "S1", Bay: 1, Err: errors.New("away")},
				session.Observation{What: session.FinalRead, Session: "S1", Err: errors.New("not connected")})
			x := c.state.Sessions["S1"]
			if x.Bill == nil || x.Bill.Energy != 2000 || x.Bill.Total.Minor != 100 || x.Reason != session.ReasonLost {
				t.Fatalf("bill %+v, reason %s", x.Bill, x.Reason)
			}
			ended := &session.ChargerEndBody{Bay: 1, Transaction: *c.begun(8), MeterStop: int64(late.wh),
				Reading: c.reading(late.wh)}
			c.must(session.Observation{What: session.ChargerEnded, Bay: 1, Ended: ended})
			if after := c.state.Sessions["S1"]; after.Bill.Total != x.Bill.Total {
				t.Errorf("the bill is %v now", after.Bill.Total)
			}
			told := slices.ContainsFunc(c.last, func(e session.Event) bool { return e.Kind == session.Alert })
			if told != late.less {
				t.Errorf("alert %v: %+v", told, c.last)
			}
		})
	}
}

// TestTheKioskComesBackToACharger: a transaction that goes on is the same vehicle's, however long the kiosk was away;
// without the charger's word that it goes on it is not.
func TestTheKioskComesBackToACharger(t *testing.T) {
	for name, c := range map[string]struct {
		in   kiosk.BayInputs
		want session.PowerState
	}{
		"its transaction goes on": {charging, session.Charging},
		"another one's does":      {kiosk.BayInputs{Plugged: true, Closed: true, For: "OTHER"}, session.Stopping},
		"it is over":              {plugged, session.Stopping},
	} {
		t.Run(name, func(t *testing.T) {
			b := newChargerBay(t)
			b.started()
			b.now = b.now.Add(time.Minute)
			b.must(b.sampled(charging, 2260188), session.Observation{What: session.Booted})
			b.now = b.now.Add(4 * time.Minute)
			b.must(b.sampled(c.in, 2260988))
			if x := b.state.Sessions["S1"]; x.Power != c.want {
				t.Errorf("power is %s", x.Power)
			}
		})
	}
}

// TestAFuseEndsWithTheHold: 50.00 at 0.50 a kWh and 22 kW last 16363 seconds, less what passed since the last register.
func TestAFuseEndsWithTheHold(t *testing.T) {
	c := newChargerBay(t)
	c.started()
	x := c.state.Sessions["S1"]
	for later, want := range map[time.Duration]int{0: 16363, time.Hour: 16363 - 3600, 5 * time.Hour: 0} {
		if got := int(c.rules.Fuse(x, x.Last.At.Add(later)).Seconds()); got < want-3 || got > want+3 {
			t.Errorf("%v after the last register the fuse is %d s, want %d", later, got, want)
		}
	}
}

// TestAChargerWithoutAFuse is sold only with a hold that covers what it delivers while it is waited for, and stops
// while the hold still does: 22 kW for 15 minutes and 20 seconds are 5.62 kWh, 2.81 at 0.50.
func TestAChargerWithoutAFuse(t *testing.T) {
	for name, c := range map[string]struct {
		unfused bool
		hold    int64
		refused bool
	}{"covered": {true, 282, false}, "not covered": {true, 280, true}, "with a fuse": {false, 280, false}} {
		b := newChargerBay(t)
		b.must(session.Observation{What: session.Chosen, Bay: 1, Session: "S1", Reference: chargerTag})
		err := b.does(session.Observation{What: session.Accepted, Session: "S1", Offer: chargerOffer(c.hold),
			Live: map[int]session.Sample{1: {Inputs: kiosk.BayInputs{Unfused: c.unfused}}}})
		if (err != nil) != c.refused {
			t.Errorf("%s: it gave %v", name, err)
		}
	}
	for unfused, most := range map[bool]kiosk.Energy{true: 100_000 - 5_622, false: 100_000 - 122} {
		b := newChargerBay(t)
		b.started()
		in := charging
		in.Unfused = unfused
		b.now = b.now.Add(4 * time.Hour)
		b.must(b.sampled(in, 2259988+most-100))
		if x := b.state.Sessions["S1"]; x.Power != session.Charging {
			t.Errorf("unfused %v: it is %s, %s", unfused, x.Power, x.Reason)
		}
		b.must(b.sampled(in, 2259988+most+100))
		if x := b.state.Sessions["S1"]; x.Reason != session.ReasonLimit {
			t.Errorf("unfused %v: it is %s, %s", unfused, x.Power, x.Reason)
		}
	}
}

// TestAMeterInFrontOfACharger is billed in place of the charger's register: it is read before the charger is asked, it
// counts on while the charger cannot be reached, and what the charger counted is nobody's bill.
func TestAMeterInFrontOfACharger(t *testing.T) {
	c := newChargerBay(t)
	rules := c.rules.Chargers[1]
	rules.Metered = true
	c.rules.Chargers[1] = rules
	reading := func(wh kiosk.Energy) *kiosk.Reading {
		return &kiosk.Reading{At: c.now, Import: wh, Serial: "20260001", Named: true}
	}
	seen := func(wh kiosk.Energy, lost time.Duration) session.Observation {
		s := &session.Sample{Inputs: charging, InputsLost: lost, Reading: reading(wh), Good: reading(wh)}
		return session.Observation{What: session.Sampled, Bay: 1, Sample: s}
	}
	begins := session.Observation{What: session.ChargerStarted, Bay: 1, Transaction: c.begun(8),
		Reading: c.reading(2259988)}
	c.held()
	c.must(c.sampled(plugged, 0))
	if c.does(begins) == nil {
		t.Fatal("a transaction is taken before the meter was read")
	}
	c.must(session.Observation{What: session.BaselineRead, Session: "S1", Reading: reading(5000)}, begins, begins,
		session.Observation{What: session.ContactorMoved, Session: "S1", Bay: 1, Closed: true})
	want := []session.Kind{session.Plugged, session.MeterStart, session.ContactorClose, session.TransactionBegan,
		session.ContactorClosed}
	if at := slices.Index(c.kinds, session.Plugged); !slices.Equal(c.kinds[at:], want) {
		t.Fatalf("the journal has %v", c.kinds[at:])
	}
	c.now = c.now.Add(14 * time.Minute)
	c.must(seen(8000, 14*time.Minute))
	if x := c.state.Sessions["S1"]; x.Power != session.Charging || x.Last.Import != 8000 {
		t.Errorf("while the charger cannot be reached power is %s, the last register %v", x.Power, x.Last.Import)
	}
	c.now = c.now.Add(2 * time.Minute)
	c.must(seen(8400, 16*time.Minute),
		session.Observation{What: session.ContactorMoved, Session: "S1", Bay: 1, Err: errors.New("away")},
		session.Observation{What: session.FinalRead, Session: "S1", Reading: reading(8500)})
	x := c.state.Sessions["S1"]
	if x.Reason != session.ReasonLost || x.Bill == nil || x.Bill.Energy != 3400 || x.Begun == nil || x.Begun.ID != 8 {
		t.Fatalf("reason %s, bill %+v, transaction %+v", x.Reason, x.Bill, x.Begun)
	}
	c.must(session.Observation{What: session.ChargerEnded, Bay: 1, Ended: &session.ChargerEndBody{Bay: 1,
		Transaction: *c.begun(8), Reading: c.reading(2259990)}})
	if len(c.last) != 1 || c.last[0].Kind != session.TransactionEnded {
		t.Errorf("its end gave %+v", c.last)
	}
	c.must(session.Observation{What: session.Booted})
}

// TestAMeterInFrontOfAChargerIsBelieved like any other: one that is not read, or not believed, ends the session.
func TestAMeterInFrontOfAChargerIsBelieved(t *testing.T) {
	for name, s := range map[string]session.Sample{
		"not read":     {Inputs: charging, MeterLost: 16 * time.Second},
		"not believed": {Inputs: charging, MeterFault: kiosk.FaultRegisterJump},
	} {
		c := newChargerBay(t)
		rules := c.rules.Chargers[1]
		rules.Metered = true
		c.rules.Chargers[1] = rules
		c.held()
		c.must(c.sampled(plugged, 0),
			session.Observation{What: session.BaselineRead, Session: "S1", Reading: c.reading(5000)},
			session.Observation{What: session.ChargerStarted, Bay: 1, Transaction: c.begun(8), Reading: c.reading(1)},
			session.Observation{What: session.ContactorMoved, Session: "S1", Bay: 1, Closed: true})
		c.now = c.now.Add(time.Minute)
		c.must(session.Observation{What: session.Sampled, Bay: 1, Sample: &s})
		if x := c.state.Sessions["S1"]; x.Reason != session.ReasonMeter {
			t.Errorf("%s: power is %s, %s", name, x.Power, x.Reason)
		}
	}
}
