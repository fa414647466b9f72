package dispute_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"kioskd"
	"kioskd/audit"
	"kioskd/backoffice"
	"kioskd/receipt"
	"kioskd/report"
	"kioskd/report/dispute"
	"kioskd/session"
	"kioskd/session/sessiontest"
	"kioskd/store"
	"kioskd/ui/text"
)

// made is a case of a paid session whose meter signs, in a journal that has other records before and after it.
func made(t *testing.T) (c dispute.Case, origin string) {
	t.Helper()
	j := sessiontest.New(t)
	j.Sign()
	j.Charged()
	j.Booked(93)
	path := filepath.Join(t.TempDir(), "journal.db")
	s, err := store.Open(t.Context(), path, func() (time.Time, time.Duration, bool) { return j.Now, 0, true })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	other := kiosk.Entry{Kind: "drain_begun", Body: []byte(`{"at":"2026-03-02T09:00:00Z"}`)}
	var entries []kiosk.Entry
	for _, r := range j.Records {
		entries = append(entries, other, kiosk.Entry{Session: r.Session, Kind: r.Kind, Body: r.Body, Token: "t0ken",
			Reference: "7GK2M4Q"})
	}
	if err := s.Append(t.Context(), append(entries, other)...); err != nil {
		t.Fatal(err)
	}
	for r, err := range s.Session(t.Context(), "S1") {
		if err != nil {
			t.Fatal(err)
		}
		c.Records = append(c.Records, r)
	}
	c.Session, err = report.FromRecords("S1", s.Session(t.Context(), "S1"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := receipt.From(t.Context(), s.Session(t.Context(), "S1"), s.TreeHash)
	if err != nil {
		t.Fatal(err)
	}
	c.Receipt = &r
	epoch, err := s.Epoch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	origin = backoffice.Origin("K1", epoch)
	point := kiosk.Checkpoint{Origin: origin, Records: int64(len(entries) + 1)}
	point.Hash, err = s.TreeHash(t.Context(), point.Records)
	if err != nil {
		t.Fatal(err)
	}
	secret, _, err := backoffice.NewKey("K1")
	if err != nil {
		t.Fatal(err)
	}
	signer, public, err := backoffice.OfSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: point.Text()}, signer)
	if err != nil {
		t.Fatal(err)
	}
	c.Checkpoint, c.Size, c.Keys, c.Version = string(signed), point.Records, []string{public}, "test"
	c.Proof = func(seq int64) ([][32]byte, error) { return s.Proof(t.Context(), seq, c.Size) }
	return c, origin
}

// texts are read once: there are many packs.
var texts = sync.OnceValues(text.Load)

// unpacked writes a pack and reads it with another's reader.
func unpacked(t *testing.T, c dispute.Case) (files map[string][]byte, whole []byte) {
	t.Helper()
	texts, err := texts()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := dispute.Write(&b, c, texts, nil); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	files = map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name], err = io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
	}
	return files, b.Bytes()
}

// TestAnotherProgramVerifiesThePack: each record is proven to be in the tree that the kiosk signed, by a verifier of
// others (filippo.io/torchwood), which is given the pack and the kiosk's key alone; a record that was changed is not.
func TestAnotherProgramVerifiesThePack(t *testing.T) {
	c, origin := made(t)
	files, _ := unpacked(t, c)
	verifier, err := note.NewVerifier(strings.TrimSpace(string(files["proof/keys.txt"])))
	if err != nil {
		t.Fatal(err)
	}
	policy := torchwood.ThresholdPolicy(2, torchwood.SingleVerifierPolicy(verifier), torchwood.OriginPolicy(origin))
	lines := strings.Split(strings.TrimSuffix(string(files["records.jsonl"]), "\n"), "\n")
	if len(lines) != len(c.Records) {
		t.Fatalf("%d lines of %d records", len(lines), len(c.Records))
	}
	for _, line := range lines {
		var r struct{ Seq json.Number }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		proof := files["proof/"+r.Seq.String()+".tlog-proof"]
		if err := torchwood.VerifyProof(policy, tlog.RecordHash([]byte(line)), proof); err != nil {
			t.Errorf("record %v: %v", r.Seq, err)
		}
		forged := strings.Replace(line, "2026", "2025", 1)
		if forged == line || torchwood.VerifyProof(policy, tlog.RecordHash([]byte(forged)), proof) == nil {
			t.Errorf("a changed record %v is proven, too", r.Seq)
		}
	}
}

