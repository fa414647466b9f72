package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"kioskd/cli"
	"kioskd/receipt/page"
	"kioskd/site"
)

// reportReconcile lists the money that is not where it belongs yet.
func (p program) reportReconcile(fs *pflag.FlagSet) cli.Run {
	j := journalFlags(fs)
	from, to := fs.String("from", "", "first `day`, as 2026-03-02"), fs.String("to", "", "last `day`")
	bay := fs.Int("bay", 0, "`number` of a bay; 0 for all")
	format := cli.FormatFlag(fs)
	return func(ctx context.Context, _ []string) error {
		first, err := day(*from, time.Time{})
		if err != nil {
			return err
		}
		last, err := day(*to, time.Date(9999, 1, 1, 0, 0, 0, 0, time.Local))
		if err != nil {
			return err
		}
		s, err := p.openJournal(ctx, j)
		if err != nil {
			return err
		}
		defer s.Close()
		items, err := site.OpenItems(ctx, s)
		if err != nil {
			return err
		}
		var rows [][]any
		for _, i := range items {
			if *bay != 0 && i.Bay != *bay || i.Since.Before(first) || !i.Since.Before(last.AddDate(0, 0, 1)) {
				continue
			}
			if *format == "json" {
				if err := p.JSON(i); err != nil {
					return err
				}
				continue
			}
			next := "a person"
			if i.Acts == "" {
				next = "by itself"
			}
			if i.Next != nil {
				next = "by itself at " + i.Next.Local().Format(time.DateTime)
			}
			rows = append(rows, []any{i.Reference, i.Bay, i.Money, i.Held, i.Due, i.ReceiptNo, i.TerminalID, i.AuthCode,
				i.Since.Local().Format(time.DateTime), i.Attempts, next,
				i.Deadline.Local().Format(time.DateTime), cmp.Or(i.Why, "-")})
		}
		if *format == "json" {
			return nil
		}
		return p.Table(*format, []string{"reference", "bay", "money", "held", "due", "receipt_no", "terminal_id",
			"auth_code", "since", "attempts", "next", "deadline", "why"}, rows)
	}
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
