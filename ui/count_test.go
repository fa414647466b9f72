package ui_test

import (
	"slices"
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/tariff"
	"kioskd/ui"
)

// counting is a presenter whose counts are kept in order.
func counting(t *testing.T) (m *machine, p *ui.Presenter, counts *[]string) {
	t.Helper()
	m, _ = newScreen(t)
	tf, err := tariff.Parse([]byte(price))
	if err != nil {
		t.Fatal(err)
	}
	counts = new([]string)
	p = ui.NewPresenter(ui.Site{Name: "Site", Languages: []string{"en", "de"}, Bays: []int{3},
		Prices: ui.Always(tf, "sum"), Hold: kiosk.Money{Minor: 5000, Currency: "EUR"}, Timezone: "Europe/Berlin",
		Rules: m.rules, Times: ui.DefaultTimes(),
		CardWait: 45 * time.Second, Count: func(what string) { *counts = append(*counts, what) }}, m)
	return m, p, counts
}

// TestWhatIsCounted of a visitor who reads, one who leaves by a touch, one whose time is over, and one who finds no
// bay.
func TestWhatIsCounted(t *testing.T) {
	m, p, counts := counting(t)
	expect := func(what string, want ...string) {
		t.Helper()
		got := slices.DeleteFunc(slices.Clone(*counts), func(s string) bool { return s == kiosk.CountTouch })
		if !slices.Equal(got, want) {
			t.Errorf("%s is counted as %q, want %q", what, got, want)
		}
		*counts = nil
	}
	touch(t, p, ui.Touch, "", ui.Bays)
	touch(t, p, ui.Language, "de", ui.Bays)
	touch(t, p, ui.SetLarge, "on", ui.Bays)
	touch(t, p, ui.SetLarge, "on", ui.Bays) // once more is no other visitor
	touch(t, p, ui.Choose, "3", ui.Price)
	touch(t, p, ui.Back, "", ui.Bays)
	expect("a visitor who leaves the price", "visit", "language:de", "large_text", "bay_chosen", "left:price")
	touch(t, p, ui.Back, "", ui.Attract)
	expect("a visitor who leaves the bays", "left:bays")

	touch(t, p, ui.Touch, "", ui.Bays)
	for range 10 {
		m.now = m.now.Add(ui.DefaultTimes().Idle)
		m.must(session.Observation{What: session.Ticked})
		p.Tick()
	}
	if v := look(p); v.Screen != ui.Attract {
		t.Fatalf("the screen is %s", v.Screen)
	}
	expect("a visitor whose time is over", "visit", "left:bays")

	touch(t, p, ui.Choose, "3", ui.Price)
	touch(t, p, ui.Accept, "", ui.Tap)
	m.must(session.Observation{What: session.HoldApproved, Session: "S2",
		Hold: &kiosk.Hold{ID: "231", Approved: kiosk.Money{Minor: 5000, Currency: "EUR"}}})
	m.must(session.Observation{What: session.HoldEnded, Session: "S2"})
	for look(p).Screen != ui.Attract {
		m.now = m.now.Add(30 * time.Second)
		p.Tick()
	}
	expect("a visitor who paid, and left for the vehicle", "visit", "bay_chosen")
	touch(t, p, ui.Touch, "", ui.Bays)
	expect("a visitor who finds no bay", "visit", "turned_away")
}
