package csms_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"kioskd"
	"kioskd/csms"
	"kioskd/ocpp/v2"
	"kioskd/tariff"
)

// converted is a tariff of OCPP as the kiosk sells by it.
func converted(t *testing.T, text string) (*tariff.Tariff, error) {
	t.Helper()
	var m v2.Tariff
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	ocpi, _, err := csms.OCPI(m, kiosk.Currency("EUR"), map[string]string{"country_code": "DE", "party_id": "DEM"})
	if err != nil {
		return nil, err
	}
	return tariff.Parse(ocpi)
}

// TestATariffOfAnOperator: prices are without tax, and a minute's; with tax and an hour's they are exact.
func TestATariffOfAnOperator(t *testing.T) {
	got, err := converted(t, `{"tariffId":"T1","currency":"EUR","validFrom":"2026-01-01T00:00:00Z",
		"energy":{"prices":[{"priceKwh":0.25,"conditions":{"startTimeOfDay":"22:00","endTimeOfDay":"06:00",
			"dayOfWeek":["Monday","Sunday"]}},{"priceKwh":0.4}],"taxRates":[{"type":"vat","tax":19}]},
		"chargingTime":{"prices":[{"priceMinute":0.01}],"taxRates":[{"type":"vat","tax":7.7}]},
		"idleTime":{"prices":[{"priceMinute":0.1,"conditions":{"minTime":14400}}]},
		"fixedFee":{"prices":[{"priceFixed":1}],"taxRates":[{"type":"vat","tax":19}]},
		"minCost":{"exclTax":1,"inclTax":1.19},"maxCost":{"inclTax":50}}`)
	if err != nil {
		t.Fatal(err)
	}
	var prices []string
	for _, e := range got.Elements {
		for _, c := range e.PriceComponents {
			prices = append(prices, string(c.Type)+" "+c.Price.FloatString(5))
		}
	}
	want := "ENERGY 0.29750, ENERGY 0.47600, TIME 0.64620, PARKING_TIME 6.00000, FLAT 1.19000"
	if s := strings.Join(prices, ", "); s != want {
		t.Errorf("prices are %s, want %s", s, want)
	}
	r := got.Elements[0].Restrictions
	if r.StartTime != "22:00" || r.EndTime != "06:00" || strings.Join(r.DayOfWeek, " ") != "MONDAY SUNDAY" ||
		*got.Elements[3].Restrictions.MinDuration != 14400 || got.MinPrice.AfterTaxes.FloatString(2) != "1.19" ||
		got.TaxIncluded != "YES" || got.ID != "T1" {
		t.Errorf("it is %s", got.JSON())
	}
}

// TestEnergyAndPowerOfConditions: OCPP says Wh and W, OCPI kWh and kW.
func TestEnergyAndPowerOfConditions(t *testing.T) {
	got, err := converted(t, `{"tariffId":"T1","currency":"EUR","energy":{"prices":[
		{"priceKwh":0.5,"conditions":{"minEnergy":10000,"maxEnergy":20500,"minPower":11000}},{"priceKwh":0.4}]}}`)
	if err != nil {
		t.Fatal(err)
	}
	r := got.Elements[0].Restrictions
	if r.MinKWh.FloatString(3) != "10.000" || r.MaxKWh.FloatString(3) != "20.500" ||
		r.MinPower.FloatString(1) != "11.0" {
		t.Errorf("it is %s", got.JSON())
	}
}

// TestATariffThatIsNotTaken: the operator reads which status OCPP has for it, and why.
func TestATariffThatIsNotTaken(t *testing.T) {
	const energy = `"energy":{"prices":[{"priceKwh":0.5}]}`
	for text, status := range map[string]string{
		`{"tariffId":"T","currency":"USD",` + energy + `}`:                               v2.Rejected,
		`{"tariffId":"` + strings.Repeat("x", 37) + `","currency":"EUR",` + energy + `}`: v2.Rejected,
		`{"tariffId":"T","currency":"EUR"}`:                                              v2.Rejected,
		`{"tariffId":"T","currency":"EUR","energy":{"prices":[{"priceKwh":-0.5}]}}`:      v2.Rejected,
		`{"tariffId":"T","currency":"EUR","energy":{"prices":[{"priceKwh":1e-3}]}}`:      v2.Rejected,
		`{"tariffId":"T","currency":"EUR","energy":{"prices":[{"priceMinute":1}]}}`:      v2.Rejected,
		`{"tariffId":"T","currency":"EUR",` + energy + `,"minCost":{"exclTax":1}}`:       v2.Rejected,
		`{"tariffId":"T","currency":"EUR","energy":{"prices":[{"priceKwh":0.5}],"taxRates":[{"type":"a","tax":5},` +
			`{"type":"b","tax":8}]}}`: "TooManyElements",
		`{"tariffId":"T","currency":"EUR","energy":{"prices":[{"priceKwh":0.5,"conditions":{"evseKind":"DC"}}]` +
			`}}`: "Condition" +
			"NotSupported",
	} {
		_, err := converted(t, text)
		var no *csms.Refusal
		if !errors.As(err, &no) || no.Status != status || no.Text == "" || len(no.Code) > 20 {
			t.Errorf("%s: %v, want %s", text, err, status)
		}
	}
}

// FuzzATariffOfAnOperator: whatever an operator sends is refused with a reason, or is a tariff.
func FuzzATariffOfAnOperator(f *testing.F) {
	f.Add(`{"tariffId":"T","currency":"EUR","energy":{"prices":[{"priceKwh":0.5}],"taxRates":[{"type":"a","tax":19}]}}`)
	f.Add(`{"tariffId":"T","currency":"EUR","idleTime":{"prices":[{"priceMinute":0.5,"conditions":{"minTime":-1}}]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var m v2.Tariff
		if json.Unmarshal([]byte(text), &m) != nil {
			return
		}
		ocpi, _, err := csms.OCPI(m, "EUR", nil)
		var no *csms.Refusal
		switch {
		case errors.As(err, &no):
			return
		case err != nil:
			t.Fatalf("%v is no reason", err)
		}
		if !json.Valid(ocpi) {
			t.Fatalf("%s is no JSON", ocpi)
		}
	})
}
