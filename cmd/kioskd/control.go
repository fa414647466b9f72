package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	kiosk "kioskd"
	"kioskd/config"
	"kioskd/file"
	"kioskd/session"
	"kioskd/store"
	"kioskd/terminal"
)

// service is what a technician may ask of the terminal: by the running daemon, which
// owns the line, or directly while there is none.
type service interface {
	status(context.Context) (kiosk.TerminalStatus, error)
	pending(context.Context) (pendingHolds, error)
	release(ctx context.Context, receipt int) (released, error)
	endOfDay(ctx context.Context, force bool) (dayEnd, error)
	examine(context.Context) ([]finding, error)
}

// dayEnd is what an end-of-day came to.
type dayEnd struct {
	Terminal *kiosk.Money `json:"terminal,omitempty"` // what it counted, where it says so
	Journal  kiosk.Money  `json:"journal"`            // what the journal captured since the last one
	Agrees   bool         `json:"agrees"`
}

type pendingHolds struct {
	Receipts []int `json:"open_receipts"`
	Complete bool  `json:"complete"`
}

type released struct {
	Receipt int `json:"released_receipt_no"`
}

func pendingOf(open kiosk.OpenHolds) pendingHolds {
	return pendingHolds{append([]int{}, open.Receipts...), open.Complete}
}

// errNotOpen is for a receipt number that the terminal does not list.
func errNotOpen(receipt int, open kiosk.OpenHolds) error {
	return fmt.Errorf("the terminal has no open hold %d; open are %v", receipt, open.Receipts)
}

// errOwned is for a hold that the journal will settle by itself.
func errOwned(receipt int, x session.Session) error {
	return fmt.Errorf("hold %d belongs to session %s (money %s, power %s), which kioskd settles by itself", receipt,
		x.Reference, x.Money, x.Power)
}

// direct is a terminal without a daemon. The process that has it has the site.
type direct struct {
	t    *terminal.Terminal
	c    *config.Config
	lock *os.File
}

func (d direct) status(ctx context.Context) (kiosk.TerminalStatus, error) { return d.t.Status(ctx) }

func (d direct) pending(ctx context.Context) (pendingHolds, error) {
	open, err := d.t.Open(ctx)
	return pendingOf(open), err
}

// release gives back what no session of the journal has.
func (d direct) release(ctx context.Context, receipt int) (released, error) {
	if err := d.notOwned(ctx, receipt); err != nil {
		return released{}, err
	}
	open, err := d.t.Open(ctx)
	if err != nil {
		return released{}, err
	}
	if !slices.Contains(open.Receipts, receipt) && open.Complete {
		return released{}, errNotOpen(receipt, open)
	}
	_, err = d.t.Release(ctx, kiosk.ReleaseRequest{ReceiptNo: receipt,
		Record: func(kiosk.Booking) error { return nil }})
	return released{receipt}, err
}

func (d direct) notOwned(ctx context.Context, receipt int) error {
	journal, err := store.OpenReader(ctx, d.c.Journal)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer journal.Close()
	state, err := session.Replay(journal.OpenSessions(ctx))
	if err != nil {
		return err
	}
	if x, ok := state.Holding(receipt); ok {
		return fmt.Errorf("%w: start it", errOwned(receipt, x))
	}
	return nil
}

// owner is the terminal of a running daemon, inside it.
type owner struct {
	control *session.Controller
	t       *terminal.Terminal
}

func (o owner) status(ctx context.Context) (s kiosk.TerminalStatus, err error) {
	err = o.control.WithTerminal(ctx, func(ctx context.Context) (err error) { s, err = o.t.Status(ctx); return err })
	return s, err
}

func (o owner) open(ctx context.Context) (open kiosk.OpenHolds, err error) {
	err = o.control.WithTerminal(ctx, func(ctx context.Context) (err error) { open, err = o.t.Open(ctx); return err })
	return open, err
}

func (o owner) pending(ctx context.Context) (pendingHolds, error) {
	open, err := o.open(ctx)
	return pendingOf(open), err
}

