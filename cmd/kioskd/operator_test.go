package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kioskd/child"
	"kioskd/csms"
	"kioskd/ocpp/judges"
	"kioskd/simulator"
	"kioskd/simulator/town"
	"kioskd/ui"
)

// centralSystem is a central system of another hand, with a kiosk as its station.
type centralSystem struct {
	t    *testing.T
	to   io.Writer
	port int

	mu    sync.Mutex
	lines []map[string]any
	news  chan struct{}
}

// newCentralSystem starts a central system at a port; 0 for a free one.
func newCentralSystem(t *testing.T) *centralSystem {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &centralSystem{t: t, port: l.Addr().(*net.TCPAddr).Port, news: make(chan struct{}, 1)}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	o.begin()
	return o
}

// begin starts the central system.
func (o *centralSystem) begin() {
	o.t.Helper()
	cmd := judges.Node(o.t, "csms21.js", fmt.Sprint(o.port))
	out, err := cmd.StdoutPipe()
	if err != nil {
		o.t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		o.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	o.to = in
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var m map[string]any
			if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
				m = map[string]any{"what": lines.Text()}
			}
			o.mu.Lock()
			o.lines = append(o.lines, m)
			o.mu.Unlock()
			select {
			case o.news <- struct{}{}:
			default:
			}
		}
	}()
	o.t.Cleanup(func() { in.Close(); <-read; _ = cmd.Wait() })
	o.await("it listens", func(m map[string]any) bool { return m["what"] == "listens" })
}

func (o *centralSystem) says(format string, args ...any) {
	o.t.Helper()
	if _, err := fmt.Fprintf(o.to, format+"\n", args...); err != nil {
		o.t.Fatal(err)
	}
}

// seen is what came so far.
func (o *centralSystem) seen() []map[string]any {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.lines)
}

// await waits for a line.
func (o *centralSystem) await(what string, is func(map[string]any) bool) map[string]any {
	o.t.Helper()
	for end := time.After(hang); ; {
		for _, m := range o.seen() {
			if is(m) {
				return m
			}
		}
		select {
		case <-o.news:
		case <-time.After(time.Second):
		case <-end:
			o.t.Fatalf("%s: never; it saw %v", what, o.seen())
		}
	}
}

// calls are the payloads of an action.
func (o *centralSystem) calls(action string) (out []map[string]any) {
	for _, m := range o.seen() {
		if m["what"] == "call" && m["action"] == action {
			out = append(out, m["payload"].(map[string]any))
		}
	}
	return out
}

// asks asks the station, and returns its answer.
func (o *centralSystem) asks(action, payload string) map[string]any {
	o.t.Helper()
	before := len(o.seen())
	o.says("call %s %s", action, payload)
	var got map[string]any
	o.await(action, func(map[string]any) bool {
		for _, m := range o.seen()[before:] {
			if (m["what"] == "result" || m["what"] == "error") && m["action"] == action {
				got = m
				return true
			}
		}
		return false
	})
	if payload, ok := got["payload"].(map[string]any); ok {
		return payload
	}
	return got
}

// strict fails where a message did not fit the schemas.
func (o *centralSystem) strict() {
	o.t.Helper()
	for _, m := range o.seen() {
		if m["what"] == "STRICT" {
			o.t.Errorf("%v", m)
		}
	}
}

// operated is a site with an operator.
func operated(t *testing.T, bays int, more string) (*centralSystem, *town.Town, *ui.Driver) {
	t.Helper()
	o := newCentralSystem(t)
	s, _ := newSiteWith(t, town.Options{Size: bays, Speed: 60, More: fmt.Sprintf(
		"csms:\n  url: ws://127.0.0.1:%d/ocpp\n%s", o.port, more)})
	daemon := start(t, s)
	t.Cleanup(func() { child.Stop(daemon) })
	awaitSocket(t, s.Screen())
	o.await("it connects", func(m map[string]any) bool { return m["what"] == "connects" })
	return o, s, ui.NewDriver(t.Context(), s.Screen())
}

// visited plays a visit, to its end.
func visited(t *testing.T, s *town.Town, d *ui.Driver, visit town.Visit) {
	t.Helper()
	visit.Card = town.VisitCard{Item: fmt.Sprint(time.Now().UnixNano())}
	v := &town.Visitor{Visit: visit, Driver: d, Site: s}
	if err := v.Complete(s.Size); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	if err := v.Home(ctx); err != nil {
		t.Fatal(err)
	}
	if err := v.Play(ctx); err != nil {
		t.Fatal(err)
	}
	if err := v.Depart(ctx); err != nil {
		t.Fatal(err)
	}
}

