package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"kioskd"
	"kioskd/backoffice/receiver"
	"kioskd/cli"
	"kioskd/config"
	"kioskd/file"
	"kioskd/receipt/page"
	"kioskd/report"
	"kioskd/report/dispute"
	"kioskd/report/pdf"
	"kioskd/report/statement"
	"kioskd/site"
	"kioskd/store"
	"kioskd/ui/text"
)

// asked is what a report is asked for.
type asked struct {
	journal                journalPath
	office                 *string // folder of a back office; empty for the journal
	kiosk                  *string // one of its kiosks; empty for all
	from, to               *string
	bay                    *int
	format, output         *string
	decimalComma, byteMark *bool
	language, font         *string
	by                     *string // nil where a report is not grouped
}

// reportFlags are those of every report. groups are the ways to group it, the usual one first.
func reportFlags(fs *pflag.FlagSet, groups ...string) asked {
	a := asked{journal: journalFlags(fs),
		office: fs.String("office", "", "`folder` of a back office: all its kiosks, in place of one journal"),
		kiosk:  fs.String("kiosk", "", "with --office: one `kiosk` alone"),
		from:   fs.String("from", "", "first `day`, as 2026-03-02"),
		to:     fs.String("to", "", "last `day`"), bay: fs.Int("bay", 0, "`number` of a bay; 0 for all"),
		format: fs.String("format", "table",
			"`form`: table, json, csv or pdf; the end of --output's name says it, too"),
		output: fs.String("output", "", "write to a `file`, whole or not at all"),
		decimalComma: fs.Bool("decimal-comma", false,
			"csv with 9,03 and semicolons, as spreadsheets of many countries read it"),
		language: fs.String("language", "en", "`language` of a pdf"),
		font:     fs.String("font", "", "for pdf: a TrueType `file` for characters that kioskd's own fonts lack"),
		byteMark: fs.Bool("bom", false, "csv with a byte order mark, by which some spreadsheets know UTF-8")}
	if len(groups) > 0 {
		a.by = fs.String("by", groups[0], fmt.Sprintf("`group`: %s", list(groups)))
	}
	return a
}

func list(words []string) string {
	last := len(words) - 1
	out := words[0]
	for i, w := range words[1:] {
		if i+1 == last {
			out += " or " + w
		} else {
			out += ", " + w
		}
	}
	return out
}

// window is the days and the bay of a report.
func (a asked) window() (report.Window, error) {
	for _, d := range []string{*a.from, *a.to} {
		if _, err := day(d, time.Time{}); err != nil {
			return report.Window{}, err
		}
	}
	if *a.to != "" && *a.to < *a.from {
		return report.Window{}, cli.Usagef("--to %s is before --from %s", *a.to, *a.from)
	}
	if *a.kiosk != "" && *a.office == "" {
		return report.Window{}, cli.Usagef("--kiosk %s goes with --office: a journal is of one kiosk", *a.kiosk)
	}
	return report.Window{From: *a.from, To: *a.to, Bay: *a.bay, Kiosk: *a.kiosk}, nil
}

// onReport is a command that asks the book of a journal.
func (p program) onReport(a asked, ask func(*report.Book, context.Context, report.Window) (report.Table,
	error)) cli.Run {
	return func(ctx context.Context, _ []string) error {
		w, err := a.window()
		if err != nil {
			return err
		}
		book, shut, err := p.bookOf(ctx, a)
		if err != nil {
			return err
		}
		defer shut()
		t, err := ask(book, ctx, w)
		if err != nil {
			return err
		}
		place, err := book.Place(ctx)
		if err != nil {
			return err
		}
		return p.writeTable(t, a, place)
	}
}

