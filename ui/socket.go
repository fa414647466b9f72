package ui

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"kioskd/socket"
)

// Server serves views on a Unix socket.
type Server struct {
	Presenter *Presenter
	Changed   func() (<-chan struct{}, func()) // of the controller's snapshot
	Pictures  map[string][]byte                // the host's, by their names in views
	screens   atomic.Int32

	mu      sync.Mutex
	touched map[chan struct{}]bool // one for each screen
}

// Screens is how many screens are connected.
func (s *Server) Screens() int { return int(s.screens.Load()) }

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /view", s.view)
	mux.HandleFunc("POST /input", s.input)
	mux.HandleFunc("GET /picture/{name}", s.picture)
	go s.tick(ctx)
	return socket.Serve(ctx, l, mux)
}

// tick lets the visitor's time pass, whether screens look or not, until ctx ends.
func (s *Server) tick(ctx context.Context) {
	changed, cancel := s.Changed()
	defer cancel()
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		s.Presenter.Tick()
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-every.C:
		}
	}
}

func (s *Server) view(w http.ResponseWriter, r *http.Request) {
	s.screens.Add(1)
	defer s.screens.Add(-1)
	changed, cancel := s.Changed()
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	touched := make(chan struct{}, 1) // an input may change the view without an event
	s.watch(touched, true)
	defer s.watch(touched, false)
	flush := http.NewResponseController(w)
	var last []byte
	for {
		line, err := json.Marshal(s.Presenter.View())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		if !bytes.Equal(line, last) {
			last = line
			if _, err := w.Write(append(line, '\n')); err != nil || flush.Flush() != nil {
				return
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		case <-tick.C:
		case <-touched:
		}
	}
}

func (s *Server) input(w http.ResponseWriter, r *http.Request) {
	var in Input
	if err := json.NewDecoder(io.LimitReader(r.Body, 4096)).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := s.Presenter.Input(r.Context(), in); err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	s.mu.Lock()
	for ch := range s.touched {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// picture serves one of the host's pictures.
func (s *Server) picture(w http.ResponseWriter, r *http.Request) {
	data, ok := s.Pictures[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", http.DetectContentType(data))
	w.Write(data) // a screen that has gone asks again
}

func (s *Server) watch(ch chan struct{}, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.touched == nil {
		s.touched = map[chan struct{}]bool{}
	}
	if on {
		s.touched[ch] = true
	} else {
		delete(s.touched, ch)
	}
}

// Client is the screen's end.
type Client struct{ http *http.Client }

// Dial makes a client of a socket; it connects with each call.
func Dial(path string) *Client { return &Client{socket.Client(path)} }

// Views calls show with each view until the connection or ctx ends.
func (c *Client) Views(ctx context.Context, show func(View)) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://kioskd/view", nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("cannot reach the daemon: %w", err)
	}
	defer resp.Body.Close()
	in := bufio.NewScanner(resp.Body)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var v View
		if err := json.Unmarshal(in.Bytes(), &v); err != nil {
			return fmt.Errorf("cannot read view: %w", err)
		}
		show(v)
	}
	if err := in.Err(); err != nil {
		return err
	}
	return io.EOF
}

// mostPicture is the largest picture that is fetched.
const mostPicture = 2 << 20

// Picture fetches one of the host's pictures by its name in a view.
func (c *Client) Picture(ctx context.Context, name string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://kioskd/picture/"+name, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("cannot reach the daemon: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the daemon has no picture %s: %s", name, resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, mostPicture))
}

// Send posts an input. An input for an older view is refused.
func (c *Client) Send(ctx context.Context, in Input) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://kioskd/input", bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("cannot reach the daemon: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1024))
		return fmt.Errorf("daemon refused the touch: %s", bytes.TrimSpace(text))
	}
	return nil
}
