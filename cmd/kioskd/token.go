package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"kioskd"
	"kioskd/api"
	"kioskd/cli"
)

// tokenMake makes a token. Only its hash is kept.
func (p program) tokenMake(fs *pflag.FlagSet) cli.Run {
	path := configFlag(fs)
	by := fs.String("by", "", "`name` that the journal keeps; yours without it")
	scopes := fs.String("scopes", "status,reports", "`scopes`: "+list(kiosk.Scopes())+", with a comma between them")
	until := fs.String("until", "", "`day` after which it is good for nothing, as 2027-03-02; none without it")
	return func(ctx context.Context, args []string) error {
		wish := api.Token{Name: args[0], Scopes: strings.FieldsFunc(*scopes, func(r rune) bool { return r == ',' })}
		last, err := day(*until, time.Time{})
		if err != nil {
			return err
		}
		if !last.IsZero() {
			end := last.AddDate(0, 0, 1)
			wish.Until = &end
		}
		if err := nameOperator(by); err != nil {
			return err
		}
		return p.withDaemon(*path, func(r *api.Client) error {
			made, err := r.MakeToken(ctx, wish, *by)
			if err != nil {
				return err
			}
			fmt.Fprintln(p.Out, made.Token)
			p.Note("the token is shown this once; the program sends it as Authorization: Bearer TOKEN")
			return nil
		})
	}
}

func (p program) tokenList(fs *pflag.FlagSet) cli.Run {
	path, format := configFlag(fs), cli.FormatFlag(fs)
	return func(ctx context.Context, _ []string) error {
		var all []api.Token
		err := p.withDaemon(*path, func(r *api.Client) (err error) {
			all, err = r.Tokens(ctx)
			return err
		})
		if err != nil {
			return err
		}
		var rows [][]any
		for _, t := range all {
			until := "-"
			if t.Until != nil {
				until = t.Until.Format(time.RFC3339)
			}
			used := t.Used
			if used == "" {
				used = "-"
			}
			rows = append(rows, []any{t.Name, strings.Join(t.Scopes, " "), t.Made.Format(time.RFC3339), until, used})
		}
		return p.Table(*format, []string{"name", "scopes", "made_at", "until", "last_used"}, rows)
	}
}

func (p program) tokenEnd(fs *pflag.FlagSet) cli.Run {
	path := configFlag(fs)
	by := fs.String("by", "", "`name` that the journal keeps; yours without it")
	return func(ctx context.Context, args []string) error {
		if err := nameOperator(by); err != nil {
			return err
		}
		return p.withDaemon(*path, func(r *api.Client) error {
			_, err := r.EndToken(ctx, args[0], *by)
			return err
		})
	}
}

// inspect writes down that a person looked at a device for tampering (PCI DSS 4.0, requirement 9.5.1.2).
func (p program) inspect(fs *pflag.FlagSet) cli.Run {
	path := configFlag(fs)
	by := fs.String("by", "", "`name` that the journal keeps; yours without it")
	serial := fs.String("serial", "", "`number` as the device shows it")
	found := fs.String("found", "", "`text` of what was wrong; nothing without it")
	return func(ctx context.Context, args []string) error {
		if err := nameOperator(by); err != nil {
			return err
		}
		return p.withDaemon(*path, func(r *api.Client) error {
			_, err := r.Inspect(ctx, strings.ReplaceAll(args[0], "-", " "), *serial, *found, *by)
			return err
		})
	}
}
