package ocmf

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Transaction is what was charged, as its records prove it.
type Transaction struct {
	Begin, End  *Record // the same where one record has both
	Meter       string
	First, Last int64 // pages
	Start, Stop Reading
	// Clock is the worse of both clocks: S synchronised, R relative, I informative, U unknown.
	Clock byte
}

// Energy is the energy between both readings, exactly, in Wh.
func (t Transaction) Energy() *big.Rat { return new(big.Rat).Sub(t.Stop.Value, t.Start.Value) }

// Duration is the time between both readings.
func (t Transaction) Duration() time.Duration { return t.Stop.At.Sub(t.Start.At) }

// Sides are the record of a transaction's beginning and that of its end: the same one where it has both.
func Sides(records []string) (begin, end *Record, err error) {
	if len(records) == 0 || len(records) > 2 {
		return nil, nil, fmt.Errorf("want one or two records, there are %d", len(records))
	}
	begin, err = Parse(records[0])
	end = begin
	if err == nil && len(records) == 2 {
		end, err = Parse(records[1])
	}
	return begin, end, err
}

// Pair makes a transaction of the record of its beginning and the one of its end; both are the same record where it
// has both. Its error has every reason why they are none: other meters, other transactions, a reading that is not
// good, a register that falls. It does not verify the signatures.
func Pair(begin, end *Record) (Transaction, error) {
	t := Transaction{Begin: begin, End: end, Meter: begin.Meter()}
	var wrong []error
	fail := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if t.Meter == "" {
		fail("no record names its meter")
	}
	if end.Meter() != t.Meter || end.Payload.GatewayNo != begin.Payload.GatewayNo {
		fail("the records are of the meters %s and %s", begin.Meter(), end.Meter())
	}
	wrong = append(wrong, t.pages(), t.sides())
	a, b := begin.Payload, end.Payload
	for _, c := range []struct{ what, a, b string }{{"identification", a.ID, b.ID}, {"kind of identification", a.Kind,
		b.Kind}, {"charge point", a.Point, b.Point}, {"kind of charge point", a.PointKind, b.PointKind},
		{"maker of the meter", a.Maker, b.Maker}, {"model of the meter", a.Model, b.Model},
		{"tariff", a.Tariff, b.Tariff}, {"assignment of the driver", a.assigned(), b.assigned()}} {
		if c.a != c.b {
			fail("the records have another %s: %q and %q", c.what, c.a, c.b)
		}
	}
	for _, r := range []*Record{begin, end} {
		if badLevels[r.Payload.Level] {
			fail("the identification is %s", r.Payload.Level)
		}
	}
	return t, errors.Join(wrong...)
}

// assigned is whether a driver is assigned, as it is written.
func (p Payload) assigned() string {
	if p.Identified == nil {
		return ""
	}
	return fmt.Sprint(*p.Identified)
}

// badLevels are those of an identification that failed (OCMF 1.3, table 11).
var badLevels = map[string]bool{"MISMATCH": true, "INVALID": true, "OUTDATED": true, "UNKNOWN": true}

// pages compares the records' numbers: of two records, the second must follow the first.
func (t *Transaction) pages() error {
	kind, first, err := t.Begin.Page()
	if err != nil {
		return err
	}
	other, last, err := t.End.Page()
	if err != nil {
		return err
	}
	t.First, t.Last = first, last
	switch {
	case kind != 'T' || other != 'T':
		return fmt.Errorf("the records %s and %s are not of transactions", t.Begin.Payload.Pagination,
			t.End.Payload.Pagination)
	case t.Begin != t.End && last != first+1:
		return fmt.Errorf("record %s does not follow record %s", t.End.Payload.Pagination, t.Begin.Payload.Pagination)
	}
	return nil
}

// ends are the events that end a transaction.
const ends = "ELRAP"

