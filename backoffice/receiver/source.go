package receiver

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"kioskd"
	"kioskd/report"
	"kioskd/store"
)

// Journals are those that are here, as sources of reports, each with the name of its kiosk.
func (r *Receiver) Journals(ctx context.Context) (out []report.Named, err error) {
	rows, err := r.db.QueryContext(ctx, "select kiosk, epoch from journal order by kiosk, rowid")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id, epoch string
		if err := rows.Scan(&id, &epoch); err != nil {
			return nil, err
		}
		out = append(out, r.Source(id, epoch))
	}
	return out, rows.Err()
}

// source is one journal of one kiosk. A record that was refused is here without its line: it cannot be read, and its
// session is in no sum.
type source struct {
	r            *Receiver
	kiosk, epoch string
}

// Epoch implements report.Source: the journal's own, and how often a record was taken that had been refused, for then
// all that was computed of it is computed anew.
func (s source) Epoch(ctx context.Context) (string, error) {
	var times int
	err := s.r.db.QueryRowContext(ctx, "select coalesce(max(times), 0) from retaken where kiosk = ? and epoch = ?",
		s.kiosk,
		s.epoch).Scan(&times)
	if times == 0 {
		return s.epoch, err
	}
	return fmt.Sprintf("%s+%d", s.epoch, times), err
}

func (s source) Seq(ctx context.Context) (seq int64, err error) {
	err = s.r.db.QueryRowContext(ctx, "select seq from journal where kiosk = ? and epoch = ?", s.kiosk,
		s.epoch).Scan(&seq)
	return seq, err
}

func (s source) Changed(ctx context.Context, after, to int64) (ids []string, err error) {
	rows, err := s.r.db.QueryContext(ctx,
		"select distinct session from record where kiosk = ? and epoch = ? and seq > ? "+
			"and seq <= ? and session <> '' order by session", s.kiosk, s.epoch, after, to)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

func (s source) Session(ctx context.Context, id string) iter.Seq2[kiosk.Record, error] {
	return s.r.lines(ctx, "session = ?", s.kiosk, s.epoch, id)
}

func (s source) SiteRecords(ctx context.Context, after, to int64) iter.Seq2[kiosk.Record, error] {
	return s.r.lines(ctx, "session = '' and seq > ? and seq <= ?", s.kiosk, s.epoch, after, to)
}

// Counts implements report.Source: a kiosk sends those of a day as one record.
func (s source) Counts(context.Context) ([]store.Count, error) { return nil, nil }

// lines are records of a journal, in order. One that was refused has its kind, and no body.
func (r *Receiver) lines(ctx context.Context, where string, args ...any) iter.Seq2[kiosk.Record, error] {
	return func(yield func(kiosk.Record, error) bool) {
		rows, err := r.db.QueryContext(ctx,
			"select seq, session, kind, line from record where kiosk = ? and epoch = ? "+
				"and "+where+" order by seq", args...)
		if err != nil {
			yield(kiosk.Record{}, err)
			return
		}
		defer rows.Close() // what went wrong, rows.Err tells
		for rows.Next() {
			record, err := scanLine(rows)
			if !yield(record, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(kiosk.Record{}, err)
		}
	}
}

func scanLine(rows *sql.Rows) (record kiosk.Record, err error) {
	var text string
	var line struct {
		Wall    time.Time       `json:"wall"`
		Mono    int64           `json:"mono_ns"`
		ClockOK bool            `json:"clock_ok"`
		Body    json.RawMessage `json:"body"`
	}
	err = rows.Scan(&record.Seq, &record.Session, &record.Kind, &text)
	if err != nil || text == "" {
		return record, err
	}
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		return record, fmt.Errorf("cannot read record %d: %w", record.Seq, err)
	}
	record.Wall, record.Mono, record.ClockOK, record.Body = line.Wall, line.Mono, line.ClockOK, line.Body
	return record, nil
}
