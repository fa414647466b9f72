package backoffice_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"kioskd"
	"kioskd/backoffice"
	"kioskd/backoffice/natstest"
	"kioskd/backoffice/receiver"
	"kioskd/child"
	"kioskd/simulator"
	"kioskd/store"
)

var compared = flag.Int("compared", 10_000, "records in BenchmarkUplink")

const (
	halfRTT = 50 * time.Millisecond
	quiet   = 15 * time.Second // without anything new, no more is waited for
)

// edge is a store-and-forward of some kind: what takes records at a kiosk and carries them
// away.
type edge interface {
	// fill hands records over while there is no network, and returns how many it acknowledged.
	fill(lines []string) int
	// kill ends it by SIGKILL.
	kill()
	// start starts it again.
	start()
	// arrived reads the numbers of the records that reached the other end so far, in their order
	// there.
	arrived() []int
}

// BenchmarkUplink lets each take the same records without a network, kills it, starts it
// again, gives it a network of 100 ms round trip, and counts what arrives, how fast, and for
// how many bytes. Everything goes through TLS 1.3 with a client certificate.
func BenchmarkUplink(b *testing.B) {
	for _, c := range []struct {
		name string
		make func(b *testing.B, w *world) edge
	}{
		{"kioskd-HTTPS", newKioskHTTPS},
		{"kioskd-JetStream", newKioskStream},
		{"mosquitto-bridge-defaults", func(b *testing.B, w *world) edge { return newMosquitto(b, w, "") }},
		{"mosquitto-bridge-safest", func(b *testing.B, w *world) edge {
			return newMosquitto(
				b, w, "autosave_on_changes true\nautosave_interval 1\nmax_queued_messages 0\nmax_inflight_messages 0\n")
		}},
		{"rsyslog-disk-defaults", func(b *testing.B, w *world) edge { return newRsyslog(b, w, `queue.type="Disk"`) }},
		{"rsyslog-disk-safest", func(b *testing.B, w *world) edge {
			return newRsyslog(
				b, w, `queue.type="Disk" queue.checkpointInterval="1" queue.syncQueueFiles="on" queue.size="1000000"`)
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := newWorld(b)
			for b.Loop() {
				w.compare(b, c.make(b, w))
			}
		})
	}
}

// world is the network and the certificates of one comparison.
type world struct {
	house *receiver.Office
	dir   string // the kiosk's certificate
	links []*simulator.Link
	up    []func()
}

func newWorld(b *testing.B) *world {
	b.Helper()
	house, err := receiver.OpenOffice(b.TempDir(), []string{"localhost", "127.0.0.1"})
	if err != nil {
		b.Fatal(err)
	}
	dir, err := house.Enroll(id)
	if err != nil {
		b.Fatal(err)
	}
	return &world{house: house, dir: dir}
}

// link is an address on which no server listens until the network is there.
func (w *world) link(b *testing.B, to string) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	k := &simulator.Link{To: to, Delay: halfRTT}
	w.links = append(w.links, k)
	w.up = append(w.up, func() {
		l, err := net.Listen("tcp", address)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { l.Close() })
		go k.Serve(l)
	})
	return address
}

func (w *world) compare(b *testing.B, e edge) {
	b.Helper()
	lines := make([]string, *compared)
	for i := range lines {
		r := kiosk.Record{Seq: int64(i + 1), Session: fmt.Sprintf("01JN%022d", i/20), Kind: "reading",
			Body: varied(i).Body, Wall: time.Unix(int64(i), 0).UTC(), ClockOK: true}
		leaf, err := store.Leaf(r)
		if err != nil {
			b.Fatal(err)
		}
		lines[i] = string(leaf)
	}
	taken := e.fill(lines)
	e.kill()
	e.start()
	time.Sleep(2 * time.Second) // it finds out that there is no network
	for _, up := range w.up {
		up()
	}
	from, last, n := time.Now(), time.Now(), 0
	for time.Since(last) < quiet && n < taken {
		if now := len(e.arrived()); now > n {
			n, last = now, time.Now()
			if n == taken {
				break
			}
		}
		time.Sleep(20 * time.Millisecond) // nothing tells when a record arrives elsewhere
	}
	seen, doubled, disorder, before := map[int]bool{}, 0, 0, 0
	for _, seq := range e.arrived() {
		if seen[seq] {
			doubled++
		}
		seen[seq] = true
		if seq < before {
			disorder++
		}
		before = seq
	}
	bytes := int64(0)
	for _, k := range w.links {
		bytes += k.Out.Load() + k.In.Load()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(taken), "taken")
	b.ReportMetric(float64(taken-len(seen)), "lost")
	b.ReportMetric(float64(doubled), "doubled")
	b.ReportMetric(float64(disorder), "out-of-order")
	if len(seen) > 0 {
		b.ReportMetric(float64(len(seen))/max(0.001, last.Sub(from).Seconds()), "records/s")
		b.ReportMetric(float64(bytes)/float64(len(seen)), "wire-B/record")
	}
}

