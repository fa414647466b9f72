package receiver_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
	"golang.org/x/mod/sumdb/note"

	"kioskd"
	"kioskd/backoffice"
	"kioskd/backoffice/receiver"
	"kioskd/store"
)

var update = flag.Bool("update", false, "write the example of the document anew")

const document = "../../docs/backoffice.md"

// text is the document.
func text(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// schemas are those of the OpenAPI document.
func schemas(t *testing.T) func(name string, object []byte) {
	t.Helper()
	_, rest, ok := strings.Cut(text(t), "```yaml\nopenapi: 3.1.0\n")
	block, _, ok2 := strings.Cut(rest, "```")
	if !ok || !ok2 {
		t.Fatal("the document has no OpenAPI document")
	}
	var doc any
	if err := yaml.Unmarshal([]byte("openapi: 3.1.0\n"+block), &doc); err != nil {
		t.Fatal(err)
	}
	plain, err := json.Marshal(doc) // numbers as the validator wants them
	if err != nil {
		t.Fatal(err)
	}
	doc, err = jsonschema.UnmarshalJSON(bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	return func(name string, object []byte) {
		t.Helper()
		s, err := c.Compile("openapi.json#/components/schemas/" + name)
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(object))
		if err != nil {
			t.Fatalf("%v: %s", err, object)
		}
		if err := s.Validate(v); err != nil {
			t.Errorf("%s: %v\n%s", name, err, object)
		}
	}
}

// wire lets a kiosk and a receiver talk over a real connection, and keeps what they say.
type wire struct {
	t       *testing.T
	house   *receiver.Office
	r       *receiver.Receiver
	journal *store.Store
	sync    *backoffice.Sync

	requests, answers [][]byte
	status            []int
}

func newWire(t *testing.T) *wire {
	t.Helper()
	w := &wire{t: t}
	var err error
	w.house, err = receiver.OpenOffice(t.TempDir(), []string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(l kiosk.Leaf) string {
		if l.Kind == "odd" {
			return "no back office knows this kind"
		}
		return ""
	}
	w.r, err = receiver.Open(t.Context(), w.house.Database(), w.house.Signer, refuse)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.r.Close() })
	inner := w.r.Handler(slog.New(slog.DiscardHandler))
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(out http.ResponseWriter, req *http.Request) {
		var body bytes.Buffer
		body.ReadFrom(req.Body)
		w.requests = append(w.requests, bytes.Clone(body.Bytes()))
		again := req.Clone(req.Context())
		again.Body = http.NoBody
		again.Body = struct {
			*bytes.Buffer
			nothing
		}{&body, nothing{}}
		rec := httptest.NewRecorder()
		inner.ServeHTTP(rec, again)
		w.answers, w.status = append(w.answers, rec.Body.Bytes()), append(w.status, rec.Code)
		out.WriteHeader(rec.Code)
		out.Write(rec.Body.Bytes())
	}))
	server.TLS, err = w.house.TLS()
	if err != nil {
		t.Fatal(err)
	}
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	dir, err := w.house.Enroll("K-0042")
	if err != nil {
		t.Fatal(err)
	}
	files, err := backoffice.Files{CA: filepath.Join(dir, "ca.pem"), Certificate: filepath.Join(dir, "kiosk.pem"),
		Key: filepath.Join(dir, "kiosk.key")}.TLS()
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	w.journal, err = store.Open(t.Context(), filepath.Join(t.TempDir(), "journal.db"),
		func() (time.Time, time.Duration, bool) { return time.Now(), time.Second, true })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.journal.Close() })
	secret, _, err := backoffice.NewKey("K-0042")
	if err != nil {
		t.Fatal(err)
	}
	signer, public, err := backoffice.OfSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(w.house.Public)
	if err != nil {
		t.Fatal(err)
	}
	w.sync = backoffice.New(backoffice.Config{Kiosk: "K-0042", Outbox: w.journal,
		Sink: backoffice.NewHTTPS(u, "K-0042", files, func() bool { return true }), Signer: signer, Key: public,
		Office: verifier,
		Now:    time.Now, Instruct: func(context.Context, kiosk.Instruction, string) {},
		Log: slog.New(slog.DiscardHandler)})
	return w
}

