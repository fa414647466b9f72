// Package terminaltest is the contract of kiosk.CardTerminal as a test suite. It runs
// against the driver with a simulated terminal behind it, and against a real terminal
// with a test card in an acceptance run.
package terminaltest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"kioskd"
)

// Site is a terminal under test.
type Site struct {
	Terminal kiosk.CardTerminal
	Currency kiosk.Currency
	Present  func() // presents a good card
	Other    func() // presents another good card
}

// Run runs the suite. open gives a fresh site without open holds to each test; in runs
// each test, perhaps in a bubble of synthetic time.
func Run(t *testing.T, in func(*testing.T, func(*testing.T)), open func(*testing.T) Site) {
	for name, test := range map[string]func(*testing.T, Site){
		"a capture takes what was used":         captureUsed,
		"a capture of all takes all":            captureAll,
		"a release takes nothing":               release,
		"a hold that is not recorded is undone": notRecorded,
		"no card, no hold":                      noCard,
		"cancelled by the driver":               cancelled,
		"several holds are open at once":        several,
		"a card is recognised":                  recognised,
		"the day ends":                          dayEnds,
	} {
		t.Run(name, func(t *testing.T) { in(t, func(t *testing.T) { test(t, open(t)) }) })
	}
}

func (s Site) money(minor int64) kiosk.Money { return kiosk.Money{Minor: minor, Currency: s.Currency} }

func (s Site) hold(t *testing.T, minor int64) kiosk.Hold {
	t.Helper()
	s.Present()
	recorded := kiosk.HoldID("")
	h, err := s.Terminal.Hold(context.Background(), kiosk.HoldRequest{
		Reference: "TEST123", Amount: s.money(minor), Language: "en", CardWait: 30 * time.Second,
		OnApproved: func(h kiosk.Hold) error { recorded = h.ID; return nil },
		Progress:   func(kiosk.Progress) {},
	})
	if err != nil {
		t.Fatalf("hold: %v", err)
	}
	if recorded != h.ID || h.ID == "" {
		t.Fatalf("hold has receipt %s, recorded was %s", h.ID, recorded)
	}
	if h.Approved.Minor <= 0 || h.Approved.Minor > minor || h.Approved.Currency != s.Currency {
		t.Fatalf("approved %v of %d", h.Approved, minor)
	}
	return h
}

func (s Site) open(t *testing.T) []kiosk.HoldID {
	t.Helper()
	open, err := s.Terminal.ListHolds(context.Background())
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return open.IDs
}

func capture(t *testing.T, s Site, held, used int64) {
	h := s.hold(t, held)
	if !slices.Contains(s.open(t), h.ID) {
		t.Fatalf("hold %s is not on the list", h.ID)
	}
	recorded := kiosk.CaptureResult{}
	b, err := s.Terminal.Capture(context.Background(), kiosk.CaptureRequest{Reference: "TEST123", Hold: h,
		Used:     s.money(used),
		OnBooked: func(b kiosk.CaptureResult) error { recorded = b; return nil }})
	if err != nil || b.Booked.Minor != used || recorded != b {
		t.Fatalf("capture of %d booked %v (recorded %v): %v", used, b.Booked, recorded.Booked, err)
	}
	if open := s.open(t); slices.Contains(open, h.ID) {
		t.Fatalf("hold %s is still open: %v", h.ID, open)
	}
	last, err := s.Terminal.Last(context.Background())
	if err != nil || last.Booked.Minor != used {
		t.Fatalf("last result is %v: %v", last, err)
	}
	if _, err := s.Terminal.Capture(context.Background(),
		kiosk.CaptureRequest{Hold: h, Used: s.money(used)}); err == nil {
		t.Fatal("the same hold was captured twice")
	}
}

func captureUsed(t *testing.T, s Site) { capture(t, s, 2500, 1010) }
func captureAll(t *testing.T, s Site)  { capture(t, s, 1010, 1010) }

