package zvt_test

import (
	"bytes"
	"fmt"
	"net"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/line"
	"kioskd/terminal/zvt"
)

// described is what a person sees of a message in hexadecimal.
func described(t *testing.T, text string) zvt.Description {
	t.Helper()
	m, err := zvt.Parse(cut(t, unhex(t, text)))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return zvt.Describe(m)
}

// cut takes one APDU, and wants nothing after it.
func cut(t *testing.T, data []byte) zvt.APDU {
	t.Helper()
	a, rest, err := zvt.CutAPDU(data)
	if err != nil || len(rest) > 0 {
		t.Fatalf("% X: %v, %d bytes left", data, err, len(rest))
	}
	return a
}

// command is an APDU of data below 255 bytes, in hexadecimal.
func told(class, instr string, data string) string {
	data = strings.ReplaceAll(data, " ", "")
	return fmt.Sprintf("%s%s%02X%s", class, instr, len(data)/2, data)
}

// TestLengthsOfAnAPDU: one byte up to 254, and FF and two bytes, the low one first, above (PA00P015, 3.2).
func TestLengthsOfAnAPDU(t *testing.T) {
	for n, head := range map[int]string{0: "04 0F 00", 1: "04 0F 01", 254: "04 0F FE", 255: "04 0F FF FF 00",
		256: "04 0F FF 00 01", 1000: "04 0F FF E8 03", 65535: "04 0F FF FF FF"} {
		a := zvt.APDU{Class: 0x04, Instr: 0x0F, Data: bytes.Repeat([]byte{0x55}, n)}
		wire := a.Bytes()
		want := append(unhex(t, head), a.Data...)
		if !bytes.Equal(wire, want) {
			t.Errorf("%d bytes begin with % X", n, wire[:min(len(wire), 5)])
		}
		back, rest, err := zvt.CutAPDU(append(wire, 0x80))
		if err != nil || len(back.Data) != n || !bytes.Equal(rest, []byte{0x80}) {
			t.Errorf("%d bytes come back as %d, %d are left, %v", n, len(back.Data), len(rest), err)
		}
		for _, short := range []int{0, 1, 2, 3, 4, len(wire) - 1} {
			if short >= len(wire) {
				continue
			}
			if _, rest, err := zvt.CutAPDU(wire[:short]); !zvt.Incomplete(err) || len(rest) != short {
				t.Errorf("%d of %d bytes: %v", short, len(wire), err)
			}
		}
	}
}

// TestStatusesAndResultsHaveTexts: statuses 41 to 5D are those of 01 to 1D with a card to be removed.
func TestStatusesAndResultsHaveTexts(t *testing.T) {
	for code, want := range map[byte]string{0x01: "look at the PIN pad", 0x0A: "insert or present the card",
		0x1D: "declined",
		0x40: "status 40", 0x41: "look at the PIN pad, remove the card",
		0x4A: "insert or present the card, remove the card",
		0x5D: "declined, remove the card", 0x5E: "status 5E", 0x66: "remove the card", 0x99: "status 99"} {
		if got := zvt.StatusText(code); got != want {
			t.Errorf("%02X: %q, want %q", code, got, want)
		}
	}
	for code, want := range map[byte]string{0xB4: "already reversed", 0xC8: "amount too small",
		0xC9: "amount too small", 0xCA: "error CA"} {
		if got := zvt.ResultText(code); got != want {
			t.Errorf("%02X: %q, want %q", code, got, want)
		}
	}
}

