package hook

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"kioskd"
	"kioskd/report"
	"kioskd/ui/text"
)

// Mail sends events by e-mail, all that there are in one message.
type Mail struct {
	Host     string
	Port     int
	TLS      string         // starttls, tls or none
	Roots    *x509.CertPool // nil for the system's
	User     string         // empty for none
	Password func() (string, error)
	From     string
	To       []string
	Site     string
	Zone     *time.Location
	Printer  *text.Printer
}

// Ways to the server.
const (
	StartTLS = "starttls" // RFC 3207, and nothing without it
	TLS      = "tls"      // RFC 8314
	NoTLS    = "none"     // a server on this computer
)

// mailPatience is how long a server may take.
const mailPatience = time.Minute

// Send implements Target.Send.
func (m *Mail) Send(ctx context.Context, events []Event) error {
	msg := mail.NewMsg()
	if err := msg.From(m.From); err != nil {
		return err
	}
	if err := msg.To(m.To...); err != nil {
		return err
	}
	subject, body := m.words(events)
	msg.Subject(subject)
	msg.SetDate()
	msg.SetMessageIDWithValue(m.id(events)) // the same for the same events, by which a mail that came twice is known
	msg.SetBodyString(mail.TypeTextPlain, body)
	client, err := m.client()
	if err != nil {
		return err
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if msg.IsDelivered() { // the server took it: what went wrong after that is its farewell
		return nil
	}
	return err
}

// id is that of a message (RFC 5322, section 3.6.4).
func (m *Mail) id(events []Event) string {
	sum := sha256.New()
	for _, e := range events {
		fmt.Fprintln(sum, e.ID)
	}
	return fmt.Sprintf("%x@%s.kioskd", sum.Sum(nil)[:16], strings.ToLower(cmp.Or(events[0].Kiosk, "kiosk")))
}

func (m *Mail) client() (*mail.Client, error) {
	options := []mail.Option{mail.WithPort(m.Port), mail.WithTimeout(mailPatience),
		mail.WithTLSConfig(&tls.Config{ServerName: m.Host, RootCAs: m.Roots, MinVersion: tls.VersionTLS12})}
	switch m.TLS {
	case TLS:
		options = append(options, mail.WithSSL())
	case NoTLS:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if m.User != "" {
		password, err := m.Password()
		if err != nil {
			return nil, err
		}
		way := mail.SMTPAuthAutoDiscover // the best that the server has
		if m.TLS == NoTLS {
			way = mail.SMTPAuthPlainNoEnc // it does not leave this computer
		}
		options = append(options, mail.WithSMTPAuth(way), mail.WithUsername(m.User), mail.WithPassword(password))
	}
	return mail.NewClient(m.Host, options...)
}

// words are the subject and the text of a message.
func (m *Mail) words(events []Event) (subject, body string) {
	var b strings.Builder
	worst := 0
	for i, e := range events {
		if gravity(e) > gravity(events[worst]) {
			worst = i
		}
	}
	for i, e := range events {
		lines := m.lines(e)
		if i == worst {
			subject = m.Site + ": " + lines[0]
			if len(events) > 1 {
				subject += fmt.Sprintf(" (+%d)", len(events)-1)
			}
		}
		fmt.Fprintf(&b, "%s\n", m.Printer.Time(e.At.In(m.Zone)))
		for _, l := range lines {
			fmt.Fprintf(&b, "  %s\n", l)
		}
		b.WriteString("\n")
	}
	return text.Plain(subject), text.Plain(b.String())
}

// gravity is how soon a person should know of an event.
func gravity(e Event) int {
	switch d, _ := e.Data.(Fault); {
	case e.Type == kiosk.ToldRaised && d.Severity != kiosk.Warning:
		return 3
	case e.Type == kiosk.ToldUnsettled || e.Type == kiosk.ToldSilent:
		return 2
	case e.Type == kiosk.ToldRaised:
		return 1
	}
	return 0
}

// lines say an event to a person.
func (m *Mail) lines(e Event) []string {
	p := m.Printer
	pair := func(name, value string) string { return p.T("join.pair", "Name", name, "Value", value) }
	switch d := e.Data.(type) {
	case Fault:
		return m.fault(d, e.Type == kiosk.ToldCleared)
	case report.Session:
		out := []string{pair(p.T("report.col.session")+" "+d.Reference, p.T("report.state."+string(d.Outcome))),
			pair(p.T("report.col.bay"), fmt.Sprint(d.Bay)), pair(p.T("report.col.energy_wh"), p.Energy(d.Energy, 3))}
		for _, x := range []struct {
			key    string
			amount *kiosk.Money
		}{{"report.col.held", d.Held}, {"report.col.billed", d.Billed}, {"report.col.captured", d.Paid}} {
			if x.amount != nil {
				out = append(out, pair(p.T(x.key), p.Money(*x.amount)))
			}
		}
		return out
	case Daily:
		return m.daily(d)
	case Silence:
		said := p.T("office.silent", "At", p.Minute(d.Since.In(m.Zone)))
		if e.Type == kiosk.ToldHeard {
			said = p.T("office.back")
		}
		return []string{pair(p.T("report.col.kiosk")+" "+d.Kiosk, said)}
	case Tariff:
		from := e.At
		if d.From != nil {
			from = *d.From
		}
		return []string{pair(p.T("report.col.tariff"), p.T("web.price_from", "At", p.Minute(from.In(m.Zone)))),
			pair(p.T("report.col.by"), d.By)}
	}
	return []string{pair(p.T("test.do"), p.T("report.made", "At", p.Time(e.At.In(m.Zone))))}
}

// fault says what is wrong, and what to do.
func (m *Mail) fault(d Fault, over bool) []string {
	p := m.Printer
	title := string(d.Code) + " " + p.T(d.Code.TextKey("title"))
	if d.Bay > 0 {
		title = p.T("join.pair", "Name", p.T("bay", "N", d.Bay), "Value", title)
	}
	if over {
		return []string{p.T("join.pair", "Name", p.T("staff.state.ok"), "Value", title)}
	}
	part := "technician"
	if d.Acts == kiosk.Host {
		part = "host"
	}
	out := []string{title, p.T(d.Code.TextKey(part))}
	if d.Error != "" {
		out = append(out, d.Error)
	}
	return out
}

// daily says what was sold on a day.
func (m *Mail) daily(d Daily) []string {
	p := m.Printer
	day := d.Day
	if at, err := time.Parse(time.DateOnly, d.Day); err == nil {
		day = p.Day(at)
	}
	out := []string{p.T("report.revenue") + " " + day}
	if len(d.Revenue) == 0 {
		out = append(out, p.T("report.none"))
	}
	for _, r := range d.Revenue {
		out = append(out, p.T("host.revenue", "Amount", p.Money(r.Captured)), p.T("host.energy", "Energy",
			p.Energy(r.Energy, 1)), p.T("host.sessions", "N", r.Sessions+r.Free))
	}
	if d.Unsettled > 0 {
		out = append(out, p.T("join.pair", "Name", p.T("report.state.unsettled"), "Value", fmt.Sprint(d.Unsettled)))
	}
	for _, f := range d.Faults {
		out = append(out, m.fault(f, false)[0])
	}
	return out
}
