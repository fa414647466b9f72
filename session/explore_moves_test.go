package session

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"kioskd"
)

// turn is one thing that may happen. do changes a copy of a node.
type turn struct {
	name string
	miss bool // a misfortune
	do   func(*node)
}

var (
	errUnknown     = fmt.Errorf("%w: the line fell silent", kiosk.ErrOutcomeUnknown)
	errUnreachable = fmt.Errorf("%w: no line", kiosk.ErrUnreachable)
	errBroken      = errors.New("it does not answer")
)

// moves are all things that may happen in a state.
func (n *node) moves() (out []turn) {
	out = append(n.driverMoves(), n.timeMoves()...)
	out = append(out, n.killMoves()...)
	if len(n.bay) > 0 {
		out = append(out, n.bayMoves()...)
	}
	if len(n.cmds) == 0 {
		return append(out, n.listMoves()...)
	}
	switch n.cmds[0].Do {
	case AskTerminal:
		return append(out, n.listMoves()...)
	case AskHold:
		return append(out, n.holdMoves()...)
	case CaptureHold, ReleaseHold:
		return append(out, n.bookingMoves()...)
	case EndOfDay:
		return append(out, n.dayMoves()...)
	}
	return out
}

func (n *node) driverMoves() (out []turn) {
	add := func(name string, o Observation) { out = append(out, turn{name: name, do: func(n *node) { n.see(o) }}) }
	if _, taken := n.s.AtBay(1); !taken && n.came < n.x.sessions {
		add("a visitor chooses the bay", Observation{What: Chosen, Bay: 1})
	}
	for _, x := range n.s.ordered() {
		switch {
		case x.Record == RecordClosed:
		case x.Money == MoneyNone:
			add("they accept the price", Observation{What: Accepted, Session: x.ID, Offer: worldOffer()})
		case x.MayTryAgain():
			add("they try another card", Observation{What: AskedAgain, Session: x.ID})
		case x.Money == HoldAsked, x.Money == HoldUncertain, x.Power == Waiting:
			add("they cancel", Observation{What: Cancelled, Session: x.ID})
		case x.running():
			add("they stop", Observation{What: StopPressed, Session: x.ID, By: ByScreen})
		}
	}
	plug := func(name string, plugged bool) {
		out = append(out, turn{name: name, do: func(n *node) { n.w.plugged = plugged; n.look(n.w.sample()) }})
	}
	if n.w.plugged {
		plug("the cable is pulled", false)
	} else {
		plug("a vehicle is plugged in", true)
	}
	return out
}

func (n *node) timeMoves() (out []turn) {
	steps := n.x.steps
	if n.w.closed {
		steps = steps[:2]
	}
	busy := len(n.cmds) > 0 || len(n.bay) > 0
	if busy { // a device takes its time
		steps = steps[:1]
	}
	for _, d := range steps {
		out = append(out, turn{fmt.Sprint(d, " pass"), busy, func(n *node) { n.pass(d); n.look(n.w.sample()) }})
	}
	bad := func(name string, d time.Duration, change func(*node, *Sample)) {
		out = append(out, turn{name, true, func(n *node) {
			n.pass(d)
			sm := n.w.sample()
			change(n, &sm)
			n.look(sm)
		}})
	}
	if x, taken := n.s.AtBay(1); taken && x.mayCharge() {
		bad("the emergency stop is pressed", time.Second, func(_ *node, sm *Sample) { sm.Inputs.Emergency = true })
		bad("the inputs are lost", 10*time.Second, func(n *node, sm *Sample) { sm.InputsLost = 10 * time.Second })
		bad("the meter is lost", 20*time.Second, func(n *node,
			sm *Sample) {
			sm.Reading, sm.MeterLost = nil, 20*time.Second
		})
		out = append(out, n.boxTroubles()...)
		bad("the meter says what cannot be", time.Second, func(n *node, sm *Sample) {
			sm.Reading, sm.MeterFault, sm.Good = nil, "MT003", n.live.Good
		})
	}
	return out
}

