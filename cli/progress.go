package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Note tells a person at a terminal what is being waited for.
func (p Program) Note(what string) {
	if p.watched() {
		fmt.Fprintf(p.Err, "%s: %s\n", p.Name, what)
	}
}

// watched tells whether a person sees what is printed about the work itself.
func (p Program) watched() bool { return terminal(p.Err) }

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Progress shows a person at a terminal how far a long work is: on one line, which is written over, from the third
// second on. It has no colour. A file and another program get none of it.
type Progress struct {
	p     Program
	began time.Time
	last  time.Time
	width int // of what stands on the line
}

// Progress begins to show one.
func (p Program) Progress() *Progress { return &Progress{p: p, began: time.Now()} }

// How long a work may take before a person wants to know, and how often they look.
const (
	progressAfter = 2 * time.Second
	progressEvery = 200 * time.Millisecond
)

// Now tells how far the work is.
func (g *Progress) Now(state string) {
	now := time.Now()
	if now.Sub(g.began) < progressAfter || now.Sub(g.last) < progressEvery || !g.p.watched() {
		return
	}
	g.last = now
	g.write(state)
}

// Note tells what stays to be read.
func (g *Progress) Note(what string) {
	g.End()
	g.p.Note(what)
}

// End takes the line away.
func (g *Progress) End() {
	if g.width > 0 {
		g.write("")
		fmt.Fprint(g.p.Err, "\r")
	}
}

// Counted is a writer whose writes are counted, as so many things of a kind; where they go to a terminal they are seen
// anyway.
func (g *Progress) Counted(w io.Writer, what string) io.Writer {
	if terminal(w) {
		return w
	}
	return &counted{w, g, what, 0}
}

type counted struct {
	io.Writer
	g    *Progress
	what string
	n    int64
}

func (c *counted) Write(b []byte) (int, error) {
	c.n++
	c.g.Now(fmt.Sprintf("%d %s", c.n, c.what))
	return c.Writer.Write(b)
}

func (g *Progress) write(state string) {
	fmt.Fprintf(g.p.Err, "\r%s%s", state, strings.Repeat(" ", max(0, g.width-len(state))))
	g.width = len(state)
}
