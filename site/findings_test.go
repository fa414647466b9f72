package site

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/api"
	"kioskd/backoffice"
	"kioskd/session"
	"kioskd/ui/text"
)

// cured tells what is wrong with a finding as a technician reads it: a fault without a word of what to do.
func cured(t testing.TB, f api.Finding) string {
	t.Helper()
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	_, known := kiosk.FaultByCode(f.Fault)
	for _, language := range texts.Languages() {
		if p := texts.Printer(language); !known || !p.Has(f.Fault.TextKey("technician")) ||
			len(p.T(f.Fault.TextKey("technician"))) < 10 {
			return "no word in " + language + " of what to do about " + f.Device + ", " + string(f.Fault)
		}
	}
	return ""
}

// one finds the findings of a device.
func one(found []api.Finding, device string) (out []api.Finding) {
	for _, f := range found {
		if f.Device == device {
			out = append(out, f)
		}
	}
	return out
}

// TestTheDoctorNamesWhatIsWrong at which device, by the fault whose text is the cure; the other devices stay good.
func TestTheDoctorNamesWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		breaks func(*world)
		device string
		fault  kiosk.FaultCode
	}{
		"the meter falls silent": {func(w *world) { w.boxes[1].set(func(b *box) { b.noMeter = true }) }, "bay 1",
			"MT001"},
		"the board falls silent": {func(w *world) { w.boxes[2].set(func(b *box) { b.noInputs = true }) }, "bay 2",
			"IO001"},
		"another meter answers": {func(w *world) { w.boxes[1].set(func(b *box) { b.serial = "X" }) }, "bay 1",
			"MT004"},
		"the register falls": {func(w *world) { w.boxes[2].set(func(b *box) { b.wh = 5 }) }, "bay 2", "MT002"},
		"energy without a session": {func(w *world) {
			w.boxes[1].set(func(b *box) { b.plugged, b.closed, b.welded = true, true, true })
		}, "bay 1", "MT005"},
		"the emergency stop is pressed": {func(w *world) { w.boxes[2].set(func(b *box) { b.pressed = true }) }, "bay 2",
			"CX008"},
		"the terminal is gone": {func(w *world) { w.till.status = kiosk.ErrUnreachable }, "terminal", "PT001"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, plainConfig(t, ""), noon, func(w *world) {
				examine := func() []api.Finding {
					found, err := w.desk.owner.Examine(w.Context())
					if err != nil {
						w.Fatal(err)
					}
					return found
				}
				for _, f := range examine() {
					if !f.OK || f.Fault != "" {
						w.Errorf("before anything is wrong it says %+v", f)
					}
				}
				c.breaks(w)
				w.wait(2 * time.Minute)
				found := examine()
				there := false
				for _, f := range one(found, c.device) {
					there = there || !f.OK && f.Fault == c.fault
					if !f.OK && f.Fault != c.fault && f.Fault != "CX017" { // which a contactor that is stuck is, too
						w.Errorf("one line of %s is %+v, want %s", c.device, f, c.fault)
					}
				}
				if !there {
					w.Errorf("of %s it says %+v, want %s", c.device, one(found, c.device), c.fault)
				}
				for _, f := range found {
					if f.Device != c.device && (!f.OK || f.Fault != "") {
						w.Errorf("of %s it says %+v", f.Device, f)
					}
					if f.Fault != "" && cured(w, f) != "" {
						w.Error(cured(w, f))
					}
				}
			})
		})
	}
}

// TestWhatTheDoctorSaysOfABay: which meter, where its register stands in kilowatt-hours, how much flows in watts, what
// is plugged in, and whether the contactor is closed.
func TestWhatTheDoctorSaysOfABay(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		say := func() api.Finding {
			found, err := w.desk.owner.Examine(w.Context())
			if err != nil {
				w.Fatal(err)
			}
			return one(found, "bay 1")[0]
		}
		if f := say(); !f.OK || f.Identity != "meter 20260001" ||
			f.What != "1000.000 kWh, 0 W, no vehicle, contactor open" {
			w.Errorf("an idle bay is %+v", f)
		}
		w.charges(1)
		if f := say(); !strings.Contains(f.What, "11000 W") ||
			!strings.HasSuffix(f.What, "vehicle plugged in, contactor closed") {
			w.Errorf("a bay that charges is %+v", f)
		}
		w.boxes[1].set(func(b *box) { b.noMeter = true })
		w.wait(5 * time.Second)
		if f := say(); f.OK || !strings.Contains(f.What, "last read 1000.") {
			w.Errorf("a bay whose meter falls silent is %+v", f)
		}
		w.till.status = &kiosk.Declined{Class: kiosk.DeclineTerminal, Text: "initialise", Code: "62"}
		found, err := w.desk.owner.Examine(w.Context())
		if err != nil || one(found, "terminal")[0].OK ||
			!strings.Contains(one(found, "terminal")[0].What, "initialise") {
			w.Errorf("a terminal that says what it needs is %+v, %v", found, err)
		}
	})
}

