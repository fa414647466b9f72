// Kiosksim is the world that kioskd is tried in: simulated terminals, meters, boards, back offices and whole sites, a
// demonstration, and torture. kioskd demo, simulate and torture start it; a kiosk that sells needs none of it.
package main

import (
	"context"
	"flag"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"kioskd/cli"
)

func main() {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // a connection that drops ends the devices in order
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	p := newProgram(filepath.Base(os.Args[0]), os.Stdin, os.Stdout, os.Stderr)
	code := p.Run(ctx, p.commands(), os.Args[1:])
	stop()
	os.Exit(code)
}

// program is the command line of kiosksim. It speaks under the name of the program that started it.
type program struct{ cli.Program }

func newProgram(name string, in io.Reader, out, err io.Writer) program {
	return program{cli.Program{Name: name, About: "kiosksim is the world that kioskd is tried in.", In: in, Out: out,
		Err: err}}
}

func (p program) commands() []cli.Command {
	row := func(name, summary, example string, run func(context.Context, *flag.FlagSet, []string) error) cli.Command {
		return cli.Command{Name: name, Summary: summary, Example: example, Run: run}
	}
	return []cli.Command{
		row("demo", "a simulated site with a real daemon", "kioskd demo --headless", p.demo),
		row("simulate terminal", "a payment terminal with a bank behind it",
			"kioskd simulate terminal --listen tcp://127.0.0.1:20007 --ledger bank.jsonl", p.simulateTerminal),
		row("simulate meter", "an energy meter", "kioskd simulate meter --listen pty:/tmp/meter --model SDM630",
			p.simulateMeter),
		row("simulate board", "an I/O board with contactors and inputs",
			"kioskd simulate board --listen pty:/tmp/board",
			p.simulateBoard),
		row("simulate backoffice", "a back office with an authority of its own and an SQLite database",
			"kioskd simulate backoffice --dir office --listen tcp://127.0.0.1:8443", p.simulateOffice),
		row("simulate site", "a whole site, and a configuration for it",
			"kioskd simulate site --config /tmp/site/kioskd.yaml", p.simulateSite),
		row("torture", "treats simulated sites as badly as the world can, and audits",
			"kioskd torture --sessions 200 --seed 1", p.torture),
	}
}
