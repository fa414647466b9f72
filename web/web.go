// Package web is what a host's network has of a kiosk: the API of api/openapi.yaml, version 1, for programs with a
// token, and pages for persons with a password. Both show the same figures and give the same commands: they read the
// present state and the reports, and give commands by the same operations as the command line and
// the screen. It knows no device and no configuration: a Site is all that it asks.
//
// A token is 32 random bytes, shown once; its SHA-256 is kept, with its scopes. A request without a token that is known
// and good for it is answered by 401 or 403, whatever it asks for. Each command is a record in the journal (command),
// with the name of its token, before it is done: where that record cannot be written, nothing is done. Errors are
// problem details (RFC 9457); what is wrong inside is logged, and not told.
//
// A person has a name, a password (argon2id) and scopes. Their browser has a cookie for twelve hours, which a restart
// ends; a form of another site is refused (http.CrossOriginProtection). From the fifth wrong password on an account
// waits for up to a minute, so that a stranger keeps no person out for long, and an address for up to an hour. Who came
// in, and each wrong password that was looked at, is in the journal. Pages work without their script, by keyboard
// alone, and are in the language that the browser asks for.
package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"html/template"
	"iter"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"kioskd"
	"kioskd/api"
	"kioskd/hook"
	"kioskd/receipt"
	"kioskd/report"
	"kioskd/report/dispute"
	"kioskd/session"
	"kioskd/ui/text"
)

// ErrNone means that there is no such bay, session or receipt.
var ErrNone = errors.New("there is none")

// Site is what pages show: one kiosk, or the several of a back office.
type Site interface {
	// Now is the present state.
	Now() Status
	// Watch returns a channel that gets a value after each change, until cancel.
	Watch() (changed <-chan struct{}, cancel func())
	// Book lets f read the site's reports, which are up to date.
	Book(ctx context.Context, f func(*report.Book) error) error
	// Find is the id of a session by its reference or id, or ErrNone.
	Find(ctx context.Context, reference string) (id string, err error)
	// Receipt is the receipt of a session, or ErrNone.
	Receipt(ctx context.Context, id string) (receipt.Receipt, error)
	// Case is what proves a session.
	Case(ctx context.Context, id string) (dispute.Case, error)
	// Records are those of a session.
	Records(ctx context.Context, id string) iter.Seq2[kiosk.Record, error]
	// People are those who may see the page.
	People() []Person
	// Unsettled is the money that is not where it belongs yet.
	Unsettled(ctx context.Context) ([]receipt.OpenItem, error)
	// Verify proves the journal, and returns how many records it has.
	Verify(ctx context.Context) (int64, error)
	// Note writes down who came in, and a command before it is done.
	Note(ctx context.Context, kind session.Kind, body any) error
	// Hooks are how things stand with web hooks and mail.
	Hooks() []hook.State
	TestHook(ctx context.Context, name string) error
	ResumeHook(name string) error
}

// Kiosk is a site that is sold at: it has the API, and is told what to do.
type Kiosk interface {
	Site
	// Token finds a token by the SHA-256 of what was shown, in hexadecimal, or ErrNone.
	Token(ctx context.Context, hash string) (api.Token, error)
	Stop(ctx context.Context, reference, by string) (api.Done, error)
	ShutBay(ctx context.Context, bay int, shut bool, by string) (api.Done, error)
	Drain(ctx context.Context, on bool) (api.Drained, error)
	// RefundOnce writes down money that was given back, once for each key.
	RefundOnce(ctx context.Context, reference, amount, by, why, key string) (api.Refunded, error)
	// Grant lets the next vehicle at a bay charge for nothing.
	Grant(ctx context.Context, bay int, by string) (Granted, error)
	// Instruct carries an instruction out, once for each of its ids.
	Instruct(ctx context.Context, in kiosk.Instruction, by string) error
	// Tariffs are the one by which is sold now, and those that follow.
	Tariffs() []Tariff
	// Checkpoint is the journal's, signed by the kiosk where it has a key.
	Checkpoint(ctx context.Context) (string, error)
	Inspect(ctx context.Context, device, serial, found, by string) (api.Done, error)
	// Certificates are those that the kiosk shows or believes, with their ends.
	Certificates() []Certificate
	Tokens(context.Context) ([]api.Token, error)
	MakeToken(ctx context.Context, wish api.Token, by string) (api.NewToken, error)
	EndToken(ctx context.Context, name, by string) (api.Done, error)
}

