package main

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"kioskd/simulator"
	"kioskd/simulator/town"
	"kioskd/ui"
)

// TestReportsOfABackOffice: when it has a kiosk's journal, it reports the same to the cent as the kiosk itself.
func TestReportsOfABackOffice(t *testing.T) {
	t.Parallel() // it mostly waits
	b := newBureau(t)
	o := newOperatorWith(t, town.Options{Size: 2, Speed: 300, More: b.enrolled("") + ocpiSite}, simulator.Faults{})
	b.start()
	o.reached()
	ctx, leave := context.WithTimeout(context.Background(), hang)
	defer leave()
	ref := o.charge(ctx)
	o.shows(ctx, func(v ui.View) bool { return v.Cost.Minor >= 20 })
	if out, code := o.run("session stop " + ref); code != 0 {
		t.Fatal(out)
	}
	o.until("journal export", `"kind":"closed"`)
	o.leave(ctx)
	if out, code := o.run("backoffice now"); code != 0 {
		t.Fatal(out)
	}
	o.until("backoffice status --format json", `"backlog":0\b`)
	for _, report := range []string{"revenue", "sessions", "energy --by month", "devices"} {
		own, _ := o.run("report " + report + " --format csv")
		theirs, code := o.run("report " + report + " --format csv --office " + b.dir)
		theirs = regexp.MustCompile(`(?m)^(kiosk|K-0042|sum|),`).ReplaceAllString(theirs, "")
		if code != 0 || own != theirs || !strings.Contains(own, "\n") {
			t.Errorf("report %s: the kiosk says\n%s\nthe back office, %d\n%s", report, own, code, theirs)
		}
	}
	if out, _ := o.run("report revenue --by kiosk --format csv --office " + b.dir); !strings.Contains(out,
		"\nK-0042,1,") {
		t.Errorf("by kiosk: %s", out)
	}
	if one, _ := o.run("report revenue --kiosk K-0042 --format csv --office " + b.dir); !strings.Contains(one, ",1,") {
		t.Errorf("of one kiosk: %s", one)
	}
	for flags, why := range map[string]string{
		"--kiosk K-9 --office " + b.dir: "no journal of it", "--kiosk K-0042": "goes with --office"} {
		if out, code := o.run("report faults " + flags); code != 2 || !strings.Contains(out, why) {
			t.Errorf("%s: %d: %s", flags, code, out)
		}
	}
	if out, code := o.run("report revenue --office " + t.TempDir()); code != 2 || !strings.Contains(out,
		"there is no back office") {
		t.Errorf("%d: %s", code, out)
	}
}
