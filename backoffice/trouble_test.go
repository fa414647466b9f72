package backoffice_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"iter"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/backoffice"
	"kioskd/backoffice/receiver"
)

// TestTroubleIsToldApart: each way to fail has its own class, because each is mended otherwise.
func TestTroubleIsToldApart(t *testing.T) {
	answer := func(status int, kind, body string, header ...string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			w.Write([]byte(body))
		})
	}
	closing, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := closing.Addr().String()
	closing.Close()
	plain := httptest.NewServer(answer(200, "text/html", "<h1>Welcome to our WLAN</h1>"))
	defer plain.Close()
	for name, c := range map[string]struct {
		sink func(t *testing.T, o *office) *backoffice.HTTPS
		want backoffice.Class
		what string
		wait time.Duration
	}{
		"no server listens": {func(t *testing.T, o *office) *backoffice.HTTPS { return o.sink(t, "https://"+gone) },
			backoffice.Unreachable, "refused", 0},
		"no such name": {func(t *testing.T, o *office) *backoffice.HTTPS {
			return o.sink(t, "https://kioskd.invalid")
		}, backoffice.Unreachable, "", 0},
		"a page in place of TLS": {func(t *testing.T, o *office) *backoffice.HTTPS {
			return o.sink(t, strings.Replace(plain.URL, "http:", "https:", 1))
		}, backoffice.Portal, "", 0},
		"a login is wanted": {served(answer(511, "text/html", "log in")), backoffice.Portal, "511", 0},
		"another authority": {func(t *testing.T, o *office) *backoffice.HTTPS {
			return newOffice(t).sink(t, o.server.URL)
		}, backoffice.Certificate, "unknown authority", 0},
		"another name": {func(t *testing.T, o *office) *backoffice.HTTPS {
			return o.sink(t, strings.Replace(o.server.URL, "127.0.0.1", "localhost", 1))
		}, backoffice.Certificate, "localhost", 0},
		"an expired certificate": {expired(true), backoffice.Certificate, "expired", 0},
		"our clock is wrong":     {expired(false), backoffice.BadClock, "expired", 0},
		"our certificate is of another": {func(t *testing.T, o *office) *backoffice.HTTPS {
			mine, err := o.house.Enroll(id)
			if err != nil {
				t.Fatal(err)
			}
			other, err := newOffice(t).house.Enroll(id)
			if err != nil {
				t.Fatal(err)
			}
			config, err := backoffice.Files{CA: filepath.Join(mine, "ca.pem"),
				Certificate: filepath.Join(other, "kiosk.pem"), Key: filepath.Join(other, "kiosk.key")}.TLS()
			if err != nil {
				t.Fatal(err)
			}
			return backoffice.NewHTTPS(parse(t, o.server.URL), id, config, func() bool { return true })
		}, backoffice.Client, "tls", 0},
		"our certificate is of another kiosk": {func(t *testing.T, o *office) *backoffice.HTTPS {
			dir, err := o.house.Enroll("K-0099")
			if err != nil {
				t.Fatal(err)
			}
			return sinkOf(t, dir, o.server.URL, true)
		}, backoffice.Refused, "not your journal", 0},
		"not found": {served(http.NotFoundHandler()), backoffice.Refused, "404", 0},
		"in trouble": {served(answer(503, "text/plain", "", "Retry-After", "90")), backoffice.Server, "503",
			90 * time.Second},
		"too many":       {served(answer(429, "text/plain", "")), backoffice.Server, "429", 0},
		"something else": {served(answer(200, "text/html", "<html>")), backoffice.Refused, "cannot understand", 0},
		"of another epoch": {served(answer(200, "application/json", `{"epoch":"e","seq":3}`)), backoffice.Conflict,
			"epoch", 0},
		"nothing but its end": {served(answer(200, "application/json", `{"epoch":"EPOCH","seq":9}`)),
			backoffice.Refused, "did not sign", 0},
		"it takes nothing": {served(answer(200, "application/json", `{"epoch":"EPOCH","seq":0}`)),
			backoffice.Refused, "takes no record", 0},
	} {
		t.Run(name, func(t *testing.T) {
			o, s := newOffice(t), journal(t, filepath.Join(t.TempDir(), "journal.db"))
			fill(t, s, 9)
			epoch, err := s.Epoch(ctx)
			if err != nil {
				t.Fatal(err)
			}
			sink := epochSink{c.sink(t, o), epoch}
			err = newSync(t, s, sink, o.house.Public).Drain(ctx)
			var trouble *backoffice.Trouble
			if !errors.As(err, &trouble) || trouble.Class != c.want || !strings.Contains(err.Error(), c.what) ||
				trouble.Wait != c.wait {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if seq, _, err := s.Acked(ctx); err != nil || seq != 0 {
				t.Errorf("acknowledged %d, %v", seq, err)
			}
		})
	}
}

