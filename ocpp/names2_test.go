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

// tx is an event of a transaction at EVSE 1; seq, and a register in Wh where it is not 0.
func (x *station) tx(name, kind, state, more string, seq, wh int, at string) string {
	x.t.Helper()
	if at == "" {
		at = "2026-03-02T09:00:10Z"
	}
	if wh > 0 {
		more += fmt.Sprintf(`,"meterValue":[{"timestamp":%q,"sampledValue":[{"value":%d}]}]`, at, wh)
	}
	if state != "" {
		state = fmt.Sprintf(`,"chargingState":%q`, state)
	}
	return x.says("TransactionEvent", fmt.Sprintf(`{"eventType":%q,"timestamp":%q,"triggerReason":`+
		`"ChargingStateChanged","seqNo":%d,"evse":{"id":1},"transactionInfo":{"transactionId":%q%s}%s}`, kind, at, seq,
		name, state, more))
}

func (x *station) connectorIs(number int, status string) {
	x.t.Helper()
	x.says("StatusNotification", fmt.Sprintf(`{"timestamp":"2026-03-02T09:00:00Z","connectorStatus":%q,"evseId":1,`+
		`"connectorId":%d}`, status, number))
}

// sale is a transaction of the session 7GK2M4Q, from 2259988 Wh.
func (x *station) sale() {
	x.t.Helper()
	x.granted(func() { x.tx("TX-1", "Started", "Charging", token, 0, 2259988, "") })
}

// again is the same charger after its connection was lost.
func (x *station) again() *station {
	x.t.Helper()
	x.ws.CloseNow()
	return &station{peer: x.s.connectBy("ocpp2.0.1", ""), s: x.s}
}

// stops awaits that the charger is told to end a transaction.
func (x *station) stops(name string) {
	x.t.Helper()
	if got := x.asked("RequestStopTransaction", `{"status":"Rejected"}`, nil); !strings.Contains(got, name) {
		x.t.Errorf("it is told to end %s, want %s", got, name)
	}
}

// TestTheOtherConnectorOfAnEVSE says nothing of the vehicle at the first.
func TestTheOtherConnectorOfAnEVSE(t *testing.T) {
	x := newStation(t)
	x.sale()
	x.connectorIs(2, "Available")
	if in := x.s.inputs(); !in.Plugged || !in.Closed {
		t.Errorf("while the first charges: %+v", in)
	}
}

// TestANameThatIsUsedAgain: a charger counts its transactions from 1 again after it was off. The second driver begins
// with their own register, also where the first was before a restart of the kiosk.
func TestANameThatIsUsedAgain(t *testing.T) {
	for name, past := range map[string][]ocpp.Past{"in one run": nil, "after a restart": {{At: time.Now(), Ended: true,
		Transaction: kiosk.Transaction{ID: 7, Charger: "WB 1", Connector: 1, IDTag: "7GK2M4A", MeterStart: 2259900,
			Station: "TX-1", Timestamp: "2026-03-02T08:00:10Z"}}}} {
		x := newStation(t, past...)
		if past == nil {
			x.granted(func() {
				x.tx("TX-1", "Started", "Charging", token, 0, 2259988, "2026-03-02T08:00:10Z")
			})
			x.tx("TX-1", "Ended", "EVConnected", "", 2, 2260150, "")
		}
		before := len(x.s.desk.ended)
		second := strings.Replace(token, "7GK2M4Q", "7GK2M40", 1)
		done := make(chan error, 1)
		go func() { done <- x.s.bay.Start(context.Background(), kiosk.Grant{Reference: "7GK2M40"}) }()
		x.asked("RequestStartTransaction", accepted, func() {
			x.tx("TX-1", "Started", "Charging", second, 0, 2260150, "2026-03-02T10:00:10Z")
		})
		if err := <-done; err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all := x.s.desk.started
		if s := all[len(all)-1]; s.MeterStart != 2260150 || s.IDTag != "7GK2M40" {
			t.Errorf("%s: the second begins as %+v", name, s)
		}
		x.tx("TX-1", "Ended", "EVConnected", "", 1, 2260170, "2026-03-02T10:10:10Z")
		if got := len(x.s.desk.ended) - before; got != 1 {
			t.Errorf("%s: %d ends of the second are written down", name, got)
		}
	}
}

// TestAnEndIsNeverLost: with the number of its begin, with one that was counted anew, and of a transaction that the
// kiosk does not know.
func TestAnEndIsNeverLost(t *testing.T) {
	for name, seq := range map[string]int{"always 0": 0, "counted anew": 3} {
		x := newStation(t)
		x.sale()
		if seq > 0 {
			x.tx("TX-1", "Updated", "Charging", "", 30, 2260000, "")
		}
		x.tx("TX-1", "Ended", "EVConnected", "", seq, 2260150, "")
		if n := len(x.s.desk.ended); n != 1 {
			t.Errorf("%s: %d ends", name, n)
		}
	}
	x := newStation(t)
	x.tx("TX-9", "Ended", "EVConnected", "", 7, 2260150, "")
	if e := x.s.desk.ended; len(e) != 1 || e[0].Bay != 0 {
		t.Errorf("of one that is not known: %+v", e)
	}
}

