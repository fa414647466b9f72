package zvt_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"kioskd"
	"kioskd/terminal/zvt"
)

// TestEachField: each field of the specification's list is as long as the list says: a length that is wrong by one
// shifts all that follows, and the amount of the next field with it (PA00P015 chapter 9.1, list of bitmaps).
func TestEachField(t *testing.T) {
	for _, row := range []struct {
		bmp   string
		bytes string // after the number
		value string // empty for all of the bytes
	}{
		{"01", "1E", ""}, {"02", "03", ""}, {"03", "05", ""}, {"04", "000000002500", ""}, {"05", "07", ""},
		{"06", "05 1F5B 02 012C", "1F5B02012C"}, {"06", "81 05 1F5B 02 012C", "1F5B02012C"},
		{"06", "82 0005 1F5B 02 012C", "1F5B02012C"},
		{"0B", "000975", ""}, {"0C", "225558", ""}, {"0D", "0405", ""}, {"0E", "2405", ""}, {"17", "0001", ""},
		{"19", "70", ""},
		{"22", "F0F8 559883EEEEEE8074", "559883EEEEEE8074"},
		{"22", "F1F0 5598830000018074D30F", "5598830000018074D30F"},
		{"23", "F0F3 55988D", "55988D"}, {"24", "F0F0F2 4142", "4142"}, {"2D", "F0F2 4142", "4142"},
		{"2E", "F0F1F1 3B0A0102030405060708FF", "3B0A0102030405060708FF"},
		{"27", "6C", ""}, {"29", "60099914", ""}, {"2A", "383034303131393236202020202020", ""},
		{"37", "000931", ""}, {"3A", "0123", ""}, {"3B", "3735303037310000", ""},
		{"3C", "F0F1F6" + strings.Repeat("41", 16), strings.Repeat("41", 16)}, {"3D", "123456", ""},
		{"49", "0978", ""}, {"4C", "F0F6 000001000002", "000001000002"},
		{"60", "F0F0F4 02310234", "02310234"},
		{"70", "00000001", ""}, {"71", "00000002", ""}, {"72", "01", ""}, {"73", "02", ""}, {"74", "03", ""},
		{"75", "04", ""},
		{"87", "0231", ""}, {"88", "000012", ""}, {"8A", "06", ""}, {"8B", "F0F5 5649534100", "5649534100"},
		{"8C", "01", ""},
		{"92", "F0F0F1 01", "01"}, {"9A", "F0F0F1 01", "01"}, {"A7", "F0F1 01", "01"}, {"AF", "F0F0F1 01", "01"},
		{"A0", "05", ""}, {"AA", "261129", ""}, {"BA", "0102030405", ""},
		{"D0", "01", ""}, {"D1", "F0F2 4142", "4142"}, {"D2", "01", ""}, {"D3", "01", ""},
		{"E0", "01", ""}, {"E9", "02", ""}, {"EA", "01", ""}, {"EB", "0102030405060708", ""},
		{"E1", "F0F1 41", "41"}, {"E2", "F0F1 41", "41"}, {"E3", "F0F1 41", "41"}, {"E4", "F0F1 41", "41"},
		{"E5", "F0F1 41", "41"}, {"E6", "F0F1 41", "41"}, {"E7", "F0F1 41", "41"}, {"E8", "F0F1 41", "41"},
		{"F0", "0F", ""}, {"F9", "01", ""}, {"FA", "01", ""}, {"FB", "01", ""}, {"FC", "01", ""}, {"FD", "01", ""},
		{"F1", "F0F1 41", "41"}, {"F2", "F0F1 41", "41"}, {"F3", "F0F1 41", "41"}, {"F4", "F0F1 41", "41"},
		{"F5", "F0F1 41", "41"}, {"F6", "F0F1 41", "41"}, {"F7", "F0F1 41", "41"}, {"F8", "F0F1 41", "41"},
	} {
		t.Run(row.bmp+" "+row.bytes, func(t *testing.T) {
			field := unhex(t, row.bmp+row.bytes)
			value := unhex(t, row.bytes)
			if row.value != "" {
				value = unhex(t, row.value)
			}
			// a trace number stands behind it, or a receipt number where it is one itself
			behind := unhex(t, "0B 000931")
			if row.bmp == "0B" {
				behind = unhex(t, "87 0931")
			}
			m, err := zvt.Parse(zvt.APDU{Class: 0x04, Instr: 0x0F, Data: append(bytes.Clone(field), behind...)})
			if err != nil || len(m.Fields) != 2 || len(m.Rest) > 0 {
				t.Fatalf("%v, %+v", err, m)
			}
			if got, ok := m.Get(field[0]); !ok || !bytes.Equal(got, value) {
				t.Errorf("its value is % X, want % X", got, value)
			}
			if got, ok := m.Get(behind[0]); !ok || !bytes.Equal(got, behind[1:]) {
				t.Errorf("what stands behind it is % X", got)
			}
			var cut *zvt.SyntaxError
			_, err = zvt.Parse(zvt.APDU{Class: 0x04, Instr: 0x0F, Data: field[:len(field)-1]})
			if !errors.As(err, &cut) || cut.Offset != 0 {
				t.Errorf("a byte short it gives %v", err)
			}
		})
	}
}

