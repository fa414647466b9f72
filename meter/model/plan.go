package model

import (
	"cmp"
	"slices"
)

// Plan is how some values are read, in as little time as possible: two runs of registers are one block where the
// registers between them can be read and take less time than another request, which costs as many characters.
func (l Layout) Plan(characters int, want func(name string) bool) (out []Block) {
	if l.SunSpec != nil { // a number and its exponent must be of one moment
		characters = wholePart
	}
	var free, alone []Block
	for _, v := range l.Values {
		if !want(v.Name) {
			continue
		}
		var own []Block
		for _, p := range v.Parts {
			own = append(own, p.blocks()...)
		}
		if v.Optional {
			alone = append(alone, l.join(own, characters)...)
		} else {
			free = append(free, own...)
		}
	}
	return append(l.join(free, characters), alone...)
}

// join makes as few blocks of some runs of registers as is worth its time.
func (m *Model) join(runs []Block, characters int) (out []Block) {
	runs = slices.Clone(runs)
	slices.SortFunc(runs, func(a, b Block) int {
		return cmp.Or(cmp.Compare(a.Function, b.Function), cmp.Compare(a.Address, b.Address))
	})
	for _, r := range runs {
		if len(out) == 0 {
			out = append(out, r)
			continue
		}
		last := &out[len(out)-1]
		both := Block{last.Function, last.Address, uint16(max(last.end(), r.end()) - int(last.Address))}
		hole := int(r.Address) - last.end()
		readable := hole <= 0 || 2*hole < characters && m.readable(both)
		if r.Function == last.Function && readable && both.Count <= m.Line.Most {
			*last = both
		} else {
			out = append(out, r)
		}
	}
	return out
}

// wholePart lets what is used of a SunSpec model be one read.
const wholePart = 10_000

// covered tells whether a block is read with others.
func covered(b Block, others []Block) bool {
	return slices.ContainsFunc(others, func(other Block) bool { return other.covers(b) })
}

// readable tells whether a block can be read in one go, whatever lies in it.
func (m *Model) readable(b Block) bool { return covered(b, m.Ranges) }

// NamingPlan is how the conditions that tell a device are read.
func (m *Model) NamingPlan(at map[string]uint16) []Block { return m.join(blocksOf(m.Naming(at)), 0) }

// SerialPlan is how the serial number is read.
func (l Layout) SerialPlan() []Block {
	var serial []Block
	for _, r := range l.Serial {
		serial = append(serial, r.Block())
	}
	return l.join(serial, 0)
}

// SettingsPlan is how the settings are read that must hold, each by itself: a device may lack one. What is read with
// every reading anyway is looked at then.
func (l Layout) SettingsPlan(billed []Block) (out []Block) {
	for _, m := range l.Must {
		if !covered(m.Block(), billed) {
			out = append(out, m.Block())
		}
	}
	return out
}

// Asks tells whether a block has a register that every meter of the model has: one of its identity.
func (m *Model) Asks(at map[string]uint16, b Block) bool {
	return slices.ContainsFunc(m.Identity, func(c Condition) bool { return b.covers(c.moved(at).Block()) })
}

// MayLack tells whether a block is a setting that a meter may lack.
func (l Layout) MayLack(b Block) bool {
	return slices.ContainsFunc(l.Must, func(m Must) bool { return m.Optional && m.Block() == b })
}

// Certain is a block that every meter of the model has: of its identity, its serial number, or what it is billed by.
func (l Layout) Certain(at map[string]uint16) Block {
	for _, c := range l.Identity {
		return c.moved(at).Block()
	}
	for _, r := range l.Serial {
		return r.Block()
	}
	billed, _ := l.Reads(LeastRequest)
	return billed[0]
}

// Alike tells whether two reads of a block at once may both be true: their import registers are almost the same,
// and whatever else changes from one moment to the next is another one's guard. It is nil for a block that has no
// import register, and there the words must be the same.
func (l Layout) Alike(b Block) func(a, c []uint16) bool {
	for _, v := range l.Values {
		if v.Name != Import || slices.ContainsFunc(v.Parts, func(p Part) bool {
			return slices.ContainsFunc(p.blocks(), func(own Block) bool { return !b.covers(own) })
		}) {
			continue
		}
		return func(a, c []uint16) bool {
			one, other := Dump{}, Dump{}
			one.Put(b.Function, b.Address, a)
			other.Put(b.Function, b.Address, c)
			x, err1 := v.value(one)
			y, err2 := v.value(other)
			return err1 == nil && err2 == nil && max(x-y, y-x) <= 2*l.Step+momentWh
		}
	}
	return nil
}

// momentWh is what flows at most between two reads at once.
const momentWh = 50

func blocksOf(all []Condition) (out []Block) {
	for _, c := range all {
		out = append(out, c.Block())
	}
	return out
}

// Reads are the blocks that every reading needs, and those of the other quantities that are not in them anyway.
func (l Layout) Reads(characters int) (billed, beside []Block) {
	billed = l.Plan(characters, required)
	others := l.Plan(characters, func(name string) bool { return !required(name) })
	beside = slices.DeleteFunc(others, func(b Block) bool {
		return covered(b, billed)
	})
	return billed, beside
}

// CanaryBlock is a read whose answer no other read of the device has: as long a one of the same function. The file may
// name it; else it is a part of what is read anyway. ok is false where there is none.
func (l Layout) CanaryBlock(at map[string]uint16, characters int) (b Block, ok bool) {
	billed, beside := l.Reads(characters)
	naming := append(append(l.NamingPlan(at), l.SerialPlan()...), l.SettingsPlan(billed)...)
	reads := append(billed, beside...)
	all := append(slices.Clone(naming), reads...)
	if l.SunSpec != nil {
		all = append(all, Block{readHolding, 0, 2})
	}
	free := func(b Block) bool {
		return b.Count <= l.Line.Most && !slices.ContainsFunc(all, func(other Block) bool {
			return other.Function == b.Function && other.Count == b.Count
		})
	}
	if l.Canary != nil {
		return *l.Canary, free(*l.Canary)
	}
	for _, part := range l.runs(at) {
		if free(part) {
			return part, true
		}
	}
	for _, r := range l.Ranges {
		for n := uint16(1); n <= min(r.Count, l.Line.Most); n++ {
			if part := (Block{r.Function, r.Address, n}); free(part) {
				return part, true
			}
		}
	}
	return Block{}, false
}

// runs are the blocks without a hole that begin and end where a known register does, the shortest first.
func (l Layout) runs(at map[string]uint16) (out []Block) {
	var known []Block
	for _, c := range l.Identity {
		known = append(known, c.moved(at).Block())
	}
	for _, r := range l.Serial {
		known = append(known, r.Block())
	}
	for _, v := range l.Values {
		for _, p := range v.Parts {
			if !v.Optional {
				known = append(known, p.Block())
			}
		}
	}
	whole := l.join(known, 0)
	for _, from := range known {
		for _, to := range known {
			part := Block{from.Function, from.Address, uint16(max(0, to.end()-int(from.Address)))}
			if to.Function == from.Function && part.Count > 0 && slices.ContainsFunc(whole, func(b Block) bool {
				return b.covers(part)
			}) {
				out = append(out, part)
			}
		}
	}
	slices.SortFunc(out, func(a, b Block) int {
		return cmp.Or(cmp.Compare(a.Count, b.Count), cmp.Compare(a.Function, b.Function),
			cmp.Compare(a.Address, b.Address))
	})
	return out
}
