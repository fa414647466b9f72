package web_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"kioskd"
	"kioskd/api"
	"kioskd/hook"
	"kioskd/receipt"
	"kioskd/report"
	"kioskd/report/dispute"
	"kioskd/session"
	"kioskd/session/sessiontest"
	"kioskd/store"
	"kioskd/ui/text"
	"kioskd/web"
)

// site is a site with one session in its journal, which writes down what it was told.
type site struct {
	journal *sessiontest.Journal
	book    *report.Book

	people []web.Person
	open   []receipt.OpenItem

	mu      sync.Mutex
	told    []string
	fails   error
	full    error // the journal cannot be written
	now     web.Status
	changed chan struct{}
	from    []string      // of each note
	asked   chan struct{} // a value for each reader of the book, where it is not nil
}

func (s *site) say(format string, args ...any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, fmt.Sprintf(format, args...))
	return s.fails
}

func (s *site) Now() web.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *site) Watch() (<-chan struct{}, func()) { return s.changed, func() {} }

func (s *site) Book(_ context.Context, f func(*report.Book) error) error {
	if s.fails != nil {
		return s.fails
	}
	if s.asked != nil {
		s.asked <- struct{}{}
	}
	return f(s.book)
}

func (s *site) Find(_ context.Context, reference string) (string, error) {
	if reference != "AAAAAAA" { // all are one
		return "S1", nil
	}
	return "", fmt.Errorf("session %q: %w", reference, web.ErrNone)
}

func (s *site) Records(context.Context, string) iter.Seq2[kiosk.Record, error] {
	return s.journal.All()
}

func (s *site) Receipt(ctx context.Context, _ string) (receipt.Receipt, error) {
	return receipt.From(ctx, s.journal.All(), func(context.Context, int64) (h [32]byte, err error) { return h, nil })
}

func (s *site) Case(context.Context, string) (dispute.Case, error) {
	row, err := report.FromRecords("S1", s.journal.All())
	return dispute.Case{Session: row, Records: s.journal.Records, Checkpoint: "o\n0\nx\n"}, err
}

// tokens are one a scope, one with all, and one that has ended.
func (s *site) Token(_ context.Context, hash string) (api.Token, error) {
	for _, scope := range kiosk.Scopes() {
		if hash == web.Hash(web.TokenPrefix+scope) {
			return api.Token{Name: scope, Scopes: []string{scope}}, nil
		}
	}
	over := time.Now().Add(-time.Second)
	switch hash {
	case web.Hash(web.TokenPrefix + "all"):
		return api.Token{Name: "all", Scopes: kiosk.Scopes()}, nil
	case web.Hash(web.TokenPrefix + "over"):
		return api.Token{Name: "over", Scopes: kiosk.Scopes(), Until: &over}, nil
	}
	return api.Token{}, web.ErrNone
}

func (s *site) Note(_ context.Context, kind session.Kind, body any) error {
	b := body.(session.NoteBody)
	s.mu.Lock()
	s.from = append(s.from, b.From)
	s.mu.Unlock()
	if s.full != nil {
		return s.full
	}
	return errors.Join(nil, s.note("%s by %s: %s %s", kind, b.By, b.What, b.Detail))
}

func (s *site) note(format string, args ...any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, strings.TrimSpace(fmt.Sprintf(format, args...)))
	return nil
}

func (s *site) Stop(_ context.Context, reference, by string) (api.Done, error) {
	return api.Done{Done: true}, s.say("stop %s %s", reference, by)
}

func (s *site) ShutBay(_ context.Context, bay int, shut bool, by string) (api.Done, error) {
	return api.Done{Done: true}, s.say("shut %d %v %s", bay, shut, by)
}

func (s *site) Drain(_ context.Context, on bool) (api.Drained, error) {
	return api.Drained{}, s.say("drain %v", on)
}

