package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kioskd/child"
	"kioskd/simulator"
	"kioskd/simulator/town"
	"kioskd/ui"
)

// TestABackOfficeOfAHost: a real kiosk sends to a real kioskd backoffice serve, whose page has the sale to the cent,
// also after the process was killed and begun anew.
func TestABackOfficeOfAHost(t *testing.T) {
	t.Parallel() // it mostly waits
	dir, kiosks, page := t.TempDir(), freeAddress(t), freeAddress(t)
	path := filepath.Join(dir, "office.yaml")
	kioskd := func(stdin string, args ...string) string {
		t.Helper()
		cmd := child.Command("kioskd", args...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
		return string(out)
	}
	const password = "a horse counts to nine"
	_, hash, _ := strings.Cut(kioskd(password+"\n", "staff", "password"), "$argon2id")
	hash, _, _ = strings.Cut(hash, "\n")
	config := fmt.Sprintf("name: Both\nlisten: %s\nweb:\n  listen: %s\n  people:\n  - name: anna\n    password: %s\n"+
		"    scopes: [status, reports, money, control]\n", kiosks, page, "$argon2id"+hash)
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	more := kioskd("", "backoffice", "enroll", "--config", path, "K-0042")
	more = strings.Replace(more, "localhost", "127.0.0.1", 1) + "  every: 1m\n"
	start := func() (kill func()) {
		cmd := child.Command("kioskd", "backoffice", "serve", "--config", path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return func() { cmd.Process.Kill(); cmd.Wait() }
	}
	kill := start()
	defer func() { kill() }()
	o := newOperatorWith(t, town.Options{Size: 2, Speed: 300, More: more + ocpiSite}, simulator.Faults{})
	o.reached()
	ctx, leave := context.WithTimeout(context.Background(), hang)
	defer leave()
	ref := o.charge(ctx)
	o.shows(ctx, func(v ui.View) bool { return v.Cost.Minor >= 20 })
	if out, code := o.run("session stop " + ref); code != 0 {
		t.Fatal(out)
	}
	o.until("journal export", `"kind":"closed"`)
	o.leave(ctx)
	if out, code := o.run("backoffice now"); code != 0 {
		t.Fatal(out)
	}
	o.until("backoffice status --format json", `"backlog":0\b`)
	asDesk(ctx, t, page, password, "/do/message", url.Values{"text": {"Closed on Sunday"}})
	if out, code := o.run("backoffice now"); code != 0 {
		t.Fatal(out)
	}
	o.shows(ctx, func(v ui.View) bool { return v.Notice == "Closed on Sunday" })
	own, _ := o.run("report revenue --format csv")
	for range 2 {
		theirs := ""
		for theirs != own && ctx.Err() == nil { // it is two seconds behind at most
			theirs = askedAtTheDesk(ctx, t, page, password)
		}
		if theirs != own {
			t.Errorf("the kiosk says\n%s\nthe desk\n%s", own, theirs)
		}
		kill()
		kill = start()
	}
}

// askedAtTheDesk is the revenue that a person downloads from the page, as soon as it answers.
func askedAtTheDesk(ctx context.Context, t *testing.T, address, password string) string {
	t.Helper()
	return asDesk(ctx, t, address, password, "", nil)
}

// asDesk is what a person is shown who logs in and sends a form; without one it is the revenue that they download.
func asDesk(ctx context.Context, t *testing.T, address, password, path string, what url.Values) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: overTLS{jar}}
	form := url.Values{"name": {"anna"}, "password": {password}, "to": {"/file/reports/revenue?format=csv"}}
	for {
		resp, err := client.PostForm("http://"+address+"/login", form)
		if err == nil {
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if path == "" {
				return string(body)
			}
			resp, err = client.PostForm("http://"+address+path, what)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			return resp.Status
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// overTLS keeps cookies that want TLS, as browsers do on the computer itself.
type overTLS struct{ http.CookieJar }

func (o overTLS) Cookies(u *url.URL) []*http.Cookie {
	https := *u
	https.Scheme = "https"
	return o.CookieJar.Cookies(&https)
}

func (o overTLS) SetCookies(u *url.URL, all []*http.Cookie) {
	https := *u
	https.Scheme = "https"
	o.CookieJar.SetCookies(&https, all)
}
