package main

import (
	"context"

	"github.com/spf13/pflag"

	"kioskd/cli"
	"kioskd/simulator/town"
)

// torture treats simulated sites as badly as the world can; see town.Torture.
func (p program) torture(fs *pflag.FlagSet) cli.Run {
	o := town.Torture{Out: p.Out}
	fs.IntVar(&o.Sessions, "sessions", 1000, "`number` of charging sessions, all sites together")
	fs.Uint64Var(&o.Seed, "seed", 0, "`number` that the misfortunes follow from; 0 for a new one")
	fs.DurationVar(&o.Limit, "for", 0, "longest `time` before the sites are left in peace; 0 for none")
	fs.IntVar(&o.Sites, "sites", 16, "`number` of sites at a time")
	fs.StringVar(&o.Dir, "dir", "", "`folder` that keeps journals, ledgers and logs; a temporary one without it")
	return func(ctx context.Context, _ []string) error {
		if o.Sites < 1 || o.Sites > 200 || o.Sessions < 1 {
			return cli.Usagef("torture: want 1 to 200 sites and at least one session")
		}
		return town.RunTorture(ctx, o)
	}
}
