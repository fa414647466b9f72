package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"kioskd"
	"kioskd/config"
	"kioskd/hw"
	"kioskd/modbus"
	"kioskd/site"
)

// known are all bays: those that are set up, and those of the configuration. One that is set up
// anew counts twice: what told of a vehicle before may still tell the truth.
func (w *wizard) known(plans []plan) (out []config.Bay, err error) {
	out = configs(plans)
	if w.file.Before == nil {
		return out, nil
	}
	had, err := config.Read(w.file.Path)
	if err != nil {
		return out, err
	}
	return append(out, had.Bays...), nil
}

// free fails where a vehicle is plugged in at any known bay, or its emergency stop is pressed.
// Energy that no driver pays for must not flow. Where no person was asked, a bay that cannot tell is taken
// for one with a vehicle, unless it is set up anew.
func (w *wizard) free(ctx context.Context, plans []plan) error {
	unknown := func(bay int, err error) error {
		if !w.unattended { // the host said that every cable is free
			return nil
		}
		return fmt.Errorf(
			"bay %d: its inputs do not say whether a vehicle is plugged in: mend them, or use --no-pulse: %w", bay, err)
	}
	bays, err := w.known(plans)
	if err != nil && w.unattended {
		return fmt.Errorf(
			"the inputs of a bay that stays do not say whether a vehicle is plugged in: mend them, or use "+
				"--no-pulse: %w", err)
	}
	for i, b := range bays {
		if b.Charger != nil { // no contactor of this computer's
			continue
		}
		again := i >= len(plans) && slices.ContainsFunc(plans, func(p plan) bool { return p.number == b.Number })
		in, err := inputsOf(ctx, b)
		switch {
		case err != nil && !again:
			err = unknown(b.Number, err)
		case err != nil:
			err = nil
		case in.Plugged:
			err = fmt.Errorf("bay %d: a vehicle is plugged in: unplug it, then again", b.Number)
		case in.Emergency && !again:
			err = fmt.Errorf("bay %d: its emergency stop is pressed", b.Number)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// inputsOf looks at a bay once, and lets its lines go.
func inputsOf(ctx context.Context, b config.Bay) (kiosk.BayInputs, error) {
	devices, err := site.OpenDevices(&config.Config{Bays: []config.Bay{b}})
	if err != nil {
		return kiosk.BayInputs{}, err
	}
	defer devices.Close(site.QuietLog())
	return patiently(ctx, openTries, func() (kiosk.BayInputs, error) { return devices.Bays[0].Inputs.Inputs(ctx) })
}

// How often a device is asked before its silence is believed: one lost answer says nothing. While a
// contactor is closed there is no time for more than one more try.
const (
	openTries   = 10
	closedTries = 2
	answerPause = 500 * time.Millisecond
)

// closedFor is how long setup keeps a contactor closed to see what follows it, whatever devices do.
const closedFor = 4 * time.Second

// patiently reads until there is an answer.
func patiently[T any](ctx context.Context, tries int, read func() (T, error)) (out T, err error) {
	for range tries {
		out, err = read()
		if !errors.Is(err, kiosk.ErrUnreachable) {
			return out, err
		}
		select {
		case <-time.After(answerPause):
		case <-ctx.Done():
			return out, ctx.Err()
		}
	}
	return out, err
}

// pluggedAt are the inputs of a board that tell of vehicles, of all known bays.
func (w *wizard) pluggedAt(plans []plan, address string, unit int) (out []int) {
	bays, _ := w.known(plans) // free has told of what cannot be read
	for _, b := range bays {
		if b.Board == address && b.BoardUnit == unit && b.Plugged >= 0 {
			out = append(out, b.Plugged)
		}
	}
	return out
}

// provePulse closes the contactor of a bay that a person named, and wants its feedback to follow,
// and, where they can be seen, no other.
func (w *wizard) provePulse(ctx context.Context, b plan, plugged []int) error {
	if b.gpio != nil {
		devices, err := site.OpenDevices(&config.Config{Bays: []config.Bay{b.config()}})
		if err != nil {
			return err
		}
		defer devices.Close(site.QuietLog())
		if err := follows(ctx, devices.Bays[0].Contactor, devices.Bays[0].Inputs); err != nil {
			return err
		}
		fmt.Fprintf(w.Out, "bay %d: %s closes and opens, %s tells; meter %s\n", b.number, b.gpio["contactor"],
			b.gpio["feedback"], b.meter.Serial)
		return nil
	}
	follow, err := pulseAt(ctx, b.boardAt, b.board, b.coil, plugged)
	if err != nil {
		return err
	}
	if !slices.Equal(follow, []int{b.feedback}) {
		return fmt.Errorf("coil %d was closed for a moment, and the inputs %v followed, not %d: check the wires of "+
			"contactor and feedback", b.coil, follow, b.feedback)
	}
	fmt.Fprintf(w.Out, "bay %d: coil %d closes and opens, input %d tells; meter %s\n", b.number, b.coil, b.feedback,
		b.meter.Serial)
	return nil
}

// follows closes a contactor for a moment and wants its own feedback to follow. Whatever happens,
// it is open in the end: also where what opens it is what closes it, because its relay works the
// other way round.
func follows(ctx context.Context, contactor kiosk.Contactor, in kiosk.Inputs) (err error) {
	feedback := func(ctx context.Context, want bool, tries int) (bool, error) {
		read := func() (kiosk.BayInputs, error) {
			return patiently(ctx, tries, func() (kiosk.BayInputs, error) { return in.Inputs(ctx) })
		}
		now, err := settled(ctx, read, func(now kiosk.BayInputs) bool { return now.Closed == want })
		return now.Closed, err
	}
	if closed, err := feedback(ctx, false, openTries); err != nil || closed {
		return cmp.Or(err, errors.New("its feedback tells of a closed contactor before anything was switched: check "+
			"the wires of contactor and feedback"))
	}
	soon, cancel := context.WithTimeout(ctx, closedFor)
	defer cancel()
	err = contactor.Close(soon)
	closed := false
	if err == nil {
		closed, err = feedback(soon, true, closedTries)
	}
	ctx = context.WithoutCancel(ctx)
	if no := contactor.Open(); err != nil || no != nil {
		return errors.Join(err, no)
	}
	switch still, err := feedback(ctx, false, openTries); {
	case err != nil:
		return err
	case still && !closed:
		return errors.Join(errors.New("it closes when it is told to open: active_low is the other way round"),
			contactor.Close(ctx))
	case still:
		return errors.New("it was told to open, and its feedback says that it is closed: is it welded?")
	case !closed:
		return errors.New(
			"it was told to close, and its feedback did not follow: check the wires of contactor and feedback")
	}
	return nil
}

// pulseAt closes a contactor for a moment, while none of some inputs tells of a vehicle, and tells
// which inputs follow it.
func pulseAt(ctx context.Context, at string, b foundBoard, coil int, plugged []int) ([]int, error) {
	bus, err := modbus.NewBus(at)
	if err != nil {
		return nil, err
	}
	defer bus.Close()
	return pulse(ctx, bus, b, coil, plugged)
}

// inputs reads a board whose contactors are open.
func inputs(ctx context.Context, bus *modbus.Bus, b foundBoard) ([]bool, error) {
	return inputsIn(ctx, bus, b, openTries)
}

func inputsIn(ctx context.Context, bus *modbus.Bus, b foundBoard, tries int) ([]bool, error) {
	return patiently(ctx, tries, func() ([]bool, error) {
		return bus.Bits(ctx, modbus.Request{Unit: byte(b.unit), Function: modbus.ReadInputs, Count: uint16(b.inputs)})
	})
}

// heard is how long a contactor stays closed, so that a person can tell which one clicks.
const heard = 300 * time.Millisecond

// pulse closes a contactor for a moment and tells which inputs follow it, in order. Whatever
// happens, it is open in the end.
func pulse(ctx context.Context, bus *modbus.Bus, b foundBoard, coil int, plugged []int) (follow []int, err error) {
	board := hw.NewBoard(bus, byte(b.unit), b.inputs)
	contactor := board.Contactor(coil)
	read := func() ([]bool, error) { return inputs(ctx, bus, b) }
	before, err := read()
	if err != nil {
		return nil, err
	}
	for _, i := range plugged { // looked at before, and once more at the last moment
		if i < len(before) && before[i] {
			return nil, fmt.Errorf("input %d tells of a vehicle: unplug it, then again", i)
		}
	}
	defer func() { err = cmp.Or(contactor.Open(), err) }()
	soon, cancel := context.WithTimeout(ctx, closedFor)
	defer cancel()
	if err := contactor.Close(soon); err != nil {
		return nil, err
	}
	closing := func() ([]bool, error) { return inputsIn(soon, bus, b, closedTries) }
	closed, err := settled(soon, closing, func(in []bool) bool { return !slices.Equal(in, before) })
	if err != nil {
		return nil, err
	}
	select {
	case <-time.After(heard):
	case <-soon.Done():
		return nil, soon.Err()
	}
	if err := contactor.Open(); err != nil {
		return nil, err
	}
	opened, err := settled(ctx, read, func(in []bool) bool { return slices.Equal(in, before) })
	if err != nil {
		return nil, err
	}
	var stay []int
	for i := range before {
		switch {
		case before[i] || !closed[i]:
		case opened[i]:
			stay = append(stay, i)
		default:
			follow = append(follow, i)
		}
	}
	if len(stay) > 0 {
		return nil, fmt.Errorf("coil %d was told to open, and inputs %v, which came with it, stay on: its contactor "+
			"may be welded, and its bay under power, or a vehicle was plugged in", coil, stay)
	}
	return follow, nil
}

// settled reads until something is so, for a second and a half: as long as slow contactors and
// debounced inputs take.
func settled[T any](ctx context.Context, read func() (T, error), ready func(T) bool) (in T, err error) {
	for range 15 {
		in, err = read()
		if err != nil || ready(in) {
			return in, err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return in, ctx.Err()
		}
	}
	return in, nil
}
