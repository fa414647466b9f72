// Package ocppj carries OCPP messages over a WebSocket: "OCPP 1.6 JSON over WebSocket" (OCPP-J), chapter 4, and Part
// 4 of OCPP 2.0.1 and 2.1. It knows frames, message ids and errors, and no message: what a payload says is for v16
// and its siblings.
//
// # What holds
//
// One call is out at a time in each direction (chapter 4.1.1): Call waits for its turn. A result that comes after its
// call was given up is dropped, and logged. Calls of the peer are answered one after the other, in the order in which
// they came, while results are taken at any time: a handler may wait for the journal, and may itself call.
//
// A connection that is dead on one side is found by pings, which are ours to send: TCP alone may take hours.
//
// The package must never answer a call whose handler has not returned: what an answer promises is in the journal
// then.
package ocppj
