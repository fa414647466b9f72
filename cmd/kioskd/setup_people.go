package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kioskd/modbus"
)

// plansOfPeople closes one contactor after the other and asks at which bay it was heard.
func (w *wizard) plansOfPeople(ctx context.Context) (out []plan, err error) {
	left := w.meters()
	if len(left) == 0 {
		return nil, errors.New("no meter answers: check the wires A and B, the meters' addresses (--units) and that they are on")
	}
	if len(w.boards()) == 0 {
		return nil, usagef("setup: no I/O board answers; contactors on GPIO lines are named by --bay, as in --bay \"number=1 meter=%s contactor=GPIO17 plugged=GPIO27 feedback=GPIO22\"", left[0].Serial)
	}
	fmt.Fprintln(w.out, "\nNo vehicle may be plugged in now. Each contactor is closed for a moment.")
	for _, b := range w.boards() {
		rest, err := w.cablesFree(ctx, b)
		if err != nil {
			return nil, err
		}
		for coil := 0; coil < b.coils && len(left) > 0; coil++ {
			for err := w.free(ctx, out); err != nil; err = w.free(ctx, out) {
				fmt.Fprintln(w.out, err)
				if err := w.done(ctx, "Done?"); err != nil {
					return nil, err
				}
			}
			if rest, err = w.stillFree(ctx, b, rest); err != nil {
				return nil, err
			}
			follow, err := pulseAt(ctx, b.line.address, b.foundBoard, coil, where(rest, false))
			var none modbus.Exception
			if errors.As(err, &none) { // it has no more
				break
			}
			if err != nil {
				return nil, err
			}
			if len(follow) != 1 {
				fmt.Fprintf(w.out, "coil %d: inputs %v followed; nothing, or no contactor with one feedback, is behind it\n", coil, follow)
				continue
			}
			bay, others, err := w.planOfPerson(ctx, b, coil, follow[0], left)
			if err != nil {
				return nil, err
			}
			if bay != nil {
				out, left = append(out, *bay), others
			}
		}
	}
	return out, nil
}

// cablesFree asks until every cable is free, and is what a board's inputs say then.
func (w *wizard) cablesFree(ctx context.Context, b boardAt) (rest []bool, err error) {
	for {
		free, err := w.sure(ctx, "Is every cable free?", false)
		if err != nil {
			return nil, err
		}
		if !free {
			fmt.Fprintln(w.out, "Unplug every vehicle, then say yes.")
			continue
		}
		if rest, err = inputsAt(ctx, b); err != nil {
			return nil, err
		}
		if on := where(rest, true); len(on) > 0 {
			fmt.Fprintf(w.out, "Inputs %v are on meanwhile, as an emergency stop's is while all is well.\n", on)
		}
		return rest, nil
	}
}

// where are the inputs that are on, or off.
func where(in []bool, on bool) (out []int) {
	for i := range in {
		if in[i] == on {
			out = append(out, i)
		}
	}
	return out
}

// stillFree asks again where an input came that was not there at rest: it may be a vehicle at a bay
// that nobody knows yet.
func (w *wizard) stillFree(ctx context.Context, b boardAt, rest []bool) ([]bool, error) {
	for {
		now, err := inputsAt(ctx, b)
		if err != nil {
			return nil, err
		}
		came := slices.DeleteFunc(where(now, true), func(i int) bool { return rest[i] })
		if len(came) == 0 {
			return now, nil // what went and comes again is asked about, too
		}
		fmt.Fprintf(w.out, "Inputs %v tell of something that was not there when every cable was free. Unplug every vehicle.\n", came)
		if other, err := w.sure(ctx, "Is it something else than a vehicle?", false); err != nil {
			return nil, err
		} else if other {
			return now, nil
		}
	}
}

// inputsAt reads the inputs of a board, and lets its line go.
func inputsAt(ctx context.Context, b boardAt) ([]bool, error) {
	bus, err := openBus(b.line.address)
	if err != nil {
		return nil, err
	}
	defer bus.Close()
	return inputs(ctx, bus, b.foundBoard)
}

