package zvt_test

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"unicode"

	"kioskd"
	"kioskd/terminal/zvt"
)

// TestTagsAgainstTheSpecification: the examples and definitions of PA00P015 rev. 13.08, chapter 9.4.
func TestTagsAgainstTheSpecification(t *testing.T) {
	for _, c := range []struct {
		tag   uint16
		value int64
		wire  []byte
	}{
		// binary seconds, high byte first
		{0x1F5B, 45, []byte{0x2D}}, {0x1F5B, 90, []byte{0x5A}}, {0x1F5B, 300, []byte{0x01, 0x2C}},
		{0x08, 231, []byte{0x02, 0x31}},                    // BCD
		{0x1F2B, 12345678, []byte{0x12, 0x34, 0x56, 0x78}}, // BCD, as long as it is
		{0x1A, 0x0400, []byte{0x04, 0x00}},
		{0x1F10, 2, []byte{0x02}}, {0x1F12, 2, []byte{0x02}},
	} {
		o := zvt.Number(c.tag, c.value)
		if !bytes.Equal(o.Value, c.wire) {
			t.Errorf("tag %X: %d is written % X, want % X", c.tag, c.value, o.Value, c.wire)
		}
		m, err := zvt.Parse(zvt.Command(0x04, 0x0F, nil, zvt.Container(zvt.Object(c.tag, c.wire...))))
		if got, ok := m.Number(c.tag); err != nil || !ok || got != c.value {
			t.Errorf("tag %X: % X is read as %d, %v, %v", c.tag, c.wire, got, ok, err)
		}
	}
	for tag, wrong := range map[uint16][]byte{0x1F2B: {0x1A}, 0x08: {0x31}, 0x1F44: {0x12}, 0x43: {0x01}, 0x1F10: {}} {
		m, err := zvt.Parse(zvt.Command(0x04, 0x0F, nil, zvt.Container(zvt.Object(tag, wrong...))))
		if got, ok := m.Number(tag); ok || err != nil {
			t.Errorf("tag %X: % X is read as %d, %v", tag, wrong, got, err)
		}
	}
}

// TestOpenReceipts: a list that cannot be read whole is never complete.
func TestOpenReceipts(t *testing.T) {
	for hex, c := range map[string]struct {
		receipts     []int
		complete, ok bool
	}{
		"B8 87FFFF": {[]int{}, true, true},
		"B8 870231": {[]int{231}, false, true},
		"B8 870231 06 0A 23 08 08020231 08020232": {[]int{231, 232}, true, true},
		"B8 870231 06 06 23 04 0802FFFF":          {[]int{231}, false, true}, // an item that is no number
		"B8 870231 06 06 23 04 08020000":          {[]int{231}, false, true},
		"B8 870233 06 06 23 04 08020231":          {[]int{231, 233}, false, true}, // one that is not on the list
		"B8 87FFFF 06 06 23 04 08020231":          {[]int{231}, false, true},      // none, and one
		"B8 870231 06 06 23 04 08010231":          {[]int{231}, false, true},      // an item of another length
		"B8 870231 06 06 23 04 09020231":          {[]int{231}, false, true},      // another tag
		"B8 870231 06 07 23 05 0803023100":        {[]int{231}, false, true},      // an item that is too long
		"B8 870231 5F01":                          {[]int{231}, false, true},
		"B8 06 06 23 04 08020231":                 {[]int{231}, true, true},
		"B8 06 06 23 04 08020231 5F01":            {[]int{231}, false, true},
		"B8 870AB1":                               {[]int{}, false, true},
		"B8":                                      {nil, false, false},
		"6C 87FFFF":                               {nil, false, false},
	} {
		m, err := zvt.Parse(zvt.APDU{Class: 0x06, Instr: 0x1E, Data: unhex(t, hex)})
		if err != nil {
			if c.ok {
				t.Errorf("%s: %v", hex, err)
			}
			continue
		}
		receipts, complete, ok := m.OpenReceipts()
		if !slices.Equal(receipts, c.receipts) || complete != c.complete || ok != c.ok {
			t.Errorf("%s: %v, complete %v, %v", hex, receipts, complete, ok)
		}
	}
}

// TestMaskNumbers: card numbers of test ranges, by brand and length.
func TestMaskNumbers(t *testing.T) {
	for _, pan := range []string{"4111111111111111", "5413330089600010", "378282246310005", "36227206271667",
		"6799998900000060018", "4222222222222", "670300000000000007"} {
		groups := []string{pan, pan[:4] + " " + pan[4:8] + " " + pan[8:], pan[:4] + "-" + pan[4:8] + "-" + pan[8:],
			"0000" + pan, "PAN" + pan + "EXP1230", pan + "=30122010000",
			pan[:6] + ".\n" + pan[6:]}
		if len(pan) == 16 {
			groups = append(groups, "9"+pan, pan+"7", "12"+pan+"1")
		}
		for _, s := range groups {
			digits := strings.Map(func(r rune) rune {
				if unicode.IsDigit(r) || r == '*' {
					return r
				}
				return -1
			}, kiosk.MaskNumbers(s))
			if strings.Contains(digits, pan) {
				t.Errorf("%q is shown as %q", s, kiosk.MaskNumbers(s))
			}
		}
	}
	for _, s := range []string{"2026-11-29 12:30:45", "A0000000041010", "A0000003591010028001", "Visa Debit",
		"60099914", "12 345 678", "411111******1111", "4111111111111112", "0000000000000000"} {
		if got := kiosk.MaskNumbers(s); got != s {
			t.Errorf("%q is shown as %q", s, got)
		}
	}
}

// TestEveryConditionHasItsWords, and what is no result code is none.
func TestEveryConditionHasItsWords(t *testing.T) {
	for code := range 256 {
		c := zvt.ConditionOf(byte(code))
		if c.Text == "" || c.Ready != (code == 0) || c.Code != byte(code) {
			t.Errorf("status %02X: %+v", code, c)
		}
	}
	if c := zvt.ConditionOf(0x62); strings.Contains(c.Text, "declined") || c.Cure == nil {
		t.Errorf("status 62 is %+v", c)
	}
}

func FuzzGate(f *testing.F) {
	f.Add([]byte("VISA 4111 1111 1111 1111\x1b[31m"))
	f.Fuzz(func(t *testing.T, value []byte) {
		m := zvt.Message{Class: 0x04, Instr: 0x0F, Fields: []zvt.Field{{Tag: 0x8B, Value: value},
			{Tag: 0x3C, Value: value}, {Tag: 0xF1, Value: value}}}
		for _, v := range zvt.Describe(m).Fields {
			s, ok := v.(string)
			if !ok {
				continue
			}
			for _, r := range s {
				if r != '\n' && !unicode.IsPrint(r) {
					t.Fatalf("%q is shown as %q", value, s)
				}
			}
			if kiosk.MaskNumbers(s) != s {
				t.Fatalf("%q is shown as %q, in which there is a number yet", value, s)
			}
		}
		zvt.Hex(value)
	})
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
