package zvt_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/terminal/zvt"
)

// The sheet of card complete that an unattended terminal and its till are accepted by: a row each, with its number.
// Where a row wants a payment (06 01), the kiosk holds and captures.

const (
	nothing  = "hold  of 0, recorded [], "
	held2500 = "hold 231 of 2500, recorded [231 of 2500], "
	unbooked = "booked 0 by , recorded 0, "
)

// refusals of the terminal, after it accepted the command.
func aborts(code string) string { return "\n< 06 1E 01 " + code + "\n> 80 00 00\n" }

func fails(code string) string { return "\n< 04 0F 02 27 " + code + "\n> 80 00 00\n" + aborts(code) }

func lists(receipt string) string {
	return "\n> 06 23 03 87 FFFF\n< 80 00 00\n< 06 1E 04 B8 87 " + receipt + "\n> 80 00 00\n"
}

func isIn(status string) string { return asksStatus + "\n< 06 0F 01 " + status + "\n> 80 00 00\n" }

const (
	asksRelease = "\n> 06 25 08 | 19 40 | 87 0231 | 49 0978\n"
	asksDayEnd  = "\n> 06 50 03 123456\n"
)

// later calls the driver after a while.
func later(d time.Duration, do act) act {
	return func(ctx context.Context, t *zvt.Terminal) string {
		time.Sleep(d)
		return do(ctx, t)
	}
}

// TestAcceptance: rows A1 to B3 and C1, C3, C5.1 of the sheet: a day without a fault of the line.
func TestAcceptance(t *testing.T) {
	asks1010 := "\n> 06 22 LL | 04 000000001010 | 49 0978 | 19 40 | " + holdObjects + "\n"
	gives1010 := says("04 0F LL 27 00 04 000000001010 49 0978 87 1010 0B 101010") + yes
	takes1010 := "\n> 06 24 LL | 87 1010 | 04 000000001010 | 0B 101010 | 3B 3130313031300000 | 19 40 | 49 0978 | " +
		ourNote + "\n"
	h1010 := kiosk.Hold{ID: "1010", Approved: eur(1010), TraceNo: "101010", AuthCode: "101010"}
	dialogues(t, map[string]dialogue{
		"A1 registration": {nil, acts{{listing, "open [], all true, ok"}}, []string{hello + noneOpen}},
		"A2 failed end-of-day, F0, automatic end-of-day": {nil, acts{
			{ending, "no total, declined terminal 77"},
			{holding, nothing + "declined day_end F0"},
			{readying, "ok"},
			{holding, held2500 + "ok"},
		}, []string{hello + asksDayEnd + accepts + aborts("77") + asksHold + "\n< 84 F0 00\n" + asksStatus + `
			< 04 FF 01 0F                                     # it ends its day by itself
			> 80 00 00
			~ 20s
			< 06 D1 17 00 2020202020202020204B617373656E7363686E697474
			> 80 00 00
			< 06 0F 01 00
			> 80 00 00
			` + asksHold + accepts + approves + complete}},
		"A3 an update after the end-of-day": {nil, acts{
			{ending, "no total, ok"}, {readying, "declined busy E0"}, {readying, "declined busy E0"}, {readying, "ok"},
		}, []string{hello + asksDayEnd + accepts + "\n< 06 0F 02 27 E0\n> 80 00 00\n" + isIn("E0") + isIn("E0") +
			isIn("00")}},
		"B1 payment, receipt again, reversal": {nil, acts{
			{holding, held2500 + "ok"}, {capturing(held("231", 2500), 1205), "booked 1205 by 232, recorded 1, ok"},
			{asking, "last 1205 by 232 of 000977, ok"}, {holding, held2500 + "ok"},
			{releasing("231"), "booked 0 by 232, recorded 1, ok"},
		}, []string{hello + asksHold + accepts + approves + complete + asksCapture("000000001295") + accepts +
			books("000000001205") + complete + "\n> 06 20 05 123456 03 03\n" + accepts +
			books("000000001205") + complete +
			asksHold + accepts + approves + complete + asksRelease + accepts + releases + complete}},
		"B3 a hold of 10.10": {nil, acts{{holdOf(1010), "hold 1010 of 1010, recorded [1010 of 1010], ok"}},
			[]string{hello + asks1010 + accepts + gives1010 + complete}},
		"C1 a hold and a smaller capture": {nil, acts{
			{holding, held2500 + "ok"}, {capturing(held("231", 2500), 1), "booked 1 by 232, recorded 1, ok"},
			{listing, "open [], all true, ok"},
		}, []string{hello + asksHold + accepts + approves + complete + asksCapture("000000002499") + accepts +
			books("000000000001") + complete + noneOpen}},
		"C3 a capture of 10.10": {byUsed, acts{{capturing(h1010, 1010), "booked 1010 by 232, recorded 1, ok"}},
			[]string{hello + takes1010 + accepts + books("000000001010") + complete}},
		"C5.1 three open holds, each settled before the day ends": {nil, acts{
			{listing, "open [231], all false, ok"},
			{capturing(held("231", 2500), 1205), "booked 1205 by 232, recorded 1, ok"},
			{listing, "open [233], all false, ok"}, {releasing("233"), "booked 0 by 232, recorded 1, ok"},
			{listing, "open [234], all false, ok"}, {releasing("234"), "booked 0 by 232, recorded 1, ok"},
			{listing, "open [], all true, ok"}, {ending, "no total, ok"},
		}, []string{hello + lists("0231") + asksCapture("000000001295") + accepts + books("000000001205") + complete +
			lists("0233") + strings.Replace(asksRelease, "0231", "0233", 1) + accepts + releases + complete +
			lists("0234") + strings.Replace(asksRelease, "0231", "0234", 1) + accepts + releases + complete +
			lists("FFFF") + asksDayEnd + accepts + complete}},
	})
}

