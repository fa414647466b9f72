package ocpi_test

import (
	"strings"
	"testing"
	"time"

	"kioskd/ocpi"
	"kioskd/session/sessiontest"
)

// TestHowLongAFieldMayBe: the lengths are those of the tables of OCPI's Location and Connector.
func TestHowLongAFieldMayBe(t *testing.T) {
	for name, c := range map[string]struct {
		set    func(*ocpi.Site, string)
		most   int
		needed bool
	}{
		"location.id":          {func(s *ocpi.Site, v string) { s.Location.ID = v }, 36, true},
		"location.name":        {func(s *ocpi.Site, v string) { s.Location.Name = v }, 255, false},
		"location.address":     {func(s *ocpi.Site, v string) { s.Location.Address = v }, 45, true},
		"location.city":        {func(s *ocpi.Site, v string) { s.Location.City = v }, 45, true},
		"location.postal_code": {func(s *ocpi.Site, v string) { s.Location.PostalCode = v }, 10, false},
		"location.state":       {func(s *ocpi.Site, v string) { s.Location.State = v }, 20, false},
		"connector.id":         {func(s *ocpi.Site, v string) { s.Connector.ID = v }, 36, false},
	} {
		for n, good := range map[int]bool{0: !c.needed, 1: true, c.most: true, c.most + 1: false} {
			s := site(ocpi.V230)
			c.set(s, strings.Repeat("ä", n)) // characters, not bytes
			why := s.Check()
			if good != (len(why) == 0) || !good && !strings.HasPrefix(why[0], name+": ") {
				t.Errorf("%s of %d characters: %v", name, n, why)
			}
		}
	}
	s := site(ocpi.V230)
	s.Connector.ID = ""
	if why := s.Check(); len(why) > 0 || s.Connector.ID != "1" {
		t.Errorf("a bay's only connector is %q: %v", s.Connector.ID, why)
	}
}

// TestConnectorTypes are those of each version's table: fifteen domestic ones, and two that 2.3.0 added.
func TestConnectorTypes(t *testing.T) {
	for standard, since := range map[string]ocpi.Version{"DOMESTIC_A": ocpi.V221, "DOMESTIC_O": ocpi.V221,
		"DOMESTIC_P": "", "DOMESTIC_@": "", "IEC_62196_T2_COMBO": ocpi.V221, "MCS": ocpi.V230,
		"SAE_J3400": ocpi.V230, "TYPE2": ""} {
		for _, v := range ocpi.Versions() {
			s := site(v)
			s.Connector.Standard = standard
			want := since == v || since == ocpi.V221
			if why := s.Check(); (len(why) == 0) != want {
				t.Errorf("%s in %s: %v", standard, v, why)
			}
		}
	}
}

// charged is what is told of a session at a price.
func charged(t *testing.T, v ocpi.Version, tariff string) body {
	t.Helper()
	j := sessiontest.New(t)
	j.Begin(tariff, sessiontest.EUR(5000))
	j.Now = j.Now.Add(10 * time.Minute)
	j.Look(3000)
	j.End(3000)
	j.Booked(j.State.Sessions["S1"].Bill.Total.Minor)
	out := read(t, derived(t, v, j)[0])
	valid(t, "CDR-"+string(v), out.CDR)
	return out
}

// TestATariffWithoutAGoodIDIsNamed after its sum: an id has 1 to 36 characters.
func TestATariffWithoutAGoodIDIsNamed(t *testing.T) {
	long := strings.Repeat("x", 36)
	for id, named := range map[string]string{"": "T-01234567", "t": "t", long: long, long + "x": "T-01234567"} {
		cdr := charged(t, ocpi.V230, strings.Replace(sessiontest.Price, `"id":"t"`, `"id":"`+id+`"`, 1)).CDR
		want(t, cdr, "tariffs.0.id", named)
		want(t, cdr, "charging_periods.0.tariff_id", named)
	}
}

// TestLimitsOfAPrice are written where the version has words for them: an amount before taxes.
func TestLimitsOfAPrice(t *testing.T) {
	with := func(limit string) string {
		return strings.Replace(sessiontest.Price, `"elements"`, `"max_price":`+limit+`,"elements"`, 1)
	}
	for _, c := range []struct {
		v           ocpi.Version
		limit, want string
	}{
		{ocpi.V230, `{"before_taxes":4.20,"after_taxes":5.00}`, "map[after_taxes:5.00 before_taxes:4.20]"},
		{ocpi.V221, `{"before_taxes":4.20,"after_taxes":5.00}`, "map[excl_vat:4.20 incl_vat:5.00]"},
		{ocpi.V221, `{"before_taxes":4.20}`, "map[excl_vat:4.20]"},
		{ocpi.V230, `{"after_taxes":5.00}`, "<nil>"},
		{ocpi.V221, `{"after_taxes":5.00}`, "<nil>"},
	} {
		want(t, charged(t, c.v, with(c.limit)).CDR, "tariffs.0.max_price", c.want)
	}
}

// TestWhatAnInvoiceSaysOfACard is printable ASCII, as OCPI's eft_data wants it.
func TestWhatAnInvoiceSaysOfACard(t *testing.T) {
	j := sessiontest.New(t)
	j.Begin(sessiontest.Price, sessiontest.EUR(5000))
	x := j.State.Sessions["S1"]
	hold := *x.Hold
	hold.CardName, hold.AuthCode = "Caf\u00e9 ~\x1f\x7f!", strings.Repeat("7", 300)
	x.Hold = &hold
	j.State.Sessions["S1"] = x
	j.Now = j.Now.Add(10 * time.Minute)
	j.Look(3000)
	j.End(3000)
	j.Booked(98)
	fac := read(t, derived(t, ocpi.V230, j)[1]).FAC
	valid(t, "FinancialAdviceConfirmation-2.3.0", fac)
	want(t, fac, "eft_data.0", "CARD Caf? ~??!")
	want(t, fac, "eft_data.1", "PAN **** 8074")
	want(t, fac, "eft_data.2", "AUTH "+strings.Repeat("7", 250))
}

// TestARemarkIsPrintable: what a person typed has no control characters afterwards.
func TestARemarkIsPrintable(t *testing.T) {
	j := sessiontest.New(t)
	j.Charged()
	j.Booked(98)
	j.Keep(derived(t, ocpi.V230, j)...)
	all, err := ocpi.Refund(j.All(), sessiontest.EUR(98), sessiontest.EUR(1), "a\tb\x7fc d~\u00e9", j.Now)
	if err != nil {
		t.Fatal(err)
	}
	want(t, read(t, all[1]).CDR, "remark", "0.01 EUR given back: a b c d~\u00e9")
}

// TestTimeAfterChargingIsToldWhereThereWasSome.
func TestTimeAfterChargingIsToldWhereThereWasSome(t *testing.T) {
	j := sessiontest.New(t)
	j.Begin(strings.Replace(sessiontest.Price, `]}]`, `,{"type":"PARKING_TIME","price":6,"vat":19}]}]`, 1),
		sessiontest.EUR(5000))
	j.Now = j.Now.Add(10 * time.Minute)
	j.Look(3000)
	parked := "<nil>"
	for range 2 {
		k := *j
		k.End(3000)
		k.Booked(k.State.Sessions["S1"].Bill.Total.Minor)
		want(t, read(t, derived(t, ocpi.V230, &k)[0]).CDR, "total_parking_time", parked)
		for range 60 {
			j.Now = j.Now.Add(10 * time.Second)
			j.Sample(3000, false)
		}
		parked = "0.1639" // 590 s: the first of sixty looks tells that it asks for nothing
	}
}