// planOfPerson asks what belongs to a contactor; nil where nobody heard it.
func (w *wizard) planOfPerson(ctx context.Context, b boardAt, coil, feedback int, left []meterAt) (*plan, []meterAt, error) {
	number := func(s string) error {
		if n, err := strconv.Atoi(s); err != nil || n < 0 || n > 999 {
			return errors.New("want a number from 1 to 999, or 0")
		}
		return nil
	}
	said, err := w.ask(ctx, question{title: fmt.Sprintf("Coil %d closed and opened, input %d told. Number of the bay where you heard it, 0 for none", coil, feedback), def: strconv.Itoa(coil + 1), check: number})
	if err != nil || said == "0" {
		return nil, left, err
	}
	p := &plan{board: b.foundBoard, boardAt: b.line.address, coil: coil, feedback: feedback, requesting: -1, emergency: -1}
	if p.number, err = strconv.Atoi(said); err != nil {
		return nil, left, err
	}
	var names []string
	for _, m := range left {
		names = append(names, m.String())
	}
	said, err = w.ask(ctx, question{title: fmt.Sprintf("Which meter is behind bay %d? Its serial number is on its plate", p.number), options: names, def: names[0]})
	if err != nil {
		return nil, left, err
	}
	at := slices.Index(names, said)
	p.meter, p.meterAt = left[at].Found, left[at].line.address
	if p.plugged, err = w.pluggedInput(ctx, b, p.number, feedback); err != nil {
		return nil, left, err
	}
	if said, err = w.ask(ctx, question{title: fmt.Sprintf("Most power of bay %d in watt", p.number), def: "22000", help: "What its wires bear, as 22000. A meter that counts more is not believed.", check: func(s string) error {
		n, _ := strconv.Atoi(s) // what is no number is none of watts
		return watts(n)
	}}); err != nil {
		return nil, left, err
	}
	if p.max, err = strconv.Atoi(said); err != nil {
		return nil, left, err
	}
	if p.evse, err = w.ask(ctx, question{title: fmt.Sprintf("EVSE id of bay %d", p.number), optional: true, help: "As DE*ABC*E001: for receipts and a back office."}); err != nil {
		return nil, left, err
	}
	for _, x := range []struct {
		what string
		to   *int
	}{{"tells that the vehicle asks for energy", &p.requesting}, {"is the emergency stop's, made while all is well", &p.emergency}} {
		said, err := w.ask(ctx, question{title: fmt.Sprintf("Which input of bay %d %s, if one is wired", p.number, x.what), optional: true, check: number})
		if err != nil {
			return nil, left, err
		}
		if said != "" {
			if *x.to, err = strconv.Atoi(said); err != nil {
				return nil, left, err
			}
		}
	}
	return p, slices.Delete(slices.Clone(left), at, at+1), nil
}

// pluggedInput is the input that tells of a vehicle: the one that moves when one is plugged in.
func (w *wizard) pluggedInput(ctx context.Context, b boardAt, bay, feedback int) (int, error) {
	bus, err := openBus(b.line.address)
	if err != nil {
		return 0, err
	}
	defer bus.Close()
	for {
		moved, err := w.pluggedIn(ctx, bus, b, bay, feedback)
		if err != nil {
			return 0, err
		}
		var options []string
		for _, i := range moved {
			options = append(options, strconv.Itoa(i))
		}
		said, err := w.ask(ctx, question{title: fmt.Sprintf("Moved: %s. Which input tells that a vehicle is plugged in at bay %d (none: it was another bay)", strings.Join(options, ", "), bay), def: options[0], check: func(s string) error {
			if s != "none" && !slices.Contains(options, s) {
				return fmt.Errorf("want %s or none", strings.Join(options, " or "))
			}
			return nil
		}})
		if err != nil {
			return 0, err
		}
		if said == "none" {
			if err := w.done(ctx, "Unplug it. Done?"); err != nil {
				return 0, err
			}
			continue
		}
		i, err := strconv.Atoi(said)
		if err != nil {
			return 0, err
		}
		return i, w.unplugged(ctx, bus, b, i)
	}
}

// done waits for somebody who did something.
func (w *wizard) done(ctx context.Context, question string) error {
	ok, err := w.sure(ctx, question, true)
	if err == nil && !ok {
		err = errors.New("given up: nothing was changed")
	}
	return err
}

// pluggedIn are the inputs that move when somebody plugs in.
func (w *wizard) pluggedIn(ctx context.Context, bus *modbus.Bus, b boardAt, bay, feedback int) (moved []int, err error) {
	before, err := inputs(ctx, bus, b.foundBoard)
	if err != nil {
		return nil, err
	}
	for question := fmt.Sprintf("Plug a vehicle or a test plug in at bay %d now. Done?", bay); len(moved) == 0; question = "No input moved. Look at its wire; if it is plugged in already unplug it, say yes, and plug it in. Done?" {
		if err := w.done(ctx, question); err != nil {
			return nil, err
		}
		if _, err := settled(ctx, func() ([]bool, error) { return inputs(ctx, bus, b.foundBoard) }, func(in []bool) bool {
			moved = nil
			for i := range in {
				if !before[i] && in[i] && i != feedback {
					moved = append(moved, i)
				}
				before[i] = before[i] && in[i] // what was plugged in too early may be unplugged and plugged in
			}
			return len(moved) > 0
		}); err != nil {
			return nil, err
		}
	}
	return moved, nil
}

// unplugged waits for somebody to unplug what an input tells of. Other bays are no matter of its.
func (w *wizard) unplugged(ctx context.Context, bus *modbus.Bus, b boardAt, told int) error {
	free := func(in []bool) bool { return !in[told] }
	for question := "Unplug it again. Done?"; ; question = "It is still told of. Unplug it. Done?" {
		if err := w.done(ctx, question); err != nil {
			return err
		}
		if now, err := settled(ctx, func() ([]bool, error) { return inputs(ctx, bus, b.foundBoard) }, free); err != nil || free(now) {
			return err
		}
	}
}
