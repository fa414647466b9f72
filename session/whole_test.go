package session_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kioskd/simulator"
	"kioskd/ui"
)

// visit is one visitor at a whole site, and how it must end where nothing else happens.
type visit struct {
	name    string
	price   string
	visitor func() *visitor
	before  func(*site)
	screen  string // of the end: screen and message
	money   string // what the bank saw after the hold; empty for no hold
}

func card(change ...func(*simulator.Card)) *simulator.Card {
	c := simulator.GoodCard()
	for _, f := range change {
		f(&c)
	}
	return &c
}

func car() *simulator.Car { c := simulator.GoodCar(); return &c }

func goodVisitor() *visitor { return &visitor{bay: 1, card: card(), car: car(), stop: 2000} }

func fault(f simulator.CardFault) func(*site) { return func(s *site) { s.sim.Inject(f) } }

// visits are the ends that a visit can have.
func visits() []visit {
	return []visit{
		{"stopped on the screen", price, goodVisitor, nil, "final stopped", "capture"},
		{"unplugged", price, func() *visitor { p := goodVisitor(); p.unplug = 300; return p }, nil, "final unplugged",
			"capture"},
		{"unplugged while no daemon looks", price, func() *visitor {
			p := goodVisitor()
			p.away, p.unplug = true, 3000
			return p
		}, nil, "final unplugged", "capture"},
		{"hold used up", strings.ReplaceAll(price, "0.49", "49"),
			func() *visitor { p := goodVisitor(); p.stop = 0; return p }, nil, "final limit", "capture"},
		{"declined", price, func() *visitor {
			p := goodVisitor()
			p.card = card(func(c *simulator.Card) { c.Decline = 0x05 })
			return p
		}, nil, "declined issuer", ""},
		{"needs a PIN", price, func() *visitor {
			p := goodVisitor()
			p.card = card(func(c *simulator.Card) { c.Decline = 0x33 })
			return p
		}, nil, "declined pin", ""},
		{"no card", price, func() *visitor { p := goodVisitor(); p.card = nil; return p }, nil, "declined no_card", ""},
		{"no vehicle", price, func() *visitor { p := goodVisitor(); p.car = nil; return p }, nil, "final no_plug",
			"release"},
		{"cancelled before the card", price, func() *visitor {
			p := goodVisitor()
			p.card, p.cancel = nil, ui.Tap
			return p
		}, nil, "declined no_card", ""},
		{"cancelled after the card", price, func() *visitor { p := goodVisitor(); p.cancel = ui.PlugIn; return p }, nil,
			"final cancelled", "release"},
		{"no energy", price, func() *visitor { p := goodVisitor(); p.car.Need = 0; return p }, nil, "final no_energy",
			"release"},
		{"approved for less", price, func() *visitor {
			p := goodVisitor()
			p.card = card(func(c *simulator.Card) { c.Limit = 2000 })
			return p
		}, nil, "final stopped", "capture"},
		{"result of the hold lost", price, goodVisitor, fault(simulator.LoseResult), "declined nothing_held", ""},
		{"completion of the hold lost", price, goodVisitor, fault(simulator.LoseCompletion), "final stopped",
			"capture"},
		{"terminal hangs with the hold", price, goodVisitor, fault(simulator.Hang), "final orphan", "release"},
		{"a terminal that names one hold only", price, goodVisitor,
			func(s *site) { s.sim.FirstOnly = true; s.sim.Inject(""); s.sim.Inject(simulator.Hang) }, "final stopped",
			"capture"},
		{"result of the hold twice", price, goodVisitor, fault(simulator.RepeatResult), "final stopped", "capture"},
		{"bank unreachable", price, goodVisitor, fault(simulator.HostDown), "declined host", ""},
		{"bank unreachable at the capture", price, goodVisitor, second(simulator.HostDown), "final stopped", "capture"},
		{"result of the capture lost", price, goodVisitor, second(simulator.LoseResult), "final stopped", "capture"},
		{"completion of the capture lost", price, goodVisitor, second(simulator.LoseCompletion), "final stopped",
			"capture"},
		{"terminal hangs with the capture", price, goodVisitor, second(simulator.Hang), "final stopped", "capture"},
	}
}

// second lets the hold go well and the settlement not.
func second(f simulator.CardFault) func(*site) {
	return func(s *site) { s.sim.Inject(""); s.sim.Inject(f) }
}

// whole plays one visit and compares journal, bank and meters.
func whole(t *testing.T, v visit, down time.Duration, disturb func(*site)) (writes int, frames [2]int) {
	simulate(t, func(t *testing.T) {
		s := newSite(t, v.price)
		s.ready()
		first := s.journal.count()
		s.cable.mu.Lock()
		s.cable.armed = true
		s.cable.mu.Unlock()
		if v.before != nil {
			v.before(s)
		}
		if disturb != nil {
			disturb(s)
		}
		p := v.visitor()
		s.play(p, v.price, down)
		s.settle(v.price, down)
		s.audit()
		if disturb == nil {
			v.check(t, s, p)
		}
		writes, frames = s.journal.count()-first, s.cable.frames()
	})
	return writes, frames
}

