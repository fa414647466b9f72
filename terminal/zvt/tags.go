package zvt

import "fmt"

// format says how the value of a TLV object is written.
type format int

const (
	opaque8 format = iota // bytes that mean nothing to us
	binary                // number, high byte first
	packed                // number, two decimal digits a byte, leading zeros
	chars                 // text in the message's character set
	bits                  // flags, one byte or more
	group                 // objects
)

// tags is the table of TLV tags that this package or its users write or read (PA00P015 rev. 13.08,
// chapter 9.4): number, how the value is written, its length in bytes (0 for any), what it is. A
// driver and a simulator that each knew formats of their own would agree with each other alone.
var tags = []struct {
	tag    uint16
	format format
	length int
	name   string
}{
	{0x07, chars, 0, "text line"},
	{0x08, packed, 2, "receipt number, in 23"},
	{0x0A, opaque8, 2, "command, in 26"},
	{0x12, packed, 1, "printer columns"},
	{0x14, bits, 1, "character set"},
	{0x15, chars, 2, "language, ISO 639-1"},
	{0x1A, binary, 2, "longest message"},
	{0x1B, binary, 1, "diagnosis type"},
	{0x1F07, binary, 1, "receipt type"},
	{0x1F0E, packed, 4, "date YYYYMMDD"},
	{0x1F0F, packed, 3, "time HHMMSS"},
	{0x1F10, binary, 1, "cardholder verification"},
	{0x1F11, binary, 1, "online or offline"},
	{0x1F12, binary, 1, "how the card was read"},
	{0x1F14, opaque8, 0, "card identification item"},
	{0x1F15, bits, 1, "what is read of a card"},
	{0x1F16, opaque8, 0, "maker's error code"},
	{0x1F17, chars, 0, "maker's error text"},
	{0x1F2B, packed, 0, "long trace number"},
	{0x1F37, bits, 0, "receipt information"},
	{0x1F40, chars, 0, "device name, in E4"},
	{0x1F41, chars, 0, "software version, in E4"},
	{0x1F42, packed, 0, "serial number, in E4"},
	{0x1F43, binary, 1, "device state, in E4"},
	{0x1F44, packed, 4, "terminal id"},
	{0x1F5B, binary, 0, "how long a card is waited for, in seconds"},
	{0x1F60, bits, 1, "technologies that may be read"},
	{0x1F61, opaque8, 0, "maker's card token"},
	{0x1F62, chars, 2, "kind of a merchant reference, in E9"},
	{0x1F63, chars, 0, "merchant reference, in E9"},
	{0x1F73, packed, 3, "message sequence id"},
	{0x23, group, 0, "list of open pre-authorisations"},
	{0x26, group, 0, "commands that the till takes"},
	{0x27, group, 0, "character sets"},
	{0x2F, group, 0, "how it was paid"},
	{0x43, opaque8, 0, "application id (AID)"},
	{0x4C, opaque8, 0, "unique id of a card (UID)"},
	{0x60, group, 0, "application"},
	{0xE4, group, 0, "device"},
	{0xE9, group, 0, "merchant references"},
}

func tagFormat(tag uint16) (f format, length int, ok bool) {
	for _, t := range tags {
		if t.tag == tag {
			return t.format, t.length, true
		}
	}
	return 0, 0, false
}

// Number is an object that holds a number, written as the table says. It panics for a tag that
// holds none: that is a mistake of the program.
func Number(tag uint16, v int64) TLV {
	f, length, _ := tagFormat(tag)
	switch f {
	case binary:
		return TLV{Tag: tag, Value: putBinary(v, length)}
	case packed:
		n := max(length, 1)
		for rest := v / 100; length == 0 && rest > 0; rest /= 100 {
			n++
		}
		return TLV{Tag: tag, Value: PutBCD(v, n)}
	}
	panic(fmt.Sprintf("tag %X holds no number", tag))
}

// putBinary writes a number high byte first: in n bytes, or in as many as it takes.
func putBinary(v int64, n int) []byte {
	var out []byte
	for i := 0; n == 0 && (i == 0 || v > 0) || i < n; i++ {
		out = append([]byte{byte(v)}, out...)
		v >>= 8
	}
	return out
}

// Number is the value of the first object with a tag, read as the table says. It is false where
// there is none, or it is not written so.
func (m Message) Number(path ...uint16) (int64, bool) {
	v, ok := m.Find(path...)
	f, length, known := tagFormat(path[len(path)-1])
	if !ok || !known || length > 0 && len(v) != length || len(v) == 0 || len(v) > 7 {
		return 0, false
	}
	switch f {
	case packed:
		return GetBCD(v)
	case binary:
		n := int64(0)
		for _, b := range v {
			n = n<<8 | int64(b)
		}
		return n, true
	}
	return 0, false
}
