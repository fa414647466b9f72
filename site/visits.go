package site

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"kioskd/session"
	"kioskd/store"
)

// How often counters go to the disk.
const countEvery = time.Minute

// digestAfter is how long after its end a day's record is written.
const digestAfter = 5 * time.Minute

// visitors counts what visitors do at the screen, by the site's day and hour: in memory, each minute beside the
// journal, and once a day is over in one record of the journal, which back offices get, too. No visitor is told from
// another.
type visitors struct {
	journal *store.Store
	control *session.Controller
	now     func() time.Time // the site's
	log     *slog.Logger

	mu    sync.Mutex
	fresh []store.Count
}

// count counts something.
func (v *visitors) count(what string) {
	now := v.now()
	c := store.Count{Day: now.Format(time.DateOnly), Hour: now.Hour(), What: what, N: 1}
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, f := range v.fresh {
		if f.Day == c.Day && f.Hour == c.Hour && f.What == c.What {
			v.fresh[i].N++
			return
		}
	}
	v.fresh = append(v.fresh, c)
}

// run keeps what was counted until ctx ends.
func (v *visitors) run(ctx context.Context) {
	tick := time.NewTicker(countEvery)
	defer tick.Stop()
	for {
		v.keep(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			v.flush(context.WithoutCancel(ctx))
			return
		}
	}
}

// keep writes down what was counted, and the days that are over as a record each.
func (v *visitors) keep(ctx context.Context) {
	v.flush(ctx)
	if err := v.digest(ctx); err != nil && ctx.Err() == nil {
		v.log.Warn("visitors' counts stay beside the journal", "error", err)
	}
}

// flush puts what was counted beside the journal. What cannot be written is kept for the next time.
func (v *visitors) flush(ctx context.Context) {
	v.mu.Lock()
	fresh := v.fresh
	v.fresh = nil
	v.mu.Unlock()
	if len(fresh) == 0 {
		return
	}
	if err := v.journal.AddCounts(ctx, fresh...); err != nil {
		v.log.Warn("visitors were not counted", "error", err)
		v.mu.Lock()
		v.fresh = append(fresh, v.fresh...)
		v.mu.Unlock()
	}
}

// digest makes a record of each day that is over.
func (v *visitors) digest(ctx context.Context) error {
	counts, err := v.journal.Counts(ctx)
	if err != nil {
		return err
	}
	// a day is over some minutes after its end: what was counted in its last moment is beside the journal then
	today := v.now().Add(-digestAfter).Format(time.DateOnly)
	days := map[string][]session.VisitCount{}
	for _, c := range counts {
		if c.Day < today {
			days[c.Day] = append(days[c.Day], session.VisitCount{Hour: c.Hour, What: c.What, N: c.N})
		}
	}
	for day, counts := range days {
		slices.SortFunc(counts, func(a, b session.VisitCount) int {
			if a.Hour != b.Hour {
				return a.Hour - b.Hour
			}
			return strings.Compare(a.What, b.What)
		})
		// After a crash between the two the day is written once more, with the same counts.
		once := v.control.Note(ctx, session.VisitDigest, session.VisitsBody{Day: day, Counts: counts})
		if once == nil {
			once = v.journal.ForgetCounts(ctx, day)
		}
		err = errors.Join(err, once)
	}
	return err
}