func (s *site) RefundOnce(_ context.Context, reference, amount, by, why, key string) (api.Refunded, error) {
	return api.Refunded{Reference: reference, Refunded: sessiontest.EUR(50), Left: sessiontest.EUR(48)},
		s.say("refund %s %s %s %q %q", reference, amount, by, why, key)
}

func (s *site) People() []web.Person { return s.people }

func (s *site) Unsettled(context.Context) ([]receipt.OpenItem, error) { return s.open, nil }

func (s *site) Verify(context.Context) (int64, error) { return int64(len(s.journal.Records)), s.fails }

func (s *site) Grant(_ context.Context, bay int, by string) (web.Granted, error) {
	return web.Granted{Bay: bay, Code: "1234"}, s.say("grant %d %s", bay, by)
}

func (s *site) Instruct(_ context.Context, in kiosk.Instruction, by string) error {
	if in.Expires.IsZero() || in.Issued.IsZero() {
		return errors.New("it never expires")
	}
	return s.say("instruct %s %s %s %v %s", in.ID[:8], in.Do, in.Tariff, in.Texts, by)
}

const sold = `{"id":"now","currency":"EUR","tax_included":"YES",` +
	`"elements":[{"price_components":[{"type":"ENERGY","price":0.49,"vat":19}]}]}`

func (s *site) Tariffs() []web.Tariff {
	return []web.Tariff{{SHA256: "ab", Tariff: []byte(sold)}, {From: &s.now.At, SHA256: "cd",
		Tariff: []byte(strings.Replace(sold, `"now"`, `"next"`, 1))}}
}

func (s *site) Checkpoint(context.Context) (string, error) { return "origin\n1\nhash\n", nil }

func (s *site) Inspect(_ context.Context, device, serial, found, by string) (api.Done, error) {
	return api.Done{Done: true}, s.say("inspect %s %s %q %s", device, serial, found, by)
}

func (s *site) Certificates() []web.Certificate {
	return []web.Certificate{{What: "web", Ends: &s.now.At}, {What: "csms", Why: "it is not there"}}
}

func (s *site) Hooks() []hook.State {
	at := s.now.At
	return []hook.State{{Name: "shop", Where: "https://shop.example/kioskd", Types: []string{"fault.raised"}, Seq: 7,
		Day: "2026-03-02", Last: &at, Since: &at, Next: &at, Tries: 2, Why: "the receiver answers 500", Parked: true}}
}

func (s *site) TestHook(_ context.Context, name string) error { return s.say("test %s", name) }

func (s *site) ResumeHook(name string) error { return s.say("resume %s", name) }

func (s *site) Tokens(context.Context) ([]api.Token, error) {
	return []api.Token{{Name: "desk", Scopes: []string{"status"}, Made: s.now.At, Used: "2026-03-02"}}, nil
}

func (s *site) MakeToken(_ context.Context, wish api.Token, by string) (api.NewToken, error) {
	return api.NewToken{Name: wish.Name, Token: "kioskd_new"}, s.say("token %s %v %s", wish.Name, wish.Scopes, by)
}

func (s *site) EndToken(_ context.Context, name, by string) (api.Done, error) {
	return api.Done{Done: true}, s.say("end %s %s", name, by)
}

// source makes sessions a Source of reports: those of the site's journal, and copies of them.
type source struct{ records []kiosk.Record }

// march is a source with sessions on each day of March 2026 up to the 20th, some on a day.
func march(one []kiosk.Record) (s source) {
	s.records = slices.Clone(one)
	for day := 1; day <= 20; day++ {
		for n := range day*7%5 + 1 {
			edit := strings.NewReplacer("7GK2M4Q", fmt.Sprintf("%02d%dK2M4Q", day, n)[:7], "2026-03-02",
				fmt.Sprintf("2026-03-%02d", day))
			for _, r := range one {
				r.Session, r.Seq = fmt.Sprintf("S1-%02d-%d", day, n), int64(len(s.records)+1)
				r.Body = []byte(edit.Replace(string(r.Body)))
				s.records = append(s.records, r)
			}
		}
	}
	return s
}

