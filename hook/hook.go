// Package hook tells others what the journal says: programs by web hooks (Standard Webhooks 1.0.0), persons by e-mail.
//
// A Teller has targets. Each follows the journal by a place of its own, in a file beside it: what its target took is
// behind the place, and nothing is kept a second time. Events are told in order, one after the other, and the next only
// when the one before was taken: a target that is away gets each of them when it is back. It is tried again after 1, 2,
// 4 minutes and so on, at last every hour; after seven days of tries it is parked, with its place, until a person lets
// it go on.
// An event may arrive twice where an answer was lost; its id is the same. A new target is told what happens from then
// on. Where the file is lost, its targets are new ones.
//
// After the end of a site's day each target is told what was sold on it. Days of before seven days ago are left out.
package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"kioskd"
	"kioskd/file"
)

// Times of telling.
const (
	lookEvery = 5 * time.Second
	firstTry  = time.Minute
	lastTry   = time.Hour
	mostTries = 6 + 7*24 // an hour until they come every hour, and a week of those: no clock that is set shortens it
	saveEvery = time.Hour
	late      = 5 * time.Minute // after midnight the day is told: what was being booked is
	mostDays  = 7
)

// ErrGone means that a target wants to be told nothing any more.
var ErrGone = errors.New("the receiver wants no more of it (410 Gone)")

// Journal is what is told of.
type Journal interface {
	Epoch(context.Context) (string, error)
	Seq(context.Context) (int64, error)
	// OfKinds reads the records of some kinds after a place, in order.
	OfKinds(ctx context.Context, after int64, kinds ...string) iter.Seq2[kiosk.Record, error]
	Session(ctx context.Context, id string) iter.Seq2[kiosk.Record, error]
}

// Target is who is told.
type Target struct {
	Name  string
	Where string   // as people are shown it
	Types []string // of events; all where it is empty
	// Send tells events, at most Most at a time. They were taken when it returns nil.
	Send  func(context.Context, []Event) error
	Most  int
	Pause time.Duration // between two times
}

// State is how things stand with a target.
type State struct {
	Name   string     `json:"name"`
	Where  string     `json:"where"`
	Types  []string   `json:"types"`
	Seq    int64      `json:"record"` // up to which it was told
	Day    string     `json:"day"`    // that it is told next
	Last   *time.Time `json:"told_at,omitempty"`
	Since  *time.Time `json:"failing_since,omitempty"`
	Tries  int        `json:"tries,omitempty"`
	Next   *time.Time `json:"next_try,omitempty"`
	Why    string     `json:"error,omitempty"`
	Parked bool       `json:"parked,omitempty"`
}

// Teller tells targets.
type Teller struct {
	Kiosk   string
	Zone    *time.Location
	Journal Journal
	Daily   func(ctx context.Context, day string) (Daily, error)
	Now     func() time.Time
	Trusted func() bool // whether the clock is right: no day is over by a clock that may be wrong
	Log     *slog.Logger
	Path    string // of the file with the places
	Targets []Target

	mu     sync.Mutex
	saved  time.Time // when the file was written
	behind bool      // the file
	states map[string]State
	wake   map[string]chan struct{}
}

// Open reads the places, or begins at the journal's end where there is none.
func (t *Teller) Open(ctx context.Context) error {
	was := map[string]State{}
	text, err := os.ReadFile(t.Path)
	if err == nil {
		err = json.Unmarshal(text, &was)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Log.Error("the places of web hooks and mail are lost: they begin anew", "path", t.Path, "error", err)
		was = map[string]State{}
	}
	end, err := t.Journal.Seq(ctx)
	if err != nil {
		return err
	}
	t.states, t.wake = map[string]State{}, map[string]chan struct{}{}
	for _, to := range t.Targets {
		s, ok := was[to.Name]
		if !ok || s.Seq > end { // new, or the journal is another one
			s = State{Seq: end}
			if t.Trusted() {
				s.Day = t.today()
			}
		}
		s.Name, s.Where, s.Types = to.Name, to.Where, to.Types
		t.states[to.Name], t.wake[to.Name] = s, make(chan struct{}, 1)
	}
	return t.save()
}

