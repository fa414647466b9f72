package modbus

import (
	"context"
	"slices"
	"sync"
	"time"
)

// turns gives a line to one request after the other, the one that is wanted soonest first.
type turns struct {
	mu      sync.Mutex
	taken   bool
	waiting []*turn
}

// turn is a request's claim on the line. All but the times are the owner's of the line.
type turn struct {
	due     time.Time
	seizes  bool // it may take the line from a unit that is slow by nature
	listens bool // it has sent, and wants the line only to hear
	held    bool
	mine    chan struct{} // closed when the line is this one's
}

// take waits for the line. It returns without it, and without an error, where enough is closed before.
func (t *turns) take(ctx context.Context, w *turn, enough <-chan struct{}) error {
	t.mu.Lock()
	if !t.taken {
		t.taken, w.held = true, true
		t.mu.Unlock()
		return nil
	}
	w.mine = make(chan struct{})
	t.waiting = append(t.waiting, w)
	t.mu.Unlock()
	var err error
	select {
	case <-w.mine:
		return nil
	case <-enough:
	case <-ctx.Done():
		err = ctx.Err()
	}
	t.mu.Lock()
	t.waiting = slices.DeleteFunc(t.waiting, func(other *turn) bool { return other == w })
	t.mu.Unlock()
	t.give(w) // it may have been given just now
	return err
}

// give hands the line on, if it is w's.
func (t *turns) give(w *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hand(w, t.waiting)
}

// yield hands the line, if it is w's, to a request that may seize it, where one waits. Another, which would yield at
// once, too, would hand it back, and so on without end.
func (t *turns) yield(w *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	to := t.waiting
	if slices.ContainsFunc(to, seizing) {
		to = slices.DeleteFunc(slices.Clone(to), func(other *turn) bool { return !seizing(other) })
	}
	t.hand(w, to)
}

// seizing tells whether a request waits to be sent, and may take the line from another.
func seizing(w *turn) bool { return w.seizes && !w.listens }

// hand gives the line to the one of some requests that is wanted soonest.
func (t *turns) hand(w *turn, to []*turn) {
	if !w.held {
		return
	}
	w.held, t.taken = false, len(to) > 0
	if !t.taken {
		return
	}
	next := slices.MinFunc(to, func(a, b *turn) int {
		switch {
		case a.listens == b.listens:
			return a.due.Compare(b.due)
		case b.listens: // it is heard while others have the line
			return -1
		}
		return 1
	})
	t.waiting = slices.DeleteFunc(t.waiting, func(other *turn) bool { return other == next })
	next.held = true
	close(next.mine)
}

// wanted tells whether another request waits to be sent, and whether one of them may take the line
// from a unit that is slow by nature.
func (t *turns) wanted() (wanted, seized bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.waiting {
		wanted, seized = wanted || !w.listens, seized || seizing(w)
	}
	return wanted, seized
}
