package web_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chromedp/chromedp"

	"kioskd/ui/text"
	"kioskd/web"
)

// visitor is a person with a browser that draws nothing.
type visitor struct {
	*testing.T
	client *http.Client
	base   string
}

// secure keeps cookies that want TLS, as browsers do on the computer itself.
type secure struct{ http.CookieJar }

func (s secure) Cookies(u *url.URL) []*http.Cookie {
	https := *u
	https.Scheme = "https"
	return s.CookieJar.Cookies(&https)
}

func (s secure) SetCookies(u *url.URL, cookies []*http.Cookie) {
	https := *u
	https.Scheme = "https"
	s.CookieJar.SetCookies(&https, cookies)
}

func newVisitor(t *testing.T, base string) visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return visitor{t, &http.Client{Jar: secure{jar}}, base}
}

// sends posts a form, and returns the page that is shown then.
func (v visitor) sends(path string, fields ...string) (status int, page string) {
	v.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	resp, err := v.client.PostForm(v.base+path, form)
	return v.read(resp, err)
}

func (v visitor) opens(path string) (status int, page string) {
	v.Helper()
	resp, err := v.client.Get(v.base + path)
	return v.read(resp, err)
}

func (v visitor) read(resp *http.Response, err error) (int, string) {
	v.Helper()
	if err != nil {
		v.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func (v visitor) enters(name string) {
	v.Helper()
	if status, page := v.sends("/login", "name", name, "password", password); status != 200 || !strings.Contains(page,
		`<span class="who">`+name) {
		v.Fatalf("%d %.2000s", status, page)
	}
}

// TestAPersonAtTheDesk does all that pages offer: it is written down with their name, done, and what came of it shown.
func TestAPersonAtTheDesk(t *testing.T) {
	s, server := newSite(t, people()...)
	v := newVisitor(t, server.URL)
	v.enters("anna")
	for _, c := range []struct {
		path   string
		fields []string
		want   string // on the page that is shown then
	}{
		{"/do/bays/1/close", nil, "Done"},
		{"/do/bays/1/open", nil, "Done"},
		{"/do/bays/1/free", nil, "Bay\u00a01 charges free of charge"},
		{"/do/bays/9/close", nil, "there is none"},
		{"/do/sessions/7GK2M4Q/stop", []string{"back", "/sessions/7GK2M4Q"}, "Session: 7GK2M4Q"},
		{"/do/sessions/7GK2M4Q/refund", []string{"amount", "0,50", "why", "cable", "key", "1",
			"back", "/sessions/7GK2M4Q"}, "Done"},
		{"/do/sessions/7GK2M4Q/refund", []string{"amount", "0.50", "key", "2", "back", "/sessions/7GK2M4Q"},
			"no reason"},
		{"/do/drain", []string{"on", "1"}, "Done"},
		{"/do/drain", nil, "Done"},
		{"/do/message", []string{"text", "Closed on Sunday"}, "Done"},
		{"/do/tariff", []string{"tariff", `{"id":"mine"`, "password", password, "back", "/prices"}, "{&#34;id&#34;:&#34;mine&#34;"},
		{"/do/tariff", []string{"tariff", `{"id":"mine"}`, "password", "wrong", "back", "/prices"}, "password is wrong"},
		{"/do/tariff", []string{"tariff", `{"id":"mine"}`, "password", password, "from", "2026-04-01T00:00",
			"back", "/prices"}, "Done"},
		{"/do/inspect", []string{"device", "bay 2", "serial", "20260002", "back", "/devices"}, "Done"},
		{"/do/verify", []string{"back", "/journal"}, "records verified"},
		{"/do/verify", []string{"back", "https://evil.example/"}, "Bays"},
	} {
		if _, page := v.sends(c.path, c.fields...); !strings.Contains(page, c.want) {
			t.Errorf("%s %q shows no %q: %.3000s", c.path, c.fields, c.want, page)
		}
	}
	var said []string
	for _, line := range s.told {
		if !strings.HasPrefix(line, "instruct") {
			said = append(said, line)
			continue
		}
		words := strings.Fields(line)
		said = append(said, words[0]+" "+strings.Join(words[2:], " "))
	}
	want := []string{"login by anna: page", "command by anna: close bay 1", "shut 1 true anna",
		"command by anna: open bay 1", "shut 1 false anna", "command by anna: free charge 1", "grant 1 anna",
		"command by anna: stop session 7GK2M4Q", "stop 7GK2M4Q anna",
		"command by anna: refund 7GK2M4Q 0.50", `refund 7GK2M4Q 0.50 anna "cable" "page 7GK2M4Q 1"`,
		"command by anna: drain", "drain true", "command by anna: end drain", "drain false",
		"command by anna: message", "instruct message map[en:Closed on Sunday] anna",
		"login_refused by anna: tariff", "command by anna: tariff", `instruct tariff {"id":"mine"} map[] anna`,
		"command by anna: inspect bay 2 20260002", `inspect bay 2 20260002 "" anna`}
	if !slices.Equal(said, want) {
		t.Errorf("it was told\n%q, want\n%q", said, want)
	}
	if status, page := v.opens("/nothing"); status != 404 || !strings.Contains(page, "no such page") {
		t.Errorf("an address that there is not: %d %.500s", status, page)
	}
	if status, page := v.opens("/money?from=2026-03-02&to=2026-03-01"); status != 400 || !strings.Contains(page,
		"is before") {
		t.Errorf("an end before the beginning: %d %.500s", status, page)
	}
	if _, page := v.opens("/sessions/AAAAAAA"); !strings.Contains(page, "no such page") {
		t.Errorf("a session that there is not: %.500s", page)
	}
	if status, page := v.opens("/file/reports/revenue?format=csv"); status != 200 || !strings.Contains(page,
		"2026-03-02,1,") {
		t.Errorf("%d %s", status, page)
	}
	if status, page := v.sends("/logout"); status != 200 || !strings.Contains(page, "Log in") {
		t.Errorf("%d %.500s", status, page)
	}
	if _, page := v.opens("/money"); !strings.Contains(page, "Log in") {
		t.Errorf("after the end of the visit: %.500s", page)
	}
}

// TestWhatCannotBeDoneAtTheDesk is said, once, and not that it was done.
func TestWhatCannotBeDoneAtTheDesk(t *testing.T) {
	s, server := newSite(t, people()...)
	v := newVisitor(t, server.URL)
	v.enters("anna")
	s.fails = errors.New("record 7 was changed")
	for _, path := range []string{"/do/verify", "/do/bays/1/close"} {
		_, page := v.sends(path, "back", "/prices")
		if !strings.Contains(page, "record 7 was changed") || strings.Contains(page, "verified") ||
			strings.Contains(page, `role="status"`) {
			t.Errorf("%s: %.3000s", path, page)
		}
	}
	if _, page := v.opens("/prices?failed=evil&said=evil"); strings.Contains(page, "evil") ||
		strings.Contains(page, "record 7") {
		t.Errorf("a link puts words on the page, or they come again: %.3000s", page)
	}
}

// TestAPersonWithoutTheScope sees and does only what is theirs.
func TestAPersonWithoutTheScope(t *testing.T) {
	s, server := newSite(t, people()...)
	v := newVisitor(t, server.URL)
	v.enters("bert")
	_, page := v.opens("/")
	for _, hidden := range []string{"/do/", "/sessions", "Not settled"} {
		if strings.Contains(page, hidden) {
			t.Errorf("the page of bert has %q", hidden)
		}
	}
	for _, path := range []string{"/sessions", "/sessions/7GK2M4Q", "/money", "/use", "/journal", "/devices",
		"/file/reports/revenue", "/file/sessions/7GK2M4Q/dispute.zip"} {
		if status, _ := v.opens(path); status != http.StatusForbidden {
			t.Errorf("%s: %d", path, status)
		}
	}
	s.told = nil
	for _, path := range []string{"/do/bays/1/close", "/do/bays/1/free", "/do/sessions/7GK2M4Q/stop",
		"/do/sessions/7GK2M4Q/refund", "/do/drain", "/do/message", "/do/tariff", "/do/inspect", "/do/verify",
		"/money"} {
		if status, _ := v.sends(path, "password", password); status != http.StatusForbidden {
			t.Errorf("%s: %d", path, status)
		}
	}
	if len(s.told) > 0 {
		t.Errorf("it was done all the same: %q", s.told)
	}
}

// TestWhoGuesses waits, from the fifth wrong password on; the person whose name it is waits no longer than a
// minute, and names that there are not fill nothing.
func TestWhoGuesses(t *testing.T) {
	s, server := newSite(t, people()...)
	v := newVisitor(t, server.URL)
	for i := range 8 {
		want := http.StatusUnauthorized
		if i >= 5 {
			want = http.StatusTooManyRequests
		}
		if status, page := v.sends("/login", "name", "anna", "password", "123456789012"); status != want {
			t.Errorf("try %d: %d %.800s", i+1, status, page)
		}
	}
	if n := len(s.told); n != 5 {
		t.Errorf("%d tries are written down: %q", n, s.told)
	}
	if status, _ := v.sends("/login", "name", "anna", "password", password); status != http.StatusTooManyRequests {
		t.Errorf("the right password at once: %d", status)
	}
}

// TestManyGuessesAtOnce are no more than one after the other, and keep no person out who comes from elsewhere and makes
// no mistake.
func TestManyGuessesAtOnce(t *testing.T) {
	s, server := newSite(t, people()...)
	from := func(address, password string) int {
		form := strings.NewReader(url.Values{"name": {"anna"}, "password": {password}}.Encode())
		r := httptest.NewRequest("POST", "/login", form)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.RemoteAddr = address
		w := httptest.NewRecorder()
		server.Config.Handler.ServeHTTP(w, r)
		return w.Code
	}
	var all sync.WaitGroup
	var tried atomic.Int64
	for i := range 40 {
		all.Go(func() {
			if from(fmt.Sprintf("[2001:db8::%x]:1", i+1), "123456789012") == http.StatusUnauthorized {
				tried.Add(1)
			}
		})
	}
	all.Wait()
	if n := tried.Load(); n != 5 || len(s.told) != 5 {
		t.Errorf("%d of 40 guesses were looked at, %d are written down", n, len(s.told))
	}
	if status := from("[2001:db8:1::1]:1", password); status != http.StatusSeeOther {
		t.Errorf("the person themselves, from elsewhere: %d", status)
	}
	if status := from("[2001:db8::ffff]:1", password); status != http.StatusTooManyRequests {
		t.Errorf("the right password from the network of the guesses: %d", status)
	}
}

// TestAFormOfAnotherSite does nothing, whatever cookie the browser has.
func TestAFormOfAnotherSite(t *testing.T) {
	s, server := newSite(t, people()...)
	v := newVisitor(t, server.URL)
	v.enters("anna")
	s.told = nil
	for _, header := range [][2]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+"/do/bays/1/close", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(header[0], header[1])
		if status, _ := v.read(v.client.Do(req)); status != http.StatusForbidden || len(s.told) > 0 {
			t.Errorf("%s: %d, %q", header, status, s.told)
		}
	}
}

// TestThePageFollows: a change at the site is on the page, in a browser, without a touch, and the focus stays where the
// keys had put it.
func TestThePageFollows(t *testing.T) {
	s, server := newSite(t, people()...)
	b := newBrowser(t)
	b.enter(t, server.URL, "anna", password)
	b.do(t, chromedp.WaitVisible(chromedp.CSS("#c1")), chromedp.Focus(chromedp.CSS("#c1")))
	s.mu.Lock()
	s.now.Bays = slices.Clone(s.now.Bays)
	s.now.Bays[1] = web.Bay{Number: 2, State: "out_of_order", Fault: "HO001"}
	s.now.At = s.now.At.Add(time.Minute)
	s.mu.Unlock()
	s.changed <- struct{}{}
	b.do(t, chromedp.WaitVisible(chromedp.CSS("#o2")))
	if at := read[string](t, b, "document.activeElement.id"); at != "c1" {
		t.Errorf("the focus is at %q", at)
	}
	b.silent(t, "the first page")
}

// TestLanguages: a page is in the language of the browser, or in the one that was chosen on it, with its direction.
func TestLanguages(t *testing.T) {
	_, server := newSite(t, people()...)
	v := newVisitor(t, server.URL)
	if _, page := v.opens("/login?lang=ar&to=%2Fmoney"); !strings.Contains(page, `lang="ar" dir="rtl"`) ||
		!strings.Contains(page, `value="/money"`) {
		t.Errorf("%.800s", page)
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/login", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Language", "de-AT,de;q=0.9,en;q=0.8")
	if _, page := newVisitor(t, server.URL).read(http.DefaultClient.Do(req)); !strings.Contains(page, `lang="de"`) {
		t.Errorf("%.300s", page)
	}
}

// TestAPersonGuessesAnother: their own password, between two guesses at another's, makes them no more.
func TestAPersonGuessesAnother(t *testing.T) {
	_, server := newSite(t, people()...)
	looked := 0
	for i := range 20 {
		if comes(server, "192.0.2.1:1", "", "anna", fmt.Sprint("guess ", i)) == http.StatusUnauthorized {
			looked++
		}
		if status := comes(server, "192.0.2.1:1", "", "bert", password); status != http.StatusSeeOther {
			t.Errorf("bert: %d", status)
		}
	}
	if looked != 5 {
		t.Errorf("%d of 20 guesses were looked at", looked)
	}
}

// TestBehindAProxy a stranger's guesses keep no other visitor out, and the journal has the visitor's address; what a
// visitor says of themselves counts for nothing.
func TestBehindAProxy(t *testing.T) {
	s, server := newSite(t, people()...)
	for i := range 8 {
		comes(server, "127.0.0.1:1", "192.0.2.10, 203.0.113.66", "anna", fmt.Sprint("guess ", i))
	}
	if status := comes(server, "127.0.0.1:2", "203.0.113.66, 192.0.2.10", "anna",
		password); status != http.StatusSeeOther {
		t.Errorf("anna, from elsewhere: %d", status)
	}
	if status := comes(server, "127.0.0.1:2", "203.0.113.66", "anna", password); status != http.StatusTooManyRequests {
		t.Errorf("from where the guesses came: %d", status)
	}
	if status := comes(server, "203.0.113.66:2", "192.0.2.11", "anna", password); status != http.StatusTooManyRequests {
		t.Errorf("from there, with a header of its own: %d", status)
	}
	if got := s.from[len(s.from)-1]; got != "192.0.2.10" {
		t.Errorf("the journal says that she came from %q", got)
	}
}

// comes tries to log in from an address, through a proxy where one says where the visitor is.
func comes(server *httptest.Server, address, forwarded, name, password string) int {
	form := strings.NewReader(url.Values{"name": {name}, "password": {password}}.Encode())
	r := httptest.NewRequest("POST", "/login", form)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if forwarded != "" {
		r.Header.Set("X-Forwarded-For", forwarded)
	}
	r.RemoteAddr = address
	w := httptest.NewRecorder()
	server.Config.Handler.ServeHTTP(w, r)
	return w.Code
}

// TestAStatementThatDoesNotArrive holds no other visitor's reports back.
func TestAStatementThatDoesNotArrive(t *testing.T) {
	s, server := newSite(t, people()...)
	v := newVisitor(t, server.URL)
	v.enters("anna")
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s.asked = make(chan struct{}, 100)
	cookie := v.client.Jar.Cookies(u)[0]
	fmt.Fprintf(c, "POST /money HTTP/1.1\r\nHost: %s\r\nCookie: %s=%s\r\nExpect: 100-continue\r\n"+
		"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n\r\n", u.Host, cookie.Name,
		cookie.Value)
	line, err := bufio.NewReader(c).ReadString('\n') // which is sent when the body is read
	if err != nil || !strings.Contains(line, "100 Continue") || len(s.asked) > 0 {
		t.Errorf("%q, %v: the reports were taken %d times before the statement was there", line, err, len(s.asked))
	}
}

// TestStreamsAreBounded: one token leaves connections for others.
func TestStreamsAreBounded(t *testing.T) {
	_, server := newSite(t, people()...)
	statuses := map[int]int{}
	for range 70 {
		_, resp := asked(t, server, "GET", "/events", "status")
		statuses[resp.StatusCode]++
	}
	if statuses[200] != 64 || statuses[429] != 6 {
		t.Errorf("%v", statuses)
	}
}

// watching is a browser that keeps what a stream sends.
type watching struct {
	*httptest.ResponseRecorder
	mu sync.Mutex
}

func (w *watching) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ResponseRecorder.Write(b)
}

