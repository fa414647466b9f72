package zvt_test

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/terminal/zvt"
)

// Parts of scripts. The registration and its completion are those of PA00P015 chapter 5; results are recorded ones.
const (
	hello = `
		> 06 00 0A 123456 3E 0978 | 03 01 | 06{}
		< 80 00 00
		< 06 0F LL 19 00 29 65000028 49 0978 06 06 26 04 0A 02 06D3
		> 80 00 00
	`
	asksHold = `
		> 06 22 LL | 04 000000002500 | 49 0978 | 19 40 | ` + holdObjects + `
	`
	holdObjects = `06{15 02 6465 | 1F5B 01 2D | E9 0F 1F62 02 4556 1F63 07 41424331323334}`
	ourNote     = `06{E9 0F 1F62 02 4556 1F63 07 41424331323334}`
	present     = `
		< 04 FF 01 0A
		> 80 00 00
	`
	holdResult = `04 0F LL 27 00 04 000000002500 49 0978 0C 225558 0D 0405 22 F0F8 559883EEEEEE8074 87 0231
		3B 3735303037310000 0B 000975 19 60 29 52523535 0E 2405 8A 06 8C 01 8B F1F1 4D61737465724361726400
		2A 383034303131393236202020202020`
	releaseResult = `04 0F LL 27 00 04 000000000000 49 0978 0C 225558 0D 0405 22 F0F8 559883EEEEEE8074 87 0232
		3B 3735303037310000 0B 000977 19 60 29 52523535 0E 2405 8A 06 8C 01 8B F1F1 4D61737465724361726400
		2A 383034303131393236202020202020`
	yes = `
		> 80 00 00
	`
	complete = `
		< 06 0F 00
		> 80 00 00
	`
	noneOpen = `
		> 06 23 03 87 FFFF
		< 80 00 00
		< 06 1E 04 B8 87 FFFF
		> 80 00 00
	`
	asksStatus = `
		> 05 01 05 123456 03 05
		< 80 00 00
	`
	isReady = asksStatus + `
		< 06 0F 0B F0F0F7 322E31342E3135 00
		> 80 00 00
	`
)

// says is a line of a script that the terminal says, which may be written over several.
func says(text string) string { return "\n< " + strings.Join(strings.Fields(text), " ") + "\n" }

var (
	approves = says(holdResult) + yes
	releases = says(releaseResult) + yes
)

// books is the result of a capture: its own receipt number, and the amount that was taken (PA00P015 2.10).
func books(amount string) string {
	return says("04 0F LL 27 00 04 "+amount+" 49 0978 0C 231500 0D 0405 87 0232 0B 000977") + yes
}

// accepts is a terminal's answer to a command, and what it says on the way.
const accepts = "\n< 80 00 00\n"

// TestDialogueOfARegistration: nothing is sold before the terminal is ours, in its full form or in the nine bytes that
// each terminal takes (PA00P015 2.1), and what it says of the password or the currency reaches the operator.
func TestDialogueOfARegistration(t *testing.T) {
	plain := `
		> 06 00 06 123456 3E 0978
		< 80 00 00
		< 06 0F LL 19 00 29 65000028 49 0978
		> 80 00 00
	`
	dialogues(t, map[string]dialogue{
		"in full": {nil, acts{{listing, "open [], all true, ok"}}, []string{hello + noneOpen}},
		"with message numbers": {nil, acts{{listing, "open [], all true, ok"}}, []string{`
			> 06 00 0A 123456 3E 0978 | 03 01 | 06{}
			< 80 00 00
			< 06 0F 18 19 00 29 65000028 49 0978 06 0C 26 04 0A 02 06D3 1F73 03 000000
			> 80 00 00
			` + noneOpen}},
		"84 00 is a yes": {nil, acts{{listing, "open [], all true, ok"}}, []string{`
			> 06 00 0A 123456 3E 0978 | 03 01 | 06{}
			< 84 00 00
			< 06 0F LL 19 00 29 65000028 49 0978
			> 80 00 00
			` + noneOpen}},
		"an answer with data": {nil, acts{{listing, "open [], all true, ok"}}, []string{`
			> 06 00 0A 123456 3E 0978 | 03 01 | 06{}
			< 80 00 08 06 06 1F73 03 000001
			< 06 0F 00
			> 80 00 00
			` + noneOpen}},
		"older": {nil, acts{{listing, "open [], all true, ok"}, {listing, "open [], all true, ok"}}, []string{`
			> 06 00 0A 123456 3E 0978 | 03 01 | 06{}
			< 84 83 00
			` + plain + noneOpen + noneOpen}},
		"it prints first": {nil, acts{{listing, "open [], all true, ok"}}, []string{`
			> 06 00 0A 123456 3E 0978 | 03 01 | 06{}
			< 80 00 00
			< 04 FF 02 C9 02                         # automatic diagnosis
			> 80 00 00
			< 06 D1 17 00 2020202020202020204B617373656E7363686E697474
			> 80 00 00
			< 06 0F LL 19 00 29 65000028 49 0978
			> 80 00 00
			` + noneOpen}},
	})
}

// TestARegistrationThatIsRefused: a wrong password and a wrong currency are named as such, and nothing is asked of the
// terminal afterwards (PA00P015 2.1, chapter 10).
func TestARegistrationThatIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		says string
		err  error
	}{
		"wrong password":            {"84 37 00", zvt.ErrPassword},
		"wrong currency":            {"84 6F 00", zvt.ErrRefused},
		"end-of-day is outstanding": {"84 F0 00", zvt.ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			code := unhex(t, c.says)[1]
			no := []zvt.APDU{zvt.Nack(code)}
			s := &strange{answers: map[string][][]zvt.APDU{"0600": {no, no, no, no, no, no}}}
			meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
				_, recorded, err := hold(d)
				if recorded != 0 || !errors.Is(err, c.err) || !errors.Is(err, kiosk.ErrUnreachable) {
					t.Errorf("it gave %v, recorded %d", err, recorded)
				}
			})
			if strings.Contains(s.names(), "0622") {
				t.Errorf("it was told %s", s.names())
			}
		})
	}
}

