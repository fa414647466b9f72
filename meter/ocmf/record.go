// Package ocmf reads, verifies and passes on signed meter readings in the Open Charge Metering Format (S.A.F.E. e.V.,
// OCMF 1.0 to 1.3), byte for byte as the meter made them: what is written anew no longer has its signature.
//
//	OCMF|{payload}|{signature}
//
// A record is believed only after Verify with a key that did not come with it, and two records are a transaction only
// where Pair finds nothing against it. A curve that this program does not know is no verdict: ErrCannotCheck.
package ocmf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Record is one record, as it is and as it reads.
type Record struct {
	Raw     string // byte for byte
	Payload Payload
	Sealed  Signature

	signed string // the bytes between the first and the last bar
}

// Payload is what the meter signed (OCMF 1.3, table 3 to 8).
type Payload struct {
	Format     string   `json:"FV"`
	Gateway    string   `json:"GI"`
	GatewayNo  string   `json:"GS"`
	Pagination string   `json:"PG"`
	Maker      string   `json:"MV"`
	Model      string   `json:"MM"`
	Serial     string   `json:"MS"`
	Firmware   string   `json:"MF"`
	Identified *bool    `json:"IS"`
	Level      string   `json:"IL"`
	Flags      []string `json:"IF"`
	Kind       string   `json:"IT"`
	ID         string   `json:"ID"`
	Tariff     string   `json:"TT"`
	PointKind  string   `json:"CT"`
	Point      string   `json:"CI"`
	Rows       []row    `json:"RD"`

	Readings []Reading `json:"-"`
}

// row is a reading as it is written; what is left out is as in the row before.
type row struct {
	Time  *string         `json:"TM"`
	Event *string         `json:"TX"`
	Value json.RawMessage `json:"RV"`
	OBIS  *string         `json:"RI"`
	Unit  *string         `json:"RU"`
	Type  *string         `json:"RT"`
	Error *string         `json:"EF"`
	State *string         `json:"ST"`
	// What Bauer's BSM says beside it: the register that is never reset (bsm-python, doc/examples/ocmf.md).
	Total     json.RawMessage `json:"XV"`
	TotalOBIS string          `json:"XI"`
	TotalUnit string          `json:"XU"`
}

// Reading is one reading of a record.
type Reading struct {
	At    time.Time
	Clock byte     // U unknown, I informative, S synchronised, R relative; 0 where it does not say
	Event string   // B begin, C charging, X exception, E, L, R, A, P end, S suspended, T tariff change
	Value *big.Rat // in Wh, where the unit is one of energy; nil where there is none
	// Total is the meter's own register, which is never reset, in Wh; nil where the reading may be of another one. A
	// reading of 0 is of a register that was reset.
	Total *big.Rat
	OBIS  string
	Unit  string
	Type  string // AC or DC
	Error string // flags: E energy, t time
	State string // G is good
}

// Signature is how the meter signed.
type Signature struct {
	Algorithm string `json:"SA"`
	Encoding  string `json:"SE"`
	Mime      string `json:"SM"`
	Data      string `json:"SD"`
}

// longest is more than any meter signs.
const longest = 64 << 10

// Parse reads a record. It accepts what a meter may have written, and no more: a key that is there twice could mean
// one thing here and another elsewhere.
func Parse(text string) (*Record, error) {
	if len(text) > longest {
		return nil, fmt.Errorf("cannot read OCMF record: it has %d bytes", len(text))
	}
	if !utf8.ValidString(text) {
		return nil, errors.New("cannot read OCMF record: it is not UTF-8")
	}
	parts := strings.Split(text, "|")
	if len(parts) != 3 || parts[0] != "OCMF" {
		return nil, errors.New("cannot read OCMF record: want OCMF|payload|signature")
	}
	r := &Record{Raw: text, signed: parts[1]}
	if err := decode(parts[1], &r.Payload); err != nil {
		return nil, fmt.Errorf("cannot read OCMF payload: %w", err)
	}
	if err := decode(parts[2], &r.Sealed); err != nil {
		return nil, fmt.Errorf("cannot read OCMF signature: %w", err)
	}
	if r.Sealed.Data == "" {
		return nil, errors.New("cannot read OCMF signature: SD is missing")
	}
	if !format.MatchString(r.Payload.Format) {
		return nil, fmt.Errorf("cannot read OCMF payload: format version %q is none of 0.1 to 1", r.Payload.Format)
	}
	return r, r.Payload.read()
}

var format = regexp.MustCompile(`^[01]\.[0-9]+(\.[0-9]+)*$`)

// decode reads one JSON object, in which no key is there twice.
func decode(text string, to any) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := once(d); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the object")
	}
	return json.Unmarshal([]byte(text), to)
}

