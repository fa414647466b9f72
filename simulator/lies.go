package simulator

import kiosk "kioskd"

// Lie is what a meter says that is not so, with a good checksum.
type Lie string

// Lies.
const (
	Truth    Lie = ""
	Jumps    Lie = "jumps"    // far beyond what any bay delivers
	Falls    Lie = "falls"    // below what was there
	Zero     Lie = "zero"     // as after a reset
	Stands   Lie = "stands"   // still, whatever flows
	Another  Lie = "another"  // another serial number, and its register
	Powers   Lie = "powers"   // more power than any bay has
	NoPower  Lie = "no_power" // none, whatever flows
	Mute     Lie = "mute"     // says nothing
	Rejects  Lie = "rejects"  // says that it has no such register
	Flickers Lie = "flickers" // one reading in three is one that jumps
)

// Lies lists them all.
func Lies() []Lie {
	return []Lie{Jumps, Falls, Zero, Stands, Another, Powers, NoPower, Mute, Rejects, Flickers}
}

// liar is what becomes of a bay's register on the way to its meter's display.
type liar struct {
	lie   Lie
	since kiosk.Energy // the register when it began
	looks int
}

// lieBy is how far a register is off: more than a bay at 600 times its speed delivers in a minute.
const lieBy kiosk.Energy = 900_000

// Lie lets the bay's meter lie from now on; Truth ends it.
func (b *Bay) Lie(l Lie) {
	b.do(func() { b.liar = liar{lie: l, since: b.register()} })
}

// shown is a state as a meter that lies has it. The caller holds mu.
func (l *liar) shown(s State) State {
	l.looks++
	switch l.lie {
	case Jumps:
		s.Register += lieBy
	case Falls:
		s.Register -= min(s.Register, lieBy)
	case Zero:
		s.Register = 0
	case Stands:
		s.Register = l.since
	case Another:
		s.Serial, s.Register = s.Serial+5000, s.Register/2
	case Powers:
		s.Power += 40_000_000
	case NoPower:
		s.Power = 0
	case Flickers:
		if l.looks%3 == 0 {
			s.Register += lieBy
		}
	}
	return s
}

// Lying tells which lie a bay's meter tells.
func (b *Bay) Lying() Lie {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.liar.lie
}
