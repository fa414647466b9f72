package zvt

import (
	"encoding/hex"
	"fmt"
	"strings"

	"golang.org/x/text/encoding/charmap"
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
	if receipts, _, ok := m.OpenReceipts(); ok {
		f["open_receipts"] = receipts
	}
	if v, ok := m.Get(0x87); ok && m.Class == 0x06 && m.Instr == 0x23 && v[0] == 0xFF {
		d.Name = "enquiry of open pre-authorisations"
	}
	if len(m.Rest) > 0 {
		f["unknown"] = hex.EncodeToString(m.Rest)
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
	case m.Class == 0x06 && m.Instr == 0x1E:
		result(m.Head[0])
	case m.Class == 0x04 && m.Instr == 0xFF:
		f["status_code"] = fmt.Sprintf("%02X", m.Head[0])
		f["status_text"] = StatusText(m.Head[0])
		if len(m.Head) == 2 {
			if v, ok := GetBCD(m.Head[1:]); ok {
				f["timeout_minutes"] = v
			}
		}
	case m.Class == 0x06 && m.Instr == 0x0F && len(m.Head) > 0:
		software, status := m.Completion()
		if software != "" {
			f["software"] = software
		}
		f["terminal_status"] = fmt.Sprintf("%02X", status)
	case m.Class == 0x06 && m.Instr == 0xD1 && len(m.Head) > 0:
		f["lines"] = []string{text(m.Head[1:])}
	case m.Class == 0x06 && m.Instr == 0xC0:
		f["timeout_seconds"] = int(m.Head[0])
	}
	if lay, _ := commandLayout(m.APDU()); lay == opaque && m.Instr != 0xD1 && len(m.Head) > 0 {
		f["unknown"] = hex.EncodeToString(m.Head)
	}
}

// Completion reads the head of a status enquiry's completion.
func (m Message) Completion() (software string, status byte) {
	if len(m.Head) == 0 {
		return "", 0
	}
	if len(m.Head) > 3 {
		software = text(m.Head[3 : len(m.Head)-1])
	}
	return software, m.Head[len(m.Head)-1]
}

func describeField(f map[string]any, fd Field) {
	number := func(key string) {
		if v, ok := GetBCD(fd.Value); ok {
			f[key] = v
		}
	}
	v := fd.Value
	switch fd.Tag {
	case 0x04:
		number("amount_minor")
	case 0x0B:
		number("trace_no")
	case 0x0C:
		f["time"] = fmt.Sprintf("%02x:%02x:%02x", v[0], v[1], v[2])
	case 0x0D:
		if f["date"] == nil {
			f["date"] = fmt.Sprintf("%02x-%02x", v[0], v[1])
		}
	case 0xAA:
		f["date"] = fmt.Sprintf("20%02x-%02x-%02x", v[0], v[1], v[2])
	case 0x19:
		f["payment_type"] = fmt.Sprintf("%02X", v[0])
	case 0x22:
		f["card_number"] = MaskedNumber(v)
	case 0x27:
		f["result_code"] = fmt.Sprintf("%02X", v[0])
		f["result_text"] = ResultText(v[0])
	case 0x29:
		f["terminal_id"] = hex.EncodeToString(v)
	case 0x2A:
		f["merchant_id"] = text(v)
	case 0x3B:
		f["auth_code"] = text(v)
	case 0x3C:
		f["text"] = text(v)
	case 0x49:
		number("currency")
	case 0x87:
		number("receipt_no") // FFFF is no number
	case 0x8A:
		f["card_type"] = int(v[0])
	case 0x8B:
		f["card_name"] = text(v)
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
	if v, ok := m.Find(0x43); ok {
		f["aid"] = strings.ToUpper(hex.EncodeToString(v))
	}
	if v, ok := m.Find(0x4C); ok {
		f["uid"] = strings.ToUpper(strings.TrimLeft(hex.EncodeToString(v), "0"))
		if len(f["uid"].(string))%2 == 1 {
			f["uid"] = "0" + f["uid"].(string)
		}
	}
	if v, ok := m.Find(0x1F0E); ok && len(v) == 4 {
		f["date"] = fmt.Sprintf("%02x%02x-%02x-%02x", v[0], v[1], v[2], v[3])
	}
	if v, ok := m.Find(0x1F0F); ok && len(v) == 3 {
		f["time"] = fmt.Sprintf("%02x:%02x:%02x", v[0], v[1], v[2])
	}
	if v, ok := m.Find(0x1F44); ok && f["terminal_id"] == nil {
		f["terminal_id"] = hex.EncodeToString(v)
	}
	if v, ok := m.Find(0x1F2B); ok {
		if n, ok := GetBCD(v); ok {
			f["trace_no"] = n
		}
	}
	if v, ok := m.Find(0x1F73); ok {
		f["message_sequence_id"] = hex.EncodeToString(v)
	}
	if v, ok := m.Find(0x1F63); ok {
		f["reference"] = text(v)
	}
	for _, line := range m.All(0x07) {
		lines, _ := f["lines"].([]string)
		f["lines"] = append(lines, text(line))
	}
}

// OpenReceipts reads the answer to the enquiry of open pre-authorisations (abort with
// B8). complete is false where a terminal named only the first; ok is false if the
// message is no such answer.
func (m Message) OpenReceipts() (receipts []int, complete, ok bool) {
	if m.Class != 0x06 || m.Instr != 0x1E || len(m.Head) != 1 || m.Head[0] != 0xB8 {
		return nil, false, false
	}
	receipts = []int{}
	if list, found := m.Find(0x23); found {
		complete = true
		objects, err := cutTLVs(list, 0)
		if err != nil {
			return nil, false, false
		}
		for _, v := range all(objects, 0x08) {
			if n, ok := GetBCD(v); ok {
				receipts = append(receipts, int(n))
			}
		}
		return receipts, true, true
	}
	v, found := m.Get(0x87)
	if !found {
		return nil, false, false
	}
	if v[0] == 0xFF && v[1] == 0xFF {
		return receipts, true, true
	}
	n, isNumber := GetBCD(v)
	if !isNumber {
		return nil, false, false
	}
	return append(receipts, int(n)), false, true
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

// text reads CP437, the default character set, up to a closing 00.
func text(v []byte) string {
	s, err := charmap.CodePage437.NewDecoder().String(strings.TrimRight(string(v), "\x00"))
	if err != nil {
		return ""
	}
	return strings.TrimRight(strings.ReplaceAll(s, "\r", "\n"), " ")
}

// Text reads a text value.
func Text(v []byte) string { return text(v) }
