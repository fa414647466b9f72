package site

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"periph.io/x/conn/v3/driver/driverreg"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/gpio/gpioreg"
	"periph.io/x/host/v3/gpioioctl"

	"kioskd"
	"kioskd/api"
	"kioskd/config"
	"kioskd/hw"
	"kioskd/meter"
	"kioskd/meter/dcbm"
	"kioskd/meter/model"
	"kioskd/meter/sign"
	"kioskd/modbus"
	"kioskd/session"
	"kioskd/store"
)

// devices are the bays' devices and the lines that they share.
type devices struct {
	Bays  []session.Bay
	buses map[string]*modbus.Bus
	pins  []interface{ Close() } // the kernel gives a line to one program
}

func (d *devices) Close(log *slog.Logger) {
	for address, b := range d.buses {
		if err := b.Close(); err != nil {
			log.Warn("line did not close", "address", address, "error", err)
		}
	}
	for _, p := range d.pins {
		p.Close()
	}
}

// open opens every contactor: energy that cannot be recorded must not flow, also when it
// was an earlier process that let it.
func (d *devices) open() (err error) {
	for _, b := range d.Bays {
		if b.Contactor != nil { // a bay's devices may be missing
			err = errors.Join(err, b.Contactor.Open())
		}
	}
	return err
}

// lines are the buses with what they counted, by address.
func (d *devices) lines() (out []countedLine) {
	for _, address := range slices.Sorted(maps.Keys(d.buses)) {
		out = append(out, countedLine{address, &d.buses[address].Stats})
	}
	return out
}

// exchanged pins each meter that was exchanged at the screen, as long as the configuration
// still names the one before.
func (d *devices) exchanged(ctx context.Context, journal *store.Store) error {
	var all []session.SwapBody
	for r, err := range journal.Newest(ctx, string(session.MeterSwapped)) {
		if err != nil {
			return err
		}
		e, err := session.FromRecord(r)
		if err != nil {
			return err
		}
		all = append(all, e.Body.(session.SwapBody))
	}
	for _, e := range slices.Backward(all) { // one after the other: a bay may have had three meters
		for _, b := range d.Bays {
			if g, ok := b.Meter.(*meter.Guard); ok && b.Number == e.Bay && e.Old != nil && g.Serial() == e.Old.Serial {
				g.Pin(e.Reading.Serial)
			}
		}
	}
	return nil
}

func (d *devices) bus(address string) (*modbus.Bus, error) {
	if b, ok := d.buses[address]; ok {
		return b, nil
	}
	b, err := modbus.NewBus(address)
	if err != nil {
		return nil, err
	}
	d.buses[address] = b
	return b, nil
}

// OpenDevices opens the devices of all bays, or none.
func OpenDevices(c *config.Config) (*devices, error) {
	d, err := openDevices(c)
	if err != nil {
		d.Close(QuietLog())
		return nil, err
	}
	return d, nil
}

// openDevices opens what it can. A device that cannot be opened is missing where it would be asked, and is the error;
// those of the other bays are there all the same: their contactors may have to be opened.
func openDevices(c *config.Config) (d *devices, err error) {
	d = &devices{buses: map[string]*modbus.Bus{}}
	boards := map[string]*hw.Board{}
	for _, b := range c.Bays {
		bay := session.Bay{Number: b.Number, EVSE: b.EVSE}
		noMeter := d.openMeter(b, &bay)
		var noInputs error
		switch {
		case b.Charger != nil: // it connects by itself
			bay.Inputs = missing{errNoDaemon}
		case b.Board == "":
			noInputs = d.openPins(b, &bay)
		default:
			noInputs = d.openBoard(c, b, boards, &bay)
		}
		if noInputs != nil {
			bay.Inputs = missing{noInputs}
		}
		if why := cmp.Or(noMeter, noInputs); why != nil {
			err = errors.Join(err, fmt.Errorf("bay %d: %w", b.Number, why))
		}
		d.Bays = append(d.Bays, bay)
	}
	return d, err
}

// openMeter opens a bay's meter; without a daemon a charger's register cannot be asked for.
func (d *devices) openMeter(b config.Bay, bay *session.Bay) error {
	if b.ChargerCounts() {
		bay.Meter = missing{errNoDaemon}
		return nil
	}
	if b.Model == nil { // as while a site is set up
		bay.Meter = missing{errors.New("its model is not known yet")}
		return nil
	}
	register, signs, err := d.meterOf(b)
	if err == nil && b.Key != nil {
		bay.Signer, err = meter.NewSigned(signs, *b.Key, b.Model.Step)
	}
	if err != nil {
		bay.Meter = missing{err}
		return err
	}
	bay.Meter = meter.NewGuard(register, b.Register(), b.Serial)
	return nil
}

// meterOf is a bay's meter, and what lets it sign; nil where it does not.
func (d *devices) meterOf(b config.Bay) (register kiosk.Meter, signs sign.Meter, err error) {
	if b.HTTP() {
		m, err := dcbm.New(b.MeterAddr)
		return m, m, err
	}
	bus, err := d.bus(b.MeterAddr)
	if err == nil && b.Key != nil {
		signs, err = meter.Signer(bus, byte(b.MeterUnit), b.Model)
	}
	if err != nil {
		return nil, nil, err
	}
	return meter.New(bus, byte(b.MeterUnit), b.Model), signs, nil
}

