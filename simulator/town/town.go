// Package town is a whole simulated site, with the people who come to it: devices on real lines, a bank behind the
// terminal, the configuration that points a real daemon at them, visitors who read the screen through its socket and
// act on it, and torture, which treats many such sites as badly as the world can and lets the audit judge each.
package town

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kioskd"
	"kioskd/audit"
	"kioskd/child"
	"kioskd/meter/model"
	"kioskd/session"
	"kioskd/simulator"
	"kioskd/store"
	"kioskd/terminal/zvt"
)

func ServeTerminal(ctx context.Context, l *simulator.Listener, t *simulator.Terminal) error {
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
		link := zvt.NewLink(scheme, rw)
		defer link.Close()
		return t.Serve(ctx, link)
	}
}

// Town is a whole simulated site on ptys.
type Town struct {
	Dir    string
	Config string // path
	Options
	Bank     *simulator.Bank
	Terminal *simulator.Terminal
	Bays     []*simulator.Bay     // in the order of their numbers
	Chargers []*simulator.Charger // of the last bays, two each
	board    *simulator.Board
	models   []*model.Model   // of the bays' meters; nil for others than those on Modbus
	meters   []simulator.Unit // of those models
	signers  map[int]signer   // the meters that sign, by bay, the first being 0
	lems     map[int]*lem     // those of them that speak HTTP
	lines    []*simulator.Listener
	faults   simulator.Faults
	// environment is what the daemon gets beside our own.
	Environment []string
	Wrap        func(name string, rw io.ReadWriteCloser) io.ReadWriteCloser // of each line; nil for none
	witness     func(*audit.World)                                          // says more to an audit; nil for none
	echo        bool                                                        // the adapters of the buses hear themselves
	central     string                                                      // where chargers connect
}

// Options say what a simulated site is like.
type Options struct {
	Size       int      // bays
	Connectors int      // how many of them, the last ones, are connectors of chargers
	Metered    bool     // each second connector has a meter in front of it
	OCPP       string   // version that chargers speak; empty for 1.6 and 2.0.1 in turn
	tcp        bool     // the card terminal is on the network
	Speed      int      // by which cars are faster
	NeedScreen bool     // nothing is sold without one
	tariff     string   // OCPI price components; empty for energy alone
	More       string   // configuration beyond what every site has
	Meters     []string // models of meters, which bays have in turn; none for two makes
	Lines      int      // that the meters hang on, in turn; 0 for one
	Sign       bool     // meters sign the sales, where they can
}

// Inject lets things go wrong.
func (s *Town) Inject(f simulator.Faults) {
	s.faults = f
	s.Terminal.InjectAll(f.Terminal)
	s.Terminal.BehaveAll(f.Manners)
	for _, b := range s.Bays {
		b.Lie(f.Lie)
	}
	for _, m := range s.signers {
		m.Misbehave(f.Sign)
	}
	for _, c := range s.Chargers {
		c.Misbehave(f.Charger...)
	}
}

// FirstSerial is the number on the plate of the first bay's meter.
const FirstSerial = 20260001

// Open makes a site of bays below a directory and writes the configuration that points a real daemon at it.
func Open(dir, configPath string, o Options, log *slog.Logger) (*Town, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make site: %w", err)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	s := &Town{Dir: dir, Config: configPath, Options: o, signers: map[int]signer{}, lems: map[int]*lem{}}
	s.Bank, err = simulator.OpenBank(filepath.Join(dir, "bank.jsonl"))
	if err != nil {
		return nil, err
	}
	s.Terminal = simulator.NewTerminal(s.Bank, "EUR", log)
	s.Terminal.WantPassword("123456") // as its configuration has it
	for i := range o.Size {
		s.Bays = append(s.Bays, simulator.NewBay(kiosk.Energy(1_000_000+i*111_111), uint32(FirstSerial+i), o.Speed))
	}
	s.models, s.meters = make([]*model.Model, o.Size), make([]simulator.Unit, o.Size)
	for i := range s.Bays {
		if err := s.openMeter(i); err != nil {
			return nil, err
		}
	}
	s.board = &simulator.Board{Bays: s.Bays[:s.own()], Watchdog: 10 * time.Second}
	if err := s.openChargers(log); err != nil {
		s.Close()
		return nil, err
	}
	names := []string{"terminal", "board"}
	for i := range max(1, o.Lines) {
		names = append(names, s.meterLine(i))
	}
	for _, name := range names {
		address := "pty:" + filepath.Join(dir, name)
		if o.tcp && name == "terminal" {
			address = "tcp://127.0.0.1:0"
		}
		l, err := simulator.Listen(address)
		if err != nil {
			s.Close()
			return nil, err
		}
		s.lines = append(s.lines, l)
	}
	if err := os.WriteFile(configPath, []byte(s.YAML()), 0o600); err != nil {
		s.Close()
		return nil, fmt.Errorf("cannot write configuration: %w", err)
	}
	return s, nil
}

