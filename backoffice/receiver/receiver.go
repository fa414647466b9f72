// Package receiver is the other side of package backoffice: it takes the journals of kiosks
// into an SQLite database, over HTTPS or from a JetStream, each record once and in order. It is
// a server for tests and small hosts, and an example for those who write another. The protocol
// is documented in docs/backoffice.md; the receiver is tested against that document.
//
// A batch is one transaction: its records are kept, the head of the tree that they make is the
// one that the kiosk signed, the cursor moves, or nothing happens. What is answered is on disk.
// It keeps a record's line as it came. It never changes one, and never forgets one.
package receiver

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	_ "github.com/mattn/go-sqlite3" // the database's driver
	"github.com/oklog/ulid/v2"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"kioskd"
	"kioskd/backoffice"
)

//go:embed schema.sql
var schema string

// Receiver is an open database.
type Receiver struct {
	db     *sql.DB
	signer note.Signer
	now    func() time.Time
	refuse func(kiosk.Leaf) string

	answering sync.Mutex // over a stream: one answer takes the place of the one before

	mu       sync.Mutex
	watchers map[chan struct{}]bool
}

// Open opens a database, or makes it. signer signs checkpoints; refuse says why a record is not
// taken, and may be nil.
func Open(ctx context.Context, path string, signer note.Signer, refuse func(kiosk.Leaf) string) (*Receiver, error) {
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: path,
		RawQuery: "_journal_mode=WAL&_synchronous=FULL&_busy_timeout=10000&_txlock=immediate"}
	db, err := sql.Open("sqlite3", dsn.String())
	if err == nil {
		_, err = db.ExecContext(ctx, schema)
	}
	if err == nil {
		_, err = db.ExecContext(ctx, "insert or ignore into office values (1, ?)", ulid.Make().String())
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open database %s: %w", path, err)
	}
	if refuse == nil {
		refuse = func(kiosk.Leaf) string { return "" }
	}
	return &Receiver{db: db, signer: signer, now: time.Now, refuse: refuse, watchers: map[chan struct{}]bool{}}, nil
}

// Close closes the database.
func (r *Receiver) Close() error { return r.db.Close() }

// ErrConflict means that a kiosk sent another history than the one that is here.
var ErrConflict = errors.New("another history of this kiosk is here")

// wrongBatch is an error of the sender of a batch.
type wrongBatch struct{ error }

// journal is a row of that table.
type journal struct {
	seq      int64
	frontier []tlog.Hash // the largest subtree first
	point    string
}

// Take takes a batch, and returns the answer.
func (r *Receiver) Take(ctx context.Context, b backoffice.Batch) (backoffice.Answer, error) {
	return r.within(ctx, b, func(*sql.Tx) error { return nil })
}

// within takes a batch, and does something else in the same transaction.
func (r *Receiver) within(ctx context.Context, b backoffice.Batch, also func(*sql.Tx) error) (backoffice.Answer,
	error) {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return backoffice.Answer{}, err
	}
	defer tx.Rollback()
	a, err := r.accept(ctx, tx, b)
	if errors.Is(err, ErrConflict) { // what came before is good, what comes after is not taken
		defer r.changed()
		return a, errors.Join(err, tx.Rollback(), r.mark(ctx, b, err))
	}
	if err := errors.Join(err, also(tx)); err != nil {
		return a, err
	}
	if err := tx.Commit(); err != nil {
		return a, err
	}
	r.changed()
	return a, nil
}

// Watch returns a channel that gets a value after each batch that was taken, until cancel.
func (r *Receiver) Watch() (changed <-chan struct{}, cancel func()) {
	ch := make(chan struct{}, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watchers[ch] = true
	return ch, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.watchers, ch)
	}
}

func (r *Receiver) changed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for ch := range r.watchers {
		select {
		case ch <- struct{}{}:
		default: // it will look anyway
		}
	}
}

