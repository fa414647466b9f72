package zvt

import "fmt"

const (
	stx = 0x02
	etx = 0x03
	ack = 0x06
	dle = 0x10
	nak = 0x15
)

// crc is CRC-16/KERMIT: polynomial 1021 reflected, start 0, no final exclusive-or.
// The specification calls it CRC-XModem, but every terminal computes this one.
func crc(sum uint16, b ...byte) uint16 {
	for _, v := range b {
		sum ^= uint16(v)
		for range 8 {
			if sum&1 != 0 {
				sum = sum>>1 ^ 0x8408
			} else {
				sum >>= 1
			}
		}
	}
	return sum
}

// Frame wraps an APDU for a serial line.
//
//	10 02 | 06 01 07 04 00 00 00 09 27 39 | 10 03 | 10 03      (the CRC is 10 03)
func Frame(a APDU) []byte {
	raw := a.Bytes()
	out := append(make([]byte, 0, len(raw)+8), dle, stx)
	for _, b := range raw {
		if b == dle {
			out = append(out, dle)
		}
		out = append(out, b)
	}
	sum := crc(crc(0, raw...), etx)
	return append(out, dle, etx, byte(sum), byte(sum>>8))
}

// Signal is what a byte completes on a serial line.
type Signal int

// Signals.
const (
	Nothing  Signal = iota
	GotACK          // a bare 06
	GotNAK          // a bare 15
	GotFrame        // a whole frame with a good CRC
	GotError        // a frame that must be answered with NAK
)

// Deframer finds frames in a stream of bytes, one byte at a time. Its zero value is
// ready. What stands before a frame is noise and is skipped.
type Deframer struct {
	state int
	data  []byte
	sum   byte
	apdu  APDU
	err   error
}

const (
	idle      = iota
	idleDLE   // 10, perhaps 02
	inside    // between 10 02 and 10 03
	insideDLE // 10, then 10, 03, or 02 of a frame that begins anew
	crcLow
	crcHigh
)

// maxFrame bounds what is collected: the largest APDU is 65540 bytes.
const maxFrame = 65540

// Feed takes the next byte.
func (d *Deframer) Feed(b byte) Signal {
	switch d.state {
	case idle:
		switch b {
		case ack:
			return GotACK
		case nak:
			return GotNAK
		case dle:
			d.state = idleDLE
		}
	case idleDLE:
		d.state = idle
		if b == stx {
			d.state, d.data = inside, nil
		}
		if b == dle {
			d.state = idleDLE
		}
	case inside:
		if b == dle {
			d.state = insideDLE
			break
		}
		return d.collect(b)
	case insideDLE:
		switch b {
		case dle:
			d.state = inside
			return d.collect(b)
		case etx:
			d.state = crcLow
		case stx: // it was broken off, and begins anew
			d.state, d.data = inside, nil
		default:
			return d.fail(fmt.Errorf("10 %02X inside a frame", b))
		}
	case crcLow:
		d.sum, d.state = b, crcHigh
	case crcHigh:
		return d.finish(b)
	}
	return Nothing
}

func (d *Deframer) collect(b byte) Signal {
	if len(d.data) >= maxFrame {
		return d.fail(fmt.Errorf("frame is longer than %d bytes", maxFrame))
	}
	d.data = append(d.data, b)
	return Nothing
}

func (d *Deframer) finish(high byte) Signal {
	got, want := uint16(high)<<8|uint16(d.sum), crc(crc(0, d.data...), etx)
	if got != want {
		return d.fail(fmt.Errorf("CRC is %04X, want %04X", got, want))
	}
	a, rest, err := CutAPDU(d.data)
	if err != nil {
		return d.fail(err)
	}
	if len(rest) > 0 {
		return d.fail(fmt.Errorf("%d bytes follow the APDU in its frame", len(rest)))
	}
	d.apdu = a
	d.Reset()
	return GotFrame
}

func (d *Deframer) fail(err error) Signal {
	d.err = err
	d.Reset()
	return GotError
}

// Reset drops what was collected.
func (d *Deframer) Reset() { d.state, d.data = idle, nil }

// Partial reports whether a frame has begun and is not complete.
func (d *Deframer) Partial() bool { return d.state != idle }

// APDU is the content of the last good frame.
func (d *Deframer) APDU() APDU { return d.apdu }

// Err is the reason of the last GotError.
func (d *Deframer) Err() error { return d.err }