// TestDialogueOfAHold: the driver asks for what the person agreed to, keeps what the terminal approved, and answers
// each message once (PA00P015 2.8; 2.2.4 to 2.2.10 for the messages on the way).
func TestDialogueOfAHold(t *testing.T) {
	ok := acts{{holding, "hold 231 of 2500, recorded [231 of 2500], ok"}}
	dialogues(t, map[string]dialogue{
		"approved": {nil, ok, []string{hello + asksHold + accepts + present + `
			< 04 FF 02 17 03
			> 80 00 00
			< 04 FF 01 4B                             # remove the card: its answer acknowledges no payment
			> 80 00 00
			` + approves + complete}},
		"approved for less": {nil, acts{{holding, "hold 231 of 1800, recorded [231 of 1800], ok"}}, []string{
			hello + asksHold + accepts + says("04 0F LL 27 00 04 000000001800 49 0978 87 0231 0B 000975") + yes +
				complete}},
		"fields in another order": {nil, ok, []string{hello + asksHold + accepts +
			says("04 0F LL 8A 06 87 0231 0B 000975 04 000000002500 27 00") + yes + complete}},
		"with prints": {nil, ok, []string{hello + asksHold + accepts + `
			< 06 D3 LL 06 0B 1F07 01 02 25 05 07 03 414243     # a customer's receipt
			> 80 00 00
			< 06 D1 01 00
			> 80 00 00
			< 06 D1 01 00                              # the next empty line, no repeat
			> 80 00 00
			` + approves + complete}},
		"84 00 is a yes": {nil, ok, []string{hello + asksHold + "\n< 84 00 00\n" + approves + complete}},
		"clock of the terminal": {nil, ok, []string{hello + asksHold + accepts + `
			< 04 01 08 AA 261129 0C 123456
			> 80 00 00
			` + approves + complete}},
		"its own question is refused": {nil, ok, []string{hello + asksHold + accepts + `
			< 06 E1 03 F0 05 F9                        # keys that a kiosk does not have
			> 84 83 00
			` + approves + complete}},
		"declined": {nil, acts{{holding, "hold  of 0, recorded [], declined issuer 05"}}, []string{hello + asksHold +
			accepts + present + `
			< 04 0F LL 27 05 04 000000002500 49 0978
			> 80 00 00
			< 06 1E 01 05
			> 80 00 00
			`}},
		"declined, and completed": {nil, acts{{holding, "hold  of 0, recorded [], declined issuer 71"}}, []string{
			hello + asksHold + accepts + `
			< 04 0F 02 27 71
			> 80 00 00
			` + complete}},
		"no card": {nil, acts{{holding, "hold  of 0, recorded [], declined no_card 6C"}}, []string{hello + asksHold +
			accepts + present + `
			< 06 1E 01 6C
			> 80 00 00
			`}},
	})
}

// TestTwoHoldsOverOneLine: the terminal stays registered, and a second person is not made to wait for the first's
// dialogue (PA00P015 2.1).
func TestTwoHoldsOverOneLine(t *testing.T) {
	second := says("04 0F LL 27 00 04 000000001000 49 0978 87 0232 0B 000976") + yes
	dialogues(t, map[string]dialogue{"two": {nil, acts{
		{holding, "hold 231 of 2500, recorded [231 of 2500], ok"},
		{holdOf(1000), "hold 232 of 1000, recorded [232 of 1000], ok"},
	}, []string{hello + asksHold + accepts + approves + complete + `
		> 06 22 LL | 04 000000001000 | 49 0978 | 19 40 | ` + holdObjects + accepts + second + complete}}})
}

// TestWhatIsKeptOfAHold: the receipt that a person gets names their card, and the settlement finds the hold by its
// numbers (PA00P015 3.1.1). The result is one of a Feig terminal, to the byte.
func TestWhatIsKeptOfAHold(t *testing.T) {
	emv := "06 24 2F 0C 1F10 01 00 1F11 01 01 1F12 01 02 60 09 43 07 A0000000041010 1F14 08 0102030405060708"
	talk(t, withKey, func(t *testing.T, d *zvt.Terminal) {
		h, err := d.Hold(t.Context(), kiosk.HoldRequest{Reference: "ABC1234", Amount: eur(2500), Language: "de",
			CardWait: 45 * time.Second, OnApproved: func(kiosk.Hold) error { return nil }})
		if err != nil {
			t.Fatal(err)
		}
		if h.Card == "" {
			t.Error("a card that the terminal identifies has no token")
		}
		h.At, h.Card = time.Time{}, ""
		want := kiosk.Hold{ID: "231", TraceNo: "000975", TerminalID: "65000028", Approved: eur(2500),
			AuthCode: "750071", CardName: "MasterCard", Last4: "8074", AID: "A0000000041010", EntryMode: "contactless",
			CVM: "none", Stamp: "0405 225558"}
		if h != want {
			t.Errorf("it is %+v, want %+v", h, want)
		}
	}, hello+asksHold+accepts+says(holdResult+emv)+yes+complete)
}

