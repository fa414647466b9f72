package zvt_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/terminal/zvt"
)

// strange is a terminal that answers as a test says: to each command the messages that the first of
// its entries for it has, which is used up, and in the end the usual.
type strange struct {
	answers map[string][][]zvt.APDU // by class and instruction, as "0622"
	greets  []byte                  // what it says to a new connection
	got     []zvt.APDU
}

func ok(fields ...zvt.Field) []zvt.APDU {
	return []zvt.APDU{zvt.Ack(), zvt.Command(0x06, 0x0F, nil, fields...)}
}

func result(fields ...zvt.Field) []zvt.APDU {
	return []zvt.APDU{zvt.Ack(), zvt.Command(0x04, 0x0F, nil, fields...), zvt.Command(0x06, 0x0F, nil)}
}

// approved is a result that lacks nothing, with some fields in place of its own.
func approved(minor int64, change ...zvt.Field) []zvt.APDU {
	fields := []zvt.Field{zvt.Bin(0x27, 0), zvt.BCD(0x04, minor, 6), zvt.BCD(0x49, 978, 2), zvt.BCD(0x87, 231, 2),
		zvt.BCD(0x0B, 931, 3),
		zvt.BCD(0x0C, 123456, 3), zvt.BCD(0x0D, 1129, 2)}
	for _, c := range change {
		replaced := false
		for i := range fields {
			if fields[i].Tag == c.Tag {
				fields[i], replaced = c, true
			}
		}
		if !replaced {
			fields = append(fields, c)
		}
	}
	return result(fields...)
}

func without(tag byte, messages []zvt.APDU) []zvt.APDU {
	m, err := zvt.Parse(messages[1])
	if err != nil {
		panic(err)
	}
	kept := []zvt.Field{}
	for _, f := range m.Fields {
		if f.Tag != tag {
			kept = append(kept, f)
		}
	}
	return result(kept...)
}

var usual = map[string][]zvt.APDU{
	"0600": ok(zvt.Bin(0x29, 0x60, 0x09, 0x99, 0x14), zvt.BCD(0x49, 978, 2)),
	"0501": {zvt.Ack(), zvt.Command(0x06, 0x0F, []byte{0x00})},
	"0622": approved(5000), "0624": approved(98), "0623": approved(98), "0625": approved(0),
	"0693": ok(), "0670": ok(), "0820": ok(), "06B0": {zvt.Ack()},
	"0650": result(zvt.Bin(0x27, 0), zvt.BCD(0x04, 98, 6), zvt.BCD(0x49, 978, 2)),
}

func (s *strange) serve(line net.Conn) {
	if len(s.greets) > 0 {
		if _, err := line.Write(s.greets); err != nil {
			return
		}
	}
	link := zvt.NewStream(line)
	defer link.Close()
	for {
		a, err := link.Receive(time.Hour)
		if err != nil {
			return
		}
		if a.IsAnswer() {
			continue
		}
		s.got = append(s.got, a)
		name := fmt.Sprintf("%02X%02X", a.Class, a.Instr)
		say := usual[name]
		if name == "0623" && len(a.Data) == 3 {
			name, say = "list", []zvt.APDU{zvt.Ack(), zvt.Command(0x06, 0x1E, []byte{0xB8}, zvt.Bin(0x87, 0xFF, 0xFF))}
		}
		if next := s.answers[name]; len(next) > 0 {
			say, s.answers[name] = next[0], next[1:]
		}
		for i, m := range say {
			if link.Send(m) != nil {
				return
			}
			if i == 0 || m.IsAnswer() {
				continue
			}
			b, err := link.Receive(time.Minute)
			if err != nil || !b.IsAnswer() {
				return
			}
			if b.Class == zvt.ClassNack && b.Instr != 0 { // it reverses what was turned back
				link.Send(zvt.Command(0x06, 0x1E, []byte{0x6C}))
				break
			}
		}
	}
}

