package main

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/app"
	"fyne.io/fyne/v2/container"
	"github.com/coreos/go-systemd/v22/daemon"

	"kioskd/ui"
	"kioskd/ui/screens"
	"kioskd/ui/text"
)

// window shows views. All of it runs on Fyne's goroutine but what is said to say otherwise.
type window struct {
	w      fyne.Window
	size   fyne.Size // of a window; the panel's where it is zero
	drawer *screens.Drawer
	speech *speaker
	player player
	pics   gallery
	sleeper

	view    ui.View
	drawn   fyne.Size // that pic is for
	pic     *screens.Picture
	changed time.Time // of the screen
	focus   int       // of the keypad; -1 while no driver uses one
	hinted  bool      // this visitor was told how to have the screen read aloud
	spoken  string
	lit     bool
	moment  *time.Timer // while an approval fills the screen; nil else
	pulsing atomic.Bool // read by another goroutine
}

// wider is how much an edge grows that breathes.
const wider = 2.2

// Touches that come sooner after the screen changed were meant for the one before.
const tooSoon = 200 * time.Millisecond

// newWindow opens a window; send gets what a finger did, on a goroutine of its own.
func newWindow(a fyne.App, texts *text.Catalogues, o options, send func(ui.Input)) *window {
	a.Settings().SetTheme(screens.NewTheme())
	win := &window{w: a.NewWindow("kioskd"), size: o.size, speech: newSpeaker(), focus: -1,
		sleeper: sleeper{await: waitForEvents, end: endWait}}
	win.w.SetPadded(false)
	win.w.SetFullScreen(o.size.IsZero())
	win.w.Resize(o.size)
	if o.size.IsZero() {
		win.w.Resize(fyne.NewSize(800, 480))
	}
	inputs := make(chan ui.Input, 64) // in the order in which they were made
	go func() {
		for in := range inputs {
			send(in)
		}
	}()
	win.drawer = &screens.Drawer{Texts: texts, Millimetres: o.millimetres, Redraw: win.draw,
		Send: func(in ui.Input) {
			if time.Since(win.changed) >= tooSoon {
				inputs <- in
				return
			}
			win.draw() // it does not look pressed any longer
		}}
	win.player = newPlayer()
	win.pics.do, win.pics.redraw = win.do, win.draw
	win.drawer.Image = win.pics.picture
	win.drawer.Touched = func() { win.focus = -1; win.mark() }
	if win.speech.path != "" {
		win.drawer.Say = func() { win.speech.say(win.view.Language, win.spoken) }
	}
	win.w.Canvas().SetOnTypedKey(win.key)
	win.w.Canvas().SetOnTypedRune(win.rune)
	return win
}

// show draws a view, where it is another than the one that is shown.
func (win *window) show(v ui.View) {
	if win.pic != nil && reflect.DeepEqual(v, win.view) {
		return
	}
	if v.Screen != win.view.Screen || v.Session != win.view.Session {
		win.changed = time.Now()
		win.focus = min(win.focus, 0)
		if v.Screen == ui.Attract { // the visitor with the keypad has gone
			win.focus, win.hinted = -1, false
		}
	}
	if approval(win.view, v) {
		win.celebrate()
	}
	win.drawer.Mute = win.speech.path == "" || misread[v.Language]
	spoke := win.view.Access.Speech
	again := v.Seq != win.view.Seq || v.Message != win.view.Message || v.Access != win.view.Access
	win.view = v
	win.draw()
	win.spoken = win.aloud(strings.Join(win.pic.Spoken, ". "))
	switch {
	case !v.Access.Speech && spoke:
		win.speech.say(v.Language, "")
	case v.Access.Speech && again:
		win.speech.say(v.Language, win.spoken)
	}
}

// approval tells whether a view follows a card that was approved just now.
func approval(old, now ui.View) bool {
	return festive(now) && now.Approved.Minor > 0 && now.Session == old.Session &&
		(old.Screen == ui.Tap || old.Screen == ui.Wait)
}

// festive tells whether an approval may fill the screen: no alarm may be hidden by it.
func festive(v ui.View) bool { return v.Screen == ui.PlugIn && v.Danger+v.Pressed == 0 }

// momentFor is how long an approval fills the screen.
const momentFor = 1400 * time.Millisecond

// celebrate shows and sounds that a card was approved, before it is said what to do next.
func (win *window) celebrate() {
	win.player.approved()
	win.changed = time.Now().Add(momentFor) // what lies below cannot be touched yet
	win.moment = time.AfterFunc(momentFor, func() {
		win.do(func() {
			win.moment = nil
			win.draw()
		})
	})
}

