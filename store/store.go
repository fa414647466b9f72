// Package store is the journal: what happened, append-only, in an SQLite database.
//
// # What is true after a crash
//
// Append returns nil only when its entries are on disk (write-ahead log, fsync on each commit): records without a gap
// in their numbers, and the hashes of their leaves in a Merkle tree (golang.org/x/mod/sumdb/tlog), all in one
// transaction. A crash or a power cut loses nothing that Append returned for, and leaves nothing of what it did not
// finish.
//
// # What the tree proves
//
// A leaf is the whole record. Verify computes every leaf again from its record and
// compares, so that a changed, missing or inserted record is found and named. A person
// who can write the file can make a new tree, and no check prevents it: what binds is who else
// knows the tree's head.
//
// One process writes; others may read at the same time.
//
// # What is sent, and what is forgotten
//
// The outbox is the records after the last that a back office acknowledged, and those that it refused, which are
// parked until a person has looked. What it has and signed for may be thinned: readings and the like go after a set
// time, while their leaves' hashes stay in the tree, so that the rest is proven as before, and the back office proves
// them. What recognises a card again lies beside the records, in no leaf, and is forgotten after a month. Nothing
// else is ever updated or deleted here.
package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/mattn/go-sqlite3"
	"golang.org/x/mod/sumdb/tlog"

	"kioskd"
)

// applicationID marks our databases: "kios".
const applicationID = 0x6b696f73

// Errors that callers branch on; each is wrapped with what to do.
var (
	ErrNewer   = errors.New("journal was made by a newer kioskd")
	ErrDamaged = errors.New("journal is damaged")
	ErrFull    = errors.New("disk is full")
	ErrInUse   = errors.New("journal is in use by another kioskd")
	ErrUnknown = errors.New("the journal has no such session")
	ErrForeign = errors.New("file is not a journal of kioskd")
)

// Clock says what time it is: for people, since the start, and whether the first can
// be trusted.
type Clock func() (wall time.Time, mono time.Duration, ok bool)

// Store is an open journal. It implements kiosk.Journal. Append is for one goroutine
// at a time; the readers are for any.
type Store struct {
	db    *sql.DB  // one connection, for writing
	read  *sql.DB  // a pool, for reading
	lock  *os.File // nil when opened for reading
	clock Clock
	seq   int64
	path  string
}

// Path is where the journal lies.
func (s *Store) Path() string { return s.path }

// Lock takes a site for one program: the one that has it writes the journal and switches what the site
// has. It is given up by Close, or when the program ends, however that comes. Where another has it
// the error is ErrInUse.
func Lock(path string) (*os.File, error) {
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open journal %s: %w", path, err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("cannot open journal %s: %w: stop it first", path, ErrInUse)
	}
	if os.Geteuid() == 0 { // the daemon must be able to take it
		err := likeDirectory(lock)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("cannot open journal %s: %w", path, err), lock.Close())
		}
	}
	return lock, nil
}

// likeDirectory gives a file to the owner of its directory.
func likeDirectory(f *os.File) error {
	dir, err := os.Stat(filepath.Dir(f.Name()))
	if err != nil {
		return err
	}
	owner := dir.Sys().(*syscall.Stat_t)
	return f.Chown(int(owner.Uid), int(owner.Gid))
}

// Open opens a journal for writing, makes it if there is none, and brings it up to date; as
// it was before it lies beside it then. What a newer kioskd brought up to date is opened where
// nothing can be lost by it, else the error is ErrNewer.
func Open(ctx context.Context, path string, clock Clock) (*Store, error) {
	lock, err := Lock(path)
	if err != nil {
		return nil, err
	}
	s := &Store{lock: lock, clock: clock, path: path}
	err = s.open(ctx, path, "rwc")
	if errors.Is(err, ErrNewer) {
		err = s.goBack(ctx, path, err)
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("cannot open journal %s: %w", path, err)
	}
	return s, nil
}

