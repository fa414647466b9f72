package ocpp_test

import (
	"bufio"
	"context"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/ocpp/judges"
)

// TestAStrictClientOf201: npm ocpp-rpc is sold to by OCPP 2.0.1.
func TestAStrictClientOf201(t *testing.T) {
	s := newStand(t)
	s.version = "20"
	cmd := judges.Node(t, "client201.js", strings.TrimSuffix(s.address, "/"), "WB 1", "a-password-of-16")
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
		if strings.HasPrefix(lines.Text(), "authorize") {
			go func() {
				grant := kiosk.Grant{Reference: "7GK2M4Q", Fuse: time.Hour}
				if err := s.bay.Start(context.Background(), grant); err != nil {
					t.Error(err)
				}
				r, err := s.bay.Read(context.Background())
				if err != nil || r.Import != 2259988 && r.Import != 2260000 {
					t.Errorf("%+v, %v", r, err)
				}
				if err := s.bay.Renew(context.Background(), grant); err != nil {
					t.Error(err)
				}
				_ = s.bay.Open() // it begins to end it
			}()
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	got := strings.Join(said, "|")
	if !strings.HasPrefix(got, "boot Accepted string 60|authorize Invalid|started Accepted Central|") ||
		!strings.Contains(got, "|profile 1 TX-0001 0|") || !strings.Contains(got, "|measured") ||
		!strings.HasSuffix(got, "|ended 17") || strings.Contains(got, "STRICT") {
		t.Errorf("it says %s", got)
	}
	e := s.desk.ended
	if len(e) != 1 || e[0].Reading == nil || e[0].Reading.Import != 2260010 || e[0].Transaction.Station != "TX-0001" {
		t.Errorf("%+v", e)
	}
}
