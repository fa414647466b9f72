package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/store"
)

// version is that of the rows: a change of what they say needs another one, and then they are computed anew.
const version = 4

// Kinds of rows.
const (
	rowSession  = "session"  // a Session, by the day on which its driver chose the bay
	rowMovement = "movement" // a Movement, by its day
	rowDelivery = "delivery" // a Delivery, by the day on which its session ended
	rowFault    = "fault"    // a Spell, by the day on which the fault came
	rowSite     = "site"     // an Occurrence, by its day
	rowOpen     = "open"     // an id of a Spell that has not ended, by bay and code
	rowPlace    = "place"    // a Place
	rowVisits   = "visits"   // Counted, by its day
	rowWaiting  = "waiting"  // a Session that is not over, or whose money is not where it belongs
)

// Source is a journal. Store is the one of a kiosk; a back office has several.
type Source interface {
	// Epoch is the journal's own id.
	Epoch(context.Context) (string, error)
	// Seq is the last place of the journal.
	Seq(context.Context) (int64, error)
	// Changed lists the sessions that have a record of those after one place up to another.
	Changed(ctx context.Context, after, to int64) ([]string, error)
	Session(ctx context.Context, id string) iter.Seq2[kiosk.Record, error]
	// SiteRecords reads the records of no session, of those after one place up to another.
	SiteRecords(ctx context.Context, after, to int64) iter.Seq2[kiosk.Record, error]
	// Counts are those of visitors that no record has yet.
	Counts(context.Context) ([]store.Count, error)
}

// Book answers from rows that it keeps up with journals. Any goroutine may use it.
type Book struct {
	rows    *store.Rows
	sources func(context.Context) ([]Named, error)
	single  bool
	zone    *time.Location // the site's, as its configuration has it; nil where that is not at hand

	mu sync.Mutex // one goroutine at a time keeps up
}

// Named is a journal with the name of its kiosk.
type Named struct {
	Kiosk string
	Source
}

// Open opens the book of one journal, whose rows are in the file of a path; in memory where it is empty.
func Open(ctx context.Context, path string, journal Source) (*Book, error) {
	b, err := OpenAll(ctx, path, func(context.Context) ([]Named, error) { return []Named{{"", journal}}, nil })
	if err == nil {
		b.single = true
	}
	return b, err
}

// OpenAll opens the book of several journals.
func OpenAll(ctx context.Context, path string, sources func(context.Context) ([]Named, error)) (*Book, error) {
	rows, err := store.OpenRows(ctx, path, version)
	if err != nil {
		return nil, fmt.Errorf("cannot open the reports: %w", err)
	}
	return &Book{rows: rows, sources: sources}, nil
}

// In sets the site's time zone, as its configuration has it. Without it the last session with an offer says it, and
// what came before the first one is dated in UTC.
func (b *Book) In(zone *time.Location) { b.zone = zone }

// Close closes the file of rows.
func (b *Book) Close() error { return b.rows.Close() }

// step is how many records a change of the rows covers.
const step = 2000

// KeepUp reads what journals have that the rows do not. progress is told how many of how many records were read, and
// may be nil.
func (b *Book) KeepUp(ctx context.Context, progress func(done, all int64)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	all, err := b.sources(ctx)
	if err != nil {
		return err
	}
	var epochs []string
	for _, s := range all {
		epoch, err := s.Epoch(ctx)
		if err != nil {
			return fmt.Errorf("cannot keep up the reports: %w", err)
		}
		epochs = append(epochs, epoch)
	}
	if err := b.rows.Forget(ctx, epochs...); err != nil { // of journals that were here before
		return fmt.Errorf("cannot keep up the reports: %w", err)
	}
	for _, s := range all {
		if err := b.read(ctx, s, progress); err != nil {
			return fmt.Errorf("cannot keep up the reports: %w", err)
		}
	}
	return nil
}

