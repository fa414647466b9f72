// Command kioskd-ui is the touchscreen. It draws the views that the daemon sends over
// its socket and sends back what a finger did; it comes back by itself when the daemon
// does. With --views it is a storybook of views that were put by.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"fyne.io/fyne/v2"
	"github.com/spf13/pflag"

	"kioskd/ui"
	"kioskd/ui/screens"
	"kioskd/ui/text"
)

func main() { os.Exit(run(os.Args[1:])) }

// options are what flags say.
type options struct {
	size        fyne.Size // zero for the full screen
	millimetres float32
	language    string
}

func run(args []string) int {
	fs := pflag.NewFlagSet("kioskd-ui", pflag.ContinueOnError)
	socket := fs.String("socket", "/run/kioskd/ui.sock", "the daemon's `socket`")
	windowed := fs.String("windowed", "", "`size` of a window such as 800x480, in place of the full screen")
	language := fs.String("language", "", "`language` until the daemon answers")
	wide := fs.Float64("panel-mm", 0, "`width` of the panel in millimetres; without it a usual one of its pixels")
	views := fs.String("views", "", "show the views in a `folder` in place of a daemon's; arrow keys turn the pages")
	fs.Usage = func() {
		fmt.Print("kioskd-ui: the touchscreen\n\nExample:\n  kioskd-ui --socket /run/kioskd/ui.sock\n\nFlags:\n",
			fs.FlagUsages())
	}
	if err := fs.Parse(args); errors.Is(err, pflag.ErrHelp) {
		return 0
	} else if err != nil {
		return wrong("%v", err)
	}
	if fs.NArg() > 0 {
		return wrong("want no argument, got %q", fs.Arg(0))
	}
	o := options{millimetres: float32(*wide), language: *language}
	if *windowed != "" {
		if n, err := fmt.Sscanf(*windowed, "%gx%g", &o.size.Width, &o.size.Height); n != 2 || err != nil ||
			o.size.Width < 320 || o.size.Height < 240 {
			return wrong("windowed %q: want a size such as 800x480", *windowed)
		}
	}
	if *wide < 0 || *wide > 0 && *wide < 50 {
		return wrong("panel-mm %g: want the width of the panel in millimetres", *wide)
	}
	texts, err := text.Load()
	if err != nil {
		fmt.Fprintf(os.Stderr, "kioskd-ui: %v\n", err)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *views != "" {
		canned, err := screens.ReadViews(*views)
		if err != nil {
			return wrong("%v", err)
		}
		storybook(ctx, texts, o, canned)
		return 0
	}
	if o.language == "" {
		o.language = "en"
	}
	show(ctx, ui.Dial(*socket), texts, o)
	return 0
}

func wrong(format string, args ...any) int {
	fmt.Fprintf(os.Stderr, "kioskd-ui: "+format+"\n", args...)
	return 2
}
