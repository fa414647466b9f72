// Package sign lets meters that sign readings do it: at the beginning of a transaction and at its end. What a meter
// hands out is an OCMF record, which is passed on byte for byte; package ocmf judges it.
//
// A meter signs for one transaction at a time. Begin is refused while one is open (kiosk.ErrSigning); Rescue ends what
// a power cut or a restart left open, and returns what it left. Records that a meter holds until they are confirmed are
// confirmed by Done, once they are on disk, and not before.
//
//	Bauer BSM          two records, of snapshots that switch no contactor
//	Carlo Gavazzi EM580  one record at the end, which waits in the meter until it is confirmed
//	Iskra WM3M4C       one record at the end, made of a data set and its signature
package sign

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"kioskd"
	"kioskd/meter/ocmf"
)

// Meter is a meter that signs. One caller uses it at a time.
type Meter interface {
	// Key is the public key that the meter says it signs with, and the algorithm.
	Key(ctx context.Context) (ocmf.Key, error)
	// Begin begins a transaction. It returns the record of the beginning where the meter makes one of its own.
	Begin(ctx context.Context, s kiosk.Signing) (records []string, err error)
	// End ends the transaction that was begun so, also by another process, and returns the records that the meter makes
	// then. It may be called again, also where the meter has ended it.
	End(ctx context.Context, s kiosk.Signing) (records []string, err error)
	// Rescue ends a transaction that is open and whose beginning the caller does not know; nothing is returned where
	// none is.
	Rescue(ctx context.Context, at time.Time) (records []string, err error)
	// Done confirms that the records are kept.
	Done(ctx context.Context) error
}

// Registers are those of a meter that signs.
type Registers interface {
	Read(ctx context.Context, function byte, address, count uint16) ([]uint16, error)
	Write(ctx context.Context, address uint16, words []uint16) error
}

// New is the driver of a way to sign, as the file of a model names it.
func New(signing string, r Registers) (Meter, error) {
	switch signing {
	case "bsm":
		return &bsm{registers{r}}, nil
	case "em580":
		return &em580{registers{r}}, nil
	case "wm3m4":
		return &wm3m4{registers{r}}, nil
	}
	return nil, fmt.Errorf("cannot sign by %q: known are bsm, em580 and wm3m4", signing)
}

// registers are those of a meter, with what all drivers do with them.
type registers struct{ Registers }

// Functions of reads, and how many registers go into a read and a write.
const (
	holding = 3
	input   = 4
	atOnce  = 120
)

// read reads a run of registers, in as many pieces as it takes.
func (r registers) read(ctx context.Context, function byte, address uint16, count int) (out []uint16, err error) {
	for count > 0 {
		n := min(count, atOnce)
		words, err := r.Read(ctx, function, address, uint16(n))
		if err != nil {
			return nil, err
		}
		out = append(out, words...)
		address, count = address+uint16(n), count-n
	}
	return out, nil
}

// write writes a run of registers, in as many pieces as it takes.
func (r registers) write(ctx context.Context, address uint16, words ...uint16) error {
	for len(words) > 0 {
		n := min(len(words), atOnce)
		if err := r.Write(ctx, address, words[:n]); err != nil {
			return err
		}
		address, words = address+uint16(n), words[n:]
	}
	return nil
}

// written is what goes into registers, with its name for people.
type written struct {
	what    string
	address uint16
	words   []uint16
}

// writeAll writes one after the other.
func (r registers) writeAll(ctx context.Context, all []written) error {
	for _, w := range all {
		if err := r.write(ctx, w.address, w.words...); err != nil {
			return fmt.Errorf("cannot write %s: %w", w.what, err)
		}
	}
	return nil
}

// one reads one register.
func (r registers) one(ctx context.Context, function byte, address uint16) (uint16, error) {
	words, err := r.Read(ctx, function, address, 1)
	if err != nil {
		return 0, err
	}
	return words[0], nil
}

// until reads a register again and again until it holds what is wanted, or something that is not worth waiting for.
func (r registers) until(ctx context.Context, function byte, address uint16, waits func(uint16) bool,
	limit time.Duration) (uint16, error) {
	for end := time.Now().Add(limit); ; {
		v, err := r.one(ctx, function, address)
		if err != nil || !waits(v) {
			return v, err
		}
		if time.Now().After(end) {
			return v, fmt.Errorf("register %d holds %d after %v", address, v, limit)
		}
		timer := time.NewTimer(pollEvery)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return v, ctx.Err()
		}
	}
}

const pollEvery = 100 * time.Millisecond

// Patience is how long a meter may hold an answer back while it signs.
const Patience = 15 * time.Second

// text reads the letters of registers up to the first that is none, two in each.
func text(words []uint16) string {
	b, _, _ := bytes.Cut(wordBytes(words), []byte{0})
	return string(b)
}

// letters are registers with a text, two letters in each, filled up with zeros to n registers; 0 is as many as it
// takes. What OCMF cannot have in a text, or a meter may not take, is a blank.
func letters(s string, n int) []uint16 {
	clean := strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' || strings.ContainsRune("|\"\\", c) {
			return ' '
		}
		return c
	}, s)
	if n > 0 {
		clean = clean[:min(len(clean), 2*n)]
	}
	out := bytesWords([]byte(clean))
	return append(out, make([]uint16, max(0, n-len(out)))...)
}

// bytesWords are bytes as registers.
func bytesWords(b []byte) []uint16 {
	if len(b)%2 == 1 {
		b = append(b, 0)
	}
	out := make([]uint16, len(b)/2)
	for i := range out {
		out[i] = binary.BigEndian.Uint16(b[2*i:])
	}
	return out
}

// wordBytes are registers as bytes.
func wordBytes(words []uint16) (out []byte) {
	for _, w := range words {
		out = binary.BigEndian.AppendUint16(out, w)
	}
	return out
}
