package meter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"kioskd"
	"kioskd/meter/model"
	"kioskd/modbus"
)

// Found is who answers at a unit.
type Found struct {
	Unit   int      `json:"unit"`
	Vendor string   `json:"vendor,omitempty"` // empty for a device that is no known meter
	Model  string   `json:"model,omitempty"`
	Serial string   `json:"serial,omitempty"`
	Why    string   `json:"why,omitempty"` // it is not known, or cannot be sold with
	May    []string `json:"may,omitempty"` // models whose registers it has, of which a person must say one
	// Unverified is why what is known of the model may be wrong; Compared, that a person held it against the display.
	Unverified string `json:"unverified,omitempty"`
	Compared   bool   `json:"-"`
}

// How long a unit may think. The first question to a unit waits as long as most meters need; once one has answered,
// the others on its line are taken to be as quick, within limits; a unit that answered too late is asked patiently.
const (
	firstWait  = 300 * time.Millisecond
	leastWait  = 80 * time.Millisecond
	overdueFor = 2 * time.Second
	unheard    = 3 // how many other questions a unit is asked while no unit at all has answered
)

// question is one read that tells models apart.
type question struct {
	block  model.Block
	models []*model.Model
}

// questions are the reads that tell all models that their registers tell, those with most models first. A model is
// asked for by the first of its registers.
func questions(models model.Library) []question {
	by := map[model.Block][]*model.Model{}
	for _, m := range models {
		switch {
		case m.SunSpec != nil:
			for _, at := range m.SunSpec.At {
				b := model.Block{Function: modbus.ReadHolding, Address: at, Count: 2}
				by[b] = append(by[b], m)
			}
		case !m.Told():
			b := m.NamingPlan(nil)[0]
			by[b] = append(by[b], m)
		}
	}
	var out []question
	for b, m := range by {
		out = append(out, question{b, m})
	}
	slices.SortFunc(out, func(a, b question) int {
		return cmp.Or(cmp.Compare(len(b.models), len(a.models)), cmp.Compare(a.block.Function, b.block.Function),
			cmp.Compare(a.block.Address, b.block.Address))
	})
	return out
}

// scan asks units who they are.
type scan struct {
	bus    *modbus.Bus
	models model.Library
	asks   []question
	ears   []question    // those, and the registers of models that a person must tell
	longer time.Duration // than this no unit that answered has thought; 0 before one did
	took   time.Duration // longest that the unit took that is examined
	few    bool          // so few units that each can be asked everything
	slow   map[byte]bool // units that answered after they were given up
}

func newScan(bus *modbus.Bus, models model.Library) *scan {
	s := &scan{bus: bus, models: models, asks: questions(models), slow: map[byte]bool{}}
	s.ears = slices.Clone(s.asks)
	for _, m := range models {
		if !m.Told() {
			continue
		}
		billed, _ := m.Layout(nil, nil).Reads(model.LeastRequest)
		known := slices.ContainsFunc(s.ears, func(q question) bool { return q.block == billed[0] })
		if !known {
			s.ears = append(s.ears, question{billed[0], nil})
		}
	}
	return s
}

// worth is how long a scan may ask units that say nothing, before any other unit has answered.
const worth = time.Minute

// Scan asks units on a bus who they are, and tells of each that answers as it is found; skip leaves units alone. Each
// unit is judged for itself: a frame can be lost, so an odd answer is believed the second time, and where any unit
// answers, so is silence. One odd answer is about its unit alone; the error is about the line.
//
// Every unit is asked one question. A unit that does not answer may be silent where it has no register: it is asked
// the other questions, too, as long as it is worth it.
func Scan(ctx context.Context, bus *modbus.Bus, first, last int, models model.Library, asking func(unit int),
	skip func(unit int) bool, told func(Found)) error {
	s := newScan(bus, models)
	s.few = time.Duration((last-first+1)*len(s.ears))*leastWait <= worth
	seen := map[int]bool{}
	for round := range 4 {
		s.late()
		for unit := first; unit <= last; unit++ {
			slow := s.slow[byte(unit)]
			if seen[unit] || skip(unit) || round > 1 && !slow && (round > 2 || s.longer == 0) {
				continue
			}
			asking(unit)
			heard, err := s.heard(ctx, byte(unit), round)
			if err != nil {
				return err
			}
			if !heard {
				continue
			}
			f, ok, err := s.examine(ctx, byte(unit))
			if err != nil {
				return err
			}
			if ok {
				seen[unit] = true
				told(f)
			}
		}
	}
	return nil
}

