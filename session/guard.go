package session

import (
	"slices"
	"time"

	"kioskd"
)

// The rules against fraud and abuse that need no hardware of their own. Each is an alert
// or a refusal in the journal, and works without a network. What they look back on is
// what the journal replays at a start: the last few hundred records.
const (
	LongSession   = "long_session"    // more than twelve hours
	SameCard      = "same_card"       // four sessions of one card in two hours, or three without energy
	CardTesting   = "card_testing"    // three cards declined in ten minutes and no vehicle
	DayEndDiffers = "day_end_differs" // the terminal's total is not the journal's
	NotDerived    = "not_derived"     // no record for others could be made of a session
	NotBilled     = "not_billed"      // what the meter says of a session cannot be, and is not billed: see Event.Error
)

const (
	longSession   = 12 * time.Hour
	cardWindow    = 2 * time.Hour
	cardSessions  = 4 // that is the one that is refused
	cardEmpty     = 3
	declineWindow = 10 * time.Minute
	declineCards  = 3
	pauseFor      = 5 * time.Minute
	hostTries     = 2           // payments in a row that the terminal had no host for
	hostPause     = time.Minute // then a driver may try again
)

// CardUse is one use of a card.
type CardUse struct {
	Card    string // token
	Session string
	At      time.Time
	Empty   bool // no energy came of it
}

// remember keeps what the rules look back on.
func (s *State) remember(x Session, e Event) {
	if no, is := e.Body.(interface{ class() kiosk.DeclineClass }); is && no.class() == kiosk.DeclineHost {
		s.HostRefused, s.HostAt = s.HostRefused+1, e.At
	}
	fresh := func(uses []CardUse, window time.Duration) []CardUse {
		return slices.DeleteFunc(slices.Clone(uses), func(u CardUse) bool { return over(u.At, e.At, window) })
	}
	switch e.Kind {
	case HoldConfirmed:
		if x.Hold != nil && x.Hold.Card != "" {
			s.Uses = append(fresh(s.Uses, cardWindow), CardUse{Card: x.Hold.Card, Session: x.ID, At: e.At, Empty: true})
		}
	case ContactorClosed:
		s.Declines = nil
		s.Uses = slices.Clone(s.Uses)
		for i := range s.Uses {
			s.Uses[i].Empty = s.Uses[i].Empty && s.Uses[i].Session != x.ID
		}
	case HoldDeclined:
		b := e.Body.(DeclineBody)
		if c := b.class(); c == kiosk.DeclineIssuer || c == kiosk.DeclineCard {
			u := CardUse{Card: b.Card, Session: x.ID, At: e.At}
			if u.Card == "" { // a person who tries again is taken to use the same card
				u.Card = x.ID
			}
			s.Declines = append(fresh(s.Declines, declineWindow), u)
		}
	case CaptureDone:
		if x.Result != nil {
			if booked := x.Result.Booked; s.Day.Captured.Currency != booked.Currency { // the site sells in another one
				s.Day.Captured = booked
			} else {
				s.Day.Captured.Minor += booked.Minor
			}
		}
	case HoldOK, CaptureOK, ReleaseOK:
		s.HostRefused = 0
	case MeterEnd:
		s.ended(x, e.Body.(LastBody))
	case ReadingTaken:
		s.Registers[x.Bay] = Register{x.LastReading(), true}
	}
	if x.Result != nil && (e.Kind == CaptureOK || e.Kind == CaptureDone || e.Kind == ReleaseOK ||
		e.Kind == ReleaseDone) {
		s.Claimed = x.Result.ID
	}
}

// ended keeps where a session left its bay's register, and the page of what was signed of it.
func (s *State) ended(x Session, b LastBody) {
	s.Registers[x.Bay] = Register{b.Reading, true}
	if b.Source != "read" { // where the register is now is not known
		delete(s.Registers, x.Bay)
	}
	if b.Signed != nil && b.Signed.Page > 0 {
		s.Pages[b.Reading.Serial] = b.Signed.Page
	}
}

// tested tells whether different cards were declined one after the other.
func (s State) tested(at time.Time) bool {
	var cards []string
	for _, u := range s.Declines {
		known := slices.ContainsFunc(cards, func(c string) bool { return kiosk.SameCard(c, u.Card) })
		if !over(u.At, at, declineWindow) && !known {
			cards = append(cards, u.Card)
		}
	}
	return len(cards) >= declineCards
}

// overused tells whether a card was used too often of late, by other sessions than x.
func (s State) overused(x Session, at time.Time) bool {
	if x.Hold == nil || x.Hold.Card == "" {
		return false
	}
	all, empty := 0, 0
	for _, u := range s.Uses {
		if !kiosk.SameCard(u.Card, x.Hold.Card) || u.Session == x.ID || over(u.At, at, cardWindow) {
			continue
		}
		all++
		if u.Empty {
			empty++
		}
	}
	return all >= cardSessions-1 || empty >= cardEmpty
}

// guards looks for what lasts too long, and for cards that are being tried out.
func (r Rules) guards(s State, at time.Time) (out []Event) {
	for _, x := range s.ordered() {
		if (x.Power == Charging || x.Power == Pausing) && !x.Alerted && x.when(at).Sub(x.Start.At) > longSession {
			out = append(out, x.says(Alert, at, AlertBody{Rule: LongSession}))
		}
	}
	if s.tested(at) {
		out = append(out, Event{Kind: Alert, At: at, Body: AlertBody{Rule: CardTesting}})
	}
	return append(out, r.raise(s, at, kiosk.FaultTerminalNoHost,
		s.HostRefused >= hostTries && !over(s.HostAt, at, hostPause))...)
}
