package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"kioskd"
	"kioskd/api"
	"kioskd/cli"
	"kioskd/config"
	"kioskd/file"
	"kioskd/meter"
	"kioskd/meter/dcbm"
	"kioskd/meter/model"
	"kioskd/meter/ocmf"
	"kioskd/meter/sign"
	"kioskd/modbus"
	"kioskd/site"
	"kioskd/socket"
	"kioskd/store"
	"kioskd/strict"
	"kioskd/tariff"
	"kioskd/terminal/zvt"
)

func (p program) version(fs *pflag.FlagSet) cli.Run {
	return func(_ context.Context, _ []string) error {
		commit, date := "unknown", "unknown"
		if info, ok := debug.ReadBuildInfo(); ok {
			for _, s := range info.Settings {
				switch s.Key {
				case "vcs.revision":
					commit = s.Value
				case "vcs.time":
					date = s.Value
				}
			}
		}
		fmt.Fprintf(p.Out, "kioskd %s, commit %s, built from %s\n", version, commit, date)
		return nil
	}
}

// version is the release; a package's build says its own (-X main.version=…).
var version = "0.1.0"

// terminalDecode prints a JSON object for each message. Arguments of two digits are the
// bytes of one recording; longer ones, and lines of standard input, are a recording
// each. What stands before the last | of a line is its label.
func (p program) terminalDecode(fs *pflag.FlagSet) cli.Run {
	lineKind := fs.String("line", "", "`kind` of the recording, serial or apdu; told from the first bytes without it")
	return func(_ context.Context, args []string) error {
		if *lineKind != "" && *lineKind != "serial" && *lineKind != "apdu" {
			return cli.Usagef("terminal decode: line %q: want serial or apdu", *lineKind)
		}
		if len(args) == 0 {
			return cli.Usagef("terminal decode: want hexadecimal bytes, or - for standard input")
		}
		bad := false
		decode := func(s string) error {
			ok, err := p.decode(s, *lineKind)
			bad = bad || !ok
			return err
		}
		if len(args) == 1 && args[0] == "-" {
			in := bufio.NewScanner(p.In)
			in.Buffer(nil, 1<<20)
			for in.Scan() {
				s := strings.TrimSpace(in.Text())
				if s == "" || strings.HasPrefix(s, "#") {
					continue
				}
				if err := decode(s[strings.LastIndex(s, "|")+1:]); err != nil {
					return err
				}
			}
			if err := in.Err(); err != nil {
				return fmt.Errorf("cannot read standard input: %w", err)
			}
		} else {
			for _, s := range recordings(args) {
				if err := decode(s); err != nil {
					return err
				}
			}
		}
		if bad {
			return cli.ErrSilent
		}
		return nil
	}
}

func recordings(args []string) []string {
	for _, a := range args {
		if len(a) == 2 {
			return []string{strings.Join(args, "")}
		}
	}
	return args
}

// decodeError is a message that cannot be read, and where.
type decodeError struct {
	Error  string `json:"error"`
	Offset int    `json:"offset"`
}

func (p program) decode(s, kind string) (ok bool, err error) {
	clean := strings.Join(strings.Fields(s), "")
	data, err := hex.DecodeString(clean)
	if err != nil {
		at := 0
		for at < len(clean) && strings.ContainsRune("0123456789abcdefABCDEF", rune(clean[at])) {
			at++
		}
		return false, p.JSON(decodeError{"not hexadecimal", at / 2})
	}
	if kind == "" && len(data) > 1 && (data[0] == 0x10 || len(data) == 1) {
		kind = "serial"
	}
	if kind == "serial" {
		return p.decodeSerial(data)
	}
	ok = true
	for at := 0; at < len(data); {
		a, rest, err := zvt.CutAPDU(data[at:])
		if err != nil {
			return false, p.JSON(decodeError{err.Error(), at})
		}
		head := len(data) - at - len(rest) - len(a.Data)
		good, err := p.message(a, at+head)
		if err != nil {
			return false, err
		}
		ok = ok && good
		at = len(data) - len(rest)
	}
	return ok, nil
}

func (p program) message(a zvt.APDU, offset int) (ok bool, err error) {
	m, err := zvt.Parse(a)
	var syntax *zvt.SyntaxError
	if errors.As(err, &syntax) {
		return false, p.JSON(decodeError{syntax.What, offset + syntax.Offset})
	}
	return true, p.JSON(zvt.Describe(m))
}

