package audit_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/audit"
)

var t0 = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return t0.Add(time.Duration(seconds) * time.Second) }

// good is a visit in which every promise is kept: a record a line, of kind and body,
// ten seconds apart.
const good = `bay_lease {"reference":"ABC1234","bay":1}
offer {"offer":{"hold":{"amount":"50.00","currency":"EUR"},"tariff":{"elements":[{"price_components":[{"type":"ENERGY","price":0.49},{"type":"PARKING_TIME","price":36}]}]}}}
hold_intent {"amount":{"amount":"50.00","currency":"EUR"}}
hold_ok {"hold":{"receipt_no":231,"approved":{"amount":"50.00","currency":"EUR"}}}
hold_confirmed {}
plugged {}
meter_start {"reading":{"import_wh":1000}}
contactor_close {}
contactor_closed {}
stop_intent {}
contactor_opened {}
meter_end {"source":"read","reading":{"import_wh":1500}}
bill {"bill":{"energy_wh":500,"total":{"amount":"0.25","currency":"EUR"},"register_start_wh":1000,"register_end_wh":1500,"usage":{"periods":[{"start":"2026-03-02T09:01:10Z","state":"charging","energy_wh":200},{"start":"2026-03-02T09:01:20Z","state":"unproven","energy_wh":300}],"end":"2026-03-02T09:01:40Z"}}}
capture_intent {}
capture_ok {}
capture_confirmed {}
receipt_final {}
closed {}`

// evidence is a journal and a world; a test spoils one of them.
type evidence struct {
	journal string
	world   audit.World
}

func newEvidence() *evidence {
	return &evidence{good, audit.World{
		Ledger: []audit.Movement{
			{At: at(25), Kind: "hold", ReceiptNo: 231, Minor: 5000, Reference: "ABC1234"},
			{At: at(145), Kind: "capture", ReceiptNo: 231, Minor: 25, Reference: "ABC1234"},
		},
		Flows:  []audit.Flow{{Bay: 1, From: at(75), To: at(95), Energy: 500}},
		Left:   10,
		Within: time.Second,
	}}
}

func (e *evidence) records() iter.Seq2[kiosk.Record, error] {
	return func(yield func(kiosk.Record, error) bool) {
		for i, l := range strings.Split(e.journal, "\n") {
			kind, body, _ := strings.Cut(l, " ")
			seconds := 10 * strings.Count(good[:strings.Index(good+kind+" ", kind+" ")], "\n")
			body = strings.Replace(body, "{", fmt.Sprintf(`{"at":%q,`, at(seconds).Format(time.RFC3339)), 1)
			body = strings.Replace(body, ",}", "}", 1)
			session := "S1"
			switch kind {
			case "fault_raised":
				session = ""
			case "orphan":
				session = "S0"
				kind, body, _ = strings.Cut(body, " ")
			}
			if !yield(kiosk.Record{Seq: int64(i + 1), Session: session, Kind: kind, Body: []byte(body)}, nil) {
				return
			}
		}
	}
}

func (e *evidence) without(kind string) {
	e.journal = strings.Join(slices.DeleteFunc(strings.Split(e.journal, "\n"),
		func(l string) bool { return strings.HasPrefix(l, kind+" ") }), "\n")
}

// free makes it a charge that costs nothing.
func (e *evidence) free() {
	for _, kind := range []string{"hold_ok", "hold_confirmed", "capture_intent", "capture_ok", "capture_confirmed"} {
		e.without(kind)
	}
	e.replace("hold_intent {\"amount\":{\"amount\":\"50.00\",\"currency\":\"EUR\"}}", `free_granted {"by":"host"}`)
	e.replace(`"price":0.49`, `"price":0`)
	e.replace(`"total":{"amount":"0.25"`, `"total":{"amount":"0.00"`)
	e.world.Ledger = nil
}

// readAt lets the first register be read at a time, from which on all time is billed.
func (e *evidence) readAt(clock string) {
	e.replace(`"import_wh":1000`, `"at":"2026-03-02T`+clock+`","import_wh":1000`)
	e.replace("09:01:10Z", clock)
	e.replace(`"state":"unproven"`, `"state":"charging"`)
}

