package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"os"
	"strings"

	"github.com/mattn/go-sqlite3"

	"kioskd"
)

// Row is something that was computed from a journal. Its body is what the program that computed it makes of it.
type Row struct {
	Kind  string
	ID    string // of its kind and source
	Owner string // rows of one owner are replaced together
	Day   string // by which it is found, as 2026-03-02
	Body  []byte
}

// Rows is a file of rows beside a journal, or beside several. All that is in it can be computed again from the
// journals: a power cut may take the last
// commits with it, and a file that is damaged, of another version or gone is
// made anew, empty. Any number of processes may have it open.
type Rows struct{ db *sql.DB }

const rowsSchema = `
create table if not exists row (
  source text not null,                   -- the journal's epoch
  kind   text not null,
  id     text not null,
  owner  text not null,
  day    text not null,
  body   text not null,
  primary key (source, kind, id)
) strict, without rowid;
create index if not exists row_day on row (kind, day, id);
create index if not exists row_newest on row (kind, id);
create index if not exists row_owner on row (source, owner);
create table if not exists position (
  source text primary key,
  at     integer not null                 -- everything up to it is in the rows
) strict;
`

// OpenRows opens a file of rows of a version. An empty path is a file in memory, which ends with Close.
func OpenRows(ctx context.Context, path string, version int) (*Rows, error) {
	r, err := openRows(ctx, path, version)
	if err == nil || path == "" {
		return r, err
	}
	var lite sqlite3.Error
	if !errors.As(err, &lite) || lite.Code != sqlite3.ErrCorrupt && lite.Code != sqlite3.ErrNotADB {
		return nil, err
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("cannot remove what is damaged: %w", err)
		}
	}
	return openRows(ctx, path, version)
}

func openRows(ctx context.Context, path string, version int) (*Rows, error) {
	if path == "" {
		path = ":memory:"
	} else if err := makeRows(path); err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", path, err)
	}
	dsn := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: url.Values{
		"_journal_mode": {"WAL"}, "_synchronous": {"NORMAL"}, "_busy_timeout": {"60000"}, "_txlock": {"immediate"},
	}.Encode()}
	db, err := sql.Open("sqlite3", dsn.String())
	if err != nil {
		return nil, err
	}
	r := &Rows{db: db}
	if path == ":memory:" { // each connection would have one of its own
		db.SetMaxOpenConns(1)
	}
	err = r.begin(ctx, version)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot open %s: %w", path, err), db.Close())
	}
	return r, nil
}

// makeRows makes an empty file that only the owner of its directory reads.
func makeRows(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrExist) {
		f, err = os.OpenFile(path, os.O_RDWR, 0)
	} else if err == nil && os.Geteuid() == 0 {
		err = likeDirectory(f)
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// begin makes the tables, and empties those of another version.
func (r *Rows) begin(ctx context.Context, version int) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		var was int
		if err := tx.QueryRowContext(ctx, "pragma user_version").Scan(&was); err != nil {
			return err
		}
		if was != version {
			_, err := tx.ExecContext(ctx, fmt.Sprintf("drop table if exists row; drop table if exists position; "+
				"pragma user_version = %d", version))
			if err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, rowsSchema)
		return err
	})
}

// Close closes the file.
func (r *Rows) Close() error { return r.db.Close() }

func (r *Rows) inTx(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, rollback(tx))
	}
	return tx.Commit()
}

// Position is up to which place of a source everything is in the rows; 0 for nothing.
func (r *Rows) Position(ctx context.Context, source string) (at int64, err error) {
	err = r.db.QueryRowContext(ctx, "select at from position where source = ?", source).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return at, err
}

// Change is a change of the rows of a source: of each owner that is named its rows take the place of those that it
// had, and the rest goes to its place.
type Change struct {
	Source   string
	From, To int64 // positions before and after
	Owners   []string
	Rows     []Row
}

