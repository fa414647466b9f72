// Package meter reads energy meters over Modbus and guards what may be billed. What
// is known of a model is a data file; see package model.
//
// A reading is made of integers that were rounded once, from the raw words, when they
// were decoded. An import register or a power that the meter does not have, that is not a number, or
// that could not be read is an error of the whole reading and never a zero. Where one phase of the
// voltage or of the current is absent, the reading has none of that kind: a list with a gap would
// give a phase another one's value.
//
// What is billed is read each time; voltage, current and frequency every ten seconds, or each time where
// a tariff asks for the current.
package meter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kioskd"
	"kioskd/meter/model"
	"kioskd/modbus"
)

// Meter is one meter on a bus. It implements kiosk.Meter.
type Meter struct {
	// Closely reads voltage, current and frequency each time.
	Closely bool

	bus   *modbus.Bus
	unit  byte
	model *model.Model
	known *proven   // nil until identified, and again after a failure
	hurry time.Time // until when its readings are wanted before others'

	patience time.Duration // for a unit that may be none of the model; 0 for one that is

	parts map[string]uint16    // of a SunSpec meter; nil until they were found
	lacks map[model.Block]bool // the meter does not have them, and does not even say so

	beside   model.Dump // what was read last beside the quantities that are billed
	besideAt time.Time
	spread   bool // it is asked at other moments than the other meters of its line
}

// proven is what a meter said of itself.
type proven struct {
	layout         model.Layout
	serial         string
	at             time.Time
	billed, beside []model.Block
}

// New makes the meter of a unit on a bus.
func New(bus *modbus.Bus, unit byte, m *model.Model) *Meter {
	out := &Meter{bus: bus, unit: unit, model: m, lacks: map[model.Block]bool{}}
	if m.SunSpec == nil { // else it is not known yet where its registers are
		out.canary(m.Layout(nil, nil), nil)
	}
	return out
}

// canary lets the bus know the read that proves that the unit is in step.
func (m *Meter) canary(l model.Layout, at map[string]uint16) {
	if b, ok := l.CanaryBlock(at, m.characters()); ok {
		m.bus.SetCanary(m.request(b))
	}
}

// characters is how many of them a request takes on the line, beside the registers that it reads.
func (m *Meter) characters() int { return m.bus.Wire.Characters(m.model.Line.Turnaround) }

func (m *Meter) request(b model.Block) modbus.Request {
	r := modbus.Request{Unit: m.unit, Function: b.Function, Address: b.Address, Count: b.Count, Gap: m.model.Gap}
	if m.patience > 0 {
		r.Timeout, r.Restless = m.patience, true
	}
	if m.patience > 0 || time.Now().Before(m.hurry) {
		r.Within = hurried
	}
	return r
}

// Renew lets the next reading prove which meter it is of. A driver waits for that one, and for some
// that follow.
func (m *Meter) Renew() { m.known, m.hurry = nil, time.Now().Add(hurryFor) }

// nameEvery is how often a meter is asked which one it is: it may be exchanged while a vehicle charges.
const nameEvery = 30 * time.Second

// A driver waits for the first and for the last reading of a session.
const (
	hurryFor = 10 * time.Second
	hurried  = 200 * time.Millisecond
)

// besideEvery is how old a voltage, a current or a frequency may be, beside the time of a reading.
const besideEvery = 10 * time.Second

// Read implements kiosk.Meter.
func (m *Meter) Read(ctx context.Context) (kiosk.Reading, error) {
	r, err := m.read(ctx)
	if err != nil {
		m.known = nil
		return kiosk.Reading{}, fmt.Errorf("cannot read meter: %w", err)
	}
	return r, nil
}

func (m *Meter) read(ctx context.Context) (kiosk.Reading, error) {
	named := m.known == nil || time.Since(m.known.at) > nameEvery
	if named {
		if err := m.name(ctx); err != nil {
			return kiosk.Reading{}, err
		}
	}
	if m.Closely || m.beside == nil || time.Since(m.besideAt) >= besideEvery {
		if err := m.readBeside(ctx); err != nil {
			return kiosk.Reading{}, err
		}
	}
	d := m.beside.Clone()
	for _, b := range m.known.billed {
		r := m.request(b)
		r.Alike = m.known.layout.Alike(b)
		words, err := m.bus.Registers(ctx, r)
		if err != nil {
			return kiosk.Reading{}, err
		}
		d.Put(b.Function, b.Address, words)
	}
	if err := m.known.layout.Refuses(d); err != nil {
		return kiosk.Reading{}, fmt.Errorf("unit %d: %w", m.unit, err)
	}
	r, err := m.known.layout.Reading(d)
	r.At, r.Serial, r.Named = time.Now(), m.known.serial, named
	return r, err
}

