package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"kioskd"
	"kioskd/meter"
	"kioskd/modbus"
)

// plan is what is known of a bay while it is set up.
type plan struct {
	number, max int
	evse        string
	meter       meter.Found
	meterAt     string // line
	board       foundBoard
	boardAt     string
	coil        int
	plugged     int
	feedback    int
	requesting  int // -1 where no input tells
	emergency   int
	gpio        map[string]string // in place of a board
	activeLow   bool
}

// meterAt is a meter and its line.
type meterAt struct {
	meter.Found
	line foundLine
}

func (m meterAt) String() string {
	return fmt.Sprintf("%s %s, serial number %s, unit %d at %s", m.Vendor, m.Model, m.Serial, m.Unit, m.line.address)
}

func (w *wizard) meters() (out []meterAt) {
	for _, l := range w.found {
		for _, m := range l.meters {
			out = append(out, meterAt{m, l})
		}
	}
	return out
}

// boardAt is a board and its line.
type boardAt struct {
	foundBoard
	line foundLine
}

func (w *wizard) boards() (out []boardAt) {
	for _, l := range w.found {
		for _, b := range l.boards {
			out = append(out, boardAt{b, l})
		}
	}
	return out
}

// bays proves which meter, contactor and label belong together, and writes them down.
func (w *wizard) bays(ctx context.Context) error {
	var plans []plan
	var err error
	if len(w.flags.bays) > 0 || w.nobody {
		plans, err = w.plansOfFlags(ctx)
	} else {
		plans, err = w.plansOfPeople(ctx)
	}
	if err != nil {
		return err
	}
	if len(plans) == 0 {
		return usagef("setup: no bay was named: with --yes, each wants a --bay")
	}
	return w.writeBays(plans)
}

// plansOfFlags finds the devices that --bay names, and closes each contactor for a moment.
func (w *wizard) plansOfFlags(ctx context.Context) (out []plan, err error) {
	for _, text := range w.flags.bays {
		b, err := w.planOfFlag(text)
		if err != nil {
			return nil, usagef("setup: --bay %q: %w", text, err)
		}
		out = append(out, b)
	}
	if w.flags.noPulse {
		return out, nil
	}
	for _, b := range out {
		// All bays are looked at each time: a coil that is mistyped is another bay's.
		if err := w.free(ctx, out); err != nil {
			return nil, err
		}
		if err := w.provePulse(ctx, b, w.pluggedAt(out, b.boardAt, b.board.unit)); err != nil {
			return nil, fmt.Errorf("bay %d: %w", b.number, err)
		}
	}
	return out, nil
}

// config is a bay as the daemon knows it, but for the model of its meter.
func (b plan) config() bayConfig {
	return bayConfig{number: b.number, meterAddr: b.meterAt, meterUnit: b.meter.Unit, serial: b.meter.Serial, maxPower: kiosk.Power(b.max),
		board: b.boardAt, boardUnit: b.board.unit, coil: b.coil, plugged: b.plugged, requesting: b.requesting, feedback: b.feedback, emergency: b.emergency, gpio: b.gpio, activeLow: b.activeLow}
}

// parsePlan reads a --bay: what it says of the bay, the serial number of its meter, and the unit of
// its board, 0 for the only one.
func parsePlan(text string) (b plan, serial string, unit int, err error) {
	b = plan{coil: -1, plugged: -1, feedback: -1, requesting: -1, emergency: -1, max: 22000}
	words := map[string]string{}
	for _, word := range strings.Fields(text) {
		key, value, ok := strings.Cut(word, "=")
		if !ok || value == "" {
			return b, "", 0, fmt.Errorf("%q: want NAME=VALUE", word)
		}
		words[key] = value
	}
	if words["contactor"] != "" {
		b.gpio = map[string]string{}
	}
	numbers := map[string]*int{"number": &b.number, "max": &b.max, "coil": &b.coil, "board": &unit, "plugged": &b.plugged, "feedback": &b.feedback, "requesting": &b.requesting, "emergency": &b.emergency}
	for key, value := range words {
		switch {
		case key == "evse":
			b.evse = value
		case key == "meter":
			serial = value
		case b.gpio != nil && key == "active_low":
			if b.activeLow = value == "true"; value != "true" && value != "false" {
				return b, "", 0, fmt.Errorf("active_low: %q: want true or false", value)
			}
		case b.gpio != nil && slices.Contains([]string{"contactor", "plugged", "feedback", "requesting", "emergency"}, key):
			b.gpio[key] = value
		case numbers[key] != nil:
			if *numbers[key], err = strconv.Atoi(value); err != nil || *numbers[key] < 0 {
				return b, "", 0, fmt.Errorf("%s: %q is not a number", key, value)
			}
		default:
			return b, "", 0, fmt.Errorf("unknown %q: known are number, meter, coil, contactor, plugged, feedback, requesting, emergency, active_low, max, evse, board", key)
		}
	}
	switch err = watts(strconv.Itoa(b.max)); {
	case err != nil:
		err = fmt.Errorf("max: %w", err)
	case b.number == 0 || serial == "":
		err = errors.New("number and meter are needed")
	case b.gpio != nil && (b.gpio["plugged"] == "" || b.gpio["feedback"] == ""):
		err = errors.New("contactor, plugged and feedback are needed: names of GPIO lines")
	case b.gpio == nil && (b.coil < 0 || b.plugged < 0 || b.feedback < 0):
		err = errors.New("coil, plugged and feedback are needed: numbers of the board's coil and inputs")
	}
	return b, serial, unit, err
}

