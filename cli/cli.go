// Package cli is what the command lines of kioskd and its simulated world share: commands of one or two words with
// flags and arguments in any order, help with an example, listings as a table, JSON or CSV, and the exit status: 0 for
// what was done, 1 for what failed, 2 for wrong usage or wrong input.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// Program is a command line with its streams.
type Program struct {
	Name  string // kioskd
	About string // what it does, one sentence
	In    io.Reader
	Out   io.Writer
	Err   io.Writer
}

// Run is what a command does, with its own flags yet to be read.
type Run func(ctx context.Context, flags *flag.FlagSet, args []string) error

// Command is one thing that a program does.
type Command struct {
	Name    string // one or two words
	Summary string
	Example string
	Run     Run
}

// UsageError is wrong usage or wrong input: exit status 2.
type UsageError struct{ error }

// Usage makes an error one of usage.
func Usage(err error) error { return UsageError{err} }

// Unwrap is the error itself.
func (u UsageError) Unwrap() error { return u.error }

// Usagef is an error of usage.
func Usagef(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// ErrSilent is a failure that was printed already.
var ErrSilent = errors.New("")

// Run finds a command, runs it, prints its error, and returns the exit status.
func (p Program) Run(ctx context.Context, commands []Command, args []string) int {
	c, rest, ok := find(commands, args)
	if !ok {
		return p.usage(commands, args)
	}
	fs := flag.NewFlagSet(p.Name+" "+c.Name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	err := c.Run(ctx, fs, rest)
	var wrong UsageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(p.Out, "%s %s: %s\n\nExample:\n  %s\n", p.Name, c.Name, c.Summary, c.Example)
		printFlags(p.Out, fs)
		return 0
	case errors.As(err, &wrong):
		if wrong.Error() != "" {
			fmt.Fprintf(p.Err, "%s: %v\n", p.Name, wrong)
		}
		return 2
	}
	if !errors.Is(err, ErrSilent) {
		fmt.Fprintf(p.Err, "%s: %v\n", p.Name, err)
	}
	return 1
}

// printFlags lists flags as a user types them.
func printFlags(w io.Writer, fs *flag.FlagSet) {
	title := "\nFlags:\n"
	fs.VisitAll(func(f *flag.Flag) {
		value, usage := flag.UnquoteUsage(f)
		switch f.DefValue {
		case "", "0", "0s", "false":
		default:
			usage += fmt.Sprintf(" (%s without it)", f.DefValue)
		}
		fmt.Fprintf(w, "%s  %s\n    \t%s\n", title, strings.TrimSpace("--"+f.Name+" "+value), usage)
		title = ""
	})
}

// find is the command whose words come first, of two the longer.
func find(commands []Command, args []string) (found Command, rest []string, ok bool) {
	for _, c := range commands {
		n := len(strings.Fields(c.Name))
		if len(args) >= n && strings.Join(args[:n], " ") == c.Name && len(c.Name) > len(found.Name) {
			found, rest, ok = c, args[n:], true
		}
	}
	return found, rest, ok
}

// usage lists the commands, or those of a group such as meter; it fails where something else was asked for.
func (p Program) usage(commands []Command, args []string) int {
	help := func(s string) bool { return s == "--help" || s == "-h" || s == "help" }
	group := ""
	if len(args) > 0 && !help(args[0]) {
		group = args[0] + " "
	}
	var listed []Command
	for _, c := range commands {
		if strings.HasPrefix(c.Name, group) {
			listed = append(listed, c)
		}
	}
	out, code := p.Out, 0
	switch {
	case len(args) == 1 && help(args[0]):
	case len(args) == 2 && help(args[1]) && len(listed) > 0:
	default:
		out, code = p.Err, 2
		if len(args) > 0 {
			fmt.Fprintf(out, "%s: unknown command %q\n\n", p.Name, strings.Join(args, " "))
		}
		if len(listed) == 0 {
			listed = commands
		}
	}
	fmt.Fprintf(out, "%s\n\nCommands (each has --help):\n", p.About)
	for _, c := range listed {
		fmt.Fprintf(out, "  %-20s %s\n", c.Name, c.Summary)
	}
	return code
}

// Parse reads flags and arguments in any order, and checks the number of arguments; -1 is any.
func Parse(fs *flag.FlagSet, args []string, want int) (rest []string, err error) {
	_, name, _ := strings.Cut(fs.Name(), " ")
	for {
		if err := fs.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, Usagef("%s: %w", name, err)
		}
		if fs.NArg() == 0 {
			break
		}
		rest, args = append(rest, fs.Arg(0)), fs.Args()[1:]
	}
	if want >= 0 && len(rest) != want {
		return nil, Usagef("%s: want %d arguments, got %d", name, want, len(rest))
	}
	return rest, nil
}

// Note tells a person at a terminal what is being waited for.
func (p Program) Note(what string) {
	if f, ok := p.Err.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			fmt.Fprintf(p.Err, "%s: %s\n", p.Name, what)
		}
	}
}

// Waiting tells for which sessions a drain waits.
func (p Program) Waiting(sessions string) { fmt.Fprintf(p.Out, "waiting for %s\n", sessions) }

// BadInput is an error of usage; one that has several faults has them printed, one a line.
func (p Program) BadInput(err error) error {
	var bad interface{ Lines() []string }
	if !errors.As(err, &bad) {
		return Usage(err)
	}
	for _, l := range bad.Lines() {
		fmt.Fprintln(p.Err, l)
	}
	return Usage(ErrSilent)
}
