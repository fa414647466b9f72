package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"kioskd"
	"kioskd/cli"
	"kioskd/meter/model"
	"kioskd/simulator"
	"kioskd/simulator/town"
)

func (p program) simulateTerminal(fs *pflag.FlagSet) cli.Run {
	listen := fs.String("listen", "tcp://127.0.0.1:20007", "`address`: tcp://HOST:PORT or pty:PATH")
	ledger := fs.String("ledger", "", "`file` in which the bank writes what it saw")
	read := faultsFlag(fs)
	return func(ctx context.Context, _ []string) error {
		faults, err := read()
		if err != nil {
			return err
		}
		bank, err := simulator.OpenBank(*ledger)
		if err != nil {
			return err
		}
		defer bank.Close()
		l, err := simulator.Listen(*listen)
		if err != nil {
			return cli.Usage(err)
		}
		defer l.Close()
		t := simulator.NewTerminal(bank, "EUR", slog.New(slog.NewTextHandler(p.Err, nil)))
		card := simulator.GoodCard()
		t.AutoCard = &card
		t.InjectAll(faults.Terminal)
		t.BehaveAll(faults.Manners)
		fmt.Fprintf(p.Out, "terminal at %s; a good card comes 1.5 s after one is asked for\n", l.Address)
		return town.ServeTerminal(ctx, l, t)
	}
}

func (p program) simulateMeter(fs *pflag.FlagSet) cli.Run {
	listen := fs.String("listen", "tcp://127.0.0.1:1502", "`address`: tcp://HOST:PORT (Modbus TCP) or pty:PATH (RTU)")
	names := fs.StringArray("model", []string{"SDM630"},
		"`model`, or FILE.yaml of one, or DCBM-400 (HTTP); of several meters on the line each its own, as 2=EM340")
	unit := fs.Int("unit", 1, "`number` on the bus, of a model that names none")
	power := fs.Int("power", 11000, "what a vehicle draws at each, in `watt`; 0 for none")
	silent := fs.Bool("silent", false, "say nothing where there is no register, in place of an exception")
	read := faultsFlag(fs)
	return func(ctx context.Context, _ []string) error {
		faults, err := read()
		if err != nil {
			return err
		}
		if *unit < 1 || *unit > 247 || *power < 0 {
			return cli.Usagef("simulate meter: unit %d, power %d: want a unit from 1 to 247, and a power of 0 or more",
				*unit, *power)
		}
		if slices.Equal(*names, []string{simulator.LEM}) {
			return p.simulateDCBM(ctx, *listen, *power)
		}
		units := map[byte]simulator.Unit{}
		for i, name := range *names {
			at := *unit
			number, rest, found := strings.Cut(name, "=")
			if found {
				at, err = strconv.Atoi(number)
				if err != nil || at < 1 || at > 247 {
					return cli.Usagef("simulate meter: unit %q: want 1 to 247", number)
				}
				name = rest
			}
			if units[byte(at)] != nil {
				return cli.Usagef("simulate meter: unit %d is there twice: name units, as in --model %d=%s", at, at+1,
					name)
			}
			known, err := modelOrFile(name)
			if err != nil {
				return cli.Usagef("simulate meter: %w", err)
			}
			bay := simulator.NewBay(1_234_567, 20261234+uint32(i), 1)
			if *power > 0 {
				bay.Plug(simulator.Car{Power: kiosk.Power(*power), Need: 1 << 40})
				bay.Switch(true)
			}
			bay.Lie(faults.Lie)
			units[byte(at)], err = meterOf(known, bay, *silent)
			if err != nil {
				return err
			}
		}
		return p.simulateBus(ctx, *listen, "meter", units, faults.Meter)
	}
}

// simulateDCBM is a meter that speaks HTTP.
func (p program) simulateDCBM(ctx context.Context, listen string, power int) error {
	l, err := net.Listen("tcp", strings.TrimPrefix(listen, "tcp://"))
	if err != nil {
		return cli.Usagef("simulate meter: cannot listen on %s: %w", listen, err)
	}
	bay := simulator.NewBay(1_234_567, 20261234, 1)
	bay.Plug(simulator.Car{Power: kiosk.Power(power), Need: 1 << 40})
	bay.Switch(power > 0)
	m, err := simulator.NewDCBM(bay)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: m, ReadHeaderTimeout: time.Minute}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	fmt.Fprintf(p.Out, "meter at http://%s\n", l.Addr())
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// meterOf is a bay's meter, which signs where its model does.
func meterOf(m *model.Model, bay *simulator.Bay, silent bool) (simulator.Unit, error) {
	if m.Signed() {
		out, err := simulator.NewSigningMeter(m, bay)
		if err == nil {
			out.Silent = silent
		}
		return out, err
	}
	out := simulator.MeterOf(m, bay)
	out.Silent = silent
	return out, nil
}

