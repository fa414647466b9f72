// Command screen plays visits with real taps on the touchscreen in a window of its own X
// server, keeps a picture of each screen, and measures what a finger waits for. It looks at
// the X server's frame buffer, not at what the screen says of itself.
//
//	go run ./scripts/screen visit OUT en,de+large   pictures and latencies; +large in larger text
//	go run ./scripts/screen monkey 10m              random touches: does it stay, does it grow?
//	go run ./scripts/screen machine DIR OUT [PART]  a whole kiosk in a virtual machine: make vm-check
//	go run ./scripts/screen compare OUT             cold start, memory and idle CPU beside Chromium
//
// Needs kioskd and kioskd-ui in ./bin (make build), and the Debian packages xvfb, xdotool and,
// for compare, chromium.
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"kioskd/ui"
	"kioskd/ui/screens"
	"kioskd/ui/text"
)

const (
	width, height = 800, 480
	display       = ":77"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "screen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("want visit OUT LANGUAGES, or compare OUT")
	}
	switch {
	case args[0] == "visit" && len(args) == 3:
		if err := os.MkdirAll(args[1], 0o755); err != nil {
			return err
		}
		return visits(args[1], strings.Split(args[2], ","))
	case args[0] == "monkey" && len(args) == 2:
		limit, err := time.ParseDuration(args[1])
		if err != nil {
			return err
		}
		return monkey(limit)
	case args[0] == "machine" && len(args) >= 3:
		return inMachine(args[1], args[2], strings.Join(args[3:], " "))
	case args[0] == "compare" && len(args) == 2:
		if err := os.MkdirAll(args[1], 0o755); err != nil {
			return err
		}
		return compare(args[1])
	}
	return fmt.Errorf("%q is not known", args)
}

// server is an X server whose frame buffer is a file.
type server struct {
	cmd *exec.Cmd
	dir string
	raw *os.File
	off int64
}

func startServer() (*server, error) {
	dir, err := os.MkdirTemp("", "screen")
	if err != nil {
		return nil, err
	}
	s := &server{cmd: exec.Command("Xvfb", display, "-screen", "0", fmt.Sprintf("%dx%dx24", width, height), "-fbdir",
		dir, "-nolisten", "tcp"), dir: dir}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for range 100 {
		time.Sleep(50 * time.Millisecond)
		s.raw, err = os.Open(filepath.Join(dir, "Xvfb_screen0"))
		if err != nil {
			continue
		}
		head := make([]byte, 100)
		_, err = s.raw.ReadAt(head, 0)
		if err == nil { // XWD: header size first, number of colours in word 19
			s.off = int64(binary.BigEndian.Uint32(head)) + 12*int64(binary.BigEndian.Uint32(head[76:]))
			return s, nil
		}
	}
	return nil, errors.Join(errors.New("the X server has no frame buffer"), err)
}

func (s *server) stop() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
	s.raw.Close()
	os.RemoveAll(s.dir)
}

// frame reads the frame buffer.
func (s *server) frame() []byte {
	b := make([]byte, 4*width*height)
	if _, err := s.raw.ReadAt(b, s.off); err != nil {
		panic(err)
	}
	return b
}

func (s *server) save(path string) error {
	b := s.frame()
	img := image.NewPaletted(image.Rect(0, 0, width, height), palette(b))
	for i := range width * height {
		img.Set(i%width, i/width, color.RGBA{b[4*i+2], b[4*i+1], b[4*i], 0xFF})
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	return errors.Join(enc.Encode(f, img), f.Close())
}

// palette are the 64 colours that a frame has most of: a picture for the documentation is
// small then.
func palette(b []byte) (out color.Palette) {
	count := map[color.RGBA]int{}
	for i := 0; i < len(b); i += 4 {
		count[color.RGBA{b[i+2], b[i+1], b[i], 0xFF}]++
	}
	colours := slices.SortedFunc(maps.Keys(count), func(x, y color.RGBA) int { return count[y] - count[x] })
	for _, c := range colours[:min(64, len(colours))] {
		out = append(out, c)
	}
	return out
}

// settle waits until nothing has changed for a while.
func (s *server) settle() {
	last, since := s.frame(), time.Now()
	for end := time.Now().Add(2 * time.Second); time.Since(since) < 150*time.Millisecond &&
		time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if now := s.frame(); !bytes.Equal(now, last) {
			last, since = now, time.Now()
		}
	}
}

