// Package line opens the lines that devices hang on: serial ports and TCP
// connections, named by addresses such as
//
//	serial:///dev/ttyUSB0?baud=9600&parity=none&stop=1
//	tcp://192.0.2.7:20007
//	rtu+tcp://192.0.2.8:4001
//
// It knows no protocol. A line that breaks stays broken: its owner opens a new
// one.
package line

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.bug.st/serial"
	"golang.org/x/sys/unix"
)

// Address is where a device is.
type Address struct {
	Scheme string // serial, tcp or rtu+tcp
	Target string // path of a serial port, or host:port
	Mode   serial.Mode

	writing chan struct{} // has one while the port is written to, through whichever opening
}

// String is the address without the defaults.
func (a Address) String() string {
	if a.Scheme == "serial" {
		return "serial://" + a.Target
	}
	return a.Scheme + "://" + a.Target
}

// Character is how long one takes on a serial line: a start bit, eight bits of data, and what parity and stop bits
// there are.
func (a Address) Character() time.Duration {
	bits := 1 + a.Mode.DataBits + 1
	if a.Mode.Parity != serial.NoParity {
		bits++
	}
	if a.Mode.StopBits == serial.TwoStopBits {
		bits++
	}
	return time.Duration(bits) * time.Second / time.Duration(a.Mode.BaudRate)
}

// Port is what an address is at, by whatever name: two addresses with the same are one line.
func (a Address) Port() string {
	if a.Scheme != "serial" {
		return a.Target
	}
	if real, err := filepath.EvalSymlinks(a.Target); err == nil {
		return real
	}
	return filepath.Clean(a.Target)
}

var parities = map[string]serial.Parity{"none": serial.NoParity, "even": serial.EvenParity, "odd": serial.OddParity}

// Parse reads an address. stop is the number of stop bits that the protocol wants
// where the address does not say.
func Parse(text string, stop int) (Address, error) {
	u, err := url.Parse(text)
	if err != nil {
		return Address{}, fmt.Errorf(
			"cannot read address %q: want serial:///dev/…, tcp://host:port or rtu+tcp://host:port", text)
	}
	a := Address{Scheme: u.Scheme, Mode: serial.Mode{BaudRate: 9600, DataBits: 8}, writing: make(chan struct{}, 1)}
	query := u.Query()
	switch u.Scheme {
	case "serial":
		a.Target = u.Path
		if u.Path == "" || u.Host != "" {
			return Address{}, fmt.Errorf("cannot read address %q: a serial port is written serial:///dev/ttyUSB0", text)
		}
		if b := query.Get("baud"); b != "" {
			a.Mode.BaudRate, err = strconv.Atoi(b)
			if err != nil || a.Mode.BaudRate <= 0 {
				return Address{}, fmt.Errorf("cannot read address %q: baud %q is not a rate", text, b)
			}
		}
		if p := query.Get("parity"); p != "" {
			parity, ok := parities[p]
			if !ok {
				return Address{}, fmt.Errorf("cannot read address %q: parity %q: want none, even or odd", text, p)
			}
			a.Mode.Parity = parity
		}
		if s := query.Get("stop"); s != "" {
			stop, err = strconv.Atoi(s)
			if err != nil {
				stop = 0
			}
		}
		switch stop {
		case 1:
			a.Mode.StopBits = serial.OneStopBit
		case 2:
			a.Mode.StopBits = serial.TwoStopBits
		default:
			return Address{}, fmt.Errorf("cannot read address %q: stop: want 1 or 2", text)
		}
	case "tcp", "rtu+tcp":
		port, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil || port == 0 || u.Hostname() == "" || u.User != nil || u.Path != "" {
			return Address{}, fmt.Errorf("cannot read address %q: want %s://host:port, the port from 1 to 65535", text,
				u.Scheme)
		}
		a.Target = net.JoinHostPort(oneSpelling(u.Hostname()), strconv.FormatUint(port, 10))
	default:
		return Address{}, fmt.Errorf(
			"cannot read address %q: want serial:///dev/…, tcp://host:port or rtu+tcp://host:port", text)
	}
	for key := range query {
		if u.Scheme != "serial" || key != "baud" && key != "parity" && key != "stop" {
			return Address{}, fmt.Errorf("cannot read address %q: unknown setting %q", text, key)
		}
	}
	return a, nil
}

