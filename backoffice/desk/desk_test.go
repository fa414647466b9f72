package desk_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"kioskd"
	"kioskd/backoffice"
	"kioskd/backoffice/desk"
	"kioskd/backoffice/receiver"
	"kioskd/config"
	"kioskd/report"
	"kioskd/session/sessiontest"
	"kioskd/store"
	"kioskd/ui/text"
	"kioskd/web"
)

// straight is a receiver without a line to it.
type straight struct{ *receiver.Receiver }

func (s straight) Send(ctx context.Context, b backoffice.Batch) (backoffice.Answer, error) {
	return s.Take(ctx, b)
}
func (s straight) Traffic() backoffice.Traffic { return backoffice.Traffic{} }

// branch is a kiosk with its journal.
type branch struct {
	id     string
	store  *store.Store
	secret string // its key
	public string
	prefix string // of its sessions' ids
}

// sells adds a session that was charged and paid, of 0.98 EUR.
func (b branch) sells(t *testing.T, n int) {
	t.Helper()
	j := sessiontest.New(t)
	j.Charged()
	j.Booked(98)
	for _, r := range j.Records {
		if err := b.store.Append(t.Context(), kiosk.Entry{Session: fmt.Sprintf("%sS%d", b.prefix, n), Kind: r.Kind,
			Body: r.Body,
			Ends: r.Kind == "closed"}); err != nil {
			t.Fatal(err)
		}
	}
}

