package simulator_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/ocpp"
	"kioskd/ocpp/judges"
	"kioskd/simulator"
)

// sold lets the simulated charger sell for a central system of another hand, and is what that says.
func sold(t *testing.T, script, version string) (said string, bay *simulator.Bay) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().(*net.TCPAddr)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := judges.Node(t, script, fmt.Sprint(address.Port))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	bay = simulator.NewBay(2259988, 1, 60)
	bay.Plug(simulator.GoodCar())
	c := &simulator.Charger{ID: "WB 1", Password: "a-password-of-16", URL: "ws://" + address.String(), Version: version,
		Bays: []*simulator.Bay{bay, simulator.NewBay(0, 2, 1)}, Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said += lines.Text() + "\n"
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if strings.Contains(said, "STRICT") {
		t.Error(said)
	}
	return said, bay
}

// TestAStrictCentralSystem: the simulated charger sells for npm ocpp-rpc, which holds each message to the official
// schemas.
func TestAStrictCentralSystem(t *testing.T) {
	all, bay := sold(t, "central.js", "1.6")
	for _, want := range []string{"connects WB 1 a-password-of-16", "status 2 Available", "settings true",
		"ChangeConfiguration Accepted", "ChangeConfiguration NotSupported", "TriggerMessage Accepted",
		"ClearCache Accepted", "RemoteStopTransaction Rejected", "RemoteStartTransaction Accepted",
		"start 1 7GK2M4Q 2259988", "status 1 Charging", "values 17 Energy.Active.Import.Register",
		"SetChargingProfile Accepted", "ChangeAvailability Scheduled", "ChangeAvailability Accepted",
		"RemoteStopTransaction Accepted", fmt.Sprint("stop 17 Remote ", int64(bay.State().Register))} {
		if !strings.Contains(all, want) {
			t.Errorf("it does not say %q:\n%s", want, all)
		}
	}
}

// TestAStrictCentralSystemOf201: the same by OCPP 2.0.1.
func TestAStrictCentralSystemOf201(t *testing.T) {
	all, bay := sold(t, "central201.js", "2.0.1")
	for _, want := range []string{"boot PowerUp simulated", "status 2 Available", "variables Accepted,UnknownVariable",
		"set Accepted", "start Accepted", "event Started 0 7GK2M4Q 2259988", "event Updated 1 - ", "event Updated 2 - ",
		"profile Accepted", "stop Accepted", fmt.Sprint(" - ", int64(bay.State().Register), " Remote")} {
		if !strings.Contains(all, want) {
			t.Errorf("it does not say %q:\n%s", want, all)
		}
	}
}

// seller is a desk that lets every transaction run.
type seller struct{}

func (seller) Started(context.Context, int, kiosk.Transaction, kiosk.Reading) error { return nil }
func (seller) Refused(context.Context, int, kiosk.Transaction, error) error         { return nil }
func (seller) Ended(context.Context, ocpp.Ended) error                              { return nil }

// TestAChargerThatIsCutOffStops: its line is cut for an hour while its vehicle draws power, and after the time of its
// fuse no energy flows, although no order reached it.
func TestAChargerThatIsCutOffStops(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := ocpp.New(ocpp.Options{Desk: seller{}, Now: time.Now, PlugIn: time.Minute, Sample: time.Second,
		Log: slog.New(slog.DiscardHandler), Chargers: []ocpp.Settings{{ID: "WB-1", Connectors: []ocpp.ConnectorSettings{
			{Number: 1, Bay: 1, Register: kiosk.Register{MaxPower: 22000}}}}}})
	bay := simulator.NewBay(0, 1, 1)
	bay.Plug(simulator.GoodCar())
	c := &simulator.Charger{ID: "WB-1", URL: "ws://" + l.Addr().String(), Bays: []*simulator.Bay{bay},
		Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- server.Serve(ctx, l, nil) }()
	go func() { ended <- c.Run(ctx) }()
	defer func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}()
	n := server.Connector("WB-1", 1)
	until := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); !ok(); time.Sleep(20 * time.Millisecond) { // no signal
			if time.Now().After(end) {
				t.Fatalf("it never came that %s", what)
			}
		}
	}
	until("the charger is set", func() bool {
		in, err := n.Inputs(ctx)
		return err == nil && in.Plugged && server.Chargers()[0].Set
	})
	grant := kiosk.Grant{Reference: "7GK2M4Q", Fuse: time.Hour}
	if err := n.Start(ctx, grant); err != nil {
		t.Fatal(err)
	}
	until("energy flows", func() bool { return bay.State().Power > 0 })
	grant.Fuse = 3 * time.Second
	until("the charger takes its fuse", func() bool { return n.Renew(ctx, grant) == nil })
	c.Cut(time.Hour)
	if bay.State().Power == 0 {
		t.Fatal("it stops when it is cut off, and proves nothing")
	}
	until("no energy flows", func() bool { return bay.State().Power == 0 })
	if in, err := n.Inputs(ctx); err == nil {
		t.Errorf("the charger is taken to be there: %+v", in)
	}
}