// TestNothingIsAcknowledgedBeforeItIsWritten: while the kiosk writes a result to its disk, the terminal hears no
// answer; a power cut then leaves nothing held (PA00P015 2.2.6 and 2.2.9).
func TestNothingIsAcknowledgedBeforeItIsWritten(t *testing.T) {
	slow := func() error { time.Sleep(3 * time.Second); return nil }
	silence := "\n~ 2900ms\n"
	t.Run("hold", func(t *testing.T) {
		talk(t, nil, func(t *testing.T, d *zvt.Terminal) {
			_, err := d.Hold(t.Context(), kiosk.HoldRequest{Reference: "ABC1234", Amount: eur(2500), Language: "de",
				CardWait: 45 * time.Second, OnApproved: func(kiosk.Hold) error { return slow() }})
			if err != nil {
				t.Error(err)
			}
		}, hello+asksHold+accepts+says(holdResult)+silence+yes+complete)
	})
	t.Run("capture", func(t *testing.T) {
		talk(t, nil, func(t *testing.T, d *zvt.Terminal) {
			_, err := d.Capture(t.Context(), kiosk.CaptureRequest{Reference: "ABC1234", Hold: held("231", 2500),
				Used: eur(2500), OnBooked: func(kiosk.CaptureResult) error { return slow() }})
			if err != nil {
				t.Error(err)
			}
		}, hello+asksCapture("000000000000")+accepts+strings.Replace(books("000000002500"), yes, silence+yes, 1)+
			complete)
	})
}

// asksCapture is a partial reversal of receipt 231 that gives an amount back.
func asksCapture(released string) string {
	return "\n> 06 23 LL | 87 0231 | 04 " + released + " | 19 40 | 49 0978 | " + ourNote + "\n"
}

// TestAResultThatCannotBeWritten: the disk is full, the terminal is told no, and it reverses (PA00P015 2.2.7).
func TestAResultThatCannotBeWritten(t *testing.T) {
	full := errors.New("disk is full")
	for name, c := range map[string]struct{ script, want string }{
		"and says so":       {"\n< 06 1E 01 6C\n", "declined not_written 6C"},
		"and completes":     {"\n< 06 0F 00\n", "unknown"}, // what it did is not said: its list tells
		"and says it again": {says(holdResult) + "> 84 6C 00\n< 06 1E 01 6C\n", "declined not_written 6C"},
	} {
		t.Run(name, func(t *testing.T) {
			talk(t, nil, func(t *testing.T, d *zvt.Terminal) {
				tries := 0
				h, err := d.Hold(t.Context(), kiosk.HoldRequest{Reference: "ABC1234", Amount: eur(2500), Language: "de",
					CardWait: 45 * time.Second, OnApproved: func(kiosk.Hold) error { tries++; return full }})
				if outcome(err) != c.want || h.ID != "" || tries != 1 {
					t.Errorf("it gave %+v, %v after %d tries", h, err, tries)
				}
			}, hello+asksHold+accepts+says(holdResult)+"> 84 6C 00\n"+c.script+yes)
		})
	}
}

// TestDialogueOfACapture: the person pays what they used and not its complement, whichever of the two commands the
// terminal wants (PA00P015 2.10, 06 23: what is given back; 2.12, 06 24: what is taken, with trace number and
// authorisation of the reservation).
func TestDialogueOfACapture(t *testing.T) {
	used := func(amount string) string {
		return "\n> 06 24 LL | 87 0231 | 04 " + amount + " | 0B 000975 | 3B 3735303037310000 | 19 40 | 49 0978 | " +
			ourNote + "\n"
	}
	h := held("231", 2500)
	dialogues(t, map[string]dialogue{
		"06 23, a part": {nil, acts{{capturing(h, 1205), "booked 1205 by 232, recorded 1, ok"}},
			[]string{hello + asksCapture("000000001295") + accepts + books("000000001205") + complete}},
		"06 23, a cent": {nil, acts{{capturing(h, 1), "booked 1 by 232, recorded 1, ok"}},
			[]string{hello + asksCapture("000000002499") + accepts + books("000000000001") + complete}},
		"06 23, all": {nil, acts{{capturing(h, 2500), "booked 2500 by 232, recorded 1, ok"}},
			[]string{hello + asksCapture("000000000000") + accepts + books("000000002500") + complete}},
		"06 24, a part": {byUsed, acts{{capturing(h, 1205), "booked 1205 by 232, recorded 1, ok"}},
			[]string{hello + used("000000001205") + accepts + books("000000001205") + complete}},
		"06 24, all": {byUsed, acts{{capturing(h, 2500), "booked 2500 by 232, recorded 1, ok"}},
			[]string{hello + used("000000002500") + accepts + books("000000002500") + complete}},
		"of what was approved, not of what was asked for": {nil, acts{
			{capturing(held("231", 1800), 1205), "booked 1205 by 232, recorded 1, ok"}},
			[]string{hello + asksCapture("000000000595") + accepts + books("000000001205") + complete}},
		"another amount is booked": {nil, acts{{capturing(h, 1205), "booked 1295 by 232, recorded 1, ok"}},
			[]string{hello + asksCapture("000000001295") + accepts + books("000000001295") + complete}},
		"the amount is too high for it": {nil, acts{
			{capturing(h, 1205), "booked 0 by , recorded 0, declined terminal B7"}},
			[]string{hello + asksCapture("000000001295") + accepts + `
			< 06 1E 01 B7
			> 80 00 00
			`}},
		"no such hold": {nil, acts{{capturing(h, 1205), "booked 0 by , recorded 0, declined no_hold B4"}},
			[]string{hello + asksCapture("000000001295") + "\n< 84 B4 00\n"}},
	})
}

