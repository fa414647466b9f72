package backoffice

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Files are where certificates and keys are. The client's are read again with each connection,
// so that a renewed one needs no restart.
type Files struct {
	CA          string // PEM; the only authorities that are believed
	Certificate string // PEM, the kiosk's
	Key         string // PEM, of it
}

// TLS is the configuration of a client: TLS 1.3, pinned authorities, a client certificate.
func (f Files) TLS() (*tls.Config, error) {
	text, err := os.ReadFile(f.CA)
	if err != nil {
		return nil, fmt.Errorf("cannot read the back office's authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("cannot read the back office's authority: %s has no PEM certificate", f.CA)
	}
	read := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		c, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
		if err != nil { // it may be renewed just now: the next connection tells
			return nil, &ownCertificate{err}
		}
		return &c, nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, GetClientCertificate: read}, nil
}

// Ends is when the first of the certificates ends, and whose it is.
func (f Files) Ends() (whose string, at time.Time, err error) { return Ends(f.CA, f.Certificate) }

// Ends is which of the certificates in files ends first, and when.
func Ends(paths ...string) (whose string, at time.Time, err error) {
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return "", at, err
		}
		for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
			if block.Type != "CERTIFICATE" {
				continue
			}
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return "", at, fmt.Errorf("%s: %w", path, err)
			}
			if at.IsZero() || c.NotAfter.Before(at) {
				whose, at = path, c.NotAfter
			}
		}
	}
	return whose, at, nil
}

// ownCertificate is an error of our own files.
type ownCertificate struct{ err error }

func (e *ownCertificate) Error() string {
	return "cannot read the kiosk's own credentials: " + e.err.Error()
}

func (e *ownCertificate) Unwrap() error { return e.err }

// sendLimit is how long a batch may take on the slowest network.
const sendLimit = 2 * time.Minute

// HTTPS sends batches as HTTP/2 POSTs over one connection that is kept open.
type HTTPS struct {
	url     string
	tls     *tls.Config
	trusted func() bool // our clock
	meter   meter

	mu     sync.Mutex
	client *http.Client // nil before the first batch, and after trouble
}

// NewHTTPS makes a sink for the address of a back office. trusted tells whether our clock can
// judge certificates.
func NewHTTPS(base *url.URL, kiosk string, config *tls.Config, trusted func() bool) *HTTPS {
	return &HTTPS{url: base.JoinPath("v1", "kiosks", kiosk, "journal").String(), tls: config, trusted: trusted}
}

// Traffic implements Sink.
func (h *HTTPS) Traffic() Traffic { return h.meter.read() }

// Close implements Sink.
func (h *HTTPS) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.client != nil {
		h.client.CloseIdleConnections()
	}
	h.client = nil
	h.meter.closeAll() // a request that was given up keeps its connection else
	return nil
}

func (h *HTTPS) connect() *http.Client {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.client == nil {
		dialer := net.Dialer{Timeout: 30 * time.Second}
		t := &http.Transport{TLSClientConfig: h.tls.Clone(), ForceAttemptHTTP2: true, MaxConnsPerHost: 1,
			TLSHandshakeTimeout: 30 * time.Second,
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := dialer.DialContext(ctx, network, addr)
				return h.meter.count(c), err
			}}
		h.client = &http.Client{Transport: t, CheckRedirect: func(*http.Request,
			[]*http.Request) error {
			return http.ErrUseLastResponse
		}}
	}
	return h.client
}

// Send implements Sink.
func (h *HTTPS) Send(ctx context.Context, b Batch) (Answer, error) {
	body, err := b.Encode()
	if err != nil {
		return Answer{}, err
	}
	parent := ctx
	ctx, cancel := context.WithTimeout(parent, sendLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Content-Type", MediaType)
	req.Header.Set("Content-Encoding", "zstd")
	req.Header.Set("User-Agent", "kioskd")
	res, err := h.connect().Do(req)
	if err == nil {
		var a Answer
		a, err = read(res)
		if err == nil {
			return a, nil
		}
	}
	h.Close() // a connection on which no server answers any longer would be kept for ever
	if parent.Err() != nil {
		return Answer{}, trouble(Unreachable, "%w", err)
	}
	return Answer{}, h.diagnose(ctx, err)
}

// Problem is an error of the other side: RFC 9457.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// Types of problems.
const (
	ProblemConflict  = "https://kioskd.example/problems/conflict" // one number, two hashes; or another tree
	ProblemMalformed = "https://kioskd.example/problems/malformed"
	ProblemForbidden = "https://kioskd.example/problems/forbidden" // the certificate is not this kiosk's
)

// read reads an answer, or the problem in its place.
func read(res *http.Response) (a Answer, err error) {
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return a, err
	}
	if res.StatusCode == http.StatusOK {
		if err := json.Unmarshal(body, &a); err != nil {
			return a, trouble(Refused, "cannot understand the answer: %w", err)
		}
		return a, nil
	}
	t := trouble(Refused, "%s", res.Status)
	var p Problem
	if json.Unmarshal(body, &p) == nil && p.Title != "" {
		t.Err = fmt.Errorf("%s: %s", p.Title, p.Detail)
	}
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && s > 0 {
		t.Wait = time.Duration(s) * time.Second
	}
	switch code := res.StatusCode; {
	case code == http.StatusConflict && p.Type == ProblemConflict:
		t.Class = Conflict
	case code == http.StatusRequestEntityTooLarge:
		t.Err = fmt.Errorf("%w: %v", ErrTooLarge, t.Err)
	case code == http.StatusNetworkAuthenticationRequired, code == http.StatusProxyAuthRequired,
		code >= 300 && code < 400:
		t.Class = Portal
	case code == http.StatusTooManyRequests, code >= 500:
		t.Class = Server
	}
	return a, t
}

