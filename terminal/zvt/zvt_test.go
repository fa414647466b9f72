package zvt_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"kioskd/terminal/zvt"
)

type recording struct {
	what string
	data []byte
}

func recordings(t testing.TB, file string) []recording {
	t.Helper()
	f, err := os.Open("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []recording
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		if strings.HasPrefix(in.Text(), "#") || strings.TrimSpace(in.Text()) == "" {
			continue
		}
		i := strings.LastIndex(in.Text(), "|")
		data, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(in.Text()[i+1:]), " ", ""))
		if err != nil {
			t.Fatalf("%s: %v", in.Text(), err)
		}
		out = append(out, recording{in.Text()[:i], data})
	}
	return out
}

func apdus(t testing.TB) []recording {
	return append(recordings(t, "feig-apdus.txt"), recordings(t, "spec-examples.txt")...)
}

func parse(t testing.TB, data []byte) zvt.Message {
	t.Helper()
	a, rest, err := zvt.CutAPDU(data)
	if err != nil || len(rest) > 0 {
		t.Fatalf("% x: %v, %d bytes left", data, err, len(rest))
	}
	m, err := zvt.Parse(a)
	if err != nil {
		t.Fatalf("% x: %v", data, err)
	}
	return m
}

func TestRecordedAPDUsRoundTrip(t *testing.T) {
	for _, r := range apdus(t) {
		m := parse(t, r.data)
		if len(m.Rest) > 0 {
			t.Errorf("%s: not understood from % x on", r.what, m.Rest)
		}
		if got := m.APDU().Bytes(); !bytes.Equal(got, r.data) {
			t.Errorf("%s:\nread  %x\nwrote %x", r.what, r.data, got)
		}
		if d := zvt.Describe(m); d.Name == "unknown" {
			t.Errorf("%s: has no name", r.what)
		}
	}
}

func TestRecordedFramesRoundTrip(t *testing.T) {
	for _, r := range recordings(t, "serial-frames.txt") {
		var d zvt.Deframer
		got := zvt.Nothing
		for i, b := range r.data {
			got = d.Feed(b)
			if got != zvt.Nothing && i != len(r.data)-1 {
				t.Fatalf("%s: signal %v at byte %d of %d", r.what, got, i, len(r.data))
			}
		}
		if got != zvt.GotFrame {
			t.Errorf("%s: signal %v, %v", r.what, got, d.Err())
			continue
		}
		m, err := zvt.Parse(d.APDU())
		if err != nil {
			t.Errorf("%s: %v", r.what, err)
		}
		if wire := zvt.Frame(m.APDU()); !bytes.Equal(wire, r.data) {
			t.Errorf("%s:\nread  %x\nwrote %x", r.what, r.data, wire)
		}
	}
}

// TestFrameTraps has frames whose CRC or content looks like control bytes.
func TestFrameTraps(t *testing.T) {
	for _, text := range []string{
		"10 02 06 01 07 04 00 00 00 09 27 39 10 03 10 03",
		"10 02 06 01 07 04 00 00 00 04 46 83 10 03 10 10",
		"10 02 06 01 07 04 00 00 00 02 97 92 10 03 10 02",
		"10 02 06 D1 10 10 00 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 10 03 45 8D",
		"10 02 04 FF 02 10 10 03 10 03 E6 41",
		"10 02 06 22 0C 04 00 00 00 00 10 10 10 10 49 09 78 19 40 10 03 2C A1",
		"10 02 06 24 0A 87 02 31 04 00 00 00 00 10 10 10 10 10 03 8C BE",
		"10 02 06 23 0A 87 10 10 10 10 04 00 00 00 00 10 10 10 10 10 03 17 96",
	} {
		wire, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		var d zvt.Deframer
		frames := 0
		for _, b := range append(append([]byte("noise\x06"), wire...), wire...) {
			switch d.Feed(b) {
			case zvt.GotFrame:
				frames++
				if back := zvt.Frame(d.APDU()); !bytes.Equal(back, wire) {
					t.Errorf("%s came back as % X", text, back)
				}
			case zvt.GotError:
				t.Errorf("%s: %v", text, d.Err())
			}
		}
		if frames != 2 {
			t.Errorf("%s: %d frames of two", text, frames)
		}
	}
}

