package site

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// logLines keeps the last lines of the log for the technician's screen and passes all on.
type logLines struct {
	slog.Handler
	Kept *keptLines
}

type keptLines struct {
	mu    sync.Mutex
	lines []logLine
}

type logLine struct {
	at    time.Time
	level slog.Level
	text  string
}

// keepLines is how many lines are kept.
const keepLines = 200

func NewLogLines(h slog.Handler) logLines { return logLines{h, &keptLines{}} }

// Handle implements slog.Handler.
func (l logLines) Handle(ctx context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		b.WriteString(" " + a.String())
		return true
	})
	l.Kept.mu.Lock()
	l.Kept.lines = append(l.Kept.lines, logLine{r.Time, r.Level, b.String()})
	if n := len(l.Kept.lines); n > keepLines {
		l.Kept.lines = append([]logLine{}, l.Kept.lines[n-keepLines:]...)
	}
	l.Kept.mu.Unlock()
	return l.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (l logLines) WithAttrs(a []slog.Attr) slog.Handler {
	return logLines{l.Handler.WithAttrs(a), l.Kept}
}

// newest are the lines, the last one first.
func (k *keptLines) newest() (out []logLine) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := len(k.lines) - 1; i >= 0; i-- {
		out = append(out, k.lines[i])
	}
	return out
}
