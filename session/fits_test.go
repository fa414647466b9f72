package session_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
)

// stage is a state of a visit, and how it is reached.
type stage struct {
	name  string
	reach func(*play)
	row   string // see TestWhatFitsWhichState
}

// asked lets a visitor pay with a card that the terminal names, up to the closed contactor, and asks for a capture.
func asked(p *play) {
	withCard(p).after(10 * time.Minute)
	p.sample(3000)
	p.must(session.Observation{What: session.StopPressed})
	p.finish(3000)
}

func cancelled(p *play) {
	p.choose().accept().approve()
	p.must(session.Observation{What: session.Cancelled})
}

func ended(err error) func(*play) {
	return func(p *play) { p.must(session.Observation{What: session.SettlementEnded, Err: err}) }
}

// stages are the states of the three machines, in the order of a visit. After the state's name stands what each of
// the observations of fitting does there: t it is taken, r it is refused, - it comes too late and does nothing, and
// ? is not judged.
func stages() []stage {
	then := func(all ...func(*play)) func(*play) {
		return func(p *play) {
			for _, f := range all {
				f(p)
			}
		}
	}
	charging := func(p *play) { withCard(p).after(10 * time.Second).sample(1060) }
	booted := func(p *play) { p.must(session.Observation{What: session.Booted}) }
	return []stage{
		// accept, again, more time, retry, code, card, card read, cancel | hold approved, hold ended, declined |
		// first register, closed, open, last register | booking approved, booking ended
		{"price shown", func(p *play) { p.choose() }, "t r t r r r - t | r - - | - - - - | r - "},
		{"card awaited", func(p *play) { p.choose().accept() }, "r r r r r r - t | t t t | - - - - | r - "},
		{"hold recorded", func(p *play) {
			p.choose().accept()
			p.must(session.Observation{What: session.HoldApproved, Hold: held(5000)})
		}, "r r r r r r - t | r t t | - - - - | r - "},
		{"hold unknown", unclear, "r r r r r r - t | r - - | - - - - | r - "},
		{"declined", func(p *play) {
			p.choose().accept()
			p.must(session.Observation{What: session.HoldEnded, Err: declined(kiosk.DeclineIssuer)})
		}, "r t t r r r - t | r - - | - - - - | r - "},
		{"held, no vehicle", func(p *play) { p.choose().accept().approve() },
			"r r t r t r - t | r - - | - - - - | r - "},
		{"first register", func(p *play) { p.choose().accept().approve().sample(1000) },
			"r r r r t r - t | r - - | t - - - | r - "},
		{"closing", func(p *play) {
			p.choose().accept()
			h := held(5000)
			h.Card = "card 1"
			p.must(session.Observation{What: session.HoldApproved, Hold: h})
			p.must(session.Observation{What: session.HoldEnded})
			p.sample(1000)
			p.must(session.Observation{What: session.BaselineRead, Reading: p.reading(1000)})
		}, "r r r r t t - r | r - - | - t - - | r - "},
		{"charging", charging, "r r r r t t - r | r - - | - - - - | r - "},
		{"card is waited for", then(charging, func(p *play) { p.must(session.Observation{What: session.CardAsked}) }),
			"r r r r t r t r | r - - | - - - - | r - "},
		{"paused", then(charging, func(p *play) { p.sample(1060, idle) }), "r r r r t t - r | r - - | - - - - | r - "},
		{"after a restart", then(charging, booted), "r r r r t t - r | r - - | - - - - | r - "},
		{"stopping", then(charging, func(p *play) { p.sample(1060, unplugged) }),
			"r r r r r r - ? | r - - | - - t - | r - "},
		{"last register", then(charging, func(p *play) {
			p.sample(1060, unplugged)
			p.must(session.Observation{What: session.ContactorMoved})
		}), "r r r r r r - ? | r - - | - - - t | r - "},
		{"capture asked", asked, "r r r r r r - - | r - - | - - - - | t t "},
		{"capture unknown", then(asked, ended(kiosk.ErrOutcomeUnknown)), "r r r r r r - - | r - - | - - - - | r - "},
		{"capture waits", then(asked, ended(kiosk.ErrUnreachable)), "r r r t r r - - | r - - | - - - - | r - "},
		{"captured", then(asked, func(p *play) { p.capture(98) }), "r r r r r r - - | r - - | - - - - | r - "},
		{"release asked", cancelled, "r r r r r r - - | r - - | - - - - | t t "},
		{"release unknown", then(cancelled, ended(kiosk.ErrOutcomeUnknown)),
			"r r r r r r - - | r - - | - - - - | r - "},
		{"release waits", then(cancelled, ended(kiosk.ErrUnreachable)), "r r r t r r - - | r - - | - - - - | r - "},
		{"released", then(cancelled, func(p *play) { p.capture(0) }), "r r r r r r - - | r - - | - - - - | r - "},
		{"given", func(p *play) {
			p.must(session.Observation{What: session.FreeAsked, Bay: 3, Reference: "ABC1234", By: "host",
				Offer: free(9)})
		}, "r r t r r r - t | r - - | - - - - | r - "},
		{"unknown to the journal", func(*play) {}, "r r r r r r r r | r r r | r r r r | r r "},
	}
}

