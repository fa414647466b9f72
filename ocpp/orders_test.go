package ocpp_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/ocpp"
)

// next lets the charger begin the session after 7GK2M4Q.
func (s *stand) next(p *peer) {
	s.t.Helper()
	done := make(chan error, 1)
	go func() { done <- s.bay.Start(context.Background(), kiosk.Grant{Reference: "7GK2M4R"}) }()
	p.asked("RemoteStartTransaction", accepted, func() {
		p.says("StartTransaction", strings.NewReplacer("7GK2M4Q", "7GK2M4R", "2259988", "2260010").Replace(begin))
	})
	if err := <-done; err != nil {
		s.t.Fatal(err)
	}
}

// TestALateEndLeavesTheNextDriverAlone: the first transaction was given up, and its end comes while the next one runs.
func TestALateEndLeavesTheNextDriverAlone(t *testing.T) {
	s := newStand(t)
	p := s.connect()
	s.start(p)
	if s.bay.Open() == nil {
		t.Fatal("it is open")
	}
	p.asked("RemoteStopTransaction", accepted, nil)
	p.says("StatusNotification", `{"connectorId":1,"errorCode":"NoError","status":"Finishing"}`)
	for end := time.Now().Add(time.Minute); s.bay.Open() != nil; time.Sleep(50 * time.Millisecond) { // no signal
		if time.Now().After(end) {
			t.Fatal("a transaction that is over by its state is not given up")
		}
	}
	p.says("StatusNotification", preparing)
	s.next(p)
	p.says("StatusNotification", `{"connectorId":1,"errorCode":"NoError","status":"Charging"}`)
	p.says("StopTransaction", `{"transactionId":1,"meterStop":2260005,"timestamp":"2026-03-02T09:10:00Z",
		"reason":"EVDisconnected"}`)
	if in := s.inputs(); !in.Plugged || !in.Requesting || in.For != "7GK2M4R" {
		t.Errorf("the next driver's bay is %+v", in)
	}
	if e := s.desk.ended; len(e) != 1 || e[0].Reading.Import != 2260005 {
		t.Errorf("the late end is not written down: %+v", e)
	}
	p.says("StopTransaction", `{"transactionId":4711,"meterStop":1,"timestamp":"2026-03-02T09:10:00Z"}`)
	if e := s.desk.ended; len(e) != 2 || e[1].Bay != 0 || e[1].Transaction.ID != 4711 || e[1].Reading != nil {
		t.Errorf("the end of an unknown transaction is not written down: %+v", e)
	}
}

// TestAStrayStartReplacesNothing: a card that is held to a charger which charges, and a start that comes again with a
// clock that was set meanwhile.
func TestAStrayStartReplacesNothing(t *testing.T) {
	s := newStand(t)
	p := s.connect()
	s.start(p)
	if got := p.says("StartTransaction", strings.Replace(begin, "2026-03-02", "2026-03-03", 1)); !strings.Contains(got,
		`"transactionId":1`) || !strings.Contains(got, "Accepted") {
		t.Errorf("with another clock it is answered %s", got)
	}
	stray := strings.Replace(begin, "7GK2M4Q", "RFID", 1)
	if got := p.says("StartTransaction", stray); !strings.Contains(got, "Invalid") {
		t.Errorf("a stray start is answered %s", got)
	}
	if stop := p.asked("RemoteStopTransaction", accepted, nil); !strings.Contains(stop, `"transactionId":2`) {
		t.Errorf("it ends %s", stop)
	}
	if in := s.inputs(); in.For != "7GK2M4Q" {
		t.Errorf("%+v", in)
	}
	if len(s.desk.started) != 1 || len(s.desk.refused) != 1 {
		t.Errorf("%+v, refused %+v", s.desk.started, s.desk.refused)
	}
}

// TestAnOldBeginningTakesNothingFromTheNext: the driver gives up a start that the charger does not answer, and tries
// again.
func TestAnOldBeginningTakesNothingFromTheNext(t *testing.T) {
	s := newStand(t)
	p := s.connect()
	p.says("StatusNotification", preparing)
	first, give := context.WithCancel(context.Background())
	old := make(chan error, 1)
	go func() { old <- s.bay.Start(first, kiosk.Grant{Reference: "7GK2M4P"}) }()
	f := <-p.calls // not answered yet
	if err := s.bay.Open(); err != nil {
		t.Fatal(err)
	}
	now := make(chan error, 1)
	go func() { now <- s.bay.Start(context.Background(), kiosk.Grant{Reference: "7GK2M4Q"}) }()
	p.write(`[3,%s,{"status":"Accepted"}]`, f[1])
	next := <-p.calls
	give()
	if err := <-old; err == nil {
		t.Error("a beginning that was given up is taken to have begun")
	}
	if got := p.says("StartTransaction", begin); !strings.Contains(got, "Accepted") {
		t.Errorf("the next start is answered %s", got)
	}
	p.write(`[3,%s,{"status":"Accepted"}]`, next[1])
	if err := <-now; err != nil {
		t.Error(err)
	}
}

// TestARefusedStartHidesNoTransaction: before the kiosk began anew one ran, and another one was refused at the same
// connector.
func TestARefusedStartHidesNoTransaction(t *testing.T) {
	runs := kiosk.Transaction{ID: 41, Charger: "WB 1", Connector: 1, IDTag: "7GK2M4Q", MeterStart: 2259988}
	refused := kiosk.Transaction{ID: 42, Charger: "WB 1", Connector: 1, IDTag: "RFID", MeterStart: 2259990}
	s := newStand(t, ocpp.Past{Transaction: runs, At: time.Now()},
		ocpp.Past{Transaction: refused, At: time.Now(), Ended: true})
	p := s.connect()
	p.says("StatusNotification", `{"connectorId":1,"errorCode":"NoError","status":"Charging"}`)
	if in := s.inputs(); in.For != "7GK2M4Q" {
		t.Errorf("%+v", in)
	}
	if s.bay.Open() == nil {
		t.Error("it is open while 41 runs")
	}
	if stop := p.asked("RemoteStopTransaction", accepted, nil); !strings.Contains(stop, `"transactionId":41`) {
		t.Errorf("it ends %s", stop)
	}
}

// TestTheLastRegisterMayBeALittleLess than the last value: the driver pays the lower one. One that cannot be is in the
// journal, and closes no bay.
func TestTheLastRegisterMayBeALittleLess(t *testing.T) {
	for stop, want := range map[string]kiosk.Energy{"2260086": 2260086, "0": -1, "9999999": -1} {
		s := newStand(t)
		p := s.connect()
		s.start(p)
		p.says("MeterValues", `{"connectorId":1,"transactionId":1,"meterValue":[{"timestamp":"2026-03-02T09:00:20Z",
			"sampledValue":[{"value":"2260088"}]}]}`)
		p.says("StopTransaction", `{"transactionId":1,"meterStop":`+stop+`,"timestamp":"2026-03-02T09:10:00Z"}`)
		r, err := s.bay.Read(context.Background())
		switch {
		case want > 0 && (err != nil || r.Import != want):
			t.Errorf("%s: %+v, %v", stop, r, err)
		case want < 0 && (err == nil || kiosk.FaultOf(err) != "" || s.desk.ended[0].Why == nil):
			t.Errorf("%s: %+v, %v, %+v", stop, r, err, s.desk.ended)
		}
	}
}