// less is a watt-hour more delivered than may be left unbilled, with a record just before the stop.
func less(record string) func(*evidence) {
	return func(e *evidence) {
		e.world.Flows[0].Energy = 511
		e.replace("stop_intent {}", record+"\nstop_intent {}")
	}
}

// roll lets the meter's register begin again at a modulus: 500 Wh are billed in any case.
func (e *evidence) roll(from, to, modulus int) {
	e.journal = strings.ReplaceAll(e.journal, "1000}", fmt.Sprint(from, "}"))
	e.journal = strings.ReplaceAll(e.journal, "1500}", fmt.Sprint(to, "}"))
	e.replace(`"register_start_wh":1000,"register_end_wh":1500`,
		fmt.Sprintf(`"register_start_wh":%d,"register_end_wh":%d,"register_modulus_wh":%d`, from, to, modulus))
}

// commands are n commands about money at a time, with the one that asked for the hold twenty seconds after the
// start; the daemon was started at the given times.
func (e *evidence) commands(n, seconds int, starts ...int) {
	lines := ""
	for _, s := range starts {
		lines += fmt.Sprintf("resumed {\"at\":%q}\n", at(s).Format(time.RFC3339))
	}
	for range n - 1 {
		lines += fmt.Sprintf("capture_intent {\"at\":%q}\n", at(seconds).Format(time.RFC3339))
	}
	e.replace("capture_intent {}\n", lines)
}

// lost are the records of a capture that is never proven, in place of those of its end.
func (e *evidence) lost(records string) {
	at := strings.Index(e.journal, "capture_ok")
	e.journal = e.journal[:at] + strings.Join(strings.Fields(records), " {}\n") + " {}"
}

func (e *evidence) replace(old, new string) { e.journal = strings.Replace(e.journal, old, new, 1) }

