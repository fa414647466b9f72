package report_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"kioskd/report"
)

// TestWilson: intervals as Newcombe prints them (Statistics in Medicine 17 (1998), table I, method 3), in per cent.
func TestWilson(t *testing.T) {
	for _, c := range []struct {
		part, whole int
		low, high   float64
	}{{81, 263, 25.53, 36.62}, {15, 148, 6.24, 16.05}, {0, 20, 0, 16.11}, {1, 29, .61, 17.18}} {
		low, high := report.Wilson(c.part, c.whole)
		if math.Abs(low-c.low) > .005 || math.Abs(high-c.high) > .005 {
			t.Errorf("%d of %d: %.2f to %.2f, want %.2f to %.2f", c.part, c.whole, low, high, c.low, c.high)
		}
	}
}

// declined appends a visit whose card was declined, with the seconds that it took.
func (j *journal) declined(id string, bay int, at time.Time, class string) {
	stamp := func(after int) string { return at.Add(time.Duration(after) * time.Second).Format(time.RFC3339) }
	for _, r := range [][2]string{
		{"bay_lease", fmt.Sprintf(`{"at":%q,"reference":"D%s","bay":%d}`, stamp(0), id, bay)},
		{"offer", fmt.Sprintf(`{"at":%q,"offer":{"tariff":{"id":"demo","currency":"EUR","tax_included":"YES","elements":`+
			`[{"price_components":[{"type":"ENERGY","price":0.39,"vat":19,"step_size":1}]}]},"tariff_sha256":"ab","hold":`+
			`{"amount":"50.00","currency":"EUR"},"language":"de","timezone":"UTC"}}`, stamp(0))},
		{"hold_intent", fmt.Sprintf(`{"at":%q,"amount":{"amount":"50.00","currency":"EUR"},"attempt":1}`, stamp(0))},
		{"hold_declined", fmt.Sprintf(`{"at":%q,"class":%q}`, stamp(10), class)},
		{"closed", fmt.Sprintf(`{"at":%q}`, stamp(40))},
	} {
		j.add(id, r[0], r[1])
	}
}

func figure(t *testing.T, b *report.Book, key string, bay int, now time.Time) report.Figure {
	t.Helper()
	all, err := b.Figures(t.Context(), report.Window{}, now)
	if err != nil {
		t.Fatal(err)
	}
	return find(t, all, key, bay)
}

// find is the figure of a key, for a bay or the site.
func find(t *testing.T, figures []report.Figure, key string, bay int) report.Figure {
	t.Helper()
	for _, f := range figures {
		if f.Key == key && f.Bay == bay {
			return f
		}
	}
	t.Fatalf("there is no figure %q of bay %d", key, bay)
	return report.Figure{}
}

// TestAttemptsAndVisits counts a morning by hand:
//
//	08:00 bay 1, unreadable; 08:01 bay 1 sold      one attempt, approved; one visit
//	09:00 bay 1, issuer; 09:00:40 bay 2 sold        one attempt (30 s after a decline), approved
//	10:00 bay 1, issuer                             one attempt, declined by the issuer
//	10:04 bay 1, unreadable                         another attempt (after 120 s), the same visit (within 5 min)
//	11:00 bay 2, no card                            one attempt
//	12:00 bay 2, the terminal has no host           one attempt that failed for the kiosk's reasons, as at 10:04
func TestAttemptsAndVisits(t *testing.T) {
	j := &journal{epoch: "e"}
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	at := func(h, m, s int) time.Time {
		return day.Add(time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second)
	}
	sold := func(id string, bay int, at time.Time) {
		j.sell(id, sale{"S" + id, bay, at, at.Add(20 * time.Minute), at.Add(20*time.Minute + time.Second), 0, 9000, 351,
			295, 56, "EUR", "UTC"})
	}
	j.declined("1", 1, at(8, 0, 0), "unreadable")
	sold("2", 1, at(8, 1, 0))
	j.declined("3", 1, at(9, 0, 0), "issuer")
	sold("4", 2, at(9, 0, 40))
	j.declined("5", 1, at(10, 0, 0), "issuer")
	j.declined("6", 1, at(10, 4, 0), "unreadable")
	j.declined("7", 2, at(11, 0, 0), "no_card")
	j.declined("8", 2, at(12, 0, 0), "host")
	b := open(t, j)
	for key, want := range map[string][2]int{
		"payment_success": {2, 4}, "issuer_declines": {1, 6}, "no_card": {1, 6}, "pin_needed": {0, 6},
		"charging_success_rate": {2, 5}, "charge_start_success": {2, 2}, "charge_end_success": {2, 2},
		"session_success": {2, 2}, "visit_success": {2, 5}, "never_plugged": {0, 2}, "settled_within_60s": {2, 2},
	} {
		if f := figure(t, b, key, 0, at(13, 0, 0)); f.N != want[0] || f.D != want[1] {
			t.Errorf("%s: %d of %d, want %v (%s)", key, f.N, f.D, want, f.Formula)
		}
	}
	if f := figure(t, b, "charge_start_time_median", 0, at(13, 0, 0)); f.N != 2 || f.Value != "10.0" {
		t.Errorf("%+v", f)
	}
	// bay 1 was under a hold for 20 of the 300 minutes since the first visit
	if f := figure(t, b, "occupied", 1, at(13, 0, 0)); f.N != 20*60 || f.D != 300*60 {
		t.Errorf("%+v", f)
	}
}

