package meter_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/meter"
	"kioskd/modbus"
	"kioskd/simulator"
)

// foreign is a Modbus server that we did not write: Debian's python3-pymodbus with the
// registers of an SDM630 and a B23 on units 1 and 2.
const foreign = `
import sys
from pymodbus.datastore import ModbusSequentialDataBlock, ModbusSparseDataBlock, ModbusSlaveContext, ModbusServerContext
from pymodbus.server import StartTcpServer, StartSerialServer
from pymodbus.transaction import ModbusRtuFramer
import struct
def f(*v):
    return [w for x in v for w in struct.unpack('>HH', struct.pack('>f', x))]
sdm = [0]*80
sdm[0:6] = f(230.5, 231.5, 229.5)
sdm[6:12] = f(16.0, 15.5, 15.0)
sdm[0x34:0x36] = f(10723.0)
sdm[0x46:0x4a] = f(50.02, 1234.567)
inputs = ModbusSequentialDataBlock(1, sdm)
holding1 = ModbusSparseDataBlock({0xFC01: [0x0135, 0x2B5A, 0x0070]})
one = ModbusSlaveContext(ir=inputs, hr=holding1)
b = {0x5001: [0, 0, 1, 0xE240], 0x8901: [0, 4711], 0x8909: [0]*8, 0x8961: [0x4232, 0x3320]}
live = [0]*46
live[0:6] = [0, 2301, 0, 2302, 0, 2303]
live[12:18] = [0, 1600, 0, 1500, 0, 1400]
live[20:22] = [0x0010, 0x5B18]
live[44] = 5001
b[0x5B01] = live
two = ModbusSlaveContext(hr=ModbusSparseDataBlock(b))
context = ModbusServerContext(slaves={1: one, 2: two}, single=False)
print('ready', flush=True)
if sys.argv[1] == 'tcp':
    StartTcpServer(context=context, address=('127.0.0.1', int(sys.argv[2])))
else:
    StartSerialServer(context=context, framer=ModbusRtuFramer, port=sys.argv[2], baudrate=9600, timeout=0.05)
`

func start(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("/usr/bin/python3", "-c", "import pymodbus, serial; print(pymodbus.version.version)").CombinedOutput(); err != nil {
		t.Skipf("python3-pymodbus is not installed (scripts/setup all installs it): %s", out)
	}
	script := filepath.Join(t.TempDir(), "server.py")
	if err := os.WriteFile(script, []byte(foreign), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/bin/python3", append([]string{script}, args...)...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if !bufio.NewScanner(out).Scan() {
		t.Fatalf("pymodbus did not start: %s", errs.String())
	}
}

func check(t *testing.T, address string) {
	t.Helper()
	bus, err := modbus.NewBus(address)
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	for unit, want := range map[byte]struct {
		model, serial string
		energy        kiosk.Energy
		power         kiosk.Power
		volt, ampere  int64
		mains         int64
	}{
		1: {"SDM630", "20261722", 1234567, 10723, 230500, 16000, 50020},
		2: {"B23", "4711", 1234560, 10719, 230100, 16000, 50010},
	} {
		m, err := meter.ModelByName(want.model)
		if err != nil {
			t.Fatal(err)
		}
		var r kiosk.Reading
		for end := time.Now().Add(15 * time.Second); ; { // it says nothing when it begins to listen
			if r, err = meter.New(bus, unit, m).Read(context.Background()); err == nil || time.Now().After(end) {
				break
			}
		}
		if err != nil {
			t.Errorf("unit %d: %v", unit, err)
			continue
		}
		if r.Serial != want.serial || r.Import != want.energy || r.Power != want.power || len(r.Voltage) != 3 || r.Voltage[0] != want.volt || r.Current[0] != want.ampere || r.Mains != want.mains {
			t.Errorf("unit %d: %+v, want %+v", unit, r, want)
		}
		wrong, _ := meter.ModelByName(map[string]string{"SDM630": "B23", "B23": "SDM630"}[want.model])
		if _, err := meter.New(bus, unit, wrong).Read(context.Background()); err == nil {
			t.Errorf("unit %d was read as a %s", unit, wrong.Model)
		}
	}
}

func TestForeignServerTCP(t *testing.T) {
	l, err := simulator.Listen("tcp://127.0.0.1:0") // for a free port
	if err != nil {
		t.Fatal(err)
	}
	port := l.Address[strings.LastIndex(l.Address, ":")+1:]
	l.Close()
	start(t, "tcp", port)
	check(t, "tcp://127.0.0.1:"+port)
}

func TestForeignServerSerial(t *testing.T) {
	ours, theirs := ptyPair(t)
	start(t, "serial", theirs)
	check(t, "serial://"+ours+"?baud=9600")
}

// ptyPair joins two ptys as a null-modem cable would.
func ptyPair(t *testing.T) (a, b string) {
	t.Helper()
	dir := t.TempDir()
	a, b = filepath.Join(dir, "a"), filepath.Join(dir, "b")
	left, err := simulator.Listen("pty:" + a)
	if err != nil {
		t.Fatal(err)
	}
	right, err := simulator.Listen("pty:" + b)
	if err != nil {
		t.Fatal(err)
	}
	simulator.Join(left, right)
	t.Cleanup(func() { left.Close(); right.Close() })
	return a, b
}

