package meter_test

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kioskd/meter"
	"kioskd/meter/model"
	"kioskd/modbus"
)

// registers answers a read of an SDM630's or a B23's identity and serial number.
func registers(r []byte, known map[uint16][]uint16) []byte {
	words, ok := known[uint16(r[2])<<8|uint16(r[3])]
	if !ok || len(words) < int(r[5]) {
		return nil
	}
	out := []byte{r[0], r[1], 2 * r[5]}
	for _, w := range words[:r[5]] {
		out = append(out, byte(w>>8), byte(w))
	}
	return modbus.AppendCRC(out)
}

// none leaves no unit out.
func none(int) bool { return false }

// TestScanJudgesEachUnitForItself: one is slow, one is silent where it has no register, two have one
// number, a gateway speaks for a dead one, one is a board.
func TestScanJudgesEachUnitForItself(t *testing.T) {
	scans(t, town)
}

// TestScanOnANoisyLine: whichever frame is lost, every unit is found for what it is.
func TestScanOnANoisyLine(t *testing.T) {
	for lost := 1; lost <= 40; lost++ {
		var asked atomic.Int32
		scans(t, func(r []byte) ([]byte, time.Duration) {
			if asked.Add(1) == int32(lost) {
				return nil, 0
			}
			out, _ := town(r)
			return out, 20 * time.Millisecond
		})
	}
}

// town answers for the units of a line.
func town(r []byte) (out []byte, after time.Duration) {
	sdm := map[uint16][]uint16{0xFC02: {0x0070}, 0xFC00: {0x0135, 0x2B5A, 0x0070}, 0x0046: {0x4248, 0, 0, 0}}
	b23 := map[uint16][]uint16{0x8960: {0x4232, 0x3320}, 0x8900: {0, 4711}, 0x5B2C: {5000}}
	exception := func(code byte) []byte { return modbus.AppendCRC([]byte{r[0], r[1] | 0x80, code}) }
	switch r[0] {
	case 2:
		return registers(r, sdm), 700 * time.Millisecond
	case 3: // silent on registers that it does not have
		return registers(r, b23), 20 * time.Millisecond
	case 4:
		return []byte{4, 3, 2, 0xFF, 0x13, 0x20, 0x11}, 20 * time.Millisecond
	case 5:
		return exception(11), 20 * time.Millisecond
	case 6:
		return exception(2), 20 * time.Millisecond
	}
	return nil, 0
}

// scans judges what a scan of the line finds.
func scans(t *testing.T, answer func(r []byte) (out []byte, after time.Duration)) {
	t.Helper()
	models, err := model.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		go func() {
			for {
				r := make([]byte, 8)
				if _, err := io.ReadFull(theirs, r); err != nil {
					return
				}
				go func() {
					out, after := answer(r)
					if time.Sleep(after); out != nil {
						theirs.Write(out)
					}
				}()
			}
		}()
		bus := modbus.NewBusOn(func(context.Context) (io.ReadWriteCloser, error) { return ours, nil }, false)
		var got []string
		began := time.Now()
		if err := meter.Scan(t.Context(), bus, 1, 8, models, func(int) {}, none, func(f meter.Found) {
			got = append(got, strings.TrimSpace(strings.Join([]string{string(rune('0' + f.Unit)), f.Model, f.Serial,
				f.Why}, " ")))
		}); err != nil {
			t.Error(err)
		}
		want := []string{"2 SDM630 20261722", "3 B23 4711",
			"4   what it says cannot be read: two devices with this number, or another speed or parity",
			"6   no known meter"}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("found %q\nwant %q", got, want)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("eight units took %v", took)
		}
		bus.Close()
		theirs.Close()
		time.Sleep(time.Hour)
	})
}
