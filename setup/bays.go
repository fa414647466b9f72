package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"go.yaml.in/yaml/v3"

	"kioskd"
	"kioskd/cli"
	"kioskd/config"
	"kioskd/meter"
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
	charger     *config.Charger // in place of a contactor, and of a meter where meterAt is empty
	password    string          // file of the charger's; empty for none
	key         string          // that the meter signs each sale with; empty where none is signed
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
	named := len(w.flags.Bays) > 0 || w.unattended
	for right := false; !right; {
		if named {
			plans, err = w.plansOfFlags(ctx)
		} else {
			plans, err = w.plansOfPeople(ctx)
		}
		if err != nil {
			return err
		}
		if len(plans) == 0 {
			return cli.Usagef("setup: no bay was named: with --yes, each wants a --bay")
		}
		if err := w.summary(plans); err != nil {
			return err
		}
		if named { // the host named them: they know them
			return w.writeBays(plans)
		}
		right, err = w.sure(ctx, "Is this right?", true)
		if err != nil {
			return err
		}
	}
	if err := w.signing(ctx, plans); err != nil {
		return err
	}
	return w.writeBays(plans)
}

// summary shows which devices belong to which bay.
func (w *wizard) summary(plans []plan) error {
	fmt.Fprintln(w.Out)
	t := tabwriter.NewWriter(w.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "BAY\tCONTACTOR\tPLUGGED\tFEEDBACK\tREQUESTING\tEMERGENCY\tMETER\tEVSE ID")
	input := func(b plan, name string, n int) string {
		switch {
		case b.gpio != nil:
			return cmp.Or(b.gpio[name], "-")
		case n < 0:
			return "-"
		}
		return fmt.Sprintf("input %d", n)
	}
	for _, b := range plans {
		contactor := fmt.Sprintf("coil %d of board %d", b.coil, b.board.unit)
		switch {
		case b.charger != nil:
			contactor = fmt.Sprintf("connector %d of charger %s", b.charger.Connector, b.charger.ID)
		case b.gpio != nil:
			contactor = b.gpio["contactor"]
		}
		meter := "its own"
		if b.meterAt != "" {
			meter = fmt.Sprintf("%s %s, unit %d", b.meter.Model, b.meter.Serial, b.meter.Unit)
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", b.number, contactor, input(b, "plugged", b.plugged),
			input(b, "feedback", b.feedback), input(b, "requesting", b.requesting),
			input(b, "emergency", b.emergency), meter, cmp.Or(b.evse, "-"))
	}
	return t.Flush()
}

// conflict tells what of a bay is another's, too, or has two meanings.
func (b plan) conflict(others []config.Bay) error {
	for _, o := range others {
		if o.Number == b.number {
			return fmt.Errorf("bay %d is there already, with %s", o.Number, o.Own()[0])
		}
	}
	if taken := b.config().Taken(others); len(taken) > 0 {
		return errors.New(taken[0])
	}
	return nil
}

