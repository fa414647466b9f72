package report_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/report"
)

// said is what the records of a session say, read as plain JSON: without the machine that wrote them.
type said struct {
	held, billed, booked, refunded int64
	wh                             int64
	final                          string // the last settlement that was confirmed
	intents                        int
}

func minor(t *testing.T, amount string) int64 {
	t.Helper()
	if amount == "" {
		return 0
	}
	n, err := strconv.ParseInt(strings.Replace(amount, ".", "", 1), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func plain(t *testing.T, j *journal) map[string]*said {
	t.Helper()
	type money struct{ Amount string }
	out := map[string]*said{}
	for _, r := range j.records {
		if r.Session == "" {
			continue
		}
		if out[r.Session] == nil {
			out[r.Session] = &said{}
		}
		s := out[r.Session]
		var b struct {
			Hold    struct{ Approved money }
			Amount  money
			Booking struct{ Booked money }
			Bill    struct {
				Energy int64 `json:"energy_wh"`
				Total  money
			}
		}
		if err := json.Unmarshal(r.Body, &b); err != nil {
			t.Fatal(err)
		}
		switch r.Kind {
		case "hold_intent":
			s.intents++
		case "hold_ok", "hold_found":
			s.held = minor(t, b.Hold.Approved.Amount)
		case "bill":
			s.billed, s.wh = minor(t, b.Bill.Total.Amount), b.Bill.Energy
		case "capture_ok":
			s.booked = minor(t, b.Booking.Booked.Amount)
		case "capture_confirmed", "release_confirmed":
			s.final = r.Kind
		case "refunded":
			s.refunded += minor(t, b.Amount.Amount)
		}
	}
	return out
}

// TestARowSaysWhatItsRecordsSay, in all golden journals.
func TestARowSaysWhatItsRecordsSay(t *testing.T) {
	j := golden(t)
	want, sold := plain(t, j), 0
	rows := all(t, open(t, j).Sessions(t.Context(), report.Window{}))
	if len(rows) != len(want) {
		t.Errorf("%d rows of %d sessions", len(rows), len(want))
	}
	for _, s := range rows {
		w := want[s.ID]
		if s.Outcome == report.Unreadable {
			t.Errorf("%s: %s", s.ID, s.Error)
			continue
		}
		if s.Outcome == report.Sold {
			sold++
			if w.final != "capture_confirmed" || s.Paid.Minor != w.booked && w.booked != 0 ||
				s.Paid.Minor != w.billed || s.Paid.Minor+s.Returned.Minor != w.held {
				t.Errorf("%s is listed as paid with %v, %v given back; its records say %+v", s.ID, s.Paid, s.Returned,
					w)
			}
		} else if w.final == "capture_confirmed" {
			t.Errorf("%s is listed as %s, and was captured", s.ID, s.Outcome)
		}
		if s.Billed != nil && (s.Billed.Minor != w.billed || int64(s.Energy) != w.wh) {
			t.Errorf("%s: %v for %d Wh; its records say %+v", s.ID, s.Billed, s.Energy, w)
		}
		refunded := int64(0)
		for _, r := range s.Refunds {
			refunded += r.Amount.Minor
		}
		if refunded != w.refunded || len(s.Attempts) != w.intents {
			t.Errorf("%s: refunded %d, %d attempts; its records say %+v", s.ID, refunded, len(s.Attempts), w)
		}
	}
	if sold < 10 {
		t.Errorf("%d sessions were paid: these journals prove little", sold)
	}
}

// everything is all that a book has, as text.
func everything(t *testing.T, b *report.Book) string {
	t.Helper()
	var out []any
	for _, s := range all(t, b.Sessions(t.Context(), report.Window{})) {
		out = append(out, s)
	}
	for _, m := range all(t, b.Movements(t.Context(), report.Window{})) {
		out = append(out, m)
	}
	for _, f := range all(t, b.Faults(t.Context(), report.Window{})) {
		out = append(out, f)
	}
	for _, o := range all(t, b.Occurrences(t.Context(), report.Window{})) {
		out = append(out, o)
	}
	for _, by := range []string{report.ByDay, report.ByBay} {
		e, err := b.SupplyBy(t.Context(), report.Window{}, by)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	text, err := json.MarshalIndent(out, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestHoweverItIsReadItSaysTheSame: record by record, with restarts of the process, or all at once; and again after the
// file was made anew.
func TestHoweverItIsReadItSaysTheSame(t *testing.T) {
	whole := golden(t)
	want := everything(t, open(t, whole))
	path := filepath.Join(t.TempDir(), "journal.db.reports")
	slow := &journal{epoch: whole.epoch}
	for i := 0; i < len(whole.records); {
		i = min(len(whole.records), i+1+i%7)
		slow.records = whole.records[:i]
		if i%5 == 0 || i == len(whole.records) {
			b, err := report.Open(t.Context(), path, slow)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.KeepUp(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			if i == len(whole.records) && everything(t, b) != want {
				t.Error("read bit by bit it says another thing than read at once")
			}
			b.Close()
		}
	}
}

// TestAnotherJournalIsAnotherBook: after the journal was replaced nothing of the one before is told.
func TestAnotherJournalIsAnotherBook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db.reports")
	old := golden(t)
	b, err := report.Open(t.Context(), path, old)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.KeepUp(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	b.Close()
	b, err = report.Open(t.Context(), path, &journal{epoch: "new"})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.KeepUp(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if rows := all(t, b.Sessions(t.Context(), report.Window{})); len(rows) > 0 {
		t.Errorf("%d sessions of a journal that is gone", len(rows))
	}
}

// TestARecordThatCannotBeRead makes its session unreadable, which is counted and named, and no other.
func TestARecordThatCannotBeRead(t *testing.T) {
	j := &journal{epoch: "e"}
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	s := sale{"7GK2M4Q", 1, noon, noon.Add(time.Hour), noon.Add(time.Hour), 1000, 9000, 312, 262, 50, "EUR", "UTC"}
	j.sell("A", s)
	j.add("B", "bay_lease", `{"at":"2026-03-02T12:00:00Z","reference":"AAAAAAA","bay":2}`)
	j.add("B", "of_a_later_version", `{"at":"2026-03-02T12:00:00Z"}`)
	b := open(t, j)
	rows := all(t, b.Sessions(t.Context(), report.Window{}))
	if len(rows) != 2 || rows[0].Outcome != report.Sold || rows[1].Outcome != report.Unreadable ||
		rows[1].Reference != "AAAAAAA" || !strings.Contains(rows[1].Error, "of_a_later_version") {
		t.Errorf("%+v", rows)
	}
	r, err := b.Revenue(t.Context(), report.Window{}, report.ByDay)
	if err != nil || len(r.Notes) != 1 || r.Notes[0].Key != "unreadable" || r.Notes[0].N != 1 {
		t.Errorf("%v, %v", r.Notes, err)
	}
}

// TestMoneyBelongsToTheSitesDay: a session of the last evening of a month whose capture the terminal booked after
// midnight, by the site's clock, is revenue of the next month, and its refund of the day on which it was written down;
// at the change to summer time and in another time zone, too.
func TestMoneyBelongsToTheSitesDay(t *testing.T) {
	j := &journal{epoch: "e"}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(month time.Month, day, hour, min int) time.Time {
		return time.Date(2026, month, day, hour, min, 0, 0, berlin).UTC()
	}
	sell := func(id string, bay int, chosen, booked time.Time, cents int64) {
		j.sell(id, sale{"R" + id, bay, chosen, booked.Add(-time.Second), booked, 0, cents * 10, cents, cents - cents/5,
			cents / 5, "EUR", "Europe/Berlin"})
	}
	sell("000001", 1, at(3, 28, 23, 30), at(3, 28, 23, 59), 100)
	sell("000002", 2, at(3, 28, 23, 30), at(3, 29, 0, 0), 200)
	sell("000003", 1, at(3, 29, 1, 30), at(3, 29, 3, 10), 300) // over the hour that there is not
	sell("000004", 2, at(3, 31, 23, 58), at(4, 1, 0, 1), 400)
	j.add("000001", "refunded", `{"at":"2026-04-01T12:00:00Z","amount":{"amount":"0.30","currency":"EUR"},"by":"host"}`)
	b := open(t, j)
	want := map[string][3]int64{"2026-03-28": {100, 0, 100}, "2026-03-29": {500, 0, 500}, "2026-04-01": {400, 30, 370}}
	days, err := b.RevenueBy(t.Context(), report.Window{}, report.ByDay)
	if err != nil || len(days) != len(want) {
		t.Fatalf("%+v, %v", days, err)
	}
	for _, d := range days {
		if got := [3]int64{d.Captured.Minor, d.Refunded.Minor, d.Kept.Minor}; got != want[d.Group] {
			t.Errorf("%s: %v, want %v", d.Group, got, want[d.Group])
		}
	}
	for _, c := range []struct {
		w    report.Window
		want int64
	}{{report.Window{From: "2026-03-01", To: "2026-03-31"}, 600}, {report.Window{From: "2026-04-01"}, 400},
		{report.Window{To: "2026-03-28"}, 100}, {report.Window{From: "2026-03-29", To: "2026-03-29", Bay: 2}, 200}} {
		days, err := b.RevenueBy(t.Context(), c.w, report.ByMonth)
		if err != nil {
			t.Fatal(err)
		}
		if sum := report.Total(days); len(sum) != 1 || sum[0].Captured.Minor != c.want {
			t.Errorf("%+v: %+v, want %d", c.w, sum, c.want)
		}
	}
	// the day of a session is that of its beginning
	if n := len(all(t, b.Sessions(t.Context(), report.Window{From: "2026-04-01"}))); n != 0 {
		t.Errorf("%d sessions began in April", n)
	}
}

// TestCurrenciesAreNeverAdded.
func TestCurrenciesAreNeverAdded(t *testing.T) {
	j := &journal{epoch: "e"}
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for i, c := range []string{"EUR", "CHF", "EUR"} {
		j.sell(fmt.Sprint(i), sale{fmt.Sprint(i), 1, noon, noon, noon, 0, 100, 100, 84, 16, c, "UTC"})
	}
	days, err := open(t, j).RevenueBy(t.Context(), report.Window{}, report.ByMonth)
	if err != nil || len(days) != 2 || days[0].Captured != (kiosk.Money{Minor: 100, Currency: "CHF"}) ||
		days[1].Captured != (kiosk.Money{Minor: 200, Currency: "EUR"}) {
		t.Errorf("%+v, %v", days, err)
	}
	if got := report.Total(days); !reflect.DeepEqual([]kiosk.Currency{got[0].Currency, got[1].Currency},
		[]kiosk.Currency{"CHF", "EUR"}) {
		t.Errorf("%+v", got)
	}
}

// TestWhatARegisterDidBetweenSessions is in the report of energy; an exchanged meter has a row of its own.
func TestWhatARegisterDidBetweenSessions(t *testing.T) {
	j := &journal{epoch: "e"}
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for i, r := range [][2]int64{{1000, 2000}, {2000, 2500}, {2600, 3000}, {10, 50}} { // 100 Wh that no session had
		j.sell(fmt.Sprint(i), sale{fmt.Sprint(i), 1, at, at.Add(time.Minute), at.Add(time.Minute), r[0], r[1], 100, 84,
			16, "EUR", "UTC"})
		at = at.Add(time.Hour)
	}
	got, err := open(t, j).SupplyBy(t.Context(), report.Window{}, report.ByBay)
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if s := got[0]; s.Sessions != 3 || s.Energy != 1900 || s.From != 1000 || s.To != 3000 || s.Between != 100 ||
		s.Paid != 1900 {
		t.Errorf("%+v", s)
	}
	if s := got[1]; s.Sessions != 1 || s.Energy != 40 || s.From != 10 || s.Between != 0 {
		t.Errorf("%+v", s)
	}
}