func (w *watching) has(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Contains(w.Body.Bytes(), []byte(text))
}

func (w *watching) SetReadDeadline(time.Time) error  { return nil }
func (w *watching) SetWriteDeadline(time.Time) error { return nil }

// TestFiguresFollow: what is sold within a minute of the last figures is on the page when that minute is over, also
// where nothing else happens.
func TestFiguresFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, handler := newHandler(t, people()...)
		in := httptest.NewRecorder()
		form := httptest.NewRequest("POST", "/login", strings.NewReader(url.Values{"name": {"anna"},
			"password": {password}}.Encode()))
		form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		handler.ServeHTTP(in, form)
		ctx, leave := context.WithCancel(t.Context())
		r := httptest.NewRequestWithContext(ctx, "GET", "/live", nil)
		for _, c := range in.Result().Cookies() {
			r.AddCookie(c)
		}
		w := &watching{ResponseRecorder: httptest.NewRecorder()}
		var done sync.WaitGroup
		done.Go(func() { handler.ServeHTTP(w, r) })
		time.Sleep(20 * time.Second)
		s.mu.Lock()
		s.now.Bays = slices.Clone(s.now.Bays)
		s.now.Bays[1] = web.Bay{Number: 2, State: "free"} // its session is settled
		s.mu.Unlock()
		s.changed <- struct{}{}
		time.Sleep(10 * time.Second)
		if w.has("event: cards") {
			t.Error("the figures come more than once a minute")
		}
		time.Sleep(time.Minute)
		if !w.has("event: cards") {
			t.Error("the figures are those of before")
		}
		leave()
		done.Wait()
	})
}

