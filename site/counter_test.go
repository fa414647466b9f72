package site

import (
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/store"
	"kioskd/ui"
)

func (w *world) page(role, page string) ui.StaffView {
	return w.desk.Page(w.Context(), role, page, w.control.Snapshot())
}

// argument is what a row says in a place; a test that asks for one that is not there fails.
func argument(t testing.TB, r ui.Row, name string) ui.Arg {
	t.Helper()
	i := slices.IndexFunc(r.Args, func(a ui.Arg) bool { return a.Name == name })
	if i < 0 {
		t.Fatalf("row %s has no %s: %+v", r.Key, name, r.Args)
	}
	return r.Args[i]
}

// action is the word behind the button of a row.
func action(t testing.TB, r ui.Row) string {
	t.Helper()
	if r.Do == nil {
		t.Fatalf("row %s has no button: %+v", r.Key, r)
	}
	return strings.TrimPrefix(r.Do.Value, ui.Confirmed)
}

// TestNoRoleSeesAnothersPages, nor does what another may do: the page of the role's own menu stands in its place, and
// nothing is written down.
func TestNoRoleSeesAnothersPages(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		menu := func(role string) (pages []string) {
			for _, a := range w.page(role, role).Actions {
				pages = append(pages, strings.TrimPrefix(a.Value, ui.GoTo))
			}
			return pages
		}
		technician, host := menu(ui.RoleTechnician), menu(ui.RoleHost)
		if len(technician) < 5 || len(host) < 3 {
			w.Fatalf("the menus are %q and %q", technician, host)
		}
		for role, foreign := range map[string][]string{ui.RoleTechnician: host, ui.RoleHost: technician} {
			own := fmt.Sprint(w.page(role, role))
			for _, page := range foreign {
				if got := w.page(role, page); fmt.Sprint(got) != own {
					w.Errorf("the %s sees the page %s of another role: %+v", role, page, got)
				}
			}
		}
		before, err := w.journal.Seq(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		for _, half := range []string{"clear", "clear:HO001", "retry", "test", "swap"} {
			if got := w.desk.Do(w.Context(), ui.RoleTechnician, half); got.Key != "staff.failed" {
				w.Errorf("half a word, %q, is done: %+v", half, got)
			}
		}
		for _, half := range []string{"shut", "shut:1", "shut:1:", "free"} {
			if got := w.desk.Do(w.Context(), ui.RoleHost, half); got.Key != "staff.failed" {
				w.Errorf("half a word, %q, is done: %+v", half, got)
			}
		}
		for role, words := range map[string][]string{
			ui.RoleHost: {"clear:HO001:1", "retry:S1", "test:1", "swap:1", "dayend", "verify", "export", "off",
				"upnow"},
			ui.RoleTechnician: {"shut:1:on", "free:1", "upnow", "upagain", "rm -rf", ""},
		} {
			for _, word := range words {
				if got := w.desk.Do(w.Context(), role, word); got.Key != "staff.failed" || got.State != "bad" {
					w.Errorf("the %s may do %q: %+v", role, word, got)
				}
			}
		}
		after, err := w.journal.Seq(w.Context())
		if err != nil || after != before || w.off > 0 || w.boxes[1].switched > 0 {
			w.Errorf("what a role may not do wrote %d records (%v), switched off %d times", after-before, err, w.off)
		}
		if w.desk.Do(w.Context(), ui.RoleTechnician, "off"); w.off != 1 {
			w.Errorf("the technician switched off %d times", w.off)
		}
	})
}

