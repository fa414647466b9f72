// Package child starts programs that do not outlive the one that started them: whatever ends it, a test's
// time limit, a panic or SIGKILL, its devices, servers and daemons end with it.
package child

import (
	"context"
	"os/exec"
	"syscall"
)

// Command is exec.Command for such a program. The kernel kills it (prctl(2), PR_SET_PDEATHSIG) when the
// thread that started it ends; the Go runtime ends no thread but one that a goroutine kept locked to itself.
func Command(name string, args ...string) *exec.Cmd { return bound(exec.Command(name, args...)) }

// CommandContext is exec.CommandContext for such a program.
func CommandContext(ctx context.Context, name string, args ...string) *exec.Cmd {
	return bound(exec.CommandContext(ctx, name, args...))
}

func bound(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}
