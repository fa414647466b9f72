package setup

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"kioskd"
	"kioskd/meter"
	"kioskd/meter/model"
	"kioskd/modbus"
)

// none is what a person answers where a unit is none of the models that it may be.
const none = "none of them"

// compare asks a person about the meters of a line that no register tells, or of which not all is known for sure: which
// model it is, and what its display shows. Only what agrees is a meter of the site.
func (w *wizard) compare(ctx context.Context, l *foundLine) error {
	for _, unit := range l.unsure {
		what := fmt.Sprintf("unit %d at %s", unit.Unit, l.address)
		may := unit.May
		if unit.Vendor != "" {
			may = []string{unit.Vendor + " " + unit.Model}
		}
		if w.unattended {
			fmt.Fprintf(w.Out, "%s may be %s: compare it with its display, and put it into the configuration\n", what,
				strings.Join(may, " or "))
			continue
		}
		one, err := w.compareUnit(ctx, what, may, unit, l.address)
		if err != nil {
			return err
		}
		if one != nil {
			l.meters = append(l.meters, *one)
		}
	}
	return nil
}

// compareUnit is the meter that a person told and compared; nil for none.
func (w *wizard) compareUnit(ctx context.Context, what string, may []string, unit meter.Found,
	address string) (*meter.Found, error) {
	name, err := w.ask(ctx, question{title: "Which meter is " + what + "?", options: append(may, none), def: none,
		help: cmp.Or(unit.Unverified, "No register tells it: look at the meter.")})
	if err != nil || name == none {
		return nil, err
	}
	m, err := model.Find(w.meterFolder(), name)
	if err != nil {
		return nil, err
	}
	if len(m.Serial) == 0 {
		fmt.Fprintf(w.Out, "%v says no serial number: put it into the configuration yourself\n", m)
		return nil, nil
	}
	for {
		shown, err := w.ask(ctx, question{title: "What does its display show, in kWh?", optional: true,
			help:  "The total energy that was drawn, with all its decimals. Nothing: it is left out.",
			check: func(s string) error { _, err := meter.ParseDisplay(s); return err }})
		if err != nil || shown == "" {
			return nil, err
		}
		d, err := meter.ParseDisplay(shown)
		if err != nil {
			return nil, err
		}
		r, err := readOnce(ctx, address, unit.Unit, m)
		if err == nil {
			err = d.Agrees(r, kiosk.Energy(m.Step))
		}
		if err == nil {
			return &meter.Found{Unit: unit.Unit, Vendor: m.Vendor, Model: m.Name, Serial: r.Serial,
				Unverified: m.Unverified, Compared: true}, nil
		}
		fmt.Fprintln(w.Out, err)
	}
}

// readOnce reads a meter of a line that no other program uses.
func readOnce(ctx context.Context, address string, unit int, m *model.Model) (kiosk.Reading, error) {
	bus, err := modbus.NewBus(address)
	if err != nil {
		return kiosk.Reading{}, err
	}
	defer bus.Close()
	return meter.New(bus, byte(unit), m).Read(ctx)
}
