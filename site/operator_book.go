package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"kioskd/csms"
	"kioskd/csms/events"
	"kioskd/ocpp/v2"
	"kioskd/session"
	"kioskd/store"
)

// operatorBook is what an operator was told of the journal, and what it set. It is the csms.Queue of the site.
type operatorBook struct {
	journal *store.Store
	options func() events.Options
	log     *slog.Logger

	mu      sync.Mutex
	told    store.Told
	state   bookState        // after record told.Seq
	record  int64            // of pending
	next    events.State     // after it
	pending []events.Message // what it gives
	written time.Time        // when told was, last
	seen    int64            // told.Seq then
}

// bookState is what is kept beside the number of the record.
type bookState struct {
	Operator string            `json:"operator"` // whose it is: URL and identity
	Events   events.State      `json:"events"`
	Settings map[string]string `json:"settings,omitempty"`
	// Tariffs are those that the operator set: its name for each, by the checksum of what is sold by.
	Tariffs map[string]string `json:"tariffs,omitempty"`
	// Sending are the messages of the record that is being told, and the state after it: what was sent once is not told
	// otherwise after a restart.
	Sending *sending `json:"sending,omitempty"`
}

// sending is a record that is being told.
type sending struct {
	Record   int64        `json:"record"`
	Next     events.State `json:"next"`
	Messages []held       `json:"messages"`
}

// held is a message that may have been sent.
type held struct {
	Action  string          `json:"action"`
	Payload json.RawMessage `json:"payload"`
	At      time.Time       `json:"at"`
}

// hold is what is being told as it is kept.
func (b *operatorBook) hold() (*sending, error) {
	out := &sending{Record: b.record, Next: b.next}
	for _, m := range b.pending {
		payload, err := json.Marshal(m.Payload)
		if err != nil {
			return nil, err
		}
		out.Messages = append(out.Messages, held{m.Action, payload, m.At})
	}
	return out, nil
}

// goOn takes up what was being told before a restart.
func (b *operatorBook) goOn(s *sending) error {
	if s == nil {
		return nil
	}
	b.record, b.next = s.Record, s.Next
	for _, h := range s.Messages {
		var payload any = new(v2.NotifySettlement)
		if h.Action == v2.ActionTransactionEvent {
			payload = new(v2.TransactionEvent)
		}
		if err := json.Unmarshal(h.Payload, payload); err != nil {
			return fmt.Errorf("cannot read what the operator was being told: %w", err)
		}
		b.pending = append(b.pending, events.Message{Action: h.Action, Payload: payload, At: h.At})
	}
	return nil
}

// The book is written with each message; where records give none, after so many of them or so long.
const (
	bookEvery   = time.Minute
	bookRecords = 500
)

// openBook reads what was told. An operator is told of what happens from the first time on.
func openBook(ctx context.Context, journal *store.Store, operator string, options func() events.Options,
	log *slog.Logger) (*operatorBook, error) {
	b := &operatorBook{journal: journal, options: options, log: log, written: time.Now()}
	told, err := journal.Told(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot read what the operator was told: %w", err)
	}
	if told != nil {
		if err := json.Unmarshal(told.State, &b.state); err != nil {
			return nil, fmt.Errorf("cannot read what the operator was told: %w", err)
		}
	}
	if told == nil || b.state.Operator != operator { // another one was told of nothing
		b.state = bookState{Operator: operator}
		b.told.Seq, err = journal.Seq(ctx)
		b.seen = b.told.Seq
		return b, errors.Join(err, journal.Unhear(ctx), b.write(ctx))
	}
	b.told, b.seen = *told, told.Seq
	return b, b.goOn(b.state.Sending)
}

// write keeps the book, with what the operator did not take. The caller holds the lock, or the book alone.
func (b *operatorBook) write(ctx context.Context, unheard ...store.Unheard) error {
	state, err := json.Marshal(b.state)
	if err != nil {
		return err
	}
	b.told.State = state
	if err := b.journal.Tell(ctx, b.told, unheard...); err != nil {
		return err
	}
	b.written, b.seen = time.Now(), b.told.Seq
	return nil
}

// Next implements csms.Queue.
func (b *operatorBook) Next(ctx context.Context) (*csms.Message, error) {
	options := b.options() // it asks who asks the book: not under its lock
	b.mu.Lock()
	defer b.mu.Unlock()
	again, err := b.journal.Unheard(ctx, true)
	if err != nil {
		return nil, err
	}
	if len(again) > 0 {
		first := again[0]
		return &csms.Message{Action: first.Action, Payload: json.RawMessage(first.Payload), Again: first.ID}, nil
	}
	if err := b.read(ctx, options); err != nil || len(b.pending) <= b.told.Part {
		return nil, err
	}
	m := b.pending[b.told.Part]
	return &csms.Message{Action: m.Action, Payload: m.Payload, At: m.At}, nil
}

