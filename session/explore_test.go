package session

import (
	"cmp"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var exploreFor = flag.Duration("explore", 0, "how long TestEverySequence explores; a small part without it")

var (
	exploreMost     = flag.Int("misfortunes", 4, "how many misfortunes a sequence has at most, with -explore")
	exploreSteps    = flag.Int("steps", 4, "how many of 35 s, 200 s, 65 min and 26 h may pass, with -explore")
	exploreVisitors = flag.Int("visitors", 1, "how many visitors come, with -explore")
)

// explorer visits every state that can be reached, those with the fewest misfortunes first, then those
// with the fewest moves.
type explorer struct {
	rules    Rules
	steps    []time.Duration // that time may make
	sessions int             // visitors that come one after the other
	most     int             // misfortunes
	only     []string        // those that there are; all where it is empty

	box box // a charger behind the bay

	decide func(State, Observation) ([]Event, error)
	step   func(State, Event) (State, []Command, error)

	seen          map[key]int  // with how few misfortunes
	good          map[key]bool // from here all ends well
	level         []*node      // to be visited with as many misfortunes as now
	next          []*node      // with one more
	states, moves int
	depth         int // the longest sequence
	why           string
	log           func(string, ...any)
	where         *path
}

func newExplorer(sessions, misfortunes int) *explorer {
	x := &explorer{rules: worldRules(), sessions: sessions, most: misfortunes, step: Step, seen: map[key]int{},
		good: map[key]bool{}}
	x.steps = []time.Duration{35 * time.Second, 200 * time.Second, 65 * time.Minute, 26 * time.Hour}
	x.decide = x.rules.Decide
	return x
}

func (x *explorer) violated(n *node, format string, args ...any) {
	if x.why == "" {
		x.why, x.where = fmt.Sprintf(format, args...), n.path
	}
}

// copy is a node that can be changed.
func (n *node) copy() *node {
	m := *n
	return &m
}

// after is what a move leads to.
func (n *node) after(m turn) *node {
	out := n.copy()
	out.path, out.depth = &path{m.name, n.path}, n.depth+1
	if m.miss && n.again != m.name { // what answers wrongly once may do so for ever
		out.misses++
	}
	m.do(out)
	if m.miss && out.spent > n.spent {
		out.again = m.name
	}
	return out
}

// run explores until all is seen, a promise is broken, or done says so.
func (x *explorer) run(done func() bool) {
	first := &node{x: x, w: world{now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), counted: 1000, box: x.box}}
	first.s = State{}.clone()
	first.restart()
	first.list(nil, true, true)
	first.path = nil
	x.level = []*node{first}
	x.seen[first.key()] = 0
	for misses := 0; misses <= x.most && x.why == ""; misses++ {
		for len(x.level) > 0 && x.why == "" && !done() {
			n := x.level[0]
			x.level = x.level[1:]
			x.visit(n)
			if x.states%100_000 == 0 && x.log != nil {
				x.log("%d misfortunes: %s", misses, x.progress())
			}
		}
		x.level, x.next = x.next, nil
		slices.SortStableFunc(x.level, func(a, b *node) int { return cmp.Compare(a.depth, b.depth) })
	}
}

func (x *explorer) visit(n *node) {
	x.states++
	x.depth = max(x.depth, n.depth)
	if why := n.settles(); why != "" {
		x.violated(n, "from here nothing ends: %s", why)
		return
	}
	for _, m := range n.moves() {
		if m.miss && (n.misses == x.most && n.again != m.name || len(x.only) > 0 && !slices.Contains(x.only, m.name)) {
			continue
		}
		x.moves++
		next := n.after(m)
		if x.why != "" {
			x.where = next.path
			return
		}
		k := next.key()
		if misses, seen := x.seen[k]; seen && misses <= next.misses {
			continue
		}
		x.seen[k] = next.misses
		if next.misses > n.misses {
			x.next = append(x.next, next)
		} else {
			x.level = append(x.level, next)
		}
	}
}

