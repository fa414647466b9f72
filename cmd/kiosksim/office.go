package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/oklog/ulid/v2"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"kioskd"
	"kioskd/backoffice"
	"kioskd/backoffice/receiver"
	"kioskd/cli"
)

// officeOptions are the flags of simulate backoffice.
type officeOptions struct {
	dir, listen, hosts, enroll, instruct, nats, credentials string
	receipts                                                string
	replicas                                                int
	check                                                   bool
	format                                                  string
	refuse                                                  string
}

// simulateOffice serves a back office: an authority of its own, a receiver over HTTPS or of a
// JetStream, an SQLite database.
func (p program) simulateOffice(fs *pflag.FlagSet) cli.Run {
	var o officeOptions
	fs.StringVar(&o.dir, "dir", "backoffice", "`folder` with the authority, the keys and the database")
	fs.StringVar(&o.listen, "listen", "tcp://127.0.0.1:8443", "`address`: tcp://HOST:PORT")
	fs.StringVar(
		&o.receipts, "receipts", "", "`address` at which telephones open receipts, without TLS: tcp://HOST:PORT")
	fs.StringVar(&o.hosts, "hosts", "localhost,127.0.0.1", "`names` and addresses under which kiosks reach it")
	fs.StringVar(
		&o.enroll, "enroll", "", "issue a certificate for a `kiosk`, print what its configuration needs, and end")
	fs.StringVar(&o.instruct, "instruct", "", "sign the instruction in a `file` (- for standard input), hand it "+
		"over with the next answer, and end")
	fs.BoolVar(&o.check, "check", false, "compute every tree again, print what is here of each kiosk, and end")
	fs.StringVar(&o.format, "format", "table", "`form` of --check: table or json")
	fs.StringVar(&o.nats, "nats", "", "take from the JetStream of these `servers` (tls://…), in place of listening")
	fs.StringVar(&o.credentials, "credentials", "", "`file` with the NATS user's JWT and NKey")
	fs.IntVar(&o.replicas, "replicas", 3, "`number` of replicas of the streams")
	fs.StringVar(&o.refuse, "refuse", "", "`kinds` of records that are refused, separated by commas")
	return func(ctx context.Context, _ []string) error {
		address, ok := strings.CutPrefix(o.listen, "tcp://")
		if !ok {
			return cli.Usagef("simulate backoffice: listen %q: want tcp://HOST:PORT", o.listen)
		}
		office, err := receiver.OpenOffice(o.dir, strings.Split(o.hosts, ","))
		if err != nil {
			return err
		}
		if o.enroll != "" {
			return p.enroll(office, o.enroll, address)
		}
		log := slog.New(slog.NewTextHandler(p.Err, nil))
		r, err := receiver.Open(ctx, office.Database(), office.Signer, refuseKinds(o.refuse))
		if err != nil {
			return err
		}
		defer r.Close()
		switch {
		case o.instruct != "":
			return p.giveInstruction(ctx, r, o.instruct)
		case o.check:
			return p.checkOffice(ctx, r, o.format)
		case o.nats != "":
			return p.takeStream(ctx, office, r, o, log)
		}
		return p.serveOffice(ctx, office, r, address, o.receipts, log)
	}
}

// refuseKinds refuses records by their kind.
func refuseKinds(kinds string) func(kiosk.Leaf) string {
	all := strings.Split(kinds, ",")
	return func(l kiosk.Leaf) string {
		if kinds != "" && slices.Contains(all, l.Kind) {
			return "records of kind " + l.Kind + " are refused"
		}
		return ""
	}
}

func (p program) enroll(office *receiver.Office, id, address string) error {
	dir, err := office.Enroll(id)
	if err != nil {
		return cli.Usage(err)
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.Out, `# in the kiosk's configuration, whose site.kiosk is %s:
backoffice:
  url: https://%s/
  ca: %s
  certificate: %s
  key: %s
  signer: %s
`, id, address, filepath.Join(dir, "ca.pem"), filepath.Join(dir, "kiosk.pem"), filepath.Join(dir, "kiosk.key"),
		office.Public)
	return err
}

// giveInstruction fills in what a person need not write: an id, when it was issued, and an hour
// for its end.
func (p program) giveInstruction(ctx context.Context, r *receiver.Receiver, path string) error {
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

func (p program) checkOffice(ctx context.Context, r *receiver.Receiver, format string) error {
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

func (p program) serveOffice(ctx context.Context, office *receiver.Office, r *receiver.Receiver, address,
	receipts string, log *slog.Logger) error {
	config, err := office.TLS()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return cli.Usage(err)
	}
	g, ctx := errgroup.WithContext(ctx)
	if receipts != "" {
		handler, err := r.Receipts(log)
		if err != nil {
			return err
		}
		open, err := net.Listen("tcp", strings.TrimPrefix(receipts, "tcp://"))
		if err != nil {
			return errors.Join(cli.Usage(err), l.Close())
		}
		fmt.Fprintf(p.Out, "receipts at http://%s/r\n", open.Addr())
		serve(ctx, g, open, &http.Server{Handler: handler}, log)
	}
	fmt.Fprintf(p.Out, "back office at https://%s/\n", l.Addr())
	serve(ctx, g, l, &http.Server{Handler: r.Handler(log), TLSConfig: config}, log)
	return g.Wait()
}

// serve serves until ctx ends: with TLS where the server has it.
func serve(ctx context.Context, g *errgroup.Group, l net.Listener, s *http.Server, log *slog.Logger) {
	s.ReadHeaderTimeout, s.ErrorLog = time.Minute, slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	g.Go(func() error {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		return s.Shutdown(last)
	})
	g.Go(func() (err error) {
		if s.TLSConfig == nil {
			err = s.Serve(l)
		} else {
			err = s.ServeTLS(l, "", "")
		}
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return err
	})
}

// takeStream takes from a JetStream, and makes its streams where they are missing. What breaks
// off is begun again where the database is.
func (p program) takeStream(ctx context.Context, office *receiver.Office, r *receiver.Receiver, o officeOptions,
	log *slog.Logger) error {
	dir, err := office.Enroll("office")
	if err != nil {
		return err
	}
	files, err := backoffice.Files{CA: filepath.Join(dir, "ca.pem"), Certificate: filepath.Join(dir, "kiosk.pem"),
		Key: filepath.Join(dir, "kiosk.key")}.TLS()
	if err != nil {
		return err
	}
	options := []nats.Option{nats.Secure(files), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.Name("kioskd back office")}
	if o.credentials != "" {
		options = append(options, nats.UserCredentials(o.credentials))
	}
	conn, err := nats.Connect(o.nats, options...)
	if err != nil {
		return err
	}
	defer conn.Close()
	fmt.Fprintf(p.Out, "back office takes from %s\n", o.nats)
	for ctx.Err() == nil {
		err := receiver.Streams(ctx, conn, o.replicas)
		if err == nil {
			err = r.Consume(ctx, conn, log)
		}
		if err != nil && ctx.Err() == nil {
			log.Warn("stream", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}
