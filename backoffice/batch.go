package backoffice

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/klauspost/compress/zstd"

	"kioskd"
)

// What a batch holds at most. One record alone may be larger, up to MaxRecord.
const (
	MaxRecords = 500
	MaxBytes   = 256 << 10 // of lines, before compression
	MaxRecord  = 4 << 20
)

// MediaType is of a batch before its content encoding, zstd.
const MediaType = "application/x-ndjson"

// Version is of the protocol.
const Version = 1

// Batch is what is sent at once: records without a gap, or with Again such as had been
// refused. Without records it asks what the other side has, and for instructions.
type Batch struct {
	Head
	Leaves []kiosk.Leaf
	point  kiosk.Checkpoint // what Head.Checkpoint says, where it was made here
}

// Head is a batch's first line.
type Head struct {
	Version    int    `json:"kioskd"`
	Kiosk      string `json:"kiosk"`
	Epoch      string `json:"epoch"`
	Key        string `json:"key"`        // that verifies the checkpoint: kept from an epoch's first batch
	Checkpoint string `json:"checkpoint"` // of the tree up to the last record, or the last acknowledged one
	Again      bool   `json:"again,omitempty"`
}

// Last is the number of the last record, 0 without one.
func (b Batch) Last() int64 {
	if len(b.Leaves) == 0 {
		return 0
	}
	return b.Leaves[len(b.Leaves)-1].Seq
}

// Encode makes the body that is sent.
func (b Batch) Encode() ([]byte, error) {
	head, err := json.Marshal(b.Head)
	if err != nil {
		return nil, fmt.Errorf("cannot encode batch: %w", err)
	}
	var out bytes.Buffer
	// A small window and one goroutine: a batch is no larger, and the machine is small.
	w, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<19),
		zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("cannot encode batch: %w", err)
	}
	lines := [][]byte{head}
	for _, l := range b.Leaves {
		line := l.JSON
		if l.Withheld != "" {
			line, err = json.Marshal(withheld{l.Seq, l.Withheld, l.Hash[:]})
			if err != nil {
				return nil, fmt.Errorf("cannot encode batch: %w", err)
			}
		}
		lines = append(lines, line)
	}
	for _, l := range lines {
		_, err = w.Write(append(l[:len(l):len(l)], '\n'))
		if err != nil {
			break
		}
	}
	err = errors.Join(err, w.Close())
	if err != nil {
		return nil, fmt.Errorf("cannot encode batch: %w", err)
	}
	return out.Bytes(), nil
}

// Decode reads a body: its head, and its lines as they are. The bounds are those of the
// protocol, so that no body takes more memory than a batch may.
func Decode(body io.Reader) (Batch, error) {
	r, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxRecord+MaxBytes),
		zstd.WithDecoderLowmem(true))
	if err != nil {
		return Batch{}, fmt.Errorf("cannot read batch: %w", err)
	}
	defer r.Close()
	var b Batch
	limited := &io.LimitedReader{R: r, N: MaxRecord + MaxBytes}
	first, size := true, 0
	for line, err := range lines(limited) {
		switch {
		case err != nil && limited.N == 0:
			return b, fmt.Errorf("cannot read batch: %w: more than %d bytes", ErrTooLarge, MaxRecord+MaxBytes)
		case err != nil:
			return b, fmt.Errorf("cannot read batch: %w", err)
		case first:
			if err := json.Unmarshal(line, &b.Head); err != nil {
				return b, fmt.Errorf("cannot read batch: head: %w", err)
			}
			first = false
			continue
		}
		leaf, err := ParseLeaf(line)
		if err != nil {
			return b, fmt.Errorf("cannot read batch: line %d: %w", len(b.Leaves)+2, err)
		}
		if n := len(b.Leaves); n > 0 && leaf.Seq <= b.Leaves[n-1].Seq ||
			n > 0 && !b.Again && leaf.Seq != b.Leaves[n-1].Seq+1 {
			return b, fmt.Errorf("cannot read batch: line %d: record %d after %d", n+2, leaf.Seq, b.Leaves[n-1].Seq)
		}
		b.Leaves = append(b.Leaves, leaf)
		size += len(line) + 1
		if len(b.Leaves) > MaxRecords || len(b.Leaves) > 1 && size > MaxBytes {
			return b, fmt.Errorf("cannot read batch: %w: more than %d records or %d bytes", ErrTooLarge, MaxRecords,
				MaxBytes)
		}
	}
	switch {
	case first:
		return b, errors.New("cannot read batch: it has no head")
	case b.Version != Version:
		return b, fmt.Errorf("cannot read batch: version %d is not known", b.Version)
	case CheckID(b.Kiosk) != nil || CheckID(b.Epoch) != nil:
		return b, fmt.Errorf("cannot read batch: kiosk %q or epoch %q is no id", b.Kiosk, b.Epoch)
	}
	return b, nil
}

// lines reads lines that end with a newline each, the last one, too.
func lines(r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		in := bufio.NewReader(r)
		for {
			line, err := in.ReadBytes('\n')
			switch {
			case errors.Is(err, io.EOF) && len(line) == 0:
				return
			case errors.Is(err, io.EOF):
				err = errors.New("it is cut")
			}
			if !yield(bytes.TrimSuffix(line, []byte("\n")), err) || err != nil {
				return
			}
		}
	}
}

// withheld is the line of a record that is not sent: why, and the hash of its leaf.
type withheld struct {
	Seq      int64  `json:"seq"`
	Withheld string `json:"withheld"`
	Leaf     []byte `json:"leaf"`
}

// ParseLeaf reads a record's number and kind, and keeps the line; or what stands for a record
// that is not sent.
func ParseLeaf(line []byte) (kiosk.Leaf, error) {
	var head struct {
		withheld
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return kiosk.Leaf{}, err
	}
	if head.Withheld != "" {
		if head.Seq < 1 || len(head.Leaf) != 32 || head.Kind != "" {
			return kiosk.Leaf{}, errors.New(
				"a record that is withheld has a number from 1 on, and the hash of its leaf")
		}
		return kiosk.Leaf{Seq: head.Seq, Withheld: head.Withheld, Hash: [32]byte(head.Leaf)}, nil
	}
	if head.Seq < 1 || head.Kind == "" {
		return kiosk.Leaf{}, errors.New("a record has a number from 1 on and a kind")
	}
	return kiosk.Leaf{Seq: head.Seq, Kind: head.Kind, JSON: line}, nil
}

// Answer is what the other side says to a batch.
type Answer struct {
	Epoch        string          `json:"epoch"`
	Seq          int64           `json:"seq"`                    // it has everything up to it, but what it refused
	Checkpoint   string          `json:"checkpoint,omitempty"`   // the batch's, with its signature too
	Refused      []kiosk.Refusal `json:"refused,omitempty"`      // of this batch
	Instructions []string        `json:"instructions,omitempty"` // signed notes
	Time         time.Time       `json:"time"`                   // of its clock
	// Conflict is why the other side takes nothing more of this epoch. Over HTTPS it is a problem
	// in place of an answer.
	Conflict string `json:"conflict,omitempty"`
	// Stream is up to which message of a JetStream this was taken from.
	Stream uint64 `json:"stream,omitempty"`

	// Later says that records are kept on the way to who will check and sign them: then the
	// checkpoint is an older one, and Refused is all that it refuses.
	Later bool `json:"-"`
}
