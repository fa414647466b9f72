package page_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"kioskd/receipt"
	"kioskd/receipt/page"
	"kioskd/receipt/page/browser"
	"kioskd/session/sessiontest"
	"kioskd/ui/text"
)

const kioskID = "kiosk-7"

func key() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte("a kiosk's key in tests, 32 bytes"))
}

// bought is the receipt of a charge that is paid, in a language.
func bought(t *testing.T, language string) receipt.Receipt {
	t.Helper()
	j := sessiontest.New(t)
	j.Charged()
	j.Booked(98)
	tree := func(context.Context, int64) (h [32]byte, err error) { return h, nil }
	r, err := receipt.From(t.Context(), j.All(), tree)
	if err != nil {
		t.Fatal(err)
	}
	r.Language = language
	return r
}

func digits(t *testing.T, r receipt.Receipt) string {
	t.Helper()
	d, err := receipt.Digits(r, kioskID, key())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func catalogues(t *testing.T) *text.Catalogues {
	t.Helper()
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// written is a folder with the page, as a host puts it on a web server.
func written(t *testing.T, r receipt.Receipt) string {
	t.Helper()
	dir := t.TempDir()
	if err := page.Write(dir, catalogues(t), kioskID, key().Public().(ed25519.PublicKey), r.Seller); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestATelephoneOpensTheReceipt in the driver's language, although it reaches no kiosk, and is told what was changed.
func TestATelephoneOpensTheReceipt(t *testing.T) {
	for _, c := range []struct {
		language string
		want     []string
	}{
		{"en", []string{"Receipt", "Demo Charging", "Genuine: signed by the kiosk", "7GK2M4Q", "2.000 kWh", "€0.98",
			"€0.16", "€49.02", "**** 8074", "Charging ended", "2026-03-02 10:00"}},
		{"de", []string{"Echt: vom Automaten signiert", "2,000 kWh", "0,98 €", "02.03.2026 10:00"}},
		{"ar", []string{"أصلي: موقّع من الجهاز", "02/03/2026 10:00", "7GK2M4Q"}},
		{"ja", []string{"真正", "2026/03/02 10:00", "2.000 kWh"}},
	} {
		t.Run(c.language, func(t *testing.T) {
			t.Parallel()
			r := bought(t, c.language)
			server := httptest.NewServer(http.FileServer(http.Dir(written(t, r))))
			defer server.Close()
			dom, console := browser.Open(t, server.URL+"/#"+digits(t, r))
			for _, want := range c.want {
				if !strings.Contains(browser.Words(dom), want) {
					t.Errorf("the page has no %q:\n%s\n%s", want, browser.Words(dom), console)
				}
			}
			if strings.Contains(console, "Refused") || strings.Contains(console, "Uncaught") {
				t.Error(console)
			}
			if rtl := strings.Contains(dom, `dir="rtl"`); rtl != (c.language == "ar") {
				t.Errorf("%s: from right to left is %v", c.language, rtl)
			}
		})
	}
}

// TestAPageSaysWhatItCannotBelieve: a digit that was changed, digits that are missing, a kiosk that the host's list
// does not have, no digits at all.
func TestAPageSaysWhatItCannotBelieve(t *testing.T) {
	r := bought(t, "en")
	good := digits(t, r)
	last := good[:len(good)-1] + string('0'+(good[len(good)-1]-'0'+1)%10) // of the signature
	stranger := func(t *testing.T) string {
		d, err := receipt.Digits(r, "kiosk-8", key())
		if err != nil {
			t.Fatal(err)
		}
		return d
	}(t)
	for name, c := range map[string]struct{ fragment, want, never string }{
		"a digit of the signature": {last, "This receipt was changed. It is not valid", "0.98"},
		"a digit of the receipt":   {good[:200] + string('0'+(good[200]-'0'+1)%10) + good[201:], "", "Genuine"},
		"cut off":                  {good[:300], "This link is damaged", "0.98"},
		"no digits":                {"", "This link is damaged", "0.98"},
		"letters":                  {"abc", "This link is damaged", "0.98"},
		"a kiosk not on the list":  {stranger, "Not checked: this page does not know the kiosk", "Genuine"},
		"markup":                   {"<b>" + good, "This link is damaged", "<b>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.FileServer(http.Dir(written(t, r))))
			defer server.Close()
			dom, _ := browser.Open(t, server.URL+"/#"+c.fragment)
			if got := browser.Words(dom); !strings.Contains(got, c.want) || strings.Contains(got, c.never) {
				t.Errorf("want %q and no %q:\n%s", c.want, c.never, got)
			}
		})
	}
}

// TestAnOfficeServesThePage: without digits the page asks the server that it came from for the receipt.
func TestAnOfficeServesThePage(t *testing.T) {
	r := bought(t, "en")
	row, err := receipt.Row(r, kioskID)
	if err != nil {
		t.Fatal(err)
	}
	index, err := page.HTML(catalogues(t))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /r/7GK2M4Q/ABCDEFGHJK", func(w http.ResponseWriter, _ *http.Request) { w.Write(index) })
	mux.HandleFunc("GET /r/7GK2M4Q/ABCDEFGHJK/receipt.json", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"receipt": json.RawMessage(row), "seller": r.Seller})
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	dom, console := browser.Open(t, server.URL+"/r/7GK2M4Q/ABCDEFGHJK")
	if got := browser.Words(dom); !strings.Contains(got, "From the seller’s records") ||
		!strings.Contains(got, "€0.98") {
		t.Errorf("%s\n%s", got, console)
	}
}

// TestThePageIsSmallAndStrict: under 40 kB, nothing of a third party, no script but its own.
func TestThePageIsSmallAndStrict(t *testing.T) {
	index, err := page.HTML(catalogues(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the page has %d bytes", len(index))
	if len(index) >= 40_000 {
		t.Errorf("the page has %d bytes, want less than 40 kB", len(index))
	}
	text := string(index)
	for _, never := range []string{"http://", "https://", "src=", "url(", "unsafe", "innerHTML", "eval(", "{{.Script"} {
		if strings.Contains(text, never) {
			t.Errorf("the page has %q", never)
		}
	}
	for _, want := range []string{"default-src 'none'", "script-src 'sha256-", "style-src 'sha256-",
		"connect-src 'self'",
		"base-uri 'none'", "form-action 'none'", "no-referrer"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page has no %q", want)
		}
	}
}

// TestTheListOfKiosksGrows: a second kiosk, and a seller who has moved, take nothing from the list; a new key of a
// kiosk is another kiosk's.
func TestTheListOfKiosksGrows(t *testing.T) {
	dir, texts := t.TempDir(), catalogues(t)
	public := key().Public().(ed25519.PublicKey)
	other := ed25519.NewKeyFromSeed([]byte("another kiosk's key, also 32 byt")).Public().(ed25519.PublicKey)
	before, after := map[string]string{"name": "A", "address": "1 Old Street"}, map[string]string{"name": "A",
		"address": "2 New Street"}
	for i, step := range []struct {
		id     string
		key    ed25519.PublicKey
		seller map[string]string
		want   string
	}{
		{"kiosk-7", public, before, "kiosk-7:1"},
		{"kiosk-7", public, after, "kiosk-7:2"},
		{"kiosk-7", public, after, "kiosk-7:2"},
		{"kiosk-8", other, before, "kiosk-7:2 kiosk-8:1"},
		{"kiosk-7", other, before, "kiosk-7:1 kiosk-8:1"},
	} {
		if err := page.Write(dir, texts, step.id, step.key, step.seller); err != nil {
			t.Fatal(err)
		}
		list, err := os.ReadFile(filepath.Join(dir, page.Kiosks))
		if err != nil {
			t.Fatal(err)
		}
		var all map[string]page.Kiosk
		if err := json.Unmarshal(list, &all); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, id := range []string{"kiosk-7", "kiosk-8"} {
			if k, ok := all[id]; ok {
				got += fmt.Sprintf(" %s:%d", id, len(k.Sellers))
			}
		}
		if strings.TrimSpace(got) != step.want {
			t.Errorf("after step %d the list has%s, want %s", i, got, step.want)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, page.Kiosks), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := page.Write(dir, texts, "kiosk-7", public, before); err == nil {
		t.Error("a list that cannot be read is written over")
	}
}

// TestATelephoneSavesWhatTheMeterSigned: the page names the records and the key, and offers the file that the
// transparency software reads, which says what the kiosk's own says.
func TestATelephoneSavesWhatTheMeterSigned(t *testing.T) {
	j := sessiontest.New(t)
	j.Sign()
	j.Charged()
	j.Booked(93)
	r, err := receipt.From(t.Context(), j.All(), func(context.Context, int64) (h [32]byte, err error) { return h, nil })
	if err != nil {
		t.Fatal(err)
	}
	r.Language = "en"
	server := httptest.NewServer(http.FileServer(http.Dir(written(t, r))))
	defer server.Close()
	dom, console := browser.Open(t, server.URL+"/#"+digits(t, r))
	for _, want := range []string{"T4276 – T4277", r.Signed.Fingerprint, "Save signed record", "1.900 kWh"} {
		if !strings.Contains(browser.Words(dom), want) {
			t.Errorf("the page has no %q:\n%s\n%s", want, browser.Words(dom), console)
		}
	}
	saved := regexp.MustCompile(`download="7GK2M4Q.xml" href="data:[^,]*,([^"]*)"`).FindStringSubmatch(dom)
	if saved == nil {
		t.Fatalf("the page offers no file:\n%s", dom)
	}
	file, err := url.QueryUnescape(strings.ReplaceAll(saved[1], "+", "%2B"))
	if err != nil {
		t.Fatal(err)
	}
	own, err := r.SAFE()
	if err != nil {
		t.Fatal(err)
	}
	type values struct {
		Value []struct {
			Context string `xml:"context,attr"`
			Data    string `xml:"signedData"`
			Key     string `xml:"publicKey"`
		} `xml:"value"`
	}
	var a, b values
	if err := errors.Join(xml.Unmarshal([]byte(file), &a), xml.Unmarshal(own, &b)); err != nil ||
		len(a.Value) != 2 || !reflect.DeepEqual(a, b) {
		t.Errorf("%v: the page saves\n%s\nthe kiosk\n%s", err, file, own)
	}
}
