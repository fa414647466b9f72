// Package ocpi makes records of finished sessions that others can ingest: OCPI Charge Detail
// Records (CDR, versions 2.2.1 and 2.3.0, chapter mod_cdrs) and FinancialAdviceConfirmations
// (2.3.0, chapter mod_payments). It is pure: what the journal knows of a session goes in, a JSON
// object comes out, each time the same. It never makes money up: amounts are those of the bill,
// and of what the bank booked.
//
// # What is chosen where OCPI leaves it open
//
//   - A card payment at the kiosk is a token of type AD_HOC_USER of our own party, used once;
//     its uid, its contract and the authorization_reference are the session's id. The
//     auth_method is COMMAND: kiosk and station are one, and no other fits.
//   - A vehicle that is connected and asks for nothing is PARKING_TIME. A stretch that was not
//     measured (a restart) has neither TIME nor PARKING_TIME, because none was billed.
//   - Minimum, maximum and hold show in total_cost alone; the costs of the dimensions are as
//     the tariff makes them, and remark says so.
//   - Energy and time have up to 4 decimals, rounded so that the periods add up to the total.
//   - A CDR is never changed. Money that was given back makes a credit CDR of the whole, and
//     where something is left, a new CDR of what is.
package ocpi

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/tariff"
)

// Version is of OCPI.
type Version string

// Versions that are written.
const (
	V221 Version = "2.2.1"
	V230 Version = "2.3.0"
)

// Versions lists them.
func Versions() []Version { return []Version{V221, V230} }

// Site is what a record must say of the site, and cannot know from a session.
type Site struct {
	Version     Version
	CountryCode string // alpha-2, of the CPO
	PartyID     string
	Location    Location
	Connector   Connector
}

// Location is where the site is.
type Location struct {
	ID          string      `json:"id"`
	Name        string      `json:"name,omitempty"`
	Address     string      `json:"address"`
	City        string      `json:"city"`
	PostalCode  string      `json:"postal_code,omitempty"`
	State       string      `json:"state,omitempty"`
	Country     string      `json:"country"` // alpha-3
	Coordinates Coordinates `json:"coordinates"`
}

// Coordinates are decimal degrees, as text.
type Coordinates struct {
	Latitude  string `json:"latitude"`
	Longitude string `json:"longitude"`
}

// Connector is the kind of plug that every bay has.
type Connector struct {
	ID        string
	Standard  string // ConnectorType
	Format    string // SOCKET or CABLE
	PowerType string
}

