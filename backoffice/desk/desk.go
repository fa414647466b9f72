// Package desk is a back office at work: it takes the journals of kiosks, shows a host the pages of all of them, and
// tells when nothing was heard of one. What the pages and reports say is computed from the journals that are here, as a
// kiosk computes it from its own; a record that was refused is in no sum. A kiosk is silent when it has sent nothing
// for longer than it may, of the time in which this process could have heard it.
//
// The pages read; a message, a tariff and the end of a session go to kiosks as signed instructions, which they judge.
package desk

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"kioskd"
	"kioskd/backoffice/receiver"
	"kioskd/config"
	"kioskd/hook"
	"kioskd/receipt"
	"kioskd/report"
	"kioskd/report/dispute"
	"kioskd/session"
	"kioskd/tell"
	"kioskd/ui/text"
	"kioskd/web"
)

// listenEvery is how often it is found out who is silent.
const listenEvery = 10 * time.Second

// mostVisits are shown on the page.
const mostVisits = 100

// Desk implements web.Office on a receiver.
type Desk struct {
	c        *config.Office
	receiver *receiver.Receiver
	key      string // by which what the back office signs is verified
	version  string
	log      *slog.Logger
	shelf    *report.Shelf
	tells    *hook.Teller // nil where none is told
	start    time.Time

	mu     sync.Mutex
	faults []web.Fault // that last, as the journals had them last
}

// Open opens the desk of a receiver's database.
func Open(ctx context.Context, c *config.Office, folder *receiver.Office, r *receiver.Receiver, texts *text.Catalogues,
	version string, log *slog.Logger) (*Desk, error) {
	database := folder.Database()
	rows := database + ".reports"
	open := func(ctx context.Context) (*report.Book, error) { return report.OpenAll(ctx, rows, r.Journals) }
	d := &Desk{c: c, receiver: r, key: folder.Public, version: version, log: log, start: time.Now(),
		shelf: report.NewShelf(rows, open)}
	from := tell.From{Site: c.Name, Zone: c.Timezone, Language: c.Language, Texts: texts, Now: time.Now}
	if err := tell.Check(c.WebHooks, c.Mail); err != nil {
		log.Error("some are told nothing until this is mended", "error", err)
	}
	targets := from.Targets(c.WebHooks, c.Mail)
	if len(targets) == 0 {
		return d, nil
	}
	d.tells = &hook.Teller{Kiosk: "backoffice", Zone: c.Timezone, Journal: receiver.Told{Receiver: r}, Daily: d.daily,
		Now: time.Now, Trusted: func() bool { return true }, Log: log, Path: database + ".told", Targets: targets}
	return d, d.tells.Open(ctx)
}