// fitting are observations of one session, in the order of the columns of stages.
func fitting(p *play) []session.Observation {
	h := held(5000)
	h.TraceNo = "7"
	due := booking("777", 98)
	if m := p.x().Money; m == session.ReleaseAsked || m == session.ReleaseUnclear || m == session.ReleaseDelayed {
		due = booking("777", 0)
	}
	return []session.Observation{{What: session.Accepted, Offer: offer(5000)}, {What: session.AskedAgain},
		{What: session.MoreAsked}, {What: session.RetryAsked, By: "host"}, {What: session.CodeEntered, Code: "4711"},
		{What: session.CardAsked}, {What: session.CardRead, Card: "card 1"}, {What: session.Cancelled},
		{What: session.HoldApproved, Hold: h}, {What: session.HoldEnded}, {What: session.HoldEnded,
			Err: declined(kiosk.DeclineIssuer)},
		{What: session.BaselineRead, Reading: p.reading(1000)}, {What: session.ContactorMoved, Closed: true},
		{What: session.ContactorMoved}, {What: session.FinalRead, Reading: p.reading(3000)},
		{What: session.SettlementApproved, Result: due}, {What: session.SettlementEnded, Result: due}}
}

// TestWhatFitsWhichState holds the machine against the table of stages: what a person, the terminal or a device says
// out of turn is refused with a reason that names the session, or does nothing, and changes nothing. No hold is asked
// for while there may be one, nothing is captured that was not asked for, and no contactor's answer moves another
// state.
func TestWhatFitsWhichState(t *testing.T) {
	for _, c := range stages() {
		row := strings.Fields(strings.ReplaceAll(c.row, "|", ""))
		probe := newPlay(t)
		if c.reach(probe); len(row) != len(fitting(probe)) {
			t.Fatalf("%s: %d columns, and %d observations", c.name, len(row), len(fitting(probe)))
		}
		for i, want := range row {
			p := newPlay(t)
			c.reach(p)
			p.clear()
			o, x, before := fitting(p)[i], p.x(), len(p.past)
			err := p.see(o)
			got := "t"
			switch {
			case err != nil:
				got = "r"
			case len(p.past) == before:
				got = "-"
			}
			if want != "?" && got != want {
				t.Errorf("%s: %s (%v) gives %s, want %s: %v %s", c.name, o.What, o.Err, got, want, err, p.order())
			}
			if err == nil {
				continue
			}
			named := x.Reference
			if named == "" {
				named = "S1"
			}
			if !strings.HasPrefix(err.Error(), "cannot ") || !strings.Contains(err.Error(), named) &&
				!strings.Contains(err.Error(), "result") && !strings.Contains(err.Error(), "hold of") {
				t.Errorf("%s: %s: the reason %q names no session", c.name, o.What, err)
			}
		}
	}
}