func (r *Receiver) accept(ctx context.Context, tx *sql.Tx, b backoffice.Batch) (a backoffice.Answer, err error) {
	a = backoffice.Answer{Epoch: b.Epoch, Time: r.now().UTC()}
	j, err := r.journal(ctx, tx, b)
	if err != nil {
		return a, err
	}
	for _, leaf := range b.Leaves {
		why, ok, err := r.record(ctx, tx, b, &j, leaf)
		if err != nil {
			return a, err
		}
		if !ok { // it begins after our end: the cursor says so
			break
		}
		if why != "" {
			a.Refused = append(a.Refused, kiosk.Refusal{Seq: leaf.Seq, Why: why})
		}
	}
	a.Seq = j.seq
	a.Checkpoint, err = r.countersign(b, &j)
	if err != nil {
		return a, err
	}
	if _, err := tx.ExecContext(ctx, "update journal set seq = ?, frontier = ?, checkpoint = ?, conflict = '', seen "+
		"= ? where kiosk = ? and epoch = ?",
		j.seq, frontierBytes(j.frontier), j.point, a.Time.Format(time.RFC3339), b.Kiosk, b.Epoch); err != nil {
		return a, err
	}
	a.Instructions, err = instructions(ctx, tx, b.Kiosk)
	return a, err
}

// journal reads the cursor, or begins a new journal.
func (r *Receiver) journal(ctx context.Context, tx *sql.Tx, b backoffice.Batch) (j journal, err error) {
	var key string
	var frontier []byte
	err = tx.QueryRowContext(ctx, "select key, seq, frontier, checkpoint from journal where kiosk = ? and epoch = ?",
		b.Kiosk, b.Epoch).Scan(&key, &j.seq, &frontier, &j.point)
	if errors.Is(err, sql.ErrNoRows) {
		key = b.Key
		_, err = tx.ExecContext(ctx, "insert into journal values (?, ?, ?, 0, x'', '', '', '')", b.Kiosk, b.Epoch,
			b.Key)
	}
	if err != nil {
		return j, err
	}
	if key != b.Key {
		return j, fmt.Errorf("%w: it signed with the key %s before, with %s now", ErrConflict, key, b.Key)
	}
	for chunk := range slices.Chunk(frontier, len(tlog.Hash{})) {
		j.frontier = append(j.frontier, tlog.Hash(chunk))
	}
	return j, nil
}

// record takes one record: a new one at the end, or one that is here and must be the same.
func (r *Receiver) record(ctx context.Context, tx *sql.Tx, b backoffice.Batch, j *journal, leaf kiosk.Leaf) (why string,
	ok bool, err error) {
	hash := hashOf(leaf)
	switch {
	case leaf.Seq > j.seq+1:
		return "", false, nil
	case leaf.Seq <= j.seq:
		return r.known(ctx, tx, b, leaf, hash)
	}
	why, err = r.judge(ctx, tx, b.Kiosk, leaf)
	if err != nil {
		return "", false, err
	}
	j.grow(hash)
	_, err = tx.ExecContext(ctx, "insert into record values (?, ?, ?, ?, ?, ?, ?, ?)", b.Kiosk, b.Epoch, leaf.Seq,
		sessionOf(leaf), leaf.Kind, lineOf(leaf, why), hash[:], why)
	return refused(leaf, why), true, err
}

// judge says why a record is not kept: the kiosk withholds it, or it is refused.
func (r *Receiver) judge(ctx context.Context, tx *sql.Tx, id string, leaf kiosk.Leaf) (why string, err error) {
	if leaf.Withheld != "" {
		return "withheld: " + leaf.Withheld, nil
	}
	why = r.refuse(leaf)
	if why != "" {
		return why, nil
	}
	return r.follow(ctx, tx, id, leaf)
}

// refused is what a kiosk is told: what it withholds it knows.
func refused(leaf kiosk.Leaf, why string) string {
	if leaf.Withheld != "" {
		return ""
	}
	return why
}

func hashOf(leaf kiosk.Leaf) tlog.Hash {
	if leaf.Withheld != "" {
		return leaf.Hash
	}
	return tlog.RecordHash(leaf.JSON)
}

// known compares a record with the one that is here. One that was refused may be taken now.
func (r *Receiver) known(ctx context.Context, tx *sql.Tx, b backoffice.Batch, leaf kiosk.Leaf,
	hash tlog.Hash) (why string, ok bool, err error) {
	var stored []byte
	if err := tx.QueryRowContext(ctx, "select hash, refused from record where kiosk = ? and epoch = ? and seq = ?",
		b.Kiosk, b.Epoch, leaf.Seq).Scan(&stored, &why); err != nil {
		return "", false, err
	}
	if tlog.Hash(stored) != hash {
		return "", false, fmt.Errorf("%w: record %d is not the one that was sent before", ErrConflict, leaf.Seq)
	}
	if why == "" || leaf.Withheld != "" {
		return "", true, nil
	}
	why, err = r.judge(ctx, tx, b.Kiosk, leaf)
	if err != nil {
		return "", false, err
	}
	_, err = tx.ExecContext(ctx, "update record set line = ?, refused = ? where kiosk = ? and epoch = ? and seq = ?",
		lineOf(leaf, why), why, b.Kiosk, b.Epoch, leaf.Seq)
	if err == nil && why == "" {
		_, err = tx.ExecContext(ctx, "insert into retaken values (?, ?, 1) on conflict do update set times = times + 1",
			b.Kiosk, b.Epoch)
	}
	return why, true, err
}