// TestACaptureOfALongTraceNumber: a terminal with more than 999999 turnovers keeps its trace number in tag 1F2B, and
// field 0B is then 000000, in what the kiosk sends too (PA00P015 2.12 and 9.4).
func TestACaptureOfALongTraceNumber(t *testing.T) {
	s := &strange{answers: map[string][][]zvt.APDU{"0622": {approved(5000, zvt.BCD(0x0B, 0, 3),
		zvt.Container(zvt.Object(0x1F2B, 0x12, 0x34, 0x56, 0x78)))}}}
	meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
		h, _, err := hold(d)
		if err != nil || h.TraceNo != "12345678" {
			t.Fatalf("%+v, %v", h, err)
		}
		if _, err := capture(d, h); err != nil {
			t.Fatal(err)
		}
	})
	m := parse(t, s.got[2].Bytes())
	if v, ok := m.Get(0x0B); !ok || string(v) != "\x00\x00\x00" {
		t.Errorf("field 0B is % X, want 000000", v)
	}
	if v, ok := m.Find(0x1F2B); !ok || string(v) != "\x12\x34\x56\x78" {
		t.Errorf("tag 1F2B is % X, want 12345678", v)
	}
}

// TestDialogueOfARelease: nothing was used, and the whole hold goes back to the card (PA00P015 2.13). The command and
// its result are recorded ones; the receipt's block has a length of two bytes.
func TestDialogueOfARelease(t *testing.T) {
	asks := "\n> 06 25 08 | 19 40 | 87 0231 | 49 0978\n"
	block := ""
	for _, r := range recordings(t, "feig-apdus.txt") {
		if strings.Contains(r.what, "text block") {
			block = says(hex.EncodeToString(r.data)) + yes
		}
	}
	dialogues(t, map[string]dialogue{
		"released": {nil, acts{{releasing("231"), "booked 0 by 232, recorded 1, ok"}},
			[]string{hello + asks + accepts + block + releases + complete}},
		"receipt 1010": {nil, acts{{releasing("1010"), "booked 0 by 232, recorded 1, ok"}},
			[]string{hello + "\n> 06 25 08 | 19 40 | 87 1010 | 49 0978\n" + accepts + releases + complete}},
		"already reversed": {nil, acts{{releasing("231"), "booked 0 by , recorded 0, declined no_hold B4"}},
			[]string{hello + asks + accepts + `
			< 04 0F 02 27 B4
			> 80 00 00
			< 06 1E 01 B4
			> 80 00 00
			`}},
		"by another terminal": {nil, acts{{func(ctx context.Context, d *zvt.Terminal) string {
			_, err := d.Release(ctx, kiosk.ReleaseRequest{ID: "231", TerminalID: "52523535"})
			return outcome(err)
		}, "unreachable"}}, []string{hello}},
	})
}

// TestDialogueOfTheOpenList: what is held and forgotten is found, all at once or one at a time (PA00P015 2.10.1).
func TestDialogueOfTheOpenList(t *testing.T) {
	list := func(answer string) string {
		return "\n> 06 23 03 87 FFFF\n" + accepts + "\n< " + answer + "\n> 80 00 00\n"
	}
	dialogues(t, map[string]dialogue{
		"none":     {nil, acts{{listing, "open [], all true, ok"}}, []string{hello + list("06 1E 04 B8 87 FFFF")}},
		"only one": {nil, acts{{listing, "open [231], all false, ok"}}, []string{hello + list("06 1E 04 B8 87 0231")}},
		"all": {nil, acts{{listing, "open [231 232 1010], all true, ok"}}, []string{hello +
			list("06 1E LL B8 87 0231 06 0E 23 0C 08 02 0231 08 02 0232 08 02 1010")}},
		"one after the other": {nil, acts{
			{listing, "open [231], all false, ok"}, {releasing("231"), "booked 0 by 232, recorded 1, ok"},
			{listing, "open [], all true, ok"}},
			[]string{hello + list("06 1E 04 B8 87 0231") + "\n> 06 25 08 | 19 40 | 87 0231 | 49 0978\n" + accepts +
				releases + complete + list("06 1E 04 B8 87 FFFF")}},
		"status first": {nil, acts{{listing, "open [], all true, ok"}}, []string{hello +
			"\n> 06 23 03 87 FFFF\n" + accepts + "\n< 04 FF 01 06\n> 80 00 00\n< 06 1E 04 B8 87 FFFF\n> 80 00 00\n"}},
		"a terminal without a host": {nil, acts{{listing, "open [], all false, declined host 9B"}}, []string{hello +
			list("06 1E 01 9B")}},
	})
}

// TestDialogueOfTheLastResult: after a line broke, what was booked is told once more and is not printed again
// (PA00P015 2.16, service byte 03).
func TestDialogueOfTheLastResult(t *testing.T) {
	asks := "\n> 06 20 05 123456 03 03\n"
	dialogues(t, map[string]dialogue{
		"a capture": {nil, acts{{asking, "last 1205 by 232 of 000977, ok"}},
			[]string{hello + asks + accepts + books("000000001205") + complete}},
		"a release": {nil, acts{{asking, "last 0 by 232 of 000977, ok"}},
			[]string{hello + asks + accepts + releases + complete}},
		"it has none": {nil, acts{{asking, "last 0 by  of , declined terminal FF"}},
			[]string{hello + asks + accepts + "\n< 06 1E 01 FF\n> 80 00 00\n"}},
		"nothing comes": {nil, acts{{asking,
			"last 0 by  of , error: terminal did not repeat its last result"}},
			[]string{hello + asks + accepts + complete}},
	})
}

