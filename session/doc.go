// Package session decides what a charging session does next. What happened and what is
// about to be done are events; an event is in the journal before anything is done about it.
//
//	observation -> Decide -> events -> journal -> Step -> commands -> devices -> observation
//
// Decide looks at what a device, a driver or the clock said and returns the events
// that are to be written down, in order; it changes nothing. Step applies one event to
// the state and returns the commands that follow. Both are pure: no clock, no I/O, no
// logging; time arrives inside observations and events. Starting after a crash is the
// same code path as going on: the journal's events are stepped again with their
// commands thrown away, and then a "resumed" event for each open session brings the
// commands that ask the devices what is true.
//
// A session has three small machines that only events join: money, power and record.
// Their transitions are the table in transitions.go, printed in testdata/transitions.txt;
// an event that does not fit is an error.
//
// The order that is never broken, each durable before the next thing is done:
//
//	bay_lease, offer, hold_intent, hold_ok, hold_confirmed, plugged, meter_start,
//	contactor_close, contactor_closed, reading.., stop_intent, contactor_opened,
//	meter_end, bill, capture_intent, capture_ok, capture_confirmed, receipt_final, closed
//
// Where the bay's meter signs, it does before the contactor closes and after it opened (signing.go).
//
// # What may be asked of a session, and by whom
//
// The driver who pays, in the visit in which they pay, may cancel and stop. Once they have left the screen they show
// their stop code or their card (proof.go). An operator may stop, by name. Any person may unplug. A visitor who needs
// longer is given it (patience.go). The host closes bays, and lets a vehicle charge for nothing up to a limit: their
// word, by name in the journal, stands in the place of a hold. The technician tests a contactor where nothing is
// connected, and exchanges a meter where no session charges (staff.go). A driver who was declined may try again twice,
// for twenty seconds; a second hold is never asked for before the first is known to be none.
//
// # The terminal
//
// Its list of open holds is the truth about money, and one list is no proof: what is on it was not
// settled, what is missing from it is gone only after several, of a terminal that says it is ready
// (said.go). Its results are remembered: none comes twice (results.go). Every automatic command about
// money goes up one ladder, whatever was answered, so that none is repeated without a pause.
//
// One goroutine owns it; a queue decides between its dialogues: an unknown outcome, a
// release that a driver waits for, a capture, a new card, retries, a technician, the end of
// the day. The day ends only where neither the journal nor the terminal has a hold, because
// some terminals take holds whole with it. A terminal with another id than the one that has
// a hold is never asked for it (site.go). No terminal that is known can raise a hold, so that
// none is raised: energy is stopped before the hold is used up.
//
// # The clock
//
// Everything that is billed runs with the monotonic clock (clock.go). While no source vouches
// for the wall clock, events say so, no time is billed, and energy at the cheapest price that
// any time of day has. Time that was not measured, as over a restart, is not billed either.
//
// # A bay's devices
//
// Two goroutines own them (bay.go): one the contactor and the inputs, which it looks at five times a
// second while energy may flow, one the meter. What a meter says first after a start is judged by what
// the journal knows of it. A driver's panic opens the bay's contactor, and ends nothing else.
//
// The package must never import a device, the store or the screen.
package session
