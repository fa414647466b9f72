package modbus

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"kioskd"
	"kioskd/line"
)

// Bus owns one line and asks the devices on it. It opens the line with the first request and again
// after it broke. Its methods may be called from many goroutines.
type Bus struct {
	// Timeout is how long a device may think, beside the time that request and answer take on the wire; it must be
	// above the slowest one's.
	Timeout time.Duration
	Stats   line.Stats

	// Wire is how fast the line is. It is not changed after the first request.
	Wire Wire

	open   func(context.Context) (io.ReadWriteCloser, error)
	framed framing

	turns turns

	mu     sync.Mutex // of units alone
	units  map[byte]*unit
	canary map[byte]Request

	// What follows is of the request whose turn it is.
	pump    *line.Pump
	opened  int // how often
	buf     []byte
	last    time.Time // last byte seen or sent
	tid     uint16
	noisy   bool          // bytes came that are no frame
	quiet   time.Duration // for which it is to be silent then
	echo    bool          // the adapter repeats what is sent
	pending []*exchange
	late    map[uint16]bool // transactions that were given up
	overdue map[byte]bool   // units that answered too late

	urgentAt time.Time // when something urgent was answered
}

// framing is how requests are told apart on a line.
type framing int

const (
	rtu framing = iota
	rtuOverTCP
	tcp
)

// unit is what is known of a device.
type unit struct {
	one    chan struct{} // has one while a read of it is under way
	opened int           // when it was proven to be in step; another number than the bus's for a suspect

	mu       sync.Mutex
	spoke    time.Time     // when it was asked or heard last
	took     time.Duration // how long its answers take, at worst
	first    time.Duration // after which its last answer began
	silent   int           // requests in a row that it did not answer
	missedAt time.Time     // when it did not answer last
	next     time.Time     // before which it is not asked
}

// exchange is a request that was sent.
type exchange struct {
	unit, function byte
	want           int
	tid            uint16
	pdu            []byte // the answer, once it is there
	err            error
	done           chan struct{} // closed then
}

// answered tells whether the answer is there.
func (x *exchange) answered() bool {
	select {
	case <-x.done:
		return true
	default:
		return false
	}
}

// end is the answer, or why there will be none.
func (b *Bus) end(x *exchange, pdu []byte, err error) {
	x.pdu, x.err = pdu, err
	close(x.done)
	b.pending = slices.DeleteFunc(b.pending, func(other *exchange) bool { return other == x })
}

// NewBus makes a bus on an address.
func NewBus(text string) (*Bus, error) {
	a, err := line.Parse(text, 1)
	if err != nil {
		return nil, err
	}
	b := NewBusOn(a.Open, a.Scheme == "tcp")
	if a.Scheme == "rtu+tcp" {
		b.framed = rtuOverTCP
	}
	b.Wire = WireOf(a)
	return b, nil
}

// Trace writes what goes over the line to a log. It is called before the first request.
func (b *Bus) Trace(name string, log *slog.Logger) { b.open = line.Traced(b.open, name, log) }

// NewBusOn makes a bus on a line that open opens; over selects Modbus TCP framing.
func NewBusOn(open func(context.Context) (io.ReadWriteCloser, error), over bool) *Bus {
	b := &Bus{Timeout: defaultTimeout, open: open, Wire: Wire{Silence: leastSilence},
		units: map[byte]*unit{}, canary: map[byte]Request{}, late: map[uint16]bool{}, overdue: map[byte]bool{}}
	if over {
		b.framed = tcp
	}
	return b
}

// SetCanary names the read that proves that a unit is in step again. No other request to the unit
// may have an answer of the same function and length.
func (b *Bus) SetCanary(r Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.canary[r.Unit] = r
}

// Numbers tells whether answers on the line have the numbers of their requests.
func (b *Bus) Numbers() bool { return b.framed == tcp }

// Forget lets a unit be asked without a canary, as one of which nothing is known.
func (b *Bus) Forget(unit byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.canary, unit)
}

// of is what is known of a unit, and its canary.
func (b *Bus) of(n byte) (u *unit, canary Request, has bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	u = b.units[n]
	if u == nil {
		u = &unit{one: make(chan struct{}, 1)}
		b.units[n] = u
	}
	canary, has = b.canary[n]
	return u, canary, has
}

