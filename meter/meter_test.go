package meter_test

import (
	"context"
	"io"
	"net"
	"slices"
	"testing"

	"kioskd/meter"
	"kioskd/meter/model"
	"kioskd/modbus"
)

// answering is a bus on which each request is answered at once.
func answering(t *testing.T, answer func(request []byte) []byte) *modbus.Bus {
	ours, theirs := net.Pipe()
	go func() {
		for request := make([]byte, 8); ; {
			if _, err := io.ReadFull(theirs, request); err != nil {
				return
			}
			theirs.Write(answer(request))
		}
	}()
	bus := modbus.NewBusOn(func(context.Context) (io.ReadWriteCloser, error) { return ours, nil }, false)
	t.Cleanup(func() { bus.Close(); theirs.Close() })
	return bus
}

// TestAPhaseThatIsAbsent: "B23/B24 User Manual" has all bits set for a value that is not available. No
// phase then gets another one's value, and what is billed is still read.
func TestAPhaseThatIsAbsent(t *testing.T) {
	quantities := make([]uint16, 46) // from 5B00
	quantities[1], quantities[2], quantities[3], quantities[5] = 2300, 0xFFFF, 0xFFFF, 2310
	quantities[13], quantities[15], quantities[17] = 1600, 1610, 1620
	quantities[21] = 50_000
	known := map[uint16][]uint16{
		0x8960: {0x4232, 0x3320}, 0x8900: {0, 4711}, 0x8908: make([]uint16, 7),
		0x5000: {0, 0, 0, 123}, 0x5B00: quantities, 0x5B14: quantities[20:], 0x5B2C: {5000},
	}
	bus := answering(t, func(request []byte) []byte { return registers(request, known) })
	model, err := model.Find("", "B23")
	if err != nil {
		t.Fatal(err)
	}
	r, err := meter.New(bus, 1, model).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.Import != 1230 || r.Power != 500 || r.Serial != "4711" {
		t.Errorf("read %+v", r)
	}
	if r.Voltage != nil {
		t.Errorf("voltage %v of a meter that has none on phase 2", r.Voltage)
	}
	if !slices.Equal(r.Current, []int64{16_000, 16_100, 16_200}) {
		t.Errorf("current %v", r.Current)
	}
	quantities[20], quantities[21] = 0x7FFF, 0xFFFF
	if r, err := meter.New(bus, 1, model).Read(t.Context()); err == nil {
		t.Errorf("a reading without its power: %+v", r)
	}
}