// meet lets the driver talk to a strange terminal, in synthetic time.
func meet(t *testing.T, s *strange, change func(*zvt.Config), run func(*testing.T, *zvt.Terminal)) {
	synctest.Test(t, func(t *testing.T) {
		cfg := zvt.Config{Password: "123456", Capture: zvt.CaptureUsed, Currency: "EUR"}
		if change != nil {
			change(&cfg)
		}
		d := over(s.serve, cfg, slog.DiscardHandler)
		run(t, d)
		d.Close()
		time.Sleep(time.Hour) // in which the other side notices
	})
}

// over is the driver of a terminal that is served on the other side of each of its lines.
func over(serve func(net.Conn), cfg zvt.Config, log slog.Handler) *zvt.Terminal {
	return zvt.New(func(context.Context) (zvt.Link, error) {
		ours, theirs := net.Pipe()
		go serve(theirs)
		return zvt.NewStream(ours), nil
	}, cfg, slog.New(log))
}

func eur(minor int64) kiosk.Money { return kiosk.Money{Minor: minor, Currency: "EUR"} }

func hold(d *zvt.Terminal) (kiosk.Hold, int, error) {
	recorded := 0
	h, err := d.Hold(context.Background(), kiosk.HoldRequest{Reference: "ABC1234", Amount: eur(5000), Language: "de",
		CardWait:   45 * time.Second,
		OnApproved: func(kiosk.Hold) error { recorded++; return nil }})
	return h, recorded, err
}

func capture(d *zvt.Terminal, h kiosk.Hold) (kiosk.CaptureResult, error) {
	return d.Capture(context.Background(), kiosk.CaptureRequest{Reference: "ABC1234", Hold: h, Used: eur(98)})
}

// names is the order of the commands that the terminal got.
func (s *strange) names() string {
	var out []string
	for _, a := range s.got {
		out = append(out, fmt.Sprintf("%02X%02X", a.Class, a.Instr))
	}
	return strings.Join(out, " ")
}

// TestWhatIsNoHold: a result that lacks something, or has it for another site, is turned back or
// unknown: never a hold.
func TestWhatIsNoHold(t *testing.T) {
	usd := zvt.BCD(0x49, 840, 2)
	for name, c := range map[string]struct {
		answers []zvt.APDU
		unknown bool
	}{
		"of another currency": {approved(5000, usd), false},
		"without a code":      {without(0x27, approved(5000)), false},
		"without an amount":   {without(0x04, approved(5000)), false},
		"without a receipt":   {without(0x87, approved(5000)), false},
		"receipt 0":           {approved(5000, zvt.Bin(0x87, 0, 0)), false},
		"receipt FFFF":        {approved(5000, zvt.Bin(0x87, 0xFF, 0xFF)), false},
		"no result":           {ok(), true},
		"cut short": {[]zvt.APDU{zvt.Ack(), {Class: 0x04, Instr: 0x0F, Data: []byte{0x27, 0, 0x04, 0}},
			zvt.Command(0x06, 0x0F, nil)}, true},
		"FF without a byte": {[]zvt.APDU{zvt.Ack(), {Class: 0x04, Instr: 0xFF}, zvt.Command(0x06, 0x0F, nil)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &strange{answers: map[string][][]zvt.APDU{"0622": {c.answers}}}
			meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
				h, recorded, err := hold(d)
				var no *kiosk.Declined
				if recorded != 0 || c.unknown != errors.Is(err, kiosk.ErrOutcomeUnknown) ||
					!c.unknown && !errors.As(err, &no) {
					t.Errorf("it gave %+v, %v, and was recorded %d times", h, err, recorded)
				}
			})
		})
	}
}

