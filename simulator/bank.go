package simulator

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sort"
	"sync"
	"time"

	"kioskd"
)

// Bank is what stands behind the terminal: it knows every hold, and writes each
// movement to its ledger, synced, before the answer leaves. A bank that is opened on a
// ledger of before goes on with the holds that are open in it.
type Bank struct {
	mu      sync.Mutex
	ledger  *os.File // nil without
	lines   []LedgerLine
	holds   map[int]LedgerLine // open ones by receipt number
	receipt int                // last given
	last    LedgerLine
}

// LedgerLine is one movement, as kioskd's documentation of commands has it.
type LedgerLine struct {
	At        time.Time `json:"at"`
	Kind      string    `json:"kind"` // hold, increment, capture, release, refund, end_of_day
	ReceiptNo int       `json:"receipt_no"`
	Minor     int64     `json:"amount_minor"`
	Currency  string    `json:"currency"`
	Card      string    `json:"card"` // last four digits
	Reference string    `json:"reference"`
}

// OpenBank opens a bank; without a path it keeps its ledger in memory only.
func OpenBank(path string) (*Bank, error) {
	b := &Bank{holds: map[int]LedgerLine{}, receipt: 230}
	if path == "" {
		return b, nil
	}
	lines, err := ReadLedger(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, l := range lines {
		b.apply(l)
	}
	b.ledger, err = os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the bank's ledger: %w", err)
	}
	return b, nil
}

// ReadLedger reads a ledger file.
func ReadLedger(path string) ([]LedgerLine, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the bank's ledger: %w", err)
	}
	defer f.Close()
	var out []LedgerLine
	in := bufio.NewScanner(f)
	for n := 1; in.Scan(); n++ {
		var l LedgerLine
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		out = append(out, l)
	}
	return out, in.Err()
}

func (b *Bank) apply(l LedgerLine) {
	switch l.Kind {
	case "hold":
		b.holds[l.ReceiptNo] = l
		b.receipt = l.ReceiptNo
	case "capture", "release":
		delete(b.holds, l.ReceiptNo)
	}
	b.lines = append(b.lines, l)
}

func (b *Bank) write(l LedgerLine) error {
	l.At = time.Now()
	if b.ledger != nil {
		text, err := json.Marshal(l)
		if err != nil {
			return err
		}
		if _, err := b.ledger.Write(append(text, '\n')); err != nil {
			return err
		}
		if err := b.ledger.Sync(); err != nil {
			return err
		}
	}
	b.apply(l)
	return nil
}

// next is the next receipt number: 1 to 9999, then from the start.
func (b *Bank) next() int {
	b.receipt = b.receipt%9999 + 1
	return b.receipt
}

// Hold reserves money and returns the receipt number.
func (b *Bank) Hold(amount kiosk.Money, card, reference string) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.next()
	l := LedgerLine{Kind: "hold", ReceiptNo: n, Minor: amount.Minor, Currency: string(amount.Currency), Card: card,
		Reference: reference}
	if err := b.write(l); err != nil {
		return 0, err
	}
	b.last = l
	return n, nil
}

// errNoHold is what a bank says of a receipt number that has no open hold, and
// errTooMuch of more than was held.
var (
	errNoHold  = errors.New("no open hold with this receipt number")
	errTooMuch = errors.New("more than is held")
)

// Settle ends a hold: amount is what is taken, zero releases it. It returns the number
// of the new receipt.
func (b *Bank) Settle(receipt int, take func(held int64) int64) (LedgerLine, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h, ok := b.holds[receipt]
	if !ok {
		return LedgerLine{}, errNoHold
	}
	amount := take(h.Minor)
	if amount < 0 || amount > h.Minor {
		return LedgerLine{}, errTooMuch
	}
	l := h
	l.Kind, l.Minor = "capture", amount
	if amount == 0 {
		l.Kind, l.Minor = "release", h.Minor
	}
	if err := b.write(l); err != nil {
		return LedgerLine{}, err
	}
	b.last = LedgerLine{Kind: l.Kind, ReceiptNo: b.next(), Minor: amount, Currency: l.Currency, Card: l.Card}
	return b.last, nil
}

// EndOfDay writes the day's total; all takes what is held first.
func (b *Bank) EndOfDay(all bool) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range b.holds {
		if !all {
			break
		}
		h.Kind = "capture"
		if err := b.write(h); err != nil {
			return 0, err
		}
	}
	total, currency := int64(0), ""
	for i := len(b.lines) - 1; i >= 0 && b.lines[i].Kind != "end_of_day"; i-- {
		if b.lines[i].Kind == "capture" {
			total, currency = total+b.lines[i].Minor, b.lines[i].Currency
		}
	}
	return total, b.write(LedgerLine{Kind: "end_of_day", Minor: total, Currency: currency})
}

// OpenHolds lists the receipt numbers of open holds.
func (b *Bank) OpenHolds() []int {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]int, 0, len(b.holds))
	for n := range b.holds {
		out = append(out, n)
	}
	sort.Ints(out)
	return out
}

// Last is the last result that was given.
func (b *Bank) Last() LedgerLine {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last
}

// Lines is a copy of the ledger.
func (b *Bank) Lines() []LedgerLine {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]LedgerLine(nil), b.lines...)
}

// Close closes the ledger.
func (b *Bank) Close() error {
	if b.ledger == nil {
		return nil
	}
	return b.ledger.Close()
}
