// Package v16 has the messages of OCPP 1.6-J (chapter 6 and 7 of "Open Charge Point Protocol 1.6, edition 2") that
// the kiosk takes and sends, as Go types, with the field names and limits of the official JSON schemas.
//
// Outwards it is strict: Check of a message tells what its schema would refuse. Inwards it is tolerant, because
// chargers are not: unknown fields are ignored, a text that is too long is taken, a time without a zone is UTC, a
// measurand, unit or format that is missing has its default (7.44, 7.45). What is wrong in a way that matters for
// money is an error of the value's reader: a register is never guessed.
package v16
