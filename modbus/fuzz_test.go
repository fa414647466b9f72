package modbus_test

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"kioskd/modbus"
)

// sumOf is the CRC of "MODBUS over Serial Line", 6.2.2, a bit at a time.
func sumOf(data []byte) uint16 {
	sum := uint16(0xFFFF)
	for _, b := range data {
		sum ^= uint16(b)
		for range 8 {
			low := sum & 1
			sum >>= 1
			if low == 1 {
				sum ^= 0xA001
			}
		}
	}
	return sum
}

// has tells whether a stream has an answer of unit 1 with these bytes, and its right checksum.
func has(stream []byte, function byte, data []byte) bool {
	frame := append([]byte{1, function, byte(len(data))}, data...)
	return bytes.Contains(stream, binary.LittleEndian.AppendUint16(frame, sumOf(frame)))
}

// FuzzAnswers lets a line answer anything to any request. Nothing breaks, and what is taken for an answer
// is one: of the unit that was asked, for the function, as long as what was asked for, with its checksum.
func FuzzAnswers(f *testing.F) {
	frame := func(b ...byte) []byte { return binary.LittleEndian.AppendUint16(b, sumOf(b)) }
	good := frame(1, 3, 4, 0, 0, 0x12, 0x34)
	f.Add(good, false, uint8(2))
	f.Add(append([]byte{1, 3, 0, 0, 0, 2, 0xC4, 0x0B}, good...), false, uint8(2)) // the echo first
	f.Add(frame(1, 0x83, 2), false, uint8(2))
	f.Add(frame(1, 1, 1, 5), false, uint8(3))
	f.Add(frame(2, 3, 4, 1, 2, 3, 4), false, uint8(2))
	f.Add(good[:6], false, uint8(2))
	f.Add([]byte{0, 0, 0, 0, 0, 7, 1, 3, 4, 0, 0, 1, 2}, true, uint8(2))
	f.Add([]byte{0, 0, 0, 0, 0xFF, 0xFF, 1, 3, 4, 0, 0, 1, 2}, true, uint8(2))
	f.Add([]byte{0, 0, 0, 0, 0, 3, 1, 0x83, 0x0B}, true, uint8(2))
	f.Fuzz(func(t *testing.T, stream []byte, tcp bool, count uint8) {
		if len(stream) > 600 {
			return
		}
		n := uint16(count%125) + 1
		answer := func(request []byte) ([]byte, time.Duration) {
			out := bytes.Clone(stream)
			if tcp && len(out) >= 2 {
				copy(out, request[:2]) // its own transaction
			}
			return out, 0
		}
		lineOf(t, tcp, answer, func(t *testing.T, bus *modbus.Bus, _ *heard) {
			registers, err := bus.Registers(t.Context(), modbus.Request{Unit: 1, Function: modbus.ReadHolding,
				Count: n})
			var data []byte
			for _, r := range registers {
				data = binary.BigEndian.AppendUint16(data, r)
			}
			switch {
			case err != nil:
			case len(registers) != int(n):
				t.Errorf("%d registers, asked for %d", len(registers), n)
			case !tcp && !has(stream, modbus.ReadHolding, data):
				t.Errorf("% X is not in % X", data, stream)
			case tcp && !bytes.Contains(stream, append([]byte{1, modbus.ReadHolding, byte(len(data))}, data...)):
				t.Errorf("% X is not in % X", data, stream)
			}
			bits, err := bus.Bits(t.Context(), modbus.Request{Unit: 1, Function: modbus.ReadInputs, Count: n})
			if err == nil && len(bits) != int(n) {
				t.Errorf("%d bits, asked for %d", len(bits), n)
			}
			switched := []byte{1, modbus.WriteCoil, 0, 3, 0xFF, 0}
			if err := bus.SetCoil(t.Context(), 1, 3, true); err == nil && !bytes.Contains(stream, switched) {
				t.Errorf("a coil is taken for switched by % X", stream)
			}
		})
	})
}