// Office is a back office: it has the journals of several kiosks.
type Office interface {
	Site
	// Journals are those that are here, of one kiosk one after the other.
	Journals(ctx context.Context) ([]Journal, error)
	// KioskOf is the kiosk of a session, by the session's id.
	KioskOf(ctx context.Context, id string) (string, error)
	// Instruct signs an instruction for a kiosk, which gets it with its next answer.
	Instruct(ctx context.Context, in kiosk.Instruction) error
	// Orders are the last instructions, the newest first.
	Orders(ctx context.Context) ([]Order, error)
	// Visits are who came in at the office's own page, the last first.
	Visits(ctx context.Context) ([]Visit, error)
}

// Order is an instruction, and what came of it.
type Order struct {
	Instruction kiosk.Instruction
	State       string // waiting, instruction_taken, instruction_done, instruction_refused
	Why         string // it was refused
}

// Journal is one of a kiosk's, as a back office has it.
type Journal struct {
	Kiosk         string    `json:"kiosk_id"`
	Epoch         string    `json:"epoch"`
	Heard         time.Time `json:"heard_at"` // when the kiosk sent something last
	Silent        bool      `json:"silent"`   // for longer than it should be
	Records       int64     `json:"records"`
	Refused       int64     `json:"refused"`
	Countersigned int64     `json:"countersigned"` // records under the last checkpoint that both signed
	Conflict      string    `json:"conflict,omitempty"`
}

// Visit is that a person came in, or was refused.
type Visit struct {
	At   time.Time
	Kind session.Kind
	Note session.NoteBody
}

// Granted is a charge for nothing. Its driver stops it with the code.
type Granted struct {
	Bay  int    `json:"bay"`
	Code string `json:"code"`
}

// Certificate is one with its end.
type Certificate struct {
	What string     `json:"what"` // a setting of the configuration
	Ends *time.Time `json:"ends_at,omitempty"`
	Why  string     `json:"error,omitempty"` // it cannot be read
}

// Tariff is by what is sold from a time on.
type Tariff struct {
	From   *time.Time      `json:"from,omitempty"` // nil for the one that holds now
	SHA256 string          `json:"sha256"`
	Tariff json.RawMessage `json:"tariff"` // OCPI 2.2.1
}

// Status is the kiosk now.
type Status struct {
	Kiosk    string         `json:"kiosk_id"`
	Name     string         `json:"name"`
	Version  string         `json:"version"`
	At       time.Time      `json:"at"`
	Timezone string         `json:"timezone"`
	Currency kiosk.Currency `json:"currency"`
	Selling  bool           `json:"selling"`
	Draining bool           `json:"draining"`
	Bays     []Bay          `json:"bays"`
	Faults   []Fault        `json:"faults"`
}

// Bay is a bay now.
type Bay struct {
	Number    int             `json:"number"`
	EVSE      string          `json:"evse_id,omitempty"`
	State     string          `json:"state"`
	Reference string          `json:"reference,omitempty"`
	Since     *time.Time      `json:"since,omitempty"`
	Energy    *kiosk.Energy   `json:"energy_wh,omitempty"`
	Power     *kiosk.Power    `json:"power_w,omitempty"`
	Cost      *kiosk.Money    `json:"cost,omitempty"`
	Held      *kiosk.Money    `json:"held,omitempty"`
	Meter     string          `json:"meter_serial,omitempty"`
	Fault     kiosk.FaultCode `json:"fault,omitempty"`
}

// Fault is something wrong now.
type Fault struct {
	Kiosk    string          `json:"kiosk_id,omitempty"` // of a back office
	Code     kiosk.FaultCode `json:"code"`
	Bay      int             `json:"bay,omitempty"`
	Severity kiosk.Severity  `json:"severity"`
	Acts     kiosk.Actor     `json:"acts"`
	Title    string          `json:"title,omitempty"`
}

// server answers for a site.
type server struct {
	site  Site
	one   Kiosk  // nil at a back office
	many  Office // nil at a kiosk
	texts *text.Catalogues
	log   *slog.Logger
	now   func() time.Time

	in       *entrance
	template *template.Template

	mu      sync.Mutex
	pace    map[string]*rate.Limiter // of commands, by who gives them
	streams map[string]int           // by who watches

	verifying sync.Mutex // the journal, which takes a while

	drawing sync.Mutex
	drawn   map[string]livePart // by language and scopes
}