func TestDescribe(t *testing.T) {
	all := apdus(t)
	find := func(part string) map[string]any {
		for _, r := range all {
			if strings.Contains(r.what, part) {
				return zvt.Describe(parse(t, r.data)).Fields
			}
		}
		t.Fatalf("no recording %q", part)
		return nil
	}
	for _, c := range []struct {
		part string
		want map[string]any
	}{
		{"result of that reservation", map[string]any{"amount_minor": int64(2500), "currency": int64(978),
			"receipt_no": int64(231), "trace_no": int64(975),
			"terminal_id": "52523535", "card_number": "559883******8074", "auth_code": "750071", "date": "04-05",
			"time": "22:55:58", "result_code": "00", "result_text": "ok", "card_name": "MasterCard"}},
		{"bank card: UID", map[string]any{"aid": "A0000000041010", "uid": "081CA72F"}},
		{"plain RFID tag", map[string]any{"uid": "0463C8B2AE4F80"}},
		{"no open pre-authorisation", map[string]any{"open_receipts": []int{}, "result_code": "B8"}},
		{"completion of a status enquiry", map[string]any{"date": "2023-04-05", "time": "22:56:55",
			"terminal_id": "52523535", "terminal_status": "00"}},
		{"WITHOUT timeout byte", map[string]any{"status_code": "17", "message_sequence_id": "000002"}},
		{"timeout 03, TLV 24 text", map[string]any{"status_code": "17", "timeout_minutes": int64(3)}},
		{"partial issue of goods", map[string]any{"amount_minor": int64(720)}},
	} {
		got := find(c.part)
		for key, want := range c.want {
			if diff := cmp.Diff(want, got[key]); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", c.part, key, diff)
			}
		}
	}
	if lines, _ := find("text block")["lines"].([]string); len(lines) != 33 ||
		!strings.Contains(lines[1], "Customer Receipt") {
		t.Errorf("the receipt has %d lines: %q", len(lines), lines)
	}
}

func TestNumbersAreMasked(t *testing.T) {
	for in, want := range map[string]string{
		"5413EEEEEEEE4771":   "5413********4771",  // nibble E is not carried into the next digit
		"5413330000004771":   "************4771",  // a full number must not get out
		"541333000000477D26": "***********0477",   // D ends the number
		"6725900000000000EF": "*************000*", // one masked digit does not hide a number
		"559883EEEEEE8074":   "559883******8074",
	} {
		v, err := hex.DecodeString(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := zvt.MaskedNumber(v); got != want {
			t.Errorf("%s shows as %s, want %s", in, got, want)
		}
	}
}

func TestExtendedLengthIsLowByteFirst(t *testing.T) {
	a := zvt.APDU{Class: 0x06, Instr: 0xD3, Data: make([]byte, 861)}
	if got := a.Bytes()[:5]; !bytes.Equal(got, []byte{0x06, 0xD3, 0xFF, 0x5D, 0x03}) {
		t.Errorf("length written as % X", got)
	}
	for _, n := range []int{0, 253, 254, 255, 256, 65535} {
		b := zvt.APDU{Class: 1, Instr: 2, Data: make([]byte, n)}
		back, rest, err := zvt.CutAPDU(b.Bytes())
		if err != nil || len(rest) != 0 || len(back.Data) != n {
			t.Errorf("%d bytes came back as %d, %v", n, len(back.Data), err)
		}
	}
}

func TestBadMessagesNameTheirPlace(t *testing.T) {
	for in, want := range map[string]string{
		"040f03270004":     "field 04 is cut short: 0 of 6 bytes at data byte 2",
		"040f0322a1a1":     "has A1 in place of a digit",
		"060002aabb":       "registration is cut short",
		"040f0506034c0a00": "container: tag 4C is cut short",
		"040f0106":         "length of field 06",
	} {
		data, err := hex.DecodeString(in)
		if err != nil {
			t.Fatal(err)
		}
		a, _, err := zvt.CutAPDU(data)
		if err == nil {
			_, err = zvt.Parse(a)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", in, err, want)
		}
	}
}

func TestUnknownFieldKeepsTheRest(t *testing.T) {
	m := parse(t, []byte{0x04, 0x0F, 0x06, 0x27, 0x00, 0xCE, 0x01, 0x27, 0x55})
	if v, ok := m.Get(0x27); !ok || v[0] != 0 {
		t.Errorf("result code %x, %v", v, ok)
	}
	if !bytes.Equal(m.Rest, []byte{0xCE, 0x01, 0x27, 0x55}) {
		t.Errorf("rest % x", m.Rest)
	}
}

// peer is the other end of a line, acting byte by byte.
type peer struct {
	t *testing.T
	net.Conn
}

func (p peer) expect(want ...byte) {
	p.t.Helper()
	got := make([]byte, len(want))
	for n := 0; n < len(want); {
		k, err := p.Read(got[n:])
		if err != nil {
			p.t.Errorf("expected % X: %v", want, err)
			return
		}
		n += k
	}
	if !bytes.Equal(got, want) {
		p.t.Errorf("got % X, want % X", got, want)
	}
}

func (p peer) say(b ...byte) {
	if _, err := p.Write(b); err != nil {
		p.t.Error(err)
	}
}

// onLine runs a peer against a serial link in a bubble of synthetic time.
func onLine(t *testing.T, play func(peer), run func(*zvt.Serial)) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		link := zvt.NewSerial(ours)
		done := make(chan struct{})
		go func() { defer close(done); play(peer{t, theirs}) }()
		run(link)
		<-done
		link.Close()
		theirs.Close()
	})
}