func (p program) decodeSerial(data []byte) (ok bool, err error) {
	var d zvt.Deframer
	ok, start := true, 0
	for i, b := range data {
		switch d.Feed(b) {
		case zvt.GotFrame:
			good, err := p.message(d.APDU(), start+5)
			if err != nil {
				return false, err
			}
			ok, start = ok && good, i+1
		case zvt.GotACK, zvt.GotNAK:
			name := "ACK"
			if b == 0x15 {
				name = "NAK"
			}
			if err := p.JSON(zvt.Description{Name: name, Fields: map[string]any{}}); err != nil {
				return false, err
			}
			start = i + 1
		case zvt.GotError:
			ok = false
			if err := p.JSON(decodeError{d.Err().Error(), i}); err != nil {
				return false, err
			}
			start = i + 1
		}
	}
	if d.Partial() {
		return false, p.JSON(decodeError{"frame is cut short", len(data)})
	}
	return ok, nil
}

func (p program) meterModels(fs *pflag.FlagSet) cli.Run {
	format := cli.FormatFlag(fs)
	path := fs.String("config", config.Packaged, "configuration `file` of the site, beside which its own meters are")
	return func(_ context.Context, _ []string) error {
		models, bad := model.Load(config.MeterFolder(filepath.Dir(*path)))
		columns := []string{"vendor", "model", "phases", "signed", "verified", "recognised", "resolution_wh", "from"}
		if *format != "table" {
			columns = append(columns, "also", "version", "source", "unverified", "vectors", "vector")
		}
		var rows [][]any
		for _, m := range models {
			row := []any{m.Vendor, m.Name, m.Phases, yesNo(m.Signed()), yesNo(m.Unverified == ""),
				yesNo(!m.Told()), m.Step, m.File}
			if *format != "table" {
				row = append(row, strings.Join(m.Also, ", "), m.Version, strings.Join(m.Sources, "; "), m.Unverified,
					len(m.Vectors), m.Vectors[0].From)
			}
			rows = append(rows, row)
		}
		if err := p.Table(*format, columns, rows); err != nil || bad == nil {
			return err
		}
		return cli.Usage(bad) // a file of the site is wrong; the others are listed
	}
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// meterCheck tells whether files of meters are complete, and whether they go with the built-in ones.
func (p program) meterCheck(*pflag.FlagSet) cli.Run {
	return func(_ context.Context, args []string) error {
		text, err := os.ReadFile(args[0])
		if err != nil {
			return cli.Usagef("cannot read the file of a meter: %w", err)
		}
		m, err := model.Parse(args[0], text)
		if err != nil {
			return cli.Usage(err)
		}
		built, err := model.BuiltIn()
		if err != nil {
			return err
		}
		if err := built.Admits(m); err != nil {
			return cli.Usage(err)
		}
		fmt.Fprintf(p.Out, "%v is complete: %d values, %d vectors hold\n", m, len(m.Values), len(m.Vectors))
		l := m.Layout(nil, nil)
		billed, beside := l.Reads(40)
		for _, b := range append(billed, beside...) {
			fmt.Fprintf(p.Out, "  reads function %d, %d registers from %04X\n", b.Function, b.Count, b.Address)
		}
		if m.Told() {
			fmt.Fprintln(p.Out, "  no register tells it: a person names it in the configuration")
		}
		if m.Unverified != "" {
			fmt.Fprintf(p.Out, "  not verified: %s\n", m.Unverified)
		}
		return nil
	}
}

// meterReading is the contract of meter read.
type meterReading struct {
	Model   string        `json:"model"`
	Serial  string        `json:"serial"`
	Import  kiosk.Energy  `json:"energy_import_wh"`
	Power   kiosk.Power   `json:"power_w"`
	Voltage []json.Number `json:"voltage_v"`
	Current []json.Number `json:"current_a"`
	Mains   *json.Number  `json:"frequency_hz"` // null where the meter does not say it
}

// meterAt are the flags that name one meter, and what opens its line, to be closed.
func meterAt(fs *pflag.FlagSet, command string) func() (*model.Model, *modbus.Bus, byte, error) {
	name := fs.String("model", "", "`model` of the meter, as kioskd meter models has it")
	path := fs.String("config", config.Packaged, "configuration `file` of the site, beside which its own meters are")
	address := fs.String(
		"address", "", "`address` of the line: serial:///dev/…, tcp://host:port or rtu+tcp://host:port")
	unit := fs.Int("unit", 1, "`number` of the unit on the bus, 1 to 247")
	return func() (*model.Model, *modbus.Bus, byte, error) {
		m, err := model.Find(config.MeterFolder(filepath.Dir(*path)), *name)
		if err != nil {
			return nil, nil, 0, cli.Usage(err)
		}
		if *unit < 1 || *unit > 247 {
			return nil, nil, 0, cli.Usagef("%s: unit %d: want 1 to 247", command, *unit)
		}
		bus, err := modbus.NewBus(*address)
		if err != nil {
			return nil, nil, 0, cli.Usage(err)
		}
		return m, bus, byte(*unit), nil
	}
}

// readAt are those flags, and what reads the meter once.
func readAt(fs *pflag.FlagSet, command string) func(context.Context) (*model.Model, kiosk.Reading, error) {
	open := meterAt(fs, command)
	return func(ctx context.Context) (*model.Model, kiosk.Reading, error) {
		m, bus, unit, err := open()
		if err != nil {
			return nil, kiosk.Reading{}, err
		}
		defer bus.Close()
		r, err := meter.New(bus, unit, m).Read(ctx)
		return m, r, err
	}
}

func (p program) meterRead(fs *pflag.FlagSet) cli.Run {
	read := readAt(fs, "meter read")
	format := cli.FormatFlagOf(fs, "json")
	return func(ctx context.Context, _ []string) error {
		m, r, err := read(ctx)
		if err != nil {
			return err
		}
		out := meterReading{m.Name, r.Serial, r.Import, r.Power, milli(r.Voltage), milli(r.Current), nil}
		if r.Mains > 0 {
			out.Mains = &milli([]int64{r.Mains})[0]
		}
		return p.Record(*format, out)
	}
}

// meterCompare holds a meter's register against what a person reads off its display.
func (p program) meterCompare(fs *pflag.FlagSet) cli.Run {
	read := readAt(fs, "meter compare")
	return func(ctx context.Context, args []string) error {
		shown, err := meter.ParseDisplay(args[0])
		if err != nil {
			return cli.Usagef("meter compare: %w", err)
		}
		m, r, err := read(ctx)
		if err != nil {
			return err
		}
		if err := shown.Agrees(r, kiosk.Energy(m.Step)); err != nil {
			return err
		}
		fmt.Fprintf(p.Out, "%v, serial number %s: its register is %v, its display shows %s kWh: they agree\n", m,
			r.Serial, r.Import, args[0])
		return nil
	}
}

// meterSign proves that a meter signs: what it hands out is printed byte for byte.
func (p program) meterSign(fs *pflag.FlagSet) cli.Run {
	open := meterAt(fs, "meter sign")
	between := fs.Duration("for", 5*time.Second, "`time` between the beginning and the end")
	path := fs.String("safe", "", "write the `file` that the S.A.F.E. transparency software reads")
	rescue := fs.Bool("rescue", false, "only end a transaction that is open in the meter, and print its records")
	return func(ctx context.Context, _ []string) error {
		m, done, err := signerAt(fs, open)
		if err != nil {
			return err
		}
		defer done()
		told := func(record string) { fmt.Fprintln(p.Out, record) }
		if *rescue {
			return m.rescue(ctx, told)
		}
		x, key, err := m.once(ctx, *between, told)
		if errors.Is(err, kiosk.ErrSigning) {
			return fmt.Errorf("%w: --rescue ends it", err)
		}
		if err != nil {
			return err
		}
		p.Note(fmt.Sprintf("meter %s signed %s Wh with the key %s (%s)", x.Meter, x.Energy().FloatString(1),
			key.Fingerprint(), key.Curve()))
		public, err := key.Hex()
		if err != nil {
			return err
		}
		p.Note(fmt.Sprintf("for the configuration, once it is that on the meter: public_key: %q", public))
		if *path == "" {
			return nil
		}
		text, err := ocmf.SAFE(x, key)
		if err != nil {
			return err
		}
		return file.Write(*path, text, 0o644)
	}
}

// signer is a meter that signs, and its register.
type signer struct {
	sign.Meter
	register interface {
		Read(context.Context) (kiosk.Reading, error)
	}
	step int64 // of the register, in Wh
}

// signerAt is the meter of the flags, and what closes its line: a LEM DCBM where the address is one of HTTP.
func signerAt(fs *pflag.FlagSet, open func() (*model.Model, *modbus.Bus, byte, error)) (signer, func(), error) {
	if address := fs.Lookup("address").Value.String(); strings.HasPrefix(address, "http") {
		m, err := dcbm.New(address)
		if err != nil {
			return signer{}, nil, cli.Usagef("meter sign: %w", err)
		}
		return signer{m, m, 1}, func() {}, nil
	}
	m, bus, unit, err := open()
	if err != nil {
		return signer{}, nil, err
	}
	s, err := meter.Signer(bus, unit, m)
	if err != nil {
		bus.Close()
		return signer{}, nil, cli.Usagef("meter sign: %v: %w", m, err)
	}
	return signer{s, meter.New(bus, unit, m), m.Step}, func() { bus.Close() }, nil
}

// rescue ends what is open in the meter.
func (s signer) rescue(ctx context.Context, told func(record string)) error {
	records, err := s.Rescue(ctx, time.Now())
	if err != nil || len(records) == 0 {
		return err
	}
	for _, record := range records {
		told(record)
	}
	return s.Done(ctx)
}

// trial is a transaction that is no sale.
func trial() kiosk.Signing {
	return kiosk.Signing{Reference: "TEST", EVSE: "TEST", Tariff: "test", At: time.Now()}
}

// once is a transaction without a sale: its records are told before they are judged, by what the register says.
func (s signer) once(ctx context.Context, between time.Duration, told func(record string)) (x ocmf.Transaction,
	key ocmf.Key, err error) {
	key, err = s.Key(ctx)
	if err != nil {
		return x, key, err
	}
	c := ocmf.Claim{Reference: trial().Reference, Step: max(s.step, meter.LeastSigned)}
	records, err := s.around(ctx, &c, &c.Start, func(ctx context.Context) ([]string, error) {
		return s.Begin(ctx, trial())
	})
	if err != nil {
		return x, key, err
	}
	timer := time.NewTimer(between)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done(): // the meter is not left with an open one
	}
	ctx = context.WithoutCancel(ctx)
	more, err := s.around(ctx, &c, &c.Stop, func(ctx context.Context) ([]string, error) { return s.End(ctx, trial()) })
	if err != nil {
		return x, key, err
	}
	records = append(records, more...)
	for _, record := range records {
		told(record)
	}
	x, err = ocmf.Prove(records, key, c)
	return x, key, errors.Join(err, s.Done(ctx))
}

