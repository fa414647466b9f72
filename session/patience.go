package session

import (
	"fmt"
	"time"
)

// A visitor who needs longer is given it: each time they ask, all that they have time for lasts
// once more as long, up to ten times as long in all. A visitor who needs larger text is asked
// for twice at once.

// MostPatience is how often.
const MostPatience = 9

// given is how long a visitor has for what others have d for.
func (x Session) given(d time.Duration) time.Duration { return d * time.Duration(1+x.Patience) }

// Left is how long the visitor at the screen still has, and whether they are waited for at all.
func (r Rules) Left(x Session, at time.Time) (left time.Duration, waits bool) {
	switch {
	case x.Record != RecordOpen:
		return 0, false
	case x.Money == MoneyNone:
		left = x.given(r.Lease) - at.Sub(x.LeaseAt)
	case x.Money == Declined:
		left = x.given(r.TryAgain) - at.Sub(x.EndAt)
	case x.mayCharge() && x.Power == Waiting:
		left = x.given(r.PlugIn) - at.Sub(x.HoldAt)
	default:
		return 0, false
	}
	return max(0, left), true
}

// moreAsked gives a visitor more time.
func (r Rules) moreAsked(x Session, o Observation) ([]Event, error) {
	if _, waits := r.Left(x, o.At); !waits || x.Patience >= MostPatience {
		return nil, fmt.Errorf("cannot give more time: money of session %s is %s, power %s, given %d times",
			x.Reference, x.Money, x.Power, x.Patience)
	}
	return []Event{x.says(TimeGiven, o.At, PatienceBody{x.Patience + 1})}, nil
}
