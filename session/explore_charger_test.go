package session

import (
	"errors"
	"testing"
	"time"

	"kioskd"
)

// The world with a charger in place of the contactor: it counts unless there is a meter in front of it, names the
// session whose transaction runs, goes on while the daemon is away or it is cut off, and stops by its fuse before the
// hold is used up.

// box is a charger of the explored world.
type box struct {
	there   bool
	metered bool
	tx      string // the reference of the session whose transaction runs
	number  int
}

// atCharger puts a charger behind the bay.
func (x *explorer) atCharger(metered bool) *explorer {
	c := NewChargerRules(15*time.Minute, 10*time.Second)
	c.Metered = metered
	x.rules.Chargers = map[int]ChargerRules{1: c}
	x.box = box{there: true, metered: metered}
	x.decide = x.rules.Decide
	return x
}

// fused is the most that the charger lets flow of a session by itself: its hold at its price.
const fused kiosk.Energy = worldHold * 1000 / 50

// boxed is what a charger says, in place of inputs of a board.
func (w *world) boxed(s Sample) Sample {
	if w.closed {
		s.Inputs.For = w.box.tx
	} else if !w.box.metered {
		s.Reading, s.Good = nil, nil
	}
	return s
}

func (w *world) transaction(reference string) *kiosk.Transaction {
	return &kiosk.Transaction{ID: w.box.number, Charger: "WB-1", Connector: 1, IDTag: reference,
		MeterStart: int64(w.counted)}
}

// begins lets the charger begin: only what is written down may run.
func (n *node) begins(reference string) error {
	n.w.box.number++
	r := n.w.reading()
	err := n.see(Observation{What: ChargerStarted, Bay: 1, Transaction: n.w.transaction(reference), Reading: r})
	if err != nil {
		n.see(Observation{What: ChargerRefused, Bay: 1, Transaction: n.w.transaction(reference), Err: err})
		return err
	}
	n.w.closed, n.w.box.tx = true, reference
	return nil
}

// ends lets its transaction end, and tells of it.
func (n *node) ends() {
	if !n.w.closed {
		return
	}
	n.w.closed, n.w.stuck = false, false
	t := n.w.transaction(n.w.box.tx)
	n.w.box.tx = ""
	n.see(Observation{What: ChargerEnded, Bay: 1, Ended: &ChargerEndBody{Bay: 1, Transaction: *t,
		Reading: n.w.reading()}})
}

// away lets time pass in which no daemon hears the charger.
func (n *node) away(d time.Duration) {
	n.w.now = n.w.now.Add(d)
	if n.w.plugged && n.w.closed {
		flows := kiosk.Energy(worldPower * int64(d/time.Second) / 3600)
		n.w.counted = min(n.w.counted+flows, max(n.w.counted, n.w.from+fused))
	}
}

// boxMoves are what may come of a command to a charger.
func (n *node) boxMoves(add func(string, bool, func(*node, *Observation))) (out []turn) {
	c := n.bay[0]
	killed := func(name string, do func(*node)) {
		out = append(out, turn{name, true, func(n *node) { n.bay = n.bay[1:]; do(n); n.restart() }})
	}
	switch c.Do {
	case CloseContact:
		add("the charger begins", false, func(n *node, o *Observation) {
			o.What, o.Closed, o.Err = ContactorMoved, true, n.begins(c.Ref)
		})
		add("the charger does not begin", true, func(_ *node, o *Observation) {
			o.What, o.Closed, o.Err = ContactorMoved, true, errBroken
		})
		add("the charger begins, and that it did is not heard", true, func(n *node, o *Observation) {
			o.What, o.Closed, o.Err = ContactorMoved, true, errors.Join(n.begins(c.Ref), errBroken)
		})
		killed("the charger begins, and the daemon is killed", func(n *node) { n.begins(c.Ref) })
		out = append(out, turn{"the daemon is killed, and the charger begins late", true, func(n *node) {
			n.restart()
			n.begins(c.Ref)
			n.look(n.w.sample())
		}})
	case OpenContact:
		add("the charger ends it", false, func(n *node, o *Observation) { n.ends(); o.What = ContactorMoved })
		add("the charger does not end it", true, func(n *node, o *Observation) {
			n.w.stuck, o.What, o.Err = n.w.closed, ContactorMoved, errBroken
		})
		killed("the charger ends it, and the daemon is killed", func(n *node) { n.w.closed, n.w.box.tx = false, "" })
	}
	return out
}

// boxTroubles are what a charger does by itself.
func (n *node) boxTroubles() []turn {
	if !n.w.closed {
		return nil
	}
	return []turn{{"the charger ends by itself", true, func(n *node) { n.ends(); n.look(n.w.sample()) }},
		{"the charger cannot be reached for 16 min", true, func(n *node) {
			n.away(16 * time.Minute)
			sm := n.w.sample()
			sm.InputsLost = 16 * time.Minute
			if !n.w.box.metered {
				sm.Reading, sm.Good, sm.MeterLost = nil, n.live.Good, 16*time.Minute
			}
			n.look(sm)
		}}}
}

// TestEverySequenceAtACharger is TestEverySequence where a charger switches, and counts or has a meter in front of it.
func TestEverySequenceAtACharger(t *testing.T) {
	for name, metered := range map[string]bool{"the charger counts": false, "a meter is in front of it": true} {
		t.Run(name, func(t *testing.T) {
			explore(t, func(visitors, most int) *explorer {
				return newExplorer(visitors, most).atCharger(metered)
			}, 3000, 4000)
		})
	}
}
