package zvt_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"kioskd/line"
	"kioskd/terminal/zvt"
)

// TestFramesAgainstAnotherCRC: a terminal computes its CRC on its own; a frame that only our own reader takes would be
// refused three times, and no hold would come (PA00P016 2.3; the check value of CRC-16/KERMIT is 2189).
func TestFramesAgainstAnotherCRC(t *testing.T) {
	if got := kermit([]byte("123456789")); got != 0x2189 {
		t.Fatalf("the judge computes %04X", got)
	}
	random := rand.New(rand.NewPCG(1, 2))
	traps := []byte{0x00, 0x02, 0x03, 0x06, 0x10, 0x10, 0x10, 0x15, 0xFF}
	for range 500 {
		data := make([]byte, random.IntN(40))
		for i := range data {
			data[i] = traps[random.IntN(len(traps))]
		}
		a := zvt.APDU{Class: traps[random.IntN(len(traps))], Instr: byte(random.Uint32()), Data: data}
		wire := framed(a.Bytes())
		if got := zvt.Frame(a); !bytes.Equal(got, wire) {
			t.Fatalf("% X is framed as % X, want % X", a.Bytes(), got, wire)
		}
		var d zvt.Deframer
		for i, b := range wire {
			sig := d.Feed(b)
			if last := i == len(wire)-1; last != (sig == zvt.GotFrame) || !last && sig != zvt.Nothing {
				t.Fatalf("% X: signal %v at byte %d, %v", wire, sig, i, d.Err())
			}
		}
	}
}

// TestALengthOfDLEs: each of the two bytes of an extended length may be 10, and is doubled like any other; the CRC
// knows nothing of the added bytes (PA00P016 2.1).
func TestALengthOfDLEs(t *testing.T) {
	for _, n := range []int{0x10, 0x0110, 0x1000, 0x1010} {
		a := zvt.APDU{Class: 0x06, Instr: 0xD3, Data: bytes.Repeat([]byte{0x10}, n)}
		wire := zvt.Frame(a)
		if !bytes.Equal(wire, framed(a.Bytes())) {
			t.Errorf("%d bytes: frame begins with % X", n, wire[:12])
		}
		var d zvt.Deframer
		got := zvt.Nothing
		for _, b := range wire {
			got = d.Feed(b)
		}
		if got != zvt.GotFrame || len(d.APDU().Data) != n {
			t.Errorf("%d bytes: signal %v, %d bytes, %v", n, got, len(d.APDU().Data), d.Err())
		}
	}
}

// TestEveryFlippedBitIsNAKed: a byte that the line damages never becomes another amount (PA00P016 2.3).
func TestEveryFlippedBitIsNAKed(t *testing.T) {
	good := framed(unhex(t, "04 0F 10 27 00 04 00 00 00 00 25 00 49 09 78 87 02 31 19"))
	for i := range good {
		for bit := range 8 {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << bit
			var d zvt.Deframer
			for _, b := range bad {
				if d.Feed(b) == zvt.GotFrame {
					t.Errorf("bit %d of byte %d: % X is taken", bit, i, bad)
				}
			}
		}
	}
}

// gaps are the places of a frame at which a line may pause: after each byte but the last.
func gaps(frame []byte) []int {
	var out []int
	for i := 1; i < len(frame); i++ {
		out = append(out, i)
	}
	return out
}

// TestT1: wherever a frame pauses for longer than T1 it is refused, once, and its repeat is taken; a shorter pause does
// no harm, also before and within a CRC that looks like an end of frame (PA00P016 3, T1).
func TestT1(t *testing.T) {
	frame := framed(unhex(t, "04 0F 07 04 00 00 00 09 27 39")) // an amount with which the terminal's CRC may be any
	trap := framed(unhex(t, "06 01 07 04 00 00 00 09 27 39"))  // its CRC is 10 03
	for _, f := range [][]byte{frame, trap} {
		for _, at := range gaps(f) {
			for pause, refused := range map[time.Duration]bool{
				t1 - time.Millisecond: false, t1 + time.Millisecond: true} {
				onRawLine(t, func(p *teller) {
					p.send(f[:at]...)
					time.Sleep(pause)
					if refused {
						if b, err := p.next(time.Millisecond); err != nil || b != 0x15 {
							t.Errorf("a pause of %v after byte %d is answered with %02X, %v", pause, at, b, err)
						}
						p.silent(time.Second)
						p.send(f...)
					} else {
						p.send(f[at:]...)
					}
					p.expect(0x06)
					p.silent(time.Second)
				}, func(l *zvt.Serial) {
					a, err := l.Receive(t3)
					if err != nil || !bytes.Equal(framed(a.Bytes()), f) {
						t.Errorf("a pause of %v after byte %d: %v, %v", pause, at, a, err)
					}
					if _, err := l.Receive(t3); !errors.Is(err, zvt.ErrTimeout) {
						t.Errorf("a pause of %v after byte %d: it is taken twice", pause, at)
					}
				})
			}
		}
	}
}

