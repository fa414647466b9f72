package session

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// What the promises are, said of the world and of the journal, and not of the machine's own words.

// had tells whether the journal has a kind of event of a session.
func (n *node) had(session string, kinds ...Kind) bool {
	for p := n.past; p != nil; p = p.before {
		if p.event.Session == session && slices.Contains(kinds, p.event.Kind) {
			return true
		}
	}
	return false
}

// mostSpent is how many money commands may follow each other while no time passes: a card that cannot be
// read is asked for three times, and what came of a hold or a booking is tried three times.
const mostSpent = 6

// judgeCommand judges what is about to be done.
func (n *node) judgeCommand(c Command) {
	x := n.s.Sessions[c.Session]
	switch c.Do {
	case AskHold:
		for _, h := range n.w.holds {
			if h.session == c.Session && (h.open || h.taken > 0) {
				n.x.violated(n, "a card is asked for although the bank has hold %s of that session", h.receipt)
			}
		}
		if !n.had(c.Session, OfferAccepted) || c.Amount.Minor > worldHold {
			n.x.violated(n, "%v is asked for without consent", c.Amount)
		}
	case CaptureHold:
		switch {
		case !n.had(c.Session, MeterStart) || !n.had(c.Session, MeterEnd) || !n.had(c.Session, Billed):
			n.x.violated(n, "%v is taken without a journaled reading", c.Amount)
		case c.Amount.Minor > x.Hold.Approved.Minor || c.Amount.Minor > worldHold || c.Amount.Minor <= 0:
			n.x.violated(n, "%v is taken of a hold of %v", c.Amount, x.Hold.Approved)
		case x.Bill.Energy > n.w.counted-n.w.from && x.Start.Import == n.w.from:
			n.x.violated(n, "%v are billed, and %v flowed", x.Bill.Energy, n.w.counted-n.w.from)
		}
		if n.x.rules.Signs[1] {
			n.judgeSigned(c.Session)
		}
	case CloseContact:
		read := n.had(c.Session, MeterStart) || x.Charger // which tells its register when it begins
		if !n.had(c.Session, HoldConfirmed, FreeGranted) || !read || x.Power != Closing {
			n.x.violated(n, "the contactor is closed without a hold and a register")
		}
		if n.x.rules.Signs[1] && !n.had(c.Session, SigningBegan) {
			n.x.violated(n, "the contactor is closed, and the meter signed no beginning")
		}
		// What a list names wrongly cannot be told from what is so.
		if !slices.ContainsFunc(n.w.holds, func(h bankHold) bool {
			return h.session == c.Session && (h.open || h.shown)
		}) {
			n.x.violated(n, "the contactor is closed, and the bank has no hold")
		}
	}
}

// judgeEvent judges what is written down.
func (n *node) judgeEvent(e Event) {
	x := n.s.Sessions[e.Session]
	switch e.Kind {
	case MeterStart:
		n.w.from = e.Reading().Import
	case Billed:
		if b := e.Body.(BillBody).Bill; b.Total.Minor > 0 && b.Energy <= 0 {
			n.x.violated(n, "%v are billed for nothing", b.Total)
		}
	case Refused, Unproven:
		if !over(x.OwedAt, n.w.now, HoldLasts) {
			n.x.violated(n, "what is owed is given up after %v", n.w.now.Sub(x.OwedAt))
		}
	case Closed:
		taken := n.w.taken(x.ID)
		switch {
		case x.Money == Captured && taken != x.Bill.Total.Minor && !n.doubly(x.ID):
			n.x.violated(n, "%d was taken, and the receipt says %v", taken, x.Bill.Total)
		case x.Money != Captured && x.Money != Disputed && taken != 0:
			n.x.violated(n, "%d was taken, and the receipt says that nothing was: %s", taken, x.Money)
		}
	}
}

// doubly tells whether the terminal has both booked a session's hold and left it out of a list, although it
// is open: two that agree are believed.
func (n *node) doubly(session string) bool {
	hidden := slices.ContainsFunc(n.w.holds, func(h bankHold) bool { return h.session == session && h.hidden })
	return hidden && n.had(session, CaptureOK)
}

