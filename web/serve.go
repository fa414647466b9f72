package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"

	"kioskd/file"
)

// mostConnections are at a time: more wait.
const mostConnections = 256

// againAfter is how long a port that cannot be had is left alone.
const againAfter = 5 * time.Second

// Place is where the host's network is answered.
type Place struct {
	Listen           string // host and port
	Certificate, Key string // files; empty without TLS
}

// Serve answers the host's network until ctx ends. A port that cannot be had is tried again.
func Serve(ctx context.Context, at Place, handler http.Handler, log *slog.Logger) {
	for ctx.Err() == nil {
		err := at.serve(ctx, handler)
		if ctx.Err() != nil {
			return
		}
		log.Error("the host's network is not answered", "listen", at.Listen, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(againAfter):
		}
	}
}

func (at Place) serve(ctx context.Context, handler http.Handler) error {
	secure, err := file.ServerTLS(at.Certificate, at.Key)
	if err != nil {
		return fmt.Errorf("cannot read the certificate of web: %w", err)
	}
	l, err := net.Listen("tcp", at.Listen)
	if err != nil {
		return err
	}
	l = netutil.LimitListener(l, mostConnections)
	server := &http.Server{
		Handler:        handler,
		ReadTimeout:    30 * time.Second,
		WriteTimeout:   5 * time.Minute,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 1 << 14,
		TLSConfig:      secure,
		BaseContext:    func(net.Listener) context.Context { return ctx },
	}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if secure != nil {
		err = server.ServeTLS(l, "", "")
	} else {
		err = server.Serve(l)
	}
	return errors.Join(err, server.Close())
}
