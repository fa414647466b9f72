package zvt

import (
	"errors"
	"fmt"
)

// APDU is one message without the frame around it.
type APDU struct {
	Class, Instr byte
	Data         []byte
}

// maxShort is the longest data whose length fits into one byte.
const maxShort = 0xFE

// Bytes is the wire form. Data must not be longer than 65535 bytes.
func (a APDU) Bytes() []byte {
	out := []byte{a.Class, a.Instr}
	if n := len(a.Data); n <= maxShort {
		out = append(out, byte(n))
	} else {
		out = append(out, 0xFF, byte(n), byte(n>>8)) // low byte first
	}
	return append(out, a.Data...)
}

// Is reports whether the message is of a class and instruction.
func (a APDU) Is(class, instr byte) bool { return a.Class == class && a.Instr == instr }

// IsAnswer tells an answer (80, 84) from a command.
func (a APDU) IsAnswer() bool { return a.Class == ClassAck || a.Class == ClassNack }

// String names the message without its data, which may hold what must not be logged.
func (a APDU) String() string {
	return fmt.Sprintf("%02X %02X (%s, %d bytes)", a.Class, a.Instr, Name(a), len(a.Data))
}

// errShort means that more bytes are needed.
var errShort = errors.New("message is cut short")

// CutAPDU takes one APDU from the front of b. It returns errShort's text in an error
// if b ends before the APDU does.
func CutAPDU(b []byte) (a APDU, rest []byte, err error) {
	if len(b) < 3 {
		return APDU{}, b, errShort
	}
	n, at := int(b[2]), 3
	if n == 0xFF {
		if len(b) < 5 {
			return APDU{}, b, errShort
		}
		n, at = int(b[3])|int(b[4])<<8, 5
	}
	if len(b) < at+n {
		return APDU{}, b, errShort
	}
	return APDU{b[0], b[1], b[at : at+n : at+n]}, b[at+n:], nil
}

// Incomplete reports whether an error of CutAPDU means that more bytes are needed.
func Incomplete(err error) bool { return errors.Is(err, errShort) }

// The commands that this program sends or answers.
const (
	ClassAck    = 0x80
	ClassNack   = 0x84
	ClassPT     = 0x06
	ClassStatus = 0x04
)

// Ack is the positive answer to a command.
func Ack() APDU { return APDU{Class: ClassAck} }

// Nack is the negative answer with an error code.
func Nack(code byte) APDU { return APDU{Class: ClassNack, Instr: code} }