// TestDialogueOfAnEndOfDay: the day's total reaches the operator, what the terminal prints is answered, and an update
// that follows it is no fault (PA00P015 2.15).
func TestDialogueOfAnEndOfDay(t *testing.T) {
	asks := "\n> 06 50 03 123456\n"
	total := says(`04 0F LL 27 00 04 000000123456 49 0978 0B 000980 0C 235900 0D 0405
		60 F0F5F3 0230 0234 01 000000001205`+strings.Repeat(" 00 000000000000", 6)) + yes
	prints := `
		< 06 D1 17 00 2020202020202020204B617373656E7363686E697474
		> 80 00 00
		< 06 D3 LL 06 0B 1F07 01 03 25 05 09 01 81 07 00
		> 80 00 00
	`
	dialogues(t, map[string]dialogue{
		"done": {nil, acts{{ending, "total 123456 EUR, ok"}}, []string{hello + asks + accepts + `
			< 04 FF 01 06
			> 80 00 00
			` + total + prints + complete}},
		"an update follows": {nil, acts{{ending, "total 123456 EUR, ok"}}, []string{hello + asks + accepts + total + `
			< 06 0F 02 27 E0
			> 80 00 00
			`}},
		"without totals": {nil, acts{{ending, "no total, ok"}}, []string{hello + asks + accepts + complete}},
		"not possible": {nil, acts{{ending, "no total, declined terminal 77"}}, []string{hello + asks + accepts + `
			< 06 1E 01 77
			> 80 00 00
			`}},
		"without a host": {nil, acts{{ending, "no total, declined host 9B"}}, []string{hello + asks + accepts + `
			< 04 0F 02 27 9B
			> 80 00 00
			< 06 1E 01 9B
			> 80 00 00
			`}},
	})
}

// TestDialogueOfACardThatIsRead: a person shows their card to stop, nothing is taken, and the dialogue ends with the
// result: no completion follows (PA00P015 2.18). The results are recorded ones.
func TestDialogueOfACardThatIsRead(t *testing.T) {
	asks := "\n> 06 C0 0F 0F | 19 10 | FC 01 | 06{1F15 01 D0 | 1F60 01 07}\n"
	bank := says(`04 0F LL 27 00 06 31 4C 0A 000000000000081CA72F 1F45 05 0578807002 1F4C 01 01 1F4D 02 FE04
		1F4F 02 0400 1F50 01 20 60 09 43 07 A0000000041010`) + yes
	item := says(`04 0F LL 27 00 06 16 1F14 08 0102030405060708 60 09 43 07 A0000000041010`) + yes
	tag := says(`04 0F LL 27 00 06 1E 4C 0A 0000000463C8B2AE4F80 1F4C 01 01 1F4D 02 0003 1F4F 02 4400 1F50 01 00`) + yes
	dialogues(t, map[string]dialogue{
		"a card with an item": {withKey, acts{{reading, "named true, ok"}, {listing, "open [], all true, ok"}},
			[]string{hello + asks + accepts + present + item + noneOpen}},
		"a bank card of which nothing is stable": {withKey, acts{{reading, "named false, ok"}},
			[]string{hello + asks + accepts + bank}},
		"a tag": {withKey, acts{{reading, "named false, ok"}}, []string{hello + asks + accepts + tag}},
		"without a code": {withKey, acts{{reading, "named true, ok"}},
			[]string{hello + asks + accepts + strings.Replace(item, "27 00 ", "", 1)}},
		"no card": {nil, acts{{reading, "named false, declined no_card 6C"}},
			[]string{hello + asks + accepts + "\n< 06 1E 01 6C\n> 80 00 00\n"}},
		"end-of-day overdue": {nil, acts{{reading, "named false, declined day_end F0"}},
			[]string{hello + asks + "\n< 84 F0 00\n"}},
	})
}

// TestTheSameCardHasTheSameToken, in a hold and when it is shown again; a random number of a telephone is none
// (PA00P015 9.4, tag 1F14).
func TestTheSameCardHasTheSameToken(t *testing.T) {
	item := func(hex string) string { return "06 0B 1F14 08 " + hex }
	asks := "\n> 06 C0 LL 0F | 19 10 | FC 01 | 06{1F15 01 D0 | 1F60 01 07}\n" + accepts
	card := func(hex string) string { return says("04 0F LL 27 00 "+item(hex)) + yes }
	talk(t, withKey, func(t *testing.T, d *zvt.Terminal) {
		h, err := d.Hold(t.Context(), kiosk.HoldRequest{Reference: "ABC1234", Amount: eur(2500), Language: "de",
			CardWait: 45 * time.Second, OnApproved: func(kiosk.Hold) error { return nil }})
		if err != nil {
			t.Fatal(err)
		}
		for i, same := range []bool{true, false} {
			token, err := d.ReadCard(t.Context(), 15*time.Second)
			if err != nil || token == "" || (token == h.Card) != same {
				t.Errorf("card %d: %q, %v; that of the hold is %q", i+1, token, err, h.Card)
			}
		}
	}, hello+asksHold+accepts+says(holdResult+item("0102030405060708"))+yes+complete+asks+card("0102030405060708")+
		asks+card("0102030405060709"))
}

