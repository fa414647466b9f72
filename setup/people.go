package setup

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"kioskd/cli"
	"kioskd/modbus"
)

// plansOfPeople asks for the bays with contactors, and for those that are chargers' connectors.
func (w *wizard) plansOfPeople(ctx context.Context) (out []plan, err error) {
	if len(w.boards()) > 0 {
		out, err = w.plansOfContactors(ctx)
		if err != nil {
			return nil, err
		}
	}
	chargers, err := w.plansOfChargers(ctx, out)
	if err != nil {
		return nil, err
	}
	out = append(out, chargers...)
	if len(out) > 0 {
		return out, w.proveChargers(ctx, out[len(out)-len(chargers):])
	}
	left := w.meters()
	if len(left) == 0 {
		return nil, errNoMeter
	}
	return nil, cli.Usagef("setup: no I/O board answers; contactors on GPIO lines are named by --bay, as in "+
		"--bay \"number=1 meter=%s contactor=GPIO17 plugged=GPIO27 feedback=GPIO22\"", left[0].Serial)
}

var errNoMeter = errors.New("no meter answers: check the wires A and B, the meters' addresses (--units) and that " +
	"they are on")

// plansOfContactors closes one contactor after the other and asks at which bay it was heard.
func (w *wizard) plansOfContactors(ctx context.Context) (out []plan, err error) {
	left := w.meters()
	if len(left) == 0 {
		return nil, errNoMeter
	}
	fmt.Fprintln(w.Out, "\nNo vehicle may be plugged in now. Each contactor is closed for a moment.")
	for _, b := range w.boards() {
		rest, err := w.cablesFree(ctx, b)
		if err != nil {
			return nil, err
		}
		for coil := 0; coil < b.coils && len(left) > 0; coil++ {
			for err := w.free(ctx, out); err != nil; err = w.free(ctx, out) {
				fmt.Fprintln(w.Out, err)
				if err := w.done(ctx, "Done?"); err != nil {
					return nil, err
				}
			}
			rest, err = w.stillFree(ctx, b, rest)
			if err != nil {
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
				fmt.Fprintf(w.Out, "coil %d: inputs %v followed; nothing, or no contactor with one feedback, "+
					"is behind it\n", coil, follow)
				continue
			}
			bay, others, err := w.planOfPerson(ctx, b, coil, follow[0], out, left)
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
			fmt.Fprintln(w.Out, "Unplug every vehicle, then say yes.")
			continue
		}
		rest, err = inputsAt(ctx, b)
		if err != nil {
			return nil, err
		}
		if on := where(rest, true); len(on) > 0 {
			fmt.Fprintf(w.Out, "Inputs %v are on meanwhile, as an emergency stop's is while all is well.\n", on)
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
// that is not known yet.
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
		fmt.Fprintf(w.Out, "Inputs %v tell of something that was not there when every cable was free. "+
			"Unplug every vehicle.\n", came)
		if other, err := w.sure(ctx, "Is it something else than a vehicle?", false); err != nil {
			return nil, err
		} else if other {
			return now, nil
		}
	}
}

// inputsAt reads the inputs of a board, and lets its line go.
func inputsAt(ctx context.Context, b boardAt) ([]bool, error) {
	bus, err := modbus.NewBus(b.line.address)
	if err != nil {
		return nil, err
	}
	defer bus.Close()
	return inputs(ctx, bus, b.foundBoard)
}

// planOfPerson asks what belongs to a contactor; nil where it was not heard. An answer is judged against
// those that were given for the bays before.
func (w *wizard) planOfPerson(ctx context.Context, b boardAt, coil, feedback int, before []plan,
	left []meterAt) (*plan, []meterAt, error) {
	p := &plan{board: b.foundBoard, boardAt: b.line.address, coil: coil, feedback: feedback}
	p.requesting, p.emergency = -1, -1
	at := -1 // of the meter, among those that are left
	err := steps(
		func() (err error) { p.number, err = w.bayNumber(ctx, coil, feedback, before); return err },
		func() (err error) {
			if p.number == 0 {
				return nil
			}
			at, err = w.whichMeter(ctx, p, left)
			return err
		},
		func() error {
			if p.number == 0 {
				return nil
			}
			p.meter, p.meterAt = left[at].Found, left[at].line.address
			return w.pluggedInput(ctx, b, p, before, func() error { return w.proveLoad(ctx, p, &at, left) })
		},
		func() error { return w.aboutBay(ctx, p, before) },
	)
	if err != nil || p.number == 0 {
		return nil, left, err
	}
	return p, slices.Delete(slices.Clone(left), at, at+1), nil
}

// bayNumber asks at which bay a contactor was heard.
func (w *wizard) bayNumber(ctx context.Context, coil, feedback int, before []plan) (int, error) {
	at := func(n int) int { return slices.IndexFunc(before, func(p plan) bool { return p.number == n }) }
	next := coil + 1
	for at(next) >= 0 {
		next++
	}
	said, err := w.ask(ctx, question{
		title: fmt.Sprintf("Coil %d closed and opened, input %d told. Number of the bay where you heard it, "+
			"0 for none", coil, feedback),
		def: strconv.Itoa(next),
		check: func(s string) error {
			if err := inputNumber(s); err != nil {
				return err
			}
			n, _ := strconv.Atoi(s) // it is a number
			if i := at(n); n > 0 && i >= 0 {
				return fmt.Errorf("bay %d has coil %d already: which other bay is it?", n, before[i].coil)
			}
			return nil
		}})
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(said)
}

// inputNumber checks the number of a bay or of an input.
func inputNumber(s string) error {
	if n, err := strconv.Atoi(s); err != nil || n < 0 || n > 999 {
		return errors.New("want a number from 1 to 999, or 0")
	}
	return nil
}

func (w *wizard) whichMeter(ctx context.Context, p *plan, left []meterAt) (int, error) {
	var names []string
	for _, m := range left {
		names = append(names, m.String())
	}
	said, err := w.ask(ctx, question{
		title:   fmt.Sprintf("Which meter is behind bay %d? Its serial number is on its plate", p.number),
		options: names, def: names[0]})
	return slices.Index(names, said), err
}

// aboutBay asks what no device tells.
func (w *wizard) aboutBay(ctx context.Context, p *plan, before []plan) error {
	if p.number == 0 {
		return nil
	}
	input := func(what string, to *int) func() error {
		return func() error {
			*to = -1
			check := func(s string) error {
				n, err := strconv.Atoi(s)
				if err != nil || n < 0 || n >= p.board.inputs {
					return fmt.Errorf("want one of the board's inputs, 0 to %d", p.board.inputs-1)
				}
				return p.free(n, to == &p.emergency, before)
			}
			title := fmt.Sprintf("Which input of bay %d %s, if one is wired", p.number, what)
			said, err := w.ask(ctx, question{title: title, optional: true, check: check})
			if err == nil && said != "" {
				*to, err = strconv.Atoi(said)
			}
			return err
		}
	}
	return steps(
		func() error { return w.powerAndEVSE(ctx, p, before) },
		input("tells that the vehicle asks for energy", &p.requesting),
		input("is the emergency stop's, made while all is well", &p.emergency),
	)
}

// powerAndEVSE asks what every bay has.
func (w *wizard) powerAndEVSE(ctx context.Context, p *plan, before []plan) error {
	return steps(
		func() error {
			said, err := w.ask(ctx, question{title: fmt.Sprintf("Most power of bay %d in watt", p.number), def: "22000",
				help: "What its wires bear, as 22000. A meter that counts more is not believed.",
				check: func(s string) error {
					n, _ := strconv.Atoi(s) // what is no number is none of watts
					return watts(n)
				}})
			if err == nil {
				p.max, err = strconv.Atoi(said)
			}
			return err
		},
		func() (err error) {
			p.evse, err = w.ask(ctx, question{title: fmt.Sprintf("EVSE id of bay %d", p.number), optional: true,
				help: "As DE*ABC*E001: for receipts and a back office.",
				check: func(s string) error {
					other := *p
					other.evse = s
					return errors.Join(evseID(s), other.conflict(configs(before)))
				}})
			return err
		},
	)
}

// evsePattern is an EVSE id as ISO 15118-2 and eMI3 have it: country, operator, E and the rest.
var evsePattern = regexp.MustCompile(`^[A-Z]{2}\*?[A-Z0-9]{3}\*?E[A-Z0-9][A-Z0-9*]{0,30}$`)

func evseID(s string) error {
	if !evsePattern.MatchString(s) {
		return errors.New("want an EVSE id such as DE*ABC*E001: country, operator, E and a number")
	}
	return nil
}

// free tells whose a board's input is already. One emergency stop may be for several bays.
func (b plan) free(n int, emergency bool, others []plan) error {
	for _, o := range append(slices.Clone(others), b) {
		if o.gpio != nil || o.boardAt != b.boardAt || o.board.unit != b.board.unit {
			continue
		}
		for _, x := range []struct {
			n    int
			what string
		}{
			{o.plugged, "tells of a vehicle"}, {o.feedback, "is the contactor's feedback"},
			{o.requesting, "tells that the vehicle asks for energy"},
		} {
			if x.n == n {
				return fmt.Errorf("input %d %s at bay %d", n, x.what, o.number)
			}
		}
		if o.emergency == n && !emergency {
			return fmt.Errorf("input %d is the emergency stop's at bay %d", n, o.number)
		}
	}
	return nil
}

// pluggedInput is the input that tells of a vehicle: the one that moves when one is plugged in. While
// it is, more may be found out.
func (w *wizard) pluggedInput(ctx context.Context, b boardAt, p *plan, before []plan, meanwhile func() error) error {
	p.plugged = -1
	for {
		moved, err := w.pluggedIn(ctx, b, p.number, p.feedback)
		if err != nil {
			return err
		}
		options := []string{"none"}
		for _, i := range slices.Backward(moved) {
			if p.free(i, false, before) == nil {
				options = append([]string{strconv.Itoa(i)}, options...)
			}
		}
		check := func(s string) error {
			if i, err := strconv.Atoi(s); err == nil && slices.Contains(moved, i) {
				return p.free(i, false, before)
			}
			if s != "none" {
				return fmt.Errorf("want %s", strings.Join(options, " or "))
			}
			return nil
		}
		title := fmt.Sprintf("Moved: %s. Which input tells that a vehicle is plugged in at bay %d "+
			"(none: it was another bay)", joined(moved), p.number)
		said, err := w.ask(ctx, question{title: title, def: options[0], check: check})
		if err != nil {
			return err
		}
		if said == "none" {
			if err := w.done(ctx, "Unplug it. Done?"); err != nil {
				return err
			}
			continue
		}
		p.plugged, err = strconv.Atoi(said)
		if err != nil {
			return err
		}
		return errors.Join(meanwhile(), w.unplugged(ctx, b, p.plugged))
	}
}

func joined(numbers []int) string {
	var out []string
	for _, n := range numbers {
		out = append(out, strconv.Itoa(n))
	}
	return strings.Join(out, ", ")
}

// done waits for a person who did something.
func (w *wizard) done(ctx context.Context, question string) error {
	ok, err := w.sure(ctx, question, true)
	if err == nil && !ok {
		err = errors.New("given up: nothing was changed")
	}
	return err
}

// pluggedIn are the inputs that move when a person plugs in.
func (w *wizard) pluggedIn(ctx context.Context, b boardAt, bay, feedback int) (moved []int, err error) {
	bus, err := modbus.NewBus(b.line.address)
	if err != nil {
		return nil, err
	}
	defer bus.Close()
	read := func() ([]bool, error) { return inputs(ctx, bus, b.foundBoard) }
	before, err := read()
	if err != nil {
		return nil, err
	}
	move := func(in []bool) bool {
		moved = nil
		for i := range in {
			if !before[i] && in[i] && i != feedback {
				moved = append(moved, i)
			}
			before[i] = before[i] && in[i] // what was plugged in too early may be unplugged and plugged in
		}
		return len(moved) > 0
	}
	question := fmt.Sprintf("Plug a vehicle or a test plug in at bay %d now. Done?", bay)
	for len(moved) == 0 {
		if err := w.done(ctx, question); err != nil {
			return nil, err
		}
		if _, err := settled(ctx, read, move); err != nil {
			return nil, err
		}
		question = "No input moved. Look at its wire; if it is plugged in already unplug it, say yes, " +
			"and plug it in. Done?"
	}
	return moved, nil
}

// unplugged waits for a person to unplug what an input tells of. Other bays are no matter of its.
func (w *wizard) unplugged(ctx context.Context, b boardAt, told int) error {
	bus, err := modbus.NewBus(b.line.address)
	if err != nil {
		return err
	}
	defer bus.Close()
	read := func() ([]bool, error) { return inputs(ctx, bus, b.foundBoard) }
	free := func(in []bool) bool { return !in[told] }
	for question := "Unplug it again. Done?"; ; question = "It is still told of. Unplug it. Done?" {
		if err := w.done(ctx, question); err != nil {
			return err
		}
		now, err := settled(ctx, read, free)
		if err != nil || free(now) {
			return err
		}
	}
}