// epochSink puts the journal's epoch into answers that a test wrote before there was one.
type epochSink struct {
	backoffice.Sink
	epoch string
}

func (s epochSink) Send(ctx context.Context, b backoffice.Batch) (backoffice.Answer, error) {
	a, err := s.Sink.Send(ctx, b)
	if a.Epoch == "EPOCH" {
		a.Epoch = s.epoch
	}
	return a, err
}

func served(h http.Handler) func(*testing.T, *office) *backoffice.HTTPS {
	return func(t *testing.T, o *office) *backoffice.HTTPS {
		o.serve(t, h)
		return o.sink(t, o.server.URL)
	}
}

// expired serves with a certificate of the right authority that is no longer good.
func expired(trusted bool) func(*testing.T, *office) *backoffice.HTTPS {
	return func(t *testing.T, o *office) *backoffice.HTTPS {
		t.Helper()
		authority, err := tls.LoadX509KeyPair(filepath.Join(o.house.Dir, "ca.pem"),
			filepath.Join(o.house.Dir, "ca.key"))
		if err != nil {
			t.Fatal(err)
		}
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		text, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1),
			Subject: pkix.Name{CommonName: "x"}, NotBefore: time.Now().Add(-2 * time.Hour),
			NotAfter: time.Now().Add(-time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}, authority.Leaf,
			&key.PublicKey, authority.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{text}, PrivateKey: key}}}
		s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		s.StartTLS()
		t.Cleanup(s.Close)
		dir, err := o.house.Enroll(id)
		if err != nil {
			t.Fatal(err)
		}
		return sinkOf(t, dir, s.URL, trusted)
	}
}

// TestPortal: the same host without TLS sends us elsewhere, or to itself.
func TestPortal(t *testing.T) {
	for to, want := range map[string]bool{"http://login.example/": true, "https://127.0.0.1/": false, "": false} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if to != "" {
				w.Header().Set("Location", to)
				w.WriteHeader(http.StatusFound)
			}
		}))
		if got, found := backoffice.PortalAt(ctx, "127.0.0.1", s.URL); found != want ||
			found && got != "login.example" {
			t.Errorf("a redirect to %q: %q, %v", to, got, found)
		}
		s.Close()
	}
}

// TestTooLarge: a server that takes little gets little. Of a record that is too large alone it
// gets the hash, and the record is parked: it blocks nothing.
func TestTooLarge(t *testing.T) {
	o, s := newOffice(t), journal(t, filepath.Join(t.TempDir(), "journal.db"))
	fill(t, s, 120)
	if err := s.Append(ctx, kiosk.Entry{Kind: "huge", Body: []byte(`{"x":"` + strings.Repeat("x", 5<<20) +
		`"}`)}); err != nil {
		t.Fatal(err)
	}
	fill(t, s, 30)
	inner := o.Handler(slog.New(slog.DiscardHandler))
	o.serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		b, err := backoffice.Decode(req.Body)
		if err != nil || len(b.Leaves) > 16 {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		body, err := b.Encode()
		if err != nil {
			t.Error(err)
		}
		again := req.Clone(req.Context())
		again.Body = readCloser(body)
		inner.ServeHTTP(w, again)
	}))
	sender := newSync(t, s, o.sink(t, o.server.URL), o.house.Public)
	if err := sender.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	o.holds(t, s, 151, 1)
	parked := func() {
		t.Helper()
		if parked, err := s.Parked(ctx); err != nil || len(parked) != 1 || parked[0].Seq != 121 ||
			!strings.Contains(parked[0].Why, "too large") {
			t.Errorf("parked %v, %v", parked, err)
		}
	}
	parked()
	if err := s.SendAgain(ctx); err != nil { // it is still too large, and holds nothing up
		t.Fatal(err)
	}
	fill(t, s, 3)
	if err := sender.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	o.holds(t, s, 154, 1)
	parked()
}