// varied is a record that is not like the one before: what a meter really says.
func varied(i int) kiosk.Entry {
	dice := rand.New(rand.NewPCG(uint64(i), 7))
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).Add(time.Duration(i)*10*time.Second +
		time.Duration(dice.Int64N(int64(time.Second))))
	amps := 14_000 + dice.IntN(3000)
	return kiosk.Entry{Session: fmt.Sprintf("01JN%08X%014d", dice.Uint32(), i/20), Reference: "R", Kind: "reading",
		Ends: i%20 == 19,
		Body: fmt.Appendf(nil,
			`{"at":%q,"reading":{"at":%q,"import_wh":%d,"power_w":%d,"serial":"20261234","current_ma":[%d,%d,%d]}}`,
			at.Format(time.RFC3339Nano), at.Format(time.RFC3339Nano), 1_234_567+i*31+dice.IntN(20), amps*230*3/1000,
			amps, amps+dice.IntN(200), amps-dice.IntN(200))}
}

// variable tells this test program to be a kiosk's journal and uplink: its value is a file
// with a sending.
const variable = "KIOSKD_TEST_SEND"

// sending is what such a program does: take lines from its standard input, or send.
type sending struct {
	Journal, Dir, Address, Servers, Credentials, Office, Secret string
	Fill                                                        bool
}

// beKiosk is that program.
func beKiosk(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var s sending
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	j, err := store.Open(ctx, s.Journal, func() (time.Time, time.Duration, bool) { return time.Now(), 0, true })
	if err != nil {
		return err
	}
	if s.Fill {
		for i, in := 0, bufio.NewScanner(os.Stdin); in.Scan(); i++ {
			if err := j.Append(ctx, varied(i)); err != nil { // each by itself, on disk
				return err
			}
			fmt.Println(i + 1)
		}
		select {} // until it is killed
	}
	config, err := backoffice.Files{CA: filepath.Join(s.Dir, "ca.pem"), Certificate: filepath.Join(s.Dir, "kiosk.pem"),
		Key: filepath.Join(s.Dir, "kiosk.key")}.TLS()
	if err != nil {
		return err
	}
	signer, key, err := backoffice.OfSecret(s.Secret)
	if err != nil {
		return err
	}
	office, err := note.NewVerifier(s.Office)
	if err != nil {
		return err
	}
	var sink backoffice.Sink
	if s.Servers != "" {
		sink = backoffice.NewJetStream(s.Servers, id, s.Credentials, config, func() bool { return true })
	} else {
		u, err := url.Parse(s.Address)
		if err != nil {
			return err
		}
		sink = backoffice.NewHTTPS(u, id, config, func() bool { return true })
	}
	backoffice.New(backoffice.Config{Kiosk: id, Outbox: j, Sink: sink, Signer: signer, Key: key, Office: office,
		Every: time.Hour, Now: time.Now,
		Instruct: func(context.Context, kiosk.Instruction, string) {},
		Log:      slog.New(slog.NewTextHandler(os.Stderr, nil))}).Run(ctx)
	return nil
}

// kioskEdge is kioskd's own journal and uplink, in a process that can be killed.
type kioskEdge struct {
	b *testing.B
	sending
	path   string
	cmd    *exec.Cmd
	office *receiver.Receiver
}

func newKiosk(b *testing.B, w *world) *kioskEdge {
	b.Helper()
	dir := b.TempDir()
	secret, _, err := backoffice.NewKey(id)
	if err != nil {
		b.Fatal(err)
	}
	e := &kioskEdge{b: b, path: filepath.Join(dir, "send.json"),
		sending: sending{Journal: filepath.Join(dir, "journal.db"), Dir: w.dir, Office: w.house.Public, Secret: secret}}
	e.office, err = receiver.Open(ctx, w.house.Database(), w.house.Signer, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { e.kill(); e.office.Close() })
	return e
}

func newKioskHTTPS(b *testing.B, w *world) edge {
	e := newKiosk(b, w)
	config, err := w.house.TLS()
	if err != nil {
		b.Fatal(err)
	}
	config.NextProtos = []string{"h2"}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := &http.Server{Handler: e.office.Handler(slog.New(slog.DiscardHandler)), TLSConfig: config}
	go s.ServeTLS(l, "", "")
	b.Cleanup(func() { s.Close() })
	e.Address = "https://" + w.link(b, l.Addr().String())
	return e
}