// Close closes the line; the next request opens it again.
func (b *Bus) Close() error {
	w := &turn{}
	if err := b.turns.take(context.Background(), w, nil); err != nil {
		return err
	}
	defer b.turns.give(w)
	return b.close()
}

func (b *Bus) close() error {
	if b.pump == nil {
		return nil
	}
	err := b.pump.Close()
	b.pump, b.buf, b.noisy, b.echo = nil, nil, false, false
	for _, x := range slices.Clone(b.pending) {
		b.end(x, nil, errClosed)
	}
	clear(b.late)
	return err
}

// Errors of a line. ErrSilent means that it is there and a unit did not answer; ErrFrame that what came
// cannot be read, as where two units answer at once.
var (
	ErrSilent = errors.New("did not answer")
	ErrFrame  = errors.New("bad frame")
	errClosed = errors.New("line was closed")
	// errSpoiled is of an answer that came, and cannot be read.
	errSpoiled = fmt.Errorf("%w", ErrFrame)
)

// Registers reads 16-bit registers.
func (b *Bus) Registers(ctx context.Context, r Request) ([]uint16, error) {
	if r.Count == 0 || r.Count > maxRegisters {
		return nil, fmt.Errorf("cannot read %d registers at once", r.Count)
	}
	data, err := b.read(ctx, r)
	if err != nil {
		return nil, err
	}
	return words(data), nil
}

// Bits reads coils or discrete inputs.
func (b *Bus) Bits(ctx context.Context, r Request) ([]bool, error) {
	if r.Count == 0 || r.Count > maxBits {
		return nil, fmt.Errorf("cannot read %d bits at once", r.Count)
	}
	data, err := b.read(ctx, r)
	if err != nil {
		return nil, err
	}
	out := make([]bool, r.Count)
	for i := range out {
		out[i] = data[2+i/8]>>(i%8)&1 == 1
	}
	return out, nil
}

// SetCoil switches a coil before anything else that waits for the line. The answer repeats the
// request; anything else is an error, and the coil may have switched.
func (b *Bus) SetCoil(ctx context.Context, n byte, address uint16, on bool) error {
	pdu := []byte{WriteCoil, byte(address >> 8), byte(address), 0, 0}
	if on {
		pdu[3] = 0xFF
	}
	u, _, _ := b.of(n)
	w := &turn{seizes: true}
	defer b.turns.give(w)
	data, err := b.do(ctx, w, u, Request{Unit: n}, pdu, len(pdu))
	if err == nil && !bytes.Equal(data, pdu) {
		err = fmt.Errorf("%w: answer to a coil write is % X, want % X", kiosk.ErrUnreachable, data, pdu)
	}
	return err
}

// SetRegister writes one holding register. The answer repeats the request; on any error the device may have written it
// or not.
func (b *Bus) SetRegister(ctx context.Context, n byte, address, value uint16) error {
	pdu := binary.BigEndian.AppendUint16([]byte{WriteRegister, byte(address >> 8), byte(address)}, value)
	return b.write(ctx, n, pdu, pdu)
}

// SetRegisters writes holding registers, at most 123 at once. On any error the device may have written some of them,
// or all, or none.
func (b *Bus) SetRegisters(ctx context.Context, n byte, address uint16, values []uint16) error {
	if len(values) == 0 || len(values) > maxWritten {
		return fmt.Errorf("cannot write %d registers at once", len(values))
	}
	pdu := []byte{WriteRegisters, byte(address >> 8), byte(address), 0, byte(len(values)), byte(2 * len(values))}
	for _, v := range values {
		pdu = binary.BigEndian.AppendUint16(pdu, v)
	}
	return b.write(ctx, n, pdu, pdu[:5])
}

// write sends what changes a device, and wants an answer.
func (b *Bus) write(ctx context.Context, n byte, pdu, want []byte) error {
	u, _, _ := b.of(n)
	if err := u.begin(ctx); err != nil {
		return err
	}
	defer u.end()
	w := &turn{due: time.Now().Add(time.Second)}
	defer b.turns.give(w)
	data, err := b.do(ctx, w, u, Request{Unit: n}, pdu, len(want))
	if err == nil && !bytes.Equal(data, want) {
		err = fmt.Errorf("%w: answer to a write is % X, want % X", kiosk.ErrUnreachable, data, want)
	}
	return err
}

