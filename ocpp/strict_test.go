package ocpp_test

import (
	"bufio"
	"context"
	"strings"
	"testing"

	"kioskd"
	"kioskd/ocpp/judges"
)

// TestAStrictClient: npm ocpp-rpc, which holds each message to the official schemas, is sold to.
func TestAStrictClient(t *testing.T) {
	s := newStand(t)
	cmd := judges.Node(t, "client.js", strings.TrimSuffix(s.address, "/"), "WB 1", "a-password-of-16")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said = append(said, lines.Text())
		switch {
		case strings.HasPrefix(lines.Text(), "authorize"):
			go func() {
				if err := s.bay.Start(context.Background(), kiosk.Grant{Reference: "7GK2M4Q"}); err != nil {
					t.Error(err)
				}
				if r, err := s.bay.Read(context.Background()); err != nil || r.Import != 2260000 {
					t.Errorf("%+v, %v", r, err)
				}
				_ = s.bay.Open() // it begins to end it
			}()
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	want := "boot Accepted string 60|authorize Invalid|started Accepted 1|measured|ended"
	if got := strings.Join(said, "|"); got != want {
		t.Errorf("it says %s, want %s", got, want)
	}
	if e := s.desk.ended; len(e) != 1 || e[0].Reading == nil || e[0].Reading.Import != 2260010 {
		t.Errorf("%+v", e)
	}
}
