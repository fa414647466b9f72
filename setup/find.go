package setup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.bug.st/serial/enumerator"

	"kioskd"
	"kioskd/cli"
	"kioskd/config"
	"kioskd/hw"
	"kioskd/line"
	"kioskd/meter"
	"kioskd/modbus"
	"kioskd/site"
	"kioskd/terminal/zvt"
)

// foundLine is what answers on a line.
type foundLine struct {
	address  string // with the speed at which it answers
	port     *enumerator.PortDetails
	terminal *kiosk.TerminalStatus
	password string // that the terminal took
	refused  error  // of a terminal that is there and did not take the password or the currency
	meters   []meter.Found
	unsure   []meter.Found // that a person must compare with their displays
	boards   []foundBoard
}

// foundBoard is a unit with coils and inputs that is no known meter.
type foundBoard struct {
	unit, coils, inputs int
}

// finder asks lines who is there. It only reads.
type finder struct {
	tell     *cli.Progress
	password string
	currency kiosk.Currency
	from, to int    // units
	folder   string // of the site's own files of meters
}

// speeds are tried in this order: what meters and boards leave their makers with.
var speeds = []string{"baud=9600", "baud=19200", "baud=9600&parity=even", "baud=19200&parity=even", "baud=38400",
	"baud=115200"}

// ports are the serial adapters of this computer.
func ports() ([]*enumerator.PortDetails, error) {
	all, err := enumerator.GetDetailedPortsList()
	if err != nil {
		return nil, fmt.Errorf("cannot list serial adapters: %w", err)
	}
	return slices.DeleteFunc(all, func(p *enumerator.PortDetails) bool {
		// The console of most computers has nothing behind it; a Pi's own port is ttyAMA.
		return !p.IsUSB && !strings.Contains(p.Name, "ttyAMA")
	}), nil
}

