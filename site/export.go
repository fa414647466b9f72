package site

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"kioskd/store"
	"kioskd/ui"
)

// doExport writes all that a technician far away needs to a stick: the journal, what is not
// settled, the log and what every device says. No configuration: it has passwords.
func (d desk) doExport(ctx context.Context, _ string, _ []string) (ui.Row, error) {
	if err := mounted(d.c.ExportTo); err != nil {
		return ui.Row{}, err
	}
	name := filepath.Join(d.c.ExportTo, "kioskd-"+time.Now().Format("20060102-150405")+".zip")
	if err := d.writeExport(ctx, name+".part"); err != nil {
		return ui.Row{}, errors.Join(fmt.Errorf("cannot export: %w", err), os.Remove(name+".part"))
	}
	if err := os.Rename(name+".part", name); err != nil {
		return ui.Row{}, err
	}
	unix.Sync() // it is about to be pulled out
	return row("export.ok", "ok", arg("Path", name)), nil
}

// mounted tells whether a folder is another disk than the one that it lies on: without a
// stick the system's own disk would be filled.
func mounted(dir string) error {
	var here, above unix.Stat_t
	if err := errors.Join(unix.Stat(dir, &here), unix.Stat(filepath.Dir(dir), &above)); err != nil {
		return fmt.Errorf("no stick is mounted at %s: %w", dir, err)
	}
	if here.Dev == above.Dev {
		return fmt.Errorf("no stick is mounted at %s", dir)
	}
	return nil
}

func (d desk) writeExport(ctx context.Context, name string) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Sync(), f.Close()) }()
	z := zip.NewWriter(f)
	for _, part := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{"journal.jsonl", func(w io.Writer) error {
			_, err := ExportJournal(ctx, w, d.journal, 1)
			return err
		}},
		{"open.json", func(w io.Writer) error {
			items, err := OpenItems(ctx, d.journal)
			return errors.Join(err, json.NewEncoder(w).Encode(items))
		}},
		{"parked.json", func(w io.Writer) error { // what a back office does not take: it is in the journal, too
			parked, err := d.journal.Parked(ctx)
			return errors.Join(err, json.NewEncoder(w).Encode(parked))
		}},
		{"devices.json", func(w io.Writer) error {
			found, err := d.owner.Examine(ctx)
			return errors.Join(err, json.NewEncoder(w).Encode(found))
		}},
		{"log.txt", func(w io.Writer) (err error) {
			for _, l := range d.log.newest() {
				_, e := fmt.Fprintf(w, "%s %s %s\n", l.at.Format(time.RFC3339), l.level, l.text)
				err = errors.Join(err, e)
			}
			return err
		}},
	} {
		w, err := z.Create(part.name)
		if err == nil {
			err = part.write(w)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return z.Close()
}

// ExportJournal writes the records from a number on, one JSON object a line, and says where the next begins.
func ExportJournal(ctx context.Context, w io.Writer, s *store.Store, from int64) (int64, error) {
	for r, err := range s.Records(ctx, from) {
		if err != nil {
			return from, err
		}
		for ; from < r.Seq; from++ {
			if _, err := fmt.Fprintf(w, "{\"seq\":%d,\"thinned\":true}\n", from); err != nil {
				return from, err
			}
		}
		leaf, err := store.Leaf(r)
		if err != nil {
			return from, err
		}
		if _, err := fmt.Fprintf(w, "%s\n", leaf); err != nil {
			return from, err
		}
		from = r.Seq + 1
	}
	return from, nil
}
