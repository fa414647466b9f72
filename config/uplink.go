package config

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/mod/sumdb/note"

	"kioskd/backoffice"
	"kioskd/ocpi"
)

// uplinkConfig is the back office that the journal is sent to.
type uplinkConfig struct {
	URL         *url.URL // https: a server; tls: NATS servers
	Servers     string   // of NATS, as they are
	Files       backoffice.Files
	Credentials string // of a NATS user
	Office      note.Verifier
	OfficeKey   string // its text
	Every       time.Duration
	Late        time.Duration // without an answer, before BO001 is raised
}

// keepConfig is what is kept, and for how long.
type keepConfig struct {
	Thin    time.Duration // after it what nothing rests on loses its body; 0 for never
	Reserve int           // megabytes of disk below which nothing new is sold
	CopyTo  string        // directory of another disk; empty for none
}

func (r *configReader) backoffice(c *Config, n *yaml.Node, dir string) {
	r.named = append(r.named, namedSection{"backoffice", n})
	u := &uplinkConfig{Every: 15 * time.Minute, Late: time.Hour}
	r.Mapping(n, "backoffice", map[string]func(*yaml.Node){
		"url!":         func(n *yaml.Node) { r.uplinkURL(u, n) },
		"ca!":          r.secret("backoffice", &u.Files.CA, dir),
		"certificate!": r.secret("backoffice", &u.Files.Certificate, dir),
		"key!":         r.secret("backoffice", &u.Files.Key, dir),
		"credentials":  r.secret("backoffice", &u.Credentials, dir),
		"signer!": func(n *yaml.Node) {
			v, err := note.NewVerifier(n.Value)
			if err != nil {
				r.Fault(n, "backoffice.signer: want the back office's public key, as name+hash+key: %v", err)
				return
			}
			u.Office, u.OfficeKey = v, n.Value
		},
		"every": r.Duration("backoffice.every", &u.Every, time.Minute, 24*time.Hour),
		"late":  r.Duration("backoffice.late", &u.Late, 5*time.Minute, 30*24*time.Hour),
	})
	c.Uplink = u
}

func (r *configReader) uplinkURL(u *uplinkConfig, n *yaml.Node) {
	for i, server := range strings.Split(n.Value, ",") {
		parsed, err := url.Parse(strings.TrimSpace(server))
		if err != nil || parsed.Hostname() == "" || parsed.Scheme != "tls" && (parsed.Scheme != "https" || i > 0) ||
			i > 0 && parsed.Scheme != u.URL.Scheme {
			u.URL = nil
			r.Fault(n, "backoffice.url: %q: want https://HOST/ (a server) or tls://HOST:4222,tls://… (NATS)", n.Value)
			return
		}
		if i == 0 {
			u.URL, u.Servers = parsed, n.Value
		}
	}
}

// secret is a file that systemd may hand over as a credential: of its path, with _ for each /
// as systemd names the files of a directory. Without one it lies beside the configuration.
func (r *configReader) secret(what string, to *string, dir string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.path(to, dir)(n)
		if *to == "" {
			return
		}
		if given := os.Getenv("CREDENTIALS_DIRECTORY"); given != "" && !filepath.IsAbs(n.Value) {
			if name := filepath.Join(given, strings.ReplaceAll(filepath.Clean(n.Value), "/", "_")); Exists(name) {
				*to = name
			}
		}
		if r.others && !Exists(*to) {
			r.Fault(n, "%s: cannot find %s", what, *to)
		}
	}
}

func Exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (r *configReader) keep(c *Config, n *yaml.Node) {
	days := 0
	r.Mapping(n, "keep", map[string]func(*yaml.Node){
		"readings_days": r.Number(&days, 30, 3650),
		"reserve_mb":    r.Number(&c.Keep.Reserve, 10, 100_000),
		"copy": func(n *yaml.Node) {
			r.Text(&c.Keep.CopyTo)(n)
			if err := MountPoint(c.Keep.CopyTo); c.Keep.CopyTo != "" && err != nil {
				r.Fault(n, "keep.copy: %q: %v", n.Value, err)
			}
		},
	})
	c.Keep.Thin = time.Duration(days) * 24 * time.Hour
}

// ocpi reads what a CDR must say of the site.
func (r *configReader) ocpi(c *Config, n *yaml.Node) {
	o := &ocpi.Site{Version: ocpi.V230}
	r.Mapping(n, "ocpi", map[string]func(*yaml.Node){
		"version": func(n *yaml.Node) {
			o.Version = ocpi.Version(n.Value)
			if !slices.Contains(ocpi.Versions(), o.Version) {
				r.Fault(n, "ocpi.version: %q: want 2.3.0 or 2.2.1", n.Value)
			}
		},
		"country_code!": r.Text(&o.CountryCode), "party_id!": r.Text(&o.PartyID),
		"location!": func(n *yaml.Node) {
			r.Mapping(n, "ocpi.location", map[string]func(*yaml.Node){
				"id!": r.Text(&o.Location.ID), "name": r.Text(&o.Location.Name),
				"address!": r.Text(&o.Location.Address), "city!": r.Text(&o.Location.City),
				"postal_code": r.Text(&o.Location.PostalCode), "state": r.Text(&o.Location.State),
				"country!":   r.Text(&o.Location.Country),
				"latitude!":  r.Text(&o.Location.Coordinates.Latitude),
				"longitude!": r.Text(&o.Location.Coordinates.Longitude),
			})
		},
		"connector!": func(n *yaml.Node) {
			r.Mapping(n, "ocpi.connector", map[string]func(*yaml.Node){
				"id": r.Text(&o.Connector.ID), "standard!": r.Text(&o.Connector.Standard),
				"format!": r.Text(&o.Connector.Format), "power_type!": r.Text(&o.Connector.PowerType),
			})
		},
	})
	for _, why := range o.Check() {
		r.Fault(n, "ocpi: %s", why)
	}
	c.OCPI = o
}

// ocpiFits tells what keeps a CDR from being made of the site's sessions.
func (r *configReader) ocpiFits(c *Config, n *yaml.Node) {
	for _, b := range c.Bays {
		if b.EVSE == "" {
			r.Fault(n, "ocpi: bay %d has no evse_id", b.Number)
		}
	}
}

// CopyPath is the copy on another partition or a stick.
func (c *Config) CopyPath() string { return filepath.Join(c.Keep.CopyTo, "kioskd-journal.db") }
