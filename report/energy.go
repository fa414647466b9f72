package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"kioskd"
)

// Supply is what sessions drew, of a bay and a day or month.
type Supply struct {
	Kiosk       string       `json:"kiosk_id,omitempty"`
	Group       string       `json:"group"`
	Bay         int          `json:"bay"`
	Sessions    int          `json:"sessions"`
	Energy      kiosk.Energy `json:"energy_wh"` // that sessions drew
	Paid        kiosk.Energy `json:"paid_wh"`   // of sessions that were paid
	Free        kiosk.Energy `json:"free_wh"`   // that the host granted
	Unpaid      kiosk.Energy `json:"unpaid_wh"` // the rest: nothing was to be paid, or its money is not settled
	Meter       string       `json:"meter_serial"`
	From        kiosk.Energy `json:"register_start_wh"` // of its first session
	To          kiosk.Energy `json:"register_end_wh"`   // of its last
	Between     kiosk.Energy `json:"between_wh"`        // that the register moved between sessions
	ChargingSec int64        `json:"charging_s"`
	ParkingSec  int64        `json:"parking_s"`
}

// SupplyBy adds up the deliveries of a window by day or month and bay, with the meters' registers. A bay whose meter
// was exchanged, or whose register began again, has a row for each.
func (b *Book) SupplyBy(ctx context.Context, w Window, by string) ([]Supply, error) {
	var out []*Supply
	latest := map[string]*Supply{} // of a group and bay
	last := map[string]Delivery{}  // of a bay, whatever its group
	for d, err := range b.deliveries(ctx, w) {
		if err != nil {
			return nil, err
		}
		group, bay := d.Day, fmt.Sprintf("%s %d", d.Kiosk, d.Bay)
		switch by {
		case ByDay:
		case ByMonth:
			group = d.Day[:len("2026-03")]
		case ByBay:
			group = ""
		default:
			return nil, &Wrong{fmt.Sprintf("cannot group by %q: want %s, %s or %s", by, ByDay, ByMonth, ByBay)}
		}
		key := group + " " + bay
		s := latest[key]
		if s == nil || s.Meter != d.Meter || d.From < s.To {
			s = &Supply{Kiosk: d.Kiosk, Group: group, Bay: d.Bay, Meter: d.Meter, From: d.From, To: d.From}
			latest[key] = s
			out = append(out, s)
			if before, ok := last[bay]; ok && before.Meter == d.Meter && d.From >= before.To { // overnight
				s.From, s.To = before.To, before.To
			}
		}
		last[bay] = d
		s.add(d)
	}
	slices.SortStableFunc(out, func(a, b *Supply) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Kiosk, b.Kiosk), cmp.Compare(a.Bay, b.Bay))
	})
	list := make([]Supply, len(out))
	for i, s := range out {
		list[i] = *s
	}
	return list, nil
}

func (s *Supply) add(d Delivery) {
	s.Sessions++
	s.Energy += d.Energy
	s.Between += d.From - s.To
	s.To = d.To
	s.ChargingSec, s.ParkingSec = s.ChargingSec+d.ChargingSec, s.ParkingSec+d.ParkingSec
	switch d.Outcome {
	case Sold:
		s.Paid += d.Energy
	case Free:
		s.Free += d.Energy
	default:
		s.Unpaid += d.Energy
	}
}

// Energy is the report of what sessions drew.
func (b *Book) Energy(ctx context.Context, w Window, by string) (Table, error) {
	groups, err := b.SupplyBy(ctx, w, by)
	if err != nil {
		return Table{}, err
	}
	t := Table{Name: "energy", By: by, Window: w, Columns: []Column{{"kiosk", Text}, {by, Text}, {"bay", Text},
		{"sessions", Count}, {"energy_wh", Energy}, {"paid_wh", Energy}, {"free_wh", Energy}, {"unpaid_wh", Energy},
		{"register_start_wh", Energy}, {"register_end_wh", Energy}, {"between_wh", Energy}, {"meter_serial", Text},
		{"charging_s", Seconds}, {"parking_s", Seconds}}}
	var sum Supply
	for _, g := range groups {
		t.Rows = append(t.Rows, []any{g.Kiosk, g.Group, strconv.Itoa(g.Bay), g.Sessions, g.Energy, g.Paid, g.Free,
			g.Unpaid, g.From, g.To, g.Between, g.Meter, g.ChargingSec, g.ParkingSec})
		sum.Sessions += g.Sessions
		sum.Energy, sum.Paid, sum.Free = sum.Energy+g.Energy, sum.Paid+g.Paid, sum.Free+g.Free
		sum.Unpaid, sum.Between = sum.Unpaid+g.Unpaid, sum.Between+g.Between
		sum.ChargingSec, sum.ParkingSec = sum.ChargingSec+g.ChargingSec, sum.ParkingSec+g.ParkingSec
	}
	if by == ByBay { // the bay is its group
		t.Columns = slices.Delete(t.Columns, 1, 2)
		for i := range t.Rows {
			t.Rows[i] = slices.Delete(t.Rows[i], 1, 2)
		}
	}
	if len(groups) > 0 {
		last := []any{"", "", "", sum.Sessions, sum.Energy, sum.Paid, sum.Free, sum.Unpaid, nil, nil, sum.Between, nil,
			sum.ChargingSec, sum.ParkingSec}
		t.Sums = [][]any{last[len(last)-len(t.Columns):]}
	}
	return b.shown(t), nil
}
