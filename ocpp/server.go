package ocpp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/net/netutil"

	"kioskd"
	"kioskd/ocpp/v16"
)

// protocol16 is the sub-protocol of OCPP 1.6-J (OCPP-J, 3.1.2).
const (
	protocol16 = "ocpp1.6"
	protocol21 = "ocpp2.1"
)

// protocols are those that are spoken, the best first.
func protocols() []string { return []string{protocol21, "ocpp2.0.1", protocol16} }

// Desk decides about transactions. What it decided is in the journal when it returns.
type Desk interface {
	// Started tells that a charger began a transaction. nil means that it may run.
	Started(ctx context.Context, bay int, t kiosk.Transaction, r kiosk.Reading) error
	// Refused tells that it began one that may not run, and why.
	Refused(ctx context.Context, bay int, t kiosk.Transaction, why error) error
	// Ended tells that a transaction is over.
	Ended(ctx context.Context, e Ended) error
}

// Ended is the end of a transaction.
type Ended struct {
	Bay         int
	Transaction kiosk.Transaction
	MeterStop   int64          // as the charger said it, Wh
	Reading     *kiosk.Reading // that it stands for; nil where it cannot be
	Reason      string
	Timestamp   string   // as the charger said it
	Signed      []Signed // byte for byte
	Why         error    // what is wrong with its register
	Device      string   // vendor, model and firmware; empty where the charger did not say
	Register    string   // what its values counted: lifetime or session; empty where none came
}

// Signed is a signed value of a charger.
type Signed struct {
	Context string    `json:"context,omitempty"`
	Value   string    `json:"value"`
	Proof   v16.Proof `json:"proof,omitzero"` // of OCPP 2.x
}

// Settings are a charger's, of the configuration.
type Settings struct {
	ID         string
	Password   string // empty asks for none
	Security   int    // the least security profile; 0 for any
	Connectors []ConnectorSettings
}

// ConnectorSettings are of a connector that is a bay.
type ConnectorSettings struct {
	Number   int
	Bay      int
	Metered  bool // the bay has a meter in front of it: that counts
	Register kiosk.Register
}

// Options of a Server. All but Past and Trace are required.
type Options struct {
	Chargers []Settings
	Desk     Desk
	Past     []Past // transactions, in the order in which they began
	Now      func() time.Time
	PlugIn   time.Duration // how long a charger waits for the cable
	Sample   time.Duration // how often a charger tells its register
	Log      *slog.Logger
	Trace    bool
}

// Past is a transaction of before this process.
type Past struct {
	Transaction kiosk.Transaction
	At          time.Time
	Ended       bool
	Device      string // see Ended
	Register    string
}

// Server is the central system. Its methods may be called from many goroutines.
type Server struct {
	o    Options
	next func() int // numbers of transactions

	mu       sync.Mutex
	chargers map[string]*Charger
	strange  map[string]Stranger

	visitors atomic.Int32 // connections of chargers that are not known
}

// Stranger is a charger that connects, and that the configuration does not know.
type Stranger struct {
	ID       string `json:"id"`
	Address  string `json:"address"`
	Vendor   string `json:"vendor,omitempty"`
	Model    string `json:"model,omitempty"`
	Firmware string `json:"firmware,omitempty"`
	Password bool   `json:"password"` // it sent one
	// Connectors is how many it has; 0 where it does not say.
	Connectors int       `json:"connectors,omitempty"`
	At         time.Time `json:"at"`
}

// New makes a server; chargers can connect from Serve on.
func New(o Options) *Server {
	s := &Server{o: o, chargers: map[string]*Charger{}, strange: map[string]Stranger{}}
	last := 0
	for _, p := range o.Past {
		last = max(last, p.Transaction.ID)
	}
	var mu sync.Mutex
	s.next = func() int {
		mu.Lock()
		defer mu.Unlock()
		last++
		return last
	}
	for _, c := range o.Chargers {
		s.chargers[c.ID] = newCharger(s, c)
	}
	return s
}

// Connector is one of a charger's; nil where the configuration has none such.
func (s *Server) Connector(charger string, number int) *Connector {
	c, ok := s.chargers[charger]
	if !ok {
		return nil
	}
	return c.connectors[number]
}

// Chargers tells what is known of the configured chargers, in the order of their identities.
func (s *Server) Chargers() (out []Report) {
	for _, id := range slices.Sorted(maps.Keys(s.chargers)) {
		out = append(out, s.chargers[id].report())
	}
	return out
}