// bookOf opens the book that a report is asked of: of a journal, or of all that a back office has.
func (p program) bookOf(ctx context.Context, a asked) (book *report.Book, shut func() error, err error) {
	if *a.office != "" {
		return p.officeBook(ctx, *a.office, *a.kiosk)
	}
	journal, err := p.openJournal(ctx, a.journal)
	if err != nil {
		return nil, nil, err
	}
	var zone *time.Location
	if *a.journal.journal == "" {
		c, err := p.config(*a.journal.config)
		if err != nil {
			return nil, nil, errors.Join(err, journal.Close())
		}
		zone = c.Timezone
	}
	book, err = p.openBook(ctx, journal, zone)
	if err != nil {
		return nil, nil, errors.Join(err, journal.Close())
	}
	return book, func() error { return errors.Join(book.Close(), journal.Close()) }, nil
}

// officeBook opens the book of all journals of a back office.
func (p program) officeBook(ctx context.Context, dir, id string) (*report.Book, func() error, error) {
	path := receiver.Database(dir)
	if !config.Exists(path) {
		return nil, nil, cli.Usagef("--office %s: there is no back office: want the folder with %s", dir,
			filepath.Base(path))
	}
	office, err := receiver.Open(ctx, path, nil, nil)
	if err != nil {
		return nil, nil, err
	}
	book, err := p.bookOfAll(ctx, office, path, id)
	if err != nil {
		return nil, nil, errors.Join(err, office.Close())
	}
	return book, func() error { return errors.Join(book.Close(), office.Close()) }, nil
}

// bookOfAll opens the book of a back office that has a kiosk, where one is named.
func (p program) bookOfAll(ctx context.Context, office *receiver.Receiver, path, id string) (*report.Book, error) {
	all, err := office.Journals(ctx)
	if err != nil {
		return nil, err
	}
	if id != "" && !slices.ContainsFunc(all, func(n report.Named) bool { return n.Kiosk == id }) {
		return nil, cli.Usagef("--kiosk %s: the back office has no journal of it", id)
	}
	book, err := report.OpenAll(ctx, site.Reports(path), office.Journals)
	if err != nil {
		return nil, err
	}
	return p.upToDate(ctx, book)
}

// openBook opens the reports of a journal, and brings them up to date. zone is the site's; nil where it is not known.
func (p program) openBook(ctx context.Context, journal *store.Store, zone *time.Location) (*report.Book, error) {
	book, err := report.Open(ctx, site.Reports(journal.Path()), journal)
	if err != nil { // the journal is a copy on a medium that cannot be written, or another account's
		book, err = report.Open(ctx, "", journal)
	}
	if err != nil {
		return nil, err
	}
	book.In(zone)
	return p.upToDate(ctx, book)
}

// upToDate lets a book read what it has not, and closes it where that fails.
func (p program) upToDate(ctx context.Context, book *report.Book) (*report.Book, error) {
	progress := p.Progress()
	defer progress.End()
	err := book.KeepUp(ctx, func(done, all int64) {
		progress.Now(fmt.Sprintf("%d of %d records read", done, all))
	})
	if err != nil {
		book.Close()
		return nil, err
	}
	return book, nil
}

// writeTable writes a report in the form that was asked for.
func (p program) writeTable(t report.Table, a asked, place report.Place) error {
	var out bytes.Buffer
	var err error
	if kind := strings.TrimPrefix(filepath.Ext(*a.output), "."); *a.format == "table" && slices.Contains([]string{"csv",
		"json", "pdf"}, kind) {
		*a.format = kind // the file says what it is to be
	}
	switch *a.format {
	case "json":
		err = t.JSON(&out)
	case "csv":
		err = t.CSV(&out, report.CSVStyle{DecimalComma: *a.decimalComma, ByteOrder: *a.byteMark})
	case "table":
		err = p.plainTable(&out, t)
	case "pdf":
		err = p.pdfTable(&out, t, a, place)
	default:
		return cli.Usagef("report %s: format %q: want table, json, csv or pdf", t.Name, *a.format)
	}
	if err != nil {
		return err
	}
	return p.deliver(&out, a)
}

