package ocpi_test

import (
	"encoding/json"
	"testing"

	"kioskd/ocpi"
	"kioskd/session"
	"kioskd/session/sessiontest"
)

// FuzzDerive makes OCPI's objects of a session whose bill, or whose offer, is another one than a kiosk would
// write. It is an error, or an object that is JSON and says the bill's energy; nothing breaks.
func FuzzDerive(f *testing.F) {
	j := sessiontest.New(f)
	j.Charged()
	j.Booked(98)
	x := j.State.Sessions["S1"]
	bill, err := json.Marshal(x.Bill)
	if err != nil {
		f.Fatal(err)
	}
	offer, err := json.Marshal(x.Offer)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bill, offer)
	f.Add([]byte(`{"total":{"amount":"0.98","currency":"EUR"},"energy_wh":-5,"usage":null}`), offer)
	f.Add([]byte(`{"lines":[{"dimension":"FLAT","volume":"x"}],"taxes":[{"percent":"1/3"}]}`), offer)
	f.Add(bill, []byte(`{"tariff":{"elements":[{"price_components":[{"type":"TIME","price":1e308}]}]}}`))
	f.Fuzz(func(t *testing.T, bill, offer []byte) {
		x := x
		x.Bill, x.Offer = new(session.Bill), new(session.Offer)
		if json.Unmarshal(bill, x.Bill) != nil || json.Unmarshal(offer, x.Offer) != nil {
			return
		}
		for _, v := range ocpi.Versions() {
			entries, err := site(v).Derive(x)
			if err != nil {
				continue
			}
			for _, e := range entries {
				if !json.Valid(e.Body) {
					t.Errorf("%s: %s", e.Kind, e.Body)
				}
			}
			c, err := site(v).CDR(x)
			if err != nil {
				continue
			}
			energy, err := c.TotalEnergy.Float64()
			if off := energy - float64(x.Bill.Energy)/1000; err != nil || off > 0.0001 || off < -0.0001 {
				t.Errorf("%v kWh of %v, %v", c.TotalEnergy, x.Bill.Energy, err)
			}
		}
	})
}
