package session_test

import (
	"encoding/json"
	"testing"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/session/sessiontest"
)

// FuzzReplay reads a journal in which a record is another one: of any kind, with any body. It is an
// error, or it is taken; nothing breaks, and what follows does not either.
func FuzzReplay(f *testing.F) {
	j := sessiontest.New(f)
	j.Charged()
	j.Booked(98)
	for i, r := range j.Records {
		f.Add(i, r.Kind, r.Body)
	}
	for _, kind := range []session.Kind{session.HoldFound, session.DayEnded, session.RegisterSeen, session.FaultCleared,
		session.MeterSwapped, session.CaptureWaiting, session.HoldOK, session.Alert} {
		f.Add(5, string(kind), []byte(`{"at":"2026-03-02T09:00:00Z"}`))
	}
	records := j.Records
	f.Fuzz(func(t *testing.T, at int, kind string, body []byte) {
		if at < 0 || at >= len(records) || !json.Valid(body) {
			return
		}
		state, err := session.Replay(func(yield func(kiosk.Record, error) bool) {
			for i, r := range records {
				if i == at {
					r.Kind, r.Body = kind, body
				}
				if !yield(r, nil) {
					return
				}
			}
		})
		if err != nil {
			return
		}
		rules := session.DefaultRules()
		rules.Currency = "EUR"
		rules.Bays[3] = session.BayRules{MaxPower: 22000}
		for _, o := range []session.Observation{{What: session.Booted}, {What: session.Ticked},
			{What: session.TerminalSaid, Session: "S9", Open: kiosk.OpenHolds{Complete: true}},
			{What: session.Shutdown}} {
			o.At = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
			if turn, err := rules.Turn(state, o, nil); err == nil {
				state = turn.State
			}
		}
	})
}