// ScanTime is how long a scan of so many units takes at most where few of them answer.
func ScanTime(units int, models model.Library) time.Duration {
	return time.Duration(units) * (firstWait + time.Duration(len(questions(models)))*leastWait)
}

// heard tells whether a unit says anything, to the questions of a round.
func (s *scan) heard(ctx context.Context, unit byte, round int) (bool, error) {
	asks, wait := s.asks, min(max(2*s.longer, leastWait), firstWait)
	if s.few {
		asks = s.ears
	}
	switch {
	case s.slow[unit]:
		asks, wait = asks[:1], overdueFor
	case round == 0:
		asks = asks[:1]
		wait = firstWait
	case s.few: // it is worth asking everything
	case s.longer == 0:
		asks, wait = asks[1:min(len(asks), 1+unheard)], leastWait
	}
	for _, q := range asks {
		began := time.Now()
		_, err := s.read(ctx, unit, q.block, wait)
		var no modbus.Exception
		answered := err == nil || errors.As(err, &no) && !no.Gateway()
		switch {
		case ctx.Err() != nil:
			return false, ctx.Err()
		case answered:
			s.longer = max(s.longer, time.Since(began))
			return true, nil
		case errors.Is(err, modbus.ErrFrame):
			return true, nil
		case !errors.Is(err, modbus.ErrSilent) && no == 0:
			return false, err
		}
	}
	return false, nil
}

func (s *scan) read(ctx context.Context, unit byte, b model.Block, wait time.Duration) ([]uint16, error) {
	s.bus.Forget(unit)
	began := time.Now()
	words, err := s.bus.Registers(ctx, modbus.Request{Unit: unit, Function: b.Function, Address: b.Address,
		Count: b.Count, Timeout: wait, Restless: true, Within: hurried})
	if err == nil {
		s.took = max(s.took, time.Since(began))
	}
	return words, err
}

// examine asks a unit that is there who it is, once more where its answer was odd, and patiently where it was silent;
// what is known of it is never less than before.
func (s *scan) examine(ctx context.Context, unit byte) (found Found, ok bool, err error) {
	s.took = 0
	for range 2 {
		f, heard, silent, err := s.ask(ctx, unit)
		if err != nil {
			return found, ok, err
		}
		heard = heard || s.few // it said something, or it would not be examined
		if f.Why == "" && f.Vendor == "" {
			f.Why = whyForeign
		}
		if heard && (!ok || f.Vendor != "" || found.Vendor == "") {
			found, ok = f, true
		}
		if found.Vendor != "" && found.Why == "" {
			return found, true, nil
		}
		if !silent || s.slow[unit] || s.bus.Numbers() { // where answers have numbers, none is taken for another's
			break
		}
		s.slow[unit] = true
	}
	s.slow[unit] = s.slow[unit] && s.took > firstWait // else it is silent where it has no register
	if ok && found.Vendor == "" && found.Why == whyForeign {
		found.May, err = s.guess(ctx, unit)
	}
	return found, ok, err
}

// Why a unit that answers is no known meter.
const (
	whyForeign = "no known meter"
	whyGarbled = "what it says cannot be read: two devices with this number, or another speed or parity"
)