// around lets the meter sign, and reads the register before it and after it.
func (s signer) around(ctx context.Context, c *ocmf.Claim, seen *ocmf.Between,
	do func(context.Context) ([]string, error)) ([]string, error) {
	before, err := s.register.Read(ctx)
	if err != nil {
		return nil, err
	}
	seen.From = time.Now()
	records, err := do(ctx)
	if err != nil {
		return nil, err
	}
	seen.To = time.Now()
	after, err := s.register.Read(ctx)
	seen.Low, seen.High = int64(before.Import), int64(after.Import)
	c.Meter = after.Serial
	return records, err
}

func (p program) meterScan(fs *pflag.FlagSet) cli.Run {
	address := fs.String("address", "", "`address` of a line that no kioskd uses; without it those of the site")
	path := fs.String("config", config.Packaged, "configuration `file` of the site")
	first, last := fs.Int("from", 1, "first `unit`"), fs.Int("to", 247, "last `unit`")
	format := cli.FormatFlag(fs)
	return func(ctx context.Context, _ []string) error {
		if *first < 1 || *last > 247 || *first > *last {
			return cli.Usagef("meter scan: units %d to %d: want the first and the last of 1 to 247", *first, *last)
		}
		var found []api.Unit
		var err error
		if *address != "" {
			if _, err := modbus.NewBus(*address); err != nil {
				return cli.Usage(err)
			}
			found, err = p.scanLine(ctx, *address, config.MeterFolder(filepath.Dir(*path)), *first, *last)
		} else {
			found, err = p.scanSite(ctx, *path, *first, *last)
		}
		if len(found) == 0 && err == nil {
			return fmt.Errorf("no unit answers at %s: check the wires A and B, the baud rate, parity and the meters' "+
				"addresses", cmp.Or(*address, "any line of the site"))
		}
		columns := []string{"unit", "vendor", "model", "serial"}
		guessed := slices.ContainsFunc(found, func(f api.Unit) bool { return len(f.May) > 0 })
		slices.SortStableFunc(found, api.Unit.Compare)
		var rows [][]any
		for _, f := range found {
			row := []any{f.Unit, cmp.Or(f.Vendor, "not a known meter: "+f.Why), f.Model, f.Serial}
			if *address == "" {
				row = append(row, f.Line)
			}
			if guessed { // a person must say which
				row = append(row, strings.Join(f.May, " or "))
			}
			rows = append(rows, row)
		}
		if *address == "" {
			columns = append(columns, "line")
		}
		if guessed {
			columns = append(columns, "may_be")
		}
		return errors.Join(p.Table(*format, columns, rows), err)
	}
}

