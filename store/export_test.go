package store

import (
	"context"
	"fmt"
)

// LimitPages makes the disk as small as a number of pages.
func (s *Store) LimitPages(ctx context.Context, n int) error {
	_, err := s.db.ExecContext(ctx, fmt.Sprintf("pragma max_page_count = %d", n))
	return err
}

// Latest is the number of the last migration.
func Latest() int {
	steps, err := readMigrations()
	if err != nil {
		panic(err)
	}
	return steps[len(steps)-1].number
}