// TestTheFaultsPage shows each fault with what to do, its weight, and a button where a person ends it; who did is
// written down.
func TestTheFaultsPage(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		if v := w.page(ui.RoleTechnician, "faults"); len(v.Rows) != 1 || v.Rows[0].State != "ok" {
			w.Errorf("without a fault the page has %+v", v.Rows)
		}
		for _, f := range kiosk.Faults() {
			w.control.Fault(w.Context(), f.Code, 0, true, nil)
		}
		w.wait(0)
		rows := map[string]ui.Row{}
		v := w.page(ui.RoleTechnician, "faults")
		for i, r := range v.Rows {
			if r.Key == "faults.site" {
				code := argument(w, r, "Code").Text
				rows[code] = r
				if want := "fault." + code + ".technician"; i+1 == len(v.Rows) || v.Rows[i+1].Key != want {
					w.Errorf("%s is not followed by what to do", code)
				}
			}
		}
		clearable := []string{"MT002", "MT003", "MT005", "MT006", "MT007", "HO001", "DB003"}
		for _, f := range kiosk.Faults() {
			r, there := rows[string(f.Code)]
			want := map[bool]string{true: "warn", false: "bad"}[f.Severity == kiosk.Warning]
			if !there || r.State != want || argument(w, r, "Title").Key != f.Code.TextKey("title") {
				w.Errorf("%s is shown as %+v", f.Code, r)
			}
			if (r.Do != nil) != slices.Contains(clearable, string(f.Code)) {
				w.Errorf("%s has the button %+v", f.Code, r.Do)
			}
		}
		if got := w.desk.Do(w.Context(), ui.RoleTechnician, action(w, rows["DB003"])); got.Key != "staff.done" {
			w.Errorf("clearing says %+v", got)
		}
		if got := w.desk.Do(w.Context(), ui.RoleTechnician, "clear:PT003:0"); got.Key != "staff.failed" {
			w.Errorf("a fault that ends by itself is cleared: %+v", got)
		}
		if w.raised("DB003", 0) || !w.raised("PT003", 0) {
			w.Error("the wrong fault is cleared")
		}
		last := w.records(session.FaultCleared)
		if b := last[len(last)-1].Body.(session.FaultBody); b.By != ui.RoleTechnician || b.Fault != "DB003" {
			w.Errorf("the record has %+v", b)
		}
	})
}

// TestMoneyThatWaits is listed with its next try; the technician lets it be tried at once. What was refused for good is
// listed as a person's.
func TestMoneyThatWaits(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		w.till.refuses = &kiosk.Declined{Class: kiosk.DeclineHost, Code: "6E"}
		x := w.sells(1, 10*time.Minute)
		v := w.page(ui.RoleTechnician, "money")
		if len(v.Rows) != 1 || v.Rows[0].Key != "money.capture" {
			w.Fatalf("what waits is shown as %+v", v.Rows)
		}
		r := v.Rows[0]
		if argument(w, r, "Code").Text != x.Reference || *argument(w, r, "Amount").Money != x.Bill.Total ||
			!argument(w, r, "At").At.After(w.clock.Now()) {
			w.Errorf("it says %+v", r.Args)
		}
		items, err := OpenItems(w.Context(), w.journal)
		if err != nil || len(items) != 1 || items[0].Due != x.Bill.Total || items[0].Held != eur(5000) ||
			items[0].Acts != "" || items[0].Last4 != "8074" {
			w.Errorf("what is open is listed as %+v, %v", items, err)
		}
		if got := w.desk.Do(w.Context(), ui.RoleTechnician, action(w, r)); got.Key != "staff.done" {
			w.Errorf("another try says %+v", got)
		}
		w.wait(time.Second)
		if len(w.till.booked) > 0 {
			w.Fatalf("a bank that refuses booked %v", w.till.booked)
		}
		w.till.refuses = nil
		retry := action(w, w.page(ui.RoleTechnician, "money").Rows[0])
		w.desk.Do(w.Context(), ui.RoleTechnician, retry)
		w.wait(10 * time.Second)
		if !slices.Equal(w.till.booked, []kiosk.Money{x.Bill.Total}) {
			w.Errorf("the bank booked %v, the bill is %v", w.till.booked, x.Bill.Total)
		}
		if v := w.page(ui.RoleTechnician, "money"); len(v.Rows) != 1 || v.Rows[0].Key != "money.none" {
			w.Errorf("what is settled is shown as %+v", v.Rows)
		}
		if got := w.desk.Do(w.Context(), ui.RoleTechnician, retry); got.Key != "staff.failed" ||
			len(w.till.booked) != 1 {
			w.Errorf("a button of before books again: %+v, %v", got, w.till.booked)
		}
	})
}

