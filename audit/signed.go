package audit

import (
	"encoding/json"
	"math/big"
	"slices"
	"strings"

	"kioskd"
)

// signed is what a meter signed of a session, as the journal has it.
type signed struct {
	Records []string     `json:"records"`
	Energy  kiosk.Energy `json:"energy_wh"`
	Error   string       `json:"error"`
}

// signed holds what was billed at a bay whose meter signs against the records that it handed out.
func (c *check) signed(x *trail) {
	made, signs := c.world.Signed[x.bay]
	billed := x.bill.Bill.Energy
	if !signs && x.signed != nil {
		c.broken(Signed, x.reference, "the meter of bay %d signs nothing", x.bay)
	}
	if signs && !x.has("signing_began") {
		c.broken(Signed, x.reference, "its meter signed no beginning")
	}
	if signs && billed > 0 && (x.signed == nil || x.signed.Error != "") {
		c.broken(Signed, x.reference, "billed %d Wh, and no record proves them", billed)
	}
	if x.signed == nil || !signs {
		return
	}
	for _, r := range x.signed.Records {
		if !slices.Contains(made, r) {
			c.broken(Signed, x.reference, "the meter never made the record %s", r)
		}
	}
	if billed > 0 && billed > drawn(x.signed.Records, x.reference) {
		c.broken(Signed, x.reference, "billed %d Wh, and its records say %d", billed, drawn(x.signed.Records,
			x.reference))
	}
}

// drawn is what the records of a session say, in whole watt-hours; 0 where they say nothing of it.
func drawn(records []string, reference string) kiosk.Energy {
	var first, last *big.Rat
	for _, text := range records {
		part := strings.Split(text, "|")
		var payload struct {
			ID string
			RD []struct {
				TX, RU, RI string
				RV         json.Number
			}
		}
		if len(part) != 3 || json.Unmarshal([]byte(part[1]), &payload) != nil || payload.ID != reference {
			return 0
		}
		for _, row := range payload.RD {
			v, ok := new(big.Rat).SetString(string(row.RV))
			if !ok || row.RU != "kWh" {
				return 0
			}
			v.Mul(v, big.NewRat(1000, 1))
			switch {
			case row.RI != "" && !strings.Contains(row.RI, ":1.8."): // of energy that was given back
			case row.TX == "B":
				first = v
			case row.TX == "E":
				last = v
			}
		}
	}
	if first == nil || last == nil {
		return 0
	}
	d := new(big.Rat).Sub(last, first)
	return kiosk.Energy(new(big.Int).Quo(d.Num(), d.Denom()).Int64())
}