// plainTable writes a report for a person at a terminal.
func (p program) plainTable(out *bytes.Buffer, t report.Table) error {
	p.Out = out
	rows := make([][]any, 0, len(t.Rows)+len(t.Sums))
	for _, r := range t.Rows {
		rows = append(rows, t.Cells(r))
	}
	for _, r := range t.Sums {
		cells := t.Cells(r)
		cells[0] = "sum"
		rows = append(rows, cells)
	}
	if err := p.Table("table", t.Keys(), rows); err != nil {
		return err
	}
	if len(t.Notes) == 0 {
		return nil
	}
	texts, err := text.Load()
	if err != nil {
		return err
	}
	for _, n := range t.Notes {
		fmt.Fprintln(out, n.In(texts.Printer("en")))
	}
	return nil
}

// pdfTable writes a report on paper.
func (p program) pdfTable(out *bytes.Buffer, t report.Table, a asked, place report.Place) error {
	if *a.output == "" && p.onTerminal() {
		return cli.Usagef("report %s: a PDF is nothing to read on a terminal: write it to a file with --output", t.Name)
	}
	texts, err := text.Load()
	if err != nil {
		return err
	}
	printer, err := texts.In(*a.language)
	if err != nil {
		return cli.Usagef("report %s: %w", t.Name, err)
	}
	extra, err := optional(*a.font)
	if err != nil {
		return err
	}
	of := pdf.Of{Seller: place.Seller, Made: time.Now().In(place.Zone())}
	return pdf.Write(out, t, printer, of, extra)
}

// deliver writes what a report came to where it was asked for.
func (p program) deliver(out *bytes.Buffer, a asked) error {
	if *a.output != "" {
		return file.Write(*a.output, out.Bytes(), 0o644)
	}
	_, err := out.WriteTo(p.Out)
	return err
}

func (p program) reportSessions(fs *pflag.FlagSet) cli.Run {
	a := reportFlags(fs)
	state := fs.String("state", "", fmt.Sprintf("`state` alone: %s", list(words(report.Outcomes()))))
	card := fs.String("card", "", "last four `digits` of a card")
	return p.onReport(a, func(b *report.Book, ctx context.Context, w report.Window) (report.Table, error) {
		f := report.Filter{Outcome: report.Outcome(*state), Last4: *card}
		if err := f.Check(); err != nil {
			return report.Table{}, cli.Usage(fmt.Errorf("report sessions: %w", err))
		}
		return b.SessionTable(ctx, w, f)
	})
}

func words[S ~string](all []S) (out []string) {
	for _, s := range all {
		out = append(out, string(s))
	}
	return out
}

func (p program) reportRevenue(fs *pflag.FlagSet) cli.Run {
	a := reportFlags(fs, report.ByDay, report.ByMonth, report.ByBay, report.ByTariff, report.ByKiosk)
	return p.onReport(a, func(b *report.Book, ctx context.Context, w report.Window) (report.Table, error) {
		t, err := b.Revenue(ctx, w, *a.by)
		return t, usage(err)
	})
}

func (p program) reportEnergy(fs *pflag.FlagSet) cli.Run {
	a := reportFlags(fs, report.ByDay, report.ByMonth, report.ByBay)
	return p.onReport(a, func(b *report.Book, ctx context.Context, w report.Window) (report.Table, error) {
		t, err := b.Energy(ctx, w, *a.by)
		return t, usage(err)
	})
}

// usage is an error of what was asked for, where it is one.
func usage(err error) error {
	var wrong *report.Wrong
	if errors.As(err, &wrong) {
		return cli.Usage(err)
	}
	return err
}

func (p program) reportFaults(fs *pflag.FlagSet) cli.Run {
	return p.onReport(reportFlags(fs), (*report.Book).FaultTable)
}

func (p program) reportSecurity(fs *pflag.FlagSet) cli.Run {
	return p.onReport(reportFlags(fs), (*report.Book).SecurityTable)
}

func (p program) reportDevices(fs *pflag.FlagSet) cli.Run {
	return p.onReport(reportFlags(fs), (*report.Book).DeviceTable)
}

func (p program) reportKPI(fs *pflag.FlagSet) cli.Run {
	return p.onReport(reportFlags(fs), func(b *report.Book, ctx context.Context, w report.Window) (report.Table,
		error) {
		return b.FigureTable(ctx, w, time.Now())
	})
}