// TestForeignClient lets mbpoll read the simulated meter: its judge is not our client.
func TestForeignClient(t *testing.T) {
	if _, err := exec.LookPath("mbpoll"); err != nil {
		t.Skip("mbpoll is not installed (scripts/setup all installs it)")
	}
	bay := simulator.NewBay(1234567, 20261722, 1)
	l, err := simulator.Listen("pty:" + filepath.Join(t.TempDir(), "meter"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.Serve(ctx, (&simulator.Bus{Units: map[byte]simulator.Unit{1: simulator.SDM630(bay)}}).Serve)
	}()
	t.Cleanup(func() { stop(); l.Close(); <-done })
	path := strings.TrimPrefix(l.Address, "serial://")
	out, err := exec.Command("mbpoll", "-m", "rtu", "-b", "9600", "-P", "none", "-a", "1", "-0", "-r", "72", "-c", "1", "-t", "3:float", "-B", "-1", path).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "[72]: \t1234.57") {
		t.Errorf("mbpoll says %v\n%s", err, out)
	}
}

// slow is a meter whose readings a test scripts.
type slow struct{ readings []kiosk.Reading }

func (s *slow) Read(context.Context) (kiosk.Reading, error) {
	r := s.readings[0]
	if len(s.readings) > 1 {
		s.readings = s.readings[1:]
	}
	return r, nil
}

func TestGuard(t *testing.T) {
	t0 := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	at := func(s int, wh kiosk.Energy) kiosk.Reading {
		return kiosk.Reading{At: t0.Add(time.Duration(s) * time.Second), Import: wh, Serial: "1"}
	}
	other := at(1, 5000)
	other.Serial = "2"
	for name, c := range map[string]struct {
		readings []kiosk.Reading
		want     string
	}{
		"rises with power and time":    {[]kiosk.Reading{at(0, 5000), at(3600, 27000)}, ""},
		"one wrong value is read over": {[]kiosk.Reading{at(0, 5000), at(1, 0), at(1, 5006)}, ""},
		"falls":                        {[]kiosk.Reading{at(0, 5000), at(1, 4999)}, "MT002"},
		"zero":                         {[]kiosk.Reading{at(0, 5000), at(1, 0)}, "MT002"},
		"jumps":                        {[]kiosk.Reading{at(0, 5000), at(1, 9000)}, "MT003"},
		"jumps after a quiet night":    {[]kiosk.Reading{at(0, 5000), at(43_200, 5000), at(43_201, 6000)}, "MT003"},
		"another meter":                {[]kiosk.Reading{at(0, 5000), other}, "MT004"},
		"rolls over":                   {[]kiosk.Reading{at(0, 999_999_990), at(3600, 5000)}, ""},
	} {
		g := meter.NewGuard(&slow{c.readings}, 22000, 1_000_000_000, "")
		var err error
		for range c.readings {
			if err == nil {
				_, err = g.Read(context.Background())
			}
		}
		if got := strings.Split(fmt.Sprint(err), ":")[0]; c.want == "" && err != nil || c.want != "" && got != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestGuardAddsUp: what one reading might hide in the steps of a register, a minute does not; and
// no rounding of an honest one adds up to a fault.
func TestGuardAddsUp(t *testing.T) {
	t0 := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		watts, step int64 // what flows; what the register counts in, in Wh
		every       time.Duration
		want        string
	}{
		"full power, each second":     {22_000, 1, time.Second, ""},
		"full power, in steps":        {22_000, 100, time.Second, ""},
		"full power, seldom":          {22_000, 10, 7 * time.Second, ""},
		"32 A at 253 V, a poor meter": {24_800, 1, 250 * time.Millisecond, ""},
		"half as much again":          {33_000, 1, time.Second, "MT003"},
		"half as much, in steps":      {33_000, 100, time.Second, "MT003"},
		"thirty times":                {660_000, 1, time.Second, "MT003"},
		"thirty times, very often":    {660_000, 1, 50 * time.Millisecond, "MT003"},
		"half as much, a slow line":   {33_000, 1, 20 * time.Second, "MT003"},
	} {
		var readings []kiosk.Reading
		for since := time.Duration(0); since < 2*time.Hour; since += c.every {
			wh := c.watts * since.Milliseconds() / 3_600_000
			readings = append(readings, kiosk.Reading{At: t0.Add(since), Import: kiosk.Energy(wh / c.step * c.step), Serial: "1"})
		}
		g := meter.NewGuard(&slow{readings}, 22_000, 0, "")
		got := ""
		for range readings {
			if _, err := g.Read(context.Background()); err != nil {
				got = strings.Split(err.Error(), ":")[0]
				break
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestAnotherMeterIsBelievedOnceItIsWrittenDown: what cannot be recorded changes nothing.
func TestAnotherMeterIsBelievedOnceItIsWrittenDown(t *testing.T) {
	t0 := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	old, now := kiosk.Reading{At: t0, Import: 900_000, Serial: "1"}, kiosk.Reading{At: t0.Add(time.Hour), Import: 7, Serial: "2"}
	g := meter.NewGuard(&slow{[]kiosk.Reading{old, now}}, 22000, 1_000_000_000, "1")
	if _, err := g.Read(context.Background()); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk is full")
	if err := g.Exchange(context.Background(), func(*kiosk.Reading, kiosk.Reading) error { return full }); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
	if _, err := g.Read(context.Background()); err == nil || !strings.Contains(err.Error(), "MT004") {
		t.Errorf("an unrecorded meter gives %v", err)
	}
	var end, start kiosk.Energy
	if err := g.Exchange(context.Background(), func(o *kiosk.Reading, n kiosk.Reading) error { end, start = o.Import, n.Import; return nil }); err != nil || end != 900_000 || start != 7 {
		t.Errorf("%v from %v to %v", err, end, start)
	}
	if r, err := g.Read(context.Background()); err != nil || r.Serial != "2" {
		t.Errorf("the new meter gives %v %v", r, err)
	}
}
