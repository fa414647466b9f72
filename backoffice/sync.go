package backoffice

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"kioskd"
)

// Sink delivers batches. Its errors are *Trouble, or ErrTooLarge inside one.
type Sink interface {
	// Send delivers a batch and returns what the other side has then.
	Send(context.Context, Batch) (Answer, error)
	// Traffic is what went over the wire so far.
	Traffic() Traffic
	Close() error
}

// Traffic is what went over the wire.
type Traffic struct {
	Out         int64 `json:"bytes_out"` // with TLS, without TCP and IP
	In          int64 `json:"bytes_in"`
	Connections int64 `json:"connections"`
}

// Config is what a Sync needs.
type Config struct {
	Kiosk  string
	Outbox kiosk.Outbox
	Sink   Sink
	Signer note.Signer // of checkpoints
	Key    string      // its public text
	// Office verifies what the other side signs.
	Office note.Verifier
	Every  time.Duration // longest time without asking
	Now    func() time.Time
	// Instruct carries an instruction out that is this kiosk's and was signed, once: it may be
	// called again with the same. It judges whether it is in time.
	Instruct func(ctx context.Context, in kiosk.Instruction, signed string)
	Log      *slog.Logger
}

// Status is how things stand.
type Status struct {
	Class Class         `json:"state"`
	Why   string        `json:"why,omitempty"`
	Since time.Time     `json:"since"`                // it has been so
	Good  time.Time     `json:"last_answer,omitzero"` // zero before the first
	Next  time.Time     `json:"next_try,omitzero"`    // while there is trouble
	Skew  time.Duration `json:"clock_skew_ns"`        // of the other side's clock to ours
	// Silent is how long no back office has answered and signed for all that was sent.
	Silent time.Duration `json:"silent_ns"`
	Sent   int64         `json:"sent"` // records that were acknowledged since the start
	Traffic
}

// Sync sends what is new for as long as it runs.
type Sync struct {
	cfg   Config
	epoch string
	most  int           // records in a batch; less where the other side wants it
	large int64         // a record that is too large for the other side: its hash goes
	poke  chan struct{} // something is to be sent now
	hurry chan struct{} // a person wants it tried now, whatever the pause

	mu     sync.Mutex
	status Status
	heard  time.Time // since then no back office has answered and signed for all, by the monotonic clock
}

// New makes a Sync.
func New(cfg Config) *Sync {
	return &Sync{cfg: cfg, most: MaxRecords, poke: make(chan struct{}, 1), hurry: make(chan struct{}, 1),
		heard: time.Now(), status: Status{Class: Waiting, Since: cfg.Now()}}
}

// Poke says that something was journaled that should not wait.
func (s *Sync) Poke() { wake(s.poke) }

// Hurry ends a pause after trouble, too.
func (s *Sync) Hurry() { wake(s.hurry) }

func wake(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// Status is how things stand now.
func (s *Sync) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.status
	out.Traffic, out.Silent = s.cfg.Sink.Traffic(), time.Since(s.heard)
	return out
}

// settle is how long is waited for what follows at once: a session ends with many records.
const settle = 2 * time.Second

// Run sends until ctx ends. It returns no error: whatever fails is tried again.
func (s *Sync) Run(ctx context.Context) {
	defer s.cfg.Sink.Close() // what is not sent yet is sent by the next
	failures := 0
	for ctx.Err() == nil {
		before := s.Status().Sent
		err := s.Drain(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			failures = 0
			s.rest(ctx)
			continue
		}
		failures++
		if s.Status().Sent > before { // it goes on, if slowly
			failures = 1
		}
		wait := pause(failures)
		var t *Trouble
		if errors.As(err, &t) {
			wait = max(wait, min(t.Wait, time.Hour))
		}
		s.note(err, wait)
		s.sleep(ctx, wait, false)
	}
}

// pause grows from a second to a quarter of an hour; half of it is left to chance, so that
// thousands of kiosks do not come back at once.
func pause(failures int) time.Duration {
	longest := min(15*time.Minute, time.Second<<min(failures-1, 20))
	return longest/2 + rand.N(longest/2+1)
}

// rest waits until there is something to send, or it is time to ask.
func (s *Sync) rest(ctx context.Context) {
	if s.sleep(ctx, s.cfg.Every, true) {
		s.sleep(ctx, settle, false)
		select {
		case <-s.poke: // it is sent now, too
		default:
		}
	}
}

// sleep waits, and tells whether something was journaled meanwhile that should be sent.
func (s *Sync) sleep(ctx context.Context, d time.Duration, poked bool) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	poke := s.poke
	if !poked {
		poke = nil
	}
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-s.hurry:
	case <-poke:
		return true
	}
	return false
}

// begin learns which journal it is.
func (s *Sync) begin(ctx context.Context) (err error) {
	if s.epoch == "" {
		s.epoch, err = s.cfg.Outbox.Epoch(ctx)
	}
	return err
}