// TestWhatIsInThePack.
func TestWhatIsInThePack(t *testing.T) {
	c, _ := made(t)
	files, whole := unpacked(t, c)
	for _, name := range []string{"README.txt", "session.json", "timeline.csv", "readings.csv", "terminal.json",
		"tariff.json", "receipt.pdf", "receipt.txt", "receipt.json", "records.jsonl", "proof/checkpoint.txt",
		"proof/keys.txt", "signed/1.ocmf", "signed/2.ocmf", "signed/safe.xml"} {
		if len(files[name]) == 0 {
			t.Errorf("%s is not in it, or empty", name)
		}
	}
	if string(files["tariff.json"]) != sessiontest.Price {
		var a, b any
		if json.Unmarshal(files["tariff.json"], &a) != nil || json.Unmarshal([]byte(sessiontest.Price), &b) != nil {
			t.Errorf("the tariff is %s", files["tariff.json"])
		}
	}
	if string(files["signed/1.ocmf"]) != c.Receipt.Signed.Records[0] {
		t.Error("what the meter signed is not as it made it")
	}
	rows, err := csv.NewReader(bytes.NewReader(files["timeline.csv"])).ReadAll()
	if err != nil || len(rows) != len(c.Records)+1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, want := range []string{
		"2026-03-02T10:00:00+01:00,bay_lease,\"The driver chose a bay. Bay 3, reference 7GK2M4Q.\"",
		"hold_ok,The bank approved the reservation. 50.00 EUR. Card ending in 8074.",
		"stop_intent,The kiosk switched the power off. Reason: stopped.",
		"capture_ok,The card terminal took it. 0.93 EUR."} {
		if !strings.Contains(string(files["timeline.csv"]), want) {
			t.Errorf("the timeline has no %q:\n%s", want, files["timeline.csv"])
		}
	}
	for name, content := range files {
		if bytes.Contains(content, []byte("t0ken")) {
			t.Errorf("%s has what recognises the card", name)
		}
		if at := audit.CardNumber(content); at >= 0 && name != "receipt.pdf" {
			t.Errorf("%s has a card number at byte %d", name, at)
		}
	}
	if _, again := unpacked(t, c); !bytes.Equal(whole, again) {
		t.Error("the same case gives other bytes")
	}
}

// TestEveryKindHasAMeaning: no line of a timeline is empty, whatever happened in a session.
func TestEveryKindHasAMeaning(t *testing.T) {
	files, err := filepath.Glob("../../session/testdata/journals/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	seen := map[string]bool{}
	for _, name := range files {
		for _, r := range sessiontest.Golden(t, name) {
			if r.Session == "" || seen[r.Kind] {
				continue
			}
			seen[r.Kind] = true
			r.Seq = 1
			files, _ := unpacked(t, dispute.Case{Records: []kiosk.Record{r}, Checkpoint: "o\n0\nx\n",
				Session: report.Session{Timezone: "UTC"}})
			rows, err := csv.NewReader(bytes.NewReader(files["timeline.csv"])).ReadAll()
			if err != nil || len(rows) != 2 ||
				strings.TrimSpace(rows[1][3]) == "" || strings.HasPrefix(rows[1][3], "Bay ") {
				t.Errorf("%s means nothing: %q, %v", r.Kind, rows, err)
			}
			if !strings.Contains(string(files["README.txt"]), "is not signed") ||
				!strings.Contains(string(files["README.txt"]), "1 records were written after the checkpoint") {
				t.Errorf("%s", files["README.txt"])
			}
		}
	}
	if !seen[string(session.Unproven)] {
		t.Error("the golden journals have no unproven session: this proves little")
	}
}