// TestNoOtherField: a number that the list does not have cannot be skipped: what stands behind it is not read as a
// field by guess (PA00P015 9.1).
func TestNoOtherField(t *testing.T) {
	known := "01 02 03 04 05 06 0B 0C 0D 0E 17 19 22 23 24 27 29 2A 2D 2E 37 3A 3B 3C 3D 49 4C 60 70 71 72 73 74 75 " +
		"87 88 8A 8B 8C 92 9A A0 A7 AA AF BA D0 D1 D2 D3 E0 E1 E2 E3 E4 E5 E6 E7 E8 E9 EA EB F0 F1 F2 F3 F4 F5 F6 " +
		"F7 F8 F9 FA FB FC FD"
	for tag := range 256 {
		if strings.Contains(known, fmt.Sprintf("%02X", tag)) {
			continue
		}
		m, err := zvt.Parse(zvt.APDU{Class: 0x04, Instr: 0x0F,
			Data: append(unhex(t, "27 00"), byte(tag), 0x04, 0x27, 0x05)})
		if err != nil || m.Result() != 0 || len(m.Fields) != 1 || len(m.Rest) != 4 {
			t.Errorf("%02X: %+v, %v", tag, m, err)
		}
	}
}

// TestWhatFieldsMean: what a person reads of each field in a trace or of "terminal decode" (PA00P015 9.1).
func TestWhatFieldsMean(t *testing.T) {
	for data, want := range map[string]map[string]any{
		"04 000000012345":                  {"amount_minor": int64(12345)},
		"04 999999999999":                  {"amount_minor": int64(999999999999)},
		"49 0978":                          {"currency": int64(978)},
		"49 0756":                          {"currency": int64(756)},
		"87 9999":                          {"receipt_no": int64(9999)},
		"87 FFFF":                          {"receipt_no": nil},
		"0B 000975":                        {"trace_no": int64(975)},
		"0B 000000 06 07 1F2B 04 12345678": {"trace_no": int64(12345678)},
		"0C 235959":                        {"time": "23:59:59"},
		"0D 0229":                          {"date": "02-29"},
		"0D 1129 AA 261129":                {"date": "2026-11-29"},
		"AA 261129 0D 1129":                {"date": "2026-11-29"},
		"06 0D 34 0B 1F0E 04 20261129 09 02 0101": {"date": "2026-11-29"},
		"29 60099914":                                 {"terminal_id": "60099914"},
		"2A 383034303131393236202020202020":           {"merchant_id": "804011926"},
		"3B 3735303037310000":                         {"auth_code": "750071"},
		"8B F0F5 5649534100":                          {"card_name": "VISA"},
		"8A 2E":                                       {"card_type": 46},
		"19 40":                                       {"payment_type": "40"},
		"27 6C":                                       {"result_code": "6C", "result_text": "time-out or stop key"},
		"3C F0F0F5 41420D4344":                        {"text": "AB\nCD"},
		"3C F0F0F3 4B8474":                            {"text": "Kät"}, // CP437
		"22 F0F8 5413EEEEEEEE4771":                    {"card_number": "5413********4771"},
		"22 F0F8 672590EEEEEE123F":                    {"card_number": "672590******123"},
		"06 04 1F73 01 01":                            {"message_sequence_id": "01"},
		"06 09 60 07 43 05 A000000004":                {"aid": "A000000004"},
		"06 0B 61 09 60 07 43 05 A000000004":          {"aid": "A000000004"},
		"06 0B 62 09 60 07 43 05 A000000004":          {"aid": "A000000004"},
		"06 07 1F44 04 52523535":                      {"terminal_id": "52523535"},
		"06 0C 4C 0A 0000000463C8B2AE4F80":            {"uid": "0463C8B2AE4F80"},
		"06 0C 4C 0A 00000000000008A1B2C3":            {"uid": "08A1B2C3"},
		"06 09 25 07 07 02 4142 07 01 43":             {"lines": []string{"AB", "C"}},
		"06 0F E9 0D 1F62 02 4556 1F63 05 4142433132": {"reference": "ABC12"},
		// track data, card expiry and verification are left out
		"23 F0F8 5413330089600010": {"unknown": nil, "text": nil, "card_number": nil},
		"2D F0F4 41424344 0E 2405": {"unknown": nil, "text": nil},
		"24 F0F0F2 4142 3D 123456": {"unknown": nil, "text": nil, "password": nil},
	} {
		got := described(t, told("04", "0F", data))
		for key, value := range want {
			if !reflect.DeepEqual(got.Fields[key], value) {
				t.Errorf("%s: %s is %v, want %v", data, key, got.Fields[key], value)
			}
		}
	}
}