// TestTheContactorsPage closes a contactor for a moment, once, and only where nothing can draw energy by it.
func TestTheContactorsPage(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		rows := w.page(ui.RoleTechnician, "contactors").Rows
		test := map[int]string{}
		for _, r := range rows[1:] {
			n, err := strconv.Atoi(argument(w, r, "N").Text)
			if err != nil {
				w.Fatal(err)
			}
			test[n] = action(w, r)
		}
		for _, c := range []struct {
			change func(*box)
			why    string
		}{
			{func(b *box) { b.plugged = true }, "vehicle"},
			{func(b *box) { b.plugged, b.pressed = false, true }, "emergency"},
			{func(b *box) { b.pressed, b.noInputs = false, true }, "inputs"},
		} {
			w.boxes[2].set(c.change)
			w.wait(10 * time.Second)
			got := w.desk.Do(w.Context(), ui.RoleTechnician, test[2])
			if got.Key != "staff.failed" || !strings.Contains(argument(w, got, "Why").Text, c.why) {
				w.Errorf("%s: the test says %+v", c.why, got)
			}
		}
		if got := w.desk.Do(w.Context(), ui.RoleTechnician, test[1]); got.Key != "test.ok" {
			w.Errorf("the test of a good contactor says %+v", got)
		}
		w.wait(time.Second)
		if w.boxes[1].switched != 1 || w.boxes[1].closed || w.boxes[2].switched != 0 {
			w.Errorf("closed %d and %d times, open is %v", w.boxes[1].switched, w.boxes[2].switched, !w.boxes[1].closed)
		}
		if got := w.desk.Do(w.Context(), ui.RoleTechnician, "test:7"); got.Key != "staff.failed" {
			w.Errorf("a bay that is not there: %+v", got)
		}
	})
}

// TestTheHostsPages close a bay and open it, and give energy away: as much as they say, at a bay that is free.
func TestTheHostsPages(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		gives := func(n int) bool { return w.page(ui.RoleHost, "free").Rows[n-1].Do != nil }
		closes := w.page(ui.RoleHost, "close").Rows[1]
		if got := w.desk.Do(w.Context(), ui.RoleHost, action(w, closes)); got.Key != "staff.done" {
			w.Errorf("closing says %+v", got)
		}
		if !w.raised(kiosk.FaultBayShut, 2) || w.raised(kiosk.FaultBayShut, 1) || gives(2) || !gives(1) {
			w.Error("the wrong bay is closed, or energy of a closed one is offered")
		}
		give := action(w, w.page(ui.RoleHost, "free").Rows[0])
		offer := *w.page(ui.RoleHost, "free").Rows[0].Do
		most := *offer.Args[0].Energy
		if got := w.desk.Do(w.Context(), ui.RoleHost, give); got.Key != "free.ok" ||
			argument(w, got, "Code").Text == "" {
			w.Errorf("giving away says %+v", got)
		}
		if got := w.desk.Do(w.Context(), ui.RoleHost, give); got.Key != "staff.failed" || gives(1) {
			w.Errorf("a bay that is taken is given away: %+v", got)
		}
		w.boxes[1].set(func(b *box) { b.plugged = true })
		w.wait(3 * time.Hour) // a vehicle that takes all it gets
		if got := kiosk.Energy(w.boxes[1].wh) - 1_000_000; got > most+most/1000 || got < most-most/20 {
			w.Errorf("%v flowed, and the button says %v", got, most)
		}
		if n := len(w.till.booked); n > 0 || len(w.records(session.HoldIntent)) > 0 {
			w.Errorf("a card was asked for, and %d bookings made", n)
		}
		granted := w.records(session.FreeGranted)
		if len(granted) != 1 || granted[0].Body.(session.PersonBody).By != ui.RoleHost {
			w.Errorf("who gave it is written down as %+v", granted)
		}
		opens := w.page(ui.RoleHost, "close").Rows[1]
		if got := w.desk.Do(w.Context(), ui.RoleHost, action(w, opens)); got.Key != "staff.done" ||
			w.raised(kiosk.FaultBayShut, 2) || !gives(2) {
			w.Errorf("opening says %+v", got)
		}
	})
}

