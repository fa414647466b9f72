package child

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"kioskd/socket"
)

// Beside finds a program of this project: this very one where it is of that name, the one that lies beside it, or one
// on the path.
func Beside(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	if filepath.Base(self) == name {
		return self, nil
	}
	beside := filepath.Join(filepath.Dir(self), name)
	if _, err := os.Stat(beside); err == nil {
		return beside, nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("cannot find %s beside %s, nor on the path: %w", name, self, err)
	}
	return path, nil
}

// Kioskd starts the daemon of a configuration. Its log goes to kioskd.log in a folder; env is what it gets beside our
// own environment.
func Kioskd(config, dir string, env ...string) (*exec.Cmd, error) {
	path, err := Beside("kioskd")
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(dir, "kioskd.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := Command(path, "run", "--config", config)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start the daemon: %w", err)
	}
	return cmd, nil
}

// AwaitKioskd waits until a daemon that was started with a folder for its log answers at its screen's socket. One
// that does not is stopped, and the error has its log.
func AwaitKioskd(ctx context.Context, cmd *exec.Cmd, dir, screen string) error {
	for range 200 {
		if socket.Answers(screen) {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), Stop(cmd))
		case <-time.After(50 * time.Millisecond):
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "kioskd.log"))
	return errors.Join(fmt.Errorf("the daemon did not start:\n%s", text), err, Stop(cmd))
}

// Stop ends a program in order, and waits for its end.
func Stop(cmd *exec.Cmd) error {
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		return nil // ended already
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(cmd.Path), err)
	}
	return nil
}
