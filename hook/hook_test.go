package hook_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"kioskd"
	"kioskd/hook"
	"kioskd/session"
	"kioskd/session/sessiontest"
)

// journal is one in memory, whose records have no other place.
type journal struct {
	mu      sync.Mutex
	records []kiosk.Record
}

func (j *journal) Epoch(context.Context) (string, error) { return "e1", nil }

func (j *journal) Seq(context.Context) (int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return int64(len(j.records)), nil
}

func (j *journal) where(ok func(kiosk.Record) bool) iter.Seq2[kiosk.Record, error] {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := slices.Clone(j.records)
	return func(yield func(kiosk.Record, error) bool) {
		for _, r := range all {
			if ok(r) && !yield(r, nil) {
				return
			}
		}
	}
}

func (j *journal) OfKinds(_ context.Context, after int64, kinds ...string) iter.Seq2[kiosk.Record, error] {
	return j.where(func(r kiosk.Record) bool { return r.Seq > after && slices.Contains(kinds, r.Kind) })
}

func (j *journal) Session(_ context.Context, id string) iter.Seq2[kiosk.Record, error] {
	return j.where(func(r kiosk.Record) bool { return r.Session == id })
}

func (j *journal) fault(bay int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.records = append(j.records, kiosk.Record{Kind: string(session.FaultRaised), Seq: int64(len(j.records) + 1),
		Wall: time.Now(), Body: fmt.Appendf(nil, `{"at":"2026-03-02T09:00:00Z","fault":"MT001","bay":%d}`, bay)})
}

// told is a target that notes what it takes.
type told struct {
	mu    sync.Mutex
	taken []hook.Event
	why   error
	asked int
}

func (d *told) Send(_ context.Context, events []hook.Event) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	if d.why == nil {
		d.taken = append(d.taken, events...)
	}
	return d.why
}

func (d *told) fail(why error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.why = why
}

func (d *told) types() (out []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.taken {
		out = append(out, e.Type)
	}
	return out
}

func teller(t *testing.T, j *journal, path string, targets ...hook.Target) *hook.Teller {
	t.Helper()
	x := &hook.Teller{Kiosk: "K1", Zone: time.UTC, Journal: j, Now: time.Now, Trusted: func() bool { return true },
		Log:  slog.New(slog.NewTextHandler(t.Output(), nil)),
		Path: path, Targets: targets, Daily: func(_ context.Context, day string) (hook.Daily, error) {
			return hook.Daily{Day: day}, nil
		}}
	if err := x.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return x
}

// during lets a teller run for a while.
func during(t *testing.T, x *hook.Teller, d time.Duration, also ...func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { x.Run(ctx); close(ended) }()
	for _, f := range also {
		f()
	}
	time.Sleep(d)
	stop()
	<-ended
}

// TestAReceiverThatIsDownForADay gets each event once and in order when it is back, also when kioskd was restarted
// meanwhile; another one is told at once all the time.
func TestAReceiverThatIsDownForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, path := &journal{}, filepath.Join(t.TempDir(), "told")
		j.fault(9) // of before there was a web hook
		down, good := &told{why: errors.New("connection refused")}, &told{}
		faults := []string{kiosk.ToldRaised}
		targets := []hook.Target{{Name: "down", Types: faults, Send: down.Send, Most: 1},
			{Name: "good", Types: faults, Send: good.Send, Most: 1}}
		x := teller(t, j, path, targets...)
		for hour := range 24 {
			during(t, x, time.Hour, func() { j.fault(hour + 1) })
			if n := len(good.taken); n != hour+1 {
				t.Fatalf("after %d hours the good one was told %d events", hour+1, n)
			}
			if hour == 12 {
				x = teller(t, j, path, targets...)
			}
		}
		if n := down.asked; n < 24 || n > 40 {
			t.Errorf("it was tried %d times in a day", n)
		}
		if s := x.States()[0]; s.Since == nil || s.Why != "connection refused" || s.Next == nil || s.Parked {
			t.Errorf("%+v", s)
		}
		down.fail(nil)
		during(t, x, 2*time.Hour)
		for i, e := range down.taken {
			if d := e.Data.(hook.Fault); d.Bay != i+1 || e.ID != fmt.Sprintf("evt_e1_%d", i+2) {
				t.Errorf("event %d is of bay %d, %s", i, d.Bay, e.ID)
			}
		}
		if len(down.taken) != 24 {
			t.Errorf("it was told %d events", len(down.taken))
		}
	})
}

