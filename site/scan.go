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
	bus, err := ScanBus(address)
	if err != nil {
		return nil, err
	}
	defer bus.Close()
	models, err := meter.Models()
	if err != nil {
		return nil, err
	}
	note(fmt.Sprintf("asking units %d to %d at %s, up to %v", first, last, address,
		ScanTakes(last-first+1, len(models))))
	err = meter.Scan(ctx, bus, first, last, models, func(f meter.Found) {
		note(fmt.Sprintf("  unit %d: %s %s %s", f.Unit, cmp.Or(f.Vendor, f.Why), f.Model, f.Serial))
		out = append(out, unitOf(f, address))
	})
	return out, err
}

// ScanTakes is how long a scan takes where few units answer: silent ones are asked twice then.
func ScanTakes(units, models int) time.Duration {
	return (2 * time.Duration(units*models) * scanTimeout).Round(time.Second)
}

// scanTimeout is how long a unit may think: the slowest known meter answers in 60 ms.
const scanTimeout = 300 * time.Millisecond

// ScanBus opens a line for a scan, in which most units are not there.
func ScanBus(address string) (*modbus.Bus, error) {
	bus, err := modbus.NewBus(address)
	if err != nil {
		return nil, err
	}
	bus.Timeout = scanTimeout
	return bus, nil
}