// TestTagsOfContainers: objects are found by their path, whatever stands around them: tags of two bytes, tags whose
// number is a field's elsewhere, unknown ones that are skipped by their length, lengths of one to three bytes
// (PA00P015 9.3 and 9.4).
func TestTagsOfContainers(t *testing.T) {
	for _, row := range []struct {
		objects string
		path    []uint16
		value   string
	}{
		{"07 02 4142", []uint16{0x07}, "4142"},
		{"25 07 09 01 40 07 02 4142", []uint16{0x25, 0x09}, "40"},
		{"24 04 07 02 4142", []uint16{0x24, 0x07}, "4142"},
		{"26 04 0A 02 06D3", []uint16{0x26, 0x0A}, "06D3"},
		{"27 03 14 01 FE", []uint16{0x27, 0x14}, "FE"},
		{"28 04 15 02 6465", []uint16{0x28, 0x15}, "6465"},
		{"1A 02 0400", []uint16{0x1A}, "0400"},
		{"1B 01 03", []uint16{0x1B}, "03"},
		{"2D 09 1D 01 01 1F00 03 000010", []uint16{0x2D, 0x1F00}, "000010"},
		{"1F01 01 04", []uint16{0x1F01}, "04"},
		{"1F0B 06 000000005000", []uint16{0x1F0B}, "000000005000"},
		{"34 0D 1F0E 04 20230405 1F0F 03 225655", []uint16{0x34, 0x1F0F}, "225655"},
		{"2F 0C 1F10 01 02 1F11 01 01 1F12 01 02", []uint16{0x2F, 0x1F11}, "01"},
		{"1F14 03 010203", []uint16{0x1F14}, "010203"},
		{"1F16 02 0102 1F17 02 4142", []uint16{0x1F17}, "4142"},
		{"1F1F 00", []uint16{0x1F1F}, ""},
		{"1F37 01 80", []uint16{0x1F37}, "80"},
		{"E4 0D 1F40 02 4142 1F43 01 00 FF40 01 05", []uint16{0xE4, 0xFF40}, "05"},
		{"1F45 02 0578", []uint16{0x1F45}, "0578"},
		{"1F55 02 8002", []uint16{0x1F55}, "8002"},
		{"1F61 22 0100" + strings.Repeat("AB", 32), []uint16{0x1F61}, "0100" + strings.Repeat("AB", 32)},
		{"23 08 08 02 0231 08 02 0232", []uint16{0x23, 0x08}, "0231"},
		{"60 0D 42 04 56495341 43 05 A000000004", []uint16{0x60, 0x43}, "A000000004"},
		{"62 09 60 07 43 05 A000000004", []uint16{0x62, 0x60, 0x43}, "A000000004"},
		{"45 04 12000000", []uint16{0x45}, "12000000"},
		{"46 02 4142 47 02 4344", []uint16{0x47}, "4344"},
		{"4A 04 56495341", []uint16{0x4A}, "56495341"},
		{"49 01 07", []uint16{0x49}, "07"},
		{"19 81 01 40", []uint16{0x19}, "40"},                    // a field's number, and a longer length than need be
		{"1F7E 82 0002 FFFF 1F70 01 01", []uint16{0x1F70}, "01"}, // an unknown tag before it
		{"DF01 02 0102 15 02 6465", []uint16{0x15}, "6465"},      // and one of a card's
	} {
		objects := unhex(t, row.objects)
		data := append([]byte{0x06, byte(len(objects))}, objects...)
		m, err := zvt.Parse(zvt.APDU{Class: 0x04, Instr: 0x0F, Data: append(data, 0x87, 0x02, 0x31)})
		if err != nil {
			t.Errorf("%s: %v", row.objects, err)
			continue
		}
		if v, ok := m.Find(row.path...); !ok || !bytes.Equal(v, unhex(t, row.value)) {
			t.Errorf("%s: %X is % X, %v", row.objects, row.path, v, ok)
		}
		if v, ok := m.Get(0x87); !ok || !bytes.Equal(v, []byte{0x02, 0x31}) {
			t.Errorf("%s: the receipt behind it is % X", row.objects, v)
		}
	}
}

