package zvt

// length says how the length of a field is written.
type length int

const (
	llVar  length = -2 // F1 F6: 16 bytes follow
	lllVar length = -3 // F0 F1 F6
	tlvLen length = -6 // BER: 00..7F, 81 nn, 82 hi lo
)

// fields is the table of BMPs (PA00P015 chapter 9): number and length; a positive
// length is fixed.
var fields = []struct {
	tag byte
	len length
}{
	{0x01, 1}, {0x02, 1}, {0x03, 1}, {0x04, 6}, {0x05, 1}, {0x06, tlvLen},
	{0x0B, 3}, {0x0C, 3}, {0x0D, 2}, {0x0E, 2}, {0x17, 2}, {0x19, 1},
	{0x22, llVar}, {0x23, llVar}, {0x24, lllVar}, {0x27, 1}, {0x29, 4}, {0x2A, 15},
	{0x2D, llVar}, {0x2E, lllVar}, {0x37, 3}, {0x3A, 2}, {0x3B, 8}, {0x3C, lllVar}, {0x3D, 3},
	{0x49, 2}, {0x4C, llVar}, {0x60, lllVar}, {0x70, 4}, {0x71, 4}, {0x72, 1}, {0x73, 1},
	{0x74, 1}, {0x75, 1}, {0x87, 2}, {0x88, 3}, {0x8A, 1}, {0x8B, llVar}, {0x8C, 1},
	{0x92, lllVar}, {0x9A, lllVar}, {0xA0, 1}, {0xA7, llVar}, {0xAA, 3}, {0xAF, lllVar},
	{0xBA, 5}, {0xD0, 1}, {0xD1, llVar}, {0xD2, 1}, {0xD3, 1}, {0xE0, 1},
	{0xE1, llVar}, {0xE2, llVar}, {0xE3, llVar}, {0xE4, llVar}, {0xE5, llVar}, {0xE6, llVar},
	{0xE7, llVar}, {0xE8, llVar}, {0xE9, 1}, {0xEA, 1}, {0xEB, 8}, {0xF0, 1},
	{0xF1, llVar}, {0xF2, llVar}, {0xF3, llVar}, {0xF4, llVar}, {0xF5, llVar}, {0xF6, llVar},
	{0xF7, llVar}, {0xF8, llVar}, {0xF9, 1}, {0xFA, 1}, {0xFB, 1}, {0xFC, 1}, {0xFD, 1},
}

func fieldLength(tag byte) (length, bool) {
	for _, f := range fields {
		if f.tag == tag {
			return f.len, true
		}
	}
	return 0, false
}

// layout says what stands before the fields of a command.
type layout int

const (
	plain      layout = iota // fields at once
	password                 // three bytes
	regist                   // password, configuration byte, currency if it is there
	oneByte                  // a byte: error code, time, rate
	statusLike               // intermediate status: code, and minutes if they are there
	completion               // fields, or software text and terminal status
	opaque                   // no fields at all
)

// commands is the table of messages (PA00P015 chapters 2 and 3).
var commands = []struct {
	class, instr byte
	layout       layout
	name         string
}{
	{0x01, 0x01, opaque, "transfer software"},
	{0x04, 0x01, plain, "set date and time in ECR"},
	{0x04, 0x0F, plain, "status information"},
	{0x04, 0xFF, statusLike, "intermediate status"},
	{0x05, 0x01, password, "status enquiry"},
	{0x06, 0x00, regist, "registration"},
	{0x06, 0x01, plain, "authorisation"},
	{0x06, 0x02, plain, "log-off"},
	{0x06, 0x0F, completion, "completion"},
	{0x06, 0x18, plain, "reset terminal"},
	{0x06, 0x1E, oneByte, "abort"},
	{0x06, 0x20, password, "repeat receipt"},
	{0x06, 0x22, plain, "pre-authorisation"},
	{0x06, 0x23, plain, "partial reversal of a pre-authorisation"},
	{0x06, 0x24, plain, "book total"},
	{0x06, 0x25, plain, "pre-authorisation reversal"},
	{0x06, 0x30, password, "reversal"},
	{0x06, 0x31, password, "refund"},
	{0x06, 0x50, password, "end-of-day"},
	{0x06, 0x70, plain, "diagnosis"},
	{0x06, 0x91, password, "set date and time in PT"},
	{0x06, 0x93, password, "initialisation"},
	{0x06, 0xB0, plain, "abort command"},
	{0x06, 0xC0, oneByte, "read card"},
	{0x06, 0xD1, opaque, "print line"},
	{0x06, 0xD3, plain, "print text block"},
	{0x06, 0xE0, plain, "display text"},
	{0x06, 0xE1, plain, "display text with keys"},
	{0x08, 0x13, plain, "change configuration"},
	{0x08, 0x20, password, "activate terminal"},
	{0x08, 0x30, oneByte, "select language"},
	{0x08, 0x40, oneByte, "change baud rate"},
	{0x08, 0x50, plain, "activate card reader"},
}

func commandLayout(a APDU) (layout, string) {
	switch a.Class {
	case ClassAck:
		return plain, "positive acknowledgement"
	case ClassNack:
		switch a.Instr {
		case 0x00:
			return plain, "positive acknowledgement"
		case 0x9C:
			return plain, "repeat status information"
		case 0x9D:
			return plain, "partial issue of goods"
		}
		return plain, "negative acknowledgement"
	}
	for _, c := range commands {
		if c.class == a.Class && c.instr == a.Instr {
			return c.layout, c.name
		}
	}
	return opaque, unknownName
}

const unknownName = "unknown"

// Name is what a message is called in English.
func Name(a APDU) string {
	_, name := commandLayout(a)
	return name
}