func (x *explorer) String() string {
	return fmt.Sprintf("%d states, %d moves, sequences of up to %d moves, up to %d misfortunes, %d visitors",
		x.states, x.moves, x.depth, x.most, x.sessions)
}

// TestEverySequence visits every state that a visitor, devices, a bank, kills and time can bring about, and
// keeps every promise in each. Without -explore it is a small part: what one visitor meets with at most one
// misfortune, up to a number of states.
func TestEverySequence(t *testing.T) { explore(t, newExplorer, 4000, 4000) }

// explore runs an explorer: until it has seen most states or, with -explore, for that long. It fails where a promise
// breaks, and where it sees fewer states than least.
func explore(t *testing.T, explorerOf func(visitors, most int) *explorer, least, most int) {
	t.Helper()
	x := explorerOf(1, 1)
	x.steps = x.steps[:2] // what is put off for hours is not here
	done := func() bool { return x.states >= most }
	if *exploreFor > 0 {
		x = explorerOf(*exploreVisitors, *exploreMost)
		x.steps, x.log = x.steps[:*exploreSteps], t.Logf
		end := time.Now().Add(*exploreFor)
		done = func() bool { return time.Now().After(end) }
	}
	x.run(done)
	t.Log(x)
	if x.why != "" {
		t.Errorf("%s, after\n%s", x.why, x.where)
	}
	if x.states < least {
		t.Errorf("only %v were reached", x)
	}
}

func (x *explorer) progress() string {
	return fmt.Sprintf("%s; %d waiting, %d with one more", x, len(x.level), len(x.next))
}

// breach is a machine that breaks a promise on purpose.
type breach struct {
	events func(State, []Event) []Event // of what is decided
	step   func(State, []Command) (State, []Command)
	only   []string // misfortunes that are needed
	want   string
}

