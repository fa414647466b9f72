package site

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"kioskd"
	"kioskd/api"
	"kioskd/backoffice"
	"kioskd/config"
	"kioskd/session"
	"kioskd/store"
)

// check times a question to a device; code is the fault that it is without an answer.
func check(device string, code kiosk.FaultCode, ask func() (identity string, err error)) api.Finding {
	start := time.Now()
	identity, err := ask()
	f := api.Finding{Device: device, OK: err == nil, Identity: identity, Millis: time.Since(start).Milliseconds()}
	if err != nil {
		f.What, f.Fault = err.Error(), cmp.Or(kiosk.FaultOf(err), code)
	}
	return f
}

func checkTerminal(ctx context.Context, s api.Devices) api.Finding {
	var said kiosk.TerminalStatus
	f := check("terminal", kiosk.FaultTerminalUnreachable, func() (identity string, err error) {
		said, err = s.Status(ctx)
		return strings.Join(strings.Fields(said.TerminalID+" "+said.Software+" "+said.Text), " "), err
	})
	if f.OK && said.NotReady != nil {
		f.OK, f.What, f.Fault = false, said.NotReady.Error(), kiosk.FaultTerminalNotReady
	}
	return f
}

// Examine asks the terminal, and tells what the daemon sees of everything else.
func (o owner) Examine(ctx context.Context) ([]api.Finding, error) {
	out := []api.Finding{checkTerminal(ctx, o)}
	snap := o.control.Snapshot()
	for _, bay := range o.control.Bays() {
		live, seen := snap.Live[bay]
		measured := live.Reading != nil || o.isCharger(bay) && live.MeterLost == 0 && live.MeterFault == ""
		f := api.Finding{Device: fmt.Sprintf("bay %d", bay), OK: seen && measured && live.InputsLost == 0}
		switch {
		case live.InputsLost > 0 && o.isCharger(bay): // its register is the charger's, too
			f.Fault = kiosk.FaultChargerLost
		case live.MeterLost > 0:
			f.Fault = kiosk.FaultMeterUnreachable
		case live.InputsLost > 0:
			f.Fault = kiosk.FaultInputsUnreachable
		default:
			f.Fault = live.MeterFault
		}
		var say []string
		if live.Good != nil {
			f.Identity = "meter " + live.Good.Serial
		}
		switch {
		case !seen:
			say = append(say, "not looked at yet")
		case live.Reading != nil:
			say = append(say, fmt.Sprintf("%v, %d W", live.Reading.Import, live.Reading.Power))
		case live.Good != nil:
			say = append(say, fmt.Sprintf("last read %v", live.Good.Import))
		}
		if seen && live.InputsLost == 0 {
			say = append(say, inputsSay(live.Inputs))
		}
		f.What = strings.Join(say, ", ")
		out = append(out, f)
	}
	out = append(out, o.chargerFindings(snap.At)...)
	for _, at := range sortedFaults(snap.State) {
		device := "site"
		if at.Bay > 0 {
			device = fmt.Sprintf("bay %d", at.Bay)
		}
		def, _ := kiosk.FaultByCode(at.Code)
		out = append(out, api.Finding{Device: device, OK: def.Severity == kiosk.Warning, What: stops[def.Severity],
			Fault: at.Code})
	}
	return out, nil
}

// stops says what a fault stops.
var stops = map[kiosk.Severity]string{kiosk.Warning: "selling goes on", kiosk.BayDown: "this bay sells nothing",
	kiosk.SiteDown: "nothing is sold"}

// sortedFaults are the faults by code and bay.
func sortedFaults(s session.State) []session.FaultAt {
	return slices.SortedFunc(maps.Keys(s.Faults), func(a, b session.FaultAt) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), a.Bay-b.Bay)
	})
}

// Examine asks every device itself: no daemon has them.
func (d direct) Examine(ctx context.Context) ([]api.Finding, error) {
	out := []api.Finding{checkTerminal(ctx, d)}
	if d.c.Uplink != nil {
		out = append(out, d.checkOffice(ctx))
	}
	devices, _ := openDevices(d.c) // what is missing says so where it is asked
	defer devices.Close(QuietLog())
	for i, b := range devices.Bays {
		if x := d.c.Bays[i].Charger; x != nil {
			out = append(out, api.Finding{Device: fmt.Sprintf("bay %d", b.Number), OK: true,
				Identity: "charger " + x.ID,
				What:     "it connects to the daemon alone: kioskd doctor asks it once that runs"})
			continue
		}
		out = append(out, check(fmt.Sprintf("bay %d meter", b.Number), kiosk.FaultMeterUnreachable,
			func() (string, error) {
				r, err := again(func() (kiosk.Reading, error) { return b.Meter.Read(ctx) })
				if err != nil {
					return "", err
				}
				return fmt.Sprintf("%s %v", r.Serial, r.Import), nil
			}), check(fmt.Sprintf("bay %d inputs", b.Number), kiosk.FaultInputsUnreachable, func() (string, error) {
			in, err := again(func() (kiosk.BayInputs, error) { return b.Inputs.Inputs(ctx) })
			if err != nil {
				return "", err
			}
			if in.Closed {
				err = faultError{kiosk.FaultContactorStuck, "the contactor is closed, and kioskd does not run"}
			}
			return inputsSay(in), err
		}))
		if b.Signer != nil {
			out = append(out, check(fmt.Sprintf("bay %d signature", b.Number), kiosk.FaultMeterUnsigned,
				func() (string, error) { return "key " + d.c.Bays[i].Key.Fingerprint(), b.Signer.Check(ctx) }))
		}
	}
	return out, nil
}