// find asks one line: meters and boards first, whose answers leave no doubt; a card terminal
// only where no bus is.
func (f finder) find(ctx context.Context, address string) (foundLine, error) {
	out := foundLine{address: address}
	at, err := line.Parse(address, 1)
	if err != nil {
		return out, cli.Usage(err)
	}
	fixed := at.Scheme != "serial" || strings.Contains(address, "baud=")
	tries := []string{address}
	if !fixed {
		fast, err := site.LineSpeed(ctx, address, f.folder, f.tell)
		if err != nil && ctx.Err() == nil { // unplugged: the first try says so
			fast = address
		}
		tries = []string{fast}
		if fast == address {
			tries = nil
			for _, s := range speeds {
				tries = append(tries, address+"?"+s)
			}
		}
	}
	for i, try := range tries {
		if err := f.bus(ctx, try, &out); err != nil {
			return out, err
		}
		if len(out.meters)+len(out.boards)+len(out.unsure) > 0 {
			out.address = try
			return out, nil
		}
		if i == 0 { // before the rarer speeds
			if ok, err := f.card(ctx, address, fixed, &out); ok || err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

// card asks for a card terminal, and tells whether one is there.
func (f finder) card(ctx context.Context, address string, fixed bool, out *foundLine) (bool, error) {
	tries := []string{address}
	if !fixed {
		tries = []string{address + "?baud=9600", address + "?baud=115200"}
	}
	for _, try := range tries {
		f.tell.Note("asking for a card terminal at " + try)
		dial, err := zvt.DialAddress(try)
		if err != nil {
			return false, cli.Usage(err)
		}
		t := zvt.New(dial, zvt.Config{Password: f.password, Currency: f.currency}, site.QuietLog())
		ctx, cancel := context.WithTimeout(ctx, 12*time.Second)
		status, err := t.Status(ctx)
		cancel()
		t.Close() // what it said stands
		switch {
		case err == nil:
			out.address, out.terminal, out.password = try, &status, f.password
			return true, nil
		case errors.Is(err, zvt.ErrPassword):
			out.address, out.refused = try, fmt.Errorf("the card terminal at %s: %w", try, zvt.ErrPassword)
			return true, nil
		case errors.Is(err, zvt.ErrRefused):
			out.address, out.refused = try, fmt.Errorf("the card terminal at %s: %w", try, err)
			return true, nil
		}
	}
	return false, ctx.Err()
}

// bus asks for meters and boards at one speed.
func (f finder) bus(ctx context.Context, address string, out *foundLine) error {
	err := site.EachUnit(ctx, address, f.folder, f.from, f.to, f.tell, func(bus *modbus.Bus, found meter.Found) {
		if found.Vendor == "" && len(found.May) > 0 || found.Unverified != "" {
			out.unsure = append(out.unsure, found)
			return
		}
		if found.Vendor != "" && found.Why != "" { // not named, or set so that it cannot be sold with
			f.tell.Note(fmt.Sprintf("  unit %d: %s %s: %s", found.Unit, found.Vendor, found.Model, found.Why))
			return
		}
		if found.Vendor != "" {
			f.tell.Note(fmt.Sprintf("  unit %d: %s %s, serial number %s", found.Unit, found.Vendor, found.Model,
				found.Serial))
			out.meters = append(out.meters, found)
			return
		}
		hw.NewBoard(bus, byte(found.Unit), 1) // from now on it is asked as a board
		b := foundBoard{unit: found.Unit, coils: count(ctx, bus, found.Unit, modbus.ReadCoils),
			inputs: count(ctx, bus, found.Unit, modbus.ReadInputs)}
		if b.coils > 0 && b.inputs > 0 {
			f.tell.Note(fmt.Sprintf("  unit %d: a board with %d coils and %d inputs", found.Unit, b.coils, b.inputs))
			out.boards = append(out.boards, b)
			return
		}
		f.tell.Note(fmt.Sprintf("  unit %d: something that kioskd does not know: %s", found.Unit, found.Why))
	})
	if err != nil && ctx.Err() == nil { // unplugged, or no program listens there
		f.tell.Note(fmt.Sprintf("%s: %v", address, err))
		return nil
	}
	return ctx.Err()
}

// count is how many bits of a kind a board lets us read at once, up to 32. Some boards are silent
// where they have fewer, so silence is believed the second time.
func count(ctx context.Context, bus *modbus.Bus, unit int, function byte) int {
	for _, n := range []uint16{32, 24, 16, 12, 8, 6, 4, 2, 1} {
		for range 2 {
			_, err := bus.Bits(ctx, modbus.Request{Unit: byte(unit), Function: function, Count: n})
			if err == nil {
				return int(n)
			}
			if !errors.Is(err, kiosk.ErrUnreachable) {
				break
			}
			// else it is soon taken for dead
			bus.Bits(ctx, modbus.Request{Unit: byte(unit), Function: function, Count: 1})
		}
	}
	return 0
}

// rightPassword asks for the password until a terminal that is there takes it, or is left out.
func (w *wizard) rightPassword(ctx context.Context, f finder, l *foundLine) (err error) {
	for !w.unattended && errors.Is(l.refused, zvt.ErrPassword) {
		fmt.Fprintln(w.Out, l.refused)
		f.password, err = w.ask(ctx, question{title: "Password of this card terminal, six digits", optional: true,
			help: "Nothing: it is left out.", check: zvt.CheckPassword})
		if f.password == "" || err != nil {
			return err
		}
		l.refused = nil
		if _, err := f.card(ctx, l.address, true, l); err != nil {
			return err
		}
	}
	return nil
}

// lookAround asks every line who is there.
func (w *wizard) lookAround(ctx context.Context, secret string) error {
	found, err := ports()
	if err != nil {
		return err
	}
	f := finder{tell: w.Progress(), password: w.tried(secret), currency: w.currency(), from: w.flags.From,
		to: w.flags.To, folder: w.meterFolder()}
	ask := map[string]*enumerator.PortDetails{}
	for _, p := range found {
		ask["serial://"+p.Name] = p
	}
	for _, l := range w.flags.Lines {
		ask[l] = nil
	}
	for _, a := range w.configured() {
		if at, err := line.Parse(a, 1); err == nil && (len(ask) == 0 || !strings.HasPrefix(at.Target, "/dev/")) {
			ask[a] = nil
		}
	}
	if len(ask) == 0 {
		return errors.New("no serial adapter is there: plug it in, or name lines with --line, as tcp://192.0.2.7:20007")
	}
	for _, address := range slices.Sorted(maps.Keys(ask)) {
		l, err := f.find(ctx, address)
		if err == nil {
			err = w.rightPassword(ctx, f, &l)
		}
		if err == nil {
			err = w.compare(ctx, &l)
		}
		if err != nil {
			return err
		}
		l.port = ask[address]
		switch {
		case l.terminal != nil:
			fmt.Fprintf(w.Out, "%s: card terminal %s, software %s\n", l.address, l.terminal.TerminalID,
				l.terminal.Software)
		case len(l.meters)+len(l.boards) > 0:
			fmt.Fprintf(w.Out, "%s: %d meters, %d boards\n", l.address, len(l.meters), len(l.boards))
		case l.refused == nil:
			fmt.Fprintf(w.Out, "%s: no device answers\n", address)
		}
		w.found = append(w.found, l)
	}
	return w.nameAdapters(ctx)
}

// meterFolder has the site's own files of meters.
func (w *wizard) meterFolder() string { return config.MeterFolder(filepath.Dir(w.file.Path)) }

// configured are the lines of a configuration that is there. Those of this computer's adapters are
// found anyway.
func (w *wizard) configured() (out []string) {
	if w.file.Before == nil || len(w.flags.Lines) > 0 {
		return nil
	}
	out = append(out, w.file.Get("terminal.address"))
	if c, err := config.Read(w.file.Path); err == nil {
		for _, b := range c.Bays {
			if !b.HTTP() {
				out = append(out, b.MeterAddr)
			}
			out = append(out, b.Board)
		}
	}
	return slices.DeleteFunc(slices.Compact(out), func(a string) bool { return a == "" })
}