// TestLengthsInsideAMessage: two and three digits F0 to F9 (LLVAR, LLLVAR), and those of BER-TLV.
func TestLengthsInsideAMessage(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		want string // a part of the error; empty for none
	}{
		"LLVAR of 0":               {"22 F0F0", ""},
		"LLVAR of 12":              {"22 F1F2" + strings.Repeat("11", 12), ""},
		"LLVAR that is cut":        {"22 F1F2" + strings.Repeat("11", 11), "field 22 is cut short: 11 of 12 bytes"},
		"LLVAR of one digit":       {"22 F1", "length of field 22 is cut short"},
		"LLVAR without a digit":    {"22", "length of field 22 is cut short"},
		"LLVAR of another nibble":  {"22 E1F2", "length of field 22 has E1 in place of a digit"},
		"LLVAR of a digit above 9": {"22 F1FA", "length of field 22 has FA in place of a digit"},
		"LLVAR of a digit 9":       {"22 F0F9" + strings.Repeat("11", 9), ""},
		"LLLVAR of 123":            {"3C F1F2F3" + strings.Repeat("41", 123), ""},
		"LLLVAR that is cut": {"3C F1F2F3" + strings.Repeat("41", 122),
			"field 3C is cut short: 122 of 123 bytes"},
		"LLLVAR of two digits":        {"3C F1F2", "length of field 3C is cut short"},
		"container of 127":            {"06 7F 43 7D" + strings.Repeat("A1", 125), ""},
		"container of 81 80":          {"06 8180 43 7E" + strings.Repeat("A1", 126), ""},
		"container that is cut":       {"06 05 43 03 A1A1", "field 06 is cut short: 4 of 5 bytes"},
		"object that is cut":          {"06 04 43 03 A1A1", "tag 43 is cut short: 2 of 3 bytes"},
		"object of two bytes, cut":    {"06 04 1F5B 03 A1", "tag 1F5B is cut short: 1 of 3 bytes"},
		"tag of two bytes that ends":  {"06 01 1F", "container: "},
		"tag of two bytes, no length": {"06 02 1F5B", "container: "},
		"filled up with zeros":        {"06 03 000000", "tag 00"},
		"zeros after an object":       {"06 05 4302A1A1 00", "tag 00"},
		"zero as a tag among others":  {"06 05 0001A1 4300", ""},
	} {
		wire := cut(t, unhex(t, told("04", "0F", c.data)))
		m, err := zvt.Parse(wire)
		switch {
		case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		case err == nil && !bytes.Equal(m.APDU().Bytes(), wire.Bytes()):
			t.Errorf("%s: comes back as % X", name, m.APDU().Bytes())
		}
	}
}

// TestPackedDigits: up to sixteen, each a nibble from 0 to 9.
func TestPackedDigits(t *testing.T) {
	for in, want := range map[string]int64{"": 0, "09": 9, "90": 90, "1234": 1234,
		"9999999999999999": 9999999999999999} {
		if got, ok := zvt.GetBCD(unhex(t, in)); !ok || got != want {
			t.Errorf("%s: %d, %v", in, got, ok)
		}
	}
	for _, in := range []string{"0A", "A0", "9A", "A9", "FFFF", "000000000000000001"} {
		if got, ok := zvt.GetBCD(unhex(t, in)); ok {
			t.Errorf("%s is read as %d", in, got)
		}
	}
	m, err := zvt.Parse(zvt.Command(0x04, 0x0F, nil, zvt.Container(zvt.Object(0x1F2B, unhex(t, "12345678901234")...))))
	if got, ok := m.Number(0x1F2B); err != nil || !ok || got != 12345678901234 {
		t.Errorf("fourteen digits: %d, %v, %v", got, ok, err)
	}
	m, err = zvt.Parse(zvt.Command(0x04, 0x0F, nil, zvt.Container(zvt.Object(0x1F2B, unhex(t, "1234567890123456")...))))
	if got, ok := m.Number(0x1F2B); err != nil || ok {
		t.Errorf("sixteen digits: %d, %v", got, err)
	}
}

