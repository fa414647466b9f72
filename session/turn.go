package session

import "kioskd"

// Turn is what an observation leads to. Its state counts once its entries are in the journal, all in one
// transaction, and only then may a command leave: what a crash before that forgets was never true.
type Turn struct {
	State    State
	Events   []Event
	Commands []Command
	Entries  []kiosk.Entry
}

// Turn decides what follows from an observation, applies it, and says what is to be written down and done; nothing
// where the observation came too late to matter. derive adds the records that come of an event, for others to
// ingest; nil for none.
func (r Rules) Turn(s State, o Observation, derive func(Event, Session) []kiosk.Entry) (Turn, error) {
	t := Turn{State: s}
	events, err := r.Decide(s, o)
	if err != nil {
		return t, err
	}
	for _, e := range events {
		e.Untrusted = o.Untrusted
		entry, err := e.Entry()
		if err != nil {
			return t, err
		}
		next, commands, err := Step(t.State, e)
		if err != nil {
			return t, err
		}
		t.State, t.Events, t.Commands = next, append(t.Events, e), append(t.Commands, commands...)
		t.Entries = append(t.Entries, entry)
		if derive != nil {
			t.Entries = append(t.Entries, derive(e, next.Sessions[e.Session])...)
		}
	}
	return t, nil
}