// TestAcceptanceOfFaults: rows B4.1 to B4.5 and C4: a host that is gone, a person who stops, one who thinks for long.
func TestAcceptanceOfFaults(t *testing.T) {
	h := held("231", 2500)
	stop := fails("6C")
	pin := "\n< 04 FF 01 01\n> 80 00 00\n" // look at the PIN pad
	for row, c := range map[string]struct{ script, want string }{
		"1 no network": {present + "\n< 04 FF 01 04\n> 80 00 00\n~ 40s" + fails("9B"), "declined host 9B"},
		"2 stop key":   {present + "\n~ 5s" + aborts("6C"), "declined no_card 6C"},
		"3 a minute without a PIN": {present + pin + "\n~ 60s" + stop,
			"declined no_card 6C"},
		"5 four minutes at the PIN pad": {present + pin + "\n~ 80s" + pin + "\n~ 80s" + pin + "\n~ 80s" + approves +
			complete, "ok"},
	} {
		want := nothing + c.want
		if c.want == "ok" {
			want = held2500 + "ok"
		}
		dialogues(t, map[string]dialogue{
			"B4." + row: {nil, acts{{holding, want}, {listing, "open [], all true, ok"}},
				[]string{hello + asksHold + accepts + c.script + noneOpen}},
		})
	}
	for code, class := range map[string]string{"9B": "host", "A3": "host", "6C": "no_card", "B8": "terminal"} {
		dialogues(t, map[string]dialogue{
			"C4 a capture fails with " + code + ", the second does not": {nil, acts{
				{capturing(h, 1205), unbooked + "declined " + class + " " + code},
				{listing, "open [231], all false, ok"},
				{capturing(h, 1205), "booked 1205 by 232, recorded 1, ok"},
			}, []string{hello + asksCapture("000000001295") + accepts + fails(code) + lists("0231") +
				asksCapture("000000001295") + accepts + books("000000001205") + complete}},
		})
	}
}

// TestAcceptanceB44: the cable is out while a card is waited for. The kiosk waits T4 for a word, tells the terminal to
// stop, which is not acknowledged, says that it does not know, and is ready again when the cable is back; the list
// tells that nothing is held.
func TestAcceptanceB44(t *testing.T) {
	for scheme, c := range map[string]struct {
		silence string
		took    time.Duration
	}{
		"tcp":    {"~ 179s\n> 06 B0 00\n~ 9s\ngone 2s", 190 * time.Second},
		"serial": {". 200s", 180*time.Second + 3*t2},
	} {
		t.Run(scheme, func(t *testing.T) {
			talkOver(t, scheme, nil, acts{
				{timed(c.took, holding), nothing + "unknown"},
				{later(time.Minute, listing), "open [], all true, ok"},
				{holding, held2500 + "ok"},
			}.run, hello+asksHold+accepts+c.silence, hello+noneOpen+asksHold+accepts+approves+complete)
		})
	}
}

