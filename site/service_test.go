package site

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/ui"
)

func rowKeys(v ui.StaffView) (out []string) {
	for _, r := range v.Rows {
		out = append(out, r.Key)
	}
	return out
}

func findRow(t testing.TB, v ui.StaffView, key string) ui.Row {
	t.Helper()
	i := slices.IndexFunc(v.Rows, func(r ui.Row) bool { return r.Key == key })
	if i < 0 {
		t.Fatalf("there is no row %s: %q", key, rowKeys(v))
	}
	return v.Rows[i]
}

// TestAFaultThatWentIsStillTold: a technician who comes hours later reads when it came and went, and what the device
// said; the fault itself is gone from the list of faults.
func TestAFaultThatWentIsStillTold(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		// the card reader was not asked yet when it began: that is all
		begun := len(w.page(ui.RoleTechnician, "history").Rows)
		w.boxes[2].set(func(b *box) { b.noMeter = true })
		w.wait(5 * time.Minute)
		lost := w.clock.Now()
		v := w.page(ui.RoleTechnician, "devices")
		findRow(w, v, "dev.meter_lost")
		last := v.Rows[len(v.Rows)-1]
		if at := argument(w, last, "At").At; last.Key != "dev.error" || lost.Sub(*at) > 6*time.Minute {
			w.Errorf("the last error is of %v: %+v", at, last)
		}
		if why := argument(w, last, "Why").Text; !strings.Contains(why, "the meter says nothing") {
			w.Errorf("the last error is %q", why)
		}
		if got := findRow(w, w.page(ui.RoleTechnician, "faults"), "faults.bay"); argument(w, got, "N").Text != "2" {
			w.Errorf("the fault is shown as %+v", got)
		}
		menu := w.page(ui.RoleTechnician, ui.RoleTechnician)
		if !slices.ContainsFunc(menu.Actions, func(a ui.Action) bool {
			return a.Value == ui.GoTo+"faults" && a.Key == "staff.count" && a.Args[1].Text == "1"
		}) {
			w.Errorf("the menu does not count the fault: %+v", menu.Actions)
		}
		w.boxes[2].set(func(b *box) { b.noMeter = false })
		w.wait(3 * time.Hour)
		if got := rowKeys(w.page(ui.RoleTechnician, "faults")); !slices.Equal(got, []string{"faults.none"}) {
			w.Errorf("the faults are %q", got)
		}
		past := w.page(ui.RoleTechnician, "history")
		if got := rowKeys(past); len(got) != begun+2 || got[0] != "history.went" || got[1] != "history.came" {
			w.Fatalf("the history is %q", got)
		}
		came, went := argument(w, past.Rows[1], "At").At, argument(w, past.Rows[0], "At").At
		if !came.Before(*went) || argument(w, past.Rows[1], "Code").Text != "MT001 (2)" || past.Rows[1].State != "bad" {
			w.Errorf("the history is %+v", past.Rows)
		}
		later := w.control.Snapshot()
		later.At = later.At.AddDate(0, 1, 1)
		if got := rowKeys(w.desk.history(w.Context(), later)); !slices.Equal(got, []string{"history.none"}) {
			w.Errorf("after a month the history is %q", got)
		}
	})
}

// TestEachPhaseIsShown as the meter says it, a current that flows back with its sign.
func TestEachPhaseIsShown(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		row := findRow(w, w.page(ui.RoleTechnician, "devices"), "dev.phases")
		if got := argument(w, row, "Phases").Text; got != "L1 230.4 V 16.0 A · L2 229.9 V -0.1 A · L3 231.0 V 0.0 A" {
			w.Errorf("the phases are %q", got)
		}
		if at := argument(w, row, "At").At; w.clock.Now().Sub(*at) > time.Minute {
			w.Errorf("they were read at %v", at)
		}
	})
}

// TestTheCardReaderIsTried without money: it says which it is, that it is not ready, or why no card was read.
func TestTheCardReaderIsTried(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		do := func(action string) ui.Row { return w.desk.Do(w.Context(), ui.RoleTechnician, action) }
		if got := do("reader"); got.Key != "pt.ready" || argument(w, got, "Software").Text != "GER-APP-7" {
			w.Errorf("a reader that is ready: %+v", got)
		}
		w.till.unwell = &kiosk.Declined{Class: kiosk.DeclineTerminal, Code: "CC"}
		if got := do("reader"); got.Key != "staff.failed" || got.State != "bad" {
			w.Errorf("one that is not: %+v", got)
		}
		if got := do("card"); got.Key != "pt.read" || got.State != "ok" {
			w.Errorf("a card: %+v", got)
		}
		w.till.unread = &kiosk.Declined{Class: kiosk.DeclineNoCard}
		if got := do("card"); got.Key != "declined.no_card" || got.State != "warn" {
			w.Errorf("no card: %+v", got)
		}
		w.till.unread = errors.New("the line is gone")
		if got := do("card"); got.Key != "staff.failed" {
			w.Errorf("a line that is gone: %+v", got)
		}
		if len(w.till.open) > 0 || len(w.till.booked) > 0 {
			w.Error("a test reserved or took money")
		}
	})
}

// TestTheComputerIsDescribed, and what it does not say is left out.
func TestTheComputerIsDescribed(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		v := w.page(ui.RoleTechnician, "system")
		if argument(w, findRow(w, v, "sys.version"), "Version").Text != "0.1.0" {
			w.Errorf("%+v", v.Rows)
		}
		for _, key := range []string{"sys.disk", "sys.clock", "journal.records"} {
			findRow(w, v, key)
		}
	})
	root := t.TempDir()
	pc := computer{root}
	if _, ok := pc.temperature(); ok {
		t.Error("a computer without a sensor has a temperature")
	}
	if _, _, ok := pc.signal(); ok {
		t.Error("a computer without a wireless network has a signal")
	}
	write := func(path, text string) {
		path = filepath.Join(root, path)
		err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644))
		if err != nil {
			t.Fatal(err)
		}
	}
	write("sys/class/thermal/thermal_zone0/temp", "51200\n")
	write("sys/class/thermal/thermal_zone1/temp", "84900\n")
	// proc(5) and the kernel's own form of /proc/net/wireless
	write("proc/self/net/wireless",
		"Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE\n"+
			" face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22\n"+
			" wlan0: 0000   54.  -56.  -256        0      0      0      0      0        0\n")
	if d, ok := pc.temperature(); !ok || d != 84 {
		t.Errorf("temperature %d %v", d, ok)
	}
	if name, dBm, ok := pc.signal(); !ok || name != "wlan0" || dBm != -56 {
		t.Errorf("signal %s %d %v", name, dBm, ok)
	}
	for d, want := range map[time.Duration]string{26*time.Hour + 3*time.Minute: "1 d 2 h",
		4*time.Hour + time.Minute: "4 h 1 min",
		59 * time.Second:          "0 min"} {
		if got := short(d); got != want {
			t.Errorf("%v is %q", d, got)
		}
	}
	if up, ok := uptime(); !ok || up <= 0 {
		t.Errorf("on for %v", up)
	}
}
