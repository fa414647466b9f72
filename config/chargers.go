package config

import (
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Charger is a connector of a charger that speaks OCPP. It counts, too, unless the bay has a meter in front of it.
type Charger struct {
	ID        string // its identity: the last part of the address that it is told
	Connector int
	Password  string // empty asks for none
	Security  int    // the least security profile that it may come with (OCPP 1.6 security whitepaper, 2); 0 for any
}

// OCPP is where chargers connect.
type OCPP struct {
	Listen           string // host:port; empty where no charger connects
	Certificate, Key string // files, for TLS; empty for none
	Clients          string // file with the authority of the chargers' certificates; empty where they need none
	Sample           time.Duration
}

// Limits of OCPP-J: an identity is 48 characters at most, a password 16 to 20 bytes by the specification and up to 40
// in the field.
const (
	longestIdentity = 48
	leastPassword   = 16
	longestPassword = 40
)

// ocpp reads where chargers connect.
func (r *configReader) ocpp(c *Config, n *yaml.Node, dir string) {
	secure := false
	r.Mapping(n, "ocpp", map[string]func(*yaml.Node){
		"listen!": func(n *yaml.Node) {
			scheme, address, _ := strings.Cut(n.Value, "://")
			_, port, err := net.SplitHostPort(address)
			if scheme != "tcp" && scheme != "tls" || err != nil || port == "" {
				r.Fault(n, "ocpp.listen: %q: want an address such as tcp://0.0.0.0:8887 or tls://0.0.0.0:8888", n.Value)
				return
			}
			c.OCPP.Listen, secure = address, scheme == "tls"
		},
		"certificate": r.secret("ocpp", &c.OCPP.Certificate, dir),
		"key":         r.secret("ocpp", &c.OCPP.Key, dir),
		"clients":     r.secret("ocpp", &c.OCPP.Clients, dir),
		"sample":      r.Duration("ocpp.sample", &c.OCPP.Sample, time.Second, time.Minute),
	})
	switch {
	case secure && (c.OCPP.Certificate == "" || c.OCPP.Key == ""):
		r.Fault(n, "ocpp: certificate and key are needed for tls://")
	case !secure && c.OCPP.Certificate+c.OCPP.Key+c.OCPP.Clients != "":
		r.Fault(n, "ocpp: certificate, key and clients are for tls:// alone: the address is tcp://")
	}
}

func (r *configReader) charger(b *Bay, n *yaml.Node, dir string) {
	x := &Charger{}
	b.Charger = x
	r.Mapping(n, "charger", map[string]func(*yaml.Node){
		"id!": func(n *yaml.Node) {
			r.Text(&x.ID)(n)
			if utf8.RuneCountInString(x.ID) > longestIdentity || strings.ContainsAny(x.ID, "/?#:") {
				r.Fault(n, "charger.id: %q: want at most %d characters, and none of / ? # :", n.Value, longestIdentity)
			}
		},
		"connector!":    r.Number(&x.Connector, 1, 99),
		"password_file": func(n *yaml.Node) { r.chargerPassword(x, n, dir) },
		"security":      r.Number(&x.Security, 1, 3),
	})
}

func (r *configReader) chargerPassword(x *Charger, n *yaml.Node, dir string) {
	var ok bool
	x.Password, ok = r.secretText("charger.password_file", n, dir)
	if l := len(x.Password); ok && (l < leastPassword || l > longestPassword) {
		r.Fault(n, "charger.password_file: a password of %d characters, want %d to %d", l, leastPassword,
			longestPassword)
	}
}

// chargersFit judges what the bays and the section ocpp say together.
func (r *configReader) chargersFit(c *Config, n *yaml.Node) {
	passwords := map[string]string{}
	used := false
	for _, b := range c.Bays {
		if b.Charger == nil {
			continue
		}
		used = true
		if known, ok := passwords[b.Charger.ID]; ok && known != b.Charger.Password {
			r.Fault(n, "bay %d: charger %s has another password at another bay", b.Number, b.Charger.ID)
		}
		passwords[b.Charger.ID] = b.Charger.Password
		switch least := b.Charger.Security; {
		case least < 3 && b.Charger.Password == "" && least > 0:
			r.Fault(n, "bay %d: charger.security %d needs a password_file", b.Number, least)
		case least > 1 && c.OCPP.Certificate == "":
			r.Fault(n, "bay %d: charger.security %d needs ocpp.listen: tls://", b.Number, least)
		case least > 2 && c.OCPP.Clients == "":
			r.Fault(n, "bay %d: charger.security 3 needs ocpp.clients", b.Number)
		}
	}
	if used && c.OCPP.Listen == "" {
		r.Fault(n, "ocpp.listen is missing: bays have chargers, which must know where to connect")
	}
}