// scanSite asks the lines of a site: through its daemon, which has them, where it runs.
func (p program) scanSite(ctx context.Context, path string, first, last int) (out []api.Unit, err error) {
	c, err := config.Read(path)
	if err != nil {
		return nil, err
	}
	if socket.Answers(c.Control()) {
		p.Note("kioskd runs and asks for us: it goes on reading its meters meanwhile")
		return api.Dial(c.Control()).Scan(ctx, first, last)
	}
	lock, err := store.Lock(c.Journal)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	for _, address := range c.MeterLines() {
		found, more := p.scanLine(ctx, address, config.MeterFolder(c.Folder), first, last)
		out, err = append(out, found...), errors.Join(err, more)
	}
	return out, err
}

func (p program) scanLine(ctx context.Context, address, folder string, first, last int) ([]api.Unit, error) {
	w := p.Progress()
	defer w.End()
	address, err := site.LineSpeed(ctx, address, folder, w)
	if err != nil {
		return nil, err
	}
	return site.ScanLine(ctx, address, folder, first, last, w)
}

// milli writes thousandths as JSON numbers.
func milli(values []int64) []json.Number {
	out := make([]json.Number, len(values))
	for i, v := range values {
		sign := ""
		if v < 0 {
			sign, v = "-", -v
		}
		out[i] = json.Number(fmt.Sprintf("%s%d.%03d", sign, v/1000, v%1000))
	}
	return out
}