// readBeside reads what no driver is billed by. What the meter does not have stops nothing.
func (m *Meter) readBeside(ctx context.Context) error {
	m.beside = model.Dump{}
	for _, b := range m.known.beside {
		if err := m.readInto(ctx, m.beside, b); err != nil && !errors.Is(err, modbus.ErrFrame) {
			m.beside = nil
			return err
		}
	}
	m.besideAt = time.Now()
	if !m.spread { // else all meters of a line would want this, and their names, at once for ever
		m.spread = true
		part := time.Duration((int(m.unit) - 1) * 7 % 16)
		m.besideAt, m.known.at = m.besideAt.Add(-part*besideEvery/16), m.known.at.Add(-part*nameEvery/16)
	}
	return nil
}

// readInto reads a block, and leaves out one that the meter says it does not have.
func (m *Meter) readInto(ctx context.Context, d model.Dump, b model.Block) error {
	words, err := m.bus.Registers(ctx, m.request(b))
	var no modbus.Exception
	switch {
	case err == nil:
		d.Put(b.Function, b.Address, words)
	case errors.As(err, &no) && no.Unknown():
		return nil
	}
	return err
}

// readOptional reads a block that a meter may lack. Some meters do not even answer then: that is believed for good
// once the meter was silent several times, and answered another read, which it has, each time right after.
func (m *Meter) readOptional(ctx context.Context, d model.Dump, b, has model.Block) error {
	for range silences {
		if m.lacks[b] {
			return nil
		}
		err := m.readInto(ctx, d, b)
		if !errors.Is(err, modbus.ErrSilent) {
			return err
		}
		if _, err := m.bus.Registers(ctx, m.request(has)); err != nil {
			return err
		}
	}
	m.lacks[b] = true
	return nil
}

const silences = 3

// name lets the meter say which one it is: all that it is by, or, as long as nothing failed, its serial number alone.
func (m *Meter) name(ctx context.Context) (err error) {
	if m.known != nil && len(m.known.layout.Serial) > 0 {
		d := model.Dump{}
		for _, b := range m.known.layout.SerialPlan() {
			if err := m.readInto(ctx, d, b); err != nil {
				return err
			}
		}
		serial, err := m.known.layout.SerialNumber(d)
		if err != nil {
			return err
		}
		if serial == m.known.serial {
			m.known.at = time.Now()
			return nil
		}
	}
	m.known, err = m.identify(ctx)
	if err != nil && !errors.Is(err, kiosk.ErrUnreachable) {
		m.parts = nil // another meter may have them elsewhere
	}
	return err
}

// identify reads what the meter is. It is done again after every failure, so that a meter that was exchanged
// meanwhile is noticed.
func (m *Meter) identify(ctx context.Context) (*proven, error) {
	at, err := m.walk(ctx)
	if err != nil {
		return nil, err
	}
	d := model.Dump{}
	plan := m.model.NamingPlan(at)
	has := m.model.Layout(at, nil).Certain(at)
	for _, b := range plan {
		if !m.model.Asks(at, b) {
			continue
		}
		if err := m.readInto(ctx, d, b); err != nil {
			return nil, err
		}
	}
	for _, b := range plan { // what tells a variant
		if m.model.Asks(at, b) {
			continue
		}
		if err := m.readOptional(ctx, d, b, has); err != nil {
			return nil, err
		}
	}
	if err := m.model.Recognises(at, d); err != nil {
		return nil, &otherModel{m.unit, m.model, err}
	}
	p := &proven{layout: m.model.Layout(at, d), at: time.Now()}
	p.billed, p.beside = p.layout.Reads(m.characters())
	for _, b := range p.layout.SerialPlan() {
		if err := m.readInto(ctx, d, b); err != nil {
			return nil, err
		}
	}
	for _, b := range p.layout.SettingsPlan(p.billed) {
		read := m.readInto
		if p.layout.MayLack(b) {
			read = func(ctx context.Context, d model.Dump, b model.Block) error {
				return m.readOptional(ctx, d, b, has)
			}
		}
		if err := read(ctx, d, b); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(p.layout.Lacks(d, p.billed), p.layout.Refuses(d)); err != nil {
		return nil, fmt.Errorf("unit %d: %w", m.unit, err)
	}
	p.serial, err = p.layout.SerialNumber(d)
	if err != nil {
		return nil, err
	}
	m.canary(p.layout, at)
	return p, nil
}

// walk finds the parts of a SunSpec meter.
func (m *Meter) walk(ctx context.Context) (at map[string]uint16, err error) {
	if m.model.SunSpec == nil || m.parts != nil {
		return m.parts, nil
	}
	m.parts, err = m.model.SunSpec.Walk(func(b model.Block) ([]uint16, error) {
		return m.bus.Registers(ctx, m.request(b))
	})
	return m.parts, err
}
