// Package meter reads energy meters over Modbus and guards what may be billed. What
// is known of a model is a data file in models: registers, types, factors, identity.
//
// A reading is made of integers that were rounded once, from the raw words, when they
// were decoded. An import register or a power that the meter does not have, that is not a number, or
// that could not be read is an error of the whole reading and never a zero. Where one phase of the
// voltage or of the current is absent, the reading has none of that kind: a list with a gap would
// give a phase another one's value.
package meter

import (
	"bytes"
	"context"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"kioskd"
	"kioskd/modbus"
)

//go:embed models/*.yaml
var files embed.FS

// Model is what is known of a meter.
type Model struct {
	Vendor   string   `yaml:"vendor"`
	Model    string   `yaml:"model"`
	Phases   int      `yaml:"phases"`
	Signed   bool     `yaml:"signed"`
	Modulus  int64    `yaml:"modulus_wh"` // register rolls over to 0 here; 0 never
	Step     int64    `yaml:"step_wh"`    // register counts in these
	GapMS    int      `yaml:"gap_ms"`     // silence before a request
	Identity Identity `yaml:"identity"`
	Serial   Value    `yaml:"serial"`
	Canary   Block    `yaml:"canary"`
	Reads    []Block  `yaml:"reads"`
	Values   []Value  `yaml:"values"`
}

// Block is a run of registers that is read at once.
type Block struct {
	Function byte   `yaml:"function"`
	Address  uint16 `yaml:"address"`
	Count    uint16 `yaml:"count"`
}

// Identity is a register that tells the model.
type Identity struct {
	Value  `yaml:",inline"`
	Values []any `yaml:"values"`
}

// Value is a quantity in the registers.
type Value struct {
	Name     string    `yaml:"name"`
	Function byte      `yaml:"function"`
	Address  uint16    `yaml:"address"`
	Type     string    `yaml:"type"` // uint16, uint32, uint64, int16, int32, float32, text
	Words    uint16    `yaml:"words"`
	Factor   yaml.Node `yaml:"factor"`
	Absent   bool      `yaml:"absent"` // all bits set (signed: all but the sign) means "not available"
}

func (v Value) words() uint16 {
	switch v.Type {
	case "uint16", "int16":
		return 1
	case "uint32", "int32", "float32":
		return 2
	case "uint64":
		return 4
	}
	return v.Words
}

// Models reads the table of supported meters, ordered by vendor and model.
func Models() ([]Model, error) {
	entries, err := files.ReadDir("models")
	if err != nil {
		return nil, err
	}
	var out []Model
	for _, e := range entries {
		data, err := files.ReadFile("models/" + e.Name())
		if err != nil {
			return nil, err
		}
		var m Model
		dec := yaml.NewDecoder(bytes.NewReader(data))
		dec.KnownFields(true)
		if err := dec.Decode(&m); err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", e.Name(), err)
		}
		out = append(out, m)
	}
	return out, nil
}

// ModelByName finds a model: "SDM630" or "Eastron SDM630", in any case.
func ModelByName(name string) (Model, error) {
	models, err := Models()
	if err != nil {
		return Model{}, err
	}
	var known []string
	for _, m := range models {
		if strings.EqualFold(name, m.Model) || strings.EqualFold(name, m.Vendor+" "+m.Model) {
			return m, nil
		}
		known = append(known, m.Model)
	}
	return Model{}, fmt.Errorf("cannot find meter model %q: known are %s", name, strings.Join(known, ", "))
}

// Meter is one meter on a bus. It implements kiosk.Meter.
type Meter struct {
	bus    *modbus.Bus
	unit   byte
	model  Model
	serial string    // empty until identified, and again after a failure
	named  time.Time // when it said its serial number
	hurry  time.Time // until when its readings are wanted before others'
}

// New makes the meter of a unit on a bus.
func New(bus *modbus.Bus, unit byte, model Model) *Meter {
	m := &Meter{bus: bus, unit: unit, model: model}
	bus.SetCanary(m.request(model.Canary))
	return m
}

func (m *Meter) request(b Block) modbus.Request {
	r := modbus.Request{Unit: m.unit, Function: b.Function, Address: b.Address, Count: b.Count,
		Gap: time.Duration(m.model.GapMS) * time.Millisecond}
	if time.Now().Before(m.hurry) {
		r.Within = hurried
	}
	return r
}

// identify reads model and serial number. It is done again after every failure, so
// that a meter that was exchanged meanwhile is noticed.
func (m *Meter) identify(ctx context.Context) error {
	id := m.model.Identity
	words, err := m.bus.Registers(ctx, m.request(Block{id.Function, id.Address, id.words()}))
	if err != nil {
		return err
	}
	if !id.matches(words) {
		return fmt.Errorf("unit %d is not a %s %s: identity register %04X holds %04X", m.unit, m.model.Vendor,
			m.model.Model, id.Address, words)
	}
	s := m.model.Serial
	words, err = m.bus.Registers(ctx, m.request(Block{s.Function, s.Address, s.words()}))
	if err != nil {
		return err
	}
	n, err := s.decode(words)
	if err != nil {
		return err
	}
	m.serial, m.named = n.Num().String(), time.Now()
	return nil
}

func (id Identity) matches(words []uint16) bool {
	if id.Type == "text" {
		text := string(wordBytes(words))
		return slices.ContainsFunc(id.Values, func(v any) bool { return v == text })
	}
	return slices.ContainsFunc(id.Values, func(v any) bool { return v == int(words[0]) })
}

