// Package tell makes what a configuration says of web hooks and mail into targets of a hook.Teller: for a kiosk and for
// a back office alike.
package tell

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
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

// Check tells what of web hooks and mail cannot be used: it is told to the host, and keeps no site from selling.
func Check(hooks []config.WebHook, mail *config.Mail) error {
	var all []error
	for _, w := range hooks {
		if _, err := secretsOf(w); err != nil {
			all = append(all, fmt.Errorf("webhooks: %s: %w", w.Name, err))
		}
	}
	if mail != nil {
		if _, err := roots(mail); err != nil {
			all = append(all, fmt.Errorf("mail: %w", err))
		}
	}
	return errors.Join(all...)
}

func secretsOf(w config.WebHook) ([][]byte, error) {
	text, err := file.ReadSecret(w.Secret)
	if err != nil {
		return nil, err
	}
	return hook.ParseSecrets(string(text))
}

// Targets are those of a configuration. Secrets are read with each event: with one that cannot be read nothing is sent,
// and the target's state says why.
func (f From) Targets(hooks []config.WebHook, mail *config.Mail) (out []hook.Target) {
	for _, w := range hooks {
		to := hook.NewWeb(w.URL, w.Private, func() ([][]byte, error) { return secretsOf(w) }, f.Now)
		out = append(out, hook.Target{Name: w.Name, Where: hostOf(w.URL), Types: w.Types, Send: to.Send, Most: 1})
	}
	if mail == nil {
		return out
	}
	send := func(ctx context.Context, events []hook.Event) error {
		to, err := f.mailer(mail)
		if err != nil {
			return err
		}
		return to.Send(ctx, events)
	}
	return append(out, hook.Target{Name: mailName, Where: strings.Join(mail.To, ", "), Types: mail.Types, Send: send,
		Most: 100, Pause: mailPause})
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
	var err error
	out.Roots, err = roots(m)
	return out, err
}

// roots are the authorities that a mail server is believed by; nil for the system's.
func roots(m *config.Mail) (*x509.CertPool, error) {
	if m.CA == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(m.CA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate", m.CA)
	}
	return pool, nil
}
