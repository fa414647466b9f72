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

// em580 is a Carlo Gavazzi EM580 (EVerest, CarloGavazzi_EM580/main/powermeterImpl.cpp). It closes a transaction by
// itself when its power fails, and keeps the record until it is confirmed.
type em580 struct{ registers }

// Registers of the EM580.
const (
	emSignature = 0x24FF // 0 brainpoolP256r1, 1 brainpoolP384r1, 2 none
	emKey       = 0x2600 // DER
	emTariff    = 0x6900 // text
	emStatus    = 0x7000 // is the driver assigned
	emLevel     = 0x7001
	emFlags     = 0x7002 // 4
	emType      = 0x7006
	emID        = 0x7007 // 20
	emPointType = 0x701B
	emPoint     = 0x701C // 20
	emZone      = 0x7031 // minutes
	emTime      = 0x7032 // 64 bits, the least significant word first
	emModality  = 0x7036
	emCommand   = 0x7040
	emState     = 0x7100
	emSize      = 0x7101 // registers of the record
	emRecord    = 0x7110
)

// States of the record, and commands.
const (
	emNone, emRunning, emReady, emSpoiled = 0, 1, 2, 3
	emBegin, emEnd                        = 'B', 'E'
	emLongest                             = 2031
	emTransaction                         = 50 // CARD_TXN_NR
)

func (m *em580) Key(ctx context.Context) (ocmf.Key, error) {
	kind, err := m.one(ctx, input, emSignature)
	if err != nil {
		return ocmf.Key{}, fmt.Errorf("cannot read the kind of signature: %w", err)
	}
	size, ok := map[uint16]int{0: 46, 1: 62}[kind]
	if !ok {
		return ocmf.Key{}, fmt.Errorf("the meter signs nothing: its kind of signature is %d", kind)
	}
	words, err := m.read(ctx, input, emKey, size)
	if err != nil {
		return ocmf.Key{}, fmt.Errorf("cannot read public key: %w", err)
	}
	der := wordBytes(words)
	if n := 2 + int(der[1]); n < len(der) {
		der = der[:n]
	}
	return ocmf.ParseKey(hex.EncodeToString(der), "")
}

func (m *em580) Begin(ctx context.Context, s kiosk.Signing) ([]string, error) {
	state, err := m.one(ctx, input, emState)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read the state of the record: %w", err)
	case state != emNone:
		return nil, fmt.Errorf("%w: state %d", kiosk.ErrSigning, state)
	}
	if err := m.setTime(ctx, s.At); err != nil {
		return nil, err
	}
	err = m.writeAll(ctx, []written{
		{"assignment", emStatus, []uint16{0}}, {"level", emLevel, []uint16{0}},
		{"flags", emFlags, []uint16{0, 0, 0, 0}},
		{"kind of identification", emType, []uint16{emTransaction}}, {"identification", emID, letters(s.Reference, 20)},
		{"kind of charge point", emPointType, []uint16{0}}, {"EVSE id", emPoint, letters(s.EVSE, 20)},
		{"tariff", emTariff, append(letters(s.Tariff, 0), 0)}, {"direction", emModality, []uint16{0}},
		{"command", emCommand, []uint16{emBegin}},
	})
	if err != nil {
		return nil, err
	}
	return nil, m.reaches(ctx, emRunning)
}

// setTime sets zone and clock.
func (m *em580) setTime(ctx context.Context, at time.Time) error {
	t := uint64(at.Unix())
	if err := m.write(ctx, emTime, uint16(t), uint16(t>>16), uint16(t>>32), uint16(t>>48)); err != nil {
		return fmt.Errorf("cannot set time: %w", err)
	}
	if err := m.write(ctx, emZone, 0); err != nil {
		return fmt.Errorf("cannot set time zone: %w", err)
	}
	return nil
}

// reaches waits for a state of the record.
func (m *em580) reaches(ctx context.Context, want uint16) error {
	got, err := m.until(ctx, input, emState, func(v uint16) bool { return v != want && v != emSpoiled }, emSigns)
	switch {
	case err != nil:
		return fmt.Errorf("cannot wait for the record: %w", err)
	case got == emSpoiled:
		return fmt.Errorf("the meter's record is corrupted")
	}
	return nil
}

// emSigns is how long the meter may take: ten times what its driver at EVerest waits.
const emSigns = 10 * time.Second

func (m *em580) End(ctx context.Context, _ kiosk.Signing) ([]string, error) { return m.end(ctx) }

// end ends the transaction where it runs, and reads its record.
func (m *em580) end(ctx context.Context) ([]string, error) {
	state, err := m.one(ctx, input, emState)
	if err != nil {
		return nil, fmt.Errorf("cannot read the state of the record: %w", err)
	}
	if state == emRunning { // else a power cut ended it
		if err := m.write(ctx, emCommand, emEnd); err != nil {
			return nil, fmt.Errorf("cannot write command: %w", err)
		}
	}
	if state == emNone {
		return nil, fmt.Errorf("the meter has no transaction")
	}
	if err := m.reaches(ctx, emReady); err != nil {
		return nil, err
	}
	size, err := m.one(ctx, input, emSize)
	if err != nil || size == 0 || size > emLongest {
		return nil, fmt.Errorf("cannot read the record of %d registers: %w", size, err)
	}
	words, err := m.read(ctx, input, emRecord, int(size))
	if err != nil {
		return nil, fmt.Errorf("cannot read the record: %w", err)
	}
	return []string{text(words)}, nil
}

// Rescue leaves the clock alone: the meter need not take a time while a transaction runs.
func (m *em580) Rescue(ctx context.Context, _ time.Time) ([]string, error) {
	state, err := m.one(ctx, input, emState)
	switch {
	case err != nil || state == emNone:
		return nil, err
	case state == emSpoiled:
		return m.spoiled(ctx)
	}
	return m.end(ctx)
}

// spoiled is what is there of a record that the meter calls corrupted: confirmed, it is out of the way.
func (m *em580) spoiled(ctx context.Context) ([]string, error) {
	size, err := m.one(ctx, input, emSize)
	if err != nil {
		return nil, fmt.Errorf("cannot read the size of the record: %w", err)
	}
	words, err := m.read(ctx, input, emRecord, int(min(size, emLongest)))
	if err != nil {
		return nil, fmt.Errorf("cannot read the record: %w", err)
	}
	if there := strings.ToValidUTF8(text(words), "?"); there != "" {
		return []string{there}, nil
	}
	return nil, m.Done(ctx)
}

// Done lets the meter forget the record.
func (m *em580) Done(ctx context.Context) error {
	if err := m.write(ctx, emState, emNone); err != nil {
		return fmt.Errorf("cannot confirm the record: %w", err)
	}
	return nil
}