// read asks a unit, once it is its turn.
func (b *Bus) read(ctx context.Context, r Request) ([]byte, error) {
	u, canary, has := b.of(r.Unit)
	if err := u.begin(ctx); err != nil {
		return nil, err
	}
	defer u.end()
	if !r.Restless {
		if err := u.rest(ctx, r.Unit); err != nil {
			return nil, err
		}
	}
	if b.framed != tcp {
		if err := u.breathe(ctx, b.Wire.Silence+r.Gap); err != nil {
			return nil, err
		}
	}
	within := r.Within
	if within == 0 {
		within = time.Second
	}
	w := &turn{due: time.Now().Add(within), seizes: within <= urgent}
	defer b.turns.give(w)
	if err := b.own(ctx, w); err != nil {
		return nil, err
	}
	if err := b.hush(r.Unit); err != nil {
		return nil, err
	}
	if has && u.opened != b.opened && b.framed != tcp {
		canary.Timeout = r.Timeout
		opened := b.opened
		_, err := b.do(ctx, w, u, canary, canary.pdu(), canary.answer())
		var no Exception
		switch {
		case errors.As(err, &no) && canary.Function == ReadCoils: // proves as much where nothing else uses the function
		case no != 0: // it is not about the register that is asked for
			return nil, fmt.Errorf("%w: line is not in step: %v", kiosk.ErrUnreachable, err)
		case err != nil:
			return nil, fmt.Errorf("line is not in step: %w", err)
		}
		u.opened = opened
	}
	if has && b.framed != tcp && r.Function >= ReadHolding && u.doubted() {
		return b.alike(ctx, w, u, r)
	}
	return b.do(ctx, w, u, r, r.pdu(), r.answer())
}

// alike reads registers until three answers in a row are the same: one may be late, and of another request, and where
// one is, there may be a second. A value that changes faster than it can be read three times has to wait until the
// doubt is over.
func (b *Bus) alike(ctx context.Context, w *turn, u *unit, r Request) (data []byte, err error) {
	same := 0
	for range mostAlike {
		again, err := b.do(ctx, w, u, r, r.pdu(), r.answer())
		if err != nil {
			return nil, err
		}
		if data == nil || !r.alike(again, data) {
			same = 0
		}
		data = again
		same++
		if same == 3 {
			return data, nil
		}
	}
	u.opened = -1
	return nil, fmt.Errorf("%w: unit %d: %w: no three answers were alike after one was late", kiosk.ErrUnreachable,
		r.Unit, ErrFrame)
}

// alike tells whether two answers may both be true.
func (r Request) alike(a, b []byte) bool {
	if r.Alike == nil {
		return bytes.Equal(a, b)
	}
	return r.Alike(words(a), words(b))
}

// words are the registers of an answer.
func words(data []byte) []uint16 {
	out := make([]uint16, (len(data)-2)/2)
	for i := range out {
		out[i] = binary.BigEndian.Uint16(data[2+2*i:])
	}
	return out
}

// mostAlike is how often a unit is asked for answers that are alike.
const mostAlike = 9

// doubtFor is how long a unit that did not answer in time is doubted: an answer may be as late as that.
const doubtFor = 10 * time.Second

// doubt takes note of an answer that did not come, or not in time.
func (u *unit) doubt() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.missedAt = time.Now()
}

// doubted tells whether an answer of the unit may still be on its way.
func (u *unit) doubted() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return !u.missedAt.IsZero() && time.Since(u.missedAt) < doubtFor
}

// urgent is how soon an answer must be wanted for its request to take the line from a slow unit.
const urgent = 100 * time.Millisecond

// How long a unit that did not answer is left alone. The first times a request waits for that: an
// answer may be late. Then the unit is gone, and requests fail at once until it is asked again.
const (
	goneAfter = 3
	mostRest  = 15 * time.Second
)

func (u *unit) rest(ctx context.Context, n byte) error {
	u.mu.Lock()
	left, gone := time.Until(u.next), u.silent >= goneAfter
	u.mu.Unlock()
	if gone && left > 0 {
		return fmt.Errorf("%w: unit %d %w, and is asked again in %v", kiosk.ErrUnreachable, n, ErrSilent,
			left.Round(100*time.Millisecond))
	}
	return wait(ctx, left)
}

