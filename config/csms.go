package config

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// CSMS is an operator's central system, to which the kiosk is one charging station of OCPP 2.1.
type CSMS struct {
	URL         *url.URL // the identity is appended
	Identity    string
	Password    string // empty for none
	CA          string // file with the only authorities that are believed; empty for the system's
	Certificate string // files of the kiosk's own, for security profile 3; empty for none
	Key         string
	RemoteStart bool     // the operator may let a vehicle charge without a payment at the kiosk
	LogHosts    []string // where logs may be put, beside the host of URL
}

// csms reads the operator's central system.
func (r *configReader) csms(c *Config, n *yaml.Node, dir string) {
	r.named = append(r.named, namedSection{"csms", n})
	o := &CSMS{}
	r.Mapping(n, "csms", map[string]func(*yaml.Node){
		"url!": func(n *yaml.Node) {
			u, err := url.Parse(n.Value)
			if err != nil || u.Hostname() == "" || u.Scheme != "wss" && u.Scheme != "ws" ||
				u.RawQuery != "" || u.Fragment != "" || u.User != nil {
				r.Fault(n, "csms.url: %q: want wss://HOST/PATH, to which the identity is appended", n.Value)
				return
			}
			o.URL = u
		},
		"identity": func(n *yaml.Node) {
			r.Text(&o.Identity)(n)
			if utf8.RuneCountInString(o.Identity) > longestIdentity || strings.ContainsAny(o.Identity, "/?#:") {
				r.Fault(n, "csms.identity: %q: want at most %d characters, and none of / ? # :", n.Value,
					longestIdentity)
			}
		},
		"password_file": func(n *yaml.Node) { o.Password, _ = r.secretText("csms.password_file", n, dir) },
		"ca":            r.secret("csms", &o.CA, dir),
		"certificate":   r.secret("csms", &o.Certificate, dir),
		"key":           r.secret("csms", &o.Key, dir),
		"remote_start":  r.Boolean(&o.RemoteStart),
		"log_hosts": func(n *yaml.Node) {
			if n.Kind != yaml.SequenceNode {
				r.Fault(n, "csms.log_hosts: want a list such as [logs.example.com]")
			}
			for _, host := range n.Content {
				o.LogHosts = append(o.LogHosts, host.Value)
			}
		},
	})
	switch {
	case o.URL == nil:
		return
	case (o.Certificate == "") != (o.Key == ""):
		r.Fault(n, "csms: certificate and key belong together")
	case o.URL.Scheme == "ws" && o.Certificate+o.CA != "":
		r.Fault(n, "csms: ca, certificate and key are for wss:// alone: the address is ws://")
	}
	c.CSMS = o
}
