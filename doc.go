// Package kiosk says what the program is about: an unattended kiosk that sells
// electricity to anyone with a bank card.
//
// It holds the nouns (money, energy, a bay, a reading, a fault) and the roles
// (CardTerminal, Meter, Contactor, Inputs, Journal) and does no I/O: it imports the
// standard library only, so that every other package can import it.
//
// # Words
//
// One word for one thing, the field's own (EMV, ISO 8583, OCPI, OCPP, IEC):
//
//   - Bay: a place with a number that the driver sees; it has one EVSE id.
//   - Visit: a driver at the screen, from the first touch to the tap.
//   - Session: what begins when a bay is chosen and ends with a receipt.
//   - Hold: money reserved on a card (a pre-authorisation); nothing is taken yet.
//   - Capture: taking the billed part of a hold; the rest is given back.
//   - Release: giving back a whole hold.
//   - Journal: the append-only record of what happened and what was about to be done.
//   - Outbox: journal records that a back office has not acknowledged yet.
//   - Fault: something wrong that a person should know, with a code.
//
// # Rules that no package may break
//
// Money is never taken without a journaled reading, never twice, never more than
// the driver consented to. Energy never flows without a hold. No card number is
// stored or logged. A crash at any line loses nothing.
package kiosk
