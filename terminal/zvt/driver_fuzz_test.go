package zvt_test

import (
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"kioskd"
	"kioskd/terminal/zvt"
)

// babble is a terminal that answers each command with the next bytes of a script. A byte says how
// many messages follow, then each has its class, instruction, length and data; what does not fit is
// sent as it is.
func babble(script []byte, line net.Conn) {
	link := zvt.NewStream(line)
	defer link.Close()
	next := func(n int) []byte {
		n = min(n, len(script))
		b := script[:n]
		script = script[n:]
		return b
	}
	for {
		a, err := link.Receive(time.Hour)
		if err != nil {
			return
		}
		if a.Is(0x06, 0x00) { // it lets us in, so that the rest is reached
			for _, m := range usual["0600"] {
				if link.Send(m) != nil {
					return
				}
			}
			continue
		}
		if a.IsAnswer() || len(script) == 0 {
			continue
		}
		for range next(1)[0] % 6 {
			head := next(3)
			if len(head) < 3 {
				line.Write(head)
				continue
			}
			m := zvt.APDU{Class: head[0], Instr: head[1], Data: next(int(head[2]) % 64)}
			if _, err := line.Write(m.Bytes()); err != nil {
				return
			}
			if !m.IsAnswer() {
				if _, err := link.Receive(time.Minute); err != nil {
					return
				}
			}
		}
	}
}

// FuzzDriver lets a terminal answer every command with anything. No hold is returned that was not
// recorded, none has an amount that is not positive or another currency, and its texts are clean.
func FuzzDriver(f *testing.F) {
	seed := func(answers ...[]zvt.APDU) {
		script := []byte{}
		for _, messages := range answers {
			script = append(script, byte(len(messages)))
			for _, m := range messages {
				script = append(append(script, m.Class, m.Instr, byte(len(m.Data))), m.Data...)
			}
		}
		f.Add(script)
	}
	list := []zvt.APDU{zvt.Ack(), zvt.Command(0x06, 0x1E, []byte{0xB8}, zvt.BCD(0x87, 231, 2),
		zvt.Container(zvt.Group(0x23, zvt.Number(0x08, 231))))}
	seed(approved(5000), approved(98), approved(0), list, approved(98), usual["0501"], usual["0650"])
	seed([]zvt.APDU{zvt.Nack(0x6B)}, []zvt.APDU{zvt.Ack(), {Class: 0x04, Instr: 0xFF}})
	seed([]zvt.APDU{zvt.Ack(), zvt.Command(0x04, 0x0F, nil, zvt.Bin(0x27, 0x05)),
		zvt.Command(0x06, 0x1E, []byte{0x05})})
	f.Fuzz(func(t *testing.T, script []byte) {
		synctest.Test(t, func(t *testing.T) {
			d := over(func(theirs net.Conn) { babble(script, theirs) }, zvt.Config{Password: "123456",
				Capture: zvt.CaptureUsed, Currency: "EUR",
				CardKeys: func() [][]byte { return [][]byte{[]byte("key")} }}, slog.DiscardHandler)
			h, recorded, err := hold(d)
			if err == nil && recorded == 0 || h.ID != "" &&
				(h.Approved.Minor <= 0 || h.Approved.Currency != "EUR") {
				t.Errorf("a hold of %+v, recorded %d times", h, recorded)
			}
			for _, s := range []string{h.CardName, h.AuthCode, h.AID, h.TerminalID, h.TraceNo} {
				if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) ||
					kiosk.MaskNumbers(s) != s {
					t.Errorf("the hold says %q", s)
				}
			}
			if h.ID == "" {
				h = kiosk.Hold{ID: "231", Approved: eur(5000)}
			}
			if b, err := capture(d, h); err == nil && (b.ID == "" || b.Booked.Currency != "EUR") {
				t.Errorf("a capture of %+v", b)
			}
			d.Release(t.Context(), kiosk.ReleaseRequest{ID: "231"})
			if open, err := d.ListHolds(t.Context()); err == nil && open.Complete && len(script) == 0 {
				t.Errorf("silence is the list %+v", open)
			}
			d.Last(t.Context())
			d.Ready(t.Context())
			d.ReadCard(t.Context(), 10*time.Second)
			d.EndOfDay(t.Context())
			d.Close()
			time.Sleep(2 * time.Hour)
		})
	})
}
