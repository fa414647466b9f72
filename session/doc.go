// Package session decides what a charging session does next. What happened and what is
// about to be done are events; an
// event is in the journal before anything is done about it.
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
// The package must never import a device, the store or the screen.
package session
