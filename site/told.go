package site

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"kioskd"
	"kioskd/file"
	"kioskd/hook"
	"kioskd/report"
)

// mailPause is how long what is mailed waits for more of it.
const mailPause = 5 * time.Minute

// mailName is the target of mail; web hooks have other names.
const mailName = "mail"

// openTelling makes what tells programs and persons what happens; nil where none is to be told.
func (s *Site) openTelling(ctx context.Context) error {
	t := &hook.Teller{Kiosk: s.c.KioskID, Zone: s.c.Timezone, Journal: s.journal, Daily: s.daily, Now: s.clock.Now,
		Trusted: s.clock.Trusted, Log: s.log, Path: s.c.Journal + ".told"}
	for _, w := range s.c.WebHooks {
		secrets := func() ([][]byte, error) {
			text, err := file.ReadSecret(w.Secret)
			if err != nil {
				return nil, err
			}
			return hook.ParseSecrets(string(text))
		}
		if _, err := secrets(); err != nil {
			return fmt.Errorf("webhooks: %s: %w", w.Name, err)
		}
		to := hook.NewWeb(w.URL, w.Private, secrets, s.clock.Now)
		t.Targets = append(t.Targets, hook.Target{Name: w.Name, Where: hostOf(w.URL), Types: w.Types, Send: to.Send,
			Most: 1})
	}
	if s.c.Mail != nil {
		to, err := s.mailer()
		if err != nil {
			return fmt.Errorf("mail: %w", err)
		}
		t.Targets = append(t.Targets, hook.Target{Name: mailName, Where: strings.Join(s.c.Mail.To, ", "),
			Types: s.c.Mail.Types, Send: to.Send, Most: 100, Pause: mailPause})
	}
	if len(t.Targets) == 0 {
		return nil
	}
	s.tells = t
	return t.Open(ctx)
}

// hostOf is what of an address is shown: its path may be a secret.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// mailer sends the site's mail.
func (s *Site) mailer() (*hook.Mail, error) {
	m := s.c.Mail
	language := m.Language
	if language == "" {
		language = s.c.Languages[0]
	}
	out := &hook.Mail{Host: m.Host, Port: m.Port, TLS: m.TLS, User: m.User, From: m.From, To: m.To,
		Site: s.c.Site["name"], Zone: s.c.Timezone, Printer: s.texts.Printer(language),
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

// daily is what was sold on a day.
func (s *Site) daily(ctx context.Context, day string) (out hook.Daily, err error) {
	out = hook.Daily{Day: day, Revenue: []report.Revenue{}, Faults: []hook.Fault{}}
	book, err := openReports(ctx, s.c, s.journal)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	if err := book.KeepUp(ctx, nil); err != nil {
		return out, err
	}
	groups, err := book.RevenueBy(ctx, report.Window{From: day, To: day}, report.ByDay)
	if err != nil {
		return out, err
	}
	out.Revenue = append(out.Revenue, report.Total(groups)...)
	items, err := OpenItems(ctx, s.journal)
	out.Unsettled = len(items)
	for _, at := range sortedFaults(s.control.Snapshot().State) {
		def, _ := kiosk.FaultByCode(at.Code)
		out.Faults = append(out.Faults, hook.Fault{Code: at.Code, Bay: at.Bay, Severity: def.Severity, Acts: def.Acts})
	}
	return out, err
}