// lineOf is what is kept of a record: nothing, where it was refused.
func lineOf(leaf kiosk.Leaf, why string) string {
	if why != "" {
		return ""
	}
	return string(leaf.JSON)
}

func sessionOf(leaf kiosk.Leaf) string {
	var r struct{ Session string }
	if err := json.Unmarshal(leaf.JSON, &r); err != nil {
		return "" // it was parsed before
	}
	return r.Session
}

// grow adds a leaf to the tree.
func (j *journal) grow(hash tlog.Hash) {
	for n := j.seq; n&1 == 1; n >>= 1 {
		last := len(j.frontier) - 1
		hash = tlog.NodeHash(j.frontier[last], hash)
		j.frontier = j.frontier[:last]
	}
	j.frontier = append(j.frontier, hash)
	j.seq++
}

// root is the tree's head.
func (j journal) root() tlog.Hash {
	if len(j.frontier) == 0 {
		h, _ := tlog.TreeHash(0, nil) // of nothing: it reads nothing
		return h
	}
	root := j.frontier[len(j.frontier)-1]
	for _, h := range slices.Backward(j.frontier[:len(j.frontier)-1]) {
		root = tlog.NodeHash(h, root)
	}
	return root
}

func frontierBytes(hashes []tlog.Hash) []byte {
	out := []byte{}
	for _, h := range hashes {
		out = append(out, h[:]...)
	}
	return out
}

// countersign checks the kiosk's checkpoint against our tree, where it is of our end, and signs
// it.
func (r *Receiver) countersign(b backoffice.Batch, j *journal) (string, error) {
	verifier, err := note.NewVerifier(b.Key)
	if err != nil {
		return "", &wrongBatch{fmt.Errorf("cannot read the kiosk's key: %w", err)}
	}
	n, err := note.Open([]byte(b.Checkpoint), note.VerifierList(verifier))
	if err != nil {
		return "", &wrongBatch{fmt.Errorf("cannot open checkpoint: %w", err)}
	}
	c, err := kiosk.ParseCheckpoint(n.Text)
	if err != nil {
		return "", &wrongBatch{err}
	}
	if c.Origin != backoffice.Origin(b.Kiosk, b.Epoch) {
		return "", &wrongBatch{fmt.Errorf("the checkpoint is of %q", c.Origin)}
	}
	if c.Records != j.seq {
		return "", nil
	}
	if root := j.root(); c.Hash != root {
		return "", fmt.Errorf("%w: the tree of %d records has the head %v here, %v there", ErrConflict, j.seq, root,
			tlog.Hash(c.Hash))
	}
	signed, err := note.Sign(n, r.signer)
	j.point = string(signed)
	return j.point, err
}

// mark writes down that a journal has a conflict.
func (r *Receiver) mark(ctx context.Context, b backoffice.Batch, why error) error {
	_, err := r.db.ExecContext(ctx, "update journal set conflict = ? where kiosk = ? and epoch = ?", why.Error(),
		b.Kiosk, b.Epoch)
	return err
}

// follow looks for what came of an instruction.
func (r *Receiver) follow(ctx context.Context, tx *sql.Tx, id string, leaf kiosk.Leaf) (why string, err error) {
	if !strings.HasPrefix(leaf.Kind, "instruction_") {
		return "", nil
	}
	var record struct {
		Body struct {
			Instruction kiosk.Instruction
			Error       string
		}
	}
	if err := json.Unmarshal(leaf.JSON, &record); err != nil {
		return "its instruction cannot be read: " + err.Error(), nil
	}
	_, err = tx.ExecContext(ctx, "update instruction set state = ?, why = ? where kiosk = ? and id = ?", leaf.Kind,
		record.Body.Error, id, record.Body.Instruction.ID)
	return "", err
}

// instructions are those whose end is not known yet.
func instructions(ctx context.Context, tx *sql.Tx, id string) (out []string, err error) {
	rows, err := tx.QueryContext(
		ctx, "select signed from instruction where kiosk = ? and state = 'waiting' order by id", id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var signed string
		if err := rows.Scan(&signed); err != nil {
			return nil, err
		}
		out = append(out, signed)
	}
	return out, rows.Err()
}