// TestKiosksAreInstructed from one page: each of them or one, written down with the person's name, a price with their
// password alone.
func TestKiosksAreInstructed(t *testing.T) {
	s, _ := newHandler(t, people()...)
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(web.OfficeHandler(many{s}, texts, slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	v := newVisitor(t, server.URL)
	v.enters("anna")
	for _, c := range []struct {
		path   string
		fields []string
		want   string
	}{
		{"/do/message", []string{"text", "Closed", "back", "/instructions"}, "Waits for the kiosk"},
		{"/do/message", []string{"text", "Open", "kiosk", "K-2", "back", "/instructions"}, "Waits for the kiosk"},
		{"/do/message", []string{"text", "Open", "kiosk", "K-9"}, "there is none"},
		{"/do/message", []string{"text", strings.Repeat("x", 121)}, "at most 120"},
		{"/do/tariff", []string{"tariff", `{"id":"mine"}`, "password", "wrong", "kiosk", "K-1"}, "password is wrong"},
		{"/do/tariff", []string{"tariff", `{"id":"mine"}`, "password", password, "kiosk", "K-1"}, "Waits for the kiosk"},
		{"/do/sessions/S1/stop", []string{"back", "/sessions/S1"}, "Waits for the kiosk"},
	} {
		if _, page := v.sends(c.path, c.fields...); !strings.Contains(page, c.want) {
			t.Errorf("%s %q shows no %q: %.3000s", c.path, c.fields, c.want, page)
		}
	}
	want := []string{"login by anna: page",
		"command by anna: message", "instruct K-1 message  map[en:Closed]", "instruct K-2 message  map[en:Closed]",
		"command by anna: message K-2", "instruct K-2 message  map[en:Open]", "command by anna: message K-9",
		"login_refused by anna: tariff", "command by anna: tariff K-1", `instruct K-1 tariff  map[] {"id":"mine"}`,
		"command by anna: stop session K-1", "instruct K-1 stop_session 7GK2M4Q map[]"}
	for i := range s.told {
		s.told[i] = strings.TrimSpace(s.told[i])
	}
	if !slices.Equal(s.told, want) {
		t.Errorf("it was told\n%q, want\n%q", s.told, want)
	}
	b := newVisitor(t, server.URL)
	b.enters("bert")
	for _, path := range []string{"/do/message", "/do/tariff", "/do/sessions/S1/stop"} {
		if status, _ := b.sends(path, "text", "x", "password", password); status != http.StatusForbidden {
			t.Errorf("%s of bert: %d", path, status)
		}
	}
}
