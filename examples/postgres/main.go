// Command postgres follows the JetStream that kiosks send to (docs/backoffice.md), and fills a PostgreSQL database: an
// example for operators who outgrow the back office that comes with kioskd. That one, with nats: in its configuration,
// goes on checking, signing and answering; this reads beside it, and any number of others may.
//
// Each message is one transaction, together with its place in the stream: after a crash of any part it goes on where
// the
// database is, and no record is there twice. Of a record that is there it compares the text: another history of a kiosk
// is told, and not taken. Records that the back office refused are here all the same; what it signed it says itself.
//
// It is set by the environment: NATS_URL, NATS_CREDS (a file), NATS_CA, NATS_CERT and NATS_KEY (files), and
// DATABASE_URL
// as PostgreSQL has it.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"kioskd"
	"kioskd/backoffice"
)

//go:embed schema.sql
var schema string

// again is how long a thing that broke off is left alone.
const again = time.Second

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	secure, err := backoffice.Files{CA: os.Getenv("NATS_CA"), Certificate: os.Getenv("NATS_CERT"),
		Key: os.Getenv("NATS_KEY")}.TLS()
	if err != nil {
		log.Error("cannot begin", "error", err)
		os.Exit(2)
	}
	conn, err := nats.Connect(os.Getenv("NATS_URL"), nats.Secure(secure), nats.UserCredentials(os.Getenv("NATS_CREDS")),
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.Name("kioskd to PostgreSQL"))
	if err != nil {
		log.Error("cannot begin", "error", err)
		os.Exit(2)
	}
	defer conn.Close()
	for ctx.Err() == nil {
		if err := follow(ctx, conn, os.Getenv("DATABASE_URL"), log); err != nil && ctx.Err() == nil {
			log.Error("broken off", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(again):
		}
	}
}

// follow takes message after message until ctx ends, or something breaks off.
func follow(ctx context.Context, conn *nats.Conn, database string, log *slog.Logger) error {
	db, err := pgx.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	if _, err := db.Exec(ctx, schema); err != nil {
		return fmt.Errorf("cannot make the tables: %w", err)
	}
	from, err := place(ctx, db, conn)
	if err != nil {
		return err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	consumer, err := js.OrderedConsumer(ctx, backoffice.JournalStream, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, messages.Stop)()
	defer messages.Stop()
	for {
		m, err := messages.Next()
		if err != nil {
			return err
		}
		if err := take(ctx, db, m, log); err != nil {
			return err
		}
	}
}

// place is the number of the first message that is not here. A stream that is shorter than it was lost its end: it is
// read again from its beginning, and what is known is not taken twice.
func place(ctx context.Context, db *pgx.Conn, conn *nats.Conn) (uint64, error) {
	var done uint64
	if err := db.QueryRow(ctx, "select coalesce(max(done), 0) from place").Scan(&done); err != nil {
		return 0, err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return 0, err
	}
	stream, err := js.Stream(ctx, backoffice.JournalStream)
	if err != nil {
		return 0, err
	}
	if stream.CachedInfo().State.LastSeq < done {
		return 1, nil
	}
	return done + 1, nil
}

// take takes a message.
func take(ctx context.Context, db *pgx.Conn, m jetstream.Msg, log *slog.Logger) error {
	meta, err := m.Metadata()
	if err != nil {
		return err
	}
	tx, err := db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) // after a commit it does nothing
	id := strings.TrimPrefix(m.Subject(), backoffice.JournalSubject(""))
	b, err := backoffice.Decode(bytes.NewReader(m.Data()))
	switch {
	case err != nil || b.Kiosk != id:
		log.Warn("a message is no batch of its kiosk", "stream_seq", meta.Sequence.Stream, "kiosk", id, "error", err)
	default:
		for _, leaf := range b.Leaves {
			if err := keep(ctx, tx, b, leaf); errors.Is(err, errOther) {
				log.Error("another history of a kiosk", "kiosk", id, "record", leaf.Seq)
				break
			} else if err != nil {
				return err
			}
		}
	}
	if _, err := tx.Exec(ctx,
		"insert into place values (true, $1) on conflict (one) do update set done = excluded.done",
		meta.Sequence.Stream); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

var errOther = errors.New("another record of this number is here")

// keep keeps a record. One that is here must be the same; one that was withheld then, and comes now, is filled in.
func keep(ctx context.Context, tx pgx.Tx, b backoffice.Batch, leaf kiosk.Leaf) error {
	var r struct {
		Session string          `json:"session"`
		Wall    *time.Time      `json:"wall"`
		Body    json.RawMessage `json:"body"`
	}
	if leaf.Withheld == "" {
		if err := json.Unmarshal(leaf.JSON, &r); err != nil {
			return err
		}
	}
	tag, err := tx.Exec(ctx, `insert into record values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict (kiosk, epoch, seq) do update set session = excluded.session, kind = excluded.kind, wall = excluded.wall,
			body = excluded.body, line = excluded.line
		where record.line = '' or excluded.line = '' or record.line = excluded.line`,
		b.Kiosk, b.Epoch, leaf.Seq, r.Session, leaf.Kind, r.Wall, r.Body, string(leaf.JSON))
	if err == nil && tag.RowsAffected() == 0 {
		return errOther
	}
	return err
}
