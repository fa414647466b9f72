package site

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	"kioskd"
	"kioskd/api"
	"kioskd/backoffice"
	"kioskd/config"
	"kioskd/hook"
	"kioskd/receipt"
	"kioskd/report"
	"kioskd/report/dispute"
	"kioskd/session"
	"kioskd/store"
	"kioskd/web"
)

// desktop is the site as its host's network sees it. It implements web.Site.
type desktop struct {
	served
	c       *config.Config
	journal *store.Store
	control *session.Controller
	version string
	log     *slog.Logger

	tells   *hook.Teller       // nil where none is told
	orders  *instructionRunner // what its host instructs
	ordered sync.Mutex         // one instruction at a time

	shelf *report.Shelf
}

// serveWeb answers the host's network until ctx ends.
func (s *Site) serveWeb(ctx context.Context) {
	open := func(ctx context.Context) (*report.Book, error) { return openReports(ctx, s.c, s.journal) }
	d := &desktop{served: s.served(), c: s.c, journal: s.journal, control: s.control, version: s.options.Version,
		log: s.log, tells: s.tells, shelf: report.NewShelf(Reports(s.c.Journal), open),
		orders: &instructionRunner{journal: s.journal, owner: s.owner(), clock: s.clock, prices: s.prices,
			report: s.report, log: s.log}}
	at := web.Place{Listen: s.c.Web.Listen, Certificate: s.c.Web.Certificate, Key: s.c.Web.Key}
	web.Serve(ctx, at, web.Handler(d, s.texts, s.log), s.log)
}

// Book implements web.Site.
func (d *desktop) Book(ctx context.Context, f func(*report.Book) error) error {
	return d.shelf.Read(ctx, f)
}

// Find implements web.Site.
func (d *desktop) Find(ctx context.Context, reference string) (string, error) {
	id, err := d.journal.Find(ctx, reference)
	if errors.Is(err, store.ErrUnknown) {
		return "", errors.Join(err, web.ErrNone)
	}
	return id, err
}

// Receipt implements web.Site.
func (d *desktop) Receipt(ctx context.Context, id string) (receipt.Receipt, error) {
	r, err := receipt.From(ctx, d.journal.Session(ctx, id), d.journal.TreeHash)
	if errors.Is(err, receipt.ErrNone) {
		return r, errors.Join(err, web.ErrNone)
	}
	return r, err
}

// Case implements web.Site.
func (d *desktop) Case(ctx context.Context, id string) (dispute.Case, error) {
	return Case(ctx, d.journal, d.c, id, d.version)
}

// Records implements web.Site.
func (d *desktop) Records(ctx context.Context, id string) iter.Seq2[kiosk.Record, error] {
	return d.journal.Session(ctx, id)
}

// People implements web.Site.
func (d *desktop) People() (out []web.Person) {
	for _, p := range d.c.Web.People {
		out = append(out, web.Person{Name: p.Name, Scopes: p.Scopes, Matches: p.Password.Matches})
	}
	return out
}

// Unsettled implements web.Site.
func (d *desktop) Unsettled(ctx context.Context) ([]receipt.OpenItem, error) {
	return unsettled(ctx, d.journal)
}

// Verify implements web.Site.
func (d *desktop) Verify(ctx context.Context) (int64, error) {
	head, err := d.journal.Verify(ctx, func(int64) {})
	return head.Records, err
}

// Token implements web.Site.
func (d *desktop) Token(ctx context.Context, hash string) (api.Token, error) {
	t, err := d.journal.Token(ctx, hash)
	switch day := time.Now().In(d.c.Timezone).Format(time.DateOnly); {
	case errors.Is(err, store.ErrNoToken):
		return api.Token{}, web.ErrNone
	case err == nil && t.Used != day: // a write a day at most; without it the token is as good
		if err := d.journal.UsedToken(ctx, hash, day); err != nil {
			d.log.Warn("the day of a token's last use was not kept", "token", t.Name, "error", err)
		}
	}
	return shownToken(t), err
}

// Note implements web.Site.
func (d *desktop) Note(ctx context.Context, kind session.Kind, body any) error {
	return d.control.Note(ctx, kind, body)
}

// Grant implements web.Site.
func (d *desktop) Grant(ctx context.Context, bay int, by string) (web.Granted, error) {
	code, err := giveAway(ctx, d.c, d.control, bay, by)
	return web.Granted{Bay: bay, Code: code}, err
}

// Instruct implements web.Site.
func (d *desktop) Instruct(ctx context.Context, in kiosk.Instruction, by string) error {
	d.ordered.Lock()
	defer d.ordered.Unlock()
	in.Kiosk = d.c.KioskID
	return d.orders.order(ctx, in, by)
}