// TestDialogueOfAnAbort: a person presses cancel. What counts is the terminal's last word: a payment that cannot be
// stopped any more is a payment (PA00P015 2.21).
func TestDialogueOfAnAbort(t *testing.T) {
	none := "hold  of 0, recorded [], declined no_card 6C"
	for name, c := range map[string]struct{ want, script string }{
		"ends": {none, `
			> 06 B0 00
			< 80 00 00
			< 06 1E 01 6C
			> 80 00 00
			`},
		"ends with a result": {none, `
			> 06 B0 00
			< 80 00 00
			< 04 0F 02 27 6C
			> 80 00 00
			< 06 1E 01 6C
			> 80 00 00
			`},
		"too late": {"hold 231 of 2500, recorded [231 of 2500], ok", `
			> 06 B0 00
			< 84 83 00
			~ 20s
			< 04 FF 01 04
			` + yes + approves + complete},
		"a status crosses it": {none, `
			> 06 B0 00
			< 04 FF 01 17
			> 80 00 00
			< 80 00 00
			< 06 1E 01 6C
			> 80 00 00
			`},
		"approved before it": {"hold 231 of 2500, recorded [231 of 2500], ok", `
			> 06 B0 00
			` + approves + "\n< 84 83 00\n" + complete},
	} {
		t.Run(name, func(t *testing.T) {
			talk(t, nil, func(t *testing.T, d *zvt.Terminal) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				if got := holding(ctx, d); got != c.want {
					t.Errorf("it gave %q, want %q", got, c.want)
				}
			}, hello+asksHold+accepts+present+c.script)
		})
	}
	t.Run("of a card that is read", func(t *testing.T) {
		talk(t, nil, func(t *testing.T, d *zvt.Terminal) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if got := reading(ctx, d); got != "named false, declined no_card 6C" {
				t.Errorf("it gave %q", got)
			}
		}, hello+"\n> 06 C0 0F 0F | 19 10 | FC 01 | 06{1F15 01 D0 | 1F60 01 07}\n"+accepts+`
			> 06 B0 00
			< 80 00 00
			< 06 1E 01 6C
			> 80 00 00
			`)
	})
}

// TestDialogueOfWhatATerminalNeeds: initialisation has the password, diagnosis has nothing, and the terminal is asked
// again afterwards (PA00P015 2.16, 2.17, 2.27; chapter 3.1 for the order).
func TestDialogueOfWhatATerminalNeeds(t *testing.T) {
	wants := func(status string) string {
		return asksStatus + "\n< 06 0F 0B F0F0F7 322E31342E3135 " + status + "\n> 80 00 00\n"
	}
	dialogues(t, map[string]dialogue{
		"nothing": {nil, acts{{readying, "ok"}}, []string{hello + isReady}},
		"initialisation": {nil, acts{{readying, "ok"}}, []string{hello + wants("51") + `
			> 06 93 03 123456
			< 80 00 00
			< 04 FF 01 CA
			> 80 00 00
			` + complete + isReady}},
		"diagnosis": {nil, acts{{readying, "ok"}}, []string{hello + wants("C2") + `
			> 06 70 00
			< 80 00 00
			< 04 FF 01 C9
			> 80 00 00
			< 06 D1 17 00 2020202020202020204B617373656E7363686E697474
			> 80 00 00
			` + complete + isReady}},
		"a diagnosis that fails": {nil, acts{{readying, "declined terminal C2"}}, []string{hello + wants("C2") + `
			> 06 70 00
			< 80 00 00
			< 06 1E 01 FF
			> 80 00 00
			` + wants("C2")}},
		"the clock": {nil, acts{{readying, "ok"}}, []string{hello + wants("62") + `
			> 06 70 00
			< 80 00 00
			< 04 01 08 AA 261129 0C 123456
			> 80 00 00
			` + complete + isReady}},
		"status alone": {nil, acts{{readying, "declined card_in DC"}}, []string{hello + asksStatus + `
			< 06 0F 01 DC
			> 80 00 00
			`}},
	})
}

// TestWhatATerminalSaysOfItself: the host sees which terminal it is, whatever the length of its software's name
// (PA00P015 2.27; recorded at a Feig terminal, and with a name that is a character shorter).
func TestWhatATerminalSaysOfItself(t *testing.T) {
	objects := `06 5B 1F44 04 52523535 E4 43 1F40 0A 6356454E4420706C7567 1F41 28 4745522D4150502D76322E302E393B
		635330322E30312E30312D31302E31302D322D323B43433236 1F42 04 17FD1E3C 1F43 01 00
		34 0D 1F0E 04 20230405 1F0F 03 225655`
	long := "4745522D4150502D76322E302E393B635330322E30312E30312D31302E31302D322D323B43433236"
	for text, head := range map[string]string{"GER-APP-v2.0.9;cS02.01.01-10.10-2-2;CC26": "F0F4F0" + long,
		"ER-APP-v2.0.9;cS02.01.01-10.10-2-2;CC26": "F0F3F9" + long[2:], "": "F0F0F0"} {
		t.Run(text, func(t *testing.T) {
			talk(t, nil, func(t *testing.T, d *zvt.Terminal) {
				s, err := d.Status(t.Context())
				if err != nil || s.Software != text || s.Code != "00" || s.TerminalID != "52523535" ||
					s.Serial != "17fd1e3c" || s.Date != "2023-04-05" || s.Time != "22:56:55" || s.NotReady != nil {
					t.Errorf("it is %+v, %v", s, err)
				}
			}, hello+asksStatus+says("06 0F LL "+head+" 00 "+strings.Join(strings.Fields(objects), " "))+yes)
		})
	}
}

// TestAnotherCurrencyIsToldByNumber: a site in Switzerland registers with the francs' number (PA00P015 1.3).
func TestAnotherCurrencyIsToldByNumber(t *testing.T) {
	francs := func(c *zvt.Config) { c.Currency = "CHF" }
	dialogues(t, map[string]dialogue{"CHF": {francs, acts{{listing, "open [], all true, ok"}}, []string{`
		> 06 00 0A 123456 3E 0756 | 03 01 | 06{}
		< 80 00 00
		< 06 0F LL 19 00 29 65000028 49 0756
		> 80 00 00
		` + noneOpen}}})
}

// TestAMessageInPieces: over TCP a result may come byte by byte, and two messages in one piece (PA00P016 6).
func TestAMessageInPieces(t *testing.T) {
	whole := append(unhex(t, "80 00 00 04 FF 01 0A"),
		withLength(t, strings.Join(strings.Fields(holdResult), " "))...)
	for _, size := range []int{1, 2, 3, 7, len(whole)} {
		synctest.Test(t, func(t *testing.T) {
			p := &pieces{size: size, answer: whole}
			d := over(p.serve, zvt.Config{Password: "123456", Capture: zvt.CaptureUsed, Currency: "EUR"},
				discard)
			if got := holding(t.Context(), d); got != "hold 231 of 2500, recorded [231 of 2500], ok" {
				t.Errorf("pieces of %d: %s", size, got)
			}
			d.Close()
			time.Sleep(time.Hour)
		})
	}
}