// today is the site's day, which begins a little late.
func (t *Teller) today() string { return t.Now().Add(-late).In(t.Zone).Format(time.DateOnly) }

// save writes the places down.
func (t *Teller) save() error {
	text, err := json.Marshal(t.states)
	if err != nil {
		return err
	}
	t.saved, t.behind = time.Now(), false
	return file.Write(t.Path, text, 0o600)
}

// change changes the state of a target, and keeps it.
func (t *Teller) change(name string, f func(*State)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.states[name]
	f(&s)
	t.states[name] = s
	if err := t.save(); err != nil {
		t.Log.Error("the places of web hooks and mail were not kept: some may be told twice", "error", err)
	}
}

// passed moves a place over what is not told. It is kept now and then alone: a journal grows all the time.
func (t *Teller) passed(name string, upTo int64) {
	t.mu.Lock()
	s := t.states[name]
	t.behind = t.behind || upTo > s.Seq
	s.Seq = upTo
	t.states[name] = s
	due := t.behind && time.Since(t.saved) >= saveEvery
	t.mu.Unlock()
	if due {
		t.change(name, func(*State) {})
	}
}

func (t *Teller) state(name string) State {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.states[name]
}

// States lists how things stand, in the order of the targets.
func (t *Teller) States() (out []State) {
	for _, to := range t.Targets {
		out = append(out, t.state(to.Name))
	}
	return out
}

// Run tells until ctx ends.
func (t *Teller) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, to := range t.Targets {
		all.Go(func() {
			for ctx.Err() == nil {
				wait := t.look(ctx, to)
				select {
				case <-ctx.Done():
				case <-t.wake[to.Name]:
				case <-time.After(wait):
				}
			}
		})
	}
	all.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.behind {
		if err := t.save(); err != nil {
			t.Log.Error("the places of web hooks and mail were not kept", "error", err)
		}
	}
}

// look tells what there is to tell, and returns when to look again.
func (t *Teller) look(ctx context.Context, to Target) (wait time.Duration) {
	s, now := t.state(to.Name), t.Now()
	switch {
	case s.Parked:
		return lastTry
	case s.Next != nil && now.Before(*s.Next) && s.Next.Sub(now) <= lastTry: // further off was the clock that said it
		return s.Next.Sub(now)
	}
	if day := t.today(); t.Trusted() && (s.Day == "" || s.Day > day) { // the clock was wrong, or not known
		t.change(to.Name, func(s *State) { s.Day = day })
		return 0
	}
	events, upTo, err := t.events(ctx, to, s)
	if err != nil {
		t.Log.Error("what is to be told cannot be read", "to", to.Name, "error", err)
	}
	if len(events) == 0 {
		t.passed(to.Name, upTo) // of what was looked at nothing is told
		if err != nil {
			return firstTry
		}
		return lookEvery
	}
	if err := to.Send(ctx, events); err != nil {
		if ctx.Err() == nil {
			t.failed(to.Name, err)
		}
		return 0
	}
	t.change(to.Name, func(s *State) { s.took(events, upTo, now, to.Pause) })
	return 0
}

// took is that a target took events.
func (s *State) took(events []Event, upTo int64, now time.Time, pause time.Duration) {
	for _, e := range events {
		if e.day != "" {
			s.Day = next(e.day)
		}
	}
	s.Seq, s.Last, s.Since, s.Tries, s.Why, s.Next = upTo, &now, nil, 0, "", nil
	if pause > 0 {
		again := now.Add(pause)
		s.Next = &again
	}
}

// next is the day after a day.
func next(day string) string {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	return at.AddDate(0, 0, 1).Format(time.DateOnly)
}

