package session

import (
	"testing"

	"kioskd"
)

// The world with a meter that signs what a session draws: it may sign nothing, something else, or the daemon is killed
// when it did.

// atSigner lets the bay's meter sign.
func (x *explorer) atSigner() *explorer {
	x.rules.Signs = map[int]bool{1: true}
	x.decide = x.rules.Decide
	return x
}

// signingMoves are what a meter that signs may do.
func (n *node) signingMoves(add func(string, bool, func(*node, *Observation))) {
	switch n.bay[0].Do {
	case BeginSigning:
		add("the meter signs the beginning", false, func(n *node, o *Observation) {
			n.w.signed = n.w.counted
			o.What, o.Reading, o.Records = SigningStarted, n.w.reading(), []string{"begun"}
		})
		add("the meter does not sign the beginning", true, func(_ *node, o *Observation) {
			o.What, o.Err = SigningStarted, errBroken
		})
	case SignFinal:
		add("the meter signs the end", false, func(n *node, o *Observation) {
			o.What, o.Reading = FinalRead, n.w.reading()
			o.Signed = &kiosk.SignedReading{Records: []string{"begun", "ended"}, Energy: n.w.counted - n.w.signed}
		})
		add("the meter signs less than its register counts", true, func(n *node, o *Observation) {
			o.What, o.Reading = FinalRead, n.w.reading()
			o.Signed = &kiosk.SignedReading{Records: []string{"begun", "ended"}, Energy: (n.w.counted - n.w.signed) / 2}
		})
		add("the meter signs what proves nothing", true, func(n *node, o *Observation) {
			o.What, o.Reading = FinalRead, n.w.reading()
			o.Signed = &kiosk.SignedReading{Records: []string{"begun", "forged"}, Error: "forged"}
		})
		add("the meter signs no end, and cannot be read", true, func(_ *node, o *Observation) {
			o.What, o.Err, o.Signed = FinalRead, errBroken, &kiosk.SignedReading{Error: "no answer"}
		})
		add("the kiosk does not ask the meter for the end", true, func(n *node, o *Observation) {
			o.What, o.Reading = FinalRead, n.w.reading()
		})
	default:
		add("the meter is told", false, func(*node, *Observation) {})
	}
}

// judgeSigned judges that what is taken is what the meter signed, and no more.
func (n *node) judgeSigned(session string) {
	for p := n.past; p != nil; p = p.before {
		b, last := p.event.Body.(LastBody)
		if p.event.Session != session || !last {
			continue
		}
		billed := n.s.Sessions[session].Bill.Energy
		if b.Signed == nil || b.Signed.Error != "" || billed > b.Signed.Energy {
			n.x.violated(n, "%v are taken for, and the meter signed %+v", billed, b.Signed)
		}
	}
}

// TestEverySequenceWhereAMeterSigns, as TestEverySequence.
func TestEverySequenceWhereAMeterSigns(t *testing.T) {
	explore(t, func(visitors, most int) *explorer { return newExplorer(visitors, most).atSigner() }, 1200, 1200)
}

// TestEverySequenceWhereAMeterSignsAtACharger, as TestEverySequence.
func TestEverySequenceWhereAMeterSignsAtACharger(t *testing.T) {
	explore(t, func(visitors, most int) *explorer {
		return newExplorer(visitors, most).atCharger(true).atSigner()
	}, 800, 800)
}

// TestAnUnsignedSaleIsWatched: a machine that sells what no record proves is found out, as is one that closes its
// contactor before the meter signed the beginning.
func TestAnUnsignedSaleIsWatched(t *testing.T) {
	for want, change := range map[string]func(*Event){
		"and the meter signed": func(e *Event) {
			if b, last := e.Body.(LastBody); last {
				b.Signed = &kiosk.SignedReading{Error: "forged"}
				e.Body = b
			}
		},
		"does not fit": func(e *Event) {
			if e.Kind == SigningBegan {
				e.Kind, e.Body = ReceiptFinal, nil
			}
		},
	} {
		x := newExplorer(1, 0).atSigner()
		x.steps = x.steps[:1]
		x.run(func() bool { return x.states > 5000 })
		if x.why != "" {
			t.Fatalf("without a change: %s, after\n%s", x.why, x.where)
		}
		x = newExplorer(1, 0).atSigner()
		x.steps = x.steps[:1]
		x.decide = func(s State, o Observation) ([]Event, error) {
			all, err := x.rules.Decide(s, o)
			for i := range all {
				change(&all[i])
			}
			return all, err
		}
		x.run(func() bool { return x.states > 5000 })
		if x.why == "" {
			t.Errorf("want %q: nothing is found in %v", want, x)
		}
		t.Logf("want %q: %s", want, x.why)
	}
}