var discard = slog.DiscardHandler

// pieces answers a hold in pieces of a size, whatever the driver says meanwhile.
type pieces struct {
	size   int
	answer []byte
}

func (p *pieces) serve(line net.Conn) {
	link := zvt.NewStream(line)
	defer link.Close()
	for {
		a, err := link.Receive(time.Hour)
		if err != nil {
			return
		}
		switch {
		case a.Is(0x06, 0x00):
			for _, m := range usual["0600"] {
				link.Send(m)
			}
		case a.Is(0x06, 0x22):
			for b := range slices.Chunk(p.answer, p.size) {
				line.Write(b)
				time.Sleep(50 * time.Millisecond)
			}
			link.Send(zvt.Command(0x06, 0x0F, nil))
		}
	}
}

// TestAFailedResultBeforeTheApproved: a terminal ends its day by itself before a payment, which may fail, and then
// approves the hold. What was acknowledged and completed stands: the money is held (PA00P015 2.2.9, 2.15).
func TestAFailedResultBeforeTheApproved(t *testing.T) {
	dayFails := "\n< 04 FF 01 0F\n> 80 00 00\n< 04 0F 02 27 77\n> 80 00 00\n~ 2s"
	ok := acts{{holding, held2500 + "ok"}}
	dialogues(t, map[string]dialogue{
		"a hold": {nil, ok, []string{hello + asksHold + accepts + dayFails + approves + complete}},
		"a hold for which a card is waited for": {nil, ok, []string{hello + asksHold + accepts + dayFails + present +
			"~ 100s\n< 04 FF 01 17\n> 80 00 00\n~ 100s" + approves + "~ 20s" + complete}},
		"a card that is not shown": {nil, acts{{holding, nothing + "declined no_card 6C"}}, []string{hello + asksHold +
			accepts + dayFails + present + "~ 45s" + aborts("6C")}},
		"a completion that is late": {nil, ok, []string{hello + asksHold + accepts + dayFails + approves + "~ 20s" +
			complete}},
		"a capture": {nil, acts{{capturing(held("231", 2500), 1205), "booked 1205 by 232, recorded 1, ok"}},
			[]string{hello + asksCapture("000000001295") + accepts + dayFails + books("000000001205") + complete}},
	})
}

// TestWhatWasAcknowledgedIsNeverDeclined: the terminal keeps a result that the kiosk acknowledged. Whatever it says
// afterwards, only its list tells what became of it (PA00P015 2.2.9).
func TestWhatWasAcknowledgedIsNeverDeclined(t *testing.T) {
	h := held("231", 2500)
	captures := hello + asksCapture("000000001295") + accepts
	fail := "\n< 04 0F 02 27 6C\n> 80 00 00\n"
	unnumbered := says("04 0F LL 27 00 04 000000001205") + yes
	dialogues(t, map[string]dialogue{
		"a hold, and a failed result": {nil, acts{{holding, held2500 + "unknown"}},
			[]string{hello + asksHold + accepts + approves + fail + complete}},
		"a hold, and a failed result and no end": {nil, acts{{holding, held2500 + "unknown"}},
			[]string{hello + asksHold + accepts + approves + fail + "gone"}},
		"a hold, and a result that is none": {nil, acts{{holding, held2500 + "unknown"}},
			[]string{hello + asksHold + accepts + approves + says("04 0F LL 27 00 87 0233") + "> 84 6C 00\n" +
				complete}},
		"a hold, and a registration that is lost": {nil, acts{{holding, held2500 + "unknown"}},
			[]string{hello + asksHold + accepts + approves + aborts("6B")}},
		"a capture, and a failed result": {nil, acts{{capturing(h, 1205), "booked 1205 by 232, recorded 1, unknown"}},
			[]string{captures + books("000000001205") + fail + complete}},
		"a capture without a number, and an abort": {nil, acts{{capturing(h, 1205), unbooked + "unknown"}},
			[]string{captures + unnumbered + aborts("9B")}},
		"a release without a number, and a failed result": {nil, acts{{releasing("231"), unbooked + "unknown"}},
			[]string{hello + asksRelease + accepts + unnumbered + fail + aborts("6C")}},
	})
}

