package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"kioskd/ui"
	"kioskd/ui/screens"
	"kioskd/ui/text"
)

// speaks puts an espeak-ng on the path that writes down what it is to say.
func speaks(t *testing.T) (said func() string) {
	dir := t.TempDir()
	log := filepath.Join(dir, "said")
	script := "#!/bin/sh\nt=$(cat)\necho \"$2: $t\" >> " + log + "\n"
	if err := os.WriteFile(filepath.Join(dir, "espeak-ng"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return func() string {
		b, err := os.ReadFile(log)
		if err != nil {
			return ""
		}
		return string(b)
	}
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	// another process: no signal
	for end := time.Now().Add(5 * time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came that %s", what)
		}
	}
}

func views(t *testing.T) map[string]ui.View {
	canned, err := screens.ReadViews("../../ui/screens/testdata/views")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]ui.View{}
	for _, c := range canned {
		out[c.Name] = c.View
	}
	return out
}

func newTestWindow(t *testing.T, send func(ui.Input)) *window {
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	a := test.NewApp()
	t.Cleanup(a.Quit)
	return newWindow(a, texts, options{size: fyne.NewSize(800, 480)}, send)
}

// TestItReadsAloud what is shown and what can be done, in the visitor's language, again when
// they ask, and falls silent when they turn it off.
func TestItReadsAloud(t *testing.T) {
	said := speaks(t)
	win := newTestWindow(t, func(ui.Input) {})
	v := views(t)["tap"]
	win.show(v)
	if said() != "" {
		t.Fatalf("it speaks unasked: %s", said())
	}
	v.Access.Speech, v.Language, v.Seq = true, "de", v.Seq+1
	win.show(v)
	until(t, "the German text is read", func() bool {
		return strings.Contains(said(), "de: ") && strings.Contains(said(), "Karte vorhalten oder einstecken") &&
			strings.Contains(said(), "Abbrechen")
	})
	if strings.Contains(said(), "\u2066") {
		t.Error("marks of writing are read")
	}
	before := len(said())
	v.Seconds-- // a second later: nothing new
	win.show(v)
	win.drawer.Say()
	until(t, "it is said again", func() bool { return len(said()) > before })
	if got := strings.Count(said(), "Karte vorhalten"); got != 2 {
		t.Errorf("said %d times, want once by itself and once when asked", got)
	}
}

// TestTheKeypadReachesEverything in an order that makes sense, and presses.
func TestTheKeypadReachesEverything(t *testing.T) {
	got := make(chan ui.Input, 100)
	win := newTestWindow(t, func(in ui.Input) { got <- in })
	for name, v := range views(t) {
		win.show(v)
		win.changed = time.Time{}
		want := 0
		for range win.pic.Buttons {
			win.key(&fyne.KeyEvent{Name: fyne.KeyDown})
			if b := win.pic.Buttons[win.focus]; b.Input != nil {
				want++
				win.key(&fyne.KeyEvent{Name: fyne.KeyReturn})
			}
		}
		for i := range want {
			select {
			case <-got:
			case <-time.After(5 * time.Minute):
				t.Fatalf("%s: %d of %d buttons were pressed by keys", name, i, want)
			}
		}
	}
}

// TestATouchThatWasMeantForTheScreenBefore is dropped.
func TestATouchThatWasMeantForTheScreenBefore(t *testing.T) {
	got := make(chan ui.Input, 1)
	win := newTestWindow(t, func(in ui.Input) { got <- in })
	all := views(t)
	win.show(all["price"])
	press := func() { win.pic.Buttons[0].Press() }
	win.changed = time.Now().Add(time.Hour)
	press()
	win.changed = time.Now().Add(-tooSoon)
	press()
	<-got
	if len(got) > 0 {
		t.Error("a touch right after the change was taken, too")
	}
}

