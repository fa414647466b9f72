package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
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
	err = s.read.QueryRowContext(ctx, "select coalesce((select max(seq) from record), 0) - acked + (select count(*) "+
		"from parked) from uplink").Scan(&n)
	return n, explain(err)
}

// Leaves implements kiosk.Outbox.
func (s *Store) Leaves(ctx context.Context, from int64, again bool) iter.Seq2[kiosk.Leaf, error] {
	if again {
		return s.leaves(ctx, s.query(ctx, "where seq in (select seq from parked where again = 1) order by seq"),
			math.MaxInt64)
	}
	return s.leaves(ctx, s.Records(ctx, from), from)
}

// leaves are those of records. Of what is missing from a number on, because it was thinned, and
// of what must not leave the kiosk, there is the hash.
func (s *Store) leaves(ctx context.Context, records iter.Seq2[kiosk.Record, error], next int64) iter.Seq2[kiosk.Leaf,
	error] {
	return func(yield func(kiosk.Leaf, error) bool) {
		for r, err := range records {
			if err != nil {
				yield(kiosk.Leaf{}, err)
				return
			}
			for ; next < r.Seq; next++ {
				if l, err := s.withheld(ctx, next, "thinned"); !yield(l, err) || err != nil {
					return
				}
			}
			if next == r.Seq {
				next++
			}
			l, err := s.leafOf(ctx, r)
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// leafOf is a record's leaf. Older records had what recognises a card in them: that goes to
// no back office.
func (s *Store) leafOf(ctx context.Context, r kiosk.Record) (kiosk.Leaf, error) {
	if bytes.Contains(r.Body, []byte(`"card_token"`)) {
		return s.withheld(ctx, r.Seq, "it recognises a card")
	}
	leaf, err := Leaf(r)
	return kiosk.Leaf{Seq: r.Seq, Kind: r.Kind, JSON: leaf}, err
}

func (s *Store) withheld(ctx context.Context, seq int64, why string) (kiosk.Leaf, error) {
	hash, err := (&txHashes{ctx, s.read}).ReadHashes([]int64{tlog.StoredHashIndex(0, seq-1)})
	if err != nil {
		return kiosk.Leaf{}, explain(err)
	}
	return kiosk.Leaf{Seq: seq, Withheld: why, Hash: hash[0]}, nil
}

// TreeHash is the head of the tree of the first n records, which the journal must have.
func (s *Store) TreeHash(ctx context.Context, n int64) ([32]byte, error) {
	switch have, err := s.Seq(ctx); {
	case err != nil:
		return [32]byte{}, err
	case n < 0 || n > have: // tlog does not come back from a number that is far beyond
		return [32]byte{}, fmt.Errorf("cannot compute the tree's head of %d records: there are %d", n, have)
	}
	h, err := tlog.TreeHash(n, &txHashes{ctx, s.read})
	if err != nil {
		return h, fmt.Errorf("cannot compute the tree's head of %d records: %w", n, explain(err))
	}
	return h, nil
}

// Acknowledge implements kiosk.Outbox.
func (s *Store) Acknowledge(ctx context.Context, a kiosk.Acknowledgement) error {
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "update uplink set acked = ?", a.Seq); err != nil {
			return err
		}
		if a.Checkpoint != "" {
			if _, err := tx.ExecContext(ctx, "update uplink set checkpoint = ?, signed = ?", a.Checkpoint,
				a.Signed); err != nil {
				return err
			}
		}
		if a.Whole {
			if _, err := tx.ExecContext(ctx, "delete from parked where again = 0 and ours = 0"); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, "delete from parked where seq >= ? and seq <= ?", a.From, a.To); err != nil {
			return err
		}
		for _, seq := range a.Sent { // again, and taken this time
			if _, err := tx.ExecContext(ctx, "delete from parked where seq = ?", seq); err != nil {
				return err
			}
		}
		return errors.Join(park(ctx, tx, a.Refused, false), park(ctx, tx, a.Withheld, true))
	})
	if err != nil {
		return fmt.Errorf("cannot write down what was acknowledged: %w", explain(err))
	}
	return nil
}

func park(ctx context.Context, tx *sql.Tx, all []kiosk.Refusal, ours bool) error {
	for _, r := range all {
		if _, err := tx.ExecContext(ctx, "insert into parked (seq, why, again, ours) select ?1, ?2, 0, ?3 where "+
			"exists (select 1 from record where seq = ?1) on conflict (seq) do update set why = excluded.why, again "+
			"= 0, ours = excluded.ours", r.Seq, r.Why, ours); err != nil {
			return err
		}
	}
	return nil
}

// Parked lists the records that the back office refused, in order.
func (s *Store) Parked(ctx context.Context) ([]kiosk.Refusal, error) {
	return listed(ctx, s.read, func(rows *sql.Rows) (r kiosk.Refusal, err error) {
		err = rows.Scan(&r.Seq, &r.Why)
		return r, err
	}, "select seq, why from parked order by seq")
}

// SendAgain lets the parked records be sent once more.
func (s *Store) SendAgain(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, "update parked set again = 1")
	return explain(err)
}

// thinStep is how many records are looked at in a transaction: a writer that appends waits for it.
const thinStep = 500