// OpenReader opens a journal for reading, also while a daemon writes it.
func OpenReader(ctx context.Context, path string) (*Store, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("cannot open journal: %w", err)
	}
	s := &Store{path: path}
	if err := s.open(ctx, path, "ro"); err != nil {
		s.Close()
		return nil, fmt.Errorf("cannot open journal %s: %w", path, err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, path, mode string) (err error) {
	if mode == "rwc" { // what drivers did no other account of the machine may read; SQLite's other files are made alike
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			err = f.Close()
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if mode == "rwc" {
		if err := setPages(ctx, path); err != nil {
			return explain(err)
		}
	}
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: url.Values{
		"mode": {mode}, "_journal_mode": {"WAL"}, "_synchronous": {"FULL"}, "_busy_timeout": {"5000"},
		"_txlock": {"immediate"}, "_foreign_keys": {"1"},
	}.Encode()}
	if mode == "ro" { // the mode of the file is the writer's to set
		dsn.RawQuery = "mode=ro&_busy_timeout=5000"
	}
	s.db, err = sql.Open("sqlite3", dsn.String())
	if err != nil {
		return err
	}
	s.db.SetMaxOpenConns(1)
	s.read, err = sql.Open("sqlite3", dsn.String())
	if err != nil {
		return err
	}
	if err := s.migrate(ctx, path, mode == "rwc"); err != nil {
		return explain(err)
	}
	if mode == "ro" {
		return nil // a reader may want to see what is damaged
	}
	return explain(s.checkTail(ctx))
}

// pageSize is that of a new journal, in bytes: a commit writes each page that it touches whole, and a reading touches
// several of which it fills little.
const pageSize = 1024

// setPages sets the size of the pages of a journal that has none yet: it cannot be changed later where the log is
// written ahead.
func setPages(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() > 0 {
		return err
	}
	db, err := sql.Open("sqlite3", (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: "mode=rw"}).String())
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf("pragma page_size = %d; vacuum", pageSize))
	return errors.Join(err, db.Close())
}

// explain turns SQLite's errors into ours, with what to do.
func explain(err error) error {
	var lite sqlite3.Error
	if !errors.As(err, &lite) {
		return err
	}
	switch lite.Code {
	case sqlite3.ErrFull:
		return fmt.Errorf("%w: %v: free some space; nothing that was acknowledged is lost", ErrFull, err)
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
		return fmt.Errorf("%w: %v: keep the file, copy it for the technician, and restore the last good copy",
			ErrDamaged, err)
	}
	if lite.Code == sqlite3.ErrIoErr {
		return fmt.Errorf("cannot read or write the disk: %w: replace the card or disk", err)
	}
	return err
}

// checkTail looks at the last records: a file that was cut or altered there is noticed
// before anything is appended to it.
func (s *Store) checkTail(ctx context.Context) error {
	if err := s.integrity(ctx, "quick_check"); err != nil {
		return err
	}
	if err := s.read.QueryRowContext(ctx, "select coalesce(max(seq), 0) from record").Scan(&s.seq); err != nil {
		return err
	}
	var hashes int64
	if err := s.read.QueryRowContext(ctx, "select coalesce(max(idx) + 1, 0) from hash").Scan(&hashes); err != nil {
		return err
	}
	if want := tlog.StoredHashCount(s.seq); hashes != want {
		return fmt.Errorf("%w: records after %d are missing: the tree has %d hashes, want %d: keep the file, copy "+
			"it for the technician, and restore the last good copy",
			ErrDamaged, s.seq, hashes, want)
	}
	for r, err := range s.Records(ctx, max(1, s.seq-99)) {
		if err != nil {
			return err
		}
		if _, err := s.leafHash(ctx, r); err != nil {
			return fmt.Errorf("%w: %v: keep the file, copy it for the technician, and restore the last good copy",
				ErrDamaged, err)
		}
	}
	return nil
}

// Close closes the journal.
func (s *Store) Close() error {
	var err error
	for _, db := range []*sql.DB{s.read, s.db} {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return err
}

func (s *Store) inTx(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, rollback(tx))
	}
	return tx.Commit()
}

// rollback undoes a transaction; SQLite may have done so already on a full disk.
func rollback(tx *sql.Tx) error {
	err := tx.Rollback()
	if errors.Is(err, sql.ErrTxDone) || err != nil && strings.Contains(err.Error(), "no transaction is active") {
		return nil
	}
	return err
}

