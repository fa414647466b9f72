package setup

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"kioskd/cli"
	"kioskd/config"
	"kioskd/modbus"
	"kioskd/simulator"
	"kioskd/terminal/zvt"
)

// TestMain lets more tests wait at the same time than there are processors.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	m.Run()
}

// owned is a configuration as a host keeps it: with comments, an order and quotes of their own, and settings that setup
// asks nothing about. No device is behind its lines.
const owned = `# Ours since 1998.
site: # as on the door
  name: Parkhaus # not Garage
  helpline: "+49 30 1234567"
  address: 'Strasse 1, 10115 Berlin'
  timezone: Europe/Berlin
  currency: EUR
  languages: [de, en]
journal: journal.db
screen:
  socket: ui.sock
  night: 21:00-06:00
timings: {choose: 2m}
terminal:
  # the bank wants it so
  hold: "50.00"
  address: tcp://127.0.0.1:2
  password: "123456"
  capture: released
tariff:
  id: standard
  currency: EUR
  tax_included: "YES"
  elements:
    - price_components:
        - {type: ENERGY, price: 0.49, vat: 19, step_size: 1}
bays:
  # next to the entrance
  - number: 1
    evse_id: DE*ABC*E001
    max_power_w: 22000
    meter: {address: "tcp://127.0.0.1:1", unit: 1, model: SDM630, serial: "11"}
    board: {address: "tcp://127.0.0.1:1", unit: 10, coil: 0, plugged: 0, feedback: 1}
  # behind the house
  - number: 3
    max_power_w: 11000
    meter: {address: "tcp://127.0.0.1:1", unit: 2, model: SDM630, serial: "12"}
    board: {address: "tcp://127.0.0.1:1", unit: 10, coil: 1, plugged: 2, feedback: 3}
# end of it
`

// placed is a site's configuration in a folder of its own.
func placed(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kioskd.yaml")
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

// content is what a file has.
func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// host is a person who types lines, and what they read.
func host(typed string) (p cli.Program, read *bytes.Buffer) {
	read = &bytes.Buffer{}
	return cli.Program{Name: "kioskd", In: strings.NewReader(typed), Out: read, Err: read}, read
}

// ran runs setup with a host, and returns its error and what they read.
func ran(t *testing.T, typed string, o Options) (string, error) {
	t.Helper()
	p, read := host(typed)
	if o.Given == nil {
		o.Given = map[string]string{}
	}
	o.NoTest = true
	err := Run(t.Context(), p, o)
	return read.String(), err
}

// wizardOf is a wizard at a configuration, as Run makes it.
func wizardOf(t *testing.T, path, typed string, o Options) (*wizard, *bytes.Buffer) {
	t.Helper()
	p, read := host(typed)
	f, err := config.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if o.Given == nil {
		o.Given = map[string]string{}
	}
	o.Path = path
	return &wizard{Program: p, flags: o, asker: newAsker(p, o.Given, o.Yes), file: f}, read
}

// files are those of a folder with what they have.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(path, ".lock") {
			out[strings.TrimPrefix(path, dir+"/")] = content(t, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// untouched wants a folder as it was.
func untouched(t *testing.T, dir string, before map[string]string) {
	t.Helper()
	if now := files(t, dir); !maps.Equal(now, before) {
		t.Errorf("files %q, and before %q", slices.Sorted(maps.Keys(now)), slices.Sorted(maps.Keys(before)))
	}
}

// bus puts devices on a line, and returns its address.
func bus(t *testing.T, units map[byte]simulator.Unit) string {
	t.Helper()
	l, err := simulator.Listen("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- l.Serve(t.Context(), (&simulator.Bus{Units: units, TCP: true}).Serve) }()
	t.Cleanup(func() { l.Close(); <-served })
	return l.Address
}

// panel is a board of whatever make: so many coils and inputs, wires from coils to inputs, and what is on by itself.
type panel struct {
	coils, inputs int
	wires         map[int][]int // inputs that follow a coil
	stuck         map[int]bool  // coils that stay closed once they were
	mute          bool          // silent, and not an exception, about what it has not

	mu     sync.Mutex
	on     map[int]bool // inputs
	closed map[int]bool
	clicks []int // coils that were closed, one after the other
	moved  func(coil int)
}

// Answer implements simulator.Unit.
func (p *panel) Answer(pdu []byte) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	none := []byte{pdu[0] | 0x80, 2}
	if p.mute {
		none = nil
	}
	if len(pdu) != 5 {
		return none
	}
	at, n := int(binary.BigEndian.Uint16(pdu[1:])), int(binary.BigEndian.Uint16(pdu[3:]))
	bits := 0
	switch pdu[0] {
	case modbus.WriteCoil:
		if at >= p.coils {
			return none
		}
		p.write(at, n == 0xFF00)
		return pdu
	case modbus.ReadCoils:
		bits = p.coils
	case modbus.ReadInputs:
		bits = p.inputs
	}
	if n == 0 || at+n > bits {
		return none
	}
	out := append([]byte{pdu[0], byte((n + 7) / 8)}, make([]byte, (n+7)/8)...)
	for i := range n {
		if p.bit(pdu[0], at+i) {
			out[2+i/8] |= 1 << (i % 8)
		}
	}
	return out
}

func (p *panel) write(coil int, on bool) {
	if p.closed == nil {
		p.closed = map[int]bool{}
	}
	if on && !p.closed[coil] {
		p.clicks = append(p.clicks, coil)
		if p.moved != nil {
			p.moved(coil)
		}
	}
	p.closed[coil] = on || p.closed[coil] && p.stuck[coil]
}

func (p *panel) bit(function byte, n int) bool {
	if function == modbus.ReadCoils {
		return p.closed[n]
	}
	on := p.on[n]
	for coil, inputs := range p.wires {
		on = on || p.closed[coil] && slices.Contains(inputs, n)
	}
	return on
}

// state is which coils are closed, and which were, in order.
func (p *panel) state() (closed, clicks []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for coil, on := range p.closed {
		if on {
			closed = append(closed, coil)
		}
	}
	return closed, slices.Clone(p.clicks)
}

// quiet is a log that no person reads.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// tills lets a terminal answer on each connection.
func tills(terminal *simulator.Terminal) func(context.Context, io.ReadWriteCloser) error {
	return func(ctx context.Context, rw io.ReadWriteCloser) error {
		link := zvt.NewLink("tcp", rw)
		defer link.Close()
		return terminal.Serve(ctx, link)
	}
}
