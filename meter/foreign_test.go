package meter_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/child"
	"kioskd/meter"
	"kioskd/meter/model"
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
	startScript(t, foreign, args...)
}

// startScript starts a server of python3-pymodbus, and returns when it says that it is ready.
func startScript(t *testing.T, text string, args ...string) {
	t.Helper()
	if out, err := exec.Command("/usr/bin/python3", "-c",
		"import pymodbus, serial; print(pymodbus.version.version)").CombinedOutput(); err != nil {
		t.Skipf("python3-pymodbus is not installed (scripts/setup all installs it): %s", out)
	}
	script := filepath.Join(t.TempDir(), "server.py")
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := child.Command("/usr/bin/python3", append([]string{script}, args...)...)
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
		m, err := model.Find("", want.model)
		if err != nil {
			t.Fatal(err)
		}
		var r kiosk.Reading
		for end := time.Now().Add(5 * time.Minute); ; { // it says nothing when it begins to listen
			r, err = meter.New(bus, unit, m).Read(context.Background())
			if err == nil || time.Now().After(end) {
				break
			}
		}
		if err != nil {
			t.Errorf("unit %d: %v", unit, err)
			continue
		}
		if r.Serial != want.serial || r.Import != want.energy || r.Power != want.power || len(r.Voltage) != 3 ||
			r.Voltage[0] != want.volt || r.Current[0] != want.ampere || r.Mains != want.mains {
			t.Errorf("unit %d: %+v, want %+v", unit, r, want)
		}
		wrong, _ := model.Find("", map[string]string{"SDM630": "B23", "B23": "SDM630"}[want.model])
		if _, err := meter.New(bus, unit, wrong).Read(context.Background()); err == nil {
			t.Errorf("unit %d was read as a %s", unit, wrong)
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
		l.Serve(ctx, (&simulator.Bus{Units: map[byte]simulator.Unit{1: sdm630(t, bay)}}).Serve)
	}()
	t.Cleanup(func() { stop(); l.Close(); <-done })
	path := strings.TrimPrefix(l.Address, "serial://")
	out, err := exec.Command("mbpoll", "-m", "rtu", "-b", "9600", "-P", "none", "-a", "1", "-0", "-r", "72", "-c", "1",
		"-t", "3:float", "-B", "-1", path).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "[72]: \t1234.57") {
		t.Errorf("mbpoll says %v\n%s", err, out)
	}
}

// sdm630 is a bay's meter.
func sdm630(t *testing.T, bay *simulator.Bay) simulator.Unit {
	t.Helper()
	m, err := simulator.MeterByName("SDM630", bay)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