// Run tells, and finds out who is silent, until ctx ends.
func (d *Desk) Run(ctx context.Context) {
	var all sync.WaitGroup
	if d.tells != nil {
		all.Go(func() { d.tells.Run(ctx) })
	}
	changed, cancel := d.receiver.Watch()
	defer cancel()
	for ctx.Err() == nil {
		err := errors.Join(d.receiver.Listen(ctx, d.c.Silent, d.start), d.lasting(ctx))
		if err != nil && ctx.Err() == nil {
			d.log.Error("what the kiosks sent cannot be read", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-changed:
			select { // what comes together is read together
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		case <-time.After(listenEvery):
		}
	}
	all.Wait()
}

// lasting reads which faults last.
func (d *Desk) lasting(ctx context.Context) error {
	faults := []web.Fault{}
	err := d.Book(ctx, func(b *report.Book) error {
		for s, err := range b.Lasting(ctx, report.Window{}) {
			if err != nil {
				return err
			}
			faults = append(faults, web.Fault{Kiosk: s.Kiosk, Code: s.Code, Bay: s.Bay, Severity: s.Severity,
				Acts: s.Acts})
		}
		return nil
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		d.faults = faults
	}
	return err
}

// daily is what all kiosks sold on a day.
func (d *Desk) daily(ctx context.Context, day string) (out hook.Daily, err error) {
	out = hook.Daily{Day: day, Revenue: []report.Revenue{}, Faults: []hook.Fault{}}
	err = d.Book(ctx, func(b *report.Book) error {
		groups, err := b.RevenueBy(ctx, report.Window{From: day, To: day}, report.ByDay)
		out.Revenue = append(out.Revenue, report.Total(groups)...)
		return err
	})
	if err != nil {
		return out, err
	}
	items, err := d.Unsettled(ctx)
	out.Unsettled = len(items)
	for _, f := range d.Now().Faults {
		out.Faults = append(out.Faults, hook.Fault{Code: f.Code, Bay: f.Bay, Severity: f.Severity, Acts: f.Acts})
	}
	return out, err
}

// Now implements web.Site.
func (d *Desk) Now() web.Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	return web.Status{Name: d.c.Name, Version: d.version, At: time.Now().In(d.c.Timezone),
		Timezone: d.c.Timezone.String(), Currency: d.c.Currency, Bays: []web.Bay{}, Faults: slices.Clone(d.faults)}
}

// Watch implements web.Site.
func (d *Desk) Watch() (<-chan struct{}, func()) { return d.receiver.Watch() }

// Book implements web.Site.
func (d *Desk) Book(ctx context.Context, f func(*report.Book) error) error {
	return d.shelf.Read(ctx, f)
}

// A session is named by its id, an at sign and its kiosk: a kiosk may have made an id that another has.
func named(id string) (session, kiosk string) {
	session, kiosk, _ = strings.Cut(id, "@")
	return session, kiosk
}

// where finds the journal that has a session.
func (d *Desk) where(ctx context.Context, id string) (in report.Named, epoch string, err error) {
	session, kiosk := named(id)
	kioskID, epoch, err := d.receiver.Where(ctx, session, kiosk)
	if errors.Is(err, receiver.ErrNone) {
		err = fmt.Errorf("session %q: %w", id, web.ErrNone)
	}
	return d.receiver.Source(kioskID, epoch), epoch, err
}

// Find implements web.Site: by the id and the kiosk. A reference may be that of sessions of several kiosks; the list of
// sessions looks for it.
func (d *Desk) Find(ctx context.Context, id string) (string, error) {
	_, _, err := d.where(ctx, id)
	return id, err
}

// Records implements web.Site.
func (d *Desk) Records(ctx context.Context, id string) iter.Seq2[kiosk.Record, error] {
	in, _, err := d.where(ctx, id)
	if err != nil {
		return func(yield func(kiosk.Record, error) bool) { yield(kiosk.Record{}, err) }
	}
	session, _ := named(id)
	return in.Session(ctx, session)
}

// Receipt implements web.Site.
func (d *Desk) Receipt(ctx context.Context, id string) (receipt.Receipt, error) {
	session, kiosk := named(id)
	got, err := d.receiver.Receipt(ctx, session, kiosk)
	if errors.Is(err, receiver.ErrNone) {
		return got, errors.Join(err, web.ErrNone)
	}
	return got, err
}

// Case implements web.Site.
func (d *Desk) Case(ctx context.Context, id string) (c dispute.Case, err error) {
	in, epoch, err := d.where(ctx, id)
	if err != nil {
		return c, err
	}
	c.Version = d.version
	session, _ := named(id)
	for r, err := range in.Session(ctx, session) {
		if err != nil {
			return c, err
		}
		c.Records = append(c.Records, r)
	}
	c.Session, err = report.FromRecords(session, in.Session(ctx, session))
	if err != nil {
		return c, err
	}
	got, err := d.Receipt(ctx, id)
	switch {
	case err == nil:
		c.Receipt = &got
	case c.Session.Outcome != report.Unreadable && !errors.Is(err, web.ErrNone):
		return c, err
	}
	key := ""
	c.Checkpoint, c.Size, key, err = d.receiver.Checkpoint(ctx, in.Kiosk, epoch)
	if err != nil {
		return c, err
	}
	if c.Size < c.Records[len(c.Records)-1].Seq {
		return c, fmt.Errorf("kiosk %s has signed %d records, and the session goes on: ask again later", in.Kiosk,
			c.Size)
	}
	c.Keys = []string{key, d.key}
	c.Proof, err = d.receiver.Prove(ctx, in.Kiosk, epoch, c.Size)
	return c, err
}

// People implements web.Site.
func (d *Desk) People() (out []web.Person) {
	if d.c.Web == nil {
		return nil
	}
	for _, p := range d.c.Web.People {
		out = append(out, web.Person{Name: p.Name, Scopes: p.Scopes, Matches: p.Password.Matches})
	}
	return out
}

// Unsettled implements web.Site: what each kiosk lists itself.
func (d *Desk) Unsettled(ctx context.Context) (out []receipt.OpenItem, err error) {
	var waiting []report.Session
	err = d.Book(ctx, func(b *report.Book) error {
		for s, err := range b.Waiting(ctx, report.Window{}) {
			if err != nil {
				return err
			}
			if s.Outcome != report.Ongoing { // what a running one holds is where it belongs
				waiting = append(waiting, s)
			}
		}
		return nil
	})
	for _, s := range waiting {
		items, failed := receipt.Unresolved(d.Records(ctx, s.ID+"@"+s.Kiosk))
		if failed != nil { // one that cannot be read hides no other: it is in the list of sessions
			d.log.Warn("a session cannot be read", "kiosk", s.Kiosk, "session", s.ID, "error", failed)
		}
		for _, i := range items {
			i.Kiosk = s.Kiosk
			out = append(out, i)
		}
	}
	return out, err
}

// Verify implements web.Site.
func (d *Desk) Verify(ctx context.Context) (records int64, err error) {
	all, err := d.receiver.Check(ctx)
	for _, j := range all {
		records += j.Records
	}
	return records, err
}

// Note implements web.Site.
func (d *Desk) Note(ctx context.Context, kind session.Kind, body any) error {
	return d.receiver.Note(ctx, kind, body)
}

// Hooks implements web.Site.
func (d *Desk) Hooks() []hook.State {
	if d.tells == nil {
		return nil
	}
	return d.tells.States()
}

// TestHook implements web.Site.
func (d *Desk) TestHook(ctx context.Context, name string) error { return d.tells.Test(ctx, name) }

// ResumeHook implements web.Site.
func (d *Desk) ResumeHook(name string) error { return d.tells.Resume(name) }

// Journals implements web.Office.
func (d *Desk) Journals(ctx context.Context) (out []web.Journal, err error) {
	all, err := d.receiver.Known(ctx)
	if err != nil {
		return nil, err
	}
	silent, err := d.receiver.Silences(ctx)
	for _, j := range all {
		shown := web.Journal{Kiosk: j.Kiosk, Epoch: j.Epoch, Silent: slices.Contains(silent, j.Kiosk),
			Records: j.Records,
			Refused: j.Refused, Countersigned: j.Countersigned, Conflict: j.Conflict}
		if at, err := time.Parse(time.RFC3339, j.Seen); err == nil {
			shown.Heard = at
		}
		out = append(out, shown)
	}
	return out, err
}

// KioskOf implements web.Office.
func (d *Desk) KioskOf(ctx context.Context, id string) (string, error) {
	in, _, err := d.where(ctx, id)
	return in.Kiosk, err
}

// Instruct implements web.Office.
func (d *Desk) Instruct(ctx context.Context, in kiosk.Instruction) error {
	return d.receiver.Instruct(ctx, in)
}

// Orders implements web.Office.
func (d *Desk) Orders(ctx context.Context) (out []web.Order, err error) {
	all, err := d.receiver.Orders(ctx, mostVisits)
	for _, o := range all {
		out = append(out, web.Order(o))
	}
	return out, err
}

// Visits implements web.Office.
func (d *Desk) Visits(ctx context.Context) (out []web.Visit, err error) {
	all, err := d.receiver.Visits(ctx, mostVisits)
	for _, v := range all {
		out = append(out, web.Visit(v))
	}
	return out, err
}
