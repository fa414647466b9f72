// Command kioskd is the daemon of an unattended charging kiosk and its command line.
// It links no display library; the touchscreen is kioskd-ui.
package main

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kioskd"
	"kioskd/child"
	"kioskd/cli"
)

func main() {
	cli.Main(func(ctx context.Context) int {
		return newProgram(os.Stdin, os.Stdout, os.Stderr).run(ctx, os.Args[1:])
	})
}

// program is the command line of kioskd.
type program struct {
	cli.Program
	// journal wraps the journal of run: tests end the process at its writes.
	journal func(kiosk.Journal) kiosk.Journal
}

func newProgram(in io.Reader, out, err io.Writer) program {
	return program{Program: cli.Program{Name: "kioskd", About: "kioskd sells electricity to anyone with a bank card.",
		In: in, Out: out, Err: err}}
}

func (p program) run(ctx context.Context, args []string) int {
	switch {
	case len(args) == 1 && args[0] == "--version":
		args = []string{"version"}
	case len(args) > 2 && args[0] == cobra.ShellCompRequestCmd && ofWorld(args[1]):
		if err := kiosksim(args); err == nil { // which knows its flags
			return 0
		}
	}
	return p.Run(ctx, p.commands(), args)
}

// ofWorld tells whether a word begins a command of the simulated world.
func ofWorld(word string) bool {
	return slices.ContainsFunc(cli.World(), func(c cli.Command) bool { return strings.Fields(c.Name)[0] == word })
}

// world hands a command of the simulated world to kiosksim, which takes the place of this program.
func (p program) world(name string) cli.Run {
	return func(_ context.Context, args []string) error {
		return kiosksim(slices.Concat(strings.Fields(name), args))
	}
}

func kiosksim(args []string) error {
	path, err := child.Beside("kiosksim")
	if err != nil {
		return err
	}
	return syscall.Exec(path, append([]string{"kioskd"}, args...), os.Environ())
}

func (p program) commands() []cli.Command {
	world := cli.World()
	for i, c := range world {
		world[i].Raw = p.world(c.Name)
	}
	return slices.Concat(p.siteCommands(), p.deviceCommands(), p.recordCommands(), world,
		[]cli.Command{row("version", "version, commit and build date", "kioskd version", p.version)})
}