// TestADaysEndWithinAnotherDialogue: the terminal ends its day by itself while it is asked for something else; its
// result is acknowledged like the one of an end-of-day that was asked for, and is not turned back. A payment's is, and
// is never taken for a day's (PA00P015 2.15.4, 2.27).
func TestADaysEndWithinAnotherDialogue(t *testing.T) {
	const begins = "\n< 04 FF 01 0F\n> 80 00 00\n"
	total := says("04 0F LL 27 00 04 000000123456 49 0978 0B 000980") + yes
	day := begins + "~ 20s" + total + "~ 20s"
	ready := "\n< 06 0F 01 00\n> 80 00 00\n"
	asksCard := "\n> 06 C0 0F 0F | 19 10 | FC 01 | 06{1F15 01 D0 | 1F60 01 07}\n"
	turnedBack := says(holdResult) + "> 84 6C 00\n"
	dialogues(t, map[string]dialogue{
		"status": {nil, acts{{readying, "ok"}, {readying, "ok"}}, []string{hello + asksStatus + day + ready + isReady}},
		"status, with a card that is to be removed": {nil, acts{{readying, "ok"}}, []string{hello + asksStatus +
			strings.Replace(day, "01 0F", "01 4F", 1) + ready}},
		"status, and the day cannot be ended": {nil, acts{{readying, "declined day_end F0"}}, []string{hello +
			asksStatus + begins + "\n< 04 0F 02 27 77\n> 80 00 00\n" + "\n< 06 0F 01 F0\n> 80 00 00\n"}},
		"status, and a payment's result": {nil, acts{{readying, "ok"}}, []string{hello + asksStatus + begins +
			turnedBack + ready}},
		"status, and a result out of nowhere": {nil, acts{{readying, "ok"}}, []string{hello + asksStatus +
			strings.Replace(total, "80 00 00", "84 6C 00", 1) + ready}},
		"a list": {nil, acts{{listing, "open [], all true, ok"}}, []string{hello + "\n> 06 23 03 87 FFFF\n" + accepts +
			day + "\n< 06 1E 04 B8 87 FFFF\n> 80 00 00\n"}},
		"a hold": {nil, acts{{holding, held2500 + "ok"}}, []string{hello + asksHold + accepts + day + present +
			"~ 100s" + approves + complete}},
		"a hold without a receipt's number": {nil, acts{{holding, nothing + "unknown"}}, []string{hello + asksHold +
			accepts + day + complete}},
		"a card that is read": {withKey, acts{{reading, "named true, ok"}}, []string{hello + asksCard + accepts + day +
			present + says("04 0F LL 27 00 06 0B 1F14 08 0102030405060708") + yes}},
		"an end-of-day that was asked for": {nil, acts{{ending, "total 123456 EUR, ok"}}, []string{hello + asksDayEnd +
			accepts + day + complete}},
	})
}

// TestAResultLongAfterALateAbort: an abort that comes too late changes nothing: the payment goes on, for T4 where the
// terminal says nothing, and its result counts (PA00P015 2.21; PA00P016 3).
func TestAResultLongAfterALateAbort(t *testing.T) {
	talk(t, nil, func(t *testing.T, d *zvt.Terminal) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if got := holding(ctx, d); got != held2500+"ok" {
			t.Errorf("it gave %q", got)
		}
	}, hello+asksHold+accepts+present+"\n> 06 B0 00\n< 84 83 00\n~ 40s"+approves+complete)
}

// TestAWrongPasswordIsSaidOnce: some terminals lock themselves after wrong passwords; the operator is told, and the
// password is not tried again at once (PA00P015 2.1; a refusal with 37 or 6F is for a person).
func TestAWrongPasswordIsSaidOnce(t *testing.T) {
	for _, code := range []byte{0x37, 0x6F} {
		no := []zvt.APDU{zvt.Nack(code)}
		s := &strange{answers: map[string][][]zvt.APDU{"0600": {no, no, no, no}}}
		meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) { hold(d) })
		if n := strings.Count(s.names(), "0600"); n != 1 {
			t.Errorf("after 84 %02X it was told %s", code, s.names())
		}
	}
}

// TestAShortLongTrace: a terminal that writes its trace number in tag 1F2B gets it back there, with 000000 in 0B, also
// where it has no more than six digits (PA00P015 2.12 and 9.4).
func TestAShortLongTrace(t *testing.T) {
	s := &strange{answers: map[string][][]zvt.APDU{"0622": {approved(5000, zvt.BCD(0x0B, 0, 3),
		zvt.Container(zvt.Object(0x1F2B, 0x00, 0x12, 0x34, 0x56)))}}}
	meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
		h, _, err := hold(d)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := capture(d, h); err != nil {
			t.Fatal(err)
		}
	})
	m := parse(t, s.got[2].Bytes())
	trace, _ := m.Get(0x0B)
	if n, ok := m.Number(0x1F2B); !ok || n != 123456 || string(trace) != "\x00\x00\x00" {
		t.Errorf("1F2B is %d, %v; 0B is % X", n, ok, trace)
	}
}

// TestOneContainerInAMessage: a message has one container with all of its objects; a terminal that keeps fields by
// their number loses one of two (PA00P015 9.3).
func TestOneContainerInAMessage(t *testing.T) {
	s := &strange{}
	meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
		if _, err := capture(d, kiosk.Hold{ID: "231", Approved: eur(5000), TraceNo: "12345678"}); err != nil {
			t.Error(err)
		}
	})
	containers := 0
	for _, f := range parse(t, s.got[1].Bytes()).Fields {
		if f.Tag == 0x06 {
			containers++
		}
	}
	if containers != 1 {
		t.Errorf("06 24 has %d containers: % X", containers, s.got[1].Bytes())
	}
}

// TestWhatARegistrationAsksFor: the status byte of the registration says that an initialisation (01) or a diagnosis
// (02) is needed, and the terminal is told to do it before it sells, once (PA00P015 2.1). One without a status enquiry
// is told, too.
func TestWhatARegistrationAsksFor(t *testing.T) {
	for bits, want := range map[byte]string{0x00: "0600 0501 0501", 0x01: "0600 0501 0693 0501 0501",
		0x02: "0600 0501 0670 0501 0501", 0x13: "0600 0501 0693 0670 0501 0501"} {
		for _, enquiry := range [][][]zvt.APDU{nil, {{zvt.Nack(0x83)}, {zvt.Nack(0x83)}, {zvt.Nack(0x83)}}} {
			s := &strange{answers: map[string][][]zvt.APDU{"0600": {ok(zvt.Bin(0x19, bits))}, "0501": enquiry}}
			meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
				for range 2 {
					if err := d.Ready(t.Context()); err != nil {
						t.Error(err)
					}
					time.Sleep(time.Hour / 2)
				}
			})
			if s.names() != want {
				t.Errorf("status byte %02X: it was told %s, want %s", bits, s.names(), want)
			}
		}
	}
}
