package config

import (
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"kioskd"
)

// Web is what the host's network has of the kiosk.
type Web struct {
	Listen      string // host and port
	Certificate string // file, PEM
	Key         string // file, PEM
	People      []Person
}

// Person may see the host's page.
type Person struct {
	Name     string
	Password CodeHash
	Scopes   []string
}

func (r *configReader) web(c *Config, n *yaml.Node, dir string) {
	w := &Web{}
	r.Mapping(n, "web", map[string]func(*yaml.Node){
		"listen!":     func(n *yaml.Node) { r.listenWeb(w, n) },
		"certificate": r.secret("web", &w.Certificate, dir),
		"key":         r.secret("web", &w.Key, dir),
		"people":      func(n *yaml.Node) { r.people(w, n) },
	})
	host, _, err := net.SplitHostPort(w.Listen)
	switch {
	case err != nil: // it was told
	case (w.Certificate == "") != (w.Key == ""):
		r.Fault(n, "web: a certificate and its key go together")
	case w.Certificate == "" && !loopback(host):
		r.Fault(n, "web: %s is reached from other computers: want a certificate and a key; without them only "+
			"127.0.0.1 or [::1], for a proxy on this computer", w.Listen)
	}
	c.Web = w
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || host == "localhost"
}

func (r *configReader) listenWeb(w *Web, n *yaml.Node) {
	if _, _, err := net.SplitHostPort(n.Value); err != nil {
		r.Fault(n, "web.listen: %q: want an address and a port, such as 127.0.0.1:8088", n.Value)
		return
	}
	w.Listen = n.Value
}

// goodName is what a person may be called: it stands in the journal as who gave a command.
var goodName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}$`)

func (r *configReader) people(w *Web, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		r.Fault(n, "web.people: want a list")
		return
	}
	for _, item := range n.Content {
		p := Person{}
		r.Mapping(item, "web.people", map[string]func(*yaml.Node){
			"name!": func(n *yaml.Node) {
				p.Name = n.Value
				taken := func(other Person) bool { return other.Name == p.Name }
				switch {
				case !goodName.MatchString(p.Name):
					r.Fault(n, "web.people.name: %q: want 1 to 40 letters, digits, blanks, dots or hyphens", p.Name)
				case slices.ContainsFunc(w.People, taken):
					r.Fault(n, "web.people.name: %q is there twice", p.Name)
				}
			},
			"password!": func(n *yaml.Node) { r.webPassword(&p.Password, n) },
			"scopes!":   func(n *yaml.Node) { r.scopes(&p.Scopes, n) },
		})
		w.People = append(w.People, p)
	}
}

func (r *configReader) webPassword(to *CodeHash, n *yaml.Node) {
	h, err := ParseCodeHash(n.Value)
	if err != nil {
		r.Fault(n, "web.people.password: want what kioskd staff password prints, beginning with $argon2id$v=19")
	}
	*to = h
}

func (r *configReader) scopes(to *[]string, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.Fault(n, "web.people.scopes: want a list of %s", strings.Join(kiosk.Scopes(), ", "))
		return
	}
	for _, s := range n.Content {
		if !slices.Contains(kiosk.Scopes(), s.Value) {
			r.Fault(s, "web.people.scopes: %q: want some of %s", s.Value, strings.Join(kiosk.Scopes(), ", "))
			continue
		}
		*to = append(*to, s.Value)
	}
}