// TestTheDayOfTheTerminal ends at the desk: what the terminal counted stands beside what the journal captured.
func TestTheDayOfTheTerminal(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		if v := w.page(ui.RoleTechnician, "terminal"); v.Rows[4].Key != "pt.never" {
			w.Errorf("before the first end of a day the page has %+v", v.Rows)
		}
		x := w.charges(1)
		if got := w.desk.Do(w.Context(), ui.RoleTechnician, "dayend"); got.Key != "staff.failed" {
			w.Errorf("with an open hold the day ends: %+v", got)
		}
		if got := argument(w, w.page(ui.RoleTechnician, "terminal").Rows[3], "N").Text; got != "1" {
			w.Errorf("%s holds are open", got)
		}
		w.wait(10 * time.Minute)
		w.do(session.Observation{What: session.StopPressed, Session: x.ID, By: session.ByScreen})
		w.wait(time.Minute)
		paid := w.till.booked[0]
		other := eur(paid.Minor + 1)
		for i, c := range []struct {
			counted, journal *kiosk.Money
			state            string
		}{{&other, &paid, "warn"}, {&kiosk.Money{Currency: "EUR"}, &kiosk.Money{Currency: "EUR"}, "ok"},
			{nil, &kiosk.Money{Currency: "EUR"}, "warn"}} {
			w.till.counted = c.counted
			w.wait(time.Minute)
			got := w.desk.Do(w.Context(), ui.RoleTechnician, "dayend")
			if got.Key != "pt.ended" || got.State != c.state || *argument(w, got, "Journal").Money != *c.journal {
				w.Fatalf("day %d ends with %+v", i, got)
			}
			if a := argument(w, got, "Terminal"); c.counted == nil && a.Text != "-" ||
				c.counted != nil && *a.Money != *c.counted {
				w.Errorf("day %d: the terminal counted %+v", i, a)
			}
		}
		row := w.page(ui.RoleTechnician, "terminal").Rows[4]
		if at := argument(w, row, "At").At; at.Location() != w.c.Timezone || at.Sub(w.clock.Now()).Abs() > time.Minute {
			w.Errorf("the last end is shown as %v", at)
		}
	})
}

// ledger is a journal in which bills are written down at moments that a test chooses.
type ledger struct {
	*testing.T
	desk
	now time.Time
}

func newLedger(t *testing.T) *ledger {
	t.Helper()
	l := &ledger{T: t}
	l.c = plainConfig(t, "")
	j, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "journal.db"),
		func() (time.Time, time.Duration, bool) { return l.now, 0, true })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	l.journal = j
	return l
}

// keep writes an event down.
func (l *ledger) keep(e session.Event) {
	l.Helper()
	e.At = l.now
	entry, err := e.Entry()
	if err == nil {
		err = l.journal.Append(l.Context(), entry)
	}
	if err != nil {
		l.Fatal(err)
	}
}

// bill writes a bill down at a local time.
func (l *ledger) bill(local string, amount kiosk.Money) {
	l.Helper()
	at, err := time.Parse("2006-01-02 15:04 -0700", local)
	if err != nil {
		l.Fatal(err)
	}
	l.now = at
	l.keep(session.Event{Kind: session.Billed, Session: "S" + local,
		Body: session.BillBody{Bill: session.Bill{Energy: 1000, Total: amount, Cost: amount, Start: at, End: at}}})
}

// bars are those of a page that are not empty, by their labels.
func bars(v ui.StaffView) map[string]int64 {
	out := map[string]int64{}
	for _, b := range v.Bars {
		if b.Money.Minor != 0 {
			out[b.Label] += b.Money.Minor
		}
	}
	return out
}

// TestTakings are by the site's own hours and days, also where a day has 23 or 25 hours, and never of the day before.
func TestTakings(t *testing.T) {
	for _, c := range []struct {
		page, at string
		bills    map[string]int64
		bars     int
		want     map[string]int64
	}{
		{"today", "2026-03-29 23:50 +0200", map[string]int64{"2026-03-28 23:59 +0100": 1, "2026-03-29 00:00 +0100": 2,
			"2026-03-29 01:59 +0100": 4, "2026-03-29 03:00 +0200": 8, "2026-03-29 23:30 +0200": 16}, 24,
			map[string]int64{"0": 2, "1": 4, "3": 8, "23": 16}},
		{"today", "2026-10-25 23:50 +0100", map[string]int64{"2026-10-24 23:59 +0200": 1, "2026-10-25 02:30 +0200": 2,
			"2026-10-25 02:30 +0100": 4, "2026-10-25 03:00 +0100": 8}, 24, map[string]int64{"2": 6, "3": 8}},
		{"month", "2026-03-31 23:59 +0200", map[string]int64{"2026-02-28 23:59 +0100": 1, "2026-03-01 00:00 +0100": 2,
			"2026-03-29 02:00 +0100": 4, "2026-03-31 23:58 +0200": 8}, 31, map[string]int64{"1": 2, "29": 4, "31": 8}},
		{"month", "2026-02-28 12:00 +0100", map[string]int64{"2026-01-31 23:59 +0100": 1, "2026-02-28 11:00 +0100": 2},
			28, map[string]int64{"28": 2}},
		{"month", "2028-02-29 12:00 +0100", map[string]int64{"2028-02-29 00:00 +0100": 2}, 29,
			map[string]int64{"29": 2}},
	} {
		l := newLedger(t)
		times := []string{}
		for at := range c.bills {
			times = append(times, at)
		}
		slices.SortFunc(times, func(a, b string) int { // those of winter time come later
			return strings.Compare(strings.Replace(a, "+0200", "-", 1), strings.Replace(b, "+0200", "-", 1))
		})
		for _, at := range times {
			l.bill(at, eur(c.bills[at]))
		}
		now, err := time.Parse("2006-01-02 15:04 -0700", c.at)
		if err != nil {
			t.Fatal(err)
		}
		v := l.Page(t.Context(), ui.RoleHost, c.page, session.Snapshot{At: now.UTC()})
		if got := bars(v); fmt.Sprint(got) != fmt.Sprint(c.want) || len(v.Bars) != c.bars {
			t.Errorf("%s of %s: %d bars, with %v, want %v", c.page, c.at, len(v.Bars), got, c.want)
			continue
		}
		sum := int64(0)
		for _, minor := range c.want {
			sum += minor
		}
		n := int64(0)
		for at := range c.bills {
			if c.bills[at] != 1 { // which is of the day, or the month, before
				n++
			}
		}
		if got := *argument(t, v.Rows[0], "Amount").Money; got != eur(sum) ||
			*argument(t, v.Rows[1], "Energy").Energy != kiosk.Energy(1000*n) ||
			argument(t, v.Rows[2], "N").Text != strconv.FormatInt(n, 10) {
			t.Errorf("%s of %s adds up to %+v", c.page, c.at, v.Rows)
		}
	}
}

