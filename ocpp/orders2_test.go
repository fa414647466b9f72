package ocpp_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/ocpp"
)

// station is a charger of OCPP 2.0.1 that says what the test tells it to.
type station struct {
	*peer
	s   *stand
	seq int
}

func newStation(t *testing.T, past ...ocpp.Past) *station {
	s := newStand(t, past...)
	s.version = "20"
	x := &station{peer: s.connectBy("ocpp2.0.1", ""), s: s}
	x.says("BootNotification", `{"reason":"PowerUp","chargingStation":{"vendorName":"V","model":"M"}}`)
	x.says("StatusNotification", `{"timestamp":"2026-03-02T09:00:00Z","connectorStatus":"Occupied","evseId":1,
		"connectorId":1}`)
	return x
}

// event says where a transaction is; wh is its register, 0 for none.
func (x *station) event(kind, state, more string, wh int) string {
	x.t.Helper()
	if wh > 0 {
		more += fmt.Sprintf(`,"meterValue":[{"timestamp":"2026-03-02T09:00:10Z","sampledValue":[{"value":%d}]}]`, wh)
	}
	x.seq++
	return x.says("TransactionEvent", fmt.Sprintf(`{"eventType":%q,"timestamp":"2026-03-02T09:00:10Z",
		"triggerReason":"ChargingStateChanged","seqNo":%d,"evse":{"id":1},"transactionInfo":{"transactionId":"TX-1",
		"chargingState":%q}%s}`, kind, x.seq, state, more))
}

const token = `,"idToken":{"idToken":"7GK2M4Q","type":"Central"}`

// granted asks the charger to begin, which begins as the test says.
func (x *station) granted(begins func()) {
	x.t.Helper()
	done := make(chan error, 1)
	go func() { done <- x.s.bay.Start(context.Background(), kiosk.Grant{Reference: "7GK2M4Q"}) }()
	x.asked("RequestStartTransaction", accepted, begins)
	if err := <-done; err != nil {
		x.t.Fatal(err)
	}
}

// TestATransactionBeginsWithItsToken: some chargers begin a transaction when the cable is there, before a driver has
// paid; its register at the begin counts. What comes again changes nothing.
func TestATransactionBeginsWithItsToken(t *testing.T) {
	x := newStation(t)
	x.event("Started", "EVConnected", "", 2259988)
	if len(x.s.desk.started)+len(x.s.desk.refused) != 0 {
		t.Errorf("a cable is a transaction: %+v", x.s.desk)
	}
	x.granted(func() {
		if got := x.event("Updated", "EVConnected", token, 2259988); !strings.Contains(got, "Accepted") {
			t.Errorf("it is answered %s", got)
		}
	})
	x.event("Updated", "Charging", "", 2260000)
	if in := x.s.inputs(); !in.Closed || !in.Requesting || in.For != "7GK2M4Q" {
		t.Errorf("%+v", in)
	}
	x.event("Updated", "SuspendedEV", "", 0)
	if in := x.s.inputs(); in.Requesting {
		t.Errorf("%+v", in)
	}
	r, err := x.s.bay.Read(context.Background())
	if err != nil || r.Import != 2260000 {
		t.Errorf("%+v, %v", r, err)
	}
	x.event("Ended", "EVConnected", "", 2260010)
	x.seq--
	x.event("Ended", "EVConnected", "", 2260010)
	if e := x.s.desk.ended; len(e) != 1 || e[0].Reading.Import != 2260010 || len(x.s.desk.started) != 1 {
		t.Errorf("%+v", e)
	}
}

// TestEnergyWithoutAuthorizationIsEnded: a charger lets energy flow without a token, or with a register that it
// does not tell.
func TestEnergyWithoutAuthorizationIsEnded(t *testing.T) {
	for name, says := range map[string]func(x *station) string{
		"without a token": func(x *station) string { return x.event("Started", "Charging", "", 2259988) },
		"for another driver": func(x *station) string {
			return x.event("Started", "Charging", strings.Replace(token, "7GK2M4Q", "RFID", 1), 2259988)
		},
		"without a register": func(x *station) string { return x.event("Started", "Charging", token, 0) },
	} {
		x := newStation(t)
		if got := says(x); !strings.Contains(got, "Invalid") {
			t.Errorf("%s: it is answered %s", name, got)
		}
		if stop := x.asked("RequestStopTransaction", accepted, nil); !strings.Contains(stop, `"TX-1"`) {
			t.Errorf("%s: it ends %s", name, stop)
		}
		if len(x.s.desk.started) != 0 {
			t.Errorf("%s: %+v", name, x.s.desk.started)
		}
	}
}

// TestAStationIsKnownAfterARestart: its own name of the transaction is in the journal, and what it says goes on.
func TestAStationIsKnownAfterARestart(t *testing.T) {
	x := newStation(t, ocpp.Past{At: time.Now(), Transaction: kiosk.Transaction{ID: 7, Charger: "WB 1", Connector: 1,
		IDTag: "7GK2M4Q", MeterStart: 2259988, Station: "TX-1", Timestamp: "2026-03-02T09:00:10Z"}})
	x.seq = 4
	x.event("Updated", "Charging", "", 2260000)
	if in := x.s.inputs(); in.For != "7GK2M4Q" {
		t.Errorf("%+v", in)
	}
	if x.s.bay.Open() == nil {
		t.Error("it is open")
	}
	if stop := x.asked("RequestStopTransaction", accepted, nil); !strings.Contains(stop, `"TX-1"`) {
		t.Errorf("it ends %s", stop)
	}
	x.event("Ended", "EVConnected", "", 2260010)
	if e := x.s.desk.ended; len(e) != 1 || e[0].Transaction.ID != 7 || e[0].Reading == nil {
		t.Errorf("%+v", e)
	}
}