// TestAStopNeedsNothing: whatever the state, a stop is never refused to the driver, and twice is once.
func TestAStopNeedsNothing(t *testing.T) {
	for _, c := range stages() {
		if c.name == "unknown to the journal" {
			continue
		}
		p := newPlay(t)
		c.reach(p)
		p.clear()
		p.must(session.Observation{What: session.StopPressed, By: session.ByScreen})
		p.clear().must(session.Observation{What: session.StopPressed, By: session.ByScreen})
		p.want("", "")
	}
}

// TestARestartInEachState asks what is true and repeats nothing: no card, no capture and no release is asked for
// before the terminal's list is known, no contactor is closed, and only one that was told to open is told again.
func TestARestartInEachState(t *testing.T) {
	want := map[string][2]string{
		"price shown":        {"resumed ended closed", ""},
		"card awaited":       {"resumed", "ask_terminal"},
		"hold recorded":      {"resumed", "ask_terminal"},
		"hold unknown":       {"resumed", "ask_terminal"},
		"declined":           {"resumed closed", ""},
		"held, no vehicle":   {"resumed", ""},
		"first register":     {"resumed", ""},
		"closing":            {"resumed", ""},
		"charging":           {"resumed", ""},
		"card is waited for": {"resumed", ""},
		"paused":             {"resumed", ""},
		"after a restart":    {"resumed", ""},
		"stopping":           {"resumed", "open_contactor"},
		"last register":      {"resumed", "read_final"},
		"capture asked":      {"resumed", "ask_terminal"},
		"capture unknown":    {"resumed", "ask_terminal"},
		"capture waits":      {"resumed", "ask_terminal"},
		"captured":           {"", ""},
		"release asked":      {"resumed", "ask_terminal"},
		"release unknown":    {"resumed", "ask_terminal"},
		"release waits":      {"resumed", "ask_terminal"},
		"released":           {"", ""},
		"given":              {"resumed", ""},
	}
	for _, c := range stages() {
		w, judged := want[c.name]
		if !judged {
			continue
		}
		p := newPlay(t)
		c.reach(p)
		before := p.x()
		p.after(2 * time.Second).clear().replay()
		if got, cmds := p.order(), p.commands(); got != w[0] || cmds != w[1] {
			t.Errorf("%s: a restart gives %q and does %q, want %q and %q", c.name, got, cmds, w[0], w[1])
		}
		x := p.x()
		if before.Record != session.RecordClosed && (x.Hold == nil) != (before.Hold == nil) ||
			x.Bill != nil && x.Bill.Total != before.Bill.Total || x.Attempt != before.Attempt ||
			x.Refusals != before.Refusals || x.Tries != before.Tries {
			t.Errorf("%s: a restart forgets: %+v, was %+v", c.name, x, before)
		}
		if x.Proof == session.ProofAsked {
			t.Errorf("%s: a card is waited for that no terminal reads", c.name)
		}
	}
}

