package backoffice

import (
	"context"
	"log/slog"
)

// Traced writes what is sent to a back office, and what it answers, to a log: numbers, not records.
func Traced(s Sink, log *slog.Logger) Sink { return &traced{s, log} }

type traced struct {
	Sink
	log *slog.Logger
}

func (t *traced) Send(ctx context.Context, b Batch) (Answer, error) {
	a, err := t.Sink.Send(ctx, b)
	attrs := []any{"records", len(b.Leaves), "again", b.Again, "has", a.Seq, "instructions", len(a.Instructions),
		"error", err}
	if n := len(b.Leaves); n > 0 {
		attrs = append(attrs, "from", b.Leaves[0].Seq, "to", b.Leaves[n-1].Seq)
	}
	t.log.Info("back office", attrs...)
	return a, err
}