// Strangers are the chargers that the configuration does not know, in the order of their identities.
func (s *Server) Strangers() (out []Stranger) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.strange)) {
		out = append(out, s.strange[id])
	}
	return out
}

const (
	headerWithin  = 10 * time.Second
	mostStrangers = 50
	// connections beyond those of the chargers: others wait, and take no file descriptors that the journal needs
	moreConnections = 100
)

// Serve takes chargers until ctx ends, by TLS where secure is not nil.
func (s *Server) Serve(ctx context.Context, l net.Listener, secure *tls.Config) error {
	l = netutil.LimitListener(l, 2*len(s.chargers)+moreConnections)
	if secure != nil {
		l = tls.NewListener(l, secure)
	}
	var all sync.WaitGroup
	defer all.Wait()
	web := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			all.Add(1)
			defer all.Done()
			s.connect(ctx, w, r)
		}),
		ReadHeaderTimeout: headerWithin, IdleTimeout: headerWithin, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(s.o.Log.Handler(), slog.LevelDebug),
	}
	stop := context.AfterFunc(ctx, func() { web.Close() })
	defer stop()
	err := web.Serve(l)
	if ctx.Err() != nil && errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("cannot take chargers: %w", err)
}

// identity is the last part of an address (OCPP-J, 3.1.1).
func identity(r *http.Request) (string, error) {
	escaped := r.URL.EscapedPath()
	id, err := url.PathUnescape(escaped[strings.LastIndex(escaped, "/")+1:])
	if err != nil || id == "" || len(id) > 48 || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' }) {
		return "", fmt.Errorf("the address %q does not end with an identity", r.URL.Path)
	}
	return id, nil
}

// connect takes a charger, or refuses it.
func (s *Server) connect(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	id, err := identity(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	log := s.o.Log.With("charger", id)
	c, known := s.chargers[id]
	if known {
		err = c.authenticate(r)
		if err != nil {
			log.Warn("charger was refused", "address", r.RemoteAddr, "error", err)
			w.Header().Set("WWW-Authenticate", `Basic realm="kioskd"`)
			http.Error(w, "wrong password", http.StatusUnauthorized)
			return
		}
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: protocols(),
		CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		log.Warn("charger did not connect", "address", r.RemoteAddr, "error", err)
		return
	}
	if ws.Subprotocol() == "" {
		log.Warn("charger was refused: it offers no version that is spoken", "address", r.RemoteAddr, "offers",
			r.Header.Get("Sec-WebSocket-Protocol"))
		ws.Close(websocket.StatusProtocolError, "want one of "+strings.Join(protocols(), ", "))
		return
	}
	if !known {
		if s.visitors.Add(1) > mostStrangers { // the rest of the connections is for those that are known
			ws.Close(websocket.StatusTryAgainLater, "too many chargers that are not known")
		} else {
			s.meet(ctx, ws, id, r, log)
		}
		s.visitors.Add(-1)
		return
	}
	c.serve(ctx, ws, r.RemoteAddr, log)
}

// Security profiles (OCPP 1.6 security whitepaper, 2).
const (
	profilePassword    = 1 // a password, without TLS
	profileTLS         = 2 // a password, with TLS
	profileCertificate = 3 // a certificate
)

// authenticate judges how a charger proves who it is, and keeps its security profile: it may come with no lower one
// from then on.
func (c *Charger) authenticate(r *http.Request) error {
	profile := 0
	switch {
	case r.TLS != nil && len(r.TLS.PeerCertificates) > 0:
		profile = profileCertificate
		if name := r.TLS.PeerCertificates[0].Subject.CommonName; name != c.set.ID {
			return fmt.Errorf("its certificate is of %q", name)
		}
	case c.set.Password != "":
		profile = profilePassword
		if r.TLS != nil {
			profile = profileTLS
		}
	}
	if profile != profileCertificate {
		if err := c.knows(r); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if least := max(c.set.Security, c.profile); profile < least {
		return fmt.Errorf("it comes with security profile %d, and must with %d", profile, least)
	}
	c.profile, c.came = profile, passwordOf(r)
	return nil
}

// knows judges the password (OCPP-J, 6.2). The user is the identity.
func (c *Charger) knows(r *http.Request) error {
	if c.set.Password == "" {
		return nil
	}
	user, password, ok := r.BasicAuth()
	switch {
	case !ok:
		return errors.New("it sent no password")
	case user != c.set.ID:
		return fmt.Errorf("it sent the user %q", user)
	case !same(password, c.set.Password):
		return errors.New("it sent a wrong password")
	}
	return nil
}