func readTariff(path string) (t *tariff.Tariff, text []byte, err error) {
	text, err = os.ReadFile(path)
	if err != nil {
		return nil, nil, cli.Usagef("cannot read tariff: %w", err)
	}
	t, err = tariff.Parse(text)
	if err != nil {
		return nil, nil, cli.Usagef("%s: %w", strict.PlaceIn(path, text, err), err)
	}
	return t, text, nil
}

func (p program) tariffCheck(fs *pflag.FlagSet) cli.Run {
	path := fs.String("config", "", "configuration `file` of the site; without it a site of 22 kW in the EU that "+
		"sells in the tariff's currency")
	return func(_ context.Context, args []string) error {
		t, text, err := readTariff(args[0])
		if err != nil {
			return err
		}
		site := tariff.Site{Currency: t.Currency, MaxPowerW: 22000, EU: true, KnowsParking: true, HoldMinor: 5000,
			CurrentMeters: true}
		if *path != "" {
			c, err := p.config(*path)
			if err != nil {
				return err
			}
			site = c.TariffSite()
		}
		problems := t.Check(site)
		for _, problem := range problems {
			fmt.Fprintf(p.Err, "kioskd: %s: %v\n", strict.PlaceAt(args[0], text, tariff.PlaceOf(text, problem.Path)),
				problem)
		}
		if len(problems) > 0 {
			return cli.Usage(cli.ErrSilent)
		}
		fmt.Fprintf(p.Out, "%s is billable\n", args[0])
		return nil
	}
}

// quote is the contract of tariff quote.
type quote struct {
	Currency string        `json:"currency"`
	Total    taxes         `json:"total_cost"`
	Exact    taxes         `json:"total_cost_exact"`
	Taxes    []quoteTax    `json:"taxes"`
	Periods  []quotePeriod `json:"periods"`
	Split    bool          `json:"split_evenly,omitempty"` // a period spanned a price boundary
	Limited  string        `json:"limited,omitempty"`
}