// row is a command; the words of its name in capitals are its arguments.
func row(name, summary, example string, flags func(*pflag.FlagSet) cli.Run) cli.Command {
	args := ""
	if i := strings.IndexAny(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ["); i > 0 {
		name, args = strings.TrimSpace(name[:i]), name[i:]
	}
	return cli.Command{Name: name, Args: args, Summary: summary, Example: example, Flags: flags}
}

func (p program) siteCommands() []cli.Command {
	return []cli.Command{
		row("run", "the daemon", "kioskd run --config /etc/kioskd/kioskd.yaml", p.runDaemon),
		row("setup", "asks the devices and the host, writes the configuration and proves it", "kioskd setup",
			p.setup),
		row("check", "reads the configuration and prints every fault in it", "kioskd check --config kioskd.yaml",
			p.check),
		row("doctor", "asks every device and says what to do", "kioskd doctor --config kioskd.yaml", p.doctor),
		row("drain", "sells nothing new and waits until nothing is open",
			"kioskd drain --config kioskd.yaml && systemctl restart kioskd", p.drain),
		row("staff code", "makes the configuration's entry of a staff code", "kioskd staff code", p.staffCode),
		row("staff password", "makes the configuration's entry of a password for the host's page",
			"kioskd staff password", p.staffPassword),
		row("faults", "lists every fault that can be raised, with its texts", "kioskd faults --format json",
			p.faultTable),
		row("token make NAME", "makes a token for a program of the host's network, and shows it once",
			"kioskd token make --config kioskd.yaml --scopes status,reports desk", p.tokenMake),
		row("token list", "lists the tokens", "kioskd token list --config kioskd.yaml", p.tokenList),
		row("token end NAME", "ends a token", "kioskd token end --config kioskd.yaml desk", p.tokenEnd),
		row("inspect DEVICE", "writes down that you looked at the terminal, or at a bay, for tampering",
			"kioskd inspect --config kioskd.yaml --serial 60099914 terminal", p.inspect),
		row("session stop REFERENCE", "ends a running session by its reference",
			"kioskd session stop --config kioskd.yaml 7GK2M4Q",
			p.sessionStop),
		row("fault clear CODE", "says that the cause of a locked fault is gone",
			"kioskd fault clear --config kioskd.yaml --bay 2 MT005", p.faultClear),
	}
}

func (p program) deviceCommands() []cli.Command {
	return []cli.Command{
		row("terminal decode [HEX]...", "says what recorded ZVT messages say", "kioskd terminal decode 06 0F 00",
			p.terminalDecode),
		row("terminal status", "asks the card terminal for its status", "kioskd terminal status --config kioskd.yaml",
			p.terminalStatus),
		row("terminal pending", "lists the terminal's open holds", "kioskd terminal pending --config kioskd.yaml",
			p.terminalPending),
		row("terminal release RECEIPT-NO", "releases a hold by its receipt number",
			"kioskd terminal release --config kioskd.yaml 231", p.terminalRelease),
		row("terminal end-of-day", "reconciles the terminal, where no hold is open",
			"kioskd terminal end-of-day --config kioskd.yaml", p.terminalEndOfDay),
		row("meter models", "lists the supported meters", "kioskd meter models", p.meterModels),
		row("meter check FILE", "tells whether the file of a meter is complete, and whether its vectors hold",
			"kioskd meter check /etc/kioskd/meters/mine.yaml", p.meterCheck),
		row("meter read", "reads a meter once", "kioskd meter read --model SDM630 --address tcp://192.0.2.8:502 "+
			"--unit 1",
			p.meterRead),
		row("meter compare KWH", "compares a meter's register with what its display shows, before the first sale",
			"kioskd meter compare --model EM340 --address serial:///dev/ttyUSB0 --unit 3 1234.5", p.meterCompare),
		row("meter sign", "lets a meter that signs do so, without a sale, and verifies what it hands out",
			"kioskd meter sign --model BSM-WS36A --address serial:///dev/ttyUSB0?baud=19200&parity=even --unit 42",
			p.meterSign),
		row("meter scan", "tells which units of a line answer, and what they are",
			"kioskd meter scan --address serial:///dev/ttyUSB0?baud=9600", p.meterScan),
	}
}

func (p program) recordCommands() []cli.Command {
	return []cli.Command{
		row("report sessions", "lists the sessions", "kioskd report sessions --config kioskd.yaml --from 2026-03-01",
			p.reportSessions),
		row("report revenue", "adds up what was captured and given back",
			"kioskd report revenue --config kioskd.yaml --by month", p.reportRevenue),
		row("report energy", "adds up what sessions drew, with the meters' registers",
			"kioskd report energy --config kioskd.yaml --from 2026-03-01 --to 2026-03-31", p.reportEnergy),
		row("report reconcile", "lists the money that is not settled, or compares the terminal's days",
			"kioskd report reconcile --config kioskd.yaml --by day_end", p.reportReconcile),
		row("report faults", "lists the faults, and how long they lasted", "kioskd report faults --config kioskd.yaml",
			p.reportFaults),
		row("report security", "lists who was let in, what was done by hand, and what may be an attack",
			"kioskd report security --config kioskd.yaml", p.reportSecurity),
		row("report kpi", "says how well the kiosk did its work",
			"kioskd report kpi --config kioskd.yaml --from 2026-03-01", p.reportKPI),
		row("report devices", "lists the meters and terminals that sessions had",
			"kioskd report devices --config kioskd.yaml", p.reportDevices),
		row("tariff check FILE", "tells whether a tariff may be billed by", "kioskd tariff check tariff.json",
			p.tariffCheck),
		row("tariff quote", "says what a usage costs", "kioskd tariff quote --tariff tariff.json --usage usage.json",
			p.tariffQuote),
		row("receipt REFERENCE", "prints a receipt from the journal", "kioskd receipt --config kioskd.yaml 7GK2M4Q",
			p.receipt),
		row("statement [FILE]...", "compares statements of the bank or acquirer with what was captured",
			"kioskd statement --config kioskd.yaml statement.xml", p.statement),
		row("dispute REFERENCE", "packs what proves a session into one ZIP file",
			"kioskd dispute --config kioskd.yaml --output 7GK2M4Q.zip 7GK2M4Q", p.dispute),
		row("receipts page", "writes the page that opens the links of receipts, for a web server",
			"kioskd receipts page --config kioskd.yaml --output /srv/receipts", p.receiptsPage),
		row("refund REFERENCE AMOUNT", "writes down that money was given back outside of the terminal",
			`kioskd refund --config kioskd.yaml --why "cable was broken" 7GK2M4Q 3.00`, p.refund),
		row("backoffice status", "says how things stand with the back office",
			"kioskd backoffice status --config kioskd.yaml", p.officeStatus),
		row("backoffice again", "sends what the back office refused once more",
			"kioskd backoffice again --config kioskd.yaml", p.officeAgain),
		row("backoffice now", "tries to reach the back office at once", "kioskd backoffice now --config kioskd.yaml",
			p.officeNow),
		row("backoffice serve", "runs a back office for several kiosks, with its pages",
			"kioskd backoffice serve --config office.yaml", p.bureauServe),
		row("backoffice enroll KIOSK", "issues a kiosk's certificate, and prints what its configuration needs",
			"kioskd backoffice enroll --config office.yaml K-0042", p.bureauEnroll),
		row("backoffice instruct FILE", "signs an instruction for a kiosk, which goes with the next answer",
			"kioskd backoffice instruct --config office.yaml closed.json", p.bureauInstruct),
		row("backoffice check", "computes the tree of every journal that is here again",
			"kioskd backoffice check --config office.yaml", p.bureauCheck),
		row("csms again", "sends what the operator's central system did not take once more",
			"kioskd csms again --config kioskd.yaml", p.csmsAgain),
		row("journal verify", "proves the journal from first to last", "kioskd journal verify --config kioskd.yaml",
			p.journalVerify),
		row("journal unsent", "says how many records no back office has", "kioskd journal unsent --config kioskd.yaml",
			p.journalUnsent),
		row("journal tail", "follows the journal", "kioskd journal tail --config kioskd.yaml", p.journalTail),
		row("journal export", "writes the journal as JSON lines", "kioskd journal export --config kioskd.yaml",
			p.journalExport),
	}
}