// Check lists what OCPI does not allow.
func (s *Site) Check() (out []string) {
	say := func(ok bool, format string, args ...any) {
		if !ok {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	if s.Connector.ID == "" {
		s.Connector.ID = "1"
	}
	say(matches(`[A-Z]{2}`, s.CountryCode), "country_code %q: want two capital letters", s.CountryCode)
	say(matches(`[A-Z0-9]{3}`, s.PartyID), "party_id %q: want three capital letters or digits", s.PartyID)
	l := s.Location
	say(matches(`[A-Z]{3}`, l.Country), "location.country %q: want three capital letters such as DEU", l.Country)
	say(matches(`-?[0-9]{1,2}\.[0-9]{5,6}`, l.Coordinates.Latitude),
		"location.latitude %q: want degrees with 5 or 6 decimals", l.Coordinates.Latitude)
	say(matches(`-?[0-9]{1,3}\.[0-9]{5,6}`, l.Coordinates.Longitude),
		"location.longitude %q: want degrees with 5 or 6 decimals", l.Coordinates.Longitude)
	for _, f := range []struct {
		name, text string
		most       int
		needed     bool
	}{{"location.id", l.ID, 36, true}, {"location.name", l.Name, 255, false}, {"location.address", l.Address, 45, true},
		{"location.city", l.City, 45, true},
		{"location.postal_code", l.PostalCode, 10, false}, {"location.state", l.State, 20, false},
		{"connector.id", s.Connector.ID, 36, true}} {
		n := len([]rune(f.text))
		say(n <= f.most && (n > 0 || !f.needed), "%s: want 1 to %d characters", f.name, f.most)
	}
	say(slices.Contains(standards(s.Version), s.Connector.Standard),
		"connector.standard %q is no ConnectorType of OCPI %s, such as IEC_62196_T2", s.Connector.Standard, s.Version)
	say(s.Connector.Format == "SOCKET" || s.Connector.Format == "CABLE", "connector.format %q: want SOCKET or CABLE",
		s.Connector.Format)
	say(slices.Contains([]string{"AC_1_PHASE", "AC_2_PHASE", "AC_2_PHASE_SPLIT", "AC_3_PHASE", "DC"},
		s.Connector.PowerType), "connector.power_type %q: want AC_1_PHASE, AC_2_PHASE, AC_2_PHASE_SPLIT, AC_3_PHASE "+
		"or DC", s.Connector.PowerType)
	return out
}

func matches(pattern, text string) bool {
	return regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(text)
}

// standards are the ConnectorTypes of a version.
func standards(v Version) []string {
	all := strings.Fields(
		`CHADEMO CHAOJI GBT_AC GBT_DC IEC_60309_2_single_16 IEC_60309_2_three_16 IEC_60309_2_three_32
			IEC_60309_2_three_64
		IEC_62196_T1 IEC_62196_T1_COMBO IEC_62196_T2 IEC_62196_T2_COMBO IEC_62196_T3A IEC_62196_T3C NEMA_5_20 NEMA_6_30
			NEMA_6_50 NEMA_10_30
		NEMA_10_50 NEMA_14_30 NEMA_14_50 PANTOGRAPH_BOTTOM_UP PANTOGRAPH_TOP_DOWN TESLA_R TESLA_S`)
	for c := 'A'; c <= 'O'; c++ {
		all = append(all, "DOMESTIC_"+string(c))
	}
	if v == V230 {
		all = append(all, "MCS", "SAE_J3400")
	}
	return all
}

// CDR is a Charge Detail Record. Its fields are those of both versions; Price is written as
// the version has it.
type CDR struct {
	CountryCode            string            `json:"country_code"`
	PartyID                string            `json:"party_id"`
	ID                     string            `json:"id"`
	StartDateTime          string            `json:"start_date_time"`
	EndDateTime            string            `json:"end_date_time"`
	SessionID              string            `json:"session_id"`
	Token                  Token             `json:"cdr_token"`
	AuthMethod             string            `json:"auth_method"`
	AuthorizationReference string            `json:"authorization_reference"`
	Location               CDRLocation       `json:"cdr_location"`
	MeterID                string            `json:"meter_id,omitempty"`
	Currency               string            `json:"currency"`
	Tariffs                []json.RawMessage `json:"tariffs,omitempty"`
	Periods                []Period          `json:"charging_periods"`
	SignedData             *SignedData       `json:"signed_data,omitempty"`
	TotalCost              Price             `json:"total_cost"`
	TotalFixedCost         *Price            `json:"total_fixed_cost,omitempty"`
	TotalEnergy            json.Number       `json:"total_energy"` // kWh
	TotalEnergyCost        *Price            `json:"total_energy_cost,omitempty"`
	TotalTime              json.Number       `json:"total_time"` // hours
	TotalTimeCost          *Price            `json:"total_time_cost,omitempty"`
	TotalParkingTime       json.Number       `json:"total_parking_time,omitempty"`
	TotalParkingCost       *Price            `json:"total_parking_cost,omitempty"`
	Remark                 string            `json:"remark,omitempty"`
	InvoiceReferenceID     string            `json:"invoice_reference_id,omitempty"`
	Credit                 bool              `json:"credit,omitempty"`
	CreditReferenceID      string            `json:"credit_reference_id,omitempty"`
	LastUpdated            string            `json:"last_updated"`
}

// Token is a CdrToken.
type Token struct {
	CountryCode string `json:"country_code"`
	PartyID     string `json:"party_id"`
	UID         string `json:"uid"`
	Type        string `json:"type"`
	ContractID  string `json:"contract_id"`
}

// CDRLocation is a CdrLocation.
type CDRLocation struct {
	Location
	EVSEUID   string `json:"evse_uid"`
	EVSEID    string `json:"evse_id"`
	Connector string `json:"connector_id"`
	Standard  string `json:"connector_standard"`
	Format    string `json:"connector_format"`
	PowerType string `json:"connector_power_type"`
}

// Period is a ChargingPeriod.
type Period struct {
	Start      string      `json:"start_date_time"`
	Dimensions []Dimension `json:"dimensions"`
	TariffID   string      `json:"tariff_id,omitempty"`
}

// Dimension is a CdrDimension: ENERGY in kWh, TIME and PARKING_TIME in hours.
type Dimension struct {
	Type   string      `json:"type"`
	Volume json.Number `json:"volume"`
}

// Price is an amount before and after taxes.
type Price struct {
	Version Version
	Before  *big.Rat
	Taxes   []PriceTax
}

// PriceTax is one VAT rate of a price.
type PriceTax struct {
	Percent *big.Rat
	Amount  *big.Rat
}

// MarshalJSON writes a price as its version has it.
func (p Price) MarshalJSON() ([]byte, error) {
	if p.Version == V221 {
		after := new(big.Rat).Set(p.Before)
		for _, t := range p.Taxes {
			after.Add(after, t.Amount)
		}
		return json.Marshal(map[string]json.Number{"excl_vat": number(p.Before), "incl_vat": number(after)})
	}
	type tax struct {
		Name       string      `json:"name"`
		Percentage json.Number `json:"percentage"`
		Amount     json.Number `json:"amount"`
	}
	out := struct {
		Before json.Number `json:"before_taxes"`
		Taxes  []tax       `json:"taxes,omitempty"`
	}{Before: number(p.Before)}
	for _, t := range p.Taxes {
		out.Taxes = append(out.Taxes, tax{"VAT", number(t.Percent), number(t.Amount)})
	}
	return json.Marshal(out)
}

// number writes up to 4 decimals.
func number(v *big.Rat) json.Number { return json.Number(tariff.Digits(v, 0, 4)) }

func major(m kiosk.Money) *big.Rat {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(m.Currency.Digits())), nil)
	return new(big.Rat).SetFrac(big.NewInt(m.Minor), scale)
}