// TestASlowLine: a whole frame may take as long as it likes, if no gap is longer than T1; the wait for it is for its
// beginning (PA00P016 3).
func TestASlowLine(t *testing.T) {
	onRawLine(t, func(p *teller) {
		time.Sleep(900 * time.Millisecond)
		for _, b := range end {
			p.send(b)
			time.Sleep(150 * time.Millisecond)
		}
		p.expect(0x06)
	}, func(l *zvt.Serial) {
		if a, err := l.Receive(time.Second); err != nil || !a.Is(0x06, 0x0F) {
			t.Errorf("got %v, %v", a, err)
		}
	})
}

// TestT2AndRepeats: a frame goes out three times at most, the same to the byte, five seconds apart where nothing is
// heard and at once after a NAK (PA00P016 3, T2 and repeats).
func TestT2AndRepeats(t *testing.T) {
	const silence, no, yes = 0x00, 0x15, 0x06
	for name, c := range map[string]struct {
		hears []byte // after each send
		err   error
		took  time.Duration
		twice bool // the terminal may have heard it twice
	}{
		"silence, then ACK":          {[]byte{silence, yes}, nil, t2, true},
		"silence twice, then ACK":    {[]byte{silence, silence, yes}, nil, 2 * t2, true},
		"NAK twice, then ACK":        {[]byte{no, no, yes}, nil, 0, false},
		"NAK, silence, ACK":          {[]byte{no, silence, yes}, nil, t2, true},
		"NAK, silence, NAK":          {[]byte{no, silence, no}, zvt.ErrNoACK, t2, true},
		"silence, NAK, silence":      {[]byte{silence, no, silence}, zvt.ErrNoACK, 2 * t2, true},
		"NAK three times, no fourth": {[]byte{no, no, no}, zvt.ErrNAK, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			var stats line.Stats
			onRawLine(t, func(p *teller) {
				for _, b := range c.hears {
					p.expect(wire...)
					if b == silence {
						p.silent(t2 - time.Millisecond)
						continue
					}
					p.send(b)
				}
				p.silent(time.Minute)
			}, func(l *zvt.Serial) {
				l.Stats = &stats
				start := time.Now()
				err := l.Send(command)
				if took := time.Since(start); !errors.Is(err, c.err) || took != c.took || l.Repeats() > 0 != c.twice {
					t.Errorf("it gave %v after %v, %d repeats", err, took, l.Repeats())
				}
				if got := stats.Sent.Load(); int(got) != len(c.hears) {
					t.Errorf("%d sends are counted, want %d", got, len(c.hears))
				}
			})
		})
	}
}

// TestALineWithoutACKs: the terminal may have a hold that it never acknowledged, so its outcome is unknown; one that
// it refused three times it does not have (PA00P016 3).
func TestALineWithoutACKs(t *testing.T) {
	for answer, want := range map[byte]string{0x00: nothing + "unknown", 0x15: nothing + "unreachable"} {
		deaf := &deafness{byte: answer}
		meetSerial(t, deaf.play, acts{{holding, want}})
		if deaf.frames != 3 {
			t.Errorf("answered with %02X, it was sent %d times", answer, deaf.frames)
		}
	}
}

// deafness is a terminal that registers and then answers each frame with one byte, or with nothing for 00.
type deafness struct {
	byte   byte
	frames int
}

func (d *deafness) play(p *teller) {
	for _, step := range [][2]string{{">", "06 00 0A 123456 3E 0978 | 03 01 | 06{}"}, {"<", "80 00 00"},
		{"<", "06 0F 00"}, {">", "80 00 00"}} {
		p.step(step[0]+" "+step[1], step[0], step[1])
	}
	var frame []byte
	for b := range p.in {
		frame = append(frame, b)
		if _, whole, err := unframed(frame); err != nil {
			p.Error(err)
			return
		} else if whole {
			d.frames, frame = d.frames+1, nil
			if d.byte != 0 {
				p.send(d.byte)
			}
		}
	}
}