// release lets the machine find the hold, so that the journal has what became of it.
func (o owner) release(ctx context.Context, receipt int) (released, error) {
	if x, ok := o.control.Snapshot().State.Holding(receipt); ok && x.Reason != session.ReasonOrphan {
		return released{}, errOwned(receipt, x)
	}
	open, err := o.open(ctx)
	if err != nil {
		return released{}, err
	}
	if !slices.Contains(open.Receipts, receipt) {
		return released{}, errNotOpen(receipt, open)
	}
	found := kiosk.OpenHolds{Receipts: []int{receipt}, TerminalID: open.TerminalID}
	if err := o.control.Do(ctx, session.Observation{What: session.TerminalSaid, Open: found,
		By: "operator"}); err != nil {
		return released{}, err
	}
	if _, ok := o.control.Snapshot().State.Holding(receipt); !ok {
		return released{}, fmt.Errorf("hold %d was not taken up: kioskd doctor says why", receipt)
	}
	return released{receipt}, o.control.Await(ctx, func(s session.State) (bool, error) {
		x, ok := s.Holding(receipt)
		if ok && (x.Money == session.ReleaseDelayed || x.Money == session.CaptureDelayed) {
			return false, fmt.Errorf("session %s: the terminal did not do it (%s); it is tried again at %s",
				x.Reference, x.Class, x.Due.Format(time.TimeOnly))
		}
		return !ok, nil
	})
}

// endOfDay lets the machine end the day: its events have what came of it.
func (o owner) endOfDay(ctx context.Context, force bool) (out dayEnd, err error) {
	before := o.control.Snapshot().State.Day
	if err := o.control.Do(ctx, session.Observation{What: session.DayEndAsked, Force: force}); err != nil {
		return out, err
	}
	err = o.control.Await(ctx, func(s session.State) (bool, error) {
		switch {
		case !s.Day.Asked.IsZero():
			return false, nil
		case s.Day.Ended.Equal(before.Ended):
			return false, errors.New("the terminal did not end its day; kioskd journal tail says why")
		}
		out.Terminal = s.Day.Counted
		return true, nil
	})
	out.Journal = before.Captured
	out.Agrees = out.Terminal != nil && *out.Terminal == out.Journal
	return out, err
}

// endOfDay without a daemon writes to the journal itself.
func (d direct) endOfDay(ctx context.Context, force bool) (out dayEnd, err error) {
	if err := file.Become(filepath.Dir(d.c.Journal)); err != nil {
		return out, err
	}
	d.lock.Close() // the journal takes the site itself
	journal, err := store.Open(ctx, d.c.Journal, systemClock(d.c))
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, journal.Close()) }()
	day, _, err := past(ctx, journal, d.c.Currency)
	if err != nil {
		return out, err
	}
	state, err := session.Replay(journal.OpenSessions(ctx))
	if err != nil {
		return out, err
	}
	open, err := d.t.Open(ctx)
	if err != nil {
		return out, err
	}
	state.Day = day
	rules := d.c.Rules
	if len(open.Receipts) > 0 && !rules.HoldsSurvive && !force {
		return out, fmt.Errorf("the terminal has the holds %v, which its end-of-day could take whole or drop: start "+
			"kioskd, or release them", open.Receipts)
	}
	write := func(o session.Observation) error {
		o.At, o.Untrusted = time.Now(), !synced(d.c.ClockRTC)()
		turn, err := rules.Turn(state, o, nil)
		if err != nil {
			return err
		}
		state = turn.State
		return journal.Append(ctx, turn.Entries...)
	}
	if err := write(session.Observation{What: session.DayEndAsked, Force: force}); err != nil {
		return out, err
	}
	total, endErr := d.t.EndOfDay(ctx)
	err = errors.Join(endErr, write(session.Observation{What: session.DayEndDone, Total: total, Err: endErr}))
	return dayEnd{Terminal: total, Journal: day.Captured, Agrees: total != nil && *total == day.Captured}, err
}

