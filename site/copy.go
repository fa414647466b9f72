package site

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"kioskd/config"
)

// copyEvery is how often the journal is copied to another disk: what a dead card may take along.
const copyEvery = time.Hour

// ErrSameDisk is of a directory that no other disk is mounted at.
var ErrSameDisk = errors.New("nothing is mounted there")

// OtherDisk tells whether something else than the journal's own disk is mounted at a directory:
// on the same disk a copy is worth nothing, and would only wear it out.
func OtherDisk(journal, dir string) error {
	var a, b unix.Stat_t
	if err := unix.Stat(dir, &b); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", dir, ErrSameDisk)
	} else if err != nil {
		return fmt.Errorf("cannot look at %s: %w", dir, err)
	}
	if err := unix.Stat(filepath.Dir(journal), &a); err != nil {
		return fmt.Errorf("cannot look at %s: %w", journal, err)
	}
	if a.Dev == b.Dev {
		return fmt.Errorf("%s: %w", dir, ErrSameDisk)
	}
	return nil
}

// copies keeps the copy up to date, while there is a disk for it.
func (k *keeper) copies(ctx context.Context) {
	next := time.NewTimer(forgetSoonly)
	defer next.Stop()
	last := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		next.Reset(copyEvery)
		err := OtherDisk(k.c.Journal, k.c.Keep.CopyTo)
		if err == nil {
			var aside string
			aside, err = k.journal.CopyOn(ctx, k.c.Journal, k.c.CopyPath())
			if aside != "" {
				k.log.Warn("what lay there was no copy of this journal, and is kept", "as", aside)
			}
		}
		said := fmt.Sprint(err)
		switch {
		case ctx.Err() != nil || said == last: // told once
		case err != nil:
			k.log.Warn("journal was not copied", "error", err)
		default:
			k.log.Info("journal is copied each hour", "to", k.c.CopyPath())
		}
		last = said
	}
}

// lastCopy says how old the copy is; it fails where the copy is not made.
func lastCopy(c *config.Config, now time.Time) (string, error) {
	if err := OtherDisk(c.Journal, c.Keep.CopyTo); err != nil {
		return "", fmt.Errorf("the journal is not copied: %w", err)
	}
	info, err := os.Stat(c.CopyPath())
	if err != nil {
		return "", fmt.Errorf("no copy of the journal is on it: %w", err)
	}
	age := now.Sub(info.ModTime()).Round(time.Minute)
	if age > 3*copyEvery {
		return "", fmt.Errorf("the last copy of the journal is %v old: the log of kioskd says why", age)
	}
	return fmt.Sprintf("%s, of %v ago", c.CopyPath(), age), nil
}
