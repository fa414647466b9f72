package web

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/language"

	"kioskd"
	"kioskd/report"
	"kioskd/ui/text"
)

//go:embed pages
var pages embed.FS

// screen is one page of the host's: where it is, which scope it needs, and what shows it.
type screen struct {
	path  string
	title string // key of its text; empty for one that is not in the menu
	scope string
	show  func(*view) error
}

// screens are all pages.
func (s *server) screens() []screen {
	all := []screen{
		{"/{$}", "web.now", kiosk.ScopeStatus, s.showNow},
		{"/sessions", "report.sessions", kiosk.ScopeReports, s.showSessions},
		{"/sessions/{reference}", "", kiosk.ScopeReports, s.showSession},
		{"/money", "web.money", kiosk.ScopeReports, s.showMoney},
		{"/use", "web.use", kiosk.ScopeReports, s.showUse},
		{"/devices", "report.devices", kiosk.ScopeReports, s.showDevices},
	}
	if s.many != nil {
		return append(all, screen{"/instructions", "office.instructions", kiosk.ScopeStatus, s.showOrders},
			screen{"/journal", "staff.page.journal", kiosk.ScopeReports, s.showJournals})
	}
	return append(all, screen{"/prices", "web.prices", kiosk.ScopeStatus, s.showPrices},
		screen{"/journal", "staff.page.journal", kiosk.ScopeReports, s.showJournal})
}

// route adds the pages to the addresses that are answered. Where no person is let in there are none.
func (s *server) route(mux *http.ServeMux) {
	if len(s.site.People()) == 0 {
		return
	}
	for _, name := range []string{"style.css", "page.js", "icon.svg"} {
		mux.HandleFunc("GET /static/"+name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-cache")
			http.ServeFileFS(w, r, pages, "pages/"+name)
		})
	}
	mux.HandleFunc("GET /login", s.showLogin)
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("POST /logout", s.logout)
	for _, sc := range s.screens() {
		mux.HandleFunc("GET "+sc.path, s.page(sc))
	}
	for _, o := range s.operations() { // files of the API, for a person
		path, _ := strings.CutPrefix(o.pattern, "GET /api/v1")
		switch path {
		case "/sessions/{reference}/receipt", "/sessions/{reference}/dispute.zip", "/reports/{report}",
			"/journal/checkpoint":
			mux.HandleFunc("GET /file"+path, s.asPerson(o.scope, o.do))
		}
	}
	for _, f := range s.forms() {
		mux.HandleFunc("POST "+f.path, s.doing(f))
	}
	mux.HandleFunc("GET /live", s.asPerson(kiosk.ScopeStatus, s.live))
	mux.HandleFunc("POST /money", s.page(screen{"/money", "web.money", kiosk.ScopeReports, s.showMoney}))
}

// view is a page that is being made: templates read it.
type view struct {
	*text.Printer
	server *server
	w      http.ResponseWriter
	r      *http.Request
	who    Person
	status int

	Title    string
	Path     string
	Menu     []link
	Langs    []link
	Now      Status
	Many     bool // of a back office
	Site     string
	Wrong    string // what cannot be done
	Done     string
	Body     any
	Template string
}

// link is one in a menu.
type link struct {
	Href, Text, Lang string
	Here             bool
}

// May tells whether the person may do what needs a scope.
func (v *view) May(scope string) bool { return slices.Contains(v.who.Scopes, scope) }

// Person is the name of the person.
func (v *view) Person() string { return v.who.Name }

// Options are the kiosks of a back office, to choose one of.
func (v *view) Options() (out []option) {
	all, err := v.latest()
	if err != nil {
		v.server.log.Error("the kiosks cannot be listed", "error", err)
	}
	chosen := v.r.URL.Query().Get("kiosk")
	for _, k := range all {
		out = append(out, option{k.Kiosk, k.Kiosk, k.Kiosk == chosen})
	}
	return out
}

// Dir is the direction of writing.
func (v *view) Dir() string {
	if v.Right {
		return "rtl"
	}
	return "ltr"
}

