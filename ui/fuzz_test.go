package ui_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"kioskd/session"
	"kioskd/ui"
)

// FuzzInput lets fingers do anything: any input with any value, on the view that is shown or another one,
// at any pace. Nothing breaks, every view can be sent and drawn, no price is agreed to that was not on the
// screen, and nothing of another visitor's is shown.
func FuzzInput(f *testing.F) {
	kinds := inputKinds()
	values := []string{"", "3", "1", "de", "xx", "on", "off", "help", "-1", "99999999999999999999", "A", "\x00\xff",
		"page:faults", "!clear:MT005:2"}
	f.Add([]byte{0, 0, 0, 1, 1, 0, 2, 0, 0})
	f.Add([]byte{0, 0, 0, 1, 1, 0, 8, 2, 0, 2, 0, 0, 3, 0, 9})
	f.Add([]byte{18, 0, 0, 9, 2, 0, 9, 1, 0, 19, 12, 0, 19, 13, 200})
	f.Add([]byte{11, 7, 0, 6, 3, 0, 6, 4, 0, 13, 5, 0, 15, 10, 0, 17, 1, 0})
	f.Fuzz(func(t *testing.T, fingers []byte) {
		m, p, _, _ := newOver(t)
		priced := false
		for len(fingers) >= 3 {
			kind, value, pace := kinds[int(fingers[0])%len(kinds)], values[int(fingers[1])%len(values)], fingers[2]
			fingers = fingers[3:]
			m.mu.Lock() // a code is judged aside
			m.now = m.now.Add(time.Duration(pace) * 500 * time.Millisecond)
			m.mu.Unlock()
			v := look(p)
			in := ui.Input{Seq: v.Seq, Kind: kind, Value: value}
			if pace == 77 {
				in.Seq-- // of the view before
			}
			before := len(m.Snapshot().State.Sessions)
			p.Input(context.Background(), in) // what is refused changes nothing
			priced = priced || v.Screen == ui.Price
			for _, x := range m.Snapshot().State.Sessions {
				if x.Money != session.MoneyNone && !priced {
					t.Fatalf("money is %s, and no price was shown", x.Money)
				}
			}
			if in.Seq != v.Seq && len(m.Snapshot().State.Sessions) != before {
				t.Fatal("a touch on another view began a session")
			}
			text, err := json.Marshal(look(p))
			if err != nil {
				t.Fatal(err)
			}
			var back ui.View
			if err := json.Unmarshal(text, &back); err != nil || back.Screen == "" {
				t.Fatalf("a view that cannot be drawn: %v, %s", err, text)
			}
		}
	})
}
