package store

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"kioskd"
)

// Head is the tree's head as people compare it.
type Head struct {
	Records int64  `json:"records"`
	Hash    string `json:"tree_hash"` // base64, as in a tlog tree
	Thinned int64  `json:"thinned,omitempty"`
	// of the head that a back office signed, which the tree agrees with; 0 for none
	Signed int64 `json:"signed_records,omitempty"`
}

// WrongRecord is the first record that does not fit the tree.
type WrongRecord struct {
	Seq  int64
	What string
}

func (w *WrongRecord) Error() string { return fmt.Sprintf("record %d: %s", w.Seq, w.What) }

// leafHash is the hash of a record's leaf, compared with the stored one.
func (s *Store) leafHash(ctx context.Context, r kiosk.Record) (tlog.Hash, error) {
	stored, err := (&txHashes{ctx, s.read}).ReadHashes([]int64{tlog.StoredHashIndex(0, r.Seq-1)})
	if errors.Is(err, sql.ErrNoRows) {
		return tlog.Hash{}, &WrongRecord{r.Seq, "has no hash"}
	}
	if err != nil {
		return tlog.Hash{}, err
	}
	leaf, err := Leaf(r)
	switch {
	case err != nil:
		return tlog.Hash{}, &WrongRecord{r.Seq, err.Error()}
	case tlog.RecordHash(leaf) != stored[0]:
		return tlog.Hash{}, &WrongRecord{r.Seq, "was altered after it was written"}
	}
	return stored[0], nil
}

// Verify computes the whole tree again from the records and compares it with what is
// stored. Its error is a *WrongRecord for the first that does not fit. progress is
// called now and then with the number of records done.
//
// The file itself is looked at first, its indexes included; and where a back office signed a head of
// the tree, the tree must still have it: who cuts off the end together with its hashes, or writes the
// whole anew, cannot sign.
func (s *Store) Verify(ctx context.Context, progress func(int64)) (Head, error) {
	if err := s.integrity(ctx, "integrity_check"); err != nil {
		return Head{}, err
	}
	signed, err := s.signedHead(ctx)
	if err != nil {
		return Head{}, err
	}
	rebuilt := newFrontier()
	last, thinned := int64(0), int64(0)
	agrees := func(n int64) error {
		if n != signed.N {
			return nil
		}
		if root, err := tlog.TreeHash(n, rebuilt); err != nil || root != signed.Hash {
			return &WrongRecord{n, "up to it the tree is another one than the back office signed"}
		}
		return nil
	}
	for r, err := range s.Records(ctx, 1) {
		if err != nil {
			return Head{}, err
		}
		for ; last+1 < r.Seq; last++ {
			if err := errors.Join(s.addThinned(ctx, rebuilt, last+1), agrees(last+1)); err != nil {
				return Head{}, err
			}
			thinned++
		}
		last = r.Seq
		leaf, err := s.leafHash(ctx, r)
		if err != nil {
			return Head{}, err
		}
		if err := errors.Join(s.compare(ctx, rebuilt, r.Seq, leaf), agrees(r.Seq)); err != nil {
			return Head{}, err
		}
		if last%10000 == 0 {
			progress(last)
		}
	}
	if err := s.whole(ctx); err != nil {
		return Head{}, err
	}
	if signed.N > last {
		return Head{}, &WrongRecord{last + 1, fmt.Sprintf("records after it are missing: the back office signed %d",
			signed.N)}
	}
	root, err := tlog.TreeHash(last, rebuilt)
	if err != nil {
		return Head{}, err
	}
	return Head{last, base64.StdEncoding.EncodeToString(root[:]), thinned, signed.N}, nil
}

// whole tells what is wrong at the end, if the tree has more or fewer hashes than the records up to the last need. Both
// are of one moment: another process may append meanwhile.
func (s *Store) whole(ctx context.Context) error {
	var last, hashes int64
	if err := s.read.QueryRowContext(ctx, "select (select coalesce(max(seq), 0) from record), "+
		"(select count(*) from hash)").Scan(&last, &hashes); err != nil {
		return explain(err)
	}
	if want := tlog.StoredHashCount(last); hashes != want {
		return &WrongRecord{last + 1, fmt.Sprintf(
			"records after it are missing: the tree has %d hashes, want %d", hashes, want)}
	}
	return nil
}

