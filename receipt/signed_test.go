package receipt_test

import (
	"encoding/json"
	"encoding/xml"
	"slices"
	"strings"
	"testing"

	"kioskd"
	"kioskd/receipt"
	"kioskd/session/sessiontest"
	"kioskd/ui/text"
)

// signed is the receipt of a charge that a meter signed.
func signed(t *testing.T, spoil func(*kiosk.SignedReading)) receipt.Receipt {
	t.Helper()
	j := sessiontest.New(t)
	j.Sign()
	spoil(j.Signed)
	j.Charged()
	if j.Signed.Error == "" {
		j.Booked(93)
	} else {
		j.Booked(0)
	}
	r, err := receipt.From(t.Context(), j.All(), noTree)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestAReceiptOfWhatAMeterSigned: its energy is what was signed, and it names the records and the key by which a driver
// finds them; the records are passed on as they were made.
func TestAReceiptOfWhatAMeterSigned(t *testing.T) {
	var made []string
	r := signed(t, func(s *kiosk.SignedReading) { made = s.Records })
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	said := r.Text(texts.Printer("en"))
	for _, want := range []string{"1.900\u00a0kWh", "€0.93", "T4276 – T4277", r.Signed.Fingerprint, "Signed record"} {
		if !strings.Contains(said, want) {
			t.Errorf("the receipt has no %q:\n%s", want, said)
		}
	}
	if r.Energy != 1900 || *r.RegisterEnd-*r.RegisterStart != 1900 || len(r.Signed.Fingerprint) != 16 {
		t.Errorf("%+v", r)
	}
	out, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back receipt.Receipt
	if err := json.Unmarshal(out, &back); err != nil || !slices.Equal(back.Signed.Records, made) {
		t.Errorf("%v: the receipt has the records %q, want %q", err, back.Signed.Records, made)
	}
	digits, err := receipt.Digits(r, "kiosk-7", kioskKey())
	if err != nil {
		t.Fatal(err)
	}
	far, _, err := receipt.FromDigits(digits, known)
	if err != nil || !slices.Equal(far.Signed.Records, made) || far.Signed.PublicKey != r.Signed.PublicKey ||
		far.Signed.Fingerprint != r.Signed.Fingerprint {
		t.Errorf("%v: the link has %+v", err, far.Signed)
	}
	code, err := receipt.QR("https://pay.example/r#" + digits)
	if err != nil || code.Size > 117 { // version 25: on 420 pixels of a panel, three and a half each
		t.Errorf("the code has %d modules, %v", code.Size, err)
	}
	t.Logf("%d digits, %d modules", len(digits), code.Size)
}

// TestTheTransparencySoftwareGetsAFile with both records as they were made, and the key.
func TestTheTransparencySoftwareGetsAFile(t *testing.T) {
	var made []string
	r := signed(t, func(s *kiosk.SignedReading) { made = s.Records })
	out, err := r.SAFE()
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Value []struct {
			Context string `xml:"context,attr"`
			Data    string `xml:"signedData"`
			Key     string `xml:"publicKey"`
		} `xml:"value"`
	}
	if err := xml.Unmarshal(out, &file); err != nil || len(file.Value) != 2 {
		t.Fatalf("%v: %s", err, out)
	}
	for i, v := range file.Value {
		if v.Data != made[i] || v.Key != r.Signed.PublicKey || v.Context != []string{"Transaction.Begin",
			"Transaction.End"}[i] {
			t.Errorf("value %d: %+v", i, v)
		}
	}
}

// TestAReceiptOfWhatNothingProves costs nothing, and says why.
func TestAReceiptOfWhatNothingProves(t *testing.T) {
	r := signed(t, func(s *kiosk.SignedReading) { s.Error, s.Energy = "the signature is not that of this record", 0 })
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	said := r.Text(texts.Printer("en"))
	if strings.Contains(said, "kWh") {
		t.Errorf("it says what nothing proves:\n%s", said)
	}
	if !strings.Contains(said, "The meter signed nothing: you pay nothing") || r.Total.Minor != 0 || r.Energy != 0 ||
		r.Paid.Minor != 0 || r.Signed != nil {
		t.Errorf("%+v\n%s", r, said)
	}
	if _, err := r.SAFE(); err == nil {
		t.Error("a record that proves nothing is handed out as proof")
	}
	digits, err := receipt.Digits(r, "kiosk-7", kioskKey())
	if err != nil {
		t.Fatal(err)
	}
	if far, _, err := receipt.FromDigits(digits, known); err != nil || far.Unsigned == "" {
		t.Errorf("%v: the link has %+v", err, far)
	}
}