// Thin forgets records of some kinds that the back office has and signed for, that are older
// than a time and belong to no open session. Their leaves' hashes stay in the tree. It returns
// how many it thinned.
func (s *Store) Thin(ctx context.Context, before time.Time, kinds []string) (n int64, err error) {
	for more := true; more && err == nil; {
		var some int64
		some, more, err = s.thinSome(ctx, before, kinds)
		n += some
	}
	return n, explain(err)
}

// thinSome thins a step of the journal; more tells whether there was one.
func (s *Store) thinSome(ctx context.Context, before time.Time, kinds []string) (n int64, more bool, err error) {
	from, found, err := s.thinnable(ctx, before)
	if err != nil || len(found) == 0 {
		return 0, false, err
	}
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		var safe int64 // read where it cannot change any longer; the last record stays, for its number
		if err := tx.QueryRowContext(
			ctx, "select min(acked, signed, (select max(seq) - 1 from record)) from uplink").Scan(&safe); err != nil {
			return err
		}
		last := from
		for _, r := range found {
			if r.Seq > safe {
				break
			}
			last = r.Seq
			if !slices.Contains(kinds, r.Kind) {
				continue
			}
			gone, err := thinOne(ctx, tx, r.Seq)
			if err != nil {
				return err
			}
			n += gone
		}
		more = last > from
		_, err := tx.ExecContext(ctx, "update meta set value = ? where key = 'thinned'", fmt.Sprint(last))
		return err
	})
	return n, more, err
}

// thinnable are the next records that are old enough and of no session that is open, after the last that were looked
// at.
func (s *Store) thinnable(ctx context.Context, before time.Time) (from int64, found []kiosk.Record, err error) {
	if err := s.read.QueryRowContext(ctx, "select cast(value as integer) from meta where key = 'thinned'").Scan(
		&from); err != nil {
		return 0, nil, err
	}
	var open int64
	if err := s.read.QueryRowContext(ctx, "select coalesce(min(seq), 0) from record where session in (select id "+
		"from session where open = 1) and session <> ''").Scan(&open); err != nil {
		return 0, nil, err
	}
	old := 0 // of found: what follows may be younger
	for r, err := range s.query(ctx, "where seq > ? order by seq limit ?", from, thinStep) {
		if err != nil {
			return 0, nil, err
		}
		if open > 0 && r.Seq >= open || r.ClockOK && !r.Wall.Before(before) {
			break
		}
		found = append(found, r)
		if r.ClockOK { // a time that no source vouches for says nothing
			old = len(found)
		}
	}
	if old == 0 && len(found) == thinStep { // no source vouched for the time for long: what follows tells
		var wall string
		err := s.read.QueryRowContext(ctx, "select wall from record where seq > ? and clock_ok = 1 order by seq "+
			"limit 1", found[thinStep-1].Seq).Scan(&wall)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return 0, nil, err
		}
		if at, err := time.Parse(time.RFC3339Nano, wall); err == nil && at.Before(before) {
			old = thinStep
		}
	}
	return from, found[:old], nil
}

// thinOne takes a record away but for its leaf's hash; 0 for one that is parked, which stays.
func thinOne(ctx context.Context, tx *sql.Tx, seq int64) (int64, error) {
	gone, err := tx.ExecContext(ctx, "delete from record where seq = ?1 and seq not in (select seq from parked)", seq)
	if err != nil {
		return 0, err
	}
	rows, err := gone.RowsAffected()
	if err != nil || rows == 0 {
		return 0, err
	}
	_, err = tx.ExecContext(ctx, "insert into thinned (seq) values (?)", seq)
	return rows, err
}

// thinnedAway tells whether a record is missing because it was thinned.
func (s *Store) thinnedAway(ctx context.Context, seq int64) (yes bool, err error) {
	err = s.read.QueryRowContext(ctx, "select exists (select 1 from thinned where seq = ?)", seq).Scan(&yes)
	return yes, explain(err)
}

// ForgetTokens forgets the cards of all records of before a time, and of those whose time is
// not to come yet by now. Who charges keeps theirs.
func (s *Store) ForgetTokens(ctx context.Context, before, now time.Time) error {
	_, err := s.db.ExecContext(ctx, `delete from token where (day < ? or day > ?) and seq not in
		(select seq from record where session in (select id from session where open = 1) and session <> '')`,
		before.Unix()/86400, now.Unix()/86400+1)
	return explain(err)
}

// ByToken reads the records of a kind that a card left, the last one first.
func (s *Store) ByToken(ctx context.Context, kind, token string) iter.Seq2[kiosk.Record, error] {
	same, args := []string{"false"}, []any{kind}
	for _, part := range kiosk.CardTokens(token) { // of each key that recognises the card
		same, args = append(same, "instr(token, ?) > 0"), append(args, part)
	}
	return s.query(ctx, "where kind = ? and seq in (select seq from token where "+strings.Join(same,
		" or ")+") order by seq desc", args...)
}

// Spare is how many bytes the file has room for without growing.
func (s *Store) Spare(ctx context.Context) (bytes int64, err error) {
	var pages, size int64
	err = s.read.QueryRowContext(ctx, "pragma freelist_count").Scan(&pages)
	if err == nil {
		err = s.read.QueryRowContext(ctx, "pragma page_size").Scan(&size)
	}
	return pages * size, explain(err)
}
