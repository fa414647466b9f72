package zvt_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/terminal/zvt"
)

// The dialogues of this package's tests are scripts of the terminal's side of a line:
//
//	> 06 25 LL 87 0231 | 19 40     the driver must send this. LL is a length that fits; what bars part may come in
//	                               any order (PA00P015 2.3), and 06{a | b} is a container whose objects may, too
//	< 80 00 00                     the terminal says this; LL is the length of what follows
//	<a 04 FF 01 0A                 the same over a serial line, but then nothing that the driver says arrives for T2
//	<l 04 FF 01 0A                 the same, to a driver that may be at something else: it need not take it at once
//	>? 80 00 00                    the driver may send this, within a second
//	~ 5s                           for so long the terminal says nothing, and the driver must not either
//	. 5s                           for so long the terminal says nothing, whatever the driver does
//	gone                           the driver must hang up
//	gone 4s                        and within so long
//	cut                            the terminal hangs up
//
// What a script does not name must not come. Frames and their CRC are written and read here by code of the tests' own:
// the driver's must not be its own judge.

// teller plays a script.
type teller struct {
	*testing.T
	line   net.Conn
	serial bool
	in     chan byte // what the driver sent; closed when it hung up
	failed bool
}

func newTeller(t *testing.T, scheme string, line net.Conn) *teller {
	p := &teller{T: t, line: line, serial: scheme == "serial", in: make(chan byte, 1<<16)}
	go func() {
		defer close(p.in)
		b := make([]byte, 4096)
		for {
			n, err := line.Read(b)
			for _, v := range b[:n] {
				p.in <- v
			}
			if err != nil {
				return
			}
		}
	}()
	return p
}

// patience is how long a script waits for the driver; no timer of the specification is longer.
const patience = 20 * time.Minute

// Timers of the specification (PA00P016 3), which the driver's own are held against.
const (
	t1 = 200 * time.Millisecond
	t2 = 5 * time.Second
	t3 = 5 * time.Second
)

var (
	errQuiet = errors.New("the driver is silent")
	errGone  = errors.New("the driver hung up")
)

func (p *teller) next(wait time.Duration) (byte, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case b, ok := <-p.in:
		if !ok {
			return 0, errGone
		}
		return b, nil
	case <-timer.C:
		return 0, errQuiet
	}
}

func (p *teller) fail(line, format string, args ...any) {
	p.failed = true
	p.Errorf("%s: %s", line, fmt.Sprintf(format, args...))
}

// play plays a script to its end, or to its first fault, and then hears the driver out.
func (p *teller) play(script string) {
	defer p.line.Close()
	for line := range strings.SplitSeq(script, "\n") {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		verb, rest, _ := strings.Cut(line, " ")
		p.step(line, verb, rest)
		if p.failed || verb == "cut" {
			return
		}
	}
	for range p.in { // the last ACKs of a serial line among them
		if !p.serial {
			p.fail("the script is over", "the driver says more")
			return
		}
	}
}

func (p *teller) step(line, verb, rest string) {
	switch verb {
	case ">":
		got, err := p.hear()
		if err != nil {
			p.fail(line, "%v", err)
		} else if !fits(got, rest) {
			p.fail(line, "the driver sent % X", got)
		}
	case ">?":
		if p.pending(time.Second) {
			p.step(line, ">", rest)
		}
	case "<", "<a", "<l":
		most := t2
		if verb == "<l" {
			most = patience
		}
		p.say(line, withLength(p.T, rest), most)
		if verb == "<a" {
			time.Sleep(t2 - 100*time.Millisecond)
			for p.pending(0) {
				<-p.in
			}
		}
	case "~", ".":
		wait, err := time.ParseDuration(rest)
		if err != nil {
			p.Fatal(err)
		}
		if verb == "." {
			time.Sleep(wait)
			return
		}
		if b, err := p.next(wait); !errors.Is(err, errQuiet) {
			p.fail(line, "in place of silence the driver sent %02X, %v", b, err)
		}
	case "gone":
		most := patience
		if rest != "" {
			var err error
			most, err = time.ParseDuration(rest)
			if err != nil {
				p.Fatal(err)
			}
		}
		if b, err := p.next(most); !errors.Is(err, errGone) {
			p.fail(line, "the driver does not hang up: %02X, %v", b, err)
		}
	case "cut":
		p.line.Close()
	default:
		p.fail(line, "a script has no %q", verb)
	}
}

