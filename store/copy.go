package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mattn/go-sqlite3"
)

// Copy makes a consistent copy of the journal as a new file, while it is written.
func (s *Store) Copy(ctx context.Context, path string) error {
	if _, err := s.read.ExecContext(ctx, "vacuum into ?", path); err != nil {
		return fmt.Errorf("cannot copy the journal to %s: %w", path, explain(err))
	}
	return nil
}

// Errors of a copy that cannot be gone on with.
var (
	errOther = errors.New("it is of another journal")
	errForm  = errors.New("it is of another version")
)

// CopyOn brings a copy of this journal up to date: it writes what is new, all of it or nothing,
// and on disk when it returns. What recognises cards is not copied, nor who has a token: one that ends would live on.
// Where there is no copy, or one
// of another version, it makes a whole new one in its place; the old one goes only when the new
// one is there. What is no copy of this journal, or cannot be read, may be all that is left of
// another kiosk's: it stays beside the new one, by the name that is returned. It is for one
// goroutine at a time, beside Append.
func (s *Store) CopyOn(ctx context.Context, from, path string) (aside string, err error) {
	err = copyNew(ctx, from, path)
	if err == nil {
		return "", nil
	}
	var lite sqlite3.Error
	keep := errors.Is(err, errOther) || errors.As(err, &lite) &&
		slices.Contains([]sqlite3.ErrNo{sqlite3.ErrCorrupt, sqlite3.ErrNotADB, sqlite3.ErrError}, lite.Code)
	if ctx.Err() != nil || !keep && !errors.Is(err, errForm) && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("cannot copy the journal to %s: %w", path, explain(err))
	}
	tmp := path + ".tmp"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := s.Copy(ctx, tmp); err != nil {
		return "", err
	}
	if err := errors.Join(forgetIn(ctx, tmp), syncFile(tmp)); err != nil {
		return "", fmt.Errorf("cannot copy the journal to %s: %w", path, explain(err))
	}
	if keep {
		aside, err = putAside(path)
		if err != nil {
			return "", fmt.Errorf("cannot keep what lies at %s: %w", path, err)
		}
	}
	return aside, replaceFile(tmp, path)
}

// putAside gives a file a name that no other has, by the time at which it was last written.
func putAside(path string) (aside string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	ext := filepath.Ext(path)
	base := strings.TrimSuffix(path, ext) + "-" + info.ModTime().UTC().Format("20060102-150405")
	for n := 0; ; n++ {
		aside = base + strings.Repeat("+", n) + ext
		if !errors.Is(errOf(os.Lstat(aside)), fs.ErrNotExist) {
			continue
		}
		// A log that was not rolled back belongs to it.
		if err := os.Rename(path+"-journal", aside+"-journal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		return aside, os.Rename(path, aside)
	}
}

func errOf(_ fs.FileInfo, err error) error { return err }

// openCopy opens a copy: without a log beside it, for it may lie on a stick that a person pulls.
func openCopy(path string) (*sql.DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: path,
		RawQuery: "mode=rw&_journal_mode=DELETE&_synchronous=FULL&_txlock=immediate"}
	db, err := sql.Open("sqlite3", dsn.String())
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

func forgetIn(ctx context.Context, path string) error {
	db, err := openCopy(path)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "pragma secure_delete = on; delete from token; delete from api_token")
	return errors.Join(err, db.Close())
}

// copyNew adds to a copy what it lacks.
func copyNew(ctx context.Context, from, path string) (err error) {
	db, err := openCopy(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	source := url.URL{Scheme: "file", OmitHost: true, Path: from, RawQuery: "mode=ro"}
	if _, err := db.ExecContext(ctx, "attach ? as j", source.String()); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	var same sql.NullBool // of empty journals nothing is said
	var ours, theirs int
	// The same database, of the same version, and the copy's last hash is one of the journal's.
	err = errors.Join(tx.QueryRowContext(ctx, "pragma main.user_version").Scan(&theirs),
		tx.QueryRowContext(ctx, "pragma j.user_version").Scan(&ours),
		tx.QueryRowContext(ctx,
			`select (select value from main.meta where key = 'epoch') = (select value from j.meta where key = 'epoch')
			and (select hash from main.hash order by idx desc limit 1) = (select hash from j.hash where idx = (select
				max(idx) from main.hash))`).Scan(&same))
	if err != nil {
		return errors.Join(err, rollback(tx))
	}
	switch {
	case !same.Bool:
		return errors.Join(errOther, rollback(tx))
	case ours != theirs:
		return errors.Join(errForm, rollback(tx))
	}
	_, err = tx.ExecContext(ctx, `insert or replace into main.session select * from j.session
			where id in (select session from j.record where seq > (select max(seq) from main.record));
		insert into main.record select * from j.record where seq > (select max(seq) from main.record);
		insert into main.thinned select seq from j.thinned where seq not in (select seq from main.thinned);
		delete from main.record where seq in (select seq from j.thinned where seq > cast((select value from main.meta
			where key = 'thinned') as integer));
		update main.meta set value = (select value from j.meta where key = 'thinned') where key = 'thinned';
		insert into main.hash select * from j.hash where idx > (select max(idx) from main.hash);
		delete from main.api_token;
		delete from main.uplink; insert into main.uplink select * from j.uplink;
		delete from main.parked; insert into main.parked select * from j.parked`)
	if err != nil {
		return errors.Join(err, rollback(tx))
	}
	return tx.Commit()
}