// TestEverythingIsTooLarge: one that answers 413 to all is not a server that takes less.
func TestEverythingIsTooLarge(t *testing.T) {
	o, s := newOffice(t), journal(t, filepath.Join(t.TempDir(), "journal.db"))
	fill(t, s, 100)
	o.serve(t, http.HandlerFunc(func(w http.ResponseWriter,
		_ *http.Request) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	}))
	err := newSync(t, s, o.sink(t, o.server.URL), o.house.Public).Drain(ctx)
	var trouble *backoffice.Trouble
	if !errors.As(err, &trouble) || trouble.Class != backoffice.Refused {
		t.Errorf("%v", err)
	}
	if n, err := s.Backlog(ctx); err != nil || n != 100 {
		t.Errorf("backlog %d, %v", n, err)
	}
}

// TestNoConnectionIsLeft: a server that takes a request and never answers leaves no
// connection open.
func TestNoConnectionIsLeft(t *testing.T) {
	o, s := newOffice(t), journal(t, filepath.Join(t.TempDir(), "journal.db"))
	fill(t, s, 3)
	var begun atomic.Int64
	ended := make(chan struct{}, 1000)
	hang := make(chan struct{})
	o.serve(t, http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		begun.Add(1)
		defer func() { ended <- struct{}{} }()
		select { // its client goes with the connection
		case <-req.Context().Done():
		case <-hang:
		}
	}))
	defer close(hang)
	sender := newSync(t, s, o.sink(t, o.server.URL), o.house.Public)
	for range 5 {
		short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		if err := sender.Drain(short); err == nil {
			t.Error("no server answered, and all is well")
		}
		cancel()
	}
	for n := begun.Load(); n > 0; n-- { // the server notices by itself
		select {
		case <-ended:
		case <-time.After(time.Minute):
			t.Fatalf("%d requests are still open", n)
		}
	}
}

// scripted is a sink that fails or answers as a test says.
type scripted struct {
	mu   sync.Mutex
	sent []time.Duration // each batch
	from time.Time
	fail func(n int) error
}

func (s *scripted) Send(_ context.Context, b backoffice.Batch) (backoffice.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, time.Since(s.from))
	return backoffice.Answer{Epoch: b.Epoch, Seq: b.Last(), Later: true}, s.fail(len(s.sent))
}

// at is when batches were sent.
func (s *scripted) at() []time.Duration {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

func (s *scripted) Traffic() backoffice.Traffic { return backoffice.Traffic{} }
func (s *scripted) Close() error                { return nil }

// memory is an outbox without a disk.
type memory struct{ kiosk.Outbox }

func (memory) Epoch(context.Context) (string, error)                    { return "e", nil }
func (memory) Acked(context.Context) (int64, string, error)             { return 0, "", nil }
func (memory) TreeHash(context.Context, int64) (h [32]byte, err error)  { return h, nil }
func (memory) Acknowledge(context.Context, kiosk.Acknowledgement) error { return nil }
func (memory) Leaves(context.Context, int64, bool) iter.Seq2[kiosk.Leaf, error] {
	return func(func(kiosk.Leaf, error) bool) {}
}

// TestWhenItIsSent: at once at the start, on what matters, at the set interval; after trouble
// with growing pauses, for ever, and at once where a person wants it.
func TestWhenItIsSent(t *testing.T) {
	o := newOffice(t)
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{from: time.Now(), fail: func(n int) error {
			if n > 3 && n < 40 {
				return &backoffice.Trouble{Class: backoffice.Unreachable, Err: errors.New("no network")}
			}
			return nil
		}}
		sender := newSync(t, memory{}, s, o.house.Public)
		running, cancel := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() { sender.Run(running); close(done) }()
		time.Sleep(10 * time.Minute)
		sender.Poke()
		sender.Poke()
		time.Sleep(time.Minute)
		at := s.at()
		if len(at) != 2 || at[0] != 0 || at[1] != 10*time.Minute+2*time.Second {
			t.Errorf("sent at %v", at)
		}
		time.Sleep(time.Hour) // the interval
		at = s.at()
		if len(at) != 3 || at[2] != time.Hour+10*time.Minute+2*time.Second {
			t.Errorf("sent at %v", at)
		}
		time.Sleep(30 * time.Hour)
		at = s.at()
		if len(at) < 40 {
			t.Fatalf("it gave up after %d tries", len(at))
		}
		for i := 4; i < 40; i++ {
			wait := at[i] - at[i-1]
			if longest := min(15*time.Minute, time.Second<<min(i-4, 12)); wait < longest/2 || wait > longest {
				t.Errorf("pause %d is %v", i-3, wait)
			}
		}
		cancel()
		<-done
		if st := sender.Status(); st.Class != backoffice.Connected || !st.Next.IsZero() {
			t.Errorf("%+v", st)
		}
	})
}