// breathe waits for the silence that a unit wants before a request. Others have the line meanwhile.
func (u *unit) breathe(ctx context.Context, gap time.Duration) error {
	return wait(ctx, time.Until(u.last().Add(gap)))
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// begin waits until no other request to the unit is on its way; end lets the next one begin.
func (u *unit) begin(ctx context.Context) error {
	select {
	case u.one <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (u *unit) end() { <-u.one }

// last is when the unit was asked or heard last.
func (u *unit) last() time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.spoke
}

// speaks takes note of when the unit was asked or heard.
func (u *unit) speaks(at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.spoke = at
}

// missed counts a request that a unit did not answer.
func (u *unit) missed(timeout time.Duration, urgent bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.silent++
	u.opened = -1
	pause := timeout
	switch {
	case u.silent >= goneAfter:
		pause = min(timeout<<min(u.silent-goneAfter+1, 8), mostRest)
	case urgent:
		pause = 0
	}
	u.next = time.Now().Add(pause)
}

// answered takes note of an answer.
func (u *unit) answered(took time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.silent, u.next = 0, time.Time{}
	u.took = max(took, u.took-u.took/32)
}

// soon is a time-out for what is urgent: longer with each that was missed.
func (u *unit) soon() time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	return max(shortest<<min(u.silent, 3), 3*u.took)
}

func (u *unit) slowest() time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.took
}

// missing tells whether the unit did not answer the last time.
func (u *unit) missing() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.silent > 0
}

// own takes the line, and opens it where it must.
func (b *Bus) own(ctx context.Context, w *turn) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !w.held {
		if err := b.turns.take(ctx, w, nil); err != nil {
			return err
		}
	}
	if b.pump != nil {
		return nil
	}
	rw, err := b.open(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", kiosk.ErrUnreachable, err)
	}
	b.pump, b.buf = line.NewPump(rw), nil
	b.opened++
	b.noisy, b.quiet = b.framed != tcp, quietFirst
	return nil
}

// How long a line must be silent: a fresh one, and one on which bytes came that are no frame.
const (
	quietFirst = 300 * time.Millisecond
	quietAfter = 50 * time.Millisecond
	babbleFor  = 5 * time.Second
)

// hush lets the line fall silent where it is not: another program may have left an answer in flight,
// or another device speaks on it. A request that switches power off does not wait for that.
func (b *Bus) hush(n byte) error {
	if !b.noisy {
		return nil
	}
	b.buf = nil
	for end := time.Now().Add(babbleFor); ; {
		_, err := b.pump.Next(b.quiet)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			b.noisy = false
			return nil
		}
		if _, seized := b.turns.wanted(); err == nil && (seized || time.Now().After(end)) {
			err = fmt.Errorf("%w: another device speaks on the line, without end", ErrFrame)
		}
		if err != nil {
			return b.lost(n, b.Timeout, err)
		}
	}
}

// do sends a request and waits for its answer's PDU, want bytes long. It gives the line up to
// others where the unit takes its time.
func (b *Bus) do(ctx context.Context, w *turn, u *unit, r Request, pdu []byte, want int) ([]byte, error) {
	if err := b.own(ctx, w); err != nil {
		return nil, err
	}
	if err := b.pause(ctx, w, u.last().Add(b.Wire.Silence+r.Gap)); err != nil {
		return nil, err
	}
	b.Stats.Sent.Add(1)
	timeout := cmp.Or(r.Timeout, b.Timeout) + b.wire(len(pdu)+3, want+3)
	if w.seizes { // asking once more is better than waiting
		timeout = min(timeout, u.soon())
	}
	x := &exchange{unit: r.Unit, function: pdu[0], want: want, done: make(chan struct{})}
	began := time.Now()
	sent, err := b.send(x, pdu)
	if err == nil {
		err = b.await(w, u, x, timeout, sent)
	}
	u.speaks(time.Now())
	var no Exception
	if errors.As(err, &no); err == nil || no != 0 && !no.Gateway() {
		u.answered(time.Since(began))
		b.Stats.Hear()
		if w.seizes && w.held {
			b.urgentAt = time.Now()
		}
		return x.pdu, err
	}
	if err := b.own(context.WithoutCancel(ctx), w); err != nil {
		return nil, err
	}
	if !x.answered() {
		if b.framed == tcp {
			b.late[x.tid] = true
		}
		b.end(x, nil, err)
	}
	if no != 0 || errors.Is(err, os.ErrDeadlineExceeded) { // a gateway says so, or the line is silent
		u.missed(timeout, w.seizes)
	}
	if no != 0 {
		return nil, err
	}
	return nil, b.lost(r.Unit, timeout, err)
}