// TestWhatIsNoBooking: nothing is taken for captured that may not be.
func TestWhatIsNoBooking(t *testing.T) {
	for name, answers := range map[string][]zvt.APDU{
		"of another currency": approved(98, zvt.BCD(0x49, 756, 2)), "without a code": without(0x27, approved(98)),
		"without an amount": without(0x04, approved(98)), "without a receipt": without(0x87, approved(98)),
		"no result": ok(),
	} {
		for _, command := range []string{"0624", "0625"} {
			s := &strange{answers: map[string][][]zvt.APDU{command: {answers}}}
			meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
				h := kiosk.Hold{ID: "231", Approved: eur(5000)}
				var b kiosk.CaptureResult
				var err error
				if command == "0624" {
					b, err = capture(d, h)
				} else {
					b, err = d.Release(context.Background(), kiosk.ReleaseRequest{ID: "231"})
				}
				if err == nil {
					t.Errorf("%s %s is taken for %+v", command, name, b)
				}
			})
		}
	}
}

// TestATerminalThatForgotUs is registered with again, and asked once more: nothing was done before.
func TestATerminalThatForgotUs(t *testing.T) {
	lost := []zvt.APDU{zvt.Nack(0x6B)}
	for command, do := range map[string]func(*zvt.Terminal) error{
		"0622": func(d *zvt.Terminal) error { _, _, err := hold(d); return err },
		"0624": func(d *zvt.Terminal) error {
			_, err := capture(d, kiosk.Hold{ID: "231", Approved: eur(5000)})
			return err
		},
		"0650": func(d *zvt.Terminal) error { _, err := d.EndOfDay(context.Background()); return err },
		"0501": func(d *zvt.Terminal) error { return d.Ready(context.Background()) },
		"list": func(d *zvt.Terminal) error { _, err := d.ListHolds(context.Background()); return err },
	} {
		s := &strange{answers: map[string][][]zvt.APDU{command: {lost}}}
		meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
			if err := do(d); err != nil {
				t.Errorf("%s: %v (%s)", command, err, s.names())
			}
		})
		s = &strange{answers: map[string][][]zvt.APDU{command: {lost, lost, lost}}}
		meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
			if err := do(d); err == nil {
				t.Errorf("%s: a terminal that never keeps a registration did it", command)
			}
		})
	}
}

// TestACommandThatBeganIsNotRepeated: a terminal that accepted a command, and then says that it has no registration,
// is registered with before the next.
func TestACommandThatBeganIsNotRepeated(t *testing.T) {
	s := &strange{answers: map[string][][]zvt.APDU{"0622": {{zvt.Ack(), zvt.Command(0x06, 0x1E, []byte{0x6B})}}}}
	meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
		for _, want := range []string{"declined terminal 6B", "ok"} {
			if _, _, err := hold(d); outcome(err) != want {
				t.Errorf("it gave %v, want %s", err, want)
			}
		}
	})
	if got := s.names(); got != "0600 0622 0600 0622" {
		t.Errorf("it was told %s", got)
	}
}

// TestRegistration: what a terminal refuses of it decides what it is told, and another currency or
// identity sells nothing.
func TestRegistration(t *testing.T) {
	id := func(text string) func(*zvt.Config) { return func(c *zvt.Config) { c.ID = text } }
	nameless := ok(zvt.BCD(0x49, 978, 2))
	for name, c := range map[string]struct {
		registration [][]zvt.APDU
		config       func(*zvt.Config)
		err          error
		got          string
	}{
		"older, unknown":        {[][]zvt.APDU{{zvt.Nack(0x83)}}, nil, nil, "0600 0600 0622"},
		"older, protocol error": {[][]zvt.APDU{{zvt.Nack(0x9A)}}, nil, nil, "0600 0600 0622"},
		"sells in another money": {[][]zvt.APDU{ok(zvt.BCD(0x49, 840, 2)), ok(zvt.BCD(0x49, 840, 2)),
			ok(zvt.BCD(0x49, 840, 2))}, nil, zvt.ErrRefused, ""},
		"another than the site's": {nil, id("11111111"), kiosk.ErrOtherTerminal, "0600"},
		"does not name itself":    {[][]zvt.APDU{nameless}, id("60099914"), kiosk.ErrOtherTerminal, "0600"},
		"the site's":              {nil, id("60099914"), nil, "0600 0622"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &strange{answers: map[string][][]zvt.APDU{"0600": c.registration}}
			meet(t, s, c.config, func(t *testing.T, d *zvt.Terminal) {
				h, recorded, err := hold(d)
				if !errors.Is(err, c.err) || c.err == nil && err != nil || c.err != nil && recorded > 0 {
					t.Errorf("it gave %+v, %v", h, err)
				}
				if c.got != "" && s.names() != c.got {
					t.Errorf("it was told %s, want %s", s.names(), c.got)
				}
			})
		})
	}
}