// hear reads one message.
func (p *teller) hear() ([]byte, error) {
	if p.serial {
		return p.hearFrame()
	}
	var out []byte
	for need := 3; len(out) < need; {
		b, err := p.next(patience)
		if err != nil {
			return out, err
		}
		out = append(out, b)
		switch {
		case len(out) == 3 && b == 0xFF:
			need = 5
		case len(out) == 3:
			need = 3 + int(b)
		case len(out) == 5 && out[2] == 0xFF:
			need = 5 + int(out[3]) + int(out[4])<<8
		}
	}
	return out, nil
}

// hearFrame reads one serial frame, judges it and acknowledges it.
func (p *teller) hearFrame() ([]byte, error) {
	var wire []byte
	for {
		b, err := p.next(patience)
		if err != nil {
			return nil, err
		}
		wire = append(wire, b)
		if apdu, whole, err := unframed(wire); whole || err != nil {
			if err == nil {
				_, err = p.line.Write([]byte{0x06})
			}
			return apdu, err
		}
	}
}

// pending tells whether the driver said something that is not heard yet, or does within a while.
func (p *teller) pending(wait time.Duration) bool {
	for end := time.Now().Add(wait); len(p.in) == 0 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	return len(p.in) > 0
}

func (p *teller) say(line string, apdu []byte, most time.Duration) {
	if !p.serial {
		if _, err := p.line.Write(apdu); err != nil {
			p.fail(line, "%v", err)
		}
		return
	}
	if _, err := p.line.Write(framed(apdu)); err != nil {
		p.fail(line, "%v", err)
		return
	}
	if b, err := p.next(most); err != nil || b != 0x06 {
		p.fail(line, "the frame is not acknowledged: %02X, %v", b, err)
	}
}

// kermit is CRC-16/KERMIT, computed on bits in the order of the polynomial x^16+x^12+x^5+1, high ones first, and turned
// round in the end: the driver computes it the other way round.
func kermit(data []byte) uint16 {
	var sum uint16
	for _, b := range data {
		sum ^= uint16(bits.Reverse8(b)) << 8
		for range 8 {
			if carry := sum >> 15; carry == 1 {
				sum = sum<<1 ^ 0x1021
			} else {
				sum <<= 1
			}
		}
	}
	return bits.Reverse16(sum)
}

// framed is a message as a serial line has it (PA00P016).
func framed(apdu []byte) []byte {
	out := append([]byte{0x10, 0x02}, bytes.ReplaceAll(apdu, []byte{0x10}, []byte{0x10, 0x10})...)
	sum := kermit(append(bytes.Clone(apdu), 0x03))
	return append(out, 0x10, 0x03, byte(sum), byte(sum>>8))
}

// unframed is the message of a frame, once it is whole.
func unframed(wire []byte) (apdu []byte, whole bool, err error) {
	if !bytes.HasPrefix([]byte{0x10, 0x02}, wire[:min(2, len(wire))]) {
		return wire, false, fmt.Errorf("% X is the beginning of no frame", wire)
	}
	for i := 2; i < len(wire); i++ {
		if wire[i] != 0x10 {
			apdu = append(apdu, wire[i])
			continue
		}
		i++
		switch {
		case i == len(wire):
			return nil, false, nil
		case wire[i] == 0x10:
			apdu = append(apdu, 0x10)
		case wire[i] != 0x03:
			return wire, false, fmt.Errorf("10 %02X inside a frame", wire[i])
		case len(wire) < i+3:
			return nil, false, nil
		default:
			if want := framed(apdu); !bytes.Equal(wire, want) {
				return wire, false, fmt.Errorf("frame is % X, want % X", wire, want)
			}
			return apdu, true, nil
		}
	}
	return nil, false, nil
}

// withLength is a script's message: its length, where it is written LL, is that of what follows.
func withLength(t *testing.T, text string) []byte {
	t.Helper()
	head, data, counted := strings.Cut(text, "LL")
	out := unhex(t, head)
	if !counted {
		return out
	}
	rest := unhex(t, data)
	if len(rest) > 0xFE {
		return append(append(out, 0xFF, byte(len(rest)), byte(len(rest)>>8)), rest...)
	}
	return append(append(out, byte(len(rest))), rest...)
}

// fits tells whether a message is what a script wants.
func fits(got []byte, want string) bool {
	parts := split(want)
	head := parts[0]
	if before, after, counted := strings.Cut(head, "LL"); counted {
		if len(got) < 3 || len(got)-3 != int(got[2]) {
			return false
		}
		head = before + hex.EncodeToString(got[2:3]) + after
	}
	first, err := hex.DecodeString(strings.ReplaceAll(head, " ", ""))
	return err == nil && bytes.HasPrefix(got, first) && anyOrder(got[len(first):], parts[1:])
}

