package backoffice_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"kioskd"
	"kioskd/backoffice"
	"kioskd/backoffice/natstest"
	"kioskd/store"
)

func TestMain(m *testing.M) {
	natstest.Main()
	if path := os.Getenv(variable); path != "" {
		fmt.Fprintln(os.Stderr, beKiosk(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func (o *office) stream(t *testing.T, c *natstest.Cluster, credentials string) *backoffice.JetStream {
	t.Helper()
	dir, err := o.house.Enroll(id)
	if err != nil {
		t.Fatal(err)
	}
	config, err := backoffice.Files{CA: filepath.Join(dir, "ca.pem"), Certificate: filepath.Join(dir, "kiosk.pem"),
		Key: filepath.Join(dir, "kiosk.key")}.TLS()
	if err != nil {
		t.Fatal(err)
	}
	sink := backoffice.NewJetStream(c.Servers(), id, credentials, config, func() bool { return true })
	t.Cleanup(func() { sink.Close() })
	return sink
}

// lookAgain is how soon the office goes on where its stream has no leader. No server tells a client when it
// has elected one.
const lookAgain = 100 * time.Millisecond

// drained sends until all is sent and signed by the office, whatever goes wrong meanwhile.
func drained(t *testing.T, sync *backoffice.Sync, s *store.Store, records int64) {
	t.Helper()
	var err error
	var sent, signed int64
	for still := 0; still < 5000; still++ { // a slow disk under three servers that sync always takes its time
		err = sync.Drain(ctx)
		seq, point, err2 := s.Acked(ctx)
		if err2 != nil {
			t.Fatal(err2)
		}
		if seq != sent || countersigned(t, point) != signed {
			still, sent, signed = 0, seq, countersigned(t, point)
		}
		if err == nil && sent == records && signed == records {
			return
		}
		time.Sleep(20 * time.Millisecond) // nothing tells when the office has signed
	}
	t.Fatalf("of %d records %d are sent and %d signed, and no more follow: %v", records, sent, signed, err)
}

func countersigned(t *testing.T, point string) int64 {
	t.Helper()
	if point == "" {
		return 0
	}
	lines := strings.SplitAfterN(point, "\n", 4)
	c, err := kiosk.ParseCheckpoint(strings.Join(lines[:3], ""))
	if err != nil {
		t.Fatal(err)
	}
	return c.Records
}

// TestCluster publishes to three real servers, whose leader is killed in the middle.
func TestCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: -short starts no cluster")
	}
	o, s := newOffice(t), journal(t, filepath.Join(t.TempDir(), "journal.db"))
	c := natstest.Start(t, o.house)
	conn := c.Connect()
	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		for running.Err() == nil { // as its process would be started again
			if err := o.Consume(running, conn, slog.New(slog.DiscardHandler)); err != nil {
				t.Logf("consumer: %v", err)
				time.Sleep(lookAgain)
			}
		}
		ended <- nil
	}()
	defer func() { cancel(); <-ended }()
	sink := o.stream(t, c, c.Kiosk(id, time.Hour))
	sync := newSync(t, s, sink, o.house.Public)
	const step = 4000
	fill(t, s, step)
	drained(t, sync, s, step)
	leader := c.Leader(conn)
	if leader < 0 {
		t.Fatal("no server leads the stream")
	}
	fill(t, s, step)
	killed := make(chan struct{})
	go func() { c.Kill(leader); close(killed) }()
	drained(t, sync, s, 2*step)
	<-killed
	c.Restart(leader)
	fill(t, s, step)
	drained(t, sync, s, 3*step)
	o.holds(t, s, 3*step, 0)
	inOrder(t, conn, 3*step)

	t.Run("refused records", func(t *testing.T) {
		o.refuse.Store(func(l kiosk.Leaf) string {
			if l.Kind == "odd" {
				return "odd"
			}
			return ""
		})
		if err := s.Append(ctx, kiosk.Entry{Kind: "odd", Body: []byte(`{}`)}); err != nil {
			t.Fatal(err)
		}
		drained(t, sync, s, 3*step+1)
		if parked, err := s.Parked(ctx); err != nil || len(parked) != 1 || parked[0].Why != "odd" {
			t.Errorf("%v, %v", parked, err)
		}
		o.refuse.Store(func(kiosk.Leaf) string { return "" })
		if err := s.SendAgain(ctx); err != nil {
			t.Fatal(err)
		}
		fill(t, s, 1)
		drained(t, sync, s, 3*step+2)
		o.holds(t, s, 3*step+2, 0)
		if parked, err := s.Parked(ctx); err != nil || len(parked) != 0 {
			t.Errorf("%v, %v", parked, err)
		}
	})
	t.Run("instructions", func(t *testing.T) {
		got := make(chan string, 10)
		cfg := config(t, s, sink, o.house.Public)
		cfg.Instruct = func(_ context.Context, in kiosk.Instruction, _ string) { got <- in.ID }
		if err := o.Instruct(ctx, kiosk.Instruction{ID: "I1", Kiosk: id, Issued: time.Now(),
			Expires: time.Now().Add(time.Hour), Do: kiosk.TaskOpenBay, Bay: 1}); err != nil {
			t.Fatal(err)
		}
		asks := backoffice.New(cfg)
		for range 200 {
			if err := asks.Drain(ctx); err != nil {
				t.Fatal(err)
			}
			if len(got) > 0 {
				break
			}
			time.Sleep(50 * time.Millisecond) // the office looks every two seconds
		}
		if len(got) == 0 || <-got != "I1" {
			t.Error("the instruction did not arrive")
		}
	})
	t.Run("who is let in", func(t *testing.T) { letIn(t, o, c) })
}

// inOrder reads the stream as any client could: each record once, in order.
func inOrder(t *testing.T, conn *nats.Conn, records int64) {
	t.Helper()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(ctx, backoffice.JournalStream)
	if err != nil {
		t.Fatal(err)
	}
	for last, n, failed := int64(0), uint64(1), 0; last < records; {
		m, err := stream.GetMsg(ctx, n)
		failed++
		if err != nil && failed < 30 { // a server that was killed comes back
			time.Sleep(lookAgain)
			continue
		}
		if err != nil {
			t.Fatalf("after record %d: %v", last, err)
		}
		b, err := backoffice.Decode(bytes.NewReader(m.Data))
		if err != nil || b.Leaves[0].Seq != last+1 {
			t.Fatalf("after record %d comes %d, %v", last, b.Leaves[0].Seq, err)
		}
		last, n, failed = b.Last(), n+1, 0
	}
}

// letIn: without a certificate, with a user's time over, or with another kiosk's user nothing
// is published.
func letIn(t *testing.T, o *office, c *natstest.Cluster) {
	s := journal(t, filepath.Join(t.TempDir(), "journal.db"))
	fill(t, s, 3)
	for name, sink := range map[string]*backoffice.JetStream{
		"no user":          o.stream(t, c, ""),
		"no such file":     o.stream(t, c, "/nonexistent.creds"),
		"its time is over": o.stream(t, c, c.Kiosk(id, -time.Minute)),
	} {
		err := newSync(t, s, sink, o.house.Public).Drain(ctx)
		var trouble *backoffice.Trouble
		if !errors.As(err, &trouble) || trouble.Class != backoffice.Client {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := newOffice(t)
	err := newSync(t, s, other.stream(t, c, c.Kiosk(id, time.Hour)), o.house.Public).Drain(ctx)
	var trouble *backoffice.Trouble
	if !errors.As(err, &trouble) || trouble.Class != backoffice.Certificate {
		t.Errorf("another authority: %v", err)
	}
	if seq, _, err := s.Acked(ctx); err != nil || seq != 0 {
		t.Errorf("acknowledged %d, %v", seq, err)
	}
}