type taxes struct {
	Before string `json:"before_taxes,omitempty"`
	After  string `json:"after_taxes"`
}

type quoteTax struct {
	Percent string `json:"percent"`
	Amount  string `json:"amount"`
}

type quotePeriod struct {
	Start      time.Time         `json:"start"`
	End        time.Time         `json:"end"`
	State      tariff.State      `json:"state"`
	EnergyWh   json.Number       `json:"energy_wh"`
	Components map[string]string `json:"prices"` // dimension to price, as the tariff has it
}

func (p program) tariffQuote(fs *pflag.FlagSet) cli.Run {
	tariffPath := fs.String("tariff", "", "tariff `file`, an OCPI Tariff object")
	usagePath := fs.String("usage", "", "usage `file`")
	zone := fs.String("timezone", "UTC", "time `zone` of the site")
	format := cli.FormatFlagOf(fs, "json")
	return func(_ context.Context, _ []string) error {
		t, _, err := readTariff(*tariffPath)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(*usagePath)
		if err != nil {
			return cli.Usagef("cannot read usage: %w", err)
		}
		var u tariff.Usage
		if err := json.Unmarshal(data, &u); err != nil {
			return cli.Usagef("%s: cannot read usage: %w", *usagePath, err)
		}
		loc, err := time.LoadLocation(*zone)
		if err != nil {
			return cli.Usagef("tariff quote: timezone %q: want a name such as Europe/Berlin", *zone)
		}
		cost, err := t.Calculate(u, loc)
		if err != nil {
			return cli.Usagef("%s: %w", *usagePath, err)
		}
		return p.Record(*format, quoteOf(cost))
	}
}

func quoteOf(c *tariff.Cost) quote {
	q := quote{Currency: string(c.Currency), Total: taxes{After: c.AfterTaxes.Decimal()},
		Exact: taxes{After: c.ExactAfter.FloatString(6)},
		Split: c.Split, Limited: c.Limited, Taxes: []quoteTax{}, Periods: []quotePeriod{}}
	if c.BeforeTaxes != nil {
		q.Total.Before, q.Exact.Before = c.BeforeTaxes.Decimal(), c.ExactBefore.FloatString(6)
	}
	for _, t := range c.Taxes {
		q.Taxes = append(q.Taxes, quoteTax{tariff.Digits(t.Rate, 0, 2), t.Amount.Decimal()})
	}
	for _, s := range c.Slices {
		wh := tariff.Digits(s.Energy.Mul(s.Energy, big.NewRat(1000, 1)), 0, 3)
		period := quotePeriod{s.Start, s.End, s.State, json.Number(wh), map[string]string{}}
		for d, component := range s.Active {
			period.Components[string(d)] = tariff.Digits(&component.Price.Rat, 2, 6)
		}
		q.Periods = append(q.Periods, period)
	}
	return q
}

// staffCode makes the entry of a code for the screen.
func (p program) staffCode(*pflag.FlagSet) cli.Run {
	return p.hashed("staff code", "Six to twelve digits: ", config.CheckCode)
}

// staffPassword makes the entry of a password for the host's page.
func (p program) staffPassword(*pflag.FlagSet) cli.Run {
	return p.hashed("staff password", "Twelve characters or more: ", config.CheckPassword)
}

// hashed reads a secret from a terminal without showing it, or a line of standard input, and prints its hash.
func (p program) hashed(what, prompt string, check func(string) error) cli.Run {
	return func(context.Context, []string) error {
		var secret string
		if f, ok := p.In.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			fmt.Fprint(p.Err, prompt)
			b, err := term.ReadPassword(int(f.Fd()))
			fmt.Fprintln(p.Err)
			if err != nil {
				return err
			}
			secret = string(b)
		} else {
			in := bufio.NewScanner(p.In)
			in.Scan()
			if err := in.Err(); err != nil {
				return err
			}
			secret = strings.TrimSpace(in.Text())
		}
		if err := check(secret); err != nil {
			return cli.Usagef("%s: %w", what, err)
		}
		fmt.Fprintln(p.Out, config.HashCode(secret))
		return nil
	}
}
