package site

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"kioskd/api"
	"kioskd/meter"
	"kioskd/modbus"
)

// ScanLine asks a line that no other program uses. What was found before an error counts.
func ScanLine(ctx context.Context, address string, first, last int, note func(string)) (out []api.Unit, err error) {
	err = EachUnit(ctx, address, first, last, note, func(_ *modbus.Bus, f meter.Found) {
		note(fmt.Sprintf("  unit %d: %s %s %s", f.Unit, cmp.Or(f.Vendor, f.Why), f.Model, f.Serial))
		out = append(out, unitOf(f, address))
	})
	return out, err
}

// EachUnit asks the units of a line that no other program uses, and tells of each that answers, which may be asked
// more meanwhile.
func EachUnit(ctx context.Context, address string, first, last int, note func(string),
	told func(*modbus.Bus, meter.Found)) error {
	bus, err := modbus.NewBus(address)
	if err != nil {
		return err
	}
	defer bus.Close()
	bus.Timeout = scanTimeout
	models, err := meter.Models()
	if err != nil {
		return err
	}
	// where few units answer, silent ones are asked twice
	takes := 2 * time.Duration((last-first+1)*len(models)) * scanTimeout
	note(fmt.Sprintf("asking units %d to %d at %s, up to %v", first, last, address, takes.Round(time.Second)))
	return meter.Scan(ctx, bus, first, last, models, func(f meter.Found) { told(bus, f) })
}

// scanTimeout is how long a unit may think: the slowest known meter answers in 60 ms.
const scanTimeout = 300 * time.Millisecond
