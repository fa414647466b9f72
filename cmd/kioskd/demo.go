package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"kioskd"
	"kioskd/api"
	"kioskd/child"
	"kioskd/cli"
	"kioskd/receipt"
	"kioskd/simulator"
	"kioskd/site"
	"kioskd/store"
	"kioskd/ui"
	"kioskd/ui/text"
)

// demo runs a simulated site and the real daemon as a process of its own. With
// --headless drivers are played through the screen's socket; else the touchscreen
// program is started and a person plays.
func (p program) demo(ctx context.Context, fs *flag.FlagSet, args []string) error {
	bays := fs.Int("bays", 4, "`number` of bays, 1 to 8")
	headless := fs.Bool("headless", false, "play one driver, print each step and the receipt, and end")
	speed := fs.Int("speed", 60, "`factor` by which the car is faster; timers of the protocols stay as they are")
	path := fs.String("scenario", "", "`file` with the visits that --headless plays; one driver without it")
	dir := fs.String("dir", "", "`folder` for the site's files; a temporary one without it")
	if _, err := cli.Parse(fs, args, 0); err != nil {
		return err
	}
	if *bays < 1 || *bays > 8 || *speed < 1 || *speed > 3600 {
		return cli.Usagef("demo: want 1 to 8 bays and a speed of 1 to 3600")
	}
	sc, err := readScenario(*path, *bays)
	if err != nil {
		return err
	}
	faults, err := simulator.ReadFaults(strings.NewReader(strings.Join(sc.Faults, "\n")), "faults")
	if err != nil {
		return cli.Usagef("%s: %w", *path, err)
	}
	if *dir == "" {
		tmp, err := os.MkdirTemp("", "kioskd-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		*dir = tmp
	}
	s, err := openTown(*dir, filepath.Join(*dir, "kioskd.yaml"),
		townOptions{size: *bays, speed: *speed, needScreen: !*headless}, site.QuietLog())
	if err != nil {
		return err
	}
	s.inject(faults)
	if !*headless {
		card := simulator.GoodCard()
		s.terminal.AutoCard, s.terminal.AutoAfter = &card, 4*time.Second
	}
	world, stop := context.WithCancel(context.WithoutCancel(ctx)) // outlives the daemon
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.run(world) }()
	daemon, err := s.startDaemon(ctx)
	if err != nil {
		return err
	}
	if *headless {
		err = p.playScenario(ctx, s, sc)
	} else {
		go p.cars(ctx, s)
		err = p.window(ctx, s)
	}
	daemonErr := stopProcess(daemon)
	stop()
	return errors.Join(err, daemonErr, <-ended)
}

// command starts this very program as the daemon of the site. A test's own program is
// another: it must be found by its name.
func (s *town) command() (*exec.Cmd, error) {
	self, err := os.Executable()
	if strings.HasSuffix(self, ".test") {
		self, err = exec.LookPath("kioskd")
	}
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "kioskd.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := child.Command(self, "run", "--config", s.config)
	cmd.Env = append(os.Environ(), s.environment...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start the daemon: %w", err)
	}
	return cmd, nil
}

// startDaemon starts the daemon and waits until it answers.
func (s *town) startDaemon(ctx context.Context) (*exec.Cmd, error) {
	cmd, err := s.command()
	if err != nil {
		return nil, err
	}
	for range 200 {
		if api.Running(filepath.Join(s.dir, "ui.sock")) {
			return cmd, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), stopProcess(cmd))
		case <-time.After(50 * time.Millisecond):
		}
	}
	text, err := os.ReadFile(filepath.Join(s.dir, "kioskd.log"))
	return nil, errors.Join(fmt.Errorf("the daemon did not start:\n%s", text), err, stopProcess(cmd))
}

func stopProcess(cmd *exec.Cmd) error {
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		return nil // ended already
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(cmd.Path), err)
	}
	return nil
}

// window starts the touchscreen, which lies beside this program or on the path.
func (p program) window(ctx context.Context, s *town) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	path := filepath.Join(filepath.Dir(self), "kioskd-ui")
	if _, err := os.Stat(path); err != nil {
		path, err = exec.LookPath("kioskd-ui")
		if err != nil {
			return fmt.Errorf("cannot find kioskd-ui; kioskd demo --headless needs none: %w", err)
		}
	}
	fmt.Fprintln(p.Out, "Touch the window. A card comes 4 s after it is asked for, a car soon after the hold.\nFive "+
		"touches on the site's name, then 271828: the technician; 314159: the host.")
	cmd := child.CommandContext(ctx, path, "--socket", filepath.Join(s.dir, "ui.sock"), "--windowed", "800x480")
	cmd.Env = append(os.Environ(), "LC_ALL=en_US.UTF-8") // Fyne complains about none before its program begins
	cmd.Stdout, cmd.Stderr = p.Err, p.Err
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("kioskd-ui: %w", err)
	}
	return nil
}

