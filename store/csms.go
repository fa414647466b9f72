package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Told is how far an operator's central system was told of the journal.
type Told struct {
	Seq   int64  // it was told of every record up to it
	Part  int    // and so many messages of the record after it
	State []byte // JSON: what was known after record Seq of what is not over
}

// Unheard is a message that a central system refused, or did not answer.
type Unheard struct {
	ID      int64
	Seq     int64 // of the record that it tells of
	Action  string
	Payload []byte
	Why     string
}

// Told reads how far a central system was told; nil where it never was.
func (s *Store) Told(ctx context.Context) (*Told, error) {
	var t Told
	err := s.read.QueryRowContext(ctx, "select told, part, state from csms").Scan(&t.Seq, &t.Part, &t.State)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &t, explain(err)
}

// Tell remembers how far a central system was told, and what it did not take, in one transaction.
func (s *Store) Tell(ctx context.Context, t Told, unheard ...Unheard) error {
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "insert into csms (one, told, part, state) values (1, ?1, ?2, ?3) on conflict "+
			"(one) do update set told = ?1, part = ?2, state = ?3", t.Seq, t.Part, string(t.State))
		for _, u := range unheard {
			_, no := tx.ExecContext(ctx, "insert into csms_parked (seq, action, payload, why, again) values (?, ?, ?, "+
				"?, 0)", u.Seq, u.Action, string(u.Payload), u.Why)
			err = errors.Join(err, no)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot write down what the operator was told: %w", explain(err))
	}
	return nil
}

// Unheard lists what a central system did not take, in order; with again alone what is to be sent once more.
func (s *Store) Unheard(ctx context.Context, again bool) ([]Unheard, error) {
	return listed(ctx, s.read, func(rows *sql.Rows) (u Unheard, err error) {
		err = rows.Scan(&u.ID, &u.Seq, &u.Action, &u.Payload, &u.Why)
		return u, err
	}, "select id, seq, action, payload, why from csms_parked where again >= ? order by id", again)
}

// TellAgain lets what a central system did not take be sent once more.
func (s *Store) TellAgain(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, "update csms_parked set again = 1")
	return explain(err)
}

// Heard forgets a message that a central system took after all, or, with why, keeps it for a person again.
func (s *Store) Heard(ctx context.Context, id int64, why string) error {
	if why == "" {
		_, err := s.db.ExecContext(ctx, "delete from csms_parked where id = ?", id)
		return explain(err)
	}
	_, err := s.db.ExecContext(ctx, "update csms_parked set again = 0, why = ? where id = ?", why, id)
	return explain(err)
}

// Unhear forgets what a central system did not take: another one is told from now on.
func (s *Store) Unhear(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, "delete from csms_parked")
	return explain(err)
}