// TestT3: a terminal has five seconds to answer a command (PA00P016 3, T3); without an answer the connection is closed
// (chapter 6), and the command is not repeated.
func TestT3(t *testing.T) {
	dialogues(t, map[string]dialogue{
		"in time": {nil, acts{{releasing("231"), "booked 0 by 232, recorded 1, ok"}},
			[]string{hello + asksRelease + "\n~ 4900ms\n" + accepts + releases + complete}},
		"too late": {nil, acts{{timed(t3, releasing("231")), unbooked + "unknown"}},
			[]string{hello + asksRelease + "\n~ 4900ms\ngone"}},
	})
}

// TestT4: a terminal may be silent for three minutes while it is master, each status starts them anew, and one with a
// number of minutes changes them: packed digits, and no container in their place. Then it is told to stop (PA00P016 3,
// T4; PA00P015 3.1).
func TestT4(t *testing.T) {
	status := func(data string) string { return "\n< 04 FF LL " + data + "\n> 80 00 00\n" }
	const minute = time.Minute
	for name, c := range map[string]struct {
		says string
		t4   time.Duration
	}{
		"at first":                   {"", 3 * minute},
		"status alone":               {"~ 170s" + status("17"), 3 * minute},
		"three in a row":             {strings.Repeat("~ 170s"+status("01"), 3), 3 * minute},
		"one minute":                 {status("0A 01"), minute},
		"ten minutes are packed":     {status("0A 10"), 10 * minute},
		"fifteen minutes are packed": {status("0A 15"), 15 * minute},
		"minutes stay":               {status("0A 05") + "~ 290s" + status("17"), 5 * minute},
		"minutes change":             {status("0A 05") + status("17 01"), minute},
		"minutes and a container":    {status("0A 02 06 06 1F73 03 000002"), 2 * minute},
		"a container alone":          {status("17 06 06 1F73 03 000002"), 3 * minute},
		"six minutes":                {status("17 06"), 6 * minute},
		"prints on the way":          {"~ 170s\n< 06 D1 03 00 4142\n> 80 00 00\n", 3 * minute},
	} {
		before := c.t4 - 2*time.Second
		dialogues(t, map[string]dialogue{
			name + ", in time": {nil, acts{{holding, held2500 + "ok"}},
				[]string{hello + asksHold + accepts + c.says + "\n~ " + before.String() + approves + complete}},
			name + ", no more": {nil, acts{{within(40*minute, holding), nothing + "unknown"}},
				[]string{hello + asksHold + accepts + c.says + "\n~ " + (before + 1500*time.Millisecond).String() +
					"\n>? 06 B0 00\n< 80 00 00\n~ 9s\ngone 2s"}},
		})
	}
}

// TestT4AfterAResult: the terminal's result starts the time for its completion anew; it needs some to print, and the
// person is not told of a fault meanwhile (PA00P016 3, T4).
func TestT4AfterAResult(t *testing.T) {
	dialogues(t, map[string]dialogue{
		"a hold": {nil, acts{{holding, held2500 + "ok"}},
			[]string{hello + asksHold + accepts + "~ 175s" + approves + "~ 20s" + complete}},
		"a hold and prints": {nil, acts{{holding, held2500 + "ok"}}, []string{hello + asksHold + accepts +
			"~ 175s" + approves + "~ 20s\n< 06 D1 03 00 4142\n> 80 00 00\n~ 20s\n< 04 FF 01 0B\n> 80 00 00\n~ 20s" +
			complete}},
	})
}

// TestRepeatsWithoutNumbers: a frame that comes twice because our ACK was lost is acknowledged and answered twice, and
// has its effect once; what is said twice on purpose has it twice (PA00P016 3: frames have no number).
func TestRepeatsWithoutNumbers(t *testing.T) {
	result := `04 0F LL 27 00 04 000000002500 87 0231`
	for name, script := range map[string]string{
		"a status":            "\n<a 04 FF 01 0A\n< 04 FF 01 0A\n> 80 00 00\n>? 80 00 00\n" + approves + complete,
		"an answer":           "\n< 80 00 00\n" + approves + complete,
		"a result":            "\n<a " + result + "\n< " + result + "\n> 80 00 00\n>? 80 00 00\n" + complete,
		"a line of a print":   "\n<a 06 D1 01 00\n< 06 D1 01 00\n> 80 00 00\n>? 80 00 00\n" + approves + complete,
		"a result after ours": says(result) + yes + says(result) + yes + says(result) + yes + complete,
	} {
		t.Run(name, func(t *testing.T) {
			talkOver(t, "serial", nil, acts{{holding, held2500 + "ok"}}.run, hello+asksHold+accepts+script)
		})
	}
	t.Run("a turned back result stays turned back", func(t *testing.T) {
		for _, scheme := range []string{"tcp", "serial"} {
			talkOver(t, scheme, nil, acts{{holding, nothing + "declined not_written 6C"}}.run, hello+asksHold+accepts+
				says(`04 0F LL 27 00 04 000000002500`)+"> 84 6C 00\n"+says(`04 0F LL 27 00 04 000000002500`)+
				"> 84 6C 00\n"+aborts("6C"))
		}
	})
}