// TestTheOwnerIsTheRegistration's id, where acquirers have ids of their own in results.
func TestTheOwnerIsTheRegistrations(t *testing.T) {
	s := &strange{answers: map[string][][]zvt.APDU{"0622": {approved(5000, zvt.Bin(0x29, 0x11, 0x11, 0x11, 0x11))}}}
	meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
		h, _, err := hold(d)
		if err != nil || h.TerminalID != "60099914" {
			t.Fatalf("%+v, %v", h, err)
		}
		if _, err := capture(d, h); err != nil {
			t.Errorf("it can never be captured: %v", err)
		}
	})
}

// TestTheSerialNumberIsPinned.
func TestTheSerialNumberIsPinned(t *testing.T) {
	device := zvt.Container(zvt.Group(0xE4, zvt.Object(0x1F42, 0x12, 0x34, 0x56)))
	status := append([]zvt.APDU{zvt.Ack()}, zvt.Command(0x06, 0x0F, []byte{0x00}, device))
	for pin, want := range map[string]error{"123456": nil, "123457": kiosk.ErrOtherTerminal} {
		s := &strange{answers: map[string][][]zvt.APDU{"0501": {status, status}}}
		meet(t, s, func(c *zvt.Config) { c.Serial = pin }, func(t *testing.T, d *zvt.Terminal) {
			if _, recorded, err := hold(d); !errors.Is(err, want) || (want == nil) != (recorded == 1) {
				t.Errorf("pin %s: %v, recorded %d times", pin, err, recorded)
			}
		})
	}
}

// TestWhatACommandHas is judged by the specification (PA00P015 rev. 13.08): a hold's card wait is a
// binary number of seconds (tag 1F5B), and the booking of a reservation (06 24) names its receipt
// (87), trace number (0B) and authorisation (3B).
func TestWhatACommandHas(t *testing.T) {
	s := &strange{answers: map[string][][]zvt.APDU{"0622": {approved(5000,
		zvt.Field{Tag: 0x3B, Value: []byte("750071\x00\x00")})}}}
	meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
		h, _, err := hold(d)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := capture(d, h); err != nil {
			t.Fatal(err)
		}
	})
	if got := s.got[1].Bytes(); !bytes.Contains(got, []byte{0x1F, 0x5B, 0x01, 45}) {
		t.Errorf("45 seconds are not 2D in % X", got)
	}
	for _, want := range [][]byte{{0x87, 0x02, 0x31}, {0x0B, 0x00, 0x09, 0x31},
		append([]byte{0x3B}, "750071\x00\x00"...)} {
		if got := s.got[2].Bytes(); !bytes.Contains(got, want) {
			t.Errorf("06 24 lacks % X: % X", want, got)
		}
	}
}

