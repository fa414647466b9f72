package receiver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"kioskd/receipt"
	"kioskd/report"
)

// ErrNone means that there is no such session or receipt here.
var ErrNone = errors.New("it is not here")

// Where finds the journal that has a session, by its id and, where that is not empty, its kiosk: a kiosk may have made
// an id that another has.
func (r *Receiver) Where(ctx context.Context, session, of string) (kiosk, epoch string, err error) {
	err = r.db.QueryRowContext(ctx,
		"select kiosk, epoch from record where session = ?1 and session <> '' and (?2 = '' "+
			"or kiosk = ?2) limit 1", session, of).Scan(&kiosk, &epoch)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNone
	}
	return kiosk, epoch, err
}

// Source is a journal, as a source of reports.
func (r *Receiver) Source(kiosk, epoch string) report.Named {
	return report.Named{Kiosk: kiosk, Source: source{r, kiosk, epoch}}
}

// Receipt is that of a session, of a kiosk where it is not empty.
func (r *Receiver) Receipt(ctx context.Context, session, of string) (receipt.Receipt, error) {
	kiosk, epoch, err := r.Where(ctx, session, of)
	if err != nil {
		return receipt.Receipt{}, err
	}
	got, err := receipt.From(ctx, r.lines(ctx, "session = ? and line <> ''", kiosk, epoch, session),
		func(ctx context.Context, n int64) ([32]byte, error) { return r.treeHash(ctx, kiosk, epoch, n) })
	if errors.Is(err, receipt.ErrNone) {
		return got, ErrNone
	}
	return got, err
}

// Checkpoint is the last head of a journal's tree that kiosk and back office both signed, over how many records, and
// the key of the kiosk.
func (r *Receiver) Checkpoint(ctx context.Context, kiosk, epoch string) (text string, size int64, key string,
	err error) {
	err = r.db.QueryRowContext(ctx, "select checkpoint, key from journal where kiosk = ? and epoch = ?", kiosk,
		epoch).Scan(&text, &key)
	if err != nil {
		return "", 0, "", err
	}
	lines := strings.SplitN(text, "\n", 3)
	if len(lines) < 3 {
		return "", 0, key, errors.New("kiosk and back office have signed nothing together yet")
	}
	size, err = strconv.ParseInt(lines[1], 10, 64)
	return text, size, key, err
}

// Prove proves that records are in the tree of a journal's first ones (RFC 6962, section 2.1.1).
func (r *Receiver) Prove(ctx context.Context, kiosk, epoch string, size int64) (func(seq int64) ([][32]byte, error),
	error) {
	leaves := make([]tlog.Hash, 0, size)
	rows, err := r.db.QueryContext(ctx,
		"select hash from record where kiosk = ? and epoch = ? and seq <= ? order by seq", kiosk, epoch, size)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var hash []byte
		if err := rows.Scan(&hash); err != nil {
			return nil, err
		}
		leaves = append(leaves, tlog.Hash(hash))
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	tree := &subtrees{leaves, map[int64]tlog.Hash{}}
	return func(seq int64) ([][32]byte, error) {
		path, err := tlog.ProveRecord(size, seq-1, tree)
		if err != nil {
			return nil, fmt.Errorf("cannot prove record %d: %w", seq, err)
		}
		out := make([][32]byte, len(path))
		for i, h := range path {
			out[i] = h
		}
		return out, nil
	}, nil
}

// subtrees are the hashes of a tree whose leaves are known. It implements tlog.HashReader.
type subtrees struct {
	leaves []tlog.Hash
	known  map[int64]tlog.Hash // by their stored index
}

// ReadHashes implements tlog.HashReader.
func (s *subtrees) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		if (n+1)<<level > int64(len(s.leaves)) {
			return nil, fmt.Errorf("the tree of %d records has no hash %d of level %d", len(s.leaves), n, level)
		}
		out[i] = s.hash(level, n)
	}
	return out, nil
}

func (s *subtrees) hash(level int, n int64) tlog.Hash {
	if level == 0 {
		return s.leaves[n]
	}
	index := tlog.StoredHashIndex(level, n)
	h, ok := s.known[index]
	if !ok {
		h = tlog.NodeHash(s.hash(level-1, 2*n), s.hash(level-1, 2*n+1))
		s.known[index] = h
	}
	return h
}
