// Package cli is what the command lines of kioskd and its simulated world share: commands of one or two words with
// flags and arguments in any order, help with an example, listings as a table, JSON or CSV, and the exit status: 0 for
// what was done, 1 for what failed, 2 for wrong usage or wrong input. Cobra reads the words and the flags, proposes the
// nearest command for a word that is none, and makes the shells' completions.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Program is a command line with its streams.
type Program struct {
	Name  string // kioskd
	About string // what it does, one sentence
	In    io.Reader
	Out   io.Writer
	Err   io.Writer
}

// Run is what a command does.
type Run func(ctx context.Context, args []string) error

// Command is one thing that a program does. Args names its arguments, such as "REFERENCE AMOUNT", of which the command
// gets as many as it names, or "[HEX]..." for any number; the empty one is none. Flags declares its flags, and returns
// what it does once they are read.
type Command struct {
	Name    string // one or two words
	Args    string
	Summary string
	Example string
	Flags   func(*pflag.FlagSet) Run
	// Raw is in place of Flags where another program reads the flags and does the rest.
	Raw Run
}

// UsageError is wrong usage or wrong input: exit status 2.
type UsageError struct{ error }

// Usage makes an error one of usage.
func Usage(err error) error { return UsageError{err} }

// Unwrap is the error itself.
func (u UsageError) Unwrap() error { return u.error }

// Usagef is an error of usage.
func Usagef(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// Listening is an error of usage where an address cannot be listened at.
func Listening(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "listen" {
		return Usage(err)
	}
	return err
}

// ErrSilent is a failure that was printed already.
var ErrSilent = errors.New("")

// Run finds a command, runs it, prints its error, and returns the exit status.
func (p Program) Run(ctx context.Context, commands []Command, args []string) int {
	root := p.tree(commands)
	if len(args) > 0 && args[0] == cobra.ShellCompRequestCmd {
		plain(root)
	}
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var wrong UsageError
	code := 1
	switch {
	case err == nil:
		return 0
	case errors.As(err, &wrong):
		code = 2
	}
	if err.Error() != "" && !errors.Is(err, ErrSilent) {
		fmt.Fprintf(p.Err, "%s: %v\n", p.Name, err)
	}
	return code
}

// tree makes the commands cobra's. Two words are a command in a group.
func (p Program) tree(commands []Command) *cobra.Command {
	root := p.group(p.Name, p.About)
	root.SetIn(p.In)
	root.SetOut(p.Out)
	root.SetErr(p.Err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return Usagef("%s: %w", p.words(c), err)
	})
	// A group does nothing by itself.
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{if .Runnable}}",
		"{{if not .HasAvailableSubCommands}}", 1))
	groups := map[string]*cobra.Command{}
	for _, c := range commands {
		parent, name := root, c.Name
		if first, second, ok := strings.Cut(c.Name, " "); ok {
			if groups[first] == nil {
				groups[first] = p.group(first, "")
				root.AddCommand(groups[first])
			}
			parent, name = groups[first], second
		}
		parent.AddCommand(p.leaf(c, name))
	}
	for _, g := range groups {
		g.Short = "has the commands " + strings.Join(names(g), ", ")
	}
	return root
}

// plain takes the marks out of what flags are for, which a shell would show.
func plain(c *cobra.Command) {
	c.Flags().VisitAll(func(f *pflag.Flag) { f.Usage = strings.ReplaceAll(f.Usage, "`", "") })
	for _, sub := range c.Commands() {
		plain(sub)
	}
}

// words are those of a command, without the program's.
func (p Program) words(c *cobra.Command) string {
	return strings.TrimPrefix(c.CommandPath(), c.Root().Name()+" ")
}

func names(group *cobra.Command) (all []string) {
	for _, c := range group.Commands() {
		all = append(all, c.Name())
	}
	return all
}

// group is a word that does nothing by itself.
func (p Program) group(name, about string) *cobra.Command {
	return &cobra.Command{Use: name, Short: about, Long: about, SilenceErrors: true, SilenceUsage: true,
		SuggestionsMinimumDistance: 2, Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				c.SetOut(p.Err)
				return errors.Join(c.Usage(), Usage(ErrSilent))
			}
			nearest := ""
			if near := c.SuggestionsFor(args[0]); len(near) > 0 {
				nearest = fmt.Sprintf(": did you mean %s?", strings.Join(near, " or "))
			}
			return Usagef("unknown command %q%s\n%s --help lists the commands",
				strings.TrimSpace(strings.Join(append(strings.Fields(c.CommandPath())[1:], args[0]), " ")), nearest,
				c.CommandPath())
		}}
}

// leaf is a command that does something.
func (p Program) leaf(c Command, name string) *cobra.Command {
	out := &cobra.Command{Use: strings.TrimSpace(name + " " + c.Args), Short: c.Summary, Example: "  " + c.Example,
		SilenceErrors: true, SilenceUsage: true, ValidArgsFunction: cobra.NoFileCompletions}
	if c.Raw != nil {
		out.DisableFlagParsing = true
		out.RunE = func(o *cobra.Command, args []string) error { return c.Raw(o.Context(), args) }
		return out
	}
	run := c.Flags(out.Flags())
	out.DisableFlagsInUseLine = !out.Flags().HasFlags()
	if out.Flags().Lookup("format") != nil {
		forms := cobra.FixedCompletions([]string{"table", "json", "csv"}, cobra.ShellCompDirectiveNoFileComp)
		if err := out.RegisterFlagCompletionFunc("format", forms); err != nil {
			panic(err) // the flag is there
		}
	}
	if c.Args != "" {
		out.ValidArgsFunction = nil // an argument may be a file
	}
	out.Args = func(o *cobra.Command, args []string) error { return p.number(o, c.Args, args) }
	out.RunE = func(o *cobra.Command, args []string) error { return run(o.Context(), args) }
	return out
}

// number checks how many arguments there are.
func (p Program) number(o *cobra.Command, names string, args []string) error {
	want := len(strings.Fields(names))
	switch {
	case strings.HasSuffix(names, "...") || len(args) == want:
		return nil
	case want == 0:
		return Usagef("%s: want no argument, got %q", p.words(o), args[0])
	}
	return Usagef("%s: want %s, got %d arguments", p.words(o), names, len(args))
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