func stamp(t time.Time) string { return t.UTC().Truncate(time.Second).Format(time.RFC3339) }

// Derive makes the records of a closed session: a CDR if it has a bill, and what became of the
// payment if a card was asked for. What was given away has a CDR of 0.00.
func (s *Site) Derive(x session.Session) ([]kiosk.Entry, error) {
	if x.Bill == nil {
		return nil, nil
	}
	cdr, err := s.CDR(x)
	if err != nil {
		return nil, err
	}
	entry, err := record(x.ID, string(session.OCPICDR), x.ClosedAt, s.Version, "cdr", cdr)
	if err != nil {
		return nil, err
	}
	out := []kiosk.Entry{entry}
	if x.Money == session.Free {
		return out, nil
	}
	entry, err = record(x.ID, string(session.OCPIFAC), x.ClosedAt, V230, "financial_advice_confirmation", advice(x))
	return append(out, entry), err
}

// record is a journal's record of an object.
func record(id, kind string, at time.Time, v Version, name string, object any) (kiosk.Entry, error) {
	body, err := json.Marshal(map[string]any{"at": at, "version": v, name: object})
	if err != nil {
		return kiosk.Entry{}, fmt.Errorf("cannot write %s: %w", name, err)
	}
	return kiosk.Entry{Session: id, Kind: kind, Body: body, Ends: true}, nil
}

