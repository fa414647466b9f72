package main

import (
	"cmp"
	"context"
	"fmt"
	"os/user"
	"strings"

	"github.com/spf13/pflag"

	"kioskd"
	"kioskd/api"
	"kioskd/cli"
	"kioskd/socket"
)

// What an operator does to a running daemon. Each is an observation like any other: the
// machine decides, and the journal has it.

// withDaemon runs f with a running daemon.
func (p program) withDaemon(path string, f func(*api.Client) error) error {
	c, err := p.config(path)
	if err != nil {
		return err
	}
	if !socket.Answers(c.Control()) {
		return fmt.Errorf("kioskd does not run: nothing answers at %s", c.Control())
	}
	return f(api.Dial(c.Control()))
}

func (p program) drain(fs *pflag.FlagSet) cli.Run {
	path := configFlag(fs)
	off := fs.Bool("off", false, "sell again")
	look := fs.Bool("ask", false, "only say what is open, and change nothing")
	limit := fs.Duration("for", api.DrainLimit, "longest `time` to wait")
	return func(ctx context.Context, _ []string) error {
		return p.withDaemon(*path, func(r *api.Client) error {
			switch {
			case *look:
				d, err := r.Underway(ctx)
				if err == nil {
					fmt.Fprintln(p.Out, cmp.Or(strings.Join(d.Waiting, ", "), "nothing is open"))
				}
				return err
			case *off:
				_, err := r.Drain(ctx, false)
				return err
			}
			if err := r.UntilDrained(ctx, *limit, p.Waiting); err != nil {
				return err
			}
			fmt.Fprintln(
				p.Out, "Nothing is open: kioskd may be stopped. It sells again when it is started, or with drain "+
					"--off.")
			return nil
		})
	}
}

// nameOperator is who types, where --by does not say it.
func nameOperator(by *string) error {
	if *by != "" {
		return nil
	}
	me, err := user.Current()
	if err != nil {
		return cli.Usagef("--by is needed: %w", err)
	}
	*by = me.Username
	return nil
}

func (p program) sessionStop(fs *pflag.FlagSet) cli.Run {
	path := configFlag(fs)
	by := fs.String("by", "", "`name` that the journal keeps; yours without it")
	return func(ctx context.Context, args []string) error {
		ref, err := kiosk.ParseReference(args[0])
		if err != nil {
			return cli.Usage(err)
		}
		if err := nameOperator(by); err != nil {
			return err
		}
		return p.withDaemon(*path, func(r *api.Client) error {
			_, err := r.Stop(ctx, ref, *by)
			return err
		})
	}
}

func (p program) faultClear(fs *pflag.FlagSet) cli.Run {
	path := configFlag(fs)
	bay := fs.Int("bay", 0, "`number` of the bay; 0 for the site")
	return func(ctx context.Context, args []string) error {
		if _, ok := kiosk.FaultByCode(kiosk.FaultCode(args[0])); !ok {
			return cli.Usagef("fault clear: there is no fault %q", args[0])
		}
		return p.withDaemon(*path, func(r *api.Client) error {
			_, err := r.ClearFault(ctx, kiosk.FaultCode(args[0]), *bay, "")
			return err
		})
	}
}