func (b *Book) read(ctx context.Context, s Named, progress func(done, all int64)) error {
	epoch, err := s.Epoch(ctx)
	if err != nil {
		return err
	}
	head, err := s.Seq(ctx)
	if err != nil {
		return err
	}
	for {
		at, err := b.rows.Position(ctx, epoch)
		if err == nil && at > head { // the journal was restored from a copy: what came after it never was
			at, err = 0, b.rows.Drop(ctx, epoch)
		}
		if err != nil || at >= head {
			return err
		}
		c := store.Change{Source: epoch, From: at, To: min(at+step, head)}
		if err := b.change(ctx, s, &c); err != nil {
			return err
		}
		if _, err := b.rows.Apply(ctx, c); err != nil { // where another process went on, it is read again from there
			return err
		}
		if progress != nil {
			progress(c.To, head)
		}
	}
}

// change computes what the records of a change make of the rows.
func (b *Book) change(ctx context.Context, s Named, c *store.Change) error {
	ids, err := s.Changed(ctx, c.From, c.To)
	if err != nil {
		return err
	}
	var last *Session // that says where and whose the site is
	for _, id := range ids {
		row, err := FromRecords(id, s.Session(ctx, id))
		if err != nil {
			return err
		}
		row.Kiosk = s.Kiosk
		if row.Language == "" && b.zone != nil { // no offer says it
			row.Timezone = b.zone.String()
		}
		before, err := b.before(ctx, c.Source, id)
		if err != nil {
			return err
		}
		row.keep(before)
		if row.Language != "" && (last == nil || !row.At.Before(last.At)) { // without an offer it does not say where
			last = &row
		}
		c.Owners = append(c.Owners, id)
		if err := add(c, row); err != nil {
			return err
		}
	}
	place, err := b.place(ctx, c, s.Kiosk, last)
	if err != nil {
		return err
	}
	site := chronicle{book: b, change: c, kiosk: s.Kiosk, zone: b.zoneOf(place), open: map[string]*Spell{}}
	return site.read(ctx, s.SiteRecords(ctx, c.From, c.To))
}

// journals are the kiosks of a window, in order; the empty name for the one of a journal alone.
func (b *Book) journals(ctx context.Context, w Window) (out []string, err error) {
	all, err := b.sources(ctx)
	for _, s := range all {
		if w.has(s.Kiosk, w.Bay) && !slices.Contains(out, s.Kiosk) {
			out = append(out, s.Kiosk)
		}
	}
	return out, err
}

// shown leaves the first column, of kiosks, out of a table of one journal.
func (b *Book) shown(t Table) Table {
	if !b.single {
		return t
	}
	return alone(t)
}

// alone leaves the first column out.
func alone(t Table) Table {
	t.Columns = t.Columns[1:]
	for _, rows := range [][][]any{t.Rows, t.Sums} {
		for i := range rows {
			rows[i] = rows[i][1:]
		}
	}
	return t
}

// before is the row that a session had.
func (b *Book) before(ctx context.Context, source, id string) (s Session, err error) {
	for row, err := range b.rows.Owned(ctx, source, id) {
		if err != nil {
			return s, err
		}
		if row.Kind == rowSession {
			return s, json.Unmarshal(row.Body, &s)
		}
	}
	return s, nil
}

// Place is what the last session says of its site.
type Place struct {
	Kiosk    string            `json:"kiosk_id,omitempty"`
	Timezone string            `json:"timezone"`
	Seller   map[string]string `json:"seller,omitempty"`
}

// Zone is the site's time zone; UTC where it is not known.
func (p Place) Zone() *time.Location { return Session{Timezone: p.Timezone}.Zone() }

// place is what the last session says of the site, of those before a change and in it.
func (b *Book) place(ctx context.Context, c *store.Change, kiosk string, last *Session) (p Place, err error) {
	for row, err := range b.rows.Owned(ctx, c.Source, rowPlace) {
		if err == nil {
			err = json.Unmarshal(row.Body, &p)
		}
		if err != nil {
			return p, err
		}
	}
	if last == nil {
		return p, nil
	}
	p = Place{kiosk, last.Timezone, last.seller}
	c.Owners = append(c.Owners, rowPlace)
	return p, put(c, rowPlace, rowPlace, rowPlace, "", p)
}

// Place is what the last session says of its site, of the last kiosk where there are several; nothing before the first.
func (b *Book) Place(ctx context.Context) (p Place, err error) {
	return b.placeOf(ctx, Window{})
}