func asText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// TestAnOperator: a central system of another hand reads a whole visit, in order, once each; asks for variables and a
// report; closes a bay, opens it; is refused what would break a promise.
func TestAnOperator(t *testing.T) {
	t.Parallel() // it mostly waits
	o, s, d := operated(t, 2, "")
	o.await("both EVSEs", func(map[string]any) bool { return len(o.calls("StatusNotification")) >= 2 })
	visited(t, s, d, town.Visit{Bay: 2, Unplug: 2000})
	o.await("settlement", func(map[string]any) bool { return len(o.calls("NotifySettlement")) > 0 })
	all := o.calls("TransactionEvent")
	for i, e := range all {
		if int(e["seqNo"].(float64)) != i {
			t.Errorf("event %d is %s", i, asText(e))
		}
	}
	first, last, paid := all[0], all[len(all)-1], o.calls("NotifySettlement")[0]
	token := first["idToken"].(map[string]any)
	cost := last["costDetails"].(map[string]any)["totalCost"].(map[string]any)["total"].(map[string]any)["inclTax"]
	captured := 0.0
	for _, l := range s.Bank.Lines() {
		if l.Kind == "capture" {
			captured = float64(l.Minor) / 100
		}
	}
	if first["eventType"] != "Started" || last["eventType"] != "Ended" || token["type"] != "DirectPayment" ||
		first["evse"].(map[string]any)["id"] != 2.0 || first["offline"] != nil {
		t.Errorf("it reads %s ... %s", asText(first), asText(last))
	}
	if cost != captured || paid["settlementAmount"] != captured || paid["status"] != "Settled" ||
		paid["pspRef"] != token["idToken"] {
		t.Errorf("captured %v, told %v and %s", captured, cost, asText(paid))
	}
	if len(o.calls("NotifySettlement")) != 1 {
		t.Errorf("it is settled by %s", asText(o.calls("NotifySettlement")))
	}
	o.asked(t)
	o.strict()
}