type nothing struct{}

func (nothing) Close() error { return nil }

func (w *wire) append(kinds ...string) {
	w.t.Helper()
	for _, k := range kinds {
		if err := w.journal.Append(w.t.Context(), kiosk.Entry{Kind: k,
			Body: []byte(`{"at":"2026-03-02T09:00:00Z"}`)}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// TestTheDocumentIsTrue holds what is really said against the OpenAPI document.
func TestTheDocumentIsTrue(t *testing.T) {
	valid, w := schemas(t), newWire(t)
	in := kiosk.Instruction{ID: "I1", Kiosk: "K-0042", Issued: time.Now(), Expires: time.Now().Add(time.Hour),
		Do: kiosk.TaskMessage, Texts: map[string]string{"en": "hello"}}
	if err := w.r.Instruct(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	drain := func() error { return w.sync.Drain(t.Context()) }
	if err := drain(); err != nil { // nothing yet
		t.Fatal(err)
	}
	w.append("reading", "odd", "reading")
	if err := drain(); err != nil {
		t.Fatal(err)
	}
	if err := w.journal.SendAgain(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.append("reading")
	if err := w.journal.Append(t.Context(), kiosk.Entry{Kind: "hold_ok",
		Body: []byte(`{"card_token":"of before"}`)}); err != nil {
		t.Fatal(err)
	}
	if err := drain(); err != nil {
		t.Fatal(err)
	}
	all, withheld := 0, 0
	for i, body := range w.requests {
		b, err := backoffice.Decode(bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		head, err := json.Marshal(b.Head)
		if err != nil {
			t.Fatal(err)
		}
		valid("Head", head)
		for _, l := range b.Leaves {
			all++
			if l.Withheld == "" {
				valid("Record", l.JSON)
			}
		}
		for _, line := range unpacked(t, body)[1:] {
			if bytes.Contains(line, []byte(`"withheld"`)) {
				valid("Withheld", line)
				withheld++
			}
		}
		if w.status[i] != http.StatusOK {
			t.Errorf("request %d: %d %s", i, w.status[i], w.answers[i])
		}
		valid("Answer", w.answers[i])
	}
	if all != 6 || withheld != 1 || !bytes.Contains(w.answers[1], []byte(`"refused":[{"seq":2`)) ||
		!bytes.Contains(w.answers[0], []byte(`"instructions":["{`)) {
		t.Errorf("%d records; %s", all, w.answers)
	}
	signed, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	valid("Instruction", signed)
}

// unpacked are the lines of a body.
func unpacked(t *testing.T, body []byte) [][]byte {
	t.Helper()
	r, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	plain, err := r.DecodeAll(body, nil)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSuffix(plain, []byte("\n")), []byte("\n"))
}

// TestProblems: each status of the document, by a request that earns it.
func TestProblems(t *testing.T) {
	valid, w := schemas(t), newWire(t)
	w.append("reading", "reading")
	if err := w.sync.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	good, err := backoffice.Decode(bytes.NewReader(w.requests[0]))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*backoffice.Batch)
		status int
		what   string
	}{
		"the same again": {func(*backoffice.Batch) {}, 200, `"seq":2`},
		"another record": {func(b *backoffice.Batch) {
			b.Leaves[1].JSON = bytes.Replace(b.Leaves[1].JSON, []byte("reading"), []byte("rEading"), 1)
		}, 409, "record 2 is not the one"},
		"another key": {func(b *backoffice.Batch) { b.Key += "x" }, 409, "signed with the key"},
		"a key of no kiosk": {func(b *backoffice.Batch) { b.Key, b.Epoch = "x", "other" }, 400,
			"cannot read the kiosk's key"},
		"no signature": {func(b *backoffice.Batch) { b.Checkpoint = strings.SplitAfter(b.Checkpoint, "\n\n")[0] },
			400, "cannot open checkpoint"},
		"another's tree":   {func(b *backoffice.Batch) { b.Epoch = "other" }, 400, "the checkpoint is of"},
		"a gap":            {func(b *backoffice.Batch) { b.Leaves = shifted(b.Leaves, 5) }, 200, `"seq":2`},
		"of another kiosk": {func(b *backoffice.Batch) { b.Kiosk = "K-0043" }, 403, "the batch is of kiosk K-0043"},
		"no batch":         {func(b *backoffice.Batch) { b.Version = 9 }, 400, "version 9"},
	} {
		b := good
		b.Leaves = append([]kiosk.Leaf(nil), good.Leaves...)
		c.change(&b)
		body, err := b.Encode()
		if err != nil {
			t.Fatal(err)
		}
		status, answer := w.post(body, "K-0042", "zstd")
		if status != c.status || !bytes.Contains(answer, []byte(c.what)) {
			t.Errorf("%s: %d %s", name, status, answer)
		}
		if status == http.StatusOK {
			valid("Answer", answer)
		} else {
			valid("Problem", answer)
		}
	}
	if status, _ := w.post(nil, "K-0042", "gzip"); status != 415 {
		t.Errorf("gzip: %d", status)
	}
	if status, _ := w.post(nil, "K-0043", "zstd"); status != 403 {
		t.Errorf("another kiosk's address: %d", status)
	}
	large := random(5 << 20)
	b := good
	b.Leaves = []kiosk.Leaf{{Seq: 3, Kind: "k", JSON: fmt.Appendf(nil, `{"seq":3,"kind":"k","body":{"x":"%x"}}`,
		large)}}
	body, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/kiosks/K-0042/journal",
		bytes.NewReader(body))
	req.Header.Set("Content-Encoding", "zstd")
	req.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Subject: pkix.Name{CommonName: "K-0042"}}}}
	rec := httptest.NewRecorder()
	w.r.Handler(slog.New(slog.DiscardHandler)).ServeHTTP(rec, req)
	if rec.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("5 MiB: %d %s", rec.Code, rec.Body)
	}
	valid("Problem", rec.Body.Bytes())
}

