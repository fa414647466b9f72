package main

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"kioskd"
	"kioskd/cli"
	"kioskd/simulator"
)

// simulateCharger connects a charger to a central system; a person at it types what happens.
func (p program) simulateCharger(fs *pflag.FlagSet) cli.Run {
	version := fs.String("ocpp", "1.6", "`version` of OCPP: 1.6 or 2.0.1")
	url := fs.String("url", "ws://127.0.0.1:8887/ocpp", "`address` of the central system, without the identity")
	id := fs.String("id", "WB-1", "`identity`")
	password := fs.String("password", "", "`file` with the password; none without it")
	connectors := fs.Int("connectors", 1, "`number` of connectors")
	power := fs.Int("power", 11000, "what a vehicle draws, in `watt`")
	speed := fs.Int("speed", 1, "`factor` by which cars are faster")
	read := faultsFlag(fs)
	return func(ctx context.Context, _ []string) error {
		if *version != "1.6" && *version != "2.0.1" {
			return cli.Usagef("simulate charger: version %q: want 1.6 or 2.0.1", *version)
		}
		if *connectors < 1 || *connectors > 99 || *speed < 1 || *power < 1 {
			return cli.Usagef("simulate charger: want 1 to 99 connectors, and a power and a speed of at least 1")
		}
		faults, err := read()
		if err != nil {
			return err
		}
		c := &simulator.Charger{ID: *id, Version: *version, URL: strings.TrimSuffix(*url, "/"),
			Log: slog.New(slog.NewTextHandler(p.Err, nil))}
		if *password != "" {
			text, err := os.ReadFile(*password)
			if err != nil {
				return cli.Usagef("cannot read the password: %w", err)
			}
			c.Password = strings.TrimSpace(string(text))
		}
		for range *connectors {
			c.Bays = append(c.Bays, simulator.NewBay(1_234_567, 0, *speed))
		}
		c.Misbehave(faults.Charger...)
		fmt.Fprintf(p.Out, "charger %s connects to %s\nType %s.\n", c.ID, c.URL, whatHappens)
		go p.atCharger(c, kiosk.Power(*power))
		return c.Run(ctx)
	}
}

const whatHappens = "plug N, unplug N, pause N or emergency N"

// atCharger reads what a person at the charger does.
func (p program) atCharger(c *simulator.Charger, power kiosk.Power) {
	in := bufio.NewScanner(p.In)
	for in.Scan() {
		what, number, _ := strings.Cut(strings.TrimSpace(in.Text()), " ")
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 || n > len(c.Bays) {
			fmt.Fprintln(p.Err, "kioskd: want "+whatHappens)
			continue
		}
		switch b := c.Bays[n-1]; what {
		case "plug":
			b.Plug(simulator.Car{Power: power, Need: 20000})
		case "unplug":
			b.Unplug()
		case "pause":
			b.Pause(true)
		case "emergency":
			b.Emergency(!b.State().Emergency)
		default:
			fmt.Fprintln(p.Err, "kioskd: want "+whatHappens)
		}
	}
}