// TestWhatTheDriverIsToldAfterARestart: the first look at the bay, or the terminal's list, ends each visit as the
// design's rows 11, 29 and 34 say; a capture comes once.
func TestWhatTheDriverIsToldAfterARestart(t *testing.T) {
	look := func(change ...func(*session.Sample)) func(*play) {
		return func(p *play) { p.sample(1072, change...) }
	}
	emergency := func(s *session.Sample) { s.Inputs.Emergency = true }
	silent := func(s *session.Sample) { s.InputsLost, s.Reading = 6*time.Second, nil }
	deaf := func(s *session.Sample) { s.InputsLost = time.Second }
	list := func(ids ...kiosk.HoldID) func(*play) { return func(p *play) { p.list(nil, ids...) } }
	for _, c := range []struct {
		stage, then     string
		see             func(*play)
		order, commands string
		reason          session.Reason
	}{
		{"charging", "energy flowed on", look(), "adopted", "", ""},
		{"charging", "the contactor fell", look(opened), "stop_intent", "open_contactor", session.ReasonInterrupted},
		{"charging", "the cable was pulled", look(unplugged), "stop_intent", "open_contactor",
			session.ReasonInterrupted},
		{"charging", "the emergency stop was pressed", look(emergency), "stop_intent", "open_contactor",
			session.ReasonEmergency},
		{"charging", "the register went back", look(meterWrong), "stop_intent", "open_contactor", session.ReasonMeter},
		{"charging", "the meter is gone", look(meterGone), "stop_intent", "open_contactor", session.ReasonInterrupted},
		{"charging", "the inputs are gone", look(silent), "stop_intent", "open_contactor", session.ReasonInterrupted},
		{"charging", "the inputs answer late", look(deaf), "", "", ""},
		{"closing", "the contactor did not close", look(opened), "stop_intent", "open_contactor",
			session.ReasonInterrupted},
		{"held, no vehicle", "a vehicle comes", look(), "plugged", "read_baseline", ""},
		{"held, no vehicle", "the emergency stop is pressed", look(emergency), "ended release_intent", "release",
			session.ReasonEmergency},
		{"first register", "it is still there", look(), "plugged", "read_baseline", ""},
		{"card awaited", "the terminal has it", list("231"), "hold_found release_intent", "release",
			session.ReasonOrphan},
		{"hold recorded", "the terminal has it", list("231"), "hold_confirmed", "look_at_bay", ""},
		{"capture asked", "it was not carried out", list("231"), "capture_intent", "capture", session.ReasonStopped},
		{"capture asked", "the hold is not there", list(), "hold_missing", "", session.ReasonStopped},
		{"release asked", "it was not carried out", list("231"), "release_intent", "release", session.ReasonCancelled},
		{"given", "a vehicle comes", look(), "plugged", "read_baseline", ""},
	} {
		for _, s := range stages() {
			if s.name != c.stage {
				continue
			}
			p := newPlay(t)
			s.reach(p)
			p.after(2 * time.Second).replay()
			p.clear()
			c.see(p)
			if got, cmds := p.order(), p.commands(); got != c.order || cmds != c.commands || p.x().Reason != c.reason {
				t.Errorf("%s, %s: %q, %q, because of %q; want %q, %q, because of %q", c.stage, c.then, got, cmds,
					p.x().Reason, c.order, c.commands, c.reason)
			}
		}
	}
}

// TestARestartOfTheSite: what was under way without a session is written down as interrupted, once, and the site sells
// on by itself.
func TestARestartOfTheSite(t *testing.T) {
	for name, c := range map[string]struct {
		begin session.Observation
		order string
	}{
		"a contactor's test": {session.Observation{What: session.TestAsked, Bay: 3, Sample: &session.Sample{}},
			"contactor_tested"},
		"the end of a day": {session.Observation{What: session.DayEndAsked}, "day_end_failed"},
		"an update":        {session.Observation{What: session.DrainAsked, Raised: true}, "drain_ended"},
	} {
		p := newPlay(t)
		p.must(c.begin)
		if err := p.see(session.Observation{What: session.Chosen, Bay: 3, Reference: "ABC1234"}); err == nil {
			t.Errorf("%s: a bay is sold meanwhile", name)
		}
		p.clear().replay()
		p.want(c.order, "")
		p.must(session.Observation{What: session.Booted})
		p.want("", "")
		p.choose()
	}
}

