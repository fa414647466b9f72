package simulator_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/simulator"
	"kioskd/terminal/terminaltest"
	"kioskd/terminal/zvt"
)

var quiet = slog.New(slog.DiscardHandler)

// wire connects a driver with a simulated terminal, each call of dial by a new line.
func wire(t *testing.T, scheme string, sim *simulator.Terminal) zvt.Dial {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	return func(context.Context) (zvt.Link, error) {
		ours, theirs := net.Pipe()
		go func() {
			link := zvt.NewLink(scheme, theirs)
			defer link.Close()
			sim.Serve(ctx, link)
		}()
		return zvt.NewLink(scheme, ours), nil
	}
}

func newTerminal(t *testing.T, scheme string, mode zvt.CaptureMode) (*simulator.Terminal, *zvt.Terminal) {
	bank, err := simulator.OpenBank("")
	if err != nil {
		t.Fatal(err)
	}
	sim := simulator.NewTerminal(bank, "EUR", quiet)
	driver := zvt.New(wire(t, scheme, sim), zvt.Config{Password: "123456", Capture: mode, Currency: "EUR",
		CardKeys: func() [][]byte { return [][]byte{[]byte("key of a test")} }}, quiet)
	t.Cleanup(func() { driver.Close() })
	return sim, driver
}

// inBubble runs a test in synthetic time: T4 takes no time at all.
func inBubble(t *testing.T, f func(*testing.T)) { t.Helper(); synctest.Test(t, f) }

func TestContract(t *testing.T) {
	for _, scheme := range []string{"serial", "tcp"} {
		for _, mode := range []zvt.CaptureMode{zvt.CaptureReleased, zvt.CaptureUsed} {
			t.Run(scheme+" "+string(mode), func(t *testing.T) {
				terminaltest.Run(t, inBubble, func(t *testing.T) terminaltest.Site {
					sim, driver := newTerminal(t, scheme, mode)
					sim.Think = 10 * time.Millisecond
					return terminaltest.Site{Terminal: driver, Currency: "EUR",
						Present: func() { sim.Present(simulator.GoodCard()) },
						Other:   func() { sim.Present(simulator.OtherCard()) }}
				})
			})
		}
	}
}

func hold(driver *zvt.Terminal, record func(kiosk.Hold) error) (kiosk.Hold, error) {
	return driver.Hold(context.Background(), kiosk.HoldRequest{Reference: "ABC1234",
		Amount:   kiosk.Money{Minor: 5000, Currency: "EUR"},
		Language: "en", CardWait: 45 * time.Second, OnApproved: record})
}

func TestLostMessagesOfAHold(t *testing.T) {
	for _, scheme := range []string{"serial", "tcp"} {
		for _, c := range []struct {
			fault    simulator.CardFault
			recorded bool
			open     int
			err      error
		}{
			{simulator.LoseResult, false, 0, kiosk.ErrOutcomeUnknown},
			{simulator.LoseCompletion, true, 1, kiosk.ErrOutcomeUnknown},
			{simulator.Hang, false, 1, kiosk.ErrOutcomeUnknown},
			{simulator.RepeatResult, true, 1, nil},
		} {
			t.Run(scheme+" "+string(c.fault), func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					sim, driver := newTerminal(t, scheme, zvt.CaptureReleased)
					sim.Present(simulator.GoodCard())
					sim.Inject(c.fault)
					recorded := 0
					_, err := hold(driver, func(kiosk.Hold) error { recorded++; return nil })
					if !errors.Is(err, c.err) || (recorded == 1) != c.recorded {
						t.Errorf("error %v after %d records", err, recorded)
					}
					open, err := driver.ListHolds(context.Background())
					if err != nil || len(open.IDs) != c.open {
						t.Errorf("open: %v, %v", open, err)
					}
				})
			})
		}
	}
}