// modelOrFile is a built-in model, or the one of a file.
func modelOrFile(name string) (*model.Model, error) {
	if !strings.HasSuffix(name, ".yaml") {
		return model.Find("", name)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return model.Parse(name, text)
}

func (p program) simulateBoard(fs *pflag.FlagSet) cli.Run {
	listen := fs.String("listen", "tcp://127.0.0.1:1503", "`address`: tcp://HOST:PORT (Modbus TCP) or pty:PATH (RTU)")
	unit := fs.Int("unit", 1, "`number` on the bus")
	bays := fs.Int("bays", 4, "`number` of bays")
	read := faultsFlag(fs)
	return func(ctx context.Context, _ []string) error {
		faults, err := read()
		if err != nil {
			return err
		}
		board := &simulator.Board{Watchdog: 10 * time.Second}
		for i := range *bays {
			board.Bays = append(board.Bays, simulator.NewBay(0, uint32(i), 1))
		}
		go board.Run(ctx) // ends with ctx
		return p.simulateBus(ctx, *listen, "board", map[byte]simulator.Unit{byte(*unit): board}, faults.Board)
	}
}

func (p program) simulateBus(ctx context.Context, listen, what string, units map[byte]simulator.Unit,
	faults []simulator.BusFault) error {
	l, err := simulator.Listen(listen)
	if err != nil {
		return cli.Usage(err)
	}
	defer l.Close()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	fmt.Fprintf(p.Out, "%s at %s\n", what, l.Address)
	bus := &simulator.Bus{Units: units, TCP: !l.Serial(), Distort: simulator.Distort(faults)}
	return l.Serve(ctx, bus.Serve)
}

// faultsFlag is the flag that names a file of faults, and what reads it.
func faultsFlag(fs *pflag.FlagSet) func() (simulator.Faults, error) {
	path := fs.String("fault", "", "`file` of faults to inject")
	return func() (faults simulator.Faults, err error) {
		if *path == "" {
			return faults, nil
		}
		f, err := os.Open(*path)
		if err != nil {
			return faults, cli.Usagef("cannot read faults: %w", err)
		}
		defer f.Close()
		faults, err = simulator.ReadFaults(f, *path)
		if err != nil {
			return faults, cli.Usage(err)
		}
		return faults, nil
	}
}

func (p program) simulateSite(fs *pflag.FlagSet) cli.Run {
	path := fs.String("config", "kioskd.yaml", "configuration `file` to write; the site's files lie beside it")
	bays := fs.Int("bays", 4, "`number` of bays")
	chargers := fs.Int("chargers", 0, "`number` of bays, the last ones, that are connectors of chargers (OCPP)")
	speed := fs.Int("speed", 1, "`factor` by which cars are faster")
	socket := fs.String(
		"socket", "", "the daemon's screen `socket`, for visits; the one of the configuration without it")
	read := faultsFlag(fs)
	return func(ctx context.Context, _ []string) error {
		faults, err := read()
		if err != nil {
			return err
		}
		if *chargers < 0 || *chargers > *bays {
			return cli.Usagef("simulate site: want 0 to %d chargers' connectors", *bays)
		}
		s, err := town.Open(filepath.Dir(*path), *path, town.Options{Size: *bays, Connectors: *chargers,
			Metered: true, Speed: *speed,
			NeedScreen: true}, slog.New(slog.NewTextHandler(p.Err, nil)))
		if err != nil {
			return err
		}
		s.Inject(faults)
		for i := range s.Bays {
			fmt.Fprintf(p.Out, "bay %d: %s\n", i+1, s.Wiring(i))
		}
		fmt.Fprintf(p.Out, "site is ready: kioskd run --config %s\nType %s.\n", *path, whatPeopleDo)
		go p.clicks(ctx, s)
		go p.people(ctx, s, cmp.Or(*socket, s.Screen()))
		return s.Run(ctx)
	}
}

// clicks says what a person at the site hears and sees: contactors that close and open.
func (p program) clicks(ctx context.Context, s *town.Town) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	closed := make([]bool, len(s.Bays))
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for i, b := range s.Bays {
			if now := b.State().Closed; now != closed[i] {
				closed[i] = now
				fmt.Fprintf(p.Out, "bay %d: click, the contactor %s\n", i+1,
					map[bool]string{true: "closed", false: "opened"}[now])
			}
		}
	}
}

const whatPeopleDo = "card, plug N, unplug N, pause N, emergency N, weld N, or visit N for a whole visit to bay N"

// people reads what a person at the simulated site does.
func (p program) people(ctx context.Context, s *town.Town, socket string) {
	in := bufio.NewScanner(p.In)
	for in.Scan() {
		words := strings.Fields(in.Text())
		if len(words) == 1 && words[0] == "card" {
			s.Terminal.Present(simulator.GoodCard())
			fmt.Fprintln(p.Out, "A card is held to the terminal.")
			continue
		}
		n := 0
		if len(words) == 2 {
			v, err := strconv.Atoi(words[1])
			if err == nil {
				n = v
			}
		}
		if n < 1 || n > len(s.Bays) {
			fmt.Fprintln(p.Err, "kioskd: want "+whatPeopleDo)
			continue
		}
		switch b := s.Bays[n-1]; words[0] {
		case "plug":
			b.Plug(simulator.GoodCar())
			fmt.Fprintf(p.Out, "bay %d: plugged in\n", n)
		case "unplug":
			b.Unplug()
			fmt.Fprintf(p.Out, "bay %d: unplugged\n", n)
		case "pause":
			b.Pause(true)
		case "emergency":
			b.Emergency(!b.State().Emergency)
		case "weld":
			b.Weld(true)
		case "visit":
			if err := s.PlayVisit(ctx, p.Out, n, socket); err != nil {
				fmt.Fprintln(p.Err, "kioskd: visit:", err)
			}
		default:
			fmt.Fprintln(p.Err, "kioskd: want "+whatPeopleDo)
		}
	}
}