func (s source) Epoch(context.Context) (string, error) { return "e", nil }
func (s source) Seq(context.Context) (int64, error)    { return int64(len(s.records)), nil }
func (s source) Changed(_ context.Context, after, to int64) (ids []string, err error) {
	for _, r := range s.records[after:to] {
		if r.Session != "" && !slices.Contains(ids, r.Session) {
			ids = append(ids, r.Session)
		}
	}
	slices.Sort(ids)
	return ids, nil
}
func (s source) Session(_ context.Context, id string) iter.Seq2[kiosk.Record, error] {
	return func(yield func(kiosk.Record, error) bool) {
		for _, r := range s.records {
			if r.Session == id && !yield(r, nil) {
				return
			}
		}
	}
}
func (s source) SiteRecords(context.Context, int64, int64) iter.Seq2[kiosk.Record, error] {
	return func(func(kiosk.Record, error) bool) {}
}
func (s source) Counts(context.Context) ([]store.Count, error) { return nil, nil }

func newSite(t *testing.T, people ...web.Person) (*site, *httptest.Server) {
	t.Helper()
	s, handler := newHandler(t, people...)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return s, server
}

// newHandler is what answers for a site, without a network.
func newHandler(t *testing.T, people ...web.Person) (*site, http.Handler) {
	t.Helper()
	j := sessiontest.New(t)
	j.Charged()
	j.Booked(98)
	book, err := report.Open(t.Context(), "", source{j.Records})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { book.Close() })
	if err := book.KeepUp(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	power, energy, money, since := kiosk.Power(11000), kiosk.Energy(1234), sessiontest.EUR(98), j.Now
	s := &site{people: people, journal: j, book: book, changed: make(chan struct{}, 1), now: web.Status{Kiosk: "K1",
		Name:    "Demo",
		Version: "1", At: j.Now, Timezone: "Europe/Berlin", Currency: "EUR", Selling: true,
		Bays: []web.Bay{{Number: 1, State: "free"}, {Number: 2, State: "charging", Reference: "7GK2M4Q", Since: &since,
			Power: &power, Energy: &energy, Cost: &money, Held: &money, Meter: "1"}},
		Faults: []web.Fault{{Code: "MT001", Bay: 1, Severity: kiosk.BayDown, Acts: kiosk.Technician}}}}
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	return s, web.Handler(s, texts, slog.New(slog.DiscardHandler))
}

// contract judges answers by the document, with a validator of others (pb33f/libopenapi-validator).
func contract(t *testing.T) func(*http.Request, *http.Response) {
	t.Helper()
	doc, err := libopenapi.NewDocument(api.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if ok, wrong := v.ValidateDocument(); !ok {
		t.Fatalf("the document is not OpenAPI 3.1: %v", wrong)
	}
	return func(req *http.Request, resp *http.Response) {
		t.Helper()
		ok, wrong := v.ValidateHttpResponse(req, resp)
		for _, w := range wrong {
			t.Errorf("%s %s: %d is not as documented: %s: %s %v", req.Method, req.URL, resp.StatusCode, w.Message,
				w.Reason, w.SchemaValidationErrors)
		}
		if !ok && len(wrong) == 0 {
			t.Errorf("%s %s: %d is not as documented", req.Method, req.URL, resp.StatusCode)
		}
	}
}

// asked is a request with a token; empty for none.
func asked(t *testing.T, server *httptest.Server, method, path, token string) (*http.Request, *http.Response) {
	t.Helper()
	return askedWith(t, server, method, path, token, "", "")
}

// askedWith is a request with a body and an Idempotency-Key.
func askedWith(t *testing.T, server *httptest.Server, method, path, token, body, key string) (*http.Request,
	*http.Response) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+web.TokenPrefix+token)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return req, resp
}