// sends hands the journal over, whole.
func (b branch) sends(t *testing.T, r *receiver.Receiver, office note.Verifier) {
	t.Helper()
	signer, err := note.NewSigner(b.secret)
	if err != nil {
		t.Fatal(err)
	}
	up := backoffice.New(backoffice.Config{Kiosk: b.id, Outbox: b.store, Sink: straight{r}, Signer: signer,
		Key:    b.public,
		Office: office, Every: time.Hour, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err := up.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func newBranch(t *testing.T, id string) branch {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "journal.db"),
		func() (time.Time, time.Duration, bool) { return time.Now(), time.Minute, true })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	secret, public, err := backoffice.NewKey(id)
	if err != nil {
		t.Fatal(err)
	}
	return branch{id, s, secret, public, id}
}

// bureau is a back office with two kiosks that sold, and its desk.
func bureau(t *testing.T) (*desk.Desk, *receiver.Receiver) {
	t.Helper()
	d, r, _ := bureauWith(t)
	return d, r
}

// bureauWith is a bureau, and what verifies its signatures.
func bureauWith(t *testing.T) (*desk.Desk, *receiver.Receiver, note.Verifier) {
	t.Helper()
	dir := t.TempDir()
	folder, err := receiver.OpenOffice(dir, []string{"localhost"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := receiver.Open(t.Context(), folder.Database(), folder.Signer, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	office, err := note.NewVerifier(folder.Public)
	if err != nil {
		t.Fatal(err)
	}
	for id, sales := range map[string]int{"K-1": 1, "K-2": 2} {
		b := newBranch(t, id)
		for n := range sales {
			b.sells(t, n+1)
		}
		b.sends(t, r, office)
	}
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	c := &config.Office{Name: "Both", Dir: dir, Timezone: time.UTC, Currency: "EUR", Language: "en", Silent: time.Hour,
		Web: &config.Web{}}
	d, err := desk.Open(t.Context(), c, folder, r, texts, "1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return d, r, office
}

// letIn is a desk with a person whose password is a plain one.
type letIn struct{ *desk.Desk }

func (letIn) People() []web.Person {
	return []web.Person{{Name: "anna", Scopes: kiosk.Scopes(), Matches: func(p string) bool { return p == "horse" }}}
}

// TestTheDesk: a host sees what all kiosks sold, and one of them alone, and finds each session with what proves it.
func TestTheDesk(t *testing.T) {
	d, _ := bureau(t)
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(web.OfficeHandler(letIn{d}, texts, slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: plain{jar}}
	read := func(resp *http.Response, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%d %s", resp.StatusCode, body)
	}
	get := func(path string) string { t.Helper(); return read(client.Get(server.URL + path)) }
	if page := get("/money"); !strings.Contains(page, "Log in") {
		t.Errorf("a stranger sees %.500s", page)
	}
	read(client.PostForm(server.URL+"/login", url.Values{"name": {"anna"}, "password": {"horse"}}))
	for path, want := range map[string][]string{
		"/":                                    {"K-1", "K-2", "Last heard", "/money?kiosk=K-2"},
		"/money?from=2026-01-01&to=2026-12-31": {"€2.94"},
		"/money?from=2026-01-01&to=2026-12-31&kiosk=K-1&by=bay": {"€0.98", `<option value="K-1" selected>`},
		"/money?kiosk=K-9":                        {"there is none"},
		"/sessions":                               {"/sessions/K-1S1@K-1", "/sessions/K-2S1@K-2"},
		"/sessions?kiosk=K-2":                     {"/sessions/K-2S1@K-2"},
		"/sessions/K-2S1@K-2":                     {"€0.98", "K-2", "/file/sessions/K-2S1@K-2/receipt"},
		"/sessions/K-2S1@K-1":                     {"404"},
		"/sessions/none":                          {"404"},
		"/use":                                    {"Payment"},
		"/devices?from=2026-01-01&to=2026-12-31":  {"20260001", "K-1"},
		"/journal":                                {"K-1", "login: anna"},
		"/file/sessions/K-1S1@K-1/dispute.zip":    {"PK"},
		"/file/sessions/K-1S1/receipt?format=pdf": {"%PDF"},
		"/file/reports/revenue?by=kiosk&format=csv&from=2026-01-01": {"K-1,1,", "K-2,2,"},
		"/file/reports/sessions?format=csv&kiosk=K-1":               {"K-1,"},
		"/prices":        {"404"},
		"/api/v1/status": {"404"},
	} {
		page := get(path)
		for _, w := range want {
			if !strings.Contains(page, w) {
				t.Errorf("%s shows no %q: %.3000s", path, w, page)
			}
		}
	}
	if page := get("/sessions?kiosk=K-2"); strings.Contains(page, "K-1S1") {
		t.Error("the list of one kiosk has a session of another")
	}
	if page := read(client.PostForm(server.URL+"/do/verify", url.Values{"back": {"/journal"}})); !strings.Contains(page,
		"records verified") {
		t.Errorf("%.2000s", page)
	}
	read(client.PostForm(server.URL+"/do/message", url.Values{"text": {"Closed"}, "kiosk": {"K-2"}}))
	if page := get("/instructions"); !strings.Contains(page, "message Closed") || !strings.Contains(page,
		"Waits for the kiosk") {
		t.Errorf("%.3000s", page)
	}
	for _, path := range []string{"/do/drain", "/do/inspect", "/do/bays/1/close"} {
		if page := read(client.PostForm(server.URL+path, nil)); !strings.HasPrefix(page, "404") {
			t.Errorf("%s is answered %.200s", path, page)
		}
	}
}

// plain keeps cookies that want TLS.
type plain struct{ http.CookieJar }

func (p plain) Cookies(u *url.URL) []*http.Cookie {
	https := *u
	https.Scheme = "https"
	return p.CookieJar.Cookies(&https)
}

func (p plain) SetCookies(u *url.URL, all []*http.Cookie) {
	https := *u
	https.Scheme = "https"
	p.CookieJar.SetCookies(&https, all)
}

// TestWhatProvesASession at a back office is judged by a library of others: the signed head has each of its records.
func TestWhatProvesASession(t *testing.T) {
	d, _ := bureau(t)
	c, err := d.Case(t.Context(), "K-1S1@K-1")
	if err != nil || c.Session.Outcome != report.Sold || c.Receipt == nil {
		t.Fatalf("%+v, %v", c.Session, err)
	}
	var keys []note.Verifier
	for _, k := range c.Keys {
		v, err := note.NewVerifier(k)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, v)
	}
	signed, err := note.Open([]byte(c.Checkpoint), note.VerifierList(keys...))
	if err != nil || len(signed.Sigs) != 2 {
		t.Fatalf("%v, %+v", err, signed)
	}
	head, err := kiosk.ParseCheckpoint(signed.Text)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range c.Records {
		path, err := c.Proof(r.Seq)
		if err != nil {
			t.Fatal(err)
		}
		var proof tlog.RecordProof
		for _, h := range path {
			proof = append(proof, tlog.Hash(h))
		}
		leaf, err := store.Leaf(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(proof, head.Records, tlog.Hash(head.Hash), r.Seq-1,
			tlog.RecordHash(leaf)); err != nil {
			t.Errorf("record %d: %v", r.Seq, err)
		}
	}
}

// TestARecordThatIsTakenLater counts then: a session of which a record was refused is in no sum, and in all of them
// once
// it was sent again and taken.
func TestARecordThatIsTakenLater(t *testing.T) {
	folder, err := receiver.OpenOffice(t.TempDir(), []string{"localhost"})
	if err != nil {
		t.Fatal(err)
	}
	office, err := note.NewVerifier(folder.Public)
	if err != nil {
		t.Fatal(err)
	}
	refuse := "not now"
	r, err := receiver.Open(t.Context(), folder.Database(), folder.Signer, func(l kiosk.Leaf) string {
		if l.Kind == "capture_confirmed" || l.Kind == "bill" {
			return refuse
		}
		return ""
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	b := newBranch(t, "K-1")
	b.sells(t, 1)
	b.sends(t, r, office)
	book, err := report.OpenAll(t.Context(), filepath.Join(t.TempDir(), "rows"), r.Journals)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { book.Close() })
	sold := func() (cents int64) {
		t.Helper()
		if err := book.KeepUp(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		groups, err := book.RevenueBy(t.Context(), report.Window{}, report.ByKiosk)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range groups {
			cents += g.Captured.Minor
		}
		return cents
	}
	if got := sold(); got != 0 {
		t.Errorf("without its bill: %d", got)
	}
	refuse = ""
	if err := b.store.SendAgain(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.sends(t, r, office)
	if got := sold(); got != 98 {
		t.Errorf("with its bill: %d", got)
	}
	if got := sold(); got != 98 {
		t.Errorf("asked again: %d", got)
	}
}

// TestAnIdOfTwoKiosks: a kiosk that makes the id of another's session hides nothing of it.
func TestAnIdOfTwoKiosks(t *testing.T) {
	d, r, office := bureauWith(t)
	evil := newBranch(t, "K-0")
	evil.prefix = "K-2"
	evil.sells(t, 1)
	evil.sends(t, r, office)
	for _, id := range []string{"K-0", "K-2"} {
		if got, err := d.KioskOf(t.Context(), "K-2S1@"+id); err != nil || got != id {
			t.Errorf("the session of %s is of %s, %v", id, got, err)
		}
		c, err := d.Case(t.Context(), "K-2S1@"+id)
		if err != nil || !strings.Contains(c.Checkpoint, "kioskd/"+id+"/") {
			t.Errorf("%s: %v, %s", id, err, c.Checkpoint)
		}
	}
}
