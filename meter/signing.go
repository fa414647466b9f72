package meter

import (
	"context"
	"fmt"
	"math/big"
	"time"

	"kioskd"
	"kioskd/meter/model"
	"kioskd/meter/ocmf"
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
		Gap: u.model.Gap, Timeout: sign.Patience, Restless: true})
}

func (u unitRegisters) Write(ctx context.Context, address uint16, words []uint16) error {
	if len(words) == 1 && u.model.Signing != bsmSigning { // which takes function 16 alone
		return u.bus.SetRegister(ctx, u.unit, address, words[0])
	}
	return u.bus.SetRegisters(ctx, u.unit, address, words)
}

const bsmSigning = "bsm"

// Signed is a meter whose signed readings are sold by. It implements kiosk.Signer.
type Signed struct {
	sign.Meter
	key  ocmf.Key
	text string // the key as it is handed out
	step int64
}

// NewSigned is a meter that signs with the private half of a key, and whose register counts in steps of so many
// watt-hours.
func NewSigned(m sign.Meter, key ocmf.Key, step int64) (*Signed, error) {
	text, err := key.Hex()
	if err != nil {
		return nil, fmt.Errorf("cannot take public key: %w", err)
	}
	return &Signed{m, key, text, max(step, LeastSigned)}, nil
}

// LeastSigned is what records are written in at least: hundredths of a kilowatt-hour.
const LeastSigned = 10

// Shortest implements kiosk.Signer.
func (s *Signed) Shortest() time.Duration {
	if m, ok := s.Meter.(interface{ Shortest() time.Duration }); ok {
		return m.Shortest()
	}
	return 0
}

// Check implements kiosk.Signer.
func (s *Signed) Check(ctx context.Context) error {
	key, err := s.Key(ctx)
	if err != nil {
		return err
	}
	if !key.Equal(s.key) {
		return fmt.Errorf("the meter signs with the key %s, want %s", key.Fingerprint(), s.key.Fingerprint())
	}
	return nil
}

func between(a, b kiosk.Reading) ocmf.Between {
	return ocmf.Between{From: a.At, To: b.At, Low: int64(a.Import), High: int64(b.Import)}
}

// Prove implements kiosk.Signer.
func (s *Signed) Prove(records []string, c kiosk.SignedClaim) kiosk.SignedReading {
	out := kiosk.SignedReading{Records: records, PublicKey: s.text}
	t, err := ocmf.Prove(records, s.key, ocmf.Claim{Meter: c.Before.Serial, Reference: c.Reference, Page: c.Page,
		Step: s.step, AnyTime: c.AnyTime, Start: between(c.Before, c.Began), Stop: between(c.Began, c.Ended)})
	if err != nil {
		out.Error = err.Error()
		return out
	}
	whole := t.Energy()
	out.Energy = kiosk.Energy(new(big.Int).Quo(whole.Num(), whole.Denom()).Int64())
	out.Page = t.Last
	if t.Clock == 'S' || t.Clock == 'R' {
		out.Seconds = int64(t.Duration().Seconds())
	}
	return out
}
