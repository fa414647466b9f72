package simulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// Listener is where a simulated device is reached: a TCP port or a pty.
type Listener struct {
	Address string // for the other side's configuration

	tcp    net.Listener
	master *os.File
	slave  *os.File // kept open, so that a till that goes away does not break the line
	link   string
}

// Listen opens tcp://HOST:PORT (port 0 takes a free one) or pty:PATH, where PATH
// becomes a symbolic link to the pty.
func Listen(address string) (*Listener, error) {
	switch scheme, rest, _ := strings.Cut(address, ":"); scheme {
	case "tcp":
		l, err := net.Listen("tcp", strings.TrimPrefix(rest, "//"))
		if err != nil {
			return nil, fmt.Errorf("cannot listen on %s: %w", address, err)
		}
		return &Listener{Address: "tcp://" + l.Addr().String(), tcp: l}, nil
	case "pty":
		return listenPty(rest)
	}
	return nil, fmt.Errorf("cannot listen on %q: want tcp://HOST:PORT or pty:PATH", address)
}

func listenPty(path string) (*Listener, error) {
	master, slave, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("cannot open a pty: %w", err)
	}
	l := &Listener{Address: "serial://" + path, master: master, slave: slave, link: path}
	if _, err := term.MakeRaw(int(slave.Fd())); err != nil {
		l.Close()
		return nil, fmt.Errorf("cannot set up the pty: %w", err)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSymlink != 0 {
		if err := os.Remove(path); err != nil {
			l.Close()
			return nil, fmt.Errorf("cannot replace the link: %w", err)
		}
	}
	if err := os.Symlink(slave.Name(), path); err != nil {
		l.link = ""
		l.Close()
		return nil, fmt.Errorf("cannot name the pty: %w", err)
	}
	return l, nil
}

// Serial tells whether the other side needs serial framing.
func (l *Listener) Serial() bool { return l.master != nil }

// Serve calls serve with each line until ctx ends: with every TCP connection, or once
// with the pty, which stays while tills come and go.
func (l *Listener) Serve(ctx context.Context, serve func(context.Context, io.ReadWriteCloser) error) error {
	if l.master != nil {
		served, stop := context.WithCancel(ctx)
		defer stop()
		go l.free(served)
		if err := serve(ctx, l.master); err != nil && ctx.Err() == nil && !errors.Is(err, os.ErrClosed) {
			return err
		}
		return nil
	}
	defer context.AfterFunc(ctx, func() { l.tcp.Close() })()
	for {
		conn, err := l.tcp.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		go func() {
			defer conn.Close()
			serve(ctx, conn) // its error is the end of the connection
		}()
	}
}

// free takes away the mark of a till that had the port for itself and was killed. A real port
// loses it when its last user closes it; this one has us as another user.
func (l *Listener) free(ctx context.Context) {
	raw, err := l.slave.SyscallConn()
	if err != nil {
		return // closed
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for err == nil {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			// it cannot fail on a pty
			err = raw.Control(func(fd uintptr) { unix.IoctlSetInt(int(fd), unix.TIOCNXCL, 0) })
		}
	}
}

// Close ends the listener and removes the link.
func (l *Listener) Close() error {
	if l.tcp != nil {
		return l.tcp.Close()
	}
	var err error
	if l.link != "" {
		err = os.Remove(l.link)
	}
	if closeErr := l.master.Close(); !errors.Is(closeErr, os.ErrClosed) {
		err = errors.Join(err, closeErr)
	}
	return errors.Join(err, l.slave.Close())
}

// Join connects two ptys as a null-modem cable would, until they are closed.
func Join(a, b *Listener) {
	for _, pair := range [][2]*os.File{{a.master, b.master}, {b.master, a.master}} {
		go io.Copy(pair[0], pair[1]) // ends when one is closed
	}
}
