package line_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creack/pty"
	"go.bug.st/serial"
	"golang.org/x/sys/unix"

	"kioskd/line"
)

func TestParse(t *testing.T) {
	a, err := line.Parse("serial:///dev/ttyUSB0?baud=19200&parity=even", 1)
	if err != nil || a.Target != "/dev/ttyUSB0" || a.Mode.BaudRate != 19200 || a.Mode.Parity != serial.EvenParity ||
		a.Mode.StopBits != serial.OneStopBit {
		t.Errorf("got %+v, %v", a, err)
	}
	if a, err := line.Parse("serial:///dev/ttyS1", 2); err != nil || a.Mode.StopBits != serial.TwoStopBits ||
		a.Mode.BaudRate != 9600 {
		t.Errorf("got %+v, %v", a, err)
	}
	for text, want := range map[string]string{
		"serial://dev/ttyUSB0":         "is written serial:///dev/ttyUSB0",
		"serial:///dev/x?baud=fast":    "not a rate",
		"serial:///dev/x?parity=maybe": "none, even or odd",
		"serial:///dev/x?stop=3":       "1 or 2",
		"serial:///dev/x?speed=9600":   `unknown setting "speed"`,
		"tcp://192.0.2.7":              "tcp://host:port",
		"tcp://192.0.2.7:":             "tcp://host:port",
		"tcp://:502":                   "tcp://host:port",
		"tcp://192.0.2.7:0":            "from 1 to 65535",
		"rtu+tcp://192.0.2.7:65536":    "from 1 to 65535",
		"tcp://me@192.0.2.7:502":       "tcp://host:port",
		"/dev/ttyUSB0":                 "want serial",
		"udp://a:1":                    "want serial",
	} {
		if _, err := line.Parse(text, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

// TestAHostHasOneSpelling: two devices at one gateway are on one line, however it is written.
func TestAHostHasOneSpelling(t *testing.T) {
	for text, want := range map[string]string{"tcp://Gateway.:0502": "gateway:502", "tcp://gateway:502": "gateway:502",
		"tcp://[2001:DB8:0::1]:502": "[2001:db8::1]:502", "tcp://[::ffff:192.0.2.7]:502": "192.0.2.7:502"} {
		if a, err := line.Parse(text, 1); err != nil || a.Port() != want {
			t.Errorf("%s: %s, %v, want %s", text, a.Port(), err, want)
		}
	}
}

// opened is a serial port that is open, and the other end of its line.
func opened(t *testing.T) (a line.Address, port io.ReadWriteCloser, other, slave *os.File) {
	other, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close(); slave.Close() })
	a, err = line.Parse("serial://"+slave.Name(), 1)
	if err != nil {
		t.Fatal(err)
	}
	port, err = a.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return a, port, other, slave
}

func TestASerialPortIsForOneProgram(t *testing.T) {
	a, first, _, slave := opened(t)
	if _, err := unix.IoctlGetInt(int(slave.Fd()), unix.TIOCGEXCL); err != nil {
		t.Skipf("the system does not tell here whether a port is taken (%v), as under user emulation", err)
	}
	if _, err := a.Open(context.Background()); !errors.Is(err, unix.EBUSY) {
		t.Errorf("a port that another has gave %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := a.Open(context.Background())
	if err != nil {
		t.Fatalf("when it was free again: %v", err)
	}
	again.Close()
}

// TestAPortThatTakesNoMore: who tries again does not wait behind what was written before.
func TestAPortThatTakesNoMore(t *testing.T) {
	a, first, other, _ := opened(t)
	const much = 1 << 20
	taken := make(chan error, 1)
	go func() {
		_, err := first.Write(make([]byte, much))
		taken <- err
	}()
	if _, err := io.CopyN(io.Discard, other, 1); err != nil { // the kernel has it, and no room for all of it
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := a.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := again.Write([]byte("more")); !errors.Is(err, line.ErrStuck) {
		t.Errorf("the port that was opened anew gave %v", err)
	}
	if _, err := io.CopyN(io.Discard, other, much-1); err != nil {
		t.Fatal(err)
	}
	if err := <-taken; err != nil {
		t.Fatal(err)
	}
	if _, err := again.Write([]byte("more")); err != nil {
		t.Errorf("when all was taken: %v", err)
	}
}

func TestPump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		p := line.NewPump(ours)
		defer p.Close()
		start := time.Now()
		if _, err := p.Next(3 * time.Second); !errors.Is(err, os.ErrDeadlineExceeded) ||
			time.Since(start) != 3*time.Second {
			t.Errorf("silence gave %v after %v", err, time.Since(start))
		}
		go theirs.Write([]byte("late"))
		synctest.Wait() // no reader waits while it arrives
		if b, err := p.Next(0); err != nil || string(b) != "late" {
			t.Errorf("got %q, %v: what arrives between two waits is lost", b, err)
		}
		go p.Close()
		start = time.Now()
		if _, err := p.Next(time.Hour); !errors.Is(err, net.ErrClosed) || time.Since(start) > 0 {
			t.Errorf("closing the line woke its reader after %v with %v", time.Since(start), err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		p := line.NewPump(ours)
		defer p.Close()
		theirs.Close()
		for range 2 {
			if _, err := p.Next(time.Second); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("a broken line gave %v", err)
			}
		}
	})
}

// stuck is a line whose reader and writer the kernel does not let go.
type stuck struct{ free chan struct{} }

func (s stuck) Read([]byte) (int, error)  { <-s.free; return 0, net.ErrClosed }
func (s stuck) Write([]byte) (int, error) { <-s.free; return 0, net.ErrClosed }
func (s stuck) Close() error              { <-s.free; return nil }

func TestAStuckLineIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stuck{make(chan struct{})}
		p := line.NewPump(s)
		if err := p.Write([]byte("anything")); !errors.Is(err, line.ErrStuck) {
			t.Errorf("writing gave %v", err)
		}
		if err := p.Close(); !errors.Is(err, line.ErrStuck) {
			t.Errorf("closing gave %v", err)
		}
		if err := p.Close(); err != nil {
			t.Errorf("closing twice gave %v", err)
		}
		close(s.free) // what was left behind ends with it
	})
}

// TestABrokenLineIsNeverSilent: a reader who asks whether anything came is told that the line broke, each
// time, also where nothing is waited for.
func TestABrokenLineIsNeverSilent(t *testing.T) {
	for name, wait := range map[string]time.Duration{"at once": 0, "within a moment": time.Nanosecond,
		"within a while": time.Millisecond} {
		for range 400 {
			ours, theirs := net.Pipe()
			p := line.NewPump(ours)
			go func() { theirs.Write([]byte{6}); theirs.Close() }()
			if b, err := p.Next(time.Second); err != nil || len(b) != 1 {
				t.Fatalf("%s: %v %v", name, b, err)
			}
			if _, err := p.Next(time.Second); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("%s: the end of the line is %v", name, err)
			}
			if _, err := p.Next(wait); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("%s: a broken line is %v", name, err)
			}
			p.Close()
			if _, err := p.Next(wait); !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "broken") {
				t.Fatalf("%s: a closed line is %v", name, err)
			}
		}
	}
}