// ask asks a unit every question, as some meters do not answer where they have no register; silent tells whether it did
// not answer one.
func (s *scan) ask(ctx context.Context, unit byte) (found Found, ok, silent bool, err error) {
	found.Unit = int(unit)
	var generic []Found
	for _, q := range s.asks {
		words, err := s.read(ctx, unit, q.block, s.patience(unit))
		var no modbus.Exception
		switch {
		case ctx.Err() != nil:
			return found, ok, silent, ctx.Err()
		case errors.As(err, &no) && no.Gateway(), errors.Is(err, modbus.ErrSilent):
			silent = true
			continue
		case errors.As(err, &no): // a device that has no such register
			found.Why, ok = whyForeign, true
			continue
		case errors.Is(err, modbus.ErrFrame):
			found.Why, ok = whyGarbled, true
			continue
		case err != nil:
			return found, ok, silent, err
		}
		found.Why, ok = whyForeign, true
		for _, m := range q.models {
			one, is := s.is(ctx, unit, m, q.block, words)
			switch {
			case !is:
			case m.Generic:
				generic = append(generic, one)
			default:
				return one, true, silent, nil
			}
		}
	}
	if len(generic) > 0 {
		return generic[0], true, silent, nil
	}
	return found, ok, silent, nil
}

// late takes note of the units that answered too late.
func (s *scan) late() {
	for _, n := range s.bus.Overdue() {
		s.slow[n] = true
	}
}

// patience is how long a unit that is there may think.
func (s *scan) patience(unit byte) time.Duration {
	if s.slow[unit] {
		return overdueFor
	}
	return max(firstWait, min(3*s.longer, overdueFor))
}

// is tells whether a unit is of a model, whose question it answered with some words.
func (s *scan) is(ctx context.Context, unit byte, m *model.Model, b model.Block, words []uint16) (Found, bool) {
	d := model.Dump{}
	d.Put(b.Function, b.Address, words)
	if m.SunSpec == nil && len(m.NamingPlan(nil)) == 1 && m.Recognises(nil, d) != nil {
		return Found{}, false
	}
	f := Found{Unit: int(unit), Vendor: m.Vendor, Model: m.Name, Unverified: m.Unverified}
	x := s.meter(unit, m)
	p, err := x.identify(ctx)
	var other *otherModel
	if errors.As(err, &other) {
		return f, false
	}
	if err != nil {
		f.Why = err.Error()
		return f, m.SunSpec == nil
	}
	f.Serial = p.serial
	return f, true
}

// meter is a meter of a model at a unit that may be another one's.
func (s *scan) meter(unit byte, m *model.Model) *Meter {
	x := New(s.bus, unit, m)
	x.patience = s.patience(unit)
	return x
}

// guess are the models, of those that only a person can tell, whose registers a unit has and whose values could be
// those of a meter that is connected: its frequency or a voltage, and everything that must hold.
func (s *scan) guess(ctx context.Context, unit byte) (out []string, err error) {
	for _, m := range s.models {
		if !m.Told() {
			continue
		}
		r, err := s.meter(unit, m).Read(ctx)
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		if err == nil && plausible(r) {
			out = append(out, m.String())
		}
	}
	return out, nil
}

// plausible tells whether a reading has the mains of somewhere.
func plausible(r kiosk.Reading) bool {
	volts := slices.ContainsFunc(r.Voltage, func(mV int64) bool { return mV > 80_000 && mV < 300_000 })
	return volts && (r.Mains == 0 || r.Mains > 45_000 && r.Mains < 65_000)
}

// otherModel means that a unit is not of the model that it is asked for.
type otherModel struct {
	unit  byte
	model *model.Model
	why   error
}

func (o *otherModel) Error() string {
	return fmt.Sprintf("unit %d is no %v: %v", o.unit, o.model, o.why)
}

// Anyone tells whether one of some units says anything that can be read: whether the line has the right speed.
func Anyone(ctx context.Context, bus *modbus.Bus, units []int, models model.Library) (bool, error) {
	s := newScan(bus, models)
	for _, q := range s.asks[:min(len(s.asks), 2)] {
		for _, unit := range units {
			_, err := s.read(ctx, byte(unit), q.block, sniffWait)
			var no modbus.Exception
			switch {
			case ctx.Err() != nil:
				return false, ctx.Err()
			case err == nil, errors.As(err, &no) && !no.Gateway():
				return true, nil
			case no == 0 && !errors.Is(err, modbus.ErrSilent) && !errors.Is(err, modbus.ErrFrame):
				return false, err
			}
		}
	}
	return false, nil
}

// sniffWait is how long a unit may think while the speed of its line is looked for.
const sniffWait = 150 * time.Millisecond
