package simulator

import (
	"slices"
	"sync"
	"time"

	"kioskd"
)

// Bay is the world behind one bay: a contactor, a meter and perhaps a car. Energy
// flows while the contactor is closed and a car that is plugged in asks for it.
type Bay struct {
	mu         sync.Mutex
	speed      int64 // of the car; the world's clock is real
	at         time.Time
	millijoule int64 // the meter's register
	offset     kiosk.Energy
	serial     uint32
	car        Car
	plugged    bool
	closed     bool
	welded     bool
	emergency  bool // cuts the power upstream
	flows      []Flow
	flowing    bool
	pulls      []Pull
	liar       liar
}

// Flow is energy that left the bay without a pause, as the register shows it.
type Flow struct {
	From, To time.Time
	Energy   kiosk.Energy
}

// Pull is a cable that was pulled while energy flowed, and when the contactor opened; zero where it has not.
type Pull struct{ From, Opened time.Time }

// Pulls is every one, in order.
func (b *Bay) Pulls() []Pull {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.pulls)
}

// Flows is all that ever flowed, in order.
func (b *Bay) Flows() []Flow {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.advance()
	return slices.Clone(b.flows)
}

// Car is a vehicle.
type Car struct {
	Power kiosk.Power  // what it draws
	Need  kiosk.Energy // what is missing until it is full
	Pause bool         // asks for nothing
}

// GoodCar draws 22 kW until it has 20 kWh.
func GoodCar() Car { return Car{Power: 22000, Need: 20000} }

// NewBay makes a bay whose meter has counted start so far.
func NewBay(start kiosk.Energy, serial uint32, speed int) *Bay {
	return &Bay{speed: int64(speed), at: time.Now(), offset: start, serial: serial}
}

// advance moves the register to now. The caller holds mu.
func (b *Bay) advance() {
	now := time.Now()
	ms := now.Sub(b.at).Milliseconds()
	b.at = b.at.Add(time.Duration(ms) * time.Millisecond)
	p := b.power()
	b.flow(p > 0)
	if p > 0 {
		mj := int64(p) * ms * b.speed
		if need := int64(b.car.Need) * 3_600_000; mj >= need {
			mj, b.car.Need = need, 0
		}
		b.millijoule += mj
		// Need is in Wh; what is drawn of the last one stays in the register.
		wh := kiosk.Energy(b.millijoule/3_600_000 - (b.millijoule-mj)/3_600_000)
		b.car.Need -= wh
		b.flows[len(b.flows)-1].Energy += wh
	}
}

// flow keeps the diary of what flows; the stretch that ends now is the caller's.
func (b *Bay) flow(on bool) {
	now := time.Now()
	if on && !b.flowing {
		b.flows = append(b.flows, Flow{From: now, To: now})
	}
	if on {
		b.flows[len(b.flows)-1].To = now
	}
	b.flowing = on
}

func (b *Bay) power() kiosk.Power {
	if b.plugged && !b.emergency && (b.closed || b.welded) && !b.car.Pause && b.car.Need > 0 {
		return b.car.Power
	}
	return 0
}

// register is what the meter has counted. The caller holds mu.
func (b *Bay) register() kiosk.Energy { return b.offset + kiosk.Energy(b.millijoule/3_600_000) }

// do runs f with the register up to date.
func (b *Bay) do(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.advance()
	f()
	b.advance()
}

// Plug connects a car.
func (b *Bay) Plug(c Car) { b.do(func() { b.car, b.plugged = c, true }) }

// Unplug takes the car away.
func (b *Bay) Unplug() {
	b.do(func() {
		if b.power() > 0 && !b.welded {
			b.pulls = append(b.pulls, Pull{From: time.Now()})
		}
		b.plugged = false
	})
}

// Pause lets the car ask for nothing, or again for energy.
func (b *Bay) Pause(on bool) { b.do(func() { b.car.Pause = on }) }

// Switch moves the contactor.
func (b *Bay) Switch(closed bool) {
	b.do(func() {
		if n := len(b.pulls); n > 0 && !closed && b.pulls[n-1].Opened.IsZero() {
			b.pulls[n-1].Opened = time.Now()
		}
		b.closed = closed
	})
}

// Weld lets the contactor stay closed whatever it is told, or no longer.
func (b *Bay) Weld(on bool) { b.do(func() { b.welded = on }) }

// Emergency presses the emergency stop, or unlocks it. It cuts the power before the
// contactor, which does not move.
func (b *Bay) Emergency(on bool) { b.do(func() { b.emergency = on }) }

// State is what an onlooker sees.
type State struct {
	Register   kiosk.Energy
	Power      kiosk.Power
	Plugged    bool
	Requesting bool
	Closed     bool
	Emergency  bool
	Serial     uint32
}

// Shown is what the bay's meter shows: what is true, unless it lies.
func (b *Bay) Shown() State {
	s := b.State()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.liar.shown(s)
}

// State looks at the bay.
func (b *Bay) State() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.advance()
	return State{
		Register: b.register(), Power: b.power() * kiosk.Power(b.speed), Plugged: b.plugged,
		Requesting: b.plugged && !b.car.Pause && b.car.Need > 0, Closed: b.closed || b.welded, Emergency: b.emergency,
		Serial: b.serial,
	}
}
