package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"text/tabwriter"
	"time"

	kiosk "kioskd"
	"kioskd/backoffice"
	"kioskd/config"
	"kioskd/ocpi"
	"kioskd/receipt"
	"kioskd/session"
	"kioskd/store"
)

// office is what an operator asks of a running daemon about its back office, and about money
// that was given back elsewhere.
type office struct {
	c       *config.Config
	journal *store.Store
	control *session.Controller
	up      *uplink // nil for none
	devices *devices

	refunding sync.Mutex // one after the other: each looks at what is left
}

// uplinkStatus is how things stand.
type uplinkStatus struct {
	Configured bool   `json:"configured"`
	URL        string `json:"url,omitempty"`
	backoffice.Status
	Backlog    int64           `json:"backlog"` // records that are not acknowledged, the parked with them
	Parked     []kiosk.Refusal `json:"parked"`
	Checkpoint string          `json:"checkpoint,omitempty"` // the last that both signed
}

func (o *office) status(ctx context.Context) (out uplinkStatus, err error) {
	if o.up != nil {
		out.Configured, out.URL, out.Status = true, o.c.Uplink.Servers, o.up.Status()
	}
	var err1, err2, err3 error
	out.Backlog, err1 = o.journal.Backlog(ctx)
	out.Parked, err2 = o.journal.Parked(ctx)
	_, out.Checkpoint, err3 = o.journal.Acked(ctx)
	return out, errors.Join(err1, err2, err3)
}

// finding is what the doctor says of the back office; nothing without one.
func (o *office) finding() []finding {
	if o.up == nil {
		return nil
	}
	st := o.up.Status()
	f := finding{Device: "back office", Identity: o.c.Uplink.Servers, OK: st.Class == backoffice.Connected,
		What: string(st.Class)}
	if st.Why != "" {
		f.What, f.Fault = st.Why, kiosk.FaultOfficeSilent
	}
	return []finding{f}
}

// checkOffice asks the back office itself, while no daemon does.
func (d direct) checkOffice(ctx context.Context) finding {
	return check("back office", kiosk.FaultOfficeSilent, func() (string, error) {
		journal, err := store.OpenReader(ctx, d.c.Journal)
		if err != nil {
			return "", err
		}
		defer journal.Close()
		if _, err := os.Stat(checkpointKeyPath(d.c)); err != nil {
			return "", fmt.Errorf("it has no key yet that signs its checkpoints: start kioskd once (%w)", err)
		}
		clock := session.NewClock(time.Now, synced(d.c.ClockRTC))
		sync, err := newSync(d.c, journal, clock, &instructed{}, quietLog())
		if err != nil {
			return "", err
		}
		a, err := sync.Ask(ctx)
		return fmt.Sprintf("%s has %d records", d.c.Uplink.Servers, a.Seq), err
	})
}

// errNoOffice is for what needs one.
var errNoOffice = errors.New("no back office is configured")

func (o *office) again(ctx context.Context) (done, error) {
	if o.up == nil {
		return done{}, errNoOffice
	}
	err := o.journal.SendAgain(ctx)
	o.up.Hurry()
	return done{true}, err
}

func (o *office) now(context.Context) (done, error) {
	if o.up == nil {
		return done{}, errNoOffice
	}
	o.up.Hurry()
	return done{true}, nil
}

// refund writes down that a person gave money back outside of the terminal, which needs the
// card for it. It never exceeds what was taken.
func (o *office) refund(ctx context.Context, reference, amount, by, why string) (refunded, error) {
	o.refunding.Lock()
	defer o.refunding.Unlock()
	out := refunded{Reference: reference}
	id, err := o.journal.Find(ctx, reference)
	if err != nil {
		return out, err
	}
	r, err := receipt.From(ctx, o.journal.Session(ctx, id), o.journal.TreeHash)
	if err != nil {
		return out, err
	}
	if !r.Settled || r.Paid.Minor == 0 {
		return out, fmt.Errorf("nothing was taken for session %s", reference)
	}
	out.Left = r.Paid
	if r.Refunded != nil {
		out.Left = out.Left.Sub(*r.Refunded)
	}
	out.Refunded, err = kiosk.ParseMoney(amount, out.Left.Currency)
	if err != nil {
		return out, err
	}
	if out.Refunded.Minor <= 0 || out.Refunded.Minor > out.Left.Minor {
		return out, fmt.Errorf("cannot refund %v: %v is left of what was taken", out.Refunded, out.Left)
	}
	credits, err := ocpi.Refund(o.journal.Session(ctx, id), out.Left, out.Refunded, why, o.control.Snapshot().At)
	if err != nil {
		return out, err
	}
	out.Left = out.Left.Sub(out.Refunded)
	return out, o.control.Do(context.WithoutCancel(ctx), session.Observation{What: session.RefundTold, Session: id,
		Amount: &out.Refunded, By: by, Note: why, Derived: credits})
}

