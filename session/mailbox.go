package session

import (
	"slices"
	"sync"
)

// message is an observation on its way to the controller.
type message struct {
	o     Observation
	reply chan error // nil where the caller does not wait
}

// mailbox has the observations that the controller has not looked at yet, in their order. To put one in never waits:
// while the disk stalls, a bay's worker goes on and can open its contactor. It stays small, because of a bay's looks,
// and of what is said of a fault, only the newest counts.
type mailbox struct {
	mu    sync.Mutex
	list  []message
	ready chan struct{} // has a value while there is one
}

func newMailbox() *mailbox { return &mailbox{ready: make(chan struct{}, 1)} }

func (b *mailbox) put(m message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.list = append(slices.DeleteFunc(b.list, func(old message) bool {
		return old.reply == nil && m.o.replaces(old.o)
	}),
		m)
	b.signal()
}

// takeBack takes a message out that was not looked at, for a caller who has gone.
func (b *mailbox) takeBack(m message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.list = slices.DeleteFunc(b.list, func(other message) bool { return other.reply == m.reply })
}

// next is the oldest; ok is false where it was taken back meanwhile.
func (b *mailbox) next() (m message, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.list) == 0 {
		return m, false
	}
	m, b.list = b.list[0], b.list[1:]
	b.signal()
	return m, true
}

// signal tells that there is one. It is called with the lock.
func (b *mailbox) signal() {
	if len(b.list) == 0 {
		return
	}
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// replaces tells whether an observation says anew what an older one says.
func (o Observation) replaces(old Observation) bool {
	return o.What == old.What && o.Bay == old.Bay && (o.What == Sampled || o.What == FaultSeen && o.Fault == old.Fault)
}
