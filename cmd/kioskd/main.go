// Command kioskd is the daemon of an unattended charging kiosk and its command line.
// It links no display library; the touchscreen is kioskd-ui.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"kioskd"
)

func main() {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // a connection that drops must not leave a contactor closed
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	code := program{in: os.Stdin, out: os.Stdout, err: os.Stderr}.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// program is the command line with its streams.
type program struct {
	in       io.Reader
	out, err io.Writer
	// journal wraps the journal of run: tests end the process at its writes.
	journal func(kiosk.Journal) kiosk.Journal
}

// command is one row of the table below.
type command struct {
	name    string
	summary string
	example string
	run     func(program, context.Context, *flag.FlagSet, []string) error
}

func commands() []command {
	return []command{
		{"run", "the daemon", "kioskd run --config /etc/kioskd/kioskd.yaml", program.runDaemon},
		{"demo", "a simulated site with a real daemon", "kioskd demo --headless", program.demo},
		{"setup", "asks the devices and the host, writes the configuration and proves it", "kioskd setup",
			program.setup},
		{"check", "reads the configuration and prints every fault in it", "kioskd check --config kioskd.yaml",
			program.check},
		{"doctor", "asks every device and says what to do", "kioskd doctor --config kioskd.yaml", program.doctor},
		{"drain", "sells nothing new and waits until nothing is open",
			"kioskd drain --config kioskd.yaml && systemctl restart kioskd", program.drain},
		{"staff code", "makes the configuration's entry of a staff code", "kioskd staff code", program.staffCode},
		{"session stop", "ends a running session by its reference", "kioskd session stop --config kioskd.yaml 7GK2M4Q",
			program.sessionStop},
		{"fault clear", "says that the cause of a locked fault is gone",
			"kioskd fault clear --config kioskd.yaml --bay 2 MT005", program.faultClear},
		{"terminal decode", "says what recorded ZVT messages say", "kioskd terminal decode 06 0F 00",
			program.terminalDecode},
		{"terminal status", "asks the card terminal for its status", "kioskd terminal status --config kioskd.yaml",
			program.terminalStatus},
		{"terminal pending", "lists the terminal's open holds", "kioskd terminal pending --config kioskd.yaml",
			program.terminalPending},
		{"terminal release", "releases a hold by its receipt number",
			"kioskd terminal release --config kioskd.yaml 231", program.terminalRelease},
		{"terminal end-of-day", "reconciles the terminal, where no hold is open",
			"kioskd terminal end-of-day --config kioskd.yaml", program.terminalEndOfDay},
		{"meter models", "lists the supported meters", "kioskd meter models", program.meterModels},
		{"meter read", "reads a meter once", "kioskd meter read --model SDM630 --address tcp://192.0.2.8:502 --unit 1",
			program.meterRead},
		{"meter scan", "tells which units of a line answer, and what they are",
			"kioskd meter scan --address serial:///dev/ttyUSB0?baud=9600", program.meterScan},
		{"report reconcile", "lists the money that is not settled, and who must act",
			"kioskd report reconcile --config kioskd.yaml", program.reportReconcile},
		{"tariff check", "tells whether a tariff may be billed by", "kioskd tariff check tariff.json",
			program.tariffCheck},
		{"tariff quote", "says what a usage costs", "kioskd tariff quote --tariff tariff.json --usage usage.json",
			program.tariffQuote},
		{"receipt", "prints a receipt from the journal", "kioskd receipt --config kioskd.yaml 7GK2M4Q",
			program.receipt},
		{"refund", "writes down that money was given back outside of the terminal",
			`kioskd refund --config kioskd.yaml --why "cable was broken" 7GK2M4Q 3.00`, program.refund},
		{"backoffice status", "says how things stand with the back office",
			"kioskd backoffice status --config kioskd.yaml", program.officeStatus},
		{"backoffice again", "sends what the back office refused once more",
			"kioskd backoffice again --config kioskd.yaml", program.officeAgain},
		{"backoffice now", "tries to reach the back office at once", "kioskd backoffice now --config kioskd.yaml",
			program.officeNow},
		{"journal verify", "proves the journal from first to last", "kioskd journal verify --config kioskd.yaml",
			program.journalVerify},
		{"journal unsent", "says how many records no back office has", "kioskd journal unsent --config kioskd.yaml",
			program.journalUnsent},
		{"journal tail", "follows the journal", "kioskd journal tail --config kioskd.yaml", program.journalTail},
		{"journal export", "writes the journal as JSON lines", "kioskd journal export --config kioskd.yaml",
			program.journalExport},
		{"simulate terminal", "a payment terminal with a bank behind it",
			"kioskd simulate terminal --listen tcp://127.0.0.1:20007 --ledger bank.jsonl", program.simulateTerminal},
		{"simulate meter", "an energy meter", "kioskd simulate meter --listen pty:/tmp/meter --model SDM630",
			program.simulateMeter},
		{"simulate board", "an I/O board with contactors and inputs", "kioskd simulate board --listen pty:/tmp/board",
			program.simulateBoard},
		{"simulate backoffice", "a back office with an authority of its own and an SQLite database",
			"kioskd simulate backoffice --dir office --listen tcp://127.0.0.1:8443", program.simulateOffice},
		{"simulate site", "a whole site, and a configuration for it",
			"kioskd simulate site --config /tmp/site/kioskd.yaml", program.simulateSite},
		{"torture", "treats simulated sites as badly as the world can, and audits",
			"kioskd torture --sessions 200 --seed 1", program.torture},
		{"version", "version, commit and build date", "kioskd version", program.version},
	}
}

// usageError is wrong usage or wrong input: exit status 2.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errSilent is a failure that was printed already.
var errSilent = errors.New("")

func (p program) run(ctx context.Context, args []string) int {
	c, rest, ok := find(args)
	if !ok {
		return p.usage(args)
	}
	fs := flag.NewFlagSet("kioskd "+c.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	err := c.run(p, ctx, fs, rest)
	var wrong usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(p.out, "kioskd %s: %s\n\nExample:\n  %s\n", c.name, c.summary, c.example)
		fs.SetOutput(p.out)
		if has(fs) {
			fmt.Fprintln(p.out, "\nFlags:")
			fs.PrintDefaults()
		}
		return 0
	case errors.As(err, &wrong):
		if wrong.Error() != "" {
			fmt.Fprintf(p.err, "kioskd: %v\n", wrong)
		}
		return 2
	}
	if !errors.Is(err, errSilent) {
		fmt.Fprintf(p.err, "kioskd: %v\n", err)
	}
	return 1
}

func has(fs *flag.FlagSet) (any bool) {
	fs.VisitAll(func(*flag.Flag) { any = true })
	return any
}

func find(args []string) (command, []string, bool) {
	for _, c := range commands() {
		words := strings.Fields(c.name)
		if len(args) >= len(words) && strings.Join(args[:len(words)], " ") == c.name {
			return c, args[len(words):], true
		}
	}
	return command{}, nil, false
}

func (p program) usage(args []string) int {
	out, code := p.out, 0
	if len(args) == 0 || args[0] != "--help" && args[0] != "-h" && args[0] != "help" {
		out, code = p.err, 2
		if len(args) > 0 {
			fmt.Fprintf(out, "kioskd: unknown command %q\n\n", strings.Join(args, " "))
		}
	}
	fmt.Fprintln(out, "kioskd sells electricity to anyone with a bank card.\n\nCommands (each has --help):")
	for _, c := range commands() {
		fmt.Fprintf(out, "  %-20s %s\n", c.name, c.summary)
	}
	return code
}

// parse reads flags and arguments in any order, and checks the number of arguments; -1
// is any.
func parse(fs *flag.FlagSet, args []string, want int) (rest []string, err error) {
	for {
		if err := fs.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, usageError{fmt.Errorf("%s: %w", strings.TrimPrefix(fs.Name(), "kioskd "), err)}
		}
		if fs.NArg() == 0 {
			break
		}
		rest, args = append(rest, fs.Arg(0)), fs.Args()[1:]
	}
	if want >= 0 && len(rest) != want {
		return nil, usagef("%s: want %d arguments, got %d", strings.TrimPrefix(fs.Name(), "kioskd "), want, len(rest))
	}
	return rest, nil
}