// judgeBank judges what the bank did.
func (n *node) judgeBank() {
	if n.spent > mostSpent*n.x.sessions {
		n.x.violated(n, "%d money commands while no time passed", n.spent)
	}
	for _, h := range n.w.holds {
		x, known := n.s.Sessions[h.session]
		switch {
		case !known:
		case h.taken > h.approved || x.Bill != nil && n.w.taken(h.session) > x.Bill.Total.Minor:
			n.x.violated(n, "%d was taken of session %s", n.w.taken(h.session), h.session)
		case !h.open && h.taken == 0 && x.billed() && x.Record != RecordClosed && x.settlement() != capturing:
			n.x.violated(n, "a hold that was billed was given back")
		}
	}
}

// billed tells whether something is to be taken.
func (x Session) billed() bool { return x.Bill != nil && x.Bill.Total.Minor > 0 && x.Money != Disputed }

// judgeFlow judges that energy flows for a session that has a hold.
func (n *node) judgeFlow() {
	if !n.w.closed || n.w.stuck {
		return
	}
	x, taken := n.s.AtBay(1)
	opening := slices.ContainsFunc(n.bay, func(c Command) bool { return c.Do == OpenContact })
	switch {
	case opening:
	case !taken:
		n.x.violated(n, "the contactor is closed, and no session has the bay")
	case x.Money != Held && x.Money != Free:
		n.x.violated(n, "the contactor is closed, and the money is %s", x.Money)
	}
}

// settles plays on with everything in order from now on: the driver goes away, devices answer with what
// is true, time passes. It tells what never ends.
func (n *node) settles() string {
	m := n.copy()
	var seen []key
	for i, d := 0, 10*time.Second; i < 400 && n.x.why == ""; i++ {
		if len(m.cmds)+len(m.bay) == 0 {
			k := m.key()
			if n.x.good[k] {
				break
			}
			seen = append(seen, k)
			if m.ended() {
				break
			}
		}
		switch good := m.good(); {
		case good != nil:
			good.do(m)
		default:
			m.pass(d)
			m.look(m.w.sample())
			m.list(m.w.open(), true, true)
			d = min(2*d, 6*time.Hour)
		}
		if i == 399 {
			return m.open()
		}
	}
	for _, k := range seen {
		n.x.good[k] = true
	}
	return ""
}

// good is the move that goes on where a device is at work, or the driver is there; nil where only time
// does.
func (n *node) good() *turn {
	var all []turn
	switch {
	case len(n.bay) > 0:
		all = n.bayMoves()
	case len(n.cmds) > 0:
		all = n.moves()
		all = slices.DeleteFunc(all, func(m turn) bool {
			return !strings.HasPrefix(m.name, "the bank") && !strings.HasPrefix(m.name, "the terminal")
		})
	case n.w.plugged:
		return &turn{do: func(n *node) { n.w.plugged = false; n.look(n.w.sample()) }}
	default:
		return nil
	}
	at := slices.IndexFunc(all, func(m turn) bool { return !m.miss })
	return &all[at]
}

// ended tells whether nothing is left to do: every session is closed or left to a person, no hold is open
// but of such a session, and no energy can flow.
func (n *node) ended() bool {
	for _, x := range n.s.Sessions {
		if x.Record != RecordClosed {
			return false
		}
	}
	for _, h := range n.w.holds {
		if h.open && !n.had(h.session, Refused, Unproven, HoldVanished) {
			return false
		}
	}
	return !n.w.closed
}

// open says what is not settled.
func (n *node) open() string {
	text := fmt.Sprintf("contactor closed: %v; open at the bank: %v", n.w.closed, n.w.open())
	for _, x := range n.s.ordered() {
		text += fmt.Sprintf("; session %s: money %s, power %s, record %s", x.ID, x.Money, x.Power, x.Record)
	}
	return text
}
