package simulator_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	"kioskd/ocpp/judges"
	"kioskd/simulator"
)

// TestAStrictCentralSystem: the simulated charger sells for npm ocpp-rpc, which holds each message to the official
// schemas.
func TestAStrictCentralSystem(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().(*net.TCPAddr)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := judges.Node(t, "central.js", fmt.Sprint(address.Port))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	bay := simulator.NewBay(2259988, 1, 60)
	bay.Plug(simulator.GoodCar())
	c := &simulator.Charger{ID: "WB 1", Password: "a-password-of-16", URL: "ws://" + address.String(),
		Bays: []*simulator.Bay{bay, simulator.NewBay(0, 2, 1)}, Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	var said []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said = append(said, lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	all := strings.Join(said, "\n")
	for _, want := range []string{"connects WB 1 a-password-of-16", "status 2 Available", "settings true",
		"ChangeConfiguration Accepted", "ChangeConfiguration NotSupported", "TriggerMessage Accepted",
		"ClearCache Accepted", "RemoteStopTransaction Rejected", "RemoteStartTransaction Accepted",
		"start 1 7GK2M4Q 2259988", "status 1 Charging", "values 17 Energy.Active.Import.Register",
		"SetChargingProfile Accepted", "ChangeAvailability Scheduled", "ChangeAvailability Accepted",
		"RemoteStopTransaction Accepted", "stop 17 Remote "} {
		if !strings.Contains(all, want) {
			t.Errorf("it does not say %q:\n%s", want, all)
		}
	}
	if strings.Contains(all, "STRICT") {
		t.Error(all)
	}
	if !strings.Contains(all, fmt.Sprint("stop 17 Remote ", int64(bay.State().Register))) {
		t.Errorf("the register is %v:\n%s", bay.State().Register, all)
	}
}