// languageOf is the language that a request is answered in: chosen on the page, or the best of the browser's.
func (s *server) languageOf(r *http.Request) string {
	offered := s.texts.Languages()
	if c, err := r.Cookie("lang"); err == nil && slices.Contains(offered, c.Value) {
		return c.Value
	}
	var tags []language.Tag
	for _, l := range offered {
		tags = append(tags, language.Make(l))
	}
	_, i := language.MatchStrings(language.NewMatcher(tags), r.Header.Get("Accept-Language"))
	return offered[i]
}

// newView begins a page for a person.
func (s *server) newView(w http.ResponseWriter, r *http.Request, who Person) *view {
	now := s.site.Now()
	v := &view{Many: s.many != nil, Printer: s.texts.Printer(s.languageOf(r)), server: s, w: w, r: r, who: who,
		status: http.StatusOK,
		Now:    now, Site: now.Name, Path: r.URL.Path}
	for _, sc := range s.screens() {
		if sc.title == "" || !v.May(sc.scope) {
			continue
		}
		path := strings.TrimSuffix(sc.path, "{$}")
		v.Menu = append(v.Menu, link{Href: path, Text: v.T(sc.title),
			Here: path == r.URL.Path || path != "/" && strings.HasPrefix(r.URL.Path, path+"/")})
	}
	for _, l := range s.texts.Languages() {
		v.Langs = append(v.Langs, link{Text: s.texts.Raw(l, "language.name"), Lang: l, Here: l == v.Language})
	}
	return v
}

// page shows a screen to a person who may see it.
func (s *server) page(sc screen) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.choseLanguage(w, r) {
			return
		}
		who, in := s.visitor(r)
		if !in {
			http.Redirect(w, r, "/login?to="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
			return
		}
		v := s.newView(w, r, who)
		v.Title = v.T(sc.title)
		if !v.May(sc.scope) {
			v.fail(&problem{http.StatusForbidden, v.T("web.not_yours")})
			return
		}
		if err := sc.show(v); err != nil {
			v.fail(err)
			return
		}
		v.render()
	}
}

// choseLanguage keeps the language that a person chose, and shows the same page in it.
func (s *server) choseLanguage(w http.ResponseWriter, r *http.Request) bool {
	q := r.URL.Query()
	lang := q.Get("lang")
	if !slices.Contains(s.texts.Languages(), lang) {
		return false
	}
	http.SetCookie(w, &http.Cookie{Name: "lang", Value: lang, Path: "/", SameSite: http.SameSiteLaxMode,
		MaxAge: int((365 * 24 * time.Hour).Seconds())})
	q.Del("lang")
	http.Redirect(w, r, (&url.URL{Path: r.URL.Path, RawQuery: q.Encode()}).RequestURI(), http.StatusSeeOther)
	return true
}

// asPerson answers a person who has a scope, as the API answers a token.
func (s *server) asPerson(scope string, do func(http.ResponseWriter, *http.Request, string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, in := s.visitor(r)
		switch {
		case !in:
			s.problem(w, r, &problem{http.StatusUnauthorized, "log in first"})
		case !slices.Contains(who.Scopes, scope):
			s.problem(w, r, &problem{http.StatusForbidden, "you lack the scope " + scope})
		default:
			if err := do(w, r, who.Name); err != nil {
				s.problem(w, r, err)
			}
		}
	}
}

// doing carries out what a person asks for with a form, and shows the page again that has it.
func (s *server) doing(f form) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, in := s.visitor(r)
		if !in {
			http.Redirect(w, r, "/login", http.StatusSeeOther)
			return
		}
		v := s.newView(w, r, who)
		if !v.May(f.scope) {
			v.fail(&problem{http.StatusForbidden, v.T("web.not_yours")})
			return
		}
		said, err := f.do(v)
		var told *problem
		if f.again == nil || !errors.As(err, &told) {
			v.after(said, err)
			return
		}
		v.status, v.Wrong, v.Path = told.status, told.detail, v.back()
		if err := f.again(v); err != nil {
			v.fail(err)
			return
		}
		v.render()
	}
}

// after shows the page that a form was on again, with what came of it.
func (v *view) after(said string, err error) {
	wrong := ""
	switch {
	case err != nil:
		var told *problem
		if !errors.As(err, &told) && !errors.Is(err, ErrNone) {
			v.server.log.Error("request failed", "path", v.r.URL.Path, "error", err)
		}
		said, wrong = "", err.Error()
	case said == "":
		said = v.T("staff.done")
	}
	v.server.in.leave(v.cookie(), said, wrong)
	http.Redirect(v.w, v.r, v.back(), http.StatusSeeOther)
}