// openMeter makes a bay's meter, the first being 0.
func (s *Town) openMeter(i int) error {
	switch {
	case !s.measured(i):
		return nil
	case s.model(i) == simulator.LEM:
		return s.openLEM(i)
	}
	m, err := model.Find("", s.model(i))
	if err != nil {
		return err
	}
	unit := simulator.Unit(simulator.MeterOf(m, s.Bays[i]))
	if s.Sign && m.Signed() {
		signs, err := simulator.NewSigningMeter(m, s.Bays[i])
		if err != nil {
			return err
		}
		unit, s.signers[i] = signs, signs
	}
	s.models[i], s.meters[i] = m, unit
	return nil
}

// signer is a meter that signs.
type signer interface {
	PublicKey() string
	Records() []string
	Step() kiosk.Energy
	Misbehave(simulator.SignFault)
}

func (s *Town) Close() error {
	var errs []error
	for _, l := range s.lines {
		errs = append(errs, l.Close())
	}
	for _, l := range s.lems {
		errs = append(errs, l.server.Close())
	}
	return errors.Join(append(errs, s.Bank.Close())...)
}

func (s *Town) YAML() string {
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
%s%sbays:
`, s.Journal(), s.Screen(), s.NeedScreen, s.terminalAt(),
		cmp.Or(s.tariff, "- {type: ENERGY, price: 0.49, vat: 19, step_size: 1}"), s.More, s.ocpp())
	for i := range s.Bays {
		if i >= s.own() {
			b.WriteString(s.chargerBay(i))
			continue
		}
		fmt.Fprintf(&b, `  - number: %d
    evse_id: DE*DEM*E%03d
    max_power_w: %d # the car's times the speed of the simulation
%s    board: {address: "serial://%s", unit: 1, coil: %d, plugged: %d, requesting: %d, feedback: %d, emergency: %d}
`, i+1, i+1, 22000*s.Speed, s.meter(i), filepath.Join(s.Dir, "board"), i,
			BoardInput(i, simulator.InputPlugged), BoardInput(i, simulator.InputRequesting),
			BoardInput(i, simulator.InputFeedback), BoardInput(i, simulator.InputEmergency))
	}
	return b.String()
}

// meter is a bay's meter in the configuration.
func (s *Town) meter(i int) string {
	if l, is := s.lems[i]; is {
		return l.yaml()
	}
	more := ""
	if i < len(s.models) && s.models[i] != nil && s.models[i].Unverified != "" {
		more = ", accept_unverified: true"
	}
	if m, signs := s.signers[i]; signs {
		more += fmt.Sprintf(", public_key: %q", m.PublicKey())
	}
	return fmt.Sprintf("    meter: {address: \"serial://%s\", unit: %d, model: %s%s}\n",
		filepath.Join(s.Dir, s.meterLine(i)), i+1, s.model(i), more)
}

// terminalAt is the card terminal's address.
func (s *Town) terminalAt() string {
	if len(s.lines) == 0 {
		return "serial://" + filepath.Join(s.Dir, "terminal")
	}
	return s.lines[0].Address
}

// BoardInput is the board's input of a bay, the first being 0.
func BoardInput(bay, input int) int { return bay*simulator.InputsPerBay + input }

// Audit proves the journal's tree and compares the journal with what bank and meters
// know of the site.
func (s *Town) Audit(ctx context.Context) ([]audit.Violation, error) {
	j, err := store.OpenReader(ctx, s.Journal())
	if err != nil {
		return nil, err
	}
	defer j.Close()
	if _, err := j.Verify(ctx, func(int64) {}); err != nil {
		return nil, err
	}
	w := simulator.Evidence(s.Bank, s.Bays)
	// an event's time is of before it was written
	w.Slack, w.Step, w.Left, w.Steps = 50*time.Millisecond, 10, 10, map[int]kiosk.Energy{}
	for i, m := range s.models {
		if m != nil {
			w.Steps[i+1] = s.step(i)
		}
	}
	w.Signed = map[int][]string{}
	for i, m := range s.signers {
		w.Signed[i+1] = m.Records()
	}
	if s.witness != nil {
		s.witness(&w)
	}
	broken, err := audit.Check(j.Records(ctx, 1), w)
	if err != nil {
		return nil, err
	}
	more, err := reports(ctx, j, w.Ledger)
	return append(broken, more...), err
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

// Settled is an *unsettled where something is open.
func (s *Town) Settled(ctx context.Context) error {
	j, err := store.OpenReader(ctx, s.Journal())
	if err != nil {
		return err
	}
	defer j.Close()
	state, err := session.Replay(j.OpenSessions(ctx))
	if err != nil {
		return err
	}
	open := unsettled{holds: s.Bank.OpenHolds()}
	for _, x := range state.Sessions {
		if x.Record != session.RecordClosed && !x.Forsaken() {
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

// model alternates between the makes, so that several are on one bus.
func (s *Town) model(i int) string {
	if len(s.Meters) > 0 {
		return s.Meters[i%len(s.Meters)]
	}
	return []string{"SDM630", "B23"}[i%2]
}

// meterLine is the name of the line that a bay's meter hangs on.
func (s *Town) meterLine(i int) string {
	if n := i % max(1, s.Lines); n > 0 {
		return fmt.Sprint("meters", n+1)
	}
	return "meters"
}

// measured tells whether a bay has a meter of its own, the first being 0.
func (s *Town) measured(i int) bool { return i < s.own() || s.metered(i) }

// register is what a bay's meter shows, the first being 0.
func (s *Town) register(i int) kiosk.Energy {
	r := s.Bays[i].State().Register
	if m := s.models[i]; m != nil {
		r -= r % s.step(i)
	}
	return r
}

// step is in what a bay's meter counts, the first being 0.
func (s *Town) step(i int) kiosk.Energy {
	if m, signs := s.signers[i]; signs { // what is billed is what it signs
		return m.Step()
	}
	return kiosk.Energy(s.models[i].Layout(nil, nil).Step)
}

// Run serves every device until ctx ends.
func (s *Town) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	meters := map[string]map[byte]simulator.Unit{}
	for i, m := range s.models {
		name := s.meterLine(i)
		if meters[name] == nil {
			meters[name] = map[byte]simulator.Unit{}
		}
		if m != nil {
			meters[name][byte(i+1)] = s.meters[i]
		}
	}
	defer context.AfterFunc(ctx, func() { s.Close() })()
	serve := func(i int, name string, f func(context.Context, io.ReadWriteCloser) error) {
		g.Go(func() error {
			return s.lines[i].Serve(ctx, func(ctx context.Context, rw io.ReadWriteCloser) error {
				if s.Wrap != nil {
					rw = s.Wrap(name, rw)
				}
				return f(ctx, rw)
			})
		})
	}
	serve(0, "terminal", tills(s.lines[0], s.Terminal))
	board := map[byte]simulator.Unit{1: s.board}
	serve(1, "board", (&simulator.Bus{Units: board, Echo: s.echo, Distort: simulator.Distort(s.faults.Board)}).Serve)
	for i := range max(1, s.Lines) {
		name := s.meterLine(i)
		serve(2+i, name, (&simulator.Bus{Units: meters[name], Echo: s.echo,
			Distort: simulator.Distort(s.faults.Meter)}).Serve)
	}
	g.Go(func() error { return s.board.Run(ctx) })
	for _, l := range s.lems {
		g.Go(l.serve)
	}
	for _, c := range s.Chargers {
		g.Go(func() error { return c.Run(ctx) })
	}
	return g.Wait()
}

// Command starts the daemon of the site.
func (s *Town) Command() (*exec.Cmd, error) { return child.Kioskd(s.Config, s.Dir, s.Environment...) }

// StartDaemon starts the daemon and waits until it answers.
func (s *Town) StartDaemon(ctx context.Context) (*exec.Cmd, error) {
	cmd, err := s.Command()
	if err != nil {
		return nil, err
	}
	return cmd, child.AwaitKioskd(ctx, cmd, s.Dir, s.Screen())
}

// Journal is the daemon's journal.
func (s *Town) Journal() string { return filepath.Join(s.Dir, "journal.db") }

// Screen is the socket on which the daemon serves the screen.
func (s *Town) Screen() string { return filepath.Join(s.Dir, "ui.sock") }

// control is the socket on which the daemon serves commands.
func (s *Town) control() string { return filepath.Join(s.Dir, "control.sock") }
