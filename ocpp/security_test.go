package ocpp_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"kioskd/ocpp"
)

// certificate is one of a name, signed by itself.
func certificate(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// TestNoLowerSecurityThanBefore: a charger that came with a certificate is not taken with its password alone; one whose
// configuration wants a profile is not taken with a lower one.
func TestNoLowerSecurityThanBefore(t *testing.T) {
	s := newStand(t)
	own, other, house := certificate(t, "WB 1"), certificate(t, "WB 2"), certificate(t, "kiosk")
	clients, servers := x509.NewCertPool(), x509.NewCertPool()
	clients.AddCert(own.Leaf)
	clients.AddCert(other.Leaf)
	servers.AddCert(house.Leaf)
	secure, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- s.server.Serve(ctx, secure, &tls.Config{Certificates: []tls.Certificate{house}, ClientCAs: clients,
			ClientAuth: tls.VerifyClientCertIfGiven})
	}()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	connect := func(password string, client ...tls.Certificate) int {
		t.Helper()
		header := http.Header{}
		if password != "" {
			(&http.Request{Header: header}).SetBasicAuth("WB 1", password)
		}
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: servers, Certificates: client}}
		defer transport.CloseIdleConnections()
		ws, answer, err := websocket.Dial(ctx, "wss://"+secure.Addr().String()+"/ocpp/WB%201",
			&websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}, HTTPHeader: header,
				Subprotocols: []string{"ocpp1.6"}})
		if err == nil {
			ws.CloseNow()
		}
		return answer.StatusCode
	}
	const taken, refused = http.StatusSwitchingProtocols, http.StatusUnauthorized
	for i, x := range []struct {
		password string
		client   []tls.Certificate
		want     int
	}{
		{"", nil, refused},
		{"a-password-of-16", nil, taken},
		{"a-password-of-16", []tls.Certificate{other}, refused}, // it is another charger's
		{"", []tls.Certificate{own}, taken},
		{"a-password-of-16", nil, refused}, // from here on it must have its certificate
		{"", []tls.Certificate{own}, taken},
	} {
		if got := connect(x.password, x.client...); got != x.want {
			t.Errorf("%d: it is answered %d, want %d", i, got, x.want)
		}
	}
	if ws, _, err := s.dial("WB%201", "WB 1", "a-password-of-16", "ocpp1.6"); err == nil {
		ws.CloseNow()
		t.Error("it is taken without TLS")
	}
	strict := ocpp.New(ocpp.Options{Desk: s.desk, Now: time.Now, Log: s.quiet(), Chargers: []ocpp.Settings{{ID: "WB 1",
		Password: "a-password-of-16", Security: 2}}})
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- strict.Serve(ctx, plain, nil) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	s.address = "ws://" + plain.Addr().String() + "/"
	if ws, _, err := s.dial("WB%201", "WB 1", "a-password-of-16", "ocpp1.6"); err == nil {
		ws.CloseNow()
		t.Error("it is taken without the TLS that its configuration wants")
	}
}

// TestConnectionsAreLimited: however many others connect and say nothing, the kiosk keeps file descriptors for its own
// work, and a charger connects once they have left.
func TestConnectionsAreLimited(t *testing.T) {
	s := newStand(t)
	address := strings.TrimSuffix(strings.TrimPrefix(s.address, "ws://"), "/ocpp/")
	var idle []net.Conn
	for range 400 {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil { // the queue of the system is full, too
			break
		}
		idle = append(idle, c)
	}
	// by the answer on the first one, the server has taken what it takes
	if _, err := idle[0].Write([]byte("GET / HTTP/1.1\r\nHost: kiosk\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := idle[0].Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	if taken := len(open) - len(idle); taken > 200 {
		t.Errorf("of %d connections the server holds about %d", len(idle), taken)
	}
	for _, c := range idle {
		c.Close()
	}
	p := s.connect()
	if got := p.says("Heartbeat", "{}"); !strings.Contains(got, "currentTime") {
		t.Error(got)
	}
}

// TestAPasswordInDigits: some firmwares send what AuthorizationKey was written with, and not what it stands for.
func TestAPasswordInDigits(t *testing.T) {
	s := newStand(t)
	for password, taken := range map[string]bool{"a-password-of-16": true, "612d70617373776f72642d6f662d3136": true,
		"612D70617373776F72642D6F662D3136": true, "A-password-of-16": false, "612D70617373776F72642D6F662D3137": false,
		"": false} {
		ws, _, err := s.dial("WB%201", "WB 1", password, "ocpp1.6")
		if err == nil {
			ws.CloseNow()
		}
		if (err == nil) != taken {
			t.Errorf("%q: %v, want it taken: %v", password, err, taken)
		}
	}
}
