package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/api"
	"kioskd/backoffice"
	"kioskd/socket"
)

// place is a site that writes down what it was asked, and answers as it was told.
type place struct {
	asked   []any
	fails   error
	waiting [][]string // what Drain and Underway answer, one after the other
}

func (p *place) ask(words ...any) error {
	p.asked = words
	return p.fails
}

func (p *place) Status(context.Context) (kiosk.TerminalStatus, error) {
	return kiosk.TerminalStatus{TerminalID: "60099914", Code: "00", Text: "ready"}, p.ask("status")
}

func (p *place) Pending(context.Context) (api.PendingHolds, error) {
	return api.PendingHolds{Receipts: []kiosk.ReceiptNo{"231", "A-7"}, Complete: true}, p.ask("pending")
}

func (p *place) Release(_ context.Context, id kiosk.HoldID) (api.Released, error) {
	return api.Released{Receipt: kiosk.ReceiptNo(id)}, p.ask("release", id)
}

func (p *place) EndOfDay(_ context.Context, force bool) (api.DayEnd, error) {
	total := kiosk.Money{Minor: 98, Currency: "EUR"}
	return api.DayEnd{Terminal: &total, Journal: total, Agrees: true}, p.ask("end of day", force)
}

func (p *place) Examine(context.Context) ([]api.Finding, error) {
	return []api.Finding{{Device: "terminal", OK: true}, {Device: "bay 1", Fault: kiosk.FaultMeterUnreachable}},
		p.ask("examine")
}

func (p *place) Scan(_ context.Context, first, last int) ([]api.Unit, error) {
	return []api.Unit{{Unit: 3, Vendor: "ABB", Model: "B23", Serial: "1", Line: "tty"}}, p.ask("scan", first, last)
}

func (p *place) next() (d api.Drained) {
	d.Waiting = p.waiting[0]
	p.waiting = p.waiting[1:]
	return d
}

func (p *place) Underway(context.Context) (api.Drained, error) { return p.next(), p.ask("underway") }

func (p *place) Drain(_ context.Context, on bool) (api.Drained, error) {
	return p.next(), p.ask("drain", on)
}

func (p *place) Stop(_ context.Context, reference, by string) (api.Done, error) {
	return api.Done{Done: true}, p.ask("stop", reference, by)
}

func (p *place) ClearFault(_ context.Context, code kiosk.FaultCode, bay int, by string) (api.Done, error) {
	return api.Done{Done: true}, p.ask("clear", code, bay, by)
}

func (p *place) Refund(_ context.Context, reference, amount, by, why string) (api.Refunded, error) {
	return api.Refunded{Reference: reference, Refunded: kiosk.Money{Minor: 300, Currency: "EUR"}},
		p.ask("refund", reference, amount, by, why)
}

func (p *place) Office(context.Context) (api.Office, error) {
	return api.Office{Configured: true, Status: backoffice.Status{Class: backoffice.Connected}, Backlog: 7,
		Parked: []kiosk.Refusal{{Seq: 5, Why: "odd"}}}, p.ask("office")
}

func (p *place) TellAgain(context.Context) (api.Done, error) {
	return api.Done{Done: true}, p.ask("tell")
}

func (p *place) SendAgain(context.Context) (api.Done, error) {
	return api.Done{Done: true}, p.ask("again")
}

func (p *place) ShutBay(_ context.Context, bay int, shut bool, by string) (api.Done, error) {
	return api.Done{Done: true}, p.ask("shut", bay, shut, by)
}

func (p *place) Inspect(_ context.Context, device, serial, found, by string) (api.Done, error) {
	return api.Done{Done: true}, p.ask("inspect", device, serial, found, by)
}

func (p *place) Tokens(context.Context) ([]api.Token, error) {
	return []api.Token{{Name: "desk", Scopes: []string{"status"}, Used: "2026-03-02"}}, p.ask("tokens")
}

func (p *place) MakeToken(_ context.Context, wish api.Token, by string) (api.NewToken, error) {
	until := ""
	if wish.Until != nil {
		until = wish.Until.Format(time.RFC3339)
	}
	return api.NewToken{Name: wish.Name, Token: "secret"}, p.ask("token", wish.Name,
		strings.Join(wish.Scopes, ","), until, by)
}

func (p *place) EndToken(_ context.Context, name, by string) (api.Done, error) {
	return api.Done{Done: true}, p.ask("end token", name, by)
}