// TestTwoLengthsTwoOrders: the length of a message has its low byte first, that of a container its high byte: a
// receipt's block has both (PA00P015 1 and 9.3).
func TestTwoLengthsTwoOrders(t *testing.T) {
	line := append(unhex(t, "07 82 0102"), bytes.Repeat([]byte{0x41}, 0x0102)...)
	block := append(unhex(t, "25 82 0106"), line...)
	wire := append(unhex(t, "06 D3 FF 0E 01 06 82 010A"), block...)
	a := cut(t, wire)
	m, err := zvt.Parse(a)
	if err != nil || len(m.All(0x07)) != 1 || len(m.All(0x07)[0]) != 0x0102 {
		t.Fatalf("%v, %d lines", err, len(m.All(0x07)))
	}
	if got := m.APDU().Bytes(); !bytes.Equal(got, wire) {
		t.Errorf("it is written % X ..", got[:12])
	}
}

// TestHowAHoldWasMade: the receipt says how the card was read and how its holder was verified (PA00P015 9.4, tag 2F).
func TestHowAHoldWasMade(t *testing.T) {
	for _, row := range []struct{ objects, entry, cvm string }{
		{"2F 08 1F10 01 00 1F12 01 00", "stripe", "none"},
		{"2F 08 1F10 01 01 1F12 01 01", "chip", "signature"},
		{"2F 08 1F10 01 02 1F12 01 02", "contactless", "online PIN"},
		{"2F 08 1F10 01 03 1F12 01 01", "chip", "offline PIN"},
		{"2F 08 1F10 01 04 1F12 01 01", "chip", "offline PIN"},
		{"2F 04 1F10 01 FF", "", ""}, // it does not know
	} {
		s := &strange{answers: map[string][][]zvt.APDU{"0622": {approved(5000, containerOf(t, row.objects))}}}
		meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
			h, _, err := hold(d)
			if err != nil || h.EntryMode != row.entry || h.CVM != row.cvm {
				t.Errorf("%s: %q, %q, %v", row.objects, h.EntryMode, h.CVM, err)
			}
		})
	}
}