// asked asks a station for all that needs no driver.
func (o *centralSystem) asked(t *testing.T) {
	t.Helper()
	for _, x := range []struct{ action, payload, want string }{
		{"GetVariables", `{"getVariableData":[{"component":{"name":"PaymentCtrlr"},"variable":{"name":` +
			`"AuthorizationAmount"}},{"component":{"name":"Nobody"},"variable":{"name":"Knows"}}]}`, `"50.00"`},
		{"SetVariables", `{"setVariableData":[{"component":{"name":"PaymentCtrlr"},"variable":{"name":` +
			`"SettlementByCSMS"},"attributeValue":"true"}]}`, "the kiosk captures"},
		{"SetVariables", `{"setVariableData":[{"component":{"name":"SampledDataCtrlr"},"variable":{"name":` +
			`"TxUpdatedInterval"},"attributeValue":"30"}]}`, `"Accepted"`},
		{"GetVariables", `{"getVariableData":[{"component":{"name":"SampledDataCtrlr"},"variable":{"name":` +
			`"TxUpdatedInterval"}}]}`, `"30"`},
		{"GetBaseReport", `{"requestId":7,"reportBase":"FullInventory"}`, `"Accepted"`},
		{"GetReport", `{"requestId":8,"componentVariable":[{"component":{"name":"Nobody"}}]}`, `"EmptyResultSet"`},
		{"GetTariffs", `{"evseId":0}`, `"tariffId":"demo-`},
		{"SetDefaultTariff", `{"evseId":0,"tariff":{"tariffId":"CSMS-1","currency":"EUR","energy":{"prices":[` +
			`{"priceKwh":0.5}],"taxRates":[{"type":"VAT","tax":19}]}}}`, `"Accepted"`},
		{"GetTariffs", `{"evseId":0}`, `"tariffId":"CSMS-1"`},
		{"SetDefaultTariff", `{"evseId":0,"tariff":{"tariffId":"CSMS-1","currency":"EUR","energy":{"prices":[` +
			`{"priceKwh":0.6}],"taxRates":[{"type":"VAT","tax":19}]}}}`, `"DuplicateTariffId"`},
		{"SetDefaultTariff", `{"evseId":0,"tariff":{"tariffId":"CSMS-2","currency":"USD","energy":{"prices":[` +
			`{"priceKwh":0.6}]}}}`, "the site sells in EUR"},
		{"ClearTariffs", `{}`, `"Accepted"`},
		{"GetTariffs", `{"evseId":0}`, `"tariffId":"demo-`},
		{"ChangeTransactionTariff", `{"transactionId":"X","tariff":{"tariffId":"T","currency":"EUR"}}`, `"TxNotFound"`},
		{"RequestStartTransaction", `{"evseId":1,"remoteStartId":1,"idToken":{"idToken":"PSP-1","type":` +
			`"DirectPayment"}}`, "csms.remote_start"},
		{"RequestStopTransaction", `{"transactionId":"X"}`, `"TxNotFound"`},
		{"GetTransactionStatus", `{}`, `"messagesInQueue":`},
		{"ChangeAvailability", `{"operationalStatus":"Inoperative","evse":{"id":1}}`, `"Accepted"`},
		{"ChangeAvailability", `{"operationalStatus":"Operative","evse":{"id":1}}`, `"Accepted"`},
		{"ChangeAvailability", `{"operationalStatus":"Operative","evse":{"id":9}}`, `"UnknownEvse"`},
		{"GetLog", `{"requestId":1,"logType":"DiagnosticsLog","log":{"remoteLocation":"https://elsewhere.example/"}}`,
			"log_hosts"},
		{"GetLog", `{"requestId":1,"logType":"DiagnosticsLog","log":{"remoteLocation":"ftp://127.0.0.1/"}}`,
			"https alone"},
		{"TriggerMessage", `{"requestedMessage":"Heartbeat"}`, `"Accepted"`},
		{"TriggerMessage", `{"requestedMessage":"SignCombinedCertificate"}`, `"NotImplemented"`},
		{"UpdateFirmware", `{"requestId":1,"firmware":{"location":"https://x.example/f","retrieveDateTime":` +
			`"2026-01-01T00:00:00Z"}}`, "NotSupported"},
		{"Reset", `{"type":"Immediate","evseId":1}`, `"Rejected"`},
		{"DataTransfer", `{"vendorId":"nobody"}`, `"UnknownVendorId"`},
	} {
		if got := asText(o.asks(x.action, x.payload)); !strings.Contains(got, x.want) {
			t.Errorf("%s %s: %s, want %s", x.action, x.payload, got, x.want)
		}
	}
	o.await("the report", func(map[string]any) bool {
		r := o.calls("NotifyReport")
		return len(r) > 2 && r[len(r)-1]["tbc"] == nil
	})
	o.await("a heartbeat", func(map[string]any) bool { return len(o.calls("Heartbeat")) > 0 })
	o.await("EVSE 1 unavailable", func(map[string]any) bool {
		return slices.ContainsFunc(o.calls("StatusNotification"), func(m map[string]any) bool {
			return m["evseId"] == 1.0 && m["connectorStatus"] == "Unavailable"
		})
	})
}

// TestAnOperatorThatIsAway: what is sold meanwhile is told later, as offline, in order; a message whose answer was lost
// comes again, and one that is refused is kept, with all that comes after it.
func TestAnOperatorThatIsAway(t *testing.T) {
	t.Parallel() // it mostly waits
	o, s, d := operated(t, 1, "")
	o.await("boot", func(map[string]any) bool { return len(o.calls("BootNotification")) > 0 })
	if got := asText(o.asks("SetVariables", `{"setVariableData":[{"component":{"name":"OCPPCommCtrlr"},"variable":`+
		`{"name":"MessageAttempts"},"attributeValue":"1"}]}`)); !strings.Contains(got, "Accepted") {
		t.Fatal(got)
	}
	o.says("answer BootNotification %s", `{"status":"Rejected","currentTime":"2026-01-01T00:00:00Z","interval":1}`)
	o.says("drop")
	o.await("it is rejected", func(map[string]any) bool { return len(o.calls("BootNotification")) > 2 })
	visited(t, s, d, town.Visit{Bay: 1, Unplug: 500})
	if n := len(o.calls("TransactionEvent")); n != 0 {
		t.Fatalf("%d events were told before BootNotification was accepted", n)
	}
	o.says("mute TransactionEvent 1")
	o.says("refuse NotifySettlement 1")
	o.says("answer BootNotification %s", `{"status":"Accepted","currentTime":"2026-01-01T00:00:00Z","interval":300}`)
	o.await("settlement", func(map[string]any) bool { return len(o.calls("NotifySettlement")) > 0 })
	var kinds []string
	for _, e := range o.calls("TransactionEvent") {
		kinds = append(kinds, fmt.Sprintf("%v%v%v", e["eventType"], e["seqNo"], e["offline"]))
	}
	if got := strings.Join(kinds, " "); got != "Started0true Started0true Ended1true" {
		t.Errorf("it reads %s", got)
	}
	visited(t, s, d, town.Visit{Bay: 1, Unplug: 500})
	o.await("the next settlement", func(map[string]any) bool { return len(o.calls("NotifySettlement")) > 1 })
	out, err := exec.Command("kioskd", "doctor", "--config", s.Config).CombinedOutput()
	if !strings.Contains(string(out), "not taken: 1") {
		t.Errorf("doctor says %s, %v", out, err)
	}
	if out, err := exec.Command("kioskd", "csms", "again", "--config", s.Config).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	o.await("the first settlement again", func(map[string]any) bool { return len(o.calls("NotifySettlement")) > 2 })
	paid := o.calls("NotifySettlement")
	if paid[0]["pspRef"] != paid[2]["pspRef"] || paid[0]["pspRef"] == paid[1]["pspRef"] {
		t.Errorf("it reads %s", asText(paid))
	}
	o.strict()
}

