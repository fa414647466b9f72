package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kioskd"
	"kioskd/api"
	"kioskd/socket"
)

// operations are all that a daemon does for commands, as the documents have them: each with the one method for it.
var operations = map[string]string{
	"/terminal/status":            http.MethodGet,
	"/terminal/pending":           http.MethodGet,
	"/terminal/release/0231":      http.MethodPost,
	"/terminal/end-of-day":        http.MethodPost,
	"/meters/scan?from=1&to=3":    http.MethodGet,
	"/doctor":                     http.MethodGet,
	"/drain":                      "GET or POST",
	"/backoffice":                 http.MethodGet,
	"/backoffice/again":           http.MethodPost,
	"/csms/again":                 http.MethodPost,
	"/backoffice/now":             http.MethodPost,
	"/session/7GK2M4Q/stop?by=me": http.MethodPost,
	"/session/7GK2M4Q/refund?amount=1.00&by=me&why=broken": http.MethodPost,
	"/fault/MT005/clear?bay=1":                             http.MethodPost,
}

// says sends a request as another program would, and returns status, kind and text of the answer.
func says(t *testing.T, at, method, path string) (status int, kind, text string) {
	t.Helper()
	h := socket.Client(at)
	defer h.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://kioskd"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := h.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(body)
}

// TestWhatIsNoOperation reaches no site: a path that is not known, and a method that is not the operation's. Looking at
// something never changes it.
func TestWhatIsNoOperation(t *testing.T) {
	p := &place{}
	_, at := served(t, p)
	refused := func(method, path string) {
		t.Helper()
		p.asked = nil
		status, _, text := says(t, at, method, path)
		if status < 400 || status > 499 || p.asked != nil || len(text) > 200 {
			t.Errorf("%s %s: status %d, the site was asked %v: %q", method, path, status, p.asked, text)
		}
	}
	for path, right := range operations {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			if !strings.Contains(right, method) {
				refused(method, path)
			}
		}
	}
	for _, path := range []string{"/", "/terminal", "/terminal/release", "/terminal/release/", "/session/7GK2M4Q",
		"/session/7GK2M4Q/pay", "/session//stop", "/fault/MT005", "/backoffice/", "/Doctor", "/doctor/1", "/meters",
		"/drain/off", "/terminal/status/"} {
		refused("GET", path)
		refused("POST", path)
	}
}

// TestEveryOperationAnswersInItsForm: a JSON object or list, or one line of text that says what went wrong.
func TestEveryOperationAnswersInItsForm(t *testing.T) {
	p := &place{}
	_, at := served(t, p)
	for path, methods := range operations {
		for _, method := range strings.Split(methods, " or ") {
			p.fails, p.waiting, p.asked = nil, [][]string{{"A"}, {"A"}}, nil
			status, kind, text := says(t, at, method, path)
			var v any
			err := json.Unmarshal([]byte(text), &v)
			_, object := v.(map[string]any)
			_, list := v.([]any)
			if status != http.StatusOK || kind != "application/json" || err != nil || !object && !list ||
				p.asked == nil {
				t.Errorf("%s %s: %d, %s, %q, asked %v", method, path, status, kind, text, p.asked)
			}
			p.fails = errors.New("bay 3 is <closed> & locked")
			status, kind, text = says(t, at, method, path)
			if status != http.StatusConflict || !strings.HasPrefix(kind, "text/plain") ||
				text != "bay 3 is <closed> & locked\n" {
				t.Errorf("%s %s fails with %d, %s, %q", method, path, status, kind, text)
			}
		}
	}
}

