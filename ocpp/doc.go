// Package ocpp is the central system of the chargers that stand at the site (OCPP 1.6-J): a connector of a charger is
// a bay of the kiosk, and here it is the bay's meter, contactor and inputs.
//
// # One sale
//
// The session machine closes the contactor: Connector.Start sends RemoteStartTransaction, whose idTag is the
// session's reference, so that each transaction names its money. The charger answers with StartTransaction, perhaps
// before it answers the command. It is accepted only for the reference that was asked for at this very connector, and
// only after Desk.Started has it in the journal; else it is Invalid, and it is ended. The register of
// StartTransaction is the one that the session begins with. MeterValues are its readings. Open sends
// RemoteStopTransaction, and what it escalates to where the charger does not follow; the register of StopTransaction
// is the last.
//
// # What is true after a crash
//
// The journal has each transaction before the charger has its number: Past gives them back. A charger that did not
// get the answer sends StartTransaction again, and gets the same number. A transaction that was running is taken to
// run until the charger says otherwise.
//
// # Registers
//
// A charger's register is counted from the one of StartTransaction, whether MeterValues carry the lifetime register
// or that of the session: the values tell, and while more than one is possible the least counts (register.go). "No
// value" is never zero.
//
// # Security
//
// A charger proves who it is by its identity, the last part of its address, and by the password that the
// configuration has for it (security profile 1; with TLS before it, profile 2). The package must never let a
// transaction run that Desk has not written down, and never end the kiosk's own: what a charger says is the charger's
// word.
package ocpp