// TestAnOperatorAndARestart: a daemon that is killed again and again tells each message, none of a transaction twice
// but one whose answer it did not get, and the settlement.
func TestAnOperatorAndARestart(t *testing.T) {
	t.Parallel() // it mostly waits
	o := newCentralSystem(t)
	s, _ := newSiteWith(t, town.Options{Size: 1, Speed: 60, More: fmt.Sprintf(
		"csms:\n  url: ws://127.0.0.1:%d/ocpp\n", o.port)})
	daemon := start(t, s)
	awaitSocket(t, s.Screen())
	o.await("it connects", func(m map[string]any) bool { return m["what"] == "connects" })
	d := ui.NewDriver(t.Context(), s.Screen())
	visited(t, s, d, town.Visit{Bay: 1, Unplug: 500})
	for range 3 {
		if err := daemon.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = daemon.Wait()
		before := len(o.calls("BootNotification"))
		daemon = start(t, s)
		awaitSocket(t, s.Screen())
		o.await("it is back", func(map[string]any) bool { return len(o.calls("BootNotification")) > before })
	}
	t.Cleanup(func() { child.Stop(daemon) })
	o.await("settlement", func(map[string]any) bool { return len(o.calls("NotifySettlement")) > 0 })
	seen := map[string]int{}
	for _, e := range o.calls("TransactionEvent") {
		seen[fmt.Sprintf("%v%v", e["eventType"], e["seqNo"])]++
	}
	if seen["Started0"] < 1 || seen["Started0"] > 2 || seen["Ended1"] < 1 || seen["Ended1"] > 2 || len(seen) != 2 {
		t.Errorf("it reads %v", seen)
	}
	o.strict()
}

// offersWeb has the station show a code beside its prices (C25): it leads to the operator's page, for this EVSE, with a
// password that holds for a minute. The secret that it is made of cannot be read.
func (o *centralSystem) offersWeb(t *testing.T, s *town.Town, d *ui.Driver) {
	t.Helper()
	variable := func(name string) string {
		return fmt.Sprintf(`"component":{"name":"WebPaymentsCtrlr"},"variable":{"name":%q}`, name)
	}
	for name, value := range map[string]string{"Enabled": "true", "SharedSecret": "a-secret-of-the-station",
		"URLTemplate": "https://pay.example/{chargingStationId}/{evse}/{totp}"} {
		if got := asText(o.asks("SetVariables", fmt.Sprintf(`{"setVariableData":[{%s,"attributeValue":%q}]}`,
			variable(name), value))); !strings.Contains(got, `"Accepted"`) {
			t.Fatalf("%s: %s", name, got)
		}
	}
	if got := asText(o.asks("GetVariables", fmt.Sprintf(`{"getVariableData":[{%s}]}`,
		variable("SharedSecret")))); !strings.Contains(got, `"Rejected"`) || strings.Contains(got, "a-secret") {
		t.Errorf("the secret is read: %s", got)
	}
	web := ""
	v := &town.Visitor{Visit: town.Visit{Bay: 1, CancelAt: ui.Price}, Driver: d, Site: s, See: func(now ui.View) {
		if now.Screen == ui.Price {
			web = now.Web
		}
	}}
	if err := v.Complete(s.Size); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	if err := v.Home(ctx); err != nil {
		t.Fatal(err)
	}
	if err := v.Play(ctx); err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	want := []string{}
	for _, moment := range []time.Time{at, at.Add(-time.Minute)} {
		want = append(want, "https://pay.example/K-0042/1/"+csms.OneTime("a-secret-of-the-station", time.Minute, 20,
			moment))
	}
	if !slices.Contains(want, web) {
		t.Errorf("the code leads to %q, want one of %q", web, want)
	}
}