func (n *node) killMoves() (out []turn) {
	if n.past == nil {
		return nil
	}
	out = append(out, turn{"the daemon is killed and is back in 2 s", true, func(n *node) {
		n.pass(2 * time.Second)
		n.restart()
	}}, turn{"the daemon is killed, and is back in 10 min", true, func(n *node) {
		if n.w.box.there {
			n.away(10 * time.Minute)
		} else {
			n.pass(10 * time.Second)
			n.w.closed = n.w.closed && n.w.stuck // the board opened by itself
			n.w.now = n.w.now.Add(10 * time.Minute)
		}
		n.restart()
	}})
	if n.w.closed {
		out = append(out, turn{"the daemon is killed, and another vehicle is plugged in", true, func(n *node) {
			n.w.plugged = false
			n.pass(6 * time.Second)
			n.w.plugged = true
			if n.w.box.there { // its transaction ended with the first vehicle
				n.w.closed, n.w.box.tx = false, ""
			} else {
				n.w.counted += 4
			}
			n.restart()
		}})
	}
	return out
}

func (n *node) bayMoves() (out []turn) {
	c := n.bay[0]
	add := func(name string, miss bool, do func(*node, *Observation)) {
		out = append(out, turn{name, miss, func(n *node) {
			n.bay = n.bay[1:]
			o := Observation{Session: c.Session, Bay: 1}
			do(n, &o)
			if c.Session != "" {
				n.see(o)
			}
			n.look(n.w.sample())
		}})
	}
	read := func(what What, name string) {
		add("the "+name+" register is read", false, func(n *node,
			o *Observation) {
			o.What, o.Reading = what, n.w.reading()
		})
		add("the "+name+" register cannot be read", true, func(n *node,
			o *Observation) {
			o.What, o.Err = what, errBroken
		})
	}
	killed := func(name string, closed bool) {
		out = append(out, turn{name, true, func(n *node) { n.w.closed, n.w.stuck = closed, false; n.restart() }})
	}
	switch c.Do {
	case ReadBaseline:
		read(BaselineRead, "first")
	case ReadFinal:
		read(FinalRead, "last")
	}
	switch c.Do {
	case BeginSigning, SignFinal, KeptSigning, DropSigning:
		n.signingMoves(add)
		return out
	}
	if n.w.box.there {
		more := n.boxMoves(add) // which adds, too
		return append(out, more...)
	}
	switch c.Do {
	case CloseContact:
		add("the contactor closes", false, func(n *node, o *Observation) {
			n.w.closed, o.What, o.Closed = true, ContactorMoved, true
		})
		killed("the contactor closes, and the daemon is killed before it wrote that down", true)
		add("the contactor does not close", true, func(n *node, o *Observation) {
			o.What, o.Closed, o.Err = ContactorMoved, true, errBroken
		})
		add("the contactor closes, and its feedback does not tell", true, func(n *node, o *Observation) {
			n.w.closed, o.What, o.Closed, o.Err = true, ContactorMoved, true, errBroken
		})
	case OpenContact:
		add("the contactor opens", false, func(n *node, o *Observation) {
			n.w.closed, n.w.stuck, o.What = false, false, ContactorMoved
		})
		killed("the contactor opens, and the daemon is killed before it wrote that down", false)
		add("the contactor stays closed", true, func(n *node, o *Observation) {
			n.w.stuck, o.What, o.Err = n.w.closed, ContactorMoved, errBroken
		})
	}
	return out
}