func breaches() map[string]breach {
	drop := func(kinds ...Kind) func(State, []Event) []Event {
		return func(_ State, all []Event) []Event {
			return slices.DeleteFunc(all, func(e Event) bool { return slices.Contains(kinds, e.Kind) })
		}
	}
	bill := func(f func(*Bill)) func(*Event) {
		return func(e *Event) {
			b := e.Body.(BillBody)
			f(&b.Bill)
			e.Body = b
		}
	}
	change := func(k Kind, f func(*Event)) func(State, []Event) []Event {
		return func(_ State, all []Event) []Event {
			for i := range all {
				if all[i].Kind == k {
					f(&all[i])
				}
			}
			return all
		}
	}
	captured := func(e Event) []Event {
		x := Session{ID: e.Session}
		return []Event{x.says(CaptureDone, e.At, SettledBody{}), x.event(ReceiptFinal, e.At), x.event(Closed, e.At)}
	}
	return map[string]breach{
		"takes without the last register": {events: drop(MeterEnd), want: "has no last register"},
		"takes more than was held": {events: change(CaptureIntent, func(e *Event) {
			b := e.Body.(SettleBody)
			b.Amount.Minor += worldHold
			e.Body = b
		}), want: "is taken of a hold of"},
		"bills for nothing":      {events: change(Billed, bill(func(b *Bill) { b.Energy = 0 })), want: "for nothing"},
		"bills more than flowed": {events: change(Billed, bill(func(b *Bill) { b.Energy *= 2 })), want: "flowed"},
		"holds more than the driver agreed to": {events: change(HoldIntent, func(e *Event) {
			b := e.Body.(AskBody)
			b.Amount.Minor++
			e.Body = b
		}), want: "without consent"},
		"takes an unknown hold for a no, and asks again": {events: func(_ State, all []Event) []Event {
			for i, e := range all {
				if e.Kind == HoldUnknown {
					x, b := Session{ID: e.Session}, DeclineBody{AnswerBody: AnswerBody{Class: "unreadable"}}
					again := x.says(HoldIntent, e.At, AskBody{worldOffer().Hold, 2})
					return append(all[:i:i], x.says(HoldDeclined, e.At, b), again)
				}
			}
			return all
		}, want: "although the bank has hold"},
		"takes an unknown hold for a yes": {events: func(s State, all []Event) []Event {
			for i, e := range all {
				if e.Kind == HoldUnknown && s.Sessions[e.Session].Money == HoldRecorded {
					all[i].Kind, all[i].Body = HoldConfirmed, nil
				}
			}
			return all
		}, only: []string{"the bank approves, the completion is lost, and the hold is reversed"},
			want: "the bank has no hold"},
		"gives back what was billed": {events: change(CaptureIntent, func(e *Event) { e.Kind = ReleaseIntent }),
			want: "was given back"},
		"takes a lost answer for a yes": {events: func(_ State, all []Event) []Event {
			for i, e := range all {
				if e.Kind == CaptureUnknown && e.Failure() != "" {
					return append(all[:i:i], captured(e)...)
				}
			}
			return all
		}, want: "the receipt says"},
		"believes one list": {events: func(s State, all []Event) []Event {
			for i, e := range all {
				if e.Kind == HoldMissing && s.Sessions[e.Session].settlement() == capturing {
					return append(all[:i:i], captured(e)...)
				}
			}
			return all
		}, only: []string{"the terminal does not answer, and did nothing", "the terminal lists nothing"},
			want: "the receipt says"},
		"asks at once again": {events: func(s State, all []Event) []Event {
			for i, e := range all {
				if e.Kind == CaptureWaiting && s.Sessions[e.Session].Money == CaptureAsked {
					all[i].Kind, all[i].Body = CaptureUnknown, UnknownBody{Due: &all[i].At}
				}
			}
			return all
		}, only: []string{"the terminal refuses: host"}, want: "while no time passed"},
		"gives up at the first no": {events: func(_ State, all []Event) []Event {
			for i, e := range all {
				if e.Kind == CaptureWaiting && e.Failure() != "" {
					x, b := Session{ID: e.Session}, e.Body.(WaitingBody).AnswerBody
					refused := x.says(Refused, e.At, b)
					return append(all[:i:i], refused, x.event(ReceiptFinal, e.At), x.event(Closed, e.At))
				}
			}
			return all
		}, only: []string{"the terminal refuses: host"}, want: "is given up"},
		"leaves the contactor closed": {step: func(s State, cmds []Command) (State, []Command) {
			return s, slices.DeleteFunc(cmds, func(c Command) bool { return c.Do == OpenContact })
		}, want: "nothing ends"},
		"knows what it did not write down": {step: func(s State, cmds []Command) (State, []Command) {
			for id, x := range s.Sessions {
				x.Cancel = x.Cancel || x.Money == HoldAsked
				s.Sessions[id] = x
			}
			return s, cmds
		}, want: "a restart forgets"},
	}
}

// TestEveryPromiseIsWatched: a machine that breaks a promise is found out, by the simplest sequence.
func TestEveryPromiseIsWatched(t *testing.T) {
	for name, c := range breaches() {
		x := newExplorer(1, 2)
		x.steps, x.only = x.steps[:1], c.only
		if c.events != nil {
			x.decide = func(s State, o Observation) ([]Event, error) {
				all, err := x.rules.Decide(s, o)
				return c.events(s, all), err
			}
		}
		if c.step != nil {
			x.step = func(s State, e Event) (State, []Command, error) {
				next, cmds, err := Step(s, e)
				if err != nil {
					return next, cmds, err
				}
				next, cmds = c.step(next, cmds)
				return next, cmds, nil
			}
		}
		x.run(func() bool { return x.states > 20_000 })
		if !strings.Contains(x.why, c.want) {
			t.Errorf("a machine that %s: %q, after %v", name, x.why, x)
			continue
		}
		t.Logf("a machine that %s: %s (%d states), after\n%s", name, x.why, x.states, x.where)
	}
}