// missing stands in for a meter, or inputs, that could not be opened.
type missing struct{ why error }

func (m missing) Read(context.Context) (kiosk.Reading, error)     { return kiosk.Reading{}, m.why }
func (m missing) Inputs(context.Context) (kiosk.BayInputs, error) { return kiosk.BayInputs{}, m.why }

// openBoard takes a bay's coil and inputs of an I/O board, which bays share.
func (d *devices) openBoard(c *config.Config, b config.Bay, boards map[string]*hw.Board, bay *session.Bay) error {
	bus, err := d.bus(b.Board)
	if err != nil {
		return err
	}
	key := fmt.Sprint(b.Board, b.BoardUnit)
	if boards[key] == nil {
		boards[key] = hw.NewBoard(bus, byte(b.BoardUnit), boardInputs(c, b))
	}
	bay.Contactor = boards[key].Contactor(b.Coil)
	bay.Inputs = &hw.BoardInputs{Board: boards[key], Plugged: b.Plugged, Requesting: b.Requesting,
		Feedback: b.Feedback, Emergency: b.Emergency}
	return nil
}

// boardInputs is how many inputs of a board must be read.
func boardInputs(c *config.Config, of config.Bay) int {
	n := 0
	for _, b := range c.Bays {
		if b.Board == of.Board && b.BoardUnit == of.BoardUnit {
			n = max(n, slices.Max([]int{b.Plugged, b.Requesting, b.Feedback, b.Emergency})+1)
		}
	}
	return n
}

// openPins takes a bay's GPIO lines through the kernel's character device alone: periph's
// board drivers map memory, which on some computers is the wrong memory.
func (d *devices) openPins(b config.Bay, bay *session.Bay) error {
	if _, err := driverreg.Init(); err != nil {
		return fmt.Errorf("cannot set up GPIO: %w", err)
	}
	if len(gpioioctl.Chips) == 0 {
		return errors.New("this computer has no GPIO chip")
	}
	pins := map[string]gpio.PinIO{}
	var none error
	for name, pin := range b.GPIO {
		p := gpioreg.ByName(pin)
		if p == nil {
			none = fmt.Errorf("there is no GPIO line %q", pin)
			continue
		}
		pins[name] = p
		if c, ok := p.(interface{ Close() }); ok {
			d.pins = append(d.pins, c)
		}
	}
	if p, ok := pins["contactor"]; ok {
		bay.Contactor = &hw.PinContactor{Pin: p, ActiveLow: b.ActiveLow}
	}
	if none != nil {
		return none
	}
	in := &hw.PinInputs{Plugged: pins["plugged"], Feedback: pins["feedback"]}
	if p, ok := pins["requesting"]; ok {
		in.Requesting = p
	}
	if p, ok := pins["emergency"]; ok {
		in.Emergency = p
	}
	bay.Inputs = in
	return in.Setup()
}

// Scan asks who answers on the lines of the site, beside what the daemon asks there. Of units that the
// configuration knows it says what it knows: they are asked all the time.
func (o *office) Scan(ctx context.Context, first, last int) (out []api.Unit, err error) {
	models, err := model.Load(config.MeterFolder(o.c.Folder))
	if err != nil {
		return nil, err
	}
	for _, address := range o.c.MeterLines() {
		known := func(unit int) bool {
			_, is := unitAt(o.c, address, unit)
			return is
		}
		for unit := max(first, 1); unit <= min(last, 247); unit++ {
			if one, is := unitAt(o.c, address, unit); is {
				out = append(out, one)
			}
		}
		err := meter.Scan(ctx, o.devices.buses[address], max(first, 1), min(last, 247), models, func(int) {}, known,
			func(f meter.Found) { out = append(out, unitOf(f, address)) })
		if err != nil {
			return out, err
		}
	}
	slices.SortStableFunc(out, api.Unit.Compare)
	return out, nil
}

func unitOf(f meter.Found, address string) api.Unit {
	return api.Unit{Unit: f.Unit, Vendor: f.Vendor, Model: f.Model, Serial: f.Serial, Why: f.Why, May: f.May,
		Line: address}
}

// unitAt is what the configuration says of a unit on a line.
func unitAt(c *config.Config, address string, unit int) (api.Unit, bool) {
	for _, b := range c.Bays {
		why := fmt.Sprintf("bay %d", b.Number)
		switch {
		case b.MeterAddr == address && b.MeterUnit == unit:
			return api.Unit{Unit: unit, Vendor: b.Model.Vendor, Model: b.Model.Name, Serial: b.Serial, Why: why,
				Line: address}, true
		case b.Board == address && b.BoardUnit == unit:
			return api.Unit{Unit: unit, Vendor: "I/O board", Why: why, Line: address}, true
		}
	}
	return api.Unit{}, false
}