// Tariffs implements web.Site.
func (d *desktop) Tariffs() (out []web.Tariff) {
	for _, p := range d.orders.prices.schedule(d.orders.clock.Now()) {
		t := web.Tariff{SHA256: p.sum, Tariff: p.tariff.JSON()}
		if !p.from.IsZero() {
			from := p.from.In(d.c.Timezone)
			t.From = &from
		}
		out = append(out, t)
	}
	return out
}

// Checkpoint implements web.Site.
func (d *desktop) Checkpoint(ctx context.Context) (string, error) {
	signer, _, err := checkpointSigner(d.c)
	if err != nil {
		return "", err
	}
	text, _, err := present(ctx, d.journal, d.c, signer)
	return text, err
}

// Certificates implements web.Site.
func (d *desktop) Certificates() (out []web.Certificate) {
	for _, of := range certificates(d.c) {
		c := web.Certificate{What: of.setting}
		_, at, err := backoffice.Ends(of.paths...)
		switch {
		case err != nil:
			c.Why = err.Error()
		case !at.IsZero():
			c.Ends = &at
		}
		out = append(out, c)
	}
	return out
}

// Hooks implements web.Site.
func (d *desktop) Hooks() []hook.State {
	if d.tells == nil {
		return nil
	}
	return d.tells.States()
}

// TestHook implements web.Site.
func (d *desktop) TestHook(ctx context.Context, name string) error { return d.tells.Test(ctx, name) }

// ResumeHook implements web.Site.
func (d *desktop) ResumeHook(name string) error { return d.tells.Resume(name) }

// Watch implements web.Site.
func (d *desktop) Watch() (<-chan struct{}, func()) { return d.control.Watch() }

// Now implements web.Site.
func (d *desktop) Now() web.Status {
	snap := d.control.Snapshot()
	out := web.Status{Kiosk: d.c.KioskID, Name: d.c.Site["name"], Version: d.version, At: snap.At.In(d.c.Timezone),
		Timezone: d.c.Timezone.String(), Currency: d.c.Currency, Draining: snap.State.Draining, Bays: []web.Bay{},
		Faults: []web.Fault{}}
	for _, b := range d.c.Bays {
		bay := bayNow(b, snap)
		out.Selling = out.Selling || (bay.State == "free" || bay.State == "plugged") && !out.Draining
		out.Bays = append(out.Bays, bay)
	}
	for _, at := range sortedFaults(snap.State) {
		def, _ := kiosk.FaultByCode(at.Code)
		out.Faults = append(out.Faults, web.Fault{Code: at.Code, Bay: at.Bay, Severity: def.Severity, Acts: def.Acts})
	}
	return out
}

// bayNow is a bay as it is.
func bayNow(b config.Bay, snap session.Snapshot) web.Bay {
	live := snap.Live[b.Number]
	out := web.Bay{Number: b.Number, EVSE: b.EVSE, State: "free"}
	if r := live.Reading; r != nil {
		power := r.Power
		out.Power, out.Meter = &power, r.Serial
	}
	code, down := snap.State.Down(b.Number)
	out.Fault = code
	x, taken := snap.State.AtBay(b.Number)
	switch {
	case taken:
		occupied(&out, x, live)
	case down || snap.Halted || snap.Starting:
		out.State = "out_of_order"
	case live.Inputs.Plugged:
		out.State = "plugged"
	}
	return out
}

// occupied says what a session does at its bay.
func occupied(out *web.Bay, x session.Session, live session.Sample) {
	since := x.LeaseAt
	out.Reference, out.Since = x.Reference, &since
	if x.Hold != nil && x.Money != session.Free {
		held := x.Hold.Approved
		out.Held = &held
	}
	switch {
	case slices.Contains([]session.PowerState{session.Charging, session.Closing, session.Adopting}, x.Power):
		out.State = "charging"
	case x.Power == session.Pausing:
		out.State = "paused"
	case x.Power == session.Stopping || x.Power == session.Opened:
		out.State = "ending"
	case x.Power == session.Waiting || x.Power == session.Starting:
		out.State = "paid"
	case x.Money == session.MoneyNone || x.Money == session.Declined:
		out.State = "chosen"
	default:
		out.State = "paying"
	}
	if x.Start == nil || x.Last == nil {
		return
	}
	now := x.Newest(live)
	energy := x.Energy(now.Import)
	out.Energy = &energy
	if owed, err := x.Owed(now); err == nil {
		out.Cost = &owed
	}
}
