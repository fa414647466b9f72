// Package simulator is the world around a kiosk: a payment terminal with a bank
// behind it, energy meters whose registers move with power and time, an I/O board with
// contactors and inputs, and cars that plug in, draw, pause and leave. Each is a real
// server on a real wire (TCP or a pty), so that the daemon cannot tell it from a
// device.
//
// It may use the codecs of the drivers, and so it is never a codec's judge. Nothing
// but cmd and tests imports it.
package simulator