// split parts a text at its bars, but not within braces.
func split(text string) (out []string) {
	depth, from := 0, 0
	for i, r := range text {
		switch r {
		case '{':
			depth++
		case '}':
			depth--
		case '|':
			if depth == 0 {
				out = append(out, strings.TrimSpace(text[from:i]))
				from = i + 1
			}
		}
	}
	return append(out, strings.TrimSpace(text[from:]))
}

// anyOrder tells whether data is all of the parts, in whichever order.
func anyOrder(data []byte, parts []string) bool {
	if len(parts) == 0 {
		return len(data) == 0
	}
	for i, part := range parts {
		others := append(append([]string{}, parts[:i]...), parts[i+1:]...)
		if inside, is := strings.CutPrefix(part, "06{"); is {
			objects := strings.TrimSuffix(inside, "}")
			if len(data) < 2 || data[0] != 0x06 || len(data) < 2+int(data[1]) {
				continue
			}
			end := 2 + int(data[1])
			if (objects == "" && end == 2 || objects != "" && anyOrder(data[2:end], split(objects))) &&
				anyOrder(data[end:], others) {
				return true
			}
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(part, " ", ""))
		if err == nil && bytes.HasPrefix(data, b) && anyOrder(data[len(b):], others) {
			return true
		}
	}
	return false
}

// talk runs the driver against scripts, one for each line that it opens, over a serial line and over TCP.
func talk(t *testing.T, change func(*zvt.Config), run func(*testing.T, *zvt.Terminal), scripts ...string) {
	t.Helper()
	for _, scheme := range []string{"tcp", "serial"} {
		t.Run(scheme, func(t *testing.T) { talkOver(t, scheme, change, run, scripts...) })
	}
}

func talkOver(t *testing.T, scheme string, change func(*zvt.Config), run func(*testing.T, *zvt.Terminal),
	scripts ...string) {
	synctest.Test(t, func(t *testing.T) {
		cfg := zvt.Config{Password: "123456", Capture: zvt.CaptureReleased, Currency: "EUR"}
		if change != nil {
			change(&cfg)
		}
		opened := 0
		d := zvt.New(func(context.Context) (zvt.Link, error) {
			if opened == len(scripts) {
				return nil, errors.New("the script has no more lines")
			}
			ours, theirs := net.Pipe()
			go newTeller(t, scheme, theirs).play(scripts[opened])
			opened++
			return zvt.NewLink(scheme, ours), nil
		}, cfg, slog.New(slog.DiscardHandler))
		run(t, d)
		d.Close()
		time.Sleep(2 * patience) // in which the scripts end
		if opened != len(scripts) {
			t.Errorf("the driver opened %d lines, the script has %d", opened, len(scripts))
		}
	})
}

// outcome is what a caller learns of an error.
func outcome(err error) string {
	var no *kiosk.Declined
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &no):
		return fmt.Sprintf("declined %s %s", no.Class, no.Code)
	case errors.Is(err, kiosk.ErrOutcomeUnknown):
		return "unknown"
	case errors.Is(err, kiosk.ErrUnreachable):
		return "unreachable"
	}
	return "error: " + err.Error()
}

// act is a call of the driver, in words.
type act func(context.Context, *zvt.Terminal) string

// holding asks for a hold of 25.00 and tells what came of it and what was recorded.
func holding(ctx context.Context, d *zvt.Terminal) string { return holdOf(2500)(ctx, d) }

func holdOf(minor int64) act {
	return func(ctx context.Context, d *zvt.Terminal) string {
		var recorded []string
		h, err := d.Hold(ctx, kiosk.HoldRequest{Reference: "ABC1234", Amount: eur(minor), Language: "de",
			CardWait: 45 * time.Second, OnApproved: func(h kiosk.Hold) error {
				recorded = append(recorded, fmt.Sprintf("%s of %d", h.ID, h.Approved.Minor))
				return nil
			}})
		return fmt.Sprintf("hold %s of %d, recorded %v, %s", h.ID, h.Approved.Minor, recorded, outcome(err))
	}
}

// held is a hold as the rest of the kiosk kept it.
func held(id kiosk.HoldID, approved int64) kiosk.Hold {
	return kiosk.Hold{ID: id, Approved: eur(approved), TraceNo: "000975", AuthCode: "750071", TerminalID: "65000028"}
}

func capturing(h kiosk.Hold, used int64) act {
	return func(ctx context.Context, d *zvt.Terminal) string {
		recorded := 0
		b, err := d.Capture(ctx, kiosk.CaptureRequest{Reference: "ABC1234", Hold: h, Used: eur(used),
			OnBooked: func(kiosk.CaptureResult) error { recorded++; return nil }})
		return fmt.Sprintf("booked %d by %s, recorded %d, %s", b.Booked.Minor, b.ID, recorded, outcome(err))
	}
}

