package ocmf

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// Claim is what a transaction must prove, as the seller knows it from elsewhere.
type Claim struct {
	Meter     string // serial number, as the meter's register says it
	Reference string // as the meter was told it
	Page      int64  // of the meter's last record that is known; 0 for none
	// Start and Stop are what the seller read of the register around each signed reading.
	Start, Stop Between
	Step        int64 // Wh: what the register and the signed readings may be apart, rounded differently
	AnyTime     bool  // the seller's clock was not to be trusted: the meter's times are not compared with it
}

// Between is when a signed reading was made, and what the register said before and after it, in Wh.
type Between struct {
	From, To  time.Time
	Low, High int64
}

// clockOff is how far a clock may be from the seller's, where the meter says that it is synchronised, and how much
// longer or shorter a transaction may be by any clock.
const clockOff = 2 * time.Minute

// Prove is the transaction of the records that a meter made: of one, or of that of the beginning and that of the end.
// Its error has every reason why they do not prove the claim: what Parse, Verify and Pair refuse, another meter,
// another driver's reference, a record that was known before, a register or a time that the seller saw otherwise.
func Prove(records []string, key Key, c Claim) (Transaction, error) {
	begin, end, err := Sides(records)
	if err == nil {
		err = begin.Verify(key)
	}
	if err == nil && end != begin {
		err = end.Verify(key)
	}
	if err != nil {
		return Transaction{}, err
	}
	t, err := Pair(begin, end)
	if err != nil {
		return t, err
	}
	return t, t.proves(c)
}

// proves compares what was signed with what the seller knows.
func (t Transaction) proves(c Claim) error {
	var wrong []error
	fail := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	signed, read := bare(t.Meter), bare(c.Meter) // one may have the maker's letters before it
	if read == "" || !strings.HasSuffix(signed, read) && !strings.HasSuffix(read, signed) {
		fail("the record is of meter %q, and the register of meter %q", t.Meter, c.Meter)
	}
	if id := strings.TrimSpace(t.Begin.Payload.ID); id != c.Reference {
		fail("the record is of %q, and the session is %q", id, c.Reference)
	}
	if t.First <= c.Page {
		fail("record %s is not after the record %d that is known", t.Begin.Payload.Pagination, c.Page)
	}
	for _, side := range []struct {
		name string
		r    Reading
		seen Between
	}{{"beginning", t.Start, c.Start}, {"end", t.Stop, c.Stop}} {
		low, high := big.NewRat(side.seen.Low-c.Step, 1), big.NewRat(side.seen.High+c.Step, 1)
		total, both := side.r.Total, t.Start.Total != nil && t.Stop.Total != nil
		if both && (total.Cmp(low) < 0 || total.Cmp(high) > 0) {
			fail("the meter signed %s Wh at the %s, and its register had %d to %d Wh", total.FloatString(1), side.name,
				side.seen.Low, side.seen.High)
		}
		early, late := side.seen.From.Add(-clockOff), side.seen.To.Add(clockOff)
		if !c.AnyTime && side.r.clock() == 'S' && (side.r.At.Before(early) || side.r.At.After(late)) {
			fail("the meter's time at the %s is %s, and it is %s", side.name, side.r.At.UTC().Format(time.RFC3339),
				side.seen.To.UTC().Format(time.RFC3339))
		}
	}
	if rise := c.Stop.High - c.Start.Low; t.Energy().Cmp(big.NewRat(rise+2*c.Step, 1)) > 0 {
		fail("the meter signed %s Wh, and its register rose by %d Wh", t.Energy().FloatString(1), rise)
	}
	least, most := c.Stop.From.Sub(c.Start.To)-clockOff, c.Stop.To.Sub(c.Start.From)+clockOff
	if d := t.Duration(); !c.AnyTime && (d < least || d > most) {
		fail("the transaction took %v by the meter's clock, and %v by another", d, c.Stop.To.Sub(c.Start.From))
	}
	return errors.Join(wrong...)
}

// bare is a serial number without what makes write it differently: spaces, zeros in front, small letters.
func bare(serial string) string {
	return strings.TrimLeft(strings.ToUpper(strings.Join(strings.Fields(serial), "")), "0")
}
