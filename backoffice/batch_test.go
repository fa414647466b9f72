package backoffice_test

import (
	"bytes"
	"io"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/mod/sumdb/note"

	"kioskd"
	"kioskd/backoffice"
)

func readCloser(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }

func parse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func verifier(t *testing.T, public string) note.Verifier {
	t.Helper()
	v, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func packed(t testing.TB, text string) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll([]byte(text), nil)
}

const head = `{"kioskd":1,"kiosk":"K-0042","epoch":"e1","key":"k","checkpoint":"c"}` + "\n"

// TestBatchIsPlainZstd: what is sent can be read by zstd's own program.
func TestBatchIsPlainZstd(t *testing.T) {
	if _, err := exec.LookPath("zstd"); err != nil {
		t.Skip("skipped: zstd is not installed")
	}
	line := `{"seq":7,"session":"S","kind":"reading","wall":"2026-03-02T09:00:00Z","mono_ns":1,"clock_ok":true,"body":{"a":"ä"}}`
	b := backoffice.Batch{Head: backoffice.Head{Version: 1, Kiosk: "K-0042", Epoch: "e1", Key: "k", Checkpoint: "c"},
		Leaves: []kiosk.Leaf{{Seq: 7, Kind: "reading", JSON: []byte(line)}}}
	body, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("zstd", "-dc")
	cmd.Stdin = bytes.NewReader(body)
	out, err := cmd.Output()
	if err != nil || string(out) != head+line+"\n" {
		t.Errorf("zstd reads %q, %v", out, err)
	}
	back, err := backoffice.Decode(bytes.NewReader(body))
	if err != nil || !cmp.Equal(back, b, cmpopts.IgnoreUnexported(backoffice.Batch{})) {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestWrongBatches(t *testing.T) {
	record := func(n string) string { return `{"seq":` + n + `,"kind":"k"}` + "\n" }
	for name, c := range map[string]struct{ text, what string }{
		"nothing":             {"", "no head"},
		"no JSON":             {"hello\n", "head"},
		"cut":                 {head + `{"seq":1,"kind":"k"}`, "cut"},
		"another version":     {strings.Replace(head, ":1", ":2", 1), "version 2"},
		"a kiosk with a path": {strings.Replace(head, "K-0042", "../x", 1), "no id"},
		"a gap":               {head + record("4") + record("6"), "record 6 after 4"},
		"backwards":           {head + record("4") + record("3"), "line 3: record 3 after 4"},
		"a record of nothing": {head + "{}\n", "line 2"},
		"too many": {head + strings.Join(func() (all []string) {
			for i := range 501 {
				all = append(all, record(string(rune('1'+i/400))+strings.Repeat("0", 0)+pad(i%400)))
			}
			return all
		}(), ""), "after"},
	} {
		if _, err := backoffice.Decode(bytes.NewReader(packed(t, c.text))); err == nil ||
			!strings.Contains(err.Error(), c.what) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := backoffice.Decode(bytes.NewReader(packed(t, head+strings.Repeat(" ", 64<<20)))); err == nil {
		t.Error("a batch that unpacks to 64 MiB was taken")
	}
}

func pad(n int) string {
	return string([]byte{'0' + byte(n/100), '0' + byte(n/10%10), '0' + byte(n%10)})
}

func TestCheckpoint(t *testing.T) {
	c := kiosk.Checkpoint{Origin: backoffice.Origin("K-0042", "e1"), Records: 12, Hash: [32]byte{1, 2, 3}}
	back, err := kiosk.ParseCheckpoint(c.Text())
	if err != nil || back != c {
		t.Errorf("%+v, %v", back, err)
	}
	for _, text := range []string{"", "a\n1\n", "a\n-1\nAQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
		"a\n01\nAQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", "a\n1\nAQID\n", c.Text() + "x\n"} {
		if _, err := kiosk.ParseCheckpoint(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(packed(f, head+`{"seq":1,"kind":"k","body":{}}`+"\n"))
	f.Add(packed(f, head))
	f.Add([]byte("hello"))
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := backoffice.Decode(bytes.NewReader(body))
		if err != nil {
			return
		}
		again, err := b.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := backoffice.Decode(bytes.NewReader(again))
		if err != nil || !cmp.Equal(back, b, cmpopts.IgnoreUnexported(backoffice.Batch{})) {
			t.Errorf("%+v came back as %+v, %v", b, back, err)
		}
	})
}

func FuzzParseCheckpoint(f *testing.F) {
	f.Add("a\n1\nAQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := kiosk.ParseCheckpoint(text); err == nil && c.Text() != text {
			t.Errorf("%q came back as %q", text, c.Text())
		}
	})
}