// Ask asks what the other side has, and changes nothing on either.
func (s *Sync) Ask(ctx context.Context) (a Answer, err error) {
	if err := s.begin(ctx); err != nil {
		return a, err
	}
	acked, _, err := s.cfg.Outbox.Acked(ctx)
	if err != nil {
		return a, err
	}
	b := Batch{Head: s.head()}
	if err := s.sign(ctx, &b, acked); err != nil {
		return a, err
	}
	defer s.cfg.Sink.Close()
	return s.cfg.Sink.Send(ctx, b)
}

// Drain sends all there is, and asks once also where there is nothing.
func (s *Sync) Drain(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	rewound := false
	for {
		acked, _, err := s.cfg.Outbox.Acked(ctx)
		if err != nil {
			return err
		}
		batch, more, err := s.next(ctx, acked)
		if err != nil {
			return err
		}
		answer, err := s.cfg.Sink.Send(ctx, batch)
		if errors.Is(err, ErrTooLarge) {
			again, err := s.smaller(ctx, batch, acked)
			if err != nil {
				return err
			}
			if again {
				continue
			}
		}
		if err != nil {
			s.less(err)
			return err
		}
		if answer.Seq < acked && answer.Conflict == "" {
			if rewound { // it does not take what it asks for
				return trouble(Refused, "the server goes back to record %d again and again", answer.Seq)
			}
			rewound, more = true, true
			s.cfg.Log.Warn("the back office lost records: they are sent again", "from", answer.Seq+1, "to", acked)
		}
		// its refusals are asked for again
		more = more || !answer.Later && len(batch.Leaves) > 0 && answer.Seq > batch.Last()
		if err := s.accept(ctx, batch, acked, answer); err != nil {
			return err
		}
		if !more {
			return nil
		}
	}
}

// next is the next batch, and whether there is more after it. What was refused and is to be
// sent again goes first.
func (s *Sync) next(ctx context.Context, acked int64) (b Batch, more bool, err error) {
	b.Head = s.head()
	_, err = s.fill(ctx, &b, 1, true)
	if err != nil {
		return b, false, err
	}
	size := acked
	b.Again = len(b.Leaves) > 0
	if b.Again {
		more = true
	} else {
		more, err = s.fill(ctx, &b, acked+1, false)
		if err != nil {
			return b, false, err
		}
		size = max(acked, b.Last())
	}
	return b, more, s.sign(ctx, &b, size)
}

func (s *Sync) head() Head {
	return Head{Version: Version, Kiosk: s.cfg.Kiosk, Epoch: s.epoch, Key: s.cfg.Key}
}

// sign puts the checkpoint of the first records into a batch.
func (s *Sync) sign(ctx context.Context, b *Batch, records int64) error {
	hash, err := s.cfg.Outbox.TreeHash(ctx, records)
	if err != nil {
		return err
	}
	b.point = kiosk.Checkpoint{Origin: Origin(s.cfg.Kiosk, s.epoch), Records: records, Hash: hash}
	signed, err := note.Sign(&note.Note{Text: b.point.Text()}, s.cfg.Signer)
	b.Checkpoint = string(signed)
	return err
}

func (s *Sync) fill(ctx context.Context, b *Batch, from int64, again bool) (more bool, err error) {
	size := 0
	for leaf, err := range s.cfg.Outbox.Leaves(ctx, from, again) {
		if err != nil {
			return false, fmt.Errorf("cannot read what is to be sent: %w", err)
		}
		if leaf.Seq == s.large && !again {
			leaf = withhold(leaf)
		}
		size += len(leaf.JSON) + 1
		if len(b.Leaves) == s.most || len(b.Leaves) > 0 && size > MaxBytes {
			return true, nil
		}
		b.Leaves = append(b.Leaves, leaf)
	}
	return false, nil
}

// small is a record that no server can call too large.
const small = 64 << 10

// smaller halves the batches. Of a record that is too large alone the hash goes, and a person
// looks at it here. It tells whether there is something else to send now.
func (s *Sync) smaller(ctx context.Context, b Batch, acked int64) (bool, error) {
	switch n := len(b.Leaves); {
	case n > 1:
		s.most = n / 2
		return true, nil
	case n == 1 && b.Again: // it stays parked, and holds nothing up
		r := kiosk.Refusal{Seq: b.Last(), Why: withhold(b.Leaves[0]).Withheld}
		return true, s.cfg.Outbox.Acknowledge(ctx, kiosk.Acknowledgement{Seq: acked, Withheld: []kiosk.Refusal{r}})
	case n == 1 && len(b.Leaves[0].JSON) >= small:
		s.large = b.Last()
		return true, nil
	}
	return false, nil
}

// withhold is what goes in the place of a record that is too large.
func withhold(l kiosk.Leaf) kiosk.Leaf {
	return kiosk.Leaf{Seq: l.Seq, Withheld: fmt.Sprintf("too large for the server: %d bytes", len(l.JSON)),
		Hash: sha256.Sum256(append([]byte{0}, l.JSON...))}
}

// fewest is how few records a batch has on the worst network.
const fewest = 25

