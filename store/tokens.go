package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Token is what is known of a program's token. The token itself is nowhere.
type Token struct {
	Name   string
	Hash   string // SHA-256, hexadecimal
	Scopes []string
	Made   time.Time
	Until  *time.Time // nil for no end
	Used   string     // the day of its last use, as 2026-03-02; empty for never
}

// ErrNoToken means that there is no such token.
var ErrNoToken = errors.New("there is no such token")

// ErrTokenThere means that a token has the name already.
var ErrTokenThere = errors.New("a token has this name already")

// AddToken keeps a new token.
func (s *Store) AddToken(ctx context.Context, t Token) error {
	until := ""
	if t.Until != nil {
		until = t.Until.Format(time.RFC3339)
	}
	result, err := s.db.ExecContext(ctx, "insert into api_token values (?, ?, ?, ?, ?, '') on conflict do nothing",
		t.Name, t.Hash, strings.Join(t.Scopes, " "), t.Made.Format(time.RFC3339), until)
	if err != nil {
		return fmt.Errorf("cannot keep token %q: %w", t.Name, explain(err))
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(fmt.Errorf("cannot keep token %q: %w", t.Name, ErrTokenThere), err)
	}
	return nil
}

// RemoveToken ends a token.
func (s *Store) RemoveToken(ctx context.Context, name string) error {
	result, err := s.db.ExecContext(ctx, "delete from api_token where name = ?", name)
	if err != nil {
		return explain(err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(fmt.Errorf("%q: %w", name, ErrNoToken), err)
	}
	return nil
}

// Token finds a token by its hash.
func (s *Store) Token(ctx context.Context, hash string) (Token, error) {
	all, err := s.tokens(ctx, "where hash = ?", hash)
	if err != nil {
		return Token{}, err
	}
	if len(all) == 0 {
		return Token{}, ErrNoToken
	}
	return all[0], nil
}

// UsedToken keeps that a token was used on a day.
func (s *Store) UsedToken(ctx context.Context, hash, day string) error {
	_, err := s.db.ExecContext(ctx, "update api_token set used = ? where hash = ?", day, hash)
	return explain(err)
}

// Tokens lists the tokens by name.
func (s *Store) Tokens(ctx context.Context) ([]Token, error) { return s.tokens(ctx, "order by name") }

func (s *Store) tokens(ctx context.Context, where string, args ...any) ([]Token, error) {
	return listed(ctx, s.read, scanToken, "select name, hash, scopes, made, until, used from api_token "+where, args...)
}

func scanToken(rows *sql.Rows) (t Token, err error) {
	var scopes, made, until string
	if err := rows.Scan(&t.Name, &t.Hash, &scopes, &made, &until, &t.Used); err != nil {
		return t, err
	}
	t.Scopes = strings.Fields(scopes)
	t.Made, err = time.Parse(time.RFC3339, made)
	if err == nil && until != "" {
		var end time.Time
		end, err = time.Parse(time.RFC3339, until)
		t.Until = &end
	}
	return t, err
}