// wire is how long some characters take on the line.
func (b *Bus) wire(characters ...int) (out time.Duration) {
	for _, n := range characters {
		out += time.Duration(n) * b.Wire.Character
	}
	return out
}

// Unknown tells whether a device says that it has no such function or register.
func (e Exception) Unknown() bool { return e >= 1 && e <= 3 }

// Gateway tells whether a gateway says that the unit behind it does not answer.
func (e Exception) Gateway() bool { return e == 10 || e == 11 }

// lost tells what went wrong, and closes a line that cannot be used any longer.
func (b *Bus) lost(n byte, timeout time.Duration, err error) error {
	silent := errors.Is(err, os.ErrDeadlineExceeded)
	u, _, _ := b.of(n)
	if !errors.Is(err, errSpoiled) { // its answer may yet come
		u.doubt()
	}
	if !silent {
		u.opened = -1
	}
	switch {
	case silent:
		b.Stats.Silent.Add(1)
	case errors.Is(err, ErrFrame):
		b.Stats.Bad.Add(1)
		b.noisy, b.quiet = true, quietAfter
	}
	switch {
	case errors.Is(err, errClosed): // another request closed it, and it may be open again
	case b.framed == tcp && silent && time.Since(b.last) < timeout: // others answer: only this unit does not
	case b.framed == rtu && (silent || errors.Is(err, ErrFrame)):
	default:
		b.close()
	}
	if silent {
		return fmt.Errorf("%w: unit %d %w within %v", kiosk.ErrUnreachable, n, ErrSilent,
			timeout.Round(10*time.Millisecond))
	}
	return fmt.Errorf("%w: unit %d: %w", kiosk.ErrUnreachable, n, err)
}

// pause waits for the silence that a request needs before it, and until the unit may be asked again at least. What is
// urgent does not wait for others' silence; and where something urgent was answered just now, more of it may follow.
func (b *Bus) pause(ctx context.Context, w *turn, least time.Time) error {
	for {
		at := b.last.Add(b.Wire.Silence)
		if at.Before(least) {
			at = least
		}
		if b.framed == tcp {
			at = time.Time{}
		}
		if next := b.urgentAt.Add(slice); !w.seizes && at.Before(next) {
			at = next
		}
		wait := time.Until(at)
		if wait <= 0 {
			return nil
		}
		if _, seized := b.turns.wanted(); seized && !w.seizes {
			b.turns.yield(w)
			if err := b.own(ctx, w); err != nil {
				return err
			}
			continue
		}
		b.pump.Wait(time.Now().Add(min(wait, slice/4)))
	}
}

// send writes a request, and returns it as it went out.
func (b *Bus) send(x *exchange, pdu []byte) ([]byte, error) {
	frame := AppendCRC(append([]byte{x.unit}, pdu...))
	if b.framed == tcp {
		b.tid++
		x.tid = b.tid
		frame = append([]byte{byte(b.tid >> 8), byte(b.tid), 0, 0, 0, byte(len(pdu) + 1), x.unit}, pdu...)
	}
	if err := b.listen(); err != nil {
		return nil, err
	}
	b.pending = append(b.pending, x)
	err := b.pump.Write(frame)
	b.last = time.Now()
	return frame, err
}

// longestFrame is how long a frame takes at 9600 baud.
const longestFrame = 300 * time.Millisecond

// listen takes what arrived since the last answer, for others or unasked, and waits while more of
// it comes: who speaks meanwhile is not heard.
func (b *Bus) listen() error {
	for end := time.Now().Add(longestFrame); ; {
		wait := time.Duration(0)
		if len(b.buf) > 0 || b.noisy {
			wait = slice
		}
		chunk, err := b.pump.Next(wait)
		if errors.Is(err, os.ErrDeadlineExceeded) || time.Now().After(end) {
			b.buf = nil
			return nil
		}
		if err != nil {
			return err
		}
		b.last = b.pump.Came()
		b.buf = append(b.buf, chunk...)
		if b.deliver(nil) != nil { // whose it was finds out by itself
			b.buf = b.buf[:0:0]
			b.noisy = b.framed != tcp
		}
	}
}

