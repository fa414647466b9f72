package simulator

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"kioskd/line"
	"kioskd/modbus"
)

// Unit is a Modbus device on a bus: it answers a request's PDU with a PDU.
type Unit interface {
	Answer(pdu []byte) []byte
}

// Inputs a bay, in the order of the board's discrete inputs.
const (
	InputPlugged = iota
	InputRequesting
	InputFeedback
	InputEmergency // made while all is well
	InputsPerBay
)

// Board is an I/O board: coil n switches bay n; each bay has its discrete inputs.
// All coils open when no request came for Watchdog.
type Board struct {
	Bays     []*Bay
	Watchdog time.Duration

	mu   sync.Mutex
	last time.Time
}

// Answer implements Unit.
func (b *Board) Answer(pdu []byte) []byte {
	b.mu.Lock()
	b.last = time.Now()
	b.mu.Unlock()
	if len(pdu) != 5 {
		return []byte{pdu[0] | 0x80, 1}
	}
	address, value := int(binary.BigEndian.Uint16(pdu[1:])), int(binary.BigEndian.Uint16(pdu[3:]))
	switch pdu[0] {
	case modbus.WriteCoil:
		if address >= len(b.Bays) {
			return []byte{pdu[0] | 0x80, 2}
		}
		if value != 0 && value != 0xFF00 {
			return []byte{pdu[0] | 0x80, 3}
		}
		b.Bays[address].Switch(value == 0xFF00)
		return pdu
	case modbus.ReadInputs, modbus.ReadCoils:
		if value == 0 || value > 2000 {
			return []byte{pdu[0] | 0x80, 3}
		}
		out := append([]byte{pdu[0], byte((value + 7) / 8)}, make([]byte, (value+7)/8)...)
		for i := range value {
			if b.bit(pdu[0], address+i) {
				out[2+i/8] |= 1 << (i % 8)
			}
		}
		return out
	}
	return []byte{pdu[0] | 0x80, 1}
}

func (b *Board) bit(function byte, n int) bool {
	bay, input := n/InputsPerBay, n%InputsPerBay
	if function == modbus.ReadCoils {
		bay, input = n, InputFeedback
	}
	if bay >= len(b.Bays) {
		return false
	}
	s := b.Bays[bay].State()
	return []bool{s.Plugged, s.Requesting, s.Closed, !s.Emergency}[input]
}

// Run is the board's watchdog.
func (b *Board) Run(ctx context.Context) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		b.mu.Lock()
		expired := b.Watchdog > 0 && time.Since(b.last) > b.Watchdog
		b.mu.Unlock()
		if expired {
			for _, bay := range b.Bays {
				bay.Switch(false)
			}
		}
	}
}

// Bus is a line with devices on it.
type Bus struct {
	Units map[byte]Unit
	TCP   bool // Modbus TCP framing
	Echo  bool // an adapter that hears itself: each request comes back before its answer
	// Distort may change an answer before it goes out, or return nil for silence.
	Distort func(answer []byte) []byte
}

// Serve answers requests on a line until it breaks or ctx ends.
func (b *Bus) Serve(ctx context.Context, rw io.ReadWriteCloser) error {
	pump := line.NewPump(rw)
	defer pump.Close()
	defer context.AfterFunc(ctx, func() { pump.Close() })()
	var buf []byte
	for ctx.Err() == nil {
		chunk, err := pump.Next(time.Second)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			buf = nil // a request does not pause
			continue
		}
		if err != nil {
			return err
		}
		buf = append(buf, chunk...)
		for {
			frame, rest := b.cut(buf)
			if frame == nil {
				break
			}
			buf = rest
			out := b.answer(frame)
			if b.Echo {
				out = append(slices.Clone(frame), out...)
			}
			if out != nil {
				if err := pump.Write(out); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// cut takes one request from the front. All requests that this program answers have a
// PDU of five bytes, but the write of several registers; on RTU a byte that cannot start one is dropped.
func (b *Bus) cut(buf []byte) (frame, rest []byte) {
	if b.TCP {
		if len(buf) < 6 {
			return nil, buf
		}
		n := 6 + int(binary.BigEndian.Uint16(buf[4:]))
		if len(buf) < n || n < 8 {
			return nil, buf
		}
		return buf[:n], buf[n:]
	}
	for len(buf) >= 8 {
		n := 8
		if buf[1] == modbus.WriteRegisters {
			n = 9 + int(buf[6])
		}
		if len(buf) >= n && binary.LittleEndian.Uint16(buf[n-2:]) == modbus.CRC(buf[:n-2]) {
			return buf[:n], buf[n:]
		}
		if len(buf) < n {
			return nil, buf
		}
		buf = buf[1:]
	}
	return nil, buf
}

func (b *Bus) answer(frame []byte) []byte {
	head, pdu := frame[:1], frame[1:len(frame)-2]
	if b.TCP {
		head, pdu = frame[:7], frame[7:]
	}
	unit, ok := b.Units[head[len(head)-1]]
	if !ok || len(pdu) == 0 {
		return nil
	}
	out := unit.Answer(pdu)
	if out == nil {
		return nil
	}
	if b.TCP {
		reply := append([]byte(nil), head...)
		binary.BigEndian.PutUint16(reply[4:], uint16(len(out)+1))
		out = append(reply, out...)
	} else {
		out = modbus.AppendCRC(append([]byte{head[0]}, out...))
	}
	if b.Distort != nil {
		return b.Distort(out)
	}
	return out
}