// containerOf is field 06 with objects in hexadecimal.
func containerOf(t *testing.T, objects string) zvt.Field {
	t.Helper()
	b := unhex(t, objects)
	m, err := zvt.Parse(zvt.APDU{Class: 0x04, Instr: 0x0F, Data: append([]byte{0x06, byte(len(b))}, b...)})
	if err != nil {
		t.Fatal(err)
	}
	return m.Fields[0]
}

// TestWhatAPersonSeesOfEachStatus is the specification's table of intermediate statuses (PA00P015 3.2), by hand: what
// the customer display of an unattended terminal shows, and nothing where the table has nothing for the customer.
func TestWhatAPersonSeesOfEachStatus(t *testing.T) {
	const look, wait, remove, show, again, none = kiosk.ProgressPIN, kiosk.ProgressWait, kiosk.ProgressRemoveCard,
		kiosk.ProgressPresent, kiosk.ProgressTryAgain, kiosk.Progress("")
	for code, want := range map[byte]kiosk.Progress{
		0x00: none, 0x01: look, 0x02: look, 0x04: wait, 0x05: wait, 0x06: wait, 0x0A: show, 0x0B: remove,
		0x0C: again, 0x0E: wait, 0x0F: wait, 0x15: look, 0x17: wait, 0x28: look, 0x29: look, 0x2A: wait, 0x2B: wait,
		0x2C: look, 0x41: remove, 0x42: remove, 0x44: remove, 0x45: remove, 0x46: remove, 0x47: remove, 0x48: remove,
		0x49: remove, 0x4A: remove, 0x4B: remove, 0x4C: remove, 0x4E: remove, 0x4F: remove, 0x50: remove,
		0x52: remove, 0x53: remove, 0x54: remove, 0x55: remove, 0x57: remove, 0x58: remove, 0x59: remove,
		0x5B: remove, 0x5C: remove, 0x5D: remove, 0x66: remove, 0x67: remove, 0x68: wait, 0x69: look, 0xC9: wait,
		0xCA: wait, 0xCC: look, 0xD2: wait, 0xD3: wait, 0xFF: wait,
	} {
		s := &strange{answers: map[string][][]zvt.APDU{"0622": {append([]zvt.APDU{zvt.Ack(),
			zvt.Command(0x04, 0xFF, []byte{code})}, approved(5000)[1:]...)}}}
		meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
			var seen kiosk.Progress
			_, err := d.Hold(t.Context(), kiosk.HoldRequest{Amount: eur(5000),
				OnApproved: func(kiosk.Hold) error { return nil }, Progress: func(p kiosk.Progress) { seen += p }})
			if err != nil || seen != want {
				t.Errorf("%02X: %q, %v; want %q", code, seen, err, want)
			}
		})
	}
}

