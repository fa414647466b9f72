package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"kioskd"
	"kioskd/backoffice/desk"
	"kioskd/backoffice/receiver"
	"kioskd/cli"
	"kioskd/cmd/office"
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
		cmd := office.Program{Program: p.Program}
		folder, err := receiver.OpenOffice(o.dir, strings.Split(o.hosts, ","))
		if err != nil {
			return err
		}
		if o.enroll != "" {
			return cmd.Enroll(folder, o.enroll, "https://"+address+"/")
		}
		log := slog.New(slog.NewTextHandler(p.Err, nil))
		r, err := receiver.Open(ctx, folder.Database(), folder.Signer, refuseKinds(o.refuse))
		if err != nil {
			return err
		}
		defer r.Close()
		switch {
		case o.instruct != "":
			return cmd.Instruct(ctx, r, o.instruct)
		case o.check:
			return cmd.Check(ctx, r, o.format)
		}
		ways := desk.Ways{Listen: address, Receipts: strings.TrimPrefix(o.receipts, "tcp://"), Servers: o.nats,
			Credentials: o.credentials, Replicas: o.replicas}
		return cli.Listening(ways.Receive(ctx, folder, r, p.Out, log))
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
