package zvt

import (
	"fmt"
	"slices"
	"strings"
)

// Description is what a person may see of a message. Its keys are a contract (see the
// documentation of kioskd terminal decode).
type Description struct {
	Name   string         `json:"name"`
	Class  string         `json:"class"`
	Instr  string         `json:"instr"`
	Fields map[string]any `json:"fields"`
}

// Describe says what a message holds. Card numbers are masked; track data and
// passwords are left out.
func Describe(m Message) Description {
	d := Description{
		Name: Name(m.APDU()), Class: fmt.Sprintf("%02X", m.Class), Instr: fmt.Sprintf("%02X", m.Instr),
		Fields: map[string]any{},
	}
	f := d.Fields
	describeHead(&d, m)
	for _, fd := range m.Fields {
		describeField(f, fd)
	}
	describeTLV(f, m)
	m.Payment().render(f)
	if receipts, _, ok := m.OpenReceipts(); ok {
		f["open_receipts"] = receipts
	}
	if v, ok := m.Get(0x87); ok && m.Class == 0x06 && m.Instr == 0x23 && v[0] == 0xFF {
		d.Name = "enquiry of open pre-authorisations"
	}
	if len(m.Rest) > 0 {
		f["unknown"] = Hex(m.Rest)
	}
	return d
}

func describeHead(d *Description, m Message) {
	f := d.Fields
	result := func(code byte) {
		f["result_code"] = fmt.Sprintf("%02X", code)
		f["result_text"] = ResultText(code)
	}
	switch {
	case m.Class == ClassNack && m.Instr != 0:
		result(m.Instr)
	case m.Class == 0x06 && m.Instr == 0x00 && len(m.Head) == 6:
		if c, ok := GetBCD(m.Head[4:6]); ok {
			f["currency"] = c
		}
		f["config"] = fmt.Sprintf("%02X", m.Head[3])
	case m.Class == 0x06 && m.Instr == 0x1E && len(m.Head) > 0:
		result(m.Head[0])
	case m.Class == 0x04 && m.Instr == 0xFF && len(m.Head) > 0:
		f["status_code"] = fmt.Sprintf("%02X", m.Head[0])
		f["status_text"] = StatusText(m.Head[0])
		if len(m.Head) == 2 {
			if v, ok := GetBCD(m.Head[1:]); ok {
				f["timeout_minutes"] = v
			}
		}
	case m.Class == 0x06 && m.Instr == 0x0F && len(m.Head) > 0:
		software, status, ok := m.Completion()
		if software != "" {
			f["software"] = software
		}
		if ok {
			f["terminal_status"] = fmt.Sprintf("%02X", status)
		}
	case m.Class == 0x06 && m.Instr == 0xD1 && len(m.Head) > 0:
		f["lines"] = []string{text(m.Head[1:])}
	case m.Class == 0x06 && m.Instr == 0xC0 && len(m.Head) > 0:
		f["timeout_seconds"] = int(m.Head[0])
	}
	if lay, _ := commandLayout(m.APDU()); lay == opaque && m.Instr != 0xD1 && len(m.Head) > 0 {
		f["unknown"] = Hex(m.Head)
	}
}

// Completion reads the head of a status enquiry's completion. ok is false where no status is there.
func (m Message) Completion() (software string, status byte, ok bool) {
	switch n := len(m.Head); {
	case n == 0:
		return "", 0, false
	case n == 1:
		return "", m.Head[0], true
	case n == softwareLength(m.Head): // its text fills it
		return text(m.Head[3:]), 0, false
	default:
		return text(m.Head[min(3, n-1) : n-1]), m.Head[n-1], true
	}
}

func describeField(f map[string]any, fd Field) {
	v := fd.Value
	switch fd.Tag {
	case 0x19:
		f["payment_type"] = fmt.Sprintf("%02X", v[0])
	case 0x27:
		f["result_code"] = fmt.Sprintf("%02X", v[0])
		f["result_text"] = ResultText(v[0])
	case 0x3C:
		f["text"] = text(v)
	case 0x8A:
		f["card_type"] = int(v[0])
	case 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8:
		lines, _ := f["lines"].([]string)
		for len(lines) < int(fd.Tag&15) {
			lines = append(lines, "")
		}
		lines[fd.Tag&15-1] = text(v)
		f["lines"] = lines
	}
}

func describeTLV(f map[string]any, m Message) {
	if v, ok := m.Find(0x4C); ok {
		uid := strings.TrimLeft(Hex(v), "0")
		if len(uid)%2 == 1 {
			uid = "0" + uid
		}
		f["uid"] = uid
	}
	if v, ok := m.Find(0x1F73); ok {
		f["message_sequence_id"] = Hex(v)
	}
	if v, ok := m.Find(0x1F63); ok {
		f["reference"] = text(v)
	}
	for _, line := range m.All(0x07) {
		lines, _ := f["lines"].([]string)
		f["lines"] = append(lines, text(line))
	}
}

// OpenReceipts reads the answer to the enquiry of open pre-authorisations (abort with B8). complete
// is false where a terminal named only the first, or where the list cannot be read whole: a number
// that is not there may be open then. ok is false if the message is no such answer.
func (m Message) OpenReceipts() (receipts []int, complete, ok bool) {
	if m.Class != 0x06 || m.Instr != 0x1E || len(m.Head) != 1 || m.Head[0] != 0xB8 {
		return nil, false, false
	}
	first, named := m.Get(0x87)
	list, found := m.Find(0x23)
	if !found && !named {
		return nil, false, false
	}
	receipts, complete = []int{}, len(m.Rest) == 0
	if found {
		objects, err := cutTLVs(list, 0)
		complete = complete && err == nil
		for _, o := range objects {
			n, isNumber := receiptNumber(o.Value)
			if o.Tag != 0x08 || !isNumber {
				complete = false
				continue
			}
			receipts = append(receipts, n)
		}
	}
	if !named || first[0] == 0xFF && first[1] == 0xFF {
		return receipts, complete && (!named || len(receipts) == 0), true
	}
	n, isNumber := receiptNumber(first)
	switch {
	case !isNumber:
		return receipts, false, true
	case slices.Contains(receipts, n):
		return receipts, complete, true
	}
	return append(receipts, n), false, true
}

// receiptNumber is 1 to 9999.
func receiptNumber(v []byte) (int, bool) {
	n, ok := GetBCD(v)
	return int(n), ok && len(v) == 2 && n > 0
}

// MaskedNumber reads field 22. Nibble E is a digit that the terminal masked, D ends
// the number, F is padding. A number that the terminal did not mask enough (more than
// the six first and four last digits) is masked to its last four here.
func MaskedNumber(v []byte) string {
	var b strings.Builder
	masked := false
	for i := range 2 * len(v) {
		n := v[i/2] >> 4
		if i%2 == 1 {
			n = v[i/2] & 15
		}
		switch {
		case n <= 9:
			b.WriteByte('0' + n)
		case n == 0x0E:
			masked = true
			b.WriteByte('*')
		case n == 0x0D:
			return limitDigits(b.String(), masked)
		}
	}
	return limitDigits(b.String(), masked)
}

func limitDigits(number string, masked bool) string {
	visible := len(number) - strings.Count(number, "*")
	if masked && visible <= 10 {
		return number
	}
	keep := min(4, len(number)/2)
	return strings.Repeat("*", len(number)-keep) + number[len(number)-keep:]
}

// Text reads a text value.
func Text(v []byte) string { return text(v) }
