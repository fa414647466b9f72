package audit

import (
	"encoding/json"
	"math/big"
	"slices"
	"time"

	"kioskd"
)

// usage is what a bill says that was used.
type usage struct {
	End     time.Time `json:"end"`
	Periods []struct {
		Start  time.Time    `json:"start"`
		State  string       `json:"state"`
		Energy kiosk.Energy `json:"energy_wh"`
	} `json:"periods"`
}

// offered is the part of an OCPI tariff that is priced again here. A tariff that has more
// is left to the tariffs' own tests: an auditor who knew all of OCPI would be a second
// implementation with the first one's mistakes.
type offered struct {
	TaxIncluded string `json:"tax_included"`
	MinPrice    any    `json:"min_price"`
	MaxPrice    any    `json:"max_price"`
	Elements    []struct {
		Restrictions    any `json:"restrictions"`
		PriceComponents []struct {
			Type     string      `json:"type"`
			Price    json.Number `json:"price"`
			StepSize int64       `json:"step_size"`
		} `json:"price_components"`
	} `json:"elements"`
}

// spent is how long a bill's usage was in a state, and whether that was the last of those that have a price.
func (u usage) spent(state string, priced ...string) (total time.Duration, last bool) {
	for i, p := range u.Periods {
		end := u.End
		if i+1 < len(u.Periods) {
			end = u.Periods[i+1].Start
		}
		if p.State == state {
			total += end.Sub(p.Start)
		}
		if slices.Contains(priced, p.State) && end.After(p.Start) {
			last = p.State == state
		}
	}
	return total, last
}

// hours is the time that is charged for a state: of those that have a price, the one that was last is rounded
// up to a step of one second (OCPI 2.3.0, step_size, and its example of a free stretch at the end).
func (u usage) hours(state string, priced []string) *big.Rat {
	total, last := u.spent(state, priced...)
	if part := total % time.Second; last && part > 0 {
		total += time.Second - part
	}
	return big.NewRat(int64(total), int64(time.Hour))
}

// price is what an offered tariff makes of a usage, in minor units; ok is false for a
// tariff that is not priced again here.
func price(tariff json.RawMessage, u usage, digits int) (minor int64, ok bool) {
	var t offered
	if json.Unmarshal(tariff, &t) != nil || t.TaxIncluded == "NO" || t.MinPrice != nil || t.MaxPrice != nil {
		return 0, false
	}
	wh := kiosk.Energy(0)
	for _, p := range u.Periods {
		wh += p.Energy
	}
	timed := map[string]string{"TIME": "charging", "PARKING_TIME": "parking"}
	var priced []string
	for _, e := range t.Elements {
		for _, c := range e.PriceComponents {
			if state, ok := timed[c.Type]; ok {
				priced = append(priced, state)
			}
		}
	}
	volumes := map[string]*big.Rat{"ENERGY": big.NewRat(int64(wh), 1000), "FLAT": big.NewRat(1, 1)}
	for kind, state := range timed {
		volumes[kind] = u.hours(state, priced)
	}
	total, seen := new(big.Rat), map[string]bool{}
	for _, e := range t.Elements {
		if e.Restrictions != nil {
			return 0, false
		}
		for _, c := range e.PriceComponents {
			p, good := new(big.Rat).SetString(c.Price.String())
			if volume := volumes[c.Type]; good && volume != nil && c.StepSize <= 1 && !seen[c.Type] {
				seen[c.Type] = true
				total.Add(total, p.Mul(p, volume))
				continue
			}
			return 0, false
		}
	}
	for range digits {
		total.Mul(total, big.NewRat(10, 1))
	}
	half := new(big.Rat).Add(total, big.NewRat(1, 2)) // half a cent and more is a cent
	return new(big.Int).Quo(half.Num(), half.Denom()).Int64(), true
}
