package town

import (
	"context"
	"fmt"
	"io"
	"time"

	"kioskd"
	"kioskd/simulator"
)

// Tell writes what the bank, the cables, the contactors and the meters of the site do, a line each, until the
// context ends.
func (s *Town) Tell(ctx context.Context, out io.Writer) {
	began := time.Now()
	t := teller{bays: make([]told, len(s.Bays)), lines: len(s.Bank.Lines())}
	for i, b := range s.Bays {
		t.bays[i].State = b.State()
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := time.Now()
		lines := t.bank(s.Bank.Lines())
		for i, b := range s.Bays {
			lines = append(lines, t.bay(i, b.State(), now)...)
		}
		for _, l := range lines {
			fmt.Fprintf(out, "%6.1fs  %s\n", now.Sub(began).Seconds(), l)
		}
	}
}

// meterEvery is how often a meter that counts is told of.
const meterEvery = 5 * time.Second

// teller knows what it told last.
type teller struct {
	bays  []told
	lines int // of the bank's ledger
}

type told struct {
	simulator.State
	closedWith kiosk.Energy // the register when the contactor closed
	at         time.Time
}

// bank tells the movements that are new.
func (t *teller) bank(ledger []simulator.LedgerLine) (out []string) {
	what := map[string]string{"hold": "holds %v", "increment": "holds %v more", "capture": "takes %v",
		"release": "gives %v of the hold back", "refund": "pays %v back", "end_of_day": "settles the day: %v"}
	for _, l := range ledger[t.lines:] {
		line := "bank: " + fmt.Sprintf(what[l.Kind], kiosk.Money{Minor: l.Minor, Currency: kiosk.Currency(l.Currency)})
		if l.Card != "" {
			line += ", card ending in " + l.Card
		}
		out = append(out, line)
	}
	t.lines = len(ledger)
	return out
}

// bay tells what changed at a bay.
func (t *teller) bay(i int, now simulator.State, at time.Time) (out []string) {
	before, say := &t.bays[i], func(format string, a ...any) {
		out = append(out, fmt.Sprintf("bay %d: ", i+1)+fmt.Sprintf(format, a...))
	}
	defer func() { before.State = now }()
	if now.Plugged && !before.Plugged {
		say("a cable is plugged in")
	}
	counted := now.Register - before.closedWith
	switch {
	case now.Closed && !before.Closed:
		before.closedWith, before.at = before.Register, at
		say("the contactor closes, the meter stands at %v", before.Register)
	case !now.Closed && before.Closed:
		say("the contactor opens, the meter counted %v", counted)
	case now.Closed && at.Sub(before.at) >= meterEvery:
		before.at = at
		say("the meter counted %v so far", counted)
	}
	if !now.Plugged && before.Plugged {
		say("the cable is unplugged")
	}
	return out
}
