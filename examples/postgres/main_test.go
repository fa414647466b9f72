package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/note"

	"kioskd"
	"kioskd/backoffice"
	"kioskd/backoffice/natstest"
	"kioskd/backoffice/receiver"
	"kioskd/child"
	"kioskd/session/sessiontest"
	"kioskd/store"
)

func TestMain(m *testing.M) {
	natstest.Main()
	os.Exit(m.Run())
}

// hang is when the test gives up.
const hang = 5 * time.Minute

// postgres is a server of its own, which can be killed.
type postgres struct {
	*testing.T
	bin, dir string
	as       *syscall.SysProcAttr
	cmd      *exec.Cmd
}

// newPostgres makes a database. A server runs for no root: root runs it as another account.
func newPostgres(t *testing.T) *postgres {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		t.Skip("skipped: no PostgreSQL (package postgresql)")
	}
	dir, err := os.MkdirTemp("", "kioskd-postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &postgres{T: t, bin: filepath.Dir(found[len(found)-1]), dir: dir}
	if os.Geteuid() == 0 {
		const nobody = 65534
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
		p.as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	cmd := exec.Command(filepath.Join(p.bin, "initdb"), "-D", filepath.Join(dir, "data"), "-A", "trust", "-U", "kioskd",
		"-E", "UTF8", "--locale", "C")
	cmd.SysProcAttr, cmd.Dir = p.as, dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(p.kill)
	return p
}

func (p *postgres) start() {
	p.Helper()
	p.cmd = child.Command(filepath.Join(p.bin, "postgres"), "-D", filepath.Join(p.dir, "data"), "-k", p.dir, "-h", "")
	attr := *p.cmd.SysProcAttr
	if p.as != nil {
		attr.Credential = p.as.Credential
	}
	p.cmd.SysProcAttr, p.cmd.Dir = &attr, p.dir
	if err := p.cmd.Start(); err != nil {
		p.Fatal(err)
	}
}

// kill ends the server by SIGKILL.
func (p *postgres) kill() {
	if p.cmd != nil {
		p.cmd.Process.Kill()
		p.cmd.Wait() // it was killed
		p.cmd = nil
	}
}

func (p *postgres) url() string { return fmt.Sprintf("host=%s user=kioskd dbname=postgres", p.dir) }

// asked is the one value of a query, as text, when it is the wanted one, or the last before the test gives up.
func (p *postgres) asked(ctx context.Context, want, query string) (got string) {
	p.Helper()
	for ctx.Err() == nil {
		db, err := pgx.Connect(ctx, p.url())
		if err == nil {
			err = errors.Join(db.QueryRow(ctx, query).Scan(&got), db.Close(ctx))
		}
		if err == nil && got == want {
			return got
		}
		if err != nil {
			got = err.Error()
		}
		time.Sleep(50 * time.Millisecond) // nothing tells when the server has it
	}
	return got
}

// kiosk is one that sends to a stream.
type sender struct {
	*testing.T
	store *store.Store
	sync  *backoffice.Sync
	sold  int
}

// sells adds sessions of 0.98 EUR, and sends until the back office has signed them.
func (k *sender) sells(ctx context.Context, n int) {
	k.Helper()
	for range n {
		k.sold++
		j := sessiontest.New(k.T)
		j.Charged()
		j.Booked(98)
		for _, r := range j.Records {
			if err := k.store.Append(ctx, kiosk.Entry{Session: fmt.Sprint("S", k.sold), Kind: r.Kind, Body: r.Body,
				Ends: r.Kind == "closed"}); err != nil {
				k.Fatal(err)
			}
		}
	}
	for {
		err := k.sync.Drain(ctx)
		left, err2 := k.store.Backlog(ctx)
		if err == nil && err2 == nil && left == 0 {
			return
		}
		if ctx.Err() != nil {
			k.Fatalf("%d records are not sent: %v", left, errors.Join(err, err2))
		}
		time.Sleep(50 * time.Millisecond) // nothing tells when the back office has signed
	}
}

// TestFilled: what kiosks sent is in PostgreSQL, byte for byte and once, also where its server was killed meanwhile.
func TestFilled(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: -short, and three NATS servers take a while")
	}
	p := newPostgres(t)
	ctx, stop := context.WithTimeout(t.Context(), hang)
	house, err := receiver.OpenOffice(t.TempDir(), []string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	cluster := natstest.Start(t, house)
	conn := cluster.Connect()
	r, err := receiver.Open(ctx, house.Database(), house.Signer, nil)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	defer all.Wait()
	defer stop()
	log := slog.New(slog.DiscardHandler)
	keepOn := func(f func() error) {
		all.Go(func() {
			for ctx.Err() == nil {
				f() // what breaks off is begun again
				time.Sleep(again / 10)
			}
		})
	}
	keepOn(func() error { return r.Consume(ctx, conn, log) })
	keepOn(func() error { return follow(ctx, conn, p.url(), log) })
	k := newSender(t, house, cluster)
	k.sells(ctx, 3)
	p.start()
	const taken = "select coalesce(sum(amount), 0)::text || ' ' || coalesce(max(currency), '') from capture"
	if got := p.asked(ctx, "2.94 EUR", taken); got != "2.94 EUR" {
		t.Errorf("of three sessions: %s", got)
	}
	p.kill()
	k.sells(ctx, 4)
	p.start()
	if got := p.asked(ctx, "6.86 EUR", taken); got != "6.86 EUR" {
		t.Errorf("of seven sessions: %s", got)
	}
	n := 0
	for record, err := range k.store.Records(ctx, 1) {
		if err != nil {
			t.Fatal(err)
		}
		line, err := store.Leaf(record)
		if err != nil {
			t.Fatal(err)
		}
		n++
		if got := p.asked(ctx, string(line), fmt.Sprintf("select line from record where seq = %d",
			n)); got != string(line) {
			t.Errorf("record %d: %s, want %s", n, got, line)
		}
	}
	if got := p.asked(ctx, fmt.Sprint(n), "select count(*)::text from record"); got != fmt.Sprint(n) {
		t.Errorf("%s records, the kiosk has %d", got, n)
	}
}

func newSender(t *testing.T, house *receiver.Office, cluster *natstest.Cluster) *sender {
	t.Helper()
	const id = "K-1"
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "journal.db"),
		func() (time.Time, time.Duration, bool) { return time.Now(), time.Minute, true })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	dir, err := house.Enroll(id)
	if err != nil {
		t.Fatal(err)
	}
	secure, err := backoffice.Files{CA: filepath.Join(dir, "ca.pem"), Certificate: filepath.Join(dir, "kiosk.pem"),
		Key: filepath.Join(dir, "kiosk.key")}.TLS()
	if err != nil {
		t.Fatal(err)
	}
	sink := backoffice.NewJetStream(cluster.Servers(), id, cluster.Kiosk(id, time.Hour), secure,
		func() bool { return true })
	t.Cleanup(func() { sink.Close() })
	secret, public, err := backoffice.NewKey(id)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	office, err := note.NewVerifier(house.Public)
	if err != nil {
		t.Fatal(err)
	}
	return &sender{T: t, store: s, sync: backoffice.New(backoffice.Config{Kiosk: id, Outbox: s, Sink: sink,
		Signer: signer,
		Key:    public, Office: office, Every: time.Hour, Now: time.Now, Log: slog.New(slog.DiscardHandler)})}
}
