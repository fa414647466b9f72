package site

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"kioskd"
	"kioskd/api"
	"kioskd/config"
	"kioskd/file"
	"kioskd/ocpp"
	"kioskd/session"
	"kioskd/store"
	"kioskd/terminal"
)

func pendingOf(open kiosk.OpenHolds) api.PendingHolds {
	out := api.PendingHolds{Receipts: []kiosk.ReceiptNo{}, Complete: open.Complete}
	for _, id := range open.IDs {
		out.Receipts = append(out.Receipts, kiosk.ReceiptNo(id))
	}
	return out
}

// errNotOpen is for a receipt number that the terminal does not list.
func errNotOpen(id kiosk.HoldID, open kiosk.OpenHolds) error {
	return fmt.Errorf("the terminal has no open hold %s; open are %v", id, open.IDs)
}

// errOwned is for a hold that the journal will settle by itself.
func errOwned(id kiosk.HoldID, x session.Session) error {
	return fmt.Errorf("hold %s belongs to session %s (money %s, power %s), which kioskd settles by itself", id,
		x.Reference, x.Money, x.Power)
}

// direct is a terminal without a daemon. The process that has it has the site.
type direct struct {
	t    terminal.Terminal
	c    *config.Config
	lock *os.File
}

func (d direct) Status(ctx context.Context) (kiosk.TerminalStatus, error) { return d.t.Status(ctx) }

func (d direct) Pending(ctx context.Context) (api.PendingHolds, error) {
	open, err := d.t.ListHolds(ctx)
	return pendingOf(open), err
}

// Release gives back what no session of the journal has.
func (d direct) Release(ctx context.Context, id kiosk.HoldID) (api.Released, error) {
	if err := d.notOwned(ctx, id); err != nil {
		return api.Released{}, err
	}
	open, err := d.t.ListHolds(ctx)
	if err != nil {
		return api.Released{}, err
	}
	if !slices.Contains(open.IDs, id) && open.Complete {
		return api.Released{}, errNotOpen(id, open)
	}
	_, err = d.t.Release(ctx, kiosk.ReleaseRequest{ID: id,
		OnBooked: func(kiosk.CaptureResult) error { return nil }})
	return api.Released{Receipt: kiosk.ReceiptNo(id)}, err
}

func (d direct) notOwned(ctx context.Context, id kiosk.HoldID) error {
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
	if x, ok := state.Holding(id); ok {
		return fmt.Errorf("%w: start it", errOwned(id, x))
	}
	return nil
}

// owner is the terminal of a running daemon, inside it.
type owner struct {
	control  *session.Controller
	t        terminal.Terminal
	chargers *ocpp.Server // nil where no bay is a charger's
}

func (o owner) Status(ctx context.Context) (s kiosk.TerminalStatus, err error) {
	err = o.control.WithTerminal(ctx, func(ctx context.Context) (err error) { s, err = o.t.Status(ctx); return err })
	return s, err
}

func (o owner) open(ctx context.Context) (open kiosk.OpenHolds, err error) {
	err = o.control.WithTerminal(ctx, func(ctx context.Context) (err error) {
		open, err = o.t.ListHolds(ctx)
		return err
	})
	return open, err
}

func (o owner) Pending(ctx context.Context) (api.PendingHolds, error) {
	open, err := o.open(ctx)
	return pendingOf(open), err
}

// Release lets the machine find the hold, so that the journal has what became of it.
func (o owner) Release(ctx context.Context, id kiosk.HoldID) (api.Released, error) {
	if x, ok := o.control.Snapshot().State.Holding(id); ok && x.Reason != session.ReasonOrphan {
		return api.Released{}, errOwned(id, x)
	}
	open, err := o.open(ctx)
	if err != nil {
		return api.Released{}, err
	}
	if !slices.Contains(open.IDs, id) && open.Complete {
		return api.Released{}, errNotOpen(id, open)
	}
	found := kiosk.OpenHolds{IDs: []kiosk.HoldID{id}, TerminalID: open.TerminalID}
	if err := o.control.Do(ctx, session.Observation{What: session.TerminalSaid, Open: found,
		By: "operator"}); err != nil {
		return api.Released{}, err
	}
	if _, ok := o.control.Snapshot().State.Holding(id); !ok {
		return api.Released{}, fmt.Errorf("hold %s was not taken up: kioskd doctor says why", id)
	}
	return api.Released{Receipt: kiosk.ReceiptNo(id)}, o.control.Await(ctx, func(s session.State) (bool, error) {
		x, ok := s.Holding(id)
		if ok && (x.Money == session.ReleaseDelayed || x.Money == session.CaptureDelayed) {
			return false, fmt.Errorf("session %s: the terminal did not do it (%s); it is tried again at %s",
				x.Reference, x.Class, x.Due.Format(time.TimeOnly))
		}
		return !ok, nil
	})
}

