package session_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/session"
)

// pen is a meter that signs what a post counts. It holds what it signed until it is told that it is kept.
type pen struct {
	post *post
	book *book

	mu      sync.Mutex
	open    string // the session whose transaction is open
	begun   int64
	ready   []string
	forgot  []string // what it was told to forget
	lost    bool     // it forgot a record that is in no journal
	wrong   error    // of the key
	fails   func(what string) error
	spoiled bool  // what it signs proves nothing
	less    int64 // that it signs
	seconds int64 // that it says

	shortest time.Duration // of a transaction
}

func (p *pen) do(what string) error {
	p.mu.Lock()
	fails := p.fails
	p.mu.Unlock()
	if fails == nil {
		return nil
	}
	return fails(what)
}

func (p *pen) set(f func(*pen)) { p.mu.Lock(); defer p.mu.Unlock(); f(p) }

// holds is what the meter has open, and records that it was not told to forget; told is what it was told to forget.
func (p *pen) holds() (open string, ready, told []string, lost bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open, p.ready, p.forgot, p.lost
}

func (p *pen) Shortest() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shortest
}

func (p *pen) Check(context.Context) error {
	if err := p.do("check"); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wrong
}

func (p *pen) Begin(_ context.Context, s kiosk.Signing) ([]string, error) {
	if err := p.do("begin"); err != nil {
		return nil, err
	}
	now := p.post.register()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open != "" || len(p.ready) > 0 {
		return nil, kiosk.ErrSigning
	}
	p.open, p.begun = s.Reference, now
	return nil, nil
}

func (p *pen) End(_ context.Context, s kiosk.Signing) ([]string, error) {
	if err := p.do("end"); err != nil {
		return nil, err
	}
	return p.finish(), nil
}

func (p *pen) finish() []string {
	now := p.post.register()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open != "" {
		p.ready, p.open = []string{fmt.Sprintf("%s %d", p.open, now-p.begun-p.less)}, ""
	}
	return p.ready
}

func (p *pen) Rescue(context.Context, time.Time) ([]string, error) {
	if err := p.do("rescue"); err != nil {
		return nil, err
	}
	return p.finish(), nil
}

func (p *pen) Done(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.ready {
		p.lost = p.lost || !p.book.has(session.MeterEnd, r) && !p.book.has(session.SigningLeft, r)
	}
	p.forgot, p.ready = append(p.forgot, p.ready...), nil
	return nil
}

func (p *pen) Prove(records []string, c kiosk.SignedClaim) kiosk.SignedReading {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := kiosk.SignedReading{Records: records, PublicKey: "key", Page: c.Page + 1, Seconds: p.seconds}
	var of string
	if _, err := fmt.Sscan(records[len(records)-1], &of, &out.Energy); err != nil || of != c.Reference || p.spoiled {
		out.Energy, out.Page, out.Seconds, out.Error = 0, 0, 0, "the signature is not that of this record"
	}
	return out
}

// failing lets the meter fail at what it is asked for.
func (p *pen) failing(f func(what string) error) { p.set(func(p *pen) { p.fails = f }) }

