package web_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"kioskd"
	"kioskd/report"
	"kioskd/session"
	"kioskd/ui/text"
	"kioskd/web"
)

// The walk may go over a site that runs, and keep pictures of it: docs/host is made so.
var (
	address  = flag.String("address", "", "of a `site` that runs, in place of this test's own")
	person   = flag.String("person", "anna", "`name` there")
	secret   = flag.String("password", password, "`password` there")
	pictures = flag.String("pictures", "", "`folder` for pictures of what the walk sees")
)

const password = "a horse counts to nine"

// anna may do everything, bert may look at what is now.
func people() []web.Person {
	matches := func(p string) bool { return p == password }
	return []web.Person{{Name: "anna", Scopes: kiosk.Scopes(), Matches: matches},
		{Name: "bert", Scopes: []string{kiosk.ScopeStatus}, Matches: matches}}
}

// browser is a headless Chromium, and what it said on its console.
type browser struct {
	context.Context
	mu   sync.Mutex
	said []string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("skipped: no browser (package chromium)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(5*time.Minute),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	allocated, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, stop := chromedp.NewContext(allocated)
	t.Cleanup(stop)
	b := &browser{Context: ctx}
	err = chromedp.Listen(ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventConsoleAPICalled:
			b.said = append(b.said, fmt.Sprintf("%s: %v", e.Type, e.Args))
		case *runtime.EventExceptionThrown:
			b.said = append(b.said, e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			b.said = append(b.said, e.Entry.Text+" "+e.Entry.URL)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	b.do(t, chromedp.Func(func(ctx context.Context, to *chromedp.Target) error {
		_, err := cdp.Call(ctx, to, log.Enable, cdp.Empty{})
		return err
	}))
	return b
}

func (b *browser) do(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(b, actions...); err != nil {
		t.Fatal(err)
	}
}

// read evaluates an expression on the page.
func read[T any](t *testing.T, b *browser, expression string) (out T) {
	t.Helper()
	out, err := chromedp.Run(b, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return out
}

// silent tells what the console said since.
func (b *browser) silent(t *testing.T, where string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.said {
		t.Errorf("%s: the console says %s", where, s)
	}
	b.said = nil
}

// enter logs a person in, by keys alone.
func (b *browser) enter(t *testing.T, base, name, password string) {
	t.Helper()
	b.do(t, chromedp.Navigate(base+"/"), chromedp.WaitVisible(chromedp.CSS("input[name=password]")),
		chromedp.SendKeys(chromedp.CSS("input[name=name]"), name+"\t"+password+"\r"),
		chromedp.WaitVisible(chromedp.CSS(".who")))
}

// TestEveryPage walks over every page in a browser, as wide as a telephone and as a desk's screen, light and dark: each
// has one heading, no text that is missing, nothing that is wider than the window, a name for everything that can be
// reached by keys, and the console is silent.
func TestEveryPage(t *testing.T) {
	base := *address
	if base == "" {
		s, server := newSite(t, people()...)
		s.now.At = time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
		book, err := report.Open(t.Context(), "", march(s.journal.Records))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { book.Close() })
		if err := book.KeepUp(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		s.book = book
		base = server.URL
	}
	b := newBrowser(t)
	b.enter(t, base, *person, *secret)
	for _, width := range []int64{360, 1280} {
		b.do(t, chromedp.EmulateViewport(width, 1300), scheme(map[bool]string{true: "dark",
			false: "light"}[width < 500]))
		for _, path := range b.paths(t, base) {
			b.look(t, base, path, width)
		}
	}
}

// many is a back office that has the site's book under two kiosks' names.
type many struct{ *site }

func (m many) Journals(context.Context) ([]web.Journal, error) {
	return []web.Journal{{Kiosk: "K-1", Epoch: "e1", Heard: m.now.At, Records: 1234, Countersigned: 1200, Refused: 1},
		{Kiosk: "K-2", Epoch: "e2", Heard: m.now.At, Records: 5, Silent: true},
		{Kiosk: "K-2", Epoch: "e3", Heard: m.now.At.Add(-time.Hour),
			Conflict: "another history of this kiosk is here"}}, nil
}

func (m many) Instruct(_ context.Context, in kiosk.Instruction) error {
	return m.say("instruct %s %s %s %v %s", in.Kiosk, in.Do, in.Session, in.Texts, in.Tariff)
}

func (m many) Orders(context.Context) (out []web.Order, err error) {
	for _, state := range []string{"waiting", "instruction_taken", "instruction_done", "instruction_refused"} {
		out = append(out, web.Order{Instruction: kiosk.Instruction{Kiosk: "K-1", Do: kiosk.TaskMessage,
			Issued: m.now.At,
			Texts:  map[string]string{"en": "The car park closes at 22:00"}}, State: state, Why: ""})
	}
	return out, nil
}

func (many) KioskOf(context.Context, string) (string, error) { return "K-1", nil }

func (m many) Visits(context.Context) ([]web.Visit, error) {
	return []web.Visit{{At: m.now.At, Kind: session.LoginRefused, Note: session.NoteBody{By: "anna", What: "page",
		From: "192.0.2.1:1234"}}}, nil
}

// TestEveryPageOfAnOffice walks over the pages of a back office as TestEveryPage does.
func TestEveryPageOfAnOffice(t *testing.T) {
	s, _ := newHandler(t, people()...)
	s.now.At, s.now.Bays = time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC), nil
	s.now.Faults[0].Kiosk = "K-2"
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(web.OfficeHandler(many{s}, texts, slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	b := newBrowser(t)
	b.enter(t, server.URL, "anna", password)
	for _, width := range []int64{360, 1280} {
		b.do(t, chromedp.EmulateViewport(width, 1300))
		paths := b.paths(t, server.URL)
		if slices.Contains(paths, "/prices") || !slices.Contains(paths, "/journal") {
			t.Errorf("the menu has %v", paths)
		}
		for _, path := range append(paths, "/money?kiosk=K-1", "/devices?kiosk=K-2") {
			b.look(t, server.URL, path, width)
		}
	}
}

// scheme is light or dark, as the person has set their computer.
func scheme(value string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, to *chromedp.Target) error {
		_, err := cdp.Call(ctx, to, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}}})
		return err
	})
}