// timed wants a call to take a time, and half a second at most beside it.
func timed(want time.Duration, do act) act {
	return func(ctx context.Context, d *zvt.Terminal) string {
		start := time.Now()
		got := do(ctx, d)
		if took := time.Since(start); took < want || took > want+1500*time.Millisecond {
			got += ", after " + took.String()
		}
		return got
	}
}

// TestAcceptanceB46: the cable is out for five seconds right after the PIN. The terminal's result does not arrive, or
// its acknowledgement does not, and comes again: the person paid, once.
func TestAcceptanceB46(t *testing.T) {
	result := strings.Join(strings.Fields(holdResult), " ")
	for name, script := range map[string]string{
		"the result is lost": "\n~ 5s" + approves,
		// our answer and its repeat may both arrive
		"our ACK is lost": "\n<a " + result + "\n< " + result + "\n> 80 00 00\n>? 80 00 00\n",
		"twice": "\n<a " + result + "\n<a " + result + "\n< " + result +
			"\n> 80 00 00\n>? 80 00 00\n>? 80 00 00\n",
	} {
		t.Run(name, func(t *testing.T) {
			talkOver(t, "serial", nil, acts{{holding, held2500 + "ok"}}.run,
				hello+asksHold+accepts+present+script+complete)
		})
	}
}

// TestFaultsOfALine: what the kiosk does where a line is cut, at each place of a dialogue about money: it never asks
// for money twice, never takes a result for complete that is not, and finds the truth by the list or the last result
// (PA00P015 2.2.6 to 2.2.10, 2.10.1, 2.16).
func TestFaultsOfALine(t *testing.T) {
	h := held("231", 2500)
	const booked = "booked 1205 by 232, recorded 1, "
	captures := hello + asksCapture("000000001295")
	dialogues(t, map[string]dialogue{
		"before 80 00: nothing is held": {nil, acts{
			{timed(t3, holding), nothing + "unknown"}, {listing, "open [], all true, ok"}},
			[]string{hello + asksHold + "gone", hello + noneOpen}},
		"before 80 00: it had the command, and its result comes late": {nil, acts{
			{holding, nothing + "unknown"}, {later(time.Second, listing), "open [], all true, ok"}},
			[]string{hello + asksHold + "gone", says(holdResult) + "> 84 6C 00\n" + aborts("6C") + hello + noneOpen}},
		"card phase": {nil, acts{{holding, nothing + "unknown"}, {listing, "open [], all true, ok"}},
			[]string{hello + asksHold + accepts + present + "cut", hello + noneOpen}},
		"right after our answer to the result": {nil, acts{
			{holding, held2500 + "unknown"}, {listing, "open [231], all false, ok"}},
			[]string{hello + asksHold + accepts + approves + "cut", hello + lists("0231")}},
		"our answer was lost, and the terminal reversed": {nil, acts{
			{holding, held2500 + "unknown"}, {listing, "open [], all true, ok"}},
			[]string{hello + asksHold + accepts + approves + "cut", hello + noneOpen}},
		"the completion is lost": {nil, acts{
			{holding, held2500 + "unknown"}, {listing, "open [231], all false, ok"}},
			[]string{hello + asksHold + accepts + approves + "gone", hello + lists("0231")}},
		"a result, and then an abort": {nil, acts{{holding, held2500 + "unknown"}},
			[]string{hello + asksHold + accepts + approves + aborts("9B")}},
		"a completion without a result": {nil, acts{{holding, nothing + "unknown"}},
			[]string{hello + asksHold + accepts + complete}},
		"a capture's result is lost, its hold is open: once more": {nil, acts{
			{capturing(h, 1205), unbooked + "unknown"}, {listing, "open [231], all false, ok"},
			{capturing(h, 1205), booked + "ok"}},
			[]string{captures + accepts + "cut", hello + lists("0231") + asksCapture("000000001295") + accepts +
				books("000000001205") + complete}},
		"a capture's result is lost, its hold is gone: it is fetched": {nil, acts{
			{capturing(h, 1205), unbooked + "unknown"}, {listing, "open [], all true, ok"},
			{asking, "last 1205 by 232 of 000977, ok"}},
			[]string{captures + accepts + "cut", hello + noneOpen + "\n> 06 20 05 123456 03 03\n" + accepts +
				books("000000001205") + complete}},
		"a capture without an answer": {nil, acts{{timed(t3, capturing(h, 1205)), unbooked + "unknown"}},
			[]string{captures + "gone"}},
		"a capture's completion is lost": {nil, acts{{capturing(h, 1205), booked + "unknown"}},
			[]string{captures + accepts + books("000000001205") + "gone"}},
		"a release's result is lost": {nil, acts{{releasing("231"), unbooked + "unknown"}},
			[]string{hello + asksRelease + accepts + "cut"}},
		"an end-of-day's result is lost": {nil, acts{{ending, "no total, unknown"}, {readying, "declined day_end F0"},
			{ending, "no total, ok"}},
			[]string{hello + asksDayEnd + accepts + "cut", hello + isIn("F0") + asksDayEnd + accepts + complete}},
		"our journal is lost": {nil, acts{{listing, "open [231], all false, ok"},
			{releasing("231"), "booked 0 by 232, recorded 1, ok"}, {listing, "open [], all true, ok"}},
			[]string{hello + lists("0231") + asksRelease + accepts + releases + complete + lists("FFFF")}},
		"no card was waited for, the line is cut": {nil, acts{{listing, "open [], all false, unreachable"},
			{listing, "open [], all true, ok"}},
			[]string{hello + "\n> 06 23 03 87 FFFF\ncut", hello + noneOpen}},
	})
}