func environment() []string {
	return append(os.Environ(), "DISPLAY="+display, "LC_ALL=C.UTF-8")
}

// player is a person at the screen: they read the views that the window gets, and their finger
// goes where the button is drawn.
type player struct {
	*server
	views  chan ui.View
	now    ui.View
	drawer *screens.Drawer
	first  []time.Duration // touch to the first frame that changed
	full   []time.Duration // touch to the last frame of the new screen
	out    string
	n      int
	site   *exec.Cmd
	stop   context.CancelFunc
}

func newPlayer(out string) (*player, error) {
	x, err := startServer()
	if err != nil {
		return nil, err
	}
	texts, err := text.Load()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(x.dir, "site")
	site := exec.Command("bin/kioskd", "demo", "--bays", "4", "--speed", "60", "--dir", dir)
	site.Env = environment()
	site.Stderr = os.Stderr
	if err := site.Start(); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &player{server: x, views: make(chan ui.View, 256),
		drawer: &screens.Drawer{Texts: texts, Send: func(ui.Input) {}}, out: out, site: site, stop: stop}
	go func() {
		for ctx.Err() == nil {
			ui.Dial(filepath.Join(dir, "ui.sock")).Views(ctx, func(v ui.View) { p.views <- v })
			time.Sleep(50 * time.Millisecond)
		}
	}()
	if err := p.await(15*time.Second, func(v ui.View) bool { return v.Screen == ui.Attract }); err != nil {
		return p, err
	}
	since, last := time.Now(), p.frame() // the window comes after the daemon, and draws its first screens slowly
	for begin := since; time.Since(begin) < 30*time.Second; time.Sleep(20 * time.Millisecond) {
		if now := p.frame(); !bytes.Equal(now, last) || colours(now) <= 16 {
			since, last = time.Now(), now
		}
		if time.Since(since) > 2*time.Second {
			return p, nil
		}
	}
	return p, errors.New("the window shows nothing, or no end of it")
}

func (p *player) end() {
	p.stop()
	p.site.Process.Signal(os.Interrupt)
	p.site.Wait()
	p.server.stop()
}

func (p *player) await(limit time.Duration, ok func(ui.View) bool) error {
	end := time.After(limit)
	for {
		if p.now.Screen != "" && ok(p.now) {
			return nil
		}
		select {
		case p.now = <-p.views:
		case <-end:
			return fmt.Errorf("the screen still shows %s %s", p.now.Screen, p.now.Message)
		}
	}
}

func (p *player) screen(s ui.Screen) error {
	if err := p.await(60*time.Second, func(v ui.View) bool { return v.Screen == s }); err != nil {
		return fmt.Errorf("want %s: %w", s, err)
	}
	return nil
}

// preferred asks for larger text, where the name says so, and for the language.
func (p *player) preferred(name string) error {
	lang, large, _ := strings.Cut(name, "+")
	if large != "" {
		if err := p.larger(); err != nil {
			return err
		}
	}
	if p.now.Language != lang {
		if err := errors.Join(p.touch(ui.Open, string(ui.Languages)), p.screen(ui.Languages), p.keep(name, "languages"),
			p.touch(ui.Language, lang)); err != nil {
			return err
		}
	}
	return p.await(5*time.Second, func(v ui.View) bool { return v.Language == lang && v.Screen == ui.Attract })
}

// larger asks for larger text.
func (p *player) larger() error {
	return errors.Join(p.touch(ui.Open, string(ui.AccessAsk)), p.screen(ui.AccessAsk), p.touch(ui.SetLarge, "on"),
		p.await(5*time.Second, func(v ui.View) bool { return v.Access.Large }),
		p.touch(ui.Back, ""), p.screen(ui.Attract))
}