// TestWhatIsShownOfAMessage, and what is left out of it.
func TestWhatIsShownOfAMessage(t *testing.T) {
	long := "F1F0F2" + strings.Repeat("41", 102)
	for text, want := range map[string]map[string]any{
		told("06", "0F", long+"00"): {"software": strings.Repeat("A", 102),
			"terminal_status": "00"},
		told("06", "0F", long): {"software": strings.Repeat("A", 102),
			"terminal_status": nil},
		told("06", "0F", "F0F0F3 414243 9C"): {"software": "ABC", "terminal_status": "9C"},
		told("06", "0F", "9C"):               {"software": nil, "terminal_status": "9C"},
		told("06", "0F", "F1F2F3 4142"):      {"software": "A", "terminal_status": "42"},
		// its length is wrong
		told("06", "0F", ""):                            {"software": nil, "terminal_status": nil},
		told("04", "0F", "2700 CE01"):                   {"unknown": "CE01"},
		told("04", "0F", "2700"):                        {"unknown": nil, "result_text": "ok"},
		told("04", "0F", "06 06 43 04 A0000000"):        {"aid": nil}, // ISO/IEC 7816-5: 5 to 16 bytes
		told("04", "0F", "06 07 43 05 A000000004"):      {"aid": "A000000004"},
		told("04", "0F", "06 12 43 10"+pairs("A0", 16)): {"aid": pairs("A0", 16)},
		told("04", "0F", "06 13 43 11"+pairs("A0", 17)): {"aid": nil},
		told("04", "0F", "F3 F0F2 4142 F1 F0F1 43"):     {"lines": []string{"C", "", "AB"}},
		told("04", "0F", "F2 F0F1 41 F2 F0F1 42"):       {"lines": []string{"", "B"}},
		told("04", "FF", "0A 02"): {"status_text": "insert or present the card",
			"timeout_minutes": int64(2)},
		told("04", "FF", "0A"):             {"status_code": "0A", "timeout_minutes": nil},
		told("06", "D1", "00 4142"):        {"lines": []string{"AB"}, "unknown": nil},
		told("06", "00", "123456 BE 0978"): {"currency": int64(978), "config": "BE"},
		told("04", "0F", "22 F0F3 123456"): {"card_number": "***456"},
		// half of it, where it is short
		told("04", "0F", "22 F0F4 12345678"):                 {"card_number": "****5678"},
		told("04", "0F", "22 F0F8 5598 83EE EEEE 8074"):      {"card_number": "559883******8074"},
		told("04", "0F", "22 F0F8 5598 8312 EEEE 8074"):      {"card_number": "************8074"},
		told("04", "0F", "22 F1F0 5598 83EE EEEE 8074 D30F"): {"card_number": "559883******8074"},
	} {
		got := described(t, text)
		for key, value := range want {
			if !reflect.DeepEqual(got.Fields[key], value) {
				t.Errorf("%s: %s is %v, want %v", text, key, got.Fields[key], value)
			}
		}
	}
	for text, name := range map[string]string{"06 23 03 87 FFFF": "enquiry of open pre-authorisations",
		"06 23 03 87 0231": "",
		"06 22 03 87 FFFF": "", "06 0F 03 87 FFFF": ""} {
		got := described(t, text).Name
		if (got == "enquiry of open pre-authorisations") != (name != "") {
			t.Errorf("%s is called %q", text, got)
		}
	}
}

func pairs(s string, n int) string { return strings.Repeat(s, n) }

// TestTheLongestFrame is the largest APDU's; a byte more is an error, and the next frame is read.
func TestTheLongestFrame(t *testing.T) {
	largest := zvt.APDU{Class: 0x04, Instr: 0x0F, Data: bytes.Repeat([]byte{0x55}, 65535)}
	for extra, want := range []zvt.Signal{zvt.GotFrame, zvt.GotError} {
		var d zvt.Deframer
		wire := zvt.Frame(largest)
		wire = append(append(wire[:2:2], bytes.Repeat([]byte{0x55}, extra)...), wire[2:]...)
		first := zvt.Nothing
		for _, b := range wire {
			if sig := d.Feed(b); first == zvt.Nothing {
				first = sig
			}
		}
		if first != want {
			t.Errorf("%d bytes more: %v, %v", extra, first, d.Err())
		}
		got := zvt.Nothing
		for _, b := range reply {
			got = d.Feed(b)
		}
		if got != zvt.GotFrame || !d.APDU().Is(0x80, 0) {
			t.Errorf("%d bytes more, and then a good frame: %v", extra, got)
		}
	}
}

