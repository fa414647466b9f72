package receiver

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"kioskd"
	"kioskd/backoffice"
)

// Streams makes the streams that kiosks publish to and read from, on a cluster with enough
// servers for the replicas.
func Streams(ctx context.Context, conn *nats.Conn, replicas int) error {
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	for _, c := range []jetstream.StreamConfig{
		{Name: backoffice.JournalStream, Subjects: []string{backoffice.JournalSubject(">")}, MaxMsgsPerSubject: -1},
		{Name: backoffice.AnswerStream, Subjects: []string{backoffice.AnswerSubject(">")}, MaxMsgsPerSubject: 1},
	} {
		c.Replicas, c.Storage, c.AllowDirect, c.Discard = replicas, jetstream.FileStorage, true, jetstream.DiscardNew
		if c.MaxMsgsPerSubject == 1 {
			c.Discard = jetstream.DiscardOld // an answer takes the place of the one before
		}
		if _, err := js.CreateOrUpdateStream(ctx, c); err != nil {
			return fmt.Errorf("cannot make stream %s: %w", c.Name, err)
		}
	}
	return nil
}

// Consume takes what kiosks publish, each message once: how far it came is in the database, in
// the transaction of the records. It ends with ctx, or an error of the database or the stream.
func (r *Receiver) Consume(ctx context.Context, conn *nats.Conn, log *slog.Logger) error {
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	var done uint64
	if err := r.db.QueryRowContext(ctx, "select coalesce(max(done), 0) from stream").Scan(&done); err != nil {
		return err
	}
	stream, err := js.Stream(ctx, backoffice.JournalStream)
	if err != nil {
		return fmt.Errorf("cannot read stream %s: %w", backoffice.JournalStream, err)
	}
	if last := stream.CachedInfo().State.LastSeq; last < done { // it lost its end: what comes is known, or new
		log.Warn("the stream is shorter than it was: it is read again", "messages", last, "before", done)
		done = 0
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.announce(ctx, js) })
	g.Go(func() error {
		if err := r.takeAll(ctx, js, stream, done, log); err != nil && ctx.Err() == nil {
			return fmt.Errorf("cannot go on with stream %s: %w", backoffice.JournalStream, err)
		}
		return nil
	})
	return g.Wait()
}

// lookEvery is how soon a new message is seen.
const lookEvery = 100 * time.Millisecond

// takeAll takes one message after the other, and waits for the next. It asks for each by its number,
// which any server that has it answers: a consumer would live on one server, and die with it.
func (r *Receiver) takeAll(ctx context.Context, js jetstream.JetStream, from jetstream.Stream, done uint64,
	log *slog.Logger) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		m, err := from.GetMsg(ctx, done+1, jetstream.WithGetMsgSubject(backoffice.JournalSubject(">")))
		switch {
		case err == nil:
			if err := r.consume(ctx, js, m, log); err != nil {
				return err
			}
			done = m.Sequence
		case errors.Is(err, jetstream.ErrMsgNotFound):
			select {
			case <-ctx.Done():
				return nil
			case <-look.C:
			}
		default:
			return err
		}
	}
}

// consume takes one message. One that is no batch, or of another history, is passed over: it
// stays in the stream, and the log says so.
func (r *Receiver) consume(ctx context.Context, js jetstream.JetStream, m *jetstream.RawStreamMsg,
	log *slog.Logger) error {
	r.answering.Lock()
	defer r.answering.Unlock()
	id := strings.TrimPrefix(m.Subject, backoffice.JournalSubject(""))
	var a backoffice.Answer
	b, err := batchOf(m.Data, id)
	if err == nil {
		a, err = r.takeMessage(ctx, b, m.Sequence)
	}
	a.Stream = m.Sequence
	switch {
	case errors.Is(err, ErrConflict):
		a.Conflict = err.Error()
	case err == nil:
		return r.answer(ctx, js, b.Kiosk, a)
	case !errors.As(err, new(*wrongBatch)): // ours: the database, or the end
		return err
	}
	log.Warn("message", "kiosk", id, "stream_seq", m.Sequence, "error", err)
	if _, err := r.db.ExecContext(ctx, doneUpTo, m.Sequence); err != nil || a.Conflict == "" {
		return err
	}
	return r.answer(ctx, js, b.Kiosk, a)
}