// TestNoiseAroundFrames: what stands between frames is skipped, and bytes that look like ACK and NAK inside a frame are
// none (PA00P016 2.1).
func TestNoiseAroundFrames(t *testing.T) {
	content := framed(unhex(t, "06 D1 05 00 06 15 06 15"))
	onRawLine(t, func(p *teller) {
		p.send(0x00, 0xFF, 0x41)
		p.send(content...)
		p.expect(0x06)
		p.send(0x7F)
		p.send(end...)
		p.expect(0x06)
		p.silent(time.Second)
	}, func(l *zvt.Serial) {
		for _, instr := range []byte{0xD1, 0x0F} {
			if a, err := l.Receive(t3); err != nil || a.Instr != instr {
				t.Errorf("got %v, %v", a, err)
			}
		}
	})
	onRawLine(t, func(p *teller) { // while the driver waits for its ACK
		p.expect(wire...)
		p.send(framed(unhex(t, "04 FF 02 06 15"))...)
		p.expect(0x06)
		p.silent(t2 - time.Second)
		p.expect(wire...) // neither the 06 nor the 15 was an answer
		p.send(0x06)
	}, func(l *zvt.Serial) {
		if err := l.Send(command); err != nil {
			t.Error(err)
		}
	})
}

// TestABrokenFrameWhileWeWait: a damaged answer is refused and comes again, and our command is not sent once more for
// it (PA00P016 3).
func TestABrokenFrameWhileWeWait(t *testing.T) {
	bad := bytes.Clone(reply)
	bad[2] ^= 0x01
	onRawLine(t, func(p *teller) {
		p.expect(wire...)
		p.send(0x06)
		for range 2 {
			p.send(bad...)
			p.expect(0x15)
		}
		p.send(reply...)
		p.expect(0x06)
		p.silent(2 * t2)
	}, func(l *zvt.Serial) {
		if err := l.Send(command); err != nil || l.Repeats() != 0 {
			t.Errorf("%v after %d repeats", err, l.Repeats())
		}
		if a, err := l.Receive(t3); err != nil || !a.Is(0x80, 0x00) {
			t.Errorf("got %v, %v", a, err)
		}
	})
}

// TestAFrameThatBeginsAnew: a terminal breaks a frame off and begins again. 10 02 is the beginning of a frame, also
// inside of one that was cut: the second is whole, and is taken (PA00P016 2.1).
func TestAFrameThatBeginsAnew(t *testing.T) {
	var d zvt.Deframer
	var got []zvt.Signal
	for _, b := range append(unhex(t, "10 02 04 0F 37 27 00"), framed(unhex(t, "06 0F 00"))...) {
		if sig := d.Feed(b); sig != zvt.Nothing {
			got = append(got, sig)
		}
	}
	if len(got) == 0 || got[len(got)-1] != zvt.GotFrame {
		t.Errorf("signals %v, %v", got, d.Err())
	}
	for _, sig := range got {
		if sig == zvt.GotACK {
			t.Error("a byte of the frame's content is taken for an ACK")
		}
	}
}

// TestT3OfACardThatIsRead: the time in the command replaces T3: a terminal may accept it as late as that (PA00P016 3).
func TestT3OfACardThatIsRead(t *testing.T) {
	dialogues(t, map[string]dialogue{"": {withKey, acts{{reading, "named true, ok"}}, []string{hello +
		"\n> 06 C0 0F 0F | 19 10 | FC 01 | 06{1F15 01 D0 | 1F60 01 07}\n~ 8s" + accepts +
		"\n< 04 0F LL 27 00 06 0B 1F14 08 0102030405060708\n> 80 00 00\n"}}})
}