// Instruct signs an instruction, which goes with the next answer.
func (r *Receiver) Instruct(ctx context.Context, in kiosk.Instruction) error {
	signed, err := backoffice.SignInstruction(in, r.signer)
	if err != nil {
		return err
	}
	_, err = r.db.ExecContext(ctx, "insert into instruction values (?, ?, ?, 'waiting', '')", in.Kiosk, in.ID, signed)
	r.changed()
	return err
}

// Order is an instruction, and what came of it.
type Order struct {
	Instruction kiosk.Instruction
	State       string // waiting, instruction_taken, instruction_done, instruction_refused
	Why         string // it was refused
}

// Orders are the last instructions, the newest first.
func (r *Receiver) Orders(ctx context.Context, most int) (out []Order, err error) {
	rows, err := r.db.QueryContext(ctx, "select signed, state, why from instruction order by rowid desc limit ?", most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var o Order
		var signed string
		if err := rows.Scan(&signed, &o.State, &o.Why); err != nil {
			return nil, err
		}
		text, _, _ := strings.Cut(signed, "\n")
		if err := json.Unmarshal([]byte(text), &o.Instruction); err != nil {
			return nil, fmt.Errorf("cannot read an instruction: %w", err)
		}
		out = append(out, o)
	}
	return out, rows.Err()
}

// Journal is what is here of a kiosk.
type Journal struct {
	Kiosk         string `json:"kiosk"`
	Epoch         string `json:"epoch"`
	Records       int64  `json:"records"`
	Refused       int64  `json:"refused"`
	Head          string `json:"tree_hash"`
	Countersigned int64  `json:"countersigned"` // records under the last checkpoint that both signed
	Conflict      string `json:"conflict,omitempty"`
	Seen          string `json:"seen"`

	frontier []byte
}

// Known lists the journals that are here, as they were taken.
func (r *Receiver) Known(ctx context.Context) (out []Journal, err error) {
	rows, err := r.db.QueryContext(ctx, "select kiosk, epoch, seq, frontier, checkpoint, conflict, seen, (select "+
		"count(*) from record where kiosk = journal.kiosk and epoch = journal.epoch and refused <> '') from journal "+
		"order by kiosk, epoch")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var j Journal
		var point string
		if err := rows.Scan(&j.Kiosk, &j.Epoch, &j.Records, &j.frontier, &point, &j.Conflict, &j.Seen,
			&j.Refused); err != nil {
			return nil, err
		}
		if lines := strings.SplitN(point, "\n", 3); len(lines) == 3 {
			j.Countersigned, err = strconv.ParseInt(lines[1], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("kiosk %s: the checkpoint cannot be read: %w", j.Kiosk, err)
			}
		}
		out = append(out, j)
	}
	return out, rows.Err()
}

// Check computes every tree again from the lines that are here, and compares. Its error names
// the first record that is wrong.
func (r *Receiver) Check(ctx context.Context) ([]Journal, error) {
	all, err := r.Known(ctx)
	if err != nil {
		return nil, err
	}
	for i := range all {
		j := &all[i]
		j.Refused = 0
		again, err := r.rebuild(ctx, j)
		if err != nil {
			return nil, err
		}
		if again.seq != j.Records || !slices.Equal(frontierBytes(again.frontier), j.frontier) {
			return nil, fmt.Errorf("kiosk %s: the records make another tree than the one that was kept", j.Kiosk)
		}
		j.Head = again.root().String()
	}
	return all, nil
}

func (r *Receiver) rebuild(ctx context.Context, j *Journal) (again journal, err error) {
	rows, err := r.db.QueryContext(
		ctx, "select seq, line, hash, refused from record where kiosk = ? and epoch = ? and seq <= ? order by seq",
		j.Kiosk,
		j.Epoch, j.Records)
	if err != nil {
		return again, err
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		var line, refused string
		var hash []byte
		if err := rows.Scan(&seq, &line, &hash, &refused); err != nil {
			return again, err
		}
		switch {
		case seq != again.seq+1:
			return again, fmt.Errorf("kiosk %s: record %d is missing", j.Kiosk, again.seq+1)
		case refused != "":
			j.Refused++
		case tlog.RecordHash([]byte(line)) != tlog.Hash(hash):
			return again, fmt.Errorf("kiosk %s: record %d was altered", j.Kiosk, seq)
		}
		again.grow(tlog.Hash(hash))
	}
	return again, rows.Err()
}