// Apply makes a change, in one transaction. Where another process went on meanwhile, it does nothing: applied tells.
func (r *Rows) Apply(ctx context.Context, c Change) (applied bool, err error) {
	err = r.inTx(ctx, func(tx *sql.Tx) error {
		var at int64
		err := tx.QueryRowContext(ctx, "select at from position where source = ?", c.Source).Scan(&at)
		if err != nil && !errors.Is(err, sql.ErrNoRows) || at != c.From {
			return ignore(err, sql.ErrNoRows)
		}
		applied = true
		for _, owner := range c.Owners {
			_, err := tx.ExecContext(ctx, "delete from row indexed by row_owner where source = ? and owner = ?",
				c.Source, owner)
			if err != nil {
				return err
			}
		}
		put, err := tx.PrepareContext(ctx, "insert or replace into row values (?, ?, ?, ?, ?, ?)")
		if err != nil {
			return err
		}
		defer put.Close()
		for _, row := range c.Rows {
			if _, err := put.ExecContext(ctx, c.Source, row.Kind, row.ID, row.Owner, row.Day,
				string(row.Body)); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, "insert or replace into position values (?, ?)", c.Source, c.To)
		return err
	})
	return applied && err == nil, err
}

func ignore(err, other error) error {
	if errors.Is(err, other) {
		return nil
	}
	return err
}

// Forget empties the rows of all sources but those that are named.
func (r *Rows) Forget(ctx context.Context, but ...string) error {
	args := make([]any, len(but))
	for i, b := range but {
		args[i] = b
	}
	others, err := listed(ctx, r.db, word, "select source from position where source not in ("+
		strings.TrimSuffix(strings.Repeat("?,", len(but)), ",")+")", args...)
	if err != nil {
		return err
	}
	for _, source := range others {
		if err := r.Drop(ctx, source); err != nil {
			return err
		}
	}
	return nil
}

// Drop empties the rows of a source.
func (r *Rows) Drop(ctx context.Context, source string) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "delete from row where source = ?", source)
		if err == nil {
			_, err = tx.ExecContext(ctx, "delete from position where source = ?", source)
		}
		return err
	})
}

// Between reads the rows of a kind from one day to another, those of both days with them, by day and id.
func (r *Rows) Between(ctx context.Context, kind, from, to string) iter.Seq2[Row, error] {
	return r.query(ctx, "where kind = ? and day between ? and ? order by day, id", kind, from, to)
}

// Newest reads the rows of a kind from one day to another, the one with the highest id first; with after those below
// that id alone.
func (r *Rows) Newest(ctx context.Context, kind, from, to, after string) iter.Seq2[Row, error] {
	if after == "" {
		return r.query(ctx, "indexed by row_newest where kind = ? and day between ? and ? order by id desc", kind,
			from, to)
	}
	return r.query(ctx, "indexed by row_newest where kind = ? and id < ? and day between ? and ? order by id desc",
		kind, after, from, to)
}

// Owned reads the rows of an owner.
func (r *Rows) Owned(ctx context.Context, source, owner string) iter.Seq2[Row, error] {
	return r.query(ctx, "indexed by row_owner where source = ? and owner = ?", source, owner)
}

func (r *Rows) query(ctx context.Context, where string, args ...any) iter.Seq2[Row, error] {
	return found(ctx, r.db, func(rows *sql.Rows) (row Row, err error) {
		err = rows.Scan(&row.Kind, &row.ID, &row.Owner, &row.Day, &row.Body)
		return row, err
	}, "select kind, id, owner, day, body from row "+where, args...)
}

// Changed lists the sessions that have a record of those after one number up to another, in order of their ids.
func (s *Store) Changed(ctx context.Context, after, to int64) ([]string, error) {
	return listed(ctx, s.read, word, "select distinct session from record where seq > ? and seq <= ? and session "+
		"<> '' order by session", after, to)
}

// SiteRecords reads the records that belong to no session, of those after one number up to another, in order.
func (s *Store) SiteRecords(ctx context.Context, after, to int64) iter.Seq2[kiosk.Record, error] {
	return s.query(ctx, "where seq > ? and seq <= ? and session = '' order by seq", after, to)
}
