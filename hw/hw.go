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
	"fmt"

	"periph.io/x/conn/v3/gpio"

	"kioskd"
	"kioskd/modbus"
)

// Board is a Modbus I/O board: coils that switch contactors, discrete inputs.
type Board struct {
	bus    *modbus.Bus
	unit   byte
	inputs uint16 // number of inputs that are read at once
}

// NewBoard makes the board of a unit with a number of inputs.
func NewBoard(bus *modbus.Bus, unit byte, inputs int) *Board {
	// The canary reads so many coils that its answer is longer than any other's.
	bus.SetCanary(modbus.Request{Unit: unit, Function: modbus.ReadCoils, Count: 56})
	return &Board{bus: bus, unit: unit, inputs: uint16(inputs)}
}

func (b *Board) read(ctx context.Context) ([]bool, error) {
	in, err := b.bus.Bits(ctx, modbus.Request{Unit: b.unit, Function: modbus.ReadInputs, Count: b.inputs})
	if err != nil {
		return nil, fmt.Errorf("cannot read inputs: %w", err)
	}
	return in, nil
}

// BoardContactor is a contactor on a coil. It implements kiosk.Contactor.
type BoardContactor struct {
	board *Board
	coil  uint16
}

// Contactor is the contactor on a coil.
func (b *Board) Contactor(coil int) *BoardContactor { return &BoardContactor{b, uint16(coil)} }

// Close implements kiosk.Contactor.
func (c *BoardContactor) Close(ctx context.Context) error {
	if err := c.board.bus.SetCoil(ctx, c.board.unit, c.coil, true); err != nil {
		return fmt.Errorf("cannot close contactor: %w", err)
	}
	return nil
}

// Open implements kiosk.Contactor. It tries twice: the first try may only find out
// that the line was broken.
func (c *BoardContactor) Open() error {
	var err error
	for range 2 {
		if err = c.board.bus.SetCoil(context.Background(), c.board.unit, c.coil, false); err == nil {
			return nil
		}
	}
	return fmt.Errorf("cannot open contactor: %w", err)
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
