package main

import (
	"context"
	"sync/atomic"
	"time"

	"fyne.io/fyne/v2"
)

// sleeper lets Fyne's own goroutine wait for events where Fyne would poll for them 60 times a second
// (https://github.com/fyne-io/fyne/issues/2506), which is most of what an idle screen costs. It needs no change
// of Fyne: now and then it hands Fyne's loop a function that waits inside of GLFW until a finger, a key, the window
// system or do ends the wait; callbacks run meanwhile as they do when Fyne polls. Between two waits the loop has its
// usual turns, in which it draws.
//
// do is safe for concurrent use.
type sleeper struct {
	await  func(most time.Duration) // waits for the window system, on Fyne's goroutine
	end    func()                   // ends such a wait, from any goroutine
	queued atomic.Int64             // functions that Fyne's goroutine has not run yet
	ended  atomic.Int64             // when the last of them ended, Unix time in ns: what it changed is to be drawn
	asleep atomic.Bool
}

const (
	// longestSleep is how late what Fyne itself hands to its loop may run; each wait ends by then.
	longestSleep = time.Second
	// turns are some of Fyne's, after something happened: to draw it, and what follows it.
	turns = 100 * time.Millisecond
	// oneTurn is one of Fyne's, after nothing happened: it keeps its caches.
	oneTurn = 20 * time.Millisecond
)

// do runs f on Fyne's goroutine, and wakes it.
func (s *sleeper) do(f func()) {
	s.queued.Add(1)
	fyne.Do(func() {
		s.queued.Add(-1)
		f()
		s.ended.Store(time.Now().UnixNano())
	})
	if s.asleep.Load() { // else it sees that a function is queued, before it sleeps
		s.end()
	}
}

// run lets Fyne's loop sleep until ctx ends.
func (s *sleeper) run(ctx context.Context) {
	for ctx.Err() == nil {
		woken := make(chan bool, 1)
		fyne.Do(func() { woken <- s.sleep() })
		select {
		case something := <-woken:
			if something {
				wait(ctx, turns)
			} else {
				wait(ctx, oneTurn)
			}
		case <-ctx.Done():
		}
	}
}

// sleep waits on Fyne's goroutine, and tells whether something happened.
func (s *sleeper) sleep() bool {
	s.asleep.Store(true)
	defer s.asleep.Store(false)
	if s.queued.Load() > 0 || time.Since(time.Unix(0, s.ended.Load())) < turns {
		return true
	}
	begun := time.Now()
	s.await(longestSleep)
	return time.Since(begun) < longestSleep
}