func (p *place) SendNow(context.Context) (api.Done, error) { return api.Done{Done: true}, p.ask("now") }

// served serves a place on a socket of its own until the test ends.
func served(t *testing.T, p *place) (*api.Client, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- api.Serve(ctx, l, p) }()
	c := api.Dial(path)
	t.Cleanup(func() {
		c.Close()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return c, path
}

// TestWhatIsAskedArrives: each request reaches the site with its arguments, odd ones too, and its answer comes back
// whole.
func TestWhatIsAskedArrives(t *testing.T) {
	p := &place{}
	c, path := served(t, p)
	ctx := t.Context()
	if !socket.Answers(path) || socket.Answers(path+"x") {
		t.Error("a daemon is found where there is none, or not where there is one")
	}
	const odd = "Zoë & Co / 3 %"
	until := time.Date(2027, 3, 2, 9, 0, 0, 0, time.UTC)
	wish := api.Token{Name: odd, Scopes: []string{"status", "reports"}, Until: &until}
	for _, x := range []struct {
		ask  func() (any, error)
		want []any
		of   func() (any, error) // the site itself
	}{
		{func() (any, error) { return c.Status(ctx) }, []any{"status"}, func() (any, error) { return p.Status(ctx) }},
		{func() (any, error) { return c.Pending(ctx) }, []any{"pending"},
			func() (any, error) { return p.Pending(ctx) }},
		{func() (any, error) { return c.Release(ctx, "A-7") }, []any{"release", kiosk.HoldID("A-7")},
			func() (any, error) { return p.Release(ctx, "A-7") }},
		{func() (any, error) { return c.EndOfDay(ctx, true) }, []any{"end of day", true},
			func() (any, error) { return p.EndOfDay(ctx, true) }},
		{func() (any, error) { return c.EndOfDay(ctx, false) }, []any{"end of day", false},
			func() (any, error) { return p.EndOfDay(ctx, false) }},
		{func() (any, error) { return c.Examine(ctx) }, []any{"examine"},
			func() (any, error) { return p.Examine(ctx) }},
		{func() (any, error) { return c.Scan(ctx, 1, 32) }, []any{"scan", 1, 32},
			func() (any, error) { return p.Scan(ctx, 1, 32) }},
		{func() (any, error) { return c.Stop(ctx, "7GK2M4Q", odd) }, []any{"stop", "7GK2M4Q", odd},
			func() (any, error) { return p.Stop(ctx, "7GK2M4Q", odd) }},
		{func() (any, error) { return c.ClearFault(ctx, "MT005", 2, odd) },
			[]any{"clear", kiosk.FaultEnergyUnsold, 2, "command"},
			func() (any, error) { return p.ClearFault(ctx, "MT005", 2, "command") }},
		{func() (any, error) { return c.Refund(ctx, "7GK2M4Q", "3.00", odd, odd) },
			[]any{"refund", "7GK2M4Q", "3.00", odd, odd},
			func() (any, error) { return p.Refund(ctx, "7GK2M4Q", "3.00", odd, odd) }},
		{func() (any, error) { return c.Office(ctx) }, []any{"office"}, func() (any, error) { return p.Office(ctx) }},
		{func() (any, error) { return c.SendAgain(ctx) }, []any{"again"},
			func() (any, error) { return p.SendAgain(ctx) }},
		{func() (any, error) { return c.TellAgain(ctx) }, []any{"tell"},
			func() (any, error) { return p.TellAgain(ctx) }},
		{func() (any, error) { return c.ShutBay(ctx, 2, true, odd) }, []any{"shut", 2, true, odd},
			func() (any, error) { return p.ShutBay(ctx, 2, true, odd) }},
		{func() (any, error) { return c.ShutBay(ctx, 2, false, "host") }, []any{"shut", 2, false, "host"},
			func() (any, error) { return p.ShutBay(ctx, 2, false, "host") }},
		{func() (any, error) { return c.Inspect(ctx, "bay 2", odd, odd, odd) }, []any{"inspect", "bay 2", odd, odd,
			odd},
			func() (any, error) { return p.Inspect(ctx, "bay 2", odd, odd, odd) }},
		{func() (any, error) { return c.Tokens(ctx) }, []any{"tokens"},
			func() (any, error) { return p.Tokens(ctx) }},
		{func() (any, error) { return c.MakeToken(ctx, wish, "host") },
			[]any{"token", odd, "status,reports", "2027-03-02T09:00:00Z", "host"},
			func() (any, error) { return p.MakeToken(ctx, wish, "host") }},
		{func() (any, error) { return c.EndToken(ctx, odd, "host") }, []any{"end token", odd, "host"},
			func() (any, error) { return p.EndToken(ctx, odd, "host") }},
		{func() (any, error) { return c.SendNow(ctx) }, []any{"now"}, func() (any, error) { return p.SendNow(ctx) }},
	} {
		got, err := x.ask()
		if err != nil || !slices.Equal(p.asked, x.want) {
			t.Errorf("%v arrived as %v, %v", x.want, p.asked, err)
			continue
		}
		if want, _ := x.of(); !reflect.DeepEqual(got, want) { // which does not fail
			t.Errorf("%v is answered by %+v, and comes back as %+v", x.want, want, got)
		}
	}
}

// TestAnErrorArrives as the site said it; a daemon that is gone is another one.
func TestAnErrorArrives(t *testing.T) {
	p := &place{fails: errors.New("hold 7 belongs to session 7GK2M4Q")}
	c, at := served(t, p)
	if _, err := c.Release(t.Context(), "7"); err == nil || err.Error() != p.fails.Error() {
		t.Error(err)
	}
	for _, path := range []string{"/meters/scan?from=x&to=3", "/fault/MT005/clear?bay=two"} {
		method := http.MethodGet
		if strings.HasPrefix(path, "/fault") {
			method = http.MethodPost
		}
		if status, _, text := says(t, at, method, path); status != http.StatusConflict {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if _, err := api.Dial(at + "x").Status(t.Context()); err == nil ||
		!strings.Contains(err.Error(), "cannot reach the daemon") {
		t.Error(err)
	}
}

// TestNumbersStayNumbers for scripts, where the terminal's names of holds are numbers.
func TestNumbersStayNumbers(t *testing.T) {
	p := &place{}
	holds, _ := p.Pending(t.Context()) // which does not fail
	text, err := json.Marshal(holds)
	if err != nil || string(text) != `{"open_receipts":[231,"A-7"],"complete":true}` {
		t.Errorf("%s, %v", text, err)
	}
	for _, id := range []kiosk.ReceiptNo{"0231", "", "99999999999999999999", "1e3"} {
		text, err := json.Marshal(id)
		var back kiosk.ReceiptNo
		if err != nil || json.Unmarshal(text, &back) != nil || back != id {
			t.Errorf("%q is written as %s and read as %q", id, text, back)
		}
	}
}

// TestADrainWaits for what is open, tells of each change once, and gives up in its time.
func TestADrainWaits(t *testing.T) {
	p := &place{waiting: [][]string{{"A", "B"}, {"A", "B"}, {"B"}, {}}}
	c, _ := served(t, p)
	var told []string
	if err := c.UntilDrained(t.Context(), time.Minute, func(s string) { told = append(told, s) }); err != nil {
		t.Error(err)
	}
	if !slices.Equal(told, []string{"A, B", "B"}) || !slices.Equal(p.asked, []any{"drain", true}) {
		t.Errorf("told %q, asked %v", told, p.asked)
	}
	p.waiting = slices.Repeat([][]string{{"A"}}, 9)
	err := c.UntilDrained(t.Context(), 1500*time.Millisecond, func(string) {})
	if err == nil || !strings.Contains(err.Error(), "A") {
		t.Errorf("it ended with %v", err)
	}
	p.waiting = [][]string{{}}
	if _, err := c.Drain(t.Context(), false); err != nil || !slices.Equal(p.asked, []any{"drain", false}) {
		t.Errorf("%v, %v", p.asked, err)
	}
}

// TestAnyNameOfAHoldArrives: to this package a hold's name is an opaque text. It reaches the site as it is, and never
// becomes another request.
func TestAnyNameOfAHoldArrives(t *testing.T) {
	p := &place{}
	c, _ := served(t, p)
	for _, id := range []kiosk.HoldID{"A/7", "A%2F7", "50%", "a b", "?x=1", "#1", "ÄÖ", "..", ".", "A//7",
		"../end-of-day", "0231/../../end-of-day"} {
		p.asked = nil
		_, err := c.Release(t.Context(), id)
		if len(p.asked) != 2 || p.asked[0] != "release" || p.asked[1] != id {
			t.Errorf("the release of hold %q reached the site as %v: %v", id, p.asked, err)
		}
	}
}
