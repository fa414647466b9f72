package report_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kioskd/report"
)

// twoKiosks are journals that have all in common but what happened: bays, days, the codes of faults.
func twoKiosks(t *testing.T) (berlin, lisbon *journal) {
	t.Helper()
	berlin = golden(t)
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	lisbon = &journal{epoch: "lisbon"}
	for kiosk, j := range map[int]*journal{1: berlin, 2: lisbon} {
		hour := func(h int) time.Time { return day.Add(time.Duration(h*kiosk) * time.Hour) }
		zone := []string{"", "Europe/Berlin", "Europe/Lisbon"}[kiosk]
		for i := range 4 * kiosk {
			id, at := fmt.Sprintf("%d-%d", kiosk, i), hour(3*i)
			j.sell(id, sale{fmt.Sprintf("S%d%d", kiosk, i), 1 + i%2, at, at.Add(time.Hour), at.Add(time.Hour),
				int64(i * 1000), int64(i*1000 + 900), int64(100 * kiosk), int64(84 * kiosk), int64(16 * kiosk), "EUR",
				zone})
			j.add("", "day_ended", fmt.Sprintf(`{"at":%q,"amount":{"amount":"%d.00","currency":"EUR"}}`,
				at.Add(90*time.Minute).Format(time.RFC3339), kiosk))
		}
		j.declined(fmt.Sprintf("%d-d", kiosk), 1, hour(1), "issuer")
		j.declined(fmt.Sprintf("%d-e", kiosk), 1, hour(24*3650), "issuer") // the last of all
		for _, f := range []struct {
			kind, code string
			bay, hour  int
		}{{"fault_raised", "MT001", 1, 2}, {"fault_raised", "PT001", 0, 4}, {"fault_cleared", "MT001", 1, 5},
			{"fault_raised", "MT001", 1, 8}, {"fault_raised", "CX017", 2, 1}, {"fault_cleared", "CX017", 2, 3}} {
			j.add("", f.kind, fmt.Sprintf(`{"at":%q,"fault":%q,"bay":%d}`, hour(f.hour).Format(time.RFC3339), f.code,
				f.bay))
		}
		j.add("", "inspected", fmt.Sprintf(`{"at":%q,"by":"host","what":"terminal","detail":"52523535: dent %d"}`,
			hour(30).Format(time.RFC3339), kiosk))
		j.add("", "visit_digest", fmt.Sprintf(`{"at":%q,"day":"2026-03-02","counts":[{"what":"turned_away","n":%d}]}`,
			hour(24).Format(time.RFC3339), kiosk))
	}
	return berlin, lisbon
}