func newKioskStream(b *testing.B, w *world) edge {
	e := newKiosk(b, w)
	c := natstest.Start(b, w.house)
	conn := c.Connect()
	var all []string
	for _, s := range strings.Split(c.Servers(), ",") {
		all = append(all, "tls://"+w.link(b, strings.TrimPrefix(s, "tls://")))
	}
	e.Servers, e.Credentials = strings.Join(all, ","), c.Kiosk(id, time.Hour)
	running, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := e.office.Consume(running, conn, slog.New(slog.DiscardHandler)); err != nil && running.Err() == nil {
			b.Error(err)
		}
	}()
	b.Cleanup(func() { cancel(); <-ended })
	return e
}

func (e *kioskEdge) run(fill bool) (in io.WriteCloser, out *bufio.Scanner) {
	e.b.Helper()
	e.Fill = fill
	text, err := json.Marshal(e.sending)
	if err == nil {
		err = os.WriteFile(e.path, text, 0o600)
	}
	if err != nil {
		e.b.Fatal(err)
	}
	e.cmd = child.Command(os.Args[0])
	e.cmd.Env = append(os.Environ(), variable+"="+e.path)
	var pipe io.ReadCloser
	if fill {
		in, err = e.cmd.StdinPipe()
		if err == nil {
			pipe, err = e.cmd.StdoutPipe()
		}
		out = bufio.NewScanner(pipe)
	}
	if err == nil {
		err = e.cmd.Start()
	}
	if err != nil {
		e.b.Fatal(err)
	}
	return in, out
}

func (e *kioskEdge) fill(lines []string) (n int) {
	in, out := e.run(true)
	go func() {
		for range lines {
			fmt.Fprintln(in, ".")
		}
	}()
	for n < len(lines) && out.Scan() {
		fmt.Sscan(out.Text(), &n)
	}
	return n
}

func (e *kioskEdge) kill() {
	if e.cmd != nil {
		e.cmd.Process.Kill()
		e.cmd.Wait() // it was killed
		e.cmd = nil
	}
}

func (e *kioskEdge) start() { e.run(false) }

func (e *kioskEdge) arrived() (out []int) {
	all, err := e.office.Check(ctx)
	if err != nil {
		e.b.Fatal(err)
	}
	for _, j := range all { // Check has seen that there is no gap
		for i := range j.Records {
			out = append(out, int(i+1))
		}
	}
	return out
}

// tool is a program of others.
type tool struct {
	b    *testing.B
	args []string
	cmd  *exec.Cmd
	log  string
}

func newTool(b *testing.B, dir string, args ...string) *tool {
	b.Helper()
	if _, err := exec.LookPath(args[0]); err != nil {
		b.Skipf("skipped: %s is not installed", args[0])
	}
	p := &tool{b: b, args: args, log: filepath.Join(dir, filepath.Base(args[0])+".log")}
	b.Cleanup(p.kill)
	return p
}

func (p *tool) start() {
	p.b.Helper()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.b.Fatal(err)
	}
	defer log.Close()
	p.cmd = child.Command(p.args[0], p.args[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		p.b.Fatal(err)
	}
}

func (p *tool) kill() {
	if p.cmd != nil {
		p.cmd.Process.Kill()
		p.cmd.Wait() // it was killed
		p.cmd = nil
	}
}

// wait is for a port on which a server is about to listen.
func wait(b *testing.B, address string) {
	b.Helper()
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(20 * time.Millisecond) { // no signal from another process
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			b.Fatal(err)
		}
	}
}