// reportReconcile lists the money that is not where it belongs yet, or compares the days of the terminal.
func (p program) reportReconcile(fs *pflag.FlagSet) cli.Run {
	a := reportFlags(fs, "item", "day_end")
	days := p.onReport(a, func(b *report.Book, ctx context.Context, w report.Window) (report.Table, error) {
		return b.DayEndTable(ctx, w)
	})
	return func(ctx context.Context, args []string) error {
		switch *a.by {
		case "item":
			if *a.office != "" {
				return cli.Usagef("report reconcile: money that is not settled is asked of each kiosk: with --office " +
					"want --by day_end")
			}
			return p.openItems(ctx, a)
		case "day_end":
			return days(ctx, args)
		}
		return cli.Usagef("report reconcile: cannot group by %q: want item or day_end", *a.by)
	}
}

// zoneOf is the site's time zone, where its configuration is at hand.
func (p program) zoneOf(a asked) (*time.Location, error) {
	if *a.journal.journal != "" {
		return time.Local, nil
	}
	c, err := p.config(*a.journal.config)
	if err != nil {
		return nil, err
	}
	return c.Timezone, nil
}

// openItems lists the money that is not settled.
func (p program) openItems(ctx context.Context, a asked) error {
	if _, err := a.window(); err != nil {
		return err
	}
	first, err := day(*a.from, time.Time{})
	if err != nil {
		return err
	}
	last, err := day(*a.to, time.Date(9999, 1, 1, 0, 0, 0, 0, time.Local))
	if err != nil {
		return err
	}
	s, err := p.openJournal(ctx, a.journal)
	if err != nil {
		return err
	}
	defer s.Close()
	items, err := site.OpenItems(ctx, s)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	q := p
	q.Out = &out
	zone, err := p.zoneOf(a)
	if err != nil {
		return err
	}
	var rows [][]any
	for _, i := range items {
		if *a.bay != 0 && i.Bay != *a.bay || i.Since.Before(first) || !i.Since.Before(last.AddDate(0, 0, 1)) {
			continue
		}
		if *a.format == "json" {
			if err := q.JSON(i); err != nil {
				return err
			}
			continue
		}
		next := "a person"
		if i.Acts == "" {
			next = "by itself"
		}
		if i.Next != nil {
			next = "by itself at " + i.Next.In(zone).Format(time.DateTime)
		}
		rows = append(rows, []any{i.Reference, i.Bay, i.Money, i.Held, i.Due, i.ReceiptNo, i.TerminalID, i.AuthCode,
			i.Since.In(zone).Format(time.DateTime), i.Attempts, next,
			i.Deadline.In(zone).Format(time.DateTime), cmp.Or(i.Why, "-")})
	}
	if *a.format != "json" {
		err = q.Table(*a.format, []string{"reference", "bay", "money", "held", "due", "receipt_no", "terminal_id",
			"auth_code", "since", "attempts", "next", "deadline", "why"}, rows)
	}
	if err != nil {
		return err
	}
	return p.deliver(&out, a)
}

// statement compares the statement of a bank with what was captured.
func (p program) statement(fs *pflag.FlagSet) cli.Run {
	a := reportFlags(fs)
	columns := fs.String("columns", "",
		"`heads` of a csv file's columns, such as day=Datum,amount=Summe,fees=Entgelt; "+
			"usual ones are found without it")
	currency := fs.String("currency", "EUR", "ISO 4217 `code` for a csv file that names none")
	return func(ctx context.Context, args []string) error {
		if len(args) == 0 {
			return cli.Usagef("statement: want one or more files of the bank")
		}
		names, err := columnsOf(*columns)
		if err != nil {
			return err
		}
		var lines []statement.Line
		for _, path := range args {
			in, err := os.ReadFile(path)
			if err != nil {
				return cli.Usage(err)
			}
			more, err := statement.Read(in, names, kiosk.Currency(*currency))
			if err != nil {
				return cli.Usagef("%s: %w", path, err)
			}
			lines = append(lines, more...)
		}
		return p.onReport(a, func(b *report.Book, ctx context.Context, w report.Window) (t report.Table, err error) {
			var movements []report.Movement
			for m, err := range b.Movements(ctx, w) {
				if err != nil {
					return t, err
				}
				movements = append(movements, m)
			}
			place, err := b.Place(ctx)
			if err != nil {
				return t, err
			}
			return statement.Table(statement.Compare(lines, movements, place.Zone())), nil
		})(ctx, nil)
	}
}

