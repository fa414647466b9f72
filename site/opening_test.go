package site

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kioskd/api"
	"kioskd/config"
	"kioskd/socket"
	"kioskd/store"
)

// relays is an I/O board on Modbus TCP, by the protocol's specification. It keeps what its coils were told.
type relays struct {
	address string

	mu    sync.Mutex
	coils map[uint16]bool
	told  []uint16 // coils, in the order in which they were told to open
}

func newRelays(t *testing.T) *relays {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relays{address: "tcp://" + l.Addr().String(), coils: map[uint16]bool{0: true, 1: true}}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go r.serve(c)
		}
	}()
	return r
}

func (r *relays) serve(c net.Conn) {
	defer c.Close()
	for {
		head := make([]byte, 7)
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		pdu := make([]byte, binary.BigEndian.Uint16(head[4:])-1)
		if _, err := io.ReadFull(c, pdu); err != nil {
			return
		}
		answer := r.answer(pdu)
		binary.BigEndian.PutUint16(head[4:], uint16(len(answer)+1))
		if _, err := c.Write(append(head, answer...)); err != nil {
			return
		}
	}
}

func (r *relays) answer(pdu []byte) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, value := binary.BigEndian.Uint16(pdu[1:]), binary.BigEndian.Uint16(pdu[3:])
	switch pdu[0] {
	case 1, 2: // read coils, read discrete inputs
		return append([]byte{pdu[0], byte((value + 7) / 8)}, make([]byte, (value+7)/8)...)
	case 5: // write a coil
		r.coils[at] = value == 0xFF00
		if value == 0 {
			r.told = append(r.told, at)
		}
		return pdu
	}
	return []byte{pdu[0] | 0x80, 2}
}

// opened are the coils that were told to open, each once, in order of their numbers.
func (r *relays) opened() []uint16 {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := slices.Clone(r.told)
	slices.Sort(out)
	return slices.Compact(out)
}

// wired is a site whose contactors are on a board that answers.
func wired(t *testing.T, r *relays) *config.Config {
	t.Helper()
	c := plainConfig(t, "")
	for i := range c.Bays {
		c.Bays[i].Board = r.address
	}
	return c
}

func quiet() Options { return Options{Log: QuietLog(), Lines: &keptLines{}, Version: "0.1.0"} }

// free tells whether a site can be had: no process has its journal, no socket is left.
func free(t *testing.T, c *config.Config) {
	t.Helper()
	lock, err := store.Lock(c.Journal)
	if err != nil {
		t.Errorf("the journal is not given up: %v", err)
	} else {
		lock.Close()
	}
	for _, path := range []string{c.Socket, c.Control()} {
		if info, err := os.Stat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
			t.Errorf("a socket is left at %s", path)
		}
	}
}

// TestOnlyOneProcessHasASite: a second daemon is refused in plain words and switches nothing; the first one's sockets
// are for those who may use them, and go with it. What it gave up can be had again.
func TestOnlyOneProcessHasASite(t *testing.T) {
	r := newRelays(t)
	c := wired(t, r)
	for range 2 {
		first, err := Open(t.Context(), c, quiet())
		if err != nil {
			t.Fatal(err)
		}
		for path, mode := range map[string]os.FileMode{c.Socket: 0o660, c.Control(): 0o600} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
				t.Errorf("%s: %v, %v, want %v", path, info, err, mode)
			}
		}
		before := r.opened()
		second, err := Open(t.Context(), c, quiet())
		if second != nil || !errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), "another kioskd") {
			t.Errorf("a second one gets %v, %v", second, err)
		}
		if after := r.opened(); len(after) != len(before) {
			t.Errorf("a second one opens the contactors %v of the first", after)
		}
		if !socket.Answers(c.Control()) || !socket.Answers(c.Socket) {
			t.Error("a second one takes the sockets of the first")
		}
		if err := first.Close(); err != nil {
			t.Error(err)
		}
		free(t, c)
	}
}

// obstacle keeps a site from opening.
type obstacle struct {
	breaks func(*config.Config) error
	says   []string
	path   func(*config.Config) string // of what is in the way
}

// alter changes a journal behind the daemon's back.
func alter(c *config.Config, statement string) error {
	j, err := store.Open(context.Background(), c.Journal, systemClock(c))
	if err != nil {
		return err
	}
	if err := j.Close(); err != nil {
		return err
	}
	db, err := sql.Open("sqlite3", c.Journal)
	if err != nil {
		return err
	}
	_, err = db.Exec(statement)
	return errors.Join(err, db.Close())
}