// TestAReceiverThatNeverComesBack is parked after seven days, and told all when a person lets it go on.
func TestAReceiverThatNeverComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, to := &journal{}, &told{why: errors.New("no route to host")}
		path := filepath.Join(t.TempDir(), "told")
		x := teller(t, j, path, hook.Target{Name: "a", Types: []string{kiosk.ToldRaised}, Send: to.Send, Most: 1})
		j.fault(1)
		during(t, x, 8*24*time.Hour)
		asked := to.asked
		if !x.States()[0].Parked {
			t.Fatalf("%+v", x.States()[0])
		}
		to.fail(nil)
		j.fault(2)
		during(t, x, 24*time.Hour)
		if to.asked != asked {
			t.Errorf("a parked one was asked %d times more", to.asked-asked)
		}
		if err := x.Test(t.Context(), "a"); err != nil || !slices.Equal(to.types(), []string{kiosk.ToldTest}) {
			t.Errorf("%v %v", err, to.types())
		}
		if err := x.Resume("a"); err != nil {
			t.Error(err)
		}
		during(t, x, time.Minute)
		if got := to.types(); len(got) != 3 {
			t.Errorf("it was told %v", got)
		}
		if err := x.Resume("b"); err == nil {
			t.Error("one that there is not goes on")
		}
		to.fail(hook.ErrGone)
		j.fault(3)
		during(t, x, time.Minute)
		if !x.States()[0].Parked {
			t.Error("one that wants no more is asked again")
		}
	})
}

// TestDaysThatAreOver are told after midnight, each once, before what happened after them.
func TestDaysThatAreOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, to := &journal{}, &told{}
		time.Sleep(time.Hour)
		x := teller(t, j, filepath.Join(t.TempDir(), "told"), hook.Target{Name: "a", Send: to.Send, Most: 10,
			Types: []string{kiosk.ToldDaily, kiosk.ToldRaised}, Pause: 5 * time.Minute})
		during(t, x, 71*time.Hour)
		j.fault(1)
		during(t, x, 2*time.Hour)
		var days []string
		for _, e := range to.taken {
			if d, ok := e.Data.(hook.Daily); ok {
				days = append(days, d.Day)
			}
		}
		if want := []string{"2000-01-01", "2000-01-02", "2000-01-03"}; !slices.Equal(days, want) || len(to.taken) != 4 {
			t.Errorf("it was told of %v, %v", days, to.types())
		}
	})
}

// TestASessionIsTold when it begins, ends and is settled, as it was then.
func TestASessionIsTold(t *testing.T) {
	s := sessiontest.New(t)
	s.Charged()
	s.Booked(98)
	synctest.Test(t, func(t *testing.T) {
		j, to := &journal{}, &told{}
		x := teller(t, j, filepath.Join(t.TempDir(), "told"), hook.Target{Name: "a", Send: to.Send, Most: 1,
			Types: []string{kiosk.ToldStarted, kiosk.ToldEnded, kiosk.ToldSettled}})
		j.records = slices.Clone(s.Records)
		during(t, x, time.Minute)
		if got := to.types(); !slices.Equal(got, []string{kiosk.ToldStarted, kiosk.ToldEnded, kiosk.ToldSettled}) {
			t.Fatalf("%v", got)
		}
		text, err := json.Marshal(to.taken[2])
		if err != nil || !strings.Contains(string(text), `"paid":{"amount":"0.98","currency":"EUR"}`) {
			t.Errorf("%s %v", text, err)
		}
		if text, _ := json.Marshal(to.taken[0]); strings.Contains(string(text), `"paid"`) {
			t.Errorf("the beginning knows the end: %s", text)
		}
	})
}

// TestASignature is verified by the library of Standard Webhooks, with each of two secrets.
func TestASignature(t *testing.T) {
	secrets := []string{"whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("a", 24))),
		"whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("b", 32)))}
	got := make(chan error, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		for _, s := range secrets {
			judge, failed := standardwebhooks.NewWebhook(s)
			if failed != nil {
				err = errors.Join(err, failed)
				continue
			}
			err = errors.Join(err, judge.Verify(body, r.Header))
			err = errors.Join(err, map[bool]error{true: errors.New("a changed event is verified")}[judge.Verify(
				append(slices.Clone(body), ' '), r.Header) == nil])
		}
		got <- err
	}))
	t.Cleanup(server.Close)
	keys := func() ([][]byte, error) { return hook.ParseSecrets(strings.Join(secrets, "\n")) }
	events := []hook.Event{{ID: "evt_1", Type: kiosk.ToldTest, At: time.Now(), Kiosk: "K1"}}
	if err := hook.NewWeb(server.URL, true, keys, time.Now).Send(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
	err := hook.NewWeb(server.URL, false, keys, time.Now).Send(t.Context(), events)
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1 is no public address") {
		t.Errorf("an address of this computer: %v", err)
	}
}

// TestAnswers: what is no 2xx was not taken, and no redirection is followed.
func TestAnswers(t *testing.T) {
	for status, taken := range map[int]bool{200: true, 204: true, 301: false, 307: false, 400: false, 410: false,
		429: false, 500: false} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				t.Errorf("it went to %s", r.URL)
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		}))
		keys := func() ([][]byte, error) { return [][]byte{[]byte(strings.Repeat("a", 24))}, nil }
		err := hook.NewWeb(server.URL+"/", true, keys, time.Now).Send(t.Context(), []hook.Event{{ID: "evt_1"}})
		if (err == nil) != taken || errors.Is(err, hook.ErrGone) != (status == 410) {
			t.Errorf("%d: %v", status, err)
		}
		server.Close()
	}
}

