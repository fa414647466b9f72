package main

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"fyne.io/fyne/v2/test"
)

// TestWhatIsToBeDrawnEndsTheWait: a view that comes while Fyne's goroutine waits for events does not wait for them. The
// waits of this test end by no time, only by wake: without it the test would not end.
func TestWhatIsToBeDrawnEndsTheWait(t *testing.T) {
	t.Cleanup(test.NewApp().Quit)
	events := make(chan struct{}, 1)
	sleeping := make(chan struct{})
	var s sleeper
	s.await = func(time.Duration) { sleeping <- struct{}{}; <-events }
	s.end = func() {
		select {
		case events <- struct{}{}:
		default:
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() { defer close(over); s.run(ctx) }()
	var drawn atomic.Int64
	for range 3 {
		<-sleeping
		s.do(func() { drawn.Add(1) })
	}
	<-sleeping
	stop()
	s.end()
	<-over
	if drawn.Load() != 3 {
		t.Errorf("%d of 3 were drawn", drawn.Load())
	}
}

// TestNoneSleepsOverWhatIsQueued: what was handed over before the wait began is run first.
func TestNoneSleepsOverWhatIsQueued(t *testing.T) {
	s := sleeper{await: func(time.Duration) { t.Error("it waited, and something was queued") }}
	s.queued.Add(1)
	if !s.sleep() {
		t.Error("something was queued, and nothing is drawn")
	}
}