// random is what cannot be compressed.
func random(n int) []byte {
	out := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(out)
	return out
}

func shifted(leaves []kiosk.Leaf, by int64) (out []kiosk.Leaf) {
	for _, l := range leaves {
		l.Seq += by
		l.JSON = bytes.Replace(l.JSON, fmt.Appendf(nil, `"seq":%d`, l.Seq-by), fmt.Appendf(nil, `"seq":%d`, l.Seq), 1)
		out = append(out, l)
	}
	return out
}

// post sends a body as the enrolled kiosk.
func (w *wire) post(body []byte, path, encoding string) (int, []byte) {
	w.t.Helper()
	s := httptest.NewUnstartedServer(w.r.Handler(slog.New(slog.DiscardHandler)))
	config, err := w.house.TLS()
	if err != nil {
		w.t.Fatal(err)
	}
	s.TLS = config
	s.StartTLS()
	defer s.Close()
	dir := filepath.Join(w.house.Dir, "kiosks", "K-0042")
	files, err := backoffice.Files{CA: filepath.Join(dir, "ca.pem"), Certificate: filepath.Join(dir, "kiosk.pem"),
		Key: filepath.Join(dir, "kiosk.key")}.TLS()
	if err != nil {
		w.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, s.URL+"/v1/kiosks/"+path+"/journal",
		bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Encoding", encoding)
	client := http.Client{Transport: &http.Transport{TLSClientConfig: files, DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	var out bytes.Buffer
	out.ReadFrom(res.Body)
	return res.StatusCode, out.Bytes()
}

// fixed is a key whose seed is a name: for an example that is always the same.
func fixed(t *testing.T, name string) (note.Signer, string) {
	t.Helper()
	secret, _, err := note.GenerateKey(strings.NewReader(strings.Repeat(name, 64)), name)
	if err != nil {
		t.Fatal(err)
	}
	signer, public, err := backoffice.OfSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	return signer, public
}

// TestTheExampleIsTrue: the document's example is what a kiosk sends and a receiver answers.
func TestTheExampleIsTrue(t *testing.T) {
	kioskSigner, kioskKey := fixed(t, "K-0042")
	officeSigner, officeKey := fixed(t, "backoffice")
	lines := []string{
		`{"seq":1,"session":"","kind":"fault_cleared","wall":"2026-03-02T09:00:00Z","mono_ns":2000000000,"clock_ok":true,"body":{"at":"2026-03-02T09:00:00Z","fault":"PT001"}}`,
		`{"seq":2,"session":"01JN9ZC4E0Q3V8M5X7RB2T6K1A","kind":"bay_lease","wall":"2026-03-02T09:00:41.5Z","mono_ns":43500000000,"clock_ok":true,"body":{"at":"2026-03-02T09:00:41.5Z","reference":"7GK2M4Q","bay":3}}`,
		`{"seq":3,"session":"01JN9ZC4E0Q3V8M5X7RB2T6K1A","kind":"ended","wall":"2026-03-02T09:02:11.5Z","mono_ns":133500000000,"clock_ok":true,"body":{"at":"2026-03-02T09:02:11.5Z","reason":"timeout"}}`,
	}
	r, err := receiver.Open(t.Context(), filepath.Join(t.TempDir(), "example.db"), officeSigner, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := backoffice.Batch{Head: backoffice.Head{Version: 1, Kiosk: "K-0042", Epoch: "8f1c2a7be0d94c6f", Key: kioskKey}}
	sign := func(c kiosk.Checkpoint) {
		signed, err := note.Sign(&note.Note{Text: c.Text()}, kioskSigner)
		if err != nil {
			t.Fatal(err)
		}
		b.Checkpoint = string(signed)
	}
	for _, l := range lines {
		leaf, err := backoffice.ParseLeaf([]byte(l))
		if err != nil {
			t.Fatal(err)
		}
		b.Leaves = append(b.Leaves, leaf)
	}
	// The head is computed as the document says, not by our own code: see tree.
	sign(kiosk.Checkpoint{Origin: backoffice.Origin(b.Kiosk, b.Epoch), Records: 3, Hash: tree(lines)})
	at := time.Date(2026, 3, 2, 9, 2, 14, 0, time.UTC)
	in := kiosk.Instruction{ID: "01JN9ZG0X1", Kiosk: "K-0042", Issued: at.Add(-time.Minute), Expires: at.Add(time.Hour),
		Do: kiosk.TaskCloseBay, Bay: 3}
	if err := r.Instruct(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	a, err := r.Take(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	a.Time = at
	if !strings.Contains(a.Checkpoint, "— backoffice") {
		t.Fatalf("the receiver did not sign: %+v", a)
	}
	head, err := json.Marshal(b.Head)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("A batch of three records (before compression), and its answer. The kiosk's signature is "+
		"by\n`%s`, the receiver's by\n`%s`.\n\n```json\n%s\n%s\n```\n\n```json\n%s\n```\n\nThe checkpoint "+
		"reads:\n\n```\n%s```\n",
		kioskKey, officeKey, head, strings.Join(lines, "\n"), answer, a.Checkpoint)
	doc := text(t)
	before, rest, ok := strings.Cut(doc, "## An example\n\n")
	_, after, ok2 := strings.Cut(rest, "\n## The OpenAPI document")
	if !ok || !ok2 {
		t.Fatal("the document has no place for an example")
	}
	if *update {
		if err := os.WriteFile(document, []byte(before+"## An example\n\n"+want+"\n## The OpenAPI document"+after),
			0o644); err != nil {
			t.Fatal(err)
		}
	} else if !strings.HasPrefix(rest, want) {
		t.Errorf("the example of %s is another: run this test with -update", document)
	}
}