// TestWhoCanActOnAResult is the specification's table of result codes (PA00P015 chapter 10), by hand: a person is sent
// for another card only where a card was the matter, and never told that a card is bad where the terminal is.
func TestWhoCanActOnAResult(t *testing.T) {
	for class, codes := range map[kiosk.DeclineClass]string{
		kiosk.DeclineNoCard:     "6C",
		kiosk.DeclineUnreadable: "64 65 66",
		kiosk.DeclineIssuer:     "01 02 03 04 05 07 12 29 2B 71",
		kiosk.DeclinePIN:        "13 33 37 38 3D 41 EB EC FC",
		kiosk.DeclineCard:       "06 0E 36 39 50 67 68 6E 72 73 76 78 79 7A 7B 7C 7E C5 C6 D2",
		kiosk.DeclineHost:       "9B A0 A1 A3",
		kiosk.DeclineBusy:       "9C E0",
		kiosk.DeclineCardIn:     "DC",
		kiosk.DeclineDayEnd:     "F0",
		kiosk.DeclineTerminal: "6A 6F 74 75 85 89 9A A5 B1 B2 BF C0 C1 C2 C4 C9 CC DD DE E2 E3 E4 ED F5 F6 FA FB " +
			"FD FE FF",
	} {
		for hex := range strings.FieldsSeq(codes) {
			code := unhex(t, hex)[0]
			for name, script := range map[string][]zvt.APDU{
				"abort": {zvt.Ack(), zvt.Command(0x06, 0x1E, []byte{code})},
				"result": {zvt.Ack(), zvt.Command(0x04, 0x0F, nil, zvt.Bin(0x27, code)),
					zvt.Command(0x06, 0x1E, []byte{code})},
			} {
				s := &strange{answers: map[string][][]zvt.APDU{"0622": {script}}}
				meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
					_, recorded, err := hold(d)
					var no *kiosk.Declined
					if !errors.As(err, &no) || no.Class != class || no.Code != hex || recorded != 0 {
						t.Errorf("%s %s: %v, want %s", name, hex, err, class)
					}
				})
			}
		}
	}
}

// TestWhatATerminalStatusMeans is the specification's table of terminal statuses (PA00P015 2.27), by hand: what cures
// each, and that none but 00 lets a person pay.
func TestWhatATerminalStatusMeans(t *testing.T) {
	cures := map[byte][]zvt.Instruction{0x51: {{0x06, 0x93}}, 0x62: {{0x06, 0x91}, {0x06, 0x70}}, 0x65: {{0x08, 0x20}},
		0xC1: {{0x06, 0x91}, {0x06, 0x70}}, 0xC2: {{0x06, 0x70}}}
	for code, text := range map[byte]string{0x51: "initialisation", 0x62: "time", 0x64: "card", 0x65: "activation",
		0x9C: "busy", 0x9D: "part", 0xB1: "full", 0xB2: "full", 0xBF: "power", 0xC0: "order", 0xC1: "locked",
		0xC2: "diagnosis", 0xC4: "profiles", 0xCC: "printer", 0xDC: "card", 0xDF: "order", 0xE0: "update",
		0xE1: "removed",
		0xE2: "reader", 0xE3: "shutter", 0xE4: "start-up", 0xF0: "end-of-day", 0xF6: "personalisation"} {
		c := zvt.ConditionOf(code)
		want := cures[code]
		cured := c.Cure == nil && want == nil
		for _, w := range want {
			cured = cured || c.Cure != nil && *c.Cure == w
		}
		if c.Ready || !strings.Contains(c.Text, text) || !cured {
			t.Errorf("status %02X: %+v, cure %v", code, c, c.Cure)
		}
	}
}