// CDR makes the Charge Detail Record of a session that has a bill.
func (s *Site) CDR(x session.Session) (CDR, error) {
	b := x.Bill
	if b.Usage == nil || x.Start == nil || x.Tariff == nil || x.Offer == nil {
		return CDR{}, errors.New("cannot make CDR: the session's records lack its usage, first register or offer")
	}
	cost, err := x.Tariff.Calculate(*b.Usage, x.Location)
	if err != nil {
		return CDR{}, fmt.Errorf("cannot make CDR: %w", err)
	}
	if b.Net == nil && b.Total.Minor > 0 {
		return CDR{}, fmt.Errorf("cannot make CDR: the tariff does not say which tax its prices include")
	}
	plan, id, err := s.tariff(x)
	if err != nil {
		return CDR{}, fmt.Errorf("cannot make CDR: %w", err)
	}
	c := CDR{
		CountryCode: s.CountryCode, PartyID: s.PartyID, ID: x.ID, SessionID: x.ID, StartDateTime: stamp(b.Start),
		EndDateTime: stamp(b.End),
		Token:       Token{s.CountryCode, s.PartyID, x.ID, "AD_HOC_USER", x.ID}, AuthMethod: "COMMAND",
		AuthorizationReference: x.ID,
		Location: CDRLocation{s.Location, x.EVSE, x.EVSE, s.Connector.ID, s.Connector.Standard, s.Connector.Format,
			s.Connector.PowerType},
		MeterID: x.Start.Serial, Currency: string(b.Total.Currency), Tariffs: plan,
		TotalCost: s.total(b), TotalEnergy: json.Number(b.Energy.KWh(3)), TotalTime: number(hours(b.End.Sub(b.Start))),
		Remark: string(x.Reason), InvoiceReferenceID: x.Reference, LastUpdated: stamp(x.ClosedAt),
	}
	c.SignedData, err = signedData(x.Signed)
	if err != nil {
		return CDR{}, fmt.Errorf("cannot make CDR: %w", err)
	}
	c.Periods, c.TotalParkingTime = periods(cost.Slices, b, id)
	if b.Limit != "" {
		c.Remark += "; total_cost is bound by " + b.Limit
	}
	if b.Energy == 0 { // nothing is taken for nothing, whatever the tariff says
		return c, nil
	}
	for d, to := range map[tariff.Dimension]**Price{tariff.Flat: &c.TotalFixedCost, tariff.Energy: &c.TotalEnergyCost,
		tariff.Time: &c.TotalTimeCost, tariff.Parking: &c.TotalParkingCost} {
		if part, ok := x.Tariff.Part(cost, d); ok {
			p := Price{s.Version, part.Before, nil}
			for _, t := range part.Taxes {
				p.Taxes = append(p.Taxes, PriceTax(t))
			}
			*to = &p
		}
	}
	return c, nil
}

// total is what is taken, as the bill splits it.
func (s *Site) total(b *session.Bill) Price {
	p := Price{s.Version, major(b.Total), nil}
	if b.Net != nil {
		p.Before = major(*b.Net)
	}
	for _, t := range b.Taxes {
		percent, ok := new(big.Rat).SetString(t.Percent)
		if !ok {
			percent = new(big.Rat)
		}
		p.Taxes = append(p.Taxes, PriceTax{percent, major(t.Amount)})
	}
	return p
}

func hours(d time.Duration) *big.Rat { return big.NewRat(int64(d), int64(time.Hour)) }

// sum rounds a running sum to 4 decimals, so that its parts add up.
type sum struct{ exact, given *big.Rat }

func newSum() *sum { return &sum{new(big.Rat), new(big.Rat)} }

func (s *sum) add(v *big.Rat) *big.Rat {
	s.exact.Add(s.exact, v)
	rounded, _ := new(big.Rat).SetString(s.exact.FloatString(4))
	part := new(big.Rat).Sub(rounded, s.given)
	s.given = rounded
	return part
}