// serveControl answers commands on a socket until ctx ends.
func serveControl(ctx context.Context, l net.Listener, s owner, o *office) error {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(*http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			v, err := f(r)
			if err != nil {
				http.Error(w, err.Error(), http.StatusConflict)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			json.NewEncoder(w).Encode(v) // the caller may have gone
		})
	}
	handle("GET /terminal/status", func(r *http.Request) (any, error) { return s.status(r.Context()) })
	handle("GET /terminal/pending", func(r *http.Request) (any, error) { return s.pending(r.Context()) })
	handle("POST /terminal/release/{receipt}", func(r *http.Request) (any, error) {
		n, err := strconv.Atoi(r.PathValue("receipt"))
		if err != nil {
			return nil, err
		}
		return s.release(r.Context(), n)
	})
	handle("POST /terminal/end-of-day", func(r *http.Request) (any, error) {
		return s.endOfDay(r.Context(), r.FormValue("force") != "")
	})
	handle("GET /meters/scan", func(r *http.Request) (any, error) {
		first, err := strconv.Atoi(r.FormValue("from"))
		last, err2 := strconv.Atoi(r.FormValue("to"))
		err = errors.Join(err, err2)
		if err != nil {
			return nil, err
		}
		return o.scan(r.Context(), first, last)
	})
	handle("GET /doctor", func(r *http.Request) (any, error) {
		found, err := s.examine(r.Context())
		return append(found, o.finding()...), err
	})
	handle("GET /drain", func(r *http.Request) (any, error) {
		// a turn like any other: it is alive
		err := s.control.Do(r.Context(), session.Observation{What: session.Ticked})
		return s.underway(), err
	})
	handle("POST /drain", func(r *http.Request) (any, error) {
		return s.drain(r.Context(), r.FormValue("off") == "")
	})
	handle("GET /backoffice", func(r *http.Request) (any, error) { return o.status(r.Context()) })
	handle("POST /backoffice/again", func(r *http.Request) (any, error) { return o.again(r.Context()) })
	handle("POST /backoffice/now", func(r *http.Request) (any, error) { return o.now(r.Context()) })
	handle("POST /session/{reference}/refund", func(r *http.Request) (any, error) {
		return o.refund(r.Context(), r.PathValue("reference"), r.FormValue("amount"), r.FormValue("by"),
			r.FormValue("why"))
	})
	handle("POST /session/{reference}/stop", func(r *http.Request) (any, error) {
		return s.stop(r.Context(), r.PathValue("reference"), r.FormValue("by"))
	})
	handle("POST /fault/{code}/clear", func(r *http.Request) (any, error) {
		bay, err := strconv.Atoi(r.FormValue("bay"))
		if err != nil {
			return nil, fmt.Errorf("bay %q is not a number", r.FormValue("bay"))
		}
		return done{true}, s.control.ClearFault(r.Context(), kiosk.FaultCode(r.PathValue("code")), bay, "command")
	})
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	defer context.AfterFunc(ctx, func() { srv.Close() })()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// remote is the terminal of a running daemon, from outside.
type remote struct{ http http.Client }

func dialControl(socket string) remote {
	return remote{http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn,
		error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}}}
}

func query(values url.Values) string {
	if len(values) == 0 {
		return ""
	}
	return "?" + values.Encode()
}

