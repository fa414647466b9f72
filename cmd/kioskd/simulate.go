package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kioskd"
	"kioskd/audit"
	"kioskd/cli"
	"kioskd/session"
	"kioskd/simulator"
	"kioskd/store"
	"kioskd/terminal"
)

func (p program) simulateTerminal(ctx context.Context, fs *flag.FlagSet, args []string) error {
	listen := fs.String("listen", "tcp://127.0.0.1:20007", "`address`: tcp://HOST:PORT or pty:PATH")
	ledger := fs.String("ledger", "", "`file` in which the bank writes what it saw")
	faults, err := parseFaults(fs, args)
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
	return serveTerminal(ctx, l, t)
}

func serveTerminal(ctx context.Context, l *simulator.Listener, t *simulator.Terminal) error {
	defer context.AfterFunc(ctx, func() { l.Close() })()
	return l.Serve(ctx, tills(l, t))
}

// tills lets a terminal answer a till on a line of a listener.
func tills(l *simulator.Listener, t *simulator.Terminal) func(context.Context, io.ReadWriteCloser) error {
	scheme := "tcp"
	if l.Serial() {
		scheme = "serial"
	}
	return func(ctx context.Context, rw io.ReadWriteCloser) error {
		link := terminal.NewLink(scheme, rw)
		defer link.Close()
		return t.Serve(ctx, link)
	}
}

func (p program) simulateMeter(ctx context.Context, fs *flag.FlagSet, args []string) error {
	listen := fs.String("listen", "tcp://127.0.0.1:1502", "`address`: tcp://HOST:PORT (Modbus TCP) or pty:PATH (RTU)")
	model := fs.String("model", "SDM630", "`model`: SDM630 or B23")
	unit := fs.Int("unit", 1, "`number` on the bus")
	power := fs.Int("power", 11000, "what a vehicle draws, in `watt`; 0 for none")
	faults, err := parseFaults(fs, args)
	if err != nil {
		return err
	}
	bay := simulator.NewBay(1_234_567, 20261234, 1)
	if *power > 0 {
		bay.Plug(simulator.Car{Power: kiosk.Power(*power), Need: 1 << 40})
		bay.Switch(true)
	}
	m, ok := simulator.MeterByModel(strings.ToUpper(*model), bay)
	if !ok {
		return cli.Usagef("simulate meter: model %q: want SDM630 or B23", *model)
	}
	bay.Lie(faults.Lie)
	units := map[byte]simulator.Unit{byte(*unit): m}
	return p.simulateBus(ctx, *listen, "meter", units, faults.Meter)
}