// TestNumbersThatAreNone reach no site, and the error names the setting and the value.
func TestNumbersThatAreNone(t *testing.T) {
	p := &place{}
	_, at := served(t, p)
	for path, want := range map[string]string{
		"/meters/scan?to=3":                           `from ""`,
		"/meters/scan?from=1&to=1.5":                  `to "1.5"`,
		"/meters/scan?from=1&to=0x10":                 `to "0x10"`,
		"/meters/scan?from=99999999999999999999&to=3": `from "99999999999999999999"`,
	} {
		if status, _, text := says(t, at, "GET", path); status != http.StatusConflict || !strings.Contains(text, want) {
			t.Errorf("%s: %d, %q", path, status, text)
		}
	}
	for _, path := range []string{"/fault/MT005/clear", "/fault/MT005/clear?bay=", "/fault/MT005/clear?bay=1,2"} {
		if status, _, text := says(t, at, "POST", path); status != http.StatusConflict ||
			!strings.Contains(text, "bay") {
			t.Errorf("%s: %d, %q", path, status, text)
		}
	}
	if p.asked != nil {
		t.Errorf("the site was asked %v", p.asked)
	}
}

// ops are all that a client can ask.
func ops(ctx context.Context, c *api.Client) map[string]func() error {
	of := func(f func() (any, error)) func() error { return func() error { _, err := f(); return err } }
	return map[string]func() error{
		"status":   of(func() (any, error) { return c.Status(ctx) }),
		"pending":  of(func() (any, error) { return c.Pending(ctx) }),
		"release":  of(func() (any, error) { return c.Release(ctx, "0231") }),
		"day":      of(func() (any, error) { return c.EndOfDay(ctx, false) }),
		"scan":     of(func() (any, error) { return c.Scan(ctx, 1, 3) }),
		"examine":  of(func() (any, error) { return c.Examine(ctx) }),
		"underway": of(func() (any, error) { return c.Underway(ctx) }),
		"drain":    of(func() (any, error) { return c.Drain(ctx, true) }),
		"stop":     of(func() (any, error) { return c.Stop(ctx, "7GK2M4Q", "me") }),
		"clear":    of(func() (any, error) { return c.ClearFault(ctx, "MT005", 1, "me") }),
		"refund":   of(func() (any, error) { return c.Refund(ctx, "7GK2M4Q", "1.00", "me", "broken") }),
		"office":   of(func() (any, error) { return c.Office(ctx) }),
		"again":    of(func() (any, error) { return c.SendAgain(ctx) }),
		"tell":     of(func() (any, error) { return c.TellAgain(ctx) }),
		"now":      of(func() (any, error) { return c.SendNow(ctx) }),
		"drained":  func() error { return c.UntilDrained(ctx, time.Minute, func(string) {}) },
	}
}

// TestAnAnswerThatCannotBeRead is an error of every operation: it is never taken for an answer of nothing, a bay
// without a fault, or a drain that is over.
func TestAnAnswerThatCannotBeRead(t *testing.T) {
	for name, answer := range map[string]string{
		"nothing":            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"an object cut off":  "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"done\":true,\"waiting_for\":[",
		"a text":             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"a page":             "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>",
		"a number":           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n7",
		"moved":              "HTTP/1.1 204 No Content\r\n\r\n",
		"an error":           "HTTP/1.1 500 Oh\r\nContent-Length: 7\r\n\r\nno room",
		"an error, cut off":  "HTTP/1.1 409 Oh\r\nContent-Length: 99\r\n\r\nno",
		"no HTTP":            "SSH-2.0-OpenSSH_9.2\r\n",
		"half a line":        "HTTP/1.1 200",
		"the end of the way": "",
	} {
		path := filepath.Join(t.TempDir(), "s")
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer conn.Close()
					if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
						io.WriteString(conn, answer) // the client may have gone
					}
				}()
			}
		}()
		c := api.Dial(path)
		for op, ask := range ops(t.Context(), c) {
			err := ask()
			if err == nil {
				t.Errorf("%s: %s gives %v", name, op, err)
			}
		}
		c.Close()
		l.Close()
	}
}

// slow is a site that begins to answer when it is told to, and notices when it is no longer asked.
type slow struct {
	place
	began, goOn chan struct{}
	left        chan error
	panics      atomic.Bool
}

