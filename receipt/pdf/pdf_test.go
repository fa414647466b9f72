package pdf_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"kioskd/receipt"
	"kioskd/receipt/pdf"
	"kioskd/session"
	"kioskd/session/sessiontest"
	"kioskd/ui/text"
)

// paid is a receipt with everything that one can have.
func paid(t *testing.T) receipt.Receipt {
	t.Helper()
	j := sessiontest.New(t)
	j.Doubt = true
	return all(t, j, 98)
}

// all is the receipt of a session with everything that one can have.
func all(t *testing.T, j *sessiontest.Journal, minor int64) receipt.Receipt {
	t.Helper()
	j.Charged()
	j.Booked(minor)
	r, err := receipt.From(context.Background(), j.All(), func(context.Context, int64) (h [32]byte, err error) {
		return h, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Seller = map[string]string{"name": "Ladepark Süd Ελλάδα ООО", "address": "1 Example Street, 10115 Berlin",
		"vat_id": "DE123456789", "helpline": "+49 30 1"}
	r.EVSE, r.Limited = "DE*DEM*E003", "max_price"
	refunded := sessiontest.EUR(31)
	r.Refunded = &refunded
	r.Card.AID, r.Card.AuthCode, r.Card.TraceNo = "A0000000041010", "750071", "001071"
	return r
}

func load(t *testing.T) *text.Catalogues {
	t.Helper()
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

func write(t *testing.T, r receipt.Receipt, p *text.Printer, extra []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := pdf.Write(&b, r, p, extra); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestTheSameReceiptGivesTheSameBytes in each language, whenever it is made.
func TestTheSameReceiptGivesTheSameBytes(t *testing.T) {
	texts, r := load(t), paid(t)
	for _, lang := range texts.Languages() {
		if !bytes.Equal(write(t, r, texts.Printer(lang), nil), write(t, r, texts.Printer(lang), nil)) {
			t.Errorf("%s: two PDFs of one receipt differ", lang)
		}
	}
}

// TestAReaderFindsEveryWord: another program (poppler) reads each text and value of the receipt, in each language,
// whole and in its order. Arabic letters are found by what they stand for, whatever form they have (NFKC).
func TestAReaderFindsEveryWord(t *testing.T) {
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Skip("no pdftotext here: apt-get install poppler-utils")
	}
	texts, r := load(t), paid(t)
	for _, lang := range texts.Languages() {
		p := texts.Printer(lang)
		file := filepath.Join(t.TempDir(), "receipt.pdf")
		if err := os.WriteFile(file, write(t, r, p, nil), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("pdftotext", "-layout", file, "-").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		read := bare(string(out))
		for _, i := range r.Items() {
			for _, want := range []string{i.Label(p), i.Product(p), i.Local(p)} {
				for _, word := range strings.Fields(want) {
					if !strings.Contains(read, bare(word)) {
						t.Errorf("%s: %s: %q is not read in\n%s", lang, i.Key, want, out)
						break
					}
				}
			}
		}
	}
}

// bare leaves out what a reader may set otherwise: blanks, colons, forms of letters, and marks for the order of
// writing.
func bare(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == ':' ||
			0x200e <= r && r <= 0x200f || 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069 {
			return -1
		}
		return r
	}, norm.NFKC.String(s))
}

// TestACharacterWithoutAFont is told, and a font that a person gives has it.
func TestACharacterWithoutAFont(t *testing.T) {
	texts, r := load(t), paid(t)
	r.Seller["name"] = "鬱蒼堂"
	err := pdf.Write(new(bytes.Buffer), r, texts.Printer("en"), nil)
	if err == nil || !strings.Contains(err.Error(), "鬱") || !strings.Contains(err.Error(), "--font") {
		t.Errorf("a name that no font has: %v", err)
	}
	if err := pdf.Write(new(bytes.Buffer), r, texts.Printer("en"), []byte("no font")); err == nil {
		t.Error("a file that is no font is taken")
	}
}

// TestALongReceiptHasMorePages: nothing runs out of the page.
func TestALongReceiptHasMorePages(t *testing.T) {
	texts, r := load(t), paid(t)
	for range 200 {
		r.Lines = append(r.Lines, session.BillLine{Dimension: "ENERGY", Price: "0.49", Volume: "2.000",
			Amount: sessiontest.EUR(98)})
	}
	if n := bytes.Count(write(t, r, texts.Printer("en"), nil), []byte("/Type /Page\n")); n < 2 {
		t.Errorf("200 lines are on %d pages", n)
	}
}

// TestAnotherReaderReadsWhatAMeterSigned: zbar finds each record, byte for byte, on the page that poppler draws.
func TestAnotherReaderReadsWhatAMeterSigned(t *testing.T) {
	for _, tool := range []string{"pdftoppm", "zbarimg"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("no " + tool + " here: apt-get install poppler-utils zbar-tools")
		}
	}
	j := sessiontest.New(t)
	j.Sign()
	r := all(t, j, 93)
	dir := t.TempDir()
	file := filepath.Join(dir, "receipt.pdf")
	if err := os.WriteFile(file, write(t, r, load(t).Printer("en"), nil), 0o644); err != nil {
		t.Fatal(err)
	}
	draw := exec.Command("pdftoppm", "-png", "-r", "300", file, filepath.Join(dir, "page"))
	if out, err := draw.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "page*.png"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("pages %v, %v", pages, err)
	}
	// it fails where a page has no code
	out, err := exec.Command("zbarimg", append([]string{"--quiet", "--raw"}, pages...)...).Output()
	if len(out) == 0 {
		t.Fatal(err)
	}
	for i, record := range r.Signed.Records {
		if !strings.Contains(string(out), record) {
			t.Errorf("record %d is not read in\n%s", i+1, out)
		}
	}
}