// once reads a value, and wants the keys of each object to be different.
func once(d *json.Decoder) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	open, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			key, err := d.Token()
			if err != nil {
				return err
			}
			name, _ := key.(string)
			switch {
			case seen[name]:
				return fmt.Errorf("%q is there twice", name)
			case len([]rune(name)) == 2 && name != strings.ToUpper(name): // others might not read it as we do
				return fmt.Errorf("key %q: want capital letters", name)
			}
			seen[name] = true
		}
		if err := once(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// read makes readings of rows.
func (p *Payload) read() error {
	var last row
	for i, r := range p.Rows {
		last = last.then(r)
		one, err := last.reading(r)
		if err != nil {
			return fmt.Errorf("cannot read OCMF reading %d: %w", i+1, err)
		}
		p.Readings = append(p.Readings, one)
	}
	if len(p.Readings) == 0 {
		return errors.New("cannot read OCMF payload: it has no reading")
	}
	return nil
}

// then is a row with what it leaves out.
func (before row) then(r row) row {
	for _, f := range []struct{ to, from **string }{{&r.Time, &before.Time}, {&r.Event, &before.Event},
		{&r.OBIS, &before.OBIS}, {&r.Unit, &before.Unit}, {&r.Type, &before.Type}, {&r.Error, &before.Error},
		{&r.State, &before.State}} {
		if *f.to == nil {
			*f.to = *f.from
		}
	}
	return r
}

// reading is what a row says, with what it leaves out as in the row before.
func (r row) reading(said row) (out Reading, err error) {
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	out = Reading{Event: text(r.Event), OBIS: text(r.OBIS), Unit: text(r.Unit), Error: text(r.Error),
		Type: text(r.Type), State: text(r.State)}
	out.At, out.Clock, err = moment(text(r.Time))
	if err != nil {
		return out, err
	}
	out.Value, err = energy(said.Value, out.Unit)
	if err != nil {
		return out, err
	}
	switch {
	case strings.HasSuffix(said.TotalOBIS, "1.8.0*255"):
		out.Total, err = energy(said.Total, said.TotalUnit)
	case out.Value != nil && out.Value.Sign() != 0 && !resets.MatchString(strings.ToUpper(out.OBIS)):
		out.Total = out.Value
	}
	return out, err
}

// resets are registers that a meter resets: those of a transaction (OCMF 1.3, table 25), and Bauer's.
var resets = regexp.MustCompile(`:B[23]\.|\*198$`)

// energy is a value in Wh; nil where there is none, or where the unit is of something else.
func energy(value json.RawMessage, unit string) (*big.Rat, error) {
	factor, ok := map[string]int64{"Wh": 1, "kWh": 1000}[unit]
	if !ok || len(value) == 0 {
		return nil, nil
	}
	n, err := number(value)
	if err != nil {
		return nil, err
	}
	return n.Mul(n, big.NewRat(factor, 1)), nil
}

// moment reads a time with its status, as in 2022-07-08T10:00:28,000+0200 S.
func moment(text string) (at time.Time, clock byte, err error) {
	when, status, _ := strings.Cut(text, " ")
	at, err = time.Parse("2006-01-02T15:04:05.000-0700", strings.Replace(when, ",", ".", 1))
	if err != nil {
		return at, 0, fmt.Errorf("time %q: want one as in 2022-07-08T10:00:28,000+0200 S", text)
	}
	if len(status) == 1 && strings.Contains("UISR", status) {
		return at, status[0], nil
	}
	return at, 0, nil
}

// decimal is a number as meters write one, also in a text and with blanks before it.
var decimal = regexp.MustCompile(`^-?[0-9]{1,20}(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?$`)

// number reads a value exactly.
func number(raw json.RawMessage) (*big.Rat, error) {
	text := string(bytes.TrimSpace(raw))
	if strings.HasPrefix(text, `"`) {
		var inner string
		if err := json.Unmarshal(raw, &inner); err != nil {
			return nil, err
		}
		text = strings.TrimSpace(inner)
	}
	if !decimal.MatchString(text) {
		return nil, fmt.Errorf("value %q is not a number", text)
	}
	n, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, fmt.Errorf("value %q is not a number", text)
	}
	return n, nil
}

// Page is the kind of a record's number and the number: T for transactions, F for fiscal readings.
func (r *Record) Page() (kind byte, number int64, err error) {
	text := r.Payload.Pagination
	if len(text) < 2 {
		return 0, 0, fmt.Errorf("pagination %q: want a letter and a number", text)
	}
	number, err = strconv.ParseInt(text[1:], 10, 64)
	if err != nil || number < 0 || text[1:] != strconv.FormatInt(number, 10) {
		return 0, 0, fmt.Errorf("pagination %q: want a letter and a number", text)
	}
	return text[0], number, nil
}

// Meter is the serial number of the meter that made the record; of a gateway that names none, its own.
func (r *Record) Meter() string {
	if r.Payload.Serial != "" {
		return r.Payload.Serial
	}
	return r.Payload.GatewayNo
}