// integrity lets SQLite look at its own file.
func (s *Store) integrity(ctx context.Context, pragma string) error {
	var said string
	if err := s.read.QueryRowContext(ctx, "pragma "+pragma+"(1)").Scan(&said); err != nil {
		return explain(err)
	}
	if said != "ok" {
		return fmt.Errorf("%w: %s: keep the file, copy it for the technician, and restore the last good copy",
			ErrDamaged, said)
	}
	return nil
}

// signedHead is the last head of the tree that a back office signed; of no records where none did. It
// is a checkpoint in a signed note: what is signed ends with an empty line.
func (s *Store) signedHead(ctx context.Context) (tlog.Tree, error) {
	_, checkpoint, err := s.Acked(ctx)
	if err != nil || checkpoint == "" {
		return tlog.Tree{}, err
	}
	text, _, _ := strings.Cut(checkpoint, "\n\n")
	c, err := kiosk.ParseCheckpoint(strings.TrimSuffix(text, "\n") + "\n")
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%w: what a back office signed: %v", ErrDamaged, err)
	}
	return tlog.Tree{N: c.Records, Hash: c.Hash}, nil
}

// addThinned adds a record of which only the hash is here. That it is the hash of then is for
// the back office to say, which signed the head above it.
func (s *Store) addThinned(ctx context.Context, rebuilt *frontier, seq int64) error {
	gone, err := s.thinnedAway(ctx, seq)
	if err != nil {
		return err
	}
	if !gone {
		return &WrongRecord{seq, "is missing"}
	}
	l, err := s.withheld(ctx, seq, "")
	if err != nil {
		return err
	}
	return s.compare(ctx, rebuilt, seq, l.Hash)
}

// compare adds a leaf to the rebuilt tree and compares the new hashes with the stored.
func (s *Store) compare(ctx context.Context, rebuilt *frontier, seq int64, leaf tlog.Hash) error {
	hashes, err := tlog.StoredHashesForRecordHash(seq-1, leaf, rebuilt)
	if err != nil {
		return err
	}
	first := tlog.StoredHashIndex(0, seq-1)
	for i, h := range hashes {
		idx := first + int64(i)
		rebuilt.add(idx, h)
		stored, err := (&txHashes{ctx, s.read}).ReadHashes([]int64{idx})
		if err != nil || stored[0] != h {
			return &WrongRecord{seq, "the tree above it was altered"}
		}
	}
	return nil
}

// frontier has of each level of a growing tree the last hash: what the next record and the head need,
// however many records there are.
type frontier struct {
	hashes map[int64]tlog.Hash
	last   map[int]int64 // stored index by level
}

func newFrontier() *frontier { return &frontier{map[int64]tlog.Hash{}, map[int]int64{}} }

func (f *frontier) add(idx int64, h tlog.Hash) {
	level, _ := tlog.SplitStoredHashIndex(idx)
	if before, ok := f.last[level]; ok {
		delete(f.hashes, before)
	}
	f.last[level], f.hashes[idx] = idx, h
}

// ReadHashes implements tlog.HashReader.
func (f *frontier) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, idx := range indexes {
		h, ok := f.hashes[idx]
		if !ok {
			return nil, fmt.Errorf("hash %d is missing", idx)
		}
		out[i] = h
	}
	return out, nil
}

// txHashes reads stored hashes inside a transaction.
type txHashes struct {
	ctx context.Context
	tx  interface {
		QueryRowContext(context.Context, string, ...any) *sql.Row
	}
}

// ReadHashes implements tlog.HashReader.
func (h *txHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, idx := range indexes {
		var b []byte
		if err := h.tx.QueryRowContext(h.ctx, "select hash from hash where idx = ?", idx).Scan(&b); err != nil {
			return nil, fmt.Errorf("hash %d: %w", idx, err)
		}
		if len(b) != len(out[i]) {
			return nil, fmt.Errorf("hash %d has %d bytes", idx, len(b))
		}
		copy(out[i][:], b)
	}
	return out, nil
}

// Proof proves that a record is in the tree of the first n records: the hashes of its audit path (RFC 6962, section
// 2.1.1), the lowest first.
func (s *Store) Proof(ctx context.Context, seq, n int64) ([][32]byte, error) {
	path, err := tlog.ProveRecord(n, seq-1, &txHashes{ctx, s.read})
	if err != nil {
		return nil, fmt.Errorf("cannot prove record %d: %w", seq, err)
	}
	out := make([][32]byte, len(path))
	for i, h := range path {
		out[i] = h
	}
	return out, nil
}
