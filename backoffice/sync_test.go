package backoffice_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"kioskd"
	"kioskd/backoffice"
	"kioskd/backoffice/receiver"
	"kioskd/simulator"
	"kioskd/store"
)

var ctx = context.Background()

const id = "K-0042"

// office is a real receiver behind TLS, on a real port.
type office struct {
	house *receiver.Office
	*receiver.Receiver
	server *httptest.Server
	refuse atomic.Value // func(kiosk.Leaf) string
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{}
	var err error
	o.house, err = receiver.OpenOffice(t.TempDir(), []string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	o.refuse.Store(func(kiosk.Leaf) string { return "" })
	o.Receiver, err = receiver.Open(ctx, o.house.Database(), o.house.Signer,
		func(l kiosk.Leaf) string { return o.refuse.Load().(func(kiosk.Leaf) string)(l) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	o.serve(t, o.Handler(slog.New(slog.DiscardHandler)))
	return o
}

func (o *office) serve(t *testing.T, h http.Handler) {
	t.Helper()
	if o.server != nil {
		o.server.Close()
	}
	o.server = httptest.NewUnstartedServer(h)
	config, err := o.house.TLS()
	if err != nil {
		t.Fatal(err)
	}
	o.server.TLS, o.server.EnableHTTP2 = config, true
	o.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	o.server.StartTLS()
	t.Cleanup(o.server.Close)
}

// sink is a kiosk's way to the office, or to what stands in its place.
func (o *office) sink(t *testing.T, address string) *backoffice.HTTPS {
	t.Helper()
	dir, err := o.house.Enroll(id)
	if err != nil {
		t.Fatal(err)
	}
	return sinkOf(t, dir, address, true)
}

func sinkOf(t *testing.T, dir, address string, trusted bool) *backoffice.HTTPS {
	t.Helper()
	config, err := backoffice.Files{CA: filepath.Join(dir, "ca.pem"), Certificate: filepath.Join(dir, "kiosk.pem"),
		Key: filepath.Join(dir, "kiosk.key")}.TLS()
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	sink := backoffice.NewHTTPS(u, id, config, func() bool { return trusted })
	t.Cleanup(func() { sink.Close() })
	return sink
}

// journal is a real one.
func journal(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(ctx, path, func() (time.Time, time.Duration, bool) { return time.Now(), 0, true })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func fill(t *testing.T, s *store.Store, n int) {
	t.Helper()
	for from := 0; from < n; from += 100 {
		var entries []kiosk.Entry
		for i := from; i < min(n, from+100); i++ {
			entries = append(entries, entry(i))
		}
		if err := s.Append(ctx, entries...); err != nil {
			t.Fatal(err)
		}
	}
}

func entry(i int) kiosk.Entry {
	return kiosk.Entry{Session: fmt.Sprint("S", i/20), Reference: "R", Kind: "reading", Ends: i%20 == 19,
		Body: fmt.Appendf(nil, `{"at":"2026-03-02T09:00:00Z","reading":{"import_wh":%d,"serial":"20261234"}}`,
			123456+i)}
}

// newSync is a sender with a key of its own.
func newSync(t *testing.T, s kiosk.Outbox, sink backoffice.Sink, public string) *backoffice.Sync {
	t.Helper()
	return backoffice.New(config(t, s, sink, public))
}

// newKey makes a key that signs, its public text, and what verifies by it.
func newKey(t testing.TB, name string) (note.Signer, string, note.Verifier) {
	t.Helper()
	secret, _, err := backoffice.NewKey(name)
	if err != nil {
		t.Fatal(err)
	}
	signer, public, err := backoffice.OfSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return signer, public, verifier
}

func config(t *testing.T, s kiosk.Outbox, sink backoffice.Sink, public string) backoffice.Config {
	t.Helper()
	signer, key, _ := newKey(t, "kioskd")
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return backoffice.Config{Kiosk: id, Outbox: s, Sink: sink, Signer: signer, Key: key, Office: verifier,
		Every: time.Hour, Now: time.Now,
		Instruct: func(context.Context, kiosk.Instruction, string) {}, Log: slog.New(slog.DiscardHandler)}
}

// holds compares what the office has with the journal: its own sums prove each record's bytes,
// and the tree that they make is the journal's.
func (o *office) holds(t *testing.T, s *store.Store, records, refused int64) {
	t.Helper()
	all, err := o.Check(ctx)
	if err != nil {
		t.Fatal(err)
	}
	head, err := s.Verify(ctx, func(int64) {})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 || all[0].Records != records || all[0].Refused != refused || all[0].Head != head.Hash ||
		all[0].Countersigned != records {
		t.Errorf("the office has %+v, the journal %+v; want %d records, %d refused", all, head, records, refused)
	}
	if seq, point, err := s.Acked(ctx); err != nil || seq != records || !strings.Contains(point, "backoffice") {
		t.Errorf("acknowledged %d, %q, %v", seq, point, err)
	}
}

func TestEverythingArrives(t *testing.T) {
	o, s := newOffice(t), journal(t, filepath.Join(t.TempDir(), "journal.db"))
	fill(t, s, 1234)
	sync := newSync(t, s, o.sink(t, o.server.URL), o.house.Public)
	if err := sync.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	o.holds(t, s, 1234, 0)
	fill(t, s, 6)
	for range 2 { // the second has nothing to send, and asks
		if err := sync.Drain(ctx); err != nil {
			t.Fatal(err)
		}
	}
	o.holds(t, s, 1240, 0)
	if st := sync.Status(); st.Class != backoffice.Connected || st.Sent != 1240 || st.Connections != 1 || st.Out == 0 ||
		st.In == 0 {
		t.Errorf("%+v", st)
	}
}

// brokenLink is a network that breaks connections, somewhere in what is sent or answered.
func brokenLink(t *testing.T, to string) (link *simulator.Link, address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var mu sync.Mutex
	dice := rand.New(rand.NewPCG(seed, 0))
	k := &simulator.Link{To: to, Break: func() (out, in int64) {
		mu.Lock()
		defer mu.Unlock()
		return 2500 + dice.Int64N(6000), 2500 + dice.Int64N(2500)
	}}
	t.Cleanup(func() { l.Close() })
	go k.Serve(l)
	return k, l.Addr().String()
}

func TestBrokenConnections(t *testing.T) {
	o, s := newOffice(t), journal(t, filepath.Join(t.TempDir(), "journal.db"))
	fill(t, s, 5000)
	k, address := brokenLink(t, o.server.Listener.Addr().String())
	sync := newSync(t, s, o.sink(t, "https://"+address), o.house.Public)
	for tries := 0; ; tries++ {
		err := sync.Drain(ctx)
		if err == nil {
			break
		}
		if tries > 2000 {
			t.Fatal(err)
		}
	}
	if k.Broken.Load() < 5 {
		t.Errorf("the link broke %d times only", k.Broken.Load())
	}
	o.holds(t, s, 5000, 0)
}

func TestRefusedRecordsAreParked(t *testing.T) {
	o, s := newOffice(t), journal(t, filepath.Join(t.TempDir(), "journal.db"))
	fill(t, s, 700)
	o.refuse.Store(func(l kiosk.Leaf) string {
		if l.Seq%100 == 7 {
			return "no such currency"
		}
		return ""
	})
	sync := newSync(t, s, o.sink(t, o.server.URL), o.house.Public)
	if err := sync.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	o.holds(t, s, 700, 7)
	parked, err := s.Parked(ctx)
	if err != nil || len(parked) != 7 || parked[1] != (kiosk.Refusal{Seq: 107, Why: "no such currency"}) {
		t.Errorf("%v, %v", parked, err)
	}
	if n, err := s.Backlog(ctx); err != nil || n != 7 {
		t.Errorf("backlog %d, %v", n, err)
	}
	o.refuse.Store(func(l kiosk.Leaf) string {
		if l.Seq == 307 {
			return "still no such currency"
		}
		return ""
	})
	if err := errors.Join(s.SendAgain(ctx), sync.Drain(ctx)); err != nil {
		t.Fatal(err)
	}
	o.holds(t, s, 700, 1)
	parked, err = s.Parked(ctx)
	if err != nil || len(parked) != 1 ||
		parked[0] != (kiosk.Refusal{Seq: 307, Why: "still no such currency"}) {
		t.Errorf("%v, %v", parked, err)
	}
}

// TestAnotherHistory: a journal that was copied, and both of them used.
func TestAnotherHistory(t *testing.T) {
	o, dir := newOffice(t), t.TempDir()
	s := journal(t, filepath.Join(dir, "journal.db"))
	fill(t, s, 50)
	sink := o.sink(t, o.server.URL)
	c := config(t, s, sink, o.house.Public)
	if err := backoffice.New(c).Drain(ctx); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "copy.db")
	if err := s.Copy(ctx, copied); err != nil {
		t.Fatal(err)
	}
	fill(t, s, 10)
	if err := backoffice.New(c).Drain(ctx); err != nil {
		t.Fatal(err)
	}
	for name, more := range map[string]int{"rolled back": 0, "goes on otherwise": 3, "goes on for longer": 30} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "again.db")
			old, err := store.OpenReader(ctx, copied)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(old.Copy(ctx, path), old.Close()); err != nil {
				t.Fatal(err)
			}
			clone := journal(t, path)
			for range more {
				if err := clone.Append(ctx, kiosk.Entry{Kind: "other", Body: []byte(`{}`)}); err != nil {
					t.Fatal(err)
				}
			}
			c := c
			c.Outbox = clone
			err = backoffice.New(c).Drain(ctx)
			var trouble *backoffice.Trouble
			if !errors.As(err, &trouble) || trouble.Class != backoffice.Conflict {
				t.Errorf("got %v, want a conflict", err)
			}
		})
	}
	o.holds(t, s, 60, 0)
}