// office opens a book of several kiosks.
func office(t *testing.T, all ...report.Named) *report.Book {
	t.Helper()
	b, err := report.OpenAll(t.Context(), "", func(context.Context) ([]report.Named, error) { return all, nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	if err := b.KeepUp(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return b
}

// reports are all tables of a window, by their names.
func reports(t *testing.T, b *report.Book, w report.Window) map[string]report.Table {
	t.Helper()
	now := time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC)
	out := map[string]report.Table{}
	add := func(name string, table report.Table, err error) {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[name] = table
	}
	for _, by := range []string{report.ByDay, report.ByMonth, report.ByBay, report.ByTariff} {
		table, err := b.Revenue(t.Context(), w, by)
		add("revenue by "+by, table, err)
	}
	for _, by := range []string{report.ByDay, report.ByMonth, report.ByBay} {
		table, err := b.Energy(t.Context(), w, by)
		add("energy by "+by, table, err)
	}
	table, err := b.SessionTable(t.Context(), w, report.Filter{})
	add("sessions", table, err)
	table, err = b.FaultTable(t.Context(), w)
	add("faults", table, err)
	table, err = b.SecurityTable(t.Context(), w)
	add("security", table, err)
	table, err = b.DeviceTable(t.Context(), w)
	add("devices", table, err)
	table, err = b.DayEndTable(t.Context(), w)
	add("day ends", table, err)
	table, err = b.FigureTable(t.Context(), w, now)
	add("figures", table, err)
	use, err := b.Use(t.Context(), w, 0, now)
	add("use", report.Table{Columns: []report.Column{{Key: "use"}}, Rows: [][]any{{fmt.Sprint(use)}}}, err)
	visits, err := b.Visits(t.Context(), w)
	add("visits", report.Table{Columns: []report.Column{{Key: "visits"}}, Rows: [][]any{{fmt.Sprint(visits)}}}, err)
	return out
}

// text is what a table says, without the column of kiosks.
func text(t *testing.T, table report.Table) string {
	t.Helper()
	from := 0
	if table.Columns[0].Key == "kiosk" {
		from = 1
	}
	table.Window.Kiosk = ""
	cut := func(rows [][]any) (out [][]any) {
		for _, r := range rows {
			out = append(out, r[from:])
		}
		return out
	}
	table.Columns, table.Rows, table.Sums = table.Columns[from:], cut(table.Rows), cut(table.Sums)
	out, err := json.MarshalIndent(table, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestOneOfManyKiosks: of one kiosk a back office reports what the kiosk reports, whatever happened at another.
func TestOneOfManyKiosks(t *testing.T) {
	berlin, lisbon := twoKiosks(t)
	b := office(t, report.Named{Kiosk: "B-1", Source: berlin}, report.Named{Kiosk: "L-1", Source: lisbon})
	for id, own := range map[string]*journal{"B-1": berlin, "L-1": lisbon} {
		for _, days := range []report.Window{{}, {From: "2026-03-02", To: "2026-03-02"}} {
			alone := reports(t, open(t, own), days)
			days.Kiosk = id
			for name, table := range reports(t, b, days) {
				if got, want := text(t, table), text(t, alone[name]); got != want {
					t.Errorf("%s of %s, %+v: %s\nthe kiosk says\n%s", name, id, days, got, want)
				}
			}
		}
	}
}

// TestManyKiosksAreNotOne: what is of a bay, a device or a terminal's day is of one kiosk, and its row says of which.
func TestManyKiosksAreNotOne(t *testing.T) {
	berlin, lisbon := twoKiosks(t)
	b := office(t, report.Named{Kiosk: "B-1", Source: berlin}, report.Named{Kiosk: "L-1", Source: lisbon})
	all, one := reports(t, b, report.Window{}), map[string]map[string]report.Table{}
	for _, id := range []string{"B-1", "L-1"} {
		one[id] = reports(t, b, report.Window{Kiosk: id})
	}
	for _, name := range []string{"revenue by bay", "energy by bay", "sessions", "faults", "security", "devices",
		"day ends"} {
		var got, want []string
		for _, r := range all[name].Rows {
			got = append(got, fmt.Sprint(all[name].Cells(r)))
		}
		for id, tables := range one {
			for _, r := range tables[name].Rows {
				line := fmt.Sprint(all[name].Cells(r)) // as of this zone's clock
				if !strings.HasPrefix(line, "["+id) {
					t.Errorf("%s: %s is of no kiosk", name, line)
				}
				want = append(want, line)
			}
		}
		if len(got) != len(want) || len(got) == 0 {
			t.Errorf("%s: %d rows, each kiosk alone has %d", name, len(got), len(want))
		}
	}
	for _, key := range []string{"payment_success", "visit_success", "time_to_repair_mean", "first_time_fixes"} {
		part, whole := 0, 0
		for _, id := range []string{"B-1", "L-1"} {
			n, d := figureOf(t, one[id]["figures"], key)
			part, whole = part+n, whole+d
		}
		if n, d := figureOf(t, all["figures"], key); n != part || d != whole {
			t.Errorf("%s: %d of %d of both, %d of %d of each", key, n, d, part, whole)
		}
	}
}

// figureOf is the part and the whole of a figure.
func figureOf(t *testing.T, table report.Table, key string) (n, d int) {
	t.Helper()
	i := slices.IndexFunc(table.Rows, func(r []any) bool { return r[1] == key })
	if i < 0 {
		t.Fatalf("there is no %s", key)
	}
	d, _ = table.Rows[i][6].(int) // a mean has no whole
	return table.Rows[i][5].(int), d
}