// read goes on to the next record that gives a message.
func (b *operatorBook) read(ctx context.Context, options events.Options) error {
	if len(b.pending) > b.told.Part {
		return nil
	}
	for r, err := range b.journal.Records(ctx, b.told.Seq+1) {
		if err != nil {
			return err
		}
		next, messages, err := b.state.Events.Take(r, options)
		if err != nil { // of a program that came after this one, or damaged: it is in the journal
			b.log.Warn("operator is not told of a record", "error", err)
		}
		if len(messages) > b.told.Part {
			b.record, b.next, b.pending = r.Seq, next, messages
			b.state.Sending, err = b.hold()
			if err == nil {
				err = b.write(ctx)
			}
			if err != nil { // it is read again
				b.pending, b.state.Sending = nil, nil
			}
			return err
		}
		b.told.Seq, b.told.Part, b.state.Events = r.Seq, 0, next
	}
	if b.told.Seq-b.seen >= bookRecords || b.told.Seq > b.seen && time.Since(b.written) > bookEvery {
		return b.write(ctx)
	}
	return nil
}

// Told implements csms.Queue.
func (b *operatorBook) Told(ctx context.Context, m *csms.Message) error {
	if m.Again > 0 {
		return b.journal.Heard(ctx, m.Again, "")
	}
	return b.done(ctx)
}

// Park implements csms.Queue.
func (b *operatorBook) Park(ctx context.Context, m *csms.Message, why error) error {
	if m.Again > 0 {
		return b.journal.Heard(ctx, m.Again, why.Error())
	}
	payload, err := json.Marshal(m.Payload)
	if err != nil {
		return err
	}
	return b.done(ctx, store.Unheard{Seq: b.record, Action: m.Action, Payload: payload, Why: why.Error()})
}

// done is that the first of pending was told, or parked.
func (b *operatorBook) done(ctx context.Context, unheard ...store.Unheard) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	before, was := b.told, b.state
	b.told.Part++
	if b.told.Part == len(b.pending) {
		b.told.Seq, b.told.Part, b.state.Events, b.state.Sending = b.record, 0, b.next, nil
	}
	if err := b.write(ctx, unheard...); err != nil {
		b.told, b.state = before, was
		return err
	}
	if b.told.Part == 0 {
		b.pending = nil
	}
	return nil
}

// Waits implements csms.Queue.
func (b *operatorBook) Waits(ctx context.Context) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	last, err := b.journal.Seq(ctx)
	return last > b.told.Seq, err
}

// keepSettings keeps what an operator set.
func (b *operatorBook) keepSettings(settings map[string]string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.state.Settings
	b.state.Settings = maps.Clone(settings)
	if err := b.write(context.Background()); err != nil {
		b.state.Settings = was
		return err
	}
	return nil
}

// settings are what an operator set.
func (b *operatorBook) settings() map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.state.Settings)
}

// tariffID is an operator's name of a tariff, or ours with a part of its checksum: the same name is the same price for
// ever.
func (b *operatorBook) tariffID(id, sum string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.named(id, sum)
}

func (b *operatorBook) named(id, sum string) string {
	if name := b.state.Tariffs[sum]; name != "" {
		return name
	}
	return id + "-" + sum[:min(8, len(sum))]
}

// tariffNamed tells whether a name is that of another tariff.
func (b *operatorBook) tariffNamed(id, sum string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for other, name := range b.state.Tariffs {
		if name == id && other != sum {
			return true
		}
	}
	return false
}

// keepTariff keeps an operator's name of a tariff.
func (b *operatorBook) keepTariff(ctx context.Context, id, sum string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.state.Tariffs
	b.state.Tariffs = maps.Clone(was)
	if b.state.Tariffs == nil {
		b.state.Tariffs = map[string]string{}
	}
	b.state.Tariffs[sum] = id
	if err := b.write(ctx); err != nil {
		b.state.Tariffs = was
		return err
	}
	return nil
}

// offerID is the name of the tariff that a driver agreed to. The book's lock is held: it is asked while a record is
// read.
func (b *operatorBook) offerID(o session.Offer) string {
	var t struct{ ID string }
	if err := json.Unmarshal(o.Tariff, &t); err != nil {
		return b.named("", o.Hash)
	}
	return b.named(t.ID, o.Hash)
}

// unheardOf tells how many messages the operator did not take, and the first of them.
func (b *operatorBook) unheardOf(ctx context.Context) (n int, first store.Unheard, err error) {
	all, err := b.journal.Unheard(ctx, false)
	if len(all) > 0 {
		first = all[0]
	}
	return len(all), first, err
}

var _ csms.Queue = (*operatorBook)(nil)