// TestWhatTheTerminalNeeds is told to it where that does no harm, and else said in words.
func TestWhatTheTerminalNeeds(t *testing.T) {
	says := func(code byte) []zvt.APDU { return []zvt.APDU{zvt.Ack(), zvt.Command(0x06, 0x0F, []byte{code})} }
	for code, c := range map[byte]struct {
		cure, class string
	}{
		0x51: {"0693", ""}, 0x62: {"0670", ""}, 0xC2: {"0670", ""}, 0x65: {"0820", ""},
		0x9C: {"", "busy"}, 0xE0: {"", "busy"}, 0xDC: {"", "card_in"}, 0xF0: {"", "day_end"}, 0xE1: {"", "card_in"},
		0xE2: {"", "terminal"}, 0xC0: {"", "terminal"}, 0x64: {"", "terminal"},
	} {
		s := &strange{answers: map[string][][]zvt.APDU{"0501": {says(code)}}}
		meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
			err := d.Ready(context.Background())
			var no *kiosk.Declined
			if c.cure != "" && (err != nil || !strings.Contains(s.names(), c.cure)) ||
				c.cure == "" && (!errors.As(err, &no) || string(no.Class) != c.class || no.Text == "") {
				t.Errorf("status %02X: %v, told %s", code, err, s.names())
			}
		})
		again := [][]zvt.APDU{}
		for range 50 {
			again = append(again, says(code))
		}
		s = &strange{answers: map[string][][]zvt.APDU{"0501": again}} // nothing cures it
		meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
			for range 20 {
				if err := d.Ready(context.Background()); err == nil {
					t.Errorf("status %02X is ready", code)
				}
				time.Sleep(15 * time.Second)
			}
			if n := strings.Count(s.names(), c.cure); c.cure != "" && n > 1 {
				t.Errorf("status %02X: it was told %d times in five minutes", code, n)
			}
		})
	}
	s := &strange{answers: map[string][][]zvt.APDU{"0501": {{zvt.Nack(0x83)}}}}
	meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
		if err := d.Ready(context.Background()); err != nil {
			t.Errorf("a terminal without a status enquiry is not ready: %v", err)
		}
	})
}

// TestWhoseFaultANoIs: a command that is refused has seen no card, whatever the code means of one.
func TestWhoseFaultANoIs(t *testing.T) {
	for code := range 256 {
		s := &strange{answers: map[string][][]zvt.APDU{"0622": {{zvt.Nack(byte(code))}}}}
		meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
			_, _, err := hold(d)
			var no *kiosk.Declined
			if !errors.As(err, &no) {
				return
			}
			switch no.Class {
			case kiosk.DeclineIssuer, kiosk.DeclineCard, kiosk.DeclinePIN, kiosk.DeclineUnreadable, kiosk.DeclineNoCard:
				t.Errorf("84 %02X tells the driver that it is their card: %s", code, no.Class)
			}
		})
	}
}

// TestATerminalWithoutAList says so, or is declared to have none.
func TestATerminalWithoutAList(t *testing.T) {
	s := &strange{answers: map[string][][]zvt.APDU{"list": {{zvt.Nack(0x83)}}}}
	meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
		if _, err := d.ListHolds(context.Background()); !errors.Is(err, zvt.ErrNoOpenList) {
			t.Errorf("it gave %v", err)
		}
	})
	s = &strange{}
	meet(t, s, func(c *zvt.Config) { c.NoOpenList = true }, func(t *testing.T, d *zvt.Terminal) {
		open, err := d.ListHolds(context.Background())
		if err != nil || open.Complete || strings.Contains(s.names(), "0623") {
			t.Errorf("%+v, %v, told %s", open, err, s.names())
		}
	})
}