// columnsOf reads which heads the columns of a csv file have.
func columnsOf(text string) (c statement.Columns, err error) {
	if text == "" {
		return c, nil
	}
	for _, pair := range strings.Split(text, ",") {
		what, head, ok := strings.Cut(pair, "=")
		place, known := map[string]*string{"day": &c.Day, "amount": &c.Amount, "currency": &c.Currency,
			"fees": &c.Fees}[what]
		if !ok || !known {
			return c, cli.Usagef("--columns %q: want day=, amount=, currency= and fees= with the heads of "+
				"the file", pair)
		}
		*place = head
	}
	return c, nil
}

// dispute packs what proves a session.
func (p program) dispute(fs *pflag.FlagSet) cli.Run {
	j := journalFlags(fs)
	output := fs.String("output", "", "`file` for the pack, a ZIP")
	font := fs.String("font", "", "a TrueType `file` for characters of the receipt that kioskd's own fonts lack")
	return func(ctx context.Context, args []string) error {
		if *output == "" {
			return cli.Usagef("dispute: --output is needed: a file for the pack")
		}
		var c *config.Config
		var err error
		if *j.journal == "" {
			c, err = p.config(*j.config)
			if err != nil {
				return err
			}
		}
		journal, err := p.openJournal(ctx, j)
		if err != nil {
			return err
		}
		defer journal.Close()
		id, err := findSession(ctx, journal, args[0])
		if err != nil {
			return err
		}
		pack, err := site.Case(ctx, journal, c, id, version)
		if err != nil {
			return err
		}
		texts, err := text.Load()
		if err != nil {
			return err
		}
		extra, err := optional(*font)
		if err != nil {
			return err
		}
		var out bytes.Buffer
		if err := dispute.Write(&out, pack, texts, extra); err != nil {
			return err
		}
		if err := file.Write(*output, out.Bytes(), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(p.Out, "%s: %d records of session %s, proven in a tree of %d\n", *output, len(pack.Records),
			pack.Session.Reference, pack.Size)
		return nil
	}
}

// optional reads a file that may not be asked for.
func optional(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	return os.ReadFile(path)
}

// receiptsPage writes the page that opens receipts' links.
func (p program) receiptsPage(fs *pflag.FlagSet) cli.Run {
	path := configFlag(fs)
	dir := fs.String(
		"output", "", "`folder` that a web server serves at receipts.url; other kiosks may be in it already")
	return func(_ context.Context, _ []string) error {
		if *dir == "" {
			return cli.Usagef("receipts page: --output is needed: a folder for the page")
		}
		c, err := p.config(*path)
		if err != nil {
			return err
		}
		if c.Receipts.Page == "" {
			return cli.Usagef("receipts page: the configuration has no receipts.url, at which telephones find the page")
		}
		out, err := filepath.Abs(*dir)
		if err != nil {
			return err
		}
		if err := site.WriteReceiptPage(c, out); err != nil {
			return err
		}
		fmt.Fprintf(p.Out, "%s: to be served at %s, with kiosks.json beside it\n", filepath.Join(out, page.Index),
			c.Receipts.Page)
		return nil
	}
}

// day reads a day; none is what stands for it.
func day(text string, none time.Time) (time.Time, error) {
	if text == "" {
		return none, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, text, time.Local)
	if err != nil {
		return t, cli.Usagef("%q is not a day: want one such as 2026-03-02", text)
	}
	return t, nil
}