func TestSecrets(t *testing.T) {
	good := "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("a", 24)))
	for text, ok := range map[string]bool{good: true, good + "\n" + good + "\n": true, "": false, good[6:]: false,
		"whsec_YQ==": false, good + "\n" + good + "\n" + good: false, "whsec_!": false} {
		if _, err := hook.ParseSecrets(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestPlacesThatAreLost: they begin anew, and say so; none of another journal is believed.
func TestPlacesThatAreLost(t *testing.T) {
	j, path := &journal{}, filepath.Join(t.TempDir(), "told")
	j.fault(1)
	for _, text := range []string{"", "{", `{"a":{"record":99,"day":"2026-01-01"}}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		x := teller(t, j, path, hook.Target{Name: "a", Most: 1})
		if s := x.States()[0]; s.Seq != 1 {
			t.Errorf("%q: %+v", text, s)
		}
	}
}

// TestAClockThatWasWrong keeps no day back, and a day that cannot be read keeps no fault back.
func TestAClockThatWasWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, to := &journal{}, &told{}
		time.Sleep(time.Hour)
		x := teller(t, j, filepath.Join(t.TempDir(), "told"), hook.Target{Name: "a", Send: to.Send, Most: 1,
			Types: []string{kiosk.ToldDaily, kiosk.ToldRaised}})
		trusted, ahead := false, 1000*24*time.Hour
		x.Trusted, x.Now = func() bool { return trusted }, func() time.Time { return time.Now().Add(ahead) }
		during(t, x, 50*time.Hour)
		if got := to.types(); len(got) > 0 {
			t.Errorf("by a clock that may be wrong it was told %v", got)
		}
		trusted = true
		during(t, x, time.Minute) // it is wrong, and believed
		ahead, to.taken = 0, nil
		broken := errors.New("the reports are damaged")
		during(t, x, 24*time.Hour)
		if got := to.types(); !slices.Equal(got, []string{kiosk.ToldDaily}) {
			t.Errorf("when the clock is right it was told %v", got)
		}
		x.Daily = func(context.Context, string) (hook.Daily, error) { return hook.Daily{}, broken }
		during(t, x, 24*time.Hour, func() { j.fault(1) })
		if got := to.types(); !slices.Equal(got, []string{kiosk.ToldDaily, kiosk.ToldRaised}) {
			t.Errorf("without its reports it was told %v", got)
		}
	})
}

// TestAClockThatIsSet between two tries neither parks a target nor makes it wait: an hour later it is told.
func TestAClockThatIsSet(t *testing.T) {
	for _, off := range []time.Duration{-30 * 24 * time.Hour, 300 * 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(365 * 24 * time.Hour)
			j, to := &journal{}, &told{why: errors.New("network is unreachable")}
			x := teller(t, j, filepath.Join(t.TempDir(), "told"), hook.Target{Name: "a", Send: to.Send, Most: 1,
				Types: []string{kiosk.ToldRaised}})
			var skew atomic.Int64
			skew.Store(int64(off))
			x.Now = func() time.Time { return time.Now().Add(time.Duration(skew.Load())) }
			j.fault(1)
			during(t, x, 10*time.Minute, func() {
				time.Sleep(30 * time.Second) // one try failed
				skew.Store(0)
				time.Sleep(2 * time.Minute)
				to.fail(nil)
			})
			during(t, x, time.Hour)
			if s := x.States()[0]; len(to.taken) != 1 || s.Parked {
				t.Errorf("the clock was %v off: %d events were taken: %+v", off, len(to.taken), s)
			}
		})
	}
}

// TestATypeThatIsAdded is told from then on, and not of what happened while it was not wanted.
func TestATypeThatIsAdded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, path, to := &journal{}, filepath.Join(t.TempDir(), "told"), &told{}
		with := func(types ...string) *hook.Teller {
			return teller(t, j, path, hook.Target{Name: "a", Send: to.Send, Most: 1, Types: types})
		}
		during(t, with(kiosk.ToldTariff), 2*time.Hour, func() {
			for range 5 {
				j.fault(1)
			}
		})
		during(t, with(kiosk.ToldTariff, kiosk.ToldRaised), time.Hour)
		if len(to.taken) > 0 {
			t.Errorf("it is told %d events of before", len(to.taken))
		}
		during(t, with(kiosk.ToldTariff, kiosk.ToldRaised), time.Hour, func() { j.fault(2) })
		if len(to.taken) != 1 {
			t.Errorf("it is told %d events of after", len(to.taken))
		}
	})
}

// TestAnAnswerThatBreaksOff is an answer: its status says that the event was taken.
func TestAnAnswerThatBreaksOff(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.Write([]byte("ok")) // the test sees what comes of it
	}))
	defer server.Close()
	keys := func() ([][]byte, error) { return [][]byte{[]byte(strings.Repeat("a", 24))}, nil }
	if err := hook.NewWeb(server.URL, true, keys, time.Now).Send(t.Context(), []hook.Event{{ID: "evt_1"}}); err != nil {
		t.Error(err)
	}
}
