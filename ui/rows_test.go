package ui_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/ui"
	"kioskd/ui/text"
)

// stage is a kiosk without devices, with a visitor at its screen. What is decided is
// written down, and the screen is read.
type stage struct {
	*machine
	p       *ui.Presenter
	written []string
	bay     kiosk.BayInputs
	id      string
}

// grace is a price whose idle time is free at first.
const grace = `{"id":"t","currency":"EUR","tax_included":"YES","elements":[{"price_components":[{"type":"ENERGY",
	"price":0.49,"vat":19}]},
	{"price_components":[{"type":"PARKING_TIME","price":6}],"restrictions":{"min_duration":600}}]}`

func newStage(t *testing.T) *stage {
	m, _ := newScreen(t)
	p := presenterWith(t, m, grace)
	m.rules.Location = time.UTC
	s := &stage{machine: m, p: p, id: "S1"}
	m.wrote = func(e session.Event) {
		if e.Kind != session.ReadingTaken {
			s.written = append(s.written, string(e.Kind))
		}
	}
	return s
}

func (s *stage) press(k ui.InputKind, value string) {
	s.t.Helper()
	if err := s.p.Input(context.Background(), ui.Input{Seq: look(s.p).Seq, Kind: k, Value: value}); err != nil {
		s.t.Fatalf("%s %s: %v", k, value, err)
	}
}

func (s *stage) see(o session.Observation) {
	s.t.Helper()
	if o.Session == "" {
		o.Session = s.id
	}
	s.must(o)
}

func (s *stage) after(d time.Duration) {
	s.now = s.now.Add(d)
	s.see(session.Observation{What: session.Ticked})
}

// clear forgets what was written so far.
func (s *stage) clear() { s.written = nil }

func eur(minor int64) kiosk.Money { return kiosk.Money{Minor: minor, Currency: "EUR"} }

// The steps of a visit; each does those before it.
func (s *stage) choose() { s.press(ui.Touch, ""); s.press(ui.Choose, "3") }
func (s *stage) accept() { s.choose(); s.press(ui.Accept, "") }

func (s *stage) approve(minor int64) {
	s.see(session.Observation{What: session.HoldApproved,
		Hold: &kiosk.Hold{ID: "231", Approved: eur(minor), Card: "card 1", TerminalID: "60099914"}})
	s.see(session.Observation{What: session.HoldEnded})
}

func (s *stage) hold() { s.accept(); s.approve(5000) }

func (s *stage) reading(wh int64) *kiosk.Reading {
	return &kiosk.Reading{At: s.now, Import: kiosk.Energy(wh), Power: 22000, Serial: "1"}
}

// look samples the bay; change may spoil what is seen.
func (s *stage) look(wh int64, change ...func(*session.Sample)) {
	s.t.Helper()
	sm := session.Sample{Inputs: s.bay, Reading: s.reading(wh), Good: s.reading(wh)}
	for _, f := range change {
		f(&sm)
	}
	s.live[3] = sm
	s.see(session.Observation{What: session.Sampled, Bay: 3, Sample: &sm})
}

// plug plugs a vehicle in, whose contactor closes.
func (s *stage) plug() {
	s.bay = kiosk.BayInputs{Plugged: true, Requesting: true}
	s.look(1000)
	s.see(session.Observation{What: session.BaselineRead, Reading: s.reading(1000)})
	s.bay.Closed = true
	s.see(session.Observation{What: session.ContactorMoved, Closed: true})
}

// comeBack leaves the screen to others and taps the bay's tile again.
func (s *stage) comeBack() { s.press(ui.Back, ""); s.press(ui.Choose, "3") }

// enter types digits of a stop code.
func (s *stage) enter(digits string) {
	s.t.Helper()
	for _, d := range digits {
		s.press(ui.Digit, string(d))
	}
}

func (s *stage) charge() {
	s.hold()
	s.plug()
	s.after(10 * time.Second)
	s.look(1060)
	s.after(10 * time.Second)
	s.look(1120)
}

// finish opens the contactor and reads the last register.
func (s *stage) finish(wh int64) {
	s.bay.Closed = false
	s.see(session.Observation{What: session.ContactorMoved})
	s.see(session.Observation{What: session.FinalRead, Reading: s.reading(wh)})
}

func (s *stage) stop() {
	s.charge()
	s.press(ui.Stop, "")
	s.press(ui.Confirm, "")
	s.finish(1120)
}

func (s *stage) booked(minor int64) {
	b := &kiosk.CaptureResult{ID: "232", Booked: eur(minor)}
	s.see(session.Observation{What: session.SettlementApproved, Result: b})
	s.see(session.Observation{What: session.SettlementEnded, Result: b})
}

func (s *stage) declined(c kiosk.DeclineClass, code string) {
	s.see(session.Observation{What: session.HoldEnded, Err: &kiosk.Declined{Class: c, Code: code}})
}

func (s *stage) list(ids ...kiosk.HoldID) {
	s.see(session.Observation{What: session.TerminalSaid, Session: "S9", Reference: "XYZ9999", Ready: true,
		Open: kiosk.OpenHolds{IDs: ids, Complete: true}})
}

// gone gives lists that agree that nothing is held.
func (s *stage) gone() {
	s.list()
	s.after(2 * time.Second)
	s.list()
}

// boot starts the daemon again, at the same screen.
func (s *stage) boot() {
	s.see(session.Observation{What: session.Booted})
	s.p = presenterWith(s.t, s.machine, grace)
}

func (s *stage) open(bay string) { s.press(ui.Touch, ""); s.press(ui.Choose, bay) }

func lostMeter(sm *session.Sample) { sm.Reading, sm.MeterLost = nil, 16*time.Second }

var (
	errUnknown = fmt.Errorf("line: %w", kiosk.ErrOutcomeUnknown)
	errHost    = &kiosk.Declined{Class: kiosk.DeclineHost, Code: "9B"}
)

// rows are the rows of the machine's design: what is journaled, in which order, and the
// text that the driver reads. Rows that are changed say why.
var rows = []struct {
	row  int
	name string
	play func(*stage)
	want string // what is journaled from the last clear on, readings left out
	key  string
}{
	{1, "bay chosen", func(s *stage) { s.choose() }, "bay_lease", "price.title"},
	{2, "price accepted", func(s *stage) { s.choose(); s.clear(); s.press(ui.Accept, "") }, "offer hold_intent",
		"tap.title"},
	{3, "no card: they may try again for 20 s", func(s *stage) {
		s.accept()
		s.clear()
		s.declined(kiosk.DeclineNoCard, "6C")
	}, "hold_declined", "declined.no_card"},
	{3, "still no driver: the bay is free", func(s *stage) {
		s.accept()
		s.declined(kiosk.DeclineNoCard, "6C")
		look(s.p)
		s.clear()
		s.after(40 * time.Second)
	}, "closed", "bays.title"},
	{4, "not read: asked again by itself, with the same offer and reference",
		func(s *stage) { s.accept(); s.clear(); s.declined(kiosk.DeclineUnreadable, "64") },
		"hold_declined hold_intent", "tap.title"},
	{4, "not read while the terminal waits on", func(s *stage) { s.accept(); s.progress = kiosk.ProgressTryAgain },
		"bay_lease offer hold_intent", "tap.try_again"},
	{4, "not read three times", func(s *stage) {
		s.accept()
		for range 2 {
			s.declined(kiosk.DeclineUnreadable, "64")
		}
		s.clear()
		s.declined(kiosk.DeclineUnreadable, "64")
	}, "hold_declined closed", "declined.unreadable"},
	{5, "card presented", func(s *stage) { s.accept(); s.progress = kiosk.ProgressWait }, "bay_lease offer hold_intent",
		"wait.wait"},
	{6, "approved", func(s *stage) { s.accept(); s.clear(); s.approve(5000) }, "hold_ok hold_confirmed",
		"plug_in.title"},
	{7, "approved for less", func(s *stage) { s.accept(); s.clear(); s.approve(2000) }, "hold_ok hold_confirmed",
		"plug_in.partial"},
	{7, "approved for too little", func(s *stage) { s.rules.Minimum = eur(500); s.accept(); s.clear(); s.approve(300) },
		"hold_ok hold_confirmed ended release_intent", "reason.too_little"},
	{8, "declined by the issuer", func(s *stage) { s.accept(); s.clear(); s.declined(kiosk.DeclineIssuer, "05") },
		"hold_declined", "declined.issuer"},
	{8, "another card", func(s *stage) {
		s.accept()
		s.declined(kiosk.DeclineIssuer, "05")
		s.clear()
		s.press(ui.Again, "")
	}, "hold_intent", "tap.title"},
	{9, "needs a PIN", func(s *stage) { s.accept(); s.clear(); s.declined(kiosk.DeclinePIN, "33") }, "hold_declined",
		"declined.pin"},
	{9, "their telephone in its place", func(s *stage) {
		s.accept()
		s.declined(kiosk.DeclinePIN, "33")
		s.clear()
		s.press(ui.Again, "")
		s.approve(5000)
	}, "hold_intent hold_ok hold_confirmed", "plug_in.title"},
	{10, "not accepted here", func(s *stage) { s.accept(); s.clear(); s.declined(kiosk.DeclineCard, "67") },
		"hold_declined", "declined.card"},
	{11, "outcome unknown", func(s *stage) {
		s.accept()
		s.clear()
		s.see(session.Observation{What: session.HoldEnded, Err: errUnknown})
	}, "hold_unknown", "wait.unknown"},
	{11, "nothing was held", func(s *stage) {
		s.accept()
		s.see(session.Observation{What: session.HoldEnded, Err: errUnknown})
		s.clear()
		s.gone()
	}, "hold_missing hold_gone closed", "declined.nothing_held"},
	{11, "something was held", func(s *stage) {
		s.accept()
		s.see(session.Observation{What: session.HoldEnded, Err: errUnknown})
		s.clear()
		s.list("231")
	}, "hold_found release_intent", "reason.orphan"},
	{11, "not known for a minute: others need the bay", func(s *stage) {
		s.accept()
		s.see(session.Observation{What: session.HoldEnded, Err: errUnknown})
		s.clear()
		s.after(61 * time.Second)
	}, "ended fault_raised", "reason.unknown"},
	{12, "terminal busy with another bay", func(s *stage) { s.accept(); look(s.p); s.after(2 * time.Second) },
		"bay_lease offer hold_intent", "wait.busy"},
	{13, "no plug", func(s *stage) { s.hold(); s.clear(); s.after(3 * time.Minute) }, "ended release_intent",
		"reason.no_plug"},
	{14, "cancelled before energy", func(s *stage) {
		s.hold()
		s.clear()
		s.press(ui.Stop, "")
		s.press(ui.Confirm, "")
	},
		"ended release_intent", "reason.cancelled"},
	{15, "plugged and started", func(s *stage) {
		s.hold()
		s.clear()
		s.bay = kiosk.BayInputs{Plugged: true, Requesting: true}
		s.look(1000)
		s.see(session.Observation{What: session.BaselineRead, Reading: s.reading(1000)})
	}, "plugged meter_start contactor_close", "plug_in.starting"},
	{16, "no energy", func(s *stage) {
		s.hold()
		s.plug()
		s.clear()
		s.after(5 * time.Minute)
		s.look(1000)
		s.finish(1000)
	}, "stop_intent contactor_opened meter_end bill release_intent", "reason.no_energy"},
	{17, "the vehicle pauses: free at first", func(s *stage) {
		s.charge()
		s.clear()
		s.bay.Requesting = false
		s.look(1120)
	}, "paused", "charging.paused_free"},
	{20, "stopped before the hold is used up", func(s *stage) {
		s.charge()
		s.clear()
		s.after(10 * time.Hour)
		s.look(1000 + 102030)
		s.finish(1000 + 102030)
	}, "stop_intent contactor_opened meter_end bill capture_intent", "reason.limit"},
	{21, "their own limit", func(s *stage) {
		s.choose()
		s.press(ui.SetLimit, "4") // 10 kWh
		s.press(ui.Accept, "")
		s.approve(5000)
		s.plug()
		s.clear()
		s.after(30 * time.Minute)
		s.look(11000)
		s.finish(11000)
	}, "stop_intent contactor_opened meter_end bill capture_intent", "reason.own_limit"},
	{22, "stopped in their visit", func(s *stage) {
		s.charge()
		s.clear()
		s.press(ui.Stop, "")
		s.press(ui.Confirm, "")
		s.finish(1120)
	}, "stop_intent contactor_opened meter_end bill capture_intent", "reason.stopped"},
	{22, "stopped by their code", func(s *stage) {
		s.charge()
		s.comeBack()
		s.clear()
		s.enter("4711")
		s.press(ui.Stop, "")
		s.press(ui.Confirm, "")
	}, "proof_right stop_intent", "wait.stopping"},
	{22, "stopped by their card", func(s *stage) {
		s.charge()
		s.comeBack()
		s.clear()
		s.press(ui.ShowCard, "")
		s.see(session.Observation{What: session.CardRead, Card: "card 1"})
		s.press(ui.Stop, "")
		s.press(ui.Confirm, "")
	}, "proof_wanted proof_right stop_intent", "wait.stopping"},
	{23, "another card", func(s *stage) {
		s.charge()
		s.comeBack()
		s.clear()
		s.press(ui.ShowCard, "")
		s.see(session.Observation{What: session.CardRead, Card: "card 2"})
	}, "proof_wanted proof_wrong", "owner.refused"},
	{24, "unplugged, and read at the tile later", func(s *stage) {
		s.charge()
		s.press(ui.Back, "")
		s.clear()
		s.bay.Plugged = false
		s.look(1120)
		s.finish(1120)
		s.press(ui.Choose, "3")
	}, "stop_intent contactor_opened meter_end bill capture_intent", "reason.unplugged"},
	{25, "emergency stop", func(s *stage) {
		s.charge()
		s.clear()
		s.bay.Emergency = true
		s.look(1120)
		s.finish(1120)
	}, "stop_intent contactor_opened meter_end bill capture_intent", "reason.emergency"},
	{26, "contactor welded: frozen at what was journaled", func(s *stage) {
		s.charge()
		s.clear()
		s.press(ui.Stop, "")
		s.press(ui.Confirm, "")
		s.see(session.Observation{What: session.ContactorMoved, Err: errors.New("contactor does not follow")})
		s.after(15 * time.Second)
		s.see(session.Observation{What: session.FinalRead, Reading: s.reading(1210)})
		if b := s.state.Sessions["S1"].Bill; b.Energy != 120 {
			s.t.Errorf("billed %v", b.Energy)
		}
	}, "stop_intent contactor_opened meter_end bill capture_intent", "reason.stopped"},
	{27, "meter lost", func(s *stage) {
		s.charge()
		s.clear()
		s.after(16 * time.Second)
		s.look(0, lostMeter)
		s.finish(1120)
	}, "stop_intent contactor_opened meter_end bill capture_intent", "reason.meter"},
	{27, "its register is readable later, and not plausible", func(s *stage) {
		s.charge()
		s.after(16 * time.Second)
		s.look(0, lostMeter)
		s.clear()
		s.finish(90000)
		if b := s.state.Sessions["S1"].Bill; b.Energy != 120 {
			s.t.Errorf("billed %v", b.Energy)
		}
	}, "contactor_opened alert meter_end bill capture_intent", "reason.meter"}, // the host reads why they are not paid
	{28, "meter jumped", func(s *stage) {
		s.charge()
		s.clear()
		s.look(0, func(sm *session.Sample) { sm.Reading, sm.MeterFault = nil, "MT003" })
		s.finish(1120)
	}, "stop_intent contactor_opened meter_end bill capture_intent", "reason.meter"},
	{29, "power lost, and the vehicle is gone", func(s *stage) {
		s.charge()
		s.clear()
		s.now = s.now.Add(3 * time.Minute)
		s.boot()
		s.bay = kiosk.BayInputs{}
		s.look(1120)
		s.finish(1120)
		look(s.p)
		if g := s.state.Sessions["S1"].Bill.Gaps; len(g) != 1 || g[0].To.Sub(g[0].From) != 3*time.Minute {
			s.t.Errorf("interruptions are %v", g)
		}
	}, "resumed stop_intent contactor_opened meter_end bill capture_intent", "reason.interrupted"},
	{30, "the daemon is started again, power stays", func(s *stage) {
		s.charge()
		s.clear()
		s.boot()
		s.open("3")
		s.look(1130)
	}, "resumed adopted", "owner.code"},
	{31, "the bill is frozen before the capture", func(s *stage) {
		s.charge()
		s.press(ui.Stop, "")
		s.press(ui.Confirm, "")
		s.clear()
		s.finish(1120)
	}, "contactor_opened meter_end bill capture_intent", "reason.stopped"},
	{32, "captured", func(s *stage) { s.stop(); s.clear(); s.booked(6) },
		"capture_ok capture_confirmed receipt_final closed", "reason.stopped"},
	{33, "host down at the capture", func(s *stage) {
		s.stop()
		s.clear()
		s.see(session.Observation{What: session.SettlementEnded, Err: errHost})
	}, "capture_waiting", "reason.stopped"},
	{34, "capture unknown: looked up", func(s *stage) {
		s.stop()
		s.clear()
		s.see(session.Observation{What: session.SettlementEnded, Err: errUnknown})
		s.list("231")
	}, "capture_unknown capture_intent", "reason.stopped"},
	{35, "the terminal says that the hold is gone, and lists it", func(s *stage) {
		s.stop()
		s.clear()
		s.see(session.Observation{What: session.SettlementEnded,
			Err: &kiosk.Declined{Class: kiosk.DeclineNoHold, Code: "B4"}})
		s.list("231")
	}, "capture_unknown capture_waiting", "reason.stopped"},
	{36, "release failed", func(s *stage) {
		s.hold()
		s.press(ui.Stop, "")
		s.press(ui.Confirm, "")
		s.clear()
		s.see(session.Observation{What: session.SettlementEnded, Err: errHost})
	}, "release_waiting", "reason.cancelled"},
	{37, "nothing to pay", func(s *stage) {
		s.charge()
		s.state.Sessions["S1"] = func() session.Session {
			x := s.state.Sessions["S1"]
			x.Last, x.Periods = x.Start, nil
			return x
		}()
		s.press(ui.Stop, "")
		s.press(ui.Confirm, "")
		s.clear()
		s.finish(1000)
	}, "contactor_opened meter_end bill release_intent", "reason.stopped"},
	{40, "stopped by the operator", func(s *stage) {
		s.charge()
		s.clear()
		s.see(session.Observation{What: session.StopPressed, By: "ops"})
		s.finish(1120)
	}, "stop_intent contactor_opened meter_end bill capture_intent", "reason.remote"},
	{41, "idle fee runs", func(s *stage) {
		s.charge()
		s.bay.Requesting = false
		s.look(1120)
		s.clear()
		s.after(11 * time.Minute)
		s.look(1120)
	}, "", "charging.paused_fee"},
	{43, "the clock is not to be trusted", func(s *stage) {
		s.clear()
		s.see(session.Observation{What: session.ClockSeen, Untrusted: true})
	}, "clock_judged fault_raised", "attract.start"},
	{45, "end-of-day", func(s *stage) {
		s.clear()
		s.see(session.Observation{What: session.DayEndAsked})
		s.see(session.Observation{What: session.DayEndDone, Total: &kiosk.Money{Currency: "EUR"}})
	}, "day_end_intent day_ended", "attract.start"},
	{45, "end-of-day is never asked for with an open hold", func(s *stage) {
		s.hold()
		s.clear()
		if err := s.Do(context.Background(), session.Observation{What: session.DayEndAsked}); err == nil {
			s.t.Error("it was asked for")
		}
	}, "", "plug_in.title"},
	{45, "the terminal wants its end-of-day first", func(s *stage) {
		s.accept()
		s.clear()
		s.declined(kiosk.DeclineDayEnd, "F0")
		s.after(time.Second)
	}, "hold_declined closed day_end_due day_end_intent", "declined.day_end"},
	{46, "another terminal", func(s *stage) {
		s.rules.TerminalID = "60099914"
		s.clear()
		s.see(session.Observation{What: session.TerminalSaid,
			Open: kiosk.OpenHolds{Complete: true, TerminalID: "11111111", IDs: []kiosk.HoldID{"7"}}})
	}, "fault_raised", "fault.PT002.driver"},
	{46, "another terminal, with an open hold of the old one", func(s *stage) {
		s.charge()
		s.clear()
		s.see(session.Observation{What: session.TerminalSaid,
			Open: kiosk.OpenHolds{Complete: true, TerminalID: "11111111"}})
	}, "fault_raised", "charging.title"},
	{46, "the technician confirmed it: the old one's hold is for a person", func(s *stage) {
		s.stop()
		s.see(session.Observation{What: session.SettlementEnded, Err: errUnknown})
		s.rules.TerminalID = "11111111"
		s.clear()
		s.see(session.Observation{What: session.TerminalSaid,
			Open: kiosk.OpenHolds{Complete: true, TerminalID: "11111111"}})
	}, "unproven receipt_final closed", "reason.stopped"},
	{47, "the journal cannot be written", func(s *stage) { s.halt = true }, "", "fault.DB001.driver"},
	{48, "drained for an update", func(s *stage) {
		s.clear()
		s.see(session.Observation{What: session.DrainAsked, Raised: true})
	}, "drain_begun", "closed.drain"},
}

// elsewhere are the rows that are not of this machine alone.
var elsewhere = map[int]string{
	19: "changed: no ZVT terminal that is known can raise a hold; the limit is on the screen all the time, and row " +
		"20 stops before it",
	18: "changed: no load management is built, so nothing but the vehicle and the station's own limits lower the " +
		"power; idle time counts only while the vehicle asks for nothing",
	38: "a back office may reject what it likes: nothing here waits for one; the outbox has the record",
	39: "as 38: no decision asks a back office",
	42: "TestTheFrozenTariffIsBilled",
	44: "kioskd/tariff: days of 23 and 25 hours",
}

// TestRows plays every row of the machine's design.
func TestRows(t *testing.T) {
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, c := range rows {
		seen[c.row] = true
		t.Run(fmt.Sprintf("%02d %s", c.row, c.name), func(t *testing.T) {
			s := newStage(t)
			c.play(s)
			if got := strings.Join(s.written, " "); got != c.want {
				t.Errorf("journal has %q, want %q", got, c.want)
			}
			v := look(s.p)
			if v.Key() != c.key {
				t.Errorf("the driver reads %s, want %s (%+v)", v.Key(), c.key, v)
			}
			for _, lang := range texts.Languages() {
				if !texts.Printer(lang).Has(c.key) {
					t.Errorf("%s has no text %s", lang, c.key)
				}
			}
		})
	}
	for row := 1; row <= 48; row++ {
		if !seen[row] && elsewhere[row] == "" {
			t.Errorf("row %d has no scenario", row)
		}
	}
}

// TestTheFrozenTariffIsBilled is row 42: a price that changes meanwhile is for others.
func TestTheFrozenTariffIsBilled(t *testing.T) {
	s := newStage(t)
	s.charge()
	dearer := strings.ReplaceAll(grace, "0.49", "4.90")
	s.p = presenterWith(t, s.machine, dearer) // a daemon with a new price
	s.see(session.Observation{What: session.Booted})
	s.look(1130)
	s.see(session.Observation{What: session.StopPressed})
	s.finish(3120)
	if got := s.state.Sessions["S1"].Bill.Total.Minor; got >= 200 {
		t.Errorf("billed %d", got)
	}
	sees := func(price string) bool {
		return slices.ContainsFunc(look(s.p).Prices, func(p ui.PriceView) bool { return p.Amount == price })
	}
	if !sees("0.49") || sees("4.90") {
		t.Errorf("they see %+v", look(s.p).Prices)
	}
	if err := s.p.Input(t.Context(), ui.Input{Seq: look(s.p).Seq, Kind: ui.Back}); err != nil {
		t.Fatal(err)
	}
	if !sees("4.90") {
		t.Errorf("the next visitor sees %+v", look(s.p).Prices)
	}
}

// TestAStrangerStopsNothing: neither by the screen nor by trying codes.
func TestAStrangerStopsNothing(t *testing.T) {
	s := newStage(t)
	s.charge()
	s.comeBack()
	v := look(s.p)
	if v.Screen != ui.Owner || v.StopCode != "" || v.Cost.Minor != 0 || v.Energy != 0 {
		t.Fatalf("a stranger sees %+v", v)
	}
	for _, k := range []ui.InputKind{ui.Stop, ui.Confirm} {
		s.p.Input(context.Background(), ui.Input{Seq: v.Seq, Kind: k}) // refused, or of no effect
	}
	for i := range 5 {
		s.enter(strconv.Itoa(1000 + i))
	}
	if key := look(s.p).Key(); key != "owner.locked" {
		t.Errorf("after five wrong codes: %s", key)
	}
	s.enter("471")
	if err := s.p.Input(context.Background(), ui.Input{Seq: look(s.p).Seq, Kind: ui.Digit, Value: "1"}); err == nil {
		t.Error("the right code was taken after five wrong ones")
	}
	if x := s.state.Sessions["S1"]; x.Power != session.Charging {
		t.Errorf("power is %s", x.Power)
	}
}

// TestTheNextVisitorIsNotTheOwner, although the owner showed their code a moment ago.
func TestTheNextVisitorIsNotTheOwner(t *testing.T) {
	s := newStage(t)
	s.charge()
	s.comeBack()
	s.enter("4711")
	if v := look(s.p); v.Screen != ui.Charging {
		t.Fatalf("the owner sees %s", v.Screen)
	}
	s.press(ui.Back, "")
	s.after(5 * time.Second)
	s.press(ui.Choose, "3")
	if v := look(s.p); v.Screen != ui.Owner || v.StopCode != "" {
		t.Errorf("the next driver sees %s and the code %q", v.Screen, v.StopCode)
	}
}

// TestADrainKeepsNobodyFromHerSession.
func TestADrainKeepsNobodyFromHerSession(t *testing.T) {
	s := newStage(t)
	s.charge()
	s.press(ui.Back, "")
	s.see(session.Observation{What: session.DrainAsked, Raised: true})
	s.press(ui.Choose, "3")
	if v := look(s.p); v.Screen != ui.Owner {
		t.Errorf("while the kiosk is drained they see %s", v.Screen)
	}
}

// TestAScreenThatIsFasterThanTheJournal waits for it, and finds the visitor who stands there.
func TestAScreenThatIsFasterThanTheJournal(t *testing.T) {
	s := newStage(t)
	s.hold()
	known := s.state
	s.state, s.start = session.State{}, true
	s.p = presenterWith(t, s.machine, grace)
	if v := look(s.p); v.Screen != ui.OutOfOrder {
		t.Errorf("before the journal is read the screen is %s", v.Screen)
	}
	if err := s.p.Input(context.Background(), ui.Input{Kind: ui.Touch}); err == nil {
		t.Error("a touch was taken before the journal was read")
	}
	s.state, s.start = known, false
	if v := look(s.p); v.Screen != ui.PlugIn {
		t.Errorf("afterwards the screen is %s", v.Screen)
	}
}