// atSigner tries something at a stand whose first bay's meter signs.
func atSigner(t *testing.T, try func(*testing.T, *stand, *pen), change ...func(*stand)) {
	synctest.Test(t, func(t *testing.T) {
		var p *pen
		s := newStand(t, append([]func(*stand){func(s *stand) {
			p = &pen{post: s.posts[1], book: s.book}
			s.config.Rules.Signs[1], s.config.Bays[0].Signer = true, p
		}}, change...)...)
		try(t, s, p)
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// faulty tells whether the meter is known not to sign.
func faulty(x session.State) bool {
	return x.Faults[session.FaultAt{Code: kiosk.FaultMeterUnsigned, Bay: 1}]
}

// plug connects a vehicle to a bay, and unplug disconnects it.
func (s *stand) plug(bay int) {
	s.posts[bay].set(func(b *post) { b.plugged, b.requesting = true, true })
}

func (s *stand) unplug(bay int) {
	s.posts[bay].set(func(b *post) { b.plugged, b.requesting = false, false })
}

// TestASaleThatAMeterSigns: it is billed by what was signed, which is in the journal before the meter forgets it; the
// next one begins anew.
func TestASaleThatAMeterSigns(t *testing.T) {
	atSigner(t, func(t *testing.T, s *stand, p *pen) {
		s.sells()
		for n := 1; n <= 2; n++ {
			p.set(func(p *pen) { p.less = int64(n) })
			before := s.posts[1].register()
			id := s.charge(1)
			if b, closes := s.book, s.posts[1].isClosed(); !closes || !b.has(session.SigningBegan) {
				t.Fatalf("the contactor is closed: %v, and the journal has %s", closes, b.kinds(id))
			}
			s.unplug(1)
			x := s.closed(id)
			if want := kiosk.Energy(s.posts[1].register() - before - int64(n)); x.Bill.Energy != want || want < 100 {
				t.Errorf("%v are billed, %v were signed", x.Bill.Energy, want)
			}
			if x.Money != session.Captured || s.till.takenOf(x.Reference) != x.Bill.Total.Minor {
				t.Errorf("money is %s, %d was taken", x.Money, s.till.takenOf(x.Reference))
			}
			time.Sleep(time.Minute)
			if _, _, told, lost := p.holds(); len(told) != n || lost {
				t.Errorf("the meter forgot %q; something is lost: %v", told, lost)
			}
		}
	})
}

// TestAMeterThatDoesNotSign sells nothing: a driver gets their hold back at once, the next one is not asked for a card,
// and selling goes on by itself once it signs again.
func TestAMeterThatDoesNotSign(t *testing.T) {
	atSigner(t, func(t *testing.T, s *stand, p *pen) {
		s.sells()
		p.failing(func(what string) error {
			if what == "begin" || what == "rescue" {
				return errors.New("no answer")
			}
			return nil
		})
		id := s.pay(1)
		s.plug(1)
		x := s.closed(id)
		if x.Money != session.Released || x.Reason != session.ReasonMeter || s.posts[1].isClosed() {
			t.Errorf("money %s, reason %s, contactor closed %v", x.Money, x.Reason, s.posts[1].isClosed())
		}
		s.until("the bay is out of order", faulty)
		s.unplug(1)
		if _, err := s.control.Choose(context.Background(), 1); err == nil {
			t.Error("a visitor may choose a bay whose meter does not sign")
		}
		p.set(func(p *pen) { p.fails = nil })
		s.until("the bay sells again", func(x session.State) bool { return !faulty(x) })
		id = s.charge(1)
		s.unplug(1)
		if x := s.closed(id); x.Money != session.Captured {
			t.Errorf("money is %s", x.Money)
		}
	})
}

// TestAnotherKey: a meter that signs with another key than the one on the host's paper never sells.
func TestAnotherKey(t *testing.T) {
	atSigner(t, func(_ *testing.T, s *stand, p *pen) {
		s.until("the bay is out of order", faulty)
		p.set(func(p *pen) { p.wrong = nil })
		s.until("the bay sells", func(x session.State) bool { return !faulty(x) })
	}, func(s *stand) { s.config.Bays[0].Signer.(*pen).wrong = errors.New("another key") })
}

// TestAClockThatIsWrong is never given to a meter that signs.
func TestAClockThatIsWrong(t *testing.T) {
	var right atomic.Bool
	atSigner(t, func(_ *testing.T, s *stand, _ *pen) {
		s.until("the bay is out of order", faulty)
		right.Store(true)
		s.until("the bay sells", func(x session.State) bool { return !faulty(x) })
	}, func(s *stand) { s.config.Clock = session.NewClock(time.Now, right.Load) })
}

// TestAnEndThatIsNotSigned: one that is late is waited for; one that does not come, and one that proves nothing, cost
// nothing. What was signed all the same is kept.
func TestAnEndThatIsNotSigned(t *testing.T) {
	for name, c := range map[string]struct {
		down    time.Duration // of the meter
		spoiled bool
		pays    bool
		left    bool // a record came later
	}{
		"late":       {down: 20 * time.Second, pays: true},
		"never":      {down: time.Hour, left: true},
		"of nothing": {spoiled: true},
	} {
		atSigner(t, func(t *testing.T, s *stand, p *pen) {
			s.sells()
			id := s.charge(1)
			until := time.Now().Add(c.down)
			p.set(func(p *pen) {
				p.spoiled = c.spoiled
				p.fails = func(string) error {
					if time.Now().Before(until) {
						return errors.New("no answer")
					}
					return nil
				}
			})
			s.unplug(1)
			x := s.closed(id)
			if pays := x.Money == session.Captured; pays != c.pays || !pays && s.till.takenOf(x.Reference) != 0 {
				t.Errorf("%s: money is %s, %d was taken", name, x.Money, s.till.takenOf(x.Reference))
			}
			if c.pays == s.book.has(session.Alert, session.NotBilled) {
				t.Errorf("%s: the host is told: %v", name, !c.pays)
			}
			time.Sleep(2 * time.Hour)
			if _, _, told, lost := p.holds(); c.left != s.book.has(session.SigningLeft, x.Reference) || lost ||
				len(told) != 1 {
				t.Errorf("%s: the meter forgot %q, lost %v; the journal has %s", name, told, lost, s.book.kinds(""))
			}
			if _, down := s.control.Snapshot().State.Down(1); down {
				t.Errorf("%s: the bay is still out of order", name)
			}
		})
	}
}

// TestWhatIsOpenInAMeter is ended and kept before a session begins there.
func TestWhatIsOpenInAMeter(t *testing.T) {
	atSigner(t, func(t *testing.T, s *stand, p *pen) {
		s.sells()
		p.set(func(p *pen) { p.open = "stranger" })
		id := s.charge(1)
		s.unplug(1)
		x := s.closed(id)
		if _, _, _, lost := p.holds(); x.Money != session.Captured || lost ||
			!s.book.has(session.SigningLeft, "stranger") {
			t.Errorf("money is %s, the journal has %s", x.Money, s.book.kinds(""))
		}
	})
}

// TestADriverWhoLeavesWhileTheMeterSigns gets their hold back, and nothing stays open.
func TestADriverWhoLeavesWhileTheMeterSigns(t *testing.T) {
	atSigner(t, func(t *testing.T, s *stand, p *pen) {
		s.sells()
		p.failing(func(what string) error {
			if what == "begin" {
				time.Sleep(10 * time.Second)
			}
			return nil
		})
		id := s.pay(1)
		s.plug(1)
		s.until("it starts", func(x session.State) bool { return x.Sessions[id].Power == session.Starting })
		time.Sleep(3 * time.Second)
		s.unplug(1)
		x := s.closed(id)
		time.Sleep(time.Minute)
		if open, ready, _, lost := p.holds(); x.Money != session.Released || open != "" || len(ready) > 0 || lost {
			t.Errorf("money is %s; open in the meter: %q, %q", x.Money, open, ready)
		}
		if !s.book.has(session.SigningLeft, x.Reference) || strings.Contains(s.book.kinds(id), "contactor_close") {
			t.Errorf("the journal has %s", s.book.kinds(""))
		}
	})
}

// TestAMeterThatNeverProves gives a vehicle its energy for nothing once, and once more after a minute: from then on
// once an hour at most.
func TestAMeterThatNeverProves(t *testing.T) {
	atSigner(t, func(t *testing.T, s *stand, p *pen) {
		s.sells()
		p.set(func(p *pen) { p.spoiled = true })
		begun := time.Now()
		for range 4 {
			for faulty(s.control.Snapshot().State) { // for longer than until waits
				time.Sleep(time.Minute)
			}
			id := s.charge(1)
			s.unplug(1)
			if x := s.closed(id); x.Money != session.Released || s.till.takenOf(x.Reference) != 0 {
				t.Errorf("money is %s, %d was taken", x.Money, s.till.takenOf(x.Reference))
			}
			s.until("the bay is out of order", faulty)
		}
		if passed := time.Since(begun); passed < 2*time.Hour {
			t.Errorf("four vehicles were given energy in %v", passed)
		}
	})
}

// TestATransactionThatIsTooShort for its meter is waited for: the driver pays, and is not asked for more.
func TestATransactionThatIsTooShort(t *testing.T) {
	atSigner(t, func(t *testing.T, s *stand, p *pen) {
		s.sells()
		p.set(func(p *pen) { p.shortest = 2 * time.Minute })
		id := s.pay(1)
		s.plug(1)
		s.until("it charges", func(x session.State) bool { return x.Sessions[id].Power == session.Charging })
		begun := time.Now()
		p.failing(func(what string) error {
			if what == "end" && time.Since(begun) < 2*time.Minute {
				return errors.New("too early")
			}
			return nil
		})
		time.Sleep(20 * time.Second)
		s.unplug(1)
		if x := s.closed(id); x.Money != session.Captured || x.Bill.Energy < 50 {
			t.Errorf("money is %s, %v are billed", x.Money, x.Bill.Energy)
		}
	})
}

// TestAMeterThatTakesItsTime to begin loses no sale, and no time is billed for it.
func TestAMeterThatTakesItsTime(t *testing.T) {
	atSigner(t, func(t *testing.T, s *stand, p *pen) {
		s.sells()
		p.failing(func(what string) error {
			if what == "begin" {
				time.Sleep(45 * time.Second)
			}
			return nil
		})
		plugged := time.Now()
		id := s.charge(1)
		s.unplug(1)
		if x := s.closed(id); x.Money != session.Captured || x.Bill.Start.Sub(plugged) < 45*time.Second {
			t.Errorf("money is %s, time runs from %v after the plug", x.Money, x.Bill.Start.Sub(plugged))
		}
	})
}

// TestAMeterThatNeverBegins, and tells its key all the while, is tried by few drivers.
func TestAMeterThatNeverBegins(t *testing.T) {
	atSigner(t, func(t *testing.T, s *stand, p *pen) {
		s.sells()
		p.failing(func(what string) error {
			if what == "begin" {
				return errors.New("cannot set time")
			}
			return nil
		})
		begun, drivers := time.Now(), 0
		for time.Since(begun) < 4*time.Hour {
			if faulty(s.control.Snapshot().State) {
				time.Sleep(time.Minute)
				continue
			}
			drivers++
			s.till.set(func(d *till) { d.card = fmt.Sprint("card ", drivers) })
			id := s.pay(1)
			s.plug(1)
			if x := s.closed(id); x.Money != session.Released {
				t.Errorf("money is %s", x.Money)
			}
			s.until("the bay is out of order", faulty)
			s.unplug(1)
		}
		if drivers < 3 || drivers > 10 {
			t.Errorf("%d drivers tried in four hours", drivers)
		}
	})
}

// TestATransactionThatItsMeterEnded by itself: no time is billed that it did not sign.
func TestATransactionThatItsMeterEnded(t *testing.T) {
	atSigner(t, func(t *testing.T, s *stand, p *pen) {
		s.sells()
		id := s.charge(1) // three minutes
		p.set(func(p *pen) { p.less, p.seconds = 500, 60 })
		time.Sleep(10 * time.Minute)
		s.unplug(1)
		x := s.closed(id)
		if long := x.Bill.End.Sub(x.Bill.Start); x.Money != session.Captured || long > 5*time.Minute {
			t.Errorf("money is %s, %v are billed", x.Money, long)
		}
		priced := kiosk.Energy(0)
		for _, period := range x.Bill.Usage.Periods {
			priced += period.Energy
		}
		if priced != x.Bill.Energy {
			t.Errorf("%v are billed, %v priced", x.Bill.Energy, priced)
		}
	})
}
