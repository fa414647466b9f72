package meter

import (
	"context"
	"errors"

	"kioskd"
	"kioskd/modbus"
)

// Found is who answers at a unit.
type Found struct {
	Unit   int    `json:"unit"`
	Vendor string `json:"vendor,omitempty"` // empty for a device that is no known meter
	Model  string `json:"model,omitempty"`
	Serial string `json:"serial,omitempty"`
}

// Ask tells who answers at a unit; ok is false where nobody does. It only reads, one
// identity register a known model, and asks a unit that is silent once.
func Ask(ctx context.Context, bus *modbus.Bus, unit byte, models []Model) (found Found, ok bool, err error) {
	found.Unit = int(unit)
	for _, model := range models {
		m := New(bus, unit, model)
		id := model.Identity
		words, err := bus.Registers(ctx, m.request(Block{id.Function, id.Address, id.words()}))
		var no modbus.Exception
		switch {
		case errors.As(err, &no): // somebody who has no such register
			ok = true
			continue
		case ctx.Err() != nil:
			return found, ok, ctx.Err()
		case err != nil && !ok && errors.Is(err, kiosk.ErrUnreachable):
			return found, false, lineFault(err)
		case err != nil:
			continue
		}
		if ok = true; !id.matches(words) {
			continue
		}
		found.Vendor, found.Model = model.Vendor, model.Model
		if err := m.identify(ctx); err != nil {
			return found, true, err
		}
		found.Serial = m.serial
		return found, true, nil
	}
	return found, ok, nil
}

// lineFault is nil where only the unit is silent.
func lineFault(err error) error {
	if errors.Is(err, modbus.ErrSilent) {
		return nil
	}
	return err
}