// TestEachRuleCatches spoils one thing at a time. What is not spoiled breaks nothing.
func TestEachRuleCatches(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*evidence)
		want  audit.Rule // empty for none
	}{
		{"nothing", func(*evidence) {}, ""},
		{"hold captured twice", func(e *evidence) { e.world.Ledger = append(e.world.Ledger, e.world.Ledger[1]) },
			audit.EndedOnce},
		{"hold left open", func(e *evidence) { e.world.Ledger = e.world.Ledger[:1] }, audit.EndedOnce},
		{"capture without a hold", func(e *evidence) { e.world.Ledger[0].ReceiptNo = 9 }, audit.EndedOnce},
		{"captured more than billed", func(e *evidence) { e.world.Ledger[1].Minor = 26 }, audit.Billed},
		{"captured the complement", func(e *evidence) { e.world.Ledger[1].Minor = 4975 }, audit.Billed},
		{"held more than consented", func(e *evidence) { e.replace(`"50.00"`, `"20.00"`) }, audit.Billed},
		{"captured without a bill", func(e *evidence) { e.without("bill") }, audit.Billed},
		{"taken for nothing", func(e *evidence) {
			e.replace(`"energy_wh":500`, `"energy_wh":0`)
			e.journal = strings.ReplaceAll(e.journal, "1500", "1000")
		}, audit.Nothing},
		{"billed other registers", func(e *evidence) { e.replace(`"import_wh":1500`, `"import_wh":1499`) },
			audit.Measured},
		{"priced a stretch twice", func(e *evidence) { e.replace(`"energy_wh":300`, `"energy_wh":600`) },
			audit.Measured},
		{"billed another price", func(e *evidence) { e.replace(`"price":0.49`, `"price":0.45`) }, audit.Priced},
		{"billed more than was held", func(e *evidence) {
			e.replace(`"approved":{"amount":"50.00"`,
				`"approved":{"amount":"0.20"`)
		}, audit.Priced},
		{"did not bill the time after charging", func(e *evidence) {
			e.replace(`"state":"unproven"`,
				`"state":"parking"`)
		}, audit.Priced},
		{"billed time that did not pass", func(e *evidence) {
			e.replace(`"state":"unproven"`, `"state":"parking"`)
			e.replace(`"end":"2026-03-02T09:01:40Z"`, `"end":"2026-03-02T09:02:40Z"`)
		}, audit.Timed},
		{"the register was read long before it was journaled", func(e *evidence) { e.readAt("09:00:57Z") }, ""},
		{"the register was read before the vehicle was there", func(e *evidence) { e.readAt("09:00:45Z") },
			audit.Timed},
		{"billed what was not delivered", func(e *evidence) { e.world.Flows[0].Energy = 499 }, audit.Delivered},
		{"energy at another bay", func(e *evidence) { e.world.Flows[0].Bay = 2 }, audit.NoFree},
		{"energy before the register was read", func(e *evidence) { e.world.Flows[0].From = at(55) }, audit.NoFree},
		{"energy after the contactor opened", func(e *evidence) { e.world.Flows[0].To = at(105) }, audit.NoFree},
		{"energy before the hold", func(e *evidence) { e.world.Ledger[0].At = at(80) }, audit.NoFree},
		{"captured hold of no session", func(e *evidence) { e.world.Ledger[0].Reference = "ZZZ9999" }, audit.Known},
		{"session left open", func(e *evidence) { e.without("closed") }, audit.Closed},
		{"journal says released", func(e *evidence) { e.replace("capture_confirmed", "release_confirmed") },
			audit.Closed},
		{"journal says captured", func(e *evidence) { e.world.Ledger[1].Kind = "release" }, audit.Closed},
		{"journal says captured, the ledger knows nothing", func(e *evidence) { e.world.Ledger = nil }, audit.Closed},
		{"nothing says what became of the hold", func(e *evidence) { e.without("capture_confirmed") }, audit.Closed},
		{"hold before its intent", func(e *evidence) { e.without("hold_intent") }, audit.Order},
		{"closed before the register", func(e *evidence) { e.without("meter_start") }, audit.Order},
		{"capture before the bill", func(e *evidence) { e.without("capture_intent") }, audit.Order},
		{"something after the end", func(e *evidence) { e.journal += "\nplugged {}" }, audit.Order},
		{"hold whose bank was told no reference", func(e *evidence) {
			e.world.Ledger[0].Reference, e.world.Ledger[1].Reference = "", ""
		}, ""},
		{"did not round up the priced time before a free stretch", func(e *evidence) {
			e.replace(`{"start":"2026-03-02T09:01:20Z","state":"unproven","energy_wh":300}`,
				`{"start":"2026-03-02T09:01:20.000Z","state":"parking","energy_wh":300},{"start":"2026-03-02T09:01:20.100Z","state":"charging","energy_wh":0}`)
			e.replace(`"amount":"0.25"`, `"amount":"0.26"`)
			e.world.Ledger[1].Minor = 26
		}, ""},
		{"billed less than was delivered", func(e *evidence) { e.world.Flows[0].Energy = 511 }, audit.Earned},
		{"billed less after a restart", less("resumed {}"), audit.Earned},
		{"billed less, of a register that could not be read", func(e *evidence) {
			e.world.Flows[0].Energy = 511
			e.replace(`"source":"read"`, `"source":"last_good"`)
		}, ""},
		{"billed a little less", func(e *evidence) { e.world.Flows[0].Energy = 510 }, ""},
		{"asked again and again", func(e *evidence) {
			e.replace("capture_intent {}", strings.TrimSuffix(strings.Repeat("capture_intent {}\n", 12), "\n"))
		}, audit.Patience},
		{"asked again, after the daemon was started", func(e *evidence) {
			e.replace("capture_intent {}", "resumed {}\n"+strings.TrimSuffix(strings.Repeat("capture_intent {}\n",
				12), "\n"))
		}, ""},
		{"asked twelve times", func(e *evidence) { e.commands(12, 20) }, ""},
		{"asked for the thirteenth time after an hour", func(e *evidence) { e.commands(13, 20+3600) }, ""},
		{"asked for the thirteenth time within the hour", func(e *evidence) { e.commands(13, 19+3600) },
			audit.Patience},
		{"asked too often for one start", func(e *evidence) { e.commands(15, 20, 20) }, audit.Patience},
		{"started just before", func(e *evidence) { e.commands(14, 20, -39) }, ""},
		{"started long before", func(e *evidence) { e.commands(14, 20, -40) }, audit.Patience},
		{"started at the end of the hour", func(e *evidence) { e.commands(14, 20, 19+3600) }, ""},
		{"started after the hour", func(e *evidence) { e.commands(14, 20, 20+3600) }, audit.Patience},
		{"cable that was noticed too late", func(e *evidence) {
			e.world.Pulls = []audit.Pull{{Bay: 1, From: at(90), Opened: at(92)}}
		}, audit.Prompt},
		{"contactor that never opened", func(e *evidence) {
			e.world.Pulls = []audit.Pull{{Bay: 1, From: at(90), Away: true}}
		}, audit.Prompt},
		{"cable that the kiosk could not notice", func(e *evidence) {
			e.world.Pulls = []audit.Pull{{Bay: 1, From: at(90), Opened: at(92), Away: true}}
		}, ""},
		{"cable that was noticed just in time", func(e *evidence) {
			e.world.Pulls = []audit.Pull{{Bay: 1, From: at(90), Opened: at(91)}}
		}, ""},
		{"cable whose contactor was not timed", func(e *evidence) {
			e.world.Within, e.world.Pulls = 0, []audit.Pull{{Bay: 1, From: at(90), Opened: at(99)}}
		}, ""},
		{"register that began again", func(e *evidence) { e.roll(9501, 1, 10000) }, ""},
		{"register that began again late", func(e *evidence) { e.roll(9999, 499, 10000) }, ""},
		{"register that began again at its very end", func(e *evidence) { e.roll(20000, 500, 20000) }, ""},
		{"register that began again too soon", func(e *evidence) { e.roll(9500, 0, 10000) }, audit.Measured},
		{"register that began again and came too far", func(e *evidence) { e.roll(10000, 500, 10000) }, audit.Measured},
		{"register that was more than it can be", func(e *evidence) { e.roll(20001, 501, 20000) }, audit.Measured},
		{"register of ten watt-hours a step", func(e *evidence) { e.world.Step, e.world.Flows[0].Energy = 10, 491 },
			""},
		{"billed a whole step too much", func(e *evidence) { e.world.Step, e.world.Flows[0].Energy = 10, 490 },
			audit.Delivered},
		{"billed a step and a little less", func(e *evidence) { e.world.Step, e.world.Flows[0].Energy = 5, 515 }, ""},
		{"billed less than a step and a little", func(e *evidence) { e.world.Step, e.world.Flows[0].Energy = 5, 516 },
			audit.Earned},
		{"billed less, where it is not looked at", func(e *evidence) {
			e.world.Left, e.world.Flows[0].Energy = -1, 900
		}, ""},
		{"billed less, to the watt-hour", func(e *evidence) { e.world.Left, e.world.Flows[0].Energy = 0, 501 },
			audit.Earned},
		{"captured more than was held", func(e *evidence) { e.world.Ledger[0].Minor = 24 }, audit.Billed},
		{"captured all that was held", func(e *evidence) { e.world.Ledger[0].Minor = 25 }, ""},
		{"clocks that are apart: energy before the register", func(e *evidence) {
			e.world.Slack, e.world.Flows[0].From = 5*time.Second, at(55)
		}, ""},
		{"clocks that are apart: energy after the contactor opened", func(e *evidence) {
			e.world.Slack, e.world.Flows[0].To = 5*time.Second, at(105)
		}, ""},
		{"clocks that are apart: energy before the hold", func(e *evidence) {
			e.world.Slack, e.world.Ledger[0].At = 5*time.Second, at(80)
		}, ""},
		{"clocks that are apart: energy after the hold", func(e *evidence) {
			e.world.Slack, e.world.Ledger[1].At = 5*time.Second, at(90)
		}, ""},
		{"energy after the hold", func(e *evidence) { e.world.Slack, e.world.Ledger[1].At = 4*time.Second, at(90) },
			audit.NoFree},
		{"clocks that are apart: time", func(e *evidence) {
			e.world.Slack = 60 * time.Second
			e.replace(`"state":"unproven"`, `"state":"parking"`)
			e.replace(`"end":"2026-03-02T09:01:40Z"`, `"end":"2026-03-02T09:02:40Z"`)
			e.replace(`"amount":"0.25"`, `"amount":"1.05"`)
			e.world.Ledger[1].Minor = 105
		}, ""},
		{"billed all the time that passed", func(e *evidence) {
			e.replace(`"start":"2026-03-02T09:01:10Z"`, `"start":"2026-03-02T09:01:00Z"`)
			e.replace(`"state":"unproven"`, `"state":"parking"`)
			e.replace(`"amount":"0.25"`, `"amount":"0.45"`)
			e.world.Ledger[1].Minor = 45
		}, ""},
		{"rounded time up to the next second", func(e *evidence) {
			e.replace(`"price":36`, `"price":360,"step_size":1`)
			e.replace(`"start":"2026-03-02T09:01:20Z","state":"unproven"`,
				`"start":"2026-03-02T09:01:20.9Z","state":"parking"`)
			e.replace(`"amount":"0.25"`, `"amount":"2.25"`) // 0.245 and 20 seconds of 0.10
			e.world.Ledger[1].Minor = 225
		}, ""},
		{"rounded up a second that was whole", func(e *evidence) {
			e.replace(`"state":"unproven"`, `"state":"parking"`)
			e.replace(`"amount":"0.25"`, `"amount":"0.46"`)
			e.world.Ledger[1].Minor = 46
		}, audit.Priced},
		{"billed another price in steps of a watt-hour", func(e *evidence) {
			e.replace(`"price":0.49`, `"price":0.45,"step_size":1`)
		}, audit.Priced},
		{"a price in larger steps is not calculated here", func(e *evidence) {
			e.replace(`"price":0.49`, `"price":0.45,"step_size":2`)
		}, ""},
		{"receipt number that a list named before there was such a hold", func(e *evidence) {
			e.journal = `orphan hold_found {"reference":"ORPHAN1","hold":{"receipt_no":231}}
orphan release_intent {}
orphan release_confirmed {}
orphan receipt_final {}
orphan closed {}
` + e.journal
		}, ""},
		{"hold that was found, and that no other session asked for", func(e *evidence) {
			e.replace("hold_ok", "hold_found")
		}, ""},
		{"left to a person, because the terminal has lost the hold", func(e *evidence) {
			e.lost("capture_waiting hold_missing hold_missing hold_missing hold_missing capture_unknown")
		}, ""},
		{"not left to a person, because lists are few", func(e *evidence) {
			e.lost("capture_waiting hold_missing hold_missing hold_missing capture_unknown")
		}, audit.Closed},
		{"not left to a person, because it was listed between", func(e *evidence) {
			e.lost("capture_waiting hold_missing hold_missing hold_missing hold_listed hold_missing capture_unknown")
		}, audit.Closed},
		{"not left to a person, because it does not wait", func(e *evidence) {
			e.lost("capture_waiting hold_missing hold_missing hold_missing hold_missing capture_intent")
		}, audit.Closed},
		{"billed less, of a meter that was told to be broken", less(`fault_raised {"fault":"MT001","bay":1}`), ""},
		{"billed less, and another meter was told to be broken", less(`fault_raised {"fault":"MT001","bay":2}`),
			audit.Earned},
		{"billed less, and something else was broken", less(`fault_raised {"fault":"CX017","bay":1}`), audit.Earned},
		{"billed less, and the meter was told to be broken later", func(e *evidence) {
			e.world.Flows[0].Energy = 511
			e.journal += "\nfault_raised {\"fault\":\"MT001\",\"bay\":1}"
		}, audit.Earned},
		{"free charge", (*evidence).free, ""},
		{"free charge that no host granted", func(e *evidence) { e.free(); e.replace(`{"by":"host"}`, "{}") },
			audit.NoFree},
		{"free charge that was billed", func(e *evidence) {
			e.free()
			e.replace(`"total":{"amount":"0.00"`,
				`"total":{"amount":"0.25"`)
		}, audit.Priced},
		{"free charge without a word", func(e *evidence) { e.free(); e.without("free_granted") }, audit.Order},
		{"hold that the terminal undid by itself", func(e *evidence) {
			e.world.Ledger = append([]audit.Movement{{At: at(21), Kind: "hold", ReceiptNo: 230, Minor: 5000,
				Reference: "ABC1234"}, {At: at(22), Kind: "release", ReceiptNo: 230, Reference: "ABC1234"}},
				e.world.Ledger...)
		}, ""},
	} {
		e := newEvidence()
		c.spoil(e)
		broken, err := audit.Check(e.records(), e.world)
		if err != nil {
			t.Fatal(err)
		}
		if c.want == "" && len(broken) > 0 {
			t.Errorf("%s: %v", c.name, broken)
		}
		if c.want != "" && !slices.ContainsFunc(broken, func(v audit.Violation) bool { return v.Rule == c.want }) {
			t.Errorf("%s: found %v, want %q", c.name, broken, c.want)
		}
	}
}

