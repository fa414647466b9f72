// Package modbus is the client side of Modbus for the devices of a kiosk: RTU over a
// serial line, RTU frames over TCP, and Modbus TCP (Modbus Application Protocol
// V1.1b3; Modbus over Serial Line V1.02).
//
// The line discipline is why this is not a library. An RTU answer carries no request
// id: after one late answer a client that goes on at once takes each answer for the
// next request, with a good CRC and no error, for ever, and bills from the wrong
// register. So a unit that did not answer in time is suspect: it is left alone for as long as
// an answer may be late, and then asked a canary (a read whose answer no other request to the
// unit has), and every frame of it is dropped until the canary's answer. For ten seconds
// its registers are then read until three answers in a row are the same, as an answer may be
// later than that. Modbus TCP matches the transaction number, and an answer to no request
// closes the connection.
//
// One slow or dead unit is not everybody's. The line goes to the most urgent of the requests that
// wait for it: power goes off first, then inputs, then the rest by when it is wanted. A unit that
// has said nothing for a while gives the line up and is heard while others speak; one that never
// answers is asked at growing intervals.
//
//	RTU   unit function data.. CRC low, CRC high
//	TCP   transaction(2) 0000 length(2) unit function data..
package modbus

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Function codes.
const (
	ReadCoils      = 1
	ReadInputs     = 2
	ReadHolding    = 3
	ReadRegisters  = 4 // input registers
	WriteCoil      = 5
	WriteRegister  = 6
	WriteRegisters = 16
	exceptionFlag  = 0x80
	maxRegisters   = 125
	maxBits        = 2000
	maxWritten     = 123
	defaultTimeout = time.Second
)

// Exception is a device's no. Its value is the exception code.
type Exception byte

func (e Exception) Error() string {
	names := map[Exception]string{1: "illegal function", 2: "illegal data address", 3: "illegal data value",
		4: "device failure",
		6: "device busy", 10: "gateway path unavailable", 11: "gateway target did not respond"}
	if n, ok := names[e]; ok {
		return fmt.Sprintf("device answered exception %d (%s)", byte(e), n)
	}
	return fmt.Sprintf("device answered exception %d", byte(e))
}

// Request is one read.
type Request struct {
	Unit     byte
	Function byte // ReadCoils, ReadInputs, ReadHolding or ReadRegisters
	Address  uint16
	Count    uint16
	Gap      time.Duration // silence that the device wants before a request, beyond t3.5
	Within   time.Duration // when the answer is wanted: of two that wait, the sooner goes first; 0 is a second
	Timeout  time.Duration // how long the device may think; 0 is as long as the bus says
	// Alike tells whether two answers of registers may both be true; nil wants the same words. It is asked where an
	// answer may be late, and another request's.
	Alike    func(a, b []uint16) bool
	Restless bool // it is asked also where it did not answer just now: for a scan, in which most are not there
}

func (r Request) pdu() []byte {
	return []byte{r.Function, byte(r.Address >> 8), byte(r.Address), byte(r.Count >> 8), byte(r.Count)}
}

// answer is the length of the answer's PDU.
func (r Request) answer() int {
	if r.Function == ReadCoils || r.Function == ReadInputs {
		return 2 + (int(r.Count)+7)/8
	}
	return 2 + 2*int(r.Count)
}

// CRC is Modbus's CRC-16: polynomial 8005 reflected, start FFFF.
func CRC(b []byte) uint16 {
	sum := uint16(0xFFFF)
	for _, v := range b {
		sum ^= uint16(v)
		for range 8 {
			if sum&1 != 0 {
				sum = sum>>1 ^ 0xA001
			} else {
				sum >>= 1
			}
		}
	}
	return sum
}

// AppendCRC closes an RTU frame.
func AppendCRC(frame []byte) []byte {
	return binary.LittleEndian.AppendUint16(frame, CRC(frame))
}
