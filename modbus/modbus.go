// Package modbus is the client side of Modbus for the devices of a kiosk: RTU over a
// serial line, RTU frames over TCP, and Modbus TCP (Modbus Application Protocol
// V1.1b3; Modbus over Serial Line V1.02).
//
// The line discipline is why this is not a library. An RTU answer carries no request
// id: after one late answer a client that goes on at once takes each answer for the
// next request, with a good CRC and no error, for ever, and bills from the wrong
// register. So after a time-out or a bad frame the line is suspect: the bus waits in
// silence for as long as the slowest answer may take, asks a canary (a read whose
// answer has a length that no other request on the line has), drops every frame until
// the canary's answer, and only then trusts the line again. Modbus TCP matches the
// transaction number and closes the connection on any mismatch.
//
//	RTU   unit function data.. CRC low, CRC high
//	TCP   transaction(2) 0000 length(2) unit function data..
package modbus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"kioskd"
	"kioskd/line"
)

// Function codes.
const (
	ReadCoils      = 1
	ReadInputs     = 2
	ReadHolding    = 3
	ReadRegisters  = 4 // input registers
	WriteCoil      = 5
	exceptionFlag  = 0x80
	maxRegisters   = 125
	maxBits        = 2000
	defaultTimeout = time.Second
)

// Exception is a device's no. Its value is the exception code.
type Exception byte

func (e Exception) Error() string {
	names := map[Exception]string{1: "illegal function", 2: "illegal data address", 3: "illegal data value", 4: "device failure",
		6: "device busy", 10: "gateway path unavailable", 11: "gateway target did not respond"}
	if n, ok := names[e]; ok {
		return fmt.Sprintf("device answered exception %d (%s)", byte(e), n)
	}
	return fmt.Sprintf("device answered exception %d", byte(e))
}

// Request is one read.
type Request struct {
	Unit     byte
	Function byte // ReadCoils, ReadInputs, ReadHolding or ReadRegisters
	Address  uint16
	Count    uint16
	Gap      time.Duration // silence that the device wants before a request, beyond t3.5
}

// Bus owns one line and asks the devices on it, one request at a time. It opens the
// line with the first request and again after it broke.
type Bus struct {
	// Timeout is how long an answer may take; it must be above the slowest device's.
	Timeout time.Duration
	Stats   line.Stats

	open   func(context.Context) (io.ReadWriteCloser, error)
	tcp    bool
	silent time.Duration // t3.5

	mu      sync.Mutex
	pump    *line.Pump
	buf     []byte
	tid     uint16
	last    time.Time // last byte seen or sent
	suspect bool
	canary  map[byte]Request
}

// NewBus makes a bus on an address.
func NewBus(text string) (*Bus, error) {
	a, err := line.Parse(text, 1)
	if err != nil {
		return nil, err
	}
	silent := 1750 * time.Microsecond
	if a.Scheme == "serial" && a.Mode.BaudRate <= 19200 {
		silent = time.Duration(3.5 * 11 * float64(time.Second) / float64(a.Mode.BaudRate))
	}
	return &Bus{Timeout: defaultTimeout, open: a.Open, tcp: a.Scheme == "tcp", silent: silent, canary: map[byte]Request{}}, nil
}

// NewBusOn makes a bus on a line that open opens; tcp selects Modbus TCP framing.
func NewBusOn(open func(context.Context) (io.ReadWriteCloser, error), tcp bool) *Bus {
	return &Bus{Timeout: defaultTimeout, open: open, tcp: tcp, silent: 1750 * time.Microsecond, canary: map[byte]Request{}}
}

// SetCanary names the read that proves that the line to a unit is in step again. Its
// answer must have a length that no other request on the bus has.
func (b *Bus) SetCanary(r Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.canary[r.Unit] = r
}

// Close closes the line; the next request opens it again.
func (b *Bus) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.close()
}

func (b *Bus) close() error {
	if b.pump == nil {
		return nil
	}
	err := b.pump.Close()
	b.pump, b.buf = nil, nil
	return err
}

// Registers reads 16-bit registers.
func (b *Bus) Registers(ctx context.Context, r Request) ([]uint16, error) {
	if r.Count == 0 || r.Count > maxRegisters {
		return nil, fmt.Errorf("cannot read %d registers at once", r.Count)
	}
	data, err := b.do(ctx, r, r.pdu(), 2+2*int(r.Count))
	if err != nil {
		return nil, err
	}
	out := make([]uint16, r.Count)
	for i := range out {
		out[i] = binary.BigEndian.Uint16(data[2+2*i:])
	}
	return out, nil
}