// oneSpelling is the same for every spelling of a host.
func oneSpelling(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().String()
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// Open opens the line. A TCP connection is given five seconds. A serial port is for one program
// alone, also where that is root's.
func (a Address) Open(ctx context.Context) (io.ReadWriteCloser, error) {
	if a.Scheme == "serial" {
		rw, err := openSerial(a)
		if err != nil {
			return nil, fmt.Errorf("cannot open %s: %w", a.Target, err)
		}
		return rw, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", a.Target)
	if err != nil {
		return nil, fmt.Errorf("cannot connect to %s: %w", a.Target, err)
	}
	return conn, nil
}

// openSerial opens a port that no other program has for itself. The kernel lets root open it
// all the same, and two programs would take away each other's answers.
func openSerial(a Address) (io.ReadWriteCloser, error) {
	look, err := unix.Open(a.Target, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(look) // only now: its last user's going away would drop the port's lines
	if taken, err := unix.IoctlGetInt(look, unix.TIOCGEXCL); err == nil && taken != 0 {
		return nil, unix.EBUSY
	}
	p, err := serial.Open(a.Target, &a.Mode)
	return port{p, a.writing}, err
}

// port refuses to be written to while the kernel has not taken what was written before, also
// through a port that was closed meanwhile: another try would only wait behind it.
type port struct {
	serial.Port
	writing chan struct{}
}

func (p port) Write(b []byte) (int, error) {
	select {
	case p.writing <- struct{}{}:
	default:
		return 0, ErrStuck
	}
	defer func() { <-p.writing }()
	return p.Port.Write(b)
}

// Pump reads a line in the background, so that a reader can wait with a time-out on
// any kind of line and nothing that arrives is lost between two waits. Neither writing nor
// closing takes longer than a line may be stuck: the kernel waits for ever for an adapter that
// takes no more bytes, and for bytes that another program took away.
type Pump struct {
	rw     io.ReadWriteCloser
	chunks chan chunk
	failed chan error
	done   chan struct{}
	once   sync.Once
	came   time.Time // of what Next returned last
}

// chunk is what was read at once.
type chunk struct {
	bytes []byte
	came  time.Time
}

// NewPump takes over a line; Close closes it.
func NewPump(rw io.ReadWriteCloser) *Pump {
	p := &Pump{rw: rw, chunks: make(chan chunk), failed: make(chan error, 1), done: make(chan struct{})}
	go p.read()
	return p
}

func (p *Pump) read() {
	buf := make([]byte, 4096)
	for {
		n, err := p.rw.Read(buf)
		if n > 0 {
			select {
			case p.chunks <- chunk{append([]byte(nil), buf[:n]...), time.Now()}:
			case <-p.done:
				return
			}
		}
		if err != nil {
			p.failed <- err
			return
		}
		select {
		case <-p.done:
			return
		default: // a serial read may return nothing without an error
		}
	}
}

// Next returns what arrives within d. It fails with os.ErrDeadlineExceeded when
// nothing does, and with the line's error when it is broken or closed: a broken line is never
// called silent.
func (p *Pump) Next(d time.Duration) ([]byte, error) {
	if b, err := p.now(); b != nil || err != nil {
		return b, err
	}
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	select {
	case c := <-p.chunks:
		return p.take(c), nil
	case err := <-p.failed:
		return nil, p.broken(err)
	case <-p.done:
		return nil, net.ErrClosed
	case <-timer.C:
	}
	if b, err := p.now(); b != nil || err != nil { // select takes any of several that are ready
		return b, err
	}
	return nil, os.ErrDeadlineExceeded
}

func (p *Pump) take(c chunk) []byte {
	p.came = c.came
	return c.bytes
}

// Came is when the bytes arrived that Next returned last. Who calls Next may call it.
func (p *Pump) Came() time.Time { return p.came }

// Wait waits for a moment, on a serial port as exactly as the kernel can: the runtime's own timers are a
// millisecond late at times, which on a fast line is a character of every ten.
func (p *Pump) Wait(until time.Time) {
	_, serial := p.rw.(port)
	if !serial {
		time.Sleep(time.Until(until))
		return
	}
	time.Sleep(time.Until(until) - mostExact)
	for left := time.Until(until); left > 0; left = time.Until(until) { // a signal may end a sleep
		t := unix.NsecToTimespec(int64(left))
		unix.Nanosleep(&t, nil)
	}
}

// mostExact is how long a thread is held up for it.
const mostExact = 4 * time.Millisecond

// now returns what is there already: nothing, bytes, or why there will be none.
func (p *Pump) now() ([]byte, error) {
	select {
	case <-p.done:
		return nil, net.ErrClosed
	default:
	}
	select {
	case c := <-p.chunks:
		return p.take(c), nil
	case err := <-p.failed: // only after the last bytes were taken
		return nil, p.broken(err)
	default:
		return nil, nil
	}
}

// broken keeps the error: the line stays broken.
func (p *Pump) broken(err error) error {
	p.failed <- err
	return fmt.Errorf("line is broken: %w", err)
}

// stuckAfter is how long the kernel is waited for.
const (
	stuckAfter  = 10 * time.Second
	closeWithin = time.Second
)

// ErrStuck is of a line that takes no bytes, or is not let go of.
var ErrStuck = errors.New("line is stuck")

// Write writes to the line. Where that takes too long the error is ErrStuck, and the line is to
// be closed: the bytes may be sent all the same.
func (p *Pump) Write(b []byte) error {
	ours := append([]byte(nil), b...) // it may outlast us
	return within(stuckAfter, func() error { _, err := p.rw.Write(ours); return err })
}

// Close closes the line. It may be called more than once. Where the reader of the line does not
// wake up, it is left behind, and the error is ErrStuck.
func (p *Pump) Close() error {
	err := net.ErrClosed
	p.once.Do(func() {
		close(p.done)
		err = within(closeWithin, p.rw.Close)
	})
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// within waits for f, but no longer than d.
func within(d time.Duration, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return ErrStuck
	}
}