// Handler answers the requests of a kiosk's host: the API and the page.
func Handler(site Kiosk, texts *text.Catalogues, log *slog.Logger) http.Handler {
	s := newServer(site, texts, log)
	s.one = site
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		w.Write(api.OpenAPI) // an error here is the connection's
	})
	for _, o := range s.operations() {
		handler := s.allowed(o)
		if strings.HasPrefix(o.pattern, "GET ") && !strings.HasSuffix(o.pattern, "/events") ||
			strings.HasSuffix(o.pattern, "}/events") { // a stream has no end
			handler = tagged(handler)
		}
		mux.HandleFunc(o.pattern, handler)
	}
	return s.pages(mux)
}

// OfficeHandler answers the requests of a host of several kiosks: the pages.
func OfficeHandler(site Office, texts *text.Catalogues, log *slog.Logger) http.Handler {
	s := newServer(site, texts, log)
	s.many = site
	return s.pages(http.NewServeMux())
}

func newServer(site Site, texts *text.Catalogues, log *slog.Logger) *server {
	return &server{site: site, texts: texts, log: log, now: time.Now, pace: map[string]*rate.Limiter{},
		streams: map[string]int{}, drawn: map[string]livePart{},
		in: newEntrance(time.Now), template: templates()}
}

// pages adds the pages to what is answered, and guards all of it.
func (s *server) pages(mux *http.ServeMux) http.Handler {
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if who, in := s.visitor(r); in && !strings.HasPrefix(r.URL.Path, "/api/") {
			s.newView(w, r, who).fail(ErrNone)
			return
		}
		s.problem(w, r, &problem{http.StatusNotFound, "no such address: " + r.URL.Path})
	})
	s.route(mux)
	return guarded(http.NewCrossOriginProtection().Handler(mux))
}

// operation is what an address does, and the scope that it needs.
type operation struct {
	pattern string
	scope   string
	do      func(w http.ResponseWriter, r *http.Request, by string) error
}

const v1 = "/api/v1"

// operations are all but the document.
func (s *server) operations() []operation {
	if s.one == nil {
		return s.readings()
	}
	return slices.Concat(s.readings(), s.commands())
}

// readings are the operations that any site has.
func (s *server) readings() []operation {
	return []operation{
		{"GET " + v1 + "/status", kiosk.ScopeStatus, s.status},
		{"GET " + v1 + "/events", kiosk.ScopeStatus, s.events},
		{"GET " + v1 + "/bays/{bay}", kiosk.ScopeStatus, s.bay},
		{"GET " + v1 + "/sessions", kiosk.ScopeReports, s.sessions},
		{"GET " + v1 + "/sessions/{reference}", kiosk.ScopeReports, s.session},
		{"GET " + v1 + "/sessions/{reference}/events", kiosk.ScopeReports, s.timeline},
		{"GET " + v1 + "/sessions/{reference}/receipt", kiosk.ScopeReports, s.receipt},
		{"GET " + v1 + "/sessions/{reference}/dispute.zip", kiosk.ScopeMoney, s.dispute},
		{"GET " + v1 + "/reports/{report}", kiosk.ScopeReports, s.report},
		{"GET " + v1 + "/webhooks", kiosk.ScopeAdmin, s.hooks},
		{"POST " + v1 + "/webhooks/{hook}/test", kiosk.ScopeAdmin, s.hookCommand("test web hook", s.site.TestHook)},
		{"POST " + v1 + "/webhooks/{hook}/resume", kiosk.ScopeAdmin, s.hookCommand("resume web hook",
			func(_ context.Context, name string) error { return s.site.ResumeHook(name) })},
	}
}

