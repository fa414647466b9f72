package meter

import (
	"context"

	"kioskd/meter/model"
	"kioskd/meter/sign"
	"kioskd/modbus"
)

// Signer is what lets the meter of a unit sign readings. Its error is that the model signs none.
func Signer(bus *modbus.Bus, unit byte, m *model.Model) (sign.Meter, error) {
	return sign.New(m.Signing, unitRegisters{bus, unit, m})
}

// unitRegisters are those of a unit on a bus.
type unitRegisters struct {
	bus   *modbus.Bus
	unit  byte
	model *model.Model
}

func (u unitRegisters) Read(ctx context.Context, function byte, address, count uint16) ([]uint16, error) {
	return u.bus.Registers(ctx, modbus.Request{Unit: u.unit, Function: function, Address: address, Count: count,
		Gap: u.model.Gap, Timeout: sign.Patience})
}

func (u unitRegisters) Write(ctx context.Context, address uint16, words []uint16) error {
	if len(words) == 1 && u.model.Signing != bsmSigning { // which takes function 16 alone
		return u.bus.SetRegister(ctx, u.unit, address, words[0])
	}
	return u.bus.SetRegisters(ctx, u.unit, address, words)
}

const bsmSigning = "bsm"
