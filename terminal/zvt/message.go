package zvt

import (
	"bytes"
	"fmt"
)

// Message is an APDU taken apart. Bytes puts it together to the same bytes.
type Message struct {
	Class, Instr byte
	Head         []byte  // the part before the fields; its meaning depends on the command
	Fields       []Field // in the order of the wire
	Rest         []byte  // from the first unknown field on: it cannot be skipped
	Broken       bool    // it could not be read, and nothing of it is here; Parse never sets it
}

// Result is the result code (27); 0 where there is none, which says nothing.
func (m Message) Result() byte {
	if v, ok := m.Get(0x27); ok {
		return v[0]
	}
	return 0
}

// Field is a BMP. Container has the objects of field 06.
type Field struct {
	Tag       byte
	Value     []byte
	Container []TLV
	lenBytes  int // of a TLV length, to write it as it was read
}

// TLV is an object of a container. Tags of two bytes are 0x1F10 and the like.
type TLV struct {
	Tag      uint16
	Value    []byte
	Sub      []TLV // of a constructed tag whose value is whole
	lenBytes int
}

// SyntaxError says at which byte of the APDU's data a message cannot be read.
type SyntaxError struct {
	Offset int
	What   string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at data byte %d", e.What, e.Offset) }

// Parse takes an APDU apart. An unknown field ends the fields and stands in Rest; a
// field that is cut short is an error.
func Parse(a APDU) (Message, error) {
	m := Message{Class: a.Class, Instr: a.Instr}
	lay, _ := commandLayout(a)
	head := headLength(lay, a.Data)
	if head > len(a.Data) {
		return m, &SyntaxError{len(a.Data), Name(a) + " is cut short"}
	}
	m.Head = a.Data[:head]
	at := head
	for at < len(a.Data) {
		f, n, err := cutField(a.Data[at:])
		if err != nil {
			return m, &SyntaxError{at, err.Error()}
		}
		if n == 0 {
			m.Rest = a.Data[at:]
			break
		}
		m.Fields = append(m.Fields, f)
		at += n
	}
	return m, nil
}

func headLength(lay layout, d []byte) int {
	switch lay {
	case password:
		return 3
	case regist:
		if len(d) >= 6 {
			return 6
		}
		return 4
	case oneByte:
		return 1
	case statusLike:
		// A second byte is the time-out in minutes, unless it starts a container that
		// fills the rest exactly: the specification's own example has no time-out.
		if len(d) < 2 {
			return 1
		}
		if n, lenBytes, err := cutTLVLength(d[2:]); d[1] == 0x06 && err == nil && 2+lenBytes+n == len(d) {
			return 1
		}
		return 2
	case completion:
		return completionHead(d)
	case opaque:
		return len(d)
	}
	return 0
}

// completionHead tells the completion of a status enquiry (software text as LLLVAR
// and terminal status, or the status alone) from one with fields. Some statuses, as F0, are numbers
// of fields too: of texts to be shown, which no completion has.
func completionHead(d []byte) int {
	if n := softwareLength(d); n > 0 {
		if n+1 <= len(d) {
			return n + 1
		}
		return len(d)
	}
	if len(d) == 0 {
		return 0
	}
	if _, known := fieldLength(d[0]); len(d) == 1 || !known || isCondition(d[0]) {
		return 1
	}
	return 0
}

// softwareLength is the length of a text at the front with its own length (LLLVAR); 0 for none.
func softwareLength(d []byte) int {
	if len(d) < 3 || d[0]&d[1]&d[2]&0xF0 != 0xF0 {
		return 0
	}
	return 3 + int(d[0]&15)*100 + int(d[1]&15)*10 + int(d[2]&15)
}

// cutField takes one field from the front; n is 0 for an unknown one.
func cutField(d []byte) (f Field, n int, err error) {
	kind, ok := fieldLength(d[0])
	if !ok {
		return Field{}, 0, nil
	}
	f = Field{Tag: d[0]}
	size, at := int(kind), 1
	switch kind {
	case llVar, lllVar:
		digits := -int(kind)
		if len(d) < 1+digits {
			return f, 0, fmt.Errorf("length of field %02X is cut short", d[0])
		}
		size = 0
		for _, b := range d[1 : 1+digits] {
			if b&0xF0 != 0xF0 || b&0x0F > 9 {
				return f, 0, fmt.Errorf("length of field %02X has %02X in place of a digit", d[0], b)
			}
			size = size*10 + int(b&0x0F)
		}
		at += digits
	case tlvLen:
		size, f.lenBytes, err = cutTLVLength(d[1:])
		if err != nil {
			return f, 0, fmt.Errorf("length of field %02X: %w", d[0], err)
		}
		at += f.lenBytes
	}
	if len(d) < at+size {
		return f, 0, fmt.Errorf("field %02X is cut short: %d of %d bytes", d[0], len(d)-at, size)
	}
	f.Value = d[at : at+size]
	if kind == tlvLen {
		f.Container, err = cutTLVs(f.Value, 0)
		if err != nil {
			return f, 0, fmt.Errorf("container: %w", err)
		}
	}
	return f, at + size, nil
}

func cutTLVLength(d []byte) (n, lenBytes int, err error) {
	switch {
	case len(d) >= 1 && d[0] < 0x80:
		return int(d[0]), 1, nil
	case len(d) >= 2 && d[0] == 0x81:
		return int(d[1]), 2, nil
	case len(d) >= 3 && d[0] == 0x82:
		return int(d[1])<<8 | int(d[2]), 3, nil // high byte first, unlike the APDU's
	}
	return 0, 0, errShort
}

// maxDepth bounds nested containers; real ones have at most three levels.
const maxDepth = 8

func cutTLVs(d []byte, depth int) ([]TLV, error) {
	var out []TLV
	for len(d) > 0 {
		if d[0] == 0 && len(bytes.Trim(d, "\x00")) == 0 {
			return nil, fmt.Errorf("tag 00")
		}
		t := TLV{Tag: uint16(d[0])}
		at := 1
		if d[0]&0x1F == 0x1F {
			if len(d) < 2 {
				return nil, errShort
			}
			t.Tag, at = t.Tag<<8|uint16(d[1]), 2
		}
		size, lenBytes, err := cutTLVLength(d[at:])
		if err != nil {
			return nil, err
		}
		at += lenBytes
		if len(d) < at+size {
			return nil, fmt.Errorf("tag %02X is cut short: %d of %d bytes", t.Tag, len(d)-at, size)
		}
		t.lenBytes, t.Value = lenBytes, d[at:at+size]
		if d[0]&0x20 != 0 && depth < maxDepth {
			if sub, err := cutTLVs(t.Value, depth+1); err == nil {
				t.Sub = sub
			}
		}
		out = append(out, t)
		d = d[at+size:]
	}
	return out, nil
}

// APDU puts the message together.
func (m Message) APDU() APDU {
	data := append([]byte(nil), m.Head...)
	for _, f := range m.Fields {
		data = f.appendTo(data)
	}
	return APDU{m.Class, m.Instr, append(data, m.Rest...)}
}

func (f Field) appendTo(b []byte) []byte {
	b = append(b, f.Tag)
	kind, _ := fieldLength(f.Tag)
	value := f.Value
	switch kind {
	case llVar:
		b = append(b, 0xF0|byte(len(value)/10), 0xF0|byte(len(value)%10))
	case lllVar:
		b = append(b, 0xF0|byte(len(value)/100), 0xF0|byte(len(value)/10%10), 0xF0|byte(len(value)%10))
	case tlvLen:
		if f.Container != nil {
			value = nil
			for _, t := range f.Container {
				value = t.appendTo(value)
			}
		}
		b = appendTLVLength(b, len(value), f.lenBytes)
	}
	return append(b, value...)
}

func (t TLV) appendTo(b []byte) []byte {
	if t.Tag > 0xFF {
		b = append(b, byte(t.Tag>>8))
	}
	b = append(b, byte(t.Tag))
	value := t.Value
	if t.Sub != nil {
		value = nil
		for _, s := range t.Sub {
			value = s.appendTo(value)
		}
	}
	return append(appendTLVLength(b, len(value), t.lenBytes), value...)
}

// appendTLVLength writes a length in at least lenBytes bytes.
func appendTLVLength(b []byte, n, lenBytes int) []byte {
	switch {
	case n < 0x80 && lenBytes <= 1:
		return append(b, byte(n))
	case n < 0x100 && lenBytes <= 2:
		return append(b, 0x81, byte(n))
	}
	return append(b, 0x82, byte(n>>8), byte(n))
}

// Get is the value of the first field with a number.
func (m Message) Get(tag byte) ([]byte, bool) {
	for _, f := range m.Fields {
		if f.Tag == tag {
			return f.Value, true
		}
	}
	return nil, false
}

// Find is the value of the first TLV object with a tag, at any depth below a path of
// constructed tags.
func (m Message) Find(path ...uint16) ([]byte, bool) {
	for _, f := range m.Fields {
		if v, ok := find(f.Container, path); ok {
			return v, true
		}
	}
	return nil, false
}

func find(list []TLV, path []uint16) ([]byte, bool) {
	for _, t := range list {
		if t.Tag == path[0] {
			if len(path) == 1 {
				return t.Value, true
			}
			if v, ok := find(t.Sub, path[1:]); ok {
				return v, true
			}
		}
	}
	for _, t := range list {
		if v, ok := find(t.Sub, path); ok {
			return v, true
		}
	}
	return nil, false
}

// all collects the values of a tag at any depth.
func all(list []TLV, tag uint16) (out [][]byte) {
	for _, t := range list {
		if t.Tag == tag {
			out = append(out, t.Value)
		}
		out = append(out, all(t.Sub, tag)...)
	}
	return out
}

// All collects the values of all TLV objects with a tag, in order.
func (m Message) All(tag uint16) (out [][]byte) {
	for _, f := range m.Fields {
		out = append(out, all(f.Container, tag)...)
	}
	return out
}

// Builders of fields.

// Bin is a field with the bytes given.
func Bin(tag byte, value ...byte) Field { return Field{Tag: tag, Value: value} }

// BCD is a field of n bytes of packed decimal digits.
func BCD(tag byte, value int64, n int) Field { return Field{Tag: tag, Value: PutBCD(value, n)} }

// Container is field 06.
func Container(objects ...TLV) Field {
	if objects == nil {
		objects = []TLV{}
	}
	return Field{Tag: 0x06, Container: objects}
}

// Object is a primitive TLV object.
func Object(tag uint16, value ...byte) TLV { return TLV{Tag: tag, Value: value} }

// Group is a constructed TLV object.
func Group(tag uint16, sub ...TLV) TLV { return TLV{Tag: tag, Sub: sub} }

// Command puts an APDU together from a head and fields.
func Command(class, instr byte, head []byte, fields ...Field) APDU {
	return Message{Class: class, Instr: instr, Head: head, Fields: fields}.APDU()
}

// PutBCD is v as n bytes of packed decimal digits; what does not fit is cut.
func PutBCD(v int64, n int) []byte {
	out := make([]byte, n)
	for i := n - 1; i >= 0; i-- {
		out[i] = byte(v%10) | byte(v/10%10)<<4
		v /= 100
	}
	return out
}

// GetBCD reads packed decimal digits. It is false for a nibble above 9.
func GetBCD(b []byte) (v int64, ok bool) {
	if len(b) > 8 {
		return 0, false
	}
	for _, d := range b {
		if d>>4 > 9 || d&15 > 9 {
			return 0, false
		}
		v = v*100 + int64(d>>4)*10 + int64(d&15)
	}
	return v, true
}
