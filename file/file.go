// Package file writes files whole or not at all, reads those that are secret, and gives up root's rights for those of
// the user to whom a folder belongs: what a command does as root on behalf of a daemon that is not.
package file

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// deviceGroups are those that kioskd.service has besides its user's own.
var deviceGroups = []string{"dialout", "gpio", "kioskd-ui"}

// Become gives root's rights up for good, for those of the owner of a directory: in the
// daemon's own directory nothing is made, and no link is followed, with more rights than its own.
func Become(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	owner, err := OwnerOf(dir)
	if err != nil || owner.Uid == 0 {
		return err
	}
	groups := []int{int(owner.Gid)}
	for _, name := range deviceGroups {
		if g, err := user.LookupGroup(name); err == nil { // a computer may lack one
			gid, err := strconv.Atoi(g.Gid)
			if err != nil {
				return err
			}
			groups = append(groups, gid)
		}
	}
	if err := errors.Join(syscall.Setgroups(groups), syscall.Setgid(int(owner.Gid)),
		syscall.Setuid(int(owner.Uid))); err != nil {
		return fmt.Errorf("cannot become the user to whom %s belongs: %w", dir, err)
	}
	return nil
}

func OwnerOf(path string) (*syscall.Stat_t, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	return info.Sys().(*syscall.Stat_t), nil
}

// Write puts a file in its place, whole or not at all, and on disk when it returns. Where root
// writes, it belongs to the group of its directory: the daemon's may read the configuration.
func Write(path string, text []byte, mode fs.FileMode) error {
	tmp := path + ".tmp"
	if err := WriteNew(tmp, text, mode); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return Replace(tmp, path)
}

func WriteNew(path string, text []byte, mode fs.FileMode) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	err = f.Chmod(mode)
	if os.Geteuid() == 0 {
		owner, no := OwnerOf(filepath.Dir(path))
		err = errors.Join(err, no)
		if no == nil {
			err = errors.Join(err, f.Chown(-1, int(owner.Gid)))
		}
	}
	_, no := f.Write(text)
	return errors.Join(err, no, f.Sync(), f.Close())
}

func Replace(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// ReadSecret reads a file that is secret. What was sealed with this computer's key, systemd opens
// for the daemon, and for root's commands on request.
func ReadSecret(path string) ([]byte, error) {
	if filepath.Base(filepath.Dir(path)) != "sealed" || os.Geteuid() != 0 {
		return os.ReadFile(path)
	}
	var why bytes.Buffer
	open := exec.Command("systemd-creds", "decrypt", "--name=sealed_"+filepath.Base(path), path, "-")
	open.Stderr = &why
	text, err := open.Output()
	if err != nil {
		return nil, fmt.Errorf("systemd-creds cannot open %s: %w: %s", path, err, bytes.TrimSpace(why.Bytes()))
	}
	return text, nil
}