// Bits reads coils or discrete inputs.
func (b *Bus) Bits(ctx context.Context, r Request) ([]bool, error) {
	if r.Count == 0 || r.Count > maxBits {
		return nil, fmt.Errorf("cannot read %d bits at once", r.Count)
	}
	data, err := b.do(ctx, r, r.pdu(), 2+(int(r.Count)+7)/8)
	if err != nil {
		return nil, err
	}
	out := make([]bool, r.Count)
	for i := range out {
		out[i] = data[2+i/8]>>(i%8)&1 == 1
	}
	return out, nil
}

// SetCoil switches a coil. The answer repeats the request; anything else is an error,
// and the coil may have switched.
func (b *Bus) SetCoil(ctx context.Context, unit byte, address uint16, on bool) error {
	pdu := []byte{WriteCoil, byte(address >> 8), byte(address), 0, 0}
	if on {
		pdu[3] = 0xFF
	}
	data, err := b.do(ctx, Request{Unit: unit}, pdu, len(pdu))
	if err == nil && string(data) != string(pdu) {
		err = fmt.Errorf("%w: answer to a coil write is % X, want % X", kiosk.ErrUnreachable, data, pdu)
	}
	return err
}

func (r Request) pdu() []byte {
	return []byte{r.Function, byte(r.Address >> 8), byte(r.Address), byte(r.Count >> 8), byte(r.Count)}
}

// do sends a request and returns the answer's PDU, want bytes long.
func (b *Bus) do(ctx context.Context, r Request, pdu []byte, want int) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if b.pump == nil {
		rw, err := b.open(ctx)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", kiosk.ErrUnreachable, err)
		}
		b.pump, b.buf = line.NewPump(rw), nil
		b.suspect = !b.tcp // whoever used the line before may have left an answer in flight
	}
	if b.suspect {
		if err := b.regain(r); err != nil {
			return nil, b.lost(r, err)
		}
	}
	b.Stats.Sent.Add(1)
	data, err := b.ask(r, pdu, want)
	var no Exception
	if err != nil && !errors.As(err, &no) {
		return nil, b.lost(r, err)
	}
	return data, err
}

func (b *Bus) lost(r Request, err error) error {
	b.suspect = true
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.Stats.Silent.Add(1)
	case errors.Is(err, errFrame):
		b.Stats.Bad.Add(1)
	}
	if b.tcp || !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, errFrame) {
		b.close()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w: unit %d %w within %v", kiosk.ErrUnreachable, r.Unit, ErrSilent, b.Timeout)
	}
	return fmt.Errorf("%w: unit %d: %w", kiosk.ErrUnreachable, r.Unit, err)
}

// babbleFor is how many time-outs a line may take to fall silent: a bay waits for it, and whatever
// asks for the next unit.
const babbleFor = 5

// regain waits for silence and proves with a canary that the line is in step.
func (b *Bus) regain(r Request) error {
	for end := time.Now().Add(babbleFor * b.Timeout); ; {
		b.buf = nil
		if _, err := b.pump.Next(b.Timeout); errors.Is(err, os.ErrDeadlineExceeded) {
			break
		} else if err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("%w: somebody else speaks on the line, without end", errFrame)
		}
	}
	c, ok := b.canary[r.Unit]
	if !ok {
		b.suspect = false
		return nil
	}
	_, err := b.ask(c, c.pdu(), c.answer())
	var no Exception // proves as much where nothing else uses the function
	if err != nil && !(errors.As(err, &no) && c.Function == ReadCoils) {
		return fmt.Errorf("line is not in step: %w", err)
	}
	b.suspect = false
	return nil
}

func (r Request) answer() int {
	if r.Function == ReadCoils || r.Function == ReadInputs {
		return 2 + (int(r.Count)+7)/8
	}
	return 2 + 2*int(r.Count)
}

var errFrame = errors.New("bad frame")

// ErrSilent means that the line is there and a unit did not answer.
var ErrSilent = errors.New("did not answer")

func (b *Bus) ask(r Request, pdu []byte, want int) ([]byte, error) {
	if b.tcp {
		return b.askTCP(r, pdu, want)
	}
	return b.askRTU(r, pdu, want)
}