// port is a free address.
func port(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func write(b *testing.B, path, text string) string {
	b.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

// mosquitto is a broker at the kiosk that bridges to another one.
type mosquitto struct {
	*tool
	address, got string
}

func newMosquitto(b *testing.B, w *world, more string) edge {
	dir := b.TempDir()
	near, far, plain := port(b), port(b), port(b)
	user := "root"
	if os.Getuid() != 0 {
		user = "mosquitto"
	}
	at := func(address string) string { _, p, _ := net.SplitHostPort(address); return p + " 127.0.0.1" }
	centre := newTool(b, dir, "mosquitto", "-c", write(b, filepath.Join(dir, "centre.conf"),
		fmt.Sprintf("user %s\nper_listener_settings true\nlistener %s\nallow_anonymous true\nlistener "+
			"%s\nallow_anonymous true\ncafile %s\ncertfile %s\nkeyfile %s\nrequire_certificate true\ntls_version "+
			"tlsv1.3\nmax_queued_messages 0\n",
			user, at(plain), at(far), filepath.Join(w.house.Dir, "ca.pem"), filepath.Join(w.house.Dir, "server.pem"),
			filepath.Join(w.house.Dir, "server.key"))))
	centre.start()
	wait(b, plain)
	_, plainPort, _ := net.SplitHostPort(plain)
	got := filepath.Join(dir, "got")
	out, err := os.Create(got)
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	sub := child.Command("mosquitto_sub", "-h", "127.0.0.1", "-p", plainPort, "-q", "1", "-t", "journal/#")
	sub.Stdout = out
	if err := sub.Start(); err != nil {
		b.Skipf("skipped: %v", err)
	}
	b.Cleanup(func() { sub.Process.Kill(); sub.Wait() })
	m := &mosquitto{address: near, got: got}
	m.tool = newTool(b, dir, "mosquitto", "-c", write(b, filepath.Join(dir, "edge.conf"),
		fmt.Sprintf("user %s\nlistener %s\nallow_anonymous true\npersistence true\npersistence_location "+
			"%s/\n%sconnection up\naddress %s\ntopic # out 1\ncleansession false\nbridge_cafile %s\nbridge_certfile "+
			"%s\nbridge_keyfile %s\nbridge_tls_version tlsv1.3\nrestart_timeout 1\nnotifications false\n",
			user, at(near), dir, more, strings.Replace(w.link(b, far), "127.0.0.1", "localhost", 1),
			filepath.Join(w.dir, "ca.pem"), filepath.Join(w.dir, "kiosk.pem"), filepath.Join(w.dir, "kiosk.key"))))
	m.start()
	return m
}

func (m *mosquitto) start() {
	m.tool.start()
	wait(m.b, m.address)
}

func (m *mosquitto) fill(lines []string) int {
	_, p, _ := net.SplitHostPort(m.address)
	pub := child.Command("mosquitto_pub", "-h", "127.0.0.1", "-p", p, "-q", "1", "-t", "journal/"+id, "-l")
	pub.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := pub.CombinedOutput(); err != nil { // it ends when all are acknowledged
		m.b.Fatalf("%v: %s", err, out)
	}
	return len(lines)
}

func (m *mosquitto) arrived() []int {
	text, err := os.ReadFile(m.got)
	if err != nil {
		m.b.Fatal(err)
	}
	return numbers(string(text))
}

func numbers(text string) (out []int) {
	for _, line := range strings.Split(text, "\n") {
		var r struct{ Seq int }
		if _, object, ok := strings.Cut(line, "{"); ok && json.Unmarshal([]byte("{"+object), &r) == nil {
			out = append(out, r.Seq)
		}
	}
	return out
}

// rsyslog is one at the kiosk that forwards to the server that listens.
type rsyslog struct {
	*tool
	address string
	mu      sync.Mutex
	got     strings.Builder
}

func newRsyslog(b *testing.B, w *world, queue string) edge {
	dir := b.TempDir()
	r := &rsyslog{address: port(b)}
	config, err := w.house.TLS()
	if err != nil {
		b.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go r.listen(l)
	host, far, _ := net.SplitHostPort(w.link(b, l.Addr().String()))
	_, near, _ := net.SplitHostPort(r.address)
	r.tool = newTool(b, dir, "rsyslogd", "-n", "-i", filepath.Join(dir, "pid"), "-f",
		write(b, filepath.Join(dir, "rsyslog.conf"),
			fmt.Sprintf(
				`global(workDirectory="%s" maxMessageSize="64k" DefaultNetstreamDriverCAFile="%s" DefaultNetstreamDriverCertFile="%s" DefaultNetstreamDriverKeyFile="%s")
module(load="imptcp")
input(type="imptcp" port="%s" address="127.0.0.1")
template(name="raw" type="string" string="%%rawmsg%%\n")
action(type="omfwd" target="%s" port="%s" protocol="tcp" template="raw" StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/certvalid"
  queue.filename="q" %s queue.saveOnShutdown="on" action.resumeRetryCount="-1" action.resumeInterval="1")
`, dir, filepath.Join(w.dir, "ca.pem"), filepath.Join(w.dir, "kiosk.pem"), filepath.Join(w.dir, "kiosk.key"), near,
				host, far, queue)))
	r.start()
	return r
}

func (r *rsyslog) start() {
	r.tool.start()
	wait(r.b, r.address)
}

func (r *rsyslog) listen(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			for in := bufio.NewScanner(c); in.Scan(); {
				r.mu.Lock()
				r.got.WriteString(in.Text() + "\n")
				r.mu.Unlock()
			}
		}()
	}
}

// fill sends lines. Nothing acknowledges them: it is given time to write its queue.
func (r *rsyslog) fill(lines []string) int {
	c, err := net.Dial("tcp", r.address)
	if err != nil {
		r.b.Fatal(err)
	}
	defer c.Close()
	for _, line := range lines {
		if _, err := fmt.Fprintf(c, "<134>Mar  2 09:00:00 kiosk kioskd: %s\n", line); err != nil {
			r.b.Fatal(err)
		}
	}
	time.Sleep(30 * time.Second) // of grace
	return len(lines)
}

func (r *rsyslog) arrived() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return numbers(r.got.String())
}
