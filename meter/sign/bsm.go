package sign

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"kioskd"
	"kioskd/meter/ocmf"
)

// bsm is a Bauer BSM-WS36A. Its snapshots "start" and "end" are signed and switch nothing
// (bsm-ws36a-modbus-registers.csv of chargeITmobility/bsm-python: models 64900, 64901 and 64903).
type bsm struct{ registers }

// Registers of the BSM.
const (
	bsmEpoch  = 40260 // seconds since 1970, two registers; the zone in minutes follows
	bsmMeta1  = 40279 // 70 registers: the identification in the record
	bsmMeta2  = 40349 // 50 registers
	bsmKey    = 40450 // its length in bytes, and behind it the key
	bsmStart  = 41286 // status of the snapshot "start"
	bsmEnd    = 41540
	bsmStartT = 43293 // type and status of its record; the text follows
	bsmEndT   = 43793
	bsmText   = 496 // registers of a text
)

// Status of a snapshot.
const (
	bsmValid    = 0
	bsmUpdating = 2
)

// bsmSigns is how long the meter may take.
const bsmSigns = 2 * Patience

func (m *bsm) Key(ctx context.Context) (ocmf.Key, error) {
	words, err := m.read(ctx, holding, bsmKey, 49)
	if err != nil {
		return ocmf.Key{}, fmt.Errorf("cannot read public key: %w", err)
	}
	b := wordBytes(words[1:])
	if int(words[0]) > len(b) {
		return ocmf.Key{}, fmt.Errorf("cannot read public key: it has %d bytes", words[0])
	}
	return ocmf.ParseKey(hex.EncodeToString(b[:words[0]]), "")
}

func (m *bsm) Begin(ctx context.Context, s kiosk.Signing) ([]string, error) {
	if err := m.tell(ctx, s); err != nil {
		return nil, err
	}
	return m.snapshot(ctx, bsmStart, bsmStartT)
}

// tell sets the clock and writes what is signed beside the register. The clock is lost with the meter's power
// (bsm-python, doc/examples/time.md), and nothing says that the rest is not.
func (m *bsm) tell(ctx context.Context, s kiosk.Signing) error {
	if err := m.setTime(ctx, s.At); err != nil {
		return err
	}
	return m.writeAll(ctx, []written{{"identification", bsmMeta1, letters(s.Reference, 70)},
		{"EVSE id", bsmMeta2, letters(s.EVSE, 50)}})
}

// setTime sets the clock where it is wrong: each time costs the meter some of its life.
func (m *bsm) setTime(ctx context.Context, at time.Time) error {
	words, err := m.read(ctx, holding, bsmEpoch, 3)
	if err != nil {
		return fmt.Errorf("cannot read time: %w", err)
	}
	now := time.Unix(int64(words[0])<<16|int64(words[1]), 0)
	if off := now.Sub(at).Abs(); off < clockOff && words[2] == 0 {
		return nil
	}
	if err := m.write(ctx, bsmEpoch, uint16(at.Unix()>>16), uint16(at.Unix()), 0); err != nil {
		return fmt.Errorf("cannot set time: %w", err)
	}
	return nil
}

// clockOff is how far a meter's clock may be off.
const clockOff = 5 * time.Second

// End takes the snapshot of the end, where there is none yet that follows the one of the beginning.
func (m *bsm) End(ctx context.Context, s kiosk.Signing) ([]string, error) {
	record, err := m.ended(ctx, strings.TrimSpace(text(letters(s.Reference, 70))))
	if err != nil || len(record) > 0 {
		return record, err
	}
	if err := m.tell(ctx, s); err != nil {
		return nil, err
	}
	return m.snapshot(ctx, bsmEnd, bsmEndT)
}

// ended is the record of the end of a session, where the meter has made it: another snapshot would be one too many.
func (m *bsm) ended(ctx context.Context, reference string) ([]string, error) {
	var pages [2]int64
	var last string
	for i, at := range []uint16{bsmStartT, bsmEndT} {
		words, err := m.read(ctx, holding, at, 2+bsmText)
		if err != nil {
			return nil, fmt.Errorf("cannot read the signed reading: %w", err)
		}
		last = text(words[2:])
		r, err := ocmf.Parse(last)
		if words[1] != bsmValid || err != nil || strings.TrimSpace(r.Payload.ID) != reference {
			return nil, nil
		}
		_, pages[i], err = r.Page()
		if err != nil {
			return nil, nil
		}
	}
	if pages[1] != pages[0]+1 {
		return nil, nil
	}
	return []string{last}, nil
}

// snapshot lets the meter take and sign a snapshot, and reads its record.
func (m *bsm) snapshot(ctx context.Context, status, record uint16) ([]string, error) {
	if err := m.write(ctx, status, bsmUpdating); err != nil {
		return nil, fmt.Errorf("cannot ask for a signed reading: %w", err)
	}
	got, err := m.until(ctx, holding, status, func(v uint16) bool { return v == bsmUpdating }, bsmSigns)
	if err != nil {
		return nil, fmt.Errorf("cannot wait for a signed reading: %w", err)
	}
	if got != bsmValid {
		return nil, fmt.Errorf("the meter failed to sign a reading: status %d", got)
	}
	words, err := m.read(ctx, holding, record, 2+bsmText)
	if err != nil {
		return nil, fmt.Errorf("cannot read the signed reading: %w", err)
	}
	if words[1] != bsmValid {
		return nil, fmt.Errorf("the meter has no signed reading: status %d", words[1])
	}
	return []string{text(words[2:])}, nil
}

// Rescue has nothing to end: a snapshot is whole, or there is none.
func (m *bsm) Rescue(context.Context, time.Time) ([]string, error) { return nil, nil }

// Done has nothing to confirm: the next snapshot takes the place of this one.
func (m *bsm) Done(context.Context) error { return nil }
