// Package zvt drives a payment terminal that speaks ZVT: registration, status, holds, captures, releases and the list
// of what is open. Beside the driver, Terminal, stands the codec: APDUs, their fields, the serial frame and the two
// links that carry them. The codec holds no state of a payment, and nothing here logs or prints a card number: what a
// person may see of a message is what Describe returns, in which numbers are masked.
//
// ECR is the cash register's side (the kiosk), PT the payment terminal. The chapters
// named are those of the public VdTH documents PA00P015 (commands, 13.x) and PA00P016
// (transport, revision 04).
//
// # APDU
//
//	CLASS INSTR LEN DATA
//	06    22    0C  04 00 00 00 00 25 00 49 09 78 19 40
//
// LEN is one byte, or FF and two bytes, low byte first. DATA is a head that depends on
// the command and then fields (BMPs): a number, a length where the number's table
// entry has one, a value. Field 06 is a container of BER-like TLV objects.
//
// # Serial frame
//
//	10 02 | APDU, every 10 twice | 10 03 | CRC low, CRC high
//
// The CRC (CRC-16/KERMIT over the APDU as it was before doubling, and 03) is not
// doubled: 10 03 and 10 10 are legal there, and so only a state machine that counts
// can find the end of a frame. The receiver answers a good frame with 06 (ACK) and a
// bad one with 15 (NAK). Over TCP there is neither frame nor ACK.
//
// # Crash safety
//
// The terminal keeps a payment only when its result (04 0F) was acknowledged by us,
// and reverses it by itself otherwise. So the driver gives each approved result to the
// caller's OnApproved function and acknowledges it only after that returned: a crash
// before leaves nothing held, a crash after leaves a hold whose receipt number is on
// disk. Because the acknowledgement itself can get lost, a hold counts only after the
// completion (06 0F), or when Open lists it.
//
// A dialogue may have several results: some terminals end their day by themselves before
// they do what they are told. The last one counts; but what was acknowledged once is never
// a definite no, whatever follows. A day's own result is acknowledged in any dialogue; one
// that names a receipt or a card is acknowledged only by who asked for it.
//
// When a caller gives up, and when nothing was heard for T4 while a card is waited for, the
// terminal is told once to stop (06 B0). What counts is its last word: a payment that it
// cannot stop any more goes on, for T4, and its result counts.
//
// The driver must never repeat a command about money: what happened to it is
// kiosk.ErrOutcomeUnknown, and the caller asks Open and Last. It must never log the
// content of a message, only its name.
package zvt
