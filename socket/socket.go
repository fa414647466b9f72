// Package socket is how the programs of a kiosk reach each other on one machine: HTTP over Unix sockets, whose file
// mode says which accounts may. After a crash the file of a socket stays; Listen replaces one on which no process
// answers.
package socket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"time"
)

// Listen makes a socket with a file mode. A socket on which no process answers is replaced; a
// file that is no socket, or one that another daemon answers on, is an error.
func Listen(path string, mode os.FileMode) (net.Listener, error) {
	if info, err := os.Stat(path); err == nil {
		if info.Mode()&os.ModeSocket == 0 {
			return nil, fmt.Errorf("cannot listen on %s: it is not a socket", path)
		}
		if Answers(path) {
			return nil, fmt.Errorf("cannot listen on %s: another kioskd answers there", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("cannot replace stale socket: %w", err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("cannot listen: %w", err)
	}
	if err := os.Chmod(path, mode); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Answers tells whether a process answers on a socket.
func Answers(path string) bool {
	c, err := net.Dial("unix", path)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// Serve answers requests until ctx ends, or the listener fails. Requests end with ctx.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	defer context.AfterFunc(ctx, func() { srv.Close() })()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Client makes a client that reaches a socket, whatever host its requests name. It connects as requests need it.
func Client(path string) *http.Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial}}
}
