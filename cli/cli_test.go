package cli_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creack/pty"
	"github.com/spf13/pflag"

	"kioskd/cli"
)

// said runs a command line and returns what it printed.
func said(t *testing.T, args ...string) (code int, out, bad string) {
	t.Helper()
	var o, e bytes.Buffer
	p := cli.Program{Name: "kioskd", About: "kioskd sells.", In: strings.NewReader(""), Out: &o, Err: &e}
	row := func(name, args string, flags func(*pflag.FlagSet) cli.Run) cli.Command {
		return cli.Command{Name: name, Args: args, Summary: "does " + name, Example: "kioskd " + name, Flags: flags}
	}
	does := func(err func() error) func(*pflag.FlagSet) cli.Run {
		return func(*pflag.FlagSet) cli.Run { return func(context.Context, []string) error { return err() } }
	}
	code = p.Run(t.Context(), []cli.Command{
		row("run", "", does(func() error { return nil })),
		row("meter read", "LINE", func(fs *pflag.FlagSet) cli.Run {
			unit := fs.Int("unit", 7, "`number` of the unit")
			format := cli.FormatFlagOf(fs, "json")
			return func(_ context.Context, args []string) error {
				return p.Record(*format, struct {
					Unit int            `json:"unit"`
					Line string         `json:"line"`
					Of   map[string]int `json:"of"`
				}{*unit, args[0], map[string]int{"phases": 3}})
			}
		}),
		row("meter models", "", func(fs *pflag.FlagSet) cli.Run {
			format := cli.FormatFlag(fs)
			return func(context.Context, []string) error {
				return p.Table(*format, []string{"model", "phases", "goes on"}, [][]any{{"B23", 3, true}})
			}
		}),
		row("decode", "[HEX]...", func(*pflag.FlagSet) cli.Run {
			return func(_ context.Context, args []string) error { return p.JSON(args) }
		}),
		{Name: "world", Summary: "does world", Raw: func(_ context.Context,
			args []string) error {
			return p.JSON(args)
		}},
		row("fail", "", does(func() error { return errors.New("no answer") })),
		row("fail-silently", "", does(func() error { return cli.ErrSilent })),
		row("check", "", does(func() error { return p.BadInput(faults{"a:1:1: x", "b"}) })),
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
		{"meter read", 2, "", "kioskd: meter read: want LINE, got 0 arguments\n"},
		{"meter models x", 2, "", "kioskd: meter models: want no argument, got \"x\"\n"},
		{"meter read tty --unit x", 2, "", `kioskd: meter read: invalid argument "x" for "--unit" flag: ` +
			"must be an integer\n"},
		{"meter read tty --unti 3", 2, "", "kioskd: meter read: unknown flag: --unti\n"},
		{"decode 06 0F -", 0, `["06","0F","-"]` + "\n", ""},
		{"world --headless 3 --help", 0, `["--headless","3","--help"]` + "\n", ""},
		{"meter models", 0, "MODEL  PHASES  GOES ON\nB23    3       true\n", ""},
		{"meter models --format csv", 0, "model,phases,goes on\nB23,3,true\n", ""},
		{"meter models --format json", 0, `{"goes_on":true,"model":"B23","phases":3}` + "\n", ""},
		{"meter models --format xml", 2, "", `kioskd: format "xml": want table, json or csv` + "\n"},
		{"fail x", 2, "", "kioskd: fail: want no argument, got \"x\"\n"},
		{"mter read", 2, "", "kioskd: unknown command \"mter\": did you mean meter?\nkioskd --help lists the " +
			"commands\n"},
		{"meter raed", 2, "",
			"kioskd: unknown command \"meter raed\": did you mean read?\nkioskd meter --help lists the commands\n"},
		{"zebra", 2, "", "kioskd: unknown command \"zebra\"\nkioskd --help lists the commands\n"},
		{"__complete meter ", 0, "models\tdoes meter models\nread\tdoes meter read\n:4\n",
			"Completion ended with directive: ShellCompDirectiveNoFileComp\n"},
		{"__complete meter models --format ", 0, "table\njson\ncsv\n:4\n",
			"Completion ended with directive: ShellCompDirectiveNoFileComp\n"},
		{"fail", 1, "", "kioskd: no answer\n"},
		{"fail-silently", 1, "", ""},
		{"check", 2, "", "a:1:1: x\nb\n"},
	} {
		code, out, bad := said(t, words(c.args)...)
		if code != c.code || out != c.out || bad != c.bad {
			t.Errorf("%s: %d\n%s%s\nwant %d\n%s%s", c.args, code, out, bad, c.code, c.out, c.bad)
		}
	}
}

// words are those of a line; a blank at its end is before an empty word.
func words(line string) []string {
	all := strings.Fields(line)
	if strings.HasSuffix(line, " ") {
		all = append(all, "")
	}
	return all
}

// TestHelp: of the program, of a group and of a command, asked for in each way.
func TestHelp(t *testing.T) {
	for _, c := range []struct {
		args string
		want []string
	}{
		{"--help", []string{"kioskd sells.", "does run", "has the commands models, read", "completion"}},
		{"help", []string{"kioskd sells.", "does run"}},
		{"meter --help", []string{"does meter read", "does meter models", "kioskd meter [command] --help"}},
		{"help meter", []string{"does meter read"}},
		{"meter read --help", []string{"does meter read", "kioskd meter read LINE [flags]", "  kioskd meter read\n",
			"--unit number", "number of the unit (default 7)", "--format form", `(default "json")`}},
		{"help meter read", []string{"kioskd meter read LINE [flags]"}},
	} {
		code, out, bad := said(t, words(c.args)...)
		for _, want := range c.want {
			if code != 0 || bad != "" || !strings.Contains(out, want) {
				t.Errorf("%s: %d\n%s%swant %q", c.args, code, out, bad, want)
			}
		}
	}
	for _, args := range []string{"", "meter"} { // nothing was asked for
		if code, out, bad := said(t, words(args)...); code != 2 || out != "" || !strings.Contains(bad, "ommands:") {
			t.Errorf("%q: %d\n%s%s", args, code, out, bad)
		}
	}
}

// TestProgressIsForAPerson: a file gets none of it.
func TestProgressIsForAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out, bad bytes.Buffer
		p := cli.Program{Name: "kioskd", Out: &out, Err: &bad}
		g := p.Progress()
		time.Sleep(time.Minute)
		g.Now("half of it")
		g.Note("a thing")
		if _, err := io.WriteString(g.Counted(p.Out, "records"), "line\n"); err != nil {
			t.Fatal(err)
		}
		g.End()
		if bad.Len() > 0 || out.String() != "line\n" {
			t.Errorf("%q, %q", out.String(), bad.String())
		}
	})
}

// TestProgressAtATerminal: nothing for two seconds, then a line that is written over, and taken away at the end.
func TestProgressAtATerminal(t *testing.T) {
	user, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer user.Close()
	defer tty.Close()
	synctest.Test(t, func(t *testing.T) {
		g := cli.Program{Name: "kioskd", Out: io.Discard, Err: tty}.Progress()
		g.Now("too early")
		time.Sleep(3 * time.Second)
		counted := g.Counted(io.Discard, "records")
		for range 3 {
			if _, err := io.WriteString(counted, "line\n"); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		g.Now("4 of 9")
		g.Note("unit 4 answers")
	})
	want := "\r1 records\r4 of 9   \r      \rkioskd: unit 4 answers\r\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(user, got); err != nil || string(got) != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}
