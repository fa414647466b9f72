// Package tariff says what a charging session costs: an OCPI 2.3.0 Tariff object and
// a usage go in, a cost comes out. It is pure: no clock, no I/O, no floats. One
// calculation feeds the screen, the capture and the receipt, so that the three can
// never differ.
//
// For each dimension (FLAT, ENERGY, TIME, PARKING_TIME) on its own, the first element
// in list order that has a component of that dimension and whose restrictions all
// hold is the active one; with no match the dimension is free. Volumes are exact
// rationals. The step size rounds up once a session: once for ENERGY, and once for
// the last active component of TIME and PARKING_TIME, at that component's price.
// Money is rounded once, at the end, half away from zero. See OCPI 2.3.0, module
// Tariffs, chapter 11.
package tariff

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"kioskd"
	"kioskd/strict"
)

// Dimension is what a price component is charged for: OCPI TariffDimensionType.
type Dimension string

// Dimensions, in the order in which prices are shown (AFIR Art. 5: per kWh, per
// minute, per session, any other).
const (
	Energy  Dimension = "ENERGY"       // a kWh
	Time    Dimension = "TIME"         // an hour of charging
	Flat    Dimension = "FLAT"         // once a session
	Parking Dimension = "PARKING_TIME" // an hour in which the vehicle asks for nothing
)

// Dimensions lists all dimensions in the order in which prices are shown.
func Dimensions() []Dimension { return []Dimension{Energy, Time, Flat, Parking} }

// Decimal is an exact number read from JSON.
type Decimal struct{ big.Rat }

// UnmarshalJSON reads a JSON number, or a number in quotes, exactly.
func (d *Decimal) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	if strings.ContainsAny(text, "/eEpPxX_") || len(text) > 40 {
		return fmt.Errorf("cannot read %s as a plain decimal number", b)
	}
	if _, ok := d.SetString(text); !ok {
		return fmt.Errorf("cannot read %s as a number", b)
	}
	return nil
}

// Tariff is an OCPI Tariff object. Read one with Parse.
type Tariff struct {
	ID                 string         `json:"id"`
	CountryCode        string         `json:"country_code"`
	PartyID            string         `json:"party_id"`
	Currency           kiosk.Currency `json:"currency"`
	Type               string         `json:"type"`
	AltText            []Text         `json:"tariff_alt_text"`
	AltURL             string         `json:"tariff_alt_url"`
	MinPrice           *PriceLimit    `json:"min_price"`
	MaxPrice           *PriceLimit    `json:"max_price"`
	PreauthorizeAmount *Decimal       `json:"preauthorize_amount"`
	Elements           []Element      `json:"elements"`
	TaxIncluded        string         `json:"tax_included"` // YES, NO or N/A
	StartDateTime      *time.Time     `json:"start_date_time"`
	EndDateTime        *time.Time     `json:"end_date_time"`
	EnergyMix          any            `json:"energy_mix"`
	LastUpdated        *time.Time     `json:"last_updated"`

	raw []byte
}

// Text is an OCPI DisplayText.
type Text struct {
	Language string `json:"language"`
	Text     string `json:"text"`
}

// PriceLimit is an OCPI PriceLimit; either bound may be missing.
type PriceLimit struct {
	BeforeTaxes *Decimal `json:"before_taxes"`
	AfterTaxes  *Decimal `json:"after_taxes"`
}

// Element is an OCPI TariffElement.
type Element struct {
	PriceComponents []Component   `json:"price_components"`
	Restrictions    *Restrictions `json:"restrictions"`
}

// Component is an OCPI PriceComponent.
type Component struct {
	Type     Dimension `json:"type"`
	Price    *Decimal  `json:"price"`
	VAT      *Decimal  `json:"vat"` // percent; missing means that none applies
	StepSize int64     `json:"step_size"`
}

