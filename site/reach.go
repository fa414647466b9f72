package site

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"kioskd/api"
	"kioskd/config"
	"kioskd/socket"
	"kioskd/store"
	"kioskd/terminal"
)

// How long a command waits for a daemon that is about to come: one that ended without a word is
// started again; one that has the site already will answer.
const (
	comesBack = 5 * time.Second
	answersIn = 15 * time.Second
)

// errTaken is of a site that a program has which answers no commands.
var errTaken = errors.New("the site is locked by another process that does not respond: setup, another command, or a " +
	"daemon that failed to start (journalctl --namespace=kioskd)")

// Reach finds the site's devices: by the daemon that has them, or directly, and then no daemon
// gets the site until end.
func Reach(ctx context.Context, c *config.Config) (s api.Devices, end func(), err error) {
	started := time.Now()
	for {
		if socket.Answers(c.Control()) {
			return api.Dial(c.Control()), func() {}, nil
		}
		killed := config.Exists(c.Control()) // one that ends in order takes its socket away
		if !killed || time.Since(started) > comesBack {
			lock, err := store.Lock(c.Journal)
			// nowhere to keep a journal: no daemon sells here
			if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EROFS) {
				return reachDirectly(c, lock)
			}
			if !errors.Is(err, store.ErrInUse) {
				return nil, nil, err
			}
			if time.Since(started) > answersIn {
				return nil, nil, errTaken
			}
		}
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// reachDirectly takes the devices; lock, which may be nil, is given up by end.
func reachDirectly(c *config.Config, lock *os.File) (api.Devices, func(), error) {
	t, err := terminal.Open(c.Terminal, QuietLog())
	if err != nil {
		lock.Close()
		return nil, nil, err
	}
	return direct{t, c, lock}, func() {
		t.Close()
		lock.Close() // it may be already
	}, nil
}