func (b *Bus) askRTU(r Request, pdu []byte, want int) ([]byte, error) {
	time.Sleep(time.Until(b.last.Add(b.silent + r.Gap)))
	b.buf = nil
	for { // drop what arrived unasked
		if _, err := b.pump.Next(0); errors.Is(err, os.ErrDeadlineExceeded) {
			break
		} else if err != nil {
			return nil, err
		}
	}
	if err := b.pump.Write(AppendCRC(append([]byte{r.Unit}, pdu...))); err != nil {
		return nil, err
	}
	defer func() { b.last = time.Now() }()
	deadline := time.Now().Add(b.Timeout)
	for {
		if n := rtuLength(b.buf, want); n > 0 {
			return checkRTU(b.buf[:n], b.buf[n:], r.Unit, pdu[0], want)
		}
		chunk, err := b.pump.Next(time.Until(deadline))
		if err != nil {
			return nil, err
		}
		b.buf = append(b.buf, chunk...)
	}
}

// rtuLength is the length of the frame at the start of b: of an exception or of the
// answer that is wanted. 0 means that more must come.
func rtuLength(b []byte, want int) int {
	if len(b) >= 5 && b[1]&exceptionFlag != 0 {
		return 5
	}
	if len(b) >= want+3 {
		return want + 3
	}
	return 0
}

func checkRTU(frame, rest []byte, unit, function byte, want int) ([]byte, error) {
	n := len(frame)
	if got, sum := binary.LittleEndian.Uint16(frame[n-2:]), CRC(frame[:n-2]); got != sum {
		return nil, fmt.Errorf("%w: CRC is %04X, want %04X", errFrame, got, sum)
	}
	if frame[0] != unit {
		return nil, fmt.Errorf("%w: unit %d answered for unit %d", errFrame, frame[0], unit)
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%w: %d bytes follow the answer", errFrame, len(rest))
	}
	return checkPDU(frame[1:n-2], function, want)
}

func checkPDU(pdu []byte, function byte, want int) ([]byte, error) {
	switch {
	case len(pdu) == 2 && pdu[0] == function|exceptionFlag:
		return nil, Exception(pdu[1])
	case len(pdu) != want || pdu[0] != function:
		return nil, fmt.Errorf("%w: answer of %d bytes to function %d, want %d bytes to function %d", errFrame, len(pdu), pdu[0], want, function)
	case function <= ReadRegisters && int(pdu[1]) != want-2:
		return nil, fmt.Errorf("%w: answer names %d bytes, has %d", errFrame, pdu[1], want-2)
	}
	return pdu, nil
}

func (b *Bus) askTCP(r Request, pdu []byte, want int) ([]byte, error) {
	b.tid++
	head := []byte{byte(b.tid >> 8), byte(b.tid), 0, 0, 0, byte(len(pdu) + 1), r.Unit}
	if err := b.pump.Write(append(head, pdu...)); err != nil {
		return nil, err
	}
	deadline := time.Now().Add(b.Timeout)
	for {
		if len(b.buf) >= 8 {
			if n := 6 + int(binary.BigEndian.Uint16(b.buf[4:])); len(b.buf) >= n && n >= 8 {
				frame := b.buf[:n]
				b.buf = b.buf[n:]
				if binary.BigEndian.Uint16(frame) != b.tid || frame[6] != r.Unit {
					return nil, fmt.Errorf("answer to transaction %d of unit %d, want %d of unit %d", binary.BigEndian.Uint16(frame), frame[6], b.tid, r.Unit)
				}
				return checkPDU(frame[7:], pdu[0], want)
			}
		}
		chunk, err := b.pump.Next(time.Until(deadline))
		if err != nil {
			return nil, err
		}
		b.buf = append(b.buf, chunk...)
	}
}

// CRC is Modbus's CRC-16: polynomial 8005 reflected, start FFFF.
func CRC(b []byte) uint16 {
	sum := uint16(0xFFFF)
	for _, v := range b {
		sum ^= uint16(v)
		for range 8 {
			if sum&1 != 0 {
				sum = sum>>1 ^ 0xA001
			} else {
				sum >>= 1
			}
		}
	}
	return sum
}

// AppendCRC closes an RTU frame.
func AppendCRC(frame []byte) []byte {
	return binary.LittleEndian.AppendUint16(frame, CRC(frame))
}
