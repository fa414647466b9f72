package receipt_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/receipt"
	"kioskd/session"
)

// kioskKey is the key of a kiosk in tests.
func kioskKey() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte("a kiosk's key in tests, 32 bytes"))
}

func known(id string) ed25519.PublicKey {
	if id != "kiosk-7" {
		return nil
	}
	return kioskKey().Public().(ed25519.PublicKey)
}

// bought is the receipt of a charge that is paid.
func bought(t *testing.T) receipt.Receipt {
	j := newJournal(t)
	j.Charged()
	j.Booked(98)
	r, err := receipt.From(context.Background(), j.All(), noTree)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestALinkCarriesTheReceipt: what a telephone reads out of the link is the receipt, but for what the page knows of the
// seller and the session's inner name.
func TestALinkCarriesTheReceipt(t *testing.T) {
	r := bought(t)
	net, refunded := kiosk.Money{Minor: 82, Currency: "EUR"}, kiosk.Money{Minor: 10, Currency: "EUR"}
	doubtful, pending, given := r, r, r
	doubtful.ClockDoubt, doubtful.Limited, doubtful.Net, doubtful.Refunded = true, "min_price", &net, &refunded
	pending.Settled, pending.Paid.Minor, pending.Released.Minor = false, 0, 0
	given.Card, given.Start, given.End, given.RegisterStart, given.RegisterEnd = nil, nil, nil, nil, nil
	given.Interrupted, given.Lines, given.MeterSerial = nil, []session.BillLine{}, ""
	for name, r := range map[string]receipt.Receipt{"whole": r, "doubtful": doubtful, "pending": pending,
		"given": given} {
		digits, err := receipt.Digits(r, "kiosk-7", kioskKey())
		if err != nil {
			t.Fatal(err)
		}
		got, id, err := receipt.FromDigits(digits, known)
		if err != nil || id != "kiosk-7" {
			t.Fatalf("%s: %v, of %s", name, err, id)
		}
		want := r
		want.Session, want.Seller, want.QR = "", nil, got.QR
		if want.Limited != "" {
			want.Limited = "limited"
		}
		if c := want.Card; c != nil { // a link leaves out what a driver does not need
			want.Card = &receipt.Card{Brand: c.Brand, Last4: c.Last4, AID: c.AID, AuthCode: c.AuthCode,
				TerminalID: c.TerminalID, TraceNo: c.TraceNo}
		}
		if a, b := plain(t, got), plain(t, want); a != b {
			t.Errorf("%s: the link has\n%s\nthe receipt\n%s", name, a, b)
		}
	}
}

// plain writes a receipt with times of whole seconds, for a link has no more, and zones as offsets.
func plain(t *testing.T, r receipt.Receipt) string {
	t.Helper()
	second := func(t time.Time) time.Time {
		_, east := t.Zone()
		return t.Truncate(time.Second).In(time.FixedZone("", east))
	}
	r.Issued = second(r.Issued)
	if r.Start != nil {
		start, end := second(*r.Start), second(*r.End)
		r.Start, r.End = &start, &end
	}
	gaps := r.Interrupted
	r.Interrupted = nil
	for _, g := range gaps {
		r.Interrupted = append(r.Interrupted, session.Span{From: second(g.From), To: second(g.To)})
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestAChangedDigitIsTold: no receipt but the kiosk's is believed, whichever digit is another one.
func TestAChangedDigitIsTold(t *testing.T) {
	digits, err := receipt.Digits(bought(t), "kiosk-7", kioskKey())
	if err != nil {
		t.Fatal(err)
	}
	for at := range digits {
		other := byte('0' + (digits[at]-'0'+1+byte(rand.IntN(8)))%10)
		if other == digits[at] {
			continue
		}
		changed := digits[:at] + string(other) + digits[at+1:]
		if r, _, err := receipt.FromDigits(changed, known); err == nil {
			t.Fatalf("digit %d is %c, and the receipt is believed: %+v", at, other, r)
		}
	}
	other := ed25519.NewKeyFromSeed([]byte("another kiosk's key, also 32 byt"))
	forged, err := receipt.Digits(bought(t), "kiosk-7", other)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := receipt.FromDigits(forged, known); !errors.Is(err, receipt.ErrForged) {
		t.Errorf("the receipt of another key: %v", err)
	}
	stranger, err := receipt.Digits(bought(t), "kiosk-8", kioskKey())
	if err != nil {
		t.Fatal(err)
	}
	if _, id, err := receipt.FromDigits(stranger, known); err == nil || id != "kiosk-8" {
		t.Errorf("the receipt of a kiosk that is not known: %v, %q", err, id)
	}
}

func TestWhatIsNoLink(t *testing.T) {
	zeros := new(big.Int).Lsh(big.NewInt(1), 8*80).String() // version 1, and nothing
	for _, digits := range []string{"", "0", "1", "-1", "+1", "1_000", "abc", "１２", "1.5", zeros,
		strings.Repeat("9", 1000), strings.Repeat("1", 300000)} {
		if _, _, err := receipt.FromDigits(digits, known); !errors.Is(err, receipt.ErrNotDigits) {
			t.Errorf("%.20q: %v", digits, err)
		}
	}
}

// TestTheCodeFitsAPanel: 69 modules, as a telephone reads them from 7 inches, for every receipt that a tariff of four
// prices and two rates of VAT can make, with long names.
func TestTheCodeFitsAPanel(t *testing.T) {
	r := bought(t)
	eur := func(minor int64) kiosk.Money { return kiosk.Money{Minor: minor, Currency: "EUR"} }
	r.EVSE, r.MeterSerial, r.Card.Brand = "DE*ABC*E123456789*1", "1EBZ0100507409", "Mastercard Debit"
	r.Lines = []session.BillLine{{Dimension: "ENERGY", Price: "0.5900", Volume: "118.430", Amount: eur(6987)},
		{Dimension: "TIME", Price: "0.1000", Volume: "243.5", Amount: eur(2435)},
		{Dimension: "PARKING_TIME", Price: "0.2000", Volume: "61.0", Amount: eur(1220)},
		{Dimension: "FLAT", Price: "1.00", Volume: "1", Amount: eur(100)}}
	r.Taxes = []session.BillTax{{Percent: "19", Amount: eur(1600)}, {Percent: "7", Amount: eur(80)}}
	r.Head = "1234567 ABCDEFGHJK"
	for _, base := range []string{"https://pay.example/r", "https://receipts.city-of-somewhere.example/charging/r/"} {
		digits, err := receipt.Digits(r, "kiosk-7", kioskKey())
		if err != nil {
			t.Fatal(err)
		}
		code, err := receipt.QR(base + "#" + digits)
		if err != nil || code.Size > 69 {
			t.Errorf("%s: %d digits, %d modules, %v", base, len(digits), code.Size, err)
		}
	}
}

// TestAnotherReaderReadsTheCode: zbar, which knows nothing of this code, reads every form of it.
func TestAnotherReaderReadsTheCode(t *testing.T) {
	zbar, err := exec.LookPath("zbarimg")
	if err != nil {
		t.Skip("skipped: zbarimg is not installed (package zbar-tools)")
	}
	r := bought(t)
	digits, err := receipt.Digits(r, "kiosk-7", kioskKey())
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{"https://pay.example/r#" + digits, "https://office.example/r/7GK2M4Q/ABCDEFGHJK",
		r.Mail(english(t), english(t)), "KIOSKD 7GK2M4Q 12 ABCDEFGHJK", "https://pay.example/r#0123456789", "#1", "1"} {
		png, err := receipt.PNG(code)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "code.png")
		if err := os.WriteFile(path, png, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(zbar, "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", path).Output()
		if got := strings.TrimSuffix(string(out), "\n"); err != nil || got != code {
			t.Errorf("%q is read as %q, %v", code, got, err)
		}
	}
	if _, err := receipt.PNG(strings.Repeat("x", 3000)); err == nil {
		t.Error("a code has room for 3000 bytes")
	}
}

// TestALinkOfBefore: a link that was handed out once is read for ever.
func TestALinkOfBefore(t *testing.T) {
	digits, err := os.ReadFile("testdata/link-1.txt")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/link-1.json")
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := receipt.FromDigits(strings.TrimSpace(string(digits)), known)
	if got := plain(t, r); err != nil || got != strings.TrimSpace(string(want)) {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
}

// FuzzFromDigits: no digits make it panic, and what it believes was signed.
func FuzzFromDigits(f *testing.F) {
	digits, err := os.ReadFile("testdata/link-1.txt")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(strings.TrimSpace(string(digits)))
	f.Fuzz(func(t *testing.T, digits string) {
		r, _, err := receipt.FromDigits(digits, known)
		if err == nil && reflect.DeepEqual(r, receipt.Receipt{}) {
			t.Error("nothing is believed")
		}
	})
}