// EndOfDay lets the machine end the day: its events have what came of it.
func (o owner) EndOfDay(ctx context.Context, force bool) (out api.DayEnd, err error) {
	before := o.control.Snapshot().State.Day
	if err := o.control.Do(ctx, session.Observation{What: session.DayEndAsked, Force: force}); err != nil {
		return out, err
	}
	err = o.control.Await(ctx, func(s session.State) (bool, error) {
		switch {
		case !s.Day.Asked.IsZero():
			return false, nil
		case s.Day.Tries > before.Tries:
			return false, errors.New("the terminal did not end its day; kioskd journal tail says why")
		}
		out.Terminal = s.Day.Counted
		return true, nil
	})
	out.Journal = before.Captured
	out.Agrees = out.Terminal != nil && *out.Terminal == out.Journal
	return out, err
}

// EndOfDay without a daemon writes to the journal itself.
func (d direct) EndOfDay(ctx context.Context, force bool) (out api.DayEnd, err error) {
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
	open, err := d.t.ListHolds(ctx)
	if err != nil {
		return out, err
	}
	state.Day = day
	rules := d.c.Rules
	if len(open.IDs) > 0 && !rules.Abilities.HoldsSurviveDayEnd && !force {
		return out, fmt.Errorf("the terminal has the holds %v, which its end-of-day could take whole or drop: start "+
			"kioskd, or release them", open.IDs)
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
	return api.DayEnd{Terminal: total, Journal: day.Captured, Agrees: total != nil && *total == day.Captured}, err
}

// ServiceLimit is how long a command waits for the terminal: a card dialogue that is
// under way comes first.
const ServiceLimit = 3 * time.Minute

// Drain stops or goes on with new business, and says what is under way.
func (o owner) Drain(ctx context.Context, on bool) (api.Drained, error) {
	err := o.control.Do(ctx, session.Observation{What: session.DrainAsked, Raised: on})
	return o.underway(), err
}

// underway says what is.
func (o owner) underway() api.Drained {
	return api.Drained{Waiting: append([]string{}, o.control.Snapshot().State.Underway()...)}
}

// Stop ends a running session.
func (o owner) Stop(ctx context.Context, reference, by string) (api.Done, error) {
	if by == "" || by == session.ByScreen || by == session.ByCode || by == session.ByCard {
		return api.Done{}, fmt.Errorf("%q is what a driver at the kiosk is written down as: say who stops the session",
			by)
	}
	control := o.control
	for _, x := range control.Snapshot().State.Sessions {
		if x.Reference == reference && x.Record != session.RecordClosed {
			o := session.Observation{What: session.StopPressed, Session: x.ID, By: by}
			return api.Done{Done: true}, control.Do(ctx, o)
		}
	}
	return api.Done{}, fmt.Errorf("session %s %w", reference, errNoSession)
}

// errNoSession is of a session that has ended, or never was.
var errNoSession = errors.New("is not open")

// served is a site as api.Serve has it.
type served struct {
	owner
	*office
	granter
	operator *operator // nil without one
}

// Examine implements api.Site.
func (s served) Examine(ctx context.Context) ([]api.Finding, error) {
	found, err := s.owner.Examine(ctx)
	return append(append(found, s.findings()...), s.operator.findings(ctx)...), err
}

// Underway implements api.Site: a turn like any other, which a daemon that hangs does not take.
func (s served) Underway(ctx context.Context) (api.Drained, error) {
	err := s.owner.control.Do(ctx, session.Observation{What: session.Ticked})
	return s.underway(), err
}

// ClearFault implements api.Site.
func (s served) ClearFault(ctx context.Context, code kiosk.FaultCode, bay int, by string) (api.Done, error) {
	return api.Done{Done: true}, s.owner.control.ClearFault(ctx, code, bay, by)
}