func watts(s string) error {
	if n, err := strconv.Atoi(s); err != nil || n < leastPower || n > mostPower {
		return errors.New("want a number of watts: 22 kW are 22000")
	}
	return nil
}

func (w *wizard) planOfFlag(text string) (plan, error) {
	b, serial, unit, err := parsePlan(text)
	if err != nil {
		return b, err
	}
	found := slices.DeleteFunc(w.meters(), func(m meterAt) bool { return m.Serial != serial })
	switch len(found) {
	case 0:
		return b, fmt.Errorf("no meter with the serial number %q answers; there are %s", serial, listed(w.meters()))
	case 1:
		b.meter, b.meterAt = found[0].Found, found[0].line.address
	default:
		return b, fmt.Errorf("two meters have the serial number %s", serial)
	}
	if b.gpio != nil {
		return b, nil
	}
	boards := slices.DeleteFunc(w.boards(), func(x boardAt) bool { return unit != 0 && x.unit != unit })
	switch {
	case len(boards) == 0:
		return b, errors.New("no board answers")
	case len(boards) > 1:
		return b, errors.New("there are several boards: say which with board=UNIT")
	case b.coil >= boards[0].coils:
		return b, fmt.Errorf("coil: want one of the board's, 0 to %d", boards[0].coils-1)
	}
	b.board, b.boardAt = boards[0].foundBoard, boards[0].line.address
	return b, nil
}

func listed(all []meterAt) string {
	if len(all) == 0 {
		return "none"
	}
	var names []string
	for _, m := range all {
		names = append(names, m.Serial)
	}
	return strings.Join(names, ", ")
}

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
			bay, rest, err := w.planOfPerson(ctx, b, coil, follow[0], left)
			if err != nil {
				return nil, err
			}
			if bay != nil {
				out, left = append(out, *bay), rest
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
			return rest, nil
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
	if said, err = w.ask(ctx, question{title: fmt.Sprintf("Most power of bay %d in watt", p.number), def: "22000", help: "What its wires bear, as 22000. A meter that counts more is not believed.", check: watts}); err != nil {
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

// writeBays puts plans into the file; the other bays of a configuration that is there stay.
func (w *wizard) writeBays(plans []plan) error {
	list := w.file.at("bays")
	if list == nil {
		w.file.set("bays", &yaml.Node{Kind: yaml.SequenceNode})
		list = w.file.at("bays")
	}
	next := &yaml.Node{Kind: yaml.SequenceNode, Content: slices.Clone(list.Content)}
	for _, b := range plans {
		n, err := b.node()
		if err != nil {
			return err
		}
		at := slices.IndexFunc(next.Content, func(old *yaml.Node) bool {
			number := child(old, "number")
			return number != nil && number.Value == strconv.Itoa(b.number)
		})
		if at < 0 {
			next.Content = append(next.Content, n)
		} else {
			next.Content[at] = n
		}
	}
	slices.SortStableFunc(next.Content, func(a, b *yaml.Node) int { return numberOf(a) - numberOf(b) })
	w.file.set("bays", next)
	return nil
}

func numberOf(n *yaml.Node) int {
	number := child(n, "number")
	if number == nil {
		return 0
	}
	v, err := strconv.Atoi(number.Value)
	if err != nil {
		return 0 // the check of the whole says so
	}
	return v
}

// node is a bay as the configuration has it.
func (b plan) node() (*yaml.Node, error) {
	var s strings.Builder
	fmt.Fprintf(&s, "number: %d\n", b.number)
	if b.evse != "" {
		fmt.Fprintf(&s, "evse_id: %q\n", b.evse)
	}
	fmt.Fprintf(&s, "max_power_w: %d\n", b.max)
	fmt.Fprintf(&s, "meter: {address: %q, unit: %d, model: %s, serial: %q}\n", b.meterAt, b.meter.Unit, b.meter.Model, b.meter.Serial)
	if b.gpio != nil {
		s.WriteString("gpio: {")
		for i, key := range []string{"contactor", "plugged", "feedback", "requesting", "emergency"} {
			if b.gpio[key] == "" {
				continue
			}
			if i > 0 {
				s.WriteString(", ")
			}
			fmt.Fprintf(&s, "%s: %s", key, b.gpio[key])
		}
		if b.activeLow {
			s.WriteString(", active_low: true")
		}
		s.WriteString("}\n")
		return yamlNode("%s", s.String())
	}
	fmt.Fprintf(&s, "board: {address: %q, unit: %d, coil: %d, plugged: %d, feedback: %d", b.boardAt, b.board.unit, b.coil, b.plugged, b.feedback)
	for _, x := range []struct {
		key   string
		input int
	}{{"requesting", b.requesting}, {"emergency", b.emergency}} {
		if x.input >= 0 {
			fmt.Fprintf(&s, ", %s: %d", x.key, x.input)
		}
	}
	s.WriteString("}\n")
	return yamlNode("%s", s.String())
}