// TestEnergyWithoutAuthorization is written down and ended, whether or not the charger tells registers or states.
func TestEnergyWithoutAuthorization(t *testing.T) {
	for name, events := range map[string]func(*station){
		"without a register": func(x *station) { x.tx("TX-9", "Started", "Charging", "", 0, 0, "") },
		"without a state": func(x *station) {
			x.tx("TX-9", "Started", "EVConnected", "", 0, 2260000, "")
			x.tx("TX-9", "Updated", "", "", 1, 2261000, "")
		},
	} {
		x := newStation(t)
		events(x)
		x.stops("TX-9")
		if len(x.s.desk.refused) != 1 {
			t.Errorf("%s: refused are %+v", name, x.s.desk.refused)
		}
	}
}

// TestASecondTransactionOfOneToken is none of the session: it is written down, and ended.
func TestASecondTransactionOfOneToken(t *testing.T) {
	x := newStation(t)
	x.sale()
	x.tx("TX-1", "Ended", "EVConnected", "", 1, 2259988, "")
	if got := x.tx("TX-2", "Started", "Charging", token, 0, 2259988, "2026-03-02T09:00:20Z"); !strings.Contains(got,
		"Invalid") {
		t.Errorf("it is answered %s", got)
	}
	x.stops("TX-2")
	if len(x.s.desk.refused) != 1 {
		t.Errorf("refused are %+v", x.s.desk.refused)
	}
}

// TestWhatWasIsNotWhatIs: events of while the charger was offline, and of another transaction, say nothing of the
// vehicle that is there.
func TestWhatWasIsNotWhatIs(t *testing.T) {
	x := newStation(t)
	x.sale()
	x = x.again()
	x.connectorIs(1, "Available")
	x.tx("TX-1", "Updated", "Charging", `,"offline":true`, 1, 2260000, "")
	x.tx("TX-1", "Ended", "Idle", `,"offline":true`, 2, 2260150, "")
	if in := x.s.inputs(); in.Plugged {
		t.Errorf("the vehicle left while the charger was offline: %+v", in)
	}
	y := newStation(t)
	y.tx("TX-0", "Started", "EVConnected", "", 0, 2259900, "")
	y.tx("TX-0", "Ended", "EVConnected", "", 3, 2259900, "")
	y.sale()
	y.tx("TX-0", "Updated", "Idle", "", 4, 2259900, "")
	if in := y.s.inputs(); !in.Plugged || !in.Closed {
		t.Errorf("the transaction before is idle: %+v", in)
	}
}

// TestARejectedStopIsNoEnd: Occupied says no more than that a cable is there. It is over once the charger says so.
func TestARejectedStopIsNoEnd(t *testing.T) {
	x := newStation(t)
	x.sale()
	x = x.again()
	x.connectorIs(1, "Occupied")
	x.tx("TX-1", "Updated", "", "", 1, 2260000, "")
	if x.s.bay.Open() == nil {
		t.Fatal("a transaction that runs counts as ended")
	}
	x.stops("TX-1")
	x.asked("GetTransactionStatus", `{"ongoingIndicator":true,"messagesInQueue":false}`, nil)
	if err := x.s.bay.Open(); err == nil {
		t.Error("a stop that was rejected counts as an end")
	}
}

// TestTheKiosksOwnRemoteStart is known by its number where the charger does not name the token, and by the token where
// it does not name the EVSE.
func TestTheKiosksOwnRemoteStart(t *testing.T) {
	for name, more := range map[string]string{
		"no token": `"evse":{"id":1},"transactionInfo":{"transactionId":"TX-1","chargingState":"Charging",` +
			`"remoteStartId":1}`,
		"no EVSE": `"transactionInfo":{"transactionId":"TX-1","chargingState":"Charging"}` + token,
	} {
		x := newStation(t)
		x.granted(func() {
			x.says("TransactionEvent", `{"eventType":"Started","timestamp":"2026-03-02T09:00:10Z","triggerReason":`+
				`"RemoteStart","seqNo":0,`+more+`,"meterValue":[{"timestamp":"2026-03-02T09:00:10Z","sampledValue":`+
				`[{"value":2259988}]}]}`)
		})
		if s := x.s.desk.started; len(s) != 1 || s[0].IDTag != "7GK2M4Q" || len(x.s.desk.refused) > 0 {
			t.Errorf("%s: started %+v, refused %+v", name, s, x.s.desk.refused)
		}
	}
}