// TestTheComputerIsExamined: a journal that is none, newer, another program's; a disk that is nearly full; each with
// its fault and a cure.
func TestTheComputerIsExamined(t *testing.T) {
	c := plainConfig(t, "")
	say := func(device string) api.Finding {
		t.Helper()
		found := one(Computer(t.Context(), c), device)
		if len(found) != 1 {
			t.Fatalf("of the %s it says %+v", device, found)
		}
		if !found[0].OK && cured(t, found[0]) != "" {
			t.Error(cured(t, found[0]))
		}
		return found[0]
	}
	if f := say("journal"); !f.OK || f.Identity != "none yet" {
		t.Errorf("before the first start: %+v", f)
	}
	inWorld(t, c, noon, func(w *world) { w.sells(1, time.Minute) })
	if f := say("journal"); !f.OK || !strings.HasSuffix(f.Identity, "records") {
		t.Errorf("a good journal: %+v", f)
	}
	if err := alter(c, "pragma user_version = 99; update meta set value = '99' where key = 'oldest'"); err != nil {
		t.Fatal(err)
	}
	if f := say("journal"); f.OK || f.Fault != "DB001" || !strings.Contains(f.What, "newer") {
		t.Errorf("a newer journal: %+v", f)
	}
	foreign := plainConfig(t, "")
	if err := alter(foreign, "pragma application_id = 1"); err != nil {
		t.Fatal(err)
	}
	c.Journal = foreign.Journal
	if f := say("journal"); f.OK || strings.Contains(f.What, "newer") {
		t.Errorf("another program's file: %+v", f)
	}
	if f := say("disk"); !f.OK || !strings.HasSuffix(f.Identity, " MB free") {
		t.Errorf("a disk with room: %+v", f)
	}
	c.Keep.Reserve = 1 << 40
	if f := say("disk"); f.OK || f.Fault != "DB002" || !strings.Contains(f.What, "1099511627776 are wanted") {
		t.Errorf("a disk that is nearly full: %+v", f)
	}
	if f := say("clock"); !f.OK {
		t.Errorf("a clock with a battery: %+v", f)
	}
}

// TestTheDoctorWithoutADaemon asks each device itself, and where none answers says so of each of them, with a cure.
func TestTheDoctorWithoutADaemon(t *testing.T) {
	c := plainConfig(t, "")
	devices, end, err := Reach(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	found, err := devices.Examine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for device, code := range map[string]kiosk.FaultCode{"terminal": "PT001", "bay 1 meter": "MT001",
		"bay 1 inputs": "IO001", "bay 2 meter": "MT001", "bay 2 inputs": "IO001"} {
		f := one(found, device)
		if len(f) != 1 || f[0].OK || f[0].Fault != code || f[0].What == "" || cured(t, f[0]) != "" {
			t.Errorf("of %s it says %+v", device, f)
		}
	}
	if _, err := os.Stat(c.Journal); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a question makes a journal: %v", err)
	}
}

// TestTheDesksDevices say the same as the doctor: what answers, and what does not, at which bay.
func TestTheDesksDevices(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		states := func() map[string]string {
			out := map[string]string{}
			for _, r := range w.page("technician", "devices").Rows {
				key := r.Key
				for _, a := range r.Args {
					if a.Name == "N" {
						key += " " + a.Text
					}
				}
				out[key] = r.State
			}
			return out
		}
		for key, state := range states() {
			if state == "bad" {
				w.Errorf("at a good site %s is bad", key)
			}
		}
		w.boxes[1].set(func(b *box) { b.noMeter = true })
		w.boxes[2].set(func(b *box) { b.noInputs = true })
		w.control.Fault(w.Context(), kiosk.FaultTerminalUnreachable, 0, true, nil)
		w.wait(time.Second)
		now := states()
		for _, key := range []string{"dev.meter_lost 1", "dev.inputs_lost 2", "dev.terminal_lost"} {
			if now[key] != "bad" {
				w.Errorf("%s is %q", key, now[key])
			}
		}
		if now["dev.meter 2"] != "ok" || now["dev.inputs 1"] != "ok" {
			w.Errorf("what answers is shown as %v", now)
		}
		x := w.page("technician", "meters")
		if len(x.Rows) != 3 || argument(w, x.Rows[1], "Serial").Text != "20260001" {
			w.Errorf("the meters are %+v", x.Rows)
		}
		w.boxes[2].set(func(b *box) { b.noInputs = false; b.serial = "20269999"; b.wh = 12 })
		w.wait(30 * time.Second)
		got := w.desk.Do(w.Context(), "technician", action(w, x.Rows[2]))
		if got.Key != "swap.ok" || argument(w, got, "Old").Text != "20260002" ||
			*argument(w, got, "End").Energy != 1_000_000 || argument(w, got, "New").Text != "20269999" ||
			*argument(w, got, "Start").Energy != 12 {
			w.Errorf("an exchange says %+v", got)
		}
		if b := w.records(session.MeterSwapped)[0].Body.(session.SwapBody); b.By != "technician" || b.Bay != 2 {
			w.Errorf("it is written down as %+v", b)
		}
	})
}