func newSlow() *slow {
	return &slow{began: make(chan struct{}, 9), goOn: make(chan struct{}), left: make(chan error, 9)}
}

func (s *slow) Scan(ctx context.Context, first, last int) ([]api.Unit, error) {
	s.began <- struct{}{}
	select {
	case <-s.goOn:
		return []api.Unit{{Unit: first}, {Unit: last}}, nil
	case <-ctx.Done():
		s.left <- ctx.Err()
		return nil, ctx.Err()
	}
}

func (s *slow) Status(context.Context) (kiosk.TerminalStatus, error) {
	if s.panics.Load() {
		panic("no such terminal")
	}
	return kiosk.TerminalStatus{TerminalID: "60099914"}, nil
}

// serve serves a site; stop ends the daemon and waits for it.
func serve(t *testing.T, s api.Site) (path string, stop func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- api.Serve(ctx, l, s) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ends with %v", err)
		}
	})
	t.Cleanup(stop)
	return path, stop
}

// TestTwoAskAtOnce: who waits for something long keeps no other from their answer, and each gets their own.
func TestTwoAskAtOnce(t *testing.T) {
	s := newSlow()
	path, _ := serve(t, s)
	first, second := api.Dial(path), api.Dial(path)
	defer first.Close()
	defer second.Close()
	type scanned struct {
		units []api.Unit
		err   error
	}
	got := make(chan scanned, 2)
	for i, c := range []*api.Client{first, second} {
		go func() {
			units, err := c.Scan(t.Context(), 10*i+1, 10*i+2)
			got <- scanned{units, err}
		}()
		<-s.began
	}
	for _, c := range []*api.Client{first, second} {
		if st, err := c.Status(t.Context()); err != nil || st.TerminalID != "60099914" {
			t.Errorf("beside it the terminal says %+v, %v", st, err)
		}
	}
	close(s.goOn)
	var units []int
	for range 2 {
		x := <-got
		if x.err != nil || len(x.units) != 2 || x.units[1].Unit != x.units[0].Unit+1 {
			t.Fatalf("%+v", x)
		}
		units = append(units, x.units[0].Unit)
	}
	slices.Sort(units)
	if !slices.Equal(units, []int{1, 11}) {
		t.Errorf("the answers are of %v", units)
	}
}

