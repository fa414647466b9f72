package config

import (
	"net"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"kioskd"
)

// WebHook is a program that is told what happens.
type WebHook struct {
	Name    string
	URL     string
	Secret  string // file
	Types   []string
	Private bool // its address may be one of the site's own network
}

// Mail is how persons are told what happens.
type Mail struct {
	Host     string
	Port     int
	TLS      string // starttls, tls or none
	CA       string // file; empty for the system's authorities
	User     string
	Password string // file
	From     string
	To       []string
	Types    []string
	Language string
}

// mailed is what persons are told where the configuration does not say: not each session.
func (r *configReader) mailed() (out []string) {
	for _, t := range []string{kiosk.ToldUnsettled, kiosk.ToldRaised, kiosk.ToldCleared, kiosk.ToldSilent,
		kiosk.ToldHeard,
		kiosk.ToldDaily} {
		if slices.Contains(r.tells, t) {
			out = append(out, t)
		}
	}
	return out
}

func (r *configReader) webhooks(c *Config, n *yaml.Node, dir string) {
	if n.Kind != yaml.SequenceNode {
		r.Fault(n, "webhooks: want a list")
		return
	}
	for _, item := range n.Content {
		w := WebHook{}
		r.Mapping(item, "webhooks", map[string]func(*yaml.Node){
			"name!": func(n *yaml.Node) {
				w.Name = n.Value
				taken := func(other WebHook) bool { return other.Name == w.Name }
				switch {
				case !goodName.MatchString(w.Name) || w.Name == "mail":
					r.Fault(n, "webhooks.name: %q: want 1 to 40 letters, digits, blanks, dots or hyphens, and not mail",
						w.Name)
				case slices.ContainsFunc(c.WebHooks, taken):
					r.Fault(n, "webhooks.name: %q is there twice", w.Name)
				}
			},
			"url!": r.Text(&w.URL),
			"secret!": func(n *yaml.Node) {
				if strings.HasPrefix(n.Value, "whsec_") { // it is not repeated
					r.Fault(n, "webhooks.secret: want the name of a file that has the secret, not the secret itself")
					return
				}
				r.secret("webhooks", &w.Secret, dir)(n)
			},
			"types":   r.told("webhooks.types", &w.Types),
			"private": r.Boolean(&w.Private),
		})
		u, err := url.Parse(w.URL)
		if w.URL != "" && (err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" &&
			(u.Scheme != "http" || !w.Private)) {
			r.Fault(item, "webhooks.url: %q: want https://HOST/PATH, or http:// with private: true", w.URL)
		}
		c.WebHooks = append(c.WebHooks, w)
	}
}

// told reads types of events.
func (r *configReader) told(what string, to *[]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
			r.Fault(n, "%s: want a list of %s", what, strings.Join(r.tells, ", "))
			return
		}
		*to = nil
		for _, s := range n.Content {
			if !slices.Contains(r.tells, s.Value) {
				r.Fault(s, "%s: %q: want some of %s", what, s.Value, strings.Join(r.tells, ", "))
				continue
			}
			*to = append(*to, s.Value)
		}
	}
}

func (r *configReader) mail(c *Config, n *yaml.Node, dir string) {
	m := &Mail{Types: r.mailed()}
	r.Mapping(n, "mail", map[string]func(*yaml.Node){
		"server!":       func(n *yaml.Node) { r.mailServer(m, n) },
		"tls":           func(n *yaml.Node) { r.mailTLS(m, n) },
		"ca":            r.secret("mail", &m.CA, dir),
		"user":          r.Text(&m.User),
		"password_file": r.secret("mail", &m.Password, dir),
		"from!":         func(n *yaml.Node) { r.mailbox("mail.from", &m.From, n) },
		"to!":           func(n *yaml.Node) { r.mailboxes("mail.to", &m.To, n) },
		"types":         r.told("mail.types", &m.Types),
		"language":      r.language(&m.Language),
	})
	if (m.User == "") != (m.Password == "") {
		r.Fault(n, "mail: user and password_file go together")
	}
	if m.TLS == "none" && !loopback(m.Host) {
		r.Fault(n, "mail.tls: none is for a server on this computer alone: %s is another one", m.Host)
	}
	c.Mail = m
}

// Ports of mail (RFC 6409, RFC 8314).
const (
	submission  = 587
	submissions = 465
)

func (r *configReader) mailServer(m *Mail, n *yaml.Node) {
	host, port, err := net.SplitHostPort(n.Value)
	if err != nil {
		host, port = n.Value, strconv.Itoa(submission)
	}
	m.Port, err = strconv.Atoi(port)
	if err != nil || host == "" || strings.ContainsAny(host, " /@") || m.Port < 1 || m.Port > 65535 {
		r.Fault(n, "mail.server: %q: want a host and perhaps a port, as smtp.example:587", n.Value)
		return
	}
	m.Host = host
	if m.TLS == "" {
		m.TLS = map[bool]string{true: "tls", false: "starttls"}[m.Port == submissions]
	}
}

func (r *configReader) mailTLS(m *Mail, n *yaml.Node) {
	m.TLS = n.Value
	if !slices.Contains([]string{"starttls", "tls", "none"}, m.TLS) {
		r.Fault(n, "mail.tls: %q: want starttls, tls or none", n.Value)
	}
}

func (r *configReader) mailbox(what string, to *string, n *yaml.Node) {
	a, err := mail.ParseAddress(n.Value)
	if err != nil {
		r.Fault(n, "%s: %q: want an address, as host@example.com", what, n.Value)
		return
	}
	*to = a.String()
}

func (r *configReader) mailboxes(what string, to *[]string, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.Fault(n, "%s: want a list of addresses", what)
		return
	}
	for _, one := range n.Content {
		var a string
		r.mailbox(what, &a, one)
		*to = append(*to, a)
	}
}

// language is that of what people read.
func (r *configReader) language(to *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		*to = n.Value
		if !slices.Contains(Languages(), n.Value) {
			r.Fault(n, "%s: %q: known are %s", r.Setting, n.Value, strings.Join(Languages(), ", "))
		}
	}
}
