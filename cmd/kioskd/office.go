package main

import (
	"context"
	"log/slog"
	"net"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"kioskd/backoffice/desk"
	"kioskd/backoffice/receiver"
	"kioskd/cli"
	"kioskd/cmd/office"
	"kioskd/config"
	"kioskd/ui/text"
	"kioskd/web"
)

// branch is a back office: with its configuration, its folder and its database.
type branch struct {
	office.Program
	c        *config.Office
	folder   *receiver.Office
	receiver *receiver.Receiver
}

// onBranch is a command of a back office.
func (p program) onBranch(fs *pflag.FlagSet, do func(context.Context, branch, []string) error) cli.Run {
	path := fs.String("config", "/etc/kioskd/office.yaml", "`file` with the configuration of the back office")
	return func(ctx context.Context, args []string) error {
		c, err := config.ReadOffice(*path)
		if err != nil {
			return cli.Usage(err)
		}
		folder, err := receiver.OpenOffice(c.Dir, c.Hosts)
		if err != nil {
			return err
		}
		r, err := receiver.Open(ctx, folder.Database(), folder.Signer, nil)
		if err != nil {
			return err
		}
		defer r.Close()
		return do(ctx, branch{office.Program{Program: p.Program}, c, folder, r}, args)
	}
}

func (p program) bureauServe(fs *pflag.FlagSet) cli.Run {
	return p.onBranch(fs, func(ctx context.Context, b branch, _ []string) error { return b.serve(ctx) })
}

func (p program) bureauEnroll(fs *pflag.FlagSet) cli.Run {
	return p.onBranch(fs, func(_ context.Context, b branch, args []string) error {
		if b.c.Servers != "" {
			return b.Enroll(b.folder, args[0], b.c.Servers)
		}
		_, port, err := net.SplitHostPort(b.c.Listen)
		if err != nil {
			return err
		}
		return b.Enroll(b.folder, args[0], "https://"+net.JoinHostPort(b.c.Hosts[0], port)+"/")
	})
}

func (p program) bureauInstruct(fs *pflag.FlagSet) cli.Run {
	return p.onBranch(fs, func(ctx context.Context, b branch, args []string) error {
		return b.Instruct(ctx, b.receiver, args[0])
	})
}

func (p program) bureauCheck(fs *pflag.FlagSet) cli.Run {
	format := fs.String("format", "table", "`form`: table or json")
	return p.onBranch(fs, func(ctx context.Context, b branch, _ []string) error {
		return b.Check(ctx, b.receiver, *format)
	})
}

// serve takes journals, shows the pages and tells, until ctx ends.
func (b branch) serve(ctx context.Context) error {
	texts, err := text.Load()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(b.Err, nil))
	d, err := desk.Open(ctx, b.c, b.folder, b.receiver, texts, version, log)
	if err != nil {
		return cli.Usage(err)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { d.Run(ctx); return nil })
	if w := b.c.Web; w != nil {
		at := web.Place{Listen: w.Listen, Certificate: w.Certificate, Key: w.Key}
		g.Go(func() error { web.Serve(ctx, at, web.OfficeHandler(d, texts, log), log); return nil })
	}
	g.Go(func() error {
		ways := desk.Ways{Listen: b.c.Listen, Receipts: b.c.Receipts, Servers: b.c.Servers,
			Credentials: b.c.Credentials,
			Replicas:    b.c.Replicas}
		return cli.Listening(ways.Receive(ctx, b.folder, b.receiver, b.Out, log))
	})
	return g.Wait()
}
