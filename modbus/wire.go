package modbus

import (
	"time"

	"kioskd/line"
)

// Wire is how fast a line is. Its zero value is one without a speed of its own, as a network.
type Wire struct {
	Character time.Duration // with start, parity and stop bits
	Silence   time.Duration // between two frames: t3.5
}

// WireOf is how fast the line of an address is (MODBUS over Serial Line V1.02, 2.5.1.1: above 19200 baud the silence
// no longer gets shorter).
func WireOf(a line.Address) Wire {
	if a.Scheme != "serial" {
		return Wire{Silence: leastSilence}
	}
	w := Wire{Character: a.Character(), Silence: leastSilence}
	if a.Mode.BaudRate <= 19200 {
		w.Silence = w.Character * 7 / 2
	}
	return w
}

const leastSilence = 1750 * time.Microsecond

// Read is what a read takes whose answer has some bytes of data, beside the time that the device thinks.
func (w Wire) Read(bytes int) time.Duration {
	return time.Duration(requestLength+answerLength+bytes)*w.Character + 2*w.Silence
}

// What is around an address and a count, and around data: unit, function, length, CRC.
const (
	requestLength = 8
	answerLength  = 5
)

// Characters is how many of them a request takes on the line beside the registers that it reads: what asks, what is
// around the answer, two silences, and what the device thinks. Where the line has no speed, a request is dear.
func (w Wire) Characters(turnaround time.Duration) int {
	if w.Character == 0 {
		return 400
	}
	return int((w.Read(0) + turnaround) / w.Character)
}
