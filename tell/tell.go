// Package tell makes what a configuration says of web hooks and mail into targets of a hook.Teller: for a kiosk and for
// a back office alike.
package tell

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"kioskd/config"
	"kioskd/file"
	"kioskd/hook"
	"kioskd/ui/text"
)

// mailPause is how long what is mailed waits for more of it.
const mailPause = 5 * time.Minute

// mailName is the target of mail; web hooks have other names.
const mailName = "mail"

// From is who tells.
type From struct {
	Site     string // as the mail calls it
	Zone     *time.Location
	Language string // of mail that names none
	Texts    *text.Catalogues
	Now      func() time.Time
}

// Targets are those of a configuration. A secret that cannot be read is an error; it is read again with each event.
func (f From) Targets(hooks []config.WebHook, mail *config.Mail) (out []hook.Target, err error) {
	for _, w := range hooks {
		secrets := func() ([][]byte, error) {
			text, err := file.ReadSecret(w.Secret)
			if err != nil {
				return nil, err
			}
			return hook.ParseSecrets(string(text))
		}
		if _, err := secrets(); err != nil {
			return nil, fmt.Errorf("webhooks: %s: %w", w.Name, err)
		}
		to := hook.NewWeb(w.URL, w.Private, secrets, f.Now)
		out = append(out, hook.Target{Name: w.Name, Where: hostOf(w.URL), Types: w.Types, Send: to.Send, Most: 1})
	}
	if mail == nil {
		return out, nil
	}
	to, err := f.mailer(mail)
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	return append(out, hook.Target{Name: mailName, Where: strings.Join(mail.To, ", "), Types: mail.Types, Send: to.Send,
		Most: 100, Pause: mailPause}), nil
}

// hostOf is what of an address is shown: its path may be a secret.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// mailer sends mail.
func (f From) mailer(m *config.Mail) (*hook.Mail, error) {
	out := &hook.Mail{Host: m.Host, Port: m.Port, TLS: m.TLS, User: m.User, From: m.From, To: m.To, Site: f.Site,
		Zone: f.Zone, Printer: f.Texts.Printer(cmp.Or(m.Language, f.Language)),
		Password: func() (string, error) {
			text, err := file.ReadSecret(m.Password)
			return strings.TrimSpace(string(text)), err
		}}
	if m.CA == "" {
		return out, nil
	}
	pem, err := os.ReadFile(m.CA)
	if err != nil {
		return nil, err
	}
	out.Roots = x509.NewCertPool()
	if !out.Roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate", m.CA)
	}
	return out, nil
}