func (win *window) draw() {
	size := win.size
	if size.IsZero() {
		size = win.w.Canvas().Size()
	}
	win.drawn = size
	win.pic = win.drawer.Draw(win.view, size)
	shown := win.pic.Object
	if win.moment != nil && festive(win.view) {
		shown = win.drawer.Moment(win.view, size)
	}
	win.w.SetContent(container.New(panel{win}, shown))
	win.mark()
	win.pulse()
}

// panel draws the view anew when the panel turns out to have another size: a window is shown before
// it is as large as the screen, and on a screen where nothing happens no other view may come.
type panel struct{ win *window }

// Layout implements fyne.Layout.
func (p panel) Layout(all []fyne.CanvasObject, size fyne.Size) {
	for _, o := range all {
		o.Resize(size)
	}
	if p.win.size.IsZero() && size != p.win.drawn {
		p.win.do(p.win.draw)
	}
}

// MinSize implements fyne.Layout.
func (p panel) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.Size{} }

// pulse lets what is to be done breathe, slowly; not for a visitor who asked for calm.
func (win *window) pulse() {
	win.pulsing.Store(len(win.pic.Pulse) > 0 && !win.view.Access.Large)
	for _, r := range win.pic.Pulse {
		if win.lit && !win.view.Access.Large {
			r.StrokeWidth *= wider
		}
		r.Refresh()
	}
}

// mark shows where the keypad is.
func (win *window) mark() {
	for i, b := range win.pic.Buttons {
		b.Focus(i == win.focus && win.focus >= 0)
	}
}

// key moves through the buttons, in their order, and presses.
func (win *window) key(e *fyne.KeyEvent) {
	n := len(win.pic.Buttons)
	if n == 0 {
		return
	}
	name := e.Name
	if win.pic.Right { // on is to the left
		name = map[fyne.KeyName]fyne.KeyName{fyne.KeyLeft: fyne.KeyRight, fyne.KeyRight: fyne.KeyLeft}[name]
		if name == "" {
			name = e.Name
		}
	}
	switch name {
	case fyne.KeyRight, fyne.KeyDown, fyne.KeyTab:
		win.focus = (win.focus + 1) % n
	case fyne.KeyLeft, fyne.KeyUp:
		win.focus = (max(win.focus, 0) + n - 1) % n
	case fyne.KeyReturn, fyne.KeyEnter, fyne.KeySpace:
		if win.focus >= 0 && win.focus < n {
			win.pic.Buttons[win.focus].Press()
		}
		return
	default:
		return
	}
	hinted := win.hinted
	win.hinted = true
	win.mark()
	switch {
	case win.view.Access.Speech:
		win.speech.say(win.view.Language, win.aloud(win.pic.Buttons[win.focus].Label))
	case !hinted && !win.drawer.Mute: // a visitor who cannot see the panel found its keys
		win.speech.say(win.view.Language, win.drawer.Texts.Printer(win.view.Language).T("access.hint"))
	}
}

// aloud puts units into words.
func (win *window) aloud(text string) string {
	p := win.drawer.Texts.Printer(win.view.Language)
	words := strings.NewReplacer(p.T("price.ENERGY"), p.T("spoken.ENERGY"), "kWh", p.T("spoken.kWh"),
		"kW", p.T("spoken.kW"))
	return words.Replace(text)
}

// speechKey turns reading aloud on and off, on every screen.
const speechKey = '*'

// rune presses the button of a digit or letter.
func (win *window) rune(r rune) {
	if r == speechKey && !win.drawer.Mute {
		on := map[bool]string{true: "off", false: "on"}[win.view.Access.Speech]
		win.drawer.Send(ui.Input{Seq: win.view.Seq, Kind: ui.Speak, Value: on})
		return
	}
	for _, b := range win.pic.Buttons {
		digit := b.Input != nil && b.Input.Kind == ui.Digit && b.Input.Value == string(r)
		if digit || b.Label == strings.ToUpper(string(r)) {
			b.Press()
			return
		}
	}
}

