package simulator

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// Link is a network between two programs: a TCP proxy that takes its time, breaks connections,
// and counts what passes. Set it up before Serve.
type Link struct {
	To    string        // address of the other end
	Delay time.Duration // each way
	// Break says after how many bytes, out and in, the next connection is reset; nil for never,
	// as are numbers below zero.
	Break func() (out, in int64)

	Out, In, Connections, Broken atomic.Int64
}

// Serve carries connections until the listener is closed.
func (k *Link) Serve(l net.Listener) error {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		k.Connections.Add(1)
		go k.carry(c)
	}
}

// errBroken ends a connection by a reset.
var errBroken = errors.New("the link broke")

func (k *Link) carry(c net.Conn) {
	defer c.Close()
	up, err := net.Dial("tcp", k.To)
	if err != nil { // no server is there: the caller is told at once
		reset(c)
		return
	}
	defer up.Close()
	out, in := int64(-1), int64(-1)
	if k.Break != nil {
		out, in = k.Break()
	}
	ended := make(chan error, 2)
	go func() { ended <- k.pass(up, c, out, &k.Out) }()
	go func() { ended <- k.pass(c, up, in, &k.In) }()
	if err := <-ended; errors.Is(err, errBroken) {
		k.Broken.Add(1)
		reset(c)
		reset(up)
	}
}

// reset makes the end of a connection a reset.
func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		t.SetLinger(0) // it is about to be closed in any case
	}
}

type piece struct {
	data []byte
	due  time.Time
}

// pass copies with a delay, up to a number of bytes.
func (k *Link) pass(to io.Writer, from io.Reader, most int64, count *atomic.Int64) error {
	pieces := make(chan piece, 1024)
	failed := make(chan struct{})
	go func() {
		defer close(pieces)
		buffer := make([]byte, 32<<10)
		for {
			n, err := from.Read(buffer)
			if n > 0 {
				select {
				case pieces <- piece{append([]byte(nil), buffer[:n]...), time.Now().Add(k.Delay)}:
				case <-failed:
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	defer close(failed)
	for p := range pieces {
		if k.Delay > 0 {
			time.Sleep(time.Until(p.due)) // it is the network's own time
		}
		broken := most >= 0 && int64(len(p.data)) >= most
		if broken {
			p.data = p.data[:most]
		}
		if _, err := to.Write(p.data); err != nil {
			return err
		}
		count.Add(int64(len(p.data)))
		most -= int64(len(p.data))
		if broken {
			return errBroken
		}
	}
	return nil
}
