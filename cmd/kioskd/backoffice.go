package main

import (
	"context"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"

	"kioskd"
	"kioskd/api"
	"kioskd/cli"
)

// officeCommand runs f with a running daemon.
func (p program) officeCommand(fs *pflag.FlagSet, f func(context.Context, *api.Client) error) cli.Run {
	path := configFlag(fs)
	return func(ctx context.Context, _ []string) error {
		return p.withDaemon(*path, func(r *api.Client) error { return f(ctx, r) })
	}
}

func (p program) officeStatus(fs *pflag.FlagSet) cli.Run {
	format := fs.String("format", "table", "`form`: table or json")
	return p.officeCommand(fs, func(ctx context.Context, r *api.Client) error {
		st, err := r.Office(ctx)
		if err != nil {
			return err
		}
		switch *format {
		case "json":
			return p.JSON(st)
		case "table":
			return p.officeTable(st)
		}
		return cli.Usagef("backoffice status: format %q: want table or json", *format)
	})
}

func (p program) officeTable(st api.Office) error {
	w := tabwriter.NewWriter(p.Out, 0, 0, 2, ' ', 0)
	row := func(name string, value any) { fmt.Fprintf(w, "%s\t%v\n", name, value) }
	at := func(t time.Time) string {
		if t.IsZero() {
			return "-"
		}
		return t.Local().Format(time.DateTime)
	}
	if !st.Configured {
		row("back office", "none is configured")
	} else {
		row("back office", st.URL)
		row("state", string(st.Class)+" since "+at(st.Since))
		row("last answer", at(st.Good))
		if st.Why != "" {
			row("why", st.Why)
			row("next try", at(st.Next))
		}
		row("sent", fmt.Sprintf("%d records, %d bytes out, %d in, %d connections", st.Sent, st.Out, st.In,
			st.Connections))
	}
	row("backlog", st.Backlog)
	row("parked", len(st.Parked))
	for _, r := range st.Parked {
		row("  record "+strconv.FormatInt(r.Seq, 10), r.Why)
	}
	return w.Flush()
}

func (p program) officeAgain(fs *pflag.FlagSet) cli.Run {
	return p.officeCommand(fs, func(ctx context.Context, r *api.Client) error {
		_, err := r.SendAgain(ctx)
		return err
	})
}

func (p program) csmsAgain(fs *pflag.FlagSet) cli.Run {
	return p.officeCommand(fs, func(ctx context.Context, r *api.Client) error {
		_, err := r.TellAgain(ctx)
		return err
	})
}

func (p program) officeNow(fs *pflag.FlagSet) cli.Run {
	return p.officeCommand(fs, func(ctx context.Context, r *api.Client) error {
		_, err := r.SendNow(ctx)
		return err
	})
}

func (p program) refund(fs *pflag.FlagSet) cli.Run {
	path := configFlag(fs)
	by := fs.String("by", "", "`name` that the journal keeps; yours without it")
	why := fs.String("why", "", "`reason`, for the books")
	return func(ctx context.Context, args []string) error {
		ref, err := kiosk.ParseReference(args[0])
		if err != nil {
			return cli.Usage(err)
		}
		if *why == "" {
			return cli.Usagef("refund: --why is needed: the books ask for it")
		}
		if err := nameOperator(by); err != nil {
			return err
		}
		return p.withDaemon(*path, func(r *api.Client) error {
			out, err := r.Refund(ctx, ref, args[1], *by, *why)
			if err != nil {
				return err
			}
			return p.JSON(out)
		})
	}
}
