// Package hw is what can be touched at a bay besides the meter: the contactor and the
// inputs, through the GPIO lines of the computer or through a Modbus I/O board.
//
// A contactor is closed only when the session machine says so, and everything here
// tends to open: Open needs no context and may be repeated, and a program that ends
// calls it. A GPIO output is never read back: on Linux that turns it into an input;
// the contactor's auxiliary contact on an input tells what it does. When the program
// is killed, a board opens by its own communication watchdog, which the site must set;
// the kernel's GPIO has none, and so the service manager starts the program again,
// which reads the contacts and opens what no session owns.
package hw

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"

	"kioskd"
	"kioskd/modbus"
)

// Board is a Modbus I/O board: coils that switch contactors, discrete inputs. All its inputs are
// read at once, for every bay that wants to know.
type Board struct {
	bus    *modbus.Bus
	unit   byte
	inputs uint16 // number of inputs that are read at once

	mu       sync.Mutex
	coils    uint16 // up to the last that is used
	switched time.Time
	last     *look // the newest that is under way
}

// look is one read of all inputs.
type look struct {
	began time.Time
	done  chan struct{}
	in    []bool
	err   error
}

// NewBoard makes the board of a unit with a number of inputs.
func NewBoard(bus *modbus.Bus, unit byte, inputs int) *Board {
	b := &Board{bus: bus, unit: unit, inputs: uint16(inputs)}
	b.use(0)
	return b
}

// use lets the canary read the coils that are used: a board need not answer for others, and nothing
// else reads coils.
func (b *Board) use(coil int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.coils = max(b.coils, uint16(coil)+1)
	b.bus.SetCanary(modbus.Request{Unit: b.unit, Function: modbus.ReadCoils, Count: b.coils})
}

// How soon the inputs are wanted, and how long after a look began another bay may share it.
const (
	wanted   = 50 * time.Millisecond
	together = 20 * time.Millisecond
)

// read looks at the inputs, after the last switch. Bays that ask at the same time share a look.
func (b *Board) read(ctx context.Context) ([]bool, error) {
	b.mu.Lock()
	if l := b.last; l != nil && l.began.After(b.switched) && time.Since(l.began) < together {
		b.mu.Unlock()
		select {
		case <-l.done:
			return l.in, l.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	l := &look{began: time.Now(), done: make(chan struct{})}
	b.last = l
	b.mu.Unlock()
	l.in, l.err = b.bus.Bits(ctx, modbus.Request{Unit: b.unit, Function: modbus.ReadInputs, Count: b.inputs,
		Within: wanted})
	if l.err != nil {
		l.err = fmt.Errorf("cannot read inputs: %w", l.err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	close(l.done)
	if b.last == l { // what was seen is shared by those who waited, not kept
		b.last = nil
	}
	return l.in, l.err
}

// set switches a coil, with some tries: another device may have spoken meanwhile, or the line was
// broken and is opened again. What was seen before says nothing of after.
func (b *Board) set(ctx context.Context, coil uint16, on bool, tries int) (err error) {
	for range tries {
		err = b.bus.SetCoil(ctx, b.unit, coil, on)
		if !errors.Is(err, kiosk.ErrUnreachable) {
			break
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.switched = time.Now()
	return err
}

// BoardContactor is a contactor on a coil. It implements kiosk.Contactor.
type BoardContactor struct {
	board *Board
	coil  uint16
}

// Contactor is the contactor on a coil.
func (b *Board) Contactor(coil int) *BoardContactor {
	b.use(coil)
	return &BoardContactor{b, uint16(coil)}
}

// Close implements kiosk.Contactor.
func (c *BoardContactor) Close(ctx context.Context) error {
	if err := c.board.set(ctx, c.coil, true, 4); err != nil {
		return fmt.Errorf("cannot close contactor: %w", err)
	}
	return nil
}

// Open implements kiosk.Contactor.
func (c *BoardContactor) Open() error {
	if err := c.board.set(context.Background(), c.coil, false, 4); err != nil {
		return fmt.Errorf("cannot open contactor: %w", err)
	}
	return nil
}

// BoardInputs are a bay's inputs on a board. It implements kiosk.Inputs.
type BoardInputs struct {
	Board      *Board
	Plugged    int
	Requesting int // -1 where no input tells
	Feedback   int
	Emergency  int // made while all is well; -1 where no input tells
}

// Inputs implements kiosk.Inputs. Where no input tells, a plugged vehicle is taken to
// ask for energy: no parking fee without proof.
func (i *BoardInputs) Inputs(ctx context.Context) (kiosk.BayInputs, error) {
	in, err := i.Board.read(ctx)
	if err != nil {
		return kiosk.BayInputs{}, err
	}
	out := kiosk.BayInputs{Plugged: in[i.Plugged], Closed: in[i.Feedback]}
	out.Requesting = out.Plugged
	if i.Requesting >= 0 {
		out.Requesting = in[i.Requesting]
	}
	if i.Emergency >= 0 {
		out.Emergency = !in[i.Emergency] // its contact opens: so does a wire that is cut
	}
	return out, nil
}

// PinContactor is a contactor on a GPIO line. It implements kiosk.Contactor.
type PinContactor struct {
	Pin       gpio.PinOut
	ActiveLow bool // relay boards often are
}

// Close implements kiosk.Contactor.
func (c *PinContactor) Close(context.Context) error {
	if err := c.Pin.Out(gpio.Level(!c.ActiveLow)); err != nil {
		return fmt.Errorf("cannot close contactor: %w", err)
	}
	return nil
}

// Open implements kiosk.Contactor.
func (c *PinContactor) Open() error {
	if err := c.Pin.Out(gpio.Level(c.ActiveLow)); err != nil {
		return fmt.Errorf("cannot open contactor: %w", err)
	}
	return nil
}

// PinInputs are a bay's inputs on GPIO lines; contacts connect a line to ground. It
// implements kiosk.Inputs.
type PinInputs struct {
	Plugged, Requesting, Feedback, Emergency gpio.PinIn // Requesting and Emergency may be nil
}

// Setup makes the lines inputs with pull-ups.
func (i *PinInputs) Setup() error {
	for _, p := range []gpio.PinIn{i.Plugged, i.Requesting, i.Feedback, i.Emergency} {
		if p == nil {
			continue
		}
		if err := p.In(gpio.PullUp, gpio.NoEdge); err != nil {
			return fmt.Errorf("cannot set up input %v: %w", p, err)
		}
	}
	return nil
}

// Inputs implements kiosk.Inputs.
func (i *PinInputs) Inputs(context.Context) (kiosk.BayInputs, error) {
	made := func(p gpio.PinIn) bool { return p.Read() == gpio.Low }
	out := kiosk.BayInputs{Plugged: made(i.Plugged), Closed: made(i.Feedback)}
	out.Requesting = out.Plugged
	if i.Requesting != nil {
		out.Requesting = made(i.Requesting)
	}
	if i.Emergency != nil {
		out.Emergency = !made(i.Emergency)
	}
	return out, nil
}
