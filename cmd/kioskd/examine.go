package main

import (
	"cmp"
	"context"
	"flag"
	"strconv"

	"kioskd/api"
	"kioskd/cli"
	"kioskd/config"
	"kioskd/site"
	"kioskd/ui/text"
)

func (p program) doctor(ctx context.Context, flags *flag.FlagSet, args []string) error {
	lang := flags.String("language", "en", "`language` of what to do")
	format := cli.FormatFlag(flags)
	return p.withSite(ctx, flags, args, 0, func(ctx context.Context, c *config.Config, s api.Devices,
		_ []string) error {
		texts, err := text.Load()
		if err != nil {
			return err
		}
		p.Note("asking every device; a card dialogue that is under way comes first")
		asked, err := s.Examine(ctx)
		if err != nil {
			return err
		}
		return p.findings(append(site.Computer(ctx, c), asked...), texts.Printer(*lang), *format)
	})
}

// findings prints what was found; it fails where something is wrong.
func (p program) findings(found []api.Finding, printer *text.Printer, format string) error {
	var rows [][]string
	ill := false
	for _, f := range found {
		state, cure := "ok", ""
		if !f.OK {
			state, ill = "FAULT", true
		}
		if f.Fault != "" {
			f.What = cmp.Or(printer.T(f.Fault.TextKey("title"))+": "+f.What, f.What)
			cure = string(f.Fault) + " " + printer.T(f.Fault.TextKey("technician"))
		}
		rows = append(rows, []string{f.Device, state, f.Identity, strconv.FormatInt(f.Millis, 10), f.What, cure})
	}
	if err := p.Table(format, []string{"device", "state", "identity", "ms", "what", "do"}, rows); err != nil {
		return err
	}
	if ill {
		return cli.ErrSilent
	}
	return nil
}
