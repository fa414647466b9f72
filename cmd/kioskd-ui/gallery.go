package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"kioskd/ui/screens"
)

// gallery has the host's pictures, which the daemon serves by name. It is used on Fyne's goroutine alone.
type gallery struct {
	fetch  func(ctx context.Context, name string) ([]byte, error)
	do     func(func()) // runs something on Fyne's goroutine
	redraw func()
	kept   map[string]*screens.Image // nil while it is fetched, and where it cannot be read
}

// again is how long after a failure a picture is asked for once more.
const again = 5 * time.Second

// picture is a picture by its name, or nil while there is none; it is drawn once it is there.
func (g *gallery) picture(name string) *screens.Image {
	img, known := g.kept[name]
	if known || name == "" || g.fetch == nil {
		return img
	}
	if g.kept == nil {
		g.kept = map[string]*screens.Image{}
	}
	g.kept[name] = nil
	go func() {
		data, err := g.fetch(context.Background(), name)
		var img *screens.Image
		if err == nil {
			img, err = screens.NewImage(name, data)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "kioskd-ui: cannot show picture %s: %v\n", name, err)
			time.AfterFunc(again, func() { g.do(func() { delete(g.kept, name) }) })
			return
		}
		g.do(func() {
			g.kept[name] = img
			g.redraw()
		})
	}()
	return nil
}
