package sign

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"kioskd"
	"kioskd/meter/ocmf"
)

// wm3m4 is an Iskra WM3M4 or WM3M4C (Iskra: WM3M4 manual, 6.5.6 to 6.5.13). Time and data set are lost with its power:
// they are written again before an end.
type wm3m4 struct{ registers }

// Registers of the WM3M4.
const (
	wmState     = 7000 // 0 idle, 1 active, 2 active after power loss, 3 after reset
	wmCommand   = 7051 // a letter, in the high byte
	wmSignature = 7052
	wmZone      = 7053 // minutes
	wmTime      = 7054 // seconds since 1970, two registers
	wmInLength  = 7056 // bytes
	wmOutLength = 7057
	wmSigLength = 7058
	wmFormat    = 7059 // of the signature: 0 binary
	wmClock     = 7071 // 2 synchronised
	wmIn        = 7100
	wmOut       = 7612
	wmKey       = 8124 // 32 registers, X and Y
	wmSigned    = 8188
)

// States of the meter and of a signature, and commands.
const (
	wmIdle         = 0
	wmActive       = 1
	wmOK           = 15
	wmBusy         = 2 // and below: it is not made yet
	wmBegin        = 'B' << 8
	wmEnd          = 'r' << 8 // beginning and end are in the record
	wmLongest      = 1024
	wmSynced       = 2
	wmSigns        = 15 * time.Second
	wmStarts       = time.Second
	wmSignature256 = 256
)

func (m *wm3m4) Key(ctx context.Context) (ocmf.Key, error) {
	words, err := m.read(ctx, holding, wmKey, 32)
	if err != nil {
		return ocmf.Key{}, fmt.Errorf("cannot read public key: %w", err)
	}
	return ocmf.ParseKey(hex.EncodeToString(wordBytes(words)), "")
}

func (m *wm3m4) Begin(ctx context.Context, s kiosk.Signing) ([]string, error) {
	state, err := m.one(ctx, holding, wmState)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read state: %w", err)
	case state != wmIdle:
		return nil, fmt.Errorf("%w: state %d", kiosk.ErrSigning, state)
	}
	if err := m.tell(ctx, s); err != nil {
		return nil, err
	}
	if err := m.write(ctx, wmCommand, wmBegin); err != nil {
		return nil, fmt.Errorf("cannot write command: %w", err)
	}
	return nil, m.signs(ctx, func(v uint16) bool { return v != wmActive })
}

// dataset is what the meter is told; what is empty it fills in. The order of the fields is the meter's.
type dataset struct {
	FV, GI, GS, GV, PG, MV, MM, MS, MF string
	IS                                 bool
	IF                                 []string
	IT, ID, CT, CI                     string
	RD                                 []string
}

// tell writes time and data set.
func (m *wm3m4) tell(ctx context.Context, s kiosk.Signing) error {
	d := dataset{FV: "1.0", IF: []string{}, RD: []string{}, IT: "CARD_TXN_NR", CT: "EVSEID",
		ID: strings.TrimSpace(text(letters(s.Reference, 20))),
		CI: strings.TrimSpace(text(letters(s.EVSE, 10)))}
	b, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return m.writeAll(ctx, []written{
		{"time", wmTime, []uint16{uint16(s.At.Unix() >> 16), uint16(s.At.Unix())}}, {"time zone", wmZone, []uint16{0}},
		{"state of the clock", wmClock, []uint16{wmSynced}}, {"format", wmFormat, []uint16{0}},
		{"data set", wmIn, bytesWords(b)}, {"length of the data set", wmInLength, []uint16{uint16(len(b))}},
	})
}

// signs waits until the state of the meter has changed, as the signature of before may still be there, and then for the
// new one.
func (m *wm3m4) signs(ctx context.Context, waits func(state uint16) bool) error {
	if _, err := m.until(ctx, holding, wmState, waits, wmStarts); err != nil {
		return fmt.Errorf("cannot wait for the meter: %w", err)
	}
	got, err := m.until(ctx, holding, wmSignature, func(v uint16) bool { return v <= wmBusy }, wmSigns)
	switch {
	case err != nil:
		return fmt.Errorf("cannot wait for the signature: %w", err)
	case got != wmOK:
		return fmt.Errorf("the meter failed to sign: status %d", got)
	}
	return nil
}

func (m *wm3m4) End(ctx context.Context, s kiosk.Signing) ([]string, error) {
	state, err := m.one(ctx, holding, wmState)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read state: %w", err)
	case state == wmIdle: // it has ended: its last record is there until the next one
		return m.record(ctx)
	case state != wmActive: // its power was off
		if err := m.tell(ctx, s); err != nil {
			return nil, err
		}
	}
	return m.end(ctx)
}

// end ends the transaction that is open.
func (m *wm3m4) end(ctx context.Context) ([]string, error) {
	if err := m.write(ctx, wmCommand, wmEnd); err != nil {
		return nil, fmt.Errorf("cannot write command: %w", err)
	}
	if err := m.signs(ctx, func(v uint16) bool { return v != wmIdle }); err != nil {
		return nil, err
	}
	return m.record(ctx)
}

// record is what the meter signed last.
func (m *wm3m4) record(ctx context.Context) ([]string, error) {
	payload, err := m.bytes(ctx, wmOutLength, wmOut, wmLongest)
	if err != nil {
		return nil, fmt.Errorf("cannot read the data set: %w", err)
	}
	signature, err := m.bytes(ctx, wmSigLength, wmSigned, wmSignature256)
	if err != nil {
		return nil, fmt.Errorf("cannot read the signature: %w", err)
	}
	return []string{fmt.Sprintf(`OCMF|%s|{"SD":"%X"}`, payload, signature)}, nil
}

// bytes reads as many of them as a register says.
func (m *wm3m4) bytes(ctx context.Context, length, address uint16, most int) ([]byte, error) {
	n, err := m.one(ctx, holding, length)
	if err != nil {
		return nil, err
	}
	if n == 0 || int(n) > most {
		return nil, fmt.Errorf("it has %d bytes", n)
	}
	words, err := m.read(ctx, holding, address, (int(n)+1)/2)
	if err != nil {
		return nil, err
	}
	return wordBytes(words)[:n], nil
}

func (m *wm3m4) Rescue(ctx context.Context, at time.Time) ([]string, error) {
	state, err := m.one(ctx, holding, wmState)
	if err != nil || state == wmIdle {
		return nil, err
	}
	if state != wmActive { // what it was told is lost
		if err := m.tell(ctx, kiosk.Signing{At: at}); err != nil {
			return nil, err
		}
	}
	return m.end(ctx)
}

// Done has nothing to confirm: the record is there until the next one.
func (m *wm3m4) Done(context.Context) error { return nil }