// TestAJournalThatCannotBeRead ends an audit: it judges all or nothing.
func TestAJournalThatCannotBeRead(t *testing.T) {
	for _, spoiled := range []string{"bill [", "fault_raised ["} {
		e := newEvidence()
		e.journal += "\n" + spoiled
		if broken, err := audit.Check(e.records(), e.world); err == nil || broken != nil {
			t.Errorf("%s: %v, %v", spoiled, broken, err)
		}
	}
	failed := errors.New("the disk is gone")
	stops := func(yield func(kiosk.Record, error) bool) { yield(kiosk.Record{}, failed) }
	if _, err := audit.Check(stops, audit.World{}); !errors.Is(err, failed) {
		t.Error(err)
	}
}

// TestAViolationSaysHowMuch is in question.
func TestAViolationSaysHowMuch(t *testing.T) {
	e := newEvidence()
	e.replace(`"state":"unproven"`, `"state":"parking"`)
	e.replace(`"end":"2026-03-02T09:01:40Z"`, `"end":"2026-03-02T09:02:40Z"`)
	broken, err := audit.Check(e.records(), e.world)
	if err != nil || !slices.ContainsFunc(broken, func(v audit.Violation) bool {
		return v.What == "billed 1m30s, 40s passed"
	}) {
		t.Errorf("%v, %v", broken, err)
	}
}

