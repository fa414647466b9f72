package ocpi_test

import (
	"context"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/audit"
	"kioskd/ocpi"
	"kioskd/receipt"
	"kioskd/session"
	"kioskd/session/sessiontest"
	"kioskd/tariff"
)

// daily is a price of energy that holds between two times of day, and another one for the rest.
type daily struct {
	begin, end  string // of the first; the same for always
	price, rest int64  // hundredths
}

func (d daily) json() string {
	rest := fmt.Sprintf(`{"price_components":[{"type":"ENERGY","price":0.%02d,"vat":19}]}`, d.rest)
	if d.begin == d.end {
		return `{"id":"d","currency":"EUR","tax_included":"YES","elements":[` + rest + `]}`
	}
	return fmt.Sprintf(`{"id":"d","currency":"EUR","tax_included":"YES","elements":[
		{"price_components":[{"type":"ENERGY","price":0.%02d,"vat":19}],"restrictions":{"start_time":%q,"end_time":%q}},%s]}`,
		d.price, d.begin, d.end, rest)
}

// at is what a kilowatt-hour costs, as OCPI 2.3.0 says of start_time and end_time: local time, the end not
// included, over midnight where the end comes first.
func (d daily) at(local time.Time) *big.Rat {
	clock := local.Format("15:04")
	in := d.begin <= clock && clock < d.end
	if d.end < d.begin {
		in = clock >= d.begin || clock < d.end
	}
	if in {
		return big.NewRat(d.price, 100)
	}
	return big.NewRat(d.rest, 100)
}

// TestEverythingSaysTheSamePrice: random prices, zones and moments, both changes of clocks included. What the
// screen says before the tap, the live session, the bill, the receipt and the CDR say is what the words of the
// standard make, ten seconds by ten seconds; and the audit has nothing to object.
func TestEverythingSaysTheSamePrice(t *testing.T) {
	seed := rand.Uint64()
	dice := rand.New(rand.NewPCG(seed, 5))
	zones := []string{"Europe/Berlin", "Europe/Lisbon", "Atlantic/Azores", "Europe/Helsinki", "Europe/Istanbul"}
	days := []time.Time{time.Date(2026, 3, 28, 20, 0, 0, 0, time.UTC), time.Date(2026, 10, 24, 20, 0, 0, 0, time.UTC),
		time.Date(2026, 6, 14, 12, 0, 0, 0, time.UTC)}
	clock := func() string { return fmt.Sprintf("%02d:%02d", dice.IntN(24), 15*dice.IntN(4)) }
	for n := range 60 {
		d := daily{clock(), clock(), int64(1 + dice.IntN(99)), int64(1 + dice.IntN(99))} // Check refuses what is free
		if dice.IntN(4) == 0 {
			d.end = d.begin
		}
		j := sessiontest.New(t)
		j.Zone, j.Now = zones[dice.IntN(len(zones))], days[dice.IntN(len(days))].Add(
			time.Duration(dice.IntN(600))*time.Minute)
		agree(t, j, d, 6*(1+dice.IntN(40)), dice)
		if t.Failed() {
			t.Fatalf("seed %d, case %d: %s in %s", seed, n, d.json(), j.Zone)
		}
	}
}

func agree(t *testing.T, j *sessiontest.Journal, d daily, looks int, dice *rand.Rand) {
	t.Helper()
	loc, err := time.LoadLocation(j.Zone)
	if err != nil {
		t.Fatal(err)
	}
	tf, err := tariff.Parse([]byte(d.json()))
	if err != nil {
		t.Fatal(err)
	}
	if got := tf.PricesAt(j.Now, loc, 0)[0].Gross; got.Cmp(d.at(j.Now.In(loc))) != 0 {
		t.Errorf("at %v the screen says %v, it is %v", j.Now.In(loc), got, d.at(j.Now.In(loc)))
	}
	begun, register, sum := j.Now, int64(1000), new(big.Rat)
	j.Begin(d.json(), sessiontest.EUR(100_000))
	for range looks {
		wh := int64(dice.IntN(60))
		sum.Add(sum, new(big.Rat).Mul(d.at(j.Now.In(loc)), big.NewRat(wh, 1000)))
		register += wh
		j.Now = j.Now.Add(10 * time.Second)
		j.Look(register)
	}
	live, err := j.State.Sessions["S1"].Cost(*j.Reading(register))
	if err != nil {
		t.Fatal(err)
	}
	j.End(register)
	cents := new(big.Rat).Add(new(big.Rat).Mul(sum, big.NewRat(100, 1)), big.NewRat(1, 2))
	want := new(big.Int).Quo(cents.Num(), cents.Denom()).Int64() // half up
	x := j.State.Sessions["S1"]
	if x.Bill.Total.Minor != want || live.AfterTaxes.Minor != want {
		t.Errorf("billed %v, live %v, by the words %d", x.Bill.Total, live.AfterTaxes, want)
	}
	if want > 0 {
		j.Booked(want)
	}
	papers(t, j, want)
	if want > 0 {
		audited(t, j, begun, want, kiosk.Energy(register-1000))
	}
}

// papers compares receipt and CDR with what is due.
func papers(t *testing.T, j *sessiontest.Journal, want int64) {
	t.Helper()
	r, err := receipt.From(t.Context(), j.All(), func(context.Context, int64) ([32]byte,
		error) {
		return [32]byte{}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	lines := int64(0)
	for _, l := range r.Lines {
		lines += l.Amount.Minor
	}
	if r.Total.Minor != want || lines != want || want > 0 && r.Paid.Minor != want {
		t.Errorf("the receipt says %v, its lines %d, paid %v; due are %d", r.Total, lines, r.Paid, want)
	}
	for _, v := range ocpi.Versions() {
		cdr, err := site(v).CDR(j.State.Sessions["S1"])
		if err != nil {
			t.Fatal(err)
		}
		total := new(big.Rat).Set(cdr.TotalCost.Before)
		for _, tax := range cdr.TotalCost.Taxes {
			total.Add(total, tax.Amount)
		}
		if total.Cmp(big.NewRat(want, 100)) != 0 {
			t.Errorf("CDR %s says %v, due are %d", v, total, want)
		}
	}
}

// audited lets the audit compare with a bank that took what is due and a bay that gave what was counted.
func audited(t *testing.T, j *sessiontest.Journal, begun time.Time, want int64, wh kiosk.Energy) {
	t.Helper()
	w := audit.World{Slack: time.Second, Left: 0,
		Ledger: []audit.Movement{{At: begun, Kind: "hold", ReceiptNo: 231, Minor: 100_000, Reference: "7GK2M4Q"},
			{At: j.Now, Kind: "capture", ReceiptNo: 231, Minor: want, Reference: "7GK2M4Q"}},
		Flows: []audit.Flow{{Bay: 3, From: begun, To: j.Now, Energy: wh}}}
	broken, err := audit.Check(j.All(), w)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, b := range broken {
		all = append(all, b.String())
	}
	if len(all) > 0 {
		t.Errorf("the audit says: %s", strings.Join(all, "; "))
	}
	if x := j.State.Sessions["S1"]; x.Money != session.Captured {
		t.Errorf("money is %s", x.Money)
	}
}