func TestDeclines(t *testing.T) {
	for code, want := range map[byte]kiosk.DeclineClass{0x05: kiosk.DeclineIssuer, 0x33: kiosk.DeclinePIN,
		0x6E: kiosk.DeclineCard, 0x64: kiosk.DeclineUnreadable, 0x9B: kiosk.DeclineHost, 0xE2: kiosk.DeclineTerminal} {
		inBubble(t, func(t *testing.T) {
			sim, driver := newTerminal(t, "serial", zvt.CaptureReleased)
			card := simulator.GoodCard()
			card.Decline = code
			sim.Present(card)
			_, err := hold(driver, func(kiosk.Hold) error { t.Error("a decline was recorded as a hold"); return nil })
			var no *kiosk.Declined
			if !errors.As(err, &no) || no.Class != want {
				t.Errorf("code %02X gave %v, want %s", code, err, want)
			}
		})
	}
}

func TestPartialApproval(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		sim, driver := newTerminal(t, "serial", zvt.CaptureReleased)
		card := simulator.GoodCard()
		card.Limit = 2000
		sim.Present(card)
		h, err := hold(driver, func(kiosk.Hold) error { return nil })
		if err != nil || h.Approved.Minor != 2000 || h.Last4 != "8074" || h.CardName != "Mastercard" ||
			h.AID != "A0000000041010" || h.EntryMode != "contactless" {
			t.Errorf("%+v, %v", h, err)
		}
	})
}

// TestCrashBeforeTheAcknowledgement ends the line inside Record, as a killed daemon
// does. The terminal repeats its result, gets nothing, and reverses.
func TestCrashBeforeTheAcknowledgement(t *testing.T) {
	for _, scheme := range []string{"serial", "tcp"} {
		inBubble(t, func(t *testing.T) {
			sim, driver := newTerminal(t, scheme, zvt.CaptureReleased)
			sim.Present(simulator.GoodCard())
			_, err := hold(driver, func(kiosk.Hold) error { driver.Close(); return io.ErrClosedPipe })
			if !errors.Is(err, kiosk.ErrOutcomeUnknown) {
				t.Errorf("%s: %v", scheme, err)
			}
			time.Sleep(30 * time.Second) // synthetic: the terminal's repeats
			open, err := driver.ListHolds(context.Background())
			if err != nil || len(open.IDs) != 0 {
				t.Errorf("%s: open %v, %v", scheme, open, err)
			}
		})
	}
}

func TestTerminalThatNamesOnlyTheFirstHold(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		sim, driver := newTerminal(t, "tcp", zvt.CaptureReleased)
		sim.FirstOnly = true
		for range 2 {
			sim.Present(simulator.GoodCard())
			if _, err := hold(driver, func(kiosk.Hold) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		open, err := driver.ListHolds(context.Background())
		if err != nil || open.Complete || len(open.IDs) != 1 {
			t.Errorf("%+v, %v", open, err)
		}
	})
}

func TestLedgerOutlivesTheBank(t *testing.T) {
	path := t.TempDir() + "/ledger.jsonl"
	bank, err := simulator.OpenBank(path)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := bank.Hold(kiosk.Money{Minor: 5000, Currency: "EUR"}, "8074", "A")
	b, _ := bank.Hold(kiosk.Money{Minor: 4000, Currency: "EUR"}, "8074", "B")
	if _, err := bank.Settle(a, func(int64) int64 { return 903 }); err != nil {
		t.Fatal(err)
	}
	bank.Close()
	bank, err = simulator.OpenBank(path)
	if err != nil {
		t.Fatal(err)
	}
	defer bank.Close()
	if open := bank.OpenHolds(); len(open) != 1 || open[0] != b {
		t.Errorf("open %v, want %d", open, b)
	}
	if total, err := bank.EndOfDay(false); err != nil || total != 903 {
		t.Errorf("day's total %d, %v", total, err)
	}
}

// TestALineThatEndsInOrder: the caller who ends a simulated device is told of no broken line.
func TestALineThatEndsInOrder(t *testing.T) {
	for range 200 {
		l, err := simulator.Listen("pty:" + filepath.Join(t.TempDir(), "line"))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		closed := make(chan struct{})
		context.AfterFunc(ctx, func() { l.Close(); close(closed) })
		ended := make(chan error, 1)
		go func() { ended <- l.Serve(ctx, (&simulator.Bus{}).Serve) }()
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		<-closed
	}
}