// show runs the screen of a daemon until ctx ends or the window is closed.
func show(ctx context.Context, client *ui.Client, texts *text.Catalogues, o options) {
	a := app.NewWithID("io.kioskd.ui")
	var win *window
	win = newWindow(a, texts, o, func(in ui.Input) {
		if err := client.Send(ctx, in); err != nil {
			fmt.Fprintf(os.Stderr, "kioskd-ui: %v\n", err)
			win.do(win.draw)
		}
	})
	win.pics.fetch = client.Picture
	lost := ui.View{Screen: ui.Lost, Language: o.language}
	win.show(lost)
	draw := newest(win.do, win.show)
	go func() {
		last := lost // in whose language it is said that the daemon is away, and whom to call
		for ctx.Err() == nil {
			client.Views(ctx, func(v ui.View) { last = v; draw(v) }) // its error is shown as the screen below
			gone := last
			gone.Screen, gone.Seq, gone.Message = ui.Lost, 0, ""
			draw(gone)
			select {
			case <-ctx.Done():
			case <-time.After(500 * time.Millisecond):
			}
		}
		win.do(a.Quit)
	}()
	go breathe(ctx, win)
	go alive(ctx, win)
	go win.run(ctx)
	win.w.ShowAndRun()
}

// newest has the newest view shown on Fyne's goroutine: a panel that draws slowly shows what is true
// now, and not one after the other what was.
func newest(do func(func()), show func(ui.View)) func(ui.View) {
	var waiting atomic.Pointer[ui.View]
	return func(v ui.View) {
		if waiting.Swap(&v) == nil {
			do(func() { show(*waiting.Swap(nil)) })
		}
	}
}

// Times of alive: some frames, and well below the service manager's patience.
const (
	someFrames = 200 * time.Millisecond
	aliveEvery = 5 * time.Second
)

// alive tells the service manager that the screen draws. Each time it has the whole picture drawn
// again and only then asks Fyne's goroutine for a sign, and the compositor for one: where either
// hangs, or a driver, none comes back, and a black or frozen screen is restarted. Without a service
// manager it does nothing.
func alive(ctx context.Context, win *window) {
	for ctx.Err() == nil {
		win.turn(ctx, func() { win.w.Canvas().Refresh(win.w.Content()) })
		wait(ctx, someFrames)
		win.turn(ctx, func() {})
		if ctx.Err() != nil {
			return
		}
		if socket := compositor(); socket != "" {
			if err := composes(socket); err != nil {
				fmt.Fprintf(os.Stderr, "kioskd-ui: %v\n", err)
				continue
			}
		}
		if said, err := daemon.SdNotify(false, daemon.SdNotifyReady+"\n"+daemon.SdNotifyWatchdog); err != nil {
			fmt.Fprintf(os.Stderr, "kioskd-ui: cannot tell the service manager: %v\n", err)
		} else if !said {
			return
		}
		wait(ctx, aliveEvery)
	}
}

// turn runs f on Fyne's goroutine and waits for its end.
func (s *sleeper) turn(ctx context.Context, f func()) {
	done := make(chan struct{})
	s.do(func() { f(); close(done) })
	select {
	case <-done:
	case <-ctx.Done():
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// breathe draws what pulses, on a goroutine of its own.
func breathe(ctx context.Context, win *window) {
	tick := time.NewTicker(700 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !win.pulsing.Load() { // what stands still costs nothing
			continue
		}
		win.turn(ctx, func() { // the next one waits for it: a slow panel breathes slowly
			win.lit = !win.lit
			for _, r := range win.pic.Pulse {
				if win.lit {
					r.StrokeWidth *= wider
				} else {
					r.StrokeWidth /= wider
				}
				r.Refresh()
			}
		})
	}
}

// storybook shows the canned views of a folder: the arrow keys and every touch go on.
func storybook(ctx context.Context, texts *text.Catalogues, o options, views []screens.Canned) {
	a := app.NewWithID("io.kioskd.ui.views")
	at := 0
	var win *window
	turn := func(by int) {
		at = (at + by + len(views)) % len(views)
		v := views[at].View
		if o.language != "" {
			v.Language = o.language
		}
		v.Seq = uint64(at + 1)
		win.w.SetTitle(views[at].Name)
		win.show(v)
	}
	win = newWindow(a, texts, o, func(ui.Input) { win.do(func() { turn(1) }) })
	win.w.Canvas().SetOnTypedKey(func(e *fyne.KeyEvent) {
		switch e.Name {
		case fyne.KeyRight, fyne.KeyDown, fyne.KeySpace:
			turn(1)
		case fyne.KeyLeft, fyne.KeyUp:
			turn(-1)
		case fyne.KeyEscape:
			a.Quit()
		}
	})
	turn(0)
	context.AfterFunc(ctx, func() { win.do(a.Quit) })
	go win.run(ctx)
	win.w.ShowAndRun()
}
