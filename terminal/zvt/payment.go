package zvt

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"kioskd"
)

// Payment is what a message says of a payment: of a result, or of a command. What it does not say is nil.
type Payment struct {
	Amount, Currency *int64 // minor units; the ISO 4217 number
	Receipt, Trace   *int64
	Date, Time       *string // MM-DD or YYYY-MM-DD; HH:MM:SS
	TerminalID       *string // digits
	MerchantID       *string
	AuthCode         *string
	CardNumber       *string // masked: see MaskedNumber
	CardName         *string
	AID              *string // ISO/IEC 7816-5, hexadecimal digits
	traceDigits      int     // that the trace number is written with: more than six for one of tag 1F2B
}

// Payment reads what a message says of a payment.
func (m Message) Payment() (p Payment) {
	p.Amount, p.Currency, p.Receipt, p.Trace = m.only(0x04), m.only(0x49), m.only(0x87), m.only(0x0B)
	p.traceDigits = shortTrace
	for _, f := range m.Fields {
		p.field(f)
	}
	if v, ok := m.Find(0x43); ok && 5 <= len(v) && len(v) <= 16 {
		p.AID = of(Hex(v))
	}
	if v, ok := m.Find(0x1F0E); ok && len(v) == 4 {
		p.Date = of(fmt.Sprintf("%02x%02x-%02x-%02x", v[0], v[1], v[2], v[3]))
	}
	if v, ok := m.Find(0x1F0F); ok && len(v) == 3 {
		p.Time = of(fmt.Sprintf("%02x:%02x:%02x", v[0], v[1], v[2]))
	}
	if v, ok := m.Find(0x1F44); ok && len(v) == 4 && p.TerminalID == nil {
		p.TerminalID = of(hex.EncodeToString(v))
	}
	p.longTrace(m)
	return p
}

// longTrace reads tag 1F2B, which counts in place of field 0B unless that has the same number.
func (p *Payment) longTrace(m Message) {
	v, _ := m.Find(0x1F2B)
	n, ok := m.Number(0x1F2B)
	if !ok || p.Trace != nil && *p.Trace == n || strings.Contains(kiosk.MaskNumbers(strconv.FormatInt(n, 10)), "*") {
		return
	}
	p.Trace, p.traceDigits = of(n), max(2*len(v), shortTrace+1)
}

func (p *Payment) field(f Field) {
	v := f.Value
	switch f.Tag {
	case 0x0C:
		p.Time = of(fmt.Sprintf("%02x:%02x:%02x", v[0], v[1], v[2]))
	case 0x0D:
		if p.Date == nil {
			p.Date = of(fmt.Sprintf("%02x-%02x", v[0], v[1]))
		}
	case 0xAA:
		p.Date = of(fmt.Sprintf("20%02x-%02x-%02x", v[0], v[1], v[2]))
	case 0x22:
		p.CardNumber = of(MaskedNumber(v))
	case 0x29:
		p.TerminalID = of(hex.EncodeToString(v))
	case 0x2A:
		p.MerchantID = of(text(v))
	case 0x3B:
		p.AuthCode = of(text(v))
	case 0x8B:
		name, _, _ := bytes.Cut(v, []byte{0}) // what stands behind its end is no name
		p.CardName = of(text(name))
	}
}

func of[T any](v T) *T { return &v }

// only is the value of a numeric field; nil where the field is absent, is no number, as FFFF, or where the message has
// it twice with different values, which say nothing.
func (m Message) only(tag byte) (value *int64) {
	for _, f := range m.Fields {
		if f.Tag != tag {
			continue
		}
		n, ok := GetBCD(f.Value)
		if !ok || value != nil && *value != n {
			return nil
		}
		value = &n
	}
	return value
}

// render puts what is there among the fields of a description.
func (p Payment) render(f map[string]any) {
	for key, n := range map[string]*int64{"amount_minor": p.Amount, "currency": p.Currency, "receipt_no": p.Receipt,
		"trace_no": p.Trace} {
		if n != nil {
			f[key] = *n
		}
	}
	for key, s := range map[string]*string{"date": p.Date, "time": p.Time, "terminal_id": p.TerminalID,
		"merchant_id": p.MerchantID, "auth_code": p.AuthCode, "card_number": p.CardNumber, "card_name": p.CardName,
		"aid": p.AID} {
		if s != nil {
			f[key] = *s
		}
	}
}
