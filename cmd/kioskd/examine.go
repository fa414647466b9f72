package main

import (
	"context"

	"github.com/spf13/pflag"

	"kioskd/api"
	"kioskd/cli"
	"kioskd/config"
	"kioskd/site"
	"kioskd/ui/text"
)

func (p program) doctor(flags *pflag.FlagSet) cli.Run {
	lang := flags.String("language", "en", "`language` of what to do")
	format := cli.FormatFlag(flags)
	return p.withSite(flags, func(ctx context.Context, c *config.Config, s api.Devices, _ []string) error {
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