// When a unit that has not said a byte gives the line up, and other times.
const (
	patience      = 200 * time.Millisecond
	leastPatience = 60 * time.Millisecond
	slice         = 20 * time.Millisecond
	shortest      = 200 * time.Millisecond // time-out of what is urgent
)

// await waits for the answer to a request that was sent.
func (b *Bus) await(w *turn, u *unit, x *exchange, timeout time.Duration, sent []byte) error {
	began := time.Now()
	deadline := began.Add(timeout)
	first := time.Duration(0)
	for !x.answered() {
		now := time.Now()
		switch {
		case !now.Before(deadline):
			return os.ErrDeadlineExceeded
		case len(b.buf) == 0 && b.yields(u, now.Sub(began)):
			ctx, cancel := context.WithDeadline(context.Background(), deadline)
			w.listens = true
			b.turns.give(w)
			err := b.turns.take(ctx, w, x.done)
			w.listens = false
			if cancel(); err != nil {
				return os.ErrDeadlineExceeded
			}
			continue
		}
		chunk, err := b.pump.Next(min(slice, deadline.Sub(now)))
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		if err != nil {
			return err
		}
		b.last = b.pump.Came()
		if len(b.buf) == 0 {
			first = b.last.Sub(began)
		}
		b.buf = append(b.buf, chunk...)
		sent = b.unecho(sent)
		if sent != nil {
			continue
		}
		if err := b.deliver(x); err != nil {
			return err
		}
		if x.answered() {
			u.begins(first)
		}
	}
	return x.err
}

// yields tells whether a unit that has been silent for so long gives the line to another request.
func (b *Bus) yields(u *unit, since time.Duration) bool {
	slowest := u.slowest()
	if since < u.patient(slowest) || u.about(since) {
		return false
	}
	wanted, seized := b.turns.wanted()
	return seized || wanted && since > slowest*3/2
}

// patient is how long a unit that has said nothing keeps the line: four times as long as it took at worst, once it has
// answered.
func (u *unit) patient(slowest time.Duration) time.Duration {
	if slowest == 0 {
		return patience
	}
	return min(patience, max(leastPatience, 4*slowest))
}

// about tells whether the unit is about to answer, as it did the last time: who speaks then spoils
// both.
func (u *unit) about(since time.Duration) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.first > patience && u.first-exchanges < since && since < u.first+exchanges
}

func (u *unit) begins(first time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.first = first
}

// exchanges is how long a short request and its answer take at 9600 baud.
const exchanges = 80 * time.Millisecond

// unecho cuts off what was sent where an adapter repeats it, and returns it while it may yet. The
// answer to the write of a coil or of a register looks the same, so that only reads find such an adapter.
func (b *Bus) unecho(sent []byte) []byte {
	n := min(len(sent), len(b.buf))
	if b.framed == tcp || n == 0 || !b.echo && repeats(sent[1]) || !bytes.Equal(b.buf[:n], sent[:n]) {
		return nil
	}
	if n < len(sent) {
		return sent
	}
	b.echo, b.buf = true, b.buf[n:]
	return nil
}

// repeats tells whether the answer to a function is the request itself.
func repeats(function byte) bool { return function == WriteCoil || function == WriteRegister }

// deliver hands the frames that are there to the requests that they answer. Its error is about x, the
// request that is waited for.
func (b *Bus) deliver(x *exchange) error {
	for {
		a, err := b.cut(x)
		if err != nil || a.pdu == nil {
			return err
		}
		for _, p := range b.pending {
			if a.unit != p.unit || a.tid != p.tid || a.pdu[0]&^exceptionFlag != p.function {
				continue
			}
			pdu, err := checkPDU(a.pdu, p.function, p.want)
			var no Exception
			switch {
			case err == nil, errors.As(err, &no):
				b.end(p, pdu, err)
			case p == x:
				return err
			}
			break
		}
		if n, whole := frameLength(b.buf); b.framed != tcp && x != nil && x.answered() && len(b.buf) > 0 &&
			(!whole || len(b.buf) < n) {
			return fmt.Errorf("%w: %d bytes follow the answer", ErrFrame, len(b.buf))
		}
	}
}

// answer is a frame without what is around it.
type answer struct {
	unit byte
	tid  uint16
	pdu  []byte
}