// TestWhatIsRefusedBeforeMoneyIsReserved, with its reason, and nothing is written down.
func TestWhatIsRefusedBeforeMoneyIsReserved(t *testing.T) {
	drain := func(p *play) { p.must(session.Observation{What: session.DrainAsked, Raised: true}) }
	day := func(p *play) {
		p.must(session.Observation{What: session.TerminalWell, Err: declined(kiosk.DeclineDayEnd)})
	}
	line := func(p *play) { p.must(session.Observation{What: session.FaultSeen, Fault: "PT001", Raised: true}) }
	shut := func(p *play) { p.must(session.Observation{What: session.ShutAsked, Bay: 3, Raised: true, By: "host"}) }
	with := func(change func(*session.Offer)) session.Observation {
		o := offer(5000)
		change(o)
		return session.Observation{What: session.Accepted, Offer: o}
	}
	accept := with(func(*session.Offer) {})
	again := session.Observation{What: session.AskedAgain}
	for name, c := range map[string]struct {
		declined bool // else at the price
		given    func(*play)
		o        session.Observation
		want     string
	}{
		"an update":                    {given: drain, o: accept, want: "update"},
		"an update, another card":      {true, drain, again, "update"},
		"the day ends":                 {given: day, o: accept, want: "end of its day"},
		"the day ends, another card":   {true, day, again, "end of its day"},
		"the line is down":             {given: line, o: accept, want: "PT001"},
		"the line is down, again":      {true, line, again, "PT001"},
		"the host closed the bay":      {given: shut, o: accept, want: "HO001"},
		"closed, and another card":     {true, shut, again, "HO001"},
		"no money":                     {o: with(func(o *session.Offer) { o.Hold.Minor = 0 }), want: "0.00"},
		"less than none":               {o: with(func(o *session.Offer) { o.Hold.Minor = -1 }), want: "hold of"},
		"another currency":             {o: with(func(o *session.Offer) { o.Hold.Currency = "CHF" }), want: "CHF"},
		"a tariff that is none":        {o: with(func(o *session.Offer) { o.Tariff = []byte(`{`) }), want: "offer"},
		"a place that is not on earth": {o: with(func(o *session.Offer) { o.Timezone = "Mars/Olympus" }), want: "Mars"},
	} {
		p := newPlay(t).choose()
		if c.declined {
			p.accept().must(session.Observation{What: session.HoldEnded, Err: declined(kiosk.DeclineIssuer)})
		}
		if c.given != nil {
			c.given(p)
		}
		p.clear()
		if err := p.see(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		p.want("", "")
	}
}

// TestWhatATerminalMayNotSayOfAHold: another currency, nothing, less than nothing, more than was agreed to.
func TestWhatATerminalMayNotSayOfAHold(t *testing.T) {
	for name, approved := range map[string]kiosk.Money{
		"another currency": {Minor: 5000, Currency: "CHF"}, "no currency": {Minor: 5000},
		"nothing": {Currency: "EUR"}, "less than nothing": {Minor: -1, Currency: "EUR"},
		"more": {Minor: 5001, Currency: "EUR"},
	} {
		p := newPlay(t).choose().accept().clear()
		h := held(5000)
		h.Approved = approved
		if err := p.see(session.Observation{What: session.HoldApproved, Hold: h}); err == nil {
			t.Errorf("%s: a hold of %v is recorded", name, approved)
		}
		p.want("", "")
		p.must(session.Observation{What: session.HoldEnded, Err: errNotWritten})
		p.sample(1000)
		if got := p.order(); strings.Contains(got, "plugged") {
			t.Errorf("%s: energy for a hold that was turned back: %s", name, got)
		}
	}
}

// TestTooLittleIsGivenBack: a hold below the site's least is given back before a vehicle is asked for (row 7).
func TestTooLittleIsGivenBack(t *testing.T) {
	for approved, little := range map[int64]bool{999: true, 1000: false} {
		p := newPlay(t)
		p.rules.Minimum = kiosk.Money{Minor: 1000, Currency: "EUR"}
		p.choose().accept()
		p.must(session.Observation{What: session.HoldApproved, Hold: held(approved)})
		p.clear().must(session.Observation{What: session.HoldEnded})
		p.sample(1000)
		if got := p.x().Reason == session.ReasonTooLittle && p.x().Money == session.ReleaseAsked; got != little {
			t.Errorf("%d: %s", approved, p.order())
		}
	}
}

// TestWrongStopCodes lock a session for a while, and the driver's own code does nothing then: the cable still ends it
// (row 23). Codes of a session that does not run prove nothing.
func TestWrongStopCodes(t *testing.T) {
	p := withCard(newPlay(t)).after(time.Minute)
	p.sample(1100)
	for range 5 {
		p.must(session.Observation{What: session.CodeEntered, Code: "0000"})
	}
	for _, o := range []session.Observation{{What: session.CodeEntered, Code: "4711"}, {What: session.CardAsked}} {
		if err := p.see(o); err == nil || !strings.Contains(err.Error(), "too many") {
			t.Errorf("%s after five wrong codes: %v", o.What, err)
		}
	}
	q := newPlay(t)
	q.state, q.now, q.past = p.state, p.now, p.past
	q.sample(1100, unplugged)
	if q.x().Reason != session.ReasonUnplugged {
		t.Error("the cable does not end it")
	}
	p.after(6 * time.Minute).must(session.Observation{What: session.CodeEntered, Code: "4711"})
	if x := p.x(); !x.Owned(p.now) || x.Refusals != 0 || x.Owned(p.now.Add(2*time.Minute)) {
		t.Errorf("after five minutes the right code: proof %q, %d refusals", x.Proof, x.Refusals)
	}
	p.rules.Code = nil
	p.must(session.Observation{What: session.CodeEntered, Code: ""})
	if p.x().Owned(p.now) {
		t.Error("an empty code is that of a session without one")
	}
	r := newPlay(t).choose().accept().approve().charge() // of a card without a token
	if err := r.see(session.Observation{What: session.CardAsked}); err == nil {
		t.Error("a card is asked for that no terminal can name")
	}
}

// TestAnOrderOfThePersonWhoRetries: a settlement that waits is looked for at once, by name, and not tried before the
// terminal's list says that it must be.
func TestAnOrderOfThePersonWhoRetries(t *testing.T) {
	p := billed(newPlay(t))
	p.must(session.Observation{What: session.SettlementEnded, Err: declined(kiosk.DeclineHost)})
	p.clear().must(session.Observation{What: session.RetryAsked, By: "host"})
	if b, is := p.journal[0].Body.(session.UnknownBody); !is || b.By != "host" {
		t.Errorf("the journal does not tell who: %+v", p.journal[0])
	}
	p.want("capture_unknown", "ask_terminal")
	p.list(nil, "231")
	p.want("capture_intent", "capture")
	p.must(session.Observation{What: session.SettlementEnded, Err: errors.New("odd")})
	p.clear().list(nil, "231")
	p.want("", "") // the ladder alone decides again
}

// TestWhatIsSaidTwiceIsWrittenOnce: an update that is asked for again, one that is over, and a clock that is as wrong
// as before are no news.
func TestWhatIsSaidTwiceIsWrittenOnce(t *testing.T) {
	p := newPlay(t)
	for _, c := range []struct {
		o     session.Observation
		order string
	}{
		{session.Observation{What: session.DrainAsked}, ""},
		{session.Observation{What: session.DrainAsked, Raised: true}, "drain_begun"},
		{session.Observation{What: session.DrainAsked, Raised: true}, ""},
		{session.Observation{What: session.DrainAsked}, "drain_ended"},
		{session.Observation{What: session.ClockSeen, Untrusted: true}, "clock_judged fault_raised"},
		{session.Observation{What: session.ClockSeen, Untrusted: true}, ""},
		{session.Observation{What: session.ClockSeen}, "clock_judged fault_cleared"},
		{session.Observation{What: session.ClockSeen, From: &p.now}, "clock_set"},
		{session.Observation{What: session.ShutAsked, Bay: 3}, ""},
	} {
		p.must(c.o)
		p.want(c.order, "")
	}
}
