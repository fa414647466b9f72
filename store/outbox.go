package store

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"kioskd"
)

// Epoch is the random id that was made with the database.
func (s *Store) Epoch(ctx context.Context) (epoch string, err error) {
	err = s.read.QueryRowContext(ctx, "select value from meta where key = 'epoch'").Scan(&epoch)
	return epoch, explain(err)
}

// Acked implements kiosk.Outbox.
func (s *Store) Acked(ctx context.Context) (seq int64, checkpoint string, err error) {
	err = s.read.QueryRowContext(ctx, "select acked, checkpoint from uplink").Scan(&seq, &checkpoint)
	return seq, checkpoint, explain(err)
}

// Backlog is how many records no back office has acknowledged.
func (s *Store) Backlog(ctx context.Context) (n int64, err error) {
	err = s.read.QueryRowContext(ctx, "select coalesce((select max(seq) from record), 0) - acked + (select count(*) from parked) from uplink").Scan(&n)
	return n, explain(err)
}

// Leaves implements kiosk.Outbox.
func (s *Store) Leaves(ctx context.Context, from int64, again bool) iter.Seq2[kiosk.Leaf, error] {
	records := s.Records(ctx, from)
	if again {
		records = s.query(ctx, "where seq in (select seq from parked where again = 1) order by seq")
	}
	return func(yield func(kiosk.Leaf, error) bool) {
		for r, err := range records {
			var leaf []byte
			if err == nil {
				leaf, err = Leaf(r)
			}
			if !yield(kiosk.Leaf{Seq: r.Seq, Kind: r.Kind, JSON: leaf}, err) || err != nil {
				return
			}
		}
	}
}

// TreeHash is the head of the tree of the first n records.
func (s *Store) TreeHash(ctx context.Context, n int64) ([32]byte, error) {
	h, err := tlog.TreeHash(n, &txHashes{ctx, s.read})
	if err != nil {
		return h, fmt.Errorf("cannot compute the tree's head of %d records: %w", n, explain(err))
	}
	return h, nil
}

// Acknowledge implements kiosk.Outbox.
func (s *Store) Acknowledge(ctx context.Context, a kiosk.Acknowledgement) error {
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "update uplink set acked = ?, checkpoint = iif(?2 = '', checkpoint, ?2)", a.Seq, a.Checkpoint); err != nil {
			return err
		}
		if a.Whole {
			if _, err := tx.ExecContext(ctx, "delete from parked where again = 0"); err != nil {
				return err
			}
		}
		for _, seq := range a.Sent { // again, and taken this time
			if _, err := tx.ExecContext(ctx, "delete from parked where seq = ?", seq); err != nil {
				return err
			}
		}
		for _, r := range a.Refused {
			if _, err := tx.ExecContext(ctx, "insert into parked values (?, ?, 0) on conflict (seq) do update set why = excluded.why, again = 0", r.Seq, r.Why); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("cannot write down what was acknowledged: %w", explain(err))
	}
	return nil
}

// Parked lists the records that the back office refused, in order.
func (s *Store) Parked(ctx context.Context) (out []kiosk.Refusal, err error) {
	rows, err := s.read.QueryContext(ctx, "select seq, why from parked order by seq")
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var r kiosk.Refusal
		if err := rows.Scan(&r.Seq, &r.Why); err != nil {
			return nil, explain(err)
		}
		out = append(out, r)
	}
	return out, explain(rows.Err())
}

// SendAgain lets the parked records be sent once more.
func (s *Store) SendAgain(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, "update parked set again = 1")
	return explain(err)
}

// thinStep is how many records are looked at in a transaction: whoever appends waits for it.
const thinStep = 500

// Thin forgets the bodies of records of some kinds that the back office has, that are older
// than a time and belong to no open session. Their leaves stay in the tree. It returns how
// many it thinned.
func (s *Store) Thin(ctx context.Context, before time.Time, kinds []string) (n int64, err error) {
	for {
		last, more, err := s.thinSome(ctx, before, kinds)
		n += last
		if err != nil || !more {
			return n, explain(err)
		}
	}
}

func (s *Store) thinSome(ctx context.Context, before time.Time, kinds []string) (n int64, more bool, err error) {
	var from, to, old int64
	err = s.read.QueryRowContext(ctx, `select cast(value as integer), acked from meta, uplink where key = 'thinned'`).Scan(&from, &to)
	if err != nil {
		return 0, false, err
	}
	if open, err := s.firstOpen(ctx); err != nil {
		return 0, false, err
	} else if open > 0 {
		to = min(to, open-1)
	}
	var seqs []int64
	for r, err := range s.query(ctx, "where seq > ? and seq <= ? order by seq limit ?", from, to, thinStep) {
		if err != nil {
			return 0, false, err
		}
		if !r.Wall.Before(before) {
			break
		}
		if old = r.Seq; slices.Contains(kinds, r.Kind) {
			seqs = append(seqs, r.Seq)
		}
	}
	if old == 0 {
		return 0, false, nil
	}
	return int64(len(seqs)), true, s.inTx(ctx, func(tx *sql.Tx) error {
		for _, seq := range seqs {
			if _, err := tx.ExecContext(ctx, "update record set body = '' where seq = ? and seq not in (select seq from parked)", seq); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, "update meta set value = ? where key = 'thinned'", fmt.Sprint(old))
		return err
	})
}

// firstOpen is the first record of any open session, 0 where none is open.
func (s *Store) firstOpen(ctx context.Context) (seq int64, err error) {
	err = s.read.QueryRowContext(ctx, "select coalesce(min(seq), 0) from record where session in (select id from session where open = 1) and session <> ''").Scan(&seq)
	return seq, err
}

// ForgetTokens forgets the cards of all records before a time.
func (s *Store) ForgetTokens(ctx context.Context, before time.Time) error {
	last := int64(0)
	for r, err := range s.query(ctx, "where seq in (select seq from token) order by seq") {
		if err != nil {
			return err
		}
		if !r.Wall.Before(before) {
			break
		}
		last = r.Seq
	}
	if last == 0 {
		return nil
	}
	_, err := s.db.ExecContext(ctx, "delete from token where seq <= ?", last)
	return explain(err)
}

// ByToken reads the records of a kind that a card left, the last one first.
func (s *Store) ByToken(ctx context.Context, kind, token string) iter.Seq2[kiosk.Record, error] {
	return s.query(ctx, "where kind = ? and seq in (select seq from token where token = ?) order by seq desc", kind, token)
}

// Spare is how many bytes the file has room for without growing.
func (s *Store) Spare(ctx context.Context) (bytes int64, err error) {
	var pages, size int64
	if err = s.read.QueryRowContext(ctx, "pragma freelist_count").Scan(&pages); err == nil {
		err = s.read.QueryRowContext(ctx, "pragma page_size").Scan(&size)
	}
	return pages * size, explain(err)
}

// Copy makes a consistent copy of the journal as a new file, while it is written.
func (s *Store) Copy(ctx context.Context, path string) error {
	if _, err := s.read.ExecContext(ctx, "vacuum into ?", path); err != nil {
		return fmt.Errorf("cannot copy the journal to %s: %w", path, explain(err))
	}
	return nil
}
