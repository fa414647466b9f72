package report_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kioskd/report"
)

// noon is of a day in March.
func noon(day int) time.Time { return time.Date(2026, 3, day, 12, 0, 0, 0, time.UTC) }

// plainSale is a sale of 1.00 in UTC.
func plainSale(reference string, at time.Time) sale {
	return sale{reference, 1, at, at.Add(time.Hour), at.Add(time.Hour), 0, 1000, 100, 84, 16, "EUR", "UTC"}
}

// TestABlindRepeatMovesNoMoney: a capture that was booked before midnight and is asked once more after a restart,
// because the terminal's list does not prove it, is of the day on which it was booked.
func TestABlindRepeatMovesNoMoney(t *testing.T) {
	j := &journal{epoch: "e"}
	booked := time.Date(2026, 3, 2, 23, 59, 58, 0, time.UTC)
	s := plainSale("7GK2M4Q", booked.Add(-time.Hour))
	s.ended, s.booked = booked, booked
	r := s.records("A")
	for i := 0; i < len(r); i += 2 {
		if r[i] == "capture_confirmed" {
			break
		}
		j.add("A", r[i], r[i+1])
	}
	later := func(s int) string { return booked.Add(time.Duration(s) * time.Second).Format(time.RFC3339) }
	const booking = `"booking":{"receipt_no":900,"booked":{"amount":"1.00","currency":"EUR"}}`
	j.add("A", "resumed", fmt.Sprintf(`{"at":%q}`, later(60)))
	j.add("A", "capture_intent", fmt.Sprintf(
		`{"at":%q,"amount":{"amount":"1.00","currency":"EUR"},"attempt":2,"blind":true}`, later(120)))
	j.add("A", "capture_confirmed", fmt.Sprintf(`{"at":%q,%s}`, later(180), booking))
	days, err := open(t, j).RevenueBy(t.Context(), report.Window{}, report.ByDay)
	if err != nil || len(days) != 1 || days[0].Group != "2026-03-02" || days[0].Captured.Minor != 100 {
		t.Errorf("%+v, %v", days, err)
	}
}

// TestAJournalFromACopy: of a journal that ends before the rows do nothing of before is told, and all that comes.
func TestAJournalFromACopy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows")
	keep := func(j *journal) (out []string) {
		b, err := report.Open(t.Context(), path, j)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		if err := b.KeepUp(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		for _, s := range all(t, b.Sessions(t.Context(), report.Window{})) {
			out = append(out, s.Reference)
		}
		return out
	}
	j := &journal{epoch: "e"}
	j.sell("A", plainSale("AAAAAAA", noon(2)))
	short := len(j.records)
	j.sell("B", plainSale("BBBBBBB", noon(3)))
	keep(j)
	j.records = j.records[:short]
	if got := keep(j); fmt.Sprint(got) != "[AAAAAAA]" {
		t.Errorf("after the copy: %v", got)
	}
	j.sell("C", plainSale("CCCCCCC", noon(4)))
	if got := keep(j); fmt.Sprint(got) != "[AAAAAAA CCCCCCC]" {
		t.Errorf("after the next sale: %v", got)
	}
}

// TestATaxThatIsNotKnown is not shown as a part of it.
func TestATaxThatIsNotKnown(t *testing.T) {
	j := &journal{epoch: "e"}
	j.sell("A", plainSale("AAAAAAA", noon(2)))
	r := plainSale("BBBBBBB", noon(2)).records("B")
	for i := 0; i < len(r); i += 2 {
		body := strings.Replace(r[i+1], `"net":{"amount":"0.84","currency":"EUR"},"taxes":[{"percent":"19","amount":`+
			`{"amount":"0.16","currency":"EUR"}}],`, "", 1)
		if r[i] == "bill" && body == r[i+1] {
			t.Fatal("the bill is as it was")
		}
		j.add("B", r[i], body)
	}
	table, err := open(t, j).Revenue(t.Context(), report.Window{}, report.ByDay)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range table.Columns {
		if (c.Key == "net" || c.Key == "vat_19") && (table.Rows[0][i] != nil || table.Sums[0][i] != nil) {
			t.Errorf("%s is %v, in sum %v", c.Key, table.Rows[0][i], table.Sums[0][i])
		}
	}
}

