package meter_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/meter"
	"kioskd/meter/model"
	"kioskd/modbus"
	"kioskd/simulator"
)

func builtIn(t testing.TB) model.Library {
	t.Helper()
	all, err := model.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// lined is a bus with units of the simulator on it.
func lined(t *testing.T, units map[byte]simulator.Unit) *modbus.Bus {
	ours, theirs := net.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	go (&simulator.Bus{Units: units}).Serve(ctx, theirs)
	bus := modbus.NewBusOn(func(context.Context) (io.ReadWriteCloser, error) { return ours, nil }, false)
	t.Cleanup(func() { bus.Close(); stop() })
	return bus
}

// TestEveryModelIsRead over the line as its simulated meter shows it, as each of its vectors has it, and while a
// vehicle charges; and a scan takes it for nothing else.
func TestEveryModelIsRead(t *testing.T) {
	all := builtIn(t)
	for _, m := range all {
		for i, v := range m.Vectors {
			t.Run(fmt.Sprint(m, " ", i), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { readSimulated(t, all, m, v) })
			})
		}
	}
}

func readSimulated(t *testing.T, all model.Library, m *model.Model, v model.Vector) {
	bay := simulator.NewBay(71_234_567, 1234567, 1)
	bay.Plug(simulator.Car{Power: 11_000, Need: 1 << 40})
	bay.Switch(true)
	unit := simulator.MeterLike(m, v, bay)
	bus := lined(t, map[byte]simulator.Unit{9: unit})
	x := meter.New(bus, 9, m)
	step := kiosk.Energy(m.Layout(nil, nil).Step)
	for range 40 {
		r, err := x.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s := bay.State()
		off := s.Register - r.Import
		if off < -step-4 || off > step+9 || r.Power < s.Power-10 || r.Power > s.Power+10 ||
			r.Serial != unit.Serial(s) || len(v.Serial) > 0 && r.Serial == "" {
			t.Fatalf("read %+v, want %+v with serial number %s", r, s, unit.Serial(s))
		}
		if len(v.Voltage) > 0 && (len(r.Voltage) != len(v.Voltage) || r.Voltage[0]/1000 != 230) ||
			len(v.Current) > 0 && len(r.Current) != len(v.Current) || v.Mains > 0 && r.Mains != 50_000 {
			t.Fatalf("read %+v, want what %+v has", r, v)
		}
		time.Sleep(time.Second)
	}
	var found []string
	err := meter.Scan(t.Context(), bus, 8, 10, all, func(int) {}, none, func(f meter.Found) {
		line := fmt.Sprintf("%d %s %s %s %s", f.Unit, f.Vendor, f.Model, f.Serial, f.Why)
		found = append(found, strings.TrimSpace(line))
		if m.Told() && !slices.Contains(f.May, m.String()) {
			t.Errorf("it may be %q, and is %v", f.May, m)
		}
	})
	want := fmt.Sprintf("9 %v %s", m, unit.Serial(bay.State()))
	if m.Told() {
		want = "9    no known meter"
	}
	if err != nil || !slices.Equal(found, []string{want}) {
		t.Errorf("a scan found %q, %v, want %q", found, err, want)
	}
}

// foreignDumps is a Modbus server that we did not write, with the registers of a JSON file on many units.
const foreignDumps = `
import json, sys
from pymodbus.datastore import ModbusSparseDataBlock, ModbusSlaveContext, ModbusServerContext
from pymodbus.server import StartTcpServer
def block(words):
    return ModbusSparseDataBlock({int(a) + 1: w for a, w in words.items()} or {1: 0})
units = {int(u): ModbusSlaveContext(hr=block(d.get('3', {})), ir=block(d.get('4', {})))
         for u, d in json.load(open(sys.argv[1])).items()}
print('ready', flush=True)
StartTcpServer(context=ModbusServerContext(slaves=units, single=False), address=('127.0.0.1', int(sys.argv[2])))
`

// TestForeignServerOfEveryModel lets another Modbus server answer with the vectors of every model, each a unit, over
// TCP: they are read as they say, and a scan names every unit that its registers tell.
func TestForeignServerOfEveryModel(t *testing.T) {
	all := builtIn(t)
	dumps, who := map[int]model.Dump{}, map[int]*model.Model{}
	for i, m := range all {
		dumps[i+1], who[i+1] = simulator.Registers(m, m.Vectors[0]), m
	}
	text, err := json.Marshal(dumps)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "dumps.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := simulator.Listen("tcp://127.0.0.1:0") // for a free port
	if err != nil {
		t.Fatal(err)
	}
	port := l.Address[strings.LastIndex(l.Address, ":")+1:]
	l.Close()
	startScript(t, foreignDumps, path, port)
	bus, err := modbus.NewBus("tcp://127.0.0.1:" + port)
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	for unit, m := range who {
		want := m.Vectors[0]
		var r kiosk.Reading
		for end := time.Now().Add(5 * time.Minute); ; { // it says nothing when it begins to listen
			r, err = meter.New(bus, byte(unit), m).Read(t.Context())
			if err == nil || time.Now().After(end) || !strings.Contains(err.Error(), "refused") {
				break
			}
		}
		if err != nil || int64(r.Import) != want.Import || int64(r.Power) != want.Power || r.Serial != want.Serial ||
			!slices.Equal(r.Voltage, want.Voltage) || !slices.Equal(r.Current, want.Current) || r.Mains != want.Mains {
			t.Errorf("%v: %+v, %v, want %+v", m, r, err, want)
		}
	}
	found := map[int]string{}
	if err := meter.Scan(t.Context(), bus, 1, len(all), all, func(int) {}, none, func(f meter.Found) {
		found[f.Unit] = f.Vendor + " " + f.Model
	}); err != nil {
		t.Fatal(err)
	}
	for unit, m := range who {
		if got := found[unit]; !m.Told() && got != m.String() {
			t.Errorf("%v is found as %q", m, got)
		}
	}
}
