package store

import (
	"context"
	"database/sql"
	"iter"
)

// scan reads one row into a value.
type scan[T any] func(*sql.Rows) (T, error)

// found reads what a query finds, row by row. A row that cannot be read is the last.
func found[T any](ctx context.Context, db *sql.DB, read scan[T], query string, args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		rows, err := db.QueryContext(ctx, query, args...)
		if err != nil {
			yield(none, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			v, err := read(rows)
			if !yield(v, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(none, err)
		}
	}
}

// listed reads all that a query of the journal finds; nil for nothing.
func listed[T any](ctx context.Context, db *sql.DB, read scan[T], query string, args ...any) (out []T, err error) {
	for v, err := range found(ctx, db, read, query, args...) {
		if err != nil {
			return nil, explain(err)
		}
		out = append(out, v)
	}
	return out, nil
}

// word reads the only column.
func word(rows *sql.Rows) (s string, err error) {
	err = rows.Scan(&s)
	return s, err
}
