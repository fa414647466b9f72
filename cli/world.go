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

// World lists the commands of the simulated world, which kioskd has, too: kiosksim carries them out.
func World() []Command {
	return []Command{
		{Name: "demo", Summary: "a simulated site with a real daemon", Example: "kioskd demo --headless"},
		{Name: "simulate terminal", Summary: "a payment terminal with a bank behind it",
			Example: "kioskd simulate terminal --listen tcp://127.0.0.1:20007 --ledger bank.jsonl"},
		{Name: "simulate meter", Summary: "an energy meter",
			Example: "kioskd simulate meter --listen pty:/tmp/meter --model SDM630"},
		{Name: "simulate board", Summary: "an I/O board with contactors and inputs",
			Example: "kioskd simulate board --listen pty:/tmp/board"},
		{Name: "simulate backoffice", Summary: "a back office with an authority of its own and an SQLite database",
			Example: "kioskd simulate backoffice --dir office --listen tcp://127.0.0.1:8443"},
		{Name: "simulate charger", Summary: "a charger that speaks OCPP",
			Example: "kioskd simulate charger --url ws://127.0.0.1:8887/ocpp --id WB-1"},
		{Name: "simulate site", Summary: "a whole site, and a configuration for it",
			Example: "kioskd simulate site --config /tmp/site/kioskd.yaml"},
		{Name: "torture", Summary: "treats simulated sites as badly as the world can, and audits",
			Example: "kioskd torture --sessions 200 --seed 1"},
	}
}