func TestViolationsNameTheirSession(t *testing.T) {
	for want, v := range map[string]audit.Violation{
		"nothing is taken for no energy: session ABC1234: 25 was taken": {Rule: audit.Nothing, Session: "ABC1234",
			What: "25 was taken"},
		"the journal has no gap: record 4 follows 2": {Rule: audit.Sequence,
			What: "record 4 follows 2"},
	} {
		if v.String() != want {
			t.Errorf("%q, want %q", v, want)
		}
	}
}

func TestGapInTheJournal(t *testing.T) {
	e := newEvidence()
	gap := func(yield func(kiosk.Record, error) bool) {
		for r, err := range e.records() {
			if r.Seq != 6 && !yield(r, err) {
				return
			}
		}
	}
	broken, err := audit.Check(gap, e.world)
	if err != nil || len(broken) != 1 || broken[0].Rule != audit.Sequence {
		t.Errorf("%v, %v", broken, err)
	}
}

func TestCardNumberIsFound(t *testing.T) {
	for text, want := range map[string]int{
		`{"card":"5598830000018074"}`: 9, `{"card":"5598830000018075"}`: -1, `{"card":"559883******8074"}`: -1,
		"4111111111111111": 0, "no 411111111111111 x": -1, "20260302090000000": -1,
		"epoch1c03536051242840c6854941007985b8": -1,
		"4222222222222":                         0, "4026000000000000001": 0, // 13 and 19 digits
		"400000000002": -1, "40000000000000000002": -1, // 12 and 20, whose check digits are right
		"a5598830000018074": -1, "Z5598830000018074": -1, "5598830000018074A": -1, "5598830000018074z": -1,
		"@5598830000018074[": 1, "`5598830000018074{": 1, "5598830000018074a 4222222222222": 18,
	} {
		if got := audit.CardNumber([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