func TestAPersonWantsItNow(t *testing.T) {
	o := newOffice(t)
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{from: time.Now(), fail: func(int) error {
			return &backoffice.Trouble{Class: backoffice.Server, Err: errors.New("503"), Wait: 30 * time.Minute}
		}}
		sender := newSync(t, memory{}, s, o.house.Public)
		running, cancel := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() { sender.Run(running); close(done) }()
		time.Sleep(time.Minute)
		sender.Poke() // what is journaled does not hurry a server that wants to be left alone
		time.Sleep(time.Minute)
		if at := s.at(); len(at) != 1 {
			t.Errorf("sent at %v, the server asked for half an hour", at)
		}
		if st := sender.Status(); st.Class != backoffice.Server || st.Next.Sub(s.from) != 30*time.Minute ||
			st.Why == "" {
			t.Errorf("%+v", st)
		}
		sender.Hurry()
		if at := s.at(); len(at) != 2 {
			t.Errorf("sent at %v, the host wanted it now", at)
		}
		cancel()
		<-done
	})
}

// TestWhoMayInstruct: a signature by the office, for this kiosk, with an end.
func TestWhoMayInstruct(t *testing.T) {
	o, other := newOffice(t), newOffice(t)
	good := kiosk.Instruction{ID: "I1", Kiosk: id, Issued: time.Now(), Expires: time.Now().Add(time.Hour),
		Do: kiosk.TaskOpenBay, Bay: 1}
	for name, c := range map[string]struct {
		change func(*kiosk.Instruction)
		house  *receiver.Office
		what   string
	}{
		"as it should be": {func(*kiosk.Instruction) {}, o.house, ""},
		"another's key":   {func(*kiosk.Instruction) {}, other.house, "no verifiable signatures"},
		"another kiosk":   {func(i *kiosk.Instruction) { i.Kiosk = "K-1" }, o.house, "is for kiosk"},
		"no end":          {func(i *kiosk.Instruction) { i.Expires = time.Time{} }, o.house, "never expires"},
		"no id":           {func(i *kiosk.Instruction) { i.ID = "" }, o.house, "has the id"},
	} {
		in := good
		c.change(&in)
		signed, err := backoffice.SignInstruction(in, c.house.Signer)
		if err != nil {
			t.Fatal(err)
		}
		got, err := backoffice.OpenInstruction(signed, verifier(t, o.house.Public), id)
		if c.what == "" && (err != nil || got.ID != "I1" || got.Bay != 1) ||
			c.what != "" && (err == nil || !strings.Contains(err.Error(), c.what)) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, c := range map[string]struct {
		now time.Time
		ok  bool
	}{"in time": {good.Issued, true}, "too late": {good.Expires, false},
		"too early":               {good.Issued.Add(-6 * time.Minute), false},
		"a clock a little behind": {good.Issued.Add(-4 * time.Minute), true}} {
		if err := backoffice.InTime(good, c.now); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
