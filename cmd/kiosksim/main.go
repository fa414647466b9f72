// Kiosksim is the world that kioskd is tried in: simulated terminals, meters, boards, back offices and whole sites, a
// demonstration, and torture. kioskd demo, simulate and torture start it; a kiosk that sells needs none of it.
package main

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"kioskd/cli"
)

func main() {
	p := newProgram(filepath.Base(os.Args[0]), os.Stdin, os.Stdout, os.Stderr)
	cli.Main(func(ctx context.Context) int { return p.Run(ctx, p.commands(), os.Args[1:]) })
}

// program is the command line of kiosksim. It speaks under the name of the program that started it.
type program struct{ cli.Program }

func newProgram(name string, in io.Reader, out, err io.Writer) program {
	return program{cli.Program{Name: name, About: "kiosksim is the world that kioskd is tried in.", In: in, Out: out,
		Err: err}}
}

func (p program) commands() []cli.Command {
	flags := map[string]func(*pflag.FlagSet) cli.Run{"demo": p.demo, "simulate terminal": p.simulateTerminal,
		"simulate meter": p.simulateMeter, "simulate board": p.simulateBoard, "simulate backoffice": p.simulateOffice,
		"simulate site": p.simulateSite, "simulate charger": p.simulateCharger, "torture": p.torture}
	commands := cli.World()
	for i, c := range commands {
		commands[i].Flags = flags[c.Name]
	}
	return commands
}
