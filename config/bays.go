package config

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"kioskd"
	"kioskd/line"
	"kioskd/meter/dcbm"
	"kioskd/meter/model"
	"kioskd/meter/ocmf"
	"kioskd/strict"
)

func (r *configReader) bays(c *Config, n *yaml.Node, dir string) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.Fault(n, "bays: want a list with at least one bay")
		return
	}
	find := r.models(n, MeterFolder(dir))
	numbers := map[int]bool{}
	for _, item := range n.Content {
		b := Bay{Requesting: -1, Emergency: -1}
		power, switches, meters := 0, 0, 0
		r.Mapping(item, "bay", map[string]func(*yaml.Node){
			"number!": r.Number(&b.Number, 1, 999), "evse_id": r.Text(&b.EVSE),
			"max_power_w!": r.Number(&power, LeastPower, MostPower),
			"meter":        func(n *yaml.Node) { meters++; r.meter(&b, n, find) },
			"board":        func(n *yaml.Node) { switches++; r.board(&b, n) },
			"gpio":         func(n *yaml.Node) { switches++; r.gpio(&b, n) },
			"charger":      func(n *yaml.Node) { r.charger(&b, n, dir) },
		})
		switch {
		case item.Kind != yaml.MappingNode:
		case b.Charger != nil && switches > 0:
			r.Fault(item, "bay: a charger switches itself: want no board or gpio beside it")
		case b.Charger == nil && meters == 0:
			r.Fault(item, "bay: meter is missing")
		case b.Charger == nil && switches != 1:
			r.Fault(item, "bay: want board or gpio, one of the two")
		}
		if b.Number != 0 && numbers[b.Number] {
			r.Fault(item, "bay: number %d is there twice", b.Number)
		}
		numbers[b.Number] = true
		for _, what := range b.Taken(c.Bays) {
			r.Fault(item, "bay %d: %s", b.Number, what)
		}
		b.MaxPower = kiosk.Power(power)
		c.Bays = append(c.Bays, b)
	}
}

// ChargerCounts tells whether the bay's charger is its meter.
func (b Bay) ChargerCounts() bool { return b.Charger != nil && b.MeterAddr == "" }

// Register is what the bay's meter may count.
func (b Bay) Register() kiosk.Register {
	r := kiosk.Register{MaxPower: b.MaxPower}
	if b.Model != nil {
		r.Modulus, r.Step = kiosk.Energy(b.Model.Modulus), kiosk.Energy(b.Model.Step)
	}
	return r
}

// portOf is the line of an address, by whatever name.
func portOf(address string) string {
	a, err := line.Parse(address, 1)
	if err != nil { // which is said where it stands
		return address
	}
	return a.Port()
}

// Own is what no other bay may have, as far as it is known.
func (b Bay) Own() (out []string) {
	if b.HTTP() {
		out = append(out, "the meter at "+strings.ToLower(strings.TrimSuffix(b.MeterAddr, "/")))
	}
	if b.MeterUnit != 0 && b.MeterAddr != "" {
		out = append(out, fmt.Sprintf("meter unit %d at %s", b.MeterUnit, portOf(b.MeterAddr)))
	}
	if b.Serial != "" {
		out = append(out, "the meter with the serial number "+b.Serial)
	}
	if b.EVSE != "" {
		out = append(out, "the EVSE id "+b.EVSE)
	}
	if b.Charger != nil {
		out = append(out, fmt.Sprintf("connector %d of charger %s", b.Charger.Connector, b.Charger.ID))
		slices.Sort(out)
		return out
	}
	out = append(out, b.on("coil", b.Coil)...)
	for _, input := range []int{b.Plugged, b.Feedback, b.Requesting} {
		out = append(out, b.on("input", input)...)
	}
	for name, pin := range b.GPIO {
		if name != "emergency" {
			out = append(out, "GPIO line "+pin)
		}
	}
	slices.Sort(out)
	return out
}

