package site

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"kioskd/api"
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
		w.Note(fmt.Sprintf("  unit %d: %s %s %s", f.Unit, cmp.Or(f.Vendor, f.Why), f.Model, f.Serial))
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