// cars plugs a car in a moment after the screen asks for one, and takes it away when its
// bay's contactor has opened.
func (p program) cars(ctx context.Context, s *town) {
	d := newDriver(ctx, filepath.Join(s.dir, "ui.sock"))
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	charged := make([]bool, len(s.bays))
	asked := 0
	for {
		select {
		case v, ok := <-d.views:
			if !ok {
				return
			}
			d.now = v
			continue
		case <-tick.C:
		}
		asked++
		if d.now.Screen != ui.PlugIn {
			asked = 0
		}
		if asked == 6 {
			s.bays[d.now.Bay-1].Plug(simulator.GoodCar())
		}
		for i, b := range s.bays {
			st := b.State()
			if charged[i] && !st.Closed {
				b.Unplug()
			}
			charged[i] = st.Closed
		}
	}
}

// driver plays a person at the screen through its socket.
type driver struct {
	client *ui.Client
	views  chan ui.View
	now    ui.View
	closed func(ui.View) // is told what a screen says that sells nothing; may be nil
}

// await waits for a screen.
func (d *driver) await(ctx context.Context, ready func(ui.View) bool, what string) error {
	limit := time.NewTimer(2 * time.Minute)
	defer limit.Stop()
	for !ready(d.now) {
		select {
		case v, ok := <-d.views:
			if !ok {
				return errors.New("the screen's connection ended")
			}
			d.now = v
		case <-limit.C:
			return fmt.Errorf("waited two minutes for %s, the screen shows %s %s", what, d.now.Screen, d.now.Message)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (d *driver) screen(ctx context.Context, s ui.Screen) error {
	return d.await(ctx, func(v ui.View) bool { return v.Screen == s }, "screen "+string(s))
}

// home leaves whatever the screen shows of the visitor before.
func (d *driver) home(ctx context.Context) error {
	for d.now.Screen != ui.Attract {
		d.touch(ctx, ui.Back, "") // refused where there is nothing to go back from
		select {
		case v, ok := <-d.views:
			if !ok {
				return errors.New("the screen's connection ended")
			}
			d.now = v
			if v.Closed() && d.closed != nil {
				d.closed(v)
			}
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (d *driver) touch(ctx context.Context, k ui.InputKind, value string) error {
	return d.client.Send(ctx, ui.Input{Seq: d.now.Seq, Kind: k, Value: value})
}

// newDriver connects to a daemon's screen socket.
func newDriver(ctx context.Context, socket string) *driver {
	d := &driver{client: ui.Dial(socket), views: make(chan ui.View, 64)}
	go func() {
		defer close(d.views)
		for ctx.Err() == nil { // a daemon that is started again is found again
			d.client.Views(ctx, func(v ui.View) {
				select {
				case d.views <- v:
				case <-ctx.Done():
				}
			})
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return d
}

// sums prints the receipts and the three sums that must agree.
func (p program) sums(ctx context.Context, s *town, sessions []string, counted kiosk.Energy,
	texts *text.Catalogues) error {
	j, err := store.OpenReader(ctx, filepath.Join(s.dir, "journal.db"))
	if err != nil {
		return err
	}
	defer j.Close()
	en := texts.Printer("en")
	billed, energy := kiosk.Money{Currency: "EUR"}, kiosk.Energy(0)
	for _, id := range sessions {
		r, err := receipt.From(ctx, j.Session(ctx, id), j.TreeHash)
		if err != nil {
			return err
		}
		if r.Total.Minor == 0 {
			continue
		}
		fmt.Fprintf(p.Out, "\n%s\n", r.Text(en))
		billed.Minor += r.Total.Minor
		energy += r.Energy
	}
	bank := kiosk.Money{Currency: billed.Currency}
	for _, l := range s.bank.Lines() {
		if l.Kind == "capture" {
			bank.Minor += l.Minor
		}
	}
	fmt.Fprintf(p.Out, "journal billed  %10s  for %s\nbank took       %10s\nmeter counted   %10s      %s\n",
		en.Money(billed), en.Energy(energy, 3), en.Money(bank), "", en.Energy(counted, 3))
	if bank != billed || counted != energy {
		return errors.New("the sums do not agree")
	}
	broken, err := s.audit(ctx)
	if err != nil {
		return err
	}
	for _, v := range broken {
		fmt.Fprintln(p.Err, "kioskd:", v)
	}
	if len(broken) > 0 {
		return errors.New("the audit found what must not be")
	}
	fmt.Fprintln(p.Out, "The sums agree, and the journal verifies.")
	return nil
}
