package main

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
	url         *url.URL // https: a server; tls: NATS servers
	servers     string   // of NATS, as they are
	files       backoffice.Files
	credentials string // of a NATS user
	office      note.Verifier
	every       time.Duration
	late        time.Duration // without an answer, before BO001 is raised
}

// keepConfig is what is kept, and for how long.
type keepConfig struct {
	thin    time.Duration // after it what nothing rests on loses its body; 0 for never
	reserve int           // megabytes of disk below which nothing new is sold
	copyTo  string        // directory of another disk; empty for none
}

func (r *configReader) backoffice(c *config, n *yaml.Node, dir string) {
	u := &uplinkConfig{every: 15 * time.Minute, late: time.Hour}
	r.mapping(n, "backoffice", map[string]func(*yaml.Node){
		"url!":         func(n *yaml.Node) { r.uplinkURL(u, n) },
		"ca!":          r.secret("backoffice", &u.files.CA, dir),
		"certificate!": r.secret("backoffice", &u.files.Certificate, dir),
		"key!":         r.secret("backoffice", &u.files.Key, dir),
		"credentials":  r.secret("backoffice", &u.credentials, dir),
		"signer!": func(n *yaml.Node) {
			v, err := note.NewVerifier(n.Value)
			if err != nil {
				r.fault(n, "backoffice.signer: want the back office's public key, as name+hash+key: %v", err)
				return
			}
			u.office = v
		},
		"every": r.duration("backoffice.every", &u.every, time.Minute, 24*time.Hour),
		"late":  r.duration("backoffice.late", &u.late, 5*time.Minute, 30*24*time.Hour),
	})
	c.uplink = u
}

func (r *configReader) uplinkURL(u *uplinkConfig, n *yaml.Node) {
	first, _, _ := strings.Cut(n.Value, ",")
	parsed, err := url.Parse(first)
	if err != nil || parsed.Host == "" || parsed.Scheme != "https" && parsed.Scheme != "tls" {
		r.fault(n, "backoffice.url: %q: want https://HOST/ (a server) or tls://HOST:4222,tls://… (NATS)", n.Value)
		return
	}
	u.url, u.servers = parsed, n.Value
}

// secret is a file that systemd may hand over as a credential: of its path, with _ for each /
// as systemd names the files of a directory. Without one it lies beside the configuration.
func (r *configReader) secret(what string, to *string, dir string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.path(to, dir)(n)
		if given := os.Getenv("CREDENTIALS_DIRECTORY"); given != "" && !filepath.IsAbs(n.Value) {
			if name := filepath.Join(given, strings.ReplaceAll(filepath.Clean(n.Value), "/", "_")); exists(name) {
				*to = name
			}
		}
		if r.others && !exists(*to) {
			r.fault(n, "%s: cannot find %s", what, *to)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (r *configReader) keep(c *config, n *yaml.Node) {
	days := 0
	r.mapping(n, "keep", map[string]func(*yaml.Node){
		"readings_days": r.number(&days, 30, 3650),
		"reserve_mb":    r.number(&c.keep.reserve, 10, 100_000),
		"copy": func(n *yaml.Node) {
			r.text(&c.keep.copyTo)(n)
			if err := mountPoint(c.keep.copyTo); err != nil {
				r.fault(n, "keep.copy: %q: %v", n.Value, err)
			}
		},
	})
	c.keep.thin = time.Duration(days) * 24 * time.Hour
}

// ocpi reads what a CDR must say of the site.
func (r *configReader) ocpi(c *config, n *yaml.Node) {
	o := &ocpi.Site{Version: ocpi.V230}
	r.mapping(n, "ocpi", map[string]func(*yaml.Node){
		"version": func(n *yaml.Node) {
			o.Version = ocpi.Version(n.Value)
			if !slices.Contains(ocpi.Versions(), o.Version) {
				r.fault(n, "ocpi.version: %q: want 2.3.0 or 2.2.1", n.Value)
			}
		},
		"country_code!": r.text(&o.CountryCode), "party_id!": r.text(&o.PartyID),
		"location!": func(n *yaml.Node) {
			r.mapping(n, "ocpi.location", map[string]func(*yaml.Node){
				"id!": r.text(&o.Location.ID), "name": r.text(&o.Location.Name),
				"address!": r.text(&o.Location.Address), "city!": r.text(&o.Location.City),
				"postal_code": r.text(&o.Location.PostalCode), "state": r.text(&o.Location.State),
				"country!":   r.text(&o.Location.Country),
				"latitude!":  r.text(&o.Location.Coordinates.Latitude),
				"longitude!": r.text(&o.Location.Coordinates.Longitude),
			})
		},
		"connector!": func(n *yaml.Node) {
			r.mapping(n, "ocpi.connector", map[string]func(*yaml.Node){
				"id": r.text(&o.Connector.ID), "standard!": r.text(&o.Connector.Standard),
				"format!": r.text(&o.Connector.Format), "power_type!": r.text(&o.Connector.PowerType),
			})
		},
	})
	for _, why := range o.Check() {
		r.fault(n, "ocpi: %s", why)
	}
	c.ocpi = o
}

// ocpiFits tells what keeps a CDR from being made of the site's sessions.
func (r *configReader) ocpiFits(c *config, n *yaml.Node) {
	for _, b := range c.bays {
		if b.evse == "" {
			r.fault(n, "ocpi: bay %d has no evse_id", b.number)
		}
	}
}