// TestDaysOfTheSite: an end-of-day, and a visitor who agreed to nothing, are of the site's day where its zone is known.
func TestDaysOfTheSite(t *testing.T) {
	j := &journal{epoch: "e"}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	j.add("A", "bay_lease", `{"at":"2026-03-04T23:30:00Z","reference":"AAAAAAA","bay":1}`)
	j.add("A", "closed", `{"at":"2026-03-04T23:31:00Z"}`)
	j.add("", "day_ended", `{"at":"2026-03-04T23:32:00Z","amount":{"amount":"0.00","currency":"EUR"}}`)
	b, err := report.Open(t.Context(), "", j)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.In(berlin)
	if err := b.KeepUp(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	fifth := report.Window{From: "2026-03-05", To: "2026-03-05"}
	if n := len(all(t, b.Sessions(t.Context(), fifth))); n != 1 {
		t.Errorf("%d sessions", n)
	}
	days, err := b.DayEnds(t.Context(), fifth)
	if err != nil || len(days) != 1 || days[0].To == nil {
		t.Errorf("%+v, %v", days, err)
	}
	if _, err := b.DayEnds(t.Context(), report.Window{Bay: 1}); err == nil {
		t.Error("the terminal's day is told for one bay")
	}
}

// TestTwoCurrenciesInATerminalsDay are two rows.
func TestTwoCurrenciesInATerminalsDay(t *testing.T) {
	j := &journal{epoch: "e"}
	lev := plainSale("AAAAAAA", noon(2))
	lev.currency = "BGN"
	j.sell("A", lev)
	j.sell("B", plainSale("BBBBBBB", noon(2)))
	j.add("", "day_ended", `{"at":"2026-03-02T20:00:00Z","amount":{"amount":"1.00","currency":"EUR"}}`)
	days, err := open(t, j).DayEnds(t.Context(), report.Window{To: "2026-03-02"})
	if err != nil || len(days) != 2 || days[0].Captured.String() != "1.00 BGN" || days[0].Terminal != nil ||
		days[1].Captured.String() != "1.00 EUR" || days[1].Terminal == nil {
		t.Errorf("%+v, %v", days, err)
	}
}

// TestNightsCount: what a register moved between two days is in the report by day, too.
func TestNightsCount(t *testing.T) {
	j := &journal{epoch: "e"}
	for i, from := range []int64{0, 6000, 12000} { // 1000 a session, 5000 each night
		s := plainSale(fmt.Sprint("AAAAAA", i), noon(2+i))
		s.from, s.to = from, from+1000
		j.sell(fmt.Sprint(i), s)
	}
	b := open(t, j)
	for _, by := range []string{report.ByDay, report.ByMonth, report.ByBay} {
		rows, err := b.SupplyBy(t.Context(), report.Window{}, by)
		if err != nil {
			t.Fatal(err)
		}
		between := int64(0)
		for _, r := range rows {
			between += int64(r.Between)
		}
		if between != 10_000 {
			t.Errorf("by %s: %d Wh between sessions: %+v", by, between, rows)
		}
	}
}

// TestADayIsADay: what a bay was used in a day is of the whole day, at a kiosk that has run for longer.
func TestADayIsADay(t *testing.T) {
	j := &journal{epoch: "e"}
	j.sell("A", plainSale("AAAAAAA", noon(1)))
	j.sell("B", plainSale("BBBBBBB", noon(5)))
	figures, err := open(t, j).Figures(t.Context(), report.Window{From: "2026-03-05", To: "2026-03-05"}, noon(20))
	if err != nil {
		t.Fatal(err)
	}
	if f := find(t, figures, "occupied", 1); f.N != 3600 || f.D != 86400 {
		t.Errorf("%+v", f)
	}
}

// TestASecondCard: a session whose first card was declined and that charges has not ended.
func TestASecondCard(t *testing.T) {
	j := &journal{epoch: "e"}
	r := plainSale("AAAAAAA", noon(2)).records("A")
	for i := 0; i < len(r) && r[i] != "stop_intent"; i += 2 {
		j.add("A", r[i], r[i+1])
		if r[i] == "hold_intent" {
			j.add("A", "hold_declined", `{"at":"2026-03-02T11:59:00Z","class":"issuer"}`)
			j.add("A", "hold_intent",
				`{"at":"2026-03-02T12:00:00Z","amount":{"amount":"50.00","currency":"EUR"},"attempt":2}`)
		}
	}
	rows := all(t, open(t, j).Sessions(t.Context(), report.Window{}))
	if len(rows) != 1 || rows[0].Outcome != report.Ongoing || rows[0].EndedAt != nil || len(rows[0].Attempts) != 2 {
		t.Errorf("%+v", rows)
	}
}

// TestADayThatIsWrittenTwice: the same counts are one, others of the day are added.
func TestADayThatIsWrittenTwice(t *testing.T) {
	j := &journal{epoch: "e"}
	for _, n := range []int{40, 40, 1} {
		j.add("", "visit_digest", fmt.Sprintf(
			`{"at":"2026-03-03T00:05:00Z","day":"2026-03-02","counts":[{"hour":9,"what":"visit","n":%d}]}`, n))
	}
	got, err := open(t, j).Visits(t.Context(), report.Window{})
	if err != nil || got["visit"] != 41 {
		t.Errorf("%v, %v", got, err)
	}
}