// TestNothingIsNoHundredPercent: a figure without an observation has no value, and one observation proves little.
func TestNothingIsNoHundredPercent(t *testing.T) {
	b := open(t, &journal{epoch: "e"})
	if f := figure(t, b, "payment_success", 0, time.Now()); f.Value != "" || f.Low != "" {
		t.Errorf("%+v", f)
	}
}

// TestAvailability: faults that overlap are counted once, those of the site at each bay, and what the host closed is no
// outage but in uptime.
func TestAvailability(t *testing.T) {
	j := &journal{epoch: "e"}
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	fault := func(kind, code string, bay, hour int) {
		j.add("", kind, fmt.Sprintf(`{"at":%q,"fault":%q,"bay":%d}`, day.Add(time.Duration(hour)*time.Hour).Format(
			time.RFC3339), code, bay))
	}
	j.sell("1", sale{"S", 1, day, day.Add(time.Minute), day.Add(time.Minute), 0, 100, 4, 3, 1, "EUR", "UTC"})
	fault("fault_raised", "MT001", 1, 2) // hours 2 to 5 at bay 1
	fault("fault_raised", "PT001", 0, 4) // hours 4 to 6 at the site
	fault("fault_cleared", "MT001", 1, 5)
	fault("fault_cleared", "PT001", 0, 6)
	fault("fault_raised", "CX017", 2, 8) // lasts, at the other bay
	fault("fault_raised", "BO001", 0, 0) // a warning
	fault("fault_raised", "HO001", 1, 8) // hours 8 to 10
	fault("fault_raised", "HO001", 1, 9) // once more: nothing new
	fault("fault_cleared", "HO001", 1, 10)
	fault("fault_cleared", "UI001", 0, 10) // whose beginning is in no journal
	b, now := open(t, j), day.Add(20*time.Hour)
	for _, c := range []struct {
		key         string
		bay         int
		part, whole int // hours
	}{{"availability", 1, 14, 18}, {"uptime", 1, 14, 20}, {"availability", 2, 6, 20}} {
		if f := figure(t, b, c.key, c.bay, now); f.N != c.part*3600 || f.D != c.whole*3600 {
			t.Errorf("%s of bay %d: %d of %d s, want %d of %d h", c.key, c.bay, f.N, f.D, c.part, c.whole)
		}
	}
	if f := figure(t, b, "time_to_repair_mean", 0, now); f.N != 2 || f.Value != "9000.0" {
		t.Errorf("%+v", f)
	}
	spells := all(t, b.Faults(t.Context(), report.Window{From: "2026-03-05"}))
	if len(spells) != 2 { // those that last
		t.Errorf("%+v", spells)
	}
}

// TestTheTerminalsDays: each end-of-day is compared with what the journal captured since the one before.
func TestTheTerminalsDays(t *testing.T) {
	j := &journal{epoch: "e"}
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	sell := func(id string, cents int64) {
		at = at.Add(time.Hour)
		j.sell(id, sale{"S" + id, 1, at, at.Add(time.Minute), at.Add(time.Minute), 0, 100, cents, cents, 0, "EUR",
			"UTC"})
	}
	end := func(body string) {
		at = at.Add(time.Hour)
		j.add("", "day_ended", fmt.Sprintf(`{"at":%q%s}`, at.Format(time.RFC3339), body))
	}
	sell("1", 100)
	sell("2", 250)
	end(`,"amount":{"amount":"3.50","currency":"EUR"}`)
	sell("3", 400)
	end(`,"amount":{"amount":"5.00","currency":"EUR"},"error":"differs"`)
	end("")
	sell("4", 700)
	days, err := open(t, j).DayEnds(t.Context(), report.Window{})
	if err != nil || len(days) != 4 {
		t.Fatalf("%+v, %v", days, err)
	}
	for i, want := range []struct {
		captured int64
		terminal string
	}{{350, "3.50 EUR"}, {400, "5.00 EUR"}, {0, ""}, {700, ""}} {
		said := ""
		if days[i].Terminal != nil {
			said = days[i].Terminal.String()
		}
		if days[i].Captured.Minor != want.captured || said != want.terminal {
			t.Errorf("day %d: %+v, want %+v", i, days[i], want)
		}
	}
	if days[0].From != nil || days[3].To != nil || !days[1].From.Equal(*days[0].To) {
		t.Errorf("%+v", days)
	}
}

// TestTheHeatOfTheWeek: two hours at one of two bays.
func TestTheHeatOfTheWeek(t *testing.T) {
	j := &journal{epoch: "e"}
	monday := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC) // 10:00 in Berlin
	j.sell("1", sale{"S", 1, monday, monday.Add(90 * time.Minute), monday.Add(90 * time.Minute), 0, 100, 4, 3, 1, "EUR",
		"Europe/Berlin"})
	use, err := open(t, j).Use(t.Context(), report.Window{From: "2026-03-02", To: "2026-03-02"}, 2,
		monday.Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for hour, want := range map[int]report.Share{9: {}, 10: {60, 120}, 11: {30, 120}, 12: {0, 120}} {
		if use[0][hour] != want {
			t.Errorf("Monday %d h: %+v, want %+v", hour, use[0][hour], want)
		}
	}
}
