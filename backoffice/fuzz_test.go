package backoffice_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"kioskd"
	"kioskd/backoffice"
	"kioskd/store"
)

// liar is a back office whose answers are anything.
type liar struct {
	answers [][]byte
	later   bool
}

func (l *liar) Send(_ context.Context, b backoffice.Batch) (a backoffice.Answer, err error) {
	if len(l.answers) == 0 {
		return a, errors.New("the office has no more answers")
	}
	next := l.answers[0]
	l.answers = l.answers[1:]
	if err := json.Unmarshal(next, &a); err != nil {
		return a, err
	}
	if a.Epoch == "ours" {
		a.Epoch = b.Epoch
	}
	a.Later = l.later
	return a, nil
}

func (l *liar) Traffic() backoffice.Traffic { return backoffice.Traffic{} }
func (l *liar) Close() error                { return nil }

// outbox is a journal's, of which what was acknowledged is kept in memory.
type outbox struct {
	*store.Store
	ack kiosk.Acknowledgement
}

func (o *outbox) Acked(context.Context) (int64, string, error) {
	return o.ack.Seq, o.ack.Checkpoint, nil
}

func (o *outbox) Acknowledge(_ context.Context, a kiosk.Acknowledgement) error {
	o.ack = a
	return nil
}

// FuzzBackOfficeAnswer lets a back office answer anything. Nothing breaks, no record is taken for sent that
// the journal does not have, none for signed, and nothing is instructed: no key has signed it.
func FuzzBackOfficeAnswer(f *testing.F) {
	f.Add([]byte(`{"epoch":"ours","seq":3}`), false)
	f.Add([]byte("{\"epoch\":\"ours\",\"seq\":9223372036854775807}\n{\"epoch\":\"ours\",\"seq\":-1}"), true)
	f.Add([]byte(`{"epoch":"ours","seq":2,"refused":[{"seq":2,"why":"no"},{"seq":99}],"instructions":["{}"]}`), false)
	f.Add([]byte("{\"epoch\":\"ours\",\"seq\":3,\"checkpoint\":\"kioskd\\n3\\nAAAA\\n\\n— x y\\n\"}\n{}"), true)
	f.Add([]byte(`{"epoch":"ours","seq":1}`+"\n"+`{"epoch":"ours","seq":0}`+"\n"+
		`{"epoch":"ours","seq":3,"conflict":"x"}`), true)
	s, err := store.Open(ctx, filepath.Join(f.TempDir(), "journal.db"),
		func() (time.Time, time.Duration, bool) { return time.Now(), 0, true })
	if err != nil {
		f.Fatal(err)
	}
	defer s.Close()
	if err := s.Append(ctx, entry(1), entry(2), entry(3)); err != nil {
		f.Fatal(err)
	}
	signer, public, verifier := newKey(f, "office")
	f.Fuzz(func(t *testing.T, answers []byte, later bool) {
		box := &outbox{Store: s}
		l := &liar{later: later}
		for _, line := range strings.Split(string(answers), "\n") {
			l.answers = append(l.answers, []byte(line))
		}
		up := backoffice.New(backoffice.Config{Kiosk: id, Outbox: box, Sink: l, Signer: signer, Key: public,
			Office: verifier,
			Every:  time.Hour, Now: time.Now, Log: slog.New(slog.DiscardHandler),
			Instruct: func(_ context.Context, in kiosk.Instruction, _ string) { t.Errorf("%+v was never signed", in) }})
		for range 3 {
			up.Drain(ctx) // what it says of the answers is the status's
		}
		if box.ack.Seq < 0 || box.ack.Seq > 3 || box.ack.Checkpoint != "" {
			t.Errorf("acknowledged %+v", box.ack)
		}
	})
}

// FuzzInstruction lets the holder of the right key sign anything. It is for this kiosk, has an id and an
// end, or it is no instruction.
func FuzzInstruction(f *testing.F) {
	f.Add(`{"id":"I1","kiosk":"K-0042","do":"close_bay","bay":1,"expires":"2026-03-02T09:00:00Z"}`)
	f.Add(`{"id":"I1","kiosk":"K-0043","do":"close_bay","expires":"2026-03-02T09:00:00Z"}`)
	f.Add(`{"id":"","kiosk":"K-0042","do":"tariff","tariff":[],"from":"x"}`)
	f.Add(`[]`)
	signer, _, verifier := newKey(f, "office")
	f.Fuzz(func(t *testing.T, text string) {
		signed, err := note.Sign(&note.Note{Text: strings.ReplaceAll(text, "\n", " ") + "\n"}, signer)
		if err != nil {
			return
		}
		in, err := backoffice.OpenInstruction(string(signed), verifier, id)
		if err != nil {
			return
		}
		if in.Kiosk != id || backoffice.CheckID(in.ID) != nil || in.Expires.IsZero() {
			t.Errorf("taken: %+v", in)
		}
		if in.Check() == nil && in.Do == "" {
			t.Errorf("nothing is to be done: %+v", in)
		}
	})
}
