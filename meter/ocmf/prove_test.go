package ocmf_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"kioskd/meter/ocmf"
)

// pen signs records with a key of its own.
type pen struct{ key *ecdsa.PrivateKey }

func newPen(t *testing.T) pen {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pen{key}
}

func (p pen) public(t *testing.T) ocmf.Key {
	t.Helper()
	point := append(p.key.X.FillBytes(make([]byte, 32)), p.key.Y.FillBytes(make([]byte, 32))...)
	key, err := ocmf.ParseKey(hex.EncodeToString(point), "")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (p pen) record(t *testing.T, payload string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(payload))
	der, err := ecdsa.SignASN1(rand.Reader, p.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`OCMF|%s|{"SD":"%x"}`, payload, der)
}

const (
	both = `{"FV":"1.0","PG":"T8","MS":"0047B","IS":false,"IT":"CARD_TXN_NR","ID":"7GK2M4Q","RD":[` +
		`{"TM":"2026-03-02T09:00:10,000+0000 S","TX":"B","RV":12.34,"RI":"1-0:1.8.0","RU":"kWh","ST":"G"},` +
		`{"TM":"2026-03-02T10:00:10,000+0000 S","TX":"E","RV":15.67,"RI":"1-0:1.8.0","RU":"kWh","ST":"G"}]}`
)

func claim() ocmf.Claim {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	return ocmf.Claim{Meter: "47b", Reference: "7GK2M4Q", Page: 7, Step: 10,
		Start: ocmf.Between{From: at, To: at.Add(20 * time.Second), Low: 12_340, High: 12_341},
		Stop:  ocmf.Between{From: at.Add(time.Hour), To: at.Add(time.Hour + 20*time.Second), Low: 15_670, High: 15_675}}
}

