package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"kioskd/ui"
	"kioskd/ui/screens"
	"kioskd/ui/text"
)

// panel is the virtual machine's.
const panelWidth, panelHeight = 1280, 800

// machine is a virtual machine with a graphics card, a touch panel and a program in it that does
// what it is told (packaging/check/guest).
type machine struct {
	dir    string
	cmd    *exec.Cmd
	world  *exec.Cmd // the simulated site behind the USB adapters
	people io.WriteCloser
	guest  net.Conn
	lines  *bufio.Scanner
	drawer screens.Drawer
	turned bool // the panel, by 90 degrees
	began  time.Time
}

// inMachine boots an image (DIR/disk, DIR/vmlinuz, DIR/initrd), plays a visit on its panel, breaks
// its screen in every way and wants it back, and sets the kiosk up anew at a site that is simulated
// outside (by DIR/kioskd) and plugged in with three USB adapters; part may be "adapters" for that
// alone. Pictures go to out.
func inMachine(dir, out, part string) error {
	texts, err := text.Load()
	if err != nil {
		return err
	}
	test.NewApp().Settings().SetTheme(screens.NewTheme())
	m := &machine{dir: dir, began: time.Now(), drawer: screens.Drawer{Texts: texts, Redraw: func() {},
		Send: func(ui.Input) {}}}
	if err := m.boot(); err != nil {
		return err
	}
	defer m.end()
	err = m.story(out, part)
	if err != nil {
		m.picture(filepath.Join(dir, "failed.png"))
		log, _ := m.sh("systemctl status kioskd-ui seatd --no-pager; journalctl --namespace=kioskd -u kioskd-ui " +
			"--no-pager | tail -40")
		fmt.Fprintln(os.Stderr, log)
	}
	return err
}