// TestPrintedTexts: what a terminal prints is text of its own character set, without the attribute byte, and an empty
// line is one (PA00P015 3.5 and 3.6).
func TestPrintedTexts(t *testing.T) {
	for text, want := range map[string][]string{
		"06 D1 06 40 4B81737365": {"Küsse"},
		"06 D1 01 00":            {""},
		"06 D1 03 80 4142":       {"AB"},
		"06 D3 0F 06 0D 25 0B 09 01 40 07 03 414243 07 01 44": {"ABC", "D"},
		"06 D3 0C 06 0A 25 08 07 00 07 04 41424344":           {"", "ABCD"},
	} {
		got, _ := described(t, text).Fields["lines"].([]string)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// TestAStatusThatLooksLikeAField: a terminal without a software text says its status in the first byte, also where
// objects follow; F0 is an outstanding end-of-day then and no field F0, and a person must not be sent to a terminal
// that refuses them (PA00P015 2.27: where the first three bytes are not all Fx, the first is the status).
func TestAStatusThatLooksLikeAField(t *testing.T) {
	for status, want := range map[string]string{"E0": "declined busy E0", "E1": "declined card_in E1",
		"E2": "declined terminal E2", "E3": "declined terminal E3", "E4": "declined terminal E4",
		"F0": "declined day_end F0", "F6": "declined terminal F6"} {
		t.Run(status, func(t *testing.T) {
			talkOver(t, "tcp", nil, acts{{readying, want}}.run,
				hello+asksStatus+says("06 0F LL "+status+" 06 07 1F44 04 65000028")+yes)
		})
	}
}

// classOf is what a hold is declined for, with a code.
func classOf(t *testing.T, code byte) (class kiosk.DeclineClass) {
	s := &strange{answers: map[string][][]zvt.APDU{"0622": {{zvt.Ack(), zvt.Command(0x06, 0x1E, []byte{code})}}}}
	meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
		_, _, err := hold(d)
		if no, is := err.(*kiosk.Declined); is {
			class = no.Class
		}
	})
	return class
}

// TestAnotherCardWouldDo: a card whose scheme, currency or offline limit does not fit is the card's matter, and its
// holder may show another one (PA00P015 chapter 10: CB, CD, F1).
func TestAnotherCardWouldDo(t *testing.T) {
	for _, code := range []byte{0xCB, 0xCD, 0xF1} {
		if got := classOf(t, code); got != kiosk.DeclineCard && got != kiosk.DeclineIssuer {
			t.Errorf("%02X: %s", code, got)
		}
	}
}

// TestHostCodes: of the codes of a host, 51 is a wrong PIN, those of a system fault are no bank's no to a card, like
// 0F, and 56, 57, 59 and 62 are the terminal's own (PA00P015 chapter 10; wording of unattended terminals).
func TestHostCodes(t *testing.T) {
	for class, codes := range map[kiosk.DeclineClass][]byte{
		kiosk.DeclinePIN:      {0x51},
		kiosk.DeclineHost:     {0x18, 0x3A, 0x3F, 0x4C, 0x5B, 0x5C, 0x5D, 0x60, 0x61, 0x63},
		kiosk.DeclineTerminal: {0x56, 0x57, 0x59, 0x62},
	} {
		for _, code := range codes {
			if got := classOf(t, code); got != class {
				t.Errorf("%02X: %s, want %s", code, got, class)
			}
		}
	}
}

// TestTheCardNameEndsAtItsZero: what stands behind it is no name, and not printed on a receipt (PA00P015 9.1, 8B).
func TestTheCardNameEndsAtItsZero(t *testing.T) {
	got := described(t, "04 0F 0B 8B F0F8 56495341 00 414243").Fields["card_name"]
	if got != "VISA" {
		t.Errorf("it is %q", got)
	}
}

// TestEveryCodeHasItsWords: what an operator reads in a log is the specification's meaning of a code and no number
// (PA00P015 chapters 10 and 3.2).
func TestEveryCodeHasItsWords(t *testing.T) {
	for _, code := range []byte{0x74, 0x75, 0xCB, 0xCD, 0xD2, 0xDD, 0xDE, 0xE3, 0xE7, 0xE8, 0xE9, 0xEA, 0xED, 0xF1,
		0xF5, 0xF6, 0xFA, 0xFB} {
		if text := zvt.ResultText(code); strings.HasPrefix(text, "error ") {
			t.Errorf("result %02X: %q", code, text)
		}
	}
	for _, code := range []byte{0x11, 0x16, 0x26, 0x27, 0x2A, 0x2B, 0xC7, 0xC8, 0xCB, 0xE0, 0xE1, 0xE2} {
		if text := zvt.StatusText(code); strings.HasPrefix(text, "status ") {
			t.Errorf("status %02X: %q", code, text)
		}
	}
}