// less makes the next batch smaller where the network broke: one that breaks after some
// kilobytes each time would never let a large one through.
func (s *Sync) less(err error) {
	var t *Trouble
	if errors.As(err, &t) && t.Class == Unreachable {
		s.most = max(fewest, s.most/2)
	}
}

// accept takes an answer over, if it can be true.
func (s *Sync) accept(ctx context.Context, b Batch, acked int64, a Answer) error {
	if a.Epoch != b.Epoch {
		return trouble(Conflict, "the server answers for epoch %q, this is %q", a.Epoch, b.Epoch)
	}
	if a.Seq < 0 {
		return trouble(Refused, "the server says that it has record %d", a.Seq)
	}
	if _, err := s.cfg.Outbox.TreeHash(ctx, a.Seq); err != nil {
		return trouble(Conflict, "the server has record %d of this journal, which has none: was it rolled back? %w",
			a.Seq, err)
	}
	if len(b.Leaves) > 0 && !b.Again && a.Seq == acked {
		return trouble(Refused, "the server takes no record after %d, and does not say why", acked)
	}
	signed, err := s.countersigned(ctx, b, a)
	if err != nil {
		return err
	}
	if a.Conflict != "" {
		return trouble(Conflict, "%s", a.Conflict)
	}
	upTo := a.Seq
	switch {
	case a.Later:
	case b.Again:
		upTo = min(a.Seq, acked)
	case len(b.Leaves) > 0: // what came after it may have been refused in an answer that was lost
		upTo = min(a.Seq, b.Last())
	}
	ack := kiosk.Acknowledgement{Seq: upTo, Checkpoint: a.Checkpoint, Signed: signed, Refused: a.Refused,
		Whole: a.Later && a.Checkpoint != ""}
	refused := map[int64]bool{}
	for _, r := range a.Refused {
		refused[r.Seq] = true
	}
	for _, l := range b.Leaves {
		if b.Again && !refused[l.Seq] {
			ack.Sent = append(ack.Sent, l.Seq)
		}
		if l.Seq == s.large && l.Seq <= upTo {
			ack.Withheld = append(ack.Withheld, kiosk.Refusal{Seq: l.Seq, Why: l.Withheld})
		}
		delete(refused, l.Seq)
	}
	if n := len(b.Leaves); n > 0 && !b.Again {
		ack.From, ack.To = b.Leaves[0].Seq, upTo
	}
	if len(refused) > 0 && !a.Later {
		return trouble(Refused, "the server refuses records that it was not sent")
	}
	if err := s.cfg.Outbox.Acknowledge(ctx, ack); err != nil {
		return err
	}
	s.most = min(MaxRecords, s.most*2)
	s.good(max(0, upTo-acked), a.Time, a.Later && signed < min(acked, a.Seq))
	for _, signed := range a.Instructions {
		s.instruct(ctx, signed)
	}
	return nil
}

// countersigned checks the other side's signature under a checkpoint of ours, and that this
// is a head of our tree; it returns of how many records. The other side has none to give where
// its cursor is not the batch's end.
func (s *Sync) countersigned(ctx context.Context, b Batch, a Answer) (records int64, err error) {
	if a.Checkpoint == "" && (a.Later || a.Seq != b.point.Records) {
		return 0, nil
	}
	if a.Checkpoint == "" {
		return 0, trouble(Refused, "the server did not sign the checkpoint: there is none in its answer")
	}
	theirs, err := note.Open([]byte(a.Checkpoint), note.VerifierList(s.cfg.Office))
	if err != nil {
		return 0, trouble(Refused, "the server did not sign the checkpoint as %s: %w", s.cfg.Office.Name(), err)
	}
	c, err := kiosk.ParseCheckpoint(theirs.Text)
	if err != nil {
		return 0, trouble(Refused, "%w", err)
	}
	hash, err := s.cfg.Outbox.TreeHash(ctx, c.Records)
	if err != nil || c.Origin != b.point.Origin || c.Hash != hash {
		return 0, trouble(Conflict, "the server signed a checkpoint that this journal does not have: %q", theirs.Text)
	}
	return c.Records, nil
}

func (s *Sync) good(sent int64, theirs time.Time, unsigned bool) {
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &s.status
	if st.Class != Connected {
		s.cfg.Log.Info("back office answers", "after", now.Sub(st.Since).Round(time.Second), "before", st.Class)
		st.Since = now
	}
	st.Class, st.Why, st.Good, st.Next = Connected, "", now, time.Time{}
	if !unsigned {
		s.heard = time.Now()
	}
	st.Sent += sent
	st.Skew = 0
	if !theirs.IsZero() {
		st.Skew = theirs.Sub(now)
	}
}

func (s *Sync) note(err error, wait time.Duration) {
	class := Waiting // for this machine: the journal cannot be read
	var t *Trouble
	if errors.As(err, &t) {
		class = t.Class
	}
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := &s.status; st.Class != class {
		s.cfg.Log.Warn("back office", "class", class, "error", err)
		st.Class, st.Since = class, now
	}
	s.status.Why, s.status.Next = err.Error(), now.Add(wait)
}