// TestProve: a record proves a claim, and each way in which it does not is told.
func TestProve(t *testing.T) {
	p := newPen(t)
	x, err := ocmf.Prove([]string{p.record(t, both)}, p.public(t), claim())
	if err != nil || x.Energy().FloatString(0) != "3330" {
		t.Fatalf("%+v, %v", x, err)
	}
	maker := claim()
	maker.Meter = "7B"
	if _, err := ocmf.Prove([]string{p.record(t, both)}, p.public(t), maker); err != nil {
		t.Errorf("a number with the maker's letters before it: %v", err)
	}
	hour := `"2026-03-02T10:00:10,000+0000 S"`
	for name, c := range map[string]struct {
		from, to string
		change   func(c *ocmf.Claim)
		want     string
	}{
		"another meter":      {change: func(c *ocmf.Claim) { c.Meter = "48B" }, want: `register of meter "48B"`},
		"a meter of no name": {change: func(c *ocmf.Claim) { c.Meter = "000" }, want: `register of meter "000"`},
		"another driver":     {from: "7GK2M4Q", to: "7GK2M4R", want: `of "7GK2M4R", and the session is "7GK2M4Q"`},
		"no reference":       {from: `"ID":"7GK2M4Q"`, to: `"ID":""`, want: `of "", and the session`},
		"an old record":      {change: func(c *ocmf.Claim) { c.Page = 8 }, want: "record T8 is not after the record 8"},
		"more at the end": {from: "15.67", to: "15.69", want: "signed 15690.0 Wh at the end, and its register had " +
			"15670 to 15675 Wh"},
		"less at the beginning": {from: "12.34", to: "12.32", want: "signed 12320.0 Wh at the beginning"},
		"a wrong clock":         {from: hour, to: `"2026-03-02T10:03:00,000+0000 S"`, want: "time at the end is"},
		"a wrong duration": {from: "10:00:10,000+0000 S", to: "10:03:00,000+0000 R",
			want: "took 1h2m50s by the meter's clock"},
	} {
		text, claimed := strings.Replace(both, c.from, c.to, 1), claim()
		if name == "a wrong duration" {
			text = strings.Replace(text, "09:00:10,000+0000 S", "09:00:10,000+0000 R", 1)
		}
		if c.change != nil {
			c.change(&claimed)
		}
		if _, err := ocmf.Prove([]string{p.record(t, text)}, p.public(t), claimed); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	for _, records := range [][]string{nil, {both, both, both}} {
		if _, err := ocmf.Prove(records, p.public(t), claim()); err == nil {
			t.Errorf("%d records are taken", len(records))
		}
	}
	if _, err := ocmf.Prove([]string{p.record(t, both)}, newPen(t).public(t), claim()); !errors.Is(err,
		ocmf.ErrForged) {
		t.Errorf("another key: %v", err)
	}
}

// TestProveByTwoRecords: of either a reading may be the other's.
func TestProveByTwoRecords(t *testing.T) {
	p := newPen(t)
	head, rows, _ := strings.Cut(both, `"RD":[`)
	first, last, _ := strings.Cut(strings.TrimSuffix(rows, "]}"), "},")
	begin := p.record(t, head+`"RD":[`+first+"}]}")
	end := p.record(t, strings.Replace(head, "T8", "T9", 1)+`"RD":[`+last+"]}")
	if x, err := ocmf.Prove([]string{begin, end}, p.public(t), claim()); err != nil || x.Last != 9 {
		t.Errorf("%+v, %v", x, err)
	}
	for _, records := range [][]string{{end, begin}, {begin}, {end}, {begin, begin}} {
		if _, err := ocmf.Prove(records, p.public(t), claim()); err == nil {
			t.Errorf("%.60q are taken", records)
		}
	}
}

// TestProveByAResetRegister: a transaction may be told by a register that the meter resets. Where the record has the
// other one beside it, that must be the register that the seller saw; where not, no more may be signed than it rose.
func TestProveByAResetRegister(t *testing.T) {
	p := newPen(t)
	total := func(wh string) string { return fmt.Sprintf(`,"XV":%s,"XI":"1-0:1.8.0*255","XU":"kWh"`, wh) }
	for name, c := range map[string]struct {
		obis, start, stop string
		first, last       string // the other register; empty for none
		want              string // of the error; empty for none
	}{
		"from 0":                 {"1-0:1.8.0*198", "0.00", "3.33", total("12.34"), total("15.67"), ""},
		"since another time":     {"1-0:1.8.0*198", "700.00", "703.33", total("12.34"), total("15.67"), ""},
		"by itself":              {"1-0:1.8.0*198", "700.00", "703.33", "", "", ""},
		"a transaction's":        {"1-0:B2.8.0*255", "0", "3.33", "", "", ""},
		"no name, from 0":        {"1-0:1.8.0", "0", "3.33", "", "", ""},
		"more than the register": {"1-0:1.8.0*198", "0.00", "3.36", "", "", "rose by 3335 Wh"},
		"another total": {"1-0:1.8.0*198", "0.00", "3.33", total("12.34"), total("15.87"),
			"signed 15870.0 Wh"},
		"another total before": {"1-0:1.8.0*198", "0.00", "3.33", total("12.30"), total("15.67"),
			"signed 12300.0 Wh"},
		"a total without its end": {"1-0:1.8.0*198", "0.00", "3.39", total("12.34"), "", "rose by 3335 Wh"},
	} {
		of := `,"RI":"1-0:1.8.0","RU":"kWh"`
		own := `,"RI":"` + c.obis + `","RU":"kWh"`
		text := strings.Replace(both, "12.34"+of, c.start+own+c.first, 1)
		text = strings.Replace(text, "15.67"+of, c.stop+own+c.last, 1)
		_, err := ocmf.Prove([]string{p.record(t, text)}, p.public(t), claim())
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestProveOfAMaker: the pair of a Bauer BSM of its maker's example proves what its register showed then, and nothing
// else.
func TestProveOfAMaker(t *testing.T) {
	text, err := os.ReadFile("testdata/records.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Source string `json:"source"`
		OCMF   string `json:"ocmf"`
		Key    string `json:"public_key_hex"`
	}
	if err := json.Unmarshal(text, &all); err != nil || all[0].Source != all[1].Source {
		t.Fatal(err)
	}
	key, err := ocmf.ParseKey(all[0].Key, "")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2022, 7, 8, 8, 0, 20, 0, time.UTC)
	c := ocmf.Claim{Meter: "001BZR1521070006", Reference: "contract-id: rfid:12345678abcdef", Page: 4275, Step: 10,
		Start: ocmf.Between{From: at, To: at.Add(20 * time.Second), Low: 99_840, High: 99_840},
		Stop:  ocmf.Between{From: at, To: at.Add(6 * time.Minute), Low: 99_840, High: 100_000}}
	x, err := ocmf.Prove([]string{all[0].OCMF, all[1].OCMF}, key, c)
	if err != nil || x.Energy().FloatString(0) != "150" {
		t.Errorf("%v, %v", x.Energy(), err)
	}
	c.Start.Low, c.Start.High, c.Stop.High = 199_840, 199_840, 200_000
	if _, err := ocmf.Prove([]string{all[0].OCMF, all[1].OCMF}, key, c); err == nil {
		t.Error("the records of another register are taken")
	}
}