// Append implements kiosk.Journal.
func (s *Store) Append(ctx context.Context, entries ...kiosk.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	if s.clock == nil {
		return errors.New("cannot write: the journal was opened for reading")
	}
	wall, mono, ok := s.clock()
	seq, want := s.seq, s.seq+int64(len(entries))
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		hashes := &txHashes{ctx: ctx, tx: tx}
		for _, e := range entries {
			seq++
			r := kiosk.Record{Seq: seq, Session: e.Session, Kind: e.Kind, Body: e.Body,
				Wall: wall.Truncate(time.Microsecond), Mono: int64(mono), ClockOK: ok}
			if err := insert(ctx, tx, hashes, r, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && !s.reached(want) {
		return fmt.Errorf("cannot write journal: %w", explain(err))
	}
	s.seq = want
	return nil
}

// reached tells whether the records are there although the commit reported an error. To
// append them again would break the journal.
func (s *Store) reached(seq int64) bool {
	last, err := s.Seq(context.Background())
	return err == nil && last == seq
}

func insert(ctx context.Context, tx *sql.Tx, hashes *txHashes, r kiosk.Record, e kiosk.Entry) error {
	leaf, err := Leaf(r)
	if err != nil {
		return err
	}
	stored, err := tlog.StoredHashes(r.Seq-1, leaf, hashes)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(
		ctx, "insert into record (seq, session, kind, body, wall, mono, clock_ok) values (?,?,?,?,?,?,?)",
		r.Seq, r.Session, r.Kind, string(r.Body), r.Wall.Format(time.RFC3339Nano), r.Mono, r.ClockOK); err != nil {
		return err
	}
	first := tlog.StoredHashIndex(0, r.Seq-1)
	for i, h := range stored {
		if _, err := tx.ExecContext(ctx, "insert into hash (idx, hash) values (?,?)", first+int64(i),
			h[:]); err != nil {
			return err
		}
	}
	if e.Token != "" {
		if _, err := tx.ExecContext(ctx, "insert into token (seq, token, day) values (?,?,?)", r.Seq, e.Token,
			r.Wall.Unix()/86400); err != nil {
			return err
		}
	}
	if r.Session == "" {
		return nil
	}
	// what does not change writes no page
	_, err = tx.ExecContext(ctx, `insert into session (id, reference, open) values (?, ?, ?)
		on conflict (id) do update set open = excluded.open, reference = iif(reference = '', excluded.reference,
			reference) where open <> excluded.open or reference = '' and excluded.reference <> ''`,
		r.Session, e.Reference, !e.Ends)
	return err
}

// line is a record as it is exported and hashed.
type line struct {
	Seq     int64           `json:"seq"`
	Session string          `json:"session"`
	Kind    string          `json:"kind"`
	Wall    string          `json:"wall"`
	Mono    int64           `json:"mono_ns"`
	ClockOK bool            `json:"clock_ok"`
	Body    json.RawMessage `json:"body"`
}

// Leaf is what the tree hashes of a record, and what is exported and sent: one JSON object.
func Leaf(r kiosk.Record) ([]byte, error) {
	b, err := json.Marshal(line{r.Seq, r.Session, r.Kind, r.Wall.Format(time.RFC3339Nano), r.Mono, r.ClockOK, r.Body})
	if err != nil {
		return nil, fmt.Errorf("record %d: body is not JSON: %w", r.Seq, err)
	}
	return b, nil
}

// Records reads all records from a number on, in order.
func (s *Store) Records(ctx context.Context, from int64) iter.Seq2[kiosk.Record, error] {
	return s.query(ctx, "where seq >= ? order by seq", from)
}

// Session reads the records of a session, in order.
func (s *Store) Session(ctx context.Context, id string) iter.Seq2[kiosk.Record, error] {
	return s.query(ctx, "where session = ? order by seq", id)
}

// OpenSessions reads the records of all sessions for which something is still to be
// done, in order.
func (s *Store) OpenSessions(ctx context.Context) iter.Seq2[kiosk.Record, error] {
	return s.query(ctx, "where session in (select id from session where open = 1) order by seq")
}

// With reads the records of all open sessions and of those that ever had a record of one
// of three kinds, in order.
func (s *Store) With(ctx context.Context, kind1, kind2, kind3 string) iter.Seq2[kiosk.Record, error] {
	return s.query(ctx, `where session in (select id from session where open = 1 union
		select session from record where kind in (?1, ?2, ?3)) order by seq`, kind1, kind2, kind3)
}

// RecentSessions reads, in order, the records of all open sessions, of those that ended a
// short while ago and of the n that had a record of a kind last, and the last 300 that belong
// to no session; of two kinds it keeps the last 2000.
func (s *Store) RecentSessions(ctx context.Context, kind string, n int, keep1, keep2 string) iter.Seq2[kiosk.Record,
	error] {
	const recent = "session <> '' and seq > (select coalesce(max(seq), 0) from record) - 300"
	return s.query(ctx, `where session in (select id from session where open = 1 union
		select session from record where `+recent+` union
		select session from (select session from record where kind = ?1 order by seq desc limit ?2))
		or seq in (select seq from record where session = '' order by seq desc limit 300)
		or seq in (select seq from record where kind in (?3, ?4) order by seq desc limit 2000) order by seq`, kind, n,
		keep1, keep2)
}

// Since reads the records of a kind that follow the last one of another, and that one, in
// order.
func (s *Store) Since(ctx context.Context, last, kind string) iter.Seq2[kiosk.Record, error] {
	return s.query(ctx,
		`where kind in (?1, ?2) and seq >= coalesce((select seq from record where kind = ?1 order by seq desc limit 1),
			0) order by seq`, last, kind)
}

// OfKinds reads the records of some kinds after a number, in order.
func (s *Store) OfKinds(ctx context.Context, after int64, kinds ...string) iter.Seq2[kiosk.Record, error] {
	args := []any{after}
	for _, k := range kinds {
		args = append(args, k)
	}
	return s.query(ctx, "where seq > ? and kind in (?"+strings.Repeat(", ?", len(kinds)-1)+") order by seq", args...)
}

// Newest reads the records of a kind, the last one first; a caller that has seen enough stops.
func (s *Store) Newest(ctx context.Context, kind string) iter.Seq2[kiosk.Record, error] {
	return s.query(ctx, "where kind = ?1 order by seq desc", kind)
}

// Matching reads the records of a kind whose body has a text at a JSON path, the last one
// first.
func (s *Store) Matching(ctx context.Context, kind, path, text string) iter.Seq2[kiosk.Record, error] {
	return s.query(ctx, "where kind = ?1 and json_extract(body, ?2) = ?3 order by seq desc", kind, path, text)
}

func (s *Store) query(ctx context.Context, where string, args ...any) iter.Seq2[kiosk.Record, error] {
	return func(yield func(kiosk.Record, error) bool) {
		const columns = "record.seq, session, kind, body, wall, mono, clock_ok, " +
			"coalesce((select token from token where token.seq = record.seq), '')"
		for r, err := range found(ctx, s.read, scanRecord, "select "+columns+" from record "+where, args...) {
			if !yield(r, explain(err)) {
				return
			}
		}
	}
}

func scanRecord(rows *sql.Rows) (r kiosk.Record, err error) {
	var body, wall string
	if err := rows.Scan(&r.Seq, &r.Session, &r.Kind, &body, &wall, &r.Mono, &r.ClockOK, &r.Token); err != nil {
		return r, err
	}
	r.Body = []byte(body)
	r.Wall, err = time.Parse(time.RFC3339Nano, wall)
	if err != nil {
		err = fmt.Errorf("record %d: %w", r.Seq, err)
	}
	return r, err
}

// Find is the session id of a reference or of a session id itself; the newest where a
// reference came up twice.
func (s *Store) Find(ctx context.Context, referenceOrID string) (string, error) {
	var id string
	err := s.read.QueryRowContext(
		ctx, "select id from session where id = ?1 or reference = ?1 order by id desc limit 1", referenceOrID).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("cannot find session %q: %w", referenceOrID, ErrUnknown)
	}
	return id, explain(err)
}

// FindEach lists the sessions, the newest first, whose reference has one of each's characters at its place: as it is
// typed on keys that have several. It lists most of them, not more.
func (s *Store) FindEach(ctx context.Context, each []string, most int) (ids []string, err error) {
	var glob strings.Builder
	for _, chars := range each {
		glob.WriteString("[" + chars + "]")
	}
	return listed(ctx, s.read, word, "select id from session where reference glob ?1 order by id desc limit ?2",
		glob.String(), most)
}

// Seq is the number of the last record.
func (s *Store) Seq(ctx context.Context) (seq int64, err error) {
	err = s.read.QueryRowContext(ctx, "select coalesce(max(seq), 0) from record").Scan(&seq)
	return seq, explain(err)
}

// Sum is a short form of a tariff or another text for the journal.
func Sum(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }
