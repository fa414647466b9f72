package session_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
)

var update = flag.Bool("update", false, "write the golden files")

const price = `{"id":"t","currency":"EUR","tax_included":"YES","elements":[{"price_components":[{"type":"ENERGY",
	"price":0.49,"vat":19}]}]}`

var t0 = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// play runs observations through Decide and Step as the controller does, and keeps
// what is written down.
type play struct {
	t       *testing.T
	rules   session.Rules
	state   session.State
	now     time.Time
	journal []session.Event
	cmds    []session.Command
	past    []session.Event // all that was ever written
	doubt   bool            // the clock is not to be trusted
}

func newPlay(t *testing.T) *play {
	r := session.DefaultRules()
	r.Code = func(string) string { return "4711" }
	r.Currency = "EUR"
	r.Bays[3] = session.BayRules{MaxPower: 22000}
	return &play{t: t, rules: r, now: t0}
}

func (p *play) see(o session.Observation) error {
	p.t.Helper()
	o.At = p.now
	if o.Session == "" {
		o.Session = "S1"
	}
	o.Untrusted = o.Untrusted || p.doubt
	turn, err := p.rules.Turn(p.state, o, nil)
	if err != nil {
		return err
	}
	p.state, p.cmds = turn.State, append(p.cmds, turn.Commands...)
	p.journal, p.past = append(p.journal, turn.Events...), append(p.past, turn.Events...)
	return nil
}

func (p *play) must(o session.Observation) {
	p.t.Helper()
	if err := p.see(o); err != nil {
		p.t.Fatal(err)
	}
}

// order is what was written down since the last call, readings left out.
func (p *play) order() string {
	var out []string
	for _, e := range p.journal {
		if e.Kind != session.ReadingTaken {
			out = append(out, string(e.Kind))
		}
	}
	p.journal = nil
	return strings.Join(out, " ")
}

func (p *play) commands() string {
	var out []string
	for _, c := range p.cmds {
		out = append(out, string(c.Do))
	}
	p.cmds = nil
	return strings.Join(out, " ")
}

func (p *play) want(order, commands string) {
	p.t.Helper()
	if got := p.order(); got != order {
		p.t.Errorf("journal has\n%s\nwant\n%s", got, order)
	}
	if got := p.commands(); got != commands {
		p.t.Errorf("commands are %q, want %q", got, commands)
	}
}

func (p *play) x() session.Session { return p.state.Sessions["S1"] }

func offer(hold int64) *session.Offer {
	return &session.Offer{Tariff: []byte(price), Hold: kiosk.Money{Minor: hold, Currency: "EUR"}, Language: "en",
		Timezone: "Europe/Berlin"}
}

func held(minor int64) *kiosk.Hold {
	return &kiosk.Hold{ID: "231", Approved: kiosk.Money{Minor: minor, Currency: "EUR"}, Last4: "8074"}
}

func (p *play) reading(wh int64) *kiosk.Reading {
	return &kiosk.Reading{At: p.now, Import: kiosk.Energy(wh), Power: 22000, Serial: "1"}
}

// sample looks at the bay: a vehicle that asks for energy, a closed contactor.
func (p *play) sample(wh int64, change ...func(*session.Sample)) {
	p.t.Helper()
	sm := &session.Sample{Inputs: kiosk.BayInputs{Plugged: true, Requesting: true, Closed: true},
		Reading: p.reading(wh),
		Good:    p.reading(wh)}
	for _, f := range change {
		f(sm)
	}
	p.must(session.Observation{What: session.Sampled, Bay: 3, Sample: sm})
}

func unplugged(s *session.Sample)  { s.Inputs.Plugged, s.Inputs.Requesting = false, false }
func idle(s *session.Sample)       { s.Inputs.Requesting = false }
func opened(s *session.Sample)     { s.Inputs.Closed = false }
func meterGone(s *session.Sample)  { s.Reading, s.MeterLost = nil, 16*time.Second }
func meterWrong(s *session.Sample) { s.Reading, s.MeterFault = nil, "MT002" }

// Stages of the good way; each goes on from the one before.
func (p *play) choose() *play {
	p.must(session.Observation{What: session.Chosen, Bay: 3, Reference: "ABC1234"})
	return p
}

func (p *play) accept() *play {
	p.must(session.Observation{What: session.Accepted, Offer: offer(5000)})
	return p
}

func (p *play) approve() *play {
	p.must(session.Observation{What: session.HoldApproved, Hold: held(5000)})
	p.must(session.Observation{What: session.HoldEnded})
	return p
}

func (p *play) charge() *play {
	p.sample(1000)
	p.must(session.Observation{What: session.BaselineRead, Reading: p.reading(1000)})
	p.must(session.Observation{What: session.ContactorMoved, Closed: true})
	return p
}

func (p *play) finish(wh int64) *play {
	p.must(session.Observation{What: session.ContactorMoved})
	p.must(session.Observation{What: session.FinalRead, Reading: p.reading(wh)})
	return p
}

func (p *play) capture(minor int64) *play {
	b := &kiosk.CaptureResult{ID: "232", Booked: kiosk.Money{Minor: minor, Currency: "EUR"}}
	p.must(session.Observation{What: session.SettlementApproved, Result: b})
	p.must(session.Observation{What: session.SettlementEnded, Result: b})
	return p
}

func (p *play) after(d time.Duration) *play { p.now = p.now.Add(d); return p }

// clear forgets what was written down so far.
func (p *play) clear() *play { p.journal, p.cmds = nil, nil; return p }

func TestTheGoodWay(t *testing.T) {
	p := newPlay(t).choose()
	p.want("bay_lease", "")
	p.accept().want("offer hold_intent", "ask_hold")
	p.must(session.Observation{What: session.HoldApproved, Hold: held(5000)})
	p.want("hold_ok", "") // no power before the terminal has confirmed
	p.sample(1000)
	p.want("", "")
	p.must(session.Observation{What: session.HoldEnded})
	p.want("hold_confirmed", "look_at_bay")
	p.sample(1000)
	p.want("plugged", "read_baseline")
	p.must(session.Observation{What: session.BaselineRead, Reading: p.reading(1000)})
	p.want("meter_start contactor_close", "close_contactor")
	p.must(session.Observation{What: session.ContactorMoved, Closed: true})
	p.want("contactor_closed", "")
	for wh := int64(1000); wh < 19432; wh += 61 {
		p.after(10 * time.Second).sample(wh)
	}
	p.clear()
	p.must(session.Observation{What: session.StopPressed})
	p.want("stop_intent", "open_contactor")
	p.finish(19432)
	p.want("contactor_opened meter_end bill capture_intent", "read_final capture")
	if b := p.x().Bill; b.Energy != 18432 || b.Total.Minor != 903 || b.Net.Minor != 759 ||
		b.Lines[0].Amount.Minor != 903 {
		t.Errorf("bill is %+v", b)
	}
	p.capture(903).want("capture_ok capture_confirmed receipt_final closed", "")
	if _, taken := p.state.AtBay(3); taken {
		t.Error("the bay is not free")
	}
}

func declined(c kiosk.DeclineClass) error { return &kiosk.Declined{Class: c, Code: "05"} }

// TestEnds has every way a session ends other than the good one; the numbers are the
// rows of the table in the design of the machine.
func TestEnds(t *testing.T) {
	unknown := fmt.Errorf("line: %w", kiosk.ErrOutcomeUnknown)
	see := func(o session.Observation) func(*play) { return func(p *play) { p.must(o) } }
	list := func(ids ...kiosk.HoldID) func(*play) {
		return see(session.Observation{What: session.TerminalSaid, Session: "S9", Reference: "XYZ9999", Ready: true,
			Open: kiosk.OpenHolds{IDs: ids, Complete: true}})
	}
	gone := func(last *kiosk.CaptureResult) func(*play) { return func(p *play) { p.gone(last) } }
	const missing = "hold_missing hold_missing hold_missing hold_missing"
	started := func(p *play) { p.choose().accept().approve().charge() }
	billed := func(p *play) {
		started(p)
		p.after(time.Minute).sample(2000)
		p.must(session.Observation{What: session.StopPressed})
		p.finish(2000)
	}
	for _, c := range []struct {
		name            string
		given           func(*play)
		when            func(*play)
		order, commands string
		reason          session.Reason
	}{
		{"row 3: the visitor leaves", func(p *play) { p.choose().after(90 * time.Second) },
			see(session.Observation{What: session.Ticked}), "ended closed", "", session.ReasonTimeout},
		{"row 3: no card", func(p *play) { p.choose().accept() },
			see(session.Observation{What: session.HoldEnded, Err: declined(kiosk.DeclineNoCard)}), "hold_declined", "",
			""},
		{"row 8: declined", func(p *play) { p.choose().accept() },
			see(session.Observation{What: session.HoldEnded, Err: declined(kiosk.DeclineIssuer)}), "hold_declined", "",
			""},
		{"cancelled at the price", func(p *play) { p.choose() }, see(session.Observation{What: session.Cancelled}),
			"ended closed", "", session.ReasonCancelled},
		{"cancelled at the card", func(p *play) { p.choose().accept() },
			see(session.Observation{What: session.Cancelled}),
			"cancel_asked", "abort_hold", ""},
		{"cancelled too late", func(p *play) {
			p.choose().accept()
			p.must(session.Observation{What: session.Cancelled})
		},
			func(p *play) { p.approve() }, "hold_ok hold_confirmed ended release_intent", "look_at_bay release",
			session.ReasonCancelled},
		{"row 11: unknown before a result", func(p *play) { p.choose().accept() },
			see(session.Observation{What: session.HoldEnded, Err: unknown}), "hold_unknown", "ask_terminal", ""},
		{"row 11: nothing is held", func(p *play) {
			p.choose().accept()
			p.must(session.Observation{What: session.HoldEnded, Err: unknown})
		}, gone(nil), "hold_missing hold_gone closed", "", ""},
		{"row 11: one list is no proof", func(p *play) {
			p.choose().accept()
			p.must(session.Observation{What: session.HoldEnded, Err: unknown})
		}, list(), "hold_missing", "", ""},
		{"row 11: a hold was found", func(p *play) {
			p.choose().accept()
			p.must(session.Observation{What: session.HoldEnded, Err: unknown})
		}, list("231"), "hold_found release_intent", "release", session.ReasonOrphan},
		{"row 11: the completion was lost", func(p *play) {
			p.choose().accept()
			p.must(session.Observation{What: session.HoldApproved, Hold: held(5000)})
			p.must(session.Observation{What: session.HoldEnded, Err: unknown})
		}, list("231"), "hold_confirmed", "look_at_bay", ""},
		{"recorded, and reversed by the terminal", func(p *play) {
			p.choose().accept()
			p.must(session.Observation{What: session.HoldApproved, Hold: held(5000)})
			p.must(session.Observation{What: session.HoldEnded, Err: unknown})
		}, gone(nil), "hold_missing hold_gone closed", "", ""},
		{"row 13: no vehicle", func(p *play) { p.choose().accept().approve().after(3 * time.Minute) },
			see(session.Observation{What: session.Ticked}), "ended release_intent", "release", session.ReasonNoPlug},
		{"row 14: cancelled before energy", func(p *play) { p.choose().accept().approve() },
			see(session.Observation{What: session.Cancelled}), "ended release_intent", "release",
			session.ReasonCancelled},
		{"no register, no energy", func(p *play) { p.choose().accept().approve().sample(1000) },
			see(session.Observation{What: session.BaselineRead,
				Err: kiosk.ErrUnreachable}), "ended release_intent", "release", session.ReasonMeter},
		{"row 16: no energy", func(p *play) { started(p); p.after(5 * time.Minute) },
			func(p *play) { p.sample(1000); p.finish(1000) },
			"stop_intent contactor_opened meter_end bill release_intent", "open_contactor read_final release",
			session.ReasonNoEnergy},
		{"row 20: the hold is used up", started, func(p *play) { p.after(10 * time.Hour).sample(1000 + 102030) },
			"stop_intent", "open_contactor", session.ReasonLimit},
		{"row 24: unplugged", started, func(p *play) { p.after(time.Minute).sample(2000, unplugged) }, "stop_intent",
			"open_contactor", session.ReasonUnplugged},
		{"row 17: the vehicle pauses", started,
			func(p *play) {
				p.after(time.Minute).sample(2000,
					idle)
				p.after(time.Minute).sample(2000)
			}, "paused unpaused", "", ""},
		{"row 27: meter lost", started, func(p *play) { p.after(time.Minute).sample(2000, meterGone) }, "stop_intent",
			"open_contactor", session.ReasonMeter},
		{"row 28: meter not believed", started, func(p *play) { p.after(time.Minute).sample(2000, meterWrong) },
			"stop_intent", "open_contactor", session.ReasonMeter},
		{"the contactor opened by itself", started, func(p *play) { p.after(time.Minute).sample(2000, opened) },
			"stop_intent", "open_contactor", session.ReasonInterrupted},
		{"the contactor does not close", func(p *play) {
			p.choose().accept().approve().sample(1000)
			p.must(session.Observation{What: session.BaselineRead, Reading: p.reading(1000)})
		},
			see(session.Observation{What: session.ContactorMoved, Closed: true,
				Err: errors.New("no")}), "stop_intent", "open_contactor", session.ReasonContactor},
		{"row 33: host down at capture", billed,
			see(session.Observation{What: session.SettlementEnded,
				Err: declined(kiosk.DeclineHost)}), "capture_waiting", "", session.ReasonStopped},
		{"row 33: tried again, but looked first", func(p *play) {
			billed(p)
			p.must(session.Observation{What: session.SettlementEnded, Err: declined(kiosk.DeclineHost)})
			p.after(time.Minute)
		}, func(p *play) { p.must(session.Observation{What: session.Ticked}); list("231")(p) },
			"capture_unknown capture_intent", "ask_terminal capture", session.ReasonStopped},
		{"row 34: captured after all", func(p *play) {
			billed(p)
			p.must(session.Observation{What: session.SettlementEnded, Err: unknown})
		}, booked(49), "capture_confirmed receipt_final closed", "", session.ReasonStopped},
		{"row 34: the hold is gone, and its booking is not there",
			func(p *play) { billed(p); p.must(session.Observation{What: session.SettlementEnded, Err: unknown}) },
			gone(booking("240",
				5000)), missing + " capture_waiting", "", session.ReasonStopped},
		{"row 34: and it does not come back", func(p *play) {
			billed(p)
			p.must(session.Observation{What: session.SettlementEnded, Err: unknown})
			p.gone(nil)
			p.after(session.HoldLasts).must(session.Observation{What: session.Ticked})
		}, list(), "unproven receipt_final closed", "", session.ReasonStopped},
		{"row 34: it comes back", func(p *play) {
			billed(p)
			p.must(session.Observation{What: session.SettlementEnded, Err: unknown})
			p.gone(nil)
			p.after(time.Hour).must(session.Observation{What: session.Ticked})
		}, list("231"), "hold_listed capture_intent", "capture", session.ReasonStopped},
		{"row 35: the terminal no longer has the hold", func(p *play) {
			billed(p)
			p.must(session.Observation{What: session.SettlementEnded, Err: declined(kiosk.DeclineNoHold)})
		}, gone(booking("240", 49)), missing + " capture_intent", "capture", session.ReasonStopped},
		{"row 35: the terminal does not have it, and lists it", func(p *play) {
			billed(p)
			p.must(session.Observation{What: session.SettlementEnded, Err: declined(kiosk.DeclineNoHold)})
		}, list("231"), "capture_waiting", "", session.ReasonStopped},
		{"row 35: the last try", func(p *play) {
			billed(p)
			for range 38 { // five times a minute, three rungs, an hour 24 times, a day 6 times
				p.must(session.Observation{What: session.SettlementEnded, Err: declined(kiosk.DeclineHost)})
				p.after(25 * time.Hour).must(session.Observation{What: session.Ticked})
				list("231")(p)
			}
		}, see(session.Observation{What: session.SettlementEnded,
			Err: declined(kiosk.DeclineHost)}), "settlement_refused receipt_final closed", "", session.ReasonStopped},
		{"row 32: more was booked than is due", billed, func(p *play) {
			if err := p.see(session.Observation{What: session.SettlementApproved,
				Result: &kiosk.CaptureResult{ID: "232", Booked: kiosk.Money{Minor: 50, Currency: "EUR"}}}); err == nil {
				p.t.Error("it was acknowledged")
			}
		}, "", "", session.ReasonStopped},
		{"the hold vanished while charging", started, gone(nil), missing + " stop_intent", "open_contactor",
			session.ReasonHoldGone},
		{"a list that is empty once ends nothing", started,
			func(p *play) { list()(p); p.after(time.Minute); list("231")(p); p.after(time.Hour); list()(p) },
			"hold_missing hold_listed hold_missing", "", ""},
		{"lists of a terminal that is not ready end nothing", started, func(p *play) {
			for range 9 {
				p.must(session.Observation{What: session.TerminalSaid, Open: kiosk.OpenHolds{Complete: true},
					Session: "S9"})
				p.after(time.Second)
			}
		}, "hold_missing", "", ""},
		{"the hold vanished before the vehicle", func(p *play) { p.choose().accept().approve() }, gone(nil),
			missing + " hold_vanished ended receipt_final closed", "", session.ReasonHoldGone},
		{"what was delivered without a hold is billed", func(p *play) { started(p); p.gone(nil) },
			func(p *play) { p.after(time.Second).finish(1100) }, "contactor_opened meter_end bill capture_intent",
			"read_final capture", session.ReasonHoldGone},
		{"what the bay cannot deliver is not billed, and the host is told", func(p *play) { started(p); p.gone(nil) },
			func(p *play) { p.after(time.Second).finish(6000) }, "contactor_opened alert meter_end bill release_intent",
			"read_final release", session.ReasonHoldGone},
		{"row 11: unknown for a minute, others need the bay", unclear,
			func(p *play) { p.after(61 * time.Second).must(session.Observation{What: session.Ticked}) },
			"ended fault_raised", "", session.ReasonUnknown},
		{"row 11: known after the visitor was sent away", func(p *play) {
			unclear(p)
			p.after(61 * time.Second).must(session.Observation{What: session.Ticked})
		}, list("77"), "hold_found release_intent", "release", session.ReasonOrphan},
		{"row 34: a terminal that names one hold only",
			func(p *play) { billed(p); p.must(session.Observation{What: session.SettlementEnded, Err: unknown}) },
			see(session.Observation{What: session.TerminalSaid, Open: kiosk.OpenHolds{IDs: []kiosk.HoldID{"230"}},
				Session:   "S9",
				Reference: "ORPHAN9"}), "capture_intent hold_found release_intent", "capture release",
			session.ReasonStopped},
		{"row 34: not captured", func(p *play) {
			billed(p)
			p.must(session.Observation{What: session.SettlementEnded, Err: unknown})
		}, list("231"), "capture_intent", "capture", session.ReasonStopped},
		{"row 36: release failed", func(p *play) {
			p.choose().accept().approve()
			p.must(session.Observation{What: session.Cancelled})
		},
			see(session.Observation{What: session.SettlementEnded,
				Err: kiosk.ErrUnreachable}), "release_waiting", "", session.ReasonCancelled},
		{"shutdown while charging", started, see(session.Observation{What: session.Shutdown}), "stop_intent",
			"open_contactor", session.ReasonShutdown},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlay(t)
			c.given(p)
			p.clear()
			c.when(p)
			p.want(c.order, c.commands)
			if got := p.x().Reason; got != c.reason {
				t.Errorf("reason is %q, want %q", got, c.reason)
			}
		})
	}
}

func TestNeverMoreThanConsented(t *testing.T) {
	p := newPlay(t).choose().accept()
	if err := p.see(session.Observation{What: session.HoldApproved, Hold: held(5001)}); err == nil {
		t.Error("a hold above the offer was recorded")
	}
	p.approve().charge().after(time.Minute)
	p.sample(2000, unplugged)
	p.after(10 * time.Hour).finish(1000 + 200000) // 98.00 by the register
	if b := p.x().Bill; b.Total.Minor != 5000 || b.Cost.Minor != 9800 || b.Limit != "hold" ||
		b.Net.Minor+b.Taxes[0].Amount.Minor != 5000 {
		t.Errorf("bill %+v", b)
	}
}

func TestPartialApprovalLowersTheLimit(t *testing.T) {
	p := newPlay(t).choose().accept()
	p.must(session.Observation{What: session.HoldApproved, Hold: held(2000)})
	p.must(session.Observation{What: session.HoldEnded})
	p.charge().clear()
	p.after(time.Hour).sample(1000 + 40000) // 19.60
	p.want("", "")
	p.after(time.Minute).sample(1000 + 40810) // 20.00, and more before a stop takes effect
	p.want("stop_intent", "open_contactor")
}

func TestUnprovenEnergyIsNotBilled(t *testing.T) {
	p := newPlay(t).choose().accept().approve().charge()
	p.after(10 * time.Second).sample(2000)
	p.after(10*time.Second).sample(0, meterGone)
	p.must(session.Observation{What: session.ContactorMoved})
	p.must(session.Observation{What: session.FinalRead, Err: kiosk.ErrUnreachable})
	if b := p.x().Bill; b.Energy != 1000 || b.Total.Minor != 49 {
		t.Errorf("bill %+v", b)
	}
}

// TestTimeThatNobodyMeasuredIsNotBilled: power fails while a vehicle charges, or idles,
// by a tariff of time. What the register counted until then is billed, the hours are not.
func TestTimeThatNobodyMeasuredIsNotBilled(t *testing.T) {
	p := newPlay(t).choose()
	o := offer(5000)
	o.Tariff = []byte(
		`{"id":"t","currency":"EUR","tax_included":"YES","elements":[{"price_components":[{"type":"ENERGY",
			"price":0.50},{"type":"TIME","price":3},{"type":"PARKING_TIME","price":6}]}]}`)
	p.must(session.Observation{What: session.Accepted, Offer: o})
	p.approve().charge()
	for range 6 { // one minute
		p.after(10 * time.Second).sample(1010)
	}
	p.after(5 * time.Hour).must(session.Observation{What: session.Booted})
	p.sample(1100, opened)
	p.finish(1100)
	if b := p.x().Bill; b.Energy != 10 || b.Total.Minor != 6 {
		t.Errorf("10 Wh and a minute cost %v: %+v", b.Total, b.Usage)
	}
}

// TestDoubtGoesToTheDriver: two last readings that agree count more than the one before
// that was higher; a register that was reset counts for nothing.
func TestDoubtGoesToTheDriver(t *testing.T) {
	for final, want := range map[int64]kiosk.Energy{1800: 800, 2080: 1080, 0: 1000, 90000: 1000} {
		p := newPlay(t).choose().accept().approve().charge()
		p.after(10 * time.Minute).sample(2000)
		p.after(time.Second).sample(2000, unplugged)
		p.finish(final)
		priced := kiosk.Energy(0)
		for _, u := range p.x().Bill.Usage.Periods {
			priced += u.Energy
		}
		if b := p.x().Bill; b.Energy != want || priced != want {
			t.Errorf("last register %d: billed %v, priced %v, want %v", final, b.Energy, priced, want)
		}
	}
}

// TestWhatWasShownIsBilled: the journal has a register every ten seconds only, the screen
// every second. Where the meter is gone for good, the driver pays what they saw last.
func TestWhatWasShownIsBilled(t *testing.T) {
	p := newPlay(t).choose().accept().approve().charge()
	p.after(10 * time.Second).sample(2000)
	shown := p.after(4 * time.Second).reading(2400)
	p.sample(2400) // not journaled yet
	p.after(16*time.Second).sample(0, meterGone, func(s *session.Sample) { s.Good = shown })
	p.must(session.Observation{What: session.ContactorMoved})
	p.must(session.Observation{What: session.FinalRead, Err: kiosk.ErrUnreachable})
	if b := p.x().Bill; b.Energy != 1400 || !b.End.Equal(shown.At) {
		t.Errorf("bill %+v", b)
	}
}

// booked is a terminal that has no open hold and booked an amount last.
func booked(minor int64) func(*play) {
	return func(p *play) {
		p.must(session.Observation{What: session.TerminalSaid, Open: kiosk.OpenHolds{Complete: true},
			Last: &kiosk.CaptureResult{ID: "240", Booked: kiosk.Money{Minor: minor, Currency: "EUR"}}, Session: "S9"})
	}
}

// unclear is a hold whose outcome is not known.
func unclear(p *play) {
	p.choose().accept()
	p.must(session.Observation{What: session.HoldEnded, Err: kiosk.ErrOutcomeUnknown})
}

func TestTakenBaysAndFaultsSellNothing(t *testing.T) {
	p := newPlay(t).choose()
	if err := p.see(session.Observation{What: session.Chosen, Session: "S2", Bay: 3}); err == nil {
		t.Error("a taken bay was given away")
	}
	if err := p.see(session.Observation{What: session.Chosen, Session: "S2", Bay: 4}); err == nil {
		t.Error("a bay that is not there was given away")
	}
	p.must(session.Observation{What: session.FaultSeen, Fault: "PT001", Raised: true})
	if err := p.see(session.Observation{What: session.Accepted, Offer: offer(5000)}); err == nil {
		t.Error("a card was asked for without a terminal")
	}
	p.must(session.Observation{What: session.FaultSeen, Fault: "PT001"})
	p.accept()
}

// TestNobodyChargesOnAnAbsentDriversCard: after an outage of hours a car is plugged in
// before the clock has ticked once.
func TestNobodyChargesOnAnAbsentDriversCard(t *testing.T) {
	for _, away := range []time.Duration{2 * time.Hour, -2 * time.Hour} {
		p := newPlay(t).choose().accept().approve().after(away).clear()
		p.must(session.Observation{What: session.Booted})
		p.sample(1000)
		p.want("resumed ended release_intent", "release")
		q := newPlay(t).choose().accept()
		q.must(session.Observation{What: session.HoldApproved, Hold: held(5000)})
		q.after(away).clear().must(session.Observation{What: session.Booted})
		q.must(session.Observation{What: session.TerminalSaid, Session: "S9",
			Open: kiosk.OpenHolds{IDs: []kiosk.HoldID{"231"}, Complete: true}})
		q.want("resumed hold_confirmed ended release_intent", "ask_terminal look_at_bay release")
	}
}

// TestClockSetBackBillsWhatWasMeasured: no real-time clock, and no network at the start.
func TestClockSetBackBillsWhatWasMeasured(t *testing.T) {
	p := newPlay(t).choose().accept().approve().charge()
	p.after(10 * time.Minute).sample(3000)
	p.after(-time.Hour).clear().must(session.Observation{What: session.Booted})
	p.sample(3000, opened)
	p.finish(3000)
	p.want("resumed stop_intent contactor_opened meter_end bill capture_intent", "open_contactor read_final capture")
	if b := p.x().Bill; b.Energy != 2000 || b.Total.Minor != 98 {
		t.Errorf("bill %+v", b)
	}
}

// TestABayThatIsNoLongerThere settles what it has of it.
func TestABayThatIsNoLongerThere(t *testing.T) {
	p := newPlay(t).choose().accept().approve().charge()
	p.after(10 * time.Minute).sample(3000)
	p.clear()
	delete(p.rules.Bays, 3)
	p.must(session.Observation{What: session.Booted})
	p.must(session.Observation{What: session.ContactorMoved, Err: errors.New("gone")})
	p.must(session.Observation{What: session.FinalRead, Err: errors.New("gone")})
	p.want("resumed stop_intent contactor_opened meter_end bill capture_intent", "open_contactor read_final capture")
}

func TestAnOrphanIsReleased(t *testing.T) {
	p := newPlay(t)
	p.must(session.Observation{What: session.TerminalSaid, Session: "S9", Reference: "XYZ9999",
		Open: kiosk.OpenHolds{IDs: []kiosk.HoldID{"77"}, Complete: true}})
	p.want("hold_found release_intent", "release")
}

// TestRestartAnywhere ends the process after every single event of a visit, replays
// what was written down, and lets the world answer. Every hold must end once.
func TestRestartAnywhere(t *testing.T) {
	whole := newPlay(t).choose().accept().approve().charge()
	for wh := int64(1000); wh < 5000; wh += 61 {
		whole.after(10 * time.Second).sample(wh)
	}
	whole.must(session.Observation{What: session.StopPressed})
	whole.finish(5000).capture(196)
	events := whole.journal
	for cut := range len(events) + 1 {
		p := newPlay(t)
		p.now = whole.now
		for _, e := range events[:cut] {
			next, _, err := session.Step(p.state, e)
			if err != nil {
				t.Fatalf("replay of %s: %v", e.Kind, err)
			}
			p.state = next
		}
		// What the bank knows: a hold that was recorded stands until it was captured.
		open := []kiosk.HoldID{}
		kinds := map[session.Kind]bool{}
		for _, e := range events[:cut] {
			kinds[e.Kind] = true
		}
		if kinds[session.HoldOK] && !kinds[session.CaptureOK] {
			open = append(open, "231")
		}
		p.must(session.Observation{What: session.Booted})
		settle(p, open)
		x, known := p.state.Sessions["S1"]
		if known && x.Record != session.RecordClosed {
			t.Errorf("cut after %d events (%s): money %s, power %s, record %s", cut, last(events[:cut]), x.Money,
				x.Power,
				x.Record)
		}
		if kinds[session.HoldOK] && x.Money != session.Captured && x.Money != session.Released {
			t.Errorf("cut after %d events (%s): hold ended as %s", cut, last(events[:cut]), x.Money)
		}
	}
}

func last(events []session.Event) session.Kind {
	if len(events) == 0 {
		return ""
	}
	return events[len(events)-1].Kind
}

// settle plays the world until nothing moves: the terminal answers, the contactor
// follows, the vehicle is gone, and no driver stands at the screen.
func settle(p *play, open []kiosk.HoldID) {
	for range 20 {
		cmds := p.cmds
		p.cmds = nil
		for _, c := range cmds {
			o := session.Observation{Session: c.Session}
			switch c.Do {
			case session.AskTerminal:
				o.What, o.Session, o.Reference, o.Open = session.TerminalSaid, "S9", "XYZ9999",
					kiosk.OpenHolds{IDs: open,
						Complete: true}
			case session.OpenContact:
				o.What = session.ContactorMoved
			case session.ReadFinal:
				o.What, o.Reading = session.FinalRead, p.reading(5000)
			case session.CaptureHold, session.ReleaseHold:
				open = nil
				b := &kiosk.CaptureResult{ID: "232", Booked: kiosk.Money{Currency: "EUR"}}
				if c.Do == session.CaptureHold {
					b.Booked = c.Amount
				}
				p.must(session.Observation{What: session.SettlementApproved, Result: b})
				o.What, o.Result = session.SettlementEnded, b
			default:
				continue
			}
			p.must(o)
		}
		p.sample(5000, unplugged, opened)
		p.list(nil, open...)
		p.after(4 * time.Minute).must(session.Observation{What: session.Ticked})
	}
}

// TestTransitionsGolden prints the machines; the package documentation points to it.
func TestTransitionsGolden(t *testing.T) {
	got := session.Transitions()
	const file = "testdata/transitions.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || string(want) != got {
		t.Errorf("%s is out of date (%v): run go test ./session -update and read the difference", file, err)
	}
}