// Restrictions is an OCPI TariffRestrictions: all that are given must hold.
type Restrictions struct {
	StartTime   string   `json:"start_time"` // local, HH:MM
	EndTime     string   `json:"end_time"`   // 00:00 is the end of the day
	StartDate   string   `json:"start_date"` // local, inclusive
	EndDate     string   `json:"end_date"`   // local, exclusive
	MinKWh      *Decimal `json:"min_kwh"`
	MaxKWh      *Decimal `json:"max_kwh"`
	MinCurrent  *Decimal `json:"min_current"`
	MaxCurrent  *Decimal `json:"max_current"`
	MinPower    *Decimal `json:"min_power"`
	MaxPower    *Decimal `json:"max_power"`
	MinDuration *int64   `json:"min_duration"`
	MaxDuration *int64   `json:"max_duration"`
	DayOfWeek   []string `json:"day_of_week"`
	Reservation string   `json:"reservation"`

	start, end int // minutes of the day, end 24*60 for 00:00; -1 without
}

// Parse reads one OCPI Tariff. A field, component or restriction that OCPI does not
// have is an error, as is a price or a time that cannot be read: a tariff is
// understood whole or not at all.
func Parse(data []byte) (*Tariff, error) {
	if err := strict.CheckUTF8(data); err != nil {
		return nil, fmt.Errorf("cannot read tariff: %w", err)
	}
	at, err := places(data)
	if err != nil {
		return nil, fmt.Errorf("cannot read tariff: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	t := new(Tariff)
	if err := dec.Decode(t); err != nil {
		return nil, fmt.Errorf("cannot read tariff: %w", decodeError(err, data, at))
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		return nil, fmt.Errorf("cannot read tariff: %w", err)
	}
	var same bytes.Buffer
	json.HTMLEscape(&same, compact.Bytes()) // as a record that has it: one text, one checksum
	t.raw = same.Bytes()
	if err := t.complete(); err != nil {
		path, _, _ := strings.Cut(err.Error(), " ")
		return nil, fmt.Errorf("cannot read tariff: %w", strict.At(nearest(at, strings.TrimSuffix(path, ":")),
			err.Error()))
	}
	return t, nil
}

// JSON is the tariff as it was given, without white space; &, < and > are escaped, as they are in the journal.
func (t *Tariff) JSON() []byte { return t.raw }

func (t *Tariff) complete() error {
	var errs []error
	if t.Currency == "" {
		errs = append(errs, errors.New("currency is missing"))
	}
	if t.TaxIncluded == "" {
		t.TaxIncluded = "NO" // OCPI before 2.3.0 knows net prices only
	}
	if !slices.Contains([]string{"YES", "NO", "N/A"}, t.TaxIncluded) {
		errs = append(errs, fmt.Errorf("tax_included is %q: want YES, NO or N/A", t.TaxIncluded))
	}
	if len(t.Elements) == 0 {
		errs = append(errs, errors.New("elements is empty"))
	}
	for i := range t.Elements {
		e := &t.Elements[i]
		if len(e.PriceComponents) == 0 {
			errs = append(errs, fmt.Errorf("elements[%d].price_components is empty", i))
		}
		for j := range e.PriceComponents {
			if err := e.PriceComponents[j].complete(); err != nil {
				errs = append(errs, fmt.Errorf("elements[%d].price_components[%d]: %w", i, j, err))
			}
		}
		if e.Restrictions != nil {
			if err := e.Restrictions.complete(); err != nil {
				errs = append(errs, fmt.Errorf("elements[%d].restrictions: %w", i, err))
			}
		}
	}
	return errors.Join(errs...)
}

func (c *Component) complete() error {
	switch {
	case !slices.Contains(Dimensions(), c.Type):
		return fmt.Errorf("type %q is unknown", c.Type)
	case c.Price == nil:
		return errors.New("price is missing")
	case c.Price.Sign() < 0:
		return errors.New("price is negative")
	case c.VAT != nil && c.VAT.Sign() < 0:
		return errors.New("vat is negative")
	case c.StepSize < 0:
		return errors.New("step_size is negative")
	}
	if c.StepSize == 0 {
		c.StepSize = 1
	}
	return nil
}

var weekdays = []string{"SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"}

func (r *Restrictions) complete() error {
	var errs []error
	clock := func(name, text string) int {
		if text == "" {
			return -1
		}
		at, err := time.Parse("15:04", text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s %q is not a time: want HH:MM", name, text))
		}
		return at.Hour()*60 + at.Minute()
	}
	r.start, r.end = clock("start_time", r.StartTime), clock("end_time", r.EndTime)
	if r.end == 0 {
		r.end = 24 * 60
	}
	for name, text := range map[string]string{"start_date": r.StartDate, "end_date": r.EndDate} {
		if _, err := time.Parse(time.DateOnly, text); text != "" && err != nil {
			errs = append(errs, fmt.Errorf("%s %q is not a date: want YYYY-MM-DD", name, text))
		}
	}
	for _, d := range r.DayOfWeek {
		if !slices.Contains(weekdays, d) {
			errs = append(errs, fmt.Errorf("day_of_week %q is unknown", d))
		}
	}
	if r.Reservation != "" {
		errs = append(errs, errors.New("reservation: the kiosk takes no reservations"))
	}
	return errors.Join(errs...)
}

// DependsOnPower tells whether a price depends on power or current, so that usage
// must not be summed up over readings.
func (t *Tariff) DependsOnPower() bool {
	for _, e := range t.Elements {
		if r := e.Restrictions; r != nil && (r.MinPower != nil || r.MaxPower != nil || r.MinCurrent != nil ||
			r.MaxCurrent != nil) {
			return true
		}
	}
	return false
}

// Has tells whether any element has a component of a dimension with a price above
// zero.
func (t *Tariff) Has(d Dimension) bool {
	for _, e := range t.Elements {
		for _, c := range e.PriceComponents {
			if c.Type == d && c.Price.Sign() > 0 {
				return true
			}
		}
	}
	return false
}

// Highest is the highest price of a dimension, as the tariff has it; zero without one.
func (t *Tariff) Highest(d Dimension) *big.Rat {
	high := new(big.Rat)
	for _, e := range t.Elements {
		for _, c := range e.PriceComponents {
			if c.Type == d && c.Price.Cmp(high) > 0 {
				high.Set(&c.Price.Rat)
			}
		}
	}
	return high
}

// NextBoundary is the first moment after at in which a restriction by local time can
// change a price, or the zero time if there is none.
func (t *Tariff) NextBoundary(at time.Time, loc *time.Location) time.Time {
	var next time.Time
	for _, b := range t.boundaries(at, at.Add(49*time.Hour), loc) {
		if b.After(at) && (next.IsZero() || b.Before(next)) {
			next = b
		}
	}
	return next
}

// boundaries lists the moments from..to at which a restriction by local time can
// change.
func (t *Tariff) boundaries(from, to time.Time, loc *time.Location) []time.Time {
	var out []time.Time
	from = from.In(loc)
	for _, e := range t.Elements {
		r := e.Restrictions
		if r == nil {
			continue
		}
		var minutes []int
		if r.start >= 0 {
			minutes = append(minutes, r.start)
		}
		if r.end >= 0 {
			minutes = append(minutes, r.end)
		}
		if len(r.DayOfWeek) > 0 || r.StartDate != "" || r.EndDate != "" || (r.start >= 0) != (r.end >= 0) {
			minutes = append(minutes, 0) // the other end of a time that has one
		}
		if len(minutes) == 0 {
			continue
		}
		for day := -1; ; day++ {
			date := time.Date(from.Year(), from.Month(), from.Day()+day, 0, 0, 0, 0, time.UTC)
			if date.Add(-ahead).After(to) { // no zone is a day ahead
				break
			}
			for _, m := range minutes {
				out = append(out, instants(date.Add(time.Duration(m)*time.Minute), loc)...)
			}
		}
		out = append(out, clockChanges(from, to)...)
	}
	return out
}

// instants are the moments at which the local clock shows what wall does, in UTC: two in the night when
// it is set back, none when it is set forward over it, which may be midnight.
func instants(wall time.Time, loc *time.Location) (out []time.Time) {
	for _, near := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, offset := wall.Add(near).In(loc).Zone()
		t := wall.Add(-time.Duration(offset) * time.Second).In(loc)
		same := t.Day() == wall.Day() && t.Hour() == wall.Hour() && t.Minute() == wall.Minute()
		if same && !slices.ContainsFunc(out, t.Equal) {
			out = append(out, t)
		}
	}
	return out
}

// clockChanges are the moments at which the local clock is set.
func clockChanges(from, to time.Time) (out []time.Time) {
	for _, end := from.ZoneBounds(); !end.IsZero() && !end.After(to); _, end = end.ZoneBounds() {
		out = append(out, end)
	}
	return out
}
