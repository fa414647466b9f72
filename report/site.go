package report

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/store"
)

// Spell is a fault from when it came to when it went.
type Spell struct {
	Kiosk    string          `json:"kiosk_id,omitempty"`
	ID       int64           `json:"record"` // the journal's number of its beginning
	Code     kiosk.FaultCode `json:"fault"`
	Bay      int             `json:"bay,omitempty"` // 0 for the site
	Severity kiosk.Severity  `json:"severity"`
	Acts     kiosk.Actor     `json:"acts"`
	At       time.Time       `json:"raised_at"`
	Until    *time.Time      `json:"cleared_at,omitempty"` // nil while it lasts
	RaisedBy string          `json:"raised_by,omitempty"`  // a person, where one did
	By       string          `json:"cleared_by,omitempty"` // a person, where one did
	Error    string          `json:"error,omitempty"`
}

func (s Spell) of() (string, int) { return s.Kiosk, s.Bay }

// Occurrence is something that happened at the site, to no session.
type Occurrence struct {
	Kiosk  string       `json:"kiosk_id,omitempty"`
	ID     int64        `json:"record"`
	At     time.Time    `json:"at"`
	Kind   session.Kind `json:"kind"`
	Bay    int          `json:"bay,omitempty"`
	By     string       `json:"by,omitempty"`
	What   string       `json:"what,omitempty"` // a rule, a task, a serial number
	Amount *kiosk.Money `json:"amount,omitempty"`
	Error  string       `json:"error,omitempty"`
}

// chronicle makes rows of what happened at a site.
type chronicle struct {
	book   *Book
	change *store.Change
	kiosk  string
	zone   *time.Location
	open   map[string]*Spell // that began in this change, or was looked up; nil for none
}