// plansOfFlags finds the devices that --bay names, and closes each contactor for a moment.
func (w *wizard) plansOfFlags(ctx context.Context) (out []plan, err error) {
	for _, text := range w.flags.Bays {
		b, err := w.planOfFlag(text)
		if err != nil {
			return nil, cli.Usagef("setup: --bay %q: %w", text, err)
		}
		out = append(out, b)
	}
	others := w.staying(out)
	for i, b := range out {
		if err := b.conflict(append(others, configs(out[:i])...)); err != nil {
			return nil, cli.Usagef("setup: --bay %q: %w", w.flags.Bays[i], err)
		}
	}
	if err := w.proveChargers(ctx, out); err != nil {
		return nil, err
	}
	if w.flags.NoPulse {
		return out, nil
	}
	for _, b := range out {
		if b.charger != nil {
			continue
		}
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
func (b plan) config() config.Bay {
	return config.Bay{Number: b.number, EVSE: b.evse, MaxPower: kiosk.Power(b.max), Charger: b.charger,
		MeterAddr: b.meterAt, MeterUnit: b.meter.Unit, Serial: b.meter.Serial,
		Board: b.boardAt, BoardUnit: b.board.unit, Coil: b.coil, Plugged: b.plugged, Requesting: b.requesting,
		Feedback: b.feedback, Emergency: b.emergency, GPIO: b.gpio, ActiveLow: b.activeLow}
}

func configs(plans []plan) (out []config.Bay) {
	for _, b := range plans {
		out = append(out, b.config())
	}
	return out
}

// staying are the bays of the configuration that plans leave as they are. What cannot be read of it is told when it is
// written.
func (w *wizard) staying(plans []plan) []config.Bay {
	had, err := config.Read(w.file.Path)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(had.Bays, func(had config.Bay) bool {
		return slices.ContainsFunc(plans, func(b plan) bool { return b.number == had.Number })
	})
}

// flagWords are the words of a --bay, NAME=VALUE each.
func flagWords(text string) (map[string]string, error) {
	words := map[string]string{}
	for _, word := range strings.Fields(text) {
		key, value, ok := strings.Cut(word, "=")
		if !ok || value == "" {
			return nil, fmt.Errorf("%q: want NAME=VALUE", word)
		}
		if words[key] != "" {
			return nil, fmt.Errorf("%s is there twice", key)
		}
		words[key] = value
	}
	return words, nil
}

// parsePlan reads a --bay: what it says of the bay, the serial number of its meter, and the unit of
// its board, 0 for the only one.
func parsePlan(text string) (b plan, serial string, unit int, err error) {
	b = plan{coil: -1, plugged: -1, feedback: -1, requesting: -1, emergency: -1, max: 22000}
	words, err := flagWords(text)
	if err != nil {
		return b, "", 0, err
	}
	if words["contactor"] != "" {
		b.gpio = map[string]string{}
	}
	if words["charger"] != "" {
		b.charger = &config.Charger{ID: words["charger"]}
		return b, words["meter"], 0, b.parseCharger(words)
	}
	numbers := map[string]*int{"number": &b.number, "max": &b.max, "coil": &b.coil, "board": &unit,
		"plugged": &b.plugged, "feedback": &b.feedback, "requesting": &b.requesting, "emergency": &b.emergency}
	for key, value := range words {
		switch {
		case key == "evse":
			b.evse = value
			if err := evseID(value); err != nil {
				return b, "", 0, fmt.Errorf("evse: %q: %w", value, err)
			}
		case key == "meter":
			serial = value
		case b.gpio != nil && key == "active_low":
			b.activeLow = value == "true"
			if value != "true" && value != "false" {
				return b, "", 0, fmt.Errorf("active_low: %q: want true or false", value)
			}
		case b.gpio != nil && slices.Contains([]string{"contactor", "plugged", "feedback", "requesting", "emergency"},
			key):
			b.gpio[key] = value
		case numbers[key] != nil:
			*numbers[key], err = strconv.Atoi(value)
			if err != nil || *numbers[key] < 0 {
				return b, "", 0, fmt.Errorf("%s: %q is not a number", key, value)
			}
		default:
			return b, "", 0, fmt.Errorf("unknown %q: known are number, meter, coil, contactor, plugged, feedback, "+
				"requesting, emergency, active_low, max, evse, board, and charger with connector and password", key)
		}
	}
	err = watts(b.max)
	switch {
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

// watts checks the most power of a bay.
func watts(n int) error {
	if n < config.LeastPower || n > config.MostPower {
		return errors.New("want a number of watts: 22 kW are 22000")
	}
	return nil
}

func (w *wizard) planOfFlag(text string) (plan, error) {
	b, serial, unit, err := parsePlan(text)
	if err != nil || serial == "" { // a charger counts itself
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
	if b.gpio != nil || b.charger != nil {
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

// writeBays puts plans into the file; the other bays of a configuration that is there stay.
func (w *wizard) writeBays(plans []plan) error {
	list := w.file.At("bays")
	if list == nil {
		w.file.Set("bays", &yaml.Node{Kind: yaml.SequenceNode})
		list = w.file.At("bays")
	}
	next := &yaml.Node{Kind: yaml.SequenceNode, Content: slices.Clone(list.Content)}
	for _, b := range plans {
		at := slices.IndexFunc(next.Content, func(old *yaml.Node) bool {
			number := config.Child(old, "number")
			return number != nil && number.Value == strconv.Itoa(b.number)
		})
		if at >= 0 {
			keepKey(next.Content[at], &b)
		}
		n, err := b.node()
		if err != nil {
			return err
		}
		if at < 0 {
			next.Content = append(next.Content, n)
		} else {
			config.KeepComments(next.Content[at], n)
			next.Content[at] = n
		}
	}
	slices.SortStableFunc(next.Content, func(a, b *yaml.Node) int { return numberOf(a) - numberOf(b) })
	w.file.Set("bays", next)
	return nil
}

func numberOf(n *yaml.Node) int {
	number := config.Child(n, "number")
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
	if b.charger != nil {
		fmt.Fprintf(&s, "charger: {id: %q, connector: %d", b.charger.ID, b.charger.Connector)
		if b.password != "" {
			fmt.Fprintf(&s, ", password_file: %q", b.password)
		}
		s.WriteString("}\n")
	}
	if b.meterAt != "" {
		fmt.Fprintf(&s, "meter: {address: %q, unit: %d, model: %s, serial: %q", b.meterAt, b.meter.Unit,
			b.meter.Model, b.meter.Serial)
		if b.meter.Unverified != "" && b.meter.Compared {
			s.WriteString(", accept_unverified: true")
		}
		if b.key != "" {
			fmt.Fprintf(&s, ", public_key: %q", b.key)
		}
		s.WriteString("}\n")
	}
	if b.charger != nil {
		return config.Node("%s", s.String())
	}
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
		return config.Node("%s", s.String())
	}
	fmt.Fprintf(&s, "board: {address: %q, unit: %d, coil: %d, plugged: %d, feedback: %d", b.boardAt, b.board.unit,
		b.coil, b.plugged, b.feedback)
	for _, x := range []struct {
		key   string
		input int
	}{{"requesting", b.requesting}, {"emergency", b.emergency}} {
		if x.input >= 0 {
			fmt.Fprintf(&s, ", %s: %d", x.key, x.input)
		}
	}
	s.WriteString("}\n")
	return config.Node("%s", s.String())
}
