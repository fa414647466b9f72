package screens

import (
	"kioskd"
	"kioskd/ui"
)

// Canned is a whole view for every screen in a language, for pictures and tests.
func Canned(language string) []ui.View {
	eur := func(minor int64) kiosk.Money { return kiosk.Money{Minor: minor, Currency: "EUR"} }
	base := ui.View{
		Language: language, Languages: []string{"en", "de"}, Site: "Demo Charging", Helpline: "+49 30 1234567", Hold: eur(5000), Bay: 3, Reference: "7GK2M4Q", Session: "S",
		Bays:     []ui.BayView{{Number: 1, State: ui.BayFree}, {Number: 2, State: ui.BayPlugged}, {Number: 3, State: ui.BayInUse}, {Number: 4, State: ui.BayBroken}},
		Prices:   []ui.PriceView{{Dimension: "ENERGY", Amount: "0.49"}, {Dimension: "PARKING_TIME", Amount: "0.10", AfterMin: 10}},
		Approved: eur(5000), Energy: 18432, Power: 21900, Cost: eur(903), Paid: eur(903), Released: eur(4097), Elapsed: 3012, Settled: true, Code: "KIOSKD 7GK2M4Q", Seconds: 95, StopCode: "4711", Limits: []ui.Limit{{}, {Cost: eur(2000)}, {Energy: 20000}}, Limit: ui.Limit{Cost: eur(2000)}, ByCard: true, Again: true, Digits: 2,
	}
	message := map[ui.Screen]string{ui.Tap: "present", ui.Wait: "wait", ui.Final: "stopped", ui.Declined: "pin"}
	var out []ui.View
	for _, s := range ui.Screens() {
		v := base
		v.Screen, v.Message = s, message[s]
		if s == ui.OutOfOrder {
			v.Fault = "PT001"
		}
		out = append(out, v)
	}
	return out
}
