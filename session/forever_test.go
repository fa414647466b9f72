package session_test

import (
	"fmt"
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
)

// How many commands of a kind, and records, an hour may have, whatever the terminal answers.
const (
	mostCommands = 12
	mostRecords  = 200
)

// stuck is a terminal that gives the same answers for ever.
type stuck struct {
	answer error // to each command about money
	booked *kiosk.CaptureResult
	lists  kiosk.OpenHolds
	flaps  bool // its line is lost and found again
}

// TestNoAnswerIsAskedForWithoutEnd: whatever a terminal says to a command, and lists, and however
// often: it is sent few commands an hour, and the journal does not grow without end.
func TestNoAnswerIsAskedForWithoutEnd(t *testing.T) {
	answers := map[string]stuck{
		"unreachable": {answer: kiosk.ErrUnreachable}, "flaps": {answer: kiosk.ErrUnreachable, flaps: true},
		"unknown": {answer: kiosk.ErrOutcomeUnknown}, "unknown and flaps": {answer: kiosk.ErrOutcomeUnknown,
			flaps: true},
		"another terminal": {answer: fmt.Errorf("%w: %w", kiosk.ErrUnreachable, kiosk.ErrOtherTerminal)},
		"books too little": {booked: booking("300", 1)}, "books nothing": {booked: booking("300", 0)},
		"books what is due, and lists it": {booked: booking("300", 98)},
	}
	for _, class := range kiosk.DeclineClasses() {
		answers["says "+string(class)] = stuck{answer: &kiosk.Declined{Class: class, Code: "B5"}}
	}
	lists := map[string]kiosk.OpenHolds{
		"all": {IDs: []kiosk.HoldID{"231"}, Complete: true}, "none": {Complete: true},
		"one of many":   {IDs: []kiosk.HoldID{"230"}},
		"nothing whole": {}, "a strange one": {IDs: []kiosk.HoldID{"99"}, Complete: true},
		"two": {IDs: []kiosk.HoldID{"231", "99"}, Complete: true},
	}
	begins := map[string]func(*play){
		"capture": func(p *play) { billed(p) },
		"release": func(p *play) {
			p.choose().accept().approve().must(session.Observation{What: session.Cancelled})
		},
		"hold":       func(p *play) { p.choose().accept() },
		"end of day": func(p *play) { p.must(session.Observation{What: session.DayEndAsked}) },
		"day end asked": func(p *play) {
			p.must(session.Observation{What: session.TerminalWell, Err: declined(kiosk.DeclineDayEnd)})
		},
		"charging": func(p *play) { p.choose().accept().approve().charge() },
	}
	for answer, s := range answers {
		for list, open := range lists {
			for begin, given := range begins {
				t.Run(begin+"/"+answer+"/"+list, func(t *testing.T) {
					p := newPlay(t)
					p.rules.DayEnd = -1
					given(p)
					s.lists = open
					p.endure(s)
				})
			}
		}
	}
}

// endure lets a stuck terminal answer for some hours, and counts.
func (p *play) endure(s stuck) {
	p.t.Helper()
	sent, orphan := map[string]int{}, 0
	records := len(p.past)
	for second := 0; second < 2*3600; second += 30 {
		if second%3600 == 0 {
			sent, records = map[string]int{}, len(p.past)
		}
		for n := 0; len(p.cmds) > 0; n++ {
			c := p.cmds[0]
			p.cmds = p.cmds[1:]
			what := string(c.Do) + " " + c.Session
			sent[what]++
			if sent[what] > mostCommands && moves(c.Do) || n > 100 {
				p.t.Fatalf("%s was sent %d times in the hour before second %d: %s", what, sent[what], second, p.order())
			}
			p.answer(c, s)
		}
		p.after(30 * time.Second)
		if s.flaps {
			p.must(session.Observation{What: session.FaultSeen, Fault: "PT001", Raised: second/60%2 == 0,
				Err: s.answer})
		}
		orphan++
		p.must(session.Observation{What: session.TerminalSaid, Session: fmt.Sprintf("O%d", orphan),
			Reference: "XYZ9999", Ready: true, Open: s.lists})
		p.must(session.Observation{What: session.Ticked})
		if _, taken := p.state.AtBay(3); taken {
			p.sample(3000, unplugged)
		}
		if n := len(p.past) - records; n > mostRecords {
			p.t.Fatalf("%d records in the hour before second %d: %s", n, second, p.order())
		}
	}
}

// moves tells whether a command moves money.
func moves(do session.Do) bool {
	return do == session.AskHold || do == session.CaptureHold || do == session.ReleaseHold || do == session.EndOfDay
}

// answer is what a stuck terminal and a bay that works answer to a command.
func (p *play) answer(c session.Command, s stuck) {
	o := session.Observation{Session: c.Session, Err: s.answer}
	switch c.Do {
	case session.AskHold:
		o.What = session.HoldEnded
		if s.answer == nil {
			o.Err = &kiosk.Declined{Class: kiosk.DeclineUnreadable, Code: "64"}
		}
	case session.CaptureHold, session.ReleaseHold:
		o.What, o.Result = session.SettlementEnded, s.booked
		if s.booked != nil && s.booked.Booked.Minor == 98 && c.Do == session.ReleaseHold {
			o.Result = booking("300", 0)
		}
	case session.EndOfDay:
		o.What = session.DayEndDone
		if s.answer == nil {
			o.Err = kiosk.ErrOutcomeUnknown
		}
	case session.OpenContact:
		o.What, o.Err = session.ContactorMoved, nil
	case session.ReadFinal:
		o.What, o.Reading, o.Err = session.FinalRead, p.reading(3000), nil
	case session.ReadBaseline:
		o.What, o.Reading, o.Err = session.BaselineRead, p.reading(3000), nil
	case session.CloseContact:
		o.What, o.Closed, o.Err = session.ContactorMoved, true, nil
	default:
		return
	}
	p.must(o)
}
