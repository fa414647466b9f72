package desk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"kioskd/backoffice"
	"kioskd/backoffice/receiver"
)

// Ways are those on which journals come, and receipts go.
type Ways struct {
	Listen   string // host and port for kiosks; empty where they send to a JetStream
	Receipts string // host and port for telephones, without TLS: before it stands a server with a certificate

	Servers     string // of a JetStream
	Credentials string // file with the NATS user's JWT and NKey
	Replicas    int    // of the streams
}

// Receive takes journals until ctx ends, and says at out where.
func (w Ways) Receive(ctx context.Context, folder *receiver.Office, r *receiver.Receiver, out io.Writer,
	log *slog.Logger) error {
	g, ctx := errgroup.WithContext(ctx)
	if w.Receipts != "" {
		handler, err := r.Receipts(log)
		if err != nil {
			return err
		}
		l, err := net.Listen("tcp", w.Receipts)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "receipts at http://%s/r\n", l.Addr())
		serve(ctx, g, l, &http.Server{Handler: handler}, log)
	}
	if w.Servers != "" {
		g.Go(func() error { return w.stream(ctx, folder, r, out, log) })
		return g.Wait()
	}
	config, err := folder.TLS()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", w.Listen)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "back office at https://%s/\n", l.Addr())
	serve(ctx, g, l, &http.Server{Handler: r.Handler(log), TLSConfig: config}, log)
	return g.Wait()
}

// serve serves until ctx ends: with TLS where the server has it.
func serve(ctx context.Context, g *errgroup.Group, l net.Listener, s *http.Server, log *slog.Logger) {
	s.ReadHeaderTimeout, s.ErrorLog = time.Minute, slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	g.Go(func() error {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		return s.Shutdown(last)
	})
	g.Go(func() (err error) {
		if s.TLSConfig == nil {
			err = s.Serve(l)
		} else {
			err = s.ServeTLS(l, "", "")
		}
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return err
	})
}

// stream takes from a JetStream, and makes its streams where they are missing. What breaks off is begun again where the
// database is.
func (w Ways) stream(ctx context.Context, folder *receiver.Office, r *receiver.Receiver, out io.Writer,
	log *slog.Logger) error {
	dir, err := folder.Enroll("office")
	if err != nil {
		return err
	}
	files, err := backoffice.Files{CA: filepath.Join(dir, "ca.pem"), Certificate: filepath.Join(dir, "kiosk.pem"),
		Key: filepath.Join(dir, "kiosk.key")}.TLS()
	if err != nil {
		return err
	}
	options := []nats.Option{nats.Secure(files), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.Name("kioskd back office")}
	if w.Credentials != "" {
		options = append(options, nats.UserCredentials(w.Credentials))
	}
	conn, err := nats.Connect(w.Servers, options...)
	if err != nil {
		return err
	}
	defer conn.Close()
	fmt.Fprintf(out, "back office takes from %s\n", w.Servers)
	for ctx.Err() == nil {
		err := receiver.Streams(ctx, conn, w.Replicas)
		if err == nil {
			err = r.Consume(ctx, conn, log)
		}
		if err != nil && ctx.Err() == nil {
			log.Warn("stream", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}
