package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"kioskd/child"
	"kioskd/cli"
	"kioskd/simulator"
	"kioskd/simulator/town"
	"kioskd/site"
)

// demo runs a simulated site and the real daemon as a process of its own. With
// --headless drivers are played through the screen's socket; else the touchscreen
// program is started and a person plays.
func (p program) demo(fs *pflag.FlagSet) cli.Run {
	bays := fs.Int("bays", 4, "`number` of bays, 1 to 8")
	chargers := fs.Int("chargers", 0, "`number` of bays, the last ones, that are connectors of chargers (OCPP)")
	fs.Lookup("chargers").NoOptDefVal = "2"
	version := fs.String("ocpp", "", "`version` that the chargers speak: 1.6 or 2.0.1; both in turn without it")
	headless := fs.Bool("headless", false, "play one driver, print each step and the receipt, and end")
	speed := fs.Int("speed", 60, "`factor` by which the car is faster; timers of the protocols stay as they are")
	meters := fs.StringSlice("meters", nil, "`models` of the bays' meters, in turn; those that can, sign the sales")
	path := fs.String("scenario", "", "`file` with the visits that --headless plays; one driver without it")
	dir := fs.String("dir", "", "`folder` for the site's files; a temporary one without it")
	return func(ctx context.Context, _ []string) error {
		if *bays < 1 || *bays > 8 || *chargers < 0 || *chargers > *bays || *speed < 1 || *speed > 3600 {
			return cli.Usagef("demo: want 1 to 8 bays, at most as many at chargers, and a speed of 1 to 3600")
		}
		sc, err := town.ReadScenario(*path, *bays)
		if err != nil {
			return cli.Usage(err)
		}
		faults, err := simulator.ReadFaults(strings.NewReader(strings.Join(sc.Faults, "\n")), "faults")
		if err != nil {
			return cli.Usagef("%s: %w", *path, err)
		}
		remove, err := folder(dir)
		if err != nil {
			return err
		}
		defer remove()
		s, err := town.Open(*dir, filepath.Join(*dir, "kioskd.yaml"), town.Options{Size: *bays, Connectors: *chargers,
			Metered: true, OCPP: *version, Speed: *speed, NeedScreen: !*headless, Meters: *meters, Sign: true},
			site.QuietLog())
		if err != nil {
			return err
		}
		s.Inject(faults)
		if !*headless {
			card := simulator.GoodCard()
			s.Terminal.AutoCard, s.Terminal.AutoAfter = &card, 4*time.Second
		}
		world, stop := context.WithCancel(context.WithoutCancel(ctx)) // outlives the daemon
		defer stop()
		ended := make(chan error, 1)
		go func() { ended <- s.Run(world) }()
		daemon, err := s.StartDaemon(ctx)
		if err != nil {
			return err
		}
		if *headless {
			err = s.PlayScenario(ctx, p.Out, sc)
		} else {
			go s.Cars(ctx)
			go s.Tell(world, p.Out)
			err = p.window(ctx, s)
		}
		daemonErr := child.Stop(daemon)
		stop()
		return errors.Join(err, daemonErr, <-ended)
	}
}

// folder is the one that was named, or a temporary one that remove removes.
func folder(dir *string) (remove func(), err error) {
	if *dir != "" {
		return func() {}, nil
	}
	*dir, err = os.MkdirTemp("", "kioskd-demo-")
	temporary := *dir
	return func() { os.RemoveAll(temporary) }, err
}

// window starts the touchscreen, which lies beside this program or on the path.
func (p program) window(ctx context.Context, s *town.Town) error {
	path, err := child.Beside("kioskd-ui")
	if err != nil {
		return fmt.Errorf("%w; kioskd demo --headless needs none", err)
	}
	fmt.Fprintln(p.Out, "Touch the window. A card comes 4 s after it is asked for, a car soon after the hold.\nFive "+
		"touches on the site's name, then 271828: the technician; 314159: the host.")
	cmd := child.CommandContext(ctx, path, "--socket", s.Screen(), "--windowed", "800x480")
	cmd.Env = append(os.Environ(), "LC_ALL=en_US.UTF-8") // Fyne complains about none before its program begins
	cmd.Stdout, cmd.Stderr = p.Err, p.Err
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("kioskd-ui: %w", err)
	}
	return nil
}
