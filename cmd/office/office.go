// Package office is the commands of a back office, which two programs have: kioskd for a host of several kiosks, and
// kiosksim for those who try a kiosk with one.
package office

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/oklog/ulid/v2"

	"kioskd"
	"kioskd/backoffice"
	"kioskd/backoffice/receiver"
	"kioskd/cli"
)

// Program is a command line.
type Program struct{ cli.Program }

// Enroll issues the certificate of a kiosk, and prints what its configuration needs. url is where it sends to.
func (p Program) Enroll(folder *receiver.Office, id, url string) error {
	dir, err := folder.Enroll(id)
	if err != nil {
		return cli.Usage(err)
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.Out, `# in the kiosk's configuration, whose site.kiosk is %s:
backoffice:
  url: %s
  ca: %s
  certificate: %s
  key: %s
  signer: %s
`, id, url, filepath.Join(dir, "ca.pem"), filepath.Join(dir, "kiosk.pem"), filepath.Join(dir, "kiosk.key"),
		folder.Public)
	return err
}

// Instruct signs the instruction in a file, which goes with the next answer, and prints its id. It fills in what a
// person need not write: an id, when it was issued, and an hour
// for its end.
func (p Program) Instruct(ctx context.Context, r *receiver.Receiver, path string) error {
	in := p.In
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return cli.Usagef("cannot read instruction: %w", err)
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	var i kiosk.Instruction
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&i); err != nil {
		return cli.Usagef("cannot read instruction: %w", err)
	}
	if i.Issued.IsZero() {
		i.Issued = time.Now().UTC().Truncate(time.Second)
	}
	if i.Expires.IsZero() {
		i.Expires = i.Issued.Add(time.Hour)
	}
	if i.ID == "" {
		i.ID = ulid.Make().String()
	}
	if err := backoffice.CheckID(i.Kiosk); err != nil {
		return cli.Usagef("instruction: kiosk %w", err)
	}
	if err := i.Check(); err != nil {
		return cli.Usagef("instruction: %w", err)
	}
	if err := r.Instruct(ctx, i); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.Out, i.ID)
	return err
}

// Check computes every tree again, and prints what is here of each kiosk.
func (p Program) Check(ctx context.Context, r *receiver.Receiver, format string) error {
	all, err := r.Check(ctx)
	if err != nil {
		return err
	}
	if format == "json" {
		for _, j := range all {
			if err := p.JSON(j); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(p.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "kiosk\trecords\trefused\tsigned by both\tlast seen\tconflict")
	for _, j := range all {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\t%s\n", j.Kiosk, j.Records, j.Refused, j.Countersigned, j.Seen, j.Conflict)
	}
	return w.Flush()
}