func (b *Book) placeOf(ctx context.Context, w Window) (p Place, err error) {
	all, err := b.Places(ctx, w)
	if len(all) > 0 {
		p = all[len(all)-1]
	}
	p.Timezone = b.zoneOf(p).String()
	return p, err
}

// Places are what the last session of each journal of a window says of its site.
func (b *Book) Places(ctx context.Context, w Window) ([]Place, error) {
	return collected(rows(b.rows.Between(ctx, rowPlace, "", ""), Window{Kiosk: w.Kiosk}, Place.of))
}

func (p Place) of() (string, int) { return p.Kiosk, 0 }

// zoneOf is the site's time zone: of its configuration, or as a session says it.
func (b *Book) zoneOf(p Place) *time.Location {
	if b.zone != nil {
		return b.zone
	}
	return p.Zone()
}

// siteZone is the time zone of a window's site.
func (b *Book) siteZone(ctx context.Context, w Window) (*time.Location, error) {
	p, err := b.placeOf(ctx, w)
	return p.Zone(), err
}

// put adds a row to a change.
func put(c *store.Change, kind, id, owner, day string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	c.Rows = append(c.Rows, store.Row{Kind: kind, ID: id, Owner: owner, Day: day, Body: text})
	return nil
}

// What a movement is of.
const (
	Capture = "capture"
	Release = "release"
	Refunds = "refund"
	Granted = "free"
)

// Movement is money that was taken or given back.
type Movement struct {
	Kiosk     string            `json:"kiosk_id,omitempty"`
	Day       string            `json:"day"` // of the site
	Reference string            `json:"reference"`
	Bay       int               `json:"bay"`
	What      string            `json:"what"`
	At        time.Time         `json:"at"`
	By        string            `json:"by,omitempty"`     // who gave it back
	Amount    kiosk.Money       `json:"amount"`           // taken, given back, refunded
	Returned  kiosk.Money       `json:"released"`         // of the hold
	Billed    *kiosk.Money      `json:"billed,omitempty"` // what should have been taken
	Net       *kiosk.Money      `json:"net,omitempty"`    // of what was billed
	Taxes     []session.BillTax `json:"taxes,omitempty"`  // of what was billed
	Energy    kiosk.Energy      `json:"energy_wh"`        // that was billed, or given away
	Tariff    string            `json:"tariff_id"`        // that was sold by
	AuthCode  string            `json:"auth_code,omitempty"`
	TraceNo   string            `json:"trace_no,omitempty"` // of the hold
}

// Delivery is energy that a session drew.
type Delivery struct {
	Kiosk       string       `json:"kiosk_id,omitempty"`
	Day         string       `json:"day"` // of its end
	Bay         int          `json:"bay"`
	Energy      kiosk.Energy `json:"energy_wh"`
	From        kiosk.Energy `json:"register_start_wh"`
	To          kiosk.Energy `json:"register_end_wh"`
	Meter       string       `json:"meter_serial"`
	ChargingSec int64        `json:"charging_s"`
	ParkingSec  int64        `json:"parking_s"`
	Outcome     Outcome      `json:"outcome"`
}

// add adds what a session makes to a change.
func add(c *store.Change, s Session) error {
	err := put(c, rowSession, s.ID, s.ID, s.day(s.At), s)
	if slices.Contains(waiting, s.Outcome) {
		err = errors.Join(err, put(c, rowWaiting, s.ID, s.ID, s.day(s.At), s))
	}
	m := Movement{Kiosk: s.Kiosk, Reference: s.Reference, Bay: s.Bay, Energy: s.Energy, Tariff: s.Tariff,
		AuthCode: s.AuthCode, TraceNo: s.TraceNo}
	moved := func(id string, m Movement) {
		m.Day = s.day(m.At)
		err = errors.Join(err, put(c, rowMovement, id, s.ID, m.Day, m))
	}
	for i, r := range s.Refunds {
		m := m
		m.What, m.At, m.Amount, m.By, m.Energy = Refunds, r.At, r.Amount, r.By, 0
		moved(fmt.Sprintf("%s:%d", s.ID, i+1), m)
	}
	switch {
	case s.Outcome == Free:
		m.What, m.At, m.Amount.Currency = Granted, s.ended(), s.Currency
		moved(s.ID, m)
	case s.Paid == nil || s.SettledAt == nil:
	case s.Outcome == Sold || s.Outcome == Released:
		m.What, m.At, m.Amount, m.Returned = Release, *s.SettledAt, *s.Paid, *s.Returned
		if s.Outcome == Sold {
			m.What, m.Billed, m.Net, m.Taxes = Capture, s.Billed, s.Net, s.Taxes
		}
		moved(s.ID, m)
	}
	if s.RegisterEnd == nil || s.Power != session.Off {
		return err
	}
	d := Delivery{s.Kiosk, s.day(s.ended()), s.Bay, s.Energy, *s.RegisterStart, *s.RegisterEnd, s.Meter, s.ChargingSec,
		s.ParkingSec, s.Outcome}
	return errors.Join(err, put(c, rowDelivery, s.ID, s.ID, d.Day, d))
}

