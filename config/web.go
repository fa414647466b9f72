package config

import (
	"net"
	"net/netip"

	"go.yaml.in/yaml/v3"
)

// Web is what the host's network has of the kiosk.
type Web struct {
	Listen      string // host and port
	Certificate string // file, PEM
	Key         string // file, PEM
}

func (r *configReader) web(c *Config, n *yaml.Node, dir string) {
	w := &Web{}
	r.Mapping(n, "web", map[string]func(*yaml.Node){
		"listen!":     func(n *yaml.Node) { r.listenWeb(w, n) },
		"certificate": r.secret("web", &w.Certificate, dir),
		"key":         r.secret("web", &w.Key, dir),
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
