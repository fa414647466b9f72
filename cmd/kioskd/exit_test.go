package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"kioskd"
	"kioskd/simulator/town"
	"kioskd/site"
	"kioskd/socket"
	"kioskd/ui"
)

// exitVariable tells a daemon in a test at which write of the journal it dies: "before 7"
// or "after 7".
const exitVariable = "KIOSKD_TEST_EXIT"

// exitJournal kills its own process at a write.
type exitJournal struct {
	kiosk.Journal
	when string
	left int
}

func exitAt(text string) func(kiosk.Journal) kiosk.Journal {
	j := &exitJournal{}
	if _, err := fmt.Sscanf(text, "%s %d", &j.when, &j.left); err != nil {
		return nil
	}
	return func(real kiosk.Journal) kiosk.Journal { j.Journal = real; return j }
}

// Append implements kiosk.Journal.
func (j *exitJournal) Append(ctx context.Context, entries ...kiosk.Entry) error {
	j.left--
	if j.left == 0 && j.when == "before" {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // it does not return
	}
	err := j.Journal.Append(ctx, entries...)
	if j.left == 0 {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	return err
}

// TestKilledAtEachWrite lets the real daemon die by SIGKILL right before and right after
// each write of a visit, and starts it again.
func TestKilledAtEachWrite(t *testing.T) {
	t.Parallel() // it mostly waits
	if testing.Short() {
		t.Skip("short: the real daemon is not killed at each write")
	}
	const writes = 22 // of a visit by this plan, and a few more
	var wg sync.WaitGroup
	var killed atomic.Int64
	lanes := make(chan struct{}, 6) // most of the time is waiting for wires
	for n := 1; n <= writes; n++ {
		for _, when := range []string{"before", "after"} {
			wg.Add(1)
			lanes <- struct{}{}
			go func() {
				defer func() { <-lanes; wg.Done() }()
				died, err := exitOnce(fmt.Sprintf("%s %d", when, n), t.TempDir())
				if died {
					killed.Add(1)
				}
				if err != nil {
					t.Errorf("%s write %d: %v", when, n, err)
				}
			}()
		}
	}
	wg.Wait()
	if killed.Load() < writes {
		t.Errorf("the daemon died %d times only: too few to prove anything", killed.Load())
	}
	t.Logf("killed at %d writes", killed.Load())
}

// exitOnce plays a visit; killed tells whether the daemon reached the write.
func exitOnce(exit, dir string) (killed bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	defer cancel()
	s, err := town.Open(dir, filepath.Join(dir, "kioskd.yaml"),
		town.Options{Size: 1, Speed: 200, More: "timings: {plug_in: 20s}\n"}, site.QuietLog())
	if err != nil {
		return killed, err
	}
	world, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(world) }()
	defer func() { stop(); <-ended }()
	s.Environment = []string{exitVariable + "=" + exit}
	daemon, died, err := run(s)
	if err != nil {
		return killed, err
	}
	defer func() { daemon.Process.Kill() }() // it has ended, but on an error
	visiting, leave := context.WithCancel(ctx)
	defer leave()
	gone := make(chan error, 1)
	v := &town.Visitor{Visit: town.Visit{Bay: 1, Stop: 300},
		Driver: ui.NewDriver(visiting, filepath.Join(dir, "ui.sock")), Site: s}
	if err := v.Complete(1); err != nil {
		return killed, err
	}
	go func() { gone <- v.Play(visiting) }()
	select {
	case err := <-died:
		if !strings.Contains(fmt.Sprint(err), "killed") {
			return killed, fmt.Errorf("the daemon ended by itself: %v", err)
		}
		killed, s.Environment = true, nil
		daemon, died, err = run(s)
		if err != nil {
			return killed, err
		}
	case <-gone: // the visit was over before the write
	}
	if err := awaitBooks(ctx, s); err != nil {
		return killed, err
	}
	leave()
	// Where nothing was open its books are in order before it has even begun.
	for !socket.Answers(filepath.Join(dir, "ui.sock")) {
		select {
		case err := <-died:
			if killed || !strings.Contains(fmt.Sprint(err), "killed") {
				return killed, fmt.Errorf("the daemon ended by itself: %v", err)
			}
			killed, s.Environment = true, nil // the write came after the visit
			daemon, died, err = run(s)
			if err != nil {
				return killed, err
			}
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return killed, errors.New("the daemon does not come up")
		}
	}
	if err := daemon.Process.Signal(os.Interrupt); err != nil {
		return killed, err
	}
	if err := <-died; err != nil && killed {
		return killed, err
	}
	broken, err := s.Audit(ctx)
	if err == nil && len(broken) > 0 {
		err = fmt.Errorf("%v", broken)
	}
	return killed, err
}

// run starts the daemon; died gets what its end was.
func run(s *town.Town) (daemon *exec.Cmd, died chan error, err error) {
	cmd, err := s.Command()
	if err != nil {
		return nil, nil, err
	}
	died = make(chan error, 1)
	go func() { died <- cmd.Wait() }()
	return cmd, died, nil
}

// awaitBooks waits until the bank has no open hold and the journal no open session. The
// visitor goes on meanwhile, or gives up.
func awaitBooks(ctx context.Context, s *town.Town) error {
	for calm := 0; calm < 5; { // it may only be about to begin
		open := s.Settled(ctx)
		if open == nil {
			calm++
		} else {
			calm = 0
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return open
		}
	}
	return nil
}