func (m *machine) boot() error {
	for _, name := range []string{"monitor", "guest"} {
		if err := os.Remove(filepath.Join(m.dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := m.outside(); err != nil {
		return err
	}
	// With more than Nehalem the software OpenGL wants what the emulation has not.
	m.cmd = exec.Command("qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "Nehalem", "-smp",
		"2", "-m", "2048", "-nic", "none",
		"-kernel", filepath.Join(m.dir, "vmlinuz"), "-initrd", filepath.Join(m.dir, "initrd"),
		"-append", "root=/dev/vda rw console=ttyS0 quiet net.ifnames=0", "-drive",
		"file="+filepath.Join(m.dir, "disk")+",format=raw,if=virtio,cache=unsafe",
		"-vga", "none", "-device", fmt.Sprintf("virtio-gpu-pci,xres=%d,yres=%d", panelWidth, panelHeight), "-display",
		"none",
		"-serial", "file:"+filepath.Join(m.dir, "console.log"), "-serial",
		"unix:"+filepath.Join(m.dir, "guest")+",server=on,wait=off",
		"-monitor", "unix:"+filepath.Join(m.dir, "monitor")+",server=on,wait=off", "-device", "qemu-xhci")
	for _, name := range []string{"terminal", "meters", "board"} { // FTDI chips, with a serial number each
		m.cmd.Args = append(m.cmd.Args, "-chardev", "serial,id="+name+",path="+filepath.Join(m.dir, "site", name),
			"-device", "usb-serial,chardev="+name)
	}
	m.cmd.Stderr = os.Stderr
	if err := m.cmd.Start(); err != nil {
		return fmt.Errorf("cannot start the machine: %w", err)
	}
	var err error
	for range 100 {
		m.guest, err = net.Dial("unix", filepath.Join(m.dir, "guest"))
		if err == nil {
			m.lines = bufio.NewScanner(m.guest)
			m.lines.Buffer(nil, 1<<20)
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

// outside starts the site behind the adapters.
func (m *machine) outside() error {
	site := filepath.Join(m.dir, "site")
	if err := os.MkdirAll(site, 0o755); err != nil {
		return err
	}
	m.world = exec.Command(filepath.Join(m.dir, "kioskd"), "simulate", "site", "--config",
		filepath.Join(site, "kioskd.yaml"), "--bays", "2", "--speed", "30")
	m.world.Stderr = os.Stderr
	var err error
	m.people, err = m.world.StdinPipe()
	if err != nil {
		return err
	}
	if err := m.world.Start(); err != nil {
		return fmt.Errorf("cannot start the simulated site: %w", err)
	}
	for range 100 {
		_, err = os.Stat(filepath.Join(site, "kioskd.yaml"))
		if err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

func (m *machine) end() {
	m.guest.Close()
	for _, c := range []*exec.Cmd{m.cmd, m.world} {
		c.Process.Kill()
		c.Wait()
	}
}

// ask has the guest do something.
func (m *machine) ask(answer any, format string, args ...any) error {
	if err := m.guest.SetDeadline(time.Now().Add(8 * time.Minute)); err != nil {
		return err
	}
	if format != "" {
		if _, err := fmt.Fprintf(m.guest, format+"\n", args...); err != nil {
			return err
		}
	}
	if !m.lines.Scan() {
		return errors.Join(errors.New("the guest says nothing"), m.lines.Err())
	}
	return json.Unmarshal(m.lines.Bytes(), answer)
}

func (m *machine) sh(command string) (out string, err error) {
	return out, m.ask(&out, "sh %s", command)
}

func (m *machine) view() (v ui.View, err error) { return v, m.ask(&v, "view") }

// monitor tells the machine itself something.
func (m *machine) monitor(command string) error {
	c, err := net.Dial("unix", filepath.Join(m.dir, "monitor"))
	if err != nil {
		return err
	}
	defer c.Close()
	in := bufio.NewReader(c)
	if _, err := in.ReadString(')'); err != nil { // (qemu)
		return err
	}
	if _, err := fmt.Fprintf(c, "%s\n", command); err != nil {
		return err
	}
	_, err = in.ReadString(')')
	return err
}

// dump is what the panel shows.
func (m *machine) dump() (*image.RGBA, error) {
	path := filepath.Join(m.dir, "dump.ppm")
	if err := m.monitor("screendump " + path); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var w, h, most int
	if n, err := fmt.Fscanf(bytes.NewReader(data), "P6\n%d %d\n%d\n", &w, &h, &most); n != 3 || err != nil {
		return nil, fmt.Errorf("cannot read the picture of the panel: %w", err)
	}
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	pixels := data[len(data)-3*w*h:]
	for i := range w * h {
		img.SetRGBA(i%w, i/w, color.RGBA{pixels[3*i], pixels[3*i+1], pixels[3*i+2], 255})
	}
	return img, nil
}

// picture keeps what the panel shows, small.
func (m *machine) picture(path string) error {
	time.Sleep(8 * time.Second) // an emulated machine draws slowly, and gives no signal
	img, err := m.dump()
	if err != nil {
		return err
	}
	raw := make([]byte, len(img.Pix))
	for i := 0; i < len(raw); i += 4 { // as an X server has it
		raw[i], raw[i+1], raw[i+2] = img.Pix[i+2], img.Pix[i+1], img.Pix[i]
	}
	small := image.NewPaletted(img.Bounds(), palette(raw))
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			small.Set(x, y, img.At(x, y))
		}
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	return errors.Join(enc.Encode(f, small), f.Close())
}

// lit tells whether the panel shows more than one colour, and more than a console's.
func (m *machine) lit() (bool, error) {
	img, err := m.dump()
	if err != nil {
		return false, err
	}
	colours := map[color.RGBA]bool{}
	bright := 0
	for i := 0; i < len(img.Pix); i += 4 {
		c := color.RGBA{img.Pix[i], img.Pix[i+1], img.Pix[i+2], 255}
		colours[c] = true
		if int(c.R)+int(c.G)+int(c.B) > 300 {
			bright++
		}
	}
	return len(colours) > 16 && bright > panelWidth*panelHeight/3, nil
}

// await waits until something is so.
func (m *machine) await(what string, limit time.Duration, ok func() (bool, error)) (time.Duration, error) {
	from := time.Now()
	for {
		done, err := ok()
		switch {
		case err != nil:
			return 0, fmt.Errorf("%s: %w", what, err)
		case done:
			took := time.Since(from)
			fmt.Printf("%6.0fs  %s (after %.1f s)\n", time.Since(m.began).Seconds(), what, took.Seconds())
			return took, nil
		case time.Since(from) > limit:
			return 0, fmt.Errorf("it never came that %s", what)
		}
		time.Sleep(200 * time.Millisecond) // another machine gives no signal
	}
}

// showing waits for a screen of the daemon's.
func (m *machine) showing(s ui.Screen) (v ui.View, err error) {
	_, err = m.await("the screen is "+string(s), 2*time.Minute, func() (bool, error) {
		v, err = m.view()
		return v.Screen == s, err
	})
	return v, err
}

// press touches the button that sends something until a screen is shown.
func (m *machine) press(k ui.InputKind, value string, leads ui.Screen) error {
	return m.until(fmt.Sprintf("a touch of %s leads to %s", k, leads), leads,
		func(ui.View) (ui.InputKind, string) { return k, value })
}

// until touches what a person touches who sees a view, until a screen is shown.
func (m *machine) until(what string, leads ui.Screen, touch func(ui.View) (ui.InputKind, string)) error {
	_, err := m.await(what, 3*time.Minute, func() (bool, error) {
		v, err := m.view()
		if err != nil || v.Screen == leads {
			return v.Screen == leads, err
		}
		kind, value := touch(v)
		return false, m.touch(v, kind, value)
	})
	return err
}

// touch touches a button where our own drawing has it; where there is none it does nothing.
func (m *machine) touch(v ui.View, k ui.InputKind, value string) error {
	size := fyne.NewSize(panelWidth, panelHeight)
	if m.turned {
		size = fyne.NewSize(panelHeight, panelWidth)
	}
	for _, b := range m.drawer.Draw(v, size).Buttons {
		if b.Input == nil || b.Input.Kind != k || value != "" && b.Input.Value != value {
			continue
		}
		x, y := (b.Position().X+b.Size().Width/2)/size.Width, (b.Position().Y+b.Size().Height/2)/size.Height
		if m.turned { // clockwise: what is up is to the right
			x, y = 1-y, x
		}
		var said string
		if err := m.ask(&said, "tap %d %d", int(1000*x), int(1000*y)); err != nil {
			return err
		}
		time.Sleep(1500 * time.Millisecond) // an emulated machine draws slowly
		return nil
	}
	return nil
}

// stop ends a session at the panel: also once the screen went on without its driver, who has their
// code.
func (m *machine) stop(bay int, code string) error {
	return m.until("they stop", ui.Final, func(v ui.View) (ui.InputKind, string) {
		switch v.Screen {
		case ui.Attract:
			return ui.Touch, ""
		case ui.Bays:
			return ui.Choose, strconv.Itoa(bay)
		case ui.Owner:
			if v.Digits < len(code) {
				return ui.Digit, code[v.Digits : v.Digits+1]
			}
		case ui.StopAsk:
			return ui.Confirm, ""
		}
		return ui.Stop, ""
	})
}

func (m *machine) at(what string) (string, error) {
	out, err := m.sh(what)
	return strings.TrimSpace(out), err
}

func (m *machine) story(out, part string) error {
	if _, err := m.await("the panel shows a picture", 5*time.Minute, m.lit); err != nil {
		return err
	}
	var ready string
	if err := m.ask(&ready, ""); err != nil {
		return err
	}
	if _, err := m.showing(ui.Attract); err != nil {
		return err
	}
	if err := m.picture(filepath.Join(out, "machine-1-attract.png")); err != nil {
		return err
	}
	if part == "adapters" {
		return m.adapters(out)
	}
	if err := m.visit(out); err != nil {
		return err
	}
	if err := m.nothingElse(); err != nil {
		return err
	}
	if err := m.comesBack(); err != nil {
		return err
	}
	if err := m.turn(out); err != nil {
		return err
	}
	return m.adapters(out)
}

// visit plays one with taps on the panel.
func (m *machine) visit(out string) error {
	people := func(what string) error { _, err := m.sh("echo " + what + " > /run/practice/in"); return err }
	code := ""
	steps := []func() error{
		func() error { return m.press(ui.Touch, "", ui.Bays) },
		func() error { return m.press(ui.Choose, "2", ui.Price) },
		func() error { return m.picture(filepath.Join(out, "machine-2-price.png")) },
		func() error { return m.press(ui.Accept, "", ui.Tap) },
		func() error { return people("card") },
		func() error { v, err := m.showing(ui.PlugIn); code = v.StopCode; return err },
		func() error { return people("plug 2") },
		func() error { _, err := m.showing(ui.Charging); return err },
		func() error {
			_, err := m.await("energy flowed", 2*time.Minute,
				func() (bool, error) { v, err := m.view(); return v.Energy > 100, err })
			return err
		},
		func() error { return m.picture(filepath.Join(out, "machine-3-charging.png")) },
		func() error { return m.stop(2, code) },
		func() error { return m.picture(filepath.Join(out, "machine-4-final.png")) },
		func() error { return people("unplug 2") },
		func() error { _, err := m.showing(ui.Attract); return err },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// nothingElse presses what would lead elsewhere.
func (m *machine) nothingElse() error {
	before, err := m.at("systemctl show -P MainPID kioskd-ui")
	if err != nil {
		return err
	}
	for _, keys := range []string{"ctrl-alt-f2", "ctrl-alt-backspace", "alt-f4", "meta_l", "ctrl-alt-delete", "alt-esc",
		"ctrl-c"} {
		if err := m.monitor("sendkey " + keys); err != nil {
			return err
		}
	}
	time.Sleep(4 * time.Second) // what they did is seen by now
	lit, err := m.lit()
	if err != nil {
		return err
	}
	vt, err := m.at("cat /sys/class/tty/tty0/active; systemctl is-system-running")
	if err != nil {
		return err
	}
	after, err := m.at("systemctl show -P MainPID kioskd-ui")
	if err != nil {
		return err
	}
	fmt.Printf("keys: panel lit %v, process %s then %s, %s\n", lit, before, after, strings.ReplaceAll(vt, "\n", ", "))
	if !lit || before != after {
		return errors.New("a key led out of the kiosk")
	}
	return nil
}

// comesBack kills and stops what the screen is made of.
func (m *machine) comesBack() error {
	for _, how := range []string{"pkill -KILL -x kioskd-ui", "pkill -KILL -x cage", "pkill -KILL -x Xwayland",
		"systemctl kill -s KILL seatd", "pkill -STOP -x kioskd-ui", "pkill -STOP -x cage"} {
		before, err := m.at("systemctl show -P NRestarts kioskd-ui")
		if err != nil {
			return err
		}
		if _, err := m.sh(how); err != nil {
			return err
		}
		if _, err := m.await("after "+how+" it was started again", 2*time.Minute, func() (bool, error) {
			now, err := m.at("systemctl show -P NRestarts kioskd-ui")
			return now != before, err
		}); err != nil {
			return err
		}
		if _, err := m.await("and draws", 3*time.Minute, func() (bool, error) {
			state, err := m.at("systemctl is-active kioskd-ui")
			if err != nil || state != "active" {
				return false, err
			}
			return m.lit()
		}); err != nil {
			return err
		}
	}
	return m.press(ui.Touch, "", ui.Bays)
}

// turn turns the panel, and touches it.
func (m *machine) turn(out string) error {
	_, err := m.sh("sed -i s/^ROTATE=.*/ROTATE=90/ /etc/default/kioskd; udevadm trigger --settle " +
		"--subsystem-match=input; systemctl restart kioskd-ui")
	if err != nil {
		return err
	}
	m.turned = true
	if _, err := m.await("it draws upright", 3*time.Minute, m.lit); err != nil {
		return err
	}
	if err := m.picture(filepath.Join(out, "machine-5-turned.png")); err != nil {
		return err
	}
	if _, err := m.showing(ui.Attract); err != nil {
		return err
	}
	if err := m.press(ui.Touch, "", ui.Bays); err != nil {
		return err
	}
	return m.press(ui.Choose, "3", ui.Price)
}

// adapters sets the kiosk up anew, at a site behind three USB adapters without names.
func (m *machine) adapters(out string) error {
	setup := strings.Join([]string{ // a line, as the guest reads it
		"systemctl disable --quiet --now practice; systemctl stop kioskd; rm -f /etc/kioskd/kioskd.yaml " +
			"/var/lib/kioskd/journal/journal.db*;",
		"kioskd setup --yes --units 1-2 --name Parkhaus --address 'Beispielstr. 1' --helpline '+49 30 1' --price " +
			"0.49 --password 123456 --clock rtc",
		`--bay "number=1 meter=20260001 coil=0 plugged=0 requesting=1 feedback=2 emergency=3 max=660000"`,
		`--bay "number=2 meter=20260002 coil=1 plugged=4 requesting=5 feedback=6 emergency=7 max=660000"`,
	}, " ")
	end := make(chan struct{})
	go func() { // a person holds a card to the terminal as long as it takes
		for {
			select {
			case <-end:
				return
			case <-time.After(2 * time.Second):
				fmt.Fprintln(m.people, "card")
			}
		}
	}()
	from := time.Now()
	said, err := m.at(setup)
	close(end)
	fmt.Printf("%s\n(setup: %.0f s)\n", said, time.Since(from).Seconds())
	if err != nil {
		return err
	}
	is, err := m.at("cat /etc/kioskd/adapters; ls -l /dev/kioskd; cat /sys/bus/usb-serial/devices/*/latency_timer; " +
		"grep address: /etc/kioskd/kioskd.yaml; systemctl is-active kioskd")
	if err != nil {
		return err
	}
	fmt.Println(is)
	for _, want := range []string{"Held and given back: 1.00 EUR", "terminal -> ../ttyUSB", "bus1 -> ../ttyUSB",
		"bus2 -> ../ttyUSB", "\n1\n1\n1\n", "serial:///dev/kioskd/terminal?baud=9600", "serial:///dev/kioskd/bus1?",
		"serial:///dev/kioskd/bus2?"} {
		if !strings.Contains(said+"\n"+is, want) {
			return fmt.Errorf("the kiosk with USB adapters lacks %q", want)
		}
	}
	if _, err := m.showing(ui.Attract); err != nil {
		return err
	}
	if err := m.press(ui.Touch, "", ui.Bays); err != nil {
		return err
	}
	return m.picture(filepath.Join(out, "machine-6-adapters.png"))
}
