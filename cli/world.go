package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Main runs a program, whose context ends when the program is told to, and exits with its status. SIGHUP counts, unless
// it is ignored as by nohup: a connection that drops must not leave a contactor closed.
func Main(run func(context.Context) int) {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	code := run(ctx)
	stop()
	os.Exit(code)
}

// Demo is the demonstration, which kioskd lists and kiosksim carries out, as it does what World lists.
func Demo(run Run) Command {
	return Command{"demo", "a simulated site with a real daemon", "kioskd demo --headless", run}
}

// World lists the commands of the simulated world; run gives the function of each by its name.
func World(run func(name string) Run) []Command {
	commands := []Command{
		{"simulate terminal", "a payment terminal with a bank behind it",
			"kioskd simulate terminal --listen tcp://127.0.0.1:20007 --ledger bank.jsonl", nil},
		{"simulate meter", "an energy meter", "kioskd simulate meter --listen pty:/tmp/meter --model SDM630", nil},
		{"simulate board", "an I/O board with contactors and inputs",
			"kioskd simulate board --listen pty:/tmp/board", nil},
		{"simulate backoffice", "a back office with an authority of its own and an SQLite database",
			"kioskd simulate backoffice --dir office --listen tcp://127.0.0.1:8443", nil},
		{"simulate site", "a whole site, and a configuration for it",
			"kioskd simulate site --config /tmp/site/kioskd.yaml", nil},
		{"torture", "treats simulated sites as badly as the world can, and audits",
			"kioskd torture --sessions 200 --seed 1", nil},
	}
	for i, c := range commands {
		commands[i].Run = run(c.Name)
	}
	return commands
}