// failed says when a target is tried again.
func (t *Teller) failed(name string, why error) {
	now := t.Now()
	t.change(name, func(s *State) {
		if s.Since == nil {
			s.Since = &now
		}
		again := now.Add(min(firstTry<<min(s.Tries, 10), lastTry))
		s.Tries, s.Next, s.Why = s.Tries+1, &again, why.Error()
		s.Parked = errors.Is(why, ErrGone) || s.Tries >= mostTries
		t.Log.Warn("not told", "to", name, "error", why, "tries", s.Tries, "parked", s.Parked)
	})
}

// wants tells whether a target is told events of a type.
func (to Target) wants(kind string) bool {
	return len(to.Types) == 0 || slices.Contains(to.Types, kind)
}

// events are the next that a target is told: those of days that are over, then those of records up to a place. Where
// a day cannot be read, what happened is told all the same, with the error.
func (t *Teller) events(ctx context.Context, to Target, s State) (out []Event, upTo int64, err error) {
	upTo = s.Seq
	var failed error
	if to.wants(kiosk.ToldDaily) && t.Trusted() {
		out, failed = t.days(ctx, to, s)
		if len(out) >= to.Most {
			return out, upTo, failed
		}
	}
	var asked []string
	for kind, told := range kinds {
		if to.wants(told) {
			asked = append(asked, string(kind))
		}
	}
	end, err := t.Journal.Seq(ctx) // before what is read: what comes meanwhile is not passed over
	if err != nil || len(asked) == 0 {
		return out, max(upTo, end), errors.Join(failed, err)
	}
	epoch, err := t.Journal.Epoch(ctx)
	if err != nil {
		return nil, 0, err
	}
	for r, err := range t.Journal.OfKinds(ctx, s.Seq, asked...) {
		if err != nil {
			return nil, 0, err
		}
		e, tell, err := t.event(ctx, epoch, r)
		if err != nil {
			return nil, 0, err
		}
		upTo = r.Seq
		if tell {
			out = append(out, e)
		}
		if len(out) == to.Most {
			return out, upTo, failed
		}
	}
	return out, max(upTo, end), failed
}

// days are what was sold on days that are over.
func (t *Teller) days(ctx context.Context, to Target, s State) (out []Event, err error) {
	today := t.today()
	at, err := time.Parse(time.DateOnly, today)
	if err != nil {
		return nil, fmt.Errorf("the day of the site cannot be read: %w", err)
	}
	day := max(s.Day, at.AddDate(0, 0, -mostDays).Format(time.DateOnly))
	for ; day < today && len(out) < to.Most; day = next(day) {
		sold, err := t.Daily(ctx, day)
		if err != nil {
			return out, err
		}
		end, err := time.ParseInLocation(time.DateOnly, next(day), t.Zone)
		if err != nil {
			return nil, err
		}
		out = append(out, Event{ID: fmt.Sprintf("evt_%s_%s", t.Kiosk, day), Type: kiosk.ToldDaily, At: end,
			Kiosk: t.Kiosk,
			Data:  sold, day: day})
	}
	return out, nil
}

// errNoTarget is for a name that there is not.
var errNoTarget = errors.New("there is no such web hook")

// target finds a target by name.
func (t *Teller) target(name string) (Target, error) {
	i := slices.IndexFunc(t.Targets, func(to Target) bool { return to.Name == name })
	if i < 0 {
		return Target{}, fmt.Errorf("%q: %w", name, errNoTarget)
	}
	return t.Targets[i], nil
}

// Test tells a target one event, outside of the order.
func (t *Teller) Test(ctx context.Context, name string) error {
	to, err := t.target(name)
	if err != nil {
		return err
	}
	now := t.Now()
	return to.Send(ctx, []Event{{ID: fmt.Sprintf("evt_test_%d", now.UnixNano()), Type: kiosk.ToldTest, At: now,
		Kiosk: t.Kiosk}})
}

// Resume tries a target at once, also one that was parked.
func (t *Teller) Resume(name string) error {
	if _, err := t.target(name); err != nil {
		return err
	}
	t.change(name, func(s *State) { s.Parked, s.Next, s.Tries, s.Since = false, nil, 0, nil })
	select {
	case t.wake[name] <- struct{}{}:
	default:
	}
	return nil
}