// periods are the stretches in which one price was active.
func periods(slices []tariff.Charge, b *session.Bill, tariffID string) (out []Period, parked json.Number) {
	energy, charging, parking := newSum(), newSum(), newSum()
	for _, c := range slices {
		p := Period{Start: stamp(c.Start), TariffID: tariffID,
			Dimensions: []Dimension{{"ENERGY", number(energy.add(c.Energy))}}}
		switch long := hours(c.End.Sub(c.Start)); c.State {
		case tariff.Charging:
			p.Dimensions = append(p.Dimensions, Dimension{"TIME", number(charging.add(long))})
		case tariff.Parked:
			p.Dimensions = append(p.Dimensions, Dimension{"PARKING_TIME", number(parking.add(long))})
		}
		out = append(out, p)
	}
	if len(out) == 0 {
		out = []Period{{Start: stamp(b.Start), TariffID: tariffID,
			Dimensions: []Dimension{{"ENERGY", number(new(big.Rat))}}}}
	}
	if parking.given.Sign() > 0 {
		parked = number(parking.given)
	}
	return out, parked
}

// tariff is the one that was agreed to, with what a Tariff object must have.
func (s *Site) tariff(x session.Session) (out []json.RawMessage, id string, err error) {
	t := map[string]any{}
	if err := decode(x.Tariff.JSON(), &t); err != nil {
		return nil, "", err
	}
	id, _ = t["id"].(string)
	if id == "" || len(id) > 36 {
		id = "T-" + x.Offer.Hash[:min(8, len(x.Offer.Hash))]
	}
	for name, value := range map[string]any{"country_code": s.CountryCode, "party_id": s.PartyID,
		"last_updated": stamp(x.LeaseAt), "type": "AD_HOC_PAYMENT"} {
		if _, has := t[name]; !has {
			t[name] = value
		}
	}
	t["id"] = id
	t["tax_included"] = x.Tariff.TaxIncluded
	if s.Version == V221 {
		delete(t, "tax_included")
		delete(t, "preauthorize_amount")
	}
	elements, _ := t["elements"].([]any)
	for i, e := range x.Tariff.Elements {
		for j, c := range e.PriceComponents {
			component := componentOf(elements, i, j)
			if component == nil { // in other letters than OCPI's
				return nil, "", nil
			}
			component["step_size"] = c.StepSize
			component["price"] = number(s.price(x.Tariff, c))
		}
	}
	for _, name := range []string{"min_price", "max_price"} {
		if limit, has := t[name].(map[string]any); has {
			t[name] = s.limit(limit)
			if t[name] == nil { // one that OCPI has no words for: total_cost tells
				delete(t, name)
			}
		}
	}
	body, err := json.Marshal(t)
	return []json.RawMessage{body}, id, err
}

// componentOf finds a price component, where the object has it.
func componentOf(elements []any, i, j int) map[string]any {
	if i >= len(elements) {
		return nil
	}
	element, _ := elements[i].(map[string]any)
	components, _ := element["price_components"].([]any)
	if j >= len(components) {
		return nil
	}
	component, _ := components[j].(map[string]any)
	return component
}

// price is a component's: before 2.3.0 without VAT.
func (s *Site) price(t *tariff.Tariff, c tariff.Component) *big.Rat {
	p := new(big.Rat).Set(&c.Price.Rat)
	if s.Version == V221 && t.TaxIncluded == "YES" && c.VAT != nil {
		factor := new(big.Rat).Add(big.NewRat(1, 1), new(big.Rat).Quo(&c.VAT.Rat, big.NewRat(100, 1)))
		p.Quo(p, factor)
	}
	return p
}

// limit is a minimum or maximum; nil where OCPI wants an amount before taxes and there is none.
func (s *Site) limit(l map[string]any) any {
	if _, has := l["before_taxes"]; !has {
		return nil
	}
	if s.Version == V230 {
		return l
	}
	out := map[string]any{"excl_vat": l["before_taxes"]}
	if after, has := l["after_taxes"]; has {
		out["incl_vat"] = after
	}
	return out
}

// decode reads JSON with its numbers to the letter.
func decode(data []byte, to any) error {
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber()
	return d.Decode(to)
}
