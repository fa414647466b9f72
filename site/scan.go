package site

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"kioskd/api"
	"kioskd/line"
	"kioskd/meter"
	"kioskd/meter/model"
	"kioskd/modbus"
)

// Waiter is a person who waits for a long work.
type Waiter interface {
	Note(what string) // tells what is done, or was found
	Now(state string) // tells how far it is; the next one takes its place
}

// ScanLine asks a line that no other program uses. What was found before an error counts.
func ScanLine(ctx context.Context, address, folder string, first, last int, w Waiter) (out []api.Unit, err error) {
	err = EachUnit(ctx, address, folder, first, last, w, func(_ *modbus.Bus, f meter.Found) {
		may := ""
		if len(f.May) > 0 {
			may = "it may be " + strings.Join(f.May, " or ")
		}
		w.Note(fmt.Sprintf("  unit %d: %s %s %s%s", f.Unit, cmp.Or(f.Vendor, f.Why), f.Model, f.Serial, may))
		out = append(out, unitOf(f, address))
	})
	return out, err
}

// EachUnit asks the units of a line that no other program uses, and tells of each that answers, which may be asked
// more meanwhile. folder has the site's own files of meters.
func EachUnit(ctx context.Context, address, folder string, first, last int, w Waiter,
	told func(*modbus.Bus, meter.Found)) error {
	bus, err := modbus.NewBus(address)
	if err != nil {
		return err
	}
	defer bus.Close()
	models, err := model.Load(folder)
	if err != nil {
		return err
	}
	w.Note(fmt.Sprintf("asking units %d to %d at %s, up to %v", first, last, address,
		meter.ScanTime(last-first+1, models).Round(time.Second)))
	return meter.Scan(ctx, bus, first, last, models,
		func(unit int) { w.Now(fmt.Sprintf("unit %d of %d to %d", unit, first, last)) },
		func(int) bool { return false },
		func(f meter.Found) { told(bus, f) })
}

// LineSpeed is the address of a serial line with the speed and parity at which one of its units answers: those with
// which meters are delivered are tried with the unit numbers that meters have most. An address that names its speed,
// or is of a network, is as it is; so is a line on which no unit answers.
func LineSpeed(ctx context.Context, address, folder string, w Waiter) (string, error) {
	a, err := line.Parse(address, 1)
	if err != nil || a.Scheme != "serial" || strings.Contains(address, "?") {
		return address, err
	}
	models, err := model.Load(folder)
	if err != nil {
		return "", err
	}
	for _, speed := range models.Speeds() {
		w.Now("trying " + speed)
		bus, err := modbus.NewBus(address + "?" + speed)
		if err != nil {
			return "", err
		}
		there, err := meter.Anyone(ctx, bus, models.Units(), models)
		if err := errors.Join(err, bus.Close()); err != nil {
			return "", err
		}
		if there {
			w.Note("a unit answers at " + speed)
			return address + "?" + speed, nil
		}
	}
	return address, nil
}
