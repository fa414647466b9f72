package meter_test

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

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

// TestASettingThatChangesItsMeaning: an SDM630 that is set to count in MWh, or to say its words the other way round,
// is refused, with what to do; one that lacks the setting, or whose frequency is not a number, is read.
func TestASettingThatChangesItsMeaning(t *testing.T) {
	for name, c := range map[string]struct {
		prefix    []uint16 // holding register 001E
		frequency []uint16
		why       string
	}{
		"as delivered":              {[]uint16{0, 0}, []uint16{0x4248, 0}, ""},
		"in MWh":                    {[]uint16{0x3F80, 0}, []uint16{0x4248, 0}, "energy unit prefix of the meter to k"},
		"no such setting":           {nil, []uint16{0x4248, 0}, ""},
		"words the other way round": {[]uint16{0, 0}, []uint16{0, 0x4248}, "order of words back to normal"},
		"frequency is no number":    {[]uint16{0, 0}, []uint16{0x7FC0, 0}, ""},
		"no frequency":              {[]uint16{0, 0}, []uint16{0, 0}, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			block := make([]uint16, 22) // from 0034
			copy(block[18:], c.frequency)
			copy(block[20:], []uint16{0x4248, 0})
			known := map[uint16][]uint16{0xFC02: {0x70}, 0xFC00: {0, 7}, 0x34: block, 0x46: block[18:],
				0x00: make([]uint16, 12)}
			if c.prefix != nil {
				known[0x1E] = c.prefix
			}
			bus := answering(t, func(r []byte) []byte {
				if out := registers(r, known); out != nil {
					return out
				}
				return modbus.AppendCRC([]byte{r[0], r[1] | 0x80, 2})
			})
			m, err := model.Find("", "SDM630")
			if err != nil {
				t.Fatal(err)
			}
			r, err := meter.New(bus, 1, m).Read(t.Context())
			if (err == nil) != (c.why == "") || err != nil && !strings.Contains(err.Error(), c.why) {
				t.Errorf("%s: %+v, %v, want %q", name, r, err, c.why)
			}
			bus.Close()
		})
	}
}