// refunded is what came of it.
type refunded struct {
	Reference string      `json:"reference"`
	Refunded  kiosk.Money `json:"refunded"`
	Left      kiosk.Money `json:"left"` // of what was taken
}

// officeCommand runs f with a running daemon, after the flags of a command without arguments.
func (p program) officeCommand(fs *flag.FlagSet, args []string, f func(remote) error) error {
	path := fs.String("config", "/etc/kioskd/kioskd.yaml", "configuration `file`")
	if _, err := parse(fs, args, 0); err != nil {
		return err
	}
	return p.withDaemon(*path, f)
}

func (p program) officeStatus(ctx context.Context, fs *flag.FlagSet, args []string) error {
	format := fs.String("format", "table", "`form`: table or json")
	return p.officeCommand(fs, args, func(r remote) error {
		var st uplinkStatus
		if err := r.ask(ctx, http.MethodGet, "/backoffice", nil, &st); err != nil {
			return err
		}
		switch *format {
		case "json":
			return p.json(st)
		case "table":
			return p.officeTable(st)
		}
		return usagef("backoffice status: format %q: want table or json", *format)
	})
}

func (p program) officeTable(st uplinkStatus) error {
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	row := func(name string, value any) { fmt.Fprintf(w, "%s\t%v\n", name, value) }
	at := func(t time.Time) string {
		if t.IsZero() {
			return "-"
		}
		return t.Local().Format(time.DateTime)
	}
	if !st.Configured {
		row("back office", "none is configured")
	} else {
		row("back office", st.URL)
		row("state", string(st.Class)+" since "+at(st.Since))
		row("last answer", at(st.Good))
		if st.Why != "" {
			row("why", st.Why)
			row("next try", at(st.Next))
		}
		row("sent", fmt.Sprintf("%d records, %d bytes out, %d in, %d connections", st.Sent, st.Out, st.In,
			st.Connections))
	}
	row("backlog", st.Backlog)
	row("parked", len(st.Parked))
	for _, r := range st.Parked {
		row("  record "+strconv.FormatInt(r.Seq, 10), r.Why)
	}
	return w.Flush()
}

func (p program) officeAgain(ctx context.Context, fs *flag.FlagSet, args []string) error {
	return p.officeCommand(fs, args, func(r remote) error {
		return r.ask(ctx, http.MethodPost, "/backoffice/again", nil, new(done))
	})
}

func (p program) officeNow(ctx context.Context, fs *flag.FlagSet, args []string) error {
	return p.officeCommand(fs, args, func(r remote) error {
		return r.ask(ctx, http.MethodPost, "/backoffice/now", nil, new(done))
	})
}

func (p program) refund(ctx context.Context, fs *flag.FlagSet, args []string) error {
	path := fs.String("config", "/etc/kioskd/kioskd.yaml", "configuration `file`")
	by := fs.String("by", "", "`name` that the journal keeps; yours without it")
	why := fs.String("why", "", "`reason`, for the books")
	args, err := parse(fs, args, 2)
	if err != nil {
		return err
	}
	ref, err := kiosk.ParseReference(args[0])
	if err != nil {
		return usageError{err}
	}
	if *why == "" {
		return usagef("refund: --why is needed: the books ask for it")
	}
	if err := nameOperator(by); err != nil {
		return err
	}
	return p.withDaemon(*path, func(r remote) error {
		var out json.RawMessage
		if err := r.ask(ctx, http.MethodPost, "/session/"+ref+"/refund",
			url.Values{"amount": {args[1]}, "by": {*by}, "why": {*why}}, &out); err != nil {
			return err
		}
		_, err := fmt.Fprintf(p.out, "%s\n", out)
		return err
	})
}
