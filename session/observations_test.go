package session

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
	"testing"
	"time"

	"kioskd"
)

// observations are all that can be said to a machine whose present session is id, each with the fields that its kind
// has, good and bad.
func observations(id string, at time.Time) []Observation {
	euro := func(minor int64) kiosk.Money { return kiosk.Money{Minor: minor, Currency: worldCurrency} }
	hold := func(n string, minor int64) *kiosk.Hold {
		return &kiosk.Hold{ID: kiosk.HoldID(n), TraceNo: n, TerminalID: worldTerminal, Approved: euro(minor), At: at}
	}
	result := func(minor int64) *kiosk.CaptureResult {
		return &kiosk.CaptureResult{ID: "900", TraceNo: "900", Booked: euro(minor)}
	}
	reading := func(wh kiosk.Energy) *kiosk.Reading {
		return &kiosk.Reading{At: at, Import: wh, Serial: "M1", Named: true}
	}
	look := func(in kiosk.BayInputs, wh kiosk.Energy) *Sample {
		return &Sample{Inputs: in, Reading: reading(wh), Good: reading(wh)}
	}
	given := worldOffer()
	given.Hold.Minor, given.Limit = 0, &Limit{Energy: 5}
	total := euro(5)
	no := func(c kiosk.DeclineClass) error { return &kiosk.Declined{Class: c, Code: "05"} }
	out := []Observation{{What: Accepted, Offer: worldOffer()}, {What: Cancelled}, {What: StopPressed},
		{What: StopPressed, By: ByScreen}, {What: StopPressed, By: "office"},
		{What: HoldApproved, Hold: hold("800", 10)},
		{What: HoldApproved, Hold: hold("801", 11)}, {What: HoldApproved, Hold: hold("1", 10)}, {What: HoldEnded},
		{What: BaselineRead, Reading: reading(1000)}, {What: BaselineRead, Err: errBroken},
		{What: SigningStarted, Reading: reading(1000), Records: []string{"OCMF|{}|{}"}},
		{What: SigningStarted, Err: errBroken},
		{What: ContactorMoved, Closed: true}, {What: ContactorMoved},
		{What: ContactorMoved, Closed: true, Err: errBroken},
		{What: ContactorMoved, Err: errBroken}, {What: FinalRead, Reading: reading(1010)},
		{What: FinalRead, Err: errBroken},
		{What: SettlementApproved, Result: result(0)}, {What: SettlementApproved, Result: result(3)},
		{What: SettlementApproved, Result: result(11)}, {What: SettlementEnded, Result: result(0)},
		{What: SettlementEnded, Result: result(3)}, {What: AskedAgain}, {What: CodeEntered, Code: "0000"},
		{What: CardAsked}, {What: CardRead, Card: "c"}, {What: MoreAsked}, {What: RetryAsked},
		{What: MoveAsked, Bay: 2}, {What: MoveAsked, Bay: 2,
			Live: map[int]Sample{2: *look(kiosk.BayInputs{Plugged: true}, 1000)}}}
	for _, err := range []error{errUnknown, errUnreachable, errBroken, no(kiosk.DeclineIssuer), no(kiosk.DeclineNoHold),
		no(kiosk.DeclineDayEnd), no(kiosk.DeclineNotWritten)} {
		out = append(out, Observation{What: HoldEnded, Err: err}, Observation{What: SettlementEnded, Err: err})
	}
	for i := range out {
		out[i].Session = id
	}
	lists := []kiosk.OpenHolds{{Complete: true}, {},
		{IDs: []kiosk.HoldID{"1"}, Complete: true, TerminalID: worldTerminal},
		{IDs: []kiosk.HoldID{"99"}, Complete: true}, {Complete: true, TerminalID: "other"}}
	for _, l := range lists {
		out = append(out, Observation{What: TerminalSaid, Open: l, Ready: true, Last: result(3)})
	}
	all := kiosk.BayInputs{Plugged: true, Requesting: true, Closed: true}
	out = append(out, []Observation{{What: Chosen, Bay: 1}, {What: Chosen, Bay: 2}, {What: TerminalWell},
		{What: TerminalWell, Err: no(kiosk.DeclineTerminal)}, {What: TerminalWell, Err: no(kiosk.DeclineDayEnd)},
		{What: Ticked}, {What: Booted}, {What: Shutdown}, {What: FaultSeen, Fault: kiosk.FaultMeterUnreachable, Bay: 1,
			Raised: true}, {What: FaultSeen, Fault: "XX"}, {What: FaultDone, Fault: kiosk.FaultEnergyUnsold, Bay: 1},
		{What: FaultDone, Fault: kiosk.FaultRegisterJump, Bay: 1, Old: reading(1), Reading: reading(1)},
		{What: DayEndAsked}, {What: DayEndAsked, Force: true}, {What: DayEndDone, Total: &total},
		{What: DayEndDone, Err: errUnknown}, {What: DrainAsked, Raised: true}, {What: DrainAsked},
		{What: ClockSeen}, {What: ClockSeen, From: &at}, {What: FreeAsked, Bay: 1, By: "host", Offer: given},
		{What: FreeAsked, Bay: 1}, {What: CodeJudged}, {What: CodeJudged, Raised: true, By: "host"},
		{What: TestAsked, Bay: 1}, {What: TestAsked, Bay: 1, Sample: look(kiosk.BayInputs{}, 1000)},
		{What: TestEnded, Bay: 1}, {What: TestEnded, Bay: 1, Err: errBroken},
		{What: MeterChanged, Bay: 1, Reading: reading(7)},
		{What: MeterChanged, Bay: 1, Old: reading(9), Reading: reading(9)},
		{What: ShutAsked, Bay: 1, Raised: true}, {What: ShutAsked, Bay: 9}, {What: RefundTold, Amount: &total},
		{What: ChargerStarted, Bay: 1, Reading: reading(1000), Transaction: &kiosk.Transaction{ID: 1, IDTag: "R1"}},
		{What: ChargerRefused, Bay: 1, Transaction: &kiosk.Transaction{ID: 2, IDTag: "free"}, Err: errBroken},
		{What: ChargerEnded, Bay: 1, Ended: &ChargerEndBody{Bay: 1, Reading: reading(1010),
			Transaction: kiosk.Transaction{ID: 1, IDTag: "R1"}}},
		{What: SigningFound, Bay: 1, Records: []string{"OCMF|{}|{}"}},
		{What: NoteTold, Noted: &Event{Kind: CommandGiven, Body: NoteBody{By: "host", What: "drain"}}},
		{What: InstructionGiven, Instruction: &kiosk.Instruction{ID: "1"}},
		{What: InstructionEnded, Instruction: &kiosk.Instruction{ID: "1"}, Err: errBroken},
		{What: Sampled, Bay: 1, Sample: look(all, 1010)},
		{What: Sampled, Bay: 1, Sample: look(kiosk.BayInputs{}, 1010)},
		{What: Sampled, Bay: 1, Sample: look(kiosk.BayInputs{Plugged: true, Emergency: true}, 1010)},
		{What: Sampled, Bay: 1, Sample: &Sample{InputsLost: time.Minute, MeterLost: time.Minute}},
		{What: Sampled, Bay: 1, Sample: &Sample{Inputs: all, MeterFault: kiosk.FaultRegisterJump}},
		{What: Sampled, Bay: 2, Sample: look(all, 1010)}, {What: "unheard of"}}...)
	for i := range out {
		out[i].At = at
		if out[i].Session == "" {
			out[i].Session, out[i].Reference = "S999", "R999"
		}
	}
	return out
}