// TestAnAnswerIsGivenAgain to an event with a token whose answer was lost.
func TestAnAnswerIsGivenAgain(t *testing.T) {
	x := newStation(t)
	x.tx("TX-1", "Started", "EVConnected", "", 0, 2259988, "")
	x.granted(func() { x.tx("TX-1", "Updated", "EVConnected", token, 1, 0, "") })
	if got := x.tx("TX-1", "Updated", "EVConnected", token, 1, 0, ""); !strings.Contains(got, "Accepted") {
		t.Errorf("it is answered %s", got)
	}
}

// TestAFuseOfALateToken counts from the token, not from the cable that came hours before.
func TestAFuseOfALateToken(t *testing.T) {
	x := newStation(t)
	x.tx("TX-1", "Started", "EVConnected", "", 0, 2259988, "2026-03-02T04:00:10Z")
	x.granted(func() { x.tx("TX-1", "Updated", "EVConnected", token, 1, 0, "2026-03-02T09:00:10Z") })
	renewed := make(chan error, 1)
	go func() {
		renewed <- x.s.bay.Renew(context.Background(), kiosk.Grant{Reference: "7GK2M4Q", Fuse: 4 * time.Hour})
	}()
	got := x.asked("SetChargingProfile", accepted, nil)
	if err := <-renewed; err != nil || !strings.Contains(got, "2026-03-02T09:00:1") {
		t.Errorf("%v; it is told %s", err, got)
	}
}

// TestOneOddValue loses nothing that stands beside it, and the last register is the one that says so.
func TestOneOddValue(t *testing.T) {
	x := newStation(t)
	x.sale()
	x.says("TransactionEvent", `{"eventType":"Ended","timestamp":"2026-03-02T09:10:10Z","triggerReason":"RemoteStop",`+
		`"seqNo":1,"evse":{"id":1},"transactionInfo":{"transactionId":"TX-1","chargingState":"EVConnected"},`+
		`"meterValue":[{"timestamp":"2026-03-02T09:10:10Z","sampledValue":[{"value":"n/a","measurand":"Voltage"},`+
		`{"value":2260088,"context":"Transaction.End"},{"value":2259988,"context":"Transaction.Begin"}]},`+
		`{"timestamp":"2026-03-02T09:00:10Z","sampledValue":[{"value":2259988,"context":"Transaction.Begin"}]}]}`)
	if e := x.s.desk.ended; len(e) != 1 || e[0].MeterStop != 2260088 {
		t.Errorf("%+v", e)
	}
}

// TestSignedValuesOf2x are kept byte for byte, with what they are proven with: the one of the begin, too.
func TestSignedValuesOf2x(t *testing.T) {
	signed := func(context, data string) string {
		return `,"meterValue":[{"timestamp":"2026-03-02T09:00:10Z","sampledValue":[{"value":2259988,"context":"` +
			context + `","signedMeterValue":{"signedMeterData":"` + data + `","signingMethod":"ECDSA-secp256r1-SHA256",` +
			`"encodingMethod":"OCMF","publicKey":"b2Nh"}}]}]`
	}
	x := newStation(t)
	x.granted(func() {
		x.tx("TX-1", "Started", "Charging", token+signed("Transaction.Begin", "T0NNRnxB"), 0, 0, "")
	})
	x.tx("TX-1", "Ended", "EVConnected", signed("Transaction.End", "T0NNRnxC"), 1, 0, "")
	e := x.s.desk.ended
	if len(e) != 1 || len(e[0].Signed) != 2 || e[0].Signed[0].Value != "T0NNRnxC" ||
		e[0].Signed[1].Value != "T0NNRnxB" ||
		e[0].Signed[1].Proof.Encoding != "OCMF" || e[0].Signed[1].Proof.PublicKey != "b2Nh" {
		t.Errorf("%+v", e)
	}
}

// TestAProblemOf2x is named by its code, whether it comes before the state or after it.
func TestAProblemOf2x(t *testing.T) {
	problem := `{"generatedAt":"2026-03-02T09:00:10Z","seqNo":0,"eventData":[{"eventId":1,"timestamp":` +
		`"2026-03-02T09:00:10Z","trigger":"Alerting","actualValue":"true","techCode":"CX002","techInfo":"residual ` +
		`current","component":{"name":"EVSE","evse":{"id":1}},"variable":{"name":"Problem"},` +
		`"eventNotificationType":"HardWiredNotification"}]}`
	for name, first := range map[string]bool{"before the state": true, "after it": false} {
		x := newStation(t)
		if first {
			x.says("NotifyEvent", problem)
		}
		x.connectorIs(1, "Faulted")
		if !first {
			x.says("NotifyEvent", problem)
		}
		if in := x.s.inputs(); in.Failed != "CX002 residual current" {
			t.Errorf("%s: it is %q", name, in.Failed)
		}
	}
}
