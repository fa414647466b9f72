package web

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"kioskd/session"
)

// Person may see the host's page.
type Person struct {
	Name    string
	Scopes  []string
	Matches func(password string) bool
}

// Times of a person's session and of what follows wrong passwords.
const (
	sessionFor  = 12 * time.Hour
	mostVisits  = 1000
	freeTries   = 5
	firstWait   = 30 * time.Second
	accountWait = time.Minute // at most
	pairWait    = time.Hour
	forgotten   = 24 * time.Hour // wrong passwords of before
	mostDoors   = 10000
)

// cookieName has the prefix by which browsers take it from this host alone, over TLS or from this computer.
const cookieName = "__Host-kioskd"

// visit is the session of a person in a browser, known by the hash of its cookie. A restart ends it.
type visit struct {
	name  string
	until time.Time
	// What came of the form that was sent last, until a page shows it: it is in no address, so that no link can put
	// words on a page.
	said, wrong string
}

// door counts wrong passwords of an account, or of an account from one address.
type door struct {
	wrong int
	last  time.Time
	until time.Time // it is closed
}

// entrance knows who is in, and keeps out who guesses.
type entrance struct {
	now  func() time.Time
	hash sync.Mutex // one password at a time: each takes 19 MB

	mu     sync.Mutex
	visits map[string]visit
	doors  map[string]door
}

func newEntrance(now func() time.Time) *entrance {
	return &entrance{now: now, visits: map[string]visit{}, doors: map[string]door{}}
}

// pair is the door of an account to one address.
func pair(account, address string) string { return account + " from " + address }

// wait is how long a person is kept out; zero for not at all. An account's door is closed to those addresses alone from
// which a wrong password for it came: a stranger keeps no person out who makes no mistake, and a person who knows their
// own password guesses no other's.
func (e *entrance) wait(account, address string) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	its := e.doors[pair(account, address)]
	longest := its.until.Sub(e.now())
	if its.wrong > 0 {
		longest = max(longest, e.doors[account].until.Sub(e.now()))
	}
	return max(longest, 0)
}

// wrong counts a wrong password.
func (e *entrance) wrong(account, address string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.close(account, accountWait)
	e.close(pair(account, address), pairWait)
}

// close counts a wrong password at a door. From the fifth on each closes it for twice as long.
func (e *entrance) close(key string, most time.Duration) {
	if len(e.doors) >= mostDoors { // those that are open are forgotten
		for k, d := range e.doors {
			if !e.now().Before(d.until) {
				delete(e.doors, k)
			}
		}
	}
	d := e.doors[key]
	if e.now().Sub(d.last) > forgotten {
		d = door{}
	}
	d.wrong, d.last = d.wrong+1, e.now()
	if over := d.wrong - freeTries; over >= 0 {
		d.until = e.now().Add(min(firstWait<<min(over, 10), most))
	}
	e.doors[key] = d
}

// let lets a person in, and returns what their browser shows from now on.
func (e *entrance) let(name, address string) (cookie string) {
	secret := make([]byte, 32)
	rand.Read(secret) // never fails
	cookie = base64.RawURLEncoding.EncodeToString(secret)
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.doors, pair(name, address))
	for hash, v := range e.visits {
		if !e.now().Before(v.until) {
			delete(e.visits, hash)
		}
	}
	for len(e.visits) >= mostVisits { // the one that ends first goes
		first := ""
		for hash, v := range e.visits {
			if first == "" || v.until.Before(e.visits[first].until) {
				first = hash
			}
		}
		delete(e.visits, first)
	}
	e.visits[Hash(cookie)] = visit{name: name, until: e.now().Add(sessionFor)}
	return cookie
}

// who is the name of the person whose browser shows a cookie; empty for a stranger.
func (e *entrance) who(cookie string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, ok := e.visits[Hash(cookie)]
	if !ok || !e.now().Before(v.until) {
		return ""
	}
	return v.name
}

// leave keeps what came of a form for the next page.
func (e *entrance) leave(cookie, said, wrong string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if v, ok := e.visits[Hash(cookie)]; ok {
		v.said, v.wrong = said, wrong
		e.visits[Hash(cookie)] = v
	}
}