// batchOf reads a message. What is wrong with it is an error of its publisher.
func batchOf(data []byte, id string) (backoffice.Batch, error) {
	b, err := backoffice.Decode(bytes.NewReader(data))
	if err == nil && b.Kiosk != id {
		err = fmt.Errorf("the batch is of kiosk %s", b.Kiosk)
	}
	if err != nil {
		return b, &wrongBatch{err}
	}
	return b, nil
}

const doneUpTo = "insert into stream values (1, ?) on conflict (one) do update set done = excluded.done"

// takeMessage takes a batch together with how far the stream is done.
func (r *Receiver) takeMessage(ctx context.Context, b backoffice.Batch, seq uint64) (backoffice.Answer, error) {
	return r.within(ctx, b, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, doneUpTo, seq)
		return err
	})
}

// answer puts an answer where the kiosk finds it: with all that is refused, and the last
// checkpoint that both signed.
func (r *Receiver) answer(ctx context.Context, js jetstream.JetStream, id string, a backoffice.Answer) error {
	a.Refused = []kiosk.Refusal{}
	if err := r.db.QueryRowContext(ctx, "select conflict from journal where kiosk = ? and epoch = ?", id,
		a.Epoch).Scan(&a.Conflict); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	rows, err := r.db.QueryContext(ctx, "select seq, refused from record where kiosk = ? and epoch = ? and refused "+
		"<> '' and refused not like 'withheld: %' order by seq", id, a.Epoch)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var f kiosk.Refusal
		if err := rows.Scan(&f.Seq, &f.Why); err != nil {
			return err
		}
		a.Refused = append(a.Refused, f)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	if err := r.db.QueryRowContext(ctx, "select checkpoint from journal where kiosk = ? and epoch = ?", id,
		a.Epoch).Scan(&a.Checkpoint); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	body, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_, err = js.Publish(ctx, backoffice.AnswerSubject(id), body, jetstream.WithExpectStream(backoffice.AnswerStream))
	return err
}

// announceEvery is how soon an instruction is put where its kiosk finds it.
const announceEvery = 2 * time.Second

// announce publishes instructions that came from elsewhere.
func (r *Receiver) announce(ctx context.Context, js jetstream.JetStream) error {
	tick := time.NewTicker(announceEvery)
	defer tick.Stop()
	told := map[string]string{}
	for {
		rows, err := r.db.QueryContext(
			ctx, "select kiosk, group_concat(id) from instruction where state = 'waiting' group by kiosk")
		if err != nil {
			return err
		}
		now := map[string]string{}
		for rows.Next() {
			var id, all string
			if err := rows.Scan(&id, &all); err != nil {
				return err
			}
			now[id] = all
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		for id, all := range now {
			if told[id] == all {
				continue
			}
			if err := r.publish(ctx, js, id); err != nil {
				return err
			}
		}
		told = now
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// publish publishes an answer to a kiosk that sent nothing just now.
func (r *Receiver) publish(ctx context.Context, js jetstream.JetStream, id string) error {
	r.answering.Lock()
	defer r.answering.Unlock()
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	a := backoffice.Answer{Time: r.now().UTC()}
	if err := tx.QueryRowContext(ctx, "select coalesce(max(done), 0) from stream").Scan(&a.Stream); err != nil {
		return err
	}
	err = tx.QueryRowContext(ctx, "select epoch, seq from journal where kiosk = ? order by seen desc limit 1",
		id).Scan(&a.Epoch, &a.Seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	a.Instructions, err = instructions(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := tx.Rollback(); err != nil {
		return err
	}
	return r.answer(ctx, js, id, a)
}
