package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"
)

//go:embed sql/*.sql
var migrations embed.FS

type migration struct {
	number int
	name   string
	text   string
}

func readMigrations() ([]migration, error) {
	names, err := fs.Glob(migrations, "sql/*.sql")
	if err != nil {
		return nil, err
	}
	sort.Strings(names)
	var out []migration
	for _, name := range names {
		number, err := strconv.Atoi(strings.TrimPrefix(name, "sql/")[:3])
		if err != nil {
			return nil, fmt.Errorf("migration %s has no number", name)
		}
		text, err := migrations.ReadFile(name)
		if err != nil {
			return nil, err
		}
		out = append(out, migration{number, name, string(text)})
	}
	return out, nil
}

// version is the number of the last migration of a journal, and the lowest that a program may
// know and still write to it; 0 for an empty database.
func (s *Store) version(ctx context.Context) (version, oldest int, err error) {
	var app, tables int
	err = s.db.QueryRowContext(ctx, "select user_version, application_id, (select count(*) from sqlite_schema) from "+
		"pragma_user_version, pragma_application_id").Scan(&version, &app, &tables)
	if err != nil {
		return 0, 0, err
	}
	if tables > 0 && app != applicationID {
		return 0, 0, fmt.Errorf("%w: name another file", ErrForeign)
	}
	if version < 4 {
		return version, version, nil
	}
	err = s.db.QueryRowContext(ctx, "select cast(value as integer) from meta where key = 'oldest'").Scan(&oldest)
	return version, oldest, err
}

// migrate brings a journal up to date. A journal that was in use is copied first.
func (s *Store) migrate(ctx context.Context, path string, write bool) error {
	version, oldest, err := s.version(ctx)
	if err != nil {
		return err
	}
	steps, err := readMigrations()
	if err != nil {
		return err
	}
	if latest := steps[len(steps)-1].number; oldest > latest {
		return fmt.Errorf("%w: it has version %d, this program knows %d: install the newer kioskd again", ErrNewer,
			version, latest)
	}
	copied := version == 0
	for _, m := range steps {
		if m.number <= version {
			continue
		}
		if !write {
			return fmt.Errorf(
				"it has version %d, this program reads %d: where it is a copy, copy the file %s-wal, too; "+
					"else start kioskd once to bring it up to date", version, m.number, filepath.Base(path))
		}
		if !copied {
			if err := s.copyBefore(ctx, path, version); err != nil {
				return err
			}
			copied = true
		}
		if err := s.inTx(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, m.text+fmt.Sprintf("\n;pragma user_version = %d; pragma application_id = %d;",
				m.number, applicationID))
			return err
		}); err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
	}
	return nil
}

func beforePath(path string, version int) string { return fmt.Sprintf("%s.v%d", path, version) }

// copyBefore keeps a journal as it is before it leaves a version. It is whole, and on disk, or
// it is not there.
func (s *Store) copyBefore(ctx context.Context, path string, version int) error {
	tmp := beforePath(path, version) + ".tmp"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.Copy(ctx, tmp); err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	if err := syncFile(tmp); err != nil {
		return fmt.Errorf("nothing was changed: cannot copy the journal: %w", err)
	}
	return replaceFile(tmp, beforePath(path, version))
}

// goBack takes a journal that a newer kioskd brought up to date back from the copy that was made
// before, where nothing was written since: nothing is lost by it. The newer one stays beside it.
func (s *Store) goBack(ctx context.Context, path string, why error) error {
	steps, err := readMigrations()
	if err != nil {
		return err
	}
	before := beforePath(path, steps[len(steps)-1].number)
	old := &Store{}
	if err := old.open(ctx, before, "ro"); err != nil {
		return errors.Join(why, old.Close())
	}
	had, now, err := old.headOf(ctx), s.headOf(ctx), old.Close()
	if err != nil || had == "" || had != now {
		return fmt.Errorf("%w; the copy of before (%s) lacks what was written since", why, filepath.Base(before))
	}
	if err := errors.Join(s.read.Close(), s.db.Close()); err != nil {
		return errors.Join(why, err)
	}
	if _, err := os.Stat(path + "-wal"); err == nil { // its log would be taken for the copy's
		return fmt.Errorf("%w; another program reads the journal", why)
	}
	// There is a journal of that name at every moment.
	if err := os.Remove(path + ".newer"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(why, err)
	}
	if err := errors.Join(os.Link(path, path+".newer"), replaceFile(before, path)); err != nil {
		return errors.Join(why, err)
	}
	return s.open(ctx, path, "rwc")
}

// headOf is how many records there are and the hash of the last one's leaf; empty where that
// cannot be told.
func (s *Store) headOf(ctx context.Context) (head string) {
	err := s.read.QueryRowContext(ctx, "select coalesce(max(seq), 0) || ' ' || (select hex(hash) || ' ' || idx from "+
		"hash order by idx desc limit 1) from record").Scan(&head)
	if err != nil {
		return ""
	}
	return head
}

// ForgetCopies deletes what lies beside a journal since its form changed, where that was before a
// time: the copies of before, and what was gone back from. It returns their names.
func ForgetCopies(path string, before time.Time) (gone []string, err error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("cannot look for old copies: %w", err)
	}
	for _, e := range entries {
		rest, ours := strings.CutPrefix(e.Name(), filepath.Base(path)+".")
		number, of := strings.CutPrefix(rest, "v")
		of = of && number != "" && strings.Trim(number, "0123456789") == ""
		if !ours || !of && rest != "newer" {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return gone, fmt.Errorf("cannot look at an old copy: %w", err)
		}
		if !info.Mode().IsRegular() || !info.ModTime().Before(before) {
			continue
		}
		if err := os.Remove(filepath.Join(filepath.Dir(path), e.Name())); err != nil {
			return gone, fmt.Errorf("cannot delete an old copy: %w", err)
		}
		gone = append(gone, e.Name())
	}
	return gone, nil
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// replaceFile renames a file that is on disk; after it the name is, too.
func replaceFile(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncFile(filepath.Dir(to))
}
