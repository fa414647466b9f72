package ocpi_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"kioskd"
	"kioskd/ocpi"
	"kioskd/session"
	"kioskd/session/sessiontest"
)

func site(v ocpi.Version) *ocpi.Site {
	return &ocpi.Site{Version: v, CountryCode: "DE", PartyID: "DEM",
		Connector: ocpi.Connector{ID: "1", Standard: "IEC_62196_T2", Format: "SOCKET", PowerType: "AC_3_PHASE"},
		Location: ocpi.Location{ID: "L1", Name: "Demo", Address: "1 Example Street", City: "Berlin",
			PostalCode: "10115", Country: "DEU", Coordinates: ocpi.Coordinates{Latitude: "52.520008",
				Longitude: "13.404954"}}}
}

// valid judges an object by a schema that was written from the tables of the standard.
func valid(t *testing.T, schema string, object []byte) {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(filepath.Join("testdata", schema+".schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(object)))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(doc); err != nil {
		t.Errorf("%v\n%s", err, object)
	}
}

type body struct {
	Version ocpi.Version
	CDR     json.RawMessage
	FAC     json.RawMessage `json:"financial_advice_confirmation"`
}

func read(t *testing.T, e kiosk.Entry) (b body) {
	t.Helper()
	if err := json.Unmarshal(e.Body, &b); err != nil {
		t.Fatal(err)
	}
	return b
}

// want compares what a path of keys and indexes leads to.
func want(t *testing.T, object json.RawMessage, path, value string) {
	t.Helper()
	var at any
	d := json.NewDecoder(strings.NewReader(string(object)))
	d.UseNumber()
	if err := d.Decode(&at); err != nil {
		t.Fatal(err)
	}
	for _, key := range strings.Split(path, ".") {
		switch x := at.(type) {
		case map[string]any:
			at = x[key]
		case []any:
			var i int
			fmt.Sscan(key, &i)
			at = x[i]
		}
	}
	if got := fmt.Sprint(at); got != value {
		t.Errorf("%s is %s, want %s", path, got, value)
	}
}

// derived are the records of the session of a journal.
func derived(t *testing.T, v ocpi.Version, j *sessiontest.Journal) []kiosk.Entry {
	t.Helper()
	out, err := site(v).Derive(j.State.Sessions["S1"])
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPaidSession(t *testing.T) {
	for _, v := range ocpi.Versions() {
		j := sessiontest.New(t)
		j.Charged()
		j.Booked(98)
		all := derived(t, v, j)
		if len(all) != 2 || all[0].Kind != "ocpi_cdr" || all[1].Kind != "ocpi_financial_advice" || !all[0].Ends ||
			all[0].Session != "S1" {
			t.Fatalf("%+v", all)
		}
		cdr, fac := read(t, all[0]), read(t, all[1])
		valid(t, "CDR-"+string(v), cdr.CDR)
		valid(t, "FinancialAdviceConfirmation-2.3.0", fac.FAC)
		if v == ocpi.V230 {
			want(t, cdr.CDR, "total_cost", `map[before_taxes:0.82 taxes:[map[amount:0.16 name:VAT percentage:19]]]`)
			want(t, cdr.CDR, "total_energy_cost",
				`map[before_taxes:0.8235 taxes:[map[amount:0.1565 name:VAT percentage:19]]]`)
			want(t, cdr.CDR, "tariffs.0.elements.0.price_components.0.price", "0.49")
		} else {
			want(t, cdr.CDR, "total_cost", `map[excl_vat:0.82 incl_vat:0.98]`)
			want(t, cdr.CDR, "tariffs.0.elements.0.price_components.0.price", "0.4118")
			want(t, cdr.CDR, "tariffs.0.tax_included", "<nil>")
		}
		want(t, cdr.CDR, "total_energy", "2.000")
		want(t, cdr.CDR, "cdr_token.type", "AD_HOC_USER")
		want(t, cdr.CDR, "cdr_location.evse_id", "DE*DEM*E003")
		want(t, cdr.CDR, "authorization_reference", "S1")
		// Ten minutes of fifteen were not measured: their energy is, their time is not billed.
		want(t, cdr.CDR, "total_time", "0.25")
		want(t, cdr.CDR, "charging_periods.0.dimensions.1", "map[type:TIME volume:0.0833]")
		want(t, cdr.CDR, "charging_periods.1.dimensions", "[map[type:ENERGY volume:1]]")
		want(t, fac.FAC, "total_costs", `map[before_taxes:0.82 taxes:[map[amount:0.16 name:VAT percentage:19]]]`)
		want(t, fac.FAC, "capture_status_code", "SUCCESS")
		want(t, fac.FAC, "eft_data.1", "PAN **** 8074")
		again := derived(t, v, j)
		if string(again[0].Body) != string(all[0].Body) {
			t.Error("the same session made another CDR")
		}
	}
}

const everything = `{"id":"all","currency":"EUR","tax_included":"NO","min_price":{"before_taxes":1.00},"elements":[
	{"price_components":[
	{"type":"FLAT","price":1.00,"vat":19},{"type":"ENERGY","price":0.40,"vat":19},{"type":"TIME","price":6.00,"vat":7},
		{"type":"PARKING_TIME","price":12.00,"vat":19}]}]}`

// TestAllDimensions: charging, then connected without asking for anything, in a tariff with
// two rates of VAT.
func TestAllDimensions(t *testing.T) {
	for _, v := range ocpi.Versions() {
		j := sessiontest.New(t)
		j.Begin(everything, sessiontest.EUR(5000))
		for i := range 60 { // ten minutes
			j.Now = j.Now.Add(10 * time.Second)
			j.Sample(1000+int64(i+1)*37, true)
		}
		for range 36 { // six
			j.Now = j.Now.Add(10 * time.Second)
			j.Sample(3220, false)
		}
		j.End(3220)
		due := j.State.Sessions["S1"].Bill.Total
		j.Booked(due.Minor)
		cdr := read(t, derived(t, v, j)[0]).CDR
		valid(t, "CDR-"+string(v), cdr)
		want(t, cdr, "total_energy", "2.220")
		want(t, cdr, "total_time", "0.2667")
		if v == ocpi.V221 {
			want(t, cdr, "total_fixed_cost", "map[excl_vat:1 incl_vat:1.19]")
			want(t, cdr, "total_energy_cost", "map[excl_vat:0.888 incl_vat:1.0567]")
		}
		sums(t, cdr)
	}
}

// sums: the periods add up to the totals, and no number has more than 4 decimals.
func sums(t *testing.T, cdr json.RawMessage) {
	t.Helper()
	var c struct {
		Total   json.Number `json:"total_energy"`
		Parking json.Number `json:"total_parking_time"`
		Periods []struct {
			Dimensions []struct {
				Type   string
				Volume json.Number
			}
		} `json:"charging_periods"`
	}
	if err := json.Unmarshal(cdr, &c); err != nil {
		t.Fatal(err)
	}
	got := map[string]*big.Rat{"ENERGY": {}, "TIME": {}, "PARKING_TIME": {}}
	for _, p := range c.Periods {
		for _, d := range p.Dimensions {
			v, _ := new(big.Rat).SetString(string(d.Volume))
			got[d.Type].Add(got[d.Type], v)
			if _, decimals, _ := strings.Cut(string(d.Volume), "."); len(decimals) > 4 {
				t.Errorf("%s has more than 4 decimals", d.Volume)
			}
		}
	}
	for dimension, total := range map[string]json.Number{"ENERGY": c.Total, "PARKING_TIME": c.Parking} {
		want, _ := new(big.Rat).SetString(string(total))
		if want == nil || got[dimension].Cmp(want) != 0 {
			t.Errorf("%s of the periods is %s, of the total %s", dimension, got[dimension].FloatString(4), total)
		}
	}
}

// TestWhatBecameOfThePayment has every end that a session's money can have.
func TestWhatBecameOfThePayment(t *testing.T) {
	for name, c := range map[string]struct {
		play           func(j *sessiontest.Journal)
		records        int
		status, costs  string
		total, remarks string
	}{
		"nothing delivered": {func(j *sessiontest.Journal) {
			j.Begin(sessiontest.Price, sessiontest.EUR(5000))
			j.End(1000)
			j.Booked(0)
		}, 2, "SUCCESS", "map[before_taxes:0]", "map[before_taxes:0]", "stopped"},
		"more than the hold": {func(j *sessiontest.Journal) {
			j.Begin(sessiontest.Price, sessiontest.EUR(100))
			for i := range 30 {
				j.Now = j.Now.Add(10 * time.Second)
				j.Look(1000 + int64(i+1)*60)
			}
			j.Now = j.Now.Add(time.Minute)
			j.End(3160)
			j.Booked(100)
		}, 2, "SUCCESS", "map[before_taxes:0.84 taxes:[map[amount:0.16 name:VAT percentage:19]]]",
			"map[before_taxes:0.84 taxes:[map[amount:0.16 name:VAT percentage:19]]]",
			"stopped; total_cost is bound by hold"},
		"less was booked": {func(j *sessiontest.Journal) {
			j.Charged()
			j.Booked(98)
			x := j.State.Sessions["S1"] // as a terminal of another make might
			x.Result = &kiosk.CaptureResult{ID: "232", Booked: sessiontest.EUR(49)}
			j.State.Sessions["S1"] = x
		}, 2, "PARTIAL_SUCCESS", "map[before_taxes:0.41 taxes:[map[amount:0.08 name:VAT percentage:19]]]",
			"map[before_taxes:0.82 taxes:[map[amount:0.16 name:VAT percentage:19]]]", "stopped"},
		"refused": {func(j *sessiontest.Journal) {
			j.Charged()
			j.See(session.Observation{What: session.SettlementEnded,
				Err: &kiosk.Declined{Class: kiosk.DeclineNoHold, Code: "b8"}})
			j.Gone()
		}, 2, "FAILED", "map[before_taxes:0 taxes:[map[amount:0 name:VAT percentage:19]]]",
			"map[before_taxes:0.82 taxes:[map[amount:0.16 name:VAT percentage:19]]]", "stopped"},
	} {
		t.Run(name, func(t *testing.T) {
			j := sessiontest.New(t)
			c.play(j)
			all := derived(t, ocpi.V230, j)
			if len(all) != c.records {
				t.Fatalf("%d records", len(all))
			}
			cdr, fac := read(t, all[0]).CDR, read(t, all[1]).FAC
			valid(t, "CDR-2.3.0", cdr)
			valid(t, "FinancialAdviceConfirmation-2.3.0", fac)
			want(t, fac, "capture_status_code", c.status)
			want(t, fac, "total_costs", c.costs)
			want(t, cdr, "total_cost", c.total)
			want(t, cdr, "remark", c.remarks)
		})
	}
}

// TestRefund: a part of the money is given back, then the rest.
func TestRefund(t *testing.T) {
	for _, v := range ocpi.Versions() {
		j := sessiontest.New(t)
		j.Charged()
		j.Booked(98)
		j.Keep(derived(t, v, j)...)
		left := int64(98)
		refund := func(minor int64) (out []json.RawMessage) {
			t.Helper()
			all, err := ocpi.Refund(j.All(), sessiontest.EUR(left), sessiontest.EUR(minor), "cable was\nwarm", j.Now)
			if err != nil {
				t.Fatal(err)
			}
			left -= minor
			amount := sessiontest.EUR(minor)
			told, err := session.Event{Kind: session.Refunded, Session: "S1", At: j.Now,
				Body: session.RefundBody{Amount: amount}}.Entry()
			if err != nil {
				t.Fatal(err)
			}
			j.Keep(told)
			j.Keep(all...)
			for _, e := range all {
				cdr := read(t, e).CDR
				valid(t, "CDR-"+string(v), cdr)
				out = append(out, cdr)
			}
			return out
		}
		first := refund(30)
		if len(first) != 2 {
			t.Fatalf("%d records", len(first))
		}
		want(t, first[0], "id", "S1-C")
		want(t, first[0], "credit", "true")
		want(t, first[0], "credit_reference_id", "S1")
		want(t, first[0], "total_energy", "2.000") // all else stays as it was
		want(t, first[1], "id", "S1-1")
		want(t, first[1], "credit", "<nil>")
		want(t, first[1], "remark", "0.30 EUR given back: cable was warm")
		second := refund(8)
		want(t, second[0], "id", "S1-1-C")
		want(t, second[0], "credit_reference_id", "S1-1")
		want(t, second[1], "id", "S1-2")
		want(t, second[1], "credit", "<nil>")
		want(t, second[1], "credit_reference_id", "<nil>")
		third := refund(60)
		if len(third) != 1 {
			t.Fatalf("%d records", len(third))
		}
		want(t, third[0], "id", "S1-2-C")
		want(t, third[0], "total_energy_cost", "<nil>")
		if v == ocpi.V230 {
			want(t, first[0], "total_cost", "map[before_taxes:-0.82 taxes:[map[amount:-0.16 name:VAT percentage:19]]]")
			want(t, first[1], "total_cost", "map[before_taxes:0.57 taxes:[map[amount:0.11 name:VAT percentage:19]]]")
			want(t, second[0], "total_cost", "map[before_taxes:-0.57 taxes:[map[amount:-0.11 name:VAT percentage:19]]]")
			want(t, third[0], "total_cost", "map[before_taxes:-0.5 taxes:[map[amount:-0.1 name:VAT percentage:19]]]")
		} else {
			want(t, first[0], "total_cost", "map[excl_vat:-0.82 incl_vat:-0.98]")
			want(t, first[1], "total_cost", "map[excl_vat:0.57 incl_vat:0.68]")
		}
	}
}

// TestATariffInOtherLetters is read by the decoder of Go, which does not mind them: the CDR
// does without it.
func TestATariffInOtherLetters(t *testing.T) {
	j := sessiontest.New(t)
	j.Begin(
		`{"id":"t","currency":"EUR","tax_included":"YES","Elements":[{"Price_Components":[{"type":"ENERGY",
			"price":0.49,"vat":19}]}]}`, sessiontest.EUR(5000))
	j.Now = j.Now.Add(10 * time.Second)
	j.End(1030)
	j.Booked(1)
	cdr := read(t, derived(t, ocpi.V230, j)[0]).CDR
	valid(t, "CDR-2.3.0", cdr)
	want(t, cdr, "tariffs", "<nil>")
}

func TestSiteIsChecked(t *testing.T) {
	if why := site(ocpi.V230).Check(); len(why) > 0 {
		t.Errorf("%v", why)
	}
	for what, change := range map[string]func(*ocpi.Site){
		"country_code":         func(s *ocpi.Site) { s.CountryCode = "de" },
		"party_id":             func(s *ocpi.Site) { s.PartyID = "DEMO" },
		"location.country":     func(s *ocpi.Site) { s.Location.Country = "DE" },
		"location.latitude":    func(s *ocpi.Site) { s.Location.Coordinates.Latitude = "52.5" },
		"location.address":     func(s *ocpi.Site) { s.Location.Address = strings.Repeat("x", 46) },
		"connector.standard":   func(s *ocpi.Site) { s.Version, s.Connector.Standard = ocpi.V221, "MCS" },
		"connector.power_type": func(s *ocpi.Site) { s.Connector.PowerType = "AC" },
		"connector.format":     func(s *ocpi.Site) { s.Connector.Format = "" },
	} {
		s := site(ocpi.V230)
		change(s)
		if why := s.Check(); len(why) != 1 || !strings.HasPrefix(why[0], what) {
			t.Errorf("%s: %v", what, why)
		}
	}
}

// TestASignedSession: its CDR has each record as the meter made it, and its energy is what was signed.
func TestASignedSession(t *testing.T) {
	for _, v := range ocpi.Versions() {
		j := sessiontest.New(t)
		j.Sign()
		j.Signed.Records[1] = `OCMF|{"ID":"S1"}|{"SD":"00"}`
		j.Charged()
		j.Booked(93)
		cdr := read(t, derived(t, v, j)[0]).CDR
		valid(t, "CDR-"+string(v), cdr)
		want(t, cdr, "total_energy", "1.900")
		want(t, cdr, "signed_data.encoding_method", "OCMF")
		for i, nature := range []string{"Start", "End"} {
			at := fmt.Sprintf("signed_data.signed_values.%d.", i)
			want(t, cdr, at+"nature", nature)
			want(t, cdr, at+"signed_data", base64.StdEncoding.EncodeToString([]byte(j.Signed.Records[i])))
			want(t, cdr, at+"plain_data", []string{"", `{"ID":"S1"}`}[i]) // the first is longer than 512 characters
		}
		key, err := hex.DecodeString(j.Signed.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		want(t, cdr, "signed_data.public_key", base64.StdEncoding.EncodeToString(key))
	}
	j := sessiontest.New(t)
	j.Sign()
	j.Signed.Error = "forged"
	j.Charged()
	j.Booked(0)
	want(t, read(t, derived(t, ocpi.V230, j)[0]).CDR, "signed_data", "<nil>")
}
