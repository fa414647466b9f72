// Command kioskd-ui is the touchscreen. It draws the views that the daemon sends over
// its socket and sends back what a finger did; it comes back by itself when the daemon
// does.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/app"
	"fyne.io/fyne/v2/container"

	"kioskd/ui"
	"kioskd/ui/screens"
	"kioskd/ui/text"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	fs := flag.NewFlagSet("kioskd-ui", flag.ContinueOnError)
	socket := fs.String("socket", "/run/kioskd/ui.sock", "the daemon's `socket`")
	windowed := fs.String("windowed", "", "`size` of a window such as 800x480, in place of the full screen")
	language := fs.String("language", "en", "`language` until the daemon answers")
	fs.Usage = func() {
		fmt.Fprintln(fs.Output(), "kioskd-ui: the touchscreen\n\nExample:\n  kioskd-ui --socket /run/kioskd/ui.sock\n\nFlags:")
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err == flag.ErrHelp {
		return 0
	} else if err != nil {
		return 2
	}
	size := fyne.NewSize(800, 480)
	if *windowed != "" {
		var w, h float32
		if n, err := fmt.Sscanf(*windowed, "%gx%g", &w, &h); n != 2 || err != nil || w < 320 || h < 240 {
			fmt.Fprintf(os.Stderr, "kioskd-ui: windowed %q: want a size such as 800x480\n", *windowed)
			return 2
		}
		size = fyne.NewSize(w, h)
	}
	texts, err := text.Load()
	if err != nil {
		fmt.Fprintf(os.Stderr, "kioskd-ui: %v\n", err)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	show(ctx, ui.Dial(*socket), texts, size, *windowed == "", *language)
	return 0
}

// show opens the window and runs until ctx ends or the window is closed.
func show(ctx context.Context, client *ui.Client, texts *text.Catalogues, size fyne.Size, full bool, language string) {
	a := app.NewWithID("io.kioskd.ui")
	a.Settings().SetTheme(screens.NewTheme())
	w := a.NewWindow("kioskd")
	w.SetPadded(false)
	w.SetFullScreen(full)
	w.Resize(size)
	drawer := &screens.Drawer{Texts: texts, Send: func(in ui.Input) {
		go func() { // never on the drawing goroutine
			if err := client.Send(ctx, in); err != nil {
				fmt.Fprintf(os.Stderr, "kioskd-ui: %v\n", err)
			}
		}()
	}}
	draw := func(v ui.View) {
		fyne.Do(func() {
			if full {
				size = w.Canvas().Size()
			}
			w.SetContent(container.NewWithoutLayout())
			w.SetContent(drawer.Draw(v, size))
		})
	}
	lost := ui.View{Screen: ui.OutOfOrder, Language: language, Fault: "lost"}
	w.SetContent(drawer.Draw(lost, size))
	go func() {
		for ctx.Err() == nil {
			last := lost
			client.Views(ctx, func(v ui.View) { last = v; draw(v) }) // its error is shown as the screen below
			gone := last
			gone.Screen, gone.Fault = ui.OutOfOrder, "lost"
			draw(gone)
			select {
			case <-ctx.Done():
			case <-time.After(500 * time.Millisecond):
			}
		}
		fyne.Do(a.Quit)
	}()
	w.ShowAndRun()
}