func release(t *testing.T, s Site) {
	h := s.hold(t, 2500)
	b, err := s.Terminal.Release(context.Background(), kiosk.ReleaseRequest{Reference: "TEST123",
		ID: h.ID, Amount: h.Approved,
		OnBooked: func(kiosk.CaptureResult) error { return nil }})
	if err != nil || b.Booked.Minor != 0 {
		t.Fatalf("release booked %v: %v", b.Booked, err)
	}
	if open := s.open(t); len(open) > 0 {
		t.Fatalf("still open: %v", open)
	}
}

func notRecorded(t *testing.T, s Site) {
	s.Present()
	_, err := s.Terminal.Hold(context.Background(), kiosk.HoldRequest{Amount: s.money(2500), Language: "en",
		CardWait:   30 * time.Second,
		OnApproved: func(kiosk.Hold) error { return errors.New("disk is full") }})
	var no *kiosk.Declined
	if !errors.As(err, &no) || no.Class != kiosk.DeclineNotWritten {
		t.Fatalf("hold gave %v", err)
	}
	if open := s.open(t); len(open) > 0 {
		t.Fatalf("money is held that the kiosk does not know of: %v", open)
	}
}

func refused(t *testing.T, s Site, ctx context.Context) {
	_, err := s.Terminal.Hold(ctx, kiosk.HoldRequest{Amount: s.money(2500), Language: "en", CardWait: 2 * time.Second,
		OnApproved: func(kiosk.Hold) error { t.Error("a hold without a card"); return nil }})
	var no *kiosk.Declined
	if !errors.As(err, &no) || no.Class != kiosk.DeclineNoCard {
		t.Fatalf("hold gave %v", err)
	}
	if open := s.open(t); len(open) > 0 {
		t.Fatalf("open: %v", open)
	}
}

func noCard(t *testing.T, s Site) { refused(t, s, context.Background()) }

func cancelled(t *testing.T, s Site) {
	if err := ready(s); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	refused(t, s, ctx)
}

func ready(s Site) error { _, err := s.Terminal.ListHolds(context.Background()); return err }

func several(t *testing.T, s Site) {
	a, b := s.hold(t, 2500), s.hold(t, 3000)
	open := s.open(t)
	if !slices.Contains(open, a.ID) || !slices.Contains(open, b.ID) {
		t.Fatalf("open: %v, want %s and %s", open, a.ID, b.ID)
	}
	if _, err := s.Terminal.Capture(context.Background(), kiosk.CaptureRequest{Hold: a, Used: s.money(1)}); err != nil {
		t.Fatal(err)
	}
	if open := s.open(t); !slices.Equal(open, []kiosk.HoldID{b.ID}) {
		t.Fatalf("open: %v, want %s", open, b.ID)
	}
}

// recognised: a token names a card, another one another card, and reading reserves
// nothing.
func recognised(t *testing.T, s Site) {
	h := s.hold(t, 2500)
	read := func(present func()) string {
		present()
		token, err := s.Terminal.ReadCard(context.Background(), 10*time.Second)
		if err != nil {
			t.Fatalf("read card: %v", err)
		}
		return token
	}
	if h.Card == "" {
		t.Skip("skipped: this terminal does not name its cards")
	}
	if got := read(s.Present); got != h.Card {
		t.Errorf("the same card is %q, was %q", got, h.Card)
	}
	if got := read(s.Other); got == h.Card {
		t.Error("another card has the same token")
	}
	if open := s.open(t); !slices.Equal(open, []kiosk.HoldID{h.ID}) {
		t.Errorf("open: %v, want %s", open, h.ID)
	}
	var no *kiosk.Declined
	if _, err := s.Terminal.ReadCard(context.Background(), 2*time.Second); !errors.As(err, &no) ||
		no.Class != kiosk.DeclineNoCard {
		t.Errorf("without a card: %v", err)
	}
}

func dayEnds(t *testing.T, s Site) {
	capture(t, s, 2500, 1010)
	total, err := s.Terminal.EndOfDay(context.Background())
	if err != nil || total.Minor != 1010 || total.Currency != s.Currency {
		t.Fatalf("the day's total is %v: %v", total, err)
	}
	total, err = s.Terminal.EndOfDay(context.Background())
	if err != nil || total.Minor != 0 {
		t.Fatalf("the next day's total is %v: %v", total, err)
	}
}