var (
	command = zvt.APDU{Class: 0x06, Instr: 0x70}
	wire    = zvt.Frame(command)
	reply   = zvt.Frame(zvt.Ack())
	end     = zvt.Frame(zvt.Command(0x06, 0x0F, []byte{0}))
)

func TestSendRepeatsThreeTimesAndThenSaysSo(t *testing.T) {
	onLine(t, func(p peer) {
		for range 3 {
			p.expect(wire...)
		}
	}, func(l *zvt.Serial) {
		start := time.Now()
		if err := l.Send(command); !errors.Is(err, zvt.ErrNoACK) || time.Since(start) != 3*zvt.T2 || l.Repeats() != 2 {
			t.Errorf("silence gave %v after %v", err, time.Since(start))
		}
	})
	onLine(t, func(p peer) {
		for range 3 {
			p.expect(wire...)
			p.say(0x15)
		}
	}, func(l *zvt.Serial) {
		if err := l.Send(command); !errors.Is(err, zvt.ErrNAK) {
			t.Errorf("three NAKs gave %v", err)
		}
	})
	onLine(t, func(p peer) {
		p.expect(wire...)
		p.say(0x15)
		p.expect(wire...)
		p.say(0x06)
	}, func(l *zvt.Serial) {
		if err := l.Send(command); err != nil {
			t.Errorf("ACK after a NAK gave %v", err)
		}
	})
}

func TestAnswerTogetherWithTheACKIsNotLost(t *testing.T) {
	onLine(t, func(p peer) {
		p.expect(wire...)
		p.say(append([]byte{0x06}, reply...)...)
		p.expect(0x06)
	}, func(l *zvt.Serial) {
		if err := l.Send(command); err != nil {
			t.Error(err)
		}
		if a, err := l.Receive(zvt.T3); err != nil || !a.Is(0x80, 0) {
			t.Errorf("got %v, %v", a, err)
		}
	})
}

func TestFrameInTheMiddleOfSendingIsKept(t *testing.T) {
	onLine(t, func(p peer) {
		p.expect(wire...)
		p.say(reply...)
		p.expect(0x06)
		p.say(0x06)
	}, func(l *zvt.Serial) {
		if err := l.Send(command); err != nil {
			t.Error(err)
		}
		if a, err := l.Receive(0); err != nil || !a.Is(0x80, 0) {
			t.Errorf("got %v, %v", a, err)
		}
	})
}

