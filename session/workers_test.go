package session

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"kioskd"
)

// TestOpenOvertakesClose: a contactor must not close after it was told to open.
func TestOpenOvertakesClose(t *testing.T) {
	w := newBayWorker(nil, Bay{Number: 3})
	w.command(Command{Do: CloseContact, Bay: 3})
	w.command(Command{Do: OpenContact, Bay: 3})
	w.command(Command{Do: ReadFinal, Bay: 3})
	var got []Do
	for _, q := range []*queue{&w.contacts.q, &w.readings.q} {
		for {
			c, ok := q.pop(func(Command) int { return 0 })
			if !ok {
				break
			}
			got = append(got, c.Do)
		}
	}
	if len(got) != 2 || got[0] != OpenContact || got[1] != ReadFinal {
		t.Errorf("left in the queue: %v", got)
	}
}

func TestTerminalQueueOrder(t *testing.T) {
	q := newQueue()
	for _, c := range []Command{{Do: CaptureHold}, {Do: AskHold}, {Do: CaptureHold, First: true},
		{Do: ReleaseHold, First: true}, {Do: AskTerminal}} {
		q.push(c)
	}
	want := []Command{{Do: AskTerminal}, {Do: ReleaseHold, First: true}, {Do: CaptureHold, First: true}, {Do: AskHold},
		{Do: CaptureHold}}
	for i, w := range want {
		if got, _ := q.pop(rank); got.Do != w.Do || got.First != w.First {
			t.Errorf("place %d is %s, want %s", i, got.Do, w.Do)
		}
	}
}

// switchboard is a bay whose inputs are silent for some of the looks while its contactor is closed.
type switchboard struct {
	closed  bool
	looks   int // while closed
	silent  func(look int) bool
	plugged bool // from the look on at which it is silent no longer
}

func (s *switchboard) Close(context.Context) error { s.closed = true; return nil }
func (s *switchboard) Open() error                 { s.closed = false; return nil }

func (s *switchboard) Inputs(context.Context) (kiosk.BayInputs, error) {
	if !s.closed {
		return kiosk.BayInputs{}, nil
	}
	s.looks++
	if s.silent(s.looks) {
		return kiosk.BayInputs{}, fmt.Errorf("%w: unit 1 did not answer", kiosk.ErrUnreachable)
	}
	return kiosk.BayInputs{Closed: true, Plugged: s.plugged && s.looks > 1}, nil
}

// TestAContactorsTestOnANoisyLine: single lost frames say nothing of a contactor; inputs that stay silent, and a
// vehicle, end the test. It is open in the end.
func TestAContactorsTestOnANoisyLine(t *testing.T) {
	every := func(n, but int) func(int) bool { return func(look int) bool { return look%n != but } }
	only := func(n int) func(int) bool { return func(look int) bool { return look == n } }
	for name, c := range map[string]struct {
		board switchboard
		want  string
	}{
		"a quiet line":                   {switchboard{silent: only(0)}, ""},
		"every second frame is lost":     {switchboard{silent: every(2, 1)}, ""},
		"two of three frames are lost":   {switchboard{silent: every(3, 0)}, ""},
		"the board is unplugged":         {switchboard{silent: func(n int) bool { return n > 2 }}, "did not answer"},
		"a vehicle, then a lost frame":   {switchboard{silent: only(3), plugged: true}, "vehicle"},
		"a lost frame, then the vehicle": {switchboard{silent: only(2), plugged: true}, "vehicle"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := &c.board
			w := newBayWorker(nil, Bay{Number: 1, Contactor: b, Inputs: b})
			err := w.test(t.Context())
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
			if b.closed || b.looks > 70 {
				t.Errorf("%s: closed %v after %d looks", name, b.closed, b.looks)
			}
		})
	}
}
