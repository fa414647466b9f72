package line

import (
	"context"
	"encoding/hex"
	"io"
	"log/slog"
)

// Traced writes each byte of a line to a log, in hexadecimal digits. It is not for lines on which card data goes.
func Traced(open func(context.Context) (io.ReadWriteCloser, error), name string,
	log *slog.Logger) func(context.Context) (io.ReadWriteCloser, error) {
	return func(ctx context.Context) (io.ReadWriteCloser, error) {
		rw, err := open(ctx)
		if err != nil {
			log.Info("line", "at", name, "error", err)
			return nil, err
		}
		return &traced{rw, name, log}, nil
	}
}

type traced struct {
	io.ReadWriteCloser
	name string
	log  *slog.Logger
}

func (t *traced) Read(b []byte) (int, error) {
	n, err := t.ReadWriteCloser.Read(b)
	if n > 0 {
		t.log.Info("line", "at", t.name, "received", hex.EncodeToString(b[:n]))
	}
	return n, err
}

func (t *traced) Write(b []byte) (int, error) {
	n, err := t.ReadWriteCloser.Write(b)
	t.log.Info("line", "at", t.name, "sent", hex.EncodeToString(b[:n]), "error", err)
	return n, err
}