// TestTheOfficeLostRecords: a backup of its database was restored.
func TestTheOfficeLostRecords(t *testing.T) {
	o, s := newOffice(t), journal(t, filepath.Join(t.TempDir(), "journal.db"))
	fill(t, s, 300)
	c := config(t, s, o.sink(t, o.server.URL), o.house.Public)
	if err := backoffice.New(c).Drain(ctx); err != nil {
		t.Fatal(err)
	}
	empty := newOffice(t) // with another key and authority: what was signed before counts for nothing
	fill(t, s, 700)
	c2 := config(t, s, empty.sink(t, empty.server.URL), empty.house.Public)
	if err := backoffice.New(c2).Drain(ctx); err != nil {
		t.Fatal(err)
	}
	empty.holds(t, s, 1000, 0)
	// What was thinned here cannot come again: its hash does, so that the tree is whole, and
	// the office that has it is asked as before.
	n, err := s.Thin(ctx, time.Now().Add(time.Hour), []string{"reading"})
	if err != nil || n < 900 {
		t.Fatalf("thinned %d, %v", n, err)
	}
	third := newOffice(t)
	if err := backoffice.New(config(t, s, third.sink(t, third.server.URL), third.house.Public)).Drain(ctx); err != nil {
		t.Fatal(err)
	}
	third.holds(t, s, 1000, n)
	if parked, err := s.Parked(ctx); err != nil || len(parked) > 0 {
		t.Errorf("parked %v, %v", parked, err)
	}
	fill(t, s, 10)
	if err := backoffice.New(c2).Drain(ctx); err != nil {
		t.Fatal(err)
	}
	empty.holds(t, s, 1010, 0)
}