// TestTheDoctorAsksEveryDevice, also where one bay has none that can be asked: a line each, with what to do.
func TestTheDoctorAsksEveryDevice(t *testing.T) {
	c := wired(t, newRelays(t))
	c.Bays[1].Board = ""
	c.Bays[1].GPIO = map[string]string{"contactor": "NONE1", "plugged": "NONE2", "feedback": "NONE3"}
	devices, end, err := Reach(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	found, err := devices.Examine(t.Context())
	if err != nil || len(one(found, "bay 1 inputs")) != 1 {
		t.Errorf("of bay 1, whose board answers, it says nothing: %+v, %v", found, err)
	}
	for _, f := range found {
		if !f.OK && cured(t, f) != "" {
			t.Error(cured(t, f))
		}
	}
}

// TestTheDoctorNamesAnotherHistory by its own fault: the cure of a back office that is silent is none for it.
func TestTheDoctorNamesAnotherHistory(t *testing.T) {
	b, section := newBureau(t)
	inWorld(t, plainConfig(t, section), noon, func(w *world) {
		w.connects(b)
		w.becomes(b, fails(backoffice.Conflict))
		if !w.raised("BO003", 0) {
			w.Fatal("the daemon has not noticed")
		}
		for _, f := range w.office.findings() {
			if f.Fault != kiosk.FaultOfficeDiffers {
				w.Errorf("the daemon raises BO003, and the doctor says %+v", f)
			}
		}
	})
}

// TestTheDoctorsWords are whole sentences of the project's own words: no value of the program, no half of a list.
func TestTheDoctorsWords(t *testing.T) {
	c := plainConfig(t, "")
	inWorld(t, c, noon, func(w *world) {
		w.end()
		for _, b := range w.boxes {
			b.set(func(b *box) { b.noMeter = true }) // and was never read
		}
		w.start()
		w.wait(time.Minute)
		found, err := w.desk.owner.Examine(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		for _, f := range found {
			if strings.HasPrefix(f.What, ",") {
				w.Errorf("of %s it says %q", f.Device, f.What)
			}
			for _, s := range []kiosk.Severity{kiosk.Warning, kiosk.BayDown, kiosk.SiteDown} {
				if f.What == string(s) {
					w.Errorf("of %s it says %q, which is a value of the program", f.Device, f.What)
				}
			}
		}
	})
}

// TestTheDoctorSaysNoFactTwoWays: what is a fault for the daemon is not good in the doctor's own line.
func TestTheDoctorSaysNoFactTwoWays(t *testing.T) {
	t.Run("disk", func(t *testing.T) {
		inWorld(t, plainConfig(t, ""), noon, func(w *world) {
			free, err := w.keep.free(w.Context())
			if err != nil || free < 1000*Megabyte {
				w.Skipf("%d bytes are free here: %v", free, err)
			}
			for _, part := range []float64{1.1, 0.9} { // full, and then a little better
				w.c.Keep.Reserve = int(part * float64(free) / Megabyte)
				w.keep.inspect(w.Context())
				w.wait(time.Second)
			}
			if f := one(Computer(w.Context(), w.c), "disk")[0]; w.raised("DB002", 0) && f.OK {
				w.Errorf("the daemon sells nothing because of the disk, and the doctor says %+v", f)
			}
		})
	})
	t.Run("clock", func(t *testing.T) {
		inWorld(t, plainConfig(t, ""), noon, func(w *world) {
			w.ahead.Store(int64(24 * time.Hour))
			w.wait(time.Minute)
			w.ahead.Store(0)
			w.restart() // with a time that is before the journal's last
			if f := one(Computer(w.Context(), w.c), "clock")[0]; w.raised("CL001", 0) && f.OK {
				w.Errorf("the daemon does not trust the clock, and the doctor says %+v", f)
			}
		})
	})
	t.Run("copy", func(t *testing.T) {
		c := plainConfig(t, "")
		c.Keep.CopyTo = "/nowhere"
		if f := one(Computer(t.Context(), c), "copy")[0]; f.OK {
			t.Errorf("a disk that is not there: %+v", f)
		}
	})
}

// TestACertificateThatIsNotThere does not end in the year 1.
func TestACertificateThatIsNotThere(t *testing.T) {
	_, section := newBureau(t)
	f := one(Computer(t.Context(), plainConfig(t, section)), "certificates")[0]
	if f.OK || strings.Contains(f.Identity, "0001-01-01") {
		t.Errorf("it says %+v", f)
	}
}