// cut takes one whole frame from the front of what came; its PDU is nil where more must come.
func (b *Bus) cut(x *exchange) (answer, error) {
	if b.framed == tcp {
		return b.cutTCP()
	}
	if err := b.misnamed(x); err != nil {
		return answer{}, err
	}
	n, whole := frameLength(b.buf)
	if !whole || len(b.buf) < n {
		return answer{}, nil
	}
	frame := b.buf[:n]
	if got, sum := binary.LittleEndian.Uint16(frame[n-2:]), CRC(frame[:n-2]); got != sum {
		return answer{}, fmt.Errorf("%w: CRC is %04X, want %04X", errSpoiled, got, sum)
	}
	b.buf = b.buf[n:]
	a := answer{unit: frame[0], pdu: frame[1 : n-2]}
	asked := slices.ContainsFunc(b.pending, func(p *exchange) bool { return p.unit == a.unit })
	if u, _, _ := b.of(a.unit); x != nil && !asked && !u.missing() { // no caller waits for it, and it is not late
		return answer{}, fmt.Errorf("%w: unit %d answered for unit %d", ErrFrame, a.unit, x.unit)
	}
	if !asked {
		b.overdue[a.unit] = true
	}
	return a, nil
}

// Overdue lists the units that answered when no caller waited for them any longer.
func (b *Bus) Overdue() []byte {
	w := &turn{}
	if err := b.turns.take(context.Background(), w, nil); err != nil {
		return nil
	}
	defer b.turns.give(w)
	if b.pump != nil {
		if err := b.listen(); err != nil { // whose request it spoils finds out by itself
			b.close()
		}
	}
	return slices.Sorted(maps.Keys(b.overdue))
}

// misnamed tells of an answer that is as long as it must be, and says that it is not.
func (b *Bus) misnamed(x *exchange) error {
	if x == nil || x.function > ReadRegisters || len(b.buf) != x.want+3 || b.buf[0] != x.unit ||
		b.buf[1] != x.function || int(b.buf[2]) == x.want-2 {
		return nil
	}
	if n := len(b.buf); binary.LittleEndian.Uint16(b.buf[n-2:]) != CRC(b.buf[:n-2]) {
		return nil
	}
	return fmt.Errorf("%w: answer names %d bytes, has %d", ErrFrame, b.buf[2], x.want-2)
}

// frameLength is the length of the RTU frame at the start of b, by what it says itself.
func frameLength(b []byte) (n int, whole bool) {
	switch {
	case len(b) < 5:
		return 0, false
	case b[1]&exceptionFlag != 0:
		return 5, true
	case b[1] >= ReadCoils && b[1] <= ReadRegisters:
		return 5 + int(b[2]), true
	}
	return 8, true // writes
}

func (b *Bus) cutTCP() (answer, error) {
	if len(b.buf) < 8 {
		return answer{}, nil
	}
	n := 6 + int(binary.BigEndian.Uint16(b.buf[4:]))
	if n < 8 {
		return answer{}, fmt.Errorf("%w: length is %d", ErrFrame, n-6)
	}
	if len(b.buf) < n {
		return answer{}, nil
	}
	a := answer{tid: binary.BigEndian.Uint16(b.buf), unit: b.buf[6], pdu: b.buf[7:n]}
	b.buf = b.buf[n:]
	known := b.late[a.tid]
	delete(b.late, a.tid)
	for _, p := range b.pending {
		known = known || p.tid == a.tid && p.unit == a.unit
	}
	if !known {
		return answer{}, fmt.Errorf("answer to transaction %d of unit %d, which no request asked for", a.tid, a.unit)
	}
	return a, nil
}

func checkPDU(pdu []byte, function byte, want int) ([]byte, error) {
	switch {
	case len(pdu) == 2 && pdu[0] == function|exceptionFlag:
		return nil, Exception(pdu[1])
	case len(pdu) != want || pdu[0] != function:
		return nil, fmt.Errorf("%w: answer of %d bytes to function %d, want %d bytes to function %d", ErrFrame,
			len(pdu), pdu[0], want, function)
	case function <= ReadRegisters && int(pdu[1]) != want-2:
		return nil, fmt.Errorf("%w: answer names %d bytes, has %d", ErrFrame, pdu[1], want-2)
	}
	return pdu, nil
}