// TestALateMessageAnswersNothing: what comes over an idle line belongs to a dialogue that is over. It is answered, and
// the next command starts on a fresh line, or its answers would be those of the one before (PA00P016, rule that the
// terminal never speaks unasked).
func TestALateMessageAnswersNothing(t *testing.T) {
	for name, late := range map[string]string{
		"a status":     "\n<l 04 FF 01 0A\n> 80 00 00\n",
		"a completion": "\n<l 06 0F 00\n> 80 00 00\n",
		"a result":     strings.Replace(says(holdResult), "<", "<l", 1) + "> 84 6C 00\n",
		"a print":      "\n<l 06 D1 03 00 4142\n> 80 00 00\n",
		"an answer":    "\n<l 80 00 00\n",
	} {
		t.Run(name, func(t *testing.T) {
			talk(t, nil, acts{{listing, "open [], all true, ok"},
				{later(time.Minute, releasing("231")), "booked 0 by 232, recorded 1, ok"}}.run,
				hello+noneOpen+"\n. 1s\n"+late+"gone", hello+asksRelease+accepts+releases+complete)
		})
	}
}

// TestMistakesOfOthers: faults that other drivers of such terminals were found to have.
func TestMistakesOfOthers(t *testing.T) {
	unknownLast := says("04 0F LL 27 00 04 000000002500 87 0231 CE 01 22") + yes
	dialogues(t, map[string]dialogue{
		"5 an unknown field after the money's": {nil, acts{{holding, held2500 + "ok"}},
			[]string{hello + asksHold + accepts + unknownLast + complete}},
		"5 an unknown field before the amount": {nil, acts{{holding, nothing + "declined not_written 6C"}},
			[]string{hello + asksHold + accepts + says("04 0F LL 27 00 CE 01 22 04 000000002500 87 0231") +
				"\n> 84 6C 00\n" + aborts("6C")}},
		"5 an unknown field before the amount of a capture": {nil, acts{
			{capturing(held("231", 2500), 1205), unbooked + "unknown"}},
			[]string{hello + asksCapture("000000001295") + accepts +
				says("04 0F LL 27 00 CE 01 22 04 000000001205 87 0232") + yes + complete}},
		"5 a known field of the network's": {nil, acts{{holding, held2500 + "ok"}},
			[]string{hello + asksHold + accepts + says("04 0F LL 27 00 8C 01 04 000000002500 87 0231") + yes +
				complete}},
		"6 84 00 is a yes": {nil, acts{{releasing("231"), "booked 0 by 232, recorded 1, ok"}},
			[]string{hello + asksRelease + "\n< 84 00 00\n" + releases + complete}},
		"7 a hold is not asked for twice": {nil, acts{{holding, nothing + "unknown"}},
			[]string{hello + asksHold + "gone"}},
		"7 a release is not asked for twice": {nil, acts{{releasing("231"), unbooked + "unknown"}},
			[]string{hello + asksRelease + accepts + "gone"}},
		"7 a day is not ended twice": {nil, acts{{ending, "no total, unknown"}},
			[]string{hello + asksDayEnd + accepts + "gone"}},
		"8 no completion follows a card that is read": {withKey, acts{{timed(0, reading), "named false, ok"},
			{timed(0, listing), "open [], all true, ok"}},
			[]string{hello + "\n> 06 C0 0F 0F | 19 10 | FC 01 | 06{1F15 01 D0 | 1F60 01 07}\n" + accepts +
				"\n< 04 0F 02 27 00\n> 80 00 00\n" + noneOpen}},
	})
	t.Run("9 no completion follows a failed hold", func(t *testing.T) {
		talk(t, nil, acts{{within(20*time.Second, holding), nothing + "declined issuer 05"}}.run,
			hello+asksHold+accepts+"\n< 04 0F 02 27 05\n> 80 00 00\ngone")
	})
	t.Run("9 no completion follows a failed capture", func(t *testing.T) {
		talk(t, nil, acts{{within(20*time.Second, capturing(held("231", 2500), 1205)),
			unbooked + "declined host 9B"}}.run,
			hello+asksCapture("000000001295")+accepts+"\n< 04 0F 02 27 9B\n> 80 00 00\ngone")
	})
}