// stop is the input of the emergency stop, which several bays may have.
func (b Bay) stop() []string {
	if b.Charger != nil {
		return nil
	}
	if pin := b.GPIO["emergency"]; pin != "" {
		return []string{"GPIO line " + pin}
	}
	return b.on("input", b.Emergency)
}

// on is a coil or an input of the bay's board, where both are known.
func (b Bay) on(what string, n int) []string {
	if b.Board == "" || b.BoardUnit == 0 || n < 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s %d of board %d at %s", what, n, b.BoardUnit, portOf(b.Board))}
}

// Taken tells what of a bay has another meaning already, at another bay or its own: two drivers would pay for the same
// energy, one's hold would switch the other's power, or a pressed stop would be taken for a vehicle.
func (b Bay) Taken(others []Bay) (out []string) {
	own, stops := map[string]int{}, map[string]int{}
	for _, o := range others {
		for _, what := range o.Own() {
			own[what] = o.Number
		}
		for _, what := range o.stop() {
			stops[what] = o.Number
		}
	}
	tell := func(what string, of map[string]int) {
		if n, ok := of[what]; ok {
			out = append(out, fmt.Sprintf("%s is bay %d's already", what, n))
		}
	}
	for _, what := range b.Own() {
		tell(what, own)
		tell(what, stops)
		own[what] = b.Number
	}
	for _, what := range b.stop() {
		tell(what, own)
	}
	for _, other := range append(slices.Clone(others), b) {
		if n := cmp.Or(sharedUnit(b, other), sharedUnit(other, b)); n != 0 {
			return append(out, fmt.Sprintf("a meter and a board have the unit number %d on one line", n))
		}
	}
	return out
}

// sharedUnit is the unit number that the meter of a bay and a board have on one line; 0 for none.
func sharedUnit(meter, board Bay) int {
	if meter.MeterAddr == "" || board.Board == "" || meter.MeterUnit != board.BoardUnit ||
		portOf(meter.MeterAddr) != portOf(board.Board) {
		return 0
	}
	return meter.MeterUnit
}

// MeterFolder is where a site has its own files of meters, beside its configuration in dir.
func MeterFolder(dir string) string { return filepath.Join(dir, "meters") }

// models finds meters by their names. Faults in the site's own files are faults of the configuration.
func (r *configReader) models(n *yaml.Node, folder string) func(name string) (*model.Model, error) {
	find, err := model.Finder(folder)
	var bad *strict.Error
	switch {
	case errors.As(err, &bad):
		for _, line := range bad.Faults {
			place, what, _ := strings.Cut(line, ": ")
			r.FaultAt(n, place, what)
		}
	case err != nil:
		r.Fault(n, "%v", err)
	}
	if err != nil { // a name that only a bad file has is no second fault
		return func(string) (*model.Model, error) { return &model.Model{}, nil }
	}
	return find
}

func (r *configReader) meter(b *Bay, n *yaml.Node, find func(name string) (*model.Model, error)) {
	accepted := false
	var at, key, unit *yaml.Node
	r.Mapping(n, "meter", map[string]func(*yaml.Node){
		"address!": r.meterAddress(b), "serial": r.Text(&b.Serial),
		"unit":              func(n *yaml.Node) { unit = n; r.Number(&b.MeterUnit, 1, 247)(n) },
		"accept_unverified": r.Boolean(&accepted),
		"public_key":        func(n *yaml.Node) { key = n },
		"model!": func(n *yaml.Node) {
			m, err := find(n.Value)
			if slices.Contains(overHTTP(), n.Value) {
				m, err = &model.Model{Vendor: "LEM", Name: n.Value, Phases: 1, Step: 1, Signing: "http"}, nil
			}
			if err != nil {
				r.Fault(n, "meter.model: %v", err)
			}
			b.Model, at = m, n
		},
	})
	switch {
	case b.MeterAddr == "" || b.Model == nil: // which is said
	case b.HTTP() != slices.Contains(overHTTP(), b.Model.Name):
		r.Fault(n, "meter: want address http://HOST for the models %s, and for no other",
			strings.Join(overHTTP(), ", "))
	case !b.HTTP() && unit == nil:
		r.Fault(n, "meter: unit is missing")
	case b.HTTP() && unit != nil:
		r.Fault(n, "meter: want no unit beside an address of HTTP")
	}
	if key != nil {
		r.publicKey(b, key)
	}
	if b.Model != nil && b.Model.Unverified != "" && !accepted {
		r.Fault(at, "meter.model: what is known of the %v is not verified (%s): compare what kioskd meter read says "+
			"with its display, and say accept_unverified: true", b.Model, b.Model.Unverified)
	}
}