// TestAGreetingThatIsNoZVT is shown in part and thrown away; messages of ZVT wait for Receive.
func TestAGreetingThatIsNoZVT(t *testing.T) {
	ready := zvt.Command(0x06, 0x0F, []byte{0}).Bytes()
	for name, c := range map[string]struct {
		said  []byte
		shown []byte
		waits int // messages
	}{
		"nothing":             {nil, nil, 0},
		"a message":           {ready, nil, 1},
		"two messages":        {append(ready[:len(ready):len(ready)], ready...), nil, 2},
		"a part of a message": {ready[:3], ready[:3], 0},
		"a login":             {[]byte("login: "), []byte("login: "), 0},
		"a long greeting":     {[]byte("Welcome to the terminal server"), []byte("Welcome to the t"), 0},
		"a message, and then something": {append(ready[:len(ready):len(ready)], "ok"...),
			append(ready[:len(ready):len(ready)], "ok"...), 0},
		"an unknown command": {[]byte{0x77, 0x77, 0}, []byte{0x77, 0x77, 0}, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			link := zvt.NewStream(ours)
			go theirs.Write(c.said)
			got, err := link.Greeting(100 * time.Millisecond)
			if err != nil || !bytes.Equal(got, c.shown) {
				t.Errorf("%s: %q, %v", name, got, err)
			}
			for n := range c.waits + 1 {
				a, err := link.Receive(time.Second)
				if (err == nil) != (n < c.waits) {
					t.Errorf("%s: message %d: %v, %v", name, n+1, a, err)
				}
			}
			link.Close()
			theirs.Close()
			synctest.Wait()
		})
	}
}

// TestAConnectionThatIsGone is said so, by sending and by a greeting.
func TestAConnectionThatIsGone(t *testing.T) {
	ours, theirs := net.Pipe()
	link := zvt.NewStream(ours)
	theirs.Close()
	if _, err := link.Greeting(time.Second); err == nil {
		t.Error("a greeting of a connection that is gone")
	}
	if err := link.Send(zvt.Ack()); err == nil || !strings.Contains(err.Error(), "cannot send") {
		t.Errorf("%v", err)
	}
	link.Close()
}

// TestWhatCountsAsAnAcknowledgement: a terminal whose acknowledgement was lost and that answers has got the
// command; one that says something of its own may not have.
func TestWhatCountsAsAnAcknowledgement(t *testing.T) {
	status := zvt.Frame(zvt.Command(0x04, 0xFF, []byte{0x0A}))
	onLine(t, func(p peer) {
		p.expect(wire...)
		p.say(status...) // it was about to say that before the command came
		p.expect(0x06)
		p.expect(wire...) // once more, because it was not acknowledged
		p.say(reply...)
		p.expect(0x06)
	}, func(s *zvt.Serial) {
		if err := s.Send(command); err != nil {
			t.Error(err)
		}
		for _, want := range []byte{0x04, 0x80} {
			if a, err := s.Receive(time.Second); err != nil || a.Class != want {
				t.Errorf("%v, %v, want class %02X", a, err, want)
			}
		}
	})
}

// TestBrokenFramesAreCounted, and good ones are not.
func TestBrokenFramesAreCounted(t *testing.T) {
	var stats line.Stats
	onLine(t, func(p peer) {
		p.say(end...)
		p.expect(0x06)
		broken := bytes.Clone(end)
		broken[len(broken)-1] ^= 1
		p.say(broken...)
		p.expect(0x15)
		p.say(reply...)
		p.expect(0x06)
	}, func(s *zvt.Serial) {
		s.Stats = &stats
		for range 2 {
			if _, err := s.Receive(time.Second); err != nil {
				t.Error(err)
			}
		}
	})
	if got := stats.Bad.Load(); got != 1 {
		t.Errorf("%d broken frames of one", got)
	}
}

// TestDigitsOfSeveralGroups: a card number may be written with gaps of two characters, and stand among others.
func TestDigitsOfSeveralGroups(t *testing.T) {
	for in, want := range map[string]string{
		"5598 8300 0001 8074":       "**** **** **** ****",
		"5598  8300  0001  8074":    "****  ****  ****  ****",
		"5598   8300   0001   8074": "5598   8300   0001   8074", // three are a column
		"12 5598 8300 0001 8074 7":  "12 **** **** **** **** 7",
		"5598x8300x0001x8074":       "5598x8300x0001x8074",
		"x55988300000180741":        "x****************1", // the common length, anywhere in a group
		"400000000006":              "400000000006",       // twelve whose check digit is wrong
		"400000000002":              "************",
	} {
		if got := kiosk.MaskNumbers(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}
