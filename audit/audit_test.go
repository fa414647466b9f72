package audit_test

import (
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
			if !yield(kiosk.Record{Seq: int64(i + 1), Session: "S1", Kind: kind, Body: []byte(body)}, nil) {
				return
			}
		}
	}
}

func (e *evidence) without(kind string) {
	e.journal = strings.Join(slices.DeleteFunc(strings.Split(e.journal, "\n"), func(l string) bool { return strings.HasPrefix(l, kind+" ") }), "\n")
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

func (e *evidence) replace(old, new string) { e.journal = strings.Replace(e.journal, old, new, 1) }

// TestEachRuleCatches spoils one thing at a time. What is not spoiled breaks nothing.
func TestEachRuleCatches(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*evidence)
		want  audit.Rule // empty for none
	}{
		{"nothing", func(*evidence) {}, ""},
		{"hold captured twice", func(e *evidence) { e.world.Ledger = append(e.world.Ledger, e.world.Ledger[1]) }, audit.EndedOnce},
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
		{"billed other registers", func(e *evidence) { e.replace(`"import_wh":1500`, `"import_wh":1499`) }, audit.Measured},
		{"priced a stretch twice", func(e *evidence) { e.replace(`"energy_wh":300`, `"energy_wh":600`) }, audit.Measured},
		{"billed another price", func(e *evidence) { e.replace(`"price":0.49`, `"price":0.45`) }, audit.Priced},
		{"billed more than was held", func(e *evidence) { e.replace(`"approved":{"amount":"50.00"`, `"approved":{"amount":"0.20"`) }, audit.Priced},
		{"did not bill the time after charging", func(e *evidence) { e.replace(`"state":"unproven"`, `"state":"parking"`) }, audit.Priced},
		{"billed time that did not pass", func(e *evidence) {
			e.replace(`"state":"unproven"`, `"state":"parking"`)
			e.replace(`"end":"2026-03-02T09:01:40Z"`, `"end":"2026-03-02T09:02:40Z"`)
		}, audit.Timed},
		{"billed what was not delivered", func(e *evidence) { e.world.Flows[0].Energy = 499 }, audit.Delivered},
		{"energy at another bay", func(e *evidence) { e.world.Flows[0].Bay = 2 }, audit.NoFree},
		{"energy before the register was read", func(e *evidence) { e.world.Flows[0].From = at(55) }, audit.NoFree},
		{"energy after the contactor opened", func(e *evidence) { e.world.Flows[0].To = at(105) }, audit.NoFree},
		{"energy before the hold", func(e *evidence) { e.world.Ledger[0].At = at(80) }, audit.NoFree},
		{"captured hold of nobody", func(e *evidence) { e.world.Ledger[0].Reference = "ZZZ9999" }, audit.Known},
		{"session left open", func(e *evidence) { e.without("closed") }, audit.Closed},
		{"journal says released", func(e *evidence) { e.replace("capture_confirmed", "release_confirmed") }, audit.Closed},
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
		{"billed less after a restart", func(e *evidence) {
			e.world.Flows[0].Energy = 511
			e.replace("stop_intent {}", "resumed {}\nstop_intent {}")
		}, audit.Earned},
		{"billed less, of a register that could not be read", func(e *evidence) {
			e.world.Flows[0].Energy = 511
			e.replace(`"source":"read"`, `"source":"last_good"`)
		}, ""},
		{"billed a little less", func(e *evidence) { e.world.Flows[0].Energy = 510 }, ""},
		{"asked again and again", func(e *evidence) {
			e.replace("capture_intent {}", strings.TrimSuffix(strings.Repeat("capture_intent {}\n", 12), "\n"))
		}, audit.Patience},
		{"asked again, after the daemon was started", func(e *evidence) {
			e.replace("capture_intent {}", "resumed {}\n"+strings.TrimSuffix(strings.Repeat("capture_intent {}\n", 12), "\n"))
		}, ""},
		{"cable that was noticed too late", func(e *evidence) {
			e.world.Pulls = []audit.Pull{{Bay: 1, From: at(90), Opened: at(92)}}
		}, audit.Prompt},
		{"contactor that never opened", func(e *evidence) {
			e.world.Pulls = []audit.Pull{{Bay: 1, From: at(90), Away: true}}
		}, audit.Prompt},
		{"cable that the kiosk could not notice", func(e *evidence) {
			e.world.Pulls = []audit.Pull{{Bay: 1, From: at(90), Opened: at(92), Away: true}}
		}, ""},
		{"free charge", (*evidence).free, ""},
		{"free charge that nobody granted", func(e *evidence) { e.free(); e.replace(`{"by":"host"}`, "{}") }, audit.NoFree},
		{"free charge that was billed", func(e *evidence) { e.free(); e.replace(`"total":{"amount":"0.00"`, `"total":{"amount":"0.25"`) }, audit.Priced},
		{"free charge without a word", func(e *evidence) { e.free(); e.without("free_granted") }, audit.Order},
		{"hold that the terminal undid by itself", func(e *evidence) {
			e.world.Ledger = append([]audit.Movement{{At: at(21), Kind: "hold", ReceiptNo: 230, Minor: 5000, Reference: "ABC1234"}, {At: at(22), Kind: "release", ReceiptNo: 230, Reference: "ABC1234"}}, e.world.Ledger...)
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
	} {
		if got := audit.CardNumber([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