func (c *chronicle) read(ctx context.Context, records iter.Seq2[kiosk.Record, error]) error {
	for r, err := range records {
		if err != nil {
			return err
		}
		e, err := session.FromRecord(r)
		if err != nil { // of a newer program: it is in the journal
			continue
		}
		switch e.Kind {
		case session.FaultRaised, session.FaultCleared:
			err = c.fault(ctx, r.Seq, e)
		case session.VisitDigest:
			err = c.visits(ctx, e.Body.(session.VisitsBody))
		default:
			err = c.occurrence(r.Seq, e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// visits adds the counts of a day. A record that was written twice, because the process ended before its counters were
// deleted, says the same and is one; another of the day has what was counted late.
func (c *chronicle) visits(ctx context.Context, v session.VisitsBody) error {
	owner := rowVisits + ":" + v.Day
	var was Counted
	for row, err := range c.book.rows.Owned(ctx, c.change.Source, owner) {
		if err == nil {
			err = json.Unmarshal(row.Body, &was)
		}
		if err != nil {
			return err
		}
	}
	for _, row := range c.change.Rows {
		if row.Owner == owner {
			if err := json.Unmarshal(row.Body, &was); err != nil {
				return err
			}
		}
	}
	if slices.Equal(was.Counts, v.Counts) {
		return nil
	}
	was = Counted{c.kiosk, v.Day, append(was.Counts, v.Counts...)}
	c.drop(owner)
	c.change.Owners = append(c.change.Owners, owner)
	return put(c.change, rowVisits, v.Day, owner, v.Day, was)
}

// fault begins a spell, or ends one.
func (c *chronicle) fault(ctx context.Context, seq int64, e session.Event) error {
	b := e.Body.(session.FaultBody)
	key := fmt.Sprintf("%s:%d", b.Fault, b.Bay)
	now, err := c.lookUp(ctx, key)
	if err != nil {
		return err
	}
	raised := e.Kind == session.FaultRaised
	switch {
	case raised && now != nil: // it is raised once more while it lasts
		return nil
	case raised:
		def, _ := kiosk.FaultByCode(b.Fault)
		now = &Spell{Kiosk: c.kiosk, ID: seq, Code: b.Fault, Bay: b.Bay, Severity: def.Severity, Acts: def.Acts,
			At: e.At, RaisedBy: b.By, Error: b.Error}
		c.open[key] = now
	case now == nil: // its beginning is in no journal
		return nil
	default:
		at := e.At
		now.Until, now.By = &at, b.By
		c.open[key] = nil
	}
	opened := rowOpen + ":" + key
	owner := fmt.Sprintf("%s:%d", rowFault, now.ID)
	c.change.Owners = append(c.change.Owners, opened, owner)
	if raised {
		if err := put(c.change, rowOpen, key, opened, "", now); err != nil {
			return err
		}
	} else {
		c.drop(opened)
	}
	return put(c.change, rowFault, sortable(now.ID), owner, c.day(now.At), now)
}

// drop takes rows of an owner out of the change.
func (c *chronicle) drop(owner string) {
	kept := c.change.Rows[:0]
	for _, row := range c.change.Rows {
		if row.Owner != owner {
			kept = append(kept, row)
		}
	}
	c.change.Rows = kept
}

// lookUp finds the spell of a fault that lasts.
func (c *chronicle) lookUp(ctx context.Context, key string) (*Spell, error) {
	if s, ok := c.open[key]; ok {
		return s, nil
	}
	c.open[key] = nil
	for row, err := range c.book.rows.Owned(ctx, c.change.Source, rowOpen+":"+key) {
		var s Spell
		if err == nil {
			err = json.Unmarshal(row.Body, &s)
		}
		if err != nil {
			return nil, err
		}
		c.open[key] = &s
	}
	return c.open[key], nil
}

// sortable is a number that sorts as a text.
func sortable(n int64) string { return fmt.Sprintf("%012d", n) }

func (c *chronicle) day(t time.Time) string { return t.In(c.zone).Format(time.DateOnly) }

// occurrence keeps what else happened, where a report asks for it.
func (c *chronicle) occurrence(seq int64, e session.Event) error {
	o := Occurrence{Kiosk: c.kiosk, ID: seq, At: e.At, Kind: e.Kind, Bay: e.Bay(), Error: e.Failure()}
	switch b := e.Body.(type) {
	case session.PersonBody:
		o.By = b.By
	case session.AlertBody:
		o.What = b.Rule
	case session.InstructionBody:
		o.By, o.What = b.By, cmp.Or(string(b.Instruction.Do), b.Instruction.ID)
	case session.NoteBody:
		o.By, o.What = b.By, strings.TrimSpace(b.What+" "+b.Detail+" "+b.From)
	case session.TestBody:
		o.By = b.By
	case session.SwapBody:
		o.By, o.What = b.By, b.Reading.Serial
		if b.Old != nil {
			o.What = b.Old.Serial + " → " + b.Reading.Serial
		}
	case session.DayEndedBody:
		o.Amount = b.Amount
	case session.ChargerRefusedBody:
		o.What = b.Transaction.Charger
	case session.RegisterBody:
		o.What = b.Reading.Serial
	}
	return put(c.change, rowSite, sortable(seq), rowSite+":"+strconv.FormatInt(seq, 10), c.day(e.At), o)
}

// Faults reads the spells that touch a window: those that began before it and lasted into it with them.
func (b *Book) Faults(ctx context.Context, w Window) iter.Seq2[Spell, error] {
	return func(yield func(Spell, error) bool) {
		zone, err := b.siteZone(ctx, w)
		if err != nil {
			yield(Spell{}, err)
			return
		}
		for row, err := range b.rows.Between(ctx, rowFault, "", w.to()) {
			var s Spell
			if err == nil {
				err = json.Unmarshal(row.Body, &s)
			}
			bay := cmp.Or(s.Bay, w.Bay) // one of the site is one of each bay
			if err == nil && (!w.has(s.Kiosk, bay) || row.Day < w.From && s.Until != nil &&
				s.Until.In(zone).Format(time.DateOnly) < w.From) {
				continue
			}
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}

// Lasting reads the faults of a window's kiosk that last, whenever they came.
func (b *Book) Lasting(ctx context.Context, w Window) iter.Seq2[Spell, error] {
	return rows(b.rows.Between(ctx, rowOpen, "", ""), Window{Kiosk: w.Kiosk}, Spell.of)
}

// Occurrences reads what else happened in a window.
func (b *Book) Occurrences(ctx context.Context, w Window) iter.Seq2[Occurrence, error] {
	return rows(b.rows.Between(ctx, rowSite, w.From, w.to()), w, Occurrence.of)
}

func (o Occurrence) of() (string, int) { return o.Kiosk, o.Bay }