// TestAGreetingIsNoMessage: a banner before the first answer is thrown away, and named where the
// other side does not speak ZVT at all.
func TestAGreetingIsNoMessage(t *testing.T) {
	for _, banner := range []string{"Welcome to port 20007\r\n", "\x00", "\xff\xfb\x01", "\x06\x0f\x20"} {
		s := &strange{greets: []byte(banner)}
		meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
			if _, _, err := hold(d); err != nil {
				t.Errorf("after %q: %v", banner, err)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		d := over(func(theirs net.Conn) {
			if _, err := io.WriteString(theirs, "SSH-2.0-OpenSSH_9.2\r\n"); err == nil {
				io.Copy(io.Discard, theirs)
			}
		}, zvt.Config{Password: "123456", Currency: "EUR"}, slog.DiscardHandler)
		_, err := d.Status(context.Background())
		if !errors.Is(err, zvt.ErrNotZVT) || !strings.Contains(err.Error(), "5353482D322E30") {
			t.Errorf("it gave %v", err)
		}
		d.Close()
	})
}

// TestNoCardNumberGetsIn: a terminal puts whole card numbers into every field that it has, and
// nothing of them is in what the driver hands on, says or logs.
func TestNoCardNumberGetsIn(t *testing.T) {
	const pan = "5413330089600010"
	packed := []byte{0x54, 0x13, 0x33, 0x00, 0x89, 0x60, 0x00, 0x10}
	text := func(tag byte, s string) zvt.Field { return zvt.Field{Tag: tag, Value: []byte(s)} }
	for name, f := range map[string]zvt.Field{
		"card name": text(0x8B, pan), "card name in groups": text(0x8B, "VISA 5413 3300 8960 0010"),
		"with dashes":  text(0x8B, "5413-3300-8960-0010"),
		"with escapes": text(0x8B, "\x1b[31mVISA\x1b[0m\r\n5413330089600010"), "filled up": text(0x8B, "0000"+pan),
		"between others": text(0x8B, "12"+pan+"34"),
		"text":           text(0x3C, pan), "merchant": text(0x2A, pan[:15]), "printed line": text(0xF1, pan),
		"track 2":      {Tag: 0x23, Value: append(append([]byte{}, packed...), 0xD2, 0x51, 0x22, 0x01)},
		"number":       {Tag: 0x22, Value: packed},
		"AID":          zvt.Container(zvt.Object(0x43, packed...)),
		"AID in ASCII": zvt.Container(zvt.Object(0x43, []byte(pan)...)),
		"UID":          zvt.Container(zvt.Object(0x4C, packed...)),
		"long trace":   zvt.Container(zvt.Object(0x1F2B, packed...)),
		"terminal":     zvt.Container(zvt.Object(0x1F44, packed...)),
		"line":         zvt.Container(zvt.Object(0x07, []byte(pan)...)),
		"reference":    zvt.Container(zvt.Object(0x1F63, []byte(pan)...)),
		"sequence":     zvt.Container(zvt.Object(0x1F73, packed...)),
		"unknown tag":  zvt.Container(zvt.Object(0x1F7E, []byte(pan)...)),
		"receipt text": zvt.Container(zvt.Object(0x1F17, []byte(pan)...)),
	} {
		t.Run(name, func(t *testing.T) {
			for _, code := range []byte{0x00, 0x05} {
				var log bytes.Buffer
				s := &strange{answers: map[string][][]zvt.APDU{"0622": {approved(5000, f, zvt.Bin(0x27, code))}}}
				synctest.Test(t, func(t *testing.T) {
					d := over(s.serve, zvt.Config{Password: "123456", Currency: "EUR",
						Capture: zvt.CaptureUsed, CardKeys: func() [][]byte { return [][]byte{[]byte("key")} }},
						slog.NewJSONHandler(&log, nil))
					h, _, err := hold(d)
					d.Close()
					all, jsonErr := json.Marshal(h)
					if jsonErr != nil {
						t.Fatal(jsonErr)
					}
					seen := string(all) + log.String()
					if err != nil {
						seen += err.Error()
					}
					digits := strings.NewReplacer(" ", "", "-", "").Replace(seen)
					if strings.Contains(digits, pan) || strings.ContainsAny(h.CardName, "\x1b\r\n") {
						t.Errorf("seen: %s", seen)
					}
				})
			}
		})
	}
}
