package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"kioskd/config"
	"kioskd/file"
	"kioskd/line"
)

// adaptersFile has the names below /dev/kioskd; udev reads it through /usr/lib/kioskd/adapter.
const adaptersFile = "/etc/kioskd/adapters"

const adaptersHead = "# Names below /dev/kioskd, and the serial number or USB port of the adapter that has it.\n"

// adapter is a name and what udev knows its adapter by: its serial number, or the port that it is
// plugged into.
type adapter struct{ name, id string }

// port is a serial adapter as udev knows it.
type port struct {
	serial, path string // serial may be empty
	kind         string // terminal or bus; empty where no device answers
}

func parseAdapters(text string) (out []adapter) {
	for l := range strings.Lines(text) {
		if words := strings.Fields(l); len(words) == 2 && !strings.HasPrefix(words[0], "#") {
			out = append(out, adapter{words[0], words[1]})
		}
	}
	return out
}

// nameAdapters names those on which something answers, and keeps every name that was given: a bus
// must never get the name of another one. all are the lines of the file, names those of the ports
// in their order. What several have cannot tell them apart, for cheap adapters share a serial
// number: a name that rested on it names no device any longer.
func nameAdapters(had []adapter, ports []port) (names []string, all []adapter) {
	shared := func(id string) bool {
		n := 0
		for _, p := range ports {
			if p.serial == id {
				n++
			}
		}
		return n > 1
	}
	all = slices.DeleteFunc(slices.Clone(had), func(a adapter) bool { return shared(a.id) })
	names = make([]string, len(ports))
	for i, p := range ports {
		id := p.serial
		if id == "" || shared(id) {
			id = p.path
		}
		if p.kind == "" || id == "" {
			continue // it keeps the kernel's name
		}
		if at := slices.IndexFunc(all, func(a adapter) bool { return a.id == id || a.id == p.path }); at >= 0 {
			names[i] = all[at].name
			continue
		}
		for n := 1; names[i] == ""; n++ {
			name := p.kind + strconv.Itoa(n)
			if p.kind == "terminal" && n == 1 {
				name = p.kind
			}
			if !slices.ContainsFunc(slices.Concat(had, all), func(a adapter) bool { return a.name == name }) {
				names[i] = name
			}
		}
		all = append(all, adapter{names[i], id})
	}
	return names, all
}

// nameAdapters gives the adapters that something answers on names that stay when they are
// plugged in elsewhere, or when another one is.
func (w *wizard) nameAdapters(ctx context.Context) error {
	if !w.managed || !config.Exists("/usr/lib/kioskd/adapter") {
		return nil
	}
	text, err := os.ReadFile(adaptersFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ports, of, err := w.ports(ctx)
	if err != nil {
		return err
	}
	had := parseAdapters(string(text))
	names, all := nameAdapters(had, ports)
	for _, a := range had {
		if !slices.Contains(all, a) && strings.Contains(string(w.file.Before), "/dev/kioskd/"+a.name+"?") {
			return fmt.Errorf("two adapters have the serial number %s, and /dev/kioskd/%s could be either: exchange "+
				"one of them", a.id, a.name)
		}
	}
	var b strings.Builder
	b.WriteString(adaptersHead)
	for _, a := range all {
		fmt.Fprintf(&b, "%s %s\n", a.name, a.id)
	}
	if len(all) > 0 && b.String() != string(text) {
		if text != nil {
			w.unname = func() error { return writeAdapters(context.WithoutCancel(ctx), string(text)) }
		}
		if err := writeAdapters(ctx, b.String()); err != nil {
			return err
		}
	}
	return w.rename(names, of)
}

// ports are the adapters on USB, and of which found line each is.
func (w *wizard) ports(ctx context.Context) (ports []port, of []int, err error) {
	for i, l := range w.found {
		if l.port == nil || !l.port.IsUSB {
			continue
		}
		p := port{}
		for to, property := range map[*string]string{&p.serial: "ID_SERIAL_SHORT", &p.path: "ID_PATH"} {
			out, err := exec.CommandContext(ctx, "udevadm", "info", "--query=property", "--property="+property,
				"--value", "--name="+l.port.Name).Output()
			if err != nil {
				return nil, nil, fmt.Errorf("cannot ask udev for %s: %w", l.port.Name, err)
			}
			*to = strings.TrimSpace(string(out))
		}
		switch {
		case l.terminal != nil:
			p.kind = "terminal"
		case len(l.meters)+len(l.boards) > 0:
			p.kind = "bus"
		}
		ports, of = append(ports, p), append(of, i)
	}
	return ports, of, nil
}

// rename puts the names that udev made in the addresses of the found lines.
func (w *wizard) rename(names []string, of []int) error {
	for i, name := range names {
		if name == "" {
			continue
		}
		l := &w.found[of[i]]
		at, err := line.Parse(l.address, 1)
		if err != nil {
			return err
		}
		if !config.Exists("/dev/kioskd/" + name) {
			return fmt.Errorf("udev did not make /dev/kioskd/%s", name)
		}
		l.address = strings.Replace(l.address, at.Target, "/dev/kioskd/"+name, 1)
	}
	return nil
}

func writeAdapters(ctx context.Context, text string) error {
	if err := file.Write(adaptersFile, []byte(text), 0o644); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "udevadm", "trigger", "--settle",
		"--subsystem-match=tty").CombinedOutput(); err != nil {
		return fmt.Errorf("udevadm trigger: %w: %s", err, out)
	}
	return nil
}