// TestTakingsOfTwoCurrencies are no sum: a site's currency changes, and its journal stays.
func TestTakingsOfTwoCurrencies(t *testing.T) {
	l := newLedger(t)
	l.bill("2026-03-02 09:00 +0100", kiosk.Money{Minor: 100, Currency: "BGN"})
	l.bill("2026-03-02 10:00 +0100", eur(100))
	v := l.Page(t.Context(), ui.RoleHost, "today", session.Snapshot{At: l.now})
	for _, r := range v.Rows {
		for _, a := range r.Args {
			if a.Money != nil && a.Money.Minor == 200 {
				t.Errorf("1.00 BGN and 1.00 EUR are told as %v", a.Money)
			}
		}
	}
	for _, b := range v.Bars {
		if b.Label == "9" && b.Money.Minor != 0 && b.Money.Currency != "BGN" {
			t.Errorf("1.00 BGN is drawn as %v", b.Money)
		}
	}
}

// TestTheLogPage has the newest two hundred lines, the last one first, with their weight.
func TestTheLogPage(t *testing.T) {
	l := newLedger(t)
	lines := NewLogLines(slog.NewTextHandler(io.Discard, nil))
	l.log = lines.Kept
	log := slog.New(lines)
	if v := l.Page(t.Context(), ui.RoleTechnician, "log", session.Snapshot{}); len(v.Rows) != 1 || v.Rows[0].Key == "" {
		t.Errorf("an empty log is %+v", v.Rows)
	}
	for i := range 300 {
		log.Info("line", "n", i)
	}
	log.With("bay", 2).Warn("slow")
	log.Error("gone", "why", "cut")
	v := l.Page(t.Context(), ui.RoleTechnician, "log", session.Snapshot{})
	if len(v.Rows) != 200 || !strings.HasSuffix(v.Rows[0].Text, "gone why=cut") || v.Rows[0].State != "bad" ||
		v.Rows[1].State != "warn" || v.Rows[2].State != "" || !strings.HasSuffix(v.Rows[2].Text, "line n=299") {
		t.Errorf("%d lines, the last are %+v", len(v.Rows), v.Rows[:3])
	}
}

// TestTakingsAfterAClockThatWasWrong: one bill that was written down with a time of before hides no other of the day.
func TestTakingsAfterAClockThatWasWrong(t *testing.T) {
	l := newLedger(t)
	l.bill("2026-03-02 09:00 +0100", eur(100))
	l.bill("2026-03-01 03:00 +0100", eur(1)) // after a start without a network
	l.bill("2026-03-02 11:00 +0100", eur(10))
	v := l.Page(t.Context(), ui.RoleHost, "today", session.Snapshot{At: l.now})
	if got := *argument(t, v.Rows[0], "Amount").Money; got != eur(110) {
		t.Errorf("of 1.00 at nine and 0.10 at eleven today has %v", got)
	}
}