// listMoves are what the terminal may say is open.
func (n *node) listMoves() (out []turn) {
	add := func(name string, miss bool, do func(*node)) {
		out = append(out, turn{name, miss, func(n *node) {
			if len(n.cmds) > 0 {
				n.pop()
			}
			do(n)
		}})
	}
	open := n.w.open()
	add("the terminal lists what is open", false, func(n *node) { n.list(open, true, true) })
	if len(n.cmds) > 0 {
		add("the terminal does not answer", true, func(n *node) {
			n.see(Observation{What: FaultSeen, Fault: "PT001", Raised: true, Err: errUnreachable})
		})
	}
	if !n.s.waits() && len(open) == 0 {
		return out
	}
	add("the terminal lists what is open, and is not ready", true, func(n *node) { n.list(open, true, false) })
	if len(open) > 0 {
		add("the terminal lists nothing", true, func(n *node) { n.list(nil, true, true) })
		add("the terminal names one hold only", true, func(n *node) { n.list(open[:1], false, true) })
	} else {
		add("the terminal lists nothing, and that is not all", true, func(n *node) { n.list(nil, false, true) })
	}
	add("the terminal lists a hold that is not there yet", true, func(n *node) {
		n.list(append(slices.Clone(open), kiosk.HoldID(fmt.Sprint(n.w.receipts+1))), true, true)
	})
	for _, h := range slices.Backward(n.w.holds) {
		if !h.open {
			add("the terminal lists what it has settled", true, func(n *node) {
				n.list(append(slices.Clone(open), h.receipt), true, true)
			})
			break
		}
	}
	return out
}

// waits tells whether money waits for anything.
func (s State) waits() bool {
	for _, x := range s.Sessions {
		if x.Record != RecordClosed && x.Money != MoneyNone && x.Money != Free {
			return true
		}
	}
	return false
}

// holdMoves are what may come of a card that is asked for.
func (n *node) holdMoves() (out []turn) {
	add := func(name string, miss bool, do func(*node, Command) error) {
		out = append(out, turn{name, miss, func(n *node) {
			c := n.pop()
			err := do(n, c)
			n.see(Observation{What: HoldEnded, Session: c.Session, Err: err})
		}})
	}
	approve := func(n *node, c Command, amount int64) error {
		h := n.w.hold(c.Session, amount)
		if err := n.see(Observation{What: HoldApproved, Session: c.Session, Hold: &h}); err != nil {
			n.w.change(h.ID, func(b *bankHold) { b.open = false }) // the terminal reverses it
			return &kiosk.Declined{Class: kiosk.DeclineNotWritten, Code: "9C"}
		}
		return nil
	}
	add("the bank approves", false, func(n *node, c Command) error { return approve(n, c, c.Amount.Minor) })
	add("the bank approves less", true, func(n *node, c Command) error { return approve(n, c, c.Amount.Minor/2) })
	add("the bank approves, and the answer is lost", true, func(n *node, c Command) error {
		n.w.hold(c.Session, c.Amount.Minor)
		return errUnknown
	})
	add("the bank approves, and the completion is lost", true, func(n *node, c Command) error {
		if err := approve(n, c, c.Amount.Minor); err != nil {
			return err
		}
		return errUnknown
	})
	add("the bank approves, the completion is lost, and the hold is reversed", true, func(n *node, c Command) error {
		if err := approve(n, c, c.Amount.Minor); err != nil {
			return err
		}
		n.w.change(n.w.holds[len(n.w.holds)-1].receipt, func(b *bankHold) { b.open = false })
		return errUnknown
	})
	if n.w.last != nil {
		add("the terminal sends the booking before as the hold's result", true, func(n *node, c Command) error {
			old := kiosk.Hold{ID: n.w.last.ID, TraceNo: n.w.last.TraceNo, Approved: c.Amount,
				TerminalID: worldTerminal}
			if err := n.see(Observation{What: HoldApproved, Session: c.Session, Hold: &old}); err != nil {
				return &kiosk.Declined{Class: kiosk.DeclineNotWritten, Code: "9C"}
			}
			return nil
		})
	}
	if k := len(n.w.holds); k > 0 && !n.w.holds[k-1].open {
		add("the terminal sends the hold before once more", true, func(n *node, c Command) error {
			h := n.w.holds[len(n.w.holds)-1]
			old := kiosk.Hold{ID: h.receipt, TraceNo: string(h.receipt), Approved: c.Amount,
				TerminalID: worldTerminal}
			if err := n.see(Observation{What: HoldApproved, Session: c.Session, Hold: &old}); err != nil {
				return &kiosk.Declined{Class: kiosk.DeclineNotWritten, Code: "9C"}
			}
			return nil
		})
	}
	add("no answer to the card, and nothing is held", true, func(*node, Command) error { return errUnknown })
	add("the line is down", true, func(*node, Command) error { return errUnreachable })
	for _, class := range kiosk.DeclineClasses() {
		add("the card is declined: "+string(class), class != kiosk.DeclineNoCard, func(*node, Command) error {
			return &kiosk.Declined{Class: class, Code: "05"}
		})
	}
	out = append(out, turn{"the bank approves, and the daemon is killed", true, func(n *node) {
		c := n.pop()
		n.w.hold(c.Session, c.Amount.Minor)
		n.restart()
	}}, turn{"the bank approves, and the daemon is killed after it wrote that down", true, func(n *node) {
		approve(n, n.pop(), worldHold)
		n.restart()
	}})
	return out
}