// keep keeps a picture of the present screen.
func (p *player) keep(lang, name string) error {
	p.settle()
	p.n++
	return p.save(filepath.Join(p.out, fmt.Sprintf("visit-%s-%02d-%s.png", lang, p.n, name)))
}

// touch finds the button that sends an input, and touches it; where it is on another leaf of
// a long list, those are turned first.
func (p *player) touch(k ui.InputKind, value string) error {
	p.settle()
	for range 8 {
		pic := p.drawer.Draw(p.now, fyne.NewSize(width, height))
		var more *screens.Button
		for _, b := range pic.Buttons {
			switch {
			case b.Input != nil && b.Input.Kind == k && (value == "" || b.Input.Value == value):
				return p.finger(b, true)
			case b.Input == nil:
				more = b
			}
		}
		if more == nil {
			break
		}
		if err := p.finger(more, false); err != nil {
			return err
		}
		more.Press() // our own drawing turns the page, too
		p.settle()
	}
	return fmt.Errorf("nothing on %s sends %s %s", p.now.Screen, k, value)
}

// finger touches a button's middle and measures what follows.
func (p *player) finger(b *screens.Button, screen bool) error {
	c := b.Position().Add(fyne.NewPos(b.Size().Width/2, b.Size().Height/2))
	time.Sleep(250 * time.Millisecond) // a person looks before they touch
	if err := xdotool("mousemove", fmt.Sprint(int(c.X)), fmt.Sprint(int(c.Y))); err != nil {
		return err
	}
	prev := p.frame()
	start := time.Now()
	done := make(chan error, 1)
	go func() { done <- xdotool("click", "1") }()
	first, last := time.Duration(0), time.Duration(0)
	for time.Since(start) < 700*time.Millisecond {
		if now := p.frame(); !bytes.Equal(now, prev) {
			prev, last = now, time.Since(start)
			if first == 0 {
				first = last
			}
		} else if first > 0 && time.Since(start)-last > 200*time.Millisecond {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if first > 0 {
		p.first = append(p.first, first)
		if screen {
			p.full = append(p.full, last)
		}
	}
	return <-done
}

// xdotool moves the pointer, clicks and types.
func xdotool(args ...string) error {
	cmd := exec.Command("xdotool", args...)
	cmd.Env = environment()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("xdotool %s: %w", args[0], err)
	}
	return nil
}

// visit is a whole visit in one language.
func (p *player) visit(lang string) error {
	p.n = 0
	steps := []func() error{
		func() error { return p.screen(ui.Attract) },
		func() error { return p.preferred(lang) },
		func() error { return p.keep(lang, "attract") },
		func() error { return p.touch(ui.Touch, "") },
		func() error { return p.screen(ui.Bays) },
		func() error { return p.keep(lang, "bays") },
		func() error { return p.touch(ui.Choose, "2") },
		func() error { return p.screen(ui.Price) },
		func() error { return p.keep(lang, "price") },
		func() error { return p.touch(ui.Accept, "") },
		func() error { return p.screen(ui.Tap) },
		func() error { return p.keep(lang, "tap") },
		func() error { return p.screen(ui.PlugIn) },
		func() error { return p.keep(lang, "approved") },
		func() error { return p.screen(ui.Charging) },
		func() error {
			return p.await(30*time.Second, func(v ui.View) bool { return v.Screen == ui.Charging && v.Energy > 3000 })
		},
		func() error { return p.keep(lang, "charging") },
		func() error { return p.touch(ui.Stop, "") },
		func() error { return p.screen(ui.StopAsk) },
		func() error { return p.keep(lang, "stop") },
		func() error { return p.touch(ui.Confirm, "") },
		func() error {
			return p.await(30*time.Second, func(v ui.View) bool { return v.Screen == ui.Final && v.Settled })
		},
		func() error { return p.keep(lang, "final") },
		func() error { return p.touch(ui.Back, "") },
		func() error { return p.screen(ui.Attract) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			p.keep(lang, "failed")
			return fmt.Errorf("in %s: %w", lang, err)
		}
	}
	return nil
}

func visits(out string, languages []string) error {
	a := test.NewApp()
	defer a.Quit()
	a.Settings().SetTheme(screens.NewTheme())
	var first, full []time.Duration
	for _, lang := range languages { // a site of its own each: one card is not taken four times in two hours
		p, err := newPlayer(out)
		if err != nil {
			return err
		}
		err = p.play(lang)
		p.end()
		if err != nil {
			return err
		}
		fmt.Printf("a whole visit in %s\n", lang)
		first, full = append(first, p.first...), append(full, p.full...)
	}
	fmt.Printf("touch to first changed frame, %d touches: %s\n", len(first), quantiles(first))
	fmt.Printf("touch to the last frame of the new screen, %d touches: %s\n", len(full), quantiles(full))
	return nil
}

// play is a visit, and then there and back again some times, for the figures.
func (p *player) play(lang string) error {
	if err := p.visit(lang); err != nil {
		return err
	}
	for range 8 {
		for _, s := range []ui.Screen{ui.Help, ui.AccessAsk} {
			if err := errors.Join(p.touch(ui.Open, string(s)), p.screen(s), p.touch(ui.Back, ""),
				p.screen(ui.Attract)); err != nil {
				return err
			}
		}
	}
	return nil
}

func quantiles(d []time.Duration) string {
	slices.Sort(d)
	at := func(q float64) time.Duration { return d[int(q*float64(len(d)-1))].Round(time.Millisecond) }
	return fmt.Sprintf("median %v, p95 %v, most %v", at(0.5), at(0.95), at(1))
}

// deadEnd is how long no screen stays that is touched all over.
const deadEnd = 5 * time.Minute

// monkey touches the window of a demo at random for a while, and presses keys: the screen must
// stay there, show something, and not grow.
func monkey(limit time.Duration) error {
	a := test.NewApp()
	defer a.Quit()
	p, err := newPlayer(os.TempDir())
	if err != nil {
		return err
	}
	defer p.end()
	screenPID := func() (pid int, err error) {
		out, err := exec.Command("pgrep", "-n", "-f", "kioskd-ui --socket "+p.dir).Output()
		if err == nil {
			_, err = fmt.Sscan(string(out), &pid)
		}
		return pid, err
	}
	pid, err := screenPID()
	if err != nil {
		return fmt.Errorf("the screen does not run: %w", err)
	}
	seen := map[ui.Screen]int{}
	keys := []string{"Right", "Left", "Return", "Tab", "7", "space"}
	var memory []int64 // MB, each minute
	touches, minute := 0, 0
	since, at := time.Now(), p.now // how long one screen stays
	for start := time.Now(); time.Since(start) < limit; touches++ {
		args := []string{"mousemove", fmt.Sprint(rand.IntN(width)), fmt.Sprint(rand.IntN(height)), "click", "1"}
		if rand.IntN(5) == 0 {
			args = []string{"key", keys[rand.IntN(len(keys))]}
		}
		if err := xdotool(args...); err != nil {
			return err
		}
		for len(p.views) > 0 {
			p.now = <-p.views
			seen[p.now.Screen]++
		}
		if p.now.Screen != at.Screen || p.now.Seq != at.Seq {
			since, at = time.Now(), p.now
		}
		if time.Since(since) > deadEnd {
			return fmt.Errorf("no touch leads on from %s %s", at.Screen, at.Message)
		}
		if now := int(time.Since(start) / time.Minute); now > minute {
			minute = now
			memory = append(memory, pss(pid)/1024)
		}
	}
	if now, err := screenPID(); err != nil || now != pid {
		return fmt.Errorf("the screen ended: process %d, then %d %v", pid, now, err)
	}
	fmt.Printf("%d touches in %v on %d screens; memory in MB each minute: %d\n", touches, limit, len(seen), memory)
	// a visitor who needs larger text has three times as long, at the price, at what came of it, and at the bays
	if err := p.await(15*time.Minute, func(v ui.View) bool { return v.Screen == ui.Attract }); err != nil {
		return fmt.Errorf("no driver touches, and %w", err)
	}
	fmt.Println("left alone, it shows the price again")
	return nil
}