func (r remote) ask(ctx context.Context, method, path string, values url.Values, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, (&url.URL{Scheme: "http",
		Host: "kioskd"}).JoinPath(path).String()+query(values), nil)
	if err != nil {
		return err
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return fmt.Errorf("cannot reach the daemon: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
		return errors.Join(errors.New(strings.TrimSpace(string(text))), err)
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

func (r remote) status(ctx context.Context) (s kiosk.TerminalStatus, err error) {
	return s, r.ask(ctx, http.MethodGet, "/terminal/status", nil, &s)
}

func (r remote) pending(ctx context.Context) (h pendingHolds, err error) {
	return h, r.ask(ctx, http.MethodGet, "/terminal/pending", nil, &h)
}

func (r remote) release(ctx context.Context, receipt int) (x released, err error) {
	return x, r.ask(ctx, http.MethodPost, fmt.Sprintf("/terminal/release/%d", receipt), nil, &x)
}

func (r remote) endOfDay(ctx context.Context, force bool) (d dayEnd, err error) {
	values := url.Values{}
	if force {
		values.Set("force", "1")
	}
	return d, r.ask(ctx, http.MethodPost, "/terminal/end-of-day", values, &d)
}

func (r remote) examine(ctx context.Context) (f []finding, err error) {
	return f, r.ask(ctx, http.MethodGet, "/doctor", nil, &f)
}

// serviceLimit is how long a command waits for the terminal: a card dialogue that is
// under way comes first.
const serviceLimit = 3 * time.Minute

// withTerminal runs f with the site's terminal, through the daemon while it runs, and prints
// its answer.
func (p program) withTerminal(ctx context.Context, fs *flag.FlagSet, args []string, want int,
	f func(context.Context, service, []string) (any, error)) error {
	return p.withSite(ctx, fs, args, want, func(ctx context.Context, _ *config.Config, s service, args []string) error {
		answer, err := f(ctx, s, args)
		if err != nil {
			return err
		}
		return p.json(answer)
	})
}

// withSite runs f with a site's configuration and devices.
func (p program) withSite(ctx context.Context, fs *flag.FlagSet, args []string, want int,
	f func(context.Context, *config.Config, service, []string) error) error {
	path := fs.String("config", "/etc/kioskd/kioskd.yaml", "configuration `file`")
	args, err := parse(fs, args, want)
	if err != nil {
		return err
	}
	c, err := p.config(*path)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, serviceLimit)
	defer cancel()
	s, end, err := reach(ctx, c)
	if err != nil {
		return err
	}
	defer end()
	return f(ctx, c, s, args)
}

// How long a command waits for a daemon that is about to come: one that ended without a word is
// started again; one that has the site already will answer.
const (
	comesBack = 5 * time.Second
	answersIn = 15 * time.Second
)

// errTaken is of a site that a program has which answers no commands.
var errTaken = errors.New("somebody has the site and does not answer: kioskd setup or another command, or a kioskd " +
	"that does not come up (journalctl --namespace=kioskd)")

// reach finds the site's devices: by the daemon that has them, or directly, and then no daemon
// gets the site until end.
func reach(ctx context.Context, c *config.Config) (s service, end func(), err error) {
	started := time.Now()
	for {
		if running(c.Control()) {
			return dialControl(c.Control()), func() {}, nil
		}
		killed := config.Exists(c.Control()) // one that ends in order takes its socket away
		if !killed || time.Since(started) > comesBack {
			lock, err := store.Lock(c.Journal)
			// nowhere to keep a journal: nobody sells here
			if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EROFS) {
				return reachDirectly(c, lock)
			}
			if !errors.Is(err, store.ErrInUse) {
				return nil, nil, err
			}
			if time.Since(started) > answersIn {
				return nil, nil, errTaken
			}
		}
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// reachDirectly takes the devices; lock, which may be nil, is given up by end.
func reachDirectly(c *config.Config, lock *os.File) (service, func(), error) {
	dial, err := terminal.DialAddress(c.TerminalAddress)
	if err != nil {
		lock.Close()
		return nil, nil, err
	}
	t := terminal.New(dial, c.Terminal, quietLog())
	return direct{t, c, lock}, func() {
		t.Close()
		lock.Close() // it may be already
	}, nil
}

func (p program) terminalStatus(ctx context.Context, fs *flag.FlagSet, args []string) error {
	return p.withTerminal(ctx, fs, args, 0, func(ctx context.Context, s service, _ []string) (any,
		error) {
		return s.status(ctx)
	})
}

func (p program) terminalPending(ctx context.Context, fs *flag.FlagSet, args []string) error {
	return p.withTerminal(ctx, fs, args, 0, func(ctx context.Context, s service, _ []string) (any,
		error) {
		return s.pending(ctx)
	})
}

func (p program) terminalEndOfDay(ctx context.Context, fs *flag.FlagSet, args []string) error {
	force := fs.Bool("force", false, "although bookings wait that the terminal refuses until its end-of-day; it may "+
		"take their holds whole")
	return p.withTerminal(ctx, fs, args, 0, func(ctx context.Context, s service, _ []string) (any,
		error) {
		return s.endOfDay(ctx, *force)
	})
}

func (p program) terminalRelease(ctx context.Context, fs *flag.FlagSet, args []string) error {
	return p.withTerminal(ctx, fs, args, 1, func(ctx context.Context, s service, args []string) (any, error) {
		n, err := strconv.Atoi(args[0])
		if err != nil || n < 1 || n > 9999 {
			return nil, usagef("terminal release: %q is not a receipt number from 1 to 9999", args[0])
		}
		x, err := s.release(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("cannot release hold %d: %w", n, err)
		}
		return x, nil
	})
}