// again asks a device up to three times where its answer did not come: one lost answer is no fault.
func again[T any](ask func() (T, error)) (out T, err error) {
	for range 3 {
		out, err = ask()
		if !errors.Is(err, kiosk.ErrUnreachable) {
			break
		}
	}
	return out, err
}

// inputsSay is what a bay's inputs say, in words. An emergency stop is named where it is pressed:
// one that is not wired says the same as one that is not.
func inputsSay(in kiosk.BayInputs) string {
	say := "no vehicle"
	if in.Plugged {
		say = "vehicle plugged in"
	}
	if in.Closed {
		say += ", contactor closed"
	} else {
		say += ", contactor open"
	}
	if in.Emergency {
		say += ", emergency stop pressed"
	}
	return say
}

// faultError is an error with a fault of its own.
type faultError struct {
	code kiosk.FaultCode
	what string
}

func (e faultError) Error() string              { return e.what }
func (e faultError) FaultCode() kiosk.FaultCode { return e.code }

// before is what a journal says by which a daemon judges disk and clock.
type before struct {
	last  kiosk.Record
	full  bool  // the disk was
	spare int64 // bytes that can be written inside its file
}

func beforeOf(ctx context.Context, j *store.Store) (b before, err error) {
	full, err1 := raisedFaults(ctx, j, kiosk.FaultDiskFull)
	var err2, err3 error
	b.last, err2 = lastRecord(ctx, j)
	b.spare, err3 = j.Spare(ctx)
	b.full = len(full) > 0
	return b, errors.Join(err1, err2, err3)
}

// clockOf is the system's time. It fails where a daemon does not trust it.
func clockOf(c *config.Config, last kiosk.Record) (string, error) {
	clock := session.NewClock(time.Now, synced(c.ClockRTC))
	if !clock.Trusted() {
		return "", errors.New("nothing keeps the system's time in step")
	}
	then := last.Wall.In(c.Timezone).Format(time.RFC3339)
	if last.Seq > 0 && !last.ClockOK {
		return "", fmt.Errorf("kioskd did not trust it at %s, when it wrote its last record", then)
	}
	clock.After(last.Wall)
	if !clock.Trusted() {
		return "", fmt.Errorf("the journal's last record is later, of %s", then)
	}
	return clock.Now().Format(time.RFC3339), nil
}

// Computer looks at what is on the computer itself: journal, disk and clock. It judges as a daemon does.
func Computer(ctx context.Context, c *config.Config) []api.Finding {
	var was before
	journal := check("journal", kiosk.FaultJournalUnwritable, func() (string, error) {
		j, err := store.OpenReader(ctx, c.Journal)
		if errors.Is(err, fs.ErrNotExist) {
			return "none yet", nil
		}
		if err != nil {
			return "", err
		}
		defer j.Close()
		seq, err := j.Seq(ctx)
		if err != nil {
			return "", err
		}
		was, err = beforeOf(ctx, j)
		return fmt.Sprintf("%d records", seq), err
	})
	disk := check("disk", kiosk.FaultDiskFull, func() (string, error) {
		free, err := freeDisk(c)
		if err != nil {
			return "", err
		}
		free += was.spare
		return fmt.Sprintf("%d MB free", free/Megabyte), tooFull(c, free, was.full)
	})
	clock := check("clock", kiosk.FaultClockUntrusted, func() (string, error) { return clockOf(c, was.last) })
	out := []api.Finding{journal, disk, clock}
	for _, of := range certificates(c) {
		out = append(out, check("certificates", kiosk.FaultCertificateEnds, func() (string, error) {
			whose, at, err := backoffice.Ends(of.paths...)
			if err != nil || at.IsZero() {
				return "", err
			}
			return of.setting + ": " + filepath.Base(whose) + " until " + at.Format(time.DateOnly),
				endingSoon(whose, at, time.Now())
		}))
	}
	if journal.OK {
		price := check("price", kiosk.FaultPriceJump, func() (string, error) {
			far, err := FarPrice(ctx, c)
			if err == nil && far != nil {
				err = far
			}
			return "", err
		})
		if !price.OK {
			out = append(out, price)
		}
	}
	if c.Keep.CopyTo != "" {
		out = append(out, check("copy", "", func() (string, error) { return lastCopy(c, time.Now()) }))
	}
	return out
}
