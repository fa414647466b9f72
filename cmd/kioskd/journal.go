package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"kioskd"
	"kioskd/cli"
	"kioskd/file"
	"kioskd/receipt"
	"kioskd/receipt/pdf"
	"kioskd/site"
	"kioskd/store"
	"kioskd/ui/text"
)

// journalPath is where a command finds the journal.
type journalPath struct{ config, journal *string }

func journalFlags(fs *pflag.FlagSet) journalPath {
	return journalPath{configFlag(fs),
		fs.String("journal", "", "journal `file`, in place of the configuration's")}
}

func (p program) openJournal(ctx context.Context, j journalPath) (*store.Store, error) {
	path := *j.journal
	if path == "" {
		c, err := p.config(*j.config)
		if err != nil {
			return nil, err
		}
		path = c.Journal
	}
	return store.OpenReader(ctx, path)
}

// onJournal is a command without arguments that reads the journal.
func (p program) onJournal(fs *pflag.FlagSet, f func(context.Context, *store.Store) error) cli.Run {
	j := journalFlags(fs)
	return func(ctx context.Context, _ []string) error {
		s, err := p.openJournal(ctx, j)
		if err != nil {
			return err
		}
		defer s.Close()
		return f(ctx, s)
	}
}

func (p program) receipt(fs *pflag.FlagSet) cli.Run {
	j := journalFlags(fs)
	lang := fs.String("language", "", "`language` of the text; the session's without it")
	format := fs.String("format", "text", "`form`: text, json or pdf")
	font := fs.String("font", "", "for pdf: a TrueType `file` for characters that kioskd's own fonts lack")
	records := fs.Bool("ocmf", false, "print what the meter signed instead: its OCMF records as it made them")
	safe := fs.String("safe", "", "write the `file` that the S.A.F.E. transparency software reads instead")
	return func(ctx context.Context, args []string) error {
		s, err := p.openJournal(ctx, j)
		if err != nil {
			return err
		}
		defer s.Close()
		id, err := findSession(ctx, s, args[0])
		if err != nil {
			return err
		}
		r, err := receipt.From(ctx, s.Session(ctx, id), s.TreeHash)
		if err != nil {
			return err
		}
		if *records || *safe != "" {
			return p.writeSigned(r, *records, *safe)
		}
		return p.writeReceipt(r, *format, cmp.Or(*lang, r.Language), *font)
	}
}

// findSession finds a session by its id, or by its reference as a person types it.
func findSession(ctx context.Context, s *store.Store, typed string) (id string, err error) {
	if ref, err := kiosk.ParseReference(typed); err == nil {
		typed = ref
	}
	return s.Find(ctx, typed)
}

// writeSigned writes what a meter signed of a session.
func (p program) writeSigned(r receipt.Receipt, print bool, path string) error {
	text, err := r.SAFE()
	if err != nil {
		return fmt.Errorf("receipt %s: %w", r.No, err)
	}
	if print {
		for _, record := range r.Signed.Records {
			fmt.Fprintln(p.Out, record)
		}
	}
	if path == "" {
		return nil
	}
	return file.Write(path, text, 0o644)
}

// writeReceipt writes a receipt in one of its forms. A PDF is written whole or not at all.
func (p program) writeReceipt(r receipt.Receipt, format, lang, font string) error {
	texts, err := text.Load()
	if err != nil {
		return err
	}
	printer, err := texts.In(lang)
	if err != nil {
		return cli.Usagef("receipt: %w", err)
	}
	var out bytes.Buffer
	switch format {
	case "json":
		return p.JSON(r)
	case "text":
		out.WriteString(r.Text(printer))
	case "pdf":
		if p.onTerminal() {
			return cli.Usagef("receipt: a PDF is nothing to read on a terminal: write it to a file with > receipt.pdf")
		}
		extra, err := optional(font)
		if err != nil {
			return err
		}
		if err := pdf.Write(&out, r, printer, extra); err != nil {
			return err
		}
	default:
		return cli.Usagef("receipt: format %q: want text, json or pdf", format)
	}
	_, err = out.WriteTo(p.Out)
	return err
}

