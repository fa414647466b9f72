package meter

import (
	"context"
	"errors"
	"slices"
	"time"

	"kioskd/modbus"
)

// Found is who answers at a unit.
type Found struct {
	Unit   int    `json:"unit"`
	Vendor string `json:"vendor,omitempty"` // empty for a device that is no known meter
	Model  string `json:"model,omitempty"`
	Serial string `json:"serial,omitempty"`
	Why    string `json:"why,omitempty"` // it is not known
}

// overdueTimeout is for units that answered too late to a first question.
const overdueTimeout = 2 * time.Second

// Scan asks units on a bus that no other program uses who they are, and tells of each that answers as it is
// found. A frame can be lost: an odd answer is believed the second time, and where any unit answers, so is
// silence; a slow unit is asked patiently. One odd answer is about its unit alone; the error is about the line.
func Scan(ctx context.Context, bus *modbus.Bus, first, last int, models []Model, asking func(unit int),
	told func(Found)) error {
	bus.Restless = true
	seen := map[byte]bool{}
	ask := func(unit byte) error {
		f, ok, err := Ask(ctx, bus, unit, models)
		if ok && f.Why != "" {
			f, ok, err = again(ctx, bus, f, models)
		}
		if ok && !seen[unit] {
			seen[unit] = true
			told(f)
		}
		return err
	}
	timeout := bus.Timeout
	defer func() { bus.Timeout = timeout }()
	for round := range 3 {
		late := bus.Overdue() // they are there
		for unit := first; unit <= last; unit++ {
			slow := slices.Contains(late, byte(unit))
			if seen[byte(unit)] || !slow && round > 0 && (round > 1 || len(seen) == 0) {
				continue
			}
			bus.Timeout = timeout
			if slow {
				bus.Timeout = max(timeout, overdueTimeout)
			}
			asking(unit)
			if err := ask(byte(unit)); err != nil {
				return err
			}
		}
	}
	return nil
}

// again asks a unit whose answer was odd once more; what is known of it is never less than before.
func again(ctx context.Context, bus *modbus.Bus, before Found, models []Model) (Found, bool, error) {
	f, ok, err := Ask(ctx, bus, byte(before.Unit), models)
	if !ok || f.Vendor == "" && before.Vendor != "" {
		return before, true, err
	}
	return f, true, err
}

// Why a unit that answers is no known meter.
const (
	whyForeign = "no known meter"
	whyGarbled = "what it says cannot be read: two devices with this number, or another speed or parity"
)

// Ask tells who answers at a unit; ok is false where no device does. It only reads, one identity register
// a known model: some meters do not answer where they have no register. The error is about the line.
func Ask(ctx context.Context, bus *modbus.Bus, unit byte, models []Model) (found Found, ok bool, err error) {
	found.Unit = int(unit)
	for _, model := range models {
		m := New(bus, unit, model)
		id := model.Identity
		words, err := bus.Registers(ctx, m.request(Block{id.Function, id.Address, id.words()}))
		var no modbus.Exception
		switch {
		case ctx.Err() != nil:
			return found, ok, ctx.Err()
		case errors.As(err, &no) && no.Gateway(), errors.Is(err, modbus.ErrSilent):
			continue
		case errors.As(err, &no): // a device that has no such register
			found.Why, ok = whyForeign, true
			continue
		case errors.Is(err, modbus.ErrFrame):
			found.Why, ok = whyGarbled, true
			continue
		case err != nil:
			return found, ok, err
		}
		ok = true
		if !id.matches(words) {
			found.Why = whyForeign
			continue
		}
		found.Vendor, found.Model, found.Why = model.Vendor, model.Model, ""
		if err := m.identify(ctx); err != nil {
			found.Why = err.Error()
		}
		found.Serial = m.serial
		return found, true, nil
	}
	return found, ok, nil
}
