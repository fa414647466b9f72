package setup

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/term"

	"kioskd/cli"
)

// asker puts questions, a line each: a form that fills the screen would help no person at a serial
// console, behind ssh on a telephone, or with a screen reader. Without a person to ask it collects
// what was not answered.
type asker struct {
	p          cli.Program
	given      map[string]string // by flag
	unattended bool
	missing    []string
	in         *bufio.Reader // of what is no terminal
}

func newAsker(p cli.Program, given map[string]string, unattended bool) *asker {
	return &asker{p: p, given: given, unattended: unattended, in: bufio.NewReader(p.In)}
}

// question is one, its answer a flag, too.
type question struct {
	flag, title, help string
	def               string
	optional          bool
	amount            bool     // a comma is a point
	options           []string // to choose from; nil for a text
	check             func(string) error
}

// read is what was meant by an answer.
func (q question) read(s string) string {
	if q.amount {
		s = strings.Replace(s, ",", ".", 1)
	}
	return s
}

// valid checks an answer.
func (q question) valid(s string) error {
	switch {
	case s == "" && q.optional:
		return nil
	case s == "":
		return errors.New("this is needed")
	case q.options != nil && !slices.Contains(q.options, s):
		return fmt.Errorf("want %s", strings.Join(q.options, " or "))
	case q.check != nil:
		return q.check(s)
	}
	return nil
}

// errBack is of a person who wants the question before once more.
var errBack = errors.New("the question before is wanted")

// steps asks one question after the other, and goes back where a person wants that.
func steps(list ...func() error) error {
	for i := 0; i < len(list); {
		switch err := list[i](); {
		case errors.Is(err, errBack):
			i = max(0, i-1)
		case err != nil:
			return err
		default:
			i++
		}
	}
	return nil
}

// Answers that are not meant as such.
const (
	backWord  = "<"
	emptyWord = "-"
)

// errEnded is of a person who gave up, or an input that ended before the questions did.
var errEnded = errors.New("given up: not every question was answered")

// ask is the answer: that of the flag, or what a person says.
func (a *asker) ask(ctx context.Context, q question) (string, error) {
	if v, ok := a.given[q.flag]; ok {
		v = q.read(v)
		if err := q.valid(v); err != nil {
			return "", cli.Usagef("setup: --%s %q: %w", q.flag, v, err)
		}
		return v, nil
	}
	if a.unattended {
		if q.valid(q.def) != nil {
			a.missing = append(a.missing, "--"+q.flag)
		}
		return q.def, nil
	}
	if q.help != "" {
		fmt.Fprintf(a.p.Out, "\n%s\n", q.help)
	}
	for i, o := range q.options {
		fmt.Fprintf(a.p.Out, "  %d  %s\n", i+1, o)
	}
	prompt := q.title
	switch {
	case q.def != "" && q.optional:
		prompt += " [" + q.def + ", or " + emptyWord + " for nothing]"
	case q.def != "":
		prompt += " [" + q.def + "]"
	case q.optional:
		prompt += " (or nothing)"
	}
	for ctx.Err() == nil {
		s, err := a.line(prompt + ": ")
		if err != nil {
			return "", err
		}
		switch {
		case s == backWord:
			return "", errBack
		case s == emptyWord && q.optional:
			return "", nil
		}
		s = cmp.Or(q.read(s), q.def)
		if n, err := strconv.Atoi(s); err == nil && n >= 1 && n <= len(q.options) {
			s = q.options[n-1]
		}
		if err := q.valid(s); err != nil {
			fmt.Fprintf(a.p.Out, "  %v\n", err)
			continue
		}
		return s, nil
	}
	return "", ctx.Err()
}

// sure asks for a yes or a no.
func (a *asker) sure(ctx context.Context, title string, def bool) (bool, error) {
	if a.unattended {
		return def, nil
	}
	q := question{title: title + " (yes or no)", def: "no", check: func(s string) error {
		if !slices.Contains([]string{"y", "yes", "n", "no"}, strings.ToLower(s)) {
			return errors.New("want yes or no")
		}
		return nil
	}}
	if def {
		q.def = "yes"
	}
	var s string
	err := steps(func() (err error) { s, err = a.ask(ctx, q); return err })
	return strings.HasPrefix(strings.ToLower(s), "y"), err
}

// choose asks for some of a list.
func (a *asker) choose(ctx context.Context, title string, options []string) ([]string, error) {
	for i, o := range options {
		fmt.Fprintf(a.p.Out, "  %d  %s\n", i+1, o)
	}
	chosen := func(s string) (out []string, err error) {
		for _, word := range splitList(s) {
			n, err := strconv.Atoi(word)
			if err != nil || n < 1 || n > len(options) {
				return nil, fmt.Errorf("%q: want numbers from 1 to %d", word, len(options))
			}
			out = append(out, options[n-1])
		}
		return out, nil
	}
	said, err := a.ask(ctx, question{title: title + " Numbers", optional: true,
		check: func(s string) error { _, err := chosen(s); return err }})
	if err != nil {
		return nil, err
	}
	return chosen(said)
}

// line reads a line, at a terminal with its editing.
func (a *asker) line(prompt string) (string, error) {
	if f, ok := a.p.In.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return a.edited(f, prompt)
	}
	fmt.Fprint(a.p.Out, prompt)
	s, err := a.in.ReadString('\n')
	if fmt.Fprintln(a.p.Out); errors.Is(err, io.EOF) && s == "" {
		return "", errEnded
	} else if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimSpace(s), nil
}

func (a *asker) edited(f *os.File, prompt string) (s string, err error) {
	was, err := term.MakeRaw(int(f.Fd()))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, term.Restore(int(f.Fd()), was)) }()
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{f, a.p.Out}, prompt)
	if wide, high, err := term.GetSize(int(f.Fd())); err == nil && wide > 0 {
		if err := t.SetSize(wide, high); err != nil {
			return "", err
		}
	}
	s, err = t.ReadLine()
	if errors.Is(err, io.EOF) {
		return "", errEnded
	}
	return strings.TrimSpace(s), err
}

// incomplete names the questions that no person was there to answer.
func (a *asker) incomplete() error {
	if len(a.missing) == 0 {
		return nil
	}
	slices.Sort(a.missing)
	return cli.Usagef("setup: with --yes these are needed: %s", strings.Join(slices.Compact(a.missing), ", "))
}
