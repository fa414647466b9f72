// Package natstest runs a real cluster of three NATS servers for tests, each a process of its
// own that can be killed, with certificates and users as an operator would set them up. It is
// for tests alone: a test's TestMain calls Main first.
package natstest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"kioskd/backoffice"
	"kioskd/backoffice/receiver"
	"kioskd/child"
)

// variable tells a test's program to be a NATS server: its value is the configuration file.
const variable = "KIOSKD_TEST_NATS"

// Main is a NATS server where a test started this program as one; else it returns.
func Main() {
	path := os.Getenv(variable)
	if path == "" {
		return
	}
	options, err := server.ProcessConfigFile(path)
	if err == nil {
		var s *server.Server
		s, err = server.NewServer(options)
		if err == nil {
			s.ConfigureLogger()
			s.Start()
			s.WaitForShutdown()
			os.Exit(0)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// Cluster is a cluster of three.
type Cluster struct {
	t     testing.TB
	dir   string
	nodes [3]*node
	house *receiver.Office
	keys  nkeys.KeyPair // the account's
}

type node struct {
	name, config, address string
	cmd                   *exec.Cmd
}

// Start starts a cluster with the certificates of a house, and makes the streams with three
// replicas each.
func Start(t testing.TB, house *receiver.Office) *Cluster {
	t.Helper()
	c := &Cluster{t: t, dir: t.TempDir(), house: house}
	preload := c.accounts()
	client, route := ports(t, 3), ports(t, 3)
	for i := range c.nodes {
		var routes []string
		for _, p := range route {
			routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", p))
		}
		n := &node{name: fmt.Sprint("n", i), config: filepath.Join(c.dir, fmt.Sprint("n", i, ".conf")),
			address: fmt.Sprintf("tls://127.0.0.1:%d", client[i])}
		text := fmt.Sprintf(`server_name: %s
listen: 127.0.0.1:%d
jetstream { store_dir: %q, sync_interval: always }
cluster { name: kioskd, listen: 127.0.0.1:%d, routes: [%s] }
tls { cert_file: %q, key_file: %q, ca_file: %q, verify: true }
log_file: %q
%s`, n.name, client[i], filepath.Join(c.dir, n.name), route[i], strings.Join(routes, ", "),
			filepath.Join(house.Dir, "server.pem"), filepath.Join(house.Dir, "server.key"),
			filepath.Join(house.Dir, "ca.pem"), filepath.Join(c.dir, n.name+".log"), preload)
		if err := os.WriteFile(n.config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c.nodes[i] = n
		c.start(n)
	}
	t.Cleanup(func() {
		for i := range c.nodes {
			c.Kill(i)
		}
	})
	c.streams()
	return c
}

// ports are free ones, as far as a process can know.
func ports(t testing.TB, n int) (out []int) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		out = append(out, l.Addr().(*net.TCPAddr).Port)
	}
	return out
}

func (c *Cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// accounts makes an operator, the system's account and one for kiosks, and returns the lines
// of the servers' configuration that name them.
func (c *Cluster) accounts() string {
	operator, err := nkeys.CreateOperator()
	c.must(err)
	public := func(k nkeys.KeyPair) string {
		text, err := k.PublicKey()
		c.must(err)
		return text
	}
	encode := func(claims interface {
		Encode(nkeys.KeyPair) (string, error)
	}) string {
		text, err := claims.Encode(operator)
		c.must(err)
		return text
	}
	system, err := nkeys.CreateAccount()
	c.must(err)
	c.keys, err = nkeys.CreateAccount()
	c.must(err)
	o := jwt.NewOperatorClaims(public(operator))
	o.SystemAccount = public(system)
	s, a := jwt.NewAccountClaims(public(system)), jwt.NewAccountClaims(public(c.keys))
	a.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: -1, MemoryStorage: -1, Streams: -1, Consumer: -1}
	return fmt.Sprintf("operator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload: { %s: %s, %s: %s }\n",
		encode(o), public(system), public(system), encode(s), public(c.keys), encode(a))
}

// user writes the credentials of a user.
func (c *Cluster) user(name string, change func(*jwt.UserClaims)) string {
	c.t.Helper()
	key, err := nkeys.CreateUser()
	c.must(err)
	public, err := key.PublicKey()
	c.must(err)
	claims := jwt.NewUserClaims(public)
	change(claims)
	text, err := claims.Encode(c.keys)
	c.must(err)
	seed, err := key.Seed()
	c.must(err)
	creds, err := jwt.FormatUserConfig(text, seed)
	c.must(err)
	path := filepath.Join(c.dir, name+".creds")
	c.must(os.WriteFile(path, creds, 0o600))
	return path
}

// Kiosk writes the credentials of a kiosk: it may publish its own batches, read its own last
// batch and answer, and nothing else.
func (c *Cluster) Kiosk(kiosk string, lasts time.Duration) string {
	return c.user(kiosk, func(u *jwt.UserClaims) {
		u.Expires = time.Now().Add(lasts).Unix()
		u.Pub.Allow.Add(backoffice.JournalSubject(kiosk),
			"$JS.API.DIRECT.GET."+backoffice.JournalStream+"."+backoffice.JournalSubject(kiosk),
			"$JS.API.DIRECT.GET."+backoffice.AnswerStream+"."+backoffice.AnswerSubject(kiosk))
		u.Sub.Allow.Add(backoffice.InboxPrefix(kiosk) + ".>")
	})
}

// Office writes the credentials of the server that checks and keeps.
func (c *Cluster) Office() string { return c.user("office", func(*jwt.UserClaims) {}) }

// Servers are the addresses as a configuration has them.
func (c *Cluster) Servers() string {
	var all []string
	for _, n := range c.nodes {
		all = append(all, n.address)
	}
	return strings.Join(all, ",")
}

func (c *Cluster) start(n *node) {
	n.cmd = child.Command(os.Args[0])
	n.cmd.Env = append(os.Environ(), variable+"="+n.config)
	n.cmd.Stderr = os.Stderr
	c.must(n.cmd.Start())
}

// Kill ends a server by SIGKILL.
func (c *Cluster) Kill(i int) {
	if n := c.nodes[i]; n != nil && n.cmd != nil {
		n.cmd.Process.Kill()
		n.cmd.Wait() // it was killed
		n.cmd = nil
	}
}

// Restart starts a server, if it was killed.
func (c *Cluster) Restart(i int) {
	if n := c.nodes[i]; n.cmd == nil {
		c.start(n)
	}
}

// Connect connects as the office.
func (c *Cluster) Connect() *nats.Conn {
	c.t.Helper()
	dir, err := c.house.Enroll("office")
	c.must(err)
	config, err := backoffice.Files{CA: filepath.Join(dir, "ca.pem"), Certificate: filepath.Join(dir, "kiosk.pem"),
		Key: filepath.Join(dir, "kiosk.key")}.TLS()
	c.must(err)
	conn, err := nats.Connect(c.Servers(), nats.Secure(config), nats.UserCredentials(c.Office()),
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	c.must(err)
	c.t.Cleanup(conn.Close)
	return conn
}

// startLimit is how long a cluster may take to agree on anything.
const startLimit = time.Minute

func (c *Cluster) streams() {
	c.t.Helper()
	conn := c.Connect()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	for {
		attempt, stop := context.WithTimeout(ctx, 3*time.Second)
		err := receiver.Streams(attempt, conn, 3)
		stop()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			c.t.Fatalf("the cluster has no streams: %v", err)
		case <-time.After(200 * time.Millisecond): // it elects its leaders
		}
	}
}

// Leader is the server that leads the journal's stream, -1 where none does now.
func (c *Cluster) Leader(conn *nats.Conn) int {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	js, err := jetstream.New(conn)
	c.must(err)
	s, err := js.Stream(ctx, backoffice.JournalStream)
	if err != nil {
		return -1
	}
	for i, n := range c.nodes {
		if info := s.CachedInfo().Cluster; info != nil && info.Leader == n.name && n.cmd != nil {
			return i
		}
	}
	return -1
}