func (v visit) check(t *testing.T, s *site, p *visitor) {
	if !slices.Contains(p.saw, v.screen) {
		t.Errorf("the driver did not see %q, but: %q", v.screen, p.saw)
	}
	end := ""
	for _, l := range s.bank.Lines() {
		if l.Kind != "hold" {
			end = l.Kind
		}
	}
	if want := v.money; end != want && !(want == "" && end == "release" && v.before != nil) {
		t.Errorf("the bank saw %q, want %q", end, want)
	}
	if v.money == "capture" && p.paid.Minor <= 0 || v.money != "capture" && p.paid.Minor != 0 {
		t.Errorf("the screen says %v was paid", p.paid)
	}
}

// TestWholeVisits plays each end of a visit with everything real but the wires.
func TestWholeVisits(t *testing.T) {
	for _, v := range visits() {
		t.Run(v.name, func(t *testing.T) { whole(t, v, 0, nil) })
	}
}

// TestKilledAtEveryWrite ends the process right before and right after each write of
// the journal, in each of the visits, and starts it again at once or after the board
// has let go of its contactors.
func TestKilledAtEveryWrite(t *testing.T) {
	for _, v := range visits() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			writes, _ := whole(t, v, 0, nil)
			for n := 1; n <= writes; n++ {
				for _, after := range []bool{false, true} {
					for _, down := range []time.Duration{time.Second, 15 * time.Second} {
						t.Run(fmt.Sprintf("write %d after %v down %v", n, after, down), func(t *testing.T) {
							whole(t, v, down, func(s *site) {
								s.journal.mu.Lock()
								defer s.journal.mu.Unlock()
								s.journal.kill, s.journal.after = s.journal.writes+n, after
							})
						})
					}
				}
			}
		})
	}
}

// TestAskedToEndAtEveryWrite ends the process in order at each write of the journal.
func TestAskedToEndAtEveryWrite(t *testing.T) {
	for _, v := range visits() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			writes, _ := whole(t, v, 0, nil)
			for n := 1; n <= writes; n++ {
				t.Run(fmt.Sprintf("write %d", n), func(t *testing.T) {
					whole(t, v, time.Second, func(s *site) {
						s.journal.mu.Lock()
						defer s.journal.mu.Unlock()
						s.journal.stop = s.journal.writes + n
					})
				})
			}
		})
	}
}

// TestEveryFrameSpoiled spoils the terminal's line at each frame of a visit, in either
// direction.
func TestEveryFrameSpoiled(t *testing.T) {
	v := visits()[0]
	_, frames := whole(t, v, 0, nil)
	for _, c := range []struct {
		name  string
		times func(since int) int // how often a frame arrives, by its distance from the first that is spoiled
	}{
		{"lost", func(since int) int { return min(since, 1) }},
		{"lost with the next", func(since int) int { return min(since/2, 1) }},
		{"lost with all for a while", func(since int) int { return min(since/8, 1) }},
		{"twice", func(since int) int { return 1 + max(0, 1-since) }},
	} {
		for direction, name := range []string{"to the terminal", "to the till"} {
			for n := 1; n <= frames[direction]; n++ {
				t.Run(fmt.Sprintf("%s, frame %d %s", c.name, n, name), func(t *testing.T) {
					t.Parallel()
					whole(t, v, 0, func(s *site) {
						s.cable.mu.Lock()
						defer s.cable.mu.Unlock()
						s.cable.spoil = func(d, i int) int {
							if d != direction || i < n {
								return 1
							}
							return c.times(i - n)
						}
					})
				})
			}
		}
	}
}

// TestJournalFailsOnce lets each write of a visit fail once, as a full disk does that
// a person makes room on.
func TestJournalFailsOnce(t *testing.T) {
	v := visits()[0]
	writes, _ := whole(t, v, 0, nil)
	for n := 1; n <= writes; n++ {
		t.Run(fmt.Sprintf("write %d", n), func(t *testing.T) {
			t.Parallel()
			whole(t, v, 0, func(s *site) {
				s.journal.mu.Lock()
				defer s.journal.mu.Unlock()
				s.journal.fail[s.journal.writes+n] = true
			})
		})
	}
}

// TestADriverThatDoesNotComeBack is no life: the service manager starts the daemon again.
func TestADriverThatDoesNotComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, price)
		alive := func() bool {
			before := s.turns.Load()
			time.Sleep(10 * time.Second)
			return s.turns.Load() > before
		}
		hang := make(chan struct{})
		s.hang.Store(&hang)
		time.Sleep(4 * time.Minute)
		if !alive() {
			t.Error("no sign of life while a device may only be slow")
		}
		time.Sleep(2 * time.Minute)
		if alive() {
			t.Error("signs of life although a device is stuck")
		}
		s.hang.Store(nil)
		close(hang)
		if !alive() {
			t.Error("no sign of life after the device came back")
		}
	})
}