// diagnose says what went wrong on the way.
func (h *HTTPS) diagnose(ctx context.Context, err error) error {
	var t *Trouble
	if errors.As(err, &t) {
		return err
	}
	class := classify(err, h.trusted)
	if class == Unreachable {
		if no := h.knock(ctx); no != nil && classify(no, h.trusted) == Client {
			return &Trouble{Class: Client, Err: no}
		}
	}
	if class == Unreachable || class == Certificate {
		if to, ok := portal(ctx, h.url); ok {
			return &Trouble{Class: Portal, Err: fmt.Errorf("the network sends us to %s: %w", to, err)}
		}
	}
	return &Trouble{Class: class, Err: err}
}

// knockLimit is how long is listened for a refusal after a handshake.
const knockLimit = 1500 * time.Millisecond

// knock shakes hands and listens. A server that does not take our certificate says so after the
// handshake (TLS 1.3), when we may already be writing, and find the connection closed.
func (h *HTTPS) knock(ctx context.Context) error {
	u, err := url.Parse(h.url)
	if err != nil {
		return err
	}
	address := u.Host
	if u.Port() == "" {
		address += ":443"
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), portalLimit)
	defer cancel()
	config := h.tls.Clone()
	config.NextProtos = []string{"h2"} // its server speaks first
	c, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetReadDeadline(time.Now().Add(knockLimit)); err != nil {
		return err
	}
	_, err = c.Read(make([]byte, 1))
	return err
}

// classify says what an error of a connection is; trusted tells whether our clock can judge.
func classify(err error, trusted func() bool) Class {
	var own *ownCertificate
	var wrong *tls.CertificateVerificationError
	var invalid x509.CertificateInvalidError
	var op *net.OpError
	switch {
	case errors.As(err, &own):
		return Client
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && !trusted():
		return BadClock
	case errors.As(err, &wrong):
		return Certificate
	case errors.As(err, &op) && op.Op == "remote error": // a TLS alert: the handshake's other end says no
		return Client
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return Portal
	}
	return Unreachable
}

// portalLimit is how long is waited for a page that wants a login.
const portalLimit = 5 * time.Second

// portal asks for the same host without TLS: a network that wants a login answers in its place.
func portal(ctx context.Context, address string) (to string, found bool) {
	u, err := url.Parse(address)
	if err != nil {
		return "", false
	}
	return portalAt(ctx, u.Hostname(), "http://"+u.Hostname()+"/")
}

func portalAt(ctx context.Context, host, address string) (to string, found bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), portalLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", false
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return "", false
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusNetworkAuthenticationRequired {
		return address, true
	}
	next, err := res.Location()
	if err != nil || next.Hostname() == host {
		return "", false
	}
	return next.Host, true
}

// meter counts what goes over connections, and knows those that are open.
type meter struct {
	out, in, connections atomic.Int64

	mu   sync.Mutex
	open map[*counted]bool
}

func (m *meter) read() Traffic { return Traffic{m.out.Load(), m.in.Load(), m.connections.Load()} }

func (m *meter) count(c net.Conn) net.Conn {
	if c == nil {
		return nil
	}
	m.connections.Add(1)
	out := &counted{c, m}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.open == nil {
		m.open = map[*counted]bool{}
	}
	m.open[out] = true
	return out
}

func (m *meter) closeAll() {
	m.mu.Lock()
	open := m.open
	m.open = nil
	m.mu.Unlock()
	for c := range open {
		c.Conn.Close() // no caller waits for it any longer
	}
}

type counted struct {
	net.Conn
	m *meter
}

// Close forgets the connection, too.
func (c *counted) Close() error {
	c.m.mu.Lock()
	delete(c.m.open, c)
	c.m.mu.Unlock()
	return c.Conn.Close()
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.m.in.Add(int64(n))
	return n, err
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.m.out.Add(int64(n))
	return n, err
}
