package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"kioskd/cli"
	"kioskd/config"
	"kioskd/setup"
)

// setup asks the site's devices who they are, and the host what only they know; it writes the configuration, and
// proves it with the doctor and a hold that is released at once.
func (p program) setup(fs *pflag.FlagSet) cli.Run {
	o := setup.Options{Given: map[string]string{}}
	fs.StringVar(&o.Path, "config", config.Packaged, "configuration `file` to write or to change")
	for _, q := range setup.Flags() {
		fs.Func(q.Name, q.Title, func(s string) error { o.Given[q.Name] = s; return nil })
	}
	fs.Func("line", "`address` of a line to ask, besides the serial adapters that are found; may be repeated",
		func(s string) error { o.Lines = append(o.Lines, s); return nil })
	fs.Func("bay", "a `bay`, as \"number=1 meter=SERIAL coil=0 plugged=0 feedback=1 max=22000\", and requesting, "+
		"emergency, evse, board; with contactor=GPIO17 in place of coil its inputs are GPIO lines; or "+
		"\"number=3 charger=WB-1 connector=1\" of a charger that speaks OCPP; may be repeated",
		func(s string) error { o.Bays = append(o.Bays, s); return nil })
	fs.StringVar(&o.Chargers, "ocpp", "", "`address` at which chargers connect, as tcp://0.0.0.0:8887")
	fs.StringVar(&o.Journal, "journal", "", "`file` of the journal, in place of the package's")
	fs.StringVar(&o.Socket, "socket", "", "the screen's `socket`, in place of the package's")
	units := fs.String("units", "1-32", "`range` of units to ask on a bus, at most 1-247")
	fs.StringVar(&o.Tariff, "tariff", "", "`file` with an OCPI Tariff, in place of --price")
	fs.BoolVar(&o.AcceptPrice, "accept-price", false,
		"a price ten times that of the last sale, or a tenth of it, is meant")
	fs.BoolVar(&o.Yes, "yes", false, "ask no question: answers that no flag has are the usual ones")
	fs.BoolVar(&o.NoPulse, "no-pulse", false, "close no contactor to prove which one it is")
	fs.BoolVar(&o.NoTest, "no-test", false, "no hold to try the terminal with")
	return func(ctx context.Context, _ []string) error {
		n, err := fmt.Sscanf(*units, "%d-%d", &o.From, &o.To)
		if n != 2 || err != nil || o.From < 1 || o.To > 247 || o.From > o.To {
			return cli.Usagef("setup: --units %q: want a range such as 1-32", *units)
		}
		return setup.Run(ctx, p.Program, o)
	}
}
