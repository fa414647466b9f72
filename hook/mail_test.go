package hook_test

import (
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"kioskd"
	"kioskd/hook"
	"kioskd/report"
	"kioskd/session/sessiontest"
	"kioskd/ui/text"
)

// post is a mail server of others' making (emersion/go-smtp), which wants a password.
type post struct {
	mu   sync.Mutex
	got  []string
	from string
	to   []string
}

func (p *post) NewSession(*smtp.Conn) (smtp.Session, error) { return &mailing{p: p}, nil }

type mailing struct {
	p   *post
	who bool
}

func (m *mailing) AuthMechanisms() []string { return []string{sasl.Plain} }

func (m *mailing) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		m.who = user == "kiosk" && password == "secret"
		if !m.who {
			return errors.New("wrong")
		}
		return nil
	}), nil
}

func (m *mailing) Mail(from string, _ *smtp.MailOptions) error {
	if !m.who {
		return smtp.ErrAuthRequired
	}
	m.p.from = from
	return nil
}

func (m *mailing) Rcpt(to string, _ *smtp.RcptOptions) error {
	m.p.to = append(m.p.to, to)
	return nil
}

func (m *mailing) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	m.p.mu.Lock()
	defer m.p.mu.Unlock()
	m.p.got = append(m.p.got, string(text))
	return err
}

func (m *mailing) Reset()        {}
func (m *mailing) Logout() error { return nil }

// TestAMail has all events in the host's language, and what to do; a wrong password is an error.
func TestAMail(t *testing.T) {
	p := &post{}
	server := smtp.NewServer(p)
	server.AllowInsecureAuth = true
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	password := "secret"
	m := &hook.Mail{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, TLS: hook.NoTLS, User: "kiosk",
		Password: func() (string, error) { return password, nil }, From: "kiosk@example.com",
		To: []string{"host@example.com", "tech@example.com"}, Site: "Parkhaus", Zone: time.UTC,
		Printer: texts.Printer("de")}
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	paid := sessiontest.EUR(1234)
	events := []hook.Event{{At: at, Type: kiosk.ToldRaised, Data: hook.Fault{Code: "MT001", Bay: 3,
		Acts: kiosk.Technician}},
		{At: at, Type: kiosk.ToldUnsettled, Data: report.Session{Reference: "7GK2M4Q", Outcome: report.Disputed, Bay: 3,
			Held: &paid}},
		{At: at, Type: kiosk.ToldDaily, Data: hook.Daily{Day: "2026-03-01", Unsettled: 1,
			Revenue: []report.Revenue{{Captured: paid, Sessions: 4, Energy: 25000}}}},
		{At: at, Type: kiosk.ToldSilent, Data: hook.Silence{Kiosk: "K-1", Since: at}},
		{At: at, Type: kiosk.ToldHeard, Data: hook.Silence{Kiosk: "K-1", Since: at}}}
	if err := m.Send(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	msg, err := mail.ReadMessage(strings.NewReader(p.got[0]))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
	if want := "Parkhaus: Platz\u00a03: MT001 Zähler nicht erreichbar (+4)"; err != nil || subject != want {
		t.Errorf("subject %q, %v, want %q", subject, err, want)
	}
	if p.from != "kiosk@example.com" || len(p.to) != 2 || msg.Header.Get("Message-Id") == "" {
		t.Errorf("from %s to %v: %v", p.from, p.to, msg.Header)
	}
	body := decoded(t, msg)
	for _, want := range []string{"Ladevorgang 7GK2M4Q", "12,34 €", "Umsatz", "25,0 kWh", "Ladevorgänge: 4",
		"K-1: Nichts gehört seit",
		"K-1: Wieder gehört"} {
		if !strings.Contains(strings.ReplaceAll(body, "\u00a0", " "), want) {
			t.Errorf("it lacks %q:\n%s", want, body)
		}
	}
	password = "wrong"
	if err := m.Send(t.Context(), events); err == nil {
		t.Error("it was taken with a wrong password")
	}
}

// decoded is the text of a message.
func decoded(t *testing.T, msg *mail.Message) string {
	t.Helper()
	body := io.Reader(msg.Body)
	if msg.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
		body = quotedprintable.NewReader(body)
	}
	out, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestAMailThatWasTaken is not sent again because its server hangs up without a word, and comes with the same
// Message-ID if it must be sent again.
func TestAMailThatWasTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	messages := make(chan string, 2)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			take(textproto.NewConn(c), messages)
		}
	}()
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	m := &hook.Mail{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, TLS: hook.NoTLS, From: "k@example.com",
		To: []string{"h@example.com"}, Site: "Parkhaus", Zone: time.UTC, Printer: texts.Printer("en")}
	ids := map[string]bool{}
	for range 2 {
		if err := m.Send(t.Context(), []hook.Event{{ID: "evt_1", At: time.Now(), Type: kiosk.ToldTest}}); err != nil {
			t.Error(err)
		}
		msg, err := mail.ReadMessage(strings.NewReader(<-messages))
		if err != nil {
			t.Fatal(err)
		}
		ids[msg.Header.Get("Message-Id")] = true
	}
	if len(ids) != 1 || ids[""] {
		t.Errorf("the same event has the ids %v", ids)
	}
}

// take takes one mail, and hangs up when its sender says farewell (RFC 5321).
func take(c *textproto.Conn, messages chan<- string) {
	defer c.Close()
	c.PrintfLine("220 mx.example ESMTP") // an error here is the connection's, and ends it
	for {
		line, err := c.ReadLine()
		switch {
		case err != nil || line == "QUIT":
			return
		case line == "DATA":
			c.PrintfLine("354 go on")
			text, err := c.ReadDotBytes()
			if err != nil {
				return
			}
			messages <- string(text)
			c.PrintfLine("250 queued")
		default:
			c.PrintfLine("250 mx.example")
		}
	}
}