// TestEveryObservationIsThere: a new kind of observation is held against the promises, too.
func TestEveryObservationIsThere(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "observe.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, o := range observations("S1", time.Time{}) {
		there[`"`+string(o.What)+`"`] = true
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, is := n.(*ast.ValueSpec)
		if is && fmt.Sprint(spec.Type) == "What" && !there[spec.Values[0].(*ast.BasicLit).Value] {
			t.Errorf("%s is not among the observations", spec.Names[0])
		}
		return true
	})
}

// TestAnythingInAnyState says everything to the machine in every state that the explorer reaches with up to two
// misfortunes, whether it fits or not. What is refused has a reason and changes nothing; what is taken fits whole; no
// state is changed in place; and whatever was said, no card is asked for over a hold, nothing is taken beyond bill
// and hold, nothing that was billed is given back, and no contactor closes without a hold and a register.
func TestAnythingInAnyState(t *testing.T) {
	x := newExplorer(1, 2)
	x.steps = x.steps[:2]
	first := &node{x: x, w: world{now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), counted: 1000}}
	first.s = State{}.clone()
	first.restart()
	said, taken, judged := 0, 0, map[string]bool{}
	x.level = []*node{first}
	for misses := 0; misses <= x.most; misses++ {
		for ; len(x.level) > 0 && len(judged) < 60*(1+misses); x.level = x.level[1:] {
			n := x.level[0]
			if judged[shape(n.s)] {
				continue
			}
			judged[shape(n.s)] = true
			a, b := anything(t, n)
			said, taken = said+a, taken+b
			for _, m := range n.moves() {
				if next := n.after(m); next.misses > misses {
					x.next = append(x.next, next)
				} else if !judged[shape(next.s)] {
					x.level = append(x.level, next)
				}
			}
		}
		x.level, x.next = x.next, nil
	}
	states := len(judged)
	t.Logf("%d states, %d said, %d taken", states, said, taken)
	if states < 60 || taken < 1000 {
		t.Errorf("only %d states, and %d observations that were taken", states, taken)
	}
}

