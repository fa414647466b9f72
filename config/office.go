package config

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"kioskd"
	"kioskd/strict"
)

// Office is the configuration of a back office with several kiosks, read and checked. Paths are absolute.
type Office struct {
	Name     string
	Dir      string // with its authority, its keys and its database
	Listen   string // where kiosks send to, host and port; empty where they send to a JetStream
	Hosts    []string
	Receipts string // where telephones open receipts; empty for none

	Servers     string // of a JetStream; empty for none
	Credentials string // file
	Replicas    int

	Timezone *time.Location
	Currency kiosk.Currency
	Language string        // of mail that names none
	Silent   time.Duration // so long a kiosk may send nothing

	Web      *Web // nil for none
	WebHooks []WebHook
	Mail     *Mail // nil for none
}

// ReadOffice reads and checks the configuration of a back office.
func ReadOffice(path string) (*Office, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read configuration: %w", err)
	}
	doc, err := strict.Document(path, data)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	r := &configReader{Reader: strict.Reader{File: path, Whole: "configuration"}, tells: kiosk.ToldByOffice()}
	o := r.office(doc.Content[0], dir)
	if err := r.Err(); err != nil {
		return nil, err
	}
	return o, nil
}

func (r *configReader) office(n *yaml.Node, dir string) *Office {
	o := &Office{Name: "kioskd", Dir: filepath.Join(dir, "office"), Hosts: []string{"localhost", "127.0.0.1"},
		Replicas: 3,
		Timezone: time.UTC, Currency: "EUR", Language: "en", Silent: time.Hour}
	c := &Config{}
	r.Mapping(n, "configuration", map[string]func(*yaml.Node){
		"name":         r.Text(&o.Name),
		"folder":       r.path(&o.Dir, dir),
		"listen":       r.place(&o.Listen),
		"hosts":        r.hosts(&o.Hosts),
		"receipts":     r.place(&o.Receipts),
		"nats":         func(n *yaml.Node) { r.nats(o, n, dir) },
		"timezone":     r.zone(&o.Timezone),
		"currency":     r.currency(&o.Currency),
		"language":     r.language(&o.Language),
		"silent_after": r.Duration("silent_after", &o.Silent, time.Minute, 30*24*time.Hour),
		"web":          func(n *yaml.Node) { r.web(c, n, dir) },
		"webhooks":     func(n *yaml.Node) { r.webhooks(c, n, dir) },
		"mail":         func(n *yaml.Node) { r.mail(c, n, dir) },
	})
	if (o.Listen == "") == (o.Servers == "") {
		r.Fault(n, "configuration: want listen, where kiosks send to, or nats: one of both")
	}
	o.Web, o.WebHooks, o.Mail = c.Web, c.WebHooks, c.Mail
	return o
}

// place is an address to listen at.
func (r *configReader) place(to *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if _, _, err := net.SplitHostPort(n.Value); err != nil {
			r.Fault(n, "%s: %q: want an address and a port, such as 0.0.0.0:8443", r.Setting, n.Value)
			return
		}
		*to = n.Value
	}
}

// hosts are names and addresses under which kiosks reach the back office.
func (r *configReader) hosts(to *[]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
			r.Fault(n, "hosts: want a list of names and addresses")
			return
		}
		*to = nil
		for _, host := range n.Content {
			if host.Value == "" || strings.ContainsAny(host.Value, " /:") && net.ParseIP(host.Value) == nil {
				r.Fault(host, "hosts: %q: want a name or an address, such as office.example", host.Value)
			}
			*to = append(*to, host.Value)
		}
	}
}

func (r *configReader) nats(o *Office, n *yaml.Node, dir string) {
	r.Mapping(n, "nats", map[string]func(*yaml.Node){
		"servers!":    r.Text(&o.Servers),
		"credentials": r.secret("nats", &o.Credentials, dir),
		"replicas":    r.Number(&o.Replicas, 1, 5),
	})
}