func TestBrokenFramesAreAnsweredWithNAK(t *testing.T) {
	bad := append([]byte(nil), reply...)
	bad[len(bad)-1] ^= 1
	onLine(t, func(p peer) {
		p.say(bad...)
		p.expect(0x15)
		p.say(0x00, 0xFF) // noise
		p.say(reply...)
		p.expect(0x06)
		p.say(end[:4]...) // and then silence for T1
		p.expect(0x15)
		p.say(end...)
		p.expect(0x06)
	}, func(l *zvt.Serial) {
		for _, class := range []byte{0x80, 0x06} {
			if a, err := l.Receive(zvt.T3); err != nil || a.Class != class {
				t.Errorf("got %v, %v", a, err)
			}
		}
	})
}

// TestLostAcknowledgements: the line has no numbers, so what is a repeat and what is
// not must be told by what can have been said.
func TestLostAcknowledgements(t *testing.T) {
	onLine(t, func(p peer) {
		p.expect(wire...) // its ACK is lost, the answer comes
		p.say(reply...)
		p.expect(0x06)
		p.say(reply...) // our ACK was lost: a repeat
		p.expect(0x06)
		p.say(end...)
		p.expect(0x06)
		p.expect(reply...) // our answer
		p.say(end...)      // our ACK was lost, and our answer with it
		p.expect(0x06)
		p.say(0x06)
	}, func(l *zvt.Serial) {
		if err := l.Send(command); err != nil || l.Repeats() != 0 {
			t.Errorf("%v after %d repeats", err, l.Repeats())
		}
		for _, class := range []byte{0x80, 0x06} {
			if a, err := l.Receive(zvt.T3); err != nil || a.Class != class {
				t.Errorf("got %v, %v", a, err)
			}
		}
		if err := l.Send(zvt.Ack()); err != nil {
			t.Error(err)
		}
		if a, err := l.Receive(0); err != nil || !a.Is(0x06, 0x0F) { // to be answered again
			t.Errorf("got %v, %v", a, err)
		}
	})
}

func TestStreamTakesAnyPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		link := zvt.NewStream(ours)
		defer link.Close()
		long := zvt.APDU{Class: 0x06, Instr: 0xD3, Data: bytes.Repeat([]byte{7}, 300)}
		go func() {
			for _, b := range append(append(zvt.Ack().Bytes(), long.Bytes()...), zvt.Ack().Bytes()...) {
				theirs.Write([]byte{b})
			}
		}()
		for _, want := range []zvt.APDU{zvt.Ack(), long, zvt.Ack()} {
			if a, err := link.Receive(time.Second); err != nil || !bytes.Equal(a.Bytes(), want.Bytes()) {
				t.Errorf("got %v, %v, want %v", a, err, want)
			}
		}
		if _, err := link.Receive(time.Second); !errors.Is(err, zvt.ErrTimeout) {
			t.Errorf("silence gave %v", err)
		}
		theirs.Close()
	})
}

func FuzzParse(f *testing.F) {
	for _, r := range apdus(f) {
		f.Add(r.data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, rest, err := zvt.CutAPDU(data)
		if err != nil {
			return
		}
		m, err := zvt.Parse(a)
		if err != nil {
			return
		}
		if got := m.APDU(); !bytes.Equal(got.Data, a.Data) {
			t.Errorf("read % x\nwrote % x (%d bytes left)", a.Data, got.Data, len(rest))
		}
		zvt.Describe(m)
	})
}

func FuzzDeframer(f *testing.F) {
	for _, r := range recordings(f, "serial-frames.txt") {
		f.Add(r.data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var d zvt.Deframer
		for _, b := range data {
			if d.Feed(b) == zvt.GotFrame {
				var again zvt.Deframer
				sig := zvt.Nothing
				for _, b := range zvt.Frame(d.APDU()) {
					sig = again.Feed(b)
				}
				if sig != zvt.GotFrame || !bytes.Equal(again.APDU().Data, d.APDU().Data) {
					t.Errorf("% x does not come back from its own frame", d.APDU().Data)
				}
			}
		}
	})
}
