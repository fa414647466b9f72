package main

import (
	"context"
	"flag"

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
		return p.Findings(append(site.Computer(ctx, c), asked...), texts.Printer(*lang), *format)
	})
}
