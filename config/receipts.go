package config

import (
	"net/url"

	"go.yaml.in/yaml/v3"
)

// Receipts is how drivers take receipts away.
type Receipts struct {
	Page  string // address of the page that opens a receipt's link; empty for none
	Short string // address under which the back office shows the receipts that it has; empty for none
}

// longestPage is how long an address may be for a code with a receipt in it to be read from a panel of 7 inches.
const longestPage = 60

func (r *configReader) receipts(c *Config, n *yaml.Node) {
	r.named = append(r.named, namedSection{"receipts", n})
	r.Mapping(n, "receipts", map[string]func(*yaml.Node){
		"url":   r.page("receipts.url", &c.Receipts.Page),
		"short": r.page("receipts.short", &c.Receipts.Short),
	})
}

// page is the address of a page that telephones open.
func (r *configReader) page(what string, to *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.Text(to)(n)
		u, err := url.Parse(*to)
		switch {
		case err != nil || u.Scheme != "https" || u.Host == "" || u.Fragment != "" || u.RawQuery != "" || u.User != nil:
			r.Fault(n, "%s: %q: want an address such as https://pay.example/r", what, *to)
		case len(*to) > longestPage:
			r.Fault(n, "%s: %q has %d characters: want at most %d, for its code to be read from the panel", what, *to,
				len(*to), longestPage)
		}
	}
}