// within wants a call to take no longer than a while.
func within(most time.Duration, do act) act {
	return func(ctx context.Context, d *zvt.Terminal) string {
		start := time.Now()
		got := do(ctx, d)
		if took := time.Since(start); took > most {
			got += ", after " + took.String()
		}
		return got
	}
}

// TestMistake4: a status that comes a millisecond after the answer, or together with the ACK, is not thrown away when
// the driver sends next.
func TestMistake4(t *testing.T) {
	answer, status := framed(unhex(t, "80 00 00")), framed(unhex(t, "04 FF 01 0A"))
	for name, chunks := range map[string][][]byte{
		"a millisecond later": {{0x06}, answer, status},
		"all at once":         {append(append([]byte{0x06}, answer...), status...)},
		"the ACK with a half": {append([]byte{0x06}, answer[:4]...),
			append(answer[4:len(answer):len(answer)], status...)},
		"a half of the second":  {append(append([]byte{0x06}, answer...), status[:3]...), status[3:]},
		"the frames before ACK": {answer, status, {0x06}},
	} {
		t.Run(name, func(t *testing.T) {
			onRawLine(t, func(p *teller) {
				p.expect(wire...)
				for _, c := range chunks {
					p.send(c...)
					time.Sleep(time.Millisecond)
				}
				p.expect(0x06, 0x06)
				p.expect(framed([]byte{0x80, 0x00, 0x00})...)
				p.send(0x06)
			}, func(l *zvt.Serial) {
				if err := l.Send(command); err != nil {
					t.Error(err)
				}
				for _, class := range []byte{0x80, 0x04} {
					if a, err := l.Receive(t3); err != nil || a.Class != class {
						t.Errorf("got %v, %v, want class %02X", a, err, class)
					}
				}
				if err := l.Send(zvt.Ack()); err != nil || l.Repeats() != 0 {
					t.Errorf("%v after %d repeats", err, l.Repeats())
				}
			})
		})
	}
}

// TestAnAbortAfterT4: the till tries to abort a payment of which it heard nothing for T4, before it is ready again: a
// card that is shown afterwards must not be charged. What the terminal says to it counts (row B4.4 of the sheet).
func TestAnAbortAfterT4(t *testing.T) {
	silence := hello + asksHold + accepts + "\n~ 179s\n> 06 B0 00\n"
	asksCard := "\n> 06 C0 0F 0F | 19 10 | FC 01 | 06{1F15 01 D0 | 1F60 01 07}\n"
	stops := "< 80 00 00\n"
	dialogues(t, map[string]dialogue{
		"it stops, and says no more": {nil, acts{{timed(190*time.Second, holding), nothing + "unknown"}},
			[]string{silence + stops + "gone"}},
		"it stops": {nil, acts{{holding, nothing + "declined no_card 6C"}, {listing, "open [], all true, ok"}},
			[]string{silence + stops + aborts("6C") + noneOpen}},
		"too late, and it goes on": {nil, acts{{holding, held2500 + "ok"}},
			[]string{silence + "< 84 83 00\n~ 9s" + approves + complete}},
		"too late, and silence": {nil, acts{{timed(190*time.Second, holding), nothing + "unknown"}},
			[]string{silence + "< 84 83 00\n~ 9s\ngone 2s"}},
		"a card that is read": {nil, acts{{reading, "named false, declined no_card 6C"}},
			[]string{hello + asksCard + accepts + "~ 44s\n> 06 B0 00\n" + stops + aborts("6C")}},
	})
}