// TestTheSameViewIsNotDrawnAgain: a daemon that repeats itself costs nothing.
func TestTheSameViewIsNotDrawnAgain(t *testing.T) {
	win := newTestWindow(t, func(ui.Input) {})
	v := views(t)["charging"]
	win.show(v)
	pic := win.pic
	if win.show(v); win.pic != pic {
		t.Error("it was drawn again")
	}
	v.Energy++
	if win.show(v); win.pic == pic {
		t.Error("another view was not drawn")
	}
}

func TestWrongFlags(t *testing.T) {
	for _, args := range [][]string{{"--windowed", "800"}, {"--panel-mm", "-3"}, {"--views", t.TempDir()},
		{"--nonsense"}} {
		if code := run(args); code != 2 {
			t.Errorf("%q ends with %d, want 2", args, code)
		}
	}
	if code := run([]string{"--help"}); code != 0 {
		t.Errorf("--help ends with %d", code)
	}
}

// TestASlowPanelShowsWhatIsTrueNow: while it draws, views pass; the newest one is drawn next.
func TestASlowPanelShowsWhatIsTrueNow(t *testing.T) {
	var queue []func()
	var shown []uint64
	draw := newest(func(f func()) { queue = append(queue, f) }, func(v ui.View) { shown = append(shown, v.Seq) })
	turn := func() { f := queue[0]; queue = queue[1:]; f() }
	for seq := range uint64(100) {
		draw(ui.View{Seq: seq})
	}
	turn()
	draw(ui.View{Seq: 100})
	draw(ui.View{Seq: 101})
	turn()
	if len(queue) != 0 || len(shown) != 2 || shown[0] != 99 || shown[1] != 101 {
		t.Errorf("shown %v, %d more wait; want 99 and 101", shown, len(queue))
	}
}

// TestThePanelTurnsOutToBeLarger after the first view was drawn, and nothing else happens.
func TestThePanelTurnsOutToBeLarger(t *testing.T) {
	win := newTestWindow(t, func(ui.Input) {})
	win.size = fyne.Size{} // the full screen
	win.w.Resize(fyne.NewSize(800, 480))
	win.show(views(t)["attract"])
	small := win.pic
	win.w.Resize(fyne.NewSize(1280, 800))
	until(t, "it is drawn for the larger panel", func() bool {
		return win.pic != small && win.drawn == fyne.NewSize(1280, 800)
	})
	right := float32(0)
	for _, b := range win.pic.Buttons {
		right = max(right, b.Position().X+b.Size().Width)
	}
	if right < 1100 {
		t.Errorf("the picture ends at %v of 1280", right)
	}
}

// TestACompositorThatHangs gives no sign, as one that is gone; one that lives gives one.
func TestACompositorThatHangs(t *testing.T) {
	for name, c := range map[string]struct {
		answer []byte // to sync; nil for none
		want   string
	}{
		"alive": {[]byte{2, 0, 0, 0, 0, 0, 12, 0, 7, 0, 0, 0}, ""},
		"error": {[]byte{1, 0, 0, 0, 0, 0, 20, 0, 0, 0, 0, 0}, "answers something else"},
		"ends":  {nil, "does not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			socket := filepath.Join(t.TempDir(), "wayland-0")
			l, err := net.Listen("unix", socket)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			asked := make(chan []byte, 1)
			go func() {
				c2, err := l.Accept()
				if err != nil {
					return
				}
				defer c2.Close()
				got := make([]byte, 12)
				io.ReadFull(c2, got)
				asked <- got
				c2.Write(c.answer)
			}()
			err = composes(socket)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if got, want := <-asked, []byte{1, 0, 0, 0, 1, 0, 12, 0, 2, 0, 0, 0}; !bytes.Equal(got, want) {
				t.Errorf("asked % x, want % x", got, want)
			}
		})
	}
	if err := composes(filepath.Join(t.TempDir(), "gone")); err == nil {
		t.Error("one that is not there answers")
	}
}