// paths are the pages of the menu, and the first session.
func (b *browser) paths(t *testing.T, base string) []string {
	t.Helper()
	b.do(t, chromedp.Navigate(base+"/sessions"), chromedp.WaitVisible(chromedp.CSS("table")))
	return read[[]string](t, b, `[...document.querySelectorAll("nav a")].map(a => a.getAttribute("href")).concat(`+
		`document.querySelector("td a").getAttribute("href"))`)
}

// look judges a page.
func (b *browser) look(t *testing.T, base, path string, width int64) {
	t.Helper()
	b.do(t, chromedp.Navigate(base+path), chromedp.WaitVisible(chromedp.CSS("main h1")))
	where := fmt.Sprintf("%s at %d", path, width)
	if n := read[int](t, b, `document.querySelectorAll("h1").length`); n != 1 {
		t.Errorf("%s has %d headings of the first order", where, n)
	}
	if wide := read[int64](t, b, `document.documentElement.scrollWidth`); wide > width {
		t.Errorf("%s is %d wide", where, wide)
	}
	words := read[string](t, b, `document.body.innerText`)
	for _, missing := range []string{"[web.", "[office.", "[report.", "[staff.", "[reason.", "<no value>", "%!"} {
		if strings.Contains(words, missing) {
			t.Errorf("%s lacks a text: %s", where, words[strings.Index(words, missing):][:40])
		}
	}
	for _, nameless := range read[[]string](t, b, `[...document.querySelectorAll("a,button,input,select,textarea,summary,`+
		`[tabindex='0']")].filter(e => e.type !== "hidden" && e.type !== "submit" && !(e.labels && e.labels.length) && `+
		`!e.ariaLabel && !e.innerText.trim() || e.type === "submit" && !e.innerText.trim() && !e.hidden).`+
		`map(e => e.outerHTML.slice(0, 80))`) {
		t.Errorf("%s: nobody can hear what this is: %s", where, nameless)
	}
	for _, lost := range read[[]string](t, b, `[...document.querySelectorAll("a[href^='/file/reports']")].map(a => `+
		`new URL(a.href)).filter(u => !u.searchParams.get("from") || !u.searchParams.get("to") || `+
		`!u.searchParams.get("language") || !u.searchParams.get("format")).map(u => u.href)`) {
		t.Errorf("%s: the file is of other days than the page: %s", where, lost)
	}
	b.silent(t, where)
	if *pictures == "" {
		return
	}
	shot, err := chromedp.Run(b, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	name := strings.Split(strings.Trim(path, "/")+"/", "/")
	file := map[bool]string{true: "session", false: name[0]}[len(name) > 2]
	if file == "" {
		file = "now"
	}
	file = filepath.Join(*pictures, fmt.Sprintf("%s-%d.png", file, width))
	if err := os.WriteFile(file, shot, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestAStrangerSeesNothing: without a cookie each page and file is closed, a form does nothing, and what is there is
// not told.
func TestAStrangerSeesNothing(t *testing.T) {
	s, server := newSite(t, people()...)
	client := *server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for method, paths := range map[string][]string{
		"GET": {"/", "/sessions", "/sessions/7GK2M4Q", "/sessions/AAAAAAA", "/money", "/use", "/prices", "/journal",
			"/devices", "/live", "/file/reports/revenue", "/file/sessions/7GK2M4Q/receipt",
			"/file/sessions/7GK2M4Q/dispute.zip", "/file/journal/checkpoint"},
		"POST": {"/do/bays/1/close", "/do/bays/1/open", "/do/bays/1/free", "/do/sessions/7GK2M4Q/stop",
			"/do/sessions/7GK2M4Q/refund", "/do/drain", "/do/message", "/do/tariff", "/do/verify", "/money"}} {
		for _, path := range paths {
			req, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if to := resp.Header.Get("Location"); resp.StatusCode != http.StatusUnauthorized &&
				(resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, "/login")) {
				t.Errorf("%s %s: %d %s", method, path, resp.StatusCode, to)
			}
		}
	}
	if len(s.told) > 0 {
		t.Errorf("it was done all the same: %q", s.told)
	}
}
