package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	kiosk "kioskd"
	"net/http"
	"net/url"
	"os/user"
	"strconv"
	"strings"
	"time"

	"kioskd/session"
)

// What an operator does to a running daemon. Each is an observation like any other: the
// machine decides, and the journal has it.

// done is the answer to what has no other.
type done struct {
	Done bool `json:"done"`
}

// drained is what a drain still waits for.
type drained struct {
	Waiting []string `json:"waiting_for"`
}

// drain stops or goes on with new business, and says what is under way.
func (o owner) drain(ctx context.Context, on bool) (drained, error) {
	err := o.control.Do(ctx, session.Observation{What: session.DrainAsked, Raised: on})
	return o.underway(), err
}

// underway says what is.
func (o owner) underway() drained {
	return drained{append([]string{}, o.control.Snapshot().State.Underway()...)}
}

// stop ends a running session.
func (o owner) stop(ctx context.Context, reference, by string) (done, error) {
	if by == session.ByScreen || by == session.ByCode || by == session.ByCard {
		return done{}, fmt.Errorf("%q is what a driver at the kiosk is written down as: say who stops the session", by)
	}
	for _, x := range o.control.Snapshot().State.Sessions {
		if x.Reference == reference && x.Paper != session.PaperClosed {
			return done{true}, o.control.Do(ctx, session.Observation{What: session.StopPressed, Session: x.ID, By: by})
		}
	}
	return done{}, fmt.Errorf("session %s %w", reference, errNoSession)
}

// errNoSession is of a session that has ended, or never was.
var errNoSession = errors.New("is not open")

// withDaemon runs f with a running daemon.
func (p program) withDaemon(path string, f func(remote) error) error {
	c, err := p.config(path)
	if err != nil {
		return err
	}
	if !running(c.Control()) {
		return fmt.Errorf("kioskd does not run: nothing answers at %s", c.Control())
	}
	return f(dialControl(c.Control()))
}

// drainLimit is how long a driver who charges is waited for.
const drainLimit = 30 * time.Minute

func (p program) drain(ctx context.Context, fs *flag.FlagSet, args []string) error {
	path := fs.String("config", "/etc/kioskd/kioskd.yaml", "configuration `file`")
	off := fs.Bool("off", false, "sell again")
	look := fs.Bool("ask", false, "only say what is open, and change nothing")
	limit := fs.Duration("for", drainLimit, "longest `time` to wait")
	if _, err := parse(fs, args, 0); err != nil {
		return err
	}
	return p.withDaemon(*path, func(r remote) error {
		switch {
		case *look:
			var d drained
			err := r.ask(ctx, http.MethodGet, "/drain", nil, &d)
			if err == nil {
				fmt.Fprintln(p.out, cmp.Or(strings.Join(d.Waiting, ", "), "nothing is open"))
			}
			return err
		case *off:
			return r.sell(ctx)
		}
		if err := p.untilDrained(ctx, r, *limit); err != nil {
			return err
		}
		fmt.Fprintln(
			p.out, "Nothing is open: kioskd may be stopped. It sells again when it is started, or with drain --off.")
		return nil
	})
}

// sell ends a drain.
func (r remote) sell(ctx context.Context) error {
	return r.ask(ctx, http.MethodPost, "/drain", url.Values{"off": {"1"}}, new(drained))
}

// untilDrained has nothing new sold, and waits for what is open.
func (p program) untilDrained(ctx context.Context, r remote, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	last := ""
	for {
		var d drained
		if err := r.ask(ctx, http.MethodPost, "/drain", nil, &d); err != nil {
			return err
		}
		if len(d.Waiting) == 0 {
			return nil
		}
		if now := strings.Join(d.Waiting, ", "); now != last {
			fmt.Fprintf(p.out, "waiting for %s\n", now)
			last = now
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("still open after %v: %s; nothing new is sold until drain --off or a restart", limit,
				last)
		case <-time.After(time.Second):
		}
	}
}

// nameOperator is who types, where --by does not say it.
func nameOperator(by *string) error {
	if *by != "" {
		return nil
	}
	me, err := user.Current()
	if err != nil {
		return usagef("--by is needed: %w", err)
	}
	*by = me.Username
	return nil
}

func (p program) sessionStop(ctx context.Context, fs *flag.FlagSet, args []string) error {
	path := fs.String("config", "/etc/kioskd/kioskd.yaml", "configuration `file`")
	by := fs.String("by", "", "`name` that the journal keeps; yours without it")
	args, err := parse(fs, args, 1)
	if err != nil {
		return err
	}
	ref, err := kiosk.ParseReference(args[0])
	if err != nil {
		return usageError{err}
	}
	if err := nameOperator(by); err != nil {
		return err
	}
	return p.withDaemon(*path, func(r remote) error {
		return r.ask(ctx, http.MethodPost, "/session/"+ref+"/stop", url.Values{"by": {*by}}, new(done))
	})
}

func (p program) faultClear(ctx context.Context, fs *flag.FlagSet, args []string) error {
	path := fs.String("config", "/etc/kioskd/kioskd.yaml", "configuration `file`")
	bay := fs.Int("bay", 0, "`number` of the bay; 0 for the site")
	args, err := parse(fs, args, 1)
	if err != nil {
		return err
	}
	if _, ok := kiosk.FaultByCode(kiosk.FaultCode(args[0])); !ok {
		return usagef("fault clear: there is no fault %q", args[0])
	}
	return p.withDaemon(*path, func(r remote) error {
		return r.ask(ctx, http.MethodPost, "/fault/"+args[0]+"/clear", url.Values{"bay": {strconv.Itoa(*bay)}},
			new(done))
	})
}