// TestWhatKeepsASiteFromOpening is said, with the part that failed. What was opened before is given up, every
// contactor is opened, and once the cause is gone the site opens.
func TestWhatKeepsASiteFromOpening(t *testing.T) {
	write := func(path, text string) error { return os.WriteFile(path, []byte(text), 0o600) }
	journal := func(c *config.Config) string { return c.Journal }
	cards := func(c *config.Config) string { return filepath.Join(filepath.Dir(c.Journal), "card.key") }
	for name, x := range map[string]obstacle{
		"a journal of another program": {func(c *config.Config) error { return alter(c, "pragma application_id = 1") },
			[]string{"not a journal of kioskd"}, journal},
		"a journal of a newer kioskd": {func(c *config.Config) error {
			return alter(c, "pragma user_version = 99; update meta set value = '99' where key = 'oldest'")
		}, []string{"newer kioskd", "install the newer kioskd"}, journal},
		"a journal that is no database": {func(c *config.Config) error {
			return write(c.Journal, strings.Repeat("no database ", 1000))
		}, []string{"journal.db", "not a database"}, journal},
		"a record of no known kind": {func(c *config.Config) error {
			return alter(c, "insert into record values (1,'','fault_raised','{','2026-03-02T12:00:00Z',0,1)")
		}, nil, journal},
		"a key that is a folder": {func(c *config.Config) error { return os.MkdirAll(cards(c), 0o700) },
			[]string{"keys of the cards"}, cards},
		"a file in the place of the screen's socket": {func(c *config.Config) error { return write(c.Socket, "notes") },
			[]string{"ui.sock", "not a socket"}, func(c *config.Config) string { return c.Socket }},
		"a file in the place of the commands' socket": {func(c *config.Config) error {
			return write(c.Control(), "notes")
		}, []string{"control.sock", "not a socket"}, func(c *config.Config) string { return c.Control() }},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRelays(t)
			c := wired(t, r)
			if err := x.breaks(c); err != nil {
				t.Fatal(err)
			}
			s, err := Open(t.Context(), c, quiet())
			if err == nil {
				t.Fatal(errors.Join(errors.New("it opens"), s.Close()))
			}
			for _, want := range x.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("it says %q, not %q", err, want)
				}
			}
			if got := r.opened(); !slices.Equal(got, []uint16{0, 1}) {
				t.Errorf("of the contactors 0 and 1 these are opened: %v", got)
			}
			free(t, c)
			if err := os.RemoveAll(x.path(c)); err != nil {
				t.Fatal(err)
			}
			s, err = Open(t.Context(), c, quiet())
			if err != nil {
				t.Fatalf("once the cause is gone: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestASiteThatRuns answers commands of several people at once, and ends in order when it is told to, or when a person
// switches it off: with every contactor open, and nothing left of it.
func TestASiteThatRuns(t *testing.T) {
	for name, end := range map[string]func(*Site, context.CancelFunc){
		"it is told to end":        func(_ *Site, stop context.CancelFunc) { stop() },
		"a person switches it off": func(s *Site, _ context.CancelFunc) { s.quit() },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRelays(t)
			c := wired(t, r)
			s, err := Open(t.Context(), c, quiet())
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			ended := make(chan error, 1)
			go func() { ended <- s.Run(ctx) }()
			var g sync.WaitGroup
			for range 4 {
				g.Go(func() {
					client := api.Dial(c.Control())
					defer client.Close()
					for range 5 {
						if d, err := client.Underway(t.Context()); err != nil || len(d.Waiting) != 0 {
							t.Errorf("%+v, %v", d, err)
						}
						if _, err := client.Stop(t.Context(), "7GK2M4Q", "ops"); err == nil ||
							!strings.Contains(err.Error(), "7GK2M4Q") {
							t.Errorf("a session that is not there is stopped: %v", err)
						}
						if o, err := client.Office(t.Context()); err != nil || o.Configured {
							t.Errorf("%+v, %v", o, err)
						}
						if _, err := client.SendNow(t.Context()); err == nil {
							t.Error("it sends to no back office")
						}
					}
				})
			}
			g.Wait()
			end(s, stop)
			if err := <-ended; err != nil {
				t.Errorf("it ends with %v", err)
			}
			if got := r.opened(); !slices.Equal(got, []uint16{0, 1}) {
				t.Errorf("of the contactors 0 and 1 these are opened: %v", got)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			free(t, c)
			verified(t, c)
		})
	}
}

// verified proves the journal of a site.
func verified(t *testing.T, c *config.Config) {
	t.Helper()
	j, err := store.OpenReader(t.Context(), c.Journal)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if head, err := j.Verify(t.Context(), func(int64) {}); err != nil || head.Records == 0 {
		t.Errorf("its journal is %+v, %v", head, err)
	}
}

// TestASecondDaemonWaitsNoLongerThanItMay: a context that ends ends the waiting, and the error is still that another
// process has the site.
func TestASecondDaemonWaitsNoLongerThanItMay(t *testing.T) {
	r := newRelays(t)
	c := wired(t, r)
	lock, err := store.Lock(c.Journal)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	if s, err := Open(ctx, c, quiet()); s != nil || !errors.Is(err, store.ErrInUse) {
		t.Errorf("%v, %v", s, err)
	}
	if got := r.opened(); len(got) > 0 {
		t.Errorf("it opens the contactors %v of the process that has the site", got)
	}
}

// TestABayWhoseDevicesCannotBeOpened keeps the site from opening: then every contactor is opened, that of the bay
// before it, too.
func TestABayWhoseDevicesCannotBeOpened(t *testing.T) {
	r := newRelays(t)
	c := wired(t, r)
	c.Bays[1].Board = ""
	c.Bays[1].GPIO = map[string]string{"contactor": "NONE1", "plugged": "NONE2", "feedback": "NONE3"}
	s, err := Open(t.Context(), c, quiet())
	if err == nil {
		t.Fatal(errors.Join(errors.New("it opens"), s.Close()))
	}
	if errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), "bay 2") {
		t.Errorf("it says %v", err)
	}
	if got := r.opened(); !slices.Equal(got, []uint16{0}) {
		t.Errorf("the contactor of bay 1 is not opened: coils that were are %v", got)
	}
	free(t, c)
}

// TestDevicesThatAnotherProcessHas cannot be opened, and what that process switches is its own.
func TestDevicesThatAnotherProcessHas(t *testing.T) {
	r := newRelays(t)
	c := wired(t, r)
	c.Bays[1].Board = ""
	c.Bays[1].GPIO = map[string]string{"contactor": "NONE1", "plugged": "NONE2", "feedback": "NONE3"}
	lock, err := store.Lock(c.Journal)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if s, err := Open(t.Context(), c, quiet()); s != nil || !errors.Is(err, store.ErrInUse) {
		t.Errorf("it gets %v, %v", s, err)
	}
	if got := r.opened(); len(got) > 0 {
		t.Errorf("it opens the contactors %v", got)
	}
}
