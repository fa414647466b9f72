package cli_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"

	"kioskd/cli"
)

// said runs a command line and returns what it printed.
func said(t *testing.T, args ...string) (code int, out, bad string) {
	t.Helper()
	var o, e bytes.Buffer
	p := cli.Program{Name: "kioskd", About: "kioskd sells.", In: strings.NewReader(""), Out: &o, Err: &e}
	row := func(name string, run func(context.Context, *flag.FlagSet, []string) error) cli.Command {
		return cli.Command{Name: name, Summary: "does " + name, Example: "kioskd " + name, Run: run}
	}
	code = p.Run(t.Context(), []cli.Command{
		row("run", func(context.Context, *flag.FlagSet, []string) error { return nil }),
		row("meter read", func(_ context.Context, fs *flag.FlagSet, args []string) error {
			unit := fs.Int("unit", 7, "`number` of the unit")
			format := cli.FormatFlagOf(fs, "json")
			rest, err := cli.Parse(fs, args, 1)
			if err != nil {
				return err
			}
			return p.Record(*format, struct {
				Unit int            `json:"unit"`
				Line string         `json:"line"`
				Of   map[string]int `json:"of"`
			}{*unit, rest[0], map[string]int{"phases": 3}})
		}),
		row("meter models", func(_ context.Context, fs *flag.FlagSet, args []string) error {
			format := cli.FormatFlag(fs)
			if _, err := cli.Parse(fs, args, 0); err != nil {
				return err
			}
			return p.Table(*format, []string{"model", "phases", "goes on"}, [][]any{{"B23", 3, true}})
		}),
		row("fail", func(context.Context, *flag.FlagSet, []string) error { return errors.New("no answer") }),
		row("fail silently", func(context.Context, *flag.FlagSet, []string) error { return cli.ErrSilent }),
		row("check", func(context.Context, *flag.FlagSet, []string) error {
			return p.BadInput(faults{"a:1:1: x", "b"})
		}),
	}, args)
	return code, o.String(), e.String()
}

type faults []string

func (f faults) Error() string   { return strings.Join(f, "\n") }
func (f faults) Lines() []string { return f }

// TestWhatACommandPrints: each row is what a user types, and what they and their scripts see.
func TestWhatACommandPrints(t *testing.T) {
	for _, c := range []struct {
		args     string
		code     int
		out, bad string
	}{
		{"run", 0, "", ""},
		{"meter read tty --unit 3", 0, `{"unit":3,"line":"tty","of":{"phases":3}}` + "\n", ""},
		{"meter read --unit 3 tty --format csv", 0, "unit,line,of.phases\n3,tty,3\n", ""},
		{"meter read --format table tty", 0, "unit       7\nline       tty\nof.phases  3\n", ""},
		{"meter read", 2, "", "kioskd: meter read: want 1 arguments, got 0\n"},
		{"meter read tty --unit x", 2, "",
			`kioskd: meter read: invalid value "x" for flag -unit: parse error` + "\n"},
		{"meter models", 0, "MODEL  PHASES  GOES ON\nB23    3       true\n", ""},
		{"meter models --format csv", 0, "model,phases,goes on\nB23,3,true\n", ""},
		{"meter models --format json", 0, `{"goes_on":true,"model":"B23","phases":3}` + "\n", ""},
		{"meter models --format xml", 2, "", `kioskd: format "xml": want table, json or csv` + "\n"},
		{"meter --help", 0, "kioskd sells.\n\nCommands (each has --help):\n  meter read           does meter read\n" +
			"  meter models         does meter models\n", ""},
		{"meter read --help", 0, "kioskd meter read: does meter read\n\nExample:\n  kioskd meter read\n\nFlags:\n" +
			"  --format form\n    \tform of what is printed: table, json or csv (json without it)\n" +
			"  --unit number\n    \tnumber of the unit (7 without it)\n", ""},
		{"fail", 1, "", "kioskd: no answer\n"},
		{"fail silently", 1, "", ""},
		{"check", 2, "", "a:1:1: x\nb\n"},
	} {
		code, out, bad := said(t, strings.Fields(c.args)...)
		if code != c.code || out != c.out || bad != c.bad {
			t.Errorf("%s: %d\n%s%s\nwant %d\n%s%s", c.args, code, out, bad, c.code, c.out, c.bad)
		}
	}
	for _, args := range []string{"", "mter read", "meter write"} {
		code, out, bad := said(t, strings.Fields(args)...)
		if want := "unknown command"; code != 2 || out != "" || args != "" && !strings.Contains(bad, want) ||
			!strings.Contains(bad, "does meter read") {
			t.Errorf("%q: %d, %s%s", args, code, out, bad)
		}
	}
	if code, out, _ := said(t, "--help"); code != 0 || !strings.Contains(out, "does run") {
		t.Error(fmt.Sprint(code, out))
	}
}