// take is what came of the last form. It is shown once.
func (e *entrance) take(cookie string) (said, wrong string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, ok := e.visits[Hash(cookie)]
	if ok && v.said+v.wrong != "" {
		said, wrong = v.said, v.wrong
		v.said, v.wrong = "", ""
		e.visits[Hash(cookie)] = v
	}
	return said, wrong
}

func (e *entrance) out(cookie string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.visits, Hash(cookie))
}

// hostOf is an address without its port.
func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}

// origin is where a request comes from: where a proxy on this computer hands it on, what that says last (RFC 7239 has
// it as Forwarded; proxies say X-Forwarded-For). What the client itself said stands before it, and counts for nothing.
func origin(r *http.Request) string {
	peer, err := netip.ParseAddr(hostOf(r.RemoteAddr))
	said := r.Header.Values("X-Forwarded-For")
	if err != nil || !peer.IsLoopback() || len(said) == 0 {
		return r.RemoteAddr
	}
	all := strings.Split(said[len(said)-1], ",")
	last, err := netip.ParseAddr(strings.TrimSpace(all[len(all)-1]))
	if err != nil {
		return r.RemoteAddr
	}
	return last.String()
}

// network is where a request comes from, as far as one guesser may have many addresses: of IPv6 the first 64 bits.
func network(r *http.Request) string {
	host := hostOf(r.RemoteAddr)
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return r.RemoteAddr
	}
	bits := 32
	ip = ip.Unmap()
	if ip.Is6() {
		bits = 64
	}
	p, err := ip.WithZone("").Prefix(bits)
	if err != nil {
		return host
	}
	return p.String()
}

// stranger is the account of all names that there are not, so that these fill no memory.
const stranger = ""

// errKeptOut is that a person must wait.
type errKeptOut struct{ wait time.Duration }

func (errKeptOut) Error() string { return "too many wrong passwords" }

// errWrong is that a name or a password is wrong; which of both is not told.
var errWrong = errors.New("the name or the password is wrong")

// enter tries a name and a password. Each try that was looked at is in the journal.
func (s *server) enter(r *http.Request, name, password string) (cookie string, err error) {
	p, known := s.person(name)
	by := cmp.Or(p.Name, "a name that is not known")
	if err := s.proves(r, p, known, password, session.NoteBody{By: by, What: "page", From: r.RemoteAddr}); err != nil {
		return "", err
	}
	if err := s.site.Note(r.Context(), session.Login, session.NoteBody{By: p.Name, What: "page",
		From: r.RemoteAddr}); err != nil {
		return "", err
	}
	return s.in.let(p.Name, network(r)), nil
}

// proves looks at a password, one at a time, and whether its account must wait: so that no number of tries at once is
// more than one after the other. A wrong one is written down. A name that there is not takes the same time.
func (s *server) proves(r *http.Request, p Person, known bool, password string, note session.NoteBody) error {
	s.in.hash.Lock()
	defer s.in.hash.Unlock()
	account, address := cmp.Or(p.Name, stranger), network(r)
	if wait := s.in.wait(account, address); wait > 0 {
		return errKeptOut{wait}
	}
	all := s.site.People()
	switch {
	case known && p.Matches(password):
		return nil
	case !known && len(all) > 0:
		all[0].Matches(password)
	}
	s.in.wrong(account, address)
	return errors.Join(errWrong, s.site.Note(r.Context(), session.LoginRefused, note))
}

// person finds a person by name.
func (s *server) person(name string) (Person, bool) {
	all := s.site.People()
	i := slices.IndexFunc(all, func(p Person) bool { return p.Name == name })
	if i < 0 {
		return Person{}, false
	}
	return all[i], true
}

// visitor is the person who asks; false for a stranger, and for one who is no longer let in.
func (s *server) visitor(r *http.Request) (Person, bool) {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return Person{}, false
	}
	name := s.in.who(c.Value)
	if name == "" {
		return Person{}, false
	}
	return s.person(name)
}

// setCookie gives a browser a person's cookie, or takes it away where it is empty.
func setCookie(w http.ResponseWriter, value string) {
	c := &http.Cookie{Name: cookieName, Value: value, Path: "/", Secure: true, HttpOnly: true,
		SameSite: http.SameSiteStrictMode, MaxAge: int(sessionFor / time.Second)}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}