// onTerminal tells whether what is printed is read by a person at a terminal.
func (p program) onTerminal() bool {
	f, ok := p.Out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// journalUnsent prints how many records only this kiosk has: no script may delete them unasked.
func (p program) journalUnsent(fs *pflag.FlagSet) cli.Run {
	format := fs.String("format", "table", "`form`: table (the number alone), json or csv")
	return p.onJournal(fs, func(ctx context.Context, s *store.Store) error {
		n, err := s.Backlog(ctx)
		if err != nil {
			return err
		}
		if *format == "table" {
			fmt.Fprintln(p.Out, n)
			return nil
		}
		return p.Record(*format, struct {
			Unsent int64 `json:"unsent"`
		}{n})
	})
}

func (p program) journalVerify(fs *pflag.FlagSet) cli.Run {
	code := fs.String(
		"receipt", "", "`link` of a receipt, or its \"KIOSKD REFERENCE RECORDS HASH\", to compare with the journal")
	format := fs.String("format", "text", "`form`: text, json, csv or table")
	return p.onJournal(fs, func(ctx context.Context, s *store.Store) error {
		progress := p.Progress()
		head, err := s.Verify(ctx, func(n int64) { progress.Now(fmt.Sprintf("%d records", n)) })
		progress.End()
		var wrong *store.WrongRecord
		if errors.As(err, &wrong) {
			return fmt.Errorf("journal does not verify: %w", err)
		}
		if err != nil {
			return err
		}
		fits := ""
		if *code != "" {
			fits, err = p.verifyReceipt(ctx, s, *code)
		}
		if *format != "text" {
			if err != nil {
				return err
			}
			return p.Record(*format, verified{head.Records, fmt.Sprint(head.Hash), head.Signed, head.Thinned, fits})
		}
		fmt.Fprintf(p.Out, "verified: %d records, tree hash %s\n", head.Records, head.Hash)
		if head.Signed > 0 {
			fmt.Fprintf(p.Out, "up to record %d it is as the back office signed it\n", head.Signed)
		} else {
			fmt.Fprintln(p.Out, "not compared: no back office has signed a head of the tree")
		}
		if head.Thinned > 0 {
			fmt.Fprintf(p.Out, "of %d the body is with the back office; their hashes are in the tree\n", head.Thinned)
		}
		if fits != "" {
			fmt.Fprintf(p.Out, "the receipt fits: session %s\n", fits)
		}
		return err
	})
}

// verified is what journal verify prints with --format.
type verified struct {
	Records  int64  `json:"records"`
	TreeHash string `json:"tree_hash"`
	Signed   int64  `json:"signed_records"`  // as far as it is as the back office signed it; 0 where none did
	Thinned  int64  `json:"thinned_records"` // whose body only the back office has
	Receipt  string `json:"receipt,omitempty"`
}

// verifyReceipt compares what a receipt says of the tree, KIOSKD REFERENCE RECORDS HASH or a link that carries the
// receipt, with the journal. It returns the session.
func (p program) verifyReceipt(ctx context.Context, s *store.Store, code string) (id string, err error) {
	if _, digits, ok := strings.Cut(code, "#"); ok {
		// that the journal says the same is what is asked: the page tells whose signature it is
		r, _, err := receipt.FromDigits(digits, nil)
		if err != nil {
			return "", cli.Usagef("journal verify: receipt: %w", err)
		}
		code = r.QR
	}
	f := strings.Fields(strings.ToUpper(strings.TrimPrefix(strings.ToUpper(code), "KIOSKD ")))
	if len(f) != 3 {
		return "", cli.Usagef(
			"journal verify: receipt %q: want its link, or its number and what it says of the journal, such as "+
				"\"KIOSKD 7GK2M4Q 1234 ABCDEFGHJK\"", code)
	}
	if _, err := strconv.ParseInt(f[1], 10, 64); err != nil {
		return "", cli.Usagef("journal verify: receipt %q: %q is no number of records", code, f[1])
	}
	id, err = s.Find(ctx, f[0])
	if err != nil {
		return "", err
	}
	r, err := receipt.From(ctx, s.Session(ctx, id), s.TreeHash)
	if err != nil {
		return "", err
	}
	if want := f[1] + " " + f[2]; r.Head != want {
		return "", fmt.Errorf("the receipt does not fit: it says %s, the journal %s: this is not the journal of then",
			want,
			r.Head)
	}
	return id, nil
}

func (p program) journalExport(fs *pflag.FlagSet) cli.Run {
	return p.onJournal(fs, func(ctx context.Context, s *store.Store) error {
		progress := p.Progress()
		defer progress.End()
		_, err := site.ExportJournal(ctx, progress.Counted(p.Out, "records"), s, 1)
		return err
	})
}

func (p program) journalTail(fs *pflag.FlagSet) cli.Run {
	lines := fs.Int64("lines", 10, "how many `records` of the past to begin with")
	follow := fs.Bool("follow", true, "go on with what is written from now on")
	return p.onJournal(fs, func(ctx context.Context, s *store.Store) error {
		last, err := s.Seq(ctx)
		if err != nil {
			return err
		}
		next := max(1, last-*lines+1)
		for {
			next, err = site.ExportJournal(ctx, p.Out, s, next)
			if err != nil || !*follow {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
			timer := time.NewTimer(300 * time.Millisecond)
			select {
			case <-ctx.Done():
				timer.Stop()
				return nil
			case <-timer.C:
			}
		}
	})
}
