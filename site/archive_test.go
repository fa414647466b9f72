package site

import (
	"crypto/ed25519"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/receipt"
	"kioskd/ui"
)

// TestWhatTheScreenGives is the signed receipt itself until the back office has it, then the short link, and the
// receipt again where the back office was set back to an older copy.
func TestWhatTheScreenGives(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		x := w.sells(1, 10*time.Minute)
		c := *w.c
		c.Receipts.Page, c.Receipts.Short = "https://pay.example/r", "https://office.example/r/"
		a, err := newArchive(&c, w.journal, w.control, w.till)
		if err != nil {
			w.Fatal(err)
		}
		own := a.handout(x)
		digits, ok := strings.CutPrefix(own.Code, "https://pay.example/r#")
		r, _, err := receipt.FromDigits(digits, func(string) ed25519.PublicKey {
			return a.key.Public().(ed25519.PublicKey)
		})
		if !ok || err != nil || r.No != x.Reference || len(own.Items) == 0 {
			w.Fatalf("%+v: receipt %s, %v", own, r.No, err)
		}
		number, _, _ := strings.Cut(r.Head, " ")
		rests, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			w.Fatal(err)
		}
		short := ui.Handout{Code: "https://office.example/r/" + x.ID, Items: own.Items}
		for _, step := range []struct {
			acked int64
			want  ui.Handout
		}{{rests - 1, own}, {rests, short}, {rests + 5, short}, {rests - 1, own}} {
			if err := w.journal.Acknowledge(w.Context(), kiosk.Acknowledgement{Seq: step.acked}); err != nil {
				w.Fatal(err)
			}
			if got := a.handout(x); !reflect.DeepEqual(got, step.want) {
				w.Errorf("the receipt rests on record %d, the back office has %d: %+v", rests, step.acked, got)
			}
			got, err := a.ByKeys(w.Context(), kiosk.PhoneKeys(x.Reference))
			if err != nil || len(got) != 1 || got[0].Code != step.want.Code {
				w.Fatalf("its code finds %+v, %v, where the back office has %d of %d", got, err, step.acked, rests)
			}
			for _, i := range got[0].Items { // the code may be guessed
				if slices.Contains([]string{"receipt.card", "receipt.aid", "receipt.auth", "receipt.terminal"}, i.Key) {
					w.Errorf("its code shows %+v of the card", i)
				}
			}
			if len(got[0].Items) != len(own.Items)-3 { // card, approval and terminal; the test's card has no AID
				w.Errorf("its code shows %d of %d items", len(got[0].Items), len(own.Items))
			}
		}
	})
}
