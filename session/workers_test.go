package session

import "testing"

// TestOpenOvertakesClose: a contactor must not close after it was told to open.
func TestOpenOvertakesClose(t *testing.T) {
	w := newBayWorker(nil, Bay{Number: 3})
	w.command(Command{Do: CloseContact, Bay: 3})
	w.command(Command{Do: OpenContact, Bay: 3})
	w.command(Command{Do: ReadFinal, Bay: 3})
	var got []Do
	for _, q := range []*queue{&w.contacts.q, &w.readings.q} {
		for {
			c, ok := q.take(func(Command) int { return 0 })
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
		q.put(c)
	}
	want := []Command{{Do: AskTerminal}, {Do: ReleaseHold, First: true}, {Do: CaptureHold, First: true}, {Do: AskHold},
		{Do: CaptureHold}}
	for i, w := range want {
		if got, _ := q.take(rank); got.Do != w.Do || got.First != w.First {
			t.Errorf("place %d is %s, want %s", i, got.Do, w.Do)
		}
	}
}