// cookie is what the person's browser shows; empty without one.
func (v *view) cookie() string {
	c, err := v.r.Cookie(cookieName)
	if err != nil {
		return ""
	}
	return c.Value
}

// back is the page that a form was on.
func (v *view) back() string {
	return here(v.r.PostFormValue("back"))
}

// here is an address of this site that a request names; the first page for any other.
func here(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path,
		"//") ||
		strings.ContainsAny(u.Path, "\\\t\r\n") {
		return "/"
	}
	return u.RequestURI()
}

// fail shows what is wrong in place of the page.
func (v *view) fail(err error) {
	var told *problem
	var wrong *report.Wrong
	switch {
	case errors.As(err, &told):
		v.status, v.Wrong = told.status, told.detail
	case errors.As(err, &wrong):
		v.status, v.Wrong = http.StatusBadRequest, err.Error()
	case errors.Is(err, ErrNone):
		v.status, v.Wrong = http.StatusNotFound, v.T("web.none")
	case v.r.Context().Err() != nil:
		return
	default:
		v.server.log.Error("page failed", "path", v.r.URL.Path, "error", err)
		v.status, v.Wrong = http.StatusInternalServerError, v.T("staff.failed", "Why", err)
	}
	v.Template, v.Body = "nothing", nil
	v.render()
}

// render sends the page.
func (v *view) render() {
	said, wrong := v.server.in.take(v.cookie())
	v.Done = said
	if v.Wrong == "" {
		v.Wrong = wrong
	}
	out, err := v.text("frame")
	if err != nil {
		v.server.log.Error("page failed", "path", v.r.URL.Path, "error", err)
		http.Error(v.w, "the kiosk's log has the reason", http.StatusInternalServerError)
		return
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	v.w.WriteHeader(v.status)
	v.w.Write(out) // an error here is the connection's
}

// Content is the page within its frame.
func (v *view) Content() (template.HTML, error) {
	out, err := v.text(v.Template)
	return template.HTML(out), err // its template escaped what needs it
}

// text fills a template.
func (v *view) text(name string) ([]byte, error) {
	var out bytes.Buffer
	if err := v.server.template.ExecuteTemplate(&out, name, v); err != nil {
		return nil, fmt.Errorf("cannot make the page: %w", err)
	}
	return out.Bytes(), nil
}

// templates reads the pages' templates. They are part of the program: one that cannot be read is its own fault.
func templates() *template.Template { return template.Must(template.ParseFS(pages, "pages/*.html")) }

// entry is the page where a person says who they are.
type entry struct {
	Name, To string
}

func (s *server) showLogin(w http.ResponseWriter, r *http.Request) {
	if s.choseLanguage(w, r) {
		return
	}
	v := s.newView(w, r, Person{})
	v.Title, v.Template, v.Body = v.T("web.login"), "login", entry{To: r.URL.Query().Get("to")}
	v.render()
}

func (s *server) login(w http.ResponseWriter, r *http.Request) {
	v := s.newView(w, r, Person{})
	name, to := r.PostFormValue("name"), r.PostFormValue("to")
	cookie, err := s.enter(r, name, r.PostFormValue("password"))
	var out errKeptOut
	switch {
	case errors.As(err, &out):
		v.status, v.Wrong = http.StatusTooManyRequests, v.waits(out)
	case errors.Is(err, errWrong):
		v.status, v.Wrong = http.StatusUnauthorized, v.T("web.refused")
	case err != nil:
		v.fail(err)
		return
	default:
		setCookie(w, cookie)
		http.Redirect(w, r, here(to), http.StatusSeeOther)
		return
	}
	v.Title, v.Template, v.Body = v.T("web.login"), "login", entry{name, to}
	v.render()
}

// waits says how long a person must wait.
func (v *view) waits(out errKeptOut) string {
	return v.T("staff.wait", "Time", v.Lasting(int(out.wait.Seconds())+1))
}

func (s *server) logout(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(cookieName); err == nil {
		s.in.out(c.Value)
	}
	setCookie(w, "")
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}