// ended is when a session's energy ended, or the session.
func (s Session) ended() time.Time {
	for _, at := range []*time.Time{s.End, s.OpenedAt, s.EndedAt, s.FinalAt} {
		if at != nil {
			return *at
		}
	}
	return s.At
}

// rows reads rows, those of a kiosk or bay alone where the window names one. of says whose a row is.
func rows[T any](all iter.Seq2[store.Row, error], w Window, of func(T) (kiosk string, bay int)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for row, err := range all {
			var v T
			if err == nil {
				err = json.Unmarshal(row.Body, &v)
			}
			if kiosk, bay := of(v); err == nil && !w.has(kiosk, bay) {
				continue
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// collected reads a sequence to its end.
func collected[T any](all iter.Seq2[T, error]) (out []T, err error) {
	for v, err := range all {
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// Wrong is the error of a report that there is not.
type Wrong struct{ what string }

func (w *Wrong) Error() string { return w.what }

// Window is what a report is about: days from the first to the last, both with them, and one bay or all.
type Window struct {
	From  string `json:"from,omitempty"` // as 2026-03-02; empty for the first day that there is
	To    string `json:"to,omitempty"`
	Bay   int    `json:"bay,omitempty"`      // 0 for all
	Kiosk string `json:"kiosk_id,omitempty"` // of a back office; empty for all
}

// has tells whether what is of a kiosk and a bay is of the window.
func (w Window) has(kiosk string, bay int) bool {
	return (w.Bay == 0 || bay == w.Bay) && (w.Kiosk == "" || kiosk == w.Kiosk)
}

func (w Window) to() string {
	if w.To == "" {
		return "9999-12-31"
	}
	return w.To
}

// Sessions reads the sessions of a window, oldest first.
func (b *Book) Sessions(ctx context.Context, w Window) iter.Seq2[Session, error] {
	return rows(b.rows.Between(ctx, rowSession, w.From, w.to()), w, Session.of)
}

// newest reads the sessions of a window, the newest first, after the one of an id.
func (b *Book) newest(ctx context.Context, w Window, after string) iter.Seq2[Session, error] {
	return rows(b.rows.Newest(ctx, rowSession, w.From, w.to(), after), w, Session.of)
}

func (s Session) of() (string, int) { return s.Kiosk, s.Bay }

// waiting are the states of sessions that are not over, or whose money is not where it belongs.
var waiting = []Outcome{Ongoing, Unsettled, Disputed, Unreadable}

// Waiting reads the sessions of a window that are not over, or whose money is not where it belongs.
func (b *Book) Waiting(ctx context.Context, w Window) iter.Seq2[Session, error] {
	return rows(b.rows.Between(ctx, rowWaiting, w.From, w.to()), w, Session.of)
}

// Movements reads the movements of a window, by day.
func (b *Book) Movements(ctx context.Context, w Window) iter.Seq2[Movement, error] {
	return rows(b.rows.Between(ctx, rowMovement, w.From, w.to()), w, Movement.of)
}

func (m Movement) of() (string, int) { return m.Kiosk, m.Bay }

// deliveries reads the deliveries of a window, by day.
func (b *Book) deliveries(ctx context.Context, w Window) iter.Seq2[Delivery, error] {
	return rows(b.rows.Between(ctx, rowDelivery, w.From, w.to()), w, Delivery.of)
}

func (d Delivery) of() (string, int) { return d.Kiosk, d.Bay }