// overHTTP are the models that speak HTTP, and not Modbus.
func overHTTP() []string { return []string{"DCBM-400", "DCBM-600"} }

// HTTP tells whether the bay's meter speaks HTTP.
func (b Bay) HTTP() bool { return strings.HasPrefix(b.MeterAddr, "http:") }

// meterAddress reads where a meter is.
func (r *configReader) meterAddress(b *Bay) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if !strings.HasPrefix(n.Value, "http:") {
			r.address(&b.MeterAddr, 1)(n)
			return
		}
		if _, err := dcbm.New(n.Value); err != nil {
			r.Fault(n, "meter.address: %v", err)
		}
		b.MeterAddr = n.Value
	}
}

// publicKey reads the key with which a bay's sales are signed.
func (r *configReader) publicKey(b *Bay, n *yaml.Node) {
	if b.Model != nil && b.Model.Name != "" && b.Model.Signing == "" {
		r.Fault(n, "meter.public_key: the %v signs nothing", b.Model)
	}
	if b.Model != nil && b.Model.Signing != "" && b.Model.Modulus > 0 {
		r.Fault(n, "meter.public_key: the register of the %v begins again at 0, and no record across that proves "+
			"a sale", b.Model)
	}
	key, err := ocmf.ParseKey(n.Value, "")
	if err != nil {
		r.Fault(n, "meter.public_key: %v", err)
		return
	}
	b.Key = &key
}

func (r *configReader) board(b *Bay, n *yaml.Node) {
	b.Coil, b.Plugged, b.Feedback = -1, -1, -1
	r.Mapping(n, "board", map[string]func(*yaml.Node){
		"address!": r.address(&b.Board, 1), "unit!": r.Number(&b.BoardUnit, 1, 247),
		"coil!":    r.Number(&b.Coil, 0, 65535),
		"plugged!": r.Number(&b.Plugged, 0, 1999), "requesting": r.Number(&b.Requesting, 0, 1999),
		"feedback!": r.Number(&b.Feedback, 0, 1999),
		"emergency": r.Number(&b.Emergency, 0, 1999),
	})
}

func (r *configReader) gpio(b *Bay, n *yaml.Node) {
	pins := map[string]*string{"contactor": new(string), "plugged": new(string), "requesting": new(string),
		"feedback": new(string), "emergency": new(string)}
	r.Mapping(n, "gpio", map[string]func(*yaml.Node){
		"contactor!": r.Text(pins["contactor"]), "plugged!": r.Text(pins["plugged"]),
		"requesting": r.Text(pins["requesting"]),
		"feedback!":  r.Text(pins["feedback"]), "emergency": r.Text(pins["emergency"]),
		"active_low": r.Boolean(&b.ActiveLow),
	})
	b.GPIO = map[string]string{}
	for name, pin := range pins {
		if *pin != "" {
			b.GPIO[name] = *pin
		}
	}
	if b.GPIO["requesting"] != "" {
		b.Requesting = 0
	}
}

// A bay's power in W: less than any vehicle takes is a number of kW.
const LeastPower, MostPower = 1000, 100_000_000

// MeterLines are the lines that meters hang on, in order.
func (c *Config) MeterLines() (out []string) {
	for _, b := range c.Bays {
		if b.MeterAddr != "" && !b.HTTP() {
			out = append(out, b.MeterAddr)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
