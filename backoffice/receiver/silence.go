package receiver

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"kioskd"
	"kioskd/hook"
	"kioskd/session"
)

// Listen writes down which kiosks have sent nothing for longer than they may, and which of them were heard again.
// listening is since when this process could have heard them: what nobody listened for was not silence.
func (r *Receiver) Listen(ctx context.Context, may time.Duration, listening time.Time) error {
	heard, err := r.heard(ctx)
	if err != nil {
		return err
	}
	was, err := r.silent(ctx)
	if err != nil {
		return err
	}
	now := r.now().UTC()
	for id, at := range heard {
		since, silent := was[id]
		kind := ""
		switch {
		case silent && at.After(since):
			kind, at = hook.KioskHeard, since
		case !silent && now.Sub(at) > may && now.Sub(listening) > may:
			kind = hook.KioskSilent
		default:
			continue
		}
		_, err := r.db.ExecContext(ctx, "insert into silence (kiosk, kind, at, since) values (?, ?, ?, ?)", id, kind,
			now.Format(time.RFC3339), at.Format(time.RFC3339))
		if err != nil {
			return err
		}
		r.changed()
	}
	return nil
}

// heard is when each kiosk sent its last batch.
func (r *Receiver) heard(ctx context.Context) (map[string]time.Time, error) {
	return r.times(ctx, "select kiosk, max(seen) from journal where seen <> '' group by kiosk")
}

// silent are the kiosks that were found silent and not heard since, with their last batch before.
func (r *Receiver) silent(ctx context.Context) (map[string]time.Time, error) {
	return r.times(ctx, "select kiosk, since from silence where seq in (select max(seq) from silence group by kiosk) "+
		"and kind = ?", hook.KioskSilent)
}

// times reads a time of each kiosk.
func (r *Receiver) times(ctx context.Context, query string, args ...any) (map[string]time.Time, error) {
	rows, err := r.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]time.Time{}
	for rows.Next() {
		var id, text string
		if err := rows.Scan(&id, &text); err != nil {
			return nil, err
		}
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return nil, fmt.Errorf("kiosk %s: %w", id, err)
		}
		out[id] = at
	}
	return out, rows.Err()
}

// Silences are the kiosks that are silent.
func (r *Receiver) Silences(ctx context.Context) (out []string, err error) {
	was, err := r.silent(ctx)
	for id := range was {
		out = append(out, id)
	}
	slices.Sort(out)
	return out, err
}

// Told is what the back office itself tells of, as a journal of its own: silences.
type Told struct{ *Receiver }

// Epoch is the database's id.
func (t Told) Epoch(ctx context.Context) (id string, err error) {
	err = t.db.QueryRowContext(ctx, "select id from office").Scan(&id)
	return id, err
}

// Seq is the place of the last silence.
func (t Told) Seq(ctx context.Context) (seq int64, err error) {
	err = t.db.QueryRowContext(ctx, "select coalesce(max(seq), 0) from silence").Scan(&seq)
	return seq, err
}

// OfKinds reads the silences of some kinds after a place, in order.
func (t Told) OfKinds(ctx context.Context, after int64, kinds ...string) iter.Seq2[kiosk.Record, error] {
	return func(yield func(kiosk.Record, error) bool) {
		rows, err := t.db.QueryContext(ctx, "select seq, kind, at, kiosk, since from silence where seq > ? and "+
			"instr(?, ',' || kind || ',') order by seq", after, ","+strings.Join(kinds, ",")+",")
		if err != nil {
			yield(kiosk.Record{}, err)
			return
		}
		defer rows.Close() // what went wrong, rows.Err tells
		for rows.Next() {
			var at, id, since string
			var r kiosk.Record
			err := rows.Scan(&r.Seq, &r.Kind, &at, &id, &since)
			silence := hook.Silence{Kiosk: id}
			if err == nil {
				r.Wall, err = time.Parse(time.RFC3339, at)
			}
			if err == nil {
				silence.Since, err = time.Parse(time.RFC3339, since)
			}
			if err == nil {
				r.Body, err = json.Marshal(silence)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(kiosk.Record{}, err)
		}
	}
}

// Session has no record: a silence is of none.
func (t Told) Session(context.Context, string) iter.Seq2[kiosk.Record, error] {
	return func(func(kiosk.Record, error) bool) {}
}

// Visit is that a person came in at the page, or was refused.
type Visit struct {
	At   time.Time
	Kind session.Kind
	Note session.NoteBody
}

// Note writes a visit down.
func (r *Receiver) Note(ctx context.Context, kind session.Kind, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	_, err = r.db.ExecContext(ctx, "insert into visit (at, kind, body) values (?, ?, ?)",
		r.now().UTC().Format(time.RFC3339), string(kind), string(text))
	return err
}

// Visits are the last ones, the newest first.
func (r *Receiver) Visits(ctx context.Context, most int) (out []Visit, err error) {
	rows, err := r.db.QueryContext(ctx, "select at, kind, body from visit order by seq desc limit ?", most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v Visit
		var at, body string
		if err := rows.Scan(&at, &v.Kind, &body); err != nil {
			return nil, err
		}
		v.At, err = time.Parse(time.RFC3339, at)
		if err == nil {
			err = json.Unmarshal([]byte(body), &v.Note)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read a visit: %w", err)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}