func releasing(id kiosk.HoldID) act {
	return func(ctx context.Context, d *zvt.Terminal) string {
		recorded := 0
		b, err := d.Release(ctx, kiosk.ReleaseRequest{Reference: "ABC1234", ID: id, TerminalID: "65000028",
			OnBooked: func(kiosk.CaptureResult) error { recorded++; return nil }})
		return fmt.Sprintf("booked %d by %s, recorded %d, %s", b.Booked.Minor, b.ID, recorded, outcome(err))
	}
}

func listing(ctx context.Context, d *zvt.Terminal) string {
	open, err := d.ListHolds(ctx)
	return fmt.Sprintf("open %v, all %v, %s", open.IDs, open.Complete, outcome(err))
}

func asking(ctx context.Context, d *zvt.Terminal) string {
	b, err := d.Last(ctx)
	return fmt.Sprintf("last %d by %s of %s, %s", b.Booked.Minor, b.ID, b.TraceNo, outcome(err))
}

func readying(ctx context.Context, d *zvt.Terminal) string { return outcome(d.Ready(ctx)) }

func ending(ctx context.Context, d *zvt.Terminal) string {
	total, err := d.EndOfDay(ctx)
	if total == nil {
		return "no total, " + outcome(err)
	}
	return fmt.Sprintf("total %d %s, %s", total.Minor, total.Currency, outcome(err))
}

func reading(ctx context.Context, d *zvt.Terminal) string {
	token, err := d.ReadCard(ctx, 15*time.Second)
	return fmt.Sprintf("named %v, %s", token != "", outcome(err))
}

// acts are calls in their order, and what each must come to.
type acts []struct {
	do   act
	want string
}

func (a acts) run(t *testing.T, d *zvt.Terminal) {
	for i, step := range a {
		if got := step.do(t.Context(), d); got != step.want {
			t.Errorf("call %d gave %q, want %q", i+1, got, step.want)
		}
	}
}

// dialogue is a script for each line, and what the caller gets.
type dialogue struct {
	config  func(*zvt.Config)
	calls   acts
	scripts []string
}

func dialogues(t *testing.T, all map[string]dialogue) {
	t.Helper()
	for name, d := range all {
		t.Run(name, func(t *testing.T) { talk(t, d.config, d.calls.run, d.scripts...) })
	}
}

func byUsed(c *zvt.Config)  { c.Capture = zvt.CaptureUsed }
func withKey(c *zvt.Config) { c.CardKeys = func() [][]byte { return [][]byte{[]byte("key")} } }

// expect wants bytes of the driver, to the last.
func (p *teller) expect(want ...byte) {
	p.Helper()
	for i, w := range want {
		if b, err := p.next(patience); err != nil || b != w {
			p.Errorf("byte %d of % X is %02X, %v", i, want, b, err)
			return
		}
	}
}

// silent wants no byte of the driver for a while.
func (p *teller) silent(wait time.Duration) {
	p.Helper()
	if b, err := p.next(wait); !errors.Is(err, errQuiet) {
		p.Errorf("in place of silence the driver sent %02X, %v", b, err)
	}
}

// send writes bytes as they are.
func (p *teller) send(b ...byte) {
	if _, err := p.line.Write(b); err != nil {
		p.Error(err)
	}
}

// onRawLine is onLine with a line that has room for what is not read yet, as real ones have.
func onRawLine(t *testing.T, play func(*teller), run func(*zvt.Serial)) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		link := zvt.NewSerial(ours)
		done := make(chan struct{})
		go func() { defer close(done); play(newTeller(t, "serial", theirs)) }()
		run(link)
		<-done
		link.Close()
		theirs.Close()
	})
}

// meetSerial runs calls over a serial line that is played by hand.
func meetSerial(t *testing.T, play func(*teller), calls acts) {
	synctest.Test(t, func(t *testing.T) {
		d := zvt.New(func(context.Context) (zvt.Link, error) {
			ours, theirs := net.Pipe()
			go func() {
				p := newTeller(t, "serial", theirs)
				play(p)
				p.line.Close()
			}()
			return zvt.NewLink("serial", ours), nil
		}, zvt.Config{Password: "123456", Capture: zvt.CaptureReleased, Currency: "EUR"}, slog.New(slog.DiscardHandler))
		calls.run(t, d)
		d.Close()
		time.Sleep(time.Hour)
	})
}