func (p program) simulateBoard(ctx context.Context, fs *flag.FlagSet, args []string) error {
	listen := fs.String("listen", "tcp://127.0.0.1:1503", "`address`: tcp://HOST:PORT (Modbus TCP) or pty:PATH (RTU)")
	unit := fs.Int("unit", 1, "`number` on the bus")
	bays := fs.Int("bays", 4, "`number` of bays")
	faults, err := parseFaults(fs, args)
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

// town is a whole simulated site on ptys.
type town struct {
	dir    string
	config string // path
	townOptions
	bank     *simulator.Bank
	terminal *simulator.Terminal
	bays     []*simulator.Bay // in the order of their numbers
	board    *simulator.Board
	lines    []*simulator.Listener
	faults   simulator.Faults
	// environment is what the daemon gets beside our own.
	environment []string
	wrap        func(name string, rw io.ReadWriteCloser) io.ReadWriteCloser // of each line; nil for none
	witness     func(*audit.World)                                          // says more to an audit; nil for none
	echo        bool                                                        // the adapters of the buses hear themselves
}

// townOptions say what a simulated site is like.
type townOptions struct {
	size       int    // bays
	tcp        bool   // the card terminal is on the network
	speed      int    // by which cars are faster
	needScreen bool   // nothing is sold without one
	tariff     string // OCPI price components; empty for energy alone
	more       string // configuration beyond what every site has
}

// inject lets things go wrong.
func (s *town) inject(f simulator.Faults) {
	s.faults = f
	s.terminal.InjectAll(f.Terminal)
	s.terminal.BehaveAll(f.Manners)
	for _, b := range s.bays {
		b.Lie(f.Lie)
	}
}

// parseFaults is parse for commands that take a file of faults.
func parseFaults(fs *flag.FlagSet, args []string) (faults simulator.Faults, err error) {
	path := fs.String("fault", "", "`file` of faults to inject")
	if _, err := cli.Parse(fs, args, 0); err != nil || *path == "" {
		return faults, err
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

// firstSerial is the number on the plate of the first bay's meter.
const firstSerial = 20260001

// openSite makes a site of bays below a directory and writes the configuration that
// points a real daemon at it.
func openTown(dir, configPath string, o townOptions, log *slog.Logger) (*town, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make site: %w", err)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	s := &town{dir: dir, config: configPath, townOptions: o}
	s.bank, err = simulator.OpenBank(filepath.Join(dir, "bank.jsonl"))
	if err != nil {
		return nil, err
	}
	s.terminal = simulator.NewTerminal(s.bank, "EUR", log)
	s.terminal.WantPassword("123456") // as its configuration has it
	for i := range o.size {
		s.bays = append(s.bays, simulator.NewBay(kiosk.Energy(1_000_000+i*111_111), uint32(firstSerial+i), o.speed))
	}
	s.board = &simulator.Board{Bays: s.bays, Watchdog: 10 * time.Second}
	for _, name := range []string{"terminal", "meters", "board"} {
		address := "pty:" + filepath.Join(dir, name)
		if o.tcp && name == "terminal" {
			address = "tcp://127.0.0.1:0"
		}
		l, err := simulator.Listen(address)
		if err != nil {
			s.close()
			return nil, err
		}
		s.lines = append(s.lines, l)
	}
	if err := os.WriteFile(configPath, []byte(s.yaml()), 0o600); err != nil {
		s.close()
		return nil, fmt.Errorf("cannot write configuration: %w", err)
	}
	return s, nil
}

func (s *town) close() error {
	var errs []error
	for _, l := range s.lines {
		errs = append(errs, l.Close())
	}
	return errors.Join(append(errs, s.bank.Close())...)
}

func (s *town) yaml() string {
	var b strings.Builder
	fmt.Fprintf(&b, `# A simulated site. Every line is a pty with a simulated device behind it.
site:
  name: Demo Charging
  address: 1 Example Street, 10115 Berlin
  vat_id: DE123456789
  helpline: "+49 30 1234567"
  timezone: Europe/Berlin
  currency: EUR
  languages: [en, de, fr, nl, es, it, pl, cs, pt, da, sv, nb, fi, el, uk, tr, ar, zh, ja]
  kiosk: K-0042
journal: %s
screen:
  socket: %s
  required: %v
terminal:
  address: %s
  password: "123456"
  capture: released
  hold: "50.00"
  reads_cards: true # whose session is it?
clock: rtc # believe the system's
staff: # five touches on the site's name, then 271828 for the technician, 314159 for the host
  technician: $argon2id$v=19$m=19456,t=2,p=1$AfvCmtINJCLuBbtJ7DCpHA$n0V+VCTO8YYwVsMS+F+Ygs+EnBlS2kPmYdNTcAyAhfY
  host: $argon2id$v=19$m=19456,t=2,p=1$ljvU9FJCE9sVX4Ae68wBZg$V3XLQwp1ChM3OAWlvjWM6GAU2cU0eQdRsewRyAn/BLY
tariff:
  id: demo
  currency: EUR
  tax_included: "YES"
  elements:
    - price_components:
        %s
%sbays:
`, filepath.Join(s.dir, "journal.db"), filepath.Join(s.dir, "ui.sock"), s.needScreen, s.terminalAt(),
		cmp.Or(s.tariff, "- {type: ENERGY, price: 0.49, vat: 19, step_size: 1}"), s.more)
	for i := range s.bays {
		fmt.Fprintf(&b, `  - number: %d
    evse_id: DE*DEM*E%03d
    max_power_w: %d # the car's times the speed of the simulation
    meter: {address: "serial://%s", unit: %d, model: %s}
    board: {address: "serial://%s", unit: 1, coil: %d, plugged: %d, requesting: %d, feedback: %d, emergency: %d}
`, i+1, i+1, 22000*s.speed, filepath.Join(s.dir, "meters"), i+1, s.model(i), filepath.Join(s.dir, "board"), i,
			boardInput(i, simulator.InputPlugged), boardInput(i, simulator.InputRequesting),
			boardInput(i, simulator.InputFeedback), boardInput(i, simulator.InputEmergency))
	}
	return b.String()
}

// terminalAt is the card terminal's address.
func (s *town) terminalAt() string {
	if len(s.lines) == 0 {
		return "serial://" + filepath.Join(s.dir, "terminal")
	}
	return s.lines[0].Address
}

// boardInput is the board's input of a bay, the first being 0.
func boardInput(bay, input int) int { return bay*simulator.InputsPerBay + input }

// audit proves the journal's tree and compares the journal with what bank and meters
// know of the site.
func (s *town) audit(ctx context.Context) ([]audit.Violation, error) {
	j, err := store.OpenReader(ctx, filepath.Join(s.dir, "journal.db"))
	if err != nil {
		return nil, err
	}
	defer j.Close()
	if _, err := j.Verify(ctx, func(int64) {}); err != nil {
		return nil, err
	}
	w := simulator.Evidence(s.bank, s.bays)
	// an event's time is of before it was written; a B23 counts in 10 Wh
	w.Slack, w.Step, w.Left = 50*time.Millisecond, 10, 10
	if s.witness != nil {
		s.witness(&w)
	}
	return audit.Check(j.Records(ctx, 1), w)
}

// unsettled is what is open at the bank or in the journal.
type unsettled struct {
	sessions int
	holds    []int
	due      time.Time // when the last of them is tried again, if it is known
}

func (u *unsettled) Error() string {
	return fmt.Sprintf("%d sessions and the holds %v are open", u.sessions, u.holds)
}

// settled is an *unsettled where something is open.
func (s *town) settled(ctx context.Context) error {
	j, err := store.OpenReader(ctx, filepath.Join(s.dir, "journal.db"))
	if err != nil {
		return err
	}
	defer j.Close()
	state, err := session.Replay(j.OpenSessions(ctx))
	if err != nil {
		return err
	}
	open := unsettled{holds: s.bank.Open()}
	for _, x := range state.Sessions {
		if x.Paper != session.PaperClosed && !x.Forsaken() {
			open.sessions++
			if x.Due.After(open.due) {
				open.due = x.Due
			}
		}
	}
	if open.sessions > 0 || len(open.holds) > 0 {
		return &open
	}
	return nil
}

// model alternates between the makes, so that both are on one bus.
func (s *town) model(i int) string { return []string{"SDM630", "B23"}[i%2] }

// run serves every device until ctx ends.
func (s *town) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	meters := map[byte]simulator.Unit{}
	for i, b := range s.bays {
		m, _ := simulator.MeterByModel(s.model(i), b)
		meters[byte(i+1)] = m
	}
	defer context.AfterFunc(ctx, func() { s.close() })()
	serve := func(i int, name string, f func(context.Context, io.ReadWriteCloser) error) {
		g.Go(func() error {
			return s.lines[i].Serve(ctx, func(ctx context.Context, rw io.ReadWriteCloser) error {
				if s.wrap != nil {
					rw = s.wrap(name, rw)
				}
				return f(ctx, rw)
			})
		})
	}
	serve(0, "terminal", tills(s.lines[0], s.terminal))
	board := map[byte]simulator.Unit{1: s.board}
	serve(1, "meters", (&simulator.Bus{Units: meters, Echo: s.echo, Distort: simulator.Distort(s.faults.Meter)}).Serve)
	serve(2, "board", (&simulator.Bus{Units: board, Echo: s.echo, Distort: simulator.Distort(s.faults.Board)}).Serve)
	g.Go(func() error { return s.board.Run(ctx) })
	return g.Wait()
}

func (p program) simulateSite(ctx context.Context, fs *flag.FlagSet, args []string) error {
	path := fs.String("config", "kioskd.yaml", "configuration `file` to write; the site's files lie beside it")
	bays := fs.Int("bays", 4, "`number` of bays")
	speed := fs.Int("speed", 1, "`factor` by which cars are faster")
	socket := fs.String(
		"socket", "", "the daemon's screen `socket`, for visits; the one of the configuration without it")
	faults, err := parseFaults(fs, args)
	if err != nil {
		return err
	}
	s, err := openTown(filepath.Dir(*path), *path, townOptions{size: *bays, speed: *speed, needScreen: true},
		slog.New(slog.NewTextHandler(p.Err, nil)))
	if err != nil {
		return err
	}
	s.inject(faults)
	for i := range s.bays {
		fmt.Fprintf(p.Out, "bay %d: meter %d, coil %d, inputs %d vehicle, %d asks for energy, %d feedback, %d "+
			"emergency stop\n", i+1, firstSerial+i, i,
			boardInput(i, simulator.InputPlugged), boardInput(i, simulator.InputRequesting),
			boardInput(i, simulator.InputFeedback), boardInput(i, simulator.InputEmergency))
	}
	fmt.Fprintf(p.Out, "site is ready: kioskd run --config %s\nType %s.\n", *path, whatPeopleDo)
	go p.clicks(ctx, s)
	go p.people(ctx, s, cmp.Or(*socket, filepath.Join(s.dir, "ui.sock")))
	return s.run(ctx)
}

// clicks says what a person at the site hears and sees: contactors that close and open.
func (p program) clicks(ctx context.Context, s *town) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	closed := make([]bool, len(s.bays))
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for i, b := range s.bays {
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
func (p program) people(ctx context.Context, s *town, socket string) {
	in := bufio.NewScanner(p.In)
	for in.Scan() {
		words := strings.Fields(in.Text())
		if len(words) == 1 && words[0] == "card" {
			s.terminal.Present(simulator.GoodCard())
			fmt.Fprintln(p.Out, "A card is held to the terminal.")
			continue
		}
		n := 0
		if len(words) == 2 {
			n, _ = strconv.Atoi(words[1])
		}
		if n < 1 || n > len(s.bays) {
			fmt.Fprintln(p.Err, "kioskd: want "+whatPeopleDo)
			continue
		}
		switch b := s.bays[n-1]; words[0] {
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
			if err := p.playVisit(ctx, s, n, socket); err != nil {
				fmt.Fprintln(p.Err, "kioskd: visit:", err)
			}
		default:
			fmt.Fprintln(p.Err, "kioskd: want "+whatPeopleDo)
		}
	}
}