// TestACableAtAnotherBayIsOffered to the driver who paid, with one touch; not a vehicle that stood there before, not
// where two came, and not to a stranger.
func TestACableAtAnotherBayIsOffered(t *testing.T) {
	elsewhere := func(plug func(s *stage, at func(bay int)), own bool) (*stage, ui.View) {
		s := newStage(t)
		s.p = presenterAt(t, s.machine, grace, 3, 4, 5)
		for _, n := range []int{4, 5} {
			s.rules.Bays[n] = session.BayRules{MaxPower: 22000}
		}
		plug(s, func(bay int) { s.live[bay] = session.Sample{Inputs: kiosk.BayInputs{Plugged: true}}; look(s.p) })
		if !own {
			s.comeBack()
		}
		return s, look(s.p)
	}
	paid := func(s *stage, at func(int)) { s.after(time.Second); s.hold(); s.after(time.Second); at(4) }
	s, v := elsewhere(paid, true)
	if v.Screen != ui.PlugIn || v.Elsewhere != 4 {
		t.Fatalf("on %s bay %d is offered", v.Screen, v.Elsewhere)
	}
	s.clear()
	s.press(ui.Move, "4")
	if x := s.state.Sessions["S1"]; x.Bay != 4 || !slices.Equal(s.written, []string{"bay_moved"}) {
		t.Errorf("they are at bay %d, written is %v", x.Bay, s.written)
	}
	if v := look(s.p); v.Screen != ui.PlugIn || v.Bay != 4 || v.Elsewhere != 0 {
		t.Errorf("then the screen is %s of bay %d, and offers %d", v.Screen, v.Bay, v.Elsewhere)
	}
	for name, c := range map[string]struct {
		plug func(*stage, func(int))
		own  bool
	}{
		"it stood there before": {func(s *stage, at func(int)) { at(4); s.after(time.Second); s.hold() }, true},
		"two came":              {func(s *stage, at func(int)) { paid(s, at); at(5) }, true},
		"it is at their own":    {func(s *stage, at func(int)) { s.hold(); at(3) }, true},
		"a stranger looks":      {paid, false},
	} {
		s, v := elsewhere(c.plug, c.own)
		err := s.p.Input(t.Context(), ui.Input{Seq: v.Seq, Kind: ui.Move, Value: "4"})
		if v.Elsewhere != 0 || err == nil || s.state.Sessions["S1"].Bay != 3 {
			t.Errorf("where %s, bay %d is offered: %v", name, v.Elsewhere, err)
		}
	}
}