// bookingMoves are what may come of a capture or a release.
func (n *node) bookingMoves() (out []turn) {
	c := n.cmds[0]
	word, amount := "gives back", int64(0)
	if c.Do == CaptureHold {
		word, amount = "takes", c.Amount.Minor
	}
	end := func(n *node, b *kiosk.CaptureResult, err error) {
		n.see(Observation{What: SettlementEnded, Session: c.Session, Result: b, Err: err})
	}
	add := func(name string, miss bool, do func(*node)) {
		out = append(out, turn{name, miss, func(n *node) { n.pop(); do(n); n.judgeBank() }})
	}
	no := func(class kiosk.DeclineClass) error { return &kiosk.Declined{Class: class, Code: "B4"} }
	record := func(n *node, b kiosk.CaptureResult) bool {
		if n.see(Observation{What: SettlementApproved, Session: c.Session, Result: &b}) != nil {
			n.w.reverse(c.Hold.ID)
			end(n, nil, no(kiosk.DeclineNotWritten))
			return false
		}
		return true
	}
	if !slices.Contains(n.w.open(), c.Hold.ID) {
		add("the bank has no such hold", false, func(n *node) { end(n, nil, no(kiosk.DeclineNoHold)) })
	} else {
		add("the bank "+word, false, func(n *node) {
			if b, _ := n.w.book(c.Hold.ID, amount); record(n, b) {
				end(n, &b, nil)
			}
		})
		add("the bank "+word+", and the answer is lost", true, func(n *node) {
			n.w.book(c.Hold.ID, amount)
			end(n, nil, errUnknown)
		})
		add("the bank "+word+", and the completion is lost", true, func(n *node) {
			if b, _ := n.w.book(c.Hold.ID, amount); record(n, b) {
				end(n, nil, errUnknown)
			}
		})
		add("the bank "+word+", the completion is lost, and it is reversed", true, func(n *node) {
			if b, _ := n.w.book(c.Hold.ID, amount); record(n, b) {
				n.w.reverse(c.Hold.ID)
				end(n, nil, errUnknown)
			}
		})
		add("the bank "+word+", and the daemon is killed", true, func(n *node) {
			n.w.book(c.Hold.ID, amount)
			n.restart()
		})
		add("the bank "+word+", and the daemon is killed after it wrote that down", true, func(n *node) {
			if b, _ := n.w.book(c.Hold.ID, amount); record(n, b) {
				n.restart()
			}
		})
		add("the terminal says that there is no such hold", true,
			func(n *node) { end(n, nil, no(kiosk.DeclineNoHold)) })
	}
	for _, class := range []kiosk.DeclineClass{kiosk.DeclineHost, kiosk.DeclineTerminal, kiosk.DeclineDayEnd} {
		add("the terminal refuses: "+string(class), true, func(n *node) { end(n, nil, no(class)) })
	}
	add("the terminal does not answer, and did nothing", true, func(n *node) { end(n, nil, errUnknown) })
	add("the line is down", true, func(n *node) { end(n, nil, errUnreachable) })
	return out
}

func (n *node) dayMoves() []turn {
	end := func(n *node, err error) {
		n.pop()
		if len(n.w.open()) > 0 && err == nil { // the worker asks the terminal first
			err = errors.New("the terminal has holds")
		}
		n.see(Observation{What: DayEndDone, Err: err})
	}
	return []turn{{"the terminal ends its day", false, func(n *node) { end(n, nil) }},
		{"the terminal does not end its day", true, func(n *node) { end(n, errBroken) }}}
}