// losing is a way on which one answer is lost.
type losing struct {
	backoffice.Sink
	lost bool
}

func (l *losing) Send(ctx context.Context, b backoffice.Batch) (backoffice.Answer, error) {
	a, err := l.Sink.Send(ctx, b)
	if err == nil && !l.lost {
		l.lost = true
		return a, &backoffice.Trouble{Class: backoffice.Unreachable, Err: errors.New("the connection broke")}
	}
	return a, err
}

// TestARefusalInALostAnswer is heard in the next one, although the next batch is smaller.
func TestARefusalInALostAnswer(t *testing.T) {
	o, s := newOffice(t), journal(t, filepath.Join(t.TempDir(), "journal.db"))
	fill(t, s, 600)
	o.refuse.Store(func(l kiosk.Leaf) string {
		if l.Seq == 400 {
			return "no"
		}
		return ""
	})
	sync := newSync(t, s, &losing{Sink: o.sink(t, o.server.URL)}, o.house.Public)
	if err := sync.Drain(ctx); err == nil {
		t.Fatal("no answer was lost")
	}
	if err := sync.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	o.holds(t, s, 600, 1)
	if parked, err := s.Parked(ctx); err != nil || len(parked) != 1 || parked[0].Seq != 400 {
		t.Errorf("parked %v, %v", parked, err)
	}
}

// TestTakenAfterAll: what was refused before is parked no longer once it is taken, whatever
// asked for it.
func TestTakenAfterAll(t *testing.T) {
	o, s := newOffice(t), journal(t, filepath.Join(t.TempDir(), "journal.db"))
	fill(t, s, 30)
	o.refuse.Store(func(l kiosk.Leaf) string {
		if l.Seq == 7 {
			return "not today"
		}
		return ""
	})
	if err := newSync(t, s, o.sink(t, o.server.URL), o.house.Public).Drain(ctx); err != nil {
		t.Fatal(err)
	}
	empty := newOffice(t)
	if err := newSync(t, s, empty.sink(t, empty.server.URL), empty.house.Public).Drain(ctx); err != nil {
		t.Fatal(err)
	}
	empty.holds(t, s, 30, 0)
	if parked, err := s.Parked(ctx); err != nil || len(parked) > 0 {
		t.Errorf("parked %v, %v", parked, err)
	}
}

func TestInstructionsArrive(t *testing.T) {
	o, s := newOffice(t), journal(t, filepath.Join(t.TempDir(), "journal.db"))
	c := config(t, s, o.sink(t, o.server.URL), o.house.Public)
	var got []string
	c.Instruct = func(_ context.Context, in kiosk.Instruction, signed string) {
		got = append(got, fmt.Sprint(in.ID, " ", in.Do, " ", in.Bay, " ", strings.Contains(signed, in.ID)))
	}
	for i, to := range []string{id, "K-0043"} {
		in := kiosk.Instruction{ID: fmt.Sprint("I", i), Kiosk: to, Issued: time.Now(),
			Expires: time.Now().Add(time.Hour), Do: kiosk.TaskCloseBay, Bay: 2}
		if err := o.Instruct(ctx, in); err != nil {
			t.Fatal(err)
		}
	}
	sync := backoffice.New(c)
	if err := sync.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	// Its journal says what came of it: then it is no longer sent.
	body := []byte(`{"instruction":{"id":"I0"},"error":"there is no bay 2"}`)
	if err := s.Append(ctx, kiosk.Entry{Kind: "instruction_refused", Body: body}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := sync.Drain(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"I0 close_bay 2 true"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