// TestAnApprovalIsSeen: it fills the screen for a moment, in which no touch is taken, and then it is said what to do.
// A driver who comes back to that page later sees no approval.
func TestAnApprovalIsSeen(t *testing.T) {
	win := newTestWindow(t, func(ui.Input) { t.Error("a touch was taken that was meant for what is gone") })
	all := views(t)
	tap, plug := all["tap"], all["plug-in"]
	win.show(plug)
	if win.moment != nil {
		t.Fatal("nothing was approved just now")
	}
	win.show(tap)
	win.show(plug)
	if win.moment == nil || !win.moment.Stop() {
		t.Fatal("an approval is not shown")
	}
	win.pic.Buttons[0].Press()
	win.moment = nil
	win.draw()
	for name, old := range map[string]ui.View{"of another session": {Screen: ui.Tap, Session: "other"},
		"after the languages": {Screen: ui.Languages, Session: plug.Session}} {
		if approval(old, plug) {
			t.Errorf("an approval is shown %s", name)
		}
	}
	free := plug
	free.Approved.Minor = 0
	if approval(tap, free) {
		t.Error("an approval is shown of nothing")
	}
}

// TestTheHostsPictureIsFetchedOnce, and drawn once it is there; one that cannot be read is left out.
func TestTheHostsPictureIsFetchedOnce(t *testing.T) {
	data, err := os.ReadFile("../../docs/screens/visit-en-01-attract.png")
	if err != nil {
		t.Fatal(err)
	}
	drawn := make(chan struct{}, 1)
	asked := 0
	g := gallery{do: func(f func()) { f() }, redraw: func() { drawn <- struct{}{} },
		fetch: func(context.Context, string) ([]byte, error) { asked++; return data, nil }}
	if g.picture("") != nil || g.picture("logo.png") != nil {
		t.Fatal("a picture is there before it was fetched")
	}
	<-drawn
	for range 2 {
		if g.picture("logo.png") == nil || asked != 1 {
			t.Errorf("it was asked for %d times", asked)
		}
	}
}

// TestTheChimeIsASound: a WAV file whose lengths are right.
func TestTheChimeIsASound(t *testing.T) {
	wav := chime()
	riff, data := binary.LittleEndian.Uint32(wav[4:]), binary.LittleEndian.Uint32(wav[40:])
	if int(riff) != len(wav)-8 || int(data) != len(wav)-44 || string(wav[8:16]) != "WAVEfmt " {
		t.Errorf("%d bytes say that they are %d with %d of sound", len(wav), riff, data)
	}
}

// TestAKeyTurnsSpeechOn: a visitor who cannot see the panel presses any key and hears which one reads everything aloud.
// A visitor who touches hears nothing.
func TestAKeyTurnsSpeechOn(t *testing.T) {
	said := speaks(t)
	got := make(chan ui.Input, 1)
	win := newTestWindow(t, func(in ui.Input) { got <- in })
	v := views(t)["attract"]
	win.show(v)
	win.changed = time.Time{}
	win.key(&fyne.KeyEvent{Name: fyne.KeyDown})
	until(t, "the hint is read", func() bool { return strings.Contains(said(), "press the star key") })
	win.key(&fyne.KeyEvent{Name: fyne.KeyDown})
	if n := strings.Count(said(), "star key"); n != 1 {
		t.Errorf("the hint is read %d times", n)
	}
	win.rune('*')
	if in := <-got; in.Kind != ui.Speak || in.Value != "on" {
		t.Errorf("the key sent %+v", in)
	}
	v.Access.Speech, v.Seq = true, v.Seq+1
	win.show(v)
	until(t, "the price is read in words", func() bool { return strings.Contains(said(), "per kilowatt hour.") })
	win.changed = time.Time{}
	win.rune('*')
	if in := <-got; in.Value != "off" {
		t.Errorf("the key sent %+v", in)
	}
}
