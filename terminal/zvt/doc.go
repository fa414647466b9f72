// Package zvt is the wire form of ZVT, the protocol of payment terminals: APDUs,
// their fields, the serial frame and the two links that carry them. It holds no
// state of a payment and never logs or prints a card number: what a person may see of
// a message is what Describe returns, in which numbers are masked.
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
package zvt