// commands are the operations that a kiosk alone has.
func (s *server) commands() []operation {
	return []operation{
		{"POST " + v1 + "/bays/{bay}/close", kiosk.ScopeControl, s.shut(true)},
		{"POST " + v1 + "/bays/{bay}/open", kiosk.ScopeControl, s.shut(false)},
		{"POST " + v1 + "/bays/{bay}/free", kiosk.ScopeMoney, s.grant},
		{"POST " + v1 + "/sessions/{reference}/stop", kiosk.ScopeControl, s.stop},
		{"POST " + v1 + "/sessions/{reference}/refund", kiosk.ScopeMoney, s.refund},
		{"POST " + v1 + "/drain", kiosk.ScopeControl, s.drain(true)},
		{"DELETE " + v1 + "/drain", kiosk.ScopeControl, s.drain(false)},
		{"PUT " + v1 + "/message", kiosk.ScopeControl, s.announce},
		{"DELETE " + v1 + "/message", kiosk.ScopeControl, s.announceNothing},
		{"GET " + v1 + "/tariffs", kiosk.ScopeStatus, s.tariffs},
		{"PUT " + v1 + "/tariff", kiosk.ScopeMoney, s.price},
		{"GET " + v1 + "/journal/checkpoint", kiosk.ScopeReports, s.checkpoint},
		{"GET " + v1 + "/certificates", kiosk.ScopeReports, s.certificates},
		{"GET " + v1 + "/tokens", kiosk.ScopeAdmin, s.tokens},
		{"POST " + v1 + "/tokens", kiosk.ScopeAdmin, s.makeToken},
		{"DELETE " + v1 + "/tokens/{name}", kiosk.ScopeAdmin, s.endToken},
	}
}

// policy is what a page may load (W3C Content Security Policy, level 3): its own style and script, and nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guarded sets what every answer has, and bounds what is read of a request.
func guarded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = origin(r)
		w.Header().Set("Cache-Control", "private, no-cache")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Content-Security-Policy", policy)
		r.Body = http.MaxBytesReader(w, r.Body, map[bool]int64{true: 8 << 20, false: 1 << 16}[r.URL.Path == "/money"])
		h.ServeHTTP(w, r)
	})
}

// TokenPrefix begins every token, so that a program that looks for secrets knows one.
const TokenPrefix = "kioskd_"

// Hash is what is kept of a token.
func Hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// allowed lets a request through that has a token with the scope.
func (s *server) allowed(o operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !bearer || !strings.HasPrefix(token, TokenPrefix) {
			s.unauthorized(w, r, "a token is needed: Authorization: Bearer kioskd_…")
			return
		}
		known, err := s.one.Token(r.Context(), Hash(token))
		switch {
		case errors.Is(err, ErrNone):
			s.unauthorized(w, r, "the token is not known")
		case err != nil:
			s.problem(w, r, err)
		case known.Until != nil && !s.now().Before(*known.Until):
			s.unauthorized(w, r, "the token has ended")
		case !slices.Contains(known.Scopes, o.scope):
			s.problem(w, r, &problem{http.StatusForbidden, "the token lacks the scope " + o.scope})
		default:
			r = r.WithContext(context.WithValue(r.Context(), tokenKey{}, Hash(token)))
			if err := o.do(w, r, "token "+known.Name); err != nil {
				s.problem(w, r, err)
			}
		}
	}
}

// tokenKey is of the hash of a request's token.
type tokenKey struct{}

// still tells whether a request's token is still good: a stream outlives the request for it.
func (s *server) still(r *http.Request) bool {
	known, err := s.one.Token(r.Context(), r.Context().Value(tokenKey{}).(string))
	return err == nil && (known.Until == nil || s.now().Before(*known.Until))
}

func (s *server) unauthorized(w http.ResponseWriter, r *http.Request, why string) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="kioskd"`)
	s.problem(w, r, &problem{http.StatusUnauthorized, why})
}

// problem is an error that its caller may know of.
type problem struct {
	status int
	detail string
}

func (p *problem) Error() string { return p.detail }

// problem answers with what is wrong (RFC 9457).
func (s *server) problem(w http.ResponseWriter, r *http.Request, err error) {
	var told *problem
	var wrong *report.Wrong
	switch {
	case errors.As(err, &told):
	case errors.Is(err, ErrNone):
		told = &problem{http.StatusNotFound, err.Error()}
	case errors.As(err, &wrong):
		told = &problem{http.StatusBadRequest, err.Error()}
	case r.Context().Err() != nil: // the caller is gone
		return
	default:
		s.log.Error("request failed", "path", r.URL.Path, "error", err)
		told = &problem{http.StatusInternalServerError, "the kiosk's log has the reason"}
	}
	w.Header().Set("Content-Type", "application/problem+json")
	if told.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(told.status)
	json.NewEncoder(w).Encode(struct { // an error here is the connection's
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{"about:blank", http.StatusText(told.status), told.status, told.detail})
}

// answer answers with a value.
func answer(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v) // an error here is the connection's
	return nil
}
