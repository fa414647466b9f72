package main

import (
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

	"kioskd/hw"
	"kioskd/meter"
	"kioskd/modbus"
	"kioskd/session"
	"kioskd/store"
)

// devices are the bays' devices and the lines that they share.
type devices struct {
	bays  []session.Bay
	buses map[string]*modbus.Bus
	pins  []interface{ Close() } // the kernel gives a line to one program
}

func (d *devices) close(log *slog.Logger) {
	for address, b := range d.buses {
		if err := b.Close(); err != nil {
			log.Warn("line did not close", "address", address, "error", err)
		}
	}
	for _, p := range d.pins {
		p.Close()
	}
}

// open opens every contactor: energy that nobody can record must not flow, also when it
// was an earlier process that let it.
func (d *devices) open() (err error) {
	for _, b := range d.bays {
		err = errors.Join(err, b.Contactor.Open())
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
		for _, b := range d.bays {
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

func openDevices(c *config) (*devices, error) {
	d := &devices{buses: map[string]*modbus.Bus{}}
	boards := map[string]*hw.Board{}
	for _, b := range c.bays {
		bus, err := d.bus(b.meterAddr)
		if err != nil {
			return nil, err
		}
		m := meter.New(bus, byte(b.meterUnit), b.model)
		bay := session.Bay{Number: b.number, EVSE: b.evse, Meter: meter.NewGuard(m, b.register(), b.serial)}
		if b.board == "" {
			if err := d.openPins(b, &bay); err != nil {
				return nil, fmt.Errorf("bay %d: %w", b.number, err)
			}
			d.bays = append(d.bays, bay)
			continue
		}
		bus, err = d.bus(b.board)
		if err != nil {
			return nil, err
		}
		key := fmt.Sprint(b.board, b.boardUnit)
		if boards[key] == nil {
			boards[key] = hw.NewBoard(bus, byte(b.boardUnit), boardInputs(c, b))
		}
		bay.Contactor = boards[key].Contactor(b.coil)
		bay.Inputs = &hw.BoardInputs{Board: boards[key], Plugged: b.plugged, Requesting: b.requesting,
			Feedback: b.feedback, Emergency: b.emergency}
		d.bays = append(d.bays, bay)
	}
	return d, nil
}

// boardInputs is how many inputs of a board must be read.
func boardInputs(c *config, of bayConfig) int {
	n := 0
	for _, b := range c.bays {
		if b.board == of.board && b.boardUnit == of.boardUnit {
			n = max(n, slices.Max([]int{b.plugged, b.requesting, b.feedback, b.emergency})+1)
		}
	}
	return n
}

// openPins takes a bay's GPIO lines through the kernel's character device alone: periph's
// board drivers map memory, which on some computers is the wrong memory.
func (d *devices) openPins(b bayConfig, bay *session.Bay) error {
	if _, err := driverreg.Init(); err != nil {
		return fmt.Errorf("cannot set up GPIO: %w", err)
	}
	if len(gpioioctl.Chips) == 0 {
		return errors.New("this computer has no GPIO chip")
	}
	pins := map[string]gpio.PinIO{}
	for name, pin := range b.gpio {
		p := gpioreg.ByName(pin)
		if p == nil {
			return fmt.Errorf("there is no GPIO line %q", pin)
		}
		pins[name] = p
		if c, ok := p.(interface{ Close() }); ok {
			d.pins = append(d.pins, c)
		}
	}
	in := &hw.PinInputs{Plugged: pins["plugged"], Feedback: pins["feedback"]}
	if p, ok := pins["requesting"]; ok {
		in.Requesting = p
	}
	if p, ok := pins["emergency"]; ok {
		in.Emergency = p
	}
	bay.Contactor, bay.Inputs = &hw.PinContactor{Pin: pins["contactor"], ActiveLow: b.activeLow}, in
	return in.Setup()
}

// scan asks who answers on the lines of the site, beside what the daemon asks there. Of units that the
// configuration knows it says what it knows: they are asked all the time.
func (o *office) scan(ctx context.Context, first, last int) (out []lineUnit, err error) {
	models, err := meter.Models()
	if err != nil {
		return nil, err
	}
	for _, address := range o.c.meterLines() {
		for unit := max(first, 1); unit <= min(last, 247); unit++ {
			if known, ok := o.c.unitAt(address, unit); ok {
				out = append(out, known)
				continue
			}
			found, ok, err := meter.Ask(ctx, o.devices.buses[address], byte(unit), models)
			if err != nil {
				return out, err
			}
			if ok {
				out = append(out, lineUnit{found, address})
			}
		}
	}
	return out, nil
}

// unitAt is what the configuration says of a unit on a line.
func (c *config) unitAt(address string, unit int) (lineUnit, bool) {
	for _, b := range c.bays {
		why := fmt.Sprintf("bay %d", b.number)
		switch {
		case b.meterAddr == address && b.meterUnit == unit:
			return lineUnit{meter.Found{Unit: unit, Vendor: b.model.Vendor, Model: b.model.Model, Serial: b.serial,
				Why: why}, address}, true
		case b.board == address && b.boardUnit == unit:
			return lineUnit{meter.Found{Unit: unit, Vendor: "I/O board", Why: why}, address}, true
		}
	}
	return lineUnit{}, false
}