// TestAnOperatorStartsAndStops: with the host's leave an operator lets a vehicle charge (C24), and ends it; a card
// number is no token; a payment that it refuses is given back; it begins anew when it is told to.
func TestAnOperatorStartsAndStops(t *testing.T) {
	t.Parallel() // it mostly waits
	o, s, d := operated(t, 1, "  remote_start: true\n")
	o.await("the EVSE is available", func(map[string]any) bool {
		return slices.ContainsFunc(o.calls("StatusNotification"), func(m map[string]any) bool {
			return m["connectorStatus"] == "Available"
		})
	})
	if got := asText(o.asks("RequestStartTransaction", `{"evseId":1,"remoteStartId":5,"idToken":{"idToken":`+
		`"4111111111111111","type":"DirectPayment"}}`)); !strings.Contains(got, "card number") {
		t.Errorf("a card number as a token: %s", got)
	}
	o.offersWeb(t, s, d)
	o.asks("NotifyWebPaymentStarted", `{"evseId":1,"timeout":600}`) // the driver pays at a web page (C25)
	o.await("EVSE 1 is kept", func(map[string]any) bool {
		all := o.calls("StatusNotification")
		return all[len(all)-1]["connectorStatus"] == "Unavailable"
	})
	r := o.asks("RequestStartTransaction", `{"evseId":1,"remoteStartId":5,"idToken":{"idToken":"PSP-9","type":`+
		`"DirectPayment"}}`)
	if r["status"] != "Accepted" {
		t.Fatalf("it answers %s", asText(r))
	}
	s.Bays[0].Plug(simulator.GoodCar())
	o.await("it began", func(map[string]any) bool { return len(o.calls("TransactionEvent")) > 0 })
	e := o.calls("TransactionEvent")[0]
	info := e["transactionInfo"].(map[string]any)
	id, _ := info["transactionId"].(string)
	if id == "" || info["remoteStartId"] != 5.0 || e["triggerReason"] != "RemoteStart" ||
		e["idToken"].(map[string]any)["idToken"] != "PSP-9" {
		t.Errorf("it reads %s", asText(e))
	}
	if got := o.asks("RequestStopTransaction", fmt.Sprintf(`{"transactionId":%q}`, id)); got["status"] != "Accepted" {
		t.Errorf("it answers %s", asText(got))
	}
	o.await("it ended", func(map[string]any) bool {
		all := o.calls("TransactionEvent")
		last := all[len(all)-1]
		return last["eventType"] == "Ended" && last["transactionInfo"].(map[string]any)["stoppedReason"] == "Remote"
	})
	s.Bays[0].Unplug()
	if n := len(o.calls("NotifySettlement")); n != 0 {
		t.Errorf("%d settlements of what was not paid", n)
	}
	o.says("answer Authorize %s", `{"idTokenInfo":{"status":"Blocked"}}`)
	if got := asText(o.asks("SetVariables", `{"setVariableData":[{"component":{"name":"PaymentCtrlr"},"variable":`+
		`{"name":"AuthorizeDirectPayment"},"attributeValue":"true"}]}`)); !strings.Contains(got, "Accepted") {
		t.Fatal(got)
	}
	noCar := town.Visit{Bay: 1}
	noCar.Car.None = true
	visited(t, s, d, noCar)
	o.await("given back", func(map[string]any) bool { return len(o.calls("NotifySettlement")) > 0 })
	if paid := o.calls("NotifySettlement")[0]; paid["status"] != "Canceled" || paid["transactionId"] != nil ||
		len(o.calls("Authorize")) != 1 {
		t.Errorf("it reads %s", asText(paid))
	}
	boots := len(o.calls("BootNotification"))
	if got := o.asks("Reset", `{"type":"OnIdle"}`); got["status"] != "Accepted" {
		t.Errorf("Reset is answered %s", asText(got))
	}
	for end := time.Now().Add(hang); ; time.Sleep(20 * time.Millisecond) { // no signal from another process
		if _, err := os.Stat(s.Screen()); err != nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the daemon does not end")
		}
	}
	daemon := start(t, s)
	t.Cleanup(func() { child.Stop(daemon) })
	o.await("it is back", func(map[string]any) bool { return len(o.calls("BootNotification")) > boots })
	o.strict()
}