// Renew lets the next reading prove which meter it is of. A driver waits for that one, and for some
// that follow.
func (m *Meter) Renew() { m.serial, m.hurry = "", time.Now().Add(hurryFor) }

// nameEvery is how often a meter is asked which one it is: it may be exchanged while a vehicle charges.
const nameEvery = 30 * time.Second

// A driver waits for the first and for the last reading of a session.
const (
	hurryFor = 10 * time.Second
	hurried  = 200 * time.Millisecond
)

// Read implements kiosk.Meter.
func (m *Meter) Read(ctx context.Context) (kiosk.Reading, error) {
	r, err := m.read(ctx)
	if err != nil {
		m.serial = ""
		return kiosk.Reading{}, fmt.Errorf("cannot read meter: %w", err)
	}
	return r, nil
}

func (m *Meter) read(ctx context.Context) (kiosk.Reading, error) {
	named := m.serial == "" || time.Since(m.named) > nameEvery
	if named {
		if err := m.identify(ctx); err != nil {
			return kiosk.Reading{}, err
		}
	}
	words := map[uint16]uint16{}
	for _, b := range m.model.Reads {
		got, err := m.bus.Registers(ctx, m.request(b))
		if err != nil {
			return kiosk.Reading{}, err
		}
		for i, w := range got {
			words[b.Address+uint16(i)] = w
		}
	}
	r := kiosk.Reading{At: time.Now(), Serial: m.serial, Named: named}
	absent := map[string]bool{} // a phase that a meter does not measure stops no session
	for _, v := range m.model.Values {
		n, err := v.scaled(words)
		kind, _, phased := strings.Cut(v.Name, "_l")
		switch {
		case err != nil && v.Name != "energy_import" && v.Name != "power":
			absent[kind] = absent[kind] || phased
			continue
		case err != nil:
			return kiosk.Reading{}, err
		}
		switch {
		case v.Name == "energy_import":
			r.Import = kiosk.Energy(n)
		case v.Name == "power":
			r.Power = kiosk.Power(n)
		case v.Name == "frequency":
			r.Mains = n
		case strings.HasPrefix(v.Name, "voltage_"):
			r.Voltage = append(r.Voltage, n)
		case strings.HasPrefix(v.Name, "current_"):
			r.Current = append(r.Current, n)
		}
	}
	if absent["voltage"] {
		r.Voltage = nil
	}
	if absent["current"] {
		r.Current = nil
	}
	if r.Import < 0 {
		return kiosk.Reading{}, fmt.Errorf("import register is %d Wh", r.Import)
	}
	return r, nil
}

func (v Value) scaled(words map[uint16]uint16) (int64, error) {
	var mine []uint16
	for i := range v.words() {
		w, ok := words[v.Address+i]
		if !ok {
			return 0, fmt.Errorf("%s: register %04X is in no block", v.Name, v.Address+i)
		}
		mine = append(mine, w)
	}
	n, err := v.decode(mine)
	if err != nil {
		return 0, err
	}
	factor, ok := new(big.Rat).SetString(v.Factor.Value)
	if !ok {
		return 0, fmt.Errorf("%s: factor %q is not a number", v.Name, v.Factor.Value)
	}
	return round(n.Mul(n, factor))
}

// decode reads words, most significant first, exactly.
func (v Value) decode(words []uint16) (*big.Rat, error) {
	b := wordBytes(words)
	unsigned := new(big.Int).SetBytes(b)
	switch v.Type {
	case "uint16", "uint32", "uint64":
		if v.Absent && !slices.ContainsFunc(b, func(x byte) bool { return x != 0xFF }) {
			return nil, fmt.Errorf("%s is not available", v.Name)
		}
		return new(big.Rat).SetInt(unsigned), nil
	case "int16":
		if v.Absent && binary.BigEndian.Uint16(b) == math.MaxInt16 {
			return nil, fmt.Errorf("%s is not available", v.Name)
		}
		return big.NewRat(int64(int16(binary.BigEndian.Uint16(b))), 1), nil
	case "int32":
		if v.Absent && binary.BigEndian.Uint32(b) == math.MaxInt32 {
			return nil, fmt.Errorf("%s is not available", v.Name)
		}
		return big.NewRat(int64(int32(binary.BigEndian.Uint32(b))), 1), nil
	case "float32":
		f := float64(math.Float32frombits(binary.BigEndian.Uint32(b))) // exact
		r := new(big.Rat).SetFloat64(f)
		if r == nil {
			return nil, fmt.Errorf("%s is not a number", v.Name)
		}
		return r, nil
	}
	return nil, fmt.Errorf("%s has unknown type %q", v.Name, v.Type)
}

func wordBytes(words []uint16) []byte {
	var b []byte
	for _, w := range words {
		b = binary.BigEndian.AppendUint16(b, w)
	}
	return b
}

// round rounds to an integer, half up.
func round(r *big.Rat) (int64, error) {
	twice := new(big.Int).Add(new(big.Int).Mul(r.Num(), big.NewInt(2)), r.Denom())
	n := new(big.Int).Div(twice, new(big.Int).Mul(r.Denom(), big.NewInt(2)))
	if !n.IsInt64() {
		return 0, errors.New("value is out of range")
	}
	return n.Int64(), nil
}