// TestAClientThatGoes gets its context's error, and the site is told that no client waits any longer.
func TestAClientThatGoes(t *testing.T) {
	s := newSlow()
	path, _ := serve(t, s)
	c := api.Dial(path)
	defer c.Close()
	ctx, leave := context.WithCancel(t.Context())
	got := make(chan error, 1)
	go func() { _, err := c.Scan(ctx, 1, 2); got <- err }()
	<-s.began
	leave()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Errorf("it gets %v", err)
	}
	if err := <-s.left; err == nil {
		t.Error("the site goes on")
	}
	if _, err := c.Status(t.Context()); err != nil {
		t.Errorf("the next request: %v", err)
	}
	if _, err := c.Status(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

// TestADaemonThatEnds in the middle of an answer: the site's work ends, the client gets an error and no answer, and so
// does who comes later.
func TestADaemonThatEnds(t *testing.T) {
	s := newSlow()
	path, stop := serve(t, s)
	c := api.Dial(path)
	defer c.Close()
	type scanned struct {
		units []api.Unit
		err   error
	}
	got := make(chan scanned, 1)
	go func() {
		units, err := c.Scan(t.Context(), 1, 2)
		got <- scanned{units, err}
	}()
	<-s.began
	stop()
	if err := <-s.left; err == nil {
		t.Error("the site goes on")
	}
	if x := <-got; x.err == nil || x.units != nil {
		t.Errorf("it gets %+v", x)
	}
	if socket.Answers(path) {
		t.Error("the socket answers")
	}
	for op, ask := range ops(t.Context(), c) {
		if err := ask(); err == nil || !strings.Contains(err.Error(), "cannot reach the daemon") {
			t.Errorf("%s: %v", op, err)
		}
	}
}

// TestAMistakeInTheDaemon at one request is an error of that request, and the next is served.
func TestAMistakeInTheDaemon(t *testing.T) {
	defer log.SetOutput(log.Writer())
	log.SetOutput(io.Discard) // the server tells its stack
	s := newSlow()
	path, _ := serve(t, s)
	c := api.Dial(path)
	defer c.Close()
	s.panics.Store(true)
	if st, err := c.Status(t.Context()); err == nil {
		t.Errorf("it answers %+v", st)
	}
	s.panics.Store(false)
	if st, err := c.Status(t.Context()); err != nil || st.TerminalID == "" {
		t.Errorf("the next gets %+v, %v", st, err)
	}
}

// TestADrainThatIsGivenUp: who no longer waits ends at once, an error of the daemon ends it with that error, and in no
// case is selling resumed behind the back of the person who asked.
func TestADrainThatIsGivenUp(t *testing.T) {
	p := &place{waiting: slices.Repeat([][]string{{"7GK2M4Q"}}, 50)}
	c, _ := served(t, p)
	ctx, leave := context.WithCancel(t.Context())
	told := 0
	err := c.UntilDrained(ctx, time.Hour, func(waiting string) {
		told++
		if waiting != "7GK2M4Q" {
			t.Errorf("it waits for %q", waiting)
		}
		leave()
	})
	if err == nil || told != 1 || !slices.Equal(p.asked, []any{"drain", true}) {
		t.Errorf("told %d times, the site was asked %v, and it ended with %v", told, p.asked, err)
	}
	p.fails = errors.New("the journal cannot be written")
	err = c.UntilDrained(t.Context(), time.Hour, func(string) { told++ })
	if err == nil || err.Error() != p.fails.Error() || told != 1 {
		t.Errorf("it ended with %v", err)
	}
}

// empty is a site at which nothing was found, which Go has as no list at all.
type empty struct{ place }

func (*empty) Scan(context.Context, int, int) ([]api.Unit, error) { return nil, nil }
func (*empty) Examine(context.Context) ([]api.Finding, error)     { return nil, nil }
func (*empty) Underway(context.Context) (api.Drained, error)      { return api.Drained{}, nil }
func (*empty) Pending(context.Context) (_ api.PendingHolds, err error) {
	return api.PendingHolds{}, nil
}

func (*empty) Office(context.Context) (api.Office, error) { return api.Office{}, nil }

// TestAListOfNothing is a list: an answer is an object or a list, for every program that reads it.
func TestAListOfNothing(t *testing.T) {
	path, _ := serve(t, &empty{})
	for _, what := range []string{"/meters/scan?from=100&to=101", "/doctor", "/drain", "/terminal/pending",
		"/backoffice"} {
		status, _, text := says(t, path, http.MethodGet, what)
		if status != http.StatusOK || strings.Contains(text, "null") {
			t.Errorf("%s answers %d, %q", what, status, text)
		}
	}
}

// TestAnErrorIsALine, however many there were.
func TestAnErrorIsALine(t *testing.T) {
	p := &place{fails: errors.Join(errors.New("the journal is locked"), errors.New("the terminal is busy"))}
	_, at := served(t, p)
	for _, what := range []string{"/doctor", "/meters/scan"} {
		_, _, text := says(t, at, http.MethodGet, what)
		if n := strings.Count(strings.TrimSuffix(text, "\n"), "\n"); n != 0 {
			t.Errorf("%s fails with %d lines: %q", what, n+1, text)
		}
	}
}

// TestAnErrorWithoutAWord: the client says at least what status came.
func TestAnErrorWithoutAWord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- socket.Serve(ctx, l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
	}()
	c := api.Dial(path)
	if _, err := c.Examine(t.Context()); err == nil || strings.TrimSpace(err.Error()) == "" {
		t.Errorf("the error is %q", err)
	}
	c.Close()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
