package meter_test

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kioskd/line"
	"kioskd/meter"
	"kioskd/modbus"
	"kioskd/simulator"
)

// wired is a bus on a serial line that takes its time: request and answer as long as their characters, and each device
// thinks before it answers. Beyond the silence of 3.5 characters the line is never idle but for its client.
func wired(t *testing.T, address string, units map[byte]simulator.Unit, thinks time.Duration) *modbus.Bus {
	a, err := line.Parse(address, 1)
	if err != nil {
		t.Fatal(err)
	}
	wire := modbus.WireOf(a)
	ours, theirs := net.Pipe()
	go func() {
		for request := make([]byte, 8); ; {
			if _, err := io.ReadFull(theirs, request); err != nil {
				return
			}
			time.Sleep(8*wire.Character + wire.Silence + thinks)
			unit, ok := units[request[0]]
			if !ok {
				continue
			}
			answer := modbus.AppendCRC(append([]byte{request[0]}, unit.Answer(request[1:6])...))
			time.Sleep(time.Duration(len(answer)) * wire.Character)
			theirs.Write(answer)
		}
	}()
	bus := modbus.NewBusOn(func(context.Context) (io.ReadWriteCloser, error) { return ours, nil }, false)
	bus.Wire = wire
	t.Cleanup(func() { theirs.Close() })
	return bus
}

// TestTwelveMetersOnALine: six SDM72 and six SDM630 on one line at 9600 baud have a reading each second, with what else
// they are asked in a minute; so have a dozen that think 15 ms, and fifteen of the quickest.
func TestTwelveMetersOnALine(t *testing.T) {
	for name, c := range map[string]struct {
		models []string
		thinks time.Duration
		least  int64 // readings of each in a minute
	}{
		"SDM72 and SDM630":            {[]string{"SDM72D-M V2", "SDM630"}, 0, 59},
		"the first SDM72 and SDM630":  {[]string{"SDM72D-M", "SDM630"}, 0, 59},
		"they think for 10 ms":        {[]string{"SDM72D-M V2", "SDM630"}, 10 * time.Millisecond, 59},
		"they think for 30 ms":        {[]string{"SDM72D-M V2", "SDM630"}, 30 * time.Millisecond, 43},
		"others, whose registers lie": {[]string{"EM340", "B23", "DSZ15DZMOD", "OR-WE-516"}, 0, 55},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				units := map[byte]simulator.Unit{}
				var meters []*meter.Meter
				all := builtIn(t)
				for i := range byte(12) {
					m, err := all.ByName(c.models[int(i)%len(c.models)])
					if err != nil {
						t.Fatal(err)
					}
					units[i+1] = simulator.MeterOf(m, simulator.NewBay(1_000_000, uint32(i)+1, 1))
				}
				bus := wired(t, "serial:///dev/ttyS0?baud=9600", units, c.thinks)
				counts := make([]atomic.Int64, 12)
				ctx, stop := context.WithCancel(t.Context())
				for i := range byte(12) {
					m, err := all.ByName(c.models[int(i)%len(c.models)])
					if err != nil {
						t.Fatal(err)
					}
					meters = append(meters, meter.New(bus, i+1, m))
				}
				for i, m := range meters {
					go readEachSecond(ctx, t, m, &counts[i])
				}
				time.Sleep(30 * time.Second)
				for i := range counts {
					counts[i].Store(0)
				}
				time.Sleep(time.Minute)
				for i := range counts {
					if got := counts[i].Load(); got < c.least {
						t.Errorf("meter %d was read %d times in a minute, want %d", i+1, got, c.least)
					}
				}
				stop()
				time.Sleep(2 * time.Second)
				bus.Close()
				synctest.Wait()
			})
		})
	}
}

// readEachSecond reads a meter as a bay does: each second, and at once where a reading took longer.
func readEachSecond(ctx context.Context, t *testing.T, m *meter.Meter, count *atomic.Int64) {
	for next := time.Now(); ctx.Err() == nil; {
		if _, err := m.Read(ctx); err == nil {
			count.Add(1)
		} else if ctx.Err() == nil {
			t.Error(err)
		}
		next = next.Add(time.Second)
		if now := time.Now(); next.Before(now) {
			next = now
		}
		time.Sleep(time.Until(next))
	}
}