// documented are the operations of the document: method, path with its parameters filled in, and the scope.
func documented(t *testing.T) (out [][3]string) {
	t.Helper()
	doc, err := libopenapi.NewDocument(api.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	model, err := doc.BuildV3Model()
	if err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("{bay}", "1", "{reference}", "7GK2M4Q", "{report}", "revenue", "{name}", "desk",
		"{hook}", "shop")
	for path, item := range model.Model.Paths.PathItems.FromOldest() {
		for method, op := range item.GetOperations().FromOldest() {
			scope := ""
			if _, rest, ok := strings.Cut(op.Description, "Scope `"); ok {
				scope, _, _ = strings.Cut(rest, "`")
			}
			out = append(out, [3]string{strings.ToUpper(method), fill.Replace(path), scope})
		}
	}
	return out
}

// TestEachOperationNeedsItsScope: without a token, with one that is not known or has ended, and with one that has every
// other scope, each operation of the document is refused, and nothing is done.
func TestEachOperationNeedsItsScope(t *testing.T) {
	s, server := newSite(t)
	good := contract(t)
	all := documented(t)
	if len(all) < 25 {
		t.Fatalf("%d operations", len(all))
	}
	for _, o := range all {
		method, path, scope := o[0], o[1], o[2]
		if path == "/openapi.yaml" {
			continue
		}
		if !slices.Contains(kiosk.Scopes(), scope) {
			t.Errorf("%s %s: the document names no scope", method, path)
		}
		tokens := map[string]int{"": 401, "unknown": 401, "over": 401}
		for _, other := range kiosk.Scopes() {
			if other != scope {
				tokens[other] = 403
			}
		}
		for token, want := range tokens {
			req, resp := asked(t, server, method, path, token)
			if resp.StatusCode != want || want == 401 != (resp.Header.Get("WWW-Authenticate") != "") {
				t.Errorf("%s %s with %q: %d, want %d", method, path, token, resp.StatusCode, want)
			}
			good(req, resp)
		}
	}
	if len(s.told) > 0 {
		t.Errorf("it was done all the same: %q", s.told)
	}
}

// TestAnswersAreAsDocumented: each operation with the scope that it needs, and with arguments that cannot be read.
func TestAnswersAreAsDocumented(t *testing.T) {
	s, server := newSite(t)
	good := contract(t)
	for _, c := range []struct {
		method, path, kind string
		status             int
		want               string // in the body
	}{
		{"GET", "/openapi.yaml", "application/yaml", 200, "openapi: 3.1.0"},
		{"GET", "/status", "application/json", 200, `"title":"Meter not reachable"`},
		{"GET", "/bays/2", "application/json", 200, `"cost":{"amount":"0.98","currency":"EUR"}`},
		{"GET", "/bays/9", "application/problem+json", 404, `"detail":"bay \"9\": there is none"`},
		{"GET", "/bays/x", "application/problem+json", 404, "bay"},
		{"GET", "/sessions", "application/json", 200, `"reference":"7GK2M4Q"`},
		{"GET", "/sessions?from=2026-03-02&to=2026-03-02&bay=3&state=sold&card=8074&limit=1", "application/json", 200,
			`"paid":{"amount":"0.98","currency":"EUR"}`},
		{"GET", "/sessions?from=2026-03-03", "application/json", 200, `{"sessions":[],"next":null}`},
		{"GET", "/sessions?after=S1", "application/json", 200, `{"sessions":[],"next":null}`},
		{"GET", "/sessions?from=yesterday", "application/problem+json", 400, "is not a day"},
		{"GET", "/sessions?state=paid", "application/problem+json", 400, "want one of"},
		{"GET", "/sessions?limit=0", "application/problem+json", 400, "limit"},
		{"GET", "/sessions?bay=-1", "application/problem+json", 400, "bay"},
		{"GET", "/sessions/7gk2-m4q", "application/json", 200, `"outcome":"sold"`},
		{"GET", "/sessions/AAAAAAA", "application/problem+json", 404, "there is none"},
		{"GET", "/sessions/7GK2M4Q/receipt", "application/json", 200, `"receipt_no":"7GK2M4Q"`},
		{"GET", "/sessions/7GK2M4Q/receipt?format=text&language=en", "text/plain; charset=utf-8", 200, "Paid by card"},
		{"GET", "/sessions/7GK2M4Q/receipt?format=pdf", "application/pdf", 200, "%PDF-"},
		{"GET", "/sessions/7GK2M4Q/receipt?format=xml", "application/problem+json", 400, "want json, text or pdf"},
		{"GET", "/sessions/7GK2M4Q/receipt?language=xx", "application/problem+json", 400, "want one of en"},
		{"GET", "/sessions/7GK2M4Q/dispute.zip", "application/zip", 200, "PK"},
		{"GET", "/reports/revenue?by=month", "application/json", 200, `[{"month":"2026-03","sessions":1,`},
		{"GET", "/reports/revenue?format=csv", "text/csv; charset=utf-8", 200, "2026-03-02,1,0,0,"},
		{"GET", "/reports/revenue?format=pdf&language=de", "application/pdf", 200, "%PDF-"},
		{"GET", "/reports/sessions", "application/json", 200, `"state":"sold"`},
		{"GET", "/reports/energy", "application/json", 200, `"meter_serial":"20260001"`},
		{"GET", "/reports/faults", "application/json", 200, `[]`},
		{"GET", "/reports/security", "application/json", 200, `[`},
		{"GET", "/reports/devices", "application/json", 200, `"device":"terminal"`},
		{"GET", "/reports/kpi", "application/json", 200, `"figure":"payment_success"`},
		{"GET", "/reports/reconcile", "application/json", 200, `"captured":{"amount":"0.98"`},
		{"GET", "/reports/revenue?by=colour", "application/problem+json", 400, "cannot group by"},
		{"GET", "/reports/revenue?format=xml", "application/problem+json", 400, "want json, csv or pdf"},
		{"GET", "/sessions/7GK2M4Q/events", "application/json", 200, `"what":"The bank approved the reservation.`},
		{"GET", "/tariffs", "application/json", 200, `"tariff":{"id":"next",`},
		{"GET", "/journal/checkpoint", "text/plain; charset=utf-8", 200, "origin"},
		{"GET", "/certificates", "application/json", 200, `"error":"it is not there"`},
		{"GET", "/webhooks", "application/json", 200, `"parked":true`},
		{"GET", "/tokens", "application/json", 200, `"last_used":"2026-03-02"`},
		{"POST", "/bays/1/close", "application/json", 200, `{"done":true}`},
		{"POST", "/bays/1/open", "application/json", 200, `{"done":true}`},
		{"POST", "/bays/9/open", "application/problem+json", 404, "bay"},
		{"POST", "/sessions/S1/stop", "application/json", 200, `{"done":true}`},
		{"POST", "/sessions/AAAAAAA/stop", "application/problem+json", 404, "there is none"},
		{"POST", "/drain", "application/json", 200, `{"waiting_for":[]}`},
		{"DELETE", "/drain", "application/json", 200, `{"waiting_for":[]}`},
	} {
		req, resp := asked(t, server, c.method, c.path, "all")
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != c.status || resp.Header.Get("Content-Type") != c.kind ||
			!strings.Contains(string(body), c.want) {
			t.Errorf("%s %s: %d %s %.300q, want %d %s with %q", c.method, c.path, resp.StatusCode,
				resp.Header.Get("Content-Type"), body, c.status, c.kind, c.want)
		}
		if !strings.Contains(c.kind, "pdf") && !strings.Contains(c.kind, "zip") && !strings.Contains(c.kind, "text/") {
			resp.Body = io.NopCloser(strings.NewReader(string(body)))
			good(req, resp)
		}
	}
	want := []string{"command by token all: close bay 1", "shut 1 true token all",
		"command by token all: open bay 1", "shut 1 false token all",
		"command by token all: stop session 7GK2M4Q", "stop 7GK2M4Q token all",
		"command by token all: drain", "drain true", "command by token all: end drain", "drain false"}
	if !slices.Equal(s.told, want) {
		t.Errorf("it was told\n%q, want\n%q", s.told, want)
	}
}

// TestWishes are commands with a body: what is not known in it, or cannot be read, is refused with its place, and a
// program that asks again is known by its key.
func TestWishes(t *testing.T) {
	s, server := newSite(t)
	good := contract(t)
	const refund = `{"amount":"0.50","why":"cable"}`
	for _, c := range []struct {
		method, path, body, key string
		status                  int
		want                    string
	}{
		{"POST", "/sessions/7GK2M4Q/refund", refund, "k1", 200, `"left":{"amount":"0.48"`},
		{"POST", "/sessions/7GK2M4Q/refund", refund, "", 400, "Idempotency-Key"},
		{"POST", "/sessions/7GK2M4Q/refund", refund, "a b", 400, "visible characters"},
		{"POST", "/sessions/7GK2M4Q/refund", `{"amount":"0.50","reason":"x"}`, "k1", 400, `unknown field`},
		{"POST", "/sessions/7GK2M4Q/refund", `{"amount":0.5}`, "k1", 400, "near byte"},
		{"POST", "/sessions/7GK2M4Q/refund", refund + refund, "k1", 400, "more behind"},
		{"POST", "/sessions/7GK2M4Q/refund", "", "k1", 400, "EOF"},
		{"POST", "/sessions/AAAAAAA/refund", refund, "k1", 404, "there is none"},
		{"POST", "/bays/1/free", "", "", 200, `{"bay":1,"code":"1234"}`},
		{"PUT", "/message", `{"texts":{"en":"Closed on Sunday"}}`, "m1", 200, `{"done":true}`},
		{"PUT", "/message", `{"texts":{}}`, "", 400, "texts"},
		{"DELETE", "/message", "", "m2", 200, `{"done":true}`},
		{"PUT", "/tariff", `{"tariff":{"id":"x"},"from":"2026-04-01T00:00:00+02:00"}`, "t1", 200, `{"done":true}`},
		{"PUT", "/tariff", `{}`, "", 400, "want the tariff"},
		{"POST", "/webhooks/shop/test", "", "", 200, `{"done":true}`},
		{"POST", "/webhooks/shop/resume", "", "", 200, `{"done":true}`},
		{"POST", "/webhooks/other/test", "", "", 404, "there is none"},
		{"POST", "/tokens", `{"name":"new","scopes":["status"]}`, "", 200, `{"name":"new","token":"kioskd_new"}`},
		{"DELETE", "/tokens/desk", "", "", 200, `{"done":true}`},
		{"DELETE", "/tokens/other", "", "", 404, "there is none"},
	} {
		req, resp := askedWith(t, server, c.method, c.path, "all", c.body, c.key)
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != c.status || !strings.Contains(string(body), c.want) {
			t.Errorf("%s %s %s: %d %s, want %d with %q", c.method, c.path, c.body, resp.StatusCode, body, c.status,
				c.want)
		}
		resp.Body = io.NopCloser(strings.NewReader(string(body)))
		good(req, resp)
	}
	want := []string{
		"command by token all: refund 7GK2M4Q 0.50", `refund 7GK2M4Q 0.50 token all "cable" "token all k1"`,
		"command by token all: free charge 1", "grant 1 token all",
		"command by token all: message", "instruct " + web.Hash("token all m1")[:8] +
			" message  map[en:Closed on Sunday] token all",
		"command by token all: end message", "instruct " + web.Hash("token all m2")[:8] + " message  map[] token all",
		"command by token all: tariff", "instruct " + web.Hash("token all t1")[:8] +
			` tariff {"id":"x"} map[] token all`,
		"command by token all: test web hook shop", "test shop",
		"command by token all: resume web hook shop", "resume shop",
		"command by token all: make token new", "token new [status] token all",
		"command by token all: end token desk", "end desk token all"}
	if !slices.Equal(s.told, want) {
		t.Errorf("it was told\n%q, want\n%q", s.told, want)
	}
}

// TestAProgramThatGoesMad cannot fill the journal: after its burst it is told to wait, others are not.
func TestAProgramThatGoesMad(t *testing.T) {
	s, server := newSite(t)
	good := contract(t)
	refused := 0
	for range 100 {
		req, resp := asked(t, server, "POST", "/bays/1/close", "control")
		if resp.StatusCode == http.StatusTooManyRequests && resp.Header.Get("Retry-After") != "" {
			refused++
			good(req, resp)
		}
	}
	if refused == 0 || len(s.told) != 2*(100-refused) {
		t.Errorf("%d of 100 commands are refused, %d lines told", refused, len(s.told))
	}
	if _, resp := asked(t, server, "POST", "/bays/1/close", "all"); resp.StatusCode != 200 {
		t.Errorf("another program is answered with %d", resp.StatusCode)
	}
}

// TestWhatHasNotChanged is not sent again.
func TestWhatHasNotChanged(t *testing.T) {
	s, server := newSite(t)
	again := func(tag string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/api/v1/bays/1", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+web.TokenPrefix+"status")
		req.Header.Set("If-None-Match", tag)
		resp, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	first := again("")
	tag := first.Header.Get("ETag")
	if first.StatusCode != 200 || tag == "" {
		t.Fatalf("%d, ETag %q", first.StatusCode, tag)
	}
	for _, had := range []string{tag, `"x", W/` + tag, "*"} {
		if resp := again(had); resp.StatusCode != http.StatusNotModified || resp.ContentLength > 0 {
			t.Errorf("If-None-Match %s: %d", had, resp.StatusCode)
		}
	}
	s.now.Bays[0].State = "plugged"
	if resp := again(tag); resp.StatusCode != 200 || resp.Header.Get("ETag") == tag {
		t.Errorf("a change is answered with %d", resp.StatusCode)
	}
}

// TestWhatCannotBeDone is told, and what cannot be written down is not done.
func TestWhatCannotBeDone(t *testing.T) {
	s, server := newSite(t)
	good := contract(t)
	s.fails = errors.New("session 7GK2M4Q is not open")
	req, resp := asked(t, server, "POST", "/sessions/7GK2M4Q/stop", "control")
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 409 || !strings.Contains(string(body), "is not open") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	resp.Body = io.NopCloser(strings.NewReader(string(body)))
	good(req, resp)
	s.full, s.told = errors.New("disk is full"), nil
	_, resp = asked(t, server, "POST", "/bays/1/close", "control")
	if resp.StatusCode != 409 || len(s.told) > 0 {
		t.Errorf("%d, done without a record: %q", resp.StatusCode, s.told)
	}
	_, resp = asked(t, server, "GET", "/sessions", "reports") // what is wrong inside is not told
	body, _ = io.ReadAll(resp.Body)
	if resp.StatusCode != 500 || strings.Contains(string(body), "not open") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// TestWatchersSeeEachChange, and no more than a state a second.
func TestWatchersSeeEachChange(t *testing.T) {
	s, server := newSite(t)
	_, resp := asked(t, server, "GET", "/events", "status")
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || kind != "text/event-stream" {
		t.Fatalf("%d %s", resp.StatusCode, kind)
	}
	lines := bufio.NewScanner(resp.Body)
	next := func() string {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return data
			}
		}
		t.Fatal("the stream ended")
		return ""
	}
	if first := next(); !strings.Contains(first, `"state":"charging"`) {
		t.Errorf("%s", first)
	}
	s.mu.Lock()
	s.now.Bays = []web.Bay{{Number: 1, State: "out_of_order"}}
	s.mu.Unlock()
	s.changed <- struct{}{}
	if second := next(); !strings.Contains(second, `"state":"out_of_order"`) {
		t.Errorf("%s", second)
	}
}
