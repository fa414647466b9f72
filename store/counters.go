package store

import (
	"context"
	"database/sql"
	"fmt"
)

// Count is how often something was done in an hour of a day. It names no person.
type Count struct {
	Day  string // of the site, as 2026-03-02
	Hour int
	What string
	N    int64
}

// AddCounts adds to the counters, in one transaction. A power cut may lose what was added last.
func (s *Store) AddCounts(ctx context.Context, counts ...Count) error {
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		for _, c := range counts {
			if _, err := tx.ExecContext(ctx, "insert into counter values (?1, ?2, ?3, ?4) on conflict do update set "+
				"n = n + ?4", c.Day, c.Hour, c.What, c.N); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("cannot count: %w", explain(err))
	}
	return nil
}

// Counts lists the counters, by day, hour and what.
func (s *Store) Counts(ctx context.Context) ([]Count, error) {
	return listed(ctx, s.read, func(rows *sql.Rows) (c Count, err error) {
		err = rows.Scan(&c.Day, &c.Hour, &c.What, &c.N)
		return c, err
	}, "select day, hour, what, n from counter order by day, hour, what")
}

// ForgetCounts deletes the counters of a day, once a record has them.
func (s *Store) ForgetCounts(ctx context.Context, day string) error {
	_, err := s.db.ExecContext(ctx, "delete from counter where day = ?", day)
	return explain(err)
}
