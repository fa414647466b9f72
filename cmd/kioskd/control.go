package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"kioskd"
	"kioskd/api"
	"kioskd/cli"
	"kioskd/config"
	"kioskd/site"
	"kioskd/terminal"
)

// withTerminal runs f with the site's terminal, through the daemon while it runs, and prints
// its answer.
func (p program) withTerminal(fs *pflag.FlagSet, f func(context.Context, api.Devices, []string) (any, error)) cli.Run {
	format := cli.FormatFlagOf(fs, "json")
	return p.withSite(fs, func(ctx context.Context, _ *config.Config, s api.Devices, args []string) error {
		answer, err := f(ctx, s, args)
		if err != nil {
			return err
		}
		return p.Record(*format, answer)
	})
}

// withSite runs f with a site's configuration and devices.
func (p program) withSite(fs *pflag.FlagSet,
	f func(context.Context, *config.Config, api.Devices, []string) error) cli.Run {
	path := configFlag(fs)
	return func(ctx context.Context, args []string) error {
		c, err := p.config(*path)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, site.ServiceLimit)
		defer cancel()
		s, end, err := site.Reach(ctx, c)
		if err != nil {
			return err
		}
		defer end()
		return f(ctx, c, s, args)
	}
}

func (p program) terminalStatus(fs *pflag.FlagSet) cli.Run {
	return p.withTerminal(fs, func(ctx context.Context, s api.Devices, _ []string) (any, error) {
		return s.Status(ctx)
	})
}

func (p program) terminalPending(fs *pflag.FlagSet) cli.Run {
	return p.withTerminal(fs, func(ctx context.Context, s api.Devices, _ []string) (any, error) {
		return s.Pending(ctx)
	})
}

func (p program) terminalEndOfDay(fs *pflag.FlagSet) cli.Run {
	force := fs.Bool("force", false, "although captures wait that the terminal refuses until its end-of-day; it may "+
		"take their holds whole")
	return p.withTerminal(fs, func(ctx context.Context, s api.Devices, _ []string) (any, error) {
		return s.EndOfDay(ctx, *force)
	})
}

func (p program) terminalRelease(fs *pflag.FlagSet) cli.Run {
	return p.withTerminal(fs, func(ctx context.Context, s api.Devices, args []string) (any, error) {
		if err := terminal.CheckHoldID(kiosk.HoldID(args[0])); err != nil {
			return nil, cli.Usagef("terminal release: %w", err)
		}
		x, err := s.Release(ctx, kiosk.HoldID(args[0]))
		if err != nil {
			return nil, fmt.Errorf("cannot release hold %s: %w", args[0], err)
		}
		return x, nil
	})
}