// sides finds the readings at both ends, and judges them.
func (t *Transaction) sides() error {
	isEnd := func(x Reading) bool { return len(x.Event) == 1 && strings.Contains(ends, x.Event) }
	isBegin := func(x Reading) bool { return x.Event == "B" }
	if t.Begin != t.End && slices.ContainsFunc(t.Begin.Payload.Readings, isEnd) {
		return errors.New("the record of the beginning has an end")
	}
	if t.Begin != t.End && slices.ContainsFunc(t.End.Payload.Readings, isBegin) {
		return errors.New("the record of the end has a beginning")
	}
	most := 0
	for _, code := range drawn() {
		starts := t.Begin.Payload.of(code, isBegin)
		stops := t.End.Payload.of(code, isEnd)
		if len(starts) != 1 || len(stops) != 1 {
			most = max(most, len(starts), len(stops))
			continue
		}
		t.Start, t.Stop = starts[0], stops[0]
		t.Clock = worse(t.Start.clock(), t.Stop.clock())
		return errors.Join(good("beginning", t.Start), good("end", t.Stop), t.differ())
	}
	return fmt.Errorf("want one reading of energy drawn at the beginning and one at the end, there are up to %d", most)
}

// clock is how good the reading's time is: the meter may say that it is wrong.
func (r Reading) clock() byte {
	if strings.Contains(r.Error, "t") && r.Clock != 0 {
		return 'U'
	}
	return r.Clock
}

// differ judges what lies between both readings.
func (t *Transaction) differ() error {
	switch {
	case t.Start.Value == nil || t.Stop.Value == nil: // which is said already
	case t.Stop.OBIS != t.Start.OBIS || t.Stop.Type != t.Start.Type:
		return fmt.Errorf("the readings are of the registers %s and %s", t.Start.OBIS, t.Stop.OBIS)
	case t.Energy().Sign() < 0:
		return errors.New("the register fell")
	case t.Duration() < 0:
		return errors.New("the end is before the beginning")
	case t.Start.Clock == 'R' && t.Stop.Clock != 'R':
		return errors.New("the clock of the beginning is relative, and that of the end is not")
	}
	return nil
}

// good judges one reading.
func good(side string, r Reading) error {
	var wrong []error
	if r.Value == nil {
		wrong = append(wrong, fmt.Errorf("the reading at the %s has no energy", side))
	}
	if r.Value != nil && r.Value.Sign() < 0 {
		wrong = append(wrong, fmt.Errorf("the reading at the %s is below 0", side))
	}
	if r.State != "G" {
		wrong = append(wrong, fmt.Errorf("the meter calls its reading at the %s %q, want G (good)", side, r.State))
	}
	if strings.Contains(r.Error, "E") {
		wrong = append(wrong, fmt.Errorf("the meter says that its energy at the %s is wrong", side))
	}
	if r.Clock == 0 {
		wrong = append(wrong, fmt.Errorf("the reading at the %s does not say how good its time is", side))
	}
	return errors.Join(wrong...)
}

// worse is the clock that is believed less.
func worse(a, b byte) byte {
	for _, c := range []byte{0, 'U', 'I', 'R'} {
		if a == c || b == c {
			return c
		}
	}
	return a
}

// register is an OBIS code: A-B:C.D.E and what follows.
var register = regexp.MustCompile(`^[0-9a-zA-Z]+-[0-9a-zA-Z]+:([0-9A-Fa-f]+)\.0*([0-9]+)\.`)

// drawn are the codes of active energy that was drawn, the one that is billed by first: with the losses of the cable
// counted, then the meter's own register, then those of the transaction; "" is of a reading that names no register.
func drawn() []string { return []string{"98", "B1", "B3", "1", "B0", "B2", ""} }

// of are the readings of a code that are of a kind.
func (p Payload) of(code string, kind func(Reading) bool) (out []Reading) {
	for _, r := range p.Readings {
		m := register.FindStringSubmatch(r.OBIS)
		is := r.OBIS == "" && code == ""
		if m != nil {
			is = m[2] == "8" && code != "" && strings.TrimLeft(strings.ToUpper(m[1]), "0") == code
		}
		if is && kind(r) {
			out = append(out, r)
		}
	}
	return out
}
