package session

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"kioskd"
)

// Two states are one where the machine and the world can tell no difference between them: names are
// replaced by their order, and times by how long ago they are, up to where it makes no difference any
// longer. Of what is over, of what waits for hours, and of what a bay counts without a session, that is coarse.

type key [16]byte

// ago is how long ago a time is, up to a limit; what is to come is negative.
func ago(now, t time.Time, most time.Duration) string {
	if t.IsZero() {
		return "-"
	}
	return fmt.Sprint(min(now.Sub(t), most+time.Second).Round(time.Second))
}

func keyOfSessions(s State, w world) string {
	var b strings.Builder
	holds := w.order()
	for i, x := range s.ordered() {
		fmt.Fprintf(&b, "%d %s %s %s ", i, x.Money, x.Power, x.Record)
		if x.Record == RecordClosed {
			fmt.Fprintln(&b, x.Hold != nil, x.Result != nil)
			continue
		}
		at := func(t time.Time, most time.Duration) { b.WriteString(ago(w.now, t, most)); b.WriteByte(' ') }
		switch x.Money {
		case MoneyNone:
			at(x.LeaseAt, 91*time.Second)
		case HoldAsked, HoldRecorded, Declined:
			at(x.AskAt, tooLate)
			at(x.EndAt, 21*time.Second)
		case HoldUncertain:
			at(x.AskAt, tooLate)
			at(x.AskedAt, unknownFor)
		case Held:
			at(x.HoldAt, 3*time.Minute)
		default:
			fmt.Fprint(&b, over(x.OwedAt, w.now, time.Hour), over(x.OwedAt, w.now, HoldLasts),
				over(x.TriedAt, w.now, time.Hour),
				" ")
			at(x.TriedAt, retryAfter(x.Attempt))
			at(x.Due, 0)
			fmt.Fprint(&b, s.BackAt.After(x.WaitAt), " ")
		}
		if x.counts() && x.Missing > 0 {
			fmt.Fprint(&b, "missing ", min(x.Missing, missingLists), " ")
			at(x.MissingAt, missingFor)
			at(x.MissedAt, missingEvery)
		}
		fmt.Fprintf(&b, "%d %v %s %v %v %v %v ", x.Tries, x.Cancel, x.Class, x.Attempt, x.Maybe, x.Blind, x.Reason)
		if x.Hold != nil {
			fmt.Fprint(&b, "hold ", holds[x.Hold.ID], " ", x.Hold.Approved.Minor, " ")
		}
		if x.Result != nil {
			fmt.Fprint(&b, "booking ", x.Result.Booked.Minor > 0, " ")
		}
		if x.Start != nil && x.Power != Off {
			fmt.Fprint(&b, "energy ", w.counted-x.Start.Import, " last ", w.counted-x.Last.Import, " ")
			fmt.Fprint(&b, x.Last.Power, x.Proven != nil, " ")
			at(x.Start.At, 5*time.Minute)
			at(x.Last.At, 40*time.Second)
			at(x.OpenAt, time.Hour)
		}
		if x.Signing != nil {
			fmt.Fprint(&b, "signing ", x.Signing.begun(), " ")
			if x.Power != Off {
				fmt.Fprint(&b, w.counted-w.signed, " ")
			}
		}
		if x.Bill != nil {
			fmt.Fprint(&b, "bill ", x.Bill.Total.Minor > 0, " ")
		}
		fmt.Fprintln(&b, x.doubt, x.doubted, x.apart, x.idle, x.Welded, x.shift)
	}
	return b.String()
}

// order names the bank's holds by their order.
func (w world) order() map[kiosk.HoldID]int {
	out := map[kiosk.HoldID]int{}
	for i, h := range w.holds {
		out[h.receipt] = i
	}
	return out
}

func (n *node) key() key {
	sum := sha256.Sum256([]byte(n.text()))
	return key(sum[:16])
}

// text is what a state's key is made of.
func (n *node) text() string {
	var b strings.Builder
	w, s := n.w, n.s
	fmt.Fprintln(&b, keyOfSessions(s, w), w.plugged, w.closed, w.stuck)
	fmt.Fprintln(&b, n.spent, n.again, n.came, n.live.Inputs, n.live.Reading == nil)
	index := map[string]int{}
	for i, x := range s.ordered() {
		index[x.ID] = i
	}
	for i, h := range w.holds {
		known, there := s.result(worldTerminal, h.receipt)
		at, ok := index[h.session]
		fmt.Fprint(&b, i, " ", at, ok, " ", h.approved, h.taken > 0, h.open, there, known.Releases, " ")
		if there && h.open {
			recent := retryAfter(known.Releases)
			fmt.Fprint(&b, ago(w.now, known.At, recent), w.now.Before(known.Billed))
		}
		fmt.Fprintln(&b, h.hidden, h.shown, n.had(h.session, Refused, Unproven, HoldVanished))
	}
	if w.last != nil {
		fmt.Fprintln(&b, "last", w.last.Booked.Minor > 0, s.unclaimed(w.last))
	}
	var faults []string
	for f := range s.Faults {
		faults = append(faults, fmt.Sprint(f))
	}
	slices.Sort(faults)
	d := s.Day
	fmt.Fprintln(&b, faults, ago(w.now, d.Due, time.Hour), d.Asked.IsZero(), ago(w.now, d.Failed, dayEndRetry), d.Tries)
	fmt.Fprintln(&b, min(s.HostRefused, hostTries), ago(w.now, s.HostAt, hostPause), ago(w.now, s.PausedUntil, 0),
		len(s.Declines))
	for _, u := range s.Declines {
		fmt.Fprint(&b, ago(w.now, u.At, declineWindow))
	}
	if _, taken := s.AtBay(1); !taken {
		idle := min(w.now.Sub(s.Registers[1].At)/time.Hour, 2)
		fmt.Fprint(&b, min(w.counted-s.Registers[1].Import, 2*residual), " ", s.Registers[1].Serial, idle)
	}
	for _, c := range n.cmds {
		fmt.Fprint(&b, c.Do, index[c.Session], c.Amount.Minor > 0, c.Hold.ID > "", " ")
	}
	for _, c := range n.bay {
		fmt.Fprint(&b, c.Do, c.Session != "", " ")
	}
	return b.String()
}
