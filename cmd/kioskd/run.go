package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"kioskd/cli"
	"kioskd/config"
	"kioskd/file"
	"kioskd/site"
	"kioskd/tell"
)

func (p program) runDaemon(flags *pflag.FlagSet) cli.Run {
	path := configFlag(flags)
	return func(ctx context.Context, _ []string) error {
		c, err := p.config(*path)
		if err != nil {
			return err
		}
		if err := file.Become(filepath.Dir(c.Journal)); err != nil {
			return err
		}
		debug, err := debugged(os.Getenv("KIOSKD_DEBUG"))
		if err != nil {
			return err
		}
		kept := site.NewLogLines(slog.NewTextHandler(p.Err, nil))
		s, err := site.Open(ctx, c, site.Options{Log: slog.New(kept), Lines: kept.Kept, Journal: p.journal,
			Version: version, Debug: debug})
		if err != nil {
			return err
		}
		err = s.Run(ctx)
		return errors.Join(err, s.Close())
	}
}

// debugged are the lines whose traffic is logged.
func debugged(text string) ([]string, error) {
	names := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
	for _, name := range names {
		if !slices.Contains([]string{"zvt", "modbus", "backoffice", "ocpp", "csms"}, name) {
			return nil, cli.Usagef("KIOSKD_DEBUG: %q: want zvt, modbus, backoffice, ocpp or csms, with commas", name)
		}
	}
	return names, nil
}

// configFlag is the flag that names the configuration.
func configFlag(fs *pflag.FlagSet) *string {
	return fs.String("config", config.Packaged, "configuration `file`")
}

// config reads a configuration; its faults are printed, one a line.
func (p program) config(path string) (*config.Config, error) { return p.configAnd(path, false) }

func (p program) configAnd(path string, others bool) (*config.Config, error) {
	c, err := config.ReadWithFiles(path, others)
	if err != nil {
		return nil, p.BadInput(err)
	}
	return c, nil
}

func (p program) check(flags *pflag.FlagSet) cli.Run {
	path := configFlag(flags)
	return func(_ context.Context, _ []string) error {
		c, err := p.configAnd(*path, true)
		if err != nil {
			return err
		}
		if err := tell.Check(c.WebHooks, c.Mail); err != nil {
			return cli.Usage(err)
		}
		fmt.Fprintf(p.Out, "%s is good: %d bays, hold %v, terminal %s\n", *path, len(c.Bays), c.Hold,
			c.Terminal.Address)
		for _, round := range c.Rounds() {
			fmt.Fprintln(p.Out, round)
		}
		return nil
	}
}