// shape is what a state looks like to an observation.
func shape(s State) string {
	out := fmt.Sprint(s.Draining, s.Day.Due.IsZero(), s.Day.Asked.IsZero(), len(s.Faults), len(s.Testing))
	for _, x := range s.ordered() {
		out += fmt.Sprint(" ", x.Money, x.Power, x.Record, x.Cancel, x.Maybe, x.Blind, x.Missing, min(x.Attempt, 4),
			x.Proof, x.Class, x.Welded, x.apart, x.Bill != nil && x.Bill.Total.Minor > 0, x.Tries)
	}
	return out
}

// anything says everything in one state.
func anything(t *testing.T, n *node) (said, taken int) {
	t.Helper()
	again := func() State {
		s, err := Replay(n.past.records())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	state, same := again(), again()
	ids := []string{"S998"}
	for _, x := range state.ordered() {
		ids = append(ids, x.ID)
	}
	for _, id := range ids {
		for _, o := range observations(id, n.w.now.Add(time.Second)) {
			said++
			turn, err := n.x.rules.Turn(state, o, nil)
			where := fmt.Sprintf("%s (%v) in %s", o.What, o.Err, shape(state))
			switch {
			case err != nil && (!strings.HasPrefix(err.Error(), "cannot ") ||
				strings.HasPrefix(err.Error(), "cannot apply")):
				t.Fatalf("%s: %v", where, err)
			case err != nil && len(turn.Events)+len(turn.Commands)+len(turn.Entries) > 0:
				t.Fatalf("%s is refused, and %v is written down", where, turn.Events)
			case len(turn.Events) == 0 && !reflect.DeepEqual(turn.State, state):
				t.Fatalf("%s does nothing, and the state is another", where)
			case len(turn.Events) > 0:
				taken++
			}
			for _, c := range turn.Commands {
				if why := forbidden(state, turn.State, c); why != "" {
					t.Errorf("%s: %s", where, why)
				}
			}
			for _, e := range turn.Events {
				if err := readable(e); err != nil {
					t.Errorf("%s: %v", where, err)
				}
			}
		}
	}
	if !reflect.DeepEqual(state, same) {
		t.Fatalf("the state was changed in place: %s", shape(same))
	}
	return said, taken
}

// readable tells why an event that was decided cannot be read back.
func readable(e Event) error {
	entry, err := e.Entry()
	if err != nil {
		return err
	}
	back, err := FromRecord(kiosk.Record{Seq: 1, Session: entry.Session, Kind: entry.Kind, Body: entry.Body,
		Token: entry.Token})
	if err == nil && (back.Kind != e.Kind || !back.At.Equal(e.At) || (back.Body == nil) != (e.Body == nil)) {
		err = fmt.Errorf("%+v is read back as %+v", e, back)
	}
	return err
}

// forbidden tells why a command must not be given, by what was true before it and what is written down now.
func forbidden(before, now State, c Command) string {
	was, x := before.Sessions[c.Session], now.Sessions[c.Session]
	switch c.Do {
	case AskHold:
		if was.Money != MoneyNone && was.Money != Declined && was.Money != HoldAsked && was.ID != "" ||
			x.Offer == nil ||
			c.Amount != x.Offer.Hold || was.Money == HoldAsked && x.Tries != was.Tries+1 {
			return fmt.Sprintf("a card is asked for %v where money was %s", c.Amount, was.Money)
		}
	case CaptureHold:
		if x.Bill == nil || c.Amount != x.Bill.Total || c.Amount.Minor <= 0 || c.Amount.Minor > x.Hold.Approved.Minor ||
			x.Power != Off {
			return fmt.Sprintf("%v is taken with bill %+v and power %s", c.Amount, x.Bill, x.Power)
		}
	case ReleaseHold:
		if x.Bill != nil && x.Bill.Total.Minor > 0 || x.Power != Off {
			return fmt.Sprintf("a hold is given back with bill %+v and power %s", x.Bill, x.Power)
		}
	case CloseContact:
		if !was.mayCharge() || x.Start == nil || was.Power != Starting {
			return fmt.Sprintf("the contactor closes where money is %s and power was %s", was.Money, was.Power)
		}
	case TestContact:
		if _, is := now.AtBay(c.Bay); is {
			return "a contactor is tested under a driver"
		}
	case EndOfDay:
		for _, y := range now.Sessions {
			if y.Money == Held || y.Money == HoldAsked || y.Money == HoldRecorded || y.Money == HoldUncertain {
				return fmt.Sprintf("the day ends while money is %s", y.Money)
			}
		}
	}
	return ""
}
